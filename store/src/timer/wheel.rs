//! `timerwheel`: a ring of slots, 32 bytes each, big-endian, over two weeks where a slot is a second.
//!
//! ```text
//! i64 the slot's number since 1970 | i64 position of its first record | i64 of its last | i32 how many | i32 unused
//! ```
//!
//! A place in the ring belongs to the slot whose number it names. The file is sparse and read and written by the slot: it
//! takes no memory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::TimerOptions;
use super::record::{i32_at, i64_at, put};
use crate::disk::{Allocation, Disk, DiskFile};
use crate::error::StoreError;

/// How many slots the ring has: twice those of a week of seconds, whatever the length of a slot.
pub const TIMER_SLOTS: i64 = 2 * 7 * 24 * 3600;
const SLOT_BYTES: usize = 32;
const FILE_BYTES: u64 = TIMER_SLOTS as u64 * SLOT_BYTES as u64;
/// Slots that are read in one go when the whole ring is looked through.
const SLOTS_AT_ONCE: usize = 2048;

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Its start, in milliseconds since 1970.
    pub(super) start_ms: i64,
    /// Position of its first record.
    pub(super) first: i64,
    /// Position of its last record.
    pub(super) last: i64,
    /// Messages less those taken back.
    pub(super) count: i32,
    pub(super) unused: i32,
}

impl Slot {
    /// The position of no record.
    pub(super) const NONE: i64 = -1;

    /// The slot with one more record.
    pub(super) fn after(before: Option<Slot>, start_ms: i64, position: i64, deletes: bool) -> Self {
        let change = if deletes { -1 } else { 1 };
        match before {
            Some(slot) => Slot { last: position, count: slot.count.saturating_add(change), ..slot },
            None => Slot { start_ms, first: position, last: position, count: change, unused: 0 },
        }
    }
}

/// The file.
pub(super) struct Wheel {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    precision_ms: i64,
}

impl Wheel {
    /// Opens the file, if there is one.
    pub(super) fn open(disk: &dyn Disk, options: &TimerOptions) -> Result<Option<Self>, StoreError> {
        let path = path(options);
        let file = match disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        };
        match file.bytes() {
            FILE_BYTES => Ok(Some(Self { file, path, precision_ms: options.precision_ms })),
            0 => {
                disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
                Ok(None)
            }
            found => {
                let what = format!(
                    "it has {found} bytes, a timer wheel has {FILE_BYTES}; move it away to have it made anew from timerlog"
                );
                Err(StoreError::io("use", &path)(io::Error::new(io::ErrorKind::InvalidData, what)))
            }
        }
    }

    /// Makes an empty one.
    pub(super) fn create(disk: &dyn Disk, options: &TimerOptions) -> Result<Self, StoreError> {
        let path = path(options);
        let file = disk.create(&path, FILE_BYTES, Allocation::Sparse).map_err(StoreError::io("create", &path))?;
        disk.sync_dir(&options.root).map_err(StoreError::io("sync", &options.root))?;
        Ok(Self { file, path, precision_ms: options.precision_ms })
    }

    /// The slot that starts at `start_ms`; `None`: its place is empty or another slot's.
    pub(super) fn slot(&self, start_ms: i64) -> Result<Option<Slot>, StoreError> {
        let mut bytes = [0; SLOT_BYTES];
        self.file.read_at(self.place(start_ms), &mut bytes).map_err(StoreError::io("read", &self.path))?;
        Ok(self.decode(&bytes).filter(|slot| slot.start_ms == start_ms))
    }

    /// Puts a slot into its place.
    pub(super) fn put(&self, slot: &Slot) -> Result<(), StoreError> {
        let mut bytes = [0; SLOT_BYTES];
        let mut rest = &mut bytes[..];
        put(&mut rest, (slot.start_ms / self.precision_ms).to_be_bytes());
        put(&mut rest, slot.first.to_be_bytes());
        put(&mut rest, slot.last.to_be_bytes());
        put(&mut rest, slot.count.to_be_bytes());
        put(&mut rest, slot.unused.to_be_bytes());
        self.file.write_at(self.place(slot.start_ms), &bytes).map_err(StoreError::io("write", &self.path))
    }

    /// Calls `each` with every slot that holds records, in the order of the ring.
    pub(super) fn for_each(&self, mut each: impl FnMut(Slot)) -> Result<(), StoreError> {
        let mut bytes = vec![0; SLOTS_AT_ONCE * SLOT_BYTES];
        let mut position = 0;
        while position < FILE_BYTES {
            let length = bytes.len().min((FILE_BYTES - position) as usize);
            self.file.read_at(position, &mut bytes[..length]).map_err(StoreError::io("read", &self.path))?;
            bytes[..length].chunks_exact(SLOT_BYTES).filter_map(|bytes| self.decode(bytes)).for_each(&mut each);
            position += length as u64;
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync().map_err(StoreError::io("sync", &self.path))
    }

    fn place(&self, start_ms: i64) -> u64 {
        let slot = start_ms.div_euclid(self.precision_ms).rem_euclid(TIMER_SLOTS);
        slot as u64 * SLOT_BYTES as u64
    }

    /// `None`: the place was never used.
    fn decode(&self, bytes: &[u8]) -> Option<Slot> {
        let number = i64_at(bytes, 0).filter(|number| *number > 0)?;
        Some(Slot {
            start_ms: number.checked_mul(self.precision_ms)?,
            first: i64_at(bytes, 8)?,
            last: i64_at(bytes, 16).filter(|last| *last >= 0)?,
            count: i32_at(bytes, 24)?,
            unused: i32_at(bytes, 28)?,
        })
    }
}

fn path(options: &TimerOptions) -> PathBuf {
    options.root.join("timerwheel")
}
