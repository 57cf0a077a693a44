//! GET_BROKER_RUNTIME_INFO (28): how the broker is doing, as a table of texts. Keys and formats are Apache's, for `mqadmin`,
//! dashboards and exporters take them apart. What Apache measures of its own thread pools is 0 here: requests are handled where
//! they are read and wait in no queue.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bolide_remoting::body::{KvTable, encode};
use bolide_remoting::version::Version;
use bolide_remoting::{Reply, Request};
use bolide_store::{Health, PUT_TIMES_MS, QueueId, ScrubProgress, Statistics as StoreStatistics};
use bytes::Bytes;

use crate::broker::Broker;
use crate::delay::SCHEDULE_TOPIC;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::statistics::Overview;
use crate::timer;

/// Apache's thread pools, as their keys begin.
const THREAD_POOLS: [&str; 5] = ["send", "pull", "litePull", "query", "ack"];

/// Apache's names of the classes of [`PUT_TIMES_MS`].
const PUT_TIME_CLASSES: [&str; PUT_TIMES_MS.len() + 1] = [
    "[<=0ms]",
    "[0~10ms]",
    "[10~50ms]",
    "[50~100ms]",
    "[100~200ms]",
    "[200~500ms]",
    "[500ms~1s]",
    "[1~2s]",
    "[2~3s]",
    "[3~4s]",
    "[4~5s]",
    "[5~10s]",
    "[10s~]",
];

/// GET_BROKER_RUNTIME_INFO.
pub(crate) fn show(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    broker.on_blocking_thread(reply, |broker, reply| reply.give_body(info(broker)));
}

/// The table's rows.
#[derive(Default)]
struct Rows(BTreeMap<String, String>);

impl Rows {
    fn put(&mut self, key: impl Into<String>, value: impl ToString) {
        self.0.insert(key.into(), value.to_string());
    }
}

pub(crate) fn info(broker: &Broker) -> Result<Bytes, Refusal> {
    let mut rows = Rows::default();
    let overview = broker.statistics.overview();
    rows.put("brokerActive", true);
    rows.put("brokerVersionDesc", Version::CURRENT);
    // Brokers up to 5.3 say it too, and Apache's exporter gives up without it.
    rows.put("brokerVersion", Version::CURRENT.0);
    rows.put("bootTimestamp", overview.started_ms);
    rows.put("runtime", uptime(broker.clock.now_ms() - overview.started_ms));
    rows.put("startAcceptSendRequestTimeStamp", broker.config.get().start_accept_send_request_timestamp_ms);
    let store = broker.store.statistics();
    put_traffic(&mut rows, &overview, &store);
    put_log(&mut rows, broker)?;
    put_health(&mut rows, &broker.store.health(), &store);
    put_disk(&mut rows, broker);
    put_scrub(&mut rows, &broker.store.scrub_progress());
    put_waiting(&mut rows, broker)?;
    put_thread_pools(&mut rows, broker);
    Ok(encode(&KvTable { table: rows.0 }))
}

fn put_traffic(rows: &mut Rows, overview: &Overview, store: &StoreStatistics) {
    for (key, rates) in [
        ("putTps", overview.puts()),
        ("getFoundTps", overview.found()),
        ("getMissTps", overview.missed()),
        ("getTransferredTps", overview.transferred()),
    ] {
        rows.put(key, joined(rates));
    }
    let both = overview.found().into_iter().zip(overview.missed());
    let total: Vec<_> = both.map(|(found, missed)| Some(found? + missed?)).collect();
    rows.put("getTotalTps", joined(total));
    let (now, days) = (overview.now, &overview.days);
    let totals =
        [("TodayNow", now), ("TodayMorning", days.today_morning), ("YesterdayMorning", days.yesterday_morning)];
    for (moment, totals) in totals {
        rows.put(format!("msgPutTotal{moment}"), totals.put);
        rows.put(format!("msgGetTotal{moment}"), totals.got);
    }
    rows.put("putMessageTimesTotal", store.puts);
    rows.put("putMessageFailedTimes", store.put_failures);
    rows.put("putMessageSizeTotal", store.put_bytes);
    rows.put("putMessageAverageSize", java_double(store.put_bytes as f64 / store.puts.max(1) as f64));
    let longest_ms = overview.longest_put_ms;
    rows.put("putMessageEntireTimeMax", longest_ms);
    rows.put("pageCacheLockTimeMills", overview.late_put_ms);
    rows.put("getMessageEntireTimeMax", overview.longest_read_ms);
    let classes = PUT_TIME_CLASSES.iter().zip(store.put_times);
    rows.put("putMessageDistributeTime", classes.map(|(class, count)| format!("{class}:{count} ")).collect::<String>());
    for (key, part) in [("putLatency99", 0.99), ("putLatency999", 0.999)] {
        rows.put(key, format!("{:.2}", percentile(&store.put_times, part, longest_ms)));
    }
}

fn put_log(rows: &mut Rows, broker: &Broker) -> Result<(), Refusal> {
    let store = &broker.store;
    let health = store.health();
    rows.put("commitLogMinOffset", store.min_physical_offset().0);
    rows.put("commitLogMaxOffset", store.max_physical_offset().0);
    rows.put("dispatchBehindBytes", health.dispatch_behind_bytes);
    // Nothing is buffered on its way to the queues, here or in Apache's broker.
    rows.put("dispatchMaxBuffer", 0);
    rows.put("remainHowManyDataToFlush", readable(health.flush_behind_bytes));
    rows.put("earliestMessageTimeStamp", store.earliest_log_time()?.unwrap_or(-1));
    // Apache's answer without `transientStorePoolEnable`.
    rows.put("remainTransientStoreBufferNumbs", i32::MAX);
    Ok(())
}

