//! Runs the vectors of Kuzzle's `_bulk` and `_login`: answers that name each action come from a real Kuzzle, end to end, and
//! are played to the program as well, whose request must then be the vector's; answers that refuse a whole request are
//! played, and their actions sent to the real server too, where we must do better and lose none but the bad one.
//!
//! The vectors are not part of the repository; `BULKIMPORT_TEST_VECTORS` names their directory. `BULKIMPORT_TEST_KUZZLE` and
//! its `_USER` and `_PASSWORD` name the server. The index `idx` is made there, and its collections `col` and `other` made anew.

#[allow(dead_code, reason = "the other test binaries use all of it")]
mod http;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod support;
#[allow(dead_code, unused_imports, reason = "the other test binaries use all of it")]
mod wire;

#[path = "kuzzle/vector.rs"]
mod vector;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::Place;
use vector::{Case, Real, agrees};
use wire::kuzzle::into_kuzzle;
use wire::{Wire, bulk, created};

/// Cases that do not run, and why.
const NOT_RUN: &[(&str, &str)] = &[];

/// How many those are. A longer list is a decision, not an accident.
const NOT_RUN_LENGTH: usize = 0;

/// How many vectors are on `_bulk` and `_login`. At least 95 of 100 must run.
const VECTORS: usize = 64;

/// Where we do other than the vector's client on purpose: what is created, errors, and a part of the reason.
const OURS: &[(&str, u64, u64, &str)] = &[
    ("import-forces-own-index-drops-type", 0, 1, "\"_index\" and --collection differ"),
    ("import-strict-partial-400", 1, 1, "duplicate key \"dup\""),
    ("import-strict-equals-false-is-still-strict-over-http", 0, 1, "duplicate key \"dup\""),
    ("import-empty-bulkData", 0, 0, ""),
    ("import-unknown-action-refuses-all", 0, 1, "unknown action \"upsert\""),
    ("import-unknown-metadata-refuses-all", 1, 1, "\"bogus\" in an action line is not supported"),
    ("import-update-without-doc-refuses-all", 1, 1, "missing field \"doc\" in an update"),
    ("quirk-source-whose-first-key-is-an-action-name-scalar", 1, 0, ""),
    ("quirk-source-whose-first-key-is-an-action-name-object", 1, 0, ""),
    ("quirk-null-action-500", 0, 1, "the metadata of the action is null"),
    ("quirk-field-named-script-nested-400", 0, 1, "a field \"script\""),
    ("quirk-field-named-script-null-500", 0, 1, "a field \"script\""),
];

