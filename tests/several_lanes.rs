//! What several lanes may not change: small inputs, new indices, the order on a key, and what is said of the server.

use crate::live::Live;
use crate::support::{Place, Ran};
use crate::wire::kuzzle::into_kuzzle;
use crate::wire::{
    Harm, Item, Reply, Request, Wire, bulk, busy, created, documents, duplicate, failed, import, updated,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const FOUR_ROWS: &str = "name,price\na,100.5\nb,50\nc,200.75\nd,7\n";

/// How long a server waits for a request that must not come. One that comes needs a few milliseconds.
const FOR_ANOTHER: Duration = Duration::from_millis(300);

/// Imports this text on four lanes.
fn on_four(place: &Place, wire: &Wire, text: &str, arguments: &[&str]) -> Ran {
    place.file("in", text);
    place.run(&[&["--to", &wire.to(), "-j", "4"], arguments, &["in"]].concat())
}

fn raced(field: &str) -> Item {
    failed(
        400,
        "illegal_argument_exception",
        &format!("mapper [{field}] cannot be changed from type [float] to [long]"),
    )
}

/// Answers bulk requests, and counts those that were answered while another request was on its way.
#[derive(Clone, Default)]
struct Crossings(Arc<(Mutex<Vec<Vec<String>>>, Condvar)>);

impl Crossings {
    /// Lets those requests wait for others that `awaits` says of; the ids of each request, in the order in which they came.
    fn watch(&self, wire: &Wire, awaits: impl Fn(&[String]) -> bool + Send + Sync + 'static) {
        let this = self.clone();
        wire.standing("POST", "_bulk", move |request| {
            let (come, changed) = &*this.0;
            let mut come = come.lock().expect("no panic");
            come.push(request.ids());
            changed.notify_all();
            if awaits(&request.ids()) {
                let before = come.len();
                let waited = changed.wait_timeout_while(come, FOR_ANOTHER, |come| come.len() == before);
                let come = waited.expect("no panic").0;
                assert_eq!(come.len(), before, "a request came before the answer to {:?}", request.ids());
            }
            Reply::bulk(request, &vec![created(); request.actions().len()])
        });
    }

    fn all(&self) -> Vec<Vec<String>> {
        self.0.0.lock().expect("no panic").clone()
    }
}

fn ids(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|id| id.to_string()).collect()
}

#[test]
fn an_input_that_fits_one_request_is_one_request() {
    for (name, text) in [
        ("csv", FOUR_ROWS.to_owned()),
        ("jsonl", documents(4)),
        ("bulk", (1..=4).map(|n| format!("{{\"index\":{{\"_index\":\"i{n}\",\"_id\":\"{n}\"}}}}\n{{}}\n")).collect()),
    ] {
        for size in ["4", "5000"] {
            let (place, wire) = (Place::new(), Wire::start());
            wire.bulk(&[const { Item::Done("created", 1) }; 4]);
            let ran = on_four(&place, &wire, &text, &["-c", "c", "-t", name, "--batch-size", size]);
            ran.expect(0, [4, 0, 0, 0]);
            wire.done();
        }
    }
}

#[test]
fn bad_records_among_good_ones_leave_it_one_request() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().ids(&["1", "2", "3"]).answers(&[created(), created(), created()]));
    let text = "{\"_key\":\"1\"}\n[1]\n{\"_key\":\"2\"}\n{bad\n{\"_key\":\"3\"}\n";
    let ran = on_four(&place, &wire, text, &["-c", "c", "-t", "jsonl"]);
    assert_eq!((ran.code, ran.count("created"), ran.count("read")), (1, 3, 5), "{}", ran.stderr);
    wire.done();
}

