//! Checks one JSON value in a single pass and notes where the members of an object lie.
//! It accepts exactly RFC 8259 (compared with serde_json by a test), of any depth, and it does not look at whether the
//! bytes are UTF-8: the caller does that once the value is framed, because a frame may end in the middle of a buffer.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

fn syntax<T>(at: usize, what: &'static str) -> Result<T, Fault> {
    Err(Fault::Syntax { at, what })
}

/// Scans values, and keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Scanner {
    members: Vec<Member>,
    /// One bit a level: set for an object. Nesting is bounded by the record's size only, so it is not the call stack.
    levels: Vec<u64>,
}

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
        if bytes.first() != Some(&b'{') {
            return if bytes.is_empty() { Err(Fault::Incomplete) } else { syntax(0, "expected an object") };
        }
        let mut at = blanks(bytes, 1)?;
        if bytes[at] == b'}' {
            return Ok(at + 1);
        }
        loop {
            if bytes[at] != b'"' {
                return syntax(at, "expected a member name in quotes");
            }
            let (name_end, escaped) = string(bytes, at)?;
            let name = Span::new(at + 1, name_end - 1);
            at = blanks(bytes, name_end)?;
            if bytes[at] != b':' {
                return syntax(at, "expected `:` after a member name");
            }
            let start = blanks(bytes, at + 1)?;
            let end = self.value(bytes, start)?;
            self.members.push(Member { name, value: Span::new(start, end), escaped });
            at = blanks(bytes, end)?;
            match bytes[at] {
                b',' => at = blanks(bytes, at + 1)?,
                b'}' => return Ok(at + 1),
                _ => return syntax(at, "expected `,` or `}`"),
            }
        }
    }

    /// Scans any value that begins at `bytes[at]` and returns one past its end. A number ends where its digits do, also
    /// at the end of the bytes.
    ///
    /// # Errors
    /// As `object`.
    pub fn value(&mut self, bytes: &[u8], at: usize) -> Result<usize, Fault> {
        match bytes.get(at) {
            None => Err(Fault::Incomplete),
            Some(b'"') => string(bytes, at).map(|(end, _)| end),
            Some(b'{' | b'[') => self.nested(bytes, at),
            Some(_) => scalar(bytes, at),
        }
    }

    fn nested(&mut self, bytes: &[u8], start: usize) -> Result<usize, Fault> {
        self.levels.clear();
        let mut depth = 0usize;
        let mut at = start;
        loop {
            // Here a value is expected at `at`.
            let opens = match bytes[at] {
                b'{' => Some(true),
                b'[' => Some(false),
                _ => None,
            };
            if let Some(object) = opens {
                self.set_level(depth, object);
                depth += 1;
                at = blanks(bytes, at + 1)?;
                let closer = if object { b'}' } else { b']' };
                if bytes[at] != closer {
                    if object {
                        at = member_value(bytes, at)?;
                    }
                    continue;
                }
                at += 1;
                depth -= 1;
            } else if bytes[at] == b'"' {
                at = string(bytes, at)?.0;
            } else {
                at = scalar(bytes, at)?;
            }
            // Here a value has just ended.
            loop {
                if depth == 0 {
                    return Ok(at);
                }
                at = blanks(bytes, at)?;
                let object = self.level(depth - 1);
                match (bytes[at], object) {
                    (b',', true) => {
                        at = blanks(bytes, at + 1)?;
                        at = member_value(bytes, at)?;
                        break;
                    }
                    (b',', false) => {
                        at = blanks(bytes, at + 1)?;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        at += 1;
                        depth -= 1;
                    }
                    (_, true) => return syntax(at, "expected `,` or `}`"),
                    (_, false) => return syntax(at, "expected `,` or `]`"),
                }
            }
        }
    }

    fn set_level(&mut self, depth: usize, object: bool) {
        let (word, bit) = (depth / 64, 1u64 << (depth % 64));
        if word == self.levels.len() {
            self.levels.push(0);
        }
        if object {
            self.levels[word] |= bit;
        } else {
            self.levels[word] &= !bit;
        }
    }

    fn level(&self, depth: usize) -> bool {
        self.levels[depth / 64] & (1u64 << (depth % 64)) != 0
    }
}

