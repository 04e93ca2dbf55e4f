//! The sink of each lane of a run to a server.

use super::destination::Destination;
use super::settle::{LaneIo, Settling};
use super::shared::Shared;
use super::{Protocol, sleep_unless_stopped};
use crate::batch::{Batch, Encode};
use crate::sink::http::Http;
use crate::sink::{Durable, Ledger, Log, Sink, SinkError};
use anyhow::Result;
use std::collections::HashMap;
use std::sync::Arc;

impl Shared {
    /// Makes a sink for each lane; `http` makes its connection.
    ///
    /// # Errors
    /// Those of `http`.
    pub fn sinks<P>(&self, protocol: &P, http: impl Fn(usize) -> Result<Http>) -> Result<Vec<Box<dyn Sink>>>
    where
        P: Protocol + Clone + 'static,
    {
        let sink = |lane| -> Result<Box<dyn Sink>> {
            let (protocol, destinations) = (Arc::new(protocol.clone()), self.destinations.clone());
            Ok(Box::new(Remote { protocol, http: http(lane)?, shared: self.clone(), lane, requests: 0, destinations }))
        };
        (0..self.lanes).map(sink).collect()
    }
}

/// The sink of one lane.
struct Remote<P> {
    protocol: Arc<P>,
    http: Http,
    shared: Shared,
    lane: usize,
    requests: u64,
    /// Where names led before the lane's next request. Each lane has its own: they resolve names at different times.
    destinations: HashMap<String, Destination>,
}

impl<P: Protocol + 'static> Sink for Remote<P> {
    fn encoder(&self) -> Arc<dyn Encode> {
        self.protocol.clone()
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, report: Log<'_>) -> Result<Durable, SinkError> {
        let Remote { protocol, http, shared, lane, requests, destinations } = self;
        if let Err(error) = shared.prepare(http, report) {
            out.leave_unsent(batch, 0);
            return Err(error);
        }
        let io = LaneIo {
            send: &mut |request| shared.send(http, request),
            sleep: &mut |pause| sleep_unless_stopped(pause, &shared.stop),
            next_id: &mut || {
                *requests += 1;
                format!("{}{lane}-{requests}", shared.run)
            },
            report,
        };
        let settling = Settling::new(batch, &**protocol, shared, io, destinations, out);
        // What was applied before an error stays applied.
        let done = settling.run(&format!("{}{lane}-", shared.run));
        out.durable();
        done.map(|()| Durable::All)
    }

    fn skip(&mut self, keys: &[u64]) {
        self.shared.memory().add_keys(keys.iter().copied());
    }

    fn finish(&mut self, _: bool, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        match self.shared.memory().finish_lane(self.shared.lanes) {
            Some(why) => Err(SinkError::stopped(why)),
            None => Ok(Durable::All),
        }
    }
}
