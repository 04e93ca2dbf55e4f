//! The static methods and constants that a script may use, with their types.

use super::method::StaticMethod;
use super::types::Type;
use super::types::Type::*;
use super::value::Value;

pub(super) struct StaticEntry {
    pub(super) owner: Type,
    pub(super) name: &'static str,
    pub(super) params: &'static [Type],
    pub(super) result: Type,
    pub(super) method: StaticMethod,
}

const fn fixed(
    owner: Type,
    name: &'static str,
    params: &'static [Type],
    result: Type,
    method: StaticMethod,
) -> StaticEntry {
    StaticEntry { owner, name, params, result, method }
}

static STATIC_METHODS: [StaticEntry; 85] = [
    fixed(Math, "abs", &[Double], Double, StaticMethod::Math("abs")),
    fixed(Math, "ceil", &[Double], Double, StaticMethod::Math("ceil")),
    fixed(Math, "floor", &[Double], Double, StaticMethod::Math("floor")),
    fixed(Math, "rint", &[Double], Double, StaticMethod::Math("rint")),
    fixed(Math, "sqrt", &[Double], Double, StaticMethod::Math("sqrt")),
    fixed(Math, "signum", &[Double], Double, StaticMethod::Math("signum")),
    fixed(Math, "toDegrees", &[Double], Double, StaticMethod::Math("toDegrees")),
    fixed(Math, "toRadians", &[Double], Double, StaticMethod::Math("toRadians")),
    fixed(Math, "max", &[Double, Double], Double, StaticMethod::Max),
    fixed(Math, "min", &[Double, Double], Double, StaticMethod::Min),
    fixed(Math, "pow", &[Double, Double], Double, StaticMethod::Math("pow")),
    fixed(Math, "round", &[Double], Long, StaticMethod::Round),
    fixed(BoxInt, "parseInt", &[String], Int, StaticMethod::ParseInt),
    fixed(BoxInt, "valueOf", &[Int], BoxInt, StaticMethod::Same),
    fixed(BoxInt, "toString", &[Int], String, StaticMethod::TextOf),
    fixed(BoxInt, "compare", &[Int, Int], Int, StaticMethod::Compare),
    fixed(BoxInt, "max", &[Int, Int], Int, StaticMethod::Max),
    fixed(BoxInt, "min", &[Int, Int], Int, StaticMethod::Min),
    fixed(BoxInt, "signum", &[Int], Int, StaticMethod::Signum),
    fixed(BoxInt, "toHexString", &[Int], String, StaticMethod::ToHex),
    fixed(BoxInt, "hashCode", &[Int], Int, StaticMethod::HashOf),
    fixed(BoxLong, "parseLong", &[String], Long, StaticMethod::ParseLong),
    fixed(BoxLong, "valueOf", &[Long], BoxLong, StaticMethod::Same),
    fixed(BoxLong, "toString", &[Long], String, StaticMethod::TextOf),
    fixed(BoxLong, "compare", &[Long, Long], Int, StaticMethod::Compare),
    fixed(BoxLong, "max", &[Long, Long], Long, StaticMethod::Max),
    fixed(BoxLong, "min", &[Long, Long], Long, StaticMethod::Min),
    fixed(BoxLong, "sum", &[Long, Long], Long, StaticMethod::AddNumbers),
    fixed(BoxLong, "signum", &[Long], Int, StaticMethod::Signum),
    fixed(BoxLong, "toHexString", &[Long], String, StaticMethod::ToHex),
    fixed(BoxLong, "hashCode", &[Long], Int, StaticMethod::HashOf),
    fixed(BoxDouble, "parseDouble", &[String], Double, StaticMethod::ParseDouble),
    fixed(BoxDouble, "valueOf", &[Double], BoxDouble, StaticMethod::Same),
    fixed(BoxDouble, "toString", &[Double], String, StaticMethod::TextOf),
    fixed(BoxDouble, "compare", &[Double, Double], Int, StaticMethod::Compare),
    fixed(BoxDouble, "max", &[Double, Double], Double, StaticMethod::Max),
    fixed(BoxDouble, "min", &[Double, Double], Double, StaticMethod::Min),
    fixed(BoxDouble, "sum", &[Double, Double], Double, StaticMethod::AddNumbers),
    fixed(BoxDouble, "isNaN", &[Double], Boolean, StaticMethod::IsNan),
    fixed(BoxDouble, "isInfinite", &[Double], Boolean, StaticMethod::IsInfinite),
    fixed(BoxDouble, "isFinite", &[Double], Boolean, StaticMethod::IsFinite),
    fixed(BoxDouble, "hashCode", &[Double], Int, StaticMethod::HashOf),
    fixed(BoxFloat, "parseFloat", &[String], Float, StaticMethod::ParseFloat),
    fixed(BoxFloat, "valueOf", &[Float], BoxFloat, StaticMethod::Same),
    fixed(BoxFloat, "toString", &[Float], String, StaticMethod::TextOf),
    fixed(BoxFloat, "compare", &[Float, Float], Int, StaticMethod::Compare),
    fixed(BoxFloat, "max", &[Float, Float], Float, StaticMethod::Max),
    fixed(BoxFloat, "min", &[Float, Float], Float, StaticMethod::Min),
    fixed(BoxBoolean, "parseBoolean", &[String], Boolean, StaticMethod::ParseBoolean),
    fixed(BoxBoolean, "valueOf", &[Boolean], BoxBoolean, StaticMethod::Same),
    fixed(BoxBoolean, "toString", &[Boolean], String, StaticMethod::TextOf),
    fixed(BoxBoolean, "compare", &[Boolean, Boolean], Int, StaticMethod::Compare),
    fixed(BoxByte, "valueOf", &[Byte], BoxByte, StaticMethod::Same),
    fixed(BoxShort, "valueOf", &[Short], BoxShort, StaticMethod::Same),
    fixed(BoxChar, "valueOf", &[Char], BoxChar, StaticMethod::Same),
    fixed(BoxChar, "toString", &[Char], String, StaticMethod::TextOf),
    fixed(BoxChar, "isDigit", &[Int], Boolean, StaticMethod::IsDigit),
    fixed(BoxChar, "isLetter", &[Int], Boolean, StaticMethod::IsLetter),
    fixed(BoxChar, "isLetterOrDigit", &[Int], Boolean, StaticMethod::IsLetterOrDigit),
    fixed(BoxChar, "isWhitespace", &[Int], Boolean, StaticMethod::IsWhitespace),
    fixed(BoxChar, "isUpperCase", &[Int], Boolean, StaticMethod::IsUpperCase),
    fixed(BoxChar, "isLowerCase", &[Int], Boolean, StaticMethod::IsLowerCase),
    fixed(BoxChar, "compare", &[Char, Char], Int, StaticMethod::Compare),
    fixed(String, "valueOf", &[Def], String, StaticMethod::TextOf),
    fixed(String, "join", &[CharSequence, Iterable], String, StaticMethod::JoinTexts),
    fixed(Collections, "sort", &[List], Void, StaticMethod::SortList),
    fixed(Collections, "sort", &[List, Comparator], Void, StaticMethod::SortListBy),
    fixed(Collections, "reverse", &[List], Void, StaticMethod::Reverse),
    fixed(Collections, "max", &[Collection], Def, StaticMethod::MaxOf),
    fixed(Collections, "min", &[Collection], Def, StaticMethod::MinOf),
    fixed(Collections, "frequency", &[Collection, Def], Int, StaticMethod::Frequency),
    fixed(Collections, "reverseOrder", &[], Comparator, StaticMethod::ReverseOrder),
    fixed(Comparator, "reverseOrder", &[], Comparator, StaticMethod::ReverseOrder),
    fixed(Comparator, "naturalOrder", &[], Comparator, StaticMethod::NaturalOrder),
    fixed(Objects, "equals", &[Object, Object], Boolean, StaticMethod::ObjectsEqual),
    fixed(Objects, "hashCode", &[Object], Int, StaticMethod::HashOf),
    fixed(Objects, "isNull", &[Object], Boolean, StaticMethod::IsNull),
    fixed(Objects, "nonNull", &[Object], Boolean, StaticMethod::NonNull),
    fixed(Objects, "requireNonNull", &[Def], Def, StaticMethod::RequireNonNull),
    fixed(Objects, "requireNonNull", &[Def, String], Def, StaticMethod::RequireNonNull),
    fixed(Objects, "toString", &[Object], String, StaticMethod::TextOf),
    fixed(Objects, "toString", &[Object, String], String, StaticMethod::TextOrDefault),
    fixed(Math, "copySign", &[Double, Double], Double, StaticMethod::Math("copySign")),
    fixed(BoxByte, "compare", &[Byte, Byte], Int, StaticMethod::Compare),
    fixed(BoxShort, "compare", &[Short, Short], Int, StaticMethod::Compare),
];

