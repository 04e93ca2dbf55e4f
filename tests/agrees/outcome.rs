//! Lists of actions, and their outcome on the store and on a server in a common form. In the text of a list `§` stands for the
//! prefix of its keys, and `@3@` for the sequence number that is 3 above that of its first action.

use crate::support::Place;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One action: its line, and the source below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    pub line: String,
    pub source: Option<String>,
}

/// Items, and what is stored in the end under each key.
pub type Outcome = (Vec<Value>, BTreeMap<String, Value>);

pub fn text(list: &[Act]) -> String {
    list.iter()
        .flat_map(|act| [Some(&act.line), act.source.as_ref()])
        .flatten()
        .map(|line| format!("{line}\n"))
        .collect()
}

/// A text for a prefix, and with sequence numbers from a base on.
pub fn filled(text: &str, prefix: &str, base: i64) -> String {
    let mut out = String::new();
    for (at, piece) in text.replace('§', prefix).split('@').enumerate() {
        match piece.parse::<i64>() {
            Ok(offset) if at % 2 == 1 => out += &(base + offset).to_string(),
            _ => out += piece,
        }
    }
    out
}

pub fn on_the_store(list: &[Act], prefix: &str, index: &str) -> Outcome {
    let place = Place::new();
    place.file("in.bulk", filled(&text(list), prefix, 0));
    let ran = place.run(&["-t", "bulk", "-c", index, "--results", "results", "in.bulk"]);
    assert!(matches!(ran.code, 0 | 1), "{}", ran.stderr);
    let results = std::fs::read_to_string(place.path("results")).expect("results");
    let items = results.lines().map(|line| of_store(&serde_json::from_str(line).expect("JSON"))).collect();
    let store = place.open();
    let routed = store.prepare(&format!("SELECT _routing FROM \"{index}\"")).is_ok();
    let routing = if routed { "_routing" } else { "NULL" };
    let mut select = store
        .prepare(&format!("SELECT _key, _version, _seq_no, doc, {routing} FROM \"{index}\""))
        .expect("the collection is there");
    let rows = select.query_map([], |row| {
        let (doc, routing): (String, Option<String>) = (row.get(3)?, row.get(4)?);
        let doc: Value = serde_json::from_str(&doc).expect("JSON");
        let (version, seq): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, json!({"version": version, "seq": seq, "doc": doc, "routing": routing})))
    });
    (items, rows.expect("rows").map(|row| row.expect("a row")).collect())
}

/// An item in a common form.
pub fn of_server(item: &Value, base: i64) -> Value {
    let (op, item) = item.as_object().and_then(|item| item.iter().next()).expect("an item");
    let seq = |value: &Value| value.as_i64().map(|seq| seq - base);
    let mut get = item["get"].clone();
    if get["_seq_no"].is_i64() {
        get["_seq_no"] = json!(seq(&get["_seq_no"]));
    }
    json!({"op": op, "id": item["_id"], "result": item["result"], "status": item["status"], "version": item["_version"],
        "seq": seq(&item["_seq_no"]), "term": item["_primary_term"], "get": get, "error": error(&item["error"], base)})
}

fn of_store(line: &Value) -> Value {
    json!({"op": line["op"], "id": line["id"], "result": line["result"], "status": line["status"], "version": line["version"],
        "seq": line["seq_no"], "term": line["primary_term"], "get": line["get"], "error": error(&line["error"], 0)})
}

/// An error without what is of shards, and without the excerpt of a script and the words of its failure.
fn error(error: &Value, base: i64) -> Value {
    let Some(error) = error.as_object() else { return Value::Null };
    let mut kept = Map::new();
    for name in ["type", "index"] {
        kept.insert(name.to_owned(), error.get(name).cloned().unwrap_or_default());
    }
    let mut reason = error.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(at) = reason.find("required seqNo [") {
        let (start, numbers) = reason.split_at(at);
        let mut moved = start.to_owned();
        for (at, piece) in numbers.split("seqNo [").enumerate() {
            let Some((number, rest)) = piece.split_once(']').filter(|_| at > 0) else {
                moved += piece;
                continue;
            };
            moved += &format!("seqNo [{}]{rest}", number.parse::<i64>().map_or(0, |number| number - base));
        }
        reason = moved;
    }
    kept.insert("reason".to_owned(), json!(reason));
    let cause = error.get("caused_by").cloned().unwrap_or_default();
    // Why a script failed is worded by the Java machine, and by the parser: only the type is agreed.
    let is_script = error.get("type").is_some_and(|kind| kind == "script_exception");
    let cause = if is_script { cause["type"].clone() } else { self::error(&cause, 0) };
    kept.insert("caused_by".to_owned(), cause);
    Value::Object(kept)
}

/// Whether two values are the same, numbers as doubles.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}
