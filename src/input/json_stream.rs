//! JSON that is not lines: one array of objects, or objects one after another, however they are broken into lines.
//! Elements are scanned where they lie, so framing and checking are one pass and memory is one record.
//!
//! What is not JSON stops the run, because nothing says where the next element begins. One exception: in a stream of
//! objects (no array), a broken object that began at the start of a line and broke on that line costs just that line,
//! as it would in NDJSON. An element longer than `--max-record-bytes` is one error too: its quotes and brackets tell
//! where it ends.

use super::jsonl::{not_an_object, trimmed, utf8};
use super::outline::Outline;
use super::{Broken, More, OneByOne, Step, Window};
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
    outline: Option<Outline>,
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
                Ok(More::Idle | More::Later) => return Ok(Peek::Idle),
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

    /// Scans the element at the window's first byte. It sees one byte more than an element may have, however many are at
    /// hand, so that what it says does not depend on how they come.
    fn element(&mut self, first: u8) -> Result<Element, Broken> {
        loop {
            let at_hand = self.window.bytes().len();
            if at_hand >= self.wanted || at_hand > self.max || self.window.ended() {
                let bytes = &self.window.bytes()[..at_hand.min(self.max + 1)];
                let scanned = match first {
                    b'{' => self.scanner.object(bytes),
                    _ => self.scanner.value(bytes, 0),
                };
                let at_end = |end: usize| end == bytes.len() && !matches!(first, b'{' | b'[' | b'"');
                let ended = self.window.ended() && at_hand <= self.max;
                match scanned {
                    // A number that ends with the buffer may go on behind it.
                    Ok(end) if at_end(end) && !ended => {}
                    Err(Fault::Incomplete) if !ended => {
                        // Rescanning from the beginning is cheap as long as each try has twice the bytes of the last.
                        self.wanted = bytes.len() * 2;
                    }
                    Ok(end) if end > self.max => {}
                    done => {
                        self.wanted = 0;
                        return Ok(Element::Scanned(done));
                    }
                }
                if at_hand > self.max {
                    self.wanted = 0;
                    return Ok(Element::TooLong);
                }
            }
            match self.window.more() {
                Ok(More::Later) => return Ok(Element::Idle),
                Ok(More::Idle) => {
                    // What has come may be a whole record that waits for nothing but being looked at.
                    if self.wanted > 0 {
                        self.wanted = 0;
                        continue;
                    }
                    return Ok(Element::Idle);
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
        let raw = self.window.keeps_raw.then(Vec::new);
        self.skipping = Some(Skipping { origin, reason, outline: None, raw });
        self.skip()
    }

    /// Counts an element as one that is too long.
    fn skip_long(&mut self) -> Result<Step<'_>, Broken> {
        self.origin.record += 1;
        let origin = self.here();
        let reason = Reason::new("record_too_long", format!("longer than --max-record-bytes ({} bytes)", self.max));
        self.skipping = Some(Skipping { origin, reason, outline: Some(Outline::default()), raw: None });
        self.skip()
    }

    /// Passes over what `skipping` says, as soon as it is there.
    fn skip(&mut self) -> Result<Step<'_>, Broken> {
        while let Some(skipping) = &mut self.skipping {
            let origin = skipping.origin;
            let bytes = self.window.bytes();
            let (found, open) = match &mut skipping.outline {
                None => (memchr::memchr(b'\n', bytes), false),
                Some(outline) => {
                    let found =
                        outline.end(bytes).map_err(|what| Broken::new(origin, format!("broken JSON: {what}")))?;
                    (found, outline.is_open())
                }
            };
            let count = found.unwrap_or(bytes.len());
            skipping.keep(&bytes[..count], self.max);
            self.pass(count);
            if found.is_some() {
                break;
            }
            match self.window.more() {
                Ok(More::Data) => {}
                Ok(More::Idle | More::Later) => return Ok(Step::Idle),
                Ok(More::End) if open => {
                    let max = self.max;
                    let text = format!("a record longer than --max-record-bytes ({max} bytes) that does not end");
                    return Err(Broken::new(origin, text));
                }
                Ok(More::End) => break,
                Err(error) => return Err(self.broken(error.to_string())),
            }
        }
        let Some(Skipping { origin, reason, raw, .. }) = self.skipping.take() else { return Ok(Step::End) };
        self.bad_line = raw.unwrap_or_default();
        Ok(Step::Bad(BadRecord { origin, reason, raw: &self.bad_line[trimmed(&self.bad_line)] }))
    }
}

/// What lies ahead.
enum Peek {
    Byte(u8),
    Idle,
    End,
}

/// What an element turned out to be.
enum Element {
    /// As the scanner has it.
    Scanned(Result<usize, Fault>),
    /// Longer than an element may be.
    TooLong,
    /// Not all there: the pipe is silent.
    Idle,
}

impl OneByOne for JsonStream {
    fn next(&mut self) -> Result<Step<'_>, Broken> {
        let used = std::mem::take(&mut self.used);
        self.pass(used);
        if self.skipping.is_some() {
            return self.skip();
        }
        let first = match self.advance()? {
            Peek::Byte(byte) => byte,
            Peek::Idle => return Ok(Step::Idle),
            Peek::End => return Ok(Step::End),
        };
        let element = self.element(first)?;
        let is_array = self.state != State::Stream;
        let end = match element {
            Element::Idle => return Ok(Step::Idle),
            Element::TooLong => {
                self.state = if is_array { State::Separator } else { State::Stream };
                return self.skip_long();
            }
            Element::Scanned(Ok(end)) => end,
            Element::Scanned(Err(Fault::Incomplete)) => {
                let whole = self.window.bytes().len();
                return self.skip_broken_line(whole, "the object does not end");
            }
            Element::Scanned(Err(Fault::Syntax { at, what })) => return self.skip_broken_line(at, what),
        };
        if is_array {
            self.state = State::Separator;
        }
        self.origin.record += 1;
        let origin = self.here();
        self.used = end;
        let bytes = &self.window.bytes()[..end];
        if first != b'{' {
            let reason = not_an_object(bytes, &mut self.scanner);
            return Ok(Step::Bad(BadRecord { origin, reason, raw: bytes }));
        }
        match utf8(bytes) {
            Ok(text) => Ok(Step::Record(Record::of(text, &self.scanner, origin))),
            Err(reason) => Ok(Step::Bad(BadRecord { origin, reason, raw: bytes })),
        }
    }

    /// Blank lines mean nothing between the elements of a stream.
    fn empty(&self) -> u64 {
        0
    }
}
