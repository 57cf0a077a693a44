//! Dialling a server.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::connection::{self, Connection, ConnectionOptions};
use crate::service::Service;

/// How to dial, and the limits of the connection.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long to wait until the connection is established.
    pub connect_timeout: Duration,
    /// Limits of the connection.
    pub connection: ConnectionOptions,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(3), connection: ConnectionOptions::default() }
    }
}

/// Why a server could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Refused, unreachable, or the name is unknown.
    #[error("cannot connect to {address}: {source}")]
    Io {
        /// What was dialled.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// No answer in time.
    #[error("cannot connect to {address} within {timeout:?}")]
    Timeout {
        /// What was dialled.
        address: String,
        /// How long we waited.
        timeout: Duration,
    },
}

/// A connection to a server, closed when this is dropped. To dial again is the owner's business.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Dials `host:port`. The service handles what the server asks; `()` is one that refuses it all.
    /// Must be awaited on a tokio runtime, which then drives the connection.
    ///
    /// # Errors
    /// When the server cannot be reached in time.
    pub async fn connect<S: Service>(
        address: &str,
        options: ClientOptions,
        service: Arc<S>,
    ) -> Result<Self, ConnectError> {
        let timeout = options.connect_timeout;
        let stream = match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
            Ok(result) => result,
            Err(_) => {
                return Err(ConnectError::Timeout { address: address.to_owned(), timeout });
            }
        };
        let start = |stream: TcpStream| -> io::Result<Connection> {
            stream.set_nodelay(true)?;
            let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
            let options = Arc::new(options.connection);
            let (connection, driver) = connection::open(stream, local, peer, options, service);
            tokio::spawn(driver);
            Ok(connection)
        };
        match stream.and_then(start) {
            Ok(connection) => Ok(Self { connection }),
            Err(source) => Err(ConnectError::Io { address: address.to_owned(), source }),
        }
    }
}

impl Deref for Client {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.close("the client is done with it");
    }
}
