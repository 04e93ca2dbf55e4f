//! A data stream, an alias or a name with a date in it may lead to another index when a lost request is sent again. Then the
//! document is looked for where the first try went; it is never stored twice in silence, and what cannot be known is unknown.

use crate::support::{Place, Ran};
use crate::wire::{
    Item, Reply, Request, Wire, ask, bulk, created, documents, duplicate, import, multi_get, not_found, updated,
};
use serde_json::{Value, json};

/// What the server says of a name.
fn leads(wire: &Wire, about: Value) {
    wire.expect(ask("GET", "/c").reply(Reply::json(200, about)));
}

/// A data stream with these indices, asked for in two steps.
fn stream(wire: &Wire, indices: &[&str]) {
    let about = indices.iter().map(|index| (index.to_string(), json!({"aliases": {}, "data_stream": "c"})));
    leads(wire, about.collect());
    let list: Vec<Value> = indices.iter().map(|index| json!({"index_name": index, "index_uuid": "u"})).collect();
    let answer = json!({"data_streams": [{"name": "c", "indices": list, "generation": list.len()}]});
    wire.expect(ask("GET", "/_data_stream/c").reply(Reply::json(200, answer)));
}

/// An alias that leads to the last of these indices, and still to the others.
fn alias(indices: &[&str]) -> Value {
    let last = indices.last();
    let about = |index: &&str| {
        let settings = json!({"index": {"uuid": "u"}});
        (index.to_string(), json!({"aliases": {"c": {"is_write_index": Some(index) == last}}, "settings": settings}))
    };
    indices.iter().map(about).collect()
}

/// The item of a document in this index.
fn item(op: &str, index: &str, id: &str, status: u16) -> Item {
    let mut item = json!({"_index": index, "_id": id, "_version": 1, "status": status});
    match status {
        409 => item["error"] = json!({"type": "version_conflict_engine_exception", "reason": "exists"}),
        404 => item["result"] = json!("not_found"),
        200 => item["result"] = json!("updated"),
        _ => item["result"] = json!("created"),
    }
    Item::Raw(json!({op: item}))
}

/// Documents are read from this index, where these are.
fn reads(wire: &Wire, index: &'static str, stored: &'static [(&'static str, &'static str)]) {
    let asks = move |request: &Request| {
        let body = request.json();
        let docs = body["docs"].as_array().expect("docs");
        assert!(docs.iter().all(|doc| doc["_index"] == index), "documents of {index}: {body}");
    };
    wire.expect(multi_get().check(asks).reply_with(move |request| Reply::documents(request, stored)));
}

#[track_caller]
fn expect(ran: &Ran, code: i32, created: u64, unknown: u64) {
    let counts = (ran.code, ran.count("created"), ran.count("unknown"), ran.count("errors"));
    assert_eq!(counts, (code, created, unknown, 0), "{}", ran.stderr);
}

