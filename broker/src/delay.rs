//! Delivery after one of the configured delays (property `DELAY`, a level from 1 on). A delayed message waits on the schedule topic, in
//! the queue of its level, with its real topic and queue among its properties; when its time has come it is stored again, where it
//! belongs. Messages with a time of their own are not here but with the timers.

pub mod levels;
pub mod progress;

use std::sync::Arc;
use std::time::Duration;

pub use bolide_store::SCHEDULE_TOPIC;
use bolide_store::record::RecordView;
use bolide_store::{PhysicalOffset, PutError, QueueId, QueueOffset, QueueRead, ReadError, ReadLimits, ReadStatus};
use bytes::Bytes;

use crate::broker::Broker;
use crate::message::{Message, records};
use crate::timer;

/// The property that asks for a delay: a level.
pub const LEVEL: &str = "DELAY";
/// The property that keeps the real topic of a message that waits elsewhere.
pub const REAL_TOPIC: &str = "REAL_TOPIC";
/// The property that keeps the real queue of a message that waits elsewhere.
pub const REAL_QUEUE: &str = "REAL_QID";

/// How long to leave a level alone whose message could not be stored.
const RETRY_MS: i64 = 1_000;
/// How many messages are read at once.
const BATCH: ReadLimits = ReadLimits { max_messages: 32, max_bytes: 1 << 20 };

/// The queue of a level, counted from 1.
pub fn queue_of(level: i32) -> QueueId {
    QueueId(level - 1)
}

/// Delivers what is due, for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let worker = broker.clone();
        let pass = tokio::task::spawn_blocking(move || deliver_due(&worker)).await;
        let now_ms = broker.clock.now_ms();
        // A pass that panicked has been logged with its reason; the next one may get further.
        let next_ms = pass.unwrap_or(Some(now_ms + RETRY_MS));
        let pause = next_ms.map_or(Duration::MAX, |next| Duration::from_millis((next - now_ms).max(0).unsigned_abs()));
        tokio::select! {
            () = tokio::time::sleep(pause.min(Duration::from_secs(3600))) => {}
            () = broker.delayed.arrived() => {}
        }
    }
}

/// Takes what waits in messages before `before` out of them, so that their segment may go: what is due is delivered, the rest waits
/// among the timers from now on, or, where there are none, for its whole delay once more. Says whether all of it could be.
pub(crate) fn release(broker: &Broker, before: PhysicalOffset) -> Result<bool, ReleaseError> {
    let _turn = broker.delayed.turn();
    let levels = broker.delayed.levels();
    for level in 1..=levels.count() {
        let end = broker.store.offset_from(SCHEDULE_TOPIC, queue_of(level), before)?;
        loop {
            let offset = broker.delayed.offset(level);
            if offset >= end {
                break;
            }
            let read = broker.store.read_queue_blocking(SCHEDULE_TOPIC, queue_of(level), offset, BATCH, &|_| true)?;
            if read.status != ReadStatus::Found {
                let Some(moved) = progress::correct(&read, offset) else { return Ok(false) };
                broker.delayed.advance(level, moved);
                continue;
            }
            for (record, view) in records(&read.records).take_while(|(_, view)| view.queue_offset() < end) {
                let due_ms = view.store_ms().saturating_add(levels.delay_ms(level));
                postpone(broker, &record, &view, due_ms)?;
                broker.delayed.advance(level, QueueOffset(view.queue_offset().0 + 1));
            }
            broker.delayed.advance(level, read.next_offset.min(end));
        }
    }
    Ok(true)
}

/// Why delayed messages cannot be stored again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// They cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The copies cannot be stored.
    #[error(transparent)]
    Put(#[from] PutError),
}

/// Stores a delayed message again.
fn postpone(broker: &Broker, record: &Bytes, view: &RecordView<'_>, due_ms: i64) -> Result<(), PutError> {
    if due_ms <= broker.clock.now_ms() {
        return deliver(broker, record, view);
    }
    let mut message = Message::of(record, view);
    if restore(&mut message) && timer::redirect_at(broker, &mut message, due_ms) {
        return message.put_again(broker).map(drop);
    }
    Message::of(record, view).put_again(broker).map(drop)
}

/// Stores the messages whose time has come where they belong; answers when the next one is due.
pub(crate) fn deliver_due(broker: &Broker) -> Option<i64> {
    let _turn = broker.delayed.turn();
    let levels = broker.delayed.levels();
    let next = (1..=levels.count()).filter_map(|level| deliver_level(broker, level, levels.delay_ms(level))).min();
    // Consumers see them now rather than with the next message that somebody sends.
    broker.store.dispatch();
    next
}

/// Like [`deliver_due`], for one level.
fn deliver_level(broker: &Broker, level: i32, delay_ms: i64) -> Option<i64> {
    loop {
        let offset = broker.delayed.offset(level);
        let read = match broker.store.read_queue_blocking(SCHEDULE_TOPIC, queue_of(level), offset, BATCH, &|_| true) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(level, %offset, "delayed messages cannot be read, tried again in a moment: {error}");
                return Some(broker.clock.now_ms() + RETRY_MS);
            }
        };
        if read.status != ReadStatus::Found {
            let moved = progress::correct(&read, offset)?;
            broker.delayed.advance(level, moved);
            continue;
        }
        if let Some(next_ms) = deliver_batch(broker, level, delay_ms, &read) {
            return Some(next_ms);
        }
    }
}

/// Delivers the messages of one read; answers when to go on, or `None`: at once.
fn deliver_batch(broker: &Broker, level: i32, delay_ms: i64, read: &QueueRead) -> Option<i64> {
    for (record, view) in records(&read.records) {
        let now_ms = broker.clock.now_ms();
        // A clock that was set back must not hold messages for longer than their level says.
        let due_ms = (view.store_ms() + delay_ms).min(now_ms + delay_ms);
        if due_ms > now_ms {
            return Some(due_ms);
        }
        if let Err(problem) = deliver(broker, &record, &view) {
            tracing::error!(level, message = %view.physical_offset(), "not delivered, tried again in a moment: {problem}");
            return Some(now_ms + RETRY_MS);
        }
        broker.delayed.advance(level, QueueOffset(view.queue_offset().0 + 1));
    }
    broker.delayed.advance(level, read.next_offset);
    None
}

fn deliver(broker: &Broker, record: &Bytes, view: &RecordView<'_>) -> Result<(), PutError> {
    let mut message = Message::of(record, view);
    if !restore(&mut message) {
        tracing::error!(message = %view.physical_offset(), "a delayed message names no real topic and queue: left where it is");
        return Ok(());
    }
    message.put_again(broker).map(drop)
}

/// Gives a message that waited elsewhere its real topic and queue back; `false` where it does not name them. It keeps its level:
/// consumers read from it how long a message waited.
pub(crate) fn restore(message: &mut Message) -> bool {
    let topic = message.properties.get(REAL_TOPIC).map(str::to_owned);
    let (Some(topic), Some(queue)) = (topic, message.properties.number(REAL_QUEUE)) else { return false };
    message.topic = topic;
    message.queue = QueueId(queue);
    true
}

/// Sends a message to the schedule topic instead. `level` counts from 1; one above the last counts as the last.
pub(crate) fn redirect(broker: &Broker, message: &mut Message, level: i32) {
    let level = level.min(broker.delayed.levels().count());
    message.properties.set(LEVEL, level.to_string());
    message.properties.set(REAL_TOPIC, std::mem::replace(&mut message.topic, SCHEDULE_TOPIC.to_owned()));
    message.properties.set(REAL_QUEUE, message.queue.to_string());
    message.queue = queue_of(level);
}
