//! RECALL_MESSAGE (370): takes back a message whose time has not come. What is stored is a timed message of its own, which meets the
//! other in its slot.

use std::net::SocketAddr;
use std::sync::Arc;

use bolide_remoting::header::{RecallMessageRequest, RecallMessageResponse};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::QueueId;
use bolide_store::record::properties::{TAGS, UNIQUE_KEY};
use bytes::Bytes;

use super::handle::RecallHandle;
use super::timing;
use crate::broker::Broker;
use crate::message::{Message, PropertyList};
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::topic::permission;

const RECALL_TAG: &str = "_RECALL_TAG_";
const BORN_TIMESTAMP: &str = "BORN_TIMESTAMP";
const PRODUCER_GROUP: &str = "PGROUP";

/// RECALL_MESSAGE.
pub(crate) fn recall(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match RecallMessageRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let group = header.producer_group.unwrap_or_default();
    match recall_message(broker, request.connection.peer(), group, header.topic, header.recall_handle) {
        Ok(message_id) => {
            // Java's client writes no trace of an answer without the region.
            let region = &broker.config.get().region_id;
            reply.give(Ok(RecallMessageResponse { msg_id: &message_id, region }));
        }
        Err(refusal) => reply.refuse(refusal),
    }
}

/// Takes a message back; answers its unique key.
pub(crate) fn recall_message(
    broker: &Broker,
    peer: SocketAddr,
    producer_group: &str,
    topic: &str,
    handle: &str,
) -> Result<String, Refusal> {
    let handle = check(broker, topic, handle)?;
    let now_ms = broker.clock.now_ms();
    let mut properties = PropertyList::default();
    properties.set(TAGS, RECALL_TAG);
    let with_topic = broker.config.get().append_topic_for_timer_delete_key;
    let key = if with_topic { format!("{topic}+{}", handle.unique_key) } else { handle.unique_key.clone() };
    properties.set(timing::RECALLED_KEY, key);
    properties.set(UNIQUE_KEY, handle.unique_key.clone());
    properties.set(timing::DELIVER_MS, handle.time_ms.to_string());
    properties.set(BORN_TIMESTAMP, now_ms.to_string());
    properties.set(PRODUCER_GROUP, producer_group.to_owned());
    let mut message = Message {
        topic: handle.topic.clone(),
        queue: QueueId(0),
        flag: 0,
        sys_flag: 0,
        born_ms: now_ms,
        born_host: peer,
        reconsume_times: 0,
        prepared_offset: 0,
        body: Bytes::from_static(b"0"),
        properties,
    };
    let failed = |refusal: Refusal| {
        Refusal::new(ResponseCode::SYSTEM_ERROR, format!("recall failed, execute error: {}", refusal.remark))
    };
    super::redirect(broker, &mut message).map_err(failed)?;
    let put = message.put(broker).map_err(|error| failed(error.into()))?;
    broker.store.request_flush(put.end());
    Ok(handle.unique_key)
}

fn check(broker: &Broker, topic: &str, handle: &str) -> Result<RecallHandle, Refusal> {
    let config = broker.config.get();
    let unavailable = || Refusal::unavailable("recall failed, broker service not available");
    if !config.recall_message_enable {
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, "recall failed, operation is forbidden"));
    }
    if broker.clock.now_ms() < config.start_accept_send_request_timestamp_ms {
        return Err(unavailable());
    }
    if !permission::is_writable(config.broker_permission) && !config.allow_recall_when_broker_not_writeable {
        return Err(unavailable());
    }
    if broker.topics.get(topic).is_none() {
        let remark = format!("recall failed, the topic[{topic}] not exist");
        return Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark));
    }
    let illegal = |remark: &'static str| Refusal::new(ResponseCode::ILLEGAL_OPERATION, remark);
    let handle = RecallHandle::decode(handle).ok_or_else(|| illegal("recall handle is invalid"))?;
    if handle.topic != topic {
        return Err(illegal("recall failed, topic not match"));
    }
    if handle.broker != config.broker_name {
        return Err(illegal("recall failed, broker service not available"));
    }
    let left_ms = handle.time_ms.saturating_sub(broker.clock.now_ms());
    if left_ms <= 0 || left_ms >= i64::from(config.timer_max_delay_sec) * 1_000 {
        return Err(illegal("recall failed, timestamp invalid"));
    }
    Ok(handle)
}
