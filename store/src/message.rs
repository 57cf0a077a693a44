//! A message on its way into the store, and the receipt for it.

use std::net::SocketAddr;

use crate::offset::{PhysicalOffset, QueueId, QueueOffset};

/// A message to be stored. The store adds offsets, store time and checksum.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// The topic, at most 32,767 bytes; a single path component.
    pub topic: &'a str,
    /// The queue within the topic.
    pub queue: QueueId,
    /// The producer's own flag, passed through.
    pub flag: i32,
    /// Compression, transaction and batch bits ([`record::sys_flag`](crate::record::sys_flag)); the address
    /// bits are set by the store.
    pub sys_flag: i32,
    /// When the producer made it.
    pub born_ms: i64,
    /// The producer's address.
    pub born_host: SocketAddr,
    /// The broker's address, which becomes part of the message id.
    pub store_host: SocketAddr,
    /// How often it was consumed in vain.
    pub reconsume_times: i32,
    /// Where the half message of its transaction lies, else 0.
    pub prepared_offset: i64,
    /// The body; for [`Store::put_batch`](crate::Store::put_batch) the client's batch body.
    pub body: &'a [u8],
    /// The properties as text, `name\x01value\x02` each.
    pub properties: &'a [u8],
}

/// The receipt for a stored message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Where its record starts in the commit log.
    pub physical_offset: PhysicalOffset,
    /// Its offset in its queue.
    pub queue_offset: QueueOffset,
    /// The record's length in bytes.
    pub size: u32,
    /// When it was stored.
    pub store_ms: i64,
}

impl Put {
    /// The log's offset after the record: under SYNC_FLUSH it is durable once
    /// [`StoreEvents::flushed`](crate::StoreEvents::flushed) reported this offset or a later one.
    pub fn end(&self) -> PhysicalOffset {
        PhysicalOffset(self.physical_offset.0 + i64::from(self.size))
    }
}
