//! Reads the column names from the first record of a file, or from `--headers-file` or `--headers`, and refuses what is no
//! header: otherwise every row would silently be stored under wrong names.

use super::number::is_number;
use super::rows::Rows;
use super::{CsvOptions, Dialect, MAX_COLUMNS};
use crate::error::HINT_PREFIX;
use crate::input::jsonl::utf8;
use crate::input::{NoRecord, Source, Window};
use crate::notes::shortened;

/// Parses a header in a text of its own: one record in this dialect. `what` names the text in messages.
///
/// # Errors
/// If there is more than one record, or the header is invalid. The message does not name the file.
pub fn header_names(text: &[u8], dialect: Dialect, what: &str) -> Result<Vec<String>, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let window = Window::new(Source::Pieces(vec![text.to_vec()]));
    let mut rows = Rows::new(window, 0, 0, (text.len(), MAX_COLUMNS), dialect);
    let names = match rows.next() {
        Ok(Ok(length)) => of_record(&rows, length)?,
        Err(NoRecord::Failed(error)) => return Err(error.text),
        _ => return Err(format!("{what} is empty")),
    };
    if names.iter().all(String::is_empty) {
        return Err("the header line is empty".to_owned());
    }
    loop {
        match rows.next() {
            Ok(Ok(_)) if rows.cells.is_blank() => {}
            Err(NoRecord::End) => return Ok(names),
            Err(NoRecord::Failed(error)) => return Err(error.text),
            _ => return Err(format!("{what} has more than one line")),
        }
    }
}

/// Reads the current record as a header.
pub(super) fn of_record(rows: &Rows, length: usize) -> Result<Vec<String>, String> {
    if rows.cells.count > MAX_COLUMNS {
        return Err(format!("the header has more than {MAX_COLUMNS} columns; is the separator right?"));
    }
    if let Some(reason) = &rows.cells.flaw {
        // A quoted name, and then another separator.
        let raw = &rows.window.bytes()[..length];
        let is_next = |separator: char| raw.windows(2).any(|pair| pair == [b'"', separator as u8]);
        let other = SEPARATORS.iter().find(|(separator, _)| is_next(*separator));
        let hint = other.map_or(String::new(), |(_, written)| format!("{HINT_PREFIX}write `--separator '{written}'`"));
        return Err(format!("invalid header: {}{hint}", reason.text));
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

/// Bytes that often separate cells, and how they are written on the command line.
const SEPARATORS: [(char, &str); 3] = [(';', ";"), ('\t', "\\t"), ('|', "|")];

/// Refuses a header of one column that looks like several columns with another separator. Otherwise every row would
/// silently become one string.
pub(super) fn ensure_separator_fits(names: &[String], options: &CsvOptions) -> Result<(), String> {
    let ([name], None) = (names, options.separator) else { return Ok(()) };
    match SEPARATORS.iter().find(|(separator, _)| name.contains(*separator)) {
        Some((_, written)) => Err(format!(
            "the header has only one column, {:?}: write --separator '{written}' if that separates cells, or name the one that does",
            shortened(name)
        )),
        None => Ok(()),
    }
}

/// Refuses a header in which another separator stands as often as the comma, as in `Name;Price, EUR;Date`. `cells` are its
/// names, and whether they are bare.
pub(super) fn ensure_comma_separates<'a>(cells: impl Iterator<Item = (&'a [u8], bool)>) -> Result<(), String> {
    let (mut commas, mut counts) = (0, [0; SEPARATORS.len()]);
    for (index, (name, is_bare)) in cells.enumerate() {
        commas = index;
        for (count, (separator, _)) in counts.iter_mut().zip(SEPARATORS).filter(|_| is_bare) {
            *count += memchr::memchr_iter(separator as u8, name).count();
        }
    }
    match counts.iter().zip(SEPARATORS).find(|(count, _)| **count >= commas && commas > 0) {
        Some((_, (_, written))) => Err(format!(
            "the header has '{written}' as often as ',': write --separator '{written}' or --separator ',', whichever separates cells"
        )),
        None => Ok(()),
    }
}

/// Refuses control characters, which no text has. One of them may be the separator.
pub(super) fn ensure_is_text(names: &[String]) -> Result<(), String> {
    let is_control = |c: &char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    match names.iter().find_map(|name| name.chars().find(is_control)) {
        Some('\0') => Err("the header has the control character U+0000: binary data, not text".to_owned()),
        Some(c) => Err(format!(
            "the header has the control character U+{:04X}: write --separator '\\x{:02x}' if that separates cells",
            c as u32, c as u32
        )),
        None => Ok(()),
    }
}

/// The name that looks like a value, if the header looks like a row of data. `cells` are its names, and whether they are
/// bare. Names such as 2024 are usual, but not for the first column.
pub(super) fn value_among<'a>(mut cells: impl Iterator<Item = (&'a [u8], bool)>) -> Option<String> {
    let is_date = |name: &[u8]| {
        let digits =
            |range: std::ops::Range<usize>| name.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
        digits(0..4) && digits(5..7) && digits(8..10) && matches!((name[4], name[7]), (b'-', b'-') | (b'/', b'/'))
    };
    let (first, is_bare) = cells.next()?;
    let of_first = (is_bare && is_number(first) || is_date(first)).then_some(first);
    let is_value = |name: &[u8]| {
        let is_long = name.len() > 4 || name.contains(&b'.') || name.starts_with(b"-");
        matches!(name, b"true" | b"false") || is_number(name) && is_long
    };
    let value = of_first.or_else(|| cells.find(|(name, is_bare)| *is_bare && is_value(name)).map(|(name, _)| name))?;
    Some(String::from_utf8_lossy(value).into_owned())
}
