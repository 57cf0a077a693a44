//! What a message's properties say about its time, and what the timers write there.

use bolide_store::QueueId;

use super::{REAL_QUEUE, REAL_TOPIC, TIMER_TOPIC};
use crate::message::{Message, PropertyList};

/// Seconds until delivery.
pub(crate) const DELAY_SECONDS: &str = "TIMER_DELAY_SEC";
/// Milliseconds until delivery.
pub(crate) const DELAY_MS: &str = "TIMER_DELAY_MS";
/// The moment of delivery, in milliseconds since 1970.
pub(crate) const DELIVER_MS: &str = "TIMER_DELIVER_MS";
/// The same as the ONS SDK names it; Apache does not know it.
pub(crate) const START_DELIVER_TIME: &str = "__STARTDELIVERTIME";
/// The slot of a message that waits; stays with the message when it is delivered.
pub(crate) const OUT_MS: &str = "TIMER_OUT_MS";
/// The unique key of the message that this one takes back.
pub(crate) const RECALLED_KEY: &str = "TIMER_DEL_UNIQKEY";

const ENTERED_MS: &str = "TIMER_ENQUEUE_MS";
const TAKEN_OUT_MS: &str = "TIMER_DEQUEUE_MS";
const ROLL_TIMES: &str = "TIMER_ROLL_TIMES";

/// Why a message's time cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimingError {
    /// The property holds no number.
    #[error("timer message illegal, {0}={1:?} is no whole number")]
    NoNumber(&'static str, String),
    /// It lies too far ahead.
    #[error("timer message illegal, the delay time should not be bigger than the max delay {0}ms (timerMaxDelaySec)")]
    TooFar(i64),
    /// A recall comes too late.
    #[error("timer message illegal, if set del msg, the delay time should be bigger than the current time")]
    LateRecall,
}

/// When a message asks to be delivered, in milliseconds since 1970; `None`: at once, or it has waited already.
pub(crate) fn asked_ms(properties: &PropertyList, from_ms: i64) -> Result<Option<i64>, TimingError> {
    if properties.get(OUT_MS).is_some() {
        return Ok(None);
    }
    let after = |delay: i64, unit_ms: i64| from_ms.saturating_add(delay.saturating_mul(unit_ms));
    for name in [DELAY_SECONDS, DELAY_MS, DELIVER_MS, START_DELIVER_TIME] {
        let Some(text) = properties.get(name) else { continue };
        let number: i64 = text.parse().map_err(|_| TimingError::NoNumber(name, text.to_owned()))?;
        return Ok(Some(match name {
            DELAY_SECONDS => after(number, 1_000),
            DELAY_MS => after(number, 1),
            _ => number,
        }));
    }
    Ok(None)
}

/// The slot of a time, as Apache computes it: a time on the border of two slots belongs to the one before.
pub(crate) fn slot_of(deliver_ms: i64, precision_ms: i64) -> i64 {
    (deliver_ms - 1).div_euclid(precision_ms) * precision_ms
}

/// Sends a message to the timers instead, if it asks for a time to come; says whether it did.
pub(crate) fn redirect(
    message: &mut Message,
    now_ms: i64,
    precision_ms: i64,
    max_delay_ms: i64,
) -> Result<bool, TimingError> {
    let Some(deliver_ms) = asked_ms(&message.properties, now_ms)? else { return Ok(false) };
    if deliver_ms <= now_ms {
        let recalls = message.properties.get(RECALLED_KEY).is_some();
        return if recalls { Err(TimingError::LateRecall) } else { Ok(false) };
    }
    if deliver_ms - now_ms > max_delay_ms {
        return Err(TimingError::TooFar(max_delay_ms));
    }
    let properties = &mut message.properties;
    properties.set(OUT_MS, slot_of(deliver_ms, precision_ms).to_string());
    properties.set(REAL_TOPIC, std::mem::replace(&mut message.topic, TIMER_TOPIC.to_owned()));
    properties.set(REAL_QUEUE, message.queue.to_string());
    message.queue = QueueId(0);
    Ok(true)
}

/// Takes the times out of a message that is delayed by a level, which wins.
pub(crate) fn yield_to_level(properties: &mut PropertyList) {
    for name in [DELAY_SECONDS, DELAY_MS, DELIVER_MS] {
        properties.remove(name);
    }
}

/// Gives a message its real topic and queue back; `false` where it does not name them.
pub(crate) fn restore(message: &mut Message, entered_ms: i64, now_ms: i64) -> bool {
    let topic = message.properties.get(REAL_TOPIC).map(str::to_owned);
    let (Some(topic), Some(queue)) = (topic, message.properties.number(REAL_QUEUE)) else { return false };
    message.topic = topic;
    message.queue = QueueId(queue);
    message.properties.remove(REAL_TOPIC);
    message.properties.remove(REAL_QUEUE);
    note_times(message, entered_ms, now_ms);
    true
}

/// Prepares a message for another round among the timers.
pub(crate) fn roll(message: &mut Message, entered_ms: i64, now_ms: i64) {
    let times: i32 = message.properties.number(ROLL_TIMES).unwrap_or(0);
    message.properties.set(ROLL_TIMES, times.saturating_add(1).to_string());
    note_times(message, entered_ms, now_ms);
}

fn note_times(message: &mut Message, entered_ms: i64, now_ms: i64) {
    message.properties.set(ENTERED_MS, entered_ms.to_string());
    message.properties.set(TAKEN_OUT_MS, now_ms.to_string());
}

/// Takes out what only informs, where a message has become too long by it.
pub(crate) fn shorten(message: &mut Message) {
    for name in [ENTERED_MS, TAKEN_OUT_MS, ROLL_TIMES] {
        message.properties.remove(name);
    }
}
