//! ArangoDB's header format: a line with an array of attribute names, then one array of values per line.
//! Values are copied byte for byte into an object. A `null` makes no field, as on the server.

use super::csv::{ColumnName, CsvOptions, Object, wrong_count, wrong_count_note};
use super::jsonl::{LineReader, ensure_end, invalid, not_a, trimmed, utf8};
use super::{NoRecord, OneByOne, ReadError, ReadStep};
use crate::json::{JsonKind, ScanError, Scanner, unescape};
use crate::notes::Notes;
use crate::record::{Reason, Record};
use std::collections::HashSet;
use std::ops::Range;

#[derive(Debug)]
pub(super) struct Arrays {
    lines: LineReader,
    scanner: Scanner,
    ignore_missing: bool,
    /// Empty until the header is read.
    names: Vec<ColumnName>,
    /// The same, unescaped.
    plain_names: Vec<String>,
    /// Values that were dropped from lines that are too long.
    dropped: u64,
    object: Object,
}

impl Arrays {
    pub(super) fn new(lines: LineReader, options: &CsvOptions) -> Arrays {
        Arrays {
            lines,
            scanner: Scanner::default(),
            ignore_missing: options.ignore_missing,
            names: Vec::new(),
            plain_names: Vec::new(),
            dropped: 0,
            object: Object::default(),
        }
    }
}

impl OneByOne for Arrays {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        let line = self.lines.next()?;
        if self.names.is_empty() && line.as_ref().map_or(true, |range| !range.is_empty()) {
            let names = line.map_err(|reason| reason.text);
            let written = names.as_ref().map_or(0..0, Clone::clone);
            let names = names.and_then(|range| header(&self.lines.window.bytes()[range], &mut self.scanner));
            let message = |text| format!("invalid header: {text}");
            let origin = self.lines.origin;
            (self.names, self.plain_names) = names.map_err(|text| ReadError::new(origin, message(text)))?;
            let text = std::str::from_utf8(&self.lines.window.bytes()[written]).unwrap_or_default();
            return Ok(ReadStep::Header { origin, names: &self.plain_names, text, separator: None });
        }
        if line.as_ref().is_ok_and(Range::is_empty) {
            return Ok(ReadStep::Empty);
        }
        self.lines.origin.record += 1;
        let origin = self.lines.origin;
        let line = line.map(|range| &self.lines.window.bytes()[range]);
        let raw = *line.as_ref().unwrap_or(&&[][..]);
        let written =
            line.and_then(|line| write(line, &self.names, self.ignore_missing, &mut self.scanner, &mut self.object));
        let written = written.map(|count| self.dropped += count.saturating_sub(self.names.len()) as u64);
        let (text, fields) = (self.object.text(), self.object.fields());
        Ok(ReadStep::of(origin, raw, written.map(|()| Record { text, fields, origin, ..Record::default() })))
    }

    fn notes(&mut self) -> Notes {
        let mut notes = Notes::default();
        notes.add("dropped_cells", std::mem::take(&mut self.dropped), wrong_count_note("value"));
        notes
    }
}

/// Writes the object for a line. Returns the number of its values.
fn write(
    line: &[u8],
    names: &[ColumnName],
    ignore_missing: bool,
    scanner: &mut Scanner,
    object: &mut Object,
) -> Result<usize, Reason> {
    object.begin();
    let count = elements(utf8(line)?, scanner, |index, value| {
        if let Some(name) = names.get(index)
            && JsonKind::of(value) != JsonKind::Null
        {
            object.push(name, value);
        }
    })?;
    if count != names.len() && !ignore_missing {
        return Err(wrong_count(count, "value", names.len()));
    }
    object.end().map(|()| count)
}

