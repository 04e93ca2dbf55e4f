//! `--rejects`: the file holds what is not stored, and nothing else, and it is valid input again.

use crate::support::{Place, Ran, testdata};
use crate::wire::{Harm, Reply, Request, Wire, created, documents, duplicate, unfit};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};

/// The lines of a file of rejects, each JSON; `doc` and `raw` are as they are written there.
fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(name)).expect("the rejects");
    let line = |line: &str| {
        let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(line).expect("JSON");
        let about: Value = serde_json::from_str(fields["_reject"].get()).expect("JSON");
        let written = |name: &str| fields.get(name).map(|value| value.get());
        json!({"_reject": about, "doc": written("doc"), "raw": written("raw")})
    };
    text.lines().map(line).collect()
}

/// Asserts that a run has written each record that is not stored once.
#[track_caller]
fn are_all(ran: &Ran, rejects: &[Value]) {
    let lost = ran.count("errors") + ran.count("unknown") + ran.count("unsent");
    assert_eq!(rejects.len() as u64, lost, "{}\n{rejects:#?}", ran.stderr);
    let place = |line: &Value| {
        let about = &line["_reject"];
        (about["file"].to_string(), about["record"].as_u64())
    };
    let mut places: Vec<_> = rejects.iter().map(place).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), rejects.len(), "{rejects:#?}");
    assert_eq!(ran.summary["rejects"]["records"].as_u64(), Some(lost));
}

/// An input of a thousand records, of which 40 are bad in five ways, and how to repair the file of its rejects.
struct Case {
    name: &'static str,
    flags: &'static [&'static str],
    head: &'static str,
    tail: &'static str,
    between: &'static str,
    good: fn(u32) -> String,
    /// Bad in a way that shows in its text: what to replace, and by what.
    bad: [(&'static str, &'static str); 4],
    /// The mark that each bad way leaves in the rejects, and its repair.
    fixed: [(&'static str, &'static str); 4],
    /// Record `n` with the key of the first one, and how to give it its own key.
    first: fn(u32) -> String,
}

const CASES: [Case; 5] = [
    Case {
        name: "in.jsonl",
        flags: &["--key", "id"],
        head: "",
        tail: "",
        between: "\n",
        good: |n| format!("{{\"id\":\"k{n}\",\"n\":{n},\"t\":\"x\"}}"),
        bad: [
            ("\"n\":", "\"n\":BAD"),
            ("\"x\"", "\"x\u{1a}\""),
            ("{\"id\"", "{\"Xid\""),
            ("\"t\":\"x\"", "\"t\":\"x\"]"),
        ],
        fixed: [("BAD", ""), ("\\u001a", ""), ("Xid", "id"), ("]}", "}")],
        first: |n| format!("{{\"id\":\"k0\",\"n\":{n},\"t\":\"x\"}}"),
    },
    Case {
        name: "in.json",
        flags: &["--key", "id", "-t", "json"],
        head: "[\n",
        tail: "\n]\n",
        between: ",\n",
        good: |n| format!("{{\"id\":\"k{n}\",\"n\":{n},\"t\":\"x\"}}"),
        bad: [("\"n\":", "\"n\":BAD"), ("\"x\"", "\"x\u{1a}\""), ("{\"id\"", "{\"Xid\""), ("\"t\":\"x\"", "\"t\":01")],
        fixed: [("BAD", ""), ("\\u001a", ""), ("Xid", "id"), ("\\\"t\\\":01", "\\\"t\\\":\\\"x\\\"")],
        first: |n| format!("{{\"id\":\"k0\",\"n\":{n},\"t\":\"x\"}}"),
    },
    Case {
        name: "in.csv",
        flags: &["--key", "id"],
        head: "id,n,t\n",
        tail: "\n",
        between: "\n",
        good: |n| format!("k{n},{n},x"),
        bad: [(",x", ",x,BAD"), (",x", ",\"x\"BAD"), ("k", ",LESSk"), (",x", "")],
        fixed: [(",BAD", ""), ("\\\"x\\\"BAD", "x"), (",LESS", ""), ("\"}\n", ",x\"}\n")],
        first: |n| format!("k0,{n},x"),
    },
    Case {
        name: "in.arrays",
        flags: &["--key", "id", "-t", "arrays"],
        head: "[\"id\",\"n\",\"t\"]\n",
        tail: "\n",
        between: "\n",
        good: |n| format!("[\"k{n}\",{n},\"x\"]"),
        bad: [("]", ",\"BAD\"]"), ("\"x\"]", "\"x\""), ("[\"k", "[\"\",\"LESSk"), ("\"x\"", "BAD")],
        fixed: [
            (",\\\"BAD\\\"", ""),
            ("\\\"x\\\"\"}", "\\\"x\\\"]\"}"),
            ("\\\"\\\",\\\"LESS", "\\\""),
            (",BAD]", ",\\\"x\\\"]"),
        ],
        first: |n| format!("[\"k0\",{n},\"x\"]"),
    },
    Case {
        name: "in.ndjson",
        flags: &["-t", "bulk"],
        head: "",
        tail: "\n",
        between: "\n",
        good: |n| format!("{{\"create\":{{\"_id\":\"k{n}\"}}}}\n{{\"n\":{n},\"t\":\"x\"}}"),
        bad: [
            ("\"n\":", "\"n\":BAD"),
            ("\"create\"", "\"Create\""),
            ("\"}}", "\",\"BADMETA\":1}}"),
            ("{\"n\"", "[\"n\""),
        ],
        fixed: [("BAD", ""), ("{\"Create\"", "{\"create\""), (",\"BADMETA\":1", ""), ("\\n[", "\\n{")],
        first: |n| format!("{{\"create\":{{\"_id\":\"k0\"}}}}\n{{\"n\":{n},\"t\":\"x\"}}"),
    },
];

