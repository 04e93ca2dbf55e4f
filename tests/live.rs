//! A started program that is fed piece by piece and listened to line by line, for tests in which the moment matters.
//! Nothing here waits for time to pass: a test waits for something that it sees, and fails if that does not come.

use crate::support::{Place, Ran, scan, start};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long something may take before a test gives it up; much longer than it ever does.
const READ_WAIT: Duration = Duration::from_secs(120);

/// A program under way.
pub struct Live {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    heard: String,
}

impl Live {
    /// Starts an import with a pipe as stdin; the summary is JSON.
    pub fn start(place: &Place, arguments: &[&str]) -> Live {
        Live::of(start(place.command(arguments).args(["--summary", "json"])))
    }

    /// Starts an import with something else as stdin.
    pub fn with_stdin(place: &Place, arguments: &[&str], stdin: Stdio) -> Live {
        let mut command = place.command(arguments);
        command.args(["--summary", "json"]).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        Live::of(command.spawn().expect("bulkimport starts"))
    }

    /// A program that was started.
    pub fn of(mut child: Child) -> Live {
        let stderr = child.stderr.take().expect("stderr is piped");
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        Live { stdin: child.stdin.take(), child, lines, heard: String::new() }
    }

    /// Writes to its stdin.
    pub fn feed(&mut self, bytes: impl AsRef<[u8]>) -> &mut Live {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush()).expect("bulkimport reads its stdin");
        self
    }

    /// Writes to its stdin again and again, until nobody reads it any more.
    pub fn feed_for_ever(&mut self, bytes: &'static str) {
        let mut stdin = self.stdin.take().expect("stdin is open");
        let bytes = bytes.repeat(4096);
        std::thread::spawn(move || while stdin.write_all(bytes.as_bytes()).is_ok() {});
    }

    /// Waits until it has said these words on stderr.
    #[track_caller]
    pub fn hear(&mut self, words: &str) -> &mut Live {
        let begun = Instant::now();
        while !self.heard.contains(words) {
            let left = READ_WAIT.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.heard = format!("{}{line}\n", self.heard),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{words:?} was never said, only:\n{}", self.heard)
                }
            }
        }
        self
    }

    /// Sends it a signal: INT, TERM or KILL.
    pub fn signal(&self, name: &str) {
        assert!(self.try_signal(name), "the program had ended");
    }

    /// The same for a program that may have ended; returns whether it had not.
    pub fn try_signal(&self, name: &str) -> bool {
        // The shell's own `kill`, because a small machine may have no other.
        let script = format!("kill -{name} {}", self.child.id());
        Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().expect("a shell").success()
    }

    /// The most memory that it has had so far, in bytes, as Linux counts it.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        1024 * line.trim().trim_end_matches("kB").trim().parse::<usize>().expect("a number")
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    /// Closes its stdin and waits for its end.
    pub fn end(mut self) -> Ran {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits for its end with stdin left open.
    pub fn wait(mut self) -> Ran {
        let mut stdout = Vec::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_end(&mut stdout).expect("stdout");
        }
        let status = self.child.wait().expect("bulkimport ends");
        for line in self.lines.iter() {
            self.heard = format!("{}{line}\n", self.heard);
        }
        drop(self.stdin.take());
        scan::search(self.child.id(), &stdout, self.heard.as_bytes());
        Ran::of(status.code(), &stdout, self.heard.as_bytes())
    }
}

/// A test that fails leaves no program behind.
impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something can be seen.
#[track_caller]
pub fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < READ_WAIT, "{what}: this never came");
        // Only so that looking leaves the processor to the program.
        std::thread::sleep(Duration::from_millis(5));
    }
}
