//! Which cells are numbers.

use crate::json;

/// Whether a bare cell becomes a number: it must be one in JSON, and one that the usual readers of JSON can hold, an
/// integer in signed 64 bits, anything else as a finite double. So `007`, `+5`, `.8` and long digit strings stay text.
#[inline(always)]
pub(super) fn is_number(text: &[u8]) -> bool {
    // Most numbers are integers of few digits.
    if text.len() <= 18 && text.iter().all(u8::is_ascii_digit) {
        return text.len() == 1 || (text.len() > 1 && text[0] != b'0');
    }
    json::is_number(text) && std::str::from_utf8(text).is_ok_and(is_held)
}

/// Whether a reader can hold a JSON number.
fn is_held(number: &str) -> bool {
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
            assert!(!json::is_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_overflows_stays_text_but_is_json() {
        for text in ["9223372036854775808", "-9223372036854775809", "2e309", "-1e400"] {
            assert!(!number(text), "{text}");
            assert!(json::is_number(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_numbers_are_those_of_serde_json(text in "[-+.eE0-9]{0,9}") {
            let expected = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(json::is_number(text.as_bytes()), expected, "{}", text);
        }
    }
}
