//! Appending: the only place where the log grows.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use super::Log;
use super::segment::Segment;
use crate::disk::{Allocation, DiskFile, Window, read_bytes};
use crate::error::{PutError, StoreError};
use crate::offset::PhysicalOffset;
use crate::record::{BLANK_BYTES, MAGIC_BLANK};

/// After a failure to create a segment, the next attempt waits this long: on a full disk each one is slow.
const RETRY_SEGMENT_MS: i64 = 1_000;

/// How much is written at once where the log is written anew.
const REWRITE_BYTES: i64 = 1 << 20;

/// What the appender's lock guards.
pub(super) struct Appender {
    pub(super) end: i64,
    pub(super) last_store_ms: i64,
    active: Option<Active>,
    /// The last failure to create a segment, and until when it stands.
    failure: Option<(PutError, i64)>,
}

struct Active {
    start: i64,
    window: Arc<dyn Window>,
}

impl Appender {
    pub(super) fn new(end: i64) -> Self {
        Self { end, last_store_ms: 0, active: None, failure: None }
    }
}

/// A place at the log's end, held under the appender's lock until it is filled or dropped.
pub(crate) struct Slot<'a> {
    log: &'a Log,
    appender: MutexGuard<'a, Appender>,
}

impl Slot<'_> {
    /// Where the record will start.
    pub(crate) fn offset(&self) -> PhysicalOffset {
        PhysicalOffset(self.appender.end)
    }

    /// Copies one record, or several in a row, into the place and publishes them together.
    pub(crate) fn fill(mut self, records: &[u8], store_ms: i64) {
        let start = self.appender.end;
        if let Some(active) = &self.appender.active {
            active.window.write((start - active.start) as u64, records);
        }
        self.appender.end = start + records.len() as i64;
        self.appender.last_store_ms = store_ms;
        self.log.end.store(self.appender.end, Ordering::Release);
    }
}

impl Log {
    /// Begins to append after `end`; whatever follows is erased. What lies before `flushed` is known to be on the disk.
    pub(crate) fn start(&self, end: PhysicalOffset, flushed: PhysicalOffset) -> Result<(), StoreError> {
        self.remove_behind(end.0)?;
        let last = self.segments.read().last().cloned();
        let mut appender = self.appender.lock();
        appender.end = end.0;
        self.end.store(end.0, Ordering::Release);
        self.flushed.store(flushed.0, Ordering::Release);
        self.opened_end.store(end.0, Ordering::Relaxed);
        let Some(segment) = last.filter(|segment| end.0 < segment.end()) else {
            return Ok(());
        };
        let take_over = |segment: &Segment| {
            let file = self.disk.open(&segment.path)?;
            file.zero_from((end.0 - segment.start) as u64, Allocation::Reserved)?;
            // What was cut off must not come back behind records that follow.
            file.sync()?;
            match file.reserve() {
                Err(error) if is_full(&error) => {
                    // Writing into a hole of a full disk would be a signal; a new segment is tried instead.
                    tracing::warn!("no room to allocate {}; waiting for room", segment.path.display());
                    Ok(None)
                }
                Err(error) => Err(error),
                Ok(()) => segment.warm(file).map(|()| segment.window()),
            }
        };
        let window = take_over(&segment).map_err(StoreError::io("take over", &segment.path))?;
        appender.active = window.map(|window| Active { start: segment.start, window });
        Ok(())
    }

    /// Writes what lies from `begin` to the end once more, so that the next flush brings it to the disk although a system
    /// may hold that it is there. Nothing has been appended yet.
    pub(crate) fn rewrite(&self, begin: PhysicalOffset) -> Result<(), StoreError> {
        let end = self.end().0;
        let segments = self.segments.read().clone();
        for segment in segments.iter().filter(|segment| segment.overlaps(&(begin.0..end))) {
            let from = begin.0.max(segment.start);
            let to = end.min(segment.end());
            let copied = self.file(segment).and_then(|file| copy_onto_itself(&*file, segment.start, from..to));
            copied.map_err(StoreError::io("write", &segment.path))?;
        }
        self.flushed.fetch_min(begin.0, Ordering::AcqRel);
        Ok(())
    }

