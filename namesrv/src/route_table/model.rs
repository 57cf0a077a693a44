//! The table against a naive one, over random histories.

use proptest::prelude::*;

use super::tests::{Table, master, topic, version};
use super::*;

/// What must hold whatever happened.
fn assert_consistent(table: &Table) {
    assert_eq!(table.queue_count, table.topics.values().map(BTreeMap::len).sum::<usize>());
    for (topic, by_broker) in &table.topics {
        assert!(!by_broker.is_empty(), "{topic} is without brokers");
        for (name, queues) in by_broker {
            assert!(table.brokers.contains_key(name), "{topic} is on {name}, which is unknown");
            assert_eq!(&queues.broker_name, name);
        }
    }
    for (name, broker) in &table.brokers {
        let mut addresses: Vec<&String> = broker.broker_addrs.values().collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert!(!addresses.is_empty(), "{name} has no brokers");
        assert_eq!(addresses.len(), broker.broker_addrs.len(), "an address of {name} has two numbers");
        assert!(table.clusters.values().any(|names| names.contains(name)), "{name} is in no cluster");
    }
    for (cluster, names) in &table.clusters {
        assert!(!names.is_empty(), "{cluster} is empty");
        assert!(names.iter().all(|name| table.brokers.contains_key(name)), "{cluster} names unknown brokers");
    }
}

/// The same rules over flat lists, for brokers of one cluster that know nothing of acting masters, and nothing is fast.
#[derive(Default)]
struct Naive {
    /// Name, number, address.
    brokers: Vec<(String, i64, String)>,
    /// Address, name, connection, when heard of, for how long it lives, version.
    live: Vec<(String, String, u32, i64, i64, DataVersion)>,
    /// Topic, broker name, permission.
    queues: Vec<(String, String, i32)>,
}

impl Naive {
    fn register(&mut self, r: &Registration, connection: u32, now_ms: i64) {
        let holder = self.brokers.iter().find(|(name, id, _)| *name == r.broker_name && *id == r.broker_id).cloned();
        if let Some((_, _, address)) = &holder
            && *address != r.address
            && self.live.iter().any(|live| live.0 == *address && live.5.state_version > r.version.state_version)
        {
            self.live.retain(|live| live.0 != r.address);
            return;
        }
        if holder.is_none() && r.topics.len() == 1 {
            return;
        }
        self.brokers
            .retain(|(name, id, address)| *name != r.broker_name || (*address != r.address && *id != r.broker_id));
        self.brokers.push((r.broker_name.clone(), r.broker_id, r.address.clone()));
        let same_version = self.live.iter().any(|live| live.0 == r.address && live.5 == r.version);
        if r.broker_id == 0 {
            for topic in &r.topics {
                let place = self.queues.iter().position(|q| q.0 == topic.topic_name && q.1 == r.broker_name);
                match place {
                    Some(_) if holder.is_some() && same_version => {}
                    Some(place) => self.queues[place].2 = topic.perm,
                    None => self.queues.push((topic.topic_name.clone(), r.broker_name.clone(), topic.perm)),
                }
            }
        }
        self.live.retain(|live| live.0 != r.address);
        let timeout = r.timeout_ms.unwrap_or(120_000);
        self.live.push((r.address.clone(), r.broker_name.clone(), connection, now_ms, timeout, r.version));
    }

    fn unregister(&mut self, name: &str, address: &str) {
        self.live.retain(|live| live.0 != address);
        self.brokers.retain(|broker| broker.0 != name || broker.2 != address);
        self.clean();
    }

    fn lose(&mut self, gone: impl Fn(&(String, String, u32, i64, i64, DataVersion)) -> bool) {
        let lost: Vec<_> = self.live.iter().filter(|live| gone(live)).cloned().collect();
        for (address, name, ..) in lost {
            self.unregister(&name, &address);
        }
    }

    fn clean(&mut self) {
        let brokers = &self.brokers;
        self.queues.retain(|queue| brokers.iter().any(|broker| broker.0 == queue.1));
    }

    fn route(&self, topic: &str) -> Option<Seen> {
        let mut queues: Vec<_> = self.queues.iter().filter(|q| q.0 == topic).map(|q| (q.1.clone(), q.2)).collect();
        queues.sort();
        let mut brokers: Vec<_> = self.brokers.iter().filter(|b| queues.iter().any(|q| q.0 == b.0)).cloned().collect();
        brokers.sort();
        (!queues.is_empty()).then_some((queues, brokers))
    }
}

