//! Sums up the outcomes, checks that they balance, and determines the exit code.
//! Errors are printed as they arrive: the first ten, or all with `--details`, and at the end a summary by kind.

mod again;
mod collections;
mod journaled;
mod notes;
mod output;
mod rejects;
mod results;

pub use again::Again;
pub use journaled::SettledBatch;
pub use output::{OutputFile, is_result};
pub use rejects::{InputHeader, Rejects, names_json};
pub use results::Results;

use crate::error::HINT_PREFIX;
use crate::input::ReadError;
use crate::mask::mask;
use crate::messages::Messages;
use crate::notes::Notes;
use crate::progress::{Progress, grouped};
use crate::record::Origin;
use crate::sink::http::Traffic;
use crate::sink::{Bucket, Counts, Ending, Failure, NamedCounts, Note, Outcome, SinkError};
use crate::stop::Stop;
use crate::values;
use clap::ValueEnum;
use journaled::ReportJournal;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

/// `--max-errors`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxErrors {
    /// A number of records.
    Count(u64),
    /// A percentage of the records read.
    Percent(f64),
}

impl FromStr for MaxErrors {
    type Err = String;

    /// Parses a number, or 0 to 100 with `%`.
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
    /// One `name: count` per line.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// A message to the report.
#[derive(Debug)]
pub enum Message {
    /// From a lane: outcomes of records.
    Outcome(Outcome),
    /// From the reader: the header of an input with rows.
    Header(u32, InputHeader),
    /// From a lane of a run with a journal: outcomes of records, once they are final.
    Settled(SettledBatch),
    /// From a lane: a note.
    Note(Note),
    /// From a lane: its sink cannot go on.
    Stopped(SinkError),
    /// From the reader, at its end.
    Read(ReadEnd),
}

/// How reading ended.
#[derive(Debug, Default)]
pub struct ReadEnd {
    /// Records read.
    pub records: u64,
    /// Blank lines.
    pub empty: u64,
    /// Whether a record had no key of its own.
    pub has_generated_keys: bool,
    /// Why it ended early.
    pub broken: Option<ReadError>,
    /// `--min-records`, if there were fewer.
    pub fewer_than: Option<u64>,
    /// What a person would want to know.
    pub notes: Notes,
    /// Keys that were generated.
    pub generated_keys: u64,
    /// Flags that name fields, but have matched none.
    pub unmatched: Vec<String>,
    /// With a journal, the digest of the input.
    pub digest: u64,
    /// Records that earlier tries have settled, and that were passed over.
    pub passed_over: u64,
    /// Whether reading ended early.
    pub is_cut: bool,
    /// Whether the input is not that of an earlier try.
    pub is_other_input: bool,
    /// Whether it has proved to be the same, as far as the earlier try had read it.
    pub is_verified: bool,
}

/// Errors of one kind.
#[derive(Debug)]
struct ErrorKind {
    count: u64,
    first: Origin,
    reason: String,
}

/// Maximum number of errors that are printed one by one without `--details`.
const MAX_SHOWN: u64 = 10;

/// Number of records read before `--max-errors N%` is checked during the run; at the end it is always checked.
const PERCENT_MIN_READ: u64 = 1_000;

/// The settings of a report.
#[derive(Debug)]
pub struct Settings {
    /// Names of the inputs.
    pub files: Arc<[String]>,
    /// The target, without secrets.
    pub target: String,
    /// The collection, if the run has one.
    pub collection: Option<String>,
    /// The names of the collections of the run; bulk lines may name others.
    pub collections: Vec<String>,
    /// Print every error.
    pub details: bool,
    /// Print no errors as they arrive, unless `details` is set.
    pub quiet: bool,
    /// Print each step with its time.
    pub verbose: bool,
    /// Stop above this limit.
    pub max_errors: Option<MaxErrors>,
    /// Whether nothing is sent.
    pub dry_run: bool,
    /// What to do after an interruption.
    pub again: Again,
    /// Where `--results` go.
    pub results: Option<Results>,
    /// Where `--rejects` go.
    pub rejects: Option<Rejects>,
    /// The name of the journal.
    pub journal: Option<String>,
    /// The command line, as one would type it again.
    pub command: String,
    /// Counters of requests, for each connection to a server.
    pub traffic: Vec<Traffic>,
    /// Notes about variables, which were printed at the start.
    pub variable_notes: Vec<String>,
}

/// Collects the outcomes of a run.
pub struct Report {
    settings: Settings,
    progress: Progress,
    started: Instant,
    counts: Counts,
    /// The same by collection of the run.
    by_collection: Vec<Counts>,
    /// The same for other collections, which bulk lines name.
    named: NamedCounts,
    kinds: BTreeMap<Cow<'static, str>, ErrorKind>,
    shown: u64,
    /// Hints that were printed.
    hints: BTreeSet<String>,
    /// Records that are errors or unknown.
    failed: u64,
    end: ReadEnd,
    notes: Notes,
    generated_keys: u64,
    /// Flags that have matched nothing in any part of the run; `None` before the first part has ended.
    unmatched: Option<Vec<String>>,
    too_many: bool,
    /// Why lanes could not go on.
    endings: Vec<Ending>,
    /// Why the target could not go on, or rolled back.
    why: Option<String>,
    stop: Stop,
    err: Messages,
    journal: Option<ReportJournal>,
    /// Whether the file of `--results` or that of `--rejects` could not be written.
    has_failed_output: bool,
}

impl Report {
    /// Creates the report of a run; messages go to `err`.
    pub fn new(settings: Settings, progress: Progress, stop: Stop, err: Messages) -> Report {
        Report {
            progress,
            started: Instant::now(),
            counts: Counts::default(),
            by_collection: vec![Counts::default(); settings.collections.len()],
            named: NamedCounts::default(),
            kinds: BTreeMap::new(),
            shown: 0,
            hints: BTreeSet::new(),
            failed: 0,
            end: ReadEnd::default(),
            notes: Notes::default(),
            generated_keys: 0,
            unmatched: None,
            too_many: false,
            endings: Vec::new(),
            why: None,
            stop,
            err,
            journal: None,
            has_failed_output: false,
            settings,
        }
    }

