//! What ends a run early, and slow or closed pipes: signals, --max-errors, nobody reading the output.

use crate::live::{Live, until};
use crate::support::{Place, Ran, start};
use rusqlite::Connection;
use std::io::Write;
use std::process::{Command, Stdio};

fn document(key: &str) -> String {
    format!("{{\"_key\":\"{key}\"}}\n")
}

#[test]
fn a_signal_on_a_silent_pipe_settles_what_was_read() {
    for (signal, code, name) in [("INT", 130, "SIGINT"), ("TERM", 143, "SIGTERM")] {
        let place = Place::new();
        let mut import = Live::start(&place, &["-c", "c", "--flush-interval", "10ms"]);
        import.feed(document("a")).feed(document("b"));
        until("two documents", || place.visible() == 2);
        import.signal(signal);
        // Its stdin is still open.
        let ran = import.wait();
        ran.expect(code, [2, 0, 0, 0]).prints(&format!("stopped by {name}"));
        assert_eq!(place.rows("c").len(), 2);
    }
}

/// Feeds these records, interrupts the run when they are stored, and returns what was kept and how to go on.
fn interrupted(place: &Place, arguments: &[&str], text: &str) -> String {
    let mut import = Live::start(place, &[&["-c", "c", "--flush-interval", "10ms"], arguments].concat());
    import.feed(text);
    until("the records", || place.visible() == text.lines().count() as i64);
    import.signal("TERM");
    let ran = import.wait();
    assert_eq!(ran.code, 143, "{}", ran.stderr);
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("interrupted: "));
    line.unwrap_or_else(|| panic!("{}", ran.stderr)).to_owned()
}

#[test]
fn an_interrupted_run_says_how_to_go_on_and_that_works() {
    let all = || (0..5).map(|n| document(&format!("k{n}"))).collect::<String>();
    let part = document("k0") + &document("k1");
    let ignore = "2 records were kept; run again with --on-duplicate ignore";
    let same = "2 records were kept; run the same command again";
    for (arguments, hint) in [
        (&[][..], ignore),
        (&["--key", "_key"], ignore),
        (&["--on-duplicate", "ignore"], same),
        (&["--on-duplicate", "replace"], same),
        (&["--on-duplicate", "update"], same),
        (&["--overwrite"], same),
    ] {
        let place = Place::new();
        assert_eq!(interrupted(&place, arguments, &part), hint, "{arguments:?}");
        let more: Vec<&str> = hint.split_once(" with ").into_iter().flat_map(|(_, more)| more.split(' ')).collect();
        let again = place.import_text("all.jsonl", all(), &[arguments, &more].concat());
        assert_eq!(again.code, 0, "{}", again.stderr);
        let keys: Vec<String> = place.rows("c").into_iter().map(|row| row.key).collect();
        assert_eq!(keys, ["k0", "k1", "k2", "k3", "k4"], "{arguments:?}");
    }
}

#[test]
fn an_interrupted_run_gives_no_hint_that_would_store_a_record_twice() {
    let place = Place::new();
    let mixed = document("k") + "{\"n\":1}\n";
    assert_eq!(interrupted(&place, &[], &mixed), "2 records were kept");
    let place = Place::new();
    assert_eq!(interrupted(&place, &["--on-duplicate", "update"], &mixed), "2 records were kept");
    // A collection that is emptied first has no old records.
    let place = Place::new();
    assert_eq!(interrupted(&place, &["--overwrite"], &mixed), "2 records were kept; run the same command again");
    place.import_text("all.jsonl", &mixed, &["--overwrite"]).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.rows("c").len(), 2);
}

#[test]
fn a_dry_run_that_is_interrupted_has_kept_nothing() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "--dry-run", "-v", "--flush-interval", "10ms", "-t", "jsonl"]);
    import.feed(document("a")).hear("1 records settled");
    import.signal("TERM");
    let ran = import.wait();
    ran.prints("stopped by SIGTERM");
    assert!(!ran.stderr.contains("interrupted: "), "{}", ran.stderr);
}

#[test]
fn a_signal_to_a_run_with_complete_is_reported_once() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "-t", "jsonl", "--complete", "--batch-size", "1"]);
    import.feed(document("a")).feed(document("b"));
    until("the store", || place.store().exists());
    import.signal("INT");
    let ran = import.wait();
    ran.expect(130, [0, 0, 0, 0]).prints("stopped by SIGINT; everything was rolled back, because of --complete\n");
    assert_eq!(ran.summary["error"], "stopped by SIGINT; everything was rolled back, because of --complete");
    assert!(!ran.stderr.contains("error:") && !ran.stderr.contains("interrupted:"), "{}", ran.stderr);
    assert!(place.is_untouched());
}

