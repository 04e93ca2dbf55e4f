//! The methods of lists, sets and the views of maps.

use super::call::no_method;
use super::cast::cast;
use super::error::{Result, ScriptError};
use super::lists::changed;
use super::math::Numeric;
use super::method::Method;
use super::run::{Machine, null_receiver};
use super::types::{CastKind, Type};
use super::value::{Value, ViewKind};

impl Machine<'_> {
    pub(super) fn collection_method(&mut self, method: Method, receiver: Value, args: &[Value]) -> Result<Value> {
        match method {
            Method::Size => Ok(Value::Int(self.heap.size(receiver) as i32)),
            Method::IsEmpty => Ok(Value::Boolean(self.heap.size(receiver) == 0)),
            Method::Contains => self.heap.contains(receiver, args[0]).map(Value::Boolean),
            Method::IteratorOf => self.heap.iterate(receiver).map(Value::Iterator),
            Method::Add => self.add(receiver, args[0]),
            Method::AddAll => self.add_all(receiver, args[0]),
            Method::Clear => self.clear(receiver),
            Method::ContainsAll => {
                for item in self.heap.elements(args[0])? {
                    if !self.heap.contains(receiver, item)? {
                        return Ok(Value::Boolean(false));
                    }
                }
                Ok(Value::Boolean(true))
            }
            Method::RemoveAll => self.keep(receiver, args[0], false),
            Method::RetainAll => self.keep(receiver, args[0], true),
            Method::RemoveIf => self.remove_if(receiver, args[0]),
            Method::RemoveValue => match receiver {
                Value::Set(map) | Value::View(map, ViewKind::Keys) => {
                    self.heap.remove(map, args[0]).map(|found| Value::Boolean(found.is_some()))
                }
                _ => Err(no_method(method)),
            },
            Method::AsList if matches!(receiver, Value::List(_)) => Ok(receiver),
            Method::AsList => self.heap.new_collection(Type::ArrayList, Some(receiver)),
            Method::Join => self.heap.join_items(args[0], receiver, true),
            Method::Sum => self.sum(receiver),
            Method::ForEach | Method::Any | Method::Every | Method::Collect | Method::Find | Method::FindAll => {
                self.walk(method, receiver, args[0])
            }
            _ => self.list_method(method, receiver, args),
        }
    }

    fn add(&mut self, receiver: Value, item: Value) -> Result<Value> {
        match receiver {
            Value::List(id) => self.heap.push(id, item).map(|()| Value::Boolean(true)),
            Value::Set(id) => self.heap.add_to_set(id, item).map(Value::Boolean),
            _ => Err(not_supported()),
        }
    }

    fn add_all(&mut self, receiver: Value, items: Value) -> Result<Value> {
        let items = self.heap.elements(items)?;
        let before = self.heap.size(receiver);
        for item in &items {
            self.add(receiver, *item)?;
        }
        Ok(Value::Boolean(self.heap.size(receiver) > before))
    }

    fn clear(&mut self, receiver: Value) -> Result<Value> {
        match receiver {
            Value::List(id) => {
                let list = self.heap.list_mut(id);
                list.items.clear();
                list.changes += 1;
            }
            Value::Set(id) | Value::View(id, _) => self.heap.clear(id)?,
            _ => {}
        }
        Ok(Value::Null)
    }

    /// `retainAll` if `wanted`, else `removeAll`.
    fn keep(&mut self, receiver: Value, others: Value, wanted: bool) -> Result<Value> {
        if others.is_null() {
            return Err(null_receiver());
        }
        self.refuse_view_of_frozen(receiver)?;
        let mut marks = Vec::new();
        for item in self.heap.elements(receiver)? {
            marks.push(self.heap.contains(others, item)? == wanted);
        }
        self.heap.keep_marked(receiver, &marks).map(|removed| Value::Boolean(removed > 0))
    }

    fn remove_if(&mut self, receiver: Value, lambda: Value) -> Result<Value> {
        self.refuse_view_of_frozen(receiver)?;
        let mut marks = Vec::new();
        self.for_each(receiver, lambda, |machine, item, lambda| {
            marks.push(!machine.accepts(lambda, &[item])?);
            Ok(false)
        })?;
        self.heap.keep_marked(receiver, &marks).map(|removed| Value::Boolean(removed > 0))
    }

    /// Even if nothing would be removed.
    fn refuse_view_of_frozen(&self, receiver: Value) -> Result<()> {
        match receiver {
            Value::View(map, _) => self.heap.refuse_frozen(map),
            _ => Ok(()),
        }
    }

    fn sum(&mut self, receiver: Value) -> Result<Value> {
        let mut sum = 0.0;
        for item in self.heap.elements(receiver)? {
            match Numeric::of(self.heap, item) {
                Some(number) if item.is_number() => sum += number.double(),
                _ if item.is_null() => return Err(null_receiver()),
                _ => {
                    let class = self.heap.class_name(item);
                    let reason = format!("class {class} cannot be cast to class java.lang.Number");
                    return Err(ScriptError::run("class_cast_exception", reason));
                }
            }
        }
        Ok(Value::Double(sum))
    }

    fn walk(&mut self, method: Method, receiver: Value, lambda: Value) -> Result<Value> {
        let list = self.heap.new_list()?;
        let mut result = match method {
            Method::Any => Value::Boolean(false),
            Method::Every => Value::Boolean(true),
            Method::Collect | Method::FindAll => Value::List(list),
            Method::ForEach => receiver,
            _ => Value::Null,
        };
        self.for_each(receiver, lambda, |machine, item, lambda| {
            if matches!(method, Method::ForEach | Method::Collect) {
                let made = machine.invoke(lambda, &[item])?;
                if method == Method::Collect {
                    machine.heap.push(list, made)?;
                }
                return Ok(false);
            }
            let accepted = machine.accepts(lambda, &[item])?;
            match method {
                Method::Any if accepted => result = Value::Boolean(true),
                Method::Every if !accepted => result = Value::Boolean(false),
                Method::Find if accepted => result = item,
                Method::FindAll if accepted => {
                    machine.heap.push(list, item)?;
                    return Ok(false);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(result)
    }

    fn list_method(&mut self, method: Method, receiver: Value, args: &[Value]) -> Result<Value> {
        let Value::List(id) = receiver else { return Err(no_method(method)) };
        let index = if let Some(Value::Int(index)) = args.first() { *index } else { 0 };
        match method {
            Method::ListGet => {
                let index = self.heap.list_index(id, index)?;
                self.heap.list_item(id, index)
            }
            Method::Set => {
                let index = self.heap.list_index(id, index)?;
                let old = self.heap.list_item(id, index)?;
                self.heap.list_mut(id).items[index] = args[1];
                Ok(old)
            }
            Method::RemoveAt => {
                let index = self.heap.list_index(id, index)?;
                self.heap.remove_at(id, index)
            }
            Method::Insert => self.insert(id, index, &[args[1]]),
            Method::InsertAll => {
                let items = self.heap.elements(args[1])?;
                self.insert(id, index, &items)?;
                Ok(Value::Boolean(!items.is_empty()))
            }
            Method::IndexOf => {
                let found = self.heap.position(receiver, args[0])?;
                Ok(Value::Int(found.map_or(-1, |index| index as i32)))
            }
            Method::LastIndexOf => {
                for index in (0..self.heap.list(id).items.len()).rev() {
                    self.heap.work(1)?;
                    let item = self.heap.list_item(id, index)?;
                    if self.heap.equals(item, args[0])? {
                        return Ok(Value::Int(index as i32));
                    }
                }
                Ok(Value::Int(-1))
            }
            Method::ReplaceAll => self.replace_all(id, args[0]),
            Method::Sort => self.sort(id, args[0]).map(|()| Value::Null),
            _ => Err(no_method(method)),
        }
    }

    fn insert(&mut self, id: u32, index: i32, items: &[Value]) -> Result<Value> {
        let length = self.heap.list(id).items.len();
        if index < 0 || index as usize > length {
            let reason = format!("Index: {index}, Size: {length}");
            return Err(ScriptError::run("index_out_of_bounds_exception", reason));
        }
        self.heap.work((length - index as usize) / 16)?;
        self.heap.take(size_of_val(items))?;
        let list = self.heap.list_mut(id);
        list.items.splice(index as usize..index as usize, items.iter().copied());
        list.changes += 1;
        Ok(Value::Null)
    }

    fn replace_all(&mut self, id: u32, lambda: Value) -> Result<Value> {
        let changes = self.heap.list(id).changes;
        for index in 0..self.heap.list(id).items.len() {
            let item = self.heap.list_item(id, index)?;
            let made = self.invoke(lambda, &[item])?;
            if changes != self.heap.list(id).changes {
                return Err(changed());
            }
            self.heap.list_mut(id).items[index] = made;
        }
        Ok(Value::Null)
    }

    /// Sorts by a comparator, or by natural order if it is null.
    pub(super) fn sort(&mut self, id: u32, comparator: Value) -> Result<()> {
        let mut items = self.heap.elements(Value::List(id))?;
        let changes = self.heap.list(id).changes;
        let mut compare = |machine: &mut Self, a: Value, b: Value| -> Result<i32> {
            if comparator.is_null() {
                return machine.heap.compare_to(a, b);
            }
            let order = machine.invoke(comparator, &[a, b])?;
            match cast(machine.heap, order, Type::Def, Type::Int, CastKind::Implicit)? {
                Value::Int(order) => Ok(order),
                _ => Err(null_receiver()),
            }
        };
        super::sort::sort(self, &mut items, &mut compare)?;
        if changes != self.heap.list(id).changes {
            return Err(changed());
        }
        let list = self.heap.list_mut(id);
        list.items = items;
        list.changes += 1;
        Ok(())
    }
}

pub(super) fn not_supported() -> ScriptError {
    ScriptError { reason: None, ..ScriptError::run("unsupported_operation_exception", "") }
}
