use super::*;

pub(super) type Table = RouteTable<u32>;

pub(super) fn topic(name: &str) -> TopicConfig {
    TopicConfig { topic_name: name.to_owned(), read_queue_nums: 4, write_queue_nums: 4, ..TopicConfig::default() }
}

pub(super) fn version(counter: i64) -> DataVersion {
    DataVersion { state_version: 0, timestamp: 7, counter }
}

/// A master named `a` at `a:1` with topics T1 and T2.
pub(super) fn master() -> Registration {
    Registration {
        cluster: "c".to_owned(),
        broker_name: "a".to_owned(),
        broker_id: 0,
        address: "a:1".to_owned(),
        ha_server_addr: "a:2".to_owned(),
        zone_name: None,
        timeout_ms: None,
        enable_acting_master: Some(false),
        version: version(1),
        topics: vec![topic("T1"), topic("T2")],
        mappings: Vec::new(),
        filter_servers: Some(Vec::new()),
    }
}

/// A slave of it with that number.
fn slave(id: i64) -> Registration {
    Registration { broker_id: id, address: format!("s{id}:1"), ha_server_addr: format!("s{id}:2"), ..master() }
}

fn acting(registration: Registration) -> Registration {
    Registration { enable_acting_master: Some(true), ..registration }
}

fn register(
    table: &mut Table,
    registration: Registration,
    connection: u32,
    now_ms: i64,
) -> (Registered, Vec<Effect<u32>>) {
    let mut effects = Vec::new();
    let registered = table.register(registration, connection, now_ms, false, &mut effects).unwrap();
    (registered, effects)
}

fn unregister(table: &mut Table, registration: &Registration) -> Vec<Effect<u32>> {
    let mut effects = Vec::new();
    let Registration { cluster, address, broker_name, broker_id, .. } = registration;
    table.unregister(cluster, address, broker_name, *broker_id, &mut effects);
    effects
}

fn perm(table: &Table, topic: &str) -> i32 {
    table.route(topic, false).unwrap().queue_datas[0].perm
}

fn addresses(table: &Table, broker_name: &str) -> Vec<(i64, String)> {
    table.member_group("c", broker_name).broker_addrs.into_iter().collect()
}

#[test]
fn a_registered_broker_is_on_its_topics_routes() {
    let mut table = Table::default();
    assert_eq!(table.route("T1", false), None);
    register(&mut table, master(), 1, 0);
    let route = table.route("T1", false).unwrap();
    assert_eq!(route.queue_datas, [queue_data("a", &topic("T1"), false)]);
    assert_eq!(route.broker_datas[0].broker_addrs, BTreeMap::from([(0, "a:1".to_owned())]));
    assert_eq!(table.topic_list().topic_list, ["T1", "T2"]);
    assert_eq!(table.topics_of_cluster("c").topic_list, ["T1", "T2"]);
    assert_eq!(table.topics_of_cluster("x").topic_list, [] as [&str; 0]);
    let system = table.system_topic_list();
    assert_eq!((system.topic_list, system.broker_addr), (vec!["a".to_owned(), "c".to_owned()], Some("a:1".to_owned())));
}

#[test]
fn a_single_topic_needs_a_registered_broker() {
    let mut table = Table::default();
    let single = Registration { topics: vec![topic("T3")], ..master() };
    let refused = table.register(single.clone(), 1, 0, false, &mut Vec::new());
    assert_eq!(refused, Err(RegisterError::SingleTopicFirst));
    assert!(table.cluster_info().broker_addr_table.is_empty());
    register(&mut table, master(), 1, 0);
    register(&mut table, single, 1, 0);
    assert_eq!(table.topic_list().topic_list, ["T1", "T2", "T3"]);
}

#[test]
fn topics_change_only_with_their_version() {
    let mut table = Table::default();
    register(&mut table, master(), 1, 0);
    let changed = |counter, perm| Registration {
        version: version(counter),
        topics: vec![TopicConfig { perm, ..topic("T1") }, topic("T3")],
        ..master()
    };
    register(&mut table, changed(1, 4), 1, 0);
    assert_eq!(perm(&table, "T1"), 6);
    assert!(table.route("T3", false).is_some(), "a topic that was not known is entered whatever the version");
    register(&mut table, changed(2, 4), 1, 0);
    assert_eq!(perm(&table, "T1"), 4);
    assert!(table.route("T2", false).is_some());
    assert_eq!(table.version("c", "a:1"), Some(&version(2)));
}

