//! Collects actions into batches that own their bytes.
//! A batch holds each action once, already encoded for its target, as a range of one text. A lane returns each batch to be
//! filled again, so there are no allocations per record.

mod batcher;

pub use batcher::Batcher;

use crate::action::{Action, Op};
use crate::json::{Span, needs_no_escape};
use crate::record::{BadRecord, Origin, Reason};
use bytes::Bytes;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Encodes actions for a target. The output depends only on the action.
pub trait Encode: Send + Sync {
    /// Appends an action and returns the range of its document, which is empty for a delete. The text before the document is
    /// the head of the action. The concatenation of several actions is the body of a request.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize>;

    /// Whether a document must be a single line.
    fn is_by_lines(&self) -> bool {
        false
    }
}

/// The encoding for targets that are not servers: the document, as written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Documents;

impl Encode for Documents {
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        let start = text.len();
        text.push_str(action.doc);
        start..text.len()
    }
}

/// The limits of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of records, at least 1.
    pub records: usize,
    /// Maximum bytes of keys and documents, at least 1. A larger record is a batch of its own.
    pub bytes: usize,
    /// Maximum time that a record waits for others.
    pub interval: Duration,
    /// Whether a batch has each key once, for a target whose responses have keys instead of indices.
    pub distinct: bool,
}

/// One record of a batch.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// Where its record starts.
    pub origin: Origin,
    /// Whether an earlier action of the run perhaps has the same key. If false, certainly none has. Always false for a sink
    /// that does not use it.
    pub repeats: bool,
    /// The whole action and its document, in `Batch::text`.
    text: Span,
    doc: Span,
    /// In `Batch::keys`.
    key: Span,
    /// Index in `Batch::extras`, or `NO_EXTRAS`.
    extras: u32,
    /// Its ordinal, relative to that of the first action.
    ordinal: u32,
    op: Op,
    is_line: bool,
}

const NO_EXTRAS: u32 = u32::MAX;

/// Parts that few actions have.
#[derive(Clone, Copy, Debug)]
struct Extras {
    /// In `Batch::extra_texts`.
    collection: Span,
    upsert: Option<Span>,
    detect_noop: bool,
}

/// Where the raw text of a record is: a range of `Batch::raw`, then the end of its encoded document. Most documents are sent as
/// they were written, so nothing is copied for `--rejects`.
#[derive(Clone, Copy, Debug)]
struct RawText {
    start: Span,
    /// How many bytes of the document follow; `WHOLE` for all of it, and nothing else.
    end: u32,
}

const WHOLE: u32 = u32::MAX;

/// An action as a sink sees it.
#[derive(Clone, Copy, Debug)]
pub struct BatchAction<'a> {
    /// The operation.
    pub op: Op,
    /// The collection that a bulk line names; empty if it is that of the run.
    pub collection: &'a str,
    /// The key of the document.
    pub key: &'a str,
    /// The encoded text before the document.
    pub head: &'a str,
    /// The encoded document, or the source line of a bulk line; empty for a delete.
    pub doc: &'a str,
    /// The document to store if there is nothing to update.
    pub upsert: Option<&'a str>,
    /// Whether an update without changes keeps the version.
    pub detect_noop: bool,
    /// Whether it is a bulk line that is sent verbatim.
    pub is_line: bool,
}

/// Actions in the order of the input, and separately the records that failed before they became actions.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The encoded actions. Requests share this text.
    text: Arc<String>,
    /// The keys, concatenated: responses are matched with actions by keys alone.
    keys: String,
    /// The texts of `extras`.
    extra_texts: String,
    items: Vec<BatchItem>,
    /// Hashes of the keys, by the indices of the items; 0 for an action without a key.
    hashes: Vec<u64>,
    extras: Vec<Extras>,
    rejected: Vec<(Origin, Reason, Span)>,
    /// Whether the raw text of the records is wanted.
    keeps_raw: bool,
    /// What the encoded documents lack of it, and the raw text of `rejected`.
    raw: Vec<u8>,
    /// Where the raw text of a record is, by the indices of the items. Of those behind the end it is the document.
    raws: Vec<RawText>,
    /// The ordinal of the first action.
    first: u64,
    /// Bytes of keys and documents, before encoding.
    bytes: usize,
    has_lines: bool,
    /// Whether an earlier try of this run may have sent it.
    pub(crate) was_sent: bool,
}

impl Batch {
    /// Whether an earlier try of this run may have sent it. Such a batch has all that its lane may have sent.
    pub fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// The actions starting at an index.
    pub fn actions_from(&self, index: usize) -> impl Iterator<Item = (&BatchItem, BatchAction<'_>)> {
        self.items[index.min(self.items.len())..].iter().map(|item| (item, self.action_of(item)))
    }

    fn action_of<'b>(&'b self, item: &'b BatchItem) -> BatchAction<'b> {
        let extras = self.extras.get(item.extras as usize);
        BatchAction {
            op: item.op,
            collection: extras.map_or("", |extras| extras.collection.of(&self.extra_texts)),
            key: item.key.of(&self.keys),
            head: &self.text[item.text.start as usize..item.doc.start as usize],
            doc: item.doc.of(&self.text),
            upsert: extras.and_then(|extras| Some(extras.upsert?.of(&self.extra_texts))),
            detect_noop: extras.is_none_or(|extras| extras.detect_noop),
            is_line: item.is_line,
        }
    }

