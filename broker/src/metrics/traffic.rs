//! What passed through the broker: messages, transactions, deliveries by POP, requests.

use bolide_remoting::RequestCode;
use bolide_remoting::latency::{BOUNDS_MS, Kind as Request};

use super::collect::{STORAGE, labels, truth};
use super::exposition::{Exposition, Kind};
use crate::broker::Broker;
use crate::name;
use crate::pop;
use crate::statistics::histogram::Counted;
use crate::statistics::topic_rows::{COMMIT_ENDS, DELAY_ENDS, GroupTraffic, SIZE_ENDS, TopicTraffic};
use crate::transaction;

/// Numbers of a group that are told as counters: name, help, and which.
type GroupCounter = (&'static str, &'static str, fn(&GroupTraffic) -> u64);

const GROUP_COUNTERS: [GroupCounter; 2] = [
    ("rocketmq_messages_out_total", "Messages handed out", |group| group.messages),
    ("rocketmq_throughput_out_total", "Bytes handed out", |group| group.bytes),
];

pub(super) fn put_traffic(page: &mut Exposition, broker: &Broker) {
    let traffic = broker.statistics.traffic();
    put_sizes(page, &traffic, "rocketmq_messages_in_total", "Messages that producers sent", &|counted| {
        counted.counts.iter().sum::<u64>() as f64
    });
    let help = "Bytes that producers sent";
    put_sizes(page, &traffic, "rocketmq_throughput_in_total", help, &|counted| counted.sum as f64);
    let mut family = page.family("rocketmq_message_size", Kind::Histogram, "Bytes of a message that a producer sent");
    for (topic, kind, counted) in sizes(&traffic) {
        family.histogram(&in_labels(topic, &kind), &SIZE_ENDS, counted);
    }
    for (name, help, value) in GROUP_COUNTERS {
        let mut family = page.family(name, Kind::Counter, help);
        for (topic, group) in groups(&traffic) {
            family.sample(&labels(topic, &group.name), value(group) as f64);
        }
    }
    let help = "Messages given up";
    let mut family = page.family("rocketmq_send_to_dlq_messages_total", Kind::Counter, help);
    for (topic, group) in groups(&traffic).filter(|(_, group)| group.dead_letters > 0) {
        let [_, _, _, is_system] = labels(topic, &group.name);
        family.sample(&[("consumer_group", &group.name), ("topic", topic), is_system], group.dead_letters as f64);
    }
    put_timed(page, &traffic);
}

fn groups(traffic: &[TopicTraffic]) -> impl Iterator<Item = (&str, &GroupTraffic)> {
    traffic.iter().flat_map(|topic| topic.groups.iter().map(|group| (topic.name.as_str(), group)))
}

fn sizes(traffic: &[TopicTraffic]) -> impl Iterator<Item = (&str, String, &Counted)> {
    traffic.iter().flat_map(|topic| {
        topic.sizes.iter().map(|(kind, counted)| (topic.name.as_str(), kind.to_string().to_lowercase(), counted))
    })
}

fn in_labels<'a>(topic: &'a str, kind: &'a str) -> [(&'a str, &'a str); 3] {
    [("topic", topic), ("message_type", kind), ("is_system", truth(name::is_system_topic(topic)))]
}

fn put_sizes(
    page: &mut Exposition,
    traffic: &[TopicTraffic],
    name: &'static str,
    help: &'static str,
    value: &dyn Fn(&Counted) -> f64,
) {
    let mut family = page.family(name, Kind::Counter, help);
    for (topic, kind, counted) in sizes(traffic) {
        family.sample(&in_labels(topic, &kind), value(counted));
    }
}

fn put_timed(page: &mut Exposition, traffic: &[TopicTraffic]) {
    let of = |topic| [STORAGE.as_slice(), &[("topic", topic)]].concat();
    let mut family =
        page.family("rocketmq_timer_enqueue_total", Kind::Counter, "Messages that began to wait for a time");
    for (topic, timed) in traffic.iter().filter_map(|topic| Some((&topic.name, topic.timed.as_ref()?))) {
        family.sample(&of(topic), timed.counts.iter().sum::<u64>() as f64);
    }
    let mut family = page.family("rocketmq_timer_dequeue_total", Kind::Counter, "Timed messages delivered");
    for topic in traffic.iter().filter(|topic| topic.delivered > 0) {
        family.sample(&of(&topic.name), topic.delivered as f64);
    }
    let help = "How far ahead messages were timed";
    let mut family = page.family("rocketmq_delay_message_latency_seconds", Kind::Histogram, help);
    for (topic, timed) in traffic.iter().filter_map(|topic| Some((&topic.name, topic.timed.as_ref()?))) {
        family.histogram(&of(topic), &DELAY_ENDS, timed);
    }
}

