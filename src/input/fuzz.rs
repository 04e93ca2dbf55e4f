//! Feeds random bytes to every reader, for `BULKIMPORT_TEST_FUZZ_SECONDS` (default: one second).
//! A reader must not panic, loop forever, or return a record that is not a JSON object, and its results must not depend on
//! how reads are split. A failure prints the number of its case; `BULKIMPORT_TEST_FUZZ_CASE` runs only that one.

use super::csv::{Datatype, EmptyCell};
use super::{CsvOptions, Dialect, ReadError, ReadStep, Reader, Source, Window};
use super::{arrays::Arrays, bulk::Bulk, csv::Csv, json_stream::JsonStream, jsonl::Jsonl, jsonl::LineReader};
use crate::json::{Field, Scanner};
use crate::record::{Op, Origin, Record};
use serde_json::value::RawValue;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Maximum length of an input before it is mutated, in bytes.
const MAX_INPUT: usize = 1500;

const SEEDS: [&str; 14] = [
    include_str!("../../testdata/hostile.jsonl"),
    include_str!("../../testdata/films.jsonl"),
    include_str!("../../testdata/films.json"),
    include_str!("../../testdata/films-pretty.json"),
    include_str!("../../testdata/films.csv"),
    include_str!("../../testdata/films.tsv"),
    include_str!("../../testdata/films.arrays"),
    include_str!("../../testdata/films.bulk"),
    include_str!("../../testdata/edges.csv"),
    "a,\"b \"\"c\"\"\",\"d\ne\"\r\n1,\"x\" ,-0.5e3\r2,\"y\"z,null\n\n\"\\\"\",true,007\n",
    "[\"a\",\"b\"]\n[1,null]\n[]\n[{\"x\":[]},\"\\u00e9\"]\n{}\n",
    "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"delete\":{}}\n{\"update\":{}}\n{\"doc\":{}}\n{\"x\":{}}\n{\"y\":1}\n\n{\"create\":1}\n",
    "{\"a\":1}{\"b\":[{}]}\n{\n\"c\" :\"\\ud83d\\ude00\"}\n[1,2.5,true]\n{oops\n{\"d\":-0}",
    "{\"a\":[{\"x\":1},{\"y\":[2]}],\"b\":{\"a\":[3]}}\n{\"b\":1}\n{\"c\":{\"a\":[]},\"a\":[17,NaN,{\"d\":-0}]}\n{\"a\":[{}",
];

const TOKENS: [&[u8]; 32] = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\"",
    b"\"\"",
    b"\\",
    b"\\\"",
    b",",
    b"\t",
    b" ",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"0",
    b"-",
    b"1e400",
    b"\xff",
    b"\xc3",
    b"\xe2\x98\x83",
    b"\xef\xbb\xbf",
    b"\0",
    b"\\u00",
    b"\\ud800",
    b"{\"delete\":{}}\n",
    b"{\"a\":1}\n",
    b"\n\n",
];

