//! A proxy that is in the way is named, with the variable that put it there.

use crate::support::{Place, Ran, ran, start};
use crate::wire::{Wire, created, documents, nobody};

fn run(to: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let place = Place::new();
    place.file("in.jsonl", documents(2));
    let words = [&["--to", to, "-c", "c", "-j", "1", "--summary", "json"], arguments, &["in.jsonl"]].concat();
    let mut command = place.command(&words);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    ran(start(command.envs(variables.iter().copied())), b"")
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let dead = nobody();
    for (scheme, variable) in [
        ("http", "HTTP_PROXY"),
        ("http", "http_proxy"),
        ("http", "ALL_PROXY"),
        ("https", "HTTPS_PROXY"),
        ("https", "all_proxy"),
    ] {
        let proxy = format!("http://me:hunter2hunter2@{dead}");
        let ran = run(&format!("es+{scheme}://server.example:9200"), &[], &[(variable, &proxy)]);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        let place = format!("{scheme}://server.example:9200 through the proxy {variable}=http://{dead}: ");
        ran.prints(&format!("error: cannot connect to {place}"));
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    let proxy = format!("http://{dead}");
    let ran = run("es+http://server.example:9200", &["--wait", "1ms"], &[("HTTP_PROXY", &proxy)]);
    ran.prints(&format!(
        "--wait 1ms: cannot connect to http://server.example:9200 through the proxy HTTP_PROXY={proxy}"
    ));
}

#[test]
fn a_server_that_needs_no_proxy_is_named_alone() {
    let (wire, dead) = (Wire::start(), format!("http://{}", nobody()));
    wire.bulk(&[created(), created()]);
    run(&wire.to(), &[], &[("HTTP_PROXY", &dead), ("NO_PROXY", "127.0.0.1")]).expect(0, [2, 0, 0, 0]);
    let to = format!("es+http://{}", nobody());
    let ran = run(&to, &[], &[("HTTPS_PROXY", &dead)]);
    assert!(ran.stderr.contains("cannot connect to") && !ran.stderr.contains("proxy"), "{}", ran.stderr);
}
