//! NDJSON: one object per line.
//! `LineReader` is shared by all line formats. It reads lines of any length in bounded memory and counts them.

use super::{NoRecord, ReadError, ReadStep, Reader, Window, encoding, hand_over, mistakes, too_long};
use crate::json::{JsonKind, ScanError, Scanner};
use crate::record::{Origin, Reason, Record};
use std::ops::Range;

/// Reads lines. A line longer than the limit is skipped and returned as a reason.
#[derive(Debug)]
pub(super) struct LineReader {
    pub(super) window: Window,
    /// Where the current line starts. Its field `record` is counted by the reader.
    pub(super) origin: Origin,
    max: usize,
    used: usize,
    searched: usize,
    discarding: bool,
}

impl LineReader {
    /// `skipped` is the number of lines before the first byte of the window.
    pub(super) fn new(window: Window, file: u32, skipped: u64, max: usize) -> LineReader {
        let origin = Origin { file, line: skipped, ..Origin::default() };
        LineReader { window, origin, max, used: 0, searched: 0, discarding: false }
    }

    /// Reads several complete lines at once, together no longer than the limit for one line; if there are none, the next
    /// line. Returns their length without the last line break.
    fn several(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        self.window.consume(std::mem::take(&mut self.used));
        let bytes = self.window.bytes();
        let bytes = &bytes[..bytes.len().min(LINES_AT_ONCE).min(self.max)];
        match memchr::memrchr(b'\n', bytes) {
            Some(last) if self.searched == 0 && !self.discarding => Ok(self.finish(last, 1)),
            _ => self.one(),
        }
    }

    /// Reads the next line and returns its range without whitespace around it. It is valid until the next call.
    pub(super) fn next(&mut self) -> Result<Result<Range<usize>, Reason>, NoRecord> {
        Ok(self.one()?.map(|length| trimmed(&self.window.bytes()[..length])))
    }

    /// Reads the next line and returns its length without its line break (optional at the end of the input).
    fn one(&mut self) -> Result<Result<usize, Reason>, NoRecord> {
        self.window.consume(std::mem::take(&mut self.used));
        loop {
            let bytes = self.window.bytes();
            if let Some(found) = memchr::memchr(b'\n', &bytes[self.searched..]) {
                return Ok(self.finish(self.searched + found, 1));
            }
            self.searched = bytes.len();
            if self.searched > self.max {
                self.discard();
            }
            if !self.window.read_on(Origin { line: self.origin.line + 1, ..self.origin })? {
                let is_line = self.searched > 0 || self.discarding;
                return if is_line { Ok(self.finish(self.searched, 0)) } else { Err(NoRecord::End) };
            }
        }
    }

    /// Discards the start of a line that is too long.
    fn discard(&mut self) {
        if !self.discarding {
            self.discarding = true;
            self.origin.offset = self.window.offset();
        }
        self.window.consume(self.searched);
        self.searched = 0;
    }

    fn finish(&mut self, length: usize, line_break: usize) -> Result<usize, Reason> {
        self.searched = 0;
        self.used = length + line_break;
        self.origin.line += 1;
        let was_discarded = std::mem::take(&mut self.discarding);
        if !was_discarded {
            self.origin.offset = self.window.offset();
        }
        if was_discarded || length > self.max { Err(too_long(self.max)) } else { Ok(length) }
    }
}

/// The offset after a record separator (RFC 7464) or a byte order mark at the beginning of a record.
#[cold]
fn after_marks(bytes: &[u8], mut start: usize) -> usize {
    loop {
        match bytes[start..] {
            [0xef, 0xbb, 0xbf, ..] => start += 3,
            [0x1e | b' ' | b'\t' | b'\r' | b'\n', ..] => start += 1,
            _ => return start,
        }
    }
}

/// The range of `bytes` without JSON whitespace around it; empty if there is nothing else.
pub(super) fn trimmed(bytes: &[u8]) -> Range<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let mut start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    if matches!(bytes.get(start), Some(0x1e | 0xef)) {
        start = after_marks(bytes, start);
    }
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    start..end.max(start)
}

