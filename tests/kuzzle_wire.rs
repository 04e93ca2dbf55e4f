//! What is sent to Kuzzle, and what its answers mean.

use crate::support::{Place, testdata};
use crate::wire::kuzzle::{bare, both, found, into_kuzzle, refused};
use crate::wire::{Wire, ask, bulk, busy, created, deleted, documents, duplicate, failed, not_found, unfit, updated};
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
fn the_outcome_of_each_action_is_found_by_its_key() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), duplicate(), unfit(), created()]);
    let ran = into_kuzzle(&place, &wire, &documents(4), &[]);
    ran.expect(1, [2, 2, 0, 0]).prints("in:2: duplicate key \"2\"").prints("in:3: mapper_parsing_exception: ");
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
        (refused(401, "security.rights.unauthorized", "Unauthorized: -1"), "log in with --user"),
        (refused(401, "security.token.invalid", "Invalid token."), "the token is invalid or has expired"),
        (refused(403, "security.rights.forbidden", "Insufficient permissions"), "the right to bulk:import into i/c"),
        (refused(404, "services.storage.not_found", "Document \"x\" not found"), "was the API key deleted?"),
        (refused(404, "network.http.url_not_found", "API URL not found"), "is this the address of Kuzzle?"),
        (
            refused(412, "services.storage.unknown_index", "The index \"i\" does not exist."),
            "--create-collection creates the index and the collection",
        ),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply(reply));
        let ran = into_kuzzle(&place, &wire, &documents(2), &[]);
        ran.expect(4, [0, 0, 0, 0]).prints(words);
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
    ran.expect(1, [3, 1, 0, 0]).prints("in:3: duplicate key \"3\"");
    // The two that were read back may have been there before.
    assert_eq!(ran.count("uncertain"), 2);
    wire.done();
}

#[test]
fn an_id_is_sent_and_read_back_as_a_whole() {
    let (place, wire) = (Place::new(), Wire::start());
    let ids = ["2023/jan", "c/a b?#%2F", "\"é\"\n"];
    wire.expect(bulk().ids(&ids).lost()).import(&[created(), duplicate(), duplicate()]);
    let ours = [("c/a b?#%2F", json!({"n": 2})), ("\"é\"\n", json!({"n": 4}))];
    wire.expect(ask("POST", "/i/c/_mGet").reply_with(move |request| found(request, &ours)));
    let text: String = ids.iter().zip(1..).map(|(id, n)| json!({"_id": id, "n": n}).to_string() + "\n").collect();
    into_kuzzle(&place, &wire, &text, &[]).expect(1, [2, 1, 0, 0]).prints(r#"in:3: duplicate key "\"é\"\n""#);
    wire.done();
}

#[test]
fn what_its_storage_does_not_keep_as_it_was_sent_cannot_be_compared() {
    for (settings, stored, created_of_two) in [
        (json!({"mapping": {"source": {"mode": "synthetic"}}}), json!({"n": 1}), 1),
        (json!({"mode": "logsdb"}), json!({}), 1),
        (json!({"knn": {"derived_source": {"enabled": "true"}}}), json!({}), 1),
        (json!({"final_pipeline": "p"}), json!({"n": 7}), 1),
        (json!({"final_pipeline": "p"}), json!({"n": 1}), 2),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().lost()).import(&[duplicate(), created()]);
        wire.expect(ask("POST", "/i/c/_mGet").reply_with(move |request| found(request, &[("1", stored.clone())])));
        let answer = json!({"error": null, "result": settings, "status": 200});
        wire.standing("GET", "/i/c/_settings", move |_| crate::wire::Reply::json(200, answer.clone()));
        let ran = into_kuzzle(&place, &wire, &documents(2), &["--on-duplicate", "ignore"]);
        assert_eq!(
            (ran.count("created"), ran.count("unknown")),
            (created_of_two, 2 - created_of_two),
            "{}",
            ran.stderr
        );
        wire.done();
    }
}

