//! JSON into values, one level at a time: a document is not parsed further than the script looks into it, and what it
//! does not touch keeps its bytes.

use super::error::{Phase, Result, ScriptError};
use super::heap::{Heap, Order, Slot};
use super::value::{Span, Value};

fn broken() -> ScriptError {
    ScriptError::new(Phase::Item, "parse_exception", "the document is not valid JSON")
}

impl Heap {
    /// The value of a piece of JSON; objects and arrays become maps and lists of unread pieces.
    pub(super) fn read(&mut self, span: Span) -> Result<Value> {
        let text = self.str(span);
        match text.as_bytes().first() {
            Some(b'"') => self.read_text(span),
            Some(b'{') => self.read_object(span),
            Some(b'[') => self.read_array(span),
            Some(b't') => Ok(Value::Boolean(true)),
            Some(b'f') => Ok(Value::Boolean(false)),
            Some(b'n') => Ok(Value::Null),
            Some(_) => number(text, span),
            None => Err(broken()),
        }
    }

    /// Text without escapes is used where it lies.
    pub(super) fn read_text(&mut self, span: Span) -> Result<Value> {
        let inner = Span { start: span.start + 1, length: span.length.saturating_sub(2) };
        if !self.str(inner).contains('\\') {
            return Ok(Value::Text(inner));
        }
        match serde_json::from_str::<String>(self.str(span)) {
            Ok(text) => self.add_text(&text),
            Err(_) => Err(ScriptError::unsupported_run("a text with an unpaired surrogate")),
        }
    }

    fn read_array(&mut self, span: Span) -> Result<Value> {
        let id = self.new_list()?;
        let mut items = std::mem::take(&mut self.list_mut(id).items);
        let mut scan = Scan::inside(&self.text, span);
        while let Some(item) = scan.next_item(b']')? {
            items.push(Value::Raw(item));
        }
        self.take(items.len() * size_of::<Value>())?;
        self.list_mut(id).items = items;
        Ok(Value::List(id))
    }

    /// A key that is there twice keeps both; the last one is the one that is found.
    fn read_object(&mut self, span: Span) -> Result<Value> {
        let order = if self.ordered.contains(&span.start) { Order::Linked } else { Order::Hashed };
        let id = self.new_map(order)?;
        let mut slots = std::mem::take(&mut self.map_mut(id).slots);
        let mut scan = Scan::inside(&self.text, span);
        while let Some(key) = scan.next_item(b'}')? {
            scan.colon()?;
            let rank = slots.len() as i32;
            slots.push(Slot { key: Value::Raw(key), value: Value::Raw(scan.value()?), rank, live: true });
        }
        self.take(slots.len() * size_of::<Slot>())?;
        let map = self.map_mut(id);
        map.size = slots.len();
        map.slots = slots;
        map.grow_buckets();
        Ok(Value::Map(id))
    }

    /// An element as the script sees it. A list or map is kept, so that the next look finds the same one.
    pub(super) fn list_item(&mut self, id: u32, index: usize) -> Result<Value> {
        let Value::Raw(span) = self.list(id).items[index] else { return Ok(self.list(id).items[index]) };
        let value = self.read(span)?;
        if matches!(value, Value::List(_) | Value::Map(_)) {
            self.list_mut(id).items[index] = value;
        }
        Ok(value)
    }

    pub(super) fn slot_value(&mut self, id: u32, slot: usize) -> Result<Value> {
        let Value::Raw(span) = self.map(id).slots[slot].value else { return Ok(self.map(id).slots[slot].value) };
        let value = self.read(span)?;
        if matches!(value, Value::List(_) | Value::Map(_)) {
            self.map_mut(id).slots[slot].value = value;
        }
        Ok(value)
    }

    pub(super) fn slot_key(&mut self, id: u32, slot: usize) -> Result<Value> {
        match self.map(id).slots[slot].key {
            Value::Raw(span) => self.read_text(span),
            key => Ok(key),
        }
    }
}

/// As the server reads numbers: the smallest of int, long and BigInteger that holds it, or a double.
fn number(text: &str, span: Span) -> Result<Value> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return text.parse().map(Value::Double).map_err(|_| broken());
    }
    if let Ok(value) = text.parse::<i64>() {
        return Ok(i32::try_from(value).map_or(Value::Long(value), Value::Int));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if valid { Ok(Value::BigInteger(span)) } else { Err(broken()) }
}

/// Walks over the elements of an object or array without looking into them.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    first: bool,
}

impl<'a> Scan<'a> {
    fn inside(text: &'a str, span: Span) -> Self {
        let end = (span.start + span.length) as usize;
        Scan { bytes: &text.as_bytes()[..end.min(text.len())], at: span.start as usize + 1, first: true }
    }

    fn peek(&mut self) -> Result<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(broken())
    }

    fn next_item(&mut self, close: u8) -> Result<Option<Span>> {
        if self.peek()? == close {
            return Ok(None);
        }
        if !self.first {
            self.expect(b',')?;
        }
        self.first = false;
        self.value().map(Some)
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        let found = self.peek()? == wanted;
        self.at += 1;
        if found { Ok(()) } else { Err(broken()) }
    }

    fn colon(&mut self) -> Result<()> {
        self.expect(b':')
    }

    fn value(&mut self) -> Result<Span> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => self.skip_text()?,
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                let rest = &self.bytes[start..];
                let length =
                    rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
                self.at += length.unwrap_or(rest.len());
            }
        }
        Ok(Span { start: start as u32, length: (self.at - start) as u32 })
    }

    fn skip_text(&mut self) -> Result<()> {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return Ok(());
            }
        }
        Err(broken())
    }

    fn skip_nested(&mut self) -> Result<()> {
        let mut depth = 0;
        loop {
            match self.bytes.get(self.at).ok_or_else(broken)? {
                b'"' => {
                    self.skip_text()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
