//! What happens before the first record: a login, and a look whether the collection is there. Nothing but what the flags
//! ask for is asked of the server, because a user may have the right to import and no other.

use super::Import;
use super::answer::{DIALECT, closed, fault_of};
use super::rules::KuzzleRules;
use crate::error::{self, hint, refused};
use crate::sink::http::{Call, Http, HttpOptions, Login, Method, Nodes, Reply, Session};
use crate::sink::remote::admin::{AdminClient, FIRST, no_answer};
use crate::sink::remote::{Shared, emptying, escaped};
use crate::sink::target::Opened;
use crate::sink::wanted::Wanted;
use crate::sink::{Note, Say, bulk_api};
use crate::stop::Stop;
use anyhow::{Result, anyhow};
use serde_json::Value;
use std::sync::Arc;

/// Looks at the server, prepares the collection and makes a sink for each lane.
pub(super) fn open(wanted: &Wanted, stop: &Stop, say: Say<'_>) -> Result<Opened> {
    let import = Import::new(wanted);
    let mapping = bulk_api::mapping(wanted, &["mappings", "settings"])?.map(|mapping| mapping.to_string());
    let options = http_options(wanted);
    let nodes = Arc::new(Nodes::new(options.nodes.clone()));
    let http = |lane: usize| Http::new(&options, nodes.clone(), lane, stop.clone());
    let mut first = http(0)?;
    ensure_reached(&mut first, wanted)?;
    let mut admin = AdminClient::new(&mut first, wanted, stop, &DIALECT);
    let exists = exists(&mut admin, &import)?;
    if exists == Some(false) && wanted.create_collection != Some(true) && mapping.is_none() {
        return Err(anyhow!("collection \"{}\" not found in index \"{}\"", import.collection, import.index)
            .context(hint("`--create-collection` creates both if they are missing")));
    }
    let is_there = exists == Some(true);
    if !wanted.dry_run && (mapping.is_some() || wanted.create_collection == Some(true) && !is_there) {
        make(&mut admin, &import, mapping.unwrap_or("{}".to_owned()), is_there, say)?;
    }
    if !wanted.dry_run && wanted.wait_for_sync {
        ensure_synced(&mut admin, &import)?;
    }
    let emptied = import.clone();
    let before = emptying(wanted, stop, &DIALECT, move |admin| {
        admin.order(&Call::new(Method::DELETE, emptied.path("/_truncate")))?;
        Ok(Some(format!("emptied {}", emptied.place())))
    });
    let shared = Shared::new(wanted, wanted.lanes(), before, stop);
    Ok(Opened {
        sinks: shared.sinks(&import, http)?,
        edge: false,
        rules: Box::new(KuzzleRules { lossy: wanted.lossy }),
        traffic: Some(shared.traffic),
        closing: None,
    })
}

/// How it is reached: a name and a password become tokens, and an API key is sent as any other token.
fn http_options(wanted: &Wanted) -> HttpOptions {
    let (login, session) = login_of(wanted.http.login.clone());
    HttpOptions { names: "x-kuzzle-request-id", login, session, ..wanted.http.clone() }
}

/// Kuzzle gives a token for an hour, and says of one that has expired that it is invalid (contract of Kuzzle, 1.6).
fn login_of(login: Option<Login>) -> (Option<Login>, Option<Arc<Session>>) {
    match &login {
        Some(Login::Basic(user, password)) => {
            let ask = Session::ask("/_login/local", user, password);
            (login, Some(Arc::new(Session { login: ask, token_of, is_refused, now: Default::default() })))
        }
        Some(Login::ApiKey(key)) => (Some(Login::Bearer(key.clone())), None),
        _ => (login, None),
    }
}

fn token_of(reply: &Reply) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    body.pointer("/result/jwt").and_then(Value::as_str).map(str::to_owned)
}

fn is_refused(reply: &Reply) -> bool {
    reply.status == 401 && fault_of(reply).is_some_and(|fault| fault.id().starts_with("security.token."))
}

