//! Tells a torn end of the log from damage in its middle.
//!
//! A crash leaves at most an unfinished end, and everything behind it is cut off, as Apache does. But where sound
//! records follow that were on the disk before the crash, according to the checkpoint, the bytes in between went bad
//! later: cutting there would throw away good messages, so the walk goes on behind them.

use super::Recovery;
use crate::checkpoint::Checkpoint;
use crate::error::ReadError;
use crate::offset::PhysicalOffset;
use crate::record::{HEAD_BYTES, MAGIC_V1, MAGIC_V2, RecordError};

/// How much is searched at once.
const SEARCH_BYTES: usize = 1 << 20;

impl Recovery<'_> {
    /// Where to go on after a walk met `problem` at `at`; `None`: that is the log's end.
    pub(super) fn after_damage(
        &self,
        at: PhysicalOffset,
        problem: Option<RecordError>,
    ) -> Result<Option<PhysicalOffset>, ReadError> {
        let Some(problem) = problem else {
            return Ok(None);
        };
        let segment_bytes = self.log.segment_bytes() as i64;
        let later_segment = self.log.segment_starts().into_iter().find(|&start| start > at.0);
        let later_record = later_segment.map(PhysicalOffset).filter(|&start| self.was_durable(start));
        // Without a sign that the log once went on, searching the empty rest of a segment is not worth the time.
        let confirmed = Some(PhysicalOffset(self.checkpoint.confirmed_physical))
            .filter(|&confirmed| confirmed > at && confirmed <= self.log.end());
        let went_on = self.checkpoint.queue_physical > at.0 || later_record.is_some() || confirmed.is_some();
        if !went_on {
            if problem != RecordError::Unwritten {
                tracing::warn!("the record at {at} was not finished ({problem}); the commit log is cut off there");
            }
            return Ok(None);
        }
        let segment_end = later_segment.unwrap_or(at.0 - at.0 % segment_bytes + segment_bytes);
        let next = self.search(PhysicalOffset(at.0 + 1), segment_end)?.or(later_record).or(confirmed);
        if let Some(next) = next {
            tracing::error!(
                "the commit log is damaged at {at} ({problem}); {} bytes are skipped, messages in them are lost",
                next.0 - at.0
            );
        }
        Ok(next)
    }

    /// The first sound record from `from` on, before `segment_end`, that was on the disk before the crash.
    fn search(&self, from: PhysicalOffset, segment_end: i64) -> Result<Option<PhysicalOffset>, ReadError> {
        let mut at = from;
        while at.0 + HEAD_BYTES as i64 <= segment_end.min(self.log.end().0) {
            let bytes = self.log.read_on(at, SEARCH_BYTES)?;
            for (place, window) in bytes.windows(8).enumerate() {
                let magic = u32::from_be_bytes([window[4], window[5], window[6], window[7]]);
                let here = PhysicalOffset(at.0 + place as i64);
                if matches!(magic, MAGIC_V1 | MAGIC_V2) && self.was_durable(here) {
                    return Ok(Some(here));
                }
            }
            // A magic may lie across the border.
            at.0 += bytes.len().saturating_sub(7).max(1) as i64;
        }
        Ok(None)
    }

    /// Whether a sound record starts at `offset` that was on the disk before the crash.
    fn was_durable(&self, offset: PhysicalOffset) -> bool {
        let Checkpoint { confirmed_physical, log_ms, .. } = self.checkpoint;
        // Times alone cannot tell: records of the same millisecond may be on the disk or not.
        let was_confirmed = |store_ms: i64| offset.0 < confirmed_physical || store_ms < log_ms;
        self.store_ms(offset).is_some_and(|store_ms| self.clean || was_confirmed(store_ms))
    }
}
