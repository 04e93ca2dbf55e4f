//! An action: what to do with a record, and under which key.
//! The key is found in the record, or made from the run and the record's ordinal; a record whose key cannot be told is an
//! error here, before it could take a whole batch down.

use crate::json::{Kind, Member, Scanner, Span, same_name, unescape};
use crate::record::{Command, Reason, Record, Verb};
use std::fmt::Write as _;

/// What is done to the document that a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Store it; if the key exists, it is an error.
    Create,
    /// Store it; if the key exists, it is ignored.
    CreateOrIgnore,
    /// Store it in the place of what is there.
    Index,
    /// Merge it into what is there, or store it.
    Upsert,
    /// Merge it into what is there; if the key does not exist, store `upsert`, or it is an error.
    Update,
    /// Remove it; if the key does not exist, it is ignored.
    Delete,
}

/// A key, without a copy where that can be.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// These bytes of the document.
    InDoc(Span),
    /// This text.
    Text(&'a str),
}

/// One action, lent until the next record.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// What to do.
    pub op: Op,
    /// The collection that a bulk line names; empty for the run's own.
    pub collection: &'a str,
    /// The document's key.
    pub key: Key<'a>,
    /// The document; empty for a delete.
    pub doc: &'a str,
    /// What to store when there is nothing to update.
    pub upsert: Option<&'a str>,
    /// Whether an update that changes nothing leaves the version alone.
    pub detect_noop: bool,
}

impl Action<'_> {
    /// The key as text.
    pub fn key_text(&self) -> &str {
        match self.key {
            Key::InDoc(span) => span.of(self.doc),
            Key::Text(text) => text,
        }
    }

    /// Bytes that it takes in a batch.
    pub fn bytes(&self) -> usize {
        let key = match self.key {
            Key::InDoc(_) => 0,
            Key::Text(text) => text.len(),
        };
        key + self.doc.len() + self.collection.len() + self.upsert.map_or(0, str::len)
    }
}

/// Which keys a target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// ArangoDB's: 1 to 254 bytes of letters, digits and ``_-:.@()+,=;$!*'%`` (its `KeyGenerator.cpp`).
    Import,
    /// Elasticsearch's: 1 to 512 bytes.
    Bulk,
}

/// The bytes that ArangoDB allows in a key.
const IMPORT_KEY: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"_-:.@()+,=;$!*'%";
    let mut place = 0;
    while place < others.len() {
        allowed[others[place] as usize] = true;
        place += 1;
    }
    allowed
};

impl KeyRule {
    fn check(self, key: &str) -> Result<(), Reason> {
        let bad = |text: String| Err(Reason::new("illegal_key", text));
        match self {
            _ if key.is_empty() => bad("the key is empty".to_owned()),
            KeyRule::Bulk if key.len() > 512 => bad(format!("the id has {} bytes, at most 512 are allowed", key.len())),
            KeyRule::Import if key.len() > 254 => {
                bad(format!("the key has {} bytes, at most 254 are allowed", key.len()))
            }
            KeyRule::Import if key.bytes().any(|byte| !IMPORT_KEY[byte as usize]) => {
                bad(format!("illegal key {key:?}: a key has letters, digits and _-:.@()+,=;$!*'% only"))
            }
            _ => Ok(()),
        }
    }
}

/// Turns records into actions.
#[derive(Debug)]
pub struct Decider {
    /// What a record without an action line means.
    op: Op,
    /// `--key`.
    field: Option<String>,
    /// For records without an action line; the ids of action lines follow Elasticsearch.
    rule: KeyRule,
    /// Prefix of generated keys: the same for a whole run, later runs sort behind it.
    run: String,
    /// The run's collection, which a bulk line may also name.
    collection: Option<String>,
    scratch: String,
    scanner: Scanner,
    parts: Scanner,
}

impl Decider {
    /// Makes a decider; `run` is the prefix of generated keys.
    pub fn new(op: Op, field: Option<String>, rule: KeyRule, run: String, collection: Option<String>) -> Decider {
        Decider {
            op,
            field,
            rule,
            run,
            collection,
            scratch: String::new(),
            scanner: Scanner::default(),
            parts: Scanner::default(),
        }
    }

