//! Detects the format of an input from its name and its first line.
//! It never guesses if a wrong guess could store wrong data: input that looks like bulk lines or a header array needs
//! `--type`.

use super::jsonl::trimmed;
use crate::error::{Exit, hint};
use crate::json::{Field, Scanner, unescape};
use anyhow::{Error, Result, anyhow};
use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One object per line.
    #[value(aliases = ["documents", "ndjson"])]
    Jsonl,
    /// One array of objects, or objects one after another.
    #[value(alias = "list")]
    Json,
    /// Comma-separated values with a header row.
    Csv,
    /// Tab-separated values with a header row, no quoting.
    Tsv,
    /// A first line with attribute names, then one array per line.
    Arrays,
    /// Elasticsearch bulk lines.
    Bulk,
    /// What `--rejects` wrote; recognized by itself.
    #[value(skip)]
    Rejects,
}

impl Format {
    /// Whether its records are rows with a header.
    pub fn has_rows(self) -> bool {
        matches!(self, Format::Csv | Format::Tsv | Format::Arrays)
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        if self == Format::Rejects {
            return "rejects".to_owned();
        }
        self.to_possible_value().map(|word| word.get_name().to_owned()).unwrap_or_default()
    }
}

/// Detects a format that only the file name can tell.
pub fn by_name(name: &str) -> Option<Format> {
    match extension(name).as_str() {
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        _ => None,
    }
}

fn named_jsonl(name: &str) -> bool {
    matches!(extension(name).as_str(), "jsonl" | "ndjson")
}

