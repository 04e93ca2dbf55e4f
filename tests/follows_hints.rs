//! Follows hints literally: applies them to the line that they were printed for, and runs it again.

use crate::support::{Place, ran, start};

/// Follows all hints of a wrong line; the result says what is still wrong with the line, and is empty if it runs.
pub fn follow(place: &Place, variables: &[(&str, &str)], line: &[&str], stderr: &str, stdin: &[u8]) -> String {
    let message = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    let hints: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
    let mut line: Vec<String> = line.iter().map(ToString::to_string).collect();
    let mut variables = variables.to_vec();
    let mut is_followed = false;
    for hint in &hints {
        is_followed |= apply(&mut line, &mut variables, message, hint);
    }
    if !is_followed {
        return String::new();
    }
    place.file("FILE", "_key,name\n");
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    let mut command = place.command(&words);
    command
        .env("BULKIMPORT_PASSWORD", "secret")
        .envs(variables.iter().map(|(name, value)| (format!("BULKIMPORT_{name}"), value)));
    // The input is what the hint takes it for.
    let is_csv = line.windows(2).any(|words| words == ["-t", "csv"]);
    let stdin = if is_csv { b"_key,zip,a\n" } else { stdin };
    let again = ran(start(&mut command), stdin);
    let made = std::fs::read_dir(place.path(".")).expect("the directory").filter_map(Result::ok);
    for entry in made.filter(|entry| !entry.file_name().to_string_lossy().starts_with("films")) {
        std::fs::remove_file(entry.path()).expect("a file of the run");
    }
    let next = again.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    if again.code != 2 || next == "error: --collection cannot be used more than once" {
        return String::new();
    }
    if next != message && again.stderr.contains("\nhint: ") {
        // The line has another mistake, and another hint.
        return follow(place, &variables, &words, &again.stderr, stdin);
    }
    format!("{stderr}followed: {line:?}\n{}\n", again.stderr)
}

/// Applies one hint; false if it only explains.
fn apply<'v>(line: &mut Vec<String>, variables: &mut Vec<(&'v str, &'v str)>, message: &str, hint: &str) -> bool {
    if hint.starts_with("did you mean `") || hint == "see `--help`" {
        let wrong = quoted(message, '\'').or(quoted(message, '"')).expect("what is wrong");
        let better = quoted(hint, '`').expect("what is meant");
        if better == "--help" {
            *line = vec![better.to_owned()];
        }
        line.iter_mut().filter(|word| *word == wrong).for_each(|word| *word = better.to_owned());
        return true;
    }
    let (subjects, advice) = match hint.strip_prefix('`').and_then(|_| split_subjects(hint)) {
        Some((subjects, advice)) => (subjects, advice),
        None => (message.split([' ', ':', '\'']).find(|word| is_name(word)).into_iter().collect(), hint),
    };
    let is_foreign = advice != hint;
    if advice.starts_with("write the ") || is_foreign && advice.contains("variable BULKIMPORT_") {
        subjects.iter().for_each(|subject| remove_flag(line, subject));
        return true;
    }
    if message.contains("a query is not supported") {
        line.iter_mut().for_each(|word| word.truncate(word.find('?').unwrap_or(word.len())));
        return true;
    }
    if advice.starts_with("leave it out") || advice.starts_with("not in this version") {
        subjects.iter().for_each(|subject| remove(line, subject));
        return true;
    }
    let Some(better) = quoted(advice, '`').map(filled) else { return false };
    if advice.contains("a switch takes its value") || is_foreign || message.starts_with("error: invalid value") {
        let is_value = !better.starts_with('-') && !is_foreign;
        if is_value {
            return replace_value(line, variables, subjects.first().expect("a flag"), &better);
        }
        subjects.iter().for_each(|subject| remove(line, subject));
    }
    if better.starts_with("curl ") {
        line.retain(|word| !word.contains("://"));
    } else if better.starts_with('-') {
        subjects.iter().filter(|subject| better.contains(**subject)).for_each(|subject| remove(line, subject));
        let mut words: Vec<String> = better.split(' ').map(str::to_owned).collect();
        remove(line, &words[0].clone());
        words.append(line);
        *line = words;
    } else {
        return false;
    }
    true
}

fn is_name(word: &str) -> bool {
    word.starts_with("--") || word.starts_with("BULKIMPORT_")
}

/// The first text in these quotes.
fn quoted(text: &str, quote: char) -> Option<&str> {
    text.split(quote).nth(1)
}

/// The flags that a hint is for, and what it says.
fn split_subjects(hint: &str) -> Option<(Vec<&str>, &str)> {
    let (about, advice) = hint.split_once(": ")?;
    Some((about.split('`').skip(1).step_by(2).collect(), advice))
}

/// An example with something in place of its placeholders; no server is there.
fn filled(text: &str) -> String {
    let plain = |word: &str| if word == "N" { "5".to_owned() } else { word.trim_matches('\'').to_owned() };
    let text: Vec<String> = text.split(' ').map(plain).collect();
    let words =
        [("HOST", "127.0.0.1"), (":9200", ":1"), (":8529", ":1"), (":7512", ":1"), (":PORT", ":1"), ("INDEX", "index")];
    let text = words.iter().fold(text.join(" "), |text, (from, to)| text.replace(from, to));
    text.replace("SIZE", "5MiB").replace(" TIME", " 5s").replace("TYPE", "json")
}

/// Removes a flag, or a flag and a value, as it is named in a hint.
fn remove(line: &mut Vec<String>, subject: &str) {
    remove_flag(line, subject.split(' ').next().unwrap_or_default());
}

/// Removes a flag with its value.
fn remove_flag(line: &mut Vec<String>, flag: &str) {
    let short = [("--type", "-t"), ("--collection", "-c"), ("--user", "-u"), ("--header", "-H")];
    let short = short.iter().find(|(long, _)| *long == flag).map_or(flag, |(_, short)| short);
    let is_it = |word: &String| word == flag || word == short || word.starts_with(&format!("{flag}="));
    while let Some(index) = line.iter().position(is_it) {
        let has_equals = line[index].contains('=');
        line.remove(index);
        let has_value = line.get(index).is_some_and(|next| !next.starts_with('-') && !next.starts_with("films"));
        if !has_equals && has_value {
            line.remove(index);
        }
    }
}

/// Gives a flag or a variable another value.
fn replace_value(line: &mut Vec<String>, variables: &mut Vec<(&str, &str)>, name: &str, value: &str) -> bool {
    if let Some(variable) = name.strip_prefix("BULKIMPORT_") {
        variables.retain(|(name, _)| *name != variable);
        let long = variable.to_ascii_lowercase().replace('_', "-");
        line.extend([format!("--{long}"), value.to_owned()]);
        return true;
    }
    remove_flag(line, name);
    line.extend([name.to_owned(), value.to_owned()]);
    true
}
