//! Logins as servers and other programs keep them: API keys in every form, and `~/.netrc`.

use crate::speaks_tls::tls_with;
use crate::support::scan::base64;
use crate::support::{Place, Ran, ran, start, testdata};
use crate::wire::{Reply, Wire, bulk, created, documents};
use serde_json::json;

const ID: &str = "VuaCfGcBCdbkQm-e5aOx";
const KEY: &str = "ui2lp2axTNmsyakw9tvNnw";

/// Imports two documents; every request must have this header.
fn import(place: &Place, arguments: &[&str], variables: &[(&str, &str)], authorization: &str) -> Ran {
    let wire = Wire::start();
    wire.expect(
        crate::wire::ask("GET", "/")
            .has("authorization", authorization)
            .reply_with(|_| Reply::file(200, "elasticsearch/root-es8.json")),
    );
    wire.expect(bulk().has("authorization", authorization).answers(&[created(), created()]));
    let imported = run(place, &wire.to(), arguments, variables);
    imported.expect(0, [2, 0, 0, 0]);
    imported
}

fn run(place: &Place, to: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    place.file("in.jsonl", documents(2));
    let words = [&["--to", to, "-c", "c", "-j", "1", "--summary", "json"], arguments, &["in.jsonl"]].concat();
    let mut command = place.command(&words);
    command.env("HOME", place.path("")).env_remove("NETRC").envs(variables.iter().copied());
    ran(start(&mut command), b"")
}

/// The forms in which a key is given out.
fn forms() -> Vec<String> {
    let encoded = base64(&format!("{ID}:{KEY}"));
    let pretty = json!({"id": ID, "name": "loader", "api_key": KEY, "encoded": encoded});
    vec![
        encoded.clone(),
        format!("{ID}:{KEY}"),
        format!("ApiKey {encoded}"),
        format!("Authorization: ApiKey {encoded}"),
        json!({"id": ID, "name": "loader", "expiration": 1, "api_key": KEY}).to_string(),
        serde_json::to_string_pretty(&pretty).expect("JSON"),
    ]
}

#[test]
fn an_api_key_is_taken_in_every_form() {
    let sent = format!("ApiKey {}", base64(&format!("{ID}:{KEY}")));
    for form in forms() {
        let place = Place::new();
        place.file("key", format!("{form}\n"));
        for ran in [
            import(&place, &["--api-key-file", "key"], &[], &sent),
            import(&place, &[], &[("BULKIMPORT_API_KEY", &form)], &sent),
        ] {
            assert!(!ran.stderr.contains("***"), "{}", ran.stderr);
        }
    }
}

#[test]
fn what_a_server_repeats_of_a_key_is_masked() {
    for form in forms() {
        for part in [KEY.to_owned(), base64(&format!("{ID}:{KEY}"))] {
            let (place, wire, text) = (Place::new(), Wire::start(), format!("unknown: {part}"));
            place.file("key", &form);
            wire.standing("GET", "/", move |_| Reply::refused(401, "security_exception", &text));
            let ran = run(&place, &wire.to(), &["--api-key-file", "key"], &[]);
            assert_eq!(ran.code, 4);
            ran.prints("unknown: ***");
            assert!(!ran.stdout.contains(&part) && !ran.stderr.contains(&part), "{}", ran.stderr);
        }
    }
}

