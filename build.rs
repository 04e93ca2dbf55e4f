//! Finds the commit for `--version`: the variable BUILD_COMMIT, otherwise what git says, otherwise none.

#![allow(clippy::print_stdout, reason = "cargo reads it")]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=BUILD_COMMIT");
    let commit = std::env::var("BUILD_COMMIT").ok().filter(|commit| !commit.is_empty());
    if let Some(commit) = commit.or_else(from_git) {
        println!("cargo::rustc-env=BUILD_COMMIT={commit}");
    }
}

/// The commit, if this directory is the root of a repository: an unpacked crate may lie inside another one.
fn from_git() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    if !Path::new(".git").exists() {
        return None;
    }
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed=build.rs");
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=9", "HEAD"])
}
