//! Reads passwords, keys and tokens: from files, variables or the terminal. They are never part of what is said.

use super::ConfigSources;
use crate::cli::ServerFlags;
use crate::error::{hint, of_file};
use crate::sink::http::Login;
use crate::sink::wanted::{Wanted, flag};
use anyhow::{Context as _, Result, anyhow, bail};
use std::path::Path;

/// Flags that say who we are, in the order in which their variables are looked at.
const WAYS: [&str; 3] = ["user", "api_key_file", "bearer_file"];

/// Finds out who we are to a server. The command line wins over the address, and that over variables.
pub(super) fn login(flags: &ServerFlags, wanted: &Wanted, given: &ConfigSources) -> Result<Option<Login>> {
    let mut typed = WAYS.iter().filter(|way| given.flags.typed(way));
    let (one, other) = (typed.next(), typed.next());
    if let (Some(one), Some(other)) = (one, other) {
        bail!("{} and {} cannot be used together", flag(one), flag(other));
    }
    if let Some(way) = one {
        return by(way, flags, given);
    }
    if let Some((user, password)) = wanted.servers().find_map(|server| server.login.clone()) {
        return basic(user, password, flags, given).map(Some);
    }
    for way in WAYS {
        if let Some(login) = by(way, flags, given)? {
            return Ok(Some(login));
        }
    }
    if given.flags.typed("password_file") {
        return Err(anyhow!("--password-file requires --user").context(hint("give `--user NAME`")));
    }
    Ok(None)
}

/// The login of one of the ways, from its flag or a variable that holds the secret itself.
fn by(way: &str, flags: &ServerFlags, given: &ConfigSources) -> Result<Option<Login>> {
    let [_, key, token] = given.secrets.clone();
    Ok(match way {
        "user" => flags.user.as_ref().map(|user| named(user, flags, given)).transpose()?,
        "api_key_file" => from_file("--api-key-file", flags.api_key_file.as_deref())?.or(key).map(Login::ApiKey),
        _ => from_file("--bearer-file", flags.bearer_file.as_deref())?.or(token).map(Login::Bearer),
    })
}

/// Reads `--user`.
fn named(user: &str, flags: &ServerFlags, given: &ConfigSources) -> Result<Login> {
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password.to_owned())),
        None => (user, None),
    };
    if name.is_empty() {
        return Err(anyhow!("invalid value for --user: the name is empty")
            .context(hint("write `--user NAME` or `--user NAME:PASS`")));
    }
    if password.is_some() && given.flags.typed("password_file") {
        bail!("--password-file and a password in --user cannot be used together");
    }
    basic(name.to_owned(), password, flags, given)
}

/// A name with its password, which is asked for if nothing else says it.
fn basic(name: String, password: Option<String>, flags: &ServerFlags, given: &ConfigSources) -> Result<Login> {
    let [variable, ..] = given.secrets.clone();
    let file = || from_file("--password-file", flags.password_file.as_deref());
    let known = if password.is_some() { password } else { file()?.or(variable) };
    let password = known.map_or_else(|| ask(&name), Ok)?;
    Ok(Login::Basic(name, password))
}

/// Asks on the terminal, which is not stdin: that may be the input.
fn ask(user: &str) -> Result<String> {
    rpassword::prompt_password(format!("password of {user}: ")).map_err(|_| {
        anyhow!("missing password for --user, and no terminal to ask for it")
            .context(hint("set BULKIMPORT_PASSWORD, or give `--password-file FILE`"))
    })
}

/// What a file holds, without the line break at its end.
fn from_file(flag: &str, path: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let file = || format!("{flag}: {}", path.display());
    let text = std::fs::read_to_string(path).map_err(of_file).with_context(file)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() || secret.contains(['\n', '\r']) {
        bail!("{}: expected exactly one line", file());
    }
    Ok(Some(secret.to_owned()))
}
