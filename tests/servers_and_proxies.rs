//! What stands at an address or before it: a server of another kind, a proxy, a limit of memory, a gateway that does not
//! unpack bodies.

use crate::support::{Place, Ran, ran, start};
use crate::wire::kuzzle::{actions, into_kuzzle, lists, refused};
use crate::wire::{Reply, Request, Wire, bulk, created, documents, import};
use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Accepts what is sent in bodies of at most `max` bytes.
fn with_breaker(wire: &Wire, max: usize) {
    wire.standing("POST", "_bulk", move |request: &Request| match request.body.len() > max {
        true => Reply::refused(
            429,
            "circuit_breaking_exception",
            "[parent] Data too large, data for [<http_request>] would be [900000000/858mb], which is larger than the limit",
        ),
        false => Reply::bulk(request, &vec![created(); request.actions().len()]),
    });
}

/// Documents of a kilobyte.
fn large_documents(count: usize) -> String {
    (0..count).map(|n| format!("{{\"_key\":\"{n}\",\"pad\":\"{}\"}}\n", "x".repeat(1000))).collect()
}

#[test]
fn a_server_without_memory_for_a_request_gets_smaller_ones() {
    let (place, wire) = (Place::new(), Wire::start());
    with_breaker(&wire, 200_000);
    let started = Instant::now();
    let ran = import(&place, &wire, &large_documents(1500), &["--batch-size", "500", "--retries", "2"]);
    ran.expect(0, [1500, 0, 0, 0]);
    assert!(started.elapsed() < Duration::from_secs(10), "nothing is waited for");
    let sizes: Vec<usize> = wire.bulks().iter().map(|request| request.body.len()).collect();
    // The limit is remembered: only the parts of the first batch are halved.
    assert!(sizes.iter().filter(|size| **size > 200_000).count() <= 3, "{sizes:?}");
}

#[test]
fn a_server_without_memory_even_for_a_small_request_is_waited_for() {
    let (place, wire) = (Place::new(), Wire::start());
    let breaker = || Reply::refused(429, "circuit_breaking_exception", "[parent] Data too large");
    wire.expect(bulk().reply(breaker())).expect(bulk().reply(breaker())).bulk(&[created(), created()]);
    import(&place, &wire, &documents(2), &["--retries", "3"]).expect(0, [2, 0, 0, 0]);
    wire.done();
}

#[test]
fn kuzzle_without_memory_for_a_request_gets_smaller_ones() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("POST", "_bulk", move |request: &Request| match request.body.len() > 200_000 {
        true => {
            refused(500, "services.storage.unexpected_error", "circuit_breaking_exception: [parent] Data too large")
        }
        false => lists(request, &vec![created(); actions(request).len()]),
    });
    let ran = into_kuzzle(&place, &wire, &large_documents(400), &["--retries", "2"]);
    ran.expect(0, [400, 0, 0, 0]);
}

#[test]
fn a_server_that_does_not_unpack_bodies_gets_plain_ones_from_then_on() {
    for jobs in ["1", "4"] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("POST", "_bulk", |request: &Request| match request.header("content-encoding") {
            Some(_) => Reply::text(415, "unsupported"),
            None => Reply::bulk(request, &vec![created(); request.actions().len()]),
        });
        place.file("in", documents(40));
        let words =
            ["--to", &wire.to(), "-c", "c", "-t", "jsonl", "--batch-size", "5", "-j", jobs, "--compress-transfer"];
        let ran = place.run(&[&words[..], &["gzip", "in"]].concat());
        ran.expect(0, [40, 0, 0, 0]);
        ran.prints("note: the server refuses compressed bodies (HTTP 415), so they were sent as they are");
        assert_eq!(ran.stderr.matches("HTTP 415").count(), 1, "{}", ran.stderr);
        assert!(
            ran.summary["notes"]
                .as_array()
                .is_some_and(|notes| notes.iter().any(|note| note["type"] == "plain_bodies"))
        );
        let packed = wire.bulks().iter().filter(|request| request.header("content-encoding").is_some()).count();
        let lanes: usize = jobs.parse().expect("a number");
        assert!((1..=lanes).contains(&packed), "{packed} compressed requests");
    }
}

