//! What a cell of CSV becomes: a number, a boolean, text, or nothing.

use crate::support::Place;

/// The value of the second column of one row, as JSON text.
#[track_caller]
fn value_of(cell: &str, arguments: &[&str]) -> String {
    let place = Place::new();
    place.import_text("a.csv", format!("_key,v\n1,{cell}\n"), arguments).expect(0, [1, 0, 0, 0]);
    let docs = place.docs();
    let [doc] = docs.as_slice() else { panic!("{docs:?}") };
    let rest = doc.strip_prefix("{\"_key\":\"1\"").expect("the key first").trim_end_matches('}');
    rest.strip_prefix(",\"v\":").unwrap_or("nothing").to_owned()
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
fn an_empty_cell_is_no_field_a_null_or_an_empty_text() {
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
        ("boolean", "no", "false"),
        ("null", "anything", "nothing"),
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
        ("boolean", "maybe", "a.csv:3: column \"v\": \"maybe\" is not a boolean (true, false, yes, no, "),
        ("boolean", "\" \"", "a.csv:3: column \"v\": \" \" is not a boolean"),
        ("boolean", "2", "a.csv:3: column \"v\": \"2\" is not a boolean"),
        ("boolean", "NaN", "a.csv:3: column \"v\": \"NaN\" is not a boolean"),
        ("json", "[1", "a.csv:3: column \"v\": \"[1\" is not one JSON value"),
    ] {
        let place = Place::new();
        let text = format!("_key,v\na,1\nb,{cell}\nc,3\n");
        let (text, kept) = match datatype {
            "boolean" => (text.replace(",3", ",0"), ["true", "false"]),
            _ => (text, ["1", "3"]),
        };
        let ran = place.import_text("a.csv", text, &["--datatype", &format!("v={datatype}")]);
        ran.expect(1, [2, 1, 0, 0]).prints(said);
        let kept = [("a", kept[0]), ("c", kept[1])].map(|(key, v)| format!("{{\"_key\":\"{key}\",\"v\":{v}}}"));
        assert_eq!(place.docs(), kept);
    }
}

#[test]
fn a_boolean_column_knows_words_in_any_case_quoted_or_not() {
    let yes = ["true", "TRUE", "True", "yes", "YES", "y", "Y", "t", "T", "on", "On", "1", "1.0"];
    let no = ["false", "FALSE", "False", "no", "No", "n", "N", "f", "F", "off", "OFF", "0", "0.0"];
    for (words, value) in [(yes, "true"), (no, "false")] {
        for word in words {
            for cell in [word.to_owned(), format!("\"{word}\"")] {
                assert_eq!(value_of(&cell, &["--datatype", "v=boolean"]), value, "{cell}");
                assert_eq!(value_of(&cell, &["--datatype", "v=boolean", "--convert", "none"]), value, "{cell}");
            }
        }
    }
}

#[test]
fn a_boolean_column_has_no_opinion_on_an_empty_cell_or_a_null() {
    for (how, value) in [("omit", "nothing"), ("null", "null"), ("string", "\"\"")] {
        for cell in ["", "\"\"", "null", "\"null\""] {
            assert_eq!(value_of(cell, &["--datatype", "v=boolean", "--empty", how]), value, "{how} {cell:?}");
        }
    }
}

#[test]
fn a_datatype_of_no_column_stops_before_anything_is_stored() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "_key,v\n1,2\n", &["--datatype", "w=number"]);
    ran.expect(2, [0, 0, 0, 0]).prints("a.csv:1: --datatype w=number: no such column (the header has: _key, v)");
    assert!(place.is_untouched());
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
    assert_eq!(place.docs(), ["{\"sku\":\"007\",\"n\":1}", "{\"sku\":7,\"n\":2}"]);
    let keys: Vec<_> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["007", "7"]);
}

#[test]
fn backslashes_escape_only_when_that_is_said() {
    let escape = ["--backslash-escape"];
    assert_eq!(value_of("\"a \\\"b\\\" \\\\\"", &escape), "\"a \\\"b\\\" \\\\\"");
    assert_eq!(value_of("\"a \"\"b\"\"\"", &escape), "\"a \\\"b\\\"\"");
    assert_eq!(value_of("\"a\\nb\"", &escape), "\"a\\\\nb\"");
}

#[test]
fn a_column_that_is_renamed_to_a_key_stays_text() {
    let place = Place::new();
    let arguments = ["--translate", "id=_key", "--datatype", "n=number"];
    place.import_text("a.csv", "id,n\n007,7\n1.0,8\n", &arguments).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"007\",\"n\":7}", "{\"_key\":\"1.0\",\"n\":8}"]);
}