/// Calls `each` with every element of the array that makes up the whole line. Returns their count.
fn elements<'a>(line: &'a str, scanner: &mut Scanner, mut each: impl FnMut(usize, &'a str)) -> Result<usize, Reason> {
    let bytes = line.as_bytes();
    if bytes.first() != Some(&b'[') {
        return Err(not_a(JsonKind::Array, bytes, scanner));
    }
    let invalid = |error| invalid(bytes, error, "array");
    let mut count = 0;
    let mut offset = skip_whitespace(bytes, 1);
    if bytes.get(offset) == Some(&b']') {
        return ensure_end(bytes, offset + 1, "array").map(|()| 0);
    }
    loop {
        let end = scanner.value(bytes, offset).map_err(invalid)?;
        each(count, &line[offset..end]);
        count += 1;
        offset = skip_whitespace(bytes, end);
        match bytes.get(offset) {
            Some(b',') => offset = skip_whitespace(bytes, offset + 1),
            Some(b']') => return ensure_end(bytes, offset + 1, "array").map(|()| count),
            Some(_) => return Err(invalid(ScanError::Syntax { offset, what: "expected `,` or `]`" })),
            None => return Err(invalid(ScanError::Incomplete)),
        }
    }
}

fn skip_whitespace(bytes: &[u8], offset: usize) -> usize {
    offset + trimmed(&bytes[offset..]).start
}

