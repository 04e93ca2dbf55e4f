//! Opens the target: checks the server, and finds or creates the collection.

use super::answer::{ERRORS, ServerError};
use super::complete::Complete;
use super::rules::ArangodbRules;
use super::{Collection, login, whole};
use crate::error::{hint, refused};
use crate::sink::http::{Http, HttpOptions, Method, Nodes, Request, Response};
use crate::sink::remote::admin::{AdminClient, FIRST_TIMEOUT, other_server};
use crate::sink::remote::{Preparation, Shared, escaped, prepare_overwrite};
use crate::sink::target::Opened;
use crate::sink::wanted::Wanted;
use crate::sink::{Log, Note, Sink};
use crate::stop::Stop;
use anyhow::{Context as _, Error, Result, anyhow, bail};
use serde_json::{Value, json};
use std::sync::Arc;

/// The types of collections.
const DOCUMENTS: u64 = 2;
const EDGES: u64 = 3;

/// The path of a collection's properties.
pub(super) fn properties_path(name: &str) -> String {
    format!("/_api/collection/{}/properties", escaped(name))
}

/// Checks the database, prepares the collection and creates a sink for each lane.
pub(super) fn open(wanted: &Wanted, stop: &Stop, log: Log<'_>) -> Result<Opened> {
    if wanted.complete {
        whole::ensure_it_fits(wanted)?;
    }
    let nodes = Arc::new(Nodes::new(wanted.http.nodes.clone()));
    let mut options = wanted.http.clone();
    let http = |options: &HttpOptions, lane: usize| Http::new(options, nodes.clone(), lane, stop.clone());
    let first = |options: &HttpOptions| http(&HttpOptions { gzip: false, ..options.clone() }, 0);
    options.session = login::session(&mut first(&options)?, wanted)?;
    let mut first = first(&options)?;
    let mut admin = AdminClient::new(&mut first, wanted, stop, &ERRORS);
    let version = version(&mut admin, wanted)?;
    let known = version.as_deref().unwrap_or("of an unknown version");
    log(Note::Detail(format!("the server is ArangoDB {known}")));
    options.gzip &= may_unpack(version.as_deref(), wanted)?;
    let name = wanted.collection.as_deref().unwrap_or_default();
    let edge = collection(&mut admin, wanted, name, wanted.create_collection == Some(true))? == EDGES;
    let unique = if wanted.dry_run { Vec::new() } else { unique(&mut admin, wanted, name)? };
    let lanes = if unique.is_empty() && !wanted.complete { wanted.lanes() } else { 1 };
    if !unique.is_empty() {
        log(Note::Detail(format!("one lane, because the order counts for the unique index on {}", unique.join(", "))));
    }
    let collection = Collection { name: name.to_owned(), unique, wait_for_sync: wanted.wait_for_sync };
    let before = if wanted.complete { Preparation::default() } else { emptied(wanted, stop, name) };
    let shared = Shared::new(wanted, lanes, before, stop);
    let traffic = Some(shared.traffic.clone());
    let sinks = if wanted.complete {
        let (http, overwrite) = (http(&options, 0)?, wanted.overwrite);
        vec![Box::new(Complete { collection, http, shared, overwrite, held: None }) as Box<dyn Sink>]
    } else {
        shared.sinks(&collection, |lane| http(&options, lane))?
    };
    let rules =
        ArangodbRules { edge, server_keys: wanted.server_keys, lossy: wanted.lossy, ..ArangodbRules::default() };
    Ok(Opened { sinks, edges: vec![edge], rules: Box::new(rules), traffic, closing: None })
}

/// Checks that the server is ArangoDB, and returns its version unless it is hidden.
fn version(admin: &mut AdminClient<'_>, wanted: &Wanted) -> Result<Option<String>> {
    let call = Request { timeout: Some(wanted.http.timeout.min(FIRST_TIMEOUT)), ..Request::get("/_api/version") };
    let reply = admin.send_first(&call, wanted.http.nodes.len(), |_| Ok(()))?;
    let who: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    match (reply.status, ServerError::number_in(&reply)) {
        (200, _) if who["server"] == "arango" => Ok(who["version"].as_str().map(str::to_owned)),
        (401, _) => Err(ERRORS.login_error(&reply)),
        (404, 1228) => Err(no_database(wanted, &reply)),
        // A user without rights to the whole server may still write to a collection.
        (403, _) => Ok(None),
        (300..=399, _) => Err(refused(reply.redirect_message())),
        _ => {
            let error = refused(format!("{}: not an answer of ArangoDB", reply.status_line()));
            let advice = "a database is written `arangodb+http://HOST:8529/_db/NAME`";
            Err(other_server(admin.http, wanted, error, Some(advice)))
        }
    }
}

fn no_database(wanted: &Wanted, reply: &Response) -> Error {
    let path = wanted.http.nodes.first().map_or("/", |node| node.path());
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("_system");
    let advice =
        format!("create it first, `db._createDatabase({name:?})` in arangosh; without `/_db/NAME` it is `_system`");
    anyhow!("database \"{name}\" not found: {}", ERRORS.error_text(reply)).context(hint(advice))
}

