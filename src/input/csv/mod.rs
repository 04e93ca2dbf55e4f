//! CSV and TSV with a header row.
//! `rows` splits records into cells with the crate `csv_core` and counts lines. `cells` holds the cells of a record.
//! `columns` converts them to fields, which `object` writes. A cell knows whether it was quoted: only a bare one can be a
//! number.

mod cells;
mod columns;
mod flavour;
mod header;
mod names;
mod number;
mod object;
mod options;
mod rows;

use super::{NoRecord, OneByOne, ReadError, ReadStep, Window};
use crate::notes::Notes;
use crate::record::Record;
use columns::Columns;
use csv_core::Terminator;
use rows::{Rows, lines};

pub(super) use columns::wrong_count;
pub use header::header_names;
pub(super) use object::{ColumnName, Object};
pub use options::{Conversion, CsvOptions, Datatype, EmptyCell};

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
    /// The separator that a line `sep=` names.
    named_separator: Option<u8>,
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
            named_separator: None,
            columns: None,
            object: Object::default(),
            notes: Notes::default(),
        }
    }

    /// The input has no line `sep=`.
    pub(super) fn expect_no_separator(&mut self) {
        self.has_begun = true;
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
        Ok(ReadStep::Header { origin, names: &columns.names, text: "", separator: self.named_separator })
    }

    fn obey_separator_line(&mut self) -> Result<(), NoRecord> {
        let Some(separator) = self.rows.separator_line()? else { return Ok(()) };
        match self.options.separator {
            None => {
                self.options.separator = Some(separator);
                self.named_separator = Some(separator);
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
            let is_cut = reason.kind == "record_too_long";
            reason.text += &lines(origin.line, if is_cut { origin.line } else { self.rows.last_line });
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