/// Tells a wrong address at once; what goes away later is waited for. The question is one that needs no login.
fn ensure_reached(http: &mut Http, wanted: &Wanted) -> Result<()> {
    let call = Call { timeout: Some(wanted.http.timeout.min(FIRST)), ..Call::get("/_healthcheck") };
    let reply = http.send_with(call, None).map_err(|reply| no_answer(&reply))?;
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let is_kuzzle = body.get("requestId").is_some() || fault_of(&reply).is_some();
    let status = reply.status;
    // A gateway may let only some paths through.
    if is_kuzzle || reply.is_busy() || matches!(status, 401 | 403 | 407) {
        return Ok(());
    }
    Err(refused(format!("{}: not an answer of Kuzzle", reply.status_line())))
}

/// Whether the collection is there; `None` if we may not ask.
fn exists(admin: &mut AdminClient<'_>, import: &Import) -> Result<Option<bool>> {
    let reply = admin.ask(&Call::get(import.path("/_exists")))?;
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let found = body.as_ref().and_then(|body| body.get("result")).and_then(Value::as_bool);
    match (reply.status, fault_of(&reply)) {
        (200, None) if found.is_some() => Ok(found),
        // One who may only import may not ask.
        (403, Some(_)) => Ok(None),
        // Anonymous users may have the right to import and not this one.
        (401, Some(fault)) if fault.id() == "security.rights.unauthorized" && admin.http.is_anonymous() => Ok(None),
        (412, Some(_)) => Ok(Some(false)),
        (status, fault) => {
            let why = fault.map_or_else(|| admin.said(&reply), |fault| closed(import, status, &fault));
            Err(refused(format!("{why}; nothing was sent")))
        }
    }
}

/// Makes the index and the collection, or gives the collection the mapping. Each may be there already.
fn make(admin: &mut AdminClient<'_>, import: &Import, mapping: String, is_there: bool, say: Say<'_>) -> Result<()> {
    let mut refused = None;
    if !is_there {
        let index = format!("/{}/_create", escaped(&import.index));
        let reply = admin.ask(&Call::new(Method::POST, index))?;
        let has_index = fault_of(&reply).is_some_and(|fault| fault.id() == "services.storage.index_already_exists");
        if reply.is_success() {
            say(Note::Detail(format!("created the index {}", import.index)));
        } else if !has_index {
            // One who may not make an index may be able to make a collection in one that is there.
            refused = Some(format!("cannot create the index \"{}\": {}", import.index, refusal(admin, import, &reply)));
        }
    }
    let reply = admin.ask(&Call::json(Method::PUT, import.path(""), mapping))?;
    if !reply.is_success() {
        let text =
            format!("cannot create the collection \"{}\": {}", import.collection, refusal(admin, import, &reply));
        return Err(error::refused(refused.unwrap_or(text)));
    }
    say(Note::Detail(format!("created the collection {}", import.place())));
    Ok(())
}

/// Why a question was refused; who is not logged in is told how to.
fn refusal(admin: &AdminClient<'_>, import: &Import, reply: &Reply) -> String {
    match fault_of(reply) {
        Some(fault) if reply.status == 401 => closed(import, 401, &fault),
        _ => admin.said(reply),
    }
}

/// Refuses a collection whose storage answers before it writes to the disk.
fn ensure_synced(admin: &mut AdminClient<'_>, import: &Import) -> Result<()> {
    let reply = admin.ask(&Call::get(import.path("/_settings")))?;
    if !reply.is_success() {
        let text =
            format!("--wait-for-sync: the settings of {} cannot be read: {}", import.place(), admin.said(&reply));
        return Err(refused(text));
    }
    let settings: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let durability = settings.pointer("/result/translog/durability").and_then(Value::as_str);
    if durability.is_some_and(|durability| durability.eq_ignore_ascii_case("async")) {
        let text = format!("--wait-for-sync: the storage of {} answers before it writes to the disk", import.place());
        return Err(refused(text).context(hint("set index.translog.durability to \"request\", which is the default")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_password_become_tokens_and_an_api_key_is_one() {
        let basic = Login::Basic("me".to_owned(), "secret".to_owned());
        let key = Login::ApiKey("secret".to_owned());
        for (login, session, sent) in [
            (Some(basic.clone()), true, Some(basic)),
            (Some(key), false, Some(Login::Bearer("secret".to_owned()))),
            (None, false, None),
        ] {
            let found: (Option<Login>, Option<Arc<Session>>) = login_of(login);
            assert_eq!((found.1.is_some(), found.0), (session, sent));
            assert!(!format!("{:?}", found.1).contains("secret"));
        }
    }
}
