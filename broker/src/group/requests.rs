//! Requests about consumer groups: create or change (200), delete (207), list (201), show (352); who is in them (203, 204), and how
//! far they have consumed (208).

use std::collections::BTreeSet;
use std::sync::Arc;

use bolide_remoting::body::{
    ClientConnection, ConsumeStats, ConsumerConnection, MessageQueue, OffsetWrapper, ProducerConnection,
    SubscriptionData, SubscriptionGroupConfig, encode,
};
use bolide_remoting::header::{
    ConsumerGroupRequest, DeleteSubscriptionGroupRequest, GetAllSubscriptionGroupRequest,
    GetAllSubscriptionGroupResponse, GetConsumeStatsRequest, GetProducerConnectionListRequest, GroupRequest,
};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::{QueueId, QueueOffset};
use bytes::Bytes;

use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::client::registry::Member;
use crate::filter::Subscription;
use crate::name;
use crate::page::page;
use crate::pop;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};

/// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP. Answers when the group is saved.
pub(crate) fn update(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let updated = json_body(request).and_then(|wanted: SubscriptionGroupConfig| {
        name::check_group(&wanted.group_name)?;
        Ok(broker.groups.update(wanted)?)
    });
    match updated {
        Ok(()) => save(broker, reply),
        Err(refusal) => reply.refuse(refusal),
    }
}

/// DELETE_SUBSCRIPTIONGROUP.
pub(crate) fn delete(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match DeleteSubscriptionGroupRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    forget(broker, header.group_name, header.clean_offset);
    save(broker, reply);
}

/// Removes a group, with what it has consumed if that is asked for.
pub(super) fn forget(broker: &Broker, group: &str, clean_offset: bool) {
    broker.groups.remove(group);
    pop::forget_group(broker, group);
    broker.statistics.remove_group(group);
    if clean_offset {
        broker.offsets.write().remove_group(group);
    }
}

/// Answers when the groups are saved.
pub(super) fn save(broker: &Arc<Broker>, reply: Reply<'_>) {
    broker.on_blocking_thread(reply, |broker, reply| reply.give(broker.groups.save().map_err(Refusal::from)));
}

/// GET_ALL_SUBSCRIPTIONGROUP_CONFIG, whole or a page of it.
pub(crate) fn list(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give_with_body(try_list(broker, request));
}

fn try_list(broker: &Broker, request: &Request<'_>) -> Result<(GetAllSubscriptionGroupResponse, Bytes), Refusal> {
    let header = GetAllSubscriptionGroupRequest::decode(&request.header.fields)?;
    let mut wrapper = broker.groups.wrapper();
    let total = wrapper.subscription_group_table.len();
    let groups = std::mem::take(&mut wrapper.subscription_group_table);
    wrapper.subscription_group_table =
        page(groups, header.group_seq, header.max_group_num, header.data_version, wrapper.data_version);
    let header = GetAllSubscriptionGroupResponse { total_group_num: i32::try_from(total).ok() };
    Ok((header, encode(&wrapper)))
}

/// GET_SUBSCRIPTIONGROUP_CONFIG.
pub(crate) fn show(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match GroupRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    match broker.groups.get(header.group) {
        Some(config) => reply.ok_body(&(), encode(&*config)),
        None => reply.refuse(Refusal::no_group(header.group)),
    }
}

/// GET_CONSUMER_CONNECTION_LIST.
pub(crate) fn consumers(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give_body(try_consumers(broker, request));
}

fn try_consumers(broker: &Broker, request: &Request<'_>) -> Result<Bytes, Refusal> {
    let group = ConsumerGroupRequest::decode(&request.header.fields)?.consumer_group;
    let clients = broker.clients.read();
    let Some(consumers) = clients.consumer_group(group) else {
        let remark = format!("the consumer group[{group}] not online");
        return Err(Refusal::new(ResponseCode::CONSUMER_NOT_ONLINE, remark));
    };
    let subscriptions = consumers.subscriptions.values();
    Ok(encode(&ConsumerConnection {
        connection_set: consumers.members.values().map(connection).collect(),
        subscription_table: subscriptions.map(|s| (s.topic.clone(), SubscriptionData::from(&**s))).collect(),
        consume_type: Some(consumers.consume_type),
        message_model: Some(consumers.message_model),
        consume_from_where: Some(consumers.consume_from_where),
    }))
}

