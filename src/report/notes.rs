//! The notes at the end of a run, and their list in the JSON summary.

use super::Report;
use crate::mask::mask;
use crate::notes::Note;
use crate::progress::grouped;
use crate::sink::Bucket;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

impl Report {
    /// Adds the notes that only the whole run can tell.
    pub(super) fn complete_notes(&mut self) {
        if self.settings.traffic.iter().any(|traffic| traffic.refuses_gzip.load(Ordering::Relaxed)) {
            let text = "the server refuses compressed bodies (HTTP 415), so they were sent as they are";
            self.notes.add("plain_bodies", 1, text);
        }
        let unmatched = self.unmatched.take().unwrap_or_default();
        if self.end.records > 1 {
            // It was the only one of its part of the run.
            self.notes.remove("wrapped_array");
        }
        if let Some(rejects) = &self.settings.rejects {
            let is_all = !self.stop.is_reading_over() && self.end.broken.is_none();
            let rest = if is_all { "" } else { "; what was not read is not among them" };
            let text = format!("{{count}} record{{s}} not stored, written to {}{rest}", rejects.file.name);
            self.notes.add("rejects", rejects.count, text);
            let text = format!(
                "{{count}} record{{s}} rolled back when the store failed, not in {}: import the whole input again",
                rejects.file.name
            );
            // With a journal, the same command does that.
            if self.journal.is_none() {
                self.notes.add("rejects_incomplete", self.rejects_missing(), text);
            }
        }
        if self.end.records == 0 {
            if self.end.broken.is_none() && self.stop.signal().is_none() {
                self.notes.add("no_records", 1, "no records were read");
            }
        } else if !unmatched.is_empty() {
            let text = format!("no record has a field for {}", unmatched.join(", "));
            self.notes.add("unmatched_flag", unmatched.len() as u64, text);
        }
    }

    /// Keeps the flags that have matched nothing in any part of the run.
    pub(super) fn add_unmatched(&mut self, flags: Vec<String>) {
        self.unmatched = Some(match self.unmatched.take() {
            None => flags,
            Some(earlier) => earlier.into_iter().filter(|flag| flags.contains(flag)).collect(),
        });
    }

    /// Adds a note.
    pub fn note(&mut self, kind: &'static str, text: &str) {
        self.notes.add(kind, 1, text);
    }

    pub(super) fn print_notes(&mut self) {
        if self.settings.quiet {
            return;
        }
        let lines: Vec<String> = self.notes.iter().map(|note| format!("note: {}", self.note_text(note))).collect();
        lines.iter().for_each(|line| self.print(line));
        self.print_rejects_hint();
    }

    /// How many records that are not stored are not among the rejects: a store that fails has rolled them back.
    fn rejects_missing(&self) -> u64 {
        let count = self.settings.rejects.as_ref().map_or(0, |rejects| rejects.count);
        let unsent = if self.settings.dry_run { 0 } else { self.counts[Bucket::Unsent] };
        (self.counts[Bucket::Error] + self.counts[Bucket::Unknown] + unsent).saturating_sub(count)
    }

    /// How to import the rejects, unless some are missing.
    fn print_rejects_hint(&mut self) {
        if self.rejects_missing() > 0 {
            return;
        }
        let Some(rejects) = self.settings.rejects.as_ref().filter(|rejects| rejects.count > 0) else { return };
        let Some(command) = &rejects.command else { return };
        let text = format!("fix what is wrong in it, then: `{command}`");
        self.print_hint(&text);
    }

    fn note_text(&self, note: &Note) -> String {
        match &note.origin {
            Some(origin) => format!("{}: {}", self.location(origin), note.text()),
            None => note.text(),
        }
    }

    /// All notes for the JSON summary, those about variables first.
    pub(super) fn notes_json(&self) -> Vec<Value> {
        let variables = self.settings.variable_notes.iter().map(|text| {
            let text = text.strip_prefix("note: ").unwrap_or(text);
            json!({ "type": "unknown_variable", "count": 1, "text": text })
        });
        let own = self
            .notes
            .iter()
            .map(|note| json!({ "type": note.kind, "count": note.count, "text": mask(&self.note_text(note)) }));
        variables.chain(own).collect()
    }

    /// `--min-records`, if there were fewer. Not after too many errors: reading may have ended for that reason.
    pub(super) fn fewer_than(&self) -> Option<u64> {
        self.end.fewer_than.filter(|_| !self.too_many)
    }

    /// Why the run has failed although every record may be good: fewer were read than `--min-records`.
    pub(super) fn print_min_records(&mut self) {
        let Some(min) = self.fewer_than() else { return };
        let read = match self.end.records {
            1 => "1 record was read".to_owned(),
            read => format!("{} records were read", grouped(read)),
        };
        let text = format!("{read}, fewer than --min-records {}", grouped(min));
        self.print(&format!("error: {text}"));
        self.why.get_or_insert(text);
    }
}
