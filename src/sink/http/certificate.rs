//! What a certificate says of itself: its validity and its subject's name. Only for certificates that the user named, because
//! their signatures are not checked here.

use super::date::basic;

/// A value of DER: its tag, its content, and what follows it.
struct Element<'d> {
    tag: u8,
    content: &'d [u8],
    rest: &'d [u8],
}

fn element(der: &[u8]) -> Option<Element<'_>> {
    let (&[tag, first], mut rest) = der.split_first_chunk::<2>()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (bytes, behind) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = behind;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some(Element { tag, content, rest })
}

/// The parts of a certificate that are looked at.
struct Parts<'d> {
    validity: &'d [u8],
    subject: &'d [u8],
    /// The public key and the extensions.
    behind: &'d [u8],
}

fn parts(der: &[u8]) -> Option<Parts<'_>> {
    const VERSION: u8 = 0xa0;
    let mut rest = element(element(der)?.content)?.content;
    // The version, the serial number, the signature's algorithm and the issuer.
    if element(rest)?.tag == VERSION {
        rest = element(rest)?.rest;
    }
    for _ in 0..3 {
        rest = element(rest)?.rest;
    }
    let validity = element(rest)?;
    let subject = element(validity.rest)?;
    Some(Parts { validity: validity.content, subject: subject.content, behind: subject.rest })
}

/// Whether a certificate is valid at a time in seconds since 1970.
pub(super) fn is_valid_at(der: &[u8], seconds: u64) -> bool {
    let range = || {
        let first = element(parts(der)?.validity)?;
        let last = element(first.rest)?;
        Some((time(&first)?, time(&last)?))
    };
    let now = basic(seconds).replace('T', "");
    range().is_some_and(|(first, last)| first <= now && now <= last)
}

/// A time as `20261201235959Z`.
fn time(element: &Element<'_>) -> Option<String> {
    const UTC_TIME: u8 = 0x17;
    let text = std::str::from_utf8(element.content).ok()?;
    let century = match element.tag {
        UTC_TIME if text < "50" => "20",
        UTC_TIME => "19",
        _ => "",
    };
    Some(format!("{century}{text}"))
}

/// Whether a certificate without alternative names has this host as its common name, as older ones do.
pub(super) fn has_common_name(der: &[u8], host: &str) -> bool {
    const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
    const ALTERNATIVE_NAMES: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x11];
    let Some(parts) = parts(der) else { return false };
    if parts.behind.windows(5).any(|bytes| bytes == ALTERNATIVE_NAMES) {
        return false;
    }
    let mut rest = parts.subject;
    while let Some(set) = element(rest) {
        let name = element(set.content).and_then(|pair| element(pair.content.strip_prefix(&COMMON_NAME)?));
        if name.is_some_and(|name| name.content.eq_ignore_ascii_case(host.as_bytes())) {
            return true;
        }
        rest = set.rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    fn certificate(name: &str) -> Vec<u8> {
        let path = format!("{}/testdata/tls/{name}", env!("CARGO_MANIFEST_DIR"));
        CertificateDer::from_pem_file(path).expect("a certificate").to_vec()
    }

    #[test]
    fn a_certificate_has_a_validity() {
        let der = certificate("server.pem");
        for (seconds, is_valid) in [(0, false), (1_900_000_000, true), (5_000_000_000, false)] {
            assert_eq!(is_valid_at(&der, seconds), is_valid, "{seconds}");
        }
        for length in 0..der.len().min(300) {
            assert!(!is_valid_at(&der[..length], 1_900_000_000), "{length}");
        }
    }

    #[test]
    fn a_common_name_counts_only_without_alternative_names() {
        assert!(has_common_name(&certificate("common-name.pem"), "LocalHost"));
        assert!(!has_common_name(&certificate("common-name.pem"), "other"));
        assert!(!has_common_name(&certificate("server.pem"), "server"));
    }
}
