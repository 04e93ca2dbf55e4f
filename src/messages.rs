//! The one place where messages leave the program, on stderr. Secrets in them are masked. Control characters are escaped,
//! because names and the texts of servers may hold any. `error:` and `hint:` at the beginning may be coloured; no meaning depends on it. Each
//! message is one write, so that several programs that share a terminal or a log file write whole lines.

use crate::error::HINT_PREFIX;
use crate::mask::mask;
use std::fmt::Write as _;
use std::io::Write;

/// The words and their escape sequences: bold red, bold cyan.
const WORDS: [(&str, &str); 2] = [("error:", "\u{1b}[1;31m"), ("hint:", "\u{1b}[1;36m")];
const RESET: &str = "\u{1b}[0m";

/// Where messages go.
pub struct Messages {
    out: Box<dyn Write>,
    color: bool,
}

impl Messages {
    /// Messages to `out`, coloured or not.
    pub fn new(out: Box<dyn Write>, color: bool) -> Messages {
        Messages { out, color }
    }

    /// Prints one line. Nobody may be reading, which is no error.
    pub fn line(&mut self, text: &str) {
        self.write(&[text]);
    }

    /// Prints a message, and each of its hints on a line of its own.
    pub fn with_hints(&mut self, text: &str) {
        let mut lines = text.split(HINT_PREFIX);
        let message = lines.next().unwrap_or_default().to_owned();
        let hints = lines.map(|hint| format!("{}{hint}", HINT_PREFIX.trim_start()));
        let all: Vec<String> = std::iter::once(message).chain(hints).collect();
        self.write(&all);
    }

    fn write<T: AsRef<str>>(&mut self, lines: &[T]) {
        let text: String = lines.iter().map(|line| self.colored(&escaped(&mask(line.as_ref()))) + "\n").collect();
        let _ = self.out.write_all(text.as_bytes());
    }

    fn colored(&self, line: &str) -> String {
        match WORDS.iter().find(|(word, _)| self.color && line.starts_with(word)) {
            Some((word, start)) => format!("{start}{word}{RESET}{}", &line[word.len()..]),
            None => line.to_owned(),
        }
    }
}

/// The text with its control characters as `\u{1b}`, among them those that change the direction of text. A tab stays.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_bidi =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if is_bidi || (c.is_control() && c != '\t') {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Keeps each write by itself.
    #[derive(Clone, Default)]
    struct Writes(Rc<RefCell<Vec<String>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(color: bool, print: impl FnOnce(&mut Messages)) -> Vec<String> {
        let writes = Writes::default();
        print(&mut Messages::new(Box::new(writes.clone()), color));
        writes.0.take()
    }

    #[test]
    fn only_the_first_words_of_lines_are_coloured() {
        let text = "error: a hint: b\nhint: c\nhint: d";
        assert_eq!(written(false, |out| out.with_hints(text)), [format!("{text}\n")]);
        let expected =
            "\u{1b}[1;31merror:\u{1b}[0m a hint: b\n\u{1b}[1;36mhint:\u{1b}[0m c\n\u{1b}[1;36mhint:\u{1b}[0m d\n";
        assert_eq!(written(true, |out| out.with_hints(text)), [expected]);
        assert_eq!(written(true, |out| out.line("file:1: error: d")), ["file:1: error: d\n"]);
    }

    #[test]
    fn control_characters_are_escaped() {
        let text = "\u{1b}]0;x\u{7}\ta\u{9b}2J\u{7f}\r\u{202e}é\u{2066}";
        let line = r"\u{1b}]0;x\u{7}".to_owned() + "\t" + r"a\u{9b}2J\u{7f}\u{d}\u{202e}é\u{2066}" + "\n";
        assert_eq!(written(true, |out| out.line(text)), [line]);
        assert_eq!(written(true, |out| out.line("a\nhint: b")), ["a\\u{a}hint: b\n"]);
        assert_eq!(written(false, |out| out.with_hints("error: a\nb\nhint: c")), ["error: a\\u{a}b\nhint: c\n"]);
    }
}
