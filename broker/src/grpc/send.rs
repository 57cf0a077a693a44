//! Producing: what a message says about itself is checked, becomes the properties that every client knows, and goes the way of all
//! messages.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use bolide_proto::v2::{
    Code, Encoding, Message, MessageType, SendMessageRequest, SendMessageResponse, SendResultEntry, SystemProperties,
};
use bolide_remoting::body::TopicConfig;
use bolide_remoting::header::SendMessageRequest as Header;
use bolide_store::record::{java_hash, sys_flag};
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibEncoder};

use super::message::{kind, milliseconds};
use super::property::{self, key};
use super::transaction::TransactionId;
use super::{Caller, Fault, digest, known, resource, summary};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::lite;
use crate::message::PropertyList;
use crate::refusal::Refusal;
use crate::send::{self, Parcel, Sending, Sent};
use crate::topic::message_type::MessageType as TopicType;
use crate::topic::permission;

/// SendMessage: one message or several of one topic, each with a result of its own.
pub(super) async fn send(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: SendMessageRequest,
) -> Result<SendMessageResponse, Fault> {
    let first = request.messages.first();
    let first = first.ok_or_else(|| Fault::new(Code::MessageCorrupted, "no message to send"))?;
    let topic = resource::topic(first.topic.as_ref())?;
    if request.messages.iter().any(|message| message.topic != first.topic) {
        return Err(Fault::new(Code::MessageCorrupted, "topic in message is not same"));
    }
    let config = broker.topics.get(topic).ok_or_else(|| Fault::from(Refusal::no_topic(topic)))?;
    if !permission::is_writable(config.perm) || config.write_queue_nums <= 0 {
        return Err(Fault::new(Code::Forbidden, "no writable topic route"));
    }
    let queue = queue(&request.messages, &config);
    // All are looked at before the first is stored.
    let messages = request.messages.iter().map(|message| Checked::of(broker, caller, &config, message));
    let messages: Vec<Checked<'_>> = messages.collect::<Result<_, _>>()?;
    let begun: Vec<Result<Sending, Refusal>> =
        messages.iter().map(|message| store(broker, caller, topic, queue, message)).collect();
    let mut entries = Vec::with_capacity(begun.len());
    for (message, sending) in messages.iter().zip(begun) {
        let sent = match sending {
            Ok(Sending::Done(sent)) => Ok(sent),
            Ok(Sending::Waits(told)) => told.await.unwrap_or_else(|_| Err(Refusal::unavailable("the broker stops"))),
            Err(refusal) => Err(refusal),
        };
        entries.push(entry(message, sent));
    }
    Ok(SendMessageResponse { status: summary(entries.iter().flat_map(|entry| &entry.status)), entries })
}

/// A message that may be sent.
struct Checked<'a> {
    id: &'a str,
    body: Cow<'a, [u8]>,
    is_compressed: bool,
    properties: String,
    born_ms: i64,
    is_half: bool,
}

impl<'a> Checked<'a> {
    fn of(broker: &Broker, caller: &Caller, topic: &TopicConfig, message: &'a Message) -> Result<Self, Fault> {
        let config = broker.config.get();
        let now_ms = broker.clock.now_ms();
        let system = message.system_properties.as_ref();
        let system = system.ok_or_else(|| Fault::new(Code::IllegalMessageId, "message id cannot be empty"))?;
        check_body(&config, message, system)?;
        let is_compressed = known::<Encoding>("body encoding", system.body_encoding)? == Encoding::Gzip;
        let body = Cow::Borrowed(&message.body[..]);
        let body = if is_compressed { without_gzip(body, config.max_message_size_bytes)? } else { body };
        known::<MessageType>("message type", system.message_type)?;
        let properties = properties(&config, caller, &topic.topic_name, message, system, now_ms)?;
        if config.enable_topic_message_type_check {
            let accepted = TopicType::of_topic(topic).accepts(topic_type(kind(&properties)));
            accepted.map_err(|error| Fault::new(Code::MessagePropertyConflictWithType, error.to_string()))?;
        }
        let text = String::from_utf8(properties.encode());
        let born_ms = system.born_timestamp.map(milliseconds).filter(|born_ms| *born_ms > 0).unwrap_or(now_ms);
        Ok(Checked {
            id: &system.message_id,
            body,
            is_compressed,
            // All parts are text.
            properties: text.unwrap_or_default(),
            born_ms,
            is_half: system.message_type() == MessageType::Transaction,
        })
    }
}

fn check_body(config: &BrokerConfig, message: &Message, system: &SystemProperties) -> Result<(), Fault> {
    if message.body.is_empty() {
        return Err(Fault::new(Code::MessageBodyEmpty, "message body cannot be empty"));
    }
    let max = config.max_message_size_bytes;
    if message.body.len() > max.unsigned_abs() as usize {
        return Err(Fault::new(Code::MessageBodyTooLarge, format!("message body cannot exceed the max {max}")));
    }
    system.body_digest.as_ref().map_or(Ok(()), |stated| digest::check(stated, &message.body))
}

