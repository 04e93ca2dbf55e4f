//! What the runners of the vectors of the bulk API share: requests, and what an item must look like.

use crate::http::escaped;
use serde_json::Value;

pub fn body_of(request: &Value) -> Vec<u8> {
    if let Some(text) = request["raw_body"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(text) = request["body_base64"].as_str() {
        return from_base64(text);
    }
    if let Some(lines) = request["body_lines"].as_array() {
        let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
        let end = if request["final_newline"] == false { "" } else { "\n" };
        return (lines.join("\n") + end).into_bytes();
    }
    if request["body"].is_null() { Vec::new() } else { request["body"].to_string().into_bytes() }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut many) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | DIGITS.iter().position(|one| *one == digit).expect("base64") as u32;
        many += 6;
        if many >= 8 {
            many -= 8;
            bytes.push((bits >> many) as u8);
            bits &= (1 << many) - 1;
        }
    }
    bytes
}

/// A path with its query.
pub fn path_of(request: &Value) -> String {
    let path = request["path"].as_str().expect("a path");
    let pairs = request["query"].as_object().into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{name}={}", escaped(value.as_str().unwrap_or_default()))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

pub fn failed(item: &Value) -> bool {
    item.as_object().is_some_and(|item| item.values().any(|item| !item["error"].is_null()))
}

/// Whether a value has all that is expected; the error is the path of what it has not.
pub fn matches(expected: &Value, actual: &Value) -> Result<(), String> {
    let wrong = || Err(format!(": {actual}, where {expected} was due"));
    match expected {
        Value::Object(fields) => {
            if let Some((matcher, argument)) = fields.iter().next().filter(|(name, _)| name.starts_with('$')) {
                let good = match (matcher.as_str(), argument.as_str().unwrap_or_default()) {
                    ("$type", "int") => actual.is_i64(),
                    ("$type", "list") => actual.is_array(),
                    ("$prefix", prefix) => actual.as_str().is_some_and(|text| text.starts_with(prefix)),
                    // An id that the server makes; here it is made before.
                    ("$re", "[A-Za-z0-9_-]{20}") => actual.as_str().is_some_and(|id| !id.is_empty()),
                    _ => panic!("unknown matcher {expected}"),
                };
                return if good { Ok(()) } else { wrong() };
            }
            for (name, value) in fields {
                matches(value, actual.get(name).unwrap_or(&Value::Null)).map_err(|why| format!(".{name}{why}"))?;
            }
            if actual.is_object() { Ok(()) } else { wrong() }
        }
        Value::Array(elements) => match actual.as_array() {
            Some(others) if others.len() == elements.len() => {
                elements.iter().zip(others).try_for_each(|(element, other)| matches(element, other))
            }
            _ => wrong(),
        },
        _ if expected == actual => Ok(()),
        _ => wrong(),
    }
}
