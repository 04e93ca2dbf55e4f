//! One vector of Kuzzle: its actions as bulk lines, its answer, and what the real server must hold afterwards.

use crate::http::{Server, escaped};
use crate::support::{Place, Ran};
use crate::wire::Reply;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::sync::Once;

pub struct Case {
    pub name: String,
    vector: Value,
}

/// What replaces the ids that a server makes, by the place of the action.
fn made_id(place: usize) -> String {
    format!("made-{place}")
}

impl Case {
    pub fn new(vector: Value) -> Case {
        Case { name: vector["name"].as_str().expect("a name").to_owned(), vector }
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        let path = self.vector["request"]["path"].as_str().expect("a path");
        path.split('?').next().unwrap_or_default()
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.vector["request"]["path"].as_str()?.split_once('?')?;
        query.split('&').find_map(|pair| Some(pair.strip_prefix(name)?.trim_start_matches('=').to_owned()))
    }

    pub fn is_gzip(&self) -> bool {
        self.vector["request"]["gzip"] == true
    }

    pub fn status(&self) -> u16 {
        self.vector["expect"]["status"].as_u64().expect("a status") as u16
    }

    pub fn body(&self) -> Value {
        self.vector["request"]["body"].clone()
    }

    /// The two lists of its answer.
    pub fn lists(&self) -> Option<(&Vec<Value>, &Vec<Value>)> {
        let result = &self.vector["expect"]["json"]["result"];
        Some((result["successes"].as_array()?, result["errors"].as_array()?))
    }

    /// The body of the request as text.
    fn text(&self) -> String {
        let request = &self.vector["request"];
        if let Some(raw) = request["bodyRaw"].as_str() {
            return raw.to_owned();
        }
        if let Some(template) = request["bodyGen"]["template"].as_str() {
            let total = request["bodyGen"]["total_bytes"].as_u64().expect("a size") as usize;
            // Ours has an id, which takes its room from the rest.
            let template = template.replace("{\"index\":{}}", "{\"index\":{\"_id\":\"made-0\"}}");
            let room = template.len() - "<fill>".len();
            return template.replace("<fill>", &"x".repeat(total - room));
        }
        request["body"].to_string()
    }

