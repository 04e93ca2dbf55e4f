//! Files as a target: `jsonl:` writes documents, `bulk:` Elasticsearch bulk lines, in the order of the input. Keys are not
//! looked up: an action counts as what it requests, and records with the same key are all written.
//! A regular file is written under a temporary name and renamed at the end; anything else is written in place.

mod lines;
mod output;
mod rules;
mod target;
mod writer;

pub use target::Files;
