//! Names common mistakes in JSON: what other languages allow, or what a text became on its way.

use crate::json::ScanError;

/// What is wrong at this offset of a value, where the scanner found `what`.
pub(super) fn named(bytes: &[u8], offset: usize, what: &'static str) -> String {
    let rest = bytes.get(offset..).unwrap_or_default();
    let text = match rest {
        [b'\'', ..] => "single quotes, where JSON has double quotes",
        [b'/', b'/' | b'*', ..] | [b'#', ..] => "a comment, which JSON does not have",
        [0xe2, 0x80, 0x98..=0x9f, ..] => "typographic quotes, where JSON has \"",
        _ => {
            let word = word(rest);
            let is_negative = offset > 0 && bytes[offset - 1] == b'-';
            return match word {
                "" => what.to_owned(),
                _ if what == "expected a digit" && is_negative => format!("-{word} is not JSON"),
                _ if what == "expected a value" => format!("{word} is not JSON"),
                _ => what.to_owned(),
            };
        }
    };
    text.to_owned()
}

/// The word at the start, such as `NaN`, if it is one.
fn word(bytes: &[u8]) -> &str {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let length = bytes.iter().take(MAX_WORD + 1).take_while(is_part).count();
    let is_word = length <= MAX_WORD && bytes.first().is_some_and(u8::is_ascii_alphabetic);
    if is_word { std::str::from_utf8(&bytes[..length]).unwrap_or_default() } else { "" }
}

/// Longer words are not quoted in messages.
const MAX_WORD: usize = 16;

/// How many bytes from an error on decide about its message.
pub(super) const CONTEXT: usize = MAX_WORD + 1;

/// What is wrong with a value, and at which byte of it. `incomplete` is the text for a value without an end.
pub(super) fn text_of(bytes: &[u8], error: ScanError, incomplete: &str) -> String {
    match error {
        ScanError::Incomplete => incomplete.to_owned(),
        ScanError::Syntax { offset, what } => format!("{}, at byte {}", named(bytes, offset, what), offset + 1),
    }
}

/// What follows an object on its line, and what to do about it.
pub(super) fn after(rest: &[u8], what: &str) -> (String, Option<&'static str>) {
    match rest.trim_ascii_start() {
        [b','] => (format!("a comma after the {what}"), Some("`sed 's/,[[:space:]]*$//' FILE` removes the commas")),
        [b',', ..] => (format!("a comma after the {what}"), None),
        [b'/', b'/' | b'*', ..] | [b'#', ..] => (format!("a comment after the {what}, which JSON does not have"), None),
        _ => (format!("unexpected text after the {what}"), None),
    }
}
