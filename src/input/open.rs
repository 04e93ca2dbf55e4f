//! Opens every input, looks at its first bytes and builds its reader.
//! All inputs are looked at before anything is sent, so that a wrong name or a wrong format costs nothing. A regular file
//! is read as it was opened, whatever happens to its name; of very many, those that are closed again until their turn must be
//! the same files then.

use super::csv::{Csv, CsvOptions, Dialect};
use super::jsonl::{Jsonl, Lines};
use super::source::{Counted, Source, file_source, thread_source};
use super::unpack::Compression;
use super::window::{More, Window};
use super::{Broken, Format, Reader, guess};
use super::{arrays::Arrays, bulk::Bulk, json_stream::JsonStream};
use crate::error::{self, Exit, hint};
use crate::record::Origin;
use crate::values::{self, Auto, auto_or};
use anyhow::{Context as _, Error, Result, anyhow, bail};
use clap::Args;
use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What is read.
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
    /// auto, none, gzip, zstd, bzip2 or xz
    ///
    /// auto tells it by the first bytes, on stdin too.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = auto_or::<Compression>())]
    pub compression: Auto<Compression>,
    /// Pass over the first N text lines of each file
    #[arg(long, value_name = "N", default_value = "0", value_parser = values::count)]
    pub skip_lines: u64,
    /// Stop after N records of the whole run
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub limit: Option<u64>,
    /// Longest record; a longer one is an error
    ///
    /// At most 1GiB. Sizes are bytes, or have a unit: k, M, G and KiB, MiB, GiB count in 1024s, kB, MB, GB in 1000s.
    #[arg(long, value_name = "SIZE", default_value = "100MiB", value_parser = values::bytes)]
    pub max_record_bytes: usize,
    /// Whether each record lends what it was read from.
    #[arg(skip)]
    pub keeps_raw: bool,
    #[command(flatten)]
    pub(crate) csv: CsvOptions,
}

/// One input that has been looked at.
#[derive(Debug)]
pub struct Input {
    /// Its name in messages.
    pub name: String,
    /// Its format.
    pub format: Format,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(Regular),
    Opened(Window),
}

/// A regular file, which is read as it was opened even if its name is another file's by then.
#[derive(Debug)]
struct Regular {
    path: PathBuf,
    /// `None` for one of many: a process may have only so many files open.
    file: Option<Arc<File>>,
    about: Metadata,
    compression: Compression,
}

/// How many regular files are kept open until they are read.
const KEPT_OPEN: usize = 128;

impl Regular {
    /// Its bytes, counted in `count`.
    fn source(self, count: &Arc<AtomicU64>) -> io::Result<Source> {
        let file = match self.file {
            Some(file) => file,
            None => {
                let file = File::open(&self.path)?;
                let about = file.metadata()?;
                if (about.dev(), about.ino()) != (self.about.dev(), self.about.ino()) {
                    return Err(io::Error::other("the file was replaced after it was opened"));
                }
                Arc::new(file)
            }
        };
        Ok(file_source(file, self.about.len(), self.compression, count.clone()))
    }
}

/// All inputs of a run, in order.
#[derive(Debug)]
pub struct Inputs {
    /// The inputs.
    pub list: Vec<Input>,
    /// Bytes that have been read, as stored (compressed), over all inputs.
    pub bytes_read: Arc<AtomicU64>,
    /// Size of all inputs as stored; `None` if one of them is no regular file.
    pub size: Option<u64>,
    /// Whether one of them is compressed.
    pub compressed: bool,
}

/// How much of an input is looked at to tell its format, in bytes.
const LOOK: usize = 1024 * 1024;

/// Opens `files` (`-` is stdin; none is stdin alone) and tells the format of each.
///
/// # Errors
/// For the first input that is missing, unreadable, or whose format cannot be told.
pub fn open(files: &[PathBuf], options: &InputOptions) -> Result<Inputs> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin[..] } else { files };
    let mut inputs = Inputs { list: Vec::new(), bytes_read: Arc::default(), size: Some(0), compressed: false };
    for path in files {
        let input = if path.as_os_str() == "-" {
            if inputs.list.iter().any(|input| matches!(input.place, Place::Opened(_)) && input.name == "stdin") {
                bail!("stdin (-) can be named only once");
            }
            if io::stdin().is_terminal() {
                bail!("missing input: name a file, or pipe data to stdin");
            }
            inputs.size = None;
            from_stdin(options, &inputs).context("stdin")
        } else {
            named(path, options, &mut inputs).with_context(|| path.display().to_string())
        };
        inputs.list.push(input?);
    }
    Ok(inputs)
}

/// Opens what is named by a path.
fn named(path: &Path, options: &InputOptions, inputs: &mut Inputs) -> Result<Input> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(plain)?;
    let about = file.metadata().map_err(plain)?;
    if about.is_dir() {
        return Err(anyhow!("is a directory").context(Exit(5)));
    }
    if !about.is_file() {
        inputs.size = None;
        return opened(name, Counted::new(file, inputs.bytes_read.clone()), options);
    }
    inputs.size = inputs.size.map(|size| size + about.len());
    let mut start = [0; 6];
    let count = file.read_at(&mut start, 0).context(Exit(5))?;
    let compression = options.compression.unwrap_or_else(|| Compression::of(&start[..count]));
    inputs.compressed |= compression != Compression::None;
    let file = Arc::new(file);
    let mut window = Window::new(file_source(file.clone(), about.len(), compression, Arc::default()));
    let format = look(&name, &mut window, options)?;
    let file = (inputs.list.len() < KEPT_OPEN).then_some(file);
    Ok(Input { name, format, place: Place::File(Regular { path: path.to_owned(), file, about, compression }) })
}

