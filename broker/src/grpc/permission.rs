//! Who calls over gRPC, and whether they may: signatures in the metadata of calls, and what each kind of request needs. Users and their
//! policies are those of [`crate::auth`].
//!
//! A call's signature is HMAC-SHA1 over the date that the call bears, in hexadecimal digits:
//! `MQv2-HMAC-SHA1 Credential=AK, SignedHeaders=x-mq-date-time, Signature=…`. A call of somebody unknown answers UNAUTHORIZED, one of somebody
//! without the right FORBIDDEN (with Apache both are UNAUTHORIZED).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bolide_proto::v2::settings::PubSub;
use bolide_proto::v2::{self, Code};
use bolide_remoting::signing::sign;
use subtle::ConstantTimeEq;

use super::caller::Line;
use super::{Caller, Fault};
use crate::auth::need::{PUB, PUB_SUB, SUB, group, topic};
use crate::auth::policy::Demand;
use crate::auth::table::AuthError;
use crate::broker::Broker;
use crate::quota;

/// The protocol's package, with which Apache's lists of unsigned calls name requests.
const PACKAGE: &str = "apache.rocketmq.v2.";

/// A request that says what it needs.
pub(super) trait Needs {
    /// Its name in the protocol.
    const NAME: &'static str;
    /// What the user must be allowed.
    fn needs(&self) -> Vec<Demand<'_>>;
}

/// Finds out who calls, and lets them in or says why not.
pub(super) fn admit<T: Needs>(broker: &Arc<Broker>, request: &tonic::Request<T>) -> Result<Caller, Fault> {
    let mut caller = Caller::of(request)?;
    if broker.auth.is_on() {
        let guest = Guest::of(broker, &caller, request, T::NAME)?;
        guest.may(broker, T::NAME, || request.get_ref().needs())?;
        caller.user = guest.user;
    }
    Ok(caller)
}

/// Finds out who opens a stream, where that matters; what comes over it is looked at as it comes.
pub(super) fn admit_stream<T>(
    broker: &Broker,
    caller: &Caller,
    request: &tonic::Request<T>,
) -> Result<Option<Guest>, Fault> {
    let guest = || Guest::of(broker, caller, request, "TelemetryCommand");
    broker.auth.is_on().then(guest).transpose()
}

/// Somebody whose signature was found to be right, or need not be.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    user: String,
    source: std::net::IpAddr,
}

impl Guest {
    /// Finds out who calls, from the call's metadata alone. A connection is the user's who was the first to sign a call over it.
    fn of<T>(broker: &Broker, caller: &Caller, request: &tonic::Request<T>, name: &str) -> Result<Self, Fault> {
        let metadata = request.metadata();
        let text = |name| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (user, signature) = credentials(text("authorization"));
        let guest = Self { user: user.to_owned(), source: caller.ends.peer.ip() };
        let date = text("x-mq-date-time").as_bytes();
        let is_signed = |secret: &str| {
            let expected = hexadecimal(sign(secret, [date].into_iter()).as_ref());
            !date.is_empty() && expected.as_bytes().ct_eq(signature.to_ascii_uppercase().as_bytes()).into()
        };
        let rpc = format!("{PACKAGE}{name}");
        let signed = broker.auth.identify(&rpc, Some(user), guest.source, is_signed);
        let signed = signed.map_err(|error| guest.denied(broker, name, Code::Unauthorized, &error))?;
        if let (Some(user), Some(line)) = (signed, request.extensions().get::<Arc<Line>>()) {
            let taken = quota::take_seat(broker, &line.seat, line.ends, user);
            taken.inspect_err(|_| line.refused.notify_one())?;
        }
        Ok(guest)
    }

    /// Lets the request pass, or says what right is missing.
    pub(super) fn may<'a>(
        &self,
        broker: &Broker,
        name: &str,
        demands: impl FnOnce() -> Vec<Demand<'a>>,
    ) -> Result<(), Fault> {
        let rpc = format!("{PACKAGE}{name}");
        let permitted = broker.auth.permit(&rpc, Some(&self.user), self.source, || Ok::<_, AuthError>(demands()));
        permitted.map_err(|error| self.denied(broker, name, Code::Forbidden, &error))
    }

    fn denied(&self, broker: &Broker, name: &str, code: Code, error: &AuthError) -> Fault {
        let words = error.to_string();
        broker.auth.denied(broker.clock.now_ms(), self.source, &self.user, name, &words);
        Fault::new(code, words)
    }
}

