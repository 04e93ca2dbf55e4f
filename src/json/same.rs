//! Compares JSON values, whatever their formatting.

use super::{JsonKind, Scanner, same_number, unescape, unquoted};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Maximum depth; deeper values never compare as equal. Each level is one recursive call, and no server stores such values.
const MAX_DEPTH: usize = 1_000;

/// Whether two JSON texts are the same value: fields in any order, numbers by their digits, strings unescaped.
pub fn same_value(one: &str, other: &str) -> bool {
    same(one, other, same_number, 0)
}

/// Whether Elasticsearch takes one JSON text for the other when it looks for a change: as `same_value`, but an integer is
/// never the same as a number with a fraction or an exponent, and these are compared as doubles (contract of the bulk API, 3).
pub fn same_parsed(one: &str, other: &str) -> bool {
    one == other || same(one, other, same_parsed_number, 0)
}

fn same_parsed_number(one: &str, other: &str) -> bool {
    let is_double = |number: &str| number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    match (is_double(one), is_double(other)) {
        (true, true) => one.parse().map(f64::to_bits) == other.parse().map(f64::to_bits),
        (false, false) => same_number(one, other),
        _ => false,
    }
}

fn same(one: &str, other: &str, numbers: fn(&str, &str) -> bool, depth: usize) -> bool {
    let kind = JsonKind::of(one);
    if kind != JsonKind::of(other) || depth > MAX_DEPTH {
        return false;
    }
    let same = |one, other| same(one, other, numbers, depth + 1);
    match kind {
        JsonKind::Object => match (fields(one), fields(other)) {
            (Some(one), Some(other)) => {
                one.keys().eq(other.keys()) && one.values().zip(other.values()).all(|(a, b)| same(a, b))
            }
            _ => false,
        },
        JsonKind::Array => match (elements(one), elements(other)) {
            (Some(one), Some(other)) => {
                one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| same(a.get(), b.get()))
            }
            _ => false,
        },
        JsonKind::Number => numbers(one, other),
        JsonKind::String => one == other || unquoted(one).is_some_and(|one| unquoted(other) == Some(one)),
        JsonKind::Boolean | JsonKind::Null => one == other,
    }
}

/// The fields of an object. `None` if there are duplicate fields: a server may keep either.
fn fields(text: &str) -> Option<BTreeMap<Cow<'_, str>, &str>> {
    let mut scanner = Scanner::default();
    scanner.object(text.as_bytes()).ok()?;
    let mut fields = BTreeMap::new();
    for field in scanner.fields() {
        let is_duplicate = fields.insert(unescape(field.name.of(text))?, field.value.of(text)).is_some();
        if is_duplicate {
            return None;
        }
    }
    Some(fields)
}

fn elements(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_does_not_matter() {
        for (one, other, same) in [
            (r#"{"a":1,"b":[1.10,"\u0061"]}"#, r#"{"b":[1.1,"a"],"a":1}"#, true),
            (r#"{"n":9007199254740993}"#, r#"{"n":9007199254740992}"#, false),
            (r#"{"n":123456789012345678901234567890}"#, r#"{"n":123456789012345678901234567891}"#, false),
            (r#"{"n":1e2}"#, r#"{"n":100.0}"#, true),
            (r#"{"n":-0}"#, r#"{"n":0}"#, true),
            (r#"{"n":-1}"#, r#"{"n":1}"#, false),
            (r#"{"a":null}"#, "{}", false),
            (r#"{"a":1,"a":1}"#, r#"{"a":1}"#, false),
            ("[1,2]", "[2,1]", false),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
        ] {
            assert_eq!(same_value(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_server_tells_integers_from_doubles() {
        for (one, other, same) in [
            (r#"{"a":1,"b":[1.10,"\u0061"]}"#, r#"{"b":[1.1,"a"],"a":1}"#, true),
            ("1", "1.0", false),
            ("1.0", "1.00", true),
            ("1e2", "100.0", true),
            ("100", "1e2", false),
            ("0.1", "0.10000000000000000001", true),
            ("-0", "0", true),
            ("-0.0", "0.0", false),
            ("1e400", "1e500", true),
            ("9007199254740993", "9007199254740992", false),
        ] {
            assert_eq!(same_parsed(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn values_that_are_too_deep_are_never_the_same() {
        for (levels, is_same) in [(1_000, true), (2_000, false)] {
            let text = "[".repeat(levels) + &"]".repeat(levels);
            assert_eq!(same_value(&text, &text), is_same);
        }
    }
}
