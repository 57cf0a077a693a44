//! Which brokers there are, where they are, and which topics they serve: the name server's state.
//!
//! A pure state machine: it is told what happened and what time it is, and returns what should be done about it. It has no
//! clock, no sockets and no lock. How requests become its inputs is [`crate::service`]'s business; how it answers questions is
//! in [`queries`].

mod departures;
#[cfg(test)]
mod model;
mod queries;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) use queries::keep_zone;

use bolide_remoting::body::{BrokerData, DataVersion, QueueData, TopicConfig, TopicQueueMappingInfo};

/// The number of a master among the brokers of one name.
const MASTER_ID: i64 = 0;
/// How long a broker that does not say how long it may be silent is believed to live.
const DEFAULT_TIMEOUT_MS: i64 = 120_000;
/// How many brokers may be registered, and how many pairs of a topic and a broker.
const MAX_BROKERS: usize = 100_000;
const MAX_QUEUES: usize = 10_000_000;

const PERM_WRITE: i32 = 2;
const PERM_READ: i32 = 4;

/// The state. `C` is a handle to a broker's connection, by which it is recognized and closed.
#[derive(Debug, Clone)]
pub struct RouteTable<C> {
    /// Topic → broker name → its queues. No topic is without brokers, and every broker is one of `brokers`.
    topics: HashMap<String, BTreeMap<String, QueueData>>,
    /// How many queues `topics` holds.
    queue_count: usize,
    /// Topic → broker name → where the queues of a static topic lie.
    mappings: HashMap<String, BTreeMap<String, TopicQueueMappingInfo>>,
    /// Broker name → its brokers' addresses by number, of which there is at least one.
    brokers: BTreeMap<String, BrokerData>,
    /// Cluster → names of its brokers, of which there is at least one.
    clusters: BTreeMap<String, BTreeSet<String>>,
    live: HashMap<Address, Live<C>>,
}

/// What identifies one broker process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Address {
    cluster: String,
    address: String,
}

/// What is known of a broker process that is believed to live.
#[derive(Debug, Clone)]
struct Live<C> {
    broker_name: String,
    heard_ms: i64,
    timeout_ms: i64,
    version: DataVersion,
    connection: C,
    ha_server_addr: String,
    filter_servers: Vec<String>,
}

/// One broker's registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The cluster it belongs to.
    pub cluster: String,
    /// Its name, shared by a master and its slaves.
    pub broker_name: String,
    /// Its number among the brokers of that name; 0 is the master's.
    pub broker_id: i64,
    /// Where clients reach it, host:port.
    pub address: String,
    /// Where slaves reach it, host:port.
    pub ha_server_addr: String,
    /// The zone it stands in, if it says so.
    pub zone_name: Option<String>,
    /// How long it may be silent, if it says so.
    pub timeout_ms: Option<i64>,
    /// Whether a slave may stand in for the master; `None` from brokers that do not know of that.
    pub enable_acting_master: Option<bool>,
    /// The version of its topics.
    pub version: DataVersion,
    /// Its topics.
    pub topics: Vec<TopicConfig>,
    /// Where the queues of its static topics lie.
    pub mappings: Vec<TopicQueueMappingInfo>,
    /// Addresses of its filter servers; `None` leaves those it had.
    pub filter_servers: Option<Vec<String>>,
}

/// What a registered broker is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    /// Where the master of its name takes slaves; `None` for a master.
    pub ha_server_addr: Option<String>,
    /// The address of the master of its name; `None` for a master.
    pub master_addr: Option<String>,
}

/// Why a registration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// A single topic of a broker that has not registered as a whole before.
    #[error("register broker failed")]
    SingleTopicFirst,
    /// No room.
    #[error(
        "register broker failed: the name server has room for {MAX_BROKERS} brokers and {MAX_QUEUES} topics of a broker"
    )]
    Full,
}

/// What has to be done after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<C> {
    /// Close the connection of a broker that was silent for too long.
    Close(C),
    /// Tell brokers that the smallest number among those of their name has changed.
    NotifyMinBrokerId(MinBrokerIdChange),
}

/// The smallest number among the brokers of one name has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinBrokerIdChange {
    /// The name of those brokers.
    pub broker_name: String,
    /// The addresses to tell it to.
    pub receivers: Vec<String>,
    /// The smallest number now.
    pub min_broker_id: i64,
    /// The address of the broker with that number.
    pub min_broker_addr: String,
    /// The broker that left, if one did.
    pub offline_broker_addr: Option<String>,
    /// Where the broker that came takes slaves.
    pub ha_broker_addr: Option<String>,
}

impl<C> Default for RouteTable<C> {
    fn default() -> Self {
        Self {
            topics: HashMap::new(),
            queue_count: 0,
            mappings: HashMap::new(),
            brokers: BTreeMap::new(),
            clusters: BTreeMap::new(),
            live: HashMap::new(),
        }
    }
}

