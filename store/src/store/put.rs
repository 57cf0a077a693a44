//! Puts. A record is encoded outside the log's lock into a buffer of the thread's own; inside the lock it only gets its
//! offsets and is copied.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Inner, Store};
use crate::error::PutError;
use crate::light::{LIGHT_QUEUE, LightSlot, Plan};
use crate::message::{NewMessage, Put};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::queue::Queue;
use crate::record::{BatchError, BatchMessages, EncodeError, Encoded, MAX_PROPERTIES_BYTES, encode, sys_flag};

/// The longest name of a folder.
const MAX_TOPIC_BYTES: usize = 255;
/// A buffer that grew beyond this is not kept.
const MAX_KEPT_BUFFER_BYTES: usize = 256 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Store {
    /// Appends a message. On return it survives the death of the process; under SYNC_FLUSH ask [`Store::request_flush`]
    /// and wait for [`StoreEvents::flushed`](crate::StoreEvents::flushed) to reach [`Put::end`].
    pub fn put(&self, message: &NewMessage<'_>) -> Result<Put, PutError> {
        match self.inner.nearly_full() {
            Some(refusal) => self.count_failure(Err(refusal)),
            None => self.put_again(message),
        }
    }

    /// Like [`Store::put`], for what was accepted earlier and is stored again so that older segments may go: it may use
    /// the room that a disk has left which is too full for other messages.
    pub fn put_again(&self, message: &NewMessage<'_>) -> Result<Put, PutError> {
        let result = with_buffer(|buffer| {
            self.inner.check(message)?;
            let mut lights = Vec::new();
            self.inner.encode(message, buffer, &mut lights)?;
            let mut receipt = None;
            self.inner.append(message, buffer, &lights, |put| receipt = Some(put))?;
            receipt.ok_or(PutError::Closed)
        });
        self.count_failure(result)
    }

    /// Appends the messages of a client's batch body to consecutive offsets of one queue, all or none.
    pub fn put_batch(&self, batch: &NewMessage<'_>) -> Result<Vec<Put>, PutError> {
        let result = with_buffer(|buffer| {
            if let Some(refusal) = self.inner.nearly_full() {
                return Err(refusal);
            }
            self.inner.check(batch)?;
            let kinds = sys_flag::TRANSACTION_MASK | sys_flag::NEED_UNWRAP | sys_flag::INNER_BATCH;
            if batch.sys_flag & kinds != 0 {
                return Err(PutError::UnsupportedBatch);
            }
            if batch.body.is_empty() {
                return Err(PutError::BadBatch { position: 0, problem: "it has no messages" });
            }
            let mut lights = Vec::new();
            for inner in BatchMessages::new(batch.body) {
                let inner =
                    inner.map_err(|BatchError { position, problem }| PutError::BadBatch { position, problem })?;
                let message = NewMessage {
                    flag: inner.flag,
                    body: inner.body,
                    properties: inner.properties,
                    prepared_offset: 0,
                    ..*batch
                };
                self.inner.encode(&message, buffer, &mut lights)?;
            }
            let mut puts = Vec::new();
            self.inner.append(batch, buffer, &lights, |put| puts.push(put))?;
            Ok(puts)
        });
        self.count_failure(result)
    }

    /// The offset that the queue's next message will get, dispatched or not; 0 without such a queue.
    pub fn next_offset(&self, topic: &str, queue: QueueId) -> QueueOffset {
        self.inner.derived.queues.find(topic, queue).map_or(QueueOffset(0), |queue| queue.next())
    }

    fn count_failure<T>(&self, result: Result<T, PutError>) -> Result<T, PutError> {
        if result.is_err() {
            self.inner.counters.put_failures.fetch_add(1, Relaxed);
        }
        result
    }
}

impl Inner {
    /// Why producers' messages are refused, while the disk is too full for them.
    pub(super) fn nearly_full(&self) -> Option<PutError> {
        let used_percent = self.nearly_full.load(Relaxed);
        (used_percent > 0).then_some(PutError::NearlyFull { used_percent })
    }

    fn check(&self, message: &NewMessage<'_>) -> Result<(), PutError> {
        let (body, limit) = (message.body.len(), self.options.max_body_bytes);
        if body > limit {
            return Err(PutError::MessageTooLarge { found: body, limit });
        }
        let topic = message.topic;
        if topic.is_empty() || topic.len() > MAX_TOPIC_BYTES {
            return Err(PutError::BadTopicLength { found: topic.len(), limit: MAX_TOPIC_BYTES });
        }
        if topic == "." || topic == ".." || topic.contains(['/', '\0']) {
            return Err(PutError::BadTopicName);
        }
        if message.queue.0 < 0 {
            return Err(PutError::BadQueue { found: message.queue.0 });
        }
        Ok(())
    }

