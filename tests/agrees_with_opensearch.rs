//! The judge of bulk lines on the store is a real OpenSearch: random lists of actions go to both, and items and documents must
//! be the same. One index, other ids for each list; sequence numbers are compared as differences.
//!
//! `BULKIMPORT_TEST_OPENSEARCH` names the server, `BULKIMPORT_TEST_LISTS` says how many lists (200), and
//! `BULKIMPORT_TEST_SEED` which. A list that fails is made as short as it still fails and is kept in `testdata/agrees`, whose
//! lists are tried first from then on.

#[allow(dead_code, reason = "the other test binary uses all of it")]
mod http;
#[path = "agrees/outcome.rs"]
mod outcome;
#[path = "agrees/random.rs"]
mod random;
#[path = "agrees/scripts.rs"]
mod scripts;
#[allow(dead_code, reason = "the other test binary uses all of it")]
mod support;
#[path = "agrees/written.rs"]
mod written;

use http::{Answer, Server};
use outcome::{Act, Outcome, filled, of_server, on_the_store, same, text};
use random::Random;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The server's index, and the next sequence number in it.
struct Judge {
    server: Server,
    index: String,
    next: i64,
    lists: u64,
    _alone: MutexGuard<'static, ()>,
}

/// The tests change a setting of the whole server, so they run one after the other.
static ALONE: Mutex<()> = Mutex::new(());

const RATE: &str = "script.context.update.max_compilations_rate";

#[test]
fn the_store_does_with_bulk_lines_what_opensearch_does() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let lists = number("BULKIMPORT_TEST_LISTS", 200);
    let seed = number("BULKIMPORT_TEST_SEED", 1);
    let mut judge = Judge::start(&seed.to_string());
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
    judge.end();
    assert!(wrong.is_empty(), "{}\n{} lists differ (seed {seed})", wrong.join("\n"), wrong.len());
}

#[test]
fn scripts_as_people_write_them_do_the_same_on_both() {
    let mut judge = Judge::start("written");
    let all = written::all();
    let mut wrong = String::new();
    for script in &all {
        let timeless = |(items, documents): Outcome| -> Outcome {
            (
                items,
                documents.into_iter().map(|(key, stored)| (key, written::timeless(&stored, written::now()))).collect(),
            )
        };
        let judged = judge.outcomes(&script.list).and_then(|(theirs, ours)| {
            script.check(&theirs).map_err(|why| format!("server: {why}"))?;
            script.check(&ours).map_err(|why| format!("store: {why}"))?;
            compare(&timeless(theirs), &timeless(ours))
        });
        if let Err(why) = judged {
            wrong += &format!("{}: {why}\n", script.name);
        }
    }
    println!("{} scripts ran on both", all.len());
    judge.end();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn opensearch_runs_what_the_page_calls_unsupported() {
    let mut judge = Judge::start("unsupported");
    let mut wrong = String::new();
    for list in written::unsupported() {
        match judge.outcomes(&list) {
            Ok(((theirs, _), (ours, _))) if theirs[1]["result"] == "updated" && !ours[1]["error"].is_null() => {}
            other => wrong += &format!("{list:?}: {other:?}\n"),
        }
    }
    judge.end();
    assert!(wrong.is_empty(), "{wrong}");
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/agrees"))
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
    fn start(name: &str) -> Judge {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let server = Server::of_variable("BULKIMPORT_TEST_OPENSEARCH");
        let index = format!("bl-agree-{name}-{}", std::process::id());
        // Versions of deleted documents are kept, and no field has a type that a value could not fit.
        let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "gc_deletes": "5h", "refresh_interval": "-1",
            "translog.durability": "async"});
        let body = json!({"settings": settings, "mappings": {"dynamic": false}});
        // Scripts that do not compile are compiled each time, which the server does only so often.
        server.put("/_cluster/settings", &json!({"transient": {RATE: "100000/1m"}}));
        let judge = Judge { server, index, next: 0, lists: 0, _alone: alone };
        let answer = judge.ask("PUT", "", "application/json", &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        judge
    }

    /// Leaves the server as it was.
    fn end(&self) {
        self.server.delete(&format!("/{}", self.index));
        self.server.put("/_cluster/settings", &json!({"transient": {RATE: null}}));
    }

    /// Compares the outcomes of a list.
    fn compare(&mut self, list: &[Act], counts: &mut BTreeMap<String, u64>) -> Result<(), String> {
        let (theirs, ours) = self.outcomes(list)?;
        count(list, &theirs.0, counts);
        compare(&theirs, &ours)
    }

    /// Gives a list to the server and to the store. One of which the server had no memory for a part is given to it again,
    /// under other keys.
    fn outcomes(&mut self, list: &[Act]) -> Result<(Outcome, Outcome), String> {
        loop {
            self.lists += 1;
            let prefix = format!("{}-", self.lists);
            let theirs = self.at_the_server(list, &prefix)?;
            if theirs.0.iter().all(|item| item["status"] != 429) {
                return Ok((theirs, on_the_store(list, &prefix, &self.index)));
            }
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

/// How two outcomes differ, if they do.
fn compare(theirs: &Outcome, ours: &Outcome) -> Result<(), String> {
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
