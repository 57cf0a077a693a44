//! Requests about offsets: what groups have consumed (14, 15), and where queues begin, end, and stood at some time (29–32).

use std::sync::Arc;

use bolide_remoting::header::{
    GetEarliestMsgStoretimeRequest, GetEarliestMsgStoretimeResponse, GetMaxOffsetRequest, GetMinOffsetRequest,
    OffsetResponse, QueryConsumerOffsetRequest, SearchOffsetRequest, UpdateConsumerOffsetRequest,
};
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use bolide_store::{Boundary, QueueId, QueueOffset};

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// QUERY_CONSUMER_OFFSET.
pub(crate) fn query(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give(try_query(broker, request));
}

fn try_query(broker: &Broker, request: &Request<'_>) -> Result<OffsetResponse, Refusal> {
    let header = QueryConsumerOffsetRequest::decode(&request.header.fields)?;
    let (topic, queue) = (header.topic, QueueId(header.queue_id));
    if let Some(offset) = broker.offsets.read().query(header.consumer_group, topic, queue.0) {
        return Ok(OffsetResponse { offset });
    }
    let not_found = |remark| Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, remark));
    if header.set_zero_if_not_found == Some(false) {
        return not_found("Not found, do not set to zero, maybe this group boot first");
    }
    // A group that is new to an empty queue starts at 0: were it told to ask for the maximum, a message sent between its two
    // questions would be lost to it.
    let is_empty = broker.store.max_offset(topic, queue).unwrap_or_default() == QueueOffset(0);
    let starts_at_zero = broker.store.min_offset(topic, queue).unwrap_or_default() <= QueueOffset(0);
    if is_empty || (starts_at_zero && broker.store.is_in_memory(topic, queue, QueueOffset(0))) {
        return Ok(OffsetResponse { offset: 0 });
    }
    not_found("Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")
}

/// UPDATE_CONSUMER_OFFSET.
pub(crate) fn update(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    match try_update(broker, request) {
        Ok(remark) => reply.respond(ResponseCode::SUCCESS, remark, &(), Body::Empty),
        Err(refusal) => reply.refuse(refusal),
    }
}

fn try_update(broker: &Broker, request: &Request<'_>) -> Result<Option<&'static str>, Refusal> {
    let header = UpdateConsumerOffsetRequest::decode(&request.header.fields)?;
    let (group, topic) = (header.consumer_group, header.topic);
    if broker.groups.get(group).is_none() {
        let remark = format!("Group {group} not exist!");
        return Err(Refusal::new(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
    }
    if broker.topics.get(topic).is_none() {
        return Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, format!("Topic {topic} not exist!")));
    }
    let taken = broker.offsets.write().commit(group, topic, header.queue_id, header.commit_offset);
    Ok((!taken).then_some("Offset has been previously reset"))
}

/// GET_MAX_OFFSET.
pub(crate) fn max(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let answer = |header: GetMaxOffsetRequest<'_>| {
        let max = broker.store.max_offset(header.topic, QueueId(header.queue_id));
        OffsetResponse { offset: max.unwrap_or_default().0 }
    };
    reply.give(GetMaxOffsetRequest::decode(&request.header.fields).map(answer).map_err(Refusal::from));
}

/// GET_MIN_OFFSET.
pub(crate) fn min(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let answer = |header: GetMinOffsetRequest<'_>| {
        let min = broker.store.min_offset(header.topic, QueueId(header.queue_id));
        OffsetResponse { offset: min.unwrap_or_default().0 }
    };
    reply.give(GetMinOffsetRequest::decode(&request.header.fields).map(answer).map_err(Refusal::from));
}

/// SEARCH_OFFSET_BY_TIMESTAMP.
pub(crate) fn search(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match SearchOffsetRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let upper = header.boundary_type.is_some_and(|boundary| boundary.eq_ignore_ascii_case("upper"));
    let boundary = if upper { Boundary::Upper } else { Boundary::Lower };
    let (topic, queue, timestamp_ms) = (header.topic.to_owned(), QueueId(header.queue_id), header.timestamp);
    broker.on_blocking_thread(reply, move |broker, reply| {
        match broker.store.offset_by_time(&topic, queue, timestamp_ms, boundary) {
            Ok(offset) => reply.ok(&OffsetResponse { offset: offset.0 }),
            Err(error) => reply.refuse(error),
        }
    });
}

/// GET_EARLIEST_MSG_STORETIME. A queue without messages answers -1, as Apache's.
pub(crate) fn earliest(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match GetEarliestMsgStoretimeRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let (topic, queue) = (header.topic.to_owned(), QueueId(header.queue_id));
    broker.on_blocking_thread(reply, move |broker, reply| match broker.store.earliest_store_time(&topic, queue) {
        Ok(time) => reply.ok(&GetEarliestMsgStoretimeResponse { timestamp: time.unwrap_or(-1) }),
        Err(error) => reply.refuse(error),
    });
}
