//! What goes over the wire to ArangoDB: paths and parameters, documents to the byte, and what its answers are taken for.

use crate::support::Place;
use crate::wire::arangodb::{TWO, body, count, counts, documents, error, import, imports};
use crate::wire::{Reply, Wire};
use serde_json::{Value, json};

#[test]
fn each_mode_is_one_request_of_lines_that_begin_with_their_keys() {
    for (mode, created, updated, ignored) in
        [("error", 2, 0, 0), ("update", 1, 1, 0), ("replace", 0, 2, 0), ("ignore", 1, 0, 1)]
    {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(
            imports()
                .check(move |request| {
                    let query =
                        [("collection", "c"), ("type", "documents"), ("onDuplicate", mode), ("details", "true")];
                    assert_eq!(request.query, query.map(|(name, value)| (name.to_owned(), value.to_owned())));
                    assert_eq!(
                        body(request),
                        "{\"_key\":\"a\",\"n\":1.0}\n{\"_key\":\"b\",\"n\":12345678901234567890}\n"
                    );
                })
                .reply(counts(created, updated, ignored, &[])),
        );
        let ran = import(&place, &wire, TWO, &["--on-duplicate", mode]);
        assert_eq!(
            (ran.code, count(&ran, "created"), count(&ran, "updated"), count(&ran, "ignored")),
            (0, created, updated, ignored),
            "{mode}"
        );
        wire.done();
    }
}

#[test]
fn counts_that_a_mode_cannot_give_are_not_believed() {
    for (mode, updated, ignored) in [("error", 0, 2), ("error", 2, 0), ("replace", 0, 2), ("ignore", 2, 0)] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(imports().reply(counts(0, updated, ignored, &[])));
        // They may be stored, or not: they are sent again, and the answer has the outcome of each.
        let stored = ["a", "b"].map(|key| json!({"_id": format!("c/{key}"), "_key": key, "_rev": "_2"}));
        wire.expect(documents("POST").reply(Reply::json(202, json!(stored))));
        let ran = import(&place, &wire, TWO, &["--on-duplicate", mode]);
        assert_eq!((ran.code, count(&ran, "created"), count(&ran, "ignored")), (0, 2, 0), "{mode}: {}", ran.stderr);
    }
}

#[test]
fn an_id_without_a_key_must_name_a_document_of_the_collection() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(
        imports()
            .check(|request| {
                let lines = ["a", "b", "c", "5f0c"].map(|key| format!("{{\"_key\":\"{key}\",\"n\":1}}\n"));
                assert_eq!(body(request), lines.concat());
            })
            .reply(counts(4, 0, 0, &[])),
    );
    let lines = [
        r#"{"_id":"c/a","n":1}"#,
        r#"{"n":1,"_id":"c\/b"}"#,
        r#"{"_id":"other/c","_key":"c","n":1}"#,
        r#"{"_id":{"$oid":"5f0c"},"n":1}"#,
        r#"{"_id":"other/d","n":1}"#,
        r#"{"_id":"C/d","n":1}"#,
        r#"{"_id":"cc/d","n":1}"#,
        r#"{"_id":"d","n":1}"#,
        r#"{"_id":7,"n":1}"#,
        r#"{"_id":"c/d/e","n":1}"#,
        r#"{"_id":"c/","n":1}"#,
        r#"{"_id":"c/d e","n":1}"#,
        r#"{"_id":"c/d","_key":"e","n":1}"#,
    ];
    let ran = import(&place, &wire, &(lines.join("\n") + "\n"), &["--details"]);
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "errors")), (1, 4, 9), "{}", ran.stderr);
    let rule = "without \"_key\" it must be COLLECTION/KEY of the collection \"c\"";
    for said in [
        format!("in:5: invalid \"_id\" \"other/d\": {rule}\n"),
        format!("in:6: invalid \"_id\" \"C/d\": {rule}\n"),
        format!("in:7: invalid \"_id\" \"cc/d\": {rule}\n"),
        format!("in:8: invalid \"_id\" \"d\": {rule} (--key _id takes it as the key)\n"),
        format!("in:9: invalid \"_id\" \"7\": {rule} (--key _id takes it as the key)\n"),
        "in:10: invalid key \"d/e\"".to_owned(),
        "in:11: the key is empty".to_owned(),
        "in:12: invalid key \"d e\"".to_owned(),
        "in:13: \"_key\" and \"_id\" differ".to_owned(),
    ] {
        assert!(ran.stderr.contains(&said), "{said}: {}", ran.stderr);
    }
    wire.done();
}

