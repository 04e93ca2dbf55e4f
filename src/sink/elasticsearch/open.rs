//! What happens before the first record: who is there, is the index there, and is it as the flags want it.

use super::answer::DIALECT;
use super::rules::ElasticsearchRules;
use super::{Bulk, bulk_mode, destination, overwrite};
use crate::error::{hint, refused};
use crate::json::Scanner;
use crate::sink::http::{Call, Http, Method, Nodes, Reply, Url};
use crate::sink::remote::admin::{AdminClient, FIRST};
use crate::sink::remote::destination::{Destination, Named};
use crate::sink::remote::{Before, Shared, emptying, escaped};
use crate::sink::target::Opened;
use crate::sink::wanted::Wanted;
use crate::sink::{Note, Say, bulk_api};
use crate::stop::Stop;
use anyhow::{Context as _, Error, Result, anyhow, bail};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What an index is.
struct Found {
    /// The concrete index; the name that was asked for may be an alias.
    name: String,
    /// How many indices are behind the name.
    count: usize,
    /// What the server says of it; null if it says nothing.
    about: Value,
}

/// Looks at the cluster, prepares the index and makes a sink for each lane.
pub(super) fn open(wanted: &Wanted, stop: &Stop, say: Say<'_>) -> Result<Opened> {
    let mut bulk = Bulk::new(wanted);
    let mapping = bulk_api::mapping(wanted, &["mappings", "settings", "aliases"])?;
    let nodes = Arc::new(Nodes::new(wanted.http.nodes.clone()));
    let http = |lane: usize, stop: &Stop| Http::new(&wanted.http, nodes.clone(), lane, stop.clone());
    let mut first = http(0, stop)?;
    let mut admin = AdminClient::new(&mut first, wanted, stop, &DIALECT);
    let who = who(&mut admin, wanted)?;
    ensure_one_cluster(admin.http, wanted, &nodes, &who)?;
    say(Note::Detail(introduced(&who)));
    bulk.is_incremental = is_incremental(&who);
    let (mut closing, mut before, mut destinations) = (None, Before::default(), HashMap::new());
    if let Some(index) = &bulk.index {
        let (found, destination) = find(&mut admin, index)?;
        check(wanted, index, found.as_ref())?;
        let concrete = found.as_ref().map_or(index, |found| &found.name).clone();
        match found {
            _ if wanted.dry_run => {}
            Some(found) => adapt(&mut admin, index, &found, mapping.as_ref(), say)?,
            None => create(wanted, &mut admin, index, mapping.as_ref())?,
        }
        if !matches!(destination, Destination::Unclear(_)) {
            destinations.insert(index.clone(), destination);
        }
        let name = index.clone();
        before = emptying(wanted, stop, &DIALECT, move |admin| overwrite::empty(admin, &name));
        if wanted.indexing.bulk_mode && !wanted.dry_run {
            // It is restored even when the run is asked to stop.
            let http = http(0, &Stop::default())?;
            closing = Some(bulk_mode::begin(&mut admin, concrete, http).context("--bulk-mode")?);
        }
    }
    let shared = Shared { destinations, ..Shared::new(wanted, wanted.lanes(), before, stop) };
    let routing = wanted.indexing.routing_field.clone();
    Ok(Opened {
        sinks: shared.sinks(&bulk, |lane| http(lane, stop))?,
        edge: false,
        rules: Box::new(ElasticsearchRules { routing, lossy: wanted.lossy, scanner: Scanner::default() }),
        traffic: Some(shared.traffic),
        closing,
    })
}

/// Asks who is there. A server that does not say is taken for what the address calls it: new bare servers have no `GET /`.
fn who(admin: &mut AdminClient<'_>, wanted: &Wanted) -> Result<Value> {
    let call = Call { timeout: Some(wanted.http.timeout.min(FIRST)), ..Call::get("/") };
    let known = |reply: &Reply| match (wanted.stranger)(reply) {
        Some(stranger) => Err(stranger.context(wanted.first_node())),
        None => Ok(()),
    };
    let reply = admin.first(&call, wanted.http.nodes.len(), known)?;
    let may_be_other = matches!(reply.status, 200 | 400 | 404);
    let who: Value = match reply.status {
        401 => return Err(DIALECT.login(&reply)),
        300..=399 => return Err(refused(reply.redirect())),
        _ if may_be_other => serde_json::from_slice(&reply.body).unwrap_or(Value::Null),
        _ => Value::Null,
    };
    if who.pointer("/version/number").is_some() && who.get("cluster_name").is_some() {
        return Ok(who);
    }
    match wanted.http.nodes.iter().find(|node| node.path() != "/") {
        // Below a path of its own that is hardly the cluster.
        Some(node) if may_be_other => Err(not_a_cluster(node)),
        _ if wanted.servers().any(|server| server.is_named) => Ok(who),
        _ => Err(anyhow!("{}: not an answer of Elasticsearch or OpenSearch", reply.status_line())
            .context(hint("write `elasticsearch+http://` in place of `http://` if it is one of them"))),
    }
}

fn not_a_cluster(node: &Url) -> Error {
    let (name, path) = (node.as_str().trim_end_matches('/'), node.path().trim_matches('/'));
    let advice = format!("an index is named with `--collection {path}`");
    anyhow!("{name}: not the address of a cluster").context(hint(advice))
}

