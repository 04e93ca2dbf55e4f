//! The source line of an update (contract of the bulk API, 1.6).

use super::super::item::ItemError;
use super::fetch::Fetch;
use super::meta::{Condition, Meta};
use super::scripts::Asked;
use super::values::{boolean, long, token};
use crate::json::{JsonKind, Scanner, repeated_name, unescape};
use std::borrow::Cow;

/// What an update asks for.
#[derive(Debug, Default)]
pub(super) struct Payload<'a> {
    pub(super) doc: Option<&'a str>,
    pub(super) upsert: Option<&'a str>,
    pub(super) script: Option<Asked<'a>>,
    pub(super) doc_as_upsert: bool,
    pub(super) scripted_upsert: bool,
    /// Set if an update that changes nothing is written all the same.
    pub(super) writes_noop: bool,
    pub(super) fetch: Fetch,
    pub(super) condition: Condition,
}

impl<'a> Payload<'a> {
    /// Reads a source line, which is a valid JSON object.
    pub(super) fn read(text: &'a str, meta: &Meta<'_>, scanner: &mut Scanner) -> Result<Payload<'a>, ItemError> {
        let mut payload = Payload { condition: meta.condition, ..Payload::default() };
        _ = scanner.object(text.as_bytes());
        let mut names: Vec<Cow<'_, str>> = Vec::with_capacity(scanner.fields().len());
        for field in scanner.fields() {
            let written = field.name.of(text);
            let name = unescape(written).unwrap_or(Cow::Borrowed(written));
            if names.contains(&name) {
                return Err(ItemError::new(400, "json_parse_exception", format!("Duplicate field '{name}'")));
            }
            // The server counts columns from 1, in characters, and a name's column is that of its quote.
            let column = |at: u32| text[..at as usize].chars().count() + 1;
            let at = [column(field.name.start - 1), column(field.value.start)];
            payload.field(&name, field.value.of(text), at, field.is_simple)?;
            names.push(name);
        }
        if let Some(fetch) = &meta.source {
            payload.fetch = fetch.clone();
        }
        Ok(payload)
    }

    /// Takes a field; `at` are the columns of its name and its value. A simple value repeats no name.
    fn field(&mut self, name: &str, value: &'a str, at: [usize; 2], is_simple: bool) -> Result<(), ItemError> {
        let kind = JsonKind::of(value);
        let allowed: &[JsonKind] = match name {
            "doc" | "upsert" => &[JsonKind::Object],
            "script" => &[JsonKind::Object, JsonKind::String],
            "doc_as_upsert" | "scripted_upsert" | "detect_noop" => &[JsonKind::Boolean, JsonKind::String],
            "_source" => &[JsonKind::Object, JsonKind::Array, JsonKind::Boolean, JsonKind::String],
            "if_seq_no" | "if_primary_term" => &[JsonKind::Number, JsonKind::String],
            _ => return Err(refused(at[0], &format!("unknown field [{name}]{}", meant(name)))),
        };
        if !allowed.contains(&kind) {
            return Err(refused(at[1], &format!("{name} doesn't support values of type: {}", token(value))));
        }
        if let Some((offset, repeated)) = if is_simple { None } else { repeated_name(value) } {
            let column = at[1] + value[..offset].chars().count();
            return Err(refused(column, &format!("failed to parse field [{name}]"))
                .caused_by("json_parse_exception", &format!("Duplicate field '{repeated}'")));
        }
        self.set(name, value).map_err(|error| {
            let cause = error.reason();
            let text = cause.text.strip_prefix(&format!("{}: ", cause.kind)).unwrap_or(&cause.text).to_owned();
            refused(at[1], &format!("failed to parse field [{name}]")).caused_by(&cause.kind, &text)
        })
    }

    fn set(&mut self, name: &str, value: &'a str) -> Result<(), ItemError> {
        match name {
            "doc" => self.doc = Some(value),
            "upsert" => self.upsert = Some(value),
            "script" => self.script = Some(Asked::read(value)?),
            "doc_as_upsert" => self.doc_as_upsert = boolean(value)?,
            "scripted_upsert" => self.scripted_upsert = boolean(value)?,
            "detect_noop" => self.writes_noop = !boolean(value)?,
            "_source" => self.fetch = Fetch::read(value)?,
            _ => self.condition.set(name, long(value)?)?,
        }
        Ok(())
    }
}

fn refused(column: usize, what: &str) -> ItemError {
    ItemError::new(400, "x_content_parse_exception", format!("[1:{column}] [UpdateRequest] {what}"))
}

/// The server's guess, for the one field that people forget.
fn meant(name: &str) -> &'static str {
    match name {
        "docs" | "dc" => " did you mean [doc]?",
        _ => "",
    }
}
