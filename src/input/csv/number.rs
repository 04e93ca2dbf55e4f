//! Decides which bare cells are numbers.

use crate::json;

/// Whether a bare cell becomes a number. It must be a JSON number that common parsers can represent: an integer within
/// signed 64 bits, or a finite double. So `007`, `+5`, `.8` and long digit strings stay strings.
#[inline(always)]
pub(super) fn is_number(text: &[u8]) -> bool {
    // Fast path: most numbers are short integers.
    if text.len() <= 18 && text.iter().all(u8::is_ascii_digit) {
        return text.len() == 1 || (text.len() > 1 && text[0] != b'0');
    }
    json::is_number(text) && std::str::from_utf8(text).is_ok_and(is_representable)
}

/// Whether an `i64` or a finite `f64` can represent a JSON number.
fn is_representable(number: &str) -> bool {
    if number.contains(['.', 'e', 'E']) {
        return number.parse::<f64>().is_ok_and(f64::is_finite);
    }
    number.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> bool {
        is_number(text.as_bytes())
    }

    #[test]
    fn json_numbers_within_range_are_numbers() {
        for text in ["0", "-0", "7", "-99999999", "10e4", "20.5", "-1.05e2", "1.05e-2", "1E5", "1e+5", "0.0", "2e307"] {
            assert!(number(text), "{text}");
        }
        for text in ["9223372036854775807", "-9223372036854775808"] {
            assert!(number(text), "{text}");
        }
    }

    #[test]
    fn other_text_stays_a_string() {
        let not = [
            "", "-", "+5", "007", "-01", ".8", "-.5", "1.", "1.e5", "1e", "1e+", "1.2.3", " 1", "1 ", "0x10", "1_000",
            "NaN", "e5",
        ];
        for text in not {
            assert!(!number(text), "{text}");
            assert!(!json::is_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn numbers_that_overflow_stay_strings() {
        for text in ["9223372036854775808", "-9223372036854775809", "2e309", "-1e400"] {
            assert!(!number(text), "{text}");
            assert!(json::is_number(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_numbers_are_the_same_as_in_serde_json(text in "[-+.eE0-9]{0,9}") {
            let expected = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(json::is_number(text.as_bytes()), expected, "{}", text);
        }
    }
}
