//! Messages that a consumer could not handle: sent back (request 36), or sent by the client itself to its retry topic. They come again
//! after a delay that grows with each attempt; after the last one they go to the group's dead letters.

use std::sync::Arc;

use bolide_remoting::body::{SubscriptionGroupConfig, TopicConfig};
use bolide_remoting::header::{ConsumerSendMsgBackRequest, SendMessageRequest};
use bolide_remoting::version::Version;
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::record::{RecordView, encode_message_id};
use bolide_store::{PhysicalOffset, QueueId};
use bytes::Bytes;

use crate::broker::Broker;
use crate::delay;
use crate::group::waits;
use crate::message::Message;
use crate::name;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::timer;
use crate::topic::table::Lookup;
use crate::topic::{permission, sys_flag};

/// Properties of messages that come again.
mod key {
    /// The topic that the message was first sent to.
    pub(super) const RETRY_TOPIC: &str = "RETRY_TOPIC";
    /// The id of the message that was first sent.
    pub(super) const ORIGIN_MESSAGE_ID: &str = "ORIGIN_MESSAGE_ID";
    /// In a dead letter: the topic that the message was first sent to.
    pub(super) const DEAD_LETTER_ORIGIN_TOPIC: &str = "DLQ_ORIGIN_TOPIC";
    /// In a dead letter: the id of the message that was first sent.
    pub(super) const DEAD_LETTER_ORIGIN_ID: &str = "DLQ_ORIGIN_MESSAGE_ID";
}

/// The first attempt comes after the third delay (10 s by default), each further one after the next.
const FIRST_RETRY_LEVEL: i32 = 3;

/// What a consumer asks for when it sends a message back.
struct SendBack {
    group: String,
    offset: PhysicalOffset,
    /// 0: by the number of attempts; negative: to the dead letters at once.
    delay_level: i32,
    unit_mode: bool,
    /// The client's own limit, if it has one.
    max_attempts: Option<i32>,
}

/// CONSUMER_SEND_MSG_BACK. Answers when the message is stored and its new topic, if one had to be made, is known.
pub(crate) fn send_back(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match ConsumerSendMsgBackRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let honours_limit = request.header.version >= Version::V3_4_9;
    let back = SendBack {
        group: header.group.to_owned(),
        offset: PhysicalOffset(header.offset),
        delay_level: header.delay_level,
        unit_mode: header.unit_mode,
        max_attempts: header.max_reconsume_times.filter(|_| honours_limit),
    };
    broker.on_blocking_thread(reply, move |broker, reply| match store_again(broker, &back) {
        Ok(created) if created.is_empty() => reply.ok(&()),
        Ok(created) => broker.registrar.announce(created, Box::new(move || reply.ok(&()))),
        Err(refusal) => reply.refuse(refusal),
    });
}

fn store_again(broker: &Broker, back: &SendBack) -> Result<Vec<Arc<TopicConfig>>, Refusal> {
    let group = broker.groups.find(&back.group).ok_or_else(|| Refusal::no_group(&back.group))?;
    let config = broker.config.get();
    if !permission::is_writable(config.broker_permission) {
        let remark = format!("the broker[{}] sending message is forbidden", config.broker_ip1);
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, remark));
    }
    if group.retry_queue_nums <= 0 {
        return Ok(Vec::new());
    }
    let record = broker.store.message_at(back.offset).map_err(|error| {
        let remark = format!("look message by offset failed, {}: {error}", back.offset);
        Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
    })?;
    let view = RecordView::parse(&record)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, format!("the message is damaged: {error}")))?;
    let mut message = Message::of(&record, &view);
    note_origin(&mut message, &view, view.topic());
    let attempts = message.reconsume_times;
    let limit = back.max_attempts.unwrap_or(group.retry_max_times);
    let created = if attempts >= limit || back.delay_level < 0 {
        to_dead_letters(broker, &back.group, &mut message)
    } else {
        to_retry(broker, &group, back, &mut message)?
    };
    message.reconsume_times = attempts + 1;
    message.put_again(broker)?;
    broker.statistics.sent_back(view.topic(), &back.group, broker.clock.now_ms());
    broker.store.dispatch();
    Ok(created)
}

/// Sends a message to its group's dead letters at once, for its consumer gives it up. `topic`: what the consumer calls the topic.
/// Answers the topics that were created for it. Waits for the disk.
pub(crate) fn give_up(
    broker: &Broker,
    group: &str,
    topic: &str,
    record: &Bytes,
) -> Result<Vec<Arc<TopicConfig>>, Refusal> {
    let view = RecordView::parse(record)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, format!("the message is damaged: {error}")))?;
    let mut message = Message::of(record, &view);
    note_origin(&mut message, &view, topic);
    let created = to_dead_letters(broker, group, &mut message);
    message.reconsume_times += 1;
    message.put(broker)?;
    broker.store.dispatch();
    Ok(created)
}

