//! Listening: accepts connections on any number of addresses and drives each in a task of its own.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::admission::{AddressLimit, Admission, Place};
use crate::connection::{self, Connection, ConnectionOptions};
use crate::proxy::{self, Believed, Ends};
use crate::service::Service;
use crate::tls::{HANDSHAKE, ServerTls};

/// Connections that the kernel may complete before we accept them.
const BACKLOG: u32 = 1024;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a client may take for the handshake of TLS.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How often the files with certificates are looked at.
const RELOAD_PERIOD: Duration = Duration::from_secs(1);

/// Limits of a server.
#[derive(Clone)]
pub struct ServerOptions {
    /// Counts connections; those beyond its limit are closed at once.
    pub admission: Arc<Admission>,
    /// How many connections each address may have.
    pub address_limit: AddressLimit,
    /// Limits of each connection.
    pub connection: ConnectionOptions,
    /// Serves TLS too, or nothing else; without it plain text only.
    pub tls: Option<Arc<ServerTls>>,
    /// Which proxies may say whom they speak for.
    pub believed: Believed,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            admission: Admission::new(65_536),
            address_limit: Arc::new(|_| usize::MAX),
            connection: ConnectionOptions::default(),
            tls: None,
            believed: Arc::new(|_| true),
        }
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
            admission: options.admission,
            address_limit: options.address_limit,
            connection: Arc::new(options.connection),
            tls: options.tls.clone(),
            believed: options.believed,
            service,
            registry: registry.clone(),
            stopped: stopped.clone(),
        };
        let mut tasks = JoinSet::new();
        if let Some(tls) = options.tls.filter(|tls| tls.has_files()) {
            tasks.spawn(keep_certificates_fresh(tls, stopped));
        }
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

/// Takes new certificates into use when their files change.
async fn keep_certificates_fresh(tls: Arc<ServerTls>, mut stopped: watch::Receiver<bool>) {
    let mut complaint = String::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(RELOAD_PERIOD) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let looked = tls.clone();
        match tokio::task::spawn_blocking(move || looked.reload()).await {
            Ok(Ok(true)) => tracing::info!("changed certificates are in use for connections from now on"),
            Ok(Err(error)) if complaint != error.to_string() => {
                complaint = error.to_string();
                tracing::error!("changed certificates are not taken into use, the old ones stay: {complaint}");
                continue;
            }
            Ok(Err(_)) => continue,
            Ok(Ok(false)) | Err(_) => {}
        }
        complaint.clear();
    }
}

/// Accepts on one address.
struct Acceptor<S> {
    admission: Arc<Admission>,
    address_limit: AddressLimit,
    connection: Arc<ConnectionOptions>,
    tls: Option<Arc<ServerTls>>,
    believed: Believed,
    service: Arc<S>,
    registry: Arc<Registry>,
    stopped: watch::Receiver<bool>,
}

impl<S> Clone for Acceptor<S> {
    fn clone(&self) -> Self {
        Self {
            admission: self.admission.clone(),
            address_limit: self.address_limit.clone(),
            connection: self.connection.clone(),
            tls: self.tls.clone(),
            believed: self.believed.clone(),
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
        let ends = Ends { peer, local: stream.local_addr()? };
        if let Some(place) = self.admission.admit(ends, &self.address_limit) {
            tokio::spawn(self.clone().greet(stream, ends, place));
        }
        Ok(())
    }

    /// Waits for a client's first byte, and serves what it begins with.
    async fn greet(mut self, stream: TcpStream, ends: Ends, place: Place) {
        let mut stopped = self.stopped.clone();
        let greeted = tokio::select! {
            greeted = within(self.connection.idle_close, proxy::greet(stream, ends, &self.believed)) => greeted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let (stream, ends, first) = match greeted {
            Ok(greeted) => greeted,
            Err(error) => {
                return tracing::debug!(peer = %ends.peer, local = %ends.local, "connection lost before it began: {error}");
            }
        };
        let Some(place) = place.of(ends, &self.address_limit) else { return };
        let Ends { peer, local } = ends;
        match self.tls.clone() {
            Some(tls) if first == HANDSHAKE => {
                let secured = tokio::select! {
                    secured = tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)) => secured,
                    _ = self.stopped.wait_for(|stopped| *stopped) => return,
                };
                match secured.unwrap_or_else(|late| Err(late.into())) {
                    Ok(stream) => self.serve(stream, local, peer, place),
                    Err(error) => tracing::warn!(%peer, %local, "no TLS could be agreed on: {error}"),
                }
            }
            Some(tls) if tls.is_enforced() => {
                tracing::warn!(%peer, %local, "connection refused: it is not secured by TLS (tls.server.mode=enforcing)");
            }
            _ => self.serve(stream, local, peer, place),
        }
    }

    /// Drives a connection in a task of its own, unless the server stops already.
    fn serve<IO>(&self, io: IO, local: SocketAddr, peer: SocketAddr, place: Place)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut connections = self.registry.connections.lock();
        if *self.stopped.borrow() {
            return;
        }
        let (connection, driver) = connection::open(io, local, peer, self.connection.clone(), self.service.clone());
        connections.insert(connection.id(), connection.clone());
        drop(connections);
        let registration = Registration { registry: self.registry.clone(), id: connection.id() };
        tokio::spawn(async move {
            let _place = place;
            let _registration = registration;
            driver.await;
        });
    }
}

/// A client may be silent as long as any connection may.
async fn within<T>(patience: Option<Duration>, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match patience {
        Some(patience) => tokio::time::timeout(patience, work).await?,
        None => work.await,
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
