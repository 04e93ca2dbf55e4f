//! Numbers as they are written in a script.

use super::error::{Result, ScriptError};
use super::types::Type;
use super::value::Value;

/// An int unless its suffix says otherwise, or a smaller type is wanted and it fits.
pub(super) fn integer(digits: &str, radix: u32, target: Option<Type>, offset: usize) -> Result<(Value, Type)> {
    let invalid = |what: &str| ScriptError::argument(offset, format!("Invalid {what} constant [{digits}]."));
    let body = digits.get(..digits.len() - 1).unwrap_or("");
    // The server takes the last digit of 0x1F for a suffix.
    if radix != 10 && digits.ends_with(['d', 'D', 'f', 'F']) {
        let error = ScriptError::argument(offset, "Illegal tree structure.");
        return Err(ScriptError { kind: "illegal_state_exception", ..error });
    }
    match digits.chars().last() {
        Some('d' | 'D') if radix == 10 => {
            return body.parse().map(|value| (Value::Double(value), Type::Double)).map_err(|_| invalid("double"));
        }
        Some('f' | 'F') if radix == 10 => {
            return body.parse().map(|value| (Value::Float(value), Type::Float)).map_err(|_| invalid("float"));
        }
        Some('l' | 'L') => {
            let parsed = i64::from_str_radix(body, radix);
            return parsed.map(|value| (Value::Long(value), Type::Long)).map_err(|_| invalid("long"));
        }
        _ => {}
    }
    let Ok(value) = i32::from_str_radix(digits, radix) else {
        if i64::from_str_radix(digits, radix).is_err() {
            return Err(invalid("int"));
        }
        let hint =
            format!("Invalid int constant [{digits}]. If you want a long constant then change it to [{digits}L].");
        return Err(ScriptError::argument(offset, hint));
    };
    Ok(match target {
        Some(Type::Byte) if i8::try_from(value).is_ok() => (Value::Byte(value as i8), Type::Byte),
        Some(Type::Short) if i16::try_from(value).is_ok() => (Value::Short(value as i16), Type::Short),
        Some(Type::Char) if u16::try_from(value).is_ok() => (Value::Char(value as u16), Type::Char),
        _ => (Value::Int(value), Type::Int),
    })
}

pub(super) fn decimal(digits: &str, offset: usize) -> Result<(Value, Type)> {
    let invalid = |_| ScriptError::argument(offset, format!("Invalid double constant [{digits}]."));
    if let Some(body) = digits.strip_suffix(['f', 'F']) {
        return body.parse().map(|value| (Value::Float(value), Type::Float)).map_err(invalid);
    }
    let body = digits.strip_suffix(['d', 'D']).unwrap_or(digits);
    body.parse().map(|value| (Value::Double(value), Type::Double)).map_err(invalid)
}
