//! Rates over the last seconds, so that a pipe that has become slow is seen.

use std::collections::VecDeque;

/// The seconds that a rate covers. A plain line shows what happened since the last one.
const WINDOW: f64 = 10.0;

/// Seconds between two points that are kept.
const STEP: f64 = 0.5;

/// What was read until a time.
#[derive(Clone, Copy, Default)]
pub(super) struct Reading {
    /// Seconds since the start.
    pub(super) seconds: f64,
    pub(super) bytes: u64,
    pub(super) records: u64,
}

/// Points of the last seconds. The oldest is at least as old as the window, or the start.
pub(super) struct Rates(VecDeque<Reading>);

impl Default for Rates {
    fn default() -> Rates {
        Rates(VecDeque::from([Reading::default()]))
    }
}

impl Rates {
    pub(super) fn add(&mut self, now: Reading) {
        if self.0.back().is_none_or(|last| now.seconds - last.seconds >= STEP) {
            self.0.push_back(now);
            while self.0.get(1).is_some_and(|next| now.seconds - next.seconds >= WINDOW) {
                self.0.pop_front();
            }
        }
    }

    /// Bytes and records per second.
    pub(super) fn per_second(&self, now: Reading) -> [f64; 2] {
        let first = self.0.front().copied().unwrap_or_default();
        let seconds = (now.seconds - first.seconds).max(0.001);
        [now.bytes - first.bytes, now.records - first.records].map(|count| count as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_forgets_what_was_long_ago() {
        let mut rates = Rates::default();
        let at = |seconds: f64, records| Reading { seconds, bytes: 10 * records, records };
        // A thousand records at once, then one every two seconds.
        for second in 0..60 {
            rates.add(at(f64::from(second), 1000 + u64::from(second as u32) / 2));
        }
        let now = at(60.0, 1030);
        rates.add(now);
        assert_eq!(rates.per_second(now), [5.0, 0.5]);
        assert_eq!(rates.0.len(), 11);
    }

    #[test]
    fn the_first_rate_is_that_since_the_start() {
        let mut rates = Rates::default();
        let now = Reading { seconds: 0.25, bytes: 100, records: 10 };
        rates.add(now);
        assert_eq!(rates.per_second(now), [400.0, 40.0]);
    }
}
