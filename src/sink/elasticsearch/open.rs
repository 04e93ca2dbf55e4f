//! What happens before the first record: who is there, is the index there, and is it as the flags want it.

use super::{Bulk, bulk_mode, destination, overwrite};
use crate::retry::{Retries, Wait, Why};
use crate::sink::http::{Call, Http, HttpOptions, Method, NoReply, Nodes, Traffic, Url};
use crate::sink::remote::destination::{Destination, Named};
use crate::sink::remote::talk::{Talk, login, said, unclear, unreachable};
use crate::sink::remote::{Before, Gate, Preparation, Remote, Shared, escaped, sentence};
use crate::sink::{DryRun, Note, Opening, Say, Sink};
use crate::stop::Stop;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the flags ask of the cluster.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// How it is reached.
    pub http: HttpOptions,
    /// Whether the address says what the server is.
    pub kind_is_said: bool,
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// What requests have in common.
    pub bulk: Bulk,
    /// How many lanes there are.
    pub lanes: usize,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--create-collection`, when it was said.
    pub create: Option<bool>,
    /// `--mapping`.
    pub mapping: Option<PathBuf>,
    /// `--bulk-mode`.
    pub bulk_mode: bool,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// The prefix of generated keys.
    pub run: String,
}

/// A cluster that is ready to take documents.
pub struct Opened {
    /// One sink a lane.
    pub sinks: Vec<Box<dyn Sink>>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// What has to be put back at the end.
    pub closing: Option<Closing>,
}

/// Restores what `--bulk-mode` changed, at the latest when it is dropped.
pub struct Closing {
    index: String,
    before: Option<Map<String, Value>>,
    http: Http,
    retries: Retries,
}

/// What is done to restore settings when somebody waits for the end.
const IN_A_HURRY: Retries = Retries { retries: 3, max_time: Duration::from_secs(5) };
/// The longest that a server may take to say who it is.
const WHO: Duration = Duration::from_secs(10);

impl Closing {
    /// Restores it; in a hurry, after a signal, it gives up after some seconds.
    ///
    /// # Errors
    /// When it cannot be; one sentence that says what to do.
    pub fn close(&mut self, in_a_hurry: bool) -> Result<(), String> {
        let Some(before) = self.before.take() else { return Ok(()) };
        let retries = if in_a_hurry { IN_A_HURRY } else { self.retries };
        let mut talk = Talk { http: &mut self.http, retries, stop: Stop::default() };
        bulk_mode::restore(&mut talk, &self.index, &before).map_err(|why| {
            format!(
                "--bulk-mode: the settings of {} are not restored: {why}; the next run into it restores them",
                self.index
            )
        })
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.close(true);
    }
}

/// What an index is.
struct Found {
    /// The concrete index; the name that was asked for may be an alias.
    name: String,
    /// How many indices are behind the name.
    count: usize,
    mappings: Option<Value>,
    durability: Option<String>,
}

/// Looks at the cluster, prepares the index and makes a sink for each lane.
///
/// # Errors
/// When the cluster cannot be used as the flags ask.
pub fn open(options: OpenOptions, stop: &Stop, say: Say<'_>) -> Result<Opened, Opening> {
    let mapping = options.mapping.as_ref().map(mapping).transpose().map_err(Opening::Usage)?;
    let nodes = Arc::new(Nodes::new(options.http.nodes.clone()));
    let http = |lane: usize, stop: Stop| Http::new(&options.http, nodes.clone(), lane, stop).map_err(Opening::Usage);
    let mut first = http(0, stop.clone())?;
    let mut bulk = options.bulk.clone();
    let who = who(&mut first, &options, stop)?;
    if !options.kind_is_said && !is_cluster(&who) {
        let text = format!("{}: it does not say that it is Elasticsearch or OpenSearch", nodes.name(0));
        let hint = "if it is, write `elasticsearch+http://` in place of `http://`";
        return Err(Opening::Usage(format!("{text}\nhint: {hint}")));
    }
    ensure_one_cluster(&mut first, &options, &nodes, &who)?;
    say(Note::Detail(introduced(&who)));
    bulk.is_incremental = is_incremental(&who);
    let mut talk = Talk { http: &mut first, retries: options.retries, stop: stop.clone() };
    let mut closing = None;
    let mut before: Before = Before::default();
    let mut destinations = HashMap::new();
    if let Some(index) = bulk.index.clone() {
        let (mut found, destination) = find(&mut talk, &index).map_err(Opening::Refused)?;
        check(&options, &index, found.as_ref())?;
        if !matches!(destination, Destination::Unclear(_)) {
            destinations.insert(index.clone(), destination);
        }
        if !options.dry_run {
            prepare(&options, &mut talk, &index, &mut found, mapping.as_ref(), say).map_err(Opening::Refused)?;
            if options.wait_for_sync && found.is_none() {
                let (made, _) = find(&mut talk, &index).map_err(Opening::Refused)?;
                check(&options, &index, made.as_ref())?;
            }
            if options.overwrite {
                before = emptying(index.clone(), options.retries, stop.clone());
            }
            if options.bulk_mode {
                let name = found.map_or(index, |found| found.name);
                let settings = bulk_mode::begin(&mut talk, &name);
                let settings = settings.map_err(|why| Opening::Refused(format!("--bulk-mode: {why}")))?;
                let http = http(0, Stop::default())?;
                closing = Some(Closing { index: name, before: Some(settings), http, retries: options.retries });
            }
        }
    }
    let shared = Shared {
        retries: options.retries,
        gate: Arc::new(Gate::new(options.lanes)),
        traffic: Traffic::default(),
        before,
        memory: Arc::default(),
        destinations,
        lanes: options.lanes,
        run: options.run.clone(),
        stop: stop.clone(),
    };
    let traffic = shared.traffic.clone();
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    for lane in 0..options.lanes {
        if options.dry_run {
            sinks.push(Box::new(DryRun));
        } else {
            sinks.push(Box::new(Remote::new(bulk.clone(), http(lane, stop.clone())?, shared.clone(), lane)));
        }
    }
    Ok(Opened { sinks, traffic, closing })
}

