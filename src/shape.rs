//! Renames, removes and merges members, and prefixes the ends of edges.

/// What is done to every record, in this order: merge, remove, rename, edge prefixes, nest.
/// Merges and removals use the names of the input, as arangoimport does.
#[derive(Clone, Debug, Default)]
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
    /// The member it makes.
    pub name: String,
    /// What its value is joined from.
    pub parts: Vec<Part>,
}

/// A piece of a merged value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// The text of a member.
    Member(String),
}

use crate::action::KeyRule;
use crate::json::{Kind, Scanner, quote_into, same_name, unescape};
use crate::record::{Reason, Record};
use std::borrow::Cow;

/// Shapes records. A record that no option concerns passes through untouched, and so do the bytes of the members that
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

/// A member of the shaped record.
enum Piece<'a> {
    /// Kept, perhaps under another name or with another value.
    Kept {
        before: &'a str,
        name: Cow<'a, str>,
        between: &'a str,
        value: Cow<'a, str>,
        plain: Cow<'a, str>,
        renamed: bool,
    },
    /// New.
    Made { name: &'a str, value: String, renamed: bool },
}

impl Piece<'_> {
    /// Its name, unescaped, and whether `--translate` gave it.
    fn name(&self) -> (&str, bool) {
        match self {
            Piece::Kept { plain, renamed, .. } => (plain, *renamed),
            Piece::Made { name, renamed, .. } => (name, *renamed),
        }
    }
}

impl Shaper {
    /// Makes a shaper; `ends` says which keys the ends of edges have, if the collection holds edges.
    pub fn new(options: ShapeOptions, ends: Option<&'static KeyRule>) -> Shaper {
        let idle = options.translate.is_empty()
            && options.remove.is_empty()
            && options.merge.is_empty()
            && options.from_prefix.is_none()
            && options.to_prefix.is_none()
            && !options.nested;
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
            nest::write_nested(&self.flat, self.scanner.members(), &mut self.nested)?;
            text = &self.nested;
        }
        if self.scanner.object(text.as_bytes()) != Ok(text.len()) {
            return Err(Reason::new("shape", "the flags made something that is no JSON object"));
        }
        let shaped = Record { text, members: self.scanner.members(), ..*record };
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
    let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(record.members.len() + merged.len());
    let mut end = 1;
    for member in record.members {
        let written = member.name.of(text);
        let before = &text[end..member.name.start as usize - 1];
        let between = &text[member.name.end as usize..member.value.start as usize];
        end = member.value.end as usize;
        let is = |name: &str| same_name(written, member.escaped, name);
        if options.remove.iter().any(|name| is(name)) || merged.iter().any(|(name, _)| is(name)) {
            continue;
        }
        let to = options.translate.iter().find(|(from, _)| is(from)).map(|(_, to)| to.as_str());
        let plain = to.map(Cow::Borrowed).or_else(|| unescape(written)).unwrap_or(Cow::Borrowed(written));
        let raw = member.value.of(text);
        let value = match &*plain {
            "_from" => prefixed(raw, options.from_prefix.as_deref(), options.overwrite_prefix)?,
            "_to" => prefixed(raw, options.to_prefix.as_deref(), options.overwrite_prefix)?,
            _ => Cow::Borrowed(raw),
        };
        let name = match to {
            Some(to) => Cow::Owned(quoted(to)),
            None => Cow::Borrowed(&text[member.name.start as usize - 1..member.name.end as usize + 1]),
        };
        let between = &between[1..];
        pieces.push(Piece::Kept { before, name, between, value, plain, renamed: to.is_some() });
    }
    for (name, value) in merged.into_iter().filter(|(_, value)| !value.is_empty()) {
        if !options.remove.iter().any(|removed| removed == name) {
            let to = options.translate.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_str());
            let name = to.unwrap_or(name);
            pieces.push(Piece::Made { name, value: merged_value(options, name, &value)?, renamed: to.is_some() });
        }
    }
    ensure_renames_hide_nothing(&pieces)?;
    out.clear();
    out.push('{');
    for (place, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Kept { before, name, between, value, .. } => {
                // `before` of the first member has no comma; of a later one that is now the first, it is dropped.
                let before = if place == 0 && before.contains(',') { "" } else { before };
                let joint = if place > 0 && !before.contains(',') { "," } else { "" };
                out.extend([joint, before, name, between, value]);
            }
            Piece::Made { name, value, .. } => {
                out.push_str(if place == 0 { "" } else { "," });
                quote_into(out, name);
                out.push(':');
                out.push_str(value);
            }
        }
    }
    out.push_str(&text[end..]);
    if text[end..].is_empty() {
        out.push('}');
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    quote_into(&mut out, name);
    out
}

