//! The command line: its flags and their help, and nothing else. The completions, the man page and the names of the
//! variables come from here. What a value means is in values.rs, names.rs and server.rs, what flags mean
//! together in config.rs, and what a target makes of them in its own room.
//! A switch is declared as one without a value, so that help shows it bare; `help::parser` makes it take `=true|false`
//! too.

pub(crate) mod env;
pub mod help;
pub(crate) mod hints;
mod names;
mod server;
pub(crate) mod usage;

use crate::action::Op;
use crate::error;
use crate::input::InputOptions;
use crate::progress::ProgressMode;
use crate::report::{MaxErrors, SummaryFormat};
use crate::shape::Merge;
use crate::sink::http::Header;
use crate::sink::targets::{self, Address};
use crate::sink::wanted::{BatchSizes, Indexing};
use crate::values::{self, Auto, auto_or, one_of};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, ColorChoice, Parser, ValueEnum, ValueHint};
use clap_complete::Shell;
use help::{EXAMPLES, SHORT_EXAMPLES};
use std::path::PathBuf;
use std::time::Duration;

/// Imports records in bulk and accounts for every one of them
///
/// Reads NDJSON, JSON, CSV, TSV, header-row arrays or Elasticsearch bulk lines from files or stdin, and applies them in
/// batches to a collection of an SQLite store, of Elasticsearch, OpenSearch, ArangoDB or Kuzzle. Then it prints what became of every record: read = created + updated +
/// ignored + deleted + errors + unknown + unsent. The exit code is 0 only if nothing was lost.
#[derive(Debug, Parser)]
#[command(
    name = "bulkimport",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    override_usage = "bulkimport [OPTIONS] --collection NAME [FILE]...",
    after_help = SHORT_EXAMPLES,
    after_long_help = EXAMPLES
)]
pub struct Arguments {
    /// Input files, in order; none, or -, is stdin
    ///
    /// All files are opened before anything is stored. gzip, zstd, bzip2 and xz are unpacked.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The same as a FILE, as arangoimport and mongoimport write it
    #[arg(long = "file", value_name = "FILE", hide = true)]
    pub more_files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetFlags,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) indexing: Indexing,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    #[command(flatten)]
    pub(crate) shape: ShapeFlags,
    #[command(flatten)]
    pub(crate) key: KeyFlags,
    #[command(flatten)]
    pub(crate) edges: EdgeFlags,
    #[command(flatten)]
    pub(crate) conflict: ConflictFlags,
    #[command(flatten)]
    pub(crate) run: RunFlags,
    #[command(flatten)]
    pub(crate) batches: BatchSizes,
    #[command(flatten)]
    pub(crate) errors: ErrorFlags,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// Where to.
#[derive(Args, Debug)]
#[command(next_help_heading = "Target")]
pub struct TargetFlags {
    /// `--to`; its help is made of what the targets say, in help.rs.
    #[arg(long, value_name = "TARGET", default_value = "bulkimport.db", value_hint = ValueHint::FilePath,
        value_parser = OsStringValueParser::new().try_map(|to| targets::read(&to).map_err(|error| error::text(&error))))]
    pub to: Vec<Address>,
    /// Collection that the records go to (required)
    ///
    /// A table of the store with this very name, an index, an alias or a data stream of Elasticsearch, or a collection.
    /// A store and Elasticsearch make it on first use. Only bulk lines may do without: each may name its own in _index.
    #[arg(short, long, value_name = "NAME", alias = "index", value_parser = names::collection)]
    pub collection: Option<String>,
}

