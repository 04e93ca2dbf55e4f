//! A vector of the import API: its body is imported with our flags for its parameters, and then the counts and the documents
//! must be its own.

use crate::http::{Server, escaped};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

pub fn name(vector: &Value) -> String {
    vector["name"].as_str().expect("a vector has a name").to_owned()
}

/// Whether a parameter is on, as the server reads it.
pub fn is_on(vector: &Value, name: &str) -> bool {
    let value = vector["request"]["query"][name].as_str().unwrap_or_default().trim().to_lowercase();
    ["true", "yes", "on", "y", "1", "\u{2713}"].contains(&value.as_str())
}

fn parameter<'v>(vector: &'v Value, name: &str) -> Option<&'v str> {
    vector["request"]["query"][name].as_str()
}

/// Makes the collections and documents that a case begins with.
pub fn set_up(vector: &Value, server: &Server, database: &str) {
    let made =
        server.ask("POST", "/_api/database", "application/json", json!({"name": database}).to_string().as_bytes());
    assert!(matches!(made.status, 201 | 409), "{}", made.text());
    for collection in vector["setup"]["collections"].as_array().into_iter().flatten() {
        let mut keys = json!({});
        for (ours, theirs) in [("allowUserKeys", "allowUserKeys"), ("keyGenerator", "type")] {
            if !collection[ours].is_null() {
                keys[theirs] = collection[ours].clone();
            }
        }
        let kind = if collection["type"] == "edge" { 3 } else { 2 };
        let mut body = json!({"name": collection["name"], "type": kind, "keyOptions": keys});
        if let Some(required) = collection["schemaRequired"].as_array() {
            body["schema"] =
                json!({"rule": {"type": "object", "required": required}, "level": "strict", "message": ""});
        }
        server.post(&format!("/_db/{database}/_api/collection"), &body);
        for fields in collection["uniqueIndexes"].as_array().into_iter().flatten() {
            let name = collection["name"].as_str().expect("a name");
            let index = json!({"type": "persistent", "unique": true, "sparse": false, "fields": fields});
            server.post(&format!("/_db/{database}/_api/index?collection={}", escaped(name)), &index);
        }
    }
    for document in vector["setup"]["docs"].as_array().into_iter().flatten() {
        let collection = document["collection"].as_str().expect("a collection");
        server.post(&format!("/_db/{database}/_api/document/{}", escaped(collection)), &document["doc"]);
    }
}

/// Our flags for the parameters of the request.
fn flags(vector: &Value, edge: bool) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| flags.extend(words.iter().map(|word| (*word).to_owned()));
    match parameter(vector, "type") {
        Some("documents") => add(&["-t", "jsonl"]),
        Some("array" | "list") => add(&["-t", "json"]),
        Some("auto") => {}
        None | Some("") => add(&["-t", "arrays"]),
        Some(other) => add(&["-t", other]),
    }
    for (name, flag) in [("collection", "--collection"), ("onDuplicate", "--on-duplicate")] {
        if let Some(value) = parameter(vector, name) {
            add(&[flag, value]);
        }
    }
    for (name, flag) in [
        ("complete", "--complete"),
        ("overwrite", "--overwrite"),
        ("waitForSync", "--wait-for-sync"),
        ("ignoreMissing", "--ignore-missing"),
    ] {
        if is_on(vector, name) {
            add(&[flag]);
        }
    }
    let prefixes = [("fromPrefix", "--from-prefix"), ("toPrefix", "--to-prefix")];
    for (name, flag) in prefixes.iter().filter(|_| edge) {
        if let Some(value) = parameter(vector, name) {
            add(&[flag, value]);
        }
    }
    if is_on(vector, "overwriteCollectionPrefix") && prefixes.iter().any(|(name, _)| parameter(vector, name).is_some())
    {
        add(&["--overwrite-collection-prefix"]);
    }
    flags
}

fn collection_of<'v>(vector: &'v Value) -> Option<&'v Value> {
    let name = parameter(vector, "collection")?;
    vector["setup"]["collections"].as_array()?.iter().find(|collection| collection["name"] == name)
}