#[test]
fn absent_topics_go_where_that_is_wanted() {
    let mut table = Table::default();
    register(&mut table, master(), 1, 0);
    let fewer = Registration { version: version(2), topics: vec![topic("T2"), topic("T3")], ..master() };
    table.register(fewer, 1, 0, true, &mut Vec::new()).unwrap();
    assert_eq!(table.topic_list().topic_list, ["T2", "T3"]);
}

#[test]
fn a_slave_learns_its_master_and_brings_no_topics() {
    let mut table = Table::default();
    let old = Registration { enable_acting_master: None, topics: vec![topic("S1"), topic("S2")], ..slave(1) };
    let (registered, _) = register(&mut table, old.clone(), 2, 0);
    assert_eq!(registered, Registered::default());
    assert!(table.topic_list().topic_list.is_empty());
    register(&mut table, master(), 1, 0);
    let (registered, _) = register(&mut table, old, 2, 0);
    let expected = Registered { ha_server_addr: Some("a:2".to_owned()), master_addr: Some("a:1".to_owned()) };
    assert_eq!(registered, expected);
    assert_eq!(table.route("T1", false).unwrap().broker_datas[0].broker_addrs.len(), 2);
}

#[test]
fn of_two_addresses_the_larger_state_version_stays() {
    let at = |state_version| DataVersion { state_version, ..version(1) };
    let mut table = Table::default();
    register(&mut table, Registration { version: at(2), ..master() }, 1, 0);
    let (registered, _) =
        register(&mut table, Registration { version: at(1), address: "b:1".to_owned(), ..master() }, 2, 0);
    assert_eq!(registered, Registered::default());
    assert_eq!(addresses(&table, "a"), [(0, "a:1".to_owned())]);
    assert_eq!(table.version("c", "b:1"), None);
    register(&mut table, Registration { version: at(2), address: "b:1".to_owned(), ..master() }, 2, 0);
    assert_eq!(addresses(&table, "a"), [(0, "b:1".to_owned())]);
    // The one that was replaced loses its connection: nothing of the new one goes with it.
    table.closed(&1, &mut Vec::new());
    assert_eq!(addresses(&table, "a"), [(0, "b:1".to_owned())]);
    assert_eq!(table.live.len(), 1);
}

#[test]
fn a_slave_that_becomes_master_keeps_one_number() {
    let mut table = Table::default();
    register(&mut table, slave(1), 1, 0);
    let (_, effects) = register(&mut table, Registration { broker_id: 0, ..slave(1) }, 1, 0);
    assert_eq!(addresses(&table, "a"), [(0, "s1:1".to_owned())]);
    let Effect::NotifyMinBrokerId(change) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!((change.min_broker_id, change.receivers.as_slice()), (0, ["s1:1".to_owned()].as_slice()));
}

#[test]
fn the_last_broker_of_a_name_takes_everything_with_it() {
    let mut table = Table::default();
    register(&mut table, master(), 1, 0);
    let other = Registration {
        broker_name: "b".to_owned(),
        address: "b:1".to_owned(),
        topics: vec![topic("T2"), topic("T3")],
        ..master()
    };
    register(&mut table, other.clone(), 2, 0);
    register(&mut table, slave(1), 3, 0);
    unregister(&mut table, &master());
    assert_eq!(addresses(&table, "a"), [(1, "s1:1".to_owned())]);
    assert_eq!(perm(&table, "T1"), 6, "without acting masters nothing else changes");
    unregister(&mut table, &slave(1));
    assert_eq!(table.route("T1", false), None);
    assert_eq!(table.route("T2", false).unwrap().queue_datas.len(), 1);
    assert_eq!(table.cluster_info().cluster_addr_table["c"], ["b"]);
    unregister(&mut table, &other);
    assert_empty(&table);
}