    /// The action at an index.
    ///
    /// # Panics
    /// If there is none.
    pub fn action(&self, index: usize) -> BatchAction<'_> {
        self.action_of(&self.items[index])
    }

    /// The key and the operation of the action at an index, without the cost of `action`.
    ///
    /// # Panics
    /// If there is none.
    pub fn key(&self, index: usize) -> (&str, Op) {
        let item = &self.items[index];
        (item.key.of(&self.keys), item.op)
    }

    /// The number in the run, from 0, of the record at an index.
    ///
    /// # Panics
    /// If there is none.
    pub fn ordinal(&self, index: usize) -> u64 {
        self.first + u64::from(self.items[index].ordinal)
    }

    /// Encoded size of the action at an index.
    pub fn size(&self, index: usize) -> usize {
        self.items[index].text.range().len()
    }

    /// The encoded actions at these indices, in their order. If they are adjacent, this is a part of the text of the batch,
    /// without a copy.
    pub fn text(&self, indices: &[u32]) -> Bytes {
        let (Some(first), Some(last)) = (indices.first(), indices.last()) else { return Bytes::new() };
        let range = |index: u32| self.items[index as usize].text.range();
        let whole = range(*first).start..range(*last).end;
        let are_adjacent = || indices.iter().map(|index| self.size(*index as usize)).sum::<usize>() == whole.len();
        if (last - first) as usize + 1 == indices.len() || are_adjacent() {
            return Bytes::from_owner(SharedText(self.text.clone())).slice(whole);
        }
        let mut text = Vec::with_capacity(whole.len());
        indices.iter().for_each(|index| text.extend_from_slice(self.text[range(*index)].as_bytes()));
        text.into()
    }

    /// The encoded action at an index.
    pub fn line(&self, index: usize) -> &str {
        self.items[index].text.of(&self.text)
    }

    /// Whether the action at an index is a bulk line, which may name another collection.
    pub fn is_line(&self, index: usize) -> bool {
        self.items[index].is_line
    }

    /// Whether any action is a bulk line.
    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// Whether any action may name another collection.
    pub fn names_collections(&self) -> bool {
        !self.extras.is_empty()
    }

    /// Whether all actions have the same operation.
    pub fn has_one_op(&self) -> bool {
        self.items.windows(2).all(|pair| pair[0].op == pair[1].op)
    }

    /// Whether no key has to be escaped in JSON.
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

    /// The raw text of the record at an index; empty unless it is wanted.
    pub fn raw(&self, index: usize) -> Cow<'_, [u8]> {
        let doc = || if self.keeps_raw { self.action(index).doc.as_bytes() } else { &[] };
        self.raw_apart(index).unwrap_or_else(|| Cow::Borrowed(doc()))
    }

    /// The same, unless it is the document.
    pub fn raw_apart(&self, index: usize) -> Option<Cow<'_, [u8]>> {
        let RawText { start, end } = *self.raws.get(index).filter(|raw| raw.end != WHOLE)?;
        let start = &self.raw[start.range()];
        if end == 0 {
            return Some(Cow::Borrowed(start));
        }
        let doc = self.action(index).doc.as_bytes();
        Some(Cow::Owned([start, &doc[doc.len() - end as usize..]].concat()))
    }

    /// The item at an index.
    ///
    /// # Panics
    /// If there is none.
    pub fn item(&self, index: usize) -> &BatchItem {
        &self.items[index]
    }

    /// Hashes of the keys, by index; 0 for an action without a key.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The number of actions.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no actions.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether there are neither actions nor records that failed before.
    pub fn has_no_records(&self) -> bool {
        self.items.is_empty() && self.rejected.is_empty()
    }

    /// Bytes of keys and documents, before encoding.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of texts, keys and raw records.
    pub fn memory(&self) -> usize {
        self.text.len() + self.keys.len() + self.raw.len()
    }

    /// A copy that shares no memory with this batch, so that this can be filled again.
    pub fn copied(&self) -> Batch {
        Batch { text: Arc::new(self.text.as_str().to_owned()), ..self.clone() }
    }

    /// Removes everything and keeps the memory, unless a long record made it unusually large.
    pub fn clear(&mut self, keep: usize) {
        let max = keep.saturating_mul(2).saturating_add(128 * self.items.len());
        // The text itself is cleared when it is reused: a request may still be sending it.
        if self.text.capacity() > max {
            self.text = Arc::default();
        }
        if self.raw.capacity() > max {
            self.raw = Vec::new();
        }
        self.keys.clear();
        self.extra_texts.clear();
        self.items.clear();
        self.hashes.clear();
        self.extras.clear();
        self.rejected.clear();
        self.raw.clear();
        self.raws.clear();
        self.bytes = 0;
        self.has_lines = false;
        self.was_sent = false;
    }

    fn keep_raw(&mut self, raw: &[u8]) -> Span {
        let start = self.raw.len();
        self.raw.extend_from_slice(raw);
        Span::new(start, self.raw.len())
    }

    fn add_text(&mut self, text: &str) -> Span {
        let start = self.extra_texts.len();
        self.extra_texts.push_str(text);
        Span::new(start, self.extra_texts.len())
    }
}

/// The text of a batch, shared with a request.
struct SharedText(Arc<String>);

impl AsRef<[u8]> for SharedText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
