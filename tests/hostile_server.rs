//! What servers send that no server should: answers that contradict themselves and answers without end. Nothing of it is
//! counted as stored, and none of it fills the memory.

use crate::support::{Place, Ran, ran, start};
use crate::wire::{Reply, Request, Wire, documents, words};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Few tries, because what is attacked stays so.
const IMPATIENT: [&str; 6] = ["--retries", "1", "--retry-max-time", "2s", "--timeout", "5s"];

/// The targets, and the requests with actions to each.
const TARGETS: [(&str, &str); 3] =
    [("elasticsearch", "/c/_bulk"), ("arangodb", "/_db/shop/_api/import"), ("kuzzle", "/i/c/_bulk")];

fn address(wire: &Wire, target: &str) -> String {
    match target {
        "elasticsearch" => wire.to(),
        "arangodb" => wire.to_arangodb(),
        _ => wire.to_kuzzle(),
    }
}

/// Imports three documents into a server that answers each request with actions like this.
fn attacked(target: &str, arguments: &[&str], reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Ran {
    let (place, wire) = (Place::new(), Wire::start());
    let path = TARGETS.iter().find(|(name, _)| *name == target).expect("a target").1;
    wire.standing("POST", path, reply);
    place.file("in", documents(3));
    let to = address(&wire, target);
    let ran =
        place.run(&[&["--to", &to, "-c", "c", "-t", "jsonl", "-j", "1"], &IMPATIENT[..], arguments, &["in"]].concat());
    wire.forgive();
    ran
}

fn as_json(body: String) -> Reply {
    Reply::bytes(200, body.into_bytes())
}

/// Asserts that nothing counts as stored, and that nobody says so by exit code 0.
#[track_caller]
fn is_lost(what: &str, ran: &Ran) {
    assert_eq!((ran.count("created"), ran.count("unknown")), (0, 3), "{what}\n{}", ran.stderr);
    assert_eq!(ran.code, 4, "{what}\n{}", ran.stderr);
}

#[test]
fn an_item_with_a_duplicate_field_is_not_believed() {
    let item = |id: u32| format!(r#"{{"create":{{"_id":"{id}","result":"created","status":201}}}}"#);
    let body = move |change: &dyn Fn(String) -> String| {
        let items = (1..=3).map(|id| change(item(id))).collect::<Vec<_>>().join(",");
        format!(r#"{{"took":1,"errors":false,"items":[{items}]}}"#)
    };
    let plain = body(&|item| item);
    attacked("elasticsearch", &[], move |_| as_json(plain.clone())).expect(0, [3, 0, 0, 0]);
    for (from, to) in [
        (r#""_id""#, r#""_id":"z","_id""#),
        (r#""status""#, r#""status":500,"status""#),
        (r#""status""#, r#""status":0,"status""#),
        (r#""result""#, r#""result":"noop","result""#),
        (r#"{"create":{"#, r#"{"create":{"status":500,"error":"no"},"create":{"#),
        (r#"{"create":{"#, r#"{"index":{"status":500,"error":"no"},"create":{"#),
    ] {
        for arguments in [&[][..], &["--results", "results"]] {
            let text = body(&|item| item.replacen(from, to, 1));
            let ran = attacked("elasticsearch", arguments, move |_| as_json(text.clone()));
            is_lost(&format!("{to} {arguments:?}"), &ran);
        }
    }
}

#[test]
fn an_answer_of_the_bulk_api_that_contradicts_itself_is_not_believed() {
    let item = |id: u32, more: &str| {
        json!({"create": {"_id": id.to_string(), "result": "created", "status": 201}}).to_string().replacen(
            "\"_id\"",
            &format!("{more}\"_id\""),
            1,
        )
    };
    let items = |more: &str| (1..=3).map(|id| item(id, more)).collect::<Vec<_>>().join(",");
    let error = r#""error":{"type":"t","reason":"not stored"},"#;
    let (plain, failed) = (items(""), items(error));
    for text in [
        format!(r#"{{"errors":false,"items":[{failed}]}}"#),
        format!(r#"{{"errors":true,"items":[{plain}]}}"#),
        format!(r#"{{"errors":false,"status":500,"items":[{plain}]}}"#),
        format!(r#"{{"errors":false,{error}"items":[{plain}]}}"#),
        format!(r#"{{"errors":false,"items":[{plain}],"items":[{plain}]}}"#),
        format!(r#"{{"errors":false,"items":[{plain},{plain}]}}"#),
    ] {
        for arguments in [&[][..], &["--results", "results"]] {
            let body = text.clone();
            is_lost(&text, &attacked("elasticsearch", arguments, move |_| as_json(body.clone())));
        }
    }
}

#[test]
fn an_answer_of_kuzzle_that_contradicts_itself_is_not_believed() {
    let success = |id: &str| json!({"create": {"_id": id, "status": 201}});
    let failed =
        |id: &str| json!({"create": {"_id": id, "status": 201, "error": {"type": "t", "reason": "not stored"}}});
    let envelope = |status: u16, error: Value, successes: Vec<Value>| {
        json!({"requestId": "q", "volatile": null, "status": status, "error": error,
            "result": {"successes": successes, "errors": []}})
    };
    let (good, bad) = (["1", "2", "3"].map(success).to_vec(), ["1", "2", "3"].map(failed).to_vec());
    let error = json!({"id": "services.storage.unexpected_error", "message": "no", "status": 500});
    let plain = envelope(200, Value::Null, good.clone());
    attacked("kuzzle", &[], move |_| Reply::json(200, plain.clone())).expect(0, [3, 0, 0, 0]);
    for body in [
        envelope(200, Value::Null, bad),
        envelope(500, Value::Null, good.clone()),
        envelope(200, error.clone(), good.clone()),
        json!({"requestId": "q", "volatile": null, "status": 200, "error": error, "result": {"items": good}}),
    ] {
        let what = body.to_string();
        is_lost(&what, &attacked("kuzzle", &[], move |_| Reply::json(200, body.clone())));
    }
    let text = r#"{"requestId":"q","status":200,"error":null,"result":{"successes":[
        {"create":{"_id":"1","status":500,"status":201}},{"create":{"_id":"2","status":201}},{"create":{"_id":"3","status":201}}],"errors":[]}}"#;
    is_lost("a duplicate status", &attacked("kuzzle", &[], move |_| as_json(text.to_owned())));
}

#[test]
fn an_answer_of_arangodb_that_contradicts_itself_is_not_believed() {
    let counts =
        json!({"error": false, "created": 3, "errors": 0, "empty": 0, "updated": 0, "ignored": 0, "details": []});
    let plain = counts.clone();
    attacked("arangodb", &[], move |_| Reply::json(201, plain.clone())).expect(0, [3, 0, 0, 0]);
    for (field, value) in [("code", json!(500)), ("error", json!(true)), ("errorNum", json!(4))] {
        let mut body = counts.clone();
        body[field] = value;
        is_lost(field, &attacked("arangodb", &[], move |_| Reply::json(201, body.clone())));
    }
    let twice = counts.to_string().replacen("\"created\"", "\"created\":0,\"created\"", 1);
    is_lost("a duplicate count", &attacked("arangodb", &[], move |_| as_json(twice.clone())));
}

/// What a server may fill an answer of 16 MB with.
fn endless(what: &str) -> Vec<u8> {
    let (begin, element, end) = match what {
        "empty objects" => ("{\"items\":[", "{},", "{}]}"),
        "items" => ("{\"items\":[", "{\"create\":{\"_id\":\"a\",\"status\":201,\"result\":\"created\"}},", "{}]}"),
        _ => ("{\"error\":\"", "zzzzzzzz", "\"}"),
    };
    [begin, &element.repeat((16 << 20) / element.len()), end].concat().into_bytes()
}

/// The largest amount of memory that a running program has had so far, until it ends; in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(pid: u32) -> usize {
    let status = PathBuf::from(format!("/proc/{pid}/status"));
    let mut peak = 0;
    while let Ok(text) = std::fs::read_to_string(&status) {
        let Some(line) = text.lines().find(|line| line.starts_with("VmHWM:")) else { break };
        let number: usize = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
        peak = number << 10;
        std::thread::yield_now();
    }
    peak
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_without_end_takes_little_memory() {
    let questions: [(&str, &str, &str); 9] = [
        ("elasticsearch", "GET", "/"),
        ("elasticsearch", "GET", "/c"),
        ("elasticsearch", "GET", "/_tasks"),
        ("elasticsearch", "POST", "/c/_bulk"),
        ("arangodb", "GET", "/_db/shop/_api/version"),
        ("arangodb", "POST", "/_db/shop/_api/import"),
        ("kuzzle", "GET", "/_healthcheck"),
        ("kuzzle", "GET", "/i/c/_exists"),
        ("kuzzle", "POST", "/i/c/_bulk"),
    ];
    for what in ["empty objects", "items", "text"] {
        let body = endless(what);
        for (target, method, path) in questions {
            let (place, wire) = (Place::new(), Wire::start());
            let reply = Reply::bytes(200, body.clone());
            if path == "/_tasks" {
                wire.standing("POST", "_bulk", |_| Reply::json(200, json!({})));
            }
            wire.standing(method, path, move |_| reply.clone());
            place.file("in", documents(3));
            let to = address(&wire, target);
            let command = [&words(&to, &[])[..], &IMPATIENT].concat();
            let child = start(place.command(&command).args(["--summary", "json"]));
            let pid = child.id();
            let watch = std::thread::spawn(move || peak_memory(pid));
            let ran = ran(child, b"");
            let peak = watch.join().expect("a number");
            wire.forgive();
            assert_eq!(ran.code, 4, "{what} at {method} {path} of {target}: {}", ran.stderr);
            assert!(peak < 100 << 20, "{what} at {method} {path} of {target}: {} MiB", peak >> 20);
        }
    }
}
