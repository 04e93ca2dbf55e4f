//! A small painless: the scripts of bulk updates, compiled once and run on documents as JSON bytes.
//! It is no virtual machine and reaches nothing outside the document; what it does not know it refuses.
//! The surprising part is how much of Java shows through: integers wrap, hash maps have their own order, types are
//! checked before anything runs. The judge of all of it is a real server.

mod access;
mod big;
mod call;
mod cast;
mod catalog;
mod check;
mod check_call;
mod check_loop;
mod check_operator;
mod check_place;
mod check_value;
mod code;
mod compare;
mod compute;
mod decimal;
mod error;
mod heap;
mod lexer;
mod list_calls;
mod lists;
mod literal;
mod map_calls;
mod maps;
mod math;
mod method;
mod operands;
mod operators;
mod parser;
mod promote;
mod read;
mod request;
mod run;
mod runtime;
mod sort;
mod statements;
mod static_calls;
mod statics;
mod text;
mod text_calls;
mod tree;
mod types;
mod value;
mod write;

pub use error::{Phase, Result, ScriptError};
pub use request::ScriptRequest;
pub use runtime::{Document, Runtime, Script, Stored};

#[cfg(test)]
mod tests;
