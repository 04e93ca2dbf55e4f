//! Checks one JSON value in a single pass and notes where the members of an object lie.
//! It accepts exactly RFC 8259 (compared with serde_json by a test), of any depth, and it does not look at whether the
//! bytes are UTF-8: the caller does that once the value is framed, because a frame may end in the middle of a buffer.

use wide::u8x16;

/// Bytes that are looked at together.
const LANES: usize = 16;

/// A range of bytes in a record. Records are at most 1 GiB, so 32 bits do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes, without a look at where characters begin.
    pub fn of_bytes(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.range()]
    }

    /// Makes a span from indices, which callers keep below 4 GiB.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// The span as a range, for indexing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text it names in `text`.
    pub fn of(self, text: &str) -> &str {
        &text[self.range()]
    }
}

/// One member of the outermost object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// The name, without its quotes, as written.
    pub name: Span,
    /// The value, as written, without blanks around it.
    pub value: Span,
    /// Whether the name has a backslash, so that it must be unescaped before it is compared.
    pub escaped: bool,
}

/// Why a scan did not end with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
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

/// Why a scan does not go on, in one word, so that a result of the scanning functions fits into two registers: bytes to
/// the place, and what was wrong in the lowest eight bits.
#[derive(Clone, Copy)]
struct Halt(u64);

/// What can be wrong, by the number that a `Halt` holds; 0 stands for an end that came too early.
const WRONG: [&str; 12] = [
    "",
    "expected an object",
    "expected a member name in quotes",
    "expected `:` after a member name",
    "expected `,` or `}`",
    "expected `,` or `]`",
    "control character in a string",
    "`\\u` needs four hexadecimal digits",
    "unknown escape in a string",
    "expected a value",
    "a number may not begin with 0",
    "expected a digit",
];
const OBJECT: u8 = 1;
const NAME: u8 = 2;
const COLON: u8 = 3;
const IN_OBJECT: u8 = 4;
const IN_ARRAY: u8 = 5;
const CONTROL: u8 = 6;
const UNICODE: u8 = 7;
const ESCAPE: u8 = 8;
const VALUE: u8 = 9;
const ZERO: u8 = 10;
const DIGIT: u8 = 11;

const INCOMPLETE: Halt = Halt(0);

impl From<Halt> for Fault {
    fn from(Halt(packed): Halt) -> Fault {
        match packed {
            0 => Fault::Incomplete,
            _ => Fault::Syntax { at: (packed >> 8) as usize, what: WRONG[(packed & 0xff) as usize] },
        }
    }
}

#[cold]
fn syntax<T>(at: usize, what: u8) -> Result<T, Halt> {
    Err(Halt((at as u64) << 8 | u64::from(what)))
}

/// Scans values, and keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Scanner {
    members: Vec<Member>,
    nesting: Nesting,
}

/// The levels of a value: one bit each, set for an object. Nesting is bounded by the record's size only, so it is not the
/// call stack.
#[derive(Debug, Default)]
struct Nesting(Vec<u64>);

impl Scanner {
    /// Members of the object scanned last, in the order written.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Scans the object that begins at `bytes[0]` and returns one past its closing brace.
    ///
    /// # Errors
    /// `Incomplete` when the bytes end first, `Syntax` when it is not JSON or not an object.
    pub fn object(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.members.clear();
        Ok(self.nesting.members_of(bytes, &mut self.members)?)
    }

    /// Scans any value that begins at `bytes[at]` and returns one past its end. A number ends where its digits do, also
    /// at the end of the bytes.
    ///
    /// # Errors
    /// As `object`.
    pub fn value(&mut self, bytes: &[u8], at: usize) -> Result<usize, Fault> {
        Ok(self.nesting.value(bytes, at)?)
    }
}

impl Nesting {
    fn members_of(&mut self, bytes: &[u8], members: &mut Vec<Member>) -> Result<usize, Halt> {
        match bytes.first() {
            Some(b'{') => {}
            None => return Err(INCOMPLETE),
            _ => return syntax(0, OBJECT),
        }
        let (mut at, first) = next(bytes, 1)?;
        if first == b'}' {
            return Ok(at + 1);
        }
        let mut byte = first;
        loop {
            if byte != b'"' {
                return syntax(at, NAME);
            }
            let (name_end, escaped) = string(bytes, at)?;
            let name = Span::new(at + 1, name_end - 1);
            let (colon, byte_there) = next(bytes, name_end)?;
            if byte_there != b':' {
                return syntax(colon, COLON);
            }
            let (start, opens) = next(bytes, colon + 1)?;
            let end = match opens {
                b'"' => string(bytes, start)?.0,
                b'{' | b'[' => self.nested(bytes, start)?,
                _ => scalar(bytes, start, opens)?,
            };
            members.push(Member { name, value: Span::new(start, end), escaped });
            let (joint, byte_there) = next(bytes, end)?;
            match byte_there {
                b',' => (at, byte) = next(bytes, joint + 1)?,
                b'}' => return Ok(joint + 1),
                _ => return syntax(joint, IN_OBJECT),
            }
        }
    }

