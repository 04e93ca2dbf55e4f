//! Replies that the fast reader takes, and those that it leaves to the other one.

use super::*;

/// Notes what it takes; ids from `expected` may be taken as alike.
#[derive(Default)]
struct Ids {
    expected: Vec<String>,
    taken: Vec<String>,
    alike: usize,
}

impl<'a> Takes<'a> for Ids {
    fn take(&mut self, named: &ResponseItem<'a>) -> bool {
        self.taken.push(format!("{}:{}", named.op, named.item.id.as_deref().unwrap_or("-")));
        true
    }

    fn next_id(&self) -> Option<&str> {
        (!self.taken.is_empty()).then(|| self.expected.get(self.taken.len()).map(String::as_str))?
    }

    fn take_alike(&mut self) {
        self.alike += 1;
        self.taken.push(format!("alike:{}", self.expected[self.taken.len()]));
    }
}

fn ids(body: &str) -> Option<Vec<String>> {
    let mut ids = Ids::default();
    items(body, &mut ids)?;
    Some(ids.taken)
}

const ITEM: &str = r#"{"index":{"_index":"t","_id":"a","_version":1,"result":"created","status":201}}"#;

#[test]
fn the_usual_answer_is_read() {
    let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM},{}]}}"#, ITEM.replace('a', "ü"));
    assert_eq!(ids(&body), None, "the name of a field is no longer known");
    let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM},{}]}}"#, ITEM.replace("\"a\"", "\"ü\""));
    assert_eq!(ids(&body), Some(vec!["index:a".to_owned(), "index:ü".to_owned()]));
    let body = format!(r#"{{"items":[{ITEM}],"ingest_took":-2,"took":0}}"#);
    assert_eq!(ids(&body).map(|ids| ids.len()), Some(1));
}

#[test]
fn an_item_like_the_last_one_is_taken_for_its_id() {
    let item = |id: &str, status: &str| ITEM.replace("\"a\"", &format!("\"{id}\"")).replace("201", status);
    let taken = |items_of: &[String], expected: &[&str]| {
        let expected = expected.iter().map(|id| (*id).to_owned()).collect();
        let mut ids = Ids { expected, ..Ids::default() };
        items(&format!("{{\"items\":[{}]}}", items_of.join(",")), &mut ids).expect("a usual answer");
        ids.taken.join(" ")
    };
    let same = |ids: &[&str]| ids.iter().map(|id| item(id, "201")).collect::<Vec<_>>();
    assert_eq!(taken(&same(&["a", "bb", "c"]), &["a", "bb", "c"]), "index:a alike:bb alike:c");
    assert_eq!(taken(&same(&["a", "bb", "c"]), &["a", "b", "c"]), "index:a index:bb alike:c");
    assert_eq!(taken(&same(&["a", "b"]), &["a", "bb"]), "index:a index:b");
    assert_eq!(
        taken(&[item("a", "201"), item("b", "200"), item("c", "200")], &["a", "b", "c"]),
        "index:a index:b alike:c"
    );
}

#[test]
fn every_other_answer_is_left_to_the_other_reader() {
    let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM}]}}"#);
    assert!(ids(&body).is_some());
    for end in 0..body.len() {
        assert_eq!(ids(&body[..end]), None, "{}", &body[..end]);
    }
    for other in [
        body.replace("false", "true"),
        body.replace("\"a\"", "\"\\u0061\""),
        body.replace("\"a\"", "null"),
        body.replace("201", "0201"),
        body.replace("201", "201.0"),
        body.replace("201", "99999"),
        body.replace("\"_version\"", "\"error\""),
        body.replace("[{", "[ {"),
        format!("{body} "),
        format!("{body}{body}"),
        body.replace(ITEM, ""),
    ] {
        assert_eq!(ids(&other), None, "{other}");
    }
}
