//! The steps before the first record: identifies the server, finds or creates the index, and checks it against the flags.

use super::answer::ERRORS;
use super::rules::ElasticsearchRules;
use super::{Bulk, bulk_mode, destination, overwrite};
use crate::error::{hint, refused};
use crate::json::Scanner;
use crate::notes::Notes;
use crate::sink::http::{Http, Method, Nodes, Request, Response, Url};
use crate::sink::remote::admin::{AdminClient, FIRST_TIMEOUT};
use crate::sink::remote::destination::{Destination, Resolution};
use crate::sink::remote::{Preparation, Shared, escaped, prepare_overwrite};
use crate::sink::target::Opened;
use crate::sink::wanted::Wanted;
use crate::sink::{Log, Note, bulk_api};
use crate::stop::Stop;
use anyhow::{Context as _, Error, Result, anyhow, bail};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// An index that exists.
struct Found {
    /// The concrete index; the name that was asked for may be an alias.
    name: String,
    /// The number of indices behind the name.
    count: usize,
    /// The server's description; null if there is none.
    about: Value,
}

/// Looks at the cluster, prepares the index and makes a sink for each lane.
pub(super) fn open(wanted: &Wanted, stop: &Stop, report: Log<'_>) -> Result<Opened> {
    let mut bulk = Bulk::new(wanted);
    let mut notes = Notes::default();
    let mapping = bulk_api::read_mapping(wanted, &["mappings", "settings", "aliases"], &mut notes)?;
    let nodes = Arc::new(Nodes::new(wanted.http.nodes.clone()));
    let http = |lane: usize, stop: &Stop| Http::new(&wanted.http, nodes.clone(), lane, stop.clone());
    let mut first = http(0, stop)?;
    let mut admin = AdminClient::new(&mut first, wanted, stop, &ERRORS);
    let server = identify(&mut admin, wanted)?;
    ensure_one_cluster(admin.http, wanted, &nodes, &server)?;
    report(Note::Detail(describe(&server)));
    bulk.is_incremental = is_incremental(&server);
    let (mut closing, mut preparation, mut destinations) = (None, Preparation::default(), HashMap::new());
    if let Some(index) = &bulk.index {
        let (found, destination) = find(&mut admin, index)?;
        check(wanted, index, found.as_ref())?;
        let concrete = found.as_ref().map_or(index, |found| &found.name).clone();
        match found {
            _ if wanted.dry_run => {}
            Some(found) => update(&mut admin, index, &found, mapping.as_ref(), report)?,
            None => create(wanted, &mut admin, index, mapping.as_ref())?,
        }
        if let Some(destination) = first_destination(wanted, index, destination)? {
            destinations.insert(index.clone(), destination);
        }
        let name = index.clone();
        preparation = prepare_overwrite(wanted, stop, &ERRORS, move |admin| overwrite::empty(admin, &name));
        if wanted.indexing.bulk_mode && !wanted.dry_run {
            // It is restored even when the run is asked to stop.
            let http = http(0, &Stop::default())?;
            closing = Some(bulk_mode::begin(&mut admin, concrete, http).context("--bulk-mode")?);
        }
    }
    let shared = Shared { destinations, ..Shared::new(wanted, wanted.lanes(), preparation, stop) };
    let routing = wanted.indexing.routing_field.clone();
    Ok(Opened {
        sinks: shared.sinks(&bulk, |lane| http(lane, stop))?,
        edges: vec![false],
        rules: Box::new(ElasticsearchRules {
            routing,
            server_keys: wanted.server_keys,
            lossy: wanted.lossy,
            has_types: has_types(&server),
            notes,
            scanner: Scanner::default(),
        }),
        traffic: Some(shared.traffic),
        closing,
    })
}

/// Where the name of the index led when the run began; none if that is unknown.
fn first_destination(wanted: &Wanted, index: &str, now: Destination) -> Result<Option<Destination>> {
    let restart = &wanted.restart;
    if let Some((_, known)) = restart.destinations.iter().rev().find(|(name, _)| name == index) {
        return Ok(serde_json::from_str(known).ok());
    }
    if matches!(now, Destination::Unclear(_)) {
        return Ok(None);
    }
    if let Some(write) = &restart.on_destination {
        write(index, serde_json::to_string(&now)?).map_err(|error| Error::msg(error.text))?;
    }
    Ok(Some(now))
}

