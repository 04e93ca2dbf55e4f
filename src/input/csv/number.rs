//! Decides which cells are numbers, and rewrites those with `--decimal` and `--thousands` as JSON.

use crate::json;

/// Whether a bare cell becomes a number. It must be a JSON number that common parsers can represent: an integer within
/// signed 64 bits, or a finite double. So `007`, `+5`, `.8` and long digit strings stay strings. So does `1234e56`: hardly
/// a program writes numbers in this way, and ids look so.
#[inline(always)]
pub(super) fn is_number(text: &[u8]) -> bool {
    // Fast path: most numbers are short integers.
    if text.len() <= 18 && text.iter().all(u8::is_ascii_digit) {
        return text.len() == 1 || (text.len() > 1 && text[0] != b'0');
    }
    json::is_number(text) && !looks_like_id(text) && std::str::from_utf8(text).is_ok_and(is_representable)
}

/// Whether a number consists of two or more digits, `e` and digits, without any sign or point.
fn looks_like_id(number: &[u8]) -> bool {
    match number.iter().position(|byte| !byte.is_ascii_digit()) {
        Some(offset) => {
            offset > 1 && matches!(number[offset], b'e' | b'E') && number[offset + 1..].iter().all(u8::is_ascii_digit)
        }
        None => false,
    }
}

/// The signs in numbers (`--decimal`, `--thousands`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberSigns {
    pub(super) decimal: u8,
    pub(super) thousands: Option<u8>,
}

impl NumberSigns {
    /// Writes a number with these signs as JSON: digits are copied. What is no number with these signs is not JSON then, or
    /// nothing is written.
    pub(super) fn rewrite(self, text: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(end);
        let (whole, fraction) = match memchr::memchr(self.decimal, mantissa) {
            Some(point) => (&mantissa[..point], Some(&mantissa[point + 1..])),
            None => (mantissa, None),
        };
        let digits = whole.strip_prefix(b"-").unwrap_or(whole);
        let signs = digits.len() < whole.len();
        out.extend(signs.then_some(b'-'));
        for (index, group) in digits.split(|byte| Some(*byte) == self.thousands).enumerate() {
            let is_grouped = self.thousands.is_some_and(|sign| digits.contains(&sign));
            let is_right = !is_grouped || group.len() == 3 || index == 0 && matches!(group.len(), 1 | 2);
            if !is_right || !group.iter().all(u8::is_ascii_digit) {
                return out.clear();
            }
            out.extend_from_slice(group);
        }
        if let Some(fraction) = fraction {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        out.extend_from_slice(exponent);
    }
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
        for text in [
            "0",
            "-0",
            "7",
            "-99999999",
            "1e4",
            "20.5",
            "-1.05e2",
            "1.05e-2",
            "1E5",
            "1e+5",
            "10e+4",
            "-10e4",
            "1.0e4",
            "0.0",
            "2e307",
        ] {
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
    fn ids_that_are_digits_and_an_e_stay_strings() {
        for text in ["1234e56", "314e59", "12E3", "45E6", "10e4", "00e1"] {
            assert!(!number(text), "{text}");
        }
    }

    #[test]
    fn numbers_with_other_signs_are_rewritten_digit_for_digit() {
        let german = NumberSigns { decimal: b',', thousands: Some(b'.') };
        let english = NumberSigns { decimal: b'.', thousands: Some(b',') };
        let comma = NumberSigns { decimal: b',', thousands: None };
        let rewritten = |signs: NumberSigns, text: &str| {
            let mut out = Vec::new();
            signs.rewrite(text.as_bytes(), &mut out);
            String::from_utf8(out).ok().filter(|out| json::is_number(out.as_bytes()))
        };
        for (signs, text, expected) in [
            (german, "1.234,56", Some("1234.56")),
            (german, "12.345", Some("12345")),
            (german, "-3,0", Some("-3.0")),
            (german, "1.234.567,80e-2", Some("1234567.80e-2")),
            (german, "1234,5", Some("1234.5")),
            (german, "1.5", None),
            (german, "1234.567", None),
            (german, "1.234567", None),
            (german, "0.123", None),
            (german, "1,234.5", None),
            (german, ",5", None),
            (german, "5,", None),
            (german, "", None),
            (german, "-", None),
            (german, ".123", None),
            (german, "1..234", None),
            (comma, "1,50", Some("1.50")),
            (comma, "1.50", None),
            (comma, "12.345", None),
            (english, "1,234", Some("1234")),
            (english, "1,234.50", Some("1234.50")),
            (english, "1.50", Some("1.50")),
            (english, "12,34", None),
        ] {
            assert_eq!(rewritten(signs, text).as_deref(), expected, "{signs:?} {text}");
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
