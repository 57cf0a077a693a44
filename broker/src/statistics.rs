//! What is counted: messages and bytes per topic, group and for the broker as a whole, over the last minute, hour and day, under
//! the names that Apache has for them. Counting is an addition to an entry that is there already; when samples are taken and what
//! follows from them is decided in [`series`], without a clock. Nothing of this is kept over a restart.

pub(crate) mod days;
pub(crate) mod histogram;
mod names;
pub(crate) mod requests;
mod row;
mod series;
#[cfg(test)]
mod tests;
pub(crate) mod topic_rows;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bolide_remoting::body::{BrokerStatsData, BrokerStatsItem};
use bolide_store::{Arrival, Statistics as StoreStatistics};
use parking_lot::{Mutex, RwLock};

use crate::broker::Broker;
use crate::name;
use crate::timer::TIMER_TOPIC;
use crate::topic::message_type::MessageType;
use days::{Days, Totals};
use histogram::Histogram;
use names::{Measure, Subject, broker, group, topic};
use row::{Recent, Row};
use series::{Growth, Series};
use topic_rows::{Finished, TopicRows, TopicTraffic};

/// The most topics, and the most pairs of topic and group, that are counted one by one. What is beyond counts for the broker only.
const MOST_ROWS: usize = 10_000;
/// How often [`Statistics::tick`] is due.
const TICK: Duration = Duration::from_secs(1);
const TICK_MS: i64 = 1_000;
/// How often rows are looked at for samples that are due.
const SAMPLE_MS: i64 = 10_000;
/// As many ticks as the longest rate goes back, and one.
const RATE_SAMPLES: usize = 601;

/// Upper ends of the classes of timers' lateness, in milliseconds.
pub(crate) const LATENESS_ENDS_MS: [u64; 8] = [1, 5, 10, 50, 100, 500, 1_000, 10_000];

/// The next broker's number.
static NEXT_ID: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The topic that this thread stored to last; nearly always the next message's as well.
    static LAST_SENT: RefCell<Option<Arc<TopicRows>>> = const { RefCell::new(None) };
}

/// Rates that Apache tells, in this order: stored messages, reads that found messages, reads that did not, messages handed out.
const RATES: usize = 4;

/// Messages that a group was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Got<'a> {
    /// The topic they were read from.
    pub(crate) topic: &'a str,
    /// Who was given them.
    pub(crate) group: &'a str,
    /// How many.
    pub(crate) messages: usize,
    /// Bytes of their records.
    pub(crate) bytes: usize,
}

/// The counts of a broker.
pub(crate) struct Statistics {
    topics: RwLock<HashMap<Box<str>, Arc<TopicRows>>>,
    /// How many groups all topics have together.
    pairs: AtomicUsize,
    broker: Row<{ broker::ALL }>,
    store: Mutex<StoreHistory>,
    sampled_ms: Mutex<i64>,
    started_ms: i64,
    longest_read_ms: AtomicI64,
    /// How many milliseconds after their time timed messages were delivered.
    pub(crate) lateness: Histogram<9>,
    /// Tells brokers of one process apart.
    id: usize,
}

struct StoreHistory {
    rates: Series<RATES>,
    days: Days,
    longest_put_ms: i64,
    late_put_ms: i64,
}

/// What [`Statistics::overview`] tells of the store and the days.
pub(crate) struct Overview {
    /// When the broker started.
    pub(crate) started_ms: i64,
    /// Messages of clients' topics so far.
    pub(crate) now: Totals,
    /// Messages up to the last two midnights.
    pub(crate) days: Days,
    /// The longest wait of a put for its place in the log.
    pub(crate) longest_put_ms: i64,
    /// The longest one in the last second.
    pub(crate) late_put_ms: i64,
    /// The longest wait of a read for the disk.
    pub(crate) longest_read_ms: i64,
    /// Per second over the last 10 seconds, the last minute and the last ten minutes; `None` before there was so much time.
    rates: [Option<Growth<RATES>>; 3],
}

impl Overview {
    /// Messages stored per second.
    pub(crate) fn puts(&self) -> [Option<f64>; 3] {
        self.rate(0)
    }

    /// Reads per second that found messages.
    pub(crate) fn found(&self) -> [Option<f64>; 3] {
        self.rate(1)
    }