/// How a server is reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "Server")]
pub struct ServerFlags {
    /// Name and password for the server
    ///
    /// Without :PASS it is taken from BULKIMPORT_PASSWORD or --password-file, or asked for on the terminal.
    #[arg(short, long, value_name = "NAME[:PASS]")]
    pub user: Option<String>,
    /// File with the password alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// File with an API key, as the server gave it out
    ///
    /// BULKIMPORT_API_KEY may hold the key itself.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub api_key_file: Option<PathBuf>,
    /// File with a bearer token
    ///
    /// BULKIMPORT_BEARER may hold the token itself.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub bearer_file: Option<PathBuf>,
    /// Trust these authorities (PEM), not the system's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cacert: Option<PathBuf>,
    /// Our certificate (PEM), perhaps with its key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,
    /// The key of --cert (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_key: Option<PathBuf>,
    /// Trust whoever answers over TLS
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// Another header for each request; repeat for more
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = server::header)]
    pub header: Vec<Header>,
    /// Longest time for a request and its answer
    ///
    /// After it the server is asked until the request is certainly over, for as long as --retry-max-time.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = values::interval)]
    pub timeout: Duration,
    /// Longest time to connect
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::interval)]
    pub connect_timeout: Duration,
    /// Tries of a request after the first, without any progress
    ///
    /// For a server that is busy or away, and for lost responses. Pauses grow and are random; the server's Retry-After wins.
    #[arg(long, value_name = "N", default_value = "8", value_parser = values::retries)]
    pub retries: u32,
    /// Longest time that a request is tried again without progress
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = values::interval)]
    pub retry_max_time: Duration,
    /// Send bodies as gzip: auto, gzip or none
    ///
    /// auto: gzip unless the server is on this machine.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = auto_or::<Transfer>())]
    pub compress_transfer: Auto<Transfer>,
}

/// `--compress-transfer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transfer {
    /// Bodies are compressed.
    Gzip,
    /// Bodies are sent as they are.
    None,
}

/// What is changed.
#[derive(Args, Debug)]
#[command(next_help_heading = "Shape")]
pub struct ShapeFlags {
    /// Rename a field; repeat for more
    #[arg(long, value_name = "FROM=TO", value_parser = names::translation)]
    pub translate: Vec<(String, String)>,
    /// Drop a field; repeat for more
    #[arg(long, value_name = "NAME", value_parser = values::field)]
    pub remove_attribute: Vec<String>,
    /// Join fields into a new one: "full=[first] [last]"
    ///
    /// The value is text and [fields], by their names in the input, and is always a string. Later merges may use
    /// earlier ones. May be repeated.
    #[allow(rustdoc::broken_intra_doc_links, reason = "the brackets are shown in help")]
    #[arg(long, value_name = "NEW=[A]-[B]", value_parser = names::merge)]
    pub merge_attributes: Vec<Merge>,
}

/// What is the key.
#[derive(Args, Debug)]
#[command(next_help_heading = "Key")]
pub struct KeyFlags {
    /// Field that is the key (otherwise _key, or _id)
    ///
    /// A field of that very name, else a dotted path. It stays in the document. A record without it is an error.
    /// Without --key the key is _key, else _id, else a generated one.
    #[arg(long, value_name = "FIELD", value_parser = names::key)]
    pub key: Option<String>,
    /// The server makes the keys of records without one
    ///
    /// ArangoDB only, for a collection that takes no others. A record whose response was not received is then never sent again, but
    /// counted as unknown.
    #[arg(long)]
    pub server_keys: bool,
}

/// What edges need.
#[derive(Args, Debug)]
#[command(next_help_heading = "Edges")]
pub struct EdgeFlags {
    /// The collection holds edges, with _from and _to
    ///
    /// Not for Elasticsearch, OpenSearch and Kuzzle, as the flags below.
    #[arg(long)]
    pub edge: bool,
    /// Collection put before _from: cities makes cities/1 of 1
    #[arg(long, value_name = "NAME", alias = "from-collection-prefix", value_parser = names::prefix)]
    pub from_prefix: Option<String>,
    /// Collection put before _to
    #[arg(long, value_name = "NAME", alias = "to-collection-prefix", value_parser = names::prefix)]
    pub to_prefix: Option<String>,
    /// The prefixes replace a collection that _from and _to name
    #[arg(long)]
    pub overwrite_collection_prefix: bool,
}

/// What happens to keys that exist.
#[derive(Args, Debug)]
#[command(next_help_heading = "Conflict")]
pub struct ConflictFlags {
    /// If the key exists: error, update, replace or ignore
    ///
    /// error: the stored document stays, the record is an error. update: the record is merged in: objects field by
    /// field at any depth, all else is replaced, and null is a value. replace: the record takes its place. ignore: the
    /// stored document stays, the record counts as ignored.
    #[arg(long, value_name = "MODE", default_value = "error", value_parser = one_of::<Op>())]
    pub on_duplicate: Op,
    /// Each record names a key to delete
    ///
    /// A key that is not there counts as ignored.
    #[arg(long)]
    pub delete_keys: bool,
}

