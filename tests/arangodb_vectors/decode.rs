//! Reads the answer of a vector as if it were the answer to a request of ours.

use crate::import_api::{is_on, name};
use crate::{database, model};
use bulkimport::action::{Action, ActionKey, Op};
use bulkimport::batch::{Batch, Batcher, Limits};
use bulkimport::record::{Origin, Record};
use bulkimport::sink::arangodb::Collection;
use bulkimport::sink::http::Response;
use bulkimport::sink::remote::{Group, ItemOutcome, Protocol, Verdict};
use serde_json::Value;
use std::time::Duration;

/// So many documents without keys, so that any document fits any place.
fn batch(many: usize, op: Op) -> Batch {
    let limits = Limits { records: usize::MAX, bytes: usize::MAX, interval: Duration::from_secs(1), distinct: false };
    let mut batcher = Batcher::new(limits, std::sync::Arc::new(Collection::default()), false);
    for line in 1..=many {
        let record = Record { origin: Origin { line: line as u64, ..Origin::default() }, ..Record::default() };
        batcher.push(&record, 0, &Action::plain(op, ActionKey::Text(""), "{}"), 0);
    }
    batcher.take(Batch::default(), None)
}

pub fn check(vector: &Value) -> Result<(), String> {
    let expect = &vector["expect"];
    let status = expect["status"].as_u64().expect("a status") as u16;
    let mut answer = expect["json"].clone();
    let count = |answer: &Value, name: &str| answer[name].as_u64().unwrap_or(0);
    let query = &vector["request"]["query"];
    let op = match query["onDuplicate"].as_str() {
        Some("update") => Op::Upsert,
        Some("replace") => Op::Index,
        Some("ignore") => Op::CreateOrIgnore,
        _ => Op::Create,
    };
    if status == 201 && answer["details"].is_null() {
        // We always ask for details, so the request is made once more with them.
        answer = with_details(vector)?;
        for name in ["created", "updated", "ignored", "errors", "empty"] {
            if !expect["json"][name].is_null() && count(&answer, name) != count(&expect["json"], name) {
                return Err(format!("the model answers {answer}"));
            }
        }
    }
    let many =
        ["created", "updated", "ignored", "errors"].map(|name| count(&answer, name)).iter().sum::<u64>() as usize;
    let batch = batch(many.max(1), op);
    let all: Vec<u32> = (0..batch.len() as u32).collect();
    let group = Group { batch: &batch, indexes: &all, per_item: false };
    let reply = Response {
        node: "http://h".to_owned(),
        status,
        body: answer.to_string().into(),
        retry_after: None,
        location: None,
    };
    let said = Collection { name: "docs".to_owned(), ..Collection::default() }.read_response(group, &reply, false);
    match (status, said) {
        (201, Verdict::Items(outcomes)) if many > 0 => {
            let reported = outcomes.into_results();
            let counted =
                |is: fn(&ItemOutcome) -> bool| reported.iter().filter(|result| is(&result.outcome)).count() as u64;
            let ours = [
                counted(|outcome| matches!(outcome, ItemOutcome::Created)),
                counted(|outcome| matches!(outcome, ItemOutcome::Updated)),
                counted(|outcome| matches!(outcome, ItemOutcome::Ignored)),
                counted(|outcome| matches!(outcome, ItemOutcome::Exists | ItemOutcome::Rejected(_))),
            ];
            let theirs = ["created", "updated", "ignored", "errors"].map(|name| count(&answer, name));
            if ours != theirs {
                return Err(format!("read as {ours:?}, not {theirs:?}"));
            }
            reasons(&answer, reported.into_iter().map(|result| result.outcome))
        }
        // An answer without documents is one to no request of ours.
        (201, Verdict::Unclear(_)) if many == 0 => Ok(()),
        // Blank lines shift the numbers of lines, and we send none: such an answer is cleared up by asking for each.
        (201, Verdict::Unclear(_)) if count(&answer, "empty") > 0 && has_line(&answer) => Ok(()),
        // Nor do we ask for lines to be counted from another number on.
        (201, Verdict::Unclear(_)) if !query["line"].is_null() && has_line(&answer) => Ok(()),
        (400 | 409 | 500, Verdict::Refused { reason, .. }) => {
            let message = answer["errorMessage"].as_str().unwrap_or_default();
            if reason.text.contains(message) { Ok(()) } else { Err(format!("refused for {}", reason.text)) }
        }
        (404 | 501, Verdict::Fatal(why)) => {
            let message = answer["errorMessage"].as_str().unwrap_or_default();
            if why.contains(message) { Ok(()) } else { Err(format!("closed for {why}")) }
        }
        (status, other) => Err(format!("{status} is read as {other:?}")),
    }
}

/// Whether a detail counts lines.
fn has_line(answer: &Value) -> bool {
    let details = answer["details"].as_array().into_iter().flatten();
    details.filter_map(Value::as_str).any(|detail| !detail.contains("creating document failed"))
}

/// Whether each detail is the reason of an error.
fn reasons(answer: &Value, outcomes: impl Iterator<Item = ItemOutcome>) -> Result<(), String> {
    let mut texts: Vec<String> = outcomes
        .filter_map(|outcome| match outcome {
            ItemOutcome::Rejected(reason) => Some(reason.text),
            ItemOutcome::Exists => Some("unique constraint violated".to_owned()),
            _ => None,
        })
        .collect();
    for detail in answer["details"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let about = |text: &String| detail.contains(text.rsplit_once(" (").map_or(text.as_str(), |(text, _)| text));
        match texts.iter().position(about) {
            Some(place) => drop(texts.remove(place)),
            None => return Err(format!("{detail:?} is no reason")),
        }
    }
    if texts.is_empty() { Ok(()) } else { Err(format!("reasons of their own: {texts:?}")) }
}

fn with_details(vector: &Value) -> Result<Value, String> {
    let server = model();
    let database = database(&format!("decode-{}", name(vector).len()), usize::from(is_on(vector, "details")))
        + &name(vector).replace('\u{2713}', "v");
    crate::import_api::set_up(vector, &server, &database);
    let mut query: Vec<String> = vec!["details=true".to_owned()];
    for (name, value) in
        vector["request"]["query"].as_object().into_iter().flatten().filter(|(name, _)| *name != "details")
    {
        query.push(format!("{name}={}", crate::http::escaped(value.as_str().unwrap_or_default())));
    }
    let body = vector["request"]["body"].as_str().unwrap_or_default();
    let path = format!("/_db/{database}/_api/import?{}", query.join("&"));
    let answer = server.ask("POST", &path, "application/json", body.as_bytes());
    if answer.status == 201 { Ok(answer.json()) } else { Err(format!("the model answers {}", answer.text())) }
}
