//! Finds out, when a store is opened, where a queue on the disk begins and ends.

use std::io;
use std::path::{Path, PathBuf};

use super::{QueueFiles, UNIT_BYTES, Unit};
use crate::disk::{Allocation, DiskFile, Entry};
use crate::error::StoreError;

/// After a crash this many of a queue's last files are looked through, as Apache does.
const SUSPECT_FILES: usize = 3;
/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A queue's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Number of the first file.
    pub(super) first_file: i64,
    /// The first offset.
    pub(super) min: i64,
    /// The offset after the last unit.
    pub(super) max: i64,
    /// The log's offset after the last unit's message, -1 without units.
    pub(super) max_physical: i64,
}

impl Extent {
    pub(super) const EMPTY: Self = Self { first_file: 0, min: 0, max: 0, max_physical: -1 };
}

impl QueueFiles {
    /// The range of the queue in `dir`. After a crash (`suspect`) its last files are looked through unit by unit.
    pub(super) fn extent(&self, dir: &Path, suspect: bool) -> Result<Extent, StoreError> {
        let files = self.queue_files(dir)?;
        let Some((first_index, _)) = files.first() else {
            return Ok(Extent::EMPTY);
        };
        let file_units = (self.file_bytes / UNIT_BYTES as u64) as i64;
        let first = first_index * file_units;
        let mut extent = Extent { first_file: *first_index, min: first, max: first, max_physical: -1 };
        let from = files.len().saturating_sub(if suspect { SUSPECT_FILES } else { 1 });
        // One file more, for the last message before those.
        let mut looked_at = from.saturating_sub(1);
        for (index, path) in &files[looked_at..] {
            looked_at += 1;
            let file = self.disk.open(path).map_err(StoreError::io("read", path))?;
            let units =
                if suspect { sound_units(&*file, extent.max_physical) } else { leading(&*file, Unit::is_written) }
                    .map_err(StoreError::io("read", path))?;
            if units > 0 {
                let last = unit_at(&*file, units - 1).map_err(StoreError::io("read", path))?;
                extent.max = index * file_units + units;
                extent.max_physical = if last.is_blank() { -1 } else { last.end().0 };
            }
            if suspect && units < file_units {
                // What lies behind a damaged unit must not come back once the damage is written over.
                let rest = units as u64 * UNIT_BYTES as u64;
                file.zero_from(rest, Allocation::Sparse).map_err(StoreError::io("write", path))?;
                break;
            }
        }
        for (_, path) in &files[looked_at..] {
            self.disk.remove_file(path).map_err(StoreError::io("remove", path))?;
        }
        let (index, path) = &files[0];
        let file = self.disk.open(path).map_err(StoreError::io("read", path))?;
        extent.min = (index * file_units + leading(&*file, Unit::is_blank).map_err(StoreError::io("read", path))?)
            .min(extent.max);
        Ok(extent)
    }

    /// Index and path of the queue's files, the last run of them that has no gap.
    fn queue_files(&self, dir: &Path) -> Result<Vec<(i64, PathBuf)>, StoreError> {
        let mut files: Vec<(i64, PathBuf)> = Vec::new();
        for entry in self.disk.list(dir).map_err(StoreError::io("list", dir))? {
            let path = dir.join(&entry.name);
            let Some(index) = self.index_of(&entry) else {
                continue;
            };
            if entry.bytes == 0 {
                // Its creation was cut short.
                self.disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
                continue;
            }
            if entry.bytes != self.file_bytes {
                return Err(StoreError::WrongLength {
                    path,
                    found: entry.bytes,
                    expected: self.file_bytes,
                    key: "mappedFileSizeConsumeQueue",
                });
            }
            if files.last().is_some_and(|(last, _)| last + 1 != index) {
                tracing::warn!("{} lacks files before {}", dir.display(), entry.name);
                files.clear();
            }
            files.push((index, path));
        }
        Ok(files)
    }

    fn index_of(&self, entry: &Entry) -> Option<i64> {
        let start: i64 = entry.name.parse().ok().filter(|_| !entry.is_dir && entry.name.len() == 20)?;
        (start >= 0 && start % self.file_bytes as i64 == 0).then_some(start / self.file_bytes as i64)
    }
}

/// How many units from the file's start on satisfy `belongs`; all that do come first.
fn leading(file: &dyn DiskFile, belongs: impl Fn(&Unit) -> bool) -> io::Result<i64> {
    // Most queues are short: try the first few units before searching the whole file.
    let (mut low, mut high) = (0, (file.bytes() / UNIT_BYTES as u64) as i64);
    let mut probe = 64.min(high) - 1;
    while low < high {
        if belongs(&unit_at(file, probe)?) {
            low = probe + 1;
        } else {
            high = probe;
        }
        probe = low + (high - low) / 2;
    }
    Ok(low)
}

/// How many units from the file's start on are written and point ever further into the log.
fn sound_units(file: &dyn DiskFile, mut max_physical: i64) -> io::Result<i64> {
    let mut buffer = vec![0; CHUNK_BYTES / UNIT_BYTES * UNIT_BYTES];
    let mut position = 0;
    while position < file.bytes() {
        let part = buffer.len().min((file.bytes() - position) as usize);
        file.read_at(position, &mut buffer[..part])?;
        for (at, bytes) in buffer[..part].as_chunks().0.iter().enumerate() {
            let unit = Unit::decode(bytes);
            let sound = unit.is_blank() && max_physical < 0 || unit.is_written() && unit.physical.0 >= max_physical;
            if !sound {
                return Ok((position / UNIT_BYTES as u64) as i64 + at as i64);
            }
            if !unit.is_blank() {
                max_physical = unit.end().0;
            }
        }
        position += part as u64;
    }
    Ok((position / UNIT_BYTES as u64) as i64)
}

fn unit_at(file: &dyn DiskFile, index: i64) -> io::Result<Unit> {
    let mut bytes = [0; UNIT_BYTES];
    file.read_at(index as u64 * UNIT_BYTES as u64, &mut bytes)?;
    Ok(Unit::decode(&bytes))
}
