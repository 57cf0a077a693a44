//! Dialling a server.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::connection::{self, Connection, ConnectionOptions};
use crate::service::Service;
use crate::tls::ClientTls;

/// How to dial, and the limits of the connection.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long to wait until the connection is established.
    pub connect_timeout: Duration,
    /// Limits of the connection.
    pub connection: ConnectionOptions,
    /// Speaks TLS; without it plain text.
    pub tls: Option<Arc<ClientTls>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(3), connection: ConnectionOptions::default(), tls: None }
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
        match tokio::time::timeout(timeout, dial(address, options, service)).await {
            Ok(Ok(connection)) => Ok(Self { connection }),
            Ok(Err(source)) => Err(ConnectError::Io { address: address.to_owned(), source }),
            Err(_) => Err(ConnectError::Timeout { address: address.to_owned(), timeout }),
        }
    }
}

async fn dial<S: Service>(address: &str, options: ClientOptions, service: Arc<S>) -> io::Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let ends = (stream.local_addr()?, stream.peer_addr()?);
    Ok(match options.tls {
        Some(tls) => drive(tls.connect(address, stream).await?, ends, options.connection, service),
        None => drive(stream, ends, options.connection, service),
    })
}

fn drive<IO, S>(
    io: IO,
    (local, peer): (SocketAddr, SocketAddr),
    options: ConnectionOptions,
    service: Arc<S>,
) -> Connection
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let (connection, driver) = connection::open(io, local, peer, Arc::new(options), service);
    tokio::spawn(driver);
    connection
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
