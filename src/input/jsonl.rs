//! NDJSON: one object a line.
//! `Lines` is shared by every line format: it frames lines of any length in bounded memory and knows where they are.

use super::{Broken, More, Reader, Step, Window};
use crate::json::{Fault, Scanner};
use crate::record::{BadRecord, Origin, Reason, Record};

/// Where a line lies in the window; it is given up at the next call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    /// A line of this many bytes, without its line break.
    Whole(usize),
    /// A line longer than the limit, already passed over.
    TooLong,
    /// Nothing yet.
    Idle,
    /// No more lines.
    End,
}

/// Frames lines.
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
    /// the next line alone.
    fn several(&mut self) -> Result<Line, Broken> {
        self.window.consume(std::mem::take(&mut self.used));
        let bytes = self.window.bytes();
        let bytes = &bytes[..bytes.len().min(TOGETHER).min(self.max)];
        match memchr::memrchr(b'\n', bytes) {
            Some(last) if self.searched == 0 && !self.passing_over => Ok(self.framed(last, 1)),
            _ => self.next(),
        }
    }

    /// Frames the next line. A last line needs no line break.
    pub(super) fn next(&mut self) -> Result<Line, Broken> {
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
            match self.window.more() {
                Ok(More::Data) => {}
                Ok(More::Idle | More::Later) => return Ok(Line::Idle),
                Ok(More::End) if self.searched > 0 || self.passing_over => return Ok(self.framed(self.searched, 0)),
                Ok(More::End) => return Ok(Line::End),
                Err(error) => {
                    self.origin.line += 1;
                    return Err(Broken::io(self.origin, error));
                }
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

    fn framed(&mut self, length: usize, line_break: usize) -> Line {
        self.searched = 0;
        self.used = length + line_break;
        self.origin.line += 1;
        if std::mem::take(&mut self.passing_over) {
            return Line::TooLong;
        }
        self.origin.offset = self.window.offset();
        if length > self.max {
            return Line::TooLong;
        }
        Line::Whole(length)
    }

    /// The reason for `Line::TooLong`.
    pub(super) fn too_long(&self) -> Reason {
        Reason::new("record_too_long", format!("longer than --max-record-bytes ({} bytes)", self.max))
    }
}

/// Where `bytes` begin and end without JSON's blanks; equal when there is nothing else.
pub(super) fn trimmed(bytes: &[u8]) -> std::ops::Range<usize> {
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
    empty: u64,
}

impl Jsonl {
    pub(super) fn new(lines: Lines) -> Jsonl {
        Jsonl { lines, scanner: Scanner::default(), empty: 0 }
    }

    /// Hands over what is in whole lines of this length, the last line break left out; false if no more is wanted.
    fn hand_over(&mut self, length: usize, take: &mut dyn FnMut(Step<'_>) -> bool) -> bool {
        let bytes = &self.lines.window.bytes()[..length];
        // Checked together, because most of the cost of a check is that of its beginning and its end.
        let whole = simdutf8::basic::from_utf8(bytes);
        let mut origin = self.lines.origin;
        let (offset, mut start) = (origin.offset, 0);
        loop {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(length, |found| start + found);
            let place = trimmed(&bytes[start..end]);
            let place = start + place.start..start + place.end;
            if place.is_empty() {
                self.empty += 1;
            } else {
                origin.record += 1;
                origin.offset = offset + start as u64;
                let text = whole.map_or_else(|_| utf8(&bytes[place.clone()]), |whole| Ok(&whole[place.clone()]));
                let step = match text.and_then(|text| object_in(text, &mut self.scanner)) {
                    Ok(text) => Step::Record(Record::of(text, &self.scanner, origin)),
                    Err(reason) => Step::Bad(BadRecord { origin, reason, raw: &bytes[place] }),
                };
                if !take(step) {
                    self.lines.origin = origin;
                    self.lines.used = self.lines.used.min(end + 1);
                    return false;
                }
            }
            if end == length {
                self.lines.origin = origin;
                return true;
            }
            origin.line += 1;
            start = end + 1;
        }
    }
}

impl Reader for Jsonl {
    fn each(&mut self, take: &mut dyn FnMut(Step<'_>) -> bool) -> Result<(), Broken> {
        loop {
            let wants_more = match self.lines.several()? {
                Line::Whole(length) => self.hand_over(length, take),
                Line::TooLong => {
                    self.lines.origin.record += 1;
                    let reason = self.lines.too_long();
                    take(Step::Bad(BadRecord { origin: self.lines.origin, reason, raw: &[] }))
                }
                Line::Idle => take(Step::Idle),
                Line::End => {
                    take(Step::End);
                    return Ok(());
                }
            };
            if !wants_more {
                return Ok(());
            }
        }
    }

    fn empty(&self) -> u64 {
        self.empty
    }
}

/// Checks that `bytes`, without blanks around them, are one JSON object in UTF-8.
pub(super) fn object<'a>(bytes: &'a [u8], scanner: &mut Scanner) -> Result<&'a str, Reason> {
    object_in(utf8(bytes)?, scanner)
}

/// Checks that a text without blanks around it is one JSON object.
fn object_in<'a>(text: &'a str, scanner: &mut Scanner) -> Result<&'a str, Reason> {
    let bytes = text.as_bytes();
    match scanner.object(bytes) {
        Ok(end) if end == bytes.len() => Ok(text),
        Ok(end) => Err(Reason::new("invalid_json", format!("more text after the object, at byte {}", end + 1))),
        Err(Fault::Incomplete) => Err(Reason::new("invalid_json", "the object does not end")),
        Err(Fault::Syntax { at: 0, .. }) => Err(not_an_object(bytes, scanner)),
        Err(Fault::Syntax { at, what }) => Err(Reason::new("invalid_json", format!("{what}, at byte {}", at + 1))),
    }
}

/// Says what stands where an object should.
pub(super) fn not_an_object(bytes: &[u8], scanner: &mut Scanner) -> Reason {
    let is_value = matches!(scanner.value(bytes, 0), Ok(end) if end == bytes.len());
    if is_value {
        let kind = std::str::from_utf8(bytes).map_or("a value", |text| crate::json::Kind::of(text).name());
        return Reason::new("not_an_object", format!("expected an object, found {kind}"));
    }
    Reason::new("invalid_json", "not a JSON object")
}

/// Checks that `bytes` are UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    simdutf8::compat::from_utf8(bytes)
        .map_err(|error| Reason::new("invalid_utf8", format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1)))
}
