//! The words that a flag takes where it takes one of a few, and what they stand for.

use super::Conversion;
use crate::action::OnDuplicate;
use crate::input::{Compression, EmptyCell, Format};
use crate::progress::ProgressMode;
use crate::report::SummaryFormat;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// The words that a flag takes; of each the name, then hidden synonyms, and what it stands for.
pub type Words<T> = &'static [(&'static [&'static str], T)];

/// `--type`.
pub const FORMATS: Words<Option<Format>> = &[
    (&["auto"], None),
    (&["jsonl", "documents", "ndjson"], Some(Format::Jsonl)),
    (&["json", "list"], Some(Format::Json)),
    (&["csv"], Some(Format::Csv)),
    (&["tsv"], Some(Format::Tsv)),
    (&["arrays"], Some(Format::Arrays)),
    (&["bulk"], Some(Format::Bulk)),
];
/// `--compression`.
pub const COMPRESSIONS: Words<Option<Compression>> = &[
    (&["auto"], None),
    (&["none"], Some(Compression::None)),
    (&["gzip", "gz"], Some(Compression::Gzip)),
    (&["zstd", "zst"], Some(Compression::Zstd)),
    (&["bzip2", "bz2"], Some(Compression::Bzip2)),
    (&["xz"], Some(Compression::Xz)),
];
/// `--compress-transfer`.
pub const TRANSFERS: Words<Option<bool>> = &[(&["auto"], None), (&["gzip"], Some(true)), (&["none"], Some(false))];
/// `--convert`.
pub const CONVERSIONS: Words<Conversion> = &[(&["auto"], Conversion::Auto), (&["none"], Conversion::None)];
/// `--empty`.
pub const EMPTY_CELLS: Words<EmptyCell> =
    &[(&["omit"], EmptyCell::Omit), (&["null"], EmptyCell::Null), (&["string"], EmptyCell::String)];
/// `--on-duplicate`.
pub const MODES: Words<OnDuplicate> = &[
    (&["error"], OnDuplicate::Error),
    (&["update"], OnDuplicate::Update),
    (&["replace"], OnDuplicate::Replace),
    (&["ignore"], OnDuplicate::Ignore),
];
/// `--summary`.
pub const SUMMARIES: Words<SummaryFormat> = &[(&["text"], SummaryFormat::Text), (&["json"], SummaryFormat::Json)];
/// `--progress`.
pub const PROGRESS_MODES: Words<ProgressMode> = &[
    (&["auto"], ProgressMode::Auto),
    (&["bar"], ProgressMode::Bar),
    (&["plain"], ProgressMode::Plain),
    (&["none"], ProgressMode::None),
];
/// `--color`.
pub const COLORS: Words<Option<bool>> = &[(&["auto"], None), (&["always"], Some(true)), (&["never"], Some(false))];

/// Takes one of `words`.
pub fn one_of<T: Copy + Send + Sync + 'static>(words: Words<T>) -> impl TypedValueParser<Value = T> {
    let names = words.iter().map(|(names, _)| PossibleValue::new(names[0]).aliases(names[1..].iter().copied()));
    PossibleValuesParser::new(names).map(move |word| {
        let entry = words.iter().find(|(names, _)| names.contains(&word.as_str()));
        entry.map(|(_, value)| *value).expect("clap takes no word that is not among these")
    })
}

/// Reads the value of a switch.
///
/// # Errors
/// For anything but 1, 0, true, false.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("\"{text}\" is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_can_be_reached() {
        let parser = one_of(FORMATS);
        let parsed = |word: &str| {
            let command = clap::Command::new("x");
            parser.parse_ref(&command, None, std::ffi::OsStr::new(word)).ok()
        };
        assert_eq!(parsed("auto"), Some(None));
        assert_eq!(parsed("documents"), Some(Some(Format::Jsonl)));
        assert_eq!(parsed("ndjson"), Some(Some(Format::Jsonl)));
        assert_eq!(parsed("list"), Some(Some(Format::Json)));
        assert_eq!(parsed("bulk"), Some(Some(Format::Bulk)));
        assert_eq!(parsed("xml"), None);
    }

    #[test]
    fn switches_take_four_words() {
        assert_eq!(
            [switch("1"), switch("true"), switch("0"), switch("false")],
            [Ok(true), Ok(true), Ok(false), Ok(false)]
        );
        for text in ["", "yes", "TRUE", "2"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }
}
