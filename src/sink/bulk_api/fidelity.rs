//! Whether an index keeps documents as they were sent, by its mapping and its settings. What is read back proves something
//! only if it does.

use crate::sink::remote::Fidelity;
use serde_json::Value;

/// Field types that Elasticsearch may leave out of `_source`, and those of OpenSearch.
const VECTORS: [&str; 3] = ["dense_vector", "sparse_vector", "rank_vectors"];
const KNN: [&str; 1] = ["knn_vector"];
/// Field types to whose values a server adds something.
const INFERRED: [&str; 2] = ["semantic_text", "semantic"];

/// Whether an index keeps documents, by its `mappings`, its `settings`, and their `defaults`.
pub(in crate::sink) fn source_fidelity(index: &Value) -> Fidelity {
    if let Some(why) = left_out(index) {
        return Fidelity::MayOmit(why.to_owned());
    }
    let pipelines = ["default_pipeline", "final_pipeline"];
    if pipelines.iter().any(|name| setting(index, "settings", name).is_some_and(|pipeline| pipeline != "_none")) {
        return Fidelity::MayChange("an ingest pipeline may have changed it".to_owned());
    }
    if has_type(index.get("mappings"), &INFERRED) {
        return Fidelity::MayChange("the server adds to its semantic fields".to_owned());
    }
    Fidelity::Exact
}

/// Why `_source` may lack parts of what was sent, if it may.
fn left_out(index: &Value) -> Option<&'static str> {
    let mappings = index.get("mappings");
    let set = |name: &str| setting(index, "settings", name);
    let source = mappings.and_then(|mappings| mappings.get("_source")).and_then(Value::as_object);
    let is_whole = |(name, value): (&String, &Value)| match name.as_str() {
        "enabled" => is(value, "true"),
        "mode" => is(value, "stored"),
        "includes" | "excludes" => value.as_array().is_some_and(Vec::is_empty),
        // These are kept only for recovery.
        name => name.starts_with("recovery_source"),
    };
    if !source.is_none_or(|source| source.iter().all(is_whole)) {
        return Some("the mapping filters _source");
    }
    let mode = set("mapping/source/mode").or_else(|| setting(index, "defaults", "mapping/source/mode"));
    let is_stored = match mode {
        Some(mode) => mode == "stored",
        None => set("mode").is_none_or(|mode| mode == "standard" || mode == "lookup"),
    };
    if !is_stored || set("derived_source/enabled").is_some_and(|enabled| enabled == "true") {
        return Some("the index makes _source from its fields");
    }
    let leaves_out = |name: &str, types: &[&str]| match set(name).as_deref() {
        Some("false") => false,
        Some(_) => true,
        // The default depends on the version of the server.
        None if !has_type(mappings, types) => false,
        None => match index.get("defaults") {
            Some(_) => setting(index, "defaults", name).is_some_and(|value| value == "true"),
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

/// A setting of an index, in its `settings` or in the `defaults`.
fn setting(index: &Value, part: &str, name: &str) -> Option<String> {
    index.pointer(&format!("/{part}/index/{name}")).and_then(Value::as_str).map(str::to_ascii_lowercase)
}

/// Whether a field at any depth has one of these types. In a field that is named `type`, the value is an object.
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

    fn fidelity(index: &Value) -> &'static str {
        match source_fidelity(index) {
            Fidelity::Exact => "whole",
            Fidelity::MayChange(_) => "changed",
            Fidelity::MayOmit(_) => "in part",
        }
    }

    #[test]
    fn mappings_that_filter_source_are_found() {
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
            assert_eq!(fidelity(&json!({ "mappings": { "_source": source } })), expected, "{source}");
        }
        assert_eq!(fidelity(&json!({ "mappings": { "properties": { "_source": { "type": "keyword" } } } })), "whole");
        assert_eq!(fidelity(&json!({})), "whole");
    }

    #[test]
    fn settings_that_change_source_are_found() {
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
            assert_eq!(fidelity(&json!({ "settings": { "index": settings } })), expected, "{settings}");
        }
    }

    #[test]
    fn vectors_are_left_out_by_default_where_the_settings_say_so() {
        let index = |kind: &str, defaults: Value| {
            let fields = json!({ "o": { "properties": { "type": { "type": kind, "dims": 3 } } } });
            json!({ "mappings": { "properties": fields }, "settings": { "index": {} }, "defaults": { "index": defaults } })
        };
        let excludes = |value: &str| json!({ "mapping": { "exclude_source_vectors": value } });
        let derives = |value: &str| json!({ "knn": { "derived_source": { "enabled": value } } });
        assert_eq!(fidelity(&index("dense_vector", excludes("true"))), "in part");
        assert_eq!(fidelity(&index("dense_vector", excludes("false"))), "whole");
        assert_eq!(fidelity(&index("dense_vector", json!({}))), "whole", "the server has no such setting");
        assert_eq!(fidelity(&index("keyword", excludes("true"))), "whole");
        assert_eq!(fidelity(&index("knn_vector", derives("true"))), "in part");
        assert_eq!(fidelity(&index("knn_vector", derives("false"))), "whole");
        assert_eq!(fidelity(&index("semantic_text", json!({}))), "changed");
        let bare = json!({ "mappings": { "properties": { "v": { "type": "sparse_vector" } } } });
        assert_eq!(fidelity(&bare), "in part", "nothing is known of the defaults");
    }
}
