//! `--journal`: the same command goes on after any end of the process, and ends as one uninterrupted run.

use crate::live::{Live, until};
use crate::support::{Place, Ran};
use std::os::unix::fs::PermissionsExt;

fn documents(from: u64, to: u64) -> String {
    (from..to).map(|n| format!("{{\"_key\":\"k{}\",\"n\":{n}}}\n", n % 280)).collect()
}

fn journal(place: &Place) -> String {
    std::fs::read_to_string(place.path("j")).unwrap_or_default()
}

/// Feeds batch after batch, waits until each is settled, and kills the import.
fn killed(place: &Place, arguments: &[&str], batches: u64) {
    let mut import = Live::start(place, &[arguments, &["--journal", "j", "--flush-interval", "10ms"]].concat());
    for batch in 0..batches {
        import.feed(documents(batch * 100, batch * 100 + 100));
        let settled = format!("\"upto\":{},", batch * 100 + 100);
        let is_settled = |line: &str| line.contains("{\"settled\"") && line.contains(&settled);
        until("a settled batch", || journal(place).lines().any(is_settled));
    }
    // Of these it is not known whether they are stored.
    import.feed(documents(batches * 100, batches * 100 + 50));
    import.signal("KILL");
    assert_eq!(import.wait().code, -1);
}

fn counts(ran: &Ran) -> Vec<u64> {
    ["read", "created", "updated", "ignored", "errors", "unknown", "unsent"]
        .iter()
        .map(|name| ran.count(name))
        .collect()
}

#[test]
fn a_killed_import_into_a_store_goes_on_with_the_same_command() {
    for mode in ["error", "update", "ignore", "replace"] {
        let arguments = ["-c", "c", "--on-duplicate", mode];
        let (whole, place) = (Place::new(), Place::new());
        let expected = whole.pipe(&arguments, documents(0, 600).as_bytes());
        killed(&place, &arguments, 3);
        let ran = place.pipe(&[&arguments[..], &["--journal", "j"]].concat(), documents(0, 600).as_bytes());
        assert_eq!((ran.code, counts(&ran)), (expected.code, counts(&expected)), "{mode}: {}", ran.stderr);
        assert_eq!(ran.summary["error_kinds"], expected.summary["error_kinds"]);
        assert_eq!(ran.summary["journal"], "j");
        assert_eq!(place.rows("c"), whole.rows("c"), "{mode}");
    }
}

#[test]
fn a_killed_import_into_a_file_goes_on_with_the_same_command() {
    let place = Place::new();
    let arguments = ["--to", "jsonl:out.jsonl", "--results", "results", "-c", "c"];
    killed(&place, &arguments, 3);
    assert!(!place.path("out.jsonl").exists());
    let ran = place.pipe(&[&arguments[..], &["--journal", "j"]].concat(), documents(0, 600).as_bytes());
    ran.expect(0, [600, 0, 0, 0]);
    assert_eq!(std::fs::read_to_string(place.path("out.jsonl")).expect("the output"), documents(0, 600));
    let results = std::fs::read_to_string(place.path("results")).expect("the results");
    let lines =
        results.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["line"].clone());
    assert_eq!(lines.collect::<Vec<_>>(), (1..=600).collect::<Vec<_>>());
    let left = std::fs::read_dir(place.path(".")).expect("the directory");
    let names = left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    assert!(names.into_iter().all(|name| !name.starts_with(".bulkimport-")));
}

#[test]
fn generated_keys_are_the_same_in_every_try() {
    let place = Place::new();
    let line = |n: u64| format!("{{\"n\":{n}}}\n");
    let text = |to: u64| (0..to).map(line).collect::<String>();
    let mut import = Live::start(&place, &["-c", "c", "--journal", "j", "--flush-interval", "10ms"]);
    import.feed(text(3));
    until("three rows", || place.visible() == 3);
    import.signal("KILL");
    import.wait();
    let before = place.open().query_row("SELECT max(_key) FROM c", [], |row| row.get::<_, String>(0)).expect("a key");
    place.pipe(&["-c", "c", "--journal", "j"], text(5).as_bytes()).expect(0, [5, 0, 0, 0]);
    let keys: Vec<String> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys[2], before);
    let run = &before[..before.len() - 10];
    assert!(keys.len() == 5 && keys.iter().all(|key| key.starts_with(run)), "{keys:?}");
}

#[test]
fn a_run_that_a_signal_ends_says_how_to_go_on_and_does() {
    let place = Place::new();
    let arguments = ["-c", "c", "--journal", "my journal", "--flush-interval", "10ms"];
    let mut import = Live::start(&place, &arguments);
    import.feed(documents(0, 100));
    until("the batch", || place.visible() == 100);
    import.signal("INT");
    let ran = import.end();
    assert_eq!(ran.code, 130);
    ran.prints("not finished: 100 records were kept; the same command goes on with the same input: ")
        .prints("-c c --journal 'my journal' --flush-interval 10ms");
    place.pipe(&arguments, documents(0, 200).as_bytes()).expect(0, [200, 0, 0, 0]);
}

