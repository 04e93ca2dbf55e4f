//! Shows the progress of a run on stderr: a bar on a terminal, otherwise a plain line every ten seconds.
//! Progress counts what has been read, in stored bytes; only the summary counts what is durable.

use clap::ValueEnum;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
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
    bar: Option<ProgressBar>,
    plain: bool,
    size: Option<u64>,
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
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        // A bar needs a terminal; without one, plain lines are printed instead.
        let draws = terminal && matches!(mode, ProgressMode::Auto | ProgressMode::Bar);
        let plain = !draws && mode != ProgressMode::None;
        let now = Instant::now();
        Progress { bar: draws.then(bar), plain, size, started: now, last: now, meter, doing: READING }
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
    pub fn tick(&mut self, errors: u64, out: &mut dyn Write) {
        if self.last.elapsed() < if self.bar.is_some() { BAR_INTERVAL } else { PLAIN_INTERVAL } {
            return;
        }
        self.last = Instant::now();
        let now = Snapshot {
            doing: self.doing,
            bytes: self.meter.bytes.load(Ordering::Relaxed),
            size: self.size.filter(|size| *size > 0),
            records: self.meter.records.load(Ordering::Relaxed),
            errors,
            seconds: self.started.elapsed().as_secs_f64(),
        };
        if let Some(bar) = &self.bar {
            bar.set_message(now.bar());
            bar.tick();
        } else if self.plain {
            let _ = writeln!(out, "{}", now.line());
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn line(&self, out: &mut dyn Write, text: &str) {
        let mut print = || drop(writeln!(out, "{text}"));
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.plain = false;
    }
}

/// A line that is redrawn, cut to the width of the terminal so that it stays one line.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

/// The state of a run at one time.
struct Snapshot {
    doing: &'static str,
    bytes: u64,
    size: Option<u64>,
    records: u64,
    errors: u64,
    seconds: f64,
}

/// Width of a bar between its brackets.
const WIDTH: u64 = 8;

impl Snapshot {
    /// The line on a terminal: under 80 characters for up to ten million records and ten thousand errors.
    fn bar(&self) -> String {
        let about = format!("{} records  {}", grouped(self.records), self.rate_and_errors("  "));
        if self.doing != READING {
            return format!("{}  {about}  {}", self.doing, duration(self.seconds));
        }
        let Some(size) = self.size else {
            return format!("{}  {}  {about}  {}", self.doing, human_bytes(self.bytes), duration(self.seconds));
        };
        let filled = (self.bytes.min(size) * WIDTH / size) as usize;
        let arrow = if filled < WIDTH as usize { ">" } else { "" };
        let picture = format!("{}{arrow}", "=".repeat(filled));
        let (percent, left) = (self.percent(size), self.time_left(size));
        format!("{} [{picture:<8}] {percent:>3}%  {about}  {left} left", self.doing)
    }

    /// The plain line.
    fn line(&self) -> String {
        let about = format!("{}: {} records, {}", self.doing, grouped(self.records), self.rate_and_errors(", "));
        match self.size {
            _ if self.doing != READING => about,
            Some(size) => {
                format!("{about}, {}% of {}, {} left", self.percent(size), human_bytes(size), self.time_left(size))
            }
            None => format!("{about}, {} read", human_bytes(self.bytes)),
        }
    }

    /// The rate is shown only while reading.
    fn rate_and_errors(&self, between: &str) -> String {
        let errors = if self.errors == 1 { "1 error".to_owned() } else { format!("{} errors", grouped(self.errors)) };
        if self.doing != READING {
            return errors;
        }
        let rate = self.records as f64 / self.seconds.max(0.001);
        format!("{}/s{between}{errors}", grouped(rate as u64))
    }

    fn percent(&self, size: u64) -> u64 {
        self.bytes.min(size) * 100 / size
    }

    fn time_left(&self, size: u64) -> String {
        duration(self.seconds * size.saturating_sub(self.bytes) as f64 / self.bytes.max(1) as f64)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Snapshot =
        Snapshot { doing: READING, bytes: 1 << 20, size: Some(4 << 20), records: 569_984, errors: 1, seconds: 4.0 };

    #[test]
    fn a_bar_shows_progress_rate_errors_and_time_left() {
        assert_eq!(NOW.bar(), "reading [==>     ]  25%  569,984 records  142,496/s  1 error  12 s left");
        let piped = Snapshot { size: None, ..NOW };
        assert_eq!(piped.bar(), "reading  1.0 MiB  569,984 records  142,496/s  1 error  4 s");
        let index = Snapshot { doing: "building the index", bytes: 4 << 20, errors: 0, ..NOW };
        assert_eq!(index.bar(), "building the index  569,984 records  0 errors  4 s");
        let end = Snapshot { bytes: 4 << 20, errors: 1_234, records: 9_345_678, seconds: 15.0, ..NOW };
        assert!(end.bar().starts_with("reading [========] 100%") && end.bar().len() < 80, "{}", end.bar());
    }

    #[test]
    fn a_plain_line_shows_the_same() {
        assert_eq!(NOW.line(), "reading: 569,984 records, 142,496/s, 1 error, 25% of 4.0 MiB, 12 s left");
        assert_eq!(Snapshot { size: None, ..NOW }.line(), "reading: 569,984 records, 142,496/s, 1 error, 1.0 MiB read");
        let index = Snapshot { doing: "building the index", ..NOW };
        assert_eq!(index.line(), "building the index: 569,984 records, 1 error");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 171_075, 1_000_000].map(grouped), ["0", "999", "1,000", "171,075", "1,000,000"]);
    }
}
