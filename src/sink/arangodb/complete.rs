//! `--complete`: the whole run is one request, which the server applies atomically. Nothing is sent before the end of the
//! input. The documents are sent as an array: with lines, one that the server cannot parse would end the request, and the
//! lines before it would stay stored (contract of the import API, 1.7).

use super::Collection;
use super::answer::{ERRORS, ServerError};
use super::request::{array, mode};
use super::{counts, errors, read_back};
use crate::action::Op;
use crate::batch::{Batch, Encode};
use crate::record::Reason;
use crate::retry::{Backoff, RetryReason};
use crate::sink::http::{Http, Method, Request, Response, SendError};
use crate::sink::remote::answer::response_or_retry;
use crate::sink::remote::{Group, ItemOutcome, ItemResult, Shared, StoredDoc, escaped, sleep_unless_stopped};
use crate::sink::{Bucket, Durable, Ledger, Log, Note, Sink, SinkError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of records in an atomic request: after so many the server commits in between.
pub(super) const MAX_RECORDS: usize = 1_000_000;

/// The sink of such a run, which has one lane.
pub(super) struct Complete {
    pub(super) collection: Collection,
    pub(super) http: Http,
    pub(super) shared: Shared,
    /// `--overwrite`: the request also empties the collection.
    pub(super) overwrite: bool,
    /// The batch, until the input ends.
    pub(super) held: Option<Batch>,
}

/// The result of the run.
enum RunEnd {
    /// Everything is stored, according to the response.
    Done(Vec<ItemResult>),
    /// Everything is stored, by a request without a response.
    Found,
    /// Nothing is stored: the message and the number of the error.
    Refused(String, u32),
    /// Nothing is stored, and the target can no longer be used.
    Stopped(String),
    /// It is not known whether it is stored.
    Unknown(String),
}

impl Sink for Complete {
    fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(self.collection.clone())
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        let Some(held) = self.held.take() else {
            self.held = Some(batch.clone());
            return Ok(Durable::Earlier);
        };
        out.leave_unsent(&held, 0);
        out.leave_unsent(batch, 0);
        Err(SinkError::rolled_back(format!(
            "--complete: the input does not fit into one request; nothing was sent (--batch-bytes SIZE allows more, up to {MAX_RECORDS} records)"
        )))
    }

    fn finish(&mut self, clean: bool, out: &mut Ledger, log: Log<'_>) -> Result<Durable, SinkError> {
        let Some(batch) = self.held.take() else {
            return if clean { Ok(Durable::All) } else { Err(nothing_stored()) };
        };
        if !clean {
            out.leave_unsent(&batch, 0);
            return Err(nothing_stored());
        }
        let all: Vec<u32> = (0..batch.len() as u32).collect();
        let group = Group { batch: &batch, indexes: &all, per_item: false };
        let (result, lost) = self.send(group, log);
        self.settle(group, result, lost, out).map(|()| Durable::All)
    }
}

fn has_keys(group: Group<'_>) -> bool {
    (0..group.len()).all(|index| !group.key(index).0.is_empty())
}

fn nothing_stored() -> SinkError {
    SinkError::rolled_back("nothing was stored, because of --complete".to_owned())
}

impl Complete {
    fn request(&self, group: Group<'_>) -> Request {
        let (name, mode) = (escaped(&self.collection.name), mode(group.key(0).1));
        let overwrite = if self.overwrite { "&overwrite=true" } else { "" };
        let sync = if self.collection.wait_for_sync { "&waitForSync=true" } else { "" };
        let about = format!("collection={name}&type=array&onDuplicate={mode}&complete=true&details=true");
        let call = Request::json(Method::POST, format!("/_api/import?{about}{overwrite}{sync}"), array(group));
        Request { id: Some(format!("{}0-1", self.shared.run)), ..call }
    }

    /// Whether applying it twice has the same result, and the same response, as applying it once.
    fn is_idempotent(&self, group: Group<'_>) -> bool {
        self.overwrite || has_keys(group) && matches!(group.key(0).1, Op::Index | Op::Upsert)
    }

