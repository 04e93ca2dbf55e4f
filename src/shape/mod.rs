//! Renames, removes and merges fields, and prefixes the ends of edges.

/// What is done to every record, in this order: merge, remove, rename, edge prefixes, nest.
/// Merges and removals use the names of the input, as arangoimport does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShapeOptions {
    /// `--translate FROM=TO`.
    pub translate: Vec<(String, String)>,
    /// `--remove-attribute A`.
    pub remove: Vec<String>,
    /// `--merge-attributes NEW=…`.
    pub merge: Vec<Merge>,
    /// `--from-prefix`, without its `/`.
    pub from_prefix: Option<String>,
    /// `--to-prefix`, without its `/`.
    pub to_prefix: Option<String>,
    /// `--overwrite-collection-prefix`.
    pub overwrite_prefix: bool,
    /// `--nested`.
    pub nested: bool,
}

/// One `--merge-attributes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The field it makes.
    pub name: String,
    /// What its value is joined from.
    pub parts: Vec<Part>,
}

/// A piece of a merged value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// The text of a field.
    Field(String),
}

use crate::action::KeyRule;
use crate::json::{Field, Kind, Scanner, quote_into, same_name, unescape, unquoted};
use crate::record::{Reason, Record};
use std::borrow::Cow;

/// Shapes records. A record that no option concerns passes through untouched, and so do the bytes of the fields that
/// none concerns.
#[derive(Debug)]
pub struct Shaper {
    options: ShapeOptions,
    idle: bool,
    /// Whether records come from rows, whose names may be dotted paths.
    rows: bool,
    /// Which keys the ends of edges have; only in a collection of edges, where both ends are needed.
    ends: Option<&'static KeyRule>,
    flat: String,
    nested: String,
    scanner: Scanner,
}

/// A field of the shaped record, kept or new.
struct Piece<'a> {
    /// What is before its name: blanks, and perhaps a comma.
    before: &'a str,
    /// Its name in quotes.
    name: Cow<'a, str>,
    /// The colon, and blanks.
    between: &'a str,
    value: Cow<'a, str>,
    /// Its name, unescaped.
    plain: Cow<'a, str>,
    /// Whether `--translate` gave it the name.
    renamed: bool,
}

impl Shaper {
    /// Makes a shaper; `ends` says which keys the ends of edges have, if the collection holds edges.
    pub fn new(options: ShapeOptions, ends: Option<&'static KeyRule>) -> Shaper {
        let idle = ShapeOptions { overwrite_prefix: false, ..options.clone() } == ShapeOptions::default();
        Shaper {
            options,
            idle,
            rows: true,
            ends,
            flat: String::new(),
            nested: String::new(),
            scanner: Scanner::default(),
        }
    }

    /// Says whether the next records come from rows; `--nested` concerns no others.
    pub fn expect_rows(&mut self, rows: bool) {
        self.rows = rows;
    }

    /// Shapes one record; `None` if it stays as it is.
    ///
    /// # Errors
    /// When a shape cannot be made of it: clashing names, an edge without ends.
    #[inline]
    pub fn shape<'a>(&'a mut self, record: &Record<'a>) -> Result<Option<Record<'a>>, Reason> {
        let is_line = record.command.is_some();
        if !is_line && !self.idle {
            return self.reshape(record).map(Some);
        }
        if let (Some(keys), false) = (self.ends, is_line) {
            check_ends(record, keys)?;
        }
        Ok(None)
    }

    fn reshape<'a>(&'a mut self, record: &Record<'a>) -> Result<Record<'a>, Reason> {
        write_flat(&self.options, record, &mut self.flat)?;
        let mut text = &self.flat;
        if self.options.nested && self.rows {
            let _ = self.scanner.object(self.flat.as_bytes());
            nest::write_nested(&self.flat, self.scanner.fields(), &mut self.nested)?;
            text = &self.nested;
        }
        if self.scanner.object(text.as_bytes()) != Ok(text.len()) {
            return Err(Reason::new("shape", "the result is not a JSON object"));
        }
        let shaped = Record { text, fields: self.scanner.fields(), ..*record };
        if let Some(keys) = self.ends {
            check_ends(&shaped, keys)?;
        }
        Ok(shaped)
    }
}

/// Writes the record after merges, removals, renames and edge prefixes.
fn write_flat(options: &ShapeOptions, record: &Record<'_>, out: &mut String) -> Result<(), Reason> {
    let text = record.text;
    let merged = merged(options, record)?;
    let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(record.fields.len() + merged.len());
    let mut end = 1;
    for field in record.fields {
        let before = &text[end..field.name.start as usize - 1];
        end = field.value.end as usize;
        let is = |name: &str| same_name(field.name.of(text), field.escaped, name);
        if !options.remove.iter().any(|name| is(name)) && !merged.iter().any(|(name, _)| is(name)) {
            pieces.push(kept(options, text, field, before)?);
        }
    }
    for (name, value) in merged.iter().filter(|(_, value)| !value.is_empty()) {
        if !options.remove.iter().any(|removed| removed == name) {
            pieces.push(made(options, name, value)?);
        }
    }
    ensure_renames_hide_nothing(&pieces)?;
    out.clear();
    out.push('{');
    for (place, piece) in pieces.iter().enumerate() {
        // `before` of the first field has no comma; of a later one that is now the first, it is dropped.
        let has_comma = piece.before.contains(',');
        let before = if place == 0 && has_comma { "" } else { piece.before };
        let joint = if place > 0 && !has_comma { "," } else { "" };
        out.extend([joint, before, &piece.name, piece.between, &piece.value]);
    }
    out.push_str(&text[end..]);
    Ok(())
}

