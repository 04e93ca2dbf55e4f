//! JSON that is not lines: one array of objects, or objects one after another, however they are broken into lines.
//! Elements are scanned where they lie, so framing and checking are one pass and memory is one record.
//!
//! What is not JSON stops the run, because nothing says where the next element begins. One exception: in a stream of
//! objects (no array), a broken object that began at the start of a line and broke on that line costs just that line,
//! as it would in NDJSON.

use super::jsonl::{not_an_object, utf8};
use super::{Broken, More, Reader, Step, Window};
use crate::json::{Fault, Scanner};
use crate::record::{BadRecord, Origin, Reason, Record};

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
    /// A bad line of a stream whose end has not been seen yet.
    skipping: Option<BadRecord>,
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

    fn here(&mut self) -> Origin {
        self.origin.line = self.line;
        self.origin.offset = self.window.offset();
        self.origin
    }

    fn broken(&mut self, text: impl Into<String>) -> Broken {
        let mut origin = self.here();
        origin.record += 1;
        Broken::new(origin, text)
    }

    /// Passes over blanks and returns the next byte, without giving it up.
    fn peek(&mut self) -> Result<Peek, Broken> {
        loop {
            let bytes = self.window.bytes();
            match bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
                Some(at) => {
                    let byte = bytes[at];
                    self.pass(at);
                    return Ok(Peek::Byte(byte));
                }
                None => self.pass(self.window.bytes().len()),
            }
            match self.window.more() {
                Ok(More::Data) => {}
                Ok(More::Idle) => return Ok(Peek::Idle),
                Ok(More::End) => return Ok(Peek::End),
                Err(error) => return Err(self.broken(error.to_string())),
            }
        }
    }

    /// Moves to the beginning of the next element.
    fn advance(&mut self) -> Result<Peek, Broken> {
        loop {
            let byte = match self.peek()? {
                Peek::Byte(byte) => byte,
                Peek::Idle => return Ok(Peek::Idle),
                Peek::End => {
                    return match self.state {
                        State::Element { .. } | State::Separator => Err(self.broken("the JSON array does not end")),
                        _ => Ok(Peek::End),
                    };
                }
            };
            match (self.state, byte) {
                (State::Start, b'[') => {
                    self.pass(1);
                    self.state = State::Element { first: true };
                }
                (State::Start, _) => self.state = State::Stream,
                (State::Element { first: true } | State::Separator, b']') => {
                    self.pass(1);
                    self.state = State::After;
                }
                (State::Separator, b',') => {
                    self.pass(1);
                    self.state = State::Element { first: false };
                }
                (State::Separator, _) => return Err(self.broken("broken JSON array: expected `,` or `]`")),
                (State::After, _) => return Err(self.broken("more text after the end of the JSON array")),
                (State::Element { first: false }, b']') => {
                    return Err(self.broken("broken JSON array: `]` after a comma"));
                }
                (State::Element { .. } | State::Stream, _) => return Ok(Peek::Byte(byte)),
            }
        }
    }

    /// Scans the element at the window's first byte; `None` when the pipe is silent.
    fn element(&mut self, first: u8) -> Result<Option<Result<usize, Fault>>, Broken> {
        loop {
            if self.window.bytes().len() >= self.wanted || self.window.ended() {
                let bytes = self.window.bytes();
                let scanned = match first {
                    b'{' => self.scanner.object(bytes),
                    _ => self.scanner.value(bytes, 0),
                };
                let at_end = |end: usize| end == bytes.len() && !matches!(first, b'{' | b'[' | b'"');
                match scanned {
                    // A number that ends with the buffer may go on behind it.
                    Ok(end) if at_end(end) && !self.window.ended() => {}
                    Err(Fault::Incomplete) if !self.window.ended() => {
                        // Rescanning from the beginning is cheap as long as each try has twice the bytes of the last.
                        self.wanted = bytes.len() * 2;
                    }
                    done => {
                        self.wanted = 0;
                        return Ok(Some(done));
                    }
                }
                if bytes.len() > self.max {
                    let limit = self.max;
                    return Err(self.broken(format!("a record longer than --max-record-bytes ({limit} bytes)")));
                }
            }
            match self.window.more() {
                Ok(More::Idle) => {
                    // What has come may be a whole record that waits for nothing but being looked at.
                    if self.wanted > 0 {
                        self.wanted = 0;
                        continue;
                    }
                    return Ok(None);
                }
                Ok(_) => {}
                Err(error) => return Err(self.broken(error.to_string())),
            }
        }
    }

    /// Counts a broken object of a stream as one bad line, if it began its line and broke on it.
    fn skip_broken_line(&mut self, at: usize, what: &'static str) -> Result<Step<'_>, Broken> {
        let began_line = self.line_start;
        let bytes = self.window.bytes();
        let broke_on_it = memchr::memchr(b'\n', &bytes[..at.min(bytes.len())]).is_none();
        if self.state != State::Stream || !began_line || !broke_on_it {
            let place = if self.state == State::Stream { "broken JSON" } else { "broken JSON array" };
            let at = at + 1;
            return Err(self.broken(format!("{place}: {what}, at byte {at} of the element")));
        }
        self.origin.record += 1;
        let origin = self.here();
        let reason = Reason::new("invalid_json", format!("{what}, at byte {}", at + 1));
        self.skipping = Some(BadRecord { origin, reason });
        self.skip_line()
    }

    /// Passes over the rest of the line on which `skipping` began, as soon as it is there.
    fn skip_line(&mut self) -> Result<Step<'_>, Broken> {
        loop {
            let found = memchr::memchr(b'\n', self.window.bytes());
            self.pass(found.unwrap_or(self.window.bytes().len()));
            if found.is_some() {
                break;
            }
            match self.window.more() {
                Ok(More::Data) => {}
                Ok(More::Idle) => return Ok(Step::Idle),
                Ok(More::End) => break,
                Err(error) => return Err(self.broken(error.to_string())),
            }
        }
        Ok(self.skipping.take().map_or(Step::End, Step::Bad))
    }
}

