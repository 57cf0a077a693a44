//! The port: accepts connections, tells TLS from plain text by the first byte, and serves HTTP/2 on each, in a task of its own.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bolide_proto::v2::messaging_service_server::{MessagingServiceServer, SERVICE_NAME};
use bolide_remoting::admission::{AddressLimit, Seat};
use bolide_remoting::proxy::{self, Believed, Ends};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::caller::Line;
use super::calls::{Calls, Running};
use super::service::Messaging;
use super::tls::{self, TlsError};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::{pop, quota};

/// Connections that the kernel may complete before we accept them.
const BACKLOG: u32 = 1024;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a client may take for its first byte, and for the handshake of TLS.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);
/// How long calls may take to end when the broker stops.
const LINGER: Duration = Duration::from_secs(2);
/// How long a client may leave a question unanswered whether it is still there.
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(20);
/// How often the health service looks at the store.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);
/// The first byte of a TLS handshake; plain HTTP/2 begins with a letter.
const TLS_HANDSHAKE: u8 = 0x16;
/// What a client may send ahead of being read: on one stream, and on all of a connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// The longest header of a call.
const MAX_HEADER_BYTES: u32 = 16 << 10;

/// Why the gRPC port is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The port cannot be had.
    #[error(transparent)]
    Port(#[from] io::Error),
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The listening front door.
pub(crate) struct GrpcServer {
    address: SocketAddr,
    health: HealthReporter,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// What serves one call.
type Handler = Arc<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;
type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl GrpcServer {
    /// Listens and serves. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the port or the certificate cannot be had.
    pub(crate) fn bind(broker: &Arc<Broker>, address: SocketAddr) -> Result<Self, ListenError> {
        let config = broker.config.snapshot();
        let tls = tls::acceptor(&config)?;
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let (health, handler) = handler(broker, &config);
        let acceptor = Acceptor {
            broker: broker.clone(),
            tls,
            believed: config.proxy_protocol_from.believed(),
            address_limit: quota::address_limit(broker),
            handler,
            limits: Limits::of(&config),
            stopped,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(watch_health(broker.clone(), health.clone(), acceptor.stopped.clone()));
        tasks.spawn(acceptor.run(listener));
        Ok(GrpcServer { address, health, stop, tasks })
    }

    /// The address that is listened on.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Says that it stops, lets calls end, and closes all connections.
    pub(crate) async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.health.set_service_status("", ServingStatus::NotServing).await;
        while self.tasks.join_next().await.is_some() {}
    }
}

fn size(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let name = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(name)?;
    // A restarted server must not wait for the old one's connections to be forgotten.
    socket.set_reuseaddr(true).map_err(name)?;
    socket.bind(address).map_err(name)?;
    socket.listen(BACKLOG).map_err(name)
}

/// What one connection may have.
#[derive(Clone, Copy)]
struct Limits {
    idle: Duration,
    calls: u32,
}

impl Limits {
    fn of(config: &BrokerConfig) -> Self {
        Limits {
            idle: Duration::from_secs(config.server_channel_max_idle_time_seconds.unsigned_abs().into()),
            calls: config.grpc_max_concurrent_calls_per_connection.unsigned_abs(),
        }
    }

    fn protocol(self, calls: Calls) -> http2::Builder<Calls> {
        let mut protocol = http2::Builder::new(calls);
        protocol
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.calls)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_BYTES)
            // Half of what a silent connection is allowed, so that a dead peer is noticed within it.
            .keep_alive_interval(self.idle / 2)
            .keep_alive_timeout(KEEPALIVE_PATIENCE);
        protocol
    }
}

/// The services, chosen by the path of a call.
fn handler(broker: &Arc<Broker>, config: &BrokerConfig) -> (HealthReporter, Handler) {
    let messaging = MessagingServiceServer::new(Messaging(broker.clone()))
        .max_decoding_message_size(size(config.grpc_max_inbound_message_size))
        .max_encoding_message_size(usize::MAX);
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(bolide_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // The descriptors were compiled with this program.
    let reflection_v1 = reflection().build_v1().ok();
    let reflection_v1alpha = reflection().build_v1alpha().ok();
    let handler = move |request: Request<Incoming>| -> Answering {
        let path = request.uri().path();
        let service = path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(service, _)| service);
        match service {
            SERVICE_NAME => messaging.clone().call(request),
            "grpc.health.v1.Health" => health.clone().call(request),
            "grpc.reflection.v1.ServerReflection" => call(reflection_v1.clone(), request),
            "grpc.reflection.v1alpha.ServerReflection" => call(reflection_v1alpha.clone(), request),
            _ => Box::pin(async { Ok(unimplemented()) }),
        }
    };
    (reporter, Arc::new(handler))
}

