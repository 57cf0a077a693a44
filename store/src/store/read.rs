//! Reads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;

use super::{Inner, Store};
use crate::error::ReadError;
use crate::light::{self, is_light};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::queue::{Queue, UNIT_BYTES, Unit};
use crate::read::{Boundary, QueueRead, ReadLimits, ReadStatus};
use crate::record::{HEAD_BYTES, RecordView, head_matches, head_store_ms, is_at, sys_flag};

/// The most that one read returns, whatever is asked for (Apache's `MAX_PULL_MSG_SIZE`).
const MAX_READ_BYTES: usize = 128 << 20;
/// And the least.
const MIN_READ_BYTES: usize = 100;
/// Units looked at in one go.
const UNITS_AT_ONCE: usize = 256;
/// Records on disk that are at most this far apart are read together.
const MAX_GAP_BYTES: i64 = 8 << 10;
/// Bytes that are read together at most, unless a record is longer.
const MAX_SPAN_BYTES: i64 = 512 << 10;

impl Store {
    /// Reads messages of a queue from `offset` on whose tags code `accepts` likes. `Err(ReadError::Cold)`: the answer is
    /// on disk only; use [`Store::read_queue_blocking`].
    pub fn read_queue(
        &self,
        topic: &str,
        queue: QueueId,
        offset: QueueOffset,
        limits: ReadLimits,
        accepts: &dyn Fn(i64) -> bool,
    ) -> Result<QueueRead, ReadError> {
        self.inner.read_queue(topic, queue, offset, limits, accepts, false)
    }

    /// Like [`Store::read_queue`], but waits for the disk.
    pub fn read_queue_blocking(
        &self,
        topic: &str,
        queue: QueueId,
        offset: QueueOffset,
        limits: ReadLimits,
        accepts: &dyn Fn(i64) -> bool,
    ) -> Result<QueueRead, ReadError> {
        self.inner.read_queue(topic, queue, offset, limits, accepts, true)
    }

    /// The queue's first offset; `None`: no such queue.
    pub fn min_offset(&self, topic: &str, queue: QueueId) -> Option<QueueOffset> {
        self.inner.derived.queues.find(topic, queue).map(|queue| queue.min())
    }

    /// The queue's next offset as readers see it; `None`: no such queue.
    pub fn max_offset(&self, topic: &str, queue: QueueId) -> Option<QueueOffset> {
        self.inner.derived.queues.find(topic, queue).map(|queue| queue.max())
    }

    /// The offset of the message stored at `store_ms`, or of its neighbour on the side that `boundary` names; within the
    /// queue's range. 0 without such a queue. May wait for the disk.
    pub fn offset_by_time(
        &self,
        topic: &str,
        queue: QueueId,
        store_ms: i64,
        boundary: Boundary,
    ) -> Result<QueueOffset, ReadError> {
        match self.inner.derived.queues.find(topic, queue) {
            Some(queue) => self.inner.offset_by_time(&queue, store_ms, boundary),
            None => Ok(QueueOffset(0)),
        }
    }

    /// When the message at `offset` was stored; `None`: no such message. May wait for the disk.
    pub fn store_time(&self, topic: &str, queue: QueueId, offset: QueueOffset) -> Result<Option<i64>, ReadError> {
        match self.inner.derived.queues.find(topic, queue) {
            Some(queue) => self.inner.store_time(&queue, offset),
            None => Ok(None),
        }
    }

    /// When the queue's first message was stored; `None`: the queue is empty. May wait for the disk.
    pub fn earliest_store_time(&self, topic: &str, queue: QueueId) -> Result<Option<i64>, ReadError> {
        match self.inner.derived.queues.find(topic, queue) {
            Some(queue) => self.inner.store_time(&queue, queue.min()),
            None => Ok(None),
        }
    }

