//! The texts of progress.

use super::rate::Reading;
use indicatif::HumanCount;
use std::time::Duration;

/// The first step of a run.
pub(super) const READING: &str = "reading";

/// The state of a run at one time.
pub(super) struct Snapshot {
    pub(super) doing: &'static str,
    pub(super) read: Reading,
    pub(super) size: Option<u64>,
    pub(super) errors: u64,
    /// Bytes and records per second.
    pub(super) rate: [f64; 2],
}

impl Snapshot {
    /// What is shown beside a bar: under 70 characters for up to ten million records and ten thousand errors.
    pub(super) fn text(&self) -> String {
        let about = format!("{}  {}", records_text(self.read.records), self.rate_and_errors("  "));
        let elapsed = duration(self.read.seconds);
        match self.size {
            _ if self.doing != READING => format!("{about}  {elapsed}"),
            Some(size) => format!("{:>3}%  {about}{}", self.percent(size), self.time_left("  ", size)),
            None => format!("{}  {about}  {elapsed}", human_bytes(self.read.bytes)),
        }
    }

    /// The plain line.
    pub(super) fn line(&self) -> String {
        let about = format!("{}: {}, {}", self.doing, records_text(self.read.records), self.rate_and_errors(", "));
        match self.size {
            _ if self.doing != READING => about,
            Some(size) => {
                format!("{about}, {}% of {}{}", self.percent(size), human_bytes(size), self.time_left(", ", size))
            }
            None => format!("{about}, {} read", human_bytes(self.read.bytes)),
        }
    }

    /// The rate is shown only while reading.
    fn rate_and_errors(&self, between: &str) -> String {
        let errors = if self.errors == 1 { "1 error".to_owned() } else { format!("{} errors", grouped(self.errors)) };
        if self.doing != READING {
            return errors;
        }
        format!("{}{between}{errors}", rate_text(self.rate[1]))
    }

    fn percent(&self, size: u64) -> u64 {
        self.read.bytes.min(size) * 100 / size
    }

    /// Nothing while nothing is read.
    fn time_left(&self, between: &str, size: u64) -> String {
        let seconds = size.saturating_sub(self.read.bytes) as f64 / self.rate[0];
        if self.rate[0] > 0.0 { format!("{between}{} left", duration(seconds)) } else { String::new() }
    }
}

/// The last line of a run: records, time and average rate.
pub(super) fn last_line(records: u64, elapsed: Duration) -> String {
    let rate = rate_text(records as f64 / elapsed.as_secs_f64().max(0.001));
    format!("{} in {}, {rate}", records_text(records), precise(elapsed))
}

fn records_text(records: u64) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{} records", grouped(records)) }
}

/// A rate, with a decimal where that matters.
fn rate_text(per_second: f64) -> String {
    if per_second == 0.0 || per_second >= 10.0 {
        return format!("{}/s", grouped(per_second as u64));
    }
    format!("{per_second:.1}/s")
}

/// A number with commas between groups of three digits.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A number of bytes with a unit, in powers of 1024.
fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

/// A time with its milliseconds or tenths of a second, if it is short.
fn precise(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => duration(time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Reading = Reading { seconds: 4.0, bytes: 1 << 20, records: 569_984 };
    const NOW: Snapshot =
        Snapshot { doing: READING, read: READ, size: Some(4 << 20), errors: 1, rate: [(1 << 18) as f64, 142_496.0] };

    #[test]
    fn a_bar_shows_progress_rate_errors_and_time_left() {
        assert_eq!(NOW.text(), " 25%  569,984 records  142,496/s  1 error  12 s left");
        let piped = Snapshot { size: None, ..NOW };
        assert_eq!(piped.text(), "1.0 MiB  569,984 records  142,496/s  1 error  4 s");
        let index = Snapshot { doing: "building the index", errors: 0, ..NOW };
        assert_eq!(index.text(), "569,984 records  0 errors  4 s");
        let stalled = Snapshot { rate: [0.0; 2], ..NOW };
        assert_eq!(stalled.text(), " 25%  569,984 records  0/s  1 error");
    }

    #[test]
    fn there_is_room_for_a_bar_in_80_columns() {
        let read = Reading { seconds: 15.0, bytes: 4 << 20, records: 9_345_678 };
        let end = Snapshot { read, errors: 1_234, rate: [1.0, 623_045.0], ..NOW };
        assert!(end.text().len() + 8 + READING.len() + 4 <= 80, "{}", end.text());
    }

    #[test]
    fn a_plain_line_shows_the_same() {
        assert_eq!(NOW.line(), "reading: 569,984 records, 142,496/s, 1 error, 25% of 4.0 MiB, 12 s left");
        assert_eq!(Snapshot { size: None, ..NOW }.line(), "reading: 569,984 records, 142,496/s, 1 error, 1.0 MiB read");
        let index = Snapshot { doing: "building the index", ..NOW };
        assert_eq!(index.line(), "building the index: 569,984 records, 1 error");
    }

    #[test]
    fn a_slow_rate_has_a_decimal() {
        assert_eq!([0.0, 0.25, 9.94, 10.0, 1234.5].map(rate_text), ["0/s", "0.2/s", "9.9/s", "10/s", "1,234/s"]);
    }

    #[test]
    fn times_are_short() {
        let times = [0.0, 0.012, 1.0, 59.96, 61.0].map(|seconds| precise(Duration::from_secs_f64(seconds)));
        assert_eq!(times, ["0 ms", "12 ms", "1.0 s", "60.0 s", "1 min 1 s"]);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 171_075, 1_000_000].map(grouped), ["0", "999", "1,000", "171,075", "1,000,000"]);
    }
}
