//! Java's arithmetic, for values of one type as for dynamic ones: integers wrap, division by zero is an error, and the
//! wider operand decides.

use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::types::Type;
use super::value::Value;

/// A number ready to compute with. Bytes, shorts and characters are ints here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numeric {
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// An integer beyond 64 bits: Java takes its lowest bits where it wants an int or a long.
    Big {
        low: i64,
        near: f64,
    },
}

impl Numeric {
    pub(super) fn of(heap: &Heap, value: Value) -> Option<Numeric> {
        Some(match value {
            Value::Byte(value) => Numeric::Int(i32::from(value)),
            Value::Short(value) => Numeric::Int(i32::from(value)),
            Value::Char(value) => Numeric::Int(i32::from(value)),
            Value::Int(value) => Numeric::Int(value),
            Value::Long(value) => Numeric::Long(value),
            Value::Float(value) => Numeric::Float(value),
            Value::Double(value) => Numeric::Double(value),
            Value::BigInteger(digits) => big(heap.str(digits)),
            _ => return None,
        })
    }

    pub(super) fn int(self) -> i32 {
        match self {
            Numeric::Int(value) => value,
            Numeric::Long(value) | Numeric::Big { low: value, .. } => value as i32,
            Numeric::Float(value) => value as i32,
            Numeric::Double(value) => value as i32,
        }
    }

    pub(super) fn long(self) -> i64 {
        match self {
            Numeric::Int(value) => i64::from(value),
            Numeric::Long(value) | Numeric::Big { low: value, .. } => value,
            Numeric::Float(value) => value as i64,
            Numeric::Double(value) => value as i64,
        }
    }

    fn float(self) -> f32 {
        match self {
            Numeric::Int(value) => value as f32,
            Numeric::Long(value) => value as f32,
            Numeric::Float(value) => value,
            Numeric::Double(value) | Numeric::Big { near: value, .. } => value as f32,
        }
    }

    pub(super) fn double(self) -> f64 {
        match self {
            Numeric::Int(value) => f64::from(value),
            Numeric::Long(value) => value as f64,
            Numeric::Float(value) => f64::from(value),
            Numeric::Double(value) | Numeric::Big { near: value, .. } => value,
        }
    }

    /// The type that two operands meet in. Two big integers meet as ints, as the server has it.
    fn meet(self, other: Numeric) -> Type {
        let either = |test: fn(&Numeric) -> bool| test(&self) || test(&other);
        if either(|number| matches!(number, Numeric::Double(_))) {
            Type::Double
        } else if either(|number| matches!(number, Numeric::Float(_))) {
            Type::Float
        } else if either(|number| matches!(number, Numeric::Long(_))) {
            Type::Long
        } else {
            Type::Int
        }
    }

    pub(super) fn equals(self, other: Numeric) -> bool {
        match self.meet(other) {
            Type::Double => self.double() == other.double(),
            Type::Float => self.float() == other.float(),
            Type::Long => self.long() == other.long(),
            _ => self.int() == other.int(),
        }
    }

    /// None if one of them is not a number.
    fn order(self, other: Numeric) -> Option<std::cmp::Ordering> {
        match self.meet(other) {
            Type::Double => self.double().partial_cmp(&other.double()),
            Type::Float => self.float().partial_cmp(&other.float()),
            Type::Long => Some(self.long().cmp(&other.long())),
            _ => Some(self.int().cmp(&other.int())),
        }
    }

    /// Java's bisecting and widening between primitives.
    pub(super) fn convert(self, to: Type) -> Option<Value> {
        Some(match to {
            Type::Byte => Value::Byte(self.int() as i8),
            Type::Short => Value::Short(self.int() as i16),
            Type::Char => Value::Char(self.int() as u16),
            Type::Int => Value::Int(self.int()),
            Type::Long => Value::Long(self.long()),
            Type::Float => Value::Float(self.float()),
            Type::Double => Value::Double(self.double()),
            _ => return None,
        })
    }
}

