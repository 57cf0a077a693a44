//! The table of rows against one that adds up a list of all that happened.

use proptest::prelude::*;

use super::*;

const TOPICS: [&str; 3] = ["orders", "%RETRY%billing", "rmq_sys_wheel_timer"];
const GROUPS: [&str; 2] = ["billing", "shipping"];
const CLUSTER: &str = "DefaultCluster";

#[derive(Debug, Clone, Copy)]
enum Step {
    Put { topic: usize, bytes: u32 },
    Get { topic: usize, group: usize, messages: usize },
    Ack { topic: usize, group: usize },
    RemoveTopic(usize),
    RemoveGroup(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_usize, 1..500_u32).prop_map(|(topic, bytes)| Step::Put { topic, bytes }),
        8 => (0..3_usize, 0..2_usize, 0..4_usize)
            .prop_map(|(topic, group, messages)| Step::Get { topic, group, messages }),
        4 => (0..3_usize, 0..2_usize).prop_map(|(topic, group)| Step::Ack { topic, group }),
        1 => (0..3_usize).prop_map(Step::RemoveTopic),
        1 => (0..2_usize).prop_map(Step::RemoveGroup),
    ];
    prop::collection::vec(step, 0..60)
}

fn carry_out(statistics: &Statistics, step: Step, now_ms: i64) {
    match step {
        Step::Put { topic, bytes } => statistics.arrived(&[arrival(TOPICS[topic], bytes, now_ms)]),
        Step::Get { topic, group, messages } => {
            let got = Got { topic: TOPICS[topic], group: GROUPS[group], messages, bytes: messages * 100 };
            statistics.got(got, now_ms);
        }
        Step::Ack { topic, group } => statistics.acknowledged(TOPICS[topic], GROUPS[group], 1, now_ms),
        Step::RemoveTopic(topic) => statistics.remove_topic(TOPICS[topic]),
        Step::RemoveGroup(group) => statistics.remove_group(GROUPS[group]),
    }
}

fn arrival(topic: &str, bytes: u32, store_ms: i64) -> Arrival {
    let (queue, max_offset) = (bolide_store::QueueId(0), bolide_store::QueueOffset(1));
    Arrival { topic: topic.into(), queue, max_offset, tags_code: 0, store_ms, messages: 1, bytes: bytes.into() }
}

/// What the steps add up to for a name and a key; `None` where nothing is counted since the last removal.
fn model(steps: &[Step], name: &str, topic: usize, group: usize) -> Option<u64> {
    let mut sum = None;
    for step in steps {
        let added = match (name, *step) {
            ("TOPIC_PUT_NUMS", Step::Put { topic: t, .. }) if t == topic => Some(1),
            ("TOPIC_PUT_SIZE", Step::Put { topic: t, bytes }) if t == topic => Some(u64::from(bytes)),
            // A topic's row is there as soon as something is counted of one of its groups.
            ("TOPIC_PUT_NUMS" | "TOPIC_PUT_SIZE", Step::Ack { topic: t, .. }) if t == topic => Some(0),
            ("TOPIC_PUT_NUMS" | "TOPIC_PUT_SIZE", Step::Get { topic: t, messages: 1.., .. }) if t == topic => Some(0),
            ("GROUP_GET_NUMS", Step::Get { topic: t, group: g, messages }) if (t, g) == (topic, group) => {
                (messages > 0).then_some(messages as u64)
            }
            ("GROUP_GET_NUMS", Step::Ack { topic: t, group: g }) if (t, g) == (topic, group) => Some(0),
            (_, Step::RemoveTopic(t)) if t == topic => {
                sum = None;
                None
            }
            ("GROUP_GET_NUMS", Step::RemoveGroup(g)) if g == group => {
                sum = None;
                None
            }
            _ => None,
        };
        sum = added.map_or(sum, |added| Some(sum.unwrap_or(0) + added));
    }
    sum
}

