//! Without `--collection`, each file goes to the collection of its name.

use crate::support::{Place, Ran, testdata};
use crate::wire::arangodb::{body, counts as reply, error, imports};
use crate::wire::kuzzle::refused;
use crate::wire::{Reply, Request, Wire, created};
use serde_json::json;

/// A place with films.jsonl and edges.csv.
fn place() -> Place {
    let place = Place::new();
    for name in ["films.jsonl", "edges.csv"] {
        std::fs::copy(testdata(name), place.path(name)).expect("a copy");
    }
    place
}

fn counts(ran: &Ran) -> Vec<(String, u64, u64, u64)> {
    let all = ran.summary["collections"].as_array().expect("the collections");
    let count = |value: &serde_json::Value| value.as_u64().expect("a count");
    let counts = all.iter().map(|one| {
        let name = one["name"].as_str().expect("a name").to_owned();
        (name, count(&one["created"]), count(&one["errors"]), count(&one["unsent"]))
    });
    counts.collect()
}

fn named(name: &str, created: u64, errors: u64, unsent: u64) -> (String, u64, u64, u64) {
    (name.to_owned(), created, errors, unsent)
}

#[test]
fn two_files_fill_two_collections() {
    let place = place();
    let ran = place.run(&["--summary", "text", "films.jsonl", "edges.csv"]);
    assert_eq!(ran.stderr, "importing into bulkimport.db, collections films, edges\n");
    let summary = "created: 21\nerrors: 0\nupdated: 0\nignored: 0\n\
                   collection films: created 12, errors 0, updated 0, ignored 0\n\
                   collection edges: created 9, errors 0, updated 0, ignored 0\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (0, summary));
    assert_eq!((place.rows("films").len(), place.rows("edges").len()), (12, 9));
}

#[test]
fn one_file_fills_the_collection_of_its_name() {
    let place = Place::new();
    std::fs::create_dir(place.path("seed")).expect("a directory");
    let ran = place.run(&[place.file("seed/a.2024.jsonl", "{\"n\":1}\n")]);
    ran.expect(0, [1, 0, 0, 0]).prints("importing into bulkimport.db, collection a.2024\n");
    assert_eq!((ran.summary["collection"].as_str(), counts(&ran)), (Some("a.2024"), vec![named("a.2024", 1, 0, 0)]));
    assert_eq!(place.rows("a.2024").len(), 1);
}

#[test]
fn files_of_one_name_fill_one_collection() {
    let place = Place::new();
    std::fs::create_dir(place.path("b")).expect("a directory");
    place.file("a.jsonl", "{\"_key\":\"1\"}\n");
    place.file("c.jsonl", "{\"_key\":\"1\"}\n{]\n");
    place.file("b/a.csv", "_key\n2\n1\n");
    let ran = place.run(&["a.jsonl", "c.jsonl", "b/a.csv"]);
    ran.expect(1, [3, 2, 0, 0]).prints("b/a.csv:3: duplicate key \"1\"\n").prints("c.jsonl:2: ");
    assert_eq!(counts(&ran), [named("a", 2, 1, 0), named("c", 1, 1, 0)]);
    assert_eq!(ran.summary["collection"], json!(null));
    assert_eq!(ran.summary["files"], json!(["a.jsonl", "b/a.csv", "c.jsonl"]));
}

#[test]
fn a_second_file_that_cannot_be_read_stops_the_run() {
    let place = place();
    place.run(&["films.jsonl", "missing.csv", "edges.csv"]);
    assert!(place.is_untouched());
    place.file("broken.json", "[{\"_key\":\"a\"},{\"n\":");
    let files = ["films.jsonl", "broken.json", "edges.csv"];
    let ran = place.run(&files);
    ran.expect(5, [13, 0, 0, 0]);
    assert_eq!(counts(&ran), [named("films", 12, 0, 0), named("broken", 1, 0, 0), named("edges", 0, 0, 0)]);
    let complete = place.run(&[&["--complete", "--overwrite"], &files[..]].concat());
    assert_eq!((complete.code, counts(&complete)[0].clone()), (6, named("films", 0, 0, 12)));
    assert_eq!((place.rows("films").len(), place.rows("broken").len()), (12, 1));
}