impl<C: Clone + PartialEq> RouteTable<C> {
    /// Takes a registration. With `delete_absent` the broker's topics that it does not name are removed.
    ///
    /// Of two addresses with the same name and number the one with the larger state version stays; the other is told
    /// success all the same, as with Apache.
    ///
    /// # Errors
    /// See [`RegisterError`]; nothing has changed then.
    pub fn register(
        &mut self,
        registration: Registration,
        connection: C,
        now_ms: i64,
        delete_absent: bool,
        effects: &mut Vec<Effect<C>>,
    ) -> Result<Registered, RegisterError> {
        let address = Address { cluster: registration.cluster.clone(), address: registration.address.clone() };
        if self.outdated(&registration) {
            tracing::warn!(
                cluster = registration.cluster,
                broker = registration.broker_name,
                id = registration.broker_id,
                "registration of {} is ignored: another address with this name and number has a larger state version",
                registration.address
            );
            self.live.remove(&address);
            return Ok(Registered::default());
        }
        self.admit(&registration, &address)?;

        let first = self.settle_address(&registration, effects);
        let version_changed = self.live.get(&address).is_none_or(|live| live.version != registration.version);
        if self.speaks_for_its_name(&registration) {
            self.take_topics(&registration, first, version_changed, delete_absent);
        }
        Ok(self.keep_alive(registration, address, connection, now_ms))
    }

    /// Whether another address with the same name and number has a larger state version.
    fn outdated(&self, registration: &Registration) -> bool {
        let addresses = self.brokers.get(&registration.broker_name).map(|broker| &broker.broker_addrs);
        let Some(holder) = addresses.and_then(|addresses| addresses.get(&registration.broker_id)) else {
            return false;
        };
        let holder = Address { cluster: registration.cluster.clone(), address: holder.clone() };
        holder.address != registration.address
            && self
                .live
                .get(&holder)
                .is_some_and(|live| live.version.state_version > registration.version.state_version)
    }

    /// Whether there is room, and the broker has registered as a whole before it registers a single topic.
    fn admit(&self, registration: &Registration, address: &Address) -> Result<(), RegisterError> {
        let addresses = self.brokers.get(&registration.broker_name).map(|broker| &broker.broker_addrs);
        let known = addresses.is_some_and(|addresses| addresses.contains_key(&registration.broker_id));
        if !known && registration.topics.len() == 1 {
            tracing::warn!(
                broker = registration.broker_name,
                id = registration.broker_id,
                "a single topic of {} is refused: the broker has not registered as a whole",
                registration.address
            );
            return Err(RegisterError::SingleTopicFirst);
        }
        let too_many_brokers = self.live.len() >= MAX_BROKERS && !self.live.contains_key(address);
        let too_many_queues = self.queue_count + registration.topics.len() > MAX_QUEUES
            && self.queue_count + self.new_queues(registration) > MAX_QUEUES;
        if too_many_brokers || too_many_queues { Err(RegisterError::Full) } else { Ok(()) }
    }

    fn new_queues(&self, registration: &Registration) -> usize {
        let has = |topic: &&TopicConfig| {
            self.topics.get(&topic.topic_name).is_some_and(|queues| queues.contains_key(&registration.broker_name))
        };
        registration.topics.len() - registration.topics.iter().filter(has).count()
    }

    /// Enters the broker's address under its name and cluster. Returns whether this name and number had none before.
    fn settle_address(&mut self, registration: &Registration, effects: &mut Vec<Effect<C>>) -> bool {
        let Registration { cluster, broker_name, broker_id, address, .. } = registration;
        self.clusters.entry(cluster.clone()).or_default().insert(broker_name.clone());
        let broker = self.brokers.entry(broker_name.clone()).or_insert_with(|| BrokerData {
            cluster: cluster.clone(),
            broker_name: broker_name.clone(),
            broker_addrs: BTreeMap::new(),
            zone_name: None,
            enable_acting_master: false,
        });
        broker.enable_acting_master = registration.enable_acting_master.unwrap_or(false);
        broker.zone_name.clone_from(&registration.zone_name);

        let min_before = broker.broker_addrs.keys().next().copied().unwrap_or(MASTER_ID);
        // A slave that became master: the same address must not stay under its old number.
        broker.broker_addrs.retain(|id, known| known != address || id == broker_id);
        let before = broker.broker_addrs.insert(*broker_id, address.clone());
        if *broker_id < min_before {
            effects.extend(min_broker_id_change(broker, None, Some(&registration.ha_server_addr)));
        }
        before.is_none_or(|before| before.is_empty())
    }

    /// A master's topics count, and so do those of the slave with the smallest number where it may stand in for the master.
    fn speaks_for_its_name(&self, registration: &Registration) -> bool {
        registration.broker_id == MASTER_ID || self.is_prime_slave(registration)
    }

