//! Strings inside JSON text: comparing, reading and writing them.
//! Names are compared unescaped (`"\u0061"` is `"a"`), but what is written back is always the user's own spelling.

use super::scalar::marks;
use std::borrow::Cow;

/// Appends `text` to `out` as a JSON string with its quotes, escaping only what RFC 8259 says must be.
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

/// Whether a JSON string with this text in it needs no escapes.
pub fn needs_no_escape(text: &str) -> bool {
    let (chunks, rest) = text.as_bytes().as_chunks();
    // Without an early end, so that many bytes are compared at once.
    chunks.iter().fold(0, |found, chunk| found | marks(chunk)) == 0 && !rest.iter().any(|byte| is_escaped(*byte))
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many bytes `quote_into` writes for a text, without the quotes.
pub fn escaped_length(text: &str) -> usize {
    let length = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

/// Reads the inside of a JSON string that the scanner accepted. `None` if it has an unpaired surrogate, which is JSON
/// but no text.
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

/// Reads a JSON string that the scanner accepted, with its quotes; `None` as `unescape`.
pub fn unquoted(string: &str) -> Option<Cow<'_, str>> {
    unescape(&string[1..string.len() - 1])
}

/// Reads one escape (two, for a surrogate pair): the character and the bytes it took.
fn escaped(text: &str) -> Option<(char, usize)> {
    let plain = match text.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = unit(text)?;
            if let Some(character) = char::from_u32(unit) {
                return Some((character, 6));
            }
            let low = unit_after(text, unit)?;
            let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return Some((char::from_u32(code)?, 12));
        }
        other => *other as char,
    };
    Some((plain, 2))
}

fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.get(2..6)?, 16).ok()
}

fn unit_after(text: &str, high: u32) -> Option<u32> {
    let next = text.get(6..)?;
    let low = next.starts_with("\\u").then(|| unit(next))??;
    ((0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low)).then_some(low)
}

/// Whether the inside of a JSON string names `name`, compared unescaped.
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
    fn half_a_surrogate_pair_is_no_text() {
        assert_eq!(unescape(r"\ud83d"), None);
        assert_eq!(unescape(r"\ud83dx\ude00"), None);
        assert_eq!(unescape(r"\ud83d\ude00").as_deref(), Some("😀"));
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(text in any::<String>()) {
            let mut quoted = String::new();
            quote_into(&mut quoted, &text);
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).expect("JSON"), &text);
            let inside = unescape(&quoted[1..quoted.len() - 1]);
            prop_assert_eq!(inside.as_deref(), Some(text.as_str()));
        }
    }
}
