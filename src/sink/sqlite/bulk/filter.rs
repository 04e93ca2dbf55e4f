//! Which fields of a document patterns leave, as Elasticsearch's `XContentMapValues.filter` does it: `a.b` and `a.*` name
//! fields of objects, also within lists; what a pattern names brings all that is below it.

use crate::json::{JsonKind, Scanner};
use serde_json::value::RawValue;

/// Patterns with `*`.
pub(super) struct Patterns<'p> {
    all: Vec<&'p [u8]>,
}

impl<'p> Patterns<'p> {
    /// No patterns are those that match everything, or nothing.
    pub(super) fn new(patterns: &'p [String], empty_is_all: bool) -> Patterns<'p> {
        let mut all: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        if all.is_empty() && empty_is_all {
            all.push(b"*");
        }
        Patterns { all }
    }

    /// Where all patterns begin.
    fn start(&self) -> State {
        State((0..self.all.len()).map(|pattern| (pattern, 0)).collect())
    }

    /// The state after more of a path.
    fn step(&self, state: &State, text: &[u8]) -> State {
        let mut state = state.clone();
        for byte in text {
            let mut next = Vec::new();
            for (pattern, at) in self.closed(&state) {
                match self.all[pattern].get(at) {
                    Some(b'*') => next.push((pattern, at)),
                    Some(wanted) if wanted == byte => next.push((pattern, at + 1)),
                    // What a pattern names brings all that is below it.
                    None if *byte == b'.' => next.push((pattern, BELOW)),
                    _ if at == BELOW => next.push((pattern, BELOW)),
                    _ => {}
                }
            }
            next.sort_unstable();
            next.dedup();
            state = State(next);
        }
        state
    }

    /// The places of a state, and those that a `*` may stand for nothing before.
    fn closed(&self, state: &State) -> Vec<(usize, usize)> {
        let mut places = state.0.clone();
        let mut at = 0;
        while let Some((pattern, place)) = places.get(at).copied() {
            if self.all[pattern].get(place) == Some(&b'*') {
                places.push((pattern, place + 1));
            }
            at += 1;
        }
        places
    }

    /// Whether a path that led here matches.
    fn accepts(&self, state: &State) -> bool {
        self.closed(state).iter().any(|(pattern, at)| *at == BELOW || *at == self.all[*pattern].len())
    }
}

/// The place of a path below what a pattern names.
const BELOW: usize = usize::MAX;

/// Which places of which patterns a path has come to; none if no longer path can match.
#[derive(Clone, Debug)]
struct State(Vec<(usize, usize)>);

impl State {
    fn is_dead(&self) -> bool {
        self.0.is_empty()
    }
}

/// The pattern for all that is below a field that is included.
const EVERYTHING: &[u8] = b"*";

/// The document, a JSON object, with what is included and not excluded.
pub(super) fn filtered(doc: &str, includes: &Patterns<'_>, excludes: &Patterns<'_>) -> String {
    let mut out = String::new();
    object(
        doc,
        Side { patterns: includes, state: includes.start() },
        Side { patterns: excludes, state: excludes.start() },
        &mut out,
    );
    out
}

/// Patterns and how far a path has come in them.
struct Side<'p> {
    patterns: &'p Patterns<'p>,
    state: State,
}

impl<'p> Side<'p> {
    fn step(&self, text: &[u8]) -> Side<'p> {
        Side { patterns: self.patterns, state: self.patterns.step(&self.state, text) }
    }

    fn accepts(&self) -> bool {
        self.patterns.accepts(&self.state)
    }
}

/// Writes what is left of an object; says whether anything is.
fn object(text: &str, include: Side<'_>, exclude: Side<'_>, out: &mut String) -> bool {
    let mut scanner = Scanner::default();
    _ = scanner.object(text.as_bytes());
    let everything = Patterns { all: vec![EVERYTHING] };
    let mut any = false;
    out.push('{');
    for field in scanner.fields() {
        let written = field.name.of(text);
        let name = crate::json::unescape(written).unwrap_or(written.into());
        let (include, exclude) = (include.step(name.as_bytes()), exclude.step(name.as_bytes()));
        let is_excluded = !exclude.state.is_dead() && exclude.accepts();
        if include.state.is_dead() || is_excluded {
            continue;
        }
        let before = out.len();
        out.push_str(if any { ",\"" } else { "\"" });
        out.push_str(written);
        out.push_str("\":");
        let is_included = include.accepts();
        let value = field.value.of(text);
        let is_kept = if is_included && exclude.step(b".").state.is_dead() {
            out.push_str(value);
            true
        } else {
            let below = if is_included { Side { patterns: &everything, state: everything.start() } } else { include };
            below_field(value, below, exclude, is_included, out)
        };
        if is_kept {
            any = true;
        } else {
            out.truncate(before);
        }
    }
    out.push('}');
    any
}

/// Writes what is left of a field's value that is not kept whole; says whether the field stays.
fn below_field(value: &str, include: Side<'_>, exclude: Side<'_>, is_included: bool, out: &mut String) -> bool {
    match JsonKind::of(value) {
        JsonKind::Object => {
            let include = include.step(b".");
            if include.state.is_dead() {
                return false;
            }
            object(value, include, exclude.step(b"."), out) || is_included
        }
        JsonKind::Array => list(value, &include, &exclude, out) || is_included,
        _ => {
            out.push_str(value);
            is_included
        }
    }
}

/// Writes what is left of a list: objects are filtered, other values stay if the list is named itself.
fn list(text: &str, include: &Side<'_>, exclude: &Side<'_>, out: &mut String) -> bool {
    let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    let is_included = include.accepts();
    let mut any = false;
    out.push('[');
    for element in elements {
        let before = out.len();
        if any {
            out.push(',');
        }
        let stays = match JsonKind::of(element.get()) {
            JsonKind::Object => {
                let (include, exclude) = (include.step(b"."), exclude.step(b"."));
                object(element.get(), include, exclude, out)
            }
            JsonKind::Array => list(element.get(), include, exclude, out),
            _ => {
                out.push_str(element.get());
                is_included
            }
        };
        if stays { any = true } else { out.truncate(before) }
    }
    out.push(']');
    any
}
