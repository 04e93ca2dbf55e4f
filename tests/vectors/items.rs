//! What the runners of the vectors of the bulk API share: requests, and what an item must look like.

use crate::http::escaped;
use crate::support::Place;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Records that the reader finds wrong before they get anywhere, with its own words for it.
pub const FOUND_BEFORE: &[(&str, &str)] = &[
    ("validate-id-too-long", "the id is too long: 513 bytes, the maximum is 512"),
    ("validate-id-too-long-counts-utf8-bytes", "the id is too long: 513 bytes, the maximum is 512"),
    ("validate-missing-index", "missing \"_index\" in the action line, and no --collection"),
    ("validate-delete-missing-id-kills-whole-bulk", "missing \"_id\" in the action line"),
    ("missing-final-newline-on-action-line", "unexpected end of input before the source of this action"),
    ("only-action-without-source", "unexpected end of input before the source of this action"),
    ("blank-source-line-shifts-parsing", "the source on line 2 is blank"),
    ("blank-source-line-shifts-parsing-opensearch", "the source on line 2 is blank"),
    ("blank-source-line-shifts-parsing-es7", "the source on line 2 is blank"),
    ("empty-action", "the action is an empty object"),
    ("parse-failure-executes-nothing-small-body", "the action is an empty object"),
    ("action-line-not-object-array", "invalid action: expected an object, found an array"),
    ("action-value-scalar", "the metadata of the action is a number, not an object"),
    ("unknown-action-es8.5+", "unknown action \"foo\" (expected index, create, update or delete)"),
    ("unknown-action-opensearch", "unknown action \"foo\" (expected index, create, update or delete)"),
    ("truncated-action-line", "invalid action: unexpected end of line in object"),
    ("truncated-action-line-is-http-500-es8", "invalid action: unexpected end of line in object"),
    ("invalid-utf8-action-line", "invalid action: invalid UTF-8 at byte 32"),
    ("invalid-utf8-action-line-is-http-500-es8", "invalid action: invalid UTF-8 at byte 32"),
    ("invalid-json-source-is-item-error-es7-os2", "the source on line 2"),
    ("invalid-json-source-is-item-error-es8.7", "the source on line 2"),
];

pub fn body_of(request: &Value) -> Vec<u8> {
    if let Some(text) = request["raw_body"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(text) = request["body_base64"].as_str() {
        return from_base64(text);
    }
    if let Some(lines) = request["body_lines"].as_array() {
        let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
        let end = if request["final_newline"] == false { "" } else { "\n" };
        return (lines.join("\n") + end).into_bytes();
    }
    if request["body"].is_null() { Vec::new() } else { request["body"].to_string().into_bytes() }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut many) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | DIGITS.iter().position(|one| *one == digit).expect("base64") as u32;
        many += 6;
        if many >= 8 {
            many -= 8;
            bytes.push((bits >> many) as u8);
            bits &= (1 << many) - 1;
        }
    }
    bytes
}

/// A path with its query.
pub fn path_of(request: &Value) -> String {
    let path = request["path"].as_str().expect("a path");
    let pairs = request["query"].as_object().into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", escaped(value.as_str().unwrap_or_default()))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

pub fn failed(item: &Value) -> bool {
    item.as_object().is_some_and(|item| item.values().any(|item| !item["error"].is_null()))
}

/// The reader's words for the record at this place, where the case says that it is found wrong before it is sent.
pub fn found_before(name: &str, at: usize) -> Option<&'static str> {
    // In these vectors, the first item is the bad one of those whose request is not refused.
    let first_only = name.starts_with("invalid-json-source");
    FOUND_BEFORE.iter().find(|(one, _)| *one == name && (at == 0 || !first_only)).map(|(_, words)| *words)
}