proptest! {
    #[test]
    fn rows_hold_what_was_added_to_them(steps in steps()) {
        let statistics = Statistics::new(0);
        for step in &steps {
            carry_out(&statistics, *step, 1_000);
        }
        for (topic, topic_name) in TOPICS.iter().enumerate() {
            for (group, group_name) in GROUPS.iter().enumerate() {
                let pair = format!("{topic_name}@{group_name}");
                for (name, key) in [("TOPIC_PUT_NUMS", *topic_name), ("TOPIC_PUT_SIZE", *topic_name), ("GROUP_GET_NUMS", &pair)] {
                    let view = statistics.view(name, key, CLUSTER, 1_000);
                    let sums = view.map(|data| [data.stats_minute.sum, data.stats_hour.sum, data.stats_day.sum]);
                    let expected = model(&steps, name, topic, group).map(|sum| [sum as i64; 3]);
                    prop_assert_eq!(sums, expected, "{} {}", name, key);
                }
            }
        }
        let all = steps.iter().filter(|step| matches!(step, Step::Put { .. })).count() as i64;
        let user = steps.iter().filter(|step| matches!(step, Step::Put { topic: 0 | 1, .. })).count() as i64;
        let sum = |name| statistics.view(name, CLUSTER, CLUSTER, 1_000).map(|data| data.stats_day.sum);
        prop_assert_eq!(sum("BROKER_PUT_NUMS"), Some(all));
        prop_assert_eq!(sum("BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC"), Some(user));
        let pairs: usize = statistics.topics.read().values().map(|rows| rows.groups.read().len()).sum();
        prop_assert_eq!(pairs, statistics.pairs.load(Relaxed));
    }
}

#[test]
fn rates_and_averages_are_those_of_the_window() {
    let statistics = Statistics::new(0);
    let put = |now_ms| statistics.arrived(&[arrival("orders", 300, now_ms), arrival("orders", 100, now_ms)]);
    put(0);
    for second in 1..=601 {
        statistics.tick(&StoreStatistics { puts: second * 3, ..StoreStatistics::default() }, 0, second as i64 * 1_000);
    }
    put(601_000);
    let size = statistics.view("TOPIC_PUT_SIZE", "orders", CLUSTER, 601_000).unwrap();
    assert_eq!((size.stats_minute.sum, size.stats_minute.avgpt), (400, 200.0));
    assert_eq!((size.stats_hour.sum, size.stats_day.sum), (800, 800));
    assert_eq!(statistics.topic_put_tps("orders", 601_000), 2.0 / 51.0);
    let overview = statistics.overview();
    assert_eq!(overview.puts(), [Some(3.0); 3]);
    assert_eq!(overview.transferred(), [Some(0.0); 3]);
}

#[test]
fn totals_are_of_clients_topics() {
    let statistics = Statistics::new(0);
    for topic in ["orders", "RMQ_SYS_TRACE_TOPIC"] {
        statistics.arrived(&[arrival(topic, 1, 0)]);
        let got = Got { topic, group: "billing", messages: 2, bytes: 2 };
        statistics.got(got, 0);
        statistics.waited_for_disk(got, 7, 0);
    }
    let overview = statistics.overview();
    assert_eq!((overview.now, overview.longest_read_ms), (Totals { put: 1, got: 2 }, 7));
}

#[test]
fn there_are_at_most_so_many_rows() {
    let statistics = Statistics::new(0);
    for number in 0..MOST_ROWS + 5 {
        statistics.arrived(&[arrival(&format!("topic-{number}"), 1, 0)]);
        let group = format!("group-{number}");
        statistics.got(Got { topic: "topic-0", group: &group, messages: 1, bytes: 1 }, 0);
    }
    assert_eq!(statistics.topics.read().len(), MOST_ROWS);
    assert_eq!(statistics.pairs.load(Relaxed), MOST_ROWS);
    let counted = statistics.view("BROKER_PUT_NUMS", CLUSTER, CLUSTER, 0).unwrap();
    assert_eq!(counted.stats_minute.sum, (MOST_ROWS + 5) as i64);
}

#[test]
fn rows_are_forgotten_after_a_day_without_counting() {
    let statistics = Statistics::new(0);
    statistics.got(Got { topic: "orders", group: "billing", messages: 1, bytes: 1 }, 0);
    for hour in 1..=25 {
        let now_ms = hour * 3_600_000;
        statistics.arrived(&[arrival("orders", 1, now_ms)]);
        statistics.tick(&StoreStatistics::default(), 0, now_ms);
    }
    assert_eq!(statistics.pairs.load(Relaxed), 0);
    assert!(statistics.view("TOPIC_PUT_NUMS", "orders", CLUSTER, 25 * 3_600_000).is_some());
}