/// Runs an import into a server and asserts that it ends within a second, with code 4.
fn refused_at_once(to: &str, variables: &[(&str, &str)]) -> Ran {
    let place = Place::new();
    place.file("in", documents(2));
    let mut command = place.command(&["--to", to, "-c", "c", "-t", "jsonl", "in"]);
    command.envs(variables.iter().copied());
    let started = Instant::now();
    let ran = ran(start(&mut command), b"");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?} for {to}", started.elapsed());
    ran
}

#[test]
fn another_server_than_the_address_says_is_named_at_once() {
    let cluster = Wire::start();
    for path in ["/_healthcheck", "/_db/shop/_api/version"] {
        cluster.standing("GET", path, |_| Reply::refused(400, "illegal_argument_exception", "no handler found"));
    }
    refused_at_once(&format!("kuzzle+http://{}/i", cluster.address()), &[]).prints("not an answer of Kuzzle\n").prints(
        "hint: this is Elasticsearch or OpenSearch: write `elasticsearch+http://HOST:9200`, and the index with",
    );
    cluster.standing("GET", "/_api/version", |_| Reply::refused(400, "illegal_argument_exception", "no handler found"));
    refused_at_once(&format!("arangodb+http://{}", cluster.address()), &[])
        .prints("not an answer of ArangoDB\nhint: this is Elasticsearch or OpenSearch");
    for (body, status) in [("<!doctype html><title>Shop</title>", 200), ("{\"hello\":\"world\"}", 200), ("ok", 200)] {
        let web = Wire::start();
        let body = body.to_owned();
        for method in ["GET", "POST"] {
            let body = body.clone();
            web.standing(method, "*", move |_| Reply::text(status, &body));
        }
        let page = body.clone();
        web.standing("GET", "/", move |_| Reply::text(status, &page));
        let ran = refused_at_once(&web.to(), &[]);
        ran.prints("not an answer of Elasticsearch or OpenSearch");
        assert!(!ran.stderr.contains("hint: write `elasticsearch+http://`"), "{}", ran.stderr);
    }
}

#[test]
fn a_server_without_a_front_page_is_believed() {
    for (status, body) in [(404, ""), (403, "{\"message\":\"no\"}"), (200, "")] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/", move |_| Reply::text(status, body));
        wire.bulk(&[created()]);
        import(&place, &wire, &documents(1), &[]).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn what_is_not_http_is_named_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = format!("es+http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
            held.push(stream);
        }
    });
    refused_at_once(&to, &[]).prints("the answer is not HTTP; nothing was sent");
}

#[test]
fn a_proxy_that_is_in_the_way_is_named() {
    let wire = Wire::start();
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").to_string()
    };
    let proxy = format!("http://me:secret-of-proxy@{dead}");
    for (variable, scheme) in [("HTTP_PROXY", "http"), ("ALL_PROXY", "http"), ("HTTPS_PROXY", "https")] {
        let to = format!("es+{scheme}://{}", wire.address());
        let ran = refused_at_once(&to, &[(variable, &proxy), ("NO_PROXY", "")]);
        ran.prints(&format!("through the proxy {variable}=http://***@{dead}: ")).prints("Connection refused");
        ran.prints("hint: `NO_PROXY=127.0.0.1` goes past the proxy");
        assert!(!ran.stderr.contains("secret-of-proxy"), "{}", ran.stderr);
    }
    // Without a proxy in the way none is named, and the hint works.
    let place = Place::new();
    place.file("in", documents(1));
    wire.bulk(&[created()]);
    let mut command = place.command(&["--to", &wire.to(), "-c", "c", "-t", "jsonl", "in"]);
    command.envs([("HTTP_PROXY", proxy.as_str()), ("NO_PROXY", "127.0.0.1")]);
    let ran = ran(start(&mut command), b"");
    assert!(ran.code == 0 && !ran.stderr.contains("proxy"), "{}", ran.stderr);
}

#[test]
fn a_proxy_that_refuses_is_named_too() {
    let proxy = Wire::start();
    proxy.standing("GET", "*", |_| Reply::html(407, "Proxy Authentication Required"));
    proxy.standing("GET", "/", |_| Reply::html(407, "Proxy Authentication Required"));
    proxy.standing("POST", "_bulk", |_| Reply::html(407, "Proxy Authentication Required"));
    let url = format!("http://{}", proxy.address());
    let ran = refused_at_once("es+http://es.example:9200", &[("http_proxy", &url), ("NO_PROXY", "")]);
    ran.prints(&format!("through the proxy http_proxy={url}"));
    proxy.forgive();
}
