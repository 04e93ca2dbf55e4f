//! What the lanes of a run to a server share.

use super::admin::{AdminClient, ErrorFormat};
use super::destination::Destination;
use super::gate::Gate;
use super::memory::Memory;
use crate::error;
use crate::retry::Retries;
use crate::sink::http::{Http, Request, Response, SendError, Traffic};
use crate::sink::wanted::Wanted;
use crate::sink::{Log, Note, SinkError};
use crate::stop::Stop;
use anyhow::{Context as _, Error, Result};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Work that is done once for all lanes before the first action is sent.
pub type Preparation = Arc<PrepareOnce>;

/// Prepares a collection.
type Prepare = dyn Fn(&mut Http, Log<'_>) -> Result<()> + Send + Sync;

/// The work, if there is any, and its result. Once it has failed no lane sends anything.
#[derive(Default)]
pub struct PrepareOnce {
    run: Option<Box<Prepare>>,
    result: OnceLock<Result<(), String>>,
}

/// The work of `--overwrite`, if it is given. `empty` empties the collection, and returns a message if there was one.
pub fn prepare_overwrite(
    wanted: &Wanted,
    stop: &Stop,
    errors: &'static ErrorFormat,
    empty: impl Fn(&mut AdminClient<'_>) -> Result<Option<String>> + Send + Sync + 'static,
) -> Preparation {
    let (restart, name) = (wanted.restart.clone(), wanted.collection.clone().unwrap_or_default());
    // It is done once, also in a run that is started again.
    if !wanted.overwrite || wanted.dry_run || restart.emptied.contains(&name) {
        return Preparation::default();
    }
    let (retries, stop) = (wanted.retries, stop.clone());
    let run = move |http: &mut Http, report: Log<'_>| {
        let mut admin = AdminClient { http, retries, stop: stop.clone(), errors };
        if let Some(message) = empty(&mut admin).context("--overwrite")? {
            report(Note::Warning(format!("--overwrite: {message}")));
        }
        restart.on_emptied.as_ref().map_or(Ok(()), |emptied| emptied(&name)).map_err(|error| Error::msg(error.text))
    };
    Arc::new(PrepareOnce { run: Some(Box::new(run)), result: OnceLock::new() })
}

/// What the lanes of a run share.
#[derive(Clone)]
pub struct Shared {
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// How many lanes may send at once.
    pub(crate) gate: Arc<Gate>,
    /// Counts of what went over the wire.
    pub traffic: Traffic,
    pub(crate) preparation: Preparation,
    /// What is remembered from one batch to the next.
    pub(crate) memory: Arc<Mutex<Memory>>,
    /// Where names led before the first action was sent.
    pub destinations: HashMap<String, Destination>,
    pub(crate) lanes: usize,
    /// The prefix of generated keys and of request ids.
    pub run: String,
    /// What ends the run.
    pub stop: Stop,
}

impl Shared {
    /// Makes what this number of lanes share.
    pub fn new(wanted: &Wanted, lanes: usize, preparation: Preparation, stop: &Stop) -> Shared {
        Shared {
            retries: wanted.retries,
            gate: Arc::new(Gate::new(wanted.restart.senders.map_or(lanes, |senders| senders.min(lanes)))),
            traffic: Traffic::default(),
            preparation,
            memory: Arc::new(Mutex::new(Memory::of(wanted))),
            destinations: HashMap::new(),
            lanes,
            run: wanted.run.clone(),
            stop: stop.clone(),
        }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prepares the collection: the first lane with an action does it, and the others wait.
    pub(super) fn prepare(&self, http: &mut Http, report: Log<'_>) -> Result<(), SinkError> {
        let PrepareOnce { run, result } = &*self.preparation;
        let run = || run.as_ref().map_or(Ok(()), |run| run(http, report).map_err(|error| error::text(&error)));
        result.get_or_init(run).clone().map_err(SinkError::stopped)
    }

    /// Sends a request. One with actions, which has an id, waits for its turn.
    pub(super) fn send(&self, http: &mut Http, request: Request) -> Result<Response, SendError> {
        if request.id.is_none() {
            return http.send(request);
        }
        let closed = || SendError::NotSent { why: self.memory().refusal_message(), hopeless: true };
        let _turn = self.gate.enter().ok_or_else(closed)?;
        let response = http.send(request);
        if response.as_ref().is_ok_and(Response::is_success) {
            // Before the turn ends, so that a lane that waits until it is alone knows.
            self.memory().record_accepted();
        }
        self.traffic.count_request(http.sent_bytes);
        self.traffic.refuses_gzip.fetch_or(http.refuses_gzip(), Ordering::Relaxed);
        response
    }
}
