//! What a running script computes with: Java's values, all small enough to copy.
//! Text, lists and maps lie in the `Heap`; a value only says where. Copying a list value therefore aliases, as in Java.

use super::types::Type;

/// A piece of the heap's text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) length: u32,
}

/// Which live view of a map this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewKind {
    Keys,
    Values,
    Entries,
}

/// A Java value. Numbers inside are the primitive or its box; the checker knows which is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Byte(i8),
    Short(i16),
    /// One UTF-16 unit.
    Char(u16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// An integer beyond 64 bits, as its digits.
    BigInteger(Span),
    Text(Span),
    List(u32),
    Map(u32),
    Set(u32),
    View(u32, ViewKind),
    /// An entry of a map: the map and the index of its slot.
    Entry(u32, u32),
    Iterator(u32),
    /// An exception made with `new`: the index of its class, and its message.
    Exception(u16, Option<Span>),
    /// A lambda of the script, by index. Only as an argument.
    Lambda(u32),
    /// The natural order of values, or its reverse.
    Comparator {
        reversed: bool,
    },
    /// JSON that nobody has looked at yet. Only inside lists and maps: reading an element replaces it.
    Raw(Span),
}

impl Value {
    pub(super) fn is_number(self) -> bool {
        use Value::*;
        matches!(self, Byte(_) | Short(_) | Int(_) | Long(_) | Float(_) | Double(_) | BigInteger(_))
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self, Value::Null)
    }

    /// The class of the value, except for lists, maps and sets, whose kind lies in the heap.
    pub(super) fn simple_type(self) -> Type {
        match self {
            Value::Boolean(_) => Type::BoxBoolean,
            Value::Byte(_) => Type::BoxByte,
            Value::Short(_) => Type::BoxShort,
            Value::Char(_) => Type::BoxChar,
            Value::Int(_) => Type::BoxInt,
            Value::Long(_) => Type::BoxLong,
            Value::Float(_) => Type::BoxFloat,
            Value::Double(_) => Type::BoxDouble,
            Value::BigInteger(_) => Type::BigInteger,
            Value::Text(_) => Type::String,
            Value::List(_) => Type::List,
            Value::Map(_) => Type::Map,
            Value::Set(_) => Type::Set,
            Value::View(_, ViewKind::Values) => Type::Collection,
            Value::View(..) => Type::Set,
            Value::Entry(..) => Type::Entry,
            Value::Iterator(_) => Type::Iterator,
            Value::Exception(..) => Type::Exception,
            Value::Comparator { .. } => Type::Comparator,
            Value::Null | Value::Raw(_) | Value::Lambda(_) => Type::Object,
        }
    }
}
