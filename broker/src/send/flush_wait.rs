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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Hold { end: i64, patience_ms: i64 },
        Flush { up_to: i64 },
        Wait { ms: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..50i64, 0..50i64).prop_map(|(end, patience_ms)| Step::Hold { end, patience_ms }),
            1 => (0..50i64).prop_map(|up_to| Step::Flush { up_to }),
            1 => (0..30i64).prop_map(|ms| Step::Wait { ms }),
        ]
    }

    proptest! {
        /// The naive model: one list of everything that waits.
        #[test]
        fn each_answer_leaves_once_when_its_record_is_safe_or_its_time_is_up(steps in prop::collection::vec(step(), 1..80)) {
            let mut wait = FlushWait::default();
            let mut model: Vec<(u32, i64, i64)> = Vec::new();
            let (mut now, mut next) = (0, 0u32);
            for step in steps {
                let (mut got, mut expected) = match step {
                    Step::Hold { end, patience_ms } => {
                        wait.hold(PhysicalOffset(end), now + patience_ms, next);
                        model.push((next, end, now + patience_ms));
                        next += 1;
                        (vec![], vec![])
                    }
                    Step::Flush { up_to } => {
                        let expected = model.extract_if(.., |w| w.1 <= up_to).map(|w| w.0).collect();
                        (wait.flushed(PhysicalOffset(up_to)), expected)
                    }
                    Step::Wait { ms } => {
                        now += ms;
                        let expected: Vec<u32> = model.extract_if(.., |w| w.2 <= now).map(|w| w.0).collect();
                        (wait.expired(now), expected)
                    }
                };
                got.sort();
                expected.sort();
                prop_assert_eq!(got, expected);
                prop_assert_eq!(wait.len(), model.len());
            }
            prop_assert_eq!(wait.drain().len(), model.len());
        }
    }
}
