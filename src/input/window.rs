//! The bytes of one input that were read but not consumed yet, as one slice.
//! It grows only for a record that does not fit. The readers limit that with `--max-record-bytes`.

use super::source::{BUFFER_SIZE, Chunk, Source, read_some};
use super::{NoRecord, ReadError};
use crate::record::Origin;
use std::io;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// Bytes requested by one read: large enough for few system calls, small enough for the cache.
const READ_SIZE: usize = 128 * 1024;

/// How long a read of a pipe waits before it returns control, so that an idle pipe delays neither `--flush-interval` nor
/// the response to a signal.
const READ_WAIT: Duration = Duration::from_millis(50);

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    Data,
    /// No data yet.
    Idle,
    /// There may be more, but the last pause was long ago: the caller should do its periodic work first.
    Later,
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
    /// Whether a long record was freed since the last read: the next call returns `Later`, so that the record is settled
    /// before another one takes memory.
    has_shrunk: bool,
    /// When control was last returned for periodic work.
    last_pause: Instant,
    /// Whether the last call returned `Later`. The next one reads, however late it is: a reader that scans a long record
    /// again each time would otherwise never get any further.
    has_paused: bool,
    /// Whether the raw text of records is wanted.
    pub(super) keeps_raw: bool,
}

impl Window {
    pub fn new(source: Source) -> Window {
        Window {
            source,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            has_shrunk: false,
            last_pause: Instant::now(),
            has_paused: false,
            keeps_raw: false,
        }
    }

    /// The available bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset of the first available byte in the decompressed input.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the end of the source was reached.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Discards the first `count` bytes.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
        debug_assert!(self.start <= self.end);
        if count >= LONG {
            self.shrink();
        }
    }

    /// Frees the memory of a long record.
    #[cold]
    fn shrink(&mut self) {
        self.buffer = self.bytes().to_vec();
        (self.start, self.end) = (0, self.buffer.len());
        self.has_shrunk = true;
    }

    /// Reads more bytes. Ranges of `bytes()` stay valid.
    ///
    /// # Errors
    /// Those of the source: an unreadable file, damaged compression.
    pub fn more(&mut self) -> io::Result<More> {
        if self.ended {
            return Ok(More::End);
        }
        let is_due = self.last_pause.elapsed() >= READ_WAIT && !matches!(self.source, Source::Pieces(_));
        let may_pause = !std::mem::take(&mut self.has_paused);
        if std::mem::take(&mut self.has_shrunk) || may_pause && is_due {
            self.last_pause = Instant::now();
            self.has_paused = true;
            return Ok(More::Later);
        }
        let more = self.read()?;
        self.ended = more == More::End;
        if more == More::Idle {
            self.last_pause = Instant::now();
        }
        Ok(more)
    }

    /// Reads more of a record that starts at `origin`. False at the end of the input.
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
                make_room(&mut self.buffer, &mut self.start, &mut self.end, READ_SIZE);
                let count = read_some(file, &mut self.buffer[self.end..])?;
                self.end += count;
                return Ok(if count == 0 { More::End } else { More::Data });
            }
            Source::Thread(ahead) => match ahead.chunks.recv_timeout(READ_WAIT) {
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

    /// Continues in the next chunk. The available bytes are copied into the free space before it, if they fit.
    fn take(&mut self, piece: Chunk) {
        let available = self.end - self.start;
        let Chunk { mut buffer, range } = piece;
        let Some(start) = range.start.checked_sub(available) else { return self.append(&buffer[range]) };
        buffer[start..range.start].copy_from_slice(&self.buffer[self.start..self.end]);
        let used = std::mem::replace(&mut self.buffer, buffer);
        (self.start, self.end) = (start, range.end);
        if let Source::Thread(ahead) = &self.source
            && used.len() == BUFFER_SIZE
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

/// A buffer larger than this holds a long record: it grows slowly, and is freed afterwards.
pub(super) const LONG: usize = 4 * 1024 * 1024;

/// The capacity of a buffer that needs `needed` bytes: the next power of two, so that it is moved a few times only, or a
/// sixteenth more for a long record.
pub(super) fn capacity_for(needed: usize) -> usize {
    if needed < LONG { needed.next_power_of_two() } else { needed + needed / 16 }
}

/// Makes a buffer at least `needed` bytes long.
pub(super) fn grow(buffer: &mut Vec<u8>, needed: usize) {
    let room = capacity_for(needed);
    buffer.reserve_exact(room - buffer.len());
    buffer.resize(room, 0);
}

/// Makes room for `count` bytes after `end`: moves the available bytes to the front, and grows the buffer if needed.
fn make_room(buffer: &mut Vec<u8>, start: &mut usize, end: &mut usize, count: usize) {
    let available = *end - *start;
    if available == 0 {
        (*start, *end) = (0, 0);
    }
    if buffer.len() - *end >= count {
        return;
    }
    buffer.copy_within(*start..*end, 0);
    (*start, *end) = (0, available);
    if buffer.len() < available + count {
        grow(buffer, available + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::source::{Coding, thread_source};
    use std::io::Read;

    /// Returns its bytes in pieces of pseudorandom sizes.
    struct SlowReader {
        bytes: Vec<u8>,
        offset: usize,
        seed: u64,
    }

    fn next(seed: &mut u64, limit: usize) -> usize {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) as usize % limit
    }

    impl Read for SlowReader {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let max = [10, 1_000, 100_000, 1_000_000][next(&mut self.seed, 4)];
            let count = (1 + next(&mut self.seed, max)).min(buffer.len()).min(self.bytes.len() - self.offset);
            buffer[..count].copy_from_slice(&self.bytes[self.offset..self.offset + count]);
            self.offset += count;
            Ok(count)
        }
    }

    #[test]
    fn after_a_pause_the_next_call_reads_however_late_it_is() {
        let source = thread_source(std::io::Cursor::new(vec![b'x'; 10]), Coding::default()).expect("a thread");
        let mut window = Window::new(source);
        let late = Instant::now().checked_sub(2 * READ_WAIT).expect("the clock is not at its beginning");
        window.last_pause = late;
        assert_eq!(window.more().expect("no error"), More::Later);
        window.last_pause = late;
        assert_ne!(window.more().expect("no error"), More::Later);
    }

    #[test]
    fn bytes_keep_their_order_however_they_are_read_and_consumed() {
        for seed in 1..40 {
            let mut random = seed;
            let bytes: Vec<u8> = (0..2_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let source = thread_source(SlowReader { bytes: bytes.clone(), offset: 0, seed }, Coding::default())
                .expect("a thread");
            let mut window = Window::new(source);
            let mut seen = Vec::new();
            loop {
                // What is left may not fit into the free space before a chunk.
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
