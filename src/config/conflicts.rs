//! Conflicts of flags. Only flags on the command line can conflict; those from variables give way.

use super::{ConfigSources, has_rows};
use crate::cli::Arguments;
use crate::error::hint;
use crate::input::{Conversion, Datatype, Format};
use crate::progress::ProgressMode;
use crate::sink::http::redact_address;
use crate::sink::target::Target;
use crate::sink::wanted::{FlagSources, Wanted};
use anyhow::{Result, anyhow, bail};
use std::collections::HashSet;
use std::path::PathBuf;

/// Flags for formats with cells.
pub(super) const FOR_CELLS: [&str; 13] = [
    "separator",
    "quote",
    "backslash_escape",
    "headers",
    "headers_file",
    "comment",
    "trim",
    "null",
    "decimal",
    "thousands",
    "convert",
    "datatype",
    "empty",
];
/// Flags for formats with a header row.
pub(super) const FOR_ROWS: [&str; 2] = ["ignore_missing", "nested"];

/// Finds the first conflict.
pub(super) fn check(args: &Arguments, sources: &ConfigSources, target: &dyn Target) -> Result<()> {
    check_inputs(&args.files)?;
    check_journal(args)?;
    check_flags_have_effect(args, sources, target)?;
    check_repeats(args)?;
    check_cells(args, sources)?;
    check_verbosity(args, sources)
}

/// Words that other importers have before the file.
const SUBCOMMANDS: [&str; 6] = ["import", "load", "insert", "index", "ingest", "upload"];

/// Rejects inputs that were meant for something else. Other missing files are found when they are opened.
fn check_inputs(files: &[PathBuf]) -> Result<()> {
    for file in files {
        let text = file.to_string_lossy();
        if file.exists() {
            continue;
        }
        if text == "true" || text == "false" {
            // hints.rs adds the switch that it was meant for.
            bail!("{text}: no such file");
        }
        if files.len() > 1 && SUBCOMMANDS.contains(&&*text) {
            let advice = format!("there are no subcommands; write the line without `{text}`");
            return Err(anyhow!("{text}: no such file").context(hint(advice)));
        }
        if text.contains("://") {
            return Err(anyhow!("{}: an input must be a file or stdin", redact_address(&text))
                .context(hint("`curl -fsSL URL | bulkimport ...` reads from a server")));
        }
    }
    Ok(())
}

/// A journal is for runs that keep what they have stored.
fn check_journal(args: &Arguments) -> Result<()> {
    let run = &args.run;
    let other = [("--complete", run.complete), ("--dry-run", run.dry_run)];
    let Some((other, _)) = other.iter().find(|(_, is_set)| *is_set && run.journal.is_some()) else { return Ok(()) };
    let advice = hint("leave out `--journal`: such a run stores all or nothing");
    Err(anyhow!("--journal and {other} cannot be used together").context(advice))
}

/// Rejects flags that have no effect because of other flags.
fn check_flags_have_effect(args: &Arguments, sources: &ConfigSources, target: &dyn Target) -> Result<()> {
    let format = args.input.format;
    let has_cells = matches!(format, None | Some(Format::Csv | Format::Tsv));
    let no_prefix = args.edges.from_prefix.is_none() && args.edges.to_prefix.is_none();
    let for_cells = format!("requires CSV or TSV input, not {}", format.map_or_else(String::new, Format::name));
    // Only if it empties a collection.
    let overwrite = if target.overwrites_collection() { "overwrite" } else { "" };
    let for_storing =
        ["on_duplicate", overwrite, "unique", "edge", "from_prefix", "to_prefix", "overwrite_collection_prefix"];
    let is_json = matches!(format, None | Some(Format::Json | Format::Jsonl));
    let for_json = format!("requires JSON input, not {}", format.map_or_else(String::new, Format::name));
    let rules: [(bool, &[&str], &str, &str); 8] = [
        (format != Some(Format::Bulk), &["retarget"], "requires --type bulk", "write `-t bulk`"),
        (!is_json, &["records"], &for_json, "write `-t json`, or leave it out"),
        (
            format == Some(Format::Bulk),
            &["doc"],
            "and --type bulk cannot be used together",
            "`--doc`: leave it out; each bulk line has its own document",
        ),
        (!has_cells, &FOR_CELLS, &for_cells, "write `-t csv`, or leave it out"),
        (!has_rows(format), &FOR_ROWS, &for_cells, "write `-t csv`, or leave it out"),
        (
            format == Some(Format::Bulk),
            &["on_duplicate", "delete_keys", "key", overwrite],
            "and --type bulk cannot be used together",
            "leave it out; each bulk line has its own action and key",
        ),
        (sources.flags.typed("delete_keys"), &for_storing, "and --delete-keys cannot be used together", ""),
        (
            no_prefix,
            &["overwrite_collection_prefix"],
            "requires --from-prefix or --to-prefix",
            "write `--edge --from-prefix NAME`, or `--edge --to-prefix NAME`",
        ),
    ];
    for (applies, ids, why, advice) in rules {
        let Some(flag) = sources.flags.first_typed(ids).filter(|_| applies) else { continue };
        let error = anyhow!("{flag} {why}");
        return Err(if advice.is_empty() { error } else { error.context(hint(advice)) });
    }
    Ok(())
}

