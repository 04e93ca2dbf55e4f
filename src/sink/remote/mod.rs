//! A sink behind HTTP: settles one batch after the other through a target's protocol, and never claims more than it knows.
//! What a target says and how it is said is a [`Protocol`], pure and without a socket; the rules of trying again, bisecting
//! and lost replies (settle.rs) are the same for every target.

pub mod admin;
mod bisect;
pub mod destination;
mod gate;
mod lanes;
mod lost;
mod memory;
mod moved;
mod outcomes;
mod settle;
mod shared;
mod take;
mod write;

pub use outcomes::ItemOutcomes;
pub use shared::{Before, Shared, emptying};
pub use write::{escaped, push_document, push_fields, push_key};

use super::ItemDetails;
use super::http::{Request, Response};
use crate::action::Op;
use crate::batch::{Batch, BatchAction, Encode};
use crate::record::Reason;
use crate::stop::Stop;
use bytes::Bytes;
use destination::{Destination, Location, Named};
use std::time::{Duration, Instant};

/// Some actions of a batch, in order.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// Places of the actions in it.
    pub at: &'a [u32],
    /// Whether the outcome of each has to be told: one may have been carried out before, or a person wants to see them.
    pub each: bool,
}

impl<'a> Group<'a> {
    /// How many actions there are.
    pub(crate) fn len(&self) -> usize {
        self.at.len()
    }

    /// The action at a place of the group.
    pub fn get(&self, place: usize) -> BatchAction<'a> {
        self.batch.action(self.at[place] as usize)
    }

    /// The key of the action at a place, and its operation.
    #[inline]
    pub fn key(&self, place: usize) -> (&'a str, Op) {
        self.batch.key(self.at[place] as usize)
    }

    /// Bytes of a request that the actions take.
    pub fn size(&self) -> usize {
        self.at.iter().map(|at| self.batch.size(*at as usize)).sum()
    }

    /// What is said of the actions when they are too large for what has this `limit`.
    pub fn too_large(&self, limit: &str) -> String {
        match self.size() {
            bytes @ 0..100_000 => format!("too large for {limit}: {bytes} bytes"),
            bytes => format!("too large for {limit}: {:.1} MB", bytes as f64 / 1e6),
        }
    }

    /// What the target is sent for the actions.
    pub fn text(&self) -> Bytes {
        self.batch.text(self.at)
    }

    /// What the target is sent for each of the actions.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> {
        let batch = self.batch;
        self.at.iter().map(move |at| batch.line(*at as usize))
    }

    /// The actions in order.
    pub fn iter(&self) -> impl Iterator<Item = BatchAction<'a>> {
        let batch = self.batch;
        self.at.iter().map(move |at| batch.action(*at as usize))
    }
}

/// What an answer says of one action.
#[derive(Clone, Debug)]
pub enum ItemOutcome {
    /// Stored under a key that did not exist.
    Created,
    /// Stored or merged under a key that existed.
    Updated,
    /// An update that changed nothing.
    Unchanged,
    /// The target declined as it was told to.
    Ignored,
    /// Removed.
    Deleted,
    /// There was nothing to remove.
    NotFound,
    /// There is a document, and the action was only to be done if there was none.
    Exists,
    /// A condition that the user wrote did not hold.
    Conflict(Reason),
    /// Not done; it may be sent again.
    Busy(String),
    /// Not done, because another request added the same field at the same time; it may be sent once more.
    Raced(Reason),
    /// Not done, and not before an operator has acted.
    Closed(String),
    /// Not done, and the record's own fault.
    Rejected(Reason),
    /// It cannot be told which answer is this action's, or what it means.
    Unclear(String),
}

/// How a person may see an action, when that was asked for.
pub type Details = Option<Box<ItemDetails>>;

/// What an answer says of one action, and how a person may see it.
#[derive(Debug)]
pub struct ItemResult {
    /// What became of it.
    pub outcome: ItemOutcome,
    /// The details, when they were asked for.
    pub shown: Details,
}

