//! How a connected client is reached, whichever front door it came through.

use std::net::SocketAddr;
use std::sync::Arc;

use bolide_remoting::Connection;

use super::registry::ConnectionId;
use crate::grpc::Session;

/// A client that can be told things.
#[derive(Clone)]
pub(crate) enum ClientHandle {
    /// Over its connection.
    Remoting(Connection),
    /// Over its Telemetry stream.
    Grpc(Arc<Session>),
}

impl ClientHandle {
    /// A number that no other client of this process has.
    pub(crate) fn id(&self) -> ConnectionId {
        match self {
            ClientHandle::Remoting(connection) => connection.id(),
            ClientHandle::Grpc(session) => session.id(),
        }
    }

    /// Where the client is.
    pub(crate) fn peer(&self) -> SocketAddr {
        match self {
            ClientHandle::Remoting(connection) => connection.peer(),
            ClientHandle::Grpc(session) => session.peer(),
        }
    }

    /// Whether the client can be told something now, as far as we know.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            ClientHandle::Remoting(connection) => connection.is_open(),
            ClientHandle::Grpc(session) => session.is_attached(),
        }
    }

    /// The connection of a client that speaks remoting.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        match self {
            ClientHandle::Remoting(connection) => Some(connection),
            ClientHandle::Grpc(_) => None,
        }
    }

    /// Ends it with a client that has fallen silent.
    pub(crate) fn close(&self, reason: &'static str) {
        match self {
            ClientHandle::Remoting(connection) => connection.close(reason),
            ClientHandle::Grpc(session) => session.close(reason),
        }
    }
}

impl From<Connection> for ClientHandle {
    fn from(connection: Connection) -> Self {
        ClientHandle::Remoting(connection)
    }
}
