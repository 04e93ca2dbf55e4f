//! Compares, reads and writes strings in JSON text.
//! Names are compared unescaped (`"\u0061"` is `"a"`), but they are always written as the user wrote them.

use super::scalar::marks;
use std::borrow::Cow;

/// Appends `text` to `out` as a JSON string with quotes. Only what RFC 8259 requires is escaped.
pub fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(offset) = rest.bytes().position(is_escaped) {
        out.push_str(&rest[..offset]);
        match rest.as_bytes()[offset] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.push(char::from_digit(u32::from(control >> 4), 16).unwrap_or('0'));
                out.push(char::from_digit(u32::from(control & 15), 16).unwrap_or('0'));
            }
        }
        rest = &rest[offset + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether this text can be a JSON string without escapes.
pub fn needs_no_escape(text: &str) -> bool {
    let (chunks, rest) = text.as_bytes().as_chunks();
    // No early return, so that the compiler vectorizes the loop.
    chunks.iter().fold(0, |found, chunk| found | marks(chunk)) == 0 && !rest.iter().any(|byte| is_escaped(*byte))
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The number of bytes that `quote_into` writes, without the quotes.
pub fn escaped_length(text: &str) -> usize {
    let length = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

/// Unescapes the content of a JSON string that the scanner accepted. `None` if it has an unpaired surrogate, which is valid
/// JSON but not valid Unicode.
pub fn unescape(inside: &str) -> Option<Cow<'_, str>> {
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(offset) = rest.find('\\') {
        out.push_str(&rest[..offset]);
        let (character, used) = escaped(&rest[offset..])?;
        out.push(character);
        rest = &rest[offset + used..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// Unescapes a JSON string with its quotes, as `unescape` does.
pub fn unquoted(string: &str) -> Option<Cow<'_, str>> {
    unescape(&string[1..string.len() - 1])
}

/// Decodes one escape (two for a surrogate pair). Returns the character and the number of bytes.
fn escaped(text: &str) -> Option<(char, usize)> {
    let plain = match text.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = code_unit(text)?;
            if let Some(character) = char::from_u32(unit) {
                return Some((character, 6));
            }
            let low = low_surrogate(text, unit)?;
            let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return Some((char::from_u32(code)?, 12));
        }
        other => *other as char,
    };
    Some((plain, 2))
}

fn code_unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.get(2..6)?, 16).ok()
}

fn low_surrogate(text: &str, high: u32) -> Option<u32> {
    let next = text.get(6..)?;
    let low = next.starts_with("\\u").then(|| code_unit(next))??;
    ((0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low)).then_some(low)
}

/// Whether the content of a JSON string is `name` when it is unescaped.
pub fn same_name(inside: &str, escaped: bool, name: &str) -> bool {
    if !escaped {
        return inside == name;
    }
    unescape(inside).is_some_and(|text| text == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unpaired_surrogate_cannot_be_unescaped() {
        assert_eq!(unescape(r"\ud83d"), None);
        assert_eq!(unescape(r"\ud83dx\ude00"), None);
        assert_eq!(unescape(r"\ud83d\ude00").as_deref(), Some("😀"));
    }

    proptest! {
        #[test]
        fn quoted_text_is_read_back(text in any::<String>()) {
            let mut quoted = String::new();
            quote_into(&mut quoted, &text);
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).expect("JSON"), &text);
            let inside = unescape(&quoted[1..quoted.len() - 1]);
            prop_assert_eq!(inside.as_deref(), Some(text.as_str()));
        }
    }
}
