//! The broker's store as the clockwork sees it.

use std::sync::atomic::Ordering;

use bolide_store::record::RecordView;
use bolide_store::{PhysicalOffset, PutError, QueueId, QueueOffset, ReadError, ReadLimits, ReadStatus};
use bytes::Bytes;

use super::TIMER_TOPIC;
use super::clockwork::{MessageLog, Waiting};
use crate::broker::Broker;
use crate::message::{Message, records};
use crate::statistics::LATENESS_ENDS_MS;
use crate::statistics::topic_rows::Finished;

/// All timed messages wait in this queue.
const QUEUE: QueueId = QueueId(0);
/// How many messages are read at once.
const BATCH: ReadLimits = ReadLimits { max_messages: 32, max_bytes: 1 << 20 };

/// The broker's store.
pub(super) struct Mail<'a>(pub(super) &'a Broker);

impl MessageLog for Mail<'_> {
    fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    fn queued(&self, offset: i64) -> Result<(Vec<Waiting>, i64), ReadError> {
        let read = self.0.store.read_queue_blocking(TIMER_TOPIC, QUEUE, QueueOffset(offset), BATCH, &|_| true)?;
        let next = match read.status {
            ReadStatus::Found | ReadStatus::Removed | ReadStatus::NoMatched => read.next_offset,
            ReadStatus::TooSmall => read.min_offset,
            ReadStatus::OverflowBadly => read.max_offset,
            ReadStatus::OverflowOne | ReadStatus::NoMessage | ReadStatus::NoSuchQueue => QueueOffset(offset),
        };
        Ok((records(&read.records).map(|(record, view)| waiting(&record, &view)).collect(), next.0))
    }

    fn queue_range(&self) -> (i64, i64) {
        let store = &self.0.store;
        let offset = |offset: Option<QueueOffset>| offset.map_or(0, |offset| offset.0);
        (offset(store.min_offset(TIMER_TOPIC, QUEUE)), offset(store.max_offset(TIMER_TOPIC, QUEUE)))
    }

    fn waiting(&self, physical: PhysicalOffset) -> Result<Option<Waiting>, ReadError> {
        let record = match self.0.store.message_at(physical) {
            Ok(record) => record,
            Err(ReadError::NoRecord(_)) => return Ok(None),
            Err(error @ ReadError::Damaged { .. }) => {
                tracing::error!("a timed message is lost: {error}");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let view = RecordView::parse(&record).ok().filter(|view| view.topic() == TIMER_TOPIC);
        Ok(view.map(|view| waiting(&record, &view)))
    }

    fn put(&self, message: &Message) -> Result<PhysicalOffset, PutError> {
        let put = message.put_again(self.0)?;
        self.0.statistics.delivered_timed();
        Ok(put.end())
    }

    fn delivered(&self, topic: &str, late_ms: i64) {
        let statistics = &self.0.statistics;
        statistics.finished(topic, Finished::Delivered, self.now_ms());
        statistics.lateness.add(&LATENESS_ENDS_MS, late_ms.max(0).unsigned_abs(), 1);
    }

    fn show(&self) {
        self.0.store.dispatch();
    }

    fn is_durable(&self, end: PhysicalOffset) -> bool {
        let store = &self.0.store;
        if store.flushed_offset() >= end {
            return true;
        }
        store.request_flush(end);
        false
    }

    fn begin(&self) -> PhysicalOffset {
        self.0.store.min_physical_offset()
    }

    fn end(&self) -> PhysicalOffset {
        self.0.store.max_physical_offset()
    }

    fn is_closing(&self) -> bool {
        self.0.timers.closing.load(Ordering::Relaxed)
    }
}

fn waiting(record: &Bytes, view: &RecordView<'_>) -> Waiting {
    Waiting {
        message: Message::of(record, view),
        physical: view.physical_offset(),
        size: i32::try_from(view.size()).unwrap_or(i32::MAX),
        queue_offset: view.queue_offset().0,
        store_ms: view.store_ms(),
    }
}
