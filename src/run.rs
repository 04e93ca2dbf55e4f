//! Starts a run from its configuration, so that mistakes are found early: opens the inputs, then the target, and only then
//! reads the first record.

mod restart;

use crate::action::{Decider, Op};
use crate::batch::Limits;
use crate::config::Config;
use crate::error::{self, Exit, hint};
use crate::input::{self, Format, Input, Inputs};
use crate::messages::Messages;
use crate::pipeline::{self, Plan};
use crate::progress::{Meter, Progress};
use crate::report::{Again, Report, Results, Settings, Summary};
use crate::shape::Shaper;
use crate::sink::http::Traffic;
use crate::sink::target::Opened;
use crate::sink::wanted::{InputFacts, Wanted};
use crate::sink::{Log, Note, targets};
use crate::stop::Stop;
use anyhow::{Context as _, Error, Result, bail, ensure};
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs an import; messages go to `err`.
///
/// # Errors
/// When it cannot start; nothing was sent.
pub fn import(mut config: Config, mut err: Messages) -> Result<Summary> {
    let mut inputs = input::open(&config.files, &config.input)?;
    for (input, collection) in inputs.list.iter_mut().zip(&config.collection_of_file) {
        input.collection = *collection;
    }
    let formats: Vec<Format> = inputs.list.iter().map(|input| input.format).collect();
    config.ensure_csv_flags_are_used(&formats)?;
    config.ensure_records_flag_is_used(&formats)?;
    config.wanted.run = run_id();
    config.wanted.inputs = InputFacts {
        paths: config.files.clone(),
        names: inputs.list.iter().map(|input| input.name.clone()).collect(),
        stored_bytes: inputs.size,
        is_compressed: inputs.compressed,
    };
    let started = restart::start(&mut config, &inputs)?;
    print_start(&config, &inputs, &mut err);
    let results = open_results(&config.wanted, started.as_ref().and_then(restart::Started::results))?;
    let stop = Stop::default();
    let mut all = open(&config, &stop, &mut err)?;
    let meter = Meter { bytes: inputs.bytes_read.clone(), ..Meter::default() };
    let progress = Progress::new(config.output.progress, inputs.size, meter.clone());
    let traffic = all.iter().filter_map(|opened| opened.traffic.clone()).collect();
    let mut report = Report::new(settings(&config, traffic, results), progress, stop.clone(), err);
    let resume = started.map(|started| started.resume(&mut all, &mut report)).transpose()?;
    let closing: Vec<_> = all.iter_mut().filter_map(|opened| opened.closing.take()).collect();
    let mut inputs = inputs.list;
    let last = all.len().saturating_sub(1);
    for (number, opened) in all.into_iter().enumerate() {
        // With one sink, it takes all inputs.
        let is_of_others = |input: &Input| !config.has_one_sink() && input.collection > number;
        let of_others = inputs.split_off(inputs.partition_point(|input| !is_of_others(input)));
        let inputs = std::mem::replace(&mut inputs, of_others);
        let min_records = config.input.min_records.filter(|_| number == last);
        let plan = plan(&config, opened, inputs, &meter, &stop, &report);
        pipeline::run(Plan { min_records, resume: resume.clone(), ..plan }, &mut report);
        if stop.is_requested() || report.is_broken() || report.has_other_input() {
            break;
        }
    }
    for mut closing in closing {
        if let Err(error) = closing.close(stop.signal().is_some()) {
            report.not_closed(error::message(&error));
        }
    }
    if let Some(text) = report.other_input() {
        return Err(Error::msg(text).context(hint("name the input of the run that began it, or another journal")));
    }
    Ok(report.close(meter.bytes.load(Ordering::Relaxed)))
}

/// The plan of a target that was opened for one collection or for all of them.
fn plan(config: &Config, opened: Opened, inputs: Vec<Input>, meter: &Meter, stop: &Stop, report: &Report) -> Plan {
    let wanted = &config.wanted;
    let count = wanted.collections.len();
    let (collection, names) = match inputs.first() {
        Some(input) if count > 1 && !config.has_one_sink() => (wanted.collections.get(input.collection), Vec::new()),
        _ if count > 1 => (None, wanted.collections.clone()),
        _ => (wanted.collection.as_ref(), Vec::new()),
    };
    let has_edges = opened.edges.contains(&true) && !wanted.delete_keys;
    let ends = has_edges.then(|| opened.rules.keys());
    let key = wanted.key.clone();
    Plan {
        inputs,
        names,
        edges: if opened.edges.len() == 1 { vec![has_edges; count.max(1)] } else { opened.edges },
        before: report.read_so_far(),
        limit: config.input.limit,
        options: config.input.clone(),
        shaper: Shaper::new(config.shape.clone(), ends),
        decider: Decider::new(wanted.op(), key, opened.rules, wanted.run.clone(), collection.cloned()),
        limits: limits(config),
        sinks: opened.sinks,
        meter: meter.clone(),
        stop: stop.clone(),
        results: wanted.results.is_some(),
        unique: wanted.unique.clone(),
        min_records: None,
        resume: None,
    }
}

/// The limits of batches. With a journal, a batch for a server has each key once if records may only create documents: of
/// two on one key in a batch that may have been sent, nobody could tell which one was stored.
fn limits(config: &Config) -> Limits {
    let wanted = &config.wanted;
    let is_create = !wanted.is_bulk && matches!(wanted.op(), Op::Create | Op::CreateOrIgnore);
    let is_server = wanted.servers().next().is_some();
    let distinct = wanted.restart.is_journaled && is_server && is_create;
    Limits { distinct: config.limits.distinct || distinct, ..config.limits }
}

