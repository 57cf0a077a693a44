//! What operators ask about lite topics: the broker's numbers, a parent, one lite topic, a client and a group; and that clients look again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bolide_remoting::body::{
    BrokerLiteInfo, ClientGroup, LiteClientInfo, LiteGroupInfo, LiteLagInfo, LiteTopicInfo, ParentTopicInfo, encode,
};
use bolide_remoting::header::{
    GetLiteClientInfoRequest, GetLiteGroupInfoRequest, GetLiteTopicInfoRequest, TopicRequest,
    TriggerLiteDispatchRequest,
};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::QueueOffset;
use bolide_store::light::LIGHT_QUEUE;
use bytes::Bytes;
use tokio::runtime::Handle;

use super::expiry::EXPIRATION;
use super::requests::MAX_AGE_MS;
use super::{BIND_TOPIC, check_parent, parts, queue_of, shard};
use crate::broker::Broker;
use crate::cluster;
use crate::group::requests::progress;
use crate::pop;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::topic::message_type::MessageType;
use crate::topic::requests::ends;

/// The most lite topics in one answer.
const MOST_LISTED: usize = 10_000;
/// What stands for no time.
const NEVER: i64 = -1;

/// GET_BROKER_LITE_INFO.
pub(crate) fn of_broker(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let topics = broker.topics.wrapper().topic_config_table.into_values();
    let parents = topics.filter(|topic| MessageType::of_topic(topic) == MessageType::Lite);
    let topic_meta = parents.map(|topic| (topic.topic_name.clone(), minutes(&topic.attributes))).collect();
    let (lite_subscription_count, event_map_size) = {
        let subscriptions = broker.lite.subscriptions.lock();
        (subscriptions.count(), subscriptions.waiting_clients())
    };
    let info = BrokerLiteInfo {
        store_type: "default".to_owned(),
        max_lmq_num: broker.config.get().max_lmq_consume_queue_num,
        current_lmq_num: broker.store.light_queue_count(),
        lite_subscription_count,
        order_info_count: pop::lite_orders(broker),
        cq_table_size: broker.store.topics().len(),
        offset_table_size: broker.offsets.read().pairs().count(),
        event_map_size,
        topic_meta,
        group_meta: groups_by_parent(broker),
    };
    reply.ok_body(&(), encode(&info));
}

/// GET_PARENT_TOPIC_INFO.
pub(crate) fn of_parent(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let told = || -> Result<Bytes, Refusal> {
        let topic = TopicRequest::decode(&request.header.fields)?.topic;
        let config = check_parent(broker, topic)?;
        let queues = broker.store.topics();
        let lite_topics = queues.iter().filter(|queue| parts(queue).is_some_and(|(parent, _)| parent == topic));
        Ok(encode(&ParentTopicInfo {
            topic: topic.to_owned(),
            ttl: minutes(&config.attributes),
            groups: groups_by_parent(broker).remove(topic).unwrap_or_default(),
            lmq_num: broker.store.light_queue_count(),
            lite_topic_count: lite_topics.count(),
        }))
    };
    reply.give_body(told());
}

/// GET_LITE_TOPIC_INFO.
pub(crate) fn of_lite_topic(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let (parent, lite_topic) = match GetLiteTopicInfoRequest::decode(&request.header.fields) {
        Ok(header) => (header.parent_topic.to_owned(), header.lite_topic.to_owned()),
        Err(error) => return reply.refuse(error),
    };
    broker.on_blocking_thread(reply, move |broker, reply| {
        reply.give_body(check_parent(broker, &parent).and_then(|_| lite_topic_info(broker, parent, lite_topic)));
    });
}

