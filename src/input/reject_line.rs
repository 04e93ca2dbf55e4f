//! One line of a file of `--rejects`: what was written about a record, and the record itself.
//! Bytes that are not UTF-8 are written as `\udc80` to `\udcff` in a string, as Python's `surrogateescape` has them: the line
//! stays valid JSON, and every byte comes back.

use crate::json::{Scanner, quote_into};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// The beginning of a line.
pub const MARK: &str = "_reject";

/// What a line says about its record.
#[derive(Debug, Default, Deserialize)]
pub struct RejectAbout {
    /// The input that it was read from.
    #[serde(default)]
    pub file: String,
    /// Its line there.
    #[serde(default)]
    pub line: u64,
    /// Its number there.
    #[serde(default)]
    pub record: u64,
    /// Its offset there, if it is known.
    #[serde(default)]
    pub offset: Option<u64>,
    /// The format of that input.
    #[serde(default)]
    pub format: String,
    /// Its collection.
    #[serde(default)]
    pub collection: Option<String>,
    /// The type of its error.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The message of its error.
    #[serde(default)]
    pub reason: String,
    /// How often it was sent.
    #[serde(default)]
    pub attempts: u32,
    /// A key that was generated for it, and under which it may be stored.
    #[serde(default)]
    pub key: Option<String>,
    /// The separator, if the file of a row names it.
    #[serde(default)]
    pub separator: Option<String>,
    /// The header of a row, an array of names.
    #[serde(default)]
    pub header: Option<Box<RawValue>>,
    /// A bulk action line.
    #[serde(default)]
    pub action: Option<Box<RawValue>>,
}

/// A record as it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum RejectBody<'a> {
    /// A JSON object, as written.
    Doc(&'a str),
    /// Anything else.
    Raw(Vec<u8>),
    /// Its text was too long, or a bulk action has no source.
    Nothing,
}

/// A line of rejects.
#[derive(Debug)]
pub struct RejectLine<'a> {
    /// What it says about its record.
    pub about: RejectAbout,
    /// The record.
    pub body: RejectBody<'a>,
}

impl<'a> RejectLine<'a> {
    /// Parses a line. `None` if it is not one of rejects.
    pub fn parse(line: &'a [u8], scanner: &mut Scanner) -> Option<RejectLine<'a>> {
        let text = std::str::from_utf8(line.trim_ascii()).ok()?;
        if scanner.object(text.as_bytes()) != Ok(text.len()) {
            return None;
        }
        let value = |name: &str| {
            let field = scanner.fields().iter().find(|field| field.name.of(text) == name);
            field.map(|field| field.value.of(text))
        };
        let about = serde_json::from_str(value(MARK)?).ok()?;
        let body = match (value("doc"), value("raw")) {
            (Some(doc), None) if doc.starts_with('{') => RejectBody::Doc(doc),
            (None, Some(raw)) if raw.starts_with('"') => RejectBody::Raw(bytes_of(&raw[1..raw.len() - 1])),
            (None, None) => RejectBody::Nothing,
            _ => return None,
        };
        Some(RejectLine { about, body })
    }
}

/// How many bytes show whether a text begins like a line of rejects that this program has written.
pub const MAX_BEGIN: u64 = 16;

/// Whether a text begins like a line of rejects, as far as it goes; `None` if it is too short to tell.
pub fn begins(text: &[u8]) -> Option<bool> {
    let mut rest = text;
    // A pipe may stay silent after a blank line.
    if !text.is_empty() && text.trim_ascii_start().is_empty() {
        return Some(false);
    }
    for token in [&b"{"[..], b"\"_reject\"", b":", b"{"] {
        rest = rest.trim_ascii_start();
        if rest.len() < token.len() {
            return if token.starts_with(rest) { None } else { Some(false) };
        }
        let Some(after) = rest.strip_prefix(token) else { return Some(false) };
        rest = after;
    }
    Some(true)
}

/// Appends bytes as a JSON string.
pub fn push_bytes(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        let mut valid = String::new();
        quote_into(&mut valid, chunk.valid());
        out.push_str(&valid[1..valid.len() - 1]);
        for byte in chunk.invalid() {
            let _ = write!(out, "\\udc{byte:02x}");
        }
    }
    out.push('"');
}

/// The bytes that the inside of a JSON string stands for.
fn bytes_of(inside: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(start) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..start]);
        let (c, length) = escape(&rest[start..]);
        match c {
            0xdc80..=0xdcff => bytes.push((c & 0xff) as u8),
            _ => {
                let c = char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        rest = &rest[start + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The code point of the escape at the beginning of a valid text, and its length.
fn escape(text: &str) -> (u32, usize) {
    let unit = |at: usize| text.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0xfffd);
    let plain = |c: char| (u32::from(c), 2);
    match text.as_bytes()[1] {
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        b'u' => match (unit(2), text.get(6..8)) {
            (high @ 0xd800..=0xdbff, Some("\\u")) if (0xdc00..=0xdfff).contains(&unit(8)) => {
                (0x10000 + ((high - 0xd800) << 10) + (unit(8) - 0xdc00), 12)
            }
            (unit, _) => (unit, 6),
        },
        other => plain(char::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_comes_back(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\\'), Just(0xed), Just(b'"')], 0..40)) {
            let mut line = "{\"_reject\": {\"line\":3},\"raw\":".to_owned();
            push_bytes(&mut line, &bytes);
            line.push('}');
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&line).is_ok());
            let mut scanner = Scanner::default();
            let parsed = RejectLine::parse(line.as_bytes(), &mut scanner).expect("a line of rejects");
            prop_assert_eq!((parsed.about.line, parsed.body), (3, RejectBody::Raw(bytes)));
        }
    }

    #[test]
    fn a_line_is_recognized_by_its_beginning() {
        for (text, is) in [
            ("{\"_reject\":{\"file", Some(true)),
            (" { \"_reject\" : {", Some(true)),
            ("{\"_rejec", None),
            ("", None),
            ("\n\n", Some(false)),
            ("\n{", None),
            ("{\"_reject\":", None),
            ("{\"_reject\":1", Some(false)),
            ("{\"_rejects\":{", Some(false)),
            ("[", Some(false)),
        ] {
            assert_eq!(begins(text.as_bytes()), is, "{text}");
        }
    }
}
