//! Kuzzle as a target: its addresses, which name an index, and what it does not support.

use super::{answer, open};
use crate::batch::Limits;
use crate::error::hint;
use crate::sink::http::{HttpOptions, Request, Response, Server};
use crate::sink::remote::ready::Probe;
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{Endpoint, FlagSources, Wanted};
use crate::sink::{Log, bulk_api};
use crate::stop::Stop;
use anyhow::{Context as _, Result, anyhow, bail};
use std::ffi::OsStr;

/// Kuzzle.
pub struct Kuzzle;

/// Maximum bytes of documents in a request. With five thousand action lines it stays below Kuzzle's limit of 1 MiB.
const BYTES: usize = 800 << 10;

impl Target for Kuzzle {
    fn name(&self) -> &'static str {
        "Kuzzle"
    }

    fn forms(&self) -> &'static [&'static str] {
        &["kuzzle+http://HOST:7512/INDEX"]
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["kuzzle+http://", "kuzzle+https://"]
    }

    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>> {
        let text = to.to_str()?;
        let read = Server::parse(text, &["kuzzle"], "/INDEX")?;
        Some(read.and_then(|mut server| {
            server.namespace = server.take_last_segment();
            if server.namespace.is_some() {
                return Ok(Endpoint::Server(server));
            }
            let scheme = text.split("://").next().unwrap_or_default().to_ascii_lowercase();
            let advice = format!("write `{scheme}://HOST:7512/INDEX`, and the collection with `--collection`");
            Err(anyhow!("missing index").context(hint(advice)))
        }))
    }

    fn unsupported(&self, flag: &str, _: &str) -> Option<&'static str> {
        match flag {
            "routing_field" | "pipeline" | "wait_for_active_shards" | "require_alias" | "bulk_mode" => {
                Some("leave it out; bulk lines (`-t bulk`) have their own `routing` and `pipeline`")
            }
            "aws_sigv4" => Some("`--user NAME` logs in"),
            _ => bulk_api::unsupported(flag),
        }
    }

    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
        if wanted.servers().any(|server| server.namespace.is_none()) {
            return Err(anyhow!("--to: Kuzzle and a server without a scheme cannot be used together")
                .context(hint("write `kuzzle+http://HOST:7512/INDEX` for each node")));
        }
        bulk_api::check(wanted, flags)?;
        if wanted.delete_keys && flags.typed("lossy") {
            bail!("--lossy and --delete-keys cannot be used together");
        }
        if wanted.indexing.refresh.as_deref() == Some("true") && flags.typed("refresh") {
            return Err(anyhow!("--refresh true is not supported for Kuzzle")
                .context(hint("`--refresh wait_for` waits until searches find the documents")));
        }
        let mut indices = wanted.servers().filter_map(|server| server.namespace.as_deref());
        let index = indices.next().unwrap_or_default();
        ensure_name(index).with_context(|| format!("invalid index \"{index}\" in --to"))?;
        if let Some(other) = indices.find(|other| *other != index) {
            return Err(anyhow!("--to: indices \"{index}\" and \"{other}\" cannot be used together")
                .context(hint("several `--to` are nodes of one Kuzzle; run once for each index")));
        }
        let Some(name) = &wanted.collection else {
            let advice = "write `--collection NAME`: lines of bulk files cannot";
            return Err(anyhow!("missing --collection").context(hint(advice)));
        };
        ensure_name(name).with_context(|| format!("invalid value \"{name}\" for {}", wanted.collection_source))
    }

    /// Its responses are matched by key, so a batch holds each key once.
    fn limits(&self, wanted: &Wanted) -> Limits {
        Limits { distinct: true, ..wanted.batches.limits(BYTES) }
    }

    fn recognized(&self, response: &Response) -> Option<&'static str> {
        let advice = "write `kuzzle+http://HOST:7512/INDEX`, and the collection with `--collection`";
        answer::is_kuzzle(response).then_some(advice)
    }

    fn probe(&self, wanted: &Wanted) -> Option<Probe> {
        let options = HttpOptions { login: None, ..wanted.http.clone() };
        Some(Probe { options, request: Request::get("/_healthcheck") })
    }

    fn open(&self, wanted: &Wanted, stop: &Stop, report: Log<'_>) -> Result<Opened> {
        open::open(wanted, stop, report)
    }
}

/// Refuses names that no index or collection can have (contract of Kuzzle, 3.1).
fn ensure_name(name: &str) -> Result<()> {
    let fault = match name {
        "_all" => "this name is reserved",
        _ if name.chars().any(char::is_uppercase) => "uppercase letters are not allowed",
        _ if name.contains(|c| "\\/*?\"<>| \t\r\n,+#:.&%".contains(c)) => {
            "blanks and \\ / * ? \" < > | , + # : . & % are not allowed"
        }
        _ if name.len() > 126 => "longer than 126 bytes",
        _ => return Ok(()),
    };
    bail!(fault)
}
