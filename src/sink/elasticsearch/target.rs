//! Elasticsearch and OpenSearch as a target: their addresses, and what they do not support.

use super::open;
use crate::error::hint;
use crate::sink::http::{Response, Server};
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{Endpoint, FlagSources, Wanted, flag};
use crate::sink::{Log, bulk_api};
use crate::stop::Stop;
use anyhow::{Result, anyhow, bail};
use serde_json::Value;
use std::ffi::OsStr;

/// Elasticsearch, OpenSearch, and servers of unknown type.
pub struct Elasticsearch;

impl Target for Elasticsearch {
    fn name(&self) -> &'static str {
        "Elasticsearch and OpenSearch"
    }

    fn forms(&self) -> &'static [&'static str] {
        &["elasticsearch+http://HOST:9200", "opensearch+https://HOST:9200"]
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["es+http://", "es+https://", "opensearch+http://", "opensearch+https://"]
    }

    fn help(&self) -> &'static str {
        "elasticsearch+http://HOST:9200 (also es+ and opensearch+, and https)"
    }

    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>> {
        let names = ["elasticsearch", "es", "opensearch", ""];
        let text = to.to_str()?;
        Some(Server::parse(text, &names, "")?.and_then(|server| {
            if server.url.path().trim_end_matches('/').ends_with("/_bulk") {
                let scheme = text.split("://").next().unwrap_or_default();
                let host = server.url.authority();
                let shown = format!("{scheme}://{host}");
                return Err(anyhow!("a path that ends in /_bulk").context(hint(format!("write `--to {shown}`"))));
            }
            Ok(Endpoint::Server(server))
        }))
    }

    fn unsupported(&self, flag: &str, _: &str) -> Option<&'static str> {
        bulk_api::unsupported(flag)
    }

    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
        bulk_api::check(wanted, flags)?;
        if flags.typed("lossy") && wanted.is_bulk {
            return Err(anyhow!("--lossy and --type bulk cannot be used together")
                .context(hint("leave it out; each bulk line has its own")));
        }
        if flags.typed("lossy") && !wanted.updates() {
            bail!("--lossy requires --on-duplicate update");
        }
        if wanted.updates() && flags.typed("pipeline") {
            let text = "--pipeline and --on-duplicate update cannot be used together";
            let advice = "`--on-duplicate replace` sends documents through the pipeline";
            return Err(anyhow!(text).context(hint(advice)));
        }
        if wanted.indexing.bulk_mode && wanted.indexing.refresh.as_deref() == Some("wait_for") {
            let text = "--refresh wait_for and --bulk-mode cannot be used together";
            let advice = "leave it out; `--bulk-mode` refreshes the index when the load ends";
            return Err(anyhow!(text).context(hint(advice)));
        }
        let of_one = ["wait_for_sync", "create_collection"].iter().find(|id| flags.typed(id) || flags.turned_off(id));
        if let Some(id) = of_one.filter(|_| wanted.is_bulk) {
            bail!("{} and --type bulk cannot be used together", flag(id));
        }
        let of_named = flags.first_typed(&["bulk_mode", "mapping", "create_collection", "wait_for_sync"]);
        match (&wanted.collection, of_named) {
            (None, Some(flag)) => {
                Err(anyhow!("{flag} requires --collection").context(hint("write `--collection NAME`")))
            }
            (None, None) => Ok(()),
            (Some(name), _) => ensure_index_name(name, wanted.collection_source),
        }
    }

    fn recognized(&self, response: &Response) -> Option<&'static str> {
        let body: Value = serde_json::from_slice(&response.body).ok()?;
        open::is_cluster(&body).then_some("write `elasticsearch+http://HOST:9200`, and the index with `--collection`")
    }

    fn open(&self, wanted: &Wanted, stop: &Stop, report: Log<'_>) -> Result<Opened> {
        open::open(wanted, stop, report)
    }
}

/// Refuses names that no index can have (contract of the bulk API, 2.4). A date-math name is left to the server.
fn ensure_index_name(name: &str, from: &str) -> Result<()> {
    if name.starts_with('<') && name.ends_with('>') {
        return Ok(());
    }
    let fault = match name {
        "." | ".." => "this name is reserved",
        _ if name.chars().any(char::is_uppercase) => "uppercase letters are not allowed",
        _ if name.starts_with(['-', '_', '+']) => "the name must not begin with -, _ or +",
        _ if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':']) => {
            "blanks and \\ / * ? \" < > | , # : are not allowed"
        }
        _ if name.len() > 255 => "longer than 255 bytes",
        _ => return Ok(()),
    };
    bail!("invalid value \"{name}\" for {from}: {fault}")
}
