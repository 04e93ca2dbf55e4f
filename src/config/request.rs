//! Parses the command line and the variables into a request: a run, or a text to print.
//! The command line is parsed twice: alone, to know which flags it has, and so that `--help` works with any variables; then
//! together with the variables.

use super::{Config, ConfigSources};
use crate::cli::env::Variables;
use crate::cli::usage::from_clap;
use crate::cli::{Arguments, completions, env, help, hints};
use crate::error::{self, hint};
use crate::sink::targets;
use crate::sink::wanted::FlagSources;
use anyhow::{Error, Result};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, FromArgMatches};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the program is to do.
#[derive(Debug)]
pub enum Request {
    /// An import.
    Run(Box<Config>),
    /// Print a text on stdout.
    Print(String),
}

/// Parses a command line, which begins with the program's name, and the variables.
///
/// # Errors
/// For any mistake that can be found without opening an input or the target.
pub fn parse(argv: &[OsString], env: &Variables) -> Result<Request> {
    if matches!(argv, [_, word] if word == "help" && !Path::new(word).exists()) {
        return Ok(Request::Print(help::long()));
    }
    read(argv, env).map_err(|error| with_hints(error, hints::for_words(argv, &help::command())))
}

/// Whether there is nothing to do: no argument, no variable, and nothing on stdin.
pub fn is_bare(argv: &[OsString], env: &Variables) -> bool {
    argv.len() < 2 && !env::is_any_set(env) && !has_input()
}

/// Whether stdin has data. A pipe that stays silent for a moment has none.
fn has_input() -> bool {
    let (sender, receiver) = std::sync::mpsc::channel();
    if io::stdin().is_terminal() {
        return false;
    }
    let look = move || sender.send(io::stdin().read(&mut [0]).is_ok_and(|read| read > 0));
    // Without a thread for it, reading stdin itself reports why.
    if std::thread::Builder::new().spawn(look).is_err() {
        return true;
    }
    receiver.recv_timeout(Duration::from_millis(200)).unwrap_or(false)
}

/// Adds hints. A flag of another importer is not a misspelt one of ours, so clap's suggestion is dropped.
fn with_hints(error: Error, hints: Vec<String>) -> Error {
    let message = error::message(&error);
    let option = message.split('\'').nth(1).or_else(|| message.split(" for ").nth(1)?.split([' ', ':']).next());
    let option = option.map(|option| format!("`{option}`"));
    let is_foreign = option.is_some_and(|option| hints.iter().any(|hint| hint.contains(&option)));
    let error = if is_foreign { Error::msg(message) } else { error };
    hints.into_iter().fold(error, |error, text| error.context(hint(text)))
}

fn read(argv: &[OsString], env: &Variables) -> Result<Request> {
    let matches = match help::parser().try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(error) => return help_or_version(&error, argv).ok_or_else(|| from_clap(&error, None)),
    };
    let arguments = Arguments::from_arg_matches(&matches).map_err(|error| from_clap(&error, None))?;
    if let Some(shell) = arguments.output.completions {
        return Ok(Request::Print(completions::script(shell)));
    }
    if arguments.output.man {
        return Ok(Request::Print(help::man_page()));
    }
    let notes = env::ensure_known(&help::command(), env).map_err(Error::msg)?;
    let all = with_variables(argv, env, &matches)?;
    let mut arguments = Arguments::from_arg_matches(&all).map_err(|error| from_clap(&error, None))?;
    arguments.files = files_in_order(&all);
    let is_off = |id: &str| matches!(matches.try_get_one::<bool>(id), Ok(Some(false)));
    let mut typed = given_flags(&matches);
    typed.retain(|id, _| !is_off(id));
    let flags = FlagSources { typed, set: given_flags(&all).into_keys().collect() };
    let sources = ConfigSources {
        flags,
        color: may_color(env),
        notes,
        secrets: env::secrets(env),
        env: env.to_vec(),
        argv: argv.to_vec(),
    };
    Ok(Request::Run(Box::new(Config::from_args(arguments, &sources)?)))
}

/// clap reports a request for help as an error.
fn help_or_version(error: &clap::Error, argv: &[OsString]) -> Option<Request> {
    match error.kind() {
        ErrorKind::DisplayHelp if argv.iter().any(|word| word == "--help") => Some(Request::Print(help::long())),
        ErrorKind::DisplayHelp => Some(Request::Print(help::short())),
        ErrorKind::DisplayVersion => Some(Request::Print(help::version())),
        _ => None,
    }
}

