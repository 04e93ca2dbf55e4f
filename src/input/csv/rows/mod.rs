//! Reads the records of a CSV file in bounded memory, and counts lines.
//! `csv_core` finds the ends of cells and records in a stream. This module adds what it does not report: blank lines,
//! unclosed quotes, and limits. A record ends with LF or CRLF. A lone CR also ends one, but only until a record has ended
//! with LF or CRLF; from then on it is data. Line breaks inside quotes count as lines too, so that line numbers are those of
//! an editor. A lone CR inside quotes counts only in a file whose records end with CR.

mod skipped;

use super::Dialect;
use super::cells::{Breaks, Cells, closing_quote};
use crate::input::window::LONG;
use crate::input::{NoRecord, ReadError, Window, too_long};
use crate::progress::grouped;
use crate::record::{Origin, Reason};
use csv_core::{ReadFieldResult, Reader, Terminator};

#[derive(Debug)]
pub(super) struct Rows {
    pub(super) window: Window,
    /// The cells of the current record.
    pub(super) cells: Cells,
    /// Where the current record starts. Its field `record` is counted by the reader.
    pub(super) origin: Origin,
    dialect: Dialect,
    max: usize,
    core: Reader,
    /// Whether a record has ended with LF or CRLF.
    has_lf: bool,
    /// Bytes of the record that `core` has processed.
    searched: usize,
    /// Where the current cell starts, and how many bytes of its text `core` has written.
    cell: usize,
    written: usize,
    /// Whether `core` has seen a byte of the record. It takes a line break before that for a blank line.
    is_begun: bool,
    /// Whether the start of the current cell was discarded. Then it is bare, or its quotes are closed.
    is_cut: bool,
    /// Bytes of the current record; `None` while it is incomplete.
    used: Option<usize>,
    /// The last line of the current record, which may be its only one.
    pub(super) last_line: u64,
    /// Whether the start of the window is in a comment.
    in_comment: bool,
    /// The line on which the next record starts.
    line: u64,
    /// Line breaks in the discarded part of a record that is too long.
    discarded: Option<Breaks>,
    /// Set after a final CR whose next byte is not known yet: the number of lone CRs in the record. They count as lines
    /// if this CR is a lone one too.
    after_cr: Option<u64>,
    lone_crs_end_records: bool,
}

