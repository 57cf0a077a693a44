//! Requests that look at many groups, or at what one group consumes: everybody's progress (317), all producers (328), a group's
//! topics (343) and its subscription to one (345).

use std::sync::Arc;

use bolide_remoting::body::{
    ConsumeStats, ConsumeStatsList, ProducerInfo, ProducerTableInfo, QuerySubscriptionResponse, SubscriptionData,
    TopicList, encode,
};
use bolide_remoting::header::{GetBrokerConsumeStatsRequest, GroupRequest, QuerySubscriptionByConsumerRequest};
use bolide_remoting::{Reply, Request};
use bytes::Bytes;

use super::requests::consume_stats_of;
use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::client::registry::Member;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// GET_BROKER_CONSUME_STATS.
pub(crate) fn all_consume_stats(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let only_ordered = match GetBrokerConsumeStatsRequest::decode(&request.header.fields) {
        Ok(header) => header.is_order,
        Err(error) => return reply.refuse(error),
    };
    broker.on_blocking_thread(reply, move |broker, reply| reply.give_body(try_all_consume_stats(broker, only_ordered)));
}

fn try_all_consume_stats(broker: &Broker, only_ordered: bool) -> Result<Bytes, Refusal> {
    let mut list = ConsumeStatsList { broker_addr: broker.store_host.to_string(), ..ConsumeStatsList::default() };
    for group in broker.groups.wrapper().subscription_group_table.into_keys() {
        let mut topics = broker.offsets.read().topics_of_group(&group);
        topics.retain(|topic| {
            let config = broker.topics.get(topic);
            config.is_some_and(|config| config.order || !only_ordered) && is_subscribed(broker, &group, topic)
        });
        topics.sort_unstable();
        let mut stats = Vec::with_capacity(topics.len());
        for topic in topics {
            let progress = consume_stats_of(broker, &group, [topic.as_str()])?;
            let (behind, in_flight) = behind(&progress);
            list.total_diff += behind;
            list.total_inflight_diff += in_flight;
            stats.push(progress);
        }
        list.consume_stats_list.push([(group, stats)].into());
    }
    Ok(encode(&list))
}

/// Whether the group's members, if there are any, still subscribe to the topic.
fn is_subscribed(broker: &Broker, group: &str, topic: &str) -> bool {
    let clients = broker.clients.read();
    let online = clients.consumer_group(group);
    online.is_none_or(|online| online.subscriptions.is_empty() || online.subscriptions.contains_key(topic))
}

/// How many messages a group has not consumed, and how many of these it has already pulled.
fn behind(stats: &ConsumeStats) -> (i64, i64) {
    let queues = || stats.offset_table.values();
    let in_flight = queues().map(|queue| (queue.pull_offset - queue.consumer_offset).max(0)).sum();
    (queues().map(|queue| queue.broker_offset - queue.consumer_offset).sum(), in_flight)
}

/// GET_ALL_PRODUCER_INFO.
pub(crate) fn all_producers(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let clients = broker.clients.read();
    let groups = clients.producer_groups();
    let data = groups.map(|(group, members)| (group.clone(), members.values().map(producer).collect()));
    reply.ok_body(&(), encode(&ProducerTableInfo { data: data.collect() }));
}

fn producer(member: &Member<ClientHandle>) -> ProducerInfo {
    let who = &member.introduction;
    ProducerInfo {
        client_id: who.client_id.clone(),
        remote_ip: who.connection.peer().to_string(),
        language: who.language,
        version: who.version,
        last_update_timestamp: member.seen_ms,
    }
}

/// QUERY_TOPICS_BY_CONSUMER.
pub(crate) fn topics(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let group = match GroupRequest::decode(&request.header.fields) {
        Ok(header) => header.group,
        Err(error) => return reply.refuse(error),
    };
    let mut topic_list = broker.offsets.read().topics_of_group(group);
    topic_list.sort_unstable();
    let list = TopicList { topic_list, broker_addr: Some(broker.store_host.to_string()) };
    reply.ok_body(&(), encode(&list));
}

/// QUERY_SUBSCRIPTION_BY_CONSUMER. A group that is not online has none.
pub(crate) fn subscription(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match QuerySubscriptionByConsumerRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let topic = header.topic.unwrap_or_default();
    let clients = broker.clients.read();
    let known = clients.subscription(header.group, topic);
    let body = QuerySubscriptionResponse {
        subscription_data: known.map(|subscription| SubscriptionData::from(&**subscription)),
        group: header.group.to_owned(),
        topic: topic.to_owned(),
    };
    reply.ok_body(&(), encode(&body));
}
