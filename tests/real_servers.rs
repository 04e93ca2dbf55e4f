//! Small end-to-end facts on real servers: OpenSearch 2.19, Elasticsearch 7.17 and 8.7, whose URLs are in
//! `BULKIMPORT_TEST_OPENSEARCH`, `BULKIMPORT_TEST_ES7` and `BULKIMPORT_TEST_ES8`. A missing one is a failure: a test that does
//! not run proves nothing. What a server holds is asked with a client of the tests' own.

#[allow(dead_code, reason = "the other test binaries use all of it")]
mod http;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod live;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod support;

#[path = "servers/refusals.rs"]
mod refusals;

use http::{Server, escaped};
use live::{Live, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use support::{Place, Ran, testdata};

/// An index of a test's own on one of the servers; it goes with the test.
struct Index {
    server: Server,
    /// os2, es7 or es8.
    kind: &'static str,
    name: String,
}

/// A new name on each server.
fn everywhere() -> Vec<Index> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let kinds = [("os2", "BULKIMPORT_TEST_OPENSEARCH"), ("es7", "BULKIMPORT_TEST_ES7"), ("es8", "BULKIMPORT_TEST_ES8")];
    let name = format!("real-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    kinds.map(|(kind, variable)| Index { server: Server::of_variable(variable), kind, name: name.clone() }).into()
}

/// On OpenSearch alone: the others have no painless and no ingest processors here.
fn on_opensearch() -> Index {
    everywhere().swap_remove(0)
}

impl Drop for Index {
    fn drop(&mut self) {
        self.server.delete(&format!("/{}", self.name));
    }
}

impl Index {
    /// The program's words for this index.
    fn words(&self) -> Vec<String> {
        ["--to", &format!("elasticsearch+{}", self.server.url), "-c", &self.name].map(str::to_owned).into()
    }

    fn import_in(&self, place: &Place, arguments: &[&str]) -> Ran {
        let words = self.words();
        place.run(&[&words.iter().map(String::as_str).collect::<Vec<_>>(), arguments].concat())
    }

    fn import(&self, arguments: &[&str]) -> Ran {
        self.import_in(&Place::new(), arguments)
    }

    /// Imports this text, whose format the name decides.
    fn import_text(&self, name: &str, text: &str, arguments: &[&str]) -> Ran {
        let place = Place::new();
        place.file(name, text);
        self.import_in(&place, &[arguments, &[name]].concat())
    }

    fn make(&self, body: &Value) -> &Index {
        self.server.put(&format!("/{}", self.name), body);
        self
    }

    /// The documents by id, after a refresh.
    fn documents(&self) -> BTreeMap<String, Value> {
        let hits = self.hits("?size=1000");
        hits.into_iter()
            .map(|mut hit| (hit["_id"].as_str().expect("an id").to_owned(), hit["_source"].take()))
            .collect()
    }

    fn refresh(&self) {
        assert_eq!(self.server.ask("POST", &format!("/{}/_refresh", self.name), "", b"").status, 200);
    }

    fn hits(&self, query: &str) -> Vec<Value> {
        self.refresh();
        let answer = self.server.get(&format!("/{}/_search{query}", self.name)).json();
        answer["hits"]["hits"].as_array().unwrap_or_else(|| panic!("no hits: {answer}")).clone()
    }

    /// The variable that names its server.
    fn variable(&self) -> &'static str {
        match self.kind {
            "os2" => "BULKIMPORT_TEST_OPENSEARCH",
            "es7" => "BULKIMPORT_TEST_ES7",
            _ => "BULKIMPORT_TEST_ES8",
        }
    }

    fn exists(&self) -> bool {
        self.server.get(&format!("/{}", self.name)).status == 200
    }

    /// A setting of the index, as text.
    fn setting(&self, name: &str) -> Option<String> {
        let answer = self.server.get(&format!("/{}/_settings?flat_settings=true", self.name)).json();
        answer[&self.name]["settings"][name].as_str().map(str::to_owned)
    }
}

/// The twelve films by their keys, which are no fields on a server.
fn films() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(testdata("films.jsonl")).expect("films.jsonl");
    let film = |line: &str| {
        let mut film: Value = serde_json::from_str(line).expect("JSON");
        let key = film.as_object_mut().and_then(|film| film.remove("_key")).expect("a key");
        (key.as_str().expect("a text").to_owned(), film)
    };
    text.lines().map(film).collect()
}

