//! The checked configuration of a run: defaults are filled in, and conflicts are errors.
//! Single values have been checked before, in cli/. A flag on the command line that is not supported is an error; one from a
//! variable is ignored.

mod aws;
mod cells;
mod collections;
mod conflicts;
mod meaning;
mod netrc;
mod outputs;
mod request;
mod secrets;
mod wanted;

pub use crate::cli::help::USAGE;
pub use request::{Request, is_bare, parse, wants_color, wants_json, wants_stdout};
pub use secrets::remember_secrets;

use crate::batch::Limits;
use crate::cli::typed;
use crate::cli::{Arguments, EdgeFlags, ErrorFlags, OutputFlags, ShapeFlags};
use crate::error::hint;
use crate::input::{CsvOptions, Datatype, Format, InputOptions};
use crate::mask::mask;
use crate::progress::ProgressMode;
use crate::shape::ShapeOptions;
use crate::sink::target::Target;
use crate::sink::targets;
use crate::sink::wanted::{FlagSources, Wanted, flag};
use anyhow::{Result, anyhow};
use clap::ColorChoice;
use conflicts::{FOR_CELLS, FOR_ROWS};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The configuration of a run.
#[derive(Debug)]
pub struct Config {
    /// The target.
    pub target: &'static dyn Target,
    /// The options for the target.
    pub wanted: Wanted,
    /// Inputs in order; empty for stdin.
    pub files: Vec<PathBuf>,
    /// The collection of each file, as an index into `wanted.collections`.
    pub collection_of_file: Vec<usize>,
    /// How inputs are read.
    pub input: InputOptions,
    /// CSV flags on the command line, as they are written; an error if no input is CSV, TSV or arrays.
    pub csv_flags: Vec<String>,
    /// Whether `--records` is on the command line; an error if no input is JSON.
    pub has_records_flag: bool,
    /// Renames, removals, merges, edge prefixes, nesting.
    pub shape: ShapeOptions,
    /// `--journal`.
    pub journal: Option<PathBuf>,
    /// The command line, quoted for a shell and without secrets.
    pub command: String,
    /// Sizes of batches.
    pub limits: Limits,
    /// The handling of errors.
    pub errors: ErrorFlags,
    /// What is printed.
    pub output: OutputFlags,
    /// Whether stderr may be coloured.
    pub color: bool,
    /// Notes to print first.
    pub notes: Vec<String>,
    /// The command that imports the file of `--rejects`. `None` if there is none that works.
    pub rejects_command: Option<String>,
}

/// The sources of a configuration, beside the values of flags.
#[derive(Clone, Default)]
pub struct ConfigSources {
    /// Where the values of flags come from.
    pub flags: FlagSources,
    /// Whether stderr may be coloured when `--color` leaves it open.
    pub color: bool,
    /// Notes about variables.
    pub notes: Vec<String>,
    /// The password, the API key and the bearer token from variables.
    pub secrets: [Option<String>; 3],
    /// All variables, for those of other programs.
    pub env: Vec<(OsString, OsString)>,
    /// The command line.
    pub argv: Vec<OsString>,
}

impl Config {
    /// Checks the flags and builds the configuration.
    ///
    /// # Errors
    /// For the first mistake.
    pub fn from_args(mut args: Arguments, sources: &ConfigSources) -> Result<Config> {
        let target = targets::choose(&args.target.to)?;
        conflicts::check(&args, sources, target)?;
        let collections = collections::find(&args)?;
        args.files.clone_from(&collections.files);
        let wanted = wanted::build(&args, &collections, sources, target)?;
        outputs::ensure_not_read(&args, &wanted)?;
        let format = args.input.format;
        let csv = cells::options(&args, format)?;
        let is_typed = |id: &&&str| sources.flags.typed(id);
        let csv_flags = FOR_CELLS.iter().chain(&FOR_ROWS).filter(is_typed).map(|id| flag(id)).collect();
        let rejects_command = rejects_command(args.errors.rejects.as_deref(), sources, target);
        Ok(Config {
            target,
            limits: target.limits(&wanted),
            journal: args.run.journal,
            command: command(&sources.argv),
            wanted,
            shape: ShapeOptions { doc: args.input.doc.clone(), ..shape(args.shape, args.edges, &csv, format) },
            input: InputOptions { csv, ..args.input },
            csv_flags,
            has_records_flag: sources.flags.typed("records"),
            files: args.files,
            collection_of_file: collections.of_files,
            errors: args.errors,
            color: match args.output.color {
                ColorChoice::Auto => sources.color,
                choice => choice == ColorChoice::Always,
            },
            output: output(args.output, &sources.flags),
            notes: sources.notes.clone(),
            rejects_command,
        })
    }

