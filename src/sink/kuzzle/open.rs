//! What happens before the first record: a login, and a look whether the collection is there. Nothing but what the flags
//! ask for is asked of the server, because a user may have the right to import and no other.

use super::Import;
use super::answer::{closed, fault_of};
use crate::retry::Retries;
use crate::sink::http::{Call, Http, HttpOptions, Method, NoReply, Nodes, Reply, Traffic};
use crate::sink::remote::talk::{Talk, said, unclear, unreachable};
use crate::sink::remote::{Before, Gate, Preparation, Remote, Shared, escaped, sentence};
use crate::sink::{DryRun, Note, Opening, Say, Sink};
use crate::stop::Stop;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the flags ask of Kuzzle.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// How it is reached.
    pub http: HttpOptions,
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// What requests have in common.
    pub import: Import,
    /// How many lanes there are.
    pub lanes: usize,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--create-collection`, when it was said.
    pub create: Option<bool>,
    /// `--mapping`.
    pub mapping: Option<PathBuf>,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// The prefix of generated keys.
    pub run: String,
}

/// The longest that a server may take to say that it is there.
const WHO: Duration = Duration::from_secs(10);

/// Looks at the server, prepares the collection and makes a sink for each lane.
///
/// # Errors
/// When the server cannot be used as the flags ask.
pub fn open(options: OpenOptions, stop: &Stop, say: Say<'_>) -> Result<(Vec<Box<dyn Sink>>, Traffic), Opening> {
    let mapping = options.mapping.as_ref().map(mapping).transpose().map_err(Opening::Usage)?;
    let nodes = Arc::new(Nodes::new(options.http.nodes.clone()));
    let http = |lane: usize, stop: Stop| Http::new(&options.http, nodes.clone(), lane, stop).map_err(Opening::Usage);
    let mut first = http(0, stop.clone())?;
    ensure_reached(&mut first, &options)?;
    let mut talk = Talk { http: &mut first, retries: options.retries, stop: stop.clone() };
    let exists = exists(&mut talk, &options.import)?;
    if exists == Some(false) && options.create != Some(true) && mapping.is_none() {
        return Err(Opening::Usage(missing(&options.import)));
    }
    let mut before = Before::default();
    if !options.dry_run {
        let makes = options.create == Some(true) && exists != Some(true);
        if makes || mapping.is_some() {
            make(&mut talk, &options.import, mapping.as_ref(), exists, say).map_err(Opening::Refused)?;
        }
        if options.wait_for_sync {
            ensure_synced(&mut talk, &options.import)?;
        }
        if options.overwrite {
            before = emptying(options.import.clone(), options.retries, stop.clone());
        }
    }
    let shared = Shared {
        retries: options.retries,
        gate: Arc::new(Gate::new(options.lanes)),
        traffic: Traffic::default(),
        before,
        memory: Arc::default(),
        destinations: HashMap::new(),
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
            let http = http(lane, stop.clone())?;
            sinks.push(Box::new(Remote::new(options.import.clone(), http, shared.clone(), lane)));
        }
    }
    Ok((sinks, traffic))
}

/// Tells a wrong address at once; what goes away later is waited for. The question is one that needs no login.
fn ensure_reached(http: &mut Http, options: &OpenOptions) -> Result<(), Opening> {
    let timeout = Some(options.http.timeout.min(WHO));
    let ask = || Call { timeout, ..Call::get("/_healthcheck") };
    let reply = http.send_bare(ask()).map_err(|reply| match reply {
        NoReply::NotSent { why, .. } => Opening::Refused(unreachable(&why)),
        NoReply::Lost(_) => Opening::Refused(unclear(sentence(&reply))),
    })?;
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    if body.as_ref().is_some_and(|body| body.get("requestId").is_some() || fault_of(&reply).is_some()) {
        return Ok(());
    }
    match reply.status {
        // A gateway may let only some paths through.
        401 | 403 | 407 | 429 | 502..=504 => Ok(()),
        _ => {
            let text =
                format!("{}: it does not answer as Kuzzle does (status {})", options.http.nodes[0], reply.status);
            Err(Opening::Refused(text))
        }
    }
}

/// Whether the collection is there; `None` if we may not ask.
fn exists(talk: &mut Talk<'_>, import: &Import) -> Result<Option<bool>, Opening> {
    let path = import.path("/_exists");
    let reply = talk.ask(|| Call::get(path.clone())).map_err(Opening::Refused)?;
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let found = body.as_ref().and_then(|body| body.get("result")).and_then(Value::as_bool);
    let fault = fault_of(&reply);
    match (reply.status, fault) {
        (200, None) if found.is_some() => Ok(found),
        // One who may only import may not ask.
        (403, Some(_)) => Ok(None),
        (401, Some(fault)) if fault.id == "security.rights.unauthorized" && talk.http.is_anonymous() => {
            // Anonymous users may have the right to import and not this one.
            Ok(None)
        }
        (412, Some(_)) => Ok(Some(false)),
        (status, Some(fault)) => Err(Opening::Refused(format!("{}; nothing was sent", closed(import, status, &fault)))),
        (_, None) => Err(Opening::Refused(format!("{}; nothing was sent", said(&reply)))),
    }
}

fn missing(import: &Import) -> String {
    format!(
        "there is no collection \"{}\" in the index \"{}\"\nhint: `--create-collection` makes both if they are missing",
        import.collection, import.index
    )
}

/// Makes the index and the collection, or gives the collection the mapping. Each may be there already.
fn make(
    talk: &mut Talk<'_>,
    import: &Import,
    mapping: Option<&Value>,
    exists: Option<bool>,
    say: Say<'_>,
) -> Result<(), String> {
    let mut refused = None;
    if exists != Some(true) {
        let index = format!("/{}/_create", escaped(&import.index));
        let reply = talk.ask(|| Call::new(Method::POST, index.clone()))?;
        let is_there = fault_of(&reply).is_some_and(|fault| fault.id == "services.storage.index_already_exists");
        if reply.is_success() {
            say(Note::Detail(format!("created the index {}", import.index)));
        } else if !is_there {
            // One who may not make an index may be able to make a collection in one that is there.
            refused = Some(format!("cannot create the index \"{}\": {}", import.index, refusal(import, &reply)));
        }
    }
    let (path, body) = (import.path(""), mapping.map_or_else(|| "{}".to_owned(), Value::to_string));
    let reply = talk.ask(|| Call::json(Method::PUT, path.clone(), body.clone()))?;
    if !reply.is_success() {
        let text = format!("cannot create the collection \"{}\": {}", import.collection, refusal(import, &reply));
        return Err(refused.unwrap_or(text));
    }
    say(Note::Detail(format!("created the collection {}", import.place())));
    Ok(())
}

/// Why a question was refused; who is not logged in is told how to.
fn refusal(import: &Import, reply: &Reply) -> String {
    match fault_of(reply) {
        Some(fault) if reply.status == 401 => closed(import, 401, &fault),
        _ => said(reply),
    }
}

/// Refuses a collection whose storage answers before it writes to the disk.
fn ensure_synced(talk: &mut Talk<'_>, import: &Import) -> Result<(), Opening> {
    let path = import.path("/_settings");
    let reply = talk.ask(|| Call::get(path.clone())).map_err(Opening::Refused)?;
    if !reply.is_success() {
        let text = format!("--wait-for-sync: the settings of {} cannot be read: {}", import.place(), said(&reply));
        return Err(Opening::Refused(text));
    }
    let settings: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let durability = settings.pointer("/result/translog/durability").and_then(Value::as_str);
    if durability.is_some_and(|durability| durability.eq_ignore_ascii_case("async")) {
        let text = format!("--wait-for-sync: the storage of {} answers before it writes to the disk", import.place());
        return Err(Opening::Refused(format!(
            "{text}\nhint: set index.translog.durability to \"request\", which is the default"
        )));
    }
    Ok(())
}

fn emptying(import: Import, retries: Retries, stop: Stop) -> Before {
    Arc::new(Mutex::new(Preparation::Todo(Box::new(move |http: &mut Http, say: Say<'_>| {
        let mut talk = Talk { http, retries, stop };
        let path = import.path("/_truncate");
        talk.order(|| Call::new(Method::DELETE, path.clone())).map_err(|why| format!("--overwrite: {why}"))?;
        say(Note::Warning(format!("--overwrite: emptied {}", import.place())));
        Ok(())
    }))))
}

/// Reads `--mapping`: what a collection is made of (`mappings`, `settings`), or its mappings alone.
fn mapping(path: &PathBuf) -> Result<Value, String> {
    let fault = |what: &str| format!("--mapping: {}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| fault(&error.to_string()))?;
    let read: Value = serde_json::from_str(&text).map_err(|error| fault(&error.to_string()))?;
    let Some(object) = read.as_object() else { return Err(fault("not a JSON object")) };
    let is_whole = ["mappings", "settings"].iter().any(|name| object.contains_key(*name));
    let is_field = |value: &Value| value.get("type").is_some_and(Value::is_string);
    if !is_whole && !object.contains_key("properties") && object.values().any(is_field) {
        return Err(fault("its fields belong under `properties`"));
    }
    Ok(if is_whole { read } else { json!({ "mappings": read }) })
}
