//! Settles batches against a model of a server that is busy, drops requests and responses, and refuses bad lines, at
//! random. What is reported must be what the model holds.

use super::gate::Gate;
use super::settle::{LaneIo, Settling};
use super::*;
use crate::action::{Action, ActionKey, Op};
use crate::batch::{Batcher, Limits};
use crate::record::{Origin, Record};
use crate::retry::Retries;
use crate::sink::OutcomeWishes;
use crate::sink::bulk_api::verb;
use crate::sink::elasticsearch::Bulk;
use crate::sink::http::{SendError, Traffic};
use crate::sink::{Bucket, Counts, Ledger, Outcome, ResultLine, SinkError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// xorshift64*: the same numbers for a seed on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// What a server holds, and how it fails.
struct Model {
    docs: BTreeMap<String, Value>,
    /// Documents that were applied: their fields exist, so they lose no race again.
    applied: HashSet<String>,
    chance: Chance,
    /// How many of ten requests fail in some way.
    faults: u64,
}

const REFUSED: &str = "refuse-me";

impl Model {
    fn send(&mut self, request: Request) -> Result<Response, SendError> {
        let body = String::from_utf8(request.body.into()).expect("UTF-8");
        if request.path.starts_with("/_tasks") {
            return Ok(response(200, json!({ "nodes": {} })));
        }
        if request.path.starts_with("/t?") {
            return Ok(response(200, json!({ "t": { "settings": { "index": {} } } })));
        }
        if request.path == "/_mget" {
            return Ok(response(200, self.mget(&body)));
        }
        assert!(body.ends_with('\n') && request.path.starts_with("/t/_bulk?"), "{}", request.path);
        if body.contains(REFUSED) {
            return Ok(response(400, json!({ "error": { "type": "bad", "reason": "a line" } })));
        }
        if self.chance.below(10) >= self.faults {
            return Ok(response(200, self.bulk(&body, 0)));
        }
        match self.chance.below(8) {
            0 => Err(SendError::NotSent { why: "refused".to_owned(), hopeless: false }),
            1 => Err(SendError::NoResponse("before".to_owned())),
            2 => {
                self.bulk(&body, 0);
                Err(SendError::NoResponse("after".to_owned()))
            }
            3 => Ok(response(429, json!({ "error": { "type": "rejected", "reason": "busy" } }))),
            4 => Ok(response(200, self.bulk(&body, 2))),
            5 => {
                self.bulk(&body, 0);
                Ok(response(504, json!("<html>")))
            }
            6 => {
                let mut whole = self.bulk(&body, 3);
                whole["items"].as_array_mut().expect("items").pop();
                Ok(response(200, whole))
            }
            _ => Ok(response(500, json!({ "error": { "type": "npe", "reason": "oops" } }))),
        }
    }

    /// Applies a request. On average every `busy`-th item is not applied: it gets a 429, or loses a race for a field.
    fn bulk(&mut self, body: &str, busy: u64) -> Value {
        let mut lines = body.lines();
        let mut items = Vec::new();
        while let Some(line) = lines.next() {
            let action: Value = serde_json::from_str(line).expect("an action line");
            let (verb, meta) = action.as_object().and_then(|action| action.iter().next()).expect("an action");
            let id = meta["_id"].as_str().expect("an id").to_owned();
            let source = (verb != "delete").then(|| lines.next().expect("a source"));
            let is_new = source.is_some_and(|line| !self.applied.contains(line));
            let source: Value = source.map_or(Value::Null, |line| serde_json::from_str(line).expect("a document"));
            let (status, result) = if busy > 0 && self.chance.below(busy) == 0 {
                if is_new && self.chance.below(2) == 0 { (400, "") } else { (429, "") }
            } else {
                self.applied.insert(source.to_string());
                self.act(verb, &id, source)
            };
            let mut item = json!({ "_index": "t", "_id": id, "status": status });
            match status {
                409 => item["error"] = json!({ "type": "version_conflict_engine_exception", "reason": "exists" }),
                429 => item["error"] = json!({ "type": "rejected", "reason": "busy" }),
                400 => {
                    let field = self.chance.below(3);
                    let reason = format!("mapper [f{field}] cannot be changed from type [float] to [long]");
                    item["error"] = json!({ "type": "illegal_argument_exception", "reason": reason });
                }
                _ => item["result"] = json!(result),
            }
            items.push(json!({ verb: item }));
        }
        json!({ "took": 1, "errors": false, "items": items })
    }

    fn act(&mut self, verb: &str, id: &str, source: Value) -> (u16, &'static str) {
        let exists = self.docs.contains_key(id);
        match (verb, exists) {
            ("create", true) => return (409, ""),
            ("delete", true) => {
                self.docs.remove(id);
                return (200, "deleted");
            }
            ("delete", false) => return (404, "not_found"),
            ("update", true) => {
                let old = self.docs.get_mut(id).and_then(Value::as_object_mut).expect("a document");
                old.extend(source["doc"].as_object().expect("a document").clone());
                return (200, "updated");
            }
            ("update", false) => self.docs.insert(id.to_owned(), source["doc"].clone()),
            _ => self.docs.insert(id.to_owned(), source),
        };
        if exists { (200, "updated") } else { (201, "created") }
    }

    fn mget(&self, body: &str) -> Value {
        let asked: Value = serde_json::from_str(body).expect("JSON");
        let docs = asked["docs"].as_array().expect("docs").iter().map(|doc| {
            let id = doc["_id"].as_str().expect("an id");
            match self.docs.get(id) {
                Some(source) => json!({ "_id": id, "found": true, "_source": source }),
                None => json!({ "_id": id, "found": false }),
            }
        });
        json!({ "docs": docs.collect::<Vec<Value>>() })
    }
}

fn response(status: u16, body: Value) -> Response {
    Response { node: "http://h".to_owned(), status, body: body.to_string().into(), retry_after: None, location: None }
}

/// One record: what it does, its key and its document.
struct Input {
    op: Op,
    key: String,
    doc: String,
}

/// Settles batches of inputs as one lane does, with a result line for each.
fn settled(model: &mut Model, inputs: &[Input], size: usize, retries: u32) -> (Vec<ResultLine>, Result<(), SinkError>) {
    let (_, mut results, done) = outcome(model, inputs, size, retries, true);
    results.sort_by_key(|line| line.origin.line);
    (results, done)
}

/// Settles batches of inputs as one lane does.
fn outcome(
    model: &mut Model,
    inputs: &[Input],
    size: usize,
    retries: u32,
    shows: bool,
) -> (Counts, Vec<ResultLine>, Result<(), SinkError>) {
    let bulk = Bulk { index: Some("t".to_owned()), path: "/t/_bulk?filter".to_owned(), ..Bulk::default() };
    let shared = Shared {
        retries: Retries { retries, max_time: Duration::from_secs(1 << 20) },
        gate: Arc::new(Gate::new(2)),
        traffic: Traffic::default(),
        preparation: super::Preparation::default(),
        memory: Arc::default(),
        destinations: HashMap::new(),
        lanes: 1,
        run: "generated-".to_owned(),
        stop: Stop::default(),
    };
    let mut destinations = HashMap::new();
    let (mut all, mut results, mut names) = (Counts::default(), Vec::new(), 0);
    let (sender, outcomes) = std::sync::mpsc::channel();
    let wishes = OutcomeWishes { results: shows, ..OutcomeWishes::default() };
    let hand_over = move |outcome: Outcome| sender.send(outcome).expect("a receiver");
    let mut out = Ledger::new(0, wishes, Box::new(hand_over));
    let mut done = Ok(());
    for (nth, chunk) in inputs.chunks(size).enumerate() {
        let limits = Limits { records: 1000, bytes: 1 << 20, interval: Duration::from_secs(1), distinct: false };
        let mut batcher = Batcher::new(limits, Arc::new(bulk.clone()), false);
        for (index, input) in chunk.iter().enumerate() {
            let origin = Origin { line: (nth * size + index) as u64, ..Origin::default() };
            let hash = crate::key_filter::hash(&input.key);
            let plain = Action::plain(input.op, ActionKey::Text(&input.key), &input.doc);
            // Some batches have bulk lines.
            let is_line = (nth + size).is_multiple_of(2) && input.op != Op::Upsert;
            let line = json!({ verb(input.op): { "_id": input.key } }).to_string();
            let action = if is_line { Action { is_line, meta: &line, ..plain } } else { plain };
            batcher.push(&Record { origin, ..Record::default() }, index as u64, &action, hash);
        }
        let batch = batcher.take(Batch::default(), None);
        if done.is_err() {
            out.leave_unsent(&batch, 0);
        } else {
            let io = LaneIo {
                send: &mut |request| model.send(request),
                sleep: &mut |_| true,
                next_id: &mut || {
                    names += 1;
                    names.to_string()
                },
                report: &mut |_| {},
            };
            let settling = Settling::new(&batch, &bulk, &shared, io, &mut destinations, &mut out);
            done = settling.run("");
        }
        out.durable();
        out.flush();
        let mut counts = Counts::default();
        for outcome in outcomes.try_iter() {
            counts += outcome.counts;
            results.extend(outcome.results);
        }
        assert_eq!(counts.total(), batch.len() as u64, "every record is settled once");
        all += counts;
    }
    (all, results, done)
}

/// What the keys hold when the inputs that are reported as applied are applied in order. A key with an unknown outcome is
/// left out.
fn expected(
    before: &BTreeMap<String, Value>,
    inputs: &[Input],
    results: &[ResultLine],
) -> BTreeMap<String, Option<Value>> {
    let mut model = Model { docs: before.clone(), applied: HashSet::new(), chance: Chance(1), faults: 0 };
    let mut unknown = std::collections::BTreeSet::new();
    for (input, line) in inputs.iter().zip(results) {
        match line.bucket {
            Bucket::Unknown => {
                unknown.insert(&input.key);
            }
            Bucket::Error | Bucket::Unsent => {}
            _ => {
                let source: Value = serde_json::from_str(&input.doc).unwrap_or(Value::Null);
                let source = if input.op == Op::Upsert { json!({ "doc": source }) } else { source };
                let verb = match input.op {
                    Op::Create | Op::CreateOrIgnore => "create",
                    Op::Index => "index",
                    Op::Delete => "delete",
                    Op::Upsert | Op::Update => "update",
                };
                model.act(verb, &input.key, source);
            }
        }
    }
    let keys = inputs.iter().map(|input| &input.key).filter(|key| !unknown.contains(key));
    keys.map(|key| (key.clone(), model.docs.get(key).cloned())).collect()
}

fn inputs(chance: &mut Chance, ops: &[Op], keys: u64, count: u64) -> Vec<Input> {
    (0..count)
        .map(|n| {
            let op = ops[chance.below(ops.len() as u64) as usize];
            let bad = chance.below(40) == 0 && op != Op::Delete;
            let field = if bad { REFUSED } else { ["a", "b", "c"][chance.below(3) as usize] };
            let doc = if op == Op::Delete { String::new() } else { json!({ field: n }).to_string() };
            Input { op, key: format!("k{}", chance.below(keys)), doc }
        })
        .collect()
}

#[test]
fn the_report_matches_what_the_server_holds() {
    let modes: [&[Op]; 6] = [
        &[Op::Create],
        &[Op::CreateOrIgnore],
        &[Op::Index],
        &[Op::Upsert],
        &[Op::Delete],
        &[Op::Create, Op::Index, Op::Upsert, Op::Delete],
    ];
    for seed in 1..800u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mode = modes[seed as usize % modes.len()];
        let keys = [5, 40, 1_000_000][chance.below(3) as usize];
        let inputs = inputs(&mut chance, mode, keys, 60);
        let mut before = BTreeMap::new();
        for n in 0..chance.below(20) {
            before.insert(format!("k{}", chance.below(keys)), json!({ "old": n }));
        }
        let (size, retries) = ([1, 7, 60][chance.below(3) as usize], [0, 3, 50][chance.below(3) as usize]);
        let mut model = Model { docs: before.clone(), applied: HashSet::new(), faults: chance.below(8), chance };
        let mut again = Model {
            faults: model.faults,
            chance: Chance(model.chance.0),
            applied: HashSet::new(),
            docs: before.clone(),
        };
        let (results, done) = settled(&mut model, &inputs, size, retries);
        // Without result lines, whole batches are settled at once.
        let (counts, ..) = outcome(&mut again, &inputs, size, retries, false);
        let errors = results.iter().filter(|line| line.bucket == Bucket::Error).count();
        let created = results.iter().filter(|line| line.bucket == Bucket::Created).count();
        let updated = results.iter().filter(|line| line.bucket == Bucket::Updated).count();
        let counted = [Bucket::Created, Bucket::Updated, Bucket::Error].map(|bucket| counts[bucket]);
        assert_eq!(counted, [created, updated, errors].map(|n| n as u64));
        assert_eq!(again.docs, model.docs, "seed {seed}");
        for (key, doc) in expected(&before, &inputs, &results) {
            assert_eq!(model.docs.get(&key), doc.as_ref(), "seed {seed}, key {key}, {done:?}");
        }
        for (line, input) in results.iter().zip(&inputs) {
            let is_bad = input.doc.contains(REFUSED);
            let stored = matches!(line.bucket, Bucket::Created | Bucket::Updated);
            assert!(!(is_bad && stored), "seed {seed}: a bad line is stored");
            assert!(done.is_err() || line.bucket != Bucket::Unsent, "seed {seed}: unsent though nothing stopped");
        }
    }
}

#[test]
fn no_record_is_lost_when_retries_can_succeed() {
    for seed in 1..300u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let op = [Op::Create, Op::Index][seed as usize % 2];
        // Each key only once: then a missing response leaves nothing in doubt.
        let inputs: Vec<Input> =
            (0..50).map(|n| Input { op, key: format!("k{n}"), doc: json!({ "n": n }).to_string() }).collect();
        let size = [1, 9, 50][chance.below(3) as usize];
        let mut model = Model { docs: BTreeMap::new(), applied: HashSet::new(), faults: 5, chance };
        let (results, done) = settled(&mut model, &inputs, size, 50);
        let failed: Vec<&ResultLine> =
            results.iter().filter(|line| !matches!(line.bucket, Bucket::Created | Bucket::Updated)).collect();
        // A single action that gets a 500 again and again is given up with a reason.
        assert!(
            done.is_ok() && failed.iter().all(|line| line.bucket == Bucket::Error),
            "seed {seed}: {done:?} {failed:?}"
        );
        assert_eq!(model.docs.len() + failed.len(), inputs.len(), "seed {seed}");
    }
}
