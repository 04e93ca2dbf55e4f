//! A pseudo terminal: what a program shows on it, and what is typed.

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long something may take before a test gives it up; much longer than it ever does.
const WAIT: Duration = Duration::from_secs(120);

/// A terminal, and a program that has all of its ends there.
pub struct Terminal {
    keyboard: File,
    pieces: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    child: Child,
}

impl Terminal {
    /// Starts a program in a terminal of this many columns.
    pub fn start(columns: u16, command: &mut Command) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("a pseudo terminal");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).expect("a size");
        let name = ptsname(&ours, Vec::new()).expect("its name");
        let theirs = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        let other = || File::from(theirs.try_clone().expect("a file"));
        command.stdin(other()).stdout(other()).stderr(other());
        let child = command.spawn().expect("the program starts");
        // The command keeps its files open, and a terminal ends with the last of them.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        drop(theirs);
        let keyboard = File::from(ours);
        let mut screen = keyboard.try_clone().expect("a file");
        let (piece, pieces) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                let _ = piece.send(buffer[..length].to_vec());
            }
        });
        Terminal { keyboard, pieces, shown: Vec::new(), child }
    }

    /// Everything that was written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Waits until the text so far has this.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, mut has: impl FnMut(&str) -> bool) -> &mut Terminal {
        let begun = Instant::now();
        while !has(&self.text()) {
            match self.pieces.recv_timeout(WAIT.saturating_sub(begun.elapsed())) {
                Ok(piece) => self.shown.extend(piece),
                Err(_) => panic!("{what}: this never came, only:\n{:?}", self.text()),
            }
        }
        self
    }

    /// Types.
    pub fn type_in(&mut self, keys: &str) -> &mut Terminal {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is open");
        self
    }

    /// Waits for the end of the program.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("the program ends");
        while let Ok(piece) = self.pieces.recv_timeout(WAIT) {
            self.shown.extend(piece);
        }
        (status, self.text())
    }
}

/// A test that fails leaves no program behind.
impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that were on the terminal at any time, also those that were replaced, without escape sequences.
pub fn lines(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                let end = rest.by_ref().skip(1).find(|c| ('@'..='~').contains(c));
                plain.push_str(if end == Some('m') { "" } else { "\n" });
            }
            '\r' => plain.push('\n'),
            c => plain.push(c),
        }
    }
    plain.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
