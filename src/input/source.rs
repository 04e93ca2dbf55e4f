//! The bytes of an input: a file that is read directly, or a thread that reads ahead and decompresses.

use super::encoding::{self, decoded};
use super::unpack::{Compression, explained, unpacked};
use encoding_rs::Encoding;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// A source of decompressed bytes.
#[derive(Debug)]
pub enum Source {
    /// A regular file, read by the reading thread itself: it never blocks for long, and the bytes are in the cache then.
    File(Counted<OpenedFile>),
    /// Anything else, read by a separate thread.
    Thread(ReadAhead),
    /// Bytes in memory, one piece per read (for tests).
    Pieces(Vec<Vec<u8>>),
}

/// Counts the bytes that are read, before decompression. It is an error if a regular file is now shorter than when it was
/// opened: records are missing.
#[derive(Debug)]
pub struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
    /// Position in the file.
    offset: u64,
    /// Length of the file when it was opened; 0 if it is not a regular file.
    length: u64,
}

impl<R> Counted<R> {
    pub fn new(inner: R, count: Arc<AtomicU64>) -> Counted<R> {
        Counted { inner, count, offset: 0, length: 0 }
    }

    /// Expects a file of at least `length` bytes, which is read from `offset`.
    pub fn expecting(self, offset: u64, length: u64) -> Counted<R> {
        Counted { offset, length, ..self }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        self.offset += count as u64;
        if count == 0 && self.offset < self.length && !buffer.is_empty() {
            return Err(io::Error::other(format!(
                "the file became shorter while it was read: {} bytes at first, {} in the end",
                self.length, self.offset
            )));
        }
        Ok(count)
    }
}

/// Reads a regular file from its start, independent of the position of the shared handle.
#[derive(Debug)]
pub struct OpenedFile {
    file: Arc<File>,
    offset: u64,
}

impl Read for OpenedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Free space before the bytes of a chunk, and the maximum bytes of a chunk: large enough for few system calls, small enough
/// for the cache.
const ROOM: usize = 32 * 1024;
const CHUNK: usize = 256 * 1024;
pub(super) const BUFFER_SIZE: usize = ROOM + CHUNK;
/// Maximum number of chunks that wait to be processed.
const MAX_WAITING: usize = 4;

/// A range of a buffer, with free space before it.
#[derive(Debug)]
pub struct Chunk {
    pub(super) buffer: Vec<u8>,
    pub(super) range: Range<usize>,
}

/// The receiving end of a thread that reads ahead.
#[derive(Debug)]
pub struct ReadAhead {
    /// The end of the channel is the end of the input.
    pub(super) chunks: Receiver<io::Result<Chunk>>,
    /// Returns buffers for reuse.
    pub(super) used: Sender<Vec<u8>>,
}

/// The error of a system without threads left, which is no fault of the input.
#[derive(Debug)]
pub struct NoThread(io::Error);

impl fmt::Display for NoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoThread(error) = self;
        write!(f, "cannot start a thread, a limit of processes may be reached (ulimit -u): {error}")
    }
}

impl Error for NoThread {}

impl From<NoThread> for io::Error {
    fn from(error: NoThread) -> io::Error {
        io::Error::other(error)
    }
}

/// Whether an error is of this kind.
pub fn is_no_thread(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NoThread>())
}

/// How bytes become text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coding {
    /// `None` if the first bytes show it.
    pub compression: Option<Compression>,
    /// `None` for UTF-8, or for UTF-16 if there is a byte order mark.
    pub encoding: Option<&'static Encoding>,
}

impl Coding {
    /// Replaces `None` by what the first six bytes of a file show.
    pub fn or_shown_by(self, start: &[u8]) -> Coding {
        let compression = self.compression.unwrap_or_else(|| Compression::of(start));
        let shown = if compression == Compression::None { encoding::of_start(start) } else { None };
        Coding { compression: Some(compression), encoding: self.encoding.or(shown) }
    }
}

/// The source for a regular file: direct if its bytes are its text, else a thread.
///
/// # Errors
/// When the system has no thread left.
pub fn file_source(file: Arc<File>, length: u64, coding: Coding, count: Arc<AtomicU64>) -> io::Result<Source> {
    let counted = Counted::new(OpenedFile { file, offset: 0 }, count).expecting(0, length);
    match coding {
        Coding { compression: Some(Compression::None), encoding: None } => Ok(Source::File(counted)),
        _ => thread_source(counted, coding),
    }
}

/// Reads, decompresses and decodes `raw` in a separate thread. The thread ends at the end of the input, or after the next read
/// if its receiver was dropped.
///
/// # Errors
/// When the system has no thread left.
pub fn thread_source(raw: impl Read + Send + 'static, coding: Coding) -> io::Result<Source> {
    let (ready, chunks) = sync_channel(MAX_WAITING);
    let (used, free) = channel();
    let work = move || {
        let reader = unpacked(raw, coding.compression).and_then(|reader| decoded(reader, coding.encoding));
        if let Err(error) = reader.and_then(|reader| read_ahead(reader, &ready, &free)) {
            let _ = ready.send(Err(explained(error)));
        }
    };
    std::thread::Builder::new().name("unpack".to_owned()).spawn(work).map_err(NoThread)?;
    Ok(Source::Thread(ReadAhead { chunks, used }))
}

fn read_ahead(
    mut reader: impl Read,
    ready: &SyncSender<io::Result<Chunk>>,
    free: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut buffer = free.try_recv().unwrap_or_else(|_| vec![0; BUFFER_SIZE]);
        let count = read_some(&mut reader, &mut buffer[ROOM..])?;
        if count == 0 || ready.send(Ok(Chunk { buffer, range: ROOM..ROOM + count })).is_err() {
            return Ok(());
        }
    }
}

/// Reads once. Repeats a read that was interrupted by a signal.
pub(super) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