fn call<S>(service: Option<S>, request: Request<Incoming>) -> Answering
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    match service {
        Some(mut service) => Box::pin(service.call(request)),
        None => Box::pin(async { Ok(unimplemented()) }),
    }
}

fn unimplemented() -> Response<Body> {
    tonic::Status::unimplemented("there is no such service here").into_http()
}

/// Accepts on the port.
struct Acceptor {
    broker: Arc<Broker>,
    tls: TlsAcceptor,
    believed: Believed,
    handler: Handler,
    limits: Limits,
    address_limit: AddressLimit,
    stopped: watch::Receiver<bool>,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut stopped = self.stopped.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = until(&mut stopped) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("no gRPC connection is accepted for a moment: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let greeting = self.greet(stream);
            connections.spawn(async move {
                if let Err(error) = greeting.await {
                    tracing::debug!("a gRPC connection ended: {error}");
                }
            });
        }
        while connections.join_next().await.is_some() {}
    }

    /// Serves a connection, with TLS if the client begins with it.
    fn greet(&self, stream: TcpStream) -> impl Future<Output = io::Result<()>> + use<> {
        let (tls, handler, limits) = (self.tls.clone(), self.handler.clone(), self.limits);
        let (broker, believed, stopped) = (self.broker.clone(), self.believed.clone(), self.stopped.clone());
        let limit = self.address_limit.clone();
        async move {
            // Answers are small and awaited.
            stream.set_nodelay(true)?;
            let ends = Ends { peer: stream.peer_addr()?, local: stream.local_addr()? };
            let Some(place) = broker.connections.admit(ends, &limit) else { return Ok(()) };
            let greeting = proxy::greet(stream, ends, &believed);
            let (stream, ends, first) = tokio::time::timeout(GREETING_PATIENCE, greeting).await??;
            let Some(_place) = place.of(ends, &limit) else { return Ok(()) };
            if first == TLS_HANDSHAKE {
                let secured = tokio::time::timeout(GREETING_PATIENCE, tls.accept(stream)).await??;
                serve(broker, secured, limits, handler, ends, stopped).await
            } else {
                serve(broker, stream, limits, handler, ends, stopped).await
            }
        }
    }
}

async fn serve(
    broker: Arc<Broker>,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    limits: Limits,
    handler: Handler,
    ends: Ends,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let line = Arc::new(Line { ends, seat: Seat::default(), refused: Notify::new() });
    let shared = line.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(shared.clone());
        handler(request)
    });
    let calls = Calls::new();
    let connection = std::pin::pin!(limits.protocol(calls.clone()).serve_connection(TokioIo::new(io), service));
    // What was acknowledged is kept, and what was stored becomes visible to queues and waiting consumers.
    let mut running = Running::new(connection, calls, || {
        pop::write_acknowledged(&broker);
        broker.store.dispatch();
    });
    tokio::select! {
        ended = &mut running => return ended.map_err(io::Error::other),
        () = until(&mut stopped) => {}
        () = line.refused.notified() => {}
    }
    running.connection.as_mut().graceful_shutdown();
    tokio::time::timeout(LINGER, running).await.unwrap_or(Ok(())).map_err(io::Error::other)
}

async fn until(stopped: &mut watch::Receiver<bool>) {
    // The sender lives as long as the server; without it there is nothing to serve.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Whether the broker counts as healthy.
pub(crate) fn is_serving(broker: &Broker) -> bool {
    broker.store.health().refusal.is_none() && !broker.drain.has_begun()
}

/// Tells the health service what the store says: a broker that refuses messages is not healthy.
async fn watch_health(broker: Arc<Broker>, health: HealthReporter, mut stopped: watch::Receiver<bool>) {
    loop {
        let status = if is_serving(&broker) { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status("", status).await;
        health.set_service_status(SERVICE_NAME, status).await;
        tokio::select! {
            () = tokio::time::sleep(HEALTH_PERIOD) => {}
            () = until(&mut stopped) => return,
        }
    }
}