    /// Reads per second that found none.
    pub(crate) fn missed(&self) -> [Option<f64>; 3] {
        self.rate(2)
    }

    /// Messages handed out per second.
    pub(crate) fn transferred(&self) -> [Option<f64>; 3] {
        self.rate(3)
    }

    fn rate(&self, index: usize) -> [Option<f64>; 3] {
        self.rates.map(|growth| growth.map(|growth| growth.per_second(index)))
    }
}

impl Statistics {
    pub(crate) fn new(now_ms: i64) -> Self {
        let history = StoreHistory {
            rates: Series::new(TICK_MS, RATE_SAMPLES, now_ms),
            days: Days::new(now_ms),
            longest_put_ms: 0,
            late_put_ms: 0,
        };
        Statistics {
            topics: RwLock::default(),
            pairs: AtomicUsize::new(0),
            broker: Row::new(now_ms),
            store: Mutex::new(history),
            sampled_ms: Mutex::new(now_ms),
            started_ms: now_ms,
            longest_read_ms: AtomicI64::new(0),
            lateness: Histogram::default(),
            id: NEXT_ID.fetch_add(1, Relaxed),
        }
    }

    /// Producers sent messages of this kind, and their records have so many bytes together.
    pub(crate) fn sent(&self, topic: &str, kind: MessageType, messages: u64, bytes: u64, now_ms: i64) {
        LAST_SENT.with_borrow_mut(|last| {
            if !last.as_ref().is_some_and(|rows| rows.is(self.id, topic)) {
                *last = self.topic(topic, now_ms);
            }
            if let Some(rows) = last {
                rows.sent(kind, messages, bytes);
            }
        });
    }

    /// Half a transaction's way or a timed message's is done.
    pub(crate) fn finished(&self, topic: &str, what: Finished, now_ms: i64) {
        if let Some(rows) = self.topic(topic, now_ms) {
            rows.finished(what);
        }
    }

    /// A group gave a message up.
    pub(crate) fn gave_up(&self, topic: &str, group: &str, now_ms: i64) {
        self.with_group(topic, group, now_ms, |row| row.add(group::DEAD_LETTERS, 1));
    }

    /// A message that a group had by POP was stored for another delivery.
    pub(crate) fn revived(&self, topic: &str, group: &str, now_ms: i64) {
        self.with_group(topic, group, now_ms, |row| row.add(group::REVIVED, 1));
    }

    /// Messages can be read. Neighbours of one topic are counted together.
    pub(crate) fn arrived(&self, arrivals: &[Arrival]) {
        for run in arrivals.chunk_by(|one, next| Arc::ptr_eq(&one.topic, &next.topic)) {
            let messages = run.iter().map(|arrival| arrival.messages).sum();
            let bytes = run.iter().map(|arrival| arrival.bytes).sum();
            let name = &*run[0].topic;
            self.broker.add(broker::PUT_MESSAGES, messages);
            if !name::is_system_topic(name) {
                self.broker.add(broker::USER_PUT_MESSAGES, messages);
            }
            self.with_topic(name, run[0].store_ms, |rows| {
                rows.row.add(topic::MESSAGES, messages);
                rows.row.add(topic::BYTES, bytes);
            });
        }
    }

    /// A group was given messages.
    pub(crate) fn got(&self, got: Got<'_>, now_ms: i64) {
        if got.messages == 0 {
            return;
        }
        let (messages, bytes) = (got.messages as u64, got.bytes as u64);
        self.broker.add(broker::GET_MESSAGES, messages);
        if !name::is_system_topic(got.topic) {
            self.broker.add(broker::USER_GET_MESSAGES, messages);
        }
        self.with_group(got.topic, got.group, now_ms, |row| {
            row.add(group::MESSAGES, messages);
            row.add(group::BYTES, bytes);
            row.add(group::GETS, 1);
        });
    }

    /// Messages that a group was given had to be read from the disk, which took so long.
    pub(crate) fn waited_for_disk(&self, got: Got<'_>, waited_ms: i64, now_ms: i64) {
        if got.messages == 0 {
            return;
        }
        let (messages, bytes) = (got.messages as u64, got.bytes as u64);
        self.longest_read_ms.fetch_max(waited_ms, Relaxed);
        self.broker.add(broker::DISK_MESSAGES, messages);
        self.broker.add(broker::DISK_BYTES, bytes);
        self.with_group(got.topic, got.group, now_ms, |row| {
            row.add(group::WAITED_MS, waited_ms.max(0).unsigned_abs());
            row.add(group::DISK_MESSAGES, messages);
            row.add(group::DISK_BYTES, bytes);
            row.add(group::DISK_GETS, 1);
        });
    }

