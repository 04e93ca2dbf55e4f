//! `--journal` with `--rejects` and `--results`: after a kill at any moment both files hold the lines that one uninterrupted
//! run would have written, each once.

use crate::live::{Live, until};
use crate::support::{Place, Ran};
use crate::wire::{Gate, Reply, Request, Wire, created, unfit};
use serde_json::Value;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Rows of which every tenth is bad in one of three ways; some keys repeat.
fn rows(from: u64, to: u64) -> String {
    let row = |n: u64| match n % 30 {
        9 => format!("k{n}\n"),
        19 => format!(",{n},\"x\"\n"),
        29 => format!("k{},{n},\"\u{e9} ,\"\"{n}\"\n", n - 25),
        _ => format!("k{n},{n},\"\u{e9} ,\"\"{n}\"\n"),
    };
    (from..to).map(row).collect()
}

const HEAD: &str = "_key,n,t\n";

fn read(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap_or_default()
}

/// The lines of a file without their order, which depends on the batches.
fn sorted(place: &Place, name: &str) -> Vec<String> {
    let about = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        // A load that finds a duplicate late does not know its offset. With a journal and rejects there is no load.
        if line["_reject"]["type"] == "duplicate_key" {
            line["_reject"]["offset"] = Value::Null;
        }
        line.to_string()
    };
    let mut lines: Vec<String> = read(place, name).lines().map(about).collect();
    lines.sort();
    lines
}

/// Asserts that both files of two places have the same lines.
#[track_caller]
fn have_same_lines(place: &Place, whole: &Place) {
    for name in ["r", "s"] {
        let (found, expected) = (sorted(place, name), sorted(whole, name));
        let more: Vec<&String> = found.iter().filter(|line| !expected.contains(line)).collect();
        let fewer: Vec<&String> = expected.iter().filter(|line| !found.contains(line)).collect();
        assert_eq!((found.len(), more, fewer), (expected.len(), vec![], vec![]), "{name}");
        assert_eq!(found, expected, "{name}");
    }
}

fn counts(ran: &Ran) -> Vec<u64> {
    ["read", "created", "updated", "ignored", "errors", "unknown", "unsent"]
        .iter()
        .map(|name| ran.count(name))
        .collect()
}

/// Asserts that a run in several tries has reported what an uninterrupted one did.
#[track_caller]
fn is_equal(ran: &Ran, place: &Place, expected: &Ran, whole: &Place) {
    assert_eq!((ran.code, counts(ran)), (expected.code, counts(expected)), "{}", ran.stderr);
    for field in ["error_kinds", "rejects", "collections"] {
        assert_eq!(ran.summary[field], expected.summary[field], "{field}");
    }
    have_same_lines(place, whole);
}

/// Feeds batches of a hundred records, waits until each is settled, and kills the import.
fn killed(place: &Place, arguments: &[&str], head: &str, records: fn(u64, u64) -> String, batches: u64) {
    let mut import = Live::start(place, &[arguments, &["--journal", "j", "--flush-interval", "10ms"]].concat());
    import.feed(head);
    for batch in 0..batches {
        import.feed(records(batch * 100, batch * 100 + 100));
        let settled = format!("\"upto\":{},", batch * 100 + 100);
        let is_settled = |line: &str| line.contains("{\"settled\"") && line.contains(&settled);
        until("a settled batch", || read(place, "j").lines().any(is_settled));
    }
    import.feed(records(batches * 100, batches * 100 + 50));
    import.signal("KILL");
    assert_eq!(import.wait().code, -1);
}

/// Removes the last settled batch from the journal, as if the process had died before it was written.
fn forget_last(place: &Place) {
    let written = read(place, "j");
    let last = written.rfind("{\"settled\"").and_then(|at| written[..at].rfind('\n')).expect("a settled batch");
    place.file("j", &written[..=last]);
}

