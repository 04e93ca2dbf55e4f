//! The checker's fields, elements and assignments.

use super::catalog;
use super::check::Checker;
use super::check_operator::operation;
use super::check_value::{Typed, Want, refuse_operands, underflow, unresolved};
use super::code::{Assignment, Code, CodeKind, Compound, Give, Operation, Place};
use super::error::{Result, ScriptError};
use super::promote;
use super::statics;
use super::tree::{Node, NodeKind};
use super::types::{self, Type};

/// What stands before a dot.
pub(super) enum Target {
    Value(Code, Type),
    Class(Type),
}

/// `target[index]`, checked: the types of both, and of the element.
struct IndexParts {
    target: Code,
    index: Code,
    owner: Type,
    index_type: Type,
    class: Type,
}

impl Checker {
    pub(super) fn target(&mut self, node: &Node) -> Result<Target> {
        if let Some(path) = path_of(node)
            && self.variable(path.split('.').next().unwrap_or("")).is_none()
        {
            return match Type::named(&path) {
                Some(class) => Ok(Target::Class(class)),
                // `Integer.MAX_VALUE.foo`: a value after all.
                None if Type::named(path.split('.').next().unwrap_or("")).is_some() => {
                    self.value(node).map(|(code, class)| Target::Value(code, class))
                }
                None => Err(unresolved(&path, node.offset)),
            };
        }
        self.value(node).map(|(code, class)| Target::Value(code, class))
    }

    pub(super) fn field(&mut self, node: &Node, want: Want) -> Result<Typed> {
        let NodeKind::Field { target, name, null_safe } = &node.kind else {
            return Err(ScriptError::unsupported(node.offset, "this expression"));
        };
        let offset = node.offset;
        let (code, owner) = match self.target(target)? {
            Target::Value(code, owner) => (code, owner),
            Target::Class(class) => {
                let found = statics::static_field(class, name);
                let (value, kind) = found.ok_or_else(|| {
                    ScriptError::argument(offset, format!("field [{}, {name}] not found", class.name()))
                })?;
                return Ok((Code { kind: CodeKind::Constant(value), offset }, kind));
            }
        };
        let class = self.field_type(owner, name, false, offset)?;
        if *null_safe && class.is_primitive() {
            return Err(ScriptError::argument(offset, "Result of null safe operator must be nullable"));
        }
        let name = self.text(name);
        let kind = CodeKind::Field { target: Box::new(code), name, null_safe: *null_safe };
        let code = Code { kind, offset };
        Ok(if owner == Type::Def && !null_safe { self.at_site(code, want) } else { (code, class) })
    }

    /// The type of `value.name`, if such a value has it.
    fn field_type(&self, owner: Type, name: &str, write: bool, offset: usize) -> Result<Type> {
        if owner == Type::Def {
            return Ok(Type::Def);
        }
        if owner == Type::StringArray && name == "length" && !write {
            return Ok(Type::Int);
        }
        if let Some(getter) = catalog::find_getter(owner, name).filter(|getter| getter.params.is_empty()) {
            if write {
                let reason = format!("Illegal shortcut on field [{name}] for type [{}].", owner.name());
                return Err(ScriptError::argument(offset, reason));
            }
            return Ok(getter.result);
        }
        if owner.extends(Type::Map) {
            return Ok(Type::Def);
        }
        if owner.extends(Type::List) {
            return match name.parse::<i32>() {
                Ok(_) => Ok(Type::Def),
                Err(_) => Err(ScriptError::argument(offset, format!("invalid list index [{name}]"))),
            };
        }
        Err(ScriptError::argument(offset, format!("field [{}, {name}] not found", owner.name())))
    }

    pub(super) fn index(&mut self, node: &Node, want: Want) -> Result<Typed> {
        let NodeKind::Index { target, index } = &node.kind else {
            return Err(ScriptError::unsupported(node.offset, "this expression"));
        };
        let parts = self.index_parts(target, index, node.offset)?;
        let (target, index) = (Box::new(parts.target), Box::new(parts.index));
        let code = Code { kind: CodeKind::Index { target, index, class: parts.index_type }, offset: node.offset };
        Ok(if parts.owner == Type::Def { self.at_site(code, want) } else { (code, parts.class) })
    }

    /// A long where the index of a list is wanted fails only if a dynamic value turns out to be a list.
    fn index_parts(&mut self, target: &Node, index: &Node, offset: usize) -> Result<IndexParts> {
        let (target, owner) = self.value(target)?;
        let (index, index_type, class) = match owner {
            Type::Def => {
                let (index, found) = self.value(index)?;
                (index, found, Type::Def)
            }
            _ if owner.extends(Type::Map) => (self.converted(index, Type::Def, false)?, Type::Def, Type::Def),
            _ if owner.extends(Type::List) => (self.converted(index, Type::Int, false)?, Type::Int, Type::Def),
            Type::StringArray => (self.converted(index, Type::Int, false)?, Type::Int, Type::String),
            _ => {
                let reason = format!("Illegal array access on type [{}].", owner.name());
                return Err(ScriptError::argument(offset, reason));
            }
        };
        Ok(IndexParts { target, index, owner, index_type, class })
    }

