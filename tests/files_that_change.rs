//! Files that become shorter or longer, or are replaced, while they are imported.
//! The first input is a pipe: the program has opened all inputs when it prints its first line, then it waits for the pipe, and
//! meanwhile the test changes the file that comes after it.

use crate::live::Live;
use crate::support::{Place, Ran};
use crate::wire::{Wire, created};
use serde_json::json;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

/// An input in one format.
struct Kind {
    name: &'static str,
    /// Bytes without a record, at least six: so many show whether it is compressed.
    nothing: &'static str,
    start: &'static str,
    end: &'static str,
    record: fn(usize) -> String,
}

const JSONL: Kind =
    Kind { name: "jsonl", nothing: "\n\n\n\n\n\n", start: "", end: "", record: |n| format!("{{\"_key\":\"k{n}\"}}\n") };

const KINDS: [Kind; 6] = [
    JSONL,
    Kind {
        name: "json",
        nothing: "\n\n\n\n\n\n",
        start: "[\n",
        end: "{}]\n",
        record: |n| format!("{{\"_key\":\"k{n}\"}},\n"),
    },
    Kind { name: "csv", nothing: "_key,a\n", start: "_key,a\n", end: "", record: |n| format!("k{n},x\n") },
    Kind { name: "tsv", nothing: "_key\ta\n", start: "_key\ta\n", end: "", record: |n| format!("k{n}\tx\n") },
    Kind {
        name: "arrays",
        nothing: "[\"_key\"]\n",
        start: "[\"_key\"]\n",
        end: "",
        record: |n| format!("[\"k{n}\"]\n"),
    },
    Kind {
        name: "bulk",
        nothing: "\n\n\n\n\n\n",
        start: "",
        end: "",
        record: |n| format!("{{\"create\":{{\"_id\":\"k{n}\"}}}}\n{{}}\n"),
    },
];

impl Kind {
    /// So many records, and nothing behind them.
    fn records(&self, count: usize) -> String {
        format!("{}{}", self.start, (0..count).map(self.record).collect::<String>())
    }
}

/// Imports a pipe without records and then the inputs in `arguments`, to which `change` happens when all have been opened.
fn import(place: &Place, kind: &Kind, arguments: &[&str], stdin: Stdio, change: impl FnOnce()) -> Ran {
    assert!(Command::new("mkfifo").arg(place.path("first")).status().expect("mkfifo").success());
    let mut import = Live::with_stdin(place, &[&["-c", "c", "-t", kind.name, "first"], arguments].concat(), stdin);
    // Opening it waits until the program opens it, and the program looks at its first bytes before it opens the next file.
    let mut pipe = File::options().write(true).open(place.path("first")).expect("the pipe");
    pipe.write_all(kind.nothing.as_bytes()).expect("the program reads the pipe");
    import.hear("importing into");
    change();
    drop(pipe);
    import.wait()
}

fn cut(place: &Place, length: usize) {
    File::options().write(true).open(place.path("file")).and_then(|file| file.set_len(length as u64)).expect("a file");
}

#[test]
fn a_file_that_has_become_shorter_stops_with_5_after_what_came() {
    for kind in &KINDS {
        let (whole, kept) = (kind.records(1000) + kind.end, kind.records(100));
        let place = Place::new();
        place.file("file", &whole);
        let ran = import(&place, kind, &["file"], Stdio::null(), || cut(&place, kept.len()));
        ran.expect(5, [100, 0, 0, 0]).prints(&format!(
            "the file became shorter while it was read: {} bytes at first, {} in the end",
            whole.len(),
            kept.len()
        ));
        assert_eq!(place.rows("c").len(), 100, "{}", kind.name);
    }
}

#[test]
fn a_file_that_has_become_shorter_on_stdin_stops_with_5_too() {
    // Much more than is read ahead.
    let record = |n| format!("{{\"_key\":\"k{n}\",\"a\":\"{}\"}}\n", "x".repeat(10_000));
    let records = |count| (0..count).map(record).collect::<String>();
    let (whole, kept) = (records(1000), records(500).len());
    // What a program before this one took from it does not count.
    for (taken, length, code, stored) in [(0, kept, 5, 500), (7, kept, 5, 493), (7, whole.len(), 0, 993)] {
        let place = Place::new();
        place.file("file", &whole);
        let mut stdin = File::open(place.path("file")).expect("a file");
        stdin.seek(SeekFrom::Start(records(taken).len() as u64)).expect("a file");
        let ran = import(&place, &JSONL, &["-"], stdin.into(), || cut(&place, length));
        ran.expect(code, [stored, 0, 0, 0]);
        assert_eq!(ran.stderr.contains("the file became shorter while it was read"), code == 5, "{}", ran.stderr);
    }
}

