//! Finds the records inside each value (`--records`): follows the path through its objects, and passes over everything else.

use super::{JsonStream, StreamState};
use crate::input::NoRecord;
use crate::json::{JsonKind, ScanError, unescape};
use crate::record::{Origin, Reason};
use std::borrow::Cow;

/// How the name of a field fits the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameMatch {
    Other,
    /// The path goes on inside it, from this byte of the path.
    Inner(usize),
    /// Its value is the array of records.
    Records,
}

/// The path to the records, and how far it was followed in the current value.
#[derive(Debug)]
pub(super) struct RecordsPath {
    path: String,
    /// For each open object, where the rest of the path begins.
    levels: Vec<usize>,
    /// Whether the array of records is open.
    in_records: bool,
    /// Whether it was found in this value.
    found: bool,
    /// Where this value starts.
    start: Origin,
    starts_line: bool,
    /// What is wrong with this value.
    problem: Option<String>,
}

impl RecordsPath {
    pub(super) fn new(path: &str) -> RecordsPath {
        RecordsPath {
            path: path.to_owned(),
            levels: Vec::new(),
            in_records: false,
            found: false,
            start: Origin::default(),
            starts_line: false,
            problem: None,
        }
    }

    fn matches(&self, name: &str) -> NameMatch {
        let start = self.levels.last().copied().unwrap_or_default();
        match self.path[start..].strip_prefix(name) {
            Some("") => NameMatch::Records,
            Some(rest) if rest.starts_with('.') => NameMatch::Inner(start + name.len() + 1),
            _ => NameMatch::Other,
        }
    }

    fn missing(&self) -> String {
        format!("missing array \"{}\" (--records)", self.path)
    }
}

impl JsonStream {
    /// Whether an object around records is open.
    pub(super) fn path_is_open(&self) -> bool {
        self.path.as_ref().is_some_and(|path| !path.levels.is_empty())
    }

    /// Begins to follow the path in the object at the start of the window. False if it is a record itself.
    pub(super) fn begin_path(&mut self) -> bool {
        let (start, starts_line) = (self.here(), self.line_start);
        let Some(path) = self.path.as_mut().filter(|path| !path.in_records) else { return false };
        (path.start, path.starts_line) = (start, starts_line);
        (path.found, path.problem) = (false, None);
        path.levels.push(0);
        true
    }

    /// Forgets the value that was followed.
    pub(super) fn leave_path(&mut self) {
        if let Some(path) = &mut self.path {
            path.levels.clear();
            path.in_records = false;
        }
    }

    /// What is expected after the `]` of an array.
    pub(super) fn after_array(&mut self) -> StreamState {
        match &mut self.path {
            Some(path) if path.in_records => {
                path.in_records = false;
                StreamState::FieldEnd
            }
            _ => {
                self.in_array = false;
                StreamState::After
            }
        }
    }

    /// Whether the rest of the line can be passed after an error inside of a value: it is on one line, alone.
    pub(super) fn line_can_be_passed(&self) -> bool {
        let Some(path) = &self.path else { return false };
        let is_alone = self.is_by_lines || path.starts_line;
        !self.in_array && !path.levels.is_empty() && is_alone && path.start.line == self.line
    }

    /// Handles a line break inside a value that must be on one line.
    pub(super) fn line_is_cut(&mut self) -> Result<(), NoRecord> {
        let is_first = self.path.as_ref().is_some_and(|path| path.levels == [0]);
        if is_first && self.state == (StreamState::Field { first: true }) {
            return self.fail("the object goes on over several lines\nhint: write `-t json`");
        }
        self.broken("unexpected end of line in JSON object")
    }