/// The user and the signature that the header `authorization` bears; empty where it does not.
fn credentials(authorization: &str) -> (&str, &str) {
    let pairs = authorization.split_once(' ').map_or("", |(_, pairs)| pairs);
    let (mut user, mut signature) = ("", "");
    for (name, value) in pairs.split(',').filter_map(|pair| pair.trim().split_once('=')) {
        match name {
            // What follows a slash is the region and the service, as other clouds have them.
            "Credential" => user = value.split('/').next().unwrap_or_default(),
            "Signature" => signature = value,
            _ => {}
        }
    }
    (user, signature)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn name(resource: Option<&v2::Resource>) -> &str {
    resource.map_or("", |resource| resource.name.as_str())
}

fn on_topic<'a>(resource: Option<&'a v2::Resource>, actions: &'static [crate::auth::policy::Action]) -> Demand<'a> {
    Demand { resource: topic(name(resource)), actions }
}

fn by_group(resource: Option<&v2::Resource>) -> Demand<'_> {
    Demand { resource: group(name(resource)), actions: SUB }
}

/// What consuming needs: the group, and the topic.
fn consuming<'a>(group: Option<&'a v2::Resource>, topic: Option<&'a v2::Resource>) -> Vec<Demand<'a>> {
    vec![by_group(group), on_topic(topic, SUB)]
}

/// The same, where a queue stands for its topic.
fn consuming_queue<'a>(group: Option<&'a v2::Resource>, queue: Option<&'a v2::MessageQueue>) -> Vec<Demand<'a>> {
    consuming(group, queue.and_then(|queue| queue.topic.as_ref()))
}

/// Writes what each kind of request needs.
macro_rules! needs {
    ($($Request:ident($request:ident) => $needs:expr;)*) => {$(
        impl Needs for v2::$Request {
            const NAME: &'static str = stringify!($Request);

            fn needs(&self) -> Vec<Demand<'_>> {
                let $request = self;
                $needs
            }
        }
    )*};
}

needs! {
    QueryRouteRequest(it) => vec![on_topic(it.topic.as_ref(), PUB_SUB)];
    // A producer's has no group.
    HeartbeatRequest(it) => it.group.iter().map(|group| by_group(Some(group))).collect();
    NotifyClientTerminationRequest(it) => it.group.iter().map(|group| by_group(Some(group))).collect();
    SendMessageRequest(it) => it.messages.iter().map(|message| on_topic(message.topic.as_ref(), PUB)).collect();
    EndTransactionRequest(it) => vec![on_topic(it.topic.as_ref(), PUB)];
    RecallMessageRequest(it) => vec![on_topic(it.topic.as_ref(), PUB)];
    QueryAssignmentRequest(it) => consuming(it.group.as_ref(), it.topic.as_ref());
    ReceiveMessageRequest(it) => consuming_queue(it.group.as_ref(), it.message_queue.as_ref());
    PullMessageRequest(it) => consuming_queue(it.group.as_ref(), it.message_queue.as_ref());
    AckMessageRequest(it) => consuming(it.group.as_ref(), it.topic.as_ref());
    ChangeInvisibleDurationRequest(it) => consuming(it.group.as_ref(), it.topic.as_ref());
    ForwardMessageToDeadLetterQueueRequest(it) => consuming(it.group.as_ref(), it.topic.as_ref());
    SyncLiteSubscriptionRequest(it) => consuming(it.group.as_ref(), it.topic.as_ref());
    UpdateOffsetRequest(it) => consuming_queue(it.group.as_ref(), it.message_queue.as_ref());
    GetOffsetRequest(it) => consuming_queue(it.group.as_ref(), it.message_queue.as_ref());
    QueryOffsetRequest(it) => vec![on_topic(it.message_queue.as_ref().and_then(|queue| queue.topic.as_ref()), SUB)];
    Settings(it) => match &it.pub_sub {
        Some(PubSub::Publishing(publishing)) => {
            publishing.topics.iter().map(|topic| on_topic(Some(topic), PUB)).collect()
        }
        Some(PubSub::Subscription(subscription)) => {
            let topics = subscription.subscriptions.iter().map(|entry| on_topic(entry.topic.as_ref(), SUB));
            [by_group(subscription.group.as_ref())].into_iter().chain(topics).collect()
        }
        None => Vec::new(),
    };
}
