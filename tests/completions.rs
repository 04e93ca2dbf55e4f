//! The completions and the man page are generated, and committed as they were generated.

use crate::support::Place;
use std::path::Path;

const FILES: [(&str, &[&str]); 6] = [
    ("bulkimport.bash", &["--completions", "bash"]),
    ("_bulkimport", &["--completions", "zsh"]),
    ("bulkimport.fish", &["--completions", "fish"]),
    ("_bulkimport.ps1", &["--completions", "powershell"]),
    ("bulkimport.elv", &["--completions", "elvish"]),
    ("bulkimport.1", &["--man"]),
];

#[test]
fn completions_are_fresh() {
    let place = Place::new();
    for (name, arguments) in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(name);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let output = place.command(arguments).output().expect("bulkimport starts");
        let generated = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            committed == generated,
            "completions/{name} is old; `cargo run -q -- {} > completions/{name}` writes it anew",
            arguments.join(" ")
        );
    }
}
