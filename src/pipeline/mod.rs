//! Runs the stages of `lib.rs`: one thread reads, one thread per lane applies batches, and the calling thread reports.

mod catchup;
mod job;
mod journaled;
mod lane;
mod lanes;
mod pace;
mod watch;

pub use catchup::Resume;
pub use pace::Pace;

use crate::action::{Action, Decider};
use crate::batch::{Batcher, Limits};
use crate::input::{Format, Input, InputOptions, ReadError, ReadStep};
use crate::key_filter::KeyFilter;
use crate::notes::Notes;
use crate::progress::Meter;
use crate::record::{BadRecord, Origin, Record};
use crate::report::{InputHeader, Message, ReadEnd, Report, names_json};
use crate::shape::Shaper;
use crate::sink::{Ledger, OutcomeWishes, Sink, SinkError};
use crate::stop::Stop;
use catchup::{Catchup, digest_of, digest_of_bad};
use journaled::LaneJournal;
use lane::Lane;
use lanes::{LaneEnd, Lanes};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread::Scope;
use std::time::Instant;
use watch::Watch;

/// Everything that a run needs.
pub struct Plan {
    pub inputs: Vec<Input>,
    pub options: InputOptions,
    /// For each collection of the run, the name that its actions have; none if the sinks know it.
    pub names: Vec<String>,
    /// For each collection of the run, whether it holds edges.
    pub edges: Vec<bool>,
    /// Records and blank lines that were read before.
    pub before: ReadEnd,
    /// Maximum number of records to read.
    pub limit: Option<u64>,
    pub shaper: Shaper,
    pub decider: Decider,
    pub limits: Limits,
    /// `--max-rate`.
    pub pace: Option<Pace>,
    /// One sink per lane.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Progress of reading.
    pub meter: Meter,
    pub stop: Stop,
    /// What is wanted of the outcomes of records.
    pub wishes: OutcomeWishes,
    /// Fields that `--unique` names.
    pub unique: Vec<String>,
    /// How many records the run must have when this part of it ends.
    pub min_records: Option<u64>,
    /// The journal, and what earlier tries did.
    pub resume: Option<Resume>,
}

/// Runs the plan to its end. The report receives all outcomes.
pub fn run(plan: Plan, report: &mut Report) {
    let meter = plan.meter.clone();
    start(plan, |inbox| collect(inbox, &meter, report));
}

/// Starts all threads and waits for them. `collect` receives their messages.
fn start(mut plan: Plan, collect: impl FnOnce(&Receiver<Message>)) {
    // True until reading has ended well, so that lanes undo what they can if it never begins.
    let cut = &AtomicBool::new(true);
    let (messages, inbox) = sync_channel(MAX_MESSAGES);
    let (inputs, sinks) = (std::mem::take(&mut plan.inputs), std::mem::take(&mut plan.sinks));
    let key_filter = sinks.iter().any(|sink| sink.asks_for_repeats()).then(KeyFilter::default);
    std::thread::scope(|scope| {
        let mut ends = Vec::with_capacity(sinks.len());
        let mut all_started = true;
        for (number, sink) in sinks.into_iter().enumerate() {
            let (jobs, arriving) = sync_channel(1);
            let (returned, free) = channel();
            let batcher = Batcher::new(plan.limits, sink.encoder(), plan.options.keeps_raw);
            let long = plan.limits.bytes.max(MIN_LONG);
            let (spare, skipped) = (Vec::new(), Vec::new());
            ends.push(LaneEnd { batcher, jobs, long, has_long: false, free, in_flight: 0, spare, skipped });
            let (messages, stop) = (messages.clone(), plan.stop.clone());
            let (limits, wishes, pace) = (plan.limits, plan.wishes, plan.pace.clone());
            let journal = plan.resume.as_ref().map(|resume| LaneJournal::new(resume.journal.clone()));
            let held = plan.resume.as_ref().map(|resume| resume.held.clone());
            let to_report = (messages.clone(), stop.clone());
            all_started &= spawn(scope, format!("lane-{number}"), to_report, move || {
                let to_report = messages.clone();
                let hand_over = move |outcome| drop(to_report.send(Message::Outcome(outcome)));
                let mut ledger = Ledger::new(number, wishes, Box::new(hand_over));
                if let Some(held) = held {
                    ledger.keep(held);
                }
                Lane { sink, ledger, messages, stop, cut, ended: false, journal, pace }
                    .run(&arriving, &returned, limits);
            });
            if !all_started {
                break;
            }
        }
        let mut lanes = Lanes::new(ends, key_filter, plan.stop.clone());
        let ReadEnd { records: read, empty, digest, .. } = plan.before;
        lanes.digest = digest;
        let number_of_lanes = lanes.count();
        let is_verified = plan.before.is_verified;
        let catchup = plan.resume.as_ref().and_then(|resume| Catchup::new(resume, number_of_lanes, is_verified));
        lanes.catch_up(catchup, read);
        let (watch, notes) = (Watch::new(&plan.unique), Notes::default());
        let to_report = messages.clone();
        let reading = Reading { plan, lanes, to_report, collection: 0, read, empty, watch, notes };
        let to_report = (messages.clone(), reading.plan.stop.clone());
        let read = move || {
            // `reading.run` sets `cut` before it drops the channels of the lanes, so that they read it after that.
            let _ = messages.send(Message::Read(reading.run(inputs, cut)));
        };
        if all_started {
            spawn(scope, "reader".to_owned(), to_report, read);
        } else {
            // The lanes and the report wait for the ends of these channels.
            drop((to_report, read));
        }
        collect(&inbox);
    });
}

