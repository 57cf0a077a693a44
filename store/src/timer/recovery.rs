//! Opening: brings log and wheel into agreement after whatever stopped the broker.
//!
//! A checkpoint is taken after log and wheel have reached the disk, so that everything it covers can be relied on. Of what came
//! later the log may have more than the wheel, which gets it here, or, after a loss of power, less: then slots that point behind
//! the log's end are chained anew from the log.

use std::collections::BTreeSet;

use super::wheel::{Slot, Wheel};
use super::{LoggedRecord, RecoveredTimers, TimerFiles};
use crate::error::StoreError;
use crate::offset::PhysicalOffset;

impl TimerFiles {
    pub(super) fn recover(&mut self, commit_log_end: PhysicalOffset) -> Result<RecoveredTimers, StoreError> {
        let checkpoint = self.checkpoint.saved;
        let Some(begin) = self.log.begin() else {
            self.log.cut(0)?;
            return Ok(RecoveredTimers {
                checkpoint,
                incomplete: checkpoint.log_flushed > 0,
                ..RecoveredTimers::default()
            });
        };
        let had_wheel = self.wheel.is_some();
        if !had_wheel {
            self.wheel = Some(Wheel::create(&*self.disk, &self.options)?);
        }
        let mut newer = Vec::new();
        // Other messages will come to lie where those did.
        let mut lost_from = None;
        let start = self.log.walk_start(checkpoint.log_flushed);
        let end = self.log.walk(start, |logged| {
            if logged.position < checkpoint.log_flushed {
                return Ok(());
            }
            if lost_from.is_none() && logged.record.physical >= commit_log_end {
                lost_from = Some(logged.position);
            }
            if lost_from.is_none() {
                newer.push(logged);
            }
            Ok(())
        })?;
        let end = lost_from.unwrap_or(end);
        self.log.cut(end)?;

        let first_broken = self.clear_slots_behind(end)?;
        if !had_wheel || first_broken.is_some() {
            let from = first_broken.filter(|_| had_wheel).unwrap_or(begin);
            let files = &*self;
            files.log.walk(files.log.walk_start(from), |logged| match files.slot_of(&logged) {
                slot_ms if slot_ms >= checkpoint.read_ms => files.chain(slot_ms, &logged),
                _ => Ok(()),
            })?;
        }
        let mut recovered = RecoveredTimers {
            checkpoint,
            incomplete: end < checkpoint.log_flushed,
            last: newer.last().copied(),
            ..RecoveredTimers::default()
        };
        for logged in newer {
            let slot_ms = self.slot_of(&logged);
            self.chain(slot_ms, &logged)?;
            if slot_ms < checkpoint.read_ms {
                recovered.late.push(logged);
            }
        }
        recovered.slots = self.slots_from(checkpoint.read_ms)?;
        Ok(recovered)
    }

    fn slot_of(&self, logged: &LoggedRecord) -> i64 {
        logged.record.slot_ms(self.options.precision_ms)
    }

    /// Adds a record of the log to its slot, unless the slot has it.
    fn chain(&self, slot_ms: i64, logged: &LoggedRecord) -> Result<(), StoreError> {
        let Some(wheel) = &self.wheel else { return Ok(()) };
        let slot = wheel.slot(slot_ms)?;
        if slot.is_some_and(|slot| slot.last >= logged.position) {
            return Ok(());
        }
        wheel.put(&Slot::after(slot, slot_ms, logged.position, logged.record.mark.delete))
    }

    /// Empties the slots that name records which the log does not have; answers where the oldest of their records may be.
    fn clear_slots_behind(&self, end: i64) -> Result<Option<i64>, StoreError> {
        let Some(wheel) = &self.wheel else { return Ok(None) };
        let mut broken = Vec::new();
        wheel.for_each(|slot| {
            if slot.last >= end {
                broken.push(slot);
            }
        })?;
        for slot in &broken {
            wheel.put(&Slot { first: Slot::NONE, last: Slot::NONE, count: 0, ..*slot })?;
        }
        Ok(broken.iter().map(|slot| slot.first).min())
    }

    fn slots_from(&self, read_ms: i64) -> Result<BTreeSet<i64>, StoreError> {
        let mut slots = BTreeSet::new();
        if let Some(wheel) = &self.wheel {
            wheel.for_each(|slot| {
                if slot.start_ms >= read_ms {
                    slots.insert(slot.start_ms);
                }
            })?;
        }
        Ok(slots)
    }
}
