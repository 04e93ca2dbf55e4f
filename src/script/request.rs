//! The `script` field of an update: a source, or an object with source, language and parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::error::{Phase, Result, ScriptError};

/// The server's `script.max_size_in_bytes`.
const MAX_SOURCE_BYTES: usize = 65_535;

/// What an update asks to run.
#[derive(Clone, Debug)]
pub struct ScriptRequest<'a> {
    /// The painless source.
    pub source: Cow<'a, str>,
    /// The parameters as a JSON object.
    pub params: Option<&'a [u8]>,
}

/// The server refuses the whole request here.
fn refuse(reason: String) -> ScriptError {
    ScriptError::new(Phase::Item, "x_content_parse_exception", reason)
}

fn lookup(kind: &'static str, reason: String) -> ScriptError {
    ScriptError::new(Phase::Lookup, kind, reason)
}

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl<'a> ScriptRequest<'a> {
    /// Reads the value of the `script` field.
    pub fn parse(json: &'a [u8]) -> Result<ScriptRequest<'a>> {
        let text = std::str::from_utf8(json).map_err(|_| refuse("[script] is not valid UTF-8".to_string()))?.trim();
        let request = match text.as_bytes().first() {
            Some(b'"') => ScriptRequest { source: unescape(text)?, params: None },
            Some(b'{') => from_fields(&serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?)?,
            _ => return Err(refuse(format!("[UpdateRequest] script doesn't support values of type: {}", token(text)))),
        };
        let size = request.source.len();
        if size <= MAX_SOURCE_BYTES {
            return Ok(request);
        }
        let limit = format!("exceeded max allowed inline script size in bytes [{MAX_SOURCE_BYTES}] with size [{size}]");
        Err(lookup("illegal_argument_exception", limit))
    }
}

fn from_fields<'a>(fields: &Fields<'a>) -> Result<ScriptRequest<'a>> {
    const KNOWN: [&str; 7] = ["source", "inline", "id", "stored", "lang", "params", "options"];
    if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_ref())) {
        return Err(refuse(format!("[script] unknown field [{unknown}]")));
    }
    if ["source", "inline", "id", "stored"].iter().filter(|name| fields.contains_key(**name)).count() > 1 {
        return Err(refuse("must only use one of [source, id] when specifying a script".to_string()));
    }
    let source = field(fields, &["source", "inline"], b"\"{")?;
    let id = field(fields, &["id", "stored"], b"\"")?;
    let lang = field(fields, &["lang"], b"\"")?;
    let params = field(fields, &["params"], b"{")?;
    let options = field(fields, &["options"], b"{")?;
    if options.is_some_and(|options| options.bytes().any(|byte| byte == b'"')) {
        return Err(refuse("illegal compiler options specified".to_string()));
    }
    match (source, id) {
        (None, None) => {
            let reason = "must specify either [source] for an inline script or [id] for a stored script";
            Err(refuse(reason.to_string()))
        }
        (None, Some(_)) if lang.is_some() => Err(refuse("illegally specified <lang> for a stored script".to_string())),
        (None, Some(id)) => {
            let id = unescape(id)?;
            Err(lookup("resource_not_found_exception", format!("unable to find script [{id}] in cluster state")))
        }
        (Some(source), _) => inline(source, lang, params),
    }
}

fn inline<'a>(source: &'a str, lang: Option<&'a str>, params: Option<&'a str>) -> Result<ScriptRequest<'a>> {
    let lang = unescape(lang.unwrap_or("\"painless\""))?;
    if lang != "painless" {
        return Err(lookup("illegal_argument_exception", format!("script_lang not supported [{lang}]")));
    }
    if source.starts_with('{') {
        let reason = "Unrecognized compile-time parameter(s): {content_type=application/json; charset=UTF-8}";
        return Err(lookup("illegal_argument_exception", reason.to_string()));
    }
    Ok(ScriptRequest { source: unescape(source)?, params: params.map(str::as_bytes) })
}

/// The field under one of its names, if its value begins like one of the allowed kinds.
fn field<'a>(fields: &Fields<'a>, names: &[&str], allowed: &[u8]) -> Result<Option<&'a str>> {
    let Some(json) = names.iter().find_map(|name| fields.get(*name)).map(|value| value.get()) else { return Ok(None) };
    if json.bytes().next().is_some_and(|first| allowed.contains(&first)) {
        return Ok(Some(json));
    }
    Err(refuse(format!("[script] {} doesn't support values of type: {}", names[0], token(json))))
}

fn token(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'n') => "VALUE_NULL",
        Some(b't' | b'f') => "VALUE_BOOLEAN",
        Some(b'[') => "START_ARRAY",
        Some(b'{') => "START_OBJECT",
        Some(b'"') => "VALUE_STRING",
        _ => "VALUE_NUMBER",
    }
}

/// A text without escapes is borrowed.
fn unescape(json: &str) -> Result<Cow<'_, str>> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.contains(['\\', '"']) => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str(json).map(Cow::Owned).map_err(|error| refuse(error.to_string())),
    }
}
