//! The interface of a target. Everything specific to one target is in its own folder, behind this trait. The table of all
//! targets is in targets.rs; nothing else refers to a specific target.

use super::http::{Login, Response, Traffic};
use super::remote::ready::Probe;
use super::wanted::{Endpoint, FlagSources, Wanted};
use super::{Log, Sink};
use crate::action::Rules;
use crate::batch::Limits;
use crate::stop::Stop;
use anyhow::Result;
use std::ffi::OsStr;

/// One kind of target.
pub trait Target: Sync {
    /// Its name in messages: `ArangoDB`, `a store`.
    fn name(&self) -> &'static str;

    /// The general term for it in messages: `a server`, `a store`.
    fn noun(&self) -> &'static str {
        SERVER
    }

    /// The forms of its addresses.
    fn forms(&self) -> &'static [&'static str];

    /// What its addresses begin with, for completions.
    fn schemes(&self) -> &'static [&'static str];

    /// Its part of the short help of `--to`.
    fn brief(&self) -> &'static str {
        self.noun()
    }

    /// Its part of the long help of `--to`: the form of a server's address, otherwise a sentence.
    fn help(&self) -> &'static str {
        self.forms()[0]
    }

    /// Parses an address; `None` if it does not belong to this target.
    fn endpoint(&self, to: &OsStr) -> Option<Result<Endpoint>>;

    /// For a flag that is not supported: a hint what to do instead. `group` is the flag's heading in the help.
    fn unsupported(&self, flag: &str, group: &str) -> Option<&'static str>;

    /// Checks combinations of flags, and the names of collections.
    ///
    /// # Errors
    /// For the first combination that is not supported, or a name that is not valid.
    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()>;

    /// Whether `--overwrite` empties a collection, which makes no sense with bulk lines or deletes; otherwise it replaces
    /// the whole output.
    fn overwrites_collection(&self) -> bool {
        true
    }

    /// Whether documents go to stdout; the summary then goes to stderr.
    fn uses_stdout(&self, _: &Endpoint) -> bool {
        false
    }

    /// Whether one sink takes the records of all collections, each of which names its own. Otherwise the target is opened
    /// for each collection.
    fn has_one_sink(&self) -> bool {
        false
    }

    /// Whether `--complete` covers several collections.
    fn completes_collections(&self) -> bool {
        false
    }

    /// Its addresses for messages, without secrets.
    fn display(&self, wanted: &Wanted) -> String {
        wanted.name()
    }

    /// The maximum size of its batches.
    fn limits(&self, wanted: &Wanted) -> Limits {
        wanted.batches.limits(5 << 20)
    }

    /// A hint how to address this server, if its response to `GET /` is one of this target's.
    fn recognized(&self, _: &Response) -> Option<&'static str> {
        None
    }

    /// A login in the form in which it is sent.
    ///
    /// # Errors
    /// When it cannot be sent.
    fn login(&self, login: Login) -> Result<Login> {
        Ok(login)
    }

    /// How `--wait` asks whether it is up, if it is a server.
    fn probe(&self, _: &Wanted) -> Option<Probe> {
        None
    }

    /// Connects, prepares the collection and creates a sink for each lane. With `--dry-run` nothing is changed.
    ///
    /// # Errors
    /// When the target cannot be used for this run.
    fn open(&self, wanted: &Wanted, stop: &Stop, log: Log<'_>) -> Result<Opened>;
}

/// The noun of all servers.
pub const SERVER: &str = "a server";

impl std::fmt::Debug for dyn Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A target that is ready.
pub struct Opened {
    /// One sink for each lane.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Whether each of its collections holds edges.
    pub edges: Vec<bool>,
    /// Its rules for keys and documents.
    pub rules: Box<dyn Rules>,
    /// Counters of requests, if it is a server.
    pub traffic: Option<Traffic>,
    /// Restores at the end what was changed for the run.
    pub closing: Option<Box<dyn Closing>>,
}

/// Restores what was changed for the time of a run.
pub trait Closing {
    /// Restores it. With `in_a_hurry`, after a signal, it gives up after some seconds.
    ///
    /// # Errors
    /// When it cannot be restored.
    fn close(&mut self, in_a_hurry: bool) -> Result<()>;
}
