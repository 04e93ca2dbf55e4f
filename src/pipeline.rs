//! The picture of `lib.rs` as code: one thread reads, one a lane applies, and the calling one adds up.

mod lanes;

use crate::action::Decider;
use crate::batch::{Batch, Batcher, Limits};
use crate::input::{Format, Input, InputOptions, Step};
use crate::progress::Meter;
use crate::record::{BadRecord, Record};
use crate::report::{Message, ReadEnd, Report};
use crate::seen::Seen;
use crate::shape::Shaper;
use crate::sink::{Durable, Ledger, Sink, SinkError};
use crate::stop::Stop;
use lanes::{Job, LaneEnd, Lanes};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;
use std::time::Instant;

/// Everything that the threads of a run need.
pub struct Plan {
    /// The inputs, in order.
    pub inputs: Vec<Input>,
    /// How they are read.
    pub options: InputOptions,
    /// Stop after so many records.
    pub limit: Option<u64>,
    /// Shapes records.
    pub shaper: Shaper,
    /// Makes actions of them.
    pub decider: Decider,
    /// Sizes of batches.
    pub limits: Limits,
    /// One sink a lane.
    pub sinks: Vec<Box<dyn Sink>>,
    /// How far reading is.
    pub meter: Meter,
    /// What ends the run early.
    pub stop: Stop,
    /// Whether a line for each record is wanted.
    pub results: bool,
}

/// Runs the plan to its end; everything that happens reaches the report.
pub fn run(plan: Plan, report: &mut Report) {
    let cut = AtomicBool::new(false);
    let (messages, inbox) = sync_channel(MESSAGES);
    let Plan { inputs, options, limit, shaper, decider, limits, sinks, meter, stop, results } = plan;
    let seen = sinks.iter().any(|sink| sink.asks_for_repeats()).then(Seen::default);
    std::thread::scope(|scope| {
        let mut lanes = Vec::with_capacity(sinks.len());
        for sink in sinks {
            let (jobs, arriving) = sync_channel(1);
            let (returned, free) = channel();
            let batcher = Batcher::new(limits, sink.encoder());
            let (number, messages) = (lanes.len(), messages.clone());
            let lane = Lane { number, sink, arriving, returned, messages, stop: &stop, cut: &cut, results };
            named(scope, format!("lane-{number}"), move || lane.run(limits));
            lanes.push(LaneEnd { batcher, jobs, free, at_work: 0, spare: Vec::new() });
        }
        let reading = Reading {
            options: &options,
            limit: limit.unwrap_or(u64::MAX),
            shaper,
            decider,
            lanes: Lanes::new(lanes, seen, &stop),
            meter: &meter,
            stop: &stop,
            read: 0,
            empty: 0,
        };
        let end = messages.clone();
        let cut = &cut;
        named(scope, "reader".to_owned(), move || {
            // A lane still at work is told how reading ended before its channel closes with `reading`.
            let _ = end.send(Message::Read(reading.run(inputs, cut)));
        });
        drop(messages);
        collect(&inbox, &meter, report);
    });
}

/// Starts a thread under a name that profilers and debuggers show.
fn named<'scope>(scope: &'scope Scope<'scope, '_>, name: String, work: impl FnOnce() + Send + 'scope) {
    let started = std::thread::Builder::new().name(name).spawn_scoped(scope, work);
    started.expect("the system has a thread for each lane");
}

/// Messages that may wait for the report. Each can hold the errors of a whole batch, so that a slow terminal has to slow
/// the run down instead of filling the memory.
const MESSAGES: usize = 4;

