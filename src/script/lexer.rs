//! Source text to tokens, by the rules of painless: after a dot only a name or a plain integer follows, and a slash
//! begins a regular expression (not supported) wherever an operand is expected.

use super::error::{Result, ScriptError};

/// What a token is; names and literals carry their text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// Decimal digits with an optional suffix `l L f F d D`.
    Integer(String),
    Hex(String),
    Octal(String),
    Decimal(String),
    Text(String),
    Sign(&'static str),
    End,
}

/// A token and the byte offset where it begins.
#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) offset: usize,
}

pub(super) const KEYWORDS: [&str; 20] = [
    "if",
    "in",
    "else",
    "while",
    "do",
    "for",
    "continue",
    "break",
    "return",
    "new",
    "try",
    "catch",
    "throw",
    "this",
    "instanceof",
    "true",
    "false",
    "null",
    "def",
    "void",
];

pub(super) const PRIMITIVES: [&str; 8] = ["boolean", "byte", "short", "char", "int", "long", "float", "double"];

/// Words that are no names.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || PRIMITIVES.contains(&word)
}

/// Longest first, so that the first that fits is the right one.
const SIGNS: [&str; 52] = [
    ">>>=", "===", "!==", "<<=", ">>=", ">>>", "==~", "?.", "?:", "->", "::", "=~", "++", "--", "==", "!=", "<=", ">=",
    "<<", ">>", "&&", "||", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "{", "}", "[", "]", "(", ")", ".", ",",
    ";", "!", "~", "*", "/", "%", "+", "-", "<", ">", "&", "^", "|", "?",
];

pub(super) fn tokens(source: &str) -> Result<Vec<Lexeme>> {
    let mut lexer = Lexer { source, at: 0, out: Vec::new() };
    while lexer.after_dot() || lexer.skip_blanks()? {
        let offset = lexer.at;
        let token = lexer.next()?;
        lexer.out.push(Lexeme { token, offset });
    }
    lexer.out.push(Lexeme { token: Token::End, offset: source.len() });
    Ok(lexer.out)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    out: Vec<Lexeme>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    /// False at the end of the source.
    fn skip_blanks(&mut self) -> Result<bool> {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            let comment = &rest[blanks..];
            let length = if comment.starts_with("//") {
                Some(comment.find(['\n', '\r']).map_or(comment.len(), |end| end + 1))
            } else if let Some(body) = comment.strip_prefix("/*") {
                let length = body.find("*/").map(|end| end + 4);
                if length.is_some_and(|length| self.is_regular_expression(comment, length)) {
                    return Err(ScriptError::unsupported(self.at + blanks, "a regular expression"));
                }
                length
            } else {
                self.at += blanks;
                return Ok(self.at < self.source.len());
            };
            let Some(length) = length else {
                return Err(ScriptError::argument(self.at + blanks, "invalid sequence of tokens near ['/']."));
            };
            self.at += blanks + length;
        }
    }

    /// The server takes a comment in one line for a regular expression if a letter follows that can be its flag.
    fn is_regular_expression(&self, comment: &str, length: usize) -> bool {
        let (inside, rest) = (&comment[1..length - 1], &comment[length..]);
        self.operand_expected() && !inside.contains(['/', '\n']) && rest.starts_with(|c| "cilmsUux".contains(c))
    }

    fn after_dot(&self) -> bool {
        matches!(self.out.last(), Some(Lexeme { token: Token::Sign("." | "?."), .. }))
    }

    fn next(&mut self) -> Result<Token> {
        let first = self.rest().chars().next().unwrap_or(' ');
        if self.after_dot() && !first.is_ascii_alphanumeric() && first != '_' {
            return Err(ScriptError::argument(self.at, format!("unexpected character [{first}].")));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let end = self.rest().find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            return Ok(Token::Word(self.take(end.unwrap_or(self.rest().len()))));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first == '"' || first == '\'' {
            return self.text(first);
        }
        self.sign(first)
    }

    fn take(&mut self, length: usize) -> String {
        let taken = self.rest()[..length].to_string();
        self.at += length;
        taken
    }

    fn number(&mut self) -> Result<Token> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let suffix = |at: usize, allowed: &[u8]| usize::from(bytes.get(at).is_some_and(|b| allowed.contains(b)));
        let whole = if bytes[0] == b'0' { 1 } else { digits(0) };
        if self.after_dot() {
            return Ok(Token::Integer(self.take(whole)));
        }
        if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X')) {
            let hex = bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
            if hex > 0 {
                return Ok(Token::Hex(self.take(2 + hex + suffix(2 + hex, b"lL"))));
            }
        }
        let octal = bytes[1..].iter().take_while(|b| (b'0'..=b'7').contains(b)).count();
        if bytes[0] == b'0' && octal > 0 {
            return Ok(Token::Octal(self.take(1 + octal + suffix(1 + octal, b"lL"))));
        }
        let mut end = whole;
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = suffix(end + 1, b"+-");
            if digits((end + 1 + sign).min(bytes.len())) > 0 {
                end += 1 + sign + digits(end + 1 + sign);
            }
        }
        if end == whole {
            return Ok(Token::Integer(self.take(end + suffix(end, b"lLfFdD"))));
        }
        Ok(Token::Decimal(self.take(end + suffix(end, b"fFdD"))))
    }

    /// Only the quote itself and the backslash can be escaped.
    fn text(&mut self, quote: char) -> Result<Token> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at += offset + 1;
                return Ok(Token::Text(text));
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                _ => break,
            }
        }
        let near: String = self.rest().chars().take(2).collect();
        Err(ScriptError::argument(self.at, format!("unexpected character [{near}].")))
    }

    fn sign(&mut self, first: char) -> Result<Token> {
        if first == '/' && self.operand_expected() {
            return Err(ScriptError::unsupported(self.at, "a regular expression"));
        }
        if first == ':' && !self.rest().starts_with("::") {
            self.at += 1;
            return Ok(Token::Sign(":"));
        }
        if first == '=' && !["===", "==", "=~"].iter().any(|sign| self.rest().starts_with(sign)) {
            self.at += 1;
            return Ok(Token::Sign("="));
        }
        match SIGNS.iter().find(|sign| self.rest().starts_with(*sign)) {
            Some(sign @ (&"=~" | &"==~" | &"::")) => {
                Err(ScriptError::unsupported(self.at, format!("the operator [{sign}]")))
            }
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err(ScriptError::argument(self.at, format!("unexpected character [{first}]."))),
        }
    }

    /// The server decides by the token before the slash.
    fn operand_expected(&self) -> bool {
        match self.out.last().map(|last| &last.token) {
            None => true,
            Some(Token::Sign(sign)) => !matches!(*sign, ")" | "]"),
            Some(Token::Word(word)) => !self.word_after_dot() && is_keyword(word),
            Some(Token::Text(_)) => true,
            Some(_) => false,
        }
    }

    fn word_after_dot(&self) -> bool {
        let before = self.out.len().checked_sub(2).and_then(|index| self.out.get(index));
        matches!(before, Some(Lexeme { token: Token::Sign("." | "?."), .. }))
    }
}
