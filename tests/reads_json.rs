//! NDJSON, arrays and streams of JSON, from files and pipes, however they are compressed.

use crate::support::Place;

const LINES: &str = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":2}\n";

#[test]
fn the_last_line_needs_no_newline() {
    let place = Place::new();
    place.import_text("a.jsonl", LINES.trim_end(), &[]).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), LINES.lines().collect::<Vec<_>>());
}

#[test]
fn carriage_returns_blanks_and_a_byte_order_mark_are_no_part_of_a_document() {
    let place = Place::new();
    let text = "\u{feff}{\"_key\":\"a\"}\r\n\r\n   \t\r\n  {\"_key\":\"b\"}  \r\n";
    let ran = place.import_text("a.jsonl", text, &[]);
    ran.expect(0, [2, 0, 0, 0]);
    assert_eq!(ran.count("empty"), 2);
    assert_eq!(place.docs(), ["{\"_key\":\"a\"}", "{\"_key\":\"b\"}"]);
}

#[test]
fn an_array_is_the_same_as_its_elements_one_a_line() {
    for text in [
        "[{\"_key\":\"a\",\"n\":1},{\"_key\":\"b\",\"n\":2}]",
        " [\n  {\"_key\":\"a\",\"n\":1}\n ,\n {\"_key\":\"b\",\"n\":2}\n]\n\n",
        "{\"_key\":\"a\",\"n\":1}{\"_key\":\"b\",\"n\":2}",
        "{\"_key\":\"a\",\"n\":1}\n\n{\"_key\":\"b\",\"n\":2}",
    ] {
        let place = Place::new();
        place.import_text("a.json", text, &["-t", "json"]).expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), LINES.lines().collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn a_pretty_printed_stream_needs_no_flag() {
    let place = Place::new();
    let ran = place.pipe(&["-c", "c"], b"{\n \"_key\": \"a\"\n}\n{\n \"_key\": \"b\"\n}\n");
    ran.expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\n \"_key\": \"a\"\n}", "{\n \"_key\": \"b\"\n}"]);
}

#[test]
fn a_broken_array_stops_with_5_after_what_came_before() {
    for (text, why) in [
        ("[{\"_key\":\"a\"},{\"_key\":\"b\"", "unexpected end of input"),
        ("[{\"_key\":\"a\"},{\"_key\":\"b\"}", "unexpected end of input"),
        ("[{\"_key\":\"a\"},{\"_key\":\"b\"}x]", "expected `,` or `]`"),
        ("[{\"_key\":\"a\"},{\"_key\":\"b\"},]", "after a comma"),
        ("[{\"_key\":\"a\"},{\"_key\":\"b\"}]{}", "unexpected text after the JSON array"),
        ("[{\"_key\":\"a\"},\n{\"_key\":\"b\"},\n{oops}]", "a.json:3"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.json", text, &[]);
        assert_eq!(ran.code, 5, "{text}: {}", ran.stderr);
        ran.prints(why);
        let stored = if why == "unexpected end of input" && !text.ends_with('}') { 1 } else { 2 };
        assert_eq!(place.docs().len(), stored, "{text}");
    }
}

#[test]
fn elements_that_are_no_objects_are_errors_and_reading_goes_on() {
    let place = Place::new();
    let ran = place.import_text("a.json", "[1,{\"_key\":\"a\"},null,\"x\",[],{\"_key\":\"b\"}]", &[]);
    ran.expect(1, [2, 4, 0, 0]).prints("a.json:1 (record 3): expected an object, found null");
}

#[test]
fn a_broken_line_of_a_stream_costs_that_line_only() {
    let place = Place::new();
    let text = "{\"_key\":\"a\"}\n{\"_key\": oops {\n{\"_key\":\"b\"}\n{\"_key\":\"c\"";
    place.import_text("a.json", text, &["-t", "json"]).expect(1, [2, 2, 0, 0]).prints("a.json:2:");
}

#[test]
fn an_object_broken_over_several_lines_stops_the_run() {
    let place = Place::new();
    let ran = place.import_text("a.json", "{\"_key\":\"a\"}\n{\n \"_key\": oops\n}\n{\"_key\":\"b\"}", &["-t", "json"]);
    ran.expect(5, [1, 0, 0, 0]);
}

#[test]
fn lines_longer_than_the_limit_are_one_error_each() {
    let place = Place::new();
    let text = format!("{{\"_key\":\"a\"}}\n{{\"x\":\"{}\"}}\n{{\"_key\":\"b\"}}\n", "x".repeat(900_000));
    let ran = place.import_text("a.jsonl", text, &["--max-record-bytes", "1000"]);
    ran.expect(1, [2, 1, 0, 0]).prints("a.jsonl:2: longer than --max-record-bytes");
}

#[test]
fn elements_longer_than_the_limit_are_one_error_each_however_they_come() {
    let long = format!("{{\"x\":[\"{}\\\"}}]\"]}}", "y".repeat(700_000));
    let digits = "1".repeat(2000);
    for (text, line) in [
        (format!("[{{\"_key\":\"a\"}},\n{long},\n{{\"_key\":\"b\"}},{digits}]"), "a.json:2"),
        (format!("[{{\"_key\":\"a\"}},{digits},\n{{\"_key\":\"b\"}}\n,{long}]"), "a.json:1"),
        (format!("{{\"_key\":\"a\"}}\n\n{long}{{\"_key\":\"b\"}}\n\"{digits}\""), "a.json:3"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.json", &text, &["-t", "json", "--max-record-bytes", "1000"]);
        ran.expect(1, [2, 2, 0, 0]).prints("longer than --max-record-bytes").prints(line);
        assert_eq!(place.docs(), ["{\"_key\":\"a\"}", "{\"_key\":\"b\"}"]);
    }
}

#[test]
fn an_element_longer_than_the_limit_that_does_not_end_stops_the_run() {
    for (text, said) in [
        (
            format!("{{\"_key\":\"a\"}}\n{{\"x\":[{}}}\n{{\"_key\":\"b\"}}\n", "1,".repeat(2000)),
            "unexpected end of input in a record longer than --max-record-bytes",
        ),
        (format!("{{\"_key\":\"a\"}}\n{{\"x\":\"{}\n{{\"_key\":\"b\"}}\n", "x".repeat(2000)), "line break in a string"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.json", text, &["-t", "json", "--max-record-bytes", "1000"]);
        ran.expect(5, [1, 0, 0, 0]).prints("a.json:2").prints(said);
    }
}

#[test]
fn bad_utf8_is_an_error_of_its_line() {
    let place = Place::new();
    place
        .import_text("a.jsonl", b"{\"_key\":\"a\"}\n{\"_key\":\"\xff\"}\n", &[])
        .expect(1, [1, 1, 0, 0])
        .prints("a.jsonl:2: invalid UTF-8");
}
