//! Kuzzle's words: how its requests are read, what it answers, and the command line that speaks to it.

use super::reply::{Harm, Item, Reply};
use super::request::{Request, Sent};
use super::{Exchange, Wire, bulk, fits};
use crate::support::{Place, Ran};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Whether a request is one of `bulk:import`.
pub fn is_import(request: &Request) -> bool {
    fits("/*/*/_bulk", &request.path)
}

/// The actions of an import, as Kuzzle splits them; what it would take for something else is a fault.
pub fn actions(request: &Request) -> Vec<Sent> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body<'a> {
        #[serde(borrow, rename = "bulkData")]
        elements: Vec<&'a RawValue>,
    }
    let body: Body<'_> = serde_json::from_slice(&request.body).expect("one object with bulkData");
    let collection = request.path.trim_start_matches('/').trim_end_matches("/_bulk").to_owned();
    let mut elements = body.elements.into_iter().map(RawValue::get);
    let mut sent = Vec::new();
    while let Some(line) = elements.next() {
        let action: Value = serde_json::from_str(line).expect("JSON");
        let (op, meta) = action.as_object().and_then(|action| action.iter().next()).expect("an action is an object");
        assert!(["index", "create", "update", "delete"].contains(&op.as_str()), "no action: {line}");
        let doc = (op != "delete").then(|| elements.next().expect("a source").to_owned());
        if let Some(doc) = &doc {
            assert!(!begins_like_an_action(doc), "Kuzzle takes this for an action: {doc}");
        }
        sent.push(Sent {
            index: collection.clone(),
            id: Some(meta["_id"].as_str().expect("an id is text").to_owned()),
            doc,
            op: op.clone(),
            meta: meta.clone(),
            line: line.to_owned(),
        });
    }
    let mut ids: Vec<&str> = sent.iter().filter_map(|action| action.id.as_deref()).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "a key twice in a request: {ids:?}");
    sent
}

fn begins_like_an_action(doc: &str) -> bool {
    let name = doc.trim_start_matches(['{', ' ', '\t', '\r', '\n']).split_once(':').map(|(name, _)| name.trim());
    let name: Option<String> = name.and_then(|name| serde_json::from_str(name).ok());
    name.is_some_and(|name| ["index", "create", "update", "delete"].contains(&name.as_str()))
}

/// The envelope of an answer.
fn envelope(status: u16, error: Value, result: Value) -> Reply {
    let body = json!({"action": "import", "collection": "c", "controller": "bulk", "error": error, "headers": {}, "index": "i",
        "requestId": "r", "result": result, "status": status, "volatile": null});
    // Kuzzle says so, and then serves on.
    Reply::json(status, body).header("Connection", "close").harm(Harm::CloseAfterReply)
}

/// Kuzzle's answer to a request's actions: what was done and what was not, in two lists.
pub fn lists(request: &Request, items: &[Item]) -> Reply {
    let actions = actions(request);
    assert_eq!(actions.len(), items.len(), "actions in {}", request.text());
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (item, action) in items.iter().zip(&actions) {
        let (op, id) = (action.op.as_str(), &action.id);
        match item {
            Item::Done("not_found", _) => failed.push(json!({op: {"_id": id, "status": 404}})),
            Item::Done(result, _) => {
                let status = if *result == "created" { 201 } else { 200 };
                done.push(json!({op: {"_id": id, "status": status}}));
            }
            Item::Failed(status, kind, reason) => {
                let reason = reason.replace("{id}", id.as_deref().unwrap_or_default());
                let source: Value = serde_json::from_str(action.doc.as_deref().unwrap_or("null")).expect("JSON");
                failed.push(json!({op: {"_id": id, "status": status, "_source": source, "error": {"reason": reason, "type": kind}}}));
            }
            Item::Raw(_) => panic!("not an item of Kuzzle"),
        }
    }
    both(&done, &failed)
}

/// An answer with these lists.
pub fn both(successes: &[Value], errors: &[Value]) -> Reply {
    envelope(200, Value::Null, json!({"errors": errors, "successes": successes}))
}

/// A whole request that is refused by the API.
pub fn refused(status: u16, id: &str, message: &str) -> Reply {
    envelope(status, json!({"code": 1, "id": id, "message": message, "props": [], "status": status}), Value::Null)
}

/// A request that never reached the API: its error is the whole body.
pub fn bare(status: u16, id: &str, message: &str) -> Reply {
    Reply::json(status, json!({"code": 1, "id": id, "message": message, "props": [], "status": status}))
}

/// The answer to a multi-get: these documents, and none for what else was asked.
pub fn found(request: &Request, sources: &[(&str, Value)]) -> Reply {
    let ids: Vec<String> = serde_json::from_value(request.json()["ids"].clone()).expect("ids");
    let source = |id: &String| sources.iter().find(|(one, _)| one == id);
    let successes: Vec<Value> = ids
        .iter()
        .filter_map(source)
        .map(|(id, source)| {
            let mut source = source.clone();
            source["_kuzzle_info"] = json!({"author": "-1", "createdAt": 1, "updatedAt": null, "updater": null});
            json!({"_id": id, "_source": source, "_version": 1})
        })
        .collect();
    let errors: Vec<&String> = ids.iter().filter(|id| source(id).is_none()).collect();
    envelope(200, Value::Null, json!({"errors": errors, "successes": successes}))
}

/// What Kuzzle answers to a client that prepares itself.
pub fn usual(request: &Request) -> Option<Reply> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/_healthcheck") => Some(envelope(200, Value::Null, Value::Null)),
        ("POST", "/_login/local") => {
            Some(envelope(200, Value::Null, json!({"_id": "me", "jwt": "kauth-1", "ttl": 3_600_000})))
        }
        ("GET", path) if fits("/*/*/_exists", path) => Some(envelope(200, Value::Null, json!(true))),
        ("GET", path) if fits("/*/*/_settings", path) => {
            Some(envelope(200, Value::Null, json!({"number_of_shards": "1", "uuid": "aAbBcCdDeEfFgGhHiIjJkK"})))
        }
        _ => None,
    }
}

impl Exchange {
    /// Answers an import of as many actions with these items.
    pub fn lists(self, items: &[Item]) -> Exchange {
        let items = items.to_vec();
        self.reply_with(move |request| lists(request, &items))
    }
}

impl Wire {
    /// Adds an import with as many actions as there are items, answered with these.
    pub fn import(&self, items: &[Item]) -> &Wire {
        self.expect(bulk().lists(items))
    }

    /// The URL to give to `--to`.
    pub fn to_kuzzle(&self) -> String {
        format!("kuzzle+http://{}/i", self.address())
    }
}

/// Imports this text into collection `c` of index `i`, on one connection and with results.
pub fn into_kuzzle(place: &Place, wire: &Wire, text: &str, arguments: &[&str]) -> Ran {
    place.file("in", text);
    place.run(&super::words(&wire.to_kuzzle(), arguments))
}
