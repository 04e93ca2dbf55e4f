//! Which cells are numbers.

use super::object::Field;
use std::ops::Range;

/// Whether a bare cell becomes a number: it must be one in JSON, and one that the usual readers of JSON can hold, an
/// integer in signed 64 bits, anything else as a finite double. So `007`, `+5`, `.8` and long digit strings stay text.
#[inline(always)]
pub(super) fn is_number(cell: Field<'_>) -> bool {
    let text = cell.text();
    if let Some(word) = cell.word(0)
        && text.len() <= word.digits()
    {
        return text.len() == 1 || (text.len() > 1 && text[0] != b'0');
    }
    is_long_number(text)
}

fn is_long_number(text: &[u8]) -> bool {
    let Some(integer) = integer_digits(text) else { return false };
    if integer.end == text.len() {
        // 18 digits fit whatever they are.
        return integer.len() <= 18 || parsed(text).is_some_and(|text| text.parse::<i64>().is_ok());
    }
    is_json_number(text) && parsed(text).is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
}

fn parsed(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

/// Whether a text is a JSON number, of any size.
pub(super) fn is_json_number(text: &[u8]) -> bool {
    let Some(integer) = integer_digits(text) else { return false };
    let mut rest = &text[integer.end..];
    if let [b'.', fraction @ ..] = rest {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            unsigned => unsigned,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// Where the digits before the point lie, if they may begin a JSON number.
fn integer_digits(text: &[u8]) -> Option<Range<usize>> {
    let start = usize::from(text.first() == Some(&b'-'));
    let count = digits(&text[start..]);
    let leading_zero = count > 1 && text[start] == b'0';
    (count > 0 && !leading_zero).then_some(start..start + count)
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whatever lies behind the text.
    fn number(text: &str) -> bool {
        let behind = |tail: &str| is_number(Field::new(format!("{text}{tail}").as_bytes(), text.len()));
        let judged = is_number(Field::alone(text.as_bytes()));
        assert_eq!([judged; 3], [behind("12345678"), behind(",,,,,,,,"), behind("x")], "{text}");
        judged
    }

    #[test]
    fn numbers_are_those_that_come_back_unchanged() {
        for text in ["0", "-0", "7", "-99999999", "10e4", "20.5", "-1.05e2", "1.05e-2", "1E5", "1e+5", "0.0", "2e307"] {
            assert!(number(text), "{text}");
        }
        for text in ["9223372036854775807", "-9223372036854775808"] {
            assert!(number(text), "{text}");
        }
    }

    #[test]
    fn all_else_stays_text() {
        let not = [
            "", "-", "+5", "007", "-01", ".8", "-.5", "1.", "1.e5", "1e", "1e+", "1.2.3", " 1", "1 ", "0x10", "1_000",
            "NaN", "e5",
        ];
        for text in not {
            assert!(!number(text), "{text}");
            assert!(!is_json_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_overflows_stays_text_but_is_json() {
        for text in ["9223372036854775808", "-9223372036854775809", "2e309", "-1e400"] {
            assert!(!number(text), "{text}");
            assert!(is_json_number(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_numbers_are_those_of_serde_json(text in "[-+.eE0-9]{0,9}") {
            let expected = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(is_json_number(text.as_bytes()), expected, "{}", text);
        }
    }
}
