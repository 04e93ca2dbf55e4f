//! Where the bytes of an input come from: a file that is read in place, or a thread that reads ahead and unpacks.

use super::unpack::{Compression, explained, unpacked};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Where bytes come from, already decompressed.
#[derive(Debug)]
pub enum Source {
    /// A regular file, read in place: it answers at once, and what was just read is in the cache of whoever looks at it.
    File(Counted<Opened>),
    /// Anything else, read by a thread of its own.
    Thread(Ahead),
    /// Bytes at hand, in pieces of the sizes given (for tests of framing).
    Pieces(Vec<Vec<u8>>),
}

/// Counts the bytes that are read through it, as stored. A regular file that ends before the length that it had when it was
/// opened is an error: records are missing.
#[derive(Debug)]
pub struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
    /// Where the next byte lies in the file.
    at: u64,
    /// How long the file was; 0 for what is no regular file.
    length: u64,
}

impl<R> Counted<R> {
    /// Adds what `inner` gives to `count`.
    pub fn new(inner: R, count: Arc<AtomicU64>) -> Counted<R> {
        Counted { inner, count, at: 0, length: 0 }
    }

    /// Expects the bytes of a file from `at` to `length` at least.
    pub fn expecting(self, at: u64, length: u64) -> Counted<R> {
        Counted { at, length, ..self }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        self.at += count as u64;
        if count == 0 && self.at < self.length && !buffer.is_empty() {
            return Err(io::Error::other(format!(
                "the file became shorter while it was read: {} bytes at first, {} in the end",
                self.length, self.at
            )));
        }
        Ok(count)
    }
}

/// Reads a regular file from its beginning, whoever else reads it through the same handle.
#[derive(Debug)]
pub struct Opened {
    file: Arc<File>,
    at: u64,
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Room in front of the bytes that are handed over, and the most bytes at a time: large enough for few system calls, small
/// enough to stay in the cache.
const ROOM: usize = 32 * 1024;
const PIECE: usize = 256 * 1024;
/// How large a buffer is.
pub(super) const AHEAD: usize = ROOM + PIECE;
/// How many hand-overs may wait: what an idle pipeline holds of an input.
const WAITING: usize = 4;

/// Bytes handed over: a range of a buffer, with room in front of it.
#[derive(Debug)]
pub struct Piece {
    pub(super) buffer: Vec<u8>,
    pub(super) range: Range<usize>,
}

/// The reading end of a thread that reads ahead.
#[derive(Debug)]
pub struct Ahead {
    /// What was read. The end of the channel is the end of the input.
    pub(super) pieces: Receiver<io::Result<Piece>>,
    /// Takes buffers back.
    pub(super) used: Sender<Vec<u8>>,
}

/// Reads a regular file: in place if it is not compressed, else by a thread.
pub fn file_source(file: Arc<File>, length: u64, compression: Compression, count: Arc<AtomicU64>) -> Source {
    let counted = Counted::new(Opened { file, at: 0 }, count).expecting(0, length);
    match compression {
        Compression::None => Source::File(counted),
        _ => thread_source(counted, Some(compression)),
    }
}

/// Reads `raw` by a thread of its own, and unpacks it there; `None` tells the compression from the first bytes. The thread
/// ends with the input, or when its receiver is dropped and the next read returns.
pub fn thread_source(raw: impl Read + Send + 'static, compression: Option<Compression>) -> Source {
    let (ready, pieces) = sync_channel(WAITING);
    let (used, free) = channel();
    std::thread::spawn(move || {
        if let Err(error) = unpacked(raw, compression).and_then(|reader| read_ahead(reader, &ready, &free)) {
            let _ = ready.send(Err(explained(error)));
        }
    });
    Source::Thread(Ahead { pieces, used })
}

fn read_ahead(
    mut reader: impl Read,
    ready: &SyncSender<io::Result<Piece>>,
    free: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut buffer = free.try_recv().unwrap_or_else(|_| vec![0; AHEAD]);
        let count = read_some(&mut reader, &mut buffer[ROOM..])?;
        if count == 0 || ready.send(Ok(Piece { buffer, range: ROOM..ROOM + count })).is_err() {
            return Ok(());
        }
    }
}

/// Reads once, and again if a signal came first.
pub(super) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
