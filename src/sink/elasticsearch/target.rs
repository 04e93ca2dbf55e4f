//! Elasticsearch and OpenSearch as a target: their addresses, and what they do not support.

use super::{api_key, cloud_id, open};
use crate::action::Op;
use crate::error::hint;
use crate::sink::http::{Login, Request, Response, Server};
use crate::sink::remote::ready::Probe;
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{Endpoint, FlagSources, Wanted, flag};
use crate::sink::{Log, bulk_api};
use crate::stop::Stop;
use anyhow::{Result, anyhow, bail};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;

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
        &["es+http://", "es+https://", "opensearch+http://", "opensearch+https://", "cloud:"]
    }

    fn help(&self) -> &'static str {
        "elasticsearch+http://HOST:9200 (also es+, opensearch+, https, and cloud:CLOUD_ID)"
    }

    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>> {
        let names = ["elasticsearch", "es", "opensearch", ""];
        let text = to.to_str()?;
        if let Some(server) = of_cloud(text) {
            return Some(server.map(Endpoint::Server));
        }
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
        if flag == "server_keys" { None } else { bulk_api::unsupported(flag) }
    }

    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
        bulk_api::check(wanted, flags)?;
        if wanted.server_keys {
            ensure_new_documents(wanted)?;
        }
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

    fn login(&self, login: Login) -> Result<Login> {
        Ok(match login {
            Login::ApiKey(text) => Login::ApiKey(api_key::encoded(&text)?),
            other => other,
        })
    }

    fn probe(&self, wanted: &Wanted) -> Option<Probe> {
        Some(Probe { options: wanted.http.clone(), request: Request::get("/") })
    }

    fn recognized(&self, response: &Response) -> Option<&'static str> {
        let body: Value = serde_json::from_slice(&response.body).ok()?;
        open::is_cluster(&body).then_some("write `elasticsearch+http://HOST:9200`, and the index with `--collection`")
    }

    fn open(&self, wanted: &Wanted, stop: &Stop, report: Log<'_>) -> Result<Opened> {
        open::open(wanted, stop, report)
    }
}

/// Refuses flags with which a record is found again by its key. The server makes another key for each.
fn ensure_new_documents(wanted: &Wanted) -> Result<()> {
    let other = match wanted.on_duplicate {
        _ if wanted.key.is_some() => "--key",
        _ if wanted.delete_keys => "--delete-keys",
        Op::Create => return Ok(()),
        _ => "--on-duplicate",
    };
    let advice = "leave it out; with `--server-keys`, each record is a new document";
    Err(anyhow!("{other} and --server-keys cannot be used together").context(hint(advice)))
}

/// The cluster of a Cloud ID, behind `cloud:`; an error for one without it.
fn of_cloud(text: &str) -> Option<Result<Server>> {
    const SCHEME: &str = "cloud:";
    if text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME)) {
        let url = cloud_id::url(&text[SCHEME.len()..]);
        return Some(url.map(|url| Server { has_type: true, url, namespace: None, login: None }));
    }
    let is_bare = text.contains(':') && cloud_id::url(text).is_ok() && !Path::new(text).exists();
    is_bare.then(|| Err(anyhow!("a Cloud ID without its scheme").context(hint(format!("write `cloud:{text}`")))))
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
