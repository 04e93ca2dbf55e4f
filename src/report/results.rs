//! `--results`: a JSON line for each record. JSON from the server's response is copied verbatim, but for secrets in it.

use crate::mask::{mask, mask_json};
use crate::record::Reason;
use crate::sink::{Bucket, ItemDetails, ResultLine};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::LazyLock;

/// The file of `--results`.
pub struct Results {
    /// Its name, for messages.
    pub name: String,
    /// The file, or stdout.
    pub out: Box<dyn Write>,
    /// Its bytes so far.
    pub length: u64,
}

impl std::fmt::Debug for Results {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Results({})", self.name)
    }
}

impl Results {
    /// Writes the lines of some records; `files` are the names of the inputs.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&mut self, files: &[String], lines: &[ResultLine]) -> io::Result<()> {
        lines.iter().try_for_each(|line| {
            let file = files.get(line.origin.file as usize).map_or("?", String::as_str);
            let mut text = serde_json::to_vec(&ResultJson::new(file, line))?;
            text.push(b'\n');
            self.length += text.len() as u64;
            self.out.write_all(&text)
        })
    }
}

/// One line; its fields are sorted by name.
#[derive(Serialize)]
struct ResultJson<'a> {
    counted: Bucket,
    error: Option<ErrorText<'a>>,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    get: Option<Box<RawValue>>,
    id: Option<&'a str>,
    index: Option<Cow<'a, str>>,
    line: u64,
    op: Option<&'a str>,
    primary_term: Option<i64>,
    record: u64,
    result: Option<Cow<'a, str>>,
    seq_no: Option<i64>,
    status: Option<u16>,
    version: Option<i64>,
}

/// The error of a record.
#[derive(Serialize)]
#[serde(untagged)]
enum ErrorText<'a> {
    /// From the server.
    Server(Box<RawValue>),
    /// From this program.
    Ours {
        reason: Cow<'a, str>,
        #[serde(rename = "type")]
        kind: Cow<'a, str>,
    },
}

/// The details of a record without a response.
static NO_DETAILS: LazyLock<ItemDetails> = LazyLock::new(ItemDetails::default);

impl<'a> ResultJson<'a> {
    fn new(file: &'a str, line: &'a ResultLine) -> ResultJson<'a> {
        let details = line.details.as_deref().unwrap_or(&NO_DETAILS);
        let ours = || line.reason.as_ref().map(ours);
        ResultJson {
            counted: line.bucket,
            error: details.error.as_deref().and_then(raw).map(ErrorText::Server).or_else(ours),
            file,
            get: details.get.as_deref().and_then(raw),
            id: non_empty(&line.key),
            index: non_empty(&details.index).map(mask),
            line: line.origin.line,
            op: line.details.as_ref().map(|details| details.op.as_str()),
            primary_term: details.primary_term,
            record: line.origin.record,
            result: details.result.as_deref().map(mask),
            seq_no: details.seq_no,
            status: Some(details.status).filter(|status| *status > 0),
            version: details.version,
        }
    }
}

fn ours(reason: &Reason) -> ErrorText<'_> {
    let text = reason.text.strip_prefix(&*reason.kind).and_then(|rest| rest.strip_prefix(": "));
    ErrorText::Ours { reason: mask(text.unwrap_or(&reason.text)), kind: mask(&reason.kind) }
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// JSON as it was written, on one line: raw newlines in JSON can only be blanks between tokens.
fn raw(text: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(mask_json(text).replace(['\n', '\r'], " ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    #[test]
    fn json_from_a_server_is_not_changed() {
        let get = "{\"_source\": {\"n\": 123456789012345678901234567890,\n\"x\": 1.10}}".to_owned();
        let details = ItemDetails { op: "update".to_owned(), get: Some(get), ..ItemDetails::default() };
        let line = ResultLine {
            origin: Origin { line: 3, record: 2, ..Origin::default() },
            bucket: Bucket::Updated,
            key: "a".to_owned(),
            reason: None,
            details: Some(Box::new(details)),
        };
        let written = serde_json::to_string(&ResultJson::new("in", &line)).expect("JSON");
        let expected = concat!(
            r#"{"counted":"updated","error":null,"file":"in","get":{"_source": {"n": 123456789012345678901234567890, "x": 1.10}},"#,
            r#""id":"a","index":null,"line":3,"op":"update","primary_term":null,"record":2,"result":null,"seq_no":null,"#,
            r#""status":null,"version":null}"#
        );
        assert_eq!(written, expected);
    }
}
