//! Messages on their way to clients: a stored record becomes the protocol's message, with all that either protocol's producers said.

use std::io::Read;

use bolide_proto::v2::{DeadLetterQueue, Encoding, Message, MessageType, Resource, SystemProperties};
use bolide_proto::{Duration, Timestamp};
use bolide_store::record::{RecordView, encode_message_id, sys_flag};
use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};

use super::property::{self, key};
use super::{digest, settings};
use crate::message::PropertyList;

/// A body that would be larger when it is decompressed is handed out as it is.
const MAX_DECOMPRESSED_BYTES: u64 = 64 << 20;

/// What only a delivery knows about a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Delivery {
    /// With what the consumer acknowledges it.
    pub(super) receipt_handle: Option<String>,
    /// For how long it is hidden, in milliseconds.
    pub(super) invisible_ms: Option<u64>,
    /// The topic under which the consumer asked for it, where the record lies in another one.
    pub(super) topic: Option<String>,
    /// The how-manieth delivery this is, where the record does not say.
    pub(super) attempt: Option<i32>,
}

/// The message of a record. `record` is what `view` was parsed from: the body stays a part of it.
pub(super) fn outgoing(record: &Bytes, view: &RecordView<'_>, delivery: Delivery) -> Message {
    let mut message = without_digest(record, view, delivery);
    digest::put(std::slice::from_mut(&mut message));
    message
}

/// The same, for whoever has several messages, whose digests cost less together.
pub(super) fn without_digest(record: &Bytes, view: &RecordView<'_>, delivery: Delivery) -> Message {
    let properties = PropertyList::of(view.properties());
    let body = plain_body(record, view);
    let is_compressed = view.sys_flag() & sys_flag::COMPRESSED != 0;
    let encoding = if is_compressed && body.is_none() { Encoding::Gzip } else { Encoding::Identity };
    let body = body.unwrap_or_else(|| record.slice_ref(view.body()));
    let text = |name: &str| properties.get(name).map(str::to_owned);
    let system = SystemProperties {
        tag: text(key::TAGS),
        keys: properties
            .get(key::KEYS)
            .map(|keys| keys.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
        message_id: text(key::UNIQUE_KEY)
            .unwrap_or_else(|| encode_message_id(view.store_host(), view.physical_offset())),
        body_digest: None,
        body_encoding: encoding.into(),
        message_type: kind(&properties).into(),
        born_timestamp: Some(timestamp(view.born_ms())),
        born_host: text(key::BORN_HOST).unwrap_or_else(|| view.born_host().ip().to_string()),
        store_timestamp: Some(timestamp(view.store_ms())),
        store_host: view.store_host().to_string(),
        delivery_timestamp: delivery_ms(&properties, view).map(timestamp),
        receipt_handle: delivery.receipt_handle,
        queue_id: view.queue().0,
        queue_offset: Some(view.queue_offset().0),
        invisible_duration: delivery.invisible_ms.map(settings::duration),
        delivery_attempt: Some(delivery.attempt.unwrap_or_else(|| view.reconsume_times().saturating_add(1))),
        message_group: text(key::MESSAGE_GROUP),
        trace_context: text(key::TRACE_CONTEXT),
        orphaned_transaction_recovery_duration: properties
            .number(key::IMMUNITY_SECONDS)
            .map(|seconds| Duration { seconds, nanos: 0 }),
        dead_letter_queue: text(key::DEAD_LETTER_TOPIC)
            .zip(text(key::DEAD_LETTER_ID))
            .map(|(topic, message_id)| DeadLetterQueue { topic, message_id }),
        lite_topic: text(key::LITE_TOPIC),
        priority: properties.number(key::PRIORITY).filter(|priority: &i32| *priority >= 0),
    };
    let users = properties.iter().filter(|(name, _)| property::is_users(name));
    Message {
        topic: Some(Resource {
            resource_namespace: String::new(),
            name: delivery.topic.unwrap_or_else(|| view.topic().to_owned()),
        }),
        user_properties: users.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        system_properties: Some(system),
        body,
    }
}

/// What a message is, as its properties tell.
pub(super) fn kind(properties: &PropertyList) -> MessageType {
    let has = |name: &str| properties.get(name).is_some();
    if properties.get(key::TRANSACTION_PREPARED).is_some_and(|mark| mark.eq_ignore_ascii_case("true")) {
        MessageType::Transaction
    } else if [key::DELAY_LEVEL, key::DELIVER_MS, key::DELAY_SECONDS, key::DELAY_MS].into_iter().any(has) {
        MessageType::Delay
    } else if has(key::MESSAGE_GROUP) {
        MessageType::Fifo
    } else if has(key::PRIORITY) {
        MessageType::Priority
    } else if has(key::LITE_TOPIC) {
        MessageType::Lite
    } else {
        MessageType::Normal
    }
}

/// When a message was meant to be delivered.
fn delivery_ms(properties: &PropertyList, view: &RecordView<'_>) -> Option<i64> {
    let known = [key::DELIVER_MS, key::START_DELIVER_TIME, key::OUT_MS];
    let at = known.iter().find_map(|name| properties.number(name));
    let after = || {
        let delay_ms = properties.number(key::DELAY_MS);
        delay_ms.or_else(|| Some(properties.number::<i64>(key::DELAY_SECONDS)?.saturating_mul(1_000)))
    };
    at.or_else(|| Some(view.born_ms().saturating_add(after()?)))
}

/// The protocol's form of milliseconds since 1970.
pub(super) fn timestamp(ms: i64) -> Timestamp {
    let nanos = ms.rem_euclid(1_000) as i32 * 1_000_000;
    Timestamp { seconds: ms.div_euclid(1_000), nanos }
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(timestamp: Timestamp) -> i64 {
    timestamp.seconds.saturating_mul(1_000).saturating_add(i64::from(timestamp.nanos / 1_000_000))
}

/// A compressed body without its compression: clients of one protocol do not know the other's formats. `None`: it is not compressed,
/// or in a way that is not known here.
fn plain_body(record: &Bytes, view: &RecordView<'_>) -> Option<Bytes> {
    const GZIP: [u8; 2] = [0x1F, 0x8B];
    if view.sys_flag() & sys_flag::COMPRESSED == 0 {
        return Some(record.slice_ref(view.body()));
    }
    let mut plain = Vec::new();
    let mut limited: Box<dyn Read> = match view.body() {
        body if body.starts_with(&GZIP) => Box::new(GzDecoder::new(body).take(MAX_DECOMPRESSED_BYTES + 1)),
        body => Box::new(ZlibDecoder::new(body).take(MAX_DECOMPRESSED_BYTES + 1)),
    };
    limited.read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= MAX_DECOMPRESSED_BYTES).then(|| Bytes::from(plain))
}

#[cfg(test)]
mod tests;
