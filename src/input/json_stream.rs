//! JSON that is not lines: one array of objects, or objects one after another, however they are broken into lines.
//! Elements are scanned where they lie, so framing and checking are one pass and memory is one record.
//!
//! What is not JSON stops the run, because nothing says where the next element begins. One exception: in a stream of
//! objects (no array), a broken object that began at the start of a line and broke on that line costs just that line,
//! as it would in NDJSON. An element longer than `--max-record-bytes` is one error too: its quotes and brackets tell
//! where it ends.

use super::jsonl::{not_a, trimmed, utf8};
use super::value_skipper::ValueSkipper;
use super::{Broken, More, NoRecord, OneByOne, Step, Window, too_long};
use crate::json::{Fault, Kind, Scanner};
use crate::record::{Origin, Reason, Record};

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing read yet: `[` makes it an array.
    Start,
    /// In an array: an element, or `]` if `first`.
    Element { first: bool },
    /// In an array: `,` or `]`.
    Separator,
    /// In a stream of objects.
    Stream,
    /// After the array's `]`.
    After,
}

/// Reads one array, or a stream of objects.
#[derive(Debug)]
pub(super) struct JsonStream {
    window: Window,
    scanner: Scanner,
    state: State,
    origin: Origin,
    max: usize,
    /// Bytes of the record lent last, with its line breaks not yet counted.
    used: usize,
    /// The line at the window's first byte, from 1.
    line: u64,
    /// Whether only blanks were seen on this line so far.
    line_start: bool,
    /// How many bytes the window must have before another scan is worth it.
    wanted: usize,
    /// Something bad whose end has not been seen yet.
    skipping: Option<Skipping>,
    /// The bad line passed over last, where that is asked for.
    bad_line: Vec<u8>,
}

/// What has to be passed over before something bad can be said.
#[derive(Debug)]
struct Skipping {
    origin: Origin,
    reason: Reason,
    /// The rest of a value that is too long, or of a line of a stream.
    value_skipper: Option<ValueSkipper>,
    /// What was passed over of a line, where that is asked for and can be kept.
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
            state: State::Start,
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

    /// Gives up the first `count` bytes and counts their lines.
    fn pass(&mut self, count: usize) {
        let bytes = &self.window.bytes()[..count];
        let breaks = memchr::memchr_iter(b'\n', bytes).count();
        self.line += breaks as u64;
        if count > 0 {
            let tail = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
            let blank = bytes[tail..].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            self.line_start = blank && (breaks > 0 || self.line_start);
        }
        self.window.consume(count);
    }

    fn here(&self) -> Origin {
        Origin { line: self.line, offset: self.window.offset(), ..self.origin }
    }

    /// Where the next record is expected.
    fn ahead(&self) -> Origin {
        Origin { record: self.origin.record + 1, ..self.here() }
    }

    fn broken<T>(&self, text: impl Into<String>) -> Result<T, NoRecord> {
        Err(Broken::new(self.ahead(), text).into())
    }

