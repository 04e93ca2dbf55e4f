//! Checks the raw text that errors carry, with whole runs into a store.

use super::*;
use crate::batch::Batch;
use crate::config::{Config, Request, parse};
use crate::sink::{Durable, Log, Reject, targets};
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// A piece of an input.
enum InputPart {
    /// Not a record, or a record that is stored.
    Good(Vec<u8>),
    /// A record that is an error.
    Bad(Vec<u8>),
    /// A record longer than `--max-record-bytes`. Its raw text is not kept.
    Long(Vec<u8>),
}

fn good(text: impl Into<Vec<u8>>) -> InputPart {
    InputPart::Good(text.into())
}

fn bad(text: impl Into<Vec<u8>>) -> InputPart {
    InputPart::Bad(text.into())
}

/// A record in which `LONG` is replaced by this many bytes.
fn long(record: &str, count: usize) -> InputPart {
    InputPart::Long(record.replace("LONG", &"x".repeat(count)).into_bytes())
}

fn plan(line: &str, files: &[&Path], keeps_raw: bool) -> Plan {
    let argv = ["bulkimport"].into_iter().chain(line.split_whitespace()).map(OsString::from);
    let argv: Vec<_> = argv.chain(files.iter().map(|path| path.as_os_str().to_owned())).collect();
    let config: Config = match parse(&argv, &[]).expect(line) {
        Request::Run(config) => *config,
        Request::Print(text) => panic!("{text}"),
    };
    let options = InputOptions { keeps_raw, ..config.input };
    let inputs = crate::input::open(&config.files, &options).expect(line);
    let stop = Stop::default();
    let opened = targets::open(config.target, &config.wanted, &stop, &mut |_| {}).expect(line);
    let op = config.wanted.op();
    Plan {
        inputs: inputs.list,
        names: Vec::new(),
        edges: Vec::new(),
        before: ReadEnd::default(),
        options,
        limit: None,
        shaper: Shaper::new(config.shape, None),
        decider: Decider::new(op, config.wanted.key, opened.rules, "run-".to_owned(), config.wanted.collection),
        limits: config.limits,
        sinks: opened.sinks,
        meter: Meter::default(),
        stop,
        wishes: OutcomeWishes { rejects: true, unsent: true, ..OutcomeWishes::default() },
        unique: Vec::new(),
        min_records: None,
        pace: None,
        resume: None,
    }
}

/// The errors of a run in the order of their records: the type and the raw text.
fn errors(plan: Plan) -> Vec<(String, Vec<u8>)> {
    let mut failures = Vec::new();
    start(plan, |inbox| {
        for message in inbox {
            match message {
                Message::Outcome(outcome) => failures.extend(outcome.rejects),
                Message::Stopped(error) => panic!("{error:?}"),
                Message::Read(end) => assert!(end.broken.is_none(), "{end:?}"),
                Message::Note(_) | Message::Header(..) | Message::Settled(_) => {}
            }
        }
    });
    failures.sort_by_key(|failure| failure.origin);
    let kind = |failure: &Reject| failure.reason.as_ref().map_or(String::new(), |reason| reason.kind.to_string());
    failures.into_iter().map(|failure| (kind(&failure), failure.raw)).collect()
}

