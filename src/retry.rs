//! Decides how often a request is retried, and how long to wait before each retry.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// The limits of retries: `--retries` and `--retry-max-time`.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Maximum number of retries without progress.
    pub retries: u32,
    /// Maximum time for all retries and pauses.
    pub max_time: Duration,
}

/// Why a request is retried.
#[derive(Clone, Copy, Debug)]
pub enum RetryReason {
    Busy,
    Unreachable,
    /// The server is polled after this time.
    Every(Duration),
    /// No retry can succeed: a certificate is not trusted, for example.
    Hopeless,
}

/// The pauses between the retries of one request: exponential with full jitter, so that clients that were rejected together
/// do not return together. If the server is unreachable, half of each pause is not random, so that eight retries always
/// outlast a restart of about 40 s.
#[derive(Debug)]
pub struct Backoff {
    retries: Retries,
    used: u32,
    since: Option<Instant>,
}

/// The first pause if the server is busy, before jitter.
const FIRST_BUSY_PAUSE: Duration = Duration::from_millis(250);
/// The first pause if the server is unreachable, before jitter.
const FIRST_UNREACHABLE_PAUSE: Duration = Duration::from_millis(500);
/// The maximum pause, before jitter.
const MAX_PAUSE: Duration = Duration::from_secs(30);

impl Backoff {
    pub fn new(retries: Retries) -> Backoff {
        Backoff { retries, used: 0, since: None }
    }

    /// Starts over after progress.
    pub fn reset(&mut self) {
        (self.used, self.since) = (0, None);
    }

    /// The number of retries without progress.
    pub fn retries(&self) -> u32 {
        self.used
    }

    /// The pause before the next retry. `asked` is the pause that the server asked for, which takes precedence.
    ///
    /// # Errors
    /// If no further retry is allowed. The message says which limit was reached.
    pub fn next(&mut self, why: RetryReason, asked: Option<Duration>) -> Result<Duration, String> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if matches!(why, RetryReason::Hopeless) {
            return Err("not tried again".to_owned());
        }
        if self.used >= self.retries.retries {
            return Err(match self.used {
                0 => "not tried again: --retries 0".to_owned(),
                1 => "gave up after 1 retry".to_owned(),
                used => format!("gave up after {used} retries"),
            });
        }
        // Pauses keep growing over several outages. Otherwise short ones would use up all retries.
        let grown = |first: Duration| first.saturating_mul(1 << self.used.min(16)).min(MAX_PAUSE);
        let pause = match (asked, why) {
            (Some(asked), _) => asked,
            (None, RetryReason::Every(pause)) => pause,
            (None, RetryReason::Busy) => grown(FIRST_BUSY_PAUSE).mul_f64(random()),
            (None, _) => grown(FIRST_UNREACHABLE_PAUSE).mul_f64(0.5 + random() / 2.0),
        };
        if let Some(asked) = asked.filter(|asked| *asked > self.retries.max_time) {
            return Err(format!("the server asks for {} s, more than --retry-max-time", asked.as_secs()));
        }
        if since.elapsed() + pause > self.retries.max_time {
            return Err(format!("gave up after {:.0} s: --retry-max-time", since.elapsed().as_secs_f64()));
        }
        self.used += 1;
        Ok(pause)
    }
}

/// A random number from 0 to 1, from the random keys of the standard library's hasher.
fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_random_and_grow_until_the_retries_are_used_up() {
        let retries = Retries { retries: 8, max_time: Duration::from_secs(300) };
        for _ in 0..200 {
            let mut backoff = Backoff::new(retries);
            let pauses: Vec<Duration> =
                (0..8).map(|_| backoff.next(RetryReason::Unreachable, None).expect("a pause")).collect();
            let all: Duration = pauses.iter().sum();
            assert!(all > Duration::from_secs(40) && pauses.iter().all(|pause| *pause <= MAX_PAUSE), "{pauses:?}");
            assert_eq!(backoff.next(RetryReason::Unreachable, None), Err("gave up after 8 retries".to_owned()));
            backoff.reset();
            assert!(backoff.next(RetryReason::Busy, None).expect("a pause") <= FIRST_BUSY_PAUSE);
        }
    }

    #[test]
    fn the_pause_that_the_server_asks_for_is_used_unless_it_is_too_long() {
        let mut backoff = Backoff::new(Retries { retries: 8, max_time: Duration::from_secs(60) });
        assert_eq!(backoff.next(RetryReason::Busy, Some(Duration::from_secs(7))), Ok(Duration::from_secs(7)));
        assert_eq!(
            backoff.next(RetryReason::Busy, Some(Duration::from_secs(70))),
            Err("the server asks for 70 s, more than --retry-max-time".to_owned())
        );
        let mut none = Backoff::new(Retries { retries: 0, max_time: Duration::from_secs(60) });
        assert!(none.next(RetryReason::Busy, None).is_err());
    }
}
