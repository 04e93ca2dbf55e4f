//! Reads the records of a CSV file in bounded memory and knows on which line each begins.
//! A record ends with LF or CRLF. A lone CR ends one until another has ended so, and is data from then on.
//! Line breaks inside quotes count as lines too, so that a line number is what an editor shows: there a lone CR counts
//! only in a file whose records end with one.

use super::frame::{Frame, Scan};
use crate::input::{Broken, More, Window};
use crate::record::{Origin, Reason};

/// Where a record lies in the window; it is given up at the next call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row {
    /// A record of this many bytes, without its line break.
    Whole(usize),
    /// A record longer than the limit, already passed over.
    TooLong,
    /// Nothing yet.
    Idle,
    /// No more records.
    End,
}

/// Line breaks inside quotes.
#[derive(Clone, Copy, Debug, Default)]
struct Breaks {
    lf: u64,
    lone_cr: u64,
}

impl Breaks {
    fn add(&mut self, bytes: &[u8]) {
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\n' {
                self.lf += 1;
            } else if bytes.get(at + 1) != Some(&b'\n') {
                self.lone_cr += 1;
            }
        }
    }
}

/// Frames records.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) window: Window,
    pub(super) frame: Frame,
    /// Where the record framed last begins; its `record` counts what the reader calls records.
    pub(super) origin: Origin,
    max: usize,
    /// Bytes of the record framed last; `None` while one is being framed.
    used: Option<usize>,
    /// The line on which the next record begins.
    line: u64,
    /// Line breaks in what has been passed over of a record that is too long.
    passed: Option<Breaks>,
    /// After a CR whose next byte has not come yet: the lone CRs in its record, which are lines if it is one itself.
    after_cr: Option<u64>,
    lone_crs_end_records: bool,
}

impl Rows {
    /// `skipped` lines lie before the window's first byte.
    pub(super) fn new(window: Window, file: u32, skipped: u64, max: usize, frame: Frame) -> Rows {
        let line = skipped + 1;
        Rows {
            window,
            frame,
            origin: Origin { file, line, ..Origin::default() },
            max,
            used: None,
            line,
            passed: None,
            after_cr: None,
            lone_crs_end_records: false,
        }
    }

    /// Frames the next record. The last one needs no line break.
    pub(super) fn next(&mut self) -> Result<Row, Broken> {
        if let Some(used) = self.used.take() {
            self.window.consume(used);
            self.frame.begin();
        }
        loop {
            self.settle_cr();
            if self.after_cr.is_none() {
                match self.frame.scan(self.window.bytes()) {
                    Scan::Record(length) => return Ok(self.framed(length)),
                    Scan::LongQuote => {
                        let max = self.max;
                        let text = format!(
                            "the quoted field that begins here is longer than --max-record-bytes ({max} bytes); is its quote closed?"
                        );
                        return Err(self.at_quote(text));
                    }
                    Scan::More if self.frame.searched() > self.max => self.pass_over(),
                    Scan::More => {}
                }
            }
            match self.window.more() {
                Ok(More::Data) => {}
                Ok(More::Idle | More::Later) => return Ok(Row::Idle),
                Ok(More::End) => return self.last(),
                Err(error) => {
                    let origin = Origin { line: self.line, offset: self.window.offset(), ..self.origin };
                    return Err(Broken::io(origin, error));
                }
            }
        }
    }

    /// Looks whether an LF belongs to the CR before it. A record that ends with CR does not wait for that byte: a pipe may
    /// never bring it.
    fn settle_cr(&mut self) {
        let Some(first) = self.window.bytes().first() else { return };
        let Some(lone_crs) = self.after_cr.take() else { return };
        self.lone_crs_end_records = *first != b'\n';
        if self.lone_crs_end_records {
            self.line += lone_crs;
        } else {
            self.window.consume(1);
            self.frame.found_lf();
        }
    }

    /// Gives up what has been seen of a record that is too long.
    fn pass_over(&mut self) {
        if self.passed.is_none() {
            self.origin.offset = self.window.offset();
        }
        let count = self.frame.forget();
        self.passed.get_or_insert_default().add(&self.window.bytes()[..count]);
        self.window.consume(count);
    }

    /// Ends the record before the line break at `length`.
    fn framed(&mut self, length: usize) -> Row {
        let row = self.taken(length);
        let bytes = &self.window.bytes()[length..];
        let breaks = self.breaks(length);
        self.line += breaks.lf + 1;
        let width = match bytes {
            [b'\r', b'\n', ..] => 2,
            [b'\r'] => {
                self.after_cr = Some(breaks.lone_cr);
                1
            }
            [b'\r', ..] => {
                self.line += breaks.lone_cr;
                1
            }
            _ => 1,
        };
        if self.after_cr.is_none() {
            self.lone_crs_end_records = width == 1 && bytes.first() == Some(&b'\r');
            if !self.lone_crs_end_records {
                self.frame.found_lf();
            }
        }
        self.passed = None;
        self.used = Some(length + width);
        row
    }

    /// Ends the record at the end of the input.
    fn last(&mut self) -> Result<Row, Broken> {
        let length = self.window.bytes().len();
        if length == 0 && self.passed.is_none() {
            return Ok(Row::End);
        }
        if !self.frame.finish(self.window.bytes()) {
            return Err(self.at_quote("the quote that opens here is not closed before the end of the input"));
        }
        let row = self.taken(length);
        self.passed = None;
        self.used = Some(length);
        Ok(row)
    }

