//! The bytes of one input that have been read and not yet used, as one slice.
//! It only grows for a record that is longer than itself; how far is `--max-record-bytes`, which the readers check.

use super::source::{AHEAD, Chunk, Source, read_some};
use super::{NoRecord, ReadError};
use crate::record::Origin;
use std::io;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// What one read asks for, in bytes: large enough for few system calls, small enough to stay in the cache.
const READ: usize = 128 * 1024;

/// How long a read of a pipe waits before it gives control back, so that a silent pipe delays neither
/// `--flush-interval` nor a signal.
const READ_WAIT: Duration = Duration::from_millis(50);

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// More bytes.
    Data,
    /// Nothing yet.
    Idle,
    /// Perhaps more, but nothing was handed on for a while: whoever reads should look around before the next read.
    Later,
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
    /// When whoever reads had reason to look around the last time.
    looked: Instant,
    /// Whether what a record was read from is asked for, beside what is made of it.
    pub(super) keeps_raw: bool,
}

impl Window {
    /// Opens a window on a source that has not been read.
    pub fn new(source: Source) -> Window {
        Window {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            looked: Instant::now(),
            keeps_raw: false,
        }
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
        if count >= LONG {
            self.give_back();
        }
    }

    /// Gives back the room of a long record.
    #[cold]
    fn give_back(&mut self) {
        self.buffer = self.bytes().to_vec();
        (self.start, self.end) = (0, self.buffer.len());
    }

    /// Reads more bytes behind those at hand. Ranges of `bytes()` stay what they were.
    ///
    /// # Errors
    /// Those of the source: an unreadable file, a damaged compression.
    pub fn more(&mut self) -> io::Result<More> {
        if self.ended {
            return Ok(More::End);
        }
        if self.looked.elapsed() >= READ_WAIT && !matches!(self.source, Source::Pieces(_)) {
            self.looked = Instant::now();
            return Ok(More::Later);
        }
        let more = self.read()?;
        self.ended = more == More::End;
        if more == More::Idle {
            self.looked = Instant::now();
        }
        Ok(more)
    }

    /// Reads more for a record that begins at `origin`; false at the end of the input.
    pub(super) fn read_on(&mut self, origin: Origin) -> Result<bool, NoRecord> {
        match self.more() {
            Ok(More::Data) => Ok(true),
            Ok(More::End) => Ok(false),
            Ok(More::Idle | More::Later) => Err(NoRecord::Idle),
            Err(error) => Err(ReadError::io(origin, error).into()),
        }
    }

    fn read(&mut self) -> io::Result<More> {
        let piece = match &mut self.source {
            Source::File(file) => {
                make_room(&mut self.buffer, &mut self.start, &mut self.end, READ);
                let count = read_some(file, &mut self.buffer[self.end..])?;
                self.end += count;
                return Ok(if count == 0 { More::End } else { More::Data });
            }
            Source::Thread(ahead) => match ahead.pieces.recv_timeout(READ_WAIT) {
                Ok(piece) => {
                    let piece = piece?;
                    self.take(piece);
                    return Ok(More::Data);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(More::Idle),
                Err(RecvTimeoutError::Disconnected) => return Ok(More::End),
            },
            Source::Pieces(pieces) if pieces.is_empty() => return Ok(More::End),
            Source::Pieces(pieces) => pieces.remove(0),
        };
        self.append(&piece);
        Ok(More::Data)
    }

    /// Goes on in a piece, in front of which there is room for the little that is at hand.
    fn take(&mut self, piece: Chunk) {
        let at_hand = self.end - self.start;
        let Chunk { mut buffer, range } = piece;
        let Some(start) = range.start.checked_sub(at_hand) else { return self.append(&buffer[range]) };
        buffer[start..range.start].copy_from_slice(&self.buffer[self.start..self.end]);
        let used = std::mem::replace(&mut self.buffer, buffer);
        (self.start, self.end) = (start, range.end);
        if let Source::Thread(ahead) = &self.source
            && used.len() == AHEAD
        {
            let _ = ahead.used.send(used);
        }
    }

    fn append(&mut self, piece: &[u8]) {
        make_room(&mut self.buffer, &mut self.start, &mut self.end, piece.len());
        self.buffer[self.end..self.end + piece.len()].copy_from_slice(piece);
        self.end += piece.len();
    }
}

/// More room than this is a long record's: it grows slowly, and is given back.
pub(super) const LONG: usize = 4 * 1024 * 1024;

/// How long a buffer should be that needs `needed` bytes: the next power of two, so that a long record is moved a bounded
/// number of times, or a sixteenth more where that would be much.
pub(super) fn room_for(needed: usize) -> usize {
    if needed < LONG { needed.next_power_of_two() } else { needed + needed / 16 }
}

/// Makes a buffer at least `needed` bytes long.
pub(super) fn grow(buffer: &mut Vec<u8>, needed: usize) {
    let room = room_for(needed);
    buffer.reserve_exact(room - buffer.len());
    buffer.resize(room, 0);
}

/// Makes room for `count` bytes after `end`: by moving what is at hand to the front when that is cheap, else by growing.
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
        grow(buffer, at_hand + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::source::thread_source;
    use crate::input::unpack::Compression;
    use std::io::Read;

    /// Gives its bytes in pieces of sizes that a seed tells.
    struct Slow {
        bytes: Vec<u8>,
        offset: usize,
        seed: u64,
    }

    fn next(seed: &mut u64, limit: usize) -> usize {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) as usize % limit
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = [10, 1_000, 100_000, 1_000_000][next(&mut self.seed, 4)];
            let count = (1 + next(&mut self.seed, most)).min(buffer.len()).min(self.bytes.len() - self.offset);
            buffer[..count].copy_from_slice(&self.bytes[self.offset..self.offset + count]);
            self.offset += count;
            Ok(count)
        }
    }

    #[test]
    fn bytes_come_in_order_however_they_are_handed_over_and_used() {
        for seed in 1..40 {
            let mut random = seed;
            let bytes: Vec<u8> = (0..2_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let source = thread_source(Slow { bytes: bytes.clone(), offset: 0, seed }, Some(Compression::None));
            let mut window = Window::new(source);
            let mut seen = Vec::new();
            loop {
                // What is left may be more than the room that a piece has in front of it.
                let leaves = [0, 100, 100_000, 700_000][next(&mut random, 4)];
                let count = window.bytes().len().saturating_sub(leaves);
                seen.extend_from_slice(&window.bytes()[..count]);
                window.consume(count);
                assert_eq!(window.offset(), seen.len() as u64);
                if matches!(window.more(), Ok(More::End)) {
                    break;
                }
            }
            seen.extend_from_slice(window.bytes());
            assert!(seen == bytes, "seed {seed}");
        }
    }
}
