//! The checker's operators: which type they work in, what becomes of constants, and what is dynamic.

use super::check::Checker;
use super::check_value::{Typed, Want, refuse_operands, underflow};
use super::code::{Code, CodeKind, Operation, Sense};
use super::error::{Phase, Result, ScriptError};
use super::heap::Heap;
use super::math;
use super::promote;
use super::tree::{Node, NodeKind};
use super::types::{CastKind, Type};
use super::value::Value;

impl Checker {
    pub(super) fn unary(&mut self, op: &'static str, value: &Node, want: Want, offset: usize) -> Result<Typed> {
        if op == "!" {
            let value = Box::new(self.converted(value, Type::Boolean, false)?);
            return Ok((Code { kind: CodeKind::Not(value), offset }, Type::Boolean));
        }
        if op == "-" {
            let negated = match &value.kind {
                NodeKind::Integer { digits, radix } => {
                    Some(NodeKind::Integer { digits: format!("-{digits}"), radix: *radix })
                }
                NodeKind::Decimal(digits) => Some(NodeKind::Decimal(format!("-{digits}"))),
                _ => None,
            };
            if let Some(kind) = negated {
                return self.visit(&Node { kind, ..*value }, want);
            }
        }
        let (code, class) = self.value(value)?;
        let Some(promoted) = promote::promote_unary(class, op != "~") else {
            let name = match op {
                "~" => "bitwise not",
                "-" => "subtraction",
                _ => "addition",
            };
            let reason = format!("cannot apply the {name} operator [{op}] to the type [{}]", class.name());
            return Err(ScriptError::class_cast(offset, reason));
        };
        let value = self.cast(code, class, promoted, (false, false))?;
        if let CodeKind::Constant(constant) = value.kind
            && let Ok(folded) = math::unary(&Heap::default(), op, constant)
        {
            return Ok((Code { kind: CodeKind::Constant(folded), offset }, promoted));
        }
        let code = Code { kind: CodeKind::Unary { op, value: Box::new(value) }, offset };
        Ok(if promoted == Type::Def { self.dynamic_operator(code, promoted, want) } else { (code, promoted) })
    }

    /// A dynamic operator gives what is wanted of it, by the user's cast if there is one; else its own type.
    fn dynamic_operator(&self, code: Code, own: Type, want: Want) -> Typed {
        match want.target {
            Some(target) if want.explicit => {
                let offset = code.offset;
                let (value, kind) = (Box::new(code), CastKind::Explicit);
                (Code { kind: CodeKind::Cast { value, from: Type::Def, to: target, kind }, offset }, target)
            }
            None => self.at_site(code, Want::to(own, false)),
            Some(_) => self.at_site(code, want),
        }
    }

    pub(super) fn binary(
        &mut self,
        op: &'static str,
        sides: (&Node, &Node),
        want: Want,
        offset: usize,
    ) -> Result<Typed> {
        match op {
            "&&" | "||" => {
                let left = Box::new(self.converted(sides.0, Type::Boolean, false)?);
                let right = Box::new(self.converted(sides.1, Type::Boolean, false)?);
                let kind = if op == "&&" { CodeKind::And(left, right) } else { CodeKind::Or(left, right) };
                Ok((Code { kind, offset }, Type::Boolean))
            }
            "==" | "===" | "!=" | "!==" | "<" | "<=" | ">" | ">=" => self.comparison(op, sides, offset),
            _ => {
                let (left, right) = (self.value(sides.0)?, self.value(sides.1)?);
                self.operator(op, left, right, want, offset)
            }
        }
    }

    fn operator(&mut self, op: &'static str, left: Typed, right: Typed, want: Want, offset: usize) -> Result<Typed> {
        let operation = operation(op);
        let promoted = match operation {
            Operation::Add => promote::promote_add(left.1, right.1),
            Operation::Shift(_) => {
                promote::promote_unary(right.1, false).and_then(|_| promote::promote_unary(left.1, false))
            }
            Operation::Bitwise("^") => promote::promote_xor(left.1, right.1),
            Operation::Bitwise(_) => promote::promote_numeric(left.1, right.1, false),
            _ => promote::promote_numeric(left.1, right.1, true),
        };
        let Some(work) = promoted else { return Err(refuse_operands(op, left.1, right.1, offset)) };
        let shift = promote::promote_unary(right.1, false);
        let dynamic = work == Type::Def || (matches!(operation, Operation::Shift(_)) && shift == Some(Type::Def));
        let build = |operation, left: Code, right: Code| {
            let kind = CodeKind::Operate { operation, left: Box::new(left), right: Box::new(right) };
            Code { kind, offset }
        };
        if dynamic && operation == Operation::Add && want.target == Some(Type::String) {
            // Whatever the values are, the server joins them as texts.
            return Ok((build(Operation::Join, left.0, right.0), Type::String));
        }
        if dynamic {
            return Ok(self.dynamic_operator(build(operation, left.0, right.0), work, want));
        }
        if work == Type::String && (left.1 == Type::Void || right.1 == Type::Void) {
            return Err(refuse_operands(op, left.1, right.1, offset));
        }
        if work == Type::String {
            return Ok((build(Operation::Join, left.0, right.0), work));
        }
        let first = self.cast(left.0, left.1, work, (false, false))?;
        let second = self.right_operand(operation, right, work)?;
        if let (CodeKind::Constant(a), CodeKind::Constant(b)) = (&first.kind, &second.kind) {
            match fold(operation, *a, *b) {
                Ok(folded) => return Ok((Code { kind: CodeKind::Constant(folded), offset }, work)),
                Err(error) => self.report_late(ScriptError { phase: Phase::Compile, offset, ..error }),
            }
        }
        Ok((build(operation, first, second), work))
    }

