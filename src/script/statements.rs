//! Tokens to a tree: statements. Expressions are in `operators` and `operands`.
//! The grammar is the server's, with its sharp edges: a stray `;` is an error, and so is a missing one.

use super::error::{Result, ScriptError};
use super::lexer::{KEYWORDS, Token};
use super::parser::Parser;
use super::tree::{Block, Node, Statement, StatementKind};

pub(super) fn parse(source: &str) -> Result<Block> {
    let mut parser = Parser::new(source)?;
    let mut block = Block::new();
    while *parser.peek() != Token::End {
        let (statement, needs_end) = parser.statement()?;
        if needs_end && *parser.peek() != Token::End {
            parser.expect(";")?;
        }
        block.push(statement);
    }
    Ok(block)
}

impl Parser {
    /// A statement, and whether a `;` must follow it.
    fn statement(&mut self) -> Result<(Statement, bool)> {
        self.enter()?;
        let offset = self.offset();
        let word = match self.peek() {
            Token::Word(word) => word.clone(),
            _ => String::new(),
        };
        let (kind, needs_end) = match word.as_str() {
            "if" => (self.if_statement()?, false),
            "while" => (self.while_statement()?, false),
            "for" => (self.for_statement()?, false),
            "try" => return Err(ScriptError::unsupported(offset, "[try]")),
            _ => (self.plain_statement(&word)?, true),
        };
        self.depth -= 1;
        Ok((Statement { kind, offset }, needs_end))
    }

    fn plain_statement(&mut self, word: &str) -> Result<StatementKind> {
        match word {
            "do" => {
                self.next();
                let body = self.block()?;
                if !self.accept_word("while") {
                    return Err(self.unexpected());
                }
                Ok(StatementKind::Do { body, test: self.in_parentheses()? })
            }
            "continue" => {
                self.next();
                Ok(StatementKind::Continue)
            }
            "break" => {
                self.next();
                Ok(StatementKind::Break)
            }
            "return" => {
                self.next();
                let ends = self.is_sign(";") || self.is_sign("}") || *self.peek() == Token::End;
                Ok(StatementKind::Return(if ends { None } else { Some(self.expression()?) }))
            }
            "throw" => {
                self.next();
                Ok(StatementKind::Throw(self.expression()?))
            }
            _ if self.declaration_follows() => self.declaration(),
            _ => Ok(StatementKind::Expression(self.expression()?)),
        }
    }

    fn declaration_follows(&self) -> bool {
        let length = self.type_length(0);
        length
            .is_some_and(|length| matches!(self.ahead(length), Token::Word(word) if !KEYWORDS.contains(&word.as_str())))
    }

    fn declaration(&mut self) -> Result<StatementKind> {
        let class = self.type_name()?;
        let mut names = Vec::new();
        loop {
            let offset = self.offset();
            let name = self.name()?;
            if names.is_empty() && self.is_sign("(") {
                return Err(ScriptError::unsupported(offset, "a function"));
            }
            let value = if self.accept("=") { Some(self.expression()?) } else { None };
            names.push((name, offset, value));
            if !self.accept(",") {
                return Ok(StatementKind::Declare { class, names });
            }
        }
    }

    fn in_parentheses(&mut self) -> Result<Node> {
        self.expect("(")?;
        let node = self.expression()?;
        self.expect(")")?;
        Ok(node)
    }

    fn if_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let test = self.in_parentheses()?;
        let yes = self.body()?;
        let no = if self.accept_word("else") { Some(self.body()?) } else { None };
        Ok(StatementKind::If { test, yes, no })
    }

    fn while_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let test = self.in_parentheses()?;
        let body = if self.accept(";") { Block::new() } else { self.body()? };
        Ok(StatementKind::While { test, body })
    }

    fn for_statement(&mut self) -> Result<StatementKind> {
        self.next();
        self.expect("(")?;
        let typed = self.declaration_follows();
        let name_at = if typed { self.type_length(0).unwrap_or(0) } else { 0 };
        let after_name = self.ahead(name_at + 1);
        let in_loop = !typed && matches!(after_name, Token::Word(word) if word == "in");
        if in_loop || (typed && *after_name == Token::Sign(":")) {
            let class = if typed { self.type_name()? } else { "def".to_string() };
            let name = self.name()?;
            self.next();
            let values = self.expression()?;
            self.expect(")")?;
            return Ok(StatementKind::Each { class, name, values, body: self.body()? });
        }
        let offset = self.offset();
        let start = if self.is_sign(";") {
            None
        } else if typed {
            Some(Box::new(Statement { kind: self.declaration()?, offset }))
        } else {
            Some(Box::new(Statement { kind: StatementKind::Expression(self.expression()?), offset }))
        };
        self.expect(";")?;
        let test = if self.is_sign(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        let step = if self.is_sign(")") { None } else { Some(self.expression()?) };
        self.expect(")")?;
        let body = if self.accept(";") { Block::new() } else { self.body()? };
        Ok(StatementKind::For { start, test, step, body })
    }

    /// A block, or the one statement in its place.
    fn body(&mut self) -> Result<Block> {
        if self.is_sign("{") {
            return self.block();
        }
        let (statement, needs_end) = self.statement()?;
        if needs_end && *self.peek() != Token::End {
            self.expect(";")?;
        }
        Ok(vec![statement])
    }

    /// The last statement in braces needs no `;`.
    pub(super) fn block(&mut self) -> Result<Block> {
        self.expect("{")?;
        let mut block = Block::new();
        while !self.accept("}") {
            let (statement, needs_end) = self.statement()?;
            if needs_end && !self.is_sign("}") {
                self.expect(";")?;
            }
            block.push(statement);
        }
        Ok(block)
    }
}
