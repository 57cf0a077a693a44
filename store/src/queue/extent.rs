//! Finds out, when a store is opened, where a queue on the disk begins and ends.
//!
//! After a crash only those units count of which a checkpoint says that they were brought to the disk: the log gives the
//! others back. Where no checkpoint says so (there was none yet, or Apache 4.x made it), the last files are looked
//! through.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{QueueFiles, UNIT_BYTES, Unit};
use crate::disk::{Allocation, DiskFile, Entry};
use crate::error::StoreError;
use crate::offset::PhysicalOffset;

/// Without a checkpoint this many of a queue's last files are looked through, as Apache does.
const SUSPECT_FILES: usize = 3;
/// How many units are read of a file at first.
const HEAD_UNITS: usize = 64;
/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Which units on the disk are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// All: the store was closed cleanly.
    All,
    /// Those of messages up to this one.
    UpTo(PhysicalOffset),
    /// Nobody knows.
    Unknown,
}

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
    /// Whether units are damaged that should be right: only the log can tell what they were.
    pub(super) damaged: bool,
}

impl Extent {
    /// Where in the log the first message lies that the queue lacks because of damage; `i64::MAX`: it has all.
    pub(super) fn damaged_from(&self) -> i64 {
        if self.damaged { self.max_physical.max(0) } else { i64::MAX }
    }

    pub(super) const EMPTY: Self = Self { first_file: 0, min: 0, max: 0, max_physical: -1, damaged: false };
}

impl QueueFiles {
    /// The range of the queue in `dir`. After a crash, or where its end is damaged, what lies behind it is erased.
    pub(super) fn extent(&self, dir: &Path, trust: Trust) -> Result<Extent, StoreError> {
        let extent = self.trusted_extent(dir, trust)?;
        if trust != Trust::All || !extent.damaged {
            return Ok(extent);
        }
        tracing::error!("{} is damaged near its end: that is made anew from the log", dir.display());
        Ok(Extent { damaged: true, ..self.trusted_extent(dir, Trust::Unknown)? })
    }

    fn trusted_extent(&self, dir: &Path, trust: Trust) -> Result<Extent, StoreError> {
        let files = self.queue_files(dir)?;
        let Some((first_index, first_path)) = files.first() else {
            return Ok(Extent::EMPTY);
        };
        let first = self.open_units(first_path).map_err(StoreError::io("read", first_path))?;
        let min = first_index * self.file_units();
        let mut extent = Extent { first_file: *first_index, min, max: min, max_physical: -1, damaged: false };
        let from = match trust {
            Trust::All => files.len() - 1,
            Trust::Unknown => files.len().saturating_sub(SUSPECT_FILES),
            Trust::UpTo(last) => self.last_trusted(&files, last)?,
        };
        // One file more, for the last message before those.
        let mut looked_at = from.saturating_sub(1);
        for (index, path) in &files[looked_at..] {
            looked_at += 1;
            let full = match index == first_index {
                true => self.look_at(*index, path, &first, trust, &mut extent),
                false => self.open_units(path).and_then(|file| self.look_at(*index, path, &file, trust, &mut extent)),
            }
            .map_err(StoreError::io("read", path))?;
            if !full {
                // A later file begins with units that were brought to the disk.
                extent.damaged |= matches!(trust, Trust::UpTo(_)) && looked_at <= from;
                break;
            }
        }
        for (_, path) in &files[looked_at..] {
            self.disk.remove_file(path).map_err(StoreError::io("remove", path))?;
            self.note_entries(dir);
        }
        let blank = leading(&first, Unit::is_blank).map_err(StoreError::io("read", first_path))?;
        extent.min = (min + blank).min(extent.max);
        Ok(extent)
    }

    /// Which of `files` is the last that begins with a unit of the message at `last` or of one before.
    fn last_trusted(&self, files: &[(i64, PathBuf)], last: PhysicalOffset) -> Result<usize, StoreError> {
        for (at, (_, path)) in files.iter().enumerate().skip(1).rev() {
            let unit = self.open_units(path).and_then(|file| file.unit(0));
            if is_trusted(&unit.map_err(StoreError::io("read", path))?, last) {
                return Ok(at);
            }
        }
        Ok(0)
    }

    /// Extends the range by what a file has; `false`: it ends there, and the file's rest is erased if need be.
    fn look_at(&self, index: i64, path: &Path, file: &UnitFile, trust: Trust, extent: &mut Extent) -> io::Result<bool> {
        let file_units = self.file_units();
        let units = match trust {
            Trust::All => leading(file, Unit::is_written)?,
            Trust::Unknown => sound_units(file, file_units, extent.max_physical, PhysicalOffset(i64::MAX))?,
            Trust::UpTo(last) => {
                let trusted = leading(file, |unit| is_trusted(unit, last))?;
                let sound = sound_units(file, trusted, extent.max_physical, last)?;
                // A damaged unit may also have ended the search too early.
                let goes_on = trusted + 1 < file_units && is_trusted(&file.unit(trusted + 1)?, last);
                extent.damaged |= sound < trusted || goes_on;
                sound
            }
        };
        if units > 0 {
            let last = file.unit(units - 1)?;
            extent.max = index * file_units + units;
            extent.max_physical = if last.is_blank() { -1 } else { last.end().0 };
        }
        if trust == Trust::All {
            extent.damaged |= !ends_soundly(file, units)?;
            return Ok(true);
        }
        // What lies behind must not come back.
        let erased = file.file.zero_from(units as u64 * UNIT_BYTES as u64, Allocation::Sparse)?;
        if erased || trust == Trust::Unknown {
            self.note_written(path);
            path.parent().into_iter().for_each(|dir| self.note_path(dir));
        }
        Ok(units == file_units)
    }

