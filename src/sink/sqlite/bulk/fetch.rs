//! `_source` of an update: whether its item shows the document, and which fields of it.

use super::super::item::{ItemError, PRIMARY_TERM};
use super::filter::{Patterns, filtered};
use super::values::{text, token};
use crate::json::{JsonKind, Scanner, Span, Token, Tokens, unescape};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Levels of a document of which fields are shown.
const MAX_DEPTH: usize = 500;

/// Which part of a document an item shows.
#[derive(Clone, Debug, Default)]
pub(super) enum Fetch {
    /// Nothing.
    #[default]
    No,
    /// All of it.
    All,
    /// The fields that match one of the first patterns, without those that match one of the second.
    Some { includes: Vec<String>, excludes: Vec<String> },
}

impl Fetch {
    /// Reads a boolean, a pattern, a list of patterns, or an object with `includes` and `excludes`.
    pub(super) fn read(value: &str) -> Result<Fetch, ItemError> {
        let (mut includes, mut excludes) = (Vec::new(), Vec::new());
        match JsonKind::of(value) {
            JsonKind::Boolean if value == "true" => return Ok(Fetch::All),
            JsonKind::Boolean => return Ok(Fetch::No),
            JsonKind::String => includes = patterns("_source", value)?,
            // A list itself takes numbers as texts, those in an object do not.
            JsonKind::Array => {
                let elements: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
                includes =
                    elements.iter().map(|one| Ok(text(one.get())?.into_owned())).collect::<Result<_, ItemError>>()?;
            }
            JsonKind::Object => {
                let mut scanner = Scanner::default();
                _ = scanner.object(value.as_bytes());
                for field in scanner.fields() {
                    let name = field.name.of(value);
                    let name = unescape(name).unwrap_or(Cow::Borrowed(name));
                    let list = match &*name {
                        "includes" | "include" => &mut includes,
                        "excludes" | "exclude" => &mut excludes,
                        _ => return Err(unknown(&name, field.value.of(value))),
                    };
                    *list = patterns(&name, field.value.of(value))?;
                }
            }
            _ => {
                let token = token(value);
                let expected = "Expected one of [VALUE_BOOLEAN, START_OBJECT] but found";
                return Err(ItemError::new(400, "parsing_exception", format!("{expected} [{token}]")));
            }
        }
        Ok(if includes.is_empty() && excludes.is_empty() { Fetch::All } else { Fetch::Some { includes, excludes } })
    }

    /// Whether its patterns can be looked for in a document; what they are looked for in goes one call deeper for each level.
    pub(super) fn ensure_fits(&self, doc: &str) -> Result<(), ItemError> {
        if !matches!(self, Fetch::Some { .. }) {
            return Ok(());
        }
        let (mut depth, mut deepest) = (0_usize, 0);
        for token in Tokens::new(doc, [Span::default(); 2]) {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        if deepest > MAX_DEPTH {
            let reason = format!("`_source` with fields of a document that is nested deeper than {MAX_DEPTH} levels");
            return Err(ItemError::argument(reason));
        }
        Ok(())
    }

    /// The `get` of an item for a document with this sequence number; a deleted document has nothing to show.
    pub(super) fn shown(&self, doc: Option<&str>, seq: i64) -> Option<String> {
        let doc = match self {
            Fetch::No => return None,
            Fetch::All => doc.map(Cow::Borrowed),
            Fetch::Some { includes, excludes } => doc
                .map(|doc| Cow::Owned(filtered(doc, &Patterns::new(includes, true), &Patterns::new(excludes, false)))),
        };
        let source = doc.map_or(String::new(), |doc| format!(",\"_source\":{doc}"));
        Some(format!("{{\"_seq_no\":{seq},\"_primary_term\":{PRIMARY_TERM},\"found\":true{source}}}"))
    }
}

fn unknown(name: &str, value: &str) -> ItemError {
    let token = token(value);
    ItemError::new(400, "parsing_exception", format!("Unknown key for a {token} in [{name}]."))
}

/// A pattern, or a list of them.
fn patterns(name: &str, value: &str) -> Result<Vec<String>, ItemError> {
    match JsonKind::of(value) {
        JsonKind::String => Ok(vec![text(value)?.into_owned()]),
        JsonKind::Array => {
            let elements: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
            let pattern = |element: &&RawValue| match JsonKind::of(element.get()) {
                JsonKind::String => Ok(text(element.get())?.into_owned()),
                _ => Err(unknown(name, element.get())),
            };
            elements.iter().map(pattern).collect()
        }
        _ => Err(unknown(name, value)),
    }
}
