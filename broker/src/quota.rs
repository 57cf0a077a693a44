//! Quotas: how many messages and bytes a second may be sent and read by topic, client, user and group, and how many connections a client's
//! address and a user may have. What goes beyond is refused with words that make clients come back later. Off unless the key `quotas` says something.

mod bucket;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bolide_remoting::admission::{AddressLimit, Seat};
use bolide_remoting::proxy::Ends;
use bolide_remoting::{Connection, Request, ResponseCode};
use parking_lot::RwLock;

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
    let mut refusal = None;
    each_limit(broker, party, traffic, |subject, name, pair, limit, now_us| {
        for (bucket, rate, unit) in [(&pair.messages, limit.messages, "messages"), (&pair.bytes, limit.bytes, "bytes")]
        {
            if rate > 0 && !bucket.admits(now_us) {
                let subject = subject.name();
                refusal = Some(busy(format_args!("{subject} {name} has had its {rate} {unit} a second")));
            }
        }
    });
    refusal.map_or(Ok(()), Err)
}

fn busy(why: std::fmt::Arguments<'_>) -> Refusal {
    let remark = format!("[QUOTA]system busy, start flow control for a while: {why}");
    Refusal::new(ResponseCode::SYSTEM_BUSY, remark)
}

/// So much has passed.
pub(crate) fn charge(
    broker: &Broker,
    party: &Party<impl AsRef<str>>,
    traffic: Traffic<'_>,
    messages: usize,
    bytes: usize,
) {
    each_limit(broker, party, traffic, |_, _, pair, limit, now_us| {
        for (bucket, rate, cost) in [(&pair.messages, limit.messages, messages), (&pair.bytes, limit.bytes, bytes)] {
            if rate > 0 {
                bucket.charge(rate, cost as u64, now_us);
            }
        }
    });
}

/// Goes through those who are concerned and limited. Costs one look where there are no rules.
fn each_limit(
    broker: &Broker,
    party: &Party<impl AsRef<str>>,
    traffic: Traffic<'_>,
    mut see: impl FnMut(Subject, &str, &Pair, Limit, i64),
) {
    let config = broker.config.get();
    if config.quotas.is_empty() {
        return;
    }
    let now_us = broker.clock.now_ms() * 1_000;
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
            see(subject, name, &broker.buckets.find(subject, name), limit, now_us);
        }
    }
}

/// How many connections an address may have: as many as its rule says, and proxies that are named as many as they like, for whom they speak
/// for is known as soon as their headers are read.
pub(crate) fn address_limit(broker: &Arc<Broker>) -> AddressLimit {
    let (broker, proxies) = (broker.clone(), broker.config.get().proxy_protocol_from.clone());
    Arc::new(move |address: IpAddr| {
        let is_free = proxies.contain(address);
        if is_free { usize::MAX } else { most_connections(&broker, Subject::Client, &address.to_string()) }
    })
}

fn most_connections(broker: &Broker, subject: Subject, name: &str) -> usize {
    let most = broker.config.get().quotas.find(subject, name).map_or(0, |limit| limit.connections);
    if most == 0 { usize::MAX } else { usize::try_from(most).unwrap_or(usize::MAX) }
}

/// Makes a connection the user's, if nobody's yet.
///
/// # Errors
/// When the user has as many as they may. The connection is to be closed, or nothing would be limited.
pub(crate) fn take_seat(broker: &Broker, seat: &Seat, ends: Ends, user: &str) -> Result<(), Refusal> {
    let taken = seat.take(&broker.connections, ends, user, || most_connections(broker, Subject::User, user));
    taken.map_err(|count| busy(format_args!("user {user} has {count} connections already, and may not have more")))
}

/// The same for one over remoting, which is closed once the refusal is written.
pub(crate) fn seat(broker: &Broker, connection: &Connection, user: &str) -> Result<(), Refusal> {
    let taken = take_seat(broker, connection.seat(), connection.ends(), user);
    taken.inspect_err(|_| connection.close("its user has too many"))
}
