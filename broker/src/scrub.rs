//! Has the store read its full segments again and again, to find rotten bits. What is read when, and what is damaged, is the
//! store's business.

use std::sync::Arc;
use std::time::Duration;

use bolide_store::ScrubRules;

use crate::broker::Broker;

/// How long to rest after something failed.
const RETRY: Duration = Duration::from_secs(10);

/// Reads for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let worker = broker.clone();
        let step = tokio::task::spawn_blocking(move || {
            let config = worker.config.get();
            let bytes_per_second = config.scrub_bytes_per_second.unsigned_abs();
            worker.store.scrub(&ScrubRules { bytes_per_second, interval_ms: config.scrub_interval_ms })
        });
        // A step that panicked has been logged with its reason.
        let pause = step.await.map_or(RETRY, Duration::from_millis);
        tokio::time::sleep(pause).await;
    }
}
