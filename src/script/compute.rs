//! The evaluator's expressions and assignments.

use super::cast::{cast, like};
use super::code::{Assignment, Code, CodeKind, Give, Operation, Place, Sense};
use super::error::{Result, ScriptError};
use super::heap::Order;
use super::math;
use super::run::{Machine, null_receiver};
use super::types::{CastKind, Type};
use super::value::{Span, Value};

impl Machine<'_> {
    pub(super) fn value(&mut self, code: &Code) -> Result<Value> {
        match &code.kind {
            CodeKind::Constant(value) => Ok(*value),
            CodeKind::Local(slot) => Ok(self.locals[*slot]),
            _ => self.compute(code).map_err(|error| located(error, code.offset)),
        }
    }

    fn compute(&mut self, code: &Code) -> Result<Value> {
        self.heap.work(1)?;
        match &code.kind {
            CodeKind::Constant(value) => Ok(*value),
            CodeKind::Local(slot) => Ok(self.locals[*slot]),
            CodeKind::Field { target, name, null_safe } => {
                let target = self.value(target)?;
                if *null_safe && target.is_null() { Ok(Value::Null) } else { self.get_field(target, *name) }
            }
            CodeKind::Index { target, index, class } => {
                let (target, index) = (self.value(target)?, self.value(index)?);
                let index = self.prepare_index(target, index, *class)?;
                self.get_index(target, index)
            }
            CodeKind::Call { target, method, args, null_safe } => {
                let receiver = self.value(target)?;
                if *null_safe && receiver.is_null() {
                    return Ok(Value::Null);
                }
                let mut values = [Value::Null; 3];
                for (slot, arg) in values.iter_mut().zip(args) {
                    *slot = self.value(arg)?;
                }
                if receiver.is_null() {
                    return Err(null_receiver());
                }
                self.call(*method, receiver, &values[..args.len()])
            }
            CodeKind::DynamicCall(call) => self.dynamic_call(call),
            CodeKind::StaticCall { method, args } => {
                let mut values = [Value::Null; 2];
                for (slot, arg) in values.iter_mut().zip(args) {
                    *slot = self.value(arg)?;
                }
                self.call_static(*method, &values[..args.len()])
            }
            CodeKind::Cast { value, from, to, kind } => {
                let value = self.value(value)?;
                cast(self.heap, value, *from, *to, *kind)
            }
            CodeKind::Assign(assignment) => self.assign(assignment),
            CodeKind::List(_) | CodeKind::Map(_) | CodeKind::New { .. } | CodeKind::NewException { .. } => {
                self.make(code)
            }
            _ => self.operator(code),
        }
    }

    fn operator(&mut self, code: &Code) -> Result<Value> {
        match &code.kind {
            CodeKind::Unary { op, value } => {
                let value = self.value(value)?;
                math::unary(self.heap, op, value)
            }
            CodeKind::Not(value) => Ok(Value::Boolean(!self.test(value)?)),
            CodeKind::Operate { operation, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.operate(*operation, left, right)
            }
            CodeKind::Order { op, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                math::ordered(self.heap, op, left, right).map(Value::Boolean)
            }
            CodeKind::Equal { sense, negate, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                let equal = match sense {
                    Sense::Loose => self.heap.loosely_equal(left, right)?,
                    Sense::Equals => self.heap.equals(left, right)?,
                    Sense::Identity => identical(left, right)?,
                };
                Ok(Value::Boolean(equal != *negate))
            }
            CodeKind::And(left, right) => Ok(Value::Boolean(self.test(left)? && self.test(right)?)),
            CodeKind::Or(left, right) => Ok(Value::Boolean(self.test(left)? || self.test(right)?)),
            CodeKind::Condition { test, yes, no } => {
                let branch = if self.test(test)? { yes } else { no };
                self.value(branch)
            }
            CodeKind::Elvis { left, right } => match self.value(left)? {
                Value::Null => self.value(right),
                value => Ok(value),
            },
            CodeKind::InstanceOf { value, class } => {
                let value = self.value(value)?;
                let known = !value.is_null() && self.heap.type_of(value).extends(class.boxed());
                Ok(Value::Boolean(known || *class == Type::Def))
            }
            _ => Err(ScriptError::unsupported_run("this expression")),
        }
    }

    pub(super) fn operate(&mut self, operation: Operation, left: Value, right: Value) -> Result<Value> {
        match operation {
            Operation::Arithmetic(op) => math::arithmetic(self.heap, op, left, right),
            Operation::Bitwise(op) => math::bitwise(self.heap, op, left, right),
            Operation::Shift(op) => math::shift(self.heap, op, left, right),
            Operation::Add if !matches!(left, Value::Text(_)) && !matches!(right, Value::Text(_)) => {
                math::arithmetic(self.heap, "+", left, right)
            }
            Operation::Add | Operation::Join => {
                // The right side first: the left one may then be the end of the heap and grow in place.
                let right = self.heap.text_of(right)?;
                let left = self.heap.text_of(left)?;
                self.heap.join(left, right)
            }
        }
    }

    fn make(&mut self, code: &Code) -> Result<Value> {
        match &code.kind {
            CodeKind::List(values) => {
                let list = self.heap.new_list()?;
                for value in values {
                    let value = self.value(value)?;
                    self.heap.push(list, value)?;
                }
                Ok(Value::List(list))
            }
            CodeKind::Map(pairs) => {
                let map = self.heap.new_map(Order::Hashed)?;
                for (key, value) in pairs {
                    let (key, value) = (self.value(key)?, self.value(value)?);
                    self.heap.put(map, key, value)?;
                }
                Ok(Value::Map(map))
            }
            CodeKind::New { class, copy } => {
                let source = match copy {
                    Some(code) => Some(self.value(code)?),
                    None => None,
                };
                self.heap.new_collection(*class, source)
            }
            CodeKind::NewException { class, message } => {
                let message = match message {
                    Some(code) => self.value(code)?,
                    None => Value::Null,
                };
                let text: Option<Span> = if let Value::Text(span) = message { Some(span) } else { None };
                Ok(Value::Exception(*class, text))
            }
            _ => Err(ScriptError::unsupported_run("this expression")),
        }
    }

    fn assign(&mut self, assignment: &Assignment) -> Result<Value> {
        // What stands before the dot or bracket is computed once, before the new value.
        let (target, index) = match &assignment.place {
            Place::Local(_) => (Value::Null, Value::Null),
            Place::Field { target, name } => (self.value(target)?, *name),
            Place::Index { target, index, class } => {
                let (target, index) = (self.value(target)?, self.value(index)?);
                (target, self.prepare_index(target, index, *class)?)
            }
        };
        let mut old = Value::Null;
        let mut new;
        if let Some(compound) = assignment.compound {
            old = match &assignment.place {
                Place::Local(slot) => self.locals[*slot],
                Place::Field { .. } => self.get_field(target, index)?,
                Place::Index { .. } => self.get_index(target, index)?,
            };
            let left = cast(self.heap, old, compound.own, compound.work, CastKind::Implicit)?;
            let right = self.value(&assignment.value)?;
            new = self.operate(compound.operation, left, right)?;
            if compound.work == Type::Def {
                new = like(self.heap, new, left)?;
            }
            new = cast(self.heap, new, compound.work, compound.own, CastKind::Explicit)?;
        } else {
            new = self.value(&assignment.value)?;
        }
        let stored = match &assignment.place {
            Place::Local(slot) => {
                self.locals[*slot] = new;
                Ok(())
            }
            Place::Field { .. } => self.set_field(target, index, new),
            Place::Index { .. } => self.set_index(target, index, new),
        };
        stored.map_err(|error| located(error, assignment.offset))?;
        Ok(match assignment.give {
            Give::Nothing => Value::Null,
            Give::New => new,
            Give::Old => old,
        })
    }
}

/// The innermost expression that failed gives the place.
fn located(error: ScriptError, offset: usize) -> ScriptError {
    if error.offset == 0 { ScriptError { offset, ..error } } else { error }
}

/// `===`: small integers, characters and booleans are shared objects in Java; whether others are the same object
/// depends on where they come from.
fn identical(left: Value, right: Value) -> Result<bool> {
    let shared = |value: Value| match value {
        Value::Int(number) => (-128..=127).contains(&number),
        Value::Long(number) => (-128..=127).contains(&number),
        Value::Char(unit) => unit < 128,
        Value::Short(number) => (-128..=127).contains(&number),
        Value::Float(_) | Value::Double(_) | Value::BigInteger(_) | Value::Text(_) | Value::View(..) => false,
        Value::Entry(..) | Value::Exception(..) => false,
        _ => true,
    };
    if std::mem::discriminant(&left) != std::mem::discriminant(&right) {
        return Ok(false);
    }
    if shared(left) || shared(right) {
        return Ok(left == right);
    }
    Err(ScriptError::unsupported_run("the operator [===] between these values"))
}