/// Imports the body, and returns the exit code and the summary.
fn import(vector: &Value, to: &str, more: &[String], directory: &Path) -> (i32, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulkimport"))
        .args(["--to", to, "--summary", "json"])
        .args(more)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("bulkimport starts");
    let body = vector["request"]["body"].as_str().unwrap_or_default();
    // A run that is refused at once does not read its input.
    let _ = child.stdin.take().expect("piped").write_all(body.as_bytes());
    let output = child.wait_with_output().expect("bulkimport ends");
    (output.status.code().expect("an exit code"), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

pub fn on_model(vector: &Value, server: &Server, database: &str) -> Result<(), String> {
    let request = &vector["request"];
    if request["method"] != "POST" || request["path"] != "/_api/import" {
        return Err("is not sent".to_owned());
    }
    set_up(vector, server, database);
    let collection = collection_of(vector);
    let mut words = flags(vector, collection.is_some_and(|collection| collection["type"] == "edge"));
    let makes_keys =
        collection.is_some_and(|about| about["allowUserKeys"] == false || about["keyGenerator"] == "autoincrement");
    if makes_keys {
        words.push("--server-keys".to_owned());
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (code, summary) = import(vector, &format!("arangodb+{}/_db/{database}", server.url), &words, directory.path());
    let documents = |name: &str| {
        let dump = server.get(&format!("/_db/{database}/_model/dump/{}?bare=1", escaped(name)));
        dump.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    judge(vector, code, &summary, documents)
}

pub fn on_store(vector: &Value) -> Result<(), String> {
    let request = &vector["request"];
    if request["method"] != "POST" || request["path"] != "/_api/import" {
        return Err("is not sent".to_owned());
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    for document in vector["setup"]["docs"].as_array().into_iter().flatten() {
        let collection = document["collection"].as_str().expect("a collection");
        let about = vector["setup"]["collections"]
            .as_array()
            .expect("collections")
            .iter()
            .find(|one| one["name"] == collection);
        let mut words = vec!["-c".to_owned(), collection.to_owned(), "-t".to_owned(), "jsonl".to_owned()];
        words.extend(about.filter(|about| about["type"] == "edge").map(|_| "--edge".to_owned()));
        let setup = json!({"request": {"body": document["doc"].to_string()}});
        assert_eq!(import(&setup, "s.db", &words, directory.path()).0, 0, "set up");
    }
    let collection = collection_of(vector);
    let edge = collection.is_some_and(|collection| collection["type"] == "edge");
    let mut words = flags(vector, edge);
    words.extend(edge.then(|| "--edge".to_owned()));
    words.extend(collection.is_none().then(|| "--create-collection=false".to_owned()));
    for fields in collection.and_then(|about| about["uniqueIndexes"].as_array()).into_iter().flatten() {
        words.extend(["--unique".to_owned(), fields[0].as_str().expect("a field").to_owned()]);
    }
    let (code, summary) = import(vector, "s.db", &words, directory.path());
    judge(vector, code, &summary, |name| stored(&directory.path().join("s.db"), name))
}

/// The documents of a collection of a store, with their keys.
fn stored(store: &Path, collection: &str) -> Vec<Value> {
    if !store.exists() {
        return Vec::new();
    }
    let store = rusqlite::Connection::open(store).expect("the store opens");
    let Ok(mut select) = store.prepare(&format!("SELECT _key, doc FROM \"{collection}\"")) else { return Vec::new() };
    let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).expect("rows");
    rows.map(|row| {
        let (key, doc) = row.expect("a row");
        let mut document: Value = serde_json::from_str(&doc).expect("JSON");
        document["_key"] = Value::from(key);
        document
    })
    .collect()
}

fn judge(vector: &Value, code: i32, summary: &Value, documents: impl Fn(&str) -> Vec<Value>) -> Result<(), String> {
    let mut said = Vec::new();
    let expect = &vector["expect"];
    if expect["status"] == 201 {
        for count in ["created", "updated", "ignored", "errors", "empty"] {
            let (ours, theirs) = (summary[count].as_u64(), expect["json"][count].as_u64());
            if theirs.is_some() && ours != theirs {
                said.push(match ours {
                    Some(ours) => format!("{count} {ours}"),
                    None => format!("exit {code}: {}", summary["error"].as_str().unwrap_or_default()),
                });
            }
        }
        let errors = expect["json"]["errors"].as_u64().unwrap_or(0);
        if said.is_empty() && (code == 0) != (errors == 0) {
            said.push(format!("exit {code}"));
        }
    } else if code == 0 {
        said.push(format!("exit 0 with {} created", summary["created"]));
    }
    said.dedup();
    for (name, after) in expect["docs_after"].as_object().into_iter().flatten() {
        let found = documents(name);
        if let Some(many) = after["count"].as_u64().filter(|many| *many != found.len() as u64) {
            said.push(format!("{} documents, not {many}", found.len()));
        } else if let Some(expected) = after["docs"].as_array() {
            let left = without(found, expected);
            if !left.is_empty() {
                said.push(format!("holds {}", json!(left)));
            }
        }
    }
    if said.is_empty() { Ok(()) } else { Err(said.join("; ")) }
}

/// The documents that are none of those expected; a key counts where one is expected.
fn without(mut found: Vec<Value>, expected: &[Value]) -> Vec<Value> {
    // Those with keys first: the others match more.
    let (keyed, others): (Vec<&Value>, Vec<&Value>) =
        expected.iter().partition(|document| document["_key"].is_string());
    for document in keyed.into_iter().chain(others) {
        let has_key = document["_key"].is_string();
        if let Some(place) = found.iter().position(|one| bare(one, has_key) == bare(document, has_key)) {
            found.remove(place);
        }
    }
    found
}

fn bare(document: &Value, with_key: bool) -> Value {
    let fields = document.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, _)| !matches!(name.as_str(), "_id" | "_rev") && (with_key || *name != "_key"));
    Value::Object(kept.map(|(name, value)| (name.clone(), normal(value))).collect::<Map<_, _>>())
}

/// Numbers compare by value: `1.0` is stored as it was written.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}