fn big(digits: &str) -> Numeric {
    let (negative, digits_only) = digits.strip_prefix('-').map_or((false, digits), |rest| (true, rest));
    let low = digits_only.bytes().fold(0_i64, |low, digit| low.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')));
    Numeric::Big { low: if negative { low.wrapping_neg() } else { low }, near: digits.parse().unwrap_or(f64::NAN) }
}

fn null_operand() -> ScriptError {
    ScriptError::run("null_pointer_exception", "Cannot invoke \"Object.getClass()\" because an operand is null")
}

fn refuse_types(heap: &Heap, op: &str, left: Value, right: Value) -> ScriptError {
    if left.is_null() || right.is_null() {
        return null_operand();
    }
    let (left, right) = (heap.class_name(left), heap.class_name(right));
    ScriptError::run("class_cast_exception", format!("Cannot apply [{op}] operation to types [{left}] and [{right}]."))
}

fn by_zero() -> ScriptError {
    ScriptError::run("arithmetic_exception", "/ by zero")
}

/// `+ - * / %` on numbers.
pub(super) fn arithmetic(heap: &Heap, op: &str, left: Value, right: Value) -> Result<Value> {
    let (Some(a), Some(b)) = (Numeric::of(heap, left), Numeric::of(heap, right)) else {
        return Err(refuse_types(heap, op, left, right));
    };
    Ok(match a.meet(b) {
        Type::Double => Value::Double(float_arithmetic(op, a.double(), b.double())),
        Type::Float => Value::Float(match op {
            "+" => a.float() + b.float(),
            "-" => a.float() - b.float(),
            "*" => a.float() * b.float(),
            "/" => a.float() / b.float(),
            _ => a.float() % b.float(),
        }),
        Type::Long => Value::Long(match (op, a.long(), b.long()) {
            ("+", a, b) => a.wrapping_add(b),
            ("-", a, b) => a.wrapping_sub(b),
            ("*", a, b) => a.wrapping_mul(b),
            (_, _, 0) => return Err(by_zero()),
            ("/", a, b) => a.wrapping_div(b),
            (_, a, b) => a.wrapping_rem(b),
        }),
        _ => Value::Int(match (op, a.int(), b.int()) {
            ("+", a, b) => a.wrapping_add(b),
            ("-", a, b) => a.wrapping_sub(b),
            ("*", a, b) => a.wrapping_mul(b),
            (_, _, 0) => return Err(by_zero()),
            ("/", a, b) => a.wrapping_div(b),
            (_, a, b) => a.wrapping_rem(b),
        }),
    })
}

fn float_arithmetic(op: &str, a: f64, b: f64) -> f64 {
    match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        _ => a % b,
    }
}

/// `< <= > >=`.
pub(super) fn ordered(heap: &Heap, op: &str, left: Value, right: Value) -> Result<bool> {
    let (Some(a), Some(b)) = (Numeric::of(heap, left), Numeric::of(heap, right)) else {
        return Err(refuse_types(heap, op, left, right));
    };
    let order = a.order(b);
    Ok(match op {
        "<" => order.is_some_and(|found| found.is_lt()),
        "<=" => order.is_some_and(|found| found.is_le()),
        ">" => order.is_some_and(|found| found.is_gt()),
        _ => order.is_some_and(|found| found.is_ge()),
    })
}

/// `& | ^` on integers and booleans.
pub(super) fn bitwise(heap: &Heap, op: &str, left: Value, right: Value) -> Result<Value> {
    if let (Value::Boolean(a), Value::Boolean(b)) = (left, right) {
        return Ok(Value::Boolean(match op {
            "&" => a & b,
            "|" => a | b,
            _ => a ^ b,
        }));
    }
    let (a, b) = (integral(heap, left)?, integral(heap, right)?);
    let bits = match op {
        "&" => a & b,
        "|" => a | b,
        _ => a ^ b,
    };
    let long = matches!(left, Value::Long(_)) || matches!(right, Value::Long(_));
    Ok(if long { Value::Long(bits) } else { Value::Int(bits as i32) })
}

fn integral(heap: &Heap, value: Value) -> Result<i64> {
    Ok(match value {
        Value::Byte(value) => i64::from(value),
        Value::Short(value) => i64::from(value),
        Value::Char(value) => i64::from(value),
        Value::Int(value) => i64::from(value),
        Value::Long(value) => value,
        Value::Null => return Err(null_operand()),
        _ => {
            let reason = format!("Cannot convert [{}] to an integral value.", heap.class_name(value));
            return Err(ScriptError::run("class_cast_exception", reason));
        }
    })
}

/// `<< >> >>>`: the left operand decides the width.
pub(super) fn shift(heap: &Heap, op: &str, left: Value, right: Value) -> Result<Value> {
    if left.is_null() {
        return Err(null_operand());
    }
    let distance = integral(heap, right)?;
    let value = integral(heap, left)?;
    let distance = distance as u32;
    if let Value::Long(value) = left {
        return Ok(Value::Long(match op {
            "<<" => value.wrapping_shl(distance),
            ">>" => value.wrapping_shr(distance),
            _ => (value as u64).wrapping_shr(distance) as i64,
        }));
    }
    let value = value as i32;
    Ok(Value::Int(match op {
        "<<" => value.wrapping_shl(distance),
        ">>" => value.wrapping_shr(distance),
        _ => (value as u32).wrapping_shr(distance) as i32,
    }))
}

/// `+ - ~` before a number.
pub(super) fn unary(heap: &Heap, op: &str, value: Value) -> Result<Value> {
    let number = Numeric::of(heap, value).filter(|number| !matches!(number, Numeric::Big { .. }));
    match (op, number) {
        (_, None) if value.is_null() => Err(null_operand()),
        ("~", Some(Numeric::Int(value))) => Ok(Value::Int(!value)),
        ("~", Some(Numeric::Long(value))) => Ok(Value::Long(!value)),
        ("-", Some(Numeric::Int(value))) => Ok(Value::Int(value.wrapping_neg())),
        ("-", Some(Numeric::Long(value))) => Ok(Value::Long(value.wrapping_neg())),
        ("-", Some(Numeric::Float(value))) => Ok(Value::Float(-value)),
        ("-", Some(Numeric::Double(value))) => Ok(Value::Double(-value)),
        ("+", Some(Numeric::Int(value))) => Ok(Value::Int(value)),
        ("+", Some(_)) => Ok(value),
        _ => {
            let class = heap.class_name(value);
            Err(ScriptError::run("class_cast_exception", format!("Cannot apply [{op}] operation to type [{class}]")))
        }
    }
}
