//! Errors that no record can cure: an index that is closed or blocked, a missing pipeline, an alias without a write index, a
//! limit of the cluster. Each message names the index, and the hint the one request or setting that cures it.

use super::line::has_any;
use super::server_error::ServerError;
use crate::action::Op;
use crate::batch::BatchAction;
use crate::sink::remote::{Unwritable, escaped};

/// The blocks of an index: what the server calls them, and their settings.
const INDEX_BLOCKS: [(&str, &str); 4] = [
    ("/5/", "index.blocks.read_only"),
    ("/8/", "index.blocks.write"),
    ("/9/", "index.blocks.metadata"),
    ("/12/", "index.blocks.read_only_allow_delete"),
];
/// Those of a whole cluster.
const CLUSTER_BLOCKS: [(&str, &str); 3] = [
    ("/6/", "cluster.blocks.read_only"),
    ("/10/", "cluster.blocks.create_index"),
    ("/13/", "cluster.blocks.read_only_allow_delete"),
];

/// Whether an error says that its index cannot be written to, and what cures it. `action` is the one that failed; `None` for
/// an error of a whole request.
pub(in crate::sink) fn unwritable(
    error: &ServerError<'_>,
    status: u16,
    action: Option<&BatchAction<'_>>,
) -> Option<Unwritable> {
    let text = error.reason.as_deref().unwrap_or_default();
    let op = action.map(|action| action.op);
    let is_line = action.is_some_and(|action| action.is_line);
    // A line may name a pipeline of its own, and of updates only those go through one that insert a document.
    let is_of_line =
        |action: &BatchAction<'_>| action.is_line && (action.op == Op::Update || has_any(action.head, &["pipeline"]));
    let is_own_pipeline = action.is_some_and(is_of_line) && text.starts_with("pipeline with id ");
    let mut reason = error.reason(status);
    let hint = match (error.kind(), status) {
        ("cluster_block_exception", 403 | 429) => lift_blocks(text),
        ("security_exception", 401 | 403) if action.is_some() => {
            reason.text = forbidden(&reason.text);
            String::new()
        }
        ("index_closed_exception", _) => {
            let index = error.index.as_deref().or_else(|| bracketed(text, "")).unwrap_or("INDEX");
            if !text.contains(&format!("[{index}]")) {
                reason.text = format!("index_closed_exception: index [{index}] is closed");
            }
            format!("`POST /{}/_open` opens the index", path(index))
        }
        ("index_not_found_exception", _) if op != Some(Op::Delete) && action.is_some() => {
            missing_index(error.index.as_deref(), text, is_line)?
        }
        ("invalid_index_name_exception", _) if action.is_some() => "choose another name for the index".to_owned(),
        (_, 400) if !is_own_pipeline => limited(text, is_line)?,
        _ => return None,
    };
    Some(Unwritable { reason, hint })
}

/// The hint for a missing index that the server does not create.
fn missing_index(index: Option<&str>, text: &str, is_line: bool) -> Option<String> {
    let index = index.or_else(|| bracketed(text, "no such index "))?;
    if text.contains("require_alias") {
        // A bulk line may ask for an alias by itself, and then it is that line's fault.
        return (!is_line).then(|| format!("leave out `--require-alias`, or make \"{index}\" an alias"));
    }
    Some(match is_line {
        true => format!("`PUT /{}` creates the index", path(index)),
        false => "`--create-collection` creates the index".to_owned(),
    })
}