    fn open_units(&self, path: &Path) -> io::Result<UnitFile> {
        UnitFile::open(self.disk.open(path)?)
    }

    fn file_units(&self) -> i64 {
        (self.file_bytes / UNIT_BYTES as u64) as i64
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
                self.note_entries(dir);
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

/// A file of units whose first few are in memory: most queues are short, and opening very many must not take a system call for each look.
struct UnitFile {
    file: Arc<dyn DiskFile>,
    head: Vec<u8>,
}

impl UnitFile {
    fn open(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        file.expect_no_sequence();
        let mut head = vec![0; (HEAD_UNITS * UNIT_BYTES).min(file.bytes() as usize)];
        file.read_at(0, &mut head)?;
        Ok(Self { file, head })
    }

    fn units(&self) -> i64 {
        (self.file.bytes() / UNIT_BYTES as u64) as i64
    }

    fn unit(&self, index: i64) -> io::Result<Unit> {
        let mut bytes = [0; UNIT_BYTES];
        self.read_at(index as u64 * UNIT_BYTES as u64, &mut bytes)?;
        Ok(Unit::decode(&bytes))
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self.head.get(position as usize..).and_then(|rest| rest.get(..buffer.len())) {
            Some(known) => buffer.copy_from_slice(known),
            None => self.file.read_at(position, buffer)?,
        }
        Ok(())
    }
}

/// How many units from the file's start on satisfy `belongs`; all that do come first.
fn leading(file: &UnitFile, belongs: impl Fn(&Unit) -> bool) -> io::Result<i64> {
    // Most queues are short: look at the first few units before searching the whole file.
    let (mut low, mut high) = (0, file.units());
    let mut probe = (HEAD_UNITS as i64).min(high) - 1;
    while low < high {
        if belongs(&file.unit(probe)?) {
            low = probe + 1;
        } else {
            high = probe;
        }
        probe = low + (high - low) / 2;
    }
    Ok(low)
}

/// Whether a file's first `units` units end where all that was ever written ends: a damaged unit may have misled [`leading`].
fn ends_soundly(file: &UnitFile, units: i64) -> io::Result<bool> {
    let (from, to) = ((units - 2).max(0), (units + 1).min(file.units()));
    let mut bytes = vec![0; (to - from) as usize * UNIT_BYTES];
    file.read_at(from as u64 * UNIT_BYTES as u64, &mut bytes)?;
    let (written, behind) = bytes.split_at((units - from) as usize * UNIT_BYTES);
    let written: Vec<Unit> = written.as_chunks().0.iter().map(Unit::decode).collect();
    let is_ascending = |pair: &[Unit]| pair[0].is_blank() || pair[0].end() <= pair[1].physical;
    let is_sound = written.iter().all(Unit::is_written) && written.windows(2).all(is_ascending);
    Ok(is_sound && behind.iter().all(|byte| *byte == 0))
}

/// Whether the unit was brought to the disk by a checkpoint that names `last`.
fn is_trusted(unit: &Unit, last: PhysicalOffset) -> bool {
    unit.is_written() && unit.physical <= last
}

/// How many of the file's first `units` units are written and point ever further into the log, up to `last`.
fn sound_units(file: &UnitFile, units: i64, mut max_physical: i64, last: PhysicalOffset) -> io::Result<i64> {
    // Where the unit before the last one that was looked at ends.
    let mut before = max_physical;
    let end = units as u64 * UNIT_BYTES as u64;
    let mut buffer = vec![0; (CHUNK_BYTES / UNIT_BYTES * UNIT_BYTES).min(end as usize)];
    let mut position = 0;
    while position < end {
        let part = buffer.len().min((end - position) as usize);
        file.read_at(position, &mut buffer[..part])?;
        for (at, bytes) in buffer[..part].as_chunks().0.iter().enumerate() {
            let unit = Unit::decode(bytes);
            let is_new = is_trusted(&unit, last);
            let sound = unit.is_blank() && max_physical < 0 || is_new && unit.physical.0 >= max_physical;
            if !sound {
                // It may be the one before that points too far.
                let is_before = is_new && unit.physical.0 >= before && before < max_physical;
                let index = (position / UNIT_BYTES as u64) as i64 + at as i64;
                return Ok(if is_before { (index - 1).max(0) } else { index });
            }
            if !unit.is_blank() {
                before = std::mem::replace(&mut max_physical, unit.end().0);
            }
        }
        position += part as u64;
    }
    Ok((position / UNIT_BYTES as u64) as i64)
}