#[test]
fn an_id_that_is_refused_as_such_may_be_named_as_the_key() {
    let (place, wire) = (Place::new(), Wire::start());
    let check = |request: &crate::wire::Request| assert_eq!(body(request), "{\"_key\":\"d\",\"n\":1}\n");
    wire.expect(imports().check(check).reply(counts(1, 0, 0, &[])));
    let ran = import(&place, &wire, "{\"_id\":\"d\",\"n\":1}\n", &["--key", "_id"]);
    assert_eq!((ran.code, count(&ran, "created")), (0, 1), "{}", ran.stderr);
    wire.done();
}

#[test]
fn a_key_to_delete_is_not_taken_from_an_id_of_another_collection() {
    let (place, wire) = (Place::new(), Wire::start());
    let gone = json!([{"_id": "c/a", "_key": "a", "_rev": "_2"}]);
    wire.expect(
        documents("DELETE").check(|request| assert_eq!(body(request), "[\"a\"]")).reply(Reply::json(202, gone)),
    );
    let ran = import(&place, &wire, "{\"_id\":\"c/a\"}\n{\"_id\":\"other/b\"}\n", &["--delete-keys"]);
    assert_eq!((ran.code, count(&ran, "deleted"), count(&ran, "errors")), (1, 1, 1), "{}", ran.stderr);
    wire.done();
}

#[test]
fn an_error_is_found_by_both_numberings_of_positions() {
    // The first is found wrong while the body is read, and counts from 1; the other counts what was left, from 0.
    let (place, wire) = (Place::new(), Wire::start());
    let details = [
        "at position 2: invalid JSON type (expecting object, probably parse error), offending context: {\"_key\":\"b\",\"n\":1}",
        "at position 1: creating document failed with error 'unique constraint violated', offending document: {\"_key\":\"c\",\"n\":1}",
        "at position 2: creating document failed with error 'schema validation failed', offending document: {\"_key\":\"d\",\"n\":1}",
    ];
    wire.expect(imports().reply(counts(2, 0, 0, &details)));
    let text: String = "abcde".chars().map(|key| format!("{{\"_key\":\"{key}\",\"n\":1}}\n")).collect();
    let ran = import(&place, &wire, &text, &[]);
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "errors")), (1, 2, 3));
    for said in ["in:2: invalid JSON type", "in:3: duplicate key \"c\"", "in:4: schema validation failed"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
}

#[test]
fn deletes_send_keys_to_the_document_api() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(documents("DELETE").check(|request| assert_eq!(body(request), r#"["a","b"]"#)).reply(Reply::json(
        202,
        json!([{"_key": "a", "_id": "c/a", "_rev": "_1"}, {"error": true, "errorNum": 1202, "errorMessage": "document not found"}]),
    )));
    let ran = import(&place, &wire, TWO, &["--delete-keys"]);
    assert_eq!((ran.code, count(&ran, "deleted"), count(&ran, "ignored")), (0, 1, 1));
}

