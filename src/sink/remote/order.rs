//! Keeps the order of actions on one key when a server did not take some of them and they may be sent again.

use super::settle::{Halt, Settling};
use super::{Fate, ItemDetails, Told};
use crate::record::Reason;
use crate::sink::Bucket;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// How long a cluster needs to make a new field known to all of its nodes.
const PUBLISHED: Duration = Duration::from_millis(100);

/// Races that an action may lose, each over another field.
const RACES: usize = 5;

impl Fate {
    /// Whether the action may be sent again.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Fate::Busy(_) | Fate::Raced(_))
    }
}

impl Settling<'_> {
    /// Waits until the fields for which others won a race can be expected to be there: a request that added them is answered
    /// once they are, unless it is another program's.
    pub(super) fn wait_for_fields(&mut self) -> Result<(), Halt> {
        self.shared.gate.wait_until_empty();
        if (self.link.sleep)(PUBLISHED) { Ok(()) } else { Err(Halt::Asked) }
    }

    /// Ends with an error what was sent once more after a race, and got the same refusal.
    pub(super) fn end_races(&mut self, part: &[u32], told: &mut [Told]) {
        for (at, told) in part.iter().zip(told) {
            let Fate::Raced(reason) = &told.fate else { continue };
            let lost = self.races.entry(*at).or_default();
            if lost.len() < RACES && !lost.contains(&reason.text) {
                lost.push(reason.text.clone());
            } else {
                told.fate = Fate::Rejected(reason.clone());
            }
        }
    }

    /// Decides which actions are sent again after some were busy or raced, so that no key ends with an older value: such an
    /// action is overtaken when a later one on its key was carried out; one that failed behind it is sent again behind it.
    pub(super) fn order(&self, part: &[u32], told: &[Told], again: &mut [bool]) {
        let mut keys: HashMap<&str, Vec<usize>> = HashMap::new();
        let one_sequence = self.protocol.is_one_sequence();
        let key = |at: u32| if one_sequence { "" } else { self.key(at).0 };
        let open: HashSet<&str> =
            part.iter().zip(told).filter(|(_, told)| told.fate.is_open()).map(|(at, _)| key(*at)).collect();
        for (place, at) in part.iter().enumerate() {
            let key = key(*at);
            // What has no key yet has nothing to do with the rest.
            if key.is_empty() && !one_sequence {
                again[place] = told[place].fate.is_open();
            } else if open.contains(key) {
                keys.entry(key).or_default().push(place);
            }
        }
        for places in keys.into_values() {
            for (nth, place) in places.iter().enumerate() {
                if !told[*place].fate.is_open() {
                    continue;
                }
                let same = |other: &&usize| may_be_one(&told[*place], &told[**other]);
                let behind: Vec<usize> = places[nth + 1..].iter().filter(same).copied().collect();
                let done = |other: &usize| {
                    matches!(told[*other].fate, Fate::Created | Fate::Updated | Fate::Deleted | Fate::Untold(_))
                };
                if behind.iter().any(done) {
                    continue;
                }
                again[*place] = true;
                behind.iter().for_each(|other| again[*other] |= !matches!(told[*other].fate, Fate::Closed(_)));
            }
        }
    }

    /// Settles an action that a later one on its key has overtaken while something kept it from being carried out.
    pub(super) fn overtaken(&mut self, at: u32, cause: &str, why: &str, mut shown: Option<Box<ItemDetails>>) {
        // What the server says of it is no longer why it is not stored.
        if let Some(shown) = &mut shown {
            shown.error = None;
        }
        let later = if self.protocol.is_one_sequence() { "a later action" } else { "a later action on this key" };
        let text = format!("{later} was carried out while {cause}: {why}");
        // A try that was lost may have been carried out before the later action.
        let bucket = if self.states[at as usize].lost { Bucket::Unknown } else { Bucket::Error };
        self.end(at, bucket, Some(Reason::new("overtaken", text)), shown);
    }
}

/// Whether two items with the same key may be one document: the server says where each lies.
fn may_be_one(one: &Told, other: &Told) -> bool {
    match (&one.shown, &other.shown) {
        (Some(one), Some(other)) => one.index.is_empty() || other.index.is_empty() || one.index == other.index,
        _ => true,
    }
}
