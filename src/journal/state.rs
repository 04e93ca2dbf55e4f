//! What the records of a journal add up to.

use super::Head;
use super::records::{Entry, KindTotal, Mark, Settled};
use crate::sink::Counts;
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;

/// How far a run got.
#[derive(Clone, Debug)]
pub struct State {
    /// The head.
    pub head: Head,
    /// For each lane, the end of what is settled.
    pub settled: Vec<u64>,
    /// For each lane, the end of what may have been sent.
    pub sent: Vec<u64>,
    /// The end of a batch with records of all lanes that may have been sent, and is not settled.
    pub lead: Option<u64>,
    /// The last position in the input that any mark names, and the digest of the input up to there.
    pub verify: Option<Mark>,
    /// Records by bucket, for each collection of the run.
    pub counts: Vec<Counts>,
    /// Errors by kind.
    pub kinds: BTreeMap<String, KindTotal>,
    /// What is left under keys whose last action left no document, or perhaps none.
    pub keys: BTreeMap<u64, u8>,
    /// Collections that `--overwrite` has emptied.
    pub emptied: Vec<String>,
    /// The last record of what is settled.
    pub last: Option<Settled>,
    /// The exit code and the summary of the run, if it has ended.
    pub finished: Option<(u8, Value)>,
}

/// Of a key that has a document again.
const STORED: u8 = 0;

impl State {
    /// That of a run that has not begun.
    pub(super) fn new(head: Head) -> State {
        State {
            head,
            settled: Vec::new(),
            sent: Vec::new(),
            lead: None,
            verify: None,
            counts: Vec::new(),
            kinds: BTreeMap::new(),
            keys: BTreeMap::new(),
            emptied: Vec::new(),
            last: None,
            finished: None,
        }
    }

    /// That of the records of a journal, which must belong to the run of `head` unless nothing was sent.
    pub(super) fn of(entries: Vec<Entry>, head: &Head) -> Result<State> {
        let mut entries = entries.into_iter();
        let mut state = match entries.next() {
            Some(Entry::Head(first)) => State::new(first),
            Some(_) => bail!("the journal has no head"),
            None => State::new(Head { run: String::new(), ..head.clone() }),
        };
        entries.for_each(|entry| state.add(entry));
        if state.has_sent() {
            head.ensure_continues(&state.head)?;
        }
        Ok(state)
    }

    /// Whether anything was sent, or may have been.
    pub fn has_sent(&self) -> bool {
        self.verify.is_some()
    }

    /// The end of what is settled in a lane.
    pub fn settled_in(&self, lane: usize) -> u64 {
        self.settled.get(lane).copied().unwrap_or(0)
    }

    /// The end of what may have been sent in a lane.
    pub fn sent_in(&self, lane: usize) -> u64 {
        self.sent.get(lane).copied().unwrap_or(0).max(self.settled_in(lane))
    }

    fn add(&mut self, entry: Entry) {
        if let Entry::Finished { mark, exit, summary } = entry {
            self.see(mark);
            self.finished = Some((exit, summary));
            return;
        }
        self.finished = None;
        match entry {
            Entry::Head(_) | Entry::Finished { .. } => {}
            Entry::Emptied(name) => self.emptied.push(name),
            Entry::Sending(mark) => {
                self.see(mark);
                match mark.lane {
                    Some(lane) => raise(&mut self.sent, lane, mark.upto),
                    None => self.lead = Some(mark.upto),
                }
            }
            Entry::Settled(settled) => self.add_settled(*settled),
        }
    }

    fn see(&mut self, mark: Mark) {
        if self.verify.is_none_or(|before| before.upto <= mark.upto) {
            self.verify = Some(mark);
        }
    }

    fn add_settled(&mut self, settled: Settled) {
        self.see(settled.mark);
        match settled.mark.lane {
            Some(lane) => raise(&mut self.settled, lane, settled.mark.upto),
            None => {
                self.lead = None;
                self.settled.resize(self.settled.len().max(MAX_LANES), 0);
                self.settled.iter_mut().for_each(|upto| *upto = settled.mark.upto.max(*upto));
            }
        }
        if self.counts.len() < settled.counts.len() {
            self.counts.resize(settled.counts.len(), Counts::default());
        }
        self.counts.iter_mut().zip(&settled.counts).for_each(|(sum, more)| *sum += *more);
        for total in &settled.kinds {
            add_kind(&mut self.kinds, total.clone());
        }
        for (key, state) in &settled.keys {
            match *state {
                STORED => drop(self.keys.remove(key)),
                state => drop(self.keys.insert(*key, state)),
            }
        }
        self.last = Some(settled);
    }
}

/// Maximum number of lanes.
const MAX_LANES: usize = 256;

/// Adds errors of one kind to those of other batches.
pub(crate) fn add_kind(kinds: &mut BTreeMap<String, KindTotal>, more: KindTotal) {
    let Some(total) = kinds.get_mut(&more.kind) else {
        kinds.insert(more.kind.clone(), more);
        return;
    };
    let count = total.count + more.count;
    if more.first < total.first {
        *total = more;
    }
    total.count = count;
}

fn raise(marks: &mut Vec<u64>, lane: usize, upto: u64) {
    if marks.len() <= lane {
        marks.resize(lane + 1, 0);
    }
    marks[lane] = marks[lane].max(upto);
}
