//! After a lost response a document that is in the way of a second try is read back. What the index does not keep as it was
//! sent cannot be compared: such a record is unknown, never a duplicate and never ignored in silence.

use crate::support::Place;
use crate::wire::{Reply, Request, Wire, bulk, created, documents, duplicate, failed, import};
use serde_json::{Value, json};

/// Answers what an index is: its mappings and settings, and what holds where it has no setting.
fn index(wire: &Wire, name: &'static str, mappings: Value, settings: Value, defaults: Value) {
    let about = json!({name: {"aliases": {}, "mappings": mappings, "settings": {"index": settings}, "defaults": {"index": defaults}}});
    wire.standing("GET", &format!("/{name}"), move |_| Reply::json(200, about.clone()));
}

/// A run whose only batch is lost and finds this document in its way, in an index like this.
fn ran(place: &Place, wire: &Wire, stored: &'static str, arguments: &[&str]) -> (i32, u64, u64, u64, u64) {
    wire.expect(bulk().lost()).bulk(&[duplicate(), created()]);
    wire.standing("POST", "_mget", move |request: &Request| Reply::documents(request, &[("1", stored)]));
    let ran = import(place, wire, &documents(2), arguments);
    wire.bulks();
    (ran.code, ran.count("created"), ran.count("unknown"), ran.count("ignored"), ran.count("errors"))
}

/// What may leave out parts of a document: mappings, settings, defaults.
fn leaves_out() -> Vec<(Value, Value, Value)> {
    let none = || json!({});
    let vector = |kind: &str| json!({"properties": {"o": {"properties": {"v": {"type": kind}}}}});
    vec![
        (json!({"_source": {"excludes": ["emb"]}}), none(), none()),
        (json!({"_source": {"includes": ["a", "b.*"]}}), none(), none()),
        (json!({"_source": {"mode": "synthetic"}}), none(), none()),
        (json!({"_source": {"enabled": false}}), none(), none()),
        (none(), json!({"mapping": {"source": {"mode": "synthetic"}}}), none()),
        (none(), json!({"mode": "time_series"}), none()),
        (none(), json!({"mode": "logsdb"}), none()),
        (none(), json!({"derived_source": {"enabled": "true"}}), none()),
        (none(), json!({"knn": "true"}), json!({"mapping": {"source": {"mode": "SYNTHETIC"}}})),
        (vector("dense_vector"), none(), json!({"mapping": {"exclude_source_vectors": "true"}})),
        (none(), json!({"mapping": {"exclude_source_vectors": "true"}}), none()),
        (vector("knn_vector"), json!({"knn": "true"}), json!({"knn": {"derived_source": {"enabled": "true"}}})),
        (none(), json!({"knn": {"derived_source": {"enabled": "true"}}}), none()),
    ]
}

#[test]
fn a_document_in_an_index_that_leaves_out_parts_is_unknown() {
    for (mappings, settings, defaults) in leaves_out() {
        for mode in ["error", "ignore"] {
            let (place, wire) = (Place::new(), Wire::start());
            index(&wire, "c", mappings.clone(), settings.clone(), defaults.clone());
            let counts = ran(&place, &wire, "{}", &["--on-duplicate", mode]);
            assert_eq!(counts, (1, 1, 1, 0, 0), "{mode}: {mappings} {settings} {defaults}");
        }
    }
}

