//! The options for reading cells, and the header row from `--headers` or `--headers-file`.

use super::conflicts::ensure_named_once;
use super::has_rows;
use crate::cli::Arguments;
use crate::error::of_file;
use crate::input::{Conversion, CsvOptions, Dialect, Format, by_name, header_names};
use crate::shape::MergePart;
use anyhow::{Context as _, Error, Result, bail};
use encoding_rs::Encoding;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Maximum size of `--headers-file`, in bytes.
const MAX_HEADER: u64 = 1024 * 1024;

pub(super) fn options(args: &Arguments, format: Option<Format>) -> Result<CsvOptions> {
    let mut options = args.input.csv.clone();
    options.keep_strings = options.convert == Conversion::None;
    options.merged = merged(args);
    options.string_columns = string_columns(args);
    options.key_column = key_column(args);
    let first = args.files.first().map(|file| file.to_string_lossy());
    let is_tsv = format.or(first.and_then(|name| by_name(&name))) == Some(Format::Tsv);
    let dialect = if is_tsv { Dialect::tsv(&options) } else { Dialect::csv(&options) };
    if dialect.quote == Some(dialect.separator) && has_rows(format) {
        bail!("--quote and --separator must differ");
    }
    if dialect.comment.is_some_and(|byte| byte == dialect.separator || Some(byte) == dialect.quote) {
        bail!("--comment must differ from --separator and --quote");
    }
    if dialect.quote == Some(b'\\') && options.backslash_escape {
        bail!("--quote '\\' and --backslash-escape cannot be used together");
    }
    let with_cells = matches!(format, None | Some(Format::Csv | Format::Tsv));
    if let Some(row) = options.header_row.as_ref().filter(|_| with_cells) {
        options.headers = Some(header_row(row, options.trim)?);
    } else if let Some(path) = options.headers_file.as_ref().filter(|_| with_cells) {
        let names = header(path, dialect, args.input.encoding)
            .with_context(|| format!("--headers-file: {}", path.display()))?;
        options.headers = Some(names);
    }
    Ok(options)
}

/// The names in `--headers`: always one row of comma-separated CSV.
fn header_row(row: &str, trim: bool) -> Result<Vec<String>> {
    let dialect = Dialect::csv(&CsvOptions { trim, ..CsvOptions::default() });
    let names = header_names(row.as_bytes(), dialect, "the row");
    let names = names.map_err(Error::msg).context("--headers")?;
    if names.iter().any(String::is_empty) {
        bail!("--headers: a column has no name");
    }
    ensure_named_once("--headers", &names)?;
    Ok(names)
}

fn header(path: &Path, dialect: Dialect, encoding: Option<&'static Encoding>) -> Result<Vec<String>> {
    let file = File::open(path).map_err(of_file)?;
    let mut bytes = Vec::new();
    file.take(MAX_HEADER + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_HEADER {
        bail!("longer than 1 MiB");
    }
    if let Some(encoding) = encoding {
        let (text, _, has_errors) = encoding.decode(&bytes);
        if has_errors {
            bail!("not {}", encoding.name());
        }
        bytes = text.into_owned().into_bytes();
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    if bytes.trim_ascii().is_empty() {
        bail!("missing header line");
    }
    if std::str::from_utf8(bytes).is_err() {
        bail!("not UTF-8");
    }
    header_names(bytes, dialect, "the headers file").map_err(Error::msg)
}

/// The fields that merges use, without duplicates.
fn merged(args: &Arguments) -> Vec<String> {
    let mut fields = Vec::new();
    for part in args.shape.merge_attributes.iter().flat_map(|merge| &merge.parts) {
        match part {
            MergePart::Field(field) if !fields.contains(field) => fields.push(field.clone()),
            _ => {}
        }
    }
    fields
}

/// The columns that become keys, `_from` or `_to`, by their names in the header. They stay strings: a key 007 keeps its zeros.
fn string_columns(args: &Arguments) -> Vec<String> {
    let becomes_key = |to: &str| matches!(to, "_key" | "_id" | "_from" | "_to");
    let renamed = args.shape.translate.iter().filter(|(_, to)| becomes_key(to));
    renamed.map(|(from, _)| from.clone()).collect()
}

/// The column that `--key` names, by its name in the header; `None` if that field is no column.
fn key_column(args: &Arguments) -> Option<String> {
    let (key, shape) = (args.key.key.as_ref()?, &args.shape);
    let renamed = shape.translate.iter().find(|(_, to)| to == key).map(|(from, _)| from);
    let kept = Some(key).filter(|key| !shape.translate.iter().any(|(from, _)| from == *key));
    let is_column = |name: &&String| {
        !shape.remove_attribute.contains(name) && !shape.merge_attributes.iter().any(|merge| merge.name == **name)
    };
    renamed.or(kept).filter(is_column).cloned()
}
