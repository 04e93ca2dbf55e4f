//! Waits for a target that is busy with somebody else's writes, as a store is. Pure but for the sleep it is given.

use super::{Outcome, Say, Sink, Trouble};
use crate::batch::Batch;
use std::time::Duration;

/// How long a busy target is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Pause before the second try; each later one is twice as long.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
    /// All pauses together.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { first: Duration::from_millis(20), longest: Duration::from_secs(1), total: Duration::from_secs(10) }
    }
}

/// Applies a batch, and again while the target is busy. `sleep` returns false when the run was asked to stop.
///
/// # Errors
/// What the sink says; `Busy` when the target stayed so, and then nothing of the batch was done.
pub fn settle(
    sink: &mut dyn Sink,
    batch: &Batch,
    out: &mut Outcome,
    say: Say<'_>,
    patience: Patience,
    sleep: &mut dyn FnMut(Duration) -> bool,
) -> Result<(), Trouble> {
    patiently(patience, sleep, &mut || sink.apply(batch, out, say))
}

/// Makes an attempt, and again while the target is busy.
///
/// # Errors
/// As `settle`.
pub fn patiently(
    patience: Patience,
    sleep: &mut dyn FnMut(Duration) -> bool,
    attempt: &mut dyn FnMut() -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let (mut pause, mut waited) = (patience.first, Duration::ZERO);
    loop {
        let busy = match attempt() {
            Err(Trouble::Busy(reason)) => reason,
            other => return other,
        };
        if waited >= patience.total || !sleep(pause) {
            return Err(Trouble::Busy(format!("{busy} (waited {:.1} s)", waited.as_secs_f64())));
        }
        waited += pause;
        pause = (pause * 2).min(patience.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Busy so many times, then fine.
    struct Busy(u32);

    impl Sink for Busy {
        fn apply(&mut self, _: &Batch, _: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
            if self.0 == 0 {
                return Ok(());
            }
            self.0 -= 1;
            Err(Trouble::Busy("locked".to_owned()))
        }
        fn rest(&mut self, _: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
            Ok(())
        }
        fn finish(&mut self, _: bool, _: &mut Outcome, _: Say<'_>) -> Result<(), Trouble> {
            Ok(())
        }
        fn abandon(&mut self, _: &mut Outcome) {}
    }

    fn tries(times: u32, go_on: bool) -> (Result<(), Trouble>, Vec<Duration>) {
        let mut pauses = Vec::new();
        let result = settle(
            &mut Busy(times),
            &Batch::default(),
            &mut Outcome::default(),
            &mut |_| {},
            Patience::default(),
            &mut |pause| {
                pauses.push(pause);
                go_on
            },
        );
        (result, pauses)
    }

    #[test]
    fn a_busy_target_is_waited_for_with_growing_pauses() {
        let (result, pauses) = tries(3, true);
        assert_eq!(result, Ok(()));
        assert_eq!(pauses, [20, 40, 80].map(Duration::from_millis));
    }

    #[test]
    fn waiting_ends_after_ten_seconds_or_when_asked() {
        let (result, pauses) = tries(u32::MAX, true);
        assert!(matches!(result, Err(Trouble::Busy(_))));
        let waited: Duration = pauses.iter().sum();
        assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(12), "{waited:?}");
        assert_eq!(tries(u32::MAX, false).1.len(), 1);
    }
}
