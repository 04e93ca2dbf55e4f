//! Runs the vectors of the bulk API against real servers, end to end: what a vector sets up is set up, its lines are imported,
//! and the items in `--results` and the documents in the server must be those that the vector names.
//!
//! The vectors are not part of the repository; `BULKIMPORT_TEST_VECTORS` names their directory, and
//! `BULKIMPORT_TEST_OPENSEARCH`, `_ES7` and `_ES8` the servers. Indexes named by vectors are deleted there.
//! Where a vector's whole request is refused, we must do better: what the server refuses when it is sent alone is an error,
//! and all else of the request is applied. Requests that this program never sends are played back to it as answers.

#[allow(dead_code, reason = "the other test binary uses all of it")]
mod http;
#[path = "vectors/items.rs"]
mod items;
#[allow(dead_code, reason = "the other test binary uses all of it")]
mod support;
#[allow(dead_code, reason = "the other test binary uses all of it")]
#[allow(unused_imports, dead_code, reason = "the other tests use the rest of it")]
mod wire;

use http::{Server, escaped};
use items::{FOUND_BEFORE, answers, body_of, failed, found_before, items_of, matches, path_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use support::{Place, Ran};
use wire::{Reply, Wire, bulk};

/// Requests that this program does not send, or for which there is no server: their answers are played to it.
/// Case, arguments, exit code, words that must be said.
const PLAYED: &[(&str, &[&str], i32, &str)] = &[
    ("method-not-allowed", &[], 4, "Incorrect HTTP method for uri [/_bulk] and method [DELETE]"),
    ("text-plain-rejected", &[], 4, "Content-Type header [text/plain] is not supported"),
    ("content-type-missing", &[], 4, "Content-Type header [] is not supported"),
    ("empty-body", &[], 1, "request body is required"),
    ("vendor-media-type-es8", &[], 0, ""),
    ("extra-keys-es9", &[], 1, "expected END_OBJECT but found [FIELD_NAME]"),
    ("trailing-data-es9", &[], 1, "unexpected data after the closing brace"),
    ("unavailable-shards", &["--retries", "0"], 4, "Not enough active copies to meet shard count of [2]"),
    ("unavailable-shards-opensearch", &["--retries", "0"], 4, "Not enough active copies to meet shard count of [2]"),
];

/// Values of flags that are found wrong before anything is sent (exit code 2), or refused by the server for every record (4).
const WRONG_FLAGS: &[(&str, i32, &str)] =
    &[("refresh-bad-value", 2, "maybe"), ("wait_for_active_shards-bad-value", 2, "abc")];

/// Where we do better on purpose: the whole request is refused for want of an id, which we splice in, or for a type, which we
/// leave out where the server has no types. Case, the errors of its actions, empty where it is applied.
const BETTER: &[(&str, &[&str])] = &[
    ("_type-rejected", &[""]),
    ("validate-auto-id-with-external", &[""]),
    ("routing-required-and-auto-id-is-http-500", &["", "routing is required"]),
];

/// Cases that do not run, and why.
const NOT_RUN: &[(&str, &str)] = &[(
    "extra-keys-ignored-es8-os2",
    "deliberately stricter: an action line with a second field is an error here, as in Elasticsearch 9",
)];

/// How many those are. A longer list is a decision, not an accident.
const NOT_RUN_LENGTH: usize = 1;

/// How many vectors there are. At least 95 of 100 must run.
const VECTORS: usize = 139;

#[test]
fn the_list_of_vectors_that_do_not_run_is_as_long_as_agreed() {
    assert_eq!(NOT_RUN.len(), NOT_RUN_LENGTH);
    assert!(NOT_RUN_LENGTH * 100 <= VECTORS * 5);
}

#[test]
fn the_bulk_api_does_through_us_what_it_does_to_its_own_lines() {
    let servers = [
        ("os2", "2.19", &["painless", "ingest"][..], Server::of_variable("BULKIMPORT_TEST_OPENSEARCH")),
        ("es7", "7.17", &[], Server::of_variable("BULKIMPORT_TEST_ES7")),
        ("es8", "8.7", &[], Server::of_variable("BULKIMPORT_TEST_ES8")),
    ];
    let directory =
        std::env::var("BULKIMPORT_TEST_VECTORS").expect("BULKIMPORT_TEST_VECTORS names the vectors' directory");
    let text = std::fs::read_to_string(format!("{directory}/elasticsearch.jsonl")).expect("elasticsearch.jsonl");
    let mut wrong = String::new();
    let (mut ran, mut runs) = (BTreeSet::new(), 0);
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        let case = Case::new(&vector);
        names.insert(case.name.clone());
        if NOT_RUN.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        if let Some((_, arguments, code, words)) = PLAYED.iter().find(|(name, ..)| *name == case.name) {
            if let Err(why) = case.play(arguments, *code, words) {
                _ = writeln!(wrong, "{} (played): {why}", case.name);
            }
            (_, runs) = (ran.insert(case.name.clone()), runs + 1);
            continue;
        }
        for (target, version, modules, server) in &servers {
            if !case.holds_on(target, version, modules) {
                continue;
            }
            if let Err(why) = case.run(server) {
                _ = writeln!(wrong, "{} on {target}: {why}", case.name);
            }
            (_, runs) = (ran.insert(case.name.clone()), runs + 1);
        }
    }
    println!("{} of {} vectors ran, {runs} runs; {} do not run", ran.len(), names.len(), NOT_RUN.len());
    assert_eq!(names.len(), VECTORS, "the vectors are others than those that the lists here are about");
    let listed = PLAYED.iter().map(|listed| listed.0).chain(WRONG_FLAGS.iter().map(|listed| listed.0));
    for name in listed
        .chain(FOUND_BEFORE.iter().map(|listed| listed.0))
        .chain(NOT_RUN.iter().map(|listed| listed.0))
        .chain(BETTER.iter().map(|listed| listed.0))
    {
        assert!(names.contains(name), "{name} is listed here and is no vector");
    }
    assert_eq!(ran.len() + NOT_RUN_LENGTH, VECTORS, "neither run nor listed: {:?}", names.difference(&ran));
    assert!(wrong.is_empty(), "{wrong}");
}

