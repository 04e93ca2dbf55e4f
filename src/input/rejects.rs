//! Reads a file of `--rejects`: each line holds one record in the format of the input that it came from. The record is read as
//! it would be there, alone, so a broken one has no effect on the next.

use super::csv::{Csv, CsvOptions, Dialect};
use super::jsonl::{LineReader, object, trimmed};
use super::reject_line::{self, RejectAbout, RejectBody, RejectLine};
use super::source::{Coding, file_source};
use super::{Format, More, NoRecord, ReadError, ReadStep, Reader, Source, Window, hand_over, too_long};
use super::{arrays::Arrays, bulk::Bulk};
use crate::json::Scanner;
use crate::record::{BadRecord, Origin, Reason, Record};
use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::path::Path;
use std::sync::Arc;

/// Reads the lines of rejects.
pub(super) struct Rejects {
    lines: LineReader,
    /// Maximum length of a record.
    max: usize,
    csv: CsvOptions,
    selected: Selected,
    /// The format of the previous record.
    format: Option<Format>,
    /// The header of the previous row.
    header: String,
    line_scanner: Scanner,
    scanner: Scanner,
}

/// The collections of the records in a file of rejects, in their order. `None` if it is another file, or cannot be read.
pub fn collections_in(path: &Path) -> Option<Vec<String>> {
    // Opening a pipe would wait for its other end.
    let about = std::fs::metadata(path).ok().filter(Metadata::is_file)?;
    let file = File::open(path).ok()?;
    let source = file_source(Arc::new(file), about.len(), Coding::default(), Arc::default()).ok()?;
    let mut window = Window::new(source);
    while reject_line::begins(window.bytes()).is_none() && window.more().ok()? != More::End {}
    reject_line::begins(window.bytes()).filter(|is| *is)?;
    let mut lines = LineReader::new(window, 0, 0, max_line(usize::MAX));
    let (mut found, mut scanner) = (Vec::new(), Scanner::default());
    loop {
        match lines.next() {
            Ok(Ok(range)) => {
                let read = RejectLine::parse(&lines.window.bytes()[range], &mut scanner);
                if let Some(name) = read.and_then(|read| read.about.collection).filter(|name| !found.contains(name)) {
                    found.push(name);
                }
            }
            Ok(Err(_)) | Err(NoRecord::Idle) => {}
            Err(NoRecord::End | NoRecord::Failed(_)) => return Some(found),
        }
    }
}

/// Which records of a file are read.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Those of this collection.
    pub collection: Option<String>,
    /// Whether lines that name none are among them.
    pub nameless: bool,
}

impl Selected {
    fn has(&self, about: Option<&RejectAbout>) -> bool {
        match (&self.collection, about.and_then(|about| about.collection.as_ref())) {
            (None, _) => true,
            (Some(wanted), Some(name)) => wanted == name,
            (Some(_), None) => self.nameless,
        }
    }
}

/// How much longer than its record a line may be: each byte as an escape, and what is said about it.
pub(super) fn max_line(max: usize) -> usize {
    max.saturating_mul(6).saturating_add(4 << 20).min(u32::MAX as usize / 2)
}

/// A record with the line that it was on.
#[derive(Clone, Copy)]
struct Place<'a> {
    origin: Origin,
    line: &'a [u8],
    /// The key under which it may be stored.
    key: &'a str,
}

impl<'a> Place<'a> {
    fn step(self, record: Result<Record<'a>, Reason>) -> ReadStep<'a> {
        let Place { origin, line, key } = self;
        let key = |record: &Record<'a>| if key.is_empty() { record.key } else { key };
        ReadStep::of(origin, line, record.map(|record| Record { origin, key: key(&record), ..record }))
    }
}

impl Rejects {
    /// `lines` reads lines of `max_line(max)` bytes.
    pub(super) fn new(lines: LineReader, max: usize, csv: &CsvOptions, selected: Selected) -> Rejects {
        Rejects {
            lines,
            max,
            csv: csv.clone(),
            selected,
            format: None,
            header: String::new(),
            line_scanner: Scanner::default(),
            scanner: Scanner::default(),
        }
    }

