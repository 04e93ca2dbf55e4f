//! Colours `error:` and `hint:` at the beginning of messages. No meaning depends on the colour.

/// The words and their escape sequences: bold red, bold cyan.
const WORDS: [(&str, &str); 2] = [("error:", "\u{1b}[1;31m"), ("hint:", "\u{1b}[1;36m")];
const RESET: &str = "\u{1b}[0m";

/// Colours `error:` and `hint:` at the beginning of lines, if `color` is set.
pub fn colored(text: &str, color: bool) -> String {
    if !color {
        return text.to_owned();
    }
    let line = |line: &str| match WORDS.iter().find(|(word, _)| line.starts_with(word)) {
        Some((word, start)) => format!("{start}{word}{RESET}{}", &line[word.len()..]),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_words_of_lines_are_coloured() {
        let text = "error: a hint: b\nhint: c\nfile:1: error: d";
        assert_eq!(colored(text, false), text);
        let expected = "\u{1b}[1;31merror:\u{1b}[0m a hint: b\n\u{1b}[1;36mhint:\u{1b}[0m c\nfile:1: error: d";
        assert_eq!(colored(text, true), expected);
    }
}
