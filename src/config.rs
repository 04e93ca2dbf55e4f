//! What a run does: every default filled in, every conflict found, all of it checked.
//! Each value has been checked by itself when it gets here (in cli/). A flag of the command line that cannot
//! be honoured is an error; one that comes from a variable is left out.

mod arangodb;
mod cells;
mod cluster;
mod conflicts;
mod kuzzle;
mod request;
mod secrets;

pub use cluster::Cluster;
pub use request::{Request, parse, wants_color, wants_json};

use crate::batch::Limits;
use crate::cli::{Arguments, EdgeFlags, Kind, OutputFlags, ShapeFlags};
use crate::error::hint;
use crate::input::{Format, InputOptions};
use crate::progress::ProgressMode;
use crate::report::{MaxErrors, SummaryFormat};
use crate::shape::ShapeOptions;
use crate::sink::OnDuplicate;
use anyhow::{Result, anyhow};
use conflicts::{FOR_CELLS, FOR_ROWS};
use std::collections::HashSet;
use std::path::PathBuf;

/// Documents of a request to Kuzzle, so that five thousand action lines more stay below its limit of 1 MiB.
const KUZZLE_BYTES: usize = 800 << 10;

/// A checked run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where records go.
    pub target: Target,
    /// `--collection`; absent only for bulk lines that all name their own.
    pub collection: Option<String>,
    /// Inputs in order; none is stdin.
    pub files: Vec<PathBuf>,
    /// How inputs are read.
    pub input: InputOptions,
    /// CSV flags of the command line, as they are written; an error if no input turns out to be CSV, TSV or arrays.
    pub csv_flags: Vec<String>,
    /// `--limit`, in records.
    pub limit: Option<u64>,
    /// Renames, removals, merges, edge prefixes, nesting.
    pub shape: ShapeOptions,
    /// `--key`: the member that is the key.
    pub key: Option<String>,
    /// `--server-keys`.
    pub server_keys: bool,
    /// `--delete-keys`.
    pub delete_keys: bool,
    /// `--on-duplicate`.
    pub on_duplicate: OnDuplicate,
    /// `--edge`.
    pub edge: bool,
    /// `--complete`.
    pub complete: bool,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// `--create-collection`, when it was said: a store makes collections unless told not to.
    pub create_collection: Option<bool>,
    /// `--unique`.
    pub unique: Vec<String>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// Sizes of batches.
    pub limits: Limits,
    /// `--jobs`, 1 to 256, when it was said; a store takes one lane whatever it is.
    pub jobs: Option<usize>,
    /// `--results`; `-` is stdout.
    pub results: Option<PathBuf>,
    /// `--details`.
    pub details: bool,
    /// `--max-errors`.
    pub max_errors: Option<MaxErrors>,
    /// `--summary`.
    pub summary: SummaryFormat,
    /// `-q`.
    pub quiet: bool,
    /// `-v`.
    pub verbose: bool,
    /// `--progress`.
    pub progress: ProgressMode,
    /// Whether stderr may be coloured.
    pub color: bool,
}

/// Where records go.
#[derive(Clone, Debug)]
pub enum Target {
    /// The file of an embedded store.
    Store(PathBuf),
    /// A cluster of servers.
    Cluster(Box<Cluster>),
}

impl Target {
    /// Its name for a person, without secrets.
    pub fn name(&self) -> String {
        match self {
            Target::Store(path) => path.display().to_string(),
            Target::Cluster(cluster) => cluster.name(),
        }
    }
}

/// Where the values of flags come from.
#[derive(Clone, Default)]
pub struct Given {
    /// Ids of the flags that the command line asks for; not of switches that it turns off.
    pub typed: HashSet<String>,
    /// Ids of the flags that the command line or a variable gives any value.
    pub named: HashSet<String>,
    /// Whether stderr may be coloured when `--color` leaves it open.
    pub color: bool,
    /// A password, an API key and a bearer token from variables.
    pub secrets: [Option<String>; 3],
}

impl Given {
    fn typed(&self, id: &str) -> bool {
        self.typed.contains(id)
    }

    /// Whether the command line, or a variable, says of a switch that it is off.
    fn turned_off(&self, id: &str) -> bool {
        self.named.contains(id) && !self.typed(id)
    }

    /// The first of `ids` that the command line asks for, as it is written there.
    fn first_typed(&self, ids: &[&str]) -> Option<String> {
        ids.iter().find(|id| self.typed(id)).map(|id| flag(id))
    }
}

fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

impl Config {
    /// Checks what the flags mean together.
    ///
    /// # Errors
    /// For the first thing that cannot be done.
    pub fn from_args(args: Arguments, given: &Given) -> Result<Config> {
        conflicts::ensure_none(&args, given)?;
        let target = cluster::target(&args, given)?;
        let format = args.format.format;
        let is_bulk = format == Some(Format::Bulk);
        let csv = cells::options(&args, format)?;
        let csv_flags = FOR_CELLS.iter().chain(&FOR_ROWS).filter(|id| given.typed(id)).map(|id| flag(id)).collect();
        let deletes = args.conflict.delete_keys;
        let edge = args.edges.edge && !deletes;
        let shape = shape(args.shape, args.edges, args.csv.nested && has_rows(format));
        let progress = progress(&args.output, given);
        let batch_bytes = args.batches.batch_bytes.unwrap_or(match target {
            Target::Store(_) => 1 << 20,
            Target::Cluster(ref cluster) if cluster.kind == Some(Kind::Kuzzle) => KUZZLE_BYTES,
            Target::Cluster(_) => 5 << 20,
        });
        let distinct = matches!(&target, Target::Cluster(cluster) if cluster.kind == Some(Kind::Kuzzle));
        let is_database = matches!(&target, Target::Cluster(cluster) if cluster.kind == Some(Kind::Arangodb));
        let whole = args.run.complete && is_database;
        Ok(Config {
            target,
            collection: args.target.collection,
            files: args.files,
            input: InputOptions {
                format,
                compression: args.format.compression,
                skip_lines: args.format.skip_lines,
                max_record_bytes: args.format.max_record_bytes,
                csv,
            },
            csv_flags,
            limit: args.format.limit,
            shape,
            key: args.key.key.filter(|_| !is_bulk),
            server_keys: args.key.server_keys,
            delete_keys: deletes,
            on_duplicate: if !is_bulk && !deletes { args.conflict.on_duplicate } else { OnDuplicate::default() },
            edge,
            complete: args.run.complete,
            overwrite: args.run.overwrite,
            wait_for_sync: args.run.wait_for_sync,
            create_collection: args.run.create_collection.filter(|_| given.named.contains("create_collection")),
            unique: args.run.unique,
            dry_run: args.run.dry_run,
            limits: if whole {
                arangodb::whole(args.batches.batch_bytes)
            } else {
                let (records, interval) = (args.batches.batch_size, args.batches.flush_interval);
                Limits { records, bytes: batch_bytes, interval, distinct }
            },
            jobs: args.batches.jobs,
            results: args.errors.results,
            details: args.errors.details,
            max_errors: args.errors.max_errors,
            summary: args.output.summary,
            quiet: args.output.quiet && !given.typed("verbose"),
            verbose: args.output.verbose && (given.typed("verbose") || !args.output.quiet),
            progress,
            color: args.output.color.unwrap_or(given.color),
        })
    }

    /// Finds CSV flags that no input has a use for, once the formats of all inputs are known.
    ///
    /// # Errors
    /// When the command line has such flags and all inputs are of other formats.
    pub fn ensure_csv_flags_are_used(&self, formats: &[Format]) -> Result<()> {
        let used = formats.iter().any(|format| has_rows(Some(*format)));
        if let Some(flag) = self.csv_flags.first().filter(|_| !used) {
            return Err(anyhow!("{flag}: no input is CSV or TSV").context(hint("say `-t csv` if one is")));
        }
        Ok(())
    }
}

/// Whether a format, if it is known, has a header row.
fn has_rows(format: Option<Format>) -> bool {
    matches!(format, None | Some(Format::Csv | Format::Tsv | Format::Arrays))
}

fn shape(flags: ShapeFlags, edges: EdgeFlags, nested: bool) -> ShapeOptions {
    ShapeOptions {
        translate: flags.translate,
        remove: flags.remove_attribute,
        merge: flags.merge_attributes,
        from_prefix: edges.from_prefix,
        to_prefix: edges.to_prefix,
        overwrite_prefix: edges.overwrite_collection_prefix,
        nested,
    }
}

/// `-q` is silent, unless it is a variable and the command line asks for more.
fn progress(flags: &OutputFlags, given: &Given) -> ProgressMode {
    let is_silent = flags.quiet && !given.typed("progress") && !given.typed("verbose");
    if is_silent { ProgressMode::None } else { flags.progress }
}

#[cfg(test)]
mod tests;
