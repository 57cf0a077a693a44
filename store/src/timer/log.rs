//! `timerlog/`: records one after the other in files of equal length, each named by the position of its first byte. What is too
//! short for a record at the end of a file is left blank.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::record::{BLANK_BYTES, RECORD_BYTES, TimerRecord, Unit, blank};
use super::{LoggedRecord, TimerOptions};
use crate::disk::{Allocation, Disk, DiskFile};
use crate::error::StoreError;
use crate::files::OpenFiles;
use crate::offset::PhysicalOffset;

/// Records that are read in one go.
const RECORDS_AT_ONCE: usize = 1024;
/// Files that are kept open.
const MAX_OPEN_FILES: usize = 8;

/// The log.
pub(super) struct TimerLog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_bytes: i64,
    /// The files, each by where it starts; ascending.
    starts: Vec<i64>,
    open: OpenFiles<i64>,
    end: i64,
    /// Where the last sync ended.
    synced: i64,
}

impl TimerLog {
    /// Finds the files. The end is known after [`TimerLog::cut`].
    pub(super) fn open(options: &TimerOptions, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let dir = options.root.join("timerlog");
        let least = (RECORD_BYTES + BLANK_BYTES) as u64;
        if options.log_file_bytes < least || options.log_file_bytes > i32::MAX as u64 {
            let value = options.log_file_bytes.to_string();
            return Err(StoreError::BadOption {
                key: "mappedFileSizeTimerLog",
                value,
                reason: "a file holds at least one record",
            });
        }
        let mut starts = Vec::new();
        for entry in disk.list(&dir).map_err(StoreError::io("list", &dir))? {
            let Ok(start) = entry.name.parse::<i64>() else { continue };
            let path = dir.join(&entry.name);
            if entry.bytes == 0 {
                disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
            } else if entry.bytes != options.log_file_bytes || start % options.log_file_bytes as i64 != 0 {
                let (found, expected) = (entry.bytes, options.log_file_bytes);
                return Err(StoreError::WrongLength { path, found, expected, key: "mappedFileSizeTimerLog" });
            } else {
                starts.push(start);
            }
        }
        starts.sort_unstable();
        let file_bytes = options.log_file_bytes as i64;
        let end = starts.last().map_or(0, |last| last + file_bytes);
        Ok(Self { disk, dir, file_bytes, starts, open: OpenFiles::new(MAX_OPEN_FILES), end, synced: end })
    }

    /// Where the oldest record may be; `None`: there are no files.
    pub(super) fn begin(&self) -> Option<i64> {
        self.starts.first().copied()
    }

    /// The position after the last record.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// A position from which the log can be walked so that everything from `position` on is met.
    pub(super) fn walk_start(&self, position: i64) -> i64 {
        let Some(&file) = self.starts.iter().rev().find(|start| **start <= position) else {
            return self.begin().unwrap_or(0);
        };
        let within = position - file;
        if within > self.file_bytes || (within < self.file_bytes && within % RECORD_BYTES as i64 != 0) {
            file
        } else {
            position
        }
    }

    /// Calls `each` with the records from `position` on; answers where they end.
    pub(super) fn walk(
        &self,
        mut position: i64,
        mut each: impl FnMut(LoggedRecord) -> Result<(), StoreError>,
    ) -> Result<i64, StoreError> {
        let mut bytes = vec![0; RECORDS_AT_ONCE * RECORD_BYTES];
        while let Some(file) = self.file_at(position)? {
            let file_end = self.start_of(position) + self.file_bytes;
            let length = bytes.len().min((file_end - position) as usize);
            self.read(&*file, position, &mut bytes[..length])?;
            for chunk in bytes[..length].chunks(RECORD_BYTES) {
                match Unit::decode(chunk) {
                    Unit::Record(record) => {
                        each(LoggedRecord { position, record })?;
                        position += RECORD_BYTES as i64;
                    }
                    Unit::Blank => {
                        position = file_end;
                        break;
                    }
                    Unit::Nothing => return Ok(position),
                }
            }
        }
        Ok(position)
    }

    /// Ends the log at `end`: what lies behind it is gone.
    pub(super) fn cut(&mut self, end: i64) -> Result<(), StoreError> {
        while let Some(&start) = self.starts.last().filter(|start| **start >= end && **start > 0) {
            let path = self.path(start);
            self.disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
            self.starts.pop();
            self.open.forget(|key| *key == start);
        }
        if let Some(file) = self.file_at(end)? {
            let path = self.path(self.start_of(end));
            let position = (end - self.start_of(end)) as u64;
            file.zero_from(position, Allocation::Sparse).map_err(StoreError::io("cut", &path))?;
        }
        self.end = end;
        self.synced = end;
        Ok(())
    }