    /// Sends the request until its result is known; also returns whether a response was lost on the way.
    fn send(&mut self, group: Group<'_>, log: Log<'_>) -> (RunEnd, bool) {
        let mut backoff = Backoff::new(self.shared.retries);
        let mut lost = false;
        loop {
            let reply = self.http.send(self.request(group));
            self.shared.traffic.count_request(self.http.sent_bytes);
            let asked = reply.as_ref().ok().and_then(|reply| reply.retry_after);
            let (why, text, is_lost) = match interpret(group, reply) {
                Attempt::Over(RunEnd::Refused(text, 1210) | RunEnd::Stopped(text)) if lost => {
                    return (RunEnd::Unknown(text), lost);
                }
                Attempt::Over(result) => return (result, lost),
                Attempt::Again(why, text) => (why, text, false),
                Attempt::Lost(text) => (RetryReason::Busy, text, true),
            };
            lost |= is_lost;
            if let Err(text) = self.pause(&mut backoff, why, asked, &text, log) {
                return (if lost { RunEnd::Unknown(text) } else { RunEnd::Stopped(text) }, lost);
            }
            if is_lost && !self.is_idempotent(group) {
                match self.is_stored(group, &mut backoff, log) {
                    Ok(true) => return (RunEnd::Found, lost),
                    // Nothing is stored, so the lost request was not applied.
                    Ok(false) => lost = false,
                    Err(why) => return (RunEnd::Unknown(why), lost),
                }
            }
            self.shared.traffic.count_retry();
        }
    }

    /// Waits before the next try. The error is the reason why there is none.
    fn pause(
        &self,
        backoff: &mut Backoff,
        why: RetryReason,
        asked: Option<Duration>,
        text: &str,
        log: Log<'_>,
    ) -> Result<(), String> {
        let pause = backoff.next(why, asked).map_err(|used_up| format!("{text} ({used_up})"))?;
        log(Note::Detail(format!("{text}; try {} in {:.1} s", backoff.retries() + 1, pause.as_secs_f64())));
        sleep_unless_stopped(pause, &self.shared.stop).then_some(()).ok_or_else(|| text.to_owned())
    }

    /// Reads the documents with these keys: whether all are stored as they were sent, or none.
    fn is_stored(&mut self, group: Group<'_>, backoff: &mut Backoff, log: Log<'_>) -> Result<bool, String> {
        if !has_keys(group) {
            return Err("the server made the keys, so what is stored cannot be read back".to_owned());
        }
        let stored = self.read_stored(group, backoff, log)?;
        let are_all = |what: StoredDoc| stored.iter().all(|stored| *stored == what);
        if !are_all(StoredDoc::Same) && !are_all(StoredDoc::Missing) {
            return Err("no response was received, and of the documents some are stored and others not".to_owned());
        }
        Ok(are_all(StoredDoc::Same))
    }

    fn read_stored(&mut self, group: Group<'_>, backoff: &mut Backoff, log: Log<'_>) -> Result<Vec<StoredDoc>, String> {
        loop {
            let sent = self.http.send(read_back::request(&self.collection, group));
            let busy =
                |reply: &Response| (ERRORS.is_busy)(reply).then(|| reply.summary()).or_else(|| reply.server_error());
            match response_or_retry(sent, busy) {
                Ok(reply) => return read_back::compare(group, &reply).ok_or_else(|| reply.summary()),
                Err(retry) => self.pause(backoff, retry.why, retry.asked, &retry.text, log)?,
            }
        }
    }

