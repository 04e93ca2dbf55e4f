//! What a person would want to know about a run although it is no error: keys that were generated, a flag that matched
//! nothing. Notes change no exit code. Each kind is printed once, at the end, and is listed in the JSON summary.

use crate::progress::grouped;
use crate::record::Origin;
use std::borrow::Cow;

/// All notes of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The type in the JSON summary.
    pub kind: &'static str,
    /// How many records, columns or cells it is about.
    pub count: u64,
    /// Where the first one is, if that helps.
    pub origin: Option<Origin>,
    /// The message about the first one. It may begin with `{count}`, and `{s}` is then the ending of its plural.
    text: String,
    /// How many inputs have such a note.
    inputs: u64,
}

impl Note {
    /// The message, without the origin.
    pub fn text(&self) -> String {
        let plural = if self.count == 1 { "" } else { "s" };
        // Only at the beginning: names behind it may be anything.
        let text = match self.text.strip_prefix("{count}") {
            Some(rest) => grouped(self.count) + &rest.replacen("{s}", plural, 1),
            None => self.text.clone(),
        };
        match self.inputs {
            0 | 1 => text,
            more if self.origin.is_some() => format!("{text} (and in {} more)", grouped(more - 1)),
            _ => text,
        }
    }
}

/// The notes of a run, in the order of their first ones.
#[derive(Clone, Debug, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Adds a note, unless it is about nothing.
    pub fn add(&mut self, kind: &'static str, count: u64, text: impl Into<String>) {
        self.merge(Note { kind, count, origin: None, text: text.into(), inputs: 1 });
    }

    /// Adds a note about a place in an input.
    pub fn add_at(&mut self, origin: Origin, kind: &'static str, count: u64, text: impl Into<String>) {
        self.merge(Note { kind, count, origin: Some(origin), text: text.into(), inputs: 1 });
    }

    /// Adds all notes of a part of the run.
    pub fn append(&mut self, other: Notes) {
        other.0.into_iter().for_each(|note| self.merge(note));
    }

    fn merge(&mut self, note: Note) {
        match self.0.iter_mut().find(|known| known.kind == note.kind) {
            Some(known) => (known.count, known.inputs) = (known.count + note.count, known.inputs + note.inputs),
            None if note.count > 0 => self.0.push(note),
            None => {}
        }
    }

    /// Removes the notes of a kind.
    pub fn remove(&mut self, kind: &str) {
        self.0.retain(|note| note.kind != kind);
    }

    /// The notes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.0.iter()
    }
}

/// A text cut to a length that fits in a message.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((offset, _)) => Cow::Owned(format!("{}...", &text[..offset])),
        None => Cow::Borrowed(text),
    }
}

/// At most ten names for a message.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<_> = names.iter().take(10).map(|name| shortened(name.as_ref())).collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
