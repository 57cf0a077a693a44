//! Asks the rooms for their numbers and writes the page. Names, units and labels are those of Apache 5.5.0's broker, as its own page
//! shows them; names that begin with `bolide_` are ours.

use std::collections::BTreeMap;

use bolide_remoting::body::ConsumeType;
use bolide_remoting::version::Version;
use bolide_store::{QueueId, QueueOffset};

use super::exposition::{Exposition, Kind};
use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::client::registry::Introduction;
use crate::name;
use crate::timer;

/// The most queues that are told of one by one, over all groups: what monitors read every few seconds must stay small.
const MOST_QUEUES: usize = 10_000;

/// The whole page. May wait for the disk, which the age of the log's oldest message is read from.
pub(crate) fn collect(broker: &Broker) -> String {
    let config = broker.config.get();
    let common = [
        ("cluster", config.broker_cluster_name.as_str()),
        ("node_id", config.broker_name.as_str()),
        ("node_type", "broker"),
    ];
    let mut page = Exposition::new(&common);
    put_broker(&mut page, broker);
    put_store(&mut page, broker);
    put_traffic(&mut page, broker);
    put_clients(&mut page, broker);
    put_progress(&mut page, broker);
    put_timers(&mut page, broker);
    page.finish()
}

fn put_broker(page: &mut Exposition, broker: &Broker) {
    let permission = broker.config.get().broker_permission;
    page.single("rocketmq_broker_permission", Kind::Gauge, "Broker permission", permission.into());
    page.single("rocketmq_topic_number", Kind::Gauge, "Active topic number", broker.topics.count() as f64);
    let groups = broker.groups.count() as f64;
    page.single("rocketmq_consumer_group_number", Kind::Gauge, "Active subscription group number", groups);
}

