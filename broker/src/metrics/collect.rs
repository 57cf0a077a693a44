//! Asks the rooms for their numbers and writes the page. Names, units and labels are those of Apache 5.5.0's broker, as its own page
//! shows them; names that begin with `bolide_` are ours.

use bolide_proto::opentelemetry::ExportMetricsServiceRequest;
use bolide_store::{PUT_TIMES_MS, QueueId, QueueOffset};

use super::clients::put_clients;
use super::exposition::{Exposition, Kind};
use super::traffic::{put_latencies, put_pop, put_traffic, put_transactions};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::name;
use crate::statistics::LATENESS_ENDS_MS;
use crate::statistics::histogram::Counted;
use crate::timer;

/// The most queues that are told of one by one, over all groups: what monitors read every few seconds must stay small.
const MOST_QUEUES: usize = 10_000;

/// The whole page. May wait for the disk, which the age of the log's oldest message is read from.
pub(crate) fn collect(broker: &Broker) -> String {
    let config = broker.config.snapshot();
    let mut page = Exposition::new(&common(&config));
    put_all(&mut page, broker);
    page.into_text()
}

/// The same for a collector of OpenTelemetry.
pub(super) fn collect_for_open_telemetry(broker: &Broker) -> Vec<ExportMetricsServiceRequest> {
    let config = broker.config.snapshot();
    let started_ms = broker.statistics.overview().started_ms;
    let mut page = Exposition::open_telemetry(&common(&config), started_ms, broker.clock.now_ms());
    put_all(&mut page, broker);
    page.into_collected().map_or_else(Vec::new, |collected| collected.into_requests())
}

/// What each sample says of the broker: what Apache's says, and what the operator adds (`metricsLabel`).
fn common(config: &BrokerConfig) -> Vec<(&str, &str)> {
    let own = [("cluster", &*config.broker_cluster_name), ("node_id", &*config.broker_name), ("node_type", "broker")];
    let is_label = |(name, _): &(&str, &str)| {
        let letters = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
        name.chars().all(letters) && name.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic())
    };
    let added = config.metrics_label.split(',').filter_map(|label| label.split_once(':'));
    let added = added.map(|(name, value)| (name.trim(), value.trim())).filter(is_label);
    let is_new = |(name, _): &(&str, &str)| own.iter().all(|(known, _)| known != name);
    own.into_iter().chain(added.filter(is_new)).collect()
}

fn put_all(page: &mut Exposition, broker: &Broker) {
    put_broker(page, broker);
    put_store(page, broker);
    put_traffic(page, broker);
    put_transactions(page, broker);
    put_pop(page, broker);
    put_latencies(page, broker);
    put_clients(page, broker);
    put_progress(page, broker);
    put_timers(page, broker);
}

fn put_broker(page: &mut Exposition, broker: &Broker) {
    let permission = broker.config.get().broker_permission;
    page.single("rocketmq_broker_permission", Kind::Gauge, "Broker permission", permission.into());
    page.single("rocketmq_topic_number", Kind::Gauge, "Active topic number", broker.topics.count() as f64);
    let groups = broker.groups.count() as f64;
    page.single("rocketmq_consumer_group_number", Kind::Gauge, "Active subscription group number", groups);
    let mut family = page.family("rocketmq_processor_watermark", Kind::Gauge, "Requests that wait inside the broker");
    for (processor, waiting) in [
        ("send", broker.waiting_sends.lock().len()),
        ("pull", broker.slow_requests.count()),
        // Requests of all other kinds are handled where they are read.
        ("admin", 0),
    ] {
        family.sample(&[("processor", processor)], waiting as f64);
    }
}

