//! One item of an answer: what became of one action (contract of the bulk API, 2.2 to 2.4).

use super::{is_conditional, verb};
use crate::action::Op;
use crate::batch::BatchAction;
use crate::record::Reason;
use crate::sink::ItemDetails;
use crate::sink::remote::ItemOutcome;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// The fields of an item that are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sink) struct Item<'a> {
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

/// An item under the name of the action that was carried out.
#[derive(Debug, Deserialize)]
#[serde(try_from = "HashMap<Cow<'a, str>, Item<'a>>")]
pub(in crate::sink) struct Named<'a> {
    pub(in crate::sink) op: Cow<'a, str>,
    #[serde(borrow)]
    pub(in crate::sink) item: Item<'a>,
}

impl<'a> TryFrom<HashMap<Cow<'a, str>, Item<'a>>> for Named<'a> {
    type Error = &'static str;

    fn try_from(fields: HashMap<Cow<'a, str>, Item<'a>>) -> Result<Self, Self::Error> {
        let mut fields = fields.into_iter();
        match (fields.next(), fields.next()) {
            (Some((op, item)), None) => Ok(Named { op, item }),
            _ => Err("an item is an object with one field, named like an action"),
        }
    }
}

/// A server's error: an object, or for the simplest ones a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sink) struct ServerError<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::sink) kind: Option<Cow<'a, str>>,
    pub(in crate::sink) reason: Option<Cow<'a, str>>,
    caused_by: Option<Box<ServerError<'a>>>,
}

/// Characters of a reason that are shown.
const SAID: usize = 300;

impl ServerError<'_> {
    /// What it says, with its causes: `mapper_parsing_exception: failed to parse ...: For input string: "abc"`.
    pub(in crate::sink) fn reason(&self, status: u16) -> Reason {
        let Some(kind) = self.kind.as_deref() else {
            return Reason::new("error", format!("HTTP {status}: {}", self.said()));
        };
        let mut text = format!("{kind}: {}", self.said());
        let causes = std::iter::successors(self.caused_by.as_deref(), |cause| cause.caused_by.as_deref());
        for cause in causes.filter(|cause| cause.reason.is_some()) {
            let said = cause.said();
            if !text.contains(&said) {
                text.push_str(&format!("; caused by: {said}"));
            }
        }
        Reason::new(kind.to_owned(), text)
    }

    /// Its reason on one line, and no longer than a person reads: some quote a whole document.
    fn said(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("no reason given");
        let mut line: String = reason.split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = line.char_indices().nth(SAID) {
            line.truncate(end);
            line.push('…');
        }
        line
    }

    /// Whether it, or one of its causes, says these words.
    fn mentions(&self, words: &str) -> bool {
        let here = self.reason.as_deref().is_some_and(|reason| reason.contains(words));
        here || self.caused_by.as_deref().is_some_and(|cause| cause.mentions(words))
    }

    /// Its type; empty where there is none.
    pub(in crate::sink) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }
}

/// Reads an error, whatever its form.
pub(in crate::sink) fn error_of(raw: &RawValue) -> ServerError<'_> {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| {
        let text: String = serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        ServerError { reason: Some(Cow::Owned(text)), ..ServerError::default() }
    })
}