/// The lowercase extension of a file name, without the one of a compression.
fn extension(name: &str) -> String {
    unpacked(name).rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// A file name without the extension of a compression.
fn unpacked(name: &str) -> &str {
    let packed = |extension: &str| {
        ["gz", "gzip", "zst", "zstd", "bz2", "xz"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    name.rsplit_once('.').filter(|(_, extension)| packed(extension)).map_or(name, |(name, _)| name)
}

/// A file name without the extension of a compression and its last extension.
pub fn stem(name: &str) -> &str {
    let name = unpacked(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Detects a format from the start of the data: the first line that is not blank.
///
/// # Errors
/// If the format is unknown or ambiguous. The message says which option to use.
pub fn by_content(name: &str, start: &[u8]) -> Result<Format> {
    let rest = &start[trimmed(start)];
    if rest.is_empty() {
        return Ok(Format::Jsonl);
    }
    // JSON text sequences (RFC 7464) have pretty-printed records too.
    if start.trim_ascii_start().starts_with(b"\x1e") && rest[0] == b'{' {
        return Ok(Format::Json);
    }
    let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    let line = &line[trimmed(line)];
    if bulk_form(rest) == Some(BulkForm::BulkData) {
        return unclear("the first record is a list of bulk actions, \"bulkData\"", "write `-t bulk`");
    }
    match rest[0] {
        b'{' => object(name, line),
        b'[' if is_header(line) => unclear(
            "the first line looks like a header for lines of arrays",
            "write `-t arrays`, or `-t json` for JSON",
        ),
        b'[' => Ok(Format::Json),
        b'<' => Err(no_markup()),
        _ if extension(name) == "parquet" => {
            Err(anyhow!("Parquet is not supported").context(hint("export it as JSON lines or CSV")).context(Exit(5)))
        }
        _ if memchr::memchr(0, line).is_some() => {
            // A tar archive begins with a name, and more of it was read now.
            ensure_supported(start)?;
            Err(anyhow!("binary data, not text").context(Exit(5)))
        }
        // Then only this line is bad, and the ones after it may be good.
        _ if named_jsonl(name) => Ok(Format::Jsonl),
        _ if memchr::memchr3(b',', b';', b'\t', line).is_some() => {
            unclear("not JSON", "write `-t csv` or `-t tsv` if it is CSV")
        }
        _ => unclear("unknown format", "write `-t jsonl`, or json, csv, tsv, arrays or bulk"),
    }
}

/// How bulk actions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkForm {
    /// Lines.
    Lines,
    /// The elements of an array.
    Array,
    /// Those of the array `bulkData` in an object, as for Kuzzle.
    BulkData,
}

/// The field of Kuzzle's actions.
pub const BULK_DATA: &str = "bulkData";

/// How bulk actions are written, by their first bytes; `None` if more are needed.
pub fn bulk_form(start: &[u8]) -> Option<BulkForm> {
    let rest = &start[trimmed(start)];
    let (first, inside) = rest.split_first()?;
    let inside = &inside[trimmed(inside)];
    match first {
        b'[' => inside.first().map(|next| if *next == b'{' { BulkForm::Array } else { BulkForm::Lines }),
        b'{' => {
            let name = format!("\"{BULK_DATA}\"");
            let is_alike = inside.iter().zip(name.as_bytes()).all(|(one, other)| one == other);
            match inside.len() >= name.len() {
                true if is_alike => Some(BulkForm::BulkData),
                false if is_alike => None,
                _ => Some(BulkForm::Lines),
            }
        }
        _ => Some(BulkForm::Lines),
    }
}

/// How pages and pointers begin that are often saved in place of a file, in lowercase.
const NOT_DATA: [&str; 6] =
    ["<!doctype", "<html", "<?xml", "<head", "<body", "version https://git-lfs.github.com/spec/"];

/// The bytes behind blanks, and how one of `NOT_DATA` begins with or like them.
fn not_data(start: &[u8]) -> Option<(&[u8], &'static str)> {
    let start = start.trim_ascii_start();
    let is_alike = |text: &&str| {
        let length = text.len().min(start.len());
        text.as_bytes()[..length].eq_ignore_ascii_case(&start[..length])
    };
    NOT_DATA.into_iter().find(is_alike).map(|text| (start, text))
}

/// Whether more bytes are needed to tell whether a file is read.
pub fn may_be_unsupported(start: &[u8]) -> bool {
    not_data(start).is_some_and(|(start, text)| !start.is_empty() && start.len() < text.len())
}

/// Recognizes files that are not read, whatever their names are.
///
/// # Errors
/// For an archive, a Parquet file, a page of HTML or XML, or a pointer of Git LFS.
pub fn ensure_supported(start: &[u8]) -> Result<()> {
    match not_data(start).filter(|(start, text)| start.len() >= text.len()) {
        Some((_, text)) if text.starts_with('<') => return Err(no_markup()),
        Some(_) => {
            let advice = hint("`git lfs pull` fetches the file");
            return Err(anyhow!("a Git LFS pointer, not the file itself").context(advice).context(Exit(5)));
        }
        None => {}
    }
    let (text, advice) = match start {
        [4, 0x22, 0x4d, 0x18, ..] => ("LZ4 is not supported", "`lz4 -dc FILE | bulkimport ...` decompresses it"),
        [b'P', b'K', 3, 4, ..] => ("zip archives and spreadsheets are not supported", "unpack it, or export it as CSV"),
        [b'P', b'A', b'R', b'1', 1..=8 | 14..=31, ..] => ("Parquet is not supported", "export it as JSON lines or CSV"),
        _ if start.get(257..262) == Some(b"ustar") => ("tar archives are not supported", "`tar -xOf FILE` unpacks it"),
        _ => return Ok(()),
    };
    Err(anyhow!(text).context(hint(advice)).context(Exit(5)))
}

fn no_markup() -> Error {
    anyhow!("HTML and XML are not supported").context(Exit(5))
}

fn unclear(text: &'static str, advice: &'static str) -> Result<Format> {
    Err(anyhow!(text).context(hint(advice)))
}

fn object(name: &str, line: &[u8]) -> Result<Format> {
    let mut scanner = Scanner::default();
    let whole = scanner.object(line) == Ok(line.len());
    if let (true, Ok(text)) = (whole, std::str::from_utf8(line))
        && is_action(text, scanner.fields())
    {
        let advice = "write `-t bulk`, or `-t jsonl` for documents";
        return unclear("the first line looks like an Elasticsearch bulk action", advice);
    }
    // Lines that end with CR alone.
    let ends_with_cr = scanner.object(line).is_ok_and(|end| {
        let rest = &line[end..];
        rest[..rest.len() - rest.trim_ascii_start().len()].contains(&b'\r')
    });
    if whole || (named_jsonl(name) && !ends_with_cr) { Ok(Format::Jsonl) } else { Ok(Format::Json) }
}

/// Whether an object looks like a bulk action.
pub fn is_action(text: &str, fields: &[Field]) -> bool {
    let verbs = ["index", "create", "update", "delete"];
    matches!(fields, [only] if verbs.contains(&only.name.of(text)) && is_meta(only.value.of(text)))
}

/// Whether a value is an object with only fields that bulk metadata can have.
fn is_meta(text: &str) -> bool {
    let mut scanner = Scanner::default();
    let is_known = |field: &Field| match unescape(field.name.of(text)).as_deref() {
        Some("routing" | "version" | "version_type" | "if_seq_no" | "if_primary_term" | "retry_on_conflict") => true,
        Some("require_alias" | "require_data_stream" | "dynamic_templates") => true,
        Some("pipeline" | "list_executed_pipelines") => true,
        _ => field.name.of(text).starts_with('_'),
    };
    scanner.object(text.as_bytes()).is_ok() && scanner.fields().iter().all(is_known)
}

/// Whether a line is a non-empty array of strings.
fn is_header(line: &[u8]) -> bool {
    serde_json::from_slice::<Vec<String>>(line).is_ok_and(|names| !names.is_empty())
}
