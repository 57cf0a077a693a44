//! Lite topics: many small topics under one parent, each a light queue of its own, to which single clients subscribe. A message of the
//! parent that names a lite topic enters that queue (`send/light.rs`); POP takes from those that a client has subscribed to
//! (`pop/lite.rs`). Here it is known who subscribes to what, in [`subscriptions`]; names and rules are Apache's.

pub(crate) mod expiry;
pub(crate) mod requests;
pub(crate) mod shard;
pub mod subscriptions;
pub(crate) mod survey;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bolide_remoting::body::{SubscriptionGroupConfig, TopicConfig};
use bolide_remoting::header::NotifyUnsubscribeLiteRequest;
use bolide_remoting::{Body, Connection, RequestCode, ResponseCode};
use bolide_store::light::{LIGHT_PREFIX, LIGHT_QUEUE};
use parking_lot::Mutex;

use crate::broker::Broker;
use crate::grpc;
use crate::pop;
use crate::refusal::Refusal;
use crate::topic::message_type::MessageType;
use subscriptions::{Subscriber, Subscriptions, TooMany};

/// Stands between the parent's name and the lite topic's.
const SEPARATOR: char = '$';
/// The longest name of a lite topic, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 64;
/// The attribute of a group that names the parent of its lite topics.
pub(crate) const BIND_TOPIC: &str = "lite.bind.topic";
/// How many lite topics a client may subscribe to unless its group says otherwise.
const CLIENT_QUOTA: usize = 2_000;

/// The light queue of a lite topic.
pub(crate) fn queue_of(parent: &str, lite_topic: &str) -> String {
    format!("{LIGHT_PREFIX}{SEPARATOR}{parent}{SEPARATOR}{lite_topic}")
}

/// The parent and the lite topic of a light queue; `None`: it belongs to none.
pub(crate) fn parts(queue: &str) -> Option<(&str, &str)> {
    let (parent, lite_topic) = queue.strip_prefix(LIGHT_PREFIX)?.strip_prefix(SEPARATOR)?.split_once(SEPARATOR)?;
    (!parent.is_empty() && !lite_topic.is_empty() && !lite_topic.contains(SEPARATOR)).then_some((parent, lite_topic))
}

/// Why a text cannot be the name of a lite topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// There is none.
    #[error("lite topic cannot be the char sequence of whitespace")]
    Blank,
    /// It is too long.
    #[error("lite topic exceed the max size {MAX_NAME_BYTES}")]
    TooLong,
    /// It has other characters than those allowed.
    #[error("lite topic can only contain alphanumeric characters, hyphens(-), and underscores(_)")]
    Characters,
}

/// Checks the name of a lite topic.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Blank);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong);
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.bytes().all(is_allowed) { Ok(()) } else { Err(NameError::Characters) }
}

/// How many lite topics each client of a group may subscribe to (`lite.sub.client.quota`).
pub(crate) fn client_quota(group: &SubscriptionGroupConfig) -> usize {
    let quota = group.attributes.get("lite.sub.client.quota").and_then(|quota| quota.parse::<i64>().ok());
    quota.map_or(CLIENT_QUOTA, |quota| usize::try_from(quota).unwrap_or(usize::MAX))
}

/// Where a new subscriber begins, if not where its group has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With the first message.
    First,
    /// With what comes from now on.
    Next,
    /// At this offset.
    At(i64),
    /// So many messages before the place that the group has got to.
    Before(i64),
}

/// A client that lost a lite topic to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Displaced {
    pub(crate) client: Arc<str>,
    pub(crate) lite_topic: String,
}

/// What the broker knows about lite topics for as long as it runs.
#[derive(Debug, Default)]
pub(crate) struct Lite {
    subscriptions: Mutex<Subscriptions>,
    /// The connections over which others subscribe for clients: those of Apache's proxies.
    agents: Mutex<HashMap<String, Connection>>,
}

impl Lite {
    /// The next queue that may have something for a client.
    pub(crate) fn next(&self, client: &str) -> Option<Arc<str>> {
        self.subscriptions.lock().next(client)
    }

    /// Whether there is such a queue.
    pub(crate) fn has_next(&self, client: &str) -> bool {
        self.subscriptions.lock().has_next(client)
    }

