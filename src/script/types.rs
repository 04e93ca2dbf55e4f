//! The static types of painless and its rules for them: which casts are legal, and which type an operator works in.
//! Painless is typed: `int x = 1L` is refused before anything runs, while `def` leaves the decision to the value.

/// A type as the checker sees it. Classes that the evaluator does not know are no types here and so are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Void,
    Boolean,
    Byte,
    Short,
    Char,
    Int,
    Long,
    Float,
    Double,
    Def,
    Object,
    Number,
    CharSequence,
    String,
    Comparable,
    BoxBoolean,
    BoxByte,
    BoxShort,
    BoxChar,
    BoxInt,
    BoxLong,
    BoxFloat,
    BoxDouble,
    BigInteger,
    Iterable,
    Collection,
    List,
    ArrayList,
    Set,
    HashSet,
    LinkedHashSet,
    Map,
    HashMap,
    LinkedHashMap,
    Entry,
    Iterator,
    StringArray,
    Exception,
    Math,
    Collections,
    Objects,
    /// The interfaces that a lambda can stand for.
    Predicate,
    BiPredicate,
    Function,
    BiFunction,
    Consumer,
    BiConsumer,
    UnaryOperator,
    Comparator,
}

use Type::*;

/// The names that a script may write, and the names that messages use.
const NAMES: [(Type, &str, &str); 49] = [
    (Void, "void", "void"),
    (Boolean, "boolean", "boolean"),
    (Byte, "byte", "byte"),
    (Short, "short", "short"),
    (Char, "char", "char"),
    (Int, "int", "int"),
    (Long, "long", "long"),
    (Float, "float", "float"),
    (Double, "double", "double"),
    (Def, "def", "def"),
    (Object, "Object", "java.lang.Object"),
    (Number, "Number", "java.lang.Number"),
    (CharSequence, "CharSequence", "java.lang.CharSequence"),
    (String, "String", "java.lang.String"),
    (Comparable, "Comparable", "java.lang.Comparable"),
    (BoxBoolean, "Boolean", "java.lang.Boolean"),
    (BoxByte, "Byte", "java.lang.Byte"),
    (BoxShort, "Short", "java.lang.Short"),
    (BoxChar, "Character", "java.lang.Character"),
    (BoxInt, "Integer", "java.lang.Integer"),
    (BoxLong, "Long", "java.lang.Long"),
    (BoxFloat, "Float", "java.lang.Float"),
    (BoxDouble, "Double", "java.lang.Double"),
    (BigInteger, "BigInteger", "java.math.BigInteger"),
    (Iterable, "Iterable", "java.lang.Iterable"),
    (Collection, "Collection", "java.util.Collection"),
    (List, "List", "java.util.List"),
    (ArrayList, "ArrayList", "java.util.ArrayList"),
    (Set, "Set", "java.util.Set"),
    (HashSet, "HashSet", "java.util.HashSet"),
    (LinkedHashSet, "LinkedHashSet", "java.util.LinkedHashSet"),
    (Map, "Map", "java.util.Map"),
    (HashMap, "HashMap", "java.util.HashMap"),
    (LinkedHashMap, "LinkedHashMap", "java.util.LinkedHashMap"),
    (Entry, "Map.Entry", "java.util.Map.Entry"),
    (Iterator, "Iterator", "java.util.Iterator"),
    (StringArray, "String[]", "java.lang.String[]"),
    (Exception, "Exception", "java.lang.Exception"),
    (Math, "Math", "java.lang.Math"),
    (Collections, "Collections", "java.util.Collections"),
    (Objects, "Objects", "java.util.Objects"),
    (Predicate, "Predicate", "java.util.function.Predicate"),
    (BiPredicate, "BiPredicate", "java.util.function.BiPredicate"),
    (Function, "Function", "java.util.function.Function"),
    (BiFunction, "BiFunction", "java.util.function.BiFunction"),
    (Consumer, "Consumer", "java.util.function.Consumer"),
    (BiConsumer, "BiConsumer", "java.util.function.BiConsumer"),
    (UnaryOperator, "UnaryOperator", "java.util.function.UnaryOperator"),
    (Comparator, "Comparator", "java.util.Comparator"),
];

/// How a value comes to its new type. Java's rules differ by who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CastKind {
    /// By assignment or as an operand.
    Implicit,
    /// Written by the user: `(int) x`.
    Explicit,
    /// The caller of a dynamic call, field or operator wants this type of its result.
    Site,
}

