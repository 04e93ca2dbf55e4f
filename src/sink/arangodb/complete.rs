//! `--complete`: the whole run in one request, which the server carries out as a whole or not at all. Nothing is sent before
//! the input has ended. The documents go as an array: with lines, what the server cannot read would end the request and
//! keep what came before it (contract of the import API, 1.7).

use super::Collection;
use super::answer::ServerError;
use super::request::{array, mode};
use super::{counts, errors, read_back};
use crate::action::Op;
use crate::batch::{Batch, Encode};
use crate::record::Reason;
use crate::retry::{Backoff, Why};
use crate::sink::http::{Call, Http, Method, NoReply, Reply};
use crate::sink::remote::{Group, ItemOutcome, ItemOutcomes, ItemResult, Shared, Stored, escaped, nap, sentence};
use crate::sink::{Bucket, Durable, Ledger, Note, Say, Sink, SinkError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Most records of a request that the server carries out as a whole: after so many it commits in between.
pub(super) const MAX_RECORDS: usize = 1_000_000;

/// The one lane of such a run.
pub(super) struct Complete {
    pub(super) collection: Collection,
    pub(super) http: Http,
    pub(super) shared: Shared,
    /// `--overwrite`: the request empties the collection too.
    pub(super) overwrite: bool,
    /// The run so far.
    pub(super) held: Option<Batch>,
}

/// What is known after a try.
enum End {
    /// All is stored, as this answer says.
    Done(Vec<ItemResult>),
    /// All is stored, by a try whose response was not received.
    Found,
    /// Nothing is stored; why, and the number of the error.
    Refused(String, u32),
    /// Nothing is stored, and nothing can be.
    Stopped(String),
    /// It cannot be told.
    Unknown(String),
}

impl Sink for Complete {
    fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(self.collection.clone())
    }

    fn apply(&mut self, batch: &Batch, out: &mut Ledger, _: Say<'_>) -> Result<Durable, SinkError> {
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

    fn finish(&mut self, clean: bool, out: &mut Ledger, say: Say<'_>) -> Result<Durable, SinkError> {
        let Some(batch) = self.held.take() else {
            return if clean { Ok(Durable::All) } else { Err(nothing_stored()) };
        };
        if !clean {
            out.leave_unsent(&batch, 0);
            return Err(nothing_stored());
        }
        let all: Vec<u32> = (0..batch.len() as u32).collect();
        let group = Group { batch: &batch, at: &all, each: false };
        let (end, lost) = self.send(group, say);
        self.settle(group, end, lost, out).map(|()| Durable::All)
    }
}

fn has_keys(group: Group<'_>) -> bool {
    (0..group.len()).all(|place| !group.key(place).0.is_empty())
}

fn nothing_stored() -> SinkError {
    SinkError::rolled_back("nothing was stored, because of --complete".to_owned())
}

impl Complete {
    fn request(&self, group: Group<'_>) -> Call {
        let (name, mode) = (escaped(&self.collection.name), mode(group.key(0).1));
        let overwrite = if self.overwrite { "&overwrite=true" } else { "" };
        let sync = if self.collection.wait_for_sync { "&waitForSync=true" } else { "" };
        let about = format!("collection={name}&type=array&onDuplicate={mode}&complete=true&details=true");
        let call = Call::json(Method::POST, format!("/_api/import?{about}{overwrite}{sync}"), array(group));
        Call { opaque: Some(format!("{}0-1", self.shared.run)), ..call }
    }

    /// Whether carrying it out a second time leaves what the first left, and says so.
    fn is_idempotent(&self, group: Group<'_>) -> bool {
        self.overwrite || has_keys(group) && matches!(group.key(0).1, Op::Index | Op::Upsert)
    }

    /// Sends it until it is known what became of it; also whether no response to a try was received on the way.
    fn send(&mut self, group: Group<'_>, say: Say<'_>) -> (End, bool) {
        let mut wait = Backoff::new(self.shared.retries);
        let mut lost = false;
        loop {
            let reply = self.http.send(self.request(group));
            self.shared.traffic.sent(self.http.sent_bytes);
            let asked = reply.as_ref().ok().and_then(|reply| reply.retry_after);
            let (why, text, is_lost) = match understood(group, reply) {
                Step::End(End::Refused(text, 1210) | End::Stopped(text)) if lost => return (End::Unknown(text), lost),
                Step::End(end) => return (end, lost),
                Step::Again(why, text) => (why, text, false),
                Step::Lost(text) => (Why::Busy, text, true),
            };
            lost |= is_lost;
            if let Err(text) = self.pause(&mut wait, why, asked, &text, say) {
                return (if lost { End::Unknown(text) } else { End::Stopped(text) }, lost);
            }
            if is_lost && !self.is_idempotent(group) {
                match self.look(group, &mut wait, say) {
                    Ok(true) => return (End::Found, lost),
                    // None of it is there, so that try was carried out as little as if it had never been sent.
                    Ok(false) => lost = false,
                    Err(why) => return (End::Unknown(why), lost),
                }
            }
            self.shared.traffic.sent_again();
        }
    }

    /// Waits before the next try; the error is why there is none.
    fn pause(
        &self,
        wait: &mut Backoff,
        why: Why,
        asked: Option<Duration>,
        text: &str,
        say: Say<'_>,
    ) -> Result<(), String> {
        let pause = wait.next(why, asked).map_err(|used_up| format!("{text} ({used_up})"))?;
        say(Note::Detail(format!("{text}; try {} in {:.1} s", wait.tries() + 1, pause.as_secs_f64())));
        nap(pause, &self.shared.stop).then_some(()).ok_or_else(|| text.to_owned())
    }

    /// Reads back what is stored under the keys: all of it as it was sent, or nothing at all.
    fn look(&mut self, group: Group<'_>, wait: &mut Backoff, say: Say<'_>) -> Result<bool, String> {
        if !has_keys(group) {
            return Err("the server made the keys, so what is stored cannot be read back".to_owned());
        }
        let stored = self.stored(group, wait, say)?;
        let are_all = |what: Stored| stored.iter().all(|stored| *stored == what);
        if !are_all(Stored::Same) && !are_all(Stored::Nothing) {
            return Err("no response was received, and of the documents some are stored and others not".to_owned());
        }
        Ok(are_all(Stored::Same))
    }

    fn stored(&mut self, group: Group<'_>, wait: &mut Backoff, say: Say<'_>) -> Result<Vec<Stored>, String> {
        loop {
            let (why, text, asked) = match self.http.send(read_back::request(&self.collection, group)) {
                Ok(reply) if !matches!(reply.status, 412 | 429 | 500..=599) => {
                    return read_back::compare(group, &reply).ok_or_else(|| reply.page());
                }
                Ok(reply) => (Why::Busy, reply.page(), reply.retry_after),
                Err(reply) => (Why::Away, sentence(&reply).to_owned(), None),
            };
            self.pause(wait, why, asked, &text, say)?;
        }
    }

    fn settle(&mut self, group: Group<'_>, end: End, lost: bool, out: &mut Ledger) -> Result<(), SinkError> {
        let batch = group.batch;
        match end {
            End::Done(told) => {
                for told in told {
                    let bucket = match told.outcome {
                        ItemOutcome::Created => Bucket::Created,
                        ItemOutcome::Updated => Bucket::Updated,
                        _ => Bucket::Ignored,
                    };
                    out.settle_many(bucket, 1);
                }
                self.shared.traffic.unsure(if lost { group.len() as u64 } else { 0 });
                Ok(())
            }
            End::Found => {
                out.settle_many(Bucket::Created, group.len() as u64);
                Ok(())
            }
            End::Unknown(why) => {
                let reason = Reason::new("lost", format!("no response was received: {why}"));
                (0..group.len())
                    .for_each(|place| out.settle(batch, place, Bucket::Unknown, Some(reason.clone()), None));
                Ok(())
            }
            End::Stopped(why) => {
                out.leave_unsent(batch, 0);
                Err(SinkError::stopped(why))
            }
            End::Refused(why, number) => {
                let is_duplicate = number == 1210 && group.key(0).1 == Op::Create;
                let duplicates = if is_duplicate { self.duplicates(group) } else { HashSet::new() };
                for place in 0..group.len() {
                    let reason = duplicates
                        .contains(&place)
                        .then(|| Reason::new("duplicate_key", format!("duplicate key {:?}", group.key(place).0)));
                    let bucket = if reason.is_some() { Bucket::Error } else { Bucket::Unsent };
                    out.settle(batch, place, bucket, reason, None);
                }
                Err(SinkError::rolled_back(format!("everything was rolled back, because of --complete: {why}")))
            }
        }
    }

    /// The documents whose keys are there, or come a second time: the server does not name them. One look is enough for
    /// that; if it fails, the error stays without names.
    fn duplicates(&mut self, group: Group<'_>) -> HashSet<usize> {
        let reply = self.http.send(read_back::request(&self.collection, group)).ok();
        let stored = reply.and_then(|reply| read_back::compare(group, &reply)).unwrap_or_default();
        let is_there = |place: usize| matches!(stored.get(place), Some(Stored::Same | Stored::Other));
        let mut keys = HashSet::new();
        (0..group.len()).filter(|place| !keys.insert(group.key(*place).0) || is_there(*place)).collect()
    }
}

/// What to do after a try.
enum Step {
    End(End),
    /// Nothing was done.
    Again(Why, String),
    /// It may have been done.
    Lost(String),
}

fn understood(group: Group<'_>, reply: Result<Reply, NoReply>) -> Step {
    let reply = match reply {
        Ok(reply) => reply,
        Err(NoReply::NotSent { why, hopeless: true }) => return Step::End(End::Stopped(why)),
        Err(NoReply::NotSent { why, .. }) => return Step::Again(Why::Away, why),
        Err(NoReply::Lost(why)) => return Step::Lost(why),
    };
    if matches!(reply.status, 200..=202) {
        let is_done = |outcome: &ItemOutcome| {
            matches!(outcome, ItemOutcome::Created | ItemOutcome::Updated | ItemOutcome::Ignored)
        };
        return match counts::read(group, &reply).map(ItemOutcomes::of_each) {
            Ok(told) if told.iter().all(|told| is_done(&told.outcome)) => Step::End(End::Done(told)),
            Ok(_) => Step::Lost("the answer has single errors, but --complete fails as a whole".to_owned()),
            Err(why) => Step::Lost(why),
        };
    }
    let error = ServerError::of(&reply);
    let number = error.as_ref().map_or(0, |error| error.number);
    let text = error.as_ref().map_or_else(|| reply.page(), ServerError::text);
    match (reply.status, number) {
        (409, 1200) | (412, 21004) | (503, 21003) | (429, _) => Step::Again(Why::Busy, text),
        (413, _) => Step::End(End::Refused(group.too_large("the server"), 413)),
        (400 | 409 | 412, _) if error.is_some() => {
            let message = error.map(|error| error.message).unwrap_or_default();
            Step::End(End::Refused(errors::reason(number, &message).text, number))
        }
        (401, _) => Step::End(End::Stopped(format!("{text}; check the user and the password, or the token"))),
        (403, _) => Step::End(End::Stopped(errors::forbidden(&text))),
        (300..=499, _) => Step::End(End::Stopped(text)),
        _ => Step::Lost(text),
    }
}
