//! What became of one action on the store, and the item with which Elasticsearch would have answered it (contract of the bulk
//! API, 2.2 to 2.4). The store is one shard, and its primary term is always 1.

use crate::record::Reason;
use crate::sink::bulk_api::parse_error;
use crate::sink::{Bucket, ItemDetails};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The primary term of every document: nothing is ever promoted.
pub(super) const PRIMARY_TERM: i64 = 1;

/// What became of one action.
#[derive(Debug)]
pub(super) enum Done {
    /// It was carried out, or there was nothing to do.
    Written(Written),
    /// It was not carried out; the bucket is `Error` or `Ignored`.
    Failed { bucket: Bucket, reason: Reason, error: Option<ItemError> },
}

/// What was carried out.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bucket: Bucket,
    /// The server's word for it: `created`, `updated`, `noop`, `deleted` or `not_found`.
    pub(super) result: &'static str,
    /// The document's version now; -1 where there is no document.
    pub(super) version: i64,
    /// Its sequence number; none where there is no document.
    pub(super) seq: Option<i64>,
    /// What `_source` asked for, a JSON object.
    pub(super) get: Option<String>,
}

/// What an action comes to; the outer result is the database's.
pub(super) type Applied = rusqlite::Result<Done>;

impl Written {
    pub(super) fn created(version: i64, seq: i64) -> Written {
        Written { bucket: Bucket::Created, result: "created", version, seq: Some(seq), get: None }
    }

    pub(super) fn updated(version: i64, seq: i64) -> Written {
        Written { bucket: Bucket::Updated, result: "updated", version, seq: Some(seq), get: None }
    }

    /// An update that changes nothing counts as updated.
    pub(super) fn noop(version: i64, seq: i64) -> Written {
        Written { result: "noop", ..Written::updated(version, seq) }
    }

    fn status(&self) -> u16 {
        match self.result {
            "created" => 201,
            "not_found" => 404,
            _ => 200,
        }
    }
}

impl Done {
    /// A document that the store refuses, in our words alone.
    pub(super) fn refused(reason: Reason) -> Done {
        Done::Failed { bucket: Bucket::Error, reason, error: None }
    }

    pub(super) fn is_created(&self) -> bool {
        matches!(self, Done::Written(Written { bucket: Bucket::Created, .. }))
    }

    /// The item, under the name of its operation.
    pub(super) fn details(&mut self, op: &str, index: &str) -> Box<ItemDetails> {
        let (op, index) = (op.to_owned(), index.to_owned());
        Box::new(match self {
            Done::Written(written) => ItemDetails {
                op,
                index,
                status: written.status(),
                result: Some(written.result.to_owned()),
                version: Some(written.version),
                seq_no: written.seq,
                primary_term: written.seq.map(|_| PRIMARY_TERM),
                error: None,
                get: written.get.take(),
            },
            Done::Failed { error, .. } => ItemDetails {
                op,
                status: error.as_ref().map_or(0, |error| error.status),
                error: error.as_ref().map(|error| error.json(&index)),
                index,
                ..ItemDetails::default()
            },
        })
    }
}

impl From<ItemError> for Done {
    fn from(error: ItemError) -> Done {
        Done::Failed { bucket: Bucket::Error, reason: error.reason(), error: Some(error) }
    }
}

impl From<Result<Written, Reason>> for Done {
    fn from(result: Result<Written, Reason>) -> Done {
        result.map_or_else(Done::refused, Done::Written)
    }
}

/// The error of an item, as the server words it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ItemError {
    status: u16,
    body: Value,
    /// Whether the server adds the name of the index.
    names_index: bool,
}

impl ItemError {
    /// An error with a status, a type and a reason.
    pub(super) fn new(status: u16, kind: &str, reason: impl Into<String>) -> ItemError {
        ItemError { status, body: json!({ "type": kind, "reason": reason.into() }), names_index: false }
    }

    /// An error that the server has written as a whole.
    pub(super) fn of(status: u16, body: Value) -> ItemError {
        ItemError { status, body, names_index: false }
    }

    /// What the server calls an illegal argument.
    pub(super) fn argument(reason: impl Into<String>) -> ItemError {
        ItemError::new(400, "illegal_argument_exception", reason)
    }

    /// A condition that does not hold.
    pub(super) fn conflict(key: &str, why: &str) -> ItemError {
        let reason = format!("[{key}]: version conflict, {why}");
        ItemError { names_index: true, ..ItemError::new(409, "version_conflict_engine_exception", reason) }
    }

    /// A create on a key that has a document of this version.
    pub(super) fn exists(key: &str, version: i64) -> ItemError {
        ItemError::conflict(key, &format!("document already exists (current version [{version}])"))
    }

    /// An update of what is not there.
    pub(super) fn missing(key: &str) -> ItemError {
        let reason = format!("[{key}]: document missing");
        ItemError { names_index: true, ..ItemError::new(404, "document_missing_exception", reason) }
    }

    /// An action on a collection that is not there.
    pub(super) fn no_index(reason: String) -> ItemError {
        ItemError { names_index: true, ..ItemError::new(404, "index_not_found_exception", reason) }
    }

    /// Adds what the error was caused by.
    pub(super) fn caused_by(mut self, kind: &str, reason: &str) -> ItemError {
        self.body["caused_by"] = json!({ "type": kind, "reason": reason });
        self
    }

    /// What the report says: the same words as for a server's error.
    pub(super) fn reason(&self) -> Reason {
        match RawValue::from_string(self.body.to_string()) {
            Ok(raw) => parse_error(&raw).reason(self.status),
            Err(error) => Reason::new("error", error.to_string()),
        }
    }

    fn json(&self, index: &str) -> String {
        if !self.names_index {
            return self.body.to_string();
        }
        let mut body = self.body.clone();
        body["index"] = json!(index);
        body.to_string()
    }
}