    /// Decides what to do with a record.
    ///
    /// # Errors
    /// Why the record is an error: no usable key, or an action that this target cannot honour.
    pub fn decide<'a>(&'a mut self, record: &Record<'a>, ordinal: u64) -> Result<Action<'a>, Reason> {
        if let Some(command) = record.command {
            return self.bulk(record, command, ordinal);
        }
        let found = match &self.field {
            Some(field) => Some(by_path(record.text, record.members, field, &mut self.scanner)?),
            None => by_convention(record.text, record.members, &mut self.scanner)?,
        };
        let key = match found {
            Some(value) => key_text(record.text, value, &mut self.scratch)?,
            None if self.op == Op::Delete => {
                return Err(Reason::new("no_key", "no `_key` or `_id` says what to delete"));
            }
            None => generated(&mut self.scratch, &self.run, ordinal),
        };
        let key = match key {
            Key::Text(text) if found.is_some() && self.field.is_none() => Key::Text(after_slash(text)),
            Key::InDoc(span) if self.field.is_none() => {
                let text = span.of(record.text);
                Key::InDoc(Span { start: span.end - after_slash(text).len() as u32, end: span.end })
            }
            other => other,
        };
        self.rule.check(match key {
            Key::Text(text) => text,
            Key::InDoc(span) => span.of(record.text),
        })?;
        // A delete needs no document; its key then has to be text of its own.
        if self.op == Op::Delete {
            let text = match key {
                Key::Text(text) => text,
                Key::InDoc(span) => &record.text[span.range()],
            };
            return Ok(Action {
                op: Op::Delete,
                collection: "",
                key: Key::Text(text),
                doc: "",
                upsert: None,
                detect_noop: true,
            });
        }
        Ok(Action { op: self.op, collection: "", key, doc: record.text, upsert: None, detect_noop: true })
    }

    /// An action line of the bulk API; what the store cannot honour is an error of that item.
    fn bulk<'a>(&'a mut self, record: &Record<'a>, command: Command<'a>, ordinal: u64) -> Result<Action<'a>, Reason> {
        let meta = Metadata::read(&command)?;
        let collection = match meta.index {
            Some(name) if self.collection.as_deref() == Some(name) => "",
            Some(name) => name,
            None if self.collection.is_none() => {
                return Err(Reason::new("no_collection", "no `_index` in the action line, and no --collection"));
            }
            None => "",
        };
        let key = match (meta.id, command.verb) {
            (Some(Ok(id)), _) => Key::Text(id),
            (Some(Err(inside)), _) => {
                self.scratch.clear();
                self.scratch.push_str(&unescape(inside).ok_or_else(half_pair)?);
                Key::Text(&self.scratch)
            }
            (None, Verb::Index | Verb::Create) => generated(&mut self.scratch, &self.run, ordinal),
            (None, _) => return Err(Reason::new("no_key", "this action needs an `_id`")),
        };
        if let Key::Text(text) = key {
            KeyRule::Bulk.check(text)?;
        }
        let action = Action { op: Op::Index, collection, key, doc: record.text, upsert: None, detect_noop: true };
        match command.verb {
            Verb::Index => Ok(action),
            Verb::Create => Ok(Action { op: Op::Create, ..action }),
            Verb::Delete => Ok(Action { op: Op::Delete, doc: "", ..action }),
            Verb::Update => {
                let update = Update::read(record, &mut self.parts)?;
                Ok(Action {
                    op: update.op,
                    doc: update.doc,
                    upsert: update.upsert,
                    detect_noop: update.detect_noop,
                    ..action
                })
            }
        }
    }
}

fn half_pair() -> Reason {
    Reason::new("illegal_key", "the key has half of a surrogate pair")
}

/// What the store understands of an action line's metadata.
struct Metadata<'a> {
    index: Option<&'a str>,
    /// `Err` holds the inside of a string that must be unescaped first.
    id: Option<Result<&'a str, &'a str>>,
}

impl<'a> Metadata<'a> {
    fn read(command: &Command<'a>) -> Result<Metadata<'a>, Reason> {
        let mut read = Metadata { index: None, id: None };
        for (place, member) in command.members.iter().enumerate() {
            let name = member.name.of(command.meta);
            let value = member.value.of(command.meta);
            if command.members[..place].iter().any(|other| other.name.of(command.meta) == name) {
                return Err(Reason::new("bad_action", format!("`{name}` stands twice in the action line")));
            }
            // Elasticsearch ignores a null, even of a name that it does not know.
            if value == "null" {
                continue;
            }
            let text = match Kind::of(value) {
                Kind::String => &value[1..value.len() - 1],
                Kind::Number | Kind::Boolean => value,
                _ => {
                    return Err(Reason::new(
                        "bad_action",
                        format!("`{name}` of the action line must be a plain value"),
                    ));
                }
            };
            match name {
                "_index" => read.index = Some(text),
                "_id" => read.id = Some(if text.contains('\\') { Err(text) } else { Ok(text) }),
                // One store has one writer, so there is never a conflict to try again.
                "retry_on_conflict" => {}
                "require_alias" | "require_data_stream" if value == "false" => {}
                "routing" if text.is_empty() => {}
                _ => {
                    return Err(Reason::new(
                        "not_supported",
                        format!("the store cannot honour `{name}` of an action line"),
                    ));
                }
            }
        }
        Ok(read)
    }
}

/// What the store understands of an update's source.
struct Update<'a> {
    op: Op,
    doc: &'a str,
    upsert: Option<&'a str>,
    detect_noop: bool,
}

