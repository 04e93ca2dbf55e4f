//! Elasticsearch and OpenSearch: the bulk API as a [`Protocol`], and what is done before and after a load.
//! What a server is matters little: the same requests are sent to Elasticsearch 7, 8 and 9 and to OpenSearch 1, 2 and 3.

mod answer;
mod bulk_mode;
mod destination;
mod fast_reply;
mod kept;
mod open;
mod overwrite;
mod read_back;
mod request;
mod rules;
mod target;

pub use target::Elasticsearch;

use super::ItemDetails;
use super::bulk_api::{self, has_routing, verb};
use super::http::{Call, Method, Reply};
use super::remote::destination::{Location, Named};
use super::remote::{Answer, Group, Kept, Protocol, Stored, escaped};
use super::wanted::Wanted;
use crate::batch::BatchAction;

/// What all requests of a run have in common.
#[derive(Clone, Debug, Default)]
pub struct Bulk {
    /// `-c`, the index that the path names; bulk lines may do without.
    pub index: Option<String>,
    /// `--retry-on-conflict`, for updates.
    pub retry_on_conflict: Option<u32>,
    /// `--pipeline`.
    pub pipeline: Option<String>,
    /// Query parameters, with their `=` and without a leading `&`.
    pub query: Vec<String>,
    /// Whether a refused request may have been carried out in part: Elasticsearch does so from 8.16 on, and a server that
    /// does not say what it is may.
    pub is_incremental: bool,
    /// Whether every member of an item is wanted, for `--results`.
    pub shows_all: bool,
}

impl Bulk {
    /// What the flags say of all requests.
    fn new(wanted: &Wanted) -> Bulk {
        let flags = &wanted.indexing;
        let pipeline = flags.pipeline.clone().filter(|_| !wanted.updates());
        let named = [
            ("refresh", flags.refresh.as_deref()),
            ("pipeline", pipeline.as_deref()),
            ("wait_for_active_shards", flags.wait_for_active_shards.as_deref()),
            ("require_alias", flags.require_alias.then_some("true")),
        ];
        let query = named.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))));
        Bulk {
            index: wanted.collection.clone(),
            retry_on_conflict: flags.retry_on_conflict,
            query: query.collect(),
            pipeline,
            is_incremental: true,
            shows_all: wanted.results.is_some(),
        }
    }
}

impl Protocol for Bulk {
    fn request(&self, group: Group<'_>, opaque: String) -> Call {
        request::bulk(self, group, opaque)
    }

    fn answer(&self, group: Group<'_>, reply: &Reply, detail: bool) -> Answer {
        answer::read(self, group, reply, detail)
    }

    fn is_repeatable(&self, action: &BatchAction<'_>) -> bool {
        bulk_api::is_repeatable(action)
    }

    fn is_replayable(&self, action: &BatchAction<'_>) -> bool {
        bulk_api::is_replayable(action)
    }

    fn is_routed(&self, action: &BatchAction<'_>) -> bool {
        has_routing(action.head)
    }

    fn shown(&self, action: &BatchAction<'_>) -> ItemDetails {
        let index = Some(action.collection).filter(|name| !name.is_empty()).or(self.index.as_deref());
        let op = verb(action.op).to_owned();
        ItemDetails { op, index: index.unwrap_or_default().to_owned(), ..ItemDetails::default() }
    }

    fn ask_running(&self) -> Option<Call> {
        // A request is a task under its action's name, and its parts on the shards are tasks below it.
        Some(Call::get("/_tasks?actions=*data/write/bulk*&detailed=false"))
    }

    fn is_running(&self, reply: &Reply, opaque: &str) -> Option<bool> {
        read_back::is_running(reply, opaque)
    }

    fn name_of<'a>(&'a self, action: &BatchAction<'a>) -> &'a str {
        match action.collection {
            "" => self.index.as_deref().unwrap_or_default(),
            named => named,
        }
    }

    fn ask_destination(&self, name: &str) -> Call {
        destination::ask(name)
    }

    fn destination(&self, name: &str, reply: &Reply) -> Named<Call> {
        destination::read(name, reply)
    }

    fn read_back(&self, group: Group<'_>, lies: &[Location]) -> Call {
        Call::json(Method::POST, "/_mget", read_back::request(self, group, lies))
    }

    fn compare(&self, group: Group<'_>, reply: &Reply) -> Option<Vec<Stored>> {
        read_back::compare(self, group, reply)
    }

    fn ask_kept(&self, group: Group<'_>, lies: &[Location]) -> Call {
        kept::ask(self, group, lies)
    }

    fn kept(&self, index: &str, reply: &Reply) -> Kept {
        kept::read(index, reply)
    }
}
