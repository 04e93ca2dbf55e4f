//! Runs the vectors of the bulk API that hold for OpenSearch on the store: the items in `--results` must be those of the vector, and
//! the documents those that it looks at afterwards. What a server refuses as a whole request is on the store an error with the
//! same words on the action that is to blame, and the rest goes on.
//!
//! The vectors are not part of the repository; `BULKIMPORT_TEST_VECTORS` names their directory.

#[allow(dead_code, reason = "the other test binary uses all of it")]
mod http;
#[path = "vectors/items.rs"]
mod items;
#[allow(dead_code, reason = "the other test binary uses all of it")]
mod support;

use items::{answers, body_of, failed, found_before, items_of, matches, path_of};
use serde_json::{Value, json};
use std::fmt::Write as _;
use support::{Place, Ran};

/// Vectors that do not hold, and why.
const LEFT: &[(&str, &str)] = &[
    ("validate-auto-id-with-external", "an id is made where none is named, so nothing is missing"),
    (
        "extra-keys-ignored-es8-os2",
        "deliberately stricter: an action line with a second key is an error, as in Elasticsearch 9",
    ),
    ("require_alias-url-and-item-override", "the store has no aliases"),
    ("mapping-failure-opensearch", "the store has no mappings"),
    ("ids-of-all-kinds", "a key with U+0000 is refused: many programs that read SQLite see nothing behind it"),
    ("routing-required-is-item-error", "the store has no mappings"),
    ("routing-required-and-auto-id-is-http-500", "the store has no mappings"),
    ("routing-makes-two-documents-of-one-id", "the store has one shard and no aliases"),
    ("auto-create-off-opensearch", "the store has no settings of a cluster"),
    ("unavailable-shards-opensearch", "the store has no replicas"),
    ("mapping-conflicts-strict-and-dynamic", "the store has no mappings"),
    ("field-limit-exceeded-opensearch", "the store has no mappings"),
    ("field-names-refused", "the store has no mappings, and `_id` in a document is kept as it is written"),
    ("immense-term-uses-a-sequence-number", "the store has no mappings"),
    ("ingest-of-upserts", "the store has no pipelines"),
    ("upsert-failing-in-ingest-answers-as-index-without-id", "a pipeline for the whole request is a flag of servers"),
];

/// How many those are. A longer list is a decision, not an accident.
const LEFT_LENGTH: usize = 16;

/// Vectors whose items hold, and whose documents do not, and why.
const ITEMS_ONLY: &[(&str, &str)] = &[(
    "update-rewrites-the-whole-stored-text",
    "the store keeps documents as they are written, the server rewrites what it merges",
)];

/// Vectors that are not about items: methods, headers, parameters of requests, the text of a whole response.
const OF_REQUESTS: &[&str] = &[
    "method-not-allowed",
    "text-plain-rejected",
    "content-type-missing",
    "empty-body",
    "blank-lines-only",
    "refresh-bad-value",
    "wait_for_active_shards-bad-value",
    "wire-text-opensearch",
];

#[test]
fn the_list_of_vectors_that_do_not_hold_is_as_long_as_agreed() {
    assert_eq!(LEFT.len(), LEFT_LENGTH);
    assert_eq!(ITEMS_ONLY.len(), 1);
}

#[test]
fn the_store_answers_bulk_lines_as_the_vectors_say() {
    let directory =
        std::env::var("BULKIMPORT_TEST_VECTORS").expect("BULKIMPORT_TEST_VECTORS names the vectors' directory");
    let text = std::fs::read_to_string(format!("{directory}/elasticsearch.jsonl")).expect("elasticsearch.jsonl");
    let (mut wrong, mut held, mut holds_now) = (String::new(), 0, Vec::new());
    let mut names = Vec::new();
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        let name = vector["name"].as_str().expect("a name").to_owned();
        let is_of_opensearch = vector["targets"].as_array().expect("targets").iter().any(|target| target == "os2");
        if !is_of_opensearch || OF_REQUESTS.contains(&&*name) {
            continue;
        }
        let result = Case { vector: &vector, name: &name }.run();
        match (result, LEFT.iter().any(|(left, _)| *left == name)) {
            (Ok(()), false) => held += 1,
            (Ok(()), true) => holds_now.push(name.clone()),
            (Err(_), true) => {}
            (Err(why), false) => _ = writeln!(wrong, "{name}: {why}"),
        }
        names.push(name);
    }
    println!("{held} of {} vectors hold, {LEFT_LENGTH} are listed as left", names.len());
    for (name, _) in LEFT {
        assert!(names.iter().any(|one| one == name), "{name} is listed here and is no vector");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(holds_now, Vec::<String>::new(), "these are listed as left and hold");
}

struct Case<'v> {
    vector: &'v Value,
    name: &'v str,
}

