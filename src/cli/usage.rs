//! Converts clap's errors to the form of all other errors: one line, and a line `hint: ` for each hint.

use super::env::nearest;
use super::help;
use crate::error::hint;
use crate::sink::http::redact_address;
use anyhow::{Error, anyhow};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;

/// Converts an error. `variable` is the name of the variable that the flag came from, if it did.
pub fn from_clap(error: &clap::Error, variable: Option<&str>) -> Error {
    let flag = text(error, ContextKind::InvalidArg).map(bare).unwrap_or_default();
    let name = variable.unwrap_or(flag);
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::UnknownArgument => format!("unknown option '{flag}'"),
        ErrorKind::ArgumentConflict => format!("{name} cannot be used more than once"),
        ErrorKind::InvalidValue if value.is_empty() && name.is_empty() => {
            "the name of an input is empty\nhint: write `-` for stdin".to_owned()
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("missing value for {name}"),
        ErrorKind::InvalidValue => format!("invalid value \"{value}\" for {name} (expected {})", valid_values(error)),
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
                "--to" => format!(" \"{}\"", redact_address(value)),
                _ => format!(" \"{value}\""),
            };
            format!("invalid value{value} for {name}{cause}{hints}")
        }
        ErrorKind::InvalidUtf8 => "a value is not UTF-8".to_owned(),
        _ => first_line(error),
    };
    let near = match error.get(ContextKind::ValidValue) {
        _ if error.kind() == ErrorKind::UnknownArgument => near_option(flag),
        Some(ContextValue::Strings(words)) => nearest(value, words).map(str::to_owned),
        _ => None,
    };
    match near {
        Some(near) => anyhow!(message).context(hint(format!("did you mean `{near}`?"))),
        None if error.kind() == ErrorKind::UnknownArgument => anyhow!(message).context(hint("see `--help`")),
        None => anyhow!(message),
    }
}

/// The option that a misspelt one may mean.
fn near_option(flag: &str) -> Option<String> {
    let command = help::command();
    let longs = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(|arg| arg.get_long());
    let longs: Vec<String> = longs.map(str::to_owned).collect();
    nearest(flag.strip_prefix("--")?, &longs).map(|long| format!("--{long}"))
}

/// The values that a flag accepts.
fn valid_values(error: &clap::Error) -> String {
    let Some(ContextValue::Strings(words)) = error.get(ContextKind::ValidValue) else { return String::new() };
    words.split_last().map_or(String::new(), |(last, others)| format!("{} or {last}", others.join(", ")))
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        ContextValue::Strings(texts) => texts.first().map(String::as_str),
        _ => None,
    }
}

/// The flag without its value: `--type` of `--type <TYPE>`.
fn bare(flag: &str) -> &str {
    flag.split([' ', '[', '=']).next().unwrap_or(flag)
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
