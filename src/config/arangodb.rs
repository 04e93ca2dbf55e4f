//! What ArangoDB can honour of the flags.

use super::Given;
use crate::batch::Limits;
use crate::cli::Arguments;
use crate::error::hint;
use crate::input::Format;
use crate::sink::arangodb::MOST_RECORDS;
use anyhow::{Result, anyhow, bail};
use std::time::Duration;

/// Bytes of the one request of `--complete`, unless `--batch-bytes` says otherwise.
const WHOLE_BYTES: usize = 64 << 20;
/// Above so many bytes the server commits a request in parts (contract of the import API, 1.7).
const MOST_BYTES: usize = 512 << 20;

/// Flags of other targets that it cannot honour, and what to do instead.
const UNFIT: [(&str, &str); 9] = [
    ("api_key_file", "`--bearer-file FILE` sends a token, `--user NAME` logs in"),
    ("refresh", "leave it out, a stored document is seen at once"),
    ("routing_field", "leave it out, the server routes by its shard keys"),
    ("pipeline", "leave it out; `computedValues` of the collection are ArangoDB's way"),
    ("wait_for_active_shards", "leave it out; `writeConcern` of the collection says it"),
    ("require_alias", "leave it out, there are no aliases"),
    ("retry_on_conflict", "leave it out, a conflict is tried again anyway"),
    ("bulk_mode", "leave it out, there is no refresh to turn off"),
    ("mapping", "leave it out; `schema` of the collection is ArangoDB's way"),
];

/// Finds flags that it cannot honour, and names that no collection can have.
pub(super) fn ensure_useful(args: &Arguments, given: &Given) -> Result<()> {
    if let Some((flag, advice)) = UNFIT.iter().find(|(flag, _)| given.typed(flag)) {
        return Err(anyhow!("{}: ArangoDB cannot honour it", super::flag(flag)).context(hint(*advice)));
    }
    ensure_one_request(args, given)?;
    if given.typed("lossy") && args.conflict.delete_keys {
        bail!("--lossy: not with --delete-keys, which stores nothing");
    }
    match &args.target.collection {
        Some(name) => ensure_name(name),
        None => Err(anyhow!("no collection is named").context(hint("give `--collection NAME`"))),
    }
}

/// `--complete` is one request, of which the server answers no document by itself.
fn ensure_one_request(args: &Arguments, given: &Given) -> Result<()> {
    if !given.typed("complete") {
        return Ok(());
    }
    if args.format.format == Some(Format::Bulk) {
        return Err(anyhow!("--complete: ArangoDB takes no bulk lines as a whole")
            .context(hint("documents alone are JSON lines, `-t jsonl`; `--on-duplicate` says what is done")));
    }
    if args.conflict.delete_keys {
        return Err(
            anyhow!("--complete: ArangoDB deletes no list of keys as a whole").context(hint("leave one of them out"))
        );
    }
    if let Some(flag) = given.first_typed(&["results", "max_errors"]) {
        bail!("{flag}: not with --complete, where the first error undoes everything");
    }
    match args.batches.batch_bytes {
        Some(bytes) if bytes > MOST_BYTES => Err(anyhow!("--batch-bytes: with --complete at most 512MiB")
            .context(hint("above that the server commits a request in parts, and can no longer undo it"))),
        _ => Ok(()),
    }
}

/// The limits of the one request of `--complete`.
pub(super) fn whole(batch_bytes: Option<usize>) -> Limits {
    Limits {
        records: MOST_RECORDS,
        bytes: batch_bytes.unwrap_or(WHOLE_BYTES),
        // Nothing goes before the input has ended, however slow it is.
        interval: Duration::from_secs(365 * 86_400),
        distinct: false,
    }
}

/// Finds names that no collection can have; what else is wrong the server says.
fn ensure_name(name: &str) -> Result<()> {
    let wrong = |what: &str| Err(anyhow!("--collection: \"{name}\": {what}"));
    match name {
        _ if name.contains('/') || name.chars().any(char::is_control) => {
            wrong("a collection has no / and no control characters")
        }
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => {
            wrong("a collection does not begin with a digit")
        }
        _ if name.len() > 256 => wrong("a collection has at most 256 bytes"),
        _ => Ok(()),
    }
}
