//! What queues hold, entry by entry, for people who look into them.

use super::Store;
use crate::error::ReadError;
use crate::offset::{QueueId, QueueOffset};
use crate::queue::Unit;
use crate::read::QueueEntry;

impl Store {
    /// The entries of a queue from `offset` on, at most `most`, whether their messages are still there or not; `None`: no such
    /// queue. May wait for the disk.
    pub fn queue_entries(
        &self,
        topic: &str,
        queue: QueueId,
        offset: QueueOffset,
        most: usize,
    ) -> Result<Option<Vec<QueueEntry>>, ReadError> {
        let queues = &self.inner.derived.queues;
        let Some(queue) = queues.find(topic, queue) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let left = (queue.max().0 - offset.0).max(0).unsigned_abs() as usize;
        if offset >= queue.min() && left > 0 {
            let read = queue.read(&queues.files, offset, most.min(left), true, &mut bytes);
            read.map_err(ReadError::io("a consume queue"))?;
        }
        let units = bytes.as_chunks().0.iter().map(Unit::decode);
        let entry = |unit: Unit| QueueEntry { physical: unit.physical, bytes: unit.size, tags_code: unit.tags_code };
        Ok(Some(units.map(entry).collect()))
    }
}
