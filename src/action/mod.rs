//! An action: the operation for a record, and its key.
//! The key is found in the record, or generated from the run and the ordinal of the record. A record without a valid key is
//! an error here, before it can fail a whole batch.

mod bulk;
mod key;
mod mongoexport;
mod rules;

pub use crate::record::Op;
pub(crate) use bulk::{Update, check_metadata, distinct, not_supported};
pub(crate) use key::KeyRule;
pub(crate) use key::{by_path, has_key_field};
pub(crate) use rules::{BulkLine, Rules};

use crate::json::{JsonKind, Scanner, Span};
use crate::notes::{Notes, listed};
use crate::record::{Command, Outer, Reason, Record};
use key::{KeyFields, by_convention, generated, key_text, unpaired_surrogate, without_keys};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A key, which borrows from the document if possible.
#[derive(Clone, Copy, Debug)]
pub enum ActionKey<'a> {
    /// A range of the document, without escapes.
    InDoc(Span),
    /// Other text.
    Text(&'a str),
}

impl<'a> ActionKey<'a> {
    /// The text of the key of this document.
    pub fn of(self, doc: &'a str) -> &'a str {
        match self {
            ActionKey::InDoc(span) => span.of(doc),
            ActionKey::Text(text) => text,
        }
    }
}

/// One action. It is valid until the next record.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// The operation.
    pub op: Op,
    /// The collection that a bulk line names; empty if it is that of the run.
    pub collection: &'a str,
    /// The key of the document.
    pub key: ActionKey<'a>,
    /// The document; empty for a delete.
    pub doc: &'a str,
    /// The document to store if there is nothing to update.
    pub upsert: Option<&'a str>,
    /// Whether an update without changes keeps the version.
    pub detect_noop: bool,
    /// Ranges to remove from the document, in order: `_key` and `_id`, if the key is metadata.
    pub cut: [Span; 2],
    /// The whole action line, for a target that takes bulk lines verbatim; else further metadata such as `"routing":"a"`, or
    /// nothing.
    pub meta: &'a str,
    /// Whether `meta` is a whole action line and `doc` is its source line.
    pub is_line: bool,
}

impl<'a> Action<'a> {
    /// An action without metadata.
    pub fn plain(op: Op, key: ActionKey<'a>, doc: &'a str) -> Action<'a> {
        Action {
            op,
            collection: "",
            key,
            doc,
            upsert: None,
            detect_noop: true,
            cut: [Span::default(); 2],
            meta: "",
            is_line: false,
        }
    }
}

impl Action<'_> {
    pub(crate) fn key_text(&self) -> &str {
        self.key.of(self.doc)
    }

    /// Number of bytes it takes in a batch.
    pub fn bytes(&self) -> usize {
        let key = match self.key {
            ActionKey::InDoc(_) => 0,
            ActionKey::Text(text) => text.len(),
        };
        key + self.doc.len() + self.collection.len() + self.upsert.map_or(0, str::len) + self.meta.len()
    }
}

/// Where the key of a record was found.
struct FoundKey<'a> {
    /// The document, or the object around it.
    text: &'a str,
    /// The value that is the key, in `text`.
    value: Option<Span>,
    /// Whether it is an `_id` as written.
    is_id: bool,
}

/// Turns records into actions.
pub struct Decider {
    /// The operation for a record without an action line.
    op: Op,
    /// `--key`.
    key_path: Option<String>,
    rules: Box<dyn Rules>,
    /// Prefix of generated keys. Later runs have greater prefixes.
    run: String,
    /// Whether a record had no key of its own.
    has_generated: bool,
    /// The collection of the run. A bulk line may also name it.
    collection: Option<String>,
    scratch: String,
    /// Whether records come from rows.
    are_rows: bool,
    /// The key in a cell.
    cell: String,
    /// An unescaped `_index`.
    index: String,
    /// See `Action::meta`.
    meta: String,
    scanner: Scanner,
    /// Keys that were generated.
    generated: u64,
    /// The same, for records that are no bulk lines.
    generated_for_documents: u64,
    /// `--retarget`: bulk lines go to the collection of the run, whatever they name.
    retarget: bool,
    /// An action line without what is left out of it.
    edited: Command,
    /// Bulk lines whose `_type` was left out.
    types: u64,
    /// Bulk lines that name another collection than that of the run, by its name.
    others: BTreeMap<String, u64>,
}

