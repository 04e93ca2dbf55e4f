//! An error of a server, of one action or of a whole request: its type, its reason and its causes.

use crate::mask::mask;
use crate::record::Reason;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A server's error: an object, or just a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::sink) struct ServerError<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::sink) kind: Option<Cow<'a, str>>,
    pub(in crate::sink) reason: Option<Cow<'a, str>>,
    /// The index that it is about.
    pub(in crate::sink) index: Option<Cow<'a, str>>,
    caused_by: Option<Box<ServerError<'a>>>,
}

/// Maximum characters of a reason that are shown.
const MAX_REASON: usize = 300;

impl ServerError<'_> {
    /// The error with its causes: `mapper_parsing_exception: failed to parse ...: For input string: "abc"`.
    pub(in crate::sink) fn reason(&self, status: u16) -> Reason {
        let Some(kind) = self.kind.as_deref() else {
            return Reason::new("error", format!("HTTP {status}: {}", self.short_reason()));
        };
        let mut text = format!("{kind}: {}", self.short_reason());
        let causes = std::iter::successors(self.caused_by.as_deref(), |cause| cause.caused_by.as_deref());
        for cause in causes.filter(|cause| cause.reason.is_some()) {
            let reason = cause.short_reason();
            if !text.contains(&reason) {
                text.push_str(&format!("; caused by: {reason}"));
            }
        }
        Reason::new(kind.to_owned(), text)
    }

    /// The reason on one line. It is cut, because some quote a whole document, and further if a cause follows.
    fn short_reason(&self) -> String {
        // A part of a secret would no longer be recognized.
        let reason = mask(self.reason.as_deref().unwrap_or("no reason given")).replace(['\n', '\r'], " ");
        let max = if self.caused_by.is_some() { MAX_REASON / 2 } else { MAX_REASON };
        match reason.char_indices().nth(max) {
            Some((end, _)) => format!("{}…", &reason[..end]),
            None => reason,
        }
    }

    /// Whether the error, or one of its causes, has these words.
    pub(super) fn mentions(&self, words: &str) -> bool {
        let here = self.reason.as_deref().is_some_and(|reason| reason.contains(words));
        here || self.caused_by.as_deref().is_some_and(|cause| cause.mentions(words))
    }

    /// The type; empty if there is none.
    pub(in crate::sink) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }
}

/// Parses an error in any form.
pub(in crate::sink) fn parse_error(raw: &RawValue) -> ServerError<'_> {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| {
        let text: String = serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        ServerError { reason: Some(Cow::Owned(text)), ..ServerError::default() }
    })
}