/// A route, flat: broker names with permissions, and names, numbers and addresses.
type Seen = (Vec<(String, i32)>, Vec<(String, i64, String)>);

fn seen(table: &Table, topic: &str) -> Option<Seen> {
    let route = table.route(topic, false)?;
    let queues = route.queue_datas.into_iter().map(|queues| (queues.broker_name, queues.perm)).collect();
    let brokers = route.broker_datas.into_iter().flat_map(|broker| {
        let name = broker.broker_name;
        broker.broker_addrs.into_iter().map(move |(id, address)| (name.clone(), id, address))
    });
    Some((queues, brokers.collect()))
}

#[derive(Debug, Clone)]
enum Event {
    Register { registration: Box<Registration>, connection: u32 },
    Unregister { name: usize, id: i64, address: usize },
    Close(u32),
    Heartbeat(usize),
    Pass(i64),
}

const NAMES: [&str; 2] = ["a", "b"];
const ADDRESSES: [&str; 4] = ["1:1", "2:1", "3:1", "4:1"];
const TOPICS: [&str; 3] = ["T1", "T2", "T3"];

fn registration() -> impl Strategy<Value = Registration> {
    let topics = prop::collection::vec((0..TOPICS.len(), 4..=6_i32), 0..4);
    let timeout = prop::option::of(Just(1_000_i64));
    (0..NAMES.len(), 0..3_i64, 0..ADDRESSES.len(), topics, 0..3_i64, 0..2_i64, timeout).prop_map(
        |(name, broker_id, address, topics, counter, state_version, timeout_ms)| {
            let topics: BTreeMap<usize, i32> = topics.into_iter().collect();
            Registration {
                broker_name: NAMES[name].to_owned(),
                broker_id,
                // Every name has addresses of its own: that one process has two names does not happen.
                address: format!("{}{}", NAMES[name], ADDRESSES[address]),
                topics: topics.into_iter().map(|(place, perm)| TopicConfig { perm, ..topic(TOPICS[place]) }).collect(),
                version: DataVersion { state_version, ..version(counter) },
                timeout_ms,
                enable_acting_master: None,
                ..master()
            }
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (registration(), 0..4_u32)
            .prop_map(|(registration, connection)| Event::Register { registration: Box::new(registration), connection }),
        1 => (0..NAMES.len(), 0..3_i64, 0..ADDRESSES.len()).prop_map(|(name, id, address)| Event::Unregister { name, id, address }),
        1 => (0..4_u32).prop_map(Event::Close),
        1 => (0..ADDRESSES.len()).prop_map(Event::Heartbeat),
        2 => (0..800_i64).prop_map(Event::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn behaves_as_the_naive_table_does(events in prop::collection::vec(event(), 1..60)) {
        let (mut table, mut naive, mut now_ms) = (Table::default(), Naive::default(), 0);
        for event in events {
            let mut effects = Vec::new();
            match event {
                Event::Register { registration, connection } => {
                    naive.register(&registration, connection, now_ms);
                    let _ = table.register(*registration, connection, now_ms, false, &mut effects);
                }
                Event::Unregister { name, id, address } => {
                    let address = format!("{}{}", NAMES[name], ADDRESSES[address]);
                    naive.unregister(NAMES[name], &address);
                    table.unregister("c", &address, NAMES[name], id, &mut effects);
                }
                Event::Close(connection) => {
                    naive.lose(|live| live.2 == connection);
                    table.closed(&connection, &mut effects);
                }
                Event::Heartbeat(address) => {
                    let address = format!("a{}", ADDRESSES[address]);
                    naive.live.iter_mut().filter(|live| live.0 == address).for_each(|live| live.3 = now_ms);
                    table.heartbeat("c", &address, now_ms);
                }
                Event::Pass(passed_ms) => {
                    now_ms += passed_ms;
                    naive.lose(|live| live.3 + live.4 < now_ms);
                    table.expire(now_ms, &mut effects);
                }
            }
            assert_consistent(&table);
            for topic in TOPICS {
                prop_assert_eq!(seen(&table, topic), naive.route(topic), "{}", topic);
            }
            let mut live: Vec<&str> = naive.live.iter().map(|live| live.0.as_str()).collect();
            live.sort_unstable();
            let mut believed: Vec<&str> = table.live.keys().map(|address| address.address.as_str()).collect();
            believed.sort_unstable();
            prop_assert_eq!(believed, live);
        }
    }
}
