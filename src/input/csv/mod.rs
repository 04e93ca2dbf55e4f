//! CSV and TSV with a header row.
//! `rows` lets the crate `csv_core` cut records into cells and counts lines, `cells` keeps the cells of a record, `columns`
//! turns them into fields that `object` writes. A cell knows whether it was quoted, because only a bare one can be a number.

mod cells;
mod columns;
mod header;
mod number;
mod object;
mod rows;

use super::{Broken, NoRecord, OneByOne, Step, Window};
use crate::record::Record;
use crate::values::{self, Auto, one_of};
use columns::Columns;
use csv_core::Terminator;
use rows::Rows;

pub(super) use columns::wrong_count;
pub use header::header_names;
pub(super) use object::{Name, Object};

/// What `--datatype` says of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Datatype {
    /// Always a string.
    String,
    /// Text that is a JSON number, as written; other text is an error.
    Number,
    /// `true`, `no`, `OFF`, `1` and other known words; other text is an error.
    Boolean,
    /// Always null.
    Null,
    /// The cell is JSON.
    Json,
}

impl Datatype {
    /// The word for it on the command line.
    pub fn word(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map(|word| word.get_name().to_owned()).unwrap_or_default()
    }
}

/// What becomes of an empty cell.
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

/// How cells are read.
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
    /// Columns that are always strings besides `_key`, `_id`, `_from` and `_to`: those that `--translate` makes one of these.
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

/// Reads `--datatype`.
fn datatype(text: &str) -> Result<(String, Datatype), String> {
    let refused = || "expected COL=TYPE\nhint: types are string, number, boolean, null and json".to_owned();
    let (column, word) = text.rsplit_once('=').filter(|(column, _)| !column.is_empty()).ok_or_else(refused)?;
    let datatype = clap::ValueEnum::from_str(word, false).map_err(|_| refused())?;
    Ok((column.to_owned(), datatype))
}

/// How cells are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub(crate) separator: u8,
    pub(crate) quote: Option<u8>,
    backslash_escape: bool,
}

impl Dialect {
    /// Commas and double quotes, unless the options say otherwise.
    pub fn csv(options: &CsvOptions) -> Dialect {
        Dialect::new(options, b',', Some(b'"'))
    }

    /// Tabs and no quotes, unless the options say otherwise.
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

    /// A new reader of fields. A `clone` of one would not be whole, and none can be given another terminator.
    fn reader(self, terminator: Terminator) -> csv_core::Reader {
        let mut builder = csv_core::ReaderBuilder::new();
        builder.delimiter(self.separator).terminator(terminator);
        builder.quoting(self.quote.is_some()).quote(self.quote.unwrap_or(b'"'));
        let mut reader = builder.escape(self.backslash_escape.then_some(b'\\')).build();
        // From its first bytes it takes what looks like a byte order mark. A blank line is nothing else to it.
        reader.read_field(b"\n", &mut [0]);
        reader
    }
}

/// Cells kept of a header. Who has more columns has the wrong separator.
const MAX_COLUMNS: usize = 1 << 20;

/// Reads CSV.
#[derive(Debug)]
pub(super) struct Csv {
    rows: Rows,
    options: CsvOptions,
    /// Known once the header has been read.
    columns: Option<Columns>,
    object: Object,
}

impl Csv {
    /// `skipped_lines` lines lie before the window's first byte.
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

    /// Finds out the columns.
    fn read_header(&mut self) -> Result<Columns, NoRecord> {
        let names = match &self.options.headers {
            Some(names) => Ok(names.clone()),
            None => match self.rows.next()? {
                Ok(length) => header::of_record(&self.rows, length),
                Err(reason) => Err(format!("the header is {}", reason.text)),
            },
        };
        let columns = names.and_then(|names| Columns::new(names, &self.options));
        let columns = columns.map_err(|text| Broken::new(self.rows.origin, text))?;
        self.rows.cells.keep = columns.list.len();
        Ok(columns)
    }
}

impl OneByOne for Csv {
    fn next(&mut self) -> Result<Step<'_>, NoRecord> {
        self.object.give_back();
        if self.columns.is_none() {
            self.columns = Some(self.read_header()?);
        }
        let Some(columns) = &mut self.columns else { return Err(NoRecord::End) };
        let row = self.rows.next()?;
        if row.is_ok() && self.rows.cells.is_blank() {
            return Ok(Step::Empty);
        }
        self.rows.origin.record += 1;
        let origin = self.rows.origin;
        let length = *row.as_ref().unwrap_or(&0);
        let written = row.and_then(|length| {
            let row = &self.rows.window.bytes()[..length];
            columns.write(row, &self.rows.cells, &mut self.object)
        });
        let raw = self.rows.give_back(length);
        let (text, fields, nulls) = (self.object.text(), self.object.fields(), &columns.nulls[..]);
        Ok(Step::of(origin, raw, written.map(|()| Record { text, fields, origin, nulls, ..Record::default() })))
    }
}

#[cfg(test)]
mod tests;
