//! Makes objects and arrays from dotted names: `a.b` is a field of an object, `tags.0` an element of an array.

use crate::json::{Field, quote_into, unescape};
use crate::record::Reason;
use std::collections::HashMap;

/// Maximum array index, so that a name cannot use unbounded memory.
const MAX_INDEX: usize = 9_999;

/// Maximum number of parts of a dotted name. Each is a level of the document, and one recursive call here.
const MAX_DEPTH: usize = 100;

enum Node<'a> {
    Leaf(&'a str),
    Inner(Level<'a>),
}

/// The fields of one object in the order of the input, and the index of each name.
#[derive(Default)]
struct Level<'a> {
    fields: Vec<(String, Node<'a>)>,
    indices: HashMap<String, usize>,
}

impl<'a> Level<'a> {
    /// The field of that name, and whether it was added now.
    fn field(&mut self, name: &str, new: Node<'a>) -> (&mut Node<'a>, bool) {
        let next = self.fields.len();
        let index = *self.indices.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.fields.push((name.to_owned(), new));
        }
        (&mut self.fields[index].1, index == next)
    }
}

/// Writes the nested form of a flat object to `out`.
///
/// # Errors
/// If a name is both a value and the prefix of another name or has more than 100 parts, or an array index is above 9999.
pub(super) fn write_nested(text: &str, fields: &[Field], out: &mut String) -> Result<(), Reason> {
    let mut root = Level::default();
    for field in fields {
        let written = field.name.of(text);
        let name = unescape(written).ok_or_else(|| clash(written))?;
        insert_name(&mut root, &name, field.value.of(text))?;
    }
    out.clear();
    // The outermost level is a document: always an object, even if all names are numbers.
    write_object(&root, out)
}

/// Checks the names of a header.
///
/// # Errors
/// As for `write_nested`.
pub(super) fn check_names(names: &[&str]) -> Result<(), Reason> {
    let mut root = Level::default();
    for name in names {
        insert_name(&mut root, name, "null")?;
    }
    write_object(&root, &mut String::new())
}

/// Inserts a value at the path that its name is.
fn insert_name<'a>(root: &mut Level<'a>, name: &str, value: &'a str) -> Result<(), Reason> {
    let mut path: Vec<&str> = name.split('.').collect();
    if path.iter().any(|part| part.is_empty()) {
        path = vec![name];
    }
    if path.len() > MAX_DEPTH {
        return Err(Reason::new("name_clash", format!("--nested: a name has more than {MAX_DEPTH} parts")));
    }
    if insert(root, &path, value) { Ok(()) } else { Err(clash(name)) }
}

fn clash(name: &str) -> Reason {
    Reason::new("name_clash", format!("--nested: \"{name}\" clashes with another name"))
}

/// Inserts a value at its path. False if another name is in the way.
fn insert<'a>(mut level: &mut Level<'a>, path: &[&str], value: &'a str) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    for name in parents {
        let (Node::Inner(inner), _) = level.field(name, Node::Inner(Level::default())) else { return false };
        level = inner;
    }
    level.field(last, Node::Leaf(value)).1
}

fn index(name: &str) -> Option<usize> {
    let is_canonical = name == "0" || !name.starts_with('0');
    (is_canonical && name.bytes().all(|byte| byte.is_ascii_digit())).then(|| name.parse().ok())?
}

fn write_node(node: &Node<'_>, out: &mut String) -> Result<(), Reason> {
    match node {
        Node::Leaf(value) => out.push_str(value),
        Node::Inner(level) => match level.fields.iter().map(|(name, _)| index(name)).collect::<Option<Vec<_>>>() {
            Some(indices) => write_array(level, &indices, out)?,
            None => write_object(level, out)?,
        },
    }
    Ok(())
}

fn write_object(level: &Level<'_>, out: &mut String) -> Result<(), Reason> {
    out.push('{');
    for (index, (name, node)) in level.fields.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        quote_into(out, name);
        out.push(':');
        write_node(node, out)?;
    }
    out.push('}');
    Ok(())
}

/// Missing elements are null, so that the others keep their index.
fn write_array(level: &Level<'_>, indices: &[usize], out: &mut String) -> Result<(), Reason> {
    let last = indices.iter().copied().max().unwrap_or(0);
    if last > MAX_INDEX {
        return Err(Reason::new("name_clash", format!("--nested: array index {last} is above {MAX_INDEX}")));
    }
    let mut elements: Vec<Option<&Node<'_>>> = vec![None; last + 1];
    for (index, (_, node)) in indices.iter().zip(&level.fields) {
        elements[*index] = Some(node);
    }
    out.push('[');
    for (index, element) in elements.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        match element {
            Some(node) => write_node(node, out)?,
            None => out.push_str("null"),
        }
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    fn nested(text: &str) -> Result<String, &'static str> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let mut out = String::new();
        write_nested(text, scanner.fields(), &mut out).map_err(Reason::static_kind)?;
        Ok(out)
    }

    #[test]
    fn dots_make_objects_and_numbers_make_arrays() {
        assert_eq!(
            nested(r#"{"a.b":1,"a.c.d":2.0,"tags.1":"y","tags.0":"x","gap.2":1,"00.1":0,"x..y":3}"#).as_deref(),
            Ok(r#"{"a":{"b":1,"c":{"d":2.0}},"tags":["x","y"],"gap":[null,null,1],"00":[null,0],"x..y":3}"#)
        );
    }

    #[test]
    fn a_name_cannot_be_a_value_and_an_object() {
        assert_eq!(nested(r#"{"a":1,"a.b":2}"#), Err("name_clash"));
        assert_eq!(nested(r#"{"a.b":1,"a":2}"#), Err("name_clash"));
        assert_eq!(nested(r#"{"a.99999":1}"#), Err("name_clash"));
        let deep = vec!["a"; 101].join(".");
        assert_eq!(nested(&format!("{{\"{deep}\":1}}")), Err("name_clash"));
    }
}