/// Identifies the server. One that does not identify itself is what the address calls it: some servers have no `GET /`.
fn identify(admin: &mut AdminClient<'_>, wanted: &Wanted) -> Result<Value> {
    let request = Request { timeout: Some(wanted.http.timeout.min(FIRST_TIMEOUT)), ..Request::get("/") };
    let check = |response: &Response| match (wanted.identify)(response) {
        Some(other) if !serde_json::from_slice(&response.body).is_ok_and(|body| is_cluster(&body)) => {
            Err(other.context(wanted.first_node()))
        }
        _ => Ok(()),
    };
    let response = admin.send_first(&request, wanted.http.nodes.len(), check)?;
    let may_be_other = matches!(response.status, 200 | 400 | 404);
    let server: Value = match response.status {
        401 => return Err(ERRORS.login_error(&response)),
        300..=399 => return Err(refused(response.redirect_message())),
        _ if may_be_other => serde_json::from_slice(&response.body).unwrap_or(Value::Null),
        _ => Value::Null,
    };
    if is_cluster(&server) {
        return Ok(server);
    }
    match wanted.http.nodes.iter().find(|node| node.path() != "/") {
        // With a path in the address, this is hardly the cluster.
        Some(node) if may_be_other => Err(not_a_cluster(node)),
        // Some servers have no `GET /`, but whatever answers it with something else is another server.
        _ if wanted.servers().any(|server| server.has_type) && !is_something_else(&response) => Ok(server),
        _ => {
            let error = refused(format!("{}: not an answer of Elasticsearch or OpenSearch", wanted.first_node()));
            let advice = "write `elasticsearch+http://` in place of `http://` if it is one of them";
            Err(if wanted.servers().any(|server| server.has_type) { error } else { error.context(hint(advice)) })
        }
    }
}

/// Whether it is how a cluster describes itself.
pub(super) fn is_cluster(body: &Value) -> bool {
    body.pointer("/version/number").is_some() && body.get("cluster_name").is_some()
}

/// Whether a response of success is a page or an object of another kind of server.
fn is_something_else(response: &Response) -> bool {
    response.is_success() && !response.body.is_empty() && {
        let server: Option<Map<String, Value>> = serde_json::from_slice(&response.body).ok();
        let known = ["version", "cluster_name", "cluster_uuid", "tagline", "name", "error"];
        server.is_none_or(|server| !known.iter().any(|field| server.contains_key(*field)))
    }
}

fn not_a_cluster(node: &Url) -> Error {
    let (name, path) = (node.as_str().trim_end_matches('/'), node.path().trim_matches('/'));
    let advice = format!("an index is named with `--collection {path}`");
    anyhow!("{name}: not the address of a cluster").context(hint(advice))
}

/// Refuses nodes of another cluster: a part of the records would go there.
fn ensure_one_cluster(http: &mut Http, wanted: &Wanted, nodes: &Nodes, server: &Value) -> Result<()> {
    let id = |server: &Value| server.get("cluster_uuid").and_then(Value::as_str).map(str::to_owned);
    let Some(first) = id(server).filter(|_| nodes.len() > 1) else { return Ok(()) };
    let request = Request { timeout: Some(wanted.http.timeout.min(FIRST_TIMEOUT)), ..Request::get("/") };
    for node in 0..nodes.len() {
        // A node that does not respond now may do so later.
        let Ok(response) = http.send_to(node, &request) else {
            nodes.mark_down(node);
            continue;
        };
        let other = serde_json::from_slice(&response.body).ok().and_then(|server: Value| id(&server));
        if other.is_some_and(|other| other != first) {
            return Err(anyhow!("--to: {} belongs to another cluster than the others", nodes.name(node))
                .context(hint("run once for each cluster")));
        }
    }
    Ok(())
}

/// What `-v` prints about the server.
fn describe(server: &Value) -> String {
    let text = |path: &str| server.pointer(path).and_then(Value::as_str).unwrap_or("unknown");
    let kind = server.pointer("/version/distribution").and_then(Value::as_str).unwrap_or("the server");
    format!("{kind} version {}, cluster {}", text("/version/number"), text("/cluster_name"))
}

/// Whether the server may apply a part of a request before it refuses it: Elasticsearch from 8.16 on, and unknown servers
/// (contract of the bulk API, 1.4).
fn is_incremental(server: &Value) -> bool {
    if server.pointer("/version/distribution").and_then(Value::as_str) == Some("opensearch") {
        return false;
    }
    let Some(number) = server.pointer("/version/number").and_then(Value::as_str) else { return true };
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    (parts.next().unwrap_or(u32::MAX), parts.next().unwrap_or(u32::MAX)) >= (8, 16)
}

/// Whether bulk lines may name a type: in Elasticsearch 7. OpenSearch may call itself 7.10 too.
fn has_types(server: &Value) -> bool {
    let text = |path: &str| server.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let is_opensearch = text("/version/distribution") == "opensearch" || text("/tagline").contains("OpenSearch");
    text("/version/number").starts_with("7.") && !is_opensearch
}

