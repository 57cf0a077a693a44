use super::*;
use bolide_remoting::body::QueueData;

#[test]
fn a_group_in_order_gets_each_queue_and_others_the_broker() {
    let ids = |perm, read_queue_nums, in_order| {
        let queues = QueueData { perm, read_queue_nums, ..QueueData::default() };
        let part = Part { broker: Default::default(), queues };
        let all = assignments(&part, None, in_order).into_iter().flat_map(|assigned| assigned.message_queue);
        all.map(|queue| queue.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(6, 3, true), [0, 1, 2]);
    assert_eq!(ids(6, 3, false), [-1]);
    assert!(ids(2, 3, false).is_empty(), "not readable");
    assert!(ids(6, 0, false).is_empty());
}
