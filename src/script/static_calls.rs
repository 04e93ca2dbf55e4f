//! Static methods: `Math`, parsing and comparing numbers, `Collections`, `Objects`.

use super::compare::compare_doubles;
use super::error::{Result, ScriptError};
use super::math::{self, Numeric};
use super::method::StaticMethod;
use super::run::{Machine, null_receiver};
use super::value::Value;

fn not_a_number(text: &str) -> ScriptError {
    ScriptError::run("number_format_exception", format!("For input string: \"{text}\""))
}

impl Machine<'_> {
    pub(super) fn call_static(&mut self, method: StaticMethod, args: &[Value]) -> Result<Value> {
        let first = args.first().copied().unwrap_or(Value::Null);
        match method {
            StaticMethod::Math(name) => self.math(name, args),
            StaticMethod::Same => Ok(first),
            StaticMethod::TextOf => Ok(Value::Text(self.heap.text_of(first)?)),
            StaticMethod::TextOrDefault if first.is_null() => Ok(args[1]),
            StaticMethod::TextOrDefault => Ok(Value::Text(self.heap.text_of(first)?)),
            StaticMethod::HashOf => self.heap.hash(first, 0).map(Value::Int),
            StaticMethod::ObjectsEqual => self.heap.equals(first, args[1]).map(Value::Boolean),
            StaticMethod::IsNull => Ok(Value::Boolean(first.is_null())),
            StaticMethod::NonNull => Ok(Value::Boolean(!first.is_null())),
            StaticMethod::RequireNonNull => self.require(first, args),
            StaticMethod::ReverseOrder => Ok(Value::Comparator { reversed: true }),
            StaticMethod::NaturalOrder => Ok(Value::Comparator { reversed: false }),
            StaticMethod::ParseInt
            | StaticMethod::ParseLong
            | StaticMethod::ParseDouble
            | StaticMethod::ParseFloat
            | StaticMethod::ParseBoolean => self.parse(method, first),
            StaticMethod::JoinTexts => self.join_texts(first, args[1]),
            StaticMethod::IsDigit
            | StaticMethod::IsLetter
            | StaticMethod::IsLetterOrDigit
            | StaticMethod::IsWhitespace
            | StaticMethod::IsUpperCase
            | StaticMethod::IsLowerCase => character(method, first),
            StaticMethod::SortList
            | StaticMethod::SortListBy
            | StaticMethod::Reverse
            | StaticMethod::MaxOf
            | StaticMethod::MinOf
            | StaticMethod::Frequency => self.collections(method, args),
            _ => self.numbers(method, args),
        }
    }

    /// Joins texts only, and null as `null`.
    fn join_texts(&mut self, separator: Value, items: Value) -> Result<Value> {
        if separator.is_null() {
            return Err(null_receiver());
        }
        for item in self.heap.elements(items)? {
            if !matches!(item, Value::Text(_) | Value::Null) {
                let class = self.heap.class_name(item);
                let reason = format!("class {class} cannot be cast to class java.lang.CharSequence");
                return Err(ScriptError::run("class_cast_exception", reason));
            }
        }
        self.heap.join_items(separator, items, false)
    }

    fn require(&mut self, value: Value, args: &[Value]) -> Result<Value> {
        if !value.is_null() {
            return Ok(value);
        }
        let reason = match args.get(1) {
            Some(Value::Text(span)) => Some(self.heap.str(*span).to_string().into()),
            _ => None,
        };
        Err(ScriptError { reason, ..ScriptError::run("null_pointer_exception", "") })
    }

    fn math(&mut self, name: &str, args: &[Value]) -> Result<Value> {
        let number = |index: usize| match args.get(index) {
            Some(Value::Double(value)) => *value,
            _ => f64::NAN,
        };
        let value = number(0);
        Ok(Value::Double(match name {
            "abs" => value.abs(),
            "ceil" => value.ceil(),
            "floor" => value.floor(),
            "rint" => value.round_ties_even(),
            "sqrt" => value.sqrt(),
            "signum" if value == 0.0 || value.is_nan() => value,
            "signum" => value.signum(),
            "toDegrees" => value * 57.295_779_513_082_32,
            "toRadians" => value * 0.017_453_292_519_943_295,
            "copySign" => value.copysign(number(1)),
            "pow" => power(value, number(1))?,
            _ => return Err(ScriptError::unsupported_run(format!("Math.{name}"))),
        }))
    }

    fn parse(&mut self, method: StaticMethod, text: Value) -> Result<Value> {
        let Value::Text(span) = text else {
            return match method {
                StaticMethod::ParseBoolean => Ok(Value::Boolean(false)),
                StaticMethod::ParseInt | StaticMethod::ParseLong => {
                    Err(ScriptError::run("number_format_exception", "Cannot parse null string"))
                }
                _ => Err(null_receiver()),
            };
        };
        let text = self.heap.str(span);
        if method == StaticMethod::ParseBoolean {
            return Ok(Value::Boolean(text.eq_ignore_ascii_case("true")));
        }
        if !text.is_ascii() && text.chars().any(char::is_numeric) {
            return Err(ScriptError::unsupported_run("digits of other scripts"));
        }
        match method {
            StaticMethod::ParseInt => text.parse().map(Value::Int).map_err(|_| not_a_number(text)),
            StaticMethod::ParseLong => text.parse().map(Value::Long).map_err(|_| not_a_number(text)),
            StaticMethod::ParseDouble => decimal(text)?.parse().map(Value::Double).map_err(|_| not_a_number(text)),
            _ => decimal(text)?.parse().map(Value::Float).map_err(|_| not_a_number(text)),
        }
    }

    fn numbers(&mut self, method: StaticMethod, args: &[Value]) -> Result<Value> {
        Ok(match (method, args[0], args.get(1).copied().unwrap_or(Value::Null)) {
            (StaticMethod::Compare, ..) => return self.heap.compare_to(args[0], args[1]).map(Value::Int),
            (StaticMethod::AddNumbers, a, b) => return math::arithmetic(self.heap, "+", a, b),
            (StaticMethod::Round, Value::Double(value), _) => Value::Long(round(value)),
            (StaticMethod::Max, Value::Double(a), Value::Double(b)) => Value::Double(larger(a, b)),
            (StaticMethod::Min, Value::Double(a), Value::Double(b)) => Value::Double(-larger(-a, -b)),
            (StaticMethod::Max, Value::Float(a), Value::Float(b)) => Value::Float(larger(a.into(), b.into()) as f32),
            (StaticMethod::Min, Value::Float(a), Value::Float(b)) => {
                Value::Float(-larger(-f64::from(a), -f64::from(b)) as f32)
            }
            (StaticMethod::Max, Value::Int(a), Value::Int(b)) => Value::Int(a.max(b)),
            (StaticMethod::Min, Value::Int(a), Value::Int(b)) => Value::Int(a.min(b)),
            (StaticMethod::Max, Value::Long(a), Value::Long(b)) => Value::Long(a.max(b)),
            (StaticMethod::Min, Value::Long(a), Value::Long(b)) => Value::Long(a.min(b)),
            (StaticMethod::Signum, Value::Int(value), _) => Value::Int(value.signum()),
            (StaticMethod::Signum, Value::Long(value), _) => Value::Int(value.signum() as i32),
            (StaticMethod::IsNan, Value::Double(value), _) => Value::Boolean(value.is_nan()),
            (StaticMethod::IsInfinite, Value::Double(value), _) => Value::Boolean(value.is_infinite()),
            (StaticMethod::IsFinite, Value::Double(value), _) => Value::Boolean(value.is_finite()),
            (StaticMethod::ToHex, Value::Int(value), _) => return self.heap.add_text(&format!("{value:x}")),
            (StaticMethod::ToHex, Value::Long(value), _) => return self.heap.add_text(&format!("{value:x}")),
            _ => return Err(ScriptError::unsupported_run(format!("the static method {method:?} here"))),
        })
    }

    fn collections(&mut self, method: StaticMethod, args: &[Value]) -> Result<Value> {
        if args[0].is_null() {
            return Err(null_receiver());
        }
        match (method, args[0]) {
            (StaticMethod::SortList, Value::List(id)) => self.sort(id, Value::Null).map(|()| Value::Null),
            (StaticMethod::SortListBy, Value::List(id)) => self.sort(id, args[1]).map(|()| Value::Null),
            (StaticMethod::Reverse, Value::List(id)) => {
                self.heap.list_mut(id).items.reverse();
                Ok(Value::Null)
            }
            (StaticMethod::Frequency, collection) => {
                let mut count = 0;
                for item in self.heap.elements(collection)? {
                    count += i32::from(self.heap.equals(item, args[1])?);
                }
                Ok(Value::Int(count))
            }
            (_, collection) => {
                let mut items = self.heap.elements(collection)?.into_iter();
                let Some(mut best) = items.next() else {
                    return Err(ScriptError { reason: None, ..ScriptError::run("no_such_element_exception", "") });
                };
                for item in items {
                    let order = self.heap.compare_to(item, best)?;
                    if if method == StaticMethod::MaxOf { order > 0 } else { order < 0 } {
                        best = item;
                    }
                }
                Ok(best)
            }
        }
    }
}