fn kept<'a>(options: &'a ShapeOptions, text: &'a str, field: &Field, before: &'a str) -> Result<Piece<'a>, Reason> {
    let written = field.name.of(text);
    let to = new_name(options, |from| same_name(written, field.escaped, from));
    let plain = to.map(Cow::Borrowed).or_else(|| unescape(written)).unwrap_or(Cow::Borrowed(written));
    let value = field.value.of(text);
    let (name_start, name_end) = (field.name.start as usize - 1, field.name.end as usize + 1);
    Ok(Piece {
        before,
        name: to.map_or(Cow::Borrowed(&text[name_start..name_end]), |to| quoted(to).into()),
        between: &text[name_end..field.value.start as usize],
        value: prefixed(options, &plain, value)?.map_or(Cow::Borrowed(value), Cow::Owned),
        plain,
        renamed: to.is_some(),
    })
}

/// A merged value is always a string; the ends of edges get their prefix as any other would.
fn made<'a>(options: &'a ShapeOptions, name: &'a str, text: &str) -> Result<Piece<'a>, Reason> {
    let to = new_name(options, |from| from == name);
    let name = to.unwrap_or(name);
    let value = quoted(text);
    let value = prefixed(options, name, &value)?.unwrap_or(value).into();
    let (quoted, plain) = (quoted(name).into(), name.into());
    Ok(Piece { before: "", name: quoted, between: ":", value, plain, renamed: to.is_some() })
}

/// What `--translate` makes of a name.
fn new_name(options: &ShapeOptions, is: impl Fn(&str) -> bool) -> Option<&str> {
    options.translate.iter().find(|(from, _)| is(from)).map(|(_, to)| to.as_str())
}

fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    quote_into(&mut out, name);
    out
}

/// Finds a field with the very name that `--translate` gives another one.
fn ensure_renames_hide_nothing(pieces: &[Piece<'_>]) -> Result<(), Reason> {
    for (place, Piece { plain: name, .. }) in pieces.iter().enumerate().filter(|(_, piece)| piece.renamed) {
        let mut others = pieces.iter().enumerate().filter(|(other, _)| *other != place);
        if others.any(|(_, other)| other.plain == *name) {
            return Err(Reason::new("name_clash", format!("--translate: duplicate field \"{name}\"")));
        }
    }
    Ok(())
}

/// The merged texts of a record, by the names they get.
fn merged<'o>(options: &'o ShapeOptions, record: &Record<'_>) -> Result<Vec<(&'o str, String)>, Reason> {
    let mut made: Vec<(&str, String)> = Vec::new();
    for merge in &options.merge {
        let mut text = String::new();
        for part in &merge.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(name) => match made.iter().rev().find(|(other, _)| other == name) {
                    Some((_, earlier)) => text.push_str(earlier),
                    None => text.push_str(&field_text(record, name)?),
                },
            }
        }
        made.retain(|(name, _)| *name != merge.name);
        made.push((&merge.name, text));
    }
    Ok(made)
}

/// The value of the last field of that name.
fn value_of<'a>(record: &Record<'a>, name: &str) -> Option<&'a str> {
    let is = |field: &&Field| same_name(field.name.of(record.text), field.escaped, name);
    record.fields.iter().rev().find(is).map(|field| field.value.of(record.text))
}

/// The text of a field for a merge: a string's content, else what was written; nothing if there is no such field.
fn field_text<'a>(record: &Record<'a>, name: &str) -> Result<Cow<'a, str>, Reason> {
    match value_of(record, name) {
        Some(raw) if Kind::of(raw) == Kind::String => unquoted(raw)
            .ok_or_else(|| Reason::new("shape", format!("\"{name}\" has an unpaired surrogate and cannot be merged"))),
        Some(raw) => Ok(Cow::Borrowed(raw)),
        None if record.nulls.iter().any(|null| null == name) => Ok(Cow::Borrowed("null")),
        None => Ok(Cow::Borrowed("")),
    }
}

