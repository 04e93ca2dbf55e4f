//! Secrets in what the program prints or writes. A password, a key or a token is remembered here when the program gets it,
//! and `mask` replaces it by `***` where a text leaves the program, or before the text is cut. A server may send it back in
//! another spelling: with escapes of JSON, of URLs or of HTML, or as base64.

mod spelling;

use spelling::{base64_forms, decoded, match_length};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

/// What replaces a secret.
const MASK: &str = "***";
/// Minimum length of a secret: anything shorter is part of many words.
const MIN_SECRET: usize = 4;
/// Minimum length of a word in a secret text, such as the value of a header.
const MIN_WORD: usize = 8;

/// One list for the process, because a panic can happen anywhere.
static SECRETS: RwLock<Secrets> =
    RwLock::new(Secrets { needles: Vec::new(), starts: Vec::new(), recent: VecDeque::new() });

/// What is looked for.
struct Secrets {
    /// The longest first.
    needles: Vec<Needle>,
    /// For each pair of bytes, whether a needle may begin so; empty without needles. It makes `mask` fast where nothing is
    /// found: `--results` has a line for each record.
    starts: Vec<bool>,
    /// Secrets of the last requests, the oldest first.
    recent: VecDeque<String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Needle {
    text: String,
    /// Whether it is base64 of a secret: then what surrounds it may be a part of the same code.
    is_base64: bool,
}

/// Remembers a password, a key or a token.
pub fn remember(secret: &str) {
    if secret.len() < MIN_SECRET {
        return;
    }
    remember_codes(secret);
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    secrets.add(Needle { text: secret.to_owned(), is_base64: false });
}

/// How many secrets are remembered that are valid for one request.
const RECENT: usize = 64;

/// Remembers a secret of one request, and forgets an old one: there may be any number of requests.
pub fn remember_for_now(secret: &str) {
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    if secrets.recent.len() >= RECENT
        && let Some(old) = secrets.recent.pop_front()
    {
        secrets.needles.retain(|needle| needle.text != old);
    }
    secrets.recent.push_back(secret.to_owned());
    secrets.add(Needle { text: secret.to_owned(), is_base64: false });
}

/// Remembers what a text is in base64.
fn remember_codes(text: &str) {
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    base64_forms(text).into_iter().for_each(|text| secrets.add(Needle { text, is_base64: true }));
}

/// Remembers a user name and a password, also as they are sent together.
pub fn remember_login(user: &str, password: &str) {
    remember(password);
    // A password that is too short is still part of this.
    remember_codes(&format!("{user}:{password}"));
}

/// Remembers a text with secrets among its words, such as `Bearer TOKEN` or `sid=TOKEN; theme=dark`.
pub fn remember_words(text: &str) {
    remember(text);
    let is_between = |c: char| c.is_whitespace() || matches!(c, ';' | ',' | '"');
    for word in text.split(is_between).flat_map(|word| [word, word.split_once('=').map_or("", |(_, value)| value)]) {
        if word.len() >= MIN_WORD {
            remember(word);
        }
        // A login or a key that is sent as base64 may come back decoded.
        if let Some(plain) = decoded(word) {
            plain.split(':').skip(1).for_each(remember);
        }
    }
}

/// Replaces the secrets in a text.
pub fn mask(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let (mut masked, mut kept, mut offset) = (String::new(), 0, 0);
    while let Some((start, end)) = secrets.next(text, offset) {
        let start = start.max(kept);
        // What follows a secret directly belongs to it.
        if start > kept || masked.is_empty() {
            masked.push_str(&text[kept..start]);
            masked.push_str(MASK);
        }
        (kept, offset) = (end, end);
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[kept..]);
    Cow::Owned(masked)
}

/// Replaces the secrets in the texts of a JSON value, which stays valid JSON.
pub fn mask_json(json: &str) -> Cow<'_, str> {
    if mask(json) == json {
        return Cow::Borrowed(json);
    }
    let mut masked = String::new();
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let end = start + string_length(&rest[start..]);
        masked.push_str(&rest[..start]);
        let token = &rest[start..end];
        let text: String = serde_json::from_str(token).unwrap_or_else(|_| token.trim_matches('"').to_owned());
        match mask(&text) {
            Cow::Borrowed(_) => masked.push_str(token),
            Cow::Owned(text) => masked.push_str(&serde_json::Value::from(text).to_string()),
        }
        rest = &rest[end..];
    }
    Cow::Owned(masked + rest)
}

