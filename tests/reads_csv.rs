//! CSV and TSV: headers and rows, and on which line a mistake is.

use crate::live::{Live, until};
use crate::support::Place;

/// The documents of a file in which every row is good.
#[track_caller]
fn docs_of(name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> Vec<String> {
    let place = Place::new();
    let ran = place.import_text(name, text, arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let docs = place.docs();
    ran.expect(0, [docs.len() as u64, 0, 0, 0]);
    docs
}

/// An import that stops at this line with these words, after `stored` documents.
#[track_caller]
fn stops(text: impl AsRef<[u8]>, arguments: &[&str], said: &str, stored: u64) {
    let place = Place::new();
    let ran = place.import_text("a.csv", text, arguments);
    ran.prints(said).expect(5, [stored, ran.count("errors"), 0, 0]);
    assert_eq!(place.store().exists(), stored > 0, "{}", ran.stderr);
}

#[test]
fn skipped_lines_end_as_the_lines_of_the_file_do() {
    for (number, end) in ["\n", "\r\n", "\r"].into_iter().enumerate() {
        let place = Place::new();
        let text = ["exported by a tool", "on a day", "_key,n", "a,1", ""].join(end);
        let ran = place.import_text("a.csv", text, &["--skip-lines", "2"]);
        ran.expect(0, [1, 0, 0, 0]);
        assert_eq!(place.docs(), ["{\"_key\":\"a\",\"n\":1}"], "line end {number}");
    }
}

#[test]
fn ragged_rows_are_errors_with_their_line() {
    let place = Place::new();
    let text = "_key,a\n1,2\n2\n3,4,5\n\n4,6\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [2, 2, 0, 0])
        .prints("a.csv:3: 1 field, but the header has 2")
        .prints("a.csv:4: 3 fields, but the header has 2");
    assert_eq!(ran.count("empty"), 1);
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":2}", "{\"_key\":\"4\",\"a\":6}"]);
}

#[test]
fn ragged_rows_are_good_when_that_is_said() {
    assert_eq!(
        docs_of("a.csv", "_key,a\n2\n3,4,5\n", &["--ignore-missing"]),
        ["{\"_key\":\"2\"}", "{\"_key\":\"3\",\"a\":4}"]
    );
}

#[test]
fn a_header_needs_names_and_a_key_of_its_own() {
    stops("_key,b,_key\n1,2,3\n", &[], "a.csv:1: duplicate column \"_key\" in the header", 0);
    stops(",,\n1,2,3\n", &[], "a.csv:1: the header line is empty", 0);
    stops("x\n\n_id,_id\n1,2\n", &["--skip-lines", "2"], "a.csv:3: duplicate column \"_id\" in the header", 0);
    stops(b"a,\xff\n1,2\n", &[], "a.csv:1: invalid header: invalid UTF-8", 0);
    stops("a,\"b\"x\n1,2\n", &[], "a.csv:1: invalid header: unexpected text after the closing quote", 0);
}

#[test]
fn names_are_kept_as_they_are_in_the_header() {
    assert_eq!(
        docs_of("a.csv", "_key,\"a \"\"b\"\"\",\"c,\nd\", e\n1,2,3,4\n", &[]),
        ["{\"_key\":\"1\",\"a \\\"b\\\"\":2,\"c,\\nd\":3,\" e\":4}"]
    );
}

#[test]
fn a_file_with_a_header_alone_has_no_records() {
    for text in ["a,b\n", "a,b", ""] {
        let place = Place::new();
        place.import_text("a.csv", text, &[]).expect(0, [0, 0, 0, 0]);
    }
}

#[test]
fn the_header_may_be_in_a_file_of_its_own() {
    let place = Place::new();
    place.file("head", "_key;a\n");
    let ran = place.import_text("a.csv", "1;2\n3\n", &["--separator", ";", "--headers-file", "head"]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.csv:2: 1 field");
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":2}"]);
}

#[test]
fn each_file_has_its_own_header() {
    let place = Place::new();
    place.file("a.csv", "_key,a\n1,2\n");
    place.file("b.csv", "b,_key\n3,4\n5\n");
    place.import(&["a.csv", "b.csv"]).expect(1, [2, 1, 0, 0]).prints("b.csv:3: 1 field");
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":2}", "{\"b\":3,\"_key\":\"4\"}"]);
}

