//! The bytes of one input that have been read and not yet used, as one slice.
//! It only grows for a record that is longer than itself; how far is `--max-record-bytes`, which the readers check.

use super::unpack::Counted;
use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// What one read asks for, in bytes: large enough for few system calls, small enough to stay in the cache.
const READ: usize = 256 * 1024;

/// How long a read of a pipe waits before it gives control back, so that a silent pipe delays neither
/// `--flush-interval` nor a signal.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where bytes come from, already decompressed.
#[derive(Debug)]
pub enum Source {
    /// A regular file, read in place: it answers at once.
    File(Counted<File>),
    /// Anything else, read by a thread of its own that hands over buffers. The end of the channel is the end of the input.
    Thread(Receiver<io::Result<Vec<u8>>>),
    /// Bytes at hand, in pieces of the sizes given (for tests of framing).
    Pieces(Vec<Vec<u8>>),
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// More bytes.
    Data,
    /// Nothing yet.
    Idle,
    /// Nothing ever again.
    End,
}

/// The unread part of an input.
#[derive(Debug)]
pub struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
}

impl Window {
    /// Opens a window on a source that has not been read.
    pub fn new(source: Source) -> Window {
        Window { source, buffer: Vec::new(), start: 0, end: 0, offset: 0, ended: false }
    }

    /// The bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset of the first byte at hand, from the beginning of the decompressed input.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the source has said that nothing more comes.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Gives up the first `count` bytes at hand.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
        debug_assert!(self.start <= self.end);
    }

    /// Reads more bytes behind those at hand. Ranges of `bytes()` stay what they were.
    ///
    /// # Errors
    /// Those of the source: an unreadable file, a damaged compression.
    pub fn more(&mut self) -> io::Result<More> {
        if self.ended {
            return Ok(More::End);
        }
        let more = self.read()?;
        self.ended = more == More::End;
        Ok(more)
    }

    fn read(&mut self) -> io::Result<More> {
        let piece = match &mut self.source {
            Source::File(file) => {
                make_room(&mut self.buffer, &mut self.start, &mut self.end, READ);
                let count = loop {
                    match file.read(&mut self.buffer[self.end..]) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        other => break other?,
                    }
                };
                self.end += count;
                return Ok(if count == 0 { More::End } else { More::Data });
            }
            Source::Thread(pieces) => match pieces.recv_timeout(PATIENCE) {
                Ok(piece) => piece?,
                Err(RecvTimeoutError::Timeout) => return Ok(More::Idle),
                Err(RecvTimeoutError::Disconnected) => return Ok(More::End),
            },
            Source::Pieces(pieces) if pieces.is_empty() => return Ok(More::End),
            Source::Pieces(pieces) => pieces.remove(0),
        };
        make_room(&mut self.buffer, &mut self.start, &mut self.end, piece.len());
        self.buffer[self.end..self.end + piece.len()].copy_from_slice(&piece);
        self.end += piece.len();
        Ok(More::Data)
    }
}

/// Makes room for `count` bytes after `end`: by moving what is at hand to the front when that is cheap, else by growing
/// to twice the size, so that a long record is moved a bounded number of times.
fn make_room(buffer: &mut Vec<u8>, start: &mut usize, end: &mut usize, count: usize) {
    let at_hand = *end - *start;
    if at_hand == 0 {
        (*start, *end) = (0, 0);
    }
    if buffer.len() - *end >= count {
        return;
    }
    buffer.copy_within(*start..*end, 0);
    (*start, *end) = (0, at_hand);
    if buffer.len() < at_hand + count {
        // After an unusually long record the room is given back.
        let size = (at_hand + count).max(at_hand * 2);
        buffer.resize(size, 0);
    }
}
