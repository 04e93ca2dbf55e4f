//! Cuts bytes into the cells of one CSV record, byte for byte and whatever their encoding.
//! It does no I/O: it can be stopped at any byte and goes on there when more bytes have come, without looking twice.
//! Quotes count only where a cell begins, so bytes between two quotes are the only place where a line break is not an end.

use super::Dialect;
use super::word::Word;

/// How a cell was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Bare,
    /// In quotes, and what is between them stands for itself.
    Quoted,
    /// In quotes, with doubled quotes or backslashes to be resolved.
    Escaped,
}

/// One cell, as a range of the record. Records are at most 1 GiB, so 32 bits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    start: u32,
    end: u32,
    /// How it was written.
    pub(super) style: Style,
}

impl Cell {
    fn new(start: usize, end: usize, style: Style) -> Cell {
        Cell { start: start as u32, end: end as u32, style }
    }

    /// Where it lies in its record, without its quotes.
    pub(super) fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What makes a record an error although its end was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Something else than blanks between a closing quote and the next separator.
    TextAfterQuote,
    /// A backslash in quotes before something else than a quote or a backslash.
    UnknownEscape,
}

/// What a look at the bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The record ends before the line break at this place.
    Record(usize),
    /// The bytes end first.
    More,
    /// The quoted cell at `cell_start` is longer than the limit; its quote is probably one that was never closed.
    LongQuote,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first byte of a cell.
    Start,
    /// In a bare cell.
    Bare,
    /// Between quotes.
    Quoted,
    /// Behind the closing quote.
    After,
}

/// Frames one record at a time.
#[derive(Debug)]
pub(super) struct Frame {
    dialect: Dialect,
    /// Longest quoted cell, in bytes.
    max: usize,
    /// Cells that are kept; a record may have more, which are only counted, so that a line of commas takes no memory.
    keep: usize,
    cells: Vec<Cell>,
    count: usize,
    phase: Phase,
    cell_start: usize,
    /// All bytes before this one are known to belong to the record.
    searched: usize,
    content_end: usize,
    style: Style,
    quoted: bool,
    flaw: Option<(Flaw, usize)>,
    /// Whether a lone CR is data, as it is once a record has ended with LF or CRLF; else it ends a record.
    lone_cr_is_data: bool,
}

impl Frame {
    pub(super) fn new(dialect: Dialect, max: usize, keep: usize) -> Frame {
        Frame {
            dialect,
            max,
            keep,
            cells: Vec::new(),
            count: 0,
            phase: Phase::Start,
            cell_start: 0,
            searched: 0,
            content_end: 0,
            style: Style::Quoted,
            quoted: false,
            flaw: None,
            lone_cr_is_data: false,
        }
    }

    /// Takes a lone CR for data from the next record on.
    pub(super) fn found_lf(&mut self) {
        self.lone_cr_is_data = true;
    }

    /// Keeps `keep` cells of each record from now on.
    pub(super) fn keep(&mut self, keep: usize) {
        self.keep = keep;
    }

    /// Goes to the beginning of a record.
    pub(super) fn begin(&mut self) {
        (self.count, self.phase, self.cell_start, self.searched) = (0, Phase::Start, 0, 0);
        (self.quoted, self.flaw) = (false, None);
    }

