//! Conversions between types while a script runs. Whether one is legal at all was decided by the checker; what is left
//! depends on the value.

use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::math::Numeric;
use super::types::{CastKind, Type};
use super::value::Value;

fn refuse(heap: &Heap, value: Value, to: Type) -> ScriptError {
    let reason = format!("Cannot cast {} to {}", heap.class_name(value), to.boxed().name());
    ScriptError::run("class_cast_exception", reason)
}

fn null_value() -> ScriptError {
    ScriptError::run("null_pointer_exception", "Cannot invoke \"Object.getClass()\" because \"value\" is null")
}

pub(super) fn cast(heap: &mut Heap, value: Value, from: Type, to: Type, kind: CastKind) -> Result<Value> {
    if from == to || to == Type::Def {
        return Ok(value);
    }
    if to.is_primitive() {
        return to_primitive(heap, value, from, to, kind);
    }
    if to == Type::String
        && kind == CastKind::Explicit
        && let Value::Char(unit) = value
    {
        return char_text(heap, unit);
    }
    if let Some(inner) = to.unboxed() {
        return to_box(heap, value, (from, to, inner), kind);
    }
    if value.is_null() || heap.type_of(value).extends(to) { Ok(value) } else { Err(refuse(heap, value, to)) }
}

pub(super) fn char_text(heap: &mut Heap, unit: u16) -> Result<Value> {
    match char::from_u32(u32::from(unit)) {
        Some(found) => heap.add_text(found.encode_utf8(&mut [0; 4])),
        None => Err(ScriptError::unsupported_run("an unpaired surrogate")),
    }
}

fn to_primitive(heap: &Heap, value: Value, from: Type, to: Type, kind: CastKind) -> Result<Value> {
    if value.is_null() {
        return Err(null_value());
    }
    if let Value::Boolean(_) = value {
        return if to == Type::Boolean { Ok(value) } else { Err(refuse(heap, value, to)) };
    }
    if let (Value::Text(span), Type::Char, CastKind::Explicit) = (value, to, kind) {
        let mut units = heap.str(span).encode_utf16();
        return match (units.next(), units.next()) {
            (Some(unit), None) => Ok(Value::Char(unit)),
            _ => {
                let reason =
                    format!("cannot cast [{}] with length not equal to one from [String] to [char]", heap.str(span));
                Err(ScriptError::run("class_cast_exception", reason))
            }
        };
    }
    let dynamic = !from.is_primitive() && from.unboxed().is_none();
    let own = heap.type_of(value).unboxed();
    if dynamic && kind != CastKind::Explicit && !own.is_some_and(|own| own.widens_to(to)) {
        return Err(refuse(heap, value, to));
    }
    let converted = Numeric::of(heap, value).and_then(|number| number.convert(to));
    converted.ok_or_else(|| refuse(heap, value, to))
}

/// A box takes the value's own class only, unless Java converts on the way into it.
fn to_box(heap: &Heap, value: Value, types: (Type, Type, Type), kind: CastKind) -> Result<Value> {
    let (from, to, inner) = types;
    let own = heap.type_of(value);
    if value.is_null() || own == to {
        return Ok(value);
    }
    let converts = (from == Type::Def && kind != CastKind::Site) || from.is_primitive() || from.unboxed().is_some();
    if !converts || inner == Type::Boolean {
        return Err(refuse(heap, value, to));
    }
    to_primitive(heap, value, from, inner, kind)
}

/// The result of a compound assignment takes the class of what was there before.
pub(super) fn like(heap: &Heap, result: Value, before: Value) -> Result<Value> {
    let wanted = heap.type_of(before);
    if before.is_null() || result.is_null() || heap.type_of(result) == wanted {
        return Ok(result);
    }
    let converted = wanted.unboxed().and_then(|to| Numeric::of(heap, result)?.convert(to));
    converted.ok_or_else(|| refuse(heap, result, wanted))
}
