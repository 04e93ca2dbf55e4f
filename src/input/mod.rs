//! Reads records from files and pipes.
//! `open` checks every input before anything is sent: it opens and unpacks it, detects its format and builds its reader.
//! A new format is one file here and one arm in `Input::reader`.

mod arrays;
mod bad_value;
mod bulk;
mod bulk_array;
pub(crate) mod csv;
mod encoding;
mod exports;
#[cfg(test)]
mod fuzz;
mod guess;
mod json_stream;
mod jsonl;
mod mistakes;
mod open;
mod reject_line;
mod rejects;
mod source;
mod unpack;
mod value_skipper;
mod window;

pub use csv::{Conversion, CsvOptions, Datatype, Dialect, header_names};
pub(crate) use guess::by_name;
pub use guess::{Format, stem};
pub use open::{Input, InputOptions, Inputs, open};
pub(crate) use reject_line::{RejectBody, RejectLine, begins as begins_rejects, push_bytes};
pub(crate) use rejects::{Selected, collections_in as collections_of_rejects};
pub use source::Source;
pub use window::{More, Window};

use crate::error::HINT_PREFIX;
use crate::notes::Notes;
use crate::progress::grouped;
use crate::record::{BadRecord, Origin, Reason, Record};
use std::io;

/// What a reader found.
#[derive(Debug)]
pub enum ReadStep<'a> {
    /// The header of an input with rows: once, before its records.
    Header {
        origin: Origin,
        names: &'a [String],
        /// The same as a JSON array, as written; empty if the input has it in another form.
        text: &'a str,
        /// The separator, if the input itself names it.
        separator: Option<u8>,
    },
    /// The next records have this format; only where it may change within an input.
    Format(Format),
    Record(Record<'a>),
    /// Something that is not a valid record. Reading can continue after it.
    Bad(BadRecord<'a>),
    /// A blank line.
    Empty,
    /// No data for now: the pipe is idle.
    Idle,
    /// The end of the input.
    End,
}

impl<'a> ReadStep<'a> {
    /// The step for a record that starts at `origin` and is `raw` in the input, or for the reason why it is invalid.
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
    pub origin: Origin,
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ReadError {
    /// The text may have a hint on a line of its own.
    pub(crate) fn new(origin: Origin, text: impl Into<String>) -> ReadError {
        let text = text.into();
        match text.split_once(HINT_PREFIX) {
            Some((text, hint)) => ReadError { origin, text: text.to_owned(), hint: Some(hint.to_owned()) },
            None => ReadError { origin, text, hint: None },
        }
    }

    /// Whether a flag does not fit the input, such as `--datatype` for no column.
    pub fn is_of_flag(&self) -> bool {
        self.text.starts_with("--")
    }

    fn io(origin: Origin, error: io::Error) -> ReadError {
        ReadError::new(origin, error.to_string())
    }
}

/// Why there is no next record.
#[derive(Debug)]
enum NoRecord {
    /// The pipe is idle.
    Idle,
    End,
    /// Reading cannot continue.
    Failed(ReadError),
}

impl From<ReadError> for NoRecord {
    fn from(error: ReadError) -> NoRecord {
        NoRecord::Failed(error)
    }
}

/// Splits an input into records. There is one implementation per format.
pub trait Reader: Send {
    /// Passes each step to `take`, until `take` returns false or the input ends.
    ///
    /// # Errors
    /// When reading cannot continue: an I/O error, damaged compression, or a format whose structure is broken.
    fn each(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<(), ReadError>;

    /// Takes the notes about what was read so far.
    fn notes(&mut self) -> Notes {
        Notes::default()
    }
}

/// A reader that returns one record at a time.
trait OneByOne: Send {
    /// Returns the next record, which is valid until the next call.
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord>;

    /// As for a `Reader`.
    fn notes(&mut self) -> Notes {
        Notes::default()
    }
}

impl<R: OneByOne> Reader for R {
    fn each(&mut self, take: &mut dyn FnMut(ReadStep<'_>) -> bool) -> Result<(), ReadError> {
        while hand_over(self.next(), take)? {}
        Ok(())
    }

    fn notes(&mut self) -> Notes {
        OneByOne::notes(self)
    }
}

/// Passes a step to `take`. Returns false at the end of the input, or if `take` wants no more.
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
        Err(NoRecord::Failed(error)) => Err(error),
    }
}

/// The reason for a record that is longer than `max` bytes.
fn too_long(max: usize) -> Reason {
    Reason::new("record_too_long", format!("longer than --max-record-bytes ({} bytes)", grouped(max as u64)))
}