/// A body that was compressed with GZIP, as some clients did, compressed anew with ZLIB: clients of remoting read that, and have no word
/// for GZIP. One in another format stays. Clients do not send more than `max_bytes`, before they compress.
fn without_gzip(body: Cow<'_, [u8]>, max_bytes: i32) -> Result<Cow<'_, [u8]>, Fault> {
    let plain = GzDecoder::new(&body[..]);
    if plain.header().is_none() {
        return Ok(body);
    }
    let mut encoder = ZlibEncoder::new(plain.take(u64::from(max_bytes.unsigned_abs()) + 1), Compression::default());
    let mut recoded = Vec::with_capacity(body.len());
    let corrupted = |error| Fault::new(Code::MessageCorrupted, format!("the body cannot be decompressed: {error}"));
    encoder.read_to_end(&mut recoded).map_err(corrupted)?;
    if encoder.total_in() > u64::from(max_bytes.unsigned_abs()) {
        let text = format!("decompressed message body cannot exceed the max {max_bytes}");
        return Err(Fault::new(Code::MessageBodyTooLarge, text));
    }
    Ok(Cow::Owned(recoded))
}

/// What a message says, as properties that every client knows. Codes and texts of what is wrong are Apache's.
fn properties<'a>(
    config: &BrokerConfig,
    caller: &Caller,
    topic: &'a str,
    message: &'a Message,
    system: &'a SystemProperties,
    now_ms: i64,
) -> Result<PropertyList<'a>, Fault> {
    let mut properties = PropertyList::default();
    let mut size = check_users(config, message)?;
    for (name, value) in &message.user_properties {
        properties.set(name.as_str(), value.as_str());
    }
    let tag = system.tag();
    if tag.contains('|') {
        return Err(Fault::new(Code::IllegalMessageTag, "tag cannot contain '|'"));
    }
    check_text(tag, "tag", Code::IllegalMessageTag)?;
    set(&mut properties, key::TAGS, tag);
    system.keys.iter().try_for_each(|text| check_text(text, "key", Code::IllegalMessageKey))?;
    set(&mut properties, key::KEYS, system.keys.join(" "));
    size += tag.len() + system.keys.iter().map(String::len).sum::<usize>();
    let max = config.max_user_property_size_bytes;
    if size > max.unsigned_abs() as usize {
        let text = format!("the total size of user property is too large, max is {max}");
        return Err(Fault::new(Code::MessagePropertiesTooLarge, text));
    }
    if system.message_id.trim().is_empty() {
        return Err(Fault::new(Code::IllegalMessageId, "message id cannot be empty"));
    }
    check_text(&system.message_id, "message id", Code::IllegalMessageId)?;
    properties.set(key::UNIQUE_KEY, system.message_id.as_str());
    set_kind(config, &mut properties, system, now_ms)?;
    properties.set(key::PRODUCER_GROUP, topic);
    check_text(system.trace_context(), "trace context", Code::BadRequest)?;
    set(&mut properties, key::TRACE_CONTEXT, system.trace_context());
    check_text(&system.born_host, "born host", Code::BadRequest)?;
    let own = Some(system.born_host.as_str()).filter(|host| !host.trim().is_empty());
    properties.set(key::BORN_HOST, own.map_or_else(|| caller.ends.peer.to_string().into(), Cow::Borrowed));
    if let Some(born) = system.born_timestamp {
        properties.set(key::BORN_TIMESTAMP, milliseconds(born).to_string());
    }
    Ok(properties)
}

/// Sets what makes a message one of a transaction, of a time, of a group.
fn set_kind<'a>(
    config: &BrokerConfig,
    properties: &mut PropertyList<'a>,
    system: &'a SystemProperties,
    now_ms: i64,
) -> Result<(), Fault> {
    if system.message_type() == MessageType::Transaction {
        properties.set(key::TRANSACTION_PREPARED, "true");
        if let Some(recovery) = &system.orphaned_transaction_recovery_duration {
            let max = config.max_transaction_recovery_seconds;
            if max > 0 && recovery.seconds > max {
                let text = format!("the max transaction recovery time of message is too large, max is {max}");
                return Err(Fault::new(Code::BadRequest, text));
            }
            properties.set(key::IMMUNITY_SECONDS, recovery.seconds.to_string());
        }
    }
    if let Some(delivery) = system.delivery_timestamp {
        let (deliver_ms, max) = (milliseconds(delivery), config.max_delay_time_ms);
        if max > 0 && deliver_ms.saturating_sub(now_ms) > max {
            let text = format!("the max delay time of message is too large, max is {max}");
            return Err(Fault::new(Code::IllegalDeliveryTime, text));
        }
        properties.set(key::DELIVER_MS, deliver_ms.to_string());
    }
    if let Some(priority) = system.priority {
        properties.set(key::PRIORITY, priority.to_string());
    }
    let group = system.message_group();
    let max = config.max_message_group_size_bytes;
    if group.len() >= max.unsigned_abs() as usize {
        return Err(Fault::new(Code::IllegalMessageGroup, format!("message group exceed the max size {max}")));
    }
    check_text(group, "message group", Code::IllegalMessageGroup)?;
    set(properties, key::MESSAGE_GROUP, group);
    if let Some(lite_topic) = &system.lite_topic
        && !lite_topic.is_empty()
    {
        lite::check_name(lite_topic)?;
    }
    set(properties, key::LITE_TOPIC, system.lite_topic());
    Ok(())
}

