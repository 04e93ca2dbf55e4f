//! Parses values that are names, or templates of names.
//! An error names only the value; usage.rs adds the flag or the variable.

use crate::shape::{Merge, MergePart};
use crate::values::field;
use std::path::Path;

/// Parses `--translate`: two names, neither blank.
///
/// # Errors
/// When it is not FROM=TO.
pub fn translation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !is_blank(from) && !is_blank(to) && !to.contains('=') => {
            Ok((from.to_owned(), to.to_owned()))
        }
        _ => Err("expected FROM=TO".to_owned()),
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Parses `--key`. A value that looks like a file was meant for curl's flag of this name.
///
/// # Errors
/// When it is blank or looks like the key of a TLS client.
pub fn key(text: &str) -> Result<String, String> {
    let ends = [".pem", ".key", ".crt", ".p12"];
    let like_a_path = text.contains(['.', '/', '\\']);
    if ends.iter().any(|end| text.to_ascii_lowercase().ends_with(end)) || (like_a_path && Path::new(text).is_file()) {
        return Err("looks like a file name\nhint: write the field that is the key of a record, as in `--key sku`; \
             for the key of a TLS client write `--client-key FILE`"
            .to_owned());
    }
    field(text)
}

/// Parses a collection prefix, without a trailing `/`.
///
/// # Errors
/// When nothing is left.
pub fn prefix(text: &str) -> Result<String, String> {
    match text.strip_suffix('/').unwrap_or(text) {
        name if is_blank(name) => Err("a collection name cannot be blank".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// Parses `--collection`. The target checks its own rules for names later.
///
/// # Errors
/// When no target allows the name.
pub fn collection(text: &str) -> Result<String, String> {
    if is_blank(text) {
        return Err("a collection name cannot be blank".to_owned());
    }
    if text.contains('\0') {
        return Err("a collection name cannot contain NUL".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses `--merge-attributes` like arangoimport (contracts/arangodb.md 2.5): `NEW=`, then text and `[field]`s.
///
/// # Errors
/// When brackets or `=` are misplaced, or a field is merged into itself.
pub fn merge(text: &str) -> Result<Merge, String> {
    let wrong = |cause| format!("{cause}\nhint: write it as `full=[first] [last]`");
    let (name, value) = match text.split_once('=') {
        Some((name, value)) if !value.contains('=') => (name, value),
        _ => return Err(wrong("expected exactly one \"=\"")),
    };
    if is_blank(name) || name.contains(['[', ']']) {
        return Err(wrong("the name of the new field is empty or has brackets"));
    }
    let parts = parts(value).map_err(wrong)?;
    if parts.contains(&MergePart::Field(name.to_owned())) {
        return Err(wrong("a field cannot be merged into itself"));
    }
    Ok(Merge { name: name.to_owned(), parts })
}

fn parts(value: &str) -> Result<Vec<MergePart>, &'static str> {
    let mut pieces = value.split('[');
    let mut parts: Vec<MergePart> = literal(pieces.next().unwrap_or_default())?.into_iter().collect();
    for piece in pieces {
        let (field, after) = piece.split_once(']').ok_or("unbalanced brackets")?;
        if field.is_empty() {
            return Err("[] without a field name");
        }
        parts.push(MergePart::Field(field.to_owned()));
        parts.extend(literal(after)?);
    }
    Ok(parts)
}

/// The text before or after a field, if any.
fn literal(text: &str) -> Result<Option<MergePart>, &'static str> {
    if text.contains(']') {
        return Err("unbalanced brackets");
    }
    Ok(if text.is_empty() { None } else { Some(MergePart::Literal(text.to_owned())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_need_both_sides() {
        assert_eq!(translation("a=b"), Ok(("a".into(), "b".into())));
        for text in ["a=", "=b", "a", "", " =b", "a=b=c"] {
            assert!(translation(text).is_err(), "{text}");
        }
        assert!(field(" ").is_err() && field("a b").is_ok());
        assert_eq!(prefix("cities/"), Ok("cities".into()));
        assert!(prefix("/").is_err() && prefix("").is_err());
    }

    #[test]
    fn a_collection_has_a_name() {
        for text in ["products", "Größe", "a.b", "x\"y", "sqlite", "my_sqlite_x"] {
            assert_eq!(collection(text).as_deref(), Ok(text));
        }
        for text in ["", " ", "a\0b"] {
            assert!(collection(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_no_file() {
        assert_eq!(key("sku").as_deref(), Ok("sku"));
        assert_eq!(key("a.b").as_deref(), Ok("a.b"));
        for text in ["k.pem", "client.KEY", "x.crt", "x.p12", "./Cargo.toml", "Cargo.toml"] {
            let said = key(text).expect_err(text);
            assert!(said.starts_with("looks like a file name\nhint: write the field"), "{said}");
        }
        assert!(key("").is_err());
    }

    #[test]
    fn merges_are_text_and_fields() {
        let literal = |text: &str| MergePart::Literal(text.to_owned());
        let field = |text: &str| MergePart::Field(text.to_owned());
        let cases = [
            ("Id=[id]", "Id", vec![field("id")]),
            ("x=[id]:[value]", "x", vec![field("id"), literal(":"), field("value")]),
            (
                "x=value:[value]/id:[id]!",
                "x",
                vec![literal("value:"), field("value"), literal("/id:"), field("id"), literal("!")],
            ),
            ("_key=[id][value]", "_key", vec![field("id"), field("value")]),
            ("x=same", "x", vec![literal("same")]),
            ("x=", "x", vec![]),
        ];
        for (text, name, parts) in cases {
            assert_eq!(merge(text), Ok(Merge { name: name.to_owned(), parts }), "{text}");
        }
        let wrong = [
            ("foo", "expected exactly one \"=\""),
            ("a=[b]=c", "expected exactly one \"=\""),
            ("x=[id[value]", "unbalanced"),
            ("x=[id", "unbalanced"),
            ("x=id]", "unbalanced"),
            ("x=[", "unbalanced"),
            ("x=a[", "unbalanced"),
            ("x=]id[", "unbalanced"),
            ("x=[a]]", "unbalanced"),
            ("x=[]", "[] without a field name"),
            ("x=a[x]", "a field cannot be merged into itself"),
            ("=[a]", "the name of the new field is empty or has brackets"),
            ("[x]=[a]", "the name of the new field is empty or has brackets"),
        ];
        for (text, cause) in wrong {
            let said = merge(text).expect_err(text);
            assert!(said.starts_with(cause) && said.contains("\nhint: write it as `full="), "{text}: {said}");
        }
    }
}
