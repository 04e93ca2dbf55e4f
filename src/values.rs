//! Parses the values of options: numbers of records and bytes, times, names, single bytes, and choices.
//! An error names the value. cli/usage.rs adds the option or variable that it came from. A hint is on its own line.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, Resettable, TypedValueParser};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A number of records or lines.
pub fn count(text: &str) -> Result<u64, String> {
    digits(text).ok_or_else(|| "not a whole number".to_owned())
}

fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Checks a number against its range, which `words` says in words.
fn within(number: u64, range: RangeInclusive<u64>, words: &str) -> Result<usize, String> {
    let number = if range.contains(&number) { usize::try_from(number).ok() } else { None };
    number.ok_or_else(|| format!("not between {words}"))
}

/// `--batch-size`: 1 to 1,000,000 records.
pub fn batch_records(text: &str) -> Result<usize, String> {
    let read = count(text).and_then(|number| within(number, 1..=1_000_000, "1 and 1000000"));
    // arangoimport's flag of this name is a size.
    let is_size = size(text).is_ok_and(|size| size > 0);
    read.map_err(|error| match is_size {
        true => format!("{error}\nhint: this counts records; for bytes write `--batch-bytes {text}`"),
        false => error,
    })
}

/// `--max-rate`: 1 to 1,000,000,000 records per second, with or without `/s`.
pub fn rate(text: &str) -> Result<NonZeroU32, String> {
    let number = count(text.strip_suffix("/s").unwrap_or(text))?;
    let read = within(number, 1..=1_000_000_000, "1 and 1000000000")?;
    u32::try_from(read).ok().and_then(NonZeroU32::new).ok_or_else(|| "not a whole number".to_owned())
}

/// `--jobs`: 1 to 256.
pub fn jobs(text: &str) -> Result<usize, String> {
    within(count(text)?, 1..=256, "1 and 256")
}

/// A number of retries: 0 to 1,000.
pub fn retries(text: &str) -> Result<u32, String> {
    within(count(text)?, 0..=1_000, "0 and 1000").map(|number| number as u32)
}

/// A limit in bytes: 1 byte to 1 GiB.
pub fn bytes(text: &str) -> Result<usize, String> {
    within(size(text)?, 1..=1 << 30, "1 byte and 1GiB")
}

/// A number with a unit, such as `5MiB`. `factor` is the value of the unit.
fn scaled(text: &str, factor: fn(&str) -> Option<u64>) -> Option<u64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    digits(&text[..end])?.checked_mul(factor(text[end..].trim_start())?)
}

fn size(text: &str) -> Result<u64, String> {
    let bytes = scaled(text, |unit| match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        _ => None,
    });
    bytes.ok_or_else(|| "not a size\nhint: sizes are written `5MiB`, `5MB`, `500k` or `1000`".to_owned())
}

/// `--flush-interval`: 1 ms to 1 h.
pub fn interval(text: &str) -> Result<Duration, String> {
    let milliseconds = scaled(text, |unit| match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    });
    match milliseconds {
        Some(time @ 1..=3_600_000) => Ok(Duration::from_millis(time)),
        Some(_) => Err("not between 1ms and 1h".to_owned()),
        None => Err("not a time\nhint: times are written `1s`, `500ms` or `2m`".to_owned()),
    }
}

/// The name of a field, which must not be blank.
pub fn field(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a field name cannot be blank".to_owned());
    }
    Ok(text.to_owned())
}

/// `--records`: a path, whose names must not be empty.
pub fn path(text: &str) -> Result<String, String> {
    if text.split('.').any(str::is_empty) {
        return Err("not a path of field names, such as `data` or `hits.hits`".to_owned());
    }
    field(text)
}

/// One byte, or `\t`, or a byte of ASCII in hexadecimal such as `\x01`, but no line break.
pub fn byte(text: &str) -> Result<u8, String> {
    let hexadecimal = text
        .strip_prefix("\\x")
        .filter(|digits| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let byte = match text.as_bytes() {
        _ if text == "\\t" => Some(b'\t'),
        [byte] => Some(*byte),
        _ => hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok()),
    };
    let is_allowed = |byte: &u8| byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0);
    let refused = || match text.as_bytes() {
        [first, rest @ ..] if matches!(first, b'/' | b'#' | b'-' | b'%') && rest.iter().all(|byte| byte == first) => {
            format!("not exactly one byte\nhint: write `{}`", char::from(*first))
        }
        _ => "not exactly one byte\nhint: write a tab as `'\\t'`, others as `'\\x01'` to `'\\x7f'`".to_owned(),
    };
    byte.filter(is_allowed).ok_or_else(refused)
}

/// `--decimal` and `--thousands`: one byte that is no part of a number.
pub fn number_sign(text: &str) -> Result<u8, String> {
    let byte = byte(text)?;
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+') {
        return Err("letters, digits, - and + have a meaning in numbers".to_owned());
    }
    Ok(byte)
}

