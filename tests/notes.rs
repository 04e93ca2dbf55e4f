//! What would otherwise be silent is said in one note, which changes no exit code and is listed in the JSON summary.

use crate::support::{Place, Ran};
use serde_json::Value;

/// The note of that type in the summary: its count and its text.
fn note(ran: &Ran, kind: &str) -> Option<(u64, String)> {
    let notes = ran.summary["notes"].as_array().expect("a list of notes");
    let found = notes.iter().find(|note| note["type"] == kind)?;
    Some((found["count"].as_u64()?, found["text"].as_str()?.to_owned()))
}

/// Asserts that a note is listed, and printed unless the run is quiet.
#[track_caller]
fn has_note(ran: &Ran, kind: &str, count: u64, text: &str) {
    assert_eq!(note(ran, kind), Some((count, text.to_owned())), "{}", ran.summary);
    ran.prints(&format!("note: {text}\n"));
}

#[track_caller]
fn has_no_note(ran: &Ran) {
    assert_eq!(ran.summary["notes"], Value::Array(Vec::new()), "{}", ran.summary);
    assert!(!ran.stderr.contains("note:"), "{}", ran.stderr);
}

#[test]
fn generated_keys_are_counted_and_the_note_names_key() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "id,name\n1,A\n2,B\n", &[]);
    ran.expect(0, [2, 0, 0, 0]);
    let text = "2 records without a key got a generated one; --key FIELD names the field that is the key";
    has_note(&ran, "generated_keys", 2, text);
    assert_eq!(ran.count("generated_keys"), 2);
    let ran = place.import_text("a.csv", "id,name\n1,A\n", &["--on-duplicate", "ignore"]);
    let text = "1 record without a key got a generated one, so --on-duplicate ignore has no effect there; \
                --key FIELD names the field that is the key";
    has_note(&ran, "generated_keys", 1, text);
    let ran = place.import_text("a.csv", "id,name\n1,A\n", &["--key", "id"]);
    has_no_note(&ran);
    assert_eq!(ran.count("generated_keys"), 0);
}

#[test]
fn keys_of_bulk_lines_are_counted_without_a_note() {
    let place = Place::new();
    let ran = place.import_text("a.bulk", "{\"index\":{}}\n{\"a\":1}\n", &["-t", "bulk"]);
    ran.expect(0, [1, 0, 0, 0]);
    has_no_note(&ran);
    assert_eq!(ran.count("generated_keys"), 1);
}

#[test]
fn a_quiet_run_lists_its_notes_in_the_summary_only() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"a\":1}\n", &["-q"]);
    assert_eq!(ran.stderr, "");
    assert_eq!(note(&ran, "generated_keys").map(|(count, _)| count), Some(1));
}

#[test]
fn notes_about_variables_are_listed_too() {
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"1\"}\n");
    let mut command = place.command(&["-c", "c", "a.jsonl", "--summary", "json"]);
    let output = command.env("BULKIMPORT_ELSEWHERE", "1").output().expect("bulkimport runs");
    let ran = Ran::of(output.status.code(), &output.stdout, &output.stderr);
    has_note(&ran, "unknown_variable", 1, "BULKIMPORT_ELSEWHERE: unknown variable, ignored");
}

#[test]
fn an_input_without_records_is_a_note_however_it_is_empty() {
    for (name, text) in
        [("a.csv", ""), ("a.csv", "\n"), ("a.csv", "\r\n"), ("a.csv", "a,b\n"), ("a.jsonl", ""), ("a.json", "[]")]
    {
        let place = Place::new();
        let ran = place.import_text(name, text, &[]);
        ran.expect(0, [0, 0, 0, 0]);
        has_note(&ran, "no_records", 1, "no records were read");
        let ran = place.import_text(name, text, &["--min-records", "1"]);
        ran.expect(5, [0, 0, 0, 0]).prints("error: 0 records were read, fewer than --min-records 1\n");
        assert_eq!(ran.summary["error"], "0 records were read, fewer than --min-records 1");
    }
}

