//! The readable queues of topics on all brokers of the cluster, as name servers tell them.

use bolide_remoting::body::{MessageQueue, TopicRouteData};

use crate::broker::Broker;
use crate::cluster;
use crate::topic::permission;

/// How long an answer is good for, in milliseconds; clients ask for their queues every twenty seconds.
const LIFE_MS: i64 = 10_000;

/// The readable queues of a topic, in order; `None` where nobody knows the topic.
pub(super) async fn queues(broker: &Broker, topic: &str) -> Option<Vec<MessageQueue>> {
    let known = cluster::topic(broker, topic, LIFE_MS).await?;
    Some(readable(topic, &known.route))
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
