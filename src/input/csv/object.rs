//! Writes the JSON object of a row into memory that is used again for the next row.
//! Names are quoted once, when the header is read; members are noted while they are written, so nothing is scanned again.
//! Short texts are moved eight bytes at a time, into room made beforehand: what is written beyond a text is overwritten.

use super::word::Word;
use crate::input::jsonl::utf8;
use crate::input::window::{LONG, grow};
use crate::json::{Member, Span, quote_into};
use crate::record::Reason;

/// Longest object that is written, in bytes: what `Span` and the rest of the program can hold.
const LIMIT: usize = 1 << 30;

/// Why an object cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::input) enum Unwritable {
    /// It would be longer than 1 GiB.
    TooLong,
    /// A text in it is not UTF-8.
    NotUtf8,
}

impl Unwritable {
    /// What to report of the `row` that the object was made of.
    #[cold]
    pub(in crate::input) fn reason(self, row: &[u8]) -> Reason {
        match self {
            Unwritable::TooLong => Reason::new("record_too_long", "as a JSON object it is longer than 1 GiB"),
            Unwritable::NotUtf8 => utf8(row)
                .err()
                .unwrap_or_else(|| Reason::new("invalid_utf8", "the separator or the quote cuts a character in two")),
        }
    }
}

/// A member's name, ready to be written.
#[derive(Clone, Debug)]
pub(in crate::input) struct Name {
    /// `"name":`, then zeros up to a multiple of eight.
    padded: Vec<u8>,
    length: usize,
    escaped: bool,
}

impl Name {
    /// Quotes a name.
    pub(in crate::input) fn new(name: &str) -> Name {
        let mut text = String::new();
        quote_into(&mut text, name);
        Name::as_written(&text)
    }

    /// Takes a name as it is spelt in valid JSON, with its quotes.
    pub(in crate::input) fn as_written(quoted: &str) -> Name {
        let mut padded = quoted.as_bytes().to_vec();
        padded.push(b':');
        let length = padded.len();
        padded.resize(length.next_multiple_of(8), 0);
        Name { padded, length, escaped: quoted.contains('\\') }
    }
}

/// A text that is to be written, and the bytes that happen to lie behind it, so that it can be read in whole words.
#[derive(Clone, Copy, Debug)]
pub(in crate::input) struct Field<'a> {
    /// The text and what lies behind it.
    bytes: &'a [u8],
    length: usize,
}

impl<'a> Field<'a> {
    /// The first `length` bytes, of which there must be as many.
    pub(in crate::input) fn new(bytes: &'a [u8], length: usize) -> Field<'a> {
        debug_assert!(length <= bytes.len());
        Field { bytes, length: length.min(bytes.len()) }
    }

    /// A text with nothing behind it.
    pub(in crate::input) fn alone(bytes: &'a [u8]) -> Field<'a> {
        Field { bytes, length: bytes.len() }
    }

    /// The text.
    pub(in crate::input) fn text(self) -> &'a [u8] {
        &self.bytes[..self.length]
    }

    /// The text without its first `count` bytes, of which it must have as many.
    fn after(self, count: usize) -> Field<'a> {
        Field { bytes: &self.bytes[count..], length: self.length - count }
    }

    /// Its eight bytes at `at`, with what lies behind it, if there are as many.
    #[inline(always)]
    pub(super) fn word(self, at: usize) -> Option<Word> {
        Word::at(self.bytes, at)
    }
}

/// The object of one row.
#[derive(Debug, Default)]
pub(in crate::input) struct Object {
    /// The object is in the first `length` bytes.
    buffer: Vec<u8>,
    length: usize,
    members: Vec<Member>,
    /// One character as it stands in a JSON string, in quotes.
    escape: String,
}

impl Object {
    /// Gives back the room of a long row, which is wanted no more.
    pub(in crate::input) fn give_back(&mut self) {
        if self.buffer.len() > LONG {
            self.buffer = Vec::new();
        }
    }

    /// Forgets the row before.
    pub(in crate::input) fn begin(&mut self) {
        self.members.clear();
        self.length = 0;
        self.put(b'{');
    }

    /// Adds a member whose value is valid JSON.
    #[inline]
    pub(in crate::input) fn push(&mut self, name: &Name, value: Field<'_>) -> Result<(), Unwritable> {
        let start = self.push_name(name, value.length)?;
        self.copy(value);
        self.end_member(name, start, false);
        Ok(())
    }

    /// Adds a member whose value is a string with this text.
    #[inline]
    pub(in crate::input) fn push_text(&mut self, name: &Name, text: Field<'_>) -> Result<(), Unwritable> {
        let start = self.push_name(name, text.length)?;
        self.put(b'"');
        let copied = self.copy_plain(text);
        if copied < text.length {
            self.push_escaped(text.after(copied))?;
        }
        self.put(b'"');
        self.end_member(name, start, copied == text.length);
        Ok(())
    }

    /// Ends the object.
    pub(in crate::input) fn end(&mut self) {
        // A comma stands behind every member.
        self.length -= usize::from(!self.members.is_empty());
        self.put(b'}');
    }

