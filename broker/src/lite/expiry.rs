//! Lite topics that nobody sends to any more go after as long as their parent's attribute `lite.topic.expiration` says, with what
//! consumers have not read: as with Apache, only sending counts.

use std::sync::Arc;
use std::time::Duration;

use bolide_store::light::LIGHT_QUEUE;
use bolide_store::{QueueOffset, ReadError, StoreError};

use super::parts;
use crate::broker::Broker;
use crate::pop;

/// The attribute, in minutes; nothing goes without it, or where it is not above 0.
pub(super) const EXPIRATION: &str = "lite.topic.expiration";
const MINUTE_MS: i64 = 60_000;

/// Removes what has expired, for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    let ms = |ms: i64| Duration::from_millis(ms.unsigned_abs());
    tokio::time::sleep(ms(broker.config.get().min_lite_ttl_ms)).await;
    loop {
        let worker = broker.clone();
        // A look that panicked has been logged with its reason; the next one may get further.
        let _ = tokio::task::spawn_blocking(move || remove_expired(&worker)).await;
        tokio::time::sleep(ms(broker.config.get().lite_ttl_check_interval_ms)).await;
    }
}

fn remove_expired(broker: &Broker) {
    let parents = broker.topics.with_attribute(EXPIRATION);
    if parents.is_empty() {
        return;
    }
    let minutes = |name: &str| parents.iter().find(|(parent, _)| **parent == *name)?.1.parse::<i64>().ok();
    for queue in broker.store.topics() {
        let Some(minutes) = parts(&queue).and_then(|(parent, _)| minutes(parent)) else { continue };
        match remove_if_expired(broker, &queue, minutes) {
            Ok(true) => tracing::info!(%queue, "a lite topic that nobody used any more is gone"),
            Ok(false) => {}
            Err(error) => tracing::error!(%queue, "whether a lite topic has expired is not known: {error}"),
        }
    }
}

/// Why a lite topic is not looked at.
#[derive(Debug, thiserror::Error)]
enum ExpiryError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn remove_if_expired(broker: &Broker, queue: &str, minutes: i64) -> Result<bool, ExpiryError> {
    let Some(end) = broker.store.max_offset(queue, LIGHT_QUEUE).filter(|end| end.0 > 0) else { return Ok(false) };
    // One whose message has gone with its segment was longer ago than any other.
    let last_ms = broker.store.store_time(queue, LIGHT_QUEUE, QueueOffset(end.0 - 1))?.unwrap_or(0);
    let least_ms = broker.config.get().min_lite_ttl_ms;
    if !is_expired(broker.clock.now_ms() - last_ms, least_ms, minutes) {
        return Ok(false);
    }
    // A message that comes right now keeps it.
    let is_unused = || broker.store.max_offset(queue, LIGHT_QUEUE) == Some(end);
    if !broker.store.delete_topic_if(queue, is_unused)? {
        return Ok(false);
    }
    broker.offsets.write().remove_topic(queue);
    pop::forget_topic(broker, queue);
    Ok(true)
}

/// Whether a lite topic goes that nobody has sent to for `idle_ms`.
fn is_expired(idle_ms: i64, least_ms: i64, minutes: i64) -> bool {
    minutes > 0 && idle_ms >= least_ms && idle_ms > minutes.saturating_mul(MINUTE_MS)
}

#[cfg(test)]
mod tests;
