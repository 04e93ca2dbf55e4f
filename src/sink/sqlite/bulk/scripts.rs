//! Scripts of updates: compiled once for each source, and run on documents.

use super::super::item::ItemError;
use crate::script::{Document, Phase, Runtime, Script, ScriptError, ScriptRequest, Stored};
use std::collections::HashMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many sources are kept compiled. Whoever writes values into the source instead of `params` has many.
const KEPT: usize = 256;

/// The `script` of an update: what to run, or why the server finds nothing to run once it comes to the item.
#[derive(Debug)]
pub(super) struct Asked<'a>(Result<ScriptRequest<'a>, ScriptError>);

impl<'a> Asked<'a> {
    /// Reads a source, or an object with a source and parameters.
    pub(super) fn read(value: &'a str) -> Result<Asked<'a>, ItemError> {
        match ScriptRequest::parse(value.as_bytes()) {
            Err(error) if error.phase == Phase::Item => Err(refused(&error, "")),
            other => Ok(Asked(other)),
        }
    }
}

/// What a script left.
pub(super) enum Left {
    /// A document to store.
    Stored(String),
    /// Nothing: the document is to go.
    Deleted,
    /// The document as it was.
    Alone,
}

/// Where the document of a script is stored.
#[derive(Clone, Copy)]
pub(super) struct On<'a> {
    pub(super) index: &'a str,
    pub(super) key: &'a str,
    pub(super) routing: Option<&'a str>,
    pub(super) version: i64,
}

/// Compiled scripts, and the memory in which they run.
#[derive(Default)]
pub(super) struct Scripts {
    compiled: HashMap<String, Result<Script, ScriptError>>,
    runtime: Runtime,
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scripts({})", self.compiled.len())
    }
}

impl Scripts {
    /// Runs a script on a stored document, or on one that is to be stored where there is none.
    pub(super) fn run(&mut self, asked: &Asked<'_>, doc: &str, on: Option<On<'_>>) -> Result<Left, ItemError> {
        let request = asked.0.as_ref().map_err(|error| refused(error, ""))?;
        let failed = |error: &ScriptError| refused(error, &request.source);
        if !self.compiled.contains_key(&*request.source) {
            if self.compiled.len() == KEPT {
                self.compiled.clear();
            }
            self.compiled.insert(request.source.to_string(), Script::compile(&request.source));
        }
        let Some(script) = self.compiled.get(&*request.source) else { return Ok(Left::Alone) };
        let script = script.as_ref().map_err(failed)?;
        let stored = on.map(|on| Stored { index: on.index, id: on.key, routing: on.routing, version: on.version });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let document = Document { source: doc.as_bytes(), stored, now };
        self.runtime.run(script, &document, request.params).map_err(|error| failed(&error))?;
        match (self.runtime.op(), on.is_some()) {
            ("index", true) | ("create", false) => {
                let mut left = Vec::with_capacity(doc.len() + 64);
                self.runtime.write_source(&mut left).map_err(|error| failed(&error))?;
                String::from_utf8(left).map(Left::Stored).map_err(|error| ItemError::argument(error.to_string()))
            }
            ("delete", true) => Ok(Left::Deleted),
            _ => Ok(Left::Alone),
        }
    }
}

fn refused(error: &ScriptError, source: &str) -> ItemError {
    ItemError::of(error.status(), error.to_json(source))
}
