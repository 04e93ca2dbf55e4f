//! Passes over what is not read: invalid records, and values beside the records.

use super::{JsonStream, StreamState};
use crate::input::bad_value::BadValue;
use crate::input::value_skipper::ValueSkipper;
use crate::input::{NoRecord, ReadError, too_long};
use crate::record::{Origin, Reason};

/// How the end is found.
#[derive(Debug)]
pub(super) enum Skip {
    /// It is the end of the line.
    Line,
    /// By quotes and brackets.
    Value(ValueSkipper),
    /// For a value with a syntax error. The text is the error if its end cannot be found.
    Bad(BadValue, String),
}

/// What is passed without being read.
#[derive(Debug)]
pub(super) struct Skipping {
    origin: Origin,
    /// Why it is an invalid record; `None` if it is no record.
    reason: Option<Reason>,
    skip: Skip,
    /// The passed text, if raw text is wanted and not too long.
    raw: Option<Vec<u8>>,
}

impl Skipping {
    fn keep(&mut self, part: &[u8], max: usize) {
        self.raw.take_if(|raw| raw.len() + part.len() > max);
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(part);
        }
    }
}

/// Where a search for an end ended.
enum Search {
    Found(usize),
    More,
    /// The end cannot be found.
    Lost(String),
}

impl JsonStream {
    /// Counts the next element as an invalid record, and passes it.
    pub(super) fn skip_record(&mut self, reason: Reason, skip: Skip) {
        self.origin.record += 1;
        let keeps = !matches!(skip, Skip::Value(_)) && self.window.keeps_raw;
        let raw = keeps.then(Vec::new);
        self.skipping = Some(Skipping { origin: self.here(), reason: Some(reason), skip, raw });
    }

    /// Passes the value that begins here, which is no record.
    pub(super) fn skip_value(&mut self) {
        let skip = Skip::Value(ValueSkipper::default());
        self.skipping = Some(Skipping { origin: self.next_origin(), reason: None, skip, raw: None });
    }

    /// Passes the rest, and returns the invalid record once its end is read.
    pub(super) fn skip(&mut self) -> Result<Option<(Origin, Reason)>, NoRecord> {
        while let Some(skipping) = &mut self.skipping {
            let origin = skipping.origin;
            let bytes = self.window.bytes();
            let line = if self.is_by_lines { memchr::memchr(b'\n', bytes) } else { None };
            let part = &bytes[..line.unwrap_or(bytes.len())];
            let mut search = match &mut skipping.skip {
                Skip::Line => memchr::memchr(b'\n', bytes).map_or(Search::More, Search::Found),
                Skip::Value(skipper) => match skipper.end(part) {
                    Ok(end) => end.map_or(Search::More, Search::Found),
                    Err(what) => Search::Lost(format!("broken JSON: {what}")),
                },
                Skip::Bad(bad, broken) => match bad.end(part) {
                    Ok(end) => end.map_or(Search::More, Search::Found),
                    Err(()) => Search::Lost(std::mem::take(broken)),
                },
            };
            if let (Search::More, Some(_)) = (&search, line) {
                search = Search::Lost("unexpected end of line in JSON object".to_owned());
            }
            let count = match search {
                Search::Found(end) => end,
                Search::More => bytes.len(),
                // Without lines, its error may be some lines later.
                Search::Lost(text) if !self.is_by_lines => return Err(ReadError::new(origin, text).into()),
                Search::Lost(text) => {
                    self.lost(origin, text)?;
                    continue;
                }
            };
            skipping.keep(&bytes[..count], self.max);
            self.consume(count);
            if let Search::Found(_) = search {
                break;
            }
            if !self.window.read_on(self.next_origin())? {
                self.end_of_input(origin)?;
                break;
            }
        }
        let Some(Skipping { origin, reason, raw, .. }) = self.skipping.take() else { return Ok(None) };
        self.bad_text = raw.unwrap_or_default();
        Ok(reason.map(|reason| (origin, reason)))
    }

    /// Checks that what is passed may end with the input.
    fn end_of_input(&self, origin: Origin) -> Result<(), ReadError> {
        let Some(skipping) = &self.skipping else { return Ok(()) };
        let text = match &skipping.skip {
            Skip::Line => return Ok(()),
            Skip::Value(skipper) if !skipper.is_open() => return Ok(()),
            Skip::Value(_) if skipping.reason.is_none() => "unexpected end of input in JSON object".to_owned(),
            Skip::Value(_) => format!("unexpected end of input in a record {}", too_long(self.max).text),
            Skip::Bad(_, broken) => broken.clone(),
        };
        Err(ReadError::new(origin, text))
    }

    /// Handles a value whose end cannot be found: the rest of its line is passed, or reading stops.
    fn lost(&mut self, origin: Origin, text: String) -> Result<(), NoRecord> {
        if !self.line_can_be_passed() {
            return Err(ReadError::new(origin, text).into());
        }
        self.leave_path();
        match &mut self.skipping {
            // Its reason stays.
            Some(skipping) if skipping.reason.is_some() => skipping.skip = Skip::Line,
            // Its text is not kept: a part of it has been passed.
            _ => {
                self.origin.record += 1;
                let reason = Some(Reason::new("invalid_json", text));
                self.skipping = Some(Skipping { origin, reason, skip: Skip::Line, raw: None });
            }
        }
        self.state = StreamState::Stream;
        Ok(())
    }

    /// Handles broken JSON between the elements, likewise.
    pub(super) fn broken(&mut self, text: impl Into<String>) -> Result<(), NoRecord> {
        self.skipping = None;
        let origin = self.next_origin();
        self.lost(origin, text.into())
    }
}
