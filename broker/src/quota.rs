//! Quotas: how many messages and bytes a second may be sent and read by topic, client, user and group, and how many connections a client's
//! address may have. What goes beyond is refused with words that make clients come back later. Off unless the key `quotas` says something.

mod bucket;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bolide_remoting::admission::AddressLimit;
use bolide_remoting::keys::Value;
use bolide_remoting::{Request, ResponseCode};
use parking_lot::RwLock;

use crate::auth::network;
use crate::broker::Broker;
use crate::refusal::Refusal;
use bucket::Bucket;
pub(crate) use rule::Quotas;
use rule::{Limit, Subject};

/// The most subjects of a kind that have buckets of their own; those beyond share one.
const MOST_BUCKETS: usize = 10_000;

/// What has passed lately, by subject.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    of: RwLock<HashMap<Subject, Pairs>>,
    others: Arc<Pair>,
}

/// The buckets of each name.
type Pairs = HashMap<Box<str>, Arc<Pair>>;

#[derive(Debug, Default)]
struct Pair {
    messages: Bucket,
    bytes: Bucket,
}

impl Buckets {
    fn find(&self, subject: Subject, name: &str) -> Arc<Pair> {
        if let Some(pair) = self.of.read().get(&subject).and_then(|pairs| pairs.get(name)) {
            return pair.clone();
        }
        let mut of = self.of.write();
        let pairs = of.entry(subject).or_default();
        if pairs.len() >= MOST_BUCKETS && !pairs.contains_key(name) {
            return self.others.clone();
        }
        pairs.entry(name.into()).or_default().clone()
    }
}

/// Who sends, or reads: where from, and which user that is, empty where nobody is asked. `S` is `String` where it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party<S> {
    pub(crate) peer: SocketAddr,
    pub(crate) user: S,
}

impl<'a> Party<&'a str> {
    /// Whom a request comes from.
    pub(crate) fn of(broker: &Broker, request: &Request<'a>) -> Self {
        Party { peer: request.connection.peer(), user: broker.auth.user_of(request) }
    }

    pub(crate) fn into_owned(self) -> Party<String> {
        Party { peer: self.peer, user: self.user.to_owned() }
    }
}

/// What passes, or would.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Traffic<'a> {
    /// Messages to a topic.
    Send { topic: &'a str },
    /// Messages of a topic to a group.
    Read { group: &'a str, topic: &'a str },
}

/// Messages may pass, unless those that passed before were too many.
///
/// # Errors
/// When the topic, the group, the client or the user has had its share.
pub(crate) fn admit(broker: &Broker, party: &Party<impl AsRef<str>>, traffic: Traffic<'_>) -> Result<(), Refusal> {
    let now_us = broker.clock.now_ms() * 1_000;
    let mut refusal = None;
    each_limit(broker, party, traffic, |subject, name, pair, limit| {
        for (bucket, rate, unit) in [(&pair.messages, limit.messages, "messages"), (&pair.bytes, limit.bytes, "bytes")]
        {
            if rate > 0 && !bucket.admits(now_us) {
                let subject = subject.print();
                refusal = Some(format!(
                    "[QUOTA]system busy, start flow control for a while: {subject} {name} has had its {rate} {unit} a second"
                ));
            }
        }
    });
    refusal.map_or(Ok(()), |remark| Err(Refusal::new(ResponseCode::SYSTEM_BUSY, remark)))
}

/// So much has passed.
pub(crate) fn charge(
    broker: &Broker,
    party: &Party<impl AsRef<str>>,
    traffic: Traffic<'_>,
    messages: usize,
    bytes: usize,
) {
    let now_us = broker.clock.now_ms() * 1_000;
    each_limit(broker, party, traffic, |_, _, pair, limit| {
        for (bucket, rate, cost) in [(&pair.messages, limit.messages, messages), (&pair.bytes, limit.bytes, bytes)] {
            if rate > 0 {
                bucket.charge(rate, cost as u64, now_us);
            }
        }
    });
}

/// Goes through those who are concerned and limited.
fn each_limit(
    broker: &Broker,
    party: &Party<impl AsRef<str>>,
    traffic: Traffic<'_>,
    mut see: impl FnMut(Subject, &str, &Pair, Limit),
) {
    let config = broker.config.get();
    if config.quotas.is_empty() {
        return;
    }
    let (client, user) = (party.peer.ip().to_canonical().to_string(), party.user.as_ref());
    let subjects = match traffic {
        Traffic::Send { topic } => {
            [(Subject::Topic, topic), (Subject::Client, &client), (Subject::User, user), (Subject::Group, "")]
        }
        Traffic::Read { topic, group } => [
            (Subject::TopicReads, topic),
            (Subject::ClientReads, &client),
            (Subject::UserReads, user),
            (Subject::Group, group),
        ],
    };
    for (subject, name) in subjects.into_iter().filter(|(_, name)| !name.is_empty()) {
        if let Some(limit) = config.quotas.find(subject, name) {
            see(subject, name, &broker.buckets.find(subject, name), limit);
        }
    }
}

/// How many connections an address may have: as many as its rule says, and proxies that are named as many as they like, for whom they speak
/// for is known as soon as their headers are read.
pub(crate) fn address_limit(broker: &Arc<Broker>) -> AddressLimit {
    let (broker, proxies) = (broker.clone(), network::proxies(&broker.config.get()));
    Arc::new(move |address: IpAddr| {
        let rule = broker.config.get().quotas.find(Subject::Client, &address.to_string());
        let most = rule.map_or(0, |limit| limit.connections);
        let is_free = most == 0 || proxies.iter().any(|proxy| proxy.contains(address));
        if is_free { usize::MAX } else { usize::try_from(most).unwrap_or(usize::MAX) }
    })
}
