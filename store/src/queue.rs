//! Consume queues: for each message of a queue, in order, one unit of 20 bytes that says where in the commit log
//! it lies. New units gather in memory and are written in batches; whatever is lost of them in a crash, the commit
//! log gives back.
//!
//! Files: `consumequeue/{topic}/{queue}/`, named by 20 digits, of a fixed number of units each and sparse.

mod extent;
mod files;
mod open;
mod table;
#[cfg(test)]
mod tests;
mod unit;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;

use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
pub(crate) use extent::Trust;
pub(crate) use files::QueueFiles;
pub(crate) use table::Queues;
pub(crate) use unit::{UNIT_BYTES, Unit};

/// The folder of all queues, within the store's.
pub(crate) const CONSUME_QUEUES: &str = "consumequeue";

/// Unwritten units are written once there are this many bytes of them.
const WRITE_BYTES: usize = 4096;

/// More lost messages in a row than this are not worth places of their own.
const MAX_FILLERS: i64 = 300_000;

/// A queue. There may be very many: what is small stays small, and the buffer exists only while the queue is busy.
pub(crate) struct Queue {
    pub(crate) topic: Arc<str>,
    pub(crate) id: QueueId,
    /// Distinguishes queues of the same name, should one be deleted and come back.
    number: u32,
    /// The offset that the next message gets; touched under the log's lock only.
    next: AtomicI64,
    min: AtomicI64,
    /// Number of the oldest file that may be there.
    first_file: AtomicI64,
    max: AtomicI64,
    removed: AtomicBool,
    /// Whether recovery found that messages are missing from the files.
    damaged: AtomicBool,
    tail: Mutex<Tail>,
}

/// The newest units.
struct Tail {
    /// Offset of the first unit in `units`; all before are in the file.
    first: i64,
    /// Offset of the first unit that is not in the file yet.
    written: i64,
    units: Vec<u8>,
    /// The log's offset after the last message of the queue, -1 without any.
    max_physical: i64,
    /// Whether units came since the last [`Queue::settle`].
    busy: bool,
    /// Whether somebody promised to call [`Queue::settle`].
    listed: bool,
}

/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is in the queue now; `first`: and the queue asks to be settled from time to time.
    Appended {
        /// Whether the queue was idle before.
        first: bool,
    },
    /// It was there before.
    Known,
    /// Units before it are missing.
    Gap,
}

impl Queue {
    fn new(topic: Arc<str>, id: QueueId, number: u32, extent: extent::Extent) -> Self {
        let tail = Tail {
            first: extent.max,
            written: extent.max,
            units: Vec::new(),
            max_physical: extent.max_physical,
            busy: false,
            listed: false,
        };
        Self {
            topic,
            id,
            number,
            next: AtomicI64::new(extent.max),
            min: AtomicI64::new(extent.min),
            first_file: AtomicI64::new(extent.first_file),
            max: AtomicI64::new(extent.max),
            removed: AtomicBool::new(false),
            damaged: AtomicBool::new(extent.damaged),
            tail: Mutex::new(tail),
        }
    }

    /// The first offset that can be read.
    pub(crate) fn min(&self) -> QueueOffset {
        QueueOffset(self.min.load(Ordering::Acquire))
    }

    /// The offset after the last one that can be read.
    pub(crate) fn max(&self) -> QueueOffset {
        QueueOffset(self.max.load(Ordering::Acquire))
    }

    /// The offset that the next message gets.
    pub(crate) fn next(&self) -> QueueOffset {
        QueueOffset(self.next.load(Ordering::Relaxed))
    }

    /// Sets the offset that the next message gets. The caller holds the log's lock, or is alone.
    pub(crate) fn set_next(&self, next: QueueOffset) {
        self.next.store(next.0, Ordering::Relaxed);
    }

