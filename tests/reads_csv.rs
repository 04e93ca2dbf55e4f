//! CSV and TSV: what becomes of cells, headers and rows, and on which line a mistake is.

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

/// The value of the second column of one row, as JSON text.
#[track_caller]
fn value_of(cell: &str, arguments: &[&str]) -> String {
    let docs = docs_of("a.csv", format!("_key,v\n1,{cell}\n"), arguments);
    let [doc] = docs.as_slice() else { panic!("{docs:?}") };
    let rest = doc.strip_prefix("{\"_key\":\"1\"").expect("the key first").trim_end_matches('}');
    rest.strip_prefix(",\"v\":").unwrap_or("nothing").to_owned()
}

/// An import that stops at this line with these words, after `stored` documents.
#[track_caller]
fn stops(text: impl AsRef<[u8]>, arguments: &[&str], said: &str, stored: u64) {
    let place = Place::new();
    let ran = place.import_text("a.csv", text, arguments);
    ran.says(said).expect(5, [stored, ran.count("errors"), 0, 0]);
    assert_eq!(place.store().exists(), stored > 0, "{}", ran.stderr);
}

#[test]
fn bare_cells_are_numbers_digit_for_digit_booleans_or_text() {
    for (cell, value) in [
        ("1", "1"),
        ("-0", "-0"),
        ("1.50", "1.50"),
        ("1E+5", "1E+5"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9007199254740993", "9007199254740993"),
        ("true", "true"),
        ("false", "false"),
        ("True", "\"True\""),
        ("null", "nothing"),
        ("NULL", "\"NULL\""),
        ("abc", "\"abc\""),
        ("a \"b\" c", "\"a \\\"b\\\" c\""),
        (" 1", "\" 1\""),
        ("", "nothing"),
    ] {
        assert_eq!(value_of(cell, &[]), value, "{cell:?}");
    }
}

#[test]
fn what_is_no_json_number_stays_text_so_postcodes_keep_their_zeros() {
    for cell in ["01067", "007", "+5", ".8", "1.", "1e", "0x1F", "1_000", "1e999", "9223372036854775808", "NaN", "-"] {
        assert_eq!(value_of(cell, &[]), format!("\"{cell}\""), "{cell:?}");
    }
}

#[test]
fn quoted_cells_are_always_text() {
    for (cell, value) in [
        ("\"1\"", "\"1\""),
        ("\"true\"", "\"true\""),
        ("\"null\"", "\"null\""),
        ("\"\"", "\"\""),
        ("\"a,b\"", "\"a,b\""),
        ("\"say \"\"hi\"\"\"", "\"say \\\"hi\\\"\""),
        ("\"\\\"", "\"\\\\\""),
        ("\"two\nlines\"", "\"two\\nlines\""),
        ("\"x\" \t", "\"x\""),
    ] {
        assert_eq!(value_of(cell, &[]), value, "{cell:?}");
    }
}

#[test]
fn an_empty_cell_is_no_member_a_null_or_an_empty_text() {
    for (how, bare, quoted) in [("omit", "nothing", "\"\""), ("null", "null", "\"\""), ("string", "\"\"", "\"\"")] {
        let empty = ["--empty", how];
        assert_eq!(value_of("", &empty), bare, "{how}");
        assert_eq!(value_of("null", &empty), bare, "{how}");
        assert_eq!(value_of("\"\"", &empty), quoted, "{how}");
    }
}

#[test]
fn without_conversion_every_cell_is_text() {
    for (cell, value) in [("1", "\"1\""), ("true", "\"true\""), ("null", "\"null\""), ("", "nothing")] {
        assert_eq!(value_of(cell, &["--convert", "none"]), value, "{cell:?}");
    }
}

#[test]
fn a_datatype_decides_for_its_column_quoted_or_not() {
    for (datatype, cell, value) in [
        ("string", "1", "\"1\""),
        ("string", "null", "\"null\""),
        ("number", "\"1.50\"", "1.50"),
        ("number", "18446744073709551616", "18446744073709551616"),
        ("boolean", "0", "false"),
        ("boolean", "\"false\"", "false"),
        ("boolean", "no", "true"),
        ("null", "anything", "null"),
        ("json", "\"{\"\"a\"\": [1, 2.0]}\"", "{\"a\": [1, 2.0]"),
        ("json", "[1]", "[1]"),
    ] {
        assert_eq!(value_of(cell, &["--datatype", &format!("v={datatype}")]), value, "{datatype} {cell}");
    }
}

#[test]
fn a_cell_that_is_not_of_its_datatype_is_an_error_of_its_row() {
    for (datatype, cell, said) in [
        ("number", "abc", "a.csv:3: column \"v\": \"abc\" is not a JSON number"),
        ("number", "007", "a.csv:3: column \"v\": \"007\" is not a JSON number"),
        ("json", "[1", "a.csv:3: column \"v\": \"[1\" is not one JSON value"),
    ] {
        let place = Place::new();
        let text = format!("_key,v\na,1\nb,{cell}\nc,3\n");
        let ran = place.import_text("a.csv", text, &["--datatype", &format!("v={datatype}")]);
        ran.expect(1, [2, 1, 0, 0]).says(said);
        assert_eq!(place.docs(), ["{\"_key\":\"a\",\"v\":1}", "{\"_key\":\"c\",\"v\":3}"]);
    }
}

#[test]
fn a_datatype_of_no_column_stops_before_anything_is_stored() {
    stops("_key,v\n1,2\n", &["--datatype", "w=number"], "no such column (the header has: _key, v)", 0);
}

#[test]
fn keys_and_ends_of_edges_keep_their_zeros() {
    let place = Place::new();
    place.import_text("a.csv", "_key,n\n007,007\n7,7\n1.0,1.0\n", &[]).expect(0, [3, 0, 0, 0]);
    let keys: Vec<_> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["007", "7", "1.0"]);
    assert_eq!(
        place.docs(),
        ["{\"_key\":\"007\",\"n\":\"007\"}", "{\"_key\":\"7\",\"n\":7}", "{\"_key\":\"1.0\",\"n\":1.0}"]
    );
    let place = Place::new();
    place.import_text("a.csv", "sku,n\n007,1\n7,2\n", &["--key", "sku"]).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"sku\":\"007\",\"n\":1}", "{\"sku\":\"7\",\"n\":2}"]);
}