    /// A queue was not looked at after all.
    pub(crate) fn put_back(&self, client: &str, queue: &str) {
        self.subscriptions.lock().mark_for(client, queue);
    }

    /// A queue may have something, for a group or for all: notes it for those who subscribe to it, and says who they are.
    pub(crate) fn mark(&self, queue: &str, group: Option<&str>) -> Vec<Subscriber> {
        let mut subscriptions = self.subscriptions.lock();
        if subscriptions.is_empty() {
            return Vec::new();
        }
        let Some((parent, _)) = parts(queue) else { return Vec::new() };
        subscriptions.mark(parent, queue, group)
    }
}

/// Checks that a group consumes lite topics of this parent; answers its settings.
pub(crate) fn check(broker: &Broker, parent: &str, group: &str) -> Result<Arc<SubscriptionGroupConfig>, Refusal> {
    let config = broker.config.get();
    if !(config.enable_lmq && config.enable_multi_dispatch) {
        return Err(Refusal::invalid("lite topics need enableLmq=true and enableMultiDispatch=true".to_owned()));
    }
    check_parent(broker, parent)?;
    let group_config = broker.groups.find(group).ok_or_else(|| Refusal::no_group(group))?;
    if !group_config.consume_enable {
        let remark = format!("subscription group no permission, {group}");
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, remark));
    }
    if group_config.attributes.get(BIND_TOPIC).is_none_or(|bound| bound != parent) {
        return Err(Refusal::invalid(format!("subscription bind topic not match, {group}")));
    }
    Ok(group_config)
}

/// Checks that a topic is there for lite topics; answers its settings.
fn check_parent(broker: &Broker, parent: &str) -> Result<Arc<TopicConfig>, Refusal> {
    let topic = broker.topics.get(parent).ok_or_else(|| Refusal::no_topic(parent))?;
    let is_lite = MessageType::of_topic(&topic) == MessageType::Lite;
    is_lite.then_some(topic).ok_or_else(|| Refusal::invalid(format!("the topic [{parent}] message type not match")))
}

fn flag(group: &SubscriptionGroupConfig, name: &str) -> bool {
    group.attributes.get(name).is_some_and(|value| value == "true")
}

fn quota_exceeded(TooMany(limit): TooMany) -> Refusal {
    Refusal::new(ResponseCode::LITE_SUBSCRIPTION_QUOTA_EXCEEDED, format!("lite subscription quota exceeded {limit}"))
}

/// A client subscribes to some lite topics more. Answers who lost them, where a lite topic has one subscriber at most.
pub(crate) fn add(
    broker: &Arc<Broker>,
    who: &Subscriber,
    lite_topics: &[String],
    begin: Option<Begin>,
) -> Result<Vec<Displaced>, Refusal> {
    let group = check(broker, &who.parent, &who.group)?;
    if flag(&group, "lite.sub.wildcard") {
        let remark = "subscribe lite operation is not supported for this group";
        return Err(Refusal::new(ResponseCode::ILLEGAL_OPERATION, remark));
    }
    let is_exclusive = group.attributes.get("lite.sub.model").is_some_and(|model| model == "Exclusive");
    let mut displaced = Vec::new();
    for lite_topic in lite_topics {
        let queue = queue_of(&who.parent, lite_topic);
        let most = most(broker);
        let now_ms = broker.clock.now_ms();
        let others = {
            let mut subscriptions = broker.lite.subscriptions.lock();
            subscriptions.add(who, &queue, client_quota(&group), most, now_ms).map_err(quota_exceeded)?;
            let others = if is_exclusive { subscriptions.others(&queue, who) } else { Vec::new() };
            for other in &others {
                subscriptions.remove(other, &queue);
            }
            others
        };
        if !others.is_empty() && flag(&group, "lite.sub.reset.offset.exclusive") {
            begin_at(broker, &who.group, &queue, Begin::First);
        }
        let lost = others.into_iter().map(|client| Displaced { client, lite_topic: lite_topic.clone() });
        displaced.extend(lost);
        if let Some(begin) = begin {
            begin_at(broker, &who.group, &queue, begin);
        }
        pop::wake_lite(broker, &queue, Some(&who.group));
    }
    Ok(displaced)
}

