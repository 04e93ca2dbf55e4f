//! Values as text, as Java's `String.valueOf` has them.

use super::decimal::{double_text, float_text};
use super::error::{Result, ScriptError};
use super::heap::{Heap, MAX_NESTING};
use super::value::{Span, Value, ViewKind};

impl Heap {
    /// The text of any value, as a piece of the heap.
    pub(super) fn text_of(&mut self, value: Value) -> Result<Span> {
        if let Value::Text(span) | Value::BigInteger(span) = value {
            return Ok(span);
        }
        let mut out = String::new();
        self.print(value, &mut out, 0)?;
        match self.add_text(&out)? {
            Value::Text(span) => Ok(span),
            _ => Ok(Span { start: 0, length: 0 }),
        }
    }

    pub(super) fn print(&mut self, value: Value, out: &mut String, depth: usize) -> Result<()> {
        if depth > MAX_NESTING {
            return Err(ScriptError::too_deep());
        }
        match value {
            Value::Null => out.push_str("null"),
            Value::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
            Value::Byte(value) => out.push_str(&value.to_string()),
            Value::Short(value) => out.push_str(&value.to_string()),
            Value::Int(value) => out.push_str(&value.to_string()),
            Value::Long(value) => out.push_str(&value.to_string()),
            Value::Float(value) => out.push_str(&float_text(value)),
            Value::Double(value) => out.push_str(&double_text(value)),
            Value::Char(unit) => match char::from_u32(u32::from(unit)) {
                Some(found) => out.push(found),
                None => return Err(ScriptError::unsupported_run("an unpaired surrogate")),
            },
            Value::Text(span) | Value::BigInteger(span) => {
                self.take(span.length as usize)?;
                out.push_str(self.str(span));
            }
            Value::List(id) if !self.list(id).is_array => self.print_list(id, out, depth)?,
            Value::Map(id) => self.print_map(id, out, depth)?,
            Value::Set(id) => self.print_view(id, ViewKind::Keys, out, depth)?,
            Value::View(id, kind) => self.print_view(id, kind, out, depth)?,
            Value::Entry(id, slot) => self.print_entry(id, slot, out, depth)?,
            _ => return Err(ScriptError::unsupported_run(format!("the text of a {}", self.class_name(value)))),
        }
        Ok(())
    }

    fn print_list(&mut self, id: u32, out: &mut String, depth: usize) -> Result<()> {
        out.push('[');
        for index in 0..self.list(id).items.len() {
            if index > 0 {
                out.push_str(", ");
            }
            self.take(2)?;
            match self.list_item(id, index)? {
                Value::List(inner) if inner == id => out.push_str("(this Collection)"),
                item => self.print(item, out, depth + 1)?,
            }
        }
        out.push(']');
        Ok(())
    }

    fn print_map(&mut self, id: u32, out: &mut String, depth: usize) -> Result<()> {
        out.push('{');
        for (index, slot) in self.slots_in_order(id)?.into_iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.take(3)?;
            let key = self.slot_key(id, slot as usize)?;
            self.print(key, out, depth + 1)?;
            out.push('=');
            match self.slot_value(id, slot as usize)? {
                Value::Map(inner) if inner == id => out.push_str("(this Map)"),
                value => self.print(value, out, depth + 1)?,
            }
        }
        out.push('}');
        Ok(())
    }

    fn print_view(&mut self, id: u32, kind: ViewKind, out: &mut String, depth: usize) -> Result<()> {
        out.push('[');
        for (index, slot) in self.slots_in_order(id)?.into_iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            self.take(2)?;
            match kind {
                ViewKind::Keys => {
                    let key = self.slot_key(id, slot as usize)?;
                    self.print(key, out, depth + 1)?;
                }
                ViewKind::Values => {
                    let value = self.slot_value(id, slot as usize)?;
                    self.print(value, out, depth + 1)?;
                }
                ViewKind::Entries => self.print_entry(id, slot, out, depth + 1)?,
            }
        }
        out.push(']');
        Ok(())
    }

    fn print_entry(&mut self, id: u32, slot: u32, out: &mut String, depth: usize) -> Result<()> {
        let key = self.slot_key(id, slot as usize)?;
        self.print(key, out, depth + 1)?;
        out.push('=');
        let value = self.slot_value(id, slot as usize)?;
        self.print(value, out, depth + 1)
    }
}
