//! BE ADVISED: this is a fast path. All of it is here, and without it everything works as before, only slower.
//!
//! It reads the reply that nearly every request gets: compact JSON in which nothing failed and every item is in the place of
//! its action. Measured for 1,000,000 documents to a server that replies at once: 0.28 seconds of processor time with it, 0.67
//! without.
//!
//! * `read` is the way in, from `answer.rs`. `None` leaves the whole reply to the reader there, which takes any JSON, so that
//!   this one has to know little and can never be wrong about the rest.
//! * `Text` reads the bytes: the envelope (`items`), then item by item (`item`), or at once where an item is like the last
//!   one but for its id (`alike`, `Around`).
//! * `InPlaces` takes the items for the actions of a group and checks that they answer those (`Takes`).

use crate::action::Op;
use crate::json::needs_no_escape;
use crate::sink::bulk_api::{ItemBody, ResponseItem};
use crate::sink::remote::{Group, ItemOutcomes};
use std::borrow::Cow;
use std::ops::Range;

/// What became of the actions of a group, if each was carried out and the reply says so in their order.
pub(super) fn read(group: Group<'_>, body: &[u8]) -> Option<ItemOutcomes> {
    let body = simdutf8::basic::from_utf8(body).ok()?;
    let plain = group.batch.has_plain_keys();
    let mut in_places = InPlaces { group, place: 0, outcomes: ItemOutcomes::default(), last: None, plain };
    items(body, &mut in_places)?;
    (in_places.place == group.len()).then_some(in_places.outcomes)
}

/// Takes the items of an answer, one after the other.
trait Takes<'a> {
    /// Takes an item; false ends the reading.
    fn take(&mut self, item: &ResponseItem<'a>) -> bool;

    /// The id by which the next item has to differ from the last one to be taken by `take_alike`, if it may be at all.
    fn next_id(&self) -> Option<&str>;

    /// Takes an item that is like the last one but for its id.
    fn take_alike(&mut self);
}

/// Hands each item of the answer to `taker`. `None` if the answer is not of the usual kind, or an item was refused.
fn items<'a>(body: &'a str, taker: &mut impl Takes<'a>) -> Option<()> {
    let mut text = Text { bytes: body.as_bytes(), body, at: 0, id: 0..0 };
    text.word(b"{")?;
    loop {
        match text.name()? {
            "items" => text.items(taker)?,
            "took" | "ingest_took" => drop(text.number()?),
            // An answer with an error in it is not the usual one.
            "errors" => text.word(b"false")?,
            _ => return None,
        }
        match text.next()? {
            b',' => {}
            b'}' if text.at == text.bytes.len() => return Some(()),
            _ => return None,
        }
    }
}

/// JSON text and a place in it.
struct Text<'a> {
    body: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where the id read last lies.
    id: Range<usize>,
}

