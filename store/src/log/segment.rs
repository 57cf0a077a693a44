//! One file of the log.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;

use crate::disk::{Allocation, Disk, DiskFile, Window};
use crate::error::StoreError;

/// Pages are let go in parts of this size.
const COOL_STEP_BYTES: i64 = 8 << 20;

/// How far ahead of the log's end pages are brought into memory, and in parts of which size. What a busy disk can take in
/// between two looks of the keeper is less.
const PREFETCH_BYTES: i64 = 16 << 20;
const PREFETCH_STEP_BYTES: i64 = 4 << 20;

/// A segment. While it is hot it keeps its file open and mapped.
pub(super) struct Segment {
    pub(super) start: i64,
    pub(super) path: PathBuf,
    bytes: i64,
    hot: RwLock<Option<Hot>>,
    /// The pages before it have been let go.
    cooled: AtomicI64,
    /// The pages before it have been brought into memory, or were there.
    prefetched: AtomicI64,
}

struct Hot {
    file: Arc<dyn DiskFile>,
    window: Arc<dyn Window>,
}

impl Segment {
    /// A segment whose file exists, cold.
    pub(super) fn cold(dir: &Path, start: i64, bytes: u64) -> Self {
        let path = dir.join(file_name(start));
        let (cooled, prefetched) = (AtomicI64::new(start), AtomicI64::new(start));
        Self { start, path, bytes: bytes as i64, hot: RwLock::new(None), cooled, prefetched }
    }

    /// Creates the file, with all its blocks, and maps it.
    pub(super) fn create(disk: &dyn Disk, dir: &Path, start: i64, bytes: u64) -> io::Result<Self> {
        let segment = Self::cold(dir, start, bytes);
        let file = disk.create(&segment.path, bytes, Allocation::Reserved)?;
        // With its length: after a power cut an empty segment must not stand between others.
        let made = file.sync().and_then(|()| disk.sync_dir(dir)).and_then(|()| segment.warm(file));
        if let Err(error) = made {
            // Or the next attempt would find it there.
            disk.remove_file(&segment.path)?;
            return Err(error);
        }
        Ok(segment)
    }

    /// Maps the segment so that it can be written and read without a copy.
    pub(super) fn warm(&self, file: Arc<dyn DiskFile>) -> io::Result<()> {
        let window = file.window()?;
        *self.hot.write() = Some(Hot { file, window });
        Ok(())
    }

    /// The mapped file, while the segment is hot.
    pub(super) fn window(&self) -> Option<Arc<dyn Window>> {
        self.hot.read().as_ref().map(|hot| Arc::clone(&hot.window))
    }

    /// The open file, while the segment is hot.
    pub(super) fn file(&self) -> Option<Arc<dyn DiskFile>> {
        self.hot.read().as_ref().map(|hot| Arc::clone(&hot.file))
    }

    /// The offset after the segment.
    pub(super) fn end(&self) -> i64 {
        self.start + self.bytes
    }

    /// Whether any offset of `range` lies in the segment.
    pub(super) fn overlaps(&self, range: &Range<i64>) -> bool {
        range.start < self.end() && self.start < range.end
    }

    /// Brings what the log, which ends at `log_end`, is about to reach into memory. One caller at a time.
    pub(super) fn prefetch(&self, log_end: i64) {
        let range = worth_prefetching(self.prefetched.load(Ordering::Relaxed), log_end, self.end());
        if let (Some(range), Some(file)) = (range, self.file()) {
            self.prefetched.store(range.end, Ordering::Relaxed);
            file.prefetch((range.start - self.start) as u64..(range.end - self.start) as u64);
        }
    }

    /// Lets go of what lies before `cold_end`: everything once the segment is full and on the disk, else its pages.
    /// `false`: there was nothing to let go of.
    pub(super) fn cool(&self, cold_end: i64, flushed: i64) -> bool {
        if self.hot.read().is_none() {
            return false;
        }
        if self.end() <= cold_end.min(flushed) {
            *self.hot.write() = None;
            return true;
        }
        let cooled = self.cooled.load(Ordering::Relaxed);
        if cold_end >= cooled + COOL_STEP_BYTES
            && let Some(window) = self.window()
        {
            let to = cold_end - cold_end % COOL_STEP_BYTES;
            window.forget((cooled - self.start) as u64, (to - self.start).max(0) as u64);
            self.cooled.store(to.max(cooled), Ordering::Relaxed);
        }
        true
    }
}

/// What to bring into memory of a segment up to `segment_end` where that was done up to `prefetched`: a step at least, or
/// the rest of the segment.
fn worth_prefetching(prefetched: i64, log_end: i64, segment_end: i64) -> Option<Range<i64>> {
    let range = prefetched.max(log_end)..segment_end.min(log_end + PREFETCH_BYTES);
    let is_rest = range.end == segment_end && !range.is_empty();
    (is_rest || range.end - range.start >= PREFETCH_STEP_BYTES).then_some(range)
}

/// The name of the segment that begins with `start`: 20 digits.
pub(super) fn file_name(start: i64) -> String {
    format!("{start:020}")
}

/// The segments in `dir`, checked to follow each other.
pub(super) fn existing(disk: &dyn Disk, dir: &Path, bytes: u64) -> Result<Vec<Arc<Segment>>, StoreError> {
    let mut entries = disk.list(dir).map_err(StoreError::io("list", dir))?;
    entries.retain(|entry| !entry.is_dir);
    // A file without length is one whose creation was cut short.
    while let Some(entry) = entries.pop_if(|entry| entry.bytes == 0) {
        let path = dir.join(entry.name);
        disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
    }
    let mut segments: Vec<Arc<Segment>> = Vec::with_capacity(entries.len());
    for entry in entries {
        let path = dir.join(&entry.name);
        let Some(start) = entry.name.parse().ok().filter(|&start| start >= 0 && entry.name == file_name(start)) else {
            tracing::warn!("{} is no commit log segment and is left alone", path.display());
            continue;
        };
        if entry.bytes != bytes {
            return Err(StoreError::WrongLength {
                path,
                found: entry.bytes,
                expected: bytes,
                key: "mappedFileSizeCommitLog",
            });
        }
        if let Some(missing) = segments.last().map(|last| last.end()).filter(|&expected| expected != start) {
            return Err(StoreError::MissingSegment { missing: dir.join(file_name(missing)), next: path });
        }
        segments.push(Arc::new(Segment::cold(dir, start, bytes)));
    }
    Ok(segments)
}

#[cfg(test)]
mod tests;
