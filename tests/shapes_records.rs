//! Fields renamed, dropped and joined, in every format; all other bytes stay as they are.

use crate::support::Place;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The documents of lines that are all good.
#[track_caller]
fn shaped(lines: &str, arguments: &[&str]) -> Vec<String> {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", lines, arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place.docs()
}

/// The error of one line.
#[track_caller]
fn refused(line: &str, arguments: &[&str], words: &str) {
    let place = Place::new();
    let text = format!("{line}\n{{\"_key\":\"good\"}}\n");
    place.import_text("a.jsonl", text, arguments).expect(1, [1, 1, 0, 0]).prints(&format!("a.jsonl:1: {words}"));
}

const ODD: &str =
    "{ \"_key\" : \"a\" , \"n\":1.0,\"big\" : 12345678901234567890, \"\\u0078\":[ 1 , {} ] ,\"n2\":\"\\/\" }";

#[test]
fn renaming_changes_the_name_and_no_other_byte() {
    for (rename, from, to) in [
        ("n=m", "\"n\":", "\"m\":"),
        ("x=y z", "\"\\u0078\":", "\"y z\":"),
        ("n2=q\"", "\"n2\":", "\"q\\\"\":"),
        ("none=m", "", ""),
    ] {
        assert_eq!(shaped(ODD, &["--translate", rename]), [ODD.replace(from, to)], "{rename}");
    }
}

#[test]
fn removing_takes_the_field_and_its_comma() {
    let line = "{\"_key\":\"a\", \"b\": 1, \"c\":{\"b\":2}}";
    for (removed, left) in
        [("_nothing", line), ("b", "{\"_key\":\"a\", \"c\":{\"b\":2}}"), ("c", "{\"_key\":\"a\", \"b\": 1}")]
    {
        assert_eq!(shaped(line, &["--remove-attribute", removed]), [left]);
    }
    assert_eq!(shaped("{\"b\":1}\n{\"b\":1,\"b\":2}\n{}", &["--remove-attribute", "b"]), ["{}", "{}", "{}"]);
    assert_eq!(
        shaped("{\"a\":1,\"b\":2,\"c\":3}", &["--remove-attribute", "a", "--remove-attribute", "c"]),
        ["{\"b\":2}"]
    );
}

#[test]
fn joining_makes_a_text_at_the_end() {
    assert_eq!(
        shaped(
            "{\"_key\":\"1\",\"a\":\"x\\ny\",\"b\":1.50}\n{\"_key\":\"2\",\"b\":[1, 2]}",
            &["--merge-attributes", "m=<[a]-[b]>"]
        ),
        [
            "{\"_key\":\"1\",\"a\":\"x\\ny\",\"b\":1.50,\"m\":\"<x\\ny-1.50>\"}",
            "{\"_key\":\"2\",\"b\":[1, 2],\"m\":\"<-[1, 2]>\"}"
        ]
    );
}

#[test]
fn joined_texts_can_be_joined_again_and_be_the_key() {
    let place = Place::new();
    let arguments = ["--merge-attributes", "_key=[a]-[b]", "--merge-attributes", "c=[_key]!"];
    place.import_text("a.csv", "a,b\n1,2\n1,3\n", &arguments).expect(0, [2, 0, 0, 0]);
    let keys: Vec<_> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["1-2", "1-3"]);
    assert_eq!(place.docs()[0], "{\"a\":1,\"b\":2,\"_key\":\"1-2\",\"c\":\"1-2!\"}");
}

#[test]
fn a_joined_text_takes_the_place_of_a_field_of_its_name() {
    assert_eq!(shaped("{\"m\":0,\"a\":\"x\"}", &["--merge-attributes", "m=[a]"]), ["{\"a\":\"x\",\"m\":\"x\"}"]);
}

#[test]
fn joining_and_removing_use_the_names_of_the_input_and_renaming_comes_last() {
    assert_eq!(
        shaped(
            "{\"id\":\"1\",\"a\":\"x\"}",
            &["--translate", "id=_key", "--remove-attribute", "a", "--merge-attributes", "m=[id][a]"]
        ),
        ["{\"_key\":\"1\",\"m\":\"1x\"}"]
    );
}

