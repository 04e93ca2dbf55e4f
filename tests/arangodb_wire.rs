//! What goes over the wire to ArangoDB: paths and parameters, documents to the byte, and what its answers are taken for.

use crate::support::{Place, Ran};
use crate::wire::{Exchange, Reply, Request, Wire, ask};
use serde_json::{Value, json};

/// Imports this text as JSON lines into collection `c`, on one connection.
fn import(place: &Place, wire: &Wire, text: &str, arguments: &[&str]) -> Ran {
    place.file("in", text);
    place.run(&[&["--to", &wire.to_arangodb(), "-c", "c", "-j", "1", "-t", "jsonl"], arguments, &["in"]].concat())
}

/// A request to the import API.
fn imports() -> Exchange {
    ask("POST", "/_db/shop/_api/import")
}

/// A request to the document API.
fn documents(method: &'static str) -> Exchange {
    ask(method, "/_db/shop/_api/document/c")
}

/// The import API's answer.
fn counts(created: u64, updated: u64, ignored: u64, details: &[&str]) -> Reply {
    let errors = details.len();
    let counts = json!({"error": false, "created": created, "errors": errors, "empty": 0, "updated": updated,
        "ignored": ignored, "details": details});
    Reply::json(201, counts)
}

fn body(request: &Request) -> String {
    String::from_utf8(request.body.clone()).expect("UTF-8")
}

#[track_caller]
fn count(ran: &Ran, name: &str) -> u64 {
    ran.summary[name].as_u64().unwrap_or_else(|| panic!("{name}: {}\n{}", ran.stdout, ran.stderr))
}

const TWO: &str = "{\"_key\":\"a\",\"n\":1.0}\n{\"n\":12345678901234567890,\"_key\":\"b\"}\n";

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
fn what_is_asked_first_is_the_version_the_collection_and_its_indexes() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(imports().reply(counts(2, 0, 0, &[])));
    import(&place, &wire, TWO, &[]);
    let asked: Vec<String> = wire.done().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    let expected = [
        "GET /_db/shop/_api/version",
        "GET /_db/shop/_api/collection/c/properties",
        "GET /_db/shop/_api/index",
        "POST /_db/shop/_api/import",
    ];
    assert_eq!(asked, expected);
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
