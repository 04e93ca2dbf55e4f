//! `--rejects`: a JSON line for each record that is not stored, with the record as it was read. The file is valid input again
//! (`input::RejectLine` reads its lines). A reject of an earlier run keeps its origin.

use super::output::OutputFile;
use super::results::without_type;
use crate::input::{self, Format, RejectBody, RejectLine};
use crate::json::{Scanner, quote_into};
use crate::mask::mask;
use crate::sink::{Bucket, Reject};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

/// The header of an input with rows.
#[derive(Clone, Debug)]
pub struct InputHeader {
    /// Its names, a JSON array.
    pub names: String,
    /// The separator, if the input itself names it.
    pub separator: Option<u8>,
}

/// The file of `--rejects`.
pub struct Rejects {
    /// The file.
    pub file: OutputFile,
    /// Records written.
    pub count: u64,
    /// The format of each input.
    pub formats: Vec<Format>,
    /// The collections of the run; none for bulk lines that name their own.
    pub collections: Vec<String>,
    /// The prefix of keys that this run generates.
    pub run: String,
    /// The command that imports the file, if there is one that works.
    pub command: Option<String>,
    headers: HashMap<u32, InputHeader>,
    scanner: Scanner,
    line: String,
}

impl std::fmt::Debug for Rejects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rejects({})", self.file.name)
    }
}

/// What a line says about its record.
#[derive(Serialize)]
struct About<'a> {
    file: &'a str,
    line: u64,
    record: u64,
    offset: Option<u64>,
    format: &'a str,
    collection: Option<&'a str>,
    counted: Bucket,
    status: Option<u16>,
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    reason: Cow<'a, str>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    separator: Option<String>,
}

impl Rejects {
    /// Creates the rejects of a run into `file`.
    pub fn new(file: OutputFile, formats: Vec<Format>, collections: Vec<String>, run: String) -> Rejects {
        let (headers, scanner, line) = (HashMap::new(), Scanner::default(), String::new());
        Rejects { file, count: 0, formats, collections, run, command: None, headers, scanner, line }
    }

    /// What the JSON summary says about it.
    pub(super) fn json(&self) -> Value {
        json!({ "file": mask(&self.file.name), "records": self.count })
    }

    /// Remembers the header of an input, for its rows.
    pub fn expect_header(&mut self, file: u32, header: InputHeader) {
        self.headers.insert(file, header);
    }

    /// Writes the lines of some records of a collection; `files` are the names of the inputs.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&mut self, files: &[String], collection: usize, rejects: &[Reject]) -> io::Result<()> {
        for reject in rejects {
            self.compose(files, collection, reject);
            self.file.write_all(self.line.as_bytes())?;
            self.count += 1;
        }
        // The lines of records that the report has counted are in the file.
        if rejects.is_empty() { Ok(()) } else { self.file.flush() }
    }

    /// Writes the line of a record into `self.line`.
    fn compose(&mut self, files: &[String], collection: usize, reject: &Reject) {
        let format = self.formats.get(reject.origin.file as usize).copied().unwrap_or(Format::Jsonl);
        let mut earlier_scanner = Scanner::default();
        let earlier =
            (format == Format::Rejects).then(|| RejectLine::parse(&reject.raw, &mut earlier_scanner)).flatten();
        let file = files.get(reject.origin.file as usize).map_or("?", String::as_str);
        let name = format.name();
        let header = self.headers.get(&reject.origin.file);
        let origin = reject.origin;
        let about = About {
            file,
            line: origin.line,
            record: origin.record,
            // A duplicate that a load finds at its end has none.
            offset: Some(origin.offset).filter(|offset| *offset > 0 || origin.record <= 1),
            format: &name,
            collection: self.collections.get(collection).map(String::as_str),
            counted: reject.bucket,
            status: Some(reject.status).filter(|status| *status > 0),
            kind: reject.reason.as_ref().map_or("unsent".into(), |reason| mask(&reason.kind)),
            reason: reject.reason.as_ref().map_or("not sent".into(), |reason| mask(without_type(reason))),
            attempts: u32::from(reject.attempts),
            // A document may be stored under it.
            key: Some(reject.key.as_str()).filter(|key| reject.bucket == Bucket::Unknown && key.starts_with(&self.run)),
            separator: header.and_then(|header| header.separator).map(|separator| char::from(separator).to_string()),
        };
        let line = &mut self.line;
        line.clear();
        line.push_str("{\"_reject\":");
        match earlier {
            Some(earlier) => push_again(line, about, &earlier),
            None => push_new(line, &about, format, header, &reject.raw, &mut self.scanner),
        }
        line.push_str("}\n");
    }
}

