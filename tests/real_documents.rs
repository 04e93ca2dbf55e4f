//! The console blocks of the README and of `docs/` that need a server, on a real OpenSearch, Elasticsearch and Kuzzle, and
//! on a model of ArangoDB. `BULKIMPORT_TEST_OPENSEARCH`, `_ES7`, `_ES8`, `_KUZZLE`, `_KUZZLE_USER`, `_KUZZLE_PASSWORD` and
//! `_ARANGODB` say where they are. A missing one is a failure. Blocks for `jq` need that program.

#[allow(dead_code, reason = "shared with tests that ask more of a server")]
mod http;
mod pages;

use pages::Server;
use std::path::Path;
use std::process::Command;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set"))
}

fn expect_all(name: &'static str, written: &'static str, of: &str, variables: Vec<(&'static str, String)>) {
    let address = variable(of).trim_end_matches('/').trim_start_matches("http://").to_owned();
    let (count, wrong) = pages::run(&Server { name, written, address, variables });
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 0, "no page has a block for {name}");
}

#[test]
fn blocks_for_opensearch_print_what_they_show_on_elasticsearch_too() {
    for variable in ["BULKIMPORT_TEST_OPENSEARCH", "BULKIMPORT_TEST_ES8"] {
        let server = http::Server::of_variable(variable);
        let remove = || ["/films", "/seeded-films"].iter().for_each(|path| drop(server.delete(path)));
        remove();
        expect_all("opensearch", "localhost:9200", variable, Vec::new());
        remove();
    }
}

/// The arguments of the seed service in the compose file of docs/ci.md.
fn arguments_of_the_seed_service() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).expect("docs/ci.md");
    let (_, command) = page.split_once("command: >-\n").expect("a command");
    let lines = command.lines().take_while(|line| line.starts_with("      "));
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn the_seed_service_of_compose_may_run_twice() {
    let server = http::Server::of_variable("BULKIMPORT_TEST_ES7");
    let address = server.url.trim_start_matches("http://").to_owned();
    let testdata = format!("{}/testdata/", env!("CARGO_MANIFEST_DIR"));
    let here = |word: String| word.replace("elasticsearch:9200", &address).replace("/seed/", &testdata);
    let arguments: Vec<String> = arguments_of_the_seed_service().into_iter().map(here).collect();
    drop(server.delete("/films"));
    for summary in
        ["created: 12\nerrors: 0\nupdated: 0\nignored: 0\n", "created: 0\nerrors: 0\nupdated: 12\nignored: 0\n"]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_bulkimport")).args(&arguments).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&output.stdout), summary, "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(0));
        let count = server.get("/films/_count").json()["count"].clone();
        assert_eq!(count, 12, "visible at once, and once");
    }
    drop(server.delete("/films"));
}

#[test]
fn blocks_for_jq_print_what_they_show() {
    let no_server =
        Server { name: "jq", written: "localhost:1", address: "localhost:1".to_owned(), variables: Vec::new() };
    let (count, wrong) = pages::run(&no_server);
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 0, "no page has a block for jq");
}

#[test]
fn blocks_for_kuzzle_print_what_they_show() {
    let password = ("BULKIMPORT_PASSWORD", variable("BULKIMPORT_TEST_KUZZLE_PASSWORD"));
    expect_all("kuzzle", "localhost:7512", "BULKIMPORT_TEST_KUZZLE", vec![password]);
}

#[test]
fn blocks_for_arangodb_print_what_they_show() {
    let server = http::Server::of_variable("BULKIMPORT_TEST_ARANGODB");
    ["films", "edges"].iter().for_each(|name| drop(server.delete(&format!("/_api/collection/{name}"))));
    expect_all("arangodb", "localhost:8529", "BULKIMPORT_TEST_ARANGODB", Vec::new());
}
