//! Finds the key of a record, and checks that its target takes it.

use super::mongoexport::unwrapped;
use crate::action::Key;
use crate::json::{Field, Kind, Scanner, Span, same_name, unescape};
use crate::record::{Reason, Record};
use memchr::memchr;
use std::fmt::Write as _;

/// Which keys a target takes. None is empty.
#[derive(Debug)]
pub struct KeyRule {
    /// What a key is called in a record, and in an action line.
    pub names: [&'static str; 2],
    /// The most bytes that it has.
    pub longest: usize,
    /// Whether all of its characters are allowed.
    pub allows: fn(&str) -> bool,
    /// Which are, in words.
    pub characters: &'static str,
    /// Whether the fields that name the key stay in the document as they are written; else they are cut out of it.
    pub stays: bool,
}

impl KeyRule {
    /// Any text of 512 bytes, as in Elasticsearch.
    pub const IDS: &KeyRule =
        &KeyRule { names: ["id"; 2], longest: 512, allows: |_| true, characters: "", stays: false };

    /// The same without U+0000, behind which many programs that read SQLite see nothing.
    pub const TEXTS: &KeyRule = &KeyRule {
        names: ["key", "id"],
        longest: 512,
        allows: |key| memchr(0, key.as_bytes()).is_none(),
        characters: "a key must not contain U+0000",
        stays: true,
    };

    /// Checks a key of a record, or of an action line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, key: &str, is_line: bool) -> Result<(), Reason> {
        let text = match key.len() {
            0 => "the key is empty".to_owned(),
            bytes if bytes > self.longest => {
                let (name, longest) = (self.names[usize::from(is_line)], self.longest);
                format!("the {name} is too long: {bytes} bytes, the maximum is {longest}")
            }
            _ if (self.allows)(key) => return Ok(()),
            _ => format!("invalid key {key:?}: {}", self.characters),
        };
        Err(Reason::new("illegal_key", text))
    }
}

pub(super) fn half_pair() -> Reason {
    Reason::new("illegal_key", "the key has an unpaired surrogate")
}

/// Writes the generated key of a record: the same when the run is resumed, and in the order of the input.
pub(super) fn generated<'a>(scratch: &'a mut String, run: &str, ordinal: u64) -> &'a str {
    scratch.clear();
    // Ten digits keep the keys of ten thousand million records in order; more than that stay unique.
    let _ = write!(scratch, "{run}{ordinal:010}");
    scratch
}

/// The text of a key's value: a string's content, a number's digits.
#[inline(always)]
pub(super) fn key_text<'a>(text: &str, value: Span, scratch: &'a mut String) -> Result<Key<'a>, Reason> {
    let raw = value.of(text);
    match Kind::of(raw) {
        Kind::Number => Ok(Key::InDoc(value)),
        Kind::String if memchr(b'\\', raw.as_bytes()).is_none() => {
            Ok(Key::InDoc(Span { start: value.start + 1, end: value.end - 1 }))
        }
        Kind::String => {
            scratch.clear();
            scratch.push_str(&unescape(&raw[1..raw.len() - 1]).ok_or_else(half_pair)?);
            Ok(Key::Text(scratch))
        }
        other => Err(Reason::new("illegal_key", format!("the key is {}, not a string or a number", other.name()))),
    }
}

/// Whether a field has this name. Every field of every record is asked, and most are told by their first byte.
#[inline]
fn is_named(text: &str, field: &Field, name: &str) -> bool {
    // The quote that ends an empty name is its first byte.
    let first = name.as_bytes().first().unwrap_or(&b'"');
    let may_be = field.escaped || text.as_bytes()[field.name.start as usize] == *first;
    may_be && same_name(field.name.of(text), field.escaped, name)
}

/// The one field of that name, if there is one.
fn only(text: &str, fields: &[Field], name: &str) -> Result<Option<Span>, Reason> {
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

/// Places of the fields that name the key where no flag does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named {
    key: Option<usize>,
    id: Option<usize>,
}

impl Named {
    /// Looks at every field once.
    pub(super) fn find(text: &str, fields: &[Field]) -> Result<Named, Reason> {
        let mut named = Named::default();
        for (place, field) in fields.iter().enumerate() {
            // Most names are told by their first byte.
            if !field.escaped && text.as_bytes()[field.name.start as usize] != b'_' {
                continue;
            }
            let is = |name: &str| same_name(field.name.of(text), field.escaped, name);
            let (name, found) = if is("_key") {
                ("_key", &mut named.key)
            } else if is("_id") {
                ("_id", &mut named.id)
            } else {
                continue;
            };
            if found.replace(place).is_some() {
                return Err(Reason::new("ambiguous_key", format!("duplicate field \"{name}\"")));
            }
        }
        Ok(named)
    }
}