#[test]
fn ragged_rows_are_errors_with_their_line() {
    let place = Place::new();
    let text = "_key,a\n1,2\n2\n3,4,5\n\n4,6\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [2, 2, 0, 0])
        .says("a.csv:3: 1 field, but the header has 2")
        .says("a.csv:4: 3 fields, but the header has 2");
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
fn a_header_needs_a_name_of_its_own_for_every_column() {
    stops("a,b,a\n1,2,3\n", &[], "a.csv:1: the header has the column \"a\" twice", 0);
    stops("a,,b\n1,2,3\n", &[], "a.csv:1: column 2 of the header has no name", 0);
    stops("x\n\na,a\n1,2\n", &["--skip-lines", "2"], "a.csv:3: the header has the column \"a\" twice", 0);
    stops(b"a,\xff\n1,2\n", &[], "a.csv:1: the header has invalid UTF-8", 0);
    stops("a,\"b\"x\n1,2\n", &[], "a.csv:1: the header has text after the closing quote", 0);
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
    ran.expect(1, [1, 1, 0, 0]).says("a.csv:2: 1 field");
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":2}"]);
}

#[test]
fn each_file_has_its_own_header() {
    let place = Place::new();
    place.file("a.csv", "_key,a\n1,2\n");
    place.file("b.csv", "b,_key\n3,4\n5\n");
    place.import(&["a.csv", "b.csv"]).expect(1, [2, 1, 0, 0]).says("b.csv:3: 1 field");
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":2}", "{\"b\":3,\"_key\":\"4\"}"]);
}

