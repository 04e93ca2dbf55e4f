//! What Kuzzle can honour of the flags, and who we are to it.

use super::Given;
use crate::cli::{Arguments, Server};
use crate::error::hint;
use crate::sink::http::Login;
use anyhow::{Result, anyhow, bail};

/// Flags of other targets that it cannot honour.
pub(super) const UNFIT: [&str; 5] =
    ["routing_field", "pipeline", "wait_for_active_shards", "require_alias", "bulk_mode"];

/// Finds flags that would have no effect, and names that nothing of Kuzzle can have.
pub(super) fn ensure_useful(args: &Arguments, given: &Given, servers: &[Server]) -> Result<()> {
    if given.typed("delete_keys")
        && let Some(flag) = given.first_typed(&["lossy"])
    {
        bail!("{flag}: not with --delete-keys, which stores nothing");
    }
    if args.elasticsearch.refresh.as_deref() == Some("true") && given.typed("refresh") {
        return Err(anyhow!("--refresh true: Kuzzle has no refresh at once")
            .context(hint("`--refresh wait_for` answers when searches see the documents")));
    }
    let mut indices = servers.iter().filter_map(|server| server.within.as_deref());
    if let Some(index) = indices.next() {
        ensure_name("--to", "an index", index)?;
        if let Some(other) = indices.find(|other| *other != index) {
            return Err(anyhow!("--to: two indices, \"{index}\" and \"{other}\"")
                .context(hint("several `--to` are nodes of one Kuzzle; run once for each index")));
        }
    }
    match &args.target.collection {
        Some(name) => ensure_name("--collection", "a collection", name),
        None => {
            Err(anyhow!("no collection is named").context(hint("give `--collection NAME`: lines of bulk files cannot")))
        }
    }
}

/// Finds names that no index or collection can have (contract of Kuzzle, 3.1).
fn ensure_name(flag: &str, what: &str, name: &str) -> Result<()> {
    let wrong = |fault: String| Err(anyhow!("{flag}: \"{name}\": {fault}"));
    match name {
        "_all" => wrong(format!("{what} cannot be called so")),
        _ if name.chars().any(char::is_uppercase) => wrong(format!("the name of {what} has no upper-case letters")),
        _ if name.contains([
            '\\', '/', '*', '?', '"', '<', '>', '|', ' ', '\t', '\r', '\n', ',', '+', '#', ':', '.', '&', '%',
        ]) =>
        {
            wrong(format!("the name of {what} has no blanks and none of \\ / * ? \" < > | , + # : . & %"))
        }
        _ if name.len() > 126 => wrong(format!("the name of {what} has at most 126 bytes")),
        _ => Ok(()),
    }
}

/// An API key of Kuzzle is sent as any other token.
pub(super) fn login(login: Option<Login>) -> Option<Login> {
    match login {
        Some(Login::ApiKey(key)) => Some(Login::Bearer(key)),
        other => other,
    }
}