/// What is stored then, where that is not what the vector says.
const STORED: &[(&str, &str, &str)] = &[
    ("quirk-source-whose-first-key-is-an-action-name-object", "s1", r#"{"v":1,"index":{"name":"n"}}"#),
    ("quirk-source-whose-first-key-is-an-action-name-scalar", "s2", r#"{"v":1,"index":5}"#),
    ("import-update-without-doc-refuses-all", "u5", r#"{"a":1}"#),
    ("import-unknown-metadata-refuses-all", "m1", r#"{"a":1}"#),
];

fn cases() -> Vec<Case> {
    let directory =
        std::env::var("BULKIMPORT_TEST_VECTORS").expect("BULKIMPORT_TEST_VECTORS names the vectors' directory");
    let text = std::fs::read_to_string(format!("{directory}/kuzzle.jsonl")).expect("kuzzle.jsonl");
    let all = text.lines().map(|line| Case::new(serde_json::from_str(line).expect("a vector is JSON")));
    all.filter(|case| case.path().ends_with("/_bulk") || case.path().starts_with("/_login")).collect()
}

#[test]
fn the_list_of_vectors_that_do_not_run_is_as_long_as_agreed() {
    let cases = cases();
    assert_eq!((NOT_RUN.len(), cases.len()), (NOT_RUN_LENGTH, VECTORS));
    assert!(NOT_RUN_LENGTH * 100 <= VECTORS * 5);
    for name in OURS.iter().map(|ours| ours.0).chain(STORED.iter().map(|stored| stored.0)) {
        assert!(cases.iter().any(|case| case.name == name), "{name} is no case");
    }
}

#[test]
fn every_answer_means_what_the_vector_expects() {
    let mut played = 0;
    for case in cases().iter().filter(|case| NOT_RUN.iter().all(|(name, _)| *name != case.name)) {
        println!("{}", case.name);
        match case.lists() {
            _ if case.path().starts_with("/_login") => a_login(case),
            Some(_) if case.repeats_a_key() => continue,
            Some(_) => lists(case),
            None => refusal(case),
        }
        played += 1;
    }
    // Two actions on one key are never in one request.
    assert_eq!(played, VECTORS - NOT_RUN_LENGTH - 4);
}

/// Plays an answer with two lists, and compares our request with the vector's.
fn lists(case: &Case) {
    if OURS.iter().any(|(name, ..)| *name == case.name) {
        return played_alone(case);
    }
    let (place, wire) = (Place::new(), Wire::start());
    let (reply, sent) = (case.reply(), case.elements());
    wire.expect(bulk().reply(reply).check(move |request| {
        let ours = vector::lossy(request.text())["bulkData"].clone();
        assert!(agrees(&sent, &ours), "the vector: {sent}\nours: {ours}");
    }));
    let ran = into_kuzzle(&place, &wire, &case.lines(true), &["-t", "bulk", "--lossy"]);
    for (counted, expected) in case.counts() {
        assert_eq!(ran.count(counted), expected, "{}: {counted}: {}", case.name, ran.stderr);
    }
    wire.done();
}

/// Plays an answer to a record of which it is said that it was created.
fn played_alone(case: &Case) {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(case.reply()));
    let (op, id) = case.first_success();
    let line = format!("{{\"{op}\":{{\"_id\":\"{id}\"}}}}\n{{\"n\":1}}\n");
    into_kuzzle(&place, &wire, &line, &["-t", "bulk"]).expect(0, [1, 0, 0, 0]);
}

/// Plays a refusal of a whole request to an import of one document.
fn refusal(case: &Case) {
    let (place, wire) = (Place::new(), Wire::start());
    let reply = case.reply();
    let document = "{\"_key\":\"x\",\"n\":1}\n";
    if case.name.starts_with("v1-") && case.status() < 300 {
        return of_kuzzle_1(case);
    }
    let status = case.status();
    let tries = if status == 500 { 3 } else { 1 };
    for _ in 0..tries {
        wire.expect(bulk().reply(reply.clone()));
    }
    if status == 500 {
        // It is looked whether it is stored all the same.
        wire.standing("POST", "/i/c/_mGet", |request| wire::kuzzle::found(request, &[]));
    }
    let ran = into_kuzzle(&place, &wire, document, &[]);
    let words = match status {
        413 => "too large for Kuzzle".to_owned(),
        // What is to be done goes on behind it.
        _ => case.message().trim_end_matches(['.', ' ']).chars().take(40).collect(),
    };
    ran.prints(&words);
    match status {
        400 | 413 | 500 => ran.expect(1, [0, 1, 0, 0]),
        200 => ran.expect(0, [1, 0, 0, 0]),
        _ => ran.expect(4, [0, 0, 0, 0]),
    };
    wire.done();
}

/// Kuzzle 1 says 206, and beside its error what was done.
fn of_kuzzle_1(case: &Case) {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(case.reply()));
    // Its route for all collections has a path that we do not ask, and the same answer.
    let lines = case.lines(true).replace("\"_index\":\"idx\",\"_type\":\"col\"", "").replace(",}", "}");
    let ran = into_kuzzle(&place, &wire, &lines, &["-t", "bulk", "--retries", "0"]);
    match case.name.as_str() {
        "v1-global-route" => ran.expect(0, [1, 0, 0, 0]),
        "v1-partial-206" => ran.expect(1, [1, 1, 0, 0]).prints("duplicate key \"dup\""),
        // The vector leaves out which failed: then it is none that we take for success.
        _ => ran.expect(4, [0, 0, 0, 0]).prints("accounts for 0 of 1 actions"),
    };
    wire.done();
}

/// A login is the vector's request, and its token goes with the next ones.
fn a_login(case: &Case) {
    let (place, wire) = (Place::new(), Wire::start());
    let (body, reply) = (case.body(), case.reply());
    let token = case.instance()["result"]["jwt"].as_str().expect("a token").to_owned();
    wire.expect(wire::ask("POST", "/_login/local").reply(reply).check(move |request| assert_eq!(request.json(), body)));
    wire.expect(bulk().has("authorization", format!("Bearer {token}")).lists(&[created()]));
    let who = format!(
        "{}:{}",
        case.body()["username"].as_str().expect("a name"),
        case.body()["password"].as_str().expect("one")
    );
    into_kuzzle(&place, &wire, "{\"_key\":\"x\"}\n", &["-u", &who]).expect(0, [1, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_real_kuzzle_does_through_us_what_the_vectors_expect() {
    let real = Real::ready("col");
    let (mut wrong, mut runs) = (Vec::new(), 0);
    for case in cases().iter().filter(|case| case.runs_live()) {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live(&real, case)));
        if let Err(why) = done {
            wrong.push(format!("{}: {}", case.name, wire::panic_text(&*why)));
        }
        runs += 1;
    }
    assert!(wrong.is_empty(), "{} of {runs}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(runs, 39);
}

/// Sends a vector's actions to the real server.
fn live(real: &Real, case: &Case) {
    real.set_up(case);
    let place = Place::new();
    place.file("in", case.lines(false));
    let mut words =
        vec!["-t", "bulk", "--lossy", "-j", "1", "--results", "results", "--details", "--max-record-bytes", "8MiB"];
    words.extend(["--compress-transfer", if case.is_gzip() { "gzip" } else { "none" }]);
    // Kuzzle takes any word for this one; the others are ours to take.
    let refresh = case.parameter("refresh").map(|word| if word == "true" { "wait_for".to_owned() } else { word });
    words.extend(refresh.iter().flat_map(|word| ["--refresh", word]));
    let ran = real.import(&place, &[&words[..], &["in"]].concat());
    let ours = OURS.iter().find(|(name, ..)| *name == case.name);
    match ours {
        Some((_, created, errors, reason)) => {
            ran.expect(i32::from(*errors > 0), [*created, *errors, 0, 0]).prints(reason);
        }
        None => {
            let results = std::fs::read_to_string(place.path("results")).expect("results");
            let mut entries: BTreeMap<(String, bool), Vec<Value>> = BTreeMap::new();
            for result in results.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
                let entry = json!({"op": result["op"], "_id": result["id"], "status": result["status"], "error": result["error"]});
                let failed = result["status"].as_u64().is_some_and(|status| status >= 400);
                entries.entry((entry["op"].as_str().expect("an action").to_owned(), failed)).or_default().push(entry);
            }
            for (op, failed, expected) in case.entries() {
                let same = entries.entry((op.clone(), failed)).or_default();
                let place = same.iter().position(|entry| agrees(&expected, entry));
                let place =
                    place.unwrap_or_else(|| panic!("no entry like {op} {expected} in {same:?}: {}", ran.stderr));
                same.remove(place);
            }
            assert!(entries.values().all(Vec::is_empty), "more than expected: {entries:?}");
        }
    }
    let other = STORED.iter().filter(|(name, ..)| *name == case.name);
    let other: Vec<(String, Value)> =
        other.map(|(_, id, source)| ((*id).to_owned(), serde_json::from_str(source).expect("JSON"))).collect();
    if ours.is_none() || !other.is_empty() {
        real.holds(case, &other);
    }
}

#[test]
fn who_may_not_import_is_refused_by_the_real_kuzzle() {
    let real = Real::ready("other");
    let place = Place::new();
    place.file("in", "{\"_key\":\"x\",\"a\":1}\n");
    place.file("forged", "kauth-forged");
    let (bearer, basic) = (["--bearer-file", "forged"], ["-H", "Authorization: Basic dmVjdG9yczpuby1zZWNyZXQ="]);
    let who = "kuid-2:vectors-for-tests";
    let cases: [(&[&str], &str, &str); 5] = [
        (&[], "idx", "security.rights.unauthorized"),
        (&bearer, "idx", "security.token.invalid"),
        (&basic, "idx", "security.rights.unauthorized"),
        (&["-u", who], "idx", "security.rights.forbidden"),
        (&["-u", who], "nope", "security.rights.forbidden"),
    ];
    for (words, index, said) in cases {
        real.collection(&json!({}));
        let to = real.to(index);
        let ran = place.run(&[&["--to", &to, "-c", "other", "-t", "jsonl"], words, &["in"]].concat());
        assert_eq!(ran.code, 4, "{words:?}: {}", ran.stderr);
        ran.prints(said);
    }
    // A size that just passes, and one byte more.
    let room = r#"{"bulkData":[{"create":{"_id":"big"}},{"a":""}]}"#.len();
    for (size, code, created) in [(1_048_576, 0, 1), (1_048_577, 1, 0)] {
        real.collection(&json!({}));
        place.file("in", format!("{{\"_key\":\"big\",\"a\":\"{}\"}}\n", "x".repeat(size - room)));
        let ran = real.import(&place, &["-t", "jsonl", "--compress-transfer", "none", "in"]);
        ran.expect(code, [created, 1 - created, 0, 0]);
    }
}
