//! TLS as curl's users know it: who is trusted, who we say we are, and what is reported when it does not fit.

use crate::support::{Place, Ran, testdata};
use crate::wire::{Wire, created, documents};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    let file = CertificateDer::pem_file_iter(testdata("tls").join(name)).expect("a PEM file");
    file.map(|certificate| certificate.expect("a certificate")).collect()
}

/// Speaks TLS in front of a scripted server, which it asks anew for each request, and returns its HOST:PORT.
fn tls_before(wire: &Wire, asks_for_ours: bool) -> String {
    tls_with(wire, &["server.pem"], "server.key", asks_for_ours)
}

/// The same with these certificates and the key of the first.
pub fn tls_with(wire: &Wire, shown: &[&str], key: &str, asks_for_ours: bool) -> String {
    // The program under test does the same in its own process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ServerConfig::builder();
    let builder = if asks_for_ours {
        let mut roots = RootCertStore::empty();
        certificates("ca.pem").into_iter().for_each(|root| roots.add(root).expect("a root"));
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().expect("a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(testdata("tls").join(key)).expect("a key");
    let shown = shown.iter().flat_map(|name| certificates(name)).collect();
    let config = Arc::new(builder.with_single_cert(shown, key).expect("a certificate and its key"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let behind = wire.address().to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (config, behind) = (config.clone(), behind.clone());
            std::thread::spawn(move || {
                let server = ServerConnection::new(config).expect("a configuration");
                // Whoever does not trust us ends the connection.
                let _ = pass_on(StreamOwned::new(server, stream), &behind);
            });
        }
    });
    address
}

fn pass_on(mut front: StreamOwned<ServerConnection, TcpStream>, behind: &str) -> std::io::Result<()> {
    loop {
        let mut request = Vec::new();
        while !is_whole(&request) {
            let mut piece = [0; 4096];
            match front.read(&mut piece)? {
                0 => return Ok(()),
                length => request.extend_from_slice(&piece[..length]),
            }
        }
        let mut back = TcpStream::connect(behind)?;
        back.write_all(&request)?;
        back.shutdown(Shutdown::Write)?;
        let mut reply = Vec::new();
        back.read_to_end(&mut reply)?;
        front.write_all(&reply)?;
        front.flush()?;
    }
}

/// Whether a request has its head and as many bytes of body as that says.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().expect("a length"))
    });
    body.len() >= length.unwrap_or(0)
}

fn import(place: &Place, scheme: &str, address: &str, arguments: &[&str]) -> Ran {
    place.file("in.jsonl", documents(2));
    let to = format!("es+{scheme}://{address}");
    place.run(&[&["--to", &to, "-c", "c", "-j", "1"], arguments, &["in.jsonl"]].concat())
}

fn pem(name: &str) -> String {
    testdata("tls").join(name).display().to_string()
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_before(&wire, false);
    let ran = import(&place, "https", &address, &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("invalid peer certificate").prints("nothing was sent").prints("hint: `--cacert FILE`");
    assert!(wire.done().is_empty());
}

#[test]
fn an_authority_can_be_named_and_doubt_can_be_turned_off() {
    for trust in [&["--cacert", &pem("ca.pem")][..], &["--insecure"]] {
        let (place, wire) = (Place::new(), Wire::start());
        let address = tls_before(&wire, false);
        wire.bulk(&[created(), created()]);
        import(&place, "https", &address, trust).expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn another_authority_than_the_servers_is_no_help() {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_before(&wire, false);
    let ran = import(&place, "https", &address, &["--cacert", &pem("client.pem")]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("invalid peer certificate");
}

#[test]
fn a_server_that_asks_who_we_are_is_shown_our_certificate() {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_before(&wire, true);
    let trust = ["--cacert", &pem("ca.pem")];
    let ran = import(&place, "https", &address, &trust);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    wire.bulk(&[created(), created()]);
    let ours = ["--cert", &pem("client.pem"), "--client-key", &pem("client.key")];
    import(&place, "https", &address, &[&trust[..], &ours].concat()).expect(0, [2, 0, 0, 0]);
}

#[test]
fn the_wrong_scheme_is_reported_both_ways() {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_before(&wire, false);
    let ran = import(&place, "http", &address, &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("write `https` in place of `http`");
    wire.forgive();
    // A server of plain HTTP refuses the first bytes of TLS as a bad request.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let ran = import(&place, "https", &address, &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("write `http` in place of `https`");
}

#[test]
fn files_that_hold_no_certificate_or_key_are_mistakes() {
    let (place, wire) = (Place::new(), Wire::start());
    for (arguments, said) in [
        (&["--cacert", "in.jsonl"][..], "--cacert: in.jsonl: no PEM certificate found"),
        (&["--cacert", "gone.pem"], "--cacert: gone.pem: "),
        (&["--cert", &pem("client.pem")], "missing PEM certificate or its key"),
        (&["--client-key", &pem("client.key")], "--client-key requires --cert"),
    ] {
        let ran = import(&place, "https", wire.address(), arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        ran.prints(said);
    }
    assert!(wire.done().is_empty());
}
