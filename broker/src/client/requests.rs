//! Requests of clients about themselves: heartbeats (34), goodbyes (35), who else is in a group (38), queue locks (41, 42) and checks
//! of a subscription (46); and the notice (40) that a group's members have changed.

use std::sync::Arc;

use bolide_remoting::body::{
    CheckClientRequest, ConsumerData, ConsumerList, HeartbeatData, LockBatchRequest, LockBatchResponse, MessageQueue,
    SubscriptionData, TopicConfig, encode,
};
use bolide_remoting::header::{ConsumerGroupRequest, HeartbeatResponse, UnregisterClientRequest};
use bolide_remoting::{Body, Connection, Reply, Request, RequestCode, ResponseCode};
use bytes::Bytes;

use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::client::locks::LockedQueue;
use crate::client::registry::{ConnectionId, Consumption, Introduction};
use crate::filter::{Condition, Subscription};
use crate::name;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};
use crate::topic::sys_flag;
use crate::topic::table::Lookup;

/// HEART_BEAT.
pub(crate) fn heartbeat(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let heartbeat: HeartbeatData = match json_body(request) {
        Ok(heartbeat) => heartbeat,
        Err(refusal) => return reply.refuse(refusal),
    };
    let who = Introduction {
        connection_id: request.connection.id(),
        connection: request.connection.clone().into(),
        client_id: heartbeat.client_id,
        language: request.header.language,
        version: request.header.version.0,
    };
    let fingerprint = heartbeat.heartbeat_fingerprint;
    let is_v2 = fingerprint != 0;
    let mut subscription_changed = !is_v2;
    let mut created = Vec::new();
    for consumer in heartbeat.consumer_data_set {
        let ConsumerData { group_name: group, unit_mode, .. } = &consumer;
        let (group, unit_mode) = (group.clone(), *unit_mode);
        let what = consumption(consumer, fingerprint, heartbeat.without_sub);
        let heard = join_consumers(broker, &who, &group, unit_mode, what, &mut created);
        subscription_changed |= heard.unwrap_or(false) && is_v2;
    }
    join_producers(broker, &who, heartbeat.producer_data_set.iter().map(|producer| producer.group_name.as_str()));
    let answer = HeartbeatResponse { heartbeat_v2: true, subscription_changed };
    if created.is_empty() {
        return reply.ok(&answer);
    }
    // A consumer asks a name server for its retry topic next.
    let reply = reply.park();
    broker.registrar.announce(created, Box::new(move || reply.ok(&answer)));
}

/// What a heartbeat says about one consumer group.
fn consumption(consumer: ConsumerData, fingerprint: i32, without_subscriptions: bool) -> Consumption {
    let subscriptions = consumer.subscription_data_set.into_iter().map(Subscription::from).collect();
    Consumption {
        consume_type: consumer.consume_type,
        message_model: consumer.message_model,
        consume_from_where: consumer.consume_from_where,
        subscriptions: (!without_subscriptions).then_some(subscriptions),
        fingerprint,
    }
}

/// Makes a client a member of producer groups, or keeps it one.
pub(crate) fn join_producers<'a>(
    broker: &Broker,
    who: &Introduction<ClientHandle>,
    groups: impl Iterator<Item = &'a str>,
) {
    if broker.config.get().enable_register_producer {
        let now_ms = broker.clock.now_ms();
        let mut clients = broker.clients.write();
        for group in groups {
            clients.producer_heard(group, who, now_ms);
        }
    }
}

/// Makes a client a member of a consumer group, or keeps it one; answers whether the group's fingerprint is another than before, or
/// `None` for a group that does not exist here. Topics that had to be created go to `created`.
pub(crate) fn join_consumers(
    broker: &Arc<Broker>,
    who: &Introduction<ClientHandle>,
    group: &str,
    unit_mode: bool,
    what: Consumption,
    created: &mut Vec<Arc<TopicConfig>>,
) -> Option<bool> {
    let config = broker.groups.find(group)?;
    let is_ordered = |topic: &str| broker.topics.get(topic).is_some_and(|topic| topic.order);
    let mut subscriptions = what.subscriptions.iter().flatten();
    let order = subscriptions.any(|subscription| is_ordered(&subscription.topic));
    let sys_flag = if unit_mode { sys_flag::UNIT_SUBSCRIPTION } else { 0 };
    let retry = broker.topics.for_group(&name::retry_topic(group), config.retry_queue_nums, order, sys_flag);
    if let Lookup::Created(topic) = retry {
        created.push(topic);
    }
    let heard = broker.clients.write().consumer_heard(group, who, what, broker.clock.now_ms());
    if heard.changed && config.notify_consumer_ids_changed_enable {
        notify_members(broker, group);
    }
    Some(heard.fingerprint_changed)
}

/// UNREGISTER_CLIENT.
pub(crate) fn unregister(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match UnregisterClientRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let connection = request.connection.id();
    if let Some(group) = header.producer_group {
        broker.clients.write().producer_left(group, connection);
    }
    if let Some(group) = header.consumer_group {
        let left = broker.clients.write().consumer_left(group, connection);
        let notifies = broker.groups.get(group).is_none_or(|config| config.notify_consumer_ids_changed_enable);
        if left && notifies {
            notify_members(broker, group);
        }
    }
    reply.ok(&());
}

