//! LITE_SUBSCRIPTION_CTL: another broker, or a proxy of Apache's, tells what a client subscribes to.

use std::borrow::Cow;
use std::sync::Arc;

use bolide_remoting::body::{
    LiteOffset, LiteOffsetKind, LiteSubscription, LiteSubscriptionAction, LiteSubscriptionCtl, encode,
};
use bolide_remoting::{Reply, Request, RequestCode, ResponseCode};

use super::subscriptions::Subscriber;
use super::{Begin, add, check_name, leave, remove, replace, tell_displaced};
use crate::broker::Broker;
use crate::cluster;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};

/// How old the route may be by which other brokers are found, in milliseconds.
pub(super) const MAX_AGE_MS: i64 = 20_000;

fn illegal(remark: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(ResponseCode::ILLEGAL_OPERATION, remark)
}

/// LITE_SUBSCRIPTION_CTL.
pub(crate) fn control(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let controlled = || -> Result<(), Refusal> {
        let body: LiteSubscriptionCtl = json_body(request)?;
        if body.subscription_set.is_empty() {
            return Err(illegal("LiteSubscriptionCtlRequestBody is empty."));
        }
        body.subscription_set.iter().try_for_each(|subscription| {
            apply(broker, subscription)?;
            broker.lite.agents.lock().insert(subscription.client_id.clone(), request.connection.clone());
            Ok(())
        })
    };
    reply.give(controlled());
}

/// Does what a client wants, and tells clients that lose something by it.
pub(crate) fn apply(broker: &Arc<Broker>, wanted: &LiteSubscription) -> Result<(), Refusal> {
    let LiteSubscription { action, client_id, group, topic, lite_topic_set: names, offset_option, .. } = wanted;
    if [client_id, group, topic].into_iter().any(|name| name.trim().is_empty()) {
        return Err(illegal("client, group and topic must be named"));
    }
    let who =
        Subscriber { client: client_id.as_str().into(), group: group.as_str().into(), parent: topic.as_str().into() };
    match action {
        LiteSubscriptionAction::PartialAdd | LiteSubscriptionAction::CompleteAdd => {
            let checked = names.iter().try_for_each(|name| check_name(name));
            checked.map_err(|error| illegal(error.to_string()))?;
        }
        LiteSubscriptionAction::PartialRemove | LiteSubscriptionAction::CompleteRemove => {}
    }
    match action {
        LiteSubscriptionAction::PartialAdd => {
            let displaced = add(broker, &who, names, offset_option.as_ref().and_then(begin))?;
            displaced.iter().for_each(|displaced| tell_displaced(broker, group, displaced));
            Ok(())
        }
        LiteSubscriptionAction::PartialRemove => remove(broker, &who, names),
        LiteSubscriptionAction::CompleteAdd => replace(broker, &who, names),
        LiteSubscriptionAction::CompleteRemove => {
            leave(broker, client_id);
            Ok(())
        }
    }
}

/// Where a new subscriber begins. Times are not looked at, as with Apache.
fn begin(offset: &LiteOffset) -> Option<Begin> {
    match (offset.kind, offset.value) {
        (LiteOffsetKind::Policy, 1) => Some(Begin::First),
        (LiteOffsetKind::Policy, 2) => Some(Begin::Next),
        (LiteOffsetKind::Offset, offset) => Some(Begin::At(offset)),
        (LiteOffsetKind::TailN, count) => Some(Begin::Before(count)),
        (LiteOffsetKind::Policy | LiteOffsetKind::Timestamp, _) => None,
    }
}

/// Tells the other brokers that have the topic. One that does not answer learns it when the client says it again.
pub(crate) async fn tell_others(broker: &Arc<Broker>, wanted: LiteSubscription) {
    let Some(known) = cluster::topic(broker, &wanted.topic, MAX_AGE_MS).await else { return };
    let own = broker.store_host.to_string();
    let addresses = known.route.broker_datas.iter().filter_map(|data| data.broker_addrs.get(&cluster::MASTER));
    let addresses: Vec<String> = addresses.filter(|address| **address != own).cloned().collect();
    if addresses.is_empty() {
        return;
    }
    let body = encode(&LiteSubscriptionCtl { subscription_set: vec![wanted] });
    let mut told = tokio::task::JoinSet::new();
    for address in addresses {
        let (broker, body) = (broker.clone(), body.clone());
        told.spawn(async move {
            let answer = cluster::ask(&broker, &address, RequestCode::LITE_SUBSCRIPTION_CTL, &(), body.into()).await;
            if let Some(remark) = answer.and_then(|answer| answer.remark) {
                tracing::debug!(address, "a broker does not take a subscription to lite topics: {remark}");
            }
        });
    }
    told.join_all().await;
}
