//! An action: what to do with a record, and under which key.
//! The key is found in the record, or made from the run and the record's ordinal; a record whose key cannot be told is an
//! error here, before it could take a whole batch down.

pub mod arangodb;
mod bulk;
mod key;
pub(crate) mod kuzzle;
mod mongoexport;

pub use key::KeyRule;

use crate::json::{Scanner, Span, first_changed_by_double};
use crate::record::{Command, Reason, Record, Verb};
use bulk::{Metadata, Named, Update, write_line};
use key::{
    Found, Named as NamedKeys, by_convention, by_path, generated, half_pair, key_of_id, key_text, without_keys,
    write_routing,
};

/// What is done to the document that a key names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Op {
    /// Store it; if the key exists, it is an error.
    #[default]
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
    /// These bytes of the document, which a JSON string holds as they are.
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
    /// Pieces of the document that a target leaves out, in order: members that name the key where it is metadata.
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
        key + self.doc.len() + self.collection.len() + self.upsert.map_or(0, str::len) + self.meta.len()
    }
}

/// What a target wants to be told.
#[derive(Clone, Debug)]
pub enum Rules {
    /// The embedded store: bulk lines as far as the store can honour them.
    Store,
    /// Elasticsearch and OpenSearch: the key is metadata, and bulk lines pass through.
    Elasticsearch {
        /// `--routing-field`.
        routing: Option<String>,
        /// `--lossy`: numbers that the server will round are let through.
        lossy: bool,
    },
    /// ArangoDB: the key stands at the beginning of the document.
    Arangodb {
        /// Whether the collection holds edges.
        edge: bool,
        /// `--server-keys`: a record without a key is sent without one.
        server_keys: bool,
        /// `--lossy`: what the server will change is let through.
        lossy: bool,
    },
    /// Kuzzle: the key is metadata, and what it would change or refuse is found before.
    Kuzzle {
        /// `--lossy`: what Kuzzle will change is let through.
        lossy: bool,
    },
}

