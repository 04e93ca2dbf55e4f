//! Kuzzle: `bulk:import` as a [`Protocol`], and the steps before a load.
//! Kuzzle stores in Elasticsearch and adds `_kuzzle_info`, so actions and their outcomes are those of the bulk API. Its
//! responses are two lists without an order, so a batch holds each key once, and items are matched by key.

mod answer;
mod open;
mod read_back;
mod rules;
mod target;

pub use target::Kuzzle;

use super::ItemDetails;
use super::bulk_api::{self, has_routing, push_action, push_upsert, source_fidelity, verb};
use super::http::{Method, Request, Response};
use super::remote::destination::Location;
use super::remote::{Fidelity, Group, Protocol, StoredDoc, Verdict, escaped, push_document};
use super::wanted::Wanted;
use crate::action::{Action, Op};
use crate::batch::{BatchAction, Encode};
use serde_json::{Value, json};
use std::ops::Range;

/// The import API, with what all requests of a run have in common.
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
            index: wanted.servers().find_map(|server| server.namespace.clone()).unwrap_or_default(),
            collection: wanted.collection.clone().unwrap_or_default(),
            waits_for_refresh: wanted.indexing.refresh.as_deref() == Some("wait_for"),
            retry_on_conflict: wanted.indexing.retry_on_conflict,
        }
    }

    /// The path of the collection, with a suffix.
    fn path(&self, suffix: &str) -> String {
        format!("/{}/{}{suffix}", escaped(&self.index), escaped(&self.collection))
    }

    /// The index and the collection in messages.
    fn name(&self) -> String {
        format!("{}/{}", self.index, self.collection)
    }
}

/// A JSON object with an array of actions and sources in turn (contract of Kuzzle, 1.4). Documents are copied byte for
/// byte. Only if Kuzzle would take one for an action, its fields are reordered.
impl Encode for Import {
    /// Writes an action and its source, each with a comma after it.
    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        push_action(action, self.retry_on_conflict, text);
        text.push(',');
        let mut doc = match action.op {
            Op::Delete => return text.len()..text.len(),
            Op::Upsert => push_upsert(action, text),
            _ => push_document(action, text),
        };
        if !matches!(action.op, Op::Upsert | Op::Update)
            && let Some(other) = rules::reorder_action_fields(&text[doc.clone()])
        {
            text.replace_range(doc.clone(), &other);
            doc.end = text.len();
        }
        text.push(',');
        doc
    }
}

impl Protocol for Import {
    fn request(&self, group: Group<'_>, id: String) -> Request {
        let text = group.text();
        // No comma after the last element.
        let inside = text.strip_suffix(b",").unwrap_or(&text);
        let body = [b"{\"bulkData\":[", inside, b"]}"].concat();
        // A failed item comes back whole, serialized again.
        let max_response = (1 << 20) + 3 * body.len() + group.len() * (1 << 10);
        let path = self.path(if self.waits_for_refresh { "/_bulk?refresh=wait_for" } else { "/_bulk" });
        Request { id: Some(id), max_response: Some(max_response), ..Request::json(Method::POST, path, body) }
    }

    fn read_response(&self, group: Group<'_>, response: &Response, detail: bool) -> Verdict {
        answer::read(self, group, response, detail)
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

    fn details(&self, action: &BatchAction<'_>) -> ItemDetails {
        ItemDetails { op: verb(action.op).to_owned(), index: self.name(), ..ItemDetails::default() }
    }

    fn read_back_request(&self, group: Group<'_>, _: &[Location]) -> Request {
        let ids: Vec<&str> = (0..group.len()).map(|index| group.key(index).0).collect();
        // The response contains the documents, with what Kuzzle adds to them.
        let max_response = Some((1 << 20) + 3 * group.size() + group.len() * (1 << 10));
        Request { max_response, ..Request::json(Method::POST, self.path("/_mGet"), json!({ "ids": ids }).to_string()) }
    }

    fn compare(&self, group: Group<'_>, response: &Response) -> Option<Vec<StoredDoc>> {
        read_back::compare(group, response)
    }

    fn fidelity_request(&self, _: Group<'_>, _: &[Location]) -> Request {
        Request::get(self.path("/_settings"))
    }

    /// Whether the collection keeps documents as they were sent, by its settings: an ingest pipeline may change them, and
    /// the storage may rebuild `_source` from its fields. Kuzzle refuses a mapping that filters `_source`.
    fn read_fidelity(&self, _: &str, response: &Response) -> Fidelity {
        let body: Option<Value> = serde_json::from_slice(&response.body).ok().filter(|_| response.is_success());
        let Some(settings) = body.as_ref().and_then(|body| body.get("result")).filter(|settings| settings.is_object())
        else {
            let why = format!("{} when asked for the settings of the collection", response.status);
            return Fidelity::MayChange(why);
        };
        match source_fidelity(&json!({ "settings": { "index": settings } })) {
            Fidelity::MayOmit(_) => Fidelity::MayOmit("its storage leaves out parts of documents".to_owned()),
            other => other,
        }
    }
}
