//! Which servers are trusted: a certificate of their own, a fingerprint, a Cloud ID.

use crate::speaks_tls::tls_with;
use crate::support::{Place, Ran, testdata};
use crate::wire::{Wire, created, documents};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

fn pem(name: &str) -> String {
    testdata("tls").join(name).display().to_string()
}

/// The fingerprint of a certificate, without colons.
fn fingerprint(name: &str) -> String {
    let der = CertificateDer::from_pem_file(pem(name)).expect("a certificate");
    ring::digest::digest(&ring::digest::SHA256, &der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn with_colons(hex: &str) -> String {
    let bytes: Vec<&str> = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]).collect();
    bytes.join(":").to_uppercase()
}

fn import(place: &Place, to: &str, arguments: &[&str]) -> Ran {
    place.file("in.jsonl", documents(2));
    place.run(&[&["--to", to, "-c", "c", "-j", "1"], arguments, &["in.jsonl"]].concat())
}

/// Imports two documents into a server that shows these certificates.
fn to_server(shown: &[&str], key: &str, arguments: &[&str]) -> Ran {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_with(&wire, shown, key, false);
    wire.bulk(&[created(), created()]);
    let ran = import(&place, &format!("es+https://{address}"), arguments);
    wire.forgive();
    ran
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_by_name_as_in_curl() {
    to_server(&["self-signed.pem"], "self-signed.key", &["--cacert", &pem("self-signed.pem")]).expect(0, [2, 0, 0, 0]);
    let ran = to_server(&["self-signed.pem"], "self-signed.key", &["--cacert", &pem("common-name.pem")]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("invalid peer certificate").prints("hint: ").prints("`--cacert FILE`");
    // The certificate is the right one, and the host another: its only name is localhost.
    let ran = to_server(&["common-name.pem"], "common-name.key", &["--cacert", &pem("common-name.pem")]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("not valid for name");
}

#[test]
fn a_common_name_is_enough_as_in_curl() {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_with(&wire, &["common-name.pem"], "common-name.key", false);
    wire.bulk(&[created(), created()]);
    let to = format!("es+https://{}", address.replace("127.0.0.1", "localhost"));
    import(&place, &to, &["--cacert", &pem("common-name.pem")]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_fingerprint_is_enough() {
    let own = fingerprint("self-signed.pem");
    for text in [&own, &with_colons(&own), &format!("sha256 Fingerprint={}", with_colons(&own))] {
        to_server(&["self-signed.pem"], "self-signed.key", &["--cert-fingerprint", text]).expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn the_fingerprint_of_the_authority_is_enough_if_the_server_shows_it() {
    let authority = fingerprint("ca.pem");
    let flags = ["--cert-fingerprint", authority.as_str()];
    to_server(&["server.pem", "ca.pem"], "server.key", &flags).expect(0, [2, 0, 0, 0]);
    for (shown, key, said) in [
        // It shows the authority, which has not signed its certificate.
        (&["self-signed.pem", "ca.pem"][..], "self-signed.key", "invalid peer certificate"),
        (&["server.pem"], "server.key", "not that of --cert-fingerprint"),
    ] {
        let ran = to_server(shown, key, &flags);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        ran.prints(said).prints("nothing was sent");
    }
}

#[test]
fn another_fingerprint_is_named() {
    let other = "0".repeat(64);
    let ran = to_server(&["self-signed.pem"], "self-signed.key", &["--cert-fingerprint", &other]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints(&format!(
        "its certificate's SHA-256 fingerprint is {}, not that of --cert-fingerprint; nothing was sent\n",
        with_colons(&fingerprint("self-signed.pem"))
    ));
    assert!(!ran.stderr.contains("hint:"), "{}", ran.stderr);
}

#[test]
fn a_fingerprint_and_other_trust_are_mistakes() {
    let (place, digits) = (Place::new(), "0".repeat(64));
    for (to, arguments, said) in [
        ("es+http://h", &["--cert-fingerprint", &digits][..], "--cert-fingerprint requires https"),
        (
            "es+https://h",
            &["--cert-fingerprint", &digits, "-k"],
            "--insecure and --cert-fingerprint cannot be used together",
        ),
        (
            "es+https://h",
            &["--cert-fingerprint", &digits, "--cacert", "x"],
            "--cacert and --cert-fingerprint cannot be used together",
        ),
        ("es+https://h", &["--cert-fingerprint", "abc"], "for --cert-fingerprint: not 64 hexadecimal digits"),
        ("shop.db", &["--cert-fingerprint", &digits], "--cert-fingerprint is not supported for a store"),
    ] {
        let ran = import(&place, to, arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        ran.prints(said).prints("\nhint: ");
    }
}

#[test]
fn a_cloud_id_is_an_address() {
    let (place, wire) = (Place::new(), Wire::start());
    let address = tls_with(&wire, &["server.pem"], "server.key", false);
    let port = address.rsplit(':').next().expect("a port");
    wire.bulk(&[created(), created()]);
    // The host is made of the two first parts: 127.0.0 and 1.
    let id = format!("my-deployment:{}", STANDARD.encode(format!("1:{port}$127.0.0$kibana")));
    let ran = import(&place, &format!("cloud:{id}"), &["--cacert", &pem("ca.pem")]);
    ran.expect(0, [2, 0, 0, 0]);
    ran.prints(&format!("importing into https://127.0.0.1:{port}, collection c"));
    let ran = import(&place, &id, &[]);
    assert_eq!(ran.code, 2);
    ran.prints(&format!("a Cloud ID without its scheme\nhint: write `cloud:{id}`"));
    let ran = import(&place, "cloud:nonsense", &[]);
    assert_eq!(ran.code, 2);
    ran.prints("not a Cloud ID, which is written `NAME:BASE64`");
}
