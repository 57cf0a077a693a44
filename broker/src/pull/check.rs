//! Whether a pull may be served: permissions of broker, group and topic, the queue's number, and the subscription that applies.

use std::sync::Arc;

use bolide_remoting::header::PullMessageRequest;
use bolide_remoting::{Body, FieldSource, FieldWriter, Request, RequestCode, ResponseCode};
use bolide_store::{QueueId, QueueOffset, ReadLimits};

use super::Pull;
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::filter::{Condition, SQL92, Subscription, is_tag_type};
use crate::quota::{self, Party, Traffic};
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::topic::permission;

/// Why a pull is forbidden, as clients are told in the field `forbiddenType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ForbiddenType {
    Broker = 1,
    Group = 2,
    Topic = 3,
    Broadcast = 4,
    Subscription = 5,
}

impl FieldSource for ForbiddenType {
    fn write_fields(&self, out: &mut FieldWriter<'_>) {
        out.int("forbiddenType", *self as i64);
    }
}

/// A refused pull.
#[derive(Debug)]
pub(super) struct Denied {
    refusal: Refusal,
    forbidden: Option<ForbiddenType>,
}

impl Denied {
    fn forbidden(kind: ForbiddenType, remark: String) -> Self {
        Denied { refusal: Refusal::new(ResponseCode::NO_PERMISSION, remark), forbidden: Some(kind) }
    }

    fn code(code: ResponseCode, remark: impl Into<String>) -> Self {
        Refusal::new(code, remark.into()).into()
    }

    pub(super) fn answer(self, reply: impl Respond) {
        reply.respond(self.refusal.code, Some(&self.refusal.remark), &self.forbidden, Body::Empty);
    }
}

impl<R: Into<Refusal>> From<R> for Denied {
    fn from(refusal: R) -> Self {
        Denied { refusal: refusal.into(), forbidden: None }
    }
}

/// A pull that may be served.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    pub(super) pull: Pull<&'a str>,
    /// The offset to commit first.
    pub(super) commit: Option<i64>,
    /// How long the pull waits for a message; 0: not at all.
    pub(super) patience_ms: i64,
}

pub(super) fn check<'a>(broker: &Broker, request: &Request<'a>) -> Result<Checked<'a>, Denied> {
    let header = PullMessageRequest::decode(&request.header.fields)?;
    let (group, topic) = (header.consumer_group, header.topic);
    let config = broker.config.get();
    let address = &config.broker_ip1;
    if !permission::is_readable(config.broker_permission) {
        let remark = format!("the broker[{address}] pulling message is forbidden");
        return Err(Denied::forbidden(ForbiddenType::Broker, remark));
    }
    let lite = request.header.code == RequestCode::LITE_PULL_MESSAGE.0;
    if lite && !config.lite_pull_message_enable {
        let remark = format!("the broker[{address}] for lite pull consumer is forbidden");
        return Err(Denied::forbidden(ForbiddenType::Broker, remark));
    }
    let group_config = broker.groups.find(group).ok_or_else(|| Refusal::no_group(group))?;
    if !group_config.consume_enable {
        let remark = format!("subscription group no permission, {group}");
        return Err(Denied::forbidden(ForbiddenType::Group, remark));
    }
    let party = Party::of(broker, request);
    quota::admit(broker, &party, Traffic::Read { group, topic })?;
    let topic_config = broker.topics.get(topic).ok_or_else(|| Refusal::no_topic(topic))?;
    if !permission::is_readable(topic_config.perm) {
        let remark = format!("the topic[{topic}] pulling message is forbidden");
        return Err(Denied::forbidden(ForbiddenType::Topic, remark));
    }
    if !(0..topic_config.read_queue_nums).contains(&header.queue_id) {
        return Err(Refusal::invalid(format!(
            "queueId[{}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{}] consumer:[{}]",
            header.queue_id,
            topic_config.read_queue_nums,
            request.connection.peer()
        ))
        .into());
    }
    let brings_subscription = header.has(PullMessageRequest::SUBSCRIPTION);
    let subscription = match brings_subscription {
        true => brought_subscription(&header)?,
        false => known_subscription(broker, &header, group_config.consume_broadcast_enable)?,
    };
    if subscription.looks_at_messages() && !config.enable_property_filter {
        return Err(Refusal::no_filter(&subscription.expression_type).into());
    }
    if let Condition::Broken(reason) = &subscription.condition {
        return Err(Denied::code(ResponseCode::FILTER_DATA_NOT_EXIST, format!("the expression is wrong {reason}")));
    }
    let pull = Pull {
        party,
        group,
        topic,
        queue: QueueId(header.queue_id),
        offset: QueueOffset(header.queue_offset),
        limits: limits(&header),
        subscription,
        topic_sys_flag: topic_config.topic_sys_flag,
        group_sys_flag: group_config.group_sys_flag,
    };
    let commits = header.has(PullMessageRequest::COMMIT_OFFSET) && header.commit_offset >= 0;
    Ok(Checked { pull, commit: commits.then_some(header.commit_offset), patience_ms: patience(&config, &header) })
}

