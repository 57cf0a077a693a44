//! The broker is killed under a load of everything that it promises something about, started again and asked what it has, round after
//! round: sends ([`sends`]), delays, transactions, POP with acknowledgements, offsets. See [`bolide_tests::history`] for the rules of
//! sends; each of the others has its own in its module.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

mod arrivals;
mod delays;
mod offsets;
mod pops;
mod sends;
mod transactions;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::history::History;
use bolide_tests::server::Server;
use bolide_tests::wire::{Wire, now_ms};
use tokio::task::JoinSet;

use delays::Delays;
use offsets::Offsets;
use pops::Pops;
use sends::{Load, QUEUES, show};
use transactions::Transactions;

/// How long a round may take to get its acknowledgements.
const ROUND_LIMIT: Duration = Duration::from_secs(120);
/// How long what was promised may take to come after the last start.
const PROMISE_LIMIT: Duration = Duration::from_secs(120);

/// Fewer for a first look at another server, more for a longer search.
const ROUNDS_VARIABLE: &str = "BOLIDE_CRASH_ROUNDS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_survive_kill_dash_nine() {
    let rounds = std::env::var(ROUNDS_VARIABLE).map_or(30, |text| text.parse().expect("a number of rounds"));
    let folder = Folder::new("crash");
    let mut broker = broker(&folder);
    let mix = Mix::new();
    let mut random = Random(0x5eed);
    let mut kills_ms = Vec::new();
    for round in 0..rounds {
        let target = 100 + random.below(2_000) as usize;
        let acknowledged = load_until_killed(&mut broker, &mix, round, target).await;
        kills_ms.push(now_ms());
        // Every second round waits for the disk before it acknowledges.
        let (from, to) = if round % 2 == 0 { ("ASYNC_FLUSH", "SYNC_FLUSH") } else { ("SYNC_FLUSH", "ASYNC_FLUSH") };
        broker.reconfigure(|text| text.replace(from, to));
        broker.start_again();
        let wrong = mix.judge(&broker, &kills_ms, false).await;
        assert_right(&format!("after round {round}, killed at {acknowledged} acknowledgements"), &wrong, &broker);
        println!("round {round}: {acknowledged} acknowledged");
    }
    broker.stop();
    broker.start_again();
    let mut wrong = mix.judge(&broker, &kills_ms, true).await;
    wrong.extend(mix.judge_all_sends(&broker).await);
    assert_right("after the last, clean stop", &wrong, &broker);
    await_promises(&mix, &broker, &kills_ms).await;
    let acknowledged = mix.history.lock().unwrap().acknowledgements();
    assert!(acknowledged >= 100 * rounds as usize, "only {acknowledged} sends were acknowledged");
}

fn broker(folder: &Folder) -> Server {
    let store = folder.path().join("store");
    // Small files, so that a round rolls each of them.
    start(Role::Broker, "broker", folder.path(), |port| {
        format!(
            "brokerName=broker\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\nmetricsPromExporterPort=0\n\
             storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nflushDiskType=ASYNC_FLUSH\nmaxMessageSize=65536\n\
             mappedFileSizeCommitLog=262144\nmappedFileSizeConsumeQueue=10000\nmaxHashSlotNum=500\nmaxIndexNum=2000\n\
             messageDelayLevel=1s\ntransactionTimeOut=600000\nflushConsumerOffsetInterval=200\nflushDelayOffsetInterval=200\n",
            port + 1,
            store = store.display()
        )
    })
}

/// Everything that is tried at once.
struct Mix {
    history: Arc<Mutex<History>>,
    delays: Arc<Delays>,
    transactions: Arc<Transactions>,
    pops: Arc<Pops>,
    offsets: Arc<Offsets>,
}

impl Mix {
    fn new() -> Self {
        Mix {
            history: Arc::default(),
            delays: Arc::new(Delays::new()),
            transactions: Arc::new(Transactions::new()),
            pops: Arc::default(),
            offsets: Arc::default(),
        }
    }