#[test]
fn a_document_that_looks_the_same_proves_nothing_where_parts_are_left_out() {
    for (mappings, settings, defaults) in leaves_out() {
        let (place, wire) = (Place::new(), Wire::start());
        index(&wire, "c", mappings.clone(), settings.clone(), defaults.clone());
        let counts = ran(&place, &wire, r#"{"n":1}"#, &[]);
        assert_eq!(counts, (1, 1, 1, 0, 0), "{mappings} {settings} {defaults}");
    }
}

#[test]
fn a_pipeline_of_the_index_may_have_changed_a_document_but_the_same_one_is_ours() {
    for settings in [json!({"default_pipeline": "p"}), json!({"final_pipeline": "p"})] {
        for (stored, expected) in [(r#"{"n":1,"at":"now"}"#, (1, 1, 1, 0, 0)), (r#"{"n":1}"#, (0, 2, 0, 0, 0))] {
            let (place, wire) = (Place::new(), Wire::start());
            index(&wire, "c", json!({}), settings.clone(), json!({}));
            assert_eq!(ran(&place, &wire, stored, &["--on-duplicate", "ignore"]), expected, "{settings} {stored}");
        }
    }
}

#[test]
fn a_semantic_field_may_have_been_added_to() {
    let (place, wire) = (Place::new(), Wire::start());
    index(&wire, "c", json!({"properties": {"t": {"type": "semantic_text"}}}), json!({}), json!({}));
    assert_eq!(ran(&place, &wire, r#"{"n":1,"t":{"inference":{}}}"#, &[]), (1, 1, 1, 0, 0));
}

#[test]
fn another_document_in_an_index_that_keeps_documents_whole_is_a_duplicate() {
    let none = || json!({});
    let vector = |kind: &str| json!({"properties": {"v": {"type": kind}}});
    for (mappings, settings, defaults) in [
        (none(), none(), none()),
        (json!({"_source": {"enabled": true, "excludes": []}}), none(), none()),
        (none(), json!({"default_pipeline": "_none", "final_pipeline": "_none"}), none()),
        (none(), json!({"mode": "logsdb", "mapping": {"source": {"mode": "stored"}}}), none()),
        (none(), json!({"mode": "standard"}), json!({"mapping": {"source": {"mode": "STORED"}}})),
        (vector("dense_vector"), none(), json!({"mapping": {"exclude_source_vectors": "false"}})),
        (vector("knn_vector"), json!({"knn": {"derived_source": {"enabled": "false"}}}), none()),
        (vector("dense_vector"), none(), none()),
        // No vector, so none is left out.
        (vector("text"), none(), json!({"mapping": {"exclude_source_vectors": "true"}})),
        (json!({"properties": {"a": {"type": "text", "copy_to": "b"}}}), none(), none()),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        index(&wire, "c", mappings.clone(), settings.clone(), defaults.clone());
        let counts = ran(&place, &wire, r#"{"n":7}"#, &[]);
        assert_eq!(counts, (1, 1, 0, 0, 1), "{mappings} {settings} {defaults}");
    }
}

#[test]
fn where_mapping_and_settings_are_not_shown_another_document_is_unknown() {
    let refused = |_: &Request| Reply::refused(403, "security_exception", "action [indices:admin/get] is unauthorized");
    for (stored, expected) in [(r#"{"n":7}"#, (1, 1, 1, 0, 0)), (r#"{"n":1}"#, (0, 2, 0, 0, 0))] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/c", refused);
        assert_eq!(ran(&place, &wire, stored, &["--on-duplicate", "ignore"]), expected, "{stored}");
    }
}

#[test]
fn each_index_that_bulk_lines_name_is_asked_for() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), duplicate()]);
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[("1", "{}"), ("2", "{}")]));
    wire.standing("GET", "/whole,filtered", |_| panic!("indices are named in alphabetical order"));
    wire.standing("GET", "/filtered,whole", |_| {
        let filtered = json!({"mappings": {"_source": {"excludes": ["n"]}}, "settings": {"index": {}}});
        Reply::json(200, json!({"filtered": filtered, "whole": {"mappings": {}, "settings": {"index": {}}}}))
    });
    wire.standing("GET", "/filtered%2Cwhole", |_| panic!("a comma between names is no part of a name"));
    let lines = [
        r#"{"create":{"_index":"whole","_id":"1"}}"#,
        r#"{"n":1}"#,
        r#"{"create":{"_index":"filtered","_id":"2"}}"#,
        r#"{"n":2}"#,
    ];
    let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
    assert_eq!((ran.code, ran.count("errors"), ran.count("unknown")), (1, 1, 1), "{}", ran.stderr);
    ran.prints("in:1: duplicate key \"1\"").prints("in:3: unknown: ");
    wire.bulks();
}

#[test]
fn the_index_behind_an_alias_is_asked_for() {
    let (place, wire) = (Place::new(), Wire::start());
    let alias =
        |mappings: Value| json!({"c-1": {"aliases": {"c": {}}, "mappings": mappings, "settings": {"index": {}}}});
    let about = alias(json!({"_source": {"includes": ["x"]}}));
    wire.standing("GET", "/c", move |_| Reply::json(200, alias(json!({}))));
    wire.standing("GET", "/c-1", move |_| Reply::json(200, about.clone()));
    assert_eq!(ran(&place, &wire, "{}", &[]), (1, 1, 1, 0, 0));
}

#[test]
fn a_generated_key_needs_no_comparison() {
    let (place, wire) = (Place::new(), Wire::start());
    index(&wire, "c", json!({"_source": {"enabled": false}}), json!({}), json!({}));
    wire.expect(bulk().lost()).bulk(&[duplicate()]);
    import(&place, &wire, "{\"n\":1}\n", &[]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn an_update_that_finds_no_source_to_merge_into_may_have_been_carried_out() {
    let refused = || failed(400, "document_source_missing_exception", "[{id}]: document source missing");
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[refused(), created()]);
    wire.standing("POST", "_mget", |_| {
        Reply::json(200, json!({"docs": [{"_index": "c", "_id": "1", "_version": 1, "_seq_no": 0, "_primary_term": 1, "found": true}]}))
    });
    let ran = import(&place, &wire, &documents(2), &["--on-duplicate", "update"]);
    assert_eq!(
        (ran.code, ran.count("created"), ran.count("unknown"), ran.count("errors")),
        (1, 1, 1, 0),
        "{}",
        ran.stderr
    );
    wire.bulks();

    // Without a lost response it is an error.
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[refused(), created()]);
    import(&place, &wire, &documents(2), &["--on-duplicate", "update"]).expect(1, [1, 1, 0, 0]);
}
