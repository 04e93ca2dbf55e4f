//! Collects actions into batches that own their bytes.
//! A batch is one arena of text and a list of ranges in it, and is used again when its lane is done with it: nothing is
//! allocated for a record.

use crate::action::{Action, Op};
use crate::json::{Span, needs_no_escape};
use crate::record::{BadRecord, Origin, Reason};
use crate::seen::Seen;
use std::collections::HashSet;
use std::time::{Duration, Instant};

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
pub struct Item {
    /// Where it was found.
    pub origin: Origin,
    /// Whether an earlier action of the run perhaps had the same key; if not, certainly none had. Always false for a sink
    /// that does not ask.
    pub repeats: bool,
    /// Hash of the key; 0 for a record that failed before.
    pub hash: u64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Act {
        op: Op,
        collection: Span,
        key: Span,
        doc: Span,
        upsert: Option<Span>,
        detect_noop: bool,
        cut: [Span; 2],
        meta: Span,
        is_line: bool,
    },
    Reject(Box<Reason>),
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
    /// The document; empty for a delete.
    pub doc: &'a str,
    /// What to store when there is nothing to update.
    pub upsert: Option<&'a str>,
    /// Whether an update that changes nothing leaves the version alone.
    pub detect_noop: bool,
    /// Pieces of the document that a server is not sent, in order.
    pub cut: [Span; 2],
    /// A whole action line, or more metadata: see `Action::meta`.
    pub meta: &'a str,
    /// Whether `meta` is a whole action line and `doc` the source line below it.
    pub is_line: bool,
}

/// Actions, and records that have already failed, in the order of the input.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    text: String,
    /// The keys, one behind the other: whoever pairs answers with actions needs nothing else.
    keys: String,
    items: Vec<Item>,
    /// Whether any of its actions is a bulk line.
    has_lines: bool,
}

impl Batch {
    /// Whether any action is a bulk line, which may name a collection of its own.
    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// Whether no key needs an escape in JSON.
    pub fn has_plain_keys(&self) -> bool {
        needs_no_escape(&self.keys)
    }

    /// The records, each with what to do or why it is an error.
    pub fn items(&self) -> impl Iterator<Item = (&Item, Result<BatchAction<'_>, &Reason>)> {
        self.items_from(0)
    }

    /// The records from the `at`-th on.
    pub fn items_from(&self, at: usize) -> impl Iterator<Item = (&Item, Result<BatchAction<'_>, &Reason>)> {
        self.items[at.min(self.items.len())..].iter().map(|item| (item, self.act(item)))
    }

    fn act<'b>(&'b self, item: &'b Item) -> Result<BatchAction<'b>, &'b Reason> {
        match &item.what {
            What::Reject(reason) => Err(reason.as_ref()),
            What::Act { op, collection, key, doc, upsert, detect_noop, cut, meta, is_line } => Ok(BatchAction {
                op: *op,
                collection: collection.of(&self.text),
                key: key.of(&self.keys),
                doc: doc.of(&self.text),
                upsert: upsert.map(|upsert| upsert.of(&self.text)),
                detect_noop: *detect_noop,
                cut: *cut,
                meta: meta.of(&self.text),
                is_line: *is_line,
            }),
        }
    }

    /// The action at a place; a record that failed before has none.
    ///
    /// # Panics
    /// When the record there is no action.
    pub fn action(&self, at: usize) -> BatchAction<'_> {
        self.act(&self.items[at]).expect("the place is that of an action")
    }

    /// The key of the action at a place, and its operation; neither needs the rest of it.
    ///
    /// # Panics
    /// When the record there is no action.
    pub fn key(&self, at: usize) -> (&str, Op) {
        match &self.items[at].what {
            What::Act { key, op, .. } => (key.of(&self.keys), *op),
            What::Reject(_) => panic!("the place is that of an action"),
        }
    }

    /// About how many bytes of a request the action at a place takes.
    pub fn size(&self, at: usize) -> usize {
        match &self.items[at].what {
            What::Act { key, doc, meta, .. } => {
                [key, doc, meta].iter().map(|span| span.range().len()).sum::<usize>() + 24
            }
            What::Reject(_) => 0,
        }
    }

    /// Whether the action at a place is a bulk line, which may name a collection of its own.
    pub fn is_line(&self, at: usize) -> bool {
        matches!(self.items[at].what, What::Act { is_line: true, .. })
    }

    /// Why the record at a place has failed, if it has.
    pub fn rejected(&self, at: usize) -> Option<&Reason> {
        match &self.items[at].what {
            What::Act { .. } => None,
            What::Reject(reason) => Some(reason),
        }
    }

    /// The record at a place.
    ///
    /// # Panics
    /// When there is none.
    pub fn item(&self, at: usize) -> &Item {
        &self.items[at]
    }

    /// Whether anything in it is to be sent.
    pub fn has_actions(&self) -> bool {
        self.items.iter().any(|item| matches!(item.what, What::Act { .. }))
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of keys and documents.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.keys.len()
    }

    /// Forgets everything and keeps the memory, unless one long record made it unusually large.
    pub fn clear(&mut self, keep: usize) {
        self.items.clear();
        self.has_lines = false;
        self.text.clear();
        self.keys.clear();
        if self.text.capacity() > keep.saturating_mul(2) {
            self.text = String::new();
        }
    }

    #[inline(always)]
    fn push_text(&mut self, text: &str) -> Span {
        if text.is_empty() {
            return Span::default();
        }
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start, self.text.len())
    }
}