#[test]
fn fewer_records_than_the_minimum_are_exit_5_and_stay_stored_unless_the_run_is_complete() {
    let text = "{\"_key\":\"a\"}\noops\n";
    let place = Place::new();
    place.import_text("a.jsonl", text, &["--min-records", "2"]).expect(1, [1, 1, 0, 0]);
    let place = Place::new();
    place.import_text("a.jsonl", text, &["--min-records", "3"]).expect(5, [1, 1, 0, 0]);
    assert_eq!(place.docs(), [r#"{"_key":"a"}"#]);
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n", &["--min-records", "3", "--complete"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    ran.prints("1 record was read, fewer than --min-records 3");
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"1\"}\n");
    place.file("b.jsonl", "{\"_key\":\"1\"}\n");
    place.run(&["--min-records", "2", "a.jsonl", "b.jsonl"]).expect(0, [2, 0, 0, 0]);
    place.run(&["--min-records", "3", "--to", "x.db", "a.jsonl", "b.jsonl"]).expect(5, [2, 0, 0, 0]);
}

#[test]
fn one_record_that_wraps_an_array_is_a_note_that_names_its_path() {
    for (name, text, path) in [
        ("a.json", "{\"_key\":\"1\",\"data\":[{\"_key\":\"a\"},{\"_key\":\"b\"}]}", "data"),
        ("a.jsonl", "{\"_key\":\"1\",\"n\":2,\"hits\":{\"total\":1,\"hits\":[ {\"_key\":\"a\"}]}}\n", "hits.hits"),
    ] {
        let place = Place::new();
        let ran = place.import_text(name, text, &[]);
        ran.expect(0, [1, 0, 0, 0]);
        let text = format!(
            "the only record has an array of objects, {path:?}: --records {path} is for records that are its elements"
        );
        has_note(&ran, "wrapped_array", 1, &text);
    }
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"1\",\"data\":[{}]}\n");
    place.file("b.jsonl", "{\"_key\":\"1\"}\n");
    has_no_note(&place.run(&["a.jsonl", "b.jsonl"]));
    for text in ["{\"_key\":\"1\",\"u1\":{\"n\":1},\"u2\":[1]}\n", "{\"_key\":\"1\",\"d\":[{}]}\n{\"_key\":\"2\"}\n"] {
        let place = Place::new();
        has_no_note(&place.import_text("a.jsonl", text, &[]));
    }
}

#[test]
fn a_flag_that_names_no_column_of_the_first_header_stops_before_anything_is_stored() {
    for (flag, label) in [
        (["--remove-attribute", "nmae"], "--remove-attribute nmae"),
        (["--translate", "nmae=x"], "--translate nmae=x"),
        (["--merge-attributes", "full=[nmae] [id]"], "--merge-attributes [nmae]"),
    ] {
        for (name, text) in [("a.csv", "id,name\n1,A\n"), ("a.tsv", "id\tname\n1\tA\n")] {
            let place = Place::new();
            let ran = place.import_text(name, text, &flag);
            ran.expect(2, [0, 0, 0, 0])
                .prints(&format!("{name}:1: {label}: no such column (the header has: id, name)"));
            assert!(place.is_untouched());
        }
        let place = Place::new();
        place.import_text("a.csv", "1,A\n", &[&flag[..], &["--headers", "id,name"]].concat()).expect(2, [0, 0, 0, 0]);
        let place = Place::new();
        let ran = place.import_text("a.x", "[\"id\",\"name\"]\n[1,2]\n", &[&flag[..], &["-t", "arrays"]].concat());
        ran.expect(2, [0, 0, 0, 0]).prints(label);
        // A column without any value matches.
        let place = Place::new();
        place.import_text("a.csv", "id,nmae\n1,\n", &flag).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn a_flag_that_names_no_field_of_any_document_is_a_note() {
    let flags =
        ["--remove-attribute", "nmae", "--translate", "nr=x", "--translate", "a=b", "--merge-attributes", "m=[carier]"];
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"_key\":\"1\",\"a\":1}\n{\"_key\":\"2\"}\n", &flags);
    ran.expect(0, [2, 0, 0, 0]);
    let text = "no record has a field for --merge-attributes [carier], --remove-attribute nmae, --translate nr=x";
    has_note(&ran, "unmatched_flag", 3, text);
    // A merge may use what an earlier one makes, and it may be renamed or removed.
    let flags =
        ["--merge-attributes", "m=[a]", "--merge-attributes", "n=[m]", "--translate", "m=o", "--remove-attribute", "n"];
    let place = Place::new();
    has_no_note(&place.import_text("a.jsonl", "{\"_key\":\"1\",\"\\u0061\":1}\n", &flags));
}

#[test]
fn a_flag_must_match_in_at_least_one_file_of_the_run() {
    let place = Place::new();
    place.file("a.csv", "_key,name\n1,A\n");
    place.file("b.csv", "_key,other\n2,B\n");
    place.file("c.jsonl", "{\"_key\":\"3\"}\n");
    let remove = ["--remove-attribute", "name"];
    has_no_note(place.import(&[&remove[..], &["a.csv", "b.csv", "c.jsonl"]].concat()).expect(0, [3, 0, 0, 0]));
    let ran = place.import(&["--on-duplicate", "replace", "--remove-attribute", "other", "c.jsonl", "b.csv"]);
    has_no_note(ran.expect(0, [0, 0, 2, 0]));
    let ran = place.import(&["--on-duplicate", "replace", "--remove-attribute", "nmae", "c.jsonl", "b.csv"]);
    ran.expect(0, [0, 0, 2, 0]);
    has_note(&ran, "unmatched_flag", 1, "no record has a field for --remove-attribute nmae");
    let datatype = ["--on-duplicate", "replace", "--datatype", "name=string"];
    has_no_note(place.import(&[&datatype[..], &["a.csv", "b.csv"]].concat()).expect(0, [0, 0, 2, 0]));
    // Several collections, on several connections or one.
    let ran = place.run(&["--to", "many.db", "--remove-attribute", "name", "c.jsonl", "a.csv", "b.csv"]);
    has_no_note(ran.expect(0, [3, 0, 0, 0]));
}

#[test]
fn a_header_that_looks_like_data_is_a_note_that_names_headers() {
    for (text, value) in [
        ("1,Ann\n2,Bob\n", "1"),
        ("3,1,1,2\n51,1,,50\n", "3"),
        ("2020-01-01 10:00:00,ERR\n2020-01-01 10:00:01,OK\n", "2020-01-01 10:00:00"),
        ("Ann,1.5\nBob,2\n", "1.5"),
        ("Ann,false\nBob,true\n", "false"),
        ("Ann,12345\nBob,2\n", "12345"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, &[]);
        let text =
            format!("a.csv:1: the header looks like data ({value:?}); --headers NAMES is for a file without a header");
        has_note(&ran, "header_looks_like_data", 1, &text);
    }
    for text in ["country,2023,2024\nCH,1,2\n", "_key,\"1.5\"\n1,2\n", "day,2020-01-01\nx,1\n", "label,0,1\na,1,2\n"] {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, &[]);
        assert_eq!(note(&ran, "header_looks_like_data"), None, "{text}");
    }
}

