//! Who we are to a server: headers, certificates, and what of it must never be seen.

use super::{Header, HttpOptions, Login};
use anyhow::{Context as _, Result, anyhow};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::tls::Identity;
use std::path::PathBuf;

pub(super) fn headers(options: &HttpOptions) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let login = options.login.as_ref().filter(|_| options.session.is_none()).map(|login| match login {
        Login::Basic(user, password) => format!("Basic {}", base64(format!("{user}:{password}").as_bytes())),
        Login::ApiKey(key) => format!("ApiKey {key}"),
        Login::Bearer(token) => format!("Bearer {token}"),
    });
    if let Some(mut value) = login.and_then(|login| HeaderValue::from_str(&login).ok()) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for Header(name, _) in &options.headers {
        headers.remove(name);
    }
    for Header(name, value) in &options.headers {
        headers.append(name, value.clone());
    }
    headers
}

/// What of the options is secret, as it may come back in an answer.
pub(super) fn secrets(options: &HttpOptions) -> Vec<String> {
    let mut secrets: Vec<String> = match &options.login {
        Some(Login::Basic(user, password)) => {
            vec![base64(format!("{user}:{password}").as_bytes()), password.clone()]
        }
        Some(Login::ApiKey(secret) | Login::Bearer(secret)) => vec![secret.clone()],
        None => Vec::new(),
    };
    secrets.extend(options.headers.iter().filter_map(|Header(_, value)| value.to_str().ok().map(str::to_owned)));
    // A word as short as this says nothing, and is part of many others.
    secrets.retain(|secret| secret.len() > 3);
    secrets
}

/// Hides the user, the password and the query of an address.
pub fn without_secrets(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => rest.to_owned(),
    };
    match rest.split_once('?') {
        Some((start, _)) => format!("{scheme}{start}?***"),
        None => format!("{scheme}{rest}"),
    }
}

/// Standard base64 with padding (RFC 4648, 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    text
}

pub(super) fn identity(cert: &PathBuf, key: Option<&PathBuf>) -> Result<Identity> {
    let read = |flag: &str, path: &PathBuf| std::fs::read(path).with_context(|| format!("{flag}: {}", path.display()));
    let mut pem = read("--cert", cert)?;
    if let Some(key) = key {
        pem.push(b'\n');
        pem.extend(read("--client-key", key)?);
    }
    let hint = "a PEM certificate and its key are needed, in one file or with --client-key";
    Identity::from_pem(&pem).map_err(|_| anyhow!("--cert: {}: {hint}", cert.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("me:pä", "bWU6cMOk")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
