//! What the requests of all targets are written with: documents without the members that became metadata, and names.

use crate::batch::BatchAction;
use memchr::memchr;

/// Escapes a name for a path or a query (RFC 3986: all but unreserved characters).
pub fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The document without the members that became metadata.
pub fn push_document(action: &BatchAction<'_>, body: &mut Vec<u8>) {
    let mut from = 0;
    for cut in action.cut.iter().filter(|cut| cut.end > cut.start) {
        push_line(&action.doc[from..cut.start as usize], body);
        from = cut.end as usize;
    }
    push_line(&action.doc[from..], body);
}

/// Appends JSON as one line: its raw newlines, which can only be blanks between its parts, become spaces.
pub fn push_line(text: &str, body: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr(b'\n', rest) {
        body.extend_from_slice(&rest[..at]);
        body.push(b' ');
        rest = &rest[at + 1..];
    }
    body.extend_from_slice(rest);
}

/// The document as it was sent.
pub fn document_of(action: &BatchAction<'_>) -> String {
    let mut text = action.doc.to_owned();
    for cut in action.cut.iter().rev().filter(|cut| cut.end > cut.start) {
        text.replace_range(cut.range(), "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_for_paths() {
        assert_eq!(escaped("<logs-{now/d}>"), "%3Clogs-%7Bnow%2Fd%7D%3E");
        assert_eq!(escaped("products-1.0_a~"), "products-1.0_a~");
    }
}
