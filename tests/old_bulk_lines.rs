//! Bulk lines as they lie around: with types of old servers, for other indices than that of the run, and as the array that
//! clients send and Kuzzle takes.

use crate::support::{Place, Ran};
use crate::wire::kuzzle::into_kuzzle;
use crate::wire::{Reply, Wire, created, failed, import};
use serde_json::{Value, json};

const TYPED: &str = "{\"index\":{\"_index\":\"c\",\"_type\":\"_doc\",\"_id\":\"1\"}}\n{\"n\":1}\n\
                     {\"create\":{\"_type\":\"logs\",\"_id\":\"2\", \"routing\" : \"r\"}}\n{\"n\":2}\n\
                     {\"delete\":{\"_id\":\"3\",\"_type\":\"_doc\"}}\n\
                     {\"index\":{\"_id\":\"4\"}}\n{\"n\":4}\n";

/// A server that calls itself so.
fn server(number: &str, tagline: &str) -> Wire {
    let wire = Wire::start();
    let about = json!({"cluster_name": "c", "cluster_uuid": "u", "version": {"number": number}, "tagline": tagline});
    wire.standing("GET", "/", move |_| Reply::json(200, about.clone()));
    wire
}

/// The note of this kind in the JSON summary.
fn note(ran: &Ran, kind: &str) -> Option<(u64, String)> {
    let notes = ran.summary["notes"].as_array()?;
    let note = notes.iter().find(|note| note["type"] == kind)?;
    Some((note["count"].as_u64()?, note["text"].as_str()?.to_owned()))
}

#[test]
fn types_are_left_out_for_servers_without_types() {
    for (number, tagline, kept, count) in [
        ("8.7.1", "You Know, for Search", false, 3),
        ("2.19.1", "The OpenSearch Project: https://opensearch.org/", false, 3),
        ("7.10.2", "The OpenSearch Project: https://opensearch.org/", false, 3),
        ("7.17.29", "You Know, for Search", true, 1),
    ] {
        let (place, wire) = (Place::new(), server(number, tagline));
        wire.bulk(&[created(), created(), crate::wire::deleted(), created()]);
        let ran = import(&place, &wire, TYPED, &["-t", "bulk"]);
        ran.expect(0, [3, 0, 0, 0]);
        let lines: Vec<String> = wire.bulks()[0].actions().iter().map(|action| action.line.clone()).collect();
        let expected = [
            if kept {
                r#"{"index":{"_index":"c","_type":"_doc","_id":"1"}}"#
            } else {
                r#"{"index":{"_index":"c","_id":"1"}}"#
            },
            r#"{"create":{"_id":"2","routing" : "r"}}"#,
            if kept { r#"{"delete":{"_id":"3","_type":"_doc"}}"# } else { r#"{"delete":{"_id":"3"}}"# },
            r#"{"index":{"_id":"4"}}"#,
        ];
        assert_eq!(lines, expected, "{number}");
        let (found, text) = note(&ran, "dropped_types").expect("a note");
        assert_eq!(found, count, "{number}");
        assert!(text.contains("had a type (_type), which was left out"), "{text}");
        assert_eq!(ran.stderr.matches("note: ").count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn kuzzle_and_a_file_of_documents_have_no_types_either() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), created()]);
    let text = "{\"index\":{\"_type\":\"_doc\",\"_id\":\"1\"}}\n{}\n{\"create\":{\"_type\":\"a\",\"_id\":\"2\"}}\n{}\n";
    let ran = into_kuzzle(&place, &wire, text, &["-t", "bulk"]);
    ran.expect(0, [2, 0, 0, 0]);
    assert_eq!(note(&ran, "dropped_types").map(|(count, _)| count), Some(2));
    place.file("in", text);
    let ran = place.run(&["--to", "jsonl:-", "-t", "bulk", "-c", "c", "in"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{}", ran.stderr);
}

const OTHERS: &str = "{\"index\":{\"_index\":\"other\",\"_id\":\"1\"}}\n{}\n{\"index\":{\"_id\":\"2\"}}\n{}\n\
                      {\"index\":{\"_index\":\"c\",\"_id\":\"3\"}}\n{}\n{\"create\":{\"_index\":\"third\",\"_id\":\"4\"}}\n{}\n";

#[test]
fn lines_for_other_indices_are_counted_by_collection_and_noted() {
    for arguments in [&[][..], &["--results", "results"]] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "*", |_| Reply::refused(404, "index_not_found_exception", "no such index"));
        wire.bulk(&[created(), created(), created(), failed(400, "mapper_parsing_exception", "no")]);
        place.file("in", OTHERS);
        let ran = place.run(&[&["--to", &wire.to(), "-c", "c", "-j", "1", "-t", "bulk", "in"], arguments].concat());
        ran.expect(1, [3, 1, 0, 0]);
        ran.prints("note: 2 bulk lines named another collection than --collection: other (1), third (1)");
        let counts = |name: &str| -> Option<[u64; 2]> {
            let all = ran.summary["collections"].as_array()?;
            let one = all.iter().find(|one| one["name"] == name)?;
            Some([one["created"].as_u64()?, one["errors"].as_u64()?])
        };
        assert_eq!([counts("c"), counts("other"), counts("third")], [Some([2, 0]), Some([1, 0]), Some([0, 1])]);
        assert!(!ran.stdout.contains("collection c"), "{}", ran.stdout);
    }
}

