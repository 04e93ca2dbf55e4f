//! What becomes of records whose key exists, in the store or earlier in the input: the four modes, deletes, versions.
//! The store has several ways to the same end, so most of this runs through all of them.

use crate::support::{Place, Ran, Row};

/// How records come to the store. What a user sees must not depend on it.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A file into a collection that is not there: loaded, the index comes last.
    Load,
    /// The same from a pipe: several transactions.
    Pipe,
    /// One record a batch, from a pipe.
    PipeOneByOne,
    /// A file into a collection that holds something else: applied with the index in place.
    Apply,
}

const WAYS: [Way; 4] = [Way::Load, Way::Pipe, Way::PipeOneByOne, Way::Apply];

impl Way {
    fn import(self, place: &Place, mode: &str, text: &str) -> Ran {
        let arguments = ["-c", "c", "--on-duplicate", mode];
        place.file("a.jsonl", text);
        match self {
            Way::Load => place.run(&[&arguments[..], &["a.jsonl"]].concat()),
            Way::Pipe => place.pipe(&arguments, text.as_bytes()),
            Way::PipeOneByOne => place.pipe(&[&arguments[..], &["--batch-size", "1"]].concat(), text.as_bytes()),
            Way::Apply => {
                place.import_text("other.jsonl", "{\"_key\":\"other\"}", &[]).expect(0, [1, 0, 0, 0]);
                place.run(&[&arguments[..], &["a.jsonl"]].concat())
            }
        }
    }
}

/// Keys, versions and documents, but for the one that `Way::Apply` put there first.
fn state(place: &Place) -> Vec<(String, i64, String)> {
    let rows = place.rows("c").into_iter().filter(|row| row.key != "other");
    rows.map(|Row { key, version, doc }| (key, version, doc)).collect()
}

#[track_caller]
fn expect_state(place: &Place, expected: &[(&str, i64, &str)], way: Way) {
    let expected: Vec<(String, i64, String)> =
        expected.iter().map(|(key, version, doc)| ((*key).to_owned(), *version, (*doc).to_owned())).collect();
    assert_eq!(state(place), expected, "{way:?}");
}

const TWICE: &str = "{\"_key\":\"a\",\"x\":1,\"y\":1}\n{\"_key\":\"b\"}\n{\"_key\":\"a\",\"x\":2}\n";
const A1: &str = "{\"_key\":\"a\",\"x\":1,\"y\":1}";
const B: &str = "{\"_key\":\"b\"}";

#[test]
fn error_keeps_the_first_and_names_the_second() {
    for way in WAYS {
        let place = Place::new();
        let ran = way.import(&place, "error", TWICE);
        ran.expect(1, [2, 1, 0, 0]).prints(":3: duplicate key \"a\"");
        expect_state(&place, &[("a", 1, A1), ("b", 1, B)], way);
    }
}

#[test]
fn ignore_keeps_the_first_and_is_content() {
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "ignore", TWICE).expect(0, [2, 0, 0, 1]);
        expect_state(&place, &[("a", 1, A1), ("b", 1, B)], way);
    }
}

#[test]
fn replace_keeps_the_last_as_a_second_version() {
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "replace", TWICE).expect(0, [2, 0, 1, 0]);
        expect_state(&place, &[("a", 2, "{\"_key\":\"a\",\"x\":2}"), ("b", 1, B)], way);
    }
}

#[test]
fn update_merges_into_a_second_version() {
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "update", TWICE).expect(0, [2, 0, 1, 0]);
        expect_state(&place, &[("a", 2, "{\"_key\":\"a\",\"x\":2,\"y\":1}"), ("b", 1, B)], way);
    }
}

#[test]
fn a_merge_touches_only_the_bytes_that_it_must() {
    let old = r#"{ "_key" : "a", "n" : 1.0, "big":12345678901234567890, "o" : { "p":1 ,"q":{"r":null}}, "l":[1,2], "u":"\u00e9" }"#;
    let new = r#"{"_key":"a","n":1e400,"o":{"q":{"s":[ ]},"p":null},"l":[3],"new":{"a": null}}"#;
    let merged = r#"{ "_key" : "a", "n" : 1e400, "big":12345678901234567890, "o" : { "p":null ,"q":{"r":null,"s":[ ]}}, "l":[3], "u":"\u00e9","new":{"a": null} }"#;
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "update", &format!("{old}\n{new}\n")).expect(0, [1, 0, 1, 0]);
        expect_state(&place, &[("a", 2, merged)], way);
    }
}

#[test]
fn an_object_and_anything_else_replace_each_other() {
    let text = "{\"_key\":\"a\",\"x\":{\"deep\":1},\"y\":2}\n{\"_key\":\"a\",\"x\":3,\"y\":{\"deep\":4}}\n";
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "update", text).expect(0, [1, 0, 1, 0]);
        expect_state(&place, &[("a", 2, "{\"_key\":\"a\",\"x\":3,\"y\":{\"deep\":4}}")], way);
    }
}

