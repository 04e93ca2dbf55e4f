//! A target: everything that is true of one kind of target only stands behind this trait, in the target's own folder. The
//! table of all targets is in targets.rs; nothing else names one.

use super::http::{Response, Traffic};
use super::wanted::{FlagSources, Place, Wanted};
use super::{Say, Sink};
use crate::action::Rules;
use crate::batch::Limits;
use crate::stop::Stop;
use anyhow::Result;
use std::ffi::OsStr;

/// One kind of target.
pub trait Target: Sync {
    /// What messages call it: `ArangoDB`, `a store`.
    fn name(&self) -> &'static str;

    /// What messages call any target that is reached like it.
    fn noun(&self) -> &'static str {
        SERVER
    }

    /// How its addresses are written.
    fn forms(&self) -> &'static [&'static str];

    /// What the short help of `--to` calls it.
    fn brief(&self) -> &'static str {
        self.noun()
    }

    /// What the long help of `--to` says: of a server its form, of anything else a sentence.
    fn help(&self) -> &'static str {
        self.forms()[0]
    }

    /// Reads an address; `None` if it is none of its own.
    fn place(&self, to: &OsStr) -> Option<Result<Place>>;

    /// Why it cannot support a flag, as advice what to do instead; `None` if it can. `group` is what help shows the flag in.
    fn unsupported(&self, flag: &str, group: &str) -> Option<&'static str>;

    /// Finds what flags ask together and it cannot do, and names that nothing of it can have.
    ///
    /// # Errors
    /// For the first such thing.
    fn check(&self, wanted: &Wanted, flags: &FlagSources) -> Result<()>;

    /// Whether `--overwrite` empties a collection, which bulk lines and deletes have no use for; else it replaces the
    /// output as a whole.
    fn overwrites_collection(&self) -> bool {
        true
    }

    /// Whether documents go to stdout; the summary then goes to stderr.
    fn uses_stdout(&self, _: &Place) -> bool {
        false
    }

    /// Its places for a person, without secrets.
    fn shown(&self, wanted: &Wanted) -> String {
        wanted.name()
    }

    /// How large its batches grow.
    fn limits(&self, wanted: &Wanted) -> Limits {
        wanted.batches.limits(5 << 20)
    }

    /// What to write in its place, if an answer to `GET /` shows that a server is of this kind.
    fn recognized(&self, _: &Response) -> Option<&'static str> {
        None
    }

    /// Looks at the target, prepares the collection and makes a sink for each lane. With `--dry-run` nothing is changed.
    ///
    /// # Errors
    /// When it cannot be used as the run asks.
    fn open(&self, wanted: &Wanted, stop: &Stop, say: Say<'_>) -> Result<Opened>;
}

/// What messages call a server of any kind.
pub const SERVER: &str = "a server";

impl std::fmt::Debug for dyn Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A target that is ready.
pub struct Opened {
    /// One sink a lane.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Whether its collection holds edges.
    pub edge: bool,
    /// Its rules for keys and documents.
    pub rules: Box<dyn Rules>,
    /// What goes over the wire, if it is a server.
    pub traffic: Option<Traffic>,
    /// What has to be put back at the end.
    pub closing: Option<Box<dyn Closing>>,
}

/// Puts back at the end what was changed for the time of a run.
pub trait Closing {
    /// Puts it back; in a hurry, after a signal, it gives up after some seconds.
    ///
    /// # Errors
    /// When it cannot be.
    fn close(&mut self, in_a_hurry: bool) -> Result<()>;
}
