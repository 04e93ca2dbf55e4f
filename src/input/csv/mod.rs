//! CSV and TSV with a header row.
//! `rows` splits records into cells with the crate `csv_core` and counts lines. `cells` holds the cells of a record.
//! `columns` converts them to fields, which `object` writes. A cell knows whether it was quoted: only a bare one can be a
//! number.

mod cells;
mod columns;
mod header;
mod names;
mod number;
mod object;
mod rows;

use super::{NoRecord, OneByOne, ReadError, ReadStep, Window};
use crate::notes::Notes;
use crate::record::Record;
use crate::values::{self, Auto, one_of};
use columns::Columns;
use csv_core::Terminator;
use rows::{Rows, lines};

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
    /// Others are written as '\x01' to '\x7f'. It wins over a first line sep=; of Excel. Without both, a header is refused
    /// if it is one column that contains ;, a tab or |, or if it has one of these as often as a comma.
    #[arg(long, value_name = "BYTE", value_parser = values::byte)]
    pub separator: Option<u8>,
    /// Byte around cells: " for csv, none for tsv
    ///
    /// '' or none: cells are never quoted.
    #[arg(long, value_name = "BYTE", value_parser = values::quote)]
    pub quote: Option<Auto<u8>>,
    /// Take \" and \\ in a quoted cell for a quote and a backslash
    ///
    /// Other backslashes stay.
    #[arg(long)]
    pub backslash_escape: bool,
    /// Column names; the data then has no header row
    ///
    /// Comma-separated, as one row of CSV: id,name,"a,b".
    #[arg(long = "headers", value_name = "NAMES")]
    pub header_row: Option<String>,
    /// File with the header row; the data then has none
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub headers_file: Option<std::path::PathBuf>,
    /// Skip lines that begin with this byte
    #[arg(long, value_name = "BYTE", value_parser = values::byte)]
    pub comment: Option<u8>,
    /// Drop blanks around cells, outside quotes
    ///
    /// A quote behind blanks then opens a quoted cell; otherwise it is an error. Also for the names in the header.
    #[arg(long)]
    pub trim: bool,
    /// Treat bare cells with this text as empty; repeat for more
    ///
    /// Such as NA or \N, in columns of any type. '""' is an empty cell in quotes. See --empty.
    #[arg(long = "null", value_name = "TEXT")]
    pub null_texts: Vec<String>,
    /// Byte before the decimals of a number, such as ,
    ///
    /// For bare cells, and for quoted ones in columns of --datatype COL=number. A point is then no decimal sign.
    #[arg(long, value_name = "BYTE", value_parser = values::number_sign)]
    pub decimal: Option<u8>,
    /// Byte between groups of three digits, such as .
    ///
    /// It is dropped: 1.234,5 is 1234.5 with --decimal , --thousands . Where groups are not of three digits, the cell is no
    /// number.
    #[arg(long, value_name = "BYTE", value_parser = values::number_sign)]
    pub thousands: Option<u8>,
    /// auto, or none: every cell is a string
    ///
    /// auto: a bare cell (not in quotes) that is a JSON number (an integer within signed 64 bits, or a finite decimal) is that number, digit for digit; bare true and false are themselves; a
    /// bare null is an empty cell. A quoted cell, 007, +5, .8 and 1234e56 are strings.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = one_of::<Conversion>())]
    pub convert: Conversion,
    /// Column type: string, number, boolean, null or json
    ///
    /// COL is the name in the header. number: a JSON number of any size, quoted or not, else the row is an error.
    /// boolean: true, yes, y, t, on, 1, 1.0, or false, no, n, f, off, 0, 0.0, in any case, quoted or not; an empty cell
    /// or null follows --empty, else the row is an error. null: the column is dropped. json: the cell is JSON. May be
    /// repeated.
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
    /// The header row, from `--headers` or `--headers-file`; the data then has none.
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
    /// The column that `--key` names. Its cells are the keys.
    #[arg(skip)]
    pub key_column: Option<String>,
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
    /// Whether blanks around cells are dropped.
    trim: bool,
    /// The first byte of lines that are skipped.
    pub(crate) comment: Option<u8>,
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
            trim: options.trim,
            comment: options.comment,
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
    /// Whether the first line was checked for `sep=`.
    has_begun: bool,
    /// `None` until the header is read.
    columns: Option<Columns>,
    object: Object,
    notes: Notes,
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
            has_begun: false,
            columns: None,
            object: Object::default(),
            notes: Notes::default(),
        }
    }

    /// Reads what comes before the rows: a line `sep=;`, blank lines and the header.
    fn start(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        if !self.has_begun {
            self.obey_separator_line()?;
            self.has_begun = true;
        }
        let header = match &self.options.headers {
            Some(names) => Ok(names.clone()),
            None => match self.rows.next()? {
                Ok(_) if self.rows.cells.is_blank() => return Ok(ReadStep::Empty),
                Ok(length) => self.header_row(length),
                Err(reason) => Err(format!("the header is {}", reason.text)),
            },
        };
        let origin = self.rows.origin;
        let columns = header.and_then(|names| Columns::new(names, &self.options, origin, &mut self.notes));
        let columns = self.columns.insert(columns.map_err(|text| ReadError::new(origin, text))?);
        self.rows.cells.keep = columns.names.len();
        Ok(ReadStep::Header { origin, names: &columns.names })
    }

    fn obey_separator_line(&mut self) -> Result<(), NoRecord> {
        let Some(separator) = self.rows.separator_line()? else { return Ok(()) };
        match self.options.separator {
            None => {
                self.options.separator = Some(separator);
                self.rows.set_separator(separator);
            }
            Some(given) if given != separator => {
                let text = "the line sep= names another separator than --separator, which wins";
                self.notes.add_at(self.rows.origin, "separator_line", 1, text);
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Reads the current row as the header.
    fn header_row(&mut self, length: usize) -> Result<Vec<String>, String> {
        let cells = &self.rows.cells;
        let names = header::of_record(&self.rows, length)?;
        header::ensure_separator_fits(&names, &self.options)?;
        if self.options.separator.is_none() && self.rows.separator() == b',' {
            header::ensure_comma_separates(cells.kept())?;
        }
        header::ensure_is_text(&names)?;
        if let Some(value) = header::value_among(cells.kept()) {
            let text =
                format!("the header looks like data ({value:?}); --headers NAMES is for a file without a header");
            self.notes.add_at(self.rows.origin, "header_looks_like_data", 1, text);
        }
        Ok(names)
    }
}

impl OneByOne for Csv {
    fn next(&mut self) -> Result<ReadStep<'_>, NoRecord> {
        self.object.shrink();
        if self.columns.is_none() {
            return self.start();
        }
        let Some(columns) = &mut self.columns else { return Err(NoRecord::End) };
        let row = self.rows.next()?;
        if row.is_ok() && self.rows.cells.is_blank() {
            return Ok(ReadStep::Empty);
        }
        self.rows.origin.record += 1;
        let origin = self.rows.origin;
        let length = *row.as_ref().unwrap_or(&0);
        let mut written = row.and_then(|length| {
            let row = &self.rows.window.bytes()[..length];
            columns.write(row, &self.rows.cells, &mut self.object)
        });
        if let Err(reason) = &mut written {
            reason.text += &lines(origin.line, self.rows.last_line());
        }
        let raw = self.rows.raw_text(length);
        let (text, fields, nulls) = (self.object.text(), self.object.fields(), &columns.nulls[..]);
        let record = Record { text, fields, origin, nulls, key: &columns.key, ..Record::default() };
        Ok(ReadStep::of(origin, raw, written.map(|()| record)))
    }

    fn notes(&mut self) -> Notes {
        let dropped = self.columns.as_mut().map_or(0, |columns| std::mem::take(&mut columns.dropped_cells));
        self.notes.add("dropped_cells", dropped, wrong_count_note("cell"));
        std::mem::take(&mut self.notes)
    }
}

/// The note about cells or values that `--ignore-missing` drops.
pub(super) fn wrong_count_note(what: &str) -> String {
    format!("{{count}} {what}{{s}} dropped from rows that are longer than the header (--ignore-missing)")
}

#[cfg(test)]
mod tests;