impl Rules {
    /// Which keys the target takes.
    pub fn keys(&self) -> KeyRule {
        match self {
            Rules::Store => KeyRule::Store,
            Rules::Arangodb { .. } => KeyRule::Arangodb,
            Rules::Elasticsearch { .. } | Rules::Kuzzle { .. } => KeyRule::Bulk,
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
    rules: Rules,
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
    names: arangodb::Names,
    known: Known,
}

/// What was found of a record whose names many others have.
#[derive(Debug, Default)]
struct Known {
    /// The number of these names; see `Facts`.
    names: u64,
    /// The members that name the key.
    keys: NamedKeys,
    /// Whether the target keeps a record with all of them.
    is_kept: bool,
}

impl Known {
    /// The members that name the key.
    #[inline]
    fn keys(&mut self, record: &Record<'_>) -> Result<NamedKeys, Reason> {
        let facts = record.facts;
        if facts.is_whole() && facts.names() != 0 && facts.names() == self.names {
            return Ok(self.keys);
        }
        let keys = NamedKeys::find(record.text, record.members)?;
        if facts.is_whole() {
            *self = Known { names: facts.names(), keys, is_kept: false };
        }
        Ok(keys)
    }

    /// Checks that the target keeps a record as it is, where that cannot be told from another one with the same names.
    #[inline]
    fn ensure_kept(&mut self, record: &Record<'_>, check: impl FnOnce() -> Result<(), Reason>) -> Result<(), Reason> {
        let facts = record.facts;
        let is_same = facts.names() != 0 && facts.names() == self.names;
        if is_same && self.is_kept && facts.is_plain() {
            return Ok(());
        }
        check()?;
        self.is_kept |= is_same && facts.is_whole();
        Ok(())
    }
}

impl Decider {
    /// Makes a decider; `run` is the prefix of generated keys.
    pub fn new(op: Op, field: Option<String>, rules: Rules, run: String, collection: Option<String>) -> Decider {
        Decider {
            op,
            field,
            rule: rules.keys(),
            rules,
            run,
            collection,
            scratch: String::new(),
            index: String::new(),
            meta: String::new(),
            scanner: Scanner::default(),
            names: arangodb::Names::default(),
            known: Known::default(),
        }
    }

    /// Decides what to do with a record.
    ///
    /// # Errors
    /// Why the record is an error: no usable key, or an action that this target cannot honour.
    pub fn decide<'a>(&'a mut self, record: &Record<'a>, ordinal: u64) -> Result<Action<'a>, Reason> {
        if let Some(command) = record.command {
            return match self.rules {
                Rules::Store => self.bulk(record, command, ordinal),
                Rules::Elasticsearch { .. } => self.lines(record, command, ordinal),
                Rules::Arangodb { edge, lossy, .. } => self.line_for_arangodb(record, command, ordinal, edge, lossy),
                Rules::Kuzzle { lossy } => self.line_for_kuzzle(record, command, ordinal, lossy),
            };
        }
        let named = match &self.field {
            Some(_) if matches!(self.rules, Rules::Store) => NamedKeys::default(),
            _ => self.known.keys(record)?,
        };
        let found = match &self.field {
            Some(field) => Some(Found::Key(by_path(record.text, record.members, field, &mut self.scanner)?)),
            None => by_convention(record.text, record.members, named, &mut self.scanner)?,
        };
        let key = match found {
            Some(Found::Key(value))
                if record.facts.is_plain() && record.text.as_bytes()[value.start as usize] == b'"' =>
            {
                Key::InDoc(Span { start: value.start + 1, end: value.end - 1 })
            }
            Some(Found::Key(value)) => key_text(record.text, value, &mut self.scratch)?,
            Some(Found::Id(value)) => {
                let id = key_text(record.text, value, &mut self.scratch)?;
                match (self.rule, self.collection.as_deref()) {
                    (KeyRule::Arangodb, collection) => key_of_id(record.text, id, collection.unwrap_or_default())?,
                    _ => id,
                }
            }
            None if self.op == Op::Delete => {
                return Err(Reason::new("no_key", "no `_key` or `_id` says what to delete"));
            }
            None if matches!(self.rules, Rules::Arangodb { server_keys: true, .. }) => Key::Text(""),
            None => generated(&mut self.scratch, &self.run, ordinal),
        };
        match key {
            Key::Text("") if found.is_none() => {}
            Key::Text(text) => self.rule.check(text)?,
            Key::InDoc(span) => self.rule.check(span.of(record.text))?,
        }
        let (mut cut, mut meta) = ([Span::default(); 2], "");
        if !matches!(self.rules, Rules::Store) {
            cut = without_keys(record, named);
        }
        match &self.rules {
            Rules::Store => {}
            Rules::Arangodb { lossy: true, .. } if self.op != Op::Delete => arangodb::ensure_read(record.text)?,
            Rules::Arangodb { edge, .. } if self.op != Op::Delete => {
                arangodb::ensure_read(record.text)?;
                self.known.ensure_kept(record, || arangodb::ensure_kept(record, cut, *edge, &mut self.names))?;
            }
            Rules::Arangodb { .. } => {}
            Rules::Elasticsearch { routing, lossy } => {
                if let Some(field) = routing {
                    write_routing(record, field, &mut self.meta, &mut self.scanner)?;
                    meta = &self.meta;
                }
                if self.op == Op::Upsert && !lossy && !record.facts.is_plain() {
                    ensure_doubles_hold(record.text)?;
                }
            }
            Rules::Kuzzle { lossy } if self.op != Op::Delete => kuzzle::ensure_kept(record, self.op, cut, *lossy)?,
            Rules::Kuzzle { .. } => {}
        }
        // A delete needs no document; its key then has to be text of its own.
        if self.op == Op::Delete {
            let text = match key {
                Key::Text(text) => text,
                Key::InDoc(span) => &record.text[span.range()],
            };
            return Ok(Action { meta, ..Action::plain(Op::Delete, Key::Text(text), "") });
        }
        Ok(Action { cut, meta, ..Action::plain(self.op, key, record.text) })
    }

    /// Bulk lines for a server that takes them: the metadata passes through, with an id where it had none.
    fn lines<'a>(&'a mut self, record: &Record<'a>, command: &'a Command, ordinal: u64) -> Result<Action<'a>, Reason> {
        let named = Named::read(command)?;
        let collection =
            match named.index.map(|index| index.text(&mut self.index).ok_or_else(half_index)).transpose()? {
                None if self.collection.is_none() => return Err(no_collection()),
                Some(name) if self.collection.as_deref() != Some(name) => name,
                _ => "",
            };
        let op = match command.verb {
            Verb::Index if named.creates => Op::Create,
            Verb::Index => Op::Index,
            Verb::Create => Op::Create,
            Verb::Update => Op::Update,
            Verb::Delete => Op::Delete,
        };
        let key = match named.id {
            Some(id) => Key::Text(id.text(&mut self.scratch).ok_or_else(half_pair)?),
            None if op == Op::Update || op == Op::Delete => {
                return Err(Reason::new("no_key", "this action needs an `_id`"));
            }
            None => generated(&mut self.scratch, &self.run, ordinal),
        };
        let Key::Text(text) = key else { return Err(half_pair()) };
        self.rule.check(text)?;
        write_line(command, named.id.is_none().then_some(text), &mut self.meta);
        Ok(Action { collection, meta: &self.meta, is_line: true, ..Action::plain(op, key, record.text) })
    }

