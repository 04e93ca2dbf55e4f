//! Finds numbers that change when they are parsed as a double and printed again.

use super::{JsonKind, Span, string_end};

/// The first number in a JSON value that changes when it is parsed as a double and printed with the fewest digits.
/// Integers are not checked: servers that merge documents keep integers of any size.
pub fn first_changed_by_double(text: &str, value: Span) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut offset = value.start as usize;
    while offset < value.end as usize {
        match bytes[offset] {
            b'"' => offset = string_end(bytes, offset).0,
            b'-' | b'0'..=b'9' => {
                let end = number_end(bytes, offset);
                let number = &text[offset..end];
                if number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) && !holds_as_double(number) {
                    return Some(number);
                }
                offset = end;
            }
            _ => offset += 1,
        }
    }
    None
}

/// Whether two JSON numbers are equal. Their digits are compared, not their doubles.
pub fn same_number(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (decimal(one), decimal(other)) {
        (Some((digits, exponent)), Some(theirs)) => {
            let sign = |number: &str| number.starts_with('-') && !digits.is_empty();
            sign(one) == sign(other) && (digits.as_str(), exponent) == (theirs.0.as_str(), theirs.1)
        }
        _ => false,
    }
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    start + bytes[start..].iter().take_while(|byte| is_part(byte)).count()
}

/// Whether a JSON number (also an integer) stays the same when it is parsed as a double and printed again.
pub fn holds_as_double(number: &str) -> bool {
    debug_assert_eq!(JsonKind::of(number), JsonKind::Number);
    // Fast path: nearly all numbers are this short.
    if number.len() <= 15 && !number.bytes().any(|byte| matches!(byte, b'e' | b'E')) {
        return true;
    }
    let Some((digits, exponent)) = decimal(number) else { return false };
    // A double preserves fifteen digits (IEEE 754), except near the limits of its range.
    if digits.len() <= 15 && (-290..290).contains(&exponent) {
        return true;
    }
    match number.parse::<f64>() {
        Ok(double) if double.is_finite() => decimal(&format!("{double:e}")) == Some((digits, exponent)),
        _ => false,
    }
}

/// The significant digits, and the exponent (base ten) of the last one. Zero has no digits. `None` for a huge exponent.
fn decimal(number: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some((String::new(), 0));
    }
    let exponent: i64 = exponent.parse().ok().filter(|exponent: &i64| exponent.abs() < 1 << 40)?;
    let dropped = (digits.len() - kept.len()) as i64;
    Some((kept.trim_start_matches('0').to_owned(), exponent - fraction.len() as i64 + dropped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first_changed(text: &str) -> Option<&str> {
        first_changed_by_double(text, Span::new(0, text.len()))
    }

    #[test]
    fn only_numbers_that_change_are_found() {
        for same in ["1.10", "1e2", "0.1", "9007199254740993", "-0.0", "0e999", "123456789.0", "1.7976931348623157e308"]
        {
            assert_eq!(first_changed(&format!("{{\"a\":[{same}]}}")), None, "{same}");
        }
        for changed in ["1e400", "0.12345678901234567890", "9007199254740993.0", "1e-400", "1e99999999999999999999"] {
            assert_eq!(first_changed(&format!("{{\"1e400\":\"\\\"1e400\",\"a\":{changed}}}")), Some(changed));
        }
    }

    proptest! {
        #[test]
        fn a_printed_double_does_not_change(double in any::<f64>().prop_filter("finite", |double| double.is_finite())) {
            let text = format!("{double:e}");
            prop_assert_eq!(first_changed(&text), None);
        }
    }
}
