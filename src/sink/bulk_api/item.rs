//! One item of a response: the outcome of one action (contract of the bulk API, 2.2 to 2.4).

use super::{is_conditional, verb};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::mask::mask;
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

/// A server's error: an object, or just a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sink) struct ServerError<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::sink) kind: Option<Cow<'a, str>>,
    pub(in crate::sink) reason: Option<Cow<'a, str>>,
    caused_by: Option<Box<ServerError<'a>>>,
}

/// Maximum characters of a reason that are shown.
const MAX_REASON: usize = 300;

impl ServerError<'_> {
    /// The error with its causes: `mapper_parsing_exception: failed to parse ...: For input string: "abc"`.
    pub(in crate::sink) fn reason(&self, status: u16) -> Reason {
        let Some(kind) = self.kind.as_deref() else {
            return Reason::new("error", format!("HTTP {status}: {}", self.short_reason()));
        };
        let mut text = format!("{kind}: {}", self.short_reason());
        let causes = std::iter::successors(self.caused_by.as_deref(), |cause| cause.caused_by.as_deref());
        for cause in causes.filter(|cause| cause.reason.is_some()) {
            let reason = cause.short_reason();
            if !text.contains(&reason) {
                text.push_str(&format!("; caused by: {reason}"));
            }
        }
        Reason::new(kind.to_owned(), text)
    }

    /// The reason on one line. It is cut, because some quote a whole document, and further if a cause follows.
    fn short_reason(&self) -> String {
        // A part of a secret would no longer be recognized.
        let reason = mask(self.reason.as_deref().unwrap_or("no reason given")).replace(['\n', '\r'], " ");
        let max = if self.caused_by.is_some() { MAX_REASON / 2 } else { MAX_REASON };
        match reason.char_indices().nth(max) {
            Some((end, _)) => format!("{}…", &reason[..end]),
            None => reason,
        }
    }

    /// Whether the error, or one of its causes, has these words.
    fn mentions(&self, words: &str) -> bool {
        let here = self.reason.as_deref().is_some_and(|reason| reason.contains(words));
        here || self.caused_by.as_deref().is_some_and(|cause| cause.mentions(words))
    }

    /// The type; empty if there is none.
    pub(in crate::sink) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }
}

/// Parses an error in any form.
pub(in crate::sink) fn parse_error(raw: &RawValue) -> ServerError<'_> {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| {
        let text: String = serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        ServerError { reason: Some(Cow::Owned(text)), ..ServerError::default() }
    })
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
    let reason = error.reason(status);
    match (error.kind(), status) {
        ("cluster_block_exception", 403 | 429) => ItemOutcome::Fatal(blocked(&reason.text)),
        ("security_exception", 401 | 403) => ItemOutcome::Fatal(forbidden(&reason.text)),
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

/// The message for a block, with what an operator has to do.
pub(in crate::sink) fn blocked(reason: &str) -> String {
    let advice = if reason.contains("flood-stage") || reason.contains("read-only-allow-delete") {
        "the server's disk is full: free space there, then remove the block \
         (PUT /INDEX/_settings {\"index.blocks.read_only_allow_delete\":null})"
    } else {
        "writing is blocked: remove the block (PUT /INDEX/_settings {\"index.blocks.write\":null}, or its cause)"
    };
    format!("{}; {advice}, and run again", reason.trim_end_matches(';'))
}

/// The message for missing rights.
pub(in crate::sink) fn forbidden(reason: &str) -> String {
    format!("{reason}; the user needs the right to write (index, create, delete) to this index")
}
