//! What a target wants of keys and documents, found before batching: a record that it would refuse must not take a whole
//! request down. Each target has its own in its room.

use super::{Action, ActionKey, KeyRule, Op};
use crate::json::Span;
use crate::record::{Command, Reason, Record};

/// The rules of a target.
pub trait Rules: Send {
    /// Which keys it takes.
    fn keys(&self) -> &'static KeyRule;

    /// The key in an `_id` that no `_key` stands beside, in a run into this collection.
    ///
    /// # Errors
    /// Why it is none.
    fn key_of_id<'a>(&self, _: &'a str, id: ActionKey<'a>, _: &str) -> Result<ActionKey<'a>, Reason> {
        Ok(id)
    }

    /// Whether it makes the keys of records that have none.
    fn makes_keys(&self) -> bool {
        false
    }

    /// Whether it keeps what an action says: the record without the pieces that are cut out of it. The text takes what goes
    /// beside the key as metadata.
    ///
    /// # Errors
    /// Why it does not.
    fn check(&mut self, _: &Record<'_>, _: Op, _: [Span; 2], _: &mut String) -> Result<(), Reason> {
        Ok(())
    }

    /// Whether a bulk line may have this metadata, a name and a value, beside its key and its collection.
    ///
    /// # Errors
    /// Why it may not.
    fn metadata(&self, _: Op, _: &str, _: &str) -> Result<(), Reason> {
        Ok(())
    }

    /// Whether a bulk line may name another collection than that of the run.
    ///
    /// # Errors
    /// Why it may not.
    fn other_collection(&self) -> Result<(), Reason> {
        Ok(())
    }

    /// Makes an action of a bulk line. `meta` is memory for what the action lends.
    ///
    /// # Errors
    /// Why it is an error of the record.
    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, meta: &'a mut String)
    -> Result<Action<'a>, Reason>;
}

/// A bulk line whose action line has been read.
#[derive(Clone, Copy, Debug)]
pub struct BulkLine<'a> {
    /// The action line.
    pub command: &'a Command,
    /// What it says to do: create, index, update or delete.
    pub op: Op,
    /// The collection that it names, if that is another than the run's.
    pub collection: &'a str,
    /// Its key.
    pub key: &'a str,
    /// Whether it names the key itself.
    pub has_id: bool,
}

impl<'a> BulkLine<'a> {
    /// The action on this document, and nothing more.
    pub fn action(&self, doc: &'a str) -> Action<'a> {
        Action { collection: self.collection, ..Action::plain(self.op, ActionKey::Text(self.key), doc) }
    }

    /// The action as the line itself, for a target that takes bulk lines: `head` is the whole action line.
    pub fn verbatim(&self, head: &'a str, source: &'a str) -> Action<'a> {
        Action { meta: head, is_line: true, ..self.action(source) }
    }
}