#[test]
fn a_lost_answer_is_cleared_up_by_the_document_api() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(imports().reply(Reply::json(201, json!({"error": false, "created": 1}))));
    let exists = |key: &str| {
        json!({"error": true, "errorNum": 1210,
        "errorMessage": format!("unique constraint violated - in index primary of type primary over '_key'; conflicting key: {key}")})
    };
    wire.expect(
        documents("POST")
            .check(|request| {
                assert_eq!(body(request), "[{\"_key\":\"a\",\"n\":1.0},{\"_key\":\"b\",\"n\":12345678901234567890}]")
            })
            .reply(Reply::json(202, json!([exists("a"), exists("b")]))),
    );
    let stored: Value = serde_json::from_str(
        r#"[{"_key":"a","_id":"c/a","_rev":"_1","n":1},{"_key":"b","_id":"c/b","_rev":"_2","n":2}]"#,
    )
    .expect("JSON");
    wire.expect(
        documents("PUT")
            .check(|request| {
                assert_eq!(request.query, [("onlyget".to_owned(), "true".to_owned())]);
                assert_eq!(body(request), r#"[{"_key":"a"},{"_key":"b"}]"#);
            })
            .reply(Reply::json(200, stored)),
    );
    let ran = import(&place, &wire, TWO, &[]);
    // The first is what we sent; the second is somebody else's.
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "errors")), (1, 1, 1));
    assert!(ran.stderr.contains("in:2: duplicate key \"b\""), "{}", ran.stderr);
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_ends_the_run() {
    for (status, number, code, said) in [
        (503, 21003, 0, ""),
        (412, 21004, 0, ""),
        (409, 1200, 0, ""),
        (429, 0, 0, ""),
        (403, 11, 4, "the user needs the right to write"),
        (403, 1004, 4, "the user needs the right to write"),
        (404, 1203, 4, "--create-collection creates it"),
        (401, 11, 4, "check the user and the password, or the token"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(imports().reply(error(status, number, "no")));
        if code == 0 {
            wire.expect(imports().reply(counts(2, 0, 0, &[])));
        }
        let ran = import(&place, &wire, TWO, &[]);
        let unsent = if code == 0 { 0 } else { 2 };
        assert_eq!((ran.code, count(&ran, "unsent")), (code, unsent), "{status} {number}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{status} {number}: {}", ran.stderr);
    }
}

#[test]
fn a_conflict_of_one_document_is_tried_again_alone() {
    let (place, wire) = (Place::new(), Wire::start());
    let details =
        ["at position 1: creating document failed with error 'conflict', offending document: {\"_key\":\"b\",\"n\":1}"];
    wire.expect(imports().reply(counts(0, 1, 0, &details)));
    wire.expect(
        imports()
            .check(|request| assert_eq!(body(request), "{\"_key\":\"b\",\"n\":12345678901234567890}\n"))
            .reply(counts(1, 0, 0, &[])),
    );
    let ran = import(&place, &wire, TWO, &["--on-duplicate", "update"]);
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "updated")), (0, 1, 1));
}

#[test]
fn results_come_from_the_document_api() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(
        documents("POST")
            .check(|request| assert_eq!(request.query, [("overwriteMode".to_owned(), "replace".to_owned())]))
            .reply(Reply::json(
                202,
                json!([{"_key": "a", "_id": "c/a", "_rev": "_2", "_oldRev": "_1"}, {"_key": "b", "_id": "c/b", "_rev": "_3"}]),
            )),
    );
    let ran = import(&place, &wire, TWO, &["--on-duplicate", "replace", "--results", "results"]);
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "updated")), (0, 1, 1));
    let text = std::fs::read_to_string(place.path("results")).expect("results");
    let results: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let reported = |result: &Value| json!([result["id"], result["counted"], result["result"], result["status"]]);
    assert_eq!(
        results.iter().map(reported).collect::<Vec<_>>(),
        [json!(["a", "updated", "updated", 201]), json!(["b", "created", "created", 201])]
    );
}

/// A collection with a unique index on `n`.
fn unique(wire: &Wire) {
    wire.standing("GET", "/_db/shop/_api/index", |_| {
        let index = json!({"fields": ["n"], "name": "idx_1", "type": "persistent", "unique": true, "sparse": false});
        Reply::json(200, json!({"indexes": [{"fields": ["_key"], "type": "primary", "unique": true}, index]}))
    });
}

#[test]
fn with_a_unique_index_nothing_is_sent_again_behind_what_came_later() {
    let (place, wire) = (Place::new(), Wire::start());
    unique(&wire);
    let busy = json!({"error": true, "errorNum": 1200, "errorMessage": "write-write conflict"});
    let done = |key: &str| json!({"_key": key, "_id": format!("c/{key}"), "_rev": "_1"});
    // The first was overtaken, the last can be tried again.
    wire.expect(documents("POST").reply(Reply::json(202, json!([busy, done("2"), busy]))));
    wire.expect(
        documents("POST")
            .check(|request| assert_eq!(body(request), r#"[{"_key":"3","n":3}]"#))
            .reply(Reply::json(202, json!([done("3")]))),
    );
    let text: String = (1..=3).map(|n| format!("{{\"_key\":\"{n}\",\"n\":{n}}}\n")).collect();
    let ran = import(&place, &wire, &text, &[]);
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "errors")), (1, 2, 1));
    assert!(ran.stderr.contains("in:1: a later action was carried out while the server was busy"), "{}", ran.stderr);
}