/// Asks who is there. A server that does not say is taken for what the address calls it: new bare servers have no `GET /`.
fn who(http: &mut Http, options: &OpenOptions, stop: &Stop) -> Result<Value, Opening> {
    let mut wait = Wait::new(options.retries);
    let mut silent = 0;
    loop {
        let timeout = Some(options.http.timeout.min(WHO));
        let reply = match http.send(Call { timeout, ..Call::get("/") }) {
            Ok(reply) => reply,
            // A wrong address is told at once; what goes away later is waited for.
            Err(NoReply::NotSent { why, .. }) => return Err(Opening::Refused(unreachable(&why))),
            Err(reply) => {
                silent += 1;
                if silent < options.http.nodes.len() && !stop.asked() {
                    continue;
                }
                return Err(Opening::Refused(unclear(sentence(&reply))));
            }
        };
        if crate::sink::kuzzle::is_kuzzle(&reply) {
            let text = format!("{}: this is Kuzzle", options.http.nodes[0].as_str().trim_end_matches('/'));
            let hint = "write `kuzzle+http://HOST:7512/INDEX`, and the collection with `--collection`";
            return Err(Opening::Usage(format!("{text}\nhint: {hint}")));
        }
        match reply.status {
            200 | 400 | 404 => {
                let who: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
                if who.get("errorNum").is_some() {
                    let text = format!("{}: this is ArangoDB", options.http.nodes[0].as_str().trim_end_matches('/'));
                    return Err(Opening::Usage(format!("{text}\nhint: write `arangodb+http://HOST:8529/_db/NAME`")));
                }
                // Some servers have no `GET /`, but below a path of its own that is hardly the cluster.
                return match options.http.nodes.iter().find(|node| node.path() != "/") {
                    Some(node) if !is_cluster(&who) => Err(Opening::Usage(not_a_cluster(node))),
                    _ => Ok(who),
                };
            }
            401 => return Err(Opening::Refused(login(&reply))),
            300..=399 => {
                let place = reply.location.as_deref().unwrap_or("nowhere");
                return Err(Opening::Refused(format!("the server redirects to {place}: name that address")));
            }
            429 | 502..=504 => {
                let pause = wait.next(Why::Busy, reply.retry_after);
                let pause = pause.map_err(|used_up| Opening::Refused(format!("{} ({used_up})", said(&reply))))?;
                if !crate::sink::remote::nap(pause, stop) {
                    return Err(Opening::Refused(said(&reply)));
                }
            }
            _ => return Ok(Value::Null),
        }
    }
}