    fn settle(&mut self, group: Group<'_>, result: RunEnd, lost: bool, out: &mut Ledger) -> Result<(), SinkError> {
        let batch = group.batch;
        match result {
            RunEnd::Done(results) => {
                for result in results {
                    let bucket = match result.outcome {
                        ItemOutcome::Created => Bucket::Created,
                        ItemOutcome::Updated => Bucket::Updated,
                        _ => Bucket::Ignored,
                    };
                    out.settle_many(bucket, 1);
                }
                self.shared.traffic.count_uncertain(if lost { group.len() as u64 } else { 0 });
                Ok(())
            }
            RunEnd::Found => {
                out.settle_many(Bucket::Created, group.len() as u64);
                Ok(())
            }
            RunEnd::Unknown(why) => {
                let reason = Reason::new("lost", format!("no response was received: {why}"));
                (0..group.len())
                    .for_each(|index| out.settle(batch, index, Bucket::Unknown, Some(reason.clone()), None));
                Ok(())
            }
            RunEnd::Stopped(why) => {
                out.leave_unsent(batch, 0);
                Err(SinkError::stopped(why))
            }
            RunEnd::Refused(why, number) => {
                let is_duplicate = number == 1210 && group.key(0).1 == Op::Create;
                let duplicates = if is_duplicate { self.duplicates(group) } else { HashSet::new() };
                for index in 0..group.len() {
                    let duplicate = || Reason::new("duplicate_key", format!("duplicate key {:?}", group.key(index).0));
                    let reason = duplicates.contains(&index).then(duplicate);
                    let bucket = if reason.is_some() { Bucket::Error } else { Bucket::Unsent };
                    out.settle(batch, index, bucket, reason, None);
                }
                Err(SinkError::rolled_back(format!("everything was rolled back, because of --complete: {why}")))
            }
        }
    }

    /// The documents whose keys exist or are duplicates within the request, because the server does not name them. They are
    /// read once; if that fails, the error names no keys.
    fn duplicates(&mut self, group: Group<'_>) -> HashSet<usize> {
        let reply = self.http.send(read_back::request(&self.collection, group)).ok();
        let stored = reply.and_then(|reply| read_back::compare(group, &reply)).unwrap_or_default();
        let is_there = |index: usize| matches!(stored.get(index), Some(StoredDoc::Same | StoredDoc::Different));
        let mut keys = HashSet::new();
        (0..group.len()).filter(|index| !keys.insert(group.key(*index).0) || is_there(*index)).collect()
    }
}

/// The result of one try.
enum Attempt {
    Over(RunEnd),
    /// Nothing was applied: try again.
    Again(RetryReason, String),
    /// It may have been applied.
    Lost(String),
}

fn interpret(group: Group<'_>, reply: Result<Response, SendError>) -> Attempt {
    let reply = match reply {
        Ok(reply) => reply,
        Err(SendError::NotSent { why, hopeless: true }) => return Attempt::Over(RunEnd::Stopped(why)),
        Err(SendError::NotSent { why, .. }) => return Attempt::Again(RetryReason::Unreachable, why),
        Err(SendError::NoResponse(why) | SendError::TooLong(why)) => return Attempt::Lost(why),
    };
    if matches!(reply.status, 200..=202) {
        let is_done = |outcome: &ItemOutcome| {
            matches!(outcome, ItemOutcome::Created | ItemOutcome::Updated | ItemOutcome::Ignored)
        };
        return match counts::read(group, &reply).map(|all| all.into_results()) {
            Ok(results) if results.iter().all(|result| is_done(&result.outcome)) => {
                Attempt::Over(RunEnd::Done(results))
            }
            Ok(_) => Attempt::Lost("the answer has single errors, but --complete fails as a whole".to_owned()),
            Err(why) => Attempt::Lost(why),
        };
    }
    let error = ServerError::of(&reply);
    let number = error.as_ref().map_or(0, |error| error.number);
    let text = error.as_ref().map_or_else(|| reply.summary(), ServerError::text);
    match (reply.status, number) {
        (409, 1200) | (412, 21004) | (503, 21003) | (429, _) => Attempt::Again(RetryReason::Busy, text),
        (413, _) => Attempt::Over(RunEnd::Refused(group.too_large("the server"), 413)),
        (400 | 409 | 412, _) if error.is_some() => {
            let message = error.map(|error| error.message).unwrap_or_default();
            Attempt::Over(RunEnd::Refused(errors::reason(number, &message).text, number))
        }
        (401, _) => Attempt::Over(RunEnd::Stopped(format!("{text}; check the user and the password, or the token"))),
        (403, _) => Attempt::Over(RunEnd::Stopped(errors::forbidden(&text))),
        (300..=499, _) => Attempt::Over(RunEnd::Stopped(text)),
        _ => Attempt::Lost(text),
    }
}
