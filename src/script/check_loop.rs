//! The checker's loops, with the server's rules for loops that never come round or never end.

use super::check::{Checker, Flow, Spot};
use super::code::Step;
use super::error::{Result, ScriptError};
use super::tree::{Block, Node, NodeKind, Statement, StatementKind};
use super::types::{Type, cast_is_legal};

impl Checker {
    /// The body of a loop, refused if it can never come round.
    fn loop_body(&mut self, body: &Block, what: &str, offset: usize) -> Result<(Vec<Step>, Flow)> {
        let (steps, flow) = self.statements(body, Spot { in_loop: true, ..Spot::default() }, true)?;
        if flow.out_of_loop && !flow.continues {
            return Err(ScriptError::argument(offset, format!("extraneous {what} loop")));
        }
        Ok((steps, flow))
    }

    pub(super) fn while_loop(
        &mut self,
        test: &Node,
        body: &Block,
        offset: usize,
        steps: &mut Vec<Step>,
    ) -> Result<Flow> {
        let outer = self.variables.len();
        let condition = self.converted(test, Type::Boolean, false)?;
        let endless = endless(test, "while", offset)?;
        if endless && body.is_empty() {
            return Err(ScriptError::argument(offset, "no paths escape from while loop"));
        }
        let (body, flow) = self.loop_body(body, "while", offset)?;
        self.variables.truncate(outer);
        steps.push(Step::Loop { test: Some(condition), test_first: true, body, after: None });
        Ok(after_loop(endless && !flow.breaks))
    }

    pub(super) fn do_loop(&mut self, body: &Block, test: &Node, offset: usize, steps: &mut Vec<Step>) -> Result<Flow> {
        if body.is_empty() {
            return Err(ScriptError::argument(offset, "extraneous do-while loop"));
        }
        let outer = self.variables.len();
        let (body, flow) = self.loop_body(body, "do-while", offset)?;
        let condition = self.converted(test, Type::Boolean, false)?;
        let endless = endless(test, "do-while", offset)?;
        self.variables.truncate(outer);
        steps.push(Step::Loop { test: Some(condition), test_first: false, body, after: None });
        Ok(after_loop(endless && !flow.breaks))
    }

    pub(super) fn for_loop(&mut self, statement: &Statement, steps: &mut Vec<Step>) -> Result<Flow> {
        let StatementKind::For { start, test, step, body } = &statement.kind else { return Ok(Flow::default()) };
        let offset = statement.offset;
        let outer = self.variables.len();
        if let Some(start) = start {
            self.statement(start, Spot::default(), steps)?;
        }
        let mut forever = true;
        let mut condition = None;
        if let Some(test) = test {
            condition = Some(self.converted(test, Type::Boolean, false)?);
            forever = endless(test, "for", offset)?;
            if forever && body.is_empty() {
                return Err(ScriptError::argument(offset, "no paths escape from for loop"));
            }
        }
        let after = step.as_ref().map(|step| self.unused(step)).transpose()?;
        let empty = body.is_empty();
        let (body, flow) = self.loop_body(body, "for", offset)?;
        self.variables.truncate(outer);
        steps.push(Step::Loop { test: condition, test_first: true, body, after });
        Ok(after_loop(forever && !flow.breaks && !empty))
    }

    pub(super) fn each_loop(&mut self, statement: &Statement, steps: &mut Vec<Step>) -> Result<Flow> {
        let StatementKind::Each { class, name, values, body } = &statement.kind else { return Ok(Flow::default()) };
        let offset = statement.offset;
        let (values, source) = self.value(values)?;
        let class = self.type_named(class, offset)?;
        let outer = self.variables.len();
        let slot = self.declare(name, class, true, offset)?;
        if body.is_empty() {
            return Err(ScriptError::argument(offset, "extraneous foreach loop"));
        }
        let body = self.loop_body(body, "foreach", offset)?.0;
        self.variables.truncate(outer);
        if source == Type::StringArray {
            if !cast_is_legal(Type::String, class, true, true) {
                let reason = format!("Cannot cast from [java.lang.String] to [{}].", class.name());
                return Err(ScriptError::class_cast(offset, reason));
            }
        } else if source != Type::Def && !source.extends(Type::Iterable) {
            let reason = format!("invalid foreach loop: cannot iterate over type [{}].", source.name());
            return Err(ScriptError::argument(offset, reason));
        }
        steps.push(Step::Each { slot, cast: class, values, body });
        Ok(Flow::default())
    }
}

fn after_loop(never: bool) -> Flow {
    Flow { method: never, all: never, ..Flow::default() }
}

/// True for a condition that is the word `true`; `false` makes no sense to the server.
fn endless(test: &Node, what: &str, offset: usize) -> Result<bool> {
    match test.kind {
        NodeKind::Bool(false) => Err(ScriptError::argument(offset, format!("extraneous {what} loop"))),
        NodeKind::Bool(true) => Ok(true),
        _ => Ok(false),
    }
}
