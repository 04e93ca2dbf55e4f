//! Reads passwords, keys and tokens from files, variables or the terminal, and remembers all that are
//! given, so that they are never printed.

use super::{ConfigSources, aws, netrc};
use crate::cli::ServerFlags;
use crate::cli::env::Variables;
use crate::error::{hint, of_file};
use crate::mask;
use crate::sink::http::{Header, Login, SigningScope};
use crate::sink::target::Target;
use crate::sink::wanted::{Wanted, flag};
use anyhow::{Context as _, Result, anyhow, bail};
use percent_encoding::percent_decode_str;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Flags for a login, in the order in which their variables are checked.
const LOGIN_FLAGS: [&str; 4] = ["user", "api_key_file", "bearer_file", "aws_sigv4"];

/// Determines the login. The command line takes precedence over the address, and the address over variables, of which one
/// that the target does not support is ignored.
pub(super) fn login(
    flags: &ServerFlags,
    wanted: &Wanted,
    sources: &ConfigSources,
    target: &dyn Target,
) -> Result<Option<Login>> {
    let mut typed = LOGIN_FLAGS.iter().filter(|way| sources.flags.typed(way));
    let (one, other) = (typed.next(), typed.next());
    if let (Some(one), Some(other)) = (one, other) {
        let error = anyhow!("{} and {} cannot be used together", flag(one), flag(other));
        let advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in place of `--user KEY:SECRET`";
        let is_curls = (*one, *other) == ("user", "aws_sigv4");
        return Err(if is_curls { error.context(hint(advice)) } else { error });
    }
    if let Some(way) = one {
        return login_by(way, flags, wanted, sources);
    }
    if let Some((user, password)) = wanted.servers().find_map(|server| server.login.clone()) {
        return basic_login(user, password, &Known { flags, wanted, sources }).map(Some);
    }
    for way in LOGIN_FLAGS.into_iter().filter(|way| target.unsupported(way, "Server").is_none()) {
        if let Some(login) = login_by(way, flags, wanted, sources)? {
            return Ok(Some(login));
        }
    }
    if sources.flags.typed("password_file") {
        return Err(anyhow!("--password-file requires --user").context(hint("give `--user NAME`")));
    }
    let found = if flags.netrc && !wanted.http.nodes.is_empty() { netrc::login(wanted, None, sources)? } else { None };
    Ok(found.map(|(user, password)| Login::Basic(user, password)))
}

/// Where a password may come from.
struct Known<'k> {
    flags: &'k ServerFlags,
    wanted: &'k Wanted,
    sources: &'k ConfigSources,
}

/// The login of one of the flags, from its value or a variable with the secret itself.
fn login_by(way: &str, flags: &ServerFlags, wanted: &Wanted, sources: &ConfigSources) -> Result<Option<Login>> {
    let [_, key, token] = sources.secrets.clone();
    Ok(match way {
        "user" => {
            let known = Known { flags, wanted, sources };
            flags.user.as_ref().map(|user| user_login(user, &known)).transpose()?
        }
        "api_key_file" => read_secret("--api-key-file", flags.api_key_file.as_deref())?.or(key).map(Login::ApiKey),
        "aws_sigv4" => flags.aws_sigv4.as_ref().map(|scope| aws_login(scope, wanted, sources)).transpose()?,
        _ => read_secret("--bearer-file", flags.bearer_file.as_deref())?.or(token).map(Login::Bearer),
    })
}

/// The login of `--aws-sigv4`.
fn aws_login(scope: &SigningScope, wanted: &Wanted, sources: &ConfigSources) -> Result<Login> {
    if wanted.http.headers.iter().any(|Header(name, _)| *name == AUTHORIZATION) {
        bail!("--aws-sigv4 and --header Authorization cannot be used together");
    }
    aws::signer(scope, &sources.env).map(Login::Aws)
}

/// Parses `--user`.
fn user_login(user: &str, known: &Known<'_>) -> Result<Login> {
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password.to_owned())),
        None => (user, None),
    };
    if name.is_empty() {
        return Err(anyhow!("invalid value for --user: the name is empty")
            .context(hint("write `--user NAME` or `--user NAME:PASS`")));
    }
    if password.is_some() && known.sources.flags.typed("password_file") {
        bail!("--password-file and a password in --user cannot be used together");
    }
    basic_login(name.to_owned(), password, known)
}

/// A name with its password, from a file, a variable, `~/.netrc` or the terminal if it is not given.
fn basic_login(name: String, password: Option<String>, known: &Known<'_>) -> Result<Login> {
    let Known { flags, wanted, sources } = known;
    let [variable, ..] = sources.secrets.clone();
    let file = || read_secret("--password-file", flags.password_file.as_deref());
    let given = if password.is_some() { password } else { file()?.or(variable) };
    let given = match given {
        None if flags.netrc => netrc::login(wanted, Some(&name), sources)?.map(|(_, password)| password),
        given => given,
    };
    let password = given.map_or_else(|| ask_password(&name), Ok)?;
    mask::remember_login(&name, &password);
    Ok(Login::Basic(name, password))
}

