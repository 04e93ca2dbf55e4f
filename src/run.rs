//! Builds a run from its configuration, in the order in which mistakes cost least: inputs first, then the target, and
//! only then the first record.

use crate::action::{Decider, Op, Rules};
use crate::config::Config;
use crate::input::{self, Format, OpenError};
use crate::pipeline::{self, Plan};
use crate::progress::{Meter, Progress};
use crate::report::{Report, Settings, Summary};
use crate::shape::Shaper;
use crate::sink::sqlite::{Opening, Store, StoreOptions};
use crate::sink::{DryRun, Note, Sink};
use crate::stop::Stop;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a run did not begin; nothing was sent.
#[derive(Debug)]
pub struct NotBegun {
    /// The exit code: 2, 4 or 5.
    pub exit: u8,
    /// One sentence, perhaps with a hint on lines of its own.
    pub text: String,
}

/// How many bytes a compressed byte is taken for, to tell whether an input is large.
const UNPACKED: u64 = 5;

/// Runs an import; lines for a person go to `err`.
///
/// # Errors
/// When it cannot begin.
pub fn import(config: Config, mut err: Box<dyn Write>) -> Result<Summary, NotBegun> {
    let inputs = input::open(&config.files, &config.input).map_err(|error| match error {
        OpenError::Usage(text) => NotBegun { exit: 2, text },
        OpenError::Unreadable(text) => NotBegun { exit: 5, text },
    })?;
    let formats: Vec<Format> = inputs.list.iter().map(|input| input.format).collect();
    config.ensure_csv_flags_are_used(&formats).map_err(|mistake| NotBegun { exit: 2, text: mistake.to_string() })?;
    let files: Arc<[String]> = inputs.list.iter().map(|input| input.name.clone()).collect();
    let size = inputs.size.map(|size| if inputs.compressed { size.saturating_mul(UNPACKED) } else { size });
    let target = config.store.display().to_string();
    if !config.quiet {
        let dry = if config.dry_run { ", dry run: nothing is written" } else { "" };
        let into = config.collection.as_ref().map_or(String::new(), |name| format!(", collection {name}"));
        let _ = writeln!(err, "importing into {target}{into}{dry}");
    }
    if config.verbose {
        for input in &inputs.list {
            let _ = writeln!(err, "{} is read as {}", input.name, input.format.name());
        }
    }
    let stop = Stop::default();
    let (sink, edge) = target_of(&config, size, &files, &mut err)?;
    stop.on_signals().map_err(|error| NotBegun { exit: 2, text: format!("cannot catch signals: {error}") })?;

    let meter = Meter { bytes: inputs.bytes_read.clone(), ..Meter::default() };
    let settings = Settings {
        files,
        target,
        collection: config.collection.clone(),
        details: config.details,
        quiet: config.quiet,
        verbose: config.verbose,
        color: config.color,
        max_errors: config.max_errors,
        dry_run: config.dry_run,
    };
    let mut report =
        Report::new(settings, Progress::new(config.progress, inputs.size, meter.clone()), stop.clone(), err);
    let op = if config.delete_keys { Op::Delete } else { config.on_duplicate.on_store() };
    let plan = Plan {
        inputs: inputs.list,
        options: config.input,
        limit: config.limit,
        shaper: Shaper::new(config.shape, edge && !config.delete_keys),
        decider: Decider::new(op, config.key, Rules::Store, run_id(), config.collection),
        limits: config.limits,
        sinks: vec![sink],
        meter: meter.clone(),
        stop,
    };
    pipeline::run(plan, &mut report);
    Ok(report.close(meter.bytes.load(Ordering::Relaxed)))
}

/// Opens the target: the sink, and whether its collection holds edges.
fn target_of(
    config: &Config,
    size: Option<u64>,
    files: &Arc<[String]>,
    err: &mut dyn Write,
) -> Result<(Box<dyn Sink>, bool), NotBegun> {
    let options = StoreOptions {
        path: config.store.clone(),
        collection: config.collection.clone(),
        edge: config.edge,
        prefixes: config.shape.from_prefix.is_some() || config.shape.to_prefix.is_some(),
        complete: config.complete,
        overwrite: config.overwrite,
        wait_for_sync: config.wait_for_sync,
        dry_run: config.dry_run,
        create: config.create_collection.unwrap_or(true),
        unique: config.unique.clone(),
        input_size: size,
        interval: config.limits.interval,
        files: files.clone(),
    };
    let mut say = |note| {
        if let (Note::Warning(text), false) = (note, config.quiet) {
            let _ = writeln!(err, "{text}");
        }
    };
    let store = Store::open(options, &mut say).map_err(|why| match why {
        Opening::Usage(text) => NotBegun { exit: 2, text },
        Opening::Refused(text) => NotBegun { exit: 4, text },
    })?;
    let edge = store.is_edge();
    Ok(if config.dry_run { (Box::new(DryRun), edge) } else { (Box::new(store), edge) })
}

/// The prefix of generated keys: 9 characters of time, so that later runs sort behind, and 7 of chance.
fn run_id() -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    // The standard library seeds its hashers from the operating system's randomness.
    let chance = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let digits = |number: u64, count: u32| {
        (0..count).rev().map(move |place| DIGITS[(number >> (5 * place) & 31) as usize] as char)
    };
    digits(now, 9).chain(digits(chance, 7)).chain(['-']).collect()
}