    /// How many records and blank lines were read so far.
    pub fn read_so_far(&self) -> ReadEnd {
        let ReadEnd { records, empty, has_generated_keys, digest, passed_over, is_verified, .. } = self.end;
        ReadEnd { records, empty, has_generated_keys, digest, passed_over, is_verified, ..ReadEnd::default() }
    }

    /// Whether reading has failed.
    pub fn is_broken(&self) -> bool {
        self.end.broken.is_some()
    }

    /// Prints a message on one line.
    fn print(&mut self, text: &str) {
        self.progress.print(|| self.err.line(text));
    }

    /// Maximum time to wait for a message before `tick`.
    pub fn interval(&self) -> std::time::Duration {
        self.progress.interval()
    }

    /// Shows progress, if it is due.
    pub fn tick(&mut self) {
        self.progress.tick(self.counts[Bucket::Error], &mut self.err);
    }

    /// Handles a message.
    pub fn handle(&mut self, message: Message, read_so_far: u64) {
        match message {
            Message::Outcome(outcome) => {
                self.add(outcome);
                self.check_limit(read_so_far, PERCENT_MIN_READ);
            }
            Message::Settled(batch) => {
                self.settle(batch);
                self.check_limit(read_so_far, PERCENT_MIN_READ);
            }
            Message::Header(file, header) => {
                self.settings.rejects.iter_mut().for_each(|rejects| rejects.expect_header(file, header.clone()));
            }
            Message::Note(Note::Doing(what)) => {
                self.progress.doing(what);
                self.print_step(what);
            }
            Message::Note(Note::Detail(text)) => self.print_step(&text),
            Message::Note(Note::Warning(text)) => {
                if !self.settings.quiet {
                    self.print(&text);
                }
            }
            Message::Stopped(error) => self.stopped(error),
            Message::Read(mut end) => {
                self.print_step(&format!("{} records read", grouped(end.records)));
                self.notes.append(std::mem::take(&mut end.notes));
                self.generated_keys += end.generated_keys;
                self.add_unmatched(std::mem::take(&mut end.unmatched));
                self.end = end;
            }
        }
    }

