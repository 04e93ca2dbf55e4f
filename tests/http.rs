//! A small HTTP client of the tests' own, so that what a server holds is never learned through the program under test.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A server of plain HTTP, by its URL `http://HOST:PORT`.
#[derive(Clone, Debug)]
pub struct Server {
    pub url: String,
    /// Sent with every request, if there is one.
    pub token: Option<String>,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Server {
    /// The server whose URL a variable holds, which must be set.
    pub fn of_variable(name: &str) -> Server {
        let url = std::env::var(name).unwrap_or_else(|_| panic!("{name} must hold the URL of a server"));
        Server { url: url.trim_end_matches('/').to_owned(), token: None }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, "", b"")
    }

    /// Sends JSON, which the server must take.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("PUT", path, "application/json", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "PUT {path}: {}", answer.text());
        answer.json()
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, "application/json", body.to_string().as_bytes());
        assert!(answer.status < 300, "POST {path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// Asks on a connection of its own.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Answer {
        self.try_ask(method, path, content_type, body)
            .unwrap_or_else(|why| panic!("{method} {}{path}: {why}", self.url))
    }

    fn try_ask(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> std::io::Result<Answer> {
        let address = self.url.strip_prefix("http://").expect("a URL of plain HTTP");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if !content_type.is_empty() {
            head += &format!("Content-Type: {content_type}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let answer = read_answer(&mut stream)?;
        let broken = || std::io::Error::other("no answer of HTTP");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
        let body = &answer[end + 4..];
        let body = if head.contains("\r\ntransfer-encoding: chunked") {
            unchunked(body).ok_or_else(broken)?
        } else {
            body.to_vec()
        };
        Ok(Answer { status, body })
    }
}

/// Reads to the end that the head announces, else to that of the connection: Kuzzle leaves it open for a while.
fn read_answer(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let (mut answer, mut piece) = (Vec::new(), [0; 65536]);
    let mut length = None;
    loop {
        let many = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..many]);
        if length.is_none() {
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
            let head = String::from_utf8_lossy(&answer[..end.unwrap_or(0)]).to_ascii_lowercase();
            let announced =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            length = announced.zip(end).map(|(length, end)| end + 4 + length);
        }
        if many == 0 || length.is_some_and(|length| answer.len() >= length) {
            return Ok(answer);
        }
    }
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}

/// A text as a part of a path or a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.as_bytes()
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
