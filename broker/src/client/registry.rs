//! Who is connected: the members of each consumer group with what they subscribe to, and the members of each producer group.
//! A plain state machine: heartbeats, goodbyes, closed connections and the clock go in; which groups must be told of a change comes out.
//! It holds each member's connection as an opaque handle `C` and never speaks to it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bolide_remoting::Language;
use bolide_remoting::body::{ConsumeFromWhere, ConsumeType, MessageModel};

use crate::filter::Subscription;

/// Identifies a connection for as long as the process lives.
pub type ConnectionId = u64;

/// How a client introduces itself with each heartbeat.
#[derive(Debug, Clone)]
pub struct Introduction<C> {
    /// The connection that the heartbeat came over.
    pub connection_id: ConnectionId,
    /// Handle through which the client can be reached.
    pub connection: C,
    /// The client's own id; several connections may bear one.
    pub client_id: String,
    /// What it is written in.
    pub language: Language,
    /// Ordinal of the client's protocol version.
    pub version: i32,
}

/// What a heartbeat says about one consumer group.
#[derive(Debug, Clone)]
pub struct Consumption {
    /// By push, pull or pop.
    pub consume_type: ConsumeType,
    /// Whether the members share the messages or each gets all.
    pub message_model: MessageModel,
    /// Where a group without offsets starts.
    pub consume_from_where: ConsumeFromWhere,
    /// What the group reads; `None` where a V2 heartbeat leaves it out because it has not changed.
    pub subscriptions: Option<Vec<Subscription>>,
    /// The client's digest of its subscriptions; 0 with plain heartbeats.
    pub fingerprint: i32,
}

/// A connected client.
#[derive(Debug, Clone)]
pub struct Member<C> {
    /// How it introduced itself last.
    pub introduction: Introduction<C>,
    /// When its last heartbeat came, in milliseconds.
    pub seen_ms: i64,
}

/// A consumer group with at least one member.
#[derive(Debug)]
pub struct ConsumerGroup<C> {
    /// As the last heartbeat said.
    pub consume_type: ConsumeType,
    /// As the last heartbeat said.
    pub message_model: MessageModel,
    /// As the last heartbeat said.
    pub consume_from_where: ConsumeFromWhere,
    /// Subscriptions by topic.
    pub subscriptions: HashMap<String, Arc<Subscription>>,
    /// Members by connection.
    pub members: HashMap<ConnectionId, Member<C>>,
    fingerprint: i32,
}

impl<C> ConsumerGroup<C> {
    /// Whether each member reads everything, so that joins and leaves concern nobody else.
    pub fn is_broadcasting(&self) -> bool {
        self.message_model == MessageModel::Broadcasting
    }

    /// The member with a client id; the last to connect, if there are several.
    pub fn member(&self, client_id: &str) -> Option<&Member<C>> {
        newest(self.members.values(), client_id)
    }
}

/// The last connection that bears a client id. The one before may be lost without our having heard of it, and a client that
/// connects again gets no answer over it.
fn newest<'a, C: 'a>(members: impl Iterator<Item = &'a Member<C>>, client_id: &str) -> Option<&'a Member<C>> {
    let named = members.filter(|member| member.introduction.client_id == client_id);
    named.max_by_key(|member| member.introduction.connection_id)
}

/// What a heartbeat changed for one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The group's members or topics changed: the members must be told.
    pub changed: bool,
    /// The heartbeat's fingerprint differs from the group's last one, or stands for subscriptions that are not known here: the
    /// client must send them in full.
    pub fingerprint_changed: bool,
}

/// All clients of a broker.
#[derive(Debug)]
pub struct ClientRegistry<C> {
    consumers: HashMap<String, ConsumerGroup<C>>,
    producers: HashMap<String, HashMap<ConnectionId, Member<C>>>,
    /// The groups that each connection belongs to, so that its end need not visit all groups.
    groups_of: HashMap<ConnectionId, HashSet<String>>,
}

impl<C> Default for ClientRegistry<C> {
    fn default() -> Self {
        ClientRegistry { consumers: HashMap::new(), producers: HashMap::new(), groups_of: HashMap::new() }
    }
}

impl<C: Clone> ClientRegistry<C> {
    /// Takes in what a heartbeat says about a consumer group.
    pub fn consumer_heard(&mut self, group: &str, who: &Introduction<C>, what: Consumption, now_ms: i64) -> Heard {
        self.groups_of.entry(who.connection_id).or_default().insert(group.to_owned());
        let fingerprint = what.fingerprint;
        let entry = self.consumers.entry(group.to_owned()).or_insert_with(|| ConsumerGroup {
            consume_type: what.consume_type,
            message_model: what.message_model,
            consume_from_where: what.consume_from_where,
            subscriptions: HashMap::new(),
            members: HashMap::new(),
            fingerprint,
        });
        // A client that leaves its subscriptions out believes that they are known; after a restart of the broker they are not.
        let is_unknown = what.subscriptions.is_none() && entry.subscriptions.is_empty();
        let fingerprint_changed = entry.fingerprint != fingerprint || is_unknown;
        entry.fingerprint = fingerprint;
        entry.consume_type = what.consume_type;
        entry.message_model = what.message_model;
        entry.consume_from_where = what.consume_from_where;
        let member = Member { introduction: who.clone(), seen_ms: now_ms };
        let joined = entry.members.insert(who.connection_id, member).is_none();
        let resubscribed = what.subscriptions.is_some_and(|new| replace_subscriptions(&mut entry.subscriptions, new));
        Heard { changed: joined || resubscribed, fingerprint_changed }
    }