/// Starts a thread with a name, for profilers and debuggers. If the system has none left, or the thread panics, the run stops
/// and the report gets the reason. Returns whether it was started.
fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    (messages, stop): (SyncSender<Message>, Stop),
    work: impl FnOnce() + Send + 'scope,
) -> bool {
    let (thread, failed, stop_of_thread) = (name.clone(), messages.clone(), stop.clone());
    let work = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            stop_of_thread.request();
            let text = format!("a bug in bulkimport ended the thread {thread}");
            let _ = messages.send(Message::Stopped(SinkError::stopped(text)));
        }
    };
    let Err(error) = std::thread::Builder::new().name(name.clone()).spawn_scoped(scope, work) else { return true };
    let text = format!("cannot start the thread {name}, a limit of processes may be reached (ulimit -u): {error}");
    stop.request();
    // Nobody receives yet, and there is at most one such message.
    let _ = failed.try_send(Message::Stopped(SinkError::stopped(text)));
    false
}

/// Maximum number of messages that wait for the report. Each can hold the errors of a whole batch, so a slow terminal must
/// slow down the run instead of filling the memory.
const MAX_MESSAGES: usize = 4;

/// Bytes that a long record has at least, whatever the limits of batches are.
const MIN_LONG: usize = 4 * 1024 * 1024;

