//! Converts the cells of each column to fields.
//! The rules are those of arangoimport (a bare `true` is a boolean, an empty cell is no field, `--datatype` overrides
//! `--convert`), with one deliberate exception: only valid JSON numbers become numbers, so postal codes keep their zeros.

use super::cells::{Cells, shortened};
use super::number::is_number;
use super::object::{ColumnName, Object};
use super::{CsvOptions, Datatype, EmptyCell, header};
use crate::input::jsonl::{trimmed, utf8};
use crate::json::{self, Scanner};
use crate::record::Reason;

#[derive(Debug)]
pub(super) struct Column {
    name: String,
    quoted: ColumnName,
    /// `None`: bare numbers, `true` and `false` become JSON values, a bare `null` is an empty cell, all else is a string.
    datatype: Option<Datatype>,
    /// Whether `--merge-attributes` reads this column.
    merged: bool,
}

/// What a cell becomes.
#[derive(Clone, Copy)]
enum CellValue {
    /// No field, or what `--empty` says.
    Empty,
    /// The same, for a bare `null`.
    Null,
    /// This JSON text.
    Constant(&'static str),
    /// The text of the cell, which is valid JSON.
    Json,
    /// The same, without the whitespace around it.
    Trimmed,
    /// A string.
    Text,
    /// An error of this kind: the cell is not a value of this type.
    Bad(&'static str, &'static str),
}

/// All columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    /// The JSON text for an empty cell; `None`: no field.
    empty: Option<&'static str>,
    ignore_missing: bool,
    scanner: Scanner,
    /// Columns used by `--merge-attributes` that hold a bare `null` in the current row.
    pub(super) nulls: Vec<String>,
    /// Whether the text of some cells is not copied. Then the whole row is checked for valid UTF-8 first.
    drops_text: bool,
}

impl Columns {
    /// Builds the columns from the names in the header. The error is a message.
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

    /// Writes the object for a row. `row` is its raw text.
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
                (CellValue::Bad(kind, what), _) => return Err(column.mismatch(cell, kind, what)),
                (CellValue::Json, Some((text, _))) => out.push(name, text),
                (CellValue::Trimmed, Some((text, _))) => out.push(name, text.trim_matches([' ', '\t', '\r', '\n'])),
                (CellValue::Text, Some((text, _))) => out.push_text(name, text),
                (CellValue::Json | CellValue::Trimmed | CellValue::Text, None) => {}
                (CellValue::Constant(json), _) => out.push(name, json),
                (CellValue::Empty | CellValue::Null, _) => {
                    if column.merged && matches!(value, CellValue::Null) {
                        self.nulls.push(column.name.clone());
                    }
                    if let Some(json) = self.empty {
                        out.push(name, json);
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
        let requested = options.datatypes.iter().rfind(|(column, _)| *column == name).map(|(_, datatype)| *datatype);
        let is_text = is_string_column(&name, options) || (options.keep_strings && requested.is_none());
        let datatype = if is_text { Some(Datatype::String) } else { requested };
        let merged = options.merged.contains(&name);
        Column { quoted: ColumnName::new(&name), name, datatype, merged }
    }

    #[inline(always)]
    fn value(&self, text: &[u8], bare: bool, scanner: &mut Scanner) -> CellValue {
        match self.datatype {
            Some(Datatype::Null) => CellValue::Constant("null"),
            _ if bare && text.is_empty() => CellValue::Empty,
            None if bare => converted(text),
            None | Some(Datatype::String) => CellValue::Text,
            Some(Datatype::Number) if bare && text == b"null" => CellValue::Null,
            Some(Datatype::Number) if json::is_number(text) => CellValue::Json,
            Some(Datatype::Number) => CellValue::Bad("invalid_number", "a JSON number"),
            Some(Datatype::Boolean) => boolean(text),
            Some(Datatype::Json) => {
                let inner = trimmed(text);
                match scanner.value(text, inner.start) {
                    Ok(end) if end == inner.end => CellValue::Trimmed,
                    _ => CellValue::Bad("invalid_json", "one JSON value"),
                }
            }
        }
    }

    #[cold]
    fn mismatch(&self, text: &[u8], kind: &'static str, what: &str) -> Reason {
        let text = String::from_utf8_lossy(text);
        Reason::new(kind, format!("column {:?}: {:?} is not {what}", shortened(&self.name), shortened(&text)))
    }
}

/// Converts a bare cell without `--datatype`.
#[inline(always)]
fn converted(text: &[u8]) -> CellValue {
    match text {
        [b'-' | b'0'..=b'9', ..] if is_number(text) => CellValue::Json,
        b"true" | b"false" => CellValue::Json,
        b"null" => CellValue::Null,
        _ => CellValue::Text,
    }
}

/// Converts a cell with `--datatype boolean`, quoted or not. An unknown word is an error: treated as true, a `FALSE` or a
/// `no` would be stored as its opposite.
fn boolean(text: &[u8]) -> CellValue {
    let is = |words: [&str; 6]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    match text {
        b"" => CellValue::Empty,
        b"null" => CellValue::Null,
        _ if is(["true", "yes", "y", "t", "on", "1"]) || text == b"1.0" => CellValue::Constant("true"),
        _ if is(["false", "no", "n", "f", "off", "0"]) || text == b"0.0" => CellValue::Constant("false"),
        _ => {
            CellValue::Bad("invalid_boolean", "a boolean (true, false, yes, no, y, n, t, f, on, off, 1, 0, 1.0 or 0.0)")
        }
    }
}

fn is_string_column(name: &str, options: &CsvOptions) -> bool {
    matches!(name, "_key" | "_id" | "_from" | "_to") || options.string_columns.iter().any(|column| column == name)
}

fn check_datatypes(names: &[String], options: &CsvOptions) -> Result<(), String> {
    for (column, datatype) in &options.datatypes {
        let type_name = datatype.name();
        if !names.contains(column) {
            let listed: Vec<_> = names.iter().take(10).map(|name| shortened(name)).collect();
            let more = if names.len() > listed.len() { ", ..." } else { "" };
            return Err(format!(
                "--datatype {column}={type_name}: no such column (the header has: {}{more})",
                listed.join(", ")
            ));
        }
        if *datatype != Datatype::String && is_string_column(column, options) {
            return Err(format!("--datatype {column}={type_name}: keys and ends of edges are always strings"));
        }
    }
    Ok(())
}

/// The reason for a row with more or fewer values than the header.
pub(in crate::input) fn wrong_count(count: usize, what: &str, columns: usize) -> Reason {
    let plural = if count == 1 { "" } else { "s" };
    Reason::new("wrong_number_of_fields", format!("{count} {what}{plural}, but the header has {columns}"))
}
