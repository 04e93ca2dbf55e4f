//! Plain values as Elasticsearch's parsers take them: numbers may be texts, and texts numbers.

use super::super::item::ItemError;
use crate::json::{JsonKind, unescape};
use std::borrow::Cow;

/// The server's name for the token that a value begins with.
pub(super) fn token(value: &str) -> &'static str {
    match JsonKind::of(value) {
        JsonKind::Object => "START_OBJECT",
        JsonKind::Array => "START_ARRAY",
        JsonKind::String => "VALUE_STRING",
        JsonKind::Number => "VALUE_NUMBER",
        JsonKind::Boolean => "VALUE_BOOLEAN",
        JsonKind::Null => "VALUE_NULL",
    }
}

/// The text of a plain value.
pub(super) fn text(value: &str) -> Result<Cow<'_, str>, ItemError> {
    if JsonKind::of(value) != JsonKind::String {
        return Ok(Cow::Borrowed(value));
    }
    unescape(&value[1..value.len() - 1])
        .ok_or_else(|| ItemError::new(400, "json_parse_exception", "an unpaired surrogate in a text"))
}

/// A number of 64 bits; what follows a decimal point is cut off.
pub(super) fn long(value: &str) -> Result<i64, ItemError> {
    if JsonKind::of(value) == JsonKind::Boolean {
        let token = format!("VALUE_{}", value.to_ascii_uppercase());
        let reason = format!("Current token ({token}) not numeric, can not use numeric value accessors");
        return Err(ItemError::new(400, "json_parse_exception", reason));
    }
    let text = text(value)?;
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let Ok(double) = text.parse::<f64>() else {
        return Err(ItemError::argument(format!("For input string: \"{text}\"")));
    };
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(Ok(number)) = whole.map(|(whole, _)| whole.parse()) {
        return Ok(number);
    }
    // The ends of 64 bits as doubles; the upper one is the first number beyond them.
    if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&double) {
        return Err(out_of_range(value, &text));
    }
    Ok(double as i64)
}

fn out_of_range(value: &str, text: &str) -> ItemError {
    if JsonKind::of(value) == JsonKind::String {
        return ItemError::argument(format!("Value [{text}] is out of range for a long"));
    }
    beyond(text, "long", i64::MIN, i64::MAX)
}

/// A number that a type of the server's does not hold.
pub(super) fn beyond(text: &str, kind: &str, least: i64, greatest: i64) -> ItemError {
    let reason = format!("Numeric value ({text}) out of range of {kind} ({least} - {greatest})");
    ItemError::new(400, "input_coercion_exception", reason)
}

/// A boolean, or its name.
pub(super) fn boolean(value: &str) -> Result<bool, ItemError> {
    if JsonKind::of(value) == JsonKind::Number {
        let kind = if value.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) { "INT" } else { "FLOAT" };
        let reason = format!("Current token (VALUE_NUMBER_{kind}) not of boolean type");
        return Err(ItemError::new(400, "json_parse_exception", reason));
    }
    match &*text(value)? {
        "true" => Ok(true),
        // The server takes a text without a character for the default.
        "false" | "" => Ok(false),
        other => {
            Err(ItemError::argument(format!("Failed to parse value [{other}] as only [true] or [false] are allowed.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_and_checked() {
        for (value, number) in [
            ("5", Some(5)),
            ("\"5\"", Some(5)),
            ("5.7", Some(5)),
            ("-5.7", Some(-5)),
            ("1e2", Some(100)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775807.5", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("\"abc\"", None),
            ("true", None),
        ] {
            assert_eq!(long(value).ok(), number, "{value}");
        }
    }
}