#[test]
fn the_key_is_looked_for_after_shaping() {
    let place = Place::new();
    place.import_text("a.jsonl", "{\"sku\":7}\n{\"sku\":8}\n", &["--translate", "sku=_key"]).expect(0, [2, 0, 0, 0]);
    let keys: Vec<_> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["7", "8"]);
    let place = Place::new();
    place.import_text("a.jsonl", "{\"_key\":\"x\",\"n\":1}\n", &["--remove-attribute", "_key"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"n\":1}"]);
    assert_ne!(place.rows("c")[0].key, "x");
}

#[test]
fn a_new_name_that_is_taken_is_an_error() {
    for line in ["{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "{\"a\":1,\"\\u0062\":2}"] {
        refused(line, &["--translate", "a=b"], "--translate: duplicate field \"b\"");
    }
    let joined = ["--merge-attributes", "m=[b]", "--translate"];
    refused("{\"a\":1,\"b\":2}", &[&joined[..], &["m=a"]].concat(), "--translate: duplicate field \"a\"");
    refused("{\"a\":1,\"b\":2}", &[&joined[..], &["a=m"]].concat(), "--translate: duplicate field \"m\"");
    assert_eq!(shaped("{\"a\":1,\"b\":2}", &["--translate", "a=b", "--translate", "b=a"]), ["{\"b\":1,\"a\":2}"]);
}

#[test]
fn shapes_are_the_same_in_every_format() {
    let arguments = ["--translate", "id=_key", "--remove-attribute", "x", "--merge-attributes", "m=[id]/[n]"];
    let shaped = "{\"_key\":\"a\",\"n\":1,\"m\":\"a/1\"}";
    for (format, text) in [
        ("jsonl", "{\"id\":\"a\",\"x\":true,\"n\":1}"),
        ("json", "[{\"id\":\"a\",\"x\":true,\"n\":1}]"),
        ("csv", "id,x,n\na,true,1\n"),
        ("tsv", "id\tx\tn\na\ttrue\t1\n"),
        ("arrays", "[\"id\",\"x\",\"n\"]\n[\"a\",true,1]\n"),
    ] {
        let place = Place::new();
        place.import_text("a", text, &[&["-t", format], &arguments[..]].concat()).expect(0, [1, 0, 0, 0]);
        assert_eq!(place.docs(), [shaped], "{format}");
    }
}

/// A field: how it is written, and what it is.
fn field() -> impl Strategy<Value = (String, (&'static str, Value))> {
    let name =
        prop::sample::select(vec![("gone", "gone"), ("g\\u006fne", "gone"), ("old", "old"), ("b", "b"), ("c", "c")]);
    let value = prop::sample::select(vec!["1.0", "\"x\\\"}\"", "{ \"gone\" : [1 , 2]}", "[ ]", "null", "\"\""]);
    let blank = prop::sample::select(vec!["", " ", "\t "]);
    (name, value, [blank.clone(), blank.clone(), blank.clone(), blank]).prop_map(
        |((written, name), value, [a, b, c, d])| {
            let parsed = serde_json::from_str(value).expect("JSON");
            (format!("{a}\"{written}\"{b}:{c}{value}{d}"), (name, parsed))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_record_keeps_the_fields_that_no_flag_names(
        records in prop::collection::vec(prop::collection::vec(field(), 0..6), 1..60),
    ) {
        let (mut text, mut expected) = (String::new(), Vec::new());
        for record in records {
            let (mut fields, mut written) = (Map::new(), Vec::new());
            for (bytes, (name, value)) in record {
                if !fields.contains_key(name) {
                    fields.insert(name.to_owned(), value);
                    written.push(bytes);
                }
            }
            text += &format!("{{{}}}\n", written.join(","));
            fields.remove("gone");
            if let Some(value) = fields.remove("old") {
                fields.insert("new".to_owned(), value);
            }
            fields.insert("made".to_owned(), json!("same"));
            expected.push(Value::Object(fields));
        }
        let flags = ["--remove-attribute", "gone", "--translate", "old=new", "--merge-attributes", "made=same"];
        let docs = shaped(&text, &flags);
        let values: Vec<Value> = docs.iter().map(|doc| serde_json::from_str(doc).expect("JSON")).collect();
        prop_assert_eq!(values, expected);
    }
}
