//! JSON as people have it: marks between records, what other languages allow, and formats that were taken for NDJSON.

use crate::support::Place;

/// Imports a text and asserts the counts; returns what was printed.
#[track_caller]
fn reads(name: &str, text: impl AsRef<[u8]>, code: i32, created: u64, errors: u64) -> String {
    let place = Place::new();
    let ran = place.import_text(name, text, &[]);
    ran.expect(code, [created, errors, 0, 0]);
    ran.stderr
}

#[test]
fn arrays_come_one_after_another() {
    reads("a.json", "[{\"_key\":\"a\"}][{\"_key\":\"b\"}]", 0, 2, 0);
    reads("a.json", "[{\"_key\":\"a\"}]\n[]\n[\n{\"_key\":\"b\"}]\n", 0, 2, 0);
    reads("a.json", "[{\"_key\":\"a\"}],[{\"_key\":\"b\"}]", 5, 1, 0);
}

#[test]
fn record_separators_and_byte_order_marks_before_a_record_are_no_part_of_it() {
    for (name, text) in [
        ("a.json", "\x1e{\"_key\":\"a\"}\n\x1e{\"_key\":\"b\"}\n"),
        ("a.jsonl", "\x1e{\"_key\":\"a\"}\n\x1e{\"_key\":\"b\"}\n"),
        ("a", "\x1e{\"_key\":\"a\"}\x1e{\"_key\":\"b\"}"),
        ("a.jsonl", "\u{feff}{\"_key\":\"a\"}\n\u{feff}{\"_key\":\"b\"}\n"),
        ("a.json", "[\u{feff}{\"_key\":\"a\"},\n\u{feff}{\"_key\":\"b\"}]"),
        ("a.json", "[{\"_key\":\"a\"}]\n\u{feff}[{\"_key\":\"b\"}]"),
    ] {
        let place = Place::new();
        place.import_text(name, text, &[]).expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), ["{\"_key\":\"a\"}", "{\"_key\":\"b\"}"], "{text:?}");
        let place = Place::new();
        place.pipe(&["-c", "c"], text.as_bytes()).expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn pretty_printed_json_after_record_separators() {
    let place = Place::new();
    place.import_text("a", "\x1e{\n\"_key\":\"a\"\n}\n\x1e{\n\"_key\":\"b\"\n}\n", &[]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_bad_element_of_an_array_is_one_error_and_reading_goes_on() {
    for (bad, said) in [
        ("{\"_key\":\"b\",\"v\":NaN}", "NaN is not JSON, at byte 17"),
        ("{\"_key\":\"b\",\"v\":-Infinity}", "-Infinity is not JSON, at byte 18"),
        ("{\"_key\":\"b\",\"v\":[Infinity,{\"x\":\"]},\"}]}", "Infinity is not JSON"),
        ("{\"_key\":\"b\",\"v\":None}", "None is not JSON"),
        ("{\"_key\":\"b\",\"v\":007}", "a number may not begin with 0"),
        ("{\"_key\":\"b\",\"v\":1.}", "expected a digit"),
        ("{\"_key\":\"b\",\"v\":\"\\x41\"}", "unknown escape in a string"),
        ("{\"_key\":\"b\",\"v\":\"a\tb\"}", "control character in a string"),
        ("NaN", "not a JSON object"),
        ("undefined", "not a JSON object"),
    ] {
        let printed = reads("a.json", format!("[{{\"_key\":\"a\"}},\n{bad},\n{{\"_key\":\"c\"}}]"), 1, 2, 1);
        assert!(bad.starts_with(char::is_alphabetic) || printed.contains(said), "{said}: {printed}");
        assert!(printed.contains("a.json:2"), "{printed}");
    }
}

#[test]
fn invalid_utf8_in_an_element_is_one_error() {
    let printed = reads("a.json", b"[{\"_key\":\"a\"},\n{\"_key\":\"\xfc\"},\n{\"_key\":\"c\"}]", 1, 2, 1);
    assert!(printed.contains("a.json:2: invalid UTF-8 at byte 10"), "{printed}");
}

#[test]
fn an_element_whose_end_is_uncertain_stops_the_run() {
    for bad in [
        "{\"v\":\"b\"c\",\"d\":1}",
        "{\"v\":b\",\"c\":1}",
        "{'v':'},{'}",
        "{\"v\":'it'}",
        "{\"v\":1 // it's\n}",
        "{\"v\":[1}",
        "{\"v\":1,}",
        "{v:1}",
    ] {
        let place = Place::new();
        let text = format!("[{{\"_key\":\"a\"}},\n{bad},\n{{\"_key\":\"c\"}}]");
        place.import_text("a.json", &text, &[]).expect(5, [1, 0, 0, 0]).prints("error: a.json:2: broken JSON array: ");
    }
}

#[test]
fn a_comma_after_each_line_is_named_and_the_hint_removes_it() {
    let text = "{\"_key\":\"a\"},\n{\"_key\":\"b\"}, \n{\"_key\":\"c\"}\n";
    let printed = reads("a.jsonl", text, 1, 1, 2);
    let hint = "hint: `sed 's/,[[:space:]]*$//' FILE` removes the commas\n";
    assert!(printed.contains(&format!("a.jsonl:1: a comma after the object, at byte 13\n{hint}")), "{printed}");
    assert_eq!(printed.matches("hint: ").count(), 1, "{printed}");
    let place = Place::new();
    place.file("FILE", text);
    let cut = std::process::Command::new("sh")
        .args(["-c", printed.split('`').nth(1).expect("a command")])
        .current_dir(place.path("."))
        .output()
        .expect("sed runs");
    place.pipe(&["-c", "c"], &cut.stdout).expect(0, [3, 0, 0, 0]);
    let printed = reads("a.jsonl", "{\"_key\":\"a\",\"n\":1},{\"_key\":\"b\"}\n", 1, 0, 1);
    assert!(printed.contains("a comma after the object, at byte 19\n"), "{printed}");
}

#[test]
fn what_other_languages_allow_is_named() {
    for (line, said) in [
        ("{'_key':'x'}", "single quotes, where JSON has double quotes, at byte 2"),
        ("{\"_key\":'x'}", "single quotes, where JSON has double quotes, at byte 9"),
        ("{\"_key\":\"x\"} // note", "a comment after the object, which JSON does not have"),
        ("{\"_key\":\"x\", /* note */ \"n\":1}", "a comment, which JSON does not have"),
        ("// note", "a comment, which JSON does not have"),
        ("# note", "a comment, which JSON does not have"),
        ("{\"_key\":NaN}", "NaN is not JSON, at byte 9"),
        ("{\"_key\":True}", "True is not JSON, at byte 9"),
        ("{“_key”:1}", "typographic quotes, where JSON has \""),
    ] {
        let printed = reads("a.jsonl", format!("{{\"_key\":\"a\"}}\n{line}\n{{\"_key\":\"c\"}}\n"), 1, 2, 1);
        assert!(printed.contains(&format!("a.jsonl:2: {said}")), "{line}: {printed}");
    }
}

#[test]
fn a_pretty_printed_object_in_a_jsonl_file_is_one_error() {
    let text = "{\n \"_key\":\"a\",\n \"items\":[\n  {\"sku\":1},\n  {\"sku\":2}\n ]\n}\n{\"_key\":\"b\"}\n{\n\"_key\":\"c\"\n}";
    let printed = reads("a.jsonl", text, 1, 1, 2);
    assert!(printed.contains("a.jsonl:1: the object goes on over several lines\nhint: write `-t json`\n"), "{printed}");
    assert!(printed.contains("a.jsonl:9: the object goes on over several lines\n"), "{printed}");
    let place = Place::new();
    place.import_text("a.jsonl", text, &["-t", "json"]).expect(0, [3, 0, 0, 0]);
}

#[test]
fn a_line_that_is_cut_costs_that_line_only() {
    for cut in ["{\"_key\":\"x", "{\"_key\":", "{\"_key\":\"x\"", "{\"_key\":\"x\",", "{\"a\":[", "{\"a\":[1,", "{"] {
        let printed =
            reads("a.jsonl", format!("{{\"_key\":\"a\"}}\n{cut}\n{{\"_key\":\"b\"}}\n{{\"_key\":\"c\"}}\n"), 1, 3, 1);
        assert!(printed.contains("a.jsonl:2: unexpected end of line in object"), "{cut}: {printed}");
    }
}

#[test]
fn lines_that_end_with_a_carriage_return_are_the_same_by_name_and_on_stdin() {
    let text = "{\"_key\":\"a\"}\r{\"_key\":\"b\"}\r{\"_key\":\"c\"}\r";
    reads("a.jsonl", text, 0, 3, 0);
    reads("a.ndjson", text, 0, 3, 0);
    reads("a.json", text, 0, 3, 0);
    Place::new().pipe(&["-c", "c"], text.as_bytes()).expect(0, [3, 0, 0, 0]);
}

#[test]
fn marks_without_a_record_are_blank() {
    for text in ["\x1e \n{\"_key\":\"a\"}\n\u{feff}\n\x1e", "\u{feff}\u{feff}{\"_key\":\"a\"}\n\x1e\x1e\n"] {
        for name in ["a.jsonl", "a.json"] {
            reads(name, text, 0, 1, 0);
        }
    }
}

#[test]
fn what_stands_between_records_is_no_record() {
    reads("a.jsonl", "{\"_key\":\"a\"}\n}\n{\"_key\":\"b\"}\n", 1, 2, 1);
    reads("a.jsonl", "{\"_key\":\"a\"}\n{\n{\"_key\":\"b\"}\n}\n", 1, 2, 2);
}
