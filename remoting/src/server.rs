//! Listening: accepts connections on any number of addresses and drives each in a task of its own.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::connection::{self, Connection, ConnectionOptions};
use crate::service::Service;

/// Connections that the kernel may complete before we accept them.
const BACKLOG: u32 = 1024;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Connections beyond this many are closed at once.
    pub max_connections: usize,
    /// Limits of each connection.
    pub connection: ConnectionOptions,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { max_connections: 65_536, connection: ConnectionOptions::default() }
    }
}

/// A running server. Dropping it stops it at once; [`Server::shutdown`] stops it gracefully.
pub struct Server {
    addresses: Vec<SocketAddr>,
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Listens on all the addresses and serves. Port 0 takes any free port. Must be called on a tokio
    /// runtime.
    ///
    /// # Errors
    /// When an address cannot be had; the error's text names it.
    pub fn bind<S: Service>(addresses: &[SocketAddr], options: ServerOptions, service: Arc<S>) -> io::Result<Self> {
        let listeners = addresses.iter().map(|address| listen(*address)).collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let registry = Arc::new(Registry::default());
        let (stop, stopped) = watch::channel(false);
        let acceptor = Acceptor {
            max_connections: options.max_connections,
            connection: Arc::new(options.connection),
            service,
            registry: registry.clone(),
            stopped,
        };
        let mut tasks = JoinSet::new();
        for listener in listeners {
            tasks.spawn(acceptor.clone().run(listener));
        }
        Ok(Self { addresses, registry, stop, tasks })
    }

    /// The first address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All addresses that are listened on, in the order of [`Server::bind`].
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many connections there are.
    pub fn connection_count(&self) -> usize {
        self.registry.connections.lock().len()
    }

    /// Stops accepting and reading, waits until every connection has answered what is in flight and
    /// written it (or the linger time is over), and closes them.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        for connection in self.registry.all() {
            connection.drain("the server shuts down");
        }
        self.registry.emptied().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for connection in self.registry.all() {
            connection.close("the server stops");
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let name = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(name)?;
    // A restarted server must not wait for the old one's connections to be forgotten.
    socket.set_reuseaddr(true).map_err(name)?;
    socket.bind(address).map_err(name)?;
    socket.listen(BACKLOG).map_err(name)
}

/// Accepts on one address.
struct Acceptor<S> {
    max_connections: usize,
    connection: Arc<ConnectionOptions>,
    service: Arc<S>,
    registry: Arc<Registry>,
    stopped: watch::Receiver<bool>,
}

impl<S> Clone for Acceptor<S> {
    fn clone(&self) -> Self {
        Self {
            max_connections: self.max_connections,
            connection: self.connection.clone(),
            service: self.service.clone(),
            registry: self.registry.clone(),
            stopped: self.stopped.clone(),
        }
    }
}

impl<S: Service> Acceptor<S> {
    async fn run(mut self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stopped.wait_for(|stopped| *stopped) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Err(error) = self.admit(stream, peer) {
                        tracing::debug!(%peer, "connection lost before it began: {error}");
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept connections for a moment: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let service = self.service.clone();
        let mut connections = self.registry.connections.lock();
        if connections.len() >= self.max_connections {
            drop(connections);
            tracing::warn!(%peer, %local, "connection refused: there are {} already", self.max_connections);
            return Ok(());
        }
        let (connection, driver) = connection::open(stream, local, peer, self.connection.clone(), service);
        connections.insert(connection.id(), connection.clone());
        drop(connections);
        let registration = Registration { registry: self.registry.clone(), id: connection.id() };
        tokio::spawn(async move {
            let _registration = registration;
            driver.await;
        });
        Ok(())
    }
}

/// The connections that exist.
#[derive(Default)]
struct Registry {
    connections: Mutex<HashMap<u64, Connection>>,
    emptied: Notify,
}

impl Registry {
    fn all(&self) -> Vec<Connection> {
        self.connections.lock().values().cloned().collect()
    }

    async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.connections.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

/// Takes a connection out of the registry when its task ends, however it ends.
struct Registration {
    registry: Arc<Registry>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut connections = self.registry.connections.lock();
        connections.remove(&self.id);
        if connections.is_empty() {
            self.registry.emptied.notify_waiters();
        }
    }
}
