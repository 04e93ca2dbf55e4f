//! Tokens to a tree: literals, names, and what follows them (`.field`, `.call()`, `[index]`).

use super::error::{Result, ScriptError};
use super::lexer::Token;
use super::parser::Parser;
use super::tree::{Node, NodeKind, Statement, StatementKind};

impl Parser {
    pub(super) fn chain(&mut self) -> Result<Node> {
        let mut target = self.primary()?;
        loop {
            let offset = self.offset();
            let kind = if self.accept("[") {
                let index = Box::new(self.expression()?);
                self.expect("]")?;
                NodeKind::Index { target: Box::new(target), index }
            } else if self.is_sign(".") || self.is_sign("?.") {
                let null_safe = self.next() == Token::Sign("?.");
                let (name, callable) = match self.next() {
                    Token::Word(name) => (name, true),
                    Token::Integer(name) => (name, false),
                    _ => return Err(ScriptError::argument(offset, "invalid sequence of tokens near ['.'].")),
                };
                let target = Box::new(target);
                if callable && self.is_sign("(") {
                    NodeKind::Call { target, name, args: self.arguments()?, null_safe }
                } else {
                    NodeKind::Field { target, name, null_safe }
                }
            } else {
                return Ok(target);
            };
            target = self.node(kind, offset)?;
        }
    }

    fn primary(&mut self) -> Result<Node> {
        let offset = self.offset();
        let kind = match self.peek().clone() {
            Token::Sign("(") => {
                self.next();
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => return self.list_or_map(),
            Token::Integer(digits) => self.literal(NodeKind::Integer { digits, radix: 10 }),
            Token::Hex(digits) => self.literal(NodeKind::Integer { digits: digits[2..].to_string(), radix: 16 }),
            Token::Octal(digits) => self.literal(NodeKind::Integer { digits: digits[1..].to_string(), radix: 8 }),
            Token::Decimal(digits) => self.literal(NodeKind::Decimal(digits)),
            Token::Text(text) => self.literal(NodeKind::Text(text)),
            Token::Word(word) => return self.word(&word),
            Token::Sign(_) | Token::End => return Err(self.unexpected()),
        };
        self.node(kind, offset)
    }

    fn literal(&mut self, kind: NodeKind) -> NodeKind {
        self.next();
        kind
    }

    fn word(&mut self, word: &str) -> Result<Node> {
        let offset = self.offset();
        let kind = match word {
            "true" | "false" => self.literal(NodeKind::Bool(word == "true")),
            "null" => self.literal(NodeKind::Null),
            "new" => {
                self.next();
                let class = self.type_name()?;
                if self.is_sign("[") || class.ends_with(']') {
                    return Err(ScriptError::unsupported(offset, "a new array"));
                }
                NodeKind::New { class, args: self.arguments()? }
            }
            _ => {
                let name = self.name()?;
                if self.is_sign("(") {
                    return Err(ScriptError::unsupported(offset, format!("the function [{name}]")));
                }
                NodeKind::Name(name)
            }
        };
        self.node(kind, offset)
    }

    fn list_or_map(&mut self) -> Result<Node> {
        let offset = self.offset();
        self.expect("[")?;
        if self.accept(":") {
            self.expect("]")?;
            return self.node(NodeKind::Map(Vec::new()), offset);
        }
        if self.accept("]") {
            return self.node(NodeKind::List(Vec::new()), offset);
        }
        let first = self.expression()?;
        if !self.accept(":") {
            let mut values = vec![first];
            while self.accept(",") {
                values.push(self.expression()?);
            }
            self.expect("]")?;
            return self.node(NodeKind::List(values), offset);
        }
        let mut pairs = vec![(first, self.expression()?)];
        while self.accept(",") {
            let key = self.expression()?;
            self.expect(":")?;
            pairs.push((key, self.expression()?));
        }
        self.expect("]")?;
        self.node(NodeKind::Map(pairs), offset)
    }

    fn arguments(&mut self) -> Result<Vec<Node>> {
        self.expect("(")?;
        let mut args = Vec::new();
        if self.accept(")") {
            return Ok(args);
        }
        loop {
            args.push(if self.lambda_follows() { self.lambda()? } else { self.expression()? });
            if self.accept(")") {
                return Ok(args);
            }
            self.expect(",")?;
        }
    }

    fn lambda_follows(&self) -> bool {
        let arrow = |at: usize| *self.ahead(at) == Token::Sign("->");
        if !self.is_sign("(") {
            let typed = self.type_length(0).is_some_and(|length| arrow(length + 1));
            return matches!(self.peek(), Token::Word(_)) && (arrow(1) || typed);
        }
        let mut at = 1;
        loop {
            match self.ahead(at) {
                Token::Sign(")") => return arrow(at + 1),
                Token::Word(_) | Token::Sign("," | "." | "[" | "]") => at += 1,
                _ => return false,
            }
        }
    }

    fn lambda(&mut self) -> Result<Node> {
        self.enter()?;
        let mut params = Vec::new();
        if self.accept("(") {
            while !self.accept(")") {
                if !params.is_empty() {
                    self.expect(",")?;
                }
                params.push(self.lambda_param()?);
            }
        } else {
            params.push(self.lambda_param()?);
        }
        let offset = self.offset();
        self.expect("->")?;
        let body = if self.is_sign("{") {
            self.block()?
        } else {
            let offset = self.offset();
            vec![Statement { kind: StatementKind::Return(Some(self.expression()?)), offset }]
        };
        self.depth -= 1;
        self.node(NodeKind::Lambda { params, body }, offset)
    }

    fn lambda_param(&mut self) -> Result<(Option<String>, String)> {
        let typed = self.type_length(0).is_some_and(|length| matches!(self.ahead(length), Token::Word(_)));
        let class = if typed { Some(self.type_name()?) } else { None };
        Ok((class, self.name()?))
    }
}
