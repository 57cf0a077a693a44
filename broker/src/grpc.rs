//! The gRPC front door: version 2 of RocketMQ's protocol, served by the broker itself. Start reading at [`service`], which lists the
//! methods; each capability has a file here that translates between the protocol's messages and the broker's own operations. What
//! sends, pops, ends transactions and so on is not decided here, but where the remoting front door asks for it too.

// The rooms of sending and receiving, which use the rest, are on their way.
#![allow(dead_code)]

mod ack;
mod assignment;
mod caller;
mod dead_letter;
mod digest;
mod endpoint;
mod fault;
mod heartbeat;
mod invisible;
pub(crate) mod listener;
mod lite;
mod message;
mod offset;
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

use std::sync::atomic::{AtomicBool, Ordering};

use bolide_proto::v2;

use crate::broker::Broker;

use caller::Caller;
pub(crate) use endpoint::published;
use fault::Fault;
pub(crate) use session::Session;
use session::Sessions;
pub(crate) use transaction::recover as recover_transaction;

/// What the gRPC front door keeps for as long as the broker runs.
#[derive(Default)]
pub(crate) struct Grpc {
    sessions: Sessions,
    is_stopping: AtomicBool,
}

impl Grpc {
    /// Whether a client has a session. While the broker stops, all have: they come back.
    pub(crate) fn is_connected(&self, client_id: &str) -> bool {
        self.is_stopping.load(Ordering::Relaxed) || self.sessions.get(client_id).is_some()
    }
}

#[cfg(test)]
impl Grpc {
    /// As if a client had sent its settings; the stream that it listens to is what is returned.
    pub(crate) fn connect(&self, client_id: &str) -> impl Sized + use<> {
        let request = {
            let mut request = tonic::Request::new(());
            request.metadata_mut().insert("x-mq-client-id", client_id.parse().unwrap());
            request
        };
        let (commands, told) = tokio::sync::mpsc::channel(1);
        let caller = Caller::of(&request).unwrap();
        self.sessions.attach(&caller, v2::Settings::default(), commands, 10).unwrap();
        told
    }
}

/// Ends all sessions, for the broker stops.
pub(crate) fn drain(broker: &Broker) {
    broker.grpc.is_stopping.store(true, Ordering::Relaxed);
    broker.grpc.sessions.close_all("the broker stops");
}

/// A status that says that all went well.
fn ok() -> Option<v2::Status> {
    Some(v2::Status { code: v2::Code::Ok.into(), message: "OK".to_owned() })
}
