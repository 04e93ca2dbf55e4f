//! API keys in the forms in which they are given out: the base64 text that is sent, `id:key`, the header, and the JSON of
//! the server's response (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-create-api-key>).

use crate::mask;
use anyhow::{Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The text that is sent behind `ApiKey`.
///
/// # Errors
/// When it is JSON without a key, or several words.
pub(super) fn encoded(text: &str) -> Result<String> {
    let text = without_prefix(without_prefix(text.trim(), "Authorization:"), "ApiKey");
    if text.starts_with('{') {
        return of_json(text);
    }
    if text.contains(char::is_whitespace) {
        bail!("not an API key: it has blanks");
    }
    Ok(match text.split_once(':') {
        Some((id, key)) => joined(id, key),
        None => text.to_owned(),
    })
}

fn of_json(text: &str) -> Result<String> {
    let response: Value = serde_json::from_str(text).map_err(|error| anyhow!("not an API key: {error}"))?;
    let field = |name: &str| response.get(name).and_then(Value::as_str);
    match (field("encoded"), field("id"), field("api_key")) {
        (Some(encoded), ..) => Ok(encoded.to_owned()),
        (None, Some(id), Some(key)) => Ok(joined(id, key)),
        _ => bail!("not an API key: missing \"encoded\", or \"id\" and \"api_key\""),
    }
}

fn joined(id: &str, key: &str) -> String {
    mask::remember_login(id, key);
    STANDARD.encode(format!("{id}:{key}"))
}

/// The rest of a text behind a word, whatever its case.
fn without_prefix<'t>(text: &'t str, prefix: &str) -> &'t str {
    let has_prefix = text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let rest = if has_prefix { &text[prefix.len()..] } else { text };
    if prefix.ends_with(':') || rest.starts_with(char::is_whitespace) { rest.trim_start() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_key_is_the_same_key() {
        const SENT: &str = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==";
        let json = r#"{"id":"VuaCfGcBCdbkQm-e5aOx","name":"k","api_key":"ui2lp2axTNmsyakw9tvNnw"}"#;
        for text in [
            SENT,
            "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw",
            &format!("ApiKey {SENT}"),
            &format!("Authorization: apikey {SENT}\n"),
            "ApiKey VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw",
            json,
            &json.replace('}', &format!(",\n\"encoded\":\"{SENT}\"}}")),
        ] {
            assert_eq!(encoded(text).ok().as_deref(), Some(SENT), "{text}");
        }
        assert_eq!(encoded("ApiKeyOfAnotherKind").ok().as_deref(), Some("ApiKeyOfAnotherKind"));
        for text in ["{\"id\":\"a\"}", "{", "two words"] {
            assert!(encoded(text).is_err(), "{text}");
        }
    }
}
