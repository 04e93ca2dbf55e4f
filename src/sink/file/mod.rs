//! Files as a target: `jsonl:` writes documents, `bulk:` Elasticsearch bulk lines, one record after another. Nothing is
//! looked up: a line counts as what it asks for, and records with the same key are all written.
//! What surprises: a regular file is written beside its place and renamed at the end, anything else is written in place.

mod lines;
mod output;
mod rules;
mod target;
mod writer;

pub use target::Files;
