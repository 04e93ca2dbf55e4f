//! What a run asks of any target: the values of flags that concern targets, whichever of them supports which.

use super::http::{HttpOptions, Reply, Server};
use super::paths::identity;
use crate::action::Op;
use crate::batch::Limits;
use crate::retry::Retries;
use crate::values;
use anyhow::Error;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What one `--to` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path on this machine, and the scheme before it.
    Path(&'static str, PathBuf),
    /// A node of a cluster.
    Server(Server),
}

/// What a run asks of its target.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// `--to`: one place, or the nodes of one cluster.
    pub places: Vec<Place>,
    /// `--collection`; absent only for bulk lines that all name their own.
    pub collection: Option<String>,
    /// Whether the input is bulk lines, each with an operation of its own.
    pub is_bulk: bool,
    /// `--on-duplicate`; what it is by default for bulk lines, and for records that name keys to delete.
    pub on_duplicate: Op,
    /// `--delete-keys`.
    pub delete_keys: bool,
    /// `--key`: the field that is the key.
    pub key: Option<String>,
    /// `--server-keys`.
    pub server_keys: bool,
    /// `--edge`.
    pub edge: bool,
    /// Whether edge prefixes are asked for, which only edges have a use for.
    pub prefixes: bool,
    /// `--complete`.
    pub complete: bool,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// `--create-collection`, when it was said.
    pub create_collection: Option<bool>,
    /// `--mapping`.
    pub mapping: Option<PathBuf>,
    /// `--unique`.
    pub unique: Vec<String>,
    /// `--lossy`.
    pub lossy: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--results`; `-` is stdout.
    pub results: Option<PathBuf>,
    /// How large batches are asked to be.
    pub batches: BatchSizes,
    /// How servers are reached.
    pub http: HttpOptions,
    /// `--compress-transfer`, when it was said.
    pub compress_transfer: Option<bool>,
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// What is asked of Elasticsearch, or of what is like it.
    pub indexing: Indexing,
    /// The inputs, once they are open.
    pub inputs: InputFacts,
    /// The prefix of generated keys and of the names of requests.
    pub run: String,
    /// Says what a server is that answers `GET /` in another one's place, if any target knows it.
    pub stranger: fn(&Reply) -> Option<Error>,
}

/// What only Elasticsearch and OpenSearch have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Elasticsearch and OpenSearch")]
pub struct Indexing {
    /// Make documents visible to searches: true, false or wait_for
    ///
    /// Kuzzle has wait_for and false.
    #[arg(long, value_name = "WHEN", value_parser = refresh)]
    pub refresh: Option<String>,
    /// Field whose value is the routing
    ///
    /// It stays in the document. A record without it is an error. Bulk lines name their own.
    #[arg(long, value_name = "FIELD", value_parser = values::field)]
    pub routing_field: Option<String>,
    /// Ingest pipeline that documents go through
    #[arg(long, value_name = "NAME", value_parser = values::field)]
    pub pipeline: Option<String>,
    /// Copies of a shard that must be there: a number, or all
    #[arg(long, value_name = "N|all", value_parser = active_shards)]
    pub wait_for_active_shards: Option<String>,
    /// The collection must be an alias
    #[arg(long)]
    pub require_alias: bool,
    /// Times that the server tries an update again when others write
    #[arg(long, value_name = "N", value_parser = values::retries)]
    pub retry_on_conflict: Option<u32>,
    /// No refresh and no replicas during the load
    ///
    /// Both are put back at the end, however the run ends; after a kill the next run into the index puts them back.
    #[arg(long)]
    pub bulk_mode: bool,
}

/// Reads `--refresh`.
fn refresh(text: &str) -> Result<String, String> {
    match text {
        "true" | "false" | "wait_for" => Ok(text.to_owned()),
        _ => Err("expected true, false or wait_for".to_owned()),
    }
}

/// Reads `--wait-for-active-shards`.
fn active_shards(text: &str) -> Result<String, String> {
    if text == "all" || text.parse::<u32>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("expected a number or all".to_owned())
}

/// How much at a time.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Batches")]
pub struct BatchSizes {
    /// Most records in a batch
    #[arg(id = "batch_size", long = "batch-size", value_name = "DOCS", default_value = "5000", value_parser = values::batch_records)]
    pub records: usize,
    /// Most bytes in a batch; a longer record travels alone
    ///
    /// 1MiB for a store, which gains nothing from larger ones, 800KiB for Kuzzle, 5MiB for another server. Some three batches are in memory at once,
    /// for each of --jobs.
    #[arg(id = "batch_bytes", long = "batch-bytes", value_name = "SIZE", value_parser = values::bytes)]
    pub bytes: Option<usize>,
    /// Most batches under way at once (a store takes one)
    ///
    /// For servers: as many as there are processors, at most 4. A server that is busy gets fewer for a while.
    #[arg(short, long, value_name = "N", alias = "threads", value_parser = values::jobs)]
    pub jobs: Option<usize>,
    /// Longest time a record of a slow pipe waits for others
    ///
    /// With a unit: ms, s, m or h.
    #[arg(id = "flush_interval", long = "flush-interval", value_name = "TIME", default_value = "1s", value_parser = values::interval)]
    pub interval: Duration,
}

impl BatchSizes {
    /// Limits of as many bytes as were asked for, else of `bytes`.
    pub fn limits(self, bytes: usize) -> Limits {
        Limits { records: self.records, bytes: self.bytes.unwrap_or(bytes), interval: self.interval, distinct: false }
    }
}

/// What is known of the inputs before they are read.
#[derive(Clone, Debug, Default)]
pub struct InputFacts {
    /// Their paths as they were given; none is stdin alone.
    pub paths: Vec<PathBuf>,
    /// Their names in messages.
    pub names: Arc<[String]>,
    /// Their size as stored, if all of them are regular files.
    pub stored_bytes: Option<u64>,
    /// Whether any of them is compressed.
    pub is_compressed: bool,
}

/// How many bytes a compressed byte is taken for, to tell whether an input is large.
const UNPACKED: u64 = 5;

impl InputFacts {
    /// Whether a file or a pipe is one of them too, under whatever name.
    pub fn contain(&self, path: &Path) -> bool {
        let Some(known) = identity(path) else { return false };
        // It is not opened, which would wait for the other end of a pipe.
        let stdin = Path::new("/dev/stdin");
        let is_it = |input: &Path| identity(if input.as_os_str() == "-" { stdin } else { input }) == Some(known);
        self.paths.iter().any(|input| is_it(input)) || self.paths.is_empty() && is_it(stdin)
    }

    /// About how many bytes of text there are, if that is known.
    pub fn text_bytes(&self) -> Option<u64> {
        self.stored_bytes.map(|size| if self.is_compressed { size.saturating_mul(UNPACKED) } else { size })
    }
}

impl Wanted {
    /// What a record without an action line means.
    pub fn op(&self) -> Op {
        if self.delete_keys { Op::Delete } else { self.on_duplicate }
    }

    /// Whether records are merged into the documents that have their keys.
    pub fn updates(&self) -> bool {
        self.on_duplicate == Op::Upsert
    }

    /// How many lanes a target gets that takes several.
    pub fn lanes(&self) -> usize {
        self.batches.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)))
    }

    /// The nodes of a cluster.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.places.iter().filter_map(|place| match place {
            Place::Server(server) => Some(server),
            Place::Path(..) => None,
        })
    }

    /// The first node for a person.
    pub fn first_node(&self) -> String {
        self.http.nodes.first().map_or("", |node| node.as_str()).trim_end_matches('/').to_owned()
    }

    /// The places for a person, without secrets.
    pub fn name(&self) -> String {
        let name = |place: &Place| match place {
            Place::Path(_, path) => path.display().to_string(),
            Place::Server(server) => server.url.as_str().trim_end_matches('/').to_owned(),
        };
        let names = self.places.iter().map(name).collect::<Vec<_>>().join(", ");
        match self.servers().find_map(|server| server.within.as_ref()) {
            Some(within) => format!("{names}/{within}"),
            None => names,
        }
    }
}

/// Where the values of flags come from. A flag of the command line that cannot be supported is an error; a variable gives
/// way.
#[derive(Clone, Debug, Default)]
pub struct FlagSources {
    /// Ids of the flags that the command line asks for, not of switches that it turns off, each with the group that help
    /// shows it in.
    pub typed: BTreeMap<String, String>,
    /// Ids of the flags that the command line or a variable gives any value.
    pub named: BTreeSet<String>,
}

impl FlagSources {
    /// Whether the command line asks for it.
    pub fn typed(&self, id: &str) -> bool {
        self.typed.contains_key(id)
    }

    /// Whether the command line, or a variable, says of a switch that it is off.
    pub fn turned_off(&self, id: &str) -> bool {
        self.named.contains(id) && !self.typed(id)
    }

    /// The first of `ids` that the command line asks for, as it is written there.
    pub fn first_typed(&self, ids: &[&str]) -> Option<String> {
        ids.iter().find(|id| self.typed(id)).map(|id| flag(id))
    }
}

/// A flag by its id, as it is written.
pub fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}
