//! The broker's small JSON files under `config/`: topics, groups, offsets. Each is replaced as a whole, keeping the version before
//! as `.bak`, in the content and the syntax of Apache's, so that either server reads what the other wrote.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bolide_remoting::body;
use bolide_store::Disk;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a file could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The disk failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the file nor its predecessor holds what it should.
    #[error("{} is damaged, and so is its .bak: {reason}; repair the file, or remove both to begin without them", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader stumbled over.
        reason: String,
    },
}

fn folder(root: &Path) -> PathBuf {
    root.join("config")
}

/// One file under `config/`.
#[derive(Clone)]
pub struct ConfigFile {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// Only the owner may read it.
    private: bool,
}

impl ConfigFile {
    /// The file `name` in the `config` folder under the store's root. [`ConfigFile::create_folder`] makes the folder.
    pub fn new(root: &Path, name: &str, disk: Arc<dyn Disk>) -> Self {
        ConfigFile { path: folder(root).join(name), disk, private: false }
    }

    /// The same for a file with secrets, which only its owner may read.
    pub fn private(root: &Path, name: &str, disk: Arc<dyn Disk>) -> Self {
        ConfigFile { private: true, ..Self::new(root, name, disk) }
    }

    /// Makes sure that there is a folder for the files.
    pub fn create_folder(root: &Path, disk: &dyn Disk) -> Result<(), ConfigFileError> {
        let path = folder(root);
        disk.create_dir_durably(&path).map_err(|source| ConfigFileError::Io { action: "create", path, source })
    }

    /// Reads the file, or its predecessor where the file is damaged or missing; `None` where there is neither.
    pub fn load<T: DeserializeOwned>(&self) -> Result<Option<T>, ConfigFileError> {
        let mut damage = None;
        for path in [self.path.clone(), self.backup()] {
            let Some(text) = self.read(&path)? else {
                continue;
            };
            match body::decode(&text) {
                Ok(value) => {
                    if path != self.path {
                        let reason = damage.as_deref().unwrap_or("missing");
                        tracing::warn!(file = %self.path.display(), %reason, "the version before is used");
                        // Or the next save would put the damaged one in the place of the sound one.
                        self.replace(&text, false)?;
                    }
                    return Ok(Some(value));
                }
                Err(error) => damage = Some(format!("{}: {error}", path.display())),
            }
        }
        damage.map_or(Ok(None), |reason| Err(ConfigFileError::Damaged { path: self.path.clone(), reason }))
    }

    /// Replaces the file.
    pub fn save(&self, value: &impl Serialize) -> Result<(), ConfigFileError> {
        self.replace(&body::encode(value), true)
    }

    fn replace(&self, text: &[u8], keep_backup: bool) -> Result<(), ConfigFileError> {
        let replaced = match self.private {
            true => self.disk.replace_private(&self.path, text, keep_backup),
            false => self.disk.replace(&self.path, text, keep_backup),
        };
        replaced.map_err(|source| ConfigFileError::Io { action: "replace", path: self.path.clone(), source })
    }

    fn backup(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".bak");
        name.into()
    }

    /// An empty file counts as missing: an older broker left one when it was killed at the wrong moment.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, ConfigFileError> {
        match self.disk.read(path) {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigFileError::Io { action: "read", path: path.to_owned(), source }),
        }
    }
}

#[cfg(test)]
mod tests;
