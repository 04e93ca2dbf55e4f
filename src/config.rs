//! What a run does: every default filled in, every conflict found, all of it checked.

use crate::batch::Limits;
use crate::input::InputOptions;
use crate::progress::ProgressMode;
use crate::report::{MaxErrors, SummaryFormat};
use crate::shape::ShapeOptions;
use crate::sink::OnDuplicate;
use std::path::PathBuf;

/// A checked run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The store's file.
    pub store: PathBuf,
    /// `--collection`; absent only for bulk lines that all name their own.
    pub collection: Option<String>,
    /// Inputs in order; none is stdin.
    pub files: Vec<PathBuf>,
    /// How inputs are read.
    pub input: InputOptions,
    /// `--limit`, in records.
    pub limit: Option<u64>,
    /// Renames, removals, merges, edge prefixes, nesting.
    pub shape: ShapeOptions,
    /// `--key`: the member that is the key.
    pub key: Option<String>,
    /// `--delete-keys`.
    pub delete_keys: bool,
    /// `--on-duplicate`.
    pub on_duplicate: OnDuplicate,
    /// `--edge`.
    pub edge: bool,
    /// `--complete`.
    pub complete: bool,
    /// `--overwrite`.
    pub overwrite: bool,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
    /// `--create-collection`, when it was said: a store makes collections unless told not to.
    pub create_collection: Option<bool>,
    /// `--unique`.
    pub unique: Vec<String>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// Sizes of batches.
    pub limits: Limits,
    /// `--details`.
    pub details: bool,
    /// `--max-errors`.
    pub max_errors: Option<MaxErrors>,
    /// `--summary`.
    pub summary: SummaryFormat,
    /// `-q`.
    pub quiet: bool,
    /// `-v`.
    pub verbose: bool,
    /// `--progress`.
    pub progress: ProgressMode,
    /// Whether stderr may be coloured.
    pub color: bool,
}
