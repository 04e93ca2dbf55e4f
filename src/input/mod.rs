//! From files and pipes to records.
//! `open` looks at every input before anything is sent: it opens it, unpacks it, tells its format and builds its reader.
//! Adding a format is one file here and one arm in `reader`.

mod arrays;
mod bulk;
pub(crate) mod csv;
#[cfg(test)]
mod fuzz;
mod guess;
mod json_stream;
mod jsonl;
mod open;
mod source;
mod unpack;
mod value_skipper;
mod window;

pub use csv::{Conversion, CsvOptions, Dialect, header_names};
pub use guess::Format;
pub use open::{Input, InputOptions, Inputs, open};
pub use source::Source;
pub use window::{More, Window};

use crate::record::{BadRecord, Origin, Reason, Record};
use std::io;

/// What a reader found.
#[derive(Debug)]
pub enum ReadStep<'a> {
    /// A record.
    Record(Record<'a>),
    /// Something that stands in the place of a record; reading can go on after it.
    Bad(BadRecord<'a>),
    /// A blank line.
    Empty,
    /// Nothing for now: the pipe is silent.
    Idle,
    /// The end of the input.
    End,
}

impl<'a> ReadStep<'a> {
    /// A record that begins at `origin` and is `raw` in the input, or why there is none.
    fn of(origin: Origin, raw: &'a [u8], record: Result<Record<'a>, Reason>) -> ReadStep<'a> {
        match record {
            Ok(record) => ReadStep::Record(Record { raw, ..record }),
            Err(reason) => ReadStep::Bad(BadRecord { origin, reason, raw }),
        }
    }
}

/// Why reading stopped before the end of the input.
#[derive(Debug)]
pub struct ReadError {
    /// Where.
    pub origin: Origin,
    /// What was wrong.
    pub text: String,
}

impl ReadError {
    fn new(origin: Origin, text: impl Into<String>) -> ReadError {
        ReadError { origin, text: text.into() }
    }

    fn io(origin: Origin, error: io::Error) -> ReadError {
        ReadError { origin, text: error.to_string() }
    }
}

/// Why there is no record at hand.
#[derive(Debug)]
enum NoRecord {
    /// The pipe is silent.
    Idle,
    /// The input has ended.
    End,
    /// Reading cannot go on.
    Failed(ReadError),
}

impl From<ReadError> for NoRecord {
    fn from(broken: ReadError) -> NoRecord {
        NoRecord::Failed(broken)
    }
}

/// Cuts an input into records. One implementation a format.
pub trait Reader: Send {
    /// Hands over one step after the other, until `take` says that it wants no more, or after the end.
    ///
    /// # Errors
    /// When the input cannot be read on: I/O, damaged compression, or a format that has lost its frame.
    fn each(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<(), ReadError>;
}

/// A reader that finds one record at a time.
trait OneByOne: Send {
    /// Lends the next record.
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord>;
}

impl<R: OneByOne> Reader for R {
    fn each(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<(), ReadError> {
        while hand_over(self.next(), take)? {}
        Ok(())
    }
}

/// Hands over what was found; false at the end, or if no more is wanted.
fn hand_over(
    found: Result<ReadStep<'_>, NoRecord>,
    take: &mut dyn FnMut(ReadStep<'_>) -> bool,
) -> Result<bool, ReadError> {
    match found {
        Ok(step) => Ok(take(step)),
        Err(NoRecord::Idle) => Ok(take(ReadStep::Idle)),
        Err(NoRecord::End) => {
            take(ReadStep::End);
            Ok(false)
        }
        Err(NoRecord::Failed(broken)) => Err(broken),
    }
}

/// The reason for a record that is longer than `max` bytes.
fn too_long(max: usize) -> Reason {
    Reason::new("record_too_long", format!("longer than --max-record-bytes ({max} bytes)"))
}
