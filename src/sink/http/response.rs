//! Reads whole responses, and classifies errors by what is certain.

use super::{Response, SendError};
use crate::mask::mask;
use crate::progress::grouped;
use anyhow::Chain;
use bytes::BytesMut;
use reqwest::header::{HeaderName, LOCATION, RETRY_AFTER};
use std::error::Error;
use std::time::{Duration, SystemTime};

/// Reads a whole response of at most `max` bytes into `buffer`.
pub(super) async fn read(
    mut response: reqwest::Response,
    max: usize,
    mut buffer: BytesMut,
) -> Result<Response, SendError> {
    let status = response.status().as_u16();
    let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(RETRY_AFTER).and_then(parse_retry_after);
    let location = header(LOCATION).map(super::redact_address);
    let too_long = || SendError::TooLong(format!("the answer has more than {} bytes", grouped(max as u64)));
    buffer.clear();
    let length = response.content_length().unwrap_or(0);
    if length > max as u64 {
        return Err(too_long());
    }
    buffer.reserve(length as usize);
    while let Some(piece) = response.chunk().await.map_err(|error| send_error(&error))? {
        buffer.extend_from_slice(&piece);
        if buffer.len() > max {
            return Err(too_long());
        }
    }
    Ok(Response { node: String::new(), status, retry_after, location, body: buffer.freeze() })
}

impl Response {
    /// Whether a server, or a gateway before it, asks for a retry.
    pub fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 502..=504)
    }

    /// The response on one line if a retry may get another: the server is busy, or failed.
    pub fn server_error(&self) -> Option<String> {
        matches!(self.status, 429 | 500..=599).then(|| self.summary())
    }

    /// The status and where it came from: `HTTP 501 from http://h:9200`.
    pub fn status_line(&self) -> String {
        format!("HTTP {} from {}", self.status, self.node)
    }

    /// The message for a redirect, which is never followed.
    pub fn redirect_message(&self) -> String {
        let target = self.location.as_deref().unwrap_or("nowhere");
        format!("{}: redirect to {target}, use that address", self.status_line())
    }

    /// An unexpected response on one line: its status and how its body begins.
    pub fn summary(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        // A part of a secret would no longer be recognized.
        let text: String = mask(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        let start: String = text.chars().take(120).collect();
        let what = if start.is_empty() { "no body".to_owned() } else { format!("{start:?}") };
        format!("{}: {what}", self.status_line())
    }
}

/// Parses `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). At most a day.
fn parse_retry_after(value: &str) -> Option<Duration> {
    let seconds = value.trim().parse().ok().map(Duration::from_secs);
    let until = |date: SystemTime| date.duration_since(SystemTime::now()).unwrap_or_default();
    let pause = seconds.or_else(|| httpdate::parse_http_date(value).ok().map(until))?;
    Some(pause.min(Duration::from_secs(86_400)))
}

/// Classifies an error. Only if there was no connection is it certain that nothing was read.
pub(super) fn send_error(error: &reqwest::Error) -> SendError {
    let text = causes(error);
    if error.is_builder() {
        return SendError::NotSent { why: text, hopeless: true };
    }
    if error.is_connect() {
        let lower = text.to_ascii_lowercase();
        let hopeless = ["certificate", "tls", "corrupt message", "handshake"].iter().any(|word| lower.contains(word));
        return SendError::NotSent { why: text, hopeless };
    }
    SendError::NoResponse(if error.is_timeout() { "no answer in time".to_owned() } else { text })
}

/// The causes of an error without its address, the innermost last.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in Chain::new(error).skip(1) {
        let message = cause.to_string();
        // Our own words, from the check of the certificate.
        let message = message.strip_prefix("unexpected error: ").map(str::to_owned).unwrap_or(message);
        // Some layers repeat the message of the one below, and some have no message of their own.
        let is_layer = message.starts_with("client error (") || message == "tcp connect error";
        if !is_layer && !text.contains(&message) {
            text += if text.is_empty() { "" } else { ": " };
            text += &message;
        }
    }
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parse_retry_after("3"), Some(Duration::from_secs(3)));
        assert_eq!(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon =
            parse_retry_after(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60))).expect("a date");
        assert!(soon > Duration::from_secs(50) && soon <= Duration::from_secs(60), "{soon:?}");
        assert_eq!(parse_retry_after("soon"), None);
        assert_eq!(parse_retry_after("99999999999"), Some(Duration::from_secs(86_400)));
    }
}
