//! Offsets of queues: what groups have consumed, and where queues begin, end, and stood at some time.

use std::sync::Arc;

use bolide_proto::v2::{
    Code, GetOffsetRequest, GetOffsetResponse, MessageQueue, QueryOffsetPolicy, QueryOffsetRequest,
    QueryOffsetResponse, UpdateOffsetRequest, UpdateOffsetResponse,
};
use bolide_store::{Boundary, QueueId};

use super::message::milliseconds;
use super::{Caller, Fault, known, ok, resource};
use crate::broker::Broker;
use crate::refusal::Refusal;

/// UpdateOffset: the group has consumed everything before the offset.
pub(super) async fn update(
    broker: &Arc<Broker>,
    _caller: &Caller,
    request: UpdateOffsetRequest,
) -> Result<UpdateOffsetResponse, Fault> {
    let (topic, queue) = queue(broker, request.message_queue.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    broker.groups.find(group).ok_or_else(|| Refusal::no_group(group))?;
    if request.offset < 0 {
        return Err(Fault::new(Code::IllegalOffset, format!("the offset {} is negative", request.offset)));
    }
    // Where an operator has set another offset meanwhile, that one counts.
    broker.offsets.write().commit(group, topic, queue.0, request.offset);
    Ok(UpdateOffsetResponse { status: ok() })
}

/// GetOffset: how far the group has consumed the queue.
pub(super) async fn get(
    broker: &Arc<Broker>,
    _caller: &Caller,
    request: GetOffsetRequest,
) -> Result<GetOffsetResponse, Fault> {
    let (topic, queue) = queue(broker, request.message_queue.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    let offset = broker.offsets.read().query(group, topic, queue.0);
    let none = || Fault::new(Code::OffsetNotFound, format!("group {group} has no offset for {topic}@{queue}"));
    Ok(GetOffsetResponse { status: ok(), offset: offset.ok_or_else(none)? })
}

/// QueryOffset: where a queue begins, ends, or stood at some time.
pub(super) async fn query(
    broker: &Arc<Broker>,
    _caller: &Caller,
    request: QueryOffsetRequest,
) -> Result<QueryOffsetResponse, Fault> {
    let (topic, queue) = queue(broker, request.message_queue.as_ref())?;
    let offset = match known("policy", request.query_offset_policy)? {
        QueryOffsetPolicy::Beginning => broker.store.min_offset(topic, queue).unwrap_or_default(),
        QueryOffsetPolicy::End => broker.store.max_offset(topic, queue).unwrap_or_default(),
        QueryOffsetPolicy::Timestamp => {
            let none = || Fault::new(Code::BadRequest, "the policy TIMESTAMP needs a timestamp");
            let at_ms = milliseconds(request.timestamp.ok_or_else(none)?);
            let (broker, topic) = (broker.clone(), topic.to_owned());
            let search = move || broker.store.offset_by_time(&topic, queue, at_ms, Boundary::Lower);
            let found = tokio::task::spawn_blocking(search).await;
            let found = found.map_err(|error| Fault::new(Code::InternalServerError, error.to_string()))?;
            found.map_err(Refusal::from)?
        }
    };
    Ok(QueryOffsetResponse { status: ok(), offset: offset.0 })
}

/// The topic and the number of a queue that can be read here.
pub(super) fn queue<'a>(broker: &Broker, queue: Option<&'a MessageQueue>) -> Result<(&'a str, QueueId), Fault> {
    let topic = resource::topic(queue.and_then(|queue| queue.topic.as_ref()))?;
    let id = queue.map_or(0, |queue| queue.id);
    let config = broker.topics.get(topic).ok_or_else(|| Refusal::no_topic(topic))?;
    if !(0..config.read_queue_nums).contains(&id) {
        let text = format!("{topic} has no queue {id} here: it has {}", config.read_queue_nums);
        return Err(Fault::new(Code::BadRequest, text));
    }
    Ok((topic, QueueId(id)))
}