/// Keeps where a message comes from, unless it is known.
fn note_origin(message: &mut Message, view: &RecordView<'_>, topic: &str) {
    if message.properties.get(key::RETRY_TOPIC).is_none() {
        message.properties.set(key::RETRY_TOPIC, topic.to_owned());
    }
    if message.properties.get(key::ORIGIN_MESSAGE_ID).is_none() {
        message.properties.set(key::ORIGIN_MESSAGE_ID, encode_message_id(view.store_host(), view.physical_offset()));
    }
}

/// Decides where a message goes that a client sends to its group's retry topic by itself: there, or, after too many attempts or
/// from a group that consumes in order, to the dead letters. Answers the topics that were created for it.
pub(crate) fn admit(
    broker: &Broker,
    header: &SendMessageRequest<'_>,
    honours_limit: bool,
    message: &mut Message,
) -> Result<Vec<Arc<TopicConfig>>, Refusal> {
    let Some(group) = header.topic.strip_prefix(name::RETRY_PREFIX) else { return Ok(Vec::new()) };
    let config = broker.groups.find(group).ok_or_else(|| Refusal::no_group(group))?;
    let limit = header.max_reconsume_times.filter(|_| honours_limit).unwrap_or(config.retry_max_times);
    // An ordered consumer sends here only what it gives up on: retries happen in its own queue.
    let is_ordered = broker.queue_locks.lock().is_any_held(group, broker.clock.now_ms());
    if header.reconsume_times > limit || is_ordered {
        return Ok(to_dead_letters(broker, group, message));
    }
    Ok(Vec::new())
}

fn to_retry(
    broker: &Broker,
    group: &SubscriptionGroupConfig,
    back: &SendBack,
    message: &mut Message,
) -> Result<Vec<Arc<TopicConfig>>, Refusal> {
    let topic = name::retry_topic(&back.group);
    let sys_flag = if back.unit_mode { sys_flag::UNIT_SUBSCRIPTION } else { 0 };
    let lookup = broker.topics.for_group(&topic, group.retry_queue_nums, false, sys_flag);
    if !permission::is_writable(lookup.config().perm) {
        let remark = format!("the topic[{topic}] sending message is forbidden");
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, remark));
    }
    message.topic = topic;
    message.queue = QueueId(message.reconsume_times.rem_euclid(group.retry_queue_nums));
    put_off(broker, group, back.delay_level, message);
    Ok(created(lookup))
}

/// Has a message wait: for as long as its consumer says, or else its group, or else by the number of attempts.
fn put_off(broker: &Broker, group: &SubscriptionGroupConfig, level: i32, message: &mut Message) {
    let attempts = message.reconsume_times;
    let own_wait_ms = match level {
        0 => waits::own_wait_ms(&group.group_retry_policy, attempts),
        _ => None,
    };
    match own_wait_ms {
        Some(wait_ms) if timer::can_wait(broker, wait_ms) => {
            // A wait of no time at all is over.
            timer::redirect_at(broker, message, broker.clock.now_ms() + wait_ms);
        }
        _ => delay::redirect(broker, message, if level == 0 { FIRST_RETRY_LEVEL + attempts } else { level }),
    }
}

/// Sends a message to its group's dead letters; the topic appears with the first of them.
pub(crate) fn to_dead_letters(broker: &Broker, group: &str, message: &mut Message) -> Vec<Arc<TopicConfig>> {
    let properties = &mut message.properties;
    let origin_topic = properties.get(key::RETRY_TOPIC).unwrap_or(&message.topic).to_owned();
    broker.statistics.gave_up(&origin_topic, group, broker.clock.now_ms());
    properties.set(key::DEAD_LETTER_ORIGIN_TOPIC, origin_topic);
    if let Some(id) = properties.get(key::ORIGIN_MESSAGE_ID).map(str::to_owned) {
        properties.set(key::DEAD_LETTER_ORIGIN_ID, id);
    }
    properties.remove(delay::LEVEL);
    message.topic = format!("{}{group}", name::DEAD_LETTER_PREFIX);
    message.queue = QueueId(0);
    created(broker.topics.for_group(&message.topic, 1, false, 0))
}

pub(crate) fn created(lookup: Lookup) -> Vec<Arc<TopicConfig>> {
    match lookup {
        Lookup::Known(_) => Vec::new(),
        Lookup::Created(topic) => vec![topic],
    }
}

#[cfg(test)]
mod tests;