impl Case {
    /// Its text: every 25th record is bad, by turns in the five ways.
    fn text(&self, is_good: bool) -> String {
        let record = |n: u32| {
            let good = (self.good)(n);
            match (n % 25, (n / 25 % 5) as usize) {
                (24, _) if is_good => good,
                (24, 4) => (self.first)(n),
                (24, way) => good.replacen(self.bad[way].0, self.bad[way].1, 1),
                _ => good,
            }
        };
        let records: Vec<String> = (0..1000).map(record).collect();
        [self.head, &records.join(self.between), self.tail].concat()
    }

    /// The rejects with all mistakes corrected.
    fn repaired(&self, rejects: &str) -> String {
        let fix = |line: &str| {
            let line = format!("{line}\n");
            let about: Value = serde_json::from_str(&line).expect("JSON");
            let number = about["_reject"]["record"].as_u64().expect("a record") as u32 - 1;
            let way = (number / 25 % 5) as usize;
            let (about, record) = line.split_once("},").unwrap_or((&line, ""));
            match (way, self.name) {
                (4, "in.ndjson") => line.replacen("\"_id\":\"k0\"", &format!("\"_id\":\"k{number}\""), 1),
                (4, _) => line.replacen("k0", &format!("k{number}"), 2).replacen(
                    &format!("duplicate key \\\"k{number}"),
                    "k0",
                    1,
                ),
                (2, "in.ndjson") | (1, "in.ndjson") => line.replacen(self.fixed[way].0, self.fixed[way].1, 1),
                (way, _) => {
                    let (mark, repair) = self.fixed[way];
                    format!("{about}}},{}", record.replacen(mark, repair, 1))
                }
            }
        };
        rejects.lines().map(fix).collect()
    }
}

fn keyed(place: &Place) -> BTreeMap<String, String> {
    place.rows("c").into_iter().map(|row| (row.key, row.doc)).collect()
}

