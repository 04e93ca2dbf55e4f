//! Detects compression by magic bytes, and decompresses.

use super::reject_line;
use clap::ValueEnum;
use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, BufReader, Read};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    None,
    /// RFC 1952, one or more members.
    #[value(alias = "gz")]
    Gzip,
    /// RFC 8878, one or more frames.
    #[value(alias = "zst")]
    Zstd,
    /// bzip2, one or more streams.
    #[value(alias = "bz2")]
    Bzip2,
    /// .xz, one or more streams.
    Xz,
}

impl Compression {
    /// Detects the compression from the first six bytes of a file.
    pub fn of(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            _ => Compression::None,
        }
    }
}

/// The most memory that an .xz file may need, in KiB: a dictionary of 128 MiB, and what the decoder needs beside it. A file
/// of a few bytes can ask for 4 GiB.
const XZ_MEMORY: u32 = (128 + 1) << 10;
/// The largest window of zstd that is supported: 128 MiB, as in the program zstd.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Replaces messages about compressed data that say too little.
pub(super) fn explained(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return io::Error::new(error.kind(), "unexpected end of compressed data");
    }
    if error.kind() == io::ErrorKind::OutOfMemory {
        let text = "the xz dictionary is larger than 128 MiB";
        return io::Error::other(format!("{text}\nhint: `xz -dc FILE | bulkimport ...` decompresses it"));
    }
    if error.to_string().contains("requires too much memory") {
        let text = "the zstd window is larger than 128 MiB";
        return io::Error::other(format!("{text}\nhint: `zstd -dc --long=31 FILE | bulkimport ...` decompresses it"));
    }
    error
}

/// Decompresses `raw`. With `None` the compression is detected from the first bytes.
pub(super) fn unpacked(
    mut raw: impl Read + Send + 'static,
    compression: Option<Compression>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut start = Vec::new();
    let compression = match compression {
        Some(Compression::None) => Compression::None,
        Some(compression) => {
            raw.by_ref().take(reject_line::MAX_BEGIN).read_to_end(&mut start)?;
            // A file of rejects may be read in place of a compressed input.
            let is_rejects = reject_line::begins(&start) == Some(true);
            if is_rejects { Compression::None } else { compression }
        }
        None => {
            raw.by_ref().take(6).read_to_end(&mut start)?;
            Compression::of(&start)
        }
    };
    let raw = io::Cursor::new(start).chain(raw);
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => Box::new(GzipMembers { member: Some(GzDecoder::new(BufReader::new(raw))) }),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(raw)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(raw)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(raw, true, XZ_MEMORY)),
    })
}

/// The members of a gzip file, one after another. Zero bytes between and after them are ignored, as gzip does: tapes and
/// downloads pad files with them.
struct GzipMembers<R> {
    /// `None` at the end.
    member: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> Read for GzipMembers<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            self.member = self.member.take().map(GzDecoder::into_inner).map(next_member).transpose()?.flatten();
        }
        Ok(0)
    }
}

/// The next member; `None` at the end.
fn next_member<R: Read>(mut raw: BufReader<R>) -> io::Result<Option<GzDecoder<BufReader<R>>>> {
    loop {
        let available = raw.fill_buf()?;
        let zeros = available.iter().take_while(|byte| **byte == 0).count();
        match available.get(zeros) {
            None if zeros == 0 => return Ok(None),
            Some(0x1f) => {
                raw.consume(zeros);
                return Ok(Some(GzDecoder::new(raw)));
            }
            Some(_) => return Err(io::Error::other("unexpected data after the end of the gzip data")),
            None => raw.consume(zeros),
        }
    }
}