#[test]
fn a_store_counts_them_too() {
    let place = Place::new();
    place.file("twice", OTHERS.replace("create", "index").repeat(2) + &OTHERS.replace("\"index\"", "\"create\""));
    let ran = place.run(&["--to", "twice.db", "-c", "c", "-t", "bulk", "twice"]);
    ran.expect(1, [4, 4, 4, 0]);
    let errors: Vec<u64> =
        ran.summary["collections"].as_array().into_iter().flatten().filter_map(|one| one["errors"].as_u64()).collect();
    assert_eq!(errors, [2, 1, 1], "{}", ran.summary);
    place.file("in", OTHERS);
    let ran = place.run(&["--to", "s.db", "-c", "c", "-t", "bulk", "in"]);
    ran.expect(0, [4, 0, 0, 0]);
    let collections: Vec<(Value, Value)> = ran.summary["collections"]
        .as_array()
        .expect("collections")
        .iter()
        .map(|one| (one["name"].clone(), one["created"].clone()))
        .collect();
    assert_eq!(collections, [(json!("c"), json!(2)), (json!("other"), json!(1)), (json!("third"), json!(1))]);
}

#[test]
fn retarget_sends_all_lines_to_the_collection_of_the_run() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), created(), created(), created()]);
    let ran = import(&place, &wire, OTHERS, &["-t", "bulk", "--retarget"]);
    ran.expect(0, [4, 0, 0, 0]);
    let request = wire.bulks().remove(0);
    assert!(request.actions().iter().all(|action| action.index == "c"), "{}", request.text());
    assert!(!request.text().contains("_index"), "{}", request.text());
    assert!(note(&ran, "other_collections").is_none());
    // The targets of one collection can then take them.
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), created(), created(), created()]);
    into_kuzzle(&place, &wire, OTHERS, &["-t", "bulk", "--retarget"]).expect(0, [4, 0, 0, 0]);
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created()]);
    into_kuzzle(
        &place,
        &wire,
        &OTHERS[OTHERS.find("{\"index\":{\"_id\"").unwrap_or(0)..],
        &["-t", "bulk", "--limit", "3"],
    )
    .prints("hint: `--retarget` sends all lines to --collection");
    wire.forgive();
    place.file("in", OTHERS);
    place.run(&["--to", "s.db", "-c", "c", "-t", "bulk", "--retarget", "in"]).expect(0, [4, 0, 0, 0]);
    for (arguments, error, hint) in [
        (&["-t", "bulk"][..], "--retarget requires --collection", "`--collection NAME`"),
        (&["-c", "c", "-t", "jsonl"], "--retarget requires --type bulk", "`-t bulk`"),
    ] {
        let ran = place.run(&[&["--to", "s.db", "--retarget", "in"], arguments].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(error).prints(hint);
    }
}