#[test]
fn films_arrive_from_every_format() {
    let formats = [
        "films.jsonl",
        "films.json",
        "films-pretty.json",
        "films.csv",
        "films.tsv",
        "films.jsonl.gz",
        "films.jsonl.zst",
    ];
    for name in formats.into_iter().chain(["films.arrays", "films.bulk"]) {
        for index in everywhere() {
            let path = testdata(name).display().to_string();
            let format =
                name.strip_prefix("films.").filter(|ending| ["arrays", "bulk"].contains(ending)).unwrap_or("auto");
            let ran = index.import(&["-t", format, &path]);
            if name == "films.bulk" {
                ran.expect(0, [13, 0, 3, 1]);
            } else {
                ran.expect(0, [12, 0, 0, 0]);
            }
            assert_eq!(index.documents(), films(), "{name} on {}", index.kind);
        }
    }
}

#[test]
fn what_happens_when_the_key_exists() {
    let old = "{\"_key\":\"a\",\"n\":1,\"in\":{\"x\":1}}\n{\"_key\":\"b\",\"n\":1}\n";
    let new = "{\"_key\":\"a\",\"in\":{\"y\":null},\"m\":2}\n{\"_key\":\"c\",\"n\":3}\n";
    let (a, c) = (json!({"n": 1, "in": {"x": 1}}), json!({"n": 3}));
    let modes = [
        ("error", 1, [1, 1, 0, 0], a.clone()),
        ("ignore", 0, [1, 0, 0, 1], a.clone()),
        ("replace", 0, [1, 0, 1, 0], json!({"in": {"y": null}, "m": 2})),
        ("update", 0, [1, 0, 1, 0], json!({"n": 1, "in": {"x": 1, "y": null}, "m": 2})),
    ];
    for (mode, code, counts, expected) in modes {
        for index in everywhere() {
            index.import_text("old.jsonl", old, &[]).expect(0, [2, 0, 0, 0]);
            let ran = index.import_text("new.jsonl", new, &["--on-duplicate", mode]);
            ran.expect(code, counts);
            if mode == "error" {
                ran.prints("new.jsonl:1: duplicate key \"a\"");
            }
            let expected = [("a", expected.clone()), ("b", json!({"n": 1})), ("c", c.clone())];
            assert_eq!(
                index.documents(),
                expected.map(|(key, document)| (key.to_owned(), document)).into(),
                "{mode} on {}",
                index.kind
            );
        }
    }
}

#[test]
fn keys_are_deleted_and_missing_ones_ignored() {
    for index in everywhere() {
        index
            .import_text("old.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n{\"_key\":\"c\"}\n", &[])
            .expect(0, [3, 0, 0, 0]);
        let ran = index.import_text("keys.csv", "_key\na\nnone\nc\n", &["--delete-keys"]);
        ran.expect(0, [0, 0, 0, 1]);
        assert_eq!(ran.count("deleted"), 2);
        assert_eq!(index.documents().into_keys().collect::<Vec<_>>(), ["b"], "{}", index.kind);
    }
}

#[test]
fn a_second_import_of_keyless_documents_makes_new_ones() {
    for index in everywhere() {
        index.import_text("in.jsonl", "{\"n\":1}\n{\"n\":2}\n", &[]).expect(0, [2, 0, 0, 0]);
        index.import_text("in.jsonl", "{\"n\":1}\n{\"n\":2}\n", &[]).expect(0, [2, 0, 0, 0]);
        assert_eq!(index.documents().len(), 4);
    }
}

/// Lines of hostile.jsonl that a server refuses even with a mapping that takes no notice of fields: key, servers, its reason.
const REFUSED: &[(&str, &[&str], &str)] = &[
    ("text-empty", &["os2", "es7", "es8"], "field name cannot be an empty string"),
    ("name-empty", &["os2", "es7", "es8"], "field name cannot be an empty string"),
    ("name-spaces", &["es8"], "Field name cannot contain only whitespace"),
    ("name-dots", &["os2"], "field name cannot contain only the character [.]"),
    ("name-dots", &["es7", "es8"], "field name cannot contain only dots"),
    ("name-twice", &["os2", "es7", "es8"], "Duplicate field 'a'"),
    ("name-twice-spelt-differently", &["os2", "es7", "es8"], "Duplicate field 'a'"),
    ("shape-deep-600", &["os2"], "The depth of the nested array field has exceeded the allowed limit of [20]"),
];

