//! The checker: names become slots, types are settled and casts written down. Here are the statements, with the
//! server's rules for loops that never end, statements that are never reached, and variables that do not exist.

use super::code::{Assignment, Code, CodeKind, Give, Lambda, Place, Program, Step};
use super::error::{Result, ScriptError};
use super::tree::{Block, Node, NodeKind, Statement, StatementKind};
use super::types::Type;
use super::value::{Span, Value};

pub(super) struct Variable {
    name: String,
    pub(super) slot: usize,
    pub(super) class: Type,
    pub(super) read_only: bool,
    /// How many lambdas stand around it; from inside another one it cannot be assigned.
    level: usize,
}

/// How control leaves a statement.
#[derive(Clone, Copy, Default)]
pub(super) struct Flow {
    /// Every path returns or throws.
    pub(super) method: bool,
    /// Every path leaves the loop.
    pub(super) out_of_loop: bool,
    /// What follows is never reached.
    pub(super) all: bool,
    pub(super) continues: bool,
    pub(super) breaks: bool,
}

/// Where a statement stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Spot {
    pub(super) in_loop: bool,
    /// The last statement of a loop's body.
    pub(super) last_in_loop: bool,
    /// The last statement of a lambda, whose value is returned.
    pub(super) last_in_lambda: bool,
}

pub(super) struct Checker {
    pub(super) program: Program,
    pub(super) variables: Vec<Variable>,
    pub(super) level: usize,
    pub(super) returns: Type,
    /// A constant that cannot be computed; reported only if nothing else is wrong, as the server looks later.
    pub(super) late: Option<ScriptError>,
}

pub(super) fn check(block: &Block) -> Result<Program> {
    let mut checker =
        Checker { program: Program::default(), variables: Vec::new(), level: 0, returns: Type::Void, late: None };
    checker.declare("ctx", Type::Map, false, 0)?;
    checker.declare("params", Type::Map, false, 0)?;
    if block.is_empty() {
        let reason = "invalid function definition: found no statements for function [execute] with [0] parameters";
        return Err(ScriptError::argument(0, reason));
    }
    checker.program.steps = checker.statements(block, Spot::default(), false)?.0;
    match checker.late {
        Some(error) => Err(error),
        None => Ok(checker.program),
    }
}

impl Checker {
    pub(super) fn declare(&mut self, name: &str, class: Type, read_only: bool, offset: usize) -> Result<usize> {
        if self.variable(name).is_some() {
            return Err(ScriptError::argument(offset, format!("variable [{name}] is already defined")));
        }
        let slot = self.program.slots;
        self.program.slots += 1;
        self.variables.push(Variable { name: name.to_string(), slot, class, read_only, level: self.level });
        Ok(slot)
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().rev().find(|variable| variable.name == name)
    }

    pub(super) fn is_read_only(&self, variable: &Variable) -> bool {
        variable.read_only || variable.level < self.level
    }

    /// A text among the constants.
    pub(super) fn text(&mut self, text: &str) -> Value {
        let constants = &mut self.program.constants;
        let start = constants.find(text).unwrap_or_else(|| {
            constants.push_str(text);
            constants.len() - text.len()
        });
        Value::Text(Span { start: start as u32, length: text.len() as u32 })
    }

    pub(super) fn type_named(&self, name: &str, offset: usize) -> Result<Type> {
        match Type::named(name) {
            Some(Type::Void) | None
                if name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains(['.', '[']) =>
            {
                Err(ScriptError::argument(offset, format!("invalid declaration: cannot resolve type [{name}]")))
            }
            Some(class) => Ok(class),
            None => Err(ScriptError::unsupported(offset, format!("the class [{name}]"))),
        }
    }

    /// A block with its own scope.
    fn block(&mut self, block: &Block, spot: Spot, begins_loop: bool) -> Result<(Vec<Step>, Flow)> {
        let outer = self.variables.len();
        let checked = self.statements(block, spot, begins_loop)?;
        self.variables.truncate(outer);
        Ok(checked)
    }

