//! The command line of this run, as one would type it again.

use crate::mask::mask;
use std::ffi::OsString;

/// The words, quoted for a shell where they need it. Secrets in them are masked.
pub(super) fn quoted(argv: &[OsString]) -> String {
    let words: Vec<String> = argv.iter().map(|word| quoted_word(&mask(&word.to_string_lossy()))).collect();
    words.join(" ")
}

fn quoted_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        let words =
            ["bulkimport", "-c", "a b", "it's", "", "$HOME", "x*", "--to", "es+http://h:9200"].map(OsString::from);
        let expected = r"bulkimport -c 'a b' 'it'\''s' '' '$HOME' 'x*' --to es+http://h:9200";
        assert_eq!(quoted(&words), expected);
    }
}