/// The hint for an error with a type that other errors have too.
fn limited(text: &str, is_line: bool) -> Option<String> {
    if let Some(pipeline) = bracketed(text, "pipeline with id ").filter(|_| text.contains("does not exist")) {
        let path = path(pipeline);
        return Some(format!(
            "create it (`PUT /_ingest/pipeline/{path}`), or name another one (`--pipeline`, or `index.default_pipeline`)"
        ));
    }
    if let Some(alias) = bracketed(text, "no write index is defined for alias ") {
        let add = format!(r#"{{"actions":[{{"add":{{"index":"INDEX","alias":"{alias}","is_write_index":true}}}}]}}"#);
        return Some(format!("`POST /_aliases {add}` makes INDEX the one that is written to"));
    }
    if text.contains("maximum") && text.contains("shards open") {
        return Some("delete indices, or raise the cluster's setting `cluster.max_shards_per_node`".to_owned());
    }
    let lower = text.to_ascii_lowercase();
    if lower.contains("number of documents in the index can") {
        return Some("the index is full: load into another one, with more shards".to_owned());
    }
    // Bulk lines have an operation of their own.
    (!is_line && text.contains("op_type of create are allowed in data streams"))
        .then(|| "a data stream only takes new documents: `--on-duplicate error`, or `ignore`".to_owned())
}

/// The hint for blocks: one request for each of them.
fn lift_blocks(text: &str) -> String {
    let index = bracketed(text, "index ").filter(|_| text.trim_start().starts_with("index ["));
    let (known, target) = match index {
        Some(index) => (&INDEX_BLOCKS[..], format!("/{}/_settings ", path(index))),
        None => (&CLUSTER_BLOCKS[..], "/_cluster/settings ".to_owned()),
    };
    let is_set = |(id, setting): &&(&str, &str)| {
        text.contains(id) || (setting.ends_with("allow_delete") && index.is_some() && text.contains("flood-stage"))
    };
    let requests: Vec<String> = known
        .iter()
        .filter(is_set)
        .map(|(_, setting)| match index {
            Some(_) => format!("`PUT {target}{{\"{setting}\":null}}`"),
            None => {
                format!("`PUT {target}{{\"persistent\":{{\"{setting}\":null}},\"transient\":{{\"{setting}\":null}}}}`")
            }
        })
        .collect();
    let is_full = text.contains("flood-stage") || text.contains("create-index");
    match (&requests[..], is_full) {
        ([], true) => "the server's disk is full: free space there".to_owned(),
        ([], false) => "remove the block, and run again".to_owned(),
        (requests, true) => {
            format!("the server's disk is full: free space there; {} removes the block", requests.join(", then "))
        }
        (requests, false) => format!("{} removes the block", requests.join(", then ")),
    }
}

/// The message for missing rights.
pub(in crate::sink) fn forbidden(reason: &str) -> String {
    format!("{reason}; the user needs the right to write (index, create, delete) to this index")
}

/// The text in brackets after these words.
fn bracketed<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let start = text.find(&format!("{before}["))? + before.len() + 1;
    text[start..].split(']').next()
}

/// A name in the path of a request.
fn path(name: &str) -> String {
    escaped(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(kind: &str, status: u16, reason: &str) -> String {
        let raw = serde_json::json!({ "type": kind, "reason": reason, "index": "c" }).to_string();
        let error: ServerError<'_> = serde_json::from_str(&raw).expect("an error");
        unwritable(&error, status, None).map_or_else(|| "no".to_owned(), |found| found.hint)
    }

    #[test]
    fn the_hint_removes_the_blocks_that_are_set() {
        let blocked = |status, text: &str| hint("cluster_block_exception", status, text);
        for (status, text, expected) in [
            (
                403,
                "index [a b] blocked by: [FORBIDDEN/5/index read-only (api)];",
                "`PUT /a%20b/_settings {\"index.blocks.read_only\":null}` removes the block",
            ),
            (
                403,
                "index [i] blocked by: [FORBIDDEN/5/index read-only (api)];[FORBIDDEN/8/index write (api)];",
                "`PUT /i/_settings {\"index.blocks.read_only\":null}`, then `PUT /i/_settings {\"index.blocks.write\":null}` removes the block",
            ),
            (
                429,
                "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];",
                "the server's disk is full: free space there; `PUT /i/_settings {\"index.blocks.read_only_allow_delete\":null}` removes the block",
            ),
            (
                403,
                "blocked by: [FORBIDDEN/6/cluster read-only (api)];",
                "`PUT /_cluster/settings {\"persistent\":{\"cluster.blocks.read_only\":null},\"transient\":{\"cluster.blocks.read_only\":null}}` removes the block",
            ),
            (403, "index [i] blocked by: [FORBIDDEN/77/something new];", "remove the block, and run again"),
            (503, "blocked by: [SERVICE_UNAVAILABLE/2/no master];", "no"),
        ] {
            assert_eq!(blocked(status, text), expected, "{text}");
        }
    }

    #[test]
    fn errors_of_a_record_are_not_errors_of_its_index() {
        assert_eq!(hint("index_closed_exception", 400, "closed"), "`POST /c/_open` opens the index");
        for (kind, reason) in [
            ("illegal_argument_exception", "mapper [x] cannot be changed from type [long] to [text]"),
            ("illegal_argument_exception", "Limit of total fields [1000] has been exceeded"),
            ("mapper_parsing_exception", "failed to parse"),
            ("validation_exception", "Validation Failed: 1: id is missing;"),
        ] {
            assert_eq!(hint(kind, 400, reason), "no", "{reason}");
        }
    }
}
