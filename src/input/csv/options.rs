//! The flags for CSV and TSV, and the types of columns.

use crate::values::{self, Auto, one_of};

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
    #[arg(id = "headers", long = "headers", value_name = "NAMES")]
    pub header_row: Option<String>,
    /// File with the header row; the data then has none
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub headers_file: Option<std::path::PathBuf>,
    /// Skip lines that begin with this byte
    #[arg(long, value_name = "BYTE", value_parser = values::byte)]
    pub comment: Option<u8>,
    /// Drop blanks around cells, outside quotes
    ///
    /// A quote after blanks then opens a quoted cell; without --trim it is an error. Also for the names in the header.
    #[arg(long)]
    pub trim: bool,
    /// Treat bare cells with this text as empty; repeat for more
    ///
    /// For example NA or \N. It applies to columns of any type. '""' makes a quoted empty cell empty, '"NA"' a quoted NA.
    /// See --empty.
    #[arg(id = "null", long = "null", value_name = "TEXT")]
    pub null_texts: Vec<String>,
    /// Decimal separator, such as ,
    ///
    /// For bare cells, and for quoted ones in columns of --datatype COL=number. A point is then no decimal sign.
    #[arg(long, value_name = "BYTE", value_parser = values::number_sign)]
    pub decimal: Option<u8>,
    /// Thousands separator, such as .
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
pub(super) fn datatype(text: &str) -> Result<(String, Datatype), String> {
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