#[test]
fn a_lost_connection_takes_its_brokers_with_it() {
    let mut table = Table::default();
    register(&mut table, master(), 1, 0);
    register(&mut table, slave(1), 1, 0);
    table.closed(&7, &mut Vec::new());
    assert_eq!(table.live.len(), 2);
    // The master came back through another connection before the old one was found to be gone.
    register(&mut table, master(), 2, 0);
    table.closed(&1, &mut Vec::new());
    assert_eq!(addresses(&table, "a"), [(0, "a:1".to_owned())]);
    table.closed(&2, &mut Vec::new());
    assert_empty(&table);
}

#[test]
fn silence_ends_after_the_time_a_broker_named() {
    let mut table = Table::default();
    register(&mut table, Registration { timeout_ms: Some(10_000), ..master() }, 1, 0);
    register(&mut table, slave(1), 2, 0);
    let expire = |table: &mut Table, now_ms| {
        let mut effects = Vec::new();
        table.expire(now_ms, &mut effects);
        effects
    };
    assert_eq!(expire(&mut table, 10_000), []);
    table.heartbeat("c", "a:1", 5_000);
    table.heartbeat("c", "nobody:1", 5_000);
    assert_eq!(expire(&mut table, 15_000), []);
    assert_eq!(expire(&mut table, 15_001), [Effect::Close(1)]);
    assert_eq!(addresses(&table, "a"), [(1, "s1:1".to_owned())]);
    assert_eq!(expire(&mut table, 120_001), [Effect::Close(2)]);
    assert_empty(&table);
}

