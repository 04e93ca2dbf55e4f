//! Objects and values that the scanner accepts or rejects.

use super::*;
use proptest::prelude::*;

fn accepts(text: &[u8]) -> bool {
    let mut scanner = Scanner::default();
    let Some(start) = text.iter().position(|b| !b" \t\r\n".contains(b)) else { return false };
    match scanner.value(text, start) {
        Ok(end) => text[end..].iter().all(|b| b" \t\r\n".contains(b)),
        Err(_) => false,
    }
}

fn serde_accepts(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

#[test]
fn fields_have_the_ranges_where_they_are_written() {
    let text = r#"{ "a" : [1,{"b":2}] ,"\u0061":"x\"y", "":null}"#;
    let mut scanner = Scanner::default();
    assert_eq!(scanner.object(text.as_bytes()), Ok(text.len()));
    let seen: Vec<_> = scanner.fields().iter().map(|m| (m.name.of(text), m.value.of(text), m.escaped)).collect();
    assert_eq!(seen, [("a", r#"[1,{"b":2}]"#, false), ("\\u0061", r#""x\"y""#, true), ("", "null", false)]);
}

#[test]
fn simple_values_are_recognized() {
    let is_simple = |value: &str| {
        let mut scanner = Scanner::default();
        scanner.object(format!("{{\"v\":{value}}}").as_bytes()).expect("an object");
        scanner.fields()[0].is_simple
    };
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for simple in [
        "-12.50",
        "1234567890123456",
        r#""a long text of more than sixteen bytes""#,
        r#"{"x":1,"y":[true,false,null]}"#,
        r#"[{"x":1},{"x":2},{},{"":{"x":1}}]"#,
        r#"{"x":1,"a":{"x":1}}"#,
        &nested(64),
    ] {
        assert!(is_simple(simple), "{simple}");
    }
    for other in [
        "1e2",
        "[1E2]",
        "12345678901234567",
        "[0.123456789012345]",
        r#""\n""#,
        r#"{"b":"\n"}"#,
        r#"{"\u0061":1}"#,
        r#"{"b":1,"b":2}"#,
        r#"{"b":{},"b":2}"#,
        r#"{"b":{"c":1},"b":2}"#,
        r#"[{"b":[{"c":1}],"b":2}]"#,
        &nested(65),
    ] {
        assert!(!is_simple(other), "{other}");
    }
}

#[test]
fn nesting_is_not_limited_by_the_call_stack() {
    let text = "[".repeat(200_000) + &"]".repeat(200_000);
    assert_eq!(Scanner::default().value(text.as_bytes(), 0), Ok(text.len()));
}

#[test]
fn every_prefix_of_an_object_is_incomplete() {
    let text = r#"{"a":[true,null,-1.5e+3,"\u00e9\n"],"b":{"c":{}}}"#.as_bytes();
    for cut in 0..text.len() {
        assert_eq!(Scanner::default().object(&text[..cut]), Err(ScanError::Incomplete), "cut at {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn accepts_what_serde_json_accepts(text in r#"[\[\]{},:" \\ntrufalse0-9.eE+\-\n\t\x01ué/b]{0,24}"#) {
        prop_assert_eq!(accepts(text.as_bytes()), serde_accepts(&text), "{:?}", text);
    }

    #[test]
    fn a_changed_byte_is_accepted_or_rejected_as_by_serde_json(offset in 0usize..60, byte in 0x09u8..0x7f) {
        let mut text = br#"{"a":[1,2.5e-3,{"b":"c\u00e9\\"}],"d":false,"e":null,"f":-0}"#.to_vec();
        if offset < text.len() {
            text[offset] = byte;
        }
        let text = String::from_utf8(text).expect("ASCII");
        prop_assert_eq!(accepts(text.as_bytes()), serde_accepts(&text), "{}", text);
    }
}