/// How many those are.
const REFUSED_LENGTH: usize = 8;

/// JSON as its tokens, blanks between them left out: what must be the same to the byte.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                let mut escaped = false;
                let inner = rest[1..].find(|next| match (escaped, next) {
                    (false, '"') => true,
                    (before, next) => {
                        escaped = !before && next == '\\';
                        false
                    }
                });
                inner.expect("a string ends") + 2
            }
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest.find(|next: char| " \t\r\n,]}".contains(next)).unwrap_or(rest.len()),
        };
        let (token, more) = rest.split_at(length);
        tokens.push(token);
        rest = more.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    tokens
}

/// The tokens without the field `_key` of the outermost object, and that key.
fn without_key(line: &str) -> (Vec<&str>, Option<String>) {
    let all = tokens(line);
    let (mut left, mut key, mut depth, mut at) = (Vec::new(), None, 0, 0);
    while at < all.len() {
        let names_key = depth == 1
            && ["{", ","].contains(&all[at - 1])
            && serde_json::from_str::<String>(all[at]).is_ok_and(|name| name == "_key");
        if names_key {
            key = serde_json::from_str(all[at + 2]).ok();
            at += 3;
            if all[at] == "," {
                at += 1;
            } else if left.last() == Some(&",") {
                left.pop();
            }
            continue;
        }
        depth += i32::from(["{", "["].contains(&all[at])) - i32::from(["}", "]"].contains(&all[at]));
        left.push(all[at]);
        at += 1;
    }
    (left, key)
}

#[test]
fn the_list_of_hostile_lines_that_are_refused_is_as_long_as_agreed() {
    assert_eq!(REFUSED.len(), REFUSED_LENGTH);
}

