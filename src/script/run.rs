//! The evaluator: walks the checked code. Whatever a script can do wrong ends here with Java's error; how long it may
//! run and how much memory it may take is limited by the heap and by the server's rule for loops.

use super::cast::cast;
use super::catalog::EXCEPTIONS;
use super::code::{Code, Program, Step};
use super::error::{Result, ScriptError};
use super::heap::Heap;
use super::types::{CastKind, Type};
use super::value::Value;

/// Rounds of all loops of a script, or of one call of a lambda, as on the server.
const MAX_ROUNDS: u32 = 1_000_000;

/// How a list of steps ended.
enum End {
    Through,
    Continue,
    Break,
    Return(Value),
}

pub(super) struct Machine<'a> {
    pub(super) heap: &'a mut Heap,
    pub(super) program: &'a Program,
    pub(super) locals: &'a mut Vec<Value>,
    rounds: u32,
    /// Lambdas inside each other, which only a method call that takes one can make.
    depth: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(heap: &'a mut Heap, program: &'a Program, locals: &'a mut Vec<Value>) -> Self {
        Machine { heap, program, locals, rounds: MAX_ROUNDS, depth: 0 }
    }

    pub(super) fn run(&mut self) -> Result<()> {
        let program = self.program;
        self.steps(&program.steps).map(|_| ())
    }

    fn steps(&mut self, steps: &[Step]) -> Result<End> {
        for step in steps {
            let end = match step {
                Step::Expression(code) => {
                    self.value(code)?;
                    End::Through
                }
                Step::If { test, yes, no } => {
                    let branch = if self.test(test)? { yes } else { no };
                    self.steps(branch)?
                }
                Step::Loop { test, test_first, body, after } => {
                    self.repeat(test.as_ref(), *test_first, body, after.as_ref())?
                }
                Step::Each { slot, cast, values, body } => self.each(*slot, *cast, values, body)?,
                Step::Continue => End::Continue,
                Step::Break => End::Break,
                Step::Return(value) => End::Return(match value {
                    Some(code) => self.value(code)?,
                    None => Value::Null,
                }),
                Step::Throw(code) => return Err(self.thrown(code)?),
            };
            if !matches!(end, End::Through) {
                return Ok(end);
            }
        }
        Ok(End::Through)
    }

    fn thrown(&mut self, code: &Code) -> Result<ScriptError> {
        let error = match self.value(code)? {
            Value::Exception(class, message) => {
                let reason = message.map(|span| self.heap.str(span).to_string().into());
                ScriptError { reason, ..ScriptError::run(EXCEPTIONS[class as usize].1, "") }
            }
            _ => ScriptError::run("null_pointer_exception", "Cannot throw exception because it is null"),
        };
        Ok(ScriptError { offset: code.offset, ..error })
    }

    pub(super) fn test(&mut self, code: &Code) -> Result<bool> {
        Ok(self.value(code)? == Value::Boolean(true))
    }

    fn round(&mut self) -> Result<()> {
        self.rounds -= 1;
        if self.rounds > 0 {
            return self.heap.work(1);
        }
        let reason = "The maximum number of statements that can be executed in a loop has been reached.";
        Err(ScriptError { unsupported: false, ..ScriptError::limit(reason) })
    }

    fn repeat(&mut self, test: Option<&Code>, first: bool, body: &[Step], after: Option<&Code>) -> Result<End> {
        let mut tests = first;
        loop {
            if tests
                && let Some(test) = test
                && !self.test(test)?
            {
                return Ok(End::Through);
            }
            tests = true;
            if first {
                self.round()?;
            }
            match self.steps(body)? {
                End::Break => return Ok(End::Through),
                End::Return(value) => return Ok(End::Return(value)),
                End::Through | End::Continue => {}
            }
            if let Some(after) = after {
                self.value(after)?;
            }
            if !first {
                // `do` counts its round after the test.
                if let Some(test) = test
                    && !self.test(test)?
                {
                    return Ok(End::Through);
                }
                tests = false;
                self.round()?;
            }
        }
    }

    fn each(&mut self, slot: usize, class: Type, values: &Code, body: &[Step]) -> Result<End> {
        let source = self.value(values)?;
        let iterator = self.heap.iterate(source).map_err(|error| ScriptError { offset: values.offset, ..error })?;
        while self.heap.has_next(iterator) {
            let item = self.heap.next_item(iterator).map_err(|error| ScriptError { offset: values.offset, ..error })?;
            self.round()?;
            self.locals[slot] = cast(self.heap, item, Type::Def, class, CastKind::Implicit)?;
            match self.steps(body)? {
                End::Break => return Ok(End::Through),
                End::Return(value) => return Ok(End::Return(value)),
                End::Through | End::Continue => {}
            }
        }
        Ok(End::Through)
    }

    /// Calls a lambda; each call has its own count of rounds.
    pub(super) fn invoke(&mut self, lambda: Value, args: &[Value]) -> Result<Value> {
        let Value::Lambda(index) = lambda else {
            return match lambda {
                Value::Comparator { reversed } => {
                    let order = self.heap.natural_order(args[0], args[1])? as i32;
                    Ok(Value::Int(if reversed { -order } else { order }))
                }
                _ => Err(ScriptError::run("null_pointer_exception", "a function is null")),
            };
        };
        self.heap.work(2)?;
        let program = self.program;
        let lambda = &program.lambdas[index as usize];
        if lambda.params.len() != args.len() {
            return Err(ScriptError::run("illegal_argument_exception", "Incorrect number of parameters"));
        }
        for ((slot, class), arg) in lambda.params.iter().zip(args) {
            self.locals[*slot] = cast(self.heap, *arg, Type::Def, *class, CastKind::Implicit)?;
        }
        let rounds = std::mem::replace(&mut self.rounds, MAX_ROUNDS);
        self.depth += 1;
        let end = self.steps(&lambda.body);
        self.depth -= 1;
        self.rounds = rounds;
        match end? {
            End::Return(value) => Ok(value),
            _ => Ok(Value::Null),
        }
    }

    /// Whether a lambda says yes.
    pub(super) fn accepts(&mut self, lambda: Value, args: &[Value]) -> Result<bool> {
        let answer = self.invoke(lambda, args)?;
        Ok(cast(self.heap, answer, Type::Def, Type::Boolean, CastKind::Implicit)? == Value::Boolean(true))
    }
}

pub(super) fn null_receiver() -> ScriptError {
    ScriptError::run("null_pointer_exception", "Cannot invoke \"Object.getClass()\" because \"callArgs[0]\" is null")
}
