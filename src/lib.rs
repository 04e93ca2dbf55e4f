//! `bulkimport` reads records from files or stdin, turns them into actions, applies these in batches to a target, and counts
//! the outcome of every record.
//!
//! ```text
//!  bytes            records           actions            batches               sink              outcome        report
//!  file ─┐                                           ┌─ lane 0 ─[channel]─> settle(sink) ─┐
//!  stdin ├─> Reader ───────> shape + key ──> Batcher ┼─ lane 1 ─[channel]─> settle(sink) ─┼─[channel]─> Report ─> exit code
//!  .gz   ─┘  lends one       one Action      copies  └─ lane n ─[channel]─> settle(sink) ─┘   counts, reasons
//!            record a time   each            once       apply, decide, retry
//! ```
//!
//! Data flows from left to right. A stage knows only its input type and its output type. Stages share only channels and the
//! flags that stop a run, and only the report prints. A store has one lane: it applies one batch at a time. A server has
//! several, and they wait for the first batch (`pipeline`, `lanes`); `sink::remote` settles the batches there. Every record
//! that is read is counted in exactly one bucket:
//! `read = created + updated + ignored + deleted + errors + unknown + unsent`.

pub mod action;
pub mod batch;
pub(crate) mod cli;
pub mod config;
pub mod error;
pub(crate) mod input;
pub(crate) mod journal;
pub mod json;
pub(crate) mod key_filter;
pub mod mask;
pub mod messages;
pub(crate) mod notes;
pub(crate) mod pipeline;
pub(crate) mod progress;
pub mod record;
pub mod report;
pub(crate) mod retry;
pub mod run;
pub mod script;
pub(crate) mod shape;
pub mod sink;
pub mod stop;
pub(crate) mod values;