fn with_variables(argv: &[OsString], env: &Variables, typed: &ArgMatches) -> Result<ArgMatches> {
    let command = help::command();
    let program = argv.first().cloned().unwrap_or_default();
    let is_typed = |arg: &Arg| is_on_command_line(typed, arg);
    let mut words = vec![program.clone()];
    for (variable, arguments) in env::arguments(&command, &is_typed, env) {
        let alone = std::iter::once(&program).chain(&arguments);
        help::parser().try_get_matches_from(alone).map_err(|error| from_clap(&error, Some(&variable)))?;
        words.extend(arguments);
    }
    words.extend(argv.iter().skip(1).cloned());
    help::parser().try_get_matches_from(words).map_err(|error| from_clap(&error, None))
}

fn is_on_command_line(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Ids of the flags that are set, each with its heading in the help.
fn given_flags(matches: &ArgMatches) -> BTreeMap<String, String> {
    let command = help::command();
    let given = command.get_arguments().filter(|arg| is_on_command_line(matches, arg));
    given.map(|arg| (arg.get_id().to_string(), arg.get_help_heading().unwrap_or_default().to_owned())).collect()
}

/// Positional files and those of `--file`, in the order of the command line.
fn files_in_order(matches: &ArgMatches) -> Vec<PathBuf> {
    let mut files: Vec<(usize, PathBuf)> = Vec::new();
    for id in ["files", "more_files"] {
        let indices = matches.indices_of(id).into_iter().flatten();
        let paths = matches.get_many::<PathBuf>(id).into_iter().flatten().cloned();
        files.extend(indices.zip(paths));
    }
    files.sort_by_key(|(index, _)| *index);
    files.into_iter().map(|(_, path)| path).collect()
}

fn may_color(env: &Variables) -> bool {
    let value = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str());
    let refused = value("NO_COLOR").is_some_and(|value| !value.is_empty()) || value("TERM") == Some(OsStr::new("dumb"));
    !refused && io::stderr().is_terminal()
}

/// Whether a command line that may be wrong asks for `--summary json`.
pub fn wants_json(argv: &[OsString], env: &Variables) -> bool {
    value_of("--summary", "BULKIMPORT_SUMMARY", argv, env).is_some_and(|form| form == "json")
}

/// Whether stdout is used for documents, results or rejects, by a command line that may be wrong.
pub fn wants_stdout(argv: &[OsString], env: &Variables) -> bool {
    let to = value_of("--to", "BULKIMPORT_TO", argv, env).and_then(|to| targets::read(OsStr::new(to)).ok());
    let results = value_of("--results", "BULKIMPORT_RESULTS", argv, env);
    let rejects = value_of("--rejects", "BULKIMPORT_REJECTS", argv, env);
    results == Some("-")
        || rejects == Some("-")
        || to.is_some_and(|address| address.target.uses_stdout(&address.endpoint))
}

/// Whether stderr may be coloured, by a command line that may be wrong.
pub fn wants_color(argv: &[OsString], env: &Variables) -> bool {
    match value_of("--color", "BULKIMPORT_COLOR", argv, env) {
        Some("always") => true,
        Some("never") => false,
        _ => may_color(env),
    }
}

