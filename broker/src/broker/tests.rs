//! A whole broker on a disk in memory, without its sockets, whose power fails again and again: what waits for its time is not lost, is
//! never early, and comes again only where nobody had saved that it had come.

use std::collections::BTreeMap;
use std::sync::Arc;

use bolide_store::disk::{FakeDisk, Sector};
use bolide_store::record::properties::UNIQUE_KEY;
use bolide_store::{ManualClock, QueueOffset, ReadLimits};

use super::*;
use crate::message::{Message, PropertyList, records};
use crate::timer::timing;

/// Histories per run; `BOLIDE_SEED=n cargo test -p bolide-broker no_cut` runs that one only.
const HISTORIES: u64 = 60;
const STEPS: usize = 60;
const START_MS: i64 = 1_700_000_000_000;
const TOPIC: &str = "orders";
/// Longer than anything waits.
const LONGEST_MS: i64 = 40_000;

/// Chance that can be repeated (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// A message that waits.
struct Sent {
    key: String,
    due_ms: i64,
    end: PhysicalOffset,
}

struct Machine {
    random: Random,
    disk: FakeDisk,
    clock: Arc<ManualClock>,
    broker: Arc<Broker>,
    /// What must come.
    sent: Vec<Sent>,
    /// When each key is due, whether its message must come or was lost with the power.
    due_ms: BTreeMap<String, i64>,
    /// How often each key had come when that was saved.
    settled: BTreeMap<String, usize>,
}

fn open(disk: &FakeDisk, clock: &Arc<ManualClock>) -> Arc<Broker> {
    let values = BrokerConfig {
        broker_name: "broker-a".into(),
        broker_ip1: "127.0.0.1".into(),
        store_path_root_dir: "/store".into(),
        store_path_commit_log: "/store/commitlog".into(),
        mapped_file_size_commit_log_bytes: 64 << 10,
        mapped_file_size_consume_queue_bytes: 400,
        mapped_file_size_timer_log_bytes: 520,
        max_hash_slot_num: 100,
        max_index_num: 400,
        // Only what the test asks for reaches the disk.
        flush_interval_commit_log_ms: 600_000,
        flush_commit_log_thorough_interval_ms: 600_000,
        ..BrokerConfig::default()
    };
    let config = Loaded { values, inert: BTreeMap::new(), warnings: Vec::new() };
    let opening = Opening { config, config_path: None, name_servers: Vec::new(), listen_port: 10_911 };
    Broker::open(opening, Arc::new(disk.clone()), clock.clone()).unwrap()
}

fn plain(key: &str, born_ms: i64) -> Message {
    let mut properties = PropertyList::default();
    properties.set(UNIQUE_KEY, key.to_owned());
    Message {
        topic: TOPIC.to_owned(),
        queue: bolide_store::QueueId(0),
        flag: 0,
        sys_flag: 0,
        born_ms,
        born_host: "127.0.0.1:1".parse().unwrap(),
        reconsume_times: 0,
        prepared_offset: 0,
        body: "body".into(),
        properties,
    }
}

impl Machine {
    fn new(seed: u64) -> Self {
        let (disk, clock) = (FakeDisk::new(), Arc::new(ManualClock::new(START_MS)));
        let broker = open(&disk, &clock);
        let random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Machine { random, disk, clock, broker, sent: Vec::new(), due_ms: BTreeMap::new(), settled: BTreeMap::new() }
    }

    fn send(&mut self) {
        let key = format!("key-{}", self.due_ms.len());
        let mut message = plain(&key, self.clock.now_ms());
        let level = 1 + self.random.below(4) as i32;
        let wait_ms = if self.random.below(2) == 0 {
            delay::redirect(&self.broker, &mut message, level);
            self.broker.delayed.levels().delay_ms(level)
        } else {
            let wait_ms = 1 + self.random.below(20_000) as i64;
            message.properties.set(timing::DELIVER_MS, (self.clock.now_ms() + wait_ms).to_string());
            timer::redirect(&self.broker, &mut message).unwrap();
            wait_ms
        };
        assert_ne!(message.topic, TOPIC);
        let due_ms = self.clock.now_ms() + wait_ms;
        let end = message.put(&self.broker).unwrap().end();
        self.broker.store.dispatch_all().unwrap();
        println!("{key} to {}, due {}, ends {end}", message.topic, due_ms - START_MS);
        self.due_ms.insert(key.clone(), due_ms);
        self.sent.push(Sent { key, due_ms, end });
    }

    fn deliver(&self) {
        delay::deliver_due(&self.broker);
        timer::turn(&self.broker);
        self.broker.store.dispatch_all().unwrap();
    }

    /// What was delivered so far is saved as that.
    fn settle(&mut self) {
        self.deliver();
        loop {
            let before = self.delivered();
            self.broker.await_flush();
            // Timers save themselves, once a second and once the disk has what they delivered.
            self.clock.advance(1_001);
            timer::turn(&self.broker);
            if self.delivered() == before {
                break;
            }
        }
        self.broker.save().unwrap();
        self.settled = self.delivered().into_iter().map(|(key, times_ms)| (key, times_ms.len())).collect();
    }

