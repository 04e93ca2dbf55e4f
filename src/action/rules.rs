//! The rules of a target for keys and documents. They are checked before batching, so that an invalid record does not fail a
//! whole request. Each target implements them in its own module.

use super::{Action, ActionKey, KeyRule, Op};
use crate::json::Span;
use crate::notes::Notes;
use crate::record::{Command, Reason, Record};

pub trait Rules: Send {
    /// Which keys it accepts.
    fn keys(&self) -> &'static KeyRule;

    /// The key in the `_id` of a record without `_key`, in a run into this collection.
    ///
    /// # Errors
    /// If it is not a valid key.
    fn key_of_id<'a>(&self, _: &'a str, id: ActionKey<'a>, _: &str) -> Result<ActionKey<'a>, Reason> {
        Ok(id)
    }

    /// Whether the target generates the keys of records without one.
    fn generates_keys(&self) -> bool {
        false
    }

    /// Whether the target keeps the keys that are generated here.
    fn keeps_generated_keys(&self) -> bool {
        true
    }

    /// The notes about all records.
    fn notes(&self) -> Notes {
        Notes::default()
    }

    /// Checks that the target stores the record without loss. The ranges are removed from it. Further metadata is written to
    /// the string.
    ///
    /// # Errors
    /// Why it does not.
    fn check(&mut self, _: &Record<'_>, _: Op, _: [Span; 2], _: &mut String) -> Result<(), Reason> {
        Ok(())
    }

    /// Takes notice of a key that comes from the record around the document (`--doc`). Metadata is written to the string.
    ///
    /// # Errors
    /// If the document has another key.
    fn outer_key(&mut self, _: &str, _: &Record<'_>, _: &mut String) -> Result<(), Reason> {
        Ok(())
    }

    /// Checks metadata of a bulk line (a name and a value) other than its key and its collection.
    ///
    /// # Errors
    /// If it is not supported.
    fn metadata(&self, _: Op, _: &str, _: &str) -> Result<(), Reason> {
        Ok(())
    }

    /// Whether the type of a bulk line (`_type`), as it is written, is left out: the target has no types.
    fn drops_type(&self, _: &str) -> bool {
        false
    }

    /// Checks whether a bulk line may name another collection than that of the run.
    ///
    /// # Errors
    /// If it may not.
    fn other_collection(&self) -> Result<(), Reason> {
        Ok(())
    }

    /// Makes the action of a bulk line. `buf` is a buffer that the action may borrow from.
    ///
    /// # Errors
    /// Why the record is an error.
    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, buf: &'a mut String) -> Result<Action<'a>, Reason>;
}

/// A bulk line whose action line was parsed.
#[derive(Clone, Copy, Debug)]
pub struct BulkLine<'a> {
    /// The action line.
    pub command: &'a Command,
    /// Its operation: create, index, update or delete.
    pub op: Op,
    /// The collection that it names; empty if it is that of the run.
    pub collection: &'a str,
    /// Its key.
    pub key: &'a str,
    /// Whether it has an `_id`. If not, the key was generated.
    pub has_id: bool,
}

impl<'a> BulkLine<'a> {
    /// The action on this document, without metadata.
    pub fn action(&self, doc: &'a str) -> Action<'a> {
        Action { collection: self.collection, ..Action::plain(self.op, ActionKey::Text(self.key), doc) }
    }

    /// The bulk line itself as an action, for a target that takes bulk lines. `head` is the whole action line.
    pub fn verbatim(&self, head: &'a str, source: &'a str) -> Action<'a> {
        Action { meta: head, is_line: true, ..self.action(source) }
    }
}
