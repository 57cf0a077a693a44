//! The files of all queues, opened as they are needed.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{CONSUME_QUEUES, Queue, UNIT_BYTES, Unit};
use crate::disk::{Allocation, Disk, DiskFile};
use crate::files::OpenFiles;
use crate::options::StoreOptions;

/// How much is filled with one write.
const FILL_BYTES: usize = 64 << 10;

/// Reads and writes units.
pub(crate) struct QueueFiles {
    pub(super) disk: Arc<dyn Disk>,
    /// The folder `consumequeue`.
    pub(super) dir: PathBuf,
    pub(super) file_bytes: u64,
    open: OpenFiles<(u32, i64)>,
    unsynced: Mutex<Unsynced>,
}

/// What a checkpoint has to bring to the disk first.
#[derive(Default)]
struct Unsynced {
    files: BTreeSet<PathBuf>,
    dirs: BTreeSet<PathBuf>,
}

impl QueueFiles {
    pub(crate) fn new(options: &StoreOptions, disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            dir: options.root.join(CONSUME_QUEUES),
            file_bytes: options.queue_file_bytes(),
            open: OpenFiles::new(options.max_open_queue_files),
            unsynced: Mutex::default(),
        }
    }

    /// Fills `out` with the units from `from` on.
    pub(super) fn read(&self, queue: &Queue, from: i64, out: &mut [u8], wait: bool) -> io::Result<()> {
        self.for_files(from, out.len(), |index, position, range| {
            let file = self.existing(queue, index)?;
            if wait { file.read_at(position, &mut out[range]) } else { file.read_cached_at(position, &mut out[range]) }
        })
    }

    /// Writes `units`, the first of which has offset `from`.
    pub(super) fn write(&self, queue: &Queue, from: i64, units: &[u8]) -> io::Result<()> {
        self.for_files(from, units.len(), |index, position, range| {
            let file = self.open.get((queue.number, index), || self.open_or_create(queue, index, position))?;
            // Before the write: a checkpoint in between must not miss it.
            self.unsynced.lock().files.insert(self.path(queue, index));
            file.write_at(position, &units[range])
        })
    }

    /// Makes the units from `from` on read as never written, `to` being behind the last one, and removes files that
    /// begin there or later.
    pub(super) fn erase(&self, queue: &Queue, from: i64, to: i64) -> io::Result<()> {
        let length = usize::try_from(to - from).unwrap_or(0) * UNIT_BYTES;
        self.for_files(from, length, |index, position, _| {
            if position == 0 {
                let path = self.path(queue, index);
                self.open.forget(|key| *key == (queue.number, index));
                self.unsynced.lock().files.remove(&path);
                return self.disk.remove_file(&path);
            }
            self.existing(queue, index)?.zero_from(position, Allocation::Sparse)
        })
    }

    /// Number of the file that the unit at `offset` belongs to.
    pub(super) fn file_of(&self, offset: i64) -> i64 {
        offset / (self.file_bytes as i64 / UNIT_BYTES as i64)
    }

    /// Removes one file of a queue, if there is one.
    pub(super) fn remove_file(&self, queue: &Queue, index: i64) -> io::Result<()> {
        let path = self.path(queue, index);
        self.open.forget(|key| *key == (queue.number, index));
        self.unsynced.lock().files.remove(&path);
        match self.disk.remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes all files of a queue.
    pub(super) fn remove(&self, queue: &Queue) -> io::Result<()> {
        self.open.forget(|(number, _)| *number == queue.number);
        let dir = self.queue_dir(queue);
        self.unsynced.lock().files.retain(|path| !path.starts_with(&dir));
        if self.disk.exists(&dir)? { self.disk.remove_dir(&dir) } else { Ok(()) }
    }

    /// Brings everything written so far to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let Unsynced { files, dirs } = std::mem::take(&mut *self.unsynced.lock());
        for path in &files {
            match self.disk.open(path).and_then(|file| file.sync()) {
                // Its topic was deleted meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        for dir in dirs.iter().filter(|dir| self.disk.exists(dir).unwrap_or(true)) {
            self.disk.sync_dir(dir)?;
        }
        Ok(())
    }

    pub(super) fn queue_dir(&self, queue: &Queue) -> PathBuf {
        self.dir.join(&*queue.topic).join(queue.id.to_string())
    }

    fn path(&self, queue: &Queue, index: i64) -> PathBuf {
        self.queue_dir(queue).join(format!("{:020}", index * self.file_bytes as i64))
    }

    fn existing(&self, queue: &Queue, index: i64) -> io::Result<Arc<dyn DiskFile>> {
        self.open.get((queue.number, index), || self.disk.open(&self.path(queue, index)))
    }

    /// Opens a file for its first unit at `position`. A new one is filled with blanks up to there.
    fn open_or_create(&self, queue: &Queue, index: i64, position: u64) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path(queue, index);
        match self.disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let dir = self.queue_dir(queue);
        self.disk.create_dir(&dir)?;
        let file = self.disk.create(&path, self.file_bytes, Allocation::Sparse)?;
        fill(&*file, 0, position as usize, &Unit::BLANK.encode())?;
        self.unsynced.lock().dirs.extend(dir.ancestors().take(4).map(|dir| dir.to_owned()));
        Ok(file)
    }

    /// Calls `each` with file index, position in the file and range of the buffer for every file that a range touches.
    fn for_files(
        &self,
        from: i64,
        length: usize,
        mut each: impl FnMut(i64, u64, std::ops::Range<usize>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < length {
            let here = from as u64 * UNIT_BYTES as u64 + done as u64;
            let position = here % self.file_bytes;
            let part = (self.file_bytes - position).min((length - done) as u64) as usize;
            each((here / self.file_bytes) as i64, position, done..done + part)?;
            done += part;
        }
        Ok(())
    }
}

/// Repeats `unit` over `length` bytes from `position` on.
fn fill(file: &dyn DiskFile, position: u64, length: usize, unit: &[u8; UNIT_BYTES]) -> io::Result<()> {
    let block = unit.repeat(length.min(FILL_BYTES) / UNIT_BYTES);
    let mut done = 0;
    while done < length {
        let part = block.len().min(length - done);
        file.write_at(position + done as u64, &block[..part])?;
        done += part;
    }
    Ok(())
}