#[test]
fn a_slave_stands_in_for_its_master() {
    let mut table = Table::default();
    register(&mut table, acting(master()), 1, 0);
    register(&mut table, acting(slave(1)), 2, 0);
    register(&mut table, acting(slave(2)), 3, 0);
    assert_eq!(perm(&table, "T1"), 6);
    let effects = unregister(&mut table, &master());
    assert_eq!(
        effects,
        [Effect::NotifyMinBrokerId(MinBrokerIdChange {
            broker_name: "a".to_owned(),
            receivers: vec!["s1:1".to_owned(), "s2:1".to_owned()],
            min_broker_id: 1,
            min_broker_addr: "s1:1".to_owned(),
            offline_broker_addr: Some("a:1".to_owned()),
            ha_broker_addr: None,
        })]
    );
    assert_eq!(perm(&table, "T1"), 4);
    let shown =
        |table: &Table, topic: &str, acting| table.route(topic, acting).unwrap().broker_datas[0].broker_addrs.clone();
    assert_eq!(shown(&table, "T1", false).keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(shown(&table, "T1", true), BTreeMap::from([(0, "s1:1".to_owned()), (2, "s2:1".to_owned())]));
    // Its topics come from it now, and stay closed to messages.
    let more = Registration { version: version(2), topics: vec![topic("T1"), topic("T3")], ..acting(slave(1)) };
    register(&mut table, more, 2, 0);
    assert_eq!(perm(&table, "T3"), 4);
    // The master comes back: the others are told, and messages are taken again.
    let (_, effects) = register(&mut table, Registration { version: version(3), ..acting(master()) }, 1, 0);
    let Effect::NotifyMinBrokerId(change) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(change.receivers, ["s1:1", "s2:1"]);
    assert_eq!((change.min_broker_id, change.ha_broker_addr.as_deref()), (0, Some("a:2")));
    assert_eq!(perm(&table, "T1"), 6);
    assert_eq!(shown(&table, "T1", true).len(), 3);
}

#[test]
fn operators_change_permissions() {
    let mut table = Table::default();
    register(&mut table, master(), 1, 0);
    assert_eq!(table.wipe_write_permission("nobody"), 0);
    assert_eq!(table.wipe_write_permission("a"), 2);
    assert_eq!(perm(&table, "T1"), 4);
    register(&mut table, master(), 1, 0);
    assert_eq!(perm(&table, "T1"), 4, "an unchanged registration leaves the operator's wish alone");
    assert_eq!(table.add_write_permission("a"), 2);
    assert_eq!(perm(&table, "T1"), 6);
}

#[test]
fn operators_enter_and_delete_topics() {
    let mut table = Table::default();
    register(&mut table, master(), 1, 0);
    let queues = |broker: &str| queue_data(broker, &topic("x"), false);
    assert_eq!(table.register_topic("T9", vec![queues("a"), queues("zz")]), Err("zz".to_owned()));
    assert_eq!(table.route("T9", false), None);
    assert_eq!(table.register_topic("T9", vec![queues("a")]), Ok(()));
    table.delete_topic_in_cluster("T9", "other");
    assert!(table.route("T9", false).is_some());
    table.delete_topic_in_cluster("T9", "c");
    assert_eq!(table.route("T9", false), None);
    table.delete_topic("T1");
    table.delete_topic("T1");
    assert_eq!(table.topic_list().topic_list, ["T2"]);
    assert_eq!(table.queue_count, 1);
}

#[test]
fn unit_topics_are_told_by_their_flags() {
    let mut table = Table::default();
    let flagged = |name: &str, topic_sys_flag| TopicConfig { topic_sys_flag, ..topic(name) };
    let topics = vec![flagged("none", 0), flagged("unit", 1), flagged("sub", 2), flagged("both", 3)];
    register(&mut table, Registration { topics, ..master() }, 1, 0);
    assert_eq!(table.unit_topics().topic_list, ["both", "unit"]);
    assert_eq!(table.unit_subscription_topics().topic_list, ["both", "sub"]);
    assert_eq!(table.unit_subscription_topics_of_no_unit().topic_list, ["sub"]);
}

#[test]
fn static_topics_and_filter_servers_are_on_the_route() {
    let mut table = Table::default();
    let mapping =
        TopicQueueMappingInfo { topic: "T1".to_owned(), bname: "a".to_owned(), total_queues: 2, ..Default::default() };
    let filter_servers = Some(vec!["f:1".to_owned()]);
    register(&mut table, Registration { mappings: vec![mapping.clone()], filter_servers, ..master() }, 1, 0);
    // An old broker says nothing of filter servers; those it had stay.
    register(&mut table, Registration { filter_servers: None, ..master() }, 1, 0);
    let route = table.route("T1", false).unwrap();
    assert_eq!(route.topic_queue_mapping_by_broker, Some(BTreeMap::from([("a".to_owned(), mapping)])));
    assert_eq!(route.filter_server_table, BTreeMap::from([("a:1".to_owned(), vec!["f:1".to_owned()])]));
    assert_eq!(table.route("T2", false).unwrap().topic_queue_mapping_by_broker, None);
    unregister(&mut table, &master());
    assert_empty(&table);
}

#[test]
fn a_zone_sees_its_own_brokers_and_those_without_a_master() {
    let mut table = Table::default();
    let placed = |name: &str, id, zone: &str| Registration {
        broker_name: name.to_owned(),
        broker_id: id,
        address: format!("{name}:1"),
        zone_name: Some(zone.to_owned()),
        filter_servers: Some(vec![format!("{name}:f")]),
        ..master()
    };
    register(&mut table, placed("near", 0, "z1"), 1, 0);
    register(&mut table, placed("far", 0, "z2"), 2, 0);
    register(&mut table, placed("orphan", 1, "z2"), 3, 0);
    let mut route = table.route("T1", false).unwrap();
    keep_zone(&mut route, "Z1");
    let names: Vec<&str> = route.broker_datas.iter().map(|broker| broker.broker_name.as_str()).collect();
    assert_eq!(names, ["near", "orphan"]);
    assert!(route.queue_datas.iter().all(|queues| queues.broker_name != "far"));
    assert_eq!(route.filter_server_table.keys().collect::<Vec<_>>(), ["near:1", "orphan:1"]);
}

fn assert_empty(table: &Table) {
    let RouteTable { topics, queue_count, mappings, brokers, clusters, live } = table;
    assert!(
        topics.is_empty() && mappings.is_empty() && brokers.is_empty() && clusters.is_empty() && live.is_empty(),
        "{table:?}"
    );
    assert_eq!(*queue_count, 0);
}
