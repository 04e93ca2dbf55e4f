//! NDJSON: one object a line.
//! `Lines` is shared by every line format: it frames lines of any length in bounded memory and knows where they are.

use super::{Broken, NoRecord, Reader, Step, Window, hand_over, too_long};
use crate::json::{Fault, Kind, Scanner};
use crate::record::{Origin, Reason, Record};
use std::ops::Range;

/// Frames lines. A line longer than the limit is passed over, and is a reason.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) window: Window,
    /// Where the line framed last begins; its `record` counts what the reader calls records.
    pub(super) origin: Origin,
    max: usize,
    used: usize,
    searched: usize,
    passing_over: bool,
}

impl Lines {
    /// `skipped` lines lie before the window's first byte.
    pub(super) fn new(window: Window, file: u32, skipped: u64, max: usize) -> Lines {
        let origin = Origin { file, line: skipped, ..Origin::default() };
        Lines { window, origin, max, used: 0, searched: 0, passing_over: false }
    }

    /// Frames the whole lines at the beginning of what is at hand, so few that none of them is longer than the limit; else
    /// the next line alone. Their length without the last line break.
    fn several(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        self.window.consume(std::mem::take(&mut self.used));
        let bytes = self.window.bytes();
        let bytes = &bytes[..bytes.len().min(TOGETHER).min(self.max)];
        match memchr::memrchr(b'\n', bytes) {
            Some(last) if self.searched == 0 && !self.passing_over => Ok(self.framed(last, 1)),
            _ => self.one(),
        }
    }

    /// Frames the next line: where it lies, without blanks around it. It is given up at the next call.
    pub(super) fn next(&mut self) -> Result<Result<Range<usize>, Reason>, NoRecord> {
        Ok(self.one()?.map(|length| trimmed(&self.window.bytes()[..length])))
    }

    /// Frames the next line: its length without its line break, which a last line does not need.
    fn one(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        self.window.consume(std::mem::take(&mut self.used));
        loop {
            let bytes = self.window.bytes();
            if let Some(found) = memchr::memchr(b'\n', &bytes[self.searched..]) {
                return Ok(self.framed(self.searched + found, 1));
            }
            self.searched = bytes.len();
            if self.searched > self.max {
                self.pass_over();
            }
            if !self.window.read_on(Origin { line: self.origin.line + 1, ..self.origin })? {
                let is_line = self.searched > 0 || self.passing_over;
                return if is_line { Ok(self.framed(self.searched, 0)) } else { Err(NoRecord::End) };
            }
        }
    }

    /// Forgets the beginning of a line that is too long.
    fn pass_over(&mut self) {
        if !self.passing_over {
            self.passing_over = true;
            self.origin.offset = self.window.offset();
        }
        self.window.consume(self.searched);
        self.searched = 0;
    }

    fn framed(&mut self, length: usize, line_break: usize) -> Result<usize, Reason> {
        self.searched = 0;
        self.used = length + line_break;
        self.origin.line += 1;
        let passed_over = std::mem::take(&mut self.passing_over);
        if !passed_over {
            self.origin.offset = self.window.offset();
        }
        if passed_over || length > self.max { Err(too_long(self.max)) } else { Ok(length) }
    }
}

/// Where `bytes` begin and end without JSON's blanks; equal when there is nothing else.
pub(super) fn trimmed(bytes: &[u8]) -> Range<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    start..end
}

/// Bytes of lines that are looked at together: what fits into the nearest cache is still there when it is scanned.
const TOGETHER: usize = 16 * 1024;

/// Reads NDJSON.
#[derive(Debug)]
pub(super) struct Jsonl {
    lines: Lines,
    scanner: Scanner,
}

impl Jsonl {
    pub(super) fn new(lines: Lines) -> Jsonl {
        Jsonl { lines, scanner: Scanner::default() }
    }