#[test]
fn what_is_no_record_delays_neither_a_record_nor_a_signal() {
    let row = "_key,a\nk,1\n";
    for (kind, first, for_ever) in [
        ("jsonl", &*document("k"), "\n"),
        ("jsonl", &*document("k"), "x"),
        ("json", &*document("k"), " "),
        ("json", &*document("k"), "[1,"),
        ("bulk", "{\"index\":{\"_id\":\"k\"}}\n{}\n", "\n"),
        ("csv", row, "\n"),
    ] {
        let place = Place::new();
        let mut import =
            Live::start(&place, &["-c", "c", "-t", kind, "--flush-interval", "10ms", "--max-record-bytes", "1000"]);
        import.feed(first).feed_for_ever(for_ever);
        until("the document", || place.visible() == 1);
        import.signal("INT");
        import.wait().expect(130, [1, 0, 0, 0]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_under_nohup_outlives_its_terminal() {
    let place = Place::new();
    place.file("in.jsonl", "{}\n");
    for (ignored, signal) in [("HUP", "HUP"), ("QUIT", "QUIT")] {
        let program = env!("CARGO_BIN_EXE_bulkimport");
        let script = format!("trap '' {ignored}; exec {program} -c c --summary json -t jsonl --flush-interval 10ms");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(place.path(""));
        let mut import = Live::of(start(&mut command));
        let before = place.visible();
        import.feed("{\"a\":1}\n");
        until("a document", || place.visible() == before + 1);
        import.signal(signal);
        import.feed("{\"a\":1}\n");
        import.end().expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn a_signal_before_any_record_leaves_no_store() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "-t", "jsonl"]);
    import.feed("\n".repeat(100)).hear("importing into");
    // Not SIGINT: a shell starts background jobs with that ignored, and before the run has begun it would be lost.
    import.signal("TERM");
    // Before the run has begun the signal simply kills it.
    assert!([143, -1].contains(&import.wait().code));
    assert!(!place.store().exists());
}

#[test]
fn a_signal_in_the_middle_of_a_file_settles_a_part_in_its_order() {
    let place = Place::new();
    let fifo = place.path("in.jsonl");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let import = Live::start(&place, &["-c", "c", "--batch-size", "10", "in.jsonl"]);
    let feeder = std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(fifo).expect("the pipe");
        // Endless: only the signal ends it.
        (0_u64..).take_while(|n| pipe.write_all(document(&format!("k{n}")).as_bytes()).is_ok()).count()
    });
    until("documents", || std::fs::metadata(place.store()).is_ok_and(|store| store.len() > 100_000));
    import.signal("TERM");
    let ran = import.wait();
    assert_eq!(ran.code, 143, "{}", ran.stderr);
    feeder.join().expect("the feeder ends");
    let keys: Vec<String> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, (0..ran.count("created")).map(|n| format!("k{n}")).collect::<Vec<_>>());
    assert_eq!(ran.count("created"), ran.count("read"));
}

#[test]
fn a_signal_with_complete_stores_nothing() {
    let place = Place::new();
    place.import_text("old.jsonl", document("old"), &[]).expect(0, [1, 0, 0, 0]);
    let mut import = Live::start(&place, &["-c", "c", "--complete", "--batch-size", "1"]);
    import.feed(document("a").repeat(2)).feed(document("b"));
    import.hear("stdin:2: duplicate key");
    import.signal("INT");
    let ran = import.wait();
    assert_eq!((ran.code, ran.count("unsent")), (130, ran.count("read") - 1), "{}", ran.stdout);
    assert_eq!(place.docs(), [document("old").trim_end()]);
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let place = Place::new();
    place.import_text("old.jsonl", document("old"), &[]).expect(0, [1, 0, 0, 0]);
    let other = Connection::open(place.store()).expect("another program");
    other.execute_batch("BEGIN IMMEDIATE").expect("SQL");
    let mut import = Live::start(&place, &["-c", "c"]);
    import.feed(document("a")).hear("waiting for it");
    import.signal("INT");
    import.try_signal("INT");
    let ran = import.wait();
    assert_eq!(ran.code, 130);
    other.execute_batch("COMMIT").expect("SQL");
    assert_eq!(place.rows("c").len(), 1);
}

#[test]
fn max_errors_stops_with_3_above_that_number() {
    let place = Place::new();
    let bad = format!("{}{}{}", document("a"), "oops\n".repeat(3), document("b"));
    place.import_text("bad.jsonl", &bad, &["--max-errors", "3"]).expect(1, [2, 3, 0, 0]);
    let place = Place::new();
    let ran = place.import_text("bad.jsonl", &bad, &["--max-errors", "2"]);
    assert_eq!(ran.code, 3);
    ran.prints("more errors than --max-errors allows");
    // What was read is stored all the same.
    assert_eq!(place.rows("c").len() as u64, ran.count("created"));
}