fn not_a_cluster(node: &Url) -> String {
    let (name, path) = (node.as_str().trim_end_matches('/'), node.path().trim_matches('/'));
    format!("{name}: this is not the address of a cluster\nhint: an index is named with `--collection {path}`")
}

/// Finds nodes that answer for another cluster: a part of the records would go there.
fn ensure_one_cluster(http: &mut Http, options: &OpenOptions, nodes: &Nodes, who: &Value) -> Result<(), Opening> {
    let id = |who: &Value| who.get("cluster_uuid").and_then(Value::as_str).map(str::to_owned);
    let Some(first) = id(who).filter(|_| nodes.len() > 1) else { return Ok(()) };
    for node in 0..nodes.len() {
        // One that does not answer now may do so later.
        let Ok(reply) = http.ask(node, Call { timeout: Some(options.http.timeout.min(WHO)), ..Call::get("/") }) else {
            nodes.is_down(node);
            continue;
        };
        let other = serde_json::from_slice(&reply.body).ok().and_then(|who: Value| id(&who));
        if other.is_some_and(|other| other != first) {
            let text = format!("--to: {} belongs to another cluster than the rest", nodes.name(node));
            return Err(Opening::Usage(format!("{text}\nhint: run once for each cluster")));
        }
    }
    Ok(())
}

/// What `-v` says of the server.
fn introduced(who: &Value) -> String {
    let text = |path: &str| who.pointer(path).and_then(Value::as_str).unwrap_or("unknown");
    let kind = who.pointer("/version/distribution").and_then(Value::as_str).unwrap_or("the server");
    format!("{kind} calls itself version {}, cluster {}", text("/version/number"), text("/cluster_name"))
}

/// Whether the server may carry out a part of a request before it refuses it: Elasticsearch from 8.16 on, and what does not
/// say what it is (contract of the bulk API, 1.4).
fn is_incremental(who: &Value) -> bool {
    if who.pointer("/version/distribution").and_then(Value::as_str) == Some("opensearch") {
        return false;
    }
    let Some(number) = who.pointer("/version/number").and_then(Value::as_str) else { return true };
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    (parts.next().unwrap_or(u32::MAX), parts.next().unwrap_or(u32::MAX)) >= (8, 16)
}

/// Finds what has a name, and where that leads.
fn find(talk: &mut Talk<'_>, index: &str) -> Result<(Option<Found>, Destination), String> {
    let reply = talk.ask(|| Call::get(format!("/{}", escaped(index))))?;
    let mut named = destination::read(index, &reply);
    let destination = loop {
        match named {
            Named::To(destination) => break destination,
            Named::Ask(call) => named = destination::read(index, &talk.ask(|| call.clone())?),
        }
    };
    let all: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let found = match (reply.status, all.as_object().and_then(|all| all.iter().next())) {
        (200, Some((name, about))) => Some(Found {
            name: name.clone(),
            count: all.as_object().map_or(1, Map::len),
            mappings: about.get("mappings").cloned(),
            durability: about
                .pointer("/settings/index/translog/durability")
                .and_then(Value::as_str)
                .map(str::to_ascii_lowercase),
        }),
        // A user who may only write may not be able to ask.
        (403 | 405, _) => Some(Found { name: index.to_owned(), count: 1, mappings: None, durability: None }),
        (404, _) => None,
        (401, _) => return Err(login(&reply)),
        _ => return Err(said(&reply)),
    };
    Ok((found, destination))
}