/// Reads the attribute names of the header, as written and unescaped. The error is a message without a prefix.
fn header(line: &[u8], scanner: &mut Scanner) -> Result<(Vec<ColumnName>, Vec<String>), String> {
    let line = utf8(line).map_err(|reason| reason.text)?;
    let mut written = Vec::new();
    elements(line, scanner, |_, value| written.push(value)).map_err(|reason| reason.text)?;
    if written.is_empty() {
        return Err("empty array".to_owned());
    }
    let mut seen = HashSet::new();
    let mut plain_names = Vec::with_capacity(written.len());
    for (index, name) in written.iter().enumerate() {
        let number = index + 1;
        if JsonKind::of(name) != JsonKind::String {
            return Err(format!("name {number} is {}, not a string", JsonKind::of(name).name()));
        }
        let inside = &name[1..name.len() - 1];
        if inside.is_empty() {
            return Err(format!("name {number} is empty"));
        }
        // A name with an unpaired surrogate cannot be unescaped. It is compared as written.
        let plain = unescape(inside).unwrap_or(inside.into());
        plain_names.push(plain.to_string());
        if !seen.insert(plain) {
            return Err(format!("duplicate name {number}"));
        }
    }
    Ok((written.into_iter().map(ColumnName::from_json).collect(), plain_names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Source, Window};
    use proptest::prelude::*;

    fn steps(pieces: Vec<Vec<u8>>, max: usize, ignore_missing: bool) -> Vec<String> {
        let lines = LineReader::new(Window::new(Source::Pieces(pieces)), 0, 0, max);
        let mut arrays = Arrays::new(lines, &CsvOptions { ignore_missing, ..CsvOptions::default() });
        let mut found = Vec::new();
        let mut empty = 0;
        loop {
            let step = match arrays.next() {
                Ok(ReadStep::Record(record)) => {
                    let mut scanner = Scanner::default();
                    assert_eq!(scanner.object(record.text.as_bytes()), Ok(record.text.len()), "{}", record.text);
                    assert_eq!(scanner.fields(), record.fields, "{}", record.text);
                    format!("{} #{} {}", record.origin.line, record.origin.record, record.text)
                }
                Ok(ReadStep::Bad(bad)) => {
                    format!("{} #{} {}: {}", bad.origin.line, bad.origin.record, bad.reason.kind, bad.reason.text)
                }
                Ok(ReadStep::Header { .. }) => continue,
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

    fn read(text: &str) -> Vec<String> {
        steps(vec![text.as_bytes().to_vec()], 1 << 20, false)
    }

    #[test]
    fn values_are_copied_byte_for_byte() {
        let text = "\n [ \"a\",\"caf\\u00e9\" , \"\u{e9}\"]\r\n[1.0, {\"x\": [1,\tnull]} ,\"\\/\"]\n\n[null,12345678901234567890,null]\n[ ]";
        assert_eq!(
            read(text),
            [
                "3 #1 {\"a\":1.0,\"caf\\u00e9\":{\"x\": [1,\tnull]},\"\u{e9}\":\"\\/\"}",
                r#"5 #2 {"caf\u00e9":12345678901234567890}"#,
                "6 #3 wrong_number_of_fields: 0 values, but the header has 3",
                "end, 2 empty",
            ]
        );
    }

    #[test]
    fn a_broken_line_is_one_error() {
        let text = "[\"a\",\"b\"]\n[1]\n[1,2,3]\n{\"a\":1}\n[1,2\n[1,2] x\n[1 2]\n[1,]\nx\n[01,2]\n[1,2]\n";
        assert_eq!(
            read(text),
            [
                "2 #1 wrong_number_of_fields: 1 value, but the header has 2",
                "3 #2 wrong_number_of_fields: 3 values, but the header has 2",
                "4 #3 not_an_array: expected an array, found an object",
                "5 #4 invalid_json: unexpected end of line in array",
                "6 #5 invalid_json: unexpected text after the array, at byte 6",
                "7 #6 invalid_json: expected `,` or `]`, at byte 4",
                "8 #7 invalid_json: expected a value, at byte 4",
                "9 #8 invalid_json: not a JSON array",
                "10 #9 invalid_json: a number may not begin with 0, at byte 2",
                r#"11 #10 {"a":1,"b":2}"#,
                "end, 0 empty",
            ]
        );
        let found = steps(vec![b"[\"a\"]\n[\"\xff\"]\n[1111111]\n[1]".to_vec()], 8, false);
        assert_eq!(
            found,
            [
                "2 #1 invalid_utf8: invalid UTF-8 at byte 3",
                "3 #2 record_too_long: longer than --max-record-bytes (8 bytes)",
                r#"4 #3 {"a":1}"#,
                "end, 0 empty",
            ]
        );
    }

    #[test]
    fn missing_and_extra_values_can_be_ignored() {
        let text = b"[\"a\",\"b\"]\n[]\n[1]\n[1,2,{}]\n".to_vec();
        assert_eq!(
            steps(vec![text], 1 << 20, true),
            ["2 #1 {}", r#"3 #2 {"a":1}"#, r#"4 #3 {"a":1,"b":2}"#, "end, 0 empty",]
        );
    }

    #[test]
    fn the_header_must_be_an_array_of_names() {
        for (header, what) in [
            ("{}", "expected an array, found an object"),
            ("[]", "empty array"),
            ("[1]", "name 1 is a number, not a string"),
            ("[\"a\",\"\"]", "name 2 is empty"),
            ("[\"a\",\"\\u0061\"]", "duplicate name 2"),
            ("[\"\\ud800\",\"\\ud800\"]", "duplicate name 2"),
            ("[\"a\"", "unexpected end of line in array"),
        ] {
            let expected = format!("2 broken: invalid header: {what}");
            assert_eq!(read(&format!("\n{header}\n[1]\n")), [expected]);
        }
        assert_eq!(read(" \n"), ["end, 1 empty"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn how_reads_are_split_does_not_matter(
            lines in prop::collection::vec("[\\[\\],\"1a \\\\]{0,12}", 0..8),
            good in prop::collection::vec(0usize..8, 0..8),
            sizes in prop::collection::vec(1usize..9, 1..6),
            max in prop_oneof![Just(1usize << 20), 8usize..20],
        ) {
            let mut lines = lines;
            for index in good {
                lines.insert(index.min(lines.len()), "[null,\"x\"]".to_owned());
            }
            let text = format!("[\"a\",\"b\"]\n{}", lines.join("\n"));
            let mut sizes = sizes.iter().cycle();
            let mut rest = text.as_bytes();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(sizes.next().map_or(1, |size| (*size).min(rest.len())));
                pieces.push(piece.to_vec());
                rest = more;
            }
            prop_assert_eq!(steps(pieces, max, false), steps(vec![text.into_bytes()], max, false));
        }

        #[test]
        fn null_values_make_no_fields(values in prop::collection::vec(
            prop_oneof![Just("null"), Just("1e400"), Just("\" \\u0000\""), Just("[ null , {} ]"), Just("{\"a\" :1}")], 1..9
        )) {
            let names: Vec<_> = (0..values.len()).map(|index| format!("\"{index}\"")).collect();
            let fields: Vec<_> = names.iter().zip(&values).filter(|(_, value)| **value != "null")
                .map(|(name, value)| format!("{name}:{value}")).collect();
            let text = format!("[{}]\n[ {} ]\n", names.join(","), values.join(" , "));
            prop_assert_eq!(&read(&text)[0], &format!("2 #1 {{{}}}", fields.join(",")));
        }
    }
}
