//! Flags that cannot be honoured together. Only what the command line itself asks for can be in conflict: what comes
//! from a variable gives way.

use super::Given;
use crate::cli::Arguments;
use crate::error::hint;
use crate::input::Format;
use crate::progress::ProgressMode;
use crate::sink::http::without_secrets;
use crate::sink::target::Target;
use anyhow::{Error, Result, anyhow, bail};
use std::collections::HashSet;
use std::path::PathBuf;

/// Flags that only cells can honour.
pub(super) const FOR_CELLS: [&str; 7] =
    ["separator", "quote", "backslash_escape", "headers_file", "convert", "datatype", "empty"];
/// Flags that whatever has a header row can honour.
pub(super) const FOR_ROWS: [&str; 2] = ["ignore_missing", "nested"];

/// Finds the first conflict.
pub(super) fn ensure_none(args: &Arguments, given: &Given, target: &dyn Target) -> Result<()> {
    let format = args.format.format;
    ensure_inputs_are_files(&args.files)?;
    ensure_cells(format, given)?;
    ensure_bulk_lines_decide(format, given, target)?;
    ensure_deletes_stand_alone(given, target)?;
    ensure_edges(args, given)?;
    ensure_once(args)?;
    ensure_one_loudness(args, given)?;
    if args.target.collection.is_none() && format != Some(Format::Bulk) {
        return Err(no_collection(&args.files));
    }
    Ok(())
}

/// Finds values that were meant for something else. Whether a file exists is seen when it is opened.
fn ensure_inputs_are_files(files: &[PathBuf]) -> Result<()> {
    for file in files {
        let text = file.to_string_lossy();
        if file.exists() {
            continue;
        }
        if text == "true" || text == "false" {
            // hints.rs knows which switch it was meant for.
            bail!("{text}: there is no such file");
        }
        if text.contains("://") {
            return Err(anyhow!("{}: an input is a file or stdin", without_secrets(&text))
                .context(hint("`curl -s URL | bulkimport ...` reads from a server")));
        }
    }
    Ok(())
}

fn ensure_cells(format: Option<Format>, given: &Given) -> Result<()> {
    let Some(format) = format else { return Ok(()) };
    let unused = match format {
        Format::Csv | Format::Tsv => None,
        Format::Arrays => given.flags.first_typed(&FOR_CELLS),
        _ => given.flags.first_typed(&FOR_CELLS).or_else(|| given.flags.first_typed(&FOR_ROWS)),
    };
    let Some(flag) = unused else { return Ok(()) };
    Err(anyhow!("{flag}: only csv and tsv can honour it, and the type is {}", format.name())
        .context(hint("say `-t csv`, or leave it out")))
}

fn ensure_bulk_lines_decide(format: Option<Format>, given: &Given, target: &dyn Target) -> Result<()> {
    let decided = ["on_duplicate", "delete_keys", "key", overwrite(target)];
    match given.flags.first_typed(&decided) {
        Some(flag) if format == Some(Format::Bulk) => Err(anyhow!("{flag}: not with bulk lines")
            .context(hint("each bulk line says itself what is done, and to which document"))),
        _ => Ok(()),
    }
}

/// `--overwrite`, if it empties a collection.
fn overwrite(target: &dyn Target) -> &'static str {
    if target.overwrites_collection() { "overwrite" } else { "" }
}

fn ensure_deletes_stand_alone(given: &Given, target: &dyn Target) -> Result<()> {
    let edges = ["unique", "edge", "from_prefix", "to_prefix", "overwrite_collection_prefix"];
    let stores = given.flags.first_typed(&["on_duplicate", overwrite(target)]);
    match stores.or_else(|| given.flags.first_typed(&edges)) {
        Some(flag) if given.flags.typed("delete_keys") => bail!("{flag}: not with --delete-keys, which stores nothing"),
        _ => Ok(()),
    }
}

fn ensure_edges(args: &Arguments, given: &Given) -> Result<()> {
    let no_prefix = args.edges.from_prefix.is_none() && args.edges.to_prefix.is_none();
    if given.flags.typed("overwrite_collection_prefix") && no_prefix {
        return Err(anyhow!("--overwrite-collection-prefix: there is no prefix to overwrite with")
            .context(hint("give `--from-prefix` or `--to-prefix` too")));
    }
    Ok(())
}

/// Finds what is said of one member twice, so that one of them would have no effect.
fn ensure_once(args: &Arguments) -> Result<()> {
    let shape = &args.shape;
    once("--translate", shape.translate.iter().map(|(from, _)| from))?;
    once("--merge-attributes", shape.merge_attributes.iter().map(|merge| &merge.name))?;
    once("--datatype", args.csv.datatype.iter().map(|(column, _)| column))?;
    once("--unique", &args.run.unique)?;
    if let Some((from, _)) = shape.translate.iter().find(|(from, _)| shape.remove_attribute.contains(from)) {
        bail!("--translate: \"{from}\" is dropped by --remove-attribute");
    }
    Ok(())
}

fn once<'a>(flag: &str, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let mut seen = HashSet::new();
    if let Some(name) = names.into_iter().find(|name| !seen.insert(*name)) {
        bail!("{flag}: \"{name}\" is named twice");
    }
    Ok(())
}

fn no_collection(files: &[PathBuf]) -> Error {
    let first = files.first().and_then(|file| file.file_name()).map(|name| name.to_string_lossy());
    let stem = first.as_deref().and_then(|name| name.split('.').next()).filter(|stem| !stem.is_empty() && *stem != "-");
    anyhow!("no collection is named").context(hint(format!(
        "say `--collection {}`; only bulk lines (`-t bulk`) may name their own",
        stem.unwrap_or("NAME")
    )))
}

fn ensure_one_loudness(args: &Arguments, given: &Given) -> Result<()> {
    let shows_progress = matches!(args.output.progress, ProgressMode::Bar | ProgressMode::Plain);
    let other = match given.flags.typed("quiet") {
        true if given.flags.typed("verbose") => "--verbose",
        true if given.flags.typed("progress") && shows_progress => "--progress",
        _ => return Ok(()),
    };
    Err(anyhow!("--quiet and {other}: only one of them can be honoured"))
}