#[test]
fn what_is_no_key_is_a_mistake() {
    let place = Place::new();
    for (text, said) in [
        (json!({"id": ID, "name": "loader"}).to_string(), "missing \"encoded\", or \"id\" and \"api_key\""),
        ("two words".to_owned(), "it has blanks"),
    ] {
        place.file("key", text);
        let ran = run(&place, "es+http://127.0.0.1:1", &["--api-key-file", "key"], &[]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints("error: --api-key-file: not an API key: ").prints(said);
    }
}

/// The same, to a server with TLS that made its own certificate.
#[test]
fn logins_go_over_tls() {
    let place = Place::new();
    place.file("key", json!({"id": ID, "api_key": KEY}).to_string());
    place.file(".netrc", NETRC);
    let key = format!("ApiKey {}", base64(&format!("{ID}:{KEY}")));
    for (flags, sent) in
        [(&["--api-key-file", "key"][..], key), (&["--netrc"], format!("Basic {}", base64("me:hunter2 hunter2")))]
    {
        let wire = Wire::start();
        let address = tls_with(&wire, &["self-signed.pem"], "self-signed.key", false);
        wire.expect(bulk().has("authorization", sent).answers(&[created(), created()]));
        let trust = ["--cacert", &testdata("tls/self-signed.pem").display().to_string()];
        run(&place, &format!("es+https://{address}"), &[&trust[..], flags].concat(), &[]).expect(0, [2, 0, 0, 0]);
    }
}

const NETRC: &str = "\
machine other.example login no password wrong-one
machine 127.0.0.1
  login me
  password \"hunter2 hunter2\"
machine 127.0.0.1 login you password hunter3hunter3
";

#[test]
fn a_login_is_taken_from_netrc_only_when_asked() {
    let place = Place::new();
    place.file(".netrc", NETRC);
    let [me, you] = ["me:hunter2 hunter2", "you:hunter3hunter3"].map(|login| format!("Basic {}", base64(login)));
    import(&place, &["--netrc"], &[], &me);
    import(&place, &[], &[("BULKIMPORT_NETRC", "1")], &me);
    import(&place, &["--netrc", "-u", "you"], &[], &you);
    // Every other login comes first.
    import(&place, &["--netrc", "-u", "you:typed"], &[], &format!("Basic {}", base64("you:typed")));
    import(
        &place,
        &["--netrc", "-u", "you"],
        &[("BULKIMPORT_PASSWORD", "var1")],
        &format!("Basic {}", base64("you:var1")),
    );
    import(&place, &["--netrc"], &[("BULKIMPORT_API_KEY", "opaque-key")], "ApiKey opaque-key");
    place.file("elsewhere", "default login any password anyone-1");
    let elsewhere = place.path("elsewhere").display().to_string();
    import(&place, &["--netrc"], &[("NETRC", &elsewhere)], &format!("Basic {}", base64("any:anyone-1")));
    let wire = Wire::start();
    wire.expect(bulk().without("authorization").answers(&[created(), created()]));
    run(&place, &wire.to(), &[], &[]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_file_without_the_login_is_a_mistake() {
    let place = Place::new();
    let to = "es+http://127.0.0.1:1";
    run(&place, to, &["--netrc"], &[]).prints("/.netrc: no such file");
    place.file(".netrc", "machine h login a password b\nmachine i login a password c\n");
    let ran = run(&place, to, &["--netrc"], &[]);
    assert_eq!(ran.code, 2);
    ran.prints("/.netrc: no password for machine 127.0.0.1\nhint: ");
    let ran = run(&place, "es+http://h", &["--netrc", "--to", "es+http://i"], &[]);
    assert_eq!(ran.code, 2);
    ran.prints("/.netrc: the nodes have different logins");
    let ran = run(&place, "shop.db", &["--netrc"], &[]);
    assert_eq!(ran.code, 2);
    ran.prints("--netrc is not supported for a store");
    // From a variable it is no more than a wish.
    let ran = run(&place, to, &[], &[("BULKIMPORT_NETRC", "1")]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
}

#[test]
fn what_a_server_repeats_of_a_password_in_netrc_is_masked() {
    let (place, wire) = (Place::new(), Wire::start());
    place.file(".netrc", NETRC);
    wire.standing("GET", "/", |_| Reply::refused(401, "security_exception", "wrong: hunter2 hunter2"));
    let ran = run(&place, &wire.to(), &["--netrc"], &[]);
    ran.prints("wrong: ***");
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}