/// Prints what the run is going to do.
fn print_start(config: &Config, inputs: &Inputs, err: &mut Messages) {
    let wanted = &config.wanted;
    if !config.output.quiet {
        config.notes.iter().for_each(|note| err.line(note));
        let dry = if wanted.dry_run { ", dry run: nothing is written" } else { "" };
        let into = match &wanted.collections[..] {
            [] => String::new(),
            [name] => format!(", collection {name}"),
            names => format!(", collections {}", names.join(", ")),
        };
        err.line(&format!("importing into {}{into}{dry}", config.target.display(wanted)));
    }
    if config.output.verbose {
        for input in &inputs.list {
            err.line(&format!("{} is read as {}", input.name, input.format.name()));
        }
    }
}

/// Opens the target. For a local path, a signal ends the wait at once, because there is nothing to restore. For a server,
/// signals are caught first, so that its settings are restored.
fn open(config: &Config, stop: &Stop, err: &mut Messages) -> Result<Vec<Opened>> {
    let (quiet, verbose) = (config.output.quiet, config.output.verbose);
    let mut log = |note| match note {
        Note::Warning(text) if !quiet => err.line(&text),
        Note::Detail(text) if verbose => err.line(&text),
        _ => {}
    };
    // Only once: with a second handler, the first signal would count as the second one.
    let catch_signals = || stop.on_signals().context("cannot catch signals");
    let is_server = config.wanted.servers().next().is_some();
    if is_server {
        catch_signals()?;
    }
    let opened = open_all(config, stop, &mut log).map_err(|error| match stop.signal() {
        Some(signal) => error.context(Exit(128 + signal as u8)),
        None => error,
    })?;
    if !is_server {
        catch_signals()?;
    }
    Ok(opened)
}

/// Opens the target once, or for each collection. If one cannot be opened, what was changed for the others is restored.
fn open_all(config: &Config, stop: &Stop, log: Log<'_>) -> Result<Vec<Opened>> {
    let wanted = &config.wanted;
    let wanted: Vec<Wanted> = if wanted.has_several_collections() && !config.has_one_sink() {
        wanted.collections.iter().map(|name| wanted.of_collection(name)).collect()
    } else {
        vec![wanted.clone()]
    };
    let mut all: Vec<Opened> = Vec::with_capacity(wanted.len());
    for wanted in &wanted {
        match targets::open(config.target, wanted, stop, log) {
            Ok(opened) => all.push(opened),
            Err(error) => {
                let closing = all.iter_mut().filter_map(|opened| opened.closing.as_mut());
                let failed = closing.filter_map(|closing| closing.close(stop.signal().is_some()).err());
                return Err(failed.fold(error, |error, other| error.context(error::message(&other))));
            }
        }
    }
    let has_edges = all.iter().any(|opened| opened.edges.contains(&true));
    ensure!(has_edges || !config.wanted.prefixes, "--from-prefix and --to-prefix require an edge collection");
    Ok(all)
}

fn settings(config: &Config, traffic: Vec<Traffic>, results: Option<Results>) -> Settings {
    let wanted = &config.wanted;
    Settings {
        files: wanted.inputs.names.clone(),
        target: config.target.display(wanted),
        collection: wanted.collection.clone(),
        collections: if wanted.is_bulk { Vec::new() } else { wanted.collections.clone() },
        details: config.errors.details,
        quiet: config.output.quiet,
        verbose: config.output.verbose,
        max_errors: config.errors.max_errors,
        dry_run: wanted.dry_run,
        again: again(config),
        results,
        command: config.command.clone(),
        journal: config.journal.as_ref().map(|path| path.display().to_string()),
        traffic,
        variable_notes: config.notes.clone(),
    }
}

/// What to do after an interruption.
fn again(config: &Config) -> Again {
    let wanted = &config.wanted;
    match wanted.op() {
        // Each bulk line has an operation of its own, and an output that exists cannot be continued.
        _ if wanted.is_bulk || !config.target.overwrites_collection() => Again::Unknown,
        // It begins with an empty collection.
        _ if wanted.overwrite => Again::Always,
        Op::Create => Again::WithIgnore,
        _ => Again::WithKeys,
    }
}

/// Opens the file of `--results`. A run that goes on keeps its first `kept` bytes.
fn open_results(wanted: &Wanted, kept: Option<u64>) -> Result<Option<Results>> {
    let Some(path) = &wanted.results else { return Ok(None) };
    if path.as_os_str() == "-" {
        return Ok(Some(Results {
            name: "stdout".to_owned(),
            out: Box::new(BufWriter::new(std::io::stdout())),
            length: 0,
        }));
    }
    let name = path.display().to_string();
    if wanted.inputs.contains(path) {
        bail!("--results: {name} is also an input");
    }
    let context = || format!("--results: {name}");
    ensure_holds_results(path).with_context(context)?;
    // For its owner only: servers repeat what they were sent, secrets among it.
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).with_context(context)?;
    let length = kept.unwrap_or(0);
    if kept.is_some() {
        let is_shorter = file.metadata().with_context(context)?.len() < length;
        ensure!(!is_shorter, "--results: {name} does not have what the journal records");
        file.set_len(length).and_then(|()| file.seek(SeekFrom::End(0))).with_context(context)?;
    }
    Ok(Some(Results { name, out: Box::new(BufWriter::new(TruncatedOnWrite(file, kept.is_some()))), length }))
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