    pub(super) fn statements(&mut self, block: &Block, spot: Spot, begins_loop: bool) -> Result<(Vec<Step>, Flow)> {
        let mut steps = Vec::new();
        let mut flow = Flow::default();
        for (index, statement) in block.iter().enumerate() {
            let last = index + 1 == block.len();
            let inner = Spot {
                in_loop: spot.in_loop,
                last_in_loop: last && (begins_loop || spot.last_in_loop),
                last_in_lambda: last && spot.last_in_lambda,
            };
            let found = self.statement(statement, inner, &mut steps)?;
            if found.all && !last {
                return Err(ScriptError::argument(block[0].offset, "invalid block: unreachable statement"));
            }
            let (continues, breaks) = (flow.continues || found.continues, flow.breaks || found.breaks);
            flow = Flow { continues, breaks, ..found };
        }
        Ok((steps, flow))
    }

    pub(super) fn statement(&mut self, statement: &Statement, spot: Spot, steps: &mut Vec<Step>) -> Result<Flow> {
        let offset = statement.offset;
        match &statement.kind {
            StatementKind::If { test, yes, no } => self.if_statement(test, yes, no.as_ref(), spot, steps),
            StatementKind::While { test, body } => self.while_loop(test, body, offset, steps),
            StatementKind::Do { body, test } => self.do_loop(body, test, offset, steps),
            StatementKind::For { .. } => self.for_loop(statement, steps),
            StatementKind::Each { .. } => self.each_loop(statement, steps),
            StatementKind::Declare { class, names } => {
                for (name, offset, value) in names {
                    self.declaration(class, name, *offset, value.as_ref(), steps)?;
                }
                Ok(Flow::default())
            }
            StatementKind::Continue if !spot.in_loop => {
                Err(ScriptError::argument(offset, "invalid continue statement: not inside loop"))
            }
            StatementKind::Continue if spot.last_in_loop => {
                Err(ScriptError::argument(offset, "extraneous continue statement"))
            }
            StatementKind::Continue => {
                steps.push(Step::Continue);
                Ok(Flow { all: true, continues: true, ..Flow::default() })
            }
            StatementKind::Break if !spot.in_loop => {
                Err(ScriptError::argument(offset, "invalid break statement: not inside loop"))
            }
            StatementKind::Break => {
                steps.push(Step::Break);
                Ok(Flow { all: true, out_of_loop: true, breaks: true, ..Flow::default() })
            }
            StatementKind::Return(value) => {
                let value = self.returned(value.as_ref(), offset)?;
                steps.push(Step::Return(value));
                Ok(Flow { method: true, out_of_loop: true, all: true, ..Flow::default() })
            }
            StatementKind::Throw(value) => {
                let value = self.converted(value, Type::Exception, false)?;
                steps.push(Step::Throw(value));
                Ok(Flow { method: true, out_of_loop: true, all: true, ..Flow::default() })
            }
            StatementKind::Expression(node) => self.expression_statement(node, spot, steps),
        }
    }

    fn returned(&mut self, value: Option<&Node>, offset: usize) -> Result<Option<Code>> {
        match value {
            Some(value) => Ok(Some(self.converted(value, self.returns, true)?)),
            None if self.returns == Type::Void => Ok(None),
            None => {
                let reason = format!("cannot cast from [{}] to [void]", self.returns.name());
                Err(ScriptError::class_cast(offset, reason))
            }
        }
    }

    fn expression_statement(&mut self, node: &Node, spot: Spot, steps: &mut Vec<Step>) -> Result<Flow> {
        if !spot.last_in_lambda || self.returns == Type::Void {
            steps.push(Step::Expression(self.unused(node)?));
            return Ok(Flow::default());
        }
        let (code, class) = self.value(node)?;
        if class == Type::Void {
            steps.push(Step::Expression(code));
            return Ok(Flow::default());
        }
        let code = self.cast(code, class, self.returns, (false, true))?;
        steps.push(Step::Return(Some(code)));
        Ok(Flow { method: true, out_of_loop: true, all: true, ..Flow::default() })
    }

