//! Bulk lines that log more than a key and a document: what Elasticsearch does with them, the store does (contract of the bulk
//! API, 1.5, 1.6 and 3). An item is read, checked and carried out, each of which can end it with the server's error; what a
//! server refuses as a whole request is here an error of the item that is to blame.

mod check;
mod fetch;
mod filter;
mod meta;
mod payload;
mod scripts;
mod update;
mod values;
mod write;

use super::apply::Table;
use super::item::{Applied, ItemError};
use crate::action::{Action, Op};
use crate::batch::{BatchAction, Encode};
use crate::json::Scanner;
use crate::record::Reason;
use meta::Meta;
use payload::Payload;
use scripts::Scripts;
use std::ops::Range;

/// What one line after the other uses.
#[derive(Debug, Default)]
pub(super) struct Memory {
    scanner: Scanner,
    scripts: Scripts,
}

/// The form in which actions reach the store: documents, and before that of a bulk line its metadata.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineForm;

impl Encode for LineForm {
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        text.push_str(action.meta);
        let start = text.len();
        text.push_str(action.doc);
        start..text.len()
    }
}

/// A line that a server would let through to its documents.
struct Checked<'a> {
    meta: Meta<'a>,
    /// Of an update.
    payload: Option<Payload<'a>>,
}

impl<'a> Checked<'a> {
    /// Reads and checks a line: its operation, its metadata, its source line and its number.
    fn read(
        op: Op,
        head: &'a str,
        source: &'a str,
        number: u64,
        scanner: &mut Scanner,
    ) -> Result<Checked<'a>, ItemError> {
        let meta = Meta::read(head, number, scanner)?;
        if op != Op::Update {
            return check::written(op, &meta).map_or(Ok(Checked { meta, payload: None }), Err);
        }
        if let Some(error) = check::versioned_update(&meta) {
            return Err(error);
        }
        let payload = Payload::read(source, &meta, scanner)?;
        match check::update(&meta, &payload) {
            Some(error) => Err(error),
            None => Ok(Checked { meta, payload: Some(payload) }),
        }
    }
}

/// What a server finds wrong with a line before it looks at any document.
pub(super) fn fault(op: Op, head: &str, source: &str, number: u64) -> Option<Reason> {
    Checked::read(op, head, source, number, &mut Scanner::default()).err().map(|error| error.reason())
}

/// Carries out a bulk line; `number` is that of its action line in its file.
pub(super) fn apply(table: &mut Table<'_>, line: &BatchAction<'_>, number: u64, memory: &mut Memory) -> Applied {
    let Checked { meta, payload } = match Checked::read(line.op, line.head, line.doc, number, &mut memory.scanner) {
        Ok(checked) => checked,
        Err(error) => return Ok(error.into()),
    };
    if let Some(error) = refused_here(table, line, &meta) {
        return Ok(error.into());
    }
    match payload {
        Some(payload) => update::apply(table, line, &meta, &payload, &mut memory.scripts),
        None => write::apply(table, line, &meta),
    }
}

/// The version that a line writes if its key is new, provided that writing is then all that it does.
pub(super) fn version_if_new(line: &BatchAction<'_>, number: u64, memory: &mut Memory) -> Option<i64> {
    if !matches!(line.op, Op::Index | Op::Create) {
        return None;
    }
    let Checked { meta, .. } = Checked::read(line.op, line.head, line.doc, number, &mut memory.scanner).ok()?;
    write::version_if_new(&meta)
}

/// What a store does not have: aliases, pipelines, and a collection without a name.
fn refused_here(table: &Table<'_>, line: &BatchAction<'_>, meta: &Meta<'_>) -> Option<ItemError> {
    if meta.has_empty_index {
        let error = ItemError::new(400, "invalid_index_name_exception", "Invalid index name [], must not be empty");
        return Some(if line.op == Op::Delete { ItemError::no_index("no such index []".to_owned()) } else { error });
    }
    if meta.require_alias && line.op != Op::Delete {
        let name = table.name();
        return Some(ItemError::no_index(format!(
            "no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias"
        )));
    }
    let pipeline = meta.pipeline.as_deref().filter(|_| matches!(line.op, Op::Index | Op::Create))?;
    (pipeline != "_none").then(|| ItemError::argument(format!("pipeline with id [{pipeline}] does not exist")))
}
