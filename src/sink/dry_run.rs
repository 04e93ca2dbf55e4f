//! The sink of `--dry-run`: everything before it works as always, and nothing is sent.

use super::{Counts, Outcome, Say, Sink, Trouble};
use crate::batch::Batch;

/// Counts good records as unsent.
#[derive(Debug, Default)]
pub struct DryRun;

impl Sink for DryRun {
    fn apply(&mut self, batch: &Batch, out: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
        for (item, action) in batch.items() {
            match action {
                Ok(_) => out.settle(Counts { unsent: 1, ..Counts::default() }),
                Err(reason) => out.fail(item.origin, reason.clone()),
            }
        }
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
