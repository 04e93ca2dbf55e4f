//! Finds the end of a JSON value with a syntax error, so that reading can go on after it.
//! The quotes, brackets, commas and colons must be as in valid JSON; only what is between them may be wrong, such as `NaN`,
//! `007` or an unknown escape. Otherwise the end cannot be trusted, and other records could be taken for a part of it.

/// What must come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Value,
    /// After `[`.
    ValueOrEnd,
    Name,
    /// After `{`.
    NameOrEnd,
    Colon,
    /// `,` or the end of the level.
    Separator,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    Text,
    Escape,
    Word,
}

#[derive(Debug, Default)]
pub(super) struct BadValue {
    /// Whether each open level is an object.
    levels: Vec<bool>,
    expected: Expected,
    inside: Inside,
}

/// Maximum number of levels that are followed.
const MAX_LEVELS: usize = 1 << 20;

impl BadValue {
    /// Continues with more bytes of the value. Returns the offset after its end, if it ends in them.
    ///
    /// # Errors
    /// If the end cannot be found.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, ()> {
        for (offset, byte) in bytes.iter().enumerate() {
            let is_word = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
            match (self.inside, byte) {
                (Inside::Escape, b'\n' | b'\r') | (Inside::Text, b'\n' | b'\r') => return Err(()),
                (Inside::Escape, _) => self.inside = Inside::Text,
                (Inside::Text, b'\\') => self.inside = Inside::Escape,
                (Inside::Text, b'"') => {
                    self.inside = Inside::Nothing;
                    self.expected = if self.expected == Expected::Name { Expected::Colon } else { Expected::Separator };
                }
                (Inside::Text, _) => continue,
                (Inside::Word, _) if is_word => continue,
                (Inside::Word, b'"') => return Err(()),
                _ => {
                    let was_word = self.inside == Inside::Word;
                    self.inside = Inside::Nothing;
                    if was_word && self.levels.is_empty() {
                        return Ok(Some(offset));
                    }
                    self.token(*byte, is_word)?;
                }
            }
            if self.levels.is_empty() && self.inside == Inside::Nothing && self.expected == Expected::Separator {
                return Ok(Some(offset + 1));
            }
        }
        Ok(None)
    }

    /// Handles a byte outside of texts and words.
    fn token(&mut self, byte: u8, is_word: bool) -> Result<(), ()> {
        let is_object = self.levels.last().copied();
        self.expected = match (byte, self.expected) {
            (b' ' | b'\t' | b'\r' | b'\n', expected) => expected,
            (b'"', Expected::Name | Expected::NameOrEnd) => {
                self.inside = Inside::Text;
                Expected::Name
            }
            (b'"', Expected::Value | Expected::ValueOrEnd) => {
                self.inside = Inside::Text;
                Expected::Value
            }
            (b'{' | b'[', Expected::Value | Expected::ValueOrEnd) if self.levels.len() < MAX_LEVELS => {
                self.levels.push(byte == b'{');
                if byte == b'{' { Expected::NameOrEnd } else { Expected::ValueOrEnd }
            }
            (b'}', Expected::Separator | Expected::NameOrEnd) if is_object == Some(true) => self.close(),
            (b']', Expected::Separator | Expected::ValueOrEnd) if is_object == Some(false) => self.close(),
            (b',', Expected::Separator) if is_object == Some(true) => Expected::Name,
            (b',', Expected::Separator) if is_object == Some(false) => Expected::Value,
            (b':', Expected::Colon) => Expected::Value,
            (_, Expected::Value | Expected::ValueOrEnd) if is_word => {
                self.inside = Inside::Word;
                Expected::Separator
            }
            _ => return Err(()),
        };
        Ok(())
    }

    fn close(&mut self) -> Expected {
        self.levels.pop();
        Expected::Separator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_wrong_scalar_ends_where_it_would_without() {
        for (value, rest) in [
            (r#"{"a":NaN}"#, ","),
            (r#"{"a":[-Infinity,{"b":007}],"c":"\x"}"#, ","),
            ("NaN", ","),
            ("[undefined]", "]"),
            (r#""\x""#, "]"),
            (r#"{"a" : None , "b": "}" }"#, " ,"),
        ] {
            let text = format!("{value}{rest}{{");
            for cut in 0..value.len() {
                let (begin, end) = text.as_bytes().split_at(cut);
                let mut bad = BadValue::default();
                assert_eq!(bad.end(begin), Ok(None), "{text} at {cut}");
                assert_eq!(bad.end(end), Ok(Some(value.len() - cut)), "{text} at {cut}");
            }
        }
    }

    #[test]
    fn a_value_with_wrong_quotes_or_brackets_has_no_certain_end() {
        for text in [
            r#"{"a":"b"c","d":1},{"#,
            r#"{"a":b","c":1},{"#,
            r#"{"a":"b","c},{"a":1}"#,
            "{\"a\":\"b\n\"}",
            r#"{"a":[1}]"#,
            "{oops}",
            "{'a':1}",
            r#"{"a":'b'}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 // x"#,
            r#"{"a" 1}"#,
            r#"["a" "b"]"#,
        ] {
            assert_eq!(BadValue::default().end(text.as_bytes()), Err(()), "{text}");
        }
    }
}
