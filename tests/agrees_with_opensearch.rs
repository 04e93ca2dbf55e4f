//! The judge of bulk lines on the store is a real OpenSearch: random lists of actions go to both, and items and documents must
//! be the same. One index, other ids for each list; sequence numbers are compared as differences.
//!
//! `BULKIMPORT_TEST_OPENSEARCH` names the server, `BULKIMPORT_TEST_LISTS` says how many lists (200), and
//! `BULKIMPORT_TEST_SEED` which. A list that fails is made as short as it still fails and is kept in `testdata/agrees`, whose
//! lists are tried first from then on.

#[allow(dead_code, reason = "the other test binary uses all of it")]
mod http;
#[path = "agrees/random.rs"]
mod random;
#[path = "agrees/scripts.rs"]
mod scripts;
#[allow(dead_code, reason = "the other test binary uses all of it")]
mod support;

use http::{Answer, Server};
use random::{Act, Random};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use support::Place;

/// The server's index, and the next sequence number in it.
struct Judge {
    server: Server,
    index: String,
    next: i64,
    lists: u64,
}

const RATE: &str = "script.context.update.max_compilations_rate";

/// Items, and what is stored in the end under each key.
type Outcome = (Vec<Value>, BTreeMap<String, Value>);

#[test]
fn the_store_does_with_bulk_lines_what_opensearch_does() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let lists = number("BULKIMPORT_TEST_LISTS", 200);
    let seed = number("BULKIMPORT_TEST_SEED", 1);
    let mut judge = Judge::start(seed);
    println!("seed {seed}, {lists} lists");
    let mut counts = BTreeMap::<String, u64>::new();
    for (name, list) in kept() {
        if let Err(why) = judge.compare(&list, &mut counts) {
            panic!("{name}: {why}");
        }
    }
    counts.clear();
    let mut wrong = Vec::new();
    for at in 0..lists {
        let list = random::list(&mut Random::new(seed.wrapping_mul(1_000_003).wrapping_add(at)));
        if let Err(first) = judge.compare(&list, &mut counts) {
            let short = judge.shrunk(list);
            let why = judge.compare(&short, &mut BTreeMap::new()).err();
            let why = why.unwrap_or_else(|| format!("not again: {first}"));
            let name = format!("{seed}-{at}.bulk");
            keep(&name, &short);
            wrong.push(format!("{name}: {why}\n{}", text(&short)));
            if wrong.len() == 12 {
                break;
            }
        }
    }
    let total: u64 = ["create", "delete", "index", "update"].iter().map(|op| counts.get(*op).unwrap_or(&0)).sum();
    println!("{total} actions");
    for (name, count) in &counts {
        println!("{name}: {count} ({:.1} %)", *count as f64 * 100.0 / total as f64);
    }
    judge.server.delete(&format!("/{}", judge.index));
    judge.server.put("/_cluster/settings", &json!({"transient": {RATE: null}}));
    assert!(wrong.is_empty(), "{}\n{} lists differ (seed {seed})", wrong.join("\n"), wrong.len());
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/agrees"))
}

fn text(list: &[Act]) -> String {
    list.iter()
        .flat_map(|act| [Some(&act.line), act.source.as_ref()])
        .flatten()
        .map(|line| format!("{line}\n"))
        .collect()
}

fn keep(name: &str, list: &[Act]) {
    std::fs::create_dir_all(directory()).expect("a directory for what failed");
    std::fs::write(directory().join(name), text(list)).expect("a file for what failed");
}

/// The lists that failed once, by name.
fn kept() -> BTreeMap<String, Vec<Act>> {
    let Ok(entries) = std::fs::read_dir(directory()) else { return BTreeMap::new() };
    let files = entries.map(|entry| entry.expect("an entry").path());
    files.map(|path| (path.display().to_string(), acts(&std::fs::read_to_string(&path).expect("a list")))).collect()
}

fn acts(text: &str) -> Vec<Act> {
    let mut lines = text.lines();
    let mut acts = Vec::new();
    while let Some(line) = lines.next() {
        let source = if line.starts_with("{\"delete\"") { None } else { lines.next().map(str::to_owned) };
        acts.push(Act { line: line.to_owned(), source });
    }
    acts
}

