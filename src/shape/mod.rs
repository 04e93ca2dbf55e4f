//! Renames, removes and merges fields, and adds prefixes to the ends of edges.

/// How every record is changed, in this order: merge, remove, rename, edge prefixes, nest.
/// Merges and removals use the names of the input, as in arangoimport.
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
    /// `--doc FIELD`: the document is this field of a record.
    pub doc: Option<String>,
    /// Flags that name columns, each with its column.
    pub columns: Vec<(String, String)>,
}

/// One `--merge-attributes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The name of the new field.
    pub name: String,
    /// The parts of its value.
    pub parts: Vec<MergePart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergePart {
    Literal(String),
    /// The text of a field.
    Field(String),
}

impl ShapeOptions {
    /// The names that columns have before they are nested.
    fn names_of<'a>(&'a self, names: &'a [String]) -> Vec<&'a str> {
        let merged = || self.merge.iter().map(|merge| &merge.name);
        let kept = names.iter().filter(|name| !merged().any(|merged| merged == *name)).chain(merged());
        let kept = kept.filter(|name| !self.remove.contains(name));
        kept.map(|name| new_name(self, |from| from == name).unwrap_or(name)).collect()
    }
}

use crate::action::KeyRule;
use crate::json::{Field, JsonKind, Scanner, quote_into, same_name, unescape, unquoted};
use crate::record::{Reason, Record};
use document::Document;
use flags::NamingFlags;
use std::borrow::Cow;

/// Shapes records. Records and fields that no option applies to keep every byte.
#[derive(Debug)]
pub struct Shaper {
    given: ShapeOptions,
    /// Those that apply to the next records: without prefixes, if they are no edges.
    options: ShapeOptions,
    has_no_effect: bool,
    /// Whether documents are taken out of records, and not changed.
    only_document: bool,
    flags: NamingFlags,
    /// Whether records come from rows, whose names may be dotted paths.
    are_rows: bool,
    /// Whether the next records are edges.
    are_edges: bool,
    /// The rule for the keys in `_from` and `_to`, if the collection holds edges.
    edge_keys: Option<&'static KeyRule>,
    flat: String,
    nested: String,
    scanner: Scanner,
    /// For `--doc`.
    document: Option<Document>,
}

/// A field of the shaped record, kept or new.
struct OutField<'a> {
    /// The text before its name: whitespace, and perhaps a comma.
    before: &'a str,
    /// Its name in quotes.
    name: Cow<'a, str>,
    /// The colon, and whitespace.
    between: &'a str,
    value: Cow<'a, str>,
    /// Its name, unescaped.
    plain: Cow<'a, str>,
    /// Whether `--translate` renamed it.
    renamed: bool,
}

impl Shaper {
    /// `edge_keys` is the rule for the keys in `_from` and `_to`, if the collection holds edges.
    pub fn new(options: ShapeOptions, edge_keys: Option<&'static KeyRule>) -> Shaper {
        let mut shaper = Shaper {
            document: options.doc.clone().map(Document::new),
            flags: NamingFlags::new(&options),
            given: options,
            options: ShapeOptions::default(),
            has_no_effect: true,
            only_document: false,
            are_rows: true,
            are_edges: false,
            edge_keys,
            flat: String::new(),
            nested: String::new(),
            scanner: Scanner::default(),
        };
        shaper.expect_edges(edge_keys.is_some());
        shaper
    }

    /// Sets whether the next records come from rows. `--nested` applies only to them.
    pub fn expect_rows(&mut self, are_rows: bool) {
        self.are_rows = are_rows;
    }

    /// Sets whether the next records are edges. Prefixes apply only to them.
    pub fn expect_edges(&mut self, are_edges: bool) {
        self.are_edges = are_edges;
        self.options = self.given.clone();
        if !are_edges {
            (self.options.from_prefix, self.options.to_prefix) = (None, None);
        }
        let effect = ShapeOptions { overwrite_prefix: false, doc: None, columns: Vec::new(), ..self.options.clone() };
        self.only_document = effect == ShapeOptions::default();
        self.has_no_effect = self.only_document && self.document.is_none();
    }

    /// Compares the header of an input with the options. If they must match, a flag that names no column is an error.
    ///
    /// # Errors
    /// Also if names clash when they are nested.
    pub fn expect_header(&mut self, names: &[String], must_match: bool) -> Result<(), String> {
        self.flags.expect_names(names, must_match)?;
        if self.options.nested {
            nest::check_names(&self.options.names_of(names)).map_err(|reason| reason.text)?;
        }
        Ok(())
    }

    /// The flags that have matched no field so far.
    pub fn unmatched(&self) -> Vec<String> {
        self.flags.unmatched()
    }

    /// Shapes one record. `None` if it does not change.
    ///
    /// # Errors
    /// If names clash, or an edge has no valid ends.
    pub fn shape<'a>(&'a mut self, record: &Record<'a>) -> Result<Option<Record<'a>>, Reason> {
        let is_line = record.command.is_some();
        if !is_line && !self.has_no_effect {
            self.flags.see(record);
            return self.reshape(record).map(Some);
        }
        if let (Some(keys), false) = (self.edge_keys.filter(|_| self.are_edges), is_line) {
            check_ends(record, keys)?;
        }
        Ok(None)
    }

