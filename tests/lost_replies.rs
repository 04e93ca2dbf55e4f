//! A request whose answer never came is looked after: never is a document doubled, nor one lost in silence.

use crate::live::Live;
use crate::support::Place;
use crate::wire::{
    Gate, Item, Reply, Request, Wire, ask, bulk, busy, created, deleted, documents, duplicate, failed, import,
    multi_get, noop, not_found, updated, words,
};
use serde_json::json;
use std::sync::{Arc, Mutex};

#[test]
fn a_lost_request_is_sent_again() {
    for cut_off in [true, false] {
        let (place, wire) = (Place::new(), Wire::start());
        let lost = bulk();
        wire.expect(if cut_off { lost.cut_off() } else { lost.lost() });
        // Nothing of it was done.
        wire.expect(bulk().ids(&["1", "2"]).answers(&[created(), created()]));
        let ran = import(&place, &wire, &documents(2), &[]);
        ran.expect(0, [2, 0, 0, 0]);
        assert_eq!(ran.count("retried"), 1);
        wire.done();
    }
}

#[test]
fn a_resend_is_the_same_to_the_byte() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[created(), created(), created()]);
    import(&place, &wire, "{\"n\":1.0}\n{\"n\":2}\n{\"_key\":\"c\"}\n", &[]).expect(0, [3, 0, 0, 0]);
    let bulks = wire.bulks();
    assert_eq!(bulks[0].text(), bulks[1].text(), "a generated key is generated once");
}

#[test]
fn a_create_that_finds_its_own_document_was_created() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), created(), duplicate()]);
    wire.expect(multi_get().reply_with(|request| {
        // Numbers, blanks and the order of fields may look different: it is the same value.
        Reply::documents(request, &[("1", r#"{ "n":1.0, "m" : [1,{"x":null}] }"#), ("3", r#"{"n":4}"#)])
    }));
    let text = "{\"_key\":\"1\",\"m\":[1,{\"x\":null}],\"n\":1.0}\n{\"_key\":\"2\"}\n{\"_key\":\"3\",\"n\":3}\n";
    let ran = import(&place, &wire, text, &[]);
    ran.expect(1, [2, 1, 0, 0]).prints("in:3: duplicate key \"3\"");
    wire.done();
}

#[test]
fn a_document_is_read_back_by_a_key_of_any_text() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), duplicate()]);
    let sources = [("c/a b?#%2F", r#"{"n":1}"#), ("\"é\"\n", r#"{"n":7}"#)];
    wire.expect(multi_get().reply_with(move |request| Reply::documents(request, &sources)));
    let text = "{\"_id\":\"c/a b?#%2F\",\"n\":1}\n{\"_id\":\"\\\"é\\\"\\n\",\"n\":2}\n";
    import(&place, &wire, text, &[]).expect(1, [1, 1, 0, 0]).prints(r#"in:2: duplicate key "\"é\"\n""#);
    wire.done();
}

#[test]
fn a_create_that_finds_another_document_is_ignored_if_so_asked() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), duplicate()]);
    wire.expect(
        multi_get().reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#), ("2", r#"{"n":7}"#)])),
    );
    import(&place, &wire, &documents(2), &["--on-duplicate", "ignore"]).expect(0, [1, 0, 0, 1]);
    wire.done();
}

#[test]
fn big_numbers_are_compared_digit_for_digit() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), duplicate()]);
    let sources = [("1", r#"{"n":9007199254740993}"#), ("2", r#"{"n":9007199254740992}"#)];
    wire.expect(multi_get().reply_with(move |request| Reply::documents(request, &sources)));
    let text = "{\"_key\":\"1\",\"n\":9007199254740993}\n{\"_key\":\"2\",\"n\":9007199254740993}\n";
    import(&place, &wire, text, &[]).expect(1, [1, 1, 0, 0]).prints("in:2: duplicate key \"2\"");
    wire.done();

    // Beyond 64 bits too, and with more digits than a double has.
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), duplicate()]);
    let sources = [("1", r#"{"n":12345678901234567890124}"#), ("2", r#"{"n":0.10000000000000000001}"#)];
    wire.expect(multi_get().reply_with(move |request| Reply::documents(request, &sources)));
    let text = "{\"_key\":\"1\",\"n\":12345678901234567890123}\n{\"_key\":\"2\",\"n\":0.10000000000000000002}\n";
    import(&place, &wire, text, &[]).expect(1, [0, 2, 0, 0]);
    wire.done();
}

#[test]
fn a_generated_key_that_exists_was_created_by_the_first_try() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[duplicate(), duplicate()]);
    // It may be read back, or not.
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[]));
    import(&place, &wire, "{\"n\":1}\n{\"n\":2}\n", &[]).expect(0, [2, 0, 0, 0]);
    assert_eq!(wire.bulks().len(), 2);
}

