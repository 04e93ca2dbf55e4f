//! The methods that a script may call on values, with the types that the server's whitelist gives them, and the
//! exceptions that it may throw. What is not here is refused. In a class no two methods of a name take equally many
//! arguments.

use super::method::Method;
use super::types::Type;
use super::types::Type::*;

pub(super) struct MethodEntry {
    pub(super) owner: Type,
    pub(super) name: &'static str,
    pub(super) params: &'static [Type],
    pub(super) result: Type,
    pub(super) method: Method,
}

const fn entry(owner: Type, name: &'static str, params: &'static [Type], result: Type, method: Method) -> MethodEntry {
    MethodEntry { owner, name, params, result, method }
}

static METHODS: [MethodEntry; 118] = [
    entry(Object, "equals", &[Object], Boolean, Method::Equals),
    entry(Object, "hashCode", &[], Int, Method::HashCode),
    entry(Object, "toString", &[], String, Method::ToText),
    entry(Comparable, "compareTo", &[Def], Int, Method::CompareTo),
    entry(Number, "byteValue", &[], Byte, Method::Unbox),
    entry(Number, "shortValue", &[], Short, Method::Unbox),
    entry(Number, "intValue", &[], Int, Method::Unbox),
    entry(Number, "longValue", &[], Long, Method::Unbox),
    entry(Number, "floatValue", &[], Float, Method::Unbox),
    entry(Number, "doubleValue", &[], Double, Method::Unbox),
    entry(BoxBoolean, "booleanValue", &[], Boolean, Method::Unbox),
    entry(BoxBoolean, "compareTo", &[BoxBoolean], Int, Method::CompareTo),
    entry(BoxChar, "charValue", &[], Char, Method::Unbox),
    entry(BoxChar, "compareTo", &[BoxChar], Int, Method::CompareTo),
    entry(BoxInt, "compareTo", &[BoxInt], Int, Method::CompareTo),
    entry(BoxLong, "compareTo", &[BoxLong], Int, Method::CompareTo),
    entry(BoxFloat, "compareTo", &[BoxFloat], Int, Method::CompareTo),
    entry(BoxFloat, "isNaN", &[], Boolean, Method::IsNan),
    entry(BoxFloat, "isInfinite", &[], Boolean, Method::IsInfinite),
    entry(BoxDouble, "compareTo", &[BoxDouble], Int, Method::CompareTo),
    entry(BoxDouble, "isNaN", &[], Boolean, Method::IsNan),
    entry(BoxDouble, "isInfinite", &[], Boolean, Method::IsInfinite),
    entry(CharSequence, "length", &[], Int, Method::Length),
    entry(CharSequence, "charAt", &[Int], Char, Method::CharAt),
    entry(CharSequence, "subSequence", &[Int, Int], CharSequence, Method::Substring),
    entry(String, "compareTo", &[String], Int, Method::CompareTo),
    entry(String, "compareToIgnoreCase", &[String], Int, Method::CompareToIgnoreCase),
    entry(String, "concat", &[String], String, Method::Concat),
    entry(String, "contains", &[CharSequence], Boolean, Method::ContainsText),
    entry(String, "endsWith", &[String], Boolean, Method::EndsWith),
    entry(String, "equalsIgnoreCase", &[String], Boolean, Method::EqualsIgnoreCase),
    entry(String, "indexOf", &[String], Int, Method::IndexOfText),
    entry(String, "indexOf", &[String, Int], Int, Method::IndexOfText),
    entry(String, "isEmpty", &[], Boolean, Method::TextIsEmpty),
    entry(String, "lastIndexOf", &[String], Int, Method::LastIndexOfText),
    entry(String, "replace", &[CharSequence, CharSequence], String, Method::Replace),
    entry(String, "splitOnToken", &[String], StringArray, Method::SplitOnToken),
    entry(String, "splitOnToken", &[String, Int], StringArray, Method::SplitOnToken),
    entry(String, "startsWith", &[String], Boolean, Method::StartsWith),
    entry(String, "startsWith", &[String, Int], Boolean, Method::StartsWith),
    entry(String, "substring", &[Int], String, Method::Substring),
    entry(String, "substring", &[Int, Int], String, Method::Substring),
    entry(String, "toLowerCase", &[], String, Method::ToLowerCase),
    entry(String, "toUpperCase", &[], String, Method::ToUpperCase),
    entry(String, "trim", &[], String, Method::Trim),
    entry(Iterable, "forEach", &[Consumer], Void, Method::ForEach),
    entry(Iterable, "iterator", &[], Iterator, Method::IteratorOf),
    entry(Iterable, "any", &[Predicate], Boolean, Method::Any),
    entry(Iterable, "asList", &[], List, Method::AsList),
    entry(Iterable, "each", &[Consumer], Def, Method::ForEach),
    entry(Iterable, "every", &[Predicate], Boolean, Method::Every),
    entry(Iterable, "join", &[String], String, Method::Join),
    entry(Iterable, "sum", &[], Double, Method::Sum),
    entry(Collection, "add", &[Def], Boolean, Method::Add),
    entry(Collection, "addAll", &[Collection], Boolean, Method::AddAll),
    entry(Collection, "clear", &[], Void, Method::Clear),
    entry(Collection, "contains", &[Def], Boolean, Method::Contains),
    entry(Collection, "containsAll", &[Collection], Boolean, Method::ContainsAll),
    entry(Collection, "isEmpty", &[], Boolean, Method::IsEmpty),
    entry(Collection, "removeAll", &[Collection], Boolean, Method::RemoveAll),
    entry(Collection, "removeIf", &[Predicate], Boolean, Method::RemoveIf),
    entry(Collection, "retainAll", &[Collection], Boolean, Method::RetainAll),
    entry(Collection, "size", &[], Int, Method::Size),
    entry(Collection, "collect", &[Function], List, Method::Collect),
    entry(Collection, "find", &[Predicate], Def, Method::Find),
    entry(Collection, "findAll", &[Predicate], List, Method::FindAll),
    entry(List, "add", &[Int, Def], Void, Method::Insert),
    entry(List, "addAll", &[Int, Collection], Boolean, Method::InsertAll),
    entry(List, "get", &[Int], Def, Method::ListGet),
    entry(List, "getLength", &[], Int, Method::Size),
    entry(List, "indexOf", &[Def], Int, Method::IndexOf),
    entry(List, "lastIndexOf", &[Def], Int, Method::LastIndexOf),
    entry(List, "remove", &[Int], Def, Method::RemoveAt),
    entry(List, "replaceAll", &[UnaryOperator], Void, Method::ReplaceAll),
    entry(List, "set", &[Int, Def], Def, Method::Set),
    entry(List, "sort", &[Comparator], Void, Method::Sort),
    entry(Set, "remove", &[Def], Boolean, Method::RemoveValue),
    entry(Map, "clear", &[], Void, Method::MapClear),
    entry(Map, "compute", &[Def, BiFunction], Def, Method::Compute),
    entry(Map, "computeIfAbsent", &[Def, Function], Def, Method::ComputeIfAbsent),
    entry(Map, "computeIfPresent", &[Def, BiFunction], Def, Method::ComputeIfPresent),
    entry(Map, "containsKey", &[Def], Boolean, Method::ContainsKey),
    entry(Map, "containsValue", &[Def], Boolean, Method::ContainsValue),
    entry(Map, "entrySet", &[], Set, Method::EntrySet),
    entry(Map, "forEach", &[BiConsumer], Void, Method::MapForEach),
    entry(Map, "each", &[BiConsumer], Def, Method::MapForEach),
    entry(Map, "get", &[Def], Def, Method::Get),
    entry(Map, "getOrDefault", &[Def, Def], Def, Method::GetOrDefault),
    entry(Map, "isEmpty", &[], Boolean, Method::MapIsEmpty),
    entry(Map, "keySet", &[], Set, Method::KeySet),
    entry(Map, "merge", &[Def, Def, BiFunction], Def, Method::Merge),
    entry(Map, "put", &[Def, Def], Def, Method::Put),
    entry(Map, "putAll", &[Map], Void, Method::PutAll),
    entry(Map, "putIfAbsent", &[Def, Def], Def, Method::PutIfAbsent),
    entry(Map, "remove", &[Def], Def, Method::RemoveKey),
    entry(Map, "remove", &[Def, Def], Boolean, Method::RemovePair),
    entry(Map, "replace", &[Def, Def], Def, Method::ReplaceKey),
    entry(Map, "replaceAll", &[BiFunction], Void, Method::MapReplaceAll),
    entry(Map, "size", &[], Int, Method::MapSize),
    entry(Map, "values", &[], Collection, Method::Values),
    entry(Map, "every", &[BiPredicate], Boolean, Method::MapEvery),
    entry(Map, "count", &[BiPredicate], Int, Method::MapCount),
    entry(Map, "findAll", &[BiPredicate], Map, Method::MapFindAll),
    entry(Map, "collect", &[BiFunction], List, Method::MapCollect),
    entry(Entry, "getKey", &[], Def, Method::GetKey),
    entry(Entry, "getValue", &[], Def, Method::GetValue),
    entry(Entry, "setValue", &[Def], Def, Method::SetValue),
    entry(Iterator, "hasNext", &[], Boolean, Method::HasNext),
    entry(Iterator, "next", &[], Def, Method::Next),
    entry(Iterator, "remove", &[], Void, Method::RemoveLast),
    // Here only so that their casts are right; Java has them in each class.
    entry(BoxByte, "compareTo", &[BoxByte], Int, Method::CompareTo),
    entry(BoxShort, "compareTo", &[BoxShort], Int, Method::CompareTo),
    entry(Map, "equals", &[Object], Boolean, Method::Equals),
    entry(List, "equals", &[Object], Boolean, Method::Equals),
    entry(Set, "equals", &[Object], Boolean, Method::Equals),
    entry(List, "hashCode", &[], Int, Method::HashCode),
    entry(Entry, "hashCode", &[], Int, Method::HashCode),
    entry(CharSequence, "toString", &[], String, Method::ToText),
];