    /// Handles the next byte in an object around the records. Returns the error of a value without records.
    pub(super) fn follow(&mut self, byte: u8) -> Result<Option<(Origin, Reason)>, NoRecord> {
        match (self.state, byte) {
            (StreamState::Field { first: true } | StreamState::FieldEnd, b'}') => return Ok(self.end_object()),
            (StreamState::FieldEnd, b',') => self.state = StreamState::Field { first: false },
            (StreamState::Field { .. }, b'"') => return self.name().map(|()| None),
            (StreamState::Colon(matched), b':') => self.state = StreamState::FieldValue(matched),
            (StreamState::FieldValue(matched), _) => return self.value(matched, byte).map(|()| None),
            (state, _) => {
                let expected = match state {
                    StreamState::FieldEnd => "expected `,` or `}`",
                    StreamState::Colon(_) => "expected `:` after a field name",
                    _ => "expected a field name in quotes",
                };
                return self.broken(format!("broken JSON: {expected}")).map(|()| None);
            }
        }
        self.consume(1);
        Ok(None)
    }

    /// Reads the name of a field.
    fn name(&mut self) -> Result<(), NoRecord> {
        let end = match self.element(b'"')? {
            Some(Ok(end)) => end,
            None => return self.broken("broken JSON: a field name is longer than --max-record-bytes"),
            Some(Err(ScanError::Incomplete)) => return self.broken("unexpected end of input in JSON object"),
            Some(Err(ScanError::Syntax { what, .. })) => return self.broken(format!("broken JSON: {what}")),
        };
        let written = String::from_utf8_lossy(&self.window.bytes()[1..end - 1]);
        let name = unescape(&written).unwrap_or(Cow::Borrowed(""));
        let matched = self.path.as_ref().map_or(NameMatch::Other, |path| path.matches(&name));
        self.state = StreamState::Colon(matched);
        self.consume(end);
        Ok(())
    }

    /// Handles the value of a field, which starts with this byte.
    fn value(&mut self, matched: NameMatch, first: u8) -> Result<(), NoRecord> {
        let Some(path) = &mut self.path else { return Ok(()) };
        match (matched, first) {
            (NameMatch::Inner(rest), b'{') => {
                path.levels.push(rest);
                self.state = StreamState::Field { first: true };
            }
            (NameMatch::Records, b'[') if !path.found => {
                (path.found, path.in_records) = (true, true);
                self.state = StreamState::Element { first: true };
            }
            (_, b',' | b'}' | b']' | b':') => return self.broken("broken JSON: expected a value"),
            _ => {
                if matched == NameMatch::Records {
                    let first = [first];
                    let kind = JsonKind::of(std::str::from_utf8(&first).unwrap_or_default());
                    path.problem.get_or_insert(match path.found {
                        true => format!("duplicate field \"{}\" (--records)", path.path),
                        false => format!("\"{}\" (--records) is {}, not an array", path.path, kind.name()),
                    });
                }
                self.state = StreamState::FieldEnd;
                self.skip_value();
                return Ok(());
            }
        }
        self.consume(1);
        Ok(())
    }

    /// Handles the `}` of an object around the records.
    fn end_object(&mut self) -> Option<(Origin, Reason)> {
        self.consume(1);
        self.state = StreamState::FieldEnd;
        let end = self.here();
        let path = self.path.as_mut()?;
        path.levels.pop();
        if !path.levels.is_empty() {
            return None;
        }
        self.state = if self.in_array { StreamState::Separator } else { StreamState::Stream };
        let problem = path.problem.take().or_else(|| (!path.found).then(|| path.missing()))?;
        // Records of this value come before its error.
        let is_first = path.start.record == self.origin.record;
        self.origin.record += 1;
        let start = if is_first { path.start } else { Origin { offset: end.offset - 1, ..end } };
        self.bad_text.clear();
        Some((Origin { record: self.origin.record, ..start }, Reason::new("no_records", problem)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_fit_parts_of_the_path() {
        let mut path = RecordsPath::new("a.b.c");
        assert_eq!(path.matches("a"), NameMatch::Inner(2));
        assert_eq!(path.matches("a.b"), NameMatch::Inner(4));
        assert_eq!(path.matches("a.b.c"), NameMatch::Records);
        assert_eq!(path.matches("a."), NameMatch::Other);
        assert_eq!(path.matches("ab"), NameMatch::Other);
        path.levels.push(2);
        assert_eq!(path.matches("b.c"), NameMatch::Records);
        assert_eq!(path.matches("a"), NameMatch::Other);
    }
}
