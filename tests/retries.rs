//! A target that is busy, or not there, is asked again, and never is an old value put over a new one.

use crate::live::Live;
use crate::support::{Place, Ran};
use crate::wire::{
    Harm, Reply, Request, Wire, bulk, busy, created, documents, duplicate, failed, import, nobody, unfit, updated,
    words,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Kind and count of each kind of error.
fn kinds(ran: &Ran) -> Value {
    let kinds = ran.summary["error_kinds"].as_array().expect("error_kinds");
    kinds.iter().map(|kind| json!([kind["type"], kind["count"]])).collect()
}

/// The pause between two requests.
fn pause(requests: &[Request], before: usize) -> Duration {
    requests[before + 1].at.duration_since(requests[before].at)
}

#[test]
fn a_busy_target_is_asked_again() {
    for status in [429, 503, 502, 504] {
        let (place, wire) = (Place::new(), Wire::start());
        let refusal = match status {
            429 => Reply::refused(
                429,
                "es_rejected_execution_exception",
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=1, replica_bytes=0, all_bytes=1, coordinating_operation_bytes=1, max_coordinating_and_primary_bytes=1]",
            ),
            503 => Reply::refused(503, "master_not_discovered_exception", "null"),
            _ => Reply::html(status, "Bad Gateway"),
        };
        wire.expect(bulk().ids(&["1", "2"]).reply(refusal.clone()));
        wire.expect(bulk().ids(&["1", "2"]).reply(refusal));
        wire.expect(bulk().ids(&["1", "2"]).answers(&[created(), created()]));
        let ran = import(&place, &wire, &documents(2), &[]);
        ran.expect(0, [2, 0, 0, 0]);
        assert_eq!(ran.count("retried"), 2, "{status}: {}", ran.summary);
        wire.done();
    }
}

#[test]
fn retry_after_is_obeyed() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(
        bulk().reply(Reply::refused(429, "es_rejected_execution_exception", "later").header("Retry-After", "1")),
    );
    wire.expect(
        bulk().reply(Reply::refused(503, "es_rejected_execution_exception", "later").header("Retry-After", "2")),
    );
    wire.bulk(&[created()]);
    import(&place, &wire, &documents(1), &[]).expect(0, [1, 0, 0, 0]);
    let bulks = wire.bulks();
    assert!(pause(&bulks, 0) >= Duration::from_millis(990), "{:?}", pause(&bulks, 0));
    assert!(pause(&bulks, 1) >= Duration::from_millis(1990), "{:?}", pause(&bulks, 1));
}

#[test]
fn a_date_in_retry_after_is_obeyed() {
    let (place, wire) = (Place::new(), Wire::start());
    // Long past: at once.
    let reply = Reply::refused(503, "es_rejected_execution_exception", "later")
        .header("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT");
    wire.expect(bulk().reply(reply));
    wire.bulk(&[created()]);
    import(&place, &wire, &documents(1), &[]).expect(0, [1, 0, 0, 0]);
    wire.done();
}

#[test]
fn only_busy_items_are_sent_again() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[
        created(),
        busy(),
        unfit(),
        failed(503, "unavailable_shards_exception", "[c][0] primary shard is not active"),
        duplicate(),
    ]);
    wire.expect(bulk().ids(&["2", "4"]).answers(&[busy(), created()]));
    wire.expect(bulk().ids(&["2"]).answers(&[created()]));
    let ran = import(&place, &wire, &documents(5), &[]);
    ran.expect(1, [3, 2, 0, 0]).prints("in:3: ").prints("in:5: duplicate key \"5\"");
    assert_eq!(ran.count("retried"), 2);
    wire.done();
}

#[test]
fn a_target_that_stays_busy_ends_the_run_when_retries_are_used_up() {
    let (place, wire) = (Place::new(), Wire::start());
    for _ in 0..3 {
        wire.expect(
            bulk().reply(
                Reply::refused(429, "es_rejected_execution_exception", "no room today").header("Retry-After", "0"),
            ),
        );
    }
    let ran = import(&place, &wire, &documents(2), &["--retries", "2"]);
    assert_eq!((ran.code, ran.count("unsent")), (4, 2), "{}", ran.stderr);
    ran.prints("no room today");
    wire.done();
}

#[test]
fn without_retries_one_refusal_is_enough() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(Reply::refused(503, "x", "no room today")));
    let ran = import(&place, &wire, &documents(2), &["--retries", "0"]);
    assert_eq!((ran.code, ran.count("unsent")), (4, 2), "{}", ran.stderr);
    wire.done();

    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), busy()]);
    let ran = import(&place, &wire, &documents(2), &["--retries", "0"]);
    assert_eq!((ran.code, ran.count("created"), ran.count("unsent")), (4, 1, 1), "{}", ran.stderr);
    wire.done();
}

#[test]
fn a_busy_item_that_a_later_one_overtook_is_not_sent_again() {
    let text = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":2}\n{\"_key\":\"a\",\"n\":3}\n";
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[busy(), created(), created()]);
    let ran = import(&place, &wire, text, &["--on-duplicate", "replace"]);
    ran.expect(1, [2, 1, 0, 0]).prints("in:1: a later action on this key was carried out");
    assert_eq!(kinds(&ran), json!([["overtaken", 1]]));
    wire.done();
}

#[test]
fn a_later_one_that_failed_is_sent_again_behind_the_busy_one() {
    let lines = [
        r#"{"index":{"_id":"a"}}"#,
        "{}",
        r#"{"update":{"_id":"a"}}"#,
        r#"{"doc":{"n":3}}"#,
        r#"{"index":{"_id":"b"}}"#,
        "{}",
    ];
    let (place, wire) = (Place::new(), Wire::start());
    // The update found nothing because the index before it was not done.
    wire.bulk(&[busy(), failed(404, "document_missing_exception", "[{id}]: document missing"), created()]);
    wire.expect(bulk().ids(&["a", "a"]).answers(&[created(), updated()]));
    import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]).expect(0, [2, 0, 1, 0]);
    wire.done();
}

