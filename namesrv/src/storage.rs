//! What the name server keeps in files: the key-value configuration, and its own configuration as operators change it.

use std::io;
use std::path::PathBuf;

use bolide_remoting::keys::{KeyError, Loaded, Update};
use bolide_remoting::properties::{self, Properties};
use parking_lot::{Mutex, RwLock};

use crate::config::{LiveConfig, NameServerConfig};
use crate::file;
use crate::kv_config::KvConfig;

/// The key-value configuration and its file.
pub(crate) struct KvStorage {
    pub(crate) table: RwLock<KvConfig>,
    path: Option<PathBuf>,
    /// Held while the file is written, so that a later state never loses against an earlier one.
    writing: Mutex<()>,
}

impl KvStorage {
    /// Reads the file. An empty path keeps everything in memory.
    ///
    /// # Errors
    /// When the file cannot be read or is not what Apache or we write. (Apache would begin with an empty table, and
    /// overwrite the file at the next change.)
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let path = (!path.is_empty()).then(|| PathBuf::from(path));
        let content = path.as_deref().map(file::read).transpose()?.flatten();
        let table = content.map(|content| KvConfig::from_json(&content)).transpose()?.unwrap_or_default();
        Ok(Self { table: RwLock::new(table), path, writing: Mutex::new(()) })
    }

    /// Writes the table as it is now. Blocks on the disk.
    pub(crate) fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let _writing = self.writing.lock();
        let content = self.table.read().to_json();
        file::replace(path, &content)
    }
}

/// The configuration in use and the operator's file.
pub(crate) struct Settings {
    pub(crate) live: LiveConfig,
    path: Option<PathBuf>,
    writing: Mutex<()>,
}

impl Settings {
    pub(crate) fn new(loaded: Loaded<NameServerConfig>) -> Self {
        let path = &loaded.values.config_store_path;
        let path = (!path.is_empty()).then(|| PathBuf::from(path));
        Self { live: LiveConfig::new(loaded), path, writing: Mutex::new(()) }
    }

    /// Puts changes in force.
    pub(crate) fn update(&self, changes: &Properties) -> Result<Update, KeyError> {
        let update = self.live.update(changes)?;
        for change in &update.changes {
            tracing::info!("{} was {:?} and is now {:?}", change.name, change.from, change.to);
        }
        update.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(update)
    }

    /// Writes changes into the operator's file and leaves the rest of it alone. Blocks on the disk.
    pub(crate) fn save(&self, changed: &Properties) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let _writing = self.writing.lock();
        // What is in force now, because of two changes the later one may be written first.
        let effective = self.live.properties();
        let changed = changed.iter().filter_map(|change| Some((change.key.as_str(), effective.get(&change.key)?)));
        let content = file::read(path)?.unwrap_or_default();
        let amended = properties::amend(&properties::decode(&content), &changed.collect());
        file::replace(path, amended.map_err(io::Error::other)?.as_bytes())
    }
}

#[cfg(test)]
mod tests;