    /// Actions and sources in turn, as they are written; nothing where the body has none.
    fn parts(&self) -> Vec<String> {
        #[derive(serde::Deserialize)]
        struct Body<'a> {
            #[serde(borrow, rename = "bulkData")]
            elements: Vec<&'a RawValue>,
        }
        let text = self.text();
        let body: Option<Body<'_>> = serde_json::from_str(&text).ok();
        body.map_or_else(Vec::new, |body| body.elements.into_iter().map(|element| element.get().to_owned()).collect())
    }

    /// Its actions as bulk lines; with the ids that a server would make, if those have to be known.
    pub fn lines(&self, with_ids: bool) -> String {
        let (mut lines, mut place, mut is_source) = (String::new(), 0, false);
        for part in self.parts() {
            let mut action: Value = serde_json::from_str(&part).unwrap_or(Value::Null);
            if !is_source {
                let named = action.as_object_mut().and_then(|action| action.iter_mut().next());
                let (verb, meta) = named.map(|(verb, meta)| (verb.clone(), meta)).expect("an action");
                if with_ids && meta.get("_id").is_none_or(Value::is_null) && meta.is_object() {
                    meta["_id"] = json!(made_id(place));
                }
                is_source = verb != "delete";
                lines += &format!("{action}\n");
                place += 1;
            } else {
                is_source = false;
                lines += &format!("{part}\n");
            }
        }
        lines
    }

    /// Its elements, as our request must have them: ids are text, and what names a place is left out.
    pub fn elements(&self) -> Value {
        let (mut place, mut is_source) = (0, false);
        let element = |part: String| {
            let mut element: Value = lossy(&part);
            if is_source {
                is_source = false;
                return element;
            }
            let (verb, meta) = element.as_object_mut().and_then(|action| action.iter_mut().next()).expect("an action");
            let id = match &meta["_id"] {
                Value::Null => made_id(place),
                Value::String(id) => id.clone(),
                other => other.to_string(),
            };
            meta["_id"] = json!(id);
            is_source = verb != "delete";
            place += 1;
            element
        };
        Value::Array(self.parts().into_iter().map(element).collect())
    }

    pub fn repeats_a_key(&self) -> bool {
        let mut ids: Vec<String> = self.entries().into_iter().map(|(_, _, entry)| entry["_id"].to_string()).collect();
        ids.sort_unstable();
        ids.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// What its answer says of each action: the action, whether it failed, and the rest.
    pub fn entries(&self) -> Vec<(String, bool, Value)> {
        let Some((successes, errors)) = self.lists() else { return Vec::new() };
        let all = successes.iter().map(|entry| (entry, false)).chain(errors.iter().map(|entry| (entry, true)));
        all.map(|(entry, failed)| {
            let (op, entry) = entry.as_object().and_then(|entry| entry.iter().next()).expect("an entry");
            let mut entry = entry.clone();
            // What else the server says of an item is not in the results.
            entry
                .as_object_mut()
                .expect("an object")
                .retain(|name, _| ["_id", "status", "error"].contains(&name.as_str()));
            if entry["error"]["$absent"] == true {
                entry["error"] = Value::Null;
            }
            (op.clone(), failed, entry)
        })
        .collect()
    }

    /// How many records are in each bucket then.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut counts = [("created", 0), ("updated", 0), ("ignored", 0), ("deleted", 0), ("errors", 0)];
        for (op, failed, entry) in self.entries() {
            let bucket = match (op.as_str(), failed, entry["status"].as_u64()) {
                ("delete", true, Some(404)) => 2,
                (_, true, _) => 4,
                ("delete", ..) => 3,
                (_, _, Some(201)) => 0,
                _ => 1,
            };
            counts[bucket].1 += 1;
        }
        counts.into()
    }

    /// The first action that was carried out, and its id.
    pub fn first_success(&self) -> (String, String) {
        let answer = self.instance();
        let (op, entry) =
            answer["result"]["successes"][0].as_object().and_then(|entry| entry.iter().next()).expect("a success");
        (op.clone(), entry["_id"].as_str().expect("an id").to_owned())
    }

    /// The answer, with something in the place of each matcher.
    pub fn instance(&self) -> Value {
        let mut answer = instance(&self.vector["expect"]["json"]).unwrap_or(Value::Null);
        // Ids that a server makes belong to the actions without one.
        let places: Vec<usize> = (self.elements().as_array().into_iter().flatten())
            .filter_map(|element| {
                element.as_object()?.values().next()?["_id"].as_str()?.strip_prefix("made-")?.parse().ok()
            })
            .collect();
        let mut places = places.into_iter();
        for list in ["errors", "successes"] {
            let expected = self.vector["expect"]["json"]["result"][list].as_array().cloned().unwrap_or_default();
            for (nth, entry) in expected.iter().enumerate() {
                let Some((op, entry)) = entry.as_object().and_then(|entry| entry.iter().next()) else { continue };
                if entry["_id"].is_object() {
                    answer["result"][list][nth][op]["_id"] =
                        json!(made_id(places.next().expect("an action without an id")));
                }
            }
        }
        answer
    }

    pub fn reply(&self) -> Reply {
        Reply::json(self.status(), self.instance())
    }

    /// The message of its error.
    pub fn message(&self) -> String {
        let answer = self.instance();
        let message = answer["error"]["message"].as_str().or(answer["message"].as_str());
        message.unwrap_or_default().to_owned()
    }

    /// Whether its actions can be sent to the real server by one who may import.
    pub fn runs_live(&self) -> bool {
        let setup = &self.vector["setup"];
        let has_actions =
            self.vector["request"]["path"].as_str().is_some_and(|path| path.starts_with("/idx/col/_bulk"));
        let is_array = serde_json::from_str::<Value>(&self.text()).is_ok_and(|body| body["bulkData"].is_array());
        let refused_by_us = ["http-", "auth-"].iter().any(|start| self.name.starts_with(start));
        let is_sent = self.lists().is_some() || !refused_by_us;
        setup["server"] == "v2" && setup["user"] == "kuid-1" && has_actions && is_array && is_sent
    }
}

/// JSON as Kuzzle reads it, so that two of them can be compared.
pub fn lossy(text: &str) -> Value {
    // serde_json refuses what is beyond a double, which becomes null.
    serde_json::from_str(&text.replace("1e400", "null")).expect("JSON")
}

/// Something that fits a matcher; nothing for what must be absent.
fn instance(expected: &Value) -> Option<Value> {
    match expected {
        Value::Object(fields) => match fields.iter().next() {
            Some((name, _)) if name == "$absent" => None,
            Some((name, _)) if name == "$any" => Some(json!("anything")),
            Some((name, _)) if name == "$not" => Some(json!("another")),
            Some((name, _)) if name == "$length" => Some(json!([])),
            Some((name, kind)) if name == "$type" => Some(if kind == "number" { json!(1) } else { json!("text") }),
            Some((name, pattern)) if name == "$regex" => {
                let first = pattern.as_str().unwrap_or_default().split('|').next().unwrap_or_default();
                Some(json!(first.replace(['\\', '^', '$', '('], "")))
            }
            _ => {
                let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), instance(value)?)));
                Some(Value::Object(fields.collect::<Map<_, _>>()))
            }
        },
        Value::Array(all) => Some(Value::Array(all.iter().filter_map(instance).collect())),
        other => Some(other.clone()),
    }
}