#[test]
fn a_unique_index_is_named_when_it_is_in_the_way() {
    for (mode, errors, ignored) in [("error", 1, 0), ("ignore", 0, 1), ("replace", 1, 0)] {
        let (place, wire) = (Place::new(), Wire::start());
        unique(&wire);
        let text = "unique constraint violated - in index idx_1 of type persistent over 'n'; conflicting key: z";
        wire.expect(
            documents("POST").reply(Reply::json(202, json!([{"error": true, "errorNum": 1210, "errorMessage": text}]))),
        );
        let ran = import(&place, &wire, "{\"_key\":\"a\",\"n\":1}\n", &["--on-duplicate", mode]);
        assert_eq!((count(&ran, "errors"), count(&ran, "ignored")), (errors, ignored), "{mode}");
        assert_eq!(ran.stderr.contains("in:1: the document \"z\" has the same \"n\""), errors == 1, "{}", ran.stderr);
    }
}

#[test]
fn a_whole_run_is_one_request_and_nothing_is_stored_after_an_error() {
    let whole = || {
        imports().check(|request| {
            let query = [
                ("collection", "c"),
                ("type", "array"),
                ("onDuplicate", "error"),
                ("complete", "true"),
                ("details", "true"),
            ];
            assert_eq!(request.query, query.map(|(name, value)| (name.to_owned(), value.to_owned())));
            assert_eq!(body(request), "[{\"_key\":\"a\",\"n\":1.0},{\"_key\":\"b\",\"n\":12345678901234567890}]");
        })
    };
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(whole().reply(counts(2, 0, 0, &[])));
    assert_eq!(import(&place, &wire, TWO, &["--complete"]).code, 0);

    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(whole().reply(error(409, 1210, "unique constraint violated")));
    let missing = json!({"error": true, "errorNum": 1202, "errorMessage": "document not found"});
    wire.expect(documents("PUT").reply(Reply::json(200, json!([missing, {"_key": "b", "_id": "c/b", "_rev": "_1"}]))));
    let ran = import(&place, &wire, TWO, &["--complete"]);
    assert_eq!((ran.code, count(&ran, "errors"), count(&ran, "unsent")), (6, 1, 1));
    assert!(ran.stderr.contains("in:2: duplicate key \"b\""), "{}", ran.stderr);

    // A record that is bad by itself: nothing is sent.
    let (place, wire) = (Place::new(), Wire::start());
    let ran = import(&place, &wire, "{\"_key\":\"a\"}\n{\"_key\":\"b c\"}\n", &["--complete"]);
    assert_eq!((ran.code, count(&ran, "errors"), count(&ran, "unsent")), (6, 1, 1));
    wire.done();
}