#[test]
fn actions_and_documents_may_be_the_elements_of_an_array() {
    let forms = [
        r#"[{"index":{"_id":"1"}},{"n":1.0},{"delete":{"_id":"2"}},{"create":{"_id":"3"}},{"n":3}]"#.to_owned(),
        r#"{"bulkData":[{"index":{"_id":"1"}},{"n":1.0},{"delete":{"_id":"2"}},{"create":{"_id":"3"}},{"n":3}]}"#.to_owned(),
        "\n {\n \"bulkData\" : [\n{ \"index\":\n{\"_id\":\"1\"} }\n,\n{\"n\":\n1.0},\n{\"delete\":{\"_id\":\"2\"}},{\"create\":{\"_id\":\"3\"}},\n{\"n\":3}\n]}\n".to_owned(),
    ];
    for text in forms {
        for is_piped in [false, true] {
            let (place, wire) = (Place::new(), Wire::start());
            wire.bulk(&[created(), crate::wire::deleted(), created()]);
            place.file("in", &text);
            let to = wire.to();
            let mut words = vec!["--to", &*to, "-c", "c", "-t", "bulk"];
            let ran = if is_piped {
                place.pipe(&words, text.as_bytes())
            } else {
                words.push("in");
                place.run(&words)
            };
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            assert_eq!(ran.counts(), [2, 0, 0, 0]);
            let sent: Vec<String> = wire.bulks()[0].text().lines().map(|line| line.replace(' ', "")).collect();
            let expected = [
                r#"{"index":{"_id":"1"}}"#,
                r#"{"n":1.0}"#,
                r#"{"delete":{"_id":"2"}}"#,
                r#"{"create":{"_id":"3"}}"#,
                r#"{"n":3}"#,
            ];
            assert_eq!(sent, expected);
        }
    }
}

#[test]
fn mistakes_in_such_an_array_cost_what_they_cost_in_lines() {
    let place = Place::new();
    let text = "[\n{\"index\":{\"_id\":\"1\"}},\n{\"n\":1},\n{\"indx\":{}},\n{\"n\":2},\n{\"index\":{\"_id\":\"3\",\"_index\":\"x\"}},\n[1],\n\
                {\"index\":{\"_id\":\"4\"}},\n{\"n\":4},\n{\"create\":{\"_id\":\"5\"}}\n]\n";
    place.file("in", text);
    let ran = place.run(&["--to", "s.db", "-c", "c", "-t", "bulk", "--results", "results", "in"]);
    ran.expect(1, [2, 3, 0, 0])
        .prints("in:4: unknown action \"indx\" (expected index, create, update or delete)")
        .prints("in:6: the document on line 7: expected an object, found an array")
        .prints("in:10: the array ends before the document of this action");
    place.file("in", "[{\"indx\":{}},{\"index\":{\"_id\":\"1\"}},{\"n\":1}]");
    let ran = place.run(&["--to", "t.db", "-c", "c", "-t", "bulk", "in"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    ran.prints("this may be an action, or the document of the invalid action before it");
}

#[test]
fn an_array_of_actions_is_recognised_and_refused_without_the_flag() {
    for (text, what) in [
        (
            r#"[{"index":{"_id":"f1"}},{"name":"x"},{"index":{"_id":"f2"}},{"name":"y"}]"#,
            "the first record is a bulk action",
        ),
        ("{\"bulkData\":[\n{\"index\":{\"_id\":\"b1\"}},{\"name\":\"x\"}\n]}", "a list of bulk actions, \"bulkData\""),
        (r#"{"bulkData":[{"index":{"_id":"b1"}},{"name":"x"}]}"#, "a list of bulk actions, \"bulkData\""),
    ] {
        let place = Place::new();
        place.file("in.json", text);
        let ran = place.run(&["--to", "s.db", "-c", "c", "in.json"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(what).prints("`-t bulk`");
        place.run(&["--to", "s.db", "-c", "c", "-t", "bulk", "in.json"]);
        place.run(&["--to", "t.db", "-c", "c", "-t", "json", "in.json"]).prints("importing");
    }
    // A document may have such a name.
    let place = Place::new();
    place.file("in.json", r#"[{"index":{"size":3}},{"name":"x"}]"#);
    place.run(&["--to", "s.db", "-c", "c", "in.json"]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn results_name_the_operation_and_the_index_of_lines_that_are_refused_here() {
    let place = Place::new();
    let text = "{\"index\":{\"_index\":\"i\",\"_id\":\"\"}}\n{}\n{\"create\":{\"_id\":\"2\"}}\n[1]\n{\"update\":{\"_index\":\"j\"}}\n{}\n";
    place.file("in", text);
    let ran = place.run(&["--to", "s.db", "-c", "c", "-t", "bulk", "--results", "results", "in"]);
    ran.expect(1, [0, 3, 0, 0]);
    let results = std::fs::read_to_string(place.path("results")).expect("the results");
    let columns: Vec<(Value, Value)> = results
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|result| (result["op"].clone(), result["index"].clone()))
        .collect();
    assert_eq!(columns, [(json!("index"), json!("i")), (json!("create"), Value::Null), (json!("update"), json!("j"))]);
}
