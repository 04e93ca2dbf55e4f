//! Every console block of the README is run, in order, in one directory with a copy of testdata, and says exactly this.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A command of a block, the README's line that it is on, and what follows it there.
struct Shown {
    line: usize,
    command: String,
    output: String,
}

fn shown(readme: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for (number, line) in readme.lines().enumerate() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => {
                    all.push(Shown { line: number + 1, command: command.to_owned(), output: String::new() })
                }
                None => {
                    let last = all.last_mut().expect("a console block begins with a command");
                    last.output.push_str(line);
                    last.output.push('\n');
                }
            },
        }
    }
    all
}

/// PATH with the built program in front.
fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_bulkimport"));
    let mut places: Vec<PathBuf> = program.parent().map(Path::to_owned).into_iter().collect();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(places).expect("directories without a colon")
}

#[test]
fn every_console_block_prints_what_it_shows() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(repository.join("README.md")).expect("the README");
    let place = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(place.path().join("testdata")).expect("a directory");
    for file in std::fs::read_dir(repository.join("testdata")).expect("testdata") {
        let file = file.expect("a file");
        if file.path().is_dir() {
            continue; // what servers said: no example reads it
        }
        std::fs::copy(file.path(), place.path().join("testdata").join(file.file_name())).expect("a copy");
    }
    let all = shown(&readme);
    assert!(all.len() >= 10, "only {} commands", all.len());
    let mut wrong = String::new();
    for Shown { line, command, output } in all {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("({command}) 2>&1")).current_dir(place.path()).env("PATH", path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BULKIMPORT_")) {
            shell.env_remove(name);
        }
        let said = shell.output().expect("sh runs");
        let said = String::from_utf8(said.stdout).expect("UTF-8");
        if said != output {
            wrong += &format!("README.md:{line}: $ {command}\n--- shown\n{output}--- said\n{said}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