#[test]
fn two_busy_items_of_a_key_stay_in_their_order() {
    let text = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"a\",\"n\":2}\n{\"_key\":\"b\",\"n\":3}\n";
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[busy(), busy(), created()]);
    wire.expect(bulk().ids(&["a", "a"]).answers(&[created(), updated()]));
    import(&place, &wire, text, &["--on-duplicate", "replace"]).expect(0, [2, 0, 1, 0]);
    let documents: Vec<Option<String>> = wire.bulks()[1].actions().into_iter().map(|action| action.doc).collect();
    assert_eq!(documents, [Some(r#"{"n":1}"#.to_owned()), Some(r#"{"n":2}"#.to_owned())]);
}

#[test]
fn a_key_waits_for_its_busy_action_in_an_earlier_batch() {
    let text = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":2}\n{\"_key\":\"a\",\"n\":3}\n";
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[busy(), created()]);
    wire.expect(bulk().ids(&["a"]).answers(&[created()]));
    wire.expect(bulk().ids(&["a"]).answers(&[updated()]));
    import(&place, &wire, text, &["--on-duplicate", "replace", "--batch-size", "2"]).expect(0, [2, 0, 1, 0]);
    let last = wire.bulks()[2].actions().remove(0);
    assert_eq!(last.doc.as_deref(), Some(r#"{"n":3}"#));
}

// Nobody there.

#[test]
fn a_target_that_is_not_there_is_exit_code_4() {
    let place = Place::new();
    place.file("in", documents(2));
    let to = format!("es+http://{}", nobody());
    let ran = place.run(&words(&to, &["--retries", "1"]));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints(to.trim_start_matches("es+http://"));
}

#[test]
fn of_two_nodes_one_may_be_dead() {
    for dead_first in [true, false] {
        let (place, wire) = (Place::new(), Wire::start());
        for keys in [["1", "2"], ["3", "4"], ["5", "6"]] {
            wire.expect(bulk().ids(&keys).answers(&[created(), created()]));
        }
        place.file("in", documents(6));
        let dead = format!("elasticsearch+http://{}", nobody());
        let alive = wire.to();
        let (first, second) = if dead_first { (&dead, &alive) } else { (&alive, &dead) };
        place.run(&words(first, &["--to", second, "--batch-size", "2"])).expect(0, [6, 0, 0, 0]);
        wire.done();
    }
}

#[test]
fn a_node_that_dies_is_left_for_the_other() {
    let (place, one, two) = (Place::new(), Wire::start(), Wire::start());
    // Whichever is asked first refuses for want of room; either may then take it.
    let answer = |request: &Request| Reply::bulk(request, &vec![created(); request.actions().len()]);
    one.standing("POST", "_bulk", |_| Reply::refused(503, "x", "shutting down").header("Retry-After", "0"));
    two.standing("POST", "_bulk", answer);
    place.file("in", documents(2));
    let (first, second) = (one.to(), two.to());
    place.run(&words(&first, &["--to", &second])).expect(0, [2, 0, 0, 0]);
    assert_eq!(two.bulks().len(), 1);
}

#[test]
fn a_connection_that_the_server_closed_between_batches_is_no_loss() {
    let (place, wire) = (Place::new(), Wire::start());
    for keys in [["1", "2"], ["3", "4"], ["5", "6"]] {
        let exchange = bulk().ids(&keys);
        wire.expect(
            exchange.reply_with(|request| Reply::bulk(request, &[created(), created()]).harm(Harm::CloseAfterReply)),
        );
    }
    import(&place, &wire, &documents(6), &["--batch-size", "2"]).expect(0, [6, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_busy_create_is_not_taken_for_its_own_when_another_wrote_it_meanwhile() {
    let (place, wire) = (Place::new(), Wire::start());
    // Refused for want of room: certainly not applied. What is there afterwards is another's, whatever its content.
    wire.bulk(&[busy()]).bulk(&[duplicate()]);
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[("1", r#"{"n":1}"#)]));
    import(&place, &wire, &documents(1), &[]).expect(1, [0, 1, 0, 0]).prints("duplicate key");
    wire.bulks();
}

#[test]
fn a_signal_gives_each_batch_one_more_try() {
    let (place, wire) = (Place::new(), Wire::start());
    // Busy for ever, with long pauses: the signal ends the waiting.
    wire.standing("POST", "_bulk", |_| Reply::refused(503, "x", "later").header("Retry-After", "100"));
    place.file("in", documents(2));
    let to = wire.to();
    let import = Live::start(&place, &words(&to, &[]));
    wire.wait_for("a first try", |requests| requests.iter().any(|request| request.path.ends_with("/_bulk")));
    import.signal("INT");
    let ran = import.wait();
    assert_eq!((ran.code, ran.count("unsent")), (130, 2), "{}", ran.stderr);
    assert!(wire.bulks().len() <= 3);
}

#[test]
fn the_results_count_as_the_summary_does() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[busy(), created(), unfit()]).expect(bulk().ids(&["1"]).lost()).bulk(&[created()]);
    import(&place, &wire, &documents(3), &[]).expect(1, [2, 1, 0, 0]);
    let text = std::fs::read_to_string(place.path("results")).expect("the results");
    assert_eq!(text.lines().count(), 3, "{text}");
    let ids: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone()).collect();
    let mut ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["1", "2", "3"]);
}
