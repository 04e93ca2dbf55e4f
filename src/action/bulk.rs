//! Parses Elasticsearch bulk lines (contract of the bulk API, 1.5 and 1.6) for all targets.
//! What a target does not support is an error of the record, never a guess.

use super::{Op, Rules};
use crate::json::{Field, JsonKind, Scanner, same_name, unescape};
use crate::record::{Command, Reason, Record};
use std::borrow::Cow;

/// The unescaped name of the last of these fields. It is an error if an earlier one has the same name.
pub(crate) fn distinct<'a>(text: &'a str, fields: &[Field]) -> Result<Cow<'a, str>, Reason> {
    let [earlier @ .., field] = fields else { return Ok(Cow::Borrowed("")) };
    let written = field.name.of(text);
    let name = if field.escaped { unescape(written).unwrap_or(Cow::Borrowed(written)) } else { Cow::Borrowed(written) };
    if earlier.iter().any(|other| same_name(other.name.of(text), other.escaped, &name)) {
        return Err(Reason::new("bad_action", format!("duplicate field \"{name}\" in the action")));
    }
    Ok(name)
}

/// Writes an action line without the fields with these names.
pub(super) fn without(command: &Command, names: &[&str], scanner: &mut Scanner, out: &mut Command) {
    let meta = &command.meta;
    out.op = command.op;
    out.meta.clear();
    let is_dropped = |field: &Field| names.iter().any(|name| same_name(field.name.of(meta), field.escaped, name));
    for field in command.fields.iter().filter(|field| !is_dropped(field)) {
        out.meta.push(if out.meta.is_empty() { '{' } else { ',' });
        out.meta.push_str(&meta[field.name.start as usize - 1..field.value.end as usize]);
    }
    out.meta.push_str(if out.meta.is_empty() { "{}" } else { "}" });
    out.fields.clear();
    if scanner.object(out.meta.as_bytes()).is_ok() {
        out.fields.extend_from_slice(scanner.fields());
    }
}

/// The parts of an action line that every target uses.
pub(super) struct ActionLine<'a> {
    /// The operation. `op_type` can change an index to a create.
    pub(super) op: Op,
    /// `_index`, unescaped. The inner `None` is an unpaired surrogate.
    pub(super) index: Option<Option<Cow<'a, str>>>,
    /// `_id`, likewise.
    pub(super) id: Option<Option<Cow<'a, str>>>,
}

impl<'a> ActionLine<'a> {
    /// Parses it. `own` is the collection of the run. `rules` decide on other collections and on further metadata.
    pub(super) fn read(command: &'a Command, own: Option<&str>, rules: &dyn Rules) -> Result<ActionLine<'a>, Reason> {
        let mut read = ActionLine { op: command.op, index: None, id: None };
        for (index, field) in command.fields.iter().enumerate() {
            let name = &*distinct(&command.meta, &command.fields[..=index])?;
            let value = field.value.of(&command.meta);
            // Elasticsearch ignores nulls, even for unknown names.
            if value == "null" {
                continue;
            }
            let text = match JsonKind::of(value) {
                JsonKind::String => Some(&value[1..value.len() - 1]),
                JsonKind::Number | JsonKind::Boolean => Some(value),
                _ => None,
            };
            match (name, text) {
                ("_index", Some(text)) if !text.is_empty() => {
                    let index = unescape(text);
                    if index.as_deref() != own {
                        rules.other_collection()?;
                    }
                    read.index = Some(index);
                }
                ("_id", Some(text)) => read.id = Some(unescape(text)),
                ("_index" | "_id" | "op_type", None) => return Err(not_plain(name)),
                _ => rules.metadata(command.op, name, value)?,
            }
            if let ("op_type", Op::Index, Some(text)) = (name, command.op, text) {
                read.op = if unescape(text).as_deref() == Some("create") { Op::Create } else { Op::Index };
            }
        }
        Ok(read)
    }
}

/// Checks further metadata for a target that supports none. Metadata without an effect is allowed.
pub(crate) fn check_metadata(target: &str, name: &str, value: &str) -> Result<(), Reason> {
    match name {
        _ if matches!(JsonKind::of(value), JsonKind::Object | JsonKind::Array) => Err(not_plain(name)),
        // The store has one writer, and conflicts in ArangoDB are always retried.
        "retry_on_conflict" => Ok(()),
        "require_alias" | "require_data_stream" if value == "false" => Ok(()),
        "routing" if value == "\"\"" => Ok(()),
        _ => Err(not_supported(format!("\"{name}\" in an action line is not supported by {target}"))),
    }
}

/// The reason for something in a bulk line that a target does not support.
pub(crate) fn not_supported(text: impl Into<String>) -> Reason {
    Reason::new("not_supported", text)
}

fn not_plain(name: &str) -> Reason {
    Reason::new("bad_action", format!("\"{name}\" in an action line must be a plain value"))
}

/// The source line of an update, for a target that merges documents.
pub(crate) struct Update<'a> {
    pub(crate) op: Op,
    pub(crate) doc: &'a str,
    pub(crate) upsert: Option<&'a str>,
    pub(crate) detect_noop: bool,
}

impl<'a> Update<'a> {
    /// Parses it. What `target` does not support is an error.
    pub(crate) fn read(record: &Record<'a>, target: &str) -> Result<Update<'a>, Reason> {
        let (mut doc, mut upsert, mut as_upsert, mut detect_noop) = (None, None, false, true);
        for (index, field) in record.fields.iter().enumerate() {
            let name = &*distinct(record.text, &record.fields[..=index])?;
            let value = field.value.of(record.text);
            match name {
                "doc" | "upsert" if JsonKind::of(value) == JsonKind::Object => {
                    *(if name == "doc" { &mut doc } else { &mut upsert }) = Some(value);
                }
                "doc_as_upsert" | "detect_noop" if matches!(value, "true" | "false") => {
                    *(if name == "detect_noop" { &mut detect_noop } else { &mut as_upsert }) = value == "true";
                }
                "_source" if value == "false" => {}
                "doc" | "upsert" | "doc_as_upsert" | "detect_noop" => {
                    return Err(Reason::new("bad_action", format!("\"{name}\" in an update has the wrong type")));
                }
                _ => {
                    return Err(not_supported(format!("\"{name}\" in an update is not supported by {target}")));
                }
            }
        }
        let Some(doc) = doc else { return Err(Reason::new("bad_action", "missing field \"doc\" in an update")) };
        let op = if as_upsert { Op::Upsert } else { Op::Update };
        Ok(Update { op, doc, upsert: upsert.filter(|_| !as_upsert), detect_noop })
    }
}
