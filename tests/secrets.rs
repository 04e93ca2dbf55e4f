//! Secrets in outputs. Every run of the test suite that is given a password, a key, a token or a header is searched for it,
//! plain, escaped, URL-encoded and in base64, in all that it writes. The tests here have servers and proxies send secrets
//! back, in every spelling and at every place.

use crate::support::scan::{base64, spellings};
use crate::support::{Place, Ran, ran, start};
use crate::wire::{Reply, Request, Wire, arangodb, created, documents, kuzzle, words};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Passwords with characters that JSON, URLs or HTML escape.
const PASSWORDS: [&str; 6] =
    ["hunter2hunter2", "pa\"ss-w0rd", "pa\\ss-w0rd", "p\u{e4}ssw0rd-x", "pa/ss+w0rd=&%", "two  words-1"];

/// How a server may spell what it was sent.
fn answers(secret: &str) -> Vec<String> {
    let html = secret.replace('&', "&amp;").replace('"', "&quot;");
    let mut all = spellings(secret);
    all.extend([html, base64(secret), base64(&format!("me:{secret}")), base64(&format!("x{secret}y"))]);
    all
}

/// Asserts that a run shows neither a secret nor the server's spelling of it.
#[track_caller]
fn hides(ran: &Ran, place: &Place, secret: &str, spelled: &str) {
    let results = std::fs::read_to_string(place.path("results")).unwrap_or_default();
    let all = [ran.stdout.as_str(), &ran.stderr, &results].concat();
    let spellings =
        [spellings(secret), vec![base64(&format!("me:{secret}")).trim_end_matches('=').to_owned()]].concat();
    for spelling in spellings {
        assert!(!all.contains(&spelling), "{secret:?} spelled {spelled:?}: {spelling:?} is in {all}");
    }
}

#[test]
fn what_a_server_repeats_of_a_password_is_masked() {
    for password in PASSWORDS {
        let user = format!("me:{password}");
        for spelled in answers(password) {
            let error = json!({"type": format!("t {spelled}"), "reason": format!("wrong: {spelled}, {spelled}!")});
            let refusal = json!({"error": error, "status": 401});
            let item =
                |id: u32| json!({"create": {"_index": "c", "_id": id.to_string(), "status": 400, "error": error}});
            let items = json!({"errors": true, "items": [item(1), item(2), item(3)]});
            let place = Place::new();
            let wire = Wire::start();
            wire.standing("GET", "/", move |_| Reply::json(401, refusal.clone()));
            place.file("in", documents(3));
            let ran = place.run(&words(&wire.to(), &["-u", &user]));
            hides(&ran, &place, password, &spelled);
            ran.prints("***");
            let wire = Wire::start();
            wire.standing("POST", "_bulk", move |_| Reply::json(200, items.clone()));
            let ran = place.run(&words(&wire.to(), &["-u", &user, "--details"]));
            ran.expect(1, [0, 3, 0, 0]);
            hides(&ran, &place, password, &spelled);
            ran.prints("***");
        }
    }
}

#[test]
fn the_other_targets_mask_it_too() {
    for password in PASSWORDS {
        let user = format!("me:{password}");
        for spelled in answers(password) {
            let (place, wire) = (Place::new(), Wire::start());
            let text = format!("refused: {spelled}");
            wire.standing("POST", "/_db/shop/_open/auth", move |_| arangodb::error(401, 11, &text));
            let ran = arangodb::import(&place, &wire, &documents(1), &["-u", &user]);
            hides(&ran, &place, password, &spelled);
            wire.forgive();
            let (place, wire) = (Place::new(), Wire::start());
            let text = format!("refused: {spelled}");
            wire.standing("POST", "/_login/local", move |_| {
                kuzzle::refused(401, "plugin.strategy.missing_user", &text)
            });
            let ran = kuzzle::into_kuzzle(&place, &wire, &documents(1), &["-u", &user]);
            hides(&ran, &place, password, &spelled);
            wire.forgive();
        }
    }
}

#[test]
fn parts_of_headers_are_masked() {
    for (header, token) in [
        ("Authorization: Bearer TOKEN-1234567", "TOKEN-1234567"),
        ("Authorization: Basic bWU6aHVudGVyMg==", "bWU6aHVudGVyMg=="),
        ("Authorization: Basic bWU6aHVudGVyMg==", "hunter2"),
        ("Cookie: a=1; sid=SESSION-998", "SESSION-998"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/", move |_| Reply::refused(401, "security_exception", &format!("unknown {token}")));
        place.file("in", documents(1));
        let ran = place.run(&words(&wire.to(), &["-H", header]));
        assert!(!ran.stderr.contains(token) && !ran.stdout.contains(token), "{}", ran.stderr);
        ran.prints("unknown ***");
    }
}

#[test]
fn a_redirect_and_a_long_answer_that_is_cut_show_no_secret() {
    let echo = |request: &Request| request.header("authorization").unwrap_or_default().to_owned();
    for fill in [0, 80, 100, 108, 110, 115] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/", move |request| {
            Reply::text(500, &format!("{}{} hunter2hunter2", ".".repeat(fill), echo(request)))
        });
        place.file("in", documents(1));
        let ran = place.run(&words(&wire.to(), &["-u", "me:hunter2hunter2", "--retries", "0"]));
        for part in ["hunter", "bWU6aHVud"] {
            assert!(!ran.stderr.contains(part) && !ran.stdout.contains(part), "{fill}: {}", ran.stderr);
        }
        wire.forgive();
    }
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/", move |request| {
        let place = format!("http://login/{}/?back=here", echo(request).replace("Basic ", ""));
        Reply::new(302).header("Location", &place)
    });
    place.file("in", documents(1));
    let ran = place.run(&words(&wire.to(), &["-u", "me:hunter2hunter2"]));
    ran.prints("redirect to http://");
    assert!(!ran.stderr.contains("bWU6"), "{}", ran.stderr);
}

