//! The summary, the error lines and the exit code.

use crate::support::Place;
use serde_json::{Value, json};
use std::fmt::Write;

/// Twenty lines that are no good, and what is said of each.
const BAD_LINES: [(&[u8], &str); 20] = [
    (b"{oops}", "expected a field name in quotes, at byte 2"),
    (b"{\"a\":1", "unexpected end of line in object"),
    (b"{\"a\":1} x", "unexpected text after the object, at byte 8"),
    (b"{\"a\":1}{\"a\":2}", "unexpected text after the object, at byte 8"),
    (b"[1,2]", "expected an object, found an array"),
    (b"null", "expected an object, found null"),
    (b"17", "expected an object, found a number"),
    (b"\"text\"", "expected an object, found a string"),
    (b"true", "expected an object, found a boolean"),
    (b"hello", "not a JSON object"),
    (b"{\"a\":\"\xff\"}", "invalid UTF-8 at byte 7"),
    (b"{\"a\":01}", "a number may not begin with 0, at byte 6"),
    (b"{\"a\":1,}", "expected a field name in quotes, at byte 8"),
    (b"{\"a\":\"\x01\"}", "control character in a string, at byte 7"),
    (b"{\"a\":\"\\x\"}", "unknown escape in a string, at byte 7"),
    (b"{\"_key\":\"good-1\"}", "duplicate key \"good-1\""),
    (b"{\"_key\":{}}", "the key is an object, not a string or a number"),
    (b"{\"_key\":\"\"}", "the key is empty"),
    (b"{\"_key\":\"x\",\"_key\":\"y\"}", "duplicate field \"_key\""),
    (b"{\"_key\":\"x\",\"_id\":\"y\"}", "\"_key\" and \"_id\" differ"),
];

/// A thousand good lines with a bad one after every fiftieth; the line number of each bad one.
fn good_and_bad() -> (Vec<u8>, Vec<usize>) {
    let (mut text, mut places, mut line) = (Vec::new(), Vec::new(), 0);
    for number in 1..=1000 {
        text.extend(format!("{{\"_key\":\"good-{number}\"}}\n").bytes());
        line += 1;
        if number % 50 == 0 {
            text.extend(BAD_LINES[number / 50 - 1].0);
            text.push(b'\n');
            line += 1;
            places.push(line);
        }
    }
    (text, places)
}

#[test]
fn twenty_kinds_of_bad_lines_are_named_and_a_thousand_good_ones_stored() {
    let place = Place::new();
    let (text, places) = good_and_bad();
    let ran = place.import_text("mixed.jsonl", text, &["--details"]);
    ran.expect(1, [1000, 20, 0, 0]);
    assert_eq!(place.docs().len(), 1000);
    for ((_, reason), line) in BAD_LINES.iter().zip(places) {
        let start = format!("mixed.jsonl:{line}: ");
        let said = ran.stderr.lines().find(|said| said.starts_with(&start));
        assert!(said.is_some_and(|said| said.ends_with(reason)), "line {line}, {reason:?} of:\n{}", ran.stderr);
    }
    assert_eq!(ran.stderr.lines().count(), 21, "{}", ran.stderr);
    let kinds = ran.summary["error_kinds"].as_array().expect("kinds");
    let kinds: Vec<(&str, u64)> =
        kinds.iter().filter_map(|kind| Some((kind["type"].as_str()?, kind["count"].as_u64()?))).collect();
    let expected = [
        ("ambiguous_key", 2),
        ("duplicate_key", 1),
        ("illegal_key", 2),
        ("invalid_json", 9),
        ("invalid_utf8", 1),
        ("not_an_object", 5),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_text_summary_is_four_lines_and_what_else_is_not_zero() {
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"a\"}\n\n{\"_key\":\"a\"}\n");
    let ran = place.run(&["-c", "c", "--summary", "text", "a.jsonl"]);
    assert_eq!(ran.stdout, "created: 1\nerrors: 1\nupdated: 0\nignored: 0\nempty: 1\n");
    assert_eq!(ran.code, 1);
    ran.prints("a.jsonl:3: duplicate key \"a\"");
    let ran = place.run(&["-c", "c", "--summary", "text", "--delete-keys", "a.jsonl"]);
    assert_eq!(ran.stdout, "created: 0\nerrors: 0\nupdated: 0\nignored: 1\ndeleted: 1\nempty: 1\n");
    let ran = place.run(&["-c", "c", "--summary", "text", "--dry-run", "a.jsonl"]);
    assert_eq!(ran.stdout, "created: 0\nerrors: 0\nupdated: 0\nignored: 0\nempty: 1\nvalid: 2\n");
}

#[test]
fn the_json_summary_has_every_field_and_is_one_line() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n\n{\"_key\":\"a\"}\n{oops}\n{oh}\n", &[]);
    assert_eq!(ran.stdout.lines().count(), 1);
    let mut summary = ran.summary.clone();
    assert!(summary["seconds"].as_f64().is_some_and(|seconds| (0.0..60.0).contains(&seconds)));
    summary["seconds"] = json!(0);
    let first = |line: u64, record: u64| json!({ "file": "a.jsonl", "line": line, "record": record });
    let expected = json!({
        "schema": 1, "exit_code": 1, "target": "bulkimport.db", "collection": "c", "files": ["a.jsonl"], "dry_run": false,
        "read": 4, "created": 1, "updated": 0, "ignored": 0, "deleted": 0, "errors": 3, "unknown": 0, "unsent": 0, "valid": null, "empty": 1,
        "uncertain": 0, "requests": 0, "retried": 0, "bytes_read": 39, "bytes_sent": 0, "seconds": 0,
        "error_kinds": [
            { "type": "duplicate_key", "count": 1, "first": first(3, 2), "reason": "duplicate key \"a\"" },
            { "type": "invalid_json", "count": 2, "first": first(4, 3), "reason": "expected a field name in quotes, at byte 2" },
        ],
        "collections": [
            { "name": "c", "created": 1, "updated": 0, "ignored": 0, "deleted": 0, "errors": 3, "unknown": 0, "unsent": 0 },
        ],
        "generated_keys": 0, "notes": [], "error": null, "rejects": null, "journal": null,
    });
    assert_eq!(summary, expected);
}

