//! Which key a record gets.

use crate::support::Place;

/// Imports lines into collection `c` and returns the key of each document.
#[track_caller]
fn keys_of(lines: &[&str], arguments: &[&str]) -> Vec<String> {
    let place = Place::new();
    place.import_text("a.jsonl", lines.join("\n"), arguments).expect(0, [lines.len() as u64, 0, 0, 0]);
    assert_eq!(place.docs(), lines, "the documents are as they were written");
    keys(&place)
}

fn keys(place: &Place) -> Vec<String> {
    place.rows("c").into_iter().map(|row| row.key).collect()
}

/// Asserts that one record is an error with these words and its neighbour is stored.
#[track_caller]
fn refused(line: &str, arguments: &[&str], words: &str) {
    let place = Place::new();
    let text = format!("{line}\n{{\"_key\":\"good\",\"sku\":\"good\"}}\n");
    place.import_text("a.jsonl", text, arguments).expect(1, [1, 1, 0, 0]).prints(&format!("a.jsonl:1: {words}"));
    assert_eq!(keys(&place), ["good"]);
}

#[test]
fn the_key_is_key_else_id() {
    let lines = [
        "{\"n\":1,\"_key\":\"a\"}",
        "{\"_id\":\"b\"}",
        "{\"_id\":\"shop/c\",\"_key\":\"c\"}",
        "{\"_id\":\"shop/d\"}",
        "{\"_id\":\"other/a/b\",\"_key\":\"a/b\"}",
        "{\"_id\":\"c/7\",\"_key\":7}",
        "{\"_id\":\"e\",\"_key\":\"e\"}",
        "{\"_id\":{\"$oid\":\"5f0c\"},\"n\":1}",
        "{\"\\u005fkey\":\"\\u0066\"}",
        "{\"inner\":{\"_key\":\"no\"},\"_key\":\"g\"}",
    ];
    assert_eq!(keys_of(&lines, &[]), ["a", "b", "c", "shop/d", "a/b", "7", "e", "5f0c", "f", "g"]);
}

#[test]
fn numbers_become_their_text() {
    assert_eq!(
        keys_of(&["{\"_key\":17}", "{\"_key\":1.50}", "{\"_id\":123456789012345678901234567890}"], &[]),
        ["17", "1.50", "123456789012345678901234567890"]
    );
    assert_eq!(keys_of(&["{\"sku\":17}", "{\"sku\":-3}"], &["--key", "sku"]), ["17", "-3"]);
}

#[test]
fn keys_that_contradict_each_other_are_errors() {
    refused("{\"_key\":\"a\",\"_id\":\"b\"}", &[], "\"_key\" and \"_id\" differ");
    refused("{\"_key\":\"a\",\"_id\":\"c/b\"}", &[], "\"_key\" and \"_id\" differ");
    refused("{\"_key\":\"c/a\",\"_id\":\"a\"}", &[], "\"_key\" and \"_id\" differ");
    refused("{\"_key\":\"a\",\"_id\":\"/a\"}", &[], "\"_key\" and \"_id\" differ");
    refused("{\"_key\":\"b\",\"_id\":\"c/a/b\"}", &[], "\"_key\" and \"_id\" differ");
    refused("{\"_key\":\"a\",\"_id\":\"c/A\"}", &[], "\"_key\" and \"_id\" differ");
    refused("{\"_key\":\"a\",\"_key\":\"a\"}", &[], "duplicate field \"_key\"");
    refused("{\"_key\":\"a\",\"\\u005fkey\":\"b\"}", &[], "duplicate field \"_key\"");
    refused("{\"_id\":\"a\",\"_id\":\"b\"}", &[], "duplicate field \"_id\"");
    refused("{\"sku\":\"a\",\"sku\":\"b\"}", &["--key", "sku"], "duplicate field \"sku\"");
}

