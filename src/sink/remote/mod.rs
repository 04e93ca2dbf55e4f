//! A sink that writes over HTTP. It settles one batch after the other, and never reports more than it knows.
//! The requests and responses of a target are a [`Protocol`], which has no socket. The rules for retries, for bisecting and
//! for missing responses (settle.rs) are the same for every target.

pub mod admin;
mod again;
pub mod answer;
mod bisect;
pub mod destination;
mod gate;
mod lanes;
mod list;
mod memory;
mod moved;
mod no_response;
mod outcomes;
pub mod ready;
mod settle;
mod shared;
mod take;
mod write;

pub(in crate::sink) use list::read_list;
pub use outcomes::ItemOutcomes;
pub use shared::{Preparation, Shared, prepare_overwrite};
pub use write::{escaped, push_document, push_fields, push_key};

use super::ItemDetails;
use super::http::{Request, Response};
use crate::action::Op;
use crate::batch::{Batch, BatchAction, Encode};
use crate::error::HINT_PREFIX;
use crate::record::Reason;
use crate::stop::Stop;
use bytes::Bytes;
use destination::{Destination, Location, Resolution};
use std::time::{Duration, Instant};

/// Bytes of a request that no server finds too large.
const SMALL_BODY: usize = 64 << 10;

/// Some actions of a batch, in order.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// The indexes of the actions in it.
    pub indexes: &'a [u32],
    /// Whether the outcome of each action is needed: one may have been applied before, or `--results` asks for them.
    pub per_item: bool,
}

impl<'a> Group<'a> {
    /// How many actions there are.
    pub(crate) fn len(&self) -> usize {
        self.indexes.len()
    }

    /// The action at an index of the group.
    pub fn get(&self, index: usize) -> BatchAction<'a> {
        self.batch.action(self.indexes[index] as usize)
    }

    /// The key and the operation of the action at an index of the group.
    pub fn key(&self, index: usize) -> (&'a str, Op) {
        self.batch.key(self.indexes[index] as usize)
    }

    /// The bytes that the actions take in a request.
    pub fn size(&self) -> usize {
        self.indexes.iter().map(|index| self.batch.size(*index as usize)).sum()
    }

    /// Whether fewer actions at once could be a cure where a server lacks memory.
    pub fn may_be_large(&self) -> bool {
        self.len() > 1 && self.size() > SMALL_BODY
    }

    /// The message for actions that are too large for what has this `limit`.
    pub fn too_large(&self, limit: &str) -> String {
        match self.size() {
            bytes @ 0..100_000 => format!("too large for {limit}: {bytes} bytes"),
            bytes => format!("too large for {limit}: {:.1} MB", bytes as f64 / 1e6),
        }
    }

    /// The actions as the target is sent them.
    pub fn text(&self) -> Bytes {
        self.batch.text(self.indexes)
    }

    /// The same, one by one.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> {
        let batch = self.batch;
        self.indexes.iter().map(move |index| batch.line(*index as usize))
    }

    /// The actions in order.
    pub fn iter(&self) -> impl Iterator<Item = BatchAction<'a>> {
        let batch = self.batch;
        self.indexes.iter().map(move |index| batch.action(*index as usize))
    }
}

/// The outcome of one action, as a response reports it.
#[derive(Clone, Debug)]
pub enum ItemOutcome {
    /// Stored under a key that did not exist.
    Created,
    /// Stored or merged under a key that existed.
    Updated,
    /// An update that changed nothing.
    Unchanged,
    /// Not stored, as the action asked for.
    Ignored,
    /// Deleted.
    Deleted,
    /// There was nothing to delete.
    NotFound,
    /// The key has a document already, and the action may only create one.
    Exists,
    /// A condition that the user wrote did not hold.
    Conflict(Reason),
    /// Not applied; it may be retried.
    Busy(String),
    /// Not applied, because another request added the same field at the same time; it may be retried once.
    Raced(Reason),
    /// Not applied: nothing can be written to the index until an operator has acted.
    Unwritable(Unwritable),
    /// Not applied, because of the record itself.
    Rejected(Reason),
    /// Unknown: no item of the response can be matched with this action, or the item cannot be understood.
    Unclear(String),
}

/// Why nothing can be written to an index or a collection.
#[derive(Clone, Debug)]
pub struct Unwritable {
    /// The error, which names the index.
    pub reason: Reason,
    /// What an operator has to do; empty if the error tells it.
    pub hint: String,
}

impl Unwritable {
    /// The error without a hint.
    pub fn new(reason: Reason) -> Unwritable {
        Unwritable { reason, hint: String::new() }
    }

    /// The error as one that ends the run, with its hint.
    pub fn message(&self) -> String {
        let text = self.reason.text.trim_end_matches(';');
        if self.hint.is_empty() { text.to_owned() } else { format!("{text}{HINT_PREFIX}{}", self.hint) }
    }
}

