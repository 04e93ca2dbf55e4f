//! Finds the key of a record, and checks that its target takes it.

use super::mongoexport::unwrapped;
use crate::action::Key;
use crate::json::{Kind, Member, Scanner, Span, same_name, unescape};
use crate::record::{Reason, Record};
use memchr::memchr;
use std::fmt::Write as _;

/// Which keys a target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// ArangoDB's: 1 to 254 bytes of letters, digits and ``_-:.@()+,=;$!*'%`` (its `KeyGenerator.cpp`).
    Arangodb,
    /// Elasticsearch's and Kuzzle's: 1 to 512 bytes.
    Bulk,
    /// The store's: 1 to 512 bytes without U+0000, behind which many programs that read SQLite see nothing.
    Store,
}

/// The bytes that ArangoDB allows in a key.
const ARANGODB_KEY: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"_-:.@()+,=;$!*'%";
    let mut place = 0;
    while place < others.len() {
        allowed[others[place] as usize] = true;
        place += 1;
    }
    allowed
};

impl KeyRule {
    /// Checks a key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self, key: &str) -> Result<(), Reason> {
        let bad = |text: String| Err(Reason::new("illegal_key", text));
        match self {
            _ if key.is_empty() => bad("the key is empty".to_owned()),
            KeyRule::Bulk if key.len() > 512 => bad(format!("the id has {} bytes, at most 512 are allowed", key.len())),
            KeyRule::Store if key.len() > 512 => {
                bad(format!("the key has {} bytes, at most 512 are allowed", key.len()))
            }
            KeyRule::Store if memchr(0, key.as_bytes()).is_some() => {
                bad(format!("illegal key {key:?}: a key has no character U+0000"))
            }
            KeyRule::Arangodb if key.len() > 254 => {
                bad(format!("the key has {} bytes, at most 254 are allowed", key.len()))
            }
            KeyRule::Arangodb if !is_usual(key) && !key.bytes().all(|byte| ARANGODB_KEY[byte as usize]) => {
                bad(format!("illegal key {key:?}: a key has letters, digits and _-:.@()+,=;$!*'% only"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a key has letters, digits and `-` only, as most do; without an early end, so that many bytes are compared at once.
fn is_usual(key: &str) -> bool {
    key.bytes().fold(true, |usual, byte| usual & (byte.is_ascii_alphanumeric() | (byte == b'-')))
}

pub(super) fn half_pair() -> Reason {
    Reason::new("illegal_key", "the key has half of a surrogate pair")
}

/// Where a key was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// In `_key`, or where `--key` says, or in one of mongoexport's wrappers.
    Key(Span),
    /// In `_id`, as it is written.
    Id(Span),
}

/// The key in an `_id` of ArangoDB, which is `COLLECTION/KEY`. That of another collection is no key here, and neither is a
/// text of another form: cut at its slash, two of them could become one key.
pub(super) fn key_of_id<'a>(text: &str, id: Key<'a>, collection: &str) -> Result<Key<'a>, Reason> {
    let whole = match id {
        Key::Text(id) => id,
        Key::InDoc(span) => span.of(text),
    };
    let Some(key) = whole.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')) else {
        let hint = match KeyRule::Arangodb.check(whole) {
            Ok(()) => " (`--key _id` takes it as the key)",
            Err(_) => "",
        };
        let text = format!(
            "`_id` is {whole:?}, and without a `_key` it must be `COLLECTION/KEY` of the collection {collection:?}{hint}"
        );
        return Err(Reason::new("illegal_key", text));
    };
    Ok(match id {
        Key::Text(id) => Key::Text(&id[id.len() - key.len()..]),
        Key::InDoc(span) => Key::InDoc(Span { start: span.end - key.len() as u32, end: span.end }),
    })
}

/// Whether an `_id` is `COLLECTION/KEY` with this key, in whatever collection: exports are imported under other names.
fn is_id_of(id: &str, key: &str) -> bool {
    id.split_once('/').is_some_and(|(collection, of_id)| !collection.is_empty() && of_id == key)
}

/// Writes the generated key of a record: the same when the run is resumed, and in the order of the input.
pub(super) fn generated<'a>(scratch: &'a mut String, run: &str, ordinal: u64) -> &'a str {
    scratch.clear();
    // Ten digits keep the keys of ten thousand million records in order; more than that stay unique.
    let _ = write!(scratch, "{run}{ordinal:010}");
    scratch
}

/// The text of a key's value: a string's content, a number's digits. Inlined, because its result is long to hand over.
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

/// Whether a member has this name. Every member of every record is asked, and most are told by their first byte.
#[inline]
fn is_named(text: &str, member: &Member, name: &str) -> bool {
    // The quote that ends an empty name is its first byte.
    let first = name.as_bytes().first().unwrap_or(&b'"');
    let may_be = member.escaped || text.as_bytes()[member.name.start as usize] == *first;
    may_be && same_name(member.name.of(text), member.escaped, name)
}

/// The one member of that name, if there is one.
fn only(text: &str, members: &[Member], name: &str) -> Result<Option<Span>, Reason> {
    let mut found = None;
    for member in members {
        if is_named(text, member, name) {
            if found.is_some() {
                return Err(Reason::new("ambiguous_key", format!("`{name}` stands twice in the record")));
            }
            found = Some(member.value);
        }
    }
    Ok(found)
}

/// Places of the members that name the key where no flag does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named {
    key: Option<usize>,
    id: Option<usize>,
}

