//! The files under `config/`: settings and progress as JSON, each with the version before as `.bak`.

use std::fs;
use std::path::PathBuf;

use super::folder::{Folder, FolderError, entries};
use super::json_check::first_error;

/// One file.
pub(super) struct Setting {
    pub(super) path: PathBuf,
    pub(super) bytes: usize,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
}

/// All JSON files, by name.
pub(super) fn settings(folder: &Folder) -> Result<Vec<Setting>, FolderError> {
    let mut settings = Vec::new();
    for (name, path) in entries(&folder.root.join("config"))? {
        if !path.is_file() || !(name.ends_with(".json") || name.ends_with(".json.bak")) {
            continue;
        }
        let text = fs::read(&path).map_err(FolderError::io(&path))?;
        // Brokers take an empty file for none.
        let error = if text.is_empty() { None } else { first_error(&text) };
        let problem = error.map(|at| format!("{}: byte {at} of {} is no JSON", path.display(), text.len()));
        settings.push(Setting { path, bytes: text.len(), problem });
    }
    Ok(settings)
}
