//! Updates: a document merged in, a script, or what is stored where nothing is (contract of the bulk API, 3).

use super::super::apply::Table;
use super::super::item::{Applied, Done, ItemError, Written};
use super::super::located::Stored;
use super::fetch::Fetch;
use super::meta::Meta;
use super::payload::Payload;
use super::scripts::{Asked, Left, On, Scripts};
use super::write::unmet;
use crate::batch::BatchAction;
use crate::sink::Bucket;

/// Carries out an update.
pub(super) fn apply(
    table: &mut Table<'_>,
    line: &BatchAction<'_>,
    meta: &Meta<'_>,
    payload: &Payload<'_>,
    scripts: &mut Scripts,
) -> Applied {
    let Some(stored) = table.find(line.key)? else { return insert(table, line, meta, payload, scripts) };
    if let Some(error) = unmet(line.key, payload.condition, Some(&stored)) {
        return Ok(error.into());
    }
    match (&payload.script, payload.doc) {
        (Some(script), _) => run(table, line.key, &stored, (script, &payload.fetch), scripts),
        (None, Some(doc)) => merge(table, line.key, &stored, doc, payload),
        (None, None) => Ok(ItemError::argument("script or doc is missing").into()),
    }
}

/// Stores what is to be stored where there is no document.
fn insert(
    table: &mut Table<'_>,
    line: &BatchAction<'_>,
    meta: &Meta<'_>,
    payload: &Payload<'_>,
    scripts: &mut Scripts,
) -> Applied {
    let as_upsert = payload.doc.filter(|_| payload.doc_as_upsert);
    let Some(doc) = as_upsert.or(payload.upsert) else { return Ok(ItemError::missing(line.key).into()) };
    if as_upsert.is_none()
        && let Some(pipeline) = meta.pipeline.as_deref().filter(|pipeline| *pipeline != "_none")
    {
        return Ok(ItemError::argument(format!("pipeline with id [{pipeline}] does not exist")).into());
    }
    let scripted = payload.script.as_ref().filter(|_| payload.scripted_upsert);
    let left = match scripted.map(|script| scripts.run(script, doc, None)) {
        None => None,
        Some(Ok(Left::Stored(doc))) => Some(doc),
        Some(Ok(_)) => {
            // It declines: there is no document, and none is made.
            let get = Some("{\"found\":false}".to_owned());
            let noop = Written { bucket: Bucket::Ignored, version: -1, seq: None, get, ..Written::noop(-1, -1) };
            return Ok(Done::Written(noop));
        }
        Some(Err(error)) => return Ok(error.into()),
    };
    let doc = left.as_deref().unwrap_or(doc);
    let done = store(table, line.key, None, doc, &payload.fetch)?;
    if done.is_created() {
        table.set_routing(line.key, meta.routing.as_deref())?;
    }
    Ok(done)
}

/// Merges a document into the stored one.
fn merge(table: &mut Table<'_>, key: &str, stored: &Stored, doc: &str, payload: &Payload<'_>) -> Applied {
    let merged = match table.merged(&stored.doc, doc) {
        Err(error) => return Ok(Done::refused(super::super::unmergeable(key, &error))),
        Ok(merged) => merged,
    };
    let doc = match &merged {
        Some(doc) => doc,
        None if payload.writes_noop => &stored.doc,
        None => return Ok(unchanged(stored, &payload.fetch)),
    };
    store(table, key, Some(stored), doc, &payload.fetch)
}

/// Runs a script on the stored document.
fn run(
    table: &mut Table<'_>,
    key: &str,
    stored: &Stored,
    (script, fetch): (&Asked<'_>, &Fetch),
    scripts: &mut Scripts,
) -> Applied {
    let routing = table.routing(key)?;
    let on = On { index: table.name(), key, routing: routing.as_deref(), version: stored.version };
    match scripts.run(script, &stored.doc, Some(on)) {
        Err(error) => Ok(error.into()),
        Ok(Left::Alone) => Ok(unchanged(stored, fetch)),
        Ok(Left::Deleted) => {
            let mut written = table.remove(key, Some(stored), None)?;
            written.get = fetch.shown(None, written.seq.unwrap_or_default());
            Ok(Done::Written(written))
        }
        Ok(Left::Stored(doc)) => store(table, key, Some(stored), &doc, fetch),
    }
}

/// Leaves a document as it is.
fn unchanged(stored: &Stored, fetch: &Fetch) -> Done {
    let noop = || Done::Written(showing(Written::noop(stored.version, stored.seq), fetch, &stored.doc));
    fetch.ensure_fits(&stored.doc).map_or_else(Done::from, |()| noop())
}

/// Writes a document where `stored` is, or where nothing is.
fn store(table: &mut Table<'_>, key: &str, stored: Option<&Stored>, doc: &str, fetch: &Fetch) -> Applied {
    if let Err(error) = fetch.ensure_fits(doc) {
        return Ok(error.into());
    }
    let written = table.write(key, stored, None, doc)?;
    Ok(written.map(|written| showing(written, fetch, doc)).into())
}

/// Adds the document that `_source` asks for.
fn showing(mut written: Written, fetch: &Fetch, doc: &str) -> Written {
    written.get = fetch.shown(Some(doc), written.seq.unwrap_or_default());
    written
}
