//! The log's other end: which segments could go, and their removal.

use super::Log;
use super::segment::Segment;
use crate::error::StoreError;
use crate::offset::PhysicalOffset;
use crate::record::{HEAD_BYTES, RecordView};
use crate::retention::Oldest;

impl Log {
    /// The oldest segment; `None`: it is still written to, or not on the disk yet.
    pub(crate) fn oldest(&self) -> Option<Oldest> {
        let starts = self.segment_starts();
        let [start, next, ..] = starts[..] else { return None };
        if next > self.flushed().0 {
            return None;
        }
        // Records are stored in the order of time: what comes after it tells how old it is at least.
        let last_store_ms = starts[1..].iter().find_map(|&start| self.first_store_ms(start));
        Some(Oldest { start, end: next, last_store_ms })
    }

    /// When the record at a segment's start was stored; `None`: there is none yet, or it is damaged.
    fn first_store_ms(&self, start: i64) -> Option<i64> {
        let record = self.record(PhysicalOffset(start), true).ok().filter(|record| record.len() >= HEAD_BYTES)?;
        RecordView::parse(&record).ok().map(|record| record.store_ms())
    }

    /// Removes the segments that end at or before `begin`. Who holds bytes of them keeps these; new reads find nothing.
    pub(crate) fn remove_before(&self, begin: PhysicalOffset) -> Result<(), StoreError> {
        let is_gone = |segment: &Segment| segment.end() <= begin.0;
        let gone: Vec<_> = {
            let mut segments = self.segments.write();
            let count = segments.iter().take_while(|segment| is_gone(segment)).count();
            // The last one is written to.
            let count = count.min(segments.len().saturating_sub(1));
            segments.drain(..count).collect()
        };
        for segment in &gone {
            self.cold.forget(|start| *start == segment.start);
            self.disk.remove_file(&segment.path).map_err(StoreError::io("remove", &segment.path))?;
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.disk.sync_dir(&self.dir).map_err(StoreError::io("sync", &self.dir))
    }
}
