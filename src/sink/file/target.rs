//! Files as a target: how they are named, and what they cannot do.

use super::lines::{BulkLines, DocumentLines};
use super::output::{Output, is_in_place, is_stdout, shown};
use super::rules::{BulkRules, DocumentRules};
use super::writer::Writer;
use crate::action::Rules;
use crate::batch::{Encode, Limits};
use crate::error::hint;
use crate::json::Scanner;
use crate::sink::paths::{identity, real};
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{FlagSources, Place, Wanted};
use crate::sink::{DryRun, Say, Sink};
use crate::stop::Stop;
use anyhow::{Error, Result, anyhow, bail};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of documents and of bulk lines.
pub struct Files;

const DOCUMENTS: &str = "jsonl";
const BULK: &str = "bulk";

impl Target for Files {
    fn name(&self) -> &'static str {
        "a file"
    }

    fn noun(&self) -> &'static str {
        "a file"
    }

    fn forms(&self) -> &'static [&'static str] {
        &["jsonl:PATH", "bulk:PATH"]
    }

    fn brief(&self) -> &'static str {
        "files"
    }

    fn help(&self) -> &'static str {
        "jsonl:PATH writes documents into a file, one a line, bulk:PATH Elasticsearch bulk lines; an end in .gz or .zst \
         compresses it, a file that exists is replaced only with --overwrite. - is stdout (--to - means jsonl:-); the \
         summary then goes to stderr."
    }

    fn place(&self, to: &OsStr) -> Option<Result<Place>> {
        if to == "-" {
            return Some(Ok(Place::Path(DOCUMENTS, PathBuf::from("-"))));
        }
        for form in [DOCUMENTS, BULK] {
            let path = to.as_bytes().strip_prefix(form.as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
            if let Some(path) = path {
                return Some(after_scheme(form, Path::new(OsStr::from_bytes(path))));
            }
        }
        without_scheme(Path::new(to)).map(Err)
    }

    fn unsupported(&self, flag: &str, group: &str) -> Option<&'static str> {
        match flag {
            "unique" => Some("nothing is looked up in a file; `--to shop.db` checks it"),
            "create_collection" => Some("leave it out: a file is always made"),
            "server_keys" => Some("leave it out: without it each record without a key gets one"),
            "lossy" => Some("leave it out: every number is written as it was read"),
            _ if flag == "mapping" || matches!(group, "Server" | "Elasticsearch and OpenSearch") => {
                Some("`--to elasticsearch+http://HOST:9200` writes to a server")
            }
            _ => None,
        }
    }

    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
        let (form, path) = place(wanted)?;
        if flags.typed("jobs") && wanted.batches.jobs.is_some_and(|jobs| jobs > 1) {
            return Err(anyhow!("--jobs above 1 is not supported for a file").context(hint("leave it out")));
        }
        if form == DOCUMENTS {
            let is_other = wanted.op() != crate::action::Op::Create;
            let typed = flags.first_typed(&["on_duplicate", "delete_keys"]);
            if let Some(flag) = typed.filter(|_| is_other) {
                let advice = format!("`--to bulk:{}` writes an action for each record", path.display());
                return Err(anyhow!("{flag} is not supported for a file of documents").context(hint(advice)));
            }
        }
        ensure_in_place_can(path, flags)?;
        ensure_another(path, wanted)?;
        if !wanted.overwrite && !is_in_place(path) && std::fs::metadata(path).is_ok() {
            return Err(anyhow!("--to: {} already exists", path.display()).context(hint("`--overwrite` replaces it")));
        }
        Ok(())
    }

    fn overwrites_collection(&self) -> bool {
        false
    }

    fn uses_stdout(&self, place: &Place) -> bool {
        matches!(place, Place::Path(_, path) if is_stdout(path))
    }

    fn shown(&self, wanted: &Wanted) -> String {
        place(wanted).map_or(String::new(), |(_, path)| shown(path))
    }

    fn limits(&self, wanted: &Wanted) -> Limits {
        wanted.batches.limits(1 << 20)
    }

    fn open(&self, wanted: &Wanted, _: &Stop, _: Say<'_>) -> Result<Opened> {
        let (form, path) = place(wanted)?;
        let collection = wanted.collection.clone();
        let is_bulk = form == BULK;
        let (encoder, rules): (Arc<dyn Encode>, Box<dyn Rules>) = if is_bulk {
            (Arc::new(BulkLines::new(collection.as_deref())), Box::new(BulkRules { index: collection.clone() }))
        } else {
            (Arc::new(DocumentLines), Box::new(DocumentRules { scanner: Scanner::default() }))
        };
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if wanted.dry_run {
            sinks.push(Box::new(DryRun));
        } else {
            let (output, complete) = (Output::open(path, wanted)?, wanted.complete);
            sinks.push(Box::new(Writer { output, encoder, is_bulk, complete, collection, has_noted: false }));
        }
        Ok(Opened { sinks, edge: wanted.edge, rules, traffic: None, closing: None })
    }
}

