//! Values of the usual kinds, each looked at sixteen bytes at a time: strings without escapes, short numbers, `true`, `false`,
//! `null`, and arrays of these. `None` leaves a value to the scanner, which decides alone what is JSON.

use wide::u8x16;

/// Bytes that are looked at together.
pub(super) const LANES: usize = 16;

/// What ends a stretch of a string: a bit for each quote, backslash and control character, the first byte's the lowest.
#[inline(always)]
pub(super) fn marks(chunk: &[u8; LANES]) -> u32 {
    let bytes = u8x16::new(*chunk);
    let control = bytes.simd_eq(bytes.min(u8x16::splat(0x1f)));
    (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control).to_bitmask()
}

/// The sixteen bytes at a place.
#[inline(always)]
pub(super) fn chunk(bytes: &[u8], at: u32) -> Option<&[u8; LANES]> {
    let at = at as usize;
    bytes.get(at..at + LANES)?.first_chunk()
}

/// One past the end of the value at `at`.
#[inline(always)]
pub(super) fn value(bytes: &[u8], at: u32) -> Option<u32> {
    let chunk = chunk(bytes, at)?;
    if chunk[0] == b'[' { array(bytes, at) } else { scalar(bytes, at, chunk) }
}

#[inline(always)]
fn scalar(bytes: &[u8], at: u32, chunk: &[u8; LANES]) -> Option<u32> {
    let length = match chunk[0] {
        b'"' => match marks(chunk) & !1 {
            0 => return rest_of_string(bytes, at + LANES as u32),
            marks => {
                let length = marks.trailing_zeros();
                (chunk[length as usize % LANES] == b'"').then_some(length + 1)?
            }
        },
        b'-' | b'0'..=b'9' => number(chunk)?,
        b't' if chunk.starts_with(b"true") => 4,
        b'f' if chunk.starts_with(b"false") => 5,
        b'n' if chunk.starts_with(b"null") => 4,
        _ => return None,
    };
    Some(at + length)
}

/// One past the closing quote of a string that goes on at `at`.
#[inline(never)]
fn rest_of_string(bytes: &[u8], mut at: u32) -> Option<u32> {
    loop {
        let start = at as usize;
        let (parts, _) = bytes.get(start..start + 2 * LANES)?.as_chunks::<LANES>();
        let [first, second] = parts else { return None };
        let marks = marks(first) | marks(second) << LANES;
        if marks != 0 {
            let end = at + marks.trailing_zeros();
            return (bytes[end as usize] == b'"').then_some(end + 1);
        }
        at += 2 * LANES as u32;
    }
}

/// The length of a number of at most fifteen bytes without an exponent.
#[inline(always)]
fn number(chunk: &[u8; LANES]) -> Option<u32> {
    let from_zero = u8x16::new(*chunk) - u8x16::splat(b'0');
    let no_digits = !from_zero.simd_eq(from_zero.min(u8x16::splat(9))).to_bitmask();
    let byte = |at: u32| chunk[at as usize % LANES];
    let sign = u32::from(chunk[0] == b'-');
    let whole = (no_digits >> sign).trailing_zeros();
    let mut end = sign + whole;
    if whole == 0 || (whole > 1 && byte(sign) == b'0') {
        return None;
    }
    if end < LANES as u32 && byte(end) == b'.' {
        let fraction = (no_digits >> (end + 1)).trailing_zeros();
        end += 1 + fraction;
        if fraction == 0 {
            return None;
        }
    }
    if end >= LANES as u32 || byte(end) | 0x20 == b'e' { None } else { Some(end) }
}

/// An array of plain values, without blanks but one behind a comma.
#[inline(never)]
fn array(bytes: &[u8], start: u32) -> Option<u32> {
    let mut at = start + 1;
    if bytes.get(at as usize) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        at = scalar(bytes, at, chunk(bytes, at)?)?;
        match bytes.get(at as usize)? {
            b']' => return Some(at + 1),
            b',' => at += 1 + u32::from(bytes.get(at as usize + 1) == Some(&b' ')),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scanner;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_the_usual_kinds_are_known() {
        for usual in ["\"\"", "\"abcdefghijklmn\"", "\"abcdefghijklmno\"", "0", "-0", "-1.50", "123456789012345", "[]"]
        {
            assert_eq!(ends(usual), (Some(usual.len() as u32), Some(usual.len())), "{usual}");
        }
        let long = format!("\"{}é\"", "x".repeat(1000));
        for usual in ["[1,\"b\", true,null,false]", &long, &format!("[{long},{long}]")] {
            assert_eq!(ends(usual).0, Some(usual.len() as u32), "{usual}");
        }
        for other in ["1234567890123456", "1e5", "0.1E5", "\"\\n\"", "{}", "[[]]", "01", "1.", "-", "nul", "\"\u{1}\""]
        {
            assert_eq!(ends(other).0, None, "{other}");
        }
    }

    /// By this file, and by the scanner.
    fn ends(text: &str) -> (Option<u32>, Option<usize>) {
        let bytes = format!("{text},{}", " ".repeat(2 * LANES));
        (value(bytes.as_bytes(), 0), Scanner::default().value(bytes.as_bytes(), 0).ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn the_scanner_says_the_same(text in r#"["\[]{0,2}[\[\],:" \\ntrufalse0-9.eE+\-\x01é]{1,40}|-?[0-9]{1,9}\.?[0-9]{0,9}[eE,]?|\[("[a-z]{0,20}",? ?){0,3}\]"#) {
            if let (Some(end), scanned) = ends(&text) {
                prop_assert_eq!(Some(end as usize), scanned, "{:?}", text);
            }
        }
    }
}