/// Maximum number of other collections that are named in a note.
const MAX_OTHERS: usize = 1000;

impl Decider {
    /// `run` is the prefix of generated keys.
    pub fn new(
        op: Op,
        key_path: Option<String>,
        rules: Box<dyn Rules>,
        run: String,
        collection: Option<String>,
    ) -> Decider {
        Decider {
            op,
            key_path,
            rules,
            run,
            has_generated: false,
            collection,
            scratch: String::new(),
            are_rows: false,
            cell: String::new(),
            index: String::new(),
            meta: String::new(),
            scanner: Scanner::default(),
            generated: 0,
            generated_for_documents: 0,
            retarget: false,
            edited: Command { op: Op::Index, meta: String::new(), fields: Vec::new() },
            types: 0,
            others: BTreeMap::new(),
        }
    }

    /// The same, with all bulk lines going to the collection of the run.
    pub fn retargeted(self, retarget: bool) -> Decider {
        Decider { retarget, ..self }
    }

    /// Whether a record had no key of its own, so that reading it again would make another document.
    pub fn has_generated_keys(&self) -> bool {
        self.has_generated
    }

    /// Sets whether the next records come from rows.
    pub fn expect_rows(&mut self, are_rows: bool) {
        self.are_rows = are_rows;
    }

    /// How many keys were generated.
    pub fn generated(&self) -> u64 {
        self.generated
    }

    /// The notes about all records.
    pub fn notes(&self) -> Notes {
        let mut notes = self.rules.notes();
        let effect = match self.op {
            Op::Upsert => ", so --on-duplicate update has no effect there",
            Op::Index => ", so --on-duplicate replace has no effect there",
            Op::CreateOrIgnore => ", so --on-duplicate ignore has no effect there",
            _ => "",
        };
        let text = format!(
            "{{count}} record{{s}} without a key got a generated one{effect}; --key FIELD names the field that is the key"
        );
        notes.add("generated_keys", self.generated_for_documents, text);
        let text = "{count} action line{s} had a type (_type), which was left out: the target has no types";
        notes.add("dropped_types", self.types, text);
        let names: Vec<String> = self.others.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        let text = format!("{{count}} bulk line{{s}} named another collection than --collection: {}", listed(&names));
        notes.add("other_collections", self.others.values().sum(), text);
        notes
    }

    /// Counts the key that is generated for a document.
    fn count_generated(&mut self) {
        self.has_generated = true;
        let is_kept = u64::from(self.rules.keeps_generated_keys() && !self.rules.generates_keys());
        self.generated += is_kept;
        self.generated_for_documents += is_kept;
    }

    /// Makes the action of a record.
    ///
    /// # Errors
    /// If the record has no valid key, or the target does not support the action.
    pub fn decide<'a>(&'a mut self, record: &Record<'a>, ordinal: u64) -> Result<Action<'a>, Reason> {
        if let Some(command) = record.command {
            return self.bulk(record, command, ordinal).map_err(|reason| reason.of_line(command));
        }
        let keys = self.rules.keys();
        let key_fields = match &self.key_path {
            Some(_) if keys.keeps_fields => KeyFields::default(),
            _ => KeyFields::find(record.text, record.fields)?,
        };
        let FoundKey { text, value, is_id } = match record.key {
            "" => self.find(record, key_fields)?,
            _ => FoundKey { text: record.text, value: None, is_id: false },
        };
        let is_outer = record.outer.is_some_and(|outer| std::ptr::eq(outer.text, text));
        let key = match value {
            None if !record.key.is_empty() => {
                let key = mongoexport::of_cell(record.key).unwrap_or(record.key);
                keys.check(key, false)?;
                ActionKey::Text(key)
            }
            Some(value) => {
                let mut key = match JsonKind::of(value.of(text)) {
                    JsonKind::Object => wrapped_key(text, value, &mut self.scanner, &mut self.scratch)?,
                    _ => key_text(text, value, &mut self.scratch)?,
                };
                if self.are_rows
                    && let Some(id) = mongoexport::of_cell(key.of(text))
                {
                    self.cell.clear();
                    self.cell.push_str(id);
                    key = ActionKey::Text(&self.cell);
                }
                if is_id {
                    key = self.rules.key_of_id(text, key, self.collection.as_deref().unwrap_or_default())?;
                }
                keys.check(key.of(text), false)?;
                if is_outer { ActionKey::Text(key.of(text)) } else { key }
            }
            None if self.op == Op::Delete => {
                return Err(Reason::new("no_key", "missing key field \"_key\" or \"_id\""));
            }
            None => {
                self.count_generated();
                let is_theirs = self.rules.generates_keys();
                ActionKey::Text(if is_theirs { "" } else { generated(&mut self.scratch, &self.run, ordinal) })
            }
        };
        let cut = if keys.keeps_fields { [Span::default(); 2] } else { without_keys(record, key_fields) };
        self.meta.clear();
        self.rules.check(record, self.op, cut, &mut self.meta)?;
        if is_outer && value.is_some() {
            self.rules.outer_key(key.of(record.text), record, &mut self.meta)?;
        }
        let meta = &*self.meta;
        // A delete has no document, so its key cannot be a range of it.
        if self.op == Op::Delete {
            return Ok(Action { meta, ..Action::plain(Op::Delete, ActionKey::Text(key.of(record.text)), "") });
        }
        Ok(Action { cut, meta, ..Action::plain(self.op, key, record.text) })
    }