/// Puts the prefix before the end of an edge (contract of ArangoDB's import, 1.10): before text without `/` and before
/// whole numbers; text with `/` keeps its own collection unless that is to be overwritten. `None`: it stays as it is.
fn prefixed(options: &ShapeOptions, name: &str, raw: &str) -> Result<Option<String>, Reason> {
    let prefix = match name {
        "_from" => options.from_prefix.as_deref(),
        "_to" => options.to_prefix.as_deref(),
        _ => None,
    };
    let Some(prefix) = prefix else { return Ok(None) };
    let end = match Kind::of(raw) {
        Kind::String => {
            unquoted(raw).ok_or_else(|| Reason::new("bad_edge", "the end of an edge has an unpaired surrogate"))?
        }
        Kind::Number if raw.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(raw),
        _ => return Ok(None),
    };
    let key = match end.split_once('/') {
        Some((_, key)) if options.overwrite_prefix => key,
        Some(_) => return Ok(None),
        None => &end,
    };
    Ok(Some(quoted(&format!("{prefix}/{key}"))))
}

/// Checks that both ends of an edge are there and name a collection and a key (contract of ArangoDB's import, 1.10). A
/// second slash is refused whatever the keys are: where the collection ends would be a guess.
fn check_ends(record: &Record<'_>, keys: &KeyRule) -> Result<(), Reason> {
    for name in ["_from", "_to"] {
        let bad = |text: String| Err(Reason::new("bad_edge", text));
        let Some(raw) = value_of(record, name) else {
            return bad(format!("missing field \"{name}\" of an edge"));
        };
        if Kind::of(raw) != Kind::String {
            return bad(format!("\"{name}\" of an edge must be a string, not {}", Kind::of(raw).name()));
        }
        let whole = unquoted(raw).unwrap_or_default();
        let good = matches!(whole.split_once('/'), Some((collection, key))
            if !collection.is_empty() && !key.contains('/') && keys.check(key, false).is_ok());
        if !good {
            return bad(format!("\"{name}\" of an edge must be COLLECTION/KEY, not {whole:?}"));
        }
    }
    Ok(())
}

mod nest;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    fn shape(options: ShapeOptions, text: &str) -> Result<String, &'static str> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let record = Record::of(text, &scanner, Origin::default());
        let mut shaper = Shaper::new(options, None);
        shaper.shape(&record).map(|shaped| shaped.unwrap_or(record).text.to_owned()).map_err(Reason::word)
    }

    fn pair(from: &str, to: &str) -> Vec<(String, String)> {
        vec![(from.to_owned(), to.to_owned())]
    }

    #[test]
    fn other_fields_keep_every_byte() {
        let remove = |name: &str| ShapeOptions { remove: vec![name.to_owned()], ..ShapeOptions::default() };
        let text = r#"{ "a" : 1.0 , "b":[ 1 ], "\u0063" : "x" }"#;
        assert_eq!(shape(remove("a"), text).as_deref(), Ok(r#"{"b":[ 1 ], "\u0063" : "x" }"#));
        assert_eq!(
            shape(remove("b"), text).as_deref(),
            Ok(r#"{ "a" : 1.0 , "\u0063" : "x" }"#).map(|s| s.replacen(" ,", ",", 1)).as_deref()
        );
        assert_eq!(shape(remove("c"), text).as_deref(), Ok(r#"{ "a" : 1.0 , "b":[ 1 ] }"#));
        let rename = ShapeOptions { translate: pair("b", "B\""), ..ShapeOptions::default() };
        assert_eq!(shape(rename, text).as_deref(), Ok(r#"{ "a" : 1.0 , "B\"":[ 1 ], "\u0063" : "x" }"#));
    }

    #[test]
    fn a_rename_never_hides_another_field() {
        for text in [r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#] {
            let rename = ShapeOptions { translate: pair("a", "b"), ..ShapeOptions::default() };
            assert_eq!(shape(rename, text), Err("name_clash"), "{text}");
        }
    }

    #[test]
    fn merges_join_texts_and_see_earlier_merges() {
        let part = |name: &str| Part::Field(name.to_owned());
        let merge = vec![
            Merge { name: "_key".into(), parts: vec![part("a"), Part::Literal("-".into()), part("b")] },
            Merge { name: "c".into(), parts: vec![part("_key"), part("missing")] },
        ];
        let options = ShapeOptions { merge, ..ShapeOptions::default() };
        assert_eq!(
            shape(options, r#"{"a":1.50,"b":"x\ny","c":null}"#).as_deref(),
            Ok(r#"{"a":1.50,"b":"x\ny","_key":"1.50-x\ny","c":"1.50-x\ny"}"#)
        );
    }

    #[test]
    fn prefixes_go_before_keys() {
        let options = |overwrite_prefix| ShapeOptions {
            from_prefix: Some("p".into()),
            to_prefix: Some("q".into()),
            overwrite_prefix,
            ..ShapeOptions::default()
        };
        let text = r#"{"_from":1,"_to":"x\/3"}"#;
        assert_eq!(shape(options(false), text).as_deref(), Ok(r#"{"_from":"p/1","_to":"x\/3"}"#));
        assert_eq!(shape(options(true), text).as_deref(), Ok(r#"{"_from":"p/1","_to":"q/3"}"#));
    }
}
