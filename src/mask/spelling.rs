//! The spellings in which a secret may come back.

/// How many bytes at the beginning of a text are some spelling of a secret; `None` if it does not begin so.
pub(super) fn match_length(text: &str, secret: &str) -> Option<usize> {
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    let mut offset = 0;
    let mut last = None;
    for c in secret.chars() {
        // Backslashes may be doubled any number of times, so several are matched like one.
        if c != '\\' || last != Some('\\') {
            offset += char_length(&text[offset..], c)?;
        }
        last = Some(c);
    }
    Some(offset)
}

/// The length of one character in some spelling, with the backslashes before it.
fn char_length(text: &str, c: char) -> Option<usize> {
    if !matches!(c, '\\' | '%' | '&') && text.starts_with(c) {
        return Some(c.len_utf8());
    }
    let slashes = text.bytes().take_while(|byte| *byte == b'\\').count();
    let rest = &text[slashes..];
    let escaped = if slashes == 0 {
        in_url(rest, c).or_else(|| in_html(rest, c)).or_else(|| rest.starts_with(c).then(|| c.len_utf8()))
    } else if c == '\\' {
        // In `\\u005C` the last backslash belongs to the escape.
        Some(in_json(rest, c).unwrap_or(0))
    } else if rest.starts_with(c) {
        Some(c.len_utf8())
    } else {
        in_json(rest, c)
    };
    escaped.map(|length| slashes + length)
}

/// `uXXXX`, twice for a character that needs two; a short escape of a control character.
fn in_json(text: &str, c: char) -> Option<usize> {
    let short = match c {
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        _ => None,
    };
    if short.is_some_and(|short| text.starts_with(short)) {
        return Some(1);
    }
    let (mut units, mut offset) = ([0; 2], 0);
    for (index, unit) in c.encode_utf16(&mut units).iter().enumerate() {
        let rest = &text[offset..];
        let slashes = if index == 0 { 0 } else { rest.bytes().take_while(|byte| *byte == b'\\').count() };
        let rest = &rest[slashes..];
        // `\u{f6}` is how this program's own messages spell it.
        let digits = rest.strip_prefix('u').and_then(|digits| digits.get(..4));
        let is_unit = digits.is_some_and(|digits| u16::from_str_radix(digits, 16) == Ok(*unit));
        if !is_unit {
            return in_braces(text, c);
        }
        offset += slashes + 5;
    }
    Some(offset)
}

fn in_braces(text: &str, c: char) -> Option<usize> {
    let digits = text.strip_prefix("u{")?.split('}').next()?;
    (u32::from_str_radix(digits, 16) == Ok(c.into())).then_some(digits.len() + 3)
}

/// `%XX` for each byte; `+` for a blank.
fn in_url(text: &str, c: char) -> Option<usize> {
    if c == ' ' && text.starts_with('+') {
        return Some(1);
    }
    let (mut bytes, mut offset) = ([0; 4], 0);
    for byte in c.encode_utf8(&mut bytes).bytes() {
        let digits = text.get(offset..)?.strip_prefix('%')?.get(..2)?;
        if u8::from_str_radix(digits, 16) != Ok(byte) {
            return None;
        }
        offset += 3;
    }
    Some(offset)
}

/// `&quot;`, `&#34;` or `&#x22;`.
fn in_html(text: &str, c: char) -> Option<usize> {
    let name = text.strip_prefix('&')?.split(';').next()?;
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    let named = match name {
        "quot" => Some('"'),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        _ => None,
    };
    (number == Some(c.into()) || named == Some(c)).then_some(name.len() + 2)
}

const CODE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 of anything with this text in it, without the characters that depend on what is around it: three texts, one for
/// each offset in a group of three bytes, and for each the alphabet of URLs.
pub(super) fn base64_forms(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let bytes = [&[0; 3][..before], text.as_bytes()].concat();
        let code = base64(&bytes);
        // The first and the last character may hold bits of other bytes.
        let start = (before * 4).div_ceil(3);
        let form = &code[start..bytes.len() * 4 / 3];
        // As short as this it is part of many words.
        if form.len() >= 8 {
            forms.push(form.to_owned());
            forms.push(form.replace('+', "-").replace('/', "_"));
        }
    }
    forms
}

/// Base64 without padding.
fn base64(bytes: &[u8]) -> String {
    let mut code = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for index in 0..=group.len() {
            code.push(CODE[(number >> (18 - 6 * index) & 63) as usize] as char);
        }
    }
    code
}

/// The text in base64, padded or not; `None` if it is none.
pub(super) fn decoded(code: &str) -> Option<String> {
    let (mut bytes, mut number) = (Vec::new(), 0u32);
    let code = code.trim_end_matches('=');
    for (index, byte) in code.bytes().enumerate() {
        let value = CODE.iter().position(|one| *one == byte)? as u32;
        number = number << 6 | value;
        if index % 4 > 0 {
            bytes.push((number >> (6 - 2 * (index % 4))) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_written_and_read() {
        for (text, code) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("me:hunter2", "bWU6aHVudGVyMg")] {
            assert_eq!(base64(text.as_bytes()), code);
            assert_eq!(decoded(&format!("{code}==")).as_deref(), Some(text));
        }
        assert_eq!(decoded("not base64!"), None);
        let forms = base64_forms("hunter2hunter2");
        for before in ["", "a", "ab", "me:"] {
            let code = base64(format!("{before}hunter2hunter2 etc").as_bytes());
            assert!(forms.iter().any(|form| code.contains(form)), "{code} {forms:?}");
        }
    }
}
