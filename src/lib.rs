//! `bulkimport` reads records from files or stdin, turns them into actions, applies them in batches to a target and
//! accounts for every one of them.
//!
//! ```text
//!  bytes            records           actions            batches               sink              outcome        report
//!  file ─┐                                           ┌─ lane 0 ─[channel]─> settle(sink) ─┐
//!  stdin ├─> Reader ───────> shape + key ──> Batcher ┼─ lane 1 ─[channel]─> settle(sink) ─┼─[channel]─> Report ─> exit code
//!  .gz   ─┘  lends one       one Action      copies  └─ lane n ─[channel]─> settle(sink) ─┘   counts, reasons
//!            record a time   each            once       apply, decide, retry
//! ```
//!
//! One way, left to right. A stage knows only the type on its left and on its right; nothing is shared but channels
//! (and the flags that stop a run), and no stage but the report prints. A store takes one lane: it applies one batch at a
//! time. A server takes several, and the first batch goes before them alone (`pipeline`, `lanes`); what settles a batch there
//! is `sink::remote`. Every record read ends in exactly one bucket:
//! `read = created + updated + ignored + deleted + errors + unknown + unsent`.

pub mod action;
pub mod batch;
pub(crate) mod cli;
pub mod color;
pub mod config;
pub mod error;
pub(crate) mod input;
pub mod json;
pub(crate) mod key_filter;
pub(crate) mod pipeline;
pub(crate) mod progress;
pub mod record;
pub mod report;
pub(crate) mod retry;
pub mod run;
pub(crate) mod shape;
pub mod sink;
pub(crate) mod stop;
pub(crate) mod values;
