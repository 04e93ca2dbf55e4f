//! One item of a response: the outcome of one action (contract of the bulk API, 2.2 to 2.4).

use super::server_error::{ServerError, parse_error};
use super::{is_conditional, unwritable, verb};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::record::Reason;
use crate::sink::ItemDetails;
use crate::sink::remote::ItemOutcome;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The fields of an item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sink) struct ItemBody<'a> {
    #[serde(borrow, rename = "_index")]
    pub(in crate::sink) index: Option<Cow<'a, str>>,
    #[serde(rename = "_id")]
    pub(in crate::sink) id: Option<Cow<'a, str>>,
    #[serde(rename = "_version")]
    pub(in crate::sink) version: Option<i64>,
    #[serde(rename = "_seq_no")]
    pub(in crate::sink) seq_no: Option<i64>,
    #[serde(rename = "_primary_term")]
    pub(in crate::sink) primary_term: Option<i64>,
    pub(in crate::sink) result: Option<Cow<'a, str>>,
    pub(in crate::sink) status: u16,
    pub(in crate::sink) error: Option<&'a RawValue>,
    pub(in crate::sink) failure_store: Option<Cow<'a, str>>,
    pub(in crate::sink) get: Option<&'a RawValue>,
}

/// An item under the name of its operation.
#[derive(Debug)]
pub(in crate::sink) struct ResponseItem<'a> {
    pub(in crate::sink) op: Cow<'a, str>,
    pub(in crate::sink) body: ItemBody<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ResponseItem<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneField)
    }
}

/// Reads an item. A second field, even of the same name, makes it ambiguous.
struct OneField;

/// A name that needs no memory of its own unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for OneField {
    type Value = ResponseItem<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one field, named like an action")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let item: Option<(Name<'de>, ItemBody<'de>)> = fields.next_entry()?;
        match (item, fields.next_key::<Name<'de>>()?) {
            (Some((Name(op), body)), None) => Ok(ResponseItem { op, body }),
            _ => Err(A::Error::custom("an item has exactly one field")),
        }
    }
}

impl ItemBody<'_> {
    /// Whether it reports a success and an error at once.
    pub(in crate::sink) fn contradicts_itself(&self) -> bool {
        self.error.is_some() && (self.result.is_some() || (200..300).contains(&self.status))
    }
}

impl ResponseItem<'_> {
    /// Whether this can be the item of such an action. An `index` with `op_type` comes back as `create`.
    pub(in crate::sink) fn has_op(&self, op: Op) -> bool {
        self.op == verb(op)
    }

    /// Whether it is the item of an action on this key. One without a key gets any.
    pub(in crate::sink) fn matches(&self, (key, op): (&str, Op)) -> bool {
        (self.body.id.as_deref() == Some(key) || key.is_empty()) && self.has_op(op)
    }

    /// Whether it can be in the collection that its action names. An action without one goes to that of the run.
    pub(in crate::sink) fn may_be_in(&self, collection: &str) -> bool {
        collection.is_empty() || self.body.index.as_deref().is_none_or(|index| index == collection)
    }

    /// The outcome of its action. The action itself is needed only for a failure.
    pub(in crate::sink) fn outcome<'b>(&self, op: Op, action: &dyn Fn() -> BatchAction<'b>) -> ItemOutcome {
        let body = &self.body;
        if let Some(raw) = body.error {
            return failure(&parse_error(raw), body.status, &action());
        }
        if body.failure_store.as_deref() == Some("used") {
            let text = "failure_store: the server could not store it, and put it into its failure store";
            return ItemOutcome::Rejected(Reason::new("failure_store", text));
        }
        let result = body.result.as_deref().unwrap_or_default();
        match (result, body.status) {
            ("created", 200..=299) if op != Op::Delete => ItemOutcome::Created,
            ("updated", 200..=299) if matches!(op, Op::Index | Op::Update | Op::Upsert) => ItemOutcome::Updated,
            ("deleted", 200..=299) if matches!(op, Op::Delete | Op::Update) => ItemOutcome::Deleted,
            ("not_found", 404) if op == Op::Delete => ItemOutcome::NotFound,
            // A scripted upsert that declines has no version.
            ("noop", 200..=299) if op == Op::Update && body.version == Some(-1) => ItemOutcome::Ignored,
            ("noop", 200..=299) if matches!(op, Op::Update | Op::Upsert) => ItemOutcome::Unchanged,
            ("noop", 200..=299) if op != Op::Delete => {
                let text = "dropped_by_pipeline: an ingest pipeline dropped the document";
                ItemOutcome::Rejected(Reason::new("dropped_by_pipeline", text))
            }
            _ => ItemOutcome::Unclear(format!("unexpected status {} with result {result:?}", body.status)),
        }
    }

    /// What `--results` shows of it.
    pub(in crate::sink) fn details(&self) -> Box<ItemDetails> {
        let body = &self.body;
        Box::new(ItemDetails {
            op: self.op.clone().into_owned(),
            index: body.index.as_deref().unwrap_or_default().to_owned(),
            status: body.status,
            result: body.result.as_deref().map(str::to_owned),
            version: body.version,
            seq_no: body.seq_no,
            primary_term: body.primary_term,
            error: body.error.map(|raw| raw.get().to_owned()),
            get: body.get.map(|raw| raw.get().to_owned()),
        })
    }
}

/// The outcome of a failed item. The type of an error tells more than its status.
pub(in crate::sink) fn failure(error: &ServerError<'_>, status: u16, action: &BatchAction<'_>) -> ItemOutcome {
    if let Some(found) = unwritable(error, status, Some(action)) {
        return ItemOutcome::Unwritable(found);
    }
    let reason = error.reason(status);
    match (error.kind(), status) {
        ("version_conflict_engine_exception", 409) => match action.op {
            _ if is_conditional(action) => ItemOutcome::Conflict(reason),
            Op::Create | Op::CreateOrIgnore => ItemOutcome::Exists,
            // The action has no condition, so somebody else wrote at the same time.
            _ => ItemOutcome::Busy(reason.text),
        },
        // An update cannot merge into a document without a source, which an earlier try may have stored.
        ("document_source_missing_exception", _) => ItemOutcome::Conflict(reason),
        (_, 429 | 503) => ItemOutcome::Busy(reason.text),
        _ if error.mentions(NO_IDS) => {
            ItemOutcome::Rejected(Reason { hint: Some("`--server-keys` leaves the keys to the server"), ..reason })
        }
        _ if RACES.iter().any(|words| error.mentions(words)) => ItemOutcome::Raced(reason),
        _ => ItemOutcome::Rejected(reason),
    }
}

/// Errors when two requests add the same new field with different types at once: the server refuses the second mapping. Two
/// types within one document give the same errors, and nothing distinguishes them.
const RACES: [&str; 6] = [
    // mapper [price] cannot be changed from type [float] to [long]
    "cannot be changed from type [",
    // Mapper for [day] conflicts with existing mapper: Cannot update parameter [format] ...
    "conflicts with existing mapp",
    // can't merge a non object mapping [x] with an object mapping
    "can't merge a non",
    // object mapping [x] can't be changed from nested to non-nested
    "can't be changed from ",
    // mapper [price] of different type, current_type [float], merged_type [long]: Elasticsearch up to 7.7
    "of different type, current_type [",
    // The master node was busy; the mapping may exist by now.
    "timed out while waiting for a dynamic mapping update",
];

/// The error of a serverless collection of time series or vectors, which makes its own ids
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-overview.html>).
const NO_IDS: &str = "Document ID is not supported";
