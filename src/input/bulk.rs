//! Elasticsearch bulk lines: an action line, then a source line unless the action is a delete.
//! The previous line decides what a line is. After an unreadable action line, the next line is ambiguous. Reading stops
//! if a source could then be taken for an action, or an action for a source.

use super::jsonl::{LineReader, object};
use super::{NoRecord, OneByOne, ReadError, ReadStep};
use crate::json::{Field, JsonKind, Scanner, same_name};
use crate::record::{Command, Op, Origin, Reason, Record};
use std::ops::Range;

/// What the next line must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Action,
    /// The source of the previous action.
    Source,
    /// Either the source of the previous action, which was unreadable, or another action.
    Unclear,
}

/// An action line that cannot be used.
#[derive(Debug)]
pub(super) struct BadAction {
    pub(super) text: String,
    /// What the next line must be.
    pub(super) then: Expected,
}

#[derive(Debug)]
pub(super) struct Bulk {
    lines: LineReader,
    expected: Expected,
    /// The previous action.
    command: Command,
    /// Why it is an error. Reported after its source has been read too.
    failed: Option<Reason>,
    /// Why reading stops after it.
    fatal: Option<ReadError>,
    /// Its line and its source line, if raw text is wanted.
    raw: Vec<u8>,
    /// Where the action line starts.
    origin: Origin,
    scanner: Scanner,
    meta_scanner: Scanner,
    source_scanner: Scanner,
}

impl Bulk {
    pub(super) fn new(lines: LineReader) -> Bulk {
        Bulk {
            origin: lines.origin,
            lines,
            expected: Expected::Action,
            command: Command { op: Op::Index, meta: String::new(), fields: Vec::new() },
            failed: None,
            fatal: None,
            raw: Vec::new(),
            scanner: Scanner::default(),
            meta_scanner: Scanner::default(),
            source_scanner: Scanner::default(),
        }
    }

    /// Processes a line where an action is expected. `None` if its source has to be read first.
    fn take_action(&mut self, line: Result<Range<usize>, Reason>) -> Option<Result<(), Reason>> {
        self.lines.origin.record += 1;
        self.origin = self.lines.origin;
        self.expected = Expected::Unclear;
        self.raw.clear();
        let bytes = match line {
            Ok(range) => &self.lines.window.bytes()[range],
            Err(reason) => {
                self.failed = Some(reason);
                return None;
            }
        };
        if self.lines.window.keeps_raw {
            self.raw.extend_from_slice(bytes);
        }
        match read_action(bytes, &mut self.scanner, &mut self.meta_scanner) {
            Ok((op, meta)) => {
                self.command.op = op;
                self.command.meta.clear();
                self.command.meta.push_str(meta);
                self.command.fields.clear();
                self.command.fields.extend_from_slice(self.meta_scanner.fields());
                let is_delete = op == Op::Delete;
                self.expected = if is_delete { Expected::Action } else { Expected::Source };
                is_delete.then_some(Ok(()))
            }
            Err(bad) => {
                self.expected = bad.then;
                let reason = Reason::new("bad_action", bad.text);
                if bad.then == Expected::Action {
                    return Some(Err(reason));
                }
                self.failed = Some(reason);
                None
            }
        }
    }

    /// Processes the line after an action. It is the source, unless that is unclear and the line is a valid action.
    fn take_source(&mut self, line: Result<Range<usize>, Reason>, is_unclear: bool) -> ReadStep<'_> {
        let number = self.lines.origin.line;
        let bytes = line.map(|range| &self.lines.window.bytes()[range]);
        match &bytes {
            Ok(bytes) if is_unclear && read_action(bytes, &mut self.scanner, &mut self.meta_scanner).is_ok() => {
                let text = format!("line {number} may be an action, or the source of the invalid action before it");
                self.fatal = Some(ReadError::new(self.lines.origin, text));
            }
            Ok(bytes) if !self.raw.is_empty() && !bytes.is_empty() => {
                self.raw.push(b'\n');
                self.raw.extend_from_slice(bytes);
            }
            Ok(_) => {}
            Err(_) => self.raw.clear(),
        }
        if let Some(reason) = self.failed.take() {
            return self.bad(reason);
        }
        let bytes = match bytes {
            Ok(b"") => {
                let text = format!("the source on line {number} is blank");
                return self.bad(Reason::new("missing_source", text).of_line(&self.command));
            }
            bytes => bytes,
        };
        let record = match bytes.and_then(|bytes| object(bytes, &mut self.source_scanner)) {
            Ok(text) => {
                let record = Record::of(text, &self.source_scanner, self.origin);
                Ok(Record { command: Some(&self.command), ..record })
            }
            Err(reason) => {
                let text = format!("the source on line {number}: {}", reason.text);
                Err(Reason { text, hint: None, ..reason }.of_line(&self.command))
            }
        };
        ReadStep::of(self.origin, &self.raw, record)
    }

    fn bad(&self, reason: Reason) -> ReadStep<'_> {
        ReadStep::of(self.origin, &self.raw, Err(reason))
    }
}