/// Fills batches, and says when one must go.
#[derive(Debug)]
pub struct Batcher {
    limits: Limits,
    batch: Batch,
    since: Option<Instant>,
    /// Hashes of the keys of the batch, where each may be in it once.
    keys: HashSet<u64>,
}

impl Batcher {
    /// Starts with an empty batch.
    pub fn new(limits: Limits) -> Batcher {
        Batcher { limits, batch: Batch::default(), since: None, keys: HashSet::new() }
    }

    /// Whether the batch has to go before an action of `bytes` bytes, whose key has this hash, is added.
    pub fn must_go_before(&self, bytes: usize, hash: u64) -> bool {
        let repeats = self.limits.distinct && self.keys.contains(&hash);
        repeats || !self.batch.is_empty() && self.batch.bytes() + bytes > self.limits.bytes
    }

    /// Adds an action whose key has this hash, and says whether the batch is now full.
    pub fn push(&mut self, origin: Origin, action: &Action<'_>, hash: u64) -> bool {
        if self.limits.distinct {
            self.keys.insert(hash);
        }
        let batch = &mut self.batch;
        let doc = batch.push_text(action.doc);
        let key = Span::new(batch.keys.len(), batch.keys.len() + action.key_text().len());
        batch.keys.push_str(action.key_text());
        let collection = batch.push_text(action.collection);
        let upsert = action.upsert.map(|upsert| batch.push_text(upsert));
        batch.has_lines |= action.is_line;
        let meta = batch.push_text(action.meta);
        let what = What::Act {
            op: action.op,
            collection,
            key,
            doc,
            upsert,
            detect_noop: action.detect_noop,
            cut: action.cut,
            meta,
            is_line: action.is_line,
        };
        self.add(Item { origin, repeats: false, hash, what })
    }

    /// Adds a record that has already failed, and says whether the batch is now full.
    pub fn reject(&mut self, bad: BadRecord) -> bool {
        let what = What::Reject(Box::new(bad.reason));
        self.add(Item { origin: bad.origin, repeats: false, hash: 0, what })
    }

    fn add(&mut self, item: Item) -> bool {
        self.batch.items.push(item);
        self.since.get_or_insert_with(Instant::now);
        self.batch.items.len() >= self.limits.records || self.batch.bytes() >= self.limits.bytes
    }

    /// Whether the first record of the batch has waited for the whole interval.
    pub fn is_due(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) >= self.limits.interval)
    }

    /// Takes the batch, whose keys are now met, and goes on with `next`, an empty one.
    pub fn take(&mut self, next: Batch, seen: Option<&mut Seen>) -> Batch {
        self.since = None;
        self.keys.clear();
        if let Some(seen) = seen {
            // All at once, because `seen` is larger than the caches: one by one, each key would wait for memory alone.
            for item in &mut self.batch.items {
                if let What::Act { .. } = item.what {
                    item.repeats = seen.meet(item.hash);
                }
            }
        }
        std::mem::replace(&mut self.batch, next)
    }

    /// Whether nothing has been added since the last `take`.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }
}
