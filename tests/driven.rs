//! A shell in a pseudo terminal that has the completions of the program. It is asked by typing, as by a person.

use crate::pty::Terminal;
use crate::support::Place;
use std::path::Path;
use std::process::Command;

const PROMPT: &str = "READY>";

/// What is typed to insert all completions of a word.
const INSERT_ALL: &str = "\u{14}";

/// A shell in a directory with some files.
pub struct Shell {
    terminal: Terminal,
    answers: usize,
    _place: Place,
}

impl Shell {
    /// Starts `bash` or `zsh`.
    pub fn start(name: &str) -> Shell {
        let place = Place::new();
        for name in ["films.jsonl", "my film.csv", "shop.db"] {
            place.file(name, "");
        }
        std::fs::create_dir(place.path("dir")).expect("a directory");
        let (arguments, setup) = match name {
            "bash" => (&["--norc", "--noprofile", "-i"][..], BASH),
            _ => (&["-f", "-i"][..], ZSH),
        };
        let mut command = Command::new(name);
        command.args(arguments).current_dir(place.path(".")).env("HOME", place.path("."));
        command.env("PS1", PROMPT).env("PROMPT", PROMPT).env("TERM", "xterm").env("INPUTRC", "/dev/null");
        let mut terminal = Terminal::start(500, &mut command);
        terminal.wait_for("a prompt", |text| text.contains(PROMPT));
        let completions = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
        let setup = setup.replace("COMPLETIONS", &completions.display().to_string());
        // What the program would get, in place of it.
        terminal.type_in(&format!("{setup}; bulkimport() {{ printf '<%s>' \"$@\"; echo END; }}; echo SET'UP'\r"));
        terminal.wait_for("the setup", |text| text.split("SETUP").nth(1).is_some_and(|rest| rest.contains(PROMPT)));
        Shell { terminal, answers: 0, _place: place }
    }

    /// The arguments after all completions of these words have been inserted.
    pub fn completed(&mut self, words: &str) -> Vec<String> {
        self.terminal.type_in(&format!("bulkimport {words}{INSERT_ALL} .\r"));
        self.answers += 1;
        let number = self.answers;
        let rest = |text: &str| text.split(">END").nth(number).map(str::to_owned);
        self.terminal.wait_for(words, |text| rest(text).is_some_and(|rest| rest.contains(PROMPT)));
        let text = self.terminal.text();
        let answer = text.split(">END").nth(number - 1).unwrap_or_default();
        let answer = answer.lines().last().unwrap_or_default();
        let arguments = &answer[answer.find('<').unwrap_or_default() + 1..];
        let mut arguments: Vec<String> = arguments.split("><").map(str::to_owned).collect();
        assert_eq!(arguments.pop().as_deref(), Some("."), "{text}");
        arguments
    }
}

const BASH: &str =
    "source COMPLETIONS/bulkimport.bash; bind 'set bell-style none'; bind '\"\\C-t\": insert-completions'";

const ZSH: &str = "fpath=(COMPLETIONS $fpath); autoload -Uz compinit; compinit -u -D; unset zle_bracketed_paste; \
    zle -C all complete-word _generic; bindkey '^T' all; zstyle ':completion:all:*' insert true; \
    zstyle ':completion:all:*' completer _all_matches _complete";

/// The files that a shell offers.
pub const FILES: [&str; 4] = ["dir", "films.jsonl", "my film.csv", "shop.db"];

/// What a person expects of any shell. The second part is what is offered after the first.
pub fn cases() -> Vec<(&'static str, Vec<&'static str>)> {
    let schemes = ["arangodb+http://", "arangodb+https://", "bulk:", "cloud:", "es+http://", "es+https://", "jsonl:"];
    let more = ["kuzzle+http://", "kuzzle+https://", "opensearch+http://", "opensearch+https://", "sqlite:"];
    let modes = vec!["error", "ignore", "replace", "update"];
    vec![
        ("", FILES.to_vec()),
        ("-c films ", FILES.to_vec()),
        ("--on-duplicate ", modes.clone()),
        ("--on-duplicate=", modes),
        ("--on-duplicate=ig", vec!["ignore"]),
        ("--refresh=", vec!["false", "true", "wait_for"]),
        ("--file ", FILES.to_vec()),
        ("--file=", FILES.to_vec()),
        ("--file d", vec!["dir"]),
        ("--to ", [&schemes[..], &more].concat()),
        ("--to=", [&schemes[..], &more].concat()),
        ("--to ar", schemes[..2].to_vec()),
        ("--to sho", vec!["shop.db"]),
        ("--batch-size ", vec![]),
        ("--batch-size=", vec![]),
        ("-c ", vec![]),
        ("--del", vec!["--delete-keys"]),
    ]
}