/// Finds what the flags ask and the index cannot give.
fn check(options: &OpenOptions, index: &str, found: Option<&Found>) -> Result<(), Opening> {
    let Some(found) = found else {
        if options.create == Some(false) {
            return Err(Opening::Usage(format!("there is no index \"{index}\", and --create-collection=false")));
        }
        return Ok(());
    };
    let is_other = found.count != 1 || found.name != index;
    if options.overwrite && is_other {
        let text = format!("--overwrite: \"{index}\" is an alias or a data stream");
        return Err(Opening::Usage(format!("{text}\nhint: name the index that is to be emptied")));
    }
    if options.bulk_mode && found.count != 1 {
        return Err(Opening::Usage(format!("--bulk-mode: \"{index}\" stands for {} indices", found.count)));
    }
    if options.wait_for_sync && found.durability.as_deref() == Some("async") {
        let text = format!("--wait-for-sync: {index} answers before it writes to the disk");
        let hint = "set index.translog.durability to \"request\", which is the server's default";
        return Err(Opening::Refused(format!("{text}\nhint: {hint}")));
    }
    Ok(())
}

/// Makes the index, or gives it the mapping, and puts back what an interrupted run left off.
fn prepare(
    options: &OpenOptions,
    talk: &mut Talk<'_>,
    index: &str,
    found: &mut Option<Found>,
    mapping: Option<&Value>,
    say: Say<'_>,
) -> Result<(), String> {
    let path = format!("/{}", escaped(index));
    let Some(found) = found else {
        if options.create == Some(true) || mapping.is_some() || options.bulk_mode {
            let body = mapping.map_or_else(|| "{}".to_owned(), Value::to_string);
            let reply = talk.ask(|| Call::json(Method::PUT, path.clone(), body.clone()))?;
            // Another run may have made it, or a first try of ours whose answer was lost.
            if !reply.is_success() && !said(&reply).contains("resource_already_exists") {
                return Err(format!("cannot create the index \"{index}\": {}", said(&reply)));
            }
        }
        return Ok(());
    };
    if found.count == 1 && bulk_mode::restore_left_over(talk, &found.name, found.mappings.as_ref())? {
        let text = format!(
            "{}: restored the refresh interval and the replicas that an interrupted run had turned off",
            found.name
        );
        say(Note::Warning(text));
    }
    if let Some(mappings) = mapping.and_then(|mapping| mapping.get("mappings")) {
        let body = mappings.to_string();
        let done = talk.order(|| Call::json(Method::PUT, format!("{path}/_mapping"), body.clone()));
        done.map_err(|why| format!("--mapping: {why}"))?;
    }
    Ok(())
}

/// Reads `--mapping`: what an index is made of (`mappings`, `settings`, `aliases`), or its mappings alone.
fn mapping(path: &PathBuf) -> Result<Value, String> {
    let fault = |what: String| format!("--mapping: {}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let read: Value = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
    let Some(object) = read.as_object() else { return Err(fault("not a JSON object".to_owned())) };
    let is_whole = ["mappings", "settings", "aliases"].iter().any(|name| object.contains_key(*name));
    let is_field = |value: &Value| value.get("type").is_some_and(Value::is_string);
    if !is_whole && !object.contains_key("properties") && object.values().any(is_field) {
        return Err(fault("its fields belong under `properties`".to_owned()));
    }
    Ok(if is_whole { read } else { json!({ "mappings": read }) })
}

fn emptying(index: String, retries: Retries, stop: Stop) -> Before {
    Arc::new(Mutex::new(Preparation::Todo(Box::new(move |http: &mut Http, say: Say<'_>| {
        overwrite::empty(&mut Talk { http, retries, stop }, &index, say)
    }))))
}

/// Whether an answer to `GET /` is of a server that has the bulk API.
fn is_cluster(who: &Value) -> bool {
    who.pointer("/version/number").is_some() && who.get("cluster_name").is_some()
}