/// A document with this many levels, of which it is the first.
fn deep(key: &str, levels: usize) -> String {
    let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
    format!("{{\"_key\":\"{key}\",\"x\":{open}{close}}}\n")
}

#[test]
fn documents_too_deep_for_sqlite_are_a_note() {
    let place = Place::new();
    let text = [deep("a", 1000), deep("b", 1001), deep("c", 5000), "{\"_key\":\"d\",\"n\":1}\n".to_owned()].concat();
    let ran = place.import_text("a.jsonl", text, &[]);
    ran.expect(0, [4, 0, 0, 0]);
    let text = "2 documents nested deeper than 1,000 levels, which SQLite's JSON functions do not read";
    has_note(&ran, "deep_documents", 2, text);
    let readable: i64 =
        place.open().query_row("SELECT sum(json_valid(doc)) FROM c", [], |row| row.get(0)).expect("a sum");
    assert_eq!(readable, 2);
    let ran = place.import_text("b.jsonl", "{\"_key\":\"z\",\"n\":5}\n", &["--unique", "n"]);
    assert_eq!(ran.code, 4);
    ran.prints(
        "bulkimport.db: a stored document is nested deeper than 1000 levels, and SQLite cannot read it for an index",
    );
    let place = Place::new();
    has_no_note(&place.import_text("a.jsonl", format!("{{\"_key\":\"a\",\"x\":\"{}\"}}\n", "[".repeat(5000)), &[]));
}

#[test]
fn missing_values_of_a_unique_field_do_not_collide_and_are_a_note() {
    let place = Place::new();
    let lines = ["a\",\"n\":1", "b\",\"n\":null", "c\",\"n\":null", "d\"", "e\"", "f\",\"n\":1.0", "g\",\"n\":true"];
    let text: String = lines.iter().map(|line| format!("{{\"_key\":\"{line}}}\n").replace("\"\"", "\"")).collect();
    let ran = place.import_text("a.jsonl", text, &["--unique", "n"]);
    ran.expect(1, [6, 1, 0, 0]).prints("a.jsonl:6: another document has the same \"n\"");
    has_note(&ran, "missing_unique", 4, "4 records without a value in \"n\" (--unique): missing values do not collide");
    let ran = place.import_text("b.jsonl", "{\"_key\":\"h\"}\n{\"_key\":\"i\",\"n\":2}\n", &["--unique", "n"]);
    ran.expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_header_with_a_note_keeps_the_exit_code_and_the_line() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "_key,\nx,2\nbad\n", &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.csv:3: 1 field");
    has_note(&ran, "unnamed_column", 1, "a.csv:1: 1 column without a name: named column_2");
}

#[test]
fn names_in_notes_are_as_they_were_given() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"_key\":\"a\"}\n", &["--remove-attribute", "{s}{count}"]);
    ran.expect(0, [1, 0, 0, 0]);
    let (_, text) = note(&ran, "unmatched_flag").expect("a note");
    assert!(text.contains("--remove-attribute {s}{count}"), "{text}");
    let ran = place.import_text("b.jsonl", "{\"_key\":\"b\"}\n", &["--unique", "{s}{count}"]);
    let (_, text) = note(&ran, "missing_unique").expect("a note");
    assert!(text.starts_with("1 record without a value in \"{s}{count}\""), "{text}");
}

#[test]
fn min_records_does_not_count_after_a_stop_by_max_errors() {
    let place = Place::new();
    for _ in 0..10 {
        let flags = ["--max-errors", "0", "--min-records", "99", "--overwrite"];
        let ran = place.import_text("a.jsonl", "{\"_key\":1,\n{\"_key\":2}\n", &flags);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
    }
}
