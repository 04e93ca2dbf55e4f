//! Reads responses of the import API: counts, and a message for each error (contract of the import API, 1.5 and 1.6).
//!
//! The messages number documents in two ways. An error of parsing has the line, from 1. An error of storing has the index
//! among the documents that were parsed, from 0. Both quote the document, which begins with its key, so each index can be
//! verified; a response with an error that fits no document is not trusted.

use super::errors::{number_of, outcome, reason};
use crate::action::Op;
use crate::sink::http::Response;
use crate::sink::remote::{Group, ItemOutcome, ItemOutcomes, read_list};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The response. All counts are always present, `details` on request.
#[derive(Debug, Deserialize)]
struct Counts<'a> {
    error: bool,
    /// In some versions, the status of the response.
    code: Option<u16>,
    #[serde(rename = "errorNum", default)]
    number: u32,
    created: u64,
    errors: u64,
    empty: u64,
    updated: u64,
    ignored: u64,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
}

/// One message of `details`, parsed.
#[derive(Debug, PartialEq, Eq)]
struct Detail<'a> {
    position: usize,
    /// Whether the document was parsed, so that the error is one of storing.
    was_read: bool,
    /// The text of the error.
    error: &'a str,
    /// The beginning of the document, as quoted.
    quoted: &'a str,
    /// The whole message.
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

    /// Whether it may quote the document with this key.
    fn quotes(&self, key: &str) -> bool {
        let begin = format!("{{\"_key\":\"{key}\"");
        // Quotes are cut after 255 bytes, which may be within a long key.
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

/// The outcome of each action. Successes are known only by their numbers: the first actions count as created, the next as
/// updated, the last as ignored.
pub(super) fn read(group: Group<'_>, reply: &Response) -> Result<ItemOutcomes, String> {
    let counts: Counts<'_> = serde_json::from_slice(&reply.body).map_err(|_| reply.summary())?;
    if counts.error || counts.number > 0 || counts.code.is_some_and(|code| !(200..300).contains(&code)) {
        return Err(format!("the answer contradicts itself: {}", reply.summary()));
    }
    let all = [counts.created, counts.errors, counts.updated, counts.ignored];
    // No blank lines are sent, so `empty` is not counted.
    if all.map(u128::from).iter().sum::<u128>() != group.len() as u128 {
        return Err(format!("the answer does not account for {} documents: {}", group.len(), reply.summary()));
    }
    // All actions of a request have the same operation.
    let op = group.key(0).1;
    if (counts.ignored > 0 && op != Op::CreateOrIgnore) || (counts.updated > 0 && !matches!(op, Op::Index | Op::Upsert))
    {
        return Err(format!("the answer counts what was not asked for: {}", reply.summary()));
    }
    let details = counts.details.map_or(Ok(Vec::new()), |raw| read_list(raw, group.len()));
    let details: Vec<Cow<'_, str>> = details.map_err(|why| format!("{}: {why}", reply.summary()))?;
    if details.len() as u64 != counts.errors {
        return Err(format!("the answer has {} details for {} errors", details.len(), counts.errors));
    }
    let mut successes = [
        (counts.created, ItemOutcome::Created),
        (counts.updated, ItemOutcome::Updated),
        (counts.ignored, ItemOutcome::Ignored),
    ];
    let mut outcomes = ItemOutcomes::default();
    if counts.errors == 0 {
        for (count, outcome) in successes.into_iter().filter(|(count, _)| *count > 0) {
            outcomes.push(outcome, count as usize);
        }
        return Ok(outcomes);
    }
    for outcome in by_index(group, &details, counts.empty > 0)? {
        let next = || {
            let (count, outcome) = successes.iter_mut().find(|(count, _)| *count > 0)?;
            *count -= 1;
            Some(outcome.clone())
        };
        outcomes.push(outcome.or_else(next).ok_or_else(|| "the counts do not add up".to_owned())?, 1);
    }
    Ok(outcomes)
}

/// The errors by index.
fn by_index(group: Group<'_>, details: &[Cow<'_, str>], shifted: bool) -> Result<Vec<Option<ItemOutcome>>, String> {
    let mut outcomes: Vec<Option<ItemOutcome>> = vec![None; group.len()];
    let lost = |text: &str| format!("an error for a document that was not sent: {text}");
    let all = details.iter().map(|text| Detail::of(text).ok_or_else(|| lost(text)));
    let all: Vec<Detail<'_>> = all.collect::<Result<_, _>>()?;
    let put = |outcomes: &mut Vec<Option<ItemOutcome>>, index: Option<usize>, detail: &Detail<'_>| {
        let index = index.filter(|index| *index < group.len()).ok_or_else(|| lost(detail.text))?;
        let (key, op) = group.key(index);
        // Blank lines count as lines; then only a key verifies an index.
        let is_unproven = shifted && !detail.was_read && key.is_empty();
        if is_unproven || outcomes[index].is_some() || !detail.quotes(key) {
            return Err(lost(detail.text));
        }
        outcomes[index] = Some(detail.outcome(op));
        Ok(())
    };
    for detail in all.iter().filter(|detail| !detail.was_read) {
        put(&mut outcomes, detail.position.checked_sub(1), detail)?;
    }
    let read: Vec<usize> = (0..group.len()).filter(|index| outcomes[*index].is_none()).collect();
    for detail in all.iter().filter(|detail| detail.was_read) {
        put(&mut outcomes, read.get(detail.position).copied(), detail)?;
    }
    Ok(outcomes)
}
