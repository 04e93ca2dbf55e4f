//! Finds the end of a JSON value that is too long to be kept.
//! It looks only at quotes, backslashes and brackets. Whether the rest is valid JSON does not matter here.

#[derive(Debug, Default)]
pub(super) struct ValueSkipper {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl ValueSkipper {
    /// Continues with more bytes of the value. Returns the offset after its end, if it ends in them.
    ///
    /// # Errors
    /// For a line break in a string: the quotes are unreliable then.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, &'static str> {
        for (offset, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\n' if self.in_string => return Err("line break in a string"),
                b'\\' if self.in_string => self.escaped = true,
                b'"' if self.in_string && self.depth == 0 => return Ok(Some(offset + 1)),
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth <= 1 => return Ok(Some(offset + self.depth)),
                b'}' | b']' => self.depth -= 1,
                b',' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Ok(Some(offset)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether a quote or a bracket is still open, so that the value cannot end with the input.
    pub(super) fn is_open(&self) -> bool {
        self.depth > 0 || self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_with_its_last_quote_or_bracket() {
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
    fn a_line_break_in_a_string_is_an_error() {
        assert!(ValueSkipper::default().end(b"{\"a\n").is_err());
        assert_eq!(ValueSkipper::default().end(b"{\n\"a\":\n1"), Ok(None));
    }
}
