//! The command line: flags and their help. The completions, the man page and the names of the variables are derived from
//! it. Values are parsed in values.rs, names.rs and server.rs, combinations of flags are checked in config/, and support for
//! them in each target.
//! A switch is declared without a value, so that help shows it without one; `help::parser` also accepts `=true|false`.

pub(crate) mod completions;
pub(crate) mod env;
pub mod help;
pub(crate) mod hints;
mod names;
mod server;
pub mod typed;
pub(crate) mod usage;

use crate::action::Op;
use crate::error;
use crate::input::InputOptions;
use crate::progress::ProgressMode;
use crate::report::{MaxErrors, SummaryFormat};
use crate::shape::Merge;
use crate::sink::http::{Fingerprint, Header, SigningScope};
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
/// batches to a collection of an SQLite store, of Elasticsearch, OpenSearch, ArangoDB or Kuzzle. Then it prints a summary
/// with the outcomes of all records: read = created + updated + ignored + deleted + errors + unknown + unsent. The exit code
/// is 0 only if nothing was lost.
#[derive(Debug, Parser)]
#[command(
    name = "bulkimport",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    override_usage = "bulkimport [OPTIONS] [FILE]...",
    after_help = SHORT_EXAMPLES,
    after_long_help = EXAMPLES
)]
pub struct Arguments {
    /// Input files, in order; none, or -, is stdin
    ///
    /// All files are opened before anything is stored. gzip, zstd, bzip2 and xz are decompressed.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The same as a FILE, as arangoimport and mongoimport write it
    #[arg(long = "file", value_name = "FILE", hide = true, value_hint = ValueHint::FilePath)]
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

/// The target.
#[derive(Args, Debug)]
#[command(next_help_heading = "Target")]
pub struct TargetFlags {
    /// `--to`; help.rs builds its help from the targets.
    #[arg(long, value_name = "TARGET", default_value = "bulkimport.db", value_hint = ValueHint::FilePath,
        value_parser = OsStringValueParser::new().try_map(|to| targets::read(&to).map_err(|error| error::text(&error))))]
    pub to: Vec<Address>,
    /// Where the records go (otherwise the file's name)
    ///
    /// The name of a table of the store, of an index, an alias or a data stream of Elasticsearch, or of a collection. A store
    /// and Elasticsearch create it on first use. Without it, each file goes to the collection of its name: products.jsonl.gz
    /// to products. Required for stdin. Bulk lines may name their own in _index instead.
    #[arg(short, long, value_name = "NAME", alias = "index", value_parser = names::collection)]
    pub collection: Option<String>,
}

/// The connection to a server.
#[derive(Args, Debug)]
#[command(next_help_heading = "Server")]
pub struct ServerFlags {
    /// Name and password for the server
    ///
    /// Without :PASS the password is read from BULKIMPORT_PASSWORD, --password-file or the terminal. A password on the
    /// command line, here or in an address, can be seen by other users of the machine (`ps`).
    #[arg(short, long, value_name = "NAME[:PASS]")]
    pub user: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// File with an API key, as issued by the server
    ///
    /// Its base64 text, ID:KEY, the header `ApiKey ...`, or the JSON of the response. Or set BULKIMPORT_API_KEY to the key
    /// itself.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub api_key_file: Option<PathBuf>,
    /// File with a bearer token
    ///
    /// Or set BULKIMPORT_BEARER to the token itself.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub bearer_file: Option<PathBuf>,
    /// Sign requests for Amazon OpenSearch Service, as REGION/SERVICE
    ///
    /// The service is es, or aoss for serverless collections; curl's form aws:amz:REGION:SERVICE is taken too. The keys are
    /// those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or of ~/.aws/credentials and ~/.aws/config.
    #[arg(long, value_name = "REGION[/SERVICE]", value_parser = server::signing_scope)]
    pub aws_sigv4: Option<SigningScope>,
    /// Take a missing login from ~/.netrc
    ///
    /// Or from the file in the variable NETRC, as in curl. Every other login comes first.
    #[arg(long)]
    pub netrc: bool,
    /// Trust these certificate authorities (PEM), not the system's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cacert: Option<PathBuf>,
    /// Trust the server with this certificate
    ///
    /// Its SHA-256 fingerprint: 64 hexadecimal digits, with or without colons. It may be that of the server's own
    /// certificate, or of an authority that the server shows with it, as Elasticsearch prints it at its first start.
    #[arg(long, value_name = "SHA256")]
    pub cert_fingerprint: Option<Fingerprint>,
    /// Client certificate (PEM), optionally with its key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,
    /// Private key of --cert (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_key: Option<PathBuf>,
    /// Do not verify the server's certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// Additional header for each request; repeat for more
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = server::header)]
    pub header: Vec<Header>,
    /// Maximum time for a request and its response
    ///
    /// Afterwards the server is asked until the request is certainly over, for at most --retry-max-time.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = values::interval)]
    pub timeout: Duration,
    /// Maximum time to connect
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::interval)]
    pub connect_timeout: Duration,
    /// Wait until the server is up, for at most this time
    ///
    /// For a server that starts at the same time. A connection that is refused, a name that is unknown and an answer of 500
    /// to 599 are waited for. A server of another kind, or one that denies access, is an error at once.
    #[arg(long, value_name = "TIME", value_parser = values::interval)]
    pub wait: Option<Duration>,
    /// Maximum number of retries without any progress
    ///
    /// For a server that is busy or unreachable, and for lost responses. Pauses grow and are random, unless the server sends
    /// Retry-After.
    #[arg(long, value_name = "N", default_value = "8", value_parser = values::retries)]
    pub retries: u32,
    /// Maximum time of retries without progress
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = values::interval)]
    pub retry_max_time: Duration,
    /// Compress request bodies: auto, gzip or none
    ///
    /// auto: gzip, unless the server is on this machine.
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