fn lite_topic_info(broker: &Broker, parent_topic: String, lite_topic: String) -> Result<Bytes, Refusal> {
    let queue = queue_of(&parent_topic, &lite_topic);
    let subscribers = broker.lite.subscriptions.lock().subscribers(&parent_topic, &queue);
    let named = subscribers.into_iter().map(|(who, wants_all)| {
        (if wants_all { "*".to_owned() } else { who.client.to_string() }, who.group.to_string())
    });
    let known = Handle::current().block_on(cluster::topic(broker, &parent_topic, MAX_AGE_MS));
    let own = broker.config.get().broker_name.clone();
    let sharding_to_broker =
        known.is_none_or(|known| shard::broker_of(&known.route, &lite_topic).is_none_or(|it| *it == own));
    Ok(encode(&LiteTopicInfo {
        subscriber: named
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|(client_id, group)| ClientGroup { client_id, group })
            .collect(),
        topic_offset: ends(broker, &queue, LIGHT_QUEUE)?,
        sharding_to_broker,
        parent_topic,
        lite_topic,
    }))
}

/// GET_LITE_CLIENT_INFO.
pub(crate) fn of_client(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let told = || -> Result<Bytes, Refusal> {
        let GetLiteClientInfoRequest { parent_topic, group, client_id, max_count } =
            GetLiteClientInfoRequest::decode(&request.header.fields)?;
        check_parent(broker, parent_topic)?;
        if bound_to(broker, group)? != parent_topic {
            return Err(Refusal::invalid(format!("Subscription [{group}]-[{parent_topic}] not match.")));
        }
        let known = broker.lite.subscriptions.lock().of_client(client_id);
        let most = usize::try_from(max_count).unwrap_or(0).min(MOST_LISTED);
        let listed = |queues: &[Arc<str>]| queues.iter().take(most).map(|queue| queue.to_string()).collect();
        Ok(encode(&LiteClientInfo {
            parent_topic: parent_topic.to_owned(),
            group: group.to_owned(),
            client_id: client_id.to_owned(),
            last_access_time: known.as_ref().map_or(NEVER, |(_, said_ms)| *said_ms),
            last_consume_time: 0,
            lite_topic_count: known.as_ref().map_or(-1, |(queues, _)| queues.len() as i64),
            lite_topic_set: known.as_ref().map(|(queues, _)| listed(queues)),
        }))
    };
    reply.give_body(told());
}

/// GET_LITE_GROUP_INFO.
pub(crate) fn of_group(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let (group, lite_topic, most) = match GetLiteGroupInfoRequest::decode(&request.header.fields) {
        Ok(header) => {
            let lite_topic = header.lite_topic.filter(|name| !name.is_empty()).map(str::to_owned);
            (header.group.to_owned(), lite_topic, usize::try_from(header.top_k).unwrap_or(0).min(MOST_LISTED))
        }
        Err(error) => return reply.refuse(error),
    };
    broker.on_blocking_thread(reply, move |broker, reply| {
        reply.give_body(bound_to(broker, &group).and_then(|parent| {
            let info = match &lite_topic {
                Some(lite_topic) => progress_in(broker, &group, &queue_of(&parent, lite_topic))?,
                None => furthest_behind(broker, &group, &parent, most)?,
            };
            Ok(encode(&LiteGroupInfo { group, parent_topic: parent, lite_topic, ..info }))
        }));
    });
}

/// How far a group is in one lite topic.
fn progress_in(broker: &Broker, group: &str, queue: &str) -> Result<LiteGroupInfo, Refusal> {
    let nothing = LiteGroupInfo { earliest_unconsumed_timestamp: NEVER, ..LiteGroupInfo::default() };
    if broker.store.max_offset(queue, LIGHT_QUEUE).is_none_or(|max| max.0 == 0) {
        return Ok(LiteGroupInfo { total_lag_count: -1, ..nothing });
    }
    let Some(committed) = broker.offsets.read().query(group, queue, LIGHT_QUEUE.0) else { return Ok(nothing) };
    let at = progress(broker, group, queue, LIGHT_QUEUE)?;
    Ok(LiteGroupInfo {
        total_lag_count: at.broker_offset - committed,
        earliest_unconsumed_timestamp: stored_ms(broker, queue, committed)?,
        lite_topic_offset_wrapper: Some(at),
        ..nothing
    })
}

