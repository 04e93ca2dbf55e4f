//! Collects actions into batches that own their bytes.
//! A batch holds each action once, in the form in which its target is sent it: one arena of text, and ranges in it. A lane
//! that is done with a batch gives it back to be filled again: nothing is allocated for a record.

mod batcher;

pub use batcher::Batcher;

use crate::action::{Action, Op};
use crate::json::{Span, needs_no_escape};
use crate::record::{BadRecord, Origin, Reason};
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Writes actions in the form in which a target is sent them. Pure: what it writes depends on the action alone.
pub trait Encode: Send + Sync {
    /// Appends an action, and says where its document lies; a delete has an empty one. What stands before the document is
    /// the action's head, and what is written for several actions is what is sent for all of them.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize>;

    /// Whether a line break ends a document, so that those within it have to go.
    fn is_by_lines(&self) -> bool {
        false
    }
}

/// The form for whatever is no server: the document, as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Documents;

impl Encode for Documents {
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        let start = text.len();
        text.push_str(action.doc);
        start..text.len()
    }
}

/// How large a batch grows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records, at least 1.
    pub records: usize,
    /// Bytes of keys and documents, at least 1; a record above it travels alone.
    pub bytes: usize,
    /// How long a record waits for others.
    pub interval: Duration,
    /// Whether a batch holds each key once, for a target whose answers name keys and no places.
    pub distinct: bool,
}

/// One record of a batch.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// Where it was found.
    pub origin: Origin,
    /// Whether an earlier action of the run perhaps had the same key; if not, certainly none had. Always false for a sink
    /// that does not ask.
    pub repeats: bool,
    /// In `text`: the whole action, and its document.
    text: Span,
    doc: Span,
    /// In `keys`.
    key: Span,
    /// The place in `rare`, if it has one.
    more: u32,
    /// Its ordinal, counted from the batch's first.
    ordinal: u32,
    op: Op,
    is_line: bool,
}

/// No place in `rare`.
const NO_EXTRAS: u32 = u32::MAX;

/// What few actions have.
#[derive(Clone, Copy, Debug)]
struct Rare {
    /// In `words`.
    collection: Span,
    upsert: Option<Span>,
    detect_noop: bool,
}

/// An action as a sink sees it.
#[derive(Clone, Copy, Debug)]
pub struct BatchAction<'a> {
    /// What to do.
    pub op: Op,
    /// The collection that a bulk line names; empty for the run's own.
    pub collection: &'a str,
    /// The document's key.
    pub key: &'a str,
    /// What its target is sent before the document: where it goes, and how.
    pub head: &'a str,
    /// The document as its target is sent it, or the source line of a bulk line; empty for a delete.
    pub doc: &'a str,
    /// What to store when there is nothing to update.
    pub upsert: Option<&'a str>,
    /// Whether an update that changes nothing leaves the version alone.
    pub detect_noop: bool,
    /// Whether it is a bulk line that goes to its target as it is.
    pub is_line: bool,
}

/// Actions in the order of the input, and beside them the records that failed before they became actions.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The actions as their target is sent them; requests share it.
    text: Arc<String>,
    /// The keys, one behind the other: whoever pairs answers with actions needs nothing else.
    keys: String,
    /// Names of collections, and other texts that few actions have.
    words: String,
    items: Vec<BatchItem>,
    /// Hashes of the keys, in the places of the items; 0 for what has no key.
    hashes: Vec<u64>,
    rare: Vec<Rare>,
    rejected: Vec<(Origin, Reason, Span)>,
    /// What the records were read from, if that is asked for.
    raw: Vec<u8>,
    /// In `raw`, in the places of the items.
    raws: Vec<Span>,
    /// Ordinal in the run of the first action.
    first: u64,
    /// Bytes of keys and documents, as they were read.
    bytes: usize,
    has_lines: bool,
}

impl Batch {
    /// The actions from an index on.
    pub fn actions_from(&self, index: usize) -> impl Iterator<Item = (&BatchItem, BatchAction<'_>)> {
        self.items[index.min(self.items.len())..].iter().map(|item| (item, self.act(item)))
    }

    fn act<'b>(&'b self, item: &'b BatchItem) -> BatchAction<'b> {
        let rare = self.rare.get(item.more as usize);
        BatchAction {
            op: item.op,
            collection: rare.map_or("", |rare| rare.collection.of(&self.words)),
            key: item.key.of(&self.keys),
            head: &self.text[item.text.start as usize..item.doc.start as usize],
            doc: item.doc.of(&self.text),
            upsert: rare.and_then(|rare| Some(rare.upsert?.of(&self.words))),
            detect_noop: rare.is_none_or(|rare| rare.detect_noop),
            is_line: item.is_line,
        }
    }