/// Changes to records.
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
    /// A template of text and [fields], by their names in the input. The result is always a string. Later merges may use
    /// earlier ones. May be repeated.
    #[allow(rustdoc::broken_intra_doc_links, reason = "the brackets are shown in help")]
    #[arg(long, value_name = "NEW=[A]-[B]", value_parser = names::merge)]
    pub merge_attributes: Vec<Merge>,
}

/// The key of a record.
#[derive(Args, Debug)]
#[command(next_help_heading = "Key")]
pub struct KeyFlags {
    /// Field that is the key (otherwise _key, or _id)
    ///
    /// A field of exactly this name, otherwise a dotted path. It stays in the document. A record without it is an error.
    /// Without --key the key is _key, otherwise _id, otherwise a generated one.
    #[arg(long, value_name = "FIELD", value_parser = names::key)]
    pub key: Option<String>,
    /// Let the server generate missing keys
    ///
    /// For a collection that accepts no other keys: of ArangoDB, or of a serverless Elasticsearch or OpenSearch. If no
    /// response was received, such a record is not sent again, but counted as unknown.
    #[arg(long)]
    pub server_keys: bool,
}

/// Edges.
#[derive(Args, Debug)]
#[command(next_help_heading = "Edges")]
pub struct EdgeFlags {
    /// The collection holds edges, with _from and _to
    ///
    /// Like the flags below, not for Elasticsearch, OpenSearch and Kuzzle.
    #[arg(long)]
    pub edge: bool,
    /// Collection prefix of _from: cities turns 1 into cities/1
    #[arg(long, value_name = "NAME", alias = "from-collection-prefix", value_parser = names::prefix)]
    pub from_prefix: Option<String>,
    /// Collection prefix of _to
    #[arg(long, value_name = "NAME", alias = "to-collection-prefix", value_parser = names::prefix)]
    pub to_prefix: Option<String>,
    /// The prefixes replace the collections in _from and _to
    #[arg(long)]
    pub overwrite_collection_prefix: bool,
}

/// Existing keys.
#[derive(Args, Debug)]
#[command(next_help_heading = "Conflict")]
pub struct ConflictFlags {
    /// If the key exists: error, update, replace or ignore
    ///
    /// error: the stored document stays, and the record is an error. update: the record is merged into it: objects field by
    /// field at any depth, anything else is replaced, and null is a value. replace: the record replaces it. ignore: the
    /// stored document stays, and the record counts as ignored.
    #[arg(long, value_name = "MODE", default_value = "error", value_parser = one_of::<Op>())]
    pub on_duplicate: Op,
    /// Each record names a key to delete
    ///
    /// A key that does not exist counts as ignored.
    #[arg(long)]
    pub delete_keys: bool,
}

