//! Bulk actions as the elements of an array, actions and documents in turn: what clients send, and Kuzzle's `bulkData`. As
//! with lines, the element before decides what an element is. Memory holds one element and one action.

use super::bulk::{Bulk, Expected, read_action};
use super::guess::{BULK_DATA, BulkForm, bulk_form};
use super::json_stream::JsonStream;
use super::jsonl::LineReader;
use super::{NoRecord, OneByOne, ReadError, ReadStep, Window};
use crate::json::Scanner;
use crate::record::{BadRecord, Command, Op, Origin, Reason, Record};

/// Bulk actions in any form. Which one is known when the first of them has arrived.
pub(super) struct BulkInput {
    /// The window, the origin of its first byte, and the longest element, until then.
    start: Option<(Window, Origin, usize)>,
    reader: Option<Box<dyn OneByOne>>,
}

/// Maximum blanks before the first action of an array.
const MAX_BLANKS: usize = 1 << 20;

impl BulkInput {
    /// `origin` is that of the first byte of the window.
    pub(super) fn new(window: Window, origin: Origin, max: usize) -> BulkInput {
        BulkInput { start: Some((window, origin, max)), reader: None }
    }

    /// Tells the form by the first bytes.
    fn find_form(&mut self) -> Result<(), NoRecord> {
        let Some((window, origin, _)) = &mut self.start else { return Ok(()) };
        let form = loop {
            match bulk_form(window.bytes()) {
                Some(form) => break form,
                None if window.bytes().len() > MAX_BLANKS || !window.read_on(*origin)? => break BulkForm::Lines,
                None => {}
            }
        };
        let Some((window, origin, max)) = self.start.take() else { return Ok(()) };
        let keeps_raw = window.keeps_raw;
        let elements = |window| JsonStream::new(window, origin, max);
        self.reader = Some(match form {
            BulkForm::Lines => Box::new(Bulk::new(LineReader::new(window, origin.file, origin.line - 1, max))),
            BulkForm::Array => Box::new(BulkArray::new(elements(window), keeps_raw)),
            BulkForm::BulkData => Box::new(BulkArray::new(elements(window).inside(BULK_DATA, false), keeps_raw)),
        });
        Ok(())
    }
}

impl OneByOne for BulkInput {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        self.find_form()?;
        self.reader.as_mut().map_or(Err(NoRecord::End), |reader| reader.next())
    }
}

#[derive(Debug)]
pub(super) struct BulkArray {
    elements: JsonStream,
    expected: Expected,
    /// The previous action.
    command: Command,
    /// Why it is an error. Reported after its document has been read too.
    failed: Option<Reason>,
    /// Why reading stops after it.
    fatal: Option<ReadError>,
    /// The action and its document on a line each, if raw text is wanted.
    raw: Vec<u8>,
    keeps_raw: bool,
    /// A document with line breaks, without them.
    document: String,
    /// Where the action starts.
    origin: Origin,
    scanner: Scanner,
    meta_scanner: Scanner,
}

impl BulkArray {
    pub(super) fn new(elements: JsonStream, keeps_raw: bool) -> BulkArray {
        BulkArray {
            elements,
            expected: Expected::Action,
            command: Command { op: Op::Index, meta: String::new(), fields: Vec::new() },
            failed: None,
            fatal: None,
            raw: Vec::new(),
            keeps_raw,
            document: String::new(),
            origin: Origin::default(),
            scanner: Scanner::default(),
            meta_scanner: Scanner::default(),
        }
    }