    /// The action at an index.
    ///
    /// # Panics
    /// When there is none.
    pub fn action(&self, index: usize) -> BatchAction<'_> {
        self.act(&self.items[index])
    }

    /// The key of the action at an index, and its operation; neither needs the rest of it.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn key(&self, index: usize) -> (&str, Op) {
        let item = &self.items[index];
        (item.key.of(&self.keys), item.op)
    }

    /// The number in the run, from 0, of the record at an index.
    ///
    /// # Panics
    /// When there is none.
    pub fn ordinal(&self, index: usize) -> u64 {
        self.first + u64::from(self.items[index].ordinal)
    }

    /// Bytes of a request that the action at a place takes.
    pub fn size(&self, index: usize) -> usize {
        self.items[index].text.range().len()
    }

    /// What the target is sent for the actions at these places, in their order: where nothing lies between them, a part of
    /// the batch's own text, without a copy.
    pub fn text(&self, index: &[u32]) -> Bytes {
        let (Some(first), Some(last)) = (index.first(), index.last()) else { return Bytes::new() };
        let range = |index: u32| self.items[index as usize].text.range();
        let whole = range(*first).start..range(*last).end;
        let follow_each_other = || index.iter().map(|index| self.size(*index as usize)).sum::<usize>() == whole.len();
        if (last - first) as usize + 1 == index.len() || follow_each_other() {
            return Bytes::from_owner(Shared(self.text.clone())).slice(whole);
        }
        let mut text = Vec::with_capacity(whole.len());
        index.iter().for_each(|index| text.extend_from_slice(self.text[range(*index)].as_bytes()));
        text.into()
    }

    /// What the target is sent for the action at a place.
    pub fn line(&self, index: usize) -> &str {
        self.items[index].text.of(&self.text)
    }

    /// Whether the action at a place is a bulk line, which may name a collection of its own.
    pub fn is_line(&self, index: usize) -> bool {
        self.items[index].is_line
    }

    /// Whether any action is a bulk line.
    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// Whether any action perhaps names a collection of its own.
    pub fn names_collections(&self) -> bool {
        !self.rare.is_empty()
    }

    /// Whether all actions have one operation.
    pub fn has_one_op(&self) -> bool {
        self.items.windows(2).all(|pair| pair[0].op == pair[1].op)
    }

    /// Whether no key needs an escape in JSON.
    pub fn has_plain_keys(&self) -> bool {
        needs_no_escape(&self.keys)
    }

    /// The records that failed before they became actions.
    pub fn rejected(&self) -> impl Iterator<Item = BadRecord<'_>> {
        self.rejected.iter().map(|(origin, reason, raw)| {
            let (origin, reason) = (*origin, reason.clone());
            BadRecord { origin, reason, raw: &self.raw[raw.range()] }
        })
    }

    /// What the record at a place was read from; empty unless that is asked for.
    pub fn raw(&self, index: usize) -> &[u8] {
        self.raws.get(index).map_or(&[], |raw| &self.raw[raw.range()])
    }

    /// The record at a place.
    ///
    /// # Panics
    /// When there is none.
    pub fn item(&self, index: usize) -> &BatchItem {
        &self.items[index]
    }

    /// Hashes of the keys, in the places of the actions; 0 for what has no key.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// How many actions it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds no action.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of keys and documents, as they were read.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything and keeps the memory, unless one long record made it unusually large.
    pub fn clear(&mut self, keep: usize) {
        let usual = keep.saturating_mul(2).saturating_add(128 * self.items.len());
        // The text itself goes when it is used again: the request that shares it may not be over to the last byte yet.
        if self.text.capacity() > usual {
            self.text = Arc::default();
        }
        if self.raw.capacity() > usual {
            self.raw = Vec::new();
        }
        self.keys.clear();
        self.words.clear();
        self.items.clear();
        self.hashes.clear();
        self.rare.clear();
        self.rejected.clear();
        self.raw.clear();
        self.raws.clear();
        self.bytes = 0;
        self.has_lines = false;
    }

    fn keep_raw(&mut self, raw: &[u8]) -> Span {
        let start = self.raw.len();
        self.raw.extend_from_slice(raw);
        Span::new(start, self.raw.len())
    }

    /// Puts a text among those that few actions have.
    fn word(&mut self, word: &str) -> Span {
        let start = self.words.len();
        self.words.push_str(word);
        Span::new(start, self.words.len())
    }
}

/// A batch's text, which a request sends.
struct Shared(Arc<String>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