#[test]
fn a_document_with_a_generated_key_is_created_in_every_mode() {
    for mode in ["replace", "update"] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().lost()).bulk(&[updated(), created()]);
        let ran = import(&place, &wire, "{\"n\":1}\n{\"n\":2}\n", &["--on-duplicate", mode]);
        ran.expect(0, [2, 0, 0, 0]);
        assert_eq!(ran.count("uncertain"), 0);
    }
}

#[test]
fn actions_on_one_key_that_are_sent_twice_are_uncertain() {
    let (place, wire) = (Place::new(), Wire::start());
    // There was a document before, which the first try removed.
    wire.expect(bulk().lost()).bulk(&[created(), deleted()]);
    let text = "{\"index\":{\"_id\":\"1\"}}\n{\"n\":1}\n{\"delete\":{\"_id\":\"1\"}}\n";
    let ran = import(&place, &wire, text, &["-t", "bulk"]);
    assert_eq!((ran.code, ran.count("created"), ran.count("deleted"), ran.count("uncertain")), (0, 1, 1, 2));
}

#[test]
fn a_create_whose_key_this_run_had_stored_before_is_a_plain_duplicate() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created()]).expect(bulk().lost()).bulk(&[duplicate()]);
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[("1", r#"{"n":1}"#)]));
    let text = "{\"_key\":\"1\",\"n\":1}\n{\"_key\":\"1\",\"n\":1}\n";
    import(&place, &wire, text, &["--batch-size", "1"]).expect(1, [1, 1, 0, 0]).prints("in:2: duplicate key \"1\"");
    wire.bulks();
}

#[test]
fn what_cannot_be_compared_is_unknown() {
    // A pipeline changes documents, and an index may keep no source.
    for (arguments, pipeline) in [(&["--pipeline", "p"][..], true), (&[], false)] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().lost()).bulk(&[duplicate(), created()]);
        wire.standing("POST", "_mget", move |request| match pipeline {
            true => Reply::documents(request, &[("1", r#"{"n":1,"added":true}"#)]),
            false => Reply::json(200, json!({"docs": [{"_index": "c", "_id": "1", "_version": 1, "_seq_no": 0, "_primary_term": 1, "found": true}]})),
        });
        let ran = import(&place, &wire, &documents(2), arguments);
        assert_eq!((ran.code, ran.count("created"), ran.count("unknown")), (1, 1, 1), "{}", ran.stderr);
        ran.prints("in:1");
    }
}

#[test]
fn index_and_update_are_simply_sent_again_and_counted_as_uncertain() {
    for (mode, answer) in [("replace", updated()), ("update", noop())] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().lost()).bulk(&[answer, created()]);
        let ran = import(&place, &wire, &documents(2), &["--on-duplicate", mode]);
        ran.expect(0, [1, 0, 1, 0]);
        assert!((1..=2).contains(&ran.count("uncertain")), "{mode}: {}", ran.summary);
        wire.done();
    }
}

#[test]
fn a_delete_that_finds_nothing_after_a_lost_reply_has_deleted() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[not_found(), deleted()]);
    let ran = import(&place, &wire, &documents(2), &["--delete-keys"]);
    ran.expect(0, [0, 0, 0, 0]);
    assert_eq!(ran.count("deleted"), 2, "{}", ran.summary);
    wire.done();
}

#[test]
fn an_update_by_script_is_never_sent_twice() {
    for payload in [
        r#"{"script":"ctx._source.n++"}"#,
        r#"{"script":"ctx._source.n++","upsert":{"n":0}}"#,
        r#"{"doc":{"n":1},"upsert":{"n":0}}"#,
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().ids(&["1", "2", "3"]).lost());
        wire.expect(bulk().ids(&["1", "3"]).answers(&[updated(), updated()]));
        let lines = [
            r#"{"index":{"_id":"1"}}"#,
            "{}",
            r#"{"update":{"_id":"2"}}"#,
            payload,
            r#"{"update":{"_id":"3"}}"#,
            r#"{"doc":{"n":1}}"#,
        ];
        let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
        assert_eq!((ran.code, ran.count("updated"), ran.count("unknown")), (1, 2, 1), "{payload}: {}", ran.stderr);
        ran.prints("in:3");
        wire.done();
    }
}