/// The form and the path of a run's file.
fn place(wanted: &Wanted) -> Result<(&'static str, &Path)> {
    match wanted.places.first() {
        Some(Place::Path(form, path)) => Ok((form, path)),
        _ => bail!("a file has a path"),
    }
}

fn after_scheme(form: &'static str, path: &Path) -> Result<Place> {
    let text = path.to_string_lossy();
    let fault = match &*text {
        "" => format!("missing path after {form}:"),
        _ if text.starts_with("//") => format!("expected a path after {form}:, not a URL"),
        _ if text.ends_with('/') || path.is_dir() => "is a directory".to_owned(),
        _ if [".bz2", ".xz"].iter().any(|end| text.ends_with(end)) => {
            "unsupported compression (only .gz and .zst)".to_owned()
        }
        _ => return Ok(Place::Path(form, path.to_owned())),
    };
    Err(anyhow!(fault).context(hint(format!("write `{form}:out.ndjson`, or `{form}:-` for stdout"))))
}

/// What to write for a new file that is called like one of lines.
fn without_scheme(path: &Path) -> Option<Error> {
    let text = path.to_str()?;
    let plain = [".gz", ".zst"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let is_meant = [".jsonl", ".ndjson"].iter().any(|end| plain.ends_with(end)) && !text.contains(':');
    (is_meant && !path.exists()).then(|| {
        anyhow!("not a store name")
            .context(hint(format!("write `jsonl:{text}` for documents, `bulk:{text}` for Elasticsearch bulk lines")))
    })
}

/// Finds flags that need a file of its own.
fn ensure_in_place_can(path: &Path, flags: &FlagSources) -> Result<()> {
    let name = shown(path);
    if let Some(flag) = flags.first_typed(&["complete", "wait_for_sync"]).filter(|_| is_in_place(path)) {
        return Err(
            anyhow!("{flag}: {name} is not a regular file").context(hint("name a file, as in `jsonl:out.jsonl`"))
        );
    }
    if flags.typed("overwrite") && is_stdout(path) {
        return Err(anyhow!("--overwrite is not supported for stdout").context(hint("leave it out")));
    }
    Ok(())
}

/// Finds an output that is read, or that something else is written to.
fn ensure_another(path: &Path, wanted: &Wanted) -> Result<()> {
    let device = |path: &Path| if is_stdout(path) { PathBuf::from("/dev/stdout") } else { path.to_owned() };
    let output = device(path);
    if wanted.inputs.contain(&output) {
        bail!("--to: {} is also an input", shown(path));
    }
    let Some(results) = &wanted.results else { return Ok(()) };
    if wanted.complete {
        bail!("--results and --complete cannot be used together");
    }
    let results = device(results);
    let is_one_file = identity(&results).is_some() && identity(&results) == identity(&output);
    if is_one_file || real(&results) == real(&output) {
        return Err(anyhow!("--results and --to are the same file: {}", shown(path))
            .context(hint("name another file, as in `--results results.jsonl`")));
    }
    Ok(())
}
