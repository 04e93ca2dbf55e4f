//! The README and the pages of `docs/`: their console blocks, run in order, each page in a directory of its own with a
//! copy of testdata. A block ` ```console NAME ` needs a server of that name.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that stands for the address in the pages.
pub struct Server {
    /// The word after `console`; empty for blocks that need no server.
    pub name: &'static str,
    /// What the pages call it, such as `localhost:9200`.
    pub written: &'static str,
    /// Where it is, such as `127.0.0.1:19200`.
    pub address: String,
    /// Variables for its commands.
    pub variables: Vec<(&'static str, String)>,
}

/// A command of a block, the line of its page, and what follows it there.
struct Example {
    line: usize,
    command: String,
    output: String,
}

fn examples(page: &str, server: &str) -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        if let Some(fence) = line.strip_prefix("```") {
            inside = !inside && fence.strip_prefix("console").is_some_and(|name| name.trim() == server);
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            all.push(Example { line: number + 1, command: command.to_owned(), output: String::new() });
        } else {
            let last = all.last_mut().expect("a console block begins with a command");
            match line.strip_prefix("> ") {
                Some(more) if last.output.is_empty() => last.command += &format!("\n{more}"),
                _ => last.output += &format!("{line}\n"),
            }
        }
    }
    all
}

/// The README and the pages of `docs/`.
pub fn all() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(repository.join("docs")).expect("docs").map(|file| file.expect("a file").path());
    let mut pages: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.push(repository.join("README.md"));
    pages.sort();
    pages
}

/// PATH with the built program in front.
fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_bulkimport"));
    let mut places: Vec<PathBuf> = program.parent().map(Path::to_owned).into_iter().collect();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(places).expect("directories without a colon")
}

fn copy_of_testdata(place: &Path) {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), place.join("testdata"));
    std::fs::create_dir(&to).expect("a directory");
    for file in std::fs::read_dir(from).expect("testdata") {
        let file = file.expect("a file");
        if file.path().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
        }
    }
}

/// Runs the blocks of every page that need this server. Returns how many commands ran, and which printed something else.
pub fn run(server: &Server) -> (usize, String) {
    let (mut count, mut wrong) = (0, String::new());
    for page in all() {
        let place = tempfile::tempdir().expect("a temporary directory");
        copy_of_testdata(place.path());
        let text = std::fs::read_to_string(&page).expect("a page");
        for Example { line, command, output } in examples(&text, server.name) {
            let mut shell = Command::new("sh");
            let here = command.replace(server.written, &server.address);
            shell.arg("-c").arg(format!("{{ {here}\n}} 2>&1")).current_dir(place.path()).env("PATH", path());
            for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BULKIMPORT_")) {
                shell.env_remove(name);
            }
            shell.envs(server.variables.iter().map(|(name, value)| (name, value)));
            let printed = String::from_utf8(shell.output().expect("sh runs").stdout).expect("UTF-8");
            let printed = printed.replace(&server.address, server.written);
            if printed != output {
                let page = page.display();
                wrong += &format!("{page}:{line}: $ {command}\n--- shown\n{output}--- printed\n{printed}\n");
            }
            count += 1;
        }
    }
    (count, wrong)
}
