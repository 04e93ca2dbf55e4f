//! Opens every input, checks its first bytes and builds its reader.
//! All inputs are checked before anything is sent, so that a wrong name or format has no effect. A regular file is read
//! as it was opened, even if its name then refers to another file. With very many files, some are closed and reopened
//! later; they must then be the same files.

use super::csv::{Csv, CsvOptions, Dialect};
use super::jsonl::{Jsonl, LineReader};
use super::reject_line;
use super::rejects::{Rejects, Selected, max_line};
use super::source::{Coding, Counted, Source, file_source, is_no_thread, thread_source};
use super::unpack::Compression;
use super::window::{More, Window};
use super::{Format, ReadError, Reader, encoding, exports, guess};
use super::{arrays::Arrays, bulk_array::BulkInput, json_stream::JsonStream};
use crate::error::{self, Exit};
use crate::record::Origin;
use crate::values::{self, Auto, auto_or};
use anyhow::{Context as _, Error, Result, anyhow, bail};
use clap::Args;
use encoding_rs::Encoding;
use rustix::fs::OFlags;
use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Options of the inputs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Format")]
pub struct InputOptions {
    /// auto, jsonl, json, csv, tsv, arrays or bulk
    ///
    /// auto: names ending in .csv, .tsv, .jsonl or .ndjson (also before .gz and the like; the last two unless the text
    /// begins with [), else what the first line shows: [ is json, { is jsonl, or json if the object goes on over several
    /// lines. arrays (a first line with attribute names, then one
    /// array a line) and bulk (Elasticsearch action lines) must be asked for by name. documents and ndjson are other
    /// words for jsonl, list for json.
    #[arg(short = 't', long = "type", value_name = "TYPE", default_value = "auto", value_parser = auto_or::<Format>())]
    pub format: Auto<Format>,
    /// The records are the elements of this array in each JSON value
    ///
    /// A field, or a dotted path: --records hits.hits. For json and jsonl. A value without the array is one error.
    #[arg(long, value_name = "PATH", value_parser = values::path)]
    pub records: Option<String>,
    /// The document is this field of a record
    ///
    /// A field of exactly this name, otherwise a dotted path. --key and --routing-field still look at the record, as in
    /// --doc _source --key _id. Without --key, _key and _id are looked for in the record, then in the document. A record
    /// without the field, or where it is not an object, is an error.
    #[arg(long, value_name = "FIELD", value_parser = values::field)]
    pub doc: Option<String>,
    /// auto, none, gzip, zstd, bzip2 or xz
    ///
    /// auto tells it by the first bytes, on stdin too.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = auto_or::<Compression>())]
    pub compression: Auto<Compression>,
    /// Encoding of the text, such as windows-1252 (otherwise UTF-8)
    ///
    /// A label of the WHATWG's list: latin1, shift_jis, gb18030, utf-16le and more. UTF-16 with a byte order mark needs no
    /// flag. A record with bytes that the encoding does not have is an error.
    #[arg(long, value_name = "LABEL", value_parser = encoding::label)]
    pub encoding: Option<&'static Encoding>,
    /// Pass over the first N text lines of each file
    #[arg(long, value_name = "N", default_value = "0", value_parser = values::count)]
    pub skip_lines: u64,
    /// Stop after N records of the whole run
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub limit: Option<u64>,
    /// Fewer records than N, good or bad, are an error (exit 5)
    ///
    /// What was read stays stored, except with --complete.
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub min_records: Option<u64>,
    /// Longest record; a longer one is an error
    ///
    /// At most 1GiB. Sizes are bytes, or have a unit: k, M, G and KiB, MiB, GiB count in 1024s, kB, MB, GB in 1000s.
    #[arg(long, value_name = "SIZE", default_value = "100MiB", value_parser = values::bytes)]
    pub max_record_bytes: usize,
    /// Whether records keep the raw text that they were read from.
    #[arg(skip)]
    pub keeps_raw: bool,
    #[command(flatten)]
    pub(crate) csv: CsvOptions,
}

impl InputOptions {
    fn coding(&self) -> Coding {
        Coding { compression: self.compression, encoding: self.encoding }
    }
}

/// One input that was checked.
#[derive(Debug)]
pub struct Input {
    pub name: String,
    pub format: Format,
    /// Its index among the inputs of the run.
    pub number: u32,
    /// Its collection, as an index among those of the run.
    pub collection: usize,
    /// Which records of a file of rejects are read.
    pub selected: Selected,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    File(RegularFile),
    Reading(Window),
}

/// A regular file. It is read as it was opened, even if its name refers to another file by then.
#[derive(Debug)]
struct RegularFile {
    path: PathBuf,
    /// `None` for one of many: the number of open files is limited.
    file: Option<Arc<File>>,
    metadata: Metadata,
    coding: Coding,
}

/// `O_NONBLOCK`, which changes nothing for a regular file.
const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// Maximum number of regular files that are kept open until they are read.
const MAX_OPEN: usize = 128;