    fn reshape<'a>(&'a mut self, record: &Record<'a>) -> Result<Record<'a>, Reason> {
        let record = &match &mut self.document {
            Some(document) => document.of(record)?,
            None => *record,
        };
        if self.only_document {
            if let Some(keys) = self.edge_keys.filter(|_| self.are_edges) {
                check_ends(record, keys)?;
            }
            return Ok(*record);
        }
        write_flat(&self.options, record, &mut self.flat)?;
        let mut text = &self.flat;
        if self.options.nested && self.are_rows {
            let _ = self.scanner.object(self.flat.as_bytes());
            nest::write_nested(&self.flat, self.scanner.fields(), &mut self.nested)?;
            text = &self.nested;
        }
        if self.scanner.object(text.as_bytes()) != Ok(text.len()) {
            return Err(Reason::new("shape", "the result is not a JSON object"));
        }
        let shaped = Record { text, fields: self.scanner.fields(), ..*record };
        if let Some(keys) = self.edge_keys.filter(|_| self.are_edges) {
            check_ends(&shaped, keys)?;
        }
        Ok(shaped)
    }
}

/// Writes the record after merges, removals, renames and edge prefixes.
fn write_flat(options: &ShapeOptions, record: &Record<'_>, out: &mut String) -> Result<(), Reason> {
    let text = record.text;
    let merged = merged(options, record)?;
    let mut shaped: Vec<OutField<'_>> = Vec::with_capacity(record.fields.len() + merged.len());
    let mut end = 1;
    for field in record.fields {
        let before = &text[end..field.name.start as usize - 1];
        end = field.value.end as usize;
        let is = |name: &str| same_name(field.name.of(text), field.escaped, name);
        if !options.remove.iter().any(|name| is(name)) && !merged.iter().any(|(name, _)| is(name)) {
            shaped.push(keep(options, text, field, before)?);
        }
    }
    for (name, value) in merged.iter().filter(|(_, value)| !value.is_empty()) {
        if !options.remove.iter().any(|removed| removed == name) {
            shaped.push(merged_field(options, name, value)?);
        }
    }
    ensure_renames_hide_nothing(&shaped)?;
    out.clear();
    out.push('{');
    for (index, field) in shaped.iter().enumerate() {
        // A field that is now the first one loses its comma.
        let has_comma = field.before.contains(',');
        let before = if index == 0 && has_comma { "" } else { field.before };
        let comma = if index > 0 && !has_comma { "," } else { "" };
        out.extend([comma, before, &field.name, field.between, &field.value]);
    }
    out.push_str(&text[end..]);
    Ok(())
}

fn keep<'a>(options: &'a ShapeOptions, text: &'a str, field: &Field, before: &'a str) -> Result<OutField<'a>, Reason> {
    let written = field.name.of(text);
    let to = new_name(options, |from| same_name(written, field.escaped, from));
    let plain = to.map(Cow::Borrowed).or_else(|| unescape(written)).unwrap_or(Cow::Borrowed(written));
    let value = field.value.of(text);
    let (name_start, name_end) = (field.name.start as usize - 1, field.name.end as usize + 1);
    Ok(OutField {
        before,
        name: to.map_or(Cow::Borrowed(&text[name_start..name_end]), |to| quoted(to).into()),
        between: &text[name_end..field.value.start as usize],
        value: prefixed(options, &plain, value)?.map_or(Cow::Borrowed(value), Cow::Owned),
        plain,
        renamed: to.is_some(),
    })
}

/// The field of a merge. Its value is always a string. The ends of edges get their prefix as usual.
fn merged_field<'a>(options: &'a ShapeOptions, name: &'a str, text: &str) -> Result<OutField<'a>, Reason> {
    let to = new_name(options, |from| from == name);
    let name = to.unwrap_or(name);
    let value = quoted(text);
    let value = prefixed(options, name, &value)?.unwrap_or(value).into();
    let (quoted, plain) = (quoted(name).into(), name.into());
    Ok(OutField { before: "", name: quoted, between: ":", value, plain, renamed: to.is_some() })
}

/// The new name that `--translate` gives to a name.
fn new_name(options: &ShapeOptions, is: impl Fn(&str) -> bool) -> Option<&str> {
    options.translate.iter().find(|(from, _)| is(from)).map(|(_, to)| to.as_str())
}

fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    quote_into(&mut out, name);
    out
}