impl Type {
    pub(super) fn named(name: &str) -> Option<Type> {
        NAMES.iter().find(|(_, short, long)| *short == name || *long == name).map(|(found, _, _)| *found)
    }

    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(found, _, _)| *found == self).map_or("", |(_, _, long)| long)
    }

    pub(super) fn is_primitive(self) -> bool {
        matches!(self, Void | Boolean | Byte | Short | Char | Int | Long | Float | Double)
    }

    pub(super) fn is_number(self) -> bool {
        self.widening().is_some()
    }

    /// The rank among primitive numbers; `char` stands beside `short`.
    fn widening(self) -> Option<u8> {
        let rank = [Byte, Short, Char, Int, Long, Float, Double].iter().position(|found| *found == self)?;
        u8::try_from(rank).ok()
    }

    /// Whether a primitive of this type becomes `to` without loss of range.
    pub(super) fn widens_to(self, to: Type) -> bool {
        match (self.widening(), to.widening()) {
            (Some(_), Some(_)) if self == to => true,
            (Some(_), Some(_)) if to == Char || (self == Char && to == Short) => false,
            (Some(from), Some(to)) => from < to,
            _ => false,
        }
    }

    /// The primitive inside a box.
    pub(super) fn unboxed(self) -> Option<Type> {
        let boxes = [BoxBoolean, BoxByte, BoxShort, BoxChar, BoxInt, BoxLong, BoxFloat, BoxDouble];
        let primitives = [Boolean, Byte, Short, Char, Int, Long, Float, Double];
        boxes.iter().position(|found| *found == self).map(|index| primitives[index])
    }

    pub(super) fn boxed(self) -> Type {
        match self {
            Boolean => BoxBoolean,
            Byte => BoxByte,
            Short => BoxShort,
            Char => BoxChar,
            Int => BoxInt,
            Long => BoxLong,
            Float => BoxFloat,
            Double => BoxDouble,
            other => other,
        }
    }

    /// The class itself, then what it extends and implements, nearest first. Interfaces have the methods of `Object`.
    pub(super) fn lineage(self) -> &'static [Type] {
        match self {
            String => &[String, CharSequence, Comparable, Object],
            BoxBoolean => &[BoxBoolean, Comparable, Object],
            BoxChar => &[BoxChar, Comparable, Object],
            BoxByte => &[BoxByte, Number, Comparable, Object],
            BoxShort => &[BoxShort, Number, Comparable, Object],
            BoxInt => &[BoxInt, Number, Comparable, Object],
            BoxLong => &[BoxLong, Number, Comparable, Object],
            BoxFloat => &[BoxFloat, Number, Comparable, Object],
            BoxDouble => &[BoxDouble, Number, Comparable, Object],
            BigInteger => &[BigInteger, Number, Comparable, Object],
            Number => &[Number, Object],
            CharSequence => &[CharSequence, Object],
            Comparable => &[Comparable, Object],
            Iterable => &[Iterable, Object],
            Collection => &[Collection, Iterable, Object],
            List => &[List, Collection, Iterable, Object],
            ArrayList => &[ArrayList, List, Collection, Iterable, Object],
            Set => &[Set, Collection, Iterable, Object],
            HashSet => &[HashSet, Set, Collection, Iterable, Object],
            LinkedHashSet => &[LinkedHashSet, HashSet, Set, Collection, Iterable, Object],
            Map => &[Map, Object],
            HashMap => &[HashMap, Map, Object],
            LinkedHashMap => &[LinkedHashMap, HashMap, Map, Object],
            Entry => &[Entry, Object],
            Iterator => &[Iterator, Object],
            StringArray => &[StringArray, Object],
            Exception => &[Exception, Object],
            Math => &[Math, Object],
            Collections => &[Collections, Object],
            Objects => &[Objects, Object],
            _ => &[Object],
        }
    }

    pub(super) fn extends(self, base: Type) -> bool {
        self == base || (!self.is_primitive() && self.lineage().contains(&base))
    }
}

/// Whether `from` may become `to`. `internal`: an argument or an element, where primitives are boxed as needed.
pub(super) fn cast_is_legal(from: Type, to: Type, explicit: bool, internal: bool) -> bool {
    if from == to {
        return true;
    }
    if from == Void || to == Void {
        return false;
    }
    if from == Def || to == Def {
        return true;
    }
    if from.is_primitive() && to.is_primitive() {
        return from.widens_to(to) || (explicit && from.is_number() && to.is_number());
    }
    if from.is_primitive() {
        let boxes = to.unboxed().is_some_and(|inner| from == inner || from.widens_to(inner));
        let general = to == Object || (to == Number && from.is_number());
        return (internal && (boxes || general)) || (explicit && from == Char && to == String);
    }
    if let Some(inner) = from.unboxed() {
        let wanted = to.unboxed().unwrap_or(to);
        if internal && wanted.is_primitive() && (inner == wanted || inner.widens_to(wanted)) {
            return true;
        }
    }
    if from == String && to == Char {
        return explicit;
    }
    !to.is_primitive() && (from.extends(to) || (explicit && to.extends(from)))
}
