//! The file `checkpoint`: how far log, queues and index are known to be on the disk. A recovery after a crash starts
//! from there.
//!
//! While we have the store open, a checksum of Apache's six numbers stands behind them, in the same sector; Apache's broker neither
//! reads nor writes there. It counts after a crash of ours. A clean stop takes it away and leaves the file as Apache's is.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Allocation, Disk, DiskFile};
use crate::error::StoreError;
use crate::offset::PhysicalOffset;

/// Length of the file; the rest behind the six numbers is zero.
const FILE_BYTES: u64 = 4096;
const NUMBERS: usize = 6;
const NUMBERS_BYTES: usize = NUMBERS * 8;
/// What is written at once: a sector, which a power cut leaves old or new.
const SECTOR_BYTES: usize = 512;
/// Where the checksum lies: a mark, then the CRC-32 of the numbers.
const SEAL_AT: usize = SECTOR_BYTES - 8;
const SEAL: [u8; 4] = *b"BLDE";

/// The six numbers, in the order of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// When the last record was stored that is on the disk.
    pub(crate) log_ms: i64,
    /// When the last record was stored whose queue unit is on the disk.
    pub(crate) queue_ms: i64,
    /// When the last record was stored whose keys are on the disk.
    pub(crate) index_ms: i64,
    /// For replication; kept as it is.
    pub(crate) master_flushed: i64,
    /// The log's end.
    pub(crate) confirmed_physical: i64,
    /// Where the last record starts whose queue unit is on the disk.
    pub(crate) queue_physical: i64,
}

/// The file.
pub(crate) struct CheckpointFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    saved: Mutex<Checkpoint>,
}

impl CheckpointFile {
    /// Opens the file, creating one of zeros if there is none. `ours` tells that no other broker has written it since we did;
    /// if it is damaged then, it counts as zeros too, and recovery looks at everything.
    pub(crate) fn open(disk: &dyn Disk, path: PathBuf, ours: bool) -> Result<Self, StoreError> {
        let existing = match disk.open(&path) {
            Ok(file) if file.bytes() >= FILE_BYTES => Some(file),
            // Cut short: what it said is lost, so recovery looks at everything.
            Ok(_) => {
                disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        };
        let file = match existing {
            Some(file) => file,
            None => disk.create(&path, FILE_BYTES, Allocation::Sparse).map_err(StoreError::io("create", &path))?,
        };
        let mut sector = [0; SECTOR_BYTES];
        file.read_at(0, &mut sector).map_err(StoreError::io("read", &path))?;
        let mut saved = Checkpoint::decode(&sector);
        if ours && is_damaged(&sector) {
            tracing::error!("{} is damaged: queues and index are made anew from the log", path.display());
            saved = Checkpoint::default();
        }
        Ok(Self { file, path, saved: Mutex::new(saved) })
    }

    /// What was saved last.
    pub(crate) fn get(&self) -> Checkpoint {
        *self.saved.lock()
    }

    /// Changes the numbers and brings them to the disk.
    pub(crate) fn save(&self, change: impl FnOnce(&mut Checkpoint)) -> Result<(), StoreError> {
        let mut saved = self.saved.lock();
        change(&mut saved);
        self.write(&saved.sealed())
    }

    /// Leaves the numbers without the checksum. Nothing is saved after this.
    pub(crate) fn unseal(&self) -> Result<(), StoreError> {
        self.write(&self.saved.lock().encode())
    }

    fn write(&self, sector: &[u8; SECTOR_BYTES]) -> Result<(), StoreError> {
        let written = self.file.write_at(0, sector).and_then(|()| self.file.sync());
        written.map_err(StoreError::io("write", &self.path))
    }
}

impl Checkpoint {
    /// The last record whose queue unit and keys are on the disk, -1 without any; `None`: Apache 4.x names times only.
    pub(crate) fn dispatched(&self) -> Option<PhysicalOffset> {
        match self {
            Self { queue_ms: 0, .. } => Some(PhysicalOffset(-1)),
            Self { queue_physical: 0, confirmed_physical: 0, .. } => None,
            _ => Some(PhysicalOffset(self.queue_physical)),
        }
    }

    fn decode(bytes: &[u8; SECTOR_BYTES]) -> Self {
        let number = |index: usize| i64::from_be_bytes(std::array::from_fn(|byte| bytes[index * 8 + byte]));
        Self {
            log_ms: number(0),
            queue_ms: number(1),
            index_ms: number(2),
            master_flushed: number(3),
            confirmed_physical: number(4),
            queue_physical: number(5),
        }
    }

    fn encode(&self) -> [u8; SECTOR_BYTES] {
        let mut bytes = [0; SECTOR_BYTES];
        let numbers = [
            self.log_ms,
            self.queue_ms,
            self.index_ms,
            self.master_flushed,
            self.confirmed_physical,
            self.queue_physical,
        ];
        for (chunk, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
            *chunk = number.to_be_bytes();
        }
        bytes
    }

    fn sealed(&self) -> [u8; SECTOR_BYTES] {
        let mut bytes = self.encode();
        let seal = seal(&bytes);
        bytes[SEAL_AT..].copy_from_slice(&seal);
        bytes
    }
}

/// The mark and the checksum of the numbers in front.
fn seal(sector: &[u8; SECTOR_BYTES]) -> [u8; 8] {
    let mut seal = [0; 8];
    seal[..4].copy_from_slice(&SEAL);
    seal[4..].copy_from_slice(&crc32fast::hash(&sector[..NUMBERS_BYTES]).to_be_bytes());
    seal
}

/// Whether there is a checksum that the numbers do not have.
fn is_damaged(sector: &[u8; SECTOR_BYTES]) -> bool {
    sector[SEAL_AT..SEAL_AT + 4] == SEAL && sector[SEAL_AT..] != seal(sector)
}
