//! Offsets: how far groups have consumed, and where queues begin and end. The rules are in [`table`]; this module shares the table
//! between threads and keeps `config/consumerOffset.json`.

pub(crate) mod requests;
pub(crate) mod reset;
pub(crate) mod survey;
pub mod table;

use std::collections::BTreeMap;

use bolide_remoting::body::DataVersion;
use bolide_store::Clock;
use bolide_store::light::{self, LIGHT_QUEUE};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use serde::{Deserialize, Serialize};

use crate::config_file::{ConfigFile, ConfigFileError};
use crate::offset::table::{OffsetTable, QueueOffsets};

/// `config/consumerOffset.json` or `config/lmqConsumerOffset.json`. `groupTopicMap` and `pullOffsetTable` are Apache's, who reads neither back.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OffsetFile {
    data_version: DataVersion,
    group_topic_map: BTreeMap<String, Vec<String>>,
    offset_table: BTreeMap<String, QueueOffsets>,
    /// The offsets of groups of light queues, which have one each.
    #[serde(skip_serializing_if = "Option::is_none")]
    lmq_offset_table: Option<BTreeMap<String, i64>>,
    pull_offset_table: BTreeMap<String, QueueOffsets>,
}

/// What the file has: the table's count of changes, and the file's version.
struct Saved {
    changes: u64,
    version: DataVersion,
}

/// The offsets of a broker's groups, shared between its threads.
pub struct Offsets {
    table: RwLock<OffsetTable>,
    file: ConfigFile,
    /// The lock also keeps two threads from writing at once.
    saved: Mutex<Saved>,
    /// When the file that was found was written, in milliseconds since 1970; 0 without one.
    kept_ms: i64,
    /// Whether there are groups of light queues (`enableLmq`).
    light_groups: bool,
}

impl OffsetFile {
    /// Takes the offsets of groups of light queues out of the ordinary ones. A group that has consumed more than light queues
    /// keeps those offsets where they are.
    fn split(&mut self) {
        let mut light = BTreeMap::new();
        self.offset_table.retain(|key, offsets| {
            if key.split_once('@').is_some_and(|(_, group)| light::is_light(group))
                && let Some(offset) = offsets.remove(&LIGHT_QUEUE.0)
            {
                light.insert(key.clone(), offset);
            }
            !offsets.is_empty()
        });
        self.lmq_offset_table = Some(light);
    }

    /// All offsets by `topic@group`.
    fn joined(self) -> BTreeMap<String, QueueOffsets> {
        let mut all = self.offset_table;
        for (key, offset) in self.lmq_offset_table.unwrap_or_default() {
            all.entry(key).or_default().insert(LIGHT_QUEUE.0, offset);
        }
        all
    }
}

impl Offsets {
    /// Takes over the offsets that the file kept: `lmqConsumerOffset.json` where there are light queues, else
    /// `consumerOffset.json`. Where that is missing, the other one is read, so that nobody begins anew when the setting changes.
    pub fn load(
        light_groups: bool,
        file: impl Fn(&'static str) -> ConfigFile,
        clock: &dyn Clock,
    ) -> Result<Self, ConfigFileError> {
        const FILES: [&str; 2] = ["consumerOffset.json", "lmqConsumerOffset.json"];
        let (file, other) = (file(FILES[usize::from(light_groups)]), file(FILES[usize::from(!light_groups)]));
        let own: Option<OffsetFile> = file.load()?;
        let is_own = own.is_some();
        let kept = if is_own { own } else { other.load()? };
        let mut table = OffsetTable::default();
        let fresh = DataVersion::new(clock.now_ms());
        let version = kept.as_ref().map_or(fresh, |kept| kept.data_version);
        let kept_ms = kept.as_ref().map_or(0, |kept| kept.data_version.timestamp);
        let is_others = kept.is_some() && !is_own;
        table.restore(kept.map_or_else(BTreeMap::new, OffsetFile::joined));
        // What came from the other file is in no file of this setting yet.
        let saved = Saved { changes: if is_others { u64::MAX } else { table.changes() }, version };
        Ok(Offsets { table: RwLock::new(table), file, saved: Mutex::new(saved), kept_ms, light_groups })
    }

    /// When the offsets that were taken over at the start had been saved, in milliseconds since 1970; 0 where there were none.
    pub fn kept_ms(&self) -> i64 {
        self.kept_ms
    }

    /// Looks at the offsets.
    pub fn read(&self) -> RwLockReadGuard<'_, OffsetTable> {
        self.table.read()
    }

    /// Changes offsets.
    pub fn write(&self) -> RwLockWriteGuard<'_, OffsetTable> {
        self.table.write()
    }

    /// Brings the file up to date. Waits for the disk. `before` is called between looking at the offsets and writing them: whatever
    /// the offsets rely on must be on the disk when it returns.
    pub fn save(&self, now_ms: i64, before: impl FnOnce()) -> Result<(), ConfigFileError> {
        let mut saved = self.saved.lock();
        let mut content = {
            let table = self.table.read();
            if table.changes() == saved.changes {
                return Ok(());
            }
            saved.changes = table.changes();
            saved.version = saved.version.next(now_ms);
            OffsetFile {
                data_version: saved.version,
                group_topic_map: BTreeMap::new(),
                offset_table: table.committed(),
                pull_offset_table: table.pulled_offsets(),
                lmq_offset_table: None,
            }
        };
        if self.light_groups {
            content.split();
        }
        before();
        let result = self.file.save(&content);
        if result.is_err() {
            // Whatever comes next must try again.
            saved.changes = u64::MAX;
        }
        result
    }
}

#[cfg(test)]
mod tests;
