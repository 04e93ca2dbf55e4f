//! The options of a run that concern its target. Which target supports which of them is not decided here.

use super::http::{HttpOptions, Response, Server};
use super::paths::identity;
use super::restart::Restart;
use crate::action::Op;
use crate::batch::Limits;
use crate::retry::Retries;
use crate::values;
use anyhow::Error;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The value of one `--to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A local path, preceded by its scheme.
    Path(&'static str, PathBuf),
    /// A node of a cluster.
    Server(Server),
}

/// The options of a run for its target.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// `--to`: one endpoint, or the nodes of one cluster.
    pub endpoints: Vec<Endpoint>,
    /// The collection of the run; `None` for several, and for bulk lines that all name their own.
    pub collection: Option<String>,
    /// The collections that `--collection` or the files name, in the order in which they are filled.
    pub collections: Vec<String>,
    /// Where their names come from, for messages.
    pub collection_source: &'static str,
    /// Whether the input is bulk lines, each with an operation of its own.
    pub is_bulk: bool,
    /// `--on-duplicate`; the default for bulk lines and `--delete-keys`.
    pub on_duplicate: Op,
    /// `--delete-keys`.
    pub delete_keys: bool,
    /// `--key`: the field that is the key.
    pub key: Option<String>,
    /// `--server-keys`.
    pub server_keys: bool,
    /// `--edge`.
    pub edge: bool,
    /// Whether edge prefixes are given, which need an edge collection.
    pub prefixes: bool,
    /// `--complete`.
    pub complete: bool,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// `--create-collection`, if it was given.
    pub create_collection: Option<bool>,
    /// `--mapping`.
    pub mapping: Option<PathBuf>,
    /// `--unique`.
    pub unique: Vec<String>,
    /// `--retarget`.
    pub retarget: bool,
    /// `--lossy`.
    pub lossy: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--results`; `-` is stdout.
    pub results: Option<PathBuf>,
    /// `--rejects`; `-` is stdout.
    pub rejects: Option<PathBuf>,
    /// The sizes of batches.
    pub batches: BatchSizes,
    /// How to connect to servers.
    pub http: HttpOptions,
    /// `--compress-transfer`, if it was given.
    pub compress_transfer: Option<bool>,
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// `--wait`.
    pub wait: Option<Duration>,
    /// Options of Elasticsearch and similar servers.
    pub indexing: Indexing,
    /// The inputs, once they are open.
    pub inputs: InputFacts,
    /// What earlier tries of this run did.
    pub restart: Restart,
    /// The prefix of generated keys and request ids.
    pub run: String,
    /// Recognizes a server of another kind by its response to `GET /`.
    pub identify: fn(&Response) -> Option<Error>,
}

/// The source of collections that the files name.
pub const BY_FILE: &str = "--collection (from the file name)";

/// Options of Elasticsearch and OpenSearch.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Elasticsearch and OpenSearch")]
pub struct Indexing {
    /// Make documents visible to searches: true, false or wait_for
    ///
    /// Kuzzle: wait_for or false.
    #[arg(long, value_name = "WHEN", value_parser = ["true", "false", "wait_for"])]
    pub refresh: Option<String>,
    /// Field whose value is the routing
    ///
    /// It stays in the document. A record without it is an error. Not for bulk lines, which have their own.
    #[arg(long, value_name = "FIELD", value_parser = values::field)]
    pub routing_field: Option<String>,
    /// Ingest pipeline for the documents
    #[arg(long, value_name = "NAME", value_parser = values::field)]
    pub pipeline: Option<String>,
    /// Copies of a shard that must be active: a number, or all
    #[arg(long, value_name = "N|all", value_parser = active_shards)]
    pub wait_for_active_shards: Option<String>,
    /// The collection must be an alias
    #[arg(long)]
    pub require_alias: bool,
    /// Maximum number of retries of an update by the server on a conflict
    #[arg(long, value_name = "N", value_parser = values::retries)]
    pub retry_on_conflict: Option<u32>,
    /// No refresh and no replicas during the load
    ///
    /// Both are restored at the end, however the run ends; after a kill the next run into the index restores them.
    #[arg(long)]
    pub bulk_mode: bool,
}

/// Parses `--wait-for-active-shards`.
fn active_shards(text: &str) -> Result<String, String> {
    if text == "all" || text.parse::<u32>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("expected a number or all".to_owned())
}

/// Sizes of batches.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Batches")]
pub struct BatchSizes {
    /// Maximum number of records per batch
    #[arg(id = "batch_size", long = "batch-size", value_name = "DOCS", default_value = "5000", value_parser = values::batch_records)]
    pub records: usize,
    /// Maximum bytes per batch; a larger record is sent alone
    ///
    /// Default: 1MiB for a store, which gains nothing from larger ones, 800KiB for Kuzzle, 5MiB for another server. About
    /// three batches are in memory at once, for each of --jobs.
    #[arg(id = "batch_bytes", long = "batch-bytes", value_name = "SIZE", value_parser = values::bytes)]
    pub bytes: Option<usize>,
    /// Maximum number of concurrent batches (a store: 1)
    ///
    /// Default for servers: the number of processors, at most 4. A busy server gets fewer for a while.
    #[arg(short, long, value_name = "N", alias = "threads", value_parser = values::jobs)]
    pub jobs: Option<usize>,
    /// Maximum number of records per second
    ///
    /// For a server that has other work. A batch then has at most the records of one second. Retries do not count.
    #[arg(id = "max_rate", long = "max-rate", value_name = "DOCS/s", value_parser = values::rate)]
    pub max_rate: Option<NonZeroU32>,
    /// Maximum time a record of a slow pipe waits for others
    ///
    /// With a unit: ms, s, m or h.
    #[arg(id = "flush_interval", long = "flush-interval", value_name = "TIME", default_value = "1s", value_parser = values::interval)]
    pub interval: Duration,
}