#[test]
fn a_killed_import_into_a_store_writes_each_reject_once() {
    for (mode, files) in [
        ("error", &["--rejects", "r"][..]),
        ("error", &["--rejects", "r", "--results", "s"]),
        ("update", &["--rejects", "r"]),
        ("ignore", &["--rejects", "r", "--results", "s"]),
    ] {
        let arguments = [&["-t", "csv", "-c", "c", "--key", "_key", "--on-duplicate", mode], files].concat();
        let again = [&arguments[..], &["--journal", "j"]].concat();
        let text = format!("{HEAD}{}", rows(0, 600));
        let whole = Place::new();
        let expected = whole.pipe(&arguments, text.as_bytes());
        let rejects = read(&whole, "r").lines().count() as u64;
        assert!(rejects >= 40 && rejects == expected.count("errors"), "{}", expected.stderr);
        // The journal has what the store has, or lacks the last batch of it.
        for lacks_last in [false, true] {
            let place = Place::new();
            killed(&place, &arguments, HEAD, rows, 3);
            if lacks_last {
                forget_last(&place);
            }
            let ran = place.pipe(&again, text.as_bytes());
            is_equal(&ran, &place, &expected, &whole);
            assert_eq!(place.rows("c"), whole.rows("c"), "{mode}");
            // A finished journal changes nothing.
            let twice = place.pipe(&again, text.as_bytes());
            assert_eq!(twice.summary, ran.summary);
            is_equal(&twice, &place, &expected, &whole);
        }
    }
}

#[test]
fn what_is_written_behind_the_last_settled_batch_is_removed() {
    let (whole, place) = (Place::new(), Place::new());
    let arguments = ["-t", "csv", "-c", "c", "--key", "_key", "--rejects", "r", "--results", "s"];
    let text = format!("{HEAD}{}", rows(0, 400));
    let expected = whole.pipe(&arguments, text.as_bytes());
    killed(&place, &arguments, HEAD, rows, 2);
    for name in ["r", "s"] {
        place.file(name, format!("{}{{\"half", read(&place, name)));
    }
    let again = [&arguments[..], &["--journal", "j"]].concat();
    is_equal(&place.pipe(&again, text.as_bytes()), &place, &expected, &whole);
}

#[test]
fn files_that_are_shorter_than_the_journal_records_are_refused() {
    let place = Place::new();
    let arguments = ["-t", "csv", "-c", "c", "--key", "_key", "--rejects", "r", "--results", "s", "--journal", "j"];
    let text = format!("{HEAD}{}", rows(0, 400));
    killed(&place, &arguments[..10], HEAD, rows, 2);
    for name in ["r", "s"] {
        let written = read(&place, name);
        place.file(name, &written[..written.len() / 2]);
        let ran = place.pipe(&arguments, text.as_bytes());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints("the file does not have what the journal records");
        place.file(name, written);
    }
    // Neither was changed, nor is it by another input.
    let before = ["r", "s"].map(|name| read(&place, name));
    let ran = place.pipe(&arguments, format!("{HEAD}{}", rows(1, 400)).as_bytes());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(["r", "s"].map(|name| read(&place, name)), before);
    for (other, what) in [("-", "--journal: --rejects is not a regular file"), ("j", "are the same file: j")] {
        let ran = place.pipe(&["-c", "c", "--rejects", other, "--journal", "j"], b"{}\n");
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(what);
    }
}

/// A run whose journal cannot grow above a limit, of which the store stays below.
fn with_a_small_journal(place: &Place, arguments: &[&str]) -> Ran {
    let script = "ulimit -f 300; exec \"$0\" --summary json \"$@\"";
    let mut command = std::process::Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_bulkimport")]).args(arguments).current_dir(place.path("."));
    let output = command.output().expect("a shell");
    Ran::of(output.status.code(), &output.stdout, &output.stderr)
}