#[test]
fn what_a_connection_is_closed_on_again_and_again_is_made_smaller() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().ids(&["1", "2", "3", "4"]).cut_off()).expect(bulk().ids(&["1", "2", "3", "4"]).cut_off());
    wire.expect(bulk().ids(&["1", "2"]).lists(&[created(), created()]));
    wire.expect(bulk().ids(&["3", "4"]).lists(&[created(), created()]));
    // What went through is the size of the next ones.
    wire.expect(bulk().ids(&["5", "6"]).lists(&[created(), created()]));
    wire.expect(bulk().ids(&["7", "8"]).lists(&[created(), created()]));
    let text: String = (1..=8).map(|n| format!("{{\"_key\":\"{n}\",\"text\":\"{}\"}}\n", "x".repeat(40_000))).collect();
    into_kuzzle(&place, &wire, &text, &["--batch-size", "4"]).expect(0, [8, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_token_that_the_server_takes_no_longer_is_asked_for_anew() {
    let (place, wire) = (Place::new(), Wire::start());
    let login = |token: &'static str| {
        let jwt = json!({"result": {"jwt": token}, "error": null, "requestId": "r"});
        ask("POST", "/_login/local").without("authorization").reply(crate::wire::Reply::json(200, jwt)).check(
            |request| {
                assert_eq!(request.json(), json!({"username": "me", "password": "hidden \"word\""}));
            },
        )
    };
    wire.expect(login("kauth-first"));
    wire.expect(bulk().has("authorization", "Bearer kauth-first").lists(&[created(), created()]));
    wire.expect(bulk().has("authorization", "Bearer kauth-first").reply(refused(
        401,
        "security.token.invalid",
        "Invalid token.",
    )));
    wire.expect(login("kauth-second"));
    wire.expect(bulk().ids(&["3", "4"]).has("authorization", "Bearer kauth-second").lists(&[created(), created()]));
    // A new token that is refused too is the end of it, and is never shown.
    let echo = refused(401, "security.token.invalid", "Invalid token kauth-second.");
    wire.expect(bulk().reply(echo)).expect(login("kauth-third"));
    wire.expect(bulk().reply(refused(401, "security.token.invalid", "Invalid token kauth-third, hidden.")));
    let ran = into_kuzzle(&place, &wire, &documents(6), &["-u", "me:hidden \"word\"", "--batch-size", "2"]);
    ran.expect(4, [4, 0, 0, 0]).prints("security.token.invalid: Invalid token ***");
    assert!(!ran.stderr.contains("kauth-"), "{}", ran.stderr);
    wire.done();
}

#[test]
fn a_login_that_is_away_is_waited_for_and_one_that_is_refused_is_not() {
    for (reply, code, words) in [
        (refused(503, "api.process.overloaded", "busy"), 0, ""),
        (refused(500, "services.storage.unexpected_error", "down"), 0, ""),
        (
            refused(401, "plugin.strategy.missing_user", "wrong username or password"),
            4,
            "check --user and the password",
        ),
        (
            refused(404, "network.http.url_not_found", "API URL not found: /_login/local"),
            4,
            "is this the address of Kuzzle?",
        ),
        (crate::wire::Reply::json(200, json!({})), 4, "the answer to the login has no token"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(ask("POST", "/_login/local").reply(reply));
        if code == 0 {
            wire.expect(bulk().has("authorization", "Bearer kauth-1").lists(&[created()]));
        }
        let ran = into_kuzzle(&place, &wire, &documents(1), &["-u", "me:hidden"]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        ran.prints(words);
        wire.done();
    }
}

#[test]
fn the_answer_of_kuzzle_to_a_whole_request_decides_what_is_done() {
    for (reply, code, counts, retried) in [
        (refused(429, "api.process.too_many_requests", "slow"), 0, [2, 0, 0, 0], 1),
        (refused(503, "api.process.shutting_down", "bye"), 0, [2, 0, 0, 0], 1),
        (refused(500, "security.token.verification_error", "redis"), 0, [2, 0, 0, 0], 1),
        (refused(500, "services.storage.unexpected_error", "timeout"), 0, [2, 0, 0, 0], 1),
        (refused(500, "core.fatal.unexpected_error", "odd"), 0, [2, 0, 0, 0], 1),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply(reply)).import(&[created(), created()]);
        let ran = into_kuzzle(&place, &wire, &documents(2), &[]);
        ran.expect(code, counts);
        assert_eq!(ran.count("retried"), retried);
        wire.done();
    }
}

#[test]
fn one_bad_record_costs_one_record() {
    for reply in [
        refused(400, "services.storage.unexpected_bad_request", "id is too long"),
        refused(400, "services.storage.invalid_query_keyword", "no"),
        bare(400, "network.http.body_parse_failed", "Unable to convert"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        // What perhaps was done is looked for.
        wire.standing("POST", "/i/c/_mGet", |request| found(request, &[]));
        wire.expect(bulk().ids(&["1", "2", "3"]).reply(reply.clone()));
        wire.expect(bulk().ids(&["1"]).lists(&[created()]));
        wire.expect(bulk().ids(&["2", "3"]).reply(reply.clone()));
        wire.expect(bulk().ids(&["2"]).reply(reply)).expect(bulk().ids(&["3"]).lists(&[created()]));
        into_kuzzle(&place, &wire, &documents(3), &[]).expect(1, [2, 1, 0, 0]).prints("in:2: ");
        wire.done();
    }
}

#[test]
fn a_document_with_which_kuzzle_cannot_cope_costs_one_record() {
    let (place, wire) = (Place::new(), Wire::start());
    let deep = refused(500, "services.storage.unexpected_error", "Maximum call stack size exceeded");
    wire.standing("POST", "/i/c/_mGet", |request| found(request, &[]));
    wire.expect(bulk().ids(&["1", "2"]).reply(deep.clone())).expect(bulk().ids(&["1"]).lists(&[created()]));
    // It may pass, and then it does not.
    for _ in 0..3 {
        wire.expect(bulk().ids(&["2"]).reply(deep.clone()));
    }
    into_kuzzle(&place, &wire, &documents(2), &[])
        .expect(1, [1, 1, 0, 0])
        .prints("in:2: services.storage.unexpected_error");
    wire.done();
}

#[test]
fn items_that_the_server_has_no_room_for_are_sent_again_alone() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), busy(), unfit()]).expect(bulk().ids(&["2"]).lists(&[created()]));
    into_kuzzle(&place, &wire, &documents(3), &[]).expect(1, [2, 1, 0, 0]);
    wire.done();
}

