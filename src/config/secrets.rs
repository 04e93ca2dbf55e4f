//! Reads passwords, keys and tokens from files, variables or the terminal. They are never printed.

use super::ConfigSources;
use crate::cli::ServerFlags;
use crate::error::{hint, of_file};
use crate::sink::http::Login;
use crate::sink::wanted::{Wanted, flag};
use anyhow::{Context as _, Result, anyhow, bail};
use std::path::Path;

/// Flags for a login, in the order in which their variables are checked.
const LOGIN_FLAGS: [&str; 3] = ["user", "api_key_file", "bearer_file"];

/// Determines the login. The command line takes precedence over the address, and the address over variables.
pub(super) fn login(flags: &ServerFlags, wanted: &Wanted, sources: &ConfigSources) -> Result<Option<Login>> {
    let mut typed = LOGIN_FLAGS.iter().filter(|way| sources.flags.typed(way));
    let (one, other) = (typed.next(), typed.next());
    if let (Some(one), Some(other)) = (one, other) {
        bail!("{} and {} cannot be used together", flag(one), flag(other));
    }
    if let Some(way) = one {
        return login_by(way, flags, sources);
    }
    if let Some((user, password)) = wanted.servers().find_map(|server| server.login.clone()) {
        return basic_login(user, password, flags, sources).map(Some);
    }
    for way in LOGIN_FLAGS {
        if let Some(login) = login_by(way, flags, sources)? {
            return Ok(Some(login));
        }
    }
    if sources.flags.typed("password_file") {
        return Err(anyhow!("--password-file requires --user").context(hint("give `--user NAME`")));
    }
    Ok(None)
}

/// The login of one of the flags, from its value or a variable with the secret itself.
fn login_by(way: &str, flags: &ServerFlags, sources: &ConfigSources) -> Result<Option<Login>> {
    let [_, key, token] = sources.secrets.clone();
    Ok(match way {
        "user" => flags.user.as_ref().map(|user| user_login(user, flags, sources)).transpose()?,
        "api_key_file" => read_secret("--api-key-file", flags.api_key_file.as_deref())?.or(key).map(Login::ApiKey),
        _ => read_secret("--bearer-file", flags.bearer_file.as_deref())?.or(token).map(Login::Bearer),
    })
}

/// Parses `--user`.
fn user_login(user: &str, flags: &ServerFlags, sources: &ConfigSources) -> Result<Login> {
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password.to_owned())),
        None => (user, None),
    };
    if name.is_empty() {
        return Err(anyhow!("invalid value for --user: the name is empty")
            .context(hint("write `--user NAME` or `--user NAME:PASS`")));
    }
    if password.is_some() && sources.flags.typed("password_file") {
        bail!("--password-file and a password in --user cannot be used together");
    }
    basic_login(name.to_owned(), password, flags, sources)
}

/// A name with its password, from a file, a variable or the terminal if it is not given.
fn basic_login(name: String, password: Option<String>, flags: &ServerFlags, sources: &ConfigSources) -> Result<Login> {
    let [variable, ..] = sources.secrets.clone();
    let file = || read_secret("--password-file", flags.password_file.as_deref());
    let known = if password.is_some() { password } else { file()?.or(variable) };
    let password = known.map_or_else(|| ask_password(&name), Ok)?;
    Ok(Login::Basic(name, password))
}

/// Asks on the terminal, not on stdin, which may be the input.
fn ask_password(user: &str) -> Result<String> {
    rpassword::prompt_password(format!("password of {user}: ")).map_err(|_| {
        anyhow!("missing password for --user, and no terminal to ask for it")
            .context(hint("set BULKIMPORT_PASSWORD, or give `--password-file FILE`"))
    })
}

/// The content of a file, without a final line break.
fn read_secret(flag: &str, path: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let file = || format!("{flag}: {}", path.display());
    let text = std::fs::read_to_string(path).map_err(of_file).with_context(file)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() || secret.contains(['\n', '\r']) {
        bail!("{}: expected exactly one line", file());
    }
    Ok(Some(secret.to_owned()))
}
