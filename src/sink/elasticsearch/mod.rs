//! Elasticsearch and OpenSearch: the bulk API as a [`Protocol`], and the steps before and after a load.
//! The same requests are sent to Elasticsearch 7, 8 and 9 and to OpenSearch 1, 2 and 3.

mod answer;
mod api_key;
mod bulk_mode;
mod cloud_id;
mod destination;
mod fast_reply;
mod open;
mod overwrite;
mod read_back;
mod rules;
mod target;
mod tasks;

pub use target::Elasticsearch;

use super::ItemDetails;
use super::bulk_api::{self, has_routing, push_action, push_upsert, verb};
use super::http::{Method, Request, Response};
use super::remote::destination::{Location, Resolution};
use super::remote::{Fidelity, Group, Protocol, StoredDoc, Verdict, escaped, push_document};
use super::wanted::Wanted;
use crate::action::{Action, Op};
use crate::batch::{BatchAction, Encode};
use std::ops::Range;

/// The fields that are asked for in a response. Without the status, items could be missing.
const FILTER: &str =
    "filter_path=took,errors,items.*._id,items.*.result,items.*.status,items.*.error,items.*.failure_store";
/// More fields for bulk lines and for retries: the index of an item, and the version, which shows an upsert that did
/// nothing.
const FILTER_FOR_LINES: &str = ",items.*._index,items.*._version";

/// The bulk API, with what all requests of a run have in common.
#[derive(Clone, Debug, Default)]
pub struct Bulk {
    /// `-c`: the index in the path. Bulk lines may do without.
    pub index: Option<String>,
    /// `--server-keys`: an action without a key is sent without one.
    pub server_keys: bool,
    /// `--retry-on-conflict`, for updates.
    pub retry_on_conflict: Option<u32>,
    /// `--pipeline`.
    pub pipeline: Option<String>,
    /// The path of all requests, with its query.
    pub path: String,
    /// Whether a refused request may have been applied in part: Elasticsearch does so from 8.16 on, and an unknown server
    /// may.
    pub is_incremental: bool,
    /// Whether every field of an item is needed, for `--results`.
    pub all_fields: bool,
}

impl Bulk {
    fn new(wanted: &Wanted) -> Bulk {
        let flags = &wanted.indexing;
        let pipeline = flags.pipeline.clone().filter(|_| !wanted.updates());
        let named = [
            ("refresh", flags.refresh.as_deref()),
            ("pipeline", pipeline.as_deref()),
            ("wait_for_active_shards", flags.wait_for_active_shards.as_deref()),
            ("require_alias", flags.require_alias.then_some("true")),
        ];
        let parameters = named.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))));
        let filter = wanted.results.is_none().then(|| FILTER.to_owned());
        let query: Vec<String> = parameters.chain(filter).collect();
        let index = wanted.collection.clone();
        let mut path = index.as_ref().map_or(String::new(), |index| format!("/{}", escaped(index)));
        path.push_str(if query.is_empty() { "/_bulk" } else { "/_bulk?" });
        path.push_str(&query.join("&"));
        Bulk {
            index,
            server_keys: wanted.server_keys,
            retry_on_conflict: flags.retry_on_conflict,
            path,
            pipeline,
            is_incremental: true,
            all_fields: wanted.results.is_some(),
        }
    }
}

impl Bulk {
    /// Maximum bytes of a response: an item has some hundred, and a failed one quotes a part of its document and has causes.
    fn max_response(&self, group: Group<'_>) -> usize {
        // With `--results`, a bulk line may ask for the document that is stored.
        let returns_documents = self.all_fields && group.batch.has_lines();
        let (base, item) = if returns_documents { (16 << 20, 16 << 10) } else { (1 << 20, 2 << 10) };
        base + group.len() * item
    }
}

impl Encode for Bulk {
    fn is_by_lines(&self) -> bool {
        true
    }

    fn write(&self, action: &Action<'_>, text: &mut String) -> Range<usize> {
        if self.server_keys && !action.is_line && action.key_text().is_empty() {
            text.extend(["{\"create\":{", action.meta, "}}"]);
        } else {
            push_action(action, self.retry_on_conflict, text);
        }
        text.push('\n');
        let doc = match action.op {
            Op::Delete => return text.len()..text.len(),
            Op::Upsert | Op::Update if !action.is_line => push_upsert(action, text),
            _ => push_document(action, text),
        };
        text.push('\n');
        doc
    }
}

impl Protocol for Bulk {
    /// Each action has an action line and a source line, each with a newline at its end (contract of the bulk API, 1.4).
    /// The body has a known length, so it is never sent in chunks.
    fn request(&self, group: Group<'_>, id: String) -> Request {
        let needs_index = !self.all_fields && (group.batch.has_lines() || group.per_item);
        let path = self.path.clone() + if needs_index { FILTER_FOR_LINES } else { "" };
        Request {
            content_type: Some("application/x-ndjson"),
            body: group.text(),
            id: Some(id),
            max_response: Some(self.max_response(group)),
            ..Request::new(Method::POST, path)
        }
    }

    fn read_response(&self, group: Group<'_>, response: &Response, detail: bool) -> Verdict {
        answer::read(self, group, response, detail)
    }

    fn is_idempotent(&self, action: &BatchAction<'_>) -> bool {
        !action.key.is_empty() && bulk_api::is_idempotent(action)
    }

    fn is_idempotent_in_sequence(&self, action: &BatchAction<'_>) -> bool {
        !action.key.is_empty() && bulk_api::is_idempotent_in_sequence(action)
    }

    fn is_routed(&self, action: &BatchAction<'_>) -> bool {
        has_routing(action.head)
    }

    fn details(&self, action: &BatchAction<'_>) -> ItemDetails {
        let (op, index) = (verb(action.op).to_owned(), self.collection_of(action).to_owned());
        ItemDetails { op, index, ..ItemDetails::default() }
    }

    fn running_request(&self) -> Option<Request> {
        // A request is a task, and so are its parts on the shards.
        let request = Request::get("/_tasks?actions=*data/write/bulk*&detailed=false");
        Some(Request { max_response: Some(4 << 20), ..request })
    }

    fn is_running(&self, response: &Response, id: &str) -> Option<bool> {
        tasks::is_running(response, id)
    }

    fn collection_of<'a>(&'a self, action: &BatchAction<'a>) -> &'a str {
        if action.collection.is_empty() { self.index.as_deref().unwrap_or_default() } else { action.collection }
    }

    fn destination_request(&self, name: &str) -> Request {
        // The UUID is only there so that an index without an alias is not missing from the response.
        Request::get(format!("/{}?filter_path=error,*.aliases,*.data_stream,*.settings.index.uuid", escaped(name)))
    }

    fn read_destination(&self, name: &str, response: &Response) -> Resolution<Request> {
        destination::read(name, response)
    }

    fn read_back_request(&self, group: Group<'_>, locations: &[Location]) -> Request {
        // Somebody may have stored a larger document than ours under its key, but then it is another one.
        let max_response = Some((1 << 20) + 2 * group.size() + group.len() * (1 << 10));
        let body = read_back::request(self, group, locations);
        Request { max_response, ..Request::json(Method::POST, "/_mget", body) }
    }

    fn compare(&self, group: Group<'_>, response: &Response) -> Option<Vec<StoredDoc>> {
        read_back::compare(self, group, response)
    }

    fn fidelity_request(&self, group: Group<'_>, locations: &[Location]) -> Request {
        read_back::fidelity_request(self, group, locations)
    }

    fn read_fidelity(&self, index: &str, response: &Response) -> Fidelity {
        read_back::read_fidelity(index, response)
    }
}
