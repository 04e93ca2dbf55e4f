//! What the header says: how the cells of each column become fields.
//! The rules are arangoimport's (a bare `true` is a boolean, an empty cell is no field, `--datatype` beats `--convert`)
//! with one exception that is on purpose: only what is a number in JSON becomes one, so postal codes keep their zeros.

use super::cells::{Cells, shortened};
use super::number::is_number;
use super::object::{Name, Object};
use super::{CsvOptions, Datatype, EmptyCell, header};
use crate::input::jsonl::{trimmed, utf8};
use crate::json::{self, Scanner};
use crate::record::Reason;

#[derive(Debug)]
pub(super) struct Column {
    name: String,
    quoted: Name,
    /// `None`: bare numbers, `true` and `false` are themselves, a bare `null` is an empty cell, all else is text.
    datatype: Option<Datatype>,
    /// Whether `--merge-attributes` reads this column.
    merged: bool,
}

/// What a cell becomes.
#[derive(Clone, Copy)]
enum Value {
    /// Nothing, or what `--empty` says.
    Empty,
    /// The same for a cell that says so with the word `null`.
    Null,
    /// This JSON.
    Bytes8(&'static str),
    /// The JSON value that it is.
    Json,
    /// The JSON value that it is without the blanks around it.
    Trimmed,
    /// A string with its text.
    Text,
    /// An error of this kind: the cell is not what it should be.
    Bad(&'static str, &'static str),
}

/// All columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    /// What an empty cell becomes.
    empty: Option<&'static str>,
    ignore_missing: bool,
    scanner: Scanner,
    /// Columns that are read by `--merge-attributes` and hold the word `null` in the row written last.
    pub(super) nulls: Vec<String>,
    /// Whether the text of some cells is not written: a row is checked to be UTF-8 before these are read.
    drops_text: bool,
}

impl Columns {
    /// Takes the names of a header; the error is a sentence about it.
    pub(super) fn new(names: Vec<String>, options: &CsvOptions) -> Result<Columns, String> {
        header::check(&names)?;
        header::ensure_separator_fits(&names, options)?;
        check_datatypes(&names, options)?;
        let list: Vec<_> = names.into_iter().map(|name| Column::new(name, options)).collect();
        let drops_text = |column: &Column| matches!(column.datatype, Some(Datatype::Boolean | Datatype::Null));
        Ok(Columns {
            drops_text: list.iter().any(drops_text),
            list,
            empty: match options.empty {
                EmptyCell::Omit => None,
                EmptyCell::Null => Some("null"),
                EmptyCell::String => Some("\"\""),
            },
            ignore_missing: options.ignore_missing,
            scanner: Scanner::default(),
            nulls: Vec::new(),
        })
    }

    /// Writes the object of a row, whose raw text is `row`.
    pub(super) fn write(&mut self, row: &[u8], cells: &Cells, out: &mut Object) -> Result<(), Reason> {
        if let Some(flaw) = &cells.flaw {
            return Err(flaw.clone());
        }
        let count = cells.count;
        if count != self.list.len() && !self.ignore_missing {
            return Err(wrong_count(count, "field", self.list.len()));
        }
        if self.drops_text || count > self.list.len() {
            utf8(row)?;
        }
        out.begin();
        self.nulls.clear();
        let mut texts = simdutf8::basic::from_utf8(cells.text()).ok();
        for (column, (cell, is_bare)) in self.list.iter().zip(cells.kept()) {
            let value = column.value(cell, is_bare, &mut self.scanner);
            let split = texts.and_then(|texts| texts.split_at_checked(cell.len()));
            texts = split.map(|(_, after)| after);
            let name = &column.quoted;
            match (value, split) {
                (Value::Bad(kind, what), _) => return Err(column.not(cell, kind, what)),
                (Value::Json, Some((text, _))) => out.push(name, text),
                (Value::Trimmed, Some((text, _))) => out.push(name, text.trim_matches([' ', '\t', '\r', '\n'])),
                (Value::Text, Some((text, _))) => out.push_text(name, text),
                (Value::Json | Value::Trimmed | Value::Text, None) => {}
                (Value::Bytes8(word), _) => out.push(name, word),
                (Value::Empty | Value::Null, _) => {
                    if column.merged && matches!(value, Value::Null) {
                        self.nulls.push(column.name.clone());
                    }
                    if let Some(word) = self.empty {
                        out.push(name, word);
                    }
                }
            }
        }
        if texts.is_none() {
            utf8(row)?;
            return Err(Reason::new("invalid_utf8", "the separator or the quote splits a character"));
        }
        out.end()
    }
}

