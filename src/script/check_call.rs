//! The checker's method calls, static calls and `new`.

use super::catalog::{self, EXCEPTIONS};
use super::check::Checker;
use super::check_place::Target;
use super::check_value::{Typed, Want};
use super::code::{Code, CodeKind, DynamicCall};
use super::error::{Result, ScriptError};
use super::method::Method;
use super::statics;
use super::tree::{Node, NodeKind};
use super::types::Type;

impl Checker {
    pub(super) fn call(&mut self, node: &Node, want: Want) -> Result<Typed> {
        let NodeKind::Call { target, name, args, null_safe } = &node.kind else {
            return Err(ScriptError::unsupported(node.offset, "this expression"));
        };
        let offset = node.offset;
        let (code, owner) = match self.target(target)? {
            Target::Class(class) => return self.static_call(class, name, args, offset),
            Target::Value(code, owner) => (code, owner),
        };
        if owner == Type::Def {
            let args = args.iter().map(|arg| self.dynamic_argument(arg)).collect::<Result<Vec<_>>>()?;
            let name = self.text(name);
            let wanted = want.target.filter(|_| !want.explicit && !null_safe).unwrap_or(Type::Def);
            // A result that goes nowhere is thrown away as it is.
            let result = if wanted == Type::Void { Type::Def } else { wanted };
            let call = DynamicCall { target: code, name, args, result, null_safe: *null_safe };
            return Ok((Code { kind: CodeKind::DynamicCall(Box::new(call)), offset }, wanted));
        }
        // A primitive has the methods of its box.
        let Some(entry) = catalog::find_method(owner.boxed(), name, args.len()) else {
            return Err(self.unknown_method("field", owner, name, args.len(), offset));
        };
        if *null_safe && entry.result.is_primitive() {
            return Err(ScriptError::argument(offset, "Result of null safe operator must be nullable"));
        }
        let args = self.arguments(args, entry.params)?;
        let kind = CodeKind::Call { target: Box::new(code), method: entry.method, args, null_safe: *null_safe };
        let typed = Code { kind, offset };
        // One routine unboxes to all types.
        if entry.method == Method::Unbox {
            let typed = self.cast(typed, Type::Def, entry.result, (true, false))?;
            return Ok((typed, entry.result));
        }
        Ok((typed, entry.result))
    }

    fn unknown_method(&self, what: &str, owner: Type, name: &str, arity: usize, offset: usize) -> ScriptError {
        let reason = format!("{what} method [{}, {name}/{arity}] not found", owner.name());
        if catalog::is_known_elsewhere(name) || what == "static" {
            let construct = format!("the {reason}").replace(" not found", "");
            return ScriptError::unsupported(offset, construct);
        }
        ScriptError::argument(offset, reason)
    }

    fn static_call(&mut self, class: Type, name: &str, args: &[Node], offset: usize) -> Result<Typed> {
        let Some(entry) = statics::find_static(class, name, args.len()) else {
            return Err(self.unknown_method("static", class, name, args.len(), offset));
        };
        let args = self.arguments(args, entry.params)?;
        Ok((Code { kind: CodeKind::StaticCall { method: entry.method, args }, offset }, entry.result))
    }

    fn arguments(&mut self, args: &[Node], params: &[Type]) -> Result<Vec<Code>> {
        args.iter().zip(params).map(|(arg, param)| self.argument(arg, *param)).collect()
    }

    fn argument(&mut self, arg: &Node, param: Type) -> Result<Code> {
        let NodeKind::Lambda { params, .. } = &arg.kind else { return self.converted(arg, param, true) };
        let Some((types, result)) = catalog::interface(param) else {
            let reason = format!("Cannot pass lambda to [{}], not a functional interface", param.name());
            return Err(ScriptError::argument(arg.offset, reason));
        };
        if types.len() != params.len() {
            return Err(ScriptError::argument(
                arg.offset,
                format!("Incorrect number of parameters for [{}]", param.name()),
            ));
        }
        let result = if result == Type::Void { Type::Def } else { result };
        let lambda = self.lambda(arg, types, result)?;
        Ok(Code { kind: CodeKind::Constant(lambda), offset: arg.offset })
    }

    fn dynamic_argument(&mut self, arg: &Node) -> Result<(Code, Type)> {
        if let NodeKind::Lambda { params, .. } = &arg.kind {
            let lambda = self.lambda(arg, &vec![Type::Def; params.len()], Type::Def)?;
            return Ok((Code { kind: CodeKind::Constant(lambda), offset: arg.offset }, Type::Object));
        }
        let (code, class) = self.visit(arg, Want { internal: true, ..Want::ANY })?;
        if class == Type::Void {
            return Err(ScriptError::argument(arg.offset, "Argument(s) cannot be of [void] type when calling method"));
        }
        Ok((code, class))
    }

    pub(super) fn new_object(&mut self, class: &str, args: &[Node], offset: usize) -> Result<Typed> {
        let exception = EXCEPTIONS.iter().position(|(name, _)| *name == class || class == format!("java.lang.{name}"));
        if let Some(index) = exception {
            let message = match args {
                [] => None,
                [message] => Some(Box::new(self.converted(message, Type::String, true)?)),
                _ => return Err(no_constructor(class, args.len(), offset)),
            };
            return Ok((
                Code { kind: CodeKind::NewException { class: index as u16, message }, offset },
                Type::Exception,
            ));
        }
        let class = self.type_named(class, offset)?;
        let source = match class {
            Type::ArrayList | Type::HashSet | Type::LinkedHashSet => Type::Collection,
            Type::HashMap | Type::LinkedHashMap => Type::Map,
            Type::String => return Err(ScriptError::unsupported(offset, "a new [java.lang.String]")),
            _ => return Err(no_constructor(class.name(), args.len(), offset)),
        };
        let copy = match args {
            [] => None,
            [from] => Some(Box::new(self.converted(from, source, true)?)),
            _ => return Err(no_constructor(class.name(), args.len(), offset)),
        };
        Ok((Code { kind: CodeKind::New { class, copy }, offset }, class))
    }
}

fn no_constructor(class: &str, arity: usize, offset: usize) -> ScriptError {
    ScriptError::argument(offset, format!("constructor [{class}, <init>/{arity}] not found"))
}