impl<'a> Update<'a> {
    fn read(record: &Record<'a>, scanner: &mut Scanner) -> Result<Update<'a>, Reason> {
        let (mut doc, mut upsert, mut as_upsert, mut detect_noop) = (None, None, false, true);
        for member in record.members {
            let name = member.name.of(record.text);
            let value = member.value.of(record.text);
            match name {
                "doc" | "upsert" if Kind::of(value) == Kind::Object => {
                    debug_assert_eq!(scanner.object(value.as_bytes()), Ok(value.len()));
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
                    return Err(Reason::new("not_supported", format!("the store cannot honour `{name}` of an update")));
                }
            }
        }
        let Some(doc) = doc else { return Err(Reason::new("bad_action", "the update has no `doc`")) };
        let op = if as_upsert { Op::Upsert } else { Op::Update };
        Ok(Update { op, doc, upsert: upsert.filter(|_| !as_upsert), detect_noop })
    }
}

/// The part of ArangoDB's `_id` (`collection/key`) that is the key.
fn after_slash(text: &str) -> &str {
    text.rsplit_once('/').map_or(text, |(_, key)| key)
}

/// Writes the generated key of a record: the same when the run is resumed, and in the order of the input.
fn generated<'a>(scratch: &'a mut String, run: &str, ordinal: u64) -> Key<'a> {
    scratch.clear();
    // Ten digits keep the keys of ten thousand million records in order; more than that stay unique.
    let _ = write!(scratch, "{run}{ordinal:010}");
    Key::Text(scratch)
}

/// The text of a key's value: a string's content, a number's digits.
fn key_text<'a>(text: &str, value: Span, scratch: &'a mut String) -> Result<Key<'a>, Reason> {
    let raw = value.of(text);
    match Kind::of(raw) {
        Kind::Number => Ok(Key::InDoc(value)),
        Kind::String if !raw.contains('\\') => Ok(Key::InDoc(Span { start: value.start + 1, end: value.end - 1 })),
        Kind::String => {
            scratch.clear();
            scratch.push_str(&unescape(&raw[1..raw.len() - 1]).ok_or_else(half_pair)?);
            Ok(Key::Text(scratch))
        }
        other => Err(Reason::new("illegal_key", format!("the key is {}, not a string or a number", other.name()))),
    }
}

/// The one member of that name, if there is one.
fn only(text: &str, members: &[Member], name: &str) -> Result<Option<Span>, Reason> {
    let mut found = None;
    for member in members {
        if same_name(member.name.of(text), member.escaped, name) {
            if found.is_some() {
                return Err(Reason::new("ambiguous_key", format!("`{name}` stands twice in the record")));
            }
            found = Some(member.value);
        }
    }
    Ok(found)
}

/// Finds the key where no `--key` says: `_key`, else `_id`.
fn by_convention(text: &str, members: &[Member], scanner: &mut Scanner) -> Result<Option<Span>, Reason> {
    let key = only(text, members, "_key")?;
    let Some(id) = only(text, members, "_id")? else { return Ok(key) };
    let id = unwrapped(text, id, scanner)?;
    let Some(key) = key else { return Ok(Some(id)) };
    let plain = |span: Span| -> Result<String, Reason> {
        let mut scratch = String::new();
        match key_text(text, span, &mut scratch)? {
            Key::InDoc(span) => Ok(span.of(text).to_owned()),
            Key::Text(text) => Ok(text.to_owned()),
        }
    };
    let (key_text, id_text) = (plain(key)?, plain(id)?);
    if key_text != id_text && key_text != after_slash(&id_text) {
        return Err(Reason::new("ambiguous_key", "`_key` and `_id` are both there and differ"));
    }
    Ok(Some(key))
}