/// GET_PRODUCER_CONNECTION_LIST.
pub(crate) fn producers(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give_body(try_producers(broker, request));
}

fn try_producers(broker: &Broker, request: &Request<'_>) -> Result<Bytes, Refusal> {
    let group = GetProducerConnectionListRequest::decode(&request.header.fields)?.producer_group;
    let clients = broker.clients.read();
    let Some(members) = clients.producer_group(group) else {
        let remark = format!("the producer group[{group}] not exist");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    };
    Ok(encode(&ProducerConnection { connection_set: members.values().map(connection).collect() }))
}

fn connection(member: &Member<ClientHandle>) -> ClientConnection {
    let who = &member.introduction;
    ClientConnection {
        client_id: who.client_id.clone(),
        client_addr: who.connection.peer().to_string(),
        language: who.language,
        version: who.version,
    }
}

impl From<&Subscription> for SubscriptionData {
    fn from(subscription: &Subscription) -> Self {
        SubscriptionData {
            class_filter_mode: subscription.class_filter,
            topic: subscription.topic.clone(),
            sub_string: subscription.expression.clone(),
            tags_set: subscription.tags.clone(),
            code_set: subscription.codes.clone(),
            sub_version: subscription.version,
            expression_type: subscription.expression_type.clone(),
        }
    }
}

/// GET_CONSUME_STATS.
pub(crate) fn consume_stats(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match GetConsumeStatsRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let group = header.consumer_group.to_owned();
    let topics = topics_of(broker, &header);
    broker.on_blocking_thread(reply, move |broker, reply| {
        let stats = consume_stats_of(broker, &group, topics.iter().map(String::as_str));
        reply.give_body(stats.map(|stats| encode(&stats)));
    });
}

/// The topics that are asked for: those listed, else the one named, else all that the group has consumed; the last two only as far
/// as the group's members, if there are any, still subscribe to them.
fn topics_of(broker: &Broker, header: &GetConsumeStatsRequest<'_>) -> BTreeSet<String> {
    let listed = header.topic_list.unwrap_or_default().split(';').filter(|topic| !topic.is_empty());
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    if !listed.is_empty() {
        return listed;
    }
    let group = header.consumer_group;
    let mut topics: BTreeSet<String> = match header.topic.filter(|topic| !topic.trim().is_empty()) {
        Some(topic) => BTreeSet::from([topic.to_owned()]),
        None => broker.offsets.read().topics_of_group(group).into_iter().collect(),
    };
    if let Some(online) = broker.clients.read().consumer_group(group) {
        topics.retain(|topic| online.subscriptions.is_empty() || online.subscriptions.contains_key(topic));
    }
    topics
}

/// How far a group is in these topics. Waits for the disk.
pub(super) fn consume_stats_of<'a>(
    broker: &Broker,
    group: &str,
    topics: impl IntoIterator<Item = &'a str>,
) -> Result<ConsumeStats, Refusal> {
    let broker_name = broker.config.get().broker_name.clone();
    let mut stats = ConsumeStats::default();
    let now_ms = broker.clock.now_ms();
    for topic in topics {
        let Some(config) = broker.topics.get(topic) else {
            continue;
        };
        stats.consume_tps += broker.statistics.group_get_tps(topic, group, now_ms);
        for queue_id in 0..config.read_queue_nums {
            let queue = MessageQueue { topic: topic.to_owned(), broker_name: broker_name.clone(), queue_id };
            stats.offset_table.insert(queue, progress(broker, group, topic, QueueId(queue_id))?);
        }
    }
    Ok(stats)
}

/// How far a group is in a queue. May wait for the disk.
pub(crate) fn progress(broker: &Broker, group: &str, topic: &str, queue: QueueId) -> Result<OffsetWrapper, Refusal> {
    let (consumed, pulled) = {
        let offsets = broker.offsets.read();
        (offsets.query(group, topic, queue.0).unwrap_or(0), offsets.query_pulled(group, topic, queue.0).unwrap_or(0))
    };
    let last_stored = match consumed {
        1.. => broker.store.store_time(topic, queue, QueueOffset(consumed - 1))?,
        _ => None,
    };
    Ok(OffsetWrapper {
        broker_offset: broker.store.max_offset(topic, queue).unwrap_or_default().0,
        consumer_offset: consumed,
        pull_offset: pulled.max(consumed),
        last_timestamp: last_stored.unwrap_or(0),
    })
}