/// Rejects flags that name the same field twice, because one would have no effect.
fn check_repeats(args: &Arguments) -> Result<()> {
    let shape = &args.shape;
    ensure_named_once("--translate", shape.translate.iter().map(|(from, _)| from))?;
    ensure_named_once("--merge-attributes", shape.merge_attributes.iter().map(|merge| &merge.name))?;
    ensure_named_once("--datatype", args.input.csv.datatypes.iter().map(|(column, _)| column))?;
    ensure_named_once("--unique", &args.run.unique)?;
    if let Some((from, _)) = shape.translate.iter().find(|(from, _)| shape.remove_attribute.contains(from)) {
        bail!("--translate: \"{from}\" is removed by --remove-attribute");
    }
    Ok(())
}

pub(super) fn ensure_named_once<'a>(flag: &str, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let mut seen = HashSet::new();
    if let Some(name) = names.into_iter().find(|name| !seen.insert(*name)) {
        bail!("{flag}: duplicate name \"{name}\"");
    }
    Ok(())
}

/// Rejects flags for cells that contradict each other.
fn check_cells(args: &Arguments, sources: &ConfigSources) -> Result<()> {
    let csv = &args.input.csv;
    let typed = |id| sources.flags.typed(id);
    if typed("headers") && typed("headers_file") {
        bail!("--headers and --headers-file cannot be used together");
    }
    if csv.thousands.is_some_and(|sign| sign == csv.decimal.unwrap_or(b'.')) {
        let error = anyhow!("--decimal and --thousands must differ");
        return Err(match csv.decimal {
            Some(_) => error,
            None => error.context(hint("write `--decimal ,` too if a comma is before the decimals")),
        });
    }
    let has_number = csv.datatypes.iter().any(|(_, datatype)| *datatype == Datatype::Number);
    match sources.flags.first_typed(&["decimal", "thousands"]) {
        Some(flag) if csv.convert == Conversion::None && !has_number => {
            let advice = hint("write `--datatype COL=number` for a column of numbers");
            Err(anyhow!("{flag} has no effect with --convert none").context(advice))
        }
        _ => Ok(()),
    }
}

/// Rejects flags for certificates that contradict each other, or have no effect.
pub(super) fn check_trust(wanted: &Wanted, flags: &FlagSources) -> Result<()> {
    if !flags.typed("cert_fingerprint") || wanted.http.nodes.is_empty() {
        return Ok(());
    }
    if let Some(other) = flags.first_typed(&["insecure", "cacert"]) {
        let advice = hint("leave it out; the fingerprint alone decides");
        return Err(anyhow!("{other} and --cert-fingerprint cannot be used together").context(advice));
    }
    if wanted.http.nodes.iter().all(|node| node.scheme() != "https") {
        let advice = hint("write `https` in place of `http` in the address");
        return Err(anyhow!("--cert-fingerprint requires https").context(advice));
    }
    Ok(())
}

fn check_verbosity(args: &Arguments, sources: &ConfigSources) -> Result<()> {
    let shows_progress = matches!(args.output.progress, ProgressMode::Bar | ProgressMode::Plain);
    let other = match sources.flags.typed("quiet") {
        true if sources.flags.typed("verbose") => "--verbose",
        true if sources.flags.typed("progress") && shows_progress => "--progress",
        _ => return Ok(()),
    };
    Err(anyhow!("--quiet and {other} cannot be used together"))
}
