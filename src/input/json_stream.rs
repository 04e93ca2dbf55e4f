//! JSON that is not line-based: one array of objects, or a sequence of objects, with any line breaks.
//! Elements are scanned in place: one pass finds and checks them, and memory holds one record.
//!
//! Invalid JSON stops the run, because the start of the next element is unknown. There are two exceptions. In a sequence of
//! objects, if an invalid object starts at the start of a line and its error is on that line, only that line is an error, as
//! in NDJSON. An element longer than `--max-record-bytes` is one error: its quotes and brackets show where it ends.

use super::jsonl::{not_a, trimmed, utf8};
use super::value_skipper::ValueSkipper;
use super::{More, NoRecord, OneByOne, ReadError, ReadStep, Window, too_long};
use crate::json::{JsonKind, ScanError, Scanner};
use crate::record::{Origin, Reason, Record};

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamState {
    /// At the start: `[` makes the input an array.
    Start,
    /// In an array: an element, or `]` if `first`.
    Element { first: bool },
    /// In an array: `,` or `]`.
    Separator,
    /// In a sequence of objects.
    Stream,
    /// After the array's `]`.
    After,
}

#[derive(Debug)]
pub(super) struct JsonStream {
    window: Window,
    scanner: Scanner,
    state: StreamState,
    origin: Origin,
    max: usize,
    /// Bytes of the current record. Its line breaks are not counted yet.
    used: usize,
    /// The line of the first byte of the window, from 1.
    line: u64,
    /// Whether this line has only whitespace so far.
    line_start: bool,
    /// How many bytes the window needs before another scan is worthwhile.
    wanted: usize,
    /// An invalid record whose end was not found yet.
    skipping: Option<Skipping>,
    /// The invalid line that was skipped, if raw text is wanted.
    bad_line: Vec<u8>,
}

/// An invalid record that is skipped before it is returned.
#[derive(Debug)]
struct Skipping {
    origin: Origin,
    reason: Reason,
    /// For a value that is too long; `None`: the rest of the line is skipped.
    value_skipper: Option<ValueSkipper>,
    /// The skipped part of a line, if raw text is wanted and not too long.
    raw: Option<Vec<u8>>,
}

impl Skipping {
    fn keep(&mut self, part: &[u8], max: usize) {
        self.raw.take_if(|raw| raw.len() + part.len() > max);
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(part);
        }
    }
}

impl JsonStream {
    pub(super) fn new(window: Window, file: u32, first_line: u64, max: usize) -> JsonStream {
        JsonStream {
            window,
            scanner: Scanner::default(),
            state: StreamState::Start,
            origin: Origin { file, ..Origin::default() },
            max,
            used: 0,
            line: first_line,
            line_start: true,
            wanted: 0,
            skipping: None,
            bad_line: Vec::new(),
        }
    }

    /// Consumes `count` bytes and counts their line breaks.
    fn consume(&mut self, count: usize) {
        let bytes = &self.window.bytes()[..count];
        let breaks = memchr::memchr_iter(b'\n', bytes).count();
        self.line += breaks as u64;
        if count > 0 {
            let tail = memchr::memrchr(b'\n', bytes).map_or(0, |offset| offset + 1);
            let blank = bytes[tail..].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            self.line_start = blank && (breaks > 0 || self.line_start);
        }
        self.window.consume(count);
    }

    /// The origin at the first byte of the window.
    fn here(&self) -> Origin {
        Origin { line: self.line, offset: self.window.offset(), ..self.origin }
    }

    /// The origin of the next record.
    fn next_origin(&self) -> Origin {
        Origin { record: self.origin.record + 1, ..self.here() }
    }

    fn fail<T>(&self, text: impl Into<String>) -> Result<T, NoRecord> {
        Err(ReadError::new(self.next_origin(), text).into())
    }

