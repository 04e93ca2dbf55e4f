//! Collections in the heap: adding, removing, copying, and walking over them with Java's check for changes meanwhile.

use super::access::out_of_bounds;
use super::error::{Result, ScriptError};
use super::heap::{Heap, IteratorData, Order};
use super::run::null_receiver;
use super::types::Type;
use super::value::{Value, ViewKind};

pub(super) fn changed() -> ScriptError {
    ScriptError { reason: None, ..ScriptError::run("concurrent_modification_exception", "") }
}

impl Heap {
    pub(super) fn push(&mut self, list: u32, value: Value) -> Result<()> {
        self.take(size_of::<Value>())?;
        let list = self.list_mut(list);
        list.items.push(value);
        list.changes += 1;
        Ok(())
    }

    /// An index as the methods of lists take it: from 0, and inside.
    pub(super) fn list_index(&self, list: u32, index: i32) -> Result<usize> {
        let length = self.list(list).items.len();
        if index < 0 || index as usize >= length { Err(out_of_bounds(index, length)) } else { Ok(index as usize) }
    }

    /// The elements of a collection, in order.
    pub(super) fn elements(&mut self, collection: Value) -> Result<Vec<Value>> {
        match collection {
            Value::List(id) => {
                let count = self.list(id).items.len();
                self.work(count)?;
                (0..count).map(|index| self.list_item(id, index)).collect()
            }
            Value::Set(id) => self.view_items(id, ViewKind::Keys),
            Value::View(id, kind) => self.view_items(id, kind),
            Value::Null => Err(null_receiver()),
            _ => {
                let reason = format!("Cannot iterate over [{}]", self.class_name(collection));
                Err(ScriptError::run("illegal_argument_exception", reason))
            }
        }
    }

    fn view_items(&mut self, id: u32, kind: ViewKind) -> Result<Vec<Value>> {
        let slots = self.slots_in_order(id)?;
        slots.into_iter().map(|slot| self.view_item(id, kind, slot)).collect()
    }

    fn view_item(&mut self, id: u32, kind: ViewKind, slot: u32) -> Result<Value> {
        match kind {
            ViewKind::Keys => self.slot_key(id, slot as usize),
            ViewKind::Values => self.slot_value(id, slot as usize),
            ViewKind::Entries => Ok(Value::Entry(id, slot)),
        }
    }

    /// The number of changes so far.
    pub(super) fn changes(&self, collection: Value) -> u32 {
        match collection {
            Value::List(id) => self.list(id).changes,
            Value::Set(id) | Value::View(id, _) | Value::Map(id) => self.map(id).changes,
            _ => 0,
        }
    }

    pub(super) fn size(&self, collection: Value) -> usize {
        match collection {
            Value::List(id) => self.list(id).items.len(),
            Value::Set(id) | Value::View(id, _) | Value::Map(id) => self.map(id).size,
            _ => 0,
        }
    }

    pub(super) fn iterate(&mut self, source: Value) -> Result<u32> {
        let order = match source {
            Value::List(_) => Vec::new(),
            Value::Set(id) | Value::View(id, _) => self.slots_in_order(id)?,
            Value::Null => return Err(null_receiver()),
            _ => {
                let reason = format!("Cannot iterate over [{}]", self.class_name(source));
                return Err(ScriptError::run("illegal_argument_exception", reason));
            }
        };
        self.take(64 + order.len() * 4)?;
        let changes = self.changes(source);
        self.iterators.push(IteratorData { source, order, next: 0, last: None, changes });
        Ok(self.iterators.len() as u32 - 1)
    }

    /// A list asks for its size each time; a map has its next entry in hand.
    pub(super) fn has_next(&self, iterator: u32) -> bool {
        let iterator = &self.iterators[iterator as usize];
        match iterator.source {
            Value::List(id) => iterator.next != self.list(id).items.len(),
            _ => iterator.next < iterator.order.len(),
        }
    }

    pub(super) fn next_item(&mut self, id: u32) -> Result<Value> {
        let iterator = &self.iterators[id as usize];
        let (source, next) = (iterator.source, iterator.next);
        let array = matches!(source, Value::List(list) if self.list(list).is_array);
        if !array && iterator.changes != self.changes(source) {
            return Err(changed());
        }
        if !self.has_next(id) {
            return Err(ScriptError { reason: None, ..ScriptError::run("no_such_element_exception", "") });
        }
        let iterator = &mut self.iterators[id as usize];
        iterator.next += 1;
        iterator.last = Some(next);
        match source {
            Value::List(list) => self.list_item(list, next),
            Value::View(map, kind) => {
                let slot = self.iterators[id as usize].order[next];
                self.view_item(map, kind, slot)
            }
            Value::Set(map) => {
                let slot = self.iterators[id as usize].order[next];
                self.slot_key(map, slot as usize)
            }
            _ => Err(null_receiver()),
        }
    }

