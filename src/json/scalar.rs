//! Strings, numbers and words of JSON: where each ends, and what is wrong with it. And why a scan does not go on, in a form
//! that is quickly handed up.

/// Why a scan did not end with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanError {
    /// The bytes end before the value does; more bytes may complete it.
    Incomplete,
    /// No bytes after this one can make it JSON.
    Syntax {
        /// Where, in bytes from the beginning of the value.
        at: usize,
        /// What was wrong there.
        what: &'static str,
    },
}

/// Why a scan does not go on: boxed, so that a result of the scanning functions fits into two registers.
pub(super) type BoxedScanError = Box<ScanError>;

#[cold]
pub(super) fn incomplete<T>() -> Result<T, BoxedScanError> {
    Err(Box::new(ScanError::Incomplete))
}

#[cold]
pub(super) fn syntax<T>(at: usize, what: &'static str) -> Result<T, BoxedScanError> {
    Err(Box::new(ScanError::Syntax { at, what }))
}

/// Bytes of a string that are looked at together.
const LANES: usize = 8;
/// Bytes of a long string that are looked at together.
const BLOCK: usize = 32;

/// The quotes, backslashes and control characters among eight bytes: the highest bit of each. The first one found is one;
/// of what follows it a bit may be set that should not be.
#[inline(always)]
pub(super) fn marks(chunk: &[u8; LANES]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*chunk);
    // Bytes below a limit borrow from their highest bit. With one bit turned, a quote comes behind the control characters.
    let quotes_and_controls = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (quotes_and_controls | backslashes) & !word & (ONES << 7)
}

/// Whether there is a quote, a backslash or a control character among these bytes.
#[inline(always)]
fn has_mark(block: &[u8; BLOCK]) -> bool {
    // With one bit turned, a quote comes behind the control characters.
    let is_mark = |byte: &u8| (*byte ^ 2 <= b' ') | (*byte == b'\\');
    block.iter().fold(false, |any, byte| any | is_mark(byte))
}

/// Scans the string whose opening quote is at `at`: one past its closing quote, and whether it has a backslash.
#[inline(always)]
pub(super) fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), BoxedScanError> {
    let mut at = at + 1;
    // Most strings are names and words of less than sixteen bytes: they need no call.
    for _ in 0..2 {
        let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<LANES>()) else { break };
        let marks = marks(chunk);
        if marks != 0 {
            at += marks.trailing_zeros() as usize / 8;
            if bytes[at] == b'"' {
                return Ok((at + 1, false));
            }
            break;
        }
        at += LANES;
    }
    long_string(bytes, at)
}

/// One past the closing quote of the string whose opening quote is at `at`, and whether it has a backslash, in JSON that
/// has been checked.
#[inline]
pub fn string_end(bytes: &[u8], at: usize) -> (usize, bool) {
    string(bytes, at).unwrap_or((bytes.len(), false))
}

/// Scans a string from any place in it on.
#[inline(never)]
fn long_string(bytes: &[u8], mut at: usize) -> Result<(usize, bool), BoxedScanError> {
    let mut escaped = false;
    loop {
        while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
            if has_mark(block) {
                break;
            }
            at += BLOCK;
        }
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            let marks = marks(chunk);
            if marks != 0 {
                at += marks.trailing_zeros() as usize / 8;
                break;
            }
            at += LANES;
        }
        match bytes.get(at) {
            None => return incomplete(),
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            Some(0..=0x1f) => return syntax(at, "control character in a string"),
            Some(_) => at += 1,
        }
    }
}

/// Checks the escape whose backslash is at `at` and returns one past it. A lone surrogate is allowed, as RFC 8259 does.
fn escape(bytes: &[u8], at: usize) -> Result<usize, BoxedScanError> {
    match bytes.get(at + 1) {
        None => incomplete(),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = bytes[at + 2..].iter().take(4).take_while(|digit| digit.is_ascii_hexdigit()).count();
            match bytes.get(at + 2 + digits) {
                _ if digits == 4 => Ok(at + 6),
                None => incomplete(),
                Some(_) => syntax(at, "`\\u` needs four hexadecimal digits"),
            }
        }
        Some(_) => syntax(at, "unknown escape in a string"),
    }
}

/// Scans a string, a number or a word whose first byte is given: one past its end, and whether it is simple (see `Field`).
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], at: usize, byte: u8) -> Result<(usize, bool), BoxedScanError> {
    let end = match byte {
        b'"' => return string(bytes, at).map(|(end, escaped)| (end, !escaped)),
        b'-' | b'0'..=b'9' => return number(bytes, at),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        b'n' => literal(bytes, at, b"null"),
        _ => syntax(at, "expected a value"),
    };
    end.map(|end| (end, true))
}

#[inline(always)]
fn literal(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, BoxedScanError> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    if word.starts_with(rest) { incomplete() } else { syntax(at, "expected a value") }
}

/// One past the digits that begin at `at`, of which there must be one.
#[inline(always)]
fn digits(bytes: &[u8], at: usize) -> Result<usize, BoxedScanError> {
    let count = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match count {
        0 if at == bytes.len() => incomplete(),
        0 => syntax(at, "expected a digit"),
        _ => Ok(at + count),
    }
}

/// Whether a text is a JSON number, of any size.
#[inline]
pub fn is_number(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'-' | b'0'..=b'9')) && number(text, 0).is_ok_and(|(end, _)| end == text.len())
}

/// Characters of a number without an exponent that 64 bits hold as an integer, and a double as a fraction.
const SHORT: usize = 16;

#[inline(always)]
fn number(bytes: &[u8], start: usize) -> Result<(usize, bool), BoxedScanError> {
    let integer = start + usize::from(bytes[start] == b'-');
    let mut at = digits(bytes, integer)?;
    if bytes[integer] == b'0' && at > integer + 1 {
        return syntax(start, "a number may not begin with 0");
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        return Ok((digits(bytes, at + 1 + sign)?, false));
    }
    Ok((at, at - start <= SHORT))
}
