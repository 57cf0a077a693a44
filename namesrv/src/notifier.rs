//! Telling brokers that the smallest number among those of their name has changed (code 905).

use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::header::NotifyMinBrokerIdChangeRequest;
use bolide_remoting::tls::ClientTls;
use bolide_remoting::{Body, Client, ClientOptions, RequestCode};
use tokio::sync::Semaphore;

use crate::route_table::MinBrokerIdChange;

/// How many notices may be on their way; further ones are dropped, because brokers also ask from time to time.
const MAX_NOTICES: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends notices. Brokers listen for them on their own port, so each receiver is dialled.
pub(crate) struct Notifier {
    tls: Option<Arc<ClientTls>>,
    room: Arc<Semaphore>,
}

impl Notifier {
    /// Dials brokers with TLS, if that is given.
    pub(crate) fn new(tls: Option<Arc<ClientTls>>) -> Self {
        Self { tls, room: Arc::new(Semaphore::new(MAX_NOTICES)) }
    }

    /// Sends one notice, in a task of its own.
    pub(crate) fn send(&self, change: MinBrokerIdChange) {
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            tracing::warn!(broker = change.broker_name, "too many notices are on their way; this one is dropped");
            return;
        };
        let tls = self.tls.clone();
        tokio::spawn(async move {
            for receiver in &change.receivers {
                if let Err(error) = tell(receiver, &change, tls.clone()).await {
                    tracing::warn!(
                        broker = change.broker_name,
                        "{receiver} was not told of its new neighbours: {error}"
                    );
                }
            }
            drop(permit);
        });
    }
}

async fn tell(
    receiver: &str,
    change: &MinBrokerIdChange,
    tls: Option<Arc<ClientTls>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let options = ClientOptions { connect_timeout: CONNECT_TIMEOUT, tls, ..ClientOptions::default() };
    let client = Client::connect(receiver, options, Arc::new(())).await?;
    let header = NotifyMinBrokerIdChangeRequest {
        min_broker_id: Some(change.min_broker_id),
        broker_name: Some(&change.broker_name),
        min_broker_addr: Some(&change.min_broker_addr),
        offline_broker_addr: change.offline_broker_addr.as_deref(),
        ha_broker_addr: change.ha_broker_addr.as_deref(),
    };
    client.oneway(RequestCode::NOTIFY_MIN_BROKER_ID_CHANGE, &header, Body::Empty)?;
    Ok(())
}
