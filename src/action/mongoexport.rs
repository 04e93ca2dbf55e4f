//! Reads an `_id` in MongoDB's extended JSON, such as `{"$oid":"…"}`, as mongoexport writes it.

use crate::json::{Field, JsonKind, Scanner, Span};

/// The field names of the wrappers.
const WRAPPERS: [&str; 8] =
    ["$oid", "$uuid", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$date", "$binary"];

/// Unwraps mongoexport's `{"$oid":"…"}`, and the two that hold an object: `{"$date":{"$numberLong":"…"}}` and
/// `{"$binary":{"base64":"…","subType":"…"}}`.
pub(super) fn unwrapped(text: &str, value: Span, scanner: &mut Scanner) -> Span {
    let is_plain = |span: &Span| matches!(JsonKind::of(span.of(text)), JsonKind::String | JsonKind::Number);
    let Some(inner) = content(text, value, false, scanner) else { return value };
    let inner = if is_plain(&inner) { Some(inner) } else { content(text, inner, true, scanner) };
    inner.filter(is_plain).unwrap_or(value)
}

/// The content of a wrapper. `within` is true if it is inside another one.
fn content(text: &str, value: Span, within: bool, scanner: &mut Scanner) -> Option<Span> {
    let raw = value.of(text);
    if JsonKind::of(raw) != JsonKind::Object {
        return None;
    }
    let _ = scanner.object(raw.as_bytes());
    let name = |field: &Field| field.name.of(raw);
    let found = match scanner.fields() {
        [only] if WRAPPERS.contains(&name(only)) => only.value,
        [bytes, kind] if within && name(bytes) == "base64" && name(kind) == "subType" => bytes.value,
        _ => return None,
    };
    Some(Span { start: value.start + found.start, end: value.start + found.end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wrappers_are_unwrapped() {
        for (value, key) in [
            (r#"{"$oid":"5f0c"}"#, r#""5f0c""#),
            (r#"{ "$numberLong" : "12" }"#, r#""12""#),
            (r#"{"$date":{"$numberLong":"1577836800000"}}"#, r#""1577836800000""#),
            (r#"{"$binary":{"base64":"AA==","subType":"04"}}"#, r#""AA==""#),
        ] {
            let all = Span::new(0, value.len());
            assert_eq!(unwrapped(value, all, &mut Scanner::default()).of(value), key, "{value}");
        }
        for value in [
            r#""$oid""#,
            "7",
            "null",
            "{}",
            r#"{"a":1}"#,
            r#"{"$oid":null}"#,
            r#"{"$oid":"a","x":1}"#,
            r#"{"$minKey":1}"#,
            r#"{"base64":"AA==","subType":{}}"#,
            r#"{"$date":{"$date":{"$date":1}}}"#,
        ] {
            let all = Span::new(0, value.len());
            assert_eq!(unwrapped(value, all, &mut Scanner::default()), all, "{value}");
        }
    }
}
