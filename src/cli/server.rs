//! Parses request headers. Errors never repeat the value of a header, because it may be a secret.

use crate::sink::http::Header;
use reqwest::header::{HeaderName, HeaderValue};

/// Parses `-H`: `Name: value`.
///
/// # Errors
/// When it is no header, or one that this program sets itself.
pub fn header(text: &str) -> Result<Header, String> {
    let wrong = |what: &str| format!("{what}\nhint: a header is written `Name: value`");
    let (name, value) = text.split_once(':').ok_or_else(|| wrong("missing colon"))?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong("missing name"))?;
    if matches!(
        name.as_str(),
        "content-length" | "transfer-encoding" | "content-type" | "content-encoding" | "host" | "accept-encoding"
    ) {
        return Err(format!("{name} is set by bulkimport itself"));
    }
    let mut value: HeaderValue =
        value.trim().parse().map_err(|_| wrong(&format!("the value of {name} has invalid characters")))?;
    value.set_sensitive(true);
    Ok(Header(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_never_repeated() {
        let Header(name, value) = header("X-Key:  secret ").expect("a header");
        assert_eq!((name.as_str(), value.to_str().ok()), ("x-key", Some("secret")));
        for wrong in ["secret", ": secret", "a b: secret", "Host: secret", "x: secret\u{7f}"] {
            assert!(!header(wrong).expect_err(wrong).contains("secret"), "{wrong}");
        }
    }
}