fn plain(error: io::Error) -> Error {
    error::of_file(error).context(Exit(5))
}

/// Opens stdin.
fn from_stdin(options: &InputOptions, inputs: &Inputs) -> Result<Input> {
    let (at, length) = stdin_range().context(Exit(5))?;
    let counted = Counted::new(io::stdin(), inputs.bytes_read.clone()).expecting(at, length);
    opened("stdin".to_owned(), counted, options)
}

/// Where the next byte of stdin lies and how long it is, if it is a regular file; else zeros.
fn stdin_range() -> io::Result<(u64, u64)> {
    // A second handle on the same place in the file.
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let about = file.metadata()?;
    if about.is_file() { Ok((file.stream_position()?, about.len())) } else { Ok((0, 0)) }
}

fn opened<R: Read + Send + 'static>(name: String, raw: Counted<R>, options: &InputOptions) -> Result<Input> {
    let mut window = Window::new(thread_source(raw, options.compression));
    let format = look(&name, &mut window, options)?;
    Ok(Input { name, format, place: Place::Opened(window) })
}

/// Reads the first bytes, gives up a byte order mark and the lines to skip, and tells the format.
fn look(name: &str, window: &mut Window, options: &InputOptions) -> Result<Format> {
    begin(window, options.skip_lines).context(Exit(5))?;
    let start = window.bytes();
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) || start.iter().take(2).any(|b| *b == 0) {
        let advice = hint("`iconv -f UTF-16 -t UTF-8` converts UTF-16");
        return Err(anyhow!("UTF-16 or binary data; only UTF-8 is supported").context(advice).context(Exit(5)));
    }
    if let Some(format) = options.format.or_else(|| guess::by_name(name)) {
        return Ok(format);
    }
    loop {
        let bytes = window.bytes();
        let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
        let line_ended = first.is_some_and(|at| memchr::memchr(b'\n', &bytes[at..]).is_some());
        if line_ended || bytes.len() > LOOK || window.more().context(Exit(5))? == More::End {
            return guess::by_content(name, window.bytes());
        }
    }
}

/// Gives up a byte order mark, then `lines` lines.
fn begin(window: &mut Window, lines: u64) -> io::Result<()> {
    while window.bytes().len() < 4 && window.more()? != More::End {}
    if window.bytes().starts_with(b"\xef\xbb\xbf") {
        window.consume(3);
    }
    let mut cr_ends_lines = true;
    for _ in 0..lines {
        if !skip_line(window, &mut cr_ends_lines)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Gives up one line, which ends as a line of a CSV file may: with LF or CRLF, or with a lone CR as long as no line has
/// ended otherwise. False at the end of the input.
fn skip_line(window: &mut Window, cr_ends_lines: &mut bool) -> io::Result<bool> {
    loop {
        let bytes = window.bytes();
        let found = if *cr_ends_lines { memchr::memchr2(b'\n', b'\r', bytes) } else { memchr::memchr(b'\n', bytes) };
        match found {
            Some(at) if bytes[at] == b'\n' => {
                *cr_ends_lines = false;
                window.consume(at + 1);
                return Ok(true);
            }
            // What follows a CR tells whether it is half of a line break.
            Some(at) if at + 1 < bytes.len() || window.ended() => {
                let both = bytes.get(at + 1) == Some(&b'\n');
                *cr_ends_lines = !both;
                window.consume(at + 1 + usize::from(both));
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
    /// Builds the reader of this input, the `file`-th of the run, from its beginning. Called once.
    ///
    /// # Errors
    /// When the file cannot be read any more, or its header cannot be read.
    pub fn reader(
        self,
        file: u32,
        options: &InputOptions,
        bytes_read: &Arc<AtomicU64>,
    ) -> Result<Box<dyn Reader>, Broken> {
        let broken = |error| Broken::io(Origin { file, line: 1, ..Origin::default() }, error);
        let skipped = options.skip_lines;
        let mut window = match self.place {
            Place::Opened(window) => window,
            Place::File(file) => {
                let mut window = Window::new(file.source(bytes_read).map_err(broken)?);
                begin(&mut window, skipped).map_err(broken)?;
                window
            }
        };
        window.keeps_raw = options.keeps_raw;
        let max = options.max_record_bytes;
        let lines = |window| Lines::new(window, file, skipped, max);
        let rows = |window, dialect| Csv::new(window, file, skipped, max, &options.csv, dialect);
        Ok(match self.format {
            Format::Jsonl => Box::new(Jsonl::new(lines(window))),
            Format::Json => Box::new(JsonStream::new(window, file, skipped + 1, max)),
            Format::Csv => Box::new(rows(window, Dialect::csv(&options.csv))),
            Format::Tsv => Box::new(rows(window, Dialect::tsv(&options.csv))),
            Format::Arrays => Box::new(Arrays::new(lines(window), &options.csv)),
            Format::Bulk => Box::new(Bulk::new(lines(window))),
        })
    }
}