/// Refuses a rename by `--translate` to the name of another field.
fn ensure_renames_hide_nothing(shaped: &[OutField<'_>]) -> Result<(), Reason> {
    for (index, OutField { plain: name, .. }) in shaped.iter().enumerate().filter(|(_, field)| field.renamed) {
        let mut others = shaped.iter().enumerate().filter(|(other, _)| *other != index);
        if others.any(|(_, other)| other.plain == *name) {
            return Err(Reason::new("name_clash", format!("--translate: duplicate field \"{name}\"")));
        }
    }
    Ok(())
}

/// The merged texts of a record, with their new names.
fn merged<'o>(options: &'o ShapeOptions, record: &Record<'_>) -> Result<Vec<(&'o str, String)>, Reason> {
    let mut texts: Vec<(&str, String)> = Vec::new();
    for merge in &options.merge {
        let mut text = String::new();
        for part in &merge.parts {
            match part {
                MergePart::Literal(literal) => text.push_str(literal),
                MergePart::Field(name) => match texts.iter().rev().find(|(other, _)| other == name) {
                    Some((_, earlier)) => text.push_str(earlier),
                    None => text.push_str(&field_text(record, name)?),
                },
            }
        }
        texts.retain(|(name, _)| *name != merge.name);
        texts.push((&merge.name, text));
    }
    Ok(texts)
}

/// The value of the last field of that name.
fn value_of<'a>(record: &Record<'a>, name: &str) -> Option<&'a str> {
    let is = |field: &&Field| same_name(field.name.of(record.text), field.escaped, name);
    record.fields.iter().rev().find(is).map(|field| field.value.of(record.text))
}

/// The text of a field for a merge: the content of a string, or another value as written. Empty if there is no such field.
fn field_text<'a>(record: &Record<'a>, name: &str) -> Result<Cow<'a, str>, Reason> {
    match value_of(record, name) {
        Some(raw) if JsonKind::of(raw) == JsonKind::String => unquoted(raw)
            .ok_or_else(|| Reason::new("shape", format!("\"{name}\" has an unpaired surrogate and cannot be merged"))),
        Some(raw) => Ok(Cow::Borrowed(raw)),
        None if record.nulls.iter().any(|null| null == name) => Ok(Cow::Borrowed("null")),
        None => Ok(Cow::Borrowed("")),
    }
}

/// Adds the prefix to the end of an edge (contract of ArangoDB's import, 1.10): to text without `/`, and to whole numbers.
/// Text with `/` keeps its own collection, unless that is to be overwritten. `None`: it does not change.
fn prefixed(options: &ShapeOptions, name: &str, raw: &str) -> Result<Option<String>, Reason> {
    let prefix = match name {
        "_from" => options.from_prefix.as_deref(),
        "_to" => options.to_prefix.as_deref(),
        _ => None,
    };
    let Some(prefix) = prefix else { return Ok(None) };
    let end = match JsonKind::of(raw) {
        JsonKind::String => {
            unquoted(raw).ok_or_else(|| Reason::new("bad_edge", "the end of an edge has an unpaired surrogate"))?
        }
        JsonKind::Number if raw.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(raw),
        _ => return Ok(None),
    };
    let key = match end.split_once('/') {
        Some((_, key)) if options.overwrite_prefix => key,
        Some(_) => return Ok(None),
        None => &end,
    };
    Ok(Some(quoted(&format!("{prefix}/{key}"))))
}

/// Checks that both ends of an edge exist and name a collection and a key (contract of ArangoDB's import, 1.10). A second
/// slash is always refused: the end of the collection's name would be ambiguous.
fn check_ends(record: &Record<'_>, keys: &KeyRule) -> Result<(), Reason> {
    for name in ["_from", "_to"] {
        let bad = |text: String| Err(Reason::new("bad_edge", text));
        let Some(raw) = value_of(record, name) else {
            return bad(format!("missing field \"{name}\" of an edge"));
        };
        if JsonKind::of(raw) != JsonKind::String {
            return bad(format!("\"{name}\" of an edge must be a string, not {}", JsonKind::of(raw).name()));
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

mod document;
mod flags;
mod nest;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Origin;

    fn shape(options: ShapeOptions, text: &str) -> Result<String, &'static str> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let record = Record::of(text, &scanner, Origin::default());
        let mut shaper = Shaper::new(options.clone(), options.from_prefix.is_some().then_some(KeyRule::TEXTS));
        shaper.shape(&record).map(|shaped| shaped.unwrap_or(record).text.to_owned()).map_err(Reason::static_kind)
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
    fn a_rename_to_an_existing_name_is_an_error() {
        for text in [r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#] {
            let rename = ShapeOptions { translate: pair("a", "b"), ..ShapeOptions::default() };
            assert_eq!(shape(rename, text), Err("name_clash"), "{text}");
        }
    }

    #[test]
    fn merges_join_texts_and_can_use_earlier_merges() {
        let part = |name: &str| MergePart::Field(name.to_owned());
        let merge = vec![
            Merge { name: "_key".into(), parts: vec![part("a"), MergePart::Literal("-".into()), part("b")] },
            Merge { name: "c".into(), parts: vec![part("_key"), part("missing")] },
        ];
        let options = ShapeOptions { merge, ..ShapeOptions::default() };
        assert_eq!(
            shape(options, r#"{"a":1.50,"b":"x\ny","c":null}"#).as_deref(),
            Ok(r#"{"a":1.50,"b":"x\ny","_key":"1.50-x\ny","c":"1.50-x\ny"}"#)
        );
    }

    #[test]
    fn prefixes_are_added_to_keys() {
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
