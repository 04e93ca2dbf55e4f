//! The console blocks of the README and of `docs/` that need a server, on a real OpenSearch and a real Kuzzle, and on a
//! model of ArangoDB. `BULKIMPORT_TEST_OPENSEARCH`, `_KUZZLE`, `_KUZZLE_USER`, `_KUZZLE_PASSWORD` and `_ARANGODB` say where
//! they are. A missing one is a failure.

#[allow(dead_code, reason = "shared with tests that ask more of a server")]
mod http;
mod pages;

use pages::Server;

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
fn blocks_for_opensearch_print_what_they_show() {
    let server = http::Server::of_variable("BULKIMPORT_TEST_OPENSEARCH");
    let remove = || ["/films", "/seeded-films"].iter().for_each(|path| drop(server.delete(path)));
    remove();
    expect_all("opensearch", "localhost:9200", "BULKIMPORT_TEST_OPENSEARCH", Vec::new());
    remove();
}

#[test]
fn blocks_for_kuzzle_print_what_they_show() {
    let password = ("BULKIMPORT_PASSWORD", variable("BULKIMPORT_TEST_KUZZLE_PASSWORD"));
    expect_all("kuzzle", "localhost:7512", "BULKIMPORT_TEST_KUZZLE", vec![password]);
}

#[test]
fn blocks_for_arangodb_print_what_they_show() {
    let server = http::Server::of_variable("BULKIMPORT_TEST_ARANGODB");
    drop(server.delete("/_api/collection/films"));
    expect_all("arangodb", "localhost:8529", "BULKIMPORT_TEST_ARANGODB", Vec::new());
}
