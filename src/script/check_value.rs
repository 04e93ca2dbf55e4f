//! The checker's expressions: literals, operators, casts. A `Want` says what the surroundings do with the value.

use super::check::Checker;
use super::code::{Code, CodeKind};
use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::literal;
use super::math;
use super::tree::{Node, NodeKind};
use super::types::{CastKind, Type, cast_is_legal};
use super::value::{Span, Value};

/// What happens to the value of an expression.
#[derive(Clone, Copy)]
pub(super) struct Want {
    /// It is used at all.
    pub(super) read: bool,
    /// It is wanted in this type.
    pub(super) target: Option<Type>,
    pub(super) explicit: bool,
    /// It is an argument or an element: primitives are boxed.
    pub(super) internal: bool,
}

impl Want {
    pub(super) const ANY: Want = Want { read: true, target: None, explicit: false, internal: false };
    const NOTHING: Want = Want { read: false, ..Want::ANY };

    pub(super) fn to(target: Type, internal: bool) -> Want {
        Want { target: Some(target), internal, ..Want::ANY }
    }
}

pub(super) type Typed = (Code, Type);

impl Checker {
    pub(super) fn value(&mut self, node: &Node) -> Result<Typed> {
        self.visit(node, Want::ANY)
    }

    /// An expression that stands as a statement.
    pub(super) fn unused(&mut self, node: &Node) -> Result<Code> {
        if let NodeKind::New { .. } = node.kind {
            self.report_late(underflow(node.offset));
        }
        Ok(self.visit(node, Want::NOTHING)?.0)
    }

    /// An expression in the type that is wanted of it.
    pub(super) fn converted(&mut self, node: &Node, target: Type, internal: bool) -> Result<Code> {
        self.wanted(node, Want::to(target, internal))
    }

    fn wanted(&mut self, node: &Node, want: Want) -> Result<Code> {
        let (code, class) = self.visit(node, want)?;
        let target = want.target.unwrap_or(class);
        self.cast(code, class, target, (want.explicit, want.internal))
    }

    /// `how`: explicit, internal.
    pub(super) fn cast(&mut self, code: Code, from: Type, to: Type, how: (bool, bool)) -> Result<Code> {
        if from == to {
            return Ok(code);
        }
        if !cast_is_legal(from, to, how.0, how.1) {
            let reason = format!("Cannot cast from [{}] to [{}].", from.name(), to.name());
            return Err(ScriptError::class_cast(code.offset, reason));
        }
        let offset = code.offset;
        if let CodeKind::Constant(value) = code.kind
            && from.is_primitive()
            && to.is_primitive()
            && let Some(number) = math::Numeric::of(&Heap::default(), value)
        {
            return Ok(Code { kind: CodeKind::Constant(number.convert(to).unwrap_or(value)), offset });
        }
        if let (CodeKind::Constant(Value::Text(span)), Type::String, Type::Char) = (&code.kind, from, to) {
            return self.constant_char(*span, offset);
        }
        let kind = if how.0 { CastKind::Explicit } else { CastKind::Implicit };
        Ok(Code { kind: CodeKind::Cast { value: Box::new(code), from, to, kind }, offset })
    }

    fn constant_char(&mut self, span: Span, offset: usize) -> Result<Code> {
        let text = &self.program.constants[span.start as usize..(span.start + span.length) as usize];
        let mut units = text.encode_utf16();
        let unit = units.next().filter(|_| units.next().is_none());
        if unit.is_none() {
            let reason = "cannot cast java.lang.String with length not equal to one to char";
            self.report_late(ScriptError::class_cast(offset, reason));
        }
        Ok(Code { kind: CodeKind::Constant(Value::Char(unit.unwrap_or(0))), offset })
    }

    /// The result of something dynamic in the type that its surroundings want.
    pub(super) fn at_site(&self, code: Code, want: Want) -> Typed {
        let Some(target) = want.target.filter(|target| !want.explicit && *target != Type::Def) else {
            return (code, Type::Def);
        };
        if target == Type::Void {
            return (code, target);
        }
        let offset = code.offset;
        let kind = CodeKind::Cast { value: Box::new(code), from: Type::Def, to: target, kind: CastKind::Site };
        (Code { kind, offset }, target)
    }