#[test]
fn many_updates_of_one_key_are_applied_in_their_order() {
    let lines: Vec<String> = (0..50).map(|n| format!("{{\"_key\":\"a\",\"last\":{n},\"m{n}\":{n}}}\n")).collect();
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "update", &lines.concat()).expect(0, [1, 0, 49, 0]);
        let (_, version, doc) = state(&place).remove(0);
        let doc: serde_json::Value = serde_json::from_str(&doc).expect("JSON");
        assert_eq!((version, &doc["last"]), (50, &49.into()), "{way:?}");
        assert_eq!(doc.as_object().map(|fields| fields.len()), Some(52), "{way:?}");
    }
}

#[test]
fn an_update_that_changes_nothing_counts_as_updated_and_makes_no_version() {
    let text = "{\"_key\":\"a\",\"x\":1}\n{\"_key\":\"a\"}\n{\"_key\":\"a\",\"x\":1}\n";
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "update", text).expect(0, [1, 0, 2, 0]);
        expect_state(&place, &[("a", 1, "{\"_key\":\"a\",\"x\":1}")], way);
    }
}

#[test]
fn a_replacement_by_the_same_is_a_version_of_its_own() {
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "replace", "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\n").expect(0, [1, 0, 1, 0]);
        expect_state(&place, &[("a", 2, "{\"_key\":\"a\"}")], way);
    }
}

#[test]
fn documents_too_deep_to_merge_are_one_error_and_the_old_one_stays() {
    let deep = |leaf: u32| format!("{{\"_key\":\"a\",\"d\":{}{leaf}{}}}", "{\"d\":".repeat(300), "}".repeat(300));
    for way in WAYS {
        let place = Place::new();
        let ran = way.import(&place, "update", &format!("{}\n{}\n{B}\n", deep(1), deep(2)));
        ran.expect(1, [2, 1, 0, 0]).prints(":2: \"a\": the documents to merge are nested deeper");
        expect_state(&place, &[("a", 1, &deep(1)), ("b", 1, B)], way);
    }
}

#[test]
fn each_document_has_a_sequence_number_that_grows_with_every_write() {
    for way in WAYS {
        let place = Place::new();
        way.import(&place, "replace", TWICE).expect(0, [2, 0, 1, 0]);
        let number = |key: &str| -> i64 {
            let select = "SELECT _seq_no FROM c WHERE _key = ?1";
            place.open().query_row(select, [key], |row| row.get(0)).expect("a row")
        };
        // `a` was written last, although it came first.
        let (a, b) = (number("a"), number("b"));
        assert!(a > b, "{way:?}: {a} {b}");
        place.import_text("b.jsonl", B, &["--on-duplicate", "replace"]).expect(0, [0, 0, 1, 0]);
        assert!(number("b") > a, "{way:?}");
    }
}

#[test]
fn existing_documents_meet_each_mode_alike() {
    let second = "{\"_key\":\"a\",\"x\":9}\n{\"_key\":\"c\"}\n{\"_key\":\"c\",\"z\":1}\n{\"_key\":\"b\",\"n\":null}\n";
    for (mode, code, counts, a, b, c) in [
        ("error", 1, [1, 3, 0, 0], (1, A1), (1, B), (1, "{\"_key\":\"c\"}")),
        ("ignore", 0, [1, 0, 0, 3], (1, A1), (1, B), (1, "{\"_key\":\"c\"}")),
        (
            "replace",
            0,
            [1, 0, 3, 0],
            (2, "{\"_key\":\"a\",\"x\":9}"),
            (2, "{\"_key\":\"b\",\"n\":null}"),
            (2, "{\"_key\":\"c\",\"z\":1}"),
        ),
        (
            "update",
            0,
            [1, 0, 3, 0],
            (2, "{\"_key\":\"a\",\"x\":9,\"y\":1}"),
            (2, "{\"_key\":\"b\",\"n\":null}"),
            (2, "{\"_key\":\"c\",\"z\":1}"),
        ),
    ] {
        let place = Place::new();
        place.import_text("first.jsonl", format!("{A1}\n{B}\n"), &[]).expect(0, [2, 0, 0, 0]);
        let ran = place.import_text("second.jsonl", second, &["--on-duplicate", mode]);
        ran.expect(code, counts);
        if mode == "error" {
            for line in [1, 3, 4] {
                ran.prints(&format!("second.jsonl:{line}: duplicate key"));
            }
        }
        expect_state(&place, &[("a", a.0, a.1), ("b", b.0, b.1), ("c", c.0, c.1)], Way::Apply);
    }
}

