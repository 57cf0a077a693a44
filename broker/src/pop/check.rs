//! Whether a POP, or a question about one, may be served: permissions of broker, topic and group, the queue's number, and what the
//! group wants to see. Codes and remarks are Apache's.

use std::net::SocketAddr;
use std::sync::Arc;

use bolide_remoting::ResponseCode;
use bolide_remoting::body::TopicConfig;

use crate::broker::Broker;
use crate::filter::{SQL92, Subscription, is_tag_type};
use crate::quota::{self, Party, Traffic};
use crate::refusal::Refusal;
use crate::topic::permission;

/// What a request asks about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) group: &'a str,
    pub(crate) topic: &'a str,
    /// Negative: any queue.
    pub(crate) queue: i32,
}

/// Checks a request. `what` names it in the remark that the broker forbids it.
pub(crate) fn check(broker: &Broker, party: Party<&str>, what: &str, subject: Subject<'_>) -> Result<(), Refusal> {
    let forbidden = |remark: String| Refusal::new(ResponseCode::NO_PERMISSION, remark);
    let config = broker.config.get();
    if !permission::is_readable(config.broker_permission) {
        return Err(forbidden(format!("the broker[{}] {what} is forbidden", config.broker_ip1)));
    }
    let topic = broker.topics.get(subject.topic).ok_or_else(|| Refusal::no_topic(subject.topic))?;
    if !permission::is_readable(topic.perm) {
        return Err(forbidden(format!("the topic[{}] peeking message is forbidden", subject.topic)));
    }
    if subject.queue >= topic.read_queue_nums {
        return Err(Refusal::invalid(illegal_queue(&topic, subject.queue, party.peer)));
    }
    let group = broker.groups.find(subject.group).ok_or_else(|| Refusal::no_group(subject.group))?;
    if !group.consume_enable {
        return Err(forbidden(format!("subscription group no permission, {}", subject.group)));
    }
    quota::admit(broker, &party, Traffic::Read { group: subject.group, topic: subject.topic })
}

/// Checks the topic and the queue that a handle is used with.
pub(super) fn check_handed_out(broker: &Broker, peer: SocketAddr, topic: &str, queue: i32) -> Result<(), Refusal> {
    let topic = broker.topics.get(topic).ok_or_else(|| Refusal::no_topic(topic))?;
    if !(0..topic.read_queue_nums).contains(&queue) {
        return Err(Refusal::illegal(illegal_queue(&topic, queue, peer)));
    }
    Ok(())
}

fn illegal_queue(topic: &TopicConfig, queue: i32, peer: SocketAddr) -> String {
    let TopicConfig { topic_name, read_queue_nums, .. } = topic;
    format!(
        "queueId[{queue}] is illegal, topic:[{topic_name}] topicConfig.readQueueNums:[{read_queue_nums}] consumer:[{peer}]"
    )
}

/// What a request wants to see: everything, where it names no expression.
pub(crate) fn subscription(
    broker: &Broker,
    topic: &str,
    expression: Option<&str>,
    kind: Option<&str>,
) -> Result<Arc<Subscription>, Refusal> {
    let Some(expression) = expression.filter(|expression| !expression.is_empty()) else {
        return Ok(Arc::new(Subscription::all(topic)));
    };
    let kind = kind.unwrap_or_default();
    let wrong = |reason: String| {
        let remark = format!("parse the consumer's subscription failed: {reason}");
        Refusal::new(ResponseCode::SUBSCRIPTION_PARSE_FAILED, remark)
    };
    let parsed = match kind {
        _ if is_tag_type(kind) => {
            Subscription::by_tags(topic, expression, 0).map_err(|error| wrong(error.to_string()))?
        }
        SQL92 if !broker.config.get().enable_property_filter => return Err(Refusal::no_filter(kind)),
        SQL92 => Subscription::by_properties(topic, expression, 0).map_err(|error| wrong(error.to_string()))?,
        other => return Err(wrong(format!("there is no filter of type {other}"))),
    };
    Ok(Arc::new(parsed))
}