#[test]
fn conditions_that_no_longer_hold_after_a_lost_reply_are_compared_too() {
    let (place, wire) = (Place::new(), Wire::start());
    let conflict = || {
        let reason = "[{id}]: version conflict, current version [5] is higher or equal to the one provided [5]";
        failed(409, "version_conflict_engine_exception", reason)
    };
    let lines = [
        r#"{"index":{"_id":"1","if_seq_no":3,"if_primary_term":1}}"#,
        r#"{"n":1}"#,
        r#"{"index":{"_id":"2","version":5,"version_type":"external"}}"#,
        r#"{"n":2}"#,
        r#"{"delete":{"_id":"3","version":5,"version_type":"external"}}"#,
    ];
    wire.expect(bulk().lost()).bulk(&[conflict(), conflict(), conflict()]);
    // The first holds what was sent, the second something else, the third is gone.
    let sources = [("1", r#"{"n":1}"#), ("2", r#"{"n":7}"#)];
    wire.expect(multi_get().reply_with(move |request| Reply::documents(request, &sources)));
    let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
    ran.expect(1, [0, 1, 1, 0]).prints("in:3: ").prints("version conflict");
    assert_eq!((ran.count("deleted"), ran.count("unknown")), (1, 0));
    wire.done();
}

#[test]
fn several_actions_of_a_key_that_can_be_repeated_are_sent_again_in_order() {
    let lines = [
        r#"{"index":{"_id":"a"}}"#,
        r#"{"n":1}"#,
        r#"{"delete":{"_id":"a"}}"#,
        r#"{"update":{"_id":"a"}}"#,
        r#"{"doc":{"n":2},"doc_as_upsert":true}"#,
        r#"{"index":{"_id":"b"}}"#,
        "{}",
    ];
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost());
    wire.expect(bulk().ids(&["a", "a", "a", "b"]).answers(&[updated(), deleted(), created(), created()]));
    let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
    assert_eq!((ran.code, ran.count("unknown"), ran.count("deleted")), (0, 0, 1), "{}", ran.stderr);
    wire.done();
}

#[test]
fn several_actions_of_a_key_that_cannot_be_repeated_are_unknown() {
    let lines = [
        r#"{"create":{"_id":"a"}}"#,
        r#"{"n":1}"#,
        r#"{"create":{"_id":"b"}}"#,
        "{}",
        r#"{"update":{"_id":"a"}}"#,
        r#"{"doc":{"n":2}}"#,
    ];
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost());
    wire.expect(bulk().ids(&["b"]).answers(&[created()]));
    let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
    assert_eq!((ran.code, ran.count("created"), ran.count("unknown")), (1, 1, 2), "{}", ran.stderr);
    ran.prints("in:1").prints("in:5");
    wire.done();
}

#[test]
fn a_first_try_that_is_still_at_work_is_waited_for() {
    let (place, wire) = (Place::new(), Wire::start());
    let name = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&name);
    let note = move |request: &Request| {
        *noted.lock().expect("a name") = request.header("x-opaque-id").expect("a name").to_owned()
    };
    wire.expect(bulk().check(note).lost());
    for _ in 0..2 {
        let name = Arc::clone(&name);
        let running = move |request: &Request| {
            let task = json!({"node": "n", "id": 7, "type": "transport", "action": "indices:data/write/bulk", "start_time_in_millis": 0,
                "running_time_in_nanos": 1, "cancellable": false, "headers": {"X-Opaque-Id": *name.lock().expect("a name")}});
            match request.parameter("group_by") {
                Some("none") => Reply::json(200, json!({"tasks": [task]})),
                Some("parents") => Reply::json(200, json!({"tasks": {"n:7": task}})),
                _ => Reply::json(200, json!({"nodes": {"n": {"name": "one", "tasks": {"n:7": task}}}})),
            }
        };
        wire.expect(ask("GET", "/_tasks").reply_with(running));
    }
    wire.bulk(&[updated(), updated()]);
    import(&place, &wire, &documents(2), &["--on-duplicate", "replace"]).expect(0, [0, 0, 2, 0]);
    let asked: Vec<String> = wire.done().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    let tasks: Vec<usize> = (0..asked.len()).filter(|at| asked[*at] == "GET /_tasks").collect();
    assert!(tasks.len() >= 3, "asked until it is gone: {asked:?}");
    let resent = asked.iter().rposition(|line| line.ends_with("/_bulk")).expect("a bulk request");
    assert!(tasks.iter().all(|at| *at < resent), "{asked:?}");
}

