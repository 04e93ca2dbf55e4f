//! The methods of texts. Java counts in UTF-16 units, so positions are converted; half of a pair cannot be held.

use super::call::no_method;
use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::method::Method;
use super::run::null_receiver;
use super::value::{Span, Value};

fn out_of_bounds(reason: String) -> ScriptError {
    ScriptError::run("string_index_out_of_bounds_exception", reason)
}

/// The number of UTF-16 units.
fn length_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The byte offset of a UTF-16 position that is inside or at the end.
fn offset_of(text: &str, position: usize) -> Result<usize> {
    if text.is_ascii() {
        return Ok(position);
    }
    let mut units = 0;
    for (offset, c) in text.char_indices() {
        if units >= position {
            break;
        }
        units += c.len_utf16();
        if units == position {
            return Ok(offset + c.len_utf8());
        }
    }
    if units == position { Ok(0) } else { Err(ScriptError::unsupported_run("an unpaired surrogate")) }
}

fn fold_case(c: char) -> char {
    let single = |mut chars: Box<dyn Iterator<Item = char>>| chars.next().filter(|_| chars.next().is_none());
    let upper = single(Box::new(c.to_uppercase())).unwrap_or(c);
    single(Box::new(upper.to_lowercase())).unwrap_or(upper)
}

fn compare_ignoring_case(left: &str, right: &str) -> i32 {
    let mut pairs = left.chars().map(fold_case).zip(right.chars().map(fold_case));
    match pairs.find(|(a, b)| a != b) {
        Some((a, b)) => a as i32 - b as i32,
        None => length_of(left) as i32 - length_of(right) as i32,
    }
}

impl Heap {
    fn text_argument(&self, value: Value) -> Result<Span> {
        match value {
            Value::Text(span) => Ok(span),
            _ => Err(null_receiver()),
        }
    }

    pub(super) fn text_method(&mut self, method: Method, span: Span, args: &[Value]) -> Result<Value> {
        self.work(span.length as usize / 16)?;
        let text = self.str(span);
        match method {
            Method::Length => Ok(Value::Int(length_of(text) as i32)),
            Method::TextIsEmpty => Ok(Value::Boolean(text.is_empty())),
            Method::CharAt => char_at(text, args[0]),
            Method::Substring => self.substring(span, args),
            Method::ToLowerCase => {
                let lower = text.to_lowercase();
                self.add_text(&lower)
            }
            Method::ToUpperCase => {
                let upper = text.to_uppercase();
                self.add_text(&upper)
            }
            Method::Trim => {
                let blank = |c: char| c <= ' ';
                let start = text.len() - text.trim_start_matches(blank).len();
                let length = text.trim_matches(blank).len();
                Ok(Value::Text(Span { start: span.start + start as u32, length: length as u32 }))
            }
            _ => self.two_texts(method, span, args),
        }
    }

    fn two_texts(&mut self, method: Method, span: Span, args: &[Value]) -> Result<Value> {
        if method == Method::EqualsIgnoreCase && args[0].is_null() {
            return Ok(Value::Boolean(false));
        }
        if method == Method::SplitOnToken {
            return self.split(span, args);
        }
        let other = self.text_argument(args[0])?;
        let (text, wanted) = (self.str(span), self.str(other));
        Ok(match method {
            Method::ContainsText => Value::Boolean(text.contains(wanted)),
            Method::EndsWith => Value::Boolean(text.ends_with(wanted)),
            Method::StartsWith => match args.get(1) {
                Some(Value::Int(from)) if *from < 0 || *from as usize > length_of(text) => Value::Boolean(false),
                Some(Value::Int(from)) => Value::Boolean(text[offset_of(text, *from as usize)?..].starts_with(wanted)),
                _ => Value::Boolean(text.starts_with(wanted)),
            },
            Method::IndexOfText => {
                let from = match args.get(1) {
                    Some(Value::Int(from)) => (*from).clamp(0, length_of(text) as i32) as usize,
                    _ => 0,
                };
                let offset = offset_of(text, from)?;
                position(text, text[offset..].find(wanted).map(|found| found + offset))
            }
            Method::LastIndexOfText => position(text, text.rfind(wanted)),
            Method::EqualsIgnoreCase => Value::Boolean(compare_ignoring_case(text, wanted) == 0),
            Method::CompareToIgnoreCase => Value::Int(compare_ignoring_case(text, wanted)),
            Method::Concat => return self.join(span, other),
            Method::Replace => {
                let by = self.text_argument(args[1])?;
                return self.replace(span, other, by);
            }
            _ => return Err(no_method(method)),
        })
    }

