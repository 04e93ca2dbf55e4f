//! Bulk lines that say more than a key and a document: what Elasticsearch does with them, the store does (contract of the bulk
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

pub(super) use scripts::Scripts as Memory;

use super::apply::Table;
use super::item::{Applied, Done, ItemError};
use crate::action::{Action, Op};
use crate::batch::{BatchAction, Encode};
use crate::json::Scanner;
use meta::Meta;
use payload::Payload;
use std::ops::Range;

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

/// Carries out a bulk line; `number` is that of its action line in its file.
pub(super) fn apply(table: &mut Table<'_>, line: &BatchAction<'_>, number: u64, memory: &mut Memory) -> Applied {
    let mut scanner = Scanner::default();
    let meta = match Meta::read(line.head, number, &mut scanner) {
        Ok(meta) => meta,
        Err(error) => return Ok(error.into()),
    };
    if line.op != Op::Update {
        let refused = check::written(line.op, &meta).or_else(|| refused_here(table, line, &meta));
        return refused.map_or_else(|| write::apply(table, line, &meta), |error| Ok(Done::from(error)));
    }
    if let Some(error) = check::versioned_update(&meta) {
        return Ok(error.into());
    }
    let payload = match Payload::read(line.doc, &meta, &mut scanner) {
        Ok(payload) => payload,
        Err(error) => return Ok(error.into()),
    };
    let refused = check::update(&meta, &payload).or_else(|| refused_here(table, line, &meta));
    refused.map_or_else(|| update::apply(table, line, &meta, &payload, memory), |error| Ok(Done::from(error)))
}

/// What a store does not have: aliases and pipelines.
fn refused_here(table: &Table<'_>, line: &BatchAction<'_>, meta: &Meta<'_>) -> Option<ItemError> {
    if meta.require_alias && line.op != Op::Delete {
        let name = table.name();
        return Some(ItemError::no_index(format!(
            "no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias"
        )));
    }
    let pipeline = meta.pipeline.as_deref().filter(|_| matches!(line.op, Op::Index | Op::Create))?;
    (pipeline != "_none").then(|| ItemError::argument(format!("pipeline with id [{pipeline}] does not exist")))
}
