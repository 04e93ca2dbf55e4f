//! Reads the records of a CSV file in bounded memory and knows on which line each begins.
//! `csv_core` finds the ends of cells and records, wherever the bytes at hand end. Ours is what it passes over in silence:
//! blank lines, quotes that are never closed, limits. A record ends with LF or CRLF; a lone CR ends one until another has
//! ended so, and is data from then on. Line breaks inside quotes count as lines too, so that a line number is what an editor
//! shows: there a lone CR counts only in a file whose records end with one.

use super::Dialect;
use super::cells::{Breaks, Cells, closing_quote};
use crate::input::window::LONG;
use crate::input::{Broken, NoRecord, Window, too_long};
use crate::record::{Origin, Reason};
use csv_core::{ReadFieldResult, Reader, Terminator};

/// Frames records.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) window: Window,
    /// The cells of the record framed last.
    pub(super) cells: Cells,
    /// Where the record framed last begins; its `record` counts what the reader calls records.
    pub(super) origin: Origin,
    dialect: Dialect,
    max: usize,
    core: Reader,
    /// Whether a record has ended with LF or CRLF.
    has_lf: bool,
    /// Bytes of the record that `core` has seen.
    searched: usize,
    /// Where the current cell begins, and how many bytes of its text `core` has written.
    cell: usize,
    written: usize,
    /// Whether the beginning of the current cell has been given up: then it is bare, or its quotes are closed.
    is_cut: bool,
    /// Bytes of the record framed last; `None` while one is being framed.
    used: Option<usize>,
    /// The line on which the next record begins.
    line: u64,
    /// Line breaks in what has been passed over of a record that is too long.
    passed: Option<Breaks>,
    /// After a CR whose next byte has not come yet: the lone CRs in its record, which are lines if it is one itself.
    after_cr: Option<u64>,
    lone_crs_end_records: bool,
}

impl Rows {
    /// `skipped` lines lie before the window's first byte; of each record, `keep` cells are kept.
    pub(super) fn new(window: Window, file: u32, skipped: u64, (max, keep): (usize, usize), dialect: Dialect) -> Rows {
        let line = skipped + 1;
        Rows {
            window,
            cells: Cells::new(dialect, keep),
            origin: Origin { file, line, ..Origin::default() },
            dialect,
            max,
            core: dialect.reader(Terminator::CRLF),
            has_lf: false,
            searched: 0,
            cell: 0,
            written: 0,
            is_cut: false,
            used: None,
            line,
            passed: None,
            after_cr: None,
            lone_crs_end_records: false,
        }
    }

    /// Frames the next record: its length without its line break, which the last one does not need. It lies at the beginning
    /// of the window, and is given up at the next call. One that is longer than the limit is passed over.
    pub(super) fn next(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        if let Some(used) = self.used.take() {
            self.window.consume(used);
            self.cells.begin();
            (self.searched, self.cell, self.written, self.is_cut, self.passed) = (0, 0, 0, false, None);
        }
        loop {
            self.settle_cr();
            if self.after_cr.is_none() {
                if let Some(length) = self.scan()? {
                    return Ok(self.framed(length));
                }
                // A CR may be half of a line break.
                let half = usize::from(self.has_lf && self.window.bytes().ends_with(b"\r"));
                if self.searched - half > self.max {
                    self.pass_over()?;
                }
            }
            let origin = Origin { line: self.line, offset: self.window.offset(), ..self.origin };
            if !self.window.read_on(origin)? {
                return self.last();
            }
        }
    }

    /// Looks whether an LF belongs to the CR before it. A record that ends with CR does not wait for that byte: a pipe may
    /// never bring it.
    fn settle_cr(&mut self) {
        let Some(first) = self.window.bytes().first() else { return };
        let Some(lone_crs) = self.after_cr.take() else { return };
        self.lone_crs_end_records = *first != b'\n';
        if self.lone_crs_end_records {
            self.line += lone_crs;
        } else {
            self.window.consume(1);
            self.found_lf();
        }
    }

    /// From here on a lone CR is data.
    fn found_lf(&mut self) {
        if !std::mem::replace(&mut self.has_lf, true) {
            self.core = self.dialect.reader(Terminator::Any(b'\n'));
        }
    }