impl Case<'_> {
    fn run(&self) -> Result<(), String> {
        let place = Place::new();
        for request in self.vector["setup"].as_array().into_iter().flatten() {
            self.set_up(&place, request)?;
        }
        let request = &self.vector["request"];
        let other = request["query"].as_object().into_iter().flatten().find(|(name, _)| *name != "refresh");
        if let Some((name, _)) = other {
            return Err(format!("the parameter {name} of the request"));
        }
        let ran = import(&place, request);
        let items = items_of(&place);
        let said = || format!("exit {}\n{}{}", ran.code, ran.stderr, text(&items));
        let is_refused = self.vector["expect"]["status"] != 200;
        let judged = if is_refused { self.blames(&items, &ran) } else { self.answers(&items) };
        judged.map_err(|why| format!("{why}\n{}", said()))?;
        let state = if is_refused { Ok(()) } else { self.state(&place).map_err(|why| format!("{why}\n{}", said())) };
        if !ITEMS_ONLY.iter().any(|(name, _)| *name == self.name) {
            return state;
        }
        if state.is_err() { Ok(()) } else { Err("its documents hold now".to_owned()) }
    }

    /// Makes an empty collection, or imports.
    fn set_up(&self, place: &Place, request: &Value) -> Result<(), String> {
        let path = path_of(request);
        if path.ends_with("_bulk") {
            let ran = import(place, request);
            return if ran.code == 0 { Ok(()) } else { Err(format!("setup: {}", ran.stderr)) };
        }
        let body = &request["body"];
        let is_plain = body.is_null()
            || *body == json!({})
            || *body == json!({"mappings": {"dynamic": false}})
            || *body == json!({"settings": {"number_of_replicas": 0}});
        let name = path.trim_start_matches('/');
        if !is_plain || name.contains('/') {
            return Err(format!("the store has no such setup: {path} {body}"));
        }
        place.file("none.bulk", "{\"update\":{\"_id\":\"none\"}}\n{\"doc\":{}}\n");
        place.run(&["-t", "bulk", "-c", name, "none.bulk"]).expect(1, [0, 1, 0, 0]);
        Ok(())
    }

    /// Whether the items are those of the vector.
    fn answers(&self, items: &[Value]) -> Result<(), String> {
        let of_servers = ["_shards", "forced_refresh", "_type", "shard", "index_uuid", "resource.type", "resource.id"];
        answers(self.vector, items, &of_servers)
    }

    /// Whether one action has the error for which the server refuses the request.
    fn blames(&self, items: &[Value], ran: &Ran) -> Result<(), String> {
        let error = &self.vector["expect"]["json"]["error"];
        let errors: Vec<&Value> = items.iter().filter(|item| failed(item)).collect();
        if let Some(words) = found_before(self.name, 0).filter(|_| !errors.is_empty()) {
            return if ran.stderr.contains(words) { Ok(()) } else { Err(format!("it does not say {words:?}")) };
        }
        let [one] = errors[..] else { return Err(format!("{} errors, where one was due", errors.len())) };
        let item = one.as_object().and_then(|item| item.values().next()).expect("an item");
        let mut expected = error.clone();
        expected.as_object_mut().map(|error| error.remove("root_cause"));
        matches(&expected, &item["error"])
    }

    /// Whether the documents are those that the vector looks at afterwards.
    fn state(&self, place: &Place) -> Result<(), String> {
        for then in self.vector["then"].as_array().into_iter().flatten() {
            let path = path_of(&then["request"]);
            let path = path.split('?').next().unwrap_or_default();
            let ["", collection, "_doc", key] = path.split('/').collect::<Vec<_>>()[..] else {
                return Err(format!("cannot look at {path}"));
            };
            let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
            let row = place.rows(collection).into_iter().find(|row| row.key == key);
            let expect = &then["expect"];
            let Some(row) = row else {
                if expect["status"] == 404 { continue } else { return Err(format!("{key} is not there")) }
            };
            if expect["status"] != 200 {
                return Err(format!("{key} is there: {}", row.doc));
            }
            let doc: Value = serde_json::from_str(&row.doc).unwrap_or_default();
            if let Some(source) = expect.get("source_exact").filter(|source| doc != **source) {
                return Err(format!("{key}: {}, where {source} was due", row.doc));
            }
            if let Some(text) = expect["source_text"].as_str().map(str::trim_ascii).filter(|text| row.doc != *text) {
                return Err(format!("{key}: {}, where {text} was due", row.doc));
            }
            let sql = format!("SELECT _seq_no FROM \"{collection}\" WHERE _key = ?1");
            let seq: i64 = place.open().query_row(&sql, [&row.key], |row| row.get(0)).expect("a number");
            let state = json!({"_id": row.key, "_seq_no": seq, "_version": row.version, "_source": doc, "found": true, "_index": collection});
            matches(expect.get("json").unwrap_or(&json!({})), &state).map_err(|why| format!("{key}{why}"))?;
        }
        Ok(())
    }
}

/// Imports the lines of a request; an index in its path is the collection.
fn import(place: &Place, request: &Value) -> Ran {
    place.file("in.bulk", body_of(request));
    let path = request["path"].as_str().expect("a path").strip_suffix("/_bulk").unwrap_or_default();
    let index = path.trim_start_matches('/');
    let mut arguments = vec!["-t", "bulk", "--results", "results"];
    if !index.is_empty() {
        arguments.extend(["-c", index]);
    }
    arguments.push("in.bulk");
    place.run(&arguments)
}

fn text(items: &[Value]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect()
}