fn limits(header: &PullMessageRequest<'_>) -> ReadLimits {
    ReadLimits {
        max_messages: usize::try_from(header.max_msg_nums).unwrap_or(0).max(1),
        max_bytes: header.max_msg_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX),
    }
}

fn patience(config: &BrokerConfig, header: &PullMessageRequest<'_>) -> i64 {
    if !header.has(PullMessageRequest::SUSPEND) {
        0
    } else if config.long_polling_enable {
        header.suspend_timeout_millis
    } else {
        config.short_polling_time_ms
    }
}

/// The subscription that came with the pull.
fn brought_subscription(header: &PullMessageRequest<'_>) -> Result<Arc<Subscription>, Denied> {
    let kind = header.expression_type.unwrap_or_default();
    let (topic, expression) = (header.topic, header.subscription.unwrap_or_default());
    let wrong = |reason: String| {
        let remark = format!("parse the consumer's subscription failed: {reason}");
        Denied::code(ResponseCode::SUBSCRIPTION_PARSE_FAILED, remark)
    };
    let parsed = match kind {
        _ if is_tag_type(kind) => {
            Subscription::by_tags(topic, expression, header.sub_version).map_err(|error| wrong(error.to_string()))
        }
        SQL92 => {
            Subscription::by_properties(topic, expression, header.sub_version).map_err(|error| wrong(error.to_string()))
        }
        other => Err(wrong(format!("there is no filter of type {other}"))),
    };
    parsed.map(Arc::new)
}

/// The subscription that the group's heartbeats announced.
fn known_subscription(
    broker: &Broker,
    header: &PullMessageRequest<'_>,
    broadcast_enabled: bool,
) -> Result<Arc<Subscription>, Denied> {
    let (group, topic) = (header.consumer_group, header.topic);
    let clients = broker.clients.read();
    let Some(members) = clients.consumer_group(group) else {
        let remark = "the consumer's group info not exist";
        return Err(Denied::code(ResponseCode::SUBSCRIPTION_NOT_EXIST, remark));
    };
    if !broadcast_enabled && members.is_broadcasting() {
        let remark = format!("the consumer group[{group}] can not consume by broadcast way");
        return Err(Denied::forbidden(ForbiddenType::Broadcast, remark));
    }
    if broker.groups.is_reading_forbidden(group, topic) {
        let remark = format!("the consumer group[{group}] is forbidden for topic[{topic}]");
        return Err(Denied::forbidden(ForbiddenType::Subscription, remark));
    }
    let Some(subscription) = members.subscriptions.get(topic) else {
        let remark = "the consumer's subscription not exist";
        return Err(Denied::code(ResponseCode::SUBSCRIPTION_NOT_EXIST, remark));
    };
    if subscription.version < header.sub_version {
        let remark = "the consumer's subscription not latest";
        return Err(Denied::code(ResponseCode::SUBSCRIPTION_NOT_LATEST, remark));
    }
    Ok(subscription.clone())
}
