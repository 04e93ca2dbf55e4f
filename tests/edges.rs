//! Collections of edges: both ends, their prefixes, and what the store remembers.

use crate::support::{Place, testdata};

/// The ends of every edge, as the store's own columns have them.
fn ends(place: &Place) -> Vec<(String, String)> {
    let store = place.open();
    let mut select = store.prepare("SELECT _from, _to FROM c ORDER BY rowid").expect("a collection of edges");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

fn end(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn edges_have_their_ends_in_columns_of_their_own() {
    let place = Place::new();
    let edges = testdata("edges.csv");
    place.import(&["--edge", edges.to_str().expect("UTF-8")]).expect(0, [9, 0, 0, 0]);
    assert_eq!(ends(&place)[0], end("films/alien-3-1992", "people/david-fincher"));
    assert_eq!(ends(&place).len(), 9);
    assert_eq!(place.rows("c")[7].key, "1941-1979:director");
}

#[test]
fn prefixes_go_before_ends_that_name_no_collection() {
    let prefixes = ["--edge", "--from-prefix", "films", "--to-prefix", "people/"];
    let text = "_key,_from,_to\n1,a,b\n2,007,7\n3,shows/a,crew/b\n";
    let place = Place::new();
    place.import_text("a.csv", text, &prefixes).expect(0, [3, 0, 0, 0]);
    assert_eq!(ends(&place), [end("films/a", "people/b"), end("films/007", "people/7"), end("shows/a", "crew/b")]);
    let place = Place::new();
    place
        .import_text("a.csv", text, &[&prefixes[..], &["--overwrite-collection-prefix"]].concat())
        .expect(0, [3, 0, 0, 0]);
    assert_eq!(ends(&place), [end("films/a", "people/b"), end("films/007", "people/7"), end("films/a", "people/b")]);
}

#[test]
fn a_prefix_changes_no_other_byte() {
    let place = Place::new();
    let line = "{ \"_from\" : 17 ,\"w\":1.0, \"_to\":\"x\\/3\" }";
    place.import_text("a.jsonl", line, &["--edge", "--from-prefix", "p", "--to-prefix", "q"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), [line.replace("17", "\"p/17\"")]);
    assert_eq!(ends(&place), [end("p/17", "x/3")]);
}

#[test]
fn ends_that_are_missing_or_no_ends_are_errors_with_their_line() {
    let place = Place::new();
    let text = [
        "{\"_from\":\"a/1\",\"_to\":\"a/2\"}",
        "{\"_from\":\"a/1\"}",
        "{\"_to\":\"a/1\"}",
        "{\"_from\":1,\"_to\":\"a/2\"}",
        "{\"_from\":\"a/1\",\"_to\":null}",
        "{\"_from\":\"a\",\"_to\":\"a/2\"}",
        "{\"_from\":\"/1\",\"_to\":\"a/2\"}",
        "{\"_from\":\"a/1\",\"_to\":\"a/\"}",
        "{\"_from\":\"a/1/2\",\"_to\":\"a/2\"}",
    ];
    let ran = place.import_text("a.jsonl", text.join("\n"), &["--edge"]);
    ran.expect(1, [1, 8, 0, 0])
        .prints("a.jsonl:2: missing field \"_to\" of an edge")
        .prints("a.jsonl:3: missing field \"_from\" of an edge")
        .prints("a.jsonl:4: \"_from\" of an edge must be a string, not a number")
        .prints("a.jsonl:5: \"_to\" of an edge must be a string, not null")
        .prints("a.jsonl:6: \"_from\" of an edge must be COLLECTION/KEY, not \"a\"")
        .prints("a.jsonl:7: \"_from\" of an edge must be COLLECTION/KEY, not \"/1\"")
        .prints("a.jsonl:8: \"_to\" of an edge must be COLLECTION/KEY, not \"a/\"")
        .prints("a.jsonl:9: \"_from\" of an edge must be COLLECTION/KEY, not \"a/1/2\"");
    assert_eq!(ends(&place), [end("a/1", "a/2")]);
}

#[test]
fn ends_may_name_any_key_of_a_store() {
    let place = Place::new();
    let text = "_from,_to\npeople/José,cities/New York\npeople/😀,cities/Zürich #1\n";
    place.import_text("a.csv", text, &["--edge"]).expect(0, [2, 0, 0, 0]);
    assert_eq!(ends(&place), [end("people/José", "cities/New York"), end("people/😀", "cities/Zürich #1")]);
    let place = Place::new();
    let prefixes = ["--edge", "--from-prefix", "people", "--to-prefix", "cities"];
    let text = "_from,_to\nJosé,New York\nJosé,https://ex.org/a\n";
    let ran = place.import_text("a.csv", text, &prefixes);
    ran.expect(1, [1, 1, 0, 0]).prints("a.csv:3: \"_to\" of an edge must be COLLECTION/KEY, not \"https://ex.org/a\"");
    assert_eq!(ends(&place), [end("people/José", "cities/New York")]);
}

#[test]
fn an_empty_cell_is_a_missing_end() {
    let place = Place::new();
    place
        .import_text("a.csv", "_from,_to\na/1,a/2\na/1,\n", &["--edge"])
        .expect(1, [1, 1, 0, 0])
        .prints("a.csv:3: missing field \"_to\" of an edge");
}

#[test]
fn a_collection_of_edges_is_known_as_one_on_a_second_run() {
    let place = Place::new();
    place
        .import_text("a.jsonl", "{\"_key\":\"1\",\"_from\":\"a/1\",\"_to\":\"a/2\"}", &["--edge"])
        .expect(0, [1, 0, 0, 0]);
    let ran = place.import_text("b.jsonl", "{\"_key\":\"2\"}\n{\"_key\":\"3\",\"_from\":\"a/2\",\"_to\":\"a/3\"}", &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("b.jsonl:1: missing field \"_from\" of an edge");
    assert_eq!(ends(&place), [end("a/1", "a/2"), end("a/2", "a/3")]);
}

#[test]
fn a_collection_of_documents_is_no_collection_of_edges() {
    let place = Place::new();
    place.import_text("a.jsonl", "{\"_key\":\"1\"}", &[]).expect(0, [1, 0, 0, 0]);
    let ran = place.import_text("b.jsonl", "{\"_from\":\"a/1\",\"_to\":\"a/2\"}", &["--edge"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(place.docs(), ["{\"_key\":\"1\"}"]);
}

#[test]
fn edges_are_deleted_by_key_without_their_ends() {
    let place = Place::new();
    place
        .import_text("a.jsonl", "{\"_key\":\"1\",\"_from\":\"a/1\",\"_to\":\"a/2\"}", &["--edge"])
        .expect(0, [1, 0, 0, 0]);
    let ran = place.import_text("b.jsonl", "{\"_key\":\"1\"}", &["--delete-keys"]);
    ran.expect(0, [0, 0, 0, 0]);
    assert_eq!(ran.count("deleted"), 1);
}

#[test]
fn ends_may_be_renamed_or_joined_and_then_get_their_prefix() {
    let place = Place::new();
    let arguments = ["--edge", "--translate", "film=_from", "--merge-attributes", "_to=[first]-[last]"];
    let prefixes = ["--from-prefix", "films", "--to-prefix", "people"];
    let text = "film,first,last\n007,david,fincher\n";
    place.import_text("a.csv", text, &[&arguments[..], &prefixes].concat()).expect(0, [1, 0, 0, 0]);
    assert_eq!(ends(&place), [end("films/007", "people/david-fincher")]);
}

#[test]
fn in_a_run_into_several_collections_a_prefix_is_for_edges_alone() {
    let place = Place::new();
    let prefix = ["--from-prefix", "films"];
    place.run(&["--edge", place.file("roads.jsonl", "{\"_from\":\"a/1\",\"_to\":\"a/2\"}\n")]).expect(0, [1, 0, 0, 0]);
    place.file("roads.jsonl", "{\"_from\":1,\"_to\":\"a/2\"}\n");
    place.file("plain.jsonl", "{\"_from\":1, \"n\":1.0}\n");
    let files = ["plain.jsonl", "roads.jsonl"];
    place.run(&[&prefix[..], &files].concat()).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.rows("plain")[0].doc, "{\"_from\":1, \"n\":1.0}");
    assert_eq!(place.rows("roads")[1].doc, "{\"_from\":\"films/1\",\"_to\":\"a/2\"}");
}

#[test]
fn a_prefix_for_a_file_needs_edges() {
    let place = Place::new();
    let ran = place.run(&["--to", "-", "-c", "c", "--from-prefix", "p", place.file("a.jsonl", "{\"_from\":1}\n")]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("error: --from-prefix and --to-prefix require --edge\nhint: add `--edge`"));
}

#[test]
fn an_edge_too_deep_for_its_columns_is_one_error() {
    let place = Place::new();
    let edge = |value: &str| format!("{{\"_from\":\"a/1\",\"_to\":\"b/2\",\"x\":{value}}}\n");
    let deep = edge(&format!("{}{}", "[".repeat(1100), "]".repeat(1100)));
    let text = [edge("1"), deep, edge("2")].concat();
    place
        .import_text("a.jsonl", text, &["--edge"])
        .expect(1, [2, 1, 0, 0])
        .prints("a.jsonl:2: SQLite cannot read this");
}
