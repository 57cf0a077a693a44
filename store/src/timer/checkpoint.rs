//! `config/timercheck`: how far wheel, log and queue have got. 4096 bytes of which seven numbers are used, big-endian.

use std::io;
use std::path::{Path, PathBuf};

use super::record::{i64_at, put};
use crate::disk::{Allocation, Disk};
use crate::error::StoreError;

/// Length of the file: Apache maps a page of it.
const FILE_BYTES: u64 = 4096;
const NUMBERS: usize = 7;

/// The numbers, in the order of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerCheckpoint {
    /// The first slot that is not done, by its start.
    pub read_ms: i64,
    /// Up to where the log is on the disk.
    pub log_flushed: i64,
    /// The next message of the timers' queue to be entered into the log.
    pub queue_offset: i64,
    /// The same on the master: Apache's broker enters again what its log has beyond it. A master of Apache's writes its own here.
    pub master_queue_offset: i64,
    /// Apache's data version: the state machine's version.
    pub state_version: i64,
    /// When anything changed last.
    pub changed_ms: i64,
    /// How often anything changed.
    pub changes: i64,
}

impl TimerCheckpoint {
    fn decode(bytes: &[u8]) -> Self {
        let number = |index: usize| i64_at(bytes, index * 8).unwrap_or(0);
        Self {
            read_ms: number(0),
            log_flushed: number(1),
            queue_offset: number(2),
            master_queue_offset: number(3),
            state_version: number(4),
            changed_ms: number(5),
            changes: number(6),
        }
    }

    fn encode(&self) -> [u8; NUMBERS * 8] {
        let mut bytes = [0; NUMBERS * 8];
        let mut rest = &mut bytes[..];
        for number in [
            self.read_ms,
            self.log_flushed,
            self.queue_offset,
            self.master_queue_offset,
            self.state_version,
            self.changed_ms,
            self.changes,
        ] {
            put(&mut rest, number.to_be_bytes());
        }
        bytes
    }
}

/// The file.
pub(super) struct CheckpointFile {
    path: PathBuf,
    pub(super) saved: TimerCheckpoint,
}

impl CheckpointFile {
    /// Reads the file; without one all numbers are 0.
    pub(super) fn open(disk: &dyn Disk, root: &Path) -> Result<Self, StoreError> {
        let path = root.join("config").join("timercheck");
        let saved = match disk.read(&path) {
            Ok(bytes) => TimerCheckpoint::decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => TimerCheckpoint::default(),
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        Ok(Self { path, saved })
    }

    /// Brings the numbers to the disk, in place as Apache does: fewer bytes than a sector are written whole or not at all.
    pub(super) fn save(&mut self, disk: &dyn Disk, checkpoint: TimerCheckpoint) -> Result<(), StoreError> {
        let file = match disk.open(&self.path) {
            Ok(file) if file.bytes() >= (NUMBERS * 8) as u64 => file,
            Ok(_) => {
                disk.remove_file(&self.path).map_err(StoreError::io("remove", &self.path))?;
                self.create(disk)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.create(disk)?,
            Err(error) => return Err(StoreError::io("open", &self.path)(error)),
        };
        let written = file.write_at(0, &checkpoint.encode()).and_then(|()| file.sync());
        written.map_err(StoreError::io("write", &self.path))?;
        self.saved = checkpoint;
        Ok(())
    }

    fn create(&self, disk: &dyn Disk) -> Result<std::sync::Arc<dyn crate::disk::DiskFile>, StoreError> {
        if let Some(folder) = self.path.parent() {
            disk.create_dir_durably(folder).map_err(StoreError::io("create", folder))?;
        }
        let file =
            disk.create(&self.path, FILE_BYTES, Allocation::Sparse).map_err(StoreError::io("create", &self.path))?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        disk.sync_dir(folder).map_err(StoreError::io("sync", folder))?;
        Ok(file)
    }
}
