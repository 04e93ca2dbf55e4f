//! Shows the progress of a run on stderr: a bar on a terminal, otherwise a plain line every ten seconds.
//! Progress counts what has been read, in stored bytes; only the summary counts what is durable.

mod rate;

use crate::messages::Messages;
use clap::ValueEnum;
use console::Term;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rate::{Rates, Reading};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// `--progress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, otherwise plain lines.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// One line every 10 s.
    Plain,
    /// Nothing.
    None,
}

/// Counters of the reading thread.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Bytes read, as stored.
    pub bytes: Arc<AtomicU64>,
    /// Records read.
    pub records: Arc<AtomicU64>,
}

/// How often a bar is drawn.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// How often a plain line is printed.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Shows progress.
pub struct Progress {
    bar: Option<Bar>,
    plain: bool,
    /// Whether a last line is printed.
    has_end: bool,
    size: Option<u64>,
    rates: Rates,
    started: Instant,
    last: Instant,
    meter: Meter,
    doing: &'static str,
}

/// The first step of a run.
const READING: &str = "reading";

impl Progress {
    /// Starts the progress; `size` is the stored size of all inputs, if it is known.
    pub fn new(mode: ProgressMode, size: Option<u64>, meter: Meter) -> Progress {
        // A bar needs a terminal that can move its cursor; elsewhere plain lines are printed instead.
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let draws = is_terminal
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            && matches!(mode, ProgressMode::Auto | ProgressMode::Bar);
        let now = Instant::now();
        Progress {
            bar: draws.then(Bar::new),
            plain: !draws && mode != ProgressMode::None,
            has_end: match mode {
                ProgressMode::Auto => is_terminal,
                ProgressMode::Bar | ProgressMode::Plain => true,
                ProgressMode::None => false,
            },
            size: size.filter(|size| *size > 0),
            rates: Rates::default(),
            started: now,
            last: now,
            meter,
            doing: READING,
        }
    }

    /// Maximum time to wait before the next `tick`.
    pub fn interval(&self) -> Duration {
        if self.bar.is_some() { BAR_INTERVAL } else { Duration::from_secs(1) }
    }

    /// Sets the current step.
    pub fn doing(&mut self, what: &'static str) {
        self.doing = what;
    }

    /// Shows the progress, if it is due.
    pub fn tick(&mut self, errors: u64, out: &mut Messages) {
        let read = Reading {
            seconds: self.started.elapsed().as_secs_f64(),
            bytes: self.meter.bytes.load(Ordering::Relaxed),
            records: self.meter.records.load(Ordering::Relaxed),
        };
        self.rates.add(read);
        if self.last.elapsed() < if self.bar.is_some() { BAR_INTERVAL } else { PLAIN_INTERVAL } {
            return;
        }
        self.last = Instant::now();
        let now = Snapshot { doing: self.doing, read, size: self.size, errors, rate: self.rates.per_second(read) };
        if let Some(bar) = &self.bar {
            bar.draw(&now);
        } else if self.plain {
            out.line(&now.line());
        }
    }

    /// Prints a message without disturbing the bar.
    pub fn print(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.0.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.0.finish_and_clear();
        }
        self.plain = false;
    }

    /// The last line: records, time and average rate, if progress is shown.
    pub fn end(&self, records: u64) -> Option<String> {
        let elapsed = self.started.elapsed();
        let rate = rate_text(records as f64 / elapsed.as_secs_f64().max(0.001));
        self.has_end.then(|| format!("{} in {}, {rate}", records_text(records), precise(elapsed)))
    }
}

/// A line that is redrawn. It always stays one line: in a terminal that is too narrow for a bar, the text is cut.
struct Bar(ProgressBar);

/// Minimum width of a bar between its brackets.
const MIN_WIDTH: usize = 8;

impl Bar {
    fn new() -> Bar {
        Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()))
    }

    fn draw(&self, now: &Snapshot) {
        let columns = usize::from(Term::stderr().size().1);
        let text = now.text();
        let template = match now.size.filter(|_| now.doing == READING) {
            Some(size) if now.doing.len() + " [] ".len() + MIN_WIDTH + text.len() <= columns => {
                self.0.set_length(size);
                self.0.set_position(now.read.bytes.min(size));
                self.0.set_prefix(now.doing);
                self.0.set_message(text);
                "{prefix} [{wide_bar}] {msg}"
            }
            _ => {
                self.0.set_message(format!("{}  {text}", now.doing));
                "{wide_msg}"
            }
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.0.set_style(style.progress_chars("=> "));
        self.0.tick();
    }
}

/// The state of a run at one time.
struct Snapshot {
    doing: &'static str,
    read: Reading,
    size: Option<u64>,
    errors: u64,
    /// Bytes and records per second.
    rate: [f64; 2],
}

impl Snapshot {
    /// What is shown beside a bar: under 70 characters for up to ten million records and ten thousand errors.
    fn text(&self) -> String {
        let about = format!("{}  {}", records_text(self.read.records), self.rate_and_errors("  "));
        let elapsed = duration(self.read.seconds);
        match self.size {
            _ if self.doing != READING => format!("{about}  {elapsed}"),
            Some(size) => format!("{:>3}%  {about}{}", self.percent(size), self.time_left("  ", size)),
            None => format!("{}  {about}  {elapsed}", human_bytes(self.read.bytes)),
        }
    }

    /// The plain line.
    fn line(&self) -> String {
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
    const NOW: Snapshot = Snapshot {
        doing: READING,
        read: READ,
        size: Some(4 << 20),
        errors: 1,
        rate: [(1 << 18) as f64, 142_496.0],
    };

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
        assert!(end.text().len() + MIN_WIDTH + READING.len() + 4 <= 80, "{}", end.text());
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
