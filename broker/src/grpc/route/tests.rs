use super::*;
use bolide_remoting::body::BrokerData;

fn route(brokers: &[(&str, i32, i32, i32)]) -> TopicRouteData {
    let queues = |(name, perm, read, write): &(&str, i32, i32, i32)| QueueData {
        broker_name: (*name).to_owned(),
        read_queue_nums: *read,
        write_queue_nums: *write,
        perm: *perm,
        topic_sys_flag: 0,
    };
    let data = |(name, ..): &(&str, i32, i32, i32)| BrokerData {
        broker_name: (*name).to_owned(),
        broker_addrs: [(MASTER, format!("{name}:10911"))].into(),
        ..BrokerData::default()
    };
    TopicRouteData {
        queue_datas: brokers.iter().map(queues).collect(),
        broker_datas: brokers.iter().map(data).collect(),
        ..TopicRouteData::default()
    }
}

fn at(address: &str) -> Option<Endpoints> {
    endpoint::of_filter_servers(&[format!("grpc://{}", address.replace("10911", "8081"))], None)
}

#[test]
fn each_broker_has_its_own_endpoint_and_those_without_are_left_out() {
    let route = route(&[("b", 6, 1, 1), ("a", 6, 1, 1), ("c", 6, 1, 1)]);
    let parts = split(&route, |address| at(address).filter(|_| !address.starts_with('c')));
    let hosts: Vec<&str> =
        parts.iter().map(|part| part.broker.endpoints.as_ref().unwrap().addresses[0].host.as_str()).collect();
    assert_eq!(hosts, ["a", "b"]);
}

#[test]
fn queues_are_numbered_as_apache_numbers_them() {
    let of = |perm, read, write| {
        let parts = split(&route(&[("a", perm, read, write)]), at);
        let found: Vec<(i32, Permission)> =
            queues(&parts[0], None, &[]).map(|queue| (queue.id, queue.permission())).collect();
        found
    };
    let (read, write, both) = (Permission::Read, Permission::Write, Permission::ReadWrite);
    assert_eq!(of(6, 3, 2), [(0, read), (1, both), (2, both)]);
    assert_eq!(of(6, 1, 2), [(0, write), (1, both)]);
    assert_eq!(of(4, 1, 2), [(0, read)]);
    assert_eq!(of(2, 1, 2), [(0, write), (1, write)]);
    assert_eq!(of(0, 0, 0), [(0, Permission::None)]);
}