#[test]
fn half_a_record_at_the_end_of_a_shorter_file_is_no_record() {
    for kind in &KINDS {
        let (whole, kept) = (kind.records(10) + kind.end, kind.records(5));
        let place = Place::new();
        place.file("file", whole);
        let ran = import(&place, kind, &["file"], Stdio::null(), || cut(&place, kept.len() - 3));
        ran.expect(5, [4, 0, 0, 0]).prints("became shorter");
    }
}

#[test]
fn a_file_that_was_emptied_stops_with_5_and_a_whole_run_is_rolled_back() {
    let kind = &JSONL;
    for (arguments, code) in [(&["file"][..], 5), (&["file", "--complete"], 6)] {
        let place = Place::new();
        place.file("file", kind.records(10));
        let ran = import(&place, kind, arguments, Stdio::null(), || cut(&place, 0));
        ran.expect(code, [0, 0, 0, 0]).prints("0 in the end");
        assert!(place.docs_if_any().is_empty());
    }
}

#[test]
fn a_file_that_has_become_shorter_stops_an_import_into_a_server() {
    let kind = &JSONL;
    let place = Place::new();
    let wire = Wire::start();
    wire.bulk(&std::iter::repeat_with(created).take(100).collect::<Vec<_>>());
    place.file("file", kind.records(1000));
    let arguments = ["--to", &wire.to(), "-j", "1", "file"];
    import(&place, kind, &arguments, Stdio::null(), || cut(&place, kind.records(100).len())).expect(5, [100, 0, 0, 0]);
}

#[test]
fn a_compressed_file_that_has_become_shorter_stops_with_5_also_between_its_fields() {
    let gzip = |text: String| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory")
    };
    let (first, second) = (gzip(JSONL.records(10)), gzip((JSONL.record)(11)));
    let place = Place::new();
    place.file("file", [&first[..], &second].concat());
    let ran = import(&place, &JSONL, &["file"], Stdio::null(), || cut(&place, first.len()));
    ran.expect(5, [10, 0, 0, 0]).prints("became shorter");
}

#[test]
fn a_file_that_was_replaced_or_removed_is_read_as_it_was_opened() {
    let old = JSONL.records(3);
    let place = Place::new();
    place.file("file", &old);
    place.file("new", "{\"_key\":\"new\"}\n");
    let replace = || std::fs::rename(place.path("new"), place.path("file")).expect("a file");
    import(&place, &JSONL, &["file"], Stdio::null(), replace).expect(0, [3, 0, 0, 0]);
    assert_eq!(place.docs(), old.lines().collect::<Vec<_>>());

    let place = Place::new();
    place.file("file", &old);
    let remove = || std::fs::remove_file(place.path("file")).expect("a file");
    import(&place, &JSONL, &["file"], Stdio::null(), remove).expect(0, [3, 0, 0, 0]);
}

#[test]
fn a_file_that_has_grown_is_read_to_its_end() {
    let place = Place::new();
    place.file("file", JSONL.records(3));
    let mut file = File::options().append(true).open(place.path("file")).expect("a file");
    let grow = || file.write_all(b"{\"_key\":\"new\"}\n").expect("a file");
    import(&place, &JSONL, &["file"], Stdio::null(), grow).expect(0, [4, 0, 0, 0]);
}

#[test]
fn a_limit_that_was_reached_before_the_end_asks_for_no_more_bytes() {
    let place = Place::new();
    place.file("file", JSONL.records(1000));
    let kept = JSONL.records(100).len();
    import(&place, &JSONL, &["file", "--limit", "50"], Stdio::null(), || cut(&place, kept)).expect(0, [50, 0, 0, 0]);
}

#[test]
fn of_many_files_those_that_are_not_kept_open_must_still_be_the_same() {
    let place = Place::new();
    let names: Vec<String> = (0..200).map(|n| format!("f{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        place.file(name, (JSONL.record)(n));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    place.file("new", json!({"_key": "new"}).to_string());
    let replace = || std::fs::rename(place.path("new"), place.path("f199")).expect("a file");
    let ran = import(&place, &JSONL, &names, Stdio::null(), replace);
    ran.expect(5, [199, 0, 0, 0]).prints("f199:1: the file was replaced after it was opened");

    let place_of_all = Place::new();
    for (n, name) in names.iter().enumerate() {
        place_of_all.file(name, (JSONL.record)(n));
    }
    place_of_all.import(&names).expect(0, [200, 0, 0, 0]);
}