#[test]
fn a_run_that_stops_at_too_many_errors_goes_on_with_a_higher_limit() {
    let place = Place::new();
    let arguments = ["-c", "c", "--journal", "j", "--flush-interval", "10ms"];
    let mut import = Live::start(&place, &[&arguments[..], &["--max-errors", "0"]].concat());
    let text = "{\"_key\":\"a\"}\nx\ny\n";
    import.feed(text).hear("the same command goes on with the same input: ");
    assert_eq!(import.wait().code, 3);
    place.pipe(&arguments, format!("{text}{{\"_key\":\"b\"}}\n").as_bytes()).expect(1, [2, 2, 0, 0]);
}

#[test]
fn a_finished_journal_prints_the_old_summary_and_stores_nothing() {
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"a\"}\noops\n");
    let arguments = ["-c", "c", "--journal", "j", "a.jsonl"];
    let first = place.run(&arguments);
    first.expect(1, [1, 1, 0, 0]);
    let written = journal(&place);
    let again = place.run(&arguments);
    assert_eq!((again.code, again.stdout), (first.code, first.stdout));
    assert_eq!(journal(&place), written);
}

#[test]
fn a_longer_pipe_goes_on_and_another_one_is_refused() {
    let place = Place::new();
    let arguments = ["-c", "c", "--journal", "j"];
    place.pipe(&arguments, documents(0, 100).as_bytes()).expect(0, [100, 0, 0, 0]);
    place.pipe(&arguments, documents(0, 100).as_bytes()).expect(0, [100, 0, 0, 0]);
    place.pipe(&arguments, documents(0, 150).as_bytes()).expect(0, [150, 0, 0, 0]);
    for other in [documents(0, 100), documents(1, 200)] {
        let ran = place.pipe(&arguments, other.as_bytes());
        assert_eq!(ran.code, 2);
        ran.prints("that of the run that began it");
        assert_eq!(place.rows("c").len(), 150);
    }
}

#[test]
fn what_differs_is_named() {
    let place = Place::new();
    place.file("a.jsonl", documents(0, 10));
    let arguments = ["-c", "c", "--journal", "j", "a.jsonl"];
    place.run(&arguments).expect(0, [10, 0, 0, 0]);
    for (more, what) in [
        (&["--on-duplicate", "update"][..], "other flags: --on-duplicate was error, now update"),
        (&["--key", "n"], "other flags: --key was not given, now n"),
        (&["--null", "x", "-t", "csv"], "other flags: --type was jsonl, now csv"),
        (&["--remove-attribute", "n"], "other flags: one of --translate, --remove-attribute, "),
        (&["a.jsonl"], "other inputs"),
    ] {
        let ran = place.run(&[&arguments[..], more].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(what);
    }
    place.file("a.jsonl", documents(0, 11));
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 2);
    ran.prints("other input: a.jsonl had");
}

#[test]
fn a_journal_that_cannot_be_used_is_refused() {
    let place = Place::new();
    place.file("a.jsonl", documents(0, 10));
    place.file("notes.txt", "not a journal\n");
    for (arguments, what) in [
        (&["--journal", "notes.txt", "a.jsonl"][..], "already exists and is not a journal"),
        (&["--journal", "a.jsonl", "a.jsonl"], "is also an input"),
        (&["--journal", ".", "a.jsonl"], "not a regular file"),
        (&["--journal", "no/j", "a.jsonl"], "No such file or directory"),
        (&["--journal", "j", "--complete", "a.jsonl"], "--journal and --complete cannot be used together"),
        (&["--journal", "j", "--dry-run", "a.jsonl"], "--journal and --dry-run cannot be used together"),
        (&["--journal", "j", "--results", "-", "a.jsonl"], "--results is not a regular file"),
        (&["--journal", "x.db", "--to", "x.db", "a.jsonl"], "x.db is also --to"),
        (&["--journal", "j", "--to", "-", "a.jsonl"], "--journal: stdout is not a regular file"),
    ] {
        let ran = place.import(arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(what);
    }
    assert!(place.is_untouched());
}

#[test]
fn two_runs_cannot_use_one_journal() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "--journal", "j", "--flush-interval", "10ms"]);
    import.feed(documents(0, 10));
    until("the journal", || journal(&place).contains("settled"));
    let ran = place.pipe(&["-c", "c", "--journal", "j"], b"");
    assert_eq!(ran.code, 2);
    ran.prints("another run uses it");
    import.end().expect(0, [10, 0, 0, 0]);
}

#[test]
fn a_store_without_what_the_journal_records_is_refused() {
    let place = Place::new();
    killed(&place, &["-c", "c"], 2);
    std::fs::remove_file(place.store()).expect("the store is there");
    let ran = place.pipe(&["-c", "c", "--journal", "j"], documents(0, 300).as_bytes());
    assert_eq!(ran.code, 2);
    ran.prints("the target does not have what the journal records");
}