    /// A group acknowledged messages that it had by POP.
    pub(crate) fn acknowledged(&self, topic: &str, group: &str, messages: usize, now_ms: i64) {
        self.broker.add(broker::ACKS, messages as u64);
        self.with_group(topic, group, now_ms, |row| row.add(group::ACKS, messages as u64));
    }

    /// POP noted who has messages.
    pub(crate) fn noted_checkpoint(&self, topic: &str, group: &str, now_ms: i64) {
        self.broker.add(broker::CHECKPOINTS, 1);
        self.with_group(topic, group, now_ms, |row| row.add(group::CHECKPOINTS, 1));
    }

    /// A group sent back a message of this topic.
    pub(crate) fn sent_back(&self, topic: &str, group: &str, now_ms: i64) {
        self.with_group(topic, group, now_ms, |row| row.add(group::SEND_BACKS, 1));
    }

    /// The timers delivered a message, or put it back for longer.
    pub(crate) fn delivered_timed(&self) {
        self.broker.add(broker::TIMED, 1);
    }

    /// Messages per second that came to the timers in the last minute, and that these delivered.
    pub(crate) fn timer_tps(&self, now_ms: i64) -> (f64, f64) {
        let delivered = self.broker.recent(now_ms).minute.per_second(broker::TIMED);
        (self.topic_put_tps(TIMER_TOPIC, now_ms), delivered)
    }

    /// The topic is gone.
    pub(crate) fn remove_topic(&self, topic: &str) {
        if let Some(rows) = self.topics.write().remove(topic) {
            self.pairs.fetch_sub(rows.remove(), Relaxed);
        }
    }