    /// Begins all loads but the sends, each on a connection of its own.
    async fn begin(&self, broker: &Server, round: u32, tasks: &mut JoinSet<()>) {
        let [wire, delays] = [Wire::connect(broker).await, Wire::connect(broker).await];
        let load = Arc::clone(&self.delays);
        tasks.spawn(async move { load.load(&delays, round).await });
        let load = Arc::clone(&self.transactions);
        tasks.spawn(async move { load.load(&wire, round).await });
        let [pops, offsets] = [Wire::connect(broker).await, Wire::connect(broker).await];
        let load = Arc::clone(&self.pops);
        tasks.spawn(async move { load.load(&pops, round).await });
        let load = Arc::clone(&self.offsets);
        tasks.spawn(async move { load.load(&offsets).await });
    }

    /// Everything that is wrong with what the broker has after a start.
    async fn judge(&self, broker: &Server, kills_ms: &[i64], was_clean: bool) -> Vec<String> {
        let wire = Wire::connect(broker).await;
        let from = [0, 1, 2, 3].map(|queue| self.history.lock().unwrap().seen(queue));
        let shown = show(broker, from).await;
        let mut wrong = Vec::new();
        if let Err(violations) = self.history.lock().unwrap().judge(&shown) {
            wrong.extend(violations.iter().map(ToString::to_string));
        }
        wrong.extend(self.delays.judge(&wire, kills_ms).await);
        wrong.extend(self.transactions.judge(&wire, kills_ms).await);
        self.transactions.settle(&wire).await;
        wrong.extend(self.pops.judge());
        wrong.extend(self.offsets.judge(&wire, was_clean).await);
        wrong
    }

    /// What has changed of messages that were seen before.
    async fn judge_all_sends(&self, broker: &Server) -> Vec<String> {
        let shown = show(broker, [0; QUEUES]).await;
        let violations = self.history.lock().unwrap().judge_all(&shown).err().unwrap_or_default();
        violations.iter().map(ToString::to_string).collect()
    }
}

fn assert_right(when: &str, wrong: &[String], broker: &Server) {
    let shown = &wrong[..wrong.len().min(20)];
    assert!(wrong.is_empty(), "{when}:\n{}\nthe broker's log ends with\n{}", shown.join("\n"), broker.log_tail());
}

/// Loads the broker, kills it when this many sends of the round were acknowledged, and returns how many were in the end.
async fn load_until_killed(broker: &mut Server, mix: &Mix, round: u32, target: usize) -> usize {
    let load = Load::new(&mix.history, round);
    let mut tasks = JoinSet::new();
    mix.begin(broker, round, &mut tasks).await;
    load.begin(broker, &mut tasks).await;
    let enough = async {
        while load.acknowledged() < target {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(ROUND_LIMIT, enough).await;
    broker.kill();
    tasks.join_all().await;
    let acknowledged = load.acknowledged();
    assert!(
        in_time.is_ok(),
        "round {round}: only {acknowledged} of {target} sends were acknowledged; the broker's log ends with\n{}",
        broker.log_tail()
    );
    acknowledged
}

/// Waits until everything has come that was promised.
async fn await_promises(mix: &Mix, broker: &Server, kills_ms: &[i64]) {
    let wire = Wire::connect(broker).await;
    let deadline = Instant::now() + PROMISE_LIMIT;
    loop {
        let mut wrong = mix.delays.judge(&wire, kills_ms).await;
        wrong.extend(mix.transactions.judge(&wire, kills_ms).await);
        let to_pop = mix.pops.drain(&wire).await;
        wrong.extend(mix.pops.judge());
        assert_right("in the end", &wrong, broker);
        let delayed = mix.delays.missing().await;
        if (to_pop, delayed) == (0, 0) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{to_pop} messages are not popped, {delayed} delayed ones have not come; the broker's log ends with\n{}",
            broker.log_tail()
        );
    }
}

/// A small generator (xorshift), so that the rounds of every run are killed at the same counts.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
