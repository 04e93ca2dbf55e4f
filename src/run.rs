//! Builds a run from its configuration, in the order in which mistakes cost least: inputs first, then the target, and
//! only then the first record.

use crate::action::{Decider, Op, Rules};
use crate::cli::Kind;
use crate::config::{Cluster, Config, Target};
use crate::input::{self, Format, OpenError};
use crate::pipeline::{self, Plan};
use crate::progress::{Meter, Progress};
use crate::report::{Report, Results, Settings, Summary};
use crate::shape::Shaper;
use crate::sink::arangodb;
use crate::sink::elasticsearch::{self, Bulk, Closing, OpenOptions};
use crate::sink::http::Traffic;
use crate::sink::kuzzle::{self, Import};
use crate::sink::sqlite::{Store, StoreOptions};
use crate::sink::{DryRun, Note, Opening, Sink};
use crate::stop::Stop;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
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
    let target = config.target.name();
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
    if let (Target::Cluster(_), true, Some(size)) = (&config.target, config.complete, inputs.size)
        && !inputs.compressed
        && size > config.limits.bytes as u64
    {
        let text = format!(
            "--complete: the input has {size} bytes, and one request {}: a server carries out no more than one as a whole",
            config.limits.bytes
        );
        return Err(NotBegun {
            exit: 2,
            text: format!("{text}\nhint: `--batch-bytes SIZE` allows more, up to 512MiB"),
        });
    }
    let results = results(&config)?;
    let stop = Stop::default();
    let run = run_id();
    let mut opened = match &config.target {
        // Waiting for a store can be ended by a signal at once, and nothing is left to put back.
        Target::Store(path) => {
            let opened = store(path, &config, size, &files, &stop, &mut err)?;
            catch_signals(&stop)?;
            opened
        }
        Target::Cluster(cluster) => {
            catch_signals(&stop)?;
            let opened = match cluster.kind {
                Some(Kind::Arangodb) => database(cluster, &config, &run, &stop, &mut err),
                Some(Kind::Kuzzle) => on_kuzzle(cluster, &config, &run, &stop, &mut err),
                _ => servers(cluster, &config, &run, &stop, &mut err),
            };
            opened
                .map_err(|why| NotBegun { exit: stop.signal().map_or(why.exit, |signal| 128 + signal as u8), ..why })?
        }
    };

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
        results,
        traffic: opened.traffic.clone(),
    };
    let wants_results = settings.results.is_some();
    let mut report =
        Report::new(settings, Progress::new(config.progress, inputs.size, meter.clone()), stop.clone(), err);
    let plan = Plan {
        inputs: inputs.list,
        options: config.input,
        limit: config.limit,
        shaper: Shaper::new(config.shape, (opened.edge && !config.delete_keys).then(|| opened.rules.keys())),
        decider: Decider::new(opened.op, config.key, opened.rules, run, config.collection),
        limits: config.limits,
        sinks: opened.sinks,
        meter: meter.clone(),
        stop,
        results: wants_results,
    };
    let stopped = plan.stop.clone();
    pipeline::run(plan, &mut report);
    let in_a_hurry = stopped.signal().is_some();
    if let Some(Err(text)) = opened.closing.as_mut().map(|closing| closing.close(in_a_hurry)) {
        report.not_closed(text);
    }
    Ok(report.close(meter.bytes.load(Ordering::Relaxed)))
}

/// A target that is ready.
struct Opened {
    sinks: Vec<Box<dyn Sink>>,
    /// Whether its collection holds edges.
    edge: bool,
    rules: Rules,
    /// What a record without an action line means to it.
    op: Op,
    traffic: Option<Traffic>,
    closing: Option<Closing>,
}

/// Once only: a second handler would take the first signal for a second one.
fn catch_signals(stop: &Stop) -> Result<(), NotBegun> {
    stop.on_signals().map_err(|error| NotBegun { exit: 2, text: format!("cannot catch signals: {error}") })
}

