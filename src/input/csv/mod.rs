//! CSV and TSV with a header row.
//! `rows` splits records into cells with the crate `csv_core` and counts lines. `cells` holds the cells of a record.
//! `columns` converts them to fields, which `object` writes. A cell knows whether it was quoted: only a bare one can be a
//! number.

mod cells;
mod columns;
mod header;
mod number;
mod object;
mod rows;

use super::{NoRecord, OneByOne, ReadError, ReadStep, Window};
use crate::record::Record;
use crate::values::{self, Auto, one_of};
use columns::Columns;
use csv_core::Terminator;
use rows::Rows;

pub(super) use columns::wrong_count;
pub use header::header_names;
pub(super) use object::{ColumnName, Object};

/// The type of a column (`--datatype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Datatype {
    String,
    /// A JSON number, as written. Other text is an error.
    Number,
    /// `true`, `no`, `OFF`, `1` and similar words. Other text is an error.
    Boolean,
    Null,
    /// The cell is JSON.
    Json,
}

impl Datatype {
    /// Its name on the command line.
    pub fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map(|word| word.get_name().to_owned()).unwrap_or_default()
    }
}

/// What an empty cell becomes (`--empty`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum EmptyCell {
    /// No field.
    #[default]
    Omit,
    /// `null`.
    Null,
    /// `""`.
    String,
}

/// Options of the CSV and TSV readers.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "CSV")]
pub struct CsvOptions {
    /// Byte between cells: , for csv, \t for tsv
    ///
    /// Without it a header of one column that contains ;, a tab or | is refused.
    #[arg(long, value_name = "BYTE", value_parser = values::separator)]
    pub separator: Option<u8>,
    /// Byte around cells: " for csv, none for tsv
    ///
    /// '' or none: cells are never quoted.
    #[arg(long, value_name = "BYTE", value_parser = values::quote)]
    pub quote: Option<Auto<u8>>,
    /// Take \" and \\ in a quoted cell for a quote and a backslash
    #[arg(long)]
    pub backslash_escape: bool,
    /// File with the header row; the data then has none
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub headers_file: Option<std::path::PathBuf>,
    /// auto, or none: every cell is a string
    ///
    /// auto: a bare cell (not in quotes) that is a JSON number (an integer within signed 64 bits, or a finite decimal) is that number, digit for digit; bare true and false are themselves; a
    /// bare null is an empty cell. A quoted cell, 007, +5 and .8 are strings.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = one_of::<Conversion>())]
    pub convert: Conversion,
    /// Column type: string, number, boolean, null or json
    ///
    /// COL is the name in the header. number: a JSON number of any size, quoted or not, else the row is an error.
    /// boolean: true, yes, y, t, on, 1, 1.0, or false, no, n, f, off, 0, 0.0, in any case, quoted or not; an empty cell
    /// or null follows --empty, else the row is an error. null: always null. json: the cell is JSON. May be repeated.
    #[arg(id = "datatype", long = "datatype", value_name = "COL=TYPE", value_parser = datatype)]
    pub datatypes: Vec<(String, Datatype)>,
    /// What an empty cell becomes: omit, null or string
    ///
    /// omit: no field. null: a null. string: an empty string.
    #[arg(long, value_name = "HOW", default_value = "omit", value_parser = one_of::<EmptyCell>())]
    pub empty: EmptyCell,
    /// Let rows have fewer or more cells than the header
    ///
    /// Missing cells are no fields, surplus ones are dropped. Otherwise such a row is an error. Also for arrays.
    #[arg(long)]
    pub ignore_missing: bool,
    /// Headers a.b and tags.0 make objects and arrays
    ///
    /// Also for arrays.
    #[arg(long)]
    pub nested: bool,
    /// The header row, from `--headers-file`; the data then has none.
    #[arg(skip)]
    pub headers: Option<Vec<String>>,
    /// Whether every cell stays a string (`--convert none`).
    #[arg(skip)]
    pub keep_strings: bool,
    /// Columns that `--merge-attributes` reads.
    #[arg(skip)]
    pub merged: Vec<String>,
    /// Columns that are always strings besides `_key`, `_id`, `_from` and `_to`: those that `--translate` renames to one
    /// of these.
    #[arg(skip)]
    pub string_columns: Vec<String>,
}

/// `--convert`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Conversion {
    /// Cells become what they look like.
    #[default]
    Auto,
    /// Cells stay strings.
    None,
}

