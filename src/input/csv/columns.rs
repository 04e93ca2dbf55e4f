//! Converts the cells of each column to fields.
//! The rules are those of arangoimport (a bare `true` is a boolean, an empty cell is no field, `--datatype` overrides
//! `--convert`), with one deliberate exception: only valid JSON numbers become numbers, so postal codes keep their zeros.

use super::cells::Cells;
use super::flavour::{Flavour, Rewritten};
use super::names::{check_datatypes, is_string_column, unique};
use super::number::is_number;
use super::object::{ColumnName, Object};
use super::{CsvOptions, Datatype, EmptyCell};
use crate::input::jsonl::{trimmed, utf8};
use crate::json::{self, Scanner};
use crate::notes::{Notes, shortened};
use crate::record::{Origin, Reason};

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
    /// No field.
    Dropped,
    /// This JSON text.
    Constant(&'static str),
    /// The text of the cell, which is valid JSON.
    Json,
    /// The same, without the whitespace around it.
    Trimmed,
    /// The number that `Flavour` has rewritten.
    Rewritten,
    /// A string.
    Text,
    /// An error of this kind: the cell is not a value of this type.
    Bad(&'static str, &'static str),
}

/// All columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    list: Vec<Column>,
    /// Their names.
    pub(super) names: Vec<String>,
    /// The names as they were written, and their length together.
    written: Vec<String>,
    written_length: usize,
    flavour: Option<Flavour>,
    /// The column that `--key` names.
    key_column: Option<usize>,
    /// The text of its cell in the current row; empty if there is none.
    pub(super) key: String,
    /// Cells that `--ignore-missing` dropped.
    pub(super) dropped_cells: u64,
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
    /// Builds the columns from the names in the header at `origin`. The error is a message.
    pub(super) fn new(
        written: Vec<String>,
        options: &CsvOptions,
        origin: Origin,
        notes: &mut Notes,
    ) -> Result<Columns, String> {
        let names = unique(&written, options, origin, notes)?;
        check_datatypes(&names, options, origin.file == 0)?;
        let list: Vec<_> = names.iter().map(|name| Column::new(name.clone(), options)).collect();
        let drops_text = |column: &Column| matches!(column.datatype, Some(Datatype::Boolean | Datatype::Null));
        Ok(Columns {
            drops_text: list.iter().any(drops_text),
            list,
            written_length: written.iter().map(String::len).sum(),
            written,
            flavour: Flavour::new(options),
            key_column: names.iter().position(|name| options.key_column.as_ref() == Some(name)),
            key: String::new(),
            dropped_cells: 0,
            names,
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
        if self.repeats_header(cells) {
            return Err(Reason::new("repeated_header", "repeats the header"));
        }
        if count != self.list.len() && !self.ignore_missing {
            let mut reason = wrong_count(count, "field", self.list.len());
            if self.list.len() == 1 {
                reason.text += match self.names[0].starts_with('#') {
                    true => " (--comment '#' skips lines that begin with it)",
                    false => " (--skip-lines N passes over lines before the header)",
                };
            }
            return Err(reason);
        }
        if self.drops_text || count > self.list.len() {
            utf8(row)?;
            self.dropped_cells += count.saturating_sub(self.list.len()) as u64;
        }
        if self.flavour.is_none() {
            self.fill::<false>(row, cells, None, out)?;
        } else {
            let mut flavour = self.flavour.take();
            let filled = self.fill::<true>(row, cells, flavour.as_mut(), out);
            self.flavour = flavour;
            filled?;
        }
        if let Some(index) = self.key_column {
            self.keep_key(index, cells);
        }
        out.end()
    }

    /// Adds the fields of a row. `FLAVOUR`: whether there is a flavour.
    #[inline(always)]
    fn fill<const FLAVOUR: bool>(
        &mut self,
        row: &[u8],
        cells: &Cells,
        mut flavour: Option<&mut Flavour>,
        out: &mut Object,
    ) -> Result<(), Reason> {
        out.begin();
        self.nulls.clear();
        let mut texts = simdutf8::basic::from_utf8(cells.text()).ok();
        for (column, (cell, is_bare)) in self.list.iter().zip(cells.kept()) {
            let value = match &mut flavour {
                Some(flavour) if FLAVOUR => column.flavoured_value(flavour, cell, is_bare, &mut self.scanner),
                _ => column.value(cell, is_bare, &mut self.scanner),
            };
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
                (CellValue::Rewritten, _) => {
                    out.push(name, flavour.as_ref().map_or("null", |flavour| flavour.number()));
                }
                (CellValue::Empty | CellValue::Null | CellValue::Dropped, _) => {
                    if column.merged && !matches!(value, CellValue::Empty) {
                        self.nulls.push(column.name.clone());
                    }
                    if let Some(json) = self.empty.filter(|_| !matches!(value, CellValue::Dropped)) {
                        out.push(name, json);
                    }
                }
            }
        }
        if texts.is_none() {
            utf8(row)?;
            return Err(Reason::new("invalid_utf8", "the separator or the quote splits a character"));
        }
        Ok(())
    }

    /// Whether a row is the header once more, perhaps behind a byte order mark: files were joined.
    #[inline(always)]
    fn repeats_header(&self, cells: &Cells) -> bool {
        // The mark has three bytes, and quotes behind it count as text.
        let longer = cells.text().len().wrapping_sub(self.written_length);
        matches!(longer, 0 | 3 | 5) && cells.count == self.written.len() && is_header(cells, &self.written)
    }

    /// Keeps the text of the cell that is the key.
    fn keep_key(&mut self, index: usize, cells: &Cells) {
        self.key.clear();
        let Some((cell, is_bare)) = cells.get(index) else { return };
        let is_null = self.flavour.as_ref().is_some_and(|flavour| flavour.is_null(cell, is_bare));
        if is_null || is_bare && cell == b"null" {
            return;
        }
        self.key.push_str(std::str::from_utf8(cell).unwrap_or_default());
    }
}

