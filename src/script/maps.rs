//! Maps and sets: finding, adding and removing keys, and the order in which Java shows them.

use super::error::{Result, ScriptError};
use super::heap::{Heap, MapData, Order, Slot};
use super::value::{Span, Value};

impl MapData {
    /// Java doubles its buckets when they are three quarters full, and never takes them back.
    pub(super) fn grow_buckets(&mut self) {
        if self.size > 0 && self.buckets == 0 {
            self.buckets = 16;
        }
        while self.size as u64 * 4 > u64::from(self.buckets) * 3 {
            self.buckets *= 2;
        }
    }

    /// The buckets of a map that is made for `size` entries at once.
    pub(super) fn reserve_buckets(&mut self, size: usize) {
        if size > 0 {
            let wanted = (size as f32 / 0.75 + 1.0) as u32;
            self.buckets = self.buckets.max(wanted.next_power_of_two());
        }
    }
}

fn frozen() -> ScriptError {
    ScriptError { reason: None, ..ScriptError::run("unsupported_operation_exception", "") }
}

impl Heap {
    /// The slot of a key. Newest first: where a document has a field twice, the last one counts.
    pub(super) fn find(&mut self, id: u32, key: Value) -> Result<Option<usize>> {
        self.work(self.map(id).slots.len() / 4)?;
        if let Value::Text(wanted) = key {
            return self.find_text(id, wanted);
        }
        for slot in (0..self.map(id).slots.len()).rev() {
            if self.map(id).slots[slot].live {
                let found = self.slot_key(id, slot)?;
                if self.equals(found, key)? {
                    return Ok(Some(slot));
                }
            }
        }
        Ok(None)
    }

    fn find_text(&mut self, id: u32, wanted: Span) -> Result<Option<usize>> {
        let text = self.str(wanted).as_bytes();
        let found = self.map(id).slots.iter().rposition(|slot| slot.live && self.key_is(slot.key, text));
        Ok(found)
    }

    /// A key with escapes is read anew each time: it must keep its bytes.
    fn key_is(&self, key: Value, wanted: &[u8]) -> bool {
        match key {
            Value::Raw(span) => {
                let raw = self.str(span);
                let inner = &raw.as_bytes()[1..raw.len() - 1];
                inner == wanted
                    || (inner.contains(&b'\\')
                        && serde_json::from_str::<String>(raw).is_ok_and(|text| text.as_bytes() == wanted))
            }
            Value::Text(span) => self.str(span).as_bytes() == wanted,
            _ => false,
        }
    }

    /// The value of a key, or null.
    pub(super) fn get(&mut self, id: u32, key: Value) -> Result<Value> {
        match self.find(id, key)? {
            Some(slot) => self.slot_value(id, slot),
            None => Ok(Value::Null),
        }
    }

    /// Sets a key and returns what it had before.
    pub(super) fn put(&mut self, id: u32, key: Value, value: Value) -> Result<Value> {
        if self.map(id).frozen {
            return Err(frozen());
        }
        if let Some(slot) = self.find(id, key)? {
            let old = self.slot_value(id, slot)?;
            self.map_mut(id).slots[slot].value = value;
            return Ok(old);
        }
        self.hash(key, 0)?;
        self.insert(id, key, value)?;
        Ok(Value::Null)
    }

    /// Adds a key that is known to be new.
    pub(super) fn insert(&mut self, id: u32, key: Value, value: Value) -> Result<()> {
        self.take(size_of::<Slot>())?;
        let map = self.map_mut(id);
        let rank = map.slots.len() as i32;
        map.slots.push(Slot { key, value, rank, live: true });
        map.size += 1;
        map.changes += 1;
        map.grow_buckets();
        Ok(())
    }

    /// Sets a key as `compute` and its like do: a new one comes first in its bucket, and the buckets grow only at the
    /// next call.
    pub(super) fn put_first(&mut self, id: u32, key: Value, value: Value) -> Result<()> {
        if self.find(id, key)?.is_some() {
            return self.put(id, key, value).map(|_| ());
        }
        self.hash(key, 0)?;
        self.take(size_of::<Slot>())?;
        let map = self.map_mut(id);
        if map.buckets == 0 {
            map.buckets = 16;
        }
        let rank = -(map.slots.len() as i32);
        map.slots.push(Slot { key, value, rank, live: true });
        map.size += 1;
        map.changes += 1;
        Ok(())
    }

    /// Removes a key; whether it was there, and its value.
    pub(super) fn remove(&mut self, id: u32, key: Value) -> Result<Option<Value>> {
        if self.map(id).frozen {
            return Err(frozen());
        }
        let mut removed = None;
        while let Some(slot) = self.find(id, key)? {
            let value = self.slot_value(id, slot)?;
            self.remove_slot(id, slot);
            removed = removed.or(Some(value));
        }
        Ok(removed)
    }

    pub(super) fn remove_slot(&mut self, id: u32, slot: usize) {
        let map = self.map_mut(id);
        if map.slots[slot].live {
            map.slots[slot].live = false;
            map.size -= 1;
            map.changes += 1;
        }
    }

    pub(super) fn clear(&mut self, id: u32) -> Result<()> {
        if self.map(id).frozen {
            return Err(frozen());
        }
        let map = self.map_mut(id);
        map.slots.iter_mut().for_each(|slot| slot.live = false);
        map.size = 0;
        map.changes += 1;
        Ok(())
    }

    pub(super) fn refuse_frozen(&self, id: u32) -> Result<()> {
        if self.map(id).frozen { Err(frozen()) } else { Ok(()) }
    }

    /// The slots as they were inserted.
    pub(super) fn live_slots(&self, id: u32) -> Vec<u32> {
        let slots = &self.map(id).slots;
        (0..slots.len()).filter(|slot| slots[*slot].live).map(|slot| slot as u32).collect()
    }

    /// The slots in Java's order. In a bucket of a hash map entries stand as they were inserted.
    pub(super) fn slots_in_order(&mut self, id: u32) -> Result<Vec<u32>> {
        self.work(self.map(id).slots.len())?;
        let mut slots = self.live_slots(id);
        let map = self.map(id);
        if map.order == Order::Linked {
            return Ok(slots);
        }
        let mask = map.buckets.max(1) - 1;
        let mut buckets = vec![0; map.slots.len()];
        for slot in &slots {
            let key = self.slot_key(id, *slot as usize)?;
            let hash = self.hash(key, 0)? as u32;
            buckets[*slot as usize] = (hash ^ (hash >> 16)) & mask;
        }
        slots.sort_by_key(|slot| (buckets[*slot as usize], self.map(id).slots[*slot as usize].rank));
        let crowded = slots.chunk_by(|a, b| buckets[*a as usize] == buckets[*b as usize]).any(|chunk| chunk.len() > 8);
        if crowded {
            return Err(ScriptError::unsupported_run("the order of a hash map with many colliding keys"));
        }
        Ok(slots)
    }
}
