//! Queues against the log: each record that enters a queue must have its unit, and each unit a record.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::folder::{Folder, FolderError, QueueDir};
use crate::queue::{UNIT_BYTES, Unit};
use crate::record::{RecordView, sys_flag};

/// Units read at once: few, for there may be many queues.
const CHUNK_UNITS: i64 = 256;

/// Where a queue begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) min: i64,
    pub(super) max: i64,
}

/// A queue's units, read in chunks.
pub(super) struct Units {
    dir: QueueDir,
    file_units: i64,
    first: i64,
    chunk: Vec<u8>,
}

impl Units {
    pub(super) fn new(dir: QueueDir) -> Self {
        let file_units = dir.pieces.first().map_or(1, |piece| (piece.bytes / UNIT_BYTES as u64).max(1) as i64);
        Units { dir, file_units, first: 0, chunk: Vec::new() }
    }

    /// The unit at an offset; `None`: no file has it.
    pub(super) fn unit(&mut self, offset: i64) -> Result<Option<Unit>, FolderError> {
        let held = self.first + (self.chunk.len() / UNIT_BYTES) as i64;
        if offset < self.first || offset >= held {
            let position = offset * UNIT_BYTES as i64;
            let index = self.dir.pieces.partition_point(|piece| piece.end() <= position);
            let Some(piece) = self.dir.pieces.get(index).filter(|piece| piece.start <= position) else {
                return Ok(None);
            };
            let length = (piece.end() - position).min(CHUNK_UNITS * UNIT_BYTES as i64) as usize;
            self.chunk.resize(length / UNIT_BYTES * UNIT_BYTES, 0);
            self.first = offset;
            let file: File = piece.open()?;
            let within = (position - piece.start) as u64;
            file.read_exact_at(&mut self.chunk, within).map_err(FolderError::io(&piece.path))?;
        }
        let at = (offset - self.first) as usize * UNIT_BYTES;
        Ok(self.chunk.get(at..).and_then(|rest| rest.first_chunk()).map(Unit::decode))
    }

    /// Where the queue begins and ends, by looking at its first and last file.
    pub(super) fn range(&mut self) -> Result<Range, FolderError> {
        let (Some(first), Some(last)) = (self.dir.pieces.first(), self.dir.pieces.last()) else {
            return Ok(Range::default());
        };
        let (first, last) = (first.start / UNIT_BYTES as i64, last.start / UNIT_BYTES as i64);
        let mut max = last;
        while max < last + self.file_units && self.unit(max)?.is_some_and(|unit| unit.is_written()) {
            max += 1;
        }
        let mut min = first;
        while min < max && self.unit(min)? == Some(Unit::BLANK) {
            min += 1;
        }
        Ok(Range { min, max })
    }
}

/// One queue and what the log said of it.
struct Check {
    units: Units,
    range: Range,
    /// Units that led to their records.
    met: i64,
    /// Records that have no unit at the queue's end, and the first of them.
    lacking: (i64, i64),
}

/// All queues.
pub(super) struct QueueChecks {
    queues: HashMap<(String, i32), Check>,
    begin: i64,
    /// Messages whose queue does not exist.
    without_queue: u64,
}

impl QueueChecks {
    pub(super) fn open(folder: &Folder) -> Result<Self, FolderError> {
        let mut queues = HashMap::new();
        for dir in folder.queues()? {
            let key = (dir.topic.clone(), dir.queue);
            let mut units = Units::new(dir);
            let range = units.range()?;
            queues.insert(key, Check { units, range, met: 0, lacking: (0, 0) });
        }
        let begin = folder.segments.first().map_or(0, |segment| segment.start);
        Ok(QueueChecks { queues, begin, without_queue: 0 })
    }

    /// Looks for a record's unit; answers what is wrong.
    pub(super) fn record(&mut self, record: &RecordView<'_>) -> Result<Option<String>, FolderError> {
        if !sys_flag::enters_queue(record.sys_flag()) {
            return Ok(None);
        }
        let Some(check) = self.queues.get_mut(&(record.topic().to_owned(), record.queue().0)) else {
            self.without_queue += 1;
            return Ok(None);
        };
        let (offset, physical) = (record.queue_offset().0, record.physical_offset());
        if offset < check.range.min {
            return Ok(None);
        }
        if offset >= check.range.max {
            let (count, first) = check.lacking;
            check.lacking = (count + 1, if count == 0 { offset } else { first.min(offset) });
            return Ok(None);
        }
        let place = format!("queue {}/{} at {offset}", record.topic(), record.queue());
        match check.units.unit(offset)? {
            Some(unit) if unit.physical == physical && unit.size as usize == record.size() => check.met += 1,
            // The topic was deleted and came back: a newer message has the place.
            Some(unit) if unit.physical > physical && !unit.is_filler() => {}
            Some(unit) => return Ok(Some(format!("{place}: leads to {} instead of {physical}", unit.physical))),
            None => return Ok(Some(format!("{place}: no file has it"))),
        }
        Ok(None)
    }

    /// What the queues have or lack beyond that. The log ends at `end`.
    pub(super) fn finish(mut self, end: i64) -> Result<(Vec<String>, u64), FolderError> {
        let mut problems = Vec::new();
        let mut names: Vec<_> = self.queues.keys().cloned().collect();
        names.sort();
        for name in names {
            let Some(check) = self.queues.get_mut(&name) else { continue };
            let place = format!("queue {}/{}", name.0, name.1);
            if check.lacking.0 > 0 {
                problems.push(format!(
                    "{place}: {} messages from offset {} on are not in it",
                    check.lacking.0, check.lacking.1
                ));
            }
            let mut leading = 0;
            for offset in check.range.min..check.range.max {
                let unit = check.units.unit(offset)?;
                let leads = unit.is_some_and(|unit| !unit.is_filler() && unit.physical.0 >= self.begin);
                leading += i64::from(leads);
                if unit.is_some_and(|unit| leads && unit.end().0 > end) {
                    problems.push(format!("{place} at {offset}: leads behind the log's end"));
                }
            }
            if leading > check.met {
                problems.push(format!("{place}: {} units lead to no message", leading - check.met));
            }
        }
        Ok((problems, self.without_queue))
    }

    /// How many queues there are.
    pub(super) fn len(&self) -> usize {
        self.queues.len()
    }
}