pub(super) fn find_static(class: Type, name: &str, arity: usize) -> Option<&'static StaticEntry> {
    STATIC_METHODS.iter().find(|entry| entry.owner == class && entry.params.len() == arity && entry.name == name)
}

/// The constants of a class and their type.
pub(super) fn static_field(class: Type, name: &str) -> Option<(Value, Type)> {
    Some(match (class, name) {
        (Math, "PI") => (Value::Double(std::f64::consts::PI), Double),
        (Math, "E") => (Value::Double(std::f64::consts::E), Double),
        (BoxInt, "MAX_VALUE") => (Value::Int(i32::MAX), Int),
        (BoxInt, "MIN_VALUE") => (Value::Int(i32::MIN), Int),
        (BoxLong, "MAX_VALUE") => (Value::Long(i64::MAX), Long),
        (BoxLong, "MIN_VALUE") => (Value::Long(i64::MIN), Long),
        (BoxDouble, "MAX_VALUE") => (Value::Double(f64::MAX), Double),
        (BoxDouble, "MIN_VALUE") => (Value::Double(f64::from_bits(1)), Double),
        (BoxDouble, "NaN") => (Value::Double(f64::NAN), Double),
        (BoxDouble, "POSITIVE_INFINITY") => (Value::Double(f64::INFINITY), Double),
        (BoxDouble, "NEGATIVE_INFINITY") => (Value::Double(f64::NEG_INFINITY), Double),
        (BoxBoolean, "TRUE") => (Value::Boolean(true), BoxBoolean),
        (BoxBoolean, "FALSE") => (Value::Boolean(false), BoxBoolean),
        _ => return None,
    })
}
