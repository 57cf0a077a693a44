//! How far each level's queue has been delivered, and `config/delayOffset.json`, which keeps that over restarts.

use std::collections::BTreeMap;

use bolide_remoting::body::DataVersion;
use bolide_store::{Clock, QueueOffset, QueueRead, ReadStatus};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::config_file::{ConfigFile, ConfigFileError};
use crate::delay::levels::DelayLevels;

/// `config/delayOffset.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DelayOffsetFile {
    data_version: DataVersion,
    offset_table: BTreeMap<i32, i64>,
}

/// The levels and how far each has been delivered.
pub struct DelayProgress {
    levels: DelayLevels,
    state: Mutex<State>,
    file: ConfigFile,
    arrived: Notify,
    /// Held while messages are delivered: one thread at a time moves the progress.
    turn: Mutex<()>,
}

struct State {
    content: DelayOffsetFile,
    /// Whether the file lacks something.
    is_dirty: bool,
}

impl DelayProgress {
    /// Takes over the progress that the file kept.
    pub fn load(levels: DelayLevels, file: ConfigFile, clock: &dyn Clock) -> Result<Self, ConfigFileError> {
        let fresh = || DelayOffsetFile { data_version: DataVersion::new(clock.now_ms()), ..DelayOffsetFile::default() };
        let content = file.load()?.unwrap_or_else(fresh);
        let state = Mutex::new(State { content, is_dirty: false });
        Ok(DelayProgress { levels, state, file, arrived: Notify::new(), turn: Mutex::default() })
    }

    /// The configured delays.
    pub fn levels(&self) -> &DelayLevels {
        &self.levels
    }

    /// Waits until nobody else delivers.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// The next message of a level to deliver.
    pub fn offset(&self, level: i32) -> QueueOffset {
        QueueOffset(self.state.lock().content.offset_table.get(&level).copied().unwrap_or(0))
    }

    /// Notes that a level has been delivered up to `offset`, exclusive.
    pub fn advance(&self, level: i32, offset: QueueOffset) {
        let mut state = self.state.lock();
        let before = state.content.offset_table.insert(level, offset.0);
        state.is_dirty |= before != Some(offset.0);
    }

    /// Tells the deliverer that a message has come to wait.
    pub fn note_arrival(&self) {
        self.arrived.notify_one();
    }

    /// Waits for the next [`DelayProgress::note_arrival`].
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Brings the file up to date. Waits for the disk. `before` is called between looking at the progress and writing it: what was
    /// delivered must be on the disk when it returns, or a power cut would lose it.
    pub fn save(&self, now_ms: i64, before: impl FnOnce()) -> Result<(), ConfigFileError> {
        let content = {
            let mut state = self.state.lock();
            if !state.is_dirty {
                return Ok(());
            }
            state.is_dirty = false;
            state.content.data_version = state.content.data_version.next(now_ms);
            state.content.clone()
        };
        before();
        let saved = self.file.save(&content);
        if saved.is_err() {
            self.state.lock().is_dirty = true;
        }
        saved
    }
}

/// Where to go on when there is nothing at `offset`: `None`: wait for a message.
pub(super) fn correct(read: &QueueRead, offset: QueueOffset) -> Option<QueueOffset> {
    let target = match read.status {
        ReadStatus::TooSmall => read.min_offset,
        ReadStatus::OverflowBadly => read.max_offset,
        ReadStatus::Removed => read.next_offset,
        _ => return None,
    };
    (target != offset).then_some(target)
}
