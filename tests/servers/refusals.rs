//! What no record can cure on real servers, and that its hint cures it; bulk lines and mappings as they lie around.

use super::{Index, everywhere, on_opensearch};
use crate::support::{Place, Ran};
use serde_json::{Value, json};

const TWO: &str = "{\"_id\":\"1\",\"v\":1}\n{\"_id\":\"2\",\"v\":2}\n";

impl Index {
    /// An import that must stop at once with this text.
    fn is_stopped(&self, arguments: &[&str], text: &str) -> Ran {
        let ran = self.import_text("two.jsonl", TWO, arguments);
        assert_eq!(ran.code, 4, "{}: {}", self.kind, ran.stderr);
        assert_eq!((ran.count("unsent"), ran.count("errors")), (2, 0), "{}: {}", self.kind, ran.stderr);
        ran.prints(text);
        ran
    }

    /// Sends the request in the hint: its method, its path and perhaps its body.
    fn obey(&self, ran: &Ran) {
        let hint = ran.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
        let request = hint.split('`').nth(1).expect("a request in the hint");
        let mut words = request.splitn(3, ' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let body = words.next().unwrap_or_default();
        let answer = self.server.ask(method, path, "application/json", body.as_bytes());
        assert_eq!(answer.status, 200, "{}: {request}: {}", self.kind, answer.text());
    }

    fn post(&self, path: &str, body: &Value) {
        let answer = self.server.ask("POST", path, "application/json", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}: {path}: {}", self.kind, answer.text());
    }
}

#[test]
fn a_closed_index_is_opened_by_the_hint() {
    for index in everywhere() {
        index.make(&json!({"settings": {"number_of_replicas": 0}}));
        assert_eq!(index.server.ask("POST", &format!("/{}/_close", index.name), "", b"").status, 200);
        let ran = index.is_stopped(&[], &format!("index [{}] is closed", index.name));
        index.obey(&ran);
        index.import_text("two.jsonl", TWO, &["--retries", "20"]).expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn a_block_is_removed_by_the_hint_that_names_it() {
    for name in ["read_only", "write", "metadata", "read_only_allow_delete"] {
        for index in everywhere() {
            index.make(&json!({"settings": {"number_of_replicas": 0}}));
            let blocks = json!({ format!("index.blocks.{name}"): true });
            index.server.put(&format!("/{}/_settings", index.name), &blocks);
            let ran = index.is_stopped(&[], &format!("{{\"index.blocks.{name}\":null}}"));
            index.obey(&ran);
            index.import_text("two.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
        }
    }
}

#[test]
fn a_missing_pipeline_is_named() {
    for index in everywhere() {
        let ran = index.is_stopped(&["--pipeline", "real-nope"], "pipeline with id [real-nope] does not exist");
        ran.prints("`PUT /_ingest/pipeline/real-nope`");
    }
}

#[test]
fn an_alias_without_a_write_index_is_named() {
    for index in everywhere() {
        let names = ["a", "b"].map(|end| format!("{}-{end}", index.name));
        for name in &names {
            index.server.put(&format!("/{name}"), &json!({"settings": {"number_of_replicas": 0}}));
            index.post("/_aliases", &json!({"actions": [{"add": {"index": name, "alias": index.name}}]}));
        }
        let ran = index.is_stopped(&[], &format!("no write index is defined for alias [{}]", index.name));
        let hint = ran.stderr.replace("\"INDEX\"", &format!("{:?}", names[0]));
        index.obey(&Ran { stderr: hint, ..ran });
        index.import_text("two.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
        names.iter().for_each(|name| drop(index.server.delete(&format!("/{name}"))));
    }
}

#[test]
fn the_limit_of_shards_is_named() {
    for index in everywhere() {
        let template = format!("/_template/{}", index.name);
        // More than a node may have.
        let body = json!({"index_patterns": [index.name], "settings": {"number_of_shards": 1024}});
        index.server.put(&template, &body);
        index.is_stopped(&[], "shards open").prints("`cluster.max_shards_per_node`");
        index.server.delete(&template);
    }
}

#[test]
fn an_index_that_is_not_made_by_itself_is_named() {
    for index in everywhere() {
        index.is_stopped(&["--require-alias"], "[require_alias] request flag is [true]").prints("`--require-alias`");
    }
}

#[test]
fn a_data_stream_takes_no_replacements_and_no_flags_that_create_an_index() {
    let index = on_opensearch();
    let (template, stream) = (format!("/_index_template/{}", index.name), format!("/_data_stream/{}", index.name));
    let body = json!({"index_patterns": [index.name], "data_stream": {}, "priority": 900});
    index.server.put(&template, &body);
    let events = "{\"_id\":\"1\",\"@timestamp\":\"2024-05-01T10:00:00Z\"}\n";
    let place = Place::new();
    place.file("m.json", "{\"properties\":{\"n\":{\"type\":\"long\"}}}");
    place.file("in.jsonl", events);
    for (flags, hint) in [
        (&["--create-collection"][..], "the first document creates the data stream"),
        (&["--mapping", "m.json"], "put the mapping into the index template"),
        (&["--bulk-mode"], "the index template has the settings"),
    ] {
        let ran = index.import_in(&place, &[flags, &["in.jsonl"]].concat());
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        ran.prints("is a data stream by its index template").prints(hint);
    }
    index.import_in(&place, &["in.jsonl"]).expect(0, [1, 0, 0, 0]);
    let ran = index.import_in(&place, &["--on-duplicate", "replace", "in.jsonl"]);
    assert_eq!((ran.code, ran.count("unsent")), (4, 1), "{}", ran.stderr);
    ran.prints("hint: a data stream only takes new documents: `--on-duplicate error`");
    index.server.delete(&stream);
    index.server.delete(&template);
}

#[test]
fn old_lines_with_types_arrive_everywhere() {
    for index in everywhere() {
        let line = |op: &str, kind: &str, id: &str| {
            format!("{{\"{op}\":{{\"_index\":\"{}\",\"_type\":\"{kind}\",\"_id\":\"{id}\"}}}}\n", index.name)
        };
        let text = line("index", "_doc", "1")
            + "{\"n\":1}\n"
            + &line("create", "logs", "2")
            + "{\"n\":2}\n"
            + &line("delete", "_doc", "9");
        let ran = index.import_text("old.bulk", &text, &["-t", "bulk"]);
        assert_eq!(ran.code, 0, "{}: {}", index.kind, ran.stderr);
        let (count, s) = if index.kind == "es7" { (1, "") } else { (3, "s") };
        ran.prints(&format!("note: {count} action line{s} had a type (_type), which was left out"));
        let ids: Vec<String> = index.documents().into_keys().collect();
        assert_eq!(ids, ["1", "2"], "{}", index.kind);
    }
}

#[test]
fn lines_for_another_index_go_there_or_are_retargeted() {
    for index in everywhere() {
        let other = format!("{}-other", index.name);
        let text = format!(
            "{{\"index\":{{\"_index\":\"{other}\",\"_id\":\"1\"}}}}\n{{\"a\":1}}\n{{\"index\":{{\"_id\":\"2\"}}}}\n{{\"a\":1}}\n"
        );
        let ran = index.import_text("in.bulk", &text, &["-t", "bulk"]);
        ran.expect(0, [2, 0, 0, 0])
            .prints(&format!("note: 1 bulk line named another collection than --collection: {other} (1)"));
        assert_eq!(index.documents().len(), 1);
        assert_eq!(index.server.get(&format!("/{other}")).status, 200);
        index.server.delete(&format!("/{other}"));
        index.import_text("in.bulk", &text, &["-t", "bulk", "--retarget"]).expect(0, [1, 0, 1, 0]);
        assert_eq!(index.documents().len(), 2);
        assert_eq!(index.server.get(&format!("/{other}")).status, 404);
    }
}

#[test]
fn a_closed_index_that_lines_name_costs_only_those_lines() {
    for index in everywhere() {
        let shut = format!("{}-shut", index.name);
        index.server.put(&format!("/{shut}"), &json!({}));
        index.server.ask("POST", &format!("/{shut}/_close"), "", b"");
        let line =
            |name: &str, id: u32| format!("{{\"index\":{{\"_index\":\"{name}\",\"_id\":\"{id}\"}}}}\n{{\"a\":1}}\n");
        let text = line(&shut, 1) + &line(&index.name, 2) + &line(&shut, 3);
        let ran = index.import_text("in.bulk", &text, &["-t", "bulk"]);
        ran.expect(1, [1, 2, 0, 0]).prints(&format!("index [{shut}] is closed"));
        let place = Place::new();
        place.file("all.bulk", line(&shut, 1) + &line(&shut, 2));
        let ran = place.run(&["--to", &format!("es+{}", index.server.url), "-t", "bulk", "all.bulk"]);
        ran.expect(4, [0, 2, 0, 0]).prints("error: no index can be written to: ");
        index.server.delete(&format!("/{shut}"));
    }
}

#[test]
fn an_array_of_actions_and_what_a_server_says_of_an_index_are_read() {
    for index in everywhere() {
        let array = "[{\"index\":{\"_id\":\"1\"}},{\"n\":1},\n{\"index\":{\"_id\":\"2\"}},{\"n\":2}]";
        let mapping = json!({"mappings": {"properties": {"n": {"type": "short"}}}});
        let server = crate::http::Server::of_variable(index.variable());
        let copy = Index { name: format!("{}-copy", index.name), server, kind: index.kind };
        copy.server.put(&format!("/{}-old", copy.name), &mapping);
        for path in ["", "/_mapping"] {
            let described = copy.server.get(&format!("/{}-old{path}", copy.name)).text();
            let place = Place::new();
            place.file("m.json", described);
            place.file("in.json", array);
            let ran = copy.import_in(&place, &["-t", "bulk", "--mapping", "m.json", "in.json"]);
            ran.expect(0, [2, 0, 0, 0]);
            assert_eq!(ran.stderr.contains("note: --mapping: left out"), path.is_empty(), "{}", ran.stderr);
            let mapping = copy.server.get(&format!("/{}/_mapping", copy.name)).json();
            assert_eq!(mapping[&copy.name]["mappings"]["properties"]["n"]["type"], "short", "{}", copy.kind);
            copy.server.delete(&format!("/{}", copy.name));
        }
        copy.server.delete(&format!("/{}-old", copy.name));
    }
}