/// Finds nodes that answer for another cluster: a part of the records would go there.
fn ensure_one_cluster(http: &mut Http, wanted: &Wanted, nodes: &Nodes, who: &Value) -> Result<()> {
    let id = |who: &Value| who.get("cluster_uuid").and_then(Value::as_str).map(str::to_owned);
    let Some(first) = id(who).filter(|_| nodes.len() > 1) else { return Ok(()) };
    for node in 0..nodes.len() {
        // One that does not answer now may do so later.
        let Ok(reply) = http.ask(node, Call { timeout: Some(wanted.http.timeout.min(FIRST)), ..Call::get("/") }) else {
            nodes.is_down(node);
            continue;
        };
        let other = serde_json::from_slice(&reply.body).ok().and_then(|who: Value| id(&who));
        if other.is_some_and(|other| other != first) {
            return Err(anyhow!("--to: {} belongs to another cluster than the others", nodes.name(node))
                .context(hint("run once for each cluster")));
        }
    }
    Ok(())
}

/// What `-v` says of the server.
fn introduced(who: &Value) -> String {
    let text = |path: &str| who.pointer(path).and_then(Value::as_str).unwrap_or("unknown");
    let kind = who.pointer("/version/distribution").and_then(Value::as_str).unwrap_or("the server");
    format!("{kind} version {}, cluster {}", text("/version/number"), text("/cluster_name"))
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
fn find(admin: &mut AdminClient<'_>, index: &str) -> Result<(Option<Found>, Destination)> {
    let reply = admin.ask(&Call::get(format!("/{}", escaped(index))))?;
    let mut named = destination::read(index, &reply);
    let destination = loop {
        match named {
            Named::To(destination) => break destination,
            Named::Ask(call) => named = destination::read(index, &admin.ask(&call)?),
        }
    };
    let all: Map<String, Value> = serde_json::from_slice(&reply.body).unwrap_or_default();
    let count = all.len();
    let found = match (reply.status, all.into_iter().next()) {
        (200, Some((name, about))) => Some(Found { name, count, about }),
        // A user who may only write may not be able to ask.
        (403 | 405, _) => Some(Found { name: index.to_owned(), count: 1, about: Value::Null }),
        (404, _) => None,
        (401, _) => return Err(DIALECT.login(&reply)),
        _ => return Err(refused(admin.said(&reply))),
    };
    Ok((found, destination))
}

/// Finds what the flags ask and the index cannot give.
fn check(wanted: &Wanted, index: &str, found: Option<&Found>) -> Result<()> {
    let Some(found) = found else {
        if wanted.create_collection == Some(false) {
            bail!("index \"{index}\" not found (--create-collection=false)");
        }
        return Ok(());
    };
    if wanted.overwrite && (found.count != 1 || found.name != index) {
        return Err(anyhow!("--overwrite: \"{index}\" is an alias or a data stream")
            .context(hint("name the index that is to be emptied")));
    }
    if wanted.indexing.bulk_mode && found.count != 1 {
        bail!("--bulk-mode: \"{index}\" is a name of {} indices", found.count);
    }
    let durability = found.about.pointer("/settings/index/translog/durability").and_then(Value::as_str);
    if wanted.wait_for_sync && durability.is_some_and(|durability| durability.eq_ignore_ascii_case("async")) {
        return Err(refused(format!("--wait-for-sync: {index} answers before it writes to the disk"))
            .context(hint("set index.translog.durability to \"request\", which is the server's default")));
    }
    Ok(())
}

/// Gives the index the mapping, and puts back what an interrupted run left off.
fn adapt(admin: &mut AdminClient<'_>, index: &str, found: &Found, mapping: Option<&Value>, say: Say<'_>) -> Result<()> {
    if let Some(before) = bulk_mode::left_over(&found.about).filter(|_| found.count == 1) {
        bulk_mode::restore(admin, &found.name, before)?;
        let what = "restored the refresh interval and the replicas that an interrupted run had turned off";
        say(Note::Warning(format!("{}: {what}", found.name)));
    }
    if let Some(mappings) = mapping.and_then(|mapping| mapping.get("mappings")) {
        let path = format!("/{}/_mapping", escaped(index));
        admin.order(&Call::json(Method::PUT, path, mappings.to_string())).context("--mapping")?;
    }
    Ok(())
}

/// Makes the index, where it is not left to the first document, and looks how it is.
fn create(wanted: &Wanted, admin: &mut AdminClient<'_>, index: &str, mapping: Option<&Value>) -> Result<()> {
    if wanted.create_collection == Some(true) || mapping.is_some() || wanted.indexing.bulk_mode {
        let body = mapping.map_or_else(|| "{}".to_owned(), Value::to_string);
        let reply = admin.ask(&Call::json(Method::PUT, format!("/{}", escaped(index)), body))?;
        let said = admin.said(&reply);
        // Another run may have made it, or a first try of ours whose response was not received.
        if !reply.is_success() && !said.contains("resource_already_exists") {
            return Err(refused(format!("cannot create the index \"{index}\": {said}")));
        }
    }
    if wanted.wait_for_sync {
        check(wanted, index, find(admin, index)?.0.as_ref())?;
    }
    Ok(())
}