#[test]
fn an_input_for_kuzzle_that_fits_one_request_is_one_request_too() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[const { Item::Done("created", 1) }; 9]);
    place.file("in", documents(9));
    let to = format!("kuzzle+http://{}/i", wire.address());
    place.run(&["--to", &to, "-c", "c", "-t", "jsonl", "-j", "4", "in"]).expect(0, [9, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_longer_input_begins_with_one_request_that_is_answered_before_others_are_sent() {
    let (place, wire) = (Place::new(), Wire::start());
    let crossings = Crossings::default();
    crossings.watch(&wire, |these| these == ids(1, 8));
    let ran = on_four(&place, &wire, &documents(100), &["-c", "c", "-t", "jsonl", "--batch-size", "8"]);
    ran.expect(0, [100, 0, 0, 0]);
    let come = crossings.all();
    assert_eq!(come[0], ids(1, 8));
    let mut all: Vec<usize> = come.iter().flatten().map(|id| id.parse().expect("a number")).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=100).collect::<Vec<usize>>(), "each is sent once");
    wire.done();
}

#[test]
fn batches_that_bytes_make_full_begin_with_one_request_as_well() {
    let (place, wire) = (Place::new(), Wire::start());
    let crossings = Crossings::default();
    crossings.watch(&wire, |these| these.contains(&"1".to_owned()));
    let ran = on_four(&place, &wire, &documents(300), &["-c", "c", "-t", "jsonl", "--batch-bytes", "1KiB"]);
    ran.expect(0, [300, 0, 0, 0]);
    let first = crossings.all().swap_remove(0);
    assert!(first.len() > 20 && first == ids(1, first.len()), "{first:?}");
}

#[test]
fn what_has_waited_for_the_flush_interval_is_sent_and_the_lanes_share_the_rest() {
    let (place, wire) = (Place::new(), Wire::start());
    let crossings = Crossings::default();
    crossings.watch(&wire, |_| false);
    let to = wire.to();
    let words = ["--to", &to, "-c", "c", "-t", "jsonl", "-j", "4", "--flush-interval", "50ms"];
    let mut live = Live::start(&place, &words);
    live.feed("{\"_key\":\"1\"}\n{\"_key\":\"2\"}\n");
    wire.wait_for("the first records", |seen| seen.iter().any(|request| request.path.ends_with("/_bulk")));
    live.feed(documents(40).lines().skip(2).map(|line| format!("{line}\n")).collect::<String>());
    live.end().expect(0, [40, 0, 0, 0]);
    let come = crossings.all();
    assert!(come[0].len() <= 2 && come.len() > 2, "{come:?}");
}

#[test]
fn max_rate_is_kept_by_all_lanes_together() {
    let (place, wire) = (Place::new(), Wire::start());
    let begin = Instant::now();
    let sizes: Arc<Mutex<Vec<usize>>> = Arc::default();
    let seen = Arc::clone(&sizes);
    wire.standing("POST", "_bulk", move |request| {
        let actions = request.actions().len();
        seen.lock().expect("no panic").push(actions);
        Reply::bulk(request, &vec![created(); actions])
    });
    let ran = on_four(&place, &wire, &documents(250), &["-c", "c", "-t", "jsonl", "--max-rate", "100/s"]);
    // The first hundred at once, the second after a second, and the last fifty after another.
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    ran.expect(0, [250, 0, 0, 0]);
    let sizes = sizes.lock().expect("no panic");
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
}

#[test]
fn each_key_sees_its_actions_in_their_order() {
    let (place, wire) = (Place::new(), Wire::start());
    let seen: Arc<Mutex<BTreeMap<String, Vec<u64>>>> = Arc::default();
    let shared = Arc::clone(&seen);
    wire.standing("POST", "_bulk", move |request| {
        let mut seen = shared.lock().expect("no panic");
        for action in request.actions() {
            let document: Value = serde_json::from_str(action.doc.as_deref().unwrap_or_default()).expect("JSON");
            let id = action.id.unwrap_or_default();
            seen.entry(id).or_default().push(document["n"].as_u64().expect("a number"));
        }
        Reply::bulk(request, &vec![updated(); request.actions().len()])
    });
    let text: String = (0..500).map(|n| format!("{{\"_key\":\"k{}\",\"n\":{n}}}\n", n * n % 13)).collect();
    let arguments = ["-c", "c", "-t", "jsonl", "--on-duplicate", "replace", "--batch-size", "6"];
    on_four(&place, &wire, &text, &arguments).expect(0, [0, 0, 500, 0]);
    let seen = seen.lock().expect("no panic");
    assert!(seen.values().all(|order| order.is_sorted()), "{seen:?}");
    assert_eq!(seen.values().map(Vec::len).sum::<usize>(), 500);
}