/// Checks the sender's own properties; answers their size.
fn check_users(config: &BrokerConfig, message: &Message) -> Result<usize, Fault> {
    let max = config.user_property_max_num;
    if message.user_properties.len() > max.unsigned_abs() as usize {
        return Err(Fault::new(Code::MessagePropertiesTooLarge, format!("too many user properties, max is {max}")));
    }
    let illegal = |text: String| Fault::new(Code::IllegalMessagePropertyKey, text);
    let mut size = 0;
    for (name, value) in &message.user_properties {
        if property::is_reserved(name) {
            return Err(illegal(format!("property is used by system: {name}")));
        }
        for (what, text) in [("key", name), ("value", value)] {
            if text.chars().any(char::is_control) {
                return Err(illegal(format!("the {what} of property cannot contain control character")));
            }
        }
        size += name.len() + value.len();
    }
    Ok(size)
}

/// A text that is not there is fine; one of blanks, or with control characters, is not.
fn check_text(text: &str, what: &str, code: Code) -> Result<(), Fault> {
    if !text.is_empty() && text.trim().is_empty() {
        return Err(Fault::new(code, format!("{what} cannot be the char sequence of whitespace")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new(code, format!("{what} cannot contain control character")));
    }
    Ok(())
}

fn set<'a>(properties: &mut PropertyList<'a>, name: &'static str, value: impl Into<Cow<'a, str>>) {
    let value = value.into();
    if !value.is_empty() {
        properties.set(name, value);
    }
}

fn topic_type(kind: MessageType) -> TopicType {
    match kind {
        MessageType::Fifo => TopicType::Fifo,
        MessageType::Delay => TopicType::Delay,
        MessageType::Transaction => TopicType::Transaction,
        MessageType::Lite => TopicType::Lite,
        MessageType::Priority => TopicType::Priority,
        MessageType::Normal | MessageType::Unspecified => TopicType::Normal,
    }
}

/// The queue for all messages of a request: a group's (or a lite topic's) own, or any (-1).
fn queue(messages: &[Message], topic: &TopicConfig) -> i32 {
    let [message] = messages else { return -1 };
    let system = message.system_properties.as_ref();
    let group = system.map_or("", |system| system.message_group());
    let lite = system.map_or("", |system| system.lite_topic());
    let sharding_key = if group.trim().is_empty() { lite } else { group };
    if sharding_key.is_empty() { -1 } else { consistent_hash(java_hash(sharding_key), topic.write_queue_nums) }
}

/// Guava's consistent hash, so that a group keeps its queue whichever server chooses it.
fn consistent_hash(input: i32, buckets: i32) -> i32 {
    const MULTIPLIER: u64 = 2_862_933_555_777_941_757;
    let mut state = i64::from(input).cast_unsigned();
    let mut candidate = 0;
    loop {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(1);
        let fraction = f64::from((state >> 33) as i32 + 1) / f64::from(1_u32 << 31);
        // Rust's conversion keeps within the range, as Java's does.
        let next = (f64::from(candidate + 1) / fraction) as i32;
        if !(0..buckets).contains(&next) {
            return candidate;
        }
        candidate = next;
    }
}

fn store(
    broker: &Arc<Broker>,
    caller: &Caller,
    topic: &str,
    queue: i32,
    message: &Checked<'_>,
) -> Result<Sending, Refusal> {
    let header = Header {
        producer_group: topic,
        topic,
        default_topic: "",
        default_topic_queue_nums: 0,
        queue_id: queue,
        sys_flag: if message.is_compressed { sys_flag::COMPRESSED } else { 0 },
        born_timestamp: message.born_ms,
        flag: 0,
        properties: Some(&message.properties),
        reconsume_times: 0,
        unit_mode: false,
        max_reconsume_times: None,
        batch: false,
        broker_name: None,
    };
    let parcel = Parcel { body: &message.body, party: caller.party(), honours_limit: true };
    send::store(broker, &header, parcel)
}

fn entry(message: &Checked<'_>, sent: Result<Sent, Refusal>) -> SendResultEntry {
    let sent = match sent {
        Ok(sent) => sent,
        Err(refusal) => return SendResultEntry { status: Some(Fault::from(refusal).into()), ..Default::default() },
    };
    if !sent.is_confirmed {
        let text = "send message failed, sendStatus=FLUSH_DISK_TIMEOUT";
        let status = Some(Fault::new(Code::MasterPersistenceTimeout, text).into());
        return SendResultEntry { status, ..Default::default() };
    }
    let id = TransactionId { queue_offset: sent.queue_offset, physical: sent.physical };
    SendResultEntry {
        status: super::ok(),
        message_id: message.id.to_owned(),
        transaction_id: if message.is_half { id.encode(message.id) } else { message.id.to_owned() },
        offset: sent.queue_offset.0,
        recall_handle: sent.recall_handle.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
