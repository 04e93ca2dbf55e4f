//! Environment variables for flags: `BULKIMPORT_BATCH_SIZE` for `--batch-size`.
//! clap's own support has no empty variables, no lists with one value per line, and no errors for misspelt names. So the
//! variables become arguments that are parsed before the command line.

use crate::cli::help::is_switch;
use clap::{Arg, ArgAction, Command};
use std::ffi::{OsStr, OsString};

/// Environment variables: names and values.
pub type Variables = [(OsString, OsString)];

const PREFIX: &str = "BULKIMPORT_";
/// Variables for tests.
const TEST_PREFIX: &str = "BULKIMPORT_TEST_";
/// Flags that are dangerous must be given on the command line.
const DESTRUCTIVE: [&str; 3] = ["overwrite", "delete-keys", "insecure"];
/// Variables with secrets. They have no flags, because a secret does not belong on a command line.
const SECRETS: [&str; 3] = ["BULKIMPORT_PASSWORD", "BULKIMPORT_API_KEY", "BULKIMPORT_BEARER"];
/// Flags that print something and exit, and synonyms.
const NO_VARIABLE: [&str; 5] = ["completions", "man", "help", "version", "file"];

/// Returns the variable of a flag, if it has one.
pub fn variable(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !DESTRUCTIVE.contains(long) && !NO_VARIABLE.contains(long))?;
    Some(variable_name(long))
}

fn variable_name(long: &str) -> String {
    format!("{PREFIX}{}", long.replace('-', "_").to_ascii_uppercase())
}

/// Checks the names of variables.
///
/// # Errors
/// For the first that is misspelt, or whose flag must be given on the command line. Its value is not shown. The result has
/// a note for each that is like no other.
pub fn ensure_known(command: &Command, env: &Variables) -> Result<Vec<String>, String> {
    let secrets = SECRETS.iter().map(|name| (*name).to_owned());
    let known: Vec<String> = command.get_arguments().filter_map(variable).chain(secrets).collect();
    let mut notes = Vec::new();
    for (found, _) in env {
        let found = found.to_string_lossy();
        let ours = found.starts_with(PREFIX) && !found.starts_with(TEST_PREFIX);
        if ours && !known.iter().any(|name| *name == found) {
            notes.push(unknown(&found, &known)?);
        }
    }
    Ok(notes)
}

fn unknown(found: &str, known: &[String]) -> Result<String, String> {
    if let Some(flag) = DESTRUCTIVE.iter().find(|flag| variable_name(flag) == found) {
        let what = if *flag == "insecure" { "trusts anybody" } else { "destroys documents" };
        return Err(format!(
            "{found}: --{flag} {what} and is not taken from a variable\nhint: write `--{flag}` on the command line"
        ));
    }
    match nearest(found, known) {
        Some(near) => {
            Err(format!("{found}: unknown variable\nhint: the nearest is {near}; `bulkimport --help` shows all flags"))
        }
        None => Ok(format!("note: {found}: unknown variable, ignored")),
    }
}

/// The word that a misspelt one may mean: at most two letters differ, in a short word only one; case does not count.
pub fn nearest<'w>(word: &str, words: &'w [String]) -> Option<&'w str> {
    let lower = word.to_ascii_lowercase();
    let distances = words.iter().map(|known| (strsim::levenshtein(&lower, &known.to_ascii_lowercase()), known));
    let near = distances.filter(|(distance, known)| *distance <= if known.len() < 4 { 1 } else { 2 });
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known.as_str())
}

/// The secrets in variables: a password, an API key and a bearer token; `None` if not set or empty.
pub fn secrets(env: &Variables) -> [Option<String>; 3] {
    SECRETS.map(|name| {
        let found = env.iter().find(|(key, value)| *key == *name && !value.is_empty());
        found.and_then(|(_, value)| value.to_str()).map(str::to_owned)
    })
}

/// Whether any variable of this program is set and not empty.
pub fn is_any_set(env: &Variables) -> bool {
    env.iter().any(|(name, value)| name.to_string_lossy().starts_with(PREFIX) && !value.is_empty())
}