impl Named<'_> {
    /// Whether this can be the answer to an action of this kind. `index` with `op_type` answers as `create`.
    pub(in crate::sink) fn answers(&self, op: Op) -> bool {
        self.op == verb(op)
    }

    /// Whether it is the answer to an action on this key.
    pub(in crate::sink) fn fits(&self, (key, op): (&str, Op)) -> bool {
        self.item.id.as_deref() == Some(key) && self.answers(op)
    }

    /// Whether it can lie in the collection that its action names; an action without one goes to the run's own.
    pub(in crate::sink) fn may_lie_in(&self, collection: &str) -> bool {
        collection.is_empty() || self.item.index.as_deref().is_none_or(|index| index == collection)
    }

    /// What it says of an action; the whole of it is needed for a failure only.
    pub(in crate::sink) fn outcome<'b>(&self, op: Op, action: &dyn Fn() -> BatchAction<'b>) -> ItemOutcome {
        let item = &self.item;
        if let Some(raw) = item.error {
            return failed(&error_of(raw), item.status, &action());
        }
        if item.failure_store.as_deref() == Some("used") {
            let text = "failure_store: the server could not store it, and put it into its failure store";
            return ItemOutcome::Rejected(Reason::new("failure_store", text));
        }
        let result = item.result.as_deref().unwrap_or_default();
        match (result, item.status) {
            ("created", 200..=299) if op != Op::Delete => ItemOutcome::Created,
            ("updated", 200..=299) if matches!(op, Op::Index | Op::Update | Op::Upsert) => ItemOutcome::Updated,
            ("deleted", 200..=299) if matches!(op, Op::Delete | Op::Update) => ItemOutcome::Deleted,
            ("not_found", 404) if op == Op::Delete => ItemOutcome::NotFound,
            // A scripted upsert that declines has no version.
            ("noop", 200..=299) if op == Op::Update && item.version == Some(-1) => ItemOutcome::Ignored,
            ("noop", 200..=299) if matches!(op, Op::Update | Op::Upsert) => ItemOutcome::Unchanged,
            ("noop", 200..=299) if op != Op::Delete => {
                let text = "dropped_by_pipeline: an ingest pipeline dropped the document";
                ItemOutcome::Rejected(Reason::new("dropped_by_pipeline", text))
            }
            _ => ItemOutcome::Unclear(format!("unexpected status {} with result {result:?}", item.status)),
        }
    }

    /// How it is shown.
    pub(in crate::sink) fn shown(&self) -> Box<ItemDetails> {
        let item = &self.item;
        Box::new(ItemDetails {
            op: self.op.clone().into_owned(),
            index: item.index.as_deref().unwrap_or_default().to_owned(),
            status: item.status,
            result: item.result.as_deref().map(str::to_owned),
            version: item.version,
            seq_no: item.seq_no,
            primary_term: item.primary_term,
            error: item.error.map(|raw| raw.get().to_owned()),
            get: item.get.map(|raw| raw.get().to_owned()),
        })
    }
}

/// What a failed item means. The type of an error says more than its status.
pub(in crate::sink) fn failed(error: &ServerError<'_>, status: u16, action: &BatchAction<'_>) -> ItemOutcome {
    let reason = error.reason(status);
    match (error.kind(), status) {
        ("cluster_block_exception", 403 | 429) => ItemOutcome::Closed(blocked(&reason.text)),
        ("security_exception", 401 | 403) => ItemOutcome::Closed(forbidden(&reason.text)),
        ("version_conflict_engine_exception", 409) => match action.op {
            _ if is_conditional(action) => ItemOutcome::Conflict(reason),
            Op::Create | Op::CreateOrIgnore => ItemOutcome::Exists,
            // Without a condition of ours somebody else wrote at the same time.
            _ => ItemOutcome::Busy(reason.text),
        },
        // An update cannot merge into a document whose source is not kept: perhaps into one that a lost try has stored.
        ("document_source_missing_exception", _) => ItemOutcome::Conflict(reason),
        (_, 429 | 503) => ItemOutcome::Busy(reason.text),
        _ if RACES.iter().any(|words| error.mentions(words)) => ItemOutcome::Raced(reason),
        _ => ItemOutcome::Rejected(reason),
    }
}

/// What a server answers when two requests added the same new field at once, as values of two types: it merges mappings, and
/// refuses the second. The same words come for two types within one document, and nothing tells these apart.
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
    // The master had other things to do: the mapping may be there by now.
    "timed out while waiting for a dynamic mapping update",
];

/// What an operator has to do about a block.
pub(in crate::sink) fn blocked(reason: &str) -> String {
    let advice = if reason.contains("flood-stage") || reason.contains("read-only-allow-delete") {
        "the server's disk is full: free space there, then remove the block \
         (PUT /INDEX/_settings {\"index.blocks.read_only_allow_delete\":null})"
    } else {
        "writing is blocked: remove the block (PUT /INDEX/_settings {\"index.blocks.write\":null}, or its cause)"
    };
    format!("{}; {advice}, and run again", reason.trim_end_matches(';'))
}

/// What an operator has to do about missing rights.
pub(in crate::sink) fn forbidden(reason: &str) -> String {
    format!("{reason}; the user needs the right to write (index, create, delete) to this index")
}