    pub(super) fn report_late(&mut self, error: ScriptError) {
        self.late.get_or_insert(error);
    }

    /// The distance of a shift has its own type.
    pub(super) fn right_operand(&mut self, operation: Operation, right: Typed, work: Type) -> Result<Code> {
        let Operation::Shift(_) = operation else { return self.cast(right.0, right.1, work, (false, false)) };
        match promote::promote_unary(right.1, false) {
            Some(Type::Long) => self.cast(right.0, right.1, Type::Int, (true, false)),
            Some(shift) => self.cast(right.0, right.1, shift, (false, false)),
            None => Ok(right.0),
        }
    }

    fn comparison(&mut self, op: &'static str, sides: (&Node, &Node), offset: usize) -> Result<Typed> {
        let (left, right) = (self.value(sides.0)?, self.value(sides.1)?);
        let equality = matches!(op, "==" | "===" | "!=" | "!==");
        let promoted = if equality {
            promote::promote_equality(left.1, right.1)
        } else {
            promote::promote_numeric(left.1, right.1, true)
        };
        let Some(work) = promoted else { return Err(refuse_operands(op, left.1, right.1, offset)) };
        if equality && matches!((&sides.0.kind, &sides.1.kind), (NodeKind::Null, NodeKind::Null)) {
            return Err(ScriptError::argument(offset, "extraneous comparison of [null] constants"));
        }
        let identity = op == "===" || op == "!==";
        let (left, right) = if identity || work != Type::Def {
            (self.cast(left.0, left.1, work, (false, false))?, self.cast(right.0, right.1, work, (false, false))?)
        } else {
            (left.0, right.0)
        };
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = if equality {
            let sense = match work {
                _ if work.is_primitive() => Sense::Loose,
                _ if identity => Sense::Identity,
                Type::Def => Sense::Loose,
                _ => Sense::Equals,
            };
            CodeKind::Equal { sense, negate: op.starts_with('!'), left, right }
        } else {
            if matches!(sides.1.kind, NodeKind::Null) {
                self.report_late(underflow(offset));
            }
            CodeKind::Order { op, left, right }
        };
        Ok((Code { kind, offset }, Type::Boolean))
    }

    /// `a ? b : c` and `a ?: b`
    pub(super) fn choice(&mut self, node: &Node, want: Want) -> Result<Typed> {
        let offset = node.offset;
        let (test, first, second) = match &node.kind {
            NodeKind::Condition { test, yes, no } => {
                (Some(Box::new(self.converted(test, Type::Boolean, false)?)), yes, no)
            }
            NodeKind::Elvis { left, right } => (None, left, right),
            _ => return Err(ScriptError::unsupported(offset, "this expression")),
        };
        if test.is_none() && want.target.is_some_and(Type::is_primitive) {
            return Err(ScriptError::argument(offset, "Elvis operator cannot return primitives"));
        }
        let (left, right) = (self.visit(first, want)?, self.visit(second, want)?);
        if test.is_none() {
            refuse_elvis(first, left.1, second, offset)?;
        }
        let Some(class) = want.target.or_else(|| promote::promote_conditional(left.1, right.1)) else {
            let (left, right) = (left.1.name(), right.1.name());
            let reason = format!("cannot apply the conditional operator [?:] to the types [{left}] and [{right}]");
            return Err(ScriptError::class_cast(offset, reason));
        };
        let how = (want.explicit, want.internal);
        let left = Box::new(self.cast(left.0, left.1, class, how)?);
        let right = Box::new(self.cast(right.0, right.1, class, how)?);
        let kind = match test {
            Some(test) => CodeKind::Condition { test, yes: left, no: right },
            None => CodeKind::Elvis { left, right },
        };
        Ok((Code { kind, offset }, class))
    }
}

pub(super) fn operation(op: &'static str) -> Operation {
    match op {
        "+" => Operation::Add,
        "<<" | ">>" | ">>>" => Operation::Shift(op),
        "&" | "|" | "^" => Operation::Bitwise(op),
        _ => Operation::Arithmetic(op),
    }
}

/// The server computes constants while it compiles, and so finds a division by zero.
fn fold(operation: Operation, left: Value, right: Value) -> Result<Value> {
    let heap = Heap::default();
    match operation {
        Operation::Arithmetic(op) => math::arithmetic(&heap, op, left, right),
        Operation::Bitwise(op) => math::bitwise(&heap, op, left, right),
        Operation::Shift(op) => math::shift(&heap, op, left, right),
        Operation::Add | Operation::Join => math::arithmetic(&heap, "+", left, right),
    }
}

fn refuse_elvis(left: &Node, class: Type, right: &Node, offset: usize) -> Result<()> {
    let why = match &left.kind {
        NodeKind::Null => "LHS is null.",
        NodeKind::Bool(_) | NodeKind::Integer { .. } | NodeKind::Decimal(_) | NodeKind::Text(_) => "LHS is a constant.",
        _ if class.is_primitive() => "LHS is a primitive.",
        _ if matches!(right.kind, NodeKind::Null) => "RHS is null.",
        _ => return Ok(()),
    };
    Err(ScriptError::argument(offset, format!("Extraneous elvis operator. {why}")))
}
