//! Index, create and delete with versions and conditions (contract of the bulk API, 2.4 and 3).

use super::super::apply::Table;
use super::super::item::{Applied, Done, ItemError, PRIMARY_TERM};
use super::super::located::Stored;
use super::meta::{Condition, Meta, VersionType};
use crate::action::Op;
use crate::batch::BatchAction;

/// Carries out an index, a create or a delete.
pub(super) fn apply(table: &mut Table<'_>, line: &BatchAction<'_>, meta: &Meta<'_>) -> Applied {
    let version = given_version(meta);
    if line.op != Op::Delete && meta.condition.seq.is_none() {
        // Nothing can be in the way of a key that is new.
        match table.write_if_new(line.key, version, line.doc)? {
            Ok(None) => {}
            Ok(Some(written)) => {
                table.set_routing(line.key, meta.routing.as_deref())?;
                return Ok(Done::Written(written));
            }
            Err(reason) => return Ok(Done::refused(reason)),
        }
    }
    let stored = table.find(line.key)?;
    let current = match &stored {
        Some(stored) => Some(stored.version),
        None => table.deleted_version(line.key)?,
    };
    if let Some(error) = conflict(line, meta, stored.as_ref(), current) {
        return Ok(error.into());
    }
    if line.op == Op::Delete {
        return Ok(Done::Written(table.remove(line.key, stored.as_ref(), version)?));
    }
    let written = table.write(line.key, stored.as_ref(), version, line.doc)?;
    if written.is_ok() {
        table.set_routing(line.key, meta.routing.as_deref())?;
    }
    Ok(written.into())
}

/// The version of a document with this metadata where its key is new; none if more than that is asked for.
pub(super) fn version_if_new(meta: &Meta<'_>) -> Option<i64> {
    let Meta { routing, condition, pipeline, require_alias, has_empty_index, .. } = meta;
    let is_more =
        condition.seq.is_some() || routing.is_some() || pipeline.is_some() || *require_alias || *has_empty_index;
    (!is_more).then(|| given_version(meta).unwrap_or(1))
}

/// The version that the metadata gives the document.
fn given_version(meta: &Meta<'_>) -> Option<i64> {
    meta.version.filter(|_| meta.version_type != VersionType::Internal)
}

/// Why an action does not go with what is stored; `current` is also the version of what was deleted.
fn conflict(
    line: &BatchAction<'_>,
    meta: &Meta<'_>,
    stored: Option<&Stored>,
    current: Option<i64>,
) -> Option<ItemError> {
    let key = line.key;
    if let Some(error) = unmet(key, meta.condition, stored) {
        return Some(error);
    }
    // -4 is the server's word for the version of what is not there.
    let wants_none = line.op == Op::Create || meta.version == Some(-4);
    if let Some(stored) = stored.filter(|_| wants_none) {
        return Some(ItemError::exists(key, stored.version));
    }
    let (current, given) = (current?, meta.version?);
    let is_higher = match meta.version_type {
        VersionType::Internal => None,
        VersionType::External => (current >= given).then_some("higher or equal to"),
        VersionType::ExternalGte => (current > given).then_some("higher than"),
    };
    let than = is_higher?;
    Some(ItemError::conflict(key, &format!("current version [{current}] is {than} the one provided [{given}]")))
}

/// Why a condition on the sequence number does not hold.
pub(super) fn unmet(key: &str, condition: Condition, stored: Option<&Stored>) -> Option<ItemError> {
    let Condition { seq: Some(seq), term } = condition else { return None };
    let required = format!("required seqNo [{seq}], primary term [{term}].");
    let Some(stored) = stored else {
        return Some(ItemError::conflict(key, &format!("{required} but no document was found")));
    };
    let is_met = stored.seq == seq && term == PRIMARY_TERM;
    (!is_met).then(|| {
        let current = format!("current document has seqNo [{}] and primary term [{PRIMARY_TERM}]", stored.seq);
        ItemError::conflict(key, &format!("{required} {current}"))
    })
}
