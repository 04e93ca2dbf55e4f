//! The tokens of a source one after another, and the rules that statements and expressions share: names, types, and
//! how deep a script may nest.

use super::error::{Result, ScriptError};
use super::lexer::{KEYWORDS, Lexeme, Token, is_keyword, tokens};

/// Blocks, brackets and operators inside each other; every pass over the tree recurses at most this deep.
pub(super) const MAX_DEPTH: usize = 100;

pub(super) struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    pub(super) depth: usize,
}

impl Parser {
    pub(super) fn new(source: &str) -> Result<Parser> {
        Ok(Parser { lexemes: tokens(source)?, at: 0, depth: 0 })
    }

    pub(super) fn peek(&self) -> &Token {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> &Token {
        self.lexemes.get(self.at + count).map_or(&Token::End, |lexeme| &lexeme.token)
    }

    pub(super) fn offset(&self) -> usize {
        self.lexemes[self.at.min(self.lexemes.len() - 1)].offset
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.lexemes.len() - 1);
        token
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn accept(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.accept(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found == word)
    }

    pub(super) fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn unexpected(&self) -> ScriptError {
        let reason = match self.peek() {
            Token::End => "unexpected end of script.".to_string(),
            Token::Word(text) | Token::Integer(text) | Token::Hex(text) | Token::Octal(text) | Token::Decimal(text) => {
                format!("invalid sequence of tokens near ['{text}'].")
            }
            Token::Text(text) => format!("invalid sequence of tokens near [''{text}'']."),
            Token::Sign(sign) => format!("invalid sequence of tokens near ['{sign}']."),
        };
        ScriptError::argument(self.offset(), reason)
    }

    /// Counts one level of nesting; the caller takes it back with `self.depth -= 1`.
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(ScriptError::unsupported(self.offset(), format!("a script nested more than {MAX_DEPTH} levels deep")))
    }

    /// A name that is no keyword and no type keyword.
    pub(super) fn name(&mut self) -> Result<String> {
        match self.peek() {
            Token::Word(word) if !is_keyword(word) => {
                let word = word.clone();
                self.next();
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The number of tokens that a type at `from` takes: `int`, `Map.Entry`, `String[]`.
    pub(super) fn type_length(&self, from: usize) -> Option<usize> {
        let Token::Word(word) = self.ahead(from) else { return None };
        if KEYWORDS.contains(&word.as_str()) && word != "def" {
            return None;
        }
        let mut length = 1;
        while *self.ahead(from + length) == Token::Sign(".") && matches!(self.ahead(from + length + 1), Token::Word(_))
        {
            length += 2;
        }
        while *self.ahead(from + length) == Token::Sign("[") && *self.ahead(from + length + 1) == Token::Sign("]") {
            length += 2;
        }
        Some(length)
    }

    pub(super) fn type_name(&mut self) -> Result<String> {
        let length = self.type_length(0).ok_or_else(|| self.unexpected())?;
        let mut name = String::new();
        for _ in 0..length {
            match self.next() {
                Token::Word(word) => name.push_str(&word),
                Token::Sign(sign) => name.push_str(sign),
                _ => {}
            }
        }
        Ok(name)
    }
}
