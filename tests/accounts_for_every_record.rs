//! The summary, the error lines and the exit code.

use crate::support::Place;

#[test]
fn the_text_summary_is_four_lines_and_what_else_is_not_zero() {
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"a\"}\n\n{\"_key\":\"a\"}\n");
    let ran = place.run(&["-c", "c", "--summary", "text", "a.jsonl"]);
    assert_eq!(ran.stdout, "created: 1\nerrors: 1\nupdated: 0\nignored: 0\nempty: 1\n");
    assert_eq!(ran.code, 1);
    ran.says("a.jsonl:3: duplicate key \"a\"");
}
