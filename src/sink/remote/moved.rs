//! Before a lost action is sent again: does its collection's name still lead to where the first try went? If not, the
//! document is looked for there, and only what is certainly not there is sent again (DESIGN: never lose, never double).

use super::destination::{Destination, EarlierTry, Location, Resolution};
use super::settle::{Halt, Settling};
use super::{ItemDetails, ItemOutcome, ItemResult, Protocol, Request, Response, StoredDoc};
use crate::action::Op;
use crate::sink::Bucket;
use std::collections::{BTreeMap, HashMap};

/// Names in bulk lines that are asked for before the first action goes to them: so many for a batch, and for a lane.
const NAMES: (usize, usize) = (16, 256);

impl Settling<'_> {
    /// Finds out where names lead that no batch of this lane had before: it must be known from before a try is lost.
    pub(super) fn learn_names(&mut self) {
        if !self.batch.names_collections() {
            return;
        }
        let (mut asked, mut last) = (0, "");
        for at in 0..self.batch.len() {
            if asked == NAMES.0 || self.destinations.len() >= NAMES.1 {
                return;
            }
            let name = self.protocol.collection_of(&self.batch.action(at));
            // Mostly the next record goes where the last one went.
            if name == std::mem::replace(&mut last, name) || self.destinations.contains_key(name) {
                continue;
            }
            asked += 1;
            // A question that gets no answer now is asked again when it matters.
            if let Ok(destination) = leads_to(self.protocol, name, |call| (self.link.send)(call)) {
                self.remember(name, destination);
            }
        }
    }

    fn remember(&mut self, name: &str, destination: Destination) {
        if !matches!(destination, Destination::Unclear(_)) {
            self.destinations.insert(name.to_owned(), destination);
        }
    }

    /// Settles the lost actions of a part that cannot be sent again because their name leads elsewhere now.
    pub(super) fn follow(&mut self, part: &mut Vec<u32>) -> Result<(), Halt> {
        let mut names: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for at in part.iter().filter(|at| self.states[**at as usize].lost) {
            let name = self.protocol.collection_of(&self.batch.action(*at as usize));
            names.entry(name).or_default().push(*at);
        }
        names.remove("");
        for (name, lost) in names {
            let now = leads_to(self.protocol, name, |call| self.ask(&call))?;
            match now.earlier_try(name, self.destinations.get(name)) {
                EarlierTry::SameIndex => {}
                EarlierTry::Unclear(why) => {
                    let text = format!("no response was received, and it cannot be known where it went: {why}");
                    lost.iter().for_each(|at| self.unknown(*at, &text, None));
                }
                EarlierTry::MaybeIn { indices, all } => {
                    let routing = now.location(name).routing;
                    let there = indices.into_iter().map(|index| Location { index, routing: routing.clone() });
                    self.look(name, &lost, there.collect(), all)?;
                }
            }
            self.remember(name, now);
        }
        part.retain(|at| !self.states[*at as usize].settled);
        Ok(())
    }

    /// Looks for lost actions' documents in indices to which their first try may have deleted, and settles those that are
    /// there and those of which it cannot be known. `all` says that there is no other such index.
    fn look(&mut self, name: &str, lost: &[u32], indices: Vec<Location>, all: bool) -> Result<(), Halt> {
        let mut found: Vec<StoredDoc> = lost.iter().map(|_| StoredDoc::Missing).collect();
        for index in indices {
            let stored = self.stored(lost, &vec![index; lost.len()])?;
            found = found.into_iter().zip(stored).map(|(one, other)| clearest(one, other)).collect();
        }
        let mut counts: HashMap<&str, u32> = HashMap::new();
        lost.iter().for_each(|at| *counts.entry(self.key(*at).0).or_default() += 1);
        for (at, found) in lost.iter().zip(found) {
            let (key, op) = self.key(*at);
            let alone = counts[key] == 1;
            match found {
                StoredDoc::Same if alone && !self.has_key(*at) => {
                    let is_generated = self.is_generated(*at);
                    self.shared.traffic.count_uncertain(u64::from(!is_generated));
                    let is_create = is_generated || self.creates(*at);
                    self.end(*at, if is_create { Bucket::Created } else { Bucket::Updated }, None, None);
                }
                StoredDoc::Missing if all => {}
                // What is there was not written by this action, so it may be written now; a delete would not find it.
                StoredDoc::Different if all && alone && op != Op::Delete => {}
                StoredDoc::Unclear(why) => {
                    let text = format!(
                        "no response was received, {name} leads to another index now, and what is stored in the earlier \
                         one cannot be compared: {why}"
                    );
                    self.unknown(*at, &text, None);
                }
                _ => {
                    let text = format!(
                        "no response was received, and {name} leads to another index now: it cannot be known whether it \
                         was carried out"
                    );
                    self.unknown(*at, &text, None);
                }
            }
        }
        Ok(())
    }

    /// Finds those of a second try's documents that are perhaps stored twice, because their name came to lead elsewhere
    /// between the last look and that try.
    pub(super) fn find_doubled(&mut self, part: &[u32], told: &mut [ItemResult]) -> Result<(), Halt> {
        let (mut moved, mut earlier) = (Vec::new(), Vec::new());
        for (at, told) in part.iter().zip(told) {
            let name = self.protocol.collection_of(&self.batch.action(*at as usize));
            let Some(destination) = self.destinations.get(name) else { continue };
            let index = index_of(told);
            let elsewhere = !index.is_empty() && index != name && destination.write(name) != Some(index);
            let decides = !matches!(
                told.outcome,
                ItemOutcome::Busy(_) | ItemOutcome::Raced(_) | ItemOutcome::Fatal(_) | ItemOutcome::Unclear(_)
            );
            // What did not exist when it was last asked for has been made by the try.
            if self.states[*at as usize].lost && decides && elsewhere && *destination != Destination::Absent {
                let index = destination.write(name).unwrap_or(name).to_owned();
                earlier.push(Location { index, ..destination.location(name) });
                moved.push((*at, told));
            }
        }
        let at: Vec<u32> = moved.iter().map(|(at, _)| *at).collect();
        let stored = self.stored(&at, &earlier)?;
        for (((_, told), stored), earlier) in moved.into_iter().zip(stored).zip(earlier) {
            if stored != StoredDoc::Missing {
                let (earlier, later) = (&earlier.index, index_of(told));
                let text = format!("it may be stored twice: in {earlier} by a try without a response, and in {later}");
                told.outcome = ItemOutcome::Unclear(text);
            }
        }
        Ok(())
    }

    /// Where an action's document lies: in the index that an answer names, or where its name leads.
    pub(super) fn location(&self, at: u32, shown: Option<&ItemDetails>) -> Location {
        let name = self.protocol.collection_of(&self.batch.action(at as usize));
        let mut lies = self.destinations.get(name).map(|known| known.location(name)).unwrap_or_default();
        // A failed item may name the alias.
        if let Some(shown) = shown.filter(|shown| !shown.index.is_empty() && !name.is_empty() && shown.index != name) {
            lies.index.clone_from(&shown.index);
        }
        lies
    }
}

/// Asks where a name leads, with one question or two.
fn leads_to<E>(
    protocol: &dyn Protocol,
    name: &str,
    mut ask: impl FnMut(Request) -> Result<Response, E>,
) -> Result<Destination, E> {
    let mut call = protocol.destination_request(name);
    loop {
        match protocol.read_destination(name, &ask(call)?) {
            Resolution::Done(destination) => return Ok(destination),
            Resolution::Next(next) => call = next,
        }
    }
}

fn index_of(told: &ItemResult) -> &str {
    told.details.as_ref().map_or("", |shown| shown.index.as_str())
}

/// What two indices together say of a document.
fn clearest(one: StoredDoc, other: StoredDoc) -> StoredDoc {
    match (one, other) {
        (StoredDoc::Same, _) | (_, StoredDoc::Same) => StoredDoc::Same,
        (StoredDoc::Unclear(why), _) | (_, StoredDoc::Unclear(why)) => StoredDoc::Unclear(why),
        (StoredDoc::Different, _) | (_, StoredDoc::Different) => StoredDoc::Different,
        (StoredDoc::Missing, StoredDoc::Missing) => StoredDoc::Missing,
    }
}
