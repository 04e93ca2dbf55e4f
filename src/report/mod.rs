//! Adds outcomes up, must balance, and owns the exit code.
//! Errors are told as they come: the first ten one by one, all of them with `--details`, and at the end by kind.

mod results;

pub use results::Results;

use crate::color::painted;
use crate::input::Broken;
use crate::progress::{Progress, grouped};
use crate::record::Origin;
use crate::sink::http::Traffic;
use crate::sink::{Bucket, Counts, Ending, Failure, Note, Outcome, SinkError};
use crate::stop::Stop;
use crate::values;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// `--max-errors`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxErrors {
    /// So many records.
    Count(u64),
    /// So many of a hundred records read.
    Percent(f64),
}

impl FromStr for MaxErrors {
    type Err = String;

    /// Reads a number, or 0 to 100 with `%`.
    fn from_str(text: &str) -> Result<MaxErrors, String> {
        let refused = || "not a number of records or a percentage up to 100%".to_owned();
        let Some(percent) = text.strip_suffix('%') else {
            return values::count(text).map(MaxErrors::Count).map_err(|_| refused());
        };
        let plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        match percent.parse() {
            Ok(share) if plain && (0.0..=100.0).contains(&share) => Ok(MaxErrors::Percent(share)),
            _ => Err(refused()),
        }
    }
}

/// `--summary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// One `name: count` a line.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What reaches the report.
#[derive(Debug)]
pub enum Message {
    /// From a lane: what became of records.
    Outcome(Outcome),
    /// From a lane: what it is doing.
    Note(Note),
    /// From a lane: it cannot go on.
    Stopped(SinkError),
    /// From the reader, last: what it read.
    Read(ReadEnd),
}

/// How reading ended.
#[derive(Debug, Default)]
pub struct ReadEnd {
    /// Records read.
    pub records: u64,
    /// Blank lines.
    pub empty: u64,
    /// Why it ended before its time.
    pub broken: Option<Broken>,
}

/// Errors of one kind.
#[derive(Debug)]
struct Kind {
    count: u64,
    first: Origin,
    reason: String,
}

/// How many errors are told one by one without `--details`.
const TOLD: u64 = 10;

/// Records after which `--max-errors N%` is looked at during the run; the end always does.
const PERCENT_FROM: u64 = 1_000;

/// What the report is told of the run beforehand.
#[derive(Debug)]
pub struct Settings {
    /// Names of the inputs.
    pub files: Arc<[String]>,
    /// The target, without secrets.
    pub target: String,
    /// The collection, if the run has one.
    pub collection: Option<String>,
    /// Say every error.
    pub details: bool,
    /// Say no errors as they come, unless `details` asks for them.
    pub quiet: bool,
    /// Say each step with its time.
    pub verbose: bool,
    /// Colour what is said.
    pub color: bool,
    /// Stop above so many.
    pub max_errors: Option<MaxErrors>,
    /// Whether nothing is sent.
    pub dry_run: bool,
    /// Where `--results` go.
    pub results: Option<Results>,
    /// What goes over the wire, if the target is a server.
    pub traffic: Option<Traffic>,
}

/// The account of a run.
pub struct Report {
    settings: Settings,
    progress: Progress,
    started: Instant,
    counts: Counts,
    kinds: BTreeMap<Cow<'static, str>, Kind>,
    told: u64,
    /// Records that are errors or unknown.
    failed: u64,
    end: ReadEnd,
    too_many: bool,
    /// Why lanes could not go on.
    endings: Vec<Ending>,
    /// Why the target could not go on, or undid everything.
    why: Option<String>,
    stop: Stop,
    err: Box<dyn Write>,
}

impl Report {
    /// Begins an account; lines for a person go to `err`.
    pub fn new(settings: Settings, progress: Progress, stop: Stop, err: Box<dyn Write>) -> Report {
        Report {
            settings,
            progress,
            started: Instant::now(),
            counts: Counts::default(),
            kinds: BTreeMap::new(),
            told: 0,
            failed: 0,
            end: ReadEnd::default(),
            too_many: false,
            endings: Vec::new(),
            why: None,
            stop,
            err,
        }
    }

    /// Prints a line for a person.
    pub fn say(&mut self, text: &str) {
        self.progress.line(&mut self.err, &painted(text, self.settings.color));
    }

    /// How long to wait for a message before `tick`.
    pub fn interval(&self) -> std::time::Duration {
        self.progress.interval()
    }

    /// Shows progress if it is time to.
    pub fn tick(&mut self) {
        self.progress.tick(self.counts[Bucket::Error], &mut self.err);
    }

