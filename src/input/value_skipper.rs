//! Finds the end of a JSON value that nobody will look at, because it is too long to be kept.
//! It looks only at quotes, backslashes and brackets; whether what lies between them is JSON does not matter any more.

/// Follows a value by its quotes and brackets alone.
#[derive(Debug, Default)]
pub(super) struct ValueSkipper {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl ValueSkipper {
    /// Takes more of the value and returns one past its end, if it ends in these bytes.
    ///
    /// # Errors
    /// For a line break in a string: the quotes cannot be trusted then.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, &'static str> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\n' if self.in_string => return Err("line break in a string"),
                b'\\' if self.in_string => self.escaped = true,
                b'"' if self.in_string && self.depth == 0 => return Ok(Some(at + 1)),
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth <= 1 => return Ok(Some(at + self.depth)),
                b'}' | b']' => self.depth -= 1,
                b',' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Ok(Some(at)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether the value needs a quote or a bracket to end, so that the end of the input does not end it.
    pub(super) fn is_open(&self) -> bool {
        self.depth > 0 || self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_quotes_and_brackets_say() {
        for (value, rest) in [
            (r#"{"a":[1,{}],"b":"}\"]"}"#, ","),
            (r#"["x\\",[]]"#, "]"),
            (r#""a,b\"c""#, " "),
            ("123.5e3", "]"),
            ("true", ","),
            ("null", "\n"),
            ("17", "}"),
        ] {
            let text = format!("{value}{rest}{{");
            assert_eq!(ValueSkipper::default().end(text.as_bytes()), Ok(Some(value.len())), "{text}");
            let mut value_skipper = ValueSkipper::default();
            let (begin, end) = value.as_bytes().split_at(2);
            assert_eq!(value_skipper.end(begin), Ok(None), "{text}");
            assert_eq!(value_skipper.end(&[end, rest.as_bytes()].concat()), Ok(Some(end.len())), "{text}");
        }
    }

    #[test]
    fn a_line_break_in_a_string_is_the_end_of_trust() {
        assert!(ValueSkipper::default().end(b"{\"a\n").is_err());
        assert_eq!(ValueSkipper::default().end(b"{\n\"a\":\n1"), Ok(None));
    }
}
