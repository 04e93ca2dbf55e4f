//! Flags that take one of a few words.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, Resettable, TypedValueParser};

/// The words of `T`. What they stand for is said in the help of the flag, so completions do not repeat it.
fn names<T: ValueEnum + 'static>() -> impl Iterator<Item = PossibleValue> {
    let words = T::value_variants().iter().filter_map(T::to_possible_value);
    words.map(|word| word.help(Resettable::Reset))
}

/// Takes one of the words of `T`.
pub fn one_of<T: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names::<T>()).try_map(|word| T::from_str(&word, false))
}

/// Takes one of the words of `T`, or `auto`, which leaves it open.
pub fn auto_or<T: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = Option<T>> {
    let words = std::iter::once(PossibleValue::new("auto")).chain(names::<T>());
    PossibleValuesParser::new(words).try_map(|word| match word.as_str() {
        "auto" => Ok(None),
        word => T::from_str(word, false).map(Some),
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
    use crate::input::Format;

    #[test]
    fn every_word_can_be_reached() {
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
