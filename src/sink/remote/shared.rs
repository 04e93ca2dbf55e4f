//! What the lanes of a run to a server share.

use super::admin::{AdminClient, ErrorFormat};
use super::destination::Destination;
use super::gate::Gate;
use super::memory::Memory;
use crate::error;
use crate::retry::Retries;
use crate::sink::http::{Http, Request, Response, SendError, Traffic};
use crate::sink::wanted::Wanted;
use crate::sink::{Note, Say, SinkError};
use crate::stop::Stop;
use anyhow::{Context as _, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Something done once for all lanes before the first action is sent.
pub type Preparation = Arc<PrepareOnce>;

/// What prepares a collection.
type Prepare = dyn Fn(&mut Http, Say<'_>) -> Result<()> + Send + Sync;

/// What is to be done, if anything, and how it went: once it has failed no lane may send anything.
#[derive(Default)]
pub struct PrepareOnce {
    act: Option<Box<Prepare>>,
    done: OnceLock<Result<(), String>>,
}

/// What `--overwrite` asks for, if it is given: `empty` empties the collection, and says how if there was one.
pub fn overwrite_preparation(
    wanted: &Wanted,
    stop: &Stop,
    error_format: &'static ErrorFormat,
    empty: impl Fn(&mut AdminClient<'_>) -> Result<Option<String>> + Send + Sync + 'static,
) -> Preparation {
    if !wanted.overwrite || wanted.dry_run {
        return Preparation::default();
    }
    let (retries, stop) = (wanted.retries, stop.clone());
    let act = move |http: &mut Http, say: Say<'_>| {
        let mut admin = AdminClient { http, retries, stop: stop.clone(), error_format };
        if let Some(done) = empty(&mut admin).context("--overwrite")? {
            say(Note::Warning(format!("--overwrite: {done}")));
        }
        Ok(())
    };
    Arc::new(PrepareOnce { act: Some(Box::new(act)), done: OnceLock::new() })
}

/// What the lanes of a run share.
#[derive(Clone)]
pub struct Shared {
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// How many lanes may send at once.
    pub(crate) gate: Arc<Gate>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// What is done before the first action is sent.
    pub(crate) before: Preparation,
    /// What is remembered from one batch to the next.
    pub(crate) memory: Arc<Mutex<Memory>>,
    /// Where names led before the first action was sent.
    pub destinations: HashMap<String, Destination>,
    /// How many lanes there are.
    pub(crate) lanes: usize,
    /// The prefix of generated keys, and of the names of requests.
    pub run: String,
    /// What ends the run.
    pub stop: Stop,
}

impl Shared {
    /// What so many lanes share; `before` is done before the first action is sent.
    pub fn new(wanted: &Wanted, lanes: usize, before: Preparation, stop: &Stop) -> Shared {
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

    /// What is remembered, for as long as it takes to look or to note something.
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what comes before the first action: the first lane that has one does it, and the others wait for it.
    pub(super) fn prepare(&self, http: &mut Http, say: Say<'_>) -> Result<(), SinkError> {
        let PrepareOnce { act, done } = &*self.before;
        let act = || act.as_ref().map_or(Ok(()), |act| act(http, say).map_err(|error| error::text(&error)));
        done.get_or_init(act).clone().map_err(SinkError::stopped)
    }

    /// Sends a request; one that carries actions, which has a name, waits for its turn.
    pub(super) fn send(&self, http: &mut Http, call: Request) -> Result<Response, SendError> {
        if call.request_id.is_none() {
            return http.send(call);
        }
        let closed = || SendError::NotSent { why: self.memory().refused_every_request(), hopeless: true };
        let _turn = self.gate.enter().ok_or_else(closed)?;
        let reply = http.send(call);
        if reply.as_ref().is_ok_and(Response::is_success) {
            // Within the turn, so that whoever is alone knows of it.
            self.memory().accepts();
        }
        self.traffic.count_request(http.sent_bytes);
        reply
    }
}
