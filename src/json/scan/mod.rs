//! Checks one JSON value in a single pass and records the ranges of the fields of an object.
//! It accepts exactly RFC 8259 (a test compares it with serde_json), to any depth. It does not check for valid UTF-8: the
//! caller does that when the end of the value is known.

use super::scalar::{BoxedError, ScanError, incomplete, scalar, string, syntax};

/// A range of bytes in a record. Records are at most 1 GiB, so 32 bits are enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// These bytes of `text`, without a check for character boundaries.
    pub fn of_bytes(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.range()]
    }

    /// Callers keep both below 4 GiB.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// This range of `text`.
    pub fn of(self, text: &str) -> &str {
        &text[self.range()]
    }
}

/// One field of the outermost object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field {
    /// The name, without its quotes, as written.
    pub name: Span,
    /// The value, as written, without whitespace around it.
    pub value: Span,
    /// Whether the name has a backslash, so that it must be unescaped before it is compared.
    pub escaped: bool,
    /// Whether the value is certainly so simple that every JSON parser preserves it: no escapes, numbers of at most sixteen
    /// characters and without exponents, no duplicate fields, and at most 64 levels. False if that is unknown.
    pub is_simple: bool,
}

/// Fields are equal if their ranges are. Whether the value is known to be simple does not count.
#[cfg(test)]
impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        (self.name, self.value, self.escaped) == (other.name, other.value, other.escaped)
    }
}

/// Scans values. It reuses its memory.
#[derive(Debug, Default)]
pub struct Scanner {
    fields: Vec<Field>,
    /// Whether each open level is an object. This is not the call stack, because only the size of a record limits nesting.
    levels: Vec<bool>,
}

impl Scanner {
    /// Fields of the object that was scanned last, as written.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Scans the object that starts at `bytes[0]` and returns the offset after its closing brace.
    ///
    /// # Errors
    /// `Incomplete` if the bytes end first, `Syntax` if it is not JSON or not an object.
    pub fn object(&mut self, bytes: &[u8]) -> Result<usize, ScanError> {
        self.fields.clear();
        fields_of(bytes, &mut self.fields, &mut self.levels).map_err(|error| *error)
    }

    /// Scans any value that starts at `offset` and returns the offset after its end. A number may end with the bytes.
    ///
    /// # Errors
    /// As for `object`.
    pub fn value(&mut self, bytes: &[u8], offset: usize) -> Result<usize, ScanError> {
        let Some(first) = bytes.get(offset) else { return Err(ScanError::Incomplete) };
        value(bytes, offset, *first, &mut self.levels).map(|(end, _)| end).map_err(|error| *error)
    }
}

fn fields_of(bytes: &[u8], fields: &mut Vec<Field>, levels: &mut Vec<bool>) -> Result<usize, BoxedError> {
    match bytes.first() {
        Some(b'{') => {}
        None => return incomplete(),
        _ => return syntax(0, "expected an object"),
    }
    let (mut offset, mut byte) = next(bytes, 1)?;
    if byte == b'}' {
        return Ok(offset + 1);
    }
    loop {
        let name = name(bytes, offset, byte)?;
        let (end, is_simple) = value(bytes, name.value, name.first, levels)?;
        fields.push(Field {
            name: Span::new(offset + 1, name.end - 1),
            value: Span::new(name.value, end),
            escaped: name.escaped,
            is_simple,
        });
        (offset, byte) = next(bytes, end)?;
        match byte {
            b',' => (offset, byte) = next(bytes, offset + 1)?,
            b'}' => return Ok(offset + 1),
            _ => return syntax(offset, "expected `,` or `}`"),
        }
    }
}

/// Scans the value that starts at `offset` with the byte `first`. Returns its end and whether it is simple (see `Field`).
#[inline(always)]
fn value(bytes: &[u8], offset: usize, first: u8, levels: &mut Vec<bool>) -> Result<(usize, bool), BoxedError> {
    match first {
        b'{' | b'[' => nested(bytes, offset, levels),
        _ => scalar(bytes, offset, first),
    }
}

