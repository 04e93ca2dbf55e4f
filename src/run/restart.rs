//! `--journal` at the start of a run: opens the journal, and tells the target and the stages what earlier tries did.

use crate::config::Config;
use crate::error::hint;
use crate::input::Inputs;
use crate::journal::{Head, InputIdentity, Journal, State};
use crate::pipeline::Resume;
use crate::report::Report;
use crate::sink::restart::{Restart, Restored};
use crate::sink::target::Opened;
use crate::sink::wanted::Endpoint;
use crate::sink::{Bucket, Held, Sink};
use anyhow::{Result, anyhow, ensure};
use std::path::Path;
use std::sync::Arc;

/// The journal of a run and what it says.
pub(super) struct Started {
    journal: Journal,
    pub(super) state: State,
}

/// What earlier tries have written for certain.
#[derive(Clone, Copy, Default)]
pub(super) struct Written {
    /// Bytes of the file of `--results`.
    pub(super) results: u64,
    /// Bytes of the file of `--rejects`, and records in it.
    pub(super) rejects: (u64, u64),
}

/// Opens the journal, if there is one, and sets what depends on it: the run id, the number of lanes.
pub(super) fn start(config: &mut Config, inputs: &Inputs) -> Result<Option<Started>> {
    let Some(path) = config.journal.clone() else { return Ok(None) };
    ensure_separate(&path, config)?;
    let names = config.wanted.inputs.names.iter();
    let sizes = config.files.iter().map(|path| size(path)).chain(std::iter::repeat(None));
    let identities = names.zip(sizes).map(|(name, size)| InputIdentity { name: name.clone(), size }).collect();
    let formats: Vec<String> = inputs.list.iter().map(|input| input.format.name()).collect();
    let head = Head {
        run: config.wanted.run.clone(),
        jobs: config.wanted.lanes(),
        inputs: identities,
        meaning: config.meaning(&formats),
    };
    let (journal, state) = Journal::open(&path, head, config.wanted.wait_for_sync)?;
    config.wanted.run.clone_from(&state.head.run);
    let senders = Some(config.wanted.lanes());
    config.wanted.batches.jobs = Some(state.head.jobs);
    let (to_journal, names_to_journal) = (journal.clone(), journal.clone());
    config.wanted.restart = Restart {
        is_journaled: true,
        is_resumed: state.has_sent(),
        senders,
        emptied: state.emptied.clone(),
        on_emptied: Some(Arc::new(move |name: &str| to_journal.emptied(name))),
        destinations: state.destinations.clone(),
        on_destination: Some(Arc::new(move |name: &str, to| names_to_journal.destination(name, to))),
        output: state.last.as_ref().map_or(0, |last| last.output),
        commit: state.last.as_ref().map_or(0, |last| last.commit),
        has_stored: state.counts.iter().any(|counts| counts[Bucket::Created] + counts[Bucket::Updated] > 0),
        keys: Arc::new(state.keys.iter().map(|(key, state)| (*key, *state)).collect()),
    };
    Ok(Some(Started { journal, state }))
}

/// The size of a regular file.
fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| about.len())
}

/// Refuses a journal that the run uses for something else.
fn ensure_separate(path: &Path, config: &Config) -> Result<()> {
    let name = path.display();
    ensure!(!config.wanted.inputs.contains(path), "--journal: {name} is also an input");
    let is_file =
        |path: &Path| path.as_os_str() != "-" && std::fs::metadata(path).map_or(true, |about| about.is_file());
    for (flag, other) in [("--results", &config.wanted.results), ("--rejects", &config.wanted.rejects)] {
        let Some(other) = other else { continue };
        ensure!(is_file(other), "--journal: {flag} is not a regular file");
        ensure!(!crate::sink::same_file(other, path), "--journal: {name} is also {flag}");
    }
    let outputs = config.wanted.endpoints.iter().filter_map(|endpoint| match endpoint {
        Endpoint::Path(_, path) => Some(path.as_path()),
        Endpoint::Server(_) => None,
    });
    ensure!(!outputs.into_iter().any(|output| crate::sink::same_file(output, path)), "--journal: {name} is also --to");
    Ok(())
}

impl Started {
    /// What of the files of `--results` and `--rejects` is settled; none if the run begins.
    pub(super) fn written(&self) -> Option<Written> {
        let last = self.state.last.as_ref();
        let written = last.map(|last| Written { results: last.results, rejects: last.rejects });
        self.state.has_sent().then(|| written.unwrap_or_default())
    }

    /// Tells the report and the stages what earlier tries did.
    pub(super) fn resume(mut self, all: &mut [Opened], report: &mut Report) -> Result<Resume> {
        let State { settled, sent, lead, verify, last, .. } = &self.state;
        let mut resume = Resume {
            journal: self.journal.clone(),
            settled: settled.clone(),
            sent: sent.clone(),
            lead: *lead,
            verify: verify.map(|mark| (mark.upto, mark.digest)),
            settled_count: 0,
            held: Held::default(),
        };
        let known = last.as_ref().map_or(0, |last| last.commit);
        let sinks = all.iter_mut().flat_map(|opened| opened.sinks.iter_mut());
        let restored = sinks.filter_map(|sink| Sink::restored(&mut **sink)).next();
        report.resume(self.journal.clone(), &self.state);
        resume.settled_count = report.count();
        if let Some(restored) = restored {
            resume.settled_count += restored.held.total();
            resume.settled_count += self.restore(restored, known, &mut resume, report)?;
        }
        Ok(resume)
    }

    /// A target with progress of its own knows better what is applied. Returns how many records of it the journal lacks.
    fn restore(&mut self, restored: Restored, known: u64, resume: &mut Resume, report: &mut Report) -> Result<u64> {
        let name = self.journal.name();
        let first = restored.outcomes.first().map_or(restored.commit, |(commit, _)| *commit);
        let what = match () {
            () if restored.commit < known => "the target does not have what the journal records: it was replaced",
            () if restored.commit > known && first > known + 1 => {
                "the journal does not have what the target has: an older copy, or not written before a power cut"
            }
            () => "",
        };
        if !what.is_empty() {
            let advice = hint("name another journal to begin again");
            return Err(anyhow!("--journal: {name}: {what}").context(advice));
        }
        let (upto, digest) = restored.position;
        if known > 0 || restored.commit > 0 {
            resume.settled = vec![upto.max(resume.settled.first().copied().unwrap_or(0))];
        }
        resume.sent.clone_from(&resume.settled);
        // What was sent and is not settled has left nothing behind here, so it need not be the same.
        resume.verify = self.state.verify_settled.map(|mark| (mark.upto, mark.digest));
        if restored.commit > 0 && resume.verify.is_none_or(|(end, _)| end < upto) {
            resume.verify = Some((upto, digest));
        }
        resume.held.clone_from(&restored.held);
        Ok(if restored.commit > known { report.restore(restored, known) } else { 0 })
    }
}
