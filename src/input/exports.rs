//! Recognizes exports of other programs, whose documents are inside of records, by their first record. Stored as they are, they
//! would be wrong documents with generated keys, so they are refused with the flags that read them.

use super::jsonl::trimmed;
use super::{Format, More, Window, guess};
use crate::error::{Exit, hint};
use crate::json::{Field, JsonKind, Scanner};
use anyhow::{Context as _, Result, anyhow};

/// Maximum bytes of the first record that are looked at.
const MAX_FIRST: usize = 1024 * 1024;

/// Checks that the first record of a JSON input is not one of an export.
///
/// # Errors
/// If it is. The hint has the flags.
pub(super) fn ensure_is_document(window: &mut Window, format: Format) -> Result<()> {
    let mut wanted = 0;
    loop {
        let bytes = window.bytes();
        let is_all = bytes.len() > MAX_FIRST || window.ended();
        if bytes.len() >= wanted || is_all {
            let mut scanner = Scanner::default();
            let start = first_object(bytes);
            if scanner.object(start) != Err(crate::json::ScanError::Incomplete) || is_all {
                let text = String::from_utf8_lossy(start);
                let is_action = bytes[trimmed(bytes)].starts_with(b"[") && guess::is_action(&text, scanner.fields());
                let action = is_action.then_some(("a bulk action", "-t bulk"));
                let known = recognized(&text, scanner.fields()).or(action);
                return known.map_or(Ok(()), |(what, flags)| {
                    let advice = format!("write `{flags}`, or `-t {}` for the records as they are", format.name());
                    Err(anyhow!("the first record is {what}").context(hint(advice)))
                });
            }
            wanted = bytes.len() * 2;
        }
        if window.more().context(Exit(5))? == More::End {
            wanted = 0;
        }
    }
}

/// The text from the first object on, perhaps in an array.
fn first_object(bytes: &[u8]) -> &[u8] {
    let start = &bytes[trimmed(bytes)];
    let inside = start.strip_prefix(b"[").unwrap_or(start);
    &inside[trimmed(inside)]
}

/// What an object with these fields is, and the flags that read it. The last fields may be missing.
fn recognized(text: &str, fields: &[Field]) -> Option<(&'static str, &'static str)> {
    let value = |name: &str| {
        let field = fields.iter().find(|field| text.as_bytes().get(field.name.range()) == Some(name.as_bytes()));
        field.and_then(|field| text.get(field.value.range()))
    };
    let is = |name: &str, kind: JsonKind| value(name).is_some_and(|value| JsonKind::of(value) == kind);
    if is("_index", JsonKind::String) && is("_source", JsonKind::Object) {
        return Some(("a search hit, with the document in \"_source\"", "--doc _source --key _id"));
    }
    if value("type") == Some("\"collection\"")
        && is("index", JsonKind::String)
        && fields.len() == 3
        && is("collection", JsonKind::String)
    {
        return Some(("the header of a Kuzzle export", "--skip-lines 1 --doc body --key _id"));
    }
    if value("type").is_some_and(|kind| matches!(kind, "2300" | "2301")) && is("data", JsonKind::Object) {
        return Some(("one of arangodump, with the document in \"data\"", "--doc data"));
    }
    let is_answer = is("hits", JsonKind::Object) || is("_shards", JsonKind::Object);
    if is("took", JsonKind::Number) && is("timed_out", JsonKind::Boolean) && is_answer {
        return Some((
            "a search response, with the hits in \"hits.hits\"",
            "--records hits.hits --doc _source --key _id",
        ));
    }
    None
}