#[test]
fn another_import_may_finish_the_load_meanwhile() {
    let (whole, place) = (Place::new(), Place::new());
    let expected = whole.pipe(&["-c", "c"], documents(0, 600).as_bytes());
    killed(&place, &["-c", "c"], 3);
    place.pipe(&["-c", "other"], b"{\"_key\":\"x\"}\n").expect(0, [1, 0, 0, 0]);
    let ran = place.pipe(&["-c", "c", "--journal", "j"], documents(0, 600).as_bytes());
    assert_eq!((ran.code, counts(&ran)), (expected.code, counts(&expected)), "{}", ran.stderr);
    assert_eq!(ran.summary["error_kinds"], expected.summary["error_kinds"]);
}

#[test]
fn a_collection_is_emptied_once() {
    let place = Place::new();
    place.import_text("old.jsonl", "{\"_key\":\"old\"}\n", &[]).expect(0, [1, 0, 0, 0]);
    killed(&place, &["-c", "c", "--overwrite"], 2);
    let ran = place.pipe(&["-c", "c", "--overwrite", "--journal", "j"], documents(0, 280).as_bytes());
    ran.expect(0, [280, 0, 0, 0]);
    assert_eq!(place.rows("c").len(), 280);
}

#[test]
fn a_torn_record_counts_as_not_written() {
    let place = Place::new();
    killed(&place, &["-c", "c"], 2);
    let whole = journal(&place);
    place.file("j", &whole[..whole.len() - 3]);
    place.pipe(&["-c", "c", "--journal", "j"], documents(0, 280).as_bytes()).expect(0, [280, 0, 0, 0]);
    place.file("j", whole.replacen("\"upto\":100,", "\"upto\":101,", 1));
    let ran = place.pipe(&["-c", "c", "--journal", "j"], documents(0, 280).as_bytes());
    assert_eq!(ran.code, 2);
    ran.prints("damaged at byte");
}

#[test]
fn a_journal_is_for_its_owner_only() {
    let place = Place::new();
    place.import_text("a.jsonl", documents(0, 10), &["--journal", "j"]).expect(0, [10, 0, 0, 0]);
    let mode = std::fs::metadata(place.path("j")).expect("the journal").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_full_disk_under_the_journal_stops_the_run_and_the_next_one_goes_on() {
    let place = Place::new();
    place.file("a.jsonl", documents(0, 280));
    let program = env!("CARGO_BIN_EXE_bulkimport");
    // The limit on the size of files stands for the disk: 1 KiB for the journal, and the output is a pipe.
    let script = format!(
        "ulimit -f 2; exec '{program}' -c c --to jsonl:out.jsonl --journal j --batch-size 10 --summary json a.jsonl"
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(place.path(".")).output();
    let output = output.expect("a shell");
    let ran = Ran::of(output.status.code(), &output.stdout, &output.stderr);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("not finished: ");
    let arguments = ["-c", "c", "--to", "jsonl:out.jsonl", "--journal", "j", "--batch-size", "10", "a.jsonl"];
    place.run(&arguments).expect(0, [280, 0, 0, 0]);
    assert_eq!(std::fs::read_to_string(place.path("out.jsonl")).expect("the output"), documents(0, 280));
}

#[test]
fn several_collections_go_on_behind_each_record_of_the_journal() {
    let place = Place::new();
    place.file("a.jsonl", documents(0, 300));
    place.file("b.jsonl", format!("oops\n{}", documents(0, 300)));
    place.file("c.jsonl", documents(100, 400));
    let arguments = ["--to", "bulk:out", "--results", "results", "--journal", "j", "--batch-size", "50"];
    let arguments = [&arguments[..], &["a.jsonl", "b.jsonl", "c.jsonl"]].concat();
    let expected = place.run(&arguments);
    let files = || ["out", "results"].map(|name| std::fs::read_to_string(place.path(name)).expect(name));
    let (whole, written) = (files(), journal(&place));
    expected.expect(1, [900, 1, 0, 0]);
    // Cut there as a kill would, and in the middle of the next record.
    for (end, _) in written.match_indices('\n').skip(1) {
        for end in [end + 1, (end + 30).min(written.len())] {
            place.file("j", &written[..end]);
            place.file("out", &whole[0]);
            place.file("results", &whole[1]);
            let ran = place.run(&arguments);
            let kept = &written[..=written[..end].rfind('\n').expect("a first line")];
            if !kept.contains("{\"settled\"") {
                // No kill leaves that: an output with its final name, and nothing settled.
                assert_eq!(ran.code, 4);
                ran.prints("already exists, and is not of this journal's run");
                continue;
            }
            assert_eq!((ran.code, counts(&ran)), (expected.code, counts(&expected)), "{end}: {}", ran.stderr);
            assert_eq!(files(), whole, "{end}");
        }
    }
}

#[test]
fn a_journal_that_is_older_than_the_store_is_refused() {
    let place = Place::new();
    killed(&place, &["-c", "c"], 3);
    let written = journal(&place);
    let first = written.find("{\"settled\"").expect("a settled batch");
    place.file("j", &written[..first + written[first..].find('\n').expect("its end") + 1]);
    let ran = place.pipe(&["-c", "c", "--journal", "j"], documents(0, 300).as_bytes());
    assert_eq!(ran.code, 2);
    ran.prints("the journal does not have what the target has");
}
