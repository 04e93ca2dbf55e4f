//! Why a script could not be compiled or failed while running, in the server's terms: the type and the reason of the
//! cause, the phase, and the place in the source. What is not supported is an error as well, never a guess.

use std::borrow::Cow;

/// When the error was found. The server's `script_exception` says it in its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the script ran; the document is untouched.
    Compile,
    /// While it ran; the document must be thrown away.
    Run,
    /// The script object itself was refused: the server puts no `script_exception` around the cause.
    Lookup,
    /// Before or after the script: its request cannot be read, or what it left cannot be stored. The cause itself is
    /// the error of the item.
    Item,
}

/// What the server would report for a script, or why it is not supported here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// When it was found.
    pub phase: Phase,
    /// The server's name of the cause, `arithmetic_exception` for one.
    pub kind: &'static str,
    /// The cause in words; the server has none for some exceptions.
    pub reason: Option<Cow<'static, str>>,
    /// Byte offset in the source.
    pub offset: usize,
    /// True where the server may run the script and only this evaluator does not.
    pub unsupported: bool,
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, ScriptError>;

impl ScriptError {
    pub(super) fn new(phase: Phase, kind: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { phase, kind, reason: Some(reason.into()), offset: 0, unsupported: false }
    }

    /// An error of the running script whose place is filled in by the expression that failed.
    pub(super) fn run(kind: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Phase::Run, kind, reason)
    }

    pub(super) fn argument(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, ..Self::new(Phase::Compile, "illegal_argument_exception", reason) }
    }

    pub(super) fn class_cast(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, ..Self::new(Phase::Compile, "class_cast_exception", reason) }
    }

    /// A construct that the server knows and this evaluator does not.
    pub(super) fn unsupported(offset: usize, construct: impl std::fmt::Display) -> Self {
        let reason = format!("{construct} is not supported in scripts here");
        Self { offset, unsupported: true, ..Self::new(Phase::Compile, "illegal_argument_exception", reason) }
    }

    /// The same, found only while running.
    pub(super) fn unsupported_run(construct: impl std::fmt::Display) -> Self {
        Self { phase: Phase::Run, ..Self::unsupported(0, construct) }
    }

    /// Values inside each other, deeper than the recursion that looks at them may go.
    pub(super) fn too_deep() -> Self {
        Self { kind: "stack_overflow_error", ..Self::limit("a value is nested too deeply") }
    }

    pub(super) fn limit(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { unsupported: true, ..Self::run("painless_error", reason) }
    }

    /// The HTTP status of the item: what the server did not expect is its own fault.
    pub fn status(&self) -> u16 {
        let surprise = matches!(self.kind, "class_cast_exception" | "null_pointer_exception");
        if self.phase == Phase::Item && surprise { 500 } else { 400 }
    }

    /// The error object of the item, as the server puts it into its response.
    pub fn to_json(&self, source: &str) -> serde_json::Value {
        let cause = serde_json::json!({"type": self.kind, "reason": self.reason});
        let phase = match self.phase {
            Phase::Compile => "compile error",
            Phase::Run => "runtime error",
            Phase::Lookup => return wrap(cause),
            Phase::Item => return cause,
        };
        let (start, end) = excerpt(source, self.offset);
        let column = source.get(start..self.offset).map_or(0, |before| before.chars().count());
        wrap(serde_json::json!({
            "type": "script_exception",
            "reason": phase,
            "script_stack": [&source[start..end], format!("{}^---- HERE", " ".repeat(column))],
            "script": source,
            "lang": "painless",
            "position": {"offset": self.offset, "start": start, "end": end},
            "caused_by": cause,
        }))
    }
}

fn wrap(cause: serde_json::Value) -> serde_json::Value {
    serde_json::json!({"type": "illegal_argument_exception", "reason": "failed to execute script", "caused_by": cause})
}

/// The server shows 25 characters on each side of the place; here rounded to whole characters.
fn excerpt(source: &str, offset: usize) -> (usize, usize) {
    let mut start = offset.min(source.len()).saturating_sub(25);
    let mut end = (offset + 25).min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    while !source.is_char_boundary(end) {
        end += 1;
    }
    (start, end)
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{}: {reason}", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

impl std::error::Error for ScriptError {}