/// What a whole answer means.
#[derive(Debug)]
pub enum Answer {
    /// One for each action, in their order.
    Items(ItemOutcomes),
    /// Nothing was done; the request may be sent again.
    Busy(String),
    /// Nothing was done; the request is too large for the server.
    TooLarge(String),
    /// The request was refused because of one of its actions.
    Refused {
        /// Why.
        reason: Reason,
        /// Whether some actions may have been carried out all the same.
        perhaps_done: bool,
        /// The action that the server names.
        culprit: Option<usize>,
    },
    /// It cannot be told what was done.
    Lost(String),
    /// Nothing was done, and nothing will be before an operator has acted.
    Closed(String),
}

/// What is stored under the key of an action that may have been carried out already.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    /// What the action would have stored.
    Same,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
    /// It cannot be compared, and why.
    Unclear(String),
}

/// Whether a target keeps documents as they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It does: what is read back is what was sent.
    Whole,
    /// It may change them, and why: another content proves nothing.
    Changed(String),
    /// It may show less than was sent, and why: no content proves anything.
    InPart(String),
}

/// How a target is spoken to, beside the form in which actions are written for it. Pure: no socket, no clock.
pub trait Protocol: Encode {
    /// The request that applies the actions. `request_id` is unique for each try.
    fn request(&self, group: Group<'_>, request_id: String) -> Request;

    /// What the answer to such a request means. `detail` asks for what is shown of each item.
    fn answer(&self, group: Group<'_>, reply: &Response, detail: bool) -> Answer;

    /// Whether an action can be carried out twice and leave what carrying it out once leaves.
    fn is_idempotent(&self, action: &BatchAction<'_>) -> bool;

    /// Whether a sequence of such actions on one key can be repeated as a whole.
    fn is_idempotent_in_sequence(&self, action: &BatchAction<'_>) -> bool;

    /// Whether a request carries actions of one kind only.
    fn is_of_one_kind(&self) -> bool {
        false
    }

    /// Whether the order of the actions counts between their keys too: then nothing is sent again behind what came later.
    fn is_one_sequence(&self) -> bool {
        false
    }

    /// Whether something beside the key tells where an action's document lies.
    fn is_routed(&self, _: &BatchAction<'_>) -> bool {
        false
    }

    /// How an action is shown of which an answer says nothing.
    fn shown(&self, action: &BatchAction<'_>) -> ItemDetails;

    /// The request that asks whether a try is still under way; `None` if the target cannot be asked.
    fn ask_running(&self) -> Option<Request> {
        None
    }

    /// Whether the answer names the try; `None` if it is no such answer.
    fn is_running(&self, _: &Response, _: &str) -> Option<bool> {
        None
    }

    /// The name of the collection that an action goes to, if such a name may come to lead elsewhere; else empty.
    fn name_of<'a>(&'a self, _: &BatchAction<'a>) -> &'a str {
        ""
    }

    /// The question where a name leads.
    fn ask_destination(&self, name: &str) -> Request {
        Request::get(format!("/{}", escaped(name)))
    }

    /// What the answer says.
    fn destination(&self, _: &str, _: &Response) -> Named<Request> {
        Named::To(Destination::Index)
    }

    /// The request that reads what is stored under the actions' keys, where each of them lies.
    fn read_back(&self, group: Group<'_>, lies: &[Location]) -> Request;

    /// Compares what is stored with what the actions would have stored; `None` if the answer is no such answer.
    fn compare(&self, group: Group<'_>, reply: &Response) -> Option<Vec<Stored>>;

    /// The request that tells whether the server keeps the actions' documents as they were sent.
    fn ask_kept(&self, group: Group<'_>, lies: &[Location]) -> Request;

    /// Whether it does in this index, by the answer.
    fn kept(&self, index: &str, reply: &Response) -> Kept;
}

/// Sleeps in pieces; false as soon as the run is asked to stop.
pub fn sleep_unless_stopped(pause: Duration, stop: &Stop) -> bool {
    const PIECE: Duration = Duration::from_millis(20);
    let end = Instant::now() + pause;
    while !stop.asked() && Instant::now() < end {
        std::thread::sleep(end.saturating_duration_since(Instant::now()).min(PIECE));
    }
    !stop.asked()
}

#[cfg(test)]
mod tests;
