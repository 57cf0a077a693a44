//! The files behind messages with a delivery time of their own, in Apache's formats: `timerlog/`, a log of small records that
//! each point to a message; `timerwheel`, which chains the records of each slot of time; and `config/timercheck`, which says how
//! far both have got. Which record belongs into which slot, and when a slot's messages are due, is decided elsewhere.

mod checkpoint;
mod log;
mod record;
mod recovery;
#[cfg(test)]
mod tests;
mod wheel;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

pub use checkpoint::TimerCheckpoint;
pub(crate) use record::{RECORD_BYTES, Unit};
pub use record::{TimerMark, TimerRecord};
pub use wheel::TIMER_SLOTS;

use crate::disk::Disk;
use crate::error::StoreError;
use crate::offset::PhysicalOffset;
use checkpoint::CheckpointFile;
use log::TimerLog;
use wheel::{Slot, Wheel};

/// Where the files are and how they are laid out.
#[derive(Clone, Debug)]
pub struct TimerOptions {
    /// The folder that holds them (`storePathRootDir`).
    pub root: PathBuf,
    /// Length of a slot in milliseconds (`timerPrecisionMs`).
    pub precision_ms: i64,
    /// Length of each file of the log (`mappedFileSizeTimerLog`).
    pub log_file_bytes: u64,
}

/// A record with its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedRecord {
    /// Where it starts.
    pub position: i64,
    /// The record.
    pub record: TimerRecord,
}

/// What opening the files found.
#[derive(Debug, Default)]
pub struct RecoveredTimers {
    /// What `config/timercheck` says; all zeros without one.
    pub checkpoint: TimerCheckpoint,
    /// The starts of the slots from the checkpoint's time on that hold records.
    pub slots: BTreeSet<i64>,
    /// Records from after the checkpoint whose slots the checkpoint already counts as done; oldest first.
    pub late: Vec<LoggedRecord>,
    /// The newest record.
    pub last: Option<LoggedRecord>,
    /// Slots held records that the log has lost: the messages must be entered again from their queue.
    pub incomplete: bool,
}

/// The open files. One caller at a time; every method may wait for the disk. Files come into being with the first record.
pub struct TimerFiles {
    options: TimerOptions,
    disk: Arc<dyn Disk>,
    log: TimerLog,
    wheel: Option<Wheel>,
    checkpoint: CheckpointFile,
}

impl TimerFiles {
    /// Opens what there is, cuts off the log what a crash left half written and what is about messages that the commit log, which
    /// ends at `commit_log_end`, has lost with the power, and gives the wheel what it lacks.
    pub fn open(
        options: TimerOptions,
        disk: Arc<dyn Disk>,
        commit_log_end: PhysicalOffset,
    ) -> Result<(Self, RecoveredTimers), StoreError> {
        let checkpoint = CheckpointFile::open(&*disk, &options.root)?;
        let log = TimerLog::open(&options, Arc::clone(&disk))?;
        let wheel = Wheel::open(&*disk, &options)?;
        let mut files = Self { options, disk, log, wheel, checkpoint };
        let recovered = files.recover(commit_log_end)?;
        Ok((files, recovered))
    }

    /// Appends a record to the log and to the chain of its slot; answers its place. With `begins_slot` the chain begins anew:
    /// what the slot's place in the wheel held before is done with. The record's `previous` is filled in here.
    pub fn append(&mut self, record: &TimerRecord, begins_slot: bool) -> Result<i64, StoreError> {
        let wheel = match &mut self.wheel {
            Some(wheel) => wheel,
            none => none.insert(Wheel::create(&*self.disk, &self.options)?),
        };
        let slot_ms = record.slot_ms(self.options.precision_ms);
        let chain = if begins_slot { None } else { wheel.slot(slot_ms)? };
        let record = TimerRecord { previous: chain.map_or(Slot::NONE, |slot| slot.last), ..*record };
        let position = self.log.append(&record)?;
        wheel.put(&Slot::after(chain, slot_ms, position, record.mark.delete))?;
        Ok(position)
    }

    /// The records of a slot, oldest first.
    pub fn slot(&self, slot_ms: i64) -> Result<Vec<LoggedRecord>, StoreError> {
        let Some(slot) = self.wheel.as_ref().map(|wheel| wheel.slot(slot_ms)).transpose()?.flatten() else {
            return Ok(Vec::new());
        };
        self.log.chain(slot.last)
    }

    /// All records of messages before `physical`.
    pub fn records_before(&self, physical: PhysicalOffset) -> Result<Vec<LoggedRecord>, StoreError> {
        let mut found = Vec::new();
        if let Some(begin) = self.log.begin() {
            self.log.walk(begin, |logged| {
                if logged.record.physical < physical {
                    found.push(logged);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// How many messages wait in the slots from this one on.
    pub fn count_from(&self, slot_ms: i64) -> Result<i64, StoreError> {
        let mut count = 0;
        if let Some(wheel) = &self.wheel {
            wheel.for_each(|slot| count += if slot.start_ms >= slot_ms { i64::from(slot.count) } else { 0 })?;
        }
        Ok(count.max(0))
    }

    /// The log's end.
    pub fn log_end(&self) -> i64 {
        self.log.end()
    }

    /// Brings log and wheel to the disk, then notes how far things are. `checkpoint.log_flushed` is filled in here.
    pub fn save(&mut self, checkpoint: TimerCheckpoint) -> Result<(), StoreError> {
        self.log.sync()?;
        if let Some(wheel) = &self.wheel {
            wheel.sync()?;
        }
        self.checkpoint.save(&*self.disk, TimerCheckpoint { log_flushed: self.log.end(), ..checkpoint })
    }

    /// Removes the files of the log all of whose messages lie before `begin`, the commit log's first offset.
    pub fn remove_before(&mut self, begin: PhysicalOffset) -> Result<(), StoreError> {
        self.log.remove_before(begin)
    }
}