    /// Passes the next record to `take`. Returns whether it wants more.
    fn next(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<bool, NoRecord> {
        let range = match self.lines.next()? {
            Ok(range) if range.is_empty() => return Ok(take(ReadStep::Empty)),
            Ok(range) => range,
            Err(reason) => {
                self.lines.origin.record += 1;
                if !self.selected.has(None) {
                    return Ok(true);
                }
                return Ok(take(ReadStep::of(self.lines.origin, &[], Err(reason))));
            }
        };
        self.lines.origin.record += 1;
        let line = &self.lines.window.bytes()[range];
        let origin = self.lines.origin;
        let read = RejectLine::parse(line, &mut self.line_scanner);
        if !self.selected.has(read.as_ref().map(|read| &read.about)) {
            return Ok(true);
        }
        let Some(mut read) = read else {
            let reason = Reason::new("bad_reject", "not a line of a rejects file");
            return Ok(take(ReadStep::of(origin, line, Err(reason))));
        };
        // A line that was broken before is a line of rejects now, if it was repaired.
        let inner = match &read.body {
            RejectBody::Raw(raw) if read.about.format == Format::Rejects.name() => raw.clone(),
            _ => Vec::new(),
        };
        let mut inner_scanner = Scanner::default();
        if let Some(repaired) = RejectLine::parse(&inner, &mut inner_scanner) {
            read = repaired;
        }
        let place = Place { origin, line, key: read.about.key.as_deref().unwrap_or_default() };
        let Rejects { max, csv, format, header, scanner, .. } = self;
        let mut context = Context { max: *max, csv, last: format, header, scanner };
        Ok(context.read(&read, place, take))
    }
}

impl Reader for Rejects {
    fn each(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<(), ReadError> {
        loop {
            let wants_more = match self.next(take) {
                Ok(wants_more) => wants_more,
                Err(none) => hand_over(Err(none), take)?,
            };
            if !wants_more {
                return Ok(());
            }
        }
    }
}

/// What is needed to read a record.
struct Context<'c> {
    max: usize,
    csv: &'c CsvOptions,
    last: &'c mut Option<Format>,
    header: &'c mut String,
    scanner: &'c mut Scanner,
}

impl Context<'_> {
    /// Passes the record of a line to `take`.
    fn read(&mut self, read: &RejectLine<'_>, place: Place<'_>, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> bool {
        let format = format_of(&read.about);
        let text: Cow<'_, [u8]> = match &read.body {
            RejectBody::Doc(doc) => Cow::Borrowed(doc.as_bytes()),
            RejectBody::Raw(raw) => Cow::Borrowed(raw),
            RejectBody::Nothing => Cow::Borrowed(&[]),
        };
        let is_nothing = read.body == RejectBody::Nothing && read.about.action.is_none();
        let reason = match format {
            None => Some(Reason::new("bad_reject", format!("unknown format {:?}", read.about.format))),
            _ if is_nothing => Some(missing(&read.about)),
            _ if text.len() > self.max => Some(too_long(self.max)),
            _ => None,
        };
        let Some(format) = format.filter(|_| reason.is_none()) else {
            let reason = reason.unwrap_or_else(|| missing(&read.about));
            return take(place.step(Err(reason)));
        };
        // An object over several lines is read like one of JSON.
        let has_breaks = format == Format::Jsonl && memchr::memchr(b'\n', &text).is_some();
        let format = if has_breaks { Format::Json } else { format };
        if self.last.replace(format) != Some(format) {
            self.header.clear();
            if !take(ReadStep::Format(format)) {
                return false;
            }
        }
        match format {
            Format::Jsonl | Format::Json => {
                let text = &text[trimmed(&text)];
                let record = object(text, self.scanner);
                take(place.step(record.map(|text| Record::of(text, self.scanner, place.origin))))
            }
            Format::Bulk => self.inside(&mut Bulk::new(self.alone(bulk_lines(&read.about, &text))), place, take),
            _ => self.row(format, &read.about, &text, place, take),
        }
    }