#[test]
fn what_a_proxy_repeats_of_its_own_password_is_masked() {
    let place = Place::new();
    place.file("in", documents(1));
    let proxy = Proxy::start();
    for word in ["http_proxy", "HTTP_PROXY"] {
        let to = "elasticsearch+http://server.example:9200";
        let mut command = place.command(&words(to, &[]));
        command.env(word, format!("http://pu:ProxyPass99@{}", proxy.address)).env("NO_PROXY", "");
        let ran = ran(start(command.args(["--summary", "json"])), b"");
        if word == "http_proxy" {
            ran.prints("407").prints("***");
        }
    }
}

/// Answers every request with its own credentials.
struct Proxy {
    address: String,
}

impl Proxy {
    fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                let mut head = Vec::new();
                let mut buffer = [0; 1024];
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(count) if count > 0 => head.extend(&buffer[..count]),
                        _ => break,
                    }
                }
                let own = String::from_utf8_lossy(&head).into_owned();
                let body = format!("refused: ProxyPass99, {}, {own}", base64("pu:ProxyPass99"));
                let _ = write!(stream, "HTTP/1.1 407 No\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        Proxy { address }
    }
}

#[test]
fn a_mistake_on_the_command_line_shows_no_secret() {
    for arguments in [
        &["--to", "es+http://me:hunter2hunter2@h:1:2", "in"][..],
        &["--to", "es+http://me:hunter2hunter2@h/a?b", "in"],
        &["--to", "nothing://me:hunter2hunter2@h", "in"],
        &["--user", "me:hunter2hunter2", "--nonsense", "in"],
        &["-u", ":hunter2hunter2", "--to", "es+http://127.0.0.1:1", "in"],
        &["-H", "hunter2hunter2", "in"],
    ] {
        let place = Place::new();
        place.file("in", documents(1));
        let ran = place.import(arguments);
        assert!(!ran.stderr.contains("hunter2") && !ran.stdout.contains("hunter2"), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_login_is_not_sent_to_a_node_without_encryption_beside_an_encrypted_one() {
    for login in [&["-u", "me:hunter2hunter2"][..], &["-H", "Authorization: Bearer TOKEN-1234567"]] {
        for more in [&[][..], &["--insecure"]] {
            let (place, wire) = (Place::new(), Wire::start());
            place.file("in", documents(1));
            let to = wire.to();
            let other = ["--to", "elasticsearch+https://127.0.0.1:1", "--to", &to, "-c", "c", "-t", "jsonl"];
            let ran = place.run(&[&other, login, more, &["in"]].concat());
            assert_eq!(ran.code, 2, "{}", ran.stderr);
            ran.prints("--to: with https and http, the login would also be sent without encryption");
            assert!(wire.done().is_empty());
        }
    }
}

#[test]
fn documents_are_not_masked() {
    let (place, wire) = (Place::new(), Wire::start());
    place.file("in", "{\"_key\":\"hunter2hunter2\",\"n\":\"hunter2hunter2\"}\n");
    wire.bulk(&[created()]);
    let ran = place.run(&["--to", &wire.to(), "-c", "c", "-t", "jsonl", "-j", "1", "-u", "me:hunter2hunter2", "in"]);
    ran.expect(0, [1, 0, 0, 0]);
    let sent = wire.bulks();
    assert!(sent[0].text().contains("{\"n\":\"hunter2hunter2\"}"), "{}", sent[0].text());
}

#[test]
fn names_that_are_secrets_are_masked_in_summaries_too() {
    for summary in ["text", "json"] {
        let place = Place::new();
        place.file("hunter22pw.jsonl", "{\"_key\":\"a\"}\nbad\n");
        place.file("one.jsonl", "{\"_key\":\"a\"}\n");
        let mut command = place.command(&["--to", "s.db", "--summary", summary, "hunter22pw.jsonl", "one.jsonl"]);
        let ran = ran(start(command.env("BULKIMPORT_PASSWORD", "hunter22pw")), b"");
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(
            !ran.stdout.contains("hunter22pw") && !ran.stderr.contains("hunter22pw"),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
        assert!(ran.stdout.contains("***"), "{}", ran.stdout);
    }
}
