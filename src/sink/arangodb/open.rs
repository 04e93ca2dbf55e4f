//! What happens before the first record: who is there, is the collection there, and is it as the flags want it.

use super::complete::Complete;
use super::{Collection, login};
use crate::retry::Retries;
use crate::sink::http::{Call, Http, HttpOptions, Method, NoReply, Nodes, Reply, Session, Traffic};
use crate::sink::remote::talk::{Talk, is_busy, login as refused, said, unclear, unreachable};
use crate::sink::remote::{Before, Gate, Preparation, Remote, Shared, escaped, sentence};
use crate::sink::{DryRun, Note, Opening, Say, Sink};
use crate::stop::Stop;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the flags ask of the database.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// How it is reached.
    pub http: HttpOptions,
    /// `--compress-transfer`, when it was said.
    pub gzip: Option<bool>,
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// `-c`.
    pub collection: String,
    /// How many lanes there are, where there may be more than one.
    pub lanes: usize,
    /// `--edge`.
    pub edge: bool,
    /// Whether edge prefixes were asked for, which only an edge collection can honour.
    pub prefixes: bool,
    /// `--create-collection`.
    pub create: bool,
    /// `--unique`.
    pub unique: Vec<String>,
    /// `--complete`.
    pub complete: bool,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// Whether every record has a key, or none needs one: `--key`, `--server-keys`, `--delete-keys`.
    pub has_keys: bool,
    /// `--server-keys`.
    pub server_keys: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// The prefix of generated keys.
    pub run: String,
}

/// A collection that is ready to take documents.
pub struct Opened {
    /// One sink a lane.
    pub sinks: Vec<Box<dyn Sink>>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// Whether it holds edges.
    pub edge: bool,
}

/// The longest that a server may take to say who it is.
const WHO: Duration = Duration::from_secs(10);
/// The types of collections.
const DOCUMENTS: u64 = 2;
const EDGES: u64 = 3;

/// Where the properties of a collection are.
pub(super) fn properties_path(name: &str) -> String {
    format!("/_api/collection/{}/properties", escaped(name))
}

/// Looks at the database, prepares the collection and makes a sink for each lane.
///
/// # Errors
/// When the database cannot be used as the flags ask.
pub fn open(options: OpenOptions, stop: &Stop, say: Say<'_>) -> Result<Opened, Opening> {
    let nodes = Arc::new(Nodes::new(options.http.nodes.clone()));
    let mut http = options.http.clone();
    let make =
        |http: &HttpOptions, lane: usize| Http::new(http, nodes.clone(), lane, stop.clone()).map_err(Opening::Usage);
    let first = |http: &HttpOptions| make(&HttpOptions { gzip: false, ..http.clone() }, 0);
    http.session = session(&mut first(&http)?, &options)?;
    let mut first = first(&http)?;
    let version = version(&mut first, &options, stop)?;
    say(Note::Detail(format!(
        "the server is ArangoDB {}",
        version.as_deref().unwrap_or("of a version that it does not tell")
    )));
    http.gzip &= may_unpack(version.as_deref(), &options)?;
    let mut talk = Talk { http: &mut first, retries: options.retries, stop: stop.clone() };
    let found = collection(&mut talk, &options)?;
    let unique = if options.dry_run { Vec::new() } else { unique(&mut talk, &options)? };
    let lanes = if unique.is_empty() && !options.complete { options.lanes } else { 1 };
    if !unique.is_empty() {
        say(Note::Detail(format!("one lane, because the order counts for the unique index on {}", unique.join(", "))));
    }
    let target = Collection { name: options.collection.clone(), unique, wait_for_sync: options.wait_for_sync };
    let empties = options.overwrite && !options.dry_run && !options.complete;
    let shared = Shared {
        retries: options.retries,
        gate: Arc::new(Gate::new(lanes)),
        traffic: Traffic::default(),
        before: if empties { emptying(&options, stop.clone()) } else { Before::default() },
        memory: Arc::default(),
        destinations: HashMap::new(),
        lanes,
        run: options.run.clone(),
        stop: stop.clone(),
    };
    let traffic = shared.traffic.clone();
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    for lane in 0..lanes {
        if options.dry_run {
            sinks.push(Box::new(DryRun));
        } else if options.complete {
            let http = make(&http, lane)?;
            let (overwrite, shared) = (options.overwrite, shared.clone());
            sinks.push(Box::new(Complete { collection: target.clone(), http, shared, overwrite, held: None }));
        } else {
            sinks.push(Box::new(Remote::new(target.clone(), make(&http, lane)?, shared.clone(), lane)));
        }
    }
    Ok(Opened { sinks, traffic, edge: found == EDGES })
}