    /// The cells of the record that was framed last, as far as they are kept.
    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells[..self.count.min(self.cells.len())]
    }

    /// How many cells it has.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The first thing that is wrong with it, and the number of that cell, from 1.
    pub(super) fn flaw(&self) -> Option<(Flaw, usize)> {
        self.flaw
    }

    /// Whether one of its cells began with a quote; else it has no line break inside.
    pub(super) fn quoted(&self) -> bool {
        self.quoted
    }

    /// How many bytes are known to belong to the record.
    pub(super) fn searched(&self) -> usize {
        self.searched
    }

    /// Where the current cell begins.
    pub(super) fn cell_start(&self) -> usize {
        self.cell_start
    }

    /// Whether it is nothing but one empty cell without quotes.
    pub(super) fn is_blank(&self) -> bool {
        let is_blank = |cell: &Cell| cell.style == Style::Bare && cell.range().is_empty();
        self.count == 1 && self.cells.first().is_some_and(is_blank)
    }

    /// Looks for the end of the record that begins at `bytes[0]`; bytes seen by an earlier call are not looked at again.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Scan {
        loop {
            let found = match self.phase {
                Phase::Start => self.start(bytes),
                Phase::Bare => self.bare(bytes),
                Phase::Quoted => self.inside(bytes),
                Phase::After => self.after(bytes),
            };
            if let Some(scan) = found {
                return scan;
            }
        }
    }

    /// Ends the record at the end of the input, after `scan` has said `More`; whether that is a good end, that is, not
    /// between quotes.
    pub(super) fn finish(&mut self, bytes: &[u8]) -> bool {
        match self.phase {
            Phase::Start | Phase::Bare => self.push(Cell::new(self.cell_start, bytes.len(), Style::Bare)),
            Phase::After => self.push_quoted(),
            // A closing quote as the very last byte waits for a second one.
            Phase::Quoted if bytes.get(self.searched).copied() == self.dialect.quote => {
                self.content_end = self.searched;
                self.push_quoted();
            }
            Phase::Quoted => return false,
        }
        true
    }

    /// Forgets what comes before the current quoted cell, or all that was seen; the number of bytes that the caller can
    /// give up. The cells framed so far are lost.
    pub(super) fn forget(&mut self) -> usize {
        let count = if self.phase == Phase::Quoted { self.cell_start } else { self.searched };
        (self.cell_start, self.content_end) = (0, 0);
        self.searched -= count;
        count
    }

    fn push(&mut self, cell: Cell) {
        match self.cells.get_mut(self.count) {
            Some(place) => *place = cell,
            None if self.count < self.keep => self.cells.push(cell),
            None => {}
        }
        self.count += 1;
    }

    fn push_quoted(&mut self) {
        self.push(Cell::new(self.cell_start + 1, self.content_end.max(self.cell_start + 1), self.style));
    }

    fn blemish(&mut self, flaw: Flaw) {
        let place = self.count + 1;
        self.flaw.get_or_insert((flaw, place));
    }

    /// Goes to the cell that begins at `place`.
    fn go_to(&mut self, bytes: &[u8], place: usize) {
        (self.cell_start, self.searched) = (place, place);
        self.phase = match bytes.get(place) {
            None => Phase::Start,
            byte if byte.copied() == self.dialect.quote => {
                (self.searched, self.style, self.quoted) = (place + 1, Style::Quoted, true);
                Phase::Quoted
            }
            Some(_) => Phase::Bare,
        };
    }

    fn start(&mut self, bytes: &[u8]) -> Option<Scan> {
        self.go_to(bytes, self.cell_start);
        (self.phase == Phase::Start).then_some(Scan::More)
    }

    /// Frames bare cells as long as they follow each other: eight bytes in one go, because most cells are too short for
    /// a call of `memchr` to be worth it.
    fn bare(&mut self, bytes: &[u8]) -> Option<Scan> {
        let mut at = self.searched;
        while let Some(word) = Word::at(bytes, at) {
            let mut ends = word.ends(self.dialect.separator);
            while ends != 0 {
                let place = at + ends.trailing_zeros() as usize / 8;
                ends &= ends - 1;
                if let Some(done) = self.end_bare(bytes, place) {
                    return done;
                }
            }
            at += 8;
        }
        while let Some(byte) = bytes.get(at) {
            if (*byte == self.dialect.separator || matches!(byte, b'\n' | b'\r'))
                && let Some(done) = self.end_bare(bytes, at)
            {
                return done;
            }
            at += 1;
        }
        self.searched = at;
        Some(Scan::More)
    }

    /// Ends a bare cell before `place`; `None` when another bare cell follows, or when this one goes on.
    #[inline(always)]
    fn end_bare(&mut self, bytes: &[u8], place: usize) -> Option<Option<Scan>> {
        if self.lone_cr_is_data && bytes[place] == b'\r' && bytes.get(place + 1) != Some(&b'\n') {
            self.searched = place;
            return (place + 1 == bytes.len()).then_some(Some(Scan::More));
        }
        self.push(Cell::new(self.cell_start, place, Style::Bare));
        if bytes[place] != self.dialect.separator {
            return Some(Some(Scan::Record(place)));
        }
        self.go_to(bytes, place + 1);
        (self.phase != Phase::Bare).then_some(None)
    }

    /// Looks for the closing quote.
    fn inside(&mut self, bytes: &[u8]) -> Option<Scan> {
        let Some(quote) = self.dialect.quote else {
            self.phase = Phase::Bare;
            return None;
        };
        loop {
            let rest = &bytes[self.searched..];
            let found = match self.dialect.backslash_escape {
                true => memchr::memchr2(quote, b'\\', rest),
                false => memchr::memchr(quote, rest),
            };
            self.searched = found.map_or(bytes.len(), |at| self.searched + at);
            if self.searched - self.cell_start - 1 > self.max {
                return Some(Scan::LongQuote);
            }
            let Some(next) = bytes.get(self.searched + 1) else { return Some(Scan::More) };
            let closes = bytes[self.searched] == quote;
            if *next == quote || (!closes && *next == b'\\') {
                self.style = Style::Escaped;
                self.searched += 2;
            } else if closes {
                self.content_end = self.searched;
                self.searched += 1;
                self.phase = Phase::After;
                return None;
            } else {
                self.blemish(Flaw::UnknownEscape);
                self.searched += 1;
            }
        }
    }

    /// Whether the CR at hand ends the record.
    fn cr_ends(&self, bytes: &[u8]) -> bool {
        !self.lone_cr_is_data || bytes.get(self.searched + 1) == Some(&b'\n')
    }

    /// Passes over blanks behind a closing quote.
    fn after(&mut self, bytes: &[u8]) -> Option<Scan> {
        loop {
            let Some(byte) = bytes.get(self.searched) else { return Some(Scan::More) };
            match *byte {
                byte if byte == self.dialect.separator => {
                    self.push_quoted();
                    self.go_to(bytes, self.searched + 1);
                    return None;
                }
                b'\r' if self.lone_cr_is_data && self.searched + 1 == bytes.len() => return Some(Scan::More),
                byte if byte == b'\n' || byte == b'\r' && self.cr_ends(bytes) => {
                    self.push_quoted();
                    return Some(Scan::Record(self.searched));
                }
                b' ' | b'\t' => self.searched += 1,
                _ => {
                    self.blemish(Flaw::TextAfterQuote);
                    self.phase = Phase::Bare;
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_beyond_those_kept_are_only_counted() {
        let mut frame = Frame::new(Dialect { separator: b',', quote: None, backslash_escape: false }, 100, 3);
        let record = [b",".repeat(1000), b"\n".to_vec()].concat();
        assert_eq!(frame.scan(&record), Scan::Record(1000));
        assert_eq!((frame.cells().len(), frame.cells.len(), frame.count()), (3, 3, 1001));
    }
}