    /// Hands over what is in whole lines of this length, the last line break left out; false if no more is wanted.
    fn take_lines(&mut self, length: usize, take: &mut dyn FnMut(Step<'_>) -> bool) -> bool {
        let bytes = &self.lines.window.bytes()[..length];
        // Checked together, because most of the cost of a check is that of its beginning and its end.
        let whole = simdutf8::basic::from_utf8(bytes);
        let mut origin = self.lines.origin;
        let (offset, mut start) = (origin.offset, 0);
        loop {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(length, |found| start + found);
            let place = trimmed(&bytes[start..end]);
            let place = start + place.start..start + place.end;
            let step = if place.is_empty() {
                Step::Empty
            } else {
                origin.record += 1;
                origin.offset = offset + start as u64;
                let text = whole.map_or_else(|_| utf8(&bytes[place.clone()]), |whole| Ok(&whole[place.clone()]));
                let object = text.and_then(|text| object_in(text, &mut self.scanner));
                Step::of(origin, &bytes[place], object.map(|text| Record::of(text, &self.scanner, origin)))
            };
            let wants_more = take(step);
            if !wants_more || end == length {
                self.lines.origin = origin;
                self.lines.used = self.lines.used.min(end + 1);
                return wants_more;
            }
            origin.line += 1;
            start = end + 1;
        }
    }
}

impl Reader for Jsonl {
    fn each(&mut self, take: &mut dyn FnMut(Step<'_>) -> bool) -> Result<(), Broken> {
        loop {
            let wants_more = match self.lines.several() {
                Ok(Ok(length)) => self.take_lines(length, take),
                Ok(Err(reason)) => {
                    self.lines.origin.record += 1;
                    take(Step::of(self.lines.origin, &[], Err(reason)))
                }
                Err(none) => hand_over(Err(none), take)?,
            };
            if !wants_more {
                return Ok(());
            }
        }
    }
}

/// Checks that `bytes`, without blanks around them, are one JSON object in UTF-8.
pub(super) fn object<'a>(bytes: &'a [u8], scanner: &mut Scanner) -> Result<&'a str, Reason> {
    object_in(utf8(bytes)?, scanner)
}

/// Checks that a text without blanks around it is one JSON object.
fn object_in<'a>(text: &'a str, scanner: &mut Scanner) -> Result<&'a str, Reason> {
    match scanner.object(text.as_bytes()) {
        Ok(end) => ensure_end(text.as_bytes(), end, "object").map(|()| text),
        Err(Fault::Syntax { at: 0, .. }) => Err(not_a(Kind::Object, text.as_bytes(), scanner)),
        Err(fault) => Err(invalid(fault, "object")),
    }
}

/// Checks that nothing follows the object or array that ends at `end`.
pub(super) fn ensure_end(bytes: &[u8], end: usize, what: &str) -> Result<(), Reason> {
    if end == bytes.len() {
        return Ok(());
    }
    Err(Reason::new("invalid_json", format!("unexpected text after the {what}, at byte {}", end + 1)))
}

/// The reason for a fault in what should be an object or an array.
pub(super) fn invalid(fault: Fault, what: &str) -> Reason {
    let text = match fault {
        Fault::Incomplete => format!("unexpected end of line in {what}"),
        Fault::Syntax { at, what } => format!("{what}, at byte {}", at + 1),
    };
    Reason::new("invalid_json", text)
}

/// Reports what was found where an object or an array should be.
pub(super) fn not_a(wanted: Kind, bytes: &[u8], scanner: &mut Scanner) -> Reason {
    let (kind, text) = match wanted {
        Kind::Object => ("not_an_object", "not a JSON object"),
        _ => ("not_an_array", "not a JSON array"),
    };
    if scanner.value(bytes, 0) != Ok(bytes.len()) {
        return Reason::new("invalid_json", text);
    }
    let found = std::str::from_utf8(bytes).map_or("a value", |text| Kind::of(text).name());
    Reason::new(kind, format!("expected {}, found {found}", wanted.name()))
}

/// Checks that `bytes` are UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    simdutf8::compat::from_utf8(bytes)
        .map_err(|error| Reason::new("invalid_utf8", format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1)))
}