    fn declaration(
        &mut self,
        class: &str,
        name: &str,
        offset: usize,
        value: Option<&Node>,
        steps: &mut Vec<Step>,
    ) -> Result<()> {
        if Type::named(name).is_some() {
            return Err(ScriptError::argument(offset, format!("invalid declaration: type [{name}] cannot be a name")));
        }
        let class = self.type_named(class, offset)?;
        let value = match value {
            Some(node) => self.converted(node, class, false)?,
            None => Code { kind: CodeKind::Constant(default_of(class)), offset },
        };
        let place = Place::Local(self.declare(name, class, false, offset)?);
        let assignment = Assignment { place, offset, compound: None, value, give: Give::Nothing };
        steps.push(Step::Expression(Code { kind: CodeKind::Assign(Box::new(assignment)), offset }));
        Ok(())
    }

    fn if_statement(
        &mut self,
        test: &Node,
        yes: &Block,
        no: Option<&Block>,
        spot: Spot,
        steps: &mut Vec<Step>,
    ) -> Result<Flow> {
        let condition = self.converted(test, Type::Boolean, false)?;
        if matches!(test.kind, NodeKind::Bool(_)) || yes.is_empty() {
            return Err(ScriptError::argument(test.offset, "extraneous if block"));
        }
        let (yes, first) = self.block(yes, spot, false)?;
        let Some(no) = no else {
            steps.push(Step::If { test: condition, yes, no: Vec::new() });
            return Ok(Flow { continues: first.continues, breaks: first.breaks, ..Flow::default() });
        };
        if no.is_empty() {
            return Err(ScriptError::argument(test.offset, "extraneous else block."));
        }
        let (no, second) = self.block(no, spot, false)?;
        steps.push(Step::If { test: condition, yes, no });
        Ok(Flow {
            method: first.method && second.method,
            out_of_loop: first.out_of_loop && second.out_of_loop,
            all: first.all && second.all,
            continues: first.continues || second.continues,
            breaks: first.breaks || second.breaks,
        })
    }

    /// A lambda, whose parameters and result have these types unless it names others.
    pub(super) fn lambda(&mut self, node: &Node, types: &[Type], returns: Type) -> Result<Value> {
        let NodeKind::Lambda { params, body } = &node.kind else { return Ok(Value::Null) };
        let outer = (self.variables.len(), self.returns);
        self.level += 1;
        self.returns = returns;
        let mut slots = Vec::new();
        for ((class, name), expected) in params.iter().zip(types) {
            let class = match class {
                Some(class) => self.type_named(class, node.offset)?,
                None => *expected,
            };
            slots.push((self.declare(name, class, true, node.offset)?, class));
        }
        if body.is_empty() {
            return Err(ScriptError::argument(node.offset, "cannot generate empty lambda"));
        }
        let (body, flow) = self.statements(body, Spot { last_in_lambda: true, ..Spot::default() }, false)?;
        if !flow.method {
            return Err(ScriptError::argument(node.offset, "not all paths return a value for lambda"));
        }
        self.level -= 1;
        self.variables.truncate(outer.0);
        self.returns = outer.1;
        self.program.lambdas.push(Lambda { params: slots, body });
        Ok(Value::Lambda(self.program.lambdas.len() as u32 - 1))
    }
}

fn default_of(class: Type) -> Value {
    match class {
        Type::Boolean => Value::Boolean(false),
        Type::Byte => Value::Byte(0),
        Type::Short => Value::Short(0),
        Type::Char => Value::Char(0),
        Type::Int => Value::Int(0),
        Type::Long => Value::Long(0),
        Type::Float => Value::Float(0.0),
        Type::Double => Value::Double(0.0),
        _ => Value::Null,
    }
}
