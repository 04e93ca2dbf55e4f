//! The SHA-256 fingerprint of a certificate.

use std::fmt;
use std::str::FromStr;

/// 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub(super) Vec<u8>);

impl FromStr for Fingerprint {
    type Err = String;

    /// Parses 64 hexadecimal digits, with or without colons, also behind `SHA256 Fingerprint=` as openssl prints them.
    fn from_str(text: &str) -> Result<Fingerprint, String> {
        let (name, digits) = text.rsplit_once('=').unwrap_or(("", text));
        let digits = digits.trim().replace(':', "");
        let is_other = !name.is_empty() && !name.to_ascii_lowercase().contains("sha256");
        let is_hex = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_other || !is_hex {
            let advice = "`openssl x509 -noout -fingerprint -sha256 -in FILE` prints that of a certificate";
            return Err(format!("not 64 hexadecimal digits\nhint: {advice}"));
        }
        let byte = |index: usize| u8::from_str_radix(&digits[index..index + 2], 16).unwrap_or_default();
        Ok(Fingerprint((0..digits.len()).step_by(2).map(byte).collect()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&bytes.join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_may_have_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for text in [&plain, &colons, &format!("sha256 Fingerprint={colons}"), &format!("SHA256 Fingerprint={plain}")] {
            assert_eq!(text.parse::<Fingerprint>().expect(text).to_string(), colons);
        }
        for text in ["", "ab", &plain[1..], &plain.replace('a', "x"), &format!("sha1 Fingerprint={plain}")] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
