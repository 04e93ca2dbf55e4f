//! Fills batches. Each action is encoded once, for its target.

use super::{Batch, BatchItem, Encode, Extras, Limits, NO_EXTRAS, RawText, WHOLE};
use crate::action::Action;
use crate::json::Span;
use crate::key_filter::KeyFilter;
use crate::record::{BadRecord, Record};
use memchr::memchr;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// Encoded bytes at which a batch is full, whatever its limits. The limits count keys and documents, and the encoding can be
/// several times as long; ranges of 32 bits must be enough even with one more action of the maximum size.
const MAX_TEXT: usize = 1 << 30;

/// The hash of a hash.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Fills batches, and decides when one is full.
pub struct Batcher {
    limits: Limits,
    /// Maximum number of records of the current batch.
    records: usize,
    encoder: Arc<dyn Encode>,
    batch: Batch,
    /// The text of the current batch, which is not shared yet.
    text: String,
    since: Option<Instant>,
    /// Hashes of the keys of the batch, if each key may be in it only once.
    keys: HashSet<u64, BuildHasherDefault<Identity>>,
    /// Whether documents may have line breaks that have to be removed.
    joins: bool,
    /// A document without line breaks.
    joined: String,
    /// Whether batches keep the raw text of records.
    keeps_raw: bool,
}

impl Batcher {
    /// Starts with an empty batch.
    pub fn new(limits: Limits, encoder: Arc<dyn Encode>, keeps_raw: bool) -> Batcher {
        Batcher {
            limits,
            records: limits.records,
            joins: encoder.is_by_lines(),
            encoder,
            batch: Batch::default(),
            text: String::new(),
            since: None,
            keys: HashSet::default(),
            joined: String::new(),
            keeps_raw,
        }
    }

    /// Makes the next batch of one of several lanes smaller, so that the batches of the lanes are not all full at once.
    pub fn stagger(&mut self, lane: usize, lanes: usize) {
        self.records = self.limits.records.saturating_mul(lane + 1).div_ceil(lanes);
    }

    /// Sets whether the next records are single lines, so that none has line breaks.
    pub fn expect_lines(&mut self, are_lines: bool) {
        self.joins = !are_lines && self.encoder.is_by_lines();
    }

    /// Whether the batch has to be sent before an action with this ordinal, size and hash of its key is added.
    pub fn must_flush_before(&self, ordinal: u64, bytes: usize, hash: u64) -> bool {
        let repeats = self.limits.distinct && self.keys.contains(&hash);
        let is_long = self.batch.bytes + bytes > self.limits.bytes || ordinal - self.batch.first > u64::from(u32::MAX);
        repeats || !self.batch.is_empty() && is_long
    }

    /// Adds the action of a record. `hash` is that of its key. Returns whether the batch is now full.
    pub fn push(&mut self, record: &Record<'_>, ordinal: u64, action: &Action<'_>, hash: u64) -> bool {
        if self.limits.distinct {
            self.keys.insert(hash);
        }
        if self.batch.is_empty() {
            self.batch.first = ordinal;
        }
        let ordinal = (ordinal - self.batch.first) as u32;
        let start = self.text.len();
        let has_breaks = || memchr(b'\n', action.doc.as_bytes()).is_some();
        debug_assert!(self.joins || !self.encoder.is_by_lines() || !has_breaks());
        let doc = if self.joins && has_breaks() {
            // In JSON, unescaped line breaks are whitespace between tokens. Replacing each by a space keeps all ranges valid.
            self.joined.clear();
            self.joined.extend(action.doc.split('\n').flat_map(|line| [line, " "]));
            self.joined.pop();
            self.encoder.write(&Action { doc: &self.joined, ..*action }, &mut self.text)
        } else {
            self.encoder.write(action, &mut self.text)
        };
        let text = Span::new(start, self.text.len());
        let (batch, key_text) = (&mut self.batch, action.key_text());
        let key = Span::new(batch.keys.len(), batch.keys.len() + key_text.len());
        batch.keys.push_str(key_text);
        batch.bytes += key_text.len() + action.doc.len() + action.meta.len();
        batch.has_lines |= action.is_line;
        let mut extras = NO_EXTRAS;
        if !action.collection.is_empty() || action.upsert.is_some() || !action.detect_noop {
            let collection = batch.add_text(action.collection);
            let upsert = action.upsert.map(|upsert| batch.add_text(upsert));
            batch.bytes += action.collection.len() + action.upsert.map_or(0, str::len);
            extras = batch.extras.len() as u32;
            batch.extras.push(Extras { collection, upsert, detect_noop: action.detect_noop });
        }
        let (origin, doc) = (record.origin, Span::new(doc.start, doc.end));
        let (op, is_line) = (action.op, action.is_line);
        let item = BatchItem { origin, repeats: false, text, doc, key, extras, ordinal, op, is_line };
        self.batch.items.push(item);
        self.batch.hashes.push(hash);
        if self.keeps_raw {
            self.keep_raw(record.raw, action);
        }
        self.is_full()
    }