/// Asks on the terminal, not on stdin, which may be the input.
fn ask_password(user: &str) -> Result<String> {
    rpassword::prompt_password(format!("password of {user}: ")).map_err(|_| {
        anyhow!("missing password for --user, and no terminal to ask for it")
            .context(hint("set BULKIMPORT_PASSWORD, or give `--password-file FILE`"))
    })
}

/// Maximum bytes of a file with a secret that are read.
const MAX_SECRET: u64 = 1 << 20;

/// The content of a file, without a final line break.
fn read_secret(flag: &str, path: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let file = || format!("{flag}: {}", path.display());
    let mut text = String::new();
    // A device has no end.
    let read = File::open(path).and_then(|opened| opened.take(MAX_SECRET).read_to_string(&mut text));
    read.map_err(of_file).with_context(file)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if remember_json(secret) {
        return Ok(Some(secret.to_owned()));
    }
    if secret.is_empty() || secret.contains(['\n', '\r']) {
        bail!("{}: expected exactly one line", file());
    }
    mask::remember_words(secret);
    Ok(Some(secret.to_owned()))
}

/// Remembers the secrets in a server's response with an API key. False if it is none.
fn remember_json(text: &str) -> bool {
    let Ok(Value::Object(response)) = serde_json::from_str(text) else { return false };
    let secrets = ["api_key", "encoded"].iter().filter_map(|name| response.get(*name)?.as_str());
    secrets.for_each(mask::remember_words);
    true
}

/// Headers whose values are no secrets.
const PLAIN_HEADERS: [&str; 5] = ["accept", "accept-language", "cache-control", "referer", "user-agent"];

/// Refuses to send a login to a node without encryption where another node has it: somebody who can make the encrypted one
/// fail would be sent the login in clear.
///
/// # Errors
/// When the addresses are mixed and there is anything secret to send.
pub(super) fn ensure_encrypted(wanted: &Wanted) -> Result<()> {
    let schemes = || wanted.servers().map(|server| server.url.scheme());
    let is_plain = |Header(name, _): &Header| PLAIN_HEADERS.contains(&name.as_str());
    let has_secrets = wanted.http.login.is_some() || !wanted.http.headers.iter().all(is_plain);
    if has_secrets && schemes().any(|scheme| scheme == "https") && schemes().any(|scheme| scheme == "http") {
        return Err(anyhow!("--to: with https and http, the login would also be sent without encryption")
            .context(hint("write `https` in each address, or leave the others out")));
    }
    Ok(())
}

/// Variables with the addresses of proxies, in lower case.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// Remembers the secrets on the command line and in the variables, so that no message shows them: not even one about a
/// mistake there.
pub fn remember_secrets(argv: &[OsString], env: &Variables) {
    let words: Vec<&str> = argv.iter().filter_map(|word| word.to_str()).collect();
    for (index, word) in words.iter().enumerate() {
        let value_of = |short: &str, long: &str| match word.strip_prefix(short) {
            Some("") => words.get(index + 1).copied(),
            None if *word == long => words.get(index + 1).copied(),
            None => word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')),
            value => value,
        };
        value_of("-u", "--user").into_iter().for_each(remember_user);
        value_of("-H", "--header").into_iter().for_each(remember_header);
        remember_address(word);
    }
    for (name, value) in env {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        match name {
            "BULKIMPORT_API_KEY" if remember_json(value) => {}
            "BULKIMPORT_PASSWORD" | "BULKIMPORT_API_KEY" | "BULKIMPORT_BEARER" => mask::remember_words(value),
            "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => mask::remember(value),
            "BULKIMPORT_USER" => remember_user(value),
            "BULKIMPORT_HEADER" => value.lines().for_each(remember_header),
            "BULKIMPORT_TO" => value.lines().for_each(remember_address),
            _ if PROXIES.contains(&name.to_ascii_lowercase().as_str()) => remember_address(value),
            _ => {}
        }
    }
}

fn remember_user(value: &str) {
    if let Some((user, password)) = value.split_once(':') {
        mask::remember_login(user, password);
    }
}

fn remember_header(value: &str) {
    let (name, value) = value.split_once(':').unwrap_or(("", value));
    if !PLAIN_HEADERS.contains(&name.trim().to_ascii_lowercase().as_str()) {
        mask::remember_words(value.trim());
    }
}

/// Remembers the password in an address.
fn remember_address(address: &str) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let Some((user, password)) = rest.rsplit_once('@').and_then(|(login, _)| login.split_once(':')) else { return };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    mask::remember_login(&decoded(user), &decoded(password));
}
