//! An action: what to do with a record, and under which key.
//! The key is found in the record, or made from the run and the record's ordinal; a record whose key cannot be told is an
//! error here, before it could take a whole batch down.

mod bulk;
mod key;
mod mongoexport;
mod rules;

pub use crate::record::Op;
pub(crate) use bulk::{Update, distinct, not_supported, own_metadata};
pub use key::KeyRule;
pub(crate) use key::{by_path, names_key};
pub use rules::{Line, Rules};

use crate::json::{Scanner, Span};
use crate::record::{Command, Reason, Record};
use key::{Named as NamedKeys, by_convention, generated, half_pair, key_text, without_keys};
use std::borrow::Cow;

/// A key, without a copy where that can be.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// These bytes of the document, which a JSON string holds as they are.
    InDoc(Span),
    /// This text.
    Text(&'a str),
}

impl<'a> Key<'a> {
    /// Its text, in or beside this document.
    pub fn of(self, doc: &'a str) -> &'a str {
        match self {
            Key::InDoc(span) => span.of(doc),
            Key::Text(text) => text,
        }
    }
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
    /// Pieces of the document that a target leaves out, in order: fields that name the key where it is metadata.
    pub cut: [Span; 2],
    /// For a target that takes bulk lines as they are, the whole action line; else more of its metadata,
    /// `"routing":"a"`, or nothing.
    pub meta: &'a str,
    /// Whether `meta` is a whole action line and `doc` the source line below it.
    pub is_line: bool,
}

impl<'a> Action<'a> {
    /// An action on a document, and nothing more.
    pub fn plain(op: Op, key: Key<'a>, doc: &'a str) -> Action<'a> {
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
    /// The key as text.
    pub fn key_text(&self) -> &str {
        self.key.of(self.doc)
    }

    /// Bytes that it takes in a batch.
    pub fn bytes(&self) -> usize {
        let key = match self.key {
            Key::InDoc(_) => 0,
            Key::Text(text) => text.len(),
        };
        key + self.doc.len() + self.collection.len() + self.upsert.map_or(0, str::len) + self.meta.len()
    }
}

/// Turns records into actions.
pub struct Decider {
    /// What a record without an action line means.
    op: Op,
    /// `--key`.
    field: Option<String>,
    rules: Box<dyn Rules>,
    /// Prefix of generated keys: the same for a whole run, later runs sort behind it.
    run: String,
    /// The run's collection, which a bulk line may also name.
    collection: Option<String>,
    scratch: String,
    /// An `_index` that had to be unescaped.
    index: String,
    /// Metadata in the form of `Action::meta`.
    meta: String,
    scanner: Scanner,
}

impl Decider {
    /// Makes a decider; `run` is the prefix of generated keys.
    pub fn new(
        op: Op,
        field: Option<String>,
        rules: Box<dyn Rules>,
        run: String,
        collection: Option<String>,
    ) -> Decider {
        Decider {
            op,
            field,
            rules,
            run,
            collection,
            scratch: String::new(),
            index: String::new(),
            meta: String::new(),
            scanner: Scanner::default(),
        }
    }

    /// Decides what to do with a record.
    ///
    /// # Errors
    /// Why the record is an error: no usable key, or an action that this target does not support.
    pub fn decide<'a>(&'a mut self, record: &Record<'a>, ordinal: u64) -> Result<Action<'a>, Reason> {
        if let Some(command) = record.command {
            return self.line(record, command, ordinal);
        }
        let keys = self.rules.keys();
        let named = match &self.field {
            Some(_) if keys.stays => NamedKeys::default(),
            _ => NamedKeys::find(record.text, record.fields)?,
        };
        let (found, is_id) = match &self.field {
            Some(field) => (Some(by_path(record.text, record.fields, field, &mut self.scanner)?), false),
            None => by_convention(record.text, record.fields, named, &mut self.scanner)?,
        };
        let key = match found {
            Some(value) => {
                let mut key = key_text(record.text, value, &mut self.scratch)?;
                if is_id {
                    key = self.rules.key_of_id(record.text, key, self.collection.as_deref().unwrap_or_default())?;
                }
                keys.check(key.of(record.text), false)?;
                key
            }
            None if self.op == Op::Delete => {
                return Err(Reason::new("no_key", "missing key field \"_key\" or \"_id\""));
            }
            None if self.rules.makes_keys() => Key::Text(""),
            None => Key::Text(generated(&mut self.scratch, &self.run, ordinal)),
        };
        let cut = if keys.stays { [Span::default(); 2] } else { without_keys(record, named) };
        self.meta.clear();
        self.rules.check(record, self.op, cut, &mut self.meta)?;
        let meta = &*self.meta;
        // A delete needs no document; its key then has to be text of its own.
        if self.op == Op::Delete {
            return Ok(Action { meta, ..Action::plain(Op::Delete, Key::Text(key.of(record.text)), "") });
        }
        Ok(Action { cut, meta, ..Action::plain(self.op, key, record.text) })
    }

    /// A bulk line: its operation, its key and its collection are read here, the rest is its target's.
    fn line<'a>(&'a mut self, record: &Record<'a>, command: &'a Command, ordinal: u64) -> Result<Action<'a>, Reason> {
        let rules = &mut *self.rules;
        let read = bulk::ActionLine::read(command, self.collection.as_deref(), &*rules)?;
        let half_index = || Reason::new("bad_action", "\"_index\" has an unpaired surrogate");
        let named = read.index.map(|index| Ok(lent(index.ok_or_else(half_index)?, &mut self.index))).transpose()?;
        let collection = match named {
            None if self.collection.is_none() => {
                return Err(Reason::new("no_collection", "missing \"_index\" in the action line, and no --collection"));
            }
            Some(name) if self.collection.as_deref() != Some(name) => name,
            _ => "",
        };
        let op = read.op;
        let has_id = read.id.is_some();
        let key = match read.id {
            Some(id) => lent(id.ok_or_else(half_pair)?, &mut self.scratch),
            None if matches!(op, Op::Update | Op::Delete) => {
                return Err(Reason::new("no_key", "missing \"_id\" in the action line"));
            }
            None => generated(&mut self.scratch, &self.run, ordinal),
        };
        rules.keys().check(key, true)?;
        rules.line(Line { command, op, collection, key, has_id }, record, &mut self.meta)
    }
}

/// The text itself, kept in `scratch` if it is nobody else's.
fn lent<'a>(text: Cow<'a, str>, scratch: &'a mut String) -> &'a str {
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

    /// A target that takes everything under such keys.
    struct OnlyKeys(&'static KeyRule);

    impl Rules for OnlyKeys {
        fn keys(&self) -> &'static KeyRule {
            self.0
        }
        fn line<'a>(&mut self, line: Line<'a>, record: &Record<'a>, _: &'a mut String) -> Result<Action<'a>, Reason> {
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
        let action = decider.decide(&record, 7).map_err(Reason::word)?;
        Ok(action.key_text().to_owned())
    }

    #[test]
    fn the_key_is_key_then_id_then_generated() {
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
            assert_eq!(decide(Some(field), KeyRule::TEXTS, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn bulk_ids_may_be_any_text_of_512_bytes() {
        assert_eq!(decide(None, KeyRule::IDS, r#"{"_key":"a b/ü"}"#).as_deref(), Ok("a b/ü"));
        let long = format!(r#"{{"_key":"{}"}}"#, "x".repeat(513));
        assert_eq!(decide(None, KeyRule::IDS, &long), Err("illegal_key"));
    }
}