/// The lite topics in which a group has most left, and those in which it has had something left for the longest time.
fn furthest_behind(broker: &Broker, group: &str, parent: &str, most: usize) -> Result<LiteGroupInfo, Refusal> {
    let mut behind = Vec::new();
    let consumed = broker.offsets.read().topics_of_group(group);
    for queue in consumed {
        let Some((_, lite_topic)) = parts(&queue).filter(|(of, _)| *of == parent) else { continue };
        let committed = broker.offsets.read().query(group, &queue, LIGHT_QUEUE.0).unwrap_or(0);
        let lag_count = broker.store.max_offset(&queue, LIGHT_QUEUE).unwrap_or_default().0 - committed;
        if lag_count > 0 {
            let earliest_unconsumed_timestamp = stored_ms(broker, &queue, committed)?;
            behind.push(LiteLagInfo { lite_topic: lite_topic.to_owned(), lag_count, earliest_unconsumed_timestamp });
        }
    }
    let total_lag_count = behind.iter().map(|lag| lag.lag_count).sum();
    behind.sort_by_key(|lag| Reverse(lag.lag_count));
    let lag_count_top_k = behind.iter().take(most).cloned().collect();
    behind.retain(|lag| lag.earliest_unconsumed_timestamp > 0);
    behind.sort_by_key(|lag| lag.earliest_unconsumed_timestamp);
    let earliest_unconsumed_timestamp = behind.first().map_or(NEVER, |lag| lag.earliest_unconsumed_timestamp);
    behind.truncate(most);
    Ok(LiteGroupInfo {
        total_lag_count,
        earliest_unconsumed_timestamp,
        lag_count_top_k,
        lag_timestamp_top_k: behind,
        ..LiteGroupInfo::default()
    })
}

fn stored_ms(broker: &Broker, queue: &str, offset: i64) -> Result<i64, Refusal> {
    Ok(broker.store.store_time(queue, LIGHT_QUEUE, QueueOffset(offset))?.unwrap_or(NEVER))
}

/// TRIGGER_LITE_DISPATCH: clients look into all that they subscribe to.
pub(crate) fn look_again(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let looked = || -> Result<(), Refusal> {
        let header = TriggerLiteDispatchRequest::decode(&request.header.fields)?;
        let parent = bound_to(broker, header.group)?;
        let client = header.client_id.filter(|client| !client.is_empty());
        let queues = match client {
            Some(client) => broker.lite.subscriptions.lock().of_client(client).unwrap_or_default().0,
            None => broker.store.topics(),
        };
        for queue in queues.iter().filter(|queue| parts(queue).is_some_and(|(of, _)| of == parent)) {
            pop::wake_lite(broker, queue, Some(header.group));
        }
        Ok(())
    };
    reply.give(looked());
}

/// The parent whose lite topics a group consumes.
fn bound_to(broker: &Broker, group: &str) -> Result<String, Refusal> {
    let no_group = || Refusal::new(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, format!("Group [{group}] not exist."));
    let config = broker.groups.get(group).ok_or_else(no_group)?;
    let bound = config.attributes.get(BIND_TOPIC).filter(|parent| !parent.is_empty());
    bound.cloned().ok_or_else(|| Refusal::invalid(format!("Group [{group}] is not a LITE group.")))
}

fn groups_by_parent(broker: &Broker) -> BTreeMap<String, BTreeSet<String>> {
    let mut groups: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for group in broker.groups.wrapper().subscription_group_table.into_values() {
        if let Some(parent) = group.attributes.get(BIND_TOPIC) {
            groups.entry(parent.clone()).or_default().insert(group.group_name.clone());
        }
    }
    groups
}

fn minutes(attributes: &BTreeMap<String, String>) -> i32 {
    attributes.get(EXPIRATION).and_then(|minutes| minutes.parse().ok()).unwrap_or(-1)
}
