//! The document that a script left, as JSON. What the script did not look at is copied byte for byte.

use super::decimal::{double_text, float_text};
use super::error::{Phase, Result, ScriptError};
use super::heap::{Heap, MAX_NESTING};
use super::value::{Value, ViewKind};

/// Bytes that a document may have beyond what the script worked with.
const MAX_WRITTEN: usize = if cfg!(test) { 8 << 20 } else { 64 << 20 };

fn unwritable(kind: &'static str, reason: String) -> ScriptError {
    ScriptError::new(Phase::Item, kind, reason)
}

impl Heap {
    /// Writes a value; `path` holds the containers around it, for an object that contains itself.
    pub(super) fn write(&mut self, value: Value, path: &mut Vec<Value>, out: &mut Vec<u8>) -> Result<()> {
        match value {
            Value::Raw(span) => out.extend_from_slice(self.str(span).as_bytes()),
            Value::Null => out.extend_from_slice(b"null"),
            Value::Boolean(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Byte(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Short(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Long(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Float(value) => write_decimal(&float_text(value), value.is_finite(), out),
            Value::Double(value) => write_decimal(&double_text(value), value.is_finite(), out),
            Value::BigInteger(digits) => out.extend_from_slice(self.str(digits).as_bytes()),
            Value::Text(span) => write_text(self.str(span), out),
            Value::List(_) | Value::Map(_) | Value::Set(_) | Value::View(..) => return self.nested(value, path, out),
            _ => {
                let reason =
                    format!("cannot write xcontent for unknown value of type class {}", self.class_name(value));
                return Err(unwritable("illegal_argument_exception", reason));
            }
        }
        Ok(())
    }

    fn nested(&mut self, value: Value, path: &mut Vec<Value>, out: &mut Vec<u8>) -> Result<()> {
        // It is compared with all that are around it.
        self.work(path.len())?;
        if path.contains(&value) {
            let reason = "Iterable object is self-referencing itself".to_string();
            return Err(unwritable("illegal_argument_exception", reason));
        }
        if path.len() > MAX_NESTING {
            return Err(ScriptError { phase: Phase::Item, ..ScriptError::limit("the document is nested too deeply") });
        }
        path.push(value);
        match value {
            Value::List(id) => {
                let count = self.list(id).items.len();
                self.write_elements(count, b"[]", out, |heap, index, out| {
                    heap.write(heap.list(id).items[index], path, out)
                })?;
            }
            Value::Map(id) => {
                let slots = self.live_slots(id);
                self.write_elements(slots.len(), b"{}", out, |heap, index, out| {
                    let slot = heap.map(id).slots[slots[index] as usize];
                    heap.write_key(slot.key, out)?;
                    heap.write(slot.value, path, out)
                })?;
            }
            Value::Set(id) | Value::View(id, ViewKind::Keys) => {
                let slots = self.slots_in_order(id)?;
                self.write_elements(slots.len(), b"[]", out, |heap, index, out| {
                    heap.write(heap.map(id).slots[slots[index] as usize].key, path, out)
                })?;
            }
            Value::View(id, ViewKind::Values) => {
                let slots = self.slots_in_order(id)?;
                self.write_elements(slots.len(), b"[]", out, |heap, index, out| {
                    heap.write(heap.map(id).slots[slots[index] as usize].value, path, out)
                })?;
            }
            _ => {
                let class = self.class_name(Value::Entry(0, 0));
                let reason = format!("cannot write xcontent for unknown value of type class {class}");
                return Err(unwritable("illegal_argument_exception", reason));
            }
        }
        path.pop();
        Ok(())
    }

    fn write_elements(
        &mut self,
        count: usize,
        brackets: &[u8; 2],
        out: &mut Vec<u8>,
        mut one: impl FnMut(&mut Heap, usize, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        self.work(count + 1)?;
        out.push(brackets[0]);
        for index in 0..count {
            if index > 0 {
                out.push(b',');
            }
            one(self, index, out)?;
            // A list that is in the document a million times is written a million times.
            if out.len() > MAX_WRITTEN + self.text.len() {
                return Err(ScriptError { phase: Phase::Item, ..ScriptError::limit("the document grows too large") });
            }
        }
        out.push(brackets[1]);
        Ok(())
    }

    fn write_key(&mut self, key: Value, out: &mut Vec<u8>) -> Result<()> {
        match key {
            Value::Raw(span) => out.extend_from_slice(self.str(span).as_bytes()),
            Value::Text(span) => write_text(self.str(span), out),
            Value::Null => {
                let reason = "Field name cannot be null".to_string();
                return Err(unwritable("illegal_argument_exception", reason));
            }
            _ => {
                let reason = format!("class {} cannot be cast to class java.lang.String", self.class_name(key));
                return Err(unwritable("class_cast_exception", reason));
            }
        }
        out.push(b':');
        Ok(())
    }
}

/// The server writes what is no number as a text.
fn write_decimal(text: &str, finite: bool, out: &mut Vec<u8>) {
    if finite {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_text(text, out);
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut written = 0;
    for (index, byte) in text.bytes().enumerate() {
        let short: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[written..index]);
        if short.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04X}").as_bytes());
        } else {
            out.extend_from_slice(short);
        }
        written = index + 1;
    }
    out.extend_from_slice(&text.as_bytes()[written..]);
    out.push(b'"');
}
