//! Starts a run from its configuration, so that mistakes are found early: opens the inputs, then the target, and only then
//! reads the first record.

mod restart;

use crate::action::{Decider, Op};
use crate::batch::Limits;
use crate::config::Config;
use crate::error::{self, Exit, hint};
use crate::input::{self, Format, Input, Inputs, Selected};
use crate::messages::Messages;
use crate::pipeline::{self, Pace, Plan};
use crate::progress::{Meter, Progress};
use crate::report::{Again, OutputFile, Rejects, Report, Results, Settings, Summary, is_result};
use crate::shape::Shaper;
use crate::sink::http::Traffic;
use crate::sink::target::Opened;
use crate::sink::wanted::{InputFacts, Wanted};
use crate::sink::{Log, Note, OutcomeWishes, targets};
use crate::stop::Stop;
use anyhow::{Context as _, Error, Result, anyhow, ensure};
use restart::Written;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
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
    select_rejects(&config, &mut inputs.list);
    let formats: Vec<Format> = inputs.list.iter().map(|input| input.format).collect();
    config.ensure_csv_flags_are_used(&formats)?;
    config.ensure_records_flag_is_used(&formats)?;
    let rejects_note = leave_aside(&mut config, &formats)?;
    config.wanted.run = run_id();
    config.wanted.inputs = InputFacts {
        paths: config.files.clone(),
        names: inputs.list.iter().map(|input| input.name.clone()).collect(),
        stored_bytes: inputs.size,
        is_compressed: inputs.compressed,
    };
    let started = restart::start(&mut config, &inputs)?;
    print_start(&config, &inputs, &mut err);
    let kept = started.as_ref().and_then(restart::Started::written);
    let (results, rejects) = (open_results(&config.wanted, kept)?, open_rejects(&config, formats, kept)?);
    config.input.keeps_raw = rejects.is_some();
    let stop = Stop::default();
    let mut all = open(&config, &stop, &mut err)?;
    let meter = Meter { bytes: inputs.bytes_read.clone(), ..Meter::default() };
    let progress = Progress::new(config.output.progress, inputs.size, meter.clone());
    let traffic = all.iter().filter_map(|opened| opened.traffic.clone()).collect();
    let mut report = Report::new(settings(&config, traffic, results, rejects), progress, stop.clone(), err);
    if let Some(text) = rejects_note {
        report.note("overwrite", text);
    }
    let resume = started.map(|started| started.resume(&mut all, &mut report)).transpose()?;
    let closing: Vec<_> = all.iter_mut().filter_map(|opened| opened.closing.take()).collect();
    let mut inputs = inputs.list;
    let last = all.len().saturating_sub(1);
    let pace = config.wanted.batches.max_rate.map(Pace::new);
    for (number, opened) in all.into_iter().enumerate() {
        // With one sink, it takes all inputs.
        let is_of_others = |input: &Input| !config.has_one_sink() && input.collection > number;
        let of_others = inputs.split_off(inputs.partition_point(|input| !is_of_others(input)));
        let inputs = std::mem::replace(&mut inputs, of_others);
        let min_records = config.input.min_records.filter(|_| number == last);
        let plan = plan(&config, opened, inputs, &meter, &stop, &report);
        let (resume, pace) = (resume.clone(), pace.clone());
        pipeline::run(Plan { min_records, resume, pace, ..plan }, &mut report);
        if stop.is_reading_over() || report.is_broken() || report.has_other_input() {
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

/// Without `--collection`, each record of a file of rejects goes to the collection that it names.
fn select_rejects(config: &Config, inputs: &mut [Input]) {
    let mut seen = HashSet::new();
    for input in inputs.iter_mut().filter(|input| input.format == Format::Rejects && config.wanted.is_named_by_file()) {
        let collection = config.wanted.collections.get(input.collection).cloned();
        input.selected = Selected { collection, nameless: seen.insert(input.name.clone()) };
    }
}

/// Leaves aside what was meant for the inputs of an earlier run, if its rejects are read. Returns a note about it.
///
/// # Errors
/// If the rejects would replace what that run has written.
fn leave_aside(config: &mut Config, formats: &[Format]) -> Result<Option<&'static str>> {
    if !formats.contains(&Format::Rejects) {
        return Ok(None);
    }
    (config.input.limit, config.input.min_records) = (None, None);
    if !std::mem::take(&mut config.wanted.overwrite) {
        return Ok(None);
    }
    if config.target.overwrites_collection() {
        return Ok(Some("--overwrite is left aside: the input is the rejects of a run, whose documents are kept"));
    }
    Err(anyhow!("--overwrite would replace what is stored by the rejects").context(hint("name another file in `--to`")))
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
        decider: Decider::new(wanted.op(), key, opened.rules, wanted.run.clone(), collection.cloned())
            .retargeted(wanted.retarget),
        limits: limits(config),
        pace: None,
        sinks: opened.sinks,
        meter: meter.clone(),
        stop: stop.clone(),
        wishes: OutcomeWishes {
            results: wanted.results.is_some(),
            rejects: wanted.rejects.is_some(),
            unsent: !wanted.dry_run,
            complete: wanted.complete,
        },
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
    let opened = targets::wait_until_up(config.target, &config.wanted, stop, &mut log);
    let opened = opened.and_then(|()| open_all(config, stop, &mut log)).map_err(|error| match stop.signal() {
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

fn settings(config: &Config, traffic: Vec<Traffic>, results: Option<Results>, rejects: Option<Rejects>) -> Settings {
    let wanted = &config.wanted;
    Settings {
        files: wanted.inputs.names.clone(),
        target: config.target.display(wanted),
        collection: wanted.collection.clone(),
        collections: wanted.collections.clone(),
        details: config.errors.details,
        quiet: config.output.quiet,
        verbose: config.output.verbose,
        max_errors: config.errors.max_errors,
        dry_run: wanted.dry_run,
        again: again(config),
        results,
        rejects,
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

/// Opens the file of `--results`. A run that goes on keeps what is `kept`.
fn open_results(wanted: &Wanted, kept: Option<Written>) -> Result<Option<Results>> {
    let Some(path) = &wanted.results else { return Ok(None) };
    ensure_no_input(path, "--results", wanted)?;
    // What an interrupted try has left behind may end within its first line.
    let is_ours: fn(&[u8]) -> bool = match kept {
        Some(_) => |line| line.starts_with(b"{\"counted\":"),
        None => is_result,
    };
    let mut file = OutputFile::open(path, "results", is_ours)?;
    if let Some(kept) = kept {
        file.keep(kept.results).context("--results: the file does not have what the journal records")?;
    }
    Ok(Some(Results { file }))
}

/// Opens the file of `--rejects`. A run that goes on keeps what is `kept`.
fn open_rejects(config: &Config, formats: Vec<Format>, kept: Option<Written>) -> Result<Option<Rejects>> {
    let wanted = &config.wanted;
    let Some(path) = &wanted.rejects else { return Ok(None) };
    ensure_no_input(path, "--rejects", wanted)?;
    let is_ours: fn(&[u8]) -> bool = match kept {
        Some(_) => |line| line.starts_with(b"{\"_reject\":"),
        None => |line| input::begins_rejects(line) == Some(true),
    };
    let mut file = OutputFile::open(path, "rejects", is_ours)?;
    let (bytes, count) = kept.map_or((0, 0), |kept| kept.rejects);
    if kept.is_some() {
        file.keep(bytes).context("--rejects: the file does not have what the journal records")?;
    }
    let collections = if wanted.is_bulk { Vec::new() } else { wanted.collections.clone() };
    let mut rejects = Rejects::new(file, formats, collections, wanted.run.clone());
    rejects.count = count;
    rejects.command.clone_from(&config.rejects_command);
    Ok(Some(rejects))
}

fn ensure_no_input(path: &Path, flag: &str, wanted: &Wanted) -> Result<()> {
    ensure!(!wanted.inputs.contains(path), "{flag}: {} is also an input", path.display());
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