/// Unwraps mongoexport's `{"$oid":"…"}`.
fn unwrapped(text: &str, value: Span, scanner: &mut Scanner) -> Result<Span, Reason> {
    let raw = value.of(text);
    if Kind::of(raw) != Kind::Object {
        return Ok(value);
    }
    let _ = scanner.object(raw.as_bytes());
    match scanner.members() {
        [only] if only.name.of(raw) == "$oid" => {
            Ok(Span { start: value.start + only.value.start, end: value.start + only.value.end })
        }
        _ => Ok(value),
    }
}

/// Finds what `--key` names: a member of that very name, else a dotted path.
fn by_path(text: &str, members: &[Member], path: &str, scanner: &mut Scanner) -> Result<Span, Reason> {
    let missing = || Reason::new("no_key", format!("no `{path}`, which --key names"));
    if let Some(value) = only(text, members, path)? {
        return Ok(value);
    }
    let (mut first, mut rest) = path.split_once('.').ok_or_else(missing)?;
    let mut value = only(text, members, first)?.ok_or_else(missing)?;
    loop {
        let inner = value.of(text);
        if Kind::of(inner) != Kind::Object || scanner.object(inner.as_bytes()).is_err() {
            return Err(missing());
        }
        let shift = |span: Span| Span { start: value.start + span.start, end: value.start + span.end };
        if let Some(found) = only(inner, scanner.members(), rest)? {
            return Ok(shift(found));
        }
        (first, rest) = rest.split_once('.').ok_or_else(missing)?;
        value = shift(only(inner, scanner.members(), first)?.ok_or_else(missing)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    fn decide(field: Option<&str>, rule: KeyRule, text: &str) -> Result<String, &'static str> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let record = Record { text, members: scanner.members(), origin: Origin::default(), command: None, nulls: &[] };
        let mut decider = Decider::new(Op::Create, field.map(str::to_owned), rule, "run-".to_owned(), None);
        let action = decider.decide(&record, 7).map_err(|reason| reason.kind)?;
        Ok(match action.key {
            Key::InDoc(span) => span.of(action.doc).to_owned(),
            Key::Text(text) => text.to_owned(),
        })
    }

    #[test]
    fn the_key_is_key_then_id_then_generated() {
        for (text, key) in [
            (r#"{"_key":"a"}"#, Ok("a")),
            (r#"{"_id":"a"}"#, Ok("a")),
            (r#"{"_id":"shop/a","_key":"a"}"#, Ok("a")),
            (r#"{"_id":"shop/a"}"#, Ok("a")),
            (r#"{"_id":{"$oid":"5f"}}"#, Ok("5f")),
            (r#"{"_key":17}"#, Ok("17")),
            (r#"{"\u005fkey":"\u0061"}"#, Ok("a")),
            (r#"{"a":1}"#, Ok("run-0000000007")),
            (r#"{"_key":"a","_id":"b"}"#, Err("ambiguous_key")),
            (r#"{"_key":"a","_key":"a"}"#, Err("ambiguous_key")),
            (r#"{"_key":null}"#, Err("illegal_key")),
            (r#"{"_key":""}"#, Err("illegal_key")),
            (r#"{"_key":"a b"}"#, Err("illegal_key")),
            (r#"{"_key":"\ud800"}"#, Err("illegal_key")),
        ] {
            assert_eq!(decide(None, KeyRule::Import, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_named_key_is_never_generated() {
        for (text, key) in [
            (r#"{"sku":"x"}"#, Ok("x")),
            (r#"{"sku":1.50}"#, Ok("1.50")),
            (r#"{"a.b":"1","a":{"b":"2"}}"#, Ok("1")),
            (r#"{"a":{"b":"2"}}"#, Ok("2")),
            (r#"{"a":{"b.c":"3"}}"#, Ok("3")),
            (r#"{"_key":"x"}"#, Err("no_key")),
            (r#"{"sku":null}"#, Err("illegal_key")),
            (r#"{"sku":true}"#, Err("illegal_key")),
            (r#"{"sku":["x"]}"#, Err("illegal_key")),
            (r#"{"sku":""}"#, Err("illegal_key")),
        ] {
            let field = if text.contains("b.c") {
                "a.b.c"
            } else if text.contains("\"a") {
                "a.b"
            } else {
                "sku"
            };
            assert_eq!(decide(Some(field), KeyRule::Import, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn bulk_ids_may_be_any_text_of_512_bytes() {
        assert_eq!(decide(None, KeyRule::Bulk, r#"{"_key":"a b/ü"}"#).as_deref(), Ok("ü"));
        let long = format!(r#"{{"_key":"{}"}}"#, "x".repeat(513));
        assert_eq!(decide(None, KeyRule::Bulk, &long), Err("illegal_key"));
    }
}
