//! Where a name leads: to the index of that name, to the current index of an alias or of a name with a date, or to the last
//! index of a data stream.

use crate::sink::http::{Method, Request, Response};
use crate::sink::remote::destination::{Destination, Resolution};
use crate::sink::remote::escaped;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Reads the response to any of the requests.
pub(super) fn read(name: &str, response: &Response) -> Resolution<Request> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    let unclear = || Destination::Unclear(format!("{} when asked for {name:?}", response.status));
    let reason = body.pointer("/error/reason").and_then(Value::as_str).unwrap_or_default();
    match (response.status, body.as_object()) {
        (200, Some(body)) if body.contains_key("data_streams") => {
            Resolution::Done(of_stream(&body["data_streams"]).unwrap_or_else(unclear))
        }
        (200, Some(body)) if body.contains_key("docs") => {
            Resolution::Done(of_get(name, &body["docs"]).unwrap_or_else(unclear))
        }
        (200, Some(indices)) if !indices.is_empty() => of_indices(name, indices),
        (404, _) if name.starts_with('<') => match body.pointer("/error/index").and_then(Value::as_str) {
            Some(today) => Resolution::Done(moving(today, Vec::new(), None)),
            None => Resolution::Done(unclear()),
        },
        (404, _) => Resolution::Done(Destination::Absent),
        // A user who may read documents but no index settings can ask for a document, whose response names the index.
        (403, _) if reason.contains("indices:admin/get") => {
            let body = json!({ "docs": [{ "_index": name, "_id": "0", "_source": false }] });
            Resolution::Next(Request::json(Method::POST, "/_mget", body.to_string()))
        }
        _ => Resolution::Done(unclear()),
    }
}

fn moving(write: &str, others: Vec<String>, routing: Option<String>) -> Destination {
    Destination::Moving { write: write.to_owned(), others, lists_all: false, routing }
}

fn of_stream(streams: &Value) -> Option<Destination> {
    let [stream] = streams.as_array()?.as_slice() else { return None };
    let name = |index: &Value| index.get("index_name").and_then(Value::as_str).map(str::to_owned);
    let mut others: Vec<String> = stream.get("indices")?.as_array()?.iter().map(name).collect::<Option<_>>()?;
    let write = others.pop()?;
    Some(Destination::Moving { write, others, lists_all: true, routing: None })
}

/// The response for a document names its index.
fn of_get(name: &str, docs: &Value) -> Option<Destination> {
    let doc = docs.get(0).filter(|doc| doc.get("error").is_none())?;
    let index = doc.get("_index")?.as_str()?;
    Some(if index == name { Destination::Index } else { moving(index, Vec::new(), None) })
}

fn of_indices(name: &str, indices: &Map<String, Value>) -> Resolution<Request> {
    if indices.contains_key(name) {
        return Resolution::Done(Destination::Index);
    }
    let stream = |index: &Value| index.get("data_stream").and_then(Value::as_str).map(str::to_owned);
    let streams: BTreeSet<Option<String>> = indices.values().map(stream).collect();
    if let (Some(Some(stream)), 1) = (streams.first(), streams.len()) {
        return Resolution::Next(Request::get(format!("/_data_stream/{}", escaped(stream))));
    }
    let alias = |index: &Value, field: &str| index.get("aliases")?.get(name)?.get(field).cloned();
    let flag = |index: &Value| alias(index, "is_write_index").and_then(|flag| flag.as_bool());
    let write = match indices.iter().find(|(_, index)| flag(index) == Some(true)) {
        Some(found) => Some(found),
        None => indices.iter().next().filter(|(_, index)| indices.len() == 1 && flag(index) != Some(false)),
    };
    let routing = write.and_then(|(_, about)| Some(alias(about, "index_routing")?.as_str()?.to_owned()));
    let write = write.map_or("", |(write, _)| write.as_str());
    let others = indices.keys().filter(|other| *other != write).cloned().collect();
    Resolution::Done(moving(write, others, routing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, status: u16, body: &Value) -> String {
        let response = Response {
            node: "http://h".to_owned(),
            status,
            body: body.to_string().into(),
            retry_after: None,
            location: None,
        };
        match read(name, &response) {
            Resolution::Done(Destination::Moving { write, others, lists_all, routing }) => {
                format!("{write} {others:?} {lists_all} {}", routing.unwrap_or_default())
            }
            Resolution::Done(Destination::Unclear(_)) => "unclear".to_owned(),
            Resolution::Done(other) => format!("{other:?}"),
            Resolution::Next(request) => format!("{} {}", request.method, request.path),
        }
    }

    #[test]
    fn names_lead_where_the_response_says() {
        let index = |aliases: Value| json!({ "aliases": aliases, "settings": { "index": { "uuid": "u" } } });
        let stream = json!({ "aliases": {}, "data_stream": "s" });
        let (write, not, plain) =
            (json!({ "is_write_index": true, "index_routing": "7" }), json!({ "is_write_index": false }), json!({}));
        for (name, body, expected) in [
            ("n", json!({ "n": index(json!({})) }), "Index"),
            ("n", json!({ "a": index(json!({ "n": plain })) }), "a [] false "),
            ("n", json!({ "a": index(json!({ "n": not })), "b": index(json!({ "n": write })) }), "b [\"a\"] false 7"),
            (
                "n",
                json!({ "a": index(json!({ "n": plain })), "b": index(json!({ "n": plain })) }),
                " [\"a\", \"b\"] false ",
            ),
            ("n", json!({ "a": index(json!({ "n": not })) }), " [\"a\"] false "),
            ("n", json!({ ".ds-s-1": stream, ".ds-s-2": stream }), "GET /_data_stream/s"),
            ("n", json!({ ".ds-s-1": stream, "b": index(json!({ "n": write })) }), "b [\".ds-s-1\"] false 7"),
            ("<n-{now/d}>", json!({ "n-2024": index(json!({})) }), "n-2024 [] false "),
            (
                "n",
                json!({ "data_streams": [{ "name": "s", "indices": [{ "index_name": "1" }, { "index_name": "2" }] }] }),
                "2 [\"1\"] true ",
            ),
            ("n", json!({ "data_streams": [] }), "unclear"),
            ("n", json!({ "docs": [{ "_index": "n", "_id": "0", "found": false }] }), "Index"),
            ("n", json!({ "docs": [{ "_index": "a", "_id": "0", "found": false }] }), "a [] false "),
            ("n", json!({ "docs": [{ "_index": "n", "_id": "0", "error": {} }] }), "unclear"),
            ("n", json!({}), "unclear"),
        ] {
            assert_eq!(described(name, 200, &body), expected, "{body}");
        }
        let missing = json!({ "error": { "type": "index_not_found_exception", "index": "n-2024" } });
        assert_eq!(described("n", 404, &missing), "Absent");
        assert_eq!(described("<n-{now/d}>", 404, &missing), "n-2024 [] false ");
        let refused = |action: &str| json!({ "error": { "reason": format!("action [{action}] is unauthorized") } });
        assert_eq!(described("n", 403, &refused("indices:admin/get")), "POST /_mget");
        assert_eq!(described("n", 403, &refused("indices:data/read/mget")), "unclear");
        assert_eq!(described("n", 405, &json!({})), "unclear");
    }
}
