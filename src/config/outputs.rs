//! Refuses to write a file that the run reads for something else than records: a header, a mapping, a secret.

use crate::cli::Arguments;
use crate::sink::same_file;
use crate::sink::wanted::{Endpoint, Wanted, flag};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// Whether two outputs are one file, or both are stdout.
fn is_one(one: &Path, other: &Path) -> bool {
    let device = |path: &Path| if path == Path::new("-") { PathBuf::from("/dev/stdout") } else { path.to_owned() };
    same_file(&device(one), &device(other))
}

/// Checks `--to`, `--results` and `--rejects`.
///
/// # Errors
/// When one of them is also read.
pub(super) fn ensure_not_read(args: &Arguments, wanted: &Wanted) -> Result<()> {
    let read = [
        ("headers_file", args.input.csv.headers_file.as_deref()),
        ("mapping", args.run.mapping.as_deref()),
        ("password_file", args.server.password_file.as_deref()),
        ("api_key_file", args.server.api_key_file.as_deref()),
        ("bearer_file", args.server.bearer_file.as_deref()),
        ("cacert", args.server.cacert.as_deref()),
        ("cert", args.server.cert.as_deref()),
        ("client_key", args.server.client_key.as_deref()),
    ];
    let targets = wanted.endpoints.iter().filter_map(|endpoint| match endpoint {
        Endpoint::Path(_, path) => Some(("--to", path.as_path())),
        Endpoint::Server(_) => None,
    });
    let results = wanted.results.as_deref().map(|path| ("--results", path));
    let rejects = wanted.rejects.as_deref().map(|path| ("--rejects", path));
    let journal = args.run.journal.as_deref().map(|path| ("--journal", path));
    let written: Vec<(&str, &Path)> = targets.chain(results).chain(rejects).chain(journal).collect();
    if let Some((_, path)) = rejects
        && let Some((other, _)) = written.iter().find(|(flag, other)| *flag != "--rejects" && is_one(other, path))
    {
        bail!("{other} and --rejects are the same file: {}", path.display());
    }
    for (id, path) in read.iter().filter_map(|(id, path)| Some((*id, (*path)?))) {
        if let Some((output, path)) = written.iter().find(|(_, output)| same_file(output, path)) {
            bail!("{} and {output} are the same file: {}", flag(id), path.display());
        }
    }
    Ok(())
}