impl RegularFile {
    /// A source of its bytes, which counts them in `count`.
    fn source(self, count: &Arc<AtomicU64>) -> io::Result<Source> {
        let file = match self.file {
            Some(file) => file,
            None => {
                // Opening a pipe would wait for its other end.
                let file = File::options().read(true).custom_flags(NONBLOCK).open(&self.path)?;
                let metadata = file.metadata()?;
                let is_same = (metadata.dev(), metadata.ino()) == (self.metadata.dev(), self.metadata.ino());
                // A new file may get the number of a removed one.
                if !is_same || !metadata.is_file() {
                    return Err(io::Error::other("the file was replaced after it was opened"));
                }
                Arc::new(file)
            }
        };
        file_source(file, self.metadata.len(), self.coding, count.clone())
    }
}

/// All inputs of a run, in order.
#[derive(Debug)]
pub struct Inputs {
    pub list: Vec<Input>,
    /// Bytes read from all inputs, before decompression.
    pub bytes_read: Arc<AtomicU64>,
    /// Size of all inputs before decompression; `None` if one of them is not a regular file.
    pub size: Option<u64>,
    /// Whether one of them is compressed.
    pub compressed: bool,
}

/// Maximum bytes that are read to detect a format.
const MAX_DETECTION: usize = 1024 * 1024;

/// Opens `files` (`-` is stdin, which is also the default) and detects the format of each.
///
/// # Errors
/// For the first input that is missing or unreadable, or whose format is unknown.
pub fn open(files: &[PathBuf], options: &InputOptions) -> Result<Inputs> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin[..] } else { files };
    let mut inputs = Inputs { list: Vec::new(), bytes_read: Arc::default(), size: Some(0), compressed: false };
    for path in files {
        let input = if path.as_os_str() == "-" {
            if inputs.list.iter().any(|input| matches!(input.contents, Contents::Reading(_)) && input.name == "stdin") {
                bail!("stdin (-) can be named only once");
            }
            if io::stdin().is_terminal() {
                bail!("missing input: name a file, or pipe data to stdin");
            }
            inputs.size = None;
            from_stdin(options, &inputs).context("stdin")
        } else {
            from_path(path, options, &mut inputs).with_context(|| path.display().to_string())
        };
        let number = inputs.list.len() as u32;
        inputs.list.push(Input { number, ..input? });
    }
    Ok(inputs)
}

fn from_path(path: &Path, options: &InputOptions, inputs: &mut Inputs) -> Result<Input> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(open_error)?;
    let metadata = file.metadata().map_err(open_error)?;
    if metadata.is_dir() {
        return Err(anyhow!("is a directory").context(Exit(5)));
    }
    if !metadata.is_file() {
        inputs.size = None;
        return opened(name, Counted::new(file, inputs.bytes_read.clone()), options);
    }
    inputs.size = inputs.size.map(|size| size + metadata.len());
    let mut start = [0; 6];
    let count = file.read_at(&mut start, 0).context(Exit(5))?;
    let coding = options.coding().or_shown_by(&start[..count]);
    // Its size says little about the size of its text.
    inputs.compressed |= coding.compression != Some(Compression::None) || coding.encoding.is_some();
    let file = Arc::new(file);
    let source = file_source(file.clone(), metadata.len(), coding, Arc::default()).map_err(no_source)?;
    let mut window = Window::new(source);
    let format = detect_format(&name, &mut window, options)?;
    let file = (inputs.list.len() < MAX_OPEN).then_some(file);
    Ok(Input {
        name,
        format,
        number: 0,
        collection: 0,
        selected: Selected::default(),
        contents: Contents::File(RegularFile { path: path.to_owned(), file, metadata, coding }),
    })
}

/// The error of an input that cannot be read because there is no thread for it.
fn no_source(error: io::Error) -> Error {
    let exit = Exit(if is_no_thread(&error) { 4 } else { 5 });
    Error::from(error).context(exit)
}

fn open_error(error: io::Error) -> Error {
    error::of_file(error).context(Exit(5))
}

fn from_stdin(options: &InputOptions, inputs: &Inputs) -> Result<Input> {
    let (offset, length) = stdin_range().context(Exit(5))?;
    let counted = Counted::new(io::stdin(), inputs.bytes_read.clone()).expecting(offset, length);
    opened("stdin".to_owned(), counted, options)
}

/// The position and the length of stdin if it is a regular file, else zeros.
fn stdin_range() -> io::Result<(u64, u64)> {
    // A second handle that shares the position.
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file.stream_position()?, metadata.len())) } else { Ok((0, 0)) }
}

fn opened<R: Read + Send + 'static>(name: String, raw: Counted<R>, options: &InputOptions) -> Result<Input> {
    let mut window = Window::new(thread_source(raw, options.coding()).map_err(no_source)?);
    let format = detect_format(&name, &mut window, options)?;
    let contents = Contents::Reading(window);
    Ok(Input { name, format, number: 0, collection: 0, selected: Selected::default(), contents })
}

