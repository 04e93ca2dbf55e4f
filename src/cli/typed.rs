//! The command line as it was typed, for commands that a message tells to run: without its inputs and some of its flags, and
//! quoted for a shell.

use super::help::{command, is_switch};
use clap::{Arg, Command};
use std::borrow::Cow;
use std::ffi::OsString;

/// The words of a command line without its inputs and without these flags; the program's name is the first. `None` if a word
/// is not text.
pub fn without(argv: &[OsString], flags: &[&str]) -> Option<Vec<String>> {
    let words: Vec<&str> = argv.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    let command = command();
    let (mut kept, mut rest) = (Vec::new(), words.iter());
    kept.push((*rest.next()?).to_owned());
    while let Some(word) = rest.next() {
        if *word == "--" {
            break;
        }
        let Some((arg, has_value)) = flag(word, &command) else { continue };
        let value = if has_value || !takes_value(arg) { None } else { rest.next() };
        let id = arg.get_id().as_str();
        if !flags.contains(&id) && id != "more_files" {
            kept.extend([Some(word), value].into_iter().flatten().map(|word| (*word).to_owned()));
        }
    }
    Some(kept)
}

/// The flag that a word is, the last one of several short ones, and whether the word has its value too. `None` for an input.
fn flag<'c>(word: &str, command: &'c Command) -> Option<(&'c Arg, bool)> {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or_default();
        let is = |arg: &&Arg| {
            arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        };
        return command.get_arguments().find(is).map(|arg| (arg, long.contains('=')));
    }
    let short = word.strip_prefix('-').filter(|short| !short.is_empty())?;
    let mut found = None;
    for (offset, c) in short.char_indices() {
        let arg = command.get_arguments().find(|arg| arg.get_short() == Some(c))?;
        found = Some((arg, offset + c.len_utf8() < short.len()));
        if takes_value(arg) {
            break;
        }
    }
    found
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !is_switch(arg)
}

/// Words as a shell reads them.
pub fn quoted(words: &[String]) -> String {
    words.iter().map(|word| quoted_word(word)).collect::<Vec<_>>().join(" ")
}

fn quoted_word(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_some_flags_are_left_out() {
        let cases = [
            ("bulkimport -c p --to s.db a.csv --rejects r b.csv", "bulkimport -c p --to s.db"),
            (
                "b -qc p --rejects=r --overwrite -vn --merge-attributes n=[a]-[b] -- a",
                "b -qc p -vn --merge-attributes 'n=[a]-[b]'",
            ),
            (
                "b --index p --drop --details=false --file a --on-duplicate update -",
                "b --index p --details=false --on-duplicate update",
            ),
        ];
        for (line, kept) in cases {
            let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let words = without(&argv, &["rejects", "overwrite"]).expect("text");
            assert_eq!(quoted(&words), kept, "{line}");
        }
        assert_eq!(quoted(&["it's".to_owned(), String::new()]), "'it'\\''s' ''");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        let words =
            ["bulkimport", "-c", "a b", "it's", "", "$HOME", "x*", "--to", "es+http://h:9200"].map(str::to_owned);
        let expected = r"bulkimport -c 'a b' 'it'\''s' '' '$HOME' 'x*' --to es+http://h:9200";
        assert_eq!(quoted(&words), expected);
    }
}
