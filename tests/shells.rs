//! The completions in zsh and fish, which `.ci/run` installs; those in bash are among the other tests. A shell that is
//! missing is a failure: a test that does not run proves nothing.

#[allow(dead_code, reason = "the other test binaries use all of it")]
mod driven;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod pty;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod support;

use driven::{FILES, Shell, cases};
use pty::Terminal;
use std::path::Path;
use std::process::Command;
use support::Place;

#[test]
fn zsh_completes_files_values_and_schemes() {
    let mut zsh = Shell::start("zsh");
    for (words, mut offered) in cases() {
        if matches!(words, "--to " | "--to=") {
            offered.extend(FILES);
        }
        // zsh repeats the flag before each value after `=`.
        let flag = words.split_inclusive('=').next().filter(|flag| flag.ends_with('=')).unwrap_or_default();
        let mut expected: Vec<String> = offered.iter().map(|word| format!("{flag}{word}")).collect();
        let mut found = zsh.completed(words);
        let typed = words.split_once(' ').map_or("", |(typed, _)| typed);
        let typed: Vec<&str> = if words == "-c films " { vec!["-c", "films"] } else { vec![typed] };
        found.retain(|word| !typed.contains(&&**word));
        // What has no completion stays as it was typed.
        let as_typed = offered.is_empty() && flag == words;
        expected.extend(Some(words.to_owned()).filter(|_| as_typed));
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{words:?}");
    }
}

#[test]
fn fish_completes_files_values_and_schemes() {
    let place = Place::new();
    for name in ["films.jsonl", "my film.csv", "shop.db"] {
        place.file(name, "");
    }
    std::fs::create_dir(place.path("dir")).expect("a directory");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/bulkimport.fish");
    for (words, offered) in cases() {
        let ask = format!("source {}; complete -C 'bulkimport {words}'; echo END", script.display());
        let mut command = Command::new("fish");
        command.args(["--no-config", "-c", &ask]).current_dir(place.path(".")).env("HOME", place.path("."));
        let (status, text) = Terminal::start(200, command.env("TERM", "xterm")).end();
        assert!(status.success() && text.contains("END"), "{text}");
        let flag = words.split_inclusive('=').next().filter(|flag| flag.ends_with('=')).unwrap_or_default();
        let found: Vec<&str> = text.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
        for word in &offered {
            let is_it =
                |found: &&str| found.strip_prefix(flag).is_some_and(|rest| rest == *word || rest == format!("{word}/"));
            assert!(found.iter().any(|found| is_it(found)), "{words:?}: {word} is not in {found:?}");
        }
        let has_file = found.iter().any(|found| found.ends_with("films.jsonl"));
        let wants_file = offered.contains(&"films.jsonl") || matches!(words, "--to " | "--to=");
        assert_eq!(has_file, wants_file, "{words:?}: {found:?}");
    }
}
