//! Messages sent back, delayed and given up in a whole broker without sockets, against a naive model.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use bolide_remoting::keys::Loaded;
use bolide_store::record::properties::Properties;
use bolide_store::{Clock, ManualClock, NewMessage, QueueOffset, ReadLimits, RealDisk};
use proptest::prelude::*;

use super::*;
use crate::broker::Opening;
use crate::config::BrokerConfig;
use crate::delay::levels::DelayLevels;
use crate::message::records;

const TOPIC: &str = "orders";
const GROUP: &str = "g";
const MAX_ATTEMPTS: i32 = 3;
/// How long a dropped broker may take to let go of its folder.
const PATIENCE: Duration = Duration::from_secs(60);
const DELAYS_MS: [i64; 5] = [1_000, 2_000, 5_000, 9_000, 20_000];

fn open(folder: &Path, clock: &Arc<ManualClock>) -> Arc<Broker> {
    let config = BrokerConfig {
        broker_name: "broker-a".to_owned(),
        broker_ip1: "127.0.0.1".to_owned(),
        store_path_root_dir: folder.to_string_lossy().into_owned(),
        store_path_commit_log: folder.join("commitlog").to_string_lossy().into_owned(),
        mapped_file_size_commit_log_bytes: 1 << 18,
        max_hash_slot_num: 100,
        max_index_num: 1_000,
        message_delay_level: DelayLevels::parse("1s 2s 5s 9s 20s").unwrap(),
        ..BrokerConfig::default()
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let config = Loaded::new(config.clone());
        let opening = Opening { config, config_path: None, name_servers: Vec::new(), listen_port: 10911 };
        match Broker::open(opening, Arc::new(RealDisk), clock.clone()) {
            Ok(broker) => return broker,
            // A thread of the broker that was dropped may hold the folder for a moment longer.
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::yield_now();
    }
}

/// A message that consumers can see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    topic: String,
    body: String,
    attempts: i32,
}

/// What the broker should show, and what still waits, with the moment it is due.
#[derive(Debug, Default)]
struct Model {
    visible: BTreeSet<Seen>,
    waiting: Vec<(i64, Seen)>,
}

impl Model {
    fn send_back(&mut self, seen: &Seen, level: i32, now_ms: i64) {
        let again = |prefix: &str| Seen {
            topic: format!("{prefix}{GROUP}"),
            body: seen.body.clone(),
            attempts: seen.attempts + 1,
        };
        if seen.attempts >= MAX_ATTEMPTS || level < 0 {
            self.visible.insert(again("%DLQ%"));
            return;
        }
        let level = if level == 0 { 3 + seen.attempts } else { level };
        let index = usize::try_from(level - 1).unwrap().min(DELAYS_MS.len() - 1);
        self.waiting.push((now_ms + DELAYS_MS[index], again("%RETRY%")));
    }

    fn deliver(&mut self, now_ms: i64) {
        let due = self.waiting.extract_if(.., |(due_ms, _)| *due_ms <= now_ms);
        self.visible.extend(due.map(|(_, seen)| seen));
    }
}

/// What consumers see, with each message's place in the log.
fn seen(broker: &Broker) -> Vec<(Seen, PhysicalOffset)> {
    let mut found = Vec::new();
    let limits = ReadLimits { max_messages: 32, max_bytes: usize::MAX };
    for topic in [TOPIC.to_owned(), format!("%RETRY%{GROUP}"), format!("%DLQ%{GROUP}")] {
        let mut offset = QueueOffset(0);
        while broker.store.max_offset(&topic, QueueId(0)).is_some_and(|max| max > offset) {
            let read = broker.store.read_queue_blocking(&topic, QueueId(0), offset, limits, &|_| true).unwrap();
            offset = read.next_offset;
            for (_, view) in records(&read.records) {
                let body = String::from_utf8(view.body().to_vec()).unwrap();
                let seen = Seen { topic: view.topic().to_owned(), body, attempts: view.reconsume_times() };
                found.push((seen, view.physical_offset()));
            }
        }
    }
    found
}

fn send(broker: &Broker, body: &str, now_ms: i64) {
    let message = NewMessage {
        topic: TOPIC,
        queue: QueueId(0),
        flag: 0,
        sys_flag: 0,
        born_ms: now_ms,
        born_host: broker.store_host,
        store_host: broker.store_host,
        reconsume_times: 0,
        prepared_offset: 0,
        body: body.as_bytes(),
        properties: b"KEYS\x01k\x02",
    };
    broker.store.put(&message).unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Send,
    /// Which of the messages that can be seen, and the level.
    SendBack(prop::sample::Index, i32),
    Wait(i64),
    Save,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Send),
        6 => (any::<prop::sample::Index>(), -1..9_i32).prop_map(|(which, level)| Step::SendBack(which, level)),
        5 => (1..12_000_i64).prop_map(Step::Wait),
        1 => Just(Step::Save),
        1 => Just(Step::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// No message comes early, none is lost over kills, and none has more attempts than it may. After a kill, what was delivered
    /// since the last save may come twice, so that copies count as one.
    #[test]
    fn what_is_sent_back_comes_again_at_its_time(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let mut broker = open(folder.path(), &clock);
        let group = SubscriptionGroupConfig {
            group_name: GROUP.to_owned(),
            retry_max_times: MAX_ATTEMPTS,
            ..SubscriptionGroupConfig::default()
        };
        broker.groups.update(group).unwrap();
        broker.groups.save().unwrap();
        let mut model = Model::default();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send => {
                    let body = format!("m{number}");
                    send(&broker, &body, clock.now_ms());
                    model.visible.insert(Seen { topic: TOPIC.to_owned(), body, attempts: 0 });
                }
                Step::SendBack(which, delay_level) => {
                    let seen = seen(&broker);
                    if seen.is_empty() {
                        continue;
                    }
                    let (seen, offset) = which.get(&seen);
                    let back =
                        SendBack { group: GROUP.to_owned(), offset: *offset, delay_level, unit_mode: false, max_attempts: None };
                    store_again(&broker, &back).unwrap();
                    broker.topics.save().unwrap();
                    model.send_back(seen, delay_level, clock.now_ms());
                }
                Step::Wait(ms) => clock.advance(ms),
                Step::Save => broker.save().unwrap(),
                Step::Kill => {
                    drop(broker);
                    broker = open(folder.path(), &clock);
                }
            }
            delay::deliver_due(&broker);
            broker.store.dispatch_all().unwrap();
            model.deliver(clock.now_ms());
            let found: BTreeSet<Seen> = seen(&broker).into_iter().map(|(seen, _)| seen).collect();
            prop_assert_eq!(&found, &model.visible);
        }
        for (_, offset) in seen(&broker) {
            let record = broker.store.message_at(offset).unwrap();
            let view = RecordView::parse(&record).unwrap();
            prop_assert_eq!(Properties(view.properties().0).get_str("KEYS"), Some("k"), "its properties come along");
        }
    }
}