/// Hands messages to the report until every thread is done.
fn collect(inbox: &Receiver<Message>, meter: &Meter, report: &mut Report) {
    loop {
        match inbox.recv_timeout(report.interval()) {
            Ok(message) => report.absorb(message, meter.records.load(Ordering::Relaxed)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        report.tick();
    }
}

/// The reading thread: from inputs to batches.
struct Reading<'r> {
    options: &'r InputOptions,
    limit: u64,
    shaper: Shaper,
    decider: Decider,
    lanes: Lanes<'r>,
    meter: &'r Meter,
    stop: &'r Stop,
    read: u64,
    empty: u64,
}

/// How many records are read between two looks at the clock.
const LOOK: u64 = 64;

impl Reading<'_> {
    fn run(mut self, inputs: Vec<Input>, cut: &AtomicBool) -> ReadEnd {
        let mut broken = None;
        for (number, input) in inputs.into_iter().enumerate() {
            if self.is_over() {
                break;
            }
            if let Err(why) = self.input(input, number as u32) {
                broken = Some(why);
                break;
            }
        }
        self.lanes.end();
        cut.store(broken.is_some() || self.stop.asked(), Ordering::SeqCst);
        self.meter.records.store(self.read, Ordering::Relaxed);
        ReadEnd { records: self.read, empty: self.empty, broken }
    }

    fn is_over(&self) -> bool {
        self.read >= self.limit || self.stop.asked()
    }

    fn input(&mut self, input: Input, number: u32) -> Result<(), crate::input::Broken> {
        self.shaper.expect_rows(matches!(input.format, Format::Csv | Format::Tsv | Format::Arrays));
        // What was one line has no line breaks, and nothing that shapes a record adds one.
        let is_line = matches!(input.format, Format::Jsonl | Format::Bulk);
        self.lanes.expect_lines(is_line);
        let mut reader = input.reader(number, self.options, &self.meter.bytes)?;
        reader.each(&mut |step| {
            // By reference, because a record is large.
            match step {
                Step::Record(ref record) => self.record(record),
                Step::Bad(bad) => {
                    self.lanes.reject(bad, self.read);
                    self.count();
                }
                Step::Empty => self.empty += 1,
                Step::Idle | Step::End => self.look(),
            }
            !self.is_over()
        })
    }

    fn record(&mut self, record: &Record<'_>) {
        let ordinal = self.read;
        let shaped = self.shaper.shape(record);
        let decided = match &shaped {
            Ok(shaped) => self.decider.decide(shaped.as_ref().unwrap_or(record), ordinal),
            Err(reason) => Err(reason.clone()),
        };
        match &decided {
            Ok(action) => self.lanes.push(record.origin, action, ordinal),
            Err(reason) => {
                let bad = BadRecord { origin: record.origin, reason: reason.clone() };
                self.lanes.reject(bad, ordinal);
            }
        }
        self.count();
    }

    fn count(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(LOOK) {
            self.look();
        }
    }

    /// Says how far reading is, and sends what has waited long enough.
    fn look(&mut self) {
        self.meter.records.store(self.read, Ordering::Relaxed);
        self.lanes.send_due(Instant::now());
    }
}

/// A lane: one thread, one sink, one batch at a time.
struct Lane<'r> {
    number: usize,
    sink: Box<dyn Sink>,
    arriving: Receiver<Job>,
    returned: Sender<Batch>,
    messages: SyncSender<Message>,
    stop: &'r Stop,
    cut: &'r AtomicBool,
    /// Whether a line for each record is wanted.
    results: bool,
}

impl Lane<'_> {
    fn run(self, limits: Limits) {
        let Lane { number, mut sink, arriving, returned, messages, stop, cut, results } = self;
        let to_report = messages.clone();
        let hand_over = move |outcome| drop(to_report.send(Message::Outcome(outcome)));
        let mut ledger = Ledger::new(number, results, Box::new(hand_over));
        let mut say = |note| drop(messages.send(Message::Note(note)));
        // Takes in what a call of the sink returned, and whether it was the last.
        let settle = |ledger: &mut Ledger, done: Result<Durable, SinkError>| {
            match &done {
                Ok(Durable::All) => ledger.durable(),
                Ok(Durable::Earlier) => {}
                Err(error) => ledger.undo(error.undone),
            }
            ledger.flush();
            if let Err(error) = done {
                let _ = messages.send(Message::Stopped(error));
                stop.ask();
                return true;
            }
            false
        };
        let mut ended = false;
        loop {
            match arriving.recv_timeout(limits.interval) {
                Ok(job) => {
                    let (mut batch, leaves) = match job {
                        Job::Apply(batch) => (batch, ended),
                        Job::Leave(batch) => (batch, true),
                    };
                    ledger.reject(&batch);
                    let done = if leaves || batch.is_empty() {
                        ledger.leave_unsent(&batch, 0);
                        Ok(Durable::Earlier)
                    } else {
                        sink.apply(&batch, &mut ledger, &mut say)
                    };
                    ended |= settle(&mut ledger, done);
                    batch.clear(limits.bytes);
                    let _ = returned.send(batch);
                }
                Err(RecvTimeoutError::Timeout) if ended => {}
                Err(RecvTimeoutError::Timeout) => {
                    let done = sink.flush_idle(&mut ledger, &mut say);
                    ended = settle(&mut ledger, done);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if !ended {
            let clean = !cut.load(Ordering::SeqCst) && !ledger.has_failed();
            let done = sink.finish(clean, &mut ledger, &mut say);
            settle(&mut ledger, done);
        }
    }
}
