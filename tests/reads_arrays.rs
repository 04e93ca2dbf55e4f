//! ArangoDB's header form: a first line with attribute names, then one array of values a line.

use crate::support::{Place, testdata};

const ARRAYS: [&str; 2] = ["-t", "arrays"];

#[test]
fn values_keep_every_byte_and_a_null_is_no_field() {
    let place = Place::new();
    let text = "[\"_key\", \"a\", \"b\\u0063\"]\n\n[\"1\", 1.0, { \"x\" : [1,2] }]\n  [ 2 , null , \"\\u00e9\" ]  \r\n";
    let ran = place.import_text("a.arrays", text, &ARRAYS);
    ran.expect(0, [2, 0, 0, 0]);
    assert_eq!(ran.count("empty"), 1);
    assert_eq!(
        place.docs(),
        ["{\"_key\":\"1\",\"a\":1.0,\"b\\u0063\":{ \"x\" : [1,2] }}", "{\"_key\":2,\"b\\u0063\":\"\\u00e9\"}"]
    );
    assert_eq!(place.rows("c")[1].key, "2");
}

#[test]
fn lines_that_do_not_fit_the_header_are_errors_with_their_line() {
    let place = Place::new();
    let text =
        "[\"_key\",\"a\"]\n[\"1\",2]\n[\"2\"]\n[\"3\",4,5]\n{\"_key\":\"4\"}\n[\"5\",\n[\"6\",7] x\nnull\n[\"7\",8]\n";
    let ran = place.import_text("a.arrays", text, &[&ARRAYS[..], &["--details"]].concat());
    ran.expect(1, [2, 6, 0, 0]);
    for said in [
        "a.arrays:3: 1 value, but the header has 2",
        "a.arrays:4: 3 values, but the header has 2",
        "a.arrays:5: expected an array, found an object",
        "a.arrays:6: unexpected end of line in array",
        "a.arrays:7: unexpected text after the array, at byte 8",
        "a.arrays:8: expected an array, found null",
    ] {
        ran.prints(said);
    }
}

#[test]
fn missing_and_surplus_values_are_good_when_that_is_said() {
    let place = Place::new();
    let text = "[\"_key\",\"a\"]\n[\"2\"]\n[\"3\",4,5]\n";
    place.import_text("a.arrays", text, &[&ARRAYS[..], &["--ignore-missing"]].concat()).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"2\"}", "{\"_key\":\"3\",\"a\":4}"]);
}

#[test]
fn a_first_line_that_is_no_header_stops_before_anything_is_stored() {
    for (header, said) in [
        ("{\"_key\":\"a\"}", "expected an array, found an object"),
        ("[]", "empty array"),
        ("[\"a\",1]", "name 2 is a number, not a string"),
        ("[\"a\",\"\"]", "name 2 is empty"),
        ("[\"a\",\"\\u0061\"]", "duplicate name 2"),
        ("a,b", "not a JSON array"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.arrays", format!("\n{header}\n[1,2]\n"), &ARRAYS);
        ran.expect(5, [0, 0, 0, 0]).prints(&format!("a.arrays:2: invalid header: {said}"));
        assert!(place.is_untouched());
    }
}

#[test]
fn dotted_names_nest_when_that_is_said() {
    let place = Place::new();
    let text = "[\"_key\",\"a.b\",\"a.c\",\"t.0\"]\n[\"1\",2,[3],4]\n";
    place.import_text("a.arrays", text, &[&ARRAYS[..], &["--nested"]].concat()).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"a\":{\"b\":2,\"c\":[3]},\"t\":[4]}"]);
}

#[test]
fn skipped_lines_come_before_the_header() {
    let place = Place::new();
    let ran = place.import_text("a", "# x\n[\"_key\"]\n[\"1\"]\n[]\n", &[&ARRAYS[..], &["--skip-lines", "1"]].concat());
    ran.expect(1, [1, 1, 0, 0]).prints("a:4: 0 values, but the header has 1");
}

#[test]
fn films_come_from_stdin_too() {
    let place = Place::new();
    let films = std::fs::read(testdata("films.arrays")).expect("testdata");
    place.pipe(&["-c", "c", "-t", "arrays"], &films).expect(0, [12, 0, 0, 0]);
}