#[test]
fn rejects_that_are_repaired_complete_the_import_in_every_format() {
    for case in &CASES {
        let whole = Place::new();
        whole.import_text(case.name, case.text(true), case.flags).expect(0, [1000, 0, 0, 0]);
        let place = Place::new();
        let flags = [case.flags, &["--rejects", "r.ndjson"]].concat();
        let ran = place.import_text(case.name, case.text(false), &flags);
        assert_eq!((ran.code, ran.counts()), (1, [960, 40, 0, 0]), "{}: {}", case.name, ran.stderr);
        are_all(&ran, &lines(&place, "r.ndjson"));
        let rejects = std::fs::read_to_string(place.path("r.ndjson")).expect("rejects");
        place.file("fixed", case.repaired(&rejects));
        let ran = place.import(&[case.flags, &["--rejects", "again", "fixed"]].concat());
        let again = std::fs::read_to_string(place.path("again")).expect("rejects");
        assert_eq!((ran.code, ran.counts()), (0, [40, 0, 0, 0]), "{}: {}\n{again}", case.name, ran.stderr);
        assert_eq!(again, "");
        assert_eq!(keyed(&place), keyed(&whole), "{}", case.name);
    }
}

/// Inputs with mistakes of all kinds.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let bytes = |name: &str| std::fs::read(testdata(name)).expect("testdata");
    let long = format!("{{\"_key\":\"long\",\"v\":\"{}\"}}\n", "x".repeat(9000));
    vec![
        ("a.jsonl", bytes("hostile.jsonl"), &[]),
        ("a.jsonl", [bytes("hostile.jsonl"), bytes("hostile.jsonl")].concat(), &[]),
        ("a.jsonl", [&b"{\"a\":\"\xff\xfe\"}\n\xed\xa0\x80\n\0\n[]\n1\n\"\\ud800\"\n{\"a\":\n1]\n{}{}\n"[..], long.as_bytes()].concat(), &["--max-record-bytes", "8k"]),
        ("a.json", b"[{\"_key\":\"a\"},\n {\"_key\":\n\"a\"}, 5, {bad}, {\"_key\":[]}, {\"a\":\"\xff\"}]".to_vec(), &["-t", "json"]),
        ("a.json", b"{\"h\":[{\"a\":1},2]}\n{\"h\":1}\n{}\n{\"h\":[{\"_key\":{}}]}".to_vec(), &["-t", "json", "--records", "h"]),
        ("a.jsonl", b"{\"_id\":\"a\",\"d\":{\"x\":1}}\n{\"_id\":\"a\",\"d\":{\"x\":2}}\n{\"_id\":\"b\"}\n".to_vec(), &["--doc", "d"]),
        ("a.csv", b"_key,\"a\nb\",\xc3\xa9\r\n1,\"x\r\ny\",\"\"\"\"\r\n1,2\r\n1,2,3,4\r\n\"1\"x,2,3\r\n\xff,1,2\r\n1,a\rb,c\r\n".to_vec(), &[]),
        ("a.csv", b"sep=;\n_key;a\n1;2\n1;3\nx\n".to_vec(), &[]),
        ("a.tsv", b"_key\ta.b\ta.c\nk\t1\t\"2\nk\t1\t2\nk\n".to_vec(), &["--nested"]),
        ("a", b"[\"_key\",\"\\u0061\"]\n[\"k\",1.0]\n[\"k\" , 2]\n[1\n{}\n[1,2,3]\n".to_vec(), &["-t", "arrays"]),
        ("a", b"{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"create\":{\"_id\":\"1\"}}\n{\"a\": 2.0}\n{\"update\":{\"_id\":\"9\"}}\n{\"doc\":{}}\n{\"delete\":{}}\n{\"x\":1}\n{\"a\":\"\xff\"}\n{\"index\":{}}\n\n{\"index\":{}}\n[]\n{\"index\":{}}".to_vec(), &["-t", "bulk"]),
    ]
}

/// What a line is about, whatever was wrong with it.
fn record_of(line: &Value) -> Value {
    let about = &line["_reject"];
    json!([
        about["file"],
        about["line"],
        about["record"],
        about["format"],
        about["header"],
        about["action"],
        line["doc"],
        line["raw"]
    ])
}

