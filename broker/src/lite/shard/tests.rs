use bolide_remoting::body::QueueData;

use super::*;

/// Message groups, numbers of queues, and the queue.
const GUAVA: [(&str, i32, i32); 16] = [
    ("a", 1, 0),
    ("a", 4, 0),
    ("a", 8, 0),
    ("a", 100, 29),
    ("group-1", 1, 0),
    ("group-1", 4, 1),
    ("group-1", 8, 7),
    ("group-1", 100, 36),
    ("order-7", 1, 0),
    ("order-7", 4, 0),
    ("order-7", 8, 4),
    ("order-7", 100, 89),
    ("用户", 1, 0),
    ("用户", 4, 3),
    ("用户", 8, 3),
    ("用户", 100, 59),
];

#[test]
fn a_groups_queue_is_the_one_that_guava_chooses() {
    // Computed by Guava's Hashing.consistentHash.
    for (key, buckets, bucket) in GUAVA {
        assert_eq!(consistent_hash(java_hash(key), buckets), bucket, "{key} among {buckets}");
    }
}

#[test]
fn a_lite_topic_has_one_broker_of_those_that_take_messages() {
    let data = |name: &str, queues| QueueData {
        broker_name: name.to_owned(),
        write_queue_nums: queues,
        ..QueueData::default()
    };
    let mut route =
        TopicRouteData { queue_datas: vec![data("b", 3), data("a", 1), data("c", 0)], ..TopicRouteData::default() };
    // "group-1" is the second of four, "a" and "order-7" the first.
    assert_eq!(["a", "order-7", "group-1"].map(|name| broker_of(&route, name)), [Some("a"), Some("a"), Some("b")]);
    route.queue_datas.clear();
    assert_eq!(broker_of(&route, "a"), None);
}