/// Returns the variables as arguments, for each flag that is not `typed` on the command line.
pub fn arguments(command: &Command, typed: &dyn Fn(&Arg) -> bool, env: &Variables) -> Vec<(String, Vec<OsString>)> {
    let mut found = Vec::new();
    for arg in command.get_arguments().filter(|arg| !typed(arg)) {
        let Some(name) = variable(arg) else { continue };
        let Some((_, value)) = env.iter().find(|(key, value)| *key == *name && !value.is_empty()) else { continue };
        let values = values(arg, value).into_iter().map(|value| argument(arg, value)).collect();
        found.push((name, values));
    }
    found
}

fn values<'a>(arg: &Arg, value: &'a OsStr) -> Vec<&'a OsStr> {
    let is_repeatable = matches!(arg.get_action(), ArgAction::Append);
    match value.to_str() {
        Some(text) if is_repeatable => text.lines().filter(|line| !line.is_empty()).map(OsStr::new).collect(),
        Some(text) if is_switch(arg) => vec![OsStr::new(text.trim())],
        _ => vec![value],
    }
}

fn argument(arg: &Arg, value: &OsStr) -> OsString {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    [OsStr::new(&flag), value].join(OsStr::new("="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help;

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    }

    fn found(pairs: &[(&str, &str)]) -> Vec<OsString> {
        let arguments = arguments(&help::command(), &|arg| arg.get_id() == "limit", &env(pairs));
        arguments.into_iter().flat_map(|(_, values)| values).collect()
    }

    #[test]
    fn variables_become_arguments() {
        assert_eq!(found(&[("BULKIMPORT_BATCH_SIZE", "7")]), ["--batch-size=7"]);
        assert_eq!(
            found(&[("BULKIMPORT_DETAILS", "1"), ("BULKIMPORT_NESTED", " false ")]),
            ["--nested=false", "--details=1"]
        );
        assert_eq!(found(&[("BULKIMPORT_TRANSLATE", "a=b\n\nc=d\n")]), ["--translate=a=b", "--translate=c=d"]);
        assert_eq!(found(&[("BULKIMPORT_SEPARATOR", " ")]), ["--separator= "]);
    }

    #[test]
    fn an_empty_variable_and_one_that_is_typed_are_left_out() {
        assert!(found(&[("BULKIMPORT_KEY", ""), ("BULKIMPORT_DETAILS", ""), ("BULKIMPORT_LIMIT", "5")]).is_empty());
        assert!(found(&[("PATH", "x"), ("BULKIMPORT_TEST_STOP", "1")]).is_empty());
    }

    #[test]
    fn every_flag_has_a_variable_but_the_destructive_ones() {
        let without: Vec<String> = help::command()
            .get_arguments()
            .filter(|arg| variable(arg).is_none())
            .filter_map(|arg| arg.get_long().map(str::to_owned))
            .collect();
        assert_eq!(without, ["file", "insecure", "delete-keys", "overwrite", "completions", "man", "help", "version"]);
    }

    #[test]
    fn the_error_of_a_misspelt_variable_names_the_nearest() {
        let cases = [
            ("BULKIMPORT_TOO", "the nearest is BULKIMPORT_TO;"),
            ("BULKIMPORT_COLECTION", "the nearest is BULKIMPORT_COLLECTION;"),
            ("BULKIMPORT_BATCHSIZE", "the nearest is BULKIMPORT_BATCH_SIZE;"),
            ("BULKIMPORT_OVERWRITE", "write `--overwrite` on the command line"),
            ("BULKIMPORT_DELETE_KEYS", "write `--delete-keys` on the command line"),
        ];
        for (name, hint) in cases {
            let said = ensure_known(&help::command(), &env(&[(name, "secret")])).expect_err(name);
            assert!(said.contains(hint) && said.starts_with(&format!("{name}: ")), "{said}");
            assert!(!said.contains("secret"));
        }
        let fine = [("BULKIMPORT_TO", "x"), ("BULKIMPORT_TEST_X", "1"), ("BULK", "1")];
        assert_eq!(ensure_known(&help::command(), &env(&fine)), Ok(Vec::new()));
        let other = env(&[("BULKIMPORT_HOMEPAGE", "secret")]);
        let note = "note: BULKIMPORT_HOMEPAGE: unknown variable, ignored".to_owned();
        assert_eq!(ensure_known(&help::command(), &other), Ok(vec![note]));
    }
}