    /// Whether the queue was deleted and must not be written any more.
    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }

    /// Says that messages are missing from the files.
    pub(crate) fn set_damaged(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// Whether messages are missing from the files, or were when the store was opened.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// The log's offset after the queue's last message, -1 without any.
    pub(crate) fn max_physical(&self) -> i64 {
        self.tail.lock().max_physical
    }

    /// Takes in the unit of the message at `offset`. Units come in the order of the log, possibly repeatedly. A newer
    /// message at an offset that is taken means that the topic was deleted and came back: it replaces what follows.
    pub(crate) fn apply(&self, files: &QueueFiles, offset: QueueOffset, unit: Unit) -> io::Result<Applied> {
        let mut tail = self.tail.lock();
        if unit.end().0 <= tail.max_physical {
            return Ok(Applied::Known);
        }
        let max = tail.end();
        if offset.0 > max {
            return Ok(Applied::Gap);
        }
        if offset.0 < max {
            tracing::warn!(
                "queue {}/{} goes back from offset {max} to {offset}: its topic was deleted meanwhile",
                self.topic,
                self.id
            );
            self.cut(&mut tail, files, offset.0)?;
        }
        if tail.unwritten().len() >= WRITE_BYTES {
            self.write(&mut tail, files)?;
        }
        tail.units.extend_from_slice(&unit.encode());
        tail.max_physical = unit.end().0;
        tail.busy = true;
        let first = !std::mem::replace(&mut tail.listed, true);
        self.max.store(tail.end(), Ordering::Release);
        Ok(Applied::Appended { first })
    }

    /// Goes on at `offset` although the messages before it are gone from the log: their places are filled, or, if they are
    /// too many, the queue begins anew at `offset`.
    pub(crate) fn skip_to(&self, files: &QueueFiles, offset: QueueOffset) -> io::Result<()> {
        let mut tail = self.tail.lock();
        let end = tail.end();
        let is_empty = end == self.min.load(Ordering::Acquire);
        let lost = offset.0.saturating_sub(end);
        if !is_empty {
            tracing::error!("queue {}/{} lacks {lost} messages from offset {end} on", self.topic, self.id);
        }
        if is_empty || lost > MAX_FILLERS {
            files.remove(self)?;
            self.reset(&mut tail, offset.0, offset.0, -1);
            self.first_file.store(files.file_of(offset.0), Ordering::Relaxed);
            return Ok(());
        }
        let filler = Unit::filler(PhysicalOffset(tail.max_physical.max(0))).encode();
        tail.units.extend(filler.repeat(lost as usize));
        self.max.store(tail.end(), Ordering::Release);
        self.write(&mut tail, files)
    }

    /// Drops all units of messages at or behind `end` of the log.
    pub(crate) fn truncate(&self, files: &QueueFiles, end: PhysicalOffset) -> io::Result<()> {
        let mut tail = self.tail.lock();
        if tail.max_physical <= end.0 {
            return Ok(());
        }
        self.write(&mut tail, files)?;
        let keep = self.search(files, tail.written, |unit| unit.end() <= end)?;
        self.cut(&mut tail, files, keep)
    }

    /// Raises the first offset to that of the first message at or behind `begin` of the log.
    pub(crate) fn raise_min(&self, files: &QueueFiles, begin: PhysicalOffset) -> io::Result<()> {
        let first = self.offset_from(files, begin)?;
        self.raise_min_to(first);
        Ok(())
    }

    /// Raises the first offset, at most to the end.
    pub(crate) fn raise_min_to(&self, offset: QueueOffset) {
        // Whoever cuts the queue holds the same lock.
        let tail = self.tail.lock();
        self.min.fetch_max(offset.0.min(tail.end()), Ordering::AcqRel);
    }

    /// The offset of the first message at or behind `physical` of the log.
    pub(crate) fn offset_from(&self, files: &QueueFiles, physical: PhysicalOffset) -> io::Result<QueueOffset> {
        let is_before = |unit: Unit| unit.physical < physical;
        let tail = self.tail.lock();
        let units = tail.units.as_chunks().0;
        let min = self.min.load(Ordering::Acquire);
        let in_memory = usize::try_from(min - tail.first).unwrap_or(0).min(units.len());
        if min >= tail.first || units.first().is_some_and(|unit| is_before(Unit::decode(unit))) {
            let passed = units[in_memory..].partition_point(|unit| is_before(Unit::decode(unit)));
            return Ok(QueueOffset(tail.first + (in_memory + passed) as i64));
        }
        // Most often nothing has to go: that takes one look.
        let mut bytes = [0; UNIT_BYTES];
        files.read(self, min, &mut bytes, true)?;
        if !is_before(Unit::decode(&bytes)) {
            return Ok(QueueOffset(min));
        }
        self.search(files, tail.first, is_before).map(QueueOffset)
    }

    /// Removes the files, except the last, that hold nothing from the first offset on.
    pub(crate) fn remove_before_min(&self, files: &QueueFiles) -> io::Result<()> {
        let tail = self.tail.lock();
        if self.is_removed() {
            return Ok(());
        }
        let last = files.file_of((tail.written - 1).max(0));
        let keep = files.file_of(self.min.load(Ordering::Acquire)).min(last);
        for index in self.first_file.load(Ordering::Relaxed)..keep {
            files.remove_file(self, index)?;
            self.first_file.store(index + 1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes what is not written yet; a queue that has been idle since the last call also gives its memory back.
    /// Says whether it wants to be called again.
    pub(crate) fn settle(&self, files: &QueueFiles) -> io::Result<bool> {
        let mut tail = self.tail.lock();
        if self.is_removed() {
            return Ok(false);
        }
        self.write(&mut tail, files)?;
        if std::mem::take(&mut tail.busy) {
            return Ok(true);
        }
        tail.first = tail.written;
        tail.units = Vec::new();
        tail.listed = false;
        Ok(false)
    }

    /// Writes the units at `offsets` once more, as they are; says which of them there are, if any. The dispatcher rests
    /// meanwhile.
    pub(crate) fn rewrite(&self, files: &QueueFiles, offsets: Range<i64>) -> io::Result<Option<Range<i64>>> {
        let tail = self.tail.lock();
        let there = offsets.start.max(self.min().0)..offsets.end.min(tail.written);
        if there.is_empty() || self.is_removed() {
            return Ok(None);
        }
        files.rewrite(self, there.clone())?;
        Ok(Some(there))
    }

    /// Gives up what is in memory; the queue has been removed.
    fn discard(&self) {
        let mut tail = self.tail.lock();
        tail.units = Vec::new();
        tail.first = tail.written;
    }

    /// Reads up to `count` units from `from` on into `out`. With `wait` false it fails with `WouldBlock` rather than wait
    /// for the disk.
    pub(crate) fn read(
        &self,
        files: &QueueFiles,
        from: QueueOffset,
        count: usize,
        wait: bool,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        out.clear();
        let from = from.0;
        let in_file = {
            let tail = self.tail.lock();
            let to = tail.end().min(from.saturating_add(count as i64));
            let units = usize::try_from(to - from).unwrap_or(0);
            out.resize(units * UNIT_BYTES, 0);
            let in_file = usize::try_from(tail.first - from).unwrap_or(0).min(units);
            if in_file < units {
                let start = (from + in_file as i64 - tail.first) as usize * UNIT_BYTES;
                let length = (units - in_file) * UNIT_BYTES;
                out[in_file * UNIT_BYTES..].copy_from_slice(&tail.units[start..start + length]);
            }
            in_file
        };
        // What has left the memory is in the file, and stays there.
        files.read(self, from, &mut out[..in_file * UNIT_BYTES], wait)
    }

    /// The unit at `offset`, if the queue has it.
    pub(crate) fn unit(&self, files: &QueueFiles, offset: QueueOffset, wait: bool) -> io::Result<Option<Unit>> {
        if offset < self.min() || offset >= self.max() {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(UNIT_BYTES);
        self.read(files, offset, 1, wait, &mut bytes)?;
        Ok(bytes.first_chunk().map(Unit::decode))
    }

    /// The first offset from the first one on, before `end`, whose unit in the file does not satisfy `before`; all that
    /// do come first.
    fn search(&self, files: &QueueFiles, end: i64, before: impl Fn(Unit) -> bool) -> io::Result<i64> {
        let (mut low, mut high) = (self.min.load(Ordering::Acquire), end);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut bytes = [0; UNIT_BYTES];
            files.read(self, middle, &mut bytes, true)?;
            if before(Unit::decode(&bytes)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Gives up all units from `offset` on.
    fn cut(&self, tail: &mut Tail, files: &QueueFiles, offset: i64) -> io::Result<()> {
        files.erase(self, offset, tail.written)?;
        let min = self.min.load(Ordering::Acquire).min(offset);
        let max_physical = if offset > min {
            let mut bytes = [0; UNIT_BYTES];
            match usize::try_from(offset - 1 - tail.first) {
                Ok(index) => bytes.copy_from_slice(&tail.units[index * UNIT_BYTES..][..UNIT_BYTES]),
                Err(_) => files.read(self, offset - 1, &mut bytes, true)?,
            }
            Unit::decode(&bytes).end().0
        } else {
            -1
        };
        if offset < tail.first {
            self.reset(tail, min, offset, max_physical);
        } else {
            tail.units.truncate((offset - tail.first) as usize * UNIT_BYTES);
            tail.written = tail.written.min(offset);
            tail.max_physical = max_physical;
            self.max.store(offset, Ordering::Release);
        }
        Ok(())
    }

    fn reset(&self, tail: &mut Tail, min: i64, max: i64, max_physical: i64) {
        tail.units.clear();
        tail.first = max;
        tail.written = max;
        tail.max_physical = max_physical;
        self.min.store(min, Ordering::Release);
        self.max.store(max, Ordering::Release);
    }

    /// Writes the unwritten units, and drops written ones that are more than readers of the newest messages need.
    fn write(&self, tail: &mut Tail, files: &QueueFiles) -> io::Result<()> {
        if tail.unwritten().is_empty() {
            return Ok(());
        }
        files.write(self, tail.written, tail.unwritten())?;
        tail.written = tail.end();
        let surplus = tail.units.len().saturating_sub(WRITE_BYTES) / UNIT_BYTES;
        if surplus > 0 {
            tail.units.drain(..surplus * UNIT_BYTES);
            tail.first += surplus as i64;
        }
        Ok(())
    }
}

impl Tail {
    /// The offset after the last unit.
    fn end(&self) -> i64 {
        self.first + (self.units.len() / UNIT_BYTES) as i64
    }

    fn unwritten(&self) -> &[u8] {
        &self.units[(self.written - self.first) as usize * UNIT_BYTES..]
    }
}