    /// The object, once ended.
    pub(in crate::input) fn text(&self) -> Result<&str, Unwritable> {
        std::str::from_utf8(&self.buffer[..self.length]).map_err(|_| Unwritable::NotUtf8)
    }

    /// Its members.
    pub(in crate::input) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Writes a name, makes room for a value of `length` bytes, and returns where the name begins, with its quote.
    #[inline(always)]
    fn push_name(&mut self, name: &Name, length: usize) -> Result<usize, Unwritable> {
        self.make_room(name.padded.len() + length)?;
        let start = self.length;
        let mut at = start;
        for word in name.padded.chunks_exact(8) {
            self.buffer[at..at + 8].copy_from_slice(word);
            at += 8;
        }
        self.length += name.length;
        Ok(start)
    }

    #[inline(always)]
    fn end_member(&mut self, name: &Name, start: usize, is_simple: bool) {
        let value = start + name.length;
        self.members.push(Member {
            name: Span::new(start + 1, value - 2),
            value: Span::new(value, self.length),
            escaped: name.escaped,
            is_simple,
        });
        self.put(b',');
    }

    /// Makes room for `count` bytes, a word beyond them, and two quotes, a comma and a brace.
    #[inline(always)]
    fn make_room(&mut self, count: usize) -> Result<(), Unwritable> {
        let needed = self.length + count + 16;
        if needed > self.buffer.len() {
            if needed > LIMIT {
                return Err(Unwritable::TooLong);
            }
            grow(&mut self.buffer, needed);
        }
        Ok(())
    }

    #[inline(always)]
    fn put(&mut self, byte: u8) {
        match self.buffer.get_mut(self.length) {
            Some(place) => *place = byte,
            None => self.buffer.push(byte),
        }
        self.length += 1;
    }

    /// Copies a text into room made for it.
    #[inline(always)]
    fn copy(&mut self, text: Field<'_>) {
        let to = self.length;
        self.length += text.length;
        if let (Some(word), true) = (text.word(0), text.length <= 8) {
            self.buffer[to..to + 8].copy_from_slice(&word.bytes());
        } else {
            self.buffer[to..self.length].copy_from_slice(text.text());
        }
    }

    /// Copies a text into room made for it, up to the first byte that a JSON string must escape; how many bytes that is.
    #[inline(always)]
    fn copy_plain(&mut self, text: Field<'_>) -> usize {
        let mut at = 0;
        while at < text.length {
            let Some(word) = text.word(at) else { break };
            let to = self.length + at;
            self.buffer[to..to + 8].copy_from_slice(&word.bytes());
            at += word.plain();
            if word.plain() < 8 {
                break;
            }
        }
        at = at.min(text.length);
        for byte in &text.text()[at..] {
            if must_be_escaped(*byte) {
                break;
            }
            self.buffer[self.length + at] = *byte;
            at += 1;
        }
        self.length += at;
        at
    }

    /// Copies a text that begins with a byte that must be escaped.
    #[cold]
    fn push_escaped(&mut self, mut text: Field<'_>) -> Result<(), Unwritable> {
        let more: usize = text.text().iter().map(|byte| escape_length(*byte) - 1).sum();
        self.make_room(text.length + more)?;
        while let Some(byte) = text.text().first() {
            self.escape.clear();
            quote_into(&mut self.escape, char::from(*byte).encode_utf8(&mut [0; 4]));
            let inside = &self.escape.as_bytes()[1..self.escape.len() - 1];
            self.buffer[self.length..self.length + inside.len()].copy_from_slice(inside);
            self.length += inside.len();
            text = text.after(1);
            let copied = self.copy_plain(text);
            text = text.after(copied);
        }
        Ok(())
    }
}

/// How many bytes a JSON string needs for a byte.
fn escape_length(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

fn must_be_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str, behind: &str) -> (String, String) {
        let bytes = format!("{text}{behind}");
        let mut object = Object::default();
        object.begin();
        object.push_text(&Name::new("a\""), Field::new(bytes.as_bytes(), text.len())).expect("short");
        object.end();
        let member = object.members()[0];
        let all = object.text().expect("UTF-8").to_owned();
        assert_eq!((member.name.of(&all), member.escaped), ("a\\\"", true));
        let value = member.value.of(&all).to_owned();
        (all, value)
    }

    #[test]
    fn nothing_but_what_must_be_is_escaped() {
        assert_eq!(written("a/é\u{7f}\"\\\n\u{1}", "").0, "{\"a\\\"\":\"a/é\u{7f}\\\"\\\\\\n\\u0001\"}");
        for count in [1, 7, 8, 9, 1000] {
            assert_eq!(written(&"\u{1}".repeat(count), "").1, format!("\"{}\"", "\\u0001".repeat(count)));
        }
    }

    #[test]
    fn an_object_without_members_is_empty() {
        let mut object = Object::default();
        object.begin();
        object.end();
        assert_eq!(object.text(), Ok("{}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn texts_read_back_whatever_lies_behind_them(text in "[a-cé\"\\\\\n\u{1}]{0,40}|[a-d]{0,40}", behind in "[x\"\n]{0,12}") {
            let mut expected = String::new();
            quote_into(&mut expected, &text);
            prop_assert_eq!(written(&text, &behind).1, expected);
        }
    }
}
