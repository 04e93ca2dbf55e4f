//! Flags that neither Elasticsearch nor Kuzzle supports, and combinations without an effect.

use crate::error::hint;
use crate::sink::wanted::{FlagSources, Wanted};
use anyhow::{Result, anyhow, bail};

/// What to do instead of a flag that is not supported.
pub(in crate::sink) fn unsupported(flag: &str) -> Option<&'static str> {
    match flag {
        "complete" => Some("leave it out; `--max-errors 0` stops at the first error"),
        "server_keys" => Some("leave it out: a key that is made here keeps a record from being stored twice"),
        "unique" => Some("`--key FIELD` makes a field the key, which is unique"),
        "edge" | "from_prefix" | "to_prefix" | "overwrite_collection_prefix" => {
            Some("leave it out; fields such as `_from` are plain fields there")
        }
        _ => None,
    }
}

/// Checks for flags that would have no effect.
pub(in crate::sink) fn check(wanted: &Wanted, flags: &FlagSources) -> Result<()> {
    if wanted.is_bulk
        && let Some(flag) = flags.first_typed(&["routing_field", "retry_on_conflict"])
    {
        return Err(anyhow!("{flag} and --type bulk cannot be used together")
            .context(hint("leave it out; each bulk line has its own")));
    }
    if flags.typed("retry_on_conflict") && !wanted.updates() {
        bail!("--retry-on-conflict requires --on-duplicate update");
    }
    if flags.typed("client_key") && wanted.http.cert.is_none() {
        return Err(anyhow!("--client-key requires --cert").context(hint("give `--cert FILE` too")));
    }
    if flags.typed("mapping") && wanted.create_collection == Some(false) {
        bail!("--mapping and --create-collection=false cannot be used together");
    }
    Ok(())
}