    /// When the messages of each key were stored for consumers.
    fn delivered(&self) -> BTreeMap<String, Vec<i64>> {
        let mut delivered = BTreeMap::<String, Vec<i64>>::new();
        let (queue, mut next) = (bolide_store::QueueId(0), QueueOffset(0));
        while next < self.broker.store.max_offset(TOPIC, queue).unwrap_or_default() {
            let limits = ReadLimits { max_messages: 32, max_bytes: 1 << 20 };
            let read = self.broker.store.read_queue_blocking(TOPIC, queue, next, limits, &|_| true).unwrap();
            for (_, view) in records(&read.records) {
                let key = view.properties().get_str(UNIQUE_KEY).unwrap().to_owned();
                delivered.entry(key).or_default().push(view.store_ms());
            }
            assert!(read.next_offset > next);
            next = read.next_offset;
        }
        delivered
    }

    fn cut_power(&mut self) {
        let sector = [Sector::Small, Sector::Page][self.random.below(2)];
        let flushed = self.broker.store.flushed_offset();
        let random = &mut self.random;
        self.disk = self.disk.power_cut(sector, &mut |limit| random.below(limit));
        self.sent.retain(|sent| sent.end <= flushed);
        self.broker = open(&self.disk, &self.clock);
        self.check(false);
    }

    fn step(&mut self) {
        let kind = self.random.below(20);
        // Shown if the history fails.
        println!("{}: step {kind}, {} on the disk", self.clock.now_ms() - START_MS, self.broker.store.flushed_offset());
        match kind {
            0..8 => self.send(),
            8..11 => self.clock.advance([1, 300, 2_500][self.random.below(3)]),
            11..14 => self.deliver(),
            14 => self.settle(),
            15 => self.broker.await_flush(),
            16 => self.broker.save().unwrap(),
            17 => {
                let random = &mut self.random;
                self.disk.write_back(&mut |limit| random.below(limit));
            }
            _ => self.cut_power(),
        }
    }

    /// Nothing came early, nothing that was saved came again; and at the end, everything came.
    fn check(&self, all: bool) {
        let delivered = self.delivered();
        for (key, times_ms) in &delivered {
            let due_ms = self.due_ms[key];
            assert!(times_ms.iter().all(|at_ms| *at_ms >= due_ms), "{key}, due at {due_ms}, came at {times_ms:?}");
        }
        for (key, count) in &self.settled {
            let times_ms = &delivered[key];
            assert_eq!(times_ms.len(), *count, "{key} came again after that was saved: {times_ms:?}");
        }
        if all {
            let missing: Vec<_> = self.sent.iter().filter(|sent| !delivered.contains_key(&sent.key)).collect();
            let missing: Vec<_> = missing.iter().map(|sent| (&sent.key, sent.due_ms)).collect();
            assert!(missing.is_empty(), "{missing:?} never came");
        }
    }
}

fn run(seed: u64) {
    let mut machine = Machine::new(seed);
    for _ in 0..STEPS {
        machine.step();
    }
    machine.cut_power();
    for _ in 0..3 {
        machine.clock.advance(LONGEST_MS);
        machine.deliver();
    }
    machine.check(true);
}

#[test]
fn a_failed_sync_shows_in_answers_runtime_info_metrics_and_health() {
    let (disk, clock) = (FakeDisk::new(), Arc::new(ManualClock::new(START_MS)));
    let broker = open(&disk, &clock);
    let message = plain("key", START_MS);
    let kept = message.put(&broker).unwrap();
    let shows = |text: &str| String::from_utf8_lossy(&crate::runtime_info::info(&broker).unwrap()).contains(text);
    let accepts = || {
        let metrics = crate::metrics::collect(&broker);
        let sample = metrics.lines().find(|line| line.starts_with("bolide_storage_accepts_messages{"));
        sample.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
    };
    assert!(grpc::listener::is_serving(&broker) && shows(r#""storeRefusesMessages":"false""#));
    assert_eq!(accepts().as_deref(), Some("1.0"));

    disk.fail_syncs(Some(std::path::Path::new("/store/commitlog")));
    broker.store.request_flush(kept.end());
    let begun = Instant::now();
    while broker.store.health().refusal.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the sync did not fail");
        std::thread::sleep(Duration::from_millis(1));
    }
    disk.fail_syncs(None);
    let refusal = crate::refusal::Refusal::from(message.put(&broker).unwrap_err());
    assert_eq!(refusal.code, bolide_remoting::ResponseCode::SERVICE_NOT_AVAILABLE);
    assert!(refusal.remark.contains("injected fault"), "{}", refusal.remark);
    assert!(
        !grpc::listener::is_serving(&broker) && shows(r#""storeRefusesMessages":"true: "#) && shows("injected fault")
    );
    assert_eq!(accepts().as_deref(), Some("0.0"));
    assert!(broker.store.message_at(kept.physical_offset).is_ok(), "reads go on");
}

#[test]
fn no_cut_of_the_power_loses_what_waits_or_brings_it_early() {
    let seeds = match std::env::var("BOLIDE_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=HISTORIES).collect(),
    };
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("history {seed} failed; BOLIDE_SEED={seed} cargo test -p bolide-broker no_cut repeats it");
            std::panic::resume_unwind(panic);
        }
    }
}
