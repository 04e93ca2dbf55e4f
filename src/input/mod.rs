//! From files and pipes to records.
//! `open` looks at every input before anything is sent: it opens it, unpacks it, tells its format and builds its reader.
//! Adding a format is one file here and one arm in `reader`.

mod arrays;
mod bulk;
mod csv;
#[cfg(test)]
mod fuzz;
mod guess;
mod json_stream;
mod jsonl;
mod open;
mod outline;
mod source;
mod unpack;
mod window;

pub use csv::{Conversion, CsvOptions, Datatype, Dialect, EmptyCell, header_names};
pub use guess::Format;
pub use open::{Input, InputOptions, Inputs, open};
pub use source::Source;
pub use unpack::Compression;
pub use window::{More, Window};

use crate::record::{BadRecord, Origin, Record};
use std::io;

/// What a reader found.
#[derive(Debug)]
pub enum Step<'a> {
    /// A record.
    Record(Record<'a>),
    /// Something that stands in the place of a record; reading can go on after it.
    Bad(BadRecord),
    /// Nothing for now: the pipe is silent.
    Idle,
    /// The end of the input.
    End,
}

/// Why reading stopped before the end of the input.
#[derive(Debug)]
pub struct Broken {
    /// Where.
    pub origin: Origin,
    /// What was wrong.
    pub text: String,
}

impl Broken {
    fn new(origin: Origin, text: impl Into<String>) -> Broken {
        Broken { origin, text: text.into() }
    }

    fn io(origin: Origin, error: io::Error) -> Broken {
        Broken { origin, text: error.to_string() }
    }
}

/// Cuts an input into records. One implementation a format.
pub trait Reader: Send {
    /// Hands over one step after the other, until `take` says that it wants no more, or after the end.
    ///
    /// # Errors
    /// When the input cannot be read on: I/O, damaged compression, or a format that has lost its frame.
    fn each(&mut self, take: &mut dyn FnMut(Step<'_>) -> bool) -> Result<(), Broken>;

    /// Blank lines passed over so far.
    fn empty(&self) -> u64;
}

/// A reader that finds one record at a time.
trait OneByOne: Send {
    /// Lends the next record.
    fn next(&mut self) -> Result<Step<'_>, Broken>;

    /// As of a `Reader`.
    fn empty(&self) -> u64;
}

impl<R: OneByOne> Reader for R {
    fn each(&mut self, take: &mut dyn FnMut(Step<'_>) -> bool) -> Result<(), Broken> {
        loop {
            let step = self.next()?;
            let is_end = matches!(step, Step::End);
            if !take(step) || is_end {
                return Ok(());
            }
        }
    }

    fn empty(&self) -> u64 {
        OneByOne::empty(self)
    }
}
