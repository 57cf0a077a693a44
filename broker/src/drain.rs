//! The beginning of a broker's end: name servers no longer name it to producers, probes are told that it is not ready, and producers
//! that understand it are sent to another broker. Everything else is served until [`crate::server`] closes the doors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bolide_remoting::version::Version;
use bolide_remoting::{Request, RequestCode, ResponseCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::broker::Broker;
use crate::refusal::Refusal;

/// How long name servers may take to take the permission to write from this broker.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a draining broker looks whether anybody is still there.
const LOOK: Duration = Duration::from_millis(50);

/// Whether the broker is about to stop.
#[derive(Debug, Default)]
pub(crate) struct Drain(AtomicBool);

impl Drain {
    /// Is the broker about to stop?
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Begins the end, and returns when name servers know it, or do not answer. Where `enableShutdownGracefully` asks for it, it also waits
/// until nobody is connected any more, for `shutdownWaitTimeSeconds` at most.
pub(crate) async fn begin(broker: &Arc<Broker>) {
    broker.drain.0.store(true, Relaxed);
    if !broker.registrar.addresses().is_empty() {
        let (tell, told) = oneshot::channel();
        let then = move || {
            // Nobody listens any more who has given up.
            let _ = tell.send(());
        };
        broker.registrar.announce_all(Box::new(then));
        if tokio::time::timeout(PATIENCE, told).await.is_err() {
            tracing::warn!("name servers may still send producers here: they did not answer within {PATIENCE:?}");
        }
    }
    let config = broker.config.snapshot();
    if config.enable_shutdown_gracefully {
        let wait = Duration::from_secs(config.shutdown_wait_time_seconds.unsigned_abs().into());
        let deadline = Instant::now() + wait;
        tracing::info!("serving for up to {wait:?}, while there are connections: enableShutdownGracefully");
        while broker.connections.count() > 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What a producer is told that wants a message stored while the broker drains. Those of Apache's after 5.3.1 know what it means: they
/// try another broker at once.
pub(crate) fn send_away(request: &Request<'_>) -> Option<Refusal> {
    let stores = matches!(
        request.code(),
        RequestCode::SEND_MESSAGE | RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE
    );
    let understands = request.header.version > Version::V5_3_1 && !request.header.is_oneway();
    (stores && understands).then(|| Refusal::new(ResponseCode::GO_AWAY, "the broker stops, please go away"))
}