    /// `iterator.remove()`
    pub(super) fn remove_last(&mut self, id: u32) -> Result<()> {
        let iterator = &self.iterators[id as usize];
        let (source, changes) = (iterator.source, iterator.changes);
        let Some(last) = iterator.last else {
            return Err(ScriptError { reason: None, ..ScriptError::run("illegal_state_exception", "") });
        };
        if changes != self.changes(source) {
            return Err(changed());
        }
        match source {
            Value::List(list) => {
                self.remove_at(list, last)?;
                self.iterators[id as usize].next = last;
            }
            Value::Set(map) | Value::View(map, _) => {
                self.refuse_frozen(map)?;
                let slot = self.iterators[id as usize].order[last];
                self.remove_slot(map, slot as usize);
            }
            _ => {}
        }
        let changes = self.changes(source);
        let iterator = &mut self.iterators[id as usize];
        iterator.last = None;
        iterator.changes = changes;
        Ok(())
    }

    pub(super) fn remove_at(&mut self, list: u32, index: usize) -> Result<Value> {
        let value = self.list_item(list, index)?;
        self.work((self.list(list).items.len() - index) / 16)?;
        let list = self.list_mut(list);
        list.items.remove(index);
        list.changes += 1;
        Ok(value)
    }

    /// Keeps the elements of a collection that `keep` marks; how many went.
    pub(super) fn keep_marked(&mut self, collection: Value, keep: &[bool]) -> Result<usize> {
        let removed = keep.iter().filter(|keep| !**keep).count();
        match collection {
            _ if removed == 0 => {}
            Value::List(id) => {
                let list = self.list_mut(id);
                let mut marks = keep.iter();
                list.items.retain(|_| marks.next().copied().unwrap_or(true));
                list.changes += 1;
            }
            Value::Set(id) | Value::View(id, _) => {
                self.refuse_frozen(id)?;
                for (slot, keep) in self.slots_in_order(id)?.into_iter().zip(keep) {
                    if !keep {
                        self.remove_slot(id, slot as usize);
                    }
                }
            }
            _ => {}
        }
        Ok(removed)
    }

    pub(super) fn new_collection(&mut self, class: Type, source: Option<Value>) -> Result<Value> {
        if source == Some(Value::Null) {
            return Err(null_receiver());
        }
        let order = match class {
            Type::ArrayList => return self.copy_to_list(source),
            Type::LinkedHashMap | Type::LinkedHashSet => Order::Linked,
            _ => Order::Hashed,
        };
        let map = self.new_map(order)?;
        let is_map = matches!(class, Type::HashMap | Type::LinkedHashMap);
        match source {
            Some(Value::Map(from)) if is_map => {
                let size = self.map(from).size;
                self.map_mut(map).reserve_buckets(size);
                self.put_all(map, from)?;
            }
            Some(from) if !is_map => {
                let size = self.size(from);
                let data = self.map_mut(map);
                data.buckets = ((size as f32 / 0.75) as u32 + 1).max(16).next_power_of_two();
                for item in self.elements(from)? {
                    self.add_to_set(map, item)?;
                }
            }
            _ => {}
        }
        Ok(if is_map { Value::Map(map) } else { Value::Set(map) })
    }

    fn copy_to_list(&mut self, source: Option<Value>) -> Result<Value> {
        let items = match source {
            Some(from) => self.elements(from)?,
            None => Vec::new(),
        };
        let list = self.new_list()?;
        self.take(items.len() * size_of::<Value>())?;
        self.list_mut(list).items.extend(items);
        Ok(Value::List(list))
    }

    pub(super) fn put_all(&mut self, map: u32, from: u32) -> Result<()> {
        if map == from {
            return Ok(());
        }
        for slot in self.slots_in_order(from)? {
            let (key, value) = (self.slot_key(from, slot as usize)?, self.slot_value(from, slot as usize)?);
            self.put(map, key, value)?;
        }
        Ok(())
    }

    /// Whether it was new.
    pub(super) fn add_to_set(&mut self, set: u32, item: Value) -> Result<bool> {
        let new = self.find(set, item)?.is_none();
        if new {
            self.put(set, item, Value::Boolean(true))?;
        }
        Ok(new)
    }

    pub(super) fn contains(&mut self, collection: Value, item: Value) -> Result<bool> {
        match collection {
            Value::Set(id) | Value::View(id, ViewKind::Keys) => Ok(self.find(id, item)?.is_some()),
            _ => Ok(self.position(collection, item)?.is_some()),
        }
    }

    /// The index of the first element that equals.
    pub(super) fn position(&mut self, collection: Value, item: Value) -> Result<Option<usize>> {
        let count = self.size(collection);
        if let Value::List(id) = collection {
            for index in 0..count {
                self.work(1)?;
                let found = self.list_item(id, index)?;
                if self.equals(found, item)? {
                    return Ok(Some(index));
                }
            }
            return Ok(None);
        }
        for (index, found) in self.elements(collection)?.into_iter().enumerate() {
            if self.equals(found, item)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}
