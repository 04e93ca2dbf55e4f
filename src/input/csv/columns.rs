//! What the header says: how the cells of each column become members.
//! The rules are arangoimport's (a bare `true` is a boolean, an empty cell is no member, `--datatype` beats `--convert`)
//! with one exception that is on purpose: only what is a number in JSON becomes one, so postal codes keep their zeros.

use super::cells::{Cells, shortened};
use super::number::{is_json_number, is_number};
use super::object::{Field, Name, Object};
use super::{CsvOptions, Datatype, EmptyCell, header};
use crate::input::jsonl::{trimmed, utf8};
use crate::json::Scanner;
use crate::record::Reason;

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Bare numbers, `true` and `false` are themselves, a bare `null` is an empty cell.
    Convert,
    /// All is text.
    Text,
    /// `--datatype number`.
    Number,
    /// `--datatype boolean`.
    Boolean,
    /// `--datatype null`.
    Null,
    /// `--datatype json`.
    Json,
}

#[derive(Debug)]
struct Column {
    name: String,
    quoted: Name,
    rule: Rule,
    /// The name again, if `--merge-attributes` reads this column.
    merged: bool,
}

/// What a cell becomes.
enum Value<'a> {
    /// Nothing, or what `--empty` says.
    Empty,
    /// The same for a cell that says so with the word `null`.
    Null,
    /// A JSON value.
    Json(Field<'a>),
    /// A string with this text.
    Text(Field<'a>),
    /// An error of this kind: the cell is not what it should be.
    Bad(&'static str, &'static str),
}

/// All columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    list: Vec<Column>,
    empty: EmptyCell,
    ignore_missing: bool,
    scanner: Scanner,
    nulls: Vec<String>,
    /// Whether some cells are read and not written, so that the object does not show whether the row is UTF-8.
    drops_text: bool,
}

impl Columns {
    /// Takes the names of a header; the error is a sentence about it.
    pub(super) fn new(names: Vec<String>, options: &CsvOptions) -> Result<Columns, String> {
        header::check(&names)?;
        header::ensure_separator_fits(&names, options)?;
        check_datatypes(&names, options)?;
        let list: Vec<_> = names.into_iter().map(|name| Column::new(name, options)).collect();
        Ok(Columns {
            drops_text: list.iter().any(|column| matches!(column.rule, Rule::Boolean | Rule::Null)),
            list,
            empty: options.empty,
            ignore_missing: options.ignore_missing,
            scanner: Scanner::default(),
            nulls: Vec::new(),
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Columns that are read by `--merge-attributes` and hold the word `null` in the row written last.
    pub(super) fn nulls(&self) -> &[String] {
        &self.nulls
    }

    /// Writes the object of a row, whose raw text is `row`.
    pub(super) fn write(&mut self, row: &[u8], cells: &Cells, out: &mut Object) -> Result<(), Reason> {
        let count = cells.count();
        if count != self.list.len() && !self.ignore_missing {
            return Err(wrong_count(count, "field", self.list.len()));
        }
        if self.drops_text || count > self.list.len() {
            utf8(row)?;
        }
        out.begin();
        self.nulls.clear();
        for (column, (cell, is_bare)) in self.list.iter().zip(cells.kept()) {
            let value = column.value(cell, is_bare, &mut self.scanner);
            if column.merged && matches!(value, Value::Null) {
                self.nulls.push(column.name.clone());
            }
            let written = match (value, self.empty) {
                (Value::Json(value), _) => out.push(&column.quoted, value),
                (Value::Text(text), _) => out.push_text(&column.quoted, text),
                (Value::Bad(kind, what), _) => return Err(column.not(cell.text(), kind, what)),
                (_, EmptyCell::Omit) => Ok(()),
                (_, EmptyCell::Null) => out.push(&column.quoted, Field::alone(b"null")),
                (_, EmptyCell::String) => out.push_text(&column.quoted, Field::alone(b"")),
            };
            written.map_err(|why| why.reason(row))?;
        }
        out.end();
        Ok(())
    }
}

impl Column {
    fn new(name: String, options: &CsvOptions) -> Column {
        let datatype = options.datatypes.iter().rfind(|(column, _)| *column == name).map(|(_, datatype)| *datatype);
        let rule = match datatype {
            _ if is_string_column(&name, options) => Rule::Text,
            None if options.keep_strings => Rule::Text,
            None => Rule::Convert,
            Some(Datatype::String) => Rule::Text,
            Some(Datatype::Number) => Rule::Number,
            Some(Datatype::Boolean) => Rule::Boolean,
            Some(Datatype::Null) => Rule::Null,
            Some(Datatype::Json) => Rule::Json,
        };
        let merged = options.merged.contains(&name);
        Column { quoted: Name::new(&name), name, rule, merged }
    }

    /// Tells what a cell becomes.
    #[inline(always)]
    fn value<'a>(&self, cell: Field<'a>, bare: bool, scanner: &mut Scanner) -> Value<'a> {
        let text = cell.text();
        if bare && text.is_empty() && self.rule != Rule::Null {
            return Value::Empty;
        }
        match self.rule {
            Rule::Convert if bare => converted(cell),
            Rule::Convert | Rule::Text => Value::Text(cell),
            Rule::Number if bare && text == b"null" => Value::Null,
            Rule::Number if is_json_number(text) => Value::Json(cell),
            Rule::Number => Value::Bad("invalid_number", "a JSON number"),
            Rule::Boolean => boolean(text),
            Rule::Null => Value::Json(Field::alone(b"null")),
            Rule::Json => {
                let place = trimmed(text);
                match scanner.value(text, place.start) {
                    Ok(end) if end == place.end => Value::Json(Field::alone(&text[place])),
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
fn converted(cell: Field<'_>) -> Value<'_> {
    match cell.text() {
        [b'-' | b'0'..=b'9', ..] if is_number(cell) => Value::Json(cell),
        b"true" | b"false" => Value::Json(cell),
        b"null" => Value::Null,
        _ => Value::Text(cell),
    }
}

/// What a cell becomes with `--datatype boolean`, quoted or not. What is no known word is an error: guessed to be true, a
/// `FALSE` or a `no` would be stored as its opposite.
fn boolean(text: &[u8]) -> Value<'static> {
    let is = |words: [&str; 6]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    match text {
        b"" => Value::Empty,
        b"null" => Value::Null,
        _ if is(["true", "yes", "y", "t", "on", "1"]) || text == b"1.0" => Value::Json(Field::alone(b"true")),
        _ if is(["false", "no", "n", "f", "off", "0"]) || text == b"0.0" => Value::Json(Field::alone(b"false")),
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
            return Err(format!(
                "--datatype {column}={word}: this column is always a string, as keys and ends of edges are"
            ));
        }
    }
    Ok(())
}

/// The reason for a row that does not fit its header.
pub(in crate::input) fn wrong_count(count: usize, what: &str, columns: usize) -> Reason {
    let plural = if count == 1 { "" } else { "s" };
    Reason::new("wrong_number_of_fields", format!("{count} {what}{plural}, but the header has {columns}"))
}