#[test]
fn hostile_documents_arrive_to_the_byte_or_are_refused_by_name() {
    let text = std::fs::read_to_string(testdata("hostile.jsonl")).expect("hostile.jsonl");
    for index in everywhere() {
        index.make(&json!({"mappings": {"dynamic": false}}));
        let path = testdata("hostile.jsonl").display().to_string();
        let place = Place::new();
        let ran = index.import_in(&place, &["--details", "--results", "results", &path]);
        let results = std::fs::read_to_string(place.path("results")).expect("results");
        let results: BTreeMap<u64, Value> = results
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .map(|result| (result["line"].as_u64().expect("a line"), result))
            .collect();
        let mut refused = 0;
        for (number, line) in (1..).zip(text.lines()) {
            let (expected, key) = without_key(line);
            let result = &results[&number];
            let id = result["id"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned();
            assert!(key.is_none_or(|key| key == id), "line {number}: {result}");
            let listed = REFUSED.iter().find(|(key, kinds, _)| *key == id && kinds.contains(&index.kind));
            if let Some((_, _, words)) = listed {
                refused += 1;
                assert!(result["error"].to_string().contains(words), "{id} on {}: {result}", index.kind);
                assert!(ran.stderr.contains(&format!("hostile.jsonl:{number}: ")), "{id}: {}", ran.stderr);
                continue;
            }
            let answer = index.server.get(&format!("/{}/_doc/{}", index.name, escaped(&id))).text();
            let source =
                answer.split_once("\"_source\":").map(|(_, source)| source.strip_suffix('}').expect("an object"));
            let source = source.unwrap_or_else(|| panic!("{id} on {}: {answer}, {result}", index.kind));
            assert_eq!(tokens(source), expected, "{id} on {}", index.kind);
        }
        ran.expect(1, [76 - refused, refused, 0, 0]);
    }
}

#[test]
fn an_update_that_would_change_numbers_is_an_error_unless_lossy() {
    for index in everywhere() {
        index.make(&json!({"mappings": {"dynamic": false}}));
        let text = "{\"_key\":\"a\",\"n\":0.1000000000000000055511151231257827}\n{\"_key\":\"b\",\"n\":123456789012345678901234567890}\n{\"_key\":\"c\",\"n\":1e400}\n{\"_key\":\"d\",\"n\":1.5}\n";
        let ran = index.import_text("in.jsonl", text, &["--on-duplicate", "update", "--details"]);
        ran.expect(1, [2, 2, 0, 0]).prints("in.jsonl:1: ").prints("in.jsonl:3: ");
        assert_eq!(index.documents().into_keys().collect::<Vec<_>>(), ["b", "d"], "{}", index.kind);
        index.import_text("in.jsonl", text, &["--on-duplicate", "update", "--lossy"]).expect(0, [2, 0, 2, 0]);
    }
}

#[test]
fn overwrite_empties_the_index_first_and_keeps_its_mapping_and_settings() {
    for index in everywhere() {
        index.make(&json!({"settings": {"index.refresh_interval": "7s"}, "mappings": {"properties": {"n": {"type": "keyword"}}}}));
        index
            .import_text("old.jsonl", "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":1}\n", &[])
            .expect(0, [2, 0, 0, 0]);
        let new = "{\"_key\":\"b\",\"n\":2}\n{\"_key\":\"c\",\"n\":2}\n";
        index.import_text("new.jsonl", new, &["--overwrite", "--batch-size", "1", "-j", "4"]).expect(0, [2, 0, 0, 0]);
        let keys: Vec<String> = index.documents().into_keys().collect();
        assert_eq!(keys, ["b", "c"], "{}", index.kind);
        let mapping = index.server.get(&format!("/{}/_mapping", index.name)).json();
        assert_eq!(mapping[&index.name]["mappings"]["properties"]["n"]["type"], "keyword", "{}", index.kind);
        assert_eq!(index.setting("index.refresh_interval").as_deref(), Some("7s"), "{}", index.kind);
    }
}

#[test]
fn overwrite_without_a_good_record_empties_nothing() {
    for index in everywhere() {
        index.import_text("old.jsonl", "{\"_key\":\"a\"}\n", &[]).expect(0, [1, 0, 0, 0]);
        index.import_text("new.jsonl", "not JSON\n", &["--overwrite"]).expect(1, [0, 1, 0, 0]);
        assert_eq!(index.documents().len(), 1, "{}", index.kind);
    }
}

#[test]
fn overwrite_leaves_what_an_alias_names_alone() {
    for index in everywhere() {
        let alias = format!("{}-alias", index.name);
        index.make(&json!({"aliases": {&alias: {}}}));
        index.import_text("old.jsonl", "{\"_key\":\"a\"}\n", &[]).expect(0, [1, 0, 0, 0]);
        let place = Place::new();
        place.file("new.jsonl", "{\"_key\":\"b\"}\n");
        let to = format!("elasticsearch+{}", index.server.url);
        let ran = place.run(&["--to", &to, "-c", &alias, "--overwrite", "new.jsonl"]);
        assert!([2, 4].contains(&ran.code), "{}: {} {}", index.kind, ran.code, ran.stderr);
        ran.prints("alias");
        assert_eq!(index.documents().into_keys().collect::<Vec<_>>(), ["a"], "{}", index.kind);
    }
}

#[test]
fn a_collection_is_made_with_its_mapping() {
    for index in everywhere() {
        let place = Place::new();
        place.file("mapping.json", r#"{"mappings":{"dynamic":"strict","properties":{"n":{"type":"long"}}},"settings":{"number_of_replicas":0}}"#);
        place.file("in.jsonl", "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"m\":1}\n");
        let ran = index.import_in(&place, &["--create-collection", "--mapping", "mapping.json", "in.jsonl"]);
        ran.expect(1, [1, 1, 0, 0]).prints("in.jsonl:2: ").prints("strict");
        assert_eq!(index.setting("index.number_of_replicas").as_deref(), Some("0"), "{}", index.kind);
        // It is there now, which is no mistake.
        index
            .import_in(
                &place,
                &[
                    "--create-collection",
                    "--mapping",
                    "mapping.json",
                    "--limit",
                    "1",
                    "--on-duplicate",
                    "ignore",
                    "in.jsonl",
                ],
            )
            .expect(0, [0, 0, 0, 1]);
    }
}

#[test]
fn a_collection_that_must_be_there_is_not_made() {
    for index in everywhere() {
        let ran = index.import_text("in.jsonl", "{\"_key\":\"a\"}\n", &["--create-collection=false"]);
        assert_eq!(ran.code, 2, "{}: {}", index.kind, ran.stderr);
        ran.prints(&index.name);
        assert!(!index.exists(), "{}", index.kind);
    }
}

#[test]
fn bulk_mode_is_taken_back_at_the_end_whatever_the_end() {
    for index in everywhere() {
        for (settings, refresh, replicas) in [
            (json!({"index.refresh_interval": "7s", "index.number_of_replicas": 1}), Some("7s"), "1"),
            (json!({"index.number_of_replicas": 0}), None, "0"),
        ] {
            index.make(&json!({"settings": settings}));
            for end in ["", "INT"] {
                let place = Place::new();
                let words = index.words();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let mut import = Live::start(
                    &place,
                    &[&words[..], &["-t", "jsonl", "--bulk-mode", "--flush-interval", "50ms"]].concat(),
                );
                import.feed("{\"n\":1}\n");
                until("no refresh while documents come", || {
                    index.setting("index.refresh_interval").as_deref() == Some("-1")
                });
                assert_eq!(index.setting("index.number_of_replicas").as_deref(), Some("0"), "{}", index.kind);
                let ran = match end {
                    "" => import.end(),
                    signal => {
                        import.signal(signal);
                        import.wait()
                    }
                };
                assert_eq!(ran.code, if end.is_empty() { 0 } else { 130 }, "{}: {}", index.kind, ran.stderr);
                assert_eq!(index.setting("index.refresh_interval").as_deref(), refresh, "{} after {end:?}", index.kind);
                assert_eq!(
                    index.setting("index.number_of_replicas").as_deref(),
                    Some(replicas),
                    "{} after {end:?}",
                    index.kind
                );
            }
            index.server.delete(&format!("/{}", index.name));
        }
    }
}

#[test]
fn a_wait_for_a_refresh_that_never_comes_is_refused() {
    for index in everywhere() {
        index.make(&json!({"settings": {"index": {"refresh_interval": "-1"}}}));
        let wait = index.import_text("a.jsonl", "{\"_key\":\"1\"}\n", &["--refresh", "wait_for"]);
        assert_eq!(wait.code, 2, "{}", wait.stderr);
        assert!(wait.stderr.contains("is never refreshed (refresh_interval is -1)"), "{}", wait.stderr);
        index.import_text("a.jsonl", "{\"_key\":\"1\"}\n", &["--refresh", "true"]).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn delete_keys_from_a_missing_index_makes_none() {
    for index in everywhere() {
        let ran = index.import_text("a.jsonl", "{\"_key\":\"1\"}\n", &["--delete-keys"]);
        assert_eq!(ran.code, 2);
        let error = format!("error: index \"{}\" not found: there is nothing to delete\n", index.name);
        assert!(ran.stderr.ends_with(&error), "{}", ran.stderr);
        assert!(!index.exists());
    }
}

#[test]
fn several_files_fill_several_indices() {
    for films_index in everywhere() {
        let name = |ending: &str| format!("{}-{ending}", films_index.name);
        let other = |ending: &str| Index {
            server: Server::of_variable(films_index.variable()),
            kind: films_index.kind,
            name: name(ending),
        };
        let (edges, broken, last) = (other("edges"), other("broken"), other("last"));
        let place = Place::new();
        let to = format!("elasticsearch+{}", films_index.server.url);
        let copy = |from: &str, to: &str| std::fs::copy(testdata(from), place.path(to)).expect("a copy");
        let (film_file, edge_file) = (format!("{}.jsonl", films_index.name), format!("{}.csv", edges.name));
        copy("films.jsonl", &film_file);
        copy("edges.csv", &edge_file);
        place.run(&["--to", &to, &film_file, &edge_file]).expect(0, [21, 0, 0, 0]);
        assert_eq!(films_index.documents(), films(), "{}", films_index.kind);
        assert_eq!(edges.documents().len(), 9);
        let again = ["--to", &to, "--on-duplicate", "ignore", &film_file, &edge_file];
        place.run(&again).expect(0, [0, 0, 0, 21]);
        // A second file that breaks off: what came before it stays, the third is not read.
        let (bad, third) = (format!("{}.json", broken.name), format!("{}.jsonl", last.name));
        place.file(&bad, "[{\"_key\":\"a\"},{\"n\":");
        place.file(&third, "{\"_key\":\"z\"}\n");
        let ran = place.run(&["--to", &to, "--on-duplicate", "replace", &film_file, &bad, &third]);
        ran.expect(5, [1, 0, 12, 0]);
        assert_eq!(broken.documents().into_keys().collect::<Vec<_>>(), ["a"]);
        assert!(!last.exists());
    }
}

#[test]
fn a_refresh_makes_documents_visible_at_once() {
    for index in everywhere() {
        index.make(&json!({"settings": {"index.refresh_interval": "-1"}}));
        index.import_text("in.jsonl", "{\"_key\":\"a\"}\n", &["--refresh", "true"]).expect(0, [1, 0, 0, 0]);
        let answer = index.server.get(&format!("/{}/_search", index.name)).json();
        assert_eq!(answer["hits"]["hits"].as_array().map(Vec::len), Some(1), "{}", index.kind);
    }
}

#[test]
fn a_routing_field_decides_the_shard() {
    for index in everywhere() {
        index.make(&json!({"settings": {"number_of_shards": 5}, "mappings": {"dynamic": false, "_routing": {"required": true}}}));
        let text = "{\"_key\":\"a\",\"shop\":\"north\"}\n{\"_key\":\"b\",\"shop\":7}\n";
        index.import_text("in.jsonl", text, &["--routing-field", "shop"]).expect(0, [2, 0, 0, 0]);
        let mut routings: Vec<(Value, Value)> =
            index.hits("").into_iter().map(|mut hit| (hit["_id"].take(), hit["_routing"].take())).collect();
        routings.sort_by_key(|(id, _)| id.to_string());
        assert_eq!(routings, [(json!("a"), json!("north")), (json!("b"), json!("7"))], "{}", index.kind);
    }
}

#[test]
fn a_pipeline_works_on_the_documents() {
    let index = on_opensearch();
    let pipeline = format!("/_ingest/pipeline/{}", index.name);
    let processors = json!([{"set": {"field": "p", "value": "x"}},
        {"drop": {"if": "ctx.drop == true"}}, {"fail": {"if": "ctx.fail == true", "message": "no such film"}}]);
    index.server.put(&pipeline, &json!({"processors": processors}));
    let text = "{\"_key\":\"a\"}\n{\"_key\":\"b\",\"fail\":true}\n{\"_key\":\"c\",\"drop\":true}\n{\"_key\":\"d\",\"fail\":true}\n{\"_key\":\"e\"}\n";
    let ran = index.import_text("in.jsonl", text, &["--pipeline", &index.name, "--details"]);
    index.server.delete(&pipeline);
    ran.expect(1, [2, 3, 0, 0]);
    for (line, words) in [(2, "no such film"), (3, ""), (4, "no such film")] {
        let at = format!("in.jsonl:{line}: ");
        assert!(ran.stderr.lines().any(|said| said.starts_with(&at) && said.contains(words)), "{}", ran.stderr);
    }
    let documents = index.documents();
    assert_eq!(
        documents,
        [("a", json!({"p": "x"})), ("e", json!({"p": "x"}))].map(|(key, document)| (key.to_owned(), document)).into()
    );
}

#[test]
fn scripts_update_documents() {
    let index = on_opensearch();
    let script = r#"{"script":{"source":"ctx._source.n += params.by","params":{"by":5}},"upsert":{"n":1}}"#;
    let lines = [
        r#"{"update":{"_id":"a"}}"#,
        script,
        r#"{"update":{"_id":"a"}}"#,
        script,
        r#"{"update":{"_id":"a"}}"#,
        r#"{"script":"ctx.op = 'none'"}"#,
        r#"{"update":{"_id":"b"}}"#,
        r#"{"script":"ctx._source.n = 1"}"#,
        r#"{"index":{"_id":"c"}}"#,
        "{}",
        r#"{"update":{"_id":"c"}}"#,
        r#"{"script":"ctx.op = 'delete'"}"#,
        r#"{"update":{"_id":"a"}}"#,
        r#"{"script":"this is bad"}"#,
    ];
    let ran = index.import_text("in.bulk", &lines.join("\n"), &["-t", "bulk", "--details", "--jobs", "4"]);
    ran.expect(1, [2, 2, 2, 0]).prints("in.bulk:7: ").prints("document missing").prints("in.bulk:13: ");
    assert_eq!(ran.count("deleted"), 1);
    assert_eq!(index.documents(), [("a".to_owned(), json!({"n": 6}))].into());
}

#[test]
fn many_documents_on_several_lanes_all_arrive() {
    for index in everywhere() {
        index.make(&json!({"mappings": {"dynamic": false}}));
        let text: String = (0..20_000).map(|n| format!("{{\"_key\":\"k{}\",\"n\":{n}}}\n", n % 10_000)).collect();
        let ran = index.import_text(
            "in.jsonl",
            &text,
            &["--on-duplicate", "replace", "-j", "4", "--batch-size", "700", "--compress-transfer", "gzip"],
        );
        ran.expect(0, [10_000, 0, 10_000, 0]);
        index.refresh();
        let count = index.server.get(&format!("/{}/_count", index.name)).json();
        assert_eq!(count["count"], 10_000, "{}", index.kind);
        for key in [0, 4_999, 9_999] {
            let document = index.server.get(&format!("/{}/_doc/k{key}", index.name)).json();
            assert_eq!(document["_source"]["n"], key + 10_000, "{}", index.kind);
        }
    }
}

/// Rows whose values differ in type, as every CSV has them; the first of each column decides for the others.
fn mixed_rows(many: usize) -> String {
    let row = |n: usize| {
        let price = ["100.5", "50", "200.75", "7"][n % 4];
        let code = if n == 0 { "A12" } else { ["12", "A12", "3.5", "true"][n % 4] };
        // This one is empty in most rows.
        let size = if n % 5 == 3 { ["1.5", "2"][n % 2] } else { "" };
        format!("{price},{code},{size}\n")
    };
    format!("price,code,size\n{}", (0..many).map(row).collect::<String>())
}

#[test]
fn rows_of_mixed_types_all_arrive_in_a_new_index() {
    let ways: [(usize, &[&str]); 4] = [
        (4, &[]),
        (20, &["-j", "4", "--batch-size", "1"]),
        (20, &["-j", "4", "--batch-size", "3"]),
        (3000, &["-j", "4", "--batch-size", "200"]),
    ];
    for (many, arguments) in ways.into_iter().cycle().take(8) {
        for index in everywhere() {
            let ran = index.import_text("in.csv", &mixed_rows(many), arguments);
            ran.expect(0, [many as u64, 0, 0, 0]);
            index.refresh();
            let count = index.server.get(&format!("/{}/_count", index.name)).json();
            assert_eq!(count["count"], many, "{}", index.kind);
        }
    }
}

#[test]
fn a_document_that_does_not_fit_is_the_only_error() {
    for index in everywhere() {
        index.make(&json!({"mappings": {"properties": {"n": {"type": "long"}}}}));
        let text = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":\"many\"}\n{\"_key\":\"c\",\"n\":3}\n";
        let ran = index.import_text("in.jsonl", text, &[]);
        ran.expect(1, [2, 1, 0, 0])
            .prints("in.jsonl:2: ")
            .prints("failed to parse field [n] of type [long]")
            .prints("For input string: \"many\"");
        assert_eq!(index.documents().len(), 2);
    }
}

#[test]
fn a_plain_url_finds_out_what_the_server_is() {
    for index in everywhere() {
        let place = Place::new();
        place.file("in.jsonl", "{\"_key\":\"a\"}\n");
        place.run(&["--to", &index.server.url, "-c", &index.name, "in.jsonl"]).expect(0, [1, 0, 0, 0]);
        assert_eq!(index.documents().len(), 1);
    }
}

#[test]
fn an_index_name_that_no_server_takes_is_found_at_once() {
    for index in everywhere() {
        let place = Place::new();
        place.file("in.jsonl", "{\"_key\":\"a\"}\n");
        let to = format!("elasticsearch+{}", index.server.url);
        let ran = place.run(&["--to", &to, "-c", "Films", "in.jsonl"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints("\"Films\"");
    }
}