    fn replace(&mut self, span: Span, wanted: Span, by: Span) -> Result<Value> {
        let (text, from) = (self.str(span), self.str(wanted));
        if from.is_empty() && text.chars().any(|c| c.len_utf16() == 2) {
            return Err(ScriptError::unsupported_run("an unpaired surrogate"));
        }
        let count = if from.is_empty() { text.len() + 1 } else { text.matches(from).count() };
        self.take(count * by.length as usize + span.length as usize)?;
        let replaced = self.str(span).replace(self.str(wanted), self.str(by));
        self.add_text(&replaced)
    }

    fn substring(&mut self, span: Span, args: &[Value]) -> Result<Value> {
        let text = self.str(span);
        let length = length_of(text) as i32;
        let (Value::Int(begin), end) = (args[0], args.get(1)) else { return Err(null_receiver()) };
        let end = if let Some(Value::Int(end)) = end { *end } else { length };
        if begin < 0 || end > length || begin > end {
            return Err(out_of_bounds(format!("begin {begin}, end {end}, length {length}")));
        }
        let (from, to) = (offset_of(text, begin as usize)?, offset_of(text, end as usize)?);
        Ok(Value::Text(Span { start: span.start + from as u32, length: (to - from) as u32 }))
    }

    fn split(&mut self, span: Span, args: &[Value]) -> Result<Value> {
        let list = self.new_list()?;
        self.list_mut(list).is_array = true;
        let mut limit = if let Some(Value::Int(limit)) = args.get(1) { *limit } else { -1 };
        let mut rest = span;
        if let Value::Text(token) = args[0]
            && token.length > 0
        {
            while limit != 1 {
                let Some(found) = self.str(rest).find(self.str(token)) else { break };
                self.push(list, Value::Text(Span { start: rest.start, length: found as u32 }))?;
                let skip = found as u32 + token.length;
                rest = Span { start: rest.start + skip, length: rest.length - skip };
                limit = limit.wrapping_sub(1);
            }
        }
        self.push(list, Value::Text(rest))?;
        Ok(Value::List(list))
    }

    /// `String.join` and `list.join`. The latter begins with a separator only once there is any text: empty texts at
    /// the beginning vanish.
    pub(super) fn join_items(&mut self, separator: Value, items: Value, skip_empty: bool) -> Result<Value> {
        let mut out = String::new();
        for (index, item) in self.elements(items)?.into_iter().enumerate() {
            if index > 0 && !(skip_empty && out.is_empty()) {
                self.print(separator, &mut out, 0)?;
            }
            self.print(item, &mut out, 0)?;
        }
        self.add_text(&out)
    }
}

fn char_at(text: &str, index: Value) -> Result<Value> {
    let Value::Int(index) = index else { return Err(null_receiver()) };
    let outside = || out_of_bounds(format!("index {index}, length {}", length_of(text)));
    let position = usize::try_from(index).map_err(|_| outside())?;
    let unit = if text.is_ascii() {
        text.as_bytes().get(position).map(|byte| u16::from(*byte))
    } else {
        text.encode_utf16().nth(position)
    };
    unit.map(Value::Char).ok_or_else(outside)
}

/// A byte offset as a UTF-16 position, or -1.
fn position(text: &str, offset: Option<usize>) -> Value {
    Value::Int(offset.map_or(-1, |offset| length_of(&text[..offset]) as i32))
}
