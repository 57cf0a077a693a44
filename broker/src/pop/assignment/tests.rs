use super::*;

fn queues(brokers: &[(&str, i32)]) -> Vec<MessageQueue> {
    let queue = |broker: &str, queue_id| MessageQueue { topic: "t".into(), broker_name: broker.into(), queue_id };
    brokers.iter().flat_map(|(broker, count)| (0..*count).map(move |id| queue(broker, id))).collect()
}

fn clients(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("c{index}")).collect()
}

fn ids(queues: &[MessageQueue]) -> Vec<i32> {
    queues.iter().map(|queue| queue.queue_id).collect()
}

#[test]
fn queues_are_distributed_as_java_does() {
    let (queues, clients) = (queues(&[("a", 8)]), clients(3));
    let of = |strategy: Strategy, client: &str| ids(&strategy.allocate(&queues, &clients, client));
    assert_eq!(of(Strategy::Averagely, "c0"), [0, 1, 2]);
    assert_eq!(of(Strategy::Averagely, "c1"), [3, 4, 5]);
    assert_eq!(of(Strategy::Averagely, "c2"), [6, 7]);
    assert_eq!(of(Strategy::ByCircle, "c1"), [1, 4, 7]);
    assert!(of(Strategy::ByCircle, "stranger").is_empty());
}

#[test]
fn more_clients_than_queues_leave_some_without() {
    let (queues, clients) = (queues(&[("a", 2)]), clients(3));
    let of = |client: &str| ids(&Strategy::Averagely.allocate(&queues, &clients, client));
    assert_eq!((of("c0"), of("c1"), of("c2")), (vec![0], vec![1], vec![]));
}

#[test]
fn whoever_pops_shares_queues() {
    let (queues, clients) = (queues(&[("a", 4), ("b", 4)]), clients(4));
    let of = |client: &str, share| allocate_for_pop(Strategy::Averagely, &queues, &clients, client, share);
    let everything = of("c0", 0);
    assert_eq!(ids(&everything), [-1, -1], "one entry for each broker");
    assert_eq!(of("c0", 3), everything);
    assert_eq!(ids(&of("c3", 1)), [2, 3, 0, 1], "its own and those of the client after it");
    let few = &queues[..2];
    assert_eq!(ids(&allocate_for_pop(Strategy::Averagely, few, &clients, "c3", 1)), [1]);
}
