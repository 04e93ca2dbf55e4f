//! Messages are plain English: no string of the program has a word of this list.

use std::fs;
use std::path::Path;

/// Words and phrases that no message may contain.
const NOT_PLAIN: [&str; 18] = [
    "honour",
    "stands",
    "lands",
    "fate",
    "told",
    "says",
    "member",
    "members",
    "half of a surrogate",
    "is none of",
    "there is no such",
    "there is no collection",
    "there is no index",
    "cannot be told",
    "does not tell",
    "no format of ours",
    "narrow",
    "trouble",
];

/// The string literals of a source, without comments and without the tests at its end.
fn literals(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '/', '\'', 'r']) {
        let here = &rest[at..];
        let hashes = here[1..].bytes().take_while(|byte| *byte == b'#').count();
        let is_word = rest[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let length = if here.starts_with("//") {
            here.find('\n').unwrap_or(here.len())
        } else if here.starts_with('r')
            && here[1 + hashes..].starts_with('"')
            && (!is_word || rest[..at].ends_with('b'))
        {
            let inside = &here[hashes + 2..];
            let end = inside.find(&format!("\"{}", "#".repeat(hashes))).expect("the end of a raw string");
            found.push(inside[..end].to_owned());
            end + 2 * hashes + 3
        } else if let Some(rest) = here.strip_prefix('"') {
            let end = end_of_string(rest);
            found.push(here[1..=end].to_owned());
            end + 2
        } else if let Some(rest) = here.strip_prefix("'\\") {
            rest.find('\'').map_or(1, |end| end.max(1) + 3)
        } else if here.starts_with('\'') && here.chars().nth(2) == Some('\'') {
            here.char_indices().nth(2).map_or(1, |(end, _)| end + 1)
        } else {
            1
        };
        rest = rest.get(at + length..).unwrap_or_default();
    }
    found
}

/// Where the quote is that ends a string.
fn end_of_string(inside: &str) -> usize {
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.expect("the end of a string")
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.file_stem().is_some_and(|stem| stem == "tests" || stem == "fuzz") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}

/// Whether a text has these words, and not only as parts of others.
fn has(text: &str, words: &str) -> bool {
    let is_part = |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || next == '_');
    text.match_indices(words)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + words.len()..].chars().next()))
}

#[test]
fn messages_are_plain_english() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let mut count = 0;
    let mut wrong = Vec::new();
    for (path, text) in &all {
        for literal in literals(text) {
            count += 1;
            let lower = literal.to_ascii_lowercase();
            let found = NOT_PLAIN.iter().filter(|words| has(&lower, words));
            wrong.extend(found.map(|words| format!("{path}: {words:?} in {literal:?}")));
        }
    }
    assert!(count > 1_000, "only {count} strings were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn strings_are_found_and_comments_and_tests_are_not() {
    let source = "// \"a\"\nlet b = \"b \\\" b\"; let c = b'\"'; let d = br#\"d\"#; '\\''; '\\u{feff}'; error(\"e\")\n\
                  #[cfg(test)]\nmod tests { \"f\" }";
    assert_eq!(literals(source), ["b \\\" b", "d", "e"]);
    assert!(has("it stands there", "stands") && !has("understands", "stands") && !has("no_member", "member"));
}