/// What lies ahead.
enum Peek {
    Byte(u8),
    Idle,
    End,
}

impl Reader for JsonStream {
    fn next(&mut self) -> Result<Step<'_>, Broken> {
        let used = std::mem::take(&mut self.used);
        self.pass(used);
        if self.skipping.is_some() {
            return self.skip_line();
        }
        let first = match self.advance()? {
            Peek::Byte(byte) => byte,
            Peek::Idle => return Ok(Step::Idle),
            Peek::End => return Ok(Step::End),
        };
        let end = match self.element(first)? {
            None => return Ok(Step::Idle),
            Some(Ok(end)) => end,
            Some(Err(Fault::Incomplete)) => {
                let whole = self.window.bytes().len();
                return self.skip_broken_line(whole, "the object does not end");
            }
            Some(Err(Fault::Syntax { at, what })) => return self.skip_broken_line(at, what),
        };
        if self.state != State::Stream {
            self.state = State::Separator;
        }
        self.origin.record += 1;
        let origin = self.here();
        self.used = end;
        let bytes = &self.window.bytes()[..end];
        if first != b'{' {
            let reason = not_an_object(bytes, &mut self.scanner);
            return Ok(Step::Bad(BadRecord { origin, reason }));
        }
        if end > self.max {
            let reason = Reason::new("record_too_long", format!("longer than --max-record-bytes ({} bytes)", self.max));
            return Ok(Step::Bad(BadRecord { origin, reason }));
        }
        match utf8(bytes) {
            Ok(text) => {
                Ok(Step::Record(Record { text, members: self.scanner.members(), origin, command: None, nulls: &[] }))
            }
            Err(reason) => Ok(Step::Bad(BadRecord { origin, reason })),
        }
    }

    /// Blank lines mean nothing between the elements of a stream.
    fn empty(&self) -> u64 {
        0
    }
}
