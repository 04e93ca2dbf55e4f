//! `--wait`: waits until one of the nodes answers. Whether it is what was asked for, and lets us in, is judged when the
//! target is opened.

use super::admin::{FIRST_TIMEOUT, no_response};
use super::sleep_unless_stopped;
use crate::error::refused;
use crate::sink::http::{Http, HttpOptions, Nodes, Request, Response, SendError};
use crate::sink::{Log, Note};
use crate::stop::Stop;
use anyhow::{Error, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a target is asked whether it is up.
#[derive(Debug)]
pub struct Probe {
    /// How to connect. A login that needs a request of its own is left out.
    pub options: HttpOptions,
    /// The request.
    pub request: Request,
}

/// The pauses between two questions: at first short, because a server in the same script is soon up.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// The shortest time for a question, even if less is left.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks all nodes until one is up, for at most `time`.
///
/// # Errors
/// When none is up by then, or no question can succeed. With a signal, nothing is waited for.
pub fn wait_until_up(probe: &Probe, time: Duration, stop: &Stop, log: Log<'_>) -> Result<()> {
    let (end, mut pause) = (Instant::now() + time, FIRST_PAUSE);
    let nodes = Arc::new(Nodes::new(probe.options.nodes.clone()));
    let mut http = Http::new(&probe.options, nodes.clone(), 0, stop.clone())?;
    let mut is_first = true;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = probe.options.timeout.min(FIRST_TIMEOUT).min(left.max(MIN_TIMEOUT));
        let Some(why) = ask_all(&mut http, &nodes, &Request { timeout: Some(timeout), ..probe.request.clone() }) else {
            return Ok(());
        };
        let text = crate::error::message(&why).trim_end_matches("; nothing was sent").to_owned();
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(why.context(format!("--wait {}", spelled(time))));
        }
        let note = format!("waiting: {text}");
        log(if std::mem::take(&mut is_first) { Note::Warning(note) } else { Note::Detail(note) });
        // The last question comes when the time is over.
        if !sleep_unless_stopped(pause.min(left), stop) {
            return Err(why);
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Asks each node. `None` if one is up, or if waiting is no use; else why the last one is not.
fn ask_all(http: &mut Http, nodes: &Nodes, request: &Request) -> Option<Error> {
    let mut last = None;
    for node in 0..nodes.len() {
        let why = match http.send_to(node, request) {
            Ok(response) if response.is_starting() => refused(format!("{}; nothing was sent", response.summary())),
            Err(SendError::NotSent { why, hopeless }) if is_passing(&why, hopeless) => {
                no_response(&SendError::NotSent { why: format!("{}: {why}", http.route(node)), hopeless })
            }
            Err(SendError::NoResponse(why)) => {
                no_response(&SendError::NoResponse(format!("{}: {why}", http.route(node))))
            }
            _ => return None,
        };
        last = Some(why);
    }
    last
}

/// Whether a failure to connect may pass. In front of a server that is starting, a gateway may accept connections and close
/// them before the handshake is over.
fn is_passing(why: &str, hopeless: bool) -> bool {
    let lower = why.to_ascii_lowercase();
    !hopeless || ["handshake eof", "unexpected eof", "reset by peer"].iter().any(|words| lower.contains(words))
}

impl Response {
    /// Whether the server, or one behind a gateway, is not up yet.
    fn is_starting(&self) -> bool {
        (500..=599).contains(&self.status)
    }
}

/// A time as it is written on the command line.
fn spelled(time: Duration) -> String {
    match time.as_millis() {
        all if all % 60_000 == 0 => format!("{}m", all / 60_000),
        all if all % 1_000 == 0 => format!("{}s", all / 1_000),
        all => format!("{all}ms"),
    }
}