#[test]
fn no_record_is_missing_and_none_is_written_twice() {
    let modes: [&[&str]; 6] = [
        &[],
        &["--dry-run"],
        &["--complete"],
        &["--on-duplicate", "update"],
        &["--delete-keys"],
        &["--batch-size", "1"],
    ];
    for (name, text, flags) in hostile() {
        for mode in modes {
            if flags.contains(&"bulk") && mode.iter().any(|flag| ["--delete-keys", "--on-duplicate"].contains(flag)) {
                continue;
            }
            let place = Place::new();
            let ran = place.import_text(name, &text, &[flags, mode, &["--rejects", "r"]].concat());
            let rejects = lines(&place, "r");
            let is_dry = mode == ["--dry-run"];
            if is_dry {
                assert_eq!(rejects.len() as u64, ran.count("errors"), "{name} {mode:?}");
            } else {
                are_all(&ran, &rejects);
            }
            if rejects.is_empty() {
                continue;
            }
            // Nothing is changed: each is an error as before, unless it was good and only not stored.
            let again = place.import(&[flags, mode, &["--rejects", "r2", "r"]].concat());
            let is_all = ran.count("unsent") == 0 || is_dry;
            let twice = lines(&place, "r2");
            assert_eq!(again.count("read"), rejects.len() as u64, "{name} {mode:?} {}", again.stderr);
            if is_all && mode != ["--delete-keys"] {
                assert_eq!(again.count("errors"), ran.count("errors"), "{name} {mode:?} {}", again.stderr);
                let sorted = |lines: &[Value]| {
                    let mut all: Vec<String> = lines.iter().map(|line| record_of(line).to_string()).collect();
                    all.sort();
                    all
                };
                assert_eq!(sorted(&twice), sorted(&rejects), "{name} {mode:?}");
            }
        }
    }
}

/// A server that stores documents for so many requests, and then fails in some way. Returns the keys that it has.
fn leaving(wire: &Wire, requests: usize, fail: fn() -> Reply) -> Arc<Mutex<Vec<String>>> {
    let stored: Arc<Mutex<Vec<String>>> = Arc::default();
    let shared = stored.clone();
    let seen = Mutex::new(0);
    wire.standing("POST", "/c/_bulk", move |request: &Request| {
        let mut seen = seen.lock().expect("no panic");
        *seen += 1;
        if *seen > requests {
            return fail();
        }
        shared.lock().expect("no panic").extend(request.ids());
        Reply::bulk(request, &vec![created(); request.ids().len()])
    });
    stored
}

