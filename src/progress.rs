//! Says on stderr how far a run is: a bar on a terminal, one plain line every ten seconds elsewhere.
//! What is shown is what has been read, by bytes as stored; what is certain is the summary's business.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// `--progress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar on a terminal, else plain lines.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// One line every 10 s.
    Plain,
    /// Nothing.
    None,
}

/// What the reading thread tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Bytes read, as stored.
    pub bytes: Arc<AtomicU64>,
    /// Records read.
    pub records: Arc<AtomicU64>,
}

/// How often a bar is drawn.
const DRAW: Duration = Duration::from_millis(100);

/// How often a plain line is printed.
const PLAIN: Duration = Duration::from_secs(10);

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

impl Progress {
    /// Begins; `size` is that of the whole input as stored, if it is known.
    pub fn new(mode: ProgressMode, size: Option<u64>, meter: Meter) -> Progress {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let mode = match mode {
            ProgressMode::Auto if terminal => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            other => other,
        };
        let now = Instant::now();
        let bar = (mode == ProgressMode::Bar).then(|| bar(size));
        Progress { bar, plain: mode == ProgressMode::Plain, size, started: now, last: now, meter, doing: "reading" }
    }

    /// How long to wait for something to happen before `tick` is due.
    pub fn interval(&self) -> Duration {
        if self.bar.is_some() { DRAW } else { Duration::from_secs(1) }
    }

    /// Says what is being done from now on.
    pub fn doing(&mut self, what: &'static str) {
        self.doing = what;
    }

    /// Shows how far the run is, if it is time to.
    pub fn tick(&mut self, errors: u64, out: &mut dyn Write) {
        if self.last.elapsed() < if self.bar.is_some() { DRAW } else { PLAIN } {
            return;
        }
        self.last = Instant::now();
        let bytes = self.meter.bytes.load(Ordering::Relaxed);
        let records = self.meter.records.load(Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = records as f64 / seconds.max(0.001);
        let errors = if errors == 1 { "1 error".to_owned() } else { format!("{} errors", grouped(errors)) };
        let text = format!("{} records, {}/s, {errors}", grouped(records), grouped(rate as u64));
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(format!("{}: {text}", self.doing));
            bar.tick();
        } else if self.plain {
            let place = match self.size {
                Some(size) if size > 0 && self.doing == "reading" => {
                    let left = seconds * (size.saturating_sub(bytes)) as f64 / bytes.max(1) as f64;
                    format!(", {}% of {}, {} left", bytes * 100 / size, human(size), clock(left))
                }
                Some(_) => String::new(),
                None => format!(", {} read", human(bytes)),
            };
            let _ = writeln!(out, "{}: {text}{place}", self.doing);
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn line(&self, out: &mut dyn Write, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| {
                let _ = writeln!(out, "{text}");
            }),
            None => {
                let _ = writeln!(out, "{text}");
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.plain = false;
    }
}

fn bar(size: Option<u64>) -> ProgressBar {
    let template = match size {
        Some(_) => "[{bar:30}] {percent:>3}% of {total_bytes} {msg}, {eta} left",
        None => "{spinner} {bytes} read {msg}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    bar.set_style(style.progress_chars("=> "));
    bar
}

/// A number with commas between groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes as a person reads it, in powers of 1024.
fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 171_075, 1_000_000].map(grouped), ["0", "999", "1,000", "171,075", "1,000,000"]);
    }
}
