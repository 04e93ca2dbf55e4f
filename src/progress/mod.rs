//! Shows the progress of a run on stderr: a bar on a terminal, otherwise a plain line every ten seconds.
//! Progress counts what has been read, in stored bytes; only the summary counts what is durable.

mod rate;
mod text;

use crate::messages::Messages;
use clap::ValueEnum;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rate::{Rates, Reading};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
pub use text::grouped;
use text::{READING, Snapshot, last_line};

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
        self.has_end.then(|| last_line(records, self.started.elapsed()))
    }
}

/// A line that is redrawn. It always stays one line: in a terminal that is too narrow for a bar, the text is cut.
struct Bar(ProgressBar);

/// Minimum width of a bar between its brackets.
const MIN_WIDTH: usize = 8;

impl Bar {
    fn new() -> Bar {
        // Without a style of ours, indicatif's own would be drawn first.
        Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style("")))
    }

    fn draw(&self, now: &Snapshot) {
        let columns = usize::from(Term::stderr().size().1);
        let (doing, text) = (now.doing, now.text());
        let has_room = doing.len() + " [] ".len() + MIN_WIDTH + text.len() <= columns;
        let template = match now.size.filter(|_| doing == READING && has_room) {
            Some(_) => format!("{doing} [{{wide_bar}}] {text}"),
            None => format!("{doing}  {text}").chars().take(columns).collect(),
        };
        // The text is part of the style, because indicatif draws after each change of anything else.
        self.0.set_style(style(&template));
        self.0.update(|state| {
            state.set_len(now.size.unwrap_or_default());
            state.set_pos(now.read.bytes.min(now.size.unwrap_or_default()));
        });
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
