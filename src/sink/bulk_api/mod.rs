//! What Elasticsearch and Kuzzle share: the lines of the bulk API, and the items of its responses.

mod fidelity;
mod flags;
mod item;
mod line;
mod mapping;
mod server_error;
mod unwritable;

pub(in crate::sink) use fidelity::source_fidelity;
pub(in crate::sink) use flags::{check, unsupported};
pub(in crate::sink) use item::{ItemBody, ResponseItem, failure};
pub(in crate::sink) use line::{
    culprit, field, has_any, has_routing, is_conditional, is_idempotent, is_idempotent_in_sequence, metadata,
    plain_text, push_action, push_upsert, verb, write_line,
};
pub(in crate::sink) use mapping::{SERVER_SETTINGS, read_mapping};
pub(in crate::sink) use server_error::{ServerError, parse_error};
pub(in crate::sink) use unwritable::{forbidden, unwritable};