#[test]
fn skipped_lines_are_counted_as_lines_and_left_out_of_every_file() {
    let place = Place::new();
    place.file("a.csv", "made \"by\nhand\n_key,a\n1,2\n2\n");
    place.file("b.csv", "x\ny\n_key,a\n3,4\n");
    place.import(&["--skip-lines", "2", "a.csv", "b.csv"]).expect(1, [2, 1, 0, 0]).prints("a.csv:5: 1 field");
}

#[test]
fn the_limit_counts_the_records_of_the_whole_run_good_or_bad() {
    let place = Place::new();
    place.file("a.csv", "_key,a\n1,2\nbad\n2,2\n");
    place.file("b.csv", "_key,a\n3,2\n4,2\n");
    let ran = place.import(&["--limit", "4", "a.csv", "b.csv"]);
    ran.expect(1, [3, 1, 0, 0]);
    assert_eq!(ran.count("read"), 4);
}

#[test]
fn separators_and_quotes_are_what_the_flags_name() {
    for (text, arguments) in [
        ("_key;a;b\n1;x,y;\"p;q\"\n", &["--separator", ";"][..]),
        ("_key|a|b\n1|x,y|\"p;q\"\n", &["--separator", "|"]),
        ("_key\ta\tb\n1\tx,y\t\"p;q\"\n", &["--separator", "\\t"]),
        ("_key,a,b\n1,'x,y','p;q'\n", &["--quote", "'"]),
        ("_key;a;b\n1;x,y;'p;q'\n", &["--separator", ";", "--quote", "'"]),
    ] {
        assert_eq!(docs_of("a.csv", text, arguments), ["{\"_key\":\"1\",\"a\":\"x,y\",\"b\":\"p;q\"}"], "{text}");
    }
    assert_eq!(docs_of("a.csv", "_key,a\n1,\"x\n", &["--quote", "none"]), ["{\"_key\":\"1\",\"a\":\"\\\"x\"}"]);
}

#[test]
fn tsv_has_tabs_and_no_quotes() {
    assert_eq!(
        docs_of("a.tsv", "_key\ta\tb\n1\t\"x\" y\"\t2\n2\t\"\t\"\n", &[]),
        ["{\"_key\":\"1\",\"a\":\"\\\"x\\\" y\\\"\",\"b\":2}", "{\"_key\":\"2\",\"a\":\"\\\"\",\"b\":\"\\\"\"}"]
    );
    assert_eq!(docs_of("a.tsv", "_key\ta\n1\t\"x\ty\"\n", &["--quote", "\""]), ["{\"_key\":\"1\",\"a\":\"x\\ty\"}"]);
}

#[test]
fn dotted_names_nest_only_when_that_is_said() {
    let text = "_key,a.b,a.c.d,tags.1,tags.0\n1,2,3,y,x\n2,,,,\n";
    assert_eq!(
        docs_of("a.csv", text, &["--nested"]),
        ["{\"_key\":\"1\",\"a\":{\"b\":2,\"c\":{\"d\":3}},\"tags\":[\"x\",\"y\"]}", "{\"_key\":\"2\"}"]
    );
    assert_eq!(docs_of("a.csv", "_key,a.b\n1,2\n", &[]), ["{\"_key\":\"1\",\"a.b\":2}"]);
    let place = Place::new();
    let ran = place.import_text("a.csv", "_key,a,a.b\n1,2,\n2,3,4\n", &["--nested"]);
    ran.expect(2, [0, 0, 0, 0]).prints("a.csv:1: --nested: \"a.b\" clashes");
}

#[test]
fn lines_are_counted_inside_quotes_too() {
    let place = Place::new();
    let text = "_key,\"a\nb\"\n1,\"x\n\ny\"\nbad\n2,\"\r\n\"\nworse\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [2, 2, 0, 0]).prints("a.csv:6: 1 field").prints("a.csv:9: 1 field");
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\\nb\":\"x\\n\\ny\"}", "{\"_key\":\"2\",\"a\\nb\":\"\\r\\n\"}"]);
}

