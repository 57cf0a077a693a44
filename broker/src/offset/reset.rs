//! Setting a group's offsets: by time or to a place (222), and after another group's (314); and how old what a group consumes is (303).
//! A reset is kept here until the group's next pull of the queue answers with it, so that consumers need not be online. With
//! `useServerSideResetOffset=false` it is passed on to those that are (220), as older brokers do.

use std::collections::BTreeMap;
use std::sync::Arc;

use bolide_remoting::body::{
    MessageQueue, MessageQueueForC, QueryConsumeTimeSpanResponse, QueueTimeSpan, ResetOffsetBody, ResetOffsetBodyForC,
    encode,
};
use bolide_remoting::header::{CloneGroupOffsetRequest, QueryConsumeTimeSpanRequest, ResetOffsetRequest};
use bolide_remoting::{Language, Reply, Request, RequestCode, ResponseCode};
use bolide_store::{Boundary, QueueId, QueueOffset};
use bytes::Bytes;

use crate::broker::Broker;
use crate::pull;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// What an operator asks for.
struct Reset {
    topic: String,
    group: String,
    /// `None`: all queues of the topic.
    queue: Option<QueueId>,
    /// Where to; `None`: by the time.
    offset: Option<QueueOffset>,
    /// A negative time stands for the end of the queue.
    timestamp_ms: i64,
}

/// INVOKE_BROKER_TO_RESET_OFFSET.
pub(crate) fn reset(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match ResetOffsetRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let reset = Reset {
        topic: header.topic.to_owned(),
        group: header.group.to_owned(),
        queue: (header.queue_id >= 0).then_some(QueueId(header.queue_id)),
        offset: header.offset.filter(|offset| *offset != -1).map(QueueOffset),
        timestamp_ms: header.timestamp,
    };
    let (server_side, is_forced) = (broker.config.get().use_server_side_reset_offset, header.is_force);
    broker.on_blocking_thread(reply, move |broker, reply| {
        reply.give_body(match server_side {
            true => try_reset(broker, &reset),
            false => try_pass_on(broker, &reset, is_forced),
        });
    });
}

fn try_reset(broker: &Arc<Broker>, reset: &Reset) -> Result<Bytes, Refusal> {
    let Reset { topic, group, .. } = reset;
    let Some(config) = broker.topics.get(topic) else {
        let remark = format!("Topic {topic} does not exist");
        return Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark));
    };
    if broker.groups.get(group).is_none() {
        let remark = format!("Group {group} does not exist");
        return Err(Refusal::new(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
    }
    let queues: Vec<QueueId> = match reset.queue {
        Some(queue) => vec![queue],
        None => (0..config.read_queue_nums).map(QueueId).collect(),
    };
    let mut targets = BTreeMap::new();
    for queue in queues {
        targets.insert(queue.0, target(broker, reset, queue)?);
    }
    let mut offsets = broker.offsets.write();
    for (queue_id, offset) in &targets {
        offsets.reset(group, topic, *queue_id, offset.0);
    }
    drop(offsets);
    for queue_id in targets.keys() {
        pull::wake_group(broker, group, topic, QueueId(*queue_id));
    }
    Ok(encode(&body(broker, topic, &targets)))
}

fn body(broker: &Broker, topic: &str, targets: &BTreeMap<i32, QueueOffset>) -> ResetOffsetBody {
    let broker_name = broker.config.get().broker_name.clone();
    let place = |queue_id| MessageQueue { topic: topic.to_owned(), broker_name: broker_name.clone(), queue_id };
    ResetOffsetBody { offset_table: targets.iter().map(|(queue_id, offset)| (place(*queue_id), offset.0)).collect() }
}

/// Tells the group's consumers to set their offsets by the time. Without `is_forced` none goes forward.
fn try_pass_on(broker: &Broker, reset: &Reset, is_forced: bool) -> Result<Bytes, Refusal> {
    let Reset { topic, group, timestamp_ms, .. } = reset;
    let Some(config) = broker.topics.get(topic) else {
        let remark = format!("[reset-offset] reset offset failed, no topic in this broker. topic={topic}");
        return Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark));
    };
    let by_time = Reset { topic: topic.clone(), group: group.clone(), queue: None, offset: None, ..*reset };
    let mut targets = BTreeMap::new();
    for queue in (0..config.write_queue_nums).map(QueueId) {
        let Some(consumed) = broker.offsets.read().query(group, topic, queue.0).map(QueueOffset) else {
            let remark = format!("THe consumer group <{group}> not exist");
            return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
        };
        let target = target(broker, &by_time, queue)?;
        targets.insert(queue.0, if is_forced { target } else { target.min(consumed) });
    }
    let body = body(broker, topic, &targets);
    if !tell_members(broker, reset, &body) {
        let remark = format!(
            "Consumer not online, so can not reset offset, Group: {group} Topic: {topic} Timestamp: {timestamp_ms}"
        );
        return Err(Refusal::new(ResponseCode::CONSUMER_NOT_ONLINE, remark));
    }
    Ok(encode(&body))
}

