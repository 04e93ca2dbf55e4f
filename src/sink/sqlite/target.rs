//! The store as a target: its addresses, and the flags that it does not support.

use super::Store;
use super::rules::StoreRules;
use crate::batch::Limits;
use crate::error::hint;
use crate::sink::Log;
use crate::sink::http::unknown_scheme;
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{Endpoint, FlagSources, Wanted};
use crate::stop::Stop;
use anyhow::{Context as _, Result, anyhow, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The embedded store.
pub struct Sqlite;

const EXTENSIONS: [&str; 3] = [".db", ".sqlite", ".sqlite3"];

impl Target for Sqlite {
    fn name(&self) -> &'static str {
        "a store"
    }

    fn noun(&self) -> &'static str {
        "a store"
    }

    fn forms(&self) -> &'static [&'static str] {
        &["bulkimport.db"]
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["sqlite:"]
    }

    fn brief(&self) -> &'static str {
        "FILE.db"
    }

    fn help(&self) -> &'static str {
        "A store is a file that exists, or one to be made whose name ends in .db, .sqlite or .sqlite3; sqlite:PATH means any other name."
    }

    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>> {
        let path = Path::new(to);
        let store = |path: &Path| Some(Ok(Endpoint::Path("sqlite", path.to_owned())));
        let Some(text) = to.to_str() else {
            // A name that is not UTF-8 can only be a path.
            let end = path.extension().and_then(OsStr::to_str);
            let is_store = end.is_some_and(|end| matches!(end, "db" | "sqlite" | "sqlite3")) || path.is_file();
            return if is_store { store(path) } else { None };
        };
        if let Some(path) = text.strip_prefix("sqlite:").or(Some(text).filter(|text| *text == ":memory:")) {
            return Some(after_scheme(path));
        }
        if path.is_dir() {
            return Some(Err(anyhow!("is a directory").context(hint("name a file in it, ending in `.db`"))));
        }
        if path.exists() {
            return store(path);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            let is_meant = matches!(&*scheme.to_ascii_lowercase(), "sqlite3" | "file");
            let advice = "a store is written `shop.db` or `sqlite:PATH`";
            return is_meant.then(|| Err(unknown_scheme(text).context(hint(advice))));
        }
        if text.starts_with("file:") {
            return Some(Err(anyhow!("URIs are not supported").context(hint("write `sqlite:PATH` with a plain path"))));
        }
        if EXTENSIONS.iter().any(|end| text.to_ascii_lowercase().ends_with(end)) { store(path) } else { None }
    }

    fn unsupported(&self, flag: &str, group: &str) -> Option<&'static str> {
        let is_of_servers = matches!(group, "Server" | "Elasticsearch and OpenSearch");
        let is_of_some = matches!(flag, "server_keys" | "lossy" | "mapping");
        (is_of_servers || is_of_some).then_some("`--to elasticsearch+http://HOST:9200` writes to a server")
    }

    fn has_one_sink(&self) -> bool {
        true
    }

    fn completes_collections(&self) -> bool {
        true
    }

    fn check(&self, wanted: &Wanted, _: &FlagSources) -> Result<()> {
        if wanted.complete && wanted.results.is_some() {
            bail!("--results: not with --complete");
        }
        let from = wanted.collection_source;
        let name = wanted.collection.as_deref().unwrap_or_default();
        ensure_table(name).with_context(|| format!("invalid value \"{name}\" for {from}"))
    }

    fn limits(&self, wanted: &Wanted) -> Limits {
        wanted.batches.limits(1 << 20)
    }

    fn open(&self, wanted: &Wanted, stop: &Stop, log: Log<'_>) -> Result<Opened> {
        let Some(Endpoint::Path(_, path)) = wanted.endpoints.first() else { bail!("a store has a path") };
        let store = Store::open(path.clone(), wanted.clone(), stop.clone(), log)?;
        let edges = store.edges.clone();
        let rules = Box::new(StoreRules { checks_lines: wanted.dry_run, deep: 0 });
        Ok(Opened { sinks: vec![Box::new(store)], edges, rules, traffic: None, closing: None })
    }
}

fn after_scheme(path: &str) -> Result<Endpoint> {
    let fault = match path {
        "" => "missing path after sqlite:",
        ":memory:" => "in-memory stores are not supported",
        _ if path.starts_with("//") => "expected a path after sqlite:, not a URL",
        _ if Path::new(path).is_dir() => "is a directory",
        _ => return Ok(Endpoint::Path("sqlite", PathBuf::from(path))),
    };
    Err(anyhow!(fault).context(hint("write `sqlite:shop.db` or `sqlite:/var/lib/shop.db`")))
}

/// The hint for a value that is no address.
pub fn other_name(word: &str) -> String {
    format!("a new store's name ends in .db, .sqlite or .sqlite3; for any other name write `sqlite:{word}`")
}

/// Rejects names of tables that are reserved for SQLite or for this program.
fn ensure_table(name: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    for (start, owner) in [("sqlite_", "SQLite"), ("bulkimport_", "bulkimport")] {
        if lower.starts_with(start) {
            bail!("names that begin with {start} are reserved for {owner}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_collections_belong_to_others() {
        for name in ["products", "Größe", "a.b", "x\"y", "sqlite", "my_sqlite_x"] {
            assert!(ensure_table(name).is_ok(), "{name}");
        }
        for name in ["sqlite_x", "SQLite_master", "bulkimport_meta", "BULKIMPORT_x"] {
            assert!(ensure_table(name).is_err(), "{name}");
        }
    }
}