#[test]
fn a_full_disk_is_reported_to_the_operator() {
    let (place, wire) = (Place::new(), Wire::start());
    let full = failed(
        429,
        "cluster_block_exception",
        "index [&i.c] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]",
    );
    wire.import(&[created(), full]);
    let ran = into_kuzzle(&place, &wire, &documents(2), &[]);
    ran.expect(4, [1, 0, 0, 0]).prints("the server's disk is full");
    assert_eq!(ran.count("unsent"), 1);
}

#[test]
fn a_document_that_begins_like_an_action_is_sent_in_another_order() {
    let text =
        "{\"_key\":\"a\",\"index\":{\"_id\":\"b\"},\"v\":1}\n{\"delete\":1,\"create\":2,\"w\":3}\n{\"update\":1}\n";
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), created()]);
    into_kuzzle(&place, &wire, text, &[])
        .expect(1, [2, 1, 0, 0])
        .prints("in:3: Kuzzle takes a document that has only fields such as \"update\" for an action");
    let documents: Vec<Option<String>> = wire.bulks()[0].actions().into_iter().map(|action| action.doc).collect();
    let expected = [r#"{"v":1,"index":{"_id":"b"}}"#, r#"{"w":3,"delete":1,"create":2}"#];
    assert_eq!(documents, expected.map(|document| Some(document.to_owned())));
}

#[test]
fn a_collection_is_emptied_once_before_the_first_document() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(ask("DELETE", "/i/c/_truncate").reply(both(&[], &[])));
    wire.import(&[created(), created()]).import(&[created()]);
    let ran = into_kuzzle(&place, &wire, &documents(3), &["--overwrite", "--batch-size", "2"]);
    ran.expect(0, [3, 0, 0, 0]).prints("--overwrite: emptied i/c");
    wire.done();
    let wire = Wire::start();
    wire.expect(ask("DELETE", "/i/c/_truncate").reply(refused(403, "security.rights.forbidden", "no")));
    let ran = into_kuzzle(&place, &wire, &documents(3), &["--overwrite"]);
    ran.expect(4, [0, 0, 0, 0]).prints("--overwrite: security.rights.forbidden");
    assert_eq!(ran.count("unsent"), 3);
}

