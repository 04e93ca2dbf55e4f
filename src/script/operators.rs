//! Tokens to a tree: operators by their precedence, unary operators and casts.

use super::error::{Result, ScriptError};
use super::lexer::{PRIMITIVES, Token};
use super::parser::Parser;
use super::tree::{Node, NodeKind};

/// From the strongest to the weakest; all bind to the left.
const LEVELS: [&[&str]; 11] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "===", "!=", "!=="],
    &["instanceof"],
    &["<", "<=", ">", ">="],
    &["<<", ">>", ">>>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// Operators and dots in a row: `a + b + c` is two inside each other.
const MAX_PARTS: usize = 150;

const ASSIGNMENTS: [&str; 12] = ["=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "<<=", ">>=", ">>>="];
const COMPOUND: [&str; 12] = ["", "+", "-", "*", "/", "%", "&", "^", "|", "<<", ">>", ">>>"];

impl Parser {
    /// Makes a node; chains of operators grow deep without brackets, so the depth is checked here as well.
    pub(super) fn node(&self, kind: NodeKind, offset: usize) -> Result<Node> {
        let depth = 1 + deepest_part(&kind);
        if depth > MAX_PARTS {
            return Err(ScriptError::unsupported(
                offset,
                format!("an expression of more than {MAX_PARTS} chained parts"),
            ));
        }
        Ok(Node { kind, offset, depth })
    }

    /// `a ? b : c` and assignments; both take a whole expression on their right.
    pub(super) fn expression(&mut self) -> Result<Node> {
        self.enter()?;
        let start = self.offset();
        let left = Box::new(self.elvis()?);
        let offset = self.offset();
        let assignment = ASSIGNMENTS.iter().position(|sign| self.is_sign(sign));
        let node = if let Some(index) = assignment {
            self.next();
            let value = Box::new(self.expression()?);
            let op = if index == 0 { None } else { Some(COMPOUND[index]) };
            self.node(NodeKind::Assign { op, target: left, value }, start)?
        } else if self.accept("?") {
            let yes = Box::new(self.expression()?);
            self.expect(":")?;
            let no = Box::new(self.expression()?);
            self.node(NodeKind::Condition { test: left, yes, no }, offset)?
        } else {
            *left
        };
        self.depth -= 1;
        Ok(node)
    }

    fn elvis(&mut self) -> Result<Node> {
        self.enter()?;
        let left = self.binary(0)?;
        let offset = self.offset();
        let node = if self.accept("?:") {
            let right = Box::new(self.elvis()?);
            self.node(NodeKind::Elvis { left: Box::new(left), right }, offset)?
        } else {
            left
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Climbs from the level `level`; a loop, so that a long chain does not recurse while it is read.
    fn binary(&mut self, level: usize) -> Result<Node> {
        let mut left = self.unary()?;
        while let Some((op, strength)) = self.operator().filter(|(_, strength)| *strength >= level) {
            let offset = self.offset();
            self.next();
            let kind = if op == "instanceof" {
                NodeKind::InstanceOf { value: Box::new(left), class: self.type_name()? }
            } else {
                self.enter()?;
                let right = Box::new(self.binary(strength + 1)?);
                self.depth -= 1;
                NodeKind::Binary { op, left: Box::new(left), right }
            };
            left = self.node(kind, offset)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, usize)> {
        let text = match self.peek() {
            Token::Sign(sign) => *sign,
            Token::Word(word) if word == "instanceof" => "instanceof",
            _ => return None,
        };
        LEVELS.iter().enumerate().find_map(|(level, signs)| Some((*signs.iter().find(|s| **s == text)?, level)))
    }

    fn unary(&mut self) -> Result<Node> {
        let offset = self.offset();
        let Token::Sign(sign) = *self.peek() else { return self.chain_with_step() };
        if !matches!(sign, "!" | "~" | "+" | "-" | "++" | "--" | "(") {
            return self.chain_with_step();
        }
        self.enter()?;
        let node = match sign {
            "++" | "--" => {
                self.next();
                let target = Box::new(self.chain()?);
                let op = if sign == "++" { "+" } else { "-" };
                self.node(NodeKind::Step { op, after: false, target }, offset)?
            }
            "(" if self.cast_follows() => {
                self.next();
                let class = self.type_name()?;
                self.expect(")")?;
                let value = Box::new(self.unary()?);
                self.node(NodeKind::Cast { class, value }, offset)?
            }
            "(" => self.chain_with_step()?,
            op => {
                self.next();
                let value = Box::new(self.unary()?);
                self.node(NodeKind::Unary { op, value }, offset)?
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    /// A type in parentheses is a cast if an operand follows; before `+` and `-` only if it is a keyword.
    fn cast_follows(&self) -> bool {
        let Some(length) = self.type_length(1) else { return false };
        if *self.ahead(1 + length) != Token::Sign(")") {
            return false;
        }
        let keyword = matches!(self.ahead(1), Token::Word(w) if w == "def" || PRIMITIVES.contains(&w.as_str()));
        match self.ahead(2 + length) {
            Token::Sign(sign) => keyword || matches!(*sign, "(" | "!" | "~"),
            Token::Word(word) => keyword || !matches!(word.as_str(), "instanceof" | "in"),
            Token::End => false,
            _ => true,
        }
    }

    fn chain_with_step(&mut self) -> Result<Node> {
        let offset = self.offset();
        let target = self.chain()?;
        let op = match self.peek() {
            Token::Sign("++") => "+",
            Token::Sign("--") => "-",
            _ => return Ok(target),
        };
        self.next();
        self.node(NodeKind::Step { op, after: true, target: Box::new(target) }, offset)
    }
}

fn deepest_part(kind: &NodeKind) -> usize {
    let of = |nodes: &[Node]| nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    match kind {
        NodeKind::List(values) | NodeKind::New { args: values, .. } => of(values),
        NodeKind::Map(pairs) => pairs.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0),
        NodeKind::Field { target, .. } | NodeKind::Step { target, .. } => target.depth,
        NodeKind::Call { target, args, .. } => target.depth.max(of(args)),
        NodeKind::Index { target, index } => target.depth.max(index.depth),
        NodeKind::Unary { value, .. } | NodeKind::InstanceOf { value, .. } | NodeKind::Cast { value, .. } => {
            value.depth
        }
        NodeKind::Binary { left, right, .. } | NodeKind::Elvis { left, right } => left.depth.max(right.depth),
        NodeKind::Condition { test, yes, no } => test.depth.max(yes.depth).max(no.depth),
        NodeKind::Assign { target, value, .. } => target.depth.max(value.depth),
        _ => 0,
    }
}
