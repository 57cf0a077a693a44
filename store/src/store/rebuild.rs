//! Writes anew what queues or index may have lost in a failed sync. After one, the system holds that it is on the disk
//! what is not, and no later sync tells; but the log has everything.

use std::collections::HashMap;
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::Inner;
use crate::error::StoreError;
use crate::index::Keys;
use crate::log::{Checks, Walk};
use crate::offset::{PhysicalOffset, QueueId};
use crate::queue::Queue;
use crate::record::RecordView;

/// The part of a queue that is written anew.
struct Lost {
    queue: Arc<Queue>,
    offsets: Vec<Range<i64>>,
}

/// By topic and queue.
type LostUnits = HashMap<(Arc<str>, QueueId), Lost>;

impl Lost {
    fn has(&self, offset: i64) -> bool {
        self.offsets.iter().any(|range| range.contains(&offset))
    }
}

impl Inner {
    /// Rebuilds the files whose last sync failed. Nothing is dispatched meanwhile.
    pub(super) fn rebuild_lost(&self) -> Result<(), StoreError> {
        if self.incomplete.lock().is_none() {
            return Ok(());
        }
        let around = self.surroundings();
        let work = self.dispatcher.lock_at_end(&around).map_err(|reason| StoreError::Incomplete { reason })?;
        let dir = self.derived.queues.dir();
        let (lost, mut begin) = self.lost_units().map_err(StoreError::io("rebuild queues in", &dir))?;
        let index = self.derived.index.as_ref();
        if let Some((index, missing)) = index.and_then(|index| index.missing_from().map(|missing| (index, missing))) {
            begin = begin.min(missing.0);
            index.remove_from(missing).map_err(StoreError::io("rebuild the index in", &self.options.root))?;
        }
        if begin < i64::MAX {
            let begin = PhysicalOffset(begin).max(self.log.begin());
            tracing::warn!("rebuilding queues and index from {begin} of the commit log on");
            self.replay(begin, &lost).map_err(|reason| StoreError::Incomplete { reason })?;
        }
        drop(work);
        self.derived.queues.files.found();
        index.inspect(|index| index.complete());
        Ok(())
    }

    /// The units of lost files, and where in the log the first of their messages lies.
    fn lost_units(&self) -> io::Result<(LostUnits, i64)> {
        let queues = &self.derived.queues;
        let mut all = LostUnits::new();
        let mut begin = i64::MAX;
        for place in queues.files.lost() {
            let Some(queue) = queues.find(&place.topic, place.queue) else {
                continue;
            };
            let Some(offsets) = queue.rewrite(&queues.files, place.offsets)? else {
                continue;
            };
            begin = begin.min(self.begin_of(&queue, offsets.start));
            let lost = all.entry((Arc::clone(&queue.topic), queue.id));
            lost.or_insert_with(|| Lost { queue, offsets: Vec::new() }).offsets.push(offsets);
        }
        Ok((all, begin))
    }

    /// Where in the log the message of a unit lies at the earliest. The unit itself may be lost; the one before it is in
    /// another file, but may be lost, too.
    fn begin_of(&self, queue: &Queue, offset: i64) -> i64 {
        let before = queue.unit(&self.derived.queues.files, crate::QueueOffset(offset - 1), true);
        let sound = |at: PhysicalOffset| {
            let bytes = self.log.record(at, true).ok()?;
            let record = RecordView::parse(&bytes).ok()?;
            (record.queue_offset().0 == offset - 1 && record.topic() == &*queue.topic && record.queue() == queue.id)
                .then_some(at.0)
        };
        before.ok().flatten().and_then(|unit| sound(unit.physical)).unwrap_or(0)
    }

    /// Writes the lost units again, and enters keys that the index lacks.
    fn replay(&self, begin: PhysicalOffset, lost: &LostUnits) -> Result<(), String> {
        let now_ms = self.clock.now_ms();
        let walk = self.log.walk(begin, Checks::Structure, |record, _| {
            let keys = Keys::of(record);
            let apply = || {
                for place in self.derived.places(record, &keys) {
                    if let Some(lost) = lost.get(&(Arc::from(place.topic), place.queue))
                        && lost.has(place.offset.0)
                    {
                        self.derived.rewrite_unit(&lost.queue, record, &keys, place.offset)?;
                    }
                }
                self.derived.apply_keys(record, &keys, now_ms)
            };
            match apply() {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        match walk {
            Ok(Walk::Ended { problem: None, .. }) => Ok(()),
            Ok(Walk::Ended { at, problem: Some(problem) }) => Err(format!("the record at {at} is damaged: {problem}")),
            Ok(Walk::Broken(_, error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}
