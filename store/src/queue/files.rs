//! The files of all queues, opened as they are needed.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::{CONSUME_QUEUES, Queue, UNIT_BYTES, Unit};
use crate::disk::{Allocation, Disk, DiskFile};
use crate::files::OpenFiles;
use crate::offset::QueueId;
use crate::options::StoreOptions;

/// How much is filled with one write.
const FILL_BYTES: usize = 64 << 10;
/// How many files and folders are worth a thread that brings them to the disk, and the most such threads.
const SYNCS_PER_THREAD: usize = 16;
const MOST_SYNC_THREADS: usize = 32;

/// Reads and writes units.
pub(crate) struct QueueFiles {
    pub(super) disk: Arc<dyn Disk>,
    /// The folder `consumequeue`.
    pub(super) dir: PathBuf,
    pub(super) file_bytes: u64,
    /// Whether the store was not closed properly.
    after_crash: bool,
    open: OpenFiles<(u32, i64)>,
    unsynced: Mutex<Unsynced>,
}

/// What a checkpoint has to bring to the disk first.
#[derive(Default)]
struct Unsynced {
    files: BTreeSet<PathBuf>,
    dirs: BTreeSet<PathBuf>,
    /// Files whose sync failed: nobody knows what they have. See [`QueueFiles::rewrite`].
    lost: BTreeSet<PathBuf>,
}

/// A file of a queue, by its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FilePlace {
    pub(crate) topic: String,
    pub(crate) queue: QueueId,
    /// The offsets that belong into it.
    pub(crate) offsets: Range<i64>,
}