    /// Finds the key in the record as it was read; without `--key` also in the document that was taken out of it.
    #[inline(always)]
    fn find<'a>(&mut self, record: &Record<'a>, of_document: KeyFields) -> Result<FoundKey<'a>, Reason> {
        let Outer { text, fields } = record.whole();
        if let Some(path) = &self.key_path {
            let value = by_path(text, fields, path, &mut self.scanner)?;
            return Ok(FoundKey { text, value: Some(value), is_id: false });
        }
        if record.outer.is_some() {
            let (value, is_id) = by_convention(text, fields, KeyFields::find(text, fields)?, &mut self.scanner)?;
            if value.is_some() {
                return Ok(FoundKey { text, value, is_id });
            }
        }
        let (value, is_id) = by_convention(record.text, record.fields, of_document, &mut self.scanner)?;
        Ok(FoundKey { text: record.text, value, is_id })
    }

    /// Makes the action of a bulk line. Its operation, key and collection are parsed here, the rest by the target.
    fn bulk<'a>(&'a mut self, record: &Record<'a>, command: &'a Command, ordinal: u64) -> Result<Action<'a>, Reason> {
        let rules = &mut *self.rules;
        let drops_type = command.field("_type").is_some_and(|value| rules.drops_type(value));
        self.types += u64::from(drops_type);
        let dropped = [("_type", drops_type), ("_index", self.retarget)];
        let dropped = dropped.map(|(name, is_dropped)| if is_dropped { name } else { "" });
        let command = if dropped == ["", ""] {
            command
        } else {
            bulk::without(command, &dropped, &mut self.scanner, &mut self.edited);
            &self.edited
        };
        let read = bulk::ActionLine::read(command, self.collection.as_deref(), &*rules)?;
        let bad_index = || Reason::new("bad_action", "\"_index\" has an unpaired surrogate");
        let named = read.index.map(|index| Ok(borrowed(index.ok_or_else(bad_index)?, &mut self.index))).transpose()?;
        let collection = match named {
            None if self.collection.is_none() => {
                return Err(Reason::new("no_collection", "missing \"_index\" in the action line, and no --collection"));
            }
            Some(name) if self.collection.as_deref() != Some(name) => {
                if self.collection.is_some() {
                    count_other(&mut self.others, name);
                }
                name
            }
            _ => "",
        };
        let op = read.op;
        let has_id = read.id.is_some();
        let key = match read.id {
            Some(id) => borrowed(id.ok_or_else(unpaired_surrogate)?, &mut self.scratch),
            None if matches!(op, Op::Update | Op::Delete) => {
                return Err(Reason::new("no_key", "missing \"_id\" in the action line"));
            }
            None if rules.generates_keys() => "",
            None => {
                self.generated += u64::from(rules.keeps_generated_keys());
                generated(&mut self.scratch, &self.run, ordinal)
            }
        };
        if has_id || !rules.generates_keys() {
            rules.keys().check(key, true)?;
        }
        rules.line(BulkLine { command, op, collection, key, has_id }, record, &mut self.meta)
    }
}

