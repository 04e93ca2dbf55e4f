//! Reads a key in MongoDB's extended JSON, such as `{"$oid":"…"}`, and in the cells of a CSV file, such as `ObjectId(…)`, as
//! mongoexport writes them.

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
        [kind, bytes] if within && name(bytes) == "base64" && name(kind) == "subType" => bytes.value,
        // As older versions write it.
        [bytes, kind] if name(bytes) == "$binary" && name(kind) == "$type" => bytes.value,
        _ => return None,
    };
    Some(Span { start: value.start + found.start, end: value.start + found.end })
}

/// The text of a UUID in `{"$binary":{"base64":"…","subType":"04"}}` or in the older form, as `{"$uuid":"…"}` has it.
pub(super) fn uuid(text: &str, value: Span, scanner: &mut Scanner) -> Option<String> {
    let raw = value.of(text);
    let field = |raw: &str, fields: &[Field], wanted: &str| {
        fields.iter().find(|field| field.name.of(raw) == wanted).map(|field| field.value)
    };
    scanner.object(raw.as_bytes()).ok()?;
    let mut binary = field(raw, scanner.fields(), "$binary")?.of(raw);
    let mut kind = field(raw, scanner.fields(), "$type").map(|kind| kind.of(raw));
    if JsonKind::of(binary) == JsonKind::Object {
        scanner.object(binary.as_bytes()).ok()?;
        kind = field(binary, scanner.fields(), "subType").map(|kind| kind.of(binary));
        binary = field(binary, scanner.fields(), "base64")?.of(binary);
    }
    let bytes = base64(binary.trim_matches('"'))?;
    let is_uuid = kind.is_some_and(|kind| matches!(kind.trim_matches('"'), "04" | "4")) && bytes.len() == 16;
    is_uuid.then(|| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    })
}

/// Decodes base64 with padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte)? as u32;
        (bits, count) = ((bits << 6 | digit) & 0xfff, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// The key in the text of a cell: `ObjectId(…)`, as mongoexport and MongoDB's shell write it.
pub(super) fn of_cell(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("ObjectId(")?.strip_suffix(')')?;
    let quoted = |quote: char| inside.strip_prefix(quote)?.strip_suffix(quote);
    let digits = quoted('"').or_else(|| quoted('\'')).unwrap_or(inside);
    (digits.len() == 24 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_the_same_in_all_forms() {
        for value in [
            r#"{"$binary":{"base64":"o2VbgF0lTzGkTMX4ZuKHDw==","subType":"04"}}"#,
            r#"{"$binary":{"subType":"4","base64":"o2VbgF0lTzGkTMX4ZuKHDw=="}}"#,
            r#"{"$binary":"o2VbgF0lTzGkTMX4ZuKHDw==","$type":"04"}"#,
        ] {
            let all = Span::new(0, value.len());
            let found = uuid(value, all, &mut Scanner::default());
            assert_eq!(found.as_deref(), Some("a3655b80-5d25-4f31-a44c-c5f866e2870f"), "{value}");
        }
        for value in [r#"{"$binary":{"base64":"AA==","subType":"04"}}"#, r#"{"$oid":"5f"}"#, "{}"] {
            assert_eq!(uuid(value, Span::new(0, value.len()), &mut Scanner::default()), None, "{value}");
        }
    }

    #[test]
    fn an_object_id_in_a_cell_has_24_digits() {
        let digits = "5f0c5f0c5f0c5f0c5f0c5f0c";
        for cell in ["ObjectId(5f0c5f0c5f0c5f0c5f0c5f0c)", "ObjectId(\"5f0c5f0c5f0c5f0c5f0c5f0c\")"] {
            assert_eq!(of_cell(cell), Some(digits), "{cell}");
        }
        for cell in ["ObjectId(5f)", "ObjectId()", "5f0c5f0c5f0c5f0c5f0c5f0c", "xObjectId(5f0c5f0c5f0c5f0c5f0c5f0c)"] {
            assert_eq!(of_cell(cell), None, "{cell}");
        }
    }

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