pub(super) fn put_transactions(page: &mut Exposition, broker: &Broker) {
    let traffic = broker.statistics.traffic();
    let mut family = page.family("rocketmq_half_messages", Kind::Gauge, "Transactions that are open");
    for (topic, count) in transaction::open_by_topic(broker) {
        family.sample(&[("topic", &*topic)], count as f64);
    }
    let committed = || traffic.iter().filter_map(|topic| Some((topic.name.as_str(), topic.commits.as_ref()?)));
    let mut family = page.family("rocketmq_commit_messages_total", Kind::Counter, "Transactions committed");
    for (topic, commits) in committed() {
        family.sample(&[("topic", topic)], commits.counts.iter().sum::<u64>() as f64);
    }
    let mut family = page.family("rocketmq_rollback_messages_total", Kind::Counter, "Transactions rolled back");
    for topic in traffic.iter().filter(|topic| topic.rollbacks > 0) {
        family.sample(&[("topic", &*topic.name)], topic.rollbacks as f64);
    }
    let help = "Seconds from a message to its commit";
    // The unit in the name is Apache's mistake: what it counts are seconds.
    let mut family = page.family("rocketmq_finish_message_latency_milliseconds", Kind::Histogram, help);
    for (topic, commits) in committed() {
        family.histogram(&[("topic", topic)], &COMMIT_ENDS, commits);
    }
}

pub(super) fn put_pop(page: &mut Exposition, broker: &Broker) {
    let traffic = broker.statistics.traffic();
    let mut family = page.family("rocketmq_pop_revive_in_message_total", Kind::Counter, "Entries of POP's journal");
    for (topic, group) in groups(&traffic) {
        for (kind, count) in
            [("CK", group.checkpoints), ("ACK", group.acks)].into_iter().filter(|(_, count)| *count > 0)
        {
            let labels = [
                ("consumer_group", &*group.name),
                ("topic", topic),
                ("revive_message_type", kind),
                ("put_status", "PUT_OK"),
            ];
            family.sample(&labels, count as f64);
        }
    }
    let help = "Popped messages stored for another delivery";
    let mut family = page.family("rocketmq_pop_revive_retry_messages_total", Kind::Counter, help);
    for (topic, group) in groups(&traffic).filter(|(_, group)| group.revived > 0) {
        let labels = [("consumer_group", &*group.name), ("topic", topic), ("put_status", "PUT_OK")];
        family.sample(&labels, group.revived as f64);
    }
    let journal = pop::journal_progress(broker);
    for (name, help, value) in [
        ("rocketmq_pop_revive_lag_milliseconds", "Entries of the journal that are still needed", 1),
        ("rocketmq_pop_revive_latency_milliseconds", "How late the oldest delivery is that is due", 2),
    ] {
        let mut family = page.family(name, Kind::Gauge, help);
        for (queue, entries, late_ms) in &journal {
            let value = if value == 1 { *entries } else { *late_ms };
            family.sample(&[("queue_id", &queue.to_string())], value as f64);
        }
    }
    // Acknowledgements are not buffered here: what there is of them is in the journal.
    page.single("rocketmq_pop_offset_buffer_size", Kind::Gauge, "Offsets that are buffered", 0.0);
    let in_flight = pop::in_flight(broker) as f64;
    page.single(
        "rocketmq_pop_checkpoint_buffer_size",
        Kind::Gauge,
        "Popped messages that are not acknowledged",
        in_flight,
    );
}

pub(super) fn put_latencies(page: &mut Exposition, broker: &Broker) {
    let mut family =
        page.family("rocketmq_rpc_latency_milliseconds", Kind::Histogram, "Time from a request to its answer");
    for latency in broker.latencies.all() {
        let Request { request, response, parked, oneway } = latency.kind;
        let name = |name: Option<&'static str>, code: i32| name.map_or(code.to_string(), str::to_lowercase);
        let (request_name, response_name) = (name(request.name(), request.0), name(response.name(), response.0));
        let labels = [
            ("protocol_type", "remoting"),
            ("request_code", request_name.as_str()),
            ("response_code", response_name.as_str()),
            ("is_long_polling", truth(parked && waits_for_messages(request))),
            ("result", if oneway { "oneway" } else { "success" }),
        ];
        family.histogram(&labels, &BOUNDS_MS, &Counted { counts: latency.counts.to_vec(), sum: latency.sum_ms });
    }
}

fn waits_for_messages(request: RequestCode) -> bool {
    matches!(
        request,
        RequestCode::PULL_MESSAGE
            | RequestCode::LITE_PULL_MESSAGE
            | RequestCode::POP_MESSAGE
            | RequestCode::NOTIFICATION
    )
}
