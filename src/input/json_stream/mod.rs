//! JSON that is not line-based: arrays of objects, or a sequence of objects, with any line breaks.
//! Elements are scanned in place: one pass finds and checks them, and memory holds one record. With `--records`, the
//! elements of an array inside each value are the records; `path` finds it.
//!
//! An invalid element of an array is one error if its end is certain (`bad_value`), else reading stops. In a sequence of
//! objects, if an invalid object starts at the start of a line and its error is on that line, only that line is an error, as
//! in NDJSON. An element longer than `--max-record-bytes` is one error: its quotes and brackets show where it ends.

mod element;
mod path;
mod skipping;

use super::jsonl::{not_a, trimmed, utf8};
use super::value_skipper::ValueSkipper;
use super::{NoRecord, OneByOne, ReadError, ReadStep, Window, too_long};
use crate::json::{JsonKind, Scanner};
use crate::record::{Origin, Reason, Record};
use path::{NameMatch, RecordsPath};
use skipping::{Skip, Skipping};

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
    /// After the array's `]`: another array.
    After,
    /// In an object around the records: a field, or `}` if `first`.
    Field { first: bool },
    /// `:` after a name.
    Colon(NameMatch),
    /// The value of a field.
    FieldValue(NameMatch),
    /// `,` or `}`.
    FieldEnd,
}

/// What `advance` found.
enum Next {
    /// An element with this first byte.
    Element(u8),
    /// An invalid record that was passed. Its text is in `bad_text`.
    Bad(Origin, Reason),
}

#[derive(Debug)]
pub(super) struct JsonStream {
    window: Window,
    scanner: Scanner,
    state: StreamState,
    /// Whether the values of the input are the elements of an array.
    in_array: bool,
    /// `--records`.
    path: Option<RecordsPath>,
    /// Whether each value is on a line of its own.
    is_by_lines: bool,
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
    /// The search for the end of a long element, and how many bytes of it were searched.
    long: Option<(ValueSkipper, usize)>,
    /// What is passed without being read.
    skipping: Option<Skipping>,
    /// The text of the invalid record that was passed, if raw text is wanted.
    bad_text: Vec<u8>,
}

impl JsonStream {
    /// `origin` is that of the first byte of the window.
    pub(super) fn new(window: Window, origin: Origin, max: usize) -> JsonStream {
        JsonStream {
            window,
            scanner: Scanner::default(),
            state: StreamState::Start,
            in_array: false,
            path: None,
            is_by_lines: false,
            line: origin.line,
            origin,
            max,
            used: 0,
            line_start: true,
            wanted: 0,
            long: None,
            skipping: None,
            bad_text: Vec::new(),
        }
    }