impl Column {
    fn new(name: String, options: &CsvOptions) -> Column {
        let given = options.datatypes.iter().rfind(|(column, _)| *column == name).map(|(_, datatype)| *datatype);
        let is_text = is_string_column(&name, options) || (options.keep_strings && given.is_none());
        let datatype = if is_text { Some(Datatype::String) } else { given };
        let merged = options.merged.contains(&name);
        Column { quoted: Name::new(&name), name, datatype, merged }
    }

    /// Tells what a cell becomes.
    #[inline(always)]
    fn value(&self, text: &[u8], bare: bool, scanner: &mut Scanner) -> Value {
        match self.datatype {
            Some(Datatype::Null) => Value::Bytes8("null"),
            _ if bare && text.is_empty() => Value::Empty,
            None if bare => converted(text),
            None | Some(Datatype::String) => Value::Text,
            Some(Datatype::Number) if bare && text == b"null" => Value::Null,
            Some(Datatype::Number) if json::is_number(text) => Value::Json,
            Some(Datatype::Number) => Value::Bad("invalid_number", "a JSON number"),
            Some(Datatype::Boolean) => boolean(text),
            Some(Datatype::Json) => {
                let place = trimmed(text);
                match scanner.value(text, place.start) {
                    Ok(end) if end == place.end => Value::Trimmed,
                    _ => Value::Bad("invalid_json", "one JSON value"),
                }
            }
        }
    }

    #[cold]
    fn not(&self, text: &[u8], kind: &'static str, what: &str) -> Reason {
        let text = String::from_utf8_lossy(text);
        Reason::new(kind, format!("column {:?}: {:?} is not {what}", shortened(&self.name), shortened(&text)))
    }
}

/// What a bare cell becomes without `--datatype`.
#[inline(always)]
fn converted(text: &[u8]) -> Value {
    match text {
        [b'-' | b'0'..=b'9', ..] if is_number(text) => Value::Json,
        b"true" | b"false" => Value::Json,
        b"null" => Value::Null,
        _ => Value::Text,
    }
}

/// What a cell becomes with `--datatype boolean`, quoted or not. What is no known word is an error: guessed to be true, a
/// `FALSE` or a `no` would be stored as its opposite.
fn boolean(text: &[u8]) -> Value {
    let is = |words: [&str; 6]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    match text {
        b"" => Value::Empty,
        b"null" => Value::Null,
        _ if is(["true", "yes", "y", "t", "on", "1"]) || text == b"1.0" => Value::Bytes8("true"),
        _ if is(["false", "no", "n", "f", "off", "0"]) || text == b"0.0" => Value::Bytes8("false"),
        _ => Value::Bad("invalid_boolean", "a boolean (true, false, yes, no, y, n, t, f, on, off, 1, 0, 1.0 or 0.0)"),
    }
}

fn is_string_column(name: &str, options: &CsvOptions) -> bool {
    matches!(name, "_key" | "_id" | "_from" | "_to") || options.string_columns.iter().any(|column| column == name)
}

fn check_datatypes(names: &[String], options: &CsvOptions) -> Result<(), String> {
    for (column, datatype) in &options.datatypes {
        let word = datatype.word();
        if !names.contains(column) {
            let listed: Vec<_> = names.iter().take(10).map(|name| shortened(name)).collect();
            let more = if names.len() > listed.len() { ", ..." } else { "" };
            return Err(format!(
                "--datatype {column}={word}: no such column (the header has: {}{more})",
                listed.join(", ")
            ));
        }
        if *datatype != Datatype::String && is_string_column(column, options) {
            return Err(format!("--datatype {column}={word}: keys and ends of edges are always strings"));
        }
    }
    Ok(())
}

/// The reason for a row that does not fit its header.
pub(in crate::input) fn wrong_count(count: usize, what: &str, columns: usize) -> Reason {
    let plural = if count == 1 { "" } else { "s" };
    Reason::new("wrong_number_of_fields", format!("{count} {what}{plural}, but the header has {columns}"))
}
