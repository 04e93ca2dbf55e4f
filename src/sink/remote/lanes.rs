//! Makes the lanes of a run to a server, and what they share.

use super::admin::{AdminClient, Dialect};
use super::{Before, Gate, Preparation, Protocol, Remote, Shared};
use crate::sink::http::{Http, Traffic};
use crate::sink::wanted::Wanted;
use crate::sink::{Note, Say, Sink};
use crate::stop::Stop;
use anyhow::{Context as _, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

impl Shared {
    /// What so many lanes share; `before` is done before the first action is sent.
    pub fn new(wanted: &Wanted, lanes: usize, before: Before, stop: &Stop) -> Shared {
        Shared {
            retries: wanted.retries,
            gate: Arc::new(Gate::new(lanes)),
            traffic: Traffic::default(),
            before,
            memory: Arc::default(),
            destinations: HashMap::new(),
            lanes,
            run: wanted.run.clone(),
            stop: stop.clone(),
        }
    }

    /// A sink for each lane; `http` makes its connection.
    ///
    /// # Errors
    /// Those of `http`.
    pub fn sinks<P>(&self, protocol: &P, http: impl Fn(usize) -> Result<Http>) -> Result<Vec<Box<dyn Sink>>>
    where
        P: Protocol + Clone + 'static,
    {
        let sink = |lane| -> Result<Box<dyn Sink>> {
            Ok(Box::new(Remote::new(protocol.clone(), http(lane)?, self.clone(), lane)))
        };
        (0..self.lanes).map(sink).collect()
    }
}

/// What `--overwrite` asks for, if it is given: `empty` empties the collection, and says how if there was one.
pub fn emptying(
    wanted: &Wanted,
    stop: &Stop,
    dialect: &'static Dialect,
    empty: impl FnOnce(&mut AdminClient<'_>) -> Result<Option<String>> + Send + 'static,
) -> Before {
    if !wanted.overwrite || wanted.dry_run {
        return Before::default();
    }
    let (retries, stop) = (wanted.retries, stop.clone());
    Arc::new(Mutex::new(Preparation::Todo(Box::new(move |http: &mut Http, say: Say<'_>| {
        let mut admin = AdminClient { http, retries, stop, dialect };
        if let Some(done) = empty(&mut admin).context("--overwrite")? {
            say(Note::Warning(format!("--overwrite: {done}")));
        }
        Ok(())
    }))))
}
