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
}

/// Ends all sessions, for the broker stops.
pub(crate) fn drain(broker: &Broker) {
    broker.grpc.sessions.close_all("the broker stops");
}

/// A status that says that all went well.
fn ok() -> Option<v2::Status> {
    Some(v2::Status { code: v2::Code::Ok.into(), message: "OK".to_owned() })
}
