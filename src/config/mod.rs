//! What a run does: every default filled in, every conflict found, all of it checked.
//! Each value has been checked by itself when it gets here (in cli/). A flag of the command line that cannot
//! be honoured is an error; one that comes from a variable is left out.

mod cells;
mod conflicts;
mod request;
mod secrets;
mod wanted;

pub use request::{Request, parse, wants_color, wants_json, wants_stdout};

use crate::batch::Limits;
use crate::cli::{Arguments, EdgeFlags, ErrorFlags, OutputFlags, ShapeFlags};
use crate::error::hint;
use crate::input::{Format, InputOptions};
use crate::progress::ProgressMode;
use crate::shape::ShapeOptions;
use crate::sink::target::Target;
use crate::sink::targets;
use crate::sink::wanted::{FlagSources, Wanted, flag};
use anyhow::{Result, anyhow};
use clap::ColorChoice;
use conflicts::{FOR_CELLS, FOR_ROWS};
use std::path::PathBuf;

/// A checked run.
#[derive(Debug)]
pub struct Config {
    /// Where records go.
    pub target: &'static dyn Target,
    /// What is asked of it.
    pub wanted: Wanted,
    /// Inputs in order; none is stdin.
    pub files: Vec<PathBuf>,
    /// How inputs are read.
    pub input: InputOptions,
    /// CSV flags of the command line, as they are written; an error if no input turns out to be CSV, TSV or arrays.
    pub csv_flags: Vec<String>,
    /// Renames, removals, merges, edge prefixes, nesting.
    pub shape: ShapeOptions,
    /// Sizes of batches.
    pub limits: Limits,
    /// What becomes of errors.
    pub errors: ErrorFlags,
    /// What is said, without contradictions.
    pub output: OutputFlags,
    /// Whether stderr may be coloured.
    pub color: bool,
}

/// What a run is told beside the values of flags.
#[derive(Clone, Default)]
pub struct ConfigSources {
    /// Where the values of flags come from.
    pub flags: FlagSources,
    /// Whether stderr may be coloured when `--color` leaves it open.
    pub color: bool,
    /// A password, an API key and a bearer token from variables.
    pub secrets: [Option<String>; 3],
}

impl Config {
    /// Checks what the flags mean together.
    ///
    /// # Errors
    /// For the first thing that cannot be done.
    pub fn from_args(args: Arguments, given: &ConfigSources) -> Result<Config> {
        let target = targets::choose(&args.target.to)?;
        conflicts::ensure_none(&args, given, target)?;
        let wanted = wanted::of(&args, given, target)?;
        let format = args.input.format;
        let csv = cells::options(&args, format)?;
        let is_typed = |id: &&&str| given.flags.typed(id);
        let csv_flags = FOR_CELLS.iter().chain(&FOR_ROWS).filter(is_typed).map(|id| flag(id)).collect();
        Ok(Config {
            target,
            limits: target.limits(&wanted),
            wanted,
            shape: shape(args.shape, args.edges, csv.nested && has_rows(format)),
            input: InputOptions { csv, ..args.input },
            csv_flags,
            files: args.files,
            errors: args.errors,
            color: match args.output.color {
                ColorChoice::Auto => given.color,
                choice => choice == ColorChoice::Always,
            },
            output: output(args.output, &given.flags),
        })
    }

    /// Whether stdout is taken by something else than the summary, which then goes to stderr.
    pub fn uses_stdout(&self) -> bool {
        let results = self.wanted.results.as_ref().is_some_and(|path| path.as_os_str() == "-");
        results || self.wanted.places.iter().any(|place| self.target.uses_stdout(place))
    }

    /// Finds CSV flags that no input has a use for, once the formats of all inputs are known.
    ///
    /// # Errors
    /// When the command line has such flags and all inputs are of other formats.
    pub fn ensure_csv_flags_are_used(&self, formats: &[Format]) -> Result<()> {
        let used = formats.iter().any(|format| has_rows(Some(*format)));
        if let Some(flag) = self.csv_flags.first().filter(|_| !used) {
            return Err(anyhow!("{flag} requires CSV or TSV input").context(hint("write `-t csv` if an input is CSV")));
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
fn output(flags: OutputFlags, given: &FlagSources) -> OutputFlags {
    let quiet = flags.quiet && !given.typed("verbose");
    let is_silent = quiet && !given.typed("progress");
    OutputFlags {
        quiet,
        verbose: flags.verbose && !quiet,
        progress: if is_silent { ProgressMode::None } else { flags.progress },
        ..flags
    }
}

#[cfg(test)]
mod tests;
