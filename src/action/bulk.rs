//! Elasticsearch's bulk lines (contract of the bulk API, 1.5 and 1.6): what is read of them for every target. What a target
//! does not support is an error of that item, never a guess.

use super::{Op, Rules};
use crate::json::{Field, Kind, same_name, unescape};
use crate::record::{Command, Reason, Record};
use std::borrow::Cow;

/// The unescaped name of the last of these fields, which no earlier one has.
pub(crate) fn distinct<'a>(text: &'a str, fields: &[Field]) -> Result<Cow<'a, str>, Reason> {
    let [earlier @ .., field] = fields else { return Ok(Cow::Borrowed("")) };
    let written = field.name.of(text);
    let name = if field.escaped { unescape(written).unwrap_or(Cow::Borrowed(written)) } else { Cow::Borrowed(written) };
    if earlier.iter().any(|other| same_name(other.name.of(text), other.escaped, &name)) {
        return Err(Reason::new("bad_action", format!("duplicate field \"{name}\" in the action")));
    }
    Ok(name)
}

/// What is read of an action line for every target.
pub(super) struct ActionLine<'a> {
    /// What it says to do: `op_type` can make a create of an index.
    pub(super) op: Op,
    /// `_index`, unescaped; nothing for an unpaired surrogate.
    pub(super) index: Option<Option<Cow<'a, str>>>,
    /// `_id`, in the same way.
    pub(super) id: Option<Option<Cow<'a, str>>>,
}

impl<'a> ActionLine<'a> {
    /// Reads it; whether it may name another collection than the run's `own`, and what else it may say, `rules` know.
    pub(super) fn read(command: &'a Command, own: Option<&str>, rules: &dyn Rules) -> Result<ActionLine<'a>, Reason> {
        let mut read = ActionLine { op: command.op, index: None, id: None };
        for (place, field) in command.fields.iter().enumerate() {
            let name = &*distinct(&command.meta, &command.fields[..=place])?;
            let value = field.value.of(&command.meta);
            // Elasticsearch ignores a null, even of a name that it does not know.
            if value == "null" {
                continue;
            }
            let text = match Kind::of(value) {
                Kind::String => Some(&value[1..value.len() - 1]),
                Kind::Number | Kind::Boolean => Some(value),
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

/// Checks further metadata for a target that has nothing of the kind: what changes nothing is let through.
pub(crate) fn own_metadata(target: &str, name: &str, value: &str) -> Result<(), Reason> {
    match name {
        _ if matches!(Kind::of(value), Kind::Object | Kind::Array) => Err(not_plain(name)),
        // The store has one writer, and what ArangoDB says of a conflict is tried again anyway.
        "retry_on_conflict" => Ok(()),
        "require_alias" | "require_data_stream" if value == "false" => Ok(()),
        "routing" if value == "\"\"" => Ok(()),
        _ => Err(not_supported(format!("\"{name}\" in an action line is not supported by {target}"))),
    }
}

/// Why a target does not do what a bulk line says.
pub(crate) fn not_supported(text: impl Into<String>) -> Reason {
    Reason::new("not_supported", text)
}

fn not_plain(name: &str) -> Reason {
    Reason::new("bad_action", format!("\"{name}\" in an action line must be a plain value"))
}

/// The source line of an update, for a target that merges documents itself.
pub(crate) struct Update<'a> {
    pub(crate) op: Op,
    pub(crate) doc: &'a str,
    pub(crate) upsert: Option<&'a str>,
    pub(crate) detect_noop: bool,
}

impl<'a> Update<'a> {
    /// Reads it; what `target` does not support is an error.
    pub(crate) fn read(record: &Record<'a>, target: &str) -> Result<Update<'a>, Reason> {
        let (mut doc, mut upsert, mut as_upsert, mut detect_noop) = (None, None, false, true);
        for (place, field) in record.fields.iter().enumerate() {
            let name = &*distinct(record.text, &record.fields[..=place])?;
            let value = field.value.of(record.text);
            match name {
                "doc" | "upsert" if Kind::of(value) == Kind::Object => {
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