#[test]
fn a_full_disk_under_the_journal_of_a_store_loses_no_record() {
    let repeating = |to: u64| (0..to).map(|n| format!("{{\"_key\":\"k{}\",\"n\":{n}}}\n", n % 50)).collect::<String>();
    for (stored, files) in
        [(0, &[][..]), (50, &[]), (0, &["--rejects", "r"]), (50, &["--rejects", "r", "--results", "s"])]
    {
        let arguments = ["-c", "c", "--on-duplicate", "update", "--batch-size", "1", "--journal", "j"];
        let arguments = [&arguments[..], files, &["in.jsonl"]].concat();
        let (whole, place) = (Place::new(), Place::new());
        for place in [&whole, &place] {
            place.file("in.jsonl", repeating(4500) + "oops\n");
            if stored > 0 {
                place.import_text("old.jsonl", repeating(stored), &[]).expect(0, [stored, 0, 0, 0]);
            }
        }
        let expected = whole.run(&arguments);
        let ran = with_a_small_journal(&place, &arguments);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        ran.prints("error: --journal: j: ").prints("not finished: ");
        let ran = place.run(&arguments);
        assert_eq!((ran.code, counts(&ran)), (expected.code, counts(&expected)), "{stored} {files:?}: {}", ran.stderr);
        assert_eq!(place.docs(), whole.docs());
        assert_eq!(sorted(&place, "r"), sorted(&whole, "r"));
    }
}

/// Bulk lines for two collections, of which some are no records and some are duplicates.
fn bulk_lines(from: u64, to: u64) -> String {
    let line = |n: u64| match n % 10 {
        3 => format!("{{\"create\":{{\"_index\":\"a\",\"_id\":\"k{}\"}}}}\n{{\"n\":{n}}}\n", n - 1),
        7 => format!("{{\"index\":{{\"_index\":\"b\",\"_id\":\"k{n}\"}}}}\n{{\"n\":{n}]\n"),
        n if n % 2 == 0 => format!("{{\"create\":{{\"_index\":\"a\",\"_id\":\"k{n}\"}}}}\n{{\"n\":{n}}}\n"),
        _ => format!("{{\"index\":{{\"_index\":\"b\",\"_id\":\"k{n}\"}}}}\n{{\"n\":{n}}}\n"),
    };
    (from..to).map(line).collect()
}

#[test]
fn counts_of_collections_that_lines_name_survive_a_kill() {
    for files in [&["--rejects", "r", "--results", "s"][..], &["--rejects", "r"], &[]] {
        let arguments = [&["-t", "bulk"], files].concat();
        let text = bulk_lines(0, 600);
        let whole = Place::new();
        let expected = whole.pipe(&arguments, text.as_bytes());
        let names = expected.summary["collections"].as_array().expect("an array").iter().map(|one| one["name"].clone());
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
        for lacks_last in [false, true] {
            let place = Place::new();
            killed(&place, &arguments, "", bulk_lines, 3);
            if lacks_last {
                forget_last(&place);
            }
            let again = [&arguments[..], &["--journal", "j"]].concat();
            is_equal(&place.pipe(&again, text.as_bytes()), &place, &expected, &whole);
            assert_eq!([place.rows("a"), place.rows("b")], [whole.rows("a"), whole.rows("b")]);
        }
    }
}

/// Documents, some of which are no records and some of which the server below refuses.
fn documents(from: u64, to: u64) -> String {
    let line = |n: u64| match n % 10 {
        4 => format!("{{\"_id\":\"k{n}\",\n"),
        _ => format!("{{\"_id\":\"k{n}\",\"n\":{n}}}\n"),
    };
    (from..to).map(line).collect()
}

/// A server that refuses keys that end in 7, and does not reply to the first request with this key until the gate is open.
fn refusing(held: &'static str, gate: &Gate) -> Wire {
    let (wire, gate, is_first) = (Wire::start(), gate.clone(), AtomicBool::new(true));
    wire.standing("POST", "/c/_bulk", move |request: &Request| {
        let ids = request.ids();
        let items: Vec<_> = ids.iter().map(|id| if id.ends_with('7') { unfit() } else { created() }).collect();
        let reply = Reply::bulk(request, &items);
        let is_held = ids.iter().any(|id| *id == held) && is_first.swap(false, Ordering::SeqCst);
        if is_held { reply.behind(&gate) } else { reply }
    });
    wire
}

