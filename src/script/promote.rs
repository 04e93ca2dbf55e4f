//! The type in which an operator works, from the types of its operands.

use super::types::Type;
use super::types::Type::*;

/// The type in which a unary or shift operator works.
pub(super) fn promote_unary(from: Type, decimal: bool) -> Option<Type> {
    match from {
        Def | Long => Some(from),
        Float | Double if decimal => Some(from),
        Int | Char | Short | Byte => Some(Int),
        _ => None,
    }
}

/// The type in which an arithmetic operator or a comparison works. Painless lets a number stand beside anything here;
/// the cast that follows refuses it.
pub(super) fn promote_numeric(left: Type, right: Type, decimal: bool) -> Option<Type> {
    let either = |wanted: Type| left == wanted || right == wanted;
    if either(Def) {
        return Some(Def);
    }
    if decimal && (either(Double) || either(Float)) {
        return Some(if either(Double) { Double } else { Float });
    }
    if either(Long) {
        return Some(Long);
    }
    [Int, Char, Short, Byte].into_iter().any(either).then_some(Int)
}

pub(super) fn promote_add(left: Type, right: Type) -> Option<Type> {
    if left == String || right == String { Some(String) } else { promote_numeric(left, right, true) }
}

pub(super) fn promote_xor(left: Type, right: Type) -> Option<Type> {
    if left == Def || right == Def {
        return Some(Def);
    }
    if left == Boolean || right == Boolean { Some(Boolean) } else { promote_numeric(left, right, false) }
}

pub(super) fn promote_equality(left: Type, right: Type) -> Option<Type> {
    if left == String && right == String {
        return Some(String);
    }
    if left == Def || right == Def {
        return Some(Def);
    }
    if left.is_primitive() && right.is_primitive() {
        let both = left == Boolean && right == Boolean;
        return if both { Some(Boolean) } else { promote_numeric(left, right, true) };
    }
    Some(Object)
}

pub(super) fn promote_conditional(left: Type, right: Type) -> Option<Type> {
    if left == right {
        return Some(left);
    }
    if left == Def || right == Def {
        return Some(Def);
    }
    if !left.is_number() || !right.is_number() {
        return Some(Object);
    }
    let either = |wanted: Type| left == wanted || right == wanted;
    if let Some(found) = [Double, Float, Long, Int].into_iter().find(|wanted| either(*wanted)) {
        return Some(found);
    }
    either(Char).then_some(Int)
}