/// The generator `splitmix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A range of at most `max` bytes of something of this length.
    fn range(&mut self, length: usize, max: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(max) + 1)
    }

    /// Part of a seed, a little changed.
    fn input(&mut self) -> Vec<u8> {
        let seed = self.one_of(&SEEDS).as_bytes();
        let mut range = self.range(seed.len(), MAX_INPUT);
        if self.below(2) == 0 {
            range = 0..seed.len().min(range.len());
        }
        let mut text = seed[range].to_vec();
        for _ in 0..self.one_of(&[0, 1, 2, 4, 16, 64]) {
            self.mutate(&mut text);
        }
        text
    }

    fn mutate(&mut self, text: &mut Vec<u8>) {
        match self.below(5) {
            0 => {
                let index = self.below(text.len() + 1);
                let token = self.one_of(&TOKENS);
                text.splice(index..index, token.iter().copied());
            }
            1 => {
                let range = self.range(text.len(), 30);
                text.drain(range);
            }
            2 => {
                let range = self.range(text.len(), 60);
                let copy = text[range].to_vec();
                let index = self.below(text.len() + 1);
                text.splice(index..index, copy);
            }
            3 => {
                let seed = self.one_of(&SEEDS).as_bytes();
                let range = self.range(seed.len(), 100);
                let index = self.below(text.len() + 1);
                text.splice(index..index, seed[range].iter().copied());
            }
            _ if text.is_empty() => {}
            _ => {
                let index = self.below(text.len());
                text[index] ^= 1 << self.below(8);
            }
        }
    }

    /// The bytes in pieces, small ones or large ones.
    fn cut(&mut self, text: &[u8]) -> Vec<Vec<u8>> {
        let max = self.one_of(&[1, 3, 20, 300]);
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at((1 + self.below(max)).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = more;
        }
        pieces
    }

    fn csv_options(&mut self) -> CsvOptions {
        let datatypes = [Datatype::String, Datatype::Number, Datatype::Boolean, Datatype::Null, Datatype::Json];
        let headers = self.below(3) == 0;
        CsvOptions {
            separator: self.one_of(&[None, None, Some(b';'), Some(b' '), Some(0xc3)]),
            quote: self.one_of(&[None, None, Some(None), Some(Some(b'\'')), Some(Some(b'"'))]),
            backslash_escape: self.below(3) == 0,
            headers: headers.then(|| ["p", "q", "r"].map(str::to_owned).to_vec()),
            keep_strings: self.below(4) == 0,
            datatypes: if headers { vec![("q".to_owned(), self.one_of(&datatypes))] } else { Vec::new() },
            empty: self.one_of(&[EmptyCell::Omit, EmptyCell::Null, EmptyCell::String]),
            ignore_missing: self.below(2) == 0,
            merged: Vec::new(),
            string_columns: Vec::new(),
            ..CsvOptions::default()
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum ReaderKind {
    Jsonl,
    Json,
    RecordsInLines,
    RecordsInJson,
    Csv,
    Tsv,
    Arrays,
    Bulk,
}

fn reader(kind: ReaderKind, pieces: Vec<Vec<u8>>, max: usize, options: &CsvOptions) -> Box<dyn Reader> {
    let window = Window::new(Source::Pieces(pieces));
    match kind {
        ReaderKind::Jsonl => Box::new(Jsonl::new(LineReader::new(window, 0, 0, max))),
        ReaderKind::Json => Box::new(JsonStream::new(window, Origin { line: 1, ..Origin::default() }, max)),
        ReaderKind::RecordsInLines | ReaderKind::RecordsInJson => {
            let stream = JsonStream::new(window, Origin { line: 1, ..Origin::default() }, max);
            Box::new(stream.inside("a", matches!(kind, ReaderKind::RecordsInLines)))
        }
        ReaderKind::Csv => Box::new(Csv::new(window, 0, 0, max, options, Dialect::csv(options))),
        ReaderKind::Tsv => Box::new(Csv::new(window, 0, 0, max, options, Dialect::tsv(options))),
        ReaderKind::Arrays => Box::new(Arrays::new(LineReader::new(window, 0, 0, max), options)),
        ReaderKind::Bulk => Box::new(Bulk::new(LineReader::new(window, 0, 0, max))),
    }
}

/// Checks with serde_json that a text is one object, and that its fields are at the given ranges.
fn check_object(text: &str, fields: &[Field]) {
    let value: &RawValue = serde_json::from_str(text).expect("JSON");
    assert!(value.get() == text && text.starts_with('{'), "{text}");
    let mut scanner = Scanner::default();
    assert_eq!(scanner.object(text.as_bytes()), Ok(text.len()), "{text}");
    assert_eq!(scanner.fields(), fields, "{text}");
}

fn check_record(record: &Record<'_>) {
    if let Some(command) = record.command {
        check_object(&command.meta, &command.fields);
        if command.op == Op::Delete {
            assert!(record.text.is_empty() && record.fields.is_empty());
            return;
        }
    }
    check_object(record.text, record.fields);
}

/// Checks that a record comes after the previous one.
fn check_origin(origin: Origin, before: Option<Origin>, length: usize) {
    assert!(origin.line > 0 && origin.offset < length as u64, "{origin:?} of {length} bytes");
    let Some(before) = before else { return assert_eq!(origin.record, 1) };
    assert_eq!(origin.record, before.record + 1, "{before:?}, {origin:?}");
    assert!(origin.offset > before.offset && origin.line >= before.line, "{before:?}, {origin:?}");
}

/// What a reader returns, one line per step, when it is asked for one step at a time or for all at once. A record has at
/// least one byte, which bounds their number.
fn steps(mut reader: Box<dyn Reader>, length: usize, step_by_step: bool) -> Vec<String> {
    let (mut steps, mut before, mut ended, mut empty) = (Vec::new(), None, false, 0);
    let mut record = |step: ReadStep<'_>| {
        let origin = match step {
            ReadStep::Record(record) => {
                check_record(&record);
                let meta = record.command.map(|command| (command.op, command.meta.as_str()));
                steps.push(format!("{:?} {meta:?} {} {:?}", record.origin, record.text, record.nulls));
                record.origin
            }
            ReadStep::Bad(bad) => {
                steps.push(format!("{:?} {:?}", bad.origin, bad.reason));
                bad.origin
            }
            ReadStep::Empty => {
                empty += 1;
                return true;
            }
            ReadStep::Header { .. } | ReadStep::Format(_) => return true,
            ReadStep::Idle => panic!("no source is idle here"),
            ReadStep::End => {
                ended = true;
                return false;
            }
        };
        check_origin(origin, before, length);
        before = Some(origin);
        assert!(steps.len() <= length, "more records than bytes");
        true
    };
    let result = loop {
        let mut wants_more = false;
        let result = reader.each(&mut |step| {
            wants_more = record(step);
            wants_more && !step_by_step
        });
        if result.is_err() || !wants_more {
            break result;
        }
    };
    match result {
        Ok(()) => assert!(ended),
        Err(ReadError { origin, text, .. }) => steps.push(format!("{origin:?} stops: {text}")),
    }
    if ended {
        steps.push(format!("end, {} empty", empty));
    }
    steps
}

fn try_case(case: u64) {
    let mut random = Random(case);
    let text = random.input();
    let kind = random.one_of(&[
        ReaderKind::Jsonl,
        ReaderKind::Json,
        ReaderKind::RecordsInLines,
        ReaderKind::RecordsInJson,
        ReaderKind::Csv,
        ReaderKind::Tsv,
        ReaderKind::Arrays,
        ReaderKind::Bulk,
    ]);
    let max = random.one_of(&[1 << 20, 1 << 20, 10, 50, 200]);
    let options = random.csv_options();
    let whole = steps(reader(kind, vec![text.clone()], max, &options), text.len(), true);
    for step_by_step in [true, false, false] {
        let pieces = random.cut(&text);
        let in_pieces = steps(reader(kind, pieces, max, &options), text.len(), step_by_step);
        assert_eq!(in_pieces, whole, "{kind:?} of {:?}", String::from_utf8_lossy(&text));
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a variable of this test is a number"))
}

#[test]
fn random_bytes_never_break_a_reader() {
    if let Some(case) = number("BULKIMPORT_TEST_FUZZ_CASE") {
        return try_case(case);
    }
    let end = Instant::now() + Duration::from_secs(number("BULKIMPORT_TEST_FUZZ_SECONDS").unwrap_or(1));
    let mut case = RandomState::new().hash_one("the first case");
    while Instant::now() < end {
        case = case.wrapping_add(1);
        let ran = catch_unwind(AssertUnwindSafe(|| try_case(case)));
        assert!(ran.is_ok(), "run it again with BULKIMPORT_TEST_FUZZ_CASE={case}");
    }
}
