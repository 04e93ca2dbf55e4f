//! The steps before the first record: logs in, and checks whether the collection exists. Only what the flags need is
//! requested, because a user may have the right to import and no other.

use super::Import;
use super::answer::{ERRORS, advice, error_in};
use super::rules::KuzzleRules;
use crate::error::{self, hint, refused};
use crate::notes::Notes;
use crate::sink::http::{Http, HttpOptions, Login, Method, Nodes, Request, Response, Session};
use crate::sink::remote::admin::{AdminClient, FIRST_TIMEOUT, no_response, other_server};
use crate::sink::remote::answer::denies_itself;
use crate::sink::remote::{Shared, escaped, prepare_overwrite};
use crate::sink::target::Opened;
use crate::sink::wanted::Wanted;
use crate::sink::{Log, Note, bulk_api};
use crate::stop::Stop;
use anyhow::{Result, anyhow};
use serde_json::Value;
use std::sync::Arc;

/// Looks at the server, prepares the collection and makes a sink for each lane.
pub(super) fn open(wanted: &Wanted, stop: &Stop, report: Log<'_>) -> Result<Opened> {
    let import = Import::new(wanted);
    let mut notes = Notes::default();
    let mapping =
        bulk_api::read_mapping(wanted, &["mappings", "settings"], &mut notes)?.map(|mapping| mapping.to_string());
    let options = http_options(wanted);
    let nodes = Arc::new(Nodes::new(options.nodes.clone()));
    let http = |lane: usize| Http::new(&options, nodes.clone(), lane, stop.clone());
    let mut first = http(0)?;
    ensure_reached(&mut first, wanted)?;
    let mut admin = AdminClient::new(&mut first, wanted, stop, &ERRORS);
    let exists = exists(&mut admin, &import)?;
    if exists == Some(false) && wanted.create_collection != Some(true) && mapping.is_none() {
        return Err(anyhow!("collection \"{}\" not found in index \"{}\"", import.collection, import.index)
            .context(hint("`--create-collection` creates both if they are missing")));
    }
    let exists = exists == Some(true);
    if !wanted.dry_run && (mapping.is_some() || wanted.create_collection == Some(true) && !exists) {
        create(&mut admin, &import, mapping.unwrap_or("{}".to_owned()), exists, report)?;
    }
    if !wanted.dry_run && wanted.wait_for_sync {
        ensure_synced(&mut admin, &import)?;
    }
    let target = import.clone();
    let preparation = prepare_overwrite(wanted, stop, &ERRORS, move |admin| {
        admin.send_ok(&Request::new(Method::DELETE, target.path("/_truncate")))?;
        Ok(Some(format!("emptied {}", target.name())))
    });
    let shared = Shared::new(wanted, wanted.lanes(), preparation, stop);
    Ok(Opened {
        sinks: shared.sinks(&import, http)?,
        edges: vec![false],
        rules: Box::new(KuzzleRules { lossy: wanted.lossy, notes }),
        traffic: Some(shared.traffic),
        closing: None,
    })
}

/// The options for Kuzzle: a user name and a password give tokens, and an API key is sent as a token.
fn http_options(wanted: &Wanted) -> HttpOptions {
    let (login, session) = login_of(wanted.http.login.clone());
    HttpOptions { id_header: "x-kuzzle-request-id", login, session, ..wanted.http.clone() }
}

/// Kuzzle gives out tokens for an hour. It calls an expired token invalid (contract of Kuzzle, 1.6).
fn login_of(login: Option<Login>) -> (Option<Login>, Option<Arc<Session>>) {
    match &login {
        Some(Login::Basic(user, password)) => {
            let request = Session::login_request("/_login/local", user, password);
            (login, Some(Arc::new(Session { login: request, token_of, is_refused, current: Default::default() })))
        }
        Some(Login::ApiKey(key)) => (Some(Login::Bearer(key.clone())), None),
        _ => (login, None),
    }
}

fn token_of(response: &Response) -> Option<String> {
    if denies_itself(response) {
        return None;
    }
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    body.pointer("/result/jwt").and_then(Value::as_str).map(str::to_owned)
}