/// What `--results` shows of an action, if it is asked for.
pub type Details = Option<Box<ItemDetails>>;

/// The outcome of one action and its details.
#[derive(Debug)]
pub struct ItemResult {
    /// The outcome.
    pub outcome: ItemOutcome,
    /// The details, if they are asked for.
    pub details: Details,
}

/// What a response says about its request.
#[derive(Debug)]
pub enum Verdict {
    /// The outcome of each action, in order.
    Items(ItemOutcomes),
    /// Nothing was applied; the request may be retried.
    Busy(String),
    /// Nothing was applied; the request is too large for the server.
    TooLarge(String),
    /// The request was refused because of one of its actions.
    Refused {
        /// The error.
        reason: Reason,
        /// Whether some actions may have been applied all the same.
        perhaps_done: bool,
        /// The index of the action that the server names.
        culprit: Option<usize>,
    },
    /// It is unknown what was applied.
    Unclear(String),
    /// Nothing was applied, and retrying is no use until an operator has acted.
    Fatal(String),
}

/// What is stored under the key of an action that may have been applied already.
#[derive(Debug, PartialEq, Eq)]
pub enum StoredDoc {
    /// What the action would have stored.
    Same,
    /// Another document.
    Different,
    /// No document.
    Missing,
    /// It cannot be compared, and why.
    Unclear(String),
}

/// Whether a target gives documents back as they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fidelity {
    /// It does.
    Exact,
    /// It may change them, and why: a different document proves nothing.
    MayChange(String),
    /// It may leave out parts, and why: no document proves anything.
    MayOmit(String),
}

/// The requests and responses of a target. Pure: no socket, no clock. [`Encode`] writes the actions.
pub trait Protocol: Encode {
    /// The request that applies the actions. `id` is unique for each try.
    fn request(&self, group: Group<'_>, id: String) -> Request;

    /// Reads the response to it. `detail` asks for the details of each item.
    fn read_response(&self, group: Group<'_>, response: &Response, detail: bool) -> Verdict;

    /// Whether an action that is applied twice leaves what it leaves when it is applied once.
    fn is_idempotent(&self, action: &BatchAction<'_>) -> bool;

    /// Whether a sequence of such actions on one key can be repeated as a whole.
    fn is_idempotent_in_sequence(&self, action: &BatchAction<'_>) -> bool;

    /// Whether all actions of a request must have the same operation.
    fn is_of_one_kind(&self) -> bool {
        false
    }

    /// Whether the order of actions on different keys matters too. Then nothing is retried after a later action.
    fn is_globally_ordered(&self) -> bool {
        false
    }

    /// Whether an action has a routing: then its key alone does not identify its document.
    fn is_routed(&self, _: &BatchAction<'_>) -> bool {
        false
    }

    /// The details of an action that no response mentions.
    fn details(&self, action: &BatchAction<'_>) -> ItemDetails;

    /// The request that asks which requests are still running; `None` if the target cannot be asked.
    fn running_request(&self) -> Option<Request> {
        None
    }

    /// Whether the response lists a request whose id begins so; `None` if it cannot be understood.
    fn is_running(&self, _: &Response, _: &str) -> Option<bool> {
        None
    }

    /// The collection of an action, if its name may come to mean another index; else empty.
    fn collection_of<'a>(&'a self, _: &BatchAction<'a>) -> &'a str {
        ""
    }

    /// The request that asks where a name leads.
    fn destination_request(&self, name: &str) -> Request {
        Request::get(format!("/{}", escaped(name)))
    }

    /// Reads the response to it.
    fn read_destination(&self, _: &str, _: &Response) -> Resolution<Request> {
        Resolution::Done(Destination::Index)
    }

    /// The request that reads what is stored under the actions' keys, each at its location.
    fn read_back_request(&self, group: Group<'_>, locations: &[Location]) -> Request;

    /// Compares what is stored with what the actions would have stored; `None` if the response cannot be understood.
    fn compare(&self, group: Group<'_>, response: &Response) -> Option<Vec<StoredDoc>>;

    /// The request that asks whether documents are kept as they were sent.
    fn fidelity_request(&self, group: Group<'_>, locations: &[Location]) -> Request;

    /// Reads the response to it for one index.
    fn read_fidelity(&self, index: &str, response: &Response) -> Fidelity;
}

/// Sleeps; returns false as soon as the run is asked to stop.
pub fn sleep_unless_stopped(pause: Duration, stop: &Stop) -> bool {
    const SLICE: Duration = Duration::from_millis(20);
    let end = Instant::now() + pause;
    while !stop.is_requested() && Instant::now() < end {
        std::thread::sleep(end.saturating_duration_since(Instant::now()).min(SLICE));
    }
    !stop.is_requested()
}

#[cfg(test)]
mod tests;