/// Appends what is said about a record that was read from its own input, and the record.
fn push_new(
    line: &mut String,
    about: &About<'_>,
    format: Format,
    header: Option<&InputHeader>,
    raw: &[u8],
    scanner: &mut Scanner,
) {
    push_about(line, about);
    if let (Some(header), true) = (header, format.has_rows()) {
        line.extend([",\"header\":", header.names.as_str()]);
    }
    match format {
        Format::Jsonl | Format::Json => match object(raw, scanner) {
            Some(doc) => line.extend(["},\"doc\":", &doc]),
            None => push_raw(line, raw),
        },
        Format::Bulk => {
            let end = memchr::memchr(b'\n', raw).unwrap_or(raw.len());
            let source = raw.get(end + 1..);
            match (object(&raw[..end], scanner), source.map(|source| object(source, scanner))) {
                (Some(action), None) => line.extend([",\"action\":", &action, "}"]),
                (Some(action), Some(Some(doc))) => line.extend([",\"action\":", &action, "},\"doc\":", &doc]),
                _ => push_raw(line, raw),
            }
        }
        Format::Csv | Format::Tsv | Format::Arrays | Format::Rejects => push_raw(line, raw),
    }
}

/// Appends what is said about a record that was read from a file of rejects: with the origin of the earlier line, and its record.
fn push_again(line: &mut String, about: About<'_>, earlier: &RejectLine<'_>) {
    let before = &earlier.about;
    push_about(
        line,
        &About {
            file: &before.file,
            line: before.line,
            record: before.record,
            offset: before.offset,
            format: &before.format,
            collection: before.collection.as_deref().or(about.collection),
            key: before.key.as_deref().or(about.key),
            separator: before.separator.clone(),
            attempts: before.attempts.saturating_add(about.attempts),
            ..about
        },
    );
    for (name, value) in [("header", &before.header), ("action", &before.action)] {
        if let Some(value) = value {
            line.extend([",\"", name, "\":", value.get()]);
        }
    }
    match &earlier.body {
        RejectBody::Doc(doc) => line.extend(["},\"doc\":", doc]),
        RejectBody::Raw(raw) => push_raw(line, raw),
        RejectBody::Nothing => line.push('}'),
    }
}

/// Appends an object without its closing bracket.
fn push_about(line: &mut String, about: &About<'_>) {
    let text = serde_json::to_string(about).unwrap_or_else(|_| "{}".to_owned());
    line.push_str(text.strip_suffix('}').unwrap_or(&text));
}

fn push_raw(line: &mut String, raw: &[u8]) {
    line.push('}');
    if !raw.is_empty() {
        line.push_str(",\"raw\":");
        input::push_bytes(line, raw);
    }
}

/// A JSON object on one line; `None` if the bytes are not one.
fn object<'r>(bytes: &'r [u8], scanner: &mut Scanner) -> Option<Cow<'r, str>> {
    let is_object = scanner.object(bytes) == Ok(bytes.len());
    std::str::from_utf8(bytes).ok().filter(|_| is_object).map(one_line)
}

/// JSON on one line: raw newlines in it can only be blanks between tokens.
fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains('\n') { json.replace('\n', " ").into() } else { json.into() }
}

/// The names of a header as a JSON array.
pub fn names_json(names: &[String]) -> String {
    let mut json = "[".to_owned();
    for (index, name) in names.iter().enumerate() {
        json.push_str(if index > 0 { "," } else { "" });
        quote_into(&mut json, name);
    }
    json + "]"
}
