//! Files as a target: their addresses, and the flags that they do not support.

use super::lines::{BulkLines, DocumentLines};
use super::output::{Output, display_name, is_in_place, is_stdout};
use super::rules::{BulkRules, DocumentRules};
use super::writer::Writer;
use crate::action::Rules;
use crate::batch::{Encode, Limits};
use crate::error::hint;
use crate::json::Scanner;
use crate::sink::paths::{identity, real};
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{Endpoint, FlagSources, Wanted};
use crate::sink::{DryRun, Log, Sink};
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

    fn schemes(&self) -> &'static [&'static str] {
        &["jsonl:", "bulk:"]
    }

    fn brief(&self) -> &'static str {
        "files"
    }

    fn help(&self) -> &'static str {
        "jsonl:PATH writes documents into a file, one a line, bulk:PATH Elasticsearch bulk lines; an end in .gz or .zst \
         compresses it, a file that exists is replaced only with --overwrite. - is stdout (--to - means jsonl:-); the \
         summary then goes to stderr."
    }

    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>> {
        if to == "-" {
            return Some(Ok(Endpoint::Path(DOCUMENTS, PathBuf::from("-"))));
        }
        for scheme in [DOCUMENTS, BULK] {
            let path = to.as_bytes().strip_prefix(scheme.as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
            if let Some(path) = path {
                return Some(after_scheme(scheme, Path::new(OsStr::from_bytes(path))));
            }
        }
        missing_scheme(Path::new(to)).map(Err)
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
        let (scheme, path) = scheme_and_path(wanted)?;
        if flags.typed("jobs") && wanted.batches.jobs.is_some_and(|jobs| jobs > 1) {
            return Err(anyhow!("--jobs above 1 is not supported for a file").context(hint("leave it out")));
        }
        if scheme == DOCUMENTS {
            let is_other = wanted.op() != crate::action::Op::Create;
            let typed = flags.first_typed(&["on_duplicate", "delete_keys"]);
            if let Some(flag) = typed.filter(|_| is_other) {
                let advice = format!("`--to bulk:{}` writes an action for each record", path.display());
                return Err(anyhow!("{flag} is not supported for a file of documents").context(hint(advice)));
            }
        }
        if wanted.prefixes && !wanted.edge {
            return Err(anyhow!("--from-prefix and --to-prefix require --edge").context(hint("add `--edge`")));
        }
        check_in_place(path, flags)?;
        if wanted.restart.is_journaled && is_in_place(path) {
            let error = anyhow!("--journal: {} is not a regular file", display_name(path));
            return Err(error.context(hint("name a file, as in `jsonl:out.jsonl`")));
        }
        check_not_used_otherwise(path, wanted)?;
        // With a journal, it may be the output of this very run; `open` looks at that.
        if !wanted.overwrite && !wanted.restart.is_journaled && !is_in_place(path) && std::fs::metadata(path).is_ok() {
            return Err(anyhow!("--to: {} already exists", path.display()).context(hint("`--overwrite` replaces it")));
        }
        Ok(())
    }

    fn has_one_sink(&self) -> bool {
        true
    }

    fn overwrites_collection(&self) -> bool {
        false
    }

    fn uses_stdout(&self, endpoint: &Endpoint) -> bool {
        matches!(endpoint, Endpoint::Path(_, path) if is_stdout(path))
    }

    fn display(&self, wanted: &Wanted) -> String {
        scheme_and_path(wanted).map_or(String::new(), |(_, path)| display_name(path))
    }

    fn limits(&self, wanted: &Wanted) -> Limits {
        wanted.batches.limits(1 << 20)
    }

    fn open(&self, wanted: &Wanted, stop: &Stop, _: Log<'_>) -> Result<Opened> {
        let (scheme, path) = scheme_and_path(wanted)?;
        let collection = wanted.collection.clone();
        let is_bulk = scheme == BULK;
        let (encoder, rules): (Arc<dyn Encode>, Box<dyn Rules>) = if is_bulk {
            (Arc::new(BulkLines::new(collection.as_deref())), Box::new(BulkRules { index: collection.clone() }))
        } else {
            (Arc::new(DocumentLines), Box::new(DocumentRules { scanner: Scanner::default() }))
        };
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if wanted.dry_run {
            sinks.push(Box::new(DryRun));
        } else {
            let (output, complete) = (Output::open(path, wanted, stop)?, wanted.complete);
            let is_journaled = wanted.restart.is_journaled;
            let are_named_by_file = wanted.is_named_by_file();
            let has_warned = false;
            let writer =
                Writer { output, encoder, is_bulk, complete, collection, are_named_by_file, has_warned, is_journaled };
            sinks.push(Box::new(writer));
        }
        Ok(Opened { sinks, edges: vec![wanted.edge], rules, traffic: None, closing: None })
    }
}

/// The scheme and the path of a run's file.
fn scheme_and_path(wanted: &Wanted) -> Result<(&'static str, &Path)> {
    match wanted.endpoints.first() {
        Some(Endpoint::Path(scheme, path)) => Ok((scheme, path)),
        _ => bail!("a file has a path"),
    }
}

fn after_scheme(scheme: &'static str, path: &Path) -> Result<Endpoint> {
    let text = path.to_string_lossy();
    let fault = match &*text {
        "" => format!("missing path after {scheme}:"),
        _ if text.starts_with("//") => format!("expected a path after {scheme}:, not a URL"),
        _ if text.ends_with('/') || path.is_dir() => "is a directory".to_owned(),
        _ if [".bz2", ".xz"].iter().any(|end| text.ends_with(end)) => {
            "unsupported compression (only .gz and .zst)".to_owned()
        }
        _ => return Ok(Endpoint::Path(scheme, path.to_owned())),
    };
    Err(anyhow!(fault).context(hint(format!("write `{scheme}:out.ndjson`, or `{scheme}:-` for stdout"))))
}

/// The error for a new file without a scheme whose name ends like one of JSON lines.
fn missing_scheme(path: &Path) -> Option<Error> {
    let text = path.to_str()?;
    let plain = [".gz", ".zst"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let is_meant = [".jsonl", ".ndjson"].iter().any(|end| plain.ends_with(end)) && !text.contains(':');
    (is_meant && !path.exists()).then(|| {
        anyhow!("not a store name")
            .context(hint(format!("write `jsonl:{text}` for documents, `bulk:{text}` for Elasticsearch bulk lines")))
    })
}

/// Rejects flags that need a regular file.
fn check_in_place(path: &Path, flags: &FlagSources) -> Result<()> {
    let name = display_name(path);
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

/// Rejects an output that is also an input or the file of `--results`.
fn check_not_used_otherwise(path: &Path, wanted: &Wanted) -> Result<()> {
    let device = |path: &Path| if is_stdout(path) { PathBuf::from("/dev/stdout") } else { path.to_owned() };
    let output = device(path);
    if wanted.inputs.contains(&output) {
        bail!("--to: {} is also an input", display_name(path));
    }
    let Some(results) = &wanted.results else { return Ok(()) };
    if wanted.complete {
        bail!("--results and --complete cannot be used together");
    }
    let results = device(results);
    let is_one_file = identity(&results).is_some() && identity(&results) == identity(&output);
    if is_one_file || real(&results) == real(&output) {
        return Err(anyhow!("--results and --to are the same file: {}", display_name(path))
            .context(hint("name another file, as in `--results results.jsonl`")));
    }
    Ok(())
}