/// Methods that the server has and this evaluator does not, so that the error can say so.
const UNSUPPORTED: [&str; 44] = [
    "stream",
    "toArray",
    "subList",
    "listIterator",
    "spliterator",
    "clone",
    "trimToSize",
    "chars",
    "codePoints",
    "codePointAt",
    "codePointBefore",
    "codePointCount",
    "contentEquals",
    "decodeBase64",
    "encodeBase64",
    "sha1",
    "sha256",
    "getChars",
    "offsetByCodePoints",
    "regionMatches",
    "toCharArray",
    "replaceFirst",
    "eachWithIndex",
    "findResults",
    "findResult",
    "groupBy",
    "asCollection",
    "split",
    "getByPath",
    "forEachRemaining",
    "getMessage",
    "getLocalizedMessage",
    "getStackTrace",
    "reversed",
    "thenComparing",
    "compare",
    "replaceAll",
    "lastIndexOf",
    "toLowerCase",
    "toUpperCase",
    "sum",
    "collect",
    "find",
    "replace",
];

pub(super) fn is_known_elsewhere(name: &str) -> bool {
    UNSUPPORTED.contains(&name)
}

/// The method of a class by its name and number of arguments, the nearest first.
pub(super) fn find_method(class: Type, name: &str, arity: usize) -> Option<&'static MethodEntry> {
    let own = |owner: Type| {
        METHODS.iter().find(|entry| entry.owner == owner && entry.params.len() == arity && entry.name == name)
    };
    class.lineage().iter().find_map(|owner| own(*owner))
}

