//! The script as it was written: what the parser makes and the checker reads. Types are still names here.

/// An expression and the byte offset that the server reports for it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) offset: usize,
    /// How many expressions lie inside each other here; bounds the recursion of everything that walks the tree.
    pub(super) depth: usize,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Null,
    Bool(bool),
    Integer {
        digits: String,
        radix: u32,
    },
    Decimal(String),
    Text(String),
    Name(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    New {
        class: String,
        args: Vec<Node>,
    },
    Field {
        target: Box<Node>,
        name: String,
        null_safe: bool,
    },
    Call {
        target: Box<Node>,
        name: String,
        args: Vec<Node>,
        null_safe: bool,
    },
    Index {
        target: Box<Node>,
        index: Box<Node>,
    },
    Unary {
        op: &'static str,
        value: Box<Node>,
    },
    Binary {
        op: &'static str,
        left: Box<Node>,
        right: Box<Node>,
    },
    Condition {
        test: Box<Node>,
        yes: Box<Node>,
        no: Box<Node>,
    },
    Elvis {
        left: Box<Node>,
        right: Box<Node>,
    },
    InstanceOf {
        value: Box<Node>,
        class: String,
    },
    Cast {
        class: String,
        value: Box<Node>,
    },
    /// `op` is the operator of a compound assignment, without its `=`.
    Assign {
        op: Option<&'static str>,
        target: Box<Node>,
        value: Box<Node>,
    },
    /// `++` and `--`; `after` if the old value is the result.
    Step {
        op: &'static str,
        after: bool,
        target: Box<Node>,
    },
    Lambda {
        params: Vec<(Option<String>, String)>,
        body: Block,
    },
}

/// Statements in braces, or the single statement in their place.
pub(super) type Block = Vec<Statement>;

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) kind: StatementKind,
    pub(super) offset: usize,
}

#[derive(Clone, Debug)]
pub(super) enum StatementKind {
    If { test: Node, yes: Block, no: Option<Block> },
    While { test: Node, body: Block },
    Do { body: Block, test: Node },
    For { start: Option<Box<Statement>>, test: Option<Node>, step: Option<Node>, body: Block },
    Each { class: String, name: String, values: Node, body: Block },
    Declare { class: String, names: Vec<(String, usize, Option<Node>)> },
    Continue,
    Break,
    Return(Option<Node>),
    Throw(Node),
    Expression(Node),
}