/// The results in the order of the records, each as an item of the server's kind.
pub fn items_of(place: &Place) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path("results")).unwrap_or_default();
    let mut all: BTreeMap<u64, Value> = BTreeMap::new();
    for line in text.lines() {
        let result: Value = serde_json::from_str(line).expect("a line of the results is JSON");
        let fields = [
            ("index", "_index"),
            ("id", "_id"),
            ("version", "_version"),
            ("result", "result"),
            ("seq_no", "_seq_no"),
            ("primary_term", "_primary_term"),
            ("status", "status"),
            ("get", "get"),
            ("error", "error"),
        ];
        let fields = fields.iter().filter(|(ours, _)| !result[ours].is_null());
        let item: Map<String, Value> =
            fields.map(|(ours, theirs)| ((*theirs).to_owned(), result[ours].clone())).collect();
        let op = result["op"].as_str().unwrap_or("none");
        let before = all.insert(result["record"].as_u64().expect("a record's number"), json!({op: item}));
        assert!(before.is_none(), "a record twice in the results: {text}");
    }
    all.into_values().collect()
}

/// Whether items are those that a vector expects. `dropped` are fields of a server's item and of its error that they lack.
pub fn answers(vector: &Value, items: &[Value], dropped: &[&str]) -> Result<(), String> {
    let name = vector["name"].as_str().expect("a name");
    let expected = vector["expect"]["json"]["items"].as_array().ok_or("no items are expected")?;
    if expected.len() != items.len() {
        return Err(format!("{} items, where {} were due", items.len(), expected.len()));
    }
    for (at, (expected, item)) in expected.iter().zip(items).enumerate() {
        if let Some(words) = found_before(name, at) {
            if !failed(item) || !item.to_string().replace("\\\"", "\"").contains(words) {
                return Err(format!("item {at} is no error that says {words:?}"));
            }
            continue;
        }
        matches(&carried(expected, dropped), item).map_err(|why| format!("item {at}{why}"))?;
    }
    for path in vector["absent"].as_array().into_iter().flatten() {
        let path: Vec<&str> = path.as_str().expect("a path").split('.').skip(1).collect();
        let at: usize = path[0].parse().expect("a number");
        let found = path[1..].iter().try_fold(&items[at], |value, name| value.get(*name));
        if found.is_some_and(|found| !found.is_null()) {
            return Err(format!("item {at} has {}", path[1..].join(".")));
        }
    }
    Ok(())
}

/// An expected item without what the results lack.
fn carried(item: &Value, dropped: &[&str]) -> Value {
    let mut item = item.clone();
    for result in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(result) = result.as_object_mut() {
            result.retain(|name, value| !dropped.contains(&name.as_str()) && !(name == "_id" && value.is_null()));
            if let Some(error) = result.get_mut("error").and_then(Value::as_object_mut) {
                error.retain(|name, _| !dropped.contains(&name.as_str()));
            }
        }
    }
    item
}

/// Whether a value has all that is expected; the error is the path of what it has not.
pub fn matches(expected: &Value, actual: &Value) -> Result<(), String> {
    let wrong = || Err(format!(": {actual}, where {expected} was due"));
    match expected {
        Value::Object(fields) => {
            if let Some((matcher, argument)) = fields.iter().next().filter(|(name, _)| name.starts_with('$')) {
                let good = match (matcher.as_str(), argument.as_str().unwrap_or_default()) {
                    ("$type", "int") => actual.is_i64(),
                    ("$type", "list") => actual.is_array(),
                    ("$prefix", prefix) => actual.as_str().is_some_and(|text| text.starts_with(prefix)),
                    // An id that the server makes; here it is made before.
                    ("$re", "[A-Za-z0-9_-]{20}") => actual.as_str().is_some_and(|id| !id.is_empty()),
                    _ => panic!("unknown matcher {expected}"),
                };
                return if good { Ok(()) } else { wrong() };
            }
            for (name, value) in fields {
                matches(value, actual.get(name).unwrap_or(&Value::Null)).map_err(|why| format!(".{name}{why}"))?;
            }
            if actual.is_object() { Ok(()) } else { wrong() }
        }
        Value::Array(elements) => match actual.as_array() {
            Some(others) if others.len() == elements.len() => {
                elements.iter().zip(others).try_for_each(|(element, other)| matches(element, other))
            }
            _ => wrong(),
        },
        _ if expected == actual => Ok(()),
        _ => wrong(),
    }
}
