//! The file of `--mapping`, in any form that tools write: mappings alone, with settings, as the answer to `GET /INDEX` or
//! `GET /INDEX/_mapping`, with a type around them, and as kourou exports them.

use crate::error::of_file;
use crate::notes::{Notes, listed};
use crate::sink::wanted::Wanted;
use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

/// Settings of an index that only the server may set.
pub(in crate::sink) const SERVER_SETTINGS: [&str; 8] = [
    "creation_date",
    "creation_date_string",
    "uuid",
    "version",
    "provided_name",
    "history",
    "resize",
    "verified_before_close",
];

/// What mappings may have besides fields.
const ROOT: [&str; 15] = [
    "properties",
    "dynamic",
    "dynamic_templates",
    "dynamic_date_formats",
    "date_detection",
    "numeric_detection",
    "runtime",
    "enabled",
    "subobjects",
    "_source",
    "_routing",
    "_meta",
    "_size",
    "_field_names",
    "_data_stream_timestamp",
];

/// What of the description of an index is used to create another.
const PARTS: [&str; 3] = ["mappings", "settings", "aliases"];

/// Reads `--mapping` as an object with some of `parts` (`mappings`, `settings`). Notes what is left out.
pub(in crate::sink) fn read_mapping(wanted: &Wanted, parts: &[&str], notes: &mut Notes) -> Result<Option<Value>> {
    let Some(path) = &wanted.mapping else { return Ok(None) };
    let mut read = || -> Result<Option<Value>> {
        let read: Value = serde_json::from_str(&std::fs::read_to_string(path).map_err(of_file)?)?;
        let names = Names { collection: wanted.collection.as_deref(), index: namespace(wanted) };
        let mut all = described(read, &names)?;
        if let Some(mappings) = all.get_mut("mappings").map(Value::take) {
            all.insert("mappings".to_owned(), without_type(mappings)?);
        }
        let mut left_out = Vec::new();
        all.get_mut("settings").into_iter().for_each(|settings| drop_private(settings, &mut left_out));
        let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        let unused = PARTS.iter().filter(|part| !parts.contains(part));
        let unused = unused.filter_map(|part| all.remove(*part).filter(|value| !is_empty(value)).map(|_| *part));
        left_out.extend(unused.map(str::to_owned));
        let text = format!("--mapping: left out what only the server may set: {}", listed(&left_out));
        notes.add("private_settings", left_out.len() as u64, text);
        Ok(Some(Value::Object(all)))
    };
    read().with_context(|| format!("--mapping: {}", path.display()))
}

/// The names of the run, by which one of several descriptions is chosen.
struct Names<'a> {
    collection: Option<&'a str>,
    /// The index of Kuzzle.
    index: Option<&'a str>,
}

fn namespace(wanted: &Wanted) -> Option<&str> {
    wanted.servers().find_map(|server| server.namespace.as_deref())
}

/// The mappings and the settings in any of the forms.
fn described(read: Value, names: &Names<'_>) -> Result<Map<String, Value>> {
    let Value::Object(mut object) = read else { bail!("not a JSON object") };
    if object.get("type").is_some_and(|kind| kind == "mappings") && object.get("content").is_some_and(Value::is_object)
    {
        let content = object.remove("content").unwrap_or_default();
        let collections = only(content, names.index, "indices")?;
        return described(only(collections, names.collection, "collections")?, names);
    }
    // An answer of Kuzzle.
    if object.contains_key("requestId")
        && let Some(result) = object.remove("result")
    {
        return described(result, names);
    }
    if PARTS.iter().any(|part| object.contains_key(*part)) {
        return Ok(object);
    }
    let is_index = |value: &Value| PARTS.iter().any(|part| value.get(*part).is_some_and(Value::is_object));
    if !object.is_empty() && object.values().all(is_index) {
        return described(only(Value::Object(object), names.collection, "indices")?, names);
    }
    if let (Some(mappings), 1) = (object.get("_doc"), object.len()) {
        return described(mappings.clone(), names);
    }
    let is_field = |value: &Value| value.get("type").is_some_and(Value::is_string);
    if !object.contains_key("properties") && object.values().any(is_field) {
        bail!("its fields belong under \"properties\"");
    }
    let whole = json!({ "mappings": object });
    Ok(whole.as_object().cloned().unwrap_or_default())
}