/// A connection is gone, and with it its client's memberships.
pub(crate) fn connection_closed(broker: &Arc<Broker>, connection: &Connection) {
    leave_all(broker, connection.id());
}

/// Takes a client out of all its groups.
pub(crate) fn leave_all(broker: &Broker, client: ConnectionId) {
    let groups = broker.clients.write().connection_closed(client);
    for group in groups {
        notify_members(broker, &group);
    }
}

/// Closes the connections of clients that send no heartbeats any more.
pub(crate) fn expire(broker: &Arc<Broker>, now_ms: i64) {
    let limit_ms = broker.config.get().channel_expired_timeout_ms;
    let (connections, groups) = broker.clients.write().expire(now_ms, limit_ms);
    for connection in connections {
        connection.close("no heartbeat within channelExpiredTimeout");
    }
    for group in groups {
        notify_members(broker, &group);
    }
}

/// Tells a group's members to share out the queues anew. Members of a broadcasting group share nothing.
fn notify_members(broker: &Broker, group: &str) {
    if !broker.config.get().notify_consumer_ids_changed_enable {
        return;
    }
    let clients = broker.clients.read();
    let Some(members) = clients.consumer_group(group).filter(|members| !members.is_broadcasting()) else {
        return;
    };
    let notice = ConsumerGroupRequest { consumer_group: group };
    // Clients over gRPC ask by themselves.
    let connections = members.members.values().filter_map(|member| member.introduction.connection.connection());
    for connection in connections {
        if let Err(error) = connection.oneway(RequestCode::NOTIFY_CONSUMER_IDS_CHANGED, &notice, Body::Empty) {
            // The client asks by itself every twenty seconds.
            tracing::debug!(group, peer = %connection.peer(), "not told of a change in its group: {error}");
        }
    }
}

/// GET_CONSUMER_LIST_BY_GROUP.
pub(crate) fn list(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give_body(try_list(broker, request));
}

fn try_list(broker: &Broker, request: &Request<'_>) -> Result<Bytes, Refusal> {
    let group = ConsumerGroupRequest::decode(&request.header.fields)?.consumer_group;
    let clients = broker.clients.read();
    let Some(members) = clients.consumer_group(group) else {
        let remark = format!("no consumer for this group, {group}");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    };
    let ids = members.members.values().map(|member| member.introduction.client_id.clone());
    Ok(encode(&ConsumerList { consumer_id_list: ids.collect() }))
}

/// LOCK_BATCH_MQ.
pub(crate) fn lock(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted: LockBatchRequest = match json_body(request) {
        Ok(wanted) => wanted,
        Err(refusal) => return reply.refuse(refusal),
    };
    let queues = wanted.mq_set.into_iter().map(LockedQueue::from).collect();
    let now_ms = broker.clock.now_ms();
    let locked = broker.queue_locks.lock().lock(&wanted.consumer_group, &wanted.client_id, queues, now_ms);
    let body = LockBatchResponse { lock_ok_mq_set: locked.into_iter().map(MessageQueue::from).collect() };
    reply.ok_body(&(), encode(&body));
}

/// UNLOCK_BATCH_MQ.
pub(crate) fn unlock(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let unwanted: LockBatchRequest = match json_body(request) {
        Ok(unwanted) => unwanted,
        Err(refusal) => return reply.refuse(refusal),
    };
    let queues: Vec<LockedQueue> = unwanted.mq_set.into_iter().map(LockedQueue::from).collect();
    broker.queue_locks.lock().unlock(&unwanted.consumer_group, &unwanted.client_id, &queues);
    reply.ok(&());
}

/// CHECK_CLIENT_CONFIG: a client asks before it starts whether its expression will be understood.
pub(crate) fn check_config(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let check: Result<CheckClientRequest, Refusal> = json_body(request);
    let allowed = broker.config.get().enable_property_filter;
    reply.give(check.and_then(|check| {
        let subscription = check.subscription_data;
        match Condition::of(&subscription.expression_type, &subscription.sub_string) {
            Condition::Tags => Ok(()),
            _ if !allowed => Err(Refusal::no_filter(&subscription.expression_type)),
            Condition::Properties(_) => Ok(()),
            Condition::Broken(reason) => Err(Refusal::new(ResponseCode::SUBSCRIPTION_PARSE_FAILED, reason)),
        }
    }));
}

impl From<SubscriptionData> for Subscription {
    fn from(data: SubscriptionData) -> Self {
        let mut codes: Vec<i32> = data.code_set.into_iter().collect();
        codes.sort_unstable();
        Subscription {
            tags: data.tags_set.into_iter().collect(),
            codes,
            version: data.sub_version,
            condition: Condition::of(&data.expression_type, &data.sub_string),
            class_filter: data.class_filter_mode,
            topic: data.topic,
            expression: data.sub_string,
            expression_type: data.expression_type,
        }
    }
}

impl From<MessageQueue> for LockedQueue {
    fn from(queue: MessageQueue) -> Self {
        LockedQueue { topic: queue.topic, broker_name: queue.broker_name, queue_id: queue.queue_id }
    }
}

impl From<LockedQueue> for MessageQueue {
    fn from(queue: LockedQueue) -> Self {
        MessageQueue { topic: queue.topic, broker_name: queue.broker_name, queue_id: queue.queue_id }
    }
}