    #[inline(never)]
    fn value(&mut self, bytes: &[u8], at: usize) -> Result<usize, Halt> {
        match bytes.get(at) {
            None => Err(INCOMPLETE),
            Some(b'"') => string(bytes, at).map(|(end, _)| end),
            Some(b'{' | b'[') => self.nested(bytes, at),
            Some(byte) => scalar(bytes, at, *byte),
        }
    }

    fn nested(&mut self, bytes: &[u8], start: usize) -> Result<usize, Halt> {
        self.0.clear();
        let mut depth = 0usize;
        let (mut at, mut byte) = (start, bytes[start]);
        loop {
            // Here a value begins at `at` with `byte`.
            let end = match byte {
                b'{' | b'[' => {
                    let object = byte == b'{';
                    self.set_level(depth, object);
                    depth += 1;
                    (at, byte) = next(bytes, at + 1)?;
                    let closer = if object { b'}' } else { b']' };
                    if byte != closer {
                        if object {
                            (at, byte) = member_value(bytes, at, byte)?;
                        }
                        continue;
                    }
                    depth -= 1;
                    at + 1
                }
                b'"' => string(bytes, at)?.0,
                _ => scalar(bytes, at, byte)?,
            };
            at = end;
            // Here a value has just ended.
            loop {
                if depth == 0 {
                    return Ok(at);
                }
                (at, byte) = next(bytes, at)?;
                let object = self.level(depth - 1);
                match (byte, object) {
                    (b',', true) => {
                        (at, byte) = next(bytes, at + 1)?;
                        (at, byte) = member_value(bytes, at, byte)?;
                        break;
                    }
                    (b',', false) => {
                        (at, byte) = next(bytes, at + 1)?;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        at += 1;
                        depth -= 1;
                    }
                    (_, true) => return syntax(at, IN_OBJECT),
                    (_, false) => return syntax(at, IN_ARRAY),
                }
            }
        }
    }

    #[inline(always)]
    fn set_level(&mut self, depth: usize, object: bool) {
        let (word, bit) = (depth / 64, 1u64 << (depth % 64));
        if word == self.0.len() {
            self.0.push(0);
        }
        if object {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    #[inline(always)]
    fn level(&self, depth: usize) -> bool {
        self.0[depth / 64] & (1u64 << (depth % 64)) != 0
    }
}

/// Reads `"name" :`, whose first byte is given, and returns where the value begins and its first byte.
#[inline(always)]
fn member_value(bytes: &[u8], at: usize, byte: u8) -> Result<(usize, u8), Halt> {
    if byte != b'"' {
        return syntax(at, NAME);
    }
    let (end, _) = string(bytes, at)?;
    let (colon, byte) = next(bytes, end)?;
    if byte != b':' {
        return syntax(colon, COLON);
    }
    next(bytes, colon + 1)
}

/// Skips blanks: where the next other byte is, and that byte.
#[inline(always)]
fn next(bytes: &[u8], at: usize) -> Result<(usize, u8), Halt> {
    match bytes.get(at) {
        Some(byte) if *byte > b' ' => Ok((at, *byte)),
        // Many writers put one space behind a colon or a comma.
        Some(b' ') if bytes.get(at + 1).is_some_and(|byte| *byte > b' ') => Ok((at + 1, bytes[at + 1])),
        _ => behind_blanks(bytes, at),
    }
}

#[inline(never)]
fn behind_blanks(bytes: &[u8], mut at: usize) -> Result<(usize, u8), Halt> {
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(byte) => return Ok((at, *byte)),
            None => return Err(INCOMPLETE),
        }
    }
}

/// The quotes among sixteen bytes, and the backslashes and control characters: a bit for each, the first byte's the lowest.
#[inline(always)]
fn specials(chunk: [u8; LANES]) -> (u32, u32) {
    let bytes = u8x16::new(chunk);
    let quotes = bytes.simd_eq(u8x16::splat(b'"'));
    let slashes = bytes.simd_eq(u8x16::splat(b'\\'));
    let control = bytes.simd_eq(bytes.min(u8x16::splat(0x1f)));
    (quotes.to_bitmask(), (slashes | control).to_bitmask())
}

/// Scans the string whose opening quote is at `at`: one past its closing quote, and whether it has a backslash.
#[inline(always)]
fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), Halt> {
    // Most strings are names and words that are shorter than this: they need no loop and no call.
    let start = at + 1;
    if let Some(chunk) = bytes.get(start..).and_then(|rest| rest.first_chunk::<LANES>()) {
        let (quotes, others) = specials(*chunk);
        // The bits up to the first quote.
        let inside = quotes ^ quotes.wrapping_sub(1);
        if quotes != 0 && others & inside == 0 {
            return Ok((start + quotes.trailing_zeros() as usize + 1, false));
        }
    }
    long_string(bytes, start)
}

