//! Starts a run from its configuration, so that mistakes are found early: opens the inputs, then the target, and only then
//! reads the first record.

use crate::action::Decider;
use crate::config::Config;
use crate::error::{self, Exit};
use crate::input::{self, Format, Inputs};
use crate::pipeline::{self, Plan};
use crate::progress::{Meter, Progress};
use crate::report::{Report, Results, Settings, Summary};
use crate::shape::Shaper;
use crate::sink::target::Opened;
use crate::sink::wanted::{InputFacts, Wanted};
use crate::sink::{Note, targets};
use crate::stop::Stop;
use anyhow::{Context as _, Result, bail, ensure};
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufWriter, Read, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs an import; messages go to `err`.
///
/// # Errors
/// When it cannot start; nothing was sent.
pub fn import(mut config: Config, mut err: Box<dyn Write>) -> Result<Summary> {
    let inputs = input::open(&config.files, &config.input)?;
    let formats: Vec<Format> = inputs.list.iter().map(|input| input.format).collect();
    config.ensure_csv_flags_are_used(&formats)?;
    config.wanted.run = run_id();
    config.wanted.inputs = InputFacts {
        paths: config.files.clone(),
        names: inputs.list.iter().map(|input| input.name.clone()).collect(),
        stored_bytes: inputs.size,
        is_compressed: inputs.compressed,
    };
    print_start(&config, &inputs, &mut err);
    let results = open_results(&config.wanted)?;
    let stop = Stop::default();
    let mut opened = open(&config, &stop, &mut err)?;
    let meter = Meter { bytes: inputs.bytes_read.clone(), ..Meter::default() };
    let progress = Progress::new(config.output.progress, inputs.size, meter.clone());
    let wants_results = results.is_some();
    let mut report = Report::new(settings(&config, &opened, results), progress, stop.clone(), err);
    let Config { wanted, .. } = config;
    let (op, ends) = (wanted.op(), (opened.edge && !wanted.delete_keys).then(|| opened.rules.keys()));
    let plan = Plan {
        inputs: inputs.list,
        limit: config.input.limit,
        options: config.input,
        shaper: Shaper::new(config.shape, ends),
        decider: Decider::new(op, wanted.key, opened.rules, wanted.run, wanted.collection),
        limits: config.limits,
        sinks: opened.sinks,
        meter: meter.clone(),
        stop: stop.clone(),
        results: wants_results,
    };
    pipeline::run(plan, &mut report);
    let in_a_hurry = stop.signal().is_some();
    if let Some(Err(error)) = opened.closing.as_mut().map(|closing| closing.close(in_a_hurry)) {
        report.not_closed(error::message(&error));
    }
    Ok(report.close(meter.bytes.load(Ordering::Relaxed)))
}

/// Prints what the run is going to do.
fn print_start(config: &Config, inputs: &Inputs, err: &mut dyn Write) {
    let wanted = &config.wanted;
    if !config.output.quiet {
        config.notes.iter().for_each(|note| drop(writeln!(err, "{note}")));
        let dry = if wanted.dry_run { ", dry run: nothing is written" } else { "" };
        let into = wanted.collection.as_ref().map_or(String::new(), |name| format!(", collection {name}"));
        let _ = writeln!(err, "importing into {}{into}{dry}", config.target.display(wanted));
    }
    if config.output.verbose {
        for input in &inputs.list {
            let _ = writeln!(err, "{} is read as {}", input.name, input.format.name());
        }
    }
}

/// Opens the target. For a local path, a signal ends the wait at once, because there is nothing to restore. For a server,
/// signals are caught first, so that its settings are restored.
fn open(config: &Config, stop: &Stop, err: &mut dyn Write) -> Result<Opened> {
    let (quiet, verbose) = (config.output.quiet, config.output.verbose);
    let mut log = |note| match note {
        Note::Warning(text) if !quiet => drop(writeln!(err, "{text}")),
        Note::Detail(text) if verbose => drop(writeln!(err, "{text}")),
        _ => {}
    };
    // Only once: with a second handler, the first signal would count as the second one.
    let catch_signals = || stop.on_signals().context("cannot catch signals");
    let is_server = config.wanted.servers().next().is_some();
    if is_server {
        catch_signals()?;
    }
    let opened = targets::open(config.target, &config.wanted, stop, &mut log);
    let opened = opened.map_err(|error| match stop.signal() {
        Some(signal) => error.context(Exit(128 + signal as u8)),
        None => error,
    })?;
    if !is_server {
        catch_signals()?;
    }
    Ok(opened)
}

fn settings(config: &Config, opened: &Opened, results: Option<Results>) -> Settings {
    let wanted = &config.wanted;
    Settings {
        files: wanted.inputs.names.clone(),
        target: config.target.display(wanted),
        collection: wanted.collection.clone(),
        details: config.errors.details,
        quiet: config.output.quiet,
        verbose: config.output.verbose,
        color: config.color,
        max_errors: config.errors.max_errors,
        dry_run: wanted.dry_run,
        results,
        traffic: opened.traffic.clone(),
    }
}

/// Opens the file of `--results`.
fn open_results(wanted: &Wanted) -> Result<Option<Results>> {
    let Some(path) = &wanted.results else { return Ok(None) };
    if path.as_os_str() == "-" {
        return Ok(Some(Results { name: "stdout".to_owned(), out: Box::new(BufWriter::new(std::io::stdout())) }));
    }
    let name = path.display().to_string();
    if wanted.inputs.contains(path) {
        bail!("--results: {name} is also an input");
    }
    let context = || format!("--results: {name}");
    ensure_holds_results(path).with_context(context)?;
    let file = File::options().write(true).create(true).truncate(false).open(path).with_context(context)?;
    Ok(Some(Results { name, out: Box::new(BufWriter::new(TruncatedOnWrite(file, false))) }))
}

/// A file that is truncated at the first write, so that a run that does not start destroys nothing.
struct TruncatedOnWrite(File, bool);

impl Write for TruncatedOnWrite {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !std::mem::replace(&mut self.1, true) && self.0.metadata()?.is_file() {
            self.0.set_len(0)?;
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        // A run without records leaves an empty file.
        self.write(&[]).and_then(|_| self.0.flush())
    }
}

/// Refuses to overwrite a file that holds something other than results.
fn ensure_holds_results(path: &Path) -> Result<()> {
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return Ok(());
    }
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut line = Vec::new();
    // A line of results is not longer than a record's key and its error.
    let _ = std::io::BufReader::new(file).take(1 << 20).read_until(b'\n', &mut line);
    let read: Option<serde_json::Value> = serde_json::from_slice(&line).ok();
    let is_ours = read.is_some_and(|read| read.get("counted").is_some() && read.get("line").is_some());
    ensure!(line.is_empty() || is_ours, "already exists and does not hold results");
    Ok(())
}

/// The prefix of generated keys: 9 characters of time, so that keys of later runs sort last, and 7 random ones.
fn run_id() -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    // The standard library seeds its hashers from the operating system's randomness.
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let digits = |number: u64, count: u32| {
        (0..count).rev().map(move |index| DIGITS[(number >> (5 * index) & 31) as usize] as char)
    };
    digits(now, 9).chain(digits(random, 7)).chain(['-']).collect()
}