/// Only results that are exact: in the others Java's last bit is its own now and then.
fn power(base: f64, exponent: f64) -> Result<f64> {
    let result = base.powf(exponent);
    let whole =
        base.fract() == 0.0 && exponent.fract() == 0.0 && exponent > 0.0 && result.abs() <= (1_u64 << 53) as f64;
    let special =
        !base.is_finite() || !exponent.is_finite() || base == 0.0 || base.abs() == 1.0 && exponent.fract() == 0.0;
    if whole || special || exponent == 0.0 || exponent == 1.0 {
        return Ok(result);
    }
    Err(ScriptError::unsupported_run("Math.pow with a result that is not exact"))
}

/// Halves go up.
fn round(value: f64) -> i64 {
    let floor = value.floor();
    (if value - floor >= 0.5 { floor + 1.0 } else { floor }) as i64
}

fn larger(a: f64, b: f64) -> f64 {
    if compare_doubles(a, b).is_ge() { a } else { b }
}

/// A decimal number as Java reads it: blanks around it, and a suffix for its type.
fn decimal(text: &str) -> Result<&str> {
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    let unsigned = trimmed.trim_start_matches(['+', '-']);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return Err(ScriptError::unsupported_run("a hexadecimal decimal number"));
    }
    if matches!(unsigned, "NaN" | "Infinity") && trimmed.len() <= unsigned.len() + 1 {
        return Ok(trimmed);
    }
    let digits = trimmed.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(trimmed);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if plain && digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(digits);
    }
    let kind = if trimmed.is_empty() { "empty String".to_string() } else { format!("For input string: \"{text}\"") };
    Err(ScriptError::run("number_format_exception", kind))
}

fn character(method: StaticMethod, value: Value) -> Result<Value> {
    let code = Numeric::of(&super::heap::Heap::default(), value).map_or(-1, Numeric::int);
    let Ok(byte) = u8::try_from(code) else {
        return Err(ScriptError::unsupported_run("the kind of a character outside ASCII"));
    };
    if !byte.is_ascii() {
        return Err(ScriptError::unsupported_run("the kind of a character outside ASCII"));
    }
    Ok(Value::Boolean(match method {
        StaticMethod::IsDigit => byte.is_ascii_digit(),
        StaticMethod::IsLetter => byte.is_ascii_alphabetic(),
        StaticMethod::IsLetterOrDigit => byte.is_ascii_alphanumeric(),
        StaticMethod::IsUpperCase => byte.is_ascii_uppercase(),
        StaticMethod::IsLowerCase => byte.is_ascii_lowercase(),
        _ => matches!(byte, b'\t'..=b'\r' | 0x1c..=0x1f | b' '),
    }))
}
