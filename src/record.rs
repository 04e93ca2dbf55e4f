//! A record: one JSON object as the bytes the user wrote, and where it was found.
//! Formats that are not JSON (CSV, arrays) write the object themselves; from here on all records look alike.

use crate::json::{Field, Scanner};
use std::borrow::Cow;

/// Where a record begins. Origins are ordered as the input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Index of the input among the files of the run, from 0.
    pub file: u32,
    /// Line of its first byte, from 1.
    pub line: u64,
    /// Number of the record in its file, from 1; it tells the records of one long line apart.
    pub record: u64,
    /// Byte offset of its first byte in the decompressed file, from 0.
    pub offset: u64,
}

/// One record, lent by a reader until the next one is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// The object, without blanks around it. It is valid JSON.
    pub text: &'a str,
    /// Its fields, as ranges of `text`.
    pub fields: &'a [Field],
    /// Where it begins.
    pub origin: Origin,
    /// The bulk action line before it, for `--type bulk`. A record of a `delete` has an empty `text`.
    pub command: Option<&'a Command>,
    /// Columns of a CSV row that hold a bare `null`, so that they are no fields; `--merge-attributes` writes `null` for them.
    pub nulls: &'a [String],
    /// What of the input it is, before anything is made of it. A bulk line's, and that of a row above 4 MiB, is there only if it
    /// is asked for.
    pub raw: &'a [u8],
}

impl<'a> Record<'a> {
    /// The object that a scanner has just scanned.
    pub fn of(text: &'a str, scanner: &'a Scanner, origin: Origin) -> Record<'a> {
        Record { text, fields: scanner.fields(), origin, raw: text.as_bytes(), ..Record::default() }
    }
}

/// The action line of a bulk file, copied because reading its source may move the window.
#[derive(Clone, Debug)]
pub struct Command {
    /// What the line is called: create, index, update or delete.
    pub op: Op,
    /// The metadata object, valid JSON.
    pub meta: String,
    /// Fields of `meta`.
    pub fields: Vec<Field>,
}

/// What is done to the document that a key names; the first four are what `--on-duplicate` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Op {
    /// Store it; if the key exists, it is an error.
    #[default]
    #[value(name = "error")]
    Create,
    /// Merge it into what is there, or store it.
    #[value(name = "update")]
    Upsert,
    /// Store it in the place of what is there.
    #[value(name = "replace")]
    Index,
    /// Store it; if the key exists, it is ignored.
    #[value(name = "ignore")]
    CreateOrIgnore,
    /// Merge it into what is there; if the key does not exist, store `upsert`, or it is an error.
    #[value(skip)]
    Update,
    /// Remove it; if the key does not exist, it is ignored.
    #[value(skip)]
    Delete,
}

/// Why something is counted as an error: what the report groups by, and the sentence a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The type, in words joined by underscores: `duplicate_key`, or what a server calls it.
    pub kind: Cow<'static, str>,
    /// One sentence, lowercase, without the origin: `duplicate key "A-17"`.
    pub text: String,
}

impl Reason {
    /// Makes a reason.
    pub fn new(kind: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Reason {
        Reason { kind: kind.into(), text: text.into() }
    }

    /// The type, for a test that expects one of our own.
    #[cfg(test)]
    pub(crate) fn word(self) -> &'static str {
        match self.kind {
            Cow::Borrowed(word) => word,
            Cow::Owned(word) => panic!("a server's word: {word}"),
        }
    }
}

/// Something in the input that takes the place of a record and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord<'a> {
    /// Where it begins.
    pub origin: Origin,
    /// What is wrong with it.
    pub reason: Reason,
    /// As of a record; empty if it is too long to be kept.
    pub raw: &'a [u8],
}