    fn is_prime_slave(&self, registration: &Registration) -> bool {
        let min = self.brokers.get(&registration.broker_name).and_then(|broker| broker.broker_addrs.keys().next());
        registration.enable_acting_master.is_some()
            && registration.broker_id != MASTER_ID
            && min == Some(&registration.broker_id)
    }

    fn take_topics(&mut self, registration: &Registration, first: bool, version_changed: bool, delete_absent: bool) {
        let broker_name = registration.broker_name.as_str();
        if delete_absent && registration.mappings.is_empty() {
            let named: BTreeSet<&str> = registration.topics.iter().map(|topic| topic.topic_name.as_str()).collect();
            self.remove_queues(broker_name, |topic| !named.contains(topic));
        }
        // A slave that stands in for its master takes no messages.
        let read_only = registration.enable_acting_master == Some(true) && self.is_prime_slave(registration);
        for topic in &registration.topics {
            let known = self.topics.get(&topic.topic_name).is_some_and(|queues| queues.contains_key(broker_name));
            if first || version_changed || !known {
                self.put_queues(queue_data(broker_name, topic, read_only), &topic.topic_name);
            }
        }
        if first || version_changed {
            for mapping in &registration.mappings {
                let by_broker = self.mappings.entry(mapping.topic.clone()).or_default();
                by_broker.insert(mapping.bname.clone(), mapping.clone());
            }
        }
    }

    fn put_queues(&mut self, queues: QueueData, topic: &str) {
        let by_broker = match self.topics.get_mut(topic) {
            Some(by_broker) => by_broker,
            None => self.topics.entry(topic.to_owned()).or_default(),
        };
        if by_broker.insert(queues.broker_name.clone(), queues).is_none() {
            self.queue_count += 1;
        }
    }

    /// Removes one broker's queues of the chosen topics, and topics that are left without any.
    fn remove_queues(&mut self, broker_name: &str, chosen: impl Fn(&str) -> bool) {
        let mut removed = 0;
        self.topics.retain(|topic, by_broker| {
            if chosen(topic) && by_broker.remove(broker_name).is_some() {
                removed += 1;
            }
            !by_broker.is_empty()
        });
        self.queue_count -= removed;
    }

    fn keep_alive(&mut self, registration: Registration, address: Address, connection: C, now_ms: i64) -> Registered {
        let Registration { broker_name, broker_id, ha_server_addr, timeout_ms, version, filter_servers, .. } =
            registration;
        let before = self.live.remove(&address);
        if before.is_none() {
            tracing::info!(
                cluster = address.cluster,
                broker = broker_name,
                id = broker_id,
                "{} registered",
                address.address
            );
        }
        let filter_servers = filter_servers.or(before.map(|live| live.filter_servers)).unwrap_or_default();
        let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
        let live =
            Live { broker_name, heard_ms: now_ms, timeout_ms, version, connection, ha_server_addr, filter_servers };
        let registered = if broker_id == MASTER_ID { Registered::default() } else { self.master_of(&live, &address) };
        self.live.insert(address, live);
        registered
    }

    fn master_of(&self, slave: &Live<C>, address: &Address) -> Registered {
        let broker = self.brokers.get(&slave.broker_name);
        let Some(master) = broker.and_then(|broker| broker.broker_addrs.get(&MASTER_ID)) else {
            return Registered::default();
        };
        let master = Address { cluster: address.cluster.clone(), address: master.clone() };
        let Some(live) = self.live.get(&master) else {
            return Registered::default();
        };
        Registered { ha_server_addr: Some(live.ha_server_addr.clone()), master_addr: Some(master.address) }
    }
}

fn queue_data(broker_name: &str, topic: &TopicConfig, read_only: bool) -> QueueData {
    QueueData {
        broker_name: broker_name.to_owned(),
        read_queue_nums: topic.read_queue_nums,
        write_queue_nums: topic.write_queue_nums,
        perm: if read_only { topic.perm & !PERM_WRITE } else { topic.perm },
        topic_sys_flag: topic.topic_sys_flag,
    }
}

/// The notice that goes out when a broker with the smallest number has come or left; `None` if nobody is there to hear it.
fn min_broker_id_change<C>(broker: &BrokerData, offline: Option<&str>, ha: Option<&str>) -> Option<Effect<C>> {
    let (&min_broker_id, min_broker_addr) = broker.broker_addrs.first_key_value()?;
    // A newcomer knows already; of a departure everybody is told.
    let everybody = offline.is_some() || broker.broker_addrs.len() == 1;
    let receivers = broker.broker_addrs.iter().filter(|(id, _)| everybody || **id != min_broker_id);
    Some(Effect::NotifyMinBrokerId(MinBrokerIdChange {
        broker_name: broker.broker_name.clone(),
        receivers: receivers.map(|(_, address)| address.clone()).collect(),
        min_broker_id,
        min_broker_addr: min_broker_addr.clone(),
        offline_broker_addr: offline.map(str::to_owned),
        ha_broker_addr: ha.map(str::to_owned),
    }))
}
