//! Reads passwords, keys and tokens: from files, variables or the terminal. They are never part of what is said.

use super::Given;
use crate::cli::ServerFlags;
use crate::error::hint;
use crate::sink::http::Login;
use crate::sink::wanted::{Wanted, flag};
use anyhow::{Context as _, Result, anyhow, bail};
use std::path::Path;

/// Finds out who we are to a server. The command line wins over the address, and that over variables.
pub(super) fn login(flags: &ServerFlags, wanted: &Wanted, given: &Given) -> Result<Option<Login>> {
    let ways = ["user", "api_key_file", "bearer_file"];
    let mut typed = ways.iter().filter(|way| given.flags.typed(way));
    if let (Some(one), Some(other)) = (typed.next(), typed.next()) {
        let names = (flag(one), flag(other));
        bail!("{} and {}: only one login can be honoured", names.0, names.1);
    }
    let user = |flags: &ServerFlags| flags.user.as_ref().map(|user| basic(user, flags, given)).transpose();
    let key = |flags: &ServerFlags| from_file("--api-key-file", flags.api_key_file.as_deref());
    let bearer = |flags: &ServerFlags| from_file("--bearer-file", flags.bearer_file.as_deref());
    if given.flags.typed("user") {
        return user(flags);
    }
    if given.flags.typed("api_key_file") {
        return Ok(key(flags)?.map(Login::ApiKey));
    }
    if given.flags.typed("bearer_file") {
        return Ok(bearer(flags)?.map(Login::Bearer));
    }
    if let Some((user, password)) = wanted.servers().find_map(|server| server.login.clone()) {
        return Ok(Some(Login::Basic(user.clone(), known(password, flags, given)?.map_or_else(|| ask(&user), Ok)?)));
    }
    let [_, key_variable, bearer_variable] = given.secrets.clone();
    if let Some(login) = user(flags)? {
        return Ok(Some(login));
    }
    if let Some(key) = key(flags)?.or(key_variable) {
        return Ok(Some(Login::ApiKey(key)));
    }
    if let Some(token) = bearer(flags)?.or(bearer_variable) {
        return Ok(Some(Login::Bearer(token)));
    }
    if given.flags.typed("password_file") {
        return Err(anyhow!("--password-file: there is no user").context(hint("give `--user NAME`")));
    }
    Ok(None)
}

fn basic(user: &str, flags: &ServerFlags, given: &Given) -> Result<Login> {
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password.to_owned())),
        None => (user, None),
    };
    if name.is_empty() {
        return Err(anyhow!("--user: the name is empty").context(hint("write `--user NAME` or `--user NAME:PASS`")));
    }
    if password.is_some() && given.flags.typed("password_file") {
        bail!("--password-file: --user has a password already");
    }
    let password = known(password, flags, given)?.map_or_else(|| ask(name), Ok)?;
    Ok(Login::Basic(name.to_owned(), password))
}

/// A password that need not be asked for.
fn known(password: Option<String>, flags: &ServerFlags, given: &Given) -> Result<Option<String>> {
    if password.is_some() {
        return Ok(password);
    }
    let [variable, ..] = given.secrets.clone();
    Ok(from_file("--password-file", flags.password_file.as_deref())?.or(variable))
}

/// Asks on the terminal, which is not stdin: that may be the input.
fn ask(user: &str) -> Result<String> {
    rpassword::prompt_password(format!("password of {user}: ")).map_err(|_| {
        anyhow!("--user: there is no password, and no terminal to ask for it")
            .context(hint("set BULKIMPORT_PASSWORD, or give `--password-file FILE`"))
    })
}

/// What a file holds, without the line break at its end.
fn from_file(flag: &str, path: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let file = || format!("{flag}: {}", path.display());
    let text = std::fs::read_to_string(path).with_context(file)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() || secret.contains(['\n', '\r']) {
        bail!("{}: it does not hold exactly one line", file());
    }
    Ok(Some(secret.to_owned()))
}
