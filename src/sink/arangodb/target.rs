//! ArangoDB as a target: its addresses, which may name a database, and the flags that it does not support.

use super::{answer, open, whole};
use crate::batch::Limits;
use crate::error::hint;
use crate::sink::Log;
use crate::sink::http::{Request, Response, Server};
use crate::sink::remote::ready::Probe;
use crate::sink::target::{Opened, Target};
use crate::sink::wanted::{Endpoint, FlagSources, Wanted};
use crate::stop::Stop;
use anyhow::{Result, anyhow, bail};
use std::ffi::OsStr;

/// ArangoDB.
pub struct Arangodb;

impl Target for Arangodb {
    fn name(&self) -> &'static str {
        "ArangoDB"
    }

    fn forms(&self) -> &'static [&'static str] {
        &["arangodb+http://HOST:8529/_db/NAME"]
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["arangodb+http://", "arangodb+https://"]
    }

    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>> {
        let text = to.to_str()?;
        let server = Server::parse(text, &["arangodb", "arango"], "")?;
        Some(server.and_then(|server| {
            if !names_database(server.url.path()) {
                let database = server.url.path().trim_matches('/');
                let advice =
                    format!("a database is written `/_db/NAME`, here `/_db/{database}`; without one it is `_system`");
                return Err(anyhow!("no database in the path").context(hint(advice)));
            }
            Ok(Endpoint::Server(server))
        }))
    }

    fn unsupported(&self, flag: &str, _: &str) -> Option<&'static str> {
        Some(match flag {
            "api_key_file" => "`--bearer-file FILE` sends a token, `--user NAME` logs in",
            "aws_sigv4" => "`--user NAME` logs in",
            "refresh" => "leave it out, a stored document is seen at once",
            "routing_field" => "leave it out, the server routes by its shard keys",
            "pipeline" => "leave it out; `computedValues` of the collection are ArangoDB's way",
            "wait_for_active_shards" => "leave it out; the collection has its own `writeConcern`",
            "require_alias" => "leave it out, there are no aliases",
            "retry_on_conflict" => "leave it out, a conflict is tried again anyway",
            "bulk_mode" => "leave it out, there is no refresh to turn off",
            "mapping" => "leave it out; `schema` of the collection is ArangoDB's way",
            _ => return None,
        })
    }

    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
        if flags.typed("complete") {
            whole::check(wanted, flags)?;
        }
        if flags.typed("lossy") && wanted.delete_keys {
            bail!("--lossy and --delete-keys cannot be used together");
        }
        match &wanted.collection {
            Some(name) => ensure_name(name),
            None => Err(anyhow!("missing --collection").context(hint("write `--collection NAME`"))),
        }
    }

    fn limits(&self, wanted: &Wanted) -> Limits {
        if wanted.complete { whole::limits(wanted) } else { wanted.batches.limits(5 << 20) }
    }

    fn recognized(&self, reply: &Response) -> Option<&'static str> {
        answer::is_arangodb(reply).then_some("write `arangodb+http://HOST:8529/_db/NAME`")
    }

    fn probe(&self, wanted: &Wanted) -> Option<Probe> {
        Some(Probe { options: wanted.http.clone(), request: Request::get("/_api/version") })
    }

    fn open(&self, wanted: &Wanted, stop: &Stop, log: Log<'_>) -> Result<Opened> {
        open::open(wanted, stop, log)
    }
}

/// Whether a path names a database: `/_db/NAME`, possibly after the path of a proxy; an empty path is `_system`.
fn names_database(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.is_empty() || path.rsplit_once("/_db/").is_some_and(|(_, name)| !name.is_empty() && !name.contains('/'))
}

/// Rejects names that no collection can have. Other mistakes are left to the server.
fn ensure_name(name: &str) -> Result<()> {
    let fault = match name {
        _ if name.contains('/') || name.chars().any(char::is_control) => "\"/\" and control characters are not allowed",
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => "the name must not begin with a digit",
        _ if name.len() > 256 => "longer than 256 bytes",
        _ => return Ok(()),
    };
    bail!("invalid value \"{name}\" for --collection: {fault}")
}
