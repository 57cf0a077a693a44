//! Where a topic's queues are: on all brokers of the cluster that serve gRPC, each with its own endpoint, so that clients need no proxy.

use std::sync::Arc;

use bolide_proto::v2::{
    Broker as BrokerOf, Code, Endpoints, MessageQueue, MessageType, Permission, QueryRouteRequest, QueryRouteResponse,
    Resource,
};
use bolide_remoting::body::{QueueData, TopicRouteData};

use super::{Caller, Fault, endpoint, ok, resource};
use crate::broker::Broker;
use crate::cluster::{self, Known};
use crate::refusal::Refusal;
use crate::topic::message_type::MessageType as TopicType;
use crate::topic::permission;

/// How old an answer may be, in milliseconds. Clients ask every half minute, and when a broker does not answer: soon after, the answer
/// must be another one.
const MAX_AGE_MS: i64 = 1_000;
/// The number of a master among the brokers of its name.
const MASTER: i64 = 0;

/// A topic's queues on one broker, as clients find them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) broker: BrokerOf,
    pub(super) queues: QueueData,
}

/// QueryRoute.
pub(super) async fn query(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: QueryRouteRequest,
) -> Result<QueryRouteResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let (parts, message_type) = parts(broker, caller, topic, request.endpoints.as_ref()).await?;
    let accepted = accepted(message_type);
    let message_queues = parts.iter().flat_map(|part| queues(part, request.topic.as_ref(), &accepted)).collect();
    Ok(QueryRouteResponse { status: ok(), message_queues })
}

/// A topic on all brokers that serve gRPC, in order, and what it is meant for. `dialled` is what the client says it dialled.
pub(super) async fn parts(
    broker: &Broker,
    caller: &Caller,
    topic: &str,
    dialled: Option<&Endpoints>,
) -> Result<(Vec<Part>, TopicType), Fault> {
    let known = cluster::topic(broker, topic, MAX_AGE_MS).await;
    let Known { route, message_type, .. } = known.ok_or_else(|| Refusal::no_topic(topic))?;
    let own = broker.config.get().broker_name.clone();
    let is_alone = route.queue_datas.iter().all(|queues| queues.broker_name == own);
    let listener = endpoint::name_of(&broker.config.get(), caller.ends.local.port());
    let is_free_to_choose = listener.is_none() && broker.config.get().grpc_advertised_address.is_empty();
    let parts = if is_alone && is_free_to_choose {
        let dialled = dialled.filter(|endpoints| !endpoints.addresses.is_empty()).cloned();
        let endpoints = dialled.unwrap_or_else(|| endpoint::of_address(caller.ends.local));
        split(&route, |_| Some(endpoints.clone()))
    } else {
        let published = |address: &str| route.filter_server_table.get(address);
        split(&route, |address| endpoint::of_filter_servers(published(address)?, listener.as_deref()))
    };
    if parts.is_empty() {
        let text = format!("no broker that has the topic {topic} serves gRPC");
        return Err(Fault::new(Code::TopicNotFound, text));
    }
    Ok((parts, message_type))
}

/// The brokers of a route; `endpoints` knows them by their address for remoting.
fn split(route: &TopicRouteData, endpoints: impl Fn(&str) -> Option<Endpoints>) -> Vec<Part> {
    let part = |queues: &QueueData| {
        let broker = route.broker_datas.iter().find(|broker| broker.broker_name == queues.broker_name)?;
        let endpoints = endpoints(broker.broker_addrs.get(&MASTER)?)?;
        let broker = BrokerOf { name: queues.broker_name.clone(), id: MASTER as i32, endpoints: Some(endpoints) };
        Some(Part { broker, queues: queues.clone() })
    };
    let mut parts: Vec<Part> = route.queue_datas.iter().filter_map(part).collect();
    parts.sort_by(|one, other| one.broker.name.cmp(&other.broker.name));
    parts
}

/// The queues of one broker: those for reading only, those for writing only, then those for both, numbered as Apache numbers them.
fn queues<'a>(
    part: &'a Part,
    topic: Option<&'a Resource>,
    accepted: &'a [MessageType],
) -> impl Iterator<Item = MessageQueue> + 'a {
    let QueueData { perm, read_queue_nums: read, write_queue_nums: write, .. } = part.queues;
    let counts = match (permission::is_readable(perm), permission::is_writable(perm)) {
        (true, true) => {
            let both = read.min(write);
            [(read - both, Permission::Read), (write - both, Permission::Write), (both, Permission::ReadWrite)]
        }
        (true, false) => [(read, Permission::Read), (0, Permission::Write), (0, Permission::ReadWrite)],
        (false, true) => [(0, Permission::Read), (write, Permission::Write), (0, Permission::ReadWrite)],
        (false, false) => [(read.max(write).max(1), Permission::None), (0, Permission::Write), (0, Permission::Read)],
    };
    let permissions = counts.into_iter().flat_map(|(count, permission)| (0..count).map(move |_| permission));
    (0..).zip(permissions).map(move |(id, permission)| MessageQueue {
        topic: topic.cloned(),
        id,
        permission: permission.into(),
        broker: Some(part.broker.clone()),
        accept_message_types: accepted.iter().map(|kind| i32::from(*kind)).collect(),
    })
}

/// The protocol's word for what a permission allows.
pub(super) fn permission_of(perm: i32) -> Permission {
    match (permission::is_readable(perm), permission::is_writable(perm)) {
        (true, true) => Permission::ReadWrite,
        (true, false) => Permission::Read,
        (false, true) => Permission::Write,
        (false, false) => Permission::None,
    }
}

/// The kinds of messages that a topic takes.
fn accepted(topic: TopicType) -> Vec<MessageType> {
    match topic {
        TopicType::Unspecified => vec![MessageType::Unspecified],
        TopicType::Normal => vec![MessageType::Normal],
        TopicType::Fifo => vec![MessageType::Fifo],
        TopicType::Delay => vec![MessageType::Delay],
        TopicType::Transaction => vec![MessageType::Transaction],
        TopicType::Priority => vec![MessageType::Priority],
        TopicType::Lite => vec![MessageType::Lite],
        TopicType::Mixed => {
            vec![MessageType::Normal, MessageType::Fifo, MessageType::Delay, MessageType::Transaction]
        }
    }
}

#[cfg(test)]
mod tests;
