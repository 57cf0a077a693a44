//! Walks the log record by record: recovery with every check, the dispatcher without checksums.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::Log;
use crate::error::ReadError;
use crate::offset::PhysicalOffset;
use crate::record::{BLANK_BYTES, RecordError, RecordView, Step, step};

/// How much is read at once, unless a record is longer.
const CHUNK_BYTES: usize = 1 << 20;

/// Where a walk ended.
#[derive(Debug)]
pub(crate) enum Walk<B> {
    /// At the log's end, or at something that is no sound record.
    Ended {
        /// The offset after the last record.
        at: PhysicalOffset,
        /// What lies there instead of a record; `None`: the log has no more bytes.
        problem: Option<RecordError>,
    },
    /// The caller broke off at this record.
    Broken(PhysicalOffset, B),
}

/// Whether a walk looks at checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// All that [`RecordView::verify`] checks.
    All,
    /// Structure only: the records were checked when they were written or recovered.
    Structure,
}

impl Log {
    /// Calls `each` with every record from `from` on, waiting for the disk where need be.
    pub(crate) fn walk<B>(
        &self,
        from: PhysicalOffset,
        checks: Checks,
        mut each: impl FnMut(&RecordView<'_>, PhysicalOffset) -> ControlFlow<B>,
    ) -> Result<Walk<B>, ReadError> {
        let mut at = from;
        let mut wanted = CHUNK_BYTES;
        loop {
            let chunk = self.read_on(at, wanted)?;
            if chunk.is_empty() {
                return Ok(Walk::Ended { at, problem: None });
            }
            match self.walk_chunk(&chunk, &mut at, checks, &mut each) {
                Pause::Chunk => wanted = CHUNK_BYTES,
                Pause::Record { needed } if self.reaches(at, needed) => wanted = needed.max(CHUNK_BYTES),
                Pause::Record { .. } => return Ok(Walk::Ended { at, problem: Some(RecordError::Lengths) }),
                Pause::Problem(problem) => return Ok(Walk::Ended { at, problem: Some(problem) }),
                Pause::Broken(reason) => return Ok(Walk::Broken(at, reason)),
            }
        }
    }

    /// Walks within one chunk, leaving `at` where it stopped.
    fn walk_chunk<B>(
        &self,
        chunk: &Bytes,
        at: &mut PhysicalOffset,
        checks: Checks,
        each: &mut impl FnMut(&RecordView<'_>, PhysicalOffset) -> ControlFlow<B>,
    ) -> Pause<B> {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let record = match step(rest) {
                Ok(Step::Record(record)) => record,
                Ok(Step::Blank { size }) if self.segment_rest(*at) == Some(size as u64) => {
                    at.0 += size as i64;
                    return Pause::Chunk;
                }
                Ok(Step::Blank { .. }) => return Pause::Problem(RecordError::Lengths),
                Err(RecordError::Incomplete { needed }) => return Pause::Record { needed },
                Err(problem) => return Pause::Problem(problem),
            };
            if checks == Checks::All
                && let Err(problem) = record.verify(*at)
            {
                return Pause::Problem(problem);
            }
            if let ControlFlow::Break(reason) = each(&record, *at) {
                return Pause::Broken(reason);
            }
            at.0 += record.size() as i64;
            rest = &rest[record.size()..];
        }
        Pause::Chunk
    }

    /// Whether a record of `needed` bytes at `at` would fit its segment and the log.
    fn reaches(&self, at: PhysicalOffset, needed: usize) -> bool {
        let fits_segment = self.segment_rest(at).is_some_and(|rest| (needed + BLANK_BYTES) as u64 <= rest);
        fits_segment && at.0 + needed as i64 <= self.end().0
    }
}

/// Why a chunk was left.
enum Pause<B> {
    /// It was used up.
    Chunk,
    /// Its last record, of `needed` bytes as far as is known, is cut off.
    Record { needed: usize },
    /// Something else than a sound record.
    Problem(RecordError),
    /// The caller broke off.
    Broken(B),
}
