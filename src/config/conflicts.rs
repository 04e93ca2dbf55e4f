//! Flags that are not supported together. Only what the command line itself asks for can be in conflict: what comes
//! from a variable gives way.

use super::{ConfigSources, has_rows};
use crate::cli::Arguments;
use crate::error::hint;
use crate::input::Format;
use crate::progress::ProgressMode;
use crate::sink::http::without_secrets;
use crate::sink::target::Target;
use anyhow::{Error, Result, anyhow, bail};
use std::collections::HashSet;
use std::path::PathBuf;

/// Flags that only cells supports.
pub(super) const FOR_CELLS: [&str; 7] =
    ["separator", "quote", "backslash_escape", "headers_file", "convert", "datatype", "empty"];
/// Flags that whatever has a header row supports.
pub(super) const FOR_ROWS: [&str; 2] = ["ignore_missing", "nested"];

/// Finds the first conflict.
pub(super) fn ensure_none(args: &Arguments, given: &ConfigSources, target: &dyn Target) -> Result<()> {
    let format = args.input.format;
    ensure_inputs_are_files(&args.files)?;
    ensure_flags_have_a_use(args, given, target)?;
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
            bail!("{text}: no such file");
        }
        if text.contains("://") {
            return Err(anyhow!("{}: an input must be a file or stdin", without_secrets(&text))
                .context(hint("`curl -fsSL URL | bulkimport ...` reads from a server")));
        }
    }
    Ok(())
}

/// Finds flags that other flags leave nothing to do.
fn ensure_flags_have_a_use(args: &Arguments, given: &ConfigSources, target: &dyn Target) -> Result<()> {
    let format = args.input.format;
    let has_cells = matches!(format, None | Some(Format::Csv | Format::Tsv));
    let no_prefix = args.edges.from_prefix.is_none() && args.edges.to_prefix.is_none();
    let for_cells = format!("requires CSV or TSV input, not {}", format.map_or_else(String::new, Format::name));
    // If it empties a collection.
    let overwrite = if target.overwrites_collection() { "overwrite" } else { "" };
    let for_storing =
        ["on_duplicate", overwrite, "unique", "edge", "from_prefix", "to_prefix", "overwrite_collection_prefix"];
    let rules: [(bool, &[&str], &str, &str); 5] = [
        (!has_cells, &FOR_CELLS, &for_cells, "write `-t csv`, or leave it out"),
        (!has_rows(format), &FOR_ROWS, &for_cells, "write `-t csv`, or leave it out"),
        (
            format == Some(Format::Bulk),
            &["on_duplicate", "delete_keys", "key", overwrite],
            "and --type bulk cannot be used together",
            "leave it out; each bulk line has its own action and key",
        ),
        (given.flags.typed("delete_keys"), &for_storing, "and --delete-keys cannot be used together", ""),
        (
            no_prefix,
            &["overwrite_collection_prefix"],
            "requires --from-prefix or --to-prefix",
            "give `--from-prefix` or `--to-prefix` too",
        ),
    ];
    for (applies, ids, why, advice) in rules {
        let Some(flag) = given.flags.first_typed(ids).filter(|_| applies) else { continue };
        let error = anyhow!("{flag} {why}");
        return Err(if advice.is_empty() { error } else { error.context(hint(advice)) });
    }
    Ok(())
}

/// Finds what is said of one field twice, so that one of them would have no effect.
fn ensure_once(args: &Arguments) -> Result<()> {
    let shape = &args.shape;
    once("--translate", shape.translate.iter().map(|(from, _)| from))?;
    once("--merge-attributes", shape.merge_attributes.iter().map(|merge| &merge.name))?;
    once("--datatype", args.input.csv.datatypes.iter().map(|(column, _)| column))?;
    once("--unique", &args.run.unique)?;
    if let Some((from, _)) = shape.translate.iter().find(|(from, _)| shape.remove_attribute.contains(from)) {
        bail!("--translate: \"{from}\" is removed by --remove-attribute");
    }
    Ok(())
}

fn once<'a>(flag: &str, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let mut seen = HashSet::new();
    if let Some(name) = names.into_iter().find(|name| !seen.insert(*name)) {
        bail!("{flag}: duplicate name \"{name}\"");
    }
    Ok(())
}

fn no_collection(files: &[PathBuf]) -> Error {
    let first = files.first().and_then(|file| file.file_name()).map(|name| name.to_string_lossy());
    let stem = first.as_deref().and_then(|name| name.split('.').next()).filter(|stem| !stem.is_empty() && *stem != "-");
    anyhow!("missing --collection").context(hint(format!(
        "write `--collection {}`; only bulk lines (`-t bulk`) may name their own",
        stem.unwrap_or("NAME")
    )))
}

fn ensure_one_loudness(args: &Arguments, given: &ConfigSources) -> Result<()> {
    let shows_progress = matches!(args.output.progress, ProgressMode::Bar | ProgressMode::Plain);
    let other = match given.flags.typed("quiet") {
        true if given.flags.typed("verbose") => "--verbose",
        true if given.flags.typed("progress") && shows_progress => "--progress",
        _ => return Ok(()),
    };
    Err(anyhow!("--quiet and {other} cannot be used together"))
}
