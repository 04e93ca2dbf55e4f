//! `--max-rate`: the batches of all lanes wait, so that no more records are sent in a second. A server that was slow for a
//! while does not get more afterwards.

use crate::stop::Stop;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When the next batch may be sent. Clones share it.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Records per second.
    rate: NonZeroU32,
    next: Arc<Mutex<Instant>>,
}

/// How often a batch that waits looks for a request to stop.
const CHECK: Duration = Duration::from_millis(50);

impl Pace {
    /// That of a number of records per second. The first batch is sent at once.
    pub fn new(rate: NonZeroU32) -> Pace {
        Pace { rate, next: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Waits until a batch with so many records may be sent, or the run is requested to stop: then what was read is sent at
    /// once.
    pub(super) fn wait(&self, records: usize, stop: &Stop) {
        let start = self.reserve(records);
        while !stop.is_requested() {
            let left = start.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(CHECK));
        }
    }

    /// The time of a batch; the next one comes as much later as its records take.
    fn reserve(&self, records: usize) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now().max(*next);
        *next = start + Duration::from_secs_f64(records as f64 / f64::from(self.rate.get()));
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rate: u32) -> Pace {
        Pace::new(NonZeroU32::new(rate).expect("not 0"))
    }

    #[test]
    fn batches_follow_each_other_at_the_rate_and_none_is_made_up_for() {
        let pace = of(1000);
        let begin = Instant::now();
        let times = [3000, 500, 1].map(|records| pace.reserve(records));
        assert!(times[0] >= begin);
        assert_eq!((times[1] - times[0], times[2] - times[1]), (Duration::from_secs(3), Duration::from_millis(500)));
        // After a pause, the next batch is sent when it comes, and the one behind it is not early.
        *pace.next.lock().expect("no panic") = begin.checked_sub(Duration::from_secs(1)).unwrap_or(begin);
        let late = pace.reserve(2000);
        assert!(late >= begin);
        assert_eq!(pace.reserve(1) - late, Duration::from_secs(2));
    }

    #[test]
    fn a_run_that_is_to_stop_does_not_wait() {
        let (pace, stop) = (of(1), Stop::default());
        pace.reserve(1_000_000);
        stop.request();
        pace.wait(1, &stop);
    }
}
