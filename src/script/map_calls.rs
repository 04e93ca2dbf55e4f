//! The methods of maps.

use super::call::no_method;
use super::error::Result;
use super::heap::Order;
use super::lists::changed;
use super::method::Method;
use super::run::{Machine, null_receiver};
use super::value::{Value, ViewKind};

impl Machine<'_> {
    pub(super) fn map_method(&mut self, method: Method, map: u32, args: &[Value]) -> Result<Value> {
        match method {
            Method::Get => self.heap.get(map, args[0]),
            Method::Put => self.heap.put(map, args[0], args[1]),
            Method::ContainsKey => Ok(Value::Boolean(self.heap.find(map, args[0])?.is_some())),
            Method::RemoveKey => self.heap.remove(map, args[0]).map(|found| found.unwrap_or(Value::Null)),
            Method::MapSize => Ok(Value::Int(self.heap.map(map).size as i32)),
            Method::MapIsEmpty => Ok(Value::Boolean(self.heap.map(map).size == 0)),
            Method::KeySet => Ok(self.heap.view(map, ViewKind::Keys)),
            Method::Values => Ok(self.heap.view(map, ViewKind::Values)),
            Method::EntrySet => Ok(self.heap.view(map, ViewKind::Entries)),
            Method::MapClear => self.heap.clear(map).map(|()| Value::Null),
            Method::GetOrDefault => match self.heap.find(map, args[0])? {
                Some(slot) => self.heap.slot_value(map, slot),
                None => Ok(args[1]),
            },
            Method::ContainsValue => {
                let view = self.heap.view(map, ViewKind::Values);
                self.heap.contains(view, args[0]).map(Value::Boolean)
            }
            Method::PutAll => self.put_all(map, args[0]),
            Method::PutIfAbsent => match self.heap.get(map, args[0])? {
                Value::Null => self.heap.put(map, args[0], args[1]),
                old => self.heap.refuse_frozen(map).map(|()| old),
            },
            Method::RemovePair => self.remove_pair(map, args[0], args[1]),
            Method::ReplaceKey => {
                self.heap.refuse_frozen(map)?;
                let known = self.heap.find(map, args[0])?.is_some();
                if known { self.heap.put(map, args[0], args[1]) } else { Ok(Value::Null) }
            }
            Method::Compute | Method::ComputeIfAbsent | Method::ComputeIfPresent => {
                self.compute_value(method, map, args[0], args[1])
            }
            Method::Merge => self.merge(map, args),
            _ => self.walk_map(method, map, args),
        }
    }

    fn put_all(&mut self, map: u32, from: Value) -> Result<Value> {
        let Value::Map(from) = from else { return Err(null_receiver()) };
        self.heap.refuse_frozen(map)?;
        let size = self.heap.map(from).size;
        if self.heap.map(map).buckets == 0 {
            self.heap.map_mut(map).reserve_buckets(size);
        } else {
            let data = self.heap.map_mut(map);
            while size as u64 * 4 > u64::from(data.buckets) * 3 {
                data.buckets *= 2;
            }
        }
        self.heap.put_all(map, from).map(|()| Value::Null)
    }

    fn remove_pair(&mut self, map: u32, key: Value, value: Value) -> Result<Value> {
        self.heap.refuse_frozen(map)?;
        let Some(slot) = self.heap.find(map, key)? else { return Ok(Value::Boolean(false)) };
        let found = self.heap.slot_value(map, slot)?;
        let equal = self.heap.equals(found, value)?;
        if equal {
            self.heap.remove_slot(map, slot);
        }
        Ok(Value::Boolean(equal))
    }

    /// Calls a function that must leave the map alone, and stores what it gives; null removes.
    fn store_result(&mut self, map: u32, key: Value, lambda: Value, args: &[Value]) -> Result<Value> {
        let changes = self.heap.map(map).changes;
        let new = self.invoke(lambda, args)?;
        if changes != self.heap.map(map).changes {
            return Err(changed());
        }
        if new.is_null() {
            self.heap.remove(map, key)?;
        } else {
            self.heap.put_first(map, key, new)?;
        }
        Ok(new)
    }

    fn compute_value(&mut self, method: Method, map: u32, key: Value, lambda: Value) -> Result<Value> {
        self.heap.refuse_frozen(map)?;
        if method != Method::ComputeIfPresent {
            // Java grows the buckets first, needed or not.
            self.heap.map_mut(map).grow_buckets();
        }
        let old = self.heap.get(map, key)?;
        match method {
            Method::ComputeIfAbsent if !old.is_null() => Ok(old),
            Method::ComputeIfAbsent => {
                let known = self.heap.find(map, key)?.is_some();
                let changes = self.heap.map(map).changes;
                let new = self.invoke(lambda, &[key])?;
                if changes != self.heap.map(map).changes {
                    return Err(changed());
                }
                if !new.is_null() || known {
                    self.heap.put_first(map, key, new)?;
                }
                Ok(new)
            }
            Method::ComputeIfPresent if old.is_null() => Ok(Value::Null),
            _ => self.store_result(map, key, lambda, &[key, old]),
        }
    }

    fn merge(&mut self, map: u32, args: &[Value]) -> Result<Value> {
        self.heap.refuse_frozen(map)?;
        let (key, value, lambda) = (args[0], args[1], args[2]);
        if value.is_null() || lambda.is_null() {
            return Err(null_receiver());
        }
        self.heap.map_mut(map).grow_buckets();
        match self.heap.get(map, key)? {
            Value::Null => {
                self.heap.put_first(map, key, value)?;
                Ok(value)
            }
            old => self.store_result(map, key, lambda, &[old, value]),
        }
    }

    fn walk_map(&mut self, method: Method, map: u32, args: &[Value]) -> Result<Value> {
        let lambda = args.first().copied().unwrap_or(Value::Null);
        let made = match method {
            Method::MapFindAll => Value::Map(self.heap.new_map(Order::Linked)?),
            Method::MapCollect => Value::List(self.heap.new_list()?),
            Method::MapForEach => Value::Map(map),
            Method::MapReplaceAll => Value::Null,
            Method::MapEvery | Method::MapCount => Value::Int(0),
            _ => return Err(no_method(method)),
        };
        if method == Method::MapReplaceAll {
            self.heap.refuse_frozen(map)?;
        }
        let (mut count, mut every) = (0, true);
        let changes = self.heap.map(map).changes;
        for slot in self.heap.slots_in_order(map)? {
            let (key, value) = (self.heap.slot_key(map, slot as usize)?, self.heap.slot_value(map, slot as usize)?);
            match (method, made) {
                (Method::MapReplaceAll, _) => {
                    let new = self.invoke(lambda, &[key, value])?;
                    self.heap.map_mut(map).slots[slot as usize].value = new;
                }
                (Method::MapCollect, Value::List(list)) => {
                    let new = self.invoke(lambda, &[key, value])?;
                    self.heap.push(list, new)?;
                }
                (Method::MapForEach, _) => {
                    self.invoke(lambda, &[key, value])?;
                }
                (_, made) => {
                    let accepted = self.accepts(lambda, &[key, value])?;
                    count += i32::from(accepted);
                    every &= accepted;
                    if let (Value::Map(found), true) = (made, accepted) {
                        self.heap.put(found, key, value)?;
                    }
                }
            }
            if changes != self.heap.map(map).changes {
                return Err(changed());
            }
            if method == Method::MapEvery && !every {
                break;
            }
        }
        Ok(match method {
            Method::MapEvery => Value::Boolean(every),
            Method::MapCount => Value::Int(count),
            _ => made,
        })
    }
}
