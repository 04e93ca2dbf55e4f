//! What the records of a journal add up to.

use super::Head;
use super::records::{Entry, KindTotal, Mark, Settled};
use crate::sink::{Counts, NamedCounts};
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
    /// The last such position that is settled.
    pub verify_settled: Option<Mark>,
    /// Records by bucket, for each collection of the run.
    pub counts: Vec<Counts>,
    /// Those of them whose bulk lines name a collection.
    pub named: NamedCounts,
    /// Errors by kind.
    pub kinds: BTreeMap<String, KindTotal>,
    /// What is left under keys whose last action left no document, or perhaps none.
    pub keys: BTreeMap<u64, u8>,
    /// Collections that `--overwrite` has emptied.
    pub emptied: Vec<String>,
    /// Where names led when the run began.
    pub destinations: Vec<(String, String)>,
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
            verify_settled: None,
            counts: Vec::new(),
            named: NamedCounts::default(),
            kinds: BTreeMap::new(),
            keys: BTreeMap::new(),
            emptied: Vec::new(),
            destinations: Vec::new(),
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
            self.see_settled(mark);
            self.finished = Some((exit, summary));
            return;
        }
        self.finished = None;
        match entry {
            Entry::Head(_) | Entry::Finished { .. } => {}
            Entry::Emptied(name) => self.emptied.push(name),
            Entry::Destination(name, to) => self.destinations.push((name, to)),
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

    fn see_settled(&mut self, mark: Mark) {
        self.see(mark);
        if self.verify_settled.is_none_or(|before| before.upto <= mark.upto) {
            self.verify_settled = Some(mark);
        }
    }

    fn add_settled(&mut self, settled: Settled) {
        self.see_settled(settled.mark);
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
        settled.named.iter().for_each(|(name, counts)| self.named.add(name, *counts));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> Head {
        Head { run: "r".to_owned(), jobs: 3, inputs: Vec::new(), meaning: Vec::new() }
    }

    /// What a lane does in a model run: it sends a batch of so many records, and perhaps settles it.
    fn steps() -> impl Strategy<Value = Vec<(usize, u64, bool)>> {
        proptest::collection::vec((0..3_usize, 1..20_u64, any::<bool>()), 1..60)
    }

    fn settled(mark: Mark) -> Settled {
        Settled {
            mark,
            commit: 0,
            counts: vec![Counts::default()],
            named: NamedCounts::default(),
            kinds: Vec::new(),
            keys: Vec::new(),
            results: mark.upto * 7,
            rejects: (mark.upto * 9, mark.upto),
            output: 0,
            traffic: [0; 4],
        }
    }

    proptest! {
        /// A journal that is cut anywhere has exactly what was written whole, and goes on from there.
        #[test]
        fn a_cut_journal_has_the_marks_that_were_written_whole(steps in steps(), cut in 0.0..1.0_f64) {
            let folder = tempfile::tempdir().expect("a directory");
            let path = folder.path().join("j");
            let (mut sizes, mut states) = (Vec::new(), Vec::new());
            let (mut sent, mut done, mut upto) = ([0_u64; 3], [0_u64; 3], 0);
            let (journal, _) = super::super::Journal::open(&path, head(), false).expect("a new journal");
            let size = || std::fs::metadata(&path).expect("the journal").len();
            let begun = size();
            for (lane, records, is_settled) in steps {
                if sent[lane] > done[lane] {
                    done[lane] = sent[lane];
                    journal.settled(settled(Mark { lane: Some(lane), upto: done[lane], digest: 1 })).expect("written");
                    sizes.push(size());
                    states.push((sent, done));
                }
                upto += records;
                sent[lane] = upto;
                journal.sending(Mark { lane: Some(lane), upto, digest: 1 }).expect("written");
                sizes.push(size());
                states.push((sent, done));
                if is_settled {
                    done[lane] = upto;
                    journal.settled(settled(Mark { lane: Some(lane), upto, digest: 1 })).expect("written");
                    sizes.push(size());
                    states.push((sent, done));
                }
            }
            drop(journal);
            let end = begun + ((size() - begun) as f64 * cut) as u64;
            std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(end)).expect("cut");
            let whole = sizes.iter().filter(|size| **size <= end).count();
            let (sent, done) = whole.checked_sub(1).map_or(([0; 3], [0; 3]), |last| states[last]);
            for _ in 0..2 {
                let (journal, state) = super::super::Journal::open(&path, head(), false).expect("the journal");
                prop_assert_eq!([0, 1, 2].map(|lane| state.settled_in(lane)), done);
                prop_assert_eq!([0, 1, 2].map(|lane| state.sent_in(lane)), sent);
                drop(journal);
            }
        }
    }

    #[test]
    fn an_input_or_a_flag_that_differs_is_named() {
        let sent = |head: Head| vec![Entry::Head(head), Entry::Sending(Mark { lane: Some(0), upto: 1, digest: 1 })];
        let flags = |value: &str| Head { meaning: vec![("--key".to_owned(), value.to_owned())], ..head() };
        assert!(State::of(sent(flags("a")), &flags("a")).is_ok());
        let error = State::of(sent(flags("a")), &flags("b")).expect_err("another flag");
        assert!(format!("{error:#}").contains("--key was a, now b"), "{error:#}");
        // Another `--jobs` is no other meaning, and before anything is sent nothing is.
        assert!(State::of(sent(head()), &Head { jobs: 9, ..head() }).is_ok());
        assert!(State::of(vec![Entry::Head(flags("a"))], &flags("b")).is_ok());
    }
}
