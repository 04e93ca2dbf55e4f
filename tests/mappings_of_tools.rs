//! `--mapping` takes what tools and servers write: mappings alone or with settings, the description of an index, with a type
//! around them, and kourou's exports.

use crate::support::{Place, Ran};
use crate::wire::kuzzle::{both, into_kuzzle};
use crate::wire::{Reply, Wire, ask, created, documents, import};
use serde_json::{Value, json};

const FIELDS: &str = r#"{"properties":{"n":{"type":"long"}}}"#;

/// The body with which a missing index is created.
fn creates(mapping: &str) -> (Value, Ran) {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/c", |_| Reply::refused(404, "index_not_found_exception", "no such index [c]"));
    wire.expect(ask("PUT", "/c").reply(Reply::json(200, json!({"acknowledged": true})))).bulk(&[created()]);
    place.file("m.json", mapping);
    let ran = import(&place, &wire, &documents(1), &["--mapping", "m.json"]);
    assert_eq!(ran.code, 0, "{mapping}: {}", ran.stderr);
    let put = wire.done().into_iter().find(|request| request.method == "PUT").expect("a request");
    (put.json(), ran)
}

#[test]
fn each_form_creates_the_same_index() {
    for form in [
        "X",
        r#"{"mappings":X}"#,
        r#"{"mappings":{"_doc":X}}"#,
        r#"{"_doc":X}"#,
        // GET /INDEX/_mapping, and elasticdump --type=mapping.
        r#"{"shop-old":{"mappings":X}}"#,
        // The same of Elasticsearch 6.
        r#"{"shop-old":{"mappings":{"logs":X}}}"#,
        r#"{"type":"mappings","content":{"shop":{"products":X}}}"#,
    ] {
        let (body, ran) = creates(&form.replace('X', FIELDS));
        assert_eq!(body, json!({"mappings": serde_json::from_str::<Value>(FIELDS).expect("JSON")}), "{form}");
        assert!(!ran.stderr.contains("note:"), "{}", ran.stderr);
    }
}

#[test]
fn what_only_the_server_may_set_is_left_out_with_a_note() {
    // GET /INDEX.
    let whole = json!({"shop-old": {"aliases": {"shop": {}}, "mappings": {"properties": {}}, "settings": {"index": {
        "number_of_shards": "2", "provided_name": "shop-old", "creation_date": "1", "uuid": "u", "version": {"created": "1"}}}}});
    let (body, ran) = creates(&whole.to_string());
    let expected = json!({"aliases": {"shop": {}}, "mappings": {"properties": {}}, "settings": {"index": {"number_of_shards": "2"}}});
    assert_eq!(body, expected);
    ran.prints("note: --mapping: left out what only the server may set: creation_date, provided_name, uuid, version");
    let notes = ran.summary["notes"].as_array().cloned().unwrap_or_default();
    assert!(notes.iter().any(|note| note["type"] == "private_settings" && note["count"] == 4), "{notes:?}");
}

#[test]
fn kuzzle_takes_what_kourou_and_elasticsearch_write() {
    for form in [
        r#"{"type":"mappings","content":{"i":{"a":{},"c":X}}}"#,
        r#"{"old":{"aliases":{},"mappings":X,"settings":{"index":{"uuid":"u"}}}}"#,
        r#"{"requestId":"r","status":200,"result":X}"#,
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(ask("PUT", "/i/c").reply(both(&[], &[]))).import(&[created()]);
        place.file("m.json", form.replace('X', FIELDS));
        let ran = into_kuzzle(&place, &wire, &documents(1), &["--mapping", "m.json"]);
        assert_eq!(ran.code, 0, "{form}: {}", ran.stderr);
        let put = wire.done().into_iter().find(|request| request.method == "PUT").expect("a request");
        assert_eq!(put.json()["mappings"], serde_json::from_str::<Value>(FIELDS).expect("JSON"), "{form}");
    }
}

#[test]
fn a_file_of_several_indices_is_refused_by_their_names() {
    for (text, error) in [
        (r#"{"a":{"mappings":{}},"b":{"mappings":{}}}"#, "it has several indices: a, b; keep one"),
        (r#"{"mappings":{"a":{"properties":{}},"b":{"properties":{}}}}"#, "it has several types: a, b; keep one"),
        (r#"{"n":{"type":"long"}}"#, "its fields belong under \"properties\""),
        ("[]", "not a JSON object"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        place.file("m.json", text);
        let ran = import(&place, &wire, &documents(1), &["--mapping", "m.json"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(&format!("error: --mapping: m.json: {error}"));
    }
}