/// Parses `--datatype`.
fn datatype(text: &str) -> Result<(String, Datatype), String> {
    let types = "types are string, number, boolean, null and json";
    let refused = || format!("expected COL=TYPE\nhint: {types}");
    let (column, word) = text.rsplit_once('=').filter(|(column, _)| !column.is_empty()).ok_or_else(refused)?;
    let datatype = clap::ValueEnum::from_str(word, false).map_err(|_| {
        let near = match &*word.to_ascii_lowercase() {
            "int" | "integer" | "float" | "double" | "decimal" => "number",
            "bool" => "boolean",
            "str" | "text" | "varchar" | "date" | "datetime" => "string",
            _ => return refused(),
        };
        format!("expected COL=TYPE\nhint: write `{column}={near}`; {types}")
    })?;
    Ok((column.to_owned(), datatype))
}

/// How cells are separated and quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub(crate) separator: u8,
    pub(crate) quote: Option<u8>,
    backslash_escape: bool,
}

impl Dialect {
    /// Commas and double quotes, unless the options override them.
    pub fn csv(options: &CsvOptions) -> Dialect {
        Dialect::new(options, b',', Some(b'"'))
    }

    /// Tabs and no quotes, unless the options override them.
    pub fn tsv(options: &CsvOptions) -> Dialect {
        Dialect::new(options, b'\t', None)
    }

    fn new(options: &CsvOptions, separator: u8, quote: Option<u8>) -> Dialect {
        Dialect {
            separator: options.separator.unwrap_or(separator),
            quote: options.quote.unwrap_or(quote),
            backslash_escape: options.backslash_escape,
        }
    }

    /// A new reader. The terminator of an existing one cannot be changed, and its `clone` is incomplete.
    fn reader(self, terminator: Terminator) -> csv_core::Reader {
        let mut builder = csv_core::ReaderBuilder::new();
        builder.delimiter(self.separator).terminator(terminator);
        builder.quoting(self.quote.is_some()).quote(self.quote.unwrap_or(b'"'));
        let mut reader = builder.escape(self.backslash_escape.then_some(b'\\')).build();
        // It drops a byte order mark from its first bytes. A blank line first prevents that, and has no other effect.
        reader.read_field(b"\n", &mut [0]);
        reader
    }
}

/// Maximum number of columns. A header with more probably has the wrong separator.
const MAX_COLUMNS: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Csv {
    rows: Rows,
    options: CsvOptions,
    /// `None` until the header is read.
    columns: Option<Columns>,
    object: Object,
}

impl Csv {
    /// `skipped_lines` is the number of lines before the first byte of the window.
    pub(super) fn new(
        window: Window,
        file: u32,
        skipped_lines: u64,
        max_record_bytes: usize,
        options: &CsvOptions,
        dialect: Dialect,
    ) -> Csv {
        Csv {
            rows: Rows::new(window, file, skipped_lines, (max_record_bytes, MAX_COLUMNS), dialect),
            options: options.clone(),
            columns: None,
            object: Object::default(),
        }
    }

    fn read_header(&mut self) -> Result<Columns, NoRecord> {
        let names = match &self.options.headers {
            Some(names) => Ok(names.clone()),
            None => match self.rows.next()? {
                Ok(length) => header::of_record(&self.rows, length),
                Err(reason) => Err(format!("the header is {}", reason.text)),
            },
        };
        let columns = names.and_then(|names| Columns::new(names, &self.options));
        let columns = columns.map_err(|text| ReadError::new(self.rows.origin, text))?;
        self.rows.cells.keep = columns.list.len();
        Ok(columns)
    }
}

impl OneByOne for Csv {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        self.object.shrink();
        if self.columns.is_none() {
            self.columns = Some(self.read_header()?);
        }
        let Some(columns) = &mut self.columns else { return Err(NoRecord::End) };
        let row = self.rows.next()?;
        if row.is_ok() && self.rows.cells.is_blank() {
            return Ok(ReadStep::Empty);
        }
        self.rows.origin.record += 1;
        let origin = self.rows.origin;
        let length = *row.as_ref().unwrap_or(&0);
        let written = row.and_then(|length| {
            let row = &self.rows.window.bytes()[..length];
            columns.write(row, &self.rows.cells, &mut self.object)
        });
        let raw = self.rows.raw_text(length);
        let (text, fields, nulls) = (self.object.text(), self.object.fields(), &columns.nulls[..]);
        Ok(ReadStep::of(origin, raw, written.map(|()| Record { text, fields, origin, nulls, ..Record::default() })))
    }
}

#[cfg(test)]
mod tests;
