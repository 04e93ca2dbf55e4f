//! Everything that a running script holds: one text, lists, maps and iterators, all found by index.
//! Nothing is freed before the run ends, so cycles and deep nesting cost nothing to drop; in return the memory and the
//! work of one run are limited here.

use super::error::{Result, ScriptError};
use super::types::Type;
use super::value::{Span, Value};

/// Memory that one run may take on top of its document and parameters.
const MAX_BYTES: u64 = if cfg!(test) { 8 << 20 } else { 64 << 20 };
/// Steps of one run; one is about ten nanoseconds. The server stops a loop after a million rounds only.
const MAX_STEPS: u64 = if cfg!(test) { 10_000_000 } else { 50_000_000 };
/// How deep values may nest wherever they are written, compared or printed.
pub(super) const MAX_NESTING: usize = 200;

#[derive(Default)]
pub(super) struct ListData {
    pub(super) items: Vec<Value>,
    /// A Java array: a fixed number of strings.
    pub(super) is_array: bool,
    /// How often elements were added or removed; an iterator that sees it change fails.
    pub(super) changes: u32,
}

/// Which Java class a map or set has, and so its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// As inserted.
    #[default]
    Linked,
    /// By the hash of the key.
    Hashed,
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) key: Value,
    pub(super) value: Value,
    /// The order within a bucket of a hash map: `put` adds at its end, the `compute` methods at its beginning.
    pub(super) rank: i32,
    /// A removed entry keeps its slot: an entry value in the script's hands still has its key and value.
    pub(super) live: bool,
}

#[derive(Default)]
pub(super) struct MapData {
    pub(super) slots: Vec<Slot>,
    pub(super) size: usize,
    pub(super) order: Order,
    /// `params` cannot be changed.
    pub(super) frozen: bool,
    /// Java's number of buckets, which decides the order of a hashed map.
    pub(super) buckets: u32,
    pub(super) changes: u32,
}

/// An iterator over a list (`order` empty) or over the slots of a map.
pub(super) struct IteratorData {
    pub(super) source: Value,
    pub(super) order: Vec<u32>,
    pub(super) next: usize,
    /// The index of the last element given out, until it is removed.
    pub(super) last: Option<usize>,
    pub(super) changes: u32,
}

#[derive(Default)]
pub(super) struct Heap {
    pub(super) text: String,
    lists: Vec<ListData>,
    used_lists: usize,
    maps: Vec<MapData>,
    used_maps: usize,
    pub(super) iterators: Vec<IteratorData>,
    /// Objects in this part of the text keep their order; the server reads others into hash maps.
    pub(super) ordered: std::ops::Range<u32>,
    bytes_left: u64,
    steps_left: u64,
}

impl Heap {
    /// Forgets everything but the memory itself; the text begins with the constants of the script.
    pub(super) fn reset(&mut self, constants: &str) {
        self.text.clear();
        self.text.push_str(constants);
        self.used_lists = 0;
        self.used_maps = 0;
        self.iterators.clear();
        self.bytes_left = MAX_BYTES;
        self.steps_left = MAX_STEPS;
    }

    /// Gives memory back that an unusual document took.
    pub(super) fn shrink(&mut self) {
        if self.text.capacity() > 4 << 20 || self.lists.len() + self.maps.len() > 10_000 {
            *self = Heap::default();
        }
    }

    pub(super) fn work(&mut self, steps: usize) -> Result<()> {
        self.steps_left = self.steps_left.saturating_sub(steps as u64);
        if self.steps_left > 0 { Ok(()) } else { Err(ScriptError::limit("the script takes too many steps")) }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<()> {
        match self.bytes_left.checked_sub(bytes as u64) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(ScriptError::limit("the script takes too much memory")),
        }
    }

    /// Adds a document or parameters, which do not count against the limit.
    pub(super) fn add_input(&mut self, text: &str) -> Result<Span> {
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        if self.text.len() + text.len() >= (u32::MAX - MAX_BYTES as u32) as usize {
            return Err(ScriptError::limit("the document is too large for a script"));
        }
        self.text.push_str(text);
        Ok(Span { start, length: text.len() as u32 })
    }

    pub(super) fn add_text(&mut self, text: &str) -> Result<Value> {
        self.take(text.len())?;
        Ok(Value::Text(self.add_input(text)?))
    }

    pub(super) fn str(&self, span: Span) -> &str {
        self.text.get(span.start as usize..(span.start + span.length) as usize).unwrap_or("")
    }

    pub(super) fn join(&mut self, left: Span, right: Span) -> Result<Value> {
        self.take(right.length as usize)?;
        let whole = |span: Span| span.start as usize..(span.start + span.length) as usize;
        // A text at the very end of the heap grows in place; what it was stays its beginning.
        let start = if (left.start + left.length) as usize == self.text.len() {
            left.start
        } else {
            self.take(left.length as usize)?;
            let start = self.text.len() as u32;
            self.text.extend_from_within(whole(left));
            start
        };
        self.text.extend_from_within(whole(right));
        self.work((left.length + right.length) as usize / 64)?;
        Ok(Value::Text(Span { start, length: left.length + right.length }))
    }

    pub(super) fn new_list(&mut self) -> Result<u32> {
        self.take(64)?;
        if self.used_lists == self.lists.len() {
            self.lists.push(ListData::default());
        }
        let list = &mut self.lists[self.used_lists];
        list.items.clear();
        list.is_array = false;
        list.changes = 0;
        self.used_lists += 1;
        Ok(self.used_lists as u32 - 1)
    }

    pub(super) fn new_map(&mut self, order: Order) -> Result<u32> {
        self.take(96)?;
        if self.used_maps == self.maps.len() {
            self.maps.push(MapData::default());
        }
        let map = &mut self.maps[self.used_maps];
        let mut slots = std::mem::take(&mut map.slots);
        slots.clear();
        *map = MapData { slots, order, ..MapData::default() };
        self.used_maps += 1;
        Ok(self.used_maps as u32 - 1)
    }

    pub(super) fn list(&self, id: u32) -> &ListData {
        &self.lists[id as usize]
    }

    pub(super) fn list_mut(&mut self, id: u32) -> &mut ListData {
        &mut self.lists[id as usize]
    }

    pub(super) fn map(&self, id: u32) -> &MapData {
        &self.maps[id as usize]
    }

    pub(super) fn map_mut(&mut self, id: u32) -> &mut MapData {
        &mut self.maps[id as usize]
    }

    /// The class of a value.
    pub(super) fn type_of(&self, value: Value) -> Type {
        match value {
            Value::List(id) if self.list(id).is_array => Type::StringArray,
            Value::List(_) => Type::ArrayList,
            Value::Map(id) if self.map(id).frozen => Type::Map,
            Value::Map(id) if self.map(id).order == Order::Linked => Type::LinkedHashMap,
            Value::Map(_) => Type::HashMap,
            Value::Set(id) if self.map(id).order == Order::Linked => Type::LinkedHashSet,
            Value::Set(_) => Type::HashSet,
            other => other.simple_type(),
        }
    }

    pub(super) fn class_name(&self, value: Value) -> &'static str {
        self.type_of(value).name()
    }
}
