//! The checked script, ready to run: names are slots, types are settled, casts are explicit. Holds no values that live
//! longer than a run, so that one script can serve many threads.

use super::method::{Method, StaticMethod};
use super::types::{CastKind, Type};
use super::value::Value;

/// An expression and where it stands in the source.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) kind: CodeKind,
    pub(super) offset: usize,
}

#[derive(Clone, Debug)]
pub(super) enum CodeKind {
    /// Texts are pieces of the script's constants, which begin every heap.
    Constant(Value),
    Local(usize),
    List(Vec<Code>),
    Map(Vec<(Code, Code)>),
    /// `new` of a collection, empty or as a copy.
    New {
        class: Type,
        copy: Option<Box<Code>>,
    },
    NewException {
        class: u16,
        message: Option<Box<Code>>,
    },
    /// A getter, the value of a map, or the element of a list, whatever the value turns out to have.
    Field {
        target: Box<Code>,
        name: Value,
        null_safe: bool,
    },
    /// `class` is the static type of the index.
    Index {
        target: Box<Code>,
        index: Box<Code>,
        class: Type,
    },
    /// The method is known; its arguments are cast already.
    Call {
        target: Box<Code>,
        method: Method,
        args: Vec<Code>,
        null_safe: bool,
    },
    DynamicCall(Box<DynamicCall>),
    StaticCall {
        method: StaticMethod,
        args: Vec<Code>,
    },
    Cast {
        value: Box<Code>,
        from: Type,
        to: Type,
        kind: CastKind,
    },
    Unary {
        op: &'static str,
        value: Box<Code>,
    },
    Not(Box<Code>),
    Operate {
        operation: Operation,
        left: Box<Code>,
        right: Box<Code>,
    },
    /// `< <= > >=`
    Order {
        op: &'static str,
        left: Box<Code>,
        right: Box<Code>,
    },
    Equal {
        sense: Sense,
        negate: bool,
        left: Box<Code>,
        right: Box<Code>,
    },
    And(Box<Code>, Box<Code>),
    Or(Box<Code>, Box<Code>),
    Condition {
        test: Box<Code>,
        yes: Box<Code>,
        no: Box<Code>,
    },
    Elvis {
        left: Box<Code>,
        right: Box<Code>,
    },
    InstanceOf {
        value: Box<Code>,
        class: Type,
    },
    Assign(Box<Assignment>),
}

/// A call whose method depends on the class of the value.
#[derive(Clone, Debug)]
pub(super) struct DynamicCall {
    pub(super) target: Code,
    pub(super) name: Value,
    /// The arguments and their static types.
    pub(super) args: Vec<(Code, Type)>,
    /// The type that is wanted of the result.
    pub(super) result: Type,
    pub(super) null_safe: bool,
}

/// What `==` means between two types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sense {
    /// Numbers by value, the rest by `equals`.
    Loose,
    /// `equals`.
    Equals,
    /// The same object.
    Identity,
}

/// An operator that makes a value of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `+` of anything with a text.
    Join,
    /// `+` that becomes a text if one side is one.
    Add,
    /// `- * / %`
    Arithmetic(&'static str),
    /// `& | ^`
    Bitwise(&'static str),
    /// `<< >> >>>`
    Shift(&'static str),
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Local(usize),
    Field { target: Code, name: Value },
    Index { target: Code, index: Code, class: Type },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Give {
    Nothing,
    New,
    Old,
}

#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) place: Place,
    /// Where the place stands in the source.
    pub(super) offset: usize,
    pub(super) compound: Option<Compound>,
    pub(super) value: Code,
    pub(super) give: Give,
}

/// `x op= y`: x in the type `work`, the operator, then back to the type of x.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compound {
    pub(super) operation: Operation,
    pub(super) own: Type,
    pub(super) work: Type,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Expression(Code),
    If {
        test: Code,
        yes: Vec<Step>,
        no: Vec<Step>,
    },
    /// `while`, `do` and `for`: with `test_first` unless it is `do`.
    Loop {
        test: Option<Code>,
        test_first: bool,
        body: Vec<Step>,
        after: Option<Code>,
    },
    Each {
        slot: usize,
        cast: Type,
        values: Code,
        body: Vec<Step>,
    },
    Continue,
    Break,
    Return(Option<Code>),
    Throw(Code),
}

/// A lambda: the slots of its parameters, and what it does.
#[derive(Clone, Debug)]
pub(super) struct Lambda {
    pub(super) params: Vec<(usize, Type)>,
    pub(super) body: Vec<Step>,
}

/// Everything that the checker makes of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) constants: String,
    pub(super) steps: Vec<Step>,
    pub(super) lambdas: Vec<Lambda>,
    pub(super) slots: usize,
}
