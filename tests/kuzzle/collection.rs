//! A collection of a test's own on the real Kuzzle; it goes with the test.

use crate::http::{Server, escaped};
use crate::support::{Place, Ran, testdata};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The index of the tests.
pub const INDEX: &str = "real";

pub struct Collection {
    pub server: Server,
    pub index: String,
    pub name: String,
}

/// The administrator.
pub fn user() -> String {
    std::env::var("BULKIMPORT_TEST_KUZZLE_USER").expect("BULKIMPORT_TEST_KUZZLE_USER must name an administrator")
}

pub fn password() -> String {
    std::env::var("BULKIMPORT_TEST_KUZZLE_PASSWORD").expect("BULKIMPORT_TEST_KUZZLE_PASSWORD must be set")
}

/// Kuzzle, asked as the administrator.
pub fn kuzzle() -> Server {
    static TOKEN: OnceLock<String> = OnceLock::new();
    let mut server = Server::of_variable("BULKIMPORT_TEST_KUZZLE");
    let token = TOKEN.get_or_init(|| login(&server, &user(), &password(), "3h"));
    server.token = Some(token.clone());
    server
}

/// Logs in for so long.
pub fn login(server: &Server, user: &str, password: &str, time: &str) -> String {
    let who = json!({"username": user, "password": password});
    let answer = server.post(&format!("/_login/local?expiresIn={time}"), &who);
    answer["result"]["jwt"].as_str().expect("a token").to_owned()
}

impl Drop for Collection {
    fn drop(&mut self) {
        self.server.delete(&self.path(""));
    }
}

impl Collection {
    /// A new name.
    pub fn named(index: &str) -> Collection {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("c-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        Collection { server: kuzzle(), index: index.to_owned(), name }
    }

    /// A new collection.
    pub fn made() -> Collection {
        let collection = Collection::named(INDEX);
        collection.make(&json!({}));
        collection
    }

    pub fn make(&self, body: &Value) {
        // The index is there after the first.
        self.server.ask("POST", &format!("/{}/_create", self.index), "application/json", b"");
        self.server.put(&self.path(""), body);
    }

    pub fn path(&self, behind: &str) -> String {
        format!("/{}/{}{behind}", self.index, self.name)
    }

    pub fn to(&self) -> String {
        format!("kuzzle+{}/{}", self.server.url, self.index)
    }

    /// Imports as whoever the arguments say.
    pub fn import_as(&self, place: &Place, who: &[&str], arguments: &[&str]) -> Ran {
        let to = self.to();
        place.run(&[&["--to", &to, "-c", &self.name], who, arguments].concat())
    }

    pub fn import_in(&self, place: &Place, arguments: &[&str]) -> Ran {
        place.file("password", password());
        self.import_as(place, &["-u", &user(), "--password-file", "password"], arguments)
    }

    pub fn import(&self, arguments: &[&str]) -> Ran {
        self.import_in(&Place::new(), arguments)
    }

    /// Imports this text, whose format the name decides.
    pub fn import_text(&self, name: &str, text: &str, arguments: &[&str]) -> Ran {
        let place = Place::new();
        place.file(name, text);
        self.import_in(&place, &[arguments, &[name]].concat())
    }

    /// What a search finds now.
    pub fn hits(&self) -> Vec<Value> {
        let answer = self.server.post(&self.path("/_search?size=10000"), &json!({}));
        answer["result"]["hits"].as_array().unwrap_or_else(|| panic!("no hits: {answer}")).clone()
    }

    pub fn hits_after_refresh(&self) -> Vec<Value> {
        assert_eq!(self.server.ask("POST", &self.path("/_refresh"), "", b"").status, 200);
        self.hits()
    }

    /// The documents by id, after a refresh, without what Kuzzle adds.
    pub fn documents(&self) -> BTreeMap<String, Value> {
        self.hits_after_refresh()
            .into_iter()
            .map(|mut hit| {
                hit["_source"].as_object_mut().expect("an object").remove("_kuzzle_info");
                (hit["_id"].as_str().expect("an id").to_owned(), hit["_source"].take())
            })
            .collect()
    }

    /// The text of a document's source; nothing if it is not there.
    pub fn source(&self, id: &str) -> Option<String> {
        let answer = self.server.get(&self.path(&format!("/{}", escaped(id)))).text();
        let (_, rest) = answer.split_once("\"_source\":")?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&serde_json::value::RawValue>();
        values.next()?.ok().map(|source| source.get().to_owned())
    }
}

/// The twelve films by their keys, which are no fields there.
pub fn films() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(testdata("films.jsonl")).expect("films.jsonl");
    let film = |line: &str| {
        let mut film: Value = serde_json::from_str(line).expect("JSON");
        let key = film.as_object_mut().and_then(|film| film.remove("_key")).expect("a key");
        (key.as_str().expect("a text").to_owned(), film)
    };
    text.lines().map(film).collect()
}
