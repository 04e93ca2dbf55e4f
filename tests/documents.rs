//! The README and the pages of `docs/` as their readers meet them.

use crate::pages::{self, Server};
use std::path::Path;

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

/// The names of headings in links: lowercase, with hyphens for blanks and without punctuation.
fn anchors(page: &str) -> impl Iterator<Item = String> + '_ {
    let headings =
        page.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
    headings.map(|heading| {
        let kept = |character: char| character.is_alphanumeric() || " -_".contains(character);
        heading.to_lowercase().replace(|character| !kept(character), "").replace(' ', "-")
    })
}

#[test]
fn jobs_of_the_ci_page_run_commands_of_its_console_blocks() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let text = std::fs::read_to_string(page).expect("docs/ci.md");
    let jobs: Vec<&str> = text.lines().filter_map(|line| line.split_once("run: bash ")).map(|(_, job)| job).collect();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for job in jobs {
        assert!(text.contains(&format!("\n$ bash {job}\n")), "no console block runs: bash {job}");
    }
}

#[test]
fn links_between_pages_lead_to_a_file() {
    for page in pages::all() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let there = page.parent().expect("a directory").join(file);
            let there = if file.is_empty() { page.clone() } else { there };
            assert!(there.exists(), "{}: {link} leads nowhere", page.display());
            let has_anchor = || anchors(&std::fs::read_to_string(&there).expect("a page")).any(|name| name == anchor);
            assert!(anchor.is_empty() || has_anchor(), "{}: {link}: no such heading", page.display());
        }
    }
}