#[test]
fn an_index_that_is_named_later_on_begins_with_one_request_too() {
    let (place, wire) = (Place::new(), Wire::start());
    let crossings = Crossings::default();
    // The first of an index names its first action, and represents those behind it.
    crossings.watch(&wire, |these| these.contains(&"1".to_owned()) || these.contains(&"51".to_owned()));
    let text: String = (1..=100)
        .map(|n| format!("{{\"index\":{{\"_index\":\"{}\",\"_id\":\"{n}\"}}}}\n{{}}\n", if n > 50 { "b" } else { "a" }))
        .collect();
    on_four(&place, &wire, &text, &["-t", "bulk", "--batch-size", "7"]).expect(0, [100, 0, 0, 0]);
    let come = crossings.all();
    assert_eq!(come[0], ids(1, 7));
    let later = come.iter().position(|these| these.contains(&"51".to_owned())).expect("it was sent");
    assert_eq!(come[later], ids(51, 57));
    let before: usize = come[..later].iter().map(Vec::len).sum();
    assert_eq!(before, 50, "what comes before it was sent before it");
}

#[test]
fn nothing_is_sent_behind_a_first_request_that_ended_the_run() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(Reply::refused(403, "security_exception", "action [bulk] is unauthorized")));
    let ran = on_four(&place, &wire, &documents(100), &["-c", "c", "-t", "jsonl", "--batch-size", "5"]);
    assert_eq!((ran.code, ran.count("created")), (4, 0), "{}", ran.stderr);
    assert_eq!(ran.count("read"), ran.count("unsent"), "{}", ran.summary);
    wire.done();
}

#[test]
fn a_first_request_without_an_answer_is_settled_before_others_are_sent() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().lost());
    wire.expect(bulk().reply(Reply::new(429)));
    wire.expect(bulk().answers(&[created(), busy(), created()]));
    let crossings = Crossings::default();
    crossings.watch(&wire, |these| these == ["2"]);
    let ran = on_four(&place, &wire, &documents(30), &["-c", "c", "-t", "jsonl", "--batch-size", "3"]);
    ran.expect(0, [30, 0, 0, 0]);
    assert_eq!(crossings.all()[0], ["2"]);
    wire.done();
}

#[test]
fn a_key_that_the_first_request_stored_is_known_to_every_lane() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().ids(&["1", "2", "3", "4"]).answers(&[const { Item::Done("created", 1) }; 4]));
    let met = Mutex::new(HashSet::new());
    // The first try of each later request gets no answer; the second one finds the documents of the first request.
    wire.standing("POST", "_bulk", move |request| match met.lock().expect("no panic").insert(request.ids()) {
        true => Reply::new(200).harm(Harm::CloseAfterReading),
        false => Reply::bulk(request, &vec![duplicate(); request.actions().len()]),
    });
    let text = documents(4).repeat(2);
    let ran = on_four(&place, &wire, &text, &["-c", "c", "-t", "jsonl", "--batch-size", "4"]);
    ran.expect(1, [4, 4, 0, 0]).prints("in:5: duplicate key").prints("in:8: duplicate key");
    // Nothing has to be read back.
    wire.done();
}

// Two requests that add the same field at once.

#[test]
fn an_item_that_lost_a_race_for_a_new_field_is_sent_once_more() {
    for reason in [
        "mapper [price] cannot be changed from type [float] to [long]",
        "mapper [price] of different type, current_type [float], merged_type [long]",
        "can't merge a non object mapping [price] with an object mapping",
        "can't merge a non-nested mapping [price] with a nested mapping",
        "Mapper for [day] conflicts with existing mapper:\n\tCannot update parameter [format] from [a] to [b]",
        "object mapping [x] can't be changed from nested to non-nested",
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        let lost = failed(400, "illegal_argument_exception", reason);
        wire.bulk(&[created(), lost, created()]);
        wire.expect(bulk().ids(&["2"]).answers(&[created()]));
        // It waits for nothing, so it takes none of the retries.
        import(&place, &wire, &documents(3), &["--retries", "0"]).expect(0, [3, 0, 0, 0]);
        wire.done();
    }
}