#[test]
fn bytes_read_are_counted_as_they_are_stored() {
    let place = Place::new();
    let packed = crate::support::testdata("films.jsonl.gz");
    let size = std::fs::metadata(&packed).expect("testdata").len();
    let ran = place.import(&[packed.to_str().expect("a path")]);
    assert_eq!((ran.code, ran.count("bytes_read"), ran.count("created")), (0, size, 12));
}

#[test]
fn a_mistake_is_reported_in_json_too_when_json_was_asked_for() {
    let place = Place::new();
    let ran = place.run(&["-c", "c", "--limit", "many"]);
    assert_eq!(
        ran.summary,
        json!({ "schema": 1, "exit_code": 2, "error": "invalid value \"many\" for --limit: not a whole number" })
    );
    ran.prints("error: invalid value \"many\" for --limit: not a whole number\n");
    let ran = place.run(&["-c", "c", "nowhere.jsonl"]);
    assert_eq!(ran.summary, json!({ "schema": 1, "exit_code": 5, "error": "nowhere.jsonl: no such file" }));
    assert!(place.is_untouched());
}

#[test]
fn the_first_ten_errors_are_said_and_the_rest_by_kind() {
    let place = Place::new();
    let mut text = "{oops}\n".repeat(12);
    text.push_str("[]\n{\"_key\":\"a\"}\n");
    let ran = place.import_text("a.jsonl", &text, &[]);
    ran.expect(1, [1, 13, 0, 0]);
    let mut expected = "importing into bulkimport.db, collection c\n".to_owned();
    for line in 1..=10 {
        let _ = writeln!(expected, "a.jsonl:{line}: expected a field name in quotes, at byte 2");
    }
    expected.push_str("and 3 more errors (--details shows all); errors by kind:\n");
    expected.push_str("  invalid_json: 12, first a.jsonl:1: expected a field name in quotes, at byte 2\n");
    expected.push_str("  not_an_object: 1, first a.jsonl:13: expected an object, found an array\n");
    assert_eq!(ran.stderr, expected);

    let ran = place.import(&["--skip-lines", "2", "--on-duplicate", "ignore", "a.jsonl"]);
    ran.expect(1, [0, 11, 0, 1]).prints("and 1 more error (--details shows all); errors by kind:\n");

    let all = place.import(&["--details", "a.jsonl"]);
    assert_eq!(all.stderr.lines().filter(|line| line.starts_with("a.jsonl:")).count(), 14, "{}", all.stderr);
    assert!(!all.stderr.contains("more errors"));
}

