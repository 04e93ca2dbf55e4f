//! What goes in comes out: the repository's test data through the store.

use crate::support::{Place, testdata};
use serde_json::Value;

fn text(name: &str) -> String {
    std::fs::read_to_string(testdata(name)).expect("testdata")
}

/// The documents of a file of the test data.
#[track_caller]
fn docs(name: &str, arguments: &[&str]) -> Vec<String> {
    let place = Place::new();
    let path = testdata(name);
    let ran = place.import(&[arguments, &[path.to_str().expect("UTF-8")]].concat());
    let docs = place.docs();
    ran.expect(0, [docs.len() as u64, 0, 0, 0]);
    docs
}

fn values(docs: &[String]) -> Vec<Value> {
    docs.iter().map(|doc| serde_json::from_str(doc).expect("JSON")).collect()
}

#[test]
fn hostile_lines_come_out_to_the_byte() {
    let hostile = text("hostile.jsonl");
    assert_eq!(docs("hostile.jsonl", &[]), hostile.lines().collect::<Vec<_>>());
    assert_eq!(docs("hostile.jsonl", &["-t", "json"]), hostile.lines().collect::<Vec<_>>());
}

#[test]
fn hostile_lines_come_out_to_the_byte_through_pipes_arrays_and_small_batches() {
    let hostile = text("hostile.jsonl");
    let lines: Vec<&str> = hostile.lines().collect();
    let array = format!("[{}]", lines.join("\n,\t"));
    for (arguments, input) in [
        (&["-c", "c", "--batch-size", "1"][..], hostile.as_str()),
        (&["-c", "c", "--batch-bytes", "100"], &hostile),
        (&["-c", "c", "-t", "json"], &array),
    ] {
        let place = Place::new();
        place.pipe(arguments, input.as_bytes()).expect(0, [lines.len() as u64, 0, 0, 0]);
        assert_eq!(place.docs(), lines);
    }
}

#[test]
fn hostile_lines_that_replace_themselves_stay_as_they_are() {
    let hostile = text("hostile.jsonl");
    let keyed: Vec<&str> = hostile.lines().filter(|line| *line != "{}").collect();
    for mode in ["replace", "ignore"] {
        let place = Place::new();
        place.import_text("a.jsonl", keyed.join("\n"), &[]).expect(0, [keyed.len() as u64, 0, 0, 0]);
        let ran = place.import(&["--on-duplicate", mode, "a.jsonl"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(place.docs(), keyed, "{mode}");
    }
}

#[test]
fn films_come_out_to_the_byte_where_they_are_json() {
    let films = text("films.jsonl");
    let lines: Vec<&str> = films.lines().collect();
    for name in ["films.jsonl", "films.json", "films.jsonl.gz", "films.jsonl.zst"] {
        assert_eq!(docs(name, &[]), lines, "{name}");
    }
    assert_eq!(docs("films-pretty.json", &[]).join("\n"), text("films-pretty.json").trim_end());
}

#[test]
fn films_are_equal_values_in_every_format() {
    let films = values(&docs("films.jsonl", &[]));
    for (name, arguments) in
        [("films-pretty.json", &[][..]), ("films.csv", &[]), ("films.tsv", &[]), ("films.arrays", &["-t", "arrays"])]
    {
        assert_eq!(values(&docs(name, arguments)), films, "{name}");
    }
}

#[test]
fn films_by_bulk_lines_are_the_same_but_for_their_keys() {
    let place = Place::new();
    let path = testdata("films.bulk");
    let ran = place.import(&["-t", "bulk", path.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut by_bulk: Vec<(String, Value)> =
        place.rows("c").into_iter().map(|row| (row.key, serde_json::from_str(&row.doc).expect("JSON"))).collect();
    let mut films: Vec<(String, Value)> = Vec::new();
    for mut film in values(&docs("films.jsonl", &[])) {
        let key = film.as_object_mut().and_then(|film| film.remove("_key")).expect("a key");
        films.push((key.as_str().expect("a string").to_owned(), film));
    }
    by_bulk.sort_by(|one, other| one.0.cmp(&other.0));
    films.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(by_bulk, films);
}