#[test]
fn what_kuzzle_does_not_support_is_refused_before_anything_is_sent() {
    let wire = Wire::start();
    for (words, said) in [
        (&["--pipeline", "p"][..], "--pipeline is not supported for Kuzzle"),
        (&["--routing-field", "p"], "--routing-field is not supported for Kuzzle"),
        (&["--bulk-mode"], "--bulk-mode is not supported for Kuzzle"),
        (&["--complete"], "--complete is not supported for Kuzzle"),
        (&["--refresh", "true"], "--refresh true is not supported for Kuzzle"),
        (&["--delete-keys", "--lossy"], "--lossy and --delete-keys cannot be used together"),
        (&["--to", "kuzzle+http://h/other"], "--to: indices \"i\" and \"other\" cannot be used together"),
        (&["--to", "es+http://h"], "--to: Kuzzle and Elasticsearch"),
    ] {
        let place = Place::new();
        let ran = into_kuzzle(&place, &wire, &documents(1), words);
        assert_eq!(ran.code, 2, "{words:?}");
        ran.prints(said);
    }
    wire.done();
}

#[test]
fn an_address_of_another_server_gets_a_hint() {
    for prefix in ["", "es+"] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/", |_| refused(401, "security.rights.unauthorized", "Unauthorized: -1"));
        place.file("in", documents(1));
        let to = format!("{prefix}http://{}", wire.address());
        let ran = place.run(&["--to", &to, "-c", "c", "-t", "jsonl", "in"]);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        ran.prints(": this is Kuzzle\nhint: write `kuzzle+http://HOST:7512/INDEX`");
    }
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/_healthcheck", |_| crate::wire::Reply::html(200, "Welcome"));
    into_kuzzle(&place, &wire, &documents(1), &[])
        .prints("error: HTTP 200 from http://")
        .prints(": not an answer of Kuzzle\n");
    // An error of Elasticsearch names neither an error of Kuzzle's nor a sentence.
    let wire = Wire::start();
    wire.standing("GET", "/_healthcheck", |_| {
        crate::wire::Reply::json(400, serde_json::json!({"error": {"type": "illegal_index"}, "status": 400}))
    });
    into_kuzzle(&place, &wire, &documents(1), &[])
        .prints("error: HTTP 400 from http://")
        .prints(": not an answer of Kuzzle\n");
}

#[test]
fn what_is_found_too_large_after_its_answer_was_lost_is_looked_for() {
    for (stored, code, counts) in [(json!({"n": 1}), 0, [1, 0, 0, 0]), (json!({"n": 2}), 1, [0, 1, 0, 0])] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().lost()).expect(bulk().reply(bare(413, "network.http.request_too_large", "no")));
        wire.expect(ask("POST", "/i/c/_mGet").reply_with(move |request| found(request, &[("1", stored.clone())])));
        into_kuzzle(&place, &wire, &documents(1), &[]).expect(code, counts);
        wire.done();
    }
}

#[test]
fn no_more_documents_are_read_back_at_once_than_kuzzle_gives() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).import(&vec![duplicate(); 5002]);
    for many in [5000, 2] {
        wire.expect(ask("POST", "/i/c/_mGet").reply_with(move |request| {
            let ids: Vec<String> = serde_json::from_value(request.json()["ids"].clone()).expect("ids");
            assert_eq!(ids.len(), many);
            let n = |id: &String| json!({"n": id.parse::<u32>().expect("a number")});
            found(request, &ids.iter().map(|id| (id.as_str(), n(id))).collect::<Vec<_>>())
        }));
    }
    into_kuzzle(&place, &wire, &documents(5002), &["--batch-size", "6000"]).expect(0, [5002, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_lost_response_is_reported_where_a_late_request_could_do_harm() {
    for (mode, warns) in [("replace", true), ("error", false)] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().lost()).import(&[created(), created()]);
        let ran = into_kuzzle(&place, &wire, &documents(2), &["--on-duplicate", mode]);
        ran.expect(0, [2, 0, 0, 0]);
        assert_eq!(ran.stderr.contains("if one arrives late, it may put an old value back"), warns, "{}", ran.stderr);
        wire.done();
    }
}

#[test]
fn metadata_that_costs_a_whole_request_is_an_error_of_its_line() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created()]);
    let lines = [
        r#"{"index":{"_id":"1","routing":["a"]}}"#,
        r#"{"n":1}"#,
        r#"{"update":{"_id":"2","version":3}}"#,
        r#"{"doc":{"n":2}}"#,
        r#"{"index":{"_id":"3","version":3}}"#,
        r#"{"n":3}"#,
    ];
    let ran = into_kuzzle(&place, &wire, &(lines.join("\n") + "\n"), &["-t", "bulk"]);
    ran.expect(1, [1, 2, 0, 0]);
    ran.prints("in:1: \"routing\" in an action line must be a plain value")
        .prints("in:3: an update cannot have \"version\"");
    wire.done();
}
