//! The scripted server of the other tests: what it must not let pass.

use crate::wire::{Exchange, Wire, bulk, created, panic_text};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Sends these bytes to a server with this script and returns what `done` complains of.
fn complaint(script: Vec<Exchange>, sent: &str) -> String {
    let wire = Wire::start();
    for exchange in script {
        wire.expect(exchange);
    }
    if !sent.is_empty() {
        let mut stream = TcpStream::connect(wire.address()).expect("it listens");
        // The server may judge the beginning and close the connection before it has the rest.
        let _ = stream.write_all(sent.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        // Until it has closed the connection, and so judged the request.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let why =
        catch_unwind(AssertUnwindSafe(|| wire.done())).map(|_| String::new()).unwrap_or_else(|why| panic_text(&*why));
    wire.forgive();
    why
}

fn request(head: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /c/_bulk HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {length}\r\n\r\n{body}")
}

const HEAD: &str = "Content-Type: application/x-ndjson\r\nX-Opaque-Id: r\r\n";
const BODY: &str = "{\"create\":{\"_id\":\"1\"}}\n{}\n";

#[test]
fn a_good_request_is_no_complaint() {
    assert_eq!(complaint(vec![bulk().ids(&["1"]).answers(&[created()])], &request(HEAD, BODY)), "");
}

#[test]
fn what_is_not_asked_or_not_scripted_is_a_complaint() {
    assert!(complaint(vec![bulk()], "").contains("never asked"));
    assert!(complaint(vec![], &request(HEAD, BODY)).contains("nobody scripted"));
    assert!(complaint(vec![bulk().ids(&["2"])], &request(HEAD, BODY)).contains("the ids"));
    assert!(complaint(vec![bulk().answers(&[])], &request(HEAD, BODY)).contains("the answer could not be made"));
}

#[test]
fn what_breaks_the_rules_of_http_and_of_the_bulk_api_is_a_complaint() {
    let asked = |sent: &str| complaint(vec![bulk()], sent);
    assert!(asked(&request(HEAD, BODY.trim_end())).contains("does not end with a newline"));
    assert!(asked(&request(&HEAD.replace("x-ndjson", "json"), BODY)).contains("Content-Type"));
    assert!(asked(&request("Content-Type: application/x-ndjson\r\n", BODY)).contains("X-Opaque-Id"));
    assert!(asked(&request(HEAD, "{\"create\":{}}\n")).contains("has no document"));
    assert!(asked(&request(&format!("{HEAD}Transfer-Encoding: chunked\r\n"), BODY)).contains("Transfer-Encoding"));
    assert!(asked(&request(HEAD, BODY).replace("HTTP/1.1", "HTTP/1.0")).contains("not HTTP"));
}