#[test]
fn overwrite_empties_each_collection_once() {
    let place = place();
    place.file("films.csv", "_key\nx\n");
    place.run(&["films.jsonl", "edges.csv"]).expect(0, [21, 0, 0, 0]);
    place.run(&["--overwrite", "films.jsonl", "edges.csv", "films.csv"]).expect(0, [22, 0, 0, 0]);
    // Without a good record, nothing is emptied.
    place.file("edges.csv", "_key\n");
    place.run(&["--overwrite", "films.csv", "edges.csv"]).expect(0, [1, 0, 0, 0]);
    assert_eq!((place.rows("films").len(), place.rows("edges").len()), (1, 9));
}

#[test]
fn complete_covers_all_collections() {
    let place = place();
    place.run(&["--complete", "films.jsonl", "edges.csv"]).expect(0, [21, 0, 0, 0]);
    let ran = place.run(&["--complete", "--on-duplicate", "replace", "films.jsonl", place.file("new.jsonl", "{]\n")]);
    ran.expect(6, [0, 1, 0, 0]);
    assert_eq!(counts(&ran), [named("films", 0, 0, 12), named("new", 0, 1, 0)]);
    assert!(place.rows("films").iter().all(|row| row.version == 1));
}

#[test]
fn an_existing_collection_stays_one_of_edges() {
    let place = place();
    place.run(&["--edge", "edges.csv"]).expect(0, [9, 0, 0, 0]);
    place.file("edges.csv", "_key,n\nx,1\n");
    let ran = place.run(&["films.jsonl", "edges.csv"]);
    ran.expect(1, [12, 1, 0, 0]).prints("edges.csv:2: missing field \"_from\" of an edge\n");
}

#[test]
fn the_limit_holds_for_the_whole_run() {
    let place = place();
    let ran = place.run(&["--limit", "14", "films.jsonl", "edges.csv"]);
    assert_eq!(counts(&ran), [named("films", 12, 0, 0), named("edges", 2, 0, 0)]);
}

#[test]
fn bulk_lines_of_several_collections_name_theirs() {
    let place = place();
    place.file("a.jsonl", "{\"_key\":\"1\"}\n");
    place.file("b.jsonl", "{\"_key\":\"1\"}\n");
    place.run(&["--to", "bulk:out.ndjson", "a.jsonl", "b.jsonl"]).expect(0, [2, 0, 0, 0]);
    let text = std::fs::read_to_string(place.path("out.ndjson")).expect("the output");
    let line = |name: &str| format!("{{\"create\":{{\"_index\":\"{name}\",\"_id\":\"1\"}}}}\n{{}}\n");
    assert_eq!(text, line("a") + &line("b"));
    let ran = place.run(&["--to", "jsonl:out.jsonl", "a.jsonl", "b.jsonl"]);
    ran.expect(0, [2, 0, 0, 0]).prints("note: out.jsonl: the files name several collections");
}

#[test]
fn a_server_gets_one_collection_after_the_other() {
    let (place, wire) = (Place::new(), Wire::start());
    place.file("a.jsonl", "{\"_key\":\"1\"}\n{]\n");
    place.file("b.csv", "_key,n\n1,2\n2,3\n");
    wire.bulk(&[created()]);
    wire.bulk(&[created(), created()]);
    let ran = place.run(&["--to", &wire.to(), "-j", "2", "a.jsonl", "b.csv"]);
    ran.expect(1, [3, 1, 0, 0]);
    assert_eq!(counts(&ran), [named("a", 1, 1, 0), named("b", 2, 0, 0)]);
    assert_eq!((&ran.summary["read"], &ran.summary["requests"]), (&json!(4), &json!(2)));
    let indices = wire.bulks().iter().map(|bulk| bulk.actions()[0].index.clone()).collect::<Vec<_>>();
    assert_eq!(indices, ["a", "b"]);
}

/// A server of ArangoDB whose collection `roads` holds edges; others hold documents.
fn arangodb_with_roads() -> Wire {
    let wire = Wire::start();
    for (name, kind) in [("films", 2), ("roads", 3)] {
        let path = format!("/_db/shop/_api/collection/{name}/properties");
        wire.standing("GET", &path, move |_| Reply::json(200, json!({"type": kind})));
    }
    wire
}