    /// Takes a message in.
    pub fn absorb(&mut self, message: Message, read_so_far: u64) {
        match message {
            Message::Outcome(mut outcome) => {
                self.counts += outcome.counts;
                // A late index finds duplicates in the order of their keys; a person reads them by line.
                outcome.failures.sort_unstable_by_key(|failure| failure.origin);
                outcome.failures.iter().for_each(|failure| self.tell(failure));
                self.write_results(|results, files| results.write(files, &outcome.results));
                self.check_limit(read_so_far, PERCENT_FROM);
                self.say_step(&format!("{} records settled", grouped(outcome.counts.total())));
            }
            Message::Note(Note::Doing(what)) => {
                self.progress.doing(what);
                self.say_step(what);
            }
            Message::Note(Note::Detail(text)) => self.say_step(&text),
            Message::Note(Note::Warning(text)) => {
                if !self.settings.quiet {
                    self.say(&text);
                }
            }
            Message::Stopped(error) => self.stopped(error),
            Message::Read(end) => {
                self.say_step(&format!("{} records read", grouped(end.records)));
                self.end = end;
            }
        }
    }

    /// With `-v`, says what has been done, or begins now.
    fn say_step(&mut self, step: &str) {
        if self.settings.verbose {
            self.say(&format!("after {:.3} s: {step}", self.started.elapsed().as_secs_f64()));
        }
    }

    fn stopped(&mut self, error: SinkError) {
        let SinkError { text, ending, .. } = error;
        self.endings.push(ending);
        if ending == Ending::Enough {
            return;
        }
        // Each lane says the same of a target that is closed.
        if self.why.as_ref() != Some(&text) {
            self.say(&format!("error: {text}"));
        }
        self.why.get_or_insert(text);
    }

    /// Takes in that a target could not be left as it should be: it says so, and the exit code is not 0.
    pub fn not_closed(&mut self, text: String) {
        self.stopped(SinkError::stopped(text));
    }

    /// Writes to the file of `--results`, if there is one. A run whose results cannot be kept stops.
    fn write_results(&mut self, write: impl FnOnce(&mut Results, &[String]) -> std::io::Result<()>) {
        let Some(results) = &mut self.settings.results else { return };
        if let Err(error) = write(results, &self.settings.files) {
            let text = format!("--results: {}: {error}", results.name);
            self.settings.results = None;
            self.stopped(SinkError::stopped(text));
            self.stop.ask();
        }
    }

    fn tell(&mut self, failure: &Failure) {
        self.failed += 1;
        let kind = self.kinds.entry(failure.reason.kind.clone()).or_insert_with(|| Kind {
            count: 0,
            first: failure.origin,
            reason: failure.reason.text.clone(),
        });
        kind.count += 1;
        if failure.origin < kind.first {
            (kind.first, kind.reason) = (failure.origin, failure.reason.text.clone());
        }
        if self.settings.details || (!self.settings.quiet && self.told < TOLD) {
            self.told += 1;
            let unknown = if failure.bucket == Bucket::Unknown { "unknown: " } else { "" };
            let line = format!("{}: {unknown}{}", self.place(&failure.origin), failure.reason.text);
            self.say(&line);
        }
    }

    fn check_limit(&mut self, read: u64, from: u64) {
        let errors = self.counts[Bucket::Error];
        let above = match self.settings.max_errors {
            None => false,
            Some(MaxErrors::Count(count)) => errors > count,
            Some(MaxErrors::Percent(percent)) => read >= from && errors as f64 * 100.0 > percent * read as f64,
        };
        if above && !self.too_many {
            self.too_many = true;
            self.stop.ask();
        }
    }

    /// `file:line`, and the number of the record where lines do not tell records apart.
    fn place(&self, origin: &Origin) -> String {
        let file = self.settings.files.get(origin.file as usize).map_or("?", String::as_str);
        if origin.line < origin.record {
            return format!("{file}:{} (record {})", origin.line, origin.record);
        }
        format!("{file}:{}", origin.line)
    }

    /// Closes the account: says what is left to say, and returns the summary.
    pub fn close(mut self, bytes_read: u64) -> Summary {
        self.write_results(|results, _| results.out.flush());
        self.progress.finish();
        self.check_limit(self.end.records, 0);
        if let Some(broken) = self.broken() {
            self.say(&format!("error: {broken}"));
        }
        self.say_kinds();
        if self.too_many {
            let errors = grouped(self.counts[Bucket::Error]);
            self.say(&format!("error: more errors than --max-errors allows: {errors}"));
        }
        let balanced = self.counts.total() == self.end.records;
        if !balanced {
            let (read, total) = (self.end.records, self.counts.total());
            self.say(&format!(
                "error: this is a bug in bulkimport: {read} records were read, but {total} were counted"
            ));
        }
        if let Some(signal) = self.stop.signal() {
            let name = if signal == 2 { "SIGINT" } else { "SIGTERM" };
            self.say(&format!("stopped by {name}; the summary counts what was read"));
        }
        let exit = self.exit_code(balanced);
        Summary { json: self.json(bytes_read, exit), exit }
    }

    /// Where and why an input could not be read on.
    fn broken(&self) -> Option<String> {
        self.end.broken.as_ref().map(|broken| format!("{}: {}", self.place(&broken.origin), broken.text))
    }

