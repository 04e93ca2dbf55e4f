//! Who may do what on the real Kuzzle, and for how long.

use crate::collection::{Collection, INDEX, kuzzle, login, password, user};
use crate::http::Server;
use crate::live::{Live, until};
use crate::support::Place;
use crate::wire::{Reply, Request, Wire};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A user of a test's own, with a role that allows these actions.
struct User {
    name: String,
}

impl User {
    /// `rate` is how many requests a second the user may make; 0 is any number.
    fn who_may(label: &str, controllers: &Value, rate: u32) -> User {
        let (server, name) = (kuzzle(), format!("{label}-{}", std::process::id()));
        server.put(&format!("/roles/{name}?refresh=wait_for"), &json!({"controllers": controllers}));
        let profile = json!({"policies": [{"roleId": name}], "rateLimit": rate});
        server.put(&format!("/profiles/{name}?refresh=wait_for"), &profile);
        let credentials = json!({"local": {"username": name, "password": "user-for-tests"}});
        let body = json!({"content": {"profileIds": [name]}, "credentials": credentials});
        server.post(&format!("/users/{name}/_create?refresh=wait_for"), &body);
        User { name }
    }

    fn who_may_all(label: &str) -> User {
        User::who_may(label, &json!({"*": {"actions": {"*": true}}}), 0)
    }

    fn words(&self) -> [String; 2] {
        ["-u".to_owned(), format!("{}:user-for-tests", self.name)]
    }
}

impl Drop for User {
    fn drop(&mut self) {
        for kind in ["users", "profiles", "roles"] {
            kuzzle().delete(&format!("/{kind}/{}", self.name));
        }
    }
}

/// Imports one document as somebody.
fn one(collection: &Collection, place: &Place, who: &[&str]) -> crate::support::Ran {
    place.file("in.jsonl", "{\"_key\":\"a\"}\n");
    collection.import_as(place, who, &["in.jsonl"])
}

#[test]
fn a_wrong_password_ends_the_run_before_anything_is_sent() {
    let (collection, place) = (Collection::made(), Place::new());
    let ran = one(&collection, &place, &["-u", &format!("{}:not-the-hidden-one", user())]);
    assert_eq!(ran.code, 4);
    ran.prints("wrong username or password").prints("nothing was sent").prints("check --user and the password");
    assert!(!ran.stderr.contains("not-the-hidden-one"), "{}", ran.stderr);
    assert_eq!(collection.documents().len(), 0);
}

#[test]
fn nobody_may_not_import_and_gets_a_hint_to_log_in() {
    let (collection, place) = (Collection::made(), Place::new());
    let ran = one(&collection, &place, &[]);
    ran.expect(4, [0, 0, 0, 0]).prints("security.rights.unauthorized").prints("log in with --user");
    assert_eq!(ran.count("unsent"), 1);
}

#[test]
fn one_without_the_right_gets_the_name_of_the_right() {
    let nothing = json!({"auth": {"actions": {"login": true}}});
    let (collection, place, user) = (Collection::made(), Place::new(), User::who_may("none", &nothing, 0));
    let [flag, who] = user.words();
    let ran = one(&collection, &place, &[&flag, &who]);
    ran.expect(4, [0, 0, 0, 0]).prints("security.rights.forbidden");
    ran.prints(&format!("the user needs the right to bulk:import into {INDEX}/{}", collection.name));
    // Whether a collection is there is not shown to one who may not know.
    let missing = Collection::named(INDEX);
    one(&missing, &place, &[&flag, &who]).expect(4, [0, 0, 0, 0]).prints("security.rights.forbidden");
}

#[test]
fn one_who_may_import_and_nothing_else_can() {
    let import = json!({"bulk": {"actions": {"import": true}}});
    let (collection, place, user) = (Collection::made(), Place::new(), User::who_may("import", &import, 0));
    let [flag, who] = user.words();
    one(&collection, &place, &[&flag, &who]).expect(0, [1, 0, 0, 0]);
    let missing = Collection::named(INDEX);
    let ran = one(&missing, &place, &[&flag, &who]);
    ran.expect(4, [0, 0, 0, 0])
        .prints("services.storage.unknown_collection")
        .prints("--create-collection creates the index and the collection");
}