    /// Keeps what the last document lacks of the raw text of its record.
    fn keep_raw(&mut self, raw: &[u8], action: &Action<'_>) {
        let batch = &mut self.batch;
        batch.keeps_raw = true;
        let index = batch.items.len() - 1;
        let encoded = &self.text.as_bytes()[batch.items[index].doc.range()];
        let is_doc = std::ptr::eq(raw, action.doc.as_bytes());
        let mut end = WHOLE;
        if !is_doc || encoded != raw {
            // Without the fields that became metadata, and perhaps with a key in front.
            let cut = action.cut.iter().map(|cut| cut.end as usize).fold(1, usize::max).min(raw.len());
            let is_end = is_doc && encoded.ends_with(&raw[cut..]);
            end = if is_end { (raw.len() - cut) as u32 } else { 0 };
        } else if batch.raws.is_empty() {
            return;
        }
        batch.raws.resize(index, RawText { start: Span::default(), end: WHOLE });
        let kept = if end == WHOLE { 0 } else { raw.len() - end as usize };
        let start = batch.keep_raw(&raw[..kept]);
        batch.raws.push(RawText { start, end });
    }

    /// Adds a record that already failed. Returns whether the batch is now full.
    pub fn reject(&mut self, bad: BadRecord<'_>) -> bool {
        let raw = self.batch.keep_raw(if self.keeps_raw { bad.raw } else { &[] });
        self.batch.rejected.push((bad.origin, bad.reason, raw));
        self.is_full()
    }

    #[inline(always)]
    fn is_full(&mut self) -> bool {
        self.since.get_or_insert_with(Instant::now);
        let (raw, limits) = (self.batch.raw.len(), &self.limits);
        let is_long = self.batch.bytes.max(raw) >= limits.bytes || self.text.len().max(raw) >= MAX_TEXT;
        is_long || self.batch.items.len() + self.batch.rejected.len() >= self.records
    }

    /// Marks the batch as one that an earlier try of the run may have sent.
    pub(crate) fn mark_sent(&mut self) {
        self.batch.was_sent = true;
    }