/// Whether cells are these names of two or more columns.
#[inline(never)]
fn is_header(cells: &Cells, names: &[String]) -> bool {
    let Some((first, _)) = cells.get(0).filter(|_| names.len() > 1) else { return false };
    let behind_mark = first
        .strip_prefix(b"\xef\xbb\xbf")
        .map(|first| first.strip_prefix(b"\"").and_then(|first| first.strip_suffix(b"\"")).unwrap_or(first));
    let is_first = |name: &String| behind_mark.unwrap_or(first) == name.as_bytes();
    names.first().is_some_and(is_first)
        && names.iter().zip(cells.kept()).skip(1).all(|(name, (cell, _))| cell == name.as_bytes())
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
            Some(Datatype::Null) => CellValue::Dropped,
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

    /// The same, for a file with a flavour.
    fn flavoured_value(&self, flavour: &mut Flavour, cell: &[u8], bare: bool, scanner: &mut Scanner) -> CellValue {
        if flavour.is_null(cell, bare) && self.datatype != Some(Datatype::Null) {
            return CellValue::Empty;
        }
        match flavour.rewrite(cell, bare, self.datatype) {
            Rewritten::No => self.value(cell, bare, scanner),
            Rewritten::Number => CellValue::Rewritten,
            Rewritten::NoNumber if self.datatype.is_none() => CellValue::Text,
            Rewritten::NoNumber => {
                CellValue::Bad("invalid_number", "a number as --decimal and --thousands describe it")
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

/// The reason for a row with more or fewer values than the header.
pub(in crate::input) fn wrong_count(count: usize, what: &str, columns: usize) -> Reason {
    let plural = if count == 1 { "" } else { "s" };
    Reason::new("wrong_number_of_fields", format!("{count} {what}{plural}, but the header has {columns}"))
}