/// Logs in, if that is to be done.
fn session(http: &mut Http, options: &OpenOptions) -> Result<Option<Arc<Session>>, Opening> {
    match login::session(http, &options.http, options.http.timeout.min(WHO)) {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(reply)) => Err(Opening::Refused(refused(&reply))),
        Err(NoReply::NotSent { why, .. }) => Err(Opening::Refused(unreachable(&why))),
        Err(reply) => Err(Opening::Refused(unclear(sentence(&reply)))),
    }
}

/// Asks who is there; the version, unless it is hidden from us.
fn version(http: &mut Http, options: &OpenOptions, stop: &Stop) -> Result<Option<String>, Opening> {
    let timeout = Some(options.http.timeout.min(WHO));
    let mut silent = 0;
    let reply = loop {
        match http.send(Call { timeout, ..Call::get("/_api/version") }) {
            Ok(reply) if is_busy(&reply) => {
                break Talk { http, retries: options.retries, stop: stop.clone() }
                    .ask(|| Call { timeout, ..Call::get("/_api/version") })
                    .map_err(Opening::Refused)?;
            }
            Ok(reply) => break reply,
            // A wrong address is told at once; what goes away later is waited for.
            Err(NoReply::NotSent { why, .. }) => return Err(Opening::Refused(unreachable(&why))),
            Err(reply) => {
                silent += 1;
                if silent >= options.http.nodes.len() || stop.asked() {
                    return Err(Opening::Refused(unclear(sentence(&reply))));
                }
            }
        }
    };
    let who: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    match (reply.status, number(&who)) {
        (200, _) if who.get("server").and_then(Value::as_str) == Some("arango") => {
            Ok(who.get("version").and_then(Value::as_str).map(str::to_owned))
        }
        (401, _) => Err(Opening::Refused(refused(&reply))),
        (404, 1228) => Err(Opening::Usage(no_database(options, &reply))),
        // A user without rights to the server as a whole may still write to a collection.
        (403, _) => Ok(None),
        (300..=399, _) => {
            let place = reply.location.as_deref().unwrap_or("nowhere");
            Err(Opening::Refused(format!("the server redirects to {place}: name that address")))
        }
        _ => {
            let name = options.http.nodes.first().map_or("", |node| node.as_str()).trim_end_matches('/').to_owned();
            Err(Opening::Usage(format!(
                "{name}: it does not say that it is ArangoDB (status {})\nhint: a database is written `arangodb+http://HOST:8529/_db/NAME`",
                reply.status
            )))
        }
    }
}

fn no_database(options: &OpenOptions, reply: &Reply) -> String {
    let path = options.http.nodes.first().map_or("/", |node| node.path());
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("_system");
    format!(
        "there is no database \"{name}\": {}\nhint: make it first, `db._createDatabase({name:?})` in arangosh; without `/_db/NAME` it is `_system`",
        said(reply)
    )
}

/// Whether bodies may be compressed: from 3.12 on.
fn may_unpack(version: Option<&str>, options: &OpenOptions) -> Result<bool, Opening> {
    let parts: Option<Vec<u32>> =
        version.map(|version| version.split('.').map(|part| part.parse().unwrap_or(0)).take(2).collect());
    let is_new = parts.is_some_and(|parts| parts >= vec![3, 12]);
    if !is_new && options.gzip == Some(true) {
        let version = version.unwrap_or("of this version");
        return Err(Opening::Usage(format!(
            "--compress-transfer gzip: ArangoDB {version} does not unpack bodies, 3.12 does"
        )));
    }
    Ok(is_new)
}

/// The number of ArangoDB's error in an answer; 0 if there is none.
fn number(body: &Value) -> u64 {
    body.get("errorNum").and_then(Value::as_u64).unwrap_or(0)
}

/// Finds the collection, or makes it; its type.
fn collection(talk: &mut Talk<'_>, options: &OpenOptions) -> Result<u64, Opening> {
    let name = &options.collection;
    let properties = talk.ask(|| Call::get(properties_path(name))).map_err(Opening::Refused)?;
    let found: Value = serde_json::from_slice(&properties.body).unwrap_or(Value::Null);
    match (properties.status, number(&found)) {
        (200, _) => {}
        (404, 1228) => return Err(Opening::Usage(no_database(options, &properties))),
        (404, 1203) if options.create => return create(talk, options),
        (404, 1203) => {
            let edge = if options.edge { " (with `--edge`, as here, for edges)" } else { ", with `--edge` for edges" };
            return Err(Opening::Usage(format!(
                "there is no collection \"{name}\"\nhint: `--create-collection` makes it{edge}"
            )));
        }
        (401, _) => return Err(Opening::Refused(refused(&properties))),
        (403, _) => {
            return Err(Opening::Refused(format!(
                "{}; the user needs rights to collection \"{name}\"",
                said(&properties)
            )));
        }
        _ => return Err(Opening::Refused(said(&properties))),
    }
    let kind = found.get("type").and_then(Value::as_u64).unwrap_or(DOCUMENTS);
    if kind != EDGES && options.edge {
        return Err(Opening::Usage(format!("--edge: collection \"{name}\" holds documents, not edges")));
    }
    if kind != EDGES && options.prefixes {
        return Err(Opening::Usage(format!(
            "collection \"{name}\" holds documents, and the prefixes of edges would do nothing"
        )));
    }
    check_keys(options, &found)?;
    Ok(kind)
}

