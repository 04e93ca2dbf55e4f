//! Signatures of AWS, version 4: the headers with which Amazon's OpenSearch services let a request in
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>). Path and query are sent
//! in the form that is signed, so that nobody on the way can take them for others.

use super::date::basic;
use crate::mask;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, Url};
use ring::digest::{SHA256, digest};
use ring::hmac;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Signs requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Signer {
    /// The region and the service.
    pub scope: SigningScope,
    /// The id of the access key.
    pub key_id: String,
    /// The secret access key.
    pub secret: String,
    /// The token of a session, for temporary keys.
    pub session_token: Option<String>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?}, ***)", self.scope)
    }
}

/// The region and the service that requests are signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningScope {
    /// Such as `us-east-1`.
    pub region: String,
    /// `es`, or `aoss` for serverless collections.
    pub service: String,
}

/// All but unreserved characters.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl Signer {
    /// Adds the headers to a request that is complete otherwise.
    ///
    /// # Errors
    /// When a key has characters that no header can have.
    pub(super) fn sign(&self, request: &mut Request) -> Result<(), String> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.sign_at(request, &basic(seconds))
    }

    fn sign_at(&self, request: &mut Request, time: &str) -> Result<(), String> {
        let url = request.url_mut();
        let (path, query) = (sent_path(url.path()), canonical_query(url.query().unwrap_or_default()));
        url.set_path(&path);
        url.set_query(Some(&*query).filter(|query| !query.is_empty()));
        let hash = hex(digest(&SHA256, request.body().and_then(|body| body.as_bytes()).unwrap_or_default()).as_ref());
        let host = host(request.url());
        self.insert(request.headers_mut(), "x-amz-date", time)?;
        self.insert(request.headers_mut(), "x-amz-content-sha256", &hash)?;
        if let Some(token) = &self.session_token {
            self.insert(request.headers_mut(), "x-amz-security-token", token)?;
        }
        let signed = signed_headers(request.headers(), &host);
        let parts = Canonical { method: request.method().as_str(), path: &path, query: &query, headers: &signed, hash };
        let authorization = self.authorization(&parts, time);
        self.insert(request.headers_mut(), AUTHORIZATION.as_str(), &authorization)
    }

    fn insert(&self, headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), String> {
        let invalid = |_| "the AWS credentials have characters that no header can have".to_owned();
        let mut value = HeaderValue::from_str(value).map_err(invalid)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    }

    /// The value of the header `Authorization`. Its signature is a secret as long as it is valid.
    fn authorization(&self, request: &Canonical<'_>, time: &str) -> String {
        let scope = format!("{}/{}/{}/aws4_request", &time[..8], self.scope.region, self.scope.service);
        let canonical = hex(digest(&SHA256, request.text().as_bytes()).as_ref());
        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{canonical}");
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = scope.split('/').fold(first, |key, part| keyed(&key, part));
        let signature = hex(&keyed(&key, &text));
        mask::remember_for_now(&signature);
        let names = names(request.headers);
        format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.key_id)
    }
}

/// A request as it is signed.
struct Canonical<'r> {
    method: &'r str,
    /// The path as it is sent.
    path: &'r str,
    query: &'r str,
    /// Names in lower case and values, in order.
    headers: &'r [(String, String)],
    /// That of the body.
    hash: String,
}

impl Canonical<'_> {
    fn text(&self) -> String {
        let Canonical { method, path, query, headers, hash } = self;
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        format!("{method}\n{}\n{query}\n{lines}\n{}\n{hash}", canonical_path(path), names(headers))
    }
}

fn names(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

/// The headers that are signed: the host, and those of AWS.
fn signed_headers(headers: &HeaderMap, host: &str) -> Vec<(String, String)> {
    let mut signed = vec![("host".to_owned(), host.to_owned())];
    for name in headers.keys().filter(|name| name.as_str().starts_with("x-amz-")) {
        let values: Vec<String> = headers.get_all(name).iter().map(trimmed).collect();
        signed.push((name.as_str().to_owned(), values.join(",")));
    }
    signed.sort();
    signed
}

/// A value with single blanks between its words.
fn trimmed(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The header `Host` as it is sent: with the port, unless that is the default.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn encoded(text: &str) -> String {
    percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), &RESERVED).to_string()
}

/// A path with each segment percent-encoded, as it is sent.
fn sent_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// A path as it is signed: that which is sent, encoded again, without segments that are empty or dots.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    let encoded = |segment: &&str| percent_encode(segment.as_bytes(), &RESERVED).to_string();
    format!("/{}{end}", segments.iter().map(encoded).collect::<Vec<_>>().join("/"))
}

/// A query with each name and value percent-encoded, in order.
fn canonical_query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
