//! What Elasticsearch finds wrong with a request before it looks at any document: `validate` of its index, delete and update
//! requests (contract of the bulk API, 1.7). There it costs the whole bulk, here the item.

use super::super::item::ItemError;
use super::meta::{Meta, VersionType};
use super::payload::Payload;
use crate::action::Op;

/// The texts of several faults in one, as the server numbers them.
fn failed(faults: &[String]) -> Option<ItemError> {
    if faults.is_empty() {
        return None;
    }
    let mut reason = "Validation Failed: ".to_owned();
    for (at, fault) in faults.iter().enumerate() {
        reason.push_str(&format!("{}: {fault};", at + 1));
    }
    Some(ItemError::new(400, "action_request_validation_exception", reason))
}

/// What is wrong with an index, a create or a delete.
pub(super) fn written(op: Op, meta: &Meta<'_>) -> Option<ItemError> {
    let is_create = op == Op::Create;
    if is_create {
        let fault = if meta.version_type != VersionType::Internal {
            "create operations only support internal versioning. use index instead"
        } else if meta.version.is_some_and(|version| !matches!(version, -3 | -4)) {
            "create operations do not support explicit versions. use index instead"
        } else if meta.condition.seq.is_some() || meta.condition.term != 0 {
            "create operations do not support compare and set. use index instead"
        } else {
            ""
        };
        if !fault.is_empty() {
            return failed(&[fault.to_owned()]);
        }
    }
    let mut faults = Vec::new();
    conditions(meta, meta.condition.seq, meta.condition.term, &mut faults);
    if op != Op::Delete && meta.pipeline.as_deref() == Some("") {
        faults.push("pipeline cannot be an empty string".to_owned());
    }
    failed(&faults)
}

/// What is wrong with versions and conditions. -3 and -4 are the server's words for any version and for none.
fn conditions(meta: &Meta<'_>, seq: Option<i64>, term: i64, faults: &mut Vec<String>) {
    let version = meta.version.unwrap_or(-3);
    let is_internal = meta.version_type == VersionType::Internal;
    let is_legal = if is_internal { version > 0 || matches!(version, -3 | -4) } else { version >= 0 };
    if !is_legal {
        let name = meta.version_type.name();
        faults.push(format!("illegal version value [{version}] for version type [{name}]"));
    }
    if is_internal && !matches!(version, -3 | -4) {
        faults.push(
            "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead"
                .to_owned(),
        );
    }
    if seq.is_some() && !(is_internal && version == -3) {
        faults.push("compare and write operations can not use versioning".to_owned());
    }
    match seq {
        Some(_) if term == 0 => faults.push("ifSeqNo is set, but primary term is [0]".to_owned()),
        None if term != 0 => faults.push(format!("ifSeqNo is unassigned, but primary term is [{term}]")),
        _ => {}
    }
}

/// Updates have no versions.
pub(super) fn versioned_update(meta: &Meta<'_>) -> Option<ItemError> {
    let is_versioned = meta.version_type != VersionType::Internal || meta.version.is_some_and(|version| version != -3);
    is_versioned.then(|| {
        ItemError::argument(
            "Update requests do not support versioning. Please use `if_seq_no` and `if_primary_term` instead",
        )
    })
}

/// What is wrong with an update.
pub(super) fn update(meta: &Meta<'_>, payload: &Payload<'_>) -> Option<ItemError> {
    let mut faults = Vec::new();
    conditions(meta, payload.condition.seq, payload.condition.term, &mut faults);
    let mut add = |is_wrong: bool, fault: &str| {
        if is_wrong {
            faults.push(fault.to_owned());
        }
    };
    if payload.condition.seq.is_some() {
        add(meta.retries > 0, "compare and write operations can not be retried");
        add(payload.doc_as_upsert, "compare and write operations can not be used with upsert");
        add(payload.upsert.is_some(), "upsert requests don't support `if_seq_no` and `if_primary_term`");
    }
    let (has_script, has_doc) = (payload.script.is_some(), payload.doc.is_some());
    add(!has_script && !has_doc, "script or doc is missing");
    add(has_script && has_doc, "can't provide both script and doc");
    add(!has_doc && payload.doc_as_upsert, "doc must be specified if doc_as_upsert is enabled");
    failed(&faults)
}
