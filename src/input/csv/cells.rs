//! The cells of one record: their texts as `csv_core` unquotes them, and what it does not report, which only the raw text of
//! a cell shows: whether it is quoted, where its closing quote is, and what is wrong behind it.

use super::Dialect;
use crate::input::window::{LONG, grow};
use crate::record::Reason;
use std::borrow::Cow;

/// One cell, as a range of the texts. Records are at most 1 GiB, so 32 bits do.
#[derive(Clone, Copy, Debug)]
struct Cell {
    start: u32,
    end: u32,
    is_bare: bool,
}

/// The cells of a record.
#[derive(Debug)]
pub(super) struct Cells {
    dialect: Dialect,
    /// Cells that are kept; a record may have more, which are only counted, so that a line of commas takes no memory.
    pub(super) keep: usize,
    list: Vec<Cell>,
    /// How many there are.
    pub(super) count: usize,
    /// The texts of the cells that are kept, up to `end`, then room.
    text: Vec<u8>,
    end: usize,
    /// Whether one of them began with a quote; else the record has no line break inside.
    pub(super) has_quotes: bool,
    /// The first thing that is wrong with the record, although its end was found.
    pub(super) flaw: Option<Reason>,
}

impl Cells {
    pub(super) fn new(dialect: Dialect, keep: usize) -> Cells {
        let (list, text) = (Vec::new(), Vec::new());
        Cells { dialect, keep, list, count: 0, text, end: 0, has_quotes: false, flaw: None }
    }

    /// Goes to the beginning of a record, and gives back the room of a long one.
    pub(super) fn begin(&mut self) {
        self.list.clear();
        (self.count, self.end, self.has_quotes, self.flaw) = (0, 0, false, None);
        if self.text.len() > LONG {
            self.text = Vec::new();
        }
    }

    /// Room for `count` more bytes of the cell to come, of which there are `written`.
    #[inline(always)]
    pub(super) fn room(&mut self, written: usize, count: usize) -> &mut [u8] {
        let start = self.end + written;
        if start + count > self.text.len() {
            grow(&mut self.text, start + count);
        }
        &mut self.text[start..]
    }

    /// Adds the cell with this raw text, of which `csv_core` has written `written` bytes into the room.
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

    /// Looks for flaws in a quoted cell. What is behind its closing quote was written too; its length without that.
    #[inline(never)]
    fn quoted(&mut self, raw: &[u8], written: usize) -> usize {
        self.has_quotes = true;
        let inside = &raw[1..];
        let (closing, has_unknown_escape) = closing_quote(inside, self.dialect);
        let behind = closing.map_or(&[][..], |at| &inside[at + 1..]);
        let has_text = behind.iter().any(|byte| !matches!(byte, b' ' | b'\t'));
        let place = self.count;
        if has_unknown_escape && self.flaw.is_none() {
            let text = format!("unexpected backslash in field {place}: not before a quote or a backslash");
            self.flaw = Some(Reason::new("unknown_escape", text));
        }
        if has_text && self.flaw.is_none() {
            let text = format!("unexpected text after the closing quote of field {place}");
            self.flaw = Some(Reason::new("text_after_quote", text));
        }
        written.saturating_sub(behind.len())
    }

    /// Whether the record is a blank line.
    pub(super) fn is_blank(&self) -> bool {
        self.count == 0 || self.count == 1 && self.end == 0 && !self.has_quotes
    }

    /// The texts of all cells that are kept, one behind the other.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.end]
    }

    /// The text of each cell that is kept, and whether it was bare.
    #[inline]
    pub(super) fn kept(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.list.iter().map(|cell| (&self.text[cell.start as usize..cell.end as usize], cell.is_bare))
    }
}

/// Where the closing quote of a cell is, in the bytes behind its opening one, and whether there is a backslash before it that
/// escapes nothing. A quote at the very end counts as the closing one.
pub(super) fn closing_quote(inside: &[u8], dialect: Dialect) -> (Option<usize>, bool) {
    let Some(quote) = dialect.quote else { return (None, false) };
    let escape = if dialect.backslash_escape { b'\\' } else { quote };
    let (mut at, mut has_unknown_escape) = (0, false);
    while let Some(found) = memchr::memchr2(quote, escape, inside.get(at..).unwrap_or_default()) {
        at += found;
        let (byte, next) = (inside[at], inside.get(at + 1).copied());
        if next == Some(quote) || byte != quote && next == Some(b'\\') {
            at += 2;
        } else if byte == quote {
            return (Some(at), has_unknown_escape);
        } else {
            has_unknown_escape |= next.is_some();
            at += 1;
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
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\n' {
                self.lf += 1;
            } else if bytes.get(at + 1) != Some(&b'\n') {
                self.lone_cr += 1;
            }
        }
    }
}

/// As much of a text as a message can bear.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((at, _)) => Cow::Owned(format!("{}...", &text[..at])),
        None => Cow::Borrowed(text),
    }
}