/// The only value of an object, or the one with this name.
fn only(all: Value, name: Option<&str>, what: &str) -> Result<Value> {
    let Value::Object(mut all) = all else { bail!("not a JSON object") };
    if let Some(value) = name.and_then(|name| all.remove(name)) {
        return Ok(value);
    }
    let names: Vec<&String> = all.keys().collect();
    match names[..] {
        [_] => Ok(all.into_iter().next().map(|(_, value)| value).unwrap_or_default()),
        [] => bail!("it has no {what}"),
        _ => bail!("it has several {what}: {}; keep one", listed(&names)),
    }
}

/// Mappings without a type around them, as servers had up to version 7.
fn without_type(mappings: Value) -> Result<Value> {
    let Value::Object(types) = mappings else { return Ok(mappings) };
    let is_type = |(name, value): (&String, &Value)| {
        !ROOT.contains(&name.as_str())
            && value.as_object().is_some_and(|fields| fields.keys().all(|key| ROOT.contains(&&**key)))
    };
    if types.is_empty() || !types.iter().all(is_type) {
        return Ok(Value::Object(types));
    }
    only(Value::Object(types), None, "types")
}

/// Removes the settings that a server sets by itself, in any of the forms in which they are written.
fn drop_private(settings: &mut Value, left_out: &mut Vec<String>) {
    let Some(settings) = settings.as_object_mut() else { return };
    settings.retain(|name, _| {
        let own = name.strip_prefix("index.").unwrap_or(name);
        let is_private = SERVER_SETTINGS.contains(&own.split('.').next().unwrap_or(own));
        if is_private {
            left_out.push(own.to_owned());
        }
        !is_private
    });
    if let Some(index) = settings.get_mut("index") {
        drop_private(index, left_out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(text: &str, collection: Option<&str>) -> String {
        let read = serde_json::from_str(text).expect("JSON");
        let all = described(read, &Names { collection, index: Some("shop") });
        let mappings = all.and_then(|mut all| without_type(all.remove("mappings").unwrap_or_default()));
        mappings.map_or_else(|error| error.to_string(), |mappings| mappings.to_string())
    }

    #[test]
    fn mappings_are_found_in_all_forms() {
        let plain = r#"{"properties":{"n":{"type":"long"}}}"#;
        for (form, expected) in [
            ("X", plain),
            (r#"{"mappings":X}"#, plain),
            (r#"{"mappings":X,"settings":{}}"#, plain),
            (r#"{"old":{"mappings":X}}"#, plain),
            (r#"{"old":{"aliases":{},"mappings":X,"settings":{"index":{"uuid":"u"}}}}"#, plain),
            (r#"{"old":{"mappings":{"logs":X}}}"#, plain),
            (r#"{"mappings":{"_doc":X}}"#, plain),
            (r#"{"_doc":X}"#, plain),
            (r#"{"type":"mappings","content":{"shop":{"products":X}}}"#, plain),
            (r#"{"type":"mappings","content":{"other":{"products":X}}}"#, plain),
            (r#"{"requestId":"r","result":X}"#, plain),
            (r#"{"a":{"mappings":{}},"c":{"mappings":X}}"#, plain),
            (r#"{"a":{"mappings":X},"b":{"mappings":X}}"#, "it has several indices: a, b; keep one"),
            (r#"{"mappings":{"a":X,"b":X}}"#, "it has several types: a, b; keep one"),
            (r#"{"n":{"type":"long"}}"#, "its fields belong under \"properties\""),
            (r#"{"mappings":{}}"#, "{}"),
            ("[]", "not a JSON object"),
        ] {
            assert_eq!(mapping(&form.replace('X', plain), Some("c")), expected, "{form}");
        }
    }

    #[test]
    fn settings_of_the_server_are_left_out() {
        let mut settings = json!({ "index": { "uuid": "u", "number_of_shards": "1", "version": { "created": "8" } },
            "index.creation_date": "1", "index.version.created": "8", "analysis": {} });
        let mut left_out = Vec::new();
        drop_private(&mut settings, &mut left_out);
        assert_eq!(settings, json!({ "index": { "number_of_shards": "1" }, "analysis": {} }));
        left_out.sort_unstable();
        assert_eq!(left_out, ["creation_date", "uuid", "version", "version.created"]);
    }
}
