//! What name servers and other brokers say about topics: where their queues are, and what they are meant for. Kept for a while, so that
//! clients that all ask cost the name servers one question.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::{BrokerData, QueueData, TopicConfig, TopicRouteData, decode};
use bolide_remoting::header::{GetRouteInfoRequest, TopicRequest};
use bolide_remoting::{Body, Client, FieldSource, Message, RequestCode, ResponseCode};
use parking_lot::Mutex;

use crate::broker::Broker;
use crate::grpc;
use crate::topic::message_type::MessageType;

/// How long a name server, or another broker, may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many topics are kept.
const MAX_TOPICS: usize = 10_000;
/// The number of a master among the brokers of its name.
pub(crate) const MASTER: i64 = 0;

/// A topic in the whole cluster.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    asked_ms: i64,
    /// Where its queues are.
    pub(crate) route: Arc<TopicRouteData>,
    /// What it is meant for.
    pub(crate) message_type: MessageType,
}

/// What was said last, and the connections to who said it.
#[derive(Default)]
pub(crate) struct Cluster {
    topics: Mutex<HashMap<String, Known>>,
    clients: Mutex<HashMap<String, Arc<Client>>>,
}

/// A topic as it was at most `max_age_ms` ago; `None` where nobody knows it.
pub(crate) async fn topic(broker: &Broker, topic: &str, max_age_ms: i64) -> Option<Known> {
    let now_ms = broker.clock.now_ms();
    let known = broker.cluster.topics.lock().get(topic).cloned();
    if let Some(known) = &known
        && (0..max_age_ms).contains(&(now_ms - known.asked_ms))
    {
        return Some(known.clone());
    }
    for address in broker.registrar.addresses() {
        match ask_route(broker, address, topic).await {
            Some(Some(route)) => {
                let message_type = message_type(broker, topic, &route).await;
                let known = Known { asked_ms: now_ms, route: Arc::new(route), message_type };
                let mut topics = broker.cluster.topics.lock();
                if topics.len() >= MAX_TOPICS {
                    topics.clear();
                }
                topics.insert(topic.to_owned(), known.clone());
                return Some(known);
            }
            Some(None) => return own(broker, topic),
            None => {}
        }
    }
    // No name server answers: what was known is better than nothing.
    known.or_else(|| own(broker, topic))
}

/// This broker's part, for a topic that name servers do not know yet.
fn own(broker: &Broker, topic: &str) -> Option<Known> {
    let topic = broker.topics.get(topic)?;
    let config = broker.config.get();
    let route = TopicRouteData {
        queue_datas: vec![QueueData {
            broker_name: config.broker_name.clone(),
            read_queue_nums: topic.read_queue_nums,
            write_queue_nums: topic.write_queue_nums,
            perm: topic.perm,
            topic_sys_flag: topic.topic_sys_flag,
        }],
        broker_datas: vec![BrokerData {
            cluster: config.broker_cluster_name.clone(),
            broker_name: config.broker_name.clone(),
            broker_addrs: [(MASTER, broker.store_host.to_string())].into(),
            ..BrokerData::default()
        }],
        filter_server_table: [(broker.store_host.to_string(), grpc::published(broker))].into(),
        ..TopicRouteData::default()
    };
    let message_type = MessageType::of_topic(&topic);
    Some(Known { asked_ms: broker.clock.now_ms(), route: Arc::new(route), message_type })
}

/// What a topic is meant for: as this broker has it, or one that has the topic.
async fn message_type(broker: &Broker, topic: &str, route: &TopicRouteData) -> MessageType {
    if let Some(topic) = broker.topics.get(topic) {
        return MessageType::of_topic(&topic);
    }
    let addresses = route.broker_datas.iter().filter_map(|data| data.broker_addrs.get(&MASTER));
    for address in addresses.filter(|address| **address != broker.store_host.to_string()) {
        let answer = ask(broker, address, RequestCode::GET_TOPIC_CONFIG, &TopicRequest { topic }, Body::Empty).await;
        let answer = answer.filter(|answer| answer.code == ResponseCode::SUCCESS);
        if let Some(config) = answer.and_then(|answer| decode::<TopicConfig>(&answer.body).ok()) {
            return MessageType::of_topic(&config);
        }
    }
    MessageType::default()
}

/// Asks one name server. `None`: it does not answer; `Some(None)`: it does not know the topic.
async fn ask_route(broker: &Broker, address: &str, topic: &str) -> Option<Option<TopicRouteData>> {
    let header = GetRouteInfoRequest { topic, accept_standard_json_only: true, zone_mode: false, zone_name: None };
    let answer = ask(broker, address, RequestCode::GET_ROUTEINFO_BY_TOPIC, &header, Body::Empty).await?;
    match answer.code {
        ResponseCode::SUCCESS => Some(decode(&answer.body).ok()),
        _ => Some(None),
    }
}

/// Asks another broker, or a name server. `None`: it does not answer.
pub(crate) async fn ask(
    broker: &Broker,
    address: &str,
    code: RequestCode,
    header: &impl FieldSource,
    body: Body,
) -> Option<Message> {
    let client = client(broker, address).await?;
    let fields = broker.dial.signed(header, &body);
    let answer = client.request(code, &fields.as_slice(), body, PATIENCE).await;
    let failed = |error: &_| {
        tracing::warn!(address, %code, "no answer about a topic: {error}");
        broker.cluster.clients.lock().remove(address);
    };
    answer.inspect_err(failed).ok()
}

async fn client(broker: &Broker, address: &str) -> Option<Arc<Client>> {
    let known = broker.cluster.clients.lock().get(address).cloned();
    if let Some(client) = known.filter(|client| client.is_open()) {
        return Some(client);
    }
    match tokio::time::timeout(PATIENCE, Client::connect(address, broker.dial.options(), Arc::new(()))).await {
        Ok(Ok(client)) => {
            let client = Arc::new(client);
            broker.cluster.clients.lock().insert(address.to_owned(), client.clone());
            return Some(client);
        }
        Ok(Err(error)) => tracing::warn!(address, "no connection to ask about topics: {error}"),
        Err(_) => tracing::warn!(address, "no connection to ask about topics within {PATIENCE:?}"),
    }
    None
}
