//! Random action lists: few keys, many conflicts, scripts.

use super::scripts;
use crate::outcome::Act;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A small generator of numbers (xorshift), so that a seed says all.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, many: u64) -> bool {
        self.below(100) < many
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Roughly what becomes of the keys, so that conditions often hold: versions, and sequence numbers from 0.
#[derive(Default)]
struct Guess {
    keys: BTreeMap<String, (bool, i64, u64)>,
    next: u64,
}

impl Guess {
    fn of(&self, key: &str) -> (bool, i64, u64) {
        self.keys.get(key).copied().unwrap_or((false, 0, 0))
    }

    fn write(&mut self, key: &str, lives: bool, version: Option<i64>) {
        let version = version.unwrap_or(self.of(key).1 + 1);
        self.keys.insert(key.to_owned(), (lives, version, self.next));
        self.next += 1;
    }
}

/// A list of actions, none of which makes a server refuse the whole request.
pub fn list(random: &mut Random) -> Vec<Act> {
    let many = 8 + random.below(25);
    let keys = 1 + random.below(4);
    let mut guess = Guess::default();
    let act = |_| {
        let key = format!("§k{}", random.below(keys));
        match random.below(100) {
            0..28 => index(random, &key, &mut guess),
            28..40 => create(random, &key, &mut guess),
            40..55 => delete(random, &key, &mut guess),
            _ => update(random, &key, &mut guess),
        }
    };
    (0..many).map(act).collect()
}

fn act(op: &str, key: &str, meta: &str, source: Option<String>) -> Act {
    Act { line: format!("{{\"{op}\":{{\"_id\":\"{key}\"{meta}}}}}"), source }
}

fn index(random: &mut Random, key: &str, guess: &mut Guess) -> Act {
    let mut meta = routing(random);
    if random.percent(4) {
        meta += random.pick(&[",\"require_alias\":true", ",\"pipeline\":\"none-such\"", ",\"pipeline\":\"_none\""]);
        return act("index", key, &meta, Some(document(random)));
    }
    if random.percent(5) {
        meta += random.pick(&[",\"op_type\":\"create\"", ",\"op_type\":\"other\""]);
    }
    let version = if meta.contains("\"create\"") { None } else { condition(random, key, guess, &mut meta) };
    guess.write(key, true, version);
    act("index", key, &meta, Some(document(random)))
}

fn create(random: &mut Random, key: &str, guess: &mut Guess) -> Act {
    if !guess.of(key).0 {
        guess.write(key, true, None);
    }
    act("create", key, &routing(random), Some(document(random)))
}

fn delete(random: &mut Random, key: &str, guess: &mut Guess) -> Act {
    let mut meta = routing(random);
    let version = condition(random, key, guess, &mut meta);
    guess.write(key, false, version);
    act("delete", key, &meta, None)
}

fn routing(random: &mut Random) -> String {
    if !random.percent(8) {
        return String::new();
    }
    format!(",\"routing\":{}", random.pick(&["\"r\"", "\"s\"", "7", "\"\"", "null"]))
}

/// A condition that may hold; the version that it gives.
fn condition(random: &mut Random, key: &str, guess: &Guess, meta: &mut String) -> Option<i64> {
    let (_, version, seq) = guess.of(key);
    match random.below(100) {
        0..15 => {
            let seq = if random.percent(75) { seq } else { random.below(9) };
            let term = if random.percent(92) { 1 } else { 2 };
            _ = write!(meta, ",\"if_seq_no\":@{seq}@,\"if_primary_term\":{term}");
            None
        }
        15..38 => {
            let given = (version + random.pick(&[-1, 0, 0, 1, 1, 2, 7])).max(0);
            let kind = random.pick(&["external", "external_gt", "external_gte"]);
            let given_text = random.pick(&["", "\""]);
            _ = write!(meta, ",\"version\":{given_text}{given}{given_text},\"version_type\":\"{kind}\"");
            let holds = given > version || (kind == "external_gte" && given == version) || version == 0;
            holds.then_some(given)
        }
        38..41 => {
            meta.push_str(",\"version_type\":\"internal\"");
            None
        }
        _ => None,
    }
}

fn update(random: &mut Random, key: &str, guess: &mut Guess) -> Act {
    let (lives, _, seq) = guess.of(key);
    let mut meta = routing(random);
    let mut fields = Vec::new();
    let is_script = random.percent(45);
    let has_condition = random.percent(12);
    if is_script {
        fields.push(scripts::field(random));
    } else {
        fields.push(format!("\"doc\":{}", document(random)));
        if random.percent(20) {
            fields.push(format!("\"detect_noop\":{}", random.pick(&["false", "true", "\"false\""])));
        }
    }
    let mut inserts = false;
    if has_condition {
        let seq = if random.percent(75) { seq } else { random.below(9) };
        let text = format!("\"if_seq_no\":@{seq}@,\"if_primary_term\":1");
        if random.percent(50) { fields.push(text) } else { meta += &format!(",{text}") }
    } else {
        inserts = random.percent(45);
        if inserts && !is_script && random.percent(60) {
            fields.push("\"doc_as_upsert\":true".to_owned());
        }
        if inserts && (is_script || random.percent(50)) {
            fields.push(format!("\"upsert\":{}", document(random)));
        }
        if is_script && random.percent(40) {
            fields.push(format!("\"scripted_upsert\":{}", random.pick(&["true", "true", "false"])));
        }
        if random.percent(15) {
            meta += ",\"retry_on_conflict\":3";
        }
    }
    if random.percent(30) {
        // A script that deletes and a filter: the server fails with all that is in the request.
        let deletes = fields[0].contains("'delete'");
        let source = if deletes { "true".to_owned() } else { source(random) };
        // An action line takes no list.
        if random.percent(50) && !source.starts_with('[') {
            meta += &format!(",\"_source\":{source}");
        } else {
            fields.push(format!("\"_source\":{source}"));
        }
    }
    if lives || inserts {
        guess.write(key, true, None);
    }
    act("update", key, &meta, Some(format!("{{{}}}", fields.join(","))))
}

fn source(random: &mut Random) -> String {
    let all = [
        "true",
        "false",
        "\"n\"",
        "\"o.*\"",
        "[\"n\",\"s\"]",
        "[\"o.x\",\"l*\"]",
        "[\"*.x\"]",
        "[\"o\"]",
        "[]",
        "{\"includes\":[\"o\"],\"excludes\":[\"o.x\"]}",
        "{\"excludes\":[\"n\",\"*y\"]}",
        "{\"includes\":\"*\",\"excludes\":\"t\"}",
        "{\"include\":[\"l.a\",\"s\"]}",
        "{\"excludes\":\"l.a\"}",
    ];
    random.pick(&all).to_owned()
}

/// A document with some of a few fields, each mostly of one kind: what scripts count on is often there. An integer of more
/// than 64 bits is only where no script looks, because scripts here refuse most of what they could do with it.
pub fn document(random: &mut Random) -> String {
    let mut fields = Vec::new();
    for (name, chance) in [("n", 60), ("s", 35), ("t", 40), ("o", 35), ("l", 20), ("d", 15), ("a.b", 5)] {
        if random.percent(chance) {
            fields.push(format!("\"{name}\":{}", value(random, name)));
        }
    }
    format!("{{{}}}", fields.join(random.pick(&[",", ", "])))
}

fn value(random: &mut Random, name: &str) -> String {
    if random.percent(6) {
        return random.pick(&["null", "true", "1.0", "1.00", "1e2", "-0", "\"1\"", "[]", "{}"]).to_owned();
    }
    match name {
        "n" => random.pick(&["0", "1", "1", "2", "3", "10", "-5", "2147483647"]).to_owned(),
        "s" => random.pick(&["\"a\"", "\"b\"", "\"\"", "\"\\u0061\"", "\"ü\"", "\"a,b\"", "\"\\\"q\\\"\""]).to_owned(),
        "t" => {
            random.pick(&["[]", "[\"a\"]", "[\"a\",\"b\"]", "[\"b\",\"a\"]", "[\"a\",\"a\",\"c\"]", "[1,2]"]).to_owned()
        }
        "o" => random
            .pick(&["{\"x\":1}", "{\"x\":2}", "{\"x\":1,\"y\":2}", "{\"y\":{\"x\":1}}", "{\"y\":null}", "{}"])
            .to_owned(),
        "l" => random
            .pick(&["[{\"a\":1,\"b\":2}]", "[{\"a\":1},{\"a\":2}]", "[[1],{\"a\":3}]", "[null,{\"b\":1}]"])
            .to_owned(),
        _ => random.pick(&["1.5", "1.50", "0.1", "1E-7", "2.0", "-1.25", "100.0", "12345678901234567890"]).to_owned(),
    }
}
