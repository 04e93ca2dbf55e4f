//! Parses flags for servers. Errors never repeat the value of a header, because it may be a secret.

use crate::sink::http::{Header, SigningScope};
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

/// Parses `--aws-sigv4`: `REGION`, `REGION/SERVICE`, or as in curl.
///
/// # Errors
/// When there is no region.
pub fn signing_scope(text: &str) -> Result<SigningScope, String> {
    let of_curl = text.strip_prefix("aws:amz:").map(|rest| rest.split_once(':').unwrap_or((rest, "es")));
    let (region, service) = of_curl.or_else(|| text.split_once('/')).unwrap_or((text, "es"));
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !is_name(region) || !is_name(service) {
        return Err("not a region and a service\nhint: write `us-east-1`, or `us-east-1/aoss`".to_owned());
    }
    Ok(SigningScope { region: region.to_owned(), service: service.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_region_and_perhaps_a_service() {
        for (text, region, service) in [
            ("us-east-1", "us-east-1", "es"),
            ("eu-west-3/aoss", "eu-west-3", "aoss"),
            ("aws:amz:us-east-2:es", "us-east-2", "es"),
            ("aws:amz:us-east-2", "us-east-2", "es"),
            ("aws:amz:us-east-2:aoss", "us-east-2", "aoss"),
        ] {
            let scope = signing_scope(text).expect(text);
            assert_eq!((scope.region.as_str(), scope.service.as_str()), (region, service), "{text}");
        }
        for text in ["", "/es", "us-east-1/", "aws:amz", "aws:amz:", "gcp:goog:x:y", "US East"] {
            assert!(signing_scope(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headers_are_read_and_never_repeated() {
        let Header(name, value) = header("X-Key:  secret ").expect("a header");
        assert_eq!((name.as_str(), value.to_str().ok()), ("x-key", Some("secret")));
        for wrong in ["secret", ": secret", "a b: secret", "Host: secret", "x: secret\u{7f}"] {
            assert!(!header(wrong).expect_err(wrong).contains("secret"), "{wrong}");
        }
    }
}