/// Finds a member with the very name that `--translate` gives another one.
fn ensure_renames_hide_nothing(pieces: &[Piece<'_>]) -> Result<(), Reason> {
    for (place, piece) in pieces.iter().enumerate() {
        let (name, renamed) = piece.name();
        let mut others = pieces.iter().enumerate().filter(|(other, _)| *other != place);
        if renamed && others.any(|(_, other)| other.name().0 == name) {
            return Err(Reason::new("name_clash", format!("--translate makes a second member `{name}`")));
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
                Part::Member(name) => match made.iter().rev().find(|(other, _)| other == name) {
                    Some((_, earlier)) => text.push_str(earlier),
                    None => text.push_str(&member_text(record, name)?),
                },
            }
        }
        made.retain(|(name, _)| *name != merge.name);
        made.push((&merge.name, text));
    }
    Ok(made)
}

/// The text of a member for a merge: a string's content, else what was written; nothing if there is no such member.
fn member_text<'a>(record: &Record<'a>, name: &str) -> Result<Cow<'a, str>, Reason> {
    let found = record.members.iter().rev().find(|member| same_name(member.name.of(record.text), member.escaped, name));
    let Some(member) = found else {
        return Ok(Cow::Borrowed(if record.nulls.iter().any(|null| null == name) { "null" } else { "" }));
    };
    let raw = member.value.of(record.text);
    if Kind::of(raw) != Kind::String {
        return Ok(Cow::Borrowed(raw));
    }
    unescape(&raw[1..raw.len() - 1])
        .ok_or_else(|| Reason::new("shape", format!("`{name}` has half of a surrogate pair and cannot be merged")))
}

/// The JSON of a merged value, which is always a string; the ends of edges get their prefix as any other would.
fn merged_value(options: &ShapeOptions, name: &str, text: &str) -> Result<String, Reason> {
    let value = quoted(text);
    let prefix = match name {
        "_from" => options.from_prefix.as_deref(),
        "_to" => options.to_prefix.as_deref(),
        _ => None,
    };
    Ok(prefixed(&value, prefix, options.overwrite_prefix)?.into_owned())
}

/// Puts the prefix before the end of an edge (contract of ArangoDB's import, 1.10): before text without `/` and before
/// whole numbers; text with `/` keeps its own collection unless that is to be overwritten.
fn prefixed<'a>(raw: &'a str, prefix: Option<&str>, overwrite: bool) -> Result<Cow<'a, str>, Reason> {
    let Some(prefix) = prefix else { return Ok(Cow::Borrowed(raw)) };
    let end: Cow<'_, str> = match Kind::of(raw) {
        Kind::String => unescape(&raw[1..raw.len() - 1])
            .ok_or_else(|| Reason::new("bad_edge", "the end of an edge has half of a surrogate pair"))?,
        Kind::Number if raw.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(raw),
        _ => return Ok(Cow::Borrowed(raw)),
    };
    let key = match end.split_once('/') {
        Some((_, key)) if overwrite => key,
        Some(_) => return Ok(Cow::Borrowed(raw)),
        None => &end,
    };
    Ok(Cow::Owned(quoted(&format!("{prefix}/{key}"))))
}

/// Checks that both ends of an edge are there and name a collection and a key (contract of ArangoDB's import, 1.10). A
/// second slash is refused whatever the keys are: where the collection ends would be a guess.
fn check_ends(record: &Record<'_>, keys: &KeyRule) -> Result<(), Reason> {
    for name in ["_from", "_to"] {
        let member =
            record.members.iter().rev().find(|member| same_name(member.name.of(record.text), member.escaped, name));
        let bad = |text: String| Err(Reason::new("bad_edge", text));
        let Some(member) = member else { return bad(format!("an edge needs `_from` and `_to`; `{name}` is missing")) };
        let raw = member.value.of(record.text);
        if Kind::of(raw) != Kind::String {
            return bad(format!("`{name}` of an edge must be a string, it is {}", Kind::of(raw).name()));
        }
        let whole = unescape(&raw[1..raw.len() - 1]).unwrap_or_default();
        let good = matches!(whole.split_once('/'), Some((collection, key))
            if !collection.is_empty() && !key.contains('/') && keys.check(key, false).is_ok());
        if !good {
            return bad(format!("`{name}` of an edge must be `collection/key`, it is {whole:?}"));
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
    fn other_members_keep_every_byte() {
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
    fn a_rename_never_hides_another_member() {
        for text in [r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#] {
            let rename = ShapeOptions { translate: pair("a", "b"), ..ShapeOptions::default() };
            assert_eq!(shape(rename, text), Err("name_clash"), "{text}");
        }
    }

    #[test]
    fn merges_join_texts_and_see_earlier_merges() {
        let part = |name: &str| Part::Member(name.to_owned());
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
