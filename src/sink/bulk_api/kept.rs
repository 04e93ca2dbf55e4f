//! Whether an index keeps documents as they were sent, by its mapping and its settings: what is read back is compared only
//! where it does.

use crate::sink::remote::Fidelity;
use serde_json::Value;

/// Field types that Elasticsearch may leave out of `_source`, and OpenSearch.
const VECTORS: [&str; 3] = ["dense_vector", "sparse_vector", "rank_vectors"];
const KNN: [&str; 1] = ["knn_vector"];
/// Field types whose values a server adds something to.
const INFERRED: [&str; 2] = ["semantic_text", "semantic"];

/// Whether the index does of which a server says this: its `mappings`, its `settings`, and their `defaults`.
pub(in crate::sink) fn source_fidelity(about: &Value) -> Fidelity {
    if let Some(why) = left_out(about) {
        return Fidelity::MayOmit(why.to_owned());
    }
    let pipelines = ["default_pipeline", "final_pipeline"];
    if pipelines.iter().any(|name| setting(about, "settings", name).is_some_and(|pipeline| pipeline != "_none")) {
        return Fidelity::MayChange("an ingest pipeline may have changed it".to_owned());
    }
    if has_type(about.get("mappings"), &INFERRED) {
        return Fidelity::MayChange("the server adds to its semantic fields".to_owned());
    }
    Fidelity::Exact
}

/// Why `_source` may be less than what was sent, if it may.
fn left_out(about: &Value) -> Option<&'static str> {
    let mappings = about.get("mappings");
    let given = |name: &str| setting(about, "settings", name);
    let source = mappings.and_then(|mappings| mappings.get("_source")).and_then(Value::as_object);
    let is_whole = |(name, value): (&String, &Value)| match name.as_str() {
        "enabled" => is(value, "true"),
        "mode" => is(value, "stored"),
        "includes" | "excludes" => value.as_array().is_some_and(Vec::is_empty),
        // What is kept for recovery alone.
        name => name.starts_with("recovery_source"),
    };
    if !source.is_none_or(|source| source.iter().all(is_whole)) {
        return Some("the mapping filters _source");
    }
    let mode = given("mapping/source/mode").or_else(|| setting(about, "defaults", "mapping/source/mode"));
    let is_stored = match mode {
        Some(mode) => mode == "stored",
        None => given("mode").is_none_or(|mode| mode == "standard" || mode == "lookup"),
    };
    if !is_stored || given("derived_source/enabled").is_some_and(|enabled| enabled == "true") {
        return Some("the index makes _source from its fields");
    }
    let leaves_out = |name: &str, types: &[&str]| match given(name).as_deref() {
        Some("false") => false,
        Some(_) => true,
        // Whether a server leaves them out by default depends on its version.
        None if !has_type(mappings, types) => false,
        None => match about.get("defaults") {
            Some(_) => setting(about, "defaults", name).is_some_and(|value| value == "true"),
            None => true,
        },
    };
    let vectors =
        leaves_out("mapping/exclude_source_vectors", &VECTORS) || leaves_out("knn/derived_source/enabled", &KNN);
    vectors.then_some("the index leaves vectors out of _source")
}

fn is(value: &Value, text: &str) -> bool {
    value.as_str().map_or_else(|| value.to_string(), str::to_ascii_lowercase) == text
}

/// A setting of an index among its `settings`, or among the `defaults` that hold where it has none.
fn setting(about: &Value, among: &str, name: &str) -> Option<String> {
    about.pointer(&format!("/{among}/index/{name}")).and_then(Value::as_str).map(str::to_ascii_lowercase)
}

/// Whether a field has one of these types, at any depth. A field named `type` has an object there.
fn has_type(mappings: Option<&Value>, types: &[&str]) -> bool {
    match mappings {
        Some(Value::Object(fields)) => fields.iter().any(|(name, value)| {
            (name == "type" && value.as_str().is_some_and(|kind| types.contains(&kind))) || has_type(Some(value), types)
        }),
        Some(Value::Array(all)) => all.iter().any(|value| has_type(Some(value), types)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(about: &Value) -> &'static str {
        match source_fidelity(about) {
            Fidelity::Exact => "whole",
            Fidelity::MayChange(_) => "changed",
            Fidelity::MayOmit(_) => "in part",
        }
    }

    #[test]
    fn mappings_that_filter_source_are_seen() {
        for (source, expected) in [
            (json!({}), "whole"),
            (json!({ "enabled": true }), "whole"),
            (json!({ "enabled": "true", "mode": "stored", "excludes": [] }), "whole"),
            (json!({ "recovery_source_enabled": false }), "whole"),
            (json!({ "enabled": false }), "in part"),
            (json!({ "mode": "synthetic" }), "in part"),
            (json!({ "includes": ["a*"] }), "in part"),
            (json!({ "excludes": ["a.b"] }), "in part"),
            (json!({ "something": "new" }), "in part"),
        ] {
            assert_eq!(said(&json!({ "mappings": { "_source": source } })), expected, "{source}");
        }
        assert_eq!(said(&json!({ "mappings": { "properties": { "_source": { "type": "keyword" } } } })), "whole");
        assert_eq!(said(&json!({})), "whole");
    }

    #[test]
    fn settings_that_change_source_are_seen() {
        for (settings, expected) in [
            (json!({ "default_pipeline": "_none", "final_pipeline": "_none" }), "whole"),
            (json!({ "final_pipeline": "p" }), "changed"),
            (json!({ "default_pipeline": "p", "mode": "logsdb" }), "in part"),
            (json!({ "mode": "time_series" }), "in part"),
            (json!({ "mode": "standard" }), "whole"),
            (json!({ "mode": "logsdb", "mapping": { "source": { "mode": "stored" } } }), "whole"),
            (json!({ "mapping": { "source": { "mode": "SYNTHETIC" } } }), "in part"),
            (json!({ "mapping": { "exclude_source_vectors": "true" } }), "in part"),
            (json!({ "knn": "true", "knn.derived_source": {} }), "whole"),
            (json!({ "knn": { "derived_source": { "enabled": "true" } } }), "in part"),
            (json!({ "derived_source": { "enabled": "true" } }), "in part"),
        ] {
            assert_eq!(said(&json!({ "settings": { "index": settings } })), expected, "{settings}");
        }
    }

    #[test]
    fn vectors_are_left_out_by_default_where_the_server_says_so() {
        let about = |kind: &str, defaults: Value| {
            let fields = json!({ "o": { "properties": { "type": { "type": kind, "dims": 3 } } } });
            json!({ "mappings": { "properties": fields }, "settings": { "index": {} }, "defaults": { "index": defaults } })
        };
        let excludes = |value: &str| json!({ "mapping": { "exclude_source_vectors": value } });
        let derives = |value: &str| json!({ "knn": { "derived_source": { "enabled": value } } });
        assert_eq!(said(&about("dense_vector", excludes("true"))), "in part");
        assert_eq!(said(&about("dense_vector", excludes("false"))), "whole");
        assert_eq!(said(&about("dense_vector", json!({}))), "whole", "the server has no such setting");
        assert_eq!(said(&about("keyword", excludes("true"))), "whole");
        assert_eq!(said(&about("knn_vector", derives("true"))), "in part");
        assert_eq!(said(&about("knn_vector", derives("false"))), "whole");
        assert_eq!(said(&about("semantic_text", json!({}))), "changed");
        let bare = json!({ "mappings": { "properties": { "v": { "type": "sparse_vector" } } } });
        assert_eq!(said(&bare), "in part", "nothing is known of the defaults");
    }
}