    /// Reads an action. True if it has no document.
    fn take_action(&mut self) -> Result<bool, NoRecord> {
        let step = self.elements.next()?;
        let (origin, text, bad) = match step {
            ReadStep::Record(Record { origin, text, .. }) => (origin, text, None),
            ReadStep::Bad(BadRecord { origin, reason, raw }) => {
                (origin, std::str::from_utf8(raw).unwrap_or_default(), Some(reason))
            }
            _ => return Ok(false),
        };
        self.origin = Origin { record: self.origin.record + 1, ..origin };
        self.raw.clear();
        if self.keeps_raw {
            self.raw.extend(text.bytes().map(on_one_line));
        }
        self.expected = Expected::Unclear;
        if let Some(reason) = bad {
            self.failed = Some(Reason::new("bad_action", format!("invalid action: {}", reason.text)));
            return Ok(false);
        }
        match read_action(text.as_bytes(), &mut self.scanner, &mut self.meta_scanner) {
            Ok((op, meta)) => {
                self.command.op = op;
                self.command.meta.clear();
                // Line breaks in JSON can only be blanks between tokens.
                self.command.meta.extend(meta.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
                self.command.fields.clear();
                self.command.fields.extend_from_slice(self.meta_scanner.fields());
                self.expected = if op == Op::Delete { Expected::Action } else { Expected::Source };
            }
            Err(bad) => {
                self.expected = bad.then;
                self.failed = Some(Reason::new("bad_action", bad.text));
            }
        }
        Ok(self.expected == Expected::Action)
    }

    /// Reads the document of an action. After an action that is unclear it may be another action, and then reading stops.
    fn take_source(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        let is_unclear = self.expected == Expected::Unclear;
        let missing = || Reason::new("missing_source", "the array ends before the document of this action");
        let step = match self.elements.next() {
            Err(NoRecord::Idle) => return Err(NoRecord::Idle),
            Err(NoRecord::End) => {
                self.expected = Expected::Action;
                let reason = self.failed.take().unwrap_or_else(|| missing().of_line(&self.command));
                return Ok(ReadStep::of(self.origin, &self.raw, Err(reason)));
            }
            Err(NoRecord::Failed(error)) => {
                let Some(reason) = self.failed.take() else { return Err(error.into()) };
                self.expected = Expected::Action;
                self.fatal = Some(error);
                return Ok(ReadStep::of(self.origin, &self.raw, Err(reason)));
            }
            Ok(step) => step,
        };
        self.expected = Expected::Action;
        let (at, read) = match step {
            ReadStep::Record(record) => (record.origin, Ok(record)),
            ReadStep::Bad(BadRecord { origin, reason, .. }) => (origin, Err(reason)),
            _ => return Ok(ReadStep::Empty),
        };
        if let (true, Ok(record)) = (is_unclear, &read)
            && read_action(record.text.as_bytes(), &mut self.scanner, &mut self.meta_scanner).is_ok()
        {
            let text = "this may be an action, or the document of the invalid action before it";
            self.fatal = Some(ReadError::new(at, text));
        }
        if let (true, Ok(record)) = (self.keeps_raw, &read) {
            self.raw.push(b'\n');
            self.raw.extend(record.text.bytes().map(on_one_line));
        }
        let record = match (self.failed.take(), read) {
            (Some(reason), _) => Err(reason),
            (None, Ok(mut record)) => {
                if record.text.contains(['\n', '\r']) {
                    self.document.clear();
                    self.document.extend(record.text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
                    record.text = &self.document;
                }
                Ok(Record { command: Some(&self.command), origin: self.origin, ..record })
            }
            (None, Err(reason)) => {
                let text = format!("the document on line {}: {}", at.line, reason.text);
                Err(Reason { text, hint: None, ..reason }.of_line(&self.command))
            }
        };
        Ok(ReadStep::of(self.origin, &self.raw, record))
    }
}

/// The bytes of JSON on one line.
fn on_one_line(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }
}

impl OneByOne for BulkArray {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        if let Some(error) = self.fatal.take() {
            return Err(error.into());
        }
        if self.expected == Expected::Action && self.take_action()? {
            let done = match self.failed.take() {
                Some(reason) => Err(reason),
                None => Ok(Record { command: Some(&self.command), origin: self.origin, ..Record::default() }),
            };
            return Ok(ReadStep::of(self.origin, &self.raw, done));
        }
        self.take_source()
    }
}
