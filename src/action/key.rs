//! Finds the key of a record, and checks it against the rule of the target.

use super::mongoexport::unwrapped;
use crate::action::ActionKey;
use crate::json::{Field, JsonKind, Scanner, Span, same_name, unescape};
use crate::record::{Reason, Record};
use memchr::memchr;
use std::fmt::Write as _;

/// Which keys a target accepts. A key is never empty.
#[derive(Debug)]
pub struct KeyRule {
    /// The name of a key in messages: of a record, and of an action line.
    pub names: [&'static str; 2],
    /// Maximum length in bytes.
    pub max_bytes: usize,
    /// Whether all characters of a key are allowed.
    pub allows: fn(&str) -> bool,
    /// The allowed characters, for messages.
    pub characters: &'static str,
    /// Whether `_key` and `_id` stay in the document as written. If not, they are removed from it.
    pub keeps_fields: bool,
}

impl KeyRule {
    /// Any text of at most 512 bytes, as in Elasticsearch.
    pub const IDS: &KeyRule =
        &KeyRule { names: ["id"; 2], max_bytes: 512, allows: |_| true, characters: "", keeps_fields: false };

    /// The same without U+0000, where many SQLite programs truncate text.
    pub const TEXTS: &KeyRule = &KeyRule {
        names: ["key", "id"],
        max_bytes: 512,
        allows: |key| memchr(0, key.as_bytes()).is_none(),
        characters: "a key must not contain U+0000",
        keeps_fields: true,
    };

    /// Checks a key of a record, or of an action line.
    ///
    /// # Errors
    /// Why the key is invalid.
    pub fn check(&self, key: &str, is_line: bool) -> Result<(), Reason> {
        let text = match key.len() {
            0 => "the key is empty".to_owned(),
            bytes if bytes > self.max_bytes => {
                let (name, max_bytes) = (self.names[usize::from(is_line)], self.max_bytes);
                format!("the {name} is too long: {bytes} bytes, the maximum is {max_bytes}")
            }
            _ if (self.allows)(key) => return Ok(()),
            _ => format!("invalid key {key:?}: {}", self.characters),
        };
        Err(Reason::new("illegal_key", text))
    }
}

pub(super) fn unpaired_surrogate() -> Reason {
    Reason::new("illegal_key", "the key has an unpaired surrogate")
}

/// Generates the key of a record. It is the same if the run is resumed, and follows the order of the input.
pub(super) fn generated<'a>(scratch: &'a mut String, run: &str, ordinal: u64) -> &'a str {
    scratch.clear();
    // Ten digits keep the keys of ten billion records in order. More are still unique.
    let _ = write!(scratch, "{run}{ordinal:010}");
    scratch
}

/// The key from a value: the content of a string, or a number as written.
#[inline(always)]
pub(super) fn key_text<'a>(text: &str, value: Span, scratch: &'a mut String) -> Result<ActionKey<'a>, Reason> {
    let raw = value.of(text);
    match JsonKind::of(raw) {
        JsonKind::Number => Ok(ActionKey::InDoc(value)),
        JsonKind::String if memchr(b'\\', raw.as_bytes()).is_none() => {
            Ok(ActionKey::InDoc(Span { start: value.start + 1, end: value.end - 1 }))
        }
        JsonKind::String => {
            scratch.clear();
            scratch.push_str(&unescape(&raw[1..raw.len() - 1]).ok_or_else(unpaired_surrogate)?);
            Ok(ActionKey::Text(scratch))
        }
        other => Err(Reason::new("illegal_key", format!("the key is {}, not a string or a number", other.name()))),
    }
}

/// Whether a field has this name. It is called for every field of every record, and the first byte rules out most.
fn is_named(text: &str, field: &Field, name: &str) -> bool {
    // The first byte of an empty name is its closing quote.
    let first = name.as_bytes().first().unwrap_or(&b'"');
    let may_match = field.escaped || text.as_bytes()[field.name.start as usize] == *first;
    may_match && same_name(field.name.of(text), field.escaped, name)
}

/// The value of the field of that name. It is an error if there are two.
fn unique_field(text: &str, fields: &[Field], name: &str) -> Result<Option<Span>, Reason> {
    let mut found = None;
    for field in fields {
        if is_named(text, field, name) {
            if found.is_some() {
                return Err(Reason::new("ambiguous_key", format!("duplicate field \"{name}\"")));
            }
            found = Some(field.value);
        }
    }
    Ok(found)
}

/// Indices of the fields `_key` and `_id`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeyFields {
    key: Option<usize>,
    id: Option<usize>,
}

impl KeyFields {
    pub(super) fn find(text: &str, fields: &[Field]) -> Result<KeyFields, Reason> {
        let mut result = KeyFields::default();
        for (index, field) in fields.iter().enumerate() {
            // The first byte rules out most names.
            if !field.escaped && text.as_bytes()[field.name.start as usize] != b'_' {
                continue;
            }
            let is = |name: &str| same_name(field.name.of(text), field.escaped, name);
            let (name, found) = if is("_key") {
                ("_key", &mut result.key)
            } else if is("_id") {
                ("_id", &mut result.id)
            } else {
                continue;
            };
            if found.replace(index).is_some() {
                return Err(Reason::new("ambiguous_key", format!("duplicate field \"{name}\"")));
            }
        }
        Ok(result)
    }
}

