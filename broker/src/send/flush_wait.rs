//! Sends that wait for the disk (`flushDiskType=SYNC_FLUSH`): a plain state machine. It knows up to which offset of the commit log
//! each answer needs the disk, and until when its producer waits; it does not know how to answer, nor how to flush.

use std::collections::{BTreeMap, BTreeSet};

use bolide_store::PhysicalOffset;

/// Answers `A` that wait for a sync of the commit log.
#[derive(Debug)]
pub struct FlushWait<A> {
    /// By the end of the record, then in order of arrival.
    waiting: BTreeMap<(PhysicalOffset, u64), (i64, A)>,
    deadlines: BTreeSet<(i64, PhysicalOffset, u64)>,
    next: u64,
}

impl<A> Default for FlushWait<A> {
    fn default() -> Self {
        FlushWait { waiting: BTreeMap::new(), deadlines: BTreeSet::new(), next: 0 }
    }
}

impl<A> FlushWait<A> {
    /// Lets an answer wait until the log is on the disk up to `end`, or until `deadline_ms`.
    pub fn hold(&mut self, end: PhysicalOffset, deadline_ms: i64, answer: A) {
        self.waiting.insert((end, self.next), (deadline_ms, answer));
        self.deadlines.insert((deadline_ms, end, self.next));
        self.next += 1;
    }

    /// The disk has everything before `up_to`: takes out the answers that waited for it.
    pub fn flushed(&mut self, up_to: PhysicalOffset) -> Vec<A> {
        let still_waiting = self.waiting.split_off(&(PhysicalOffset(up_to.0 + 1), 0));
        let done = std::mem::replace(&mut self.waiting, still_waiting);
        let release = |((end, number), (deadline_ms, answer))| {
            self.deadlines.remove(&(deadline_ms, end, number));
            answer
        };
        done.into_iter().map(release).collect()
    }

    /// Takes out the answers whose producers wait no longer.
    pub fn expired(&mut self, now_ms: i64) -> Vec<A> {
        let mut expired = Vec::new();
        while let Some(&(deadline_ms, end, number)) = self.deadlines.first() {
            if deadline_ms > now_ms {
                break;
            }
            self.deadlines.pop_first();
            expired.extend(self.waiting.remove(&(end, number)).map(|(_, answer)| answer));
        }
        expired
    }

    /// Takes out everything, because no sync will come any more.
    pub fn drain(&mut self) -> Vec<A> {
        self.deadlines.clear();
        std::mem::take(&mut self.waiting).into_values().map(|(_, answer)| answer).collect()
    }

    /// How many answers wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no answer waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