impl QueueFiles {
    pub(crate) fn new(options: &StoreOptions, disk: Arc<dyn Disk>, after_crash: bool) -> Self {
        Self {
            disk,
            dir: options.root.join(CONSUME_QUEUES),
            file_bytes: options.queue_file_bytes(),
            after_crash,
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
    pub(crate) fn write(&self, queue: &Queue, from: i64, units: &[u8]) -> io::Result<()> {
        self.for_files(from, units.len(), |index, position, range| {
            let file = self.open.get((queue.number, index), || self.open_or_create(queue, index, position))?;
            // Before the write: a checkpoint in between must not miss it.
            self.note_written(&self.path(queue, index));
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
                self.forget_unsynced(|other| *other == path);
                self.note_entries(&self.queue_dir(queue));
                return match self.disk.remove_file(&path) {
                    // An attempt before this one failed half-way.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                };
            }
            self.note_written(&self.path(queue, index));
            self.existing(queue, index)?.zero_from(position, Allocation::Sparse).map(drop)
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
        self.forget_unsynced(|other| *other == path);
        match self.disk.remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes all files of a queue.
    pub(super) fn remove(&self, queue: &Queue) -> io::Result<()> {
        self.open.forget(|(number, _)| *number == queue.number);
        let dir = self.queue_dir(queue);
        self.forget_unsynced(|path| path.starts_with(&dir));
        if !self.disk.exists(&dir)? {
            return Ok(());
        }
        dir.parent().into_iter().for_each(|topic| self.note_entries(topic));
        self.disk.remove_dir(&dir)
    }

    /// Brings everything written so far to the disk. What fails stays to be done; a file counts as lost then.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (files, dirs) = {
            let mut unsynced = self.unsynced.lock();
            (std::mem::take(&mut unsynced.files), std::mem::take(&mut unsynced.dirs))
        };
        let lost = sync_each(files, |path| self.disk.open(path).and_then(|file| file.sync()));
        let unknown = sync_each(dirs, |path| self.disk.sync_dir(path));
        let mut result = Ok(());
        let unsynced = &mut *self.unsynced.lock();
        for (failed, known) in [(lost, &mut unsynced.lost), (unknown, &mut unsynced.dirs)] {
            for (path, error) in failed {
                known.insert(path);
                result = Err(error);
            }
        }
        result
    }

    /// The files whose sync failed.
    pub(crate) fn lost(&self) -> Vec<FilePlace> {
        self.unsynced.lock().lost.iter().filter_map(|path| self.place(path)).collect()
    }

    /// Says that the files of [`QueueFiles::lost`] have been written anew.
    pub(crate) fn found(&self) {
        let mut unsynced = self.unsynced.lock();
        let lost = std::mem::take(&mut unsynced.lost);
        unsynced.files.extend(lost);
    }

    /// Writes what the queue's file has at `offsets` once more, so that the next sync brings it to the disk.
    pub(super) fn rewrite(&self, queue: &Queue, offsets: Range<i64>) -> io::Result<()> {
        let units = usize::try_from(offsets.end - offsets.start).unwrap_or(0);
        let mut bytes = vec![0; units * UNIT_BYTES];
        self.read(queue, offsets.start, &mut bytes, true)?;
        self.write(queue, offsets.start, &bytes)
    }

    /// Says that a file has been written.
    pub(super) fn note_written(&self, path: &Path) {
        let mut unsynced = self.unsynced.lock();
        if !unsynced.files.contains(path) {
            unsynced.files.insert(path.to_owned());
        }
    }

    /// Says that entries of a folder have changed.
    pub(super) fn note_entries(&self, dir: &Path) {
        self.unsynced.lock().dirs.insert(dir.to_owned());
    }

    /// Says that entries of a queue's folder, and those that lead there, may have changed.
    pub(super) fn note_path(&self, dir: &Path) {
        dir.ancestors().take(3).for_each(|dir| self.note_entries(dir));
    }

    fn forget_unsynced(&self, gone: impl Fn(&Path) -> bool) {
        let mut unsynced = self.unsynced.lock();
        unsynced.files.retain(|path| !gone(path));
        unsynced.lost.retain(|path| !gone(path));
    }

    fn place(&self, path: &Path) -> Option<FilePlace> {
        let mut names = path.iter().rev().filter_map(|name| name.to_str());
        let (start, queue, topic) = (names.next()?, names.next()?, names.next()?);
        let first = start.parse::<i64>().ok()? / UNIT_BYTES as i64;
        let units = (self.file_bytes / UNIT_BYTES as u64) as i64;
        Some(FilePlace { topic: topic.to_owned(), queue: QueueId(queue.parse().ok()?), offsets: first..first + units })
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
        let dir = self.queue_dir(queue);
        match self.disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => {
                if self.after_crash {
                    // Whoever made it may have been killed before its entries were brought to the disk.
                    self.note_path(&dir);
                }
                return other;
            }
        }
        self.disk.create_dir(&dir)?;
        let file = self.disk.create(&path, self.file_bytes, Allocation::Sparse)?;
        self.note_path(&dir);
        fill(&*file, 0, position as usize, &Unit::BLANK.encode())?;
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

/// Brings files, or folders, to the disk; returns those that failed. Those that are gone with their topic need not be brought.
///
/// Where there are many, several at a time: a file system brings together what is asked of it together, 32 in not much more time than one.
/// Bringing all of the file system at once would be faster still, but would have the whole log wait in between, would be told of others'
/// errors, and of ours only where nobody else was told before.
fn sync_each(paths: BTreeSet<PathBuf>, sync: impl Fn(&Path) -> io::Result<()> + Sync) -> Vec<(PathBuf, io::Error)> {
    let threads = (paths.len() / SYNCS_PER_THREAD).min(MOST_SYNC_THREADS);
    let (paths, failed) = (Mutex::new(paths.into_iter()), Mutex::new(Vec::new()));
    let next = || paths.lock().next();
    let work = || {
        while let Some(path) = next() {
            match sync(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => failed.lock().push((path, error)),
                _ => {}
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Without it the others have more to do.
            let _ = thread::Builder::new().name("queue-sync".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    failed.into_inner()
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