    fn say_kinds(&mut self) {
        if self.settings.quiet || self.failed <= self.told {
            return;
        }
        let more = match self.failed - self.told {
            1 => "1 more error".to_owned(),
            more => format!("{} more errors", grouped(more)),
        };
        self.say(&format!("and {more} (--details shows all); errors by kind:"));
        let lines: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, about)| {
                let (count, first) = (grouped(about.count), self.place(&about.first));
                format!("  {kind}: {count}, first {first}: {}", about.reason)
            })
            .collect();
        for line in lines {
            self.say(&line);
        }
    }

    /// The first that holds of 130/143, 6, 5, 4, 3, 1.
    fn exit_code(&self, balanced: bool) -> u8 {
        let ended = |ending| self.endings.contains(&ending);
        let lost = self.counts[Bucket::Error] + self.counts[Bucket::Unknown] > 0
            || (self.counts[Bucket::Unsent] > 0 && !self.settings.dry_run && !ended(Ending::Enough))
            || !balanced;
        match self.stop.signal() {
            Some(signal) => 128 + signal as u8,
            None if ended(Ending::RolledBack) => 6,
            None if self.end.broken.is_some() => 5,
            None if ended(Ending::Stopped) => 4,
            None if self.too_many => 3,
            None => u8::from(lost),
        }
    }

    fn json(&self, bytes_read: u64, exit: u8) -> Value {
        let counted = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let traffic = self.settings.traffic.clone().unwrap_or_default();
        let kinds: Vec<Value> = self
            .kinds
            .iter()
            .map(|(kind, about)| {
                json!({
                    "type": kind,
                    "count": about.count,
                    "first": { "file": self.settings.files.get(about.first.file as usize), "line": about.first.line,
                               "record": about.first.record },
                    "reason": about.reason,
                })
            })
            .collect();
        json!({
            "schema": 1,
            "read": self.end.records,
            "created": self.counts[Bucket::Created],
            "errors": self.counts[Bucket::Error],
            "updated": self.counts[Bucket::Updated],
            "ignored": self.counts[Bucket::Ignored],
            "deleted": self.counts[Bucket::Deleted],
            "unknown": self.counts[Bucket::Unknown],
            "unsent": self.counts[Bucket::Unsent],
            "empty": self.end.empty,
            "uncertain": counted(&traffic.uncertain),
            "target": self.settings.target,
            "collection": self.settings.collection,
            "requests": counted(&traffic.requests),
            "retried": counted(&traffic.retried),
            "bytes_read": bytes_read,
            "bytes_sent": counted(&traffic.bytes),
            "seconds": (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            "exit_code": exit,
            "files": self.settings.files.to_vec(),
            "error_kinds": kinds,
            "error": self.why.clone().or_else(|| self.broken()),
            "rejects": null,
            "journal": null,
            "dry_run": self.settings.dry_run,
        })
    }
}

/// What is printed at the end.
#[derive(Debug)]
pub struct Summary {
    json: Value,
    /// The process's exit code.
    pub exit: u8,
}

impl Summary {
    /// The text for stdout.
    pub fn text(&self, format: SummaryFormat) -> String {
        if format == SummaryFormat::Json {
            return format!("{}\n", self.json);
        }
        let always = ["created", "errors", "updated", "ignored"];
        let lines =
            always.iter().chain(&["deleted", "empty", "unknown", "unsent"]).map(|name| (name, &self.json[name]));
        let shown = lines.filter(|(name, count)| always.contains(name) || **count != 0);
        shown.map(|(name, count)| format!("{name}: {count}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Meter, ProgressMode};

    /// The exit code of a run whose records are all unsent because its sink ended so.
    fn exit_after(error: SinkError) -> u8 {
        let settings = Settings {
            files: Arc::from([]),
            target: String::new(),
            collection: None,
            details: false,
            quiet: true,
            verbose: false,
            color: false,
            max_errors: None,
            dry_run: false,
            results: None,
            traffic: None,
        };
        let progress = Progress::new(ProgressMode::None, None, Meter::default());
        let mut report = Report::new(settings, progress, Stop::default(), Box::new(std::io::sink()));
        let mut counts = Counts::default();
        counts[Bucket::Unsent] = 2;
        report.absorb(Message::Outcome(Outcome { counts, ..Outcome::default() }), 2);
        report.absorb(Message::Stopped(error), 2);
        report.absorb(Message::Read(ReadEnd { records: 2, ..ReadEnd::default() }), 2);
        report.close(0).exit
    }

    #[test]
    fn only_a_sink_that_has_had_enough_ends_a_run_well() {
        assert_eq!(exit_after(SinkError::stopped("gone")), 4);
        assert_eq!(exit_after(SinkError::rolled_back("undone")), 6);
        assert_eq!(exit_after(SinkError::enough()), 0);
    }

    #[test]
    fn errors_are_counted_or_a_share() {
        assert_eq!("0".parse(), Ok(MaxErrors::Count(0)));
        assert_eq!("20".parse(), Ok(MaxErrors::Count(20)));
        assert_eq!("0.5%".parse(), Ok(MaxErrors::Percent(0.5)));
        assert_eq!("100%".parse(), Ok(MaxErrors::Percent(100.0)));
        for text in ["", "%", "-1", "1.5", "101%", "-1%", "nan%", "inf%", "1e1%", "ten"] {
            assert!(text.parse::<MaxErrors>().is_err(), "{text}");
        }
    }
}
