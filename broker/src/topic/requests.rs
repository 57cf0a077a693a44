//! Requests about topics: create or change (17), delete (215), list (21), show (351), their queues' offsets (202), who consumes
//! them (300), and which belong to the system (305).

use std::sync::Arc;

use bolide_remoting::body::{
    GroupList, MessageQueue, TopicConfig, TopicConfigAndMappingSerializeWrapper, TopicFilterType, TopicList,
    TopicOffset, TopicStatsTable, encode,
};
use bolide_remoting::header::{CreateTopicRequest, GetAllTopicConfigRequest, GetAllTopicConfigResponse, TopicRequest};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::{QueueId, QueueOffset, ReadError};
use bytes::Bytes;

use crate::attribute::{self, Attributes};
use crate::broker::Broker;
use crate::name;
use crate::page::page;
use crate::pop;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::topic::message_type;
use crate::topic::table::Lookup;

/// The most queues that a topic may have for reading or writing.
const MAX_QUEUES: i32 = 65_535;

/// UPDATE_AND_CREATE_TOPIC. Answers when the topic is saved and name servers know it.
pub(crate) fn update(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    match try_update(broker, request) {
        Ok(Lookup::Known(_)) => reply.ok(&()),
        Ok(Lookup::Created(topic)) => {
            let reply = reply.park();
            broker.registrar.announce(vec![topic], Box::new(move || reply.ok(&())));
        }
        Err(refusal) => reply.refuse(refusal),
    }
}

fn try_update(broker: &Broker, request: &Request<'_>) -> Result<Lookup, Refusal> {
    let header = CreateTopicRequest::decode(&request.header.fields)?;
    check_changeable(broker, header.topic)?;
    let kind = header.topic_filter_type;
    let topic_filter_type = TopicFilterType::from_name(kind)
        .ok_or_else(|| Refusal::invalid(format!("topicFilterType is {kind}, but must be SINGLE_TAG or MULTI_TAG")))?;
    let attributes = attribute::parse(header.attributes.unwrap_or_default())?;
    let wanted = TopicConfig {
        topic_name: header.topic.to_owned(),
        read_queue_nums: header.read_queue_nums,
        write_queue_nums: header.write_queue_nums,
        perm: header.perm,
        topic_filter_type,
        topic_sys_flag: header.topic_sys_flag.unwrap_or(0),
        order: header.order,
        attributes,
    };
    check_config(broker, &wanted)?;
    Ok(broker.topics.update(wanted)?)
}

/// Whether a topic may look like this.
pub(super) fn check_config(broker: &Broker, topic: &TopicConfig) -> Result<(), Refusal> {
    for (field, queues) in [("readQueueNums", topic.read_queue_nums), ("writeQueueNums", topic.write_queue_nums)] {
        if !(0..=MAX_QUEUES).contains(&queues) {
            return Err(Refusal::invalid(format!("{field} is {queues}, but must be from 0 to {MAX_QUEUES}")));
        }
    }
    check_mixed(broker, &topic.attributes)
}

/// A topic for all kinds of messages is a choice of the operator's (`enableMixedMessageType`).
fn check_mixed(broker: &Broker, changes: &Attributes) -> Result<(), Refusal> {
    let is_mixed = changes.get(&format!("+{}", message_type::ATTRIBUTE)).is_some_and(|value| value == "MIXED");
    if is_mixed && !broker.config.get().enable_mixed_message_type {
        return Err(Refusal::invalid("MIXED message type is not supported."));
    }
    Ok(())
}

/// DELETE_TOPIC_IN_BROKER. The messages stay in the commit log until their files go.
pub(crate) fn delete(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let topic = match TopicRequest::decode(&request.header.fields) {
        Ok(header) => header.topic.to_owned(),
        Err(error) => return reply.refuse(error),
    };
    if let Err(refusal) = check_changeable(broker, &topic) {
        return reply.refuse(refusal);
    }
    broker.on_blocking_thread(reply, move |broker, reply| reply.give(try_delete(broker, &topic)));
}

/// Removes a topic with its queues. Waits for the disk.
pub(super) fn try_delete(broker: &Broker, topic: &str) -> Result<(), Refusal> {
    broker.topics.remove(topic);
    broker.topics.save()?;
    broker.offsets.write().remove_topic(topic);
    pop::forget_topic(broker, topic);
    broker.statistics.remove_topic(topic);
    broker.store.delete_topic(topic)?;
    Ok(())
}