impl Judge {
    fn start(seed: u64) -> Judge {
        let server = Server::of_variable("BULKIMPORT_TEST_OPENSEARCH");
        let index = format!("bl-agree-{seed}-{}", std::process::id());
        // Versions of deleted documents are kept, and no field has a type that a value could not fit.
        let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "gc_deletes": "5h", "refresh_interval": "-1",
            "translog.durability": "async"});
        let body = json!({"settings": settings, "mappings": {"dynamic": false}});
        // Scripts that do not compile are compiled each time, which the server does only so often.
        server.put("/_cluster/settings", &json!({"transient": {RATE: "100000/1m"}}));
        let judge = Judge { server, index, next: 0, lists: 0 };
        let answer = judge.ask("PUT", "", "application/json", &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        judge
    }

    /// Gives a list to both. One of which the server had no memory for a part is given to it again, under other keys.
    fn compare(&mut self, list: &[Act], counts: &mut BTreeMap<String, u64>) -> Result<(), String> {
        let (prefix, theirs) = loop {
            self.lists += 1;
            let prefix = format!("{}-", self.lists);
            let theirs = self.at_the_server(list, &prefix)?;
            if theirs.0.iter().all(|item| item["status"] != 429) {
                break (prefix, theirs);
            }
        };
        let ours = on_the_store(list, &prefix, &self.index);
        count(list, &theirs.0, counts);
        for (at, (their, our)) in theirs.0.iter().zip(&ours.0).enumerate() {
            if !same(their, our) {
                return Err(format!("action {at}:\n  server {their}\n  store  {our}"));
            }
        }
        if theirs.0.len() != ours.0.len() {
            return Err(format!("{} items of the server, {} of the store", theirs.0.len(), ours.0.len()));
        }
        let different = |key: &&String| !same(&theirs.1[*key], ours.1.get(*key).unwrap_or(&Value::Null));
        match theirs.1.keys().find(different) {
            Some(key) => Err(format!("{key}:\n  server {}\n  store  {:?}", theirs.1[key], ours.1.get(key))),
            None if theirs.1.len() != ours.1.len() => Err(format!("other keys: {:?}", ours.1.keys())),
            None => Ok(()),
        }
    }

    fn at_the_server(&mut self, list: &[Act], prefix: &str) -> Result<Outcome, String> {
        let base = self.next;
        let body = filled(&text(list), prefix, base);
        let answer = self.ask("POST", "/_bulk", "application/x-ndjson", &body);
        let json = answer.json();
        let Some(items) = json["items"].as_array() else { return Err(format!("refused: {}", answer.text())) };
        let items: Vec<Value> = items.iter().map(|item| of_server(item, base)).collect();
        let last = json["items"].as_array().into_iter().flatten().filter_map(|item| {
            item.as_object().and_then(|item| item.values().next()).and_then(|item| item["_seq_no"].as_i64())
        });
        self.next = last.map(|seq| seq + 1).max().unwrap_or(base).max(base);
        let ids: Vec<Value> = (0..4).map(|key| json!(format!("{prefix}k{key}"))).collect();
        let found = self.ask("POST", "/_mget", "application/json", &json!({ "ids": ids }).to_string()).json();
        let documents = found["docs"].as_array().into_iter().flatten().filter(|doc| doc["found"] == true);
        let document = |doc: &Value| {
            let state = json!({"version": doc["_version"], "seq": doc["_seq_no"].as_i64().map(|seq| seq - base),
                "doc": doc["_source"], "routing": doc["_routing"]});
            (doc["_id"].as_str().expect("an id").to_owned(), state)
        };
        Ok((items, documents.map(document).collect()))
    }

    /// Asks again while the server, which may be small and shared, has no memory for it: then it has done nothing.
    fn ask(&self, method: &str, what: &str, kind: &str, body: &str) -> Answer {
        for _ in 0..600 {
            let answer = self.server.ask(method, &format!("/{}{what}", self.index), kind, body.as_bytes());
            if answer.status != 429 {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("the server has no memory for this test");
    }

    /// The list without the actions that it fails without.
    fn shrunk(&mut self, mut list: Vec<Act>) -> Vec<Act> {
        let mut at = 0;
        while at < list.len() {
            let mut shorter = list.clone();
            shorter.remove(at);
            if self.compare(&shorter, &mut BTreeMap::new()).is_err() { list = shorter } else { at += 1 }
        }
        list
    }
}

/// A text for a prefix, and with sequence numbers from a base on.
fn filled(text: &str, prefix: &str, base: i64) -> String {
    let mut out = String::new();
    for (at, piece) in text.replace('§', prefix).split('@').enumerate() {
        match piece.parse::<i64>() {
            Ok(offset) if at % 2 == 1 => out += &(base + offset).to_string(),
            _ => out += piece,
        }
    }
    out
}

fn on_the_store(list: &[Act], prefix: &str, index: &str) -> Outcome {
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
fn of_server(item: &Value, base: i64) -> Value {
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
fn same(one: &Value, other: &Value) -> bool {
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

/// Counts operations, results, errors, scripts, and actions on keys with several.
fn count(list: &[Act], items: &[Value], counts: &mut BTreeMap<String, u64>) {
    let mut add = |name: &str, many: u64| *counts.entry(name.to_owned()).or_default() += many;
    let mut keys = BTreeMap::<&str, u64>::new();
    for (act, item) in list.iter().zip(items) {
        add(item["op"].as_str().unwrap_or_default(), 1);
        add(&format!("result {}", item["result"].as_str().unwrap_or("error")), 1);
        let is_script = act.source.as_ref().is_some_and(|source| source.contains("\"script\""));
        add("scripts", u64::from(is_script));
        *keys.entry(item["id"].as_str().unwrap_or_default()).or_default() += 1;
    }
    add("on keys with several", keys.values().filter(|many| **many > 1).sum());
}