    /// Adds the outcomes of some records.
    fn add(&mut self, mut outcome: Outcome) {
        self.counts += outcome.counts;
        if let Some(counts) = self.by_collection.get_mut(outcome.collection) {
            *counts += outcome.counts;
        }
        self.add_named(outcome.collection, &outcome.named);
        // An index that is built late finds duplicates in the order of their keys; print them by line.
        outcome.failures.sort_unstable_by_key(|failure| failure.origin);
        outcome.failures.iter().for_each(|failure| self.add_failure(failure));
        self.write_results(|results, files| results.write(files, &outcome.results));
        outcome.rejects.sort_by_key(|reject| reject.origin);
        self.write_rejects(|rejects, files| match outcome.broken {
            Some(text) => Err(std::io::Error::other(text)),
            None => rejects.write(files, outcome.collection, &outcome.rejects),
        });
        self.print_step(&format!("{} records settled", grouped(outcome.counts.total())));
    }

    /// Counts records of other collections, which are no records of that of the run.
    fn add_named(&mut self, collection: usize, named: &NamedCounts) {
        let is_own = |name: &String| self.settings.collections.contains(name);
        for (name, counts) in named.iter().filter(|(name, _)| !is_own(name)) {
            self.named.add(name, *counts);
            if let Some(own) = self.by_collection.get_mut(collection) {
                *own -= *counts;
            }
        }
    }

    /// With `-v`, prints a step that is done, or begins.
    fn print_step(&mut self, step: &str) {
        if self.settings.verbose {
            self.print(&format!("after {:.3} s: {step}", self.started.elapsed().as_secs_f64()));
        }
    }

    fn stopped(&mut self, error: SinkError) {
        let SinkError { text, ending, .. } = error;
        self.endings.push(ending);
        if ending == Ending::Enough {
            return;
        }
        // Each lane reports the same error of a target that is unavailable. One that a signal caused is printed with it.
        let is_of_signal = ending == Ending::RolledBack && self.stop.signal().is_some();
        if !is_of_signal && self.why.as_ref() != Some(&text) {
            self.progress.print(|| self.err.with_hints(&format!("error: {text}")));
        }
        self.why.get_or_insert(text);
    }

    /// Reports that a target could not be restored to its state before the run.
    pub fn not_closed(&mut self, text: String) {
        self.stopped(SinkError::stopped(text));
    }

    /// Writes to the file of `--results`, if there is one. If that fails, the run stops.
    fn write_results(&mut self, write: impl FnOnce(&mut Results, &[String]) -> std::io::Result<()>) {
        let Some(results) = &mut self.settings.results else { return };
        if let Err(error) = write(results, &self.settings.files) {
            let text = format!("--results: {}: {error}", results.file.name);
            self.settings.results = None;
            self.has_failed_output = true;
            self.stopped(SinkError::stopped(text));
            self.stop.request();
        }
    }

    /// The same for the file of `--rejects`.
    fn write_rejects(&mut self, write: impl FnOnce(&mut Rejects, &[String]) -> std::io::Result<()>) {
        let Some(rejects) = &mut self.settings.rejects else { return };
        if let Err(error) = write(rejects, &self.settings.files) {
            let text = format!("--rejects: {}: {error}", rejects.file.name);
            self.settings.rejects = None;
            self.has_failed_output = true;
            self.stopped(SinkError::stopped(text));
            self.stop.request();
        }
    }

    fn add_failure(&mut self, failure: &Failure) {
        self.failed += 1;
        let kind = self.kinds.entry(failure.reason.kind.clone()).or_insert_with(|| ErrorKind {
            count: 0,
            first: failure.origin,
            reason: failure.reason.text.clone(),
        });
        kind.count += 1;
        if failure.origin < kind.first {
            (kind.first, kind.reason) = (failure.origin, failure.reason.text.clone());
        }
        if self.settings.details || (!self.settings.quiet && self.shown < MAX_SHOWN) {
            self.shown += 1;
            let unknown = if failure.bucket == Bucket::Unknown { "unknown: " } else { "" };
            let line = format!("{}: {unknown}{}", self.location(&failure.origin), cut(&failure.reason.text));
            self.print(&line);
            failure.reason.hint.iter().for_each(|hint| self.print_hint(hint));
        }
    }