    /// Passes over blanks and returns the next byte, without giving it up.
    fn peek(&mut self) -> Result<u8, NoRecord> {
        loop {
            let bytes = self.window.bytes();
            if let Some(at) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
                let byte = bytes[at];
                self.pass(at);
                return Ok(byte);
            }
            self.pass(bytes.len());
            if !self.window.read_on(self.ahead())? {
                return Err(NoRecord::End);
            }
        }
    }

    /// Moves to the beginning of the next element, and returns its first byte.
    fn advance(&mut self) -> Result<u8, NoRecord> {
        loop {
            let byte = match self.peek() {
                Err(NoRecord::End) if matches!(self.state, State::Element { .. } | State::Separator) => {
                    return self.broken("unexpected end of input in JSON array");
                }
                peeked => peeked?,
            };
            self.state = match (self.state, byte) {
                (State::Start, b'[') => State::Element { first: true },
                (State::Element { first: true } | State::Separator, b']') => State::After,
                (State::Separator, b',') => State::Element { first: false },
                (State::Separator, _) => return self.broken("broken JSON array: expected `,` or `]`"),
                (State::After, _) => return self.broken("unexpected text after the JSON array"),
                (State::Element { first: false }, b']') => return self.broken("broken JSON array: `]` after a comma"),
                (State::Element { .. }, _) => return Ok(byte),
                (State::Start | State::Stream, _) => {
                    self.state = State::Stream;
                    return Ok(byte);
                }
            };
            self.pass(1);
        }
    }

    /// Scans the element at the window's first byte; `None` if it is longer than an element may be. The scanner sees one
    /// byte more than that, however many are at hand, so that what it says does not depend on how they come.
    fn element(&mut self, first: u8) -> Result<Option<Result<usize, Fault>>, NoRecord> {
        loop {
            let at_hand = self.window.bytes().len();
            if at_hand >= self.wanted || at_hand > self.max || self.window.ended() {
                let bytes = &self.window.bytes()[..at_hand.min(self.max + 1)];
                let scanned = match first {
                    b'{' => self.scanner.object(bytes),
                    _ => self.scanner.value(bytes, 0),
                };
                let is_open = match scanned {
                    // A number that ends with the buffer may go on behind it.
                    Ok(end) => end == bytes.len() && !matches!(first, b'{' | b'[' | b'"'),
                    Err(fault) => fault == Fault::Incomplete,
                };
                let is_long = at_hand > self.max && (is_open || scanned.is_ok_and(|end| end > self.max));
                if is_long || !is_open || self.window.ended() {
                    self.wanted = 0;
                    return Ok((!is_long).then_some(scanned));
                }
                // Rescanning from the beginning is cheap as long as each try has twice the bytes of the last.
                self.wanted = bytes.len() * 2;
            }
            match self.window.more() {
                Ok(More::Later) => return Err(NoRecord::Idle),
                Ok(More::Idle) => {
                    // What has come may be a whole record that waits for nothing but being looked at.
                    self.wanted = 0;
                    return Err(NoRecord::Idle);
                }
                Ok(More::Data | More::End) => {}
                Err(error) => return self.broken(error.to_string()),
            }
        }
    }

    /// Counts a broken object of a stream as one bad line, if it began its line and broke on it.
    fn skip_broken(&mut self, fault: Fault) -> Result<Step<'_>, NoRecord> {
        let bytes = self.window.bytes();
        let (at, what) = match fault {
            Fault::Syntax { at, what } => (at, what),
            Fault::Incomplete => (bytes.len(), "unexpected end of input in object"),
        };
        let byte = at + 1;
        if self.state != State::Stream {
            return self.broken(format!("broken JSON array: {what}, at byte {byte} of the element"));
        }
        let broke_on_it = memchr::memchr(b'\n', &bytes[..at]).is_none();
        if !self.line_start || !broke_on_it {
            return self.broken(format!("broken JSON: {what}, at byte {byte} of the element"));
        }
        self.skip_record(Reason::new("invalid_json", format!("{what}, at byte {byte}")), None)
    }

    /// Counts what is ahead as a record that cannot be used, and passes over it.
    fn skip_record(&mut self, reason: Reason, value_skipper: Option<ValueSkipper>) -> Result<Step<'_>, NoRecord> {
        self.origin.record += 1;
        let raw = (value_skipper.is_none() && self.window.keeps_raw).then(Vec::new);
        self.skipping = Some(Skipping { origin: self.here(), reason, value_skipper, raw });
        self.skip()
    }

    /// Passes over what `skipping` says, as soon as it is there.
    fn skip(&mut self) -> Result<Step<'_>, NoRecord> {
        while let Some(skipping) = &mut self.skipping {
            let origin = skipping.origin;
            let bytes = self.window.bytes();
            let found = match &mut skipping.value_skipper {
                None => memchr::memchr(b'\n', bytes),
                Some(value_skipper) => {
                    value_skipper.end(bytes).map_err(|what| Broken::new(origin, format!("broken JSON: {what}")))?
                }
            };
            let is_open = skipping.value_skipper.as_ref().is_some_and(ValueSkipper::is_open);
            let count = found.unwrap_or(bytes.len());
            skipping.keep(&bytes[..count], self.max);
            self.pass(count);
            if found.is_some() {
                break;
            }
            if !self.window.read_on(self.ahead())? {
                if is_open {
                    let max = self.max;
                    let text =
                        format!("unexpected end of input in a record longer than --max-record-bytes ({max} bytes)");
                    return Err(Broken::new(origin, text).into());
                }
                break;
            }
        }
        let Some(Skipping { origin, reason, raw, .. }) = self.skipping.take() else { return Ok(Step::End) };
        self.bad_line = raw.unwrap_or_default();
        Ok(Step::of(origin, &self.bad_line[trimmed(&self.bad_line)], Err(reason)))
    }
}

impl OneByOne for JsonStream {
    fn next(&mut self) -> Result<Step<'_>, NoRecord> {
        let used = std::mem::take(&mut self.used);
        self.pass(used);
        if self.skipping.is_some() {
            return self.skip();
        }
        let first = self.advance()?;
        let scanned = self.element(first)?;
        if self.state != State::Stream {
            self.state = State::Separator;
        }
        let end = match scanned {
            None => return self.skip_record(too_long(self.max), Some(ValueSkipper::default())),
            Some(Err(fault)) => return self.skip_broken(fault),
            Some(Ok(end)) => end,
        };
        self.origin.record += 1;
        let origin = self.here();
        self.used = end;
        let bytes = &self.window.bytes()[..end];
        if first != b'{' {
            return Ok(Step::of(origin, bytes, Err(not_a(Kind::Object, bytes, &mut self.scanner))));
        }
        Ok(Step::of(origin, bytes, utf8(bytes).map(|text| Record::of(text, &self.scanner, origin))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Compression;
    use crate::input::source::thread_source;
    use std::io::Write as _;

    #[test]
    fn a_silent_pipe_amid_an_element_gives_control_back() {
        let (reader, mut pipe) = std::io::pipe().expect("a pipe");
        let window = Window::new(thread_source(reader, Some(Compression::None)));
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
                Ok(Step::Record(record)) => return assert_eq!(record.text, "{\"a\":1}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
