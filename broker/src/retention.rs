//! Retention: how long messages are kept, by the configuration and by the attribute `reserve.time` of topics. Which segment of the
//! commit log goes when is the store's decision; here is what only the broker knows: the rules, and which old messages are still
//! waited for (timers, delays, half messages, messages in flight by POP). Those are stored again before their segment goes.

pub mod hours;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bolide_remoting::{Reply, Request};
use bolide_store::{PhysicalOffset, Retained, RetentionRules};
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::{delay, pop, timer, transaction};

const HOUR_MS: i64 = 3_600_000;
/// How long to rest after something failed.
const RETRY: Duration = Duration::from_secs(10);
/// How long to wait for the disk to have what was stored again.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
const FLUSH_LOOK: Duration = Duration::from_millis(2);
/// The attribute of a topic that says for how many hours its messages are kept.
const RESERVE_TIME: &str = "reserve.time";

/// What operators ask of retention.
#[derive(Default)]
pub(crate) struct Retention {
    /// Whether what has expired goes now, whatever the hour, until nothing is left of it.
    at_once: AtomicBool,
    wanted: Notify,
}

/// DELETE_EXPIRED_COMMITLOG: what has expired goes now, one segment after the other.
pub(crate) fn delete_expired(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    broker.retention.at_once.store(true, Ordering::Relaxed);
    broker.retention.wanted.notify_one();
    reply.ok(&());
}

/// CLEAN_EXPIRED_CONSUMEQUEUE: a look now. Queues are trimmed with the log anyway, and keep their offsets even if they are empty.
pub(crate) fn clean_queues(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    broker.retention.wanted.notify_one();
    reply.ok(&());
}

/// Removes what is to go, for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let worker = broker.clone();
        // A look that panicked has been logged with its reason; the next one may get further.
        let pause = tokio::task::spawn_blocking(move || look(&worker)).await.unwrap_or(RETRY);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = broker.retention.wanted.notified() => {}
        }
    }
}

/// Does what is due; answers how long to rest.
fn look(broker: &Broker) -> Duration {
    let rules = rules(broker);
    match broker.store.retain(&rules, &|before, forced| release(broker, before, forced)) {
        Ok(Retained { pinned, pause_ms, removed }) => {
            if !removed {
                broker.retention.at_once.store(false, Ordering::Relaxed);
            }
            if pinned {
                tracing::debug!("a segment that should go has messages that are waited for");
            }
            Duration::from_millis(pause_ms)
        }
        Err(error) => {
            tracing::error!("old files are not removed, tried again in a moment: {error}");
            RETRY
        }
    }
}

fn rules(broker: &Broker) -> RetentionRules {
    let config = broker.config.get();
    let whole = |number: i32| u64::from(number.unsigned_abs());
    RetentionRules {
        reserved_ms: i64::from(config.file_reserved_time_hours) * HOUR_MS,
        is_time: broker.retention.at_once.load(Ordering::Relaxed)
            || config.delete_when.contains(hours::local_hour(broker.clock.now_ms())),
        max_used_percent: config.disk_max_used_space_ratio.unsigned_abs(),
        clean_forcibly_percent: config.disk_space_clean_forcibly_ratio.unsigned_abs(),
        clean_forcibly: config.clean_file_forcibly_enable,
        refuse_percent: config.disk_space_warning_level_ratio.unsigned_abs(),
        segment_pause_ms: whole(config.delete_commit_log_files_interval_ms),
        look_pause_ms: whole(config.clean_resource_interval_ms),
        topics: topics(broker),
    }
}

/// Topics with a time of their own. Those of the system follow the configuration: what waits on them is not for consumers.
fn topics(broker: &Broker) -> Vec<(Arc<str>, i64)> {
    let reserved = broker.topics.with_attribute(RESERVE_TIME);
    let hours = reserved.into_iter().filter_map(|(topic, hours)| Some((topic, hours.parse::<i64>().ok()?)));
    hours.filter(|(_, hours)| *hours > 0).map(|(topic, hours)| (topic, hours.saturating_mul(HOUR_MS))).collect()
}

/// Stores again what is waited for of the messages before `before`; says whether nothing there is needed any more. The copies are on
/// the disk then.
fn release(broker: &Broker, before: PhysicalOffset, forced: bool) -> bool {
    let begun = broker.store.max_physical_offset();
    let steps: [(&str, Step); 4] = [
        ("delayed messages", &|| delay::release(broker, before).map_err(Into::into)),
        ("timed messages", &|| timer::release(broker, before).map_err(Into::into)),
        ("open transactions", &|| transaction::release(broker, before)),
        ("messages in flight by POP", &|| pop::release(broker, before, forced)),
    ];
    for (what, step) in steps {
        match step() {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => {
                tracing::error!("{what} keep a segment of the commit log from being removed: {error}");
                return false;
            }
        }
    }
    if broker.store.max_physical_offset() == begun {
        return true;
    }
    broker.store.dispatch();
    is_flushed(broker)
}

/// Stores again what one capability waits for.
type Step<'a> = &'a dyn Fn() -> Result<bool, Box<dyn std::error::Error>>;

/// Waits until the disk has the log as far as it goes; `false`: that takes too long.
fn is_flushed(broker: &Broker) -> bool {
    let end = broker.store.max_physical_offset();
    broker.store.request_flush(end);
    let begun = Instant::now();
    while broker.store.flushed_offset() < end {
        if begun.elapsed() > FLUSH_PATIENCE {
            return false;
        }
        std::thread::sleep(FLUSH_LOOK);
    }
    true
}
