//! Setting a group's offsets: by time or to a place (222), and after another group's (314); and how old what a group consumes is (303).
//! A reset is kept here until the group's next pull of the queue answers with it, so that consumers need not be online.

use std::collections::BTreeMap;
use std::sync::Arc;

use bolide_remoting::body::{MessageQueue, QueryConsumeTimeSpanResponse, QueueTimeSpan, ResetOffsetBody, encode};
use bolide_remoting::header::{CloneGroupOffsetRequest, QueryConsumeTimeSpanRequest, ResetOffsetRequest};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::{Boundary, QueueId, QueueOffset};
use bytes::Bytes;

use crate::broker::Broker;
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
    broker.on_blocking_thread(reply, move |broker, reply| reply.give_body(try_reset(broker, &reset)));
}

fn try_reset(broker: &Broker, reset: &Reset) -> Result<Bytes, Refusal> {
    let Reset { topic, group, .. } = reset;
    let Some(config) = broker.topics.get(topic) else {
        let remark = format!("Topic {topic} does not exist");
        return Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark));
    };
    if !broker.groups.can_exist(group) {
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
    let broker_name = broker.config.get().broker_name.clone();
    let mut body = ResetOffsetBody::default();
    let mut offsets = broker.offsets.write();
    for (queue_id, offset) in targets {
        offsets.reset(group, topic, queue_id, offset.0);
        let queue = MessageQueue { topic: topic.clone(), broker_name: broker_name.clone(), queue_id };
        body.offset_table.insert(queue, offset.0);
    }
    Ok(encode(&body))
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
