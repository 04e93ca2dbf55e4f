//! Java's `equals`, `hashCode` and natural order, and the `==` of painless.

use std::cmp::Ordering;

use super::error::{Result, ScriptError};
use super::heap::{Heap, MAX_NESTING};
use super::math::Numeric;
use super::types::Type;
use super::value::{Value, ViewKind};

fn boolean_as_number(heap: &Heap, boolean: Value, number: Value) -> ScriptError {
    let reason = format!("Cannot cast {} to {}", heap.class_name(boolean), heap.class_name(number));
    ScriptError { unsupported: true, ..ScriptError::run("class_cast_exception", reason) }
}

impl Heap {
    /// `==` between dynamic values: numbers by value, everything else by `equals`. A boolean beside a number is an
    /// error on the server until that place in the script has seen other types; so it is always one here.
    pub(super) fn loosely_equal(&mut self, left: Value, right: Value) -> Result<bool> {
        match (Numeric::of(self, left), Numeric::of(self, right)) {
            (Some(a), Some(b)) => Ok(a.equals(b)),
            (Some(_), None) if matches!(right, Value::Boolean(_)) => Err(boolean_as_number(self, right, left)),
            (None, Some(_)) if matches!(left, Value::Boolean(_)) => Err(boolean_as_number(self, left, right)),
            _ => self.equals(left, right),
        }
    }

    pub(super) fn equals(&mut self, left: Value, right: Value) -> Result<bool> {
        self.equals_at(left, right, 0)
    }