/// Maximum bytes of lines that are read at once, so that they are still in the L1 cache when they are scanned.
const LINES_AT_ONCE: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Jsonl {
    lines: LineReader,
    scanner: Scanner,
    /// Whether the object on the next line does not end on it.
    is_open: bool,
    /// How many bytes the window needs before another scan for its end is worthwhile.
    wanted: usize,
}

impl Jsonl {
    pub(super) fn new(lines: LineReader) -> Jsonl {
        Jsonl { lines, scanner: Scanner::default(), is_open: false, wanted: 0 }
    }

    /// Passes the records of complete lines to `take`; `length` excludes the last line break. False if no more is wanted.
    /// Stops before a line whose object does not end on it, unless that was looked at before.
    fn take_lines(&mut self, length: usize, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> bool {
        let bytes = &self.lines.window.bytes()[..length];
        // All lines at once, because a check has a high fixed cost.
        let whole = simdutf8::basic::from_utf8(bytes);
        let mut origin = self.lines.origin;
        let (offset, mut start) = (origin.offset, 0);
        loop {
            let end = memchr::memchr(b'\n', &bytes[start..]).map_or(length, |found| start + found);
            let range = trimmed(&bytes[start..end]);
            let range = start + range.start..start + range.end;
            let step = if range.is_empty() {
                ReadStep::Empty
            } else {
                origin.record += 1;
                origin.offset = offset + start as u64;
                let text = whole.map_or_else(|_| utf8(&bytes[range.clone()]), |whole| Ok(&whole[range.clone()]));
                let object = text.and_then(|text| object_in(text, &mut self.scanner));
                if object.is_err() && !self.is_open && self.scanner.object(&bytes[range.clone()]) == OPEN {
                    self.is_open = true;
                    // The line is the next one.
                    origin.record -= 1;
                    origin.line -= 1;
                    self.lines.origin = origin;
                    self.lines.used = start;
                    return true;
                }
                ReadStep::of(origin, &bytes[range], object.map(|text| Record::of(text, &self.scanner, origin)))
            };
            self.is_open = false;
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

/// An object that does not end on its line.
const OPEN: Result<usize, ScanError> = Err(ScanError::Incomplete);

impl Jsonl {
    /// Looks for the end of the object on the next line, which does not end there. Returns the length of its lines if it is
    /// an object over several lines, and `None` if it is not, so that only its first line is an error.
    fn object_over_lines(&mut self) -> Result<Option<usize>, NoRecord> {
        let lines = &mut self.lines;
        lines.window.consume(std::mem::take(&mut lines.used));
        loop {
            let bytes = lines.window.bytes();
            let is_all = bytes.len() > lines.max || lines.window.ended();
            if bytes.len() >= self.wanted || is_all {
                let start = trimmed(bytes).start;
                let scanned = self.scanner.object(&bytes[start..bytes.len().min(lines.max)]);
                self.wanted = bytes.len() * 2;
                if scanned != OPEN || is_all {
                    self.wanted = 0;
                    let Ok(end) = scanned else { return Ok(None) };
                    let rest = &bytes[start + end..bytes.len().min(lines.max)];
                    match memchr::memchr(b'\n', rest) {
                        Some(rest) => return Ok(Some(start + end + rest)),
                        None if bytes.len() > lines.max => return Ok(None),
                        None if is_all => return Ok(Some(bytes.len())),
                        None => {}
                    }
                }
            }
            lines.window.read_on(Origin { line: lines.origin.line + 1, ..lines.origin })?;
        }
    }

    /// The error of an object over several lines, which have this length.
    fn over_lines(&mut self, length: usize) -> ReadStep<'_> {
        let lines = &mut self.lines;
        let bytes = &lines.window.bytes()[..length];
        let origin = Origin {
            line: lines.origin.line + 1,
            record: lines.origin.record + 1,
            offset: lines.window.offset(),
            ..lines.origin
        };
        let breaks = memchr::memchr_iter(b'\n', bytes).count() as u64;
        lines.origin = Origin { line: origin.line + breaks, ..origin };
        lines.used = (length + 1).min(lines.window.bytes().len());
        let reason = Reason::new("invalid_json", "the object goes on over several lines");
        let range = trimmed(bytes);
        ReadStep::of(origin, &bytes[range], Err(reason.with_hint(Some("write `-t json`"))))
    }
}

impl Reader for Jsonl {
    fn each(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<(), ReadError> {
        loop {
            if self.is_open {
                match self.object_over_lines() {
                    Ok(Some(length)) => {
                        self.is_open = false;
                        if !take(self.over_lines(length)) {
                            return Ok(());
                        }
                        continue;
                    }
                    Ok(None) => {}
                    Err(none) => {
                        if hand_over(Err(none), take)? {
                            continue;
                        }
                        return Ok(());
                    }
                }
            }
            let next = if self.is_open { self.lines.one() } else { self.lines.several() };
            let wants_more = match next {
                Ok(Ok(length)) => self.take_lines(length, take),
                Ok(Err(reason)) => {
                    self.lines.origin.record += 1;
                    take(ReadStep::of(self.lines.origin, &[], Err(reason)))
                }
                Err(none) => hand_over(Err(none), take)?,
            };
            if !wants_more {
                return Ok(());
            }
        }
    }
}

/// Checks that trimmed bytes are one JSON object in UTF-8.
pub(super) fn object<'a>(bytes: &'a [u8], scanner: &mut Scanner) -> Result<&'a str, Reason> {
    object_in(utf8(bytes)?, scanner)
}

/// Checks that a trimmed text is one JSON object.
fn object_in<'a>(text: &'a str, scanner: &mut Scanner) -> Result<&'a str, Reason> {
    match scanner.object(text.as_bytes()) {
        Ok(end) => ensure_end(text.as_bytes(), end, "object").map(|()| text),
        Err(ScanError::Syntax { offset: 0, .. }) => Err(not_a(JsonKind::Object, text.as_bytes(), scanner)),
        Err(error) => Err(invalid(text.as_bytes(), error, "object")),
    }
}