#[test]
fn what_a_server_that_leaves_for_good_has_not_stored_is_in_the_rejects() {
    for (fail, bucket) in [
        ((|| Reply::new(503)) as fn() -> Reply, "unsent"),
        (|| Reply::new(200).harm(Harm::CloseAfterReading), "unknown"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        let stored = leaving(&wire, 3, fail);
        let text: String = (0..2000).map(|n| format!("{{\"_id\":\"{n}\",\"n\":{n}.0}}\n")).collect();
        place.file("in.jsonl", &text);
        let to = wire.to();
        let limits = ["--batch-size", "100", "-j", "2", "--retries", "1", "--retry-max-time", "2s", "--timeout", "5s"];
        let ran = place.import(&[&["--to", &to, "--rejects", "r"], &limits[..], &["in.jsonl"]].concat());
        assert_eq!((ran.code, ran.count("read")), (4, 2000), "{}", ran.stderr);
        let rejects = lines(&place, "r");
        are_all(&ran, &rejects);
        assert!(rejects.iter().any(|line| line["_reject"]["counted"] == bucket), "{}", ran.summary);
        let mut all: Vec<String> = stored.lock().expect("no panic").clone();
        all.extend(rejects.iter().filter_map(|line| {
            let doc: Value = serde_json::from_str(line["doc"].as_str()?).ok()?;
            Some(doc["_id"].as_str()?.to_owned())
        }));
        all.sort_by_key(|key| key.parse::<u32>().ok());
        assert_eq!(all, (0..2000).map(|n| n.to_string()).collect::<Vec<_>>());
        // Documents come back out byte for byte.
        let raw = std::fs::read_to_string(place.path("r")).expect("rejects");
        let docs = raw.lines().filter_map(|line| line.split_once(",\"doc\":")?.1.strip_suffix('}'));
        assert!(docs.clone().count() == rejects.len() && docs.clone().all(|doc| text.contains(doc)));
        wire.forgive();
    }
}

/// A record without a key has a generated one, under which it may be stored.
#[test]
fn unknown_records_keep_their_generated_keys() {
    let (place, lost, well) = (Place::new(), Wire::start(), Wire::start());
    lost.standing("POST", "/c/_bulk", |_| Reply::new(200).harm(Harm::CloseAfterReading));
    place.file("in.jsonl", "{\"n\":1}\n{\"n\":2}\n");
    let patience = ["--retries", "1", "--retry-max-time", "2s", "--timeout", "5s"];
    let ran = place.import(&[&["--to", &lost.to(), "--rejects", "r"], &patience[..], &["in.jsonl"]].concat());
    assert_eq!((ran.code, ran.count("unknown")), (4, 2), "{}", ran.stderr);
    let rejects = lines(&place, "r");
    are_all(&ran, &rejects);
    let keys: Vec<String> =
        rejects.iter().map(|line| line["_reject"]["key"].as_str().expect("a key").to_owned()).collect();
    assert!(rejects.iter().all(|line| line["_reject"]["attempts"].as_u64() > Some(1)), "{rejects:#?}");
    let stored = leaving(&well, 1, || panic!("one request is enough"));
    place.import(&["--to", &well.to(), "r"]).expect(0, [2, 0, 0, 0]);
    assert_eq!(*stored.lock().expect("no panic"), keys);
    lost.forgive();
    well.forgive();
}

#[test]
fn what_a_server_refuses_has_its_status() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), unfit(), duplicate()]);
    place.file("in.jsonl", documents(3));
    let ran = place.import(&["--to", &wire.to(), "--rejects", "r", "in.jsonl"]);
    ran.expect(1, [1, 2, 0, 0]);
    wire.done();
    let about = |line: &Value| json!([line["_reject"]["status"], line["_reject"]["type"], line["_reject"]["attempts"]]);
    let found: Vec<Value> = lines(&place, "r").iter().map(about).collect();
    assert_eq!(found, [json!([400, "mapper_parsing_exception", 1]), json!([409, "duplicate_key", 1])]);
}

#[test]
fn rejects_of_several_collections_return_to_them() {
    let place = Place::new();
    place.file("one.jsonl", "{\"_key\":\"a\"}\n{\"_key\":BAD\"b\"}\n");
    place.file("two.csv", "_key,n\nx,1\ny\n");
    place.run(&["--rejects", "r", "one.jsonl", "two.csv"]).expect(1, [2, 2, 0, 0]);
    let text = std::fs::read_to_string(place.path("r")).expect("rejects");
    place.file("fixed.ndjson", text.replace("BAD", "").replace("\"y\"", "\"y,2\""));
    let ran = place.run(&["--rejects", "r2", "fixed.ndjson"]);
    ran.expect(0, [2, 0, 0, 0]);
    assert_eq!(place.rows("one").len() + place.rows("two").len(), 4);
    assert_eq!(place.rows("two")[1].doc, "{\"_key\":\"y\",\"n\":2}");
}

#[test]
fn flags_for_the_earlier_input_are_left_aside() {
    let place = Place::new();
    place.file("in.txt", "preamble\nk,1\nk2\n");
    let flags = [
        "--headers",
        "_key,n",
        "-t",
        "csv",
        "--skip-lines",
        "1",
        "--limit",
        "9",
        "--min-records",
        "2",
        "--encoding",
        "latin1",
    ];
    place.import(&[&flags[..], &["--rejects", "r", "in.txt"]].concat()).expect(1, [1, 1, 0, 0]);
    let text = std::fs::read_to_string(place.path("r")).expect("rejects");
    place.file("r.csv", text.replace("\"k2\"", "\"k2,é\""));
    place.import(&[&flags[..], &["r.csv"]].concat()).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs()[1], "{\"_key\":\"k2\",\"n\":\"é\"}");
    // It would remove what is stored.
    let ran = place.import(&[&flags[..], &["--overwrite", "--on-duplicate", "ignore", "r.csv"]].concat());
    ran.expect(0, [0, 0, 0, 1]).prints("note: --overwrite is left aside");
}