    fn equals_at(&mut self, left: Value, right: Value, depth: usize) -> Result<bool> {
        if depth > MAX_NESTING {
            return Err(ScriptError::too_deep());
        }
        match (left, right) {
            (Value::Double(a), Value::Double(b)) => Ok(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())),
            (Value::Float(a), Value::Float(b)) => Ok(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())),
            (Value::Text(a), Value::Text(b)) => {
                self.work(a.length.min(b.length) as usize / 64)?;
                Ok(a == b || self.str(a) == self.str(b))
            }
            (Value::BigInteger(a), Value::BigInteger(b)) => Ok(self.str(a) == self.str(b)),
            (Value::List(a), Value::List(b)) if a != b => self.lists_equal(a, b, depth),
            (Value::Map(a), Value::Map(b)) if a != b => self.maps_equal(a, b, depth),
            (Value::Entry(a, i), Value::Entry(b, j)) if (a, i) != (b, j) => {
                let (left, right) = (self.slot_key(a, i as usize)?, self.slot_key(b, j as usize)?);
                if !self.equals_at(left, right, depth + 1)? {
                    return Ok(false);
                }
                let (left, right) = (self.slot_value(a, i as usize)?, self.slot_value(b, j as usize)?);
                self.equals_at(left, right, depth + 1)
            }
            (Value::Set(_) | Value::View(..), Value::Set(_) | Value::View(..)) if left != right => {
                self.sets_equal(left, right)
            }
            _ => Ok(left == right),
        }
    }

    fn lists_equal(&mut self, a: u32, b: u32, depth: usize) -> Result<bool> {
        let length = self.list(a).items.len();
        if self.list(a).is_array || self.list(b).is_array || length != self.list(b).items.len() {
            return Ok(false);
        }
        self.work(length)?;
        for index in 0..length {
            let (left, right) = (self.list_item(a, index)?, self.list_item(b, index)?);
            if !self.equals_at(left, right, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn maps_equal(&mut self, a: u32, b: u32, depth: usize) -> Result<bool> {
        if self.map(a).size != self.map(b).size {
            return Ok(false);
        }
        for slot in 0..self.map(a).slots.len() {
            if !self.map(a).slots[slot].live {
                continue;
            }
            let key = self.slot_key(a, slot)?;
            let Some(other) = self.find(b, key)? else { return Ok(false) };
            let (left, right) = (self.slot_value(a, slot)?, self.slot_value(b, other)?);
            if !self.equals_at(left, right, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sets_equal(&mut self, left: Value, right: Value) -> Result<bool> {
        let keys = |value| match value {
            Value::Set(id) | Value::View(id, ViewKind::Keys) => Some(id),
            _ => None,
        };
        let (Some(a), Some(b)) = (keys(left), keys(right)) else {
            return Err(ScriptError::unsupported_run("comparing these collections"));
        };
        if self.map(a).size != self.map(b).size {
            return Ok(false);
        }
        for slot in self.slots_in_order(a)? {
            let key = self.slot_key(a, slot as usize)?;
            if self.find(b, key)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn hash(&mut self, value: Value, depth: usize) -> Result<i32> {
        if depth > MAX_NESTING {
            return Err(ScriptError::too_deep());
        }
        Ok(match value {
            Value::Null => 0,
            Value::Boolean(value) => {
                if value {
                    1231
                } else {
                    1237
                }
            }
            Value::Byte(value) => i32::from(value),
            Value::Short(value) => i32::from(value),
            Value::Char(value) => i32::from(value),
            Value::Int(value) => value,
            Value::Long(value) => (value ^ ((value as u64) >> 32) as i64) as i32,
            Value::Float(value) => (if value.is_nan() { f32::NAN } else { value }).to_bits() as i32,
            Value::Double(value) => {
                let bits = if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() };
                (bits ^ (bits >> 32)) as i32
            }
            Value::Text(span) => {
                self.work(span.length as usize / 16)?;
                self.str(span)
                    .encode_utf16()
                    .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
            }
            Value::List(id) if !self.list(id).is_array => {
                self.work(self.list(id).items.len())?;
                let mut hash = 1_i32;
                for index in 0..self.list(id).items.len() {
                    let item = self.list_item(id, index)?;
                    hash = hash.wrapping_mul(31).wrapping_add(self.hash(item, depth + 1)?);
                }
                hash
            }
            Value::Map(id) => self.hash_of_slots(id, true, depth)?,
            Value::Set(id) | Value::View(id, ViewKind::Keys) => self.hash_of_slots(id, false, depth)?,
            Value::Entry(id, slot) => self.hash_of_entry(id, slot as usize, depth)?,
            _ => return Err(ScriptError::unsupported_run(format!("the hash of a {}", self.class_name(value)))),
        })
    }

    fn hash_of_entry(&mut self, id: u32, slot: usize, depth: usize) -> Result<i32> {
        let (key, value) = (self.slot_key(id, slot)?, self.slot_value(id, slot)?);
        Ok(self.hash(key, depth + 1)? ^ self.hash(value, depth + 1)?)
    }

    fn hash_of_slots(&mut self, id: u32, with_values: bool, depth: usize) -> Result<i32> {
        self.work(self.map(id).slots.len())?;
        let mut sum = 0_i32;
        for slot in 0..self.map(id).slots.len() {
            if self.map(id).slots[slot].live {
                let hash = if with_values {
                    self.hash_of_entry(id, slot, depth)?
                } else {
                    let key = self.slot_key(id, slot)?;
                    self.hash(key, depth + 1)?
                };
                sum = sum.wrapping_add(hash);
            }
        }
        Ok(sum)
    }

    /// `compareTo`: within one class only.
    pub(super) fn natural_order(&mut self, left: Value, right: Value) -> Result<Ordering> {
        self.work(1)?;
        Ok(match (left, right) {
            (Value::Text(a), Value::Text(b)) => {
                self.work(a.length.min(b.length) as usize / 64)?;
                compare_utf16(self.str(a), self.str(b))
            }
            (Value::Int(a), Value::Int(b)) => a.cmp(&b),
            (Value::Long(a), Value::Long(b)) => a.cmp(&b),
            (Value::Double(a), Value::Double(b)) => compare_doubles(a, b),
            (Value::Float(a), Value::Float(b)) => compare_doubles(f64::from(a), f64::from(b)),
            (Value::Boolean(a), Value::Boolean(b)) => a.cmp(&b),
            (Value::Char(a), Value::Char(b)) => a.cmp(&b),
            (Value::Byte(a), Value::Byte(b)) => a.cmp(&b),
            (Value::Short(a), Value::Short(b)) => a.cmp(&b),
            (Value::BigInteger(_), Value::BigInteger(_)) => {
                return Err(ScriptError::unsupported_run("ordering integers beyond 64 bits"));
            }
            _ if left.is_null() || (right.is_null() && self.type_of(left).extends(Type::Comparable)) => {
                return Err(ScriptError::run("null_pointer_exception", "Cannot compare with null"));
            }
            _ => {
                let (from, to) = (self.class_name(left), self.class_name(right));
                let reason = format!("class {from} cannot be cast to class {to}");
                return Err(ScriptError::run("class_cast_exception", reason));
            }
        })
    }
}

/// By UTF-16 units: characters beyond the basic plane stand before U+E000.
pub(super) fn compare_utf16(left: &str, right: &str) -> Ordering {
    if left.is_ascii() || right.is_ascii() {
        return left.cmp(right);
    }
    left.encode_utf16().cmp(right.encode_utf16())
}

/// Java's `Double.compare`: -0.0 before 0.0, NaN last.
pub(super) fn compare_doubles(left: f64, right: f64) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => left.total_cmp(&right),
    }
}
