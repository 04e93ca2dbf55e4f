//! What happens before the first document goes to ArangoDB: logins, versions, collections, keys, and flags that it cannot
//! support.

use crate::support::Place;
use crate::wire::arangodb::{TWO, body, count, counts, documents, error, import, imports};
use crate::wire::{Reply, Request, Wire, ask};
use serde_json::{Value, json};

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
fn overwrite_empties_the_collection_before_the_first_batch() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(ask("PUT", "/_db/shop/_api/collection/c/truncate").reply(Reply::json(200, json!({"error": false}))));
    wire.expect(imports().reply(counts(2, 0, 0, &[])));
    let ran = import(&place, &wire, TWO, &["--overwrite"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // Where no record is good, nothing is emptied.
    let (place, wire) = (Place::new(), Wire::start());
    assert_eq!(import(&place, &wire, "no\n", &["--overwrite"]).code, 1);
    wire.done();
}

#[test]
fn a_missing_collection_is_a_mistake_unless_it_is_to_be_made() {
    let missing = |wire: &Wire| {
        wire.standing("GET", "/_db/shop/_api/collection/c/properties", |_| {
            error(404, 1203, "collection or view not found: c")
        });
    };
    let (place, wire) = (Place::new(), Wire::start());
    missing(&wire);
    let ran = import(&place, &wire, TWO, &[]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("collection \"c\" not found\nhint: `--create-collection` creates it"),
        "{}",
        ran.stderr
    );

    let (place, wire) = (Place::new(), Wire::start());
    missing(&wire);
    let made = |request: &Request| {
        let made: Value = serde_json::from_str(&body(request)).expect("JSON");
        assert_eq!(made, json!({"name": "c", "type": 3}));
    };
    wire.expect(ask("POST", "/_db/shop/_api/collection").check(made).reply(Reply::json(200, json!({"type": 3}))));
    wire.expect(
        imports()
            .check(|request| assert_eq!(body(request), "{\"_key\":\"e\",\"_from\":\"v/1\",\"_to\":\"w/2\"}\n"))
            .reply(counts(1, 0, 0, &[])),
    );
    let edge = "{\"_key\":\"e\",\"_from\":1,\"_to\":\"w/2\"}\n{\"_key\":\"f\",\"_to\":\"w/2\"}\n";
    let ran = import(&place, &wire, edge, &["--create-collection", "--edge", "--from-prefix", "v"]);
    assert_eq!((ran.code, count(&ran, "created"), count(&ran, "errors")), (1, 1, 1));
    assert!(ran.stderr.contains("in:2: missing field \"_from\" of an edge"), "{}", ran.stderr);
}

#[test]
fn a_collection_that_makes_its_keys_is_asked_to() {
    let own = |wire: &Wire| {
        wire.standing("GET", "/_db/shop/_api/collection/c/properties", |_| {
            Reply::json(200, json!({"type": 2, "keyOptions": {"type": "autoincrement", "allowUserKeys": true}}))
        });
    };
    let (place, wire) = (Place::new(), Wire::start());
    own(&wire);
    let ran = import(&place, &wire, "{\"n\":1}\n", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("hint: `--server-keys` lets the server make them"), "{}", ran.stderr);

    let (place, wire) = (Place::new(), Wire::start());
    own(&wire);
    let lines = "{\"n\":1}\n{\"_key\":\"7\",\"n\":2}\n";
    wire.expect(imports().check(move |request| assert_eq!(body(request), lines)).reply(counts(2, 0, 0, &[])));
    assert_eq!(import(&place, &wire, lines, &["--server-keys"]).code, 0);

    // A lost response: what had no key is not sent a second time.
    let (place, wire) = (Place::new(), Wire::start());
    own(&wire);
    wire.expect(imports().cut_off());
    wire.expect(
        documents("POST")
            .check(|request| assert_eq!(body(request), r#"[{"_key":"7","n":2}]"#))
            .reply(Reply::json(202, json!([{"_key": "7", "_id": "c/7", "_rev": "_1"}]))),
    );
    let ran = import(&place, &wire, lines, &["--server-keys"]);
    assert_eq!((ran.code, count(&ran, "unknown"), count(&ran, "created")), (1, 1, 1), "{}", ran.stderr);
}

#[test]
fn a_token_is_asked_for_once_and_again_when_it_has_expired() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/_db/shop/_api/version", |request| {
        assert_eq!(request.header("authorization"), Some("Bearer one.two.three"));
        Reply::json(200, json!({"server": "arango", "version": "3.11.0"}))
    });
    let login = |token: &'static str| {
        ask("POST", "/_db/shop/_open/auth")
            .check(|request| {
                let sent: Value = serde_json::from_str(&body(request)).expect("JSON");
                assert_eq!(sent, json!({"username": "me", "password": "hush-hush"}));
            })
            .reply(Reply::json(200, json!({"jwt": token})))
    };
    wire.expect(login("one.two.three"));
    wire.expect(imports().has("authorization", "Bearer one.two.three").reply(error(401, 11, "not authorized")));
    wire.expect(login("four.five.six"));
    wire.expect(imports().has("authorization", "Bearer four.five.six").reply(counts(2, 0, 0, &[])));
    let ran = import(&place, &wire, TWO, &["-u", "me:hush-hush", "-v"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for secret in ["hush-hush", "one.two.three", "four.five.six"] {
        assert!(!(ran.stderr.clone() + &ran.stdout).contains(secret), "{secret}");
    }
}

#[test]
fn a_server_without_tokens_gets_name_and_password() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(ask("POST", "/_db/shop/_open/auth").reply(error(404, 404, "unknown path")));
    wire.expect(imports().has("authorization", "Basic bWU6aHVzaC1odXNo").reply(counts(2, 0, 0, &[])));
    assert_eq!(import(&place, &wire, TWO, &["-u", "me:hush-hush"]).code, 0);
}