#[test]
fn skipped_lines_are_counted_as_lines_and_left_out_of_every_file() {
    let place = Place::new();
    place.file("a.csv", "made \"by\nhand\n_key,a\n1,2\n2\n");
    place.file("b.csv", "x\ny\n_key,a\n3,4\n");
    place.import(&["--skip-lines", "2", "a.csv", "b.csv"]).expect(1, [2, 1, 0, 0]).says("a.csv:5: 1 field");
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
fn separators_and_quotes_are_what_the_flags_say() {
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
fn backslashes_escape_only_when_that_is_said() {
    let escape = ["--backslash-escape"];
    assert_eq!(value_of("\"a \\\"b\\\" \\\\\"", &escape), "\"a \\\"b\\\" \\\\\"");
    assert_eq!(value_of("\"a \"\"b\"\"\"", &escape), "\"a \\\"b\\\"\"");
    let place = Place::new();
    let ran = place.import_text("a.csv", "_key,v\n1,\"a\\nb\"\n2,3\n", &escape);
    ran.expect(1, [1, 1, 0, 0]).says("a.csv:2: a backslash in field 2");
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
    ran.expect(1, [1, 1, 0, 0]).says("a.csv:3: --nested: `a.b` clashes");
}

#[test]
fn lines_are_counted_inside_quotes_too() {
    let place = Place::new();
    let text = "_key,\"a\nb\"\n1,\"x\n\ny\"\nbad\n2,\"\r\n\"\nworse\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [2, 2, 0, 0]).says("a.csv:6: 1 field").says("a.csv:9: 1 field");
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\\nb\":\"x\\n\\ny\"}", "{\"_key\":\"2\",\"a\\nb\":\"\\r\\n\"}"]);
}

#[test]
fn text_after_a_closing_quote_is_an_error_of_its_row() {
    let place = Place::new();
    let text = "_key,a,b\n1,\"x\"y,2\n2,\"x\" ,3\n3,\"a \"b\" c\",4\n4,x,5\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [2, 2, 0, 0])
        .says("a.csv:2: text after the closing quote of field 2")
        .says("a.csv:4: text after the closing quote of field 2");
    assert_eq!(place.docs(), ["{\"_key\":\"2\",\"a\":\"x\",\"b\":3}", "{\"_key\":\"4\",\"a\":\"x\",\"b\":5}"]);
}

#[test]
fn a_quote_that_is_never_closed_stops_with_the_line_where_it_opened() {
    stops("_key,a\n1,\"two\nlines\"\n2,x\n3,\"open\n4,x\n5,x\n", &[], "a.csv:5: the quote that opens here", 2);
    stops("_key,\"a\n1,2\n", &[], "a.csv:1: the quote that opens here", 0);
    let place = Place::new();
    let ran = place.pipe(&["-c", "c", "-t", "csv"], b"_key,a\n1,2\n3,\"open\n");
    ran.expect(5, [1, 0, 0, 0]).says("stdin:3: the quote that opens here");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(docs_of("a.csv", "\u{feff}_key,a\n1,2\n", &[]), ["{\"_key\":\"1\",\"a\":2}"]);
    assert_eq!(docs_of("a.csv", "\u{feff}\"_key\",a\n1,2\n", &[]), ["{\"_key\":\"1\",\"a\":2}"]);
}

#[test]
fn lines_may_end_with_lf_crlf_or_cr() {
    for text in ["_key,a\n1,x\n2,\"y\"\nbad\n", "_key,a\r\n1,x\r\n2,\"y\"\r\nbad\r\n", "_key,a\r1,x\r2,\"y\"\rbad\r"] {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, &[]);
        ran.expect(1, [2, 1, 0, 0]).says("a.csv:4: 1 field");
        assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":\"x\"}", "{\"_key\":\"2\",\"a\":\"y\"}"], "{text:?}");
    }
}

#[test]
fn bytes_that_are_no_utf8_cost_their_row() {
    let place = Place::new();
    let text = b"_key,a\n1,caf\xe9\n2,\"caf\xe9\"\n3,caf\xc3\xa9\n";
    let ran = place.import_text("a.csv", text, &[]);
    ran.expect(1, [1, 2, 0, 0]).says("a.csv:2: invalid UTF-8").says("a.csv:3: invalid UTF-8");
    assert_eq!(place.docs(), ["{\"_key\":\"3\",\"a\":\"café\"}"]);
}

#[test]
fn a_row_longer_than_the_limit_is_one_error() {
    let place = Place::new();
    let text = format!("_key,a\n1,{}\n2,y\n", "x".repeat(700_000));
    let ran = place.import_text("a.csv", text, &["--max-record-bytes", "1000"]);
    ran.expect(1, [1, 1, 0, 0]).says("a.csv:2: longer than --max-record-bytes");
}

#[test]
fn a_column_that_is_renamed_to_a_key_keeps_its_zeros() {
    let place = Place::new();
    let arguments = ["--translate", "id=_key", "--datatype", "n=number"];
    place.import_text("a.csv", "id,n\n007,7\n", &arguments).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"007\",\"n\":7}"]);
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
    ran.says("--separator: no input is CSV or TSV");
    assert!(place.is_untouched());
}