#[test]
fn values_that_are_no_keys_are_errors_and_never_generated() {
    for (line, words) in [
        ("{\"_key\":null}", "the key is null, not a string or a number"),
        ("{\"_key\":true}", "the key is a boolean"),
        ("{\"_key\":[\"a\"]}", "the key is an array"),
        ("{\"_key\":{\"a\":1}}", "the key is an object"),
        ("{\"_key\":\"\"}", "the key is empty"),
        ("{\"_id\":{\"$oid\":\"a\",\"x\":1}}", "the key is an object"),
        ("{\"_id\":\"\"}", "the key is empty"),
        ("{\"_id\":{\"$oid\":null}}", "the key is an object"),
        ("{\"_id\":{\"$minKey\":1}}", "the key is an object"),
        ("{\"_key\":\"a\\u0000b\"}", "invalid key \"a\\0b\": a key must not contain U+0000"),
        ("{\"_id\":\"\\u0000\"}", "invalid key \"\\0\""),
        ("{\"_key\":\"\\ud800\"}", "the key has an unpaired surrogate"),
    ] {
        refused(line, &[], words);
    }
    for line in ["{}", "{\"_key\":\"a\"}", "{\"Sku\":\"a\"}"] {
        refused(line, &["--key", "sku"], "missing key field \"sku\"");
    }
    for (value, words) in [
        ("null", "the key is null"),
        ("true", "the key is a boolean"),
        ("[]", "the key is an array"),
        ("{}", "the key is an object"),
        ("\"\"", "the key is empty"),
        ("\"a\\u0000\"", "invalid key"),
    ] {
        refused(&format!("{{\"sku\":{value}}}"), &["--key", "sku"], words);
    }
}

#[test]
fn a_key_has_up_to_512_bytes() {
    for character in ["x", "é", "漢", "😀"] {
        let longest = character.repeat(512 / character.len()) + &"y".repeat(512 % character.len());
        assert_eq!(longest.len(), 512);
        assert_eq!(keys_of(&[&format!("{{\"_key\":\"{longest}\"}}")], &[]), [longest.as_str()]);
        assert_eq!(keys_of(&[&format!("{{\"_id\":\"{longest}\"}}")], &[]), [longest.as_str()]);
        refused(&format!("{{\"_key\":\"{longest}z\"}}"), &[], "the key is too long: 513 bytes, the maximum is 512");
        refused(&format!("{{\"_id\":\"{longest}z\"}}"), &[], "the key is too long: 513 bytes, the maximum is 512");
    }
}

#[test]
fn an_id_is_the_key_as_a_whole() {
    let text = "{\"_id\":\"2023/jan\",\"n\":1}\n{\"_id\":\"2024/jan\",\"n\":2}\n{\"_id\":\"jan\",\"n\":3}\n";
    for mode in ["error", "update", "replace", "ignore"] {
        let place = Place::new();
        place.import_text("a.jsonl", text, &["--on-duplicate", mode]).expect(0, [3, 0, 0, 0]);
        assert_eq!(keys(&place), ["2023/jan", "2024/jan", "jan"]);
    }
    let place = Place::new();
    place.import_text("a.csv", "_id,n\n2023/jan,1\n2024/jan,2\nc/jan,3\n", &["--on-duplicate", "replace"]);
    assert_eq!(keys(&place), ["2023/jan", "2024/jan", "c/jan"]);
}

/// Keys that people have: names, addresses, paths, and what is hard to see or to write.
const ORDINARY: [&str; 22] = [
    "with space",
    "  lead",
    "trail ",
    " ",
    "Zürich",
    "日本",
    "😀👩‍👩‍👧",
    "https://ex.org/a?b=1&c=%20#d",
    "/",
    "C:\\dir\\n",
    "a\"b\"",
    "O'Neil; DROP TABLE c; --",
    "+41 44 123 45 67",
    "tab\there",
    "line\nbreak\r\n",
    "\u{1b}[31mred",
    "\u{7f}",
    "null",
    "007",
    "é",
    "e\u{301}",
    "[1,{\"a\":null}]",
];