    fn taken(&mut self, length: usize) -> Row {
        self.origin.line = self.line;
        if self.passed.is_some() {
            return Row::TooLong;
        }
        self.origin.offset = self.window.offset();
        if length > self.max { Row::TooLong } else { Row::Whole(length) }
    }

    /// Line breaks in the record, of which `length` bytes are at hand.
    fn breaks(&self, length: usize) -> Breaks {
        let mut breaks = self.passed.unwrap_or_default();
        if self.frame.quoted() {
            breaks.add(&self.window.bytes()[..length]);
        }
        breaks
    }

    fn at_quote(&self, text: impl Into<String>) -> Broken {
        let start = self.frame.cell_start();
        let breaks = self.breaks(start);
        let lone_crs = if self.lone_crs_end_records { breaks.lone_cr } else { 0 };
        let origin = Origin {
            line: self.line + breaks.lf + lone_crs,
            record: self.origin.record + 1,
            offset: self.window.offset() + start as u64,
            ..self.origin
        };
        Broken::new(origin, text)
    }

    /// The reason for `Row::TooLong`.
    pub(super) fn too_long(&self) -> Reason {
        Reason::new("record_too_long", format!("longer than --max-record-bytes ({} bytes)", self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::super::frame::{Flaw, Style};
    use super::*;
    use crate::input::Source;
    use proptest::prelude::*;

    /// A record: its line, its cells and whether each is bare, its flaw.
    type Record = (u64, Vec<(Vec<u8>, bool)>, Option<Flaw>);

    /// The rules once more, a byte at a time, for LF alone: records, and the line of a quote that is not closed.
    fn simply(text: &[u8], dialect: Dialect) -> (Vec<Record>, Option<u64>) {
        let mut records = Vec::new();
        let (mut at, mut line) = (0, 1);
        while at < text.len() {
            let mut record: Record = (line, Vec::new(), None);
            loop {
                let (opened, start) = (line, at);
                let ends = |at: usize| text.get(at).is_none_or(|byte| *byte == b'\n' || *byte == dialect.separator);
                let mut bare = true;
                let mut open = false;
                if text.get(at).is_some() && text.get(at).copied() == dialect.quote {
                    (bare, open) = (false, true);
                    at += 1;
                }
                let content = at;
                let mut end = at;
                while open {
                    let Some(byte) = text.get(at).copied() else { return (records, Some(opened)) };
                    let next = text.get(at + 1).copied();
                    line += u64::from(byte == b'\n');
                    end = at;
                    at += 1;
                    if Some(byte) == dialect.quote {
                        open = next == dialect.quote;
                        at += usize::from(open);
                    } else if byte == b'\\' && dialect.backslash_escape {
                        if next == dialect.quote || next == Some(b'\\') {
                            at += 1;
                        } else if next.is_some() {
                            record.2.get_or_insert(Flaw::UnknownEscape);
                        }
                    }
                }
                while !bare && !ends(at) && matches!(text[at], b' ' | b'\t') {
                    at += 1;
                }
                if !bare && !ends(at) {
                    record.2.get_or_insert(Flaw::TextAfterQuote);
                    bare = true;
                }
                while !ends(at) {
                    at += 1;
                }
                record.1.push((text[if bare { start..at } else { content..end }].to_vec(), bare));
                if text.get(at) != Some(&dialect.separator) {
                    break;
                }
                at += 1;
            }
            at += 1;
            line += 1;
            records.push(record);
        }
        (records, None)
    }

    fn framed(text: &[u8], dialect: Dialect) -> (Vec<Record>, Option<u64>) {
        let window = Window::new(Source::Pieces(vec![text.to_vec()]));
        let mut rows = Rows::new(window, 0, 0, text.len(), Frame::new(dialect, text.len(), 100));
        let mut records = Vec::new();
        loop {
            match rows.next() {
                Ok(Row::Whole(_)) => {}
                Ok(_) => return (records, None),
                Err(broken) => return (records, Some(broken.origin.line)),
            }
            let cell = |cell: &super::super::frame::Cell| {
                (rows.window.bytes()[cell.range()].to_vec(), cell.style == Style::Bare)
            };
            let cells = rows.frame.cells().iter().map(cell).collect();
            records.push((rows.origin.line, cells, rows.frame.flaw().map(|(flaw, _)| flaw)));
        }
    }

    #[test]
    fn a_record_that_is_too_long_is_given_up_while_it_comes() {
        let dialect = Dialect { separator: b',', quote: Some(b'"'), backslash_escape: false };
        for piece in ["abcdefghij", "abcdefghi,", "a,\"b\nc\" ,", "\"b,\nc\",d,"] {
            let window = Window::new(Source::Pieces(vec![piece.as_bytes().to_vec(); 1000]));
            let mut rows = Rows::new(window, 0, 0, 25, Frame::new(dialect, 25, 3));
            assert!(matches!(rows.next(), Ok(Row::TooLong)), "{piece}");
            assert!(rows.window.bytes().len() < 50, "{piece}");
            assert_eq!((rows.origin.line, rows.origin.offset), (1, 0), "{piece}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn records_are_those_of_the_rules_read_simply(
            text in prop::collection::vec(prop::sample::select(b",,,,\"\"\"\n\n\\ \tabcdef".to_vec()), 0..120),
            separator in prop::sample::select(b",\t".to_vec()),
            quote in prop::sample::select(vec![Some(b'"'), None]),
            backslash_escape: bool,
        ) {
            let dialect = Dialect { separator, quote, backslash_escape };
            prop_assert_eq!(framed(&text, dialect), simply(&text, dialect));
        }
    }
}