    /// Appends a message to `buffer` as a record, and the light queues that it enters to `lights`.
    fn encode(
        &self,
        message: &NewMessage<'_>,
        buffer: &mut Vec<u8>,
        lights: &mut Vec<LightSlot>,
    ) -> Result<(), PutError> {
        let has_crc = self.options.append_property_crc;
        let plan = if self.options.light_queues { Plan::of(message)? } else { None };
        let Some(plan) = plan else {
            encode(message, has_crc, buffer).map_err(encode_error)?;
            return Ok(());
        };
        encode(&NewMessage { properties: &plan.properties, ..*message }, has_crc, buffer).map_err(encode_error)?;
        lights.extend(plan.slots(buffer.len(), has_crc));
        Ok(())
    }

    /// Appends encoded records of one queue, which also enter `lights`, and calls `stored` for each.
    fn append(
        &self,
        message: &NewMessage<'_>,
        records: &mut [u8],
        lights: &[LightSlot],
        mut stored: impl FnMut(Put),
    ) -> Result<(), PutError> {
        let begin_ms = self.clock.now_ms();
        let enters_queue = sys_flag::enters_queue(message.sys_flag);
        let queues = &self.derived.queues;
        let (slot, queue, light_queues) = loop {
            let queue = enters_queue.then(|| queues.find_or_create(message.topic, message.queue));
            let light_queues: Vec<Arc<Queue>> =
                lights.iter().map(|light| queues.find_or_create(&light.name, LIGHT_QUEUE)).collect();
            let slot = self.log.slot(records.len(), begin_ms)?;
            // A topic may have been deleted in between.
            if !queue.iter().chain(&light_queues).any(|queue| queue.is_removed()) {
                break (slot, queue, light_queues);
            }
        };
        for (light, queue) in lights.iter().zip(&light_queues) {
            light.fill(records, queue.next());
            queue.set_next(QueueOffset(queue.next().0 + 1));
        }
        let store_ms = self.clock.now_ms();
        let mut receipts =
            Receipts { physical: slot.offset(), next: queue.as_ref().map(|queue| queue.next()), count: 0 };
        receipts.complete(records, store_ms, self.options.append_property_crc, &mut stored);
        set_next(queue, receipts.next);
        let bytes = records.len() as u64;
        slot.fill(records, store_ms);
        self.counters.puts.fetch_add(receipts.count, Relaxed);
        self.counters.put_bytes.fetch_add(bytes, Relaxed);
        if store_ms > begin_ms {
            self.counters.put_max_ms.fetch_max(store_ms - begin_ms, Relaxed);
        }
        Ok(())
    }
}

/// Gives records their offsets.
struct Receipts {
    physical: PhysicalOffset,
    /// `None`: the records enter no queue, and their queue offset is 0, as Apache has it.
    next: Option<QueueOffset>,
    count: u64,
}

impl Receipts {
    fn complete(&mut self, mut records: &mut [u8], store_ms: i64, append_crc: bool, stored: &mut impl FnMut(Put)) {
        while let Some(size) = records.first_chunk().map(|size| u32::from_be_bytes(*size)) {
            let (record, rest) = records.split_at_mut(size as usize);
            let queue_offset = self.next.unwrap_or_default();
            Encoded(record).complete(queue_offset, self.physical, store_ms, append_crc);
            stored(Put { physical_offset: self.physical, queue_offset, size, store_ms });
            self.physical.0 += i64::from(size);
            self.next = self.next.map(|next| QueueOffset(next.0 + 1));
            self.count += 1;
            records = rest;
        }
    }
}

fn set_next(queue: Option<Arc<Queue>>, next: Option<QueueOffset>) {
    if let (Some(queue), Some(next)) = (queue, next) {
        queue.set_next(next);
    }
}

fn with_buffer<T>(action: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let result = action(buffer);
        if buffer.capacity() > MAX_KEPT_BUFFER_BYTES {
            *buffer = Vec::new();
        }
        result
    })
}

fn encode_error(error: EncodeError) -> PutError {
    match error {
        EncodeError::PropertiesTooLong(found) => PutError::PropertiesTooLong { found, limit: MAX_PROPERTIES_BYTES },
        EncodeError::TopicTooLong(found) => PutError::BadTopicLength { found, limit: MAX_TOPIC_BYTES },
        EncodeError::RecordTooLong(found) => PutError::MessageTooLarge { found, limit: i32::MAX as usize },
    }
}