struct Case<'v> {
    vector: &'v Value,
    name: String,
    body: Vec<u8>,
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq)]
enum ItemOutcome {
    /// Its item.
    Item(Value),
    /// The request in which it was sent alone was refused.
    Refused(Value),
}

/// The action lines of a body, each with its source, as bulk lines are read here.
fn actions_of(body: &[u8]) -> Vec<Vec<u8>> {
    let text = body.strip_suffix(b"\n").unwrap_or(body);
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut actions = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let action: Value = serde_json::from_slice(line).unwrap_or(Value::Null);
        let mut whole = [line, b"\n"].concat();
        // All but a delete take a source line along, also what no action is known for.
        if action.as_object().is_none_or(|action| !action.contains_key("delete")) {
            whole.extend(lines.next().into_iter().flat_map(|source| [source, b"\n"].concat()));
        }
        actions.push(whole);
    }
    actions
}

impl<'v> Case<'v> {
    fn new(vector: &'v Value) -> Case<'v> {
        let name = vector["name"].as_str().expect("a vector has a name").to_owned();
        Case { vector, name, body: body_of(&vector["request"]) }
    }

    fn holds_on(&self, target: &str, version: &str, modules: &[&str]) -> bool {
        let named = |list: &Value, word: &str| list.as_array().is_some_and(|list| list.iter().any(|one| one == word));
        let number =
            |version: &str| version.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>();
        let bound = |name: &str| self.vector[name][target].as_str().map(number);
        named(&self.vector["targets"], target)
            && self.vector["needs"]
                .as_array()
                .into_iter()
                .flatten()
                .all(|module| modules.contains(&module.as_str().unwrap_or_default()))
            && bound("since").is_none_or(|since| since <= number(version))
            && bound("until").is_none_or(|until| number(version) <= until)
    }

    fn is_refused(&self) -> bool {
        self.vector["expect"]["status"] != 200
    }

    /// Every index that the case may make.
    fn indexes(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let requests = self.vector["setup"].as_array().into_iter().flatten().chain([&self.vector["request"]]);
        for request in requests {
            let first = request["path"].as_str().unwrap_or_default().split('/').nth(1).unwrap_or_default();
            if !first.starts_with('_') {
                names.insert(first.to_owned());
            }
            for line in body_of(request).split(|byte| *byte == b'\n') {
                let action: Value = serde_json::from_slice(line).unwrap_or(Value::Null);
                let named = action.as_object().into_iter().flatten().map(|(_, meta)| &meta["_index"]);
                let text = |name: &Value| {
                    name.as_str().map(str::to_owned).or_else(|| name.as_u64().map(|name| name.to_string()))
                };
                names.extend(named.filter_map(text).filter(|name| !name.is_empty()));
            }
        }
        names
    }

    /// Makes the server as it was before, and then as the case wants it.
    fn set_up(&self, server: &Server) {
        for index in self.indexes() {
            server.delete(&format!("/{}", escaped(&index)));
        }
        let setup = self.vector["setup"].as_array().expect("a list");
        for request in setup {
            let (path, body) = (path_of(request), body_of(request));
            let kind = if path.contains("_bulk") { "application/x-ndjson" } else { "application/json" };
            let answer = server.ask(request["method"].as_str().expect("a method"), &path, kind, &body);
            assert_eq!(answer.status, 200, "{}: {path}: {}", self.name, answer.text());
        }
    }

    /// Leaves nothing of the case behind.
    fn clean_up(&self, server: &Server) {
        // Indexes first: one that uses a pipeline keeps it from going.
        for index in self.indexes() {
            server.delete(&format!("/{}", escaped(&index)));
        }
        for request in self.vector["setup"].as_array().expect("a list") {
            match request["path"].as_str().expect("a path") {
                "/_cluster/settings" => {
                    server.put("/_cluster/settings", &json!({"persistent": {"action.auto_create_index": null}}));
                }
                path if path.starts_with("/_ingest/") => _ = server.delete(path),
                _ => {}
            }
        }
    }

    /// What becomes of each action when it is sent in a request of its own.
    fn alone(&self, server: &Server) -> Vec<ItemOutcome> {
        self.set_up(server);
        let path = path_of(&self.vector["request"]);
        let outcome = |action: Vec<u8>| {
            let answer = server.ask("POST", &path, "application/x-ndjson", &action);
            let json = answer.json();
            match json["items"].as_array() {
                Some(items) if answer.status == 200 && items.len() == 1 => ItemOutcome::Item(items[0].clone()),
                _ => ItemOutcome::Refused(json["error"].clone()),
            }
        };
        actions_of(&self.body).into_iter().map(outcome).collect()
    }

    fn import(&self, to: &str, more: &[&str]) -> (Place, Ran) {
        let place = Place::new();
        place.file("in.bulk", &self.body);
        let mut arguments = vec!["--to", to, "-t", "bulk", "-j", "1", "--details", "--results", "results"];
        let request = &self.vector["request"];
        let index = request["path"]
            .as_str()
            .expect("a path")
            .strip_suffix("/_bulk")
            .unwrap_or_default()
            .trim_start_matches('/');
        if !index.is_empty() {
            arguments.extend(["-c", index]);
        }
        let flags: Vec<String> = request["query"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| match value.as_str() {
                // An empty value means true on the server.
                Some("") => format!("--{}=true", name.replace('_', "-")),
                _ => format!("--{}={}", name.replace('_', "-"), value.as_str().expect("a text")),
            })
            .collect();
        arguments.extend(flags.iter().map(String::as_str));
        arguments.extend(more);
        arguments.push("in.bulk");
        let ran = place.run(&arguments);
        (place, ran)
    }

    /// End to end on a real server.
    fn run(&self, server: &Server) -> Result<(), String> {
        let result = self.on(server);
        self.clean_up(server);
        result
    }

    fn on(&self, server: &Server) -> Result<(), String> {
        let to = format!("elasticsearch+{}", server.url);
        if let Some((_, code, words)) = WRONG_FLAGS.iter().find(|(name, ..)| *name == self.name) {
            self.set_up(server);
            let (_, ran) = self.import(&to, &[]);
            return if ran.code == *code && ran.stderr.contains(words) {
                Ok(())
            } else {
                Err(format!("exit {}: {}", ran.code, ran.stderr))
            };
        }
        let alone = if self.is_refused() { self.alone(server) } else { Vec::new() };
        self.set_up(server);
        let (place, ran) = self.import(&to, &[]);
        let said = format!("exit {}\n{}{}", ran.code, ran.stdout, ran.stderr);
        let items = items_of(&place);
        let judged = match self.is_refused() {
            true => self.agrees_with(&alone, &items, &ran),
            false => self.answers(&items),
        };
        judged.map_err(|why| {
            format!("{why}\n{said}{}", items.iter().map(|item| format!("{item}\n")).collect::<String>())
        })?;
        if (ran.code == 0) != items.iter().all(|item| !failed(item)) || ![0, 1].contains(&ran.code) {
            return Err(format!("a wrong exit code\n{said}"));
        }
        // Where the whole request is refused nothing of it is done there, and all that is good is done by us.
        if self.is_refused() { Ok(()) } else { self.state(server).map_err(|why| format!("{why}\n{said}")) }
    }

    /// Whether the items are those of the vector.
    fn answers(&self, items: &[Value]) -> Result<(), String> {
        if self.vector["expect"]["json"]["items"].is_null() {
            return statuses_in(&self.vector["expect"]["text"], items);
        }
        answers(self.vector, items, &["_shards", "get", "forced_refresh", "_type"])
    }

    /// Whether each action got what it gets when it is sent alone.
    fn agrees_with(&self, alone: &[ItemOutcome], items: &[Value], ran: &Ran) -> Result<(), String> {
        if alone.len() != items.len() {
            return Err(format!("{} results of {} actions", items.len(), alone.len()));
        }
        if let Some((_, errors)) = BETTER.iter().find(|(name, _)| *name == self.name) {
            let agrees =
                |(item, words): (&Value, &&str)| failed(item) != words.is_empty() && item.to_string().contains(words);
            let agree = errors.len() == items.len() && items.iter().zip(*errors).all(agrees);
            return if agree { Ok(()) } else { Err("other errors than listed".to_owned()) };
        }
        let mut found = 0;
        for (at, (outcome, item)) in alone.iter().zip(items).enumerate() {
            let error =
                item.as_object().and_then(|item| item.values().next()).map_or(&Value::Null, |item| &item["error"]);
            match outcome {
                ItemOutcome::Item(theirs) if !failed(theirs) => {
                    let theirs = &theirs.as_object().expect("an item").values().next().expect("an item")["result"];
                    let ours = &item.as_object().expect("an item").values().next().expect("an item")["result"];
                    if theirs != ours {
                        return Err(format!("action {at}: {ours}, where {theirs} was due"));
                    }
                }
                ItemOutcome::Item(_) | ItemOutcome::Refused(_) if !failed(item) => {
                    return Err(format!("action {at} is no error, but {outcome:?}"));
                }
                _ if found_before(&self.name, at).is_some_and(|words| ran.stderr.contains(words)) => found += 1,
                ItemOutcome::Item(theirs) => matches(theirs, item).map_err(|why| format!("action {at}{why}"))?,
                ItemOutcome::Refused(theirs) => {
                    let text = |error: &Value, name: &str| {
                        let words = error[name].as_str().unwrap_or_default().split_whitespace();
                        words.collect::<Vec<_>>().join(" ")
                    };
                    if text(theirs, "type") != text(error, "type")
                        || !text(error, "reason").contains(&text(theirs, "reason"))
                    {
                        return Err(format!("action {at}: {error}, where {theirs} was due"));
                    }
                }
            }
        }
        let listed = FOUND_BEFORE.iter().any(|(name, _)| *name == self.name);
        if listed != (found > 0) {
            return Err("the list of what is found before it is sent is wrong about this".to_owned());
        }
        Ok(())
    }

    /// Whether the documents are those that the vector looks at afterwards.
    fn state(&self, server: &Server) -> Result<(), String> {
        for then in self.vector["then"].as_array().into_iter().flatten() {
            let path = path_of(&then["request"]);
            let answer = server.get(&path);
            let expect = &then["expect"];
            if expect["status"] != answer.status {
                return Err(format!("GET {path}: {}", answer.status));
            }
            let json = answer.json();
            if let Some(source) = expect.get("source_exact")
                && json["_source"] != *source
            {
                return Err(format!("GET {path}: {}, where {source} was due", json["_source"]));
            }
            // Blanks around a document are no part of it here.
            if let Some(source) = expect["source_text"].as_str().map(str::trim_ascii)
                && !answer.text().contains(&format!("\"_source\":{source}"))
            {
                return Err(format!("GET {path}: {}, where {source} was due", answer.text()));
            }
            let Some(expected) = expect.get("json") else { continue };
            if json.is_null() {
                // No JSON for a client whose numbers are doubles: `1e400`.
                let fields = expected.as_object().expect("an object").iter();
                let missing = fields
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .find(|field| !answer.text().contains(field));
                if let Some(missing) = missing {
                    return Err(format!("GET {path}: no {missing} in {}", answer.text()));
                }
                continue;
            }
            matches(expected, &json).map_err(|why| format!("GET {path}{why}"))?;
        }
        Ok(())
    }

    /// Plays the vector's answer to an import of one document for each item, or of one.
    fn play(&self, arguments: &[&str], code: i32, words: &str) -> Result<(), String> {
        let expect = &self.vector["expect"];
        let items = expect["json"]["items"].as_array().cloned().unwrap_or_default();
        let wire = Wire::start();
        let status = expect["status"].as_u64().expect("a status") as u16;
        let body = sample(&expect["json"]);
        wire.expect(bulk().reply_with(move |request| match status {
            200 => {
                let whole = |(at, action): (usize, &wire::Sent)| {
                    let mut item = json!({"_index": action.index, "_id": action.id, "_version": 1, "result": "created", "_seq_no": at,
                        "_primary_term": 1, "status": 201});
                    if let Some(given) = items.get(at).and_then(|item| item[&action.op].as_object()) {
                        let fails = given.contains_key("error");
                        item.as_object_mut().expect("an object").retain(|name, _| !fails || ["_index", "_id"].contains(&name.as_str()));
                        given.iter().for_each(|(name, value)| item[name] = sample(value));
                    }
                    json!({action.op.as_str(): item})
                };
                Reply::items(request.actions().iter().enumerate().map(whole).collect())
            }
            _ => Reply::json(status, body.clone()),
        }));
        let place = Place::new();
        let many = expect["json"]["items"].as_array().map_or(1, Vec::len);
        let lines = actions_of(&self.body)
            .into_iter()
            .filter(|_| expect["json"]["items"].is_array())
            .flatten()
            .collect::<Vec<u8>>();
        place.file("in.bulk", if lines.is_empty() { b"{\"index\":{\"_id\":\"1\"}}\n{}\n".to_vec() } else { lines });
        let ran =
            place.run(&[&["--to", &wire.to(), "-c", "t", "-t", "bulk", "-j", "1"], arguments, &["in.bulk"]].concat());
        wire.done();
        let good = if code == 0 {
            ran.count("created") == many as u64
        } else {
            ran.count("created") == 0 && ran.count("unknown") == 0
        };
        if ran.code != code || !good || !ran.stderr.contains(words) {
            return Err(format!(
                "exit {}, where {code} and {words:?} were due\n{}{}",
                ran.code, ran.stdout, ran.stderr
            ));
        }
        Ok(())
    }
}

/// Whether the items have the statuses of an answer that a vector gives as a pattern for its text.
fn statuses_in(text: &Value, items: &[Value]) -> Result<(), String> {
    let pattern = text["$re"].as_str().ok_or("no items are expected")?;
    let expected: Vec<&str> = pattern.split("\"status\":").skip(1).map(|rest| &rest[..3]).collect();
    let status = |item: &Value| {
        item.as_object().map(|item| item.values().map(|item| item["status"].to_string()).collect::<String>())
    };
    let actual: Vec<String> = items.iter().filter_map(status).collect();
    if expected == actual { Ok(()) } else { Err(format!("statuses {actual:?}, where {expected:?} were due")) }
}

/// A value that matches what is expected.
fn sample(expected: &Value) -> Value {
    match expected {
        Value::Object(fields) => match fields.iter().next().filter(|(name, _)| name.starts_with('$')) {
            Some((name, _)) if name == "$type" => json!(3),
            Some((name, prefix)) if name == "$prefix" => prefix.clone(),
            Some(_) => json!("Incorrect HTTP method for uri [/_bulk] and method [DELETE], allowed: [POST, PUT]"),
            None => fields.iter().map(|(name, value)| (name.clone(), sample(value))).collect(),
        },
        Value::Array(elements) => elements.iter().map(sample).collect(),
        _ => expected.clone(),
    }
}
