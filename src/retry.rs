//! Decides how often, and after which pauses, something is tried again. Pure but for the clock.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// `--retries` and `--retry-max-time`: how much is done for a request that a server does not take.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Tries after the first one without any progress.
    pub retries: u32,
    /// All tries and pauses together.
    pub max_time: Duration,
}

/// Why a pause is made.
#[derive(Clone, Copy, Debug)]
pub enum RetryReason {
    /// The server is busy.
    Busy,
    /// The server cannot be reached.
    Unreachable,
    /// It is asked again after a fixed time.
    Every(Duration),
}

/// The pauses between the tries of one request: exponential with full jitter (a random part of the whole), so that
/// clients that were refused together do not come back together. While a server is away half of the pause is
/// certain, so that eight tries always outlast a restart of some 40 s.
#[derive(Debug)]
pub struct Backoff {
    retries: Retries,
    used: u32,
    since: Option<Instant>,
}

/// The first pause for a busy server, before jitter.
const BUSY: Duration = Duration::from_millis(250);
/// The first pause for a server that is away, before jitter.
const AWAY: Duration = Duration::from_millis(500);
/// The longest pause, before jitter.
const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    /// Begins with the first try.
    pub fn new(retries: Retries) -> Backoff {
        Backoff { retries, used: 0, since: None }
    }

    /// Begins anew: something was achieved.
    pub fn progress(&mut self) {
        (self.used, self.since) = (0, None);
    }

    /// How often something was tried again without progress.
    pub fn tries(&self) -> u32 {
        self.used
    }

    /// The pause before the next try; `asked` is what the server asks for, and wins.
    ///
    /// # Errors
    /// When no further try is allowed, with a few words on what was tried.
    pub fn next(&mut self, why: RetryReason, asked: Option<Duration>) -> Result<Duration, String> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.used >= self.retries.retries {
            return Err(match self.used {
                0 => "not tried again: --retries 0".to_owned(),
                1 => "gave up after 1 retry".to_owned(),
                used => format!("gave up after {used} retries"),
            });
        }
        // They grow through several outages too: eight tries would be used up quickly if each outage began anew.
        let grown = |first: Duration| first.saturating_mul(1 << self.used.min(16)).min(LONGEST);
        let pause = match (asked, why) {
            (Some(asked), _) => asked,
            (None, RetryReason::Every(pause)) => pause,
            (None, RetryReason::Busy) => grown(BUSY).mul_f64(random()),
            (None, RetryReason::Unreachable) => grown(AWAY).mul_f64(0.5 + random() / 2.0),
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

/// From 0 to 1: each new state of a hasher of the standard library is another, and all come from the system's randomness.
fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_at_random_and_end() {
        let retries = Retries { retries: 8, max_time: Duration::from_secs(300) };
        for _ in 0..200 {
            let mut wait = Backoff::new(retries);
            let pauses: Vec<Duration> =
                (0..8).map(|_| wait.next(RetryReason::Unreachable, None).expect("a pause")).collect();
            let all: Duration = pauses.iter().sum();
            assert!(all > Duration::from_secs(40) && pauses.iter().all(|pause| *pause <= LONGEST), "{pauses:?}");
            assert_eq!(wait.next(RetryReason::Unreachable, None), Err("gave up after 8 retries".to_owned()));
            wait.progress();
            assert!(wait.next(RetryReason::Busy, None).expect("a pause") <= BUSY);
        }
    }

    #[test]
    fn what_the_server_asks_for_wins_unless_it_is_too_long() {
        let mut wait = Backoff::new(Retries { retries: 8, max_time: Duration::from_secs(60) });
        assert_eq!(wait.next(RetryReason::Busy, Some(Duration::from_secs(7))), Ok(Duration::from_secs(7)));
        assert_eq!(
            wait.next(RetryReason::Busy, Some(Duration::from_secs(70))),
            Err("the server asks for 70 s, more than --retry-max-time".to_owned())
        );
        let mut none = Backoff::new(Retries { retries: 0, max_time: Duration::from_secs(60) });
        assert!(none.next(RetryReason::Busy, None).is_err());
    }
}