    pub(super) fn assignment(&mut self, node: &Node, want: Want) -> Result<Typed> {
        let offset = node.offset;
        let (op, target, value, give) = match &node.kind {
            NodeKind::Assign { op, target, value } => (*op, target, Some(value), Give::New),
            NodeKind::Step { op, after, target } => {
                (Some(*op), target, None, if *after { Give::Old } else { Give::New })
            }
            _ => return Err(ScriptError::unsupported(offset, "this expression")),
        };
        let (place, own, dynamic) = self.place(target)?;
        let give = if want.read { give } else { Give::Nothing };
        if let (Some(_), Place::Index { class: Type::Long | Type::Double, .. }) = (op, &place) {
            self.report_late(underflow(offset));
        }
        let one = Node { kind: NodeKind::Integer { digits: "1".to_string(), radix: 10 }, offset, depth: 1 };
        let value = value.map_or(&one, |value| value);
        let (compound, value, class) = match op {
            Some(op) => {
                let right = self.value(value)?;
                let (compound, value) = self.compound(op, own, right, offset)?;
                (Some(compound), value, own)
            }
            None if dynamic => {
                let (code, class) = self.value(value)?;
                if class == Type::Void {
                    return Err(ScriptError::argument(offset, "invalid assignment: cannot assign type [void]"));
                }
                (None, code, class)
            }
            None => (None, self.converted(value, own, false)?, own),
        };
        let assignment = Assignment { place, offset: target.offset, compound, value, give };
        let class = if want.read { class } else { Type::Void };
        Ok((Code { kind: CodeKind::Assign(Box::new(assignment)), offset }, class))
    }

    /// Where a value goes, the type of the place, and whether it lies in a dynamic value: then what is assigned keeps
    /// its type.
    fn place(&mut self, target: &Node) -> Result<(Place, Type, bool)> {
        let offset = target.offset;
        match &target.kind {
            NodeKind::Name(name) => {
                let Some(variable) = self.variable(name) else { return Err(unresolved(name, offset)) };
                if self.is_read_only(variable) {
                    return Err(ScriptError::argument(offset, format!("Variable [{name}] is read-only.")));
                }
                Ok((Place::Local(variable.slot), variable.class, false))
            }
            NodeKind::Field { null_safe: true, .. } => {
                let reason = "invalid assignment: cannot assign a value to a null safe operation [?.]";
                Err(ScriptError::argument(offset, reason))
            }
            NodeKind::Field { target, name, .. } => match self.target(target)? {
                Target::Class(class) => {
                    let reason = format!("invalid assignment: field [{}, {name}] cannot be written", class.name());
                    Err(ScriptError::argument(offset, reason))
                }
                Target::Value(code, owner) => {
                    let class = self.field_type(owner, name, true, offset)?;
                    let name = self.text(name);
                    Ok((Place::Field { target: code, name }, class, owner == Type::Def))
                }
            },
            NodeKind::Index { target, index } => {
                let parts = self.index_parts(target, index, offset)?;
                let (class, dynamic) = (parts.class, parts.owner == Type::Def);
                let (target, index) = (parts.target, parts.index);
                Ok((Place::Index { target, index, class: parts.index_type }, class, dynamic))
            }
            _ => Err(ScriptError::argument(offset, "invalid assignment: cannot assign a value to this expression")),
        }
    }

    fn compound(&mut self, op: &'static str, own: Type, right: Typed, offset: usize) -> Result<(Compound, Code)> {
        let mut operation = operation(op);
        let promoted = match operation {
            Operation::Add => promote::promote_add(own, right.1),
            Operation::Shift(_) => {
                promote::promote_unary(right.1, false).and_then(|_| promote::promote_unary(own, false))
            }
            Operation::Bitwise(_) => promote::promote_xor(own, right.1),
            _ => promote::promote_numeric(own, right.1, true),
        };
        let Some(work) = promoted else { return Err(refuse_operands(op, own, right.1, offset)) };
        let right_type = right.1;
        let value = if work == Type::String {
            operation = Operation::Join;
            right.0
        } else if work == Type::Def {
            self.cast(right.0, right.1, Type::Def, (false, false))?
        } else {
            self.right_operand(operation, right, work)?
        };
        if matches!(operation, Operation::Shift(_)) && work != Type::Def && right_type == Type::Def {
            self.report_late(underflow(offset));
        }
        let legal = types::cast_is_legal(own, work, false, false);
        if !legal || !types::cast_is_legal(work, own, true, false) {
            let (from, to) = if legal { (work, own) } else { (own, work) };
            let reason = format!("Cannot cast from [{}] to [{}].", from.name(), to.name());
            return Err(ScriptError::class_cast(offset, reason));
        }
        Ok((Compound { operation, own, work }, value))
    }
}

/// `java.lang.Math` as one name, if it is nothing but names.
fn path_of(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Name(name) => Some(name.clone()),
        NodeKind::Field { target, name, null_safe: false } => Some(format!("{}.{name}", path_of(target)?)),
        _ => None,
    }
}