/// Reads `"name" :` and returns where the value begins.
fn member_value(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    if bytes[at] != b'"' {
        return syntax(at, "expected a member name in quotes");
    }
    let (end, _) = string(bytes, at)?;
    let colon = blanks(bytes, end)?;
    if bytes[colon] != b':' {
        return syntax(colon, "expected `:` after a member name");
    }
    blanks(bytes, colon + 1)
}

/// Skips blanks; there is a byte at the place it returns.
#[inline(always)]
fn blanks(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match bytes.get(at) {
        Some(byte) if *byte > b' ' => Ok(at),
        _ => some_blanks(bytes, at),
    }
}

#[inline(never)]
fn some_blanks(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(_) => return Ok(at),
            None => return Err(Fault::Incomplete),
        }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks, in the high bit of each byte, the quotes, backslashes and control characters among eight bytes. A byte above
/// the first marked one may be marked wrongly, so only the lowest mark counts.
#[inline]
fn specials(word: u64) -> u64 {
    let quotes = word ^ (ONES * b'"' as u64);
    let slashes = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = quotes.wrapping_sub(ONES) & !quotes;
    let slashes = slashes.wrapping_sub(ONES) & !slashes;
    (control | quotes | slashes) & HIGHS
}

/// Scans the string whose opening quote is at `at`: one past its closing quote, and whether it has a backslash.
#[inline(always)]
fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), Fault> {
    // Most strings are names and words of up to seven bytes: they need no loop and no call.
    let start = at + 1;
    if let Some(word) = bytes.get(start..).and_then(|rest| rest.first_chunk::<8>()) {
        let marks = specials(u64::from_le_bytes(*word));
        let end = start + (marks.trailing_zeros() / 8) as usize;
        if marks != 0 && bytes[end] == b'"' {
            return Ok((end + 1, false));
        }
    }
    long_string(bytes, start)
}

/// Scans a string from any place in it on.
#[inline(never)]
fn long_string(bytes: &[u8], mut at: usize) -> Result<(usize, bool), Fault> {
    let mut escaped = false;
    loop {
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let both = u128::from_le_bytes(*chunk);
            let (low, high) = (specials(both as u64), specials((both >> 64) as u64));
            if low | high != 0 {
                at += if low != 0 { low.trailing_zeros() / 8 } else { 8 + high.trailing_zeros() / 8 } as usize;
                break;
            }
            at += 16;
        }
        match bytes.get(at) {
            None => return Err(Fault::Incomplete),
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
fn escape(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match bytes.get(at + 1) {
        None => Err(Fault::Incomplete),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            for place in at + 2..at + 6 {
                match bytes.get(place) {
                    None => return Err(Fault::Incomplete),
                    Some(digit) if digit.is_ascii_hexdigit() => {}
                    Some(_) => return syntax(at, "`\\u` needs four hexadecimal digits"),
                }
            }
            Ok(at + 6)
        }
        Some(_) => syntax(at, "unknown escape in a string"),
    }
}

#[inline(always)]
fn scalar(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match bytes[at] {
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        b'n' => literal(bytes, at, b"null"),
        b'-' | b'0'..=b'9' => number(bytes, at),
        _ => syntax(at, "expected a value"),
    }
}

fn literal(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, Fault> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    if word.starts_with(rest) { Err(Fault::Incomplete) } else { syntax(at, "expected a value") }
}

#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[inline(always)]
fn number(bytes: &[u8], start: usize) -> Result<usize, Fault> {
    let mut at = start + usize::from(bytes[start] == b'-');
    let leading_zero = bytes.get(at) == Some(&b'0');
    let end = digits(bytes, at);
    if end == at {
        return missing_digit(bytes, at);
    }
    if leading_zero && end > at + 1 {
        return syntax(start, "a number may not begin with 0");
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

fn missing_digit(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    if at >= bytes.len() { Err(Fault::Incomplete) } else { syntax(at, "expected a digit") }
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