/// Whether operators may change a topic of this name.
pub(super) fn check_changeable(broker: &Broker, topic: &str) -> Result<(), Refusal> {
    name::check_topic(topic)?;
    if broker.config.get().validate_system_topic_when_update_topic && broker.topics.is_system_topic(topic) {
        return Err(Refusal::invalid(format!("The topic[{topic}] is conflict with system topic.")));
    }
    Ok(())
}

/// GET_ALL_TOPIC_CONFIG, whole or a page of it.
pub(crate) fn list(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give_with_body(try_list(broker, request));
}

fn try_list(broker: &Broker, request: &Request<'_>) -> Result<(GetAllTopicConfigResponse, Bytes), Refusal> {
    let header = GetAllTopicConfigRequest::decode(&request.header.fields)?;
    let wrapper = broker.topics.wrapper();
    let total = wrapper.topic_config_table.len();
    let version = wrapper.data_version;
    let topics = page(wrapper.topic_config_table, header.topic_seq, header.max_topic_num, header.data_version, version);
    let body = TopicConfigAndMappingSerializeWrapper {
        topic_config_table: topics,
        data_version: wrapper.data_version,
        ..TopicConfigAndMappingSerializeWrapper::default()
    };
    let header = GetAllTopicConfigResponse { total_topic_num: i32::try_from(total).ok() };
    Ok((header, encode(&body)))
}

/// GET_TOPIC_CONFIG.
pub(crate) fn show(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match TopicRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let Some(topic) = broker.topics.get(header.topic) else {
        let remark = format!("No topic in this broker. topic: {}", header.topic);
        return reply.refuse(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark));
    };
    reply.ok_body(&(), encode(&*topic));
}

/// GET_TOPIC_STATS_INFO.
pub(crate) fn stats(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let topic = match TopicRequest::decode(&request.header.fields) {
        Ok(header) => header.topic.to_owned(),
        Err(error) => return reply.refuse(error),
    };
    broker.on_blocking_thread(reply, move |broker, reply| reply.give_body(try_stats(broker, &topic)));
}

fn try_stats(broker: &Broker, topic: &str) -> Result<Bytes, Refusal> {
    let config = broker.topics.get(topic).ok_or_else(|| {
        let remark = format!("topic[{topic}] not exist");
        Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark)
    })?;
    let broker_name = broker.config.get().broker_name.clone();
    let topic_put_tps = broker.statistics.topic_put_tps(topic, broker.clock.now_ms());
    let mut table = TopicStatsTable { topic_put_tps, ..TopicStatsTable::default() };
    for queue_id in 0..config.write_queue_nums.max(config.read_queue_nums) {
        let queue = QueueId(queue_id);
        let offset = ends(broker, topic, queue)?;
        let queue = MessageQueue { topic: topic.to_owned(), broker_name: broker_name.clone(), queue_id };
        table.offset_table.insert(queue, offset);
    }
    Ok(encode(&table))
}

/// The ends of a queue, and when its last message was stored. May wait for the disk.
pub(crate) fn ends(broker: &Broker, topic: &str, queue: QueueId) -> Result<TopicOffset, ReadError> {
    let max = broker.store.max_offset(topic, queue).unwrap_or_default();
    let last = QueueOffset(max.0 - 1);
    let last_stored = if max.0 > 0 { broker.store.store_time(topic, queue, last)? } else { None };
    Ok(TopicOffset {
        min_offset: broker.store.min_offset(topic, queue).unwrap_or_default().0,
        max_offset: max.0,
        last_update_timestamp: last_stored.unwrap_or(0),
    })
}

/// QUERY_TOPIC_CONSUME_BY_WHO.
pub(crate) fn consumed_by(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match TopicRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let mut groups = broker.offsets.read().groups_of_topic(header.topic);
    groups.extend(broker.clients.read().groups_of_topic(header.topic).cloned());
    groups.sort_unstable();
    groups.dedup();
    reply.ok_body(&(), encode(&GroupList { group_list: groups }));
}

/// GET_SYSTEM_TOPIC_LIST_FROM_BROKER.
pub(crate) fn system(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let list = TopicList { topic_list: broker.topics.system_topics(), broker_addr: None };
    reply.ok_body(&(), encode(&list));
}
