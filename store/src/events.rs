//! What the store tells its owner without being asked.

use std::sync::Arc;

use crate::offset::{PhysicalOffset, QueueId, QueueOffset};

/// Messages with the same tag, one after the other in their queue, that can now be read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Their topic.
    pub topic: Arc<str>,
    /// Their queue.
    pub queue: QueueId,
    /// The queue's new maximum: the offset after the last one's.
    pub max_offset: QueueOffset,
    /// The hash of their tag, 0 without one; the delivery time on the schedule topic.
    pub tags_code: i64,
    /// When the first of them was stored.
    pub store_ms: i64,
    /// How many they are.
    pub messages: u64,
    /// The length of their records.
    pub bytes: u64,
}

/// Receives the store's news. Called on whichever thread caused them, without any lock of the store held; the
/// methods must not block.
pub trait StoreEvents: Send + Sync {
    /// Messages became readable; once per run of the dispatcher, in the order of the log.
    fn arrived(&self, arrivals: &[Arrival]);

    /// Everything before `up_to` is on the disk.
    fn flushed(&self, up_to: PhysicalOffset);

    /// From now on the store refuses writes, until it is opened anew.
    fn refused(&self, reason: &str);
}

/// Ignores all news; for tools and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl StoreEvents for NoEvents {
    fn arrived(&self, _: &[Arrival]) {}
    fn flushed(&self, _: PhysicalOffset) {}
    fn refused(&self, _: &str) {}
}