#[test]
fn a_reply_that_takes_too_long_is_lost() {
    let (place, wire) = (Place::new(), Wire::start());
    let gate = Gate::default();
    let held = gate.clone();
    wire.expect(bulk().reply_with(move |request| Reply::bulk(request, &[created(), created()]).behind(&held)));
    wire.bulk(&[duplicate(), duplicate()]);
    wire.expect(
        multi_get().reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#), ("2", r#"{"n":2}"#)])),
    );
    place.file("in", documents(2));
    let to = wire.to();
    let import = Live::start(&place, &words(&to, &["--timeout", "1s"]));
    wire.wait_for("a second try", |requests| {
        requests.iter().filter(|request| request.path.ends_with("/_bulk")).count() == 2
    });
    import.end().expect(0, [2, 0, 0, 0]);
    gate.open();
    wire.done();
}

#[test]
fn without_retries_what_is_lost_is_unknown() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost());
    let ran = import(&place, &wire, &documents(2), &["--retries", "0"]);
    assert!([1, 4].contains(&ran.code), "{}", ran.stderr);
    assert_eq!((ran.count("created"), ran.count("unknown")), (0, 2), "{}", ran.summary);
    ran.prints("in:1");
    wire.done();
}

#[test]
fn what_stays_lost_is_unknown_and_what_comes_after_unsent() {
    let (place, wire) = (Place::new(), Wire::start());
    for _ in 0..3 {
        wire.expect(bulk().ids(&["1", "2"]).lost());
    }
    let ran = import(&place, &wire, &documents(4), &["--retries", "2", "--batch-size", "2"]);
    assert_eq!((ran.code, ran.count("unknown"), ran.count("unsent")), (4, 2, 2), "{}", ran.stderr);
    wire.done();
}

#[test]
fn a_gateway_that_gave_up_may_have_passed_the_request_on() {
    for status in [502, 504] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply(Reply::html(status, "Bad Gateway")));
        wire.bulk(&[duplicate(), created()]);
        wire.expect(multi_get().reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#)])));
        import(&place, &wire, &documents(2), &[]).expect(0, [2, 0, 0, 0]);
        wire.done();
    }
}

#[test]
fn a_500_without_words_is_lost() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(Reply::refused(500, "node_closed_exception", "node closed")));
    wire.standing("POST", "_bulk", |request| {
        let item = |id: &String| if id == "1" { duplicate() } else { created() };
        let items: Vec<Item> = request.ids().iter().map(item).collect();
        Reply::bulk(request, &items)
    });
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[("1", r#"{"n":1}"#)]));
    import(&place, &wire, &documents(2), &[]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_busy_part_of_a_lost_batch_is_still_looked_after() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost());
    wire.expect(bulk().ids(&["1", "2"]).answers(&[busy(), created()]));
    // The busy one may be there from the first try.
    wire.expect(bulk().ids(&["1"]).answers(&[duplicate()]));
    wire.expect(multi_get().reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#)])));
    import(&place, &wire, &documents(2), &[]).expect(0, [2, 0, 0, 0]);
    wire.done();
}

#[test]
fn what_was_lost_before_the_server_went_away_is_unknown_and_not_unsent() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/_tasks", |_| Reply::html(503, "gone"));
    wire.expect(bulk().lost());
    let ran = import(&place, &wire, &documents(3), &["--retries", "0"]);
    assert_eq!((ran.code, ran.count("unknown"), ran.count("unsent")), (4, 3, 0), "{}", ran.stderr);
}

#[test]
fn a_gateway_that_gave_up_on_the_server_proves_nothing() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(Reply::text(503, "upstream connect error or disconnect/reset before headers")));
    wire.bulk(&[duplicate(), duplicate()]);
    wire.expect(
        multi_get().reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#), ("2", r#"{"n":7}"#)])),
    );
    let ran = import(&place, &wire, &documents(2), &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("duplicate key \"2\"");
}