#[test]
fn old_servers_get_no_compressed_bodies() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/_db/shop/_api/version", |_| {
        Reply::json(200, json!({"server": "arango", "version": "3.11.8"}))
    });
    let ran = import(&place, &wire, TWO, &["--compress-transfer", "gzip"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("ArangoDB 3.11.8 does not unpack bodies"), "{}", ran.stderr);

    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(imports().has("content-encoding", "gzip").reply(counts(2, 0, 0, &[])));
    assert_eq!(import(&place, &wire, TWO, &["--compress-transfer", "gzip"]).code, 0);
}

#[test]
fn flags_of_other_targets_are_refused_with_a_way_out() {
    let place = Place::new();
    for (arguments, said) in [
        (&["--mapping", "m.json"][..], "--mapping is not supported for ArangoDB\nhint: "),
        (&["--refresh", "true"], "--refresh is not supported for ArangoDB\nhint: "),
        (&["--complete", "-t", "bulk"], "--complete and --type bulk cannot be used together\nhint: "),
        (&["--complete", "--delete-keys"], "--complete and --delete-keys cannot be used together"),
        (&["--complete", "--results", "-"], "--results and --complete cannot be used together"),
    ] {
        let ran = place.run(&[&["--to", "arangodb+http://127.0.0.1:1", "-c", "c"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn an_address_that_turns_out_to_be_arangodb_gets_a_hint_how_it_is_written() {
    for (name, path) in [("", ""), ("elasticsearch+", ""), ("", "/_db/shop")] {
        let (place, wire) = (Place::new(), Wire::start());
        let nothing = |_: &_| Reply::json(404, json!({"error": true, "code": 404, "errorNum": 404}));
        wire.standing("GET", "/", nothing).standing("GET", "/_db/shop/", nothing);
        place.file("in", TWO);
        let to = wire.to().replace("elasticsearch+", name) + path;
        let ran = place.run(&["--to", &to, "-c", "c", "-t", "jsonl", "in"]);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(
            ran.stderr.contains(": this is ArangoDB\nhint: write `arangodb+http://HOST:8529/_db/NAME`"),
            "{}",
            ran.stderr
        );
    }
}