    /// Skips whitespace and returns the next byte without consuming it.
    fn peek(&mut self) -> Result<u8, NoRecord> {
        loop {
            let bytes = self.window.bytes();
            if let Some(offset) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
                let byte = bytes[offset];
                self.consume(offset);
                return Ok(byte);
            }
            self.consume(bytes.len());
            if !self.window.read_on(self.next_origin())? {
                return Err(NoRecord::End);
            }
        }
    }

    /// Moves to the start of the next element and returns its first byte.
    fn advance(&mut self) -> Result<u8, NoRecord> {
        loop {
            let byte = match self.peek() {
                Err(NoRecord::End) if matches!(self.state, StreamState::Element { .. } | StreamState::Separator) => {
                    return self.fail("unexpected end of input in JSON array");
                }
                peeked => peeked?,
            };
            self.state = match (self.state, byte) {
                (StreamState::Start, b'[') => StreamState::Element { first: true },
                (StreamState::Element { first: true } | StreamState::Separator, b']') => StreamState::After,
                (StreamState::Separator, b',') => StreamState::Element { first: false },
                (StreamState::Separator, _) => return self.fail("broken JSON array: expected `,` or `]`"),
                (StreamState::After, _) => return self.fail("unexpected text after the JSON array"),
                (StreamState::Element { first: false }, b']') => {
                    return self.fail("broken JSON array: `]` after a comma");
                }
                (StreamState::Element { .. }, _) => return Ok(byte),
                (StreamState::Start | StreamState::Stream, _) => {
                    self.state = StreamState::Stream;
                    return Ok(byte);
                }
            };
            self.consume(1);
        }
    }

    /// Scans the element at the start of the window. `None` if it is too long. The scanner sees at most one byte more than
    /// the limit, so that its result does not depend on how many bytes a read returns.
    fn element(&mut self, first: u8) -> Result<Option<Result<usize, ScanError>>, NoRecord> {
        loop {
            let available = self.window.bytes().len();
            if available >= self.wanted || available > self.max || self.window.ended() {
                let bytes = &self.window.bytes()[..available.min(self.max + 1)];
                let scanned = match first {
                    b'{' => self.scanner.object(bytes),
                    _ => self.scanner.value(bytes, 0),
                };
                let is_open = match scanned {
                    // A number at the end of the buffer may be incomplete.
                    Ok(end) => end == bytes.len() && !matches!(first, b'{' | b'[' | b'"'),
                    Err(error) => error == ScanError::Incomplete,
                };
                let is_long = available > self.max && (is_open || scanned.is_ok_and(|end| end > self.max));
                if is_long || !is_open || self.window.ended() {
                    self.wanted = 0;
                    return Ok((!is_long).then_some(scanned));
                }
                // Rescanning from the start is cheap if each scan has twice the bytes of the previous one.
                self.wanted = bytes.len() * 2;
            }
            match self.window.more() {
                Ok(More::Later) => return Err(NoRecord::Idle),
                Ok(More::Idle) => {
                    // The available bytes may be a complete record by now: scan them next time.
                    self.wanted = 0;
                    return Err(NoRecord::Idle);
                }
                Ok(More::Data | More::End) => {}
                Err(error) => return self.fail(error.to_string()),
            }
        }
    }

    /// Skips one line for an invalid object of a sequence, if the object starts its line and the error is on it.
    fn skip_line(&mut self, error: ScanError) -> Result<ReadStep<'_>, NoRecord> {
        let bytes = self.window.bytes();
        let (offset, what) = match error {
            ScanError::Syntax { offset, what } => (offset, what),
            ScanError::Incomplete => (bytes.len(), "unexpected end of input in object"),
        };
        let byte = offset + 1;
        if self.state != StreamState::Stream {
            return self.fail(format!("broken JSON array: {what}, at byte {byte} of the element"));
        }
        let is_same_line = memchr::memchr(b'\n', &bytes[..offset]).is_none();
        if !self.line_start || !is_same_line {
            return self.fail(format!("broken JSON: {what}, at byte {byte} of the element"));
        }
        self.skip_record(Reason::new("invalid_json", format!("{what}, at byte {byte}")), None)
    }

    /// Counts the next element as an invalid record, and skips it.
    fn skip_record(&mut self, reason: Reason, value_skipper: Option<ValueSkipper>) -> Result<ReadStep<'_>, NoRecord> {
        self.origin.record += 1;
        let raw = (value_skipper.is_none() && self.window.keeps_raw).then(Vec::new);
        self.skipping = Some(Skipping { origin: self.here(), reason, value_skipper, raw });
        self.skip()
    }

    /// Skips the rest of an invalid record, and returns it once its end is read.
    fn skip(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        while let Some(skipping) = &mut self.skipping {
            let origin = skipping.origin;
            let bytes = self.window.bytes();
            let found = match &mut skipping.value_skipper {
                None => memchr::memchr(b'\n', bytes),
                Some(value_skipper) => {
                    value_skipper.end(bytes).map_err(|what| ReadError::new(origin, format!("broken JSON: {what}")))?
                }
            };
            let is_open = skipping.value_skipper.as_ref().is_some_and(ValueSkipper::is_open);
            let count = found.unwrap_or(bytes.len());
            skipping.keep(&bytes[..count], self.max);
            self.consume(count);
            if found.is_some() {
                break;
            }
            if !self.window.read_on(self.next_origin())? {
                if is_open {
                    let text = format!("unexpected end of input in a record {}", too_long(self.max).text);
                    return Err(ReadError::new(origin, text).into());
                }
                break;
            }
        }
        let Some(Skipping { origin, reason, raw, .. }) = self.skipping.take() else { return Ok(ReadStep::End) };
        self.bad_line = raw.unwrap_or_default();
        Ok(ReadStep::of(origin, &self.bad_line[trimmed(&self.bad_line)], Err(reason)))
    }
}

impl OneByOne for JsonStream {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        let used = std::mem::take(&mut self.used);
        self.consume(used);
        if self.skipping.is_some() {
            return self.skip();
        }
        let first = self.advance()?;
        let scanned = self.element(first)?;
        if self.state != StreamState::Stream {
            self.state = StreamState::Separator;
        }
        let end = match scanned {
            None => return self.skip_record(too_long(self.max), Some(ValueSkipper::default())),
            Some(Err(error)) => return self.skip_line(error),
            Some(Ok(end)) => end,
        };
        self.origin.record += 1;
        let origin = self.here();
        self.used = end;
        let bytes = &self.window.bytes()[..end];
        if first != b'{' {
            return Ok(ReadStep::of(origin, bytes, Err(not_a(JsonKind::Object, bytes, &mut self.scanner))));
        }
        Ok(ReadStep::of(origin, bytes, utf8(bytes).map(|text| Record::of(text, &self.scanner, origin))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::source::thread_source;
    use crate::input::unpack::Compression;
    use std::io::Write as _;

    #[test]
    fn an_idle_pipe_inside_an_element_returns_control() {
        let (reader, mut pipe) = std::io::pipe().expect("a pipe");
        let window = Window::new(thread_source(reader, Some(Compression::None)).expect("a thread"));
        let mut stream = JsonStream::new(window, 0, 1, 1 << 20);
        pipe.write_all(b"{\"a\":").expect("open");
        for _ in 0..3 {
            assert!(matches!(stream.next(), Err(NoRecord::Idle)));
        }
        pipe.write_all(b"1}").expect("open");
        drop(pipe);
        loop {
            match stream.next() {
                Err(NoRecord::Idle) => {}
                Ok(ReadStep::Record(record)) => return assert_eq!(record.text, "{\"a\":1}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
