//! What the store understands of Elasticsearch's bulk lines (contract of the bulk API, 1.5 and 1.6). What it cannot honour
//! is an error of that item, never a guess.

use super::Op;
use crate::json::{Kind, Member, quote_into, same_name, unescape};
use crate::record::{Command, Reason, Record, Verb};
use std::borrow::Cow;

/// What the store understands of an action line's metadata.
pub(super) struct Metadata<'a> {
    /// `_index`.
    pub(super) index: Option<Written<'a>>,
    /// `_id`.
    pub(super) id: Option<Written<'a>>,
}

/// The text of a plain value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'a> {
    /// As it stands.
    Plain(&'a str),
    /// The inside of a string with escapes.
    Escaped(&'a str),
}

impl<'a> Written<'a> {
    pub(super) fn new(text: &'a str) -> Written<'a> {
        if text.contains('\\') { Written::Escaped(text) } else { Written::Plain(text) }
    }

    /// The text, in `scratch` if it must be unescaped; nothing for half of a surrogate pair.
    pub(super) fn text(self, scratch: &'a mut String) -> Option<&'a str> {
        match self {
            Written::Plain(text) => Some(text),
            Written::Escaped(inside) => {
                scratch.clear();
                scratch.push_str(&unescape(inside)?);
                Some(scratch)
            }
        }
    }
}

impl<'a> Metadata<'a> {
    pub(super) fn read(command: &'a Command, target: &str) -> Result<Metadata<'a>, Reason> {
        let mut read = Metadata { index: None, id: None };
        for (place, member) in command.members.iter().enumerate() {
            let name = &*distinct(&command.meta, &command.members[..=place])?;
            let value = member.value.of(&command.meta);
            // Elasticsearch ignores a null, even of a name that it does not know.
            if value == "null" {
                continue;
            }
            let text = match Kind::of(value) {
                Kind::String => &value[1..value.len() - 1],
                Kind::Number | Kind::Boolean => value,
                _ => return Err(not_plain(name)),
            };
            match name {
                "_index" if !text.is_empty() => read.index = Some(Written::new(text)),
                "_id" => read.id = Some(Written::new(text)),
                // The store has one writer, and what ArangoDB says of a conflict is tried again anyway.
                "retry_on_conflict" => {}
                "require_alias" | "require_data_stream" if value == "false" => {}
                "routing" if text.is_empty() => {}
                _ => {
                    return Err(Reason::new(
                        "not_supported",
                        format!("{target} cannot honour `{name}` of an action line"),
                    ));
                }
            }
        }
        Ok(read)
    }
}

/// The unescaped name of the last of these members, which no earlier one has.
pub(super) fn distinct<'a>(text: &'a str, members: &[Member]) -> Result<Cow<'a, str>, Reason> {
    let [earlier @ .., member] = members else { return Ok(Cow::Borrowed("")) };
    let written = member.name.of(text);
    let name =
        if member.escaped { unescape(written).unwrap_or(Cow::Borrowed(written)) } else { Cow::Borrowed(written) };
    if earlier.iter().any(|other| same_name(other.name.of(text), other.escaped, &name)) {
        return Err(Reason::new("bad_action", format!("`{name}` stands twice in the action")));
    }
    Ok(name)
}

/// What has to be known of an action line that passes through to a server.
pub(super) struct Named<'a> {
    /// `_index`.
    pub(super) index: Option<Written<'a>>,
    /// `_id`.
    pub(super) id: Option<Written<'a>>,
    /// Whether `op_type` makes a create of it.
    pub(super) creates: bool,
}

impl<'a> Named<'a> {
    /// Reads the metadata; what it does not know is for the server to judge.
    pub(super) fn read(command: &'a Command) -> Result<Named<'a>, Reason> {
        let mut read = Named { index: None, id: None, creates: false };
        for (place, member) in command.members.iter().enumerate() {
            let name = &*distinct(&command.meta, &command.members[..=place])?;
            let value = member.value.of(&command.meta);
            match name {
                "_index" | "_id" | "op_type" if value != "null" => {}
                _ => continue,
            }
            let text = match Kind::of(value) {
                Kind::String => &value[1..value.len() - 1],
                Kind::Number | Kind::Boolean => value,
                _ => return Err(not_plain(name)),
            };
            match name {
                "_index" => read.index = Some(Written::new(text)),
                "_id" => read.id = Some(Written::new(text)),
                _ => read.creates = unescape(text).is_some_and(|text| text == "create"),
            }
        }
        Ok(read)
    }
}

fn not_plain(name: &str) -> Reason {
    Reason::new("bad_action", format!("`{name}` of the action line must be a plain value"))
}

/// Writes an action line again, byte for byte but for the id that it did not have.
pub(super) fn write_line(command: &Command, id: Option<&str>, out: &mut String) {
    let verb = match command.verb {
        Verb::Index => "{\"index\":",
        Verb::Create => "{\"create\":",
        Verb::Update => "{\"update\":",
        Verb::Delete => "{\"delete\":",
    };
    out.clear();
    out.push_str(verb);
    let meta = &command.meta;
    match id {
        None => out.push_str(meta),
        Some(id) => {
            out.push_str("{\"_id\":");
            quote_into(out, id);
            let is_id = |member: &&Member| same_name(member.name.of(meta), member.escaped, "_id");
            if !command.members.is_empty() && !command.members.iter().any(|member| is_id(&member)) {
                out.push(',');
                out.push_str(&meta[1..]);
                out.push('}');
                return;
            }
            // An `_id` that is there is null, and goes with the blanks between the others.
            for member in command.members.iter().filter(|m| !same_name(m.name.of(meta), m.escaped, "_id")) {
                out.push(',');
                out.push_str(&meta[member.name.start as usize - 1..member.value.end as usize]);
            }
            out.push('}');
        }
    }
    out.push('}');
}

/// What the store understands of an update's source.
pub(super) struct Update<'a> {
    pub(super) op: Op,
    pub(super) doc: &'a str,
    pub(super) upsert: Option<&'a str>,
    pub(super) detect_noop: bool,
}

impl<'a> Update<'a> {
    pub(super) fn read(record: &Record<'a>, target: &str) -> Result<Update<'a>, Reason> {
        let (mut doc, mut upsert, mut as_upsert, mut detect_noop) = (None, None, false, true);
        for (place, member) in record.members.iter().enumerate() {
            let name = &*distinct(record.text, &record.members[..=place])?;
            let value = member.value.of(record.text);
            match name {
                "doc" | "upsert" if Kind::of(value) == Kind::Object => {
                    *(if name == "doc" { &mut doc } else { &mut upsert }) = Some(value);
                }
                "doc_as_upsert" | "detect_noop" if matches!(value, "true" | "false") => {
                    *(if name == "detect_noop" { &mut detect_noop } else { &mut as_upsert }) = value == "true";
                }
                "_source" if value == "false" => {}
                "doc" | "upsert" | "doc_as_upsert" | "detect_noop" => {
                    return Err(Reason::new("bad_action", format!("`{name}` of the update has the wrong type")));
                }
                _ => {
                    return Err(Reason::new("not_supported", format!("{target} cannot honour `{name}` of an update")));
                }
            }
        }
        let Some(doc) = doc else { return Err(Reason::new("bad_action", "the update has no `doc`")) };
        let op = if as_upsert { Op::Upsert } else { Op::Update };
        Ok(Update { op, doc, upsert: upsert.filter(|_| !as_upsert), detect_noop })
    }
}
