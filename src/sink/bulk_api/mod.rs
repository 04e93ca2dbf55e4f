//! What Elasticsearch and Kuzzle share: the lines of the bulk API, and the items that answer them.

mod flags;
mod item;
mod kept;
mod line;

pub(in crate::sink) use flags::{check, mapping, unsupported};
pub(in crate::sink) use item::{ItemBody, ResponseItem, ServerError, blocked, error_of, failed, forbidden};
pub(in crate::sink) use kept::source_fidelity;
pub(in crate::sink) use line::{
    culprit, field, has_routing, is_conditional, is_idempotent, is_idempotent_in_sequence, metadata, names, plain,
    push_action, push_upsert, verb, write_line,
};
