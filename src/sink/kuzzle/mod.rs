//! Kuzzle: `bulk:import` as a [`Protocol`], and what is done before a load.
//! Kuzzle stores in Elasticsearch and adds `_kuzzle_info`, so actions and their outcomes are those of the bulk API. What
//! surprises: its answers are two lists without places, so a batch holds each key once, and items are matched by key.

mod answer;
mod open;
mod read_back;
mod rules;
mod target;

pub use target::Kuzzle;

use super::ItemDetails;
use super::bulk_api::{self, has_routing, kept_by, push_action, push_upsert, verb};
use super::http::{Call, Method, Reply};
use super::remote::destination::Location;
use super::remote::{Answer, Group, Kept, Protocol, Stored, escaped, push_document};
use super::wanted::Wanted;
use crate::action::{Action, Op};
use crate::batch::{BatchAction, Encode};
use serde_json::{Value, json};
use std::ops::Range;

/// What all requests of a run have in common.
#[derive(Clone, Debug)]
pub struct Import {
    /// The index that the address names.
    pub index: String,
    /// `-c`.
    pub collection: String,
    /// `--refresh wait_for`.
    pub waits_for_refresh: bool,
    /// `--retry-on-conflict`, for updates.
    pub retry_on_conflict: Option<u32>,
}

impl Import {
    fn new(wanted: &Wanted) -> Import {
        Import {
            index: wanted.servers().find_map(|server| server.within.clone()).unwrap_or_default(),
            collection: wanted.collection.clone().unwrap_or_default(),
            waits_for_refresh: wanted.indexing.refresh.as_deref() == Some("wait_for"),
            retry_on_conflict: wanted.indexing.retry_on_conflict,
        }
    }

    /// The collection as a path.
    fn path(&self, behind: &str) -> String {
        format!("/{}/{}{behind}", escaped(&self.index), escaped(&self.collection))
    }

    /// The collection for a person.
    fn place(&self) -> String {
        format!("{}/{}", self.index, self.collection)
    }
}

/// One JSON object with one array, an action and its source in turn (contract of Kuzzle, 1.4). Documents are copied byte for
/// byte; only one that Kuzzle would take for an action has its fields put in another order.
impl Encode for Import {
    /// Writes an action and its source, each with a comma behind it.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        push_action(action, self.retry_on_conflict, text);
        text.push(',');
        let mut doc = match action.op {
            Op::Delete => return text.len()..text.len(),
            Op::Upsert => push_upsert(action, text),
            _ => push_document(action, text),
        };
        if !matches!(action.op, Op::Upsert | Op::Update)
            && let Some(other) = rules::no_action(&text[doc.clone()])
        {
            text.replace_range(doc.clone(), &other);
            doc.end = text.len();
        }
        text.push(',');
        doc
    }
}

impl Protocol for Import {
    fn request(&self, group: Group<'_>, opaque: String) -> Call {
        let text = group.text();
        // An array has no comma behind its last element.
        let inside = text.strip_suffix(b",").unwrap_or(&text);
        let body = [b"{\"bulkData\":[", inside, b"]}"].concat();
        // What failed comes back whole, written anew.
        let most = (16 << 20) + 3 * body.len() + group.len() * (4 << 10);
        let path = self.path(if self.waits_for_refresh { "/_bulk?refresh=wait_for" } else { "/_bulk" });
        Call { opaque: Some(opaque), most: Some(most), ..Call::json(Method::POST, path, body) }
    }

    fn answer(&self, group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
        answer::read(self, group, reply, detail)
    }

    fn is_idempotent(&self, action: &BatchAction<'_>) -> bool {
        bulk_api::is_idempotent(action)
    }

    fn is_idempotent_in_sequence(&self, action: &BatchAction<'_>) -> bool {
        bulk_api::is_idempotent_in_sequence(action)
    }

    fn is_routed(&self, action: &BatchAction<'_>) -> bool {
        has_routing(action.head)
    }

    fn shown(&self, action: &BatchAction<'_>) -> ItemDetails {
        ItemDetails { op: verb(action.op).to_owned(), index: self.place(), ..ItemDetails::default() }
    }

    fn read_back(&self, group: Group<'_>, _: &[Location]) -> Call {
        let ids: Vec<&str> = (0..group.len()).map(|place| group.key(place).0).collect();
        Call::json(Method::POST, self.path("/_mGet"), json!({ "ids": ids }).to_string())
    }

    fn compare(&self, group: Group<'_>, reply: &Reply) -> Option<Vec<Stored>> {
        read_back::compare(group, reply)
    }

    fn ask_kept(&self, _: Group<'_>, _: &[Location]) -> Call {
        Call::get(self.path("/_settings"))
    }

    /// Whether the collection keeps documents as they were sent, by its settings: an ingest pipeline may change them, and the
    /// storage may make `_source` from its fields. Kuzzle refuses a mapping that filters `_source`. What cannot be read may do
    /// anything.
    fn kept(&self, _: &str, reply: &Reply) -> Kept {
        let body: Option<Value> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success());
        let Some(settings) = body.as_ref().and_then(|body| body.get("result")).filter(|settings| settings.is_object())
        else {
            return Kept::Changed(format!("{} when asked for the settings of the collection", reply.status_line()));
        };
        match kept_by(&json!({ "settings": { "index": settings } })) {
            Kept::InPart(_) => Kept::InPart("its storage leaves out parts of documents".to_owned()),
            other => other,
        }
    }
}
