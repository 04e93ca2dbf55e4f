//! Asks whether the indices keep documents as they were sent.

use super::Bulk;
use super::read_back::index_of;
use crate::sink::bulk_api::kept_by;
use crate::sink::http::{Call, Reply};
use crate::sink::remote::destination::Location;
use crate::sink::remote::{Group, Kept, escaped};
use serde_json::Value;

/// The question for mappings and settings of the indices in which the actions' documents lie.
pub(super) fn ask(bulk: &Bulk, group: Group<'_>, lies: &[Location]) -> Call {
    let mut indices: Vec<String> = group
        .iter()
        .zip(lies)
        .filter_map(
            |(action, lies)| if lies.index.is_empty() { index_of(bulk, &action) } else { Some(lies.index.clone()) },
        )
        .map(|index| escaped(&index))
        .collect();
    indices.sort_unstable();
    indices.dedup();
    let filter = ["mapping", "mode", "knn", "derived_source"].map(|name| format!("*.defaults.index.{name}")).join(",");
    let query = format!("include_defaults=true&filter_path=*.mappings,*.settings.index,{filter}");
    Call::get(format!("/{}?{query}", indices.join(",")))
}

/// Whether this index keeps them; one that is not named is any of those that were asked for.
pub(super) fn read(index: &str, reply: &Reply) -> Kept {
    let all: Option<Value> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.is_success());
    let Some(all) = all.as_ref().and_then(Value::as_object).filter(|all| !all.is_empty()) else {
        let why = format!("the server answers {} when asked for mapping and settings", reply.status);
        return Kept::Changed(why);
    };
    if let Some(about) = all.get(index) {
        return kept_by(about);
    }
    let mut worst = Kept::Whole;
    for kept in all.values().map(kept_by) {
        if worst == Kept::Whole || matches!(kept, Kept::InPart(_)) {
            worst = kept;
        }
    }
    worst
}
