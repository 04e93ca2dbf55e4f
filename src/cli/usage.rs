//! Mistakes in single values of the command line, in the form of all our errors: one line, and a line `hint: ` for each
//! thing to do. clap reports them in another one.

use crate::error::hint;
use crate::sink::http::without_secrets;
use anyhow::{Error, anyhow};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;

/// Takes clap's error apart. `called` is what a flag is called when it came from a variable.
pub fn from_clap(error: &clap::Error, called: Option<&str>) -> Error {
    let flag = text(error, ContextKind::InvalidArg).map(bare).unwrap_or_default();
    let name = called.unwrap_or(flag);
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::UnknownArgument => format!("unknown option '{flag}'"),
        ErrorKind::ArgumentConflict => format!("{name} cannot be used more than once"),
        ErrorKind::InvalidValue if value.is_empty() => format!("missing value for {name}"),
        ErrorKind::InvalidValue => format!("invalid value \"{value}\" for {name} (expected {})", words(error)),
        // One of our own parsers has refused it.
        ErrorKind::ValueValidation => {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            let (cause, hints) = cause.split_at(cause.find('\n').unwrap_or(cause.len()));
            let cause = match cause.strip_prefix("expected ") {
                Some(words) => format!(" (expected {words})"),
                None => format!(": {cause}"),
            };
            // The value of a header may be a secret.
            let value = match flag {
                "--header" => String::new(),
                "--to" => format!(" \"{}\"", without_secrets(value)),
                _ => format!(" \"{value}\""),
            };
            format!("invalid value{value} for {name}{cause}{hints}")
        }
        ErrorKind::InvalidUtf8 => "a value is not UTF-8".to_owned(),
        _ => first_line(error),
    };
    let near = text(error, ContextKind::SuggestedArg).map(bare).or(text(error, ContextKind::SuggestedValue));
    match near {
        Some(near) => anyhow!(message).context(hint(format!("did you mean `{near}`?"))),
        None => anyhow!(message),
    }
}

/// The words that a flag takes.
fn words(error: &clap::Error) -> String {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) => match &words[..] {
            [before @ .., last] => format!("{} or {last}", before.join(", ")),
            [] => String::new(),
        },
        _ => String::new(),
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