/// Whether a document has a field `_key` or `_id`.
pub(crate) fn has_key_field(text: &str, fields: &[Field]) -> Result<bool, Reason> {
    let key_fields = KeyFields::find(text, fields)?;
    Ok(key_fields.key.is_some() || key_fields.id.is_some())
}

/// Finds the key without `--key`: `_key`, else `_id`. True if it is an `_id` as written.
#[inline(always)]
pub(super) fn by_convention(
    text: &str,
    fields: &[Field],
    key_fields: KeyFields,
    scanner: &mut Scanner,
) -> Result<(Option<Span>, bool), Reason> {
    let key = key_fields.key.map(|index| fields[index].value);
    match key_fields.id {
        None => Ok((key, false)),
        Some(index) => key_and_id(text, key, fields[index].value, scanner),
    }
}

/// The key of a record that has an `_id`, and perhaps a `_key` too.
fn key_and_id(text: &str, key: Option<Span>, id: Span, scanner: &mut Scanner) -> Result<(Option<Span>, bool), Reason> {
    // The wrappers of MongoDB are no `COLLECTION/KEY`.
    let Some(key) = key else { return Ok((Some(id), JsonKind::of(id.of(text)) != JsonKind::Object)) };
    let inner = unwrapped(text, id, scanner);
    let (mut key_scratch, mut id_scratch) = (String::new(), String::new());
    let key_word = key_text(text, key, &mut key_scratch)?.of(text);
    let id_word = key_text(text, inner, &mut id_scratch)?.of(text);
    // An `_id` may be `COLLECTION/KEY` with any collection: exports are imported under other names.
    let of_id = id_word.split_once('/').and_then(|(collection, key)| (!collection.is_empty()).then_some(key));
    if key_word != id_word && of_id != Some(key_word) {
        return Err(Reason::new("ambiguous_key", "\"_key\" and \"_id\" differ"));
    }
    Ok((Some(key), false))
}

/// Finds the value that `--key` names: a field of exactly that name, else a dotted path.
pub(crate) fn by_path(text: &str, fields: &[Field], path: &str, scanner: &mut Scanner) -> Result<Span, Reason> {
    let missing = || Reason::new("no_key", format!("missing key field \"{path}\""));
    if let Some(value) = unique_field(text, fields, path)? {
        return Ok(value);
    }
    let (mut first, mut rest) = path.split_once('.').ok_or_else(missing)?;
    let mut value = unique_field(text, fields, first)?.ok_or_else(missing)?;
    loop {
        let inner = value.of(text);
        if JsonKind::of(inner) != JsonKind::Object || scanner.object(inner.as_bytes()).is_err() {
            return Err(missing());
        }
        let shift = |span: Span| Span { start: value.start + span.start, end: value.start + span.end };
        if let Some(found) = unique_field(inner, scanner.fields(), rest)? {
            return Ok(shift(found));
        }
        (first, rest) = rest.split_once('.').ok_or_else(missing)?;
        value = shift(unique_field(inner, scanner.fields(), first)?.ok_or_else(missing)?);
    }
}

/// The ranges to remove from a record when `_key` and `_id` become metadata: each field with one of its commas.
#[inline(always)]
pub(super) fn without_keys(record: &Record<'_>, KeyFields { key, id }: KeyFields) -> [Span; 2] {
    let fields = record.fields;
    let (first, last) = (key.min(id).or(key).or(id), key.max(id));
    let (Some(first), Some(last)) = (first, last) else { return [Span::default(); 2] };
    // Leading fields are removed up to the first field that stays, others with the comma before them.
    let leading = if first > 0 { 0 } else { 1 + usize::from(last == 1) };
    let with_comma = |index: usize| Span { start: fields[index - 1].value.end, end: fields[index].value.end };
    let leading_range = |leading: usize| Span {
        start: fields[0].name.start - 1,
        end: fields.get(leading).map_or(fields[leading - 1].value.end, |next| next.name.start - 1),
    };
    let before = if leading > 0 { leading_range(leading) } else { with_comma(first) };
    let is_two = last != first && last >= leading;
    [before, if is_two { with_comma(last) } else { Span::default() }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    #[test]
    fn a_document_without_its_key_is_still_a_document() {
        for (text, rest) in [
            (r#"{"_key":"a"}"#, "{}"),
            (r#"{ "_key" : "a" , "n" : 1 }"#, r#"{ "n" : 1 }"#),
            (r#"{"n":1,"_id":"a"}"#, r#"{"n":1}"#),
            (r#"{"_key":"a","_id":"a"}"#, "{}"),
            (r#"{"_key":"a","_id":"a","n":1}"#, r#"{"n":1}"#),
            (r#"{"n":1,"_key":"a","_id":"a"}"#, r#"{"n":1}"#),
            (r#"{"_id":"a","n":1,"\u005fkey":"a","m":2}"#, r#"{"n":1,"m":2}"#),
        ] {
            let text = &text.replace("\\\\", "\\");
            let mut scanner = Scanner::default();
            scanner.object(text.as_bytes()).expect("an object");
            let record = Record::of(text, &scanner, Origin::default());
            let key_fields = KeyFields::find(text, record.fields).expect("no name twice");
            let [first, second] = without_keys(&record, key_fields);
            let mut left = text.clone();
            left.replace_range(second.range(), "");
            left.replace_range(first.range(), "");
            assert_eq!(left, rest, "{text}");
        }
    }
}