#[test]
fn duplicates_that_the_late_index_finds_are_said_in_the_order_of_their_lines() {
    let place = Place::new();
    let mut text = String::new();
    for number in (0..30).chain(0..30) {
        // Keys whose order is not that of the lines.
        let _ = writeln!(text, "{{\"_key\":\"{}\"}}", (number * 7919) % 101);
    }
    let ran = place.import_text("a.jsonl", text, &["--details"]);
    ran.expect(1, [30, 30, 0, 0]);
    let lines: Vec<u64> =
        ran.stderr.lines().filter_map(|line| line.strip_prefix("a.jsonl:")?.split(':').next()?.parse().ok()).collect();
    assert_eq!(lines, (31..=60).collect::<Vec<u64>>());
    assert_eq!(ran.summary["error_kinds"][0]["first"]["line"], 31);
}

#[test]
fn several_files_are_distinguished() {
    let place = Place::new();
    place.file("b.jsonl", "\n{oops}\n");
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n{oops}\n", &["b.jsonl"]);
    ran.expect(1, [1, 2, 0, 0]).prints("b.jsonl:2: ").prints("a.jsonl:2: ");
    assert_eq!(ran.summary["files"], json!(["b.jsonl", "a.jsonl"]));
}

#[test]
fn quiet_prints_nothing_but_the_summary() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n{oops}\n", &["-q"]);
    ran.expect(1, [1, 1, 0, 0]);
    assert_eq!(ran.stderr, "");
    let ran = place.import(&["-q", "--details", "--on-duplicate", "ignore", "a.jsonl"]);
    assert_eq!(ran.stderr, "a.jsonl:2: expected a field name in quotes, at byte 2\n");
    let ran = place.import(&["-q", "--max-errors", "0", "--on-duplicate", "ignore", "a.jsonl"]);
    assert_eq!(ran.code, 3);
    assert_eq!(ran.stderr, "error: more errors than --max-errors allows: 1\n");
}

#[test]
fn verbose_prints_how_each_input_is_read_and_when_each_step_is_done() {
    let place = Place::new();
    place.file("b.csv", "_key,n\nx,1\n");
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n", &["-v", "b.csv"]);
    ran.expect(0, [2, 0, 0, 0]);
    let mut lines: Vec<&str> = ran.stderr.lines().map(|line| line.rsplit(" s: ").next().unwrap_or(line)).collect();
    // What the reading thread says and what the lane says come in any order.
    lines[3..].sort_unstable();
    let expected = [
        "importing into bulkimport.db, collection c",
        "b.csv is read as csv",
        "a.jsonl is read as jsonl",
        "2 records read",
        "2 records settled",
        "building the index",
    ];
    assert_eq!(lines, expected, "{}", ran.stderr);
}

#[test]
fn stdout_has_the_summary_and_nothing_else() {
    let place = Place::new();
    let (text, _) = good_and_bad();
    place.file("mixed.jsonl", text);
    for more in [&["--details"][..], &["-v"], &["--progress", "plain"], &["--progress", "bar"], &["--color", "always"]]
    {
        let ran = place.run(&[&["-c", "c", "--overwrite", "--summary", "text", "mixed.jsonl"], more].concat());
        assert_eq!(ran.stdout, "created: 1000\nerrors: 20\nupdated: 0\nignored: 0\n", "{more:?}");
    }
}

#[test]
fn colour_is_for_the_words_error_and_hint() {
    let place = Place::new();
    let ran = place.run(&["-c", "c", "--to", "products", "--color", "always"]);
    ran.prints("\u{1b}[1;31merror:\u{1b}[0m invalid value \"products\" for --to")
        .prints("\n\u{1b}[1;36mhint:\u{1b}[0m a new store");
    let ran = place.import_text("a.jsonl", "{oops}\n", &["--color=always", "--max-errors", "0"]);
    ran.prints("\u{1b}[1;31merror:\u{1b}[0m more errors");
    let plain = place.import(&["--max-errors", "0", "a.jsonl"]);
    assert!(!plain.stderr.contains('\u{1b}'), "stderr is no terminal here: {}", plain.stderr);
}

// One test for each exit code, 0 to 6; 130 and 143 are with the signals.