/// Imports these pieces into a store that has a document "dup". The errors must have the exact raw text of each bad piece if
/// raw text is wanted, and none if it is not.
fn check(name: &str, flags: &str, pieces: &[InputPart], pack: fn(&[u8]) -> Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, file) = (folder.path().join("first.jsonl"), folder.path().join(name));
    fs::write(&first, "{\"_key\":\"dup\",\"title\":1}\n").expect("a file");
    let all = pieces
        .iter()
        .flat_map(|(InputPart::Good(text) | InputPart::Bad(text) | InputPart::Long(text))| text.clone())
        .collect::<Vec<u8>>();
    fs::write(&file, pack(&all)).expect("a file");
    for keeps_raw in [true, false] {
        let store = folder.path().join(format!("{keeps_raw}.db"));
        let line = format!("--to {} -c p", store.display());
        assert_eq!(errors(plan(&line, &[&first], false)), []);
        let found = errors(plan(&format!("{line} {flags}"), &[&file], keeps_raw));
        let bad = pieces.iter().filter_map(|piece| match piece {
            InputPart::Good(_) => None,
            InputPart::Bad(text) if keeps_raw => Some(text.clone()),
            _ => Some(Vec::new()),
        });
        let text = |raw: &Vec<u8>| String::from_utf8_lossy(raw).chars().take(80).collect::<String>();
        let shown: Vec<_> = found.iter().map(|(kind, raw)| (kind, text(raw))).collect();
        assert!(found.iter().map(|(_, raw)| raw.clone()).eq(bad), "{name}, {keeps_raw}: {shown:#?}");
    }
}

const SHAPED: &str = "--key sku --translate name=title --remove-attribute x --max-record-bytes 400K";

#[test]
fn the_raw_text_of_lines() {
    let pieces = [
        good("{\"sku\":\"a\",\"name\":1,\"x\":2}\n\n  "),
        bad("{ \"sku\": \"dup\",\t\"name\":1.0, \"x\": 2 }"),
        good(" \r\n"),
        bad("{\"name\":\"no key\",\"x\":1}"),
        good("\n"),
        long("{\"sku\":\"LONG\"}", 500_000),
        good("\n"),
        bad("{\"sku\":\"b\","),
        good("\n"),
        bad("[1]"),
        good("\n"),
        bad(b"{\"sku\":\"\xff\"}"),
        good("\n"),
        bad("{\"sku\":\"c\",\"name\":1,\"title\":2}"),
        good("\n{\"sku\":\"d\"}\n"),
        bad("{\"sku\":\"d\"}"),
    ];
    check("in.jsonl", SHAPED, &pieces, <[u8]>::to_vec);
    check("in.jsonl.gz", SHAPED, &pieces, |text| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).expect("memory");
        packed.finish().expect("memory")
    });
}

#[test]
fn the_raw_text_of_elements_and_of_objects_one_after_another() {
    let duplicate = "{\n  \"sku\": \"dup\",\n  \"name\": {\n\"x\":[]}\n}";
    let array = [
        good("[\n{\"sku\":\"a\"} , "),
        bad(duplicate),
        good(" ,\n"),
        bad("{ }"),
        good(","),
        long("{\"sku\":\"LONG\"}", 500_000),
        good(","),
        bad("\"text\""),
        good(", "),
        bad(b"{\"sku\":\"\xff\"}"),
        good("\n]\n"),
    ];
    check("in.json", SHAPED, &array, <[u8]>::to_vec);
    let broken = format!("{{\"sku\": not, \"x\":\"{}\"}}", "x".repeat(300_000));
    let stream = [
        good("{\n\"sku\":\"a\"\n}\n"),
        bad(duplicate),
        good("\n"),
        bad("{\"sku\": not JSON }"),
        good(" \r\n"),
        bad(broken),
        good("\n"),
        long("{\"sku\": not LONG }", 500_000),
        good("\n"),
        long("{\"sku\":\"LONG\"}", 500_000),
        good("\n"),
        bad("{\n}"),
        good("{\"sku\":\"b\"}\n"),
        bad("{\"sku\":"),
    ];
    check("in.json", SHAPED, &stream, <[u8]>::to_vec);
}

