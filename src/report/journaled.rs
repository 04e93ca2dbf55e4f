//! What the report does for the journal: it holds the outcomes of a batch until they are final, and writes to the journal
//! what came of it after everything else about it is written.

use super::again::kept_text;
use super::{Report, Summary};
use crate::journal::{Journal, KindTotal, Mark, Settled, State, add_kind};
use crate::mask::mask;
use crate::sink::restart::{Kept, Restored};
use crate::sink::{Bucket, Counts, NamedCounts, Outcome, SinkError};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

/// The outcomes of the records of a lane since its last mark.
#[derive(Clone, Debug)]
pub struct SettledBatch {
    /// The outcomes.
    pub outcomes: Vec<Outcome>,
    /// The mark up to which the lane is settled with them; none if the next try goes on before them.
    pub mark: Option<Mark>,
    /// What the target keeps.
    pub kept: Kept,
    /// Gets whether everything is written.
    pub done: Option<SyncSender<bool>>,
}

/// The journal as the report sees it.
#[derive(Debug)]
pub(super) struct ReportJournal {
    journal: Journal,
    /// Traffic of earlier tries.
    pub(super) traffic: [u64; 4],
    /// Outcomes that are not final. They are written last, so that the next try can remove them.
    late: Vec<Outcome>,
    /// What a target has committed of an earlier try that did not get into the journal any more.
    restored: Option<SettledBatch>,
    /// The exit code and the summary, if an earlier try has finished the run.
    finished: Option<(u8, serde_json::Value)>,
    /// Whether this try has settled anything.
    has_settled: bool,
}

impl Report {
    /// Goes on with what earlier tries have counted.
    pub fn resume(&mut self, journal: Journal, state: &State) {
        for (collection, counts) in state.counts.iter().enumerate() {
            self.counts += *counts;
            if let Some(sum) = self.by_collection.get_mut(collection) {
                *sum += *counts;
            }
        }
        self.add_named(0, &state.named);
        for kind in state.kinds.values() {
            self.failed += kind.count;
            let error = super::ErrorKind { count: kind.count, first: kind.first, reason: kind.reason.clone() };
            self.kinds.insert(kind.kind.clone().into(), error);
        }
        let traffic = state.last.as_ref().map_or([0; 4], |last| last.traffic);
        let finished = state.finished.clone();
        let (late, restored, has_settled) = (Vec::new(), None, false);
        self.journal = Some(ReportJournal { journal, traffic, late, restored, finished, has_settled });
    }

    /// Adds what a target has committed, and what did not get into the journal any more. `known` is the last commit that did.
    /// It is written when the input has proved to be the same, and the headers of its rows are known. Returns how many records
    /// it has.
    pub fn restore(&mut self, restored: Restored, known: u64) -> u64 {
        let (upto, digest) = restored.position;
        let mark = Some(Mark { lane: Some(0), upto, digest });
        let kept = Kept { commit: restored.commit, ..Kept::default() };
        let outcomes = restored.outcomes.into_iter().filter(|(commit, _)| *commit > known);
        let outcomes: Vec<Outcome> = outcomes.flat_map(|(_, outcomes)| outcomes).collect();
        let count = outcomes.iter().map(|outcome| outcome.counts.total()).sum();
        let batch = SettledBatch { outcomes, mark, kept, done: None };
        self.journal.iter_mut().for_each(|journal| journal.restored = Some(batch.clone()));
        count
    }

    /// The number of records that are settled.
    pub fn count(&self) -> u64 {
        self.counts.total()
    }

    /// Handles outcomes of a lane: final ones go to the journal.
    pub(super) fn settle(&mut self, batch: SettledBatch) {
        self.settle_restored();
        let SettledBatch { outcomes, mark, kept, done } = batch;
        let is_written = match mark {
            None => {
                self.journal.iter_mut().for_each(|journal| journal.late.extend(outcomes.iter().cloned()));
                true
            }
            Some(mark) => {
                let settled = self.settled(mark, kept, &outcomes);
                outcomes.into_iter().for_each(|outcome| self.add(outcome));
                self.write_settled(settled)
            }
        };
        if let Some(done) = done {
            let _ = done.send(is_written);
        }
    }

    /// Adds what an earlier try has committed. The reading thread has passed over its records.
    fn settle_restored(&mut self) {
        if let Some(batch) = self.journal.as_mut().and_then(|journal| journal.restored.take()) {
            self.settle(batch);
        }
    }

    /// Adds the outcomes that are not final.
    pub(super) fn add_late(&mut self) {
        match self.end.is_cut || !self.endings.is_empty() {
            // Its records may not have been read again, nor the headers of its rows: the next try adds it for good.
            true => self.journal.iter_mut().for_each(|journal| {
                let outcomes = journal.restored.take().map_or_else(Vec::new, |batch| batch.outcomes);
                journal.late.splice(0..0, outcomes);
            }),
            false => self.settle_restored(),
        }
        let late = self.journal.as_mut().map_or_else(Vec::new, |journal| std::mem::take(&mut journal.late));
        late.into_iter().for_each(|outcome| self.add(outcome));
    }

