//! A broker with its sockets and its clockwork: starts, ticks, stops.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::connection::ConnectionOptions;
use bolide_remoting::tls::{ServerTls, TlsError, TlsSettings};
use bolide_remoting::{Server, ServerOptions};
use bolide_store::{Clock, Disk};
use tokio::task::JoinHandle;

use crate::broker::{Broker, FrontDoor, OpenError, Opening};
use crate::config::{BrokerConfig, MetricsExporter};
use crate::grpc::listener::{GrpcServer, ListenError};
use crate::grpc::{BadListener, Listener};
use crate::metrics::endpoint::MetricsServer;
use crate::metrics::exporter::{BadExporter, Exporter};
use crate::{
    auth, client, delay, drain, grpc, lite, pop, pull, quota, registration, retention, scrub, send, statistics, timer,
    transaction,
};

/// How often waiting requests are looked through for those whose time is up.
const TICK: Duration = Duration::from_millis(100);
/// How often clients and locks are looked through for those that fell silent.
const SWEEP: Duration = Duration::from_secs(5);

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its data cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its port cannot be had.
    #[error("{key}={port}: {source}")]
    Listen {
        /// The key that names the port.
        key: &'static str,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// `metricsPromExporterHost` is no address.
    #[error("metricsPromExporterHost is {0:?}, which is no IP address")]
    MetricsHost(String),
    /// TLS cannot be served to gRPC's clients.
    #[error(transparent)]
    GrpcTls(#[from] grpc::tls::TlsError),
    /// TLS cannot be served to the other clients.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Metrics cannot be sent to a collector.
    #[error(transparent)]
    Exporter(#[from] BadExporter),
    /// A further port for gRPC is not written as it should be.
    #[error(transparent)]
    Listeners(#[from] BadListener),
}

/// A broker that serves.
pub struct BrokerServer {
    broker: Arc<Broker>,
    doors: Doors,
    tasks: Vec<JoinHandle<()>>,
}

impl BrokerServer {
    /// Opens the data, listens, and registers with the name servers. Must be awaited on a tokio runtime.
    ///
    /// # Errors
    /// When the data cannot be opened or a port is taken. A name server that does not answer is no error: the broker keeps trying.
    pub async fn start(mut opening: Opening, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let config = opening.config.values.clone();
        let bind: IpAddr =
            config.bind_address.parse().map_err(|_| OpenError::BrokerAddress(config.bind_address.clone()))?;
        let tls = tls(&config)?;
        let sends_metrics = config.metrics_exporter_type == MetricsExporter::OpenTelemetry;
        let exporter = if sends_metrics { Some(Exporter::of(&config)?) } else { None };
        let ports = Ports::choose(bind, config.listen_port)?;
        opening.listen_port = ports.main;
        let opened = tokio::task::spawn_blocking(move || Broker::open(opening, disk, clock)).await;
        let broker = opened.map_err(|panic| io_error(&ports, io::Error::other(panic)))??;
        let doors = match Doors::open(&broker, bind, &ports, tls).await {
            Ok(doors) => doors,
            Err(error) => {
                // Nothing was served: the folder is left as a clean stop leaves it.
                broker.close()?;
                return Err(error);
            }
        };
        let links = registration::start(&broker).await;
        let mut tasks = vec![
            tokio::spawn(registration::run(broker.clone(), links)),
            tokio::spawn(delay::run(broker.clone())),
            tokio::spawn(timer::run(broker.clone())),
            tokio::spawn(transaction::run(broker.clone())),
            tokio::spawn(pop::run(broker.clone())),
            tokio::spawn(retention::run(broker.clone())),
            tokio::spawn(scrub::run(broker.clone())),
            tokio::spawn(lite::expiry::run(broker.clone())),
            tokio::spawn(statistics::run(broker.clone())),
            tokio::spawn(auth::plain::run(broker.clone())),
            tokio::spawn(tick(broker.clone())),
            tokio::spawn(sweep(broker.clone())),
            tokio::spawn(save(broker.clone())),
        ];
        tasks.extend(exporter.map(|exporter| tokio::spawn(exporter.run(broker.clone()))));
        Ok(BrokerServer { broker, doors, tasks })
    }

    /// The addresses that are listened on, the one that clients are told first.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        self.doors.remoting.local_addrs()
    }

    /// The addresses that gRPC is served on.
    pub fn grpc_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.doors.grpc.iter().map(GrpcServer::local_addr)
    }

    /// The address that metrics and health are served on, if they are.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.doors.metrics.as_ref().map(MetricsServer::local_addr)
    }

    /// Sends producers away, says goodbye to the name servers, finishes what is in flight, saves everything and closes the store. Takes
    /// some seconds at most, unless `enableShutdownGracefully` asks for more.
    ///
    /// # Errors
    /// When something could not be saved.
    pub async fn shutdown(self) -> Result<(), OpenError> {
        drain::begin(&self.broker).await;
        registration::unregister(&self.broker).await;
        for task in &self.tasks {
            task.abort();
        }
        // Long polls are in flight too: they are answered now rather than waited for.
        pull::drain(&self.broker);
        pop::drain(&self.broker);
        grpc::drain(&self.broker);
        self.doors.close().await;
        let broker = self.broker;
        let closed = tokio::task::spawn_blocking(move || broker.close()).await;
        closed.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

/// All that is listened on.
struct Doors {
    remoting: Server,
    /// The first one is on `grpcServerPort`.
    grpc: Vec<GrpcServer>,
    metrics: Option<MetricsServer>,
}

impl Doors {
    async fn open(
        broker: &Arc<Broker>,
        bind: IpAddr,
        ports: &Ports,
        tls: Option<Arc<ServerTls>>,
    ) -> Result<Self, StartError> {
        let addresses: Vec<SocketAddr> = ports.all().map(|port| SocketAddr::new(bind, port)).collect();
        let remoting = Server::bind(&addresses, options(broker, tls), Arc::new(FrontDoor(broker.clone())))
            .map_err(|source| io_error(ports, source))?;
        let mut doors = Doors { remoting, grpc: Vec::new(), metrics: None };
        let opened = async {
            doors.grpc = listen_for_grpc(broker, bind)?;
            doors.metrics = serve_metrics(broker, bind).await?;
            Ok(())
        };
        match opened.await {
            Ok(()) => Ok(doors),
            Err(error) => {
                doors.close().await;
                Err(error)
            }
        }
    }

    /// Lets what is in flight end. Until then health is told.
    async fn close(self) {
        for grpc in self.grpc {
            grpc.shutdown().await;
        }
        self.remoting.shutdown().await;
    }
}

/// The port that clients are told, and the one two below it, where old clients go.
struct Ports {
    main: u16,
    fast: Option<u16>,
}

impl Ports {
    /// Takes the configured port, or any pair that is free where that is 0.
    fn choose(bind: IpAddr, listen_port: u16) -> Result<Self, StartError> {
        const TRIES: usize = 50;
        let pair = |main: u16| Ports { main, fast: main.checked_sub(2).filter(|port| *port != 0) };
        if listen_port != 0 {
            return Ok(pair(listen_port));
        }
        for _ in 0..TRIES {
            let probe = std::net::TcpListener::bind((bind, 0)).and_then(|listener| listener.local_addr());
            let ports = pair(probe.map_err(|source| listen_error(0, source))?.port());
            if ports.fast.is_some_and(|port| std::net::TcpListener::bind((bind, port)).is_ok()) {
                return Ok(ports);
            }
        }
        Err(listen_error(0, io::Error::other("no two free ports with a distance of 2 were found")))
    }

    fn all(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.main).chain(self.fast)
    }
}

/// Serves gRPC on all its ports, unless the first is 0.
fn listen_for_grpc(broker: &Arc<Broker>, bind: IpAddr) -> Result<Vec<GrpcServer>, StartError> {
    let config = broker.config.snapshot();
    let others = grpc::listeners(&config)?;
    if config.grpc_server_port == 0 {
        return Ok(Vec::new());
    }
    let place = |listener: &Listener| SocketAddr::new(listener.bind.unwrap_or(bind), listener.port);
    let others = others.iter().map(|listener| ("grpcListeners", place(listener)));
    let serve = |(key, place)| match GrpcServer::bind(broker, place) {
        Ok(server) => Ok(server),
        Err(ListenError::Port(source)) => Err(StartError::Listen { key, port: place.port(), source }),
        Err(ListenError::Tls(error)) => Err(error.into()),
    };
    let first = ("grpcServerPort", SocketAddr::new(bind, config.grpc_server_port));
    std::iter::once(first).chain(others).map(serve).collect()
}

/// Serves metrics and health, unless that is switched off.
async fn serve_metrics(broker: &Arc<Broker>, bind: IpAddr) -> Result<Option<MetricsServer>, StartError> {
    let config = broker.config.snapshot();
    let (host, port) = (&config.metrics_prom_exporter_host, config.metrics_prom_exporter_port);
    if config.metrics_exporter_type == MetricsExporter::Disabled || port == 0 {
        return Ok(None);
    }
    let default_port = BrokerConfig::default().metrics_prom_exporter_port;
    let bind = if host.is_empty() { Ok(bind) } else { host.parse() };
    let bind = bind.map_err(|_| StartError::MetricsHost(host.clone()))?;
    match MetricsServer::bind(broker, SocketAddr::new(bind, port)).await {
        Ok(server) => Ok(Some(server)),
        // Apache opens no such port by itself: a second broker on a host must start as it does there.
        Err(source) if source.kind() == io::ErrorKind::AddrInUse && port == default_port => {
            tracing::warn!("port {port} is taken: metrics and health are not served; set metricsPromExporterPort");
            Ok(None)
        }
        Err(source) => Err(StartError::Listen { key: "metricsPromExporterPort", port, source }),
    }
}

fn io_error(ports: &Ports, source: io::Error) -> StartError {
    listen_error(ports.main, source)
}

fn listen_error(port: u16, source: io::Error) -> StartError {
    StartError::Listen { key: "listenPort", port, source }
}

/// What the remoting ports need for TLS; `None` where they serve plain text only.
fn tls(config: &BrokerConfig) -> Result<Option<Arc<ServerTls>>, TlsError> {
    let (settings, warnings) = TlsSettings::read(&config.tls_config_file)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    ServerTls::open(config.tls_server_mode, settings)
}

fn options(broker: &Arc<Broker>, tls: Option<Arc<ServerTls>>) -> ServerOptions {
    let config = broker.config.get();
    let size = |value: i32| usize::try_from(value).unwrap_or(0);
    let idle_seconds = config.server_channel_max_idle_time_seconds.unsigned_abs();
    ServerOptions {
        admission: broker.connections.clone(),
        address_limit: quota::address_limit(broker),
        tls,
        believed: config.proxy_protocol_from.believed(),
        connection: ConnectionOptions {
            max_in_flight: size(config.server_max_in_flight),
            idle_close: Some(Duration::from_secs(idle_seconds.into())),
            latencies: Some(broker.latencies.clone()),
            ..ConnectionOptions::default()
        },
    }
}

async fn tick(broker: Arc<Broker>) {
    loop {
        tokio::time::sleep(TICK).await;
        let now_ms = broker.clock.now_ms();
        pull::expire(&broker, now_ms);
        pop::expire(&broker, now_ms);
        send::expire(&broker, now_ms);
    }
}

async fn sweep(broker: Arc<Broker>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now_ms = broker.clock.now_ms();
        client::expire(&broker, now_ms);
        grpc::expire(&broker, now_ms);
        broker.queue_locks.lock().remove_expired(now_ms);
    }
}

async fn save(broker: Arc<Broker>) {
    let period_ms = broker.config.get().flush_consumer_offset_interval_ms;
    let period = Duration::from_millis(period_ms.unsigned_abs().into());
    loop {
        tokio::time::sleep(period).await;
        let saver = broker.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || saver.save()).await {
            tracing::error!("topics, groups or offsets are not saved: {error}");
        }
    }
}