    pub(super) fn visit(&mut self, node: &Node, want: Want) -> Result<Typed> {
        let offset = node.offset;
        if !want.read {
            refuse_unused(node)?;
        }
        let constant = |value, class| Ok((Code { kind: CodeKind::Constant(value), offset }, class));
        match &node.kind {
            NodeKind::Null => match want.target {
                Some(target) if target.is_primitive() => {
                    let reason = format!("Cannot cast null to a primitive type [{}].", target.name());
                    Err(ScriptError::argument(offset, reason))
                }
                target => constant(Value::Null, target.unwrap_or(Type::Object)),
            },
            NodeKind::Bool(value) => constant(Value::Boolean(*value), Type::Boolean),
            NodeKind::Integer { digits, radix } => {
                let (value, class) = literal::integer(digits, *radix, want.target, offset)?;
                constant(value, class)
            }
            NodeKind::Decimal(digits) => {
                let (value, class) = literal::decimal(digits, offset)?;
                constant(value, class)
            }
            NodeKind::Text(text) => {
                let text = self.text(text);
                constant(text, Type::String)
            }
            NodeKind::Name(name) => self.name(name, offset),
            NodeKind::List(_) | NodeKind::Map(_) => self.collection(node),
            NodeKind::New { class, args } => self.new_object(class, args, offset),
            NodeKind::Field { .. } => self.field(node, want),
            NodeKind::Index { .. } => self.index(node, want),
            NodeKind::Call { .. } => self.call(node, want),
            NodeKind::Unary { op, value } => self.unary(op, value, want, offset),
            NodeKind::Binary { op, left, right } => self.binary(op, (left, right), want, offset),
            NodeKind::Condition { .. } | NodeKind::Elvis { .. } => self.choice(node, want),
            NodeKind::InstanceOf { value, class } => {
                let class = self.type_named(class, offset)?;
                let (value, from) = self.value(value)?;
                if matches!(from, Type::Long | Type::Double) {
                    self.report_late(underflow(offset));
                }
                let value = Box::new(value);
                Ok((Code { kind: CodeKind::InstanceOf { value, class }, offset }, Type::Boolean))
            }
            NodeKind::Cast { class, value } => {
                let class = self.type_named(class, offset)?;
                let want = Want { target: Some(class), explicit: true, ..Want::ANY };
                Ok((self.wanted(value, want)?, class))
            }
            NodeKind::Assign { .. } | NodeKind::Step { .. } => self.assignment(node, want),
            NodeKind::Lambda { .. } => Err(ScriptError::unsupported(offset, "a lambda outside of a method call")),
        }
    }

    fn name(&mut self, name: &str, offset: usize) -> Result<Typed> {
        if let Some(class) = Type::named(name) {
            let reason = format!("value required: instead found unexpected type [{}]", class.name());
            return Err(ScriptError::argument(offset, reason));
        }
        match self.variable(name) {
            Some(variable) => {
                let (slot, class) = (variable.slot, variable.class);
                Ok((Code { kind: CodeKind::Local(slot), offset }, class))
            }
            None => Err(unresolved(name, offset)),
        }
    }

    fn collection(&mut self, node: &Node) -> Result<Typed> {
        let offset = node.offset;
        match &node.kind {
            NodeKind::Map(pairs) => {
                let mut checked = Vec::new();
                for (key, value) in pairs {
                    checked.push((self.converted(key, Type::Def, true)?, self.converted(value, Type::Def, true)?));
                }
                Ok((Code { kind: CodeKind::Map(checked), offset }, Type::HashMap))
            }
            NodeKind::List(values) => {
                let values =
                    values.iter().map(|value| self.converted(value, Type::Def, true)).collect::<Result<_>>()?;
                Ok((Code { kind: CodeKind::List(values), offset }, Type::ArrayList))
            }
            _ => Err(ScriptError::unsupported(offset, "this expression")),
        }
    }
}

pub(super) fn unresolved(name: &str, offset: usize) -> ScriptError {
    if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return ScriptError::unsupported(offset, format!("the class [{name}]"));
    }
    ScriptError::argument(offset, format!("cannot resolve symbol [{name}]"))
}

pub(super) fn refuse_operands(op: &str, left: Type, right: Type, offset: usize) -> ScriptError {
    let reason = format!("cannot apply the operator [{op}] to the types [{}] and [{}]", left.name(), right.name());
    ScriptError::class_cast(offset, reason)
}

/// What is computed and thrown away is no statement.
fn refuse_unused(node: &Node) -> Result<()> {
    let what = match &node.kind {
        NodeKind::Call { .. } | NodeKind::New { .. } | NodeKind::Assign { .. } | NodeKind::Step { .. } => return Ok(()),
        NodeKind::Null => "null constant not used".to_string(),
        NodeKind::Name(name) if Type::named(name).is_some() => format!("static type [{name}] not used"),
        NodeKind::Name(name) => format!("variable [{name}] not used"),
        NodeKind::Field { .. } => "result of dot operator [.] not used".to_string(),
        NodeKind::Index { .. } => "result of brace operator not used".to_string(),
        NodeKind::Binary { op, .. } | NodeKind::Unary { op, .. } => format!("result not used from operation [{op}]"),
        _ => "result not used".to_string(),
    };
    Err(ScriptError::argument(node.offset, format!("not a statement: {what}")))
}

/// A fault of the server's compiler, which no script gets around.
pub(super) fn underflow(offset: usize) -> ScriptError {
    ScriptError { kind: "verify_error", ..ScriptError::argument(offset, "Operand stack underflow") }
}