    /// An action line of the bulk API; what the store cannot honour is an error of that item.
    fn bulk<'a>(&'a mut self, record: &Record<'a>, command: &'a Command, ordinal: u64) -> Result<Action<'a>, Reason> {
        let meta = Metadata::read(command, "the store")?;
        let index = meta.index.map(|index| index.text(&mut self.index).ok_or_else(half_index)).transpose()?;
        let collection = match index {
            Some(name) if self.collection.as_deref() == Some(name) => "",
            Some(name) => name,
            None if self.collection.is_none() => {
                return Err(no_collection());
            }
            None => "",
        };
        let key = match (meta.id, command.verb) {
            (Some(id), _) => Key::Text(id.text(&mut self.scratch).ok_or_else(half_pair)?),
            (None, Verb::Index | Verb::Create) => generated(&mut self.scratch, &self.run, ordinal),
            (None, _) => return Err(Reason::new("no_key", "this action needs an `_id`")),
        };
        if let Key::Text(text) = key {
            // Its length is judged in the words of the bulk API.
            KeyRule::Bulk.check(text).and_then(|()| KeyRule::Store.check(text))?;
        }
        let action = Action { collection, ..Action::plain(Op::Index, key, record.text) };
        match command.verb {
            Verb::Index => Ok(action),
            Verb::Create => Ok(Action { op: Op::Create, ..action }),
            Verb::Delete => Ok(Action { op: Op::Delete, doc: "", ..action }),
            Verb::Update => {
                let update = Update::read(record, "the store")?;
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

fn half_index() -> Reason {
    Reason::new("bad_action", "`_index` has half of a surrogate pair")
}

fn no_collection() -> Reason {
    Reason::new("no_collection", "no `_index` in the action line, and no --collection")
}

/// Refuses a document of which an update would change a number: Elasticsearch merges it as Java's doubles and writes
/// those back (contract of the bulk API, 3).
fn ensure_doubles_hold(text: &str) -> Result<(), Reason> {
    match first_changed_by_double(text) {
        None => Ok(()),
        Some(number) => Err(Reason::new(
            "lossy",
            format!(
                "the server would change the number {number} in an update (--lossy lets it, --on-duplicate replace keeps it)"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    fn decide(field: Option<&str>, rule: KeyRule, text: &str) -> Result<String, &'static str> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let record = Record::of(text, &scanner, Origin::default());
        let rules = match rule {
            KeyRule::Store => Rules::Store,
            KeyRule::Arangodb => Rules::Arangodb { edge: false, server_keys: false, lossy: false },
            KeyRule::Bulk => Rules::Elasticsearch { routing: None, lossy: false },
        };
        let collection = Some("shop".to_owned());
        let mut decider = Decider::new(Op::Create, field.map(str::to_owned), rules, "run-".to_owned(), collection);
        let action = decider.decide(&record, 7).map_err(Reason::word)?;
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
            assert_eq!(decide(None, KeyRule::Store, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn an_id_of_arangodb_names_the_collection_too() {
        for (text, key) in [
            (r#"{"_id":"shop/a"}"#, Ok("a")),
            (r#"{"_id":"shop\/a"}"#, Ok("a")),
            (r#"{"_id":"other/a","_key":"a"}"#, Ok("a")),
            (r#"{"_id":{"$oid":"5f"}}"#, Ok("5f")),
            (r#"{"_id":"other/a"}"#, Err("illegal_key")),
            (r#"{"_id":"shop2/a"}"#, Err("illegal_key")),
            (r#"{"_id":"shop/a/b"}"#, Err("illegal_key")),
            (r#"{"_id":"shop/"}"#, Err("illegal_key")),
            (r#"{"_id":"a"}"#, Err("illegal_key")),
            (r#"{"_id":7}"#, Err("illegal_key")),
            (r#"{"_key":"shop/a"}"#, Err("illegal_key")),
            (r#"{"_key":"a b"}"#, Err("illegal_key")),
        ] {
            assert_eq!(decide(None, KeyRule::Arangodb, text), key.map(str::to_owned), "{text}");
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
            assert_eq!(decide(Some(field), KeyRule::Store, text), key.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn bulk_ids_may_be_any_text_of_512_bytes() {
        assert_eq!(decide(None, KeyRule::Bulk, r#"{"_key":"a b/ü"}"#).as_deref(), Ok("a b/ü"));
        let long = format!(r#"{{"_key":"{}"}}"#, "x".repeat(513));
        assert_eq!(decide(None, KeyRule::Bulk, &long), Err("illegal_key"));
    }
}
