//! What the store calls: compile a source, run it on a document, write what it left.

use super::check;
use super::code::Program;
use super::error::{Phase, Result, ScriptError};
use super::heap::{Heap, Order};
use super::run::Machine;
use super::statements;
use super::value::{Span, Value};

/// A compiled source. Keep one for each distinct source; it is never changed by running.
#[derive(Clone, Debug)]
pub struct Script {
    program: Program,
}

impl Script {
    /// Compiles, or says why the server would refuse the source, or that it is not supported here.
    pub fn compile(source: &str) -> Result<Script> {
        Ok(Script { program: check::check(&statements::parse(source)?)? })
    }
}

/// The document that a script runs on, and what `ctx` shows of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Document<'a> {
    /// The JSON object, valid and in UTF-8.
    pub source: &'a [u8],
    /// Where it is stored; none for a scripted upsert of a document that does not exist yet.
    pub stored: Option<Stored<'a>>,
    /// Milliseconds since 1970, as `ctx._now`.
    pub now: i64,
}

/// The place of a stored document.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stored<'a> {
    /// `ctx._index`
    pub index: &'a str,
    /// `ctx._id`
    pub id: &'a str,
    /// `ctx._routing`, null if none.
    pub routing: Option<&'a str>,
    /// `ctx._version` before the update.
    pub version: i64,
}

/// The memory of running scripts, used again for each document.
#[derive(Default)]
pub struct Runtime {
    heap: Heap,
    locals: Vec<Value>,
    ctx: u32,
    op: Span,
}

impl Runtime {
    /// Runs a script on a document, with its parameters as a JSON object. Then `op` and `write_source` have the result.
    pub fn run(&mut self, script: &Script, document: &Document<'_>, params: Option<&[u8]>) -> Result<()> {
        self.heap.shrink();
        self.heap.reset(&script.program.constants);
        let ctx = self.context(document)?;
        let params = self.parameters(params)?;
        self.ctx = ctx;
        self.locals.clear();
        self.locals.extend([Value::Map(ctx), params]);
        self.locals.resize(script.program.slots.max(2), Value::Null);
        Machine::new(&mut self.heap, &script.program, &mut self.locals).run()?;
        self.op = self.result_op()?;
        Ok(())
    }

    /// What the script put into `ctx.op`: `index` (or `create` in an upsert) means to store, `delete` to delete;
    /// everything else means to leave the document alone.
    pub fn op(&self) -> &str {
        self.heap.str(self.op)
    }

    /// Appends the document that the script left, as JSON.
    pub fn write_source(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let key = self.find_field("_source")?;
        let source = match key {
            Some(slot) => self.heap.map(self.ctx).slots[slot].value,
            None => Value::Null,
        };
        match source {
            Value::Raw(_) | Value::Map(_) => self.heap.write(source, &mut Vec::new(), out),
            Value::Null => Err(ScriptError::new(Phase::Item, "mapper_parsing_exception", "failed to parse")),
            other => Err(self.not_a("java.util.Map", other)),
        }
    }

    fn not_a(&self, wanted: &str, found: Value) -> ScriptError {
        let reason = format!("class {} cannot be cast to class {wanted}", self.heap.class_name(found));
        ScriptError::new(Phase::Item, "class_cast_exception", reason)
    }

    fn find_field(&mut self, name: &str) -> Result<Option<usize>> {
        let name = self.heap.add_input(name)?;
        self.heap.find(self.ctx, Value::Text(name))
    }

    fn result_op(&mut self) -> Result<Span> {
        let op = match self.find_field("op")? {
            Some(slot) => self.heap.slot_value(self.ctx, slot)?,
            None => Value::Null,
        };
        match op {
            Value::Text(span) => Ok(span),
            Value::Null => {
                let reason = "Cannot invoke \"String.hashCode()\" because the operation is null";
                Err(ScriptError::new(Phase::Item, "null_pointer_exception", reason))
            }
            other => Err(self.not_a("java.lang.String", other)),
        }
    }

    /// The map `ctx`, a hash map as on the server.
    fn context(&mut self, document: &Document<'_>) -> Result<u32> {
        let source = self.json(document.source)?;
        self.heap.ordered = if document.stored.is_some() { source.start..source.start + source.length } else { 0..0 };
        let ctx = self.heap.new_map(Order::Hashed)?;
        let op = if document.stored.is_some() { "index" } else { "create" };
        self.set(ctx, "op", Some(op))?;
        if let Some(stored) = document.stored {
            self.set(ctx, "_index", Some(stored.index))?;
            self.set(ctx, "_id", Some(stored.id))?;
            self.set(ctx, "_routing", stored.routing)?;
            self.insert(ctx, "_version", Value::Long(stored.version))?;
        }
        self.insert(ctx, "_now", Value::Long(document.now))?;
        self.insert(ctx, "_source", Value::Raw(source))?;
        Ok(ctx)
    }

    fn set(&mut self, ctx: u32, key: &str, value: Option<&str>) -> Result<()> {
        let value = match value {
            Some(text) => Value::Text(self.heap.add_input(text)?),
            None => Value::Null,
        };
        self.insert(ctx, key, value)
    }

    fn insert(&mut self, ctx: u32, key: &str, value: Value) -> Result<()> {
        let key = Value::Text(self.heap.add_input(key)?);
        self.heap.insert(ctx, key, value)
    }

    fn json(&mut self, bytes: &[u8]) -> Result<Span> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| ScriptError::new(Phase::Item, "parse_exception", "the document is not valid UTF-8"))?;
        self.heap.add_input(text.trim_matches([' ', '\t', '\n', '\r']))
    }

    /// Read into hash maps, and not to be changed at the top.
    fn parameters(&mut self, params: Option<&[u8]>) -> Result<Value> {
        let span = self.json(params.unwrap_or(b"{}"))?;
        let value = self.heap.read(span)?;
        match value {
            Value::Map(id) => self.heap.map_mut(id).frozen = true,
            _ => return Err(ScriptError::new(Phase::Lookup, "x_content_parse_exception", "[params] is not an object")),
        }
        Ok(value)
    }
}