#[test]
fn the_same_file_again_is_all_errors_ignored_or_updated() {
    let text: String = (0..3000).map(|n| format!("{{\"_key\":\"k{n}\",\"n\":{n}}}\n")).collect();
    let place = Place::new();
    place.import_text("a.jsonl", &text, &[]).expect(0, [3000, 0, 0, 0]);
    let before = place.rows("c");
    place.import(&["a.jsonl"]).expect(1, [0, 3000, 0, 0]).prints("duplicate_key: 3,000, first a.jsonl:1");
    place.import(&["--on-duplicate", "ignore", "a.jsonl"]).expect(0, [0, 0, 0, 3000]);
    place.import(&["--on-duplicate", "update", "a.jsonl"]).expect(0, [0, 0, 3000, 0]);
    assert_eq!(place.rows("c"), before);
    place.import(&["--on-duplicate", "replace", "a.jsonl"]).expect(0, [0, 0, 3000, 0]);
    let replaced: Vec<Row> = before.into_iter().map(|row| Row { version: 2, ..row }).collect();
    assert_eq!(place.rows("c"), replaced);
}

#[test]
fn duplicates_are_named_with_file_and_line_whatever_lies_between() {
    for existing in [false, true] {
        let place = Place::new();
        if existing {
            place.import_text("other.jsonl", "{\"_key\":\"other\"}", &[]).expect(0, [1, 0, 0, 0]);
        }
        place.file("a.jsonl", "\n{\"_key\":\"a\"}\noops\n\n{\"_key\":\"b\"}\n{\"_key\":\"a\"}\n[]\n{\"_key\":\"c\"}\n\n\n{\"_key\":\"b\"}");
        place.file("b.csv", "_key,n\nx,1\na,2\ny,\"3\n\"\nx,4\n");
        place.file("c.json", "[{\"_key\":\"z\"},{\"_key\":\"c\"},\n{\"_key\":\"z\"},{\"_key\":\"w\"}]");
        let ran = place.import(&["--details", "a.jsonl", "b.csv", "c.json"]);
        ran.expect(1, [7, 8, 0, 0]);
        for (at, key) in [
            ("a.jsonl:6", "a"),
            ("a.jsonl:11", "b"),
            ("b.csv:3", "a"),
            ("b.csv:6", "x"),
            ("c.json:1 (record 2)", "c"),
            ("c.json:2 (record 3)", "z"),
        ] {
            ran.prints(&format!("{at}: duplicate key \"{key}\"\n"));
        }
        ran.prints("a.jsonl:3: ").prints("a.jsonl:7: ");
    }
}

#[test]
fn the_limit_counts_duplicates_as_records() {
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\n");
    place.file("b.jsonl", "{\"_key\":\"b\"}\n{\"_key\":\"a\"}\n{\"_key\":\"c\"}\n");
    let ran = place.import(&["--limit", "4", "a.jsonl", "b.jsonl"]);
    ran.expect(1, [2, 2, 0, 0]).prints("a.jsonl:2: duplicate").prints("b.jsonl:2: duplicate");
    assert_eq!(ran.count("read"), 4);
}

/// 6,000 lines with new keys `n0` to `n5999`, of which five are keys met before: two of the collection's, three of the
/// input's own, so that each lies before or behind the point where the store changes its way.
fn large() -> (String, [u64; 5]) {
    let other = |n| match n {
        50 => "k5".to_owned(),
        1_000 => "n3".to_owned(),
        4_000 => "k6".to_owned(),
        5_000 => "n10".to_owned(),
        5_500 => "n4500".to_owned(),
        n => format!("n{n}"),
    };
    let text = (1..=6_000).map(|n| format!("{{\"_key\":\"{}\",\"line\":{n}}}\n", other(n))).collect();
    (text, [50, 1_000, 4_000, 5_000, 5_500])
}

fn into_a_small_collection(mode: &str) -> (Place, Ran) {
    let place = Place::new();
    let existing: String = (0..100).map(|n| format!("{{\"_key\":\"k{n}\",\"old\":1}}\n")).collect();
    place.import_text("old.jsonl", existing, &[]).expect(0, [100, 0, 0, 0]);
    let ran = place.import_text("large.jsonl", large().0, &["--on-duplicate", mode, "--details"]);
    (place, ran)
}

/// Version and document of a key.
fn one(place: &Place, key: &str) -> (i64, String) {
    let select = "SELECT _version, doc FROM c WHERE _key = ?1";
    place.open().query_row(select, [key], |row| Ok((row.get(0)?, row.get(1)?))).expect("exactly one row")
}

#[test]
fn a_large_input_into_a_small_collection_names_every_duplicate() {
    let (place, ran) = into_a_small_collection("error");
    ran.expect(1, [5_995, 5, 0, 0]);
    for line in large().1 {
        ran.prints(&format!("large.jsonl:{line}: duplicate key"));
    }
    assert_eq!(place.rows("c").len(), 6_095);
    assert_eq!(one(&place, "k6"), (1, "{\"_key\":\"k6\",\"old\":1}".to_owned()));
    assert_eq!(one(&place, "n10"), (1, "{\"_key\":\"n10\",\"line\":10}".to_owned()));
}