fn is_into(name: &'static str, text: &'static str) -> impl Fn(&Request) {
    move |request| assert_eq!((request.parameter("collection"), body(request).as_str()), (Some(name), text))
}

#[test]
fn arangodb_gets_documents_and_edges_each_in_their_collection() {
    let (place, wire) = (Place::new(), arangodb_with_roads());
    wire.expect(imports().check(is_into("films", "{\"_key\":\"1\"}\n")).reply(reply(1, 0, 0, &[])));
    let edge = "{\"_key\":\"e\",\"_from\":\"films/1\",\"_to\":\"b/2\"}\n";
    wire.expect(imports().check(is_into("roads", edge)).reply(reply(1, 0, 0, &[])));
    place.file("films.jsonl", "{\"_key\":\"1\"}\n");
    place.file("roads.csv", "_key,_from,_to\ne,1,b/2\nf,,b/2\n");
    let ran = place.run(&["--to", &wire.to_arangodb(), "--from-prefix", "films", "films.jsonl", "roads.csv"]);
    ran.expect(1, [2, 1, 0, 0]).prints("roads.csv:3: missing field \"_from\" of an edge");
    assert_eq!(counts(&ran), [named("films", 1, 0, 0), named("roads", 1, 1, 0)]);
    wire.done();
}

#[test]
fn a_prefix_needs_one_collection_of_edges() {
    let (place, wire) = (Place::new(), arangodb_with_roads());
    wire.standing("GET", "/_db/shop/_api/collection/cities/properties", |_| Reply::json(200, json!({"type": 2})));
    place.file("films.jsonl", "{}\n");
    place.file("cities.jsonl", "{}\n");
    let ran = place.run(&["--to", &wire.to_arangodb(), "--from-prefix", "films", "films.jsonl", "cities.jsonl"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.ends_with("error: --from-prefix and --to-prefix require an edge collection\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_second_collection_that_is_missing_in_arangodb_stops_before_the_first_record() {
    let (place, wire) = (Place::new(), arangodb_with_roads());
    wire.standing("GET", "/_db/shop/_api/collection/b/properties", |_| error(404, 1203, "not found: b"));
    place.file("films.jsonl", "{\"_key\":\"1\"}\n");
    place.file("b.jsonl", "{\"_key\":\"1\"}\n");
    let ran = place.run(&["--to", &wire.to_arangodb(), "films.jsonl", "b.jsonl"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("error: collection \"b\" not found\n"), "{}", ran.stderr);
    assert!(wire.done().iter().all(|request| request.method == "GET"));
}

#[test]
fn kuzzle_gets_one_collection_after_the_other_with_one_login_each() {
    let (place, wire) = (Place::new(), Wire::start());
    place.file("a.jsonl", "{\"_key\":\"1\"}\n{]\n");
    place.file("b.csv", "_key,n\n1,2\n2,3\n");
    wire.import(&[created()]);
    wire.import(&[created(), created()]);
    let ran = place.run(&["--to", &wire.to_kuzzle(), "-u", "me:secret", "-j", "1", "a.jsonl", "b.csv"]);
    ran.expect(1, [3, 1, 0, 0]);
    assert_eq!(counts(&ran), [named("a", 1, 1, 0), named("b", 2, 0, 0)]);
    let bulks = wire.bulks();
    assert_eq!(bulks.iter().map(|bulk| bulk.path.as_str()).collect::<Vec<_>>(), ["/i/a/_bulk", "/i/b/_bulk"]);
    assert!(bulks.iter().all(|bulk| bulk.header("authorization") == Some("Bearer kauth-1")));
}

#[test]
fn a_refusal_of_the_second_collection_stops_the_run_and_keeps_the_first() {
    let (place, wire) = (Place::new(), Wire::start());
    for name in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        place.file(name, "{\"_key\":\"1\"}\n");
    }
    wire.import(&[created()]);
    wire.expect(crate::wire::bulk().reply(refused(403, "security.rights.forbidden", "Forbidden action bulk:import")));
    let ran = place.run(&["--to", &wire.to_kuzzle(), "-j", "1", "a.jsonl", "b.jsonl", "c.jsonl"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(counts(&ran), [named("a", 1, 0, 0), named("b", 0, 0, 1), named("c", 0, 0, 0)]);
}
