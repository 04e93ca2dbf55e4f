//! The sink of `--dry-run`: everything before it works as usual, and nothing is sent.

use super::{Durable, Ledger, Log, Sink, SinkError};
use crate::batch::Batch;

/// Counts good records as unsent.
#[derive(Debug, Default)]
pub struct DryRun;

impl Sink for DryRun {
    fn apply(&mut self, batch: &Batch, out: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        out.leave_unsent(batch, 0);
        Ok(Durable::All)
    }
}