/// Whether a value is as a vector expects it: objects at least, arrays and all else exactly.
pub fn agrees(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(fields), _) => match fields.iter().next() {
            Some((name, _)) if name == "$any" => true,
            Some((name, _)) if name == "$absent" => found.is_null(),
            Some((name, value)) if name == "$not" => found != value,
            Some((name, kind)) if name == "$type" => {
                if kind == "number" {
                    found.is_number()
                } else {
                    found.is_string()
                }
            }
            // What the server says in words is its own; the words of the vectors are checked where they are played.
            Some((name, _)) if name == "$regex" => found.is_string(),
            _ => found.is_object() && fields.iter().all(|(name, value)| agrees(value, &found[name])),
        },
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(one, other)| agrees(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        // A number that Kuzzle reads as nothing is sent as it is.
        (Value::Null, Value::Number(other)) => other.as_f64().is_none_or(f64::is_infinite),
        _ => expected == found,
    }
}

/// The real server, with the users of the vectors.
pub struct Real {
    server: Server,
    /// Tests run at once, and deleting a collection into which something is imported breaks it.
    name: &'static str,
}

impl Real {
    pub fn ready(name: &'static str) -> Real {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set"));
        let mut server = Server::of_variable("BULKIMPORT_TEST_KUZZLE");
        let who = json!({"username": variable("BULKIMPORT_TEST_KUZZLE_USER"), "password": variable("BULKIMPORT_TEST_KUZZLE_PASSWORD")});
        let token = server.post("/_login/local", &who)["result"]["jwt"].as_str().expect("a token").to_owned();
        server.token = Some(token);
        let real = Real { server, name };
        // Kuzzle stores a user first and its password a second later: a test that finds the user there already must wait.
        static USERS: Once = Once::new();
        USERS.call_once(|| {
            real.user("kuid-1", &json!({"*": {"actions": {"*": true}}}));
            real.user("kuid-2", &json!({"auth": {"actions": {"login": true}}}));
        });
        real
    }

    fn user(&self, id: &str, controllers: &Value) {
        self.server.put(&format!("/roles/vectors-{id}?refresh=wait_for"), &json!({"controllers": controllers}));
        let profile = json!({"policies": [{"roleId": format!("vectors-{id}")}], "rateLimit": 0});
        self.server.put(&format!("/profiles/vectors-{id}?refresh=wait_for"), &profile);
        let credentials = json!({"local": {"username": id, "password": "vectors-for-tests"}});
        let body =
            json!({"content": {"profileIds": [format!("vectors-{id}")]}, "credentials": credentials}).to_string();
        // It may be there from an earlier run, whole or in part.
        self.server.ask("DELETE", &format!("/users/{id}?refresh=wait_for"), "application/json", b"");
        self.server.ask("DELETE", &format!("/credentials/local/{id}"), "application/json", b"");
        self.server.ask("POST", &format!("/users/{id}/_create?refresh=wait_for"), "application/json", body.as_bytes());
        self.server.post("/_login/local", &credentials["local"]);
    }

    pub fn to(&self, index: &str) -> String {
        format!("kuzzle+{}/{index}", self.server.url)
    }

    pub fn path(&self, behind: &str) -> String {
        format!("/idx/{}{behind}", self.name)
    }

    /// Makes the collection anew.
    pub fn collection(&self, mappings: &Value) {
        self.server.ask("POST", "/idx/_create", "application/json", b"");
        self.server.delete(&self.path(""));
        self.server.put(&self.path(""), &json!({"mappings": mappings}));
    }

    pub fn set_up(&self, case: &Case) {
        let setup = &case.vector["setup"];
        self.collection(setup.get("mappings").unwrap_or(&json!({})));
        let documents = setup["documents"].as_object().into_iter().flatten();
        let documents: Vec<Value> = documents.map(|(id, body)| json!({"_id": id, "body": body})).collect();
        if !documents.is_empty() {
            self.server.post(&self.path("/_mWrite?refresh=wait_for"), &json!({"documents": documents}));
        }
    }

    pub fn import(&self, place: &Place, arguments: &[&str]) -> Ran {
        let to = self.to("idx");
        place.run(&[&["--to", &to, "-c", self.name, "-u", "kuid-1:vectors-for-tests"], arguments].concat())
    }

    /// Asserts that it holds what the vector says, or these documents, where they differ on purpose.
    pub fn holds(&self, case: &Case, other: &[(String, Value)]) {
        let stored = case.vector["expect"]["stored"].as_object();
        let named = stored.into_iter().flatten().filter(|(id, _)| other.iter().all(|(one, _)| one != *id));
        let named: Vec<(&String, &Value)> = named.chain(other.iter().map(|(id, source)| (id, source))).collect();
        for (id, expected) in named {
            let answer = self.server.get(&self.path(&format!("/{}", escaped(id)))).json();
            let mut found = answer["result"]["_source"].clone();
            if let (Some(found), Some(expected)) = (found.as_object_mut(), expected.as_object()) {
                found.retain(|name, _| name != "_kuzzle_info" || expected.contains_key(name));
                let names = |object: &Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
                let (mut found, mut expected) = (names(found), names(expected));
                (found.sort_unstable(), expected.sort_unstable());
                assert_eq!(found, expected, "fields of {id}");
            }
            assert!(agrees(expected, &found), "{id}: {found}, not {expected}");
        }
    }
}