/// The run as a whole.
#[derive(Args, Debug)]
#[command(next_help_heading = "Whole run")]
pub struct RunFlags {
    /// All or nothing: an error rolls back all (exit 6)
    ///
    /// Not for Elasticsearch, OpenSearch and Kuzzle. ArangoDB gets the whole run in one request of at most --batch-bytes (64
    /// MiB), sent at the end of the input. Only a store supports it for several collections.
    #[arg(long)]
    pub complete: bool,
    /// Empty the collection first
    ///
    /// It is emptied only when there is a good record. An index is emptied by a delete-by-query, or, where the server has
    /// none, deleted and created again with its settings; an alias or a data stream is an error.
    #[arg(long, alias = "drop")]
    pub overwrite: bool,
    /// What was stored survives a power cut, not only a kill
    ///
    /// A server writes to its disk before it responds; an index with other settings is an error. Without this flag, a power
    /// cut during an import into a store, or before the operating system has written its caches afterwards, can damage the
    /// whole store.
    #[arg(long)]
    pub wait_for_sync: bool,
    /// Create the collection if it is missing
    ///
    /// The default for a store and Elasticsearch. For Kuzzle it also creates the index. With --create-collection=false a
    /// missing collection is an error.
    #[arg(long, action = ArgAction::SetTrue)]
    pub create_collection: Option<bool>,
    /// File with the mappings of the index (JSON)
    ///
    /// The mappings, or an object with mappings, settings and aliases, as servers, elasticdump and kourou write them. A
    /// missing index is created with it; an existing one gets the mappings. For Elasticsearch, OpenSearch and Kuzzle, which
    /// has mappings and settings.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub mapping: Option<PathBuf>,
    /// Bulk lines go to --collection, whatever index they name
    ///
    /// Without it, Elasticsearch, OpenSearch, a store and a file of bulk lines follow each line; the others take lines of one
    /// collection.
    #[arg(long)]
    pub retarget: bool,
    /// Allow the server to change values that it cannot store
    ///
    /// Elasticsearch merges numbers as doubles in updates; Kuzzle and ArangoDB read numbers out of their range as doubles;
    /// Kuzzle keeps the last of duplicate fields. Without --lossy, such a document is an error. Servers only.
    #[arg(long)]
    pub lossy: bool,
    /// No two documents may have the same value in this field
    ///
    /// Creates a unique index on a field, or a dotted path. May be repeated. Stores and ArangoDB only.
    #[arg(long, value_name = "FIELD", value_parser = values::field)]
    pub unique: Vec<String>,
    /// File with the progress: the same command goes on after any end
    ///
    /// The run writes down what is sent and what is settled. If it ends early, even by kill -9 or a crash of the machine
    /// (then with --wait-for-sync), the same command with the same file ends as one uninterrupted run would have. The input
    /// and the flags must be the same; --timeout, a password, --jobs, --max-errors and the output may change. Not with
    /// --complete and --dry-run.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub journal: Option<PathBuf>,
    /// Check each record by itself, store nothing
    ///
    /// Good records count as valid. Duplicates and stored documents are not checked. The connection to a server is checked.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// The handling of errors.
#[derive(Args, Debug)]
#[command(next_help_heading = "Errors")]
pub struct ErrorFlags {
    /// Print every error, not only the first ten
    ///
    /// Otherwise the first ten are printed one by one, then all by kind.
    #[arg(long)]
    pub details: bool,
    /// Stop after more errors than this (exit 3)
    ///
    /// A number of records, or a percentage of those read, such as 1%. Batches in progress are still stored, and a load into
    /// an empty collection finds duplicates only at its end. To store nothing, use --complete.
    #[arg(long, value_name = "N|N%")]
    pub max_errors: Option<MaxErrors>,
    /// File for the server's result of each record
    ///
    /// One JSON object per line: file, line, counted (as what), status, result, version, error and more, in the order of the
    /// responses. - is stdout; the summary then goes to stderr.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub results: Option<PathBuf>,
    /// File for the records that are not stored; it is valid input again
    ///
    /// One JSON object per line: in _reject where the record was and why it is not stored, then the record as it was read.
    /// Fix it there, and import the file with the same flags. - is stdout; the summary then goes to stderr.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rejects: Option<PathBuf>,
}

/// What is printed.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Format of the summary on stdout: text or json
    #[arg(long, value_name = "FORM", default_value = "text", value_parser = one_of::<SummaryFormat>())]
    pub summary: SummaryFormat,
    /// Only the summary; with --details also every error
    ///
    /// A final error line is still printed.
    #[arg(short, long)]
    pub quiet: bool,
    /// Print how each input is read, and when each step is done
    #[arg(short, long)]
    pub verbose: bool,
    /// Show progress: auto, bar, plain (a line every 10 s) or none
    ///
    /// auto: a bar on a terminal, otherwise plain. Without a terminal, bar is plain too.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = one_of::<ProgressMode>())]
    pub progress: ProgressMode,
    /// Use colours: auto, always or never
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
    /// Print the common flags (-h) or all flags (--help)
    #[arg(short, long, action = ArgAction::Help)]
    pub help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
}