/// `--quote`: one byte but no line break, or `none` or empty for no quotes.
pub fn quote(text: &str) -> Result<Option<u8>, String> {
    match text.as_bytes() {
        [] => Ok(None),
        _ if text == "none" => Ok(None),
        [byte] if !matches!(byte, b'\n' | b'\r' | 0) => Ok(Some(*byte)),
        _ => Err("not exactly one byte\nhint: write `''` for no quotes".to_owned()),
    }
}

/// A choice that may be `auto`, which is `None`. The alias keeps clap from treating the `Option` as an optional argument.
pub type Auto<T> = Option<T>;

/// The names of the values of `T`. The help of the option describes them, so completions do not.
fn names<T: ValueEnum + 'static>() -> impl Iterator<Item = PossibleValue> {
    let words = T::value_variants().iter().filter_map(T::to_possible_value);
    words.map(|word| word.help(Resettable::Reset))
}

/// A parser for one of the values of `T`.
pub fn one_of<T: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names::<T>()).try_map(|word| T::from_str(&word, false))
}

/// A parser for one of the values of `T`, or `auto`, which is `None`.
pub fn auto_or<T: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = Option<T>> {
    let words = std::iter::once(PossibleValue::new("auto")).chain(names::<T>());
    PossibleValuesParser::new(words).try_map(|word| match word.as_str() {
        "auto" => Ok(None),
        word => T::from_str(word, false).map(Some),
    })
}

/// The value of a switch in the environment: 1, 0, true or false.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Format;

    #[test]
    fn sizes_have_units() {
        let cases = [
            ("1", 1),
            ("1000", 1000),
            ("12b", 12),
            ("500k", 512_000),
            ("500kB", 500_000),
            ("5M", 5 << 20),
            ("5MiB", 5 << 20),
            ("5 mib", 5 << 20),
            ("5MB", 5_000_000),
            ("1G", 1 << 30),
            ("1GB", 1_000_000_000),
        ];
        for (text, number) in cases {
            assert_eq!(bytes(text), Ok(number), "{text}");
        }
        for text in ["", "MB", "-1", "1.5M", "5X", "5MBs", "99999999999999999999", "18446744073709551615k", "ñ"] {
            let said = bytes(text).expect_err(text);
            assert!(said.starts_with("not a size\nhint: "), "{said}");
        }
        for text in ["0", "2G"] {
            assert_eq!(bytes(text), Err("not between 1 byte and 1GiB".to_owned()));
        }
    }

    #[test]
    fn times_need_a_unit() {
        for (text, ms) in [("1s", 1000), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(interval(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "1", "s", "0s", "2h", "1.5s", "1d", "-1s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_not_a_number_of_records() {
        assert_eq!(batch_records("5000"), Ok(5000));
        for text in ["16777216", "5MB", "500k"] {
            let said = batch_records(text).expect_err(text);
            assert!(said.ends_with(&format!("for bytes write `--batch-bytes {text}`")), "{said}");
        }
        for text in ["0", "-1", "x", ""] {
            assert!(!batch_records(text).expect_err(text).contains("hint"), "{text}");
        }
        assert!(jobs("0").is_err() && jobs("257").is_err() && jobs("4") == Ok(4));
        assert_eq!(count("18446744073709551615"), Ok(u64::MAX));
        assert!(count("18446744073709551616").is_err() && count("+1").is_err());
    }

    #[test]
    fn separators_and_quotes_are_one_byte() {
        for (text, byte) in [(",", b','), (";", b';'), ("\\t", b'\t'), ("\t", b'\t'), ("|", b'|')] {
            assert_eq!(super::byte(text), Ok(byte), "{text}");
        }
        for (text, byte) in [("\\x01", 1), ("\\x1F", 0x1f), ("\\x7c", b'|'), ("\\", b'\\')] {
            assert_eq!(super::byte(text), Ok(byte), "{text}");
        }
        for text in
            ["", ";;", "§", "\n", "\r", "\\n", "tab", "\\x", "\\x1", "\\x001", "\\x00", "\\x0a", "\\xff", "\\x+1"]
        {
            assert!(super::byte(text).is_err(), "{text}");
        }
        assert_eq!(quote(""), Ok(None));
        assert_eq!(quote("none"), Ok(None));
        assert_eq!(quote("'"), Ok(Some(b'\'')));
        for text in ["''", "«", "\n"] {
            assert!(quote(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_name_and_alias_is_accepted() {
        let parser = auto_or::<Format>();
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
    fn switches_have_four_values() {
        assert_eq!(
            [switch("1"), switch("true"), switch("0"), switch("false")],
            [Ok(true), Ok(true), Ok(false), Ok(false)]
        );
        for text in ["", "yes", "TRUE", "2"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }
}
