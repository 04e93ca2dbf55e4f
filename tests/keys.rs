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
    place.import_text("a.jsonl", text, arguments).expect(1, [1, 1, 0, 0]).says(&format!("a.jsonl:1: {words}"));
    assert_eq!(keys(&place), ["good"]);
}

#[test]
fn the_key_is_key_else_id() {
    let lines = [
        "{\"n\":1,\"_key\":\"a\"}",
        "{\"_id\":\"b\"}",
        "{\"_id\":\"shop/c\",\"_key\":\"c\"}",
        "{\"_id\":\"shop/d\"}",
        "{\"_id\":\"e\",\"_key\":\"e\"}",
        "{\"_id\":{\"$oid\":\"5f0c\"},\"n\":1}",
        "{\"\\u005fkey\":\"\\u0066\"}",
        "{\"inner\":{\"_key\":\"no\"},\"_key\":\"g\"}",
    ];
    assert_eq!(keys_of(&lines, &[]), ["a", "b", "c", "d", "e", "5f0c", "f", "g"]);
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
    refused("{\"_key\":\"a\",\"_id\":\"b\"}", &[], "`_key` and `_id` are both there and differ");
    refused("{\"_key\":\"a\",\"_id\":\"c/b\"}", &[], "`_key` and `_id` are both there and differ");
    refused("{\"_key\":\"a\",\"_key\":\"a\"}", &[], "`_key` stands twice");
    refused("{\"_key\":\"a\",\"\\u005fkey\":\"b\"}", &[], "`_key` stands twice");
    refused("{\"_id\":\"a\",\"_id\":\"b\"}", &[], "`_id` stands twice");
    refused("{\"sku\":\"a\",\"sku\":\"b\"}", &["--key", "sku"], "`sku` stands twice");
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
        ("{\"_key\":\"a b\"}", "illegal key \"a b\""),
        ("{\"_key\":\"größe\"}", "illegal key"),
        ("{\"_key\":\"a/b\"}", "illegal key \"a/b\""),
        ("{\"_id\":\"http://shop/a\"}", "illegal key \"/shop/a\""),
        ("{\"_key\":\"\\ud800\"}", "the key has half of a surrogate pair"),
    ] {
        refused(line, &[], words);
    }
    for line in ["{}", "{\"_key\":\"a\"}", "{\"Sku\":\"a\"}"] {
        refused(line, &["--key", "sku"], "no `sku`, which --key names");
    }
    for (value, words) in [
        ("null", "the key is null"),
        ("true", "the key is a boolean"),
        ("[]", "the key is an array"),
        ("{}", "the key is an object"),
        ("\"\"", "the key is empty"),
        ("\"a/b\"", "illegal key"),
    ] {
        refused(&format!("{{\"sku\":{value}}}"), &["--key", "sku"], words);
    }
}

#[test]
fn a_key_has_up_to_254_bytes() {
    let longest = "x".repeat(254);
    assert_eq!(keys_of(&[&format!("{{\"_key\":\"{longest}\"}}")], &[]), [longest.as_str()]);
    refused(&format!("{{\"_key\":\"{longest}x\"}}"), &[], "the key has 255 bytes, at most 254 are allowed");
    let odd = "_-:.@()+,=;$!*'%";
    assert_eq!(keys_of(&[&format!("{{\"_key\":\"{odd}\"}}")], &[]), [odd]);
}

#[test]
fn a_named_key_is_a_member_of_that_name_else_a_path() {
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
    ran.expect(1, [1, 1, 0, 0]).says("a.jsonl:1: no `a.b`, which --key names");
}

#[test]
fn a_named_key_beats_the_members_that_are_keys_by_name() {
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
    let text = "{\"_key\":\"a\",\"n\":1}\n{\"_id\":\"c/b\"}\n{\"_key\":\"missing\"}\n{\"n\":1}\n{\"_key\":7}\n{\"_key\":\"a\"}\n";
    let ran = place.import_text("gone.jsonl", text, &["--delete-keys"]);
    ran.expect(1, [0, 1, 0, 2]).says("gone.jsonl:4: no `_key` or `_id` says what to delete");
    assert_eq!(ran.count("deleted"), 3);
    assert_eq!(keys(&place), ["c", "d"]);
    let ran = place.import_text("gone.csv", "sku\nd\n", &["--delete-keys", "--key", "sku"]);
    ran.expect(0, [0, 0, 0, 0]);
    assert_eq!((ran.count("deleted"), keys(&place)), (1, vec!["c".to_owned()]));
}