/// A client gives some lite topics up.
pub(crate) fn remove(broker: &Broker, who: &Subscriber, lite_topics: &[String]) -> Result<(), Refusal> {
    let group = broker.groups.find(&who.group).ok_or_else(|| Refusal::no_group(&who.group))?;
    for lite_topic in lite_topics {
        let queue = queue_of(&who.parent, lite_topic);
        let was_there = broker.lite.subscriptions.lock().remove(&who.client, &queue);
        if was_there && flag(&group, "lite.sub.reset.offset.unsubscribe") {
            begin_at(broker, &who.group, &queue, Begin::First);
        }
    }
    Ok(())
}

/// A client says what all its lite topics are.
pub(crate) fn replace(broker: &Arc<Broker>, who: &Subscriber, lite_topics: &[String]) -> Result<(), Refusal> {
    let group = check(broker, &who.parent, &who.group)?;
    let (most, now_ms) = (most(broker), broker.clock.now_ms());
    let new = if flag(&group, "lite.sub.wildcard") {
        let is_new = broker.lite.subscriptions.lock().add_all(who, now_ms);
        let of_parent = |queue: &Arc<str>| parts(queue).is_some_and(|(parent, _)| *parent == *who.parent);
        if is_new { broker.store.topics().into_iter().filter(of_parent).collect() } else { Vec::new() }
    } else {
        let queues: BTreeSet<Arc<str>> =
            lite_topics.iter().map(|lite_topic| queue_of(&who.parent, lite_topic).into()).collect();
        let mut subscriptions = broker.lite.subscriptions.lock();
        subscriptions.replace(who, queues, client_quota(&group), most, now_ms).map_err(quota_exceeded)?
    };
    for queue in new {
        pop::wake_lite(broker, &queue, Some(&who.group));
    }
    Ok(())
}

/// A client is gone.
pub(crate) fn leave(broker: &Broker, client: &str) {
    broker.lite.subscriptions.lock().leave(client);
}

/// Forgets clients that have not said for long what they subscribe to.
pub(crate) fn expire(broker: &Broker, now_ms: i64) {
    let mut subscriptions = broker.lite.subscriptions.lock();
    subscriptions.expire(now_ms, broker.config.get().lite_subscription_check_timeout_ms);
    broker.lite.agents.lock().retain(|client, agent| agent.is_open() && subscriptions.knows(client));
}

/// Tells a client that another one has a lite topic now.
fn tell_displaced(broker: &Broker, group: &str, displaced: &Displaced) {
    if grpc::lost_lite_topic(broker, displaced) {
        return;
    }
    let Displaced { client, lite_topic } = displaced;
    let Some(agent) = broker.lite.agents.lock().get(&**client).cloned() else { return };
    let notice = NotifyUnsubscribeLiteRequest { lite_topic, consumer_group: group, client_id: client };
    if let Err(error) = agent.oneway(RequestCode::NOTIFY_UNSUBSCRIBE_LITE, &notice, Body::Empty) {
        tracing::debug!(%client, "a client does not learn that it lost a lite topic: {error}");
    }
}

fn most(broker: &Broker) -> usize {
    usize::try_from(broker.config.get().max_lite_subscription_count).unwrap_or(usize::MAX)
}

/// Sets where a group goes on in a queue.
fn begin_at(broker: &Broker, group: &str, queue: &str, begin: Begin) {
    let committed = broker.offsets.read().query(group, queue, LIGHT_QUEUE.0);
    let end = broker.store.max_offset(queue, LIGHT_QUEUE).unwrap_or_default().0;
    let offset = match begin {
        Begin::First => Some(0),
        Begin::Next => Some(end),
        Begin::At(offset) => Some(offset.max(0)),
        Begin::Before(count) => committed.map(|committed| committed.saturating_sub(count).max(0)),
    };
    if let Some(offset) = offset.filter(|offset| committed != Some(*offset)) {
        broker.offsets.write().reset(group, queue, LIGHT_QUEUE.0, offset);
    }
}

#[cfg(test)]
mod tests;