    /// The records are in an array inside each value, which is on a line of its own if `is_by_lines`.
    pub(super) fn inside(self, path: &str, is_by_lines: bool) -> JsonStream {
        JsonStream { path: Some(RecordsPath::new(path)), is_by_lines, ..self }
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

    /// Whether the input is between two of its values, or at its end.
    fn is_outside(&self) -> bool {
        matches!(self.state, StreamState::Start | StreamState::Stream | StreamState::After)
    }

    /// Skips whitespace, and before a record a byte order mark or a record separator (RFC 7464). Returns the next byte
    /// without consuming it. A line break inside a value of `is_by_lines` is not whitespace.
    fn peek(&mut self) -> Result<u8, NoRecord> {
        loop {
            let (is_outside, is_by_lines) = (self.is_outside(), self.is_by_lines);
            let is_blank = |byte: &u8| match byte {
                b'\n' => is_outside || !is_by_lines,
                0x1e => is_outside,
                byte => matches!(byte, b' ' | b'\t' | b'\r'),
            };
            let bytes = self.window.bytes();
            let offset = bytes.iter().position(|byte| !is_blank(byte)).unwrap_or(bytes.len());
            let rest = &bytes[offset..];
            let may_be_mark = is_outside || matches!(self.state, StreamState::Element { .. });
            match rest {
                [0xef, 0xbb, 0xbf, ..] if may_be_mark => self.pass(offset + 3),
                [0xef] | [0xef, 0xbb] if may_be_mark && !self.window.ended() => {
                    self.pass(offset);
                    self.window.read_on(self.next_origin())?;
                }
                [byte, ..] => {
                    let byte = *byte;
                    self.pass(offset);
                    return Ok(byte);
                }
                [] => {
                    self.pass(offset);
                    if !self.window.read_on(self.next_origin())? {
                        return Err(NoRecord::End);
                    }
                }
            }
        }
    }

    /// Consumes bytes between records: they leave the start of a line what it is.
    fn pass(&mut self, count: usize) {
        let was_start = self.line_start;
        let line = self.line;
        self.consume(count);
        self.line_start |= was_start || self.line > line;
    }

    /// Moves to the next element, past what is not read.
    fn advance(&mut self) -> Result<Next, NoRecord> {
        loop {
            if self.skipping.is_some()
                && let Some((origin, reason)) = self.skip()?
            {
                return Ok(Next::Bad(origin, reason));
            }
            let byte = match self.peek() {
                Err(NoRecord::End) if !self.is_outside() => {
                    let what = if self.path_is_open() { "JSON object" } else { "JSON array" };
                    return self.fail(format!("unexpected end of input in {what}"));
                }
                peeked => peeked?,
            };
            if byte == b'\n' {
                self.line_is_cut()?;
                continue;
            }
            self.state = match (self.state, byte) {
                (StreamState::Start | StreamState::After, b'[') => {
                    self.in_array = true;
                    StreamState::Element { first: true }
                }
                (StreamState::Element { first: true } | StreamState::Separator, b']') => self.after_array(),
                (StreamState::Separator, b',') => StreamState::Element { first: false },
                (StreamState::Separator, _) => {
                    self.broken("broken JSON array: expected `,` or `]`")?;
                    continue;
                }
                (StreamState::After, _) => return self.fail("unexpected text after the JSON array"),
                (StreamState::Element { first: false }, b']') => {
                    self.broken("broken JSON array: `]` after a comma")?;
                    continue;
                }
                (StreamState::Element { .. } | StreamState::Start | StreamState::Stream, _) => {
                    if byte != b'{' || !self.begin_path() {
                        let is_element = matches!(self.state, StreamState::Element { .. });
                        self.state = if is_element { self.state } else { StreamState::Stream };
                        return Ok(Next::Element(byte));
                    }
                    StreamState::Field { first: true }
                }
                _ => {
                    if let Some((origin, reason)) = self.follow(byte)? {
                        return Ok(Next::Bad(origin, reason));
                    }
                    continue;
                }
            };
            self.consume(1);
        }
    }
}

impl OneByOne for JsonStream {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        let used = std::mem::take(&mut self.used);
        self.consume(used);
        loop {
            let first = match self.advance()? {
                Next::Element(first) => first,
                Next::Bad(origin, reason) => {
                    return Ok(ReadStep::of(origin, &self.bad_text[trimmed(&self.bad_text)], Err(reason)));
                }
            };
            let scanned = self.element(first)?;
            let end = match scanned {
                Some(Ok(end)) => end,
                None => {
                    self.skip_record(too_long(self.max), Skip::Value(ValueSkipper::default()));
                    self.after_element();
                    continue;
                }
                Some(Err(error)) => {
                    self.bad_element(error)?;
                    self.after_element();
                    continue;
                }
            };
            self.after_element();
            self.origin.record += 1;
            let origin = self.here();
            self.used = end;
            let bytes = &self.window.bytes()[..end];
            if first != b'{' {
                return Ok(ReadStep::of(origin, bytes, Err(not_a(JsonKind::Object, bytes, &mut self.scanner))));
            }
            return Ok(ReadStep::of(origin, bytes, utf8(bytes).map(|text| Record::of(text, &self.scanner, origin))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::source::{Coding, thread_source};
    use crate::input::unpack::Compression;
    use std::io::Write as _;

    #[test]
    fn an_idle_pipe_inside_an_element_returns_control() {
        let (reader, mut pipe) = std::io::pipe().expect("a pipe");
        let window = Window::new(
            thread_source(reader, Coding { compression: Some(Compression::None), encoding: None }).expect("a thread"),
        );
        let mut stream = JsonStream::new(window, Origin { line: 1, ..Origin::default() }, 1 << 20);
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