/// Whether a document has a field that names a key.
pub(crate) fn names_key(text: &str, fields: &[Field]) -> Result<bool, Reason> {
    let named = Named::find(text, fields)?;
    Ok(named.key.is_some() || named.id.is_some())
}

/// Finds the key where no `--key` says: `_key`, else `_id`. True if it is an `_id` as it is written.
#[inline(always)]
pub(super) fn by_convention(
    text: &str,
    fields: &[Field],
    named: Named,
    scanner: &mut Scanner,
) -> Result<(Option<Span>, bool), Reason> {
    let key = named.key.map(|place| fields[place].value);
    match named.id {
        None => Ok((key, false)),
        Some(place) => of_both(text, key, fields[place].value, scanner),
    }
}

/// The key of a record that has an `_id`, and perhaps a `_key` too.
fn of_both(text: &str, key: Option<Span>, id: Span, scanner: &mut Scanner) -> Result<(Option<Span>, bool), Reason> {
    let inner = unwrapped(text, id, scanner);
    let Some(key) = key else { return Ok((Some(inner), inner == id)) };
    let (mut key_scratch, mut id_scratch) = (String::new(), String::new());
    let key_word = key_text(text, key, &mut key_scratch)?.of(text);
    let id_word = key_text(text, inner, &mut id_scratch)?.of(text);
    // An `_id` may be `COLLECTION/KEY`, of whatever collection: exports are imported under other names.
    let of_id = id_word.split_once('/').and_then(|(collection, key)| (!collection.is_empty()).then_some(key));
    if key_word != id_word && of_id != Some(key_word) {
        return Err(Reason::new("ambiguous_key", "\"_key\" and \"_id\" differ"));
    }
    Ok((Some(key), false))
}

/// Finds what `--key` names: a field of that very name, else a dotted path.
pub(crate) fn by_path(text: &str, fields: &[Field], path: &str, scanner: &mut Scanner) -> Result<Span, Reason> {
    let missing = || Reason::new("no_key", format!("missing key field \"{path}\""));
    if let Some(value) = only(text, fields, path)? {
        return Ok(value);
    }
    let (mut first, mut rest) = path.split_once('.').ok_or_else(missing)?;
    let mut value = only(text, fields, first)?.ok_or_else(missing)?;
    loop {
        let inner = value.of(text);
        if Kind::of(inner) != Kind::Object || scanner.object(inner.as_bytes()).is_err() {
            return Err(missing());
        }
        let shift = |span: Span| Span { start: value.start + span.start, end: value.start + span.end };
        if let Some(found) = only(inner, scanner.fields(), rest)? {
            return Ok(shift(found));
        }
        (first, rest) = rest.split_once('.').ok_or_else(missing)?;
        value = shift(only(inner, scanner.fields(), first)?.ok_or_else(missing)?);
    }
}

/// The pieces of a record that leave it when `_key` and `_id` become metadata: each field with one of its commas.
#[inline(always)]
pub(super) fn without_keys(record: &Record<'_>, named: Named) -> [Span; 2] {
    let fields = record.fields;
    let (first, last) = (named.key.min(named.id).or(named.key).or(named.id), named.key.max(named.id));
    let (Some(first), Some(last)) = (first, last) else { return [Span::default(); 2] };
    // Those that the object begins with go up to the first field that stays, others with the comma before them.
    let leading = if first > 0 { 0 } else { 1 + usize::from(last == 1) };
    let with_comma = |place: usize| Span { start: fields[place - 1].value.end, end: fields[place].value.end };
    let beginning = |leading: usize| Span {
        start: fields[0].name.start - 1,
        end: fields.get(leading).map_or(fields[leading - 1].value.end, |next| next.name.start - 1),
    };
    let before = if leading > 0 { beginning(leading) } else { with_comma(first) };
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
            let named = Named::find(text, record.fields).expect("no name twice");
            let [first, second] = without_keys(&record, named);
            let mut left = text.clone();
            left.replace_range(second.range(), "");
            left.replace_range(first.range(), "");
            assert_eq!(left, rest, "{text}");
        }
    }
}
