//! Errors for the user: `anyhow::Error`, whose contexts describe what was being done. Two kinds of contexts are not part of
//! the message: an [`Exit`] sets the exit code, and a [`Hint`] is printed on a line of its own.

use anyhow::Error;
use std::{fmt, io};

/// The exit code, as a context of an error. Without one it is 2: a mistake in the command line or the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl fmt::Display for Exit {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// What to do instead, as a context of an error: one sentence.
#[derive(Clone, Debug)]
pub struct Hint(String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HINT_PREFIX}{}", self.0)
    }
}

/// The beginning of a hint below a message.
pub const HINT_PREFIX: &str = "\nhint: ";

/// Creates a hint.
pub fn hint(text: impl Into<String>) -> Hint {
    Hint(text.into())
}

/// An error of a target that cannot be used: it is missing, not writable, or not what was expected.
pub fn refused(text: impl Into<String>) -> Error {
    Error::msg(text.into()).context(Exit(4))
}

/// An error of opening or reading a file.
pub fn of_file(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::msg("no such file"),
        io::ErrorKind::PermissionDenied => Error::msg("permission denied"),
        _ => error.into(),
    }
}

/// The exit code of an error.
pub fn exit_code(error: &Error) -> u8 {
    error.downcast_ref::<Exit>().map_or(2, |exit| exit.0)
}

/// The message on one line, the contexts before the cause.
pub fn message(error: &Error) -> String {
    let parts = error.chain().map(|part| part.to_string().split(HINT_PREFIX).next().unwrap_or_default().to_owned());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The hints, those of the cause first.
pub fn hints(error: &Error) -> Vec<String> {
    let parts: Vec<String> = error.chain().map(ToString::to_string).collect();
    parts.iter().rev().flat_map(|part| part.split(HINT_PREFIX).skip(1)).map(str::to_owned).collect()
}

/// The message, followed by a line for each hint.
pub fn text(error: &Error) -> String {
    hints(error).iter().fold(message(error), |text, hint| text + HINT_PREFIX + hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_come_before_the_cause_and_hints_below() {
        let error =
            refused("no answer\nhint: look at it").context("--overwrite").context(hint("run again")).context("t");
        assert_eq!(text(&error), "t: --overwrite: no answer\nhint: look at it\nhint: run again");
        assert_eq!(exit_code(&error), 4);
        assert_eq!(exit_code(&error.context(Exit(130))), 130);
        assert_eq!(exit_code(&Error::msg("a").context("b")), 2);
    }
}
