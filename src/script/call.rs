//! Methods of all values: the ones of `Object`, numbers and iterators here, the others by what they work on.

use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::lists::changed;
use super::method::Method;
use super::run::Machine;
use super::value::{Value, ViewKind};

impl Machine<'_> {
    /// Calls a method. The receiver is not null and has the method; the arguments have its types.
    pub(super) fn call(&mut self, method: Method, receiver: Value, args: &[Value]) -> Result<Value> {
        self.heap.work(1)?;
        match method {
            Method::Equals => self.heap.equals(receiver, args[0]).map(Value::Boolean),
            Method::HashCode => self.heap.hash(receiver, 0).map(Value::Int),
            Method::ToText => Ok(Value::Text(self.heap.text_of(receiver)?)),
            Method::CompareTo => self.heap.compare_to(receiver, args[0]).map(Value::Int),
            Method::Unbox => Ok(receiver),
            Method::IsNan => Ok(Value::Boolean(match receiver {
                Value::Double(number) => number.is_nan(),
                Value::Float(number) => number.is_nan(),
                _ => false,
            })),
            Method::IsInfinite => Ok(Value::Boolean(match receiver {
                Value::Double(number) => number.is_infinite(),
                Value::Float(number) => number.is_infinite(),
                _ => false,
            })),
            Method::HasNext | Method::Next | Method::RemoveLast => self.iterator_method(method, receiver),
            _ => match receiver {
                Value::Text(text) => self.heap.text_method(method, text, args),
                Value::Map(map) => self.map_method(method, map, args),
                Value::Entry(map, slot) => self.heap.entry_method(method, map, slot, args),
                _ => self.collection_method(method, receiver, args),
            },
        }
    }

    fn iterator_method(&mut self, method: Method, receiver: Value) -> Result<Value> {
        let Value::Iterator(id) = receiver else { return Err(no_method(method)) };
        match method {
            Method::HasNext => Ok(Value::Boolean(self.heap.has_next(id))),
            Method::Next => self.heap.next_item(id),
            _ => self.heap.remove_last(id).map(|()| Value::Null),
        }
    }

    /// Calls a lambda for each element until `stop` says so; the collection must stay as it is meanwhile.
    pub(super) fn for_each(
        &mut self,
        collection: Value,
        lambda: Value,
        mut each: impl FnMut(&mut Self, Value, Value) -> Result<bool>,
    ) -> Result<()> {
        let changes = self.heap.changes(collection);
        for item in self.heap.elements(collection)? {
            let stop = each(self, item, lambda)?;
            if changes != self.heap.changes(collection) {
                return Err(changed());
            }
            if stop {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn no_method(method: Method) -> ScriptError {
    ScriptError::unsupported_run(format!("the method {method:?} of this value"))
}

impl Heap {
    /// `compareTo`: the difference for texts and small numbers, else the sign.
    pub(super) fn compare_to(&mut self, left: Value, right: Value) -> Result<i32> {
        self.work(1)?;
        Ok(match (left, right) {
            (Value::Text(a), Value::Text(b)) => {
                self.work(a.length.min(b.length) as usize / 16)?;
                let (a, b) = (self.str(a), self.str(b));
                let mut units = a.encode_utf16().zip(b.encode_utf16());
                match units.find(|(x, y)| x != y) {
                    Some((x, y)) => i32::from(x) - i32::from(y),
                    None => a.encode_utf16().count() as i32 - b.encode_utf16().count() as i32,
                }
            }
            (Value::Char(a), Value::Char(b)) => i32::from(a) - i32::from(b),
            (Value::Byte(a), Value::Byte(b)) => i32::from(a) - i32::from(b),
            (Value::Short(a), Value::Short(b)) => i32::from(a) - i32::from(b),
            _ => self.natural_order(left, right)? as i32,
        })
    }

    pub(super) fn entry_method(&mut self, method: Method, map: u32, slot: u32, args: &[Value]) -> Result<Value> {
        match method {
            Method::GetKey => self.slot_key(map, slot as usize),
            Method::GetValue => self.slot_value(map, slot as usize),
            Method::SetValue => {
                self.refuse_frozen(map)?;
                let old = self.slot_value(map, slot as usize)?;
                self.map_mut(map).slots[slot as usize].value = args[0];
                Ok(old)
            }
            _ => Err(no_method(method)),
        }
    }

    pub(super) fn view(&self, map: u32, kind: ViewKind) -> Value {
        Value::View(map, kind)
    }
}
