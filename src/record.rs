//! A record: one JSON object as the user wrote it, and its origin in the input.
//! Readers of other formats (CSV, arrays) write the object themselves. From here on all records are the same.

use crate::json::{Field, Scanner, same_name, unescape};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Where a record starts. Origins are ordered like the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// Index of the input among the files of the run, from 0.
    pub file: u32,
    /// Line of its first byte, from 1.
    pub line: u64,
    /// Number of the record in its file, from 1. It distinguishes records on the same line.
    pub record: u64,
    /// Byte offset of its first byte in the decompressed file, from 0.
    pub offset: u64,
}

/// One record. It is valid until the reader is asked for the next one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// The object, without whitespace around it. It is valid JSON.
    pub text: &'a str,
    /// Its fields, as ranges of `text`.
    pub fields: &'a [Field],
    /// Where it starts.
    pub origin: Origin,
    /// The bulk action line before it, for `--type bulk`. The record of a `delete` has an empty `text`.
    pub command: Option<&'a Command>,
    /// Columns of a CSV row that hold a bare `null`. They are no fields, but `--merge-attributes` writes `null` for them.
    pub nulls: &'a [String],
    /// The text of the cell that `--key` names in a CSV row; empty if there is none.
    pub key: &'a str,
    /// The raw text that it was read from. For bulk lines, and for rows above 4 MiB, it is empty unless raw text is wanted.
    pub raw: &'a [u8],
    /// The object that `--doc` took the document out of.
    pub outer: Option<Outer<'a>>,
}

/// The object around a document. `--key` and `--routing-field` look at it.
#[derive(Clone, Copy, Debug)]
pub struct Outer<'a> {
    /// The object, as `Record::text`.
    pub text: &'a str,
    /// Its fields.
    pub fields: &'a [Field],
}

impl<'a> Record<'a> {
    /// The object with the key and the routing: the record as it was read.
    pub(crate) fn whole(&self) -> Outer<'a> {
        self.outer.unwrap_or(Outer { text: self.text, fields: self.fields })
    }

    /// The record of the object that `scanner` has just scanned.
    pub(crate) fn of(text: &'a str, scanner: &'a Scanner, origin: Origin) -> Record<'a> {
        Record { text, fields: scanner.fields(), origin, raw: text.as_bytes(), ..Record::default() }
    }
}

/// The action line of a bulk file. It is a copy, because reading the source line may move the window.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its operation: create, index, update or delete.
    pub op: Op,
    /// The metadata object, valid JSON.
    pub meta: String,
    /// Fields of `meta`.
    pub fields: Vec<Field>,
}

/// The operation on the document with a key. `--on-duplicate` selects one of the first four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Op {
    /// Store the document. It is an error if the key exists.
    #[default]
    #[value(name = "error")]
    Create,
    /// Merge it into the stored document, or store it.
    #[value(name = "update")]
    Upsert,
    /// Store it, replacing the stored document.
    #[value(name = "replace")]
    Index,
    /// Store it. It is ignored if the key exists.
    #[value(name = "ignore")]
    CreateOrIgnore,
    /// Merge it into the stored document. If there is none, store `upsert`, or it is an error.
    #[value(skip)]
    Update,
    /// Delete the document. It is ignored if the key does not exist.
    #[value(skip)]
    Delete,
}

/// Why a record is an error: the type by which the report groups errors, and a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The type, such as `duplicate_key`, or the type that a server returned.
    pub kind: Cow<'static, str>,
    /// The message: one sentence in lowercase, without the origin, such as `duplicate key "A-17"`.
    pub text: String,
    /// What to do about it.
    #[serde(skip)]
    pub hint: Option<&'static str>,
    /// What the bulk line asks for that it is about.
    pub action: Option<Box<LineAction>>,
}

/// What a bulk line asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAction {
    /// Its operation.
    pub op: Op,
    /// The index that it names; empty if it names none.
    pub index: String,
}

impl Op {
    /// Its name in the bulk API.
    pub fn verb(self) -> &'static str {
        match self {
            Op::Create | Op::CreateOrIgnore => "create",
            Op::Index => "index",
            Op::Upsert | Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

impl Command {
    /// The value of a field of its metadata, as it is written; a null counts as missing.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let is_it = |field: &&Field| same_name(field.name.of(&self.meta), field.escaped, name);
        let value = self.fields.iter().find(is_it)?.value.of(&self.meta);
        (value != "null").then_some(value)
    }
}

impl Reason {
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Reason {
        Reason { kind: kind.into(), text: text.into(), hint: None, action: None }
    }

    pub(crate) fn with_hint(self, hint: Option<&'static str>) -> Reason {
        Reason { hint, ..self }
    }

    /// The same about a bulk line with this action.
    #[cold]
    pub(crate) fn of_line(self, command: &Command) -> Reason {
        let index = command.field("_index").map(|value| value.trim_matches('"')).and_then(unescape);
        let index = index.map(Cow::into_owned).unwrap_or_default();
        Reason { action: Some(Box::new(LineAction { op: command.op, index })), ..self }
    }

    /// The type, for a test that expects one of this program.
    #[cfg(test)]
    pub(crate) fn static_kind(self) -> &'static str {
        match self.kind {
            Cow::Borrowed(kind) => kind,
            Cow::Owned(kind) => panic!("a type from a server: {kind}"),
        }
    }
}

/// Part of the input that is not a valid record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord<'a> {
    /// Where it starts.
    pub origin: Origin,
    /// Why it is an error.
    pub reason: Reason,
    /// As for a record. Empty if it is too long.
    pub raw: &'a [u8],
}