#[test]
fn a_large_input_into_a_small_collection_lets_every_mode_decide() {
    let (place, ran) = into_a_small_collection("ignore");
    ran.expect(0, [5_995, 0, 0, 5]);
    assert_eq!(one(&place, "n4500"), (1, "{\"_key\":\"n4500\",\"line\":4500}".to_owned()));
    for (mode, k5, k6) in [
        ("replace", "{\"_key\":\"k5\",\"line\":50}", "{\"_key\":\"k6\",\"line\":4000}"),
        ("update", "{\"_key\":\"k5\",\"old\":1,\"line\":50}", "{\"_key\":\"k6\",\"old\":1,\"line\":4000}"),
    ] {
        let (place, ran) = into_a_small_collection(mode);
        ran.expect(0, [5_995, 0, 5, 0]);
        assert_eq!(place.rows("c").len(), 6_095);
        assert_eq!([one(&place, "k5"), one(&place, "k6")], [(2, k5.to_owned()), (2, k6.to_owned())]);
        for (key, line) in [("n3", 1_000), ("n10", 5_000), ("n4500", 5_500)] {
            assert_eq!(one(&place, key), (2, format!("{{\"_key\":\"{key}\",\"line\":{line}}}")), "{mode}");
        }
    }
}

#[test]
fn a_collection_may_have_any_name_that_the_store_uses_for_something_else() {
    for name in ["duplicates", "candidates", "collections", "pragma_index_list", "main", "temp", "rowid", "json_each"] {
        let place = Place::new();
        place.file("a.jsonl", TWICE);
        place.run(&["-c", name, "a.jsonl"]).expect(1, [2, 1, 0, 0]).prints("a.jsonl:3: duplicate key \"a\"");
        place.run(&["-c", name, "--on-duplicate", "update", "a.jsonl"]).expect(0, [0, 0, 3, 0]);
        place.run(&["-c", name, "--unique", "y", "a.jsonl"]).expect(1, [0, 3, 0, 0]);
        assert_eq!(place.rows(name).len(), 2, "{name}");
    }
}

#[test]
fn delete_keys_deletes_what_is_there_and_ignores_what_is_not() {
    let place = Place::new();
    place.import_text("a.jsonl", TWICE, &["--on-duplicate", "ignore"]).expect(0, [2, 0, 0, 1]);
    let keys = "{\"_key\":\"a\",\"said\":\"besides\"}\n{\"_key\":\"missing\"}\n{\"_key\":\"a\"}\n{\"no\":\"key\"}\n";
    let ran = place.import_text("gone.jsonl", keys, &["--delete-keys"]);
    ran.expect(1, [0, 1, 0, 2]).prints("gone.jsonl:4: ");
    assert_eq!(ran.count("deleted"), 1);
    assert_eq!(place.docs(), [B]);
}

#[test]
fn a_key_that_was_just_deleted_goes_on_with_its_versions() {
    let place = Place::new();
    place.import_text("a.jsonl", A1, &[]).expect(0, [1, 0, 0, 0]);
    place
        .import_text("gone.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"never\"}", &["--delete-keys"])
        .expect(0, [0, 0, 0, 1]);
    assert!(place.docs().is_empty());
    place.import_text("again.jsonl", format!("{B}\n{A1}\n"), &[]).expect(0, [2, 0, 0, 0]);
    // Created as version 1, deleted as 2.
    assert_eq!((one(&place, "a").0, one(&place, "b").0), (3, 1));
    place.import_text("over.jsonl", A1, &["--overwrite"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(one(&place, "a").0, 1);
}

#[test]
fn the_same_key_in_another_collection_is_no_duplicate() {
    let place = Place::new();
    place.file("a.jsonl", A1);
    place.run(&["-c", "one", "a.jsonl"]).expect(0, [1, 0, 0, 0]);
    place.run(&["-c", "two", "a.jsonl"]).expect(0, [1, 0, 0, 0]);
    assert_eq!((place.rows("one").len(), place.rows("two").len()), (1, 1));
}

#[test]
fn keys_are_compared_byte_for_byte() {
    let place = Place::new();
    let text = "{\"_key\":\"a\"}\n{\"_key\":\"A\"}\n{\"_key\":\"\\u0061\"}\n{\"_key\":\"1\"}\n{\"_key\":1}\n";
    let ran = place.import_text("a.jsonl", text, &["--key", "_key"]);
    ran.expect(1, [3, 2, 0, 0]).prints("a.jsonl:3: duplicate key \"a\"").prints("a.jsonl:5: duplicate key \"1\"");
}
