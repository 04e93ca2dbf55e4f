//! The cells of one record: their text as `csv_core` unquotes it, and what it does not report. The raw text of a cell shows
//! whether it is quoted, where its closing quote is, and whether there is an error behind that.

use super::Dialect;
use crate::input::window::{LONG, grow};
use crate::record::Reason;
use std::borrow::Cow;

/// One cell, as a range of the text. Records are at most 1 GiB, so 32 bits are enough.
#[derive(Clone, Copy, Debug)]
struct Cell {
    start: u32,
    end: u32,
    is_bare: bool,
}

#[derive(Debug)]
pub(super) struct Cells {
    dialect: Dialect,
    /// Maximum number of cells that are kept. More are only counted, so that a line of commas takes no memory.
    pub(super) keep: usize,
    list: Vec<Cell>,
    /// Number of cells, including those that are not kept.
    pub(super) count: usize,
    /// The text of the kept cells, up to `end`, then free space.
    text: Vec<u8>,
    end: usize,
    /// Whether any cell starts with a quote. If not, the record has no line break inside.
    pub(super) has_quotes: bool,
    /// The first error in the record. Its end was found nevertheless.
    pub(super) flaw: Option<Reason>,
}

impl Cells {
    pub(super) fn new(dialect: Dialect, keep: usize) -> Cells {
        let (list, text) = (Vec::new(), Vec::new());
        Cells { dialect, keep, list, count: 0, text, end: 0, has_quotes: false, flaw: None }
    }

    /// Starts a new record, and frees the memory of a long one.
    pub(super) fn begin(&mut self) {
        self.list.clear();
        (self.count, self.end, self.has_quotes, self.flaw) = (0, 0, false, None);
        if self.text.len() > LONG {
            self.text = Vec::new();
        }
    }

    /// Free space for `count` more bytes of the current cell, of which `written` bytes are there already.
    #[inline(always)]
    pub(super) fn room(&mut self, written: usize, count: usize) -> &mut [u8] {
        let start = self.end + written;
        if start + count > self.text.len() {
            grow(&mut self.text, start + count);
        }
        &mut self.text[start..]
    }

    /// Adds the cell with this raw text. `csv_core` has written `written` bytes of it into the free space.
    #[inline(always)]
    pub(super) fn push(&mut self, raw: &[u8], written: usize) {
        self.count += 1;
        let is_bare = self.dialect.quote.is_none_or(|quote| raw.first() != Some(&quote));
        let length = if is_bare { written } else { self.quoted(raw, written) };
        if self.count <= self.keep {
            let start = self.end as u32;
            self.end += length;
            self.list.push(Cell { start, end: self.end as u32, is_bare });
        }
    }

    /// Checks a quoted cell. Text behind its closing quote was written too. Returns the length without that text.
    #[inline(never)]
    fn quoted(&mut self, raw: &[u8], written: usize) -> usize {
        self.has_quotes = true;
        let inside = &raw[1..];
        let (closing, has_unknown_escape) = closing_quote(inside, self.dialect);
        let behind = closing.map_or(&[][..], |offset| &inside[offset + 1..]);
        let has_text = behind.iter().any(|byte| !matches!(byte, b' ' | b'\t'));
        let number = self.count;
        if has_unknown_escape && self.flaw.is_none() {
            let text = format!("unexpected backslash in field {number}: not before a quote or a backslash");
            self.flaw = Some(Reason::new("unknown_escape", text));
        }
        if has_text && self.flaw.is_none() {
            let text = format!("unexpected text after the closing quote of field {number}");
            self.flaw = Some(Reason::new("text_after_quote", text));
        }
        written.saturating_sub(behind.len())
    }

    /// Whether the record is a blank line.
    pub(super) fn is_blank(&self) -> bool {
        self.count == 0 || self.count == 1 && self.end == 0 && !self.has_quotes
    }

    /// The text of all kept cells, concatenated.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.end]
    }

    /// The text of each kept cell, and whether it was bare (not quoted).
    pub(super) fn kept(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.list.iter().map(|cell| (&self.text[cell.start as usize..cell.end as usize], cell.is_bare))
    }
}

/// The offset of the closing quote, in the bytes after the opening one, and whether a backslash before it escapes nothing.
/// A quote at the very end counts as the closing one.
pub(super) fn closing_quote(inside: &[u8], dialect: Dialect) -> (Option<usize>, bool) {
    let Some(quote) = dialect.quote else { return (None, false) };
    let escape = if dialect.backslash_escape { b'\\' } else { quote };
    let (mut offset, mut has_unknown_escape) = (0, false);
    while let Some(found) = memchr::memchr2(quote, escape, inside.get(offset..).unwrap_or_default()) {
        offset += found;
        let (byte, next) = (inside[offset], inside.get(offset + 1).copied());
        if next == Some(quote) || byte != quote && next == Some(b'\\') {
            offset += 2;
        } else if byte == quote {
            return (Some(offset), has_unknown_escape);
        } else {
            has_unknown_escape |= next.is_some();
            offset += 1;
        }
    }
    (None, has_unknown_escape)
}

/// Line breaks inside quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaks {
    pub(super) lf: u64,
    pub(super) lone_cr: u64,
}

impl Breaks {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for offset in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[offset] == b'\n' {
                self.lf += 1;
            } else if bytes.get(offset + 1) != Some(&b'\n') {
                self.lone_cr += 1;
            }
        }
    }
}

/// A text cut to a length that fits in a message.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((offset, _)) => Cow::Owned(format!("{}...", &text[..offset])),
        None => Cow::Borrowed(text),
    }
}