impl OneByOne for Bulk {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        if let Some(error) = self.fatal.take() {
            return Err(error.into());
        }
        loop {
            let line = match self.lines.next() {
                Err(NoRecord::End) if self.expected != Expected::Action => {
                    self.expected = Expected::Action;
                    let missing = || {
                        let text = "unexpected end of input before the source of this action";
                        Reason::new("missing_source", text).of_line(&self.command)
                    };
                    let reason = self.failed.take().unwrap_or_else(missing);
                    return Ok(self.bad(reason));
                }
                Err(NoRecord::Failed(error)) => {
                    let Some(reason) = self.failed.take() else { return Err(error.into()) };
                    self.fatal = Some(error);
                    return Ok(self.bad(reason));
                }
                line => line?,
            };
            match std::mem::replace(&mut self.expected, Expected::Action) {
                Expected::Source => return Ok(self.take_source(line, false)),
                Expected::Unclear => return Ok(self.take_source(line, true)),
                Expected::Action if line.as_ref().is_ok_and(Range::is_empty) => return Ok(ReadStep::Empty),
                Expected::Action => {
                    if let Some(done) = self.take_action(line) {
                        let deleted =
                            || Record { command: Some(&self.command), origin: self.origin, ..Record::default() };
                        return Ok(ReadStep::of(self.origin, &self.raw, done.map(|()| deleted())));
                    }
                }
            }
        }
    }
}

/// Parses a trimmed action line into its operation and its metadata. `meta_scanner` then has the fields of the metadata.
pub(super) fn read_action<'a>(
    line: &'a [u8],
    scanner: &mut Scanner,
    meta_scanner: &mut Scanner,
) -> Result<(Op, &'a str), BadAction> {
    let unclear = |text: String| BadAction { text, then: Expected::Unclear };
    let text = object(line, scanner).map_err(|reason| unclear(format!("invalid action: {}", reason.text)))?;
    let [first, others @ ..] = scanner.fields() else {
        return Err(unclear("the action is an empty object".to_owned()));
    };
    let Some(verb) = verb_of(first, text) else {
        let name: String = first.name.of(text).chars().take(40).collect();
        return Err(unclear(format!("unknown action \"{name}\" (expected index, create, update or delete)")));
    };
    let then = if verb == Op::Delete { Expected::Action } else { Expected::Source };
    if !others.is_empty() {
        // If a second verb disagrees about whether a source follows, the next line is ambiguous.
        let is_delete = |verb| verb == Op::Delete;
        let disputed =
            others.iter().filter_map(|other| verb_of(other, text)).any(|other| is_delete(other) != is_delete(verb));
        let text = "the action has more than one field".to_owned();
        return Err(BadAction { text, then: if disputed { Expected::Unclear } else { then } });
    }
    let meta = first.value.of(text);
    if meta_scanner.object(meta.as_bytes()) != Ok(meta.len()) {
        let kind = JsonKind::of(meta).name();
        return Err(BadAction { text: format!("the metadata of the action is {kind}, not an object"), then });
    }
    Ok((verb, meta))
}

