//! Fields and elements of values: `value.name`, `value[index]`, and setting them.

use super::cast::cast;
use super::catalog;
use super::code::DynamicCall;
use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::method::Method;
use super::run::{Machine, null_receiver};
use super::types::{CastKind, Type};
use super::value::{Span, Value};

pub(super) fn out_of_bounds(index: i32, length: usize) -> ScriptError {
    let reason = format!("Index {index} out of bounds for length {length}");
    ScriptError::run("index_out_of_bounds_exception", reason)
}

fn argument(reason: String) -> ScriptError {
    ScriptError::run("illegal_argument_exception", reason)
}

impl Machine<'_> {
    pub(super) fn get_field(&mut self, target: Value, name: Value) -> Result<Value> {
        let Value::Text(span) = name else { return Err(null_receiver()) };
        let field = self.heap.str(span);
        if let Some(getter) = catalog::find_getter(self.heap.type_of(target), field) {
            return self.call(getter.method, target, &[]);
        }
        match target {
            Value::Null => Err(null_receiver()),
            Value::Map(id) => self.heap.get(id, name),
            Value::List(id) if self.heap.list(id).is_array && field == "length" => {
                Ok(Value::Int(self.heap.list(id).items.len() as i32))
            }
            Value::List(id) if !self.heap.list(id).is_array => {
                let index = self.list_shortcut(span)?;
                let index = self.heap.list_index(id, index)?;
                self.heap.list_item(id, index)
            }
            _ => {
                let reason = format!("dynamic getter [{}, {field}] not found", self.heap.class_name(target));
                Err(argument(reason))
            }
        }
    }

    fn list_shortcut(&self, name: Span) -> Result<i32> {
        let name = self.heap.str(name);
        name.parse().map_err(|_| argument(format!("Illegal list shortcut value [{name}].")))
    }

    pub(super) fn set_field(&mut self, target: Value, name: Value, value: Value) -> Result<()> {
        let Value::Text(span) = name else { return Err(null_receiver()) };
        match target {
            Value::Null => Err(null_receiver()),
            Value::Map(id) => self.heap.put(id, name, value).map(|_| ()),
            Value::List(id) if !self.heap.list(id).is_array => {
                let index = self.list_shortcut(span)?;
                let index = self.heap.list_index(id, index)?;
                self.heap.list_mut(id).items[index] = value;
                Ok(())
            }
            Value::Entry(id, slot) if self.heap.str(span) == "value" => {
                self.heap.refuse_frozen(id)?;
                self.heap.map_mut(id).slots[slot as usize].value = value;
                Ok(())
            }
            _ => {
                let (class, name) = (self.heap.class_name(target), self.heap.str(span));
                Err(argument(format!("dynamic setter [{class}, {name}] not found")))
            }
        }
    }

    /// What an index means for this value: a negative one counts from the end of a list, a key of a map stays as it
    /// is. Whether the list is long enough shows only later.
    pub(super) fn prepare_index(&mut self, target: Value, index: Value, class: Type) -> Result<Value> {
        match target {
            Value::Null => Err(null_receiver()),
            Value::Map(_) => Ok(index),
            Value::List(list) => match at_call(self.heap, index, class, Type::Int)? {
                Value::Int(index) if index < 0 => {
                    Ok(Value::Int(index.wrapping_add(self.heap.list(list).items.len() as i32)))
                }
                index => Ok(index),
            },
            _ => {
                let class = self.heap.class_name(target);
                Err(argument(format!("Attempting to address a non-array-like type [{class}] as an array.")))
            }
        }
    }

    /// The value at a prepared index.
    pub(super) fn get_index(&mut self, target: Value, index: Value) -> Result<Value> {
        match (target, index) {
            (Value::Map(id), _) => self.heap.get(id, index),
            (Value::List(id), Value::Int(index)) => {
                let index = self.element(id, index)?;
                self.heap.list_item(id, index)
            }
            _ => Err(null_receiver()),
        }
    }

    pub(super) fn set_index(&mut self, target: Value, index: Value, value: Value) -> Result<()> {
        match (target, index) {
            (Value::Map(id), _) => self.heap.put(id, index, value).map(|_| ()),
            (Value::List(id), Value::Int(index)) => {
                let index = self.element(id, index)?;
                if self.heap.list(id).is_array && !value.is_null() && !matches!(value, Value::Text(_)) {
                    return Err(ScriptError::unsupported_run("this value in an array of strings"));
                }
                self.heap.list_mut(id).items[index] = value;
                Ok(())
            }
            _ => Err(null_receiver()),
        }
    }

    fn element(&self, list: u32, index: i32) -> Result<usize> {
        let array = self.heap.list(list).is_array;
        self.heap.list_index(list, index).map_err(|error| {
            if array { ScriptError { kind: "array_index_out_of_bounds_exception", ..error } } else { error }
        })
    }

    pub(super) fn dynamic_call(&mut self, call: &DynamicCall) -> Result<Value> {
        let args = &call.args;
        let receiver = self.value(&call.target)?;
        if call.null_safe && receiver.is_null() {
            return Ok(Value::Null);
        }
        let mut values = [Value::Null; 4];
        for (slot, (code, _)) in values.iter_mut().zip(args) {
            *slot = self.value(code)?;
        }
        if receiver.is_null() {
            return Err(null_receiver());
        }
        let Value::Text(span) = call.name else { return Err(null_receiver()) };
        let class = self.heap.type_of(receiver);
        let Some(entry) = catalog::find_method(class, self.heap.str(span), args.len()) else {
            return Err(self.no_method(class, span, args.len()));
        };
        for (index, param) in entry.params.iter().enumerate() {
            self.check_lambda(values[index], *param)?;
            values[index] = at_call(self.heap, values[index], args[index].1, *param)?;
        }
        let mut result = self.call(entry.method, receiver, &values[..args.len()])?;
        if entry.method == Method::Unbox {
            result = cast(self.heap, result, Type::Def, entry.result, CastKind::Explicit)?;
        }
        if entry.result == Type::Void && call.result.is_primitive() {
            return Err(ScriptError::unsupported_run("a number made of nothing"));
        }
        let class = if entry.result == Type::Void { Type::Def } else { entry.result };
        at_call(self.heap, result, class, call.result)
    }

    /// A lambda must take as many parameters as the method gives it, even if it is never called.
    fn check_lambda(&self, value: Value, param: Type) -> Result<()> {
        if let (Value::Lambda(id), Some((types, _))) = (value, catalog::interface(param))
            && self.program.lambdas[id as usize].params.len() != types.len()
        {
            let reason = format!("function reference matching [{}] not found: number of arguments", param.name());
            return Err(argument(reason));
        }
        Ok(())
    }

    fn no_method(&self, class: Type, name: Span, arity: usize) -> ScriptError {
        let name = self.heap.str(name);
        let method = format!("method [{}, {name}/{arity}]", class.name());
        if class == Type::BigInteger || catalog::is_known_elsewhere(name) {
            return ScriptError::unsupported_run(format!("the {method}"));
        }
        argument(format!("dynamic {method} not found"))
    }
}

/// An argument or the result of a dynamic call: first the static types on both sides must fit, then the value must.
fn at_call(heap: &mut Heap, value: Value, from: Type, to: Type) -> Result<Value> {
    if let Value::Lambda(_) = value {
        if catalog::interface(to).is_some() {
            return Ok(value);
        }
        return Err(argument(format!("Cannot pass lambda to [{}], not a functional interface", to.name())));
    }
    if to == Type::Def || to == Type::Object {
        return Ok(value);
    }
    let fits = match (from.is_primitive(), to.is_primitive()) {
        (true, true) => from == to || from.widens_to(to),
        (true, false) => from.boxed().extends(to),
        (false, true) => {
            let general = matches!(from, Type::Def | Type::Object | Type::Number | Type::Comparable);
            general || from.unboxed().is_some_and(|inner| inner == to || inner.widens_to(to))
        }
        (false, false) => true,
    };
    if !fits {
        let reason = format!("cannot convert MethodHandle from {} to {}", from.name(), to.name());
        return Err(ScriptError::run("wrong_method_type_exception", reason));
    }
    cast(heap, value, Type::Def, to, CastKind::Site)
}