    /// Writes a record at the end; answers where.
    pub(super) fn append(&mut self, record: &TimerRecord) -> Result<i64, StoreError> {
        let mut file = self.file_at(self.end)?;
        if let Some(full) = &file {
            let start = self.start_of(self.end);
            let left = start + self.file_bytes - self.end;
            if left < (RECORD_BYTES + BLANK_BYTES) as i64 {
                let position = (self.end - start) as u64;
                let mark = blank(left as u64);
                let mark = mark.get(..mark.len().min(left as usize)).unwrap_or_default();
                full.write_at(position, mark).map_err(StoreError::io("write", &self.path(start)))?;
                // The next sync is of the next file.
                full.sync().map_err(StoreError::io("sync", &self.path(start)))?;
                self.end = start + self.file_bytes;
                file = None;
            }
        }
        let file = match file {
            Some(file) => file,
            None => self.create(self.end)?,
        };
        let (position, start) = (self.end, self.start_of(self.end));
        file.write_at((position - start) as u64, &record.encode())
            .map_err(StoreError::io("write", &self.path(start)))?;
        self.end += RECORD_BYTES as i64;
        Ok(position)
    }

    /// The records that are chained to the one at `last`, oldest first. Broken off where a record is not there any more.
    pub(super) fn chain(&self, last: i64) -> Result<Vec<LoggedRecord>, StoreError> {
        let mut chain = Vec::new();
        let mut bytes = vec![0; RECORDS_AT_ONCE * RECORD_BYTES];
        // The part of the log that `bytes` holds.
        let mut held = 0..0;
        let mut position = last;
        while position >= 0 && position < self.end {
            let end = position + RECORD_BYTES as i64;
            if position < held.start || end > held.end {
                let Some(file) = self.file_at(position)? else { break };
                held = (end - bytes.len() as i64).max(self.start_of(position))..end;
                let length = (held.end - held.start) as usize;
                self.read(&*file, held.start, &mut bytes[..length])?;
            }
            let at = (position - held.start) as usize;
            let Unit::Record(record) = Unit::decode(&bytes[at..]) else { break };
            chain.push(LoggedRecord { position, record });
            // Chains lead backwards: anything else is damage, and could lead in circles.
            if record.previous >= position {
                break;
            }
            position = record.previous;
        }
        chain.reverse();
        Ok(chain)
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.synced == self.end {
            return Ok(());
        }
        if let Some(start) = self.starts.last() {
            let path = self.path(*start);
            let synced = self.file(*start).and_then(|file| file.sync());
            synced.map_err(StoreError::io("sync", &path))?;
        }
        self.synced = self.end;
        Ok(())
    }

    /// Removes files, except the last, whose messages all lie before `begin`.
    pub(super) fn remove_before(&mut self, begin: PhysicalOffset) -> Result<(), StoreError> {
        while let [first, _, ..] = self.starts[..] {
            let mut newest = None;
            // Messages are entered in their order, so that the last record says it for the whole file.
            let last = self.last_record_in(first);
            self.walk_file(last, |record| newest = Some(record.physical))?;
            if newest.is_none_or(|newest| newest >= begin) {
                return Ok(());
            }
            let path = self.path(first);
            self.disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
            self.starts.remove(0);
            self.open.forget(|key| *key == first);
        }
        Ok(())
    }

    /// Where the last record of a full file starts.
    fn last_record_in(&self, start: i64) -> i64 {
        let records = (self.file_bytes - BLANK_BYTES as i64) / RECORD_BYTES as i64;
        start + (records - 1) * RECORD_BYTES as i64
    }

    fn walk_file(&self, position: i64, mut each: impl FnMut(TimerRecord)) -> Result<(), StoreError> {
        let Some(file) = self.file_at(position)? else { return Ok(()) };
        let mut bytes = [0; RECORD_BYTES];
        self.read(&*file, position, &mut bytes)?;
        if let Unit::Record(record) = Unit::decode(&bytes) {
            each(record);
        }
        Ok(())
    }

    fn create(&mut self, start: i64) -> Result<Arc<dyn DiskFile>, StoreError> {
        let path = self.path(start);
        self.disk.create_dir_durably(&self.dir).map_err(StoreError::io("create", &self.dir))?;
        let file = self
            .disk
            .create(&path, self.file_bytes as u64, Allocation::Sparse)
            .map_err(StoreError::io("create", &path))?;
        self.disk.sync_dir(&self.dir).map_err(StoreError::io("sync", &self.dir))?;
        self.starts.push(start);
        self.open.get(start, || Ok(Arc::clone(&file))).map_err(StoreError::io("open", &path))
    }

    fn start_of(&self, position: i64) -> i64 {
        position / self.file_bytes * self.file_bytes
    }

    fn file_at(&self, position: i64) -> Result<Option<Arc<dyn DiskFile>>, StoreError> {
        let start = self.start_of(position);
        if self.starts.binary_search(&start).is_err() {
            return Ok(None);
        }
        self.file(start).map(Some).map_err(StoreError::io("open", &self.path(start)))
    }

    fn file(&self, start: i64) -> io::Result<Arc<dyn DiskFile>> {
        self.open.get(start, || self.disk.open(&self.path(start)))
    }

    fn read(&self, file: &dyn DiskFile, position: i64, bytes: &mut [u8]) -> Result<(), StoreError> {
        let start = self.start_of(position);
        file.read_at((position - start) as u64, bytes).map_err(StoreError::io("read", &self.path(start)))
    }

    fn path(&self, start: i64) -> PathBuf {
        self.dir.join(format!("{start:020}"))
    }
}