/// Checks that nothing follows the object or array that ends at `end`.
pub(super) fn ensure_end(bytes: &[u8], end: usize, what: &str) -> Result<(), Reason> {
    if end == bytes.len() {
        return Ok(());
    }
    let (text, hint) = mistakes::after(&bytes[end..], what);
    Err(Reason::new("invalid_json", format!("{text}, at byte {}", end + 1)).with_hint(hint))
}

/// The reason for invalid JSON where an object or an array is expected.
pub(super) fn invalid(bytes: &[u8], error: ScanError, what: &str) -> Reason {
    Reason::new("invalid_json", mistakes::text_of(bytes, error, &format!("unexpected end of line in {what}")))
}

/// The reason for another value where an object or an array is expected.
pub(super) fn not_a(wanted: JsonKind, bytes: &[u8], scanner: &mut Scanner) -> Reason {
    let (kind, text) = match wanted {
        JsonKind::Object => ("not_an_object", "not a JSON object"),
        _ => ("not_an_array", "not a JSON array"),
    };
    let scanned = scanner.value(bytes, 0);
    if scanned != Ok(bytes.len()) {
        let mistake = mistakes::named(bytes, 0, text);
        let is_array = wanted == JsonKind::Object && bytes.starts_with(b"[") && scanned == Err(ScanError::Incomplete);
        return Reason::new("invalid_json", mistake).with_hint(is_array.then_some("write `-t json`"));
    }
    let found = std::str::from_utf8(bytes).map_or("a value", |text| JsonKind::of(text).name());
    Reason::new(kind, format!("expected {}, found {found}", wanted.name()))
}

/// Checks that `bytes` are UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    simdutf8::compat::from_utf8(bytes).map_err(|error| {
        let text = format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1);
        Reason::new("invalid_utf8", text).with_hint(encoding::likely(bytes, error.valid_up_to()))
    })
}