fn not_begun(why: Opening) -> NotBegun {
    match why {
        Opening::Usage(text) => NotBegun { exit: 2, text },
        Opening::Refused(text) => NotBegun { exit: 4, text },
    }
}

/// Says what a target says while it is opened.
fn say_to<'e>(err: &'e mut dyn Write, config: &Config) -> impl FnMut(Note) + 'e {
    let (quiet, verbose) = (config.quiet, config.verbose);
    move |note| match note {
        Note::Warning(text) if !quiet => drop(writeln!(err, "{text}")),
        Note::Detail(text) if verbose => drop(writeln!(err, "{text}")),
        _ => {}
    }
}

/// Opens the file of `--results`.
fn results(config: &Config) -> Result<Option<Results>, NotBegun> {
    let Some(path) = &config.results else { return Ok(None) };
    let usage = |text: String| NotBegun { exit: 2, text };
    if path.as_os_str() == "-" {
        return Ok(Some(Results { name: "stdout".to_owned(), out: Box::new(BufWriter::new(std::io::stdout())) }));
    }
    let identity = |about: std::fs::Metadata| about.is_file().then(|| (about.dev(), about.ino()));
    let of = |path: &Path| std::fs::metadata(path).ok().and_then(identity);
    let stdin = || File::open("/dev/stdin").and_then(|file| file.metadata()).ok().and_then(identity);
    let is_input = |file: &PathBuf| if file.as_os_str() == "-" { stdin() } else { of(file) } == of(path);
    let name = path.display().to_string();
    let reads_stdin = config.files.is_empty() && stdin() == of(path);
    if of(path).is_some() && (reads_stdin || config.files.iter().any(is_input)) {
        return Err(usage(format!("--results: {name} is also an input")));
    }
    ensure_ours(path).map_err(|what| usage(format!("--results: {name}: {what}")))?;
    let file = File::options().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|error| usage(format!("--results: {name}: {error}")))?;
    Ok(Some(Results { name, out: Box::new(BufWriter::new(Emptied(file, false))) }))
}

/// A file whose old lines go when the first new one comes, so that a run that does not begin destroys nothing.
struct Emptied(File, bool);

impl Write for Emptied {
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

/// A file that is not empty is written over only if it holds results.
fn ensure_ours(path: &Path) -> Result<(), String> {
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return Ok(());
    }
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut line = Vec::new();
    // A line of ours is never longer than a record's key and its error.
    let _ = std::io::BufReader::new(file).take(1 << 20).read_until(b'\n', &mut line);
    let read: Option<serde_json::Value> = serde_json::from_slice(&line).ok();
    let ours = read.is_some_and(|read| read.get("counted").is_some() && read.get("line").is_some());
    if line.is_empty() || ours { Ok(()) } else { Err("it exists and holds something other than results".to_owned()) }
}

/// Opens a store.
fn store(
    path: &Path,
    config: &Config,
    size: Option<u64>,
    files: &Arc<[String]>,
    stop: &Stop,
    err: &mut dyn Write,
) -> Result<Opened, NotBegun> {
    let options = StoreOptions {
        path: path.to_owned(),
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
        stop: stop.clone(),
    };
    let store = Store::open(options, &mut say_to(err, config)).map_err(not_begun)?;
    let edge = store.is_edge();
    let sink: Box<dyn Sink> = if config.dry_run { Box::new(DryRun) } else { Box::new(store) };
    let op = if config.delete_keys { Op::Delete } else { config.on_duplicate.on_store() };
    Ok(Opened { sinks: vec![sink], edge, rules: Rules::Store, op, traffic: None, closing: None })
}

/// How many lanes a server gets.
fn lanes(config: &Config) -> usize {
    config.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)))
}