    /// Prints a hint, but each only once.
    fn print_hint(&mut self, hint: &str) {
        if self.hints.insert(hint.to_owned()) {
            self.print(&format!("{}{hint}", HINT_PREFIX.trim_start()));
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
            self.stop.request();
        }
    }

    /// `file:line`, with the number of the record where a line may have several.
    fn location(&self, origin: &Origin) -> String {
        let file = self.settings.files.get(origin.file as usize).map_or("?", String::as_str);
        if origin.line < origin.record {
            return format!("{file}:{} (record {})", origin.line, origin.record);
        }
        format!("{file}:{}", origin.line)
    }

    /// Ends the report: prints the last messages, and returns the summary.
    pub fn close(mut self, bytes_read: u64) -> Summary {
        self.add_late();
        self.write_results(|results, _| results.file.flush());
        self.write_rejects(|rejects, _| rejects.file.flush());
        self.progress.finish();
        self.check_limit(self.end.records, 0);
        self.complete_notes();
        if let Some(broken) = self.broken() {
            self.print(&format!("error: {broken}"));
            let hint = self.end.broken.as_ref().and_then(|broken| broken.hint.clone());
            hint.iter().for_each(|hint| self.print_hint(hint));
        }
        self.print_kinds();
        self.print_notes();
        self.print_min_records();
        if self.too_many {
            let errors = grouped(self.counts[Bucket::Error]);
            let text = format!("more errors than --max-errors allows: {errors}");
            self.print(&format!("error: {text}"));
            self.why.get_or_insert(text);
        }
        let balanced = self.counts.total() == self.end.records;
        if !balanced {
            let (read, total) = (grouped(self.end.records), grouped(self.counts.total()));
            self.print(&format!(
                "error: this is a bug in bulkimport: {read} records were read, but {total} were counted"
            ));
        }
        if let Some(name) = self.stop.signal_name() {
            let rolled_back = self.why.take().filter(|_| self.endings.contains(&Ending::RolledBack));
            let keeps = rolled_back.is_none() && !self.settings.dry_run;
            let end = rolled_back.unwrap_or_else(|| "the summary counts what was read".to_owned());
            let text = format!("stopped by {name}; {end}");
            self.print(&text);
            if keeps && self.journal.is_none() {
                self.print(&self.settings.again.text(&self.counts, self.end.has_generated_keys));
            }
            self.why = Some(text);
        }
        self.print_how_to_go_on();
        if let Some(line) = self.progress.end(self.end.records) {
            self.print(&line);
        }
        let exit = self.exit_code(balanced);
        let lists_collections = self.settings.collections.len() > 1;
        let summary = Summary { json: self.json(bytes_read, exit), lists_collections, exit };
        self.finish_journal(summary)
    }

    /// Where and why reading an input failed.
    fn broken(&self) -> Option<String> {
        self.end.broken.as_ref().map(|broken| format!("{}: {}", self.location(&broken.origin), broken.text))
    }