    /// What the journal gets of some outcomes.
    fn settled(&self, mark: Mark, kept: Kept, outcomes: &[Outcome]) -> Settled {
        let (mut counts, mut named, mut kinds) = (Vec::new(), NamedCounts::default(), BTreeMap::new());
        for outcome in outcomes {
            outcome.named.iter().for_each(|(name, counts)| named.add(name, *counts));
            if counts.len() <= outcome.collection {
                counts.resize(outcome.collection + 1, Counts::default());
            }
            counts[outcome.collection] += outcome.counts;
            for failure in &outcome.failures {
                let (kind, reason) = (mask(&failure.reason.kind).into_owned(), mask(&failure.reason.text).into_owned());
                add_kind(&mut kinds, KindTotal { kind, count: 1, first: failure.origin, reason });
            }
        }
        let keys = outcomes.iter().flat_map(|outcome| outcome.keys.iter().copied()).collect();
        let Kept { commit, output } = kept;
        let kinds = kinds.into_values().collect();
        let traffic = self.traffic();
        Settled { mark, commit, counts, named, kinds, keys, results: 0, rejects: (0, 0), output, traffic }
    }

    /// Writes to the journal, after what lies in files is written. If that fails, the run stops.
    fn write_settled(&mut self, settled: Settled) -> bool {
        self.write_results(|results, _| results.file.flush());
        let results = self.settings.results.as_ref().map_or(0, |results| results.file.length());
        let rejects = self.settings.rejects.as_ref().map_or((0, 0), |rejects| (rejects.file.length(), rejects.count));
        let Some(journal) = &mut self.journal else { return false };
        journal.has_settled = true;
        let written = journal.journal.settled(Settled { results, rejects, ..settled });
        let is_written = written.is_ok() && !self.has_failed_output;
        if let Err(error) = written {
            self.stop_for(error);
        }
        is_written
    }

    fn stop_for(&mut self, error: SinkError) {
        self.stopped(error);
        self.stop.request();
    }

    /// Requests, retries, bytes and uncertain records of all tries.
    pub(super) fn traffic(&self) -> [u64; 4] {
        let mut sum = self.journal.as_ref().map_or([0; 4], |journal| journal.traffic);
        for traffic in &self.settings.traffic {
            let counters = [&traffic.requests, &traffic.retried, &traffic.bytes, &traffic.uncertain];
            sum.iter_mut().zip(counters).for_each(|(sum, counter)| *sum += counter.load(Ordering::Relaxed));
        }
        sum
    }

    /// Whether the input has turned out not to be that of earlier tries.
    pub fn has_other_input(&self) -> bool {
        self.end.is_other_input
    }

    /// Whether the input is not the one of earlier tries, and what differs.
    pub fn other_input(&self) -> Option<String> {
        let journal = self.journal.as_ref()?;
        let what = match (self.end.is_other_input, self.end.is_verified) {
            (true, _) => "the input differs from that of the run that began it",
            (_, false) if !self.stop.is_requested() && self.end.broken.is_none() => {
                "the input is shorter than that of the run that began it"
            }
            _ => return None,
        };
        Some(format!("--journal: {}: {what}", journal.journal.name()))
    }

    /// Whether nothing is left to do for another try.
    fn is_done(&self) -> bool {
        let is_complete = self.counts[Bucket::Unsent] == 0 && self.endings.is_empty() && self.end.broken.is_none();
        is_complete && !self.end.is_cut && self.stop.signal().is_none()
    }

    /// Prints how to go on with a run that has ended early.
    pub(super) fn print_how_to_go_on(&mut self) {
        if self.journal.is_none() || self.is_done() {
            return;
        }
        let (kept, command) = (kept_text(&self.counts), self.settings.command.clone());
        let input = if self.settings.files.iter().any(|name| name == "stdin") { " with the same input" } else { "" };
        self.print(&format!("not finished: {kept}; the same command goes on{input}: {command}"));
    }

    /// Writes that the run has ended and nothing is left to do. Returns the summary of the try that did so first.
    pub(super) fn finish_journal(&mut self, summary: Summary) -> Summary {
        let (upto, digest, is_done) = (self.end.records, self.end.digest, self.is_done());
        let Some(journal) = self.journal.as_mut().filter(|_| is_done) else { return summary };
        if let Some((exit, json)) = journal.finished.take().filter(|_| !journal.has_settled) {
            return Summary { json, exit, ..summary };
        }
        let mark = Mark { lane: None, upto, digest };
        match journal.journal.finished(mark, summary.exit, &summary.json) {
            Ok(()) => summary,
            Err(error) => {
                self.stop_for(error);
                Summary { exit: self.exit_code(true), ..summary }
            }
        }
    }
}
