//! This is a fast path. All of it is here, and without it everything works as before, only slower.
//!
//! It reads the reply that nearly every request gets: compact JSON in which nothing failed and the items are in the order
//! of the actions. Measured for 1,000,000 documents to a server that replies at once: 0.28 seconds of processor time with
//! it, 0.67 without.
//!
//! * `read` is the way in, from `answer`. `None` leaves the whole reply to the reader there, which takes any JSON, so this one
//!   never needs to handle the rest.
//! * `Text` reads the bytes: the envelope (`items`), then item by item (`item`), or at once where an item equals the last one
//!   but for its id (`similar_items`, `Template`).
//! * `OrderedItems` matches the items with the actions of a group (`Visitor`).

use crate::action::Op;
use crate::json::needs_no_escape;
use crate::sink::bulk_api::{ItemBody, ResponseItem};
use crate::sink::remote::{Group, ItemOutcomes};
use std::borrow::Cow;
use std::ops::Range;

/// The outcomes of the actions of a group, if all of them were applied and their items are in order.
pub(super) fn read(group: Group<'_>, body: &[u8]) -> Option<ItemOutcomes> {
    let body = simdutf8::basic::from_utf8(body).ok()?;
    let plain = group.batch.has_plain_keys();
    let mut ordered = OrderedItems { group, index: 0, outcomes: ItemOutcomes::default(), last: None, plain };
    items(body, &mut ordered)?;
    (ordered.index == group.len()).then_some(ordered.outcomes)
}

/// Receives the items of a reply, one after the other.
trait Visitor<'a> {
    /// Receives an item; false ends the reading.
    fn visit(&mut self, item: &ResponseItem<'a>) -> bool;

    /// The id that the next item must have to be received by `visit_similar`; `None` if it may not be.
    fn next_id(&self) -> Option<&str>;

    /// Receives an item that equals the last one but for its id.
    fn visit_similar(&mut self);
}

/// Hands each item of the reply to `visitor`. `None` if the reply has another form, or the visitor stopped.
fn items<'a>(body: &'a str, visitor: &mut impl Visitor<'a>) -> Option<()> {
    let mut text = Text { bytes: body.as_bytes(), body, offset: 0, id: 0..0 };
    let mut has_items = false;
    text.literal(b"{")?;
    loop {
        match text.name()? {
            "items" if !std::mem::replace(&mut has_items, true) => text.items(visitor)?,
            "took" | "ingest_took" => drop(text.number()?),
            // A reply with errors is left to the other reader.
            "errors" => text.literal(b"false")?,
            _ => return None,
        }
        match text.next()? {
            b',' => {}
            b'}' if text.offset == text.bytes.len() => return Some(()),
            _ => return None,
        }
    }
}

/// A JSON text and an offset in it.
struct Text<'a> {
    body: &'a str,
    bytes: &'a [u8],
    offset: usize,
    /// Where the last id is.
    id: Range<usize>,
}

