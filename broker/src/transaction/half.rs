//! Half messages: what a producer's message becomes while its transaction is open, what is stored when it is committed, and what a
//! producer is shown when it is asked. Pure; formats and names are Apache's.

use std::sync::Arc;

use bolide_store::record::{MAGIC_V2, RecordView, sys_flag};
use bolide_store::{Put, QueueId};
use bytes::Bytes;

use crate::delay::{REAL_QUEUE, REAL_TOPIC};
use crate::message::Message;
use crate::transaction::ledger::Half;
use crate::transaction::{HALF_TOPIC, QUEUE};

/// Properties of half messages.
pub(crate) mod key {
    /// Set by the producer: its group.
    pub(crate) const PRODUCER_GROUP: &str = "PGROUP";
    /// Set by the producer: how many seconds it wants to be left alone.
    pub(crate) const IMMUNITY_SECONDS: &str = "CHECK_IMMUNITY_TIME_IN_SECONDS";
    /// The producer's id of the message, which is also the transaction's.
    pub(crate) const UNIQUE_KEY: &str = "UNIQ_KEY";
    /// The transaction's id once more.
    pub(crate) const TRANSACTION_ID: &str = "__transactionId__";
    /// How often producers have been asked.
    pub(crate) const CHECK_TIMES: &str = "TRANSACTION_CHECK_TIMES";
    /// In a copy: the half queue's offset of the first one.
    pub(crate) const ORIGIN: &str = "TRAN_PREPARED_QUEUE_OFFSET";
}

/// Makes a producer's message a half message, which no consumer sees.
pub(crate) fn prepare(message: &mut Message) {
    // The broker's own: from elsewhere they would mix transactions up.
    message.properties.remove(key::ORIGIN);
    message.properties.remove(key::CHECK_TIMES);
    if let Some(id) = message.properties.get(key::UNIQUE_KEY).map(str::to_owned) {
        message.properties.set(key::TRANSACTION_ID, id);
    }
    message.properties.set(REAL_TOPIC, std::mem::replace(&mut message.topic, HALF_TOPIC.to_owned()));
    message.properties.set(REAL_QUEUE, message.queue.to_string());
    message.queue = QUEUE;
    message.sys_flag &= !sys_flag::TRANSACTION_MASK;
}

/// The message that consumers see once its transaction is committed; `None`: the half message does not say where it belongs.
pub(crate) fn commit(record: &Bytes, view: &RecordView<'_>) -> Option<Message> {
    let mut message = Message::of(record, view);
    let (topic, queue) = real_target(&message)?;
    message.topic = topic;
    message.queue = queue;
    // Apache leaves the producer's mark where it is, and so do we.
    for name in [REAL_TOPIC, REAL_QUEUE, key::ORIGIN] {
        message.properties.remove(name);
    }
    message.sys_flag = (message.sys_flag & !sys_flag::TRANSACTION_MASK) | sys_flag::COMMIT;
    message.prepared_offset = view.physical_offset().0;
    Some(message)
}

/// Where a half message belongs once it is committed.
pub(crate) fn real_target(message: &Message) -> Option<(String, QueueId)> {
    let topic = message.properties.get(REAL_TOPIC)?.to_owned();
    Some((topic, QueueId(message.properties.number(REAL_QUEUE).filter(|queue| *queue >= 0)?)))
}

/// What the books keep of a half message.
pub(crate) fn entry(view: &RecordView<'_>) -> Half {
    let offset = view.queue_offset().0;
    Half {
        group: Arc::from(view.properties().get_str(key::PRODUCER_GROUP).unwrap_or_default()),
        topic: Arc::from(view.properties().get_str(REAL_TOPIC).unwrap_or_default()),
        offset,
        physical: view.physical_offset().0,
        origin: origin(view),
        born_ms: view.born_ms(),
        stored_ms: view.store_ms(),
        immunity_ms: number(view, key::IMMUNITY_SECONDS).map(|seconds| seconds.saturating_mul(1_000)),
        checks: number(view, key::CHECK_TIMES).map_or(0, |checks| checks.clamp(0, i32::MAX.into()) as i32),
    }
}

/// The offset by which a half message's transaction is known. Another value than an earlier offset was not written by a broker.
pub(crate) fn origin(view: &RecordView<'_>) -> i64 {
    let offset = view.queue_offset().0;
    number(view, key::ORIGIN).filter(|origin| (0..offset).contains(origin)).unwrap_or(offset)
}

fn number(view: &RecordView<'_>, name: &str) -> Option<i64> {
    view.properties().get_str(name)?.parse().ok()
}

/// A copy of a half message, to be stored behind all others.
pub(crate) fn copy(record: &Bytes, view: &RecordView<'_>, half: &Half, checks: i32) -> Message {
    let mut message = Message::of(record, view);
    if checks > 0 {
        message.properties.set(key::CHECK_TIMES, checks.to_string());
    }
    message.properties.set(key::ORIGIN, half.origin.to_string());
    message
}

/// What the books keep of a copy that has been stored.
pub(crate) fn entry_of_copy(half: &Half, checks: i32, put: &Put) -> Half {
    Half {
        offset: put.queue_offset.0,
        physical: put.physical_offset.0,
        stored_ms: put.store_ms,
        checks,
        ..half.clone()
    }
}

/// The record as its producer knows the message: under its own topic and queue.
pub(crate) fn for_producer(view: &RecordView<'_>, topic: &str, queue: QueueId) -> Bytes {
    /// Where a record's magic and its queue's number stand.
    const MAGIC_AT: usize = 4;
    const QUEUE_AT: usize = 12;
    let properties = view.properties().0;
    let before_topic = view.size() - properties.len() - 2 - view.topic().len() - 1;
    let mut out = Vec::with_capacity(view.size() + topic.len());
    out.extend_from_slice(&view.bytes()[..before_topic]);
    match i8::try_from(topic.len()) {
        Ok(length) => out.push(length.unsigned_abs()),
        Err(_) => {
            out[MAGIC_AT..][..4].copy_from_slice(&MAGIC_V2.to_be_bytes());
            out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(topic.as_bytes());
    out.extend_from_slice(&(properties.len() as u16).to_be_bytes());
    out.extend_from_slice(properties);
    out[QUEUE_AT..][..4].copy_from_slice(&queue.0.to_be_bytes());
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    Bytes::from(out)
}

#[cfg(test)]
mod tests;