#[test]
fn the_file_is_private_and_never_an_input_or_something_else() {
    let place = Place::new();
    place.file("in.jsonl", "{\"_key\":\"a\"}\n{\n");
    let run = |rejects: &str| place.import(&["--rejects", rejects, "in.jsonl"]);
    run("r").expect(1, [1, 1, 0, 0]).prints("hint: fix what is wrong in it, then: `");
    assert_eq!(std::fs::metadata(place.path("r")).expect("rejects").permissions().mode() & 0o777, 0o600);
    // An earlier one is replaced.
    run("r").expect(1, [0, 2, 0, 0]);
    assert_eq!(lines(&place, "r").len(), 2);
    place.file("good.jsonl", "{\"_key\":\"z\"}\n");
    place.import(&["--rejects", "r", "good.jsonl"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(std::fs::read(place.path("r")).expect("rejects"), b"");
    symlink(place.path("in.jsonl"), place.path("link")).expect("a link");
    std::fs::hard_link(place.path("in.jsonl"), place.path("hard")).expect("a link");
    for name in ["in.jsonl", "./in.jsonl", "link", "hard"] {
        let ran = run(name);
        assert_eq!(ran.code, 2, "{name}");
        ran.prints(&format!("--rejects: {name} is also an input"));
    }
    place.file("notes", "buy milk\n");
    run("notes").prints("--rejects: notes already exists and does not hold rejects");
    let same = [
        ["--results", "x", "--rejects", "x"],
        ["--results", "-", "--rejects", "-"],
        ["--to", "jsonl:-", "--rejects", "-"],
    ];
    for flags in same {
        let ran = place.import(&[&flags[..], &["in.jsonl"]].concat());
        assert_eq!(ran.code, 2);
        ran.prints("and --rejects are the same file");
    }
    assert_eq!(run("bulkimport.db").code, 2);
}

#[test]
fn an_object_over_several_lines_is_one_line_of_the_rejects_and_good_there() {
    let place = Place::new();
    place.import_text("a.jsonl", "{\"_key\":\n\"a\"}\n", &["--rejects", "r"]).expect(1, [0, 1, 0, 0]);
    place.import(&["r"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\": \"a\"}"]);
}

#[test]
fn stdout_can_have_them() {
    let place = Place::new();
    place.file("in.jsonl", "{\n");
    let ran = place.import(&["--summary", "text", "--rejects", "-", "in.jsonl"]);
    let line: Value = serde_json::from_str(&ran.stdout).expect("stdout has the rejects alone");
    assert_eq!(line["raw"], "{");
    ran.prints("errors: 1");
}

#[test]
fn a_full_disk_under_the_rejects_stops_the_run() {
    let place = Place::new();
    place.file("in.jsonl", "{\n".repeat(3) + "{\"_key\":\"a\"}\n");
    let ran = place.import(&["--rejects", "/dev/full", "in.jsonl"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("--rejects: /dev/full: No space left on device");
}

#[test]
fn the_command_in_the_hint_works() {
    let place = Place::new();
    place.file("it's.jsonl", "{\"id\":\"a\"}\n{\"id\":\"b\",}\n");
    let ran = place.import(&["--key", "id", "--overwrite", "--rejects", "my rejects", "it's.jsonl"]);
    let hint = ran.stderr.lines().find_map(|line| line.strip_prefix("hint: fix what is wrong in it, then: `"));
    let command = hint.and_then(|hint| hint.strip_suffix('`')).expect("a hint");
    assert!(command.ends_with("bulkimport -c c --key id --summary json 'my rejects'"), "{command}");
    let text = std::fs::read_to_string(place.path("my rejects")).expect("rejects");
    place.file("my rejects", text.replace(",}", "}"));
    let done = std::process::Command::new("sh").args(["-c", command]).current_dir(place.path("")).output();
    assert_eq!(done.expect("sh runs").status.code(), Some(0));
    assert_eq!(place.docs(), ["{\"id\":\"a\"}", "{\"id\":\"b\"}"]);
}