#[test]
fn text_after_a_closing_quote_is_an_error_of_its_row() {
    let place = Place::new();
    let text = "_key,a,b\n1,\"x\"y,2\n2,\"x\" ,3\n3,\"a \"b\" c\",4\n4,x,5\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [2, 2, 0, 0])
        .prints("a.csv:2: unexpected text after the closing quote of field 2")
        .prints("a.csv:4: unexpected text after the closing quote of field 2");
    assert_eq!(place.docs(), ["{\"_key\":\"2\",\"a\":\"x\",\"b\":3}", "{\"_key\":\"4\",\"a\":\"x\",\"b\":5}"]);
}

#[test]
fn a_quote_that_is_never_closed_stops_with_the_line_where_it_opened() {
    stops(
        "_key,a\n1,\"two\nlines\"\n2,x\n3,\"open\n4,x\n5,x\n",
        &[],
        "a.csv:5: unexpected end of input: the quote that opens here",
        2,
    );
    stops("_key,\"a\n1,2\n", &[], "a.csv:1: unexpected end of input: the quote that opens here", 0);
    let place = Place::new();
    let ran = place.pipe(&["-c", "c", "-t", "csv"], b"_key,a\n1,2\n3,\"open\n");
    ran.expect(5, [1, 0, 0, 0]).prints("stdin:3: unexpected end of input: the quote that opens here");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(docs_of("a.csv", "\u{feff}_key,a\n1,2\n", &[]), ["{\"_key\":\"1\",\"a\":2}"]);
    assert_eq!(docs_of("a.csv", "\u{feff}\"_key\",a\n1,2\n", &[]), ["{\"_key\":\"1\",\"a\":2}"]);
}

#[test]
fn a_byte_order_mark_that_is_not_at_the_beginning_is_data() {
    assert_eq!(docs_of("a.csv", "a,b\n\u{feff}1,2\n", &[]), ["{\"a\":\"\u{feff}1\",\"b\":2}"]);
    assert_eq!(docs_of("a.csv", "\u{feff}\u{feff}a\n1\n", &[]), ["{\"\u{feff}a\":1}"]);
    let docs = ["{\"\u{feff}a\":\"\u{feff}1\"}"];
    assert_eq!(docs_of("a.csv", "title\n\u{feff}a\n\u{feff}1\n", &["--skip-lines", "1"]), docs);
}

#[test]
fn a_headers_file_with_a_broken_quote_is_refused() {
    for (header, said) in [
        ("_key,\"a\"b\n", "invalid header: unexpected text after the closing quote of field 2"),
        ("_key,\"a\n", "unexpected end of input: the quote that opens here is not closed"),
        ("_key,a\nb,c\n", "the headers file has more than one line"),
    ] {
        let place = Place::new();
        place.file("head", header);
        let ran = place.import_text("a.csv", "1,2\n", &["--headers-file", "head"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(said);
        assert!(place.is_untouched());
    }
    let place = Place::new();
    place.file("head", "\"_key\" ,\"a\"\n\n");
    place.import_text("a.csv", "1,2\n", &["--headers-file", "head"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":2}"]);
}

#[test]
fn lines_may_end_with_lf_crlf_or_cr() {
    for text in ["_key,a\n1,x\n2,\"y\"\nbad\n", "_key,a\r\n1,x\r\n2,\"y\"\r\nbad\r\n", "_key,a\r1,x\r2,\"y\"\rbad\r"] {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, &[]);
        ran.expect(1, [2, 1, 0, 0]).prints("a.csv:4: 1 field");
        assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":\"x\"}", "{\"_key\":\"2\",\"a\":\"y\"}"], "{text:?}");
    }
}