    /// When the oldest message of the log was stored; `None`: the log is empty. May wait for the disk.
    pub fn earliest_log_time(&self) -> Result<Option<i64>, ReadError> {
        match self.inner.log.record(self.inner.log.begin(), true) {
            Ok(record) => Ok(Some(head_store_ms(&record))),
            Err(ReadError::NoRecord(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a message at `offset` near enough to the log's end to count as in memory
    /// (`accessMessageInMemoryMaxRatio`). Looks at one queue unit, which may be on disk.
    pub fn is_in_memory(&self, topic: &str, queue: QueueId, offset: QueueOffset) -> bool {
        let Some(queue) = self.inner.derived.queues.find(topic, queue) else {
            return false;
        };
        let unit = queue.unit(&self.inner.derived.queues.files, offset, true);
        matches!(unit, Ok(Some(unit)) if self.inner.is_in_memory(unit.physical))
    }

    /// How many bytes that were copied from the commit log's files are held by callers; what is read near the log's end is no copy.
    pub fn copied_bytes(&self) -> usize {
        self.inner.log.copied_bytes()
    }

    /// The record that starts at `offset`, sound as far as its checksums tell. May wait for the disk.
    pub fn message_at(&self, offset: PhysicalOffset) -> Result<Bytes, ReadError> {
        let bytes = self.inner.log.record(offset, true)?;
        if !self.inner.log.is_own(offset) {
            let damaged = |problem| ReadError::Damaged { offset, problem };
            let record = RecordView::parse(&bytes).map_err(|error| damaged(error.problem()))?;
            record.verify(offset).map_err(|error| damaged(error.problem()))?;
            if !self.inner.is_in_queue(&record) {
                return Err(damaged("its queue has another message at its offset"));
            }
        }
        Ok(bytes)
    }

    /// Offsets of messages of `topic` that may have `key`, stored between `begin_ms` and `end_ms`, at most `max` and those
    /// of the newest index file first. A key is a unique key or a token of KEYS; a tag is found as `T#tag`. Hashes
    /// collide: the caller checks the messages. May wait for the disk.
    pub fn query_index(
        &self,
        topic: &str,
        key: &str,
        max: usize,
        begin_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<PhysicalOffset>, ReadError> {
        let index = self.inner.derived.index.as_ref();
        index.map_or(Ok(Vec::new()), |index| index.query(topic, key, max, begin_ms, end_ms))
    }
}

impl Inner {
    fn is_in_memory(&self, offset: PhysicalOffset) -> bool {
        self.log.end().0.saturating_sub(offset.0) <= self.memory_bytes()
    }

    fn memory_bytes(&self) -> i64 {
        (self.options.physical_memory_bytes / 100).saturating_mul(self.options.in_memory_percent) as i64
    }

    /// See [`Store::offset_by_time`].
    pub(super) fn offset_by_time(
        &self,
        queue: &Queue,
        store_ms: i64,
        boundary: Boundary,
    ) -> Result<QueueOffset, ReadError> {
        let (min, max) = (queue.min(), queue.max());
        let is_before = |time: i64| match boundary {
            Boundary::Lower => time < store_ms,
            Boundary::Upper => time <= store_ms,
        };
        let (mut low, mut high) = (min.0, max.0);
        while low < high {
            let middle = low + (high - low) / 2;
            // A message that is gone from the log is older than all that are not.
            let time = self.store_time(queue, QueueOffset(middle))?.unwrap_or(i64::MIN);
            if is_before(time) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(match boundary {
            Boundary::Lower => QueueOffset(low),
            Boundary::Upper => QueueOffset((low - 1).max(min.0)),
        })
    }

    /// Whether the record's queue has it where it says, as far as that can be told. No checksum covers its queue offset.
    fn is_in_queue(&self, record: &RecordView<'_>) -> bool {
        let queue = self.derived.queues.find(record.topic(), record.queue());
        let Some(queue) = queue.filter(|_| sys_flag::enters_queue(record.sys_flag())) else {
            return true;
        };
        let (offset, min) = (record.queue_offset(), queue.min());
        if (0..min.0).contains(&offset.0) || record.physical_offset() >= self.dispatcher.position() {
            return true;
        }
        let unit = queue.unit(&self.derived.queues.files, offset, true);
        unit.map_or(true, |unit| unit.is_some_and(|unit| unit.physical == record.physical_offset()))
    }

    fn store_time(&self, queue: &Queue, offset: QueueOffset) -> Result<Option<i64>, ReadError> {
        let unit = queue.unit(&self.derived.queues.files, offset, true).map_err(ReadError::io("a consume queue"))?;
        let Some(unit) = unit.filter(|unit| !unit.is_filler()) else {
            return Ok(None);
        };
        match self.log.read(unit.physical, HEAD_BYTES, true) {
            Ok(head) if head_matches(&head, unit.physical, unit.size) => Ok(Some(head_store_ms(&head))),
            Ok(_) | Err(ReadError::NoRecord(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_queue(
        &self,
        topic: &str,
        id: QueueId,
        offset: QueueOffset,
        limits: ReadLimits,
        accepts: &dyn Fn(i64) -> bool,
        wait: bool,
    ) -> Result<QueueRead, ReadError> {
        let queue = self.derived.queues.find(topic, id);
        let read = match &queue {
            Some(queue) => match self.read_existing(queue, offset, limits, accepts, wait) {
                // The file went with its messages while it was read.
                Err(ReadError::Io { .. }) if offset < queue.min() => {
                    self.read_existing(queue, offset, limits, accepts, wait)
                }
                read => read,
            },
            None => Ok(outside(ReadStatus::NoSuchQueue, 0, 0, 0)),
        };
        let read = match read {
            // Deleted while it was read.
            Err(ReadError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && queue.is_some_and(|queue| queue.is_removed()) =>
            {
                outside(ReadStatus::NoSuchQueue, 0, 0, 0)
            }
            other => other?,
        };
        let counter =
            if read.status == ReadStatus::Found { &self.counters.reads_found } else { &self.counters.reads_missed };
        counter.fetch_add(1, Relaxed);
        self.counters.read_messages.fetch_add(read.count as u64, Relaxed);
        Ok(read)
    }

    fn read_existing(
        &self,
        queue: &Arc<Queue>,
        offset: QueueOffset,
        limits: ReadLimits,
        accepts: &dyn Fn(i64) -> bool,
        wait: bool,
    ) -> Result<QueueRead, ReadError> {
        let (min, max) = (queue.min().0, queue.max().0);
        let end = |status, next| Ok(outside(status, next, min, max));
        match offset.0 {
            _ if max == 0 => return end(ReadStatus::NoMessage, 0),
            offset if offset < min => return end(ReadStatus::TooSmall, min),
            offset if offset == max => return end(ReadStatus::OverflowOne, offset),
            offset if offset > max => return end(ReadStatus::OverflowBadly, max),
            _ => {}
        }
        let selection = self.select(queue, offset.0, max, limits, accepts, wait)?;
        let mut read = outside(ReadStatus::NoMatched, selection.next, min, max);
        read.far_behind = selection.last_physical >= 0 && !self.is_in_memory(PhysicalOffset(selection.last_physical));
        self.fetch(queue, &selection.units, wait, &mut read)?;
        if read.count > 0 {
            read.status = ReadStatus::Found;
        } else if selection.removed || !selection.units.is_empty() {
            read.status = ReadStatus::Removed;
        }
        Ok(read)
    }

    /// Chooses the units to return, by Apache's rules about how much is enough.
    fn select(
        &self,
        queue: &Queue,
        offset: i64,
        max: i64,
        limits: ReadLimits,
        accepts: &dyn Fn(i64) -> bool,
        wait: bool,
    ) -> Result<Selection, ReadError> {
        let mut selection = Selection { next: offset, units: Vec::new(), bytes: 0, last_physical: -1, removed: false };
        let max_passed = (self.options.max_filter_bytes / UNIT_BYTES).max(limits.max_messages) as i64;
        let begin = self.log.begin();
        let mut bytes = Vec::new();
        // A full selection needs no look at the unit behind it.
        let wanted = limits.max_messages.max(1);
        while selection.next < max && selection.next - offset < max_passed && selection.units.len() < wanted {
            let count = limits.max_messages.clamp(1, UNITS_AT_ONCE);
            let read = queue.read(&self.derived.queues.files, QueueOffset(selection.next), count, wait, &mut bytes);
            read.map_err(ReadError::io("a consume queue"))?;
            if bytes.is_empty() {
                break;
            }
            for unit in bytes.as_chunks().0.iter().map(Unit::decode) {
                if selection.next - offset >= max_passed || self.is_enough(&selection, &unit, limits) {
                    return Ok(selection);
                }
                selection.next += 1;
                if unit.is_filler() || !unit.is_written() || unit.physical < begin {
                    selection.removed = true;
                    if !unit.is_written() {
                        self.report_damage(&unit);
                    }
                } else {
                    selection.last_physical = unit.physical.0;
                    if accepts(unit.tags_code) {
                        selection.bytes += unit.size as usize;
                        selection.units.push(Selected { unit, offset: QueueOffset(selection.next - 1) });
                    }
                }
            }
        }
        Ok(selection)
    }

    /// Whether `unit` would be too much; a first one never is.
    fn is_enough(&self, selection: &Selection, unit: &Unit, limits: ReadLimits) -> bool {
        if selection.units.is_empty() {
            return false;
        }
        let (max_bytes, max_messages) = if self.is_in_memory(unit.physical) {
            (self.options.max_read_bytes_in_memory, self.options.max_read_messages_in_memory)
        } else {
            (self.options.max_read_bytes_on_disk, self.options.max_read_messages_on_disk)
        };
        let asked_bytes = limits.max_bytes.clamp(MIN_READ_BYTES, MAX_READ_BYTES);
        let bytes = selection.bytes.saturating_add(unit.size.max(0) as usize);
        bytes > max_bytes.min(asked_bytes) || selection.units.len() >= max_messages.min(limits.max_messages)
    }

    /// Reads the records of `units`, neighbours together. Damaged ones are left out.
    fn fetch(&self, queue: &Queue, mut units: &[Selected], wait: bool, read: &mut QueueRead) -> Result<(), ReadError> {
        while let Some(Selected { unit: first, .. }) = units.first() {
            let mut end = first.end();
            let near = |Selected { unit: next, .. }: &&Selected| {
                let gap = next.physical.0 - end.0;
                let near = (0..=MAX_GAP_BYTES).contains(&gap) && next.end().0 - first.physical.0 <= MAX_SPAN_BYTES;
                let near = near
                    && next.physical.0 / self.log.segment_bytes() as i64
                        == first.physical.0 / self.log.segment_bytes() as i64;
                if near {
                    end = next.end();
                }
                near
            };
            let count = 1 + units[1..].iter().take_while(near).count();
            let (span, rest) = units.split_at(count);
            let length = (end.0 - first.physical.0) as usize;
            match self.log.read(first.physical, length, wait) {
                Ok(bytes) => self.slice(queue, span, &bytes, read),
                // The segment went while it was read.
                Err(ReadError::NoRecord(_)) if first.physical < self.log.begin() => {}
                Err(ReadError::NoRecord(_)) if count == 1 => self.report_damage(first),
                // One of them claims too much: take them one by one.
                Err(ReadError::NoRecord(_)) => {
                    for unit in span {
                        self.fetch(queue, std::slice::from_ref(unit), wait, read)?;
                    }
                }
                Err(error) => return Err(error),
            }
            units = rest;
        }
        Ok(())
    }

    /// Cuts the records of `units` out of `bytes`, which begin with the first one.
    fn slice(&self, queue: &Queue, units: &[Selected], bytes: &Bytes, read: &mut QueueRead) {
        let origin = units.first().map_or(0, |first| first.unit.physical.0);
        let mut run = 0..0;
        for Selected { unit, offset } in units {
            let start = (unit.physical.0 - origin) as usize;
            let range = start..start + unit.size as usize;
            if !self.is_sound(&bytes[range.clone()], unit, queue, *offset) {
                self.report_damage(unit);
                continue;
            }
            read.count += 1;
            read.bytes += range.len();
            if run.end == range.start {
                run.end = range.end;
            } else {
                push_run(&mut read.records, bytes, run);
                run = range;
            }
        }
        push_run(&mut read.records, bytes, run);
    }

    /// Whether `bytes` are the record of `unit`, and of no other: a unit may have gone bad, too. What came from the disk is checked
    /// to the last byte.
    fn is_sound(&self, bytes: &[u8], unit: &Unit, queue: &Queue, offset: QueueOffset) -> bool {
        if bytes.len() < HEAD_BYTES || !head_matches(bytes, unit.physical, unit.size) {
            return false;
        }
        let belongs = if is_light(&queue.topic) {
            RecordView::parse(bytes).is_ok_and(|record| light::is_at(&record, &queue.topic, offset))
        } else {
            is_at(bytes, &queue.topic, queue.id, offset)
        };
        belongs
            && (self.log.is_own(unit.physical)
                || RecordView::parse(bytes).is_ok_and(|record| record.verify(unit.physical).is_ok()))
    }

    fn report_damage(&self, unit: &Unit) {
        self.counters.damaged_messages.fetch_add(1, Relaxed);
        tracing::error!(
            "the record at {} of the commit log, or the queue's entry that leads there, is damaged; it is left out of a pull",
            unit.physical
        );
    }
}

/// A unit with its place in the queue.
struct Selected {
    unit: Unit,
    offset: QueueOffset,
}

/// What a read returns.
struct Selection {
    /// The offset after the last unit that was looked at.
    next: i64,
    units: Vec<Selected>,
    bytes: usize,
    last_physical: i64,
    /// Whether messages were passed over that are gone.
    removed: bool,
}

fn push_run(records: &mut Vec<Bytes>, bytes: &Bytes, run: std::ops::Range<usize>) {
    if !run.is_empty() {
        records.push(bytes.slice(run));
    }
}

/// An answer without messages.
fn outside(status: ReadStatus, next: i64, min: i64, max: i64) -> QueueRead {
    QueueRead {
        status,
        next_offset: QueueOffset(next),
        min_offset: QueueOffset(min),
        max_offset: QueueOffset(max),
        records: Vec::new(),
        count: 0,
        bytes: 0,
        far_behind: false,
    }
}
