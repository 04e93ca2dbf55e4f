//! Searches all outputs of a program for the secrets that it was given: plain, escaped, URL-encoded and in base64.

use serde_json::json;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

/// What is known of programs under way, by their process ids.
static WATCHED: Mutex<Option<HashMap<u32, Watched>>> = Mutex::new(None);

struct Watched {
    secrets: Vec<String>,
    results: Option<PathBuf>,
}

/// The secrets that a command line and its variables give to the program.
fn secrets_of(command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let folder = command.get_current_dir().map(PathBuf::from).unwrap_or_default();
    for (index, word) in words.iter().enumerate() {
        let next = || words.get(index + 1).cloned().unwrap_or_default();
        match word.as_str() {
            "-u" | "--user" => found.extend(password_of(&next())),
            "-H" | "--header" => found.extend(values_of(&next())),
            "--password-file" | "--api-key-file" | "--bearer-file" => {
                let text = std::fs::read_to_string(folder.join(next())).unwrap_or_default();
                found.push(text.trim_end_matches(['\n', '\r']).to_owned());
            }
            _ => found.extend(login_of(word)),
        }
    }
    for (name, value) in command.get_envs() {
        let (name, value) = (name.to_string_lossy(), value.unwrap_or_default().to_string_lossy().into_owned());
        match &*name {
            "BULKIMPORT_PASSWORD" | "BULKIMPORT_API_KEY" | "BULKIMPORT_BEARER" => found.push(value),
            "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => found.push(value),
            "BULKIMPORT_USER" => found.extend(password_of(&value)),
            "BULKIMPORT_HEADER" => found.extend(value.lines().flat_map(values_of)),
            name if name.to_lowercase().ends_with("_proxy") || name == "BULKIMPORT_TO" => {
                found.extend(login_of(&value))
            }
            _ => {}
        }
    }
    found.retain(|secret| secret.len() > 3);
    found
}

fn password_of(user: &str) -> Option<String> {
    user.split_once(':').map(|(_, password)| password.to_owned())
}

/// The password in an address.
fn login_of(address: &str) -> Option<String> {
    let login = address.split_once("://")?.1.rsplit_once('@')?.0;
    login.split_once(':').map(|(_, password)| decoded(password))
}

/// The words of a header's value.
fn values_of(header: &str) -> Vec<String> {
    let (name, value) = header.split_once(':').unwrap_or(("", header));
    if ["accept", "user-agent"].contains(&name.to_lowercase().as_str()) {
        return Vec::new();
    }
    let long = value.split([' ', ';', '=']).filter(|word| word.len() >= 8);
    long.chain([value.trim()]).map(str::to_owned).collect()
}

/// The spellings in which a secret is searched for.
pub fn spellings(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let escaped: String = json.chars().map(|c| if c.is_ascii() { c.to_string() } else { utf16(c) }).collect();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let encoded = |form: fn(u8) -> String| -> String {
        secret.bytes().map(|byte| if is_plain(&byte) { (byte as char).to_string() } else { form(byte) }).collect()
    };
    vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        escaped.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('/', "\\/"),
        encoded(|byte| format!("%{byte:02X}")),
        encoded(|byte| format!("%{byte:02x}")),
        base64(secret).trim_end_matches('=').to_owned(),
    ]
}

fn utf16(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

pub fn base64(text: &str) -> String {
    const CODE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let number = group.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for index in 0..4 {
            let code = CODE[(number >> (18 - 6 * index) & 63) as usize] as char;
            out.push(if index <= group.len() { code } else { '=' });
        }
    }
    out
}

/// Remembers the secrets of a program that was started.
pub fn watch(pid: u32, command: &Command) {
    let secrets = secrets_of(command);
    // The help itself speaks of secrets.
    if secrets.is_empty() || command.get_args().any(|word| word == "--help") {
        return;
    }
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let results = words.iter().position(|word| word == "--results").and_then(|index| words.get(index + 1));
    let folder = command.get_current_dir().map(PathBuf::from).unwrap_or_default();
    let watched = Watched { secrets, results: results.map(|name| folder.join(name)) };
    WATCHED.lock().expect("nobody panics here").get_or_insert_default().insert(pid, watched);
}

/// Searches the outputs of a program that has ended.
#[track_caller]
pub fn search(pid: u32, stdout: &[u8], stderr: &[u8]) {
    let watched = WATCHED.lock().expect("nobody panics here").as_mut().and_then(|all| all.remove(&pid));
    let Some(Watched { secrets, results }) = watched else { return };
    let results = results.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    for (name, output) in [("stdout", stdout), ("stderr", stderr), ("--results", &results)] {
        let text = String::from_utf8_lossy(output);
        for spelling in secrets.iter().flat_map(|secret| spellings(secret)) {
            assert!(!text.contains(&spelling), "the secret {spelling:?} is in {name}: {text}");
        }
    }
}

/// Decodes `%XX`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