#[test]
fn max_errors_ends_the_reading_of_an_endless_input() {
    for limit in ["0", "10", "1%"] {
        let place = Place::new();
        place.import_text("old.jsonl", document("a"), &[]).expect(0, [1, 0, 0, 0]);
        let mut yes = Command::new("yes").arg("oops").stdout(Stdio::piped()).spawn().expect("yes");
        let mut command = place.command(&["-c", "c", "-t", "jsonl", "--max-errors", limit, "--summary", "json"]);
        let output = command.stdin(yes.stdout.take().expect("a pipe")).output().expect("bulkimport ends");
        let ran = Ran::of(output.status.code(), &output.stdout, &output.stderr);
        let _ = yes.kill();
        let _ = yes.wait();
        assert_eq!(ran.code, 3, "{limit}: {}", ran.stderr);
        assert!(ran.count("errors") > 10);
    }
}

#[test]
fn max_errors_may_be_a_share_of_the_records() {
    let text = |bad: usize| {
        format!("{}{}", "oops\n".repeat(bad), (0..90).map(|n| document(&format!("k{n}"))).collect::<String>())
    };
    let limit = ["-t", "jsonl", "--max-errors", "10%"];
    Place::new().import_text("a.jsonl", text(10), &limit).expect(1, [90, 10, 0, 0]);
    let place = Place::new();
    let ran = place.import_text("a.jsonl", text(11), &limit);
    // Few records prove no share: all of them are read first.
    ran.expect(3, [90, 11, 0, 0]);
    assert_eq!(place.rows("c").len(), 90);
}

#[test]
fn duplicates_count_as_errors_for_max_errors() {
    let place = Place::new();
    let text = document("a").repeat(4);
    place.import_text("a.jsonl", &text, &["--max-errors", "2"]).expect(3, [1, 3, 0, 0]);
    place.import(&["--max-errors", "4", "a.jsonl"]).expect(1, [0, 4, 0, 0]);
}

#[test]
fn nobody_reading_the_output_is_no_failure() {
    let place = Place::new();
    place.file("a.jsonl", format!("{}oops\n", document("a")));
    let program = env!("CARGO_BIN_EXE_bulkimport");
    for (ends, code) in [(">&-", 1), ("2>&-", 1), (">&- 2>&-", 1), ("2>/dev/full", 1), (">/dev/null", 1)] {
        let script = format!("{program} -c c --on-duplicate ignore a.jsonl {ends}");
        let output = Command::new("sh").args(["-c", &script]).current_dir(place.path("")).output().expect("a shell");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{ends}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert_eq!(place.rows("c").len(), 1, "{ends}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_any_more_is_no_failure() {
    let place = Place::new();
    let mut import = start(&mut place.command(&["-c", "c", "--details"]));
    drop((import.stdout.take(), import.stderr.take()));
    let mut pipe = import.stdin.take().expect("a pipe");
    pipe.write_all((document("a") + &"oops\n".repeat(10_000)).as_bytes()).expect("it reads on");
    drop(pipe);
    assert_eq!(import.wait().expect("bulkimport ends").code(), Some(1));
    assert_eq!(place.rows("c").len(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_stdout_is_reported() {
    let place = Place::new();
    place.file("a.jsonl", document("a"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is always full");
    let output = place.command(&["-c", "c", "a.jsonl"]).stdout(full).output().expect("bulkimport ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot print the result"));
    assert_eq!(place.rows("c").len(), 1);
}

#[test]
fn records_of_a_slow_pipe_are_in_the_store_while_it_is_open() {
    let place = Place::new();
    place.import_text("old.jsonl", document("old"), &[]).expect(0, [1, 0, 0, 0]);
    let mut import = Live::start(&place, &["-c", "c", "--flush-interval", "10ms"]);
    for n in 1..=3 {
        import.feed(document(&format!("k{n}")));
        until("the document", || place.visible() == 1 + n);
        assert!(import.is_running());
    }
    import.end().expect(0, [3, 0, 0, 0]);
}

#[test]
fn so_are_those_of_a_new_collection() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "--flush-interval", "10ms"]);
    for n in 1..=3 {
        import.feed(document(&format!("k{n}")));
        until("the document", || place.visible() == n);
    }
    import.feed(document("k1"));
    let ran = import.end();
    ran.expect(1, [3, 1, 0, 0]).prints("stdin:4: duplicate key \"k1\"");
    assert_eq!(place.rows("c").len(), 3);
}

#[test]
fn what_is_committed_needs_the_store_no_more() {
    let place = Place::new();
    place.import_text("old.jsonl", document("old"), &[]).expect(0, [1, 0, 0, 0]);
    let mut import = Live::start(&place, &["-c", "c", "--flush-interval", "10ms"]);
    import.feed(document("a"));
    until("the document", || place.visible() == 2);
    let other = Connection::open(place.store()).expect("another program");
    until("the lock", || other.execute_batch("BEGIN IMMEDIATE").is_ok());
    import.end().expect(0, [1, 0, 0, 0]);
}
