//! `--wait`: a server that starts at the same time as the import, or later, and what is not waited for.

use crate::live::Live;
use crate::support::{Place, Ran};
use crate::wire::{Reply, Wire, created, documents, kuzzle, nobody};
use serde_json::json;
use std::net::TcpListener;

const SUMMARY: &str = "waiting: cannot connect to http://";

fn start(place: &Place, to: &str, arguments: &[&str]) -> Live {
    place.file("in.jsonl", documents(2));
    Live::start(place, &[&["--to", to, "-c", "c", "-j", "1"], arguments, &["in.jsonl"]].concat())
}

fn run(place: &Place, to: &str, arguments: &[&str]) -> Ran {
    place.file("in.jsonl", documents(2));
    place.run(&[&["--to", to, "-c", "c", "-j", "1"], arguments, &["in.jsonl"]].concat())
}

#[test]
fn a_server_that_starts_later_is_waited_for() {
    let (place, address) = (Place::new(), nobody());
    let mut live = start(&place, &format!("es+http://{address}"), &["--wait", "100s"]);
    live.hear(SUMMARY);
    let wire = Wire::start_at(&address);
    wire.bulk(&[created(), created()]);
    live.end().expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_name_that_is_not_known_yet_is_waited_for() {
    let place = Place::new();
    let mut live = start(&place, "es+http://no-such-service.invalid:9200", &["--wait", "100s"]);
    live.hear("waiting: cannot connect to http://no-such-service.invalid:9200: ");
    live.signal("TERM");
    let ran = live.end();
    assert_eq!(ran.code, 143, "{}", ran.stderr);
}

#[test]
fn one_of_the_nodes_is_enough() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), created()]);
    let ran = run(&place, &format!("es+http://{}", nobody()), &["--to", &wire.to(), "--wait", "100s"]);
    ran.expect(0, [2, 0, 0, 0]);
    assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
}

/// A gateway before a server that is starting, and servers that are not ready.
#[test]
fn an_answer_of_500_and_above_is_waited_for() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(crate::wire::ask("GET", "/").reply_with(|_| Reply::text(502, "no upstream")));
    wire.expect(crate::wire::ask("GET", "/").reply_with(|_| Reply::text(500, "starting")));
    wire.expect(crate::wire::ask("GET", "/").reply_with(|_| Reply::text(503, "starting")));
    wire.bulk(&[created(), created()]);
    let ran = run(&place, &wire.to(), &["--wait", "100s"]);
    ran.expect(0, [2, 0, 0, 0]);
    ran.prints("waiting: HTTP 502 from http://");
}

#[test]
fn kuzzle_and_arangodb_are_waited_for_too() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(
        crate::wire::ask("GET", "/_healthcheck")
            .reply_with(|_| kuzzle::refused(503, "api.process.not_enough_nodes", "Kuzzle is not ready")),
    );
    wire.standing("POST", "/shop/c/_bulk", |_| Reply::text(403, "enough"));
    run(&place, &format!("kuzzle+http://{}/shop", wire.address()), &["--wait", "100s"]).prints("waiting: HTTP 503");
    wire.forgive();
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(crate::wire::ask("GET", "/_db/shop/_api/version").reply_with(|_| Reply::text(503, "starting up")));
    run(&place, &wire.to_arangodb(), &["--wait", "100s"]).prints("waiting: HTTP 503");
    wire.forgive();
}

/// A gateway that accepts connections and closes them, as long as nothing is behind it.
#[test]
fn a_connection_that_is_closed_is_waited_for() {
    for scheme in ["http", "https"] {
        let place = Place::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(drop));
        let mut live = start(&place, &format!("es+{scheme}://{address}"), &["--wait", "100s"]);
        live.hear("waiting: ");
        live.signal("TERM");
        assert_eq!(live.end().code, 143, "{scheme}");
    }
}

#[test]
fn what_cannot_get_better_ends_at_once() {
    for (status, said) in [(401, "security_exception"), (403, "forbidden")] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/", move |_| Reply::refused(status, "security_exception", "no"));
        wire.standing("POST", "_bulk", move |_| Reply::refused(status, "security_exception", "no"));
        let ran = run(&place, &wire.to(), &["--wait", "100s"]);
        assert_eq!(ran.code, 4, "{said}: {}", ran.stderr);
        assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
        wire.forgive();
    }
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/", |_| Reply::json(200, json!({"couchdb": "Welcome"})));
    let ran = run(&place, &format!("http://{}", wire.address()), &["--wait", "100s"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("not an answer of Elasticsearch or OpenSearch");
}

#[test]
fn the_wait_has_an_end() {
    let (place, address) = (Place::new(), nobody());
    let ran = run(&place, &format!("es+http://{address}"), &["--wait", "50ms"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints(&format!("error: --wait 50ms: cannot connect to http://{address}: "));
    ran.prints("; nothing was sent");
}

#[test]
fn a_store_is_not_waited_for() {
    let place = Place::new();
    let ran = run(&place, "shop.db", &["--wait", "5s"]);
    assert_eq!(ran.code, 2);
    ran.prints("--wait is not supported for a store\nhint: ");
    place.file("in.jsonl", documents(2));
    let mut command = place.command(&["-c", "c", "--summary", "json", "in.jsonl"]);
    let child = crate::support::start(command.env("BULKIMPORT_WAIT", "5s"));
    crate::support::ran(child, b"").expect(0, [2, 0, 0, 0]);
}
