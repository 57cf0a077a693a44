//! The commit log: every message once, in segments of equal length that are named by their first offset. One
//! appender at a time; readers stay below the published end and never wait for it.

mod append;
mod remove;
mod segment;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::disk::{Disk, DiskFile, read_bytes};
use crate::error::{PutError, ReadError, StoreError};
use crate::files::OpenFiles;
use crate::offset::PhysicalOffset;
use crate::options::StoreOptions;
use crate::record::{RecordView, Step, step};
use append::Appender;
use segment::{Segment, existing};
pub(crate) use walk::{Checks, Walk};

/// Sealed segments kept open for reading.
const MAX_OPEN_SEGMENTS: usize = 64;

/// The commit log.
pub(crate) struct Log {
    dir: PathBuf,
    segment_bytes: u64,
    hot_window_bytes: u64,
    disk: Arc<dyn Disk>,
    /// In order and without gaps; the last one is being written.
    segments: RwLock<Vec<Arc<Segment>>>,
    appender: Mutex<Appender>,
    /// The segment after the last, made before it is needed.
    next: Mutex<Option<Arc<Segment>>>,
    /// What lies before it has been written.
    end: AtomicI64,
    /// What lies before it is on the disk.
    flushed: AtomicI64,
    /// Where the log ended when it was opened.
    opened_end: AtomicI64,
    /// Set together with `refusal`, so that a put need not lock to see that all is well.
    refusing: AtomicBool,
    refusal: Mutex<Option<PutError>>,
    cold: OpenFiles<i64>,
    copies: Copies,
}

/// What was read into memory of its own, and is held by somebody: most of it by answers that a client has not read.
#[derive(Default)]
struct Copies(Arc<AtomicUsize>);

impl Copies {
    /// Counts these bytes until they are let go.
    fn count(&self, bytes: Bytes) -> Bytes {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Copied { bytes, count: self.0.clone() })
    }
}

struct Copied {
    bytes: Bytes,
    count: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Copied {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.count.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// What a flush achieved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flushed {
    /// Everything before is on the disk.
    pub(crate) end: PhysicalOffset,
    /// When the last record before `end` was stored, 0 if none was since the store was opened.
    pub(crate) last_store_ms: i64,
}

impl Log {
    /// Finds the segments. Nothing can be appended before [`Log::start`] has said where the log ends.
    pub(crate) fn open(options: &StoreOptions, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let dir = &options.commit_log;
        disk.create_dir_durably(dir).map_err(StoreError::io("create", dir))?;
        let segments = existing(&*disk, dir, options.segment_bytes)?;
        let first = segments.first().map_or(0, |segment| segment.start);
        let end = segments.last().map_or(0, |segment| segment.start + options.segment_bytes as i64);
        Ok(Self {
            dir: dir.clone(),
            segment_bytes: options.segment_bytes,
            hot_window_bytes: options.hot_window_bytes,
            disk,
            segments: RwLock::new(segments),
            appender: Mutex::new(Appender::new(end)),
            next: Mutex::new(None),
            end: AtomicI64::new(end),
            flushed: AtomicI64::new(first),
            opened_end: AtomicI64::new(end),
            refusing: AtomicBool::new(false),
            refusal: Mutex::new(None),
            cold: OpenFiles::new(MAX_OPEN_SEGMENTS),
            copies: Copies::default(),
        })
    }

    /// The offset after the last record.
    pub(crate) fn end(&self) -> PhysicalOffset {
        PhysicalOffset(self.end.load(Ordering::Acquire))
    }

    /// The first offset that is still there.
    pub(crate) fn begin(&self) -> PhysicalOffset {
        PhysicalOffset(self.segments.read().first().map_or(0, |segment| segment.start))
    }

    /// Up to where the log is on the disk.
    pub(crate) fn flushed(&self) -> PhysicalOffset {
        PhysicalOffset(self.flushed.load(Ordering::Acquire))
    }

    /// Length of a segment.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// First offsets of all segments.
    pub(crate) fn segment_starts(&self) -> Vec<i64> {
        self.segments.read().iter().map(|segment| segment.start).collect()
    }

    /// First offsets of the segments that are full and on the disk: nothing in them changes any more.
    pub(crate) fn sealed(&self) -> Vec<i64> {
        let flushed = self.flushed().0;
        let segments = self.segments.read();
        let full = segments.iter().take(segments.len().saturating_sub(1)).filter(|segment| segment.end() <= flushed);
        full.map(|segment| segment.start).collect()
    }

    /// The file of the segment that begins with `start`.
    pub(crate) fn segment_path(&self, start: i64) -> PathBuf {
        self.dir.join(segment::file_name(start))
    }

    /// How many bytes of copies somebody holds.
    pub(crate) fn copied_bytes(&self) -> usize {
        self.copies.0.load(Ordering::Relaxed)
    }

    /// Whether `offset` is near enough to the end to be read without a copy.
    fn is_hot(&self, offset: i64) -> bool {
        offset >= self.end().0.saturating_sub_unsigned(self.hot_window_bytes)
    }

    /// Whether what lies at `offset` was written by this process and has not left its memory since: then the disk cannot have
    /// changed it.
    pub(crate) fn is_own(&self, offset: PhysicalOffset) -> bool {
        offset.0 >= self.opened_end.load(Ordering::Relaxed) && self.is_hot(offset.0)
    }