fn is_refused(response: &Response) -> bool {
    response.status == 401 && error_in(response).is_some_and(|error| error.id().starts_with("security.token."))
}

/// Reports a wrong address at once; a server that goes away later is waited for. The request needs no login.
fn ensure_reached(http: &mut Http, wanted: &Wanted) -> Result<()> {
    let request = Request { timeout: Some(wanted.http.timeout.min(FIRST_TIMEOUT)), ..Request::get("/_healthcheck") };
    let response = http.send_with(request, None).map_err(|error| no_response(&error))?;
    let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    let is_kuzzle = body.get("requestId").is_some() || error_in(&response).is_some();
    let status = response.status;
    // A gateway may let only some paths through.
    if is_kuzzle || response.is_busy() || matches!(status, 401 | 403 | 407) {
        return Ok(());
    }
    let error = refused(format!("{}: not an answer of Kuzzle", response.status_line()));
    Err(other_server(http, wanted, error, None))
}

/// Whether the collection exists; `None` if the user may not ask.
fn exists(admin: &mut AdminClient<'_>, import: &Import) -> Result<Option<bool>> {
    let response = admin.send(&Request::get(import.path("/_exists")))?;
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    let found = body.as_ref().and_then(|body| body.get("result")).and_then(Value::as_bool);
    match (response.status, error_in(&response)) {
        (200, None) if found.is_some() => Ok(found),
        // A user who may only import may not ask.
        (403, Some(_)) => Ok(None),
        // Anonymous users may have only the right to import.
        (401, Some(error)) if error.id() == "security.rights.unauthorized" && admin.http.is_anonymous() => Ok(None),
        (412, Some(_)) => Ok(Some(false)),
        (status, error) => {
            let why = error.map_or_else(|| admin.errors.error_text(&response), |error| advice(import, status, &error));
            Err(refused(format!("{why}; nothing was sent")))
        }
    }
}

/// Creates the index and the collection, or updates the mapping of the collection. Each may exist already.
fn create(admin: &mut AdminClient<'_>, import: &Import, mapping: String, exists: bool, report: Log<'_>) -> Result<()> {
    let mut refused = None;
    if !exists {
        let index = format!("/{}/_create", escaped(&import.index));
        let response = admin.send(&Request::new(Method::POST, index))?;
        let has_index = error_in(&response).is_some_and(|error| error.id() == "services.storage.index_already_exists");
        if response.is_success() {
            report(Note::Detail(format!("created the index {}", import.index)));
        } else if !has_index {
            // A user who may not create an index may be allowed to create a collection in it.
            refused =
                Some(format!("cannot create the index \"{}\": {}", import.index, refusal(admin, import, &response)));
        }
    }
    let response = admin.send(&Request::json(Method::PUT, import.path(""), mapping))?;
    if !response.is_success() {
        let text =
            format!("cannot create the collection \"{}\": {}", import.collection, refusal(admin, import, &response));
        return Err(error::refused(refused.unwrap_or(text)));
    }
    report(Note::Detail(format!("created the collection {}", import.name())));
    Ok(())
}

/// Why a request was refused. Without a login it explains how to log in.
fn refusal(admin: &AdminClient<'_>, import: &Import, response: &Response) -> String {
    match error_in(response) {
        Some(error) if response.status == 401 => advice(import, 401, &error),
        _ => admin.errors.error_text(response),
    }
}

/// Refuses a collection whose storage responds before it writes to the disk.
fn ensure_synced(admin: &mut AdminClient<'_>, import: &Import) -> Result<()> {
    let response = admin.send(&Request::get(import.path("/_settings")))?;
    if !response.is_success() {
        let (name, error) = (import.name(), admin.errors.error_text(&response));
        return Err(refused(format!("--wait-for-sync: the settings of {name} cannot be read: {error}")));
    }
    let settings: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    let durability = settings.pointer("/result/translog/durability").and_then(Value::as_str);
    if durability.is_some_and(|durability| durability.eq_ignore_ascii_case("async")) {
        let text = format!("--wait-for-sync: the storage of {} answers before it writes to the disk", import.name());
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