/// Passes messages to the report until all threads have ended.
fn collect(inbox: &Receiver<Message>, meter: &Meter, report: &mut Report) {
    loop {
        match inbox.recv_timeout(report.interval()) {
            Ok(message) => report.handle(message, meter.records.load(Ordering::Relaxed)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        report.tick();
    }
}

/// The reading thread: from inputs to batches.
struct Reading {
    plan: Plan,
    lanes: Lanes,
    to_report: SyncSender<Message>,
    /// The collection of the current input, as an index among those of the run.
    collection: usize,
    read: u64,
    empty: u64,
    watch: Watch,
    notes: Notes,
}

/// Number of records between two checks of the clock.
const CHECK_INTERVAL: u64 = 64;

impl Reading {
    fn run(mut self, inputs: Vec<Input>, cut: &AtomicBool) -> ReadEnd {
        let mut broken = None;
        for input in inputs {
            if self.is_over() || broken.is_some() {
                break;
            }
            broken = self.input(input).err();
        }
        self.lanes.close(broken.is_some() || self.plan.stop.is_requested());
        let is_cut = broken.is_some() || self.plan.stop.is_requested();
        let fewer_than = self.plan.min_records.filter(|min| !is_cut && self.read < *min);
        cut.store(is_cut || fewer_than.is_some(), Ordering::SeqCst);
        self.plan.meter.records.store(self.read, Ordering::Relaxed);
        self.notes.append(self.plan.decider.notes());
        self.watch.notes(self.read, &mut self.notes);
        let (generated_keys, unmatched) = (self.plan.decider.generated(), self.plan.shaper.unmatched());
        let has_generated_keys = self.plan.before.has_generated_keys || self.plan.decider.has_generated_keys();
        let Reading { read, empty, notes, lanes, plan, .. } = self;
        let passed_over = plan.before.passed_over + lanes.passed_over;
        let is_other_input = lanes.catchup.as_ref().is_some_and(|catchup| catchup.is_other_input);
        let is_verified = lanes.catchup.is_none_or(|catchup| !catchup.is_waiting());
        // What was settled and not read again was read by an earlier try.
        let unread = plan.resume.map_or(0, |resume| resume.settled_count.saturating_sub(passed_over));
        let records = if is_cut { read + unread } else { read };
        let end = ReadEnd { records, empty, has_generated_keys, broken, fewer_than, notes, ..ReadEnd::default() };
        ReadEnd {
            generated_keys,
            unmatched,
            digest: lanes.digest,
            passed_over,
            is_other_input,
            is_verified,
            is_cut,
            ..end
        }
    }

    fn is_over(&self) -> bool {
        let is_other = || self.lanes.catchup.as_ref().is_some_and(|catchup| catchup.is_other_input);
        let is_limit = self.plan.limit.is_some_and(|limit| self.read >= limit);
        is_limit || self.plan.stop.is_reading_over() || is_other()
    }

    fn input(&mut self, input: Input) -> Result<(), ReadError> {
        self.lanes.expect_collection(input.collection);
        self.expect_format(input.format);
        self.collection = input.collection;
        self.plan.shaper.expect_edges(self.plan.edges.get(input.collection) == Some(&true));
        let is_first = input.number == 0 && input.format != Format::Rejects;
        let mut reader = input.reader(&self.plan.options, &self.plan.meter.bytes)?;
        let mut wrong_header = None;
        let read = reader.each(&mut |step| {
            // By reference, because `Record` is a large struct.
            match step {
                ReadStep::Record(ref record) => self.record(record),
                ReadStep::Header { origin, names, text, separator } => {
                    self.report_header(origin, names, text, separator);
                    let expected = self.plan.shaper.expect_header(names, is_first);
                    wrong_header = expected.err().map(|text| ReadError::new(origin, text));
                    return wrong_header.is_none() && !self.is_over();
                }
                ReadStep::Format(format) => self.expect_format(format),
                ReadStep::Bad(bad) => {
                    let digest = if self.plan.resume.is_some() { digest_of_bad(&bad) } else { 0 };
                    self.lanes.reject(bad, digest);
                    self.count();
                }
                ReadStep::Empty => self.empty += 1,
                ReadStep::Idle | ReadStep::End => {
                    self.do_periodic_work();
                    self.lanes.settle_long();
                }
            }
            !self.is_over()
        });
        self.notes.append(reader.notes());
        read.and(wrong_header.map_or(Ok(()), Err))
    }

    fn expect_format(&mut self, format: Format) {
        self.plan.shaper.expect_rows(format.has_rows());
        self.plan.decider.expect_rows(format.has_rows());
        // A record on one line has no line breaks, and shaping adds none.
        self.lanes.expect_lines(matches!(format, Format::Jsonl | Format::Bulk));
        self.watch.expect_json(matches!(format, Format::Jsonl | Format::Json));
    }

    /// Tells the report the header of rows, before it gets any of them.
    fn report_header(&self, origin: Origin, names: &[String], text: &str, separator: Option<u8>) {
        if self.plan.wishes.rejects {
            let names = if text.is_empty() { names_json(names) } else { text.to_owned() };
            let _ = self.to_report.send(Message::Header(origin.file, InputHeader { names, separator }));
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        let (ordinal, has_journal) = (self.read, self.plan.resume.is_some());
        let Plan { shaper, decider, names, .. } = &mut self.plan;
        let name = names.get(self.collection).map_or("", String::as_str);
        if ordinal == 0 {
            self.watch.first(record);
        }
        let shaped = shaper.shape(record);
        let decided = shaped.and_then(|shaped| {
            let shaped = shaped.as_ref().unwrap_or(record);
            self.watch.see(shaped);
            decider.decide(shaped, ordinal)
        });
        let digest = if has_journal { digest_of(record) } else { 0 };
        match decided {
            Ok(ref action) if name.is_empty() => self.lanes.push(record, action, digest),
            Ok(action) => self.lanes.push(record, &Action { collection: name, ..action }, digest),
            Err(reason) => self.lanes.reject(BadRecord { origin: record.origin, reason, raw: record.raw }, digest),
        }
        self.count();
    }

    fn count(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(CHECK_INTERVAL) {
            self.do_periodic_work();
        }
    }

    /// Updates the progress, and sends batches that have waited for the maximum time.
    fn do_periodic_work(&mut self) {
        self.plan.meter.records.store(self.read, Ordering::Relaxed);
        self.lanes.send_due(Instant::now());
    }
}

#[cfg(test)]
mod tests;