    /// Takes in what a heartbeat says about a producer group.
    pub fn producer_heard(&mut self, group: &str, who: &Introduction<C>, now_ms: i64) {
        self.groups_of.entry(who.connection_id).or_default().insert(group.to_owned());
        let members = self.producers.entry(group.to_owned()).or_default();
        members.insert(who.connection_id, Member { introduction: who.clone(), seen_ms: now_ms });
    }

    /// A client says goodbye to a consumer group. Answers whether it was a member.
    pub fn consumer_left(&mut self, group: &str, connection: ConnectionId) -> bool {
        let Some(entry) = self.consumers.get_mut(group) else {
            return false;
        };
        let left = entry.members.remove(&connection).is_some();
        if entry.members.is_empty() {
            self.consumers.remove(group);
        }
        left
    }

    /// A client says goodbye to a producer group.
    pub fn producer_left(&mut self, group: &str, connection: ConnectionId) {
        let Some(members) = self.producers.get_mut(group) else {
            return;
        };
        members.remove(&connection);
        if members.is_empty() {
            self.producers.remove(group);
        }
    }

    /// A connection is gone. Answers the consumer groups that lost a member by it.
    pub fn connection_closed(&mut self, connection: ConnectionId) -> Vec<String> {
        let groups = self.groups_of.remove(&connection).unwrap_or_default();
        for group in &groups {
            self.producer_left(group, connection);
        }
        groups.into_iter().filter(|group| self.consumer_left(group, connection)).collect()
    }

    /// Takes out the clients whose last heartbeat is older than `limit_ms`; answers their connections, to be closed, and the
    /// groups that lost a member.
    pub fn expire(&mut self, now_ms: i64, limit_ms: i64) -> (Vec<C>, Vec<String>) {
        let stale = |member: &Member<C>| now_ms - member.seen_ms > limit_ms;
        let mut gone: HashMap<ConnectionId, C> = HashMap::new();
        let consumers = self.consumers.values().flat_map(|group| group.members.values());
        let producers = self.producers.values().flat_map(HashMap::values);
        for member in consumers.chain(producers).filter(|member| stale(member)) {
            gone.insert(member.introduction.connection_id, member.introduction.connection.clone());
        }
        let mut groups = BTreeSet::new();
        for connection in gone.keys() {
            groups.extend(self.connection_closed(*connection));
        }
        (gone.into_values().collect(), groups.into_iter().collect())
    }

    /// A consumer group, if it has a member.
    pub fn consumer_group(&self, group: &str) -> Option<&ConsumerGroup<C>> {
        self.consumers.get(group)
    }

    /// What a group subscribes to in a topic.
    pub fn subscription(&self, group: &str, topic: &str) -> Option<&Arc<Subscription>> {
        self.consumers.get(group)?.subscriptions.get(topic)
    }

    /// The members of a producer group.
    pub fn producer_group(&self, group: &str) -> Option<&HashMap<ConnectionId, Member<C>>> {
        self.producers.get(group)
    }

    /// The producer with a client id, whatever its group; the last to connect, if there are several.
    pub fn producer(&self, client_id: &str) -> Option<&Member<C>> {
        newest(self.producers.values().flat_map(HashMap::values), client_id)
    }

    /// All consumer groups with members.
    pub fn consumer_groups(&self) -> impl Iterator<Item = (&String, &ConsumerGroup<C>)> {
        self.consumers.iter()
    }

    /// All producer groups.
    pub fn producer_groups(&self) -> impl Iterator<Item = (&String, &HashMap<ConnectionId, Member<C>>)> {
        self.producers.iter()
    }

    /// Groups with a member that subscribes to the topic.
    pub fn groups_of_topic(&self, topic: &str) -> impl Iterator<Item = &String> {
        let topic = topic.to_owned();
        self.consumers.iter().filter(move |(_, g)| g.subscriptions.contains_key(&topic)).map(|(name, _)| name)
    }
}

/// Takes over the newer of each topic's subscriptions and drops topics that are not named any more.
/// Answers whether the set of topics changed; a changed expression alone concerns only its own pulls.
fn replace_subscriptions(old: &mut HashMap<String, Arc<Subscription>>, new: Vec<Subscription>) -> bool {
    let before = old.len();
    let topics: HashSet<String> = new.iter().map(|subscription| subscription.topic.clone()).collect();
    old.retain(|topic, _| topics.contains(topic));
    let mut changed = old.len() != before;
    for subscription in new {
        match old.get(&subscription.topic) {
            Some(known) if known.version >= subscription.version => {}
            known => {
                changed |= known.is_none();
                old.insert(subscription.topic.clone(), Arc::new(subscription));
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests;
