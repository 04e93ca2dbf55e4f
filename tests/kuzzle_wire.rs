//! What is sent to Kuzzle, and what its answers mean.

use crate::support::{Place, testdata};
use crate::wire::kuzzle::{bare, both, found, into_kuzzle, refused};
use crate::wire::{Wire, ask, bulk, created, deleted, documents, duplicate, not_found, unfit, updated};
use serde_json::{Value, json};

/// Imports on which a server is asked for nothing, and what is said.
fn sent(text: &str, items: usize, arguments: &[&str]) -> Vec<String> {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&vec![created(); items]);
    into_kuzzle(&place, &wire, text, arguments);
    let elements: Value = wire.bulks()[0].json();
    assert_eq!(elements["bulkData"].as_array().map(Vec::len), Some(2 * items));
    wire.bulks()[0].actions().into_iter().flat_map(|action| [Some(action.line), action.doc]).flatten().collect()
}

#[test]
fn one_object_holds_actions_and_documents_byte_for_byte() {
    let text = "{\"_key\":\"a\",\"n\":1.0, \"m\":\"\\u00e9\"}\n{\"n\":2,\"_id\":\"b\"}\n";
    assert_eq!(
        sent(text, 2, &[]),
        [r#"{"create":{"_id":"a"}}"#, r#"{"n":1.0, "m":"\u00e9"}"#, r#"{"create":{"_id":"b"}}"#, r#"{"n":2}"#]
    );
}

#[test]
fn each_mode_is_an_action_of_its_own() {
    for (mode, action, document) in [
        ("error", r#"{"create":{"_id":"1"}}"#, r#"{"n":1}"#),
        ("ignore", r#"{"create":{"_id":"1"}}"#, r#"{"n":1}"#),
        ("replace", r#"{"index":{"_id":"1"}}"#, r#"{"n":1}"#),
        ("update", r#"{"update":{"_id":"1"}}"#, r#"{"doc":{"n":1},"doc_as_upsert":true}"#),
    ] {
        assert_eq!(sent(&documents(1), 1, &["--on-duplicate", mode]), [action, document]);
    }
}

#[test]
fn what_became_of_each_action_is_told_by_its_key() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), duplicate(), unfit(), created()]);
    let ran = into_kuzzle(&place, &wire, &documents(4), &[]);
    ran.expect(1, [2, 2, 0, 0]).says("in:2: duplicate key \"2\"").says("in:3: mapper_parsing_exception: ");
    wire.done();
    let results = std::fs::read_to_string(place.path("results")).expect("results");
    let result: Value = serde_json::from_str(results.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&result["op"], &result["index"], &result["status"]), (&json!("create"), &json!("i/c"), &json!(201)));
}

#[test]
fn keys_are_deleted_and_missing_ones_ignored() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[deleted(), not_found()]);
    let ran = into_kuzzle(&place, &wire, &documents(2), &["--delete-keys"]);
    ran.expect(0, [0, 0, 0, 1]);
    assert_eq!(ran.count("deleted"), 1);
    assert_eq!(wire.bulks()[0].text(), r#"{"bulkData":[{"delete":{"_id":"1"}},{"delete":{"_id":"2"}}]}"#);
}

#[test]
fn a_repeated_key_closes_the_batch() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().ids(&["1", "2"]).lists(&[created(), created()]));
    wire.expect(bulk().ids(&["1", "3"]).lists(&[updated(), created()]));
    let text = "{\"_key\":\"1\"}\n{\"_key\":\"2\"}\n{\"_key\":\"1\"}\n{\"_key\":\"3\"}\n";
    into_kuzzle(&place, &wire, text, &["--on-duplicate", "replace"]).expect(0, [3, 0, 1, 0]);
    wire.done();
}

#[test]
fn an_answer_that_does_not_account_for_every_action_is_none() {
    let one = |id: &str| json!({"create": {"_id": id, "status": 201}});
    let failed = json!({"create": {"_id": "2", "status": 400, "error": {"type": "bad", "reason": "no"}}});
    for reply in [
        both(&[one("1")], &[]),
        both(&[one("1"), one("1")], &[]),
        both(&[one("1"), one("2"), one("3")], &[]),
        both(&[one("1"), one("2")], &[failed]),
        both(&[one("1"), json!({"index": {"_id": "2", "status": 201}})], &[]),
        crate::wire::Reply::html(200, "Welcome"),
        crate::wire::Reply::json(200, json!({})),
        bare(200, "odd", "odd"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply(reply)).import(&[created(), created()]);
        let ran = into_kuzzle(&place, &wire, &documents(2), &[]);
        ran.expect(0, [2, 0, 0, 0]);
        assert_eq!(ran.count("retried"), 1);
        wire.done();
    }
}

#[test]
fn what_nobody_but_an_operator_can_cure_ends_the_run() {
    for (reply, words) in [
        (refused(401, "security.rights.unauthorized", "Unauthorized: -1"), "log in with `--user`"),
        (refused(401, "security.token.invalid", "Invalid token."), "It is forged or has expired"),
        (refused(403, "security.rights.forbidden", "Insufficient permissions"), "the right to bulk:import into i/c"),
        (refused(404, "services.storage.not_found", "Document \"x\" not found"), "was the API key deleted?"),
        (refused(404, "network.http.url_not_found", "API URL not found"), "is this the address of Kuzzle?"),
        (refused(412, "services.storage.unknown_index", "The index \"i\" does not exist."), "`--create-collection`"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply(reply));
        let ran = into_kuzzle(&place, &wire, &documents(2), &[]);
        ran.expect(4, [0, 0, 0, 0]).says(words);
        assert_eq!(ran.count("unsent"), 2);
        wire.done();
    }
}

#[test]
fn films_arrive() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&vec![created(); 12]);
    let films = std::fs::read_to_string(testdata("films.jsonl")).expect("films.jsonl");
    into_kuzzle(&place, &wire, &films, &[]).expect(0, [12, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_create_that_finds_its_own_document_was_created() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).import(&[duplicate(), created(), duplicate(), duplicate()]);
    let ours = [
        ("1", json!({"m": [1, {"x": null}], "n": 1})),
        ("3", json!({"n": 4})),
        ("4", json!({"n": 9_007_199_254_740_992_u64})),
    ];
    wire.expect(ask("POST", "/i/c/_mGet").reply_with(move |request| found(request, &ours)));
    let text = "{\"_key\":\"1\",\"n\":1.0,\"m\":[1,{\"x\":null}]}\n{\"_key\":\"2\"}\n{\"_key\":\"3\",\"n\":3}\n{\"_key\":\"4\",\"n\":9007199254740993}\n";
    let ran = into_kuzzle(&place, &wire, text, &["--lossy"]);
    ran.expect(1, [3, 1, 0, 0]).says("in:3: duplicate key \"3\"");
    wire.done();
}