fn put_store(page: &mut Exposition, broker: &Broker) {
    let (store, health) = (&broker.store, broker.store.health());
    let size = store.max_physical_offset().0 - store.min_physical_offset().0;
    let mut gauge = |name, help, value| page.family(name, Kind::Gauge, help).sample(&STORAGE, value);
    gauge("rocketmq_storage_size_bytes", "Bytes of the commit log", size as f64);
    gauge("rocketmq_storage_flush_behind_bytes", "Bytes not on the disk yet", health.flush_behind_bytes as f64);
    gauge("rocketmq_storage_dispatch_behind_bytes", "Bytes not in the queues yet", health.dispatch_behind_bytes as f64);
    if let Ok(Some(oldest_ms)) = store.earliest_log_time() {
        let kept_ms = (broker.clock.now_ms() - oldest_ms).max(0) as f64;
        gauge("rocketmq_storage_message_reserve_time_milliseconds", "Age of the oldest message", kept_ms);
    }
    let accepts = f64::from(u8::from(health.refusal.is_none() && health.nearly_full.is_none()));
    page.single("bolide_storage_accepts_messages", Kind::Gauge, "1, or 0 while all messages are refused", accepts);
    let counts = store.statistics();
    for (name, help, count) in [
        ("bolide_storage_refused_messages_total", "Puts refused", counts.put_failures),
        ("bolide_storage_damaged_messages_total", "Messages left out because of damage", counts.damaged_messages),
    ] {
        page.single(name, Kind::Counter, help, count as f64);
    }
    let ends = PUT_TIMES_MS.map(i64::unsigned_abs);
    for (name, help, times, sum) in [
        (
            "bolide_storage_put_wait_milliseconds",
            "Waits of puts for their place in the log",
            counts.put_times,
            counts.put_ms,
        ),
        ("bolide_storage_flush_milliseconds", "Syncs of the commit log", counts.flush_times, counts.flush_ms),
    ] {
        page.family(name, Kind::Histogram, help).histogram(&[], &ends, &Counted { counts: times.to_vec(), sum });
    }
    let scrub = store.scrub_progress();
    let help = "Bytes of full segments compared with checksums";
    page.single("bolide_scrub_read_bytes_total", Kind::Counter, help, scrub.read_bytes as f64);
    page.single(
        "bolide_scrub_damages",
        Kind::Gauge,
        "Damaged places found in the segments there are",
        scrub.damages as f64,
    );
    let follows = f64::from(u8::from(health.dispatch_error.is_none()));
    let help = "1, or 0 while queues and index cannot follow the log";
    page.single("bolide_storage_queues_follow", Kind::Gauge, help, follows);
}

/// How far a group is with a topic.
#[derive(Default)]
struct Progress {
    /// Not consumed yet.
    lag: i64,
    /// Handed out, but not consumed yet.
    in_flight: i64,
    /// Not handed out yet.
    ready: i64,
    /// Age of the oldest message that is not consumed, and of the oldest that is not handed out. `None`: that would have to be
    /// read from the disk, and monitoring must not push out of memory what consumers need.
    lag_ms: Option<i64>,
    queueing_ms: Option<i64>,
    queues: Vec<(i32, i64)>,
}

fn put_progress(page: &mut Exposition, broker: &Broker) {
    let mut pairs: Vec<_> =
        broker.offsets.read().pairs().map(|(topic, group)| (topic.to_owned(), group.to_owned())).collect();
    pairs.sort_unstable();
    // One after the other: whoever commits must not wait for the whole table.
    let all: Vec<_> = pairs.iter().map(|(topic, group)| (topic, group, progress(broker, topic, group))).collect();
    let mut family = |name, help, value: &dyn Fn(&Progress) -> Option<i64>| {
        let mut family = page.family(name, Kind::Gauge, help);
        for (topic, group, progress) in &all {
            if let Some(value) = value(progress) {
                family.sample(&labels(topic, group), value as f64);
            }
        }
    };
    family("rocketmq_consumer_lag_messages", "Messages not consumed yet", &|progress| Some(progress.lag));
    family("rocketmq_consumer_lag_latency_milliseconds", "Age of the oldest of them", &|progress| progress.lag_ms);
    family("rocketmq_consumer_inflight_messages", "Messages handed out only", &|progress| Some(progress.in_flight));
    family("rocketmq_consumer_ready_messages", "Messages not handed out yet", &|progress| Some(progress.ready));
    let help = "Age of the oldest of them";
    family("rocketmq_consumer_queueing_latency_milliseconds", help, &|progress| progress.queueing_ms);
    let mut family =
        page.family("bolide_consumer_queue_lag_messages", Kind::Gauge, "Messages not consumed yet, by queue");
    let queues =
        all.iter().flat_map(|(topic, group, progress)| progress.queues.iter().map(move |queue| (topic, group, queue)));
    for (topic, group, (queue, lag)) in queues.take(MOST_QUEUES) {
        let queue = queue.to_string();
        family.sample(&[labels(topic, group).as_slice(), &[("queue_id", &queue)]].concat(), *lag as f64);
    }
}

