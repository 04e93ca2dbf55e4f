//! A mistake in a single value of the command line, and how it is told: one line, and a line `hint: ` for each thing to do.
//! clap's own errors are brought into the same form here.

use crate::error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error;
use std::fmt;

/// Why a command line cannot be run. Nothing has been touched; the exit code is 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// The thing first, the cause last, lowercase, without a period.
    pub message: String,
    /// What to do instead, one sentence each.
    pub hints: Vec<String>,
}

impl UsageError {
    /// Makes an error without a hint.
    pub fn new(message: impl Into<String>) -> UsageError {
        UsageError { message: message.into(), hints: Vec::new() }
    }

    /// Adds a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> UsageError {
        self.hints.push(hint.into());
        self
    }

    /// Puts what is at fault in front: a flag, a variable, a file.
    pub fn of(mut self, thing: &str) -> UsageError {
        self.message = format!("{thing}: {}", self.message);
        self
    }

    /// Takes clap's error apart. `called` is what a flag is called when it came from a variable.
    pub fn from_clap(error: &clap::Error, called: Option<&str>) -> UsageError {
        let flag = text(error, ContextKind::InvalidArg).map(bare).unwrap_or_default();
        let name = called.unwrap_or(flag);
        let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
        match error.kind() {
            ErrorKind::UnknownArgument => unknown(error, flag),
            ErrorKind::ArgumentConflict => UsageError::new(format!("{name}: given more than once")),
            ErrorKind::InvalidValue if value.is_empty() => UsageError::new(format!("{name}: needs a value")),
            ErrorKind::InvalidValue => not_one_of(error, value).of(name),
            ErrorKind::ValueValidation => refused(error, value).of(name),
            ErrorKind::InvalidUtf8 => UsageError::new("a value is not UTF-8"),
            _ => UsageError::new(first_line(error)),
        }
    }
}

impl From<anyhow::Error> for UsageError {
    fn from(error: anyhow::Error) -> UsageError {
        UsageError { message: error::message(&error), hints: error::hints(&error) }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for UsageError {}

fn unknown(error: &clap::Error, flag: &str) -> UsageError {
    let usage = UsageError::new(format!("{flag}: there is no such flag"));
    match text(error, ContextKind::SuggestedArg) {
        Some(near) => usage.hint(format!("did you mean `{}`?", bare(near))),
        None => usage,
    }
}

fn not_one_of(error: &clap::Error, value: &str) -> UsageError {
    let words = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) => words.join(", "),
        _ => String::new(),
    };
    let usage = UsageError::new(format!("\"{value}\" is none of {words}"));
    match text(error, ContextKind::SuggestedValue) {
        Some(near) => usage.hint(format!("did you mean `{near}`?")),
        None => usage,
    }
}

/// A value that one of our own parsers refused.
fn refused(error: &clap::Error, value: &str) -> UsageError {
    let source = error.source();
    match source.and_then(|source| source.downcast_ref::<UsageError>()) {
        Some(usage) => usage.clone(),
        None => UsageError::new(format!("\"{value}\": {}", source.map(ToString::to_string).unwrap_or_default())),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        ContextValue::Strings(texts) => texts.first().map(String::as_str),
        _ => None,
    }
}

/// `--type` of `--type <TYPE>`.
fn bare(flag: &str) -> &str {
    flag.split([' ', '[', '=']).next().unwrap_or(flag)
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