/// Finds the index with a name, and where the name leads.
fn find(admin: &mut AdminClient<'_>, index: &str) -> Result<(Option<Found>, Destination)> {
    // Mappings may be large, and only our own note in them matters.
    let parts = "error,status,*.aliases,*.data_stream,*.settings,*.mappings._meta";
    let response = admin.send(&Request::get(format!("/{}?filter_path={parts}", escaped(index))))?;
    let mut step = destination::read(index, &response);
    let destination = loop {
        match step {
            Resolution::Done(destination) => break destination,
            Resolution::Next(request) => step = destination::read(index, &admin.send(&request)?),
        }
    };
    let all: Map<String, Value> = serde_json::from_slice(&response.body).unwrap_or_default();
    let count = all.len();
    let found = match (response.status, all.into_iter().next()) {
        (200, Some((name, about))) => Some(Found { name, count, about }),
        // A user who may only write may not be allowed to ask.
        (403 | 405, _) => Some(Found { name: index.to_owned(), count: 1, about: Value::Null }),
        (404, _) => None,
        (401, _) => return Err(ERRORS.login_error(&response)),
        _ => return Err(refused(admin.errors.error_text(&response))),
    };
    Ok((found, destination))
}

/// Checks the flags against the index.
fn check(wanted: &Wanted, index: &str, found: Option<&Found>) -> Result<()> {
    let Some(found) = found else {
        if wanted.create_collection == Some(false) {
            bail!("index \"{index}\" not found (--create-collection=false)");
        }
        if wanted.delete_keys && wanted.create_collection.is_none() {
            bail!("index \"{index}\" not found: there is nothing to delete");
        }
        return Ok(());
    };
    if wanted.overwrite && (found.count != 1 || found.name != index) {
        return Err(anyhow!("--overwrite: \"{index}\" is an alias or a data stream")
            .context(hint("name the index that is to be emptied")));
    }
    if wanted.indexing.refresh.as_deref() == Some("wait_for") && is_never_refreshed(found) {
        return Err(anyhow!("--refresh wait_for: index \"{index}\" is never refreshed (refresh_interval is -1)")
            .context(hint("`--refresh true` refreshes it after each request")));
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

/// Whether nothing refreshes the index, so that a request that waits for a refresh gets no response. After an interrupted
/// run with `--bulk-mode`, its refreshes are restored first.
fn is_never_refreshed(found: &Found) -> bool {
    let interval = found.about.pointer("/settings/index/refresh_interval").and_then(Value::as_str);
    interval.is_some_and(|interval| interval.starts_with('-')) && bulk_mode::saved_settings(&found.about).is_none()
}

/// Updates the mapping of the index, and restores the settings that an interrupted run changed.
fn update(
    admin: &mut AdminClient<'_>,
    index: &str,
    found: &Found,
    mapping: Option<&Value>,
    report: Log<'_>,
) -> Result<()> {
    if let Some(before) = bulk_mode::saved_settings(&found.about).filter(|_| found.count == 1) {
        bulk_mode::restore(admin, &found.name, before)?;
        let what = "restored the refresh interval and the replicas that an interrupted run had turned off";
        report(Note::Warning(format!("{}: {what}", found.name)));
    }
    if let Some(mappings) = mapping.and_then(|mapping| mapping.get("mappings")) {
        let path = format!("/{}/_mapping", escaped(index));
        admin.send_ok(&Request::json(Method::PUT, path, mappings.to_string())).context("--mapping")?;
    }
    Ok(())
}

/// The error for flags that create an index, where a template says that the name is a data stream.
fn only_a_data_stream(wanted: &Wanted, index: &str, error: &str) -> Error {
    let (flag, advice) = if wanted.mapping.is_some() {
        ("--mapping", "leave it out, and put the mapping into the index template")
    } else if wanted.indexing.bulk_mode {
        ("--bulk-mode", "leave it out; the index template has the settings of a data stream")
    } else {
        ("--create-collection", "leave it out; the first document creates the data stream")
    };
    refused(format!("{flag}: \"{index}\" is a data stream by its index template: {error}")).context(hint(advice))
}

/// Creates the index, unless the first document will, and checks it.
fn create(wanted: &Wanted, admin: &mut AdminClient<'_>, index: &str, mapping: Option<&Value>) -> Result<()> {
    if wanted.create_collection == Some(true) || mapping.is_some() || wanted.indexing.bulk_mode {
        let body = mapping.map_or_else(|| "{}".to_owned(), Value::to_string);
        let response = admin.send(&Request::json(Method::PUT, format!("/{}", escaped(index)), body))?;
        let error = admin.errors.error_text(&response);
        // Another run may have created it, or an earlier try without a response.
        if error.contains("creates data streams only") {
            return Err(only_a_data_stream(wanted, index, &error));
        }
        if !response.is_success() && !error.contains("resource_already_exists") {
            return Err(refused(format!("cannot create the index \"{index}\": {error}")));
        }
    }
    if wanted.wait_for_sync {
        check(wanted, index, find(admin, index)?.0.as_ref())?;
    }
    Ok(())
}