impl Named {
    /// Looks at every member once.
    #[inline(always)]
    pub(super) fn find(text: &str, members: &[Member]) -> Result<Named, Reason> {
        let mut named = Named::default();
        for (place, member) in members.iter().enumerate() {
            // Most names are told by their first byte.
            if !member.escaped && text.as_bytes()[member.name.start as usize] != b'_' {
                continue;
            }
            let (name, found) = match member.name.of_bytes(text) {
                b"_key" => ("_key", &mut named.key),
                b"_id" => ("_id", &mut named.id),
                _ if !member.escaped => continue,
                _ if same_name(member.name.of(text), true, "_key") => ("_key", &mut named.key),
                _ if same_name(member.name.of(text), true, "_id") => ("_id", &mut named.id),
                _ => continue,
            };
            if found.replace(place).is_some() {
                return Err(Reason::new("ambiguous_key", format!("`{name}` stands twice in the record")));
            }
        }
        Ok(named)
    }
}

/// Whether a document has a member that names a key.
pub(crate) fn names_key(text: &str, members: &[Member]) -> Result<bool, Reason> {
    let named = Named::find(text, members)?;
    Ok(named.key.is_some() || named.id.is_some())
}

/// Finds the key where no `--key` says: `_key`, else `_id`.
#[inline(always)]
pub(super) fn by_convention(
    text: &str,
    members: &[Member],
    named: Named,
    scanner: &mut Scanner,
) -> Result<Option<Found>, Reason> {
    let key = named.key.map(|place| members[place].value);
    match named.id {
        None => Ok(key.map(Found::Key)),
        Some(place) => of_both(text, key, members[place].value, scanner).map(Some),
    }
}

/// The key of a record that has an `_id`, and perhaps a `_key` too.
fn of_both(text: &str, key: Option<Span>, id: Span, scanner: &mut Scanner) -> Result<Found, Reason> {
    let written = id;
    let id = unwrapped(text, id, scanner);
    let Some(key) = key else { return Ok(if id == written { Found::Id(id) } else { Found::Key(id) }) };
    let plain = |span: Span| -> Result<String, Reason> {
        let mut scratch = String::new();
        match key_text(text, span, &mut scratch)? {
            Key::InDoc(span) => Ok(span.of(text).to_owned()),
            Key::Text(text) => Ok(text.to_owned()),
        }
    };
    let (key_text, id_text) = (plain(key)?, plain(id)?);
    if key_text != id_text && !is_id_of(&id_text, &key_text) {
        return Err(Reason::new("ambiguous_key", "`_key` and `_id` are both there and differ"));
    }
    Ok(Found::Key(key))
}

/// Finds what `--key` names: a member of that very name, else a dotted path.
pub(crate) fn by_path(text: &str, members: &[Member], path: &str, scanner: &mut Scanner) -> Result<Span, Reason> {
    let missing = || Reason::new("no_key", format!("no `{path}`, which --key names"));
    if let Some(value) = only(text, members, path)? {
        return Ok(value);
    }
    let (mut first, mut rest) = path.split_once('.').ok_or_else(missing)?;
    let mut value = only(text, members, first)?.ok_or_else(missing)?;
    loop {
        let inner = value.of(text);
        if Kind::of(inner) != Kind::Object || scanner.object(inner.as_bytes()).is_err() {
            return Err(missing());
        }
        let shift = |span: Span| Span { start: value.start + span.start, end: value.start + span.end };
        if let Some(found) = only(inner, scanner.members(), rest)? {
            return Ok(shift(found));
        }
        (first, rest) = rest.split_once('.').ok_or_else(missing)?;
        value = shift(only(inner, scanner.members(), first)?.ok_or_else(missing)?);
    }
}

/// The pieces of a record that leave it when `_key` and `_id` become metadata: each member with one of its commas.
#[inline(always)]
pub(super) fn without_keys(record: &Record<'_>, named: Named) -> [Span; 2] {
    let members = record.members;
    if let (Some(0), None, [first, second, ..]) = (named.key, named.id, members) {
        // Most are like this.
        return [Span { start: first.name.start - 1, end: second.name.start - 1 }, Span::default()];
    }
    let (first, last) = (named.key.min(named.id).or(named.key).or(named.id), named.key.max(named.id));
    let (Some(first), Some(last)) = (first, last) else { return [Span::default(); 2] };
    // Those that the object begins with go up to the first member that stays, others with the comma before them.
    let leading = if first > 0 { 0 } else { 1 + usize::from(last == 1) };
    let with_comma = |place: usize| Span { start: members[place - 1].value.end, end: members[place].value.end };
    let beginning = |leading: usize| Span {
        start: members[0].name.start - 1,
        end: members.get(leading).map_or(members[leading - 1].value.end, |next| next.name.start - 1),
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
    fn keys_of_the_import_api_have_letters_digits_and_some_other_characters() {
        for byte in 0..=255 {
            let is_allowed = u8::is_ascii_alphanumeric(&byte) || b"_-:.@()+,=;$!*'%".contains(&byte);
            assert_eq!(ARANGODB_KEY[byte as usize], is_allowed, "{byte:#x}");
            let key = format!("a-long-key-of-letters-and-digits-0-{}", char::from(byte));
            assert_eq!(KeyRule::Arangodb.check(&key).is_ok(), is_allowed, "{key}");
        }
    }

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
            let named = Named::find(text, record.members).expect("no name twice");
            let [first, second] = without_keys(&record, named);
            let mut left = text.clone();
            left.replace_range(second.range(), "");
            left.replace_range(first.range(), "");
            assert_eq!(left, rest, "{text}");
        }
    }
}
