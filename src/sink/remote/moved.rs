//! Names that lead to another index than before. When a request got no response, its documents are looked for in the index
//! of that time, and only what is certainly not there is sent again (DESIGN: never lose, never double).

use super::destination::{Destination, EarlierTry, Location, Resolution};
use super::settle::{Abort, Settling};
use super::{ItemDetails, ItemOutcome, ItemResult, Protocol, Request, Response, StoredDoc};
use crate::action::Op;
use crate::sink::Bucket;
use std::collections::{BTreeMap, HashMap};

/// How many names in bulk lines are resolved before the first action goes to them: for a batch, and for a lane.
const MAX_NAMES: (usize, usize) = (16, 256);

impl Settling<'_> {
    /// Resolves names that are new to this lane: where they lead must be known before a response can be missing.
    pub(super) fn resolve_new_names(&mut self) {
        if !self.batch.names_collections() {
            return;
        }
        let (mut asked, mut last) = (0, "");
        for index in 0..self.batch.len() {
            if asked == MAX_NAMES.0 || self.destinations.len() >= MAX_NAMES.1 {
                return;
            }
            let name = self.protocol.collection_of(&self.batch.action(index));
            // Mostly the name is the same as that of the last record.
            if name == std::mem::replace(&mut last, name) || self.destinations.contains_key(name) {
                continue;
            }
            asked += 1;
            // After an error the name is resolved again when it matters.
            if let Ok(destination) = resolve(self.protocol, name, |request| (self.io.send)(request)) {
                self.remember(name, destination);
            }
        }
    }

    fn remember(&mut self, name: &str, destination: Destination) {
        if !matches!(destination, Destination::Unclear(_)) {
            self.destinations.insert(name.to_owned(), destination);
        }
    }

    /// Records the unconfirmed actions of a part that cannot be sent again because their name leads to another index now.
    pub(super) fn follow_moved_names(&mut self, part: &mut Vec<u32>) -> Result<(), Abort> {
        let mut names: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for action in part.iter().filter(|action| self.states[**action as usize].unconfirmed) {
            let name = self.protocol.collection_of(&self.batch.action(*action as usize));
            names.entry(name).or_default().push(*action);
        }
        names.remove("");
        for (name, actions) in names {
            let now = resolve(self.protocol, name, |request| self.send_question(&request))?;
            match now.earlier_try(name, self.destinations.get(name)) {
                EarlierTry::SameIndex => {}
                EarlierTry::Unclear(why) => {
                    let text = format!("no response was received, and it cannot be known where it went: {why}");
                    actions.iter().for_each(|action| self.record_unknown(*action, &text, None));
                }
                EarlierTry::MaybeIn { indices, all } => {
                    let routing = now.location(name).routing;
                    let locations = indices.into_iter().map(|index| Location { index, routing: routing.clone() });
                    self.look_in(locations.collect(), all, name, &actions)?;
                }
            }
            self.remember(name, now);
        }
        part.retain(|action| !self.states[*action as usize].settled);
        Ok(())
    }

    /// Looks for the documents of unconfirmed actions in the indices to which they may have gone. Records those that are
    /// there, and those of which it is unknown. `all` says that there are no other such indices.
    fn look_in(&mut self, indices: Vec<Location>, all: bool, name: &str, actions: &[u32]) -> Result<(), Abort> {
        let mut found: Vec<StoredDoc> = actions.iter().map(|_| StoredDoc::Missing).collect();
        for index in indices {
            let stored = self.read_stored(actions, &vec![index; actions.len()])?;
            found = found.into_iter().zip(stored).map(|(one, other)| strongest(one, other)).collect();
        }
        let mut counts: HashMap<&str, u32> = HashMap::new();
        actions.iter().for_each(|action| *counts.entry(self.key(*action).0).or_default() += 1);
        for (action, found) in actions.iter().zip(found) {
            let (key, op) = self.key(*action);
            let alone = counts[key] == 1;
            match found {
                StoredDoc::Same if alone && !self.has_key(*action) => {
                    let is_generated = self.is_generated(*action);
                    self.shared.traffic.count_uncertain(u64::from(!is_generated));
                    let is_create = is_generated || self.is_create(*action);
                    self.record(*action, if is_create { Bucket::Created } else { Bucket::Updated }, None, None);
                }
                StoredDoc::Missing if all => {}
                // Another action wrote what is there, so this one may be sent now. A delete would not find it.
                StoredDoc::Different if all && alone && op != Op::Delete => {}
                StoredDoc::Unclear(why) => {
                    let text = format!(
                        "no response was received, {name} leads to another index now, and what is stored in the earlier \
                         one cannot be compared: {why}"
                    );
                    self.record_unknown(*action, &text, None);
                }
                _ => {
                    let text = format!(
                        "no response was received, and {name} leads to another index now: it cannot be known whether it \
                         was carried out"
                    );
                    self.record_unknown(*action, &text, None);
                }
            }
        }
        Ok(())
    }

    /// Finds documents that a retry may have stored a second time, because their name came to lead to another index after
    /// it was last resolved.
    pub(super) fn find_doubled(&mut self, part: &[u32], results: &mut [ItemResult]) -> Result<(), Abort> {
        let (mut moved, mut earlier) = (Vec::new(), Vec::new());
        for (action, result) in part.iter().zip(results) {
            let name = self.protocol.collection_of(&self.batch.action(*action as usize));
            let Some(destination) = self.destinations.get(name) else { continue };
            let index = index_of(result);
            let elsewhere = !index.is_empty() && index != name && destination.write(name) != Some(index);
            let is_final = !matches!(
                result.outcome,
                ItemOutcome::Busy(_) | ItemOutcome::Raced(_) | ItemOutcome::Unwritable(_) | ItemOutcome::Unclear(_)
            );
            let unconfirmed = self.states[*action as usize].unconfirmed;
            // What was absent when it was last resolved has been created by the retry.
            if unconfirmed && is_final && elsewhere && *destination != Destination::Absent {
                let index = destination.write(name).unwrap_or(name).to_owned();
                earlier.push(Location { index, ..destination.location(name) });
                moved.push((*action, result));
            }
        }
        let actions: Vec<u32> = moved.iter().map(|(action, _)| *action).collect();
        let stored = self.read_stored(&actions, &earlier)?;
        for (((_, result), stored), earlier) in moved.into_iter().zip(stored).zip(earlier) {
            if stored != StoredDoc::Missing {
                let (earlier, later) = (&earlier.index, index_of(result));
                let text = format!("it may be stored twice: in {earlier} by a try without a response, and in {later}");
                result.outcome = ItemOutcome::Unclear(text);
            }
        }
        Ok(())
    }

    /// Where an action's document is stored: in the index that an item names, or where its name leads.
    pub(super) fn location(&self, action: u32, details: Option<&ItemDetails>) -> Location {
        let name = self.protocol.collection_of(&self.batch.action(action as usize));
        let mut location = self.destinations.get(name).map(|known| known.location(name)).unwrap_or_default();
        // A failed item may name the alias.
        let named = details.map(|details| &details.index).filter(|index| !index.is_empty() && *index != name);
        if let Some(index) = named.filter(|_| !name.is_empty()) {
            location.index.clone_from(index);
        }
        location
    }
}

/// Resolves a name, with one request or two.
fn resolve<E>(
    protocol: &dyn Protocol,
    name: &str,
    mut send: impl FnMut(Request) -> Result<Response, E>,
) -> Result<Destination, E> {
    let mut request = protocol.destination_request(name);
    loop {
        match protocol.read_destination(name, &send(request)?) {
            Resolution::Done(destination) => return Ok(destination),
            Resolution::Next(next) => request = next,
        }
    }
}

fn index_of(result: &ItemResult) -> &str {
    result.details.as_ref().map_or("", |details| details.index.as_str())
}

/// What two indices together prove about a document.
fn strongest(one: StoredDoc, other: StoredDoc) -> StoredDoc {
    match (one, other) {
        (StoredDoc::Same, _) | (_, StoredDoc::Same) => StoredDoc::Same,
        (StoredDoc::Unclear(why), _) | (_, StoredDoc::Unclear(why)) => StoredDoc::Unclear(why),
        (StoredDoc::Different, _) | (_, StoredDoc::Different) => StoredDoc::Different,
        (StoredDoc::Missing, StoredDoc::Missing) => StoredDoc::Missing,
    }
}
