//! Delivery at a time of the message's own (properties `TIMER_DELAY_SEC`, `TIMER_DELAY_MS`, `TIMER_DELIVER_MS`,
//! `__STARTDELIVERTIME`), and taking such messages back. A timed message waits on a system topic, its real topic and queue among its
//! properties; the files of the store's timers lead to it when its time has come. Delays by level are not here.

mod clockwork;
pub(crate) mod handle;
mod mail;
pub(crate) mod recall;
mod schedule;
#[cfg(test)]
mod tests;
pub(crate) mod timing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bolide_remoting::ResponseCode;
use bolide_store::record::properties::UNIQUE_KEY;
use bolide_store::{PhysicalOffset, StoreError, TimerOptions};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::delay::{self, REAL_QUEUE, REAL_TOPIC};
use crate::message::Message;
use crate::name;
use crate::refusal::Refusal;
pub use clockwork::TimerError;
use clockwork::{Clockwork, Progress};
use handle::RecallHandle;
use mail::Mail;
use schedule::Lengths;
use timing::TimingError;

/// The topic on which timed messages wait, all in queue 0.
pub const TIMER_TOPIC: &str = "rmq_sys_wheel_timer";

/// How long to rest after something failed.
const RETRY: Duration = Duration::from_secs(1);
/// The longest sleep: a clock that was set forward is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The longest wait for the open slot at a stop; slots have 3.5 s at most.
const LONGEST_FINISH: Duration = Duration::from_secs(5);
const HOUR_MS: i64 = 3_600_000;

/// The timers of a broker.
#[derive(Default)]
pub struct Timers {
    /// `None`: not opened yet, switched off, or closed.
    clockwork: Mutex<Option<Clockwork>>,
    arrived: Notify,
    /// The last turn ended with an error.
    failing: AtomicBool,
    closing: AtomicBool,
}

impl Timers {
    /// Tells the clockwork that a message has come to wait.
    pub(crate) fn note_arrival(&self) {
        self.arrived.notify_one();
    }
}

/// Opens the timers' files and takes over what they and the queue hold.
pub(crate) fn open(broker: &Broker) -> Result<(), TimerError> {
    let config = broker.config.get();
    if !config.timer_wheel_enable {
        return Ok(());
    }
    let options = TimerOptions {
        root: config.store_path_root_dir.clone().into(),
        precision_ms: config.timer_precision_ms.into(),
        log_file_bytes: u64::from(config.mapped_file_size_timer_log_bytes.unsigned_abs()),
    };
    let interval_ms = i64::from(config.timer_flush_interval_ms);
    let opened = Clockwork::open(options, lengths(&config), interval_ms, broker.disk.clone(), &Mail(broker));
    *broker.timers.clockwork.lock() = Some(opened?);
    Ok(())
}

fn lengths(config: &BrokerConfig) -> Lengths {
    let kept_ms = i64::from(config.file_reserved_time_hours) * HOUR_MS;
    Lengths::new(config.timer_precision_ms.into(), config.timer_roll_window_slot.into(), kept_ms)
}

/// Delivers what is due, for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let worker = broker.clone();
        let turn = tokio::task::spawn_blocking(move || turn(&worker)).await;
        // A turn that panicked has been logged with its reason; the next one may get further.
        let pause = turn.unwrap_or(RETRY);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = broker.timers.arrived.notified() => {}
        }
    }
}

/// Does what is to be done by now; answers how long there is nothing more.
pub(crate) fn turn(broker: &Broker) -> Duration {
    let mut clockwork = broker.timers.clockwork.lock();
    let Some(clockwork) = clockwork.as_mut() else { return LONGEST_SLEEP };
    let turned = clockwork.turn(&Mail(broker));
    broker.timers.failing.store(turned.is_err(), Ordering::Relaxed);
    match turned {
        Ok(Some(wake_ms)) => {
            let pause_ms = (wake_ms - broker.clock.now_ms()).max(0).unsigned_abs();
            Duration::from_millis(pause_ms).min(LONGEST_SLEEP)
        }
        Ok(None) => LONGEST_SLEEP,
        Err(error) => {
            tracing::error!("timed messages wait, tried again in a moment: {error}");
            RETRY
        }
    }
}

/// How far the timers are; nothing of it while they are switched off. Waits for the disk, and for the clockwork's turn to end.
pub(crate) fn progress(broker: &Broker) -> Result<Progress, StoreError> {
    let clockwork = broker.timers.clockwork.lock();
    clockwork.as_ref().map_or_else(|| Ok(Progress::default()), |clockwork| clockwork.progress(&Mail(broker)))
}

/// The moment before which everything has been delivered that waited when the broker started. Timers that are switched off, or fail,
/// keep nobody waiting. Waits for the clockwork's turn to end.
pub(crate) fn delivered_until_ms(broker: &Broker) -> i64 {
    let clockwork = broker.timers.clockwork.lock();
    let working = clockwork.as_ref().filter(|_| !broker.timers.failing.load(Ordering::Relaxed));
    working.and_then(Clockwork::first_undone_ms).unwrap_or(i64::MAX)
}