fn put_store(page: &mut Exposition, broker: &Broker) {
    let (store, health) = (&broker.store, broker.store.health());
    let size = store.max_physical_offset().0 - store.min_physical_offset().0;
    page.single("rocketmq_storage_size_bytes", Kind::Gauge, "Bytes of the commit log", size as f64);
    let behind = health.flush_behind_bytes as f64;
    page.single("rocketmq_storage_flush_behind_bytes", Kind::Gauge, "Bytes not on the disk yet", behind);
    let behind = health.dispatch_behind_bytes as f64;
    page.single("rocketmq_storage_dispatch_behind_bytes", Kind::Gauge, "Bytes not in the queues yet", behind);
    if let Ok(Some(oldest_ms)) = store.earliest_log_time() {
        let kept_ms = (broker.clock.now_ms() - oldest_ms).max(0) as f64;
        let help = "Age of the oldest message";
        page.single("rocketmq_storage_message_reserve_time_milliseconds", Kind::Gauge, help, kept_ms);
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

fn put_traffic(page: &mut Exposition, broker: &Broker) {
    let traffic = broker.statistics.traffic();
    let system = |topic: &str| truth(name::is_system_topic(topic));
    let (messages, bytes) = ("Messages stored", "Bytes stored");
    let mut family = page.family("rocketmq_messages_in_total", Kind::Counter, messages);
    for topic in &traffic {
        family.sample(&[("topic", &topic.name), ("is_system", system(&topic.name))], topic.messages as f64);
    }
    let mut family = page.family("rocketmq_throughput_in_total", Kind::Counter, bytes);
    for topic in &traffic {
        family.sample(&[("topic", &topic.name), ("is_system", system(&topic.name))], topic.bytes as f64);
    }
    for (name, help, by_bytes) in [
        ("rocketmq_messages_out_total", "Messages handed out", false),
        ("rocketmq_throughput_out_total", "Bytes handed out", true),
    ] {
        let mut family = page.family(name, Kind::Counter, help);
        for topic in &traffic {
            for group in &topic.groups {
                let labels = [
                    ("topic", topic.name.as_str()),
                    ("consumer_group", group.name.as_str()),
                    ("is_retry", truth(topic.name.starts_with(name::RETRY_PREFIX))),
                    ("is_system", system(&topic.name)),
                ];
                family.sample(&labels, if by_bytes { group.bytes } else { group.messages } as f64);
            }
        }
    }
}

/// How a client is counted: language, version, and over which protocol it speaks.
type ClientKind = (String, String, &'static str);

fn client_kind(who: &Introduction<ClientHandle>) -> ClientKind {
    let protocol = if who.connection.connection().is_some() { "remoting" } else { "grpc" };
    let version = Version(who.version).to_string().to_lowercase();
    (who.language.to_string().to_lowercase(), version, protocol)
}

fn put_clients(page: &mut Exposition, broker: &Broker) {
    let (mut producers, mut consumers) = (BTreeMap::<ClientKind, u64>::new(), BTreeMap::<_, u64>::new());
    {
        let clients = broker.clients.read();
        // A producer that is in several groups is one connection.
        let members = clients.producer_groups().flat_map(|(_, members)| members);
        let producing: BTreeMap<_, _> = members.map(|(id, member)| (*id, client_kind(&member.introduction))).collect();
        for kind in producing.into_values() {
            *producers.entry(kind).or_default() += 1;
        }
        for (group, members) in clients.consumer_groups() {
            for member in members.members.values() {
                let key = (group.clone(), consume_mode(members.consume_type), client_kind(&member.introduction));
                *consumers.entry(key).or_default() += 1;
            }
        }
    }
    let mut family = page.family("rocketmq_producer_connections", Kind::Gauge, "Producer connections");
    for ((language, version, protocol), count) in producers {
        family.sample(&[("language", &language), ("version", &version), ("protocol_type", protocol)], count as f64);
    }
    let mut family = page.family("rocketmq_consumer_connections", Kind::Gauge, "Consumer connections");
    for ((group, mode, (language, version, protocol)), count) in consumers {
        let labels = [
            ("consumer_group", group.as_str()),
            ("consume_mode", mode),
            ("language", &language),
            ("version", &version),
            ("protocol_type", protocol),
            ("is_system", truth(name::is_system_group(&group))),
        ];
        family.sample(&labels, count as f64);
    }
}

fn consume_mode(kind: ConsumeType) -> &'static str {
    match kind {
        ConsumeType::Actively => "pull",
        ConsumeType::Passively => "push",
        ConsumeType::Pop => "pop",
    }
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
    let committed = broker.offsets.read().committed();
    let pulled = broker.offsets.read().pulled_offsets();
    let mut all = Vec::new();
    for (key, queues) in &committed {
        // `topic@group`, as the offsets are kept; a topic of its own name has no @.
        let Some((topic, group)) = key.split_once('@') else { continue };
        let pulled = pulled.get(key);
        let mut progress = Progress { lag_ms: Some(0), queueing_ms: Some(0), ..Progress::default() };
        for (&queue, &offset) in queues {
            let Some(end) = broker.store.max_offset(topic, QueueId(queue)) else { continue };
            let next = pulled.and_then(|pulled| pulled.get(&queue)).map_or(offset, |pulled| offset.max(*pulled));
            let lag = (end.0 - offset).max(0);
            progress.lag += lag;
            progress.ready += (end.0 - next).max(0);
            progress.in_flight += next.min(end.0) - offset.min(end.0);
            progress.lag_ms = older(progress.lag_ms, age_ms(broker, topic, queue, offset, end));
            progress.queueing_ms = older(progress.queueing_ms, age_ms(broker, topic, queue, next, end));
            progress.queues.push((queue, lag));
        }
        all.push((topic, group, progress));
    }
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

fn labels<'a>(topic: &'a str, group: &'a str) -> [(&'a str, &'a str); 4] {
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

fn put_timers(page: &mut Exposition, broker: &Broker) {
    let Ok(progress) = timer::progress(broker) else { return };
    let unread = progress.unread as f64;
    page.single("rocketmq_timer_enqueue_lag", Kind::Gauge, "Timed messages not in the wheel yet", unread);
    let waiting = progress.waiting as f64;
    page.single("rocketmq_timing_messages", Kind::Gauge, "Timed messages that wait", waiting);
    let behind = progress.behind_ms.max(0) as f64;
    let help = "How long ago the timers were due that come next";
    page.single("rocketmq_timer_dequeue_latency_milliseconds", Kind::Gauge, help, behind);
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
