//! How the format of an input is recognised, and what is printed when it cannot be: then nothing is written.

use crate::support::Place;

const WHOLE: &str = "{\"_key\":\"a\"}\n";
const PRETTY: &str = "{\n \"_key\":\"a\"\n}\n";

/// Asserts a usage error with these words, and that nothing was written.
#[track_caller]
fn refused(name: &str, text: &str, words: &[&str]) {
    let place = Place::new();
    let ran = place.import_text(name, text, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for word in words {
        ran.prints(word);
    }
    assert!(place.is_untouched());
    let ran = place.pipe(&["-c", "c"], text.as_bytes());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(place.is_untouched());
}

#[test]
fn names_mean_csv_and_tsv_whatever_is_in_them() {
    for name in ["a.csv", "A.CSV", "a.b.csv", "a.csv.gz", "a.csv.zst", "a.csv.bz2", "a.csv.xz"] {
        let place = Place::new();
        place.import_text(name, "_key,{\n1,2\n", &[]).expect(0, [1, 0, 0, 0]);
        assert_eq!(place.docs(), ["{\"_key\":\"1\",\"{\":2}"], "{name}");
    }
    for name in ["a.tsv", "a.TSV", "a.tsv.gz"] {
        let place = Place::new();
        place.import_text(name, "_key\t[\n1\t2\n", &[]).expect(0, [1, 0, 0, 0]);
        assert_eq!(place.docs(), ["{\"_key\":\"1\",\"[\":2}"], "{name}");
    }
}

#[test]
fn a_bracket_begins_an_array_whatever_the_name() {
    for name in ["a.json", "a.jsonl", "a", "a.ndjson.gz"] {
        let place = Place::new();
        place.import_text(name, "\n [\n{\"_key\":\"a\"},\n{\"_key\":\"b\"}\n]\n", &[]).expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn a_brace_begins_lines_if_the_first_one_is_whole_or_by_the_name() {
    // A blank line counts as empty only where lines count.
    for (name, text, created, errors) in [
        ("a.json", format!("{WHOLE}\n{PRETTY}"), 1, 1),
        ("a", format!("{WHOLE}\n{PRETTY}"), 1, 1),
        ("a.jsonl", format!("\n{PRETTY}{WHOLE}"), 1, 1),
        ("a.NDJSON.gz", format!("\n{PRETTY}{WHOLE}"), 1, 1),
    ] {
        let place = Place::new();
        let ran = place.import_text(name, text, &[]);
        ran.expect(1, [created, errors, 0, 0]);
        assert_eq!(ran.count("empty"), 1, "{name}");
        ran.prints("the object goes on over several lines\nhint: write `-t json`\n");
    }
}

#[test]
fn a_brace_begins_a_stream_if_its_object_goes_on_over_lines() {
    for name in ["a.json", "a", "films.jsonl.json"] {
        let place = Place::new();
        place.import_text(name, PRETTY, &[]).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn a_folder_shows_nothing_of_the_files_in_it() {
    let place = Place::new();
    std::fs::create_dir(place.path("all.jsonl.d")).expect("a folder");
    place.import_text("all.jsonl.d/a.json", PRETTY, &[]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn json_before_a_brace_is_always_a_stream() {
    let place = Place::new();
    place
        .import_text("a.jsonl", "{\"_key\":\"a\"}\n{\n\"_key\":\"b\"}{\"_key\":\"c\"}", &["-t", "json"])
        .expect(0, [3, 0, 0, 0]);
}

#[test]
fn each_input_is_recognised_for_itself() {
    let place = Place::new();
    place.file("a.csv", "_key\n1\n");
    place.file("b.json", "[{\"_key\":\"2\"}]");
    place.file("c", WHOLE);
    place.import(&["a.csv", "b.json", "c"]).expect(0, [3, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"1\"}", "{\"_key\":\"2\"}", "{\"_key\":\"a\"}"]);
}

#[test]
fn what_looks_like_bulk_lines_must_be_asked_for() {
    for action in
        ["{\"index\":{\"_id\":\"1\"}}", "{\"create\":{}}", "{ \"delete\" : {\"_index\":\"i\",\"routing\":\"r\"} }"]
    {
        refused("a.jsonl", &format!("{action}\n{{\"a\":1}}\n"), &["`-t bulk`", "`-t jsonl`"]);
    }
    let place = Place::new();
    place.import_text("a", "{\"index\":{\"_id\":\"1\"}}\n", &["-t", "jsonl"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"index\":{\"_id\":\"1\"}}"]);
}

#[test]
fn a_document_with_the_name_of_an_action_is_a_document() {
    for text in ["{\"index\":{\"size\":1}}", "{\"index\":1}", "{\"index\":{},\"_key\":\"a\"}", "{\"update\":[]}"] {
        let place = Place::new();
        place.import_text("a.jsonl", text, &[]).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn what_looks_like_a_header_of_arrays_must_be_asked_for() {
    refused("a.json", "[\"a\",\"b\"]\n[1,2]\n", &["`-t arrays`", "`-t json`"]);
    let place = Place::new();
    place.import_text("a.json", "[\"a\",\"b\"]", &["-t", "json"]).expect(1, [0, 2, 0, 0]);
}

#[test]
fn what_is_no_json_is_never_guessed() {
    refused("a.txt", "_key,a\n1,2\n", &["a.txt", "`-t csv`", "`-t tsv`"]);
    refused("a", "_key\ta\n1\t2\n", &["`-t csv`"]);
    let page = Place::new().import_text("a", "<!DOCTYPE html>\n<html></html>\n", &[]);
    assert_eq!(page.code, 5);
    page.prints("HTML and XML are not supported");
    refused("a", "hello\n", &["unknown format"]);
    refused("a", "\"text\"\n", &["unknown format"]);
    refused("a", "17\n", &["unknown format"]);
}

#[test]
fn one_input_of_an_unknown_format_keeps_the_others_from_being_stored() {
    let place = Place::new();
    place.file("a.jsonl", WHOLE);
    place.file("b", "hello\n");
    let ran = place.import(&["a.jsonl", "b"]);
    assert_eq!(ran.code, 2);
    ran.prints("b: unknown format");
    assert!(place.is_untouched());
    let ran = place.import(&["a.jsonl", "missing.jsonl"]);
    assert_eq!(ran.code, 5);
    ran.prints("missing.jsonl: no such file");
    assert!(place.is_untouched());
}

#[test]
fn an_input_without_text_has_no_records() {
    for text in ["", "\n", " \n\t\n", "\u{feff}", "\u{feff}\n"] {
        let place = Place::new();
        place.import_text("a", text, &[]).expect(0, [0, 0, 0, 0]);
    }
}

#[test]
fn lines_that_are_skipped_do_not_count_for_the_format() {
    let place = Place::new();
    place.import_text("a", format!("# from the shop\n{WHOLE}"), &["--skip-lines", "1"]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn a_bad_first_line_of_a_jsonl_file_costs_that_line() {
    let place = Place::new();
    place.import_text("a.jsonl", "oops, no\n{\"_key\":\"a\"}\n", &[]).expect(1, [1, 1, 0, 0]).prints("a.jsonl:1:");
}

#[test]
fn a_spreadsheet_is_recognised() {
    let place = Place::new();
    let ran = place.import_text("a.xlsx", b"PK\x03\x04\x14\x00\x06\x00", &[]);
    assert_eq!(ran.code, 5);
    ran.prints("zip archives and spreadsheets are not supported");
    assert!(place.is_untouched());
}