/// Delivers what the open slot still has, which takes until its end: so a clean stop delivers nothing twice. Gives up where that takes
/// much longer than a slot, or fails.
pub(crate) fn finish(broker: &Broker) {
    let begun = Instant::now();
    let mut clockwork = broker.timers.clockwork.lock();
    let Some(clockwork) = clockwork.as_mut() else { return };
    while let Ok(Some(due_ms)) = clockwork.finish(&Mail(broker)) {
        let now_ms = broker.clock.now_ms();
        let pause = Duration::from_millis((due_ms - now_ms).max(1).unsigned_abs());
        if begun.elapsed() + pause > LONGEST_FINISH {
            return tracing::warn!("timed messages of the last moments may be delivered twice");
        }
        std::thread::sleep(pause);
        if broker.clock.now_ms() == now_ms {
            // A clock that stands still will not get there.
            return;
        }
    }
}

/// Makes the clockwork stop as soon as it can.
pub(crate) fn stop(broker: &Broker) {
    broker.timers.closing.store(true, Ordering::Relaxed);
}

/// Saves how far the timers are. The commit log must be on the disk.
pub(crate) fn close(broker: &Broker) -> Result<(), StoreError> {
    stop(broker);
    let clockwork = broker.timers.clockwork.lock().take();
    clockwork.map_or(Ok(()), |mut clockwork| clockwork.save(broker.clock.now_ms()))
}

/// Sends a message to the timers instead, if it asks for a time to come; answers the handle with which it can be taken back.
pub(crate) fn redirect(broker: &Broker, message: &mut Message) -> Result<Option<String>, Refusal> {
    let config = broker.config.get();
    let now_ms = broker.clock.now_ms();
    if !config.timer_wheel_enable {
        return match timing::asked_ms(&message.properties, now_ms)? {
            None => Ok(None),
            Some(_) => {
                let remark = "accurate timer message is not enabled, timerWheelEnable is false";
                Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark))
            }
        };
    }
    let max_delay_ms = i64::from(config.timer_max_delay_sec) * 1_000;
    if !timing::redirect(message, now_ms, config.timer_precision_ms.into(), max_delay_ms)? {
        return Ok(None);
    }
    let properties = &message.properties;
    let (Some(topic), Some(out_ms), Some(key)) =
        (properties.get(REAL_TOPIC), properties.number(timing::OUT_MS), properties.get(UNIQUE_KEY))
    else {
        return Ok(None);
    };
    Ok((!name::is_retry_topic(topic)).then(|| RecallHandle::encode(topic, &config.broker_name, out_ms, key)))
}

/// Sends a message to the timers until `due_ms`, which lies ahead; `false`: they cannot take it.
pub(crate) fn redirect_at(broker: &Broker, message: &mut Message, due_ms: i64) -> bool {
    timing::yield_to_level(&mut message.properties);
    // A broker of Apache's that takes the folder over would make a message with a level wait once more.
    for name in [delay::LEVEL, timing::OUT_MS, timing::START_DELIVER_TIME] {
        message.properties.remove(name);
    }
    message.properties.set(timing::DELIVER_MS, due_ms.to_string());
    redirect(broker, message).is_ok() && message.topic == TIMER_TOPIC
}

/// Whether messages may wait among the timers for this long.
pub(crate) fn can_wait(broker: &Broker, wait_ms: i64) -> bool {
    let config = broker.config.get();
    config.timer_wheel_enable && wait_ms <= i64::from(config.timer_max_delay_sec) * 1_000
}

/// Stores again what waits in messages before `before`, so that their segment may go; says whether all of it could be.
pub(crate) fn release(broker: &Broker, before: PhysicalOffset) -> Result<bool, TimerError> {
    if !broker.config.get().timer_wheel_enable {
        return Ok(true);
    }
    let mut clockwork = broker.timers.clockwork.lock();
    clockwork.as_mut().map_or(Ok(false), |clockwork| clockwork.release(&Mail(broker), before))
}

/// Refuses a message whose time could not be kept, without sending it anywhere.
pub(crate) fn check(broker: &Broker, message: &Message) -> Result<(), Refusal> {
    redirect(broker, &mut message.clone()).map(drop)
}

/// Like [`redirect`], for a message that was [checked](check) when it came. Should its time have become one that cannot be kept, it is
/// delivered at once rather than lost.
pub(crate) fn redirect_checked(broker: &Broker, message: &mut Message) {
    if let Err(refusal) = redirect(broker, message) {
        tracing::warn!(topic = message.topic, "a message is not delayed: {}", refusal.remark);
    }
}

impl From<TimingError> for Refusal {
    fn from(error: TimingError) -> Self {
        Refusal::illegal(error.to_string())
    }
}