/// The value of a flag, otherwise of its variable, without any checks.
fn value_of<'a>(flag: &str, variable: &str, argv: &'a [OsString], env: &'a Variables) -> Option<&'a str> {
    let words = argv.iter().map(|word| word.to_str().unwrap_or_default());
    let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
    let typed = words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix(flag)? {
        "" => Some(words.get(index + 1).copied().unwrap_or_default()),
        value => value.strip_prefix('='),
    });
    let found = env.iter().find(|(name, _)| name == variable);
    typed.or_else(|| found.and_then(|(_, value)| value.to_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn printed(line: &str) -> String {
        match parse(&words(line), &[("BULKIMPORT_TYPO".into(), "1".into())]) {
            Ok(Request::Print(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn said(line: &str) -> String {
        format!("error: {}", error::text(&parse(&words(line), &[]).expect_err(line)))
    }

    #[test]
    fn texts_are_printed_whatever_else_is_wrong() {
        assert!(printed("bulkimport -h").contains("\n\nOptions:\n"));
        assert!(printed("bulkimport -qh").contains("\n\nOptions:\n"));
        assert!(printed("bulkimport --help").contains("Exit codes:"));
        assert!(printed("bulkimport -V").starts_with(concat!("bulkimport ", env!("CARGO_PKG_VERSION"), " (")));
        assert!(printed("bulkimport --completions bash").contains("_bulkimport()"));
        assert!(printed("bulkimport --man").starts_with(".ie"));
    }

    #[test]
    fn mistakes_are_reported_in_one_line_and_hints() {
        let cases = [
            ("-c a --limit -1", "error: invalid value \"-1\" for --limit: not a whole number"),
            (
                "-c a --on-duplicate merge",
                "error: invalid value \"merge\" for --on-duplicate (expected error, update, replace or ignore)\nhint: `--on-dup",
            ),
            ("-c", "error: missing value for --collection"),
            ("-c a -c b", "error: --collection cannot be used more than once"),
            ("-c a --colection b", "error: unknown option '--colection'\nhint: did you mean `--collection`?"),
            (
                "-c a -t jsonll",
                "error: invalid value \"jsonll\" for --type (expected auto, jsonl, json, csv, tsv, arrays or bulk)\nhint: did you mean `jsonl`?",
            ),
            ("-c a --details=maybe", "error: invalid value \"maybe\" for --details (expected true or false)"),
            (
                "-c a --key k.pem",
                "error: invalid value \"k.pem\" for --key: looks like a file name\nhint: write the field",
            ),
            (
                "-c sqlite_x",
                "error: invalid value \"sqlite_x\" for --collection: names that begin with sqlite_ are reserved for SQLite",
            ),
            (
                "-c a --batch-size 5MB",
                "error: invalid value \"5MB\" for --batch-size: not a whole number\nhint: this counts records; for bytes write",
            ),
            (
                "-c a --to localhost:9200",
                "error: invalid value \"localhost:9200\" for --to: not a store name and not a URL\nhint: write a server as a URL",
            ),
            (
                "-c a --merge-attributes foo",
                "error: invalid value \"foo\" for --merge-attributes (expected exactly one \"=\")",
            ),
            ("-c a --max-rate=5s", "error: invalid value \"5s\" for --max-rate: not a whole number"),
            ("-c a --timeout=5s", "error: --timeout is not supported for a store\nhint: `--to elasticsearch+http"),
            (
                "-c a --completions tcsh",
                "error: invalid value \"tcsh\" for --completions (expected bash, elvish, fish, powershell or zsh)",
            ),
        ];
        for (line, start) in cases {
            let said = said(&format!("bulkimport {line}"));
            assert!(said.starts_with(start), "{line}: {said}");
        }
    }

    #[test]
    fn a_line_of_another_importer_gets_all_hints() {
        let said =
            said("bulkimport --db test -c films --file films.json --jsonArray --numInsertionWorkers 4 --stopOnError");
        assert_eq!(said.lines().next(), Some("error: unknown option '--db'"));
        assert_eq!(said.lines().filter(|line| line.starts_with("hint: `--")).count(), 4);
        assert!(!said.contains("did you mean"));
    }

    #[test]
    fn a_json_summary_is_wanted_even_when_the_line_is_wrong() {
        let json = [(OsString::from("BULKIMPORT_SUMMARY"), OsString::from("json"))];
        let cases = [
            ("x --nonsense --summary json", &[][..], true),
            ("x --summary=json", &[], true),
            ("x --summary text", &json, false),
            ("x --summary", &json, false),
            ("x -- --summary json", &[], false),
            ("x", &json, true),
            ("x", &[], false),
        ];
        for (line, env, wanted) in cases {
            assert_eq!(wants_json(&words(line), env), wanted, "{line}");
        }
    }

    #[test]
    fn colour_is_wanted_by_a_flag_or_a_variable() {
        let never = [(OsString::from("BULKIMPORT_COLOR"), OsString::from("never"))];
        assert!(wants_color(&words("x --nonsense --color always"), &never));
        assert!(!wants_color(&words("x --color=never"), &[]));
        assert!(!wants_color(&words("x"), &never));
    }

    #[test]
    fn colour_is_refused_by_no_color() {
        let variable = |name: &str, value: &str| vec![(OsString::from(name), OsString::from(value))];
        assert!(!may_color(&variable("NO_COLOR", "1")));
        assert!(!may_color(&variable("TERM", "dumb")));
        assert_eq!(may_color(&variable("NO_COLOR", "")), io::stderr().is_terminal());
    }
}
