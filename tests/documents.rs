//! The README and the pages of `docs/` as their readers meet them.

use crate::pages::{self, Server};

#[test]
fn every_console_block_prints_what_it_shows() {
    let (count, wrong) = pages::run(&Server {
        name: "",
        written: "localhost:1", // a port of no server: nothing is replaced
        address: "localhost:1".to_owned(),
        variables: Vec::new(),
    });
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 30, "only {count} commands");
}

#[test]
fn no_line_is_too_long_and_the_readme_is_short() {
    for page in pages::all() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for (number, line) in text.lines().enumerate() {
            assert!(line.chars().count() <= 100, "{}:{}: over 100 columns", page.display(), number + 1);
        }
        let is_readme = page.ends_with("README.md");
        assert!(!is_readme || text.lines().count() <= 160, "the README has more than 160 lines");
    }
}

#[test]
fn links_between_pages_lead_to_a_file() {
    for page in pages::all() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let file = link.split('#').next().unwrap_or_default();
            let there = page.parent().expect("a directory").join(file);
            assert!(there.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}
