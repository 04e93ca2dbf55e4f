//! `--server-keys`, for a server that makes the keys itself: a lost response is then unknown, and never sent again.

use crate::support::{Place, Ran};
use crate::wire::{Reply, Request, Wire, bulk, failed, import};
use serde_json::{Value, json};

/// The action lines of a bulk request.
fn actions(request: &Request) -> Vec<Value> {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.into_iter().filter(|line| line.get("create").or(line.get("index")).is_some()).collect()
}

/// An answer in which each created document has an id of the server's own.
fn own_ids(items: &[u16]) -> Reply {
    let item = |(nth, status): (usize, &u16)| match status {
        201 => json!({"create": {"_index": "c", "_id": format!("1:0:own{nth}"), "result": "created", "status": 201}}),
        status => {
            let error = json!({"type": "es_rejected_execution_exception", "reason": "later"});
            json!({"create": {"_index": "c", "_id": null, "status": status, "error": error}})
        }
    };
    let items: Vec<Value> = items.iter().enumerate().map(item).collect();
    Reply::json(200, json!({"took": 1, "errors": false, "items": items}))
}

const LINES: &str = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";

fn run(place: &Place, wire: &Wire, text: &str, arguments: &[&str]) -> Ran {
    import(place, wire, text, &[&["--server-keys"], arguments].concat())
}

#[test]
fn records_without_a_key_are_sent_without_one() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply_with(|request| {
        assert_eq!(actions(request), vec![json!({"create": {}}); 3]);
        own_ids(&[201, 201, 201])
    }));
    let ran = run(&place, &wire, LINES, &[]);
    ran.expect(0, [3, 0, 0, 0]);
    assert_eq!(ran.count("generated_keys"), 0);
    assert!(!ran.stderr.contains("generated"), "{}", ran.stderr);
}

#[test]
fn a_key_that_is_there_is_sent_and_so_is_a_routing() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply_with(|request| {
        let sent = [json!({"create": {"_id": "7", "routing": "a"}}), json!({"create": {"routing": "b"}})];
        assert_eq!(actions(request), sent);
        let own = json!({"create": {"_index": "c", "_id": "own", "result": "created", "status": 201}});
        let named = json!({"create": {"_index": "c", "_id": "7", "result": "created", "status": 201}});
        Reply::json(200, json!({"took": 1, "errors": false, "items": [named, own]}))
    }));
    let text = "{\"_key\":\"7\",\"r\":\"a\"}\n{\"r\":\"b\"}\n";
    run(&place, &wire, text, &["--routing-field", "r"]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn bulk_lines_without_an_id_stay_without_one() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply_with(|request| {
        assert_eq!(actions(request), [json!({"index": {"routing": "a"}}), json!({"create": {}})]);
        let item = |op: &str| json!({op: {"_index": "c", "_id": "own", "result": "created", "status": 201}});
        Reply::json(200, json!({"took": 1, "errors": false, "items": [item("index"), item("create")]}))
    }));
    let text = "{\"index\":{\"routing\":\"a\"}}\n{\"n\":1}\n{\"create\":{}}\n{\"n\":2}\n";
    run(&place, &wire, text, &["-t", "bulk"]).expect(0, [2, 0, 0, 0]);
}

/// Whatever way a response is lost.
#[test]
fn a_lost_response_is_unknown_and_never_sent_again() {
    let lost: [fn() -> crate::wire::Exchange; 3] =
        [|| bulk().lost(), || bulk().cut_off(), || bulk().reply(Reply::text(502, "bad gateway"))];
    for lost in lost {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(lost());
        let ran = run(&place, &wire, LINES, &[]);
        assert_eq!((ran.code, ran.count("unknown"), ran.count("created")), (1, 3, 0), "{}", ran.stderr);
        ran.prints("no response was received, and it cannot be sent twice");
        assert_eq!(wire.bulks().len(), 1);
    }
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost());
    let ran = run(&place, &wire, "{\"index\":{}}\n{\"n\":1}\n{\"index\":{}}\n{\"n\":2}\n", &["-t", "bulk"]);
    assert_eq!((ran.code, ran.count("unknown")), (1, 2), "{}", ran.stderr);
}

#[test]
fn what_was_certainly_not_stored_is_sent_again() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(Reply::refused(429, "es_rejected_execution_exception", "later")));
    wire.expect(bulk().reply_with(|request| {
        assert_eq!(actions(request).len(), 3);
        own_ids(&[201, 429, 201])
    }));
    wire.expect(bulk().reply_with(|request| {
        assert_eq!(actions(request), [json!({"create": {}})]);
        own_ids(&[201])
    }));
    run(&place, &wire, LINES, &[]).expect(0, [3, 0, 0, 0]);
}

/// What OpenSearch Serverless answers for collections of time series and vectors.
#[test]
fn a_collection_that_refuses_ids_names_the_flag() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/", |_| Reply::text(404, ""));
    wire.standing("GET", "/c", |_| Reply::text(404, ""));
    let text = "Document ID is not supported in create/index operation request";
    let refused = || failed(400, "illegal_argument_exception", text);
    wire.bulk(&[refused(), refused(), refused()]);
    let ran = import(&place, &wire, LINES, &[]);
    ran.expect(1, [0, 3, 0, 0]);
    ran.prints("hint: `--server-keys` leaves the keys to the server");
}

#[test]
fn flags_that_need_keys_are_mistakes() {
    let place = Place::new();
    place.file("in", LINES);
    for (arguments, said) in [
        (&["--on-duplicate", "update"][..], "--on-duplicate"),
        (&["--on-duplicate", "replace"], "--on-duplicate"),
        (&["--on-duplicate", "ignore"], "--on-duplicate"),
        (&["--key", "n"], "--key"),
        (&["--delete-keys"], "--delete-keys"),
    ] {
        let words = [&["--to", "es+http://127.0.0.1:1", "-c", "c", "--server-keys"], arguments, &["in"]].concat();
        let ran = place.run(&words);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(&format!("error: {said} and --server-keys cannot be used together\nhint: leave it out"));
    }
    let ran = place.run(&["--to", "kuzzle+http://127.0.0.1:1/i", "-c", "c", "--server-keys", "in"]);
    ran.prints("--server-keys is not supported for Kuzzle\nhint: ");
}