impl BatchSizes {
    /// The limits, with `bytes` unless --batch-bytes was given.
    pub fn limits(self, bytes: usize) -> Limits {
        let in_a_second = self.max_rate.map_or(usize::MAX, |rate| rate.get() as usize);
        let records = self.records.min(in_a_second);
        Limits { records, bytes: self.bytes.unwrap_or(bytes), interval: self.interval, distinct: false }
    }
}

/// Facts about the inputs that are known before they are read.
#[derive(Clone, Debug, Default)]
pub struct InputFacts {
    /// Their paths as they were given; empty for stdin alone.
    pub paths: Vec<PathBuf>,
    /// Their names in messages.
    pub names: Arc<[String]>,
    /// Their size as stored, if all of them are regular files.
    pub stored_bytes: Option<u64>,
    /// Whether any of them is compressed.
    pub is_compressed: bool,
}

/// The assumed compression ratio, to estimate the size of an input.
const COMPRESSION_RATIO: u64 = 5;

impl InputFacts {
    /// Whether a file or a pipe is one of the inputs, even under another name.
    pub fn contains(&self, path: &Path) -> bool {
        let Some(known) = identity(path) else { return false };
        // The path is not opened: that would wait for the other end of a pipe.
        let stdin = Path::new("/dev/stdin");
        let is_it = |input: &Path| identity(if input.as_os_str() == "-" { stdin } else { input }) == Some(known);
        self.paths.iter().any(|input| is_it(input)) || self.paths.is_empty() && is_it(stdin)
    }

    /// The approximate number of bytes of text, if it is known.
    pub fn text_bytes(&self) -> Option<u64> {
        self.stored_bytes.map(|size| if self.is_compressed { size.saturating_mul(COMPRESSION_RATIO) } else { size })
    }
}

impl Wanted {
    /// The same for one of several collections.
    pub fn of_collection(&self, name: &str) -> Wanted {
        // Of several collections, only one must hold edges: `run` checks that.
        let prefixes = self.prefixes && !self.has_several_collections();
        Wanted { collection: Some(name.to_owned()), collections: vec![name.to_owned()], prefixes, ..self.clone() }
    }

    /// Whether the files name the collections.
    pub fn is_named_by_file(&self) -> bool {
        self.collection_source == BY_FILE
    }

    /// Whether the files name several collections.
    pub fn has_several_collections(&self) -> bool {
        self.collections.len() > 1
    }

    /// The operation of a record without an action line.
    pub fn op(&self) -> Op {
        if self.delete_keys { Op::Delete } else { self.on_duplicate }
    }

    /// Whether records are merged into existing documents.
    pub fn updates(&self) -> bool {
        self.on_duplicate == Op::Upsert
    }

    /// The number of lanes for a target that supports several.
    pub fn lanes(&self) -> usize {
        self.batches.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)))
    }

    /// The nodes of a cluster.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Server(server) => Some(server),
            Endpoint::Path(..) => None,
        })
    }

    /// The first node, for messages.
    pub fn first_node(&self) -> String {
        self.http.nodes.first().map_or("", |node| node.as_str()).trim_end_matches('/').to_owned()
    }

    /// The endpoints for messages, without secrets.
    pub fn name(&self) -> String {
        let name = |endpoint: &Endpoint| match endpoint {
            Endpoint::Path(_, path) => path.display().to_string(),
            Endpoint::Server(server) => server.url.as_str().trim_end_matches('/').to_owned(),
        };
        let names = self.endpoints.iter().map(name).collect::<Vec<_>>().join(", ");
        match self.servers().find_map(|server| server.namespace.as_ref()) {
            Some(within) => format!("{names}/{within}"),
            None => names,
        }
    }
}

/// Where the values of flags come from. A flag on the command line that is not supported is an error; a variable is
/// ignored instead.
#[derive(Clone, Debug, Default)]
pub struct FlagSources {
    /// Ids of the flags on the command line, without switches that it turns off, each with its heading in the help.
    pub typed: BTreeMap<String, String>,
    /// Ids of the flags that the command line or a variable sets.
    pub set: BTreeSet<String>,
}

impl FlagSources {
    /// Whether the command line has this flag.
    pub fn typed(&self, id: &str) -> bool {
        self.typed.contains_key(id)
    }

    /// Whether the command line or a variable turns a switch off.
    pub fn turned_off(&self, id: &str) -> bool {
        self.set.contains(id) && !self.typed(id)
    }

    /// The first of `ids` on the command line, as it is written there.
    pub fn first_typed(&self, ids: &[&str]) -> Option<String> {
        ids.iter().find(|id| self.typed(id)).map(|id| flag(id))
    }
}

/// The flag with this id, as it is written.
pub fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}
