//! What is derived from the log record by record: queue units and index entries. Used by the dispatcher for new
//! records and by recovery for those that a crash took from the files; applying a record twice changes nothing.

use std::io;

use crate::index::{Index, Keys};
use crate::light::{self, LIGHT_QUEUE};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::queue::{Applied, Queue, Queues, Unit};
use crate::record::{RecordView, properties, sys_flag, tags_code};

/// The topic on which delayed messages wait; its units carry delivery times instead of tags.
pub const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";

/// Queues and index.
pub(crate) struct Derived {
    pub(crate) queues: Queues,
    pub(crate) index: Option<Index>,
    pub(crate) delay_levels_ms: Vec<i64>,
    /// Whether records enter the light queues that they name.
    pub(crate) light_queues: bool,
}

/// A place in a queue that a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a str,
    pub(crate) queue: QueueId,
    pub(crate) offset: QueueOffset,
}

/// The unit that a record asks for.
pub(crate) struct QueueEntry {
    pub(crate) unit: Unit,
    pub(crate) applied: Applied,
}

impl Derived {
    /// The places that a record has: none, or its own and those in light queues.
    pub(crate) fn places<'a>(
        &self,
        record: &RecordView<'a>,
        keys: &Keys<'_>,
    ) -> impl Iterator<Item = Place<'a>> + use<'a> {
        let own = Place { topic: record.topic(), queue: record.queue(), offset: record.queue_offset() };
        let own = sys_flag::enters_queue(record.sys_flag()).then_some(own);
        let names_lights = self.light_queues && keys.has_lights;
        let lights = names_lights.then(|| light::entries(record)).into_iter().flatten();
        own.into_iter().chain(lights.map(|(topic, offset)| Place { topic, queue: LIGHT_QUEUE, offset }))
    }

    /// Puts a record's unit into the queue of one of its places.
    pub(crate) fn apply_unit(
        &self,
        queue: &Queue,
        record: &RecordView<'_>,
        keys: &Keys<'_>,
        offset: QueueOffset,
    ) -> io::Result<QueueEntry> {
        let unit = self.unit(record, keys);
        let applied = queue.apply(&self.queues.files, offset, unit)?;
        Ok(QueueEntry { unit, applied })
    }

    /// Writes a record's unit once more where it was.
    pub(crate) fn rewrite_unit(
        &self,
        queue: &Queue,
        record: &RecordView<'_>,
        keys: &Keys<'_>,
        offset: QueueOffset,
    ) -> io::Result<()> {
        self.queues.files.write(queue, offset.0, &self.unit(record, keys).encode())
    }

    /// Puts a record's keys into the index.
    pub(crate) fn apply_keys(&self, record: &RecordView<'_>, keys: &Keys<'_>, now_ms: i64) -> io::Result<()> {
        self.index.as_ref().map_or(Ok(()), |index| index.apply(record, keys, now_ms))
    }

    fn unit(&self, record: &RecordView<'_>, keys: &Keys<'_>) -> Unit {
        let tags_code = match self.delivery_ms(record) {
            Some(delivery_ms) => delivery_ms,
            None => keys.tag.map_or(0, tags_code),
        };
        Unit { physical: PhysicalOffset(record.physical_offset().0), size: record.size() as i32, tags_code }
    }

    /// When a message of the schedule topic is due.
    fn delivery_ms(&self, record: &RecordView<'_>) -> Option<i64> {
        if record.topic() != SCHEDULE_TOPIC {
            return None;
        }
        let level: usize = record.properties().get_str(properties::DELAY)?.parse().ok()?;
        let level = level.min(self.delay_levels_ms.len());
        let delay_ms = self.delay_levels_ms.get(level.checked_sub(1)?)?;
        Some(record.store_ms() + delay_ms)
    }
}
