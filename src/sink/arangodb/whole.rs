//! Checks of `--complete` for ArangoDB: the run must fit one request, whose response does not list documents.

use super::complete::MAX_RECORDS;
use crate::batch::Limits;
use crate::error::hint;
use crate::progress::grouped;
use crate::sink::wanted::{FlagSources, Wanted};
use anyhow::{Result, anyhow, bail};
use std::time::Duration;

/// Default size of the request.
const DEFAULT_BYTES: usize = 64 << 20;
/// Above this size the server commits a request in parts (contract of the import API, 1.7).
const MAX_BYTES: usize = 512 << 20;

/// Rejects flags that do not work with a single request.
pub(super) fn check(wanted: &Wanted, flags: &FlagSources) -> Result<()> {
    if wanted.is_bulk {
        return Err(anyhow!("--complete and --type bulk cannot be used together")
            .context(hint("documents alone are JSON lines, `-t jsonl`; `--on-duplicate` decides what is done")));
    }
    if wanted.delete_keys {
        return Err(
            anyhow!("--complete and --delete-keys cannot be used together").context(hint("leave one of them out"))
        );
    }
    if let Some(flag) = flags.first_typed(&["results", "max_errors", "max_rate"]) {
        bail!("{flag} and --complete cannot be used together");
    }
    if wanted.batches.bytes.is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(anyhow!("--batch-bytes above 512MiB and --complete cannot be used together")
            .context(hint("above that the server commits a request in parts, and can no longer undo it")));
    }
    Ok(())
}

/// The limits of the request.
pub(super) fn limits(wanted: &Wanted) -> Limits {
    Limits {
        records: MAX_RECORDS,
        // Nothing is sent before the input has ended, however slow it is.
        interval: Duration::from_secs(365 * 86_400),
        ..wanted.batches.limits(DEFAULT_BYTES)
    }
}

/// Rejects an input that certainly does not fit.
pub(super) fn ensure_it_fits(wanted: &Wanted) -> Result<()> {
    let max = limits(wanted).bytes;
    match wanted.inputs.stored_bytes.filter(|_| !wanted.inputs.is_compressed) {
        Some(size) if size > max as u64 => {
            let text = format!(
                "--complete: the input has {} bytes, and one request at most {}",
                grouped(size),
                grouped(max as u64)
            );
            Err(anyhow!(text).context(hint("`--batch-bytes SIZE` allows more, up to 512MiB")))
        }
        _ => Ok(()),
    }
}