    /// `length` bytes from `offset` on, which lie within one segment and before the end. With `wait` false it fails
    /// with [`ReadError::Cold`] rather than wait for the disk.
    pub(crate) fn read(&self, offset: PhysicalOffset, length: usize, wait: bool) -> Result<Bytes, ReadError> {
        let missing = ReadError::NoRecord(offset);
        let end = i64::try_from(length).ok().and_then(|length| offset.0.checked_add(length));
        let Some(segment) = self.segment_at(offset.0).filter(|_| end.is_some_and(|end| end <= self.end().0)) else {
            return Err(missing);
        };
        let position = (offset.0 - segment.start) as u64;
        if position + length as u64 > self.segment_bytes {
            return Err(missing);
        }
        if self.is_hot(offset.0)
            && let Some(window) = segment.window()
        {
            return Ok(window.read(position, length));
        }
        let file = self.file(&segment).map_err(ReadError::io("a commit log segment"))?;
        let bytes = read_bytes(&*file, position, length, wait).map_err(ReadError::io("a commit log segment"))?;
        Ok(self.copies.count(bytes))
    }

    /// The record that starts at `offset`, checked for structure and place.
    pub(crate) fn record(&self, offset: PhysicalOffset, wait: bool) -> Result<Bytes, ReadError> {
        let damaged = |problem| ReadError::Damaged { offset, problem };
        let head = self.read(offset, 8, wait)?;
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let bytes = match step(&head) {
            Ok(Step::Blank { .. }) => return Err(ReadError::NoRecord(offset)),
            _ if size as u64 > self.segment_bytes => return Err(ReadError::NoRecord(offset)),
            _ => self.read(offset, size, wait)?,
        };
        match RecordView::parse(&bytes) {
            Ok(record) if record.physical_offset() == offset => Ok(bytes),
            // Most likely the caller's offset points into the middle of something.
            Ok(_) => Err(ReadError::NoRecord(offset)),
            Err(error) => Err(damaged(error.problem())),
        }
    }

    /// From `offset` up to the end of its segment or of the log, at most `limit` bytes; empty at the log's end.
    pub(crate) fn read_on(&self, offset: PhysicalOffset, limit: usize) -> Result<Bytes, ReadError> {
        let written = self.end().0 - offset.0;
        if written <= 0 {
            return Ok(Bytes::new());
        }
        let rest = self.segment_rest(offset).ok_or(ReadError::NoRecord(offset))?;
        self.read(offset, rest.min(written as u64).min(limit as u64) as usize, true)
    }

    /// Bytes from `offset` to the end of its segment.
    fn segment_rest(&self, offset: PhysicalOffset) -> Option<u64> {
        self.segment_at(offset.0).map(|segment| (segment.end() - offset.0) as u64)
    }

    /// Brings everything written so far to the disk. Only one thread does this.
    pub(crate) fn flush(&self) -> Result<Flushed, (PathBuf, std::io::Error)> {
        // The two belong together, so they are read under the appender's lock.
        let point = {
            let appender = self.appender.lock();
            Flushed { end: PhysicalOffset(appender.end), last_store_ms: appender.last_store_ms }
        };
        let dirty = self.flushed().0..point.end.0;
        let segments: Vec<_> =
            self.segments.read().iter().filter(|segment| segment.overlaps(&dirty)).cloned().collect();
        for segment in segments {
            let file = self.file(&segment).and_then(|file| file.sync());
            file.map_err(|error| (segment.path.clone(), error))?;
        }
        self.flushed.store(point.end.0, Ordering::Release);
        Ok(point)
    }

    /// Brings the pages that will be written next into memory, before an appender has to wait for that.
    pub(crate) fn prefetch(&self) {
        let end = self.end().0;
        let last = self.segments.read().last().cloned();
        let next = self.next.lock().clone();
        for segment in last.into_iter().chain(next) {
            segment.prefetch(end);
        }
    }

    /// Lets go of memory far behind the end: whole segments that are on the disk, and pages of the newer ones.
    pub(crate) fn cool(&self) {
        let cold_end = self.end().0.saturating_sub_unsigned(self.hot_window_bytes);
        let flushed = self.flushed().0;
        // From the newest back to the first that has been let go: all before it have been, too.
        for segment in self.segments.read().iter().rev() {
            if !segment.cool(cold_end, flushed) {
                break;
            }
        }
    }

    /// Refuses all writes from now on. The first reason stays.
    pub(crate) fn refuse(&self, reason: PutError) {
        self.refusal.lock().get_or_insert(reason);
        self.refusing.store(true, Ordering::Release);
    }

    /// Why writes are refused, if they are.
    pub(crate) fn refusal(&self) -> Option<PutError> {
        self.refusal.lock().clone()
    }

    fn segment_at(&self, offset: i64) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        let behind = offset.checked_sub(segments.first()?.start)?;
        let index = usize::try_from(behind / self.segment_bytes as i64).ok().filter(|_| behind >= 0)?;
        segments.get(index).cloned()
    }

    fn file(&self, segment: &Segment) -> std::io::Result<Arc<dyn DiskFile>> {
        match segment.file() {
            Some(file) => Ok(file),
            None => self.cold.get(segment.start, || self.disk.open(&segment.path)),
        }
    }

    fn dir(&self) -> &Path {
        &self.dir
    }
}
