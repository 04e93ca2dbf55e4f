//! Before a lost action is sent again: does its collection's name still lead to where the first try went? If not, the
//! document is looked for there, and only what is certainly not there is sent again (DESIGN: never lose, never double).

use super::destination::{Destination, Location, Named, Went};
use super::settle::Settling;
use super::{Fate, Group, ItemDetails, SinkError, Stored, Told};
use crate::action::Op;
use crate::record::Reason;
use crate::retry::Wait;
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
            let name = self.protocol.name_of(&self.batch.action(at));
            // Mostly the next record goes where the last one went.
            if name == std::mem::replace(&mut last, name) || self.destinations.contains_key(name) {
                continue;
            }
            asked += 1;
            let mut call = self.protocol.ask_destination(name);
            // A question that gets no answer now is asked again when it matters.
            while let Ok(reply) = (self.send)(call) {
                match self.protocol.destination(name, &reply) {
                    Named::Ask(next) => call = next,
                    Named::To(Destination::Unclear(_)) => break,
                    Named::To(destination) => {
                        self.destinations.insert(name.to_owned(), destination);
                        break;
                    }
                }
            }
        }
    }

    /// Settles the lost actions of a part that cannot be sent again because their name leads elsewhere now; false if the
    /// run is asked to stop.
    pub(super) fn follow(&mut self, part: &mut Vec<u32>, wait: &mut Wait) -> Result<bool, SinkError> {
        let mut names: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for at in part.iter().filter(|at| self.states[**at as usize].lost) {
            let name = self.protocol.name_of(&self.batch.action(*at as usize));
            names.entry(name).or_default().push(*at);
        }
        for (name, lost) in names {
            if name.is_empty() {
                continue;
            }
            let Some(now) = self.destination(name, wait)? else { return Ok(false) };
            let before = self.destinations.get(name);
            match now.went(name, before) {
                Went::Here => {}
                Went::Unclear(why) => {
                    let text = format!("no response was received, and it cannot be known where it went: {why}");
                    lost.iter().for_each(|at| self.unknown(*at, &text));
                }
                Went::Perhaps { indices, all } => {
                    let routing = now.location(name).routing;
                    let there = indices.into_iter().map(|index| Location { index, routing: routing.clone() });
                    if !self.look(name, &lost, there.collect(), all, wait)? {
                        return Ok(false);
                    }
                }
            }
            if !matches!(now, Destination::Unclear(_)) {
                self.destinations.insert(name.to_owned(), now);
            }
        }
        part.retain(|at| !self.states[*at as usize].settled);
        Ok(true)
    }

    /// Asks where a name leads; `None` if the run is asked to stop.
    fn destination(&mut self, name: &str, wait: &mut Wait) -> Result<Option<Destination>, SinkError> {
        let mut call = self.protocol.ask_destination(name);
        loop {
            let Some(reply) = self.ask(|_| call.clone(), wait)? else { return Ok(None) };
            match self.protocol.destination(name, &reply) {
                Named::To(destination) => return Ok(Some(destination)),
                Named::Ask(next) => call = next,
            }
        }
    }

    /// Looks for lost actions' documents in indices to which their first try may have gone, and settles those that are
    /// there and those of which it cannot be known. `all` says that there is no other such index.
    fn look(
        &mut self,
        name: &str,
        lost: &[u32],
        indices: Vec<Location>,
        all: bool,
        wait: &mut Wait,
    ) -> Result<bool, SinkError> {
        let mut found: Vec<Stored> = lost.iter().map(|_| Stored::Nothing).collect();
        for index in indices {
            let Some(stored) = self.stored(lost, &vec![index; lost.len()], wait)? else { return Ok(false) };
            for (found, stored) in found.iter_mut().zip(stored) {
                *found = clearest(std::mem::replace(found, Stored::Nothing), stored);
            }
        }
        let mut counts: HashMap<&str, u32> = HashMap::new();
        lost.iter().for_each(|at| *counts.entry(self.batch.key(*at as usize).0).or_default() += 1);
        for (at, found) in lost.iter().zip(found) {
            let (key, op) = self.batch.key(*at as usize);
            let alone = counts[key] == 1;
            let ours = alone && found == Stored::Same && !self.has_met(*at);
            let absent = match found {
                Stored::Nothing => true,
                // What is there was not written by this action, so it may be written now; a delete would not find it.
                Stored::Other => alone && op != Op::Delete,
                Stored::Same | Stored::Unclear(_) => false,
            };
            match found {
                _ if ours => {
                    self.traffic.unsure(u64::from(!key.starts_with(self.run)));
                    let is_create = matches!(op, Op::Create | Op::CreateOrIgnore) || key.starts_with(self.run);
                    self.end(*at, if is_create { Bucket::Created } else { Bucket::Updated }, None, None);
                }
                _ if absent && all => {}
                Stored::Unclear(why) => {
                    let text = format!(
                        "no response was received, {name} leads to another index now, and what is stored in the earlier \
                         one cannot be compared: {why}"
                    );
                    self.unknown(*at, &text);
                }
                _ => {
                    let text = format!(
                        "no response was received, and {name} leads to another index now: it cannot be known whether it \
                         was carried out"
                    );
                    self.unknown(*at, &text);
                }
            }
        }
        Ok(true)
    }

    fn unknown(&mut self, at: u32, text: &str) {
        self.end(at, Bucket::Unknown, Some(Reason::new("lost", text.to_owned())), None);
    }

    /// Finds those of a second try's documents that are perhaps stored twice, because their name came to lead elsewhere
    /// between the last look and that try; `None` if the run is asked to stop.
    pub(super) fn find_doubled(
        &mut self,
        group: Group<'_>,
        mut told: Vec<Told>,
        wait: &mut Wait,
    ) -> Result<Option<Vec<Told>>, SinkError> {
        let (mut moved, mut earlier) = (Vec::new(), Vec::new());
        for (place, told) in told.iter().enumerate() {
            let at = group.at[place];
            let (name, index) = (self.protocol.name_of(&group.get(place)), index_of(told));
            let decides = !matches!(told.fate, Fate::Busy(_) | Fate::Raced(_) | Fate::Closed(_) | Fate::Untold(_));
            let Some(destination) = self.destinations.get(name) else { continue };
            let elsewhere = !index.is_empty() && index != name && destination.write(name) != Some(index);
            // What did not exist when it was last asked for has been made by the try.
            if self.states[at as usize].lost && decides && elsewhere && *destination != Destination::Absent {
                earlier.push(Location {
                    index: destination.write(name).unwrap_or(name).to_owned(),
                    ..destination.location(name)
                });
                moved.push(place);
            }
        }
        if moved.is_empty() {
            return Ok(Some(told));
        }
        let at: Vec<u32> = moved.iter().map(|place| group.at[*place]).collect();
        let Some(stored) = self.stored(&at, &earlier, wait)? else { return Ok(None) };
        for ((place, stored), earlier) in moved.into_iter().zip(stored).zip(earlier) {
            if stored != Stored::Nothing {
                let (earlier, later) = (&earlier.index, index_of(&told[place]));
                let text = format!("it may be stored twice: in {earlier} by a try without a response, and in {later}");
                told[place].fate = Fate::Untold(text);
            }
        }
        Ok(Some(told))
    }

    /// Where an action's document lies: in the index that an answer names, or where its name leads.
    pub(super) fn location(&self, at: u32, shown: Option<&ItemDetails>) -> Location {
        let name = self.protocol.name_of(&self.batch.action(at as usize));
        let known = self.destinations.get(name).map(|known| known.location(name)).unwrap_or_default();
        match shown.map(|shown| shown.index.as_str()) {
            // A failed item may name the alias.
            Some(index) if !index.is_empty() && !name.is_empty() && index != name => {
                Location { index: index.to_owned(), routing: known.routing }
            }
            _ => known,
        }
    }
}

fn index_of(told: &Told) -> &str {
    told.shown.as_ref().map_or("", |shown| shown.index.as_str())
}

/// What two indices together say of a document.
fn clearest(one: Stored, other: Stored) -> Stored {
    match (one, other) {
        (Stored::Same, _) | (_, Stored::Same) => Stored::Same,
        (Stored::Unclear(why), _) | (_, Stored::Unclear(why)) => Stored::Unclear(why),
        (Stored::Other, _) | (_, Stored::Other) => Stored::Other,
        (Stored::Nothing, Stored::Nothing) => Stored::Nothing,
    }
}