    /// Takes a place for `bytes` at the log's end, in a new segment if the last one has no room.
    pub(crate) fn slot(&self, bytes: usize, now_ms: i64) -> Result<Slot<'_>, PutError> {
        let limit = (self.segment_bytes as usize).saturating_sub(BLANK_BYTES);
        if bytes > limit {
            return Err(PutError::MessageTooLarge { found: bytes, limit });
        }
        let mut appender = self.appender.lock();
        if self.refusing.load(Ordering::Acquire)
            && let Some(refusal) = self.refusal()
        {
            return Err(refusal);
        }
        loop {
            let room = match &appender.active {
                Some(active) => self.segment_bytes as i64 - (appender.end - active.start),
                None => 0,
            };
            if (bytes + BLANK_BYTES) as i64 <= room {
                return Ok(Slot { log: self, appender });
            }
            self.roll(&mut appender, room, now_ms)?;
        }
    }

    /// Keeps everybody from appending while `action` runs.
    pub(crate) fn exclusively<T>(&self, action: impl FnOnce() -> T) -> T {
        let _appender = self.appender.lock();
        action()
    }

    /// Why no segment could be created lately, if that still stands.
    pub(crate) fn failure(&self, now_ms: i64) -> Option<PutError> {
        let appender = self.appender.lock();
        appender.failure.as_ref().filter(|(_, until)| now_ms < *until).map(|(failure, _)| failure.clone())
    }

    /// Makes the segment after the last one, if it is time for that: once half of the last one is used.
    pub(crate) fn prepare(&self) {
        let last = self.segments.read().last().map(|segment| (segment.start, segment.end()));
        let (due, start) = match last {
            Some((start, end)) => (self.end().0 >= start + (end - start) / 2, end),
            None => (true, 0),
        };
        let mut next = self.next.lock();
        if due && next.is_none() && self.segments.read().last().is_none_or(|segment| segment.end() == start) {
            match Segment::create(&*self.disk, self.dir(), start, self.segment_bytes) {
                Ok(segment) => *next = Some(Arc::new(segment)),
                Err(error) => tracing::warn!(
                    "cannot prepare the commit log segment at {start}: {error}; writes are refused once the current one is full"
                ),
            }
        }
    }

    /// Seals the last segment, which has `room` bytes left, and goes on in the next one.
    fn roll(&self, appender: &mut Appender, room: i64, now_ms: i64) -> Result<(), PutError> {
        if let Some((failure, until)) = &appender.failure
            && now_ms < *until
        {
            return Err(failure.clone());
        }
        if appender.active.is_none() && self.resume(appender).map_err(|error| fail(appender, &error, now_ms))? {
            return Ok(());
        }
        let start = self.segments.read().last().map_or(appender.end, |segment| segment.end());
        // Held until the segment is in the list: who prepares one meanwhile would make this file, too.
        let mut next = self.next.lock();
        let segment = match next.take().filter(|segment| segment.start == start) {
            Some(segment) => segment,
            None => {
                let created = Segment::create(&*self.disk, self.dir(), start, self.segment_bytes);
                Arc::new(created.map_err(|error| fail(appender, &error, now_ms))?)
            }
        };
        appender.failure = None;
        if let Some(active) = &appender.active {
            let mut blank = [0; BLANK_BYTES];
            blank[..4].copy_from_slice(&(room as u32).to_be_bytes());
            blank[4..].copy_from_slice(&MAGIC_BLANK.to_be_bytes());
            active.window.write((appender.end - active.start) as u64, &blank);
        }
        appender.active = segment.window().map(|window| Active { start, window });
        appender.end = start;
        self.segments.write().push(segment);
        self.end.store(start, Ordering::Release);
        Ok(())
    }

    /// Tries again to take over a last segment that could not get its blocks when the log was opened.
    fn resume(&self, appender: &mut Appender) -> io::Result<bool> {
        let Some(segment) = self.segments.read().last().cloned().filter(|segment| appender.end < segment.end()) else {
            return Ok(false);
        };
        let file = self.disk.open(&segment.path)?;
        file.reserve()?;
        segment.warm(file)?;
        appender.active = segment.window().map(|window| Active { start: segment.start, window });
        Ok(true)
    }

    fn remove_behind(&self, end: i64) -> Result<(), StoreError> {
        let mut segments = self.segments.write();
        while let Some(segment) = segments.pop_if(|segment| segment.start > end) {
            tracing::info!("removing {}, which begins behind the log's end {end}", segment.path.display());
            self.disk.remove_file(&segment.path).map_err(StoreError::io("remove", &segment.path))?;
            // Another file will have its name.
            self.cold.forget(|start| *start == segment.start);
        }
        self.disk.sync_dir(&self.dir).map_err(StoreError::io("sync", &self.dir))
    }
}

/// Writes a range of the log, which lies in the segment that begins with `start`, where it is.
fn copy_onto_itself(file: &dyn DiskFile, start: i64, mut range: Range<i64>) -> io::Result<()> {
    while !range.is_empty() {
        let length = (range.end - range.start).min(REWRITE_BYTES);
        let position = (range.start - start) as u64;
        let bytes = read_bytes(file, position, length as usize, true)?;
        file.write_at(position, &bytes)?;
        range.start += length;
    }
    Ok(())
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Remembers why no segment could be created.
fn fail(appender: &mut Appender, error: &io::Error, now_ms: i64) -> PutError {
    let failure = if is_full(error) { PutError::NoSpace } else { PutError::NoSegment { reason: error.to_string() } };
    appender.failure = Some((failure.clone(), now_ms + RETRY_SEGMENT_MS));
    failure
}