#[test]
fn it_is_not_sent_again_before_the_request_that_won_is_answered() {
    let (place, wire) = (Place::new(), Wire::start());
    let crossings = Crossings::default();
    let shared = crossings.clone();
    wire.standing("POST", "_bulk", move |request| {
        let (come, changed) = &*shared.0;
        let mut come = come.lock().expect("no panic");
        come.push(request.ids());
        changed.notify_all();
        // The first is the lead, the second wins, and the third loses.
        match come.len() {
            2 => {
                let come = changed.wait_while(come, |come| come.len() < 3).expect("no panic");
                let is_again = |come: &[Vec<String>]| come[3..].contains(&come[2]);
                let waited = changed.wait_timeout_while(come, FOR_ANOTHER, |come| !is_again(come));
                assert!(
                    !is_again(&waited.expect("no panic").0),
                    "it was sent again while its field was still on its way"
                );
                Reply::bulk(request, &[created()])
            }
            3 => Reply::bulk(request, &[raced("price")]),
            _ => Reply::bulk(request, &[created()]),
        }
    });
    let ran = on_four(&place, &wire, &documents(20), &["-c", "c", "-t", "jsonl", "--batch-size", "1"]);
    ran.expect(0, [20, 0, 0, 0]);
    let come = crossings.all();
    assert_eq!((come.len(), come.iter().filter(|ids| **ids == come[2]).count()), (21, 2));
}

#[test]
fn the_same_refusal_again_is_an_error() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), raced("price")]);
    wire.expect(bulk().ids(&["2"]).answers(&[raced("price")]));
    let ran = import(&place, &wire, &documents(2), &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("in:2: illegal_argument_exception: mapper [price] cannot be changed");
    assert_eq!(ran.summary["error_kinds"][0]["type"], "illegal_argument_exception");
    wire.done();
}

#[test]
fn a_race_for_another_field_is_another_race_but_not_for_ever() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[raced("a"), created()]);
    wire.bulk(&[raced("b")]);
    wire.bulk(&[created()]);
    import(&place, &wire, &documents(2), &[]).expect(0, [2, 0, 0, 0]);
    wire.done();

    let (place, wire) = (Place::new(), Wire::start());
    let tries = Mutex::new(0);
    wire.standing("POST", "_bulk", move |request| {
        let mut tries = tries.lock().expect("no panic");
        *tries += 1;
        Reply::bulk(request, &[raced(&format!("f{tries}"))])
    });
    import(&place, &wire, &documents(1), &[]).expect(1, [0, 1, 0, 0]);
    assert!(wire.bulks().len() <= 8, "{}", wire.bulks().len());
}

#[test]
fn an_item_that_lost_a_race_is_never_put_over_a_later_one() {
    let text = "{\"_key\":\"a\",\"n\":1.5}\n{\"_key\":\"b\",\"n\":2}\n{\"_key\":\"a\",\"n\":3}\n";
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[raced("n"), created(), created()]);
    let ran = import(&place, &wire, text, &["--on-duplicate", "replace"]);
    ran.expect(1, [2, 1, 0, 0]).prints("in:1: a later action on this key was carried out while another request added");
    assert_eq!(ran.summary["error_kinds"][0]["type"], "overtaken");
    wire.done();
}

#[test]
fn what_failed_behind_an_item_that_lost_a_race_is_sent_again_behind_it() {
    let lines = [r#"{"create":{"_id":"a"}}"#, r#"{"n":1.5}"#, r#"{"update":{"_id":"a"}}"#, r#"{"doc":{"m":3}}"#];
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[raced("n"), failed(404, "document_missing_exception", "[{id}]: document missing")]);
    wire.expect(bulk().ids(&["a", "a"]).answers(&[created(), updated()]));
    import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]).expect(0, [1, 0, 1, 0]);
    wire.done();
}

