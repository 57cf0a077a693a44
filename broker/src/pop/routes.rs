//! The readable queues of topics on all brokers of the cluster, as name servers tell them; kept for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::{MessageQueue, TopicRouteData, decode};
use bolide_remoting::header::GetRouteInfoRequest;
use bolide_remoting::{Body, Client, ClientOptions, RequestCode, ResponseCode};
use parking_lot::Mutex;

use crate::broker::Broker;
use crate::topic::permission;

/// How long an answer is good for, in milliseconds; clients ask for their queues every twenty seconds.
const LIFE_MS: i64 = 10_000;
/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many topics are kept.
const MAX_TOPICS: usize = 10_000;

/// A topic's queues, with when they were asked for.
type Known = (i64, Arc<Vec<MessageQueue>>);

/// What name servers said last.
#[derive(Default)]
pub(super) struct Routes {
    known: Mutex<HashMap<String, Known>>,
    clients: Mutex<HashMap<String, Arc<Client>>>,
}

/// The readable queues of a topic, in order; `None` where nobody knows the topic.
pub(super) async fn queues(broker: &Broker, topic: &str) -> Option<Arc<Vec<MessageQueue>>> {
    let now_ms = broker.clock.now_ms();
    let known = broker.pop.routes.known.lock().get(topic).cloned();
    if let Some((asked_ms, queues)) = &known
        && (0..LIFE_MS).contains(&(now_ms - asked_ms))
    {
        return Some(queues.clone());
    }
    for address in broker.registrar.addresses() {
        match ask(broker, address, topic).await {
            Some(Some(route)) => {
                let queues = Arc::new(readable(topic, &route));
                let mut known = broker.pop.routes.known.lock();
                if known.len() >= MAX_TOPICS {
                    known.clear();
                }
                known.insert(topic.to_owned(), (now_ms, queues.clone()));
                return Some(queues);
            }
            Some(None) => return own(broker, topic),
            None => {}
        }
    }
    // No name server answers: what was known is better than nothing.
    known.map(|(_, queues)| queues).or_else(|| own(broker, topic))
}

/// This broker's own queues, for a topic that name servers do not know yet.
fn own(broker: &Broker, topic: &str) -> Option<Arc<Vec<MessageQueue>>> {
    let config = broker.topics.get(topic).filter(|topic| permission::is_readable(topic.perm))?;
    let broker_name = &broker.config.get().broker_name;
    let queue = |queue_id| MessageQueue { topic: topic.to_owned(), broker_name: broker_name.clone(), queue_id };
    Some(Arc::new((0..config.read_queue_nums).map(queue).collect()))
}

fn readable(topic: &str, route: &TopicRouteData) -> Vec<MessageQueue> {
    let has_master = |name: &str| {
        route.broker_datas.iter().any(|broker| broker.broker_name == name && !broker.broker_addrs.is_empty())
    };
    let there = route.queue_datas.iter().filter(|queues| permission::is_readable(queues.perm));
    let mut queues: Vec<MessageQueue> = there
        .filter(|queues| has_master(&queues.broker_name))
        .flat_map(|queues| {
            (0..queues.read_queue_nums).map(|queue_id| MessageQueue {
                topic: topic.to_owned(),
                broker_name: queues.broker_name.clone(),
                queue_id,
            })
        })
        .collect();
    queues.sort();
    queues
}

/// Asks one name server. `None`: it does not answer; `Some(None)`: it does not know the topic.
async fn ask(broker: &Broker, address: &str, topic: &str) -> Option<Option<TopicRouteData>> {
    let client = client(broker, address).await?;
    let header = GetRouteInfoRequest { topic, accept_standard_json_only: true, zone_mode: false, zone_name: None };
    let answer = client.request(RequestCode::GET_ROUTEINFO_BY_TOPIC, &header, Body::Empty, PATIENCE).await;
    match answer {
        Ok(answer) if answer.code == ResponseCode::SUCCESS => Some(decode(&answer.body).ok()),
        Ok(_) => Some(None),
        Err(error) => {
            tracing::warn!(name_server = address, topic, "the route is not known: {error}");
            broker.pop.routes.clients.lock().remove(address);
            None
        }
    }
}

async fn client(broker: &Broker, address: &str) -> Option<Arc<Client>> {
    let known = broker.pop.routes.clients.lock().get(address).cloned();
    if let Some(client) = known.filter(|client| client.is_open()) {
        return Some(client);
    }
    match Client::connect(address, ClientOptions::default(), Arc::new(())).await {
        Ok(client) => {
            let client = Arc::new(client);
            broker.pop.routes.clients.lock().insert(address.to_owned(), client.clone());
            Some(client)
        }
        Err(error) => {
            tracing::warn!(name_server = address, "no connection for routes: {error}");
            None
        }
    }
}