/// What is wrong with the store; keys of ours.
fn put_health(rows: &mut Rows, health: &Health, store: &StoreStatistics) {
    let refusal = health.refusal.as_ref().or(health.nearly_full.as_ref());
    rows.put("storeRefusesMessages", refusal.map_or_else(|| "false".to_owned(), |refusal| format!("true: {refusal}")));
    rows.put("dispatchError", health.dispatch_error.as_deref().unwrap_or("none"));
    rows.put("damagedMessagesTotal", store.damaged_messages);
}

fn put_disk(rows: &mut Rows, broker: &Broker) {
    let config = broker.config.get();
    let root = Path::new(&config.store_path_root_dir);
    let Ok(space) = broker.disk.space(root) else {
        // Apache's answer for a folder that it cannot measure.
        rows.put("commitLogDiskRatio", "-1.0");
        return rows.put("consumeQueueDiskRatio", "-1.0");
    };
    let ratio = java_double(f64::from(space.used_percent()) / 100.0);
    rows.put(format!("commitLogDiskRatio_{}", root.join("commitlog").display()), &ratio);
    rows.put("commitLogDiskRatio", &ratio);
    rows.put("consumeQueueDiskRatio", &ratio);
    let (total, free) = (space.used_bytes + space.available_bytes, space.available_bytes);
    rows.put("commitLogDirCapacity", format!("Total : {}, Free : {}.", readable(total), readable(free)));
}

/// What is known of rotten bits; keys of ours.
fn put_scrub(rows: &mut Rows, scrub: &ScrubProgress) {
    rows.put("scrubReadBytes", scrub.read_bytes);
    rows.put("scrubCheckedSegments", scrub.checked_segments);
    rows.put("scrubKnownSegments", format!("{} of {}", scrub.known_segments, scrub.segments));
    rows.put("scrubOldestCheckTimestamp", scrub.oldest_check_ms.unwrap_or(-1));
    rows.put("scrubDamages", scrub.damages);
    if let Some(damage) = &scrub.last_damage {
        rows.put("scrubLastDamage", damage);
    }
}

/// What waits for its time.
fn put_waiting(rows: &mut Rows, broker: &Broker) -> Result<(), Refusal> {
    for level in 1..=broker.delayed.levels().count() {
        let end = broker.store.max_offset(SCHEDULE_TOPIC, QueueId(level - 1)).unwrap_or_default();
        if end.0 > 0 {
            rows.put(format!("scheduleMessageOffset_{level}"), format!("{},{end}", broker.delayed.offset(level)));
        }
    }
    let timers = timer::progress(broker)?;
    let (entered, delivered) = broker.statistics.timer_tps(broker.clock.now_ms());
    rows.put("timerReadBehind", timers.behind_ms / 1_000);
    rows.put("timerOffsetBehind", timers.unread);
    rows.put("timerCongestNum", timers.waiting);
    rows.put("timerEnqueueTps", java_double(entered));
    rows.put("timerDequeueTps", java_double(delivered));
    Ok(())
}

fn put_thread_pools(rows: &mut Rows, broker: &Broker) {
    // What comes nearest: so many requests of one connection are under way at most.
    let capacity = broker.config.get().server_max_in_flight;
    for pool in THREAD_POOLS {
        rows.put(format!("{pool}ThreadPoolQueueSize"), 0);
        rows.put(format!("{pool}ThreadPoolQueueHeadWaitTimeMills"), 0);
        rows.put(format!("{pool}ThreadPoolQueueCapacity"), capacity);
    }
    rows.put("EndTransactionQueueSize", 0);
    rows.put("EndTransactionThreadPoolQueueCapacity", capacity);
}

/// Apache's rates over three spans; one that is not known yet is empty.
fn joined(rates: impl IntoIterator<Item = Option<f64>>) -> String {
    let texts: Vec<String> = rates.into_iter().map(|rate| rate.map_or_else(String::new, java_double)).collect();
    texts.join(" ")
}

/// A number as Java writes a double of everyday size.
fn java_double(number: f64) -> String {
    format!("{number:?}")
}

fn uptime(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("[ {days} days, {hours} hours, {minutes} minutes, {} seconds ]", seconds % 60)
}

/// A count of bytes in the largest binary unit that leaves at least 1.
fn readable(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut unit = None;
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if size < 1_024.0 {
            break;
        }
        size /= 1_024.0;
        unit = Some(larger);
    }
    unit.map_or_else(|| format!("{bytes} B"), |unit| format!("{size:.1} {unit}"))
}

/// The time that this part of all puts took at most, taking those of a class to be spread evenly.
fn percentile(times: &[u64; PUT_TIMES_MS.len() + 1], part: f64, longest_ms: i64) -> f64 {
    let total: u64 = times.iter().sum();
    let mut left = total as f64 * part;
    let mut floor_ms = 0.0;
    for (class, count) in times.iter().enumerate() {
        let ceiling_ms = match class {
            0 => 0.0,
            class => PUT_TIMES_MS.get(class).map_or(longest_ms as f64, |limit_ms| *limit_ms as f64),
        };
        if *count > 0 && left <= *count as f64 {
            return floor_ms + (ceiling_ms - floor_ms).max(0.0) * left / *count as f64;
        }
        left -= *count as f64;
        floor_ms = ceiling_ms;
    }
    0.0
}

#[cfg(test)]
mod tests;
