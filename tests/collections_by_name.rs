//! Without `--collection`, each file goes to the collection of its name.

use crate::support::{Place, Ran, testdata};
use crate::wire::{Wire, created};
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