/// The length of the string in JSON at the beginning of a text, with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return offset + 1,
            _ => {}
        }
    }
    text.len()
}

impl Secrets {
    fn add(&mut self, needle: Needle) {
        if self.needles.contains(&needle) {
            return;
        }
        self.starts.resize(1 << 16, false);
        // An escape may begin with any of these; then the first byte says nothing else.
        const ESCAPES: &[u8; 4] = b"\\%&+";
        let bytes = needle.text.as_bytes();
        for second in ESCAPES.iter().chain(&bytes[1..2]) {
            self.starts[pair(bytes[0], *second)] = true;
        }
        for first in ESCAPES {
            (0..=255).for_each(|second| self.starts[pair(*first, second)] = true);
        }
        self.needles.push(needle);
        self.needles.sort_by(|one, other| other.text.len().cmp(&one.text.len()).then_with(|| one.cmp(other)));
    }

    /// The range of the next secret in a text, from an offset on.
    fn next(&self, text: &str, offset: usize) -> Option<(usize, usize)> {
        if self.needles.is_empty() {
            return None;
        }
        let pairs = text.as_bytes().get(offset..)?.windows(2).enumerate();
        let mut starts = pairs.filter(|(_, bytes)| self.starts[pair(bytes[0], bytes[1])]);
        starts.find_map(|(start, _)| self.needles.iter().find_map(|needle| needle.found_at(text, offset + start)))
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

impl Needle {
    /// The range of the secret, if it is at this offset.
    fn found_at(&self, text: &str, offset: usize) -> Option<(usize, usize)> {
        let length = match_length(&text[offset..], &self.text)?;
        if !self.is_base64 {
            return Some((offset, offset + length));
        }
        // Not the slash, because in a URL it ends a code.
        let is_code = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-_=".contains(byte);
        let before = text.as_bytes()[..offset].iter().rev().take_while(|byte| is_code(byte)).count();
        let behind = text.as_bytes()[offset + length..].iter().take_while(|byte| is_code(byte)).count();
        Some((offset - before, offset + length + behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list is one for all tests, so each uses secrets of its own.
    #[test]
    fn a_secret_is_masked_in_every_spelling() {
        let secret = "pa\"ss/w\\ö rd-1";
        remember(secret);
        for spelled in [
            secret.to_owned(),
            serde_json::Value::from(secret).to_string(),
            serde_json::Value::from(serde_json::Value::from(secret).to_string()).to_string(),
            format!("{secret:?}"),
            "pa\\u0022ss\\/w\\u005C\\u00F6 rd-1".to_owned(),
            "pa%22ss%2Fw%5C%C3%B6%20rd-1".to_owned(),
            "pa%22ss/w%5c%c3%b6+rd-1".to_owned(),
            "pa&quot;ss/w&#92;&#xF6; rd-1".to_owned(),
            "cGEic3Mvd1zDtiByZC0x".to_owned(),
            "eDpwYSJzcy93XMO2IHJkLTEh".to_owned(),
        ] {
            let masked = mask(&spelled).into_owned();
            assert!(
                masked.contains("***") && !masked.contains("rd-1") && !masked.contains("pa"),
                "{spelled}: {masked}"
            );
        }
        assert_eq!(mask("wrong: pa\"ss/w\\ö rd-1, pa\"ss/w\\ö rd-1!"), "wrong: ***, ***!");
        assert!(matches!(mask("nothing to see"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_words_of_a_header_are_masked() {
        remember_words("Bearer TOKEN-1234567");
        remember_words("theme=dark; sid=SESSION-998");
        remember_words("Basic bWU6aHVudGVyNw==");
        assert_eq!(mask("unknown token TOKEN-1234567"), "unknown token ***");
        assert_eq!(mask("no SESSION-998, dark"), "no ***, dark");
        assert_eq!(mask("bWU6aHVudGVyNw is hunter7"), "*** is ***");
        remember_login("me", "hunter6");
        assert_eq!(mask("no: Basic bWU6aHVudGVyNg==, hunter6"), "no: Basic ***, ***");
        assert_eq!(mask("http://login/bWU6aHVudGVyNg==/?x"), "http://login/***/?x");
    }

    #[test]
    fn json_stays_json() {
        remember("quo\"ted-4");
        let json = r#"{"a":"x quo\"ted-4","n":[1.50],"quo\u0022ted-4":"b"}"#;
        assert_eq!(mask_json(json), r#"{"a":"x ***","n":[1.50],"***":"b"}"#);
    }
}
