//! The documents of `testdata/hostile.jsonl` in the model: whatever is not refused by name must come out as it went in.

use crate::http::Server;
use bulkimport::json::same_value;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;

/// Documents that are refused, and the kind of the error.
const REFUSED: [(&str, &str); 14] = [
    ("escape-lone-surrogate", "lossy"),
    ("escape-lone-surrogate-name", "lossy"),
    ("name-twice", "lossy"),
    ("name-twice-spelt-differently", "lossy"),
    ("number-100-digits", "lossy"),
    ("number-2-63", "lossy"),
    ("number-2-64", "lossy"),
    ("number-alone-in-array", "lossy"),
    ("number-digits", "lossy"),
    ("number-too-large", "lossy"),
    ("number-too-small", "lossy"),
    ("shape-deep-200", "too_deep"),
    ("shape-deep-600", "too_deep"),
    ("shape-deep-objects-600", "too_deep"),
];
/// Documents that are refused with `--lossy` too: the server cannot read them, or not in the array in which results have it
/// answer each.
const UNREADABLE: [(&str, &str); 6] = [
    ("name-twice", "invalid_json"),
    ("name-twice-spelt-differently", "invalid_json"),
    ("number-too-large", "invalid_json"),
    ("shape-deep-200", "too_deep"),
    ("shape-deep-600", "too_deep"),
    ("shape-deep-objects-600", "too_deep"),
];

/// The key that a document is written with; empty if that takes more than a look.
fn key(line: &str) -> &str {
    line.split_once("\"_key\"").and_then(|(_, rest)| rest.split('"').nth(1)).unwrap_or_default()
}

/// A document without its key and its blanks, for those that nest too deep to be compared by value.
fn flat(line: &str) -> String {
    line.replace(&format!("\"_key\":\"{}\",", key(line)), "").replace(' ', "")
}

fn bare(line: &str) -> String {
    let mut document: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(line).expect("an object");
    document.retain(|name, _| !matches!(name.as_str(), "_key" | "_id" | "_rev"));
    json!(document).to_string()
}

/// Imports the file; which documents were refused and why, and which came out other than they went in.
pub fn import(server: &Server, database: &str, lossy: bool) -> (Vec<(String, String)>, Vec<String>) {
    server.post("/_api/database", &json!({"name": database}));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/hostile.jsonl");
    let to = format!("arangodb+{}/_db/{database}", server.url);
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulkimport"));
    command.args(["--to", &to, "-c", "c", "--create-collection", "--summary", "json", "--results", "-", path]);
    let output = command.args(lossy.then_some("--lossy")).output().expect("bulkimport runs");
    let lines = std::fs::read_to_string(path).expect("hostile.jsonl");
    let lines: Vec<&str> = lines.lines().filter(|line| !line.trim().is_empty()).collect();
    let results = String::from_utf8(output.stdout).expect("UTF-8");
    let results: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(results.len(), lines.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let record = |result: &Value| lines[result["record"].as_u64().expect("a number") as usize - 1];
    // A record that is refused before it has a key has none in its result.
    let name = |result: &Value| result["id"].as_str().unwrap_or_else(|| key(record(result))).to_owned();
    let mut refused: Vec<(String, String)> = results
        .iter()
        .filter(|result| result["counted"] != "created")
        .map(|result| (name(result), result["error"]["type"].as_str().unwrap_or_default().to_owned()))
        .collect();
    refused.sort();
    let dump = server.get(&format!("/_db/{database}/_model/dump/c?bare=1")).text();
    let stored: BTreeMap<&str, &str> = dump.lines().map(|line| (key(line), line)).collect();
    let mut other = Vec::new();
    for result in &results {
        let (line, name) = (record(result), name(result));
        match stored.get(&*name) {
            Some(theirs) if flat(theirs) == flat(line) => {}
            Some(theirs) if serde_json::from_str::<Value>(line).is_ok() && same_value(&bare(line), &bare(theirs)) => {}
            Some(_) => other.push(name),
            None => {
                assert!(refused.iter().any(|(refused, _)| *refused == name), "{name} is neither stored nor refused")
            }
        }
    }
    other.sort();
    (refused, other)
}

pub fn check(server: &Server, database: impl Fn(usize) -> String) {
    let named = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(key, kind)| ((*key).to_owned(), (*kind).to_owned())).collect()
    };
    let (refused, other) = import(server, &database(0), false);
    assert_eq!((refused, other), (named(&REFUSED), Vec::new()), "without --lossy nothing comes out changed");
    let (refused, other) = import(server, &database(1), true);
    assert_eq!(refused, named(&UNREADABLE), "with --lossy");
    let changed: Vec<&str> =
        REFUSED.iter().map(|(key, _)| *key).filter(|key| other.iter().any(|one| one == key)).collect();
    assert_eq!(other, changed, "with --lossy only what is refused without it is changed");
    println!(
        "hostile.jsonl: {} refused; with --lossy {} refused and {} changed: {}",
        REFUSED.len(),
        UNREADABLE.len(),
        changed.len(),
        changed.join(", ")
    );
}