/// Scans a string from any place in it on.
#[inline(never)]
fn long_string(bytes: &[u8], mut at: usize) -> Result<(usize, bool), Halt> {
    let mut escaped = false;
    loop {
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<LANES>()) {
            let (quotes, others) = specials(*chunk);
            let marks = quotes | others;
            if marks != 0 {
                at += marks.trailing_zeros() as usize;
                break;
            }
            at += LANES;
        }
        match bytes.get(at) {
            None => return Err(INCOMPLETE),
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            Some(0..=0x1f) => return syntax(at, CONTROL),
            Some(_) => at += 1,
        }
    }
}

/// Checks the escape whose backslash is at `at` and returns one past it. A lone surrogate is allowed, as RFC 8259 does.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Halt> {
    match bytes.get(at + 1) {
        None => Err(INCOMPLETE),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            for place in at + 2..at + 6 {
                match bytes.get(place) {
                    None => return Err(INCOMPLETE),
                    Some(digit) if digit.is_ascii_hexdigit() => {}
                    Some(_) => return syntax(at, UNICODE),
                }
            }
            Ok(at + 6)
        }
        Some(_) => syntax(at, ESCAPE),
    }
}

#[inline(always)]
fn scalar(bytes: &[u8], at: usize, byte: u8) -> Result<usize, Halt> {
    match byte {
        b'-' | b'0'..=b'9' => number(bytes, at),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        b'n' => literal(bytes, at, b"null"),
        _ => syntax(at, VALUE),
    }
}

#[inline(always)]
fn literal(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, Halt> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    if word.starts_with(rest) { Err(INCOMPLETE) } else { syntax(at, VALUE) }
}

#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[inline(always)]
fn number(bytes: &[u8], start: usize) -> Result<usize, Halt> {
    let mut at = start + usize::from(bytes[start] == b'-');
    let leading_zero = bytes.get(at) == Some(&b'0');
    let end = digits(bytes, at);
    if end == at {
        return missing_digit(bytes, at);
    }
    if leading_zero && end > at + 1 {
        return syntax(start, ZERO);
    }
    at = end;
    if bytes.get(at) == Some(&b'.') {
        let end = digits(bytes, at + 1);
        if end == at + 1 {
            return missing_digit(bytes, end);
        }
        at = end;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(bytes, at + 1 + sign);
        if end == at + 1 + sign {
            return missing_digit(bytes, end);
        }
        at = end;
    }
    Ok(at)
}

#[cold]
fn missing_digit(bytes: &[u8], at: usize) -> Result<usize, Halt> {
    if at >= bytes.len() { Err(INCOMPLETE) } else { syntax(at, DIGIT) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &[u8]) -> bool {
        let mut scanner = Scanner::default();
        let Some(start) = text.iter().position(|b| !b" \t\r\n".contains(b)) else { return false };
        match scanner.value(text, start) {
            Ok(end) => text[end..].iter().all(|b| b" \t\r\n".contains(b)),
            Err(_) => false,
        }
    }

    fn serde(text: &str) -> bool {
        serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
    }

    #[test]
    fn members_lie_where_they_were_written() {
        let text = r#"{ "a" : [1,{"b":2}] ,"\u0061":"x\"y", "":null}"#;
        let mut scanner = Scanner::default();
        assert_eq!(scanner.object(text.as_bytes()), Ok(text.len()));
        let seen: Vec<_> = scanner.members().iter().map(|m| (m.name.of(text), m.value.of(text), m.escaped)).collect();
        assert_eq!(seen, [("a", r#"[1,{"b":2}]"#, false), ("\\u0061", r#""x\"y""#, true), ("", "null", false)]);
    }

    #[test]
    fn nesting_is_not_bounded_by_the_call_stack() {
        let text = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(Scanner::default().value(text.as_bytes(), 0), Ok(text.len()));
    }

    #[test]
    fn every_prefix_of_an_object_is_incomplete() {
        let text = r#"{"a":[true,null,-1.5e+3,"\u00e9\n"],"b":{"c":{}}}"#.as_bytes();
        for cut in 0..text.len() {
            assert_eq!(Scanner::default().object(&text[..cut]), Err(Fault::Incomplete), "cut at {cut}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn accepts_what_serde_json_accepts(text in r#"[\[\]{},:" \\ntrufalse0-9.eE+\-\n\t\x01ué/b]{0,24}"#) {
            prop_assert_eq!(whole(text.as_bytes()), serde(&text), "{:?}", text);
        }

        #[test]
        fn one_byte_of_damage_is_judged_as_serde_json_does(at in 0usize..60, byte in 0x09u8..0x7f) {
            let mut text = br#"{"a":[1,2.5e-3,{"b":"c\u00e9\\"}],"d":false,"e":null,"f":-0}"#.to_vec();
            if at < text.len() {
                text[at] = byte;
            }
            let text = String::from_utf8(text).expect("ASCII");
            prop_assert_eq!(whole(text.as_bytes()), serde(&text), "{}", text);
        }
    }
}
