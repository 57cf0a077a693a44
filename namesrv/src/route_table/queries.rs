//! What the name server knows, as it tells it.

use std::collections::{BTreeMap, BTreeSet};

use bolide_remoting::body::{
    BrokerData, BrokerMemberGroup, ClusterInfo, DataVersion, QueueData, TopicList, TopicRouteData,
};

use super::{Address, MASTER_ID, PERM_WRITE, RouteTable};

/// Prefix of the topics by which the brokers of one name find each other; their routes show the brokers as they are.
const SYNC_BROKER_MEMBER_GROUP_PREFIX: &str = "rmq_sys_SYNC_BROKER_MEMBER_";

const UNIT: i32 = 1;
const UNIT_SUBSCRIPTION: i32 = 2;

impl<C: Clone + PartialEq> RouteTable<C> {
    /// Where a topic is. With `acting_master` a slave may be shown in its master's place. `None`: nowhere.
    pub fn route(&self, topic: &str, acting_master: bool) -> Option<TopicRouteData> {
        let by_broker = self.topics.get(topic)?;
        let mut brokers: Vec<BrokerData> =
            by_broker.keys().filter_map(|broker_name| self.brokers.get(broker_name)).cloned().collect();
        if brokers.is_empty() {
            return None;
        }
        let filter_servers = self.filter_servers(&brokers);
        if acting_master && !topic.starts_with(SYNC_BROKER_MEMBER_GROUP_PREFIX) {
            for broker in &mut brokers {
                show_acting_master(broker, by_broker);
            }
        }
        Some(TopicRouteData {
            order_topic_conf: None,
            queue_datas: by_broker.values().cloned().collect(),
            broker_datas: brokers,
            filter_server_table: filter_servers,
            topic_queue_mapping_by_broker: self.mappings.get(topic).cloned(),
        })
    }

    fn filter_servers(&self, brokers: &[BrokerData]) -> BTreeMap<String, Vec<String>> {
        let mut table = BTreeMap::new();
        for broker in brokers {
            for address in broker.broker_addrs.values() {
                let live = self.live.get(&Address { cluster: broker.cluster.clone(), address: address.clone() });
                if let Some(live) = live.filter(|live| !live.filter_servers.is_empty()) {
                    table.insert(address.clone(), live.filter_servers.clone());
                }
            }
        }
        table
    }

    /// All brokers, by cluster and by name.
    pub fn cluster_info(&self) -> ClusterInfo {
        let clusters = self.clusters.iter().map(|(cluster, names)| (cluster.clone(), names.iter().cloned().collect()));
        ClusterInfo { broker_addr_table: self.brokers.clone(), cluster_addr_table: clusters.collect() }
    }

    /// The brokers of one name.
    pub fn member_group(&self, cluster: &str, broker_name: &str) -> BrokerMemberGroup {
        let broker_addrs = self.brokers.get(broker_name).map(|broker| broker.broker_addrs.clone()).unwrap_or_default();
        BrokerMemberGroup { cluster: cluster.to_owned(), broker_name: broker_name.to_owned(), broker_addrs }
    }

    /// The version of the topics that a broker registered last.
    pub fn version(&self, cluster: &str, address: &str) -> Option<&DataVersion> {
        let address = Address { cluster: cluster.to_owned(), address: address.to_owned() };
        self.live.get(&address).map(|live| &live.version)
    }

    /// The names of all topics.
    pub fn topic_list(&self) -> TopicList {
        list(self.topics.keys())
    }

    /// The names of the topics that belong to every cluster: clusters and brokers have topics of their own names.
    pub fn system_topic_list(&self) -> TopicList {
        let address = self.brokers.values().next().and_then(|broker| broker.broker_addrs.values().next());
        let names = self.clusters.keys().chain(self.clusters.values().flatten());
        TopicList { broker_addr: address.cloned(), ..list(names) }
    }

    /// The names of one cluster's topics.
    pub fn topics_of_cluster(&self, cluster: &str) -> TopicList {
        let names = self.clusters.get(cluster);
        self.topics_where(|by_broker| names.is_some_and(|names| by_broker.keys().any(|broker| names.contains(broker))))
    }

    /// The names of the topics that belong to one unit.
    pub fn unit_topics(&self) -> TopicList {
        self.topics_where(|by_broker| has_flag(by_broker, UNIT))
    }

    /// The names of the topics that have subscriptions in units.
    pub fn unit_subscription_topics(&self) -> TopicList {
        self.topics_where(|by_broker| has_flag(by_broker, UNIT_SUBSCRIPTION))
    }

    /// The names of the topics that have subscriptions in units but belong to none.
    pub fn unit_subscription_topics_of_no_unit(&self) -> TopicList {
        self.topics_where(|by_broker| has_flag(by_broker, UNIT_SUBSCRIPTION) && !has_flag(by_broker, UNIT))
    }

    fn topics_where(&self, chosen: impl Fn(&BTreeMap<String, QueueData>) -> bool) -> TopicList {
        list(self.topics.iter().filter(|(_, by_broker)| chosen(by_broker)).map(|(topic, _)| topic))
    }
}

/// The names in order, each once.
fn list<'a>(names: impl Iterator<Item = &'a String>) -> TopicList {
    let names: BTreeSet<&String> = names.collect();
    TopicList { topic_list: names.into_iter().cloned().collect(), broker_addr: None }
}

/// The flags of a topic are those of any of its brokers.
fn has_flag(by_broker: &BTreeMap<String, QueueData>, flag: i32) -> bool {
    by_broker.values().next().is_some_and(|queues| queues.topic_sys_flag & flag != 0)
}

/// Leaves of a route what a client in a zone shall use: the brokers of its zone, and those without a master, wherever they are.
pub(crate) fn keep_zone(route: &mut TopicRouteData, zone_name: &str) {
    let near = |broker: &BrokerData| {
        let same = broker.zone_name.as_deref().is_some_and(|zone| zone.eq_ignore_ascii_case(zone_name));
        same || !broker.broker_addrs.contains_key(&MASTER_ID)
    };
    let (near, far): (Vec<_>, Vec<_>) = std::mem::take(&mut route.broker_datas).into_iter().partition(near);
    route.broker_datas = near;
    route.queue_datas.retain(|queues| !far.iter().any(|broker| broker.broker_name == queues.broker_name));
    for address in far.iter().flat_map(|broker| broker.broker_addrs.values()) {
        route.filter_server_table.remove(address);
    }
}

/// Shows the slave with the smallest number as master, if the master is gone and the topic is closed to messages for that reason.
fn show_acting_master(broker: &mut BrokerData, by_broker: &BTreeMap<String, QueueData>) {
    let writable = by_broker.get(&broker.broker_name).is_none_or(|queues| queues.perm & PERM_WRITE != 0);
    if !broker.enable_acting_master || writable || broker.broker_addrs.contains_key(&MASTER_ID) {
        return;
    }
    if let Some((_, address)) = broker.broker_addrs.pop_first() {
        broker.broker_addrs.insert(MASTER_ID, address);
    }
}