#[test]
fn the_raw_text_of_rows() {
    let pieces = |separator: &str, quote: &str| {
        let row = |row: &str| row.replace(',', separator).replace('"', quote);
        [
            good(row("sku,name,x\r\na,1,2\n")),
            bad(row("dup,\"two\r\nlines, \"\"quoted\"\"\",\" 2\"")),
            good("\r\n\r\n"),
            bad(row(",\"no\nkey\",")),
            good("\n"),
            bad(row("b,\"text\" behind,3")),
            good("\n"),
            bad(row("c,1")),
            good("\n"),
            bad(row(&format!("dup,\"{}\n\",2", "long ".repeat(1 << 20)))),
            good("\n"),
            long(&row("a,LONG,"), 7 << 20),
            good("\n"),
            bad([row("d,").as_bytes(), b"\xff", row(",1").as_bytes()].concat()),
            good(row("\ne,1,2\n")),
            bad(row("dup,,")),
        ]
    };
    let flags = SHAPED.replace("400K", "6M");
    check("in.csv", &flags, &pieces(",", "\""), <[u8]>::to_vec);
    check("in.tsv", &format!("{flags} --quote '"), &pieces("\t", "'"), <[u8]>::to_vec);
}

#[test]
fn the_raw_text_of_arrays() {
    let pieces = [
        good("[\"sku\",\"name\",\"x\"]\n[\"a\",1,2]\n  "),
        bad("[ \"dup\" , 1.0,2 ]"),
        good("\r\n"),
        bad("[null,1,2]"),
        good("\n"),
        bad("[\"b\"]"),
        good("\n"),
        long("[\"LONG\"]", 500_000),
        good("\n"),
        bad("[\"c\",1,"),
        good("\n"),
        bad("{}"),
        good("\n"),
    ];
    check("in.arrays", &format!("-t arrays {SHAPED}"), &pieces, <[u8]>::to_vec);
}

#[test]
fn the_raw_text_of_bulk_lines_has_the_action_too() {
    let pieces = [
        good("{\"index\":{\"_id\":\"a\"}}\n{\"a\":1}\n"),
        bad("{ \"create\" : {\"_id\":\"dup\"} }\n{\"a\": 1.0}"),
        good("\n{\"delete\":{\"_id\":\"none\"}}\n"),
        bad("{\"update\":{\"_id\":\"none\"}}\n{\"doc\":{}}"),
        good("\n"),
        bad("{\"delete\":{}}"),
        good("\n"),
        bad("{\"index\":{\"nonsense\":1}}\n{}"),
        good("\n"),
        bad("{\"index\":{\"_id\":\"b\"}}\n[1]"),
        good("\n"),
        bad("{\"index\":{\"_id\":\"c\"}}"),
        good("\n\n"),
        bad("{\"delete\":[]}"),
        good("\n"),
        long("{\"create\":{}}\n{\"a\":\"LONG\"}", 500_000),
        good("\n"),
        long("{\"create\":\"LONG\"}\n{}", 500_000),
        good("\n"),
        bad("{\"index\":{},\"x\":1}\n{\"a\":1}"),
        good("\n"),
        bad("{\"Index\":{}}\n{\"a\":2}"),
        good("\n"),
        long("{\"Index\":{}}\n{\"a\":\"LONG\"}", 500_000),
        good("\n"),
        bad("{\"create\":{}}"),
    ];
    check("in.ndjson", "-t bulk --max-record-bytes 400K", &pieces, <[u8]>::to_vec);
}

/// A sink with a bug.
struct Broken;

impl Sink for Broken {
    fn apply(&mut self, _: &Batch, _: &mut Ledger, _: Log<'_>) -> Result<Durable, SinkError> {
        panic!("a bug")
    }
}

#[test]
fn a_thread_that_panics_stops_the_run_and_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("in.jsonl");
    fs::write(&file, "{\"_key\":\"a\"}\n").expect("a file");
    let line = format!("--to {} -c p --dry-run", folder.path().join("x.db").display());
    let plan = Plan { sinks: vec![Box::new(Broken)], ..plan(&line, &[&file], false) };
    let mut seen = Vec::new();
    start(plan, |inbox| seen.extend(inbox.iter().map(|message| format!("{message:?}"))));
    assert!(seen.iter().any(|message| message.contains("a bug in bulkimport ended the thread lane-0")), "{seen:?}");
}
