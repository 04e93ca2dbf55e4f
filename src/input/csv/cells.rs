//! The cells of one record: their text as `csv_core` unquotes it, and what it does not report. The raw text of a cell shows
//! whether it is quoted, where its closing quote is, and whether there is an error before or behind its quotes.

use super::Dialect;
use crate::input::window::{LONG, grow};
use crate::record::Reason;

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
    /// Only a cell whose first byte is below this can need attention: a quote, or a blank around one.
    special: u8,
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
        let special = special(dialect);
        Cells { dialect, special, keep, list, count: 0, text, end: 0, has_quotes: false, flaw: None }
    }

    pub(super) fn set_dialect(&mut self, dialect: Dialect) {
        (self.dialect, self.special) = (dialect, special(dialect));
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
        let is_special = raw.first().is_some_and(|first| *first < self.special);
        let (length, is_bare) = if is_special { self.special_cell(raw, written) } else { (written, true) };
        if self.count <= self.keep {
            let start = self.end as u32;
            self.end += length;
            self.list.push(Cell { start, end: self.end as u32, is_bare });
        }
    }

    /// Adds a cell that may be quoted, or has blanks around it. Returns the length of its text, and whether it is bare.
    #[inline(never)]
    fn special_cell(&mut self, raw: &[u8], written: usize) -> (usize, bool) {
        let first = raw.first().copied();
        if first.is_some() && first == self.dialect.quote {
            return (self.quoted(raw, written), false);
        }
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
        if self.dialect.trim {
            return (written - raw.iter().rev().take_while(blank).count(), true);
        }
        let start = raw.iter().find(|byte| !blank(byte)).copied();
        if start.is_some() && start == self.dialect.quote && start != first {
            let number = self.count;
            let text = format!("unexpected blank before the quote of field {number} (--trim drops it)");
            self.flaw.get_or_insert_with(|| Reason::new("blank_before_quote", text));
        }
        (written, true)
    }

    /// Checks a quoted cell. Text behind its closing quote was written too. Returns the length without that text.
    fn quoted(&mut self, raw: &[u8], written: usize) -> usize {
        self.has_quotes = true;
        let inside = &raw[1..];
        let (closing, has_lone_backslash) = closing_quote(inside, self.dialect);
        let (inside, behind) = match closing {
            Some(offset) => (&inside[..offset], &inside[offset + 1..]),
            None => (inside, &[][..]),
        };
        if behind.iter().any(|byte| !matches!(byte, b' ' | b'\t')) && self.flaw.is_none() {
            let number = self.count;
            let escaped = inside.ends_with(b"\\") && !self.dialect.backslash_escape;
            let advice = if escaped { " (--backslash-escape takes \\\" for a quote)" } else { "" };
            let text = format!("unexpected text after the closing quote of field {number}{advice}");
            self.flaw = Some(Reason::new("text_after_quote", text));
        }
        if has_lone_backslash {
            return self.unescape(inside);
        }
        written.saturating_sub(behind.len())
    }

    /// Writes the text inside quotes again: `csv_core` has dropped each lone backslash, which is data. Returns its length.
    #[cold]
    fn unescape(&mut self, inside: &[u8]) -> usize {
        let quote = self.dialect.quote;
        let room = self.room(0, inside.len());
        let (mut offset, mut length) = (0, 0);
        while let Some(byte) = inside.get(offset).copied() {
            let next = inside.get(offset + 1).copied();
            let escapes =
                byte == b'\\' && (next == quote || next == Some(b'\\')) || Some(byte) == quote && next == quote;
            room[length] = if escapes { next.unwrap_or(byte) } else { byte };
            offset += 1 + usize::from(escapes);
            length += 1;
        }
        length
    }

    /// Whether the record is a blank line.
    pub(super) fn is_blank(&self) -> bool {
        self.count == 0 || self.count == 1 && self.end == 0 && !self.has_quotes
    }

    /// The text of all kept cells, concatenated.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.end]
    }

    /// The text of a kept cell, and whether it was bare.
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], bool)> {
        let cell = self.list.get(index)?;
        Some((&self.text[cell.start as usize..cell.end as usize], cell.is_bare))
    }

    /// The text of each kept cell, and whether it was bare (not quoted).
    pub(super) fn kept(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.list.iter().map(|cell| (&self.text[cell.start as usize..cell.end as usize], cell.is_bare))
    }
}

/// See `Cells`.
fn special(dialect: Dialect) -> u8 {
    if dialect.trim {
        return u8::MAX;
    }
    dialect.quote.map_or(0, |quote| quote.max(b' ').saturating_add(1))
}

/// The offset of the closing quote, in the bytes after the opening one, and whether a backslash before it escapes nothing.
/// A quote at the very end counts as the closing one.
pub(super) fn closing_quote(inside: &[u8], dialect: Dialect) -> (Option<usize>, bool) {
    let Some(quote) = dialect.quote else { return (None, false) };
    let escape = if dialect.backslash_escape { b'\\' } else { quote };
    let (mut offset, mut has_lone_backslash) = (0, false);
    while let Some(found) = memchr::memchr2(quote, escape, inside.get(offset..).unwrap_or_default()) {
        offset += found;
        let (byte, next) = (inside[offset], inside.get(offset + 1).copied());
        if next == Some(quote) || byte != quote && next == Some(b'\\') {
            offset += 2;
        } else if byte == quote {
            return (Some(offset), has_lone_backslash);
        } else {
            has_lone_backslash |= next.is_some();
            offset += 1;
        }
    }
    (None, has_lone_backslash)
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
