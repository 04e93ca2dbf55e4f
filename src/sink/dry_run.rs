//! The sink of `--dry-run`: everything before it works as always, and nothing is sent.

use super::{Outcome, Say, Sink, Trouble};
use crate::batch::Batch;

/// Counts good records as unsent.
#[derive(Debug, Default)]
pub struct DryRun;

impl Sink for DryRun {
    fn apply(&mut self, batch: &Batch, out: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
        out.leave_unsent(batch, 0);
        Ok(())
    }

    fn rest(&mut self, _: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
        Ok(())
    }

    fn finish(&mut self, _: bool, _: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
        Ok(())
    }

    fn abandon(&mut self, _: &mut Outcome) {}
}