#[test]
fn a_whole_run_whose_answer_is_lost_is_read_back() {
    let missing = json!({"error": true, "errorNum": 1202, "errorMessage": "document not found"});
    let stored = |key: &str, n: Value| json!({"_key": key, "_id": format!("c/{key}"), "_rev": "_1", "n": n});
    let big: Value = serde_json::from_str("12345678901234567890").expect("a number");
    let (a, b) = (stored("a", json!(1)), stored("b", big));
    // All of it is there and equal; nothing is there, so it is sent again; something else.
    for (found, again, code, bucket) in [
        (json!([a, b]), false, 0, "created"),
        (json!([missing, missing]), true, 0, "created"),
        (json!([a, missing]), false, 1, "unknown"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(imports().cut_off());
        wire.expect(documents("PUT").reply(Reply::json(200, found)));
        if again {
            wire.expect(imports().reply(counts(2, 0, 0, &[])));
        }
        let ran = import(&place, &wire, TWO, &["--complete"]);
        assert_eq!((ran.code, count(&ran, bucket)), (code, 2), "{}", ran.stderr);
    }
}

#[test]
fn what_the_server_would_change_is_an_error_unless_lossy_lets_it() {
    let text = concat!(
        "{\"_key\":\"a\",\"n\":18446744073709551617}\n",
        "{\"_key\":\"b\",\"x\":{\"y\":1,\"y\":2}}\n",
        "{\"_key\":\"c\",\"_from\":\"v/1\"}\n",
        "{\"_key\":\"d\",\"n\":1e400}\n",
    );
    let (place, wire) = (Place::new(), Wire::start());
    let ran = import(&place, &wire, text, &[]);
    assert_eq!((ran.code, count(&ran, "errors")), (1, 4));
    for said in [
        "in:1: the server would change the number 18446744073709551617",
        "in:2: the server would keep only one of the duplicate fields \"y\"",
        "in:3: a collection of documents drops \"_from\"",
        "in:4: the server would change the number 1e400",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    wire.done();
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(imports().check(move |request| assert_eq!(body(request), text)).reply(counts(4, 0, 0, &[])));
    assert_eq!(import(&place, &wire, text, &["--lossy"]).code, 0);
}

#[test]
fn bulk_lines_become_requests_of_one_kind_in_an_order_that_each_key_keeps() {
    let (place, wire) = (Place::new(), Wire::start());
    let stored = |key: &str, old: bool| match old {
        true => json!({"_id": format!("c/{key}"), "_key": key, "_rev": "_2", "_oldRev": "_1"}),
        false => json!({"_id": format!("c/{key}"), "_key": key, "_rev": "_2"}),
    };
    let missing = json!({"error": true, "errorNum": 1202, "errorMessage": "document not found"});
    // What needs no answer for each goes to the import API.
    wire.expect(
        imports()
            .check(|request| assert_eq!(body(request), "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"d\",\"n\":4}\n"))
            .reply(counts(1, 1, 0, &[])),
    );
    wire.expect(
        documents("DELETE")
            .check(|request| assert_eq!(body(request), "[\"b\"]"))
            .reply(Reply::json(202, json!([stored("b", false)]))),
    );
    // On a key that has been met: behind the others.
    wire.expect(
        documents("PATCH")
            .check(|request| {
                assert_eq!(body(request), "[{\"_key\":\"a\",\"m\":2},{\"_key\":\"e\",\"m\":3}]");
                for (name, value) in [("keepNull", "true"), ("mergeObjects", "true")] {
                    assert!(request.query.contains(&(name.to_owned(), value.to_owned())), "{:?}", request.query);
                }
            })
            .reply(Reply::json(202, json!([stored("a", true), missing]))),
    );
    let lines = [
        r#"{"index":{"_id":"a"}}"#,
        r#"{"n":1}"#,
        r#"{"delete":{"_id":"b","_index":"c"}}"#,
        r#"{"index":{"_id":"d"}}"#,
        r#"{"n":4}"#,
        r#"{"update":{"_id":"a"}}"#,
        r#"{"doc":{"m":2}}"#,
        r#"{"update":{"_id":"e"}}"#,
        r#"{"doc":{"m":3}}"#,
        r#"{"update":{"_id":"f"}}"#,
        r#"{"script":{"source":"x"}}"#,
        r#"{"update":{"_id":"f"}}"#,
        r#"{"doc":{"m":3},"upsert":{}}"#,
        r#"{"index":{"_id":"a/b"}}"#,
        "{}",
        r#"{"index":{"_id":"g","routing":"x"}}"#,
        "{}",
        r#"{"index":{"_id":"h"}}"#,
        r#"{"_key":"h"}"#,
        r#"{"index":{"_index":"other","_id":"i"}}"#,
        "{}",
        r#"{"create":{"_id":"j"}}"#,
        r#"{"n":1e999}"#,
    ];
    let ran = import(&place, &wire, &(lines.join("\n") + "\n"), &["-t", "bulk"]);
    let counted = |name| count(&ran, name);
    assert_eq!(
        (counted("created"), counted("updated"), counted("deleted"), counted("errors")),
        (1, 2, 1, 8),
        "{}",
        ran.stderr
    );
    for said in [
        "in:8: document not found (1202)",
        "in:10: \"script\" in an update is not supported by ArangoDB",
        "in:12: \"upsert\" in an update is not supported by ArangoDB, only \"doc_as_upsert\"",
        "in:14: invalid key",
        "in:16: \"routing\" in an action line is not supported by ArangoDB",
        "in:18: the document has \"_key\" or \"_id\", and its action line has the key",
        "in:20: \"_index\" and --collection differ",
        "in:22: the server would change the number 1e999",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    wire.done();
}