/// Answers whether there was anybody to tell.
fn tell_members(broker: &Broker, reset: &Reset, body: &ResetOffsetBody) -> bool {
    let header = ResetOffsetRequest {
        topic: &reset.topic,
        group: &reset.group,
        queue_id: -1,
        offset: None,
        timestamp: reset.timestamp_ms,
        is_force: false,
    };
    // Clients in C++ cannot read a table whose keys are objects.
    let rows = body.offset_table.iter().map(|(queue, offset)| MessageQueueForC {
        topic: queue.topic.clone(),
        broker_name: queue.broker_name.clone(),
        queue_id: queue.queue_id,
        offset: *offset,
    });
    let (table, list) = (encode(body), encode(&ResetOffsetBodyForC { offset_table: rows.collect() }));
    let clients = broker.clients.read();
    let mut somebody = false;
    for member in clients.consumer_group(&reset.group).into_iter().flat_map(|group| group.members.values()) {
        // Clients over gRPC hold no offsets: they pop, from where the broker says.
        let Some(connection) = member.introduction.connection.connection() else { continue };
        let body = if member.introduction.language == Language::CPP { &list } else { &table };
        somebody = true;
        if let Err(error) = connection.oneway(RequestCode::RESET_CONSUMER_CLIENT_OFFSET, &header, body.clone()) {
            tracing::warn!(group = reset.group, peer = %connection.peer(), "not told to reset its offsets: {error}");
        }
    }
    somebody
}

fn target(broker: &Broker, reset: &Reset, queue: QueueId) -> Result<QueueOffset, Refusal> {
    let topic = &reset.topic;
    let min = broker.store.min_offset(topic, queue).unwrap_or_default();
    let max = broker.store.max_offset(topic, queue).unwrap_or_default();
    match reset.offset.filter(|_| reset.queue.is_some()) {
        Some(offset) if offset < min || offset.0 > max.0 + 1 => {
            let remark = format!("Target offset {offset} not in consume queue range [{min}-{max}]");
            Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark))
        }
        Some(offset) => Ok(offset),
        None if reset.timestamp_ms < 0 => Ok(max),
        None => Ok(broker.store.offset_by_time(topic, queue, reset.timestamp_ms, Boundary::Lower)?),
    }
}

/// CLONE_GROUP_OFFSET.
pub(crate) fn clone_group(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match CloneGroupOffsetRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let mut offsets = broker.offsets.write();
    let topics = match header.topic.filter(|topic| !topic.trim().is_empty()) {
        Some(topic) => vec![topic.to_owned()],
        None => offsets.topics_of_group(header.src_group),
    };
    for topic in topics {
        offsets.clone_group(header.src_group, header.dest_group, &topic);
    }
    drop(offsets);
    reply.ok(&());
}

/// QUERY_CONSUME_TIME_SPAN.
pub(crate) fn time_span(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let (topic, group) = match QueryConsumeTimeSpanRequest::decode(&request.header.fields) {
        Ok(header) => (header.topic.to_owned(), header.group.to_owned()),
        Err(error) => return reply.refuse(error),
    };
    broker.on_blocking_thread(reply, move |broker, reply| reply.give_body(try_time_span(broker, &topic, &group)));
}

fn try_time_span(broker: &Broker, topic: &str, group: &str) -> Result<Bytes, Refusal> {
    let config = broker.topics.get(topic).ok_or_else(|| Refusal::no_topic(topic))?;
    let broker_name = broker.config.get().broker_name.clone();
    let mut spans = Vec::new();
    for queue_id in 0..config.write_queue_nums {
        let queue = QueueId(queue_id);
        let stored_ms = |offset: i64| broker.store.store_time(topic, queue, QueueOffset(offset));
        let max = broker.store.max_offset(topic, queue).unwrap_or_default().0;
        let min_ms = broker.store.earliest_store_time(topic, queue)?.unwrap_or(-1);
        let consumed = broker.offsets.read().query(group, topic, queue_id).unwrap_or(-1);
        let consume_ms = if consumed > 0 { stored_ms(consumed - 1)?.unwrap_or(-1) } else { min_ms };
        let next_ms = if consumed < max { stored_ms(consumed.max(0))? } else { None };
        spans.push(QueueTimeSpan {
            message_queue: MessageQueue { topic: topic.to_owned(), broker_name: broker_name.clone(), queue_id },
            min_time_stamp: min_ms,
            max_time_stamp: stored_ms(max - 1)?.unwrap_or(-1),
            consume_time_stamp: consume_ms,
            delay_time: next_ms.map_or(0, |next_ms| broker.clock.now_ms() - next_ms),
        });
    }
    Ok(encode(&QueryConsumeTimeSpanResponse { consume_time_span_set: spans }))
}