/// Counts a bulk line that names another collection than that of the run.
fn count_other(others: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = others.get_mut(name) {
        *count += 1;
    } else if others.len() < MAX_OTHERS {
        others.insert(name.to_owned(), 1);
    }
}

/// The key in an object, if it is a wrapper of MongoDB.
#[cold]
fn wrapped_key<'a>(
    text: &str,
    value: Span,
    scanner: &mut Scanner,
    scratch: &'a mut String,
) -> Result<ActionKey<'a>, Reason> {
    match mongoexport::uuid(text, value, scanner) {
        Some(uuid) => {
            *scratch = uuid;
            Ok(ActionKey::Text(scratch))
        }
        None => key_text(text, mongoexport::unwrapped(text, value, scanner), scratch),
    }
}

/// A reference to the text. An owned text is moved to `scratch`.
fn borrowed<'a>(text: Cow<'a, str>, scratch: &'a mut String) -> &'a str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => {
            *scratch = text;
            scratch
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    /// A target that accepts everything with such keys.
    struct OnlyKeys(&'static KeyRule);

    impl Rules for OnlyKeys {
        fn keys(&self) -> &'static KeyRule {
            self.0
        }
        fn line<'a>(
            &mut self,
            line: BulkLine<'a>,
            record: &Record<'a>,
            _: &'a mut String,
        ) -> Result<Action<'a>, Reason> {
            Ok(line.action(record.text))
        }
    }

    fn decide(field: Option<&str>, rule: &'static KeyRule, text: &str) -> Result<String, &'static str> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let record = Record::of(text, &scanner, Origin::default());
        let rules = Box::new(OnlyKeys(rule));
        let collection = Some("shop".to_owned());
        let mut decider = Decider::new(Op::Create, field.map(str::to_owned), rules, "run-".to_owned(), collection);
        let action = decider.decide(&record, 7).map_err(Reason::static_kind)?;
        Ok(action.key_text().to_owned())
    }

    #[test]
    fn the_key_is_key_or_else_id_or_else_generated() {
        for (text, key) in [
            (r#"{"_key":"a"}"#, Ok("a")),
            (r#"{"_id":"a"}"#, Ok("a")),
            (r#"{"_id":"shop/a","_key":"a"}"#, Ok("a")),
            (r#"{"_id":"other/a/b","_key":"a/b"}"#, Ok("a/b")),
            (r#"{"_id":"shop/a"}"#, Ok("shop/a")),
            (r#"{"_id":"http:\/\/shop/a"}"#, Ok("http://shop/a")),
            (r#"{"_key":"shop/a"}"#, Ok("shop/a")),
            (r#"{"_key":"a b"}"#, Ok("a b")),
            (r#"{"_id":{"$oid":"5f"}}"#, Ok("5f")),
            (r#"{"_key":17}"#, Ok("17")),
            (r#"{"\u005fkey":"\u0061"}"#, Ok("a")),
            (r#"{"a":1}"#, Ok("run-0000000007")),
            (r#"{"_key":"a","_id":"b"}"#, Err("ambiguous_key")),
            (r#"{"_key":"a","_key":"a"}"#, Err("ambiguous_key")),
            (r#"{"_key":null}"#, Err("illegal_key")),
            (r#"{"_key":""}"#, Err("illegal_key")),
            (r#"{"_id":"/a","_key":"a"}"#, Err("ambiguous_key")),
            (r#"{"_key":"a\u0000"}"#, Err("illegal_key")),
            (r#"{"_key":"\ud800"}"#, Err("illegal_key")),
        ] {
            assert_eq!(decide(None, KeyRule::TEXTS, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn with_the_key_option_no_key_is_generated() {
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
            assert_eq!(decide(Some(field), KeyRule::TEXTS, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn an_id_may_be_any_text_of_512_bytes() {
        assert_eq!(decide(None, KeyRule::IDS, r#"{"_key":"a b/ü"}"#).as_deref(), Ok("a b/ü"));
        let long = format!(r#"{{"_key":"{}"}}"#, "x".repeat(513));
        assert_eq!(decide(None, KeyRule::IDS, &long), Err("illegal_key"));
    }
}