/// What holds for all records together.
#[derive(Args, Debug)]
#[command(next_help_heading = "Whole run")]
pub struct RunFlags {
    /// All or nothing: an error rolls all back (exit 6)
    ///
    /// Not for Elasticsearch, OpenSearch and Kuzzle. ArangoDB gets the whole run in one request of at most --batch-bytes (64 MiB), sent when the
    /// input has ended.
    #[arg(long)]
    pub complete: bool,
    /// Empty the collection first
    ///
    /// It is emptied only when the first good record is there. An index is emptied by a delete-by-query, or deleted and made
    /// again as it was where the server has none; an alias or a data stream is refused.
    #[arg(long, alias = "drop")]
    pub overwrite: bool,
    /// What was stored survives a power cut, not only a kill
    ///
    /// A server writes to its disk before it answers; an index that is set not to is refused. Of a store: without it a power cut during an import, or before the operating system has written its caches afterwards, can
    /// damage the whole store.
    #[arg(long)]
    pub wait_for_sync: bool,
    /// Make the collection if it is missing
    ///
    /// A store does so anyway, and so does Elasticsearch. Of Kuzzle it makes the index too. --create-collection=false: a missing collection is an error.
    #[arg(long, action = ArgAction::SetTrue)]
    pub create_collection: Option<bool>,
    /// File with the mappings of the index (JSON)
    ///
    /// Either the mappings, or an object with mappings, settings and aliases. A missing index is made of it; one that
    /// exists gets the mappings. Elasticsearch, OpenSearch and Kuzzle, which takes mappings and settings.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub mapping: Option<PathBuf>,
    /// Let the server change what it cannot keep
    ///
    /// Elasticsearch merges numbers as doubles in updates; Kuzzle and ArangoDB read all numbers beyond theirs as such, Kuzzle keeps
    /// the last of fields with one name. Without --lossy, such a document is an error. Servers only.
    #[arg(long)]
    pub lossy: bool,
    /// No two documents may have the same value here
    ///
    /// Makes a unique index on a field, or a dotted path. May be repeated. Stores and ArangoDB only.
    #[arg(long, value_name = "FIELD", value_parser = values::field)]
    pub unique: Vec<String>,
    /// Check each record by itself, store nothing
    ///
    /// Good records count as unsent. Duplicates, and what is stored, are not checked. A server is asked whether it is there.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// What becomes of errors.
#[derive(Args, Debug)]
#[command(next_help_heading = "Errors")]
pub struct ErrorFlags {
    /// Say every error, not only the first ten
    ///
    /// Otherwise the first ten are said one by one, then all by kind.
    #[arg(long)]
    pub details: bool,
    /// Stop after more errors than this (exit 3)
    ///
    /// A number of records, or a share of those read, such as 1%. Batches under way are still stored, and duplicates that
    /// a load into an empty collection finds come last. --complete is what stores nothing.
    #[arg(long, value_name = "N|N%")]
    pub max_errors: Option<MaxErrors>,
    /// File that says of each record what the server did
    ///
    /// One JSON object a line: file, line, counted (as what), status, result, version, error and more, in the order of the
    /// answers. - is stdout; the summary then goes to
    /// stderr. Not for a store.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub results: Option<PathBuf>,
}

/// What is said.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Form of the summary on stdout: text or json
    #[arg(long, value_name = "FORM", default_value = "text", value_parser = one_of::<SummaryFormat>())]
    pub summary: SummaryFormat,
    /// Only the summary; with --details also every error
    ///
    /// A final error line still appears.
    #[arg(short, long)]
    pub quiet: bool,
    /// Say how each input is read, and when each step is done
    #[arg(short, long)]
    pub verbose: bool,
    /// auto, bar, plain (a line every 10 s) or none
    ///
    /// auto: a bar on a terminal, else plain. A bar needs a terminal; without one it is plain too.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = one_of::<ProgressMode>())]
    pub progress: ProgressMode,
    /// auto, always or never
    ///
    /// auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = one_of::<ColorChoice>())]
    pub color: ColorChoice,
    /// Print completions for bash, zsh, fish, powershell or elvish
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<Shell>,
    /// Print the man page, as roff
    #[arg(long)]
    pub man: bool,
    /// Print the daily flags (-h) or all of them (--help)
    #[arg(short, long, action = ArgAction::Help)]
    pub help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
}