impl<'a> Text<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(word).then(|| self.at += word.len())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.word(b"\"")?;
        let start = self.at;
        let length = self.bytes[start..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        self.at += length;
        self.word(b"\"").map(|()| &self.body[start..start + length])
    }

    /// A name and its colon.
    fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.word(b":")?;
        Some(name)
    }

    /// An integer as JSON writes it.
    fn number(&mut self) -> Option<i64> {
        let rest = &self.body[self.at..];
        let number = &rest[..rest.find(|c: char| c != '-' && !c.is_ascii_digit())?];
        self.at += number.len();
        let digits = number.trim_start_matches('-');
        number.parse().ok().filter(|_| digits.len() == 1 || !digits.starts_with('0'))
    }

    fn items(&mut self, taker: &mut impl Takes<'a>) -> Option<()> {
        self.word(b"[")?;
        let mut last = Around::default();
        loop {
            if !self.alike(&last, taker) {
                let start = self.at;
                self.word(b"{")?;
                let op = Cow::Borrowed(self.name()?);
                let named = ResponseItem { op, item: self.item()? };
                self.word(b"}")?;
                if !taker.take(&named) {
                    return None;
                }
                last.set(&self.bytes[start..self.id.start], &self.bytes[self.id.end..self.at]);
            }
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Takes items for as long as they differ from the last one in nothing but their ids. False if it stops at the
    /// beginning of an item, true if behind one.
    fn alike(&mut self, last: &Around, taker: &mut impl Takes<'a>) -> bool {
        let Some(mut rest) = self.bytes[self.at..].strip_prefix(last.before()) else { return false };
        while let Some(behind) = taker.next_id().and_then(|id| rest.strip_prefix(id.as_bytes())) {
            if let Some(next) = behind.strip_prefix(&*last.between) {
                taker.take_alike();
                rest = next;
            } else if let Some(end) = behind.strip_prefix(&last.between[..last.comma]) {
                taker.take_alike();
                self.at = self.bytes.len() - end.len();
                return true;
            } else {
                break;
            }
        }
        self.at = self.bytes.len() - rest.len() - last.before().len();
        false
    }

    fn item(&mut self) -> Option<ItemBody<'a>> {
        let mut item = ItemBody::default();
        self.word(b"{")?;
        loop {
            match self.name()? {
                "_index" => item.index = Some(Cow::Borrowed(self.string()?)),
                "_id" => {
                    let id = self.string()?;
                    self.id = self.at - 1 - id.len()..self.at - 1;
                    item.id = Some(Cow::Borrowed(id));
                }
                "result" => item.result = Some(Cow::Borrowed(self.string()?)),
                "_version" => item.version = Some(self.number()?),
                "status" => item.status = u16::try_from(self.number()?).ok()?,
                _ => return None,
            }
            match self.next()? {
                b',' => {}
                b'}' => return Some(item),
                _ => return None,
            }
        }
    }
}

/// What stands around the id of the last item. Mostly all others look the same, and are compared at once.
#[derive(Default)]
struct Around {
    /// What stands behind the id, a comma, and what stands before the next one.
    between: Vec<u8>,
    /// Where the comma is.
    comma: usize,
}

impl Around {
    fn set(&mut self, before: &[u8], behind: &[u8]) {
        self.between.clear();
        [behind, b",", before].into_iter().for_each(|part| self.between.extend_from_slice(part));
        self.comma = behind.len();
    }

    fn before(&self) -> &[u8] {
        self.between.get(self.comma + 1..).unwrap_or_default()
    }
}

/// Takes items that stand in the places of their actions.
struct InPlaces<'g> {
    group: Group<'g>,
    /// The place of the next item.
    place: usize,
    outcomes: ItemOutcomes,
    /// The kind of the last action, if its outcome can be that of the next one too.
    last: Option<Op>,
    /// Whether JSON writes every key as it is.
    plain: bool,
}

impl<'a> Takes<'a> for InPlaces<'_> {
    fn take(&mut self, item: &ResponseItem<'a>) -> bool {
        if self.place == self.group.len() || !item.fits(self.group.key(self.place)) {
            return false;
        }
        let op = self.group.key(self.place).1;
        let outcome = item.outcome(op, &|| self.group.get(self.place));
        self.last = outcome.can_be_common().then_some(op);
        self.outcomes.push(outcome, 1);
        self.place += 1;
        true
    }

    /// Only an action of the same kind can have the same answer, and only a key that JSON writes as it is can be compared.
    #[inline(always)]
    fn next_id(&self) -> Option<&str> {
        if self.place == self.group.len() {
            return None;
        }
        let (key, op) = self.group.key(self.place);
        (self.last == Some(op) && (self.plain || needs_no_escape(key))).then_some(key)
    }

    #[inline(always)]
    fn take_alike(&mut self) {
        self.outcomes.repeat_last();
        self.place += 1;
    }
}

#[cfg(test)]
mod tests;
