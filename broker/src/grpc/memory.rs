//! What is remembered of clients over a restart of the broker (`config/grpcClients.json`, a file of ours): who they are, and their
//! settings. A client that the file knows is a member of its groups from the start, for as long as it could also have been silent; its
//! transactions are checked as soon as its Telemetry stream is back, whether it sends its settings again or not.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bolide_proto::v2::Settings;
use bolide_remoting::Language;
use bolide_remoting::proxy::Ends;
use prost::Message;
use serde::{Deserialize, Serialize};

use super::{Caller, heartbeat};
use crate::broker::Broker;
use crate::config_file::ConfigFileError;

/// The file's content.
#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    clients: Vec<Client>,
}

/// One client.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    client_id: String,
    language: Language,
    version: String,
    peer: SocketAddr,
    /// The protocol's message `Settings`, in Base64.
    settings: String,
}

/// Takes in what the last run left. What cannot be read is left out: clients send it again.
pub(crate) fn recover(broker: &Arc<Broker>) -> Result<(), ConfigFileError> {
    let remembered: Remembered = match broker.grpc.file.load() {
        Ok(remembered) => remembered.unwrap_or_default(),
        Err(error @ ConfigFileError::Damaged { .. }) => {
            tracing::warn!("clients over gRPC have to introduce themselves again: {error}");
            Remembered::default()
        }
        Err(error) => return Err(error),
    };
    let limit = broker.config.get().server_max_connections.unsigned_abs() as usize;
    let now_ms = broker.clock.now_ms();
    for client in remembered.clients {
        let bytes = STANDARD.decode(&client.settings).unwrap_or_default();
        let Ok(settings) = Settings::decode(&bytes[..]) else { continue };
        let caller = Caller {
            client_id: client.client_id,
            language: client.language,
            version: client.version,
            ends: Ends { peer: client.peer, local: broker.store_host },
            user: String::new(),
            timeout: None,
        };
        let Some(session) = broker.grpc.sessions.attach(&caller, settings, None, limit, now_ms) else { break };
        if let Err(fault) = heartbeat::join(broker, &session, &session.settings()) {
            tracing::debug!(client = caller.client_id, "a client is not taken back: {}", fault.message);
        }
    }
    Ok(())
}

/// Writes what is remembered, if it has changed. Waits for the disk.
pub(crate) fn save(broker: &Broker) -> Result<(), ConfigFileError> {
    let Some(sessions) = broker.grpc.sessions.changed() else { return Ok(()) };
    let clients = sessions.iter().map(|session| Client {
        client_id: session.caller().client_id.clone(),
        language: session.caller().language,
        version: session.caller().version.clone(),
        peer: session.peer(),
        settings: STANDARD.encode(session.settings().encode_to_vec()),
    });
    let remembered = Remembered { clients: clients.collect() };
    broker.grpc.file.save(&remembered).inspect_err(|_| broker.grpc.sessions.touch())
}