#[test]
fn tokens_and_api_keys_are_sent_as_they_are() {
    let (collection, place) = (Collection::made(), Place::new());
    let server = kuzzle();
    place.file("token", login(&server, &user(), &password(), "1h"));
    one(&collection, &place, &["--bearer-file", "token"]).expect(0, [1, 0, 0, 0]);
    let key = server.post("/api-keys/_create?expiresIn=-1&refresh=wait_for", &json!({"description": "a test"}));
    let text = key["result"]["_source"]["token"].as_str().expect("a key").to_owned();
    place.file("key", &text);
    one(&collection, &place, &["--api-key-file", "key"]).expect(1, [0, 1, 0, 0]);
    let id = key["result"]["_id"].as_str().expect("an id");
    assert_eq!(server.delete(&format!("/api-keys/{id}?refresh=wait_for")).status, 200);
    let ran = one(&collection, &place, &["--api-key-file", "key"]);
    assert_eq!(ran.code, 4);
    // One that Kuzzle still knows from its last use is invalid to it, one that it looks up is not found.
    let said = ["was the API key deleted?", "security.token.invalid"].iter().any(|words| ran.stderr.contains(words));
    assert!(said, "{}", ran.stderr);
    assert!(!ran.stderr.contains(&text[10..]), "{}", ran.stderr);
    place.file("forged", "kauth-forged");
    let ran = one(&collection, &place, &["--bearer-file", "forged"]);
    assert_eq!(ran.code, 4);
    ran.prints("security.token.invalid");
}

/// A server that passes requests on to the real one, so that a test sees them.
fn passing(server: &Server, see: impl Fn(&mut String, &Request, &Reply) + Send + Sync + 'static) -> Wire {
    let (wire, server, see) = (Wire::start(), server.clone(), Arc::new(see));
    for (method, path) in [("POST", "_bulk"), ("POST", "_login/local"), ("GET", "_exists"), ("GET", "_healthcheck")] {
        let (server, see) = (server.clone(), see.clone());
        let path = if path.contains('/') { format!("/{path}") } else { path.to_owned() };
        wire.standing(method, &path, move |request| {
            let mut target = request.path.clone();
            see(&mut target, request, &Reply::new(0));
            let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
            let mut asked = server.clone();
            asked.token = token.map(str::to_owned);
            let answer = asked.ask(&request.method, &target, "application/json", &request.body);
            let mut reply = Reply::new(answer.status);
            reply.body = answer.body;
            see(&mut target, request, &reply);
            reply
        });
    }
    wire
}

/// Feeds documents one by one; before each but the first the token of the last one is made useless.
fn with_tokens_that_end(wire: &Wire, collection: &Collection, who: &str, end: &dyn Fn()) {
    let place = Place::new();
    let to = format!("kuzzle+http://{}/{}", wire.address(), collection.index);
    let arguments =
        ["--to", &to, "-c", &collection.name, "-u", who, "-t", "jsonl", "-j", "1", "--flush-interval", "10ms"];
    let mut live = Live::start(&place, &arguments);
    for number in 1..=4 {
        live.feed(format!("{{\"_key\":\"{number}\",\"n\":{number}}}\n"));
        // Its answer has come when the document is there.
        let path = collection.path(&format!("/{number}"));
        until("the document", || collection.server.get(&path).status == 200);
        end();
    }
    live.end().expect(0, [4, 0, 0, 0]);
    assert_eq!(collection.documents().len(), 4);
}

#[test]
fn a_token_that_expires_is_renewed() {
    let (collection, user) = (Collection::made(), User::who_may_all("expires"));
    let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = tokens.clone();
    let wire = passing(&kuzzle(), move |target, request, reply| {
        if request.path == "/_login/local" && reply.status == 0 {
            *target = "/_login/local?expiresIn=5s".to_owned();
        } else if request.path == "/_login/local" {
            let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
            seen.lock().expect("tokens").push(body["result"]["jwt"].as_str().expect("a token").to_owned());
        }
    });
    let wait = || {
        let token = tokens.lock().expect("tokens").last().cloned();
        let server = Server { token, ..kuzzle() };
        // Until Kuzzle itself takes it no longer.
        until("the end of the token", || server.get("/_me").status == 401);
    };
    with_tokens_that_end(&wire, &collection, &user.words()[1], &wait);
    // One may also have ended before it was used.
    assert!(tokens.lock().expect("tokens").len() >= 4);
}

#[test]
fn a_session_that_was_ended_is_begun_again() {
    let (collection, user) = (Collection::made(), User::who_may_all("ended"));
    let wire = passing(&kuzzle(), |_, _, _| {});
    let end = || {
        let mut server = kuzzle();
        server.token = Some(login(&server, &user.name, "user-for-tests", "1h"));
        assert_eq!(server.ask("POST", "/_logout?global", "", b"").status, 200);
    };
    with_tokens_that_end(&wire, &collection, &user.words()[1], &end);
}

#[test]
fn one_whose_requests_are_limited_waits() {
    let all = json!({"*": {"actions": {"*": true}}});
    let (collection, user) = (Collection::made(), User::who_may("limited", &all, 5));
    let place = Place::new();
    place.file("in.jsonl", (0..40).map(|n| format!("{{\"_key\":\"{n}\"}}\n")).collect::<String>());
    let [flag, who] = user.words();
    let ran = collection.import_as(&place, &[&flag, &who], &["--batch-size", "1", "-j", "4", "in.jsonl"]);
    ran.expect(0, [40, 0, 0, 0]);
    assert!(ran.count("retried") > 0, "{}", ran.stdout);
    assert_eq!(collection.documents().len(), 40);
}
