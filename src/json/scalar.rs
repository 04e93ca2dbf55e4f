//! Scans JSON strings, numbers and literals: finds where each ends and what is wrong with it.
//! Errors are boxed inside the scanner, so that results stay small.

/// Why a scan found no complete value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// The bytes end before the value does; more bytes may complete it.
    Incomplete,
    /// It is not valid JSON, whatever follows.
    Syntax {
        /// Byte offset from the start of the value.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Boxed, so that a result of a scanning function fits in two registers.
pub(super) type BoxedError = Box<ScanError>;

#[cold]
pub(super) fn incomplete<T>() -> Result<T, BoxedError> {
    Err(Box::new(ScanError::Incomplete))
}

#[cold]
pub(super) fn syntax<T>(offset: usize, what: &'static str) -> Result<T, BoxedError> {
    Err(Box::new(ScanError::Syntax { offset, what }))
}

/// Bytes of a string that are compared at once.
const LANES: usize = 8;
/// Bytes of a long string that are compared at once.
const BLOCK: usize = 32;

/// Finds quotes, backslashes and control characters in eight bytes: sets the highest bit of each such byte. The lowest bit
/// that is set is always right; bits above it can be false positives.
#[inline(always)]
pub(super) fn marks(chunk: &[u8; LANES]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*chunk);
    // Subtracting a limit from a byte below it borrows, which sets the highest bit. Flipping one bit moves the quote right
    // behind the control characters, so that one subtraction finds both.
    let quotes_and_controls = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (quotes_and_controls | backslashes) & !word & (ONES << 7)
}

/// Whether these bytes contain a quote, a backslash or a control character.
#[inline(always)]
fn has_mark(block: &[u8; BLOCK]) -> bool {
    // Flipping one bit moves the quote right behind the control characters.
    let is_mark = |byte: &u8| (*byte ^ 2 <= b' ') | (*byte == b'\\');
    block.iter().fold(false, |any, byte| any | is_mark(byte))
}

/// Scans the string whose opening quote is at `offset`. Returns the offset after its closing quote, and whether it
/// has a backslash.
#[inline(always)]
pub(super) fn string(bytes: &[u8], offset: usize) -> Result<(usize, bool), BoxedError> {
    let mut offset = offset + 1;
    // Most strings are shorter than sixteen bytes. They are scanned here, without a call.
    for _ in 0..2 {
        let Some(chunk) = bytes.get(offset..).and_then(|rest| rest.first_chunk::<LANES>()) else { break };
        let marks = marks(chunk);
        if marks != 0 {
            offset += marks.trailing_zeros() as usize / 8;
            if bytes[offset] == b'"' {
                return Ok((offset + 1, false));
            }
            break;
        }
        offset += LANES;
    }
    long_string(bytes, offset)
}

/// The end of the string whose opening quote is at `offset`, and whether it has a backslash. The JSON must be valid.
pub fn string_end(bytes: &[u8], offset: usize) -> (usize, bool) {
    string(bytes, offset).unwrap_or((bytes.len(), false))
}

/// Continues to scan a string from any offset inside it.
#[inline(never)]
fn long_string(bytes: &[u8], mut offset: usize) -> Result<(usize, bool), BoxedError> {
    let mut escaped = false;
    loop {
        while let Some(block) = bytes.get(offset..).and_then(|rest| rest.first_chunk())
            && !has_mark(block)
        {
            offset += BLOCK;
        }
        while let Some(chunk) = bytes.get(offset..).and_then(|rest| rest.first_chunk()) {
            let marks = marks(chunk);
            if marks != 0 {
                offset += marks.trailing_zeros() as usize / 8;
                break;
            }
            offset += LANES;
        }
        match bytes.get(offset) {
            None => return incomplete(),
            Some(b'"') => return Ok((offset + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                offset = escape(bytes, offset)?;
            }
            Some(0..=0x1f) => return syntax(offset, "control character in a string"),
            Some(_) => offset += 1,
        }
    }
}

/// Checks the escape whose backslash is at `offset` and returns its end. RFC 8259 allows unpaired surrogates, so this does too.
fn escape(bytes: &[u8], offset: usize) -> Result<usize, BoxedError> {
    match bytes.get(offset + 1) {
        None => incomplete(),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(offset + 2),
        Some(b'u') => {
            let digits = bytes[offset + 2..].iter().take(4).take_while(|digit| digit.is_ascii_hexdigit()).count();
            match bytes.get(offset + 2 + digits) {
                _ if digits == 4 => Ok(offset + 6),
                None => incomplete(),
                Some(_) => syntax(offset, "`\\u` needs four hexadecimal digits"),
            }
        }
        Some(_) => syntax(offset, "unknown escape in a string"),
    }
}

/// Scans a string, a number or a literal that starts with `byte`. Returns its end and whether it is simple (see `Field`).
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], offset: usize, byte: u8) -> Result<(usize, bool), BoxedError> {
    let end = match byte {
        b'"' => return string(bytes, offset).map(|(end, escaped)| (end, !escaped)),
        b'-' | b'0'..=b'9' => return number(bytes, offset),
        b't' => literal(bytes, offset, b"true"),
        b'f' => literal(bytes, offset, b"false"),
        b'n' => literal(bytes, offset, b"null"),
        _ => syntax(offset, "expected a value"),
    };
    end.map(|end| (end, true))
}

#[inline(always)]
fn literal(bytes: &[u8], offset: usize, word: &'static [u8]) -> Result<usize, BoxedError> {
    let rest = &bytes[offset..];
    if rest.starts_with(word) {
        return Ok(offset + word.len());
    }
    if word.starts_with(rest) { incomplete() } else { syntax(offset, "expected a value") }
}

/// The end of the digits that start at `offset`. There must be at least one.
#[inline(always)]
fn digits(bytes: &[u8], offset: usize) -> Result<usize, BoxedError> {
    let count = bytes[offset..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match count {
        0 if offset == bytes.len() => incomplete(),
        0 => syntax(offset, "expected a digit"),
        _ => Ok(offset + count),
    }
}

/// Whether a text is a JSON number, of any size.
pub fn is_number(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'-' | b'0'..=b'9')) && number(text, 0).is_ok_and(|(end, _)| end == text.len())
}

/// Length of a number without an exponent that always fits a 64-bit integer, or a double if it has a fraction.
const SHORT: usize = 16;

#[inline(always)]
fn number(bytes: &[u8], start: usize) -> Result<(usize, bool), BoxedError> {
    let integer = start + usize::from(bytes[start] == b'-');
    let mut offset = digits(bytes, integer)?;
    if bytes[integer] == b'0' && offset > integer + 1 {
        return syntax(start, "a number may not begin with 0");
    }
    if bytes.get(offset) == Some(&b'.') {
        offset = digits(bytes, offset + 1)?;
    }
    if matches!(bytes.get(offset), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(offset + 1), Some(b'+' | b'-')));
        return Ok((digits(bytes, offset + 1 + sign)?, false));
    }
    Ok((offset, offset - start <= SHORT))
}
