//! Iterates over the tokens of valid JSON text, without recursion.

use super::{Span, string_end, unescape};
use std::borrow::Cow;
use std::collections::HashSet;

/// A token of JSON text. Commas, colons and whitespace are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// The start of an object or an array.
    Open,
    /// Its end.
    Close,
    /// The name of a field, without its quotes, and whether it has a backslash.
    Name {
        inside: Span,
        escaped: bool,
    },
    Number(Span),
    /// A string, `true`, `false` or `null`.
    Literal(Span),
}

/// The tokens of a value that the scanner has accepted. Up to two ranges are skipped, each a field with one of its commas.
#[derive(Debug)]
pub struct Tokens<'a> {
    bytes: &'a [u8],
    offset: usize,
    skipped: [Span; 2],
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str, skipped: [Span; 2]) -> Tokens<'a> {
        Tokens { bytes: text.as_bytes(), offset: 0, skipped }
    }

    /// The offset after the last token.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether a colon follows, so that the string is a name.
    fn is_name(&self, end: usize) -> bool {
        let next = self.bytes[end..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        next == Some(&b':')
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            if let Some(out) = self.skipped.iter().find(|out| out.range().contains(&self.offset)) {
                self.offset = out.end as usize;
            }
            let start = self.offset;
            match self.bytes.get(start)? {
                b'{' | b'[' => {
                    self.offset += 1;
                    return Some(Token::Open);
                }
                b'}' | b']' => {
                    self.offset += 1;
                    return Some(Token::Close);
                }
                b'"' => {
                    let (end, escaped) = string_end(self.bytes, start);
                    self.offset = end;
                    return Some(match self.is_name(end) {
                        true => Token::Name { inside: Span::new(start + 1, end - 1), escaped },
                        false => Token::Literal(Span::new(start, end)),
                    });
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => self.offset += 1,
                first => {
                    let is_part = |byte: &&u8| !matches!(**byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                    self.offset += self.bytes[start..].iter().take_while(is_part).count();
                    let span = Span::new(start, self.offset);
                    let is_number = matches!(first, b'-' | b'0'..=b'9');
                    return Some(if is_number { Token::Number(span) } else { Token::Literal(span) });
                }
            }
        }
    }
}

/// Maximum number of names that are compared pairwise; more are sorted.
const MAX_PAIRWISE: usize = 16;

/// A name that occurs twice among the names of an object. Each is given by its range and whether it has a backslash.
pub fn duplicate_name<'a>(text: &'a str, names: &[(Span, bool)]) -> Option<Cow<'a, str>> {
    let unescaped = |(inside, escaped): &(Span, bool)| -> Cow<'a, str> {
        let name = inside.of(text);
        if *escaped { unescape(name).unwrap_or(Cow::Borrowed(name)) } else { Cow::Borrowed(name) }
    };
    if names.len() > MAX_PAIRWISE {
        let mut all: Vec<Cow<'_, str>> = names.iter().map(unescaped).collect();
        all.sort_unstable();
        return all.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone());
    }
    for (index, name) in names.iter().enumerate() {
        for other in &names[..index] {
            let same = match (name.1, other.1) {
                (false, false) => name.0.of_bytes(text) == other.0.of_bytes(text),
                _ => unescaped(name) == unescaped(other),
            };
            if same {
                return Some(unescaped(name));
            }
        }
    }
    None
}

/// The first name that an object repeats, anywhere in a valid value, and the offset of the token before it.
pub fn repeated_name(text: &str) -> Option<(usize, Cow<'_, str>)> {
    let mut levels: Vec<HashSet<Cow<'_, str>>> = Vec::new();
    let mut before = 0;
    let mut tokens = Tokens::new(text, [Span::default(); 2]);
    while let Some(token) = tokens.next() {
        let start = match token {
            Token::Open => {
                levels.push(HashSet::new());
                tokens.offset() - 1
            }
            Token::Close => {
                levels.pop();
                tokens.offset() - 1
            }
            Token::Name { inside, .. } => {
                let written = inside.of(text);
                let name = unescape(written).unwrap_or(Cow::Borrowed(written));
                if levels.last_mut().is_some_and(|names| !names.insert(name.clone())) {
                    return Some((before, name));
                }
                inside.start as usize - 1
            }
            Token::Number(span) | Token::Literal(span) => span.start as usize,
        };
        before = start;
    }
    None
}

/// How many levels of objects and arrays a value has, which the scanner has accepted.
pub fn levels(text: &str) -> usize {
    let (mut open, mut most) = (0, 0);
    for token in Tokens::new(text, [Span::default(); 2]) {
        match token {
            Token::Open => open += 1,
            Token::Close => open -= 1,
            _ => {}
        }
        most = open.max(most);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_returned_in_order() {
        let text = r#"{ "a" : [1.5e3, "x\"y", {"\u0062":null}], "c":-0 }"#;
        let tokens: Vec<String> = Tokens::new(text, [Span::default(); 2])
            .map(|token| match token {
                Token::Open => "(".to_owned(),
                Token::Close => ")".to_owned(),
                Token::Name { inside, escaped } => format!("{}{}", inside.of(text), if escaped { "!" } else { ":" }),
                Token::Number(span) => format!("#{}", span.of(text)),
                Token::Literal(span) => span.of(text).to_owned(),
            })
            .collect();
        assert_eq!(tokens.join(" "), r#"( a: ( #1.5e3 "x\"y" ( \u0062! null ) ) c: #-0 )"#);
    }

    #[test]
    fn skipped_ranges_have_no_tokens() {
        let text = r#"{"_key":1,"a":2,"_id":3}"#;
        let out = [Span::new(1, 10), Span::new(15, 23)];
        let numbers = Tokens::new(text, out).filter(|token| matches!(token, Token::Number(_))).count();
        assert_eq!(numbers, 1);
    }

    #[test]
    fn the_first_name_that_is_repeated_is_found() {
        for (text, found) in [
            ("{}", None),
            (r#"{"a":{"a":1},"b":[{"a":1},{"a":"a"}]}"#, None),
            (r#"{"a":{"b":1},"c":1,"a":2}"#, Some((17, "a"))),
            (r#"{"a":[1,{"x":2,"\u0078":3}],"a":2}"#, Some((13, "x"))),
            (r#"{"a":{},"a":2}"#, Some((6, "a"))),
        ] {
            assert_eq!(repeated_name(text).as_ref().map(|(at, name)| (*at, &**name)), found, "{text}");
        }
    }
}
