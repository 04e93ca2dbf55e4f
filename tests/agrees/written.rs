//! `testdata/scripts.jsonl`: updates by scripts as people write them, each with what OpenSearch 2.19.1 did.

use crate::outcome::{Act, Outcome, same};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A script with its document, and what became of it when it was recorded.
pub struct Written {
    pub name: String,
    /// The actions: the document, if there is one, and the update.
    pub list: Vec<Act>,
    recorded: Value,
}

/// All of them.
pub fn all() -> Vec<Written> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/scripts.jsonl");
    std::fs::read_to_string(path).expect("scripts.jsonl").lines().map(Written::read).collect()
}

/// The scripts of which `docs/scripts.md` says that they are not supported, each with a document.
pub fn unsupported() -> Vec<Vec<Act>> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scripts.md");
    let page = std::fs::read_to_string(page).expect("a page");
    let block =
        page.split("```painless\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of scripts");
    let list = |source: &str| {
        let act = |op: &str, source: &Value| Act {
            line: format!("{{\"{op}\":{{\"_id\":\"§k0\"}}}}"),
            source: Some(source.to_string()),
        };
        let document = json!({"n": 1, "s": "abc", "l": [3, 1, 2], "m": {"a": 1}});
        let script = json!({"script": {"source": source, "params": {"l": [1]}}});
        vec![act("index", &document), act("update", &script)]
    };
    block.lines().map(list).collect()
}

impl Written {
    fn read(line: &str) -> Written {
        let recorded: Value = serde_json::from_str(line).expect("JSON");
        let raw: BTreeMap<&str, &RawValue> = serde_json::from_str(line).expect("JSON");
        let mut list = Vec::new();
        if let Some(before) = raw.get("before") {
            // A script may look at the version that the document had.
            let version = recorded["version"].as_i64().map(|version| version.to_string());
            let meta = version
                .map_or(String::new(), |version| format!(",\"version\":{version},\"version_type\":\"external\""));
            let line = format!("{{\"index\":{{\"_id\":\"§k0\"{meta}}}}}");
            list.push(Act { line, source: Some(before.to_string()) });
        }
        let params = raw.get("params").map_or(String::new(), |params| format!(",\"params\":{params}"));
        let script = format!("{{\"source\":{},\"lang\":\"painless\"{params}}}", raw["source"]);
        let upsert =
            raw.get("upsert").map_or(String::new(), |upsert| format!(",\"upsert\":{upsert},\"scripted_upsert\":true"));
        let source = format!("{{\"script\":{script}{upsert}}}");
        list.push(Act { line: "{\"update\":{\"_id\":\"§k0\"}}".to_owned(), source: Some(source) });
        Written { name: recorded["name"].as_str().expect("a name").to_owned(), list, recorded }
    }

    /// Why an outcome is not the recorded one, if it is not.
    pub fn check(&self, (items, documents): &Outcome) -> Result<(), String> {
        let item = items.last().ok_or("no item")?;
        let found = if item["error"].is_null() { json!({"result": item["result"]}) } else { failure(&item["error"]) };
        let names = ["result", "error", "phase"];
        let expected: Value = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.recorded.get(*name)?.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        if found != expected {
            return Err(format!("{item}, where {expected} was recorded"));
        }
        let left = match item["result"].as_str() {
            Some("updated" | "created") => Some(&self.recorded["after"]),
            Some("deleted") => None,
            _ => self.recorded.get("before"),
        };
        let document = documents.values().next().map(|stored| stored["doc"].clone());
        let is_same = match (&document, left, self.recorded["now"].as_i64()) {
            (Some(document), Some(left), Some(moment)) => same(&timeless(document, now()), &timeless(left, moment)),
            (Some(document), Some(left), None) => same(document, left),
            (None, None, _) => true,
            _ => false,
        };
        if is_same { Ok(()) } else { Err(format!("{document:?}, where {left:?} was recorded")) }
    }
}

/// Kind and phase of the error of an item.
fn failure(error: &Value) -> Value {
    let cause = &error["caused_by"];
    if cause["type"] == "script_exception" {
        return json!({"error": cause["caused_by"], "phase": cause["reason"]});
    }
    json!({"error": error["type"], "phase": "item"})
}

/// The time in milliseconds.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A document whose times from the last minute before a moment are replaced by a word.
pub fn timeless(document: &Value, moment: i64) -> Value {
    match document {
        Value::Number(number) if number.as_i64().is_some_and(|time| (0..60_000).contains(&(moment - time))) => {
            json!("now")
        }
        Value::Array(elements) => elements.iter().map(|element| timeless(element, moment)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), timeless(value, moment)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
