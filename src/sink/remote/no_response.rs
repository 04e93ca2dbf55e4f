//! Requests without a response: waits until such a request is no longer running, gives up what cannot be sent twice, and
//! after the next try finds out who stored a document that was in the way.

use super::answer::response_or_retry;
use super::destination::{Destination, Location};
use super::memory::KeyState;
use super::settle::{Abort, SINGLE_TRIES, Settling};
use super::{Details, Fidelity, Group, Request, Response, StoredDoc};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::{Backoff, Retries, RetryReason};
use crate::sink::http::SendError;
use crate::sink::{Bucket, Note};
use std::collections::HashMap;
use std::time::Duration;

/// Documents that are read back in one request. Kuzzle allows 10,000.
const MAX_READ_BACK: usize = 5000;
/// The pause between questions whether a request is still running.
const POLL_PAUSE: Duration = Duration::from_millis(200);

/// Why nothing is sent again meanwhile.
const STILL_RUNNING: &str =
    "a request without a response is still under way, and sending it again could undo what comes later";

impl Settling<'_> {
    /// Waits until a request without a response is finished, so that it cannot be applied after the next one.
    pub(super) fn wait_until_finished(&mut self, id: &str, part: &[u32]) -> Result<(), Abort> {
        let Some(request) = self.protocol.running_request() else {
            if !part.iter().all(|index| self.is_create(*index)) {
                self.warn_of_late("this server cannot be asked");
            }
            return Ok(());
        };
        // Waiting for the server to come back uses up none of the actions' own retries.
        let mut wait = Backoff::new(self.shared.retries);
        let mut asking = Backoff::new(Retries { retries: u32::MAX, ..self.shared.retries });
        loop {
            let response = match (self.io.send)(request.clone()) {
                Ok(response) => response,
                Err(SendError::TooLong(_)) => {
                    self.warn_of_late("the server's list of tasks is too long");
                    return Ok(());
                }
                Err(error) => {
                    self.io.pause(&mut wait, RetryReason::Unreachable, None, error.reason())?;
                    continue;
                }
            };
            match self.protocol.is_running(&response, id) {
                Some(true) => self.io.pause(&mut asking, RetryReason::Every(POLL_PAUSE), None, STILL_RUNNING)?,
                None if response.is_busy() => {
                    let text = format!("{} when asked for its tasks", response.status);
                    self.io.pause(&mut wait, RetryReason::Busy, response.retry_after, &text)?;
                }
                None => {
                    self.warn_of_late("the server does not report (GET /_tasks)");
                    return Ok(());
                }
                Some(false) => return Ok(()),
            }
        }
    }

    /// Warns once that a request may arrive late.
    fn warn_of_late(&mut self, why: &str) {
        if !std::mem::replace(&mut self.memory().has_warned_of_late, true) {
            (self.io.report)(Note::Warning(format!(
                "{why} whether a request without a response is still under way: if one arrives late, it may put an old value back"
            )));
        }
    }

    /// Remembers that a request with these actions got no response.
    pub(super) fn mark_unconfirmed(&mut self, part: &[u32]) {
        self.has_unconfirmed = true;
        for index in part {
            let state = &mut self.states[*index as usize];
            (state.sent, state.unconfirmed) = (true, true);
        }
    }

    /// Marks the part as unconfirmed, and gives up what cannot be sent twice: its outcome stays unknown.
    pub(super) fn give_up_unrepeatable(&mut self, part: &mut Vec<u32>) {
        self.mark_unconfirmed(part);
        let (batch, protocol) = (self.batch, self.protocol);
        let mut keys: HashMap<&str, (u32, bool)> = HashMap::with_capacity(part.len());
        for index in part.iter() {
            let action = batch.action(*index as usize);
            let entry = keys.entry(action.key).or_insert((0, true));
            entry.0 += 1;
            entry.1 &= protocol.is_idempotent_in_sequence(&action);
        }
        part.retain(|index| {
            let action = batch.action(*index as usize);
            let again = match keys[action.key] {
                (1, _) => protocol.is_idempotent(&action),
                (_, is_idempotent) => is_idempotent,
            };
            if !again {
                self.record_unknown(*index, "no response was received, and it cannot be sent twice", None);
            }
            again
        });
    }

    /// Finds out whether an earlier try stored what is stored now: for actions that found their key taken, and for actions
    /// that the server refuses now, with the reason.
    pub(super) fn read_back(&mut self, list: Vec<(u32, Option<Reason>, Details)>) -> Result<(), Abort> {
        let mut unclear = Vec::new();
        for (index, conflict, details) in list {
            match conflict {
                None if self.is_generated(index) => self.record(index, Bucket::Created, None, details),
                None if self.key_state(index) == KeyState::Stored => self.record_exists(index, details),
                conflict => unclear.push((index, conflict, details)),
            }
        }
        let indexes: Vec<u32> = unclear.iter().map(|(index, ..)| *index).collect();
        let locations = unclear.iter().map(|(index, _, details)| self.location(*index, details.as_deref()));
        let locations: Vec<Location> = locations.collect();
        let stored = self.read_stored(&indexes, &locations)?;
        for ((index, conflict, details), stored) in unclear.into_iter().zip(stored) {
            self.record_read_back(index, conflict, stored, details);
        }
        Ok(())
    }

    /// Records an action by what is stored under its key.
    fn record_read_back(&mut self, index: u32, conflict: Option<Reason>, stored: StoredDoc, details: Details) {
        let unclear = conflict.is_none() && self.key_state(index) == KeyState::Unclear;
        let bucket = match (stored, conflict) {
            (StoredDoc::Same, _) if unclear => {
                let text =
                    "it is stored, but perhaps by an earlier record of this run whose response was not received too";
                return self.record_unknown(index, text, details);
            }
            (StoredDoc::Missing, _) if self.key(index).1 == Op::Delete => Bucket::Deleted,
            // The same document may have been there before the run.
            (StoredDoc::Same, _) if self.is_create(index) => Bucket::Created,
            (StoredDoc::Same, _) => Bucket::Updated,
            (StoredDoc::Different | StoredDoc::Missing, Some(reason)) => {
                return self.record_conflict(index, reason, details);
            }
            (StoredDoc::Different, None) => return self.record_exists(index, details),
            (StoredDoc::Missing, None) => {
                let text = "no response was received, and the document that was in the way of a second try is deleted";
                return self.record_unknown(index, text, details);
            }
            (StoredDoc::Unclear(why), _) => {
                let text = format!("no response was received, and what is stored cannot be compared: {why}");
                return self.record_unknown(index, &text, details);
            }
        };
        self.shared.traffic.count_uncertain(1);
        self.record(index, bucket, None, details);
    }

    /// What earlier actions of this run left under an action's key.
    pub(super) fn key_state(&self, index: u32) -> KeyState {
        let seen = self.has_key(index);
        let state = self.memory().key_state(self.batch.hashes()[index as usize], seen);
        let action = self.batch.action(index as usize);
        // The same key with another routing, or in another index of an alias or a data stream, is another document.
        let may_be_elsewhere = || {
            let name = self.protocol.collection_of(&action);
            self.protocol.is_routed(&action) || matches!(self.destinations.get(name), Some(Destination::Moving { .. }))
        };
        if state == KeyState::Stored && may_be_elsewhere() { KeyState::Unclear } else { state }
    }

    /// Whether an earlier action of this run may have had the same key.
    pub(super) fn has_key(&self, index: u32) -> bool {
        let (earlier, hash) = (&self.batch.hashes()[..index as usize], self.batch.hashes()[index as usize]);
        earlier.contains(&hash) || self.memory().has_key(hash)
    }

    /// Reads what is stored and compares it.
    pub(super) fn read_stored(&mut self, indexes: &[u32], locations: &[Location]) -> Result<Vec<StoredDoc>, Abort> {
        let mut all = Vec::with_capacity(indexes.len());
        for (indexes, locations) in indexes.chunks(MAX_READ_BACK).zip(locations.chunks(MAX_READ_BACK)) {
            let group = Group { batch: self.batch, indexes, per_item: true };
            let mut stored = self.read_and_compare(group, locations)?;
            if stored.iter().any(StoredDoc::is_found) {
                let response = self.send_question(&self.protocol.fidelity_request(group, locations))?;
                self.apply_fidelity(group, locations, &response, &mut stored);
            }
            all.extend(stored);
        }
        Ok(all)
    }

    /// Compares what is read back with what was sent.
    fn read_and_compare(&mut self, group: Group<'_>, locations: &[Location]) -> Result<Vec<StoredDoc>, Abort> {
        let request = self.protocol.read_back_request(group, locations);
        let mut tries = 0;
        loop {
            let response = self.send_question(&request)?;
            if response.is_unread() {
                return self.read_by_halves(group, locations);
            }
            if let Some(stored) = self.protocol.compare(group, &response).filter(|stored| stored.len() == group.len()) {
                return Ok(stored);
            }
            let why = format!("the server answers {} when documents are read back", response.status);
            tries += 1;
            // An unexpected response may come from a proxy on the way, and pass.
            if !response.is_success() || tries >= SINGLE_TRIES {
                return Ok(group.indexes.iter().map(|_| StoredDoc::Unclear(why.clone())).collect());
            }
            self.pause(RetryReason::Busy, response.retry_after, &why)?;
        }
    }

    /// Reads back fewer documents in one request, because the response to all of them is too long: somebody may have stored
    /// large ones under their keys.
    fn read_by_halves(&mut self, group: Group<'_>, locations: &[Location]) -> Result<Vec<StoredDoc>, Abort> {
        if group.len() < 2 {
            let why = "the document is too long to be read back".to_owned();
            return Ok(group.indexes.iter().map(|_| StoredDoc::Unclear(why.clone())).collect());
        }
        let middle = group.len() / 2;
        let (first, second) = (&group.indexes[..middle], &group.indexes[middle..]);
        let mut stored = self.read_and_compare(Group { indexes: first, ..group }, &locations[..middle])?;
        stored.extend(self.read_and_compare(Group { indexes: second, ..group }, &locations[middle..])?);
        Ok(stored)
    }

    /// Makes unclear what proves nothing because the server may not keep documents as they were sent.
    fn apply_fidelity(&self, group: Group<'_>, locations: &[Location], response: &Response, stored: &mut [StoredDoc]) {
        let mut known: HashMap<&str, Fidelity> = HashMap::new();
        for ((index, Location { index: name, .. }), stored) in group.indexes.iter().zip(locations).zip(stored) {
            match known.entry(name).or_insert_with(|| self.protocol.read_fidelity(name, response)) {
                _ if stored.is_found() && self.is_generated(*index) => *stored = StoredDoc::Same,
                Fidelity::MayChange(why) if *stored == StoredDoc::Different => {
                    *stored = StoredDoc::Unclear(why.clone())
                }
                Fidelity::MayOmit(why) if stored.is_found() => *stored = StoredDoc::Unclear(why.clone()),
                _ => {}
            }
        }
    }

    /// Sends a request that changes nothing until it gets a response. One that is too long has no status.
    pub(super) fn send_question(&mut self, request: &Request) -> Result<Response, Abort> {
        loop {
            let sent = match (self.io.send)(request.clone()) {
                Err(SendError::TooLong(_)) => return Ok(Response::default()),
                sent => sent,
            };
            match response_or_retry(sent, Response::server_error) {
                Ok(response) => return Ok(response),
                Err(retry) => self.pause(retry.why, retry.asked, &retry.text)?,
            }
        }
    }
}

impl StoredDoc {
    /// Whether there is a document.
    fn is_found(&self) -> bool {
        matches!(self, StoredDoc::Same | StoredDoc::Different)
    }
}