/// Whether bodies may be compressed: since 3.12.
fn may_unpack(version: Option<&str>, wanted: &Wanted) -> Result<bool> {
    let parts: Option<Vec<u32>> =
        version.map(|version| version.split('.').map(|part| part.parse().unwrap_or(0)).take(2).collect());
    let is_new = parts.is_some_and(|parts| parts >= vec![3, 12]);
    if !is_new && wanted.compress_transfer == Some(true) {
        let version = version.unwrap_or("of this version");
        bail!("--compress-transfer gzip: ArangoDB {version} does not unpack bodies, 3.12 does");
    }
    Ok(is_new)
}

/// Finds or creates the collection; returns its type.
fn collection(admin: &mut AdminClient<'_>, wanted: &Wanted, name: &str, makes: bool) -> Result<u64> {
    let properties = admin.send(&Request::get(properties_path(name)))?;
    match (properties.status, ServerError::number_in(&properties)) {
        (200, _) => {}
        (404, 1228) => return Err(no_database(wanted, &properties)),
        (404, 1203) if makes => return create(admin, wanted, name),
        (404, 1203) => {
            let edge = if wanted.edge { " (with `--edge`, as here, for edges)" } else { ", with `--edge` for edges" };
            return Err(anyhow!("collection \"{name}\" not found")
                .context(hint(format!("`--create-collection` creates it{edge}"))));
        }
        (401, _) => return Err(ERRORS.login_error(&properties)),
        (403, _) => {
            let said = ERRORS.error_text(&properties);
            return Err(refused(format!("{said}; the user needs rights to collection \"{name}\"")));
        }
        _ => return Err(refused(ERRORS.error_text(&properties))),
    }
    let found: Value = serde_json::from_slice(&properties.body).unwrap_or(Value::Null);
    let kind = found["type"].as_u64().unwrap_or(DOCUMENTS);
    if kind != EDGES && wanted.edge {
        bail!("--edge: collection \"{name}\" holds documents, not edges");
    }
    if kind != EDGES && wanted.prefixes {
        bail!("collection \"{name}\" holds documents, not edges: prefixes have no effect");
    }
    check_keys(wanted, name, &found)?;
    Ok(kind)
}

/// Checks that the collection accepts generated keys.
fn check_keys(wanted: &Wanted, name: &str, properties: &Value) -> Result<()> {
    // Every record has a key, or no keys are generated here.
    if wanted.key.is_some() || wanted.server_keys || wanted.delete_keys {
        return Ok(());
    }
    let options = &properties["keyOptions"];
    if options["allowUserKeys"] == false {
        return Err(anyhow!("collection \"{name}\" does not accept keys (allowUserKeys is false)").context(hint(
            "`--server-keys` lets the server make them; lost responses are then unknown, never sent again",
        )));
    }
    if options["type"] == "autoincrement" {
        return Err(anyhow!("collection \"{name}\" generates its own keys (autoincrement)")
            .context(hint("`--server-keys` lets the server make them; write `--key _key` if every record has one")));
    }
    Ok(())
}

fn create(admin: &mut AdminClient<'_>, wanted: &Wanted, name: &str) -> Result<u64> {
    let kind = if wanted.edge { EDGES } else { DOCUMENTS };
    if wanted.prefixes && !wanted.edge {
        return Err(anyhow!("--from-prefix and --to-prefix require an edge collection")
            .context(hint("add `--edge` to make one")));
    }
    if wanted.dry_run {
        return Ok(kind);
    }
    let body = json!({ "name": name, "type": kind }).to_string();
    let made = admin.send(&Request::json(Method::POST, "/_api/collection", body))?;
    // Another run may have created it, or our first try, if its response was lost.
    let exists = ServerError::number_in(&made) == 1207;
    if !made.is_success() && !exists {
        return Err(refused(format!("cannot create the collection \"{name}\": {}", ERRORS.error_text(&made))));
    }
    if exists { collection(admin, wanted, name, false) } else { Ok(kind) }
}

/// Creates the unique indexes of `--unique`, and returns the fields of all unique indexes.
fn unique(admin: &mut AdminClient<'_>, wanted: &Wanted, name: &str) -> Result<Vec<String>> {
    let path = format!("/_api/index?collection={}", escaped(name));
    for field in &wanted.unique {
        let body = json!({ "type": "persistent", "unique": true, "sparse": true, "fields": [field] }).to_string();
        admin.send_ok(&Request::json(Method::POST, &*path, body)).with_context(|| format!("--unique {field}"))?;
    }
    let all = admin.send_ok(&Request::get(path));
    let all = all.context("cannot read the indexes of the collection")?;
    let indexes = all["indexes"].as_array().into_iter().flatten();
    let unique = indexes.filter(|index| index["unique"] == true && index["type"] != "primary");
    let fields = |index: &Value| {
        let fields = index["fields"].as_array().into_iter().flatten();
        fields.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    Ok(unique.map(fields).collect())
}

/// `--overwrite`: a separate truncate, which keeps the indexes.
fn emptied(wanted: &Wanted, stop: &Stop, name: &str) -> Preparation {
    let (path, name) = (format!("/_api/collection/{}/truncate", escaped(name)), name.to_owned());
    prepare_overwrite(wanted, stop, &ERRORS, move |admin| {
        admin.send_ok(&Request::json(Method::PUT, path.clone(), "{}"))?;
        Ok(Some(format!("emptied {name}")))
    })
}
