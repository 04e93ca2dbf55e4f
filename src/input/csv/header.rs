//! Reads the column names from the first record of a file, or from `--headers-file`.

use super::cells::shortened;
use super::rows::Rows;
use super::{CsvOptions, Dialect, MAX_COLUMNS};
use crate::error::HINT_PREFIX;
use crate::input::jsonl::utf8;
use crate::input::{NoRecord, Source, Window};
use std::collections::HashSet;

/// Parses a headers file: one record in the dialect of the data.
///
/// # Errors
/// If there is more than one record, or the header is invalid. The message does not name the file.
pub fn header_names(text: &[u8], dialect: Dialect) -> Result<Vec<String>, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let window = Window::new(Source::Pieces(vec![text.to_vec()]));
    let mut rows = Rows::new(window, 0, 0, (text.len(), MAX_COLUMNS), dialect);
    let names = match rows.next() {
        Ok(Ok(length)) => of_record(&rows, length)?,
        Err(NoRecord::Failed(error)) => return Err(error.text),
        _ => return Err("the headers file is empty".to_owned()),
    };
    check(&names)?;
    loop {
        match rows.next() {
            Ok(Ok(_)) if rows.cells.is_blank() => {}
            Err(NoRecord::End) => return Ok(names),
            Err(NoRecord::Failed(error)) => return Err(error.text),
            _ => return Err("the headers file has more than one line".to_owned()),
        }
    }
}

/// Reads the current record as a header.
pub(super) fn of_record(rows: &Rows, length: usize) -> Result<Vec<String>, String> {
    if rows.cells.count > MAX_COLUMNS {
        return Err(format!("the header has more than {MAX_COLUMNS} columns; is the separator right?"));
    }
    if let Some(reason) = &rows.cells.flaw {
        return Err(format!("invalid header: {}", reason.text));
    }
    utf8(&rows.window.bytes()[..length]).map_err(|reason| {
        let hint = reason.hint.map_or(String::new(), |hint| format!("{HINT_PREFIX}{hint}"));
        format!("invalid header: {}{hint}", reason.text)
    })?;
    let names = rows.cells.kept().map(|(name, _)| {
        String::from_utf8(name.to_vec()).map_err(|_| "the separator or the quote splits a character".to_owned())
    });
    names.collect()
}

/// Refuses a header of one column that looks like several columns with another separator. Otherwise every row would
/// silently become one string.
pub(super) fn ensure_separator_fits(names: &[String], options: &CsvOptions) -> Result<(), String> {
    let ([name], None) = (names, options.separator) else { return Ok(()) };
    match [(';', ";"), ('\t', "\\t"), ('|', "|")].iter().find(|(separator, _)| name.contains(*separator)) {
        Some((_, written)) => Err(format!(
            "the header has only one column, {:?}: write --separator '{written}' if that separates cells, or name the one that does",
            shortened(name)
        )),
        None => Ok(()),
    }
}

/// Checks that every column has a unique name.
pub(super) fn check(names: &[String]) -> Result<(), String> {
    if names.len() < 2 && names.iter().all(String::is_empty) {
        return Err("the header line is empty".to_owned());
    }
    if let Some(index) = names.iter().position(String::is_empty) {
        return Err(format!("column {} of the header has no name", index + 1));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(format!("duplicate column {:?} in the header", shortened(name))),
        None => Ok(()),
    }
}