    /// A reader of the lines of one record.
    fn alone(&self, text: Vec<u8>) -> LineReader {
        LineReader::new(Window::new(Source::Pieces(vec![text])), 0, 0, self.max)
    }

    fn row(
        &mut self,
        format: Format,
        about: &RejectAbout,
        text: &[u8],
        place: Place<'_>,
        take: &mut dyn FnMut(ReadStep<'_>) -> bool,
    ) -> bool {
        let header = about.header.as_ref().map_or("", |header| header.get());
        let names: Result<Vec<String>, _> = serde_json::from_str(header);
        if format == Format::Arrays {
            let both = [header.as_bytes(), b"\n", text].concat();
            return self.inside(&mut Arrays::new(self.alone(both), self.csv), place, take);
        }
        let Ok(names) = names else {
            let reason = Reason::new("bad_reject", "the header is not an array of names");
            return take(place.step(Err(reason)));
        };
        let named = about.separator.as_ref().and_then(|separator| separator.bytes().next());
        let separator = self.csv.separator.or(named);
        let options = CsvOptions { headers: Some(names), separator, ..self.csv.clone() };
        let dialect = if format == Format::Tsv { Dialect::tsv(&options) } else { Dialect::csv(&options) };
        // After a blank line that ends with LF, a lone CR is data. What a header lacks is checked with the whole file.
        let window = Window::new(Source::Pieces(vec![[b"\n", text, b"\n"].concat()]));
        let mut rows = Csv::new(window, NOT_FIRST, 0, self.max, &options, dialect);
        rows.expect_no_separator();
        self.inside(&mut rows, place, take)
    }

    /// Passes what an inner reader finds to `take`, as found at `place`.
    fn inside(
        &mut self,
        reader: &mut dyn Reader,
        place: Place<'_>,
        take: &mut dyn FnMut(ReadStep<'_>) -> bool,
    ) -> bool {
        let (mut found, mut wants_more) = (false, true);
        let header = &mut *self.header;
        let done = reader.each(&mut |step| {
            wants_more = match step {
                ReadStep::Record(record) => {
                    found = true;
                    take(Place { ..place }.step(Ok(record)))
                }
                ReadStep::Bad(BadRecord { reason, .. }) => {
                    found = true;
                    let text = reason.text.replacen("the source on line 2", "the source", 1);
                    take(Place { ..place }.step(Err(Reason { text, ..reason })))
                }
                ReadStep::Header { names, .. } => {
                    let text = names.join("\u{1f}");
                    let is_new = *header != text;
                    *header = text;
                    !is_new || take(ReadStep::Header { origin: place.origin, names, text: "", separator: None })
                }
                _ => true,
            };
            wants_more
        });
        let text = match done {
            _ if found || !wants_more => return wants_more,
            Ok(()) => "the record is blank".to_owned(),
            Err(error) => error.text,
        };
        take(place.step(Err(Reason::new("unreadable", text))))
    }
}

/// The number of an input that is not the first one.
const NOT_FIRST: u32 = u32::MAX;

fn format_of(about: &RejectAbout) -> Option<Format> {
    let all = [Format::Jsonl, Format::Json, Format::Csv, Format::Tsv, Format::Arrays, Format::Bulk];
    all.into_iter().find(|format| format.name() == about.format)
}

/// The error of a record whose text is not in the file.
fn missing(about: &RejectAbout) -> Reason {
    let RejectAbout { file, line, kind, reason, .. } = about;
    let place = format!(" (its text is only in {file}, line {line})");
    let reason = reason.strip_suffix(&place).unwrap_or(reason);
    Reason::new(kind.clone(), format!("{reason}{place}"))
}

/// The lines of a bulk action.
fn bulk_lines(about: &RejectAbout, source: &[u8]) -> Vec<u8> {
    let action = about.action.as_ref().map_or("", |action| action.get());
    match action {
        "" => source.to_vec(),
        action => [action.as_bytes(), b"\n", source].concat(),
    }
}