    /// Whether the target is opened once for all collections of the run.
    pub fn has_one_sink(&self) -> bool {
        self.target.has_one_sink()
    }

    /// Whether stdout is used for documents, results or rejects; the summary then goes to stderr.
    pub fn uses_stdout(&self) -> bool {
        let is_stdout = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.as_os_str() == "-");
        is_stdout(&self.wanted.results)
            || is_stdout(&self.wanted.rejects)
            || self.wanted.endpoints.iter().any(|endpoint| self.target.uses_stdout(endpoint))
    }

    /// Checks `--records`, once the formats of all inputs are known.
    ///
    /// # Errors
    /// When it is on the command line, and no input is JSON.
    pub fn ensure_records_flag_is_used(&self, formats: &[Format]) -> Result<()> {
        let is_json = |format: &Format| matches!(format, Format::Json | Format::Jsonl | Format::Rejects);
        if self.has_records_flag && !formats.iter().any(is_json) {
            let advice = hint("write `-t json` if an input is JSON");
            return Err(anyhow!("--records requires JSON input").context(advice));
        }
        Ok(())
    }

    /// Checks the CSV flags, once the formats of all inputs are known.
    ///
    /// # Errors
    /// When the command line has such flags, and all inputs have other formats.
    pub fn ensure_csv_flags_are_used(&self, formats: &[Format]) -> Result<()> {
        let used = formats.iter().any(|format| has_rows(Some(*format)) || *format == Format::Rejects);
        if let Some(flag) = self.csv_flags.first().filter(|_| !used) {
            return Err(anyhow!("{flag} requires CSV or TSV input").context(hint("write `-t csv` if an input is CSV")));
        }
        Ok(())
    }
}

/// The command line, as one would type it again.
fn command(argv: &[OsString]) -> String {
    let words: Vec<String> = argv.iter().map(|word| mask(&word.to_string_lossy()).into_owned()).collect();
    typed::quoted(&words)
}

/// The command that imports the rejects of this one: not with a secret in it, nor into a file that exists by then, nor if a
/// variable names the file of the rejects.
fn rejects_command(rejects: Option<&Path>, sources: &ConfigSources, target: &dyn Target) -> Option<String> {
    let name = rejects?.to_str().filter(|name| *name != "-")?;
    let name = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
    let mut words = typed::without(&sources.argv, &["rejects", "overwrite", "journal"])?;
    words.push(name);
    let command = typed::quoted(&words);
    let works = target.overwrites_collection() && sources.flags.typed("rejects") && mask(&command) == command;
    works.then_some(command)
}

/// Whether a format has a header row; true if it is not known yet.
fn has_rows(format: Option<Format>) -> bool {
    matches!(format, None | Some(Format::Csv | Format::Tsv | Format::Arrays))
}

fn shape(flags: ShapeFlags, edges: EdgeFlags, csv: &CsvOptions, format: Option<Format>) -> ShapeOptions {
    let column =
        |(name, datatype): &(String, Datatype)| (format!("--datatype {name}={}", datatype.name()), name.clone());
    ShapeOptions {
        translate: flags.translate,
        remove: flags.remove_attribute,
        merge: flags.merge_attributes,
        from_prefix: edges.from_prefix,
        to_prefix: edges.to_prefix,
        overwrite_prefix: edges.overwrite_collection_prefix,
        nested: csv.nested && has_rows(format),
        doc: None,
        columns: csv.datatypes.iter().map(column).collect(),
    }
}

/// Resolves conflicts: `-q` from a variable gives way to `-v` and `--progress` on the command line.
fn output(flags: OutputFlags, sources: &FlagSources) -> OutputFlags {
    let quiet = flags.quiet && !sources.typed("verbose");
    let is_silent = quiet && !sources.typed("progress");
    OutputFlags {
        quiet,
        verbose: flags.verbose && !quiet,
        progress: if is_silent { ProgressMode::None } else { flags.progress },
        ..flags
    }
}

#[cfg(test)]
mod tests;
