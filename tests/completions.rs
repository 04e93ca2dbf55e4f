//! The completions and the man page are generated, and committed as they were generated.

use crate::driven::{Shell, cases};
use crate::support::Place;
use std::path::Path;

const FILES: [(&str, &[&str]); 6] = [
    ("bulkimport.bash", &["--completions", "bash"]),
    ("_bulkimport", &["--completions", "zsh"]),
    ("bulkimport.fish", &["--completions", "fish"]),
    ("_bulkimport.ps1", &["--completions", "powershell"]),
    ("bulkimport.elv", &["--completions", "elvish"]),
    ("bulkimport.1", &["--man"]),
];

#[test]
fn completions_are_fresh() {
    let place = Place::new();
    for (name, arguments) in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(name);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let output = place.command(arguments).output().expect("bulkimport starts");
        let generated = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            committed == generated,
            "completions/{name} is old; `cargo run -q -- {} > completions/{name}` writes it anew",
            arguments.join(" ")
        );
    }
}

/// Needs bash, which every machine of a Rust developer has.
#[test]
fn bash_completes_files_values_and_schemes() {
    let mut bash = Shell::start("bash");
    for (words, mut offered) in cases() {
        if matches!(words, "--to " | "--to=") {
            offered.push("shop.db");
        }
        let mut found = bash.completed(words);
        let flag = words.split_inclusive('=').next().filter(|flag| flag.ends_with('=')).unwrap_or_default();
        // bash takes the value after `=` for a word of its own.
        let first = found.iter_mut().find(|word| !flag.is_empty() && word.starts_with(flag));
        first.into_iter().for_each(|word| *word = word[flag.len()..].to_owned());
        let typed = words.split_once(' ').map_or("", |(typed, _)| typed);
        found.retain(|word| !word.is_empty() && word != typed && word != "films");
        found.sort();
        offered.sort();
        assert_eq!(found, offered, "{words:?}");
    }
    // A switch has a value only after `=`; behind a scheme there is a path, but no server is a file.
    assert_eq!(bash.completed("--details="), ["--details=false", "true"]);
    assert_eq!(bash.completed("--details fil"), ["--details", "films.jsonl"]);
    assert_eq!(bash.completed("--to jsonl:fil"), ["--to", "jsonl:films.jsonl"]);
    assert_eq!(bash.completed("--to es+http:fil"), ["--to", "es+http:fil"]);
}
