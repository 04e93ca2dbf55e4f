//! `--netrc`: logins in `~/.netrc`, or the file in the variable NETRC, read as curl reads it.

use super::ConfigSources;
use crate::cli::env::Variables;
use crate::error::{hint, of_file};
use crate::mask;
use crate::sink::wanted::Wanted;
use anyhow::{Context as _, Result, anyhow, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A user name and a password.
pub(super) type NetrcLogin = (String, String);

/// The path of the file, by the variables.
fn path(env: &Variables) -> Option<PathBuf> {
    let variable = |name: &str| {
        let found = env.iter().find(|(key, value)| *key == *name && !value.is_empty());
        found.map(|(_, value)| Path::new::<OsStr>(value))
    };
    variable("NETRC").map(Path::to_owned).or_else(|| variable("HOME").map(|home| home.join(".netrc")))
}

/// The login for all nodes, for this user if one is given. `None` if there is none, and the flag is from a variable.
///
/// # Errors
/// When the file cannot be read, has no login for a node, or another one for each.
pub(super) fn login(wanted: &Wanted, user: Option<&str>, sources: &ConfigSources) -> Result<Option<NetrcLogin>> {
    let is_typed = sources.flags.typed("netrc");
    match find(wanted, user, path(&sources.env).as_deref()) {
        Ok(login) => {
            mask::remember_login(&login.0, &login.1);
            Ok(Some(login))
        }
        Err(error) if is_typed => Err(error),
        Err(_) => Ok(None),
    }
}

fn find(wanted: &Wanted, user: Option<&str>, path: Option<&Path>) -> Result<NetrcLogin> {
    let path = path.ok_or_else(|| anyhow!("--netrc: the variable HOME is not set"))?;
    let file = || format!("--netrc: {}", path.display());
    let text = std::fs::read_to_string(path).map_err(of_file).with_context(file)?;
    let entries = entries(&text);
    let mut all: Vec<NetrcLogin> = Vec::new();
    for node in &wanted.http.nodes {
        let host = node.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match login_for(&entries, host, user) {
            Some(login) => all.push(login),
            None => {
                let whose = user.map_or(String::new(), |user| format!(" and login {user}"));
                return Err(anyhow!("{}: no password for machine {host}{whose}", file())
                    .context(hint("`--user NAME` gives a user without it")));
            }
        }
    }
    all.dedup();
    match all.pop() {
        Some(login) if all.is_empty() => Ok(login),
        _ => bail!("{}: the nodes have different logins", file()),
    }
}

/// The logins of one machine; `None` is the default.
#[derive(Debug, Default)]
struct Entry {
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

/// The first entry for a host counts. With a user, it is the first with that login or with none.
fn login_for(entries: &[Entry], host: &str, user: Option<&str>) -> Option<NetrcLogin> {
    let is_for = |entry: &&Entry| entry.machine.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(host));
    entries.iter().filter(is_for).find_map(|entry| {
        let name = match (user, entry.login.as_deref()) {
            (Some(user), Some(login)) if user != login => return None,
            (user, login) => user.or(login)?,
        };
        Some((name.to_owned(), entry.password.clone()?))
    })
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut is_macro = false;
    // What the next word is: the value of this keyword.
    let mut keyword = None;
    for line in text.lines() {
        is_macro &= !line.is_empty();
        let words = if is_macro || line.trim_start().starts_with('#') { Vec::new() } else { words(line) };
        for word in words {
            let entry = entries.last_mut();
            match (keyword.take(), entry) {
                (Some("machine"), _) => entries.push(Entry { machine: Some(word), ..Entry::default() }),
                (Some("login"), Some(entry)) => entry.login = Some(word),
                (Some("password"), Some(entry)) => entry.password = Some(word),
                (Some(_), _) => {}
                (None, _) => match word.to_ascii_lowercase().as_str() {
                    "default" => entries.push(Entry::default()),
                    "machine" => keyword = Some("machine"),
                    "login" => keyword = Some("login"),
                    "password" => keyword = Some("password"),
                    "account" => keyword = Some("account"),
                    "macdef" => {
                        is_macro = true;
                        break;
                    }
                    _ => {}
                },
            }
        }
    }
    entries
}

/// The words of a line. One in quotes may have blanks and escapes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut chars) = (Vec::new(), line.chars().peekable());
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let is_quoted = first == '"';
        let mut word = if is_quoted { String::new() } else { first.to_string() };
        while let Some(c) = chars.next_if(|c| if is_quoted { *c != '"' } else { !c.is_whitespace() }) {
            let escaped = if is_quoted && c == '\\' { chars.next() } else { None };
            word.push(match escaped {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(other) => other,
                None => c,
            });
        }
        if is_quoted {
            chars.next();
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# machine a login commented password no
machine a login one password \"p w\\\"1\\\\\"
machine a
  login two
  password p2 account x
machine b password only macdef init
machine a login macro password no

machine c login c1 machine d
default login anonymous password none
";

    #[test]
    fn logins_are_found_as_curl_finds_them() {
        let entries = entries(FILE);
        for (host, user, found) in [
            ("a", None, Some(("one", "p w\"1\\"))),
            ("A", Some("two"), Some(("two", "p2"))),
            ("a", Some("macro"), None),
            ("b", None, Some(("anonymous", "none"))),
            ("b", Some("me"), Some(("me", "only"))),
            ("c", None, Some(("anonymous", "none"))),
            ("e", None, Some(("anonymous", "none"))),
            ("e", Some("me"), None),
        ] {
            let login = login_for(&entries, host, user);
            let login = login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            assert_eq!(login, found, "{host} {user:?}");
        }
    }
}