#[test]
fn any_text_is_a_key_of_a_store() {
    let line = |name: &str, key: &str| serde_json::json!({ name: key }).to_string();
    for (name, arguments) in [("_key", &[][..]), ("_id", &[]), ("sku", &["--key", "sku"])] {
        let lines: Vec<String> = ORDINARY.iter().map(|key| line(name, key)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(keys_of(&lines, arguments), ORDINARY, "{name}");
    }
    let cells: String = ORDINARY.iter().map(|key| format!("\"{}\"\n", key.replace('"', "\"\""))).collect();
    for name in ["_key", "_id", "sku"] {
        let place = Place::new();
        let arguments: &[&str] = if name == "sku" { &["--key", "sku"] } else { &[] };
        place.import_text("a.csv", format!("{name}\n{cells}"), arguments).expect(0, [22, 0, 0, 0]);
        assert_eq!(keys(&place), ORDINARY, "{name}");
    }
}

#[test]
fn a_document_is_found_again_by_any_key() {
    let lines = |n: u8| -> String {
        ORDINARY.iter().map(|key| serde_json::json!({"_key": key, "n": n}).to_string() + "\n").collect()
    };
    let place = Place::new();
    place.import_text("a.jsonl", lines(1), &[]).expect(0, [22, 0, 0, 0]);
    let ran = place.import_text("a.jsonl", lines(2), &["--details"]);
    // What a terminal would obey is written with escapes.
    ran.expect(1, [0, 22, 0, 0])
        .prints("a.jsonl:16: duplicate key \"\\u{1b}[31mred\"")
        .prints("duplicate key \"tab\\there\"");
    place.import_text("a.jsonl", lines(3), &["--on-duplicate", "ignore"]).expect(0, [0, 0, 0, 22]);
    place.import_text("a.jsonl", lines(4), &["--on-duplicate", "update"]).expect(0, [0, 0, 22, 0]);
    place.import_text("a.jsonl", lines(5), &["--on-duplicate", "replace"]).expect(0, [0, 0, 22, 0]);
    let versions: Vec<i64> = place.rows("c").into_iter().map(|row| row.version).collect();
    assert_eq!((versions, keys(&place)), (vec![3; 22], ORDINARY.map(str::to_owned).to_vec()));
    let ran = place.import_text("a.jsonl", lines(6), &["--delete-keys"]);
    assert_eq!((ran.code, ran.count("deleted"), keys(&place)), (0, 22, Vec::new()));
}

#[test]
fn a_key_of_any_text_twice_in_a_new_collection_is_one_document() {
    let lines: String = [1, 2]
        .iter()
        .flat_map(|n| ORDINARY.iter().map(move |key| serde_json::json!({"_id": key, "n": n}).to_string() + "\n"))
        .collect();
    for (mode, counts) in [("error", [22, 22, 0, 0]), ("ignore", [22, 0, 0, 22]), ("replace", [22, 0, 22, 0])] {
        let place = Place::new();
        let ran = place.import_text("a.jsonl", &lines, &["--on-duplicate", mode]);
        ran.expect(i32::from(mode == "error"), counts);
        assert_eq!(keys(&place), ORDINARY, "{mode}");
    }
}

#[test]
fn wrappers_of_mongoexport_are_taken_off() {
    let lines = [
        "{\"_id\":{\"$oid\":\"5f0c\"}}",
        "{\"_id\":{\"$numberLong\":\"12\"}}",
        "{\"_id\":{\"$numberInt\":\"-3\"}}",
        "{\"_id\":{\"$numberDouble\":\"5.5\"}}",
        "{\"_id\":{\"$numberDecimal\":\"1.10\"}}",
        "{\"_id\":{\"$uuid\":\"aa-bb\"}}",
        "{\"_id\":{\"$date\":\"2020-01-01T00:00:00Z\"}}",
        "{\"_id\":{ \"$date\" : { \"$numberLong\":\"1577836800000\" } }}",
        "{\"_id\":{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"04\"}}}",
    ];
    let expected = ["5f0c", "12", "-3", "5.5", "1.10", "aa-bb", "2020-01-01T00:00:00Z", "1577836800000", "AA=="];
    assert_eq!(keys_of(&lines, &[]), expected);
}

#[test]
fn a_named_key_is_a_field_of_that_name_else_a_path() {
    assert_eq!(
        keys_of(
            &["{\"a.b\":\"1\",\"a\":{\"b\":\"x\"}}", "{\"a\":{\"b\":\"2\"}}", "{\"a\":{\"c\":{},\"b\":3}}"],
            &["--key", "a.b"]
        ),
        ["1", "2", "3"]
    );
    assert_eq!(keys_of(&["{\"a\":{\"b.c\":\"1\"}}", "{\"a\":{\"b\":{\"c\":\"2\"}}}"], &["--key", "a.b.c"]), ["1", "2"]);
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{\"a\":\"x\"}\n{\"a\":{\"b\":1}}\n", &["--key", "a.b"]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.jsonl:1: missing key field \"a.b\"");
}

#[test]
fn a_named_key_beats_the_fields_that_are_keys_by_name() {
    assert_eq!(keys_of(&["{\"_key\":\"x\",\"_id\":\"y\",\"sku\":\"z\"}"], &["--key", "sku"]), ["z"]);
}

#[test]
fn generated_keys_are_unique_and_sorted_also_over_runs() {
    let place = Place::new();
    let text = "{\"n\":1}\n".repeat(2500);
    place.import_text("a.jsonl", &text, &["--batch-size", "7"]).expect(0, [2500, 0, 0, 0]);
    place.import_text("b.jsonl", &text, &["-j", "3"]).expect(0, [2500, 0, 0, 0]);
    let keys = keys(&place);
    assert_eq!(keys.len(), 5000);
    assert!(keys.is_sorted_by(|one, next| one < next), "in the order of the input");
    assert!(place.docs().iter().all(|doc| doc == "{\"n\":1}"));
}

#[test]
fn a_generated_key_is_one_that_can_be_imported_again() {
    let place = Place::new();
    place.import_text("a.jsonl", "{\"n\":1}\n", &[]).expect(0, [1, 0, 0, 0]);
    let key = keys(&place).remove(0);
    let again = format!("{{\"_key\":\"{key}\",\"n\":2}}");
    place.import_text("b.jsonl", &again, &["--on-duplicate", "replace"]).expect(0, [0, 0, 1, 0]);
    assert_eq!(place.docs(), [again]);
}

#[test]
fn keys_to_delete_are_found_in_the_same_way() {
    let place = Place::new();
    place.import_text("a.csv", "_key\na\nb\nc\nd\n7\n", &[]).expect(0, [5, 0, 0, 0]);
    let text = "{\"_key\":\"a\",\"n\":1}\n{\"_id\":\"b\"}\n{\"_key\":\"missing\"}\n{\"n\":1}\n{\"_key\":7}\n{\"_key\":\"a\"}\n";
    let ran = place.import_text("gone.jsonl", text, &["--delete-keys"]);
    ran.expect(1, [0, 1, 0, 2]).prints("gone.jsonl:4: missing key field \"_key\" or \"_id\"");
    assert_eq!(ran.count("deleted"), 3);
    assert_eq!(keys(&place), ["c", "d"]);
    let ran = place.import_text("gone.csv", "sku\nd\n", &["--delete-keys", "--key", "sku"]);
    ran.expect(0, [0, 0, 0, 0]);
    assert_eq!((ran.count("deleted"), keys(&place)), (1, vec!["c".to_owned()]));
}

#[test]
fn keys_of_mongodb_are_the_same_in_all_forms_of_an_export() {
    let uuid = "a3655b80-5d25-4f31-a44c-c5f866e2870f";
    for (key, forms) in [
        ("5f0c5f0c5f0c5f0c5f0c5f0c", &[r#"{"$oid":"5f0c5f0c5f0c5f0c5f0c5f0c"}"#, r#""5f0c5f0c5f0c5f0c5f0c5f0c""#][..]),
        ("12", &[r#"{"$numberLong":"12"}"#, r#"{"$numberInt":"12"}"#, r#"{"$numberLong":12}"#, "12"]),
        ("1.5", &[r#"{"$numberDouble":"1.5"}"#, r#"{"$numberDecimal":"1.5"}"#, "1.5"]),
        (
            uuid,
            &[
                r#"{"$uuid":"a3655b80-5d25-4f31-a44c-c5f866e2870f"}"#,
                r#"{"$binary":{"base64":"o2VbgF0lTzGkTMX4ZuKHDw==","subType":"04"}}"#,
                r#"{"$binary":"o2VbgF0lTzGkTMX4ZuKHDw==","$type":"04"}"#,
            ],
        ),
        ("AAE=", &[r#"{"$binary":{"base64":"AAE=","subType":"00"}}"#, r#"{"$binary":"AAE=","$type":"00"}"#]),
    ] {
        for form in forms {
            for (name, flags) in [("_id", &[][..]), ("_id", &["--key", "_id"]), ("id", &["--key", "id"])] {
                let line = format!("{{\"{name}\":{form},\"n\":1}}");
                assert_eq!(keys_of(&[&line], flags), [key], "{line} {flags:?}");
            }
        }
    }
}

#[test]
fn an_object_id_in_a_cell_is_the_key_that_it_is_in_json() {
    for cell in ["ObjectId(5f0c5f0c5f0c5f0c5f0c5f0c)", "\"ObjectId(\"\"5f0c5f0c5f0c5f0c5f0c5f0c\"\")\""] {
        for header in ["_id", "id"] {
            let place = Place::new();
            let flags = ["--key", header];
            place.import_text("a.csv", format!("{header},n\n{cell},1\n"), &flags).expect(0, [1, 0, 0, 0]);
            assert_eq!(keys(&place), ["5f0c5f0c5f0c5f0c5f0c5f0c"]);
            assert!(place.docs()[0].contains("ObjectId("), "the document keeps its text");
        }
    }
    let json = "{\"_id\":\"ObjectId(5f0c5f0c5f0c5f0c5f0c5f0c)\"}";
    assert_eq!(keys_of(&[json], &[]), ["ObjectId(5f0c5f0c5f0c5f0c5f0c5f0c)"]);
}
