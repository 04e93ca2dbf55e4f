//! `--aws-sigv4`: what is signed, where the keys come from, and that nobody sees them. The signatures themselves are checked
//! with AWS's test suite beside the signer, and with AWS's own software by tests/long/sigv4.

use crate::support::{Place, Ran, ran, start};
use crate::wire::{Reply, Request, Wire, ask, created, documents};
use ring::digest::{SHA256, digest};

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDVARIABLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret/of+variables"),
    ("AWS_SESSION_TOKEN", "token-of-variables=="),
];

fn run(place: &Place, to: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    place.file("in.jsonl", documents(2));
    let words = [&["--to", to, "-c", "c", "-j", "1", "--summary", "json"], arguments, &["in.jsonl"]].concat();
    let mut command = place.command(&words);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("HOME", place.path("")).envs(variables.iter().copied());
    ran(start(&mut command), b"")
}

/// Imports two documents, and returns the requests.
fn import(place: &Place, scope: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Vec<Request> {
    let wire = Wire::start();
    wire.bulk(&[created(), created()]);
    run(place, &wire.to(), &[&["--aws-sigv4", scope], arguments].concat(), variables).expect(0, [2, 0, 0, 0]);
    wire.done()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_request_is_signed() {
    for (scope, signed) in [
        ("eu-west-3", "/eu-west-3/es/aws4_request"),
        ("us-east-1/aoss", "/us-east-1/aoss/aws4_request"),
        ("aws:amz:us-east-2:es", "/us-east-2/es/aws4_request"),
    ] {
        let requests = import(&Place::new(), scope, &[], &KEYS);
        assert!(requests.len() > 2);
        for request in requests {
            let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
            let authorization = header("authorization");
            let date = header("x-amz-date");
            let names = "host;x-amz-content-sha256;x-amz-date;x-amz-security-token";
            let start =
                format!("AWS4-HMAC-SHA256 Credential=AKIDVARIABLE/{}{signed}, SignedHeaders={names}, ", &date[..8]);
            assert!(authorization.starts_with(&start), "{authorization}");
            assert_eq!(header("x-amz-security-token"), "token-of-variables==");
        }
    }
}

/// What is hashed is what is sent, which may be compressed.
#[test]
fn the_hash_is_that_of_the_body_as_it_is_sent() {
    let wire = Wire::start();
    for how in ["gzip", "none"] {
        wire.expect(
            crate::wire::bulk()
                .check(|request| {
                    let sent = request.header("x-amz-content-sha256").expect("a hash").to_owned();
                    assert_eq!(sent.len(), 64);
                    if request.header("content-encoding").is_none() {
                        assert_eq!(sent, hex(digest(&SHA256, &request.body).as_ref()));
                    } else {
                        assert_ne!(sent, hex(digest(&SHA256, &request.body).as_ref()));
                    }
                })
                .answers(&[created(), created()]),
        );
        let flags = ["--aws-sigv4", "eu-west-3", "--compress-transfer", how];
        run(&Place::new(), &wire.to(), &flags, &KEYS).expect(0, [2, 0, 0, 0]);
    }
}

/// The id of the key with which the first request was signed.
fn key_id(requests: &[Request]) -> String {
    let authorization = requests[0].header("authorization").expect("a signature");
    authorization.split(['=', '/']).nth(1).expect("a key").to_owned()
}

#[test]
fn keys_come_from_variables_or_else_from_the_shared_files() {
    let place = Place::new();
    std::fs::create_dir(place.path(".aws")).expect("a directory");
    let credentials = "\
# keys
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = secret-of-default
[ci]
aws_access_key_id=AKIDCI
aws_secret_access_key=secret-of-ci
aws_session_token=token-of-ci
";
    place.file(".aws/credentials", credentials);
    place.file(
        ".aws/config",
        "[profile later]\nregion = x\naws_access_key_id = AKIDLATER\naws_secret_access_key = secret-of-later # mine\n\
         [profile ci]\nregion = y\ns3 =\n  aws_access_key_id = nested\n",
    );
    place.file("elsewhere", "[default]\naws_access_key_id=AKIDELSEWHERE\naws_secret_access_key=secret-elsewhere\n");
    let elsewhere = place.path("elsewhere").display().to_string();
    for (variables, found, token) in [
        (&[][..], "AKIDDEFAULT", None),
        (&[("AWS_PROFILE", "ci")], "AKIDCI", Some("token-of-ci")),
        (&[("AWS_PROFILE", "later")], "AKIDLATER", None),
        (&[("AWS_SHARED_CREDENTIALS_FILE", elsewhere.as_str())], "AKIDELSEWHERE", None),
        (&KEYS, "AKIDVARIABLE", Some("token-of-variables==")),
        (&KEYS[..2], "AKIDVARIABLE", None),
    ] {
        let requests = import(&place, "us-east-1", &[], variables);
        assert_eq!(key_id(&requests), found);
        assert_eq!(requests[0].header("x-amz-security-token"), token, "{found}");
    }
}

#[test]
fn missing_keys_are_a_mistake_with_the_command_that_helps() {
    let place = Place::new();
    std::fs::create_dir(place.path(".aws")).expect("a directory");
    let to = "es+http://127.0.0.1:1";
    let flags = ["--aws-sigv4", "us-east-1"];
    let ran = run(&place, to, &flags, &[]);
    assert_eq!(ran.code, 2);
    ran.prints("error: --aws-sigv4: no credentials in AWS_ACCESS_KEY_ID, ~/.aws/credentials and ~/.aws/config\nhint: ");
    ran.prints("`eval \"$(aws configure export-credentials --format env)\"`");
    // Of a role, and of a single sign-on, there are no keys in the files.
    place.file(
        ".aws/config",
        "[profile role]\nrole_arn = arn:x\nsource_profile = default\n[profile sso]\nsso_session = s\n\
         [profile half]\naws_access_key_id = AKIDHALF\n",
    );
    place.file(".aws/credentials", "[role]\naws_access_key_id = AKIDROLE\naws_secret_access_key = secret-of-role\n");
    for profile in ["role", "sso", "no such profile"] {
        let ran = run(&place, to, &flags, &[("AWS_PROFILE", profile)]);
        assert_eq!(ran.code, 2);
        ran.prints(&format!("no credentials of profile {profile} in "));
        ran.prints(&format!("aws configure export-credentials --profile {profile} --format env"));
    }
    let ran = run(&place, to, &flags, &[("AWS_PROFILE", "half")]);
    ran.prints("/.aws/config, profile half: missing aws_secret_access_key");
    let ran = run(&place, to, &flags, &[("AWS_ACCESS_KEY_ID", "AKIDHALF")]);
    ran.prints("error: --aws-sigv4: missing AWS_SECRET_ACCESS_KEY");
}

#[test]
fn another_login_is_a_mistake() {
    let place = Place::new();
    for (to, arguments, said) in [
        (
            "es+http://h",
            &["--user", "a:b"][..],
            "--user and --aws-sigv4 cannot be used together\nhint: set AWS_ACCESS_KEY_ID",
        ),
        ("es+http://h", &["--api-key-file", "x"], "--api-key-file and --aws-sigv4 cannot be used together"),
        ("es+http://h", &["-H", "Authorization: x"], "--aws-sigv4 and --header Authorization cannot be used together"),
        ("kuzzle+http://h/i", &[], "--aws-sigv4 is not supported for Kuzzle\nhint: "),
        ("arangodb+http://h", &[], "--aws-sigv4 is not supported for ArangoDB\nhint: "),
        ("shop.db", &[], "--aws-sigv4 is not supported for a store\nhint: "),
        ("jsonl:out", &[], "--aws-sigv4 is not supported for a file\nhint: "),
    ] {
        let ran = run(&place, to, &[&["--aws-sigv4", "us-east-1"], arguments].concat(), &KEYS);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        ran.prints(said);
    }
    let ran = run(&place, "es+http://h", &["--aws-sigv4", "aws:amz"], &KEYS);
    ran.prints("invalid value \"aws:amz\" for --aws-sigv4: not a region and a service\nhint: write `us-east-1`");
}

#[test]
fn a_variable_is_ignored_where_it_makes_no_sense() {
    let place = Place::new();
    run(&place, "shop.db", &[], &[("BULKIMPORT_AWS_SIGV4", "us-east-1")]).expect(0, [2, 0, 0, 0]);
    let ran = run(&place, "kuzzle+http://127.0.0.1:1/i", &[], &[("BULKIMPORT_AWS_SIGV4", "us-east-1")]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
}

/// AWS answers a wrong signature with the text that it would have signed, and others may repeat anything.
#[test]
fn what_a_server_repeats_of_keys_and_signatures_is_masked() {
    let place = Place::new();
    let repeat = |request: &Request| {
        let headers = ["authorization", "x-amz-security-token"].map(|name| request.header(name).unwrap_or_default());
        format!("not {} secret/of+variables", headers.join(" and "))
    };
    let wire = Wire::start();
    wire.standing("GET", "/", move |request| Reply::refused(401, "security_exception", &repeat(request)));
    let first = run(&place, &wire.to(), &["--aws-sigv4", "us-east-1"], &KEYS);
    assert_eq!(first.code, 4);
    let wire = Wire::start();
    wire.expect(ask("POST", "_bulk").reply_with(move |request| Reply::refused(403, "access_denied", &repeat(request))));
    let second = run(&place, &wire.to(), &["--aws-sigv4", "us-east-1", "-v"], &KEYS);
    assert_eq!(second.code, 4);
    for ran in [first, second] {
        let all = [ran.stdout.as_str(), &ran.stderr].concat();
        assert!(all.contains("***"), "{all}");
        for secret in [KEYS[1].1, KEYS[2].1] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        let signature = all.split("Signature=").nth(1);
        assert!(signature.is_none_or(|rest| rest.starts_with("***")), "{all}");
    }
}
