//! Replies that the fast reader reads, and those that it leaves to the other reader.

use super::*;

/// Records what it receives. Ids from `expected` may be received as similar.
#[derive(Default)]
struct Ids {
    expected: Vec<String>,
    received: Vec<String>,
    similar: usize,
}

impl<'a> Visitor<'a> for Ids {
    fn visit(&mut self, item: &ResponseItem<'a>) -> bool {
        self.received.push(format!("{}:{}", item.op, item.body.id.as_deref().unwrap_or("-")));
        true
    }

    fn next_id(&self) -> Option<&str> {
        (!self.received.is_empty()).then(|| self.expected.get(self.received.len()).map(String::as_str))?
    }

    fn visit_similar(&mut self) {
        self.similar += 1;
        self.received.push(format!("similar:{}", self.expected[self.received.len()]));
    }
}

fn ids(body: &str) -> Option<Vec<String>> {
    let mut ids = Ids::default();
    items(body, &mut ids)?;
    Some(ids.received)
}

const ITEM: &str = r#"{"index":{"_index":"t","_id":"a","_version":1,"result":"created","status":201}}"#;

#[test]
fn the_usual_reply_is_read() {
    let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM},{}]}}"#, ITEM.replace('a', "ü"));
    assert_eq!(ids(&body), None, "the name of a field is no longer known");
    let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM},{}]}}"#, ITEM.replace("\"a\"", "\"ü\""));
    assert_eq!(ids(&body), Some(vec!["index:a".to_owned(), "index:ü".to_owned()]));
    let body = format!(r#"{{"items":[{ITEM}],"ingest_took":-2,"took":0}}"#);
    assert_eq!(ids(&body).map(|ids| ids.len()), Some(1));
}

#[test]
fn an_item_that_equals_the_last_one_is_read_by_its_id() {
    let item = |id: &str, status: &str| ITEM.replace("\"a\"", &format!("\"{id}\"")).replace("201", status);
    let received = |items_of: &[String], expected: &[&str]| {
        let expected = expected.iter().map(|id| (*id).to_owned()).collect();
        let mut ids = Ids { expected, ..Ids::default() };
        items(&format!("{{\"items\":[{}]}}", items_of.join(",")), &mut ids).expect("a usual answer");
        ids.received.join(" ")
    };
    let same = |ids: &[&str]| ids.iter().map(|id| item(id, "201")).collect::<Vec<_>>();
    assert_eq!(received(&same(&["a", "bb", "c"]), &["a", "bb", "c"]), "index:a similar:bb similar:c");
    assert_eq!(received(&same(&["a", "bb", "c"]), &["a", "b", "c"]), "index:a index:bb similar:c");
    assert_eq!(received(&same(&["a", "b"]), &["a", "bb"]), "index:a index:b");
    assert_eq!(
        received(&[item("a", "201"), item("b", "200"), item("c", "200")], &["a", "b", "c"]),
        "index:a index:b similar:c"
    );
}

#[test]
fn any_other_reply_is_left_to_the_other_reader() {
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
        body.replace("201", "0,\"status\":201"),
        body.replace("201", "500,\"status\":201"),
        body.replace("\"_id\"", "\"_id\":\"z\",\"_id\""),
        body.replace("\"result\"", "\"result\":\"noop\",\"result\""),
        body.replace("\"_index\"", "\"_index\":\"t\",\"_index\""),
        body.replace("\"_version\"", "\"_version\":1,\"_version\""),
        body.replace("]}", &format!("],\"items\":[{ITEM}]}}")),
        body.replace("\"_version\"", "\"error\""),
        body.replace("[{", "[ {"),
        format!("{body} "),
        format!("{body}{body}"),
        body.replace(ITEM, ""),
    ] {
        assert_eq!(ids(&other), None, "{other}");
    }
}
