//! Signals while a server is written to: what is under way is settled, nothing is waited for, and what was
//! changed on the server is put back.

use crate::live::Live;
use crate::support::Place;
use crate::wire::{Gate, Item, Reply, Request, Wire, bulk, created};
use serde_json::{Value, json};

fn is_bulk(request: &Request) -> bool {
    request.path.ends_with("/_bulk")
}

fn start(place: &Place, wire: &Wire, arguments: &[&str]) -> Live {
    let to = wire.to();
    let words = [&["--to", &to, "-c", "c", "-j", "1", "--flush-interval", "10ms", "-t", "jsonl"], arguments].concat();
    Live::start(place, &words)
}

#[test]
fn a_signal_ends_the_wait_for_a_busy_server() {
    for (signal, code, name) in
        [("HUP", 129, "SIGHUP"), ("INT", 130, "SIGINT"), ("QUIT", 131, "SIGQUIT"), ("TERM", 143, "SIGTERM")]
    {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("POST", "_bulk", |_| Reply::refused(429, "rejected", "later").header("Retry-After", "60"));
        let mut live = start(&place, &wire, &["--results", "results"]);
        live.feed("{\"_key\":\"1\"}\n");
        wire.wait_for("a bulk request", |seen| seen.iter().any(is_bulk));
        live.signal(name.trim_start_matches("SIG"));
        let ran = live.end();
        assert_eq!((ran.code, ran.count("unsent")), (code, 1), "{signal}: {}", ran.stderr);
        ran.prints(&format!("stopped by {name}"));
        let results = std::fs::read_to_string(place.path("results")).expect("results");
        let line: Value = serde_json::from_str(results.trim()).expect("one line");
        assert_eq!(line["counted"], "unsent");
    }
}

#[test]
fn a_request_under_way_when_the_signal_comes_is_settled_by_its_answer() {
    let (place, wire, gate) = (Place::new(), Wire::start(), Gate::default());
    let items: &[Item] = &[created()];
    let behind = gate.clone();
    let reply = move |request: &Request| Reply::bulk(request, &[created()]).behind(&behind);
    wire.expect(bulk().reply_with(reply));
    let mut live = start(&place, &wire, &[]);
    live.feed("{\"_key\":\"1\"}\n");
    wire.wait_for("a bulk request", |seen| seen.iter().any(is_bulk));
    live.signal("TERM");
    gate.open();
    let ran = live.end();
    assert_eq!((ran.code, ran.count("created")), (143, items.len() as u64), "{}", ran.stderr);
}

#[test]
fn what_bulk_mode_changed_is_put_back_after_a_signal() {
    for (signal, code) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("TERM", 143)] {
        puts_back_what_bulk_mode_changed(signal, code);
    }
}

#[track_caller]
fn puts_back_what_bulk_mode_changed(signal: &str, code: i32) {
    let (place, wire) = (Place::new(), Wire::start());
    let settings = json!({ "index": { "refresh_interval": "7s", "number_of_replicas": "2" } });
    let index = json!({ "c": { "aliases": {}, "mappings": { "_meta": { "mine": 1 } }, "settings": settings } });
    let (all, mapping) = (index.clone(), json!({ "c": { "mappings": index["c"]["mappings"] } }));
    let of_index = json!({ "c": { "settings": settings } });
    wire.standing("GET", "/c", move |_| Reply::json(200, all.clone()));
    wire.standing("GET", "/c/_mapping", move |_| Reply::json(200, mapping.clone()));
    wire.standing("GET", "/c/_settings", move |_| Reply::json(200, of_index.clone()));
    for path in ["/c/_mapping", "/c/_settings"] {
        wire.standing("PUT", path, |_| Reply::json(200, json!({ "acknowledged": true })));
    }
    wire.standing("POST", "/c/_refresh", |_| Reply::json(200, json!({})));
    wire.standing("POST", "_bulk", |_| Reply::refused(429, "rejected", "later").header("Retry-After", "60"));
    let mut live = start(&place, &wire, &["--bulk-mode"]);
    live.feed("{\"_key\":\"1\"}\n");
    wire.wait_for("a bulk request", |seen| seen.iter().any(is_bulk));
    live.signal(signal);
    assert_eq!(live.end().code, code);
    let put: Vec<(String, Value)> = wire
        .done()
        .iter()
        .filter(|request| request.method == "PUT")
        .map(|request| (request.path.clone(), request.json()))
        .collect();
    let before = json!({ "refresh_interval": "7s", "number_of_replicas": "2" });
    let expected = [
        ("/c/_mapping", json!({ "_meta": { "mine": 1, "bulkimport_restore": before } })),
        ("/c/_settings", json!({ "index": { "refresh_interval": "-1", "number_of_replicas": 0 } })),
        ("/c/_settings", json!({ "index": before })),
        ("/c/_mapping", json!({ "_meta": { "mine": 1 } })),
    ];
    assert_eq!(put, expected.map(|(path, body)| (path.to_owned(), body)));
}