impl Rows {
    /// `skipped` is the number of lines before the first byte of the window. Of each record, `keep` cells are kept.
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
            is_begun: false,
            is_cut: false,
            used: None,
            last_line: line,
            in_comment: false,
            line,
            discarded: None,
            after_cr: None,
            lone_crs_end_records: false,
        }
    }

    /// Reads the next record and returns its length without its line break (optional at the end of the input). The record
    /// is at the start of the window until the next call. A record longer than the limit is skipped.
    pub(super) fn next(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        if let Some(used) = self.used.take() {
            self.window.consume(used);
            self.cells.begin();
            (self.searched, self.cell, self.written, self.discarded) = (0, 0, 0, None);
            (self.is_begun, self.is_cut) = (false, false);
        }
        if self.dialect.comment.is_some() {
            self.skip_comments()?;
        }
        loop {
            self.resolve_cr();
            if self.after_cr.is_none() {
                if let Some(length) = self.scan()? {
                    return Ok(self.finish(length));
                }
                // A CR may be the first half of a CRLF.
                let half = usize::from(self.has_lf && self.window.bytes().ends_with(b"\r"));
                if self.searched - half > self.max {
                    self.discard()?;
                }
            }
            let origin = Origin { line: self.line, offset: self.window.offset(), ..self.origin };
            if !self.window.read_on(origin)? {
                return self.last();
            }
        }
    }

    /// Checks whether an LF follows a final CR. A record that ends with CR is returned before that byte is read, because a
    /// pipe may never deliver it.
    fn resolve_cr(&mut self) {
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

    /// Changes the separator before the first record.
    pub(super) fn set_separator(&mut self, separator: u8) {
        self.dialect.separator = separator;
        self.cells.set_dialect(self.dialect);
        self.core = self.dialect.reader(if self.has_lf { Terminator::Any(b'\n') } else { Terminator::CRLF });
    }

    pub(super) fn separator(&self) -> u8 {
        self.dialect.separator
    }

    /// From now on a lone CR is data.
    fn found_lf(&mut self) {
        if !std::mem::replace(&mut self.has_lf, true) {
            self.core = self.dialect.reader(Terminator::Any(b'\n'));
        }
    }

    /// Runs `core` on the available bytes. Returns the length of the record, if its end is among them.
    fn scan(&mut self) -> Result<Option<usize>, ReadError> {
        if self.dialect.trim {
            return self.scan_trimmed();
        }
        if self.searched == 0 && self.discarded.is_none() && self.starts_with_break() {
            return Ok(Some(0));
        }
        self.scan_cells::<false>()
    }

    /// Whether the rest of the available bytes starts with a line break.
    fn starts_with_break(&self) -> bool {
        let is_break = |byte: &u8| *byte == b'\n' || *byte == b'\r' && !self.has_lf;
        self.window.bytes().get(self.searched).is_some_and(is_break)
    }

    /// The same, without the blanks before each cell. So a quote behind them opens a quoted cell.
    fn scan_trimmed(&mut self) -> Result<Option<usize>, ReadError> {
        while self.searched < self.window.bytes().len() {
            if self.searched == self.cell && !self.is_cut {
                let is_blank = |byte: &&u8| **byte != self.dialect.separator && matches!(byte, b' ' | b'\t');
                let blanks = self.window.bytes()[self.cell..].iter().take_while(is_blank).count();
                (self.searched, self.cell) = (self.searched + blanks, self.cell + blanks);
                if !self.is_begun && self.starts_with_break() {
                    return Ok(Some(self.searched));
                }
            }
            if let Some(end) = self.scan_cells::<true>()? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Runs `core` until the record has ended, or only `ONE` of its cells.
    #[inline(always)]
    fn scan_cells<const ONE: bool>(&mut self) -> Result<Option<usize>, ReadError> {
        let bytes = self.window.bytes();
        self.is_begun |= self.searched < bytes.len();
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
            if self.discarded.is_none() {
                self.cells.push(&bytes[self.cell..end], self.written);
            }
            (self.cell, self.written, self.is_cut) = (self.searched, 0, false);
            if record_end {
                return Ok(Some(end));
            }
            if ONE {
                break;
            }
        }
        Ok(None)
    }

    /// The available bytes after the opening quote of the current cell, up to `end`.
    fn inside_quote(&self, end: usize) -> Option<&[u8]> {
        match self.window.bytes()[..end].get(self.cell..)? {
            [first, inside @ ..] if Some(*first) == self.dialect.quote && !self.is_cut => Some(inside),
            _ => None,
        }
    }

    /// Fails for a quoted cell that is longer than the limit: probably its quote is never closed. Returns whether the
    /// available bytes of the current cell may end inside its quotes.
    fn ensure_quote_fits(&self, end: usize) -> Result<bool, ReadError> {
        let Some(inside) = self.inside_quote(end) else { return Ok(false) };
        if inside.len() <= self.max {
            // It may be closed already, but finding that out takes time, again after each read.
            return Ok(true);
        }
        match closing_quote(inside, self.dialect).0 {
            Some(offset) if offset <= self.max => Ok(offset + 1 == inside.len()),
            _ => {
                let max = grouped(self.max as u64);
                Err(self.at_quote(format!(
                    "the quoted field that begins here is longer than --max-record-bytes ({max} bytes); is its quote closed?"
                )))
            }
        }
    }

    /// Discards the available part of a record that is too long, except for a quoted cell that may continue.
    fn discard(&mut self) -> Result<(), ReadError> {
        let may_continue = self.ensure_quote_fits(self.searched)?;
        if self.discarded.is_none() {
            self.origin.offset = self.window.offset();
        }
        let count = if may_continue { self.cell } else { self.searched };
        self.discarded.get_or_insert_default().add(&self.window.bytes()[..count]);
        self.window.consume(count);
        self.is_cut |= count > self.cell;
        self.cell = self.cell.saturating_sub(count);
        (self.searched, self.written) = (self.searched - count, 0);
        Ok(())
    }

    /// Ends the record before the line break at `length`.
    fn finish(&mut self, length: usize) -> Result<usize, Reason> {
        let row = self.checked(length);
        let breaks = self.breaks(length);
        self.set_last_line(breaks);
        let bytes = &self.window.bytes()[length..];
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

    /// Ends the last record at the end of the input.
    fn last(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        let length = self.window.bytes().len();
        if length == 0 && self.discarded.is_none() {
            return Err(NoRecord::End);
        }
        let mut end = length;
        if self.inside_quote(length).is_some() {
            // A CR here belongs to the line break.
            end -= usize::from(self.window.bytes().ends_with(b"\r"));
            if self.inside_quote(end).is_none_or(|inside| closing_quote(inside, self.dialect).0.is_none()) {
                let lines = self.lines_to_end();
                let text = format!("unexpected end of input: the quote that opens here is not closed{lines}");
                return Err(self.at_quote(text).into());
            }
        }
        if self.discarded.is_none() {
            self.cells.push(&self.window.bytes()[self.cell..end], self.written - (length - end));
        }
        self.used = Some(length);
        self.set_last_line(self.breaks(length));
        Ok(self.checked(length))
    }

    /// Counts the lines of a record as the ones before it: how it ends may not be known yet.
    fn set_last_line(&mut self, Breaks { lf, lone_cr }: Breaks) {
        self.last_line = self.line + lf + if self.lone_crs_end_records { lone_cr } else { 0 };
    }

    /// The raw text of the record, of `length` bytes, when its cells are no longer needed. The memory of a long record is
    /// freed, and its text is empty unless raw text is wanted.
    pub(super) fn raw_text(&mut self, length: usize) -> &[u8] {
        if self.used.is_some_and(|used| used > LONG) {
            self.cells.begin();
            if !self.window.keeps_raw {
                self.window.consume(self.used.replace(0).unwrap_or(0));
                return &[];
            }
        }
        &self.window.bytes()[..length]
    }

    fn checked(&mut self, length: usize) -> Result<usize, Reason> {
        self.origin.line = self.line;
        if self.discarded.is_none() {
            self.origin.offset = self.window.offset();
        }
        if self.discarded.is_some() || length > self.max { Err(too_long(self.max)) } else { Ok(length) }
    }

    /// Line breaks in the record, of which `length` bytes are available.
    fn breaks(&self, length: usize) -> Breaks {
        let mut breaks = self.discarded.unwrap_or_default();
        if self.cells.has_quotes || self.discarded.is_some() {
            breaks.add(&self.window.bytes()[..length]);
        }
        breaks
    }

    /// The first and the last line of an unclosed cell, for a message; nothing if there is only one.
    fn lines_to_end(&self) -> String {
        let bytes = self.window.bytes();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let first = self.at_quote("").origin.line;
        let mut breaks = Breaks::default();
        breaks.add(&bytes[self.cell.min(bytes.len())..]);
        lines(first, first + breaks.lf + if self.lone_crs_end_records { breaks.lone_cr } else { 0 })
    }

    fn at_quote(&self, text: impl Into<String>) -> ReadError {
        let breaks = self.breaks(self.cell);
        let lone_crs = if self.lone_crs_end_records { breaks.lone_cr } else { 0 };
        let origin = Origin {
            line: self.line + breaks.lf + lone_crs,
            record: self.origin.record + 1,
            offset: self.window.offset() + self.cell as u64,
            ..self.origin
        };
        ReadError::new(origin, text)
    }
}

/// The lines of a record for a message; nothing if it has only one.
pub(super) fn lines(first: u64, last: u64) -> String {
    if last > first { format!(" (lines {first}-{last})") } else { String::new() }
}

#[cfg(test)]
mod tests;