fn nested(bytes: &[u8], start: usize, levels: &mut Vec<bool>) -> Result<(usize, bool), BoxedError> {
    levels.clear();
    let (mut names, mut is_simple) = (NameBits::default(), true);
    let (mut offset, mut byte) = (start, bytes[start]);
    loop {
        // Here a value starts at `offset` with `byte`.
        if let b'{' | b'[' = byte {
            let is_object = byte == b'{';
            levels.push(is_object);
            is_simple &= levels.len() <= 64;
            (offset, byte) = next(bytes, offset + 1)?;
            if is_object && byte != b'}' {
                names = NameBits::default();
                (offset, byte) = value_of_name(bytes, offset, byte, &mut names, &mut is_simple)?;
                continue;
            } else if !is_object && byte != b']' {
                continue;
            }
        } else {
            let (end, is_simple_too) = scalar(bytes, offset, byte)?;
            is_simple &= is_simple_too;
            (offset, byte) = next(bytes, end)?;
        }
        // Here `byte` follows a value, or the bracket that opens an empty level.
        while let Some(is_object) = levels.last().copied() {
            match (byte, is_object) {
                (b',', _) => {
                    (offset, byte) = next(bytes, offset + 1)?;
                    if is_object {
                        (offset, byte) = value_of_name(bytes, offset, byte, &mut names, &mut is_simple)?;
                    }
                    break;
                }
                (b'}', true) | (b']', false) => {
                    levels.pop();
                    if levels.is_empty() {
                        return Ok((offset + 1, is_simple));
                    }
                    if is_object {
                        names = NameBits::FORGOTTEN;
                    }
                    (offset, byte) = next(bytes, offset + 1)?;
                }
                (_, true) => return syntax(offset, "expected `,` or `}`"),
                (_, false) => return syntax(offset, "expected `,` or `]`"),
            }
        }
    }
}

/// Detects with one bit per name whether a name is certainly new in its object. Two names can share a bit.
#[derive(Debug, Default)]
pub struct NameBits(u64);

impl NameBits {
    /// For an object around one that has ended: its names are not known any more, so every name may be a duplicate.
    const FORGOTTEN: NameBits = NameBits(u64::MAX);

    /// Whether a name, without its quotes, certainly differs from all earlier ones.
    #[inline(always)]
    pub fn is_new(&mut self, bytes: &[u8], name: Span) -> bool {
        // For an empty name these two bytes are its quotes.
        let (first, last) = (bytes[name.start as usize], bytes[name.end as usize - 1]);
        let bit = 1 << ((u32::from(first) ^ u32::from(last) << 2 ^ (name.end - name.start) << 4) % 64);
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new
    }
}

/// A name and its colon. `value` is the offset of the value, and `first` its first byte.
struct ScannedName {
    end: usize,
    escaped: bool,
    value: usize,
    first: u8,
}

/// Scans `"name" :`, whose first byte is `byte`.
#[inline(always)]
fn name(bytes: &[u8], offset: usize, byte: u8) -> Result<ScannedName, BoxedError> {
    if byte != b'"' {
        return syntax(offset, "expected a field name in quotes");
    }
    let (end, escaped) = string(bytes, offset)?;
    let (colon, byte) = next(bytes, end)?;
    if byte != b':' {
        return syntax(colon, "expected `:` after a field name");
    }
    let (value, first) = next(bytes, colon + 1)?;
    Ok(ScannedName { end, escaped, value, first })
}

/// Like `name`, but returns only the start of the value, and updates `names` and `is_simple`.
#[inline(always)]
fn value_of_name(
    bytes: &[u8],
    offset: usize,
    byte: u8,
    names: &mut NameBits,
    is_simple: &mut bool,
) -> Result<(usize, u8), BoxedError> {
    let name = name(bytes, offset, byte)?;
    *is_simple &= names.is_new(bytes, Span::new(offset + 1, name.end - 1)) & !name.escaped;
    Ok((name.value, name.first))
}

/// Skips whitespace. Returns the offset of the next byte, and this byte.
#[inline(always)]
fn next(bytes: &[u8], offset: usize) -> Result<(usize, u8), BoxedError> {
    match bytes.get(offset) {
        Some(byte) if *byte > b' ' => Ok((offset, *byte)),
        // Fast path: one space after a colon or a comma.
        Some(b' ') if bytes.get(offset + 1).is_some_and(|byte| *byte > b' ') => Ok((offset + 1, bytes[offset + 1])),
        _ => skip_whitespace(bytes, offset),
    }
}

#[inline(never)]
fn skip_whitespace(bytes: &[u8], mut offset: usize) -> Result<(usize, u8), BoxedError> {
    loop {
        match bytes.get(offset) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => offset += 1,
            Some(byte) => return Ok((offset, *byte)),
            None => return incomplete(),
        }
    }
}

#[cfg(test)]
mod tests;