#[test]
fn exit_0_every_record_is_stored_or_deliberately_ignored() {
    let place = Place::new();
    place.import_text("a.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n", &[]).expect(0, [2, 0, 0, 0]);
    place.import(&["--on-duplicate", "ignore", "a.jsonl"]).expect(0, [0, 0, 0, 2]);
    place.import(&["--on-duplicate", "update", "a.jsonl"]).expect(0, [0, 0, 2, 0]);
    place.pipe(&["-c", "c"], b"").expect(0, [0; 4]);
    let dry = place.import(&["--dry-run", "a.jsonl"]);
    assert_eq!((dry.code, dry.count("unsent"), dry.count("valid")), (0, 2, 2));
}

#[test]
fn exit_1_some_records_were_rejected() {
    let place = Place::new();
    place.import_text("a.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\n", &[]).expect(1, [1, 1, 0, 0]);
    let dry = place.import_text("b.jsonl", "{oops}\n{\"_key\":\"b\"}\n", &["-n"]);
    assert_eq!((dry.code, dry.count("errors"), dry.count("unsent")), (1, 1, 1));
}

#[test]
fn exit_2_the_command_line_is_wrong_and_nothing_was_done() {
    let place = Place::new();
    assert_eq!(place.import_text("a.jsonl", "{}\n", &["--nonsense"]).code, 2);
    assert!(place.is_untouched());
}

#[test]
fn exit_3_more_errors_than_allowed() {
    let place = Place::new();
    let text = "{oops}\n".repeat(3) + "{\"_key\":\"a\"}\n";
    assert_eq!(place.import_text("a.jsonl", &text, &["--max-errors", "3"]).code, 1);
    let ran = place.import(&["--max-errors", "2", "a.jsonl"]);
    assert_eq!(ran.code, 3);
    let reported = ran.summary["error"].as_str().expect("why the run was stopped");
    assert!(reported.starts_with("more errors than --max-errors allows: "), "{reported}");
    ran.prints(&format!("error: {reported}\n"));
    assert_eq!(place.import(&["--max-errors", "74%", "a.jsonl"]).code, 3);
    assert_eq!(place.import(&["--max-errors", "75%", "--on-duplicate", "ignore", "a.jsonl"]).code, 1);
}

#[test]
fn exit_4_the_store_cannot_be_used() {
    let place = Place::new();
    place.file("no-store.db", "this is a text, and no database at all");
    place.file("a.jsonl", "{\"_key\":\"a\"}\n");
    let ran = place.import(&["--to", "no-store.db", "a.jsonl"]);
    assert_eq!(ran.code, 4);
    ran.prints("error: no-store.db: not a SQLite database\n");
    assert_eq!(ran.summary["exit_code"], 4);
    let ran = place.import(&["--to", "missing/x.db", "a.jsonl"]);
    assert_eq!(ran.code, 4);
    ran.prints("error: missing/x.db: ");
    let left = std::fs::read_to_string(place.path("no-store.db")).expect("the file");
    assert_eq!(left, "this is a text, and no database at all");
}

#[test]
fn exit_5_the_input_cannot_be_read() {
    let place = Place::new();
    let packed = std::fs::read(crate::support::testdata("films.jsonl.gz")).expect("testdata");
    let ran = place.import_text("torn.jsonl.gz", &packed[..packed.len() / 2], &[]);
    assert_eq!(ran.code, 5);
    ran.prints("error: torn.jsonl.gz:").prints("unexpected end of compressed data");
    let reported: &Value = &ran.summary["error"];
    assert!(reported.as_str().is_some_and(|text| text.starts_with("torn.jsonl.gz:")), "{reported}");
    assert_eq!(place.docs().len() as u64, ran.count("created"), "what came before is stored");

    let nothing = Place::new();
    assert_eq!(nothing.import(&["nowhere.jsonl"]).code, 5);
    assert!(nothing.is_untouched());
}

#[test]
fn exit_6_all_was_rolled_back() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\n", &["--complete"]);
    ran.expect(6, [0, 1, 0, 0]).prints("error: everything was rolled back, because of --complete\n");
    assert_eq!(ran.count("unsent"), 1);
    assert_eq!(ran.summary["error"], "everything was rolled back, because of --complete");
    assert!(place.is_untouched(), "the store that the failed run created is removed again");
    place.import_text("b.jsonl", "{\"_key\":\"b\"}\n", &["--complete"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"b\"}"]);
}