fn progress(broker: &Broker, topic: &str, group: &str) -> Progress {
    let mut progress = Progress { lag_ms: Some(0), queueing_ms: Some(0), ..Progress::default() };
    let queues = broker.offsets.read().queues(group, topic);
    for (queue, offset, next) in queues {
        let Some(end) = broker.store.max_offset(topic, QueueId(queue)) else { continue };
        let lag = (end.0 - offset).max(0);
        progress.lag += lag;
        progress.ready += (end.0 - next).max(0);
        progress.in_flight += next.min(end.0) - offset.min(end.0);
        progress.lag_ms = older(progress.lag_ms, age_ms(broker, topic, queue, offset, end));
        progress.queueing_ms = older(progress.queueing_ms, age_ms(broker, topic, queue, next, end));
        progress.queues.push((queue, lag));
    }
    progress
}

pub(super) fn labels<'a>(topic: &'a str, group: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("topic", topic),
        ("consumer_group", group),
        ("is_retry", truth(topic.starts_with(name::RETRY_PREFIX))),
        ("is_system", truth(name::is_system_topic(topic) || name::is_system_group(group))),
    ]
}

/// How long ago the message at `offset` was stored; 0 if there is none. `None`: that is not known without reading the disk.
fn age_ms(broker: &Broker, topic: &str, queue: i32, offset: i64, end: QueueOffset) -> Option<i64> {
    let (queue, offset) = (QueueId(queue), QueueOffset(offset));
    if offset >= end {
        return Some(0);
    }
    if !broker.store.is_in_memory(topic, queue, offset) {
        return None;
    }
    let stored_ms = broker.store.store_time(topic, queue, offset).ok().flatten()?;
    Some((broker.clock.now_ms() - stored_ms).max(0))
}

/// The larger of two ages, if both are known.
fn older(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    Some(one?.max(other?))
}

/// What Apache's store adds to its own metrics.
pub(super) const STORAGE: [(&str, &str); 2] = [("storage_type", "local"), ("storage_medium", "disk")];

fn put_timers(page: &mut Exposition, broker: &Broker) {
    let Ok(progress) = timer::progress(broker) else { return };
    let gauges = [
        ("rocketmq_timer_enqueue_lag", "Timed messages not in the wheel yet", progress.unread),
        ("rocketmq_timing_messages", "Timed messages that wait", progress.waiting),
        (
            "rocketmq_timer_dequeue_latency_milliseconds",
            "How long ago the timers were due that come next",
            progress.behind_ms.max(0),
        ),
    ];
    for (name, help, value) in gauges {
        page.family(name, Kind::Gauge, help).sample(&STORAGE, value as f64);
    }
    let help = "How long after their time timed messages were delivered";
    let lateness = broker.statistics.lateness.counted();
    page.family("bolide_timer_lateness_milliseconds", Kind::Histogram, help).histogram(
        &[],
        &LATENESS_ENDS_MS,
        &lateness,
    );
}

pub(super) fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
