//! Lite topics: many small topics under one parent, to which clients subscribe one by one. A client tells one broker; the others that
//! have the parent are told by that one, with remoting's LITE_SUBSCRIPTION_CTL.

use std::sync::Arc;

use bolide_proto::v2::offset_option::OffsetType;
use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{
    Code, LiteSubscriptionAction, NotifyUnsubscribeLiteCommand, OffsetOption, SyncLiteSubscriptionRequest,
    SyncLiteSubscriptionResponse,
};
use bolide_remoting::body::{self, LiteOffset, LiteOffsetKind, LiteSubscription};

use super::{Caller, Fault, known, ok, resource};
use crate::broker::Broker;
use crate::lite::{self, Displaced, NameError, requests};

impl From<NameError> for Fault {
    fn from(error: NameError) -> Self {
        Fault::new(Code::IllegalLiteTopic, error.to_string())
    }
}

/// SyncLiteSubscription.
pub(super) async fn synchronize(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: SyncLiteSubscriptionRequest,
) -> Result<SyncLiteSubscriptionResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?.to_owned();
    let group = resource::group(request.group.as_ref())?.to_owned();
    let action = match known("action", request.action)? {
        LiteSubscriptionAction::PartialAdd => body::LiteSubscriptionAction::PartialAdd,
        LiteSubscriptionAction::PartialRemove => body::LiteSubscriptionAction::PartialRemove,
        LiteSubscriptionAction::CompleteAdd => body::LiteSubscriptionAction::CompleteAdd,
        LiteSubscriptionAction::CompleteRemove => body::LiteSubscriptionAction::CompleteRemove,
    };
    request.lite_topic_set.iter().try_for_each(|name| lite::check_name(name))?;
    check_bound(broker, &group, &topic)?;
    let wanted = LiteSubscription {
        action,
        client_id: caller.client_id.clone(),
        group,
        topic,
        lite_topic_set: request.lite_topic_set,
        offset_option: request.offset_option.as_ref().and_then(offset),
        version: request.version.unwrap_or_default(),
    };
    // The topic may be on other brokers only.
    if broker.topics.get(&wanted.topic).is_some() {
        requests::apply(broker, &wanted)?;
    }
    requests::tell_others(broker, wanted).await;
    Ok(SyncLiteSubscriptionResponse { status: ok() })
}

/// Checks that the group is one for lite topics of this parent.
fn check_bound(broker: &Broker, group: &str, topic: &str) -> Result<(), Fault> {
    let no_group = || Fault::new(Code::IllegalConsumerGroup, format!("group not found: {group}"));
    let config = broker.groups.find(group).ok_or_else(no_group)?;
    let bound = config.attributes.get(lite::BIND_TOPIC).map_or("", String::as_str);
    if bound != topic {
        let text = format!("lite group {group} is expected to bind topic {bound}, but actual is {topic}");
        return Err(Fault::new(Code::IllegalTopic, text));
    }
    Ok(())
}

fn offset(option: &OffsetOption) -> Option<LiteOffset> {
    let (kind, value) = match option.offset_type? {
        OffsetType::Policy(policy) => (LiteOffsetKind::Policy, policy.into()),
        OffsetType::Offset(offset) => (LiteOffsetKind::Offset, offset),
        OffsetType::TailN(count) => (LiteOffsetKind::TailN, count),
        OffsetType::Timestamp(at) => (LiteOffsetKind::Timestamp, at),
    };
    Some(LiteOffset { kind, value })
}

/// Tells a client that another one has a lite topic now; `false`: it is not connected here.
pub(crate) fn lost_lite_topic(broker: &Broker, displaced: &Displaced) -> bool {
    let Some(session) = broker.grpc.sessions.get(&displaced.client) else { return false };
    let command = NotifyUnsubscribeLiteCommand { lite_topic: displaced.lite_topic.clone() };
    if let Err(error) = session.tell(Command::NotifyUnsubscribeLiteCommand(command)) {
        tracing::debug!(client = %displaced.client, "a client does not learn that it lost a lite topic: {error}");
    }
    true
}