#[test]
fn what_a_data_stream_stored_before_it_rolled_over_is_not_sent_again() {
    let (place, wire) = (Place::new(), Wire::start());
    stream(&wire, &[".ds-c-1"]);
    wire.expect(bulk().lost());
    stream(&wire, &[".ds-c-1", ".ds-c-2"]);
    reads(&wire, ".ds-c-1", &[("1", r#"{"n":1}"#), ("2", r#"{"n":2}"#)]);
    let ran = import(&place, &wire, &documents(2), &[]);
    expect(&ran, 0, 2, 0);
    assert_eq!(ran.count("uncertain"), 2, "{}", ran.summary);
    assert_eq!(wire.bulks().len(), 1);
}

#[test]
fn what_is_certainly_not_in_the_earlier_index_is_sent_again() {
    for stored in [&[][..], &[("2", r#"{"n":2}"#)]] {
        let (place, wire) = (Place::new(), Wire::start());
        stream(&wire, &[".ds-c-0", ".ds-c-1"]);
        wire.expect(bulk().lost());
        stream(&wire, &[".ds-c-0", ".ds-c-1", ".ds-c-2"]);
        reads(&wire, ".ds-c-1", stored);
        match stored {
            [] => wire.expect(bulk().ids(&["1", "2"]).answers(&[created(), created()])),
            _ => wire.expect(bulk().ids(&["1"]).answers(&[created()])),
        };
        expect(&import(&place, &wire, &documents(2), &[]), 0, 2, 0);
        wire.done();
    }
}

#[test]
fn a_data_stream_that_the_lost_request_made_has_one_index() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(ask("GET", "/c").reply(Reply::refused(404, "index_not_found_exception", "no such index [c]")));
    wire.expect(bulk().lost());
    stream(&wire, &[".ds-c-1"]);
    let conflicts = [item("create", ".ds-c-1", "1", 409), item("create", ".ds-c-1", "2", 409)];
    wire.bulk(&conflicts);
    reads(&wire, ".ds-c-1", &[("1", r#"{"n":1}"#), ("2", r#"{"n":2}"#)]);
    expect(&import(&place, &wire, &documents(2), &[]), 0, 2, 0);
    wire.done();
}

#[test]
fn an_alias_that_rolled_over_is_followed_to_its_earlier_index() {
    let (place, wire) = (Place::new(), Wire::start());
    leads(&wire, alias(&["c-1"]));
    wire.expect(bulk().lost());
    leads(&wire, alias(&["c-1", "c-2"]));
    reads(&wire, "c-1", &[("2", r#"{"n":2}"#)]);
    wire.expect(bulk().ids(&["1", "3"]).answers(&[created(), created()]));
    expect(&import(&place, &wire, &documents(3), &[]), 0, 3, 0);
    wire.done();
}

#[test]
fn an_alias_that_no_longer_has_its_earlier_index_leaves_what_is_not_found_unknown() {
    let (place, wire) = (Place::new(), Wire::start());
    leads(&wire, alias(&["c-1"]));
    wire.expect(bulk().lost());
    leads(&wire, alias(&["c-2"]));
    reads(&wire, "c-1", &[("2", r#"{"n":2}"#)]);
    reads(&wire, "c-2", &[]);
    let ran = import(&place, &wire, &documents(3), &["--on-duplicate", "ignore"]);
    expect(&ran, 1, 1, 2);
    ran.prints("in:1: unknown: ").prints("c leads to another index now");
    assert_eq!(wire.bulks().len(), 1);
}

#[test]
fn a_name_with_a_date_is_followed_to_the_day_before() {
    let (place, wire) = (Place::new(), Wire::start());
    let path = "/%3Clogs-%7Bnow%2Fd%7D%3E";
    let today = |day: &str| {
        let name = format!("logs-{day}");
        ask("GET", path).reply(Reply::json(200, json!({name: {"aliases": {}, "settings": {"index": {"uuid": "u"}}}})))
    };
    wire.expect(today("2024.05.01")).expect(bulk().lost()).expect(today("2024.05.02"));
    reads(&wire, "logs-2024.05.01", &[("1", r#"{"n":1}"#)]);
    reads(&wire, "logs-2024.05.02", &[]);
    place.file("in", documents(2));
    let words = ["--to", &wire.to(), "-c", "<logs-{now/d}>", "-j", "1", "-t", "jsonl", "in"];
    expect(&place.run(&words), 1, 1, 1);
    assert_eq!(wire.bulks().len(), 1);
}

#[test]
fn the_index_of_today_that_a_lost_request_made_is_the_one_of_the_second_try() {
    let (place, wire) = (Place::new(), Wire::start());
    let path = "/%3Clogs-%7Bnow%2Fd%7D%3E";
    let missing = json!({"error": {"type": "index_not_found_exception", "reason": "no such index", "index": "logs-2024.05.01"}, "status": 404});
    wire.expect(ask("GET", path).reply(Reply::json(404, missing))).expect(bulk().lost());
    let made = json!({"logs-2024.05.01": {"aliases": {}, "settings": {"index": {"uuid": "u"}}}});
    wire.expect(ask("GET", path).reply(Reply::json(200, made)));
    wire.bulk(&[item("create", "logs-2024.05.01", "1", 409), created()]);
    reads(&wire, "logs-2024.05.01", &[("1", r#"{"n":1}"#)]);
    place.file("in", documents(2));
    expect(&place.run(&["--to", &wire.to(), "-c", "<logs-{now/d}>", "-j", "1", "-t", "jsonl", "in"]), 0, 2, 0);
    wire.done();
}

#[test]
fn a_server_that_does_not_report_where_a_name_leads_gets_nothing_twice() {
    let refused = |_: &Request| Reply::refused(403, "security_exception", "action [indices:admin/get] is unauthorized");
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/c", refused);
    wire.standing("POST", "_mget", |_| {
        Reply::refused(403, "security_exception", "action [indices:data/read/mget] is unauthorized")
    });
    wire.expect(bulk().lost());
    let ran = import(&place, &wire, &documents(2), &[]);
    expect(&ran, 1, 0, 2);
    ran.prints("it cannot be known where it went");
    assert_eq!(wire.bulks().len(), 1);
}

#[test]
fn who_may_only_read_documents_sees_where_they_lie() {
    let refused = |_: &Request| Reply::refused(403, "security_exception", "action [indices:admin/get] is unauthorized");
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/c", refused);
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[]));
    wire.expect(bulk().lost()).bulk(&[created(), created()]);
    expect(&import(&place, &wire, &documents(2), &[]), 0, 2, 0);
    assert_eq!(wire.bulks().len(), 2);
}

#[test]
fn a_roll_over_between_the_look_and_the_second_try_is_reported() {
    let (place, wire) = (Place::new(), Wire::start());
    stream(&wire, &[".ds-c-1"]);
    wire.expect(bulk().lost());
    stream(&wire, &[".ds-c-1"]);
    wire.bulk(&[item("create", ".ds-c-2", "1", 201), item("create", ".ds-c-2", "2", 201)]);
    reads(&wire, ".ds-c-1", &[("1", r#"{"n":1}"#)]);
    let ran = import(&place, &wire, &documents(2), &["--on-duplicate", "ignore"]);
    expect(&ran, 1, 1, 1);
    ran.prints("in:1: unknown: it may be stored twice: in .ds-c-1").prints("and in .ds-c-2");
    wire.done();
}

#[test]
fn a_name_that_moves_while_the_server_is_busy_is_asked_for_again() {
    let (place, wire) = (Place::new(), Wire::start());
    leads(&wire, alias(&["c-1"]));
    wire.expect(bulk().lost());
    leads(&wire, alias(&["c-1"]));
    wire.expect(bulk().reply(Reply::refused(503, "unavailable", "wait")));
    leads(&wire, alias(&["c-1", "c-2"]));
    reads(&wire, "c-1", &[("1", r#"{"n":1}"#), ("2", r#"{"n":2}"#)]);
    expect(&import(&place, &wire, &documents(2), &[]), 0, 2, 0);
    assert_eq!(wire.bulks().len(), 2);
}

#[test]
fn replaced_and_merged_documents_are_not_doubled_either() {
    // What was replaced by the first try is there; what was merged cannot be compared; what is not there is sent again.
    for (mode, updated, unknown) in [("replace", 1, 0), ("update", 0, 1)] {
        let (place, wire) = (Place::new(), Wire::start());
        leads(&wire, alias(&["c-1"]));
        wire.expect(bulk().lost());
        leads(&wire, alias(&["c-1", "c-2"]));
        reads(&wire, "c-1", &[("1", r#"{"n":1}"#)]);
        wire.expect(bulk().ids(&["2"]).answers(&[created()]));
        let ran = import(&place, &wire, &documents(2), &["--on-duplicate", mode]);
        assert_eq!((ran.count("created"), ran.count("updated"), ran.count("unknown")), (1, updated, unknown), "{mode}");
        wire.done();
    }
}

#[test]
fn a_delete_that_would_go_to_another_index_is_unknown_while_its_document_is_there() {
    let (place, wire) = (Place::new(), Wire::start());
    leads(&wire, alias(&["c-1"]));
    wire.expect(bulk().lost());
    leads(&wire, alias(&["c-1", "c-2"]));
    reads(&wire, "c-1", &[("1", r#"{"n":1}"#)]);
    wire.expect(bulk().ids(&["2"]).answers(&[not_found()]));
    let ran = import(&place, &wire, &documents(2), &["--delete-keys"]);
    assert_eq!((ran.code, ran.count("deleted"), ran.count("unknown")), (1, 1, 1), "{}", ran.stderr);
    wire.done();
}

#[test]
fn the_routing_of_an_alias_is_used_to_read_back() {
    let (place, wire) = (Place::new(), Wire::start());
    let about =
        json!({"c-1": {"aliases": {"c": {"index_routing": "7", "search_routing": "7"}}, "settings": {"index": {}}}});
    wire.standing("GET", "/c", move |_| Reply::json(200, about.clone()));
    wire.expect(bulk().lost()).bulk(&[duplicate()]);
    let routed = |request: &Request| assert_eq!(request.json()["docs"][0]["routing"], "7");
    wire.expect(multi_get().check(routed).reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#)])));
    expect(&import(&place, &wire, &documents(1), &[]), 0, 1, 0);
    wire.done();
}

#[test]
fn an_alias_that_bulk_lines_name_is_asked_for_before_anything_goes_to_it() {
    let (place, wire) = (Place::new(), Wire::start());
    let about = |indices: &[&str]| {
        let about = |index: &&str| {
            (index.to_string(), json!({"aliases": {"other": {"is_write_index": Some(index) == indices.last()}}}))
        };
        let about: Value = indices.iter().map(about).collect();
        ask("GET", "/other").reply(Reply::json(200, about))
    };
    wire.expect(about(&["o-1"])).expect(bulk().lost()).expect(about(&["o-1", "o-2"]));
    reads(&wire, "o-1", &[("1", r#"{"n":1}"#)]);
    wire.expect(bulk().ids(&["2"]).answers(&[created()]));
    let lines = [
        r#"{"create":{"_index":"other","_id":"1"}}"#,
        r#"{"n":1}"#,
        r#"{"index":{"_index":"other","_id":"2"}}"#,
        r#"{"n":2}"#,
    ];
    expect(&import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]), 0, 2, 0);
    wire.done();
}

#[test]
fn a_key_that_the_earlier_index_holds_is_no_duplicate_in_the_next_one() {
    for mode in ["error", "ignore"] {
        let (place, wire) = (Place::new(), Wire::start());
        stream(&wire, &[".ds-c-1"]);
        wire.bulk(&[created()]).expect(bulk().lost());
        // It rolled over between the two, so that both were stored.
        stream(&wire, &[".ds-c-1", ".ds-c-2"]);
        reads(&wire, ".ds-c-1", &[("1", r#"{"n":1}"#)]);
        wire.bulk(&[item("create", ".ds-c-2", "1", 409)]);
        reads(&wire, ".ds-c-2", &[("1", r#"{"n":2}"#)]);
        let text = "{\"_key\":\"1\",\"n\":1}\n{\"_key\":\"1\",\"n\":2}\n";
        let ran = import(&place, &wire, text, &["--batch-size", "1", "--on-duplicate", mode]);
        expect(&ran, 1, 1, 1);
        assert_eq!(ran.count("ignored"), 0);
        wire.done();
    }
}

#[test]
fn a_second_try_into_a_plain_index_is_as_before() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost()).bulk(&[updated(), created()]);
    import(&place, &wire, &documents(2), &["--on-duplicate", "replace"]).expect(0, [1, 0, 1, 0]);
    assert_eq!(wire.bulks().len(), 2);
}