/// Opens a collection of ArangoDB.
fn database(
    cluster: &Cluster,
    config: &Config,
    run: &str,
    stop: &Stop,
    err: &mut dyn Write,
) -> Result<Opened, NotBegun> {
    let options = arangodb::OpenOptions {
        http: cluster.http.clone(),
        gzip: cluster.gzip,
        retries: cluster.retries,
        collection: config.collection.clone().unwrap_or_default(),
        lanes: lanes(config),
        edge: config.edge,
        prefixes: config.shape.from_prefix.is_some() || config.shape.to_prefix.is_some(),
        create: config.create_collection == Some(true),
        unique: config.unique.clone(),
        complete: config.complete,
        overwrite: config.overwrite,
        wait_for_sync: config.wait_for_sync,
        has_keys: config.key.is_some() || config.server_keys || config.delete_keys,
        server_keys: config.server_keys,
        dry_run: config.dry_run,
        run: run.to_owned(),
    };
    let opened = arangodb::open(options, stop, &mut say_to(err, config)).map_err(not_begun)?;
    Ok(Opened {
        sinks: opened.sinks,
        edge: opened.edge,
        rules: Rules::Arangodb { edge: opened.edge, server_keys: config.server_keys, lossy: cluster.lossy },
        op: if config.delete_keys { Op::Delete } else { config.on_duplicate.on_arangodb() },
        traffic: Some(opened.traffic),
        closing: None,
    })
}

/// Opens a cluster: Elasticsearch or OpenSearch, whatever the address calls it.
fn servers(
    cluster: &Cluster,
    config: &Config,
    run: &str,
    stop: &Stop,
    err: &mut dyn Write,
) -> Result<Opened, NotBegun> {
    let options = OpenOptions {
        http: cluster.http.clone(),
        kind_is_said: cluster.kind.is_some(),
        retries: cluster.retries,
        bulk: Bulk { shows_all: config.results.is_some(), ..Bulk::new(cluster, config.collection.clone()) },
        lanes: lanes(config),
        overwrite: config.overwrite,
        create: config.create_collection,
        mapping: cluster.mapping.clone(),
        bulk_mode: cluster.bulk_mode,
        wait_for_sync: config.wait_for_sync,
        dry_run: config.dry_run,
        run: run.to_owned(),
    };
    let opened = elasticsearch::open(options, stop, &mut say_to(err, config)).map_err(not_begun)?;
    Ok(Opened {
        sinks: opened.sinks,
        edge: false,
        rules: Rules::Elasticsearch { routing: cluster.routing_field.clone(), lossy: cluster.lossy },
        op: if config.delete_keys { Op::Delete } else { config.on_duplicate.on_elasticsearch() },
        traffic: Some(opened.traffic),
        closing: opened.closing,
    })
}

/// Opens Kuzzle.
fn on_kuzzle(
    cluster: &Cluster,
    config: &Config,
    run: &str,
    stop: &Stop,
    err: &mut dyn Write,
) -> Result<Opened, NotBegun> {
    let options = kuzzle::OpenOptions {
        http: cluster.http.clone(),
        retries: cluster.retries,
        import: Import {
            index: cluster.within.clone().unwrap_or_default(),
            collection: config.collection.clone().unwrap_or_default(),
            waits_for_refresh: cluster.refresh.as_deref() == Some("wait_for"),
            retry_on_conflict: cluster.retry_on_conflict,
        },
        lanes: lanes(config),
        overwrite: config.overwrite,
        create: config.create_collection,
        mapping: cluster.mapping.clone(),
        wait_for_sync: config.wait_for_sync,
        dry_run: config.dry_run,
        run: run.to_owned(),
    };
    let (sinks, traffic) = kuzzle::open(options, stop, &mut say_to(err, config)).map_err(not_begun)?;
    Ok(Opened {
        sinks,
        edge: false,
        rules: Rules::Kuzzle { lossy: cluster.lossy },
        op: if config.delete_keys { Op::Delete } else { config.on_duplicate.on_kuzzle() },
        traffic: Some(traffic),
        closing: None,
    })
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