/// Finds out whether the keys that are made here would be refused.
fn check_keys(options: &OpenOptions, properties: &Value) -> Result<(), Opening> {
    let allows = properties.pointer("/keyOptions/allowUserKeys").and_then(Value::as_bool).unwrap_or(true);
    let generator = properties.pointer("/keyOptions/type").and_then(Value::as_str).unwrap_or("traditional");
    let name = &options.collection;
    if !allows && !options.server_keys && !options.has_keys {
        return Err(Opening::Usage(format!(
            "collection \"{name}\" takes no keys but its own (allowUserKeys is false)\nhint: `--server-keys` lets the server make them; lost answers are then unknown, never sent again"
        )));
    }
    if generator == "autoincrement" && !options.has_keys {
        return Err(Opening::Usage(format!(
            "collection \"{name}\" counts its keys (autoincrement), so none can be made here\nhint: `--server-keys` lets the server make them, `--key _key` says that every record has one"
        )));
    }
    Ok(())
}

fn create(talk: &mut Talk<'_>, options: &OpenOptions) -> Result<u64, Opening> {
    let kind = if options.edge { EDGES } else { DOCUMENTS };
    if options.prefixes && !options.edge {
        let text = "prefixes need an edge collection\nhint: add `--edge` to make one";
        return Err(Opening::Usage(text.to_owned()));
    }
    if options.dry_run {
        return Ok(kind);
    }
    let body = json!({ "name": options.collection, "type": kind }).to_string();
    let made = talk.ask(|| Call::json(Method::POST, "/_api/collection", body.clone())).map_err(Opening::Refused)?;
    // Another run may have made it, or a first try of ours whose answer was lost.
    let exists = serde_json::from_slice(&made.body).is_ok_and(|body: Value| number(&body) == 1207);
    if !made.is_success() && !exists {
        return Err(Opening::Refused(format!(
            "cannot create the collection \"{}\": {}",
            options.collection,
            said(&made)
        )));
    }
    if exists { collection(talk, &OpenOptions { create: false, ..options.clone() }) } else { Ok(kind) }
}

/// Makes the unique indexes of `--unique`, and returns the fields of all that there are.
fn unique(talk: &mut Talk<'_>, options: &OpenOptions) -> Result<Vec<String>, Opening> {
    let path = format!("/_api/index?collection={}", escaped(&options.collection));
    for field in &options.unique {
        let body = json!({ "type": "persistent", "unique": true, "sparse": false, "fields": [field] }).to_string();
        talk.order(|| Call::json(Method::POST, path.clone(), body.clone()))
            .map_err(|why| Opening::Refused(format!("--unique {field}: {why}")))?;
    }
    let all = talk.order(|| Call::get(path.clone()));
    let all = all.map_err(|why| Opening::Refused(format!("the indexes of the collection cannot be seen: {why}")))?;
    let indexes = all.get("indexes").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_unique = |index: &&Value| {
        index.get("unique") == Some(&Value::Bool(true)) && index.get("type").and_then(Value::as_str) != Some("primary")
    };
    let fields = |index: &Value| {
        let fields = index.get("fields").and_then(Value::as_array).into_iter().flatten();
        fields.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    Ok(indexes.iter().filter(is_unique).map(fields).collect())
}

/// `--overwrite`: a truncate of its own, which keeps the indexes.
fn emptying(options: &OpenOptions, stop: Stop) -> Before {
    let path = format!("/_api/collection/{}/truncate", escaped(&options.collection));
    let (name, retries) = (options.collection.clone(), options.retries);
    Arc::new(Mutex::new(Preparation::Todo(Box::new(move |http: &mut Http, say: Say<'_>| {
        let mut talk = Talk { http, retries, stop };
        talk.order(|| Call::json(Method::PUT, path.clone(), "{}")).map_err(|why| format!("--overwrite: {why}"))?;
        say(Note::Warning(format!("--overwrite: emptied {name}")));
        Ok(())
    }))))
}
