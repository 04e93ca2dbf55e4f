//! Checks one JSON value in a single pass and notes where the members of an object lie.
//! It accepts exactly RFC 8259 (compared with serde_json by a test), of any depth, and it does not look at whether the
//! bytes are UTF-8: the caller does that once the value is framed, because a frame may end in the middle of a buffer.

use super::scalar::{COLON, Fault, Halt, IN_ARRAY, IN_OBJECT, INCOMPLETE, NAME, OBJECT, scalar, string, syntax};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Member {
    /// The name, without its quotes, as written.
    pub name: Span,
    /// The value, as written, without blanks around it.
    pub value: Span,
    /// Whether the name has a backslash, so that it must be unescaped before it is compared.
    pub escaped: bool,
    /// Whether the value is certainly so simple that whoever reads JSON keeps it: no escapes, numbers of at most sixteen
    /// characters and without exponents, no name twice in an object, and at most 64 levels. Of others it is not known.
    pub is_simple: bool,
}

/// Members are equal that lie in the same places; how much is known of their values does not count.
impl PartialEq for Member {
    fn eq(&self, other: &Member) -> bool {
        (self.name, self.value, self.escaped) == (other.name, other.value, other.escaped)
    }
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
            let (end, is_simple) = match opens {
                b'{' | b'[' => self.nested(bytes, start)?,
                _ => scalar(bytes, start, opens)?,
            };
            members.push(Member { name, value: Span::new(start, end), escaped, is_simple });
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
            Some(b'{' | b'[') => self.nested(bytes, at).map(|(end, _)| end),
            Some(byte) => scalar(bytes, at, *byte).map(|(end, _)| end),
        }
    }

    /// Scans an object or an array: one past its end, and whether it is simple (see `Member`).
    fn nested(&mut self, bytes: &[u8], start: usize) -> Result<(usize, bool), Halt> {
        self.0.clear();
        let mut depth = 0usize;
        let (mut names, mut is_simple) = (NameBits::default(), true);
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
                            names = NameBits::default();
                            (at, byte) = member_value(bytes, at, byte, &mut names, &mut is_simple)?;
                        }
                        continue;
                    }
                    depth -= 1;
                    at + 1
                }
                _ => {
                    let (end, is_simple_too) = scalar(bytes, at, byte)?;
                    is_simple &= is_simple_too;
                    end
                }
            };
            at = end;
            // Here a value has just ended.
            loop {
                if depth == 0 {
                    return Ok((at, is_simple && self.0.len() == 1));
                }
                (at, byte) = next(bytes, at)?;
                let object = self.level(depth - 1);
                match (byte, object) {
                    (b',', true) => {
                        (at, byte) = next(bytes, at + 1)?;
                        (at, byte) = member_value(bytes, at, byte, &mut names, &mut is_simple)?;
                        break;
                    }
                    (b',', false) => {
                        (at, byte) = next(bytes, at + 1)?;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        if object {
                            names = NameBits::FORGOTTEN;
                        }
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

/// Tells that a name in an object is certainly new there, by a bit for each name that few others have too.
#[derive(Debug, Default)]
pub struct NameBits(u64);

impl NameBits {
    /// Those of an object around one that has ended: what names it has is forgotten, so any other is perhaps one of them.
    const FORGOTTEN: NameBits = NameBits(u64::MAX);

    /// Whether a name, without its quotes, is certainly another than those before.
    #[inline(always)]
    pub fn is_new(&mut self, bytes: &[u8], name: Span) -> bool {
        // Those of an empty name are its quotes.
        let (first, last) = (bytes[name.start as usize], bytes[name.end as usize - 1]);
        let bit = 1 << ((u32::from(first) ^ u32::from(last) << 2 ^ (name.end - name.start) << 4) % 64);
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new
    }
}

/// Reads `"name" :`, whose first byte is given, and returns where the value begins and its first byte.
#[inline(always)]
fn member_value(
    bytes: &[u8],
    at: usize,
    byte: u8,
    names: &mut NameBits,
    is_simple: &mut bool,
) -> Result<(usize, u8), Halt> {
    if byte != b'"' {
        return syntax(at, NAME);
    }
    let (end, escaped) = string(bytes, at)?;
    *is_simple &= names.is_new(bytes, Span::new(at + 1, end - 1)) & !escaped;
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

#[cfg(test)]
mod tests;
