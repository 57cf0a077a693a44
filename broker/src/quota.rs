//! Quotas: how many messages and bytes a second may be sent to a topic, by a client or a user, and read by a group. What goes beyond is
//! refused with words that make clients come back later. Off unless the key `quotas` says something.

mod bucket;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use bolide_remoting::ResponseCode;
use parking_lot::RwLock;

use crate::broker::Broker;
use crate::refusal::Refusal;
use bucket::Bucket;
pub(crate) use rule::Quotas;
use rule::{Limit, Subject};

/// The most subjects that have buckets of their own; those beyond share one.
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

/// Who sends, or reads: each with a limit of its own.
type Subjects<'a> = &'a [(Subject, &'a str)];

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

/// A message, or several, may be stored that so many bytes were sent for: they count from now on.
///
/// # Errors
/// When the topic, the client or the user has had its share.
pub(crate) fn admit_send(broker: &Broker, topic: &str, peer: IpAddr, user: &str, bytes: usize) -> Result<(), Refusal> {
    let config = broker.config.get();
    if config.quotas.is_empty() {
        return Ok(());
    }
    let client = peer.to_string();
    let subjects = [(Subject::Topic, topic), (Subject::Client, &*client), (Subject::User, user)];
    check(broker, &config.quotas, &subjects)?;
    charge(broker, &config.quotas, &subjects, 1, bytes as u64);
    Ok(())
}

/// A group may read.
///
/// # Errors
/// When it has had its share.
pub(crate) fn admit_read(broker: &Broker, group: &str) -> Result<(), Refusal> {
    let config = broker.config.get();
    if config.quotas.is_empty() { Ok(()) } else { check(broker, &config.quotas, &[(Subject::Group, group)]) }
}

/// A group has read.
pub(crate) fn charge_read(broker: &Broker, group: &str, messages: usize, bytes: usize) {
    let config = broker.config.get();
    if !config.quotas.is_empty() {
        charge(broker, &config.quotas, &[(Subject::Group, group)], messages as u64, bytes as u64);
    }
}

/// The subjects that are limited.
fn limited<'a>(quotas: &'a Quotas, subjects: Subjects<'a>) -> impl Iterator<Item = (Subject, &'a str, Limit)> {
    let named = subjects.iter().filter(|(_, name)| !name.is_empty());
    named.filter_map(|(subject, name)| Some((*subject, *name, quotas.find(*subject, name)?)))
}

fn check(broker: &Broker, quotas: &Quotas, subjects: Subjects<'_>) -> Result<(), Refusal> {
    let now_us = broker.clock.now_ms() * 1_000;
    for (subject, name, Limit { messages, bytes }) in limited(quotas, subjects) {
        let pair = broker.buckets.find(subject, name);
        for (bucket, rate, unit) in [(&pair.messages, messages, "messages"), (&pair.bytes, bytes, "bytes")] {
            if rate > 0 && !bucket.admits(now_us) {
                let remark = format!(
                    "[QUOTA]system busy, start flow control for a while: {subject} {name} has had its {rate} {unit} a second"
                );
                return Err(Refusal::new(ResponseCode::SYSTEM_BUSY, remark));
            }
        }
    }
    Ok(())
}

fn charge(broker: &Broker, quotas: &Quotas, subjects: Subjects<'_>, messages: u64, bytes: u64) {
    let now_us = broker.clock.now_ms() * 1_000;
    for (subject, name, limit) in limited(quotas, subjects) {
        let pair = broker.buckets.find(subject, name);
        for (bucket, rate, cost) in [(&pair.messages, limit.messages, messages), (&pair.bytes, limit.bytes, bytes)] {
            if rate > 0 {
                bucket.charge(rate, cost, now_us);
            }
        }
    }
}
