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

    /// Hands over the records of the lines at hand in the first `most` bytes, as long as each line is one object in UTF-8 and
    /// nothing else, which needs no search for its end, and as long as `take` wants more. Returns how many bytes they had,
    /// and whether more are wanted.
    fn objects(&mut self, scanner: &mut Scanner, most: usize, take: &mut dyn FnMut(Step<'_>) -> bool) -> (usize, bool) {
        self.window.consume(std::mem::take(&mut self.used));
        if self.searched > 0 || self.passing_over {
            return (0, true);
        }
        let bytes = self.window.bytes();
        // All at once, because most of the cost is that of the beginning and the end.
        let text = valid_start(&bytes[..bytes.len().min(most)]);
        // Copies: what was stored piece by piece is slow to load as a whole.
        let Origin { file, mut line, mut record, .. } = self.origin;
        let (start, mut at, mut wants_more) = (self.window.offset(), 0, true);
        while wants_more && let Some(end) = scanner.object_in_line(&text.as_bytes()[at..]) {
            let length = match text.as_bytes()[at + end..] {
                [b'\n', ..] => end,
                [b'\r', b'\n', ..] => end + 1,
                _ => break,
            };
            if length > self.max {
                break;
            }
            line += 1;
            record += 1;
            let origin = Origin { file, line, record, offset: start + at as u64 };
            wants_more = take(Step::Record(Record::of(&text[at..at + end], scanner, origin)));
            at += length + 1;
        }
        (self.origin.line, self.origin.record) = (line, record);
        self.window.consume(at);
        (at, wants_more)
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

/// Reads NDJSON.
#[derive(Debug)]
pub(super) struct Jsonl {
    lines: Lines,
    scanner: Scanner,
    empty: u64,
    /// Bytes that are looked at together.
    stretch: usize,
}

/// The fewest bytes that are looked at together, and the most: what fits into the nearest cache is there when it is scanned.
const STRETCH: usize = 1024;
const LONGEST_STRETCH: usize = 16 * 1024;

impl Jsonl {
    pub(super) fn new(lines: Lines) -> Jsonl {
        Jsonl { lines, scanner: Scanner::of_documents(), empty: 0, stretch: STRETCH }
    }
}

impl Reader for Jsonl {
    fn each(&mut self, take: &mut dyn FnMut(Step<'_>) -> bool) -> Result<(), Broken> {
        loop {
            // Lines that are one object and nothing else, as most are, are framed and checked in one pass.
            let (done, wants_more) = self.lines.objects(&mut self.scanner, self.stretch, take);
            if !wants_more {
                return Ok(());
            }
            if done > 0 {
                // Bytes behind the first line of another kind will be looked at again, so they should not be many.
                let is_good = done > self.stretch / 2;
                self.stretch =
                    if is_good { (self.stretch * 2).min(LONGEST_STRETCH.max(self.stretch)) } else { STRETCH };
                continue;
            }
            let step = self.next()?;
            let length = if let Step::Record(record) = &step { record.text.len() } else { 0 };
            let is_end = matches!(step, Step::End);
            if !take(step) || is_end {
                return Ok(());
            }
            self.stretch = STRETCH.max(length.saturating_mul(4));
        }
    }

    fn next(&mut self) -> Result<Step<'_>, Broken> {
        let place = loop {
            match self.lines.next()? {
                Line::Idle => return Ok(Step::Idle),
                Line::End => return Ok(Step::End),
                Line::TooLong => {
                    self.lines.origin.record += 1;
                    let reason = self.lines.too_long();
                    return Ok(Step::Bad(BadRecord { origin: self.lines.origin, reason }));
                }
                Line::Whole(length) => {
                    let place = trimmed(&self.lines.window.bytes()[..length]);
                    if !place.is_empty() {
                        break place;
                    }
                    self.empty += 1;
                }
            }
        };
        self.lines.origin.record += 1;
        let origin = self.lines.origin;
        let bytes = &self.lines.window.bytes()[place];
        match object(bytes, &mut self.scanner) {
            Ok(text) => Ok(Step::Record(Record::of(text, &self.scanner, origin))),
            Err(reason) => Ok(Step::Bad(BadRecord { origin, reason })),
        }
    }

    fn empty(&self) -> u64 {
        self.empty
    }
}

/// Checks that `bytes`, without blanks around them, are one JSON object in UTF-8.
pub(super) fn object<'a>(bytes: &'a [u8], scanner: &mut Scanner) -> Result<&'a str, Reason> {
    let text = utf8(bytes)?;
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

/// The beginning of `bytes` that is UTF-8.
fn valid_start(bytes: &[u8]) -> &str {
    let valid = match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => &bytes[..error.valid_up_to()],
    };
    std::str::from_utf8(valid).unwrap_or_default()
}

/// Checks that `bytes` are UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    simdutf8::compat::from_utf8(bytes)
        .map_err(|error| Reason::new("invalid_utf8", format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1)))
}
