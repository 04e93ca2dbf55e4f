//! Lines that are no records: comments, and the line `sep=;` that Excel writes before the header.

use super::Rows;
use crate::input::NoRecord;
use crate::record::Origin;

/// Maximum length of a line `sep=;;;`.
const MAX_SEPARATOR_LINE: usize = 4096;

impl Rows {
    /// Skips lines that start with the byte of `--comment`, before a record.
    pub(super) fn skip_comments(&mut self) -> Result<(), NoRecord> {
        if self.searched > 0 || self.discarded.is_some() {
            return Ok(());
        }
        loop {
            self.resolve_cr();
            match self.window.bytes().first() {
                Some(first) if self.in_comment || Some(*first) == self.dialect.comment => self.skip_comment(),
                Some(_) => return Ok(()),
                None => {}
            }
            let origin = Origin { line: self.line, offset: self.window.offset(), ..self.origin };
            if self.window.bytes().is_empty() && !self.window.read_on(origin)? {
                return Ok(());
            }
        }
    }

    /// Skips the rest of a comment, or the available part of it.
    fn skip_comment(&mut self) {
        let bytes = self.window.bytes();
        let found = if self.has_lf { memchr::memchr(b'\n', bytes) } else { memchr::memchr2(b'\n', b'\r', bytes) };
        self.in_comment = found.is_none();
        match found {
            None => self.window.consume(bytes.len()),
            Some(offset) => self.end_line(offset),
        }
    }

    /// Skips the line that ends at this offset.
    fn end_line(&mut self, offset: usize) {
        self.line += 1;
        if self.window.bytes()[offset] == b'\n' {
            self.lone_crs_end_records = false;
            self.found_lf();
        } else {
            self.after_cr = Some(0);
        }
        self.window.consume(offset + 1);
    }

    /// Obeys a first line such as `sep=;`, which Excel writes: skips it, and returns its separator.
    pub(in crate::input::csv) fn separator_line(&mut self) -> Result<Option<u8>, NoRecord> {
        self.skip_comments()?;
        loop {
            let bytes = self.window.bytes();
            let line = bytes.strip_prefix(b"\"").unwrap_or(bytes);
            let word = &line[..line.len().min(4)];
            let has_end = memchr::memchr2(b'\n', b'\r', bytes).is_some() || self.window.ended();
            let is_complete = has_end || bytes.len() > MAX_SEPARATOR_LINE;
            if !b"sep="[..word.len()].eq_ignore_ascii_case(word) || is_complete && word.len() < 4 {
                return Ok(None);
            }
            if is_complete {
                return Ok(self.skip_separator_line());
            }
            self.window.read_on(self.origin)?;
        }
    }

    fn skip_separator_line(&mut self) -> Option<u8> {
        let bytes = self.window.bytes();
        let end = memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len());
        let (separator, rest) = match &bytes[..end] {
            [b'"', _, _, _, b'=', byte, b'"', rest @ ..] | [_, _, _, b'=', byte, rest @ ..] => (*byte, rest),
            _ => return None,
        };
        // Programs that write the file again fill the line with empty cells.
        let is_filled = rest.iter().all(|byte| *byte == separator);
        if Some(separator) == self.dialect.quote || !separator.is_ascii() || !is_filled {
            return None;
        }
        match end < bytes.len() {
            true => self.end_line(end),
            false => self.window.consume(end),
        }
        Some(separator)
    }
}
