//! Reads whole answers, and says what is certain when there is none.

use super::{NoReply, Reply};
use anyhow::Chain;
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::{HeaderName, LOCATION, RETRY_AFTER};
use std::error::Error;
use std::time::{Duration, SystemTime};

/// Reads the whole answer into `memory`, as long as it has at most so many bytes.
pub(super) async fn whole(
    mut response: Response,
    most: usize,
    secrets: &[&str],
    mut memory: BytesMut,
) -> Result<Reply, NoReply> {
    let status = response.status().as_u16();
    let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(RETRY_AFTER).and_then(pause);
    let location = header(LOCATION).map(super::without_secrets);
    let too_long = || NoReply::Lost(format!("the answer has more than {most} bytes"));
    memory.clear();
    let told = response.content_length().unwrap_or(0);
    if told > most as u64 {
        return Err(too_long());
    }
    memory.reserve(told as usize);
    while let Some(piece) = response.chunk().await.map_err(|error| why(&error))? {
        memory.extend_from_slice(&piece);
        if memory.len() > most {
            return Err(too_long());
        }
    }
    let mut body = memory.freeze();
    // Only what is no answer of the protocol is ever shown as it is.
    if status != 200 || body.first() != Some(&b'{') {
        body = without(secrets, body);
    }
    Ok(Reply { node: String::new(), status, retry_after, location, body })
}

impl Reply {
    /// Whether a server, or a gateway before it, asks to come again.
    pub fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 502..=504)
    }

    /// The status and where it came from: `HTTP 501 from http://h:9200`.
    pub fn status_line(&self) -> String {
        format!("HTTP {} from {}", self.status, self.node)
    }

    /// What a redirect says, which is never followed.
    pub fn redirect(&self) -> String {
        let place = self.location.as_deref().unwrap_or("nowhere");
        format!("{}: redirect to {place}, use that address", self.status_line())
    }

    /// What an answer says that is none of its protocol, on one line.
    pub fn page(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let start: String = text.chars().take(120).collect();
        let what = if start.is_empty() { "no body".to_owned() } else { format!("{start:?}") };
        format!("{}: {what}", self.status_line())
    }
}

/// Hides secrets in a text.
fn without(secrets: &[&str], body: Bytes) -> Bytes {
    if secrets.is_empty() {
        return body;
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    secrets.iter().fold(text, |text, secret| text.replace(secret, "***")).into()
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). At most a day: more is no advice.
fn pause(value: &str) -> Option<Duration> {
    let seconds = value.trim().parse().ok().map(Duration::from_secs);
    let until = |date: SystemTime| date.duration_since(SystemTime::now()).unwrap_or_default();
    let pause = seconds.or_else(|| httpdate::parse_http_date(value).ok().map(until))?;
    Some(pause.min(Duration::from_secs(86_400)))
}

/// What is certain after an error. Only a connection that was never made proves that nothing was read.
pub(super) fn why(error: &reqwest::Error) -> NoReply {
    let text = causes(error);
    if error.is_builder() {
        return NoReply::NotSent { why: text, hopeless: true };
    }
    if error.is_connect() {
        let lower = text.to_ascii_lowercase();
        let hopeless = ["certificate", "tls", "corrupt message", "handshake"].iter().any(|word| lower.contains(word));
        return NoReply::NotSent { why: text, hopeless };
    }
    NoReply::Lost(if error.is_timeout() { "no answer in time".to_owned() } else { text })
}

/// The causes of an error without its address, the innermost last.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in Chain::new(error).skip(1) {
        let said = cause.to_string();
        // Some layers repeat the one below them, and some only say that they are layers.
        let is_layer = said.starts_with("client error (") || said == "tcp connect error";
        if !is_layer && !text.contains(&said) {
            text += if text.is_empty() { "" } else { ": " };
            text += &said;
        }
    }
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_asks_for_a_pause_in_seconds_or_with_a_date() {
        assert_eq!(pause("3"), Some(Duration::from_secs(3)));
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = pause(&httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60))).expect("a date");
        assert!(soon > Duration::from_secs(50) && soon <= Duration::from_secs(60), "{soon:?}");
        assert_eq!(pause("soon"), None);
        assert_eq!(pause("99999999999"), Some(Duration::from_secs(86_400)));
    }

    #[test]
    fn secrets_that_a_server_echoes_are_hidden() {
        let secrets = ["hunter2", "bWU6aHVudGVyMg=="];
        let body = Bytes::from_static(b"no: Basic bWU6aHVudGVyMg==, hunter2\xff");
        assert_eq!(without(&secrets, body), "no: Basic ***, ***\u{fffd}".as_bytes());
    }
}