    /// Whether the first record of the batch has waited for the maximum time.
    pub fn is_due(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) >= self.limits.interval)
    }

    /// Returns the batch, inserts its keys into the filter, and continues with the empty batch `next`.
    pub fn take(&mut self, mut next: Batch, key_filter: Option<&mut KeyFilter>) -> Batch {
        self.since = None;
        self.records = self.limits.records;
        self.keys.clear();
        if let Some(key_filter) = key_filter {
            // All at once: the filter is larger than the caches, and insertions in a row overlap their waits for memory.
            for (item, hash) in self.batch.items.iter_mut().zip(&self.batch.hashes) {
                item.repeats = key_filter.insert(*hash);
            }
        }
        let mut empty = Arc::try_unwrap(std::mem::take(&mut next.text)).unwrap_or_default();
        empty.clear();
        self.batch.text = Arc::new(std::mem::replace(&mut self.text, empty));
        std::mem::replace(&mut self.batch, next)
    }

    /// Bytes of keys and documents of the current batch, before encoding.
    pub fn bytes(&self) -> usize {
        self.batch.bytes
    }

    /// Whether nothing has been added since the last `take`.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.batch.rejected.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{ActionKey, Op};
    use crate::batch::Documents;
    use crate::record::{Origin, Reason};
    use crate::sink::elasticsearch::Bulk;
    use std::time::Duration;

    fn batcher() -> Batcher {
        let limits = Limits { records: 100, bytes: 1000, interval: Duration::from_secs(1), distinct: false };
        Batcher::new(limits, Arc::new(Documents), false)
    }

    fn push(batcher: &mut Batcher, key: &str, doc: &str) {
        batcher.push(&Record::default(), 0, &Action::plain(Op::Index, ActionKey::Text(key), doc), 1);
    }

    #[test]
    fn a_batch_is_full_before_its_text_is_too_long_for_its_ranges() {
        let limits = Limits { records: usize::MAX, bytes: usize::MAX, interval: Duration::MAX, distinct: false };
        let mut batcher = Batcher::new(limits, Arc::new(Documents), false);
        let doc = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_TEXT / 16));
        let action = Action::plain(Op::Index, ActionKey::Text("k"), &doc);
        let full = (1..=20).find(|_| batcher.push(&Record::default(), 0, &action, 1));
        assert_eq!(full, Some(16));
    }

    #[test]
    fn adjacent_actions_share_the_text_and_others_are_copied() {
        let mut batcher = batcher();
        ["{1}", "{22}"].iter().for_each(|doc| push(&mut batcher, "k", doc));
        batcher.reject(BadRecord { origin: Origin::default(), reason: Reason::new("bad", "no"), raw: &[] });
        ["{333}", "{4}"].iter().for_each(|doc| push(&mut batcher, "k", doc));
        let batch = batcher.take(Batch::default(), None);
        for (indices, text) in [
            (&[0, 1, 2, 3][..], "{1}{22}{333}{4}"),
            (&[1, 2], "{22}{333}"),
            (&[2, 3], "{333}{4}"),
            (&[0, 2], "{1}{333}"),
            (&[], ""),
        ] {
            assert_eq!(batch.text(indices), text, "{indices:?}");
        }
        assert!(std::ptr::eq(batch.text(&[1, 2]).as_ptr(), batch.text[3..].as_ptr()));
        assert_eq!((batch.rejected().count(), batch.len()), (1, 4));
    }

    #[test]
    fn the_text_of_a_batch_is_reused_unless_a_request_still_has_it() {
        let mut batcher = batcher();
        push(&mut batcher, "k", "{1}");
        let mut first = batcher.take(Batch::default(), None);
        let held = first.text(&[0]);
        let address = first.text.as_ptr();
        first.clear(1000);
        push(&mut batcher, "k", "{2}");
        let mut second = batcher.take(first, None);
        push(&mut batcher, "k", "{3}");
        assert_ne!(batcher.text.as_ptr(), address);
        assert_eq!((&held[..], &second.text(&[0])[..]), (&b"{1}"[..], &b"{2}"[..]));
        let address = second.text.as_ptr();
        second.clear(1000);
        batcher.take(second, None);
        assert_eq!(batcher.text.as_ptr(), address);
    }

    #[test]
    fn extras_of_actions_are_kept() {
        let mut batcher = batcher();
        push(&mut batcher, "a", "{}");
        let plain = Action::plain(Op::Update, ActionKey::Text("b"), "{1}");
        let action = Action { collection: "c", upsert: Some("{2}"), detect_noop: false, ..plain };
        batcher.push(&Record::default(), 0, &action, 2);
        push(&mut batcher, "c", "{}");
        let batch = batcher.take(Batch::default(), None);
        let extras: Vec<_> =
            (0..3).map(|index| batch.action(index)).map(|a| (a.collection, a.upsert, a.detect_noop, a.key)).collect();
        assert_eq!(extras, [("", None, true, "a"), ("c", Some("{2}"), false, "b"), ("", None, true, "c")]);
        assert_eq!(batch.bytes(), 3 + 8 + 3);
    }

    #[test]
    fn raw_text_is_kept_only_if_it_is_wanted() {
        let limits = Limits { records: 100, bytes: 10, interval: Duration::from_secs(1), distinct: false };
        let action = Action::plain(Op::Index, ActionKey::Text("k"), "{}");
        for keeps_raw in [false, true] {
            let mut batcher = Batcher::new(limits, Arc::new(Documents), keeps_raw);
            assert!(!batcher.push(&Record { raw: b"a,b", ..Record::default() }, 0, &action, 1));
            let bad = BadRecord { origin: Origin::default(), reason: Reason::new("bad", "no"), raw: b"bad" };
            assert!(!batcher.reject(bad));
            assert_eq!(batcher.push(&Record { raw: b"c,\"d", ..Record::default() }, 1, &action, 1), keeps_raw);
            let mut batch = batcher.take(Batch::default(), None);
            let rejected = batch.rejected().flat_map(|bad| bad.raw.to_vec()).collect::<Vec<u8>>();
            let expected = if keeps_raw { [&b"a,b"[..], b"bad", b"c,\"d"] } else { [&[][..]; 3] };
            assert_eq!([&*batch.raw(0), &rejected, &*batch.raw(1)], expected);
            assert!(keeps_raw || (batch.raw.capacity(), batch.raws.capacity()) == (0, 0));
            batch.clear(1000);
            assert!(batch.raws.is_empty() && batch.raw.is_empty());
        }
    }

    #[test]
    fn a_document_becomes_one_line_if_the_target_requires_it() {
        let doc = "{\n\"a\":\n1,\n\"_key\":\"k\"}\n";
        let cut = [Span::new(8, 20), Span::default()];
        let action = Action { cut, ..Action::plain(Op::Index, ActionKey::InDoc(Span::new(18, 19)), doc) };
        let limits = Limits { records: 100, bytes: 1000, interval: Duration::from_secs(1), distinct: false };
        let encoders: [(Arc<dyn Encode>, &str); 2] =
            [(Arc::new(Bulk::default()), "{\"index\":{\"_id\":\"k\"}}\n{ \"a\": 1} \n"), (Arc::new(Documents), doc)];
        for (encoder, text) in encoders {
            let mut batcher = Batcher::new(limits, encoder, false);
            batcher.push(&Record::default(), 0, &action, 1);
            batcher.push(&Record::default(), 0, &action, 1);
            let batch = batcher.take(Batch::default(), None);
            assert_eq!(batch.line(0), text);
            assert_eq!((batch.line(1), batch.key(1).0), (text, "k"));
        }
    }
}