impl<'a> Text<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.offset)?;
        self.offset += 1;
        Some(byte)
    }

    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.offset..)?;
        rest.starts_with(literal).then(|| self.offset += literal.len())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.literal(b"\"")?;
        let start = self.offset;
        let length = self.bytes[start..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        self.offset += length;
        self.literal(b"\"").map(|()| &self.body[start..start + length])
    }

    /// A name and its colon.
    fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.literal(b":")?;
        Some(name)
    }

    /// An integer in JSON.
    fn number(&mut self) -> Option<i64> {
        let rest = &self.body[self.offset..];
        let number = &rest[..rest.find(|c: char| c != '-' && !c.is_ascii_digit())?];
        self.offset += number.len();
        let digits = number.trim_start_matches('-');
        number.parse().ok().filter(|_| digits.len() == 1 || !digits.starts_with('0'))
    }

    fn items(&mut self, visitor: &mut impl Visitor<'a>) -> Option<()> {
        self.literal(b"[")?;
        let mut last = Template::default();
        loop {
            if !self.similar_items(&last, visitor) {
                let start = self.offset;
                self.literal(b"{")?;
                let op = Cow::Borrowed(self.name()?);
                let item = ResponseItem { op, body: self.item()? };
                self.literal(b"}")?;
                if !visitor.visit(&item) {
                    return None;
                }
                last.set(&self.bytes[start..self.id.start], &self.bytes[self.id.end..self.offset]);
            }
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Hands over items while they differ from the last one only in their ids. False if it stops before an item, true if
    /// after one.
    fn similar_items(&mut self, last: &Template, visitor: &mut impl Visitor<'a>) -> bool {
        let Some(mut rest) = self.bytes[self.offset..].strip_prefix(last.before()) else { return false };
        while let Some(behind) = visitor.next_id().and_then(|id| rest.strip_prefix(id.as_bytes())) {
            if let Some(next) = behind.strip_prefix(&*last.between) {
                visitor.visit_similar();
                rest = next;
            } else if let Some(end) = behind.strip_prefix(&last.between[..last.comma]) {
                visitor.visit_similar();
                self.offset = self.bytes.len() - end.len();
                return true;
            } else {
                break;
            }
        }
        self.offset = self.bytes.len() - rest.len() - last.before().len();
        false
    }

    fn item(&mut self) -> Option<ItemBody<'a>> {
        let mut item = ItemBody::default();
        self.literal(b"{")?;
        loop {
            match self.name()? {
                // A duplicate field goes to the other reader, which refuses it.
                "_index" if item.index.is_none() => item.index = Some(Cow::Borrowed(self.string()?)),
                "_id" if item.id.is_none() => {
                    let id = self.string()?;
                    self.id = self.offset - 1 - id.len()..self.offset - 1;
                    item.id = Some(Cow::Borrowed(id));
                }
                "result" if item.result.is_none() => item.result = Some(Cow::Borrowed(self.string()?)),
                "_version" if item.version.is_none() => item.version = Some(self.number()?),
                "status" if item.status == 0 => {
                    item.status = u16::try_from(self.number()?).ok().filter(|status| *status > 0)?;
                }
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

/// The text around the id of the last item. Mostly all items look the same, and are compared at once.
#[derive(Default)]
struct Template {
    /// What follows the id, a comma, and what precedes the next id.
    between: Vec<u8>,
    /// Where the comma is.
    comma: usize,
}

impl Template {
    fn set(&mut self, before: &[u8], behind: &[u8]) {
        self.between.clear();
        [behind, b",", before].into_iter().for_each(|part| self.between.extend_from_slice(part));
        self.comma = behind.len();
    }

    fn before(&self) -> &[u8] {
        self.between.get(self.comma + 1..).unwrap_or_default()
    }
}

/// Receives items that are in the order of their actions.
struct OrderedItems<'g> {
    group: Group<'g>,
    /// The index of the next item.
    index: usize,
    outcomes: ItemOutcomes,
    /// The operation of the last action, if the next one can have the same outcome.
    last: Option<Op>,
    /// Whether no key needs an escape in JSON.
    plain: bool,
}

impl<'a> Visitor<'a> for OrderedItems<'_> {
    fn visit(&mut self, item: &ResponseItem<'a>) -> bool {
        if self.index == self.group.len() || !item.matches(self.group.key(self.index)) {
            return false;
        }
        let op = self.group.key(self.index).1;
        let outcome = item.outcome(op, &|| self.group.get(self.index));
        self.last = outcome.can_be_common().then_some(op);
        self.outcomes.push(outcome, 1);
        self.index += 1;
        true
    }

    /// Only an action with the same operation can have the same item, and only a key without escapes can be compared.
    #[inline(always)]
    fn next_id(&self) -> Option<&str> {
        if self.index == self.group.len() {
            return None;
        }
        let (key, op) = self.group.key(self.index);
        (self.last == Some(op) && !key.is_empty() && (self.plain || needs_no_escape(key))).then_some(key)
    }

    #[inline(always)]
    fn visit_similar(&mut self) {
        self.outcomes.repeat_last();
        self.index += 1;
    }
}

#[cfg(test)]
mod tests;
