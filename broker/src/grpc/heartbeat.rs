//! Signs of life and goodbyes of clients: they join and leave the same groups as clients that speak remoting. A producer's group is
//! named like its topic, for the protocol has no producer groups.

use std::sync::Arc;

use bolide_proto::v2::settings::PubSub;
use bolide_proto::v2::{self, ClientType, Code, FilterType, Settings, SubscriptionEntry};
use bolide_remoting::body::{ConsumeFromWhere, ConsumeType, MessageModel};

use super::{Caller, Fault, Session, ok, resource};
use crate::broker::Broker;
use crate::client;
use crate::client::registry::Consumption;
use crate::filter::{SQL92, Subscription, TAG};
use crate::lite;
use crate::pop;

/// Heartbeat.
pub(super) async fn heartbeat(
    broker: &Arc<Broker>,
    caller: &Caller,
    _request: v2::HeartbeatRequest,
) -> Result<v2::HeartbeatResponse, Fault> {
    let session = broker.grpc.sessions.get(&caller.client_id).ok_or_else(unknown_client)?;
    session.seen(broker.clock.now_ms());
    join(broker, &session, &session.settings())?;
    Ok(v2::HeartbeatResponse { status: ok() })
}

/// NotifyClientTermination.
pub(super) async fn terminate(
    broker: &Arc<Broker>,
    caller: &Caller,
    _request: v2::NotifyClientTerminationRequest,
) -> Result<v2::NotifyClientTerminationResponse, Fault> {
    let session = broker.grpc.sessions.remove(&caller.client_id).ok_or_else(unknown_client)?;
    client::leave_all(broker, session.id());
    lite::leave(broker, &caller.client_id);
    Ok(v2::NotifyClientTerminationResponse { status: ok() })
}

/// The answer to a client that has sent no settings, or whose session is over: it sends them again.
pub(super) fn unknown_client() -> Fault {
    Fault::new(Code::UnrecognizedClientType, "cannot find client settings for this client")
}

/// Makes a client a member of its groups, or keeps it one.
pub(super) fn join(broker: &Arc<Broker>, session: &Arc<Session>, settings: &Settings) -> Result<(), Fault> {
    let who = session.introduction();
    match &settings.pub_sub {
        Some(PubSub::Publishing(publishing)) => {
            client::join_producers(broker, &who, publishing.topics.iter().map(|topic| topic.name.as_str()));
            Ok(())
        }
        Some(PubSub::Subscription(subscription)) => {
            let group = resource::group(subscription.group.as_ref())?;
            let version = broker.clock.now_ms();
            let subscriptions = subscription.subscriptions.iter().map(|entry| subscribed(broker, entry, version));
            let (consume_type, message_model) = kind(settings.client_type())?;
            let what = Consumption {
                consume_type,
                message_model,
                consume_from_where: ConsumeFromWhere::default(),
                subscriptions: Some(subscriptions.collect::<Result<_, _>>()?),
                fingerprint: 0,
            };
            let mut created = Vec::new();
            client::join_consumers(broker, &who, group, false, what, &mut created);
            if !created.is_empty() {
                broker.registrar.announce(created, Box::new(|| ()));
            }
            Ok(())
        }
        None => Err(unknown_client()),
    }
}

fn kind(client: ClientType) -> Result<(ConsumeType, MessageModel), Fault> {
    match client {
        ClientType::PushConsumer => Ok((ConsumeType::Passively, MessageModel::Clustering)),
        ClientType::SimpleConsumer | ClientType::PullConsumer => Ok((ConsumeType::Actively, MessageModel::Clustering)),
        ClientType::LitePushConsumer => Ok((ConsumeType::Passively, MessageModel::LiteSelective)),
        ClientType::LiteSimpleConsumer => Ok((ConsumeType::Actively, MessageModel::LiteSelective)),
        other => Err(Fault::new(Code::UnrecognizedClientType, other.as_str_name())),
    }
}

fn subscribed(broker: &Broker, entry: &SubscriptionEntry, version: i64) -> Result<Subscription, Fault> {
    let topic = entry.topic.as_ref().map_or("", |topic| topic.name.as_str());
    let expression = entry.expression.as_ref();
    let text = expression.map(|filter| filter.expression.as_str());
    let parsed = pop::subscription(broker, topic, text, Some(filter_type(expression)));
    let parsed = parsed.map_err(|refusal| Fault::new(Code::IllegalFilterExpression, refusal.remark))?;
    Ok(Subscription { version, ..Arc::unwrap_or_clone(parsed) })
}

/// Remoting's word for the type of a filter.
pub(super) fn filter_type(filter: Option<&v2::FilterExpression>) -> &'static str {
    match filter.map(v2::FilterExpression::r#type) {
        Some(FilterType::Sql) => SQL92,
        _ => TAG,
    }
}
