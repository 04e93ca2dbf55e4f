//! What a cell's raw text stands for, and how a message shows it.

use super::Dialect;
use std::borrow::Cow;

/// Resolves doubled quotes and backslashes: of two bytes each, the second stands for itself.
pub(super) fn resolve<'a>(text: &[u8], dialect: Dialect, out: &'a mut Vec<u8>) -> &'a [u8] {
    out.clear();
    let quote = dialect.quote.unwrap_or(b'\\');
    let escape = if dialect.backslash_escape { b'\\' } else { quote };
    let mut rest = text;
    while let Some(at) = memchr::memchr2(quote, escape, rest)
        && let Some(literal) = rest.get(at + 1)
    {
        out.extend_from_slice(&rest[..at]);
        out.push(*literal);
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    out
}

/// As much of a text as a message can bear.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((at, _)) => Cow::Owned(format!("{}...", &text[..at])),
        None => Cow::Borrowed(text),
    }
}