/// Reads the first bytes, skips a byte order mark and `--skip-lines`, and detects the format. A file of `--rejects` is
/// recognized whatever the flags are.
fn detect_format(name: &str, window: &mut Window, options: &InputOptions) -> Result<Format> {
    skip_start(window, 0).context(Exit(5))?;
    while reject_line::begins(window.bytes()).is_none() && window.more().context(Exit(5))? != More::End {}
    if reject_line::begins(window.bytes()) == Some(true) {
        return Ok(Format::Rejects);
    }
    skip_lines(window, options.skip_lines).context(Exit(5))?;
    while guess::may_be_unsupported(window.bytes()) && window.more().context(Exit(5))? != More::End {}
    guess::ensure_supported(window.bytes())?;
    if options.compression != Some(Compression::None) && window.bytes().starts_with(b"\x1f\x8b\x08") {
        return Err(anyhow!("gzip data, not text").context(Exit(5)));
    }
    encoding::ensure_supported(window.bytes())?;
    if let Some(format) = options.format.or_else(|| guess::by_name(name)) {
        return Ok(format);
    }
    let format = format_of_content(name, window)?;
    if options.records.is_none() && options.doc.is_none() {
        exports::ensure_is_document(window, format)?;
    }
    Ok(format)
}

fn format_of_content(name: &str, window: &mut Window) -> Result<Format> {
    loop {
        let bytes = window.bytes();
        let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
        let line_ended = first.is_some_and(|offset| memchr::memchr(b'\n', &bytes[offset..]).is_some());
        if line_ended || bytes.len() > MAX_DETECTION || window.more().context(Exit(5))? == More::End {
            return guess::by_content(name, window.bytes());
        }
    }
}

/// Skips a byte order mark, then `lines` lines.
fn skip_start(window: &mut Window, lines: u64) -> io::Result<()> {
    while window.bytes().len() < 4 && window.more()? != More::End {}
    if window.bytes().starts_with(b"\xef\xbb\xbf") {
        window.consume(3);
    }
    skip_lines(window, lines)
}

fn skip_lines(window: &mut Window, lines: u64) -> io::Result<()> {
    let mut cr_ends_lines = true;
    for _ in 0..lines {
        if !skip_line(window, &mut cr_ends_lines)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Skips one line. Lines end as in a CSV file: with LF or CRLF, or with a lone CR as long as no line has ended otherwise.
/// False at the end of the input.
fn skip_line(window: &mut Window, cr_ends_lines: &mut bool) -> io::Result<bool> {
    loop {
        let bytes = window.bytes();
        let found = if *cr_ends_lines { memchr::memchr2(b'\n', b'\r', bytes) } else { memchr::memchr(b'\n', bytes) };
        match found {
            Some(offset) if bytes[offset] == b'\n' => {
                *cr_ends_lines = false;
                window.consume(offset + 1);
                return Ok(true);
            }
            // The next byte shows whether a CR belongs to a CRLF.
            Some(offset) if offset + 1 < bytes.len() || window.ended() => {
                let both = bytes.get(offset + 1) == Some(&b'\n');
                *cr_ends_lines = !both;
                window.consume(offset + 1 + usize::from(both));
                return Ok(true);
            }
            found => window.consume(found.unwrap_or(bytes.len())),
        }
        if window.more()? == More::End && window.bytes().is_empty() {
            return Ok(false);
        }
    }
}

impl Input {
    /// Builds the reader of this input.
    ///
    /// # Errors
    /// If the file can no longer be read, or its header is invalid.
    pub fn reader(self, options: &InputOptions, bytes_read: &Arc<AtomicU64>) -> Result<Box<dyn Reader>, ReadError> {
        let file = self.number;
        let read_error = |error| ReadError::io(Origin { file, line: 1, ..Origin::default() }, error);
        let is_rejects = self.format == Format::Rejects;
        let skipped = if is_rejects { 0 } else { options.skip_lines };
        let mut window = match self.contents {
            Contents::Reading(window) => window,
            Contents::File(file) => {
                let mut window = Window::new(file.source(bytes_read).map_err(read_error)?);
                skip_start(&mut window, skipped).map_err(read_error)?;
                window
            }
        };
        window.keeps_raw = options.keeps_raw;
        let max = options.max_record_bytes;
        let origin = Origin { file, line: skipped + 1, ..Origin::default() };
        let lines = |window| LineReader::new(window, file, skipped, max);
        let rows = |window, dialect| Csv::new(window, file, skipped, max, &options.csv, dialect);
        if let (Format::Json | Format::Jsonl, Some(path)) = (self.format, &options.records) {
            let stream = JsonStream::new(window, origin, max);
            return Ok(Box::new(stream.inside(path, self.format == Format::Jsonl)));
        }
        Ok(match self.format {
            Format::Jsonl => Box::new(Jsonl::new(lines(window))),
            Format::Json => Box::new(JsonStream::new(window, origin, max)),
            Format::Csv => Box::new(rows(window, Dialect::csv(&options.csv))),
            Format::Tsv => Box::new(rows(window, Dialect::tsv(&options.csv))),
            Format::Arrays => Box::new(Arrays::new(lines(window), &options.csv)),
            Format::Bulk => Box::new(BulkInput::new(window, origin, max)),
            Format::Rejects => {
                let lines = LineReader::new(window, file, 0, max_line(max));
                Box::new(Rejects::new(lines, max, &options.csv, self.selected))
            }
        })
    }
}
