//! Reads answers of the import API: counts, and a sentence for each error (contract of the import API, 1.5 and 1.6).
//!
//! The sentences number documents in two ways: what is found wrong while the body is read has the line, from 1 on; what
//! cannot be stored has the place among the documents that were not found wrong, from 0 on. Both quote the document, which
//! begins with its key, so each place is proven; an answer with an error that has no place is not believed.

use super::errors::{number_of, outcome, reason};
use crate::action::Op;
use crate::sink::http::Reply;
use crate::sink::remote::{Group, ItemOutcome, ItemOutcomes};
use serde::Deserialize;
use std::borrow::Cow;

/// The answer. All counts are always there; `details` as they were asked for.
#[derive(Debug, Deserialize)]
struct Counts<'a> {
    error: bool,
    created: u64,
    errors: u64,
    empty: u64,
    updated: u64,
    ignored: u64,
    #[serde(borrow, default)]
    details: Vec<Cow<'a, str>>,
}

/// What one of the details says.
#[derive(Debug, PartialEq, Eq)]
struct Detail<'a> {
    position: usize,
    /// Whether the document could be read, and was to be stored.
    was_read: bool,
    /// The error's text.
    error: &'a str,
    /// The beginning of the document.
    quoted: &'a str,
    /// All that it says.
    text: &'a str,
}

impl Detail<'_> {
    fn of(text: &str) -> Option<Detail<'_>> {
        let (position, rest) = text.strip_prefix("at position ")?.split_once(": ")?;
        let position = position.parse().ok()?;
        let (about, document) = rest.split_once(", offending ").unwrap_or((rest, ""));
        let quoted = document.split_once(": ").map_or("", |(_, quoted)| quoted);
        let stored = about.strip_prefix("creating document failed with error '");
        let error = stored.map_or(about, |error| error.trim_end_matches('\''));
        Some(Detail { position, was_read: stored.is_some(), error, quoted, text })
    }

    /// Whether it can be about the document with this key.
    fn quotes(&self, key: &str) -> bool {
        let begin = format!("{{\"_key\":\"{key}\"");
        // Quotes end after 255 bytes, in the midst of a long key.
        let cut = self.quoted.strip_suffix("...").filter(|_| self.quoted.len() > 255);
        key.is_empty() || self.quoted.starts_with(&begin) || cut.is_some_and(|cut| begin.starts_with(cut))
    }

    fn outcome(&self, op: Op) -> ItemOutcome {
        match self.was_read {
            true => outcome(number_of(self.error), self.error, op, &[]),
            false if self.error.starts_with("missing '_from' or '_to'") => {
                ItemOutcome::Rejected(reason(1233, self.error))
            }
            false => ItemOutcome::Rejected(reason(600, self.error)),
        }
    }
}

/// What became of each action: where only a number is known, the first ones count as created, then as updated, then as
/// ignored.
pub(super) fn read(group: Group<'_>, reply: &Reply) -> Result<ItemOutcomes, String> {
    let counts: Counts<'_> = serde_json::from_slice(&reply.body).map_err(|_| reply.page())?;
    let all = [counts.created, counts.errors, counts.updated, counts.ignored];
    // We send no blank lines, and one that a server sees none the less is no document.
    if counts.error || all.map(u128::from).iter().sum::<u128>() != group.len() as u128 {
        return Err(format!("the answer does not account for {} documents: {}", group.len(), reply.page()));
    }
    // All actions of a request are of one kind.
    let op = group.key(0).1;
    if (counts.ignored > 0 && op != Op::CreateOrIgnore) || (counts.updated > 0 && !matches!(op, Op::Index | Op::Upsert))
    {
        return Err(format!("the answer counts what was not asked for: {}", reply.page()));
    }
    if counts.details.len() as u64 != counts.errors {
        return Err(format!("the answer has {} details for {} errors", counts.details.len(), counts.errors));
    }
    let mut successes = [
        (counts.created, ItemOutcome::Created),
        (counts.updated, ItemOutcome::Updated),
        (counts.ignored, ItemOutcome::Ignored),
    ];
    let mut told = ItemOutcomes::default();
    if counts.errors == 0 {
        for (count, outcome) in successes.into_iter().filter(|(count, _)| *count > 0) {
            told.push(outcome, count as usize);
        }
        return Ok(told);
    }
    for outcome in placed(group, &counts.details, counts.empty > 0)? {
        let next = || {
            let (count, outcome) = successes.iter_mut().find(|(count, _)| *count > 0)?;
            *count -= 1;
            Some(outcome.clone())
        };
        told.push(outcome.or_else(next).ok_or_else(|| "the counts do not add up".to_owned())?, 1);
    }
    Ok(told)
}

/// The errors at their places.
fn placed(group: Group<'_>, details: &[Cow<'_, str>], shifted: bool) -> Result<Vec<Option<ItemOutcome>>, String> {
    let mut outcomes: Vec<Option<ItemOutcome>> = vec![None; group.len()];
    let lost = |text: &str| format!("an error for a document that was not sent: {text}");
    let all = details.iter().map(|text| Detail::of(text).ok_or_else(|| lost(text)));
    let all: Vec<Detail<'_>> = all.collect::<Result<_, _>>()?;
    let put = |outcomes: &mut Vec<Option<ItemOutcome>>, place: Option<usize>, detail: &Detail<'_>| {
        let place = place.filter(|place| *place < group.len()).ok_or_else(|| lost(detail.text))?;
        let (key, op) = group.key(place);
        // Blank lines count as lines, and then only a key proves a place.
        let is_unproven = shifted && !detail.was_read && key.is_empty();
        if is_unproven || outcomes[place].is_some() || !detail.quotes(key) {
            return Err(lost(detail.text));
        }
        outcomes[place] = Some(detail.outcome(op));
        Ok(())
    };
    for detail in all.iter().filter(|detail| !detail.was_read) {
        put(&mut outcomes, detail.position.checked_sub(1), detail)?;
    }
    let read: Vec<usize> = (0..group.len()).filter(|place| outcomes[*place].is_none()).collect();
    for detail in all.iter().filter(|detail| detail.was_read) {
        put(&mut outcomes, read.get(detail.position).copied(), detail)?;
    }
    Ok(outcomes)
}