#[test]
fn kuzzle_items_that_lost_a_race_are_sent_once_more() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.import(&[created(), raced("price"), created()]);
    wire.expect(bulk().ids(&["2"]).lists(&[created()]));
    into_kuzzle(&place, &wire, &documents(3), &[]).expect(0, [3, 0, 0, 0]);
    wire.done();
}

// Whether every request was refused.

/// A server that refuses requests with any other id than these.
fn takes_only(wire: &Wire, good: fn(&str) -> bool) {
    wire.standing("POST", "_bulk", move |request: &Request| match request.ids().iter().all(|id| good(id)) {
        true => Reply::bulk(request, &vec![created(); request.actions().len()]),
        false => Reply::refused(400, "illegal_argument_exception", "unknown parameter [_type]"),
    });
}

#[test]
fn a_server_that_took_one_lanes_records_has_not_refused_every_request() {
    for good in [|id: &str| id == "1", |id: &str| id == "17", |id: &str| id == "40", |id: &str| id.ends_with('3')] {
        for size in ["5", "40"] {
            let (place, wire) = (Place::new(), Wire::start());
            takes_only(&wire, good);
            let ran = on_four(&place, &wire, &documents(40), &["-c", "c", "-t", "jsonl", "--batch-size", size]);
            let taken = ran.count("created");
            let refused_all = ran.stderr.contains("the server refused every request");
            assert!(!(refused_all && taken > 0), "{taken} created: {}", ran.stderr);
            assert_eq!(ran.code, if refused_all { 4 } else { 1 }, "{}", ran.stderr);
        }
    }
}

#[test]
fn a_few_refused_lines_on_each_lane_are_errors_of_those_lines() {
    let (place, wire) = (Place::new(), Wire::start());
    takes_only(&wire, |id| id == "2");
    let ran = on_four(&place, &wire, &documents(4), &["-c", "c", "-t", "jsonl", "--batch-size", "1"]);
    ran.expect(1, [1, 3, 0, 0]);
    assert!(!ran.stderr.contains("every request"), "{}", ran.stderr);
}

#[test]
fn a_server_that_refuses_everything_is_found_out_soon_on_several_lanes() {
    for size in ["1", "7", "5000"] {
        let (place, wire) = (Place::new(), Wire::start());
        takes_only(&wire, |_| false);
        let ran = on_four(&place, &wire, &documents(4000), &["-c", "c", "-t", "jsonl", "--batch-size", size]);
        assert_eq!((ran.code, ran.count("created")), (4, 0), "{}", ran.stderr);
        ran.prints("the server refused every request: illegal_argument_exception: unknown parameter [_type]");
        let requests = wire.bulks().len();
        assert!(requests <= 40, "{requests} requests to find out");
        assert_eq!(ran.summary["error"].as_str().map(|error| error.contains("every request")), Some(true));
    }
}

#[test]
fn records_that_are_refused_for_reasons_of_their_own_are_errors_on_any_number_of_lanes() {
    for jobs in ["1", "2", "8"] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("POST", "_bulk", |request| {
            let reason = if request.ids() == ["1"] { "unknown parameter [a]" } else { "unknown parameter [b]" };
            Reply::refused(400, "illegal_argument_exception", reason)
        });
        place.file("in", documents(8));
        let words = ["--to", &wire.to(), "-c", "c", "-t", "jsonl", "--batch-size", "1", "-j", jobs, "in"];
        let ran = place.run(&words);
        ran.expect(1, [0, 8, 0, 0]);
    }
}

#[test]
fn a_short_input_that_is_refused_to_the_last_record_is_distinguished_from_single_bad_records() {
    let (place, wire) = (Place::new(), Wire::start());
    takes_only(&wire, |_| false);
    let ran = on_four(&place, &wire, &documents(3), &["-c", "c", "-t", "jsonl", "--batch-size", "1"]);
    assert_eq!((ran.code, ran.count("errors")), (4, 3), "{}", ran.stderr);
    ran.prints("the server refused every request");
    assert_eq!(json!(ran.count("unsent")), json!(0));
}