fn verb_of(field: &Field, text: &str) -> Option<Op> {
    let verbs = [("index", Op::Index), ("create", Op::Create), ("update", Op::Update), ("delete", Op::Delete)];
    let name = field.name.of(text);
    verbs.into_iter().find(|(word, _)| same_name(name, field.escaped, word)).map(|(_, verb)| verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::source::{Coding, thread_source};
    use crate::input::{Source, Window};
    use crate::record::BadRecord;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn steps(pieces: Vec<Vec<u8>>, max: usize) -> Vec<String> {
        let mut bulk = Bulk::new(LineReader::new(Window::new(Source::Pieces(pieces)), 0, 0, max));
        let mut found = Vec::new();
        let mut empty = 0;
        loop {
            let step = match bulk.next() {
                Ok(ReadStep::Record(record)) => {
                    let command = record.command.expect("a command");
                    let mut scanner = Scanner::default();
                    assert_eq!(scanner.object(command.meta.as_bytes()), Ok(command.meta.len()));
                    assert_eq!(scanner.fields(), command.fields);
                    if command.op == Op::Delete {
                        assert!(record.text.is_empty() && record.fields.is_empty());
                    } else {
                        assert_eq!(scanner.object(record.text.as_bytes()), Ok(record.text.len()));
                        assert_eq!(scanner.fields(), record.fields);
                    }
                    let Origin { line, record: number, offset, .. } = record.origin;
                    format!("{line} #{number} @{offset} {:?} {} {}", command.op, command.meta, record.text)
                }
                Ok(ReadStep::Bad(BadRecord { origin: Origin { line, record, offset, .. }, reason, .. })) => {
                    format!("{line} #{record} @{offset} {}: {}", reason.kind, reason.text)
                }
                Ok(ReadStep::Empty) => {
                    empty += 1;
                    continue;
                }
                Ok(other) => panic!("{other:?}"),
                Err(NoRecord::Idle) => "idle".to_owned(),
                Err(NoRecord::End) => {
                    found.push(format!("end, {} empty", empty));
                    return found;
                }
                Err(NoRecord::Failed(error)) => {
                    found.push(format!("{} broken: {}", error.origin.line, error.text));
                    return found;
                }
            };
            found.push(step);
        }
    }

    fn read(lines: &[&str]) -> Vec<String> {
        steps(vec![lines.join("\n").into_bytes()], 1 << 20)
    }

    #[test]
    fn every_action_but_a_delete_has_a_source() {
        let text = [
            "",
            "{ \"index\" : {\"_id\" : \"1\"} }\r",
            "{\"a\": 1.0}\r",
            "{\"delete\":{\"_id\":\"2\"}}",
            "  ",
            "{\"creat\\u0065\":{}}",
            " {} ",
            "{\"update\":{\"_index\":\"i\",\"_id\":3}}",
            "{\"doc\":{\"delete\":{}}}",
        ];
        assert_eq!(
            read(&text),
            [
                r#"2 #1 @1 Index {"_id" : "1"} {"a": 1.0}"#,
                r#"4 #2 @42 Delete {"_id":"2"} "#,
                "6 #3 @68 Create {} {}",
                r#"8 #4 @92 Update {"_index":"i","_id":3} {"doc":{"delete":{}}}"#,
                "end, 2 empty",
            ]
        );
    }

    #[test]
    fn a_missing_or_broken_source_is_an_error_of_its_action() {
        let text = [
            "{\"index\":{}}",
            "",
            "{\"index\":{}}",
            "[1]",
            "{\"index\":{}}",
            "{\"a\":",
            "{\"index\":{}}",
            "{\"a\":1}",
            "{\"create\":{}}",
        ];
        assert_eq!(
            read(&text),
            [
                "1 #1 @0 missing_source: the source on line 2 is blank",
                "3 #2 @14 not_an_object: the source on line 4: expected an object, found an array",
                "5 #3 @31 invalid_json: the source on line 6: unexpected end of line in object",
                r#"7 #4 @50 Index {} {"a":1}"#,
                "9 #5 @71 missing_source: unexpected end of input before the source of this action",
                "end, 0 empty",
            ]
        );
    }

    #[test]
    fn the_verb_of_a_bad_action_decides_whether_a_source_follows() {
        let text = [
            "{\"index\":1}",
            "{\"delete\":{}}",
            "{\"index\":{},\"x\":1}",
            "{\"index\":{}}",
            "{\"delete\":[]}",
            "{\"delete\":{\"_id\":\"1\"}}",
            "{\"update\":{},\"index\":{}}",
            "",
        ];
        assert_eq!(
            read(&text),
            [
                "1 #1 @0 bad_action: the metadata of the action is a number, not an object",
                "3 #2 @26 bad_action: the action has more than one field",
                "5 #3 @58 bad_action: the metadata of the action is an array, not an object",
                r#"6 #4 @72 Delete {"_id":"1"} "#,
                "7 #5 @95 bad_action: the action has more than one field",
                "end, 0 empty",
            ]
        );
    }

    #[test]
    fn the_line_after_an_unreadable_action_is_its_source_unless_it_is_a_valid_action() {
        for (action, what) in [
            ("{\"Index\":{}}", r#"bad_action: unknown action "Index" (expected index, create, update or delete)"#),
            ("{}", "bad_action: the action is an empty object"),
            ("{\"index\":{}", "bad_action: invalid action: unexpected end of line in object"),
            ("[]", "bad_action: invalid action: expected an object, found an array"),
            ("{\"index\":{},\"delete\":{}}", "bad_action: the action has more than one field"),
        ] {
            let first = format!("1 #1 @0 {what}");
            let offset = action.len() + 9;
            let found = read(&[action, "{\"a\":1}", "{\"index\":{}}", "{\"b\":2}"]);
            assert_eq!(found, [first.as_str(), &format!(r#"3 #2 @{offset} Index {{}} {{"b":2}}"#), "end, 0 empty"]);
            let stop = "2 broken: line 2 may be an action, or the source of the invalid action before it";
            assert_eq!(read(&[action, "{\"delete\":{}}"]), [first.as_str(), stop]);
            assert_eq!(read(&[action]), [first.as_str(), "end, 0 empty"]);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error_of_its_action() {
        let text = b"{\"index\":{ }}\n{\"a\":\"2345678901\"}\n{\"index\":{\"_id\":12}}\n{}\n{\"delete\":{}}\n".to_vec();
        assert_eq!(
            steps(vec![text], 15),
            [
                "1 #1 @0 record_too_long: the source on line 2: longer than --max-record-bytes (15 bytes)",
                "3 #2 @33 record_too_long: longer than --max-record-bytes (15 bytes)",
                "5 #3 @57 Delete {} ",
                "end, 0 empty",
            ]
        );
    }

    #[test]
    fn an_idle_pipe_between_an_action_and_its_source_loses_neither() {
        let (reader, mut pipe) = std::io::pipe().expect("a pipe");
        let window = Window::new(thread_source(reader, Coding::default()).expect("a thread"));
        let mut bulk = Bulk::new(LineReader::new(window, 0, 0, 1 << 20));
        pipe.write_all(b"{\"index\":{\"_id\":\"1\"}}\n{\"a\"").expect("open");
        assert!(matches!(bulk.next(), Err(NoRecord::Idle)));
        pipe.write_all(b":1}\n").expect("open");
        loop {
            match bulk.next() {
                Err(NoRecord::Idle) => {}
                Ok(ReadStep::Record(record)) => {
                    assert_eq!(record.text, "{\"a\":1}");
                    assert_eq!(record.command.map(|command| command.meta.as_str()), Some("{\"_id\":\"1\"}"));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn how_reads_are_split_does_not_matter(
            lines in prop::collection::vec(prop::sample::select(vec![
                "{\"index\":{\"_id\":\"1\"}}", "{\"update\":{}}", "{\"delete\":{}}", "{\"a\":1}", "{\"a\":1}", "", "{\"x\":{}}", "{\"index\":1}", "[",
            ]), 0..12),
            sizes in prop::collection::vec(1usize..30, 1..6),
            max in prop_oneof![Just(1usize << 20), 5usize..25],
        ) {
            let text = lines.join("\n");
            let mut sizes = sizes.iter().cycle();
            let mut rest = text.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(sizes.next().map_or(1, |size| (*size).min(rest.len())));
                pieces.push(piece.to_vec());
                rest = more;
            }
            prop_assert_eq!(steps(pieces, max), steps(vec![text.into_bytes()], max));
        }
    }
}
