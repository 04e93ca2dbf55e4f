//! How long the store is waited for while another program has it. Pure but for the sleep it is given.

use std::time::Duration;

/// Pause before the second try; each later one is twice as long.
const FIRST: Duration = Duration::from_millis(20);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(1);
/// All pauses together.
const TOTAL: Duration = Duration::from_secs(10);

/// Tries until `attempt` returns something, or for ten seconds. `sleep` returns false when the run was asked to stop.
///
/// # Errors
/// How long it waited, in words.
pub(super) fn patiently<T>(
    sleep: &mut dyn FnMut(Duration) -> bool,
    attempt: &mut dyn FnMut() -> Option<T>,
) -> Result<T, String> {
    let (mut pause, mut waited) = (FIRST, Duration::ZERO);
    loop {
        if let Some(done) = attempt() {
            return Ok(done);
        }
        if waited >= TOTAL || !sleep(pause) {
            return Err(format!("waited {:.1} s", waited.as_secs_f64()));
        }
        waited += pause;
        pause = (pause * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries a store that is busy so many times; also the pauses that were made.
    fn tries(busy: u32, go_on: bool) -> (Result<(), String>, Vec<Duration>) {
        let (mut pauses, mut left) = (Vec::new(), busy);
        let mut sleep = |pause| {
            pauses.push(pause);
            go_on
        };
        let mut attempt = || match left {
            0 => Some(()),
            _ => {
                left -= 1;
                None
            }
        };
        let done = patiently(&mut sleep, &mut attempt);
        (done, pauses)
    }

    #[test]
    fn a_busy_store_is_waited_for_with_growing_pauses() {
        let (done, pauses) = tries(3, true);
        assert_eq!(done, Ok(()));
        assert_eq!(pauses, [20, 40, 80].map(Duration::from_millis));
    }

    #[test]
    fn waiting_ends_after_ten_seconds_or_when_asked() {
        let (done, pauses) = tries(u32::MAX, true);
        assert!(done.is_err());
        let waited: Duration = pauses.iter().sum();
        assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(12), "{waited:?}");
        assert_eq!(tries(u32::MAX, false).1.len(), 1);
    }
}