    /// Lets `core` go on in the bytes at hand; the length of the record, if its end is among them.
    fn scan(&mut self) -> Result<Option<usize>, Broken> {
        let is_break = |byte: &u8| *byte == b'\n' || *byte == b'\r' && !self.has_lf;
        if self.searched == 0 && self.passed.is_none() && self.window.bytes().first().is_some_and(is_break) {
            return Ok(Some(0));
        }
        let bytes = self.window.bytes();
        while self.searched < bytes.len() {
            let rest = &bytes[self.searched..];
            let (result, read, written) = self.core.read_field(rest, self.cells.room(self.written, rest.len()));
            self.searched += read;
            self.written += written;
            let ReadFieldResult::Field { record_end } = result else { continue };
            let mut end = self.searched - 1;
            if record_end && self.has_lf && bytes[self.cell..end].ends_with(b"\r") {
                end -= 1;
                self.written = self.written.saturating_sub(1);
            }
            if end - self.cell > self.max {
                self.ensure_quote_fits(end)?;
            }
            if self.passed.is_none() {
                self.cells.push(&bytes[self.cell..end], self.written);
            }
            (self.cell, self.written, self.is_cut) = (self.searched, 0, false);
            if record_end {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// What is at hand behind the opening quote of the current cell, up to `end`.
    fn inside_quote(&self, end: usize) -> Option<&[u8]> {
        match self.window.bytes()[..end].get(self.cell..)? {
            [first, inside @ ..] if Some(*first) == self.dialect.quote && !self.is_cut => Some(inside),
            _ => None,
        }
    }

    /// Stops at a quoted cell that is longer than the limit: its quote is probably one that was never closed.
    fn ensure_quote_fits(&self, end: usize) -> Result<(), Broken> {
        let Some(inside) = self.inside_quote(end) else { return Ok(()) };
        let length = closing_quote(inside, self.dialect).0.unwrap_or(inside.len());
        if length <= self.max {
            return Ok(());
        }
        let max = self.max;
        Err(self.at_quote(format!(
            "the quoted field that begins here is longer than --max-record-bytes ({max} bytes); is its quote closed?"
        )))
    }

    /// Gives up what has been seen of a record that is too long, but for a quoted cell that may go on.
    fn pass_over(&mut self) -> Result<(), Broken> {
        self.ensure_quote_fits(self.searched)?;
        if self.passed.is_none() {
            self.origin.offset = self.window.offset();
        }
        let goes_on = |inside: &[u8]| closing_quote(inside, self.dialect).0.is_none_or(|at| at + 1 == inside.len());
        let count = if self.inside_quote(self.searched).is_some_and(goes_on) { self.cell } else { self.searched };
        self.passed.get_or_insert_default().add(&self.window.bytes()[..count]);
        self.window.consume(count);
        self.is_cut |= count > self.cell;
        self.cell = self.cell.saturating_sub(count);
        (self.searched, self.written) = (self.searched - count, 0);
        Ok(())
    }

    /// Ends the record before the line break at `length`.
    fn framed(&mut self, length: usize) -> Result<usize, Reason> {
        let row = self.taken(length);
        let bytes = &self.window.bytes()[length..];
        let breaks = self.breaks(length);
        self.line += breaks.lf + 1;
        let is_crlf = bytes.starts_with(b"\r\n");
        self.lone_crs_end_records = !is_crlf && bytes.starts_with(b"\r");
        if !self.lone_crs_end_records {
            self.found_lf();
        } else if bytes.len() == 1 {
            self.after_cr = Some(breaks.lone_cr);
        } else {
            self.line += breaks.lone_cr;
        }
        self.used = Some(length + 1 + usize::from(is_crlf));
        row
    }

    /// Ends the record at the end of the input.
    fn last(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        let length = self.window.bytes().len();
        if length == 0 && self.passed.is_none() {
            return Err(NoRecord::End);
        }
        let mut end = length;
        if self.inside_quote(length).is_some() {
            // A CR here is half of a line break.
            end -= usize::from(self.window.bytes().ends_with(b"\r"));
            if self.inside_quote(end).is_none_or(|inside| closing_quote(inside, self.dialect).0.is_none()) {
                return Err(self.at_quote("unexpected end of input: the quote that opens here is not closed").into());
            }
        }
        if self.passed.is_none() {
            self.cells.push(&self.window.bytes()[self.cell..end], self.written - (length - end));
        }
        self.used = Some(length);
        Ok(self.taken(length))
    }

    /// Gives up a long record and the room that it took, when its cells are wanted no more. Its text, of `length` bytes,
    /// stays if that is asked for.
    pub(super) fn give_back(&mut self, length: usize) -> &[u8] {
        if self.used.is_some_and(|used| used > LONG) {
            self.cells.begin();
            if !self.window.keeps_raw {
                self.window.consume(self.used.replace(0).unwrap_or(0));
                return &[];
            }
        }
        &self.window.bytes()[..length]
    }

    fn taken(&mut self, length: usize) -> Result<usize, Reason> {
        self.origin.line = self.line;
        if self.passed.is_none() {
            self.origin.offset = self.window.offset();
        }
        if self.passed.is_some() || length > self.max { Err(too_long(self.max)) } else { Ok(length) }
    }

    /// Line breaks in the record, of which `length` bytes are at hand.
    fn breaks(&self, length: usize) -> Breaks {
        let mut breaks = self.passed.unwrap_or_default();
        if self.cells.has_quotes || self.passed.is_some() {
            breaks.add(&self.window.bytes()[..length]);
        }
        breaks
    }

    fn at_quote(&self, text: impl Into<String>) -> Broken {
        let breaks = self.breaks(self.cell);
        let lone_crs = if self.lone_crs_end_records { breaks.lone_cr } else { 0 };
        let origin = Origin {
            line: self.line + breaks.lf + lone_crs,
            record: self.origin.record + 1,
            offset: self.window.offset() + self.cell as u64,
            ..self.origin
        };
        Broken::new(origin, text)
    }
}

#[cfg(test)]
mod tests;