/// The method behind `value.name`: `getName()` or `isName()`.
pub(super) fn find_getter(class: Type, name: &str) -> Option<&'static MethodEntry> {
    // All getters there are; asking for each field name of a document would be slow.
    let getter = match name {
        "empty" => "isEmpty",
        "length" => "getLength",
        "key" => "getKey",
        "value" => "getValue",
        "naN" => "isNaN",
        "infinite" => "isInfinite",
        _ => return None,
    };
    find_method(class, getter, 0)
}

/// Exceptions that a script may throw: the class, and the server's name for it.
pub(super) const EXCEPTIONS: [(&str, &str); 10] = [
    ("Exception", "exception"),
    ("RuntimeException", "runtime_exception"),
    ("IllegalArgumentException", "illegal_argument_exception"),
    ("IllegalStateException", "illegal_state_exception"),
    ("UnsupportedOperationException", "unsupported_operation_exception"),
    ("ArithmeticException", "arithmetic_exception"),
    ("NullPointerException", "null_pointer_exception"),
    ("IndexOutOfBoundsException", "index_out_of_bounds_exception"),
    ("NumberFormatException", "number_format_exception"),
    ("ClassCastException", "class_cast_exception"),
];

/// What a lambda in the place of this interface takes, and what it gives; none for other types.
pub(super) fn interface(class: Type) -> Option<(&'static [Type], Type)> {
    Some(match class {
        Predicate => (&[Def], Boolean),
        BiPredicate => (&[Def, Def], Boolean),
        Function | UnaryOperator => (&[Def], Def),
        BiFunction => (&[Def, Def], Def),
        Consumer => (&[Def], Void),
        BiConsumer => (&[Def, Def], Void),
        Comparator => (&[Def, Def], Int),
        _ => return None,
    })
}