#[test]
fn a_killed_import_into_a_server_writes_each_reject_once() {
    for jobs in ["1", "3"] {
        let gate = Gate::default();
        let (plain, wire) = (refusing("", &gate), refusing("k451", &gate));
        let flags = ["-c", "c", "-t", "jsonl", "--on-duplicate", "replace", "--batch-size", "50", "-j", jobs];
        let files = ["--rejects", "r", "--results", "s", "in"];
        let (whole, place) = (Place::new(), Place::new());
        whole.file("in", documents(0, 900));
        place.file("in", documents(0, 900));
        let to = plain.to();
        let expected = whole.run(&[&["--to", &to], &flags[..], &files].concat());
        assert_eq!((expected.code, counts(&expected)), (1, vec![900, 720, 0, 0, 180, 0, 0]), "{}", expected.stderr);
        let to = wire.to();
        let again = [&["--to", &to], &flags[..], &["--journal", "j"], &files].concat();
        let import = Live::start(&place, &again);
        wire.wait_for("the held request", |seen| {
            seen.iter().any(|request| request.ids().iter().any(|id| *id == "k451"))
        });
        import.signal("KILL");
        import.wait();
        gate.open();
        let before = read(&place, "r").lines().count();
        assert!((1..180).contains(&before), "{before}");
        let ran = place.run(&again);
        assert_eq!((ran.code, counts(&ran)), (expected.code, counts(&expected)), "{}", ran.stderr);
        assert_eq!(ran.summary["rejects"], expected.summary["rejects"]);
        assert_eq!(ran.summary["error_kinds"], expected.summary["error_kinds"]);
        // Those of the held request were sent twice.
        let line = |line: &str| line.replacen("\"attempts\":2", "\"attempts\":1", 1);
        let twice = read(&place, "r");
        assert!(twice.lines().any(|text| text != line(text)), "{twice}");
        place.file("r", twice.lines().map(|text| line(text) + "\n").collect::<String>());
        have_same_lines(&place, &whole);
        plain.forgive();
        wire.forgive();
    }
}

#[test]
fn a_server_that_leaves_ends_the_reading_and_the_next_try_sends_the_rest() {
    let (place, wire) = (Place::new(), Wire::start());
    place.file("in", documents(0, 900));
    let to = wire.to();
    let limits = ["--batch-size", "50", "-j", "1", "--retries", "1", "--retry-max-time", "2s", "--timeout", "5s"];
    let files = ["-t", "jsonl", "--rejects", "r", "--journal", "j", "in"];
    let arguments = [&["--to", &to, "-c", "c", "--on-duplicate", "replace"], &limits[..], &files].concat();
    let (requests, is_well) = (AtomicU64::new(0), Arc::new(AtomicBool::new(false)));
    let shared = is_well.clone();
    wire.standing("POST", "/c/_bulk", move |request: &Request| {
        let is_early = requests.fetch_add(1, Ordering::SeqCst) < 3;
        let is_up = is_early || shared.load(Ordering::SeqCst);
        if is_up { Reply::bulk(request, &vec![created(); request.ids().len()]) } else { Reply::new(503) }
    });
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("what was not read is not among them").prints("not finished: ");
    let written = read(&place, "r").lines().count() as u64;
    assert_eq!(written, ran.count("errors") + ran.count("unknown") + ran.count("unsent"));
    is_well.store(true, Ordering::SeqCst);
    let ran = place.run(&arguments);
    ran.expect(1, [810, 90, 0, 0]);
    let lines = sorted(&place, "r");
    assert!(lines.len() == 90 && lines.iter().all(|line| line.contains("\"counted\":\"error\"")), "{lines:#?}");
    wire.forgive();
}
