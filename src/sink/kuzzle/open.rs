//! What happens before the first record: a login, and a look whether the collection is there. Nothing but what the flags
//! ask for is asked of the server, because a user may have the right to import and no other.

use super::Import;
use super::answer::{DIALECT, closed, fault_of};
use super::login::session;
use super::rules::KuzzleRules;
use crate::error::{self, hint, refused};
use crate::sink::bulk_api;
use crate::sink::http::{Call, Http, HttpOptions, Login, Method, Nodes, Reply, Session};
use crate::sink::remote::admin::{AdminClient, FIRST, no_answer};
use crate::sink::remote::{Before, Shared, emptying, escaped};
use crate::sink::target::Opened;
use crate::sink::wanted::Wanted;
use crate::sink::{Note, Say};
use crate::stop::Stop;
use anyhow::{Error, Result, anyhow};
use serde_json::Value;
use std::sync::Arc;

/// Looks at the server, prepares the collection and makes a sink for each lane.
pub(super) fn open(wanted: &Wanted, stop: &Stop, say: Say<'_>) -> Result<Opened> {
    let import = Import::new(wanted);
    let mapping = wanted.mapping.as_deref().map(|file| bulk_api::mapping(file, &["mappings", "settings"]));
    let mapping = mapping.transpose()?;
    let options = http_options(wanted);
    let nodes = Arc::new(Nodes::new(options.nodes.clone()));
    let http = |lane: usize| Http::new(&options, nodes.clone(), lane, stop.clone());
    let mut first = http(0)?;
    ensure_reached(&mut first, wanted)?;
    let mut admin = AdminClient::new(&mut first, wanted, stop, &DIALECT);
    let exists = exists(&mut admin, &import)?;
    if exists == Some(false) && wanted.create_collection != Some(true) && mapping.is_none() {
        return Err(missing(&import));
    }
    let before = if wanted.dry_run {
        Before::default()
    } else {
        let makes = wanted.create_collection == Some(true) && exists != Some(true);
        if makes || mapping.is_some() {
            make(&mut admin, &import, mapping.as_ref(), exists, say)?;
        }
        if wanted.wait_for_sync {
            ensure_synced(&mut admin, &import)?;
        }
        let import = import.clone();
        emptying(wanted, stop, &DIALECT, move |admin| {
            let path = import.path("/_truncate");
            admin.order(|| Call::new(Method::DELETE, path.clone()))?;
            Ok(Some(format!("emptied {}", import.place())))
        })
    };
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

fn login_of(login: Option<Login>) -> (Option<Login>, Option<Arc<Session>>) {
    match login {
        Some(Login::Basic(user, password)) => {
            let session = session(&user, &password);
            (Some(Login::Basic(user, password)), Some(Arc::new(session)))
        }
        Some(Login::ApiKey(key)) => (Some(Login::Bearer(key)), None),
        other => (other, None),
    }
}

/// Tells a wrong address at once; what goes away later is waited for. The question is one that needs no login.
fn ensure_reached(http: &mut Http, wanted: &Wanted) -> Result<()> {
    let call = Call { timeout: Some(wanted.http.timeout.min(FIRST)), ..Call::get("/_healthcheck") };
    let reply = http.send_with(call, None).map_err(|reply| no_answer(&reply))?;
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    if body.as_ref().is_some_and(|body| body.get("requestId").is_some() || fault_of(&reply).is_some()) {
        return Ok(());
    }
    match reply.status {
        // A gateway may let only some paths through.
        401 | 403 | 407 => Ok(()),
        _ if reply.is_busy() => Ok(()),
        status => {
            let node = &wanted.http.nodes[0];
            Err(refused(format!("{node}: it does not answer as Kuzzle does (status {status})")))
        }
    }
}

/// Whether the collection is there; `None` if we may not ask.
fn exists(admin: &mut AdminClient<'_>, import: &Import) -> Result<Option<bool>> {
    let path = import.path("/_exists");
    let reply = admin.ask(|| Call::get(path.clone()))?;
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let found = body.as_ref().and_then(|body| body.get("result")).and_then(Value::as_bool);
    let fault = fault_of(&reply);
    match (reply.status, fault) {
        (200, None) if found.is_some() => Ok(found),
        // One who may only import may not ask.
        (403, Some(_)) => Ok(None),
        (401, Some(fault)) if fault.id == "security.rights.unauthorized" && admin.http.is_anonymous() => {
            // Anonymous users may have the right to import and not this one.
            Ok(None)
        }
        (412, Some(_)) => Ok(Some(false)),
        (status, Some(fault)) => Err(refused(format!("{}; nothing was sent", closed(import, status, &fault)))),
        (_, None) => Err(refused(format!("{}; nothing was sent", admin.said(&reply)))),
    }
}

fn missing(import: &Import) -> Error {
    anyhow!("there is no collection \"{}\" in the index \"{}\"", import.collection, import.index)
        .context(hint("`--create-collection` makes both if they are missing"))
}

/// Makes the index and the collection, or gives the collection the mapping. Each may be there already.
fn make(
    admin: &mut AdminClient<'_>,
    import: &Import,
    mapping: Option<&Value>,
    exists: Option<bool>,
    say: Say<'_>,
) -> Result<()> {
    let mut refused = None;
    if exists != Some(true) {
        let index = format!("/{}/_create", escaped(&import.index));
        let reply = admin.ask(|| Call::new(Method::POST, index.clone()))?;
        let is_there = fault_of(&reply).is_some_and(|fault| fault.id == "services.storage.index_already_exists");
        if reply.is_success() {
            say(Note::Detail(format!("created the index {}", import.index)));
        } else if !is_there {
            // One who may not make an index may be able to make a collection in one that is there.
            refused = Some(format!("cannot create the index \"{}\": {}", import.index, refusal(admin, import, &reply)));
        }
    }
    let (path, body) = (import.path(""), mapping.map_or_else(|| "{}".to_owned(), Value::to_string));
    let reply = admin.ask(|| Call::json(Method::PUT, path.clone(), body.clone()))?;
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
    let path = import.path("/_settings");
    let reply = admin.ask(|| Call::get(path.clone()))?;
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