    fn print_kinds(&mut self) {
        if self.settings.quiet || self.failed <= self.shown {
            return;
        }
        let more = match self.failed - self.shown {
            1 => "1 more error".to_owned(),
            more => format!("{} more errors", grouped(more)),
        };
        self.print(&format!("and {more} (--details shows all); errors by kind:"));
        let lines: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, about)| {
                let (count, first) = (grouped(about.count), self.location(&about.first));
                format!("  {kind}: {count}, first {first}: {}", cut(&about.reason))
            })
            .collect();
        for line in lines {
            self.print(&line);
        }
    }

    /// The first that applies of 128 and a signal, 6, 5, 4, 3, 1.
    fn exit_code(&self, balanced: bool) -> u8 {
        let ended = |ending| self.endings.contains(&ending);
        let lost = self.counts[Bucket::Error] + self.counts[Bucket::Unknown] > 0
            || (self.counts[Bucket::Unsent] > 0 && !self.settings.dry_run && !ended(Ending::Enough))
            || !balanced;
        match self.stop.signal() {
            Some(signal) => 128 + signal as u8,
            None if ended(Ending::RolledBack) => 6,
            // Otherwise something was done.
            None if self.end.broken.as_ref().is_some_and(ReadError::is_of_flag) && self.end.records == 0 => 2,
            None if self.end.broken.is_some() || self.fewer_than().is_some() => 5,
            None if ended(Ending::Stopped) => 4,
            None if self.too_many => 3,
            None => u8::from(lost),
        }
    }

    fn json(&self, bytes_read: u64, exit: u8) -> Value {
        let [requests, retried, bytes_sent, uncertain] = self.traffic();
        let kinds: Vec<Value> = self
            .kinds
            .iter()
            .map(|(kind, about)| {
                json!({
                    "type": mask(kind),
                    "count": about.count,
                    "first": { "file": self.settings.files.get(about.first.file as usize).map(|file| mask(file)), "line": about.first.line,
                               "record": about.first.record },
                    "reason": mask(&about.reason),
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
            "valid": self.settings.dry_run.then_some(self.counts[Bucket::Unsent]),
            "empty": self.end.empty,
            "generated_keys": self.generated_keys,
            "notes": self.notes_json(),
            "uncertain": uncertain,
            "target": mask(&self.settings.target),
            "collection": self.settings.collection.as_deref().map(mask),
            "collections": collections::json(&self.settings.collections, &self.by_collection, &self.named),
            "requests": requests,
            "retried": retried,
            "bytes_read": bytes_read,
            "bytes_sent": bytes_sent,
            "seconds": (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            "exit_code": exit,
            "files": self.settings.files.iter().map(|file| mask(file)).collect::<Vec<_>>(),
            "error_kinds": kinds,
            "error": self.why.clone().or_else(|| self.broken()).map(|why| mask(&why).into_owned()),
            "rejects": self.settings.rejects.as_ref().map(Rejects::json),
            "journal": self.settings.journal.as_deref().map(mask),
            "dry_run": self.settings.dry_run,
        })
    }
}

/// Maximum number of characters of a reason on stderr. `--results` and the JSON summary have all of it.
const MAX_REASON: usize = 300;

/// A reason that is not too long for a terminal.
fn cut(reason: &str) -> Cow<'_, str> {
    match reason.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]).into(),
        None => reason.into(),
    }
}

/// The summary, which is printed at the end.
#[derive(Debug)]
pub struct Summary {
    json: Value,
    /// Whether the text has a line for each collection.
    lists_collections: bool,
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
        // What a dry run does not send is valid.
        let last = if self.json["valid"].is_null() { "unsent" } else { "valid" };
        let names = always.into_iter().chain(["deleted", "empty", "unknown", last]);
        let lines = names.map(|name| (name, &self.json[name]));
        let shown = lines.filter(|(name, count)| always.contains(name) || **count != 0);
        let shown = shown.map(|(name, count)| format!("{name}: {count}\n"));
        let collections = self.lists_collections.then(|| collections::lines(&self.json["collections"]));
        shown.chain(collections.into_iter().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Meter, ProgressMode};

    /// The exit code of a run whose records are all unsent because of this error.
    fn exit_after(error: SinkError) -> u8 {
        let settings = Settings {
            files: Arc::from([]),
            target: String::new(),
            collection: None,
            collections: Vec::new(),
            details: false,
            quiet: true,
            verbose: false,
            max_errors: None,
            dry_run: false,
            again: Again::Unknown,
            results: None,
            rejects: None,
            journal: None,
            command: String::new(),
            traffic: Vec::new(),
            variable_notes: Vec::new(),
        };
        let progress = Progress::new(ProgressMode::None, None, Meter::default());
        let mut report =
            Report::new(settings, progress, Stop::default(), Messages::new(Box::new(std::io::sink()), false));
        let mut counts = Counts::default();
        counts[Bucket::Unsent] = 2;
        report.handle(Message::Outcome(Outcome { counts, ..Outcome::default() }), 2);
        report.handle(Message::Stopped(error), 2);
        report.handle(Message::Read(ReadEnd { records: 2, ..ReadEnd::default() }), 2);
        report.close(0).exit
    }

    #[test]
    fn only_a_closed_output_ends_a_run_with_exit_code_0() {
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