    /// The group is gone.
    pub(crate) fn remove_group(&self, group: &str) {
        for rows in self.topics.read().values() {
            if rows.groups.write().remove(group).is_some() {
                self.pairs.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Messages per second that came to a topic in the last minute.
    pub(crate) fn topic_put_tps(&self, topic: &str, now_ms: i64) -> f64 {
        let topics = self.topics.read();
        topics.get(topic).map_or(0.0, |rows| rows.row.recent(now_ms).minute.per_second(topic::MESSAGES))
    }

    /// Messages per second of a topic that a group was given in the last minute.
    pub(crate) fn group_get_tps(&self, topic: &str, group: &str, now_ms: i64) -> f64 {
        let topics = self.topics.read();
        let tps = topics.get(topic).and_then(|rows| {
            let groups = rows.groups.read();
            groups.get(group).map(|row| row.recent(now_ms).minute.per_second(group::MESSAGES))
        });
        tps.unwrap_or(0.0)
    }

    /// What is known under one of Apache's names; `None`: nothing was counted for that name and key.
    fn view(&self, name: &str, key: &str, cluster: &str, now_ms: i64) -> Option<BrokerStatsData> {
        match names::find(name)? {
            Subject::Topic(measure) => {
                let topics = self.topics.read();
                topics.get(key).map(|rows| data(&rows.row.recent(now_ms), measure))
            }
            Subject::Group(measure) => {
                let (topic, group) = key.split_once('@')?;
                let topics = self.topics.read();
                let groups = topics.get(topic)?.groups.read();
                groups.get(group).map(|row| data(&row.recent(now_ms), measure))
            }
            Subject::Broker(measure) => (key == cluster).then(|| data(&self.broker.recent(now_ms), measure)),
        }
    }

    /// What came to each topic, and what its groups were given.
    pub(crate) fn traffic(&self) -> Vec<TopicTraffic> {
        let topics = self.topics.read();
        topics.values().map(|rows| rows.traffic()).collect()
    }

    /// The broker as a whole.
    pub(crate) fn overview(&self) -> Overview {
        let store = self.store.lock();
        Overview {
            started_ms: self.started_ms,
            now: self.totals(),
            longest_read_ms: self.longest_read_ms.load(Relaxed),
            days: store.days,
            longest_put_ms: store.longest_put_ms,
            late_put_ms: store.late_put_ms,
            rates: [10, 60, 600].map(|ticks| store.rates.recent(ticks)),
        }
    }

    fn totals(&self) -> Totals {
        let counts = self.broker.counts();
        Totals { put: counts[broker::USER_PUT_MESSAGES], got: counts[broker::USER_GET_MESSAGES] }
    }

    /// Takes the samples that are due, and forgets rows that counted nothing for a day.
    fn tick(&self, store: &StoreStatistics, longest_put_ms: i64, now_ms: i64) {
        {
            let mut history = self.store.lock();
            history.rates.sample(now_ms, [store.puts, store.reads_found, store.reads_missed, store.read_messages]);
            history.days.note(now_ms, self.totals());
            history.late_put_ms = longest_put_ms;
            history.longest_put_ms = history.longest_put_ms.max(longest_put_ms);
        }
        let mut sampled_ms = self.sampled_ms.lock();
        if (now_ms - *sampled_ms).abs() < SAMPLE_MS {
            return;
        }
        *sampled_ms = now_ms;
        self.broker.sample(now_ms);
        let mut any_idle = false;
        for rows in self.topics.read().values() {
            rows.row.sample(now_ms);
            rows.groups.read().values().for_each(|row| row.sample(now_ms));
            any_idle |= rows.row.is_idle(now_ms) || rows.groups.read().values().any(|row| row.is_idle(now_ms));
        }
        if any_idle {
            self.forget_idle(now_ms);
        }
    }

    fn forget_idle(&self, now_ms: i64) {
        self.topics.write().retain(|_, rows| {
            let mut groups = rows.groups.write();
            let before = groups.len();
            groups.retain(|_, row| !row.is_idle(now_ms));
            self.pairs.fetch_sub(before - groups.len(), Relaxed);
            let is_kept = !groups.is_empty() || !rows.row.is_idle(now_ms);
            drop(groups);
            if !is_kept {
                rows.remove();
            }
            is_kept
        });
    }

    fn with_topic(&self, topic: &str, now_ms: i64, act: impl FnOnce(&TopicRows)) {
        // Nearly always there: the shared lock does.
        if let Some(rows) = self.topics.read().get(topic) {
            return act(rows);
        }
        if let Some(rows) = self.topic(topic, now_ms) {
            act(&rows);
        }
    }

    /// The rows of a topic; `None` where there are too many.
    fn topic(&self, topic: &str, now_ms: i64) -> Option<Arc<TopicRows>> {
        if let Some(rows) = self.topics.read().get(topic) {
            return Some(rows.clone());
        }
        let mut topics = self.topics.write();
        let has_place = topics.len() < MOST_ROWS || topics.contains_key(topic);
        let new = || Arc::new(TopicRows::new(self.id, topic, now_ms));
        has_place.then(|| topics.entry(topic.into()).or_insert_with(new).clone())
    }

    fn with_group(&self, topic: &str, group: &str, now_ms: i64, act: impl FnOnce(&Row<{ group::ALL }>)) {
        self.with_topic(topic, now_ms, |rows| {
            if let Some(row) = rows.groups.read().get(group) {
                return act(row);
            }
            let mut groups = rows.groups.write();
            if self.pairs.load(Relaxed) < MOST_ROWS || groups.contains_key(group) {
                let new = || {
                    self.pairs.fetch_add(1, Relaxed);
                    Row::new(now_ms)
                };
                act(groups.entry(group.into()).or_insert_with(new));
            }
        });
    }
}

fn data<const N: usize>(recent: &Recent<N>, measure: Measure) -> BrokerStatsData {
    BrokerStatsData {
        stats_minute: item(&recent.minute, measure),
        stats_hour: item(&recent.hour, measure),
        stats_day: item(&recent.day, measure),
    }
}

fn item<const N: usize>(growth: &Growth<N>, measure: Measure) -> BrokerStatsItem {
    let sum = growth.counts[measure.value];
    let times = measure.times.map_or(0, |times| growth.counts[times]);
    BrokerStatsItem {
        sum: i64::try_from(sum).unwrap_or(i64::MAX),
        tps: growth.per_second(measure.value),
        avgpt: if times > 0 { sum as f64 / times as f64 } else { 0.0 },
    }
}

/// Takes samples for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        tokio::time::sleep(TICK).await;
        let store = &broker.store;
        broker.statistics.tick(&store.statistics(), store.take_longest_put_ms(), broker.clock.now_ms());
    }
}