/// Imports a text by its name and from a pipe, which gives it a byte at a time and then stays open as long as it likes.
#[track_caller]
fn rows_by_name_and_from_a_pipe(text: &str, arguments: &[&str], docs: &[&str]) {
    let arguments = [arguments, &["-c", "c", "-t", "csv"]].concat();
    let count = docs.len() as u64;
    let place = Place::new();
    place.file("a.csv", text);
    place.run(&[&arguments[..], &["a.csv"]].concat()).expect(0, [count, 0, 0, 0]);
    assert_eq!(place.docs(), docs, "{text:?}");
    let place = Place::new();
    let mut import = Live::start(&place, &arguments);
    for byte in text.as_bytes().chunks(1) {
        import.feed(byte);
    }
    import.end().expect(0, [count, 0, 0, 0]);
    assert_eq!(place.docs(), docs, "{text:?}, from a pipe");
}

#[test]
fn a_lone_cr_is_data_once_a_row_has_ended_with_lf_or_crlf() {
    for (text, docs) in [
        ("name\nfoo\rbar\nbaz\n", &[r#"{"name":"foo\rbar"}"#, r#"{"name":"baz"}"#][..]),
        ("name\r\nfoo\rbar\r\nbaz\r\n", &[r#"{"name":"foo\rbar"}"#, r#"{"name":"baz"}"#]),
        ("a,b\n1,x\ry\n\r,\r\r\n", &[r#"{"a":1,"b":"x\ry"}"#, r#"{"a":"\r","b":"\r"}"#]),
        ("a,b\r\n1,x\r\r\n2,\ry\r\n", &[r#"{"a":1,"b":"x\r"}"#, r#"{"a":2,"b":"\ry"}"#]),
        ("a,b\n1,\"x\ry\"\n2,z\r", &[r#"{"a":1,"b":"x\ry"}"#, r#"{"a":2,"b":"z\r"}"#]),
        // Blank rows end as others do.
        ("a\r\r\n\r1\r2\r\n", &[r#"{"a":"\r1\r2"}"#]),
        // Here the first row to end with LF is the third.
        ("a\r1\r2\n3\r4\n", &[r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":"3\r4"}"#]),
    ] {
        rows_by_name_and_from_a_pipe(text, &[], docs);
    }
    let docs = [r#"{"a":"1\r2"}"#, r#"{"a":3}"#];
    rows_by_name_and_from_a_pipe("by a tool\non a day\na\n1\r2\n3\n", &["--skip-lines", "2"], &docs);
    rows_by_name_and_from_a_pipe(
        "a;b\n'1'\t ;x\ry\n",
        &["--separator", ";", "--quote", "'"],
        &[r#"{"a":"1","b":"x\ry"}"#],
    );
}

#[test]
fn a_line_break_in_quotes_does_not_decide_how_rows_end() {
    let docs = [r#"{"a":"x\ny","b":1}"#, r#"{"a":"\r\n","b":2}"#, r#"{"a":"z","b":3}"#];
    rows_by_name_and_from_a_pipe("a,b\r\"x\ny\",1\r\"\r\n\",2\rz,3\r", &[], &docs);
}

#[test]
fn a_lone_cr_in_a_cell_shifts_no_line_number_and_invents_no_row() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "_key,a\n1,x\ry\rz\nbad\n2,\"p\rq\"\n3,\"x\"\ry\nworse\n", &[]);
    ran.expect(1, [2, 3, 0, 0])
        .prints("a.csv:3: 1 field")
        .prints("a.csv:5: unexpected text after the closing quote of field 2")
        .prints("a.csv:6: 1 field");
}

#[test]
fn a_row_that_ends_with_a_lone_cr_does_not_wait_for_what_follows() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "-t", "csv", "--flush-interval", "10ms"]);
    import.feed("_key,a\r1,x\r");
    until("the document", || place.visible() == 1);
    import.feed("\n2,x\ry\n");
    import.end().expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), [r#"{"_key":"1","a":"x"}"#, r#"{"_key":"2","a":"x\ry"}"#]);
}

#[test]
fn a_row_that_has_not_ended_delays_no_row_before_it() {
    for (part, rest, text) in
        [("2,\"y", "\"\"z\"\n", "y\\\"z"), ("2,y", "z\n", "yz"), ("2,\"y\"", "\"z\"\n", "y\\\"z"), ("2", ",yz", "yz")]
    {
        let place = Place::new();
        let mut import = Live::start(&place, &["-c", "c", "-t", "csv", "--flush-interval", "10ms"]);
        import.feed("_key,a\n1,x\n").feed(part);
        until("the document", || place.visible() == 1);
        import.feed(rest);
        import.end().expect(0, [2, 0, 0, 0]);
        assert_eq!(
            place.docs(),
            [r#"{"_key":"1","a":"x"}"#.to_owned(), format!("{{\"_key\":\"2\",\"a\":\"{text}\"}}")]
        );
    }
}

#[test]
fn a_quoted_empty_cell_is_a_record_and_no_blank_line() {
    for (text, arguments, docs, empty) in [
        ("name\n\"\"\nx\n", &[][..], &[r#"{"name":""}"#, r#"{"name":"x"}"#][..], 0),
        ("name\r\n\r\n\"\"\r\n\r\n", &[], &[r#"{"name":""}"#], 2),
        ("name\r\"\"\r\r", &[], &[r#"{"name":""}"#], 1),
        ("name\n\"\" \t\n\"\"", &[], &[r#"{"name":""}"#, r#"{"name":""}"#], 0),
        ("name\n''\n\n", &["--quote", "'"], &[r#"{"name":""}"#], 1),
        ("name\n\"\"\n", &["--convert", "none"], &[r#"{"name":""}"#], 0),
        ("a,b\n\"\"\n\n", &["--ignore-missing"], &[r#"{"a":""}"#], 1),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, arguments);
        ran.expect(0, [docs.len() as u64, 0, 0, 0]);
        assert_eq!(
            (place.docs(), ran.summary["empty"].as_u64().unwrap_or(0)),
            (docs.iter().map(|doc| (*doc).to_owned()).collect(), empty),
            "{text:?}"
        );
    }
    let place = Place::new();
    place.import_text("a.csv", "a,b\n\"\"\n1,2\n", &[]).expect(1, [1, 1, 0, 0]).prints("a.csv:2: 1 field");
}

#[test]
fn bytes_that_are_no_utf8_cost_their_row() {
    let place = Place::new();
    let text = b"_key,a\n1,caf\xe9\n2,\"caf\xe9\"\n3,caf\xc3\xa9\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [1, 2, 0, 0]).prints("a.csv:2: invalid UTF-8").prints("a.csv:3: invalid UTF-8");
    assert_eq!(place.docs(), ["{\"_key\":\"3\",\"a\":\"café\"}"]);
}

#[test]
fn a_row_longer_than_the_limit_is_one_error() {
    let place = Place::new();
    let text = format!("_key,a\n1,{}\n2,y\n", "x".repeat(700_000));
    let ran = place.import_text("a.csv", text, &["--max-record-bytes", "1000"]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.csv:2: longer than --max-record-bytes");
}

#[test]
fn a_column_may_be_dropped_or_joined_by_its_name_in_the_header() {
    assert_eq!(
        docs_of(
            "a.csv",
            "_key,a,b\n1,007,x\n2,null,\"y\"\n3,,\n",
            &["--merge-attributes", "m=[a]/[b]", "--remove-attribute", "b", "--translate", "a=A"]
        ),
        [
            "{\"_key\":\"1\",\"A\":\"007\",\"m\":\"007/x\"}",
            "{\"_key\":\"2\",\"m\":\"null/y\"}",
            "{\"_key\":\"3\",\"m\":\"/\"}",
        ]
    );
}

#[test]
fn a_flag_for_cells_needs_an_input_with_cells() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{}\n", &["--separator", ";"]);
    assert_eq!(ran.code, 2);
    ran.prints("--separator requires CSV or TSV input");
    assert!(place.is_untouched());
}

#[test]
fn a_header_that_is_one_column_by_a_wrong_separator_stores_nothing() {
    for (text, hint) in [
        ("id;name\n1;a\n", "--separator ';'"),
        ("id\tname\n1\ta\n", "--separator '\\t'"),
        ("id|name\n1|a\n", "--separator '|'"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, &[]);
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        ran.prints("a.csv:1: the header has only one column").prints(hint);
        assert!(place.is_untouched());
    }
    let place = Place::new();
    place.import_text("a.csv", "id;name\n1;a\n", &["--separator", ","]).expect(0, [1, 0, 0, 0]);
}
