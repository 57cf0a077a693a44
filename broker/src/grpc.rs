//! The gRPC front door: version 2 of RocketMQ's protocol, served by the broker itself. Start reading at [`service`], which lists the
//! methods; each capability has a file here that translates between the protocol's messages and the broker's own operations. What
//! sends, pops, ends transactions and so on is not decided here, but where the remoting front door asks for it too.

mod ack;
mod assignment;
mod caller;
mod calls;
mod dead_letter;
mod digest;
mod endpoint;
mod fault;
mod heartbeat;
mod invisible;
pub(crate) mod listener;
mod lite;
pub(crate) mod memory;
mod message;
mod offset;
mod permission;
mod property;
mod pull;
pub(crate) mod question;
mod recall;
mod receipt;
mod receive;
mod resource;
mod route;
mod send;
mod service;
mod session;
mod settings;
mod telemetry;
pub(crate) mod tls;
mod transaction;

use bolide_proto::v2;

use crate::broker::Broker;
use crate::config_file::ConfigFile;
use crate::lite as lite_topics;

use caller::Caller;
pub(crate) use endpoint::{BadListener, Listener, listeners, published};
use fault::{Fault, known, summary};
pub(crate) use lite::lost_lite_topic;
pub(crate) use session::Session;
use session::Sessions;
pub(crate) use transaction::recover as recover_transaction;

/// What the gRPC front door keeps for as long as the broker runs.
pub(crate) struct Grpc {
    sessions: Sessions,
    /// What is remembered of the sessions.
    file: ConfigFile,
}

impl Grpc {
    /// `file` holds what is remembered of clients; [`memory::recover`] takes it in, once there is a broker.
    pub(crate) fn new(file: ConfigFile) -> Self {
        Grpc { sessions: Sessions::default(), file }
    }

    /// Whether a client has a session: one with a Telemetry stream, or one that has not been silent for long.
    pub(crate) fn is_connected(&self, client_id: &str) -> bool {
        self.sessions.get(client_id).is_some()
    }

    /// As if a client had sent its settings; it listens for as long as what is returned is kept.
    #[cfg(test)]
    pub(crate) fn connect(&self, client_id: &str, now_ms: i64) -> impl Sized + use<> {
        let mut request = tonic::Request::new(());
        request.metadata_mut().insert("x-mq-client-id", client_id.parse().unwrap());
        let (commands, told) = tokio::sync::mpsc::channel(1);
        let caller = Caller::of(&request).unwrap();
        self.sessions.attach(&caller, v2::Settings::default(), Some(commands), 10, now_ms).unwrap();
        told
    }
}

/// Forgets clients that fell silent, and what they subscribed to.
pub(crate) fn expire(broker: &Broker, now_ms: i64) {
    broker.grpc.sessions.expire(now_ms, broker.config.get().channel_expired_timeout_ms);
    lite_topics::expire(broker, now_ms);
}

/// Ends all Telemetry streams, for the broker stops.
pub(crate) fn drain(broker: &Broker) {
    broker.grpc.sessions.hang_up("the broker stops");
}

/// A status that says that all went well.
fn ok() -> Option<v2::Status> {
    Some(v2::Status { code: v2::Code::Ok.into(), message: "OK".to_owned() })
}
