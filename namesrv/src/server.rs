//! A running name server: the service behind a socket, and the search for silent brokers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::admission::{AddressLimit, Admission};
use bolide_remoting::keys::Loaded;
use bolide_remoting::tls::{ClientTls, ServerTls, TlsError, TlsSettings};
use bolide_remoting::{ConnectionOptions, Server, ServerOptions};
use tokio::task::JoinSet;

use crate::config::NameServerConfig;
use crate::service::NameService;
use crate::storage::{KvStorage, Settings};

/// Why a name server does not start; one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address to listen on that is not an address of an interface.
    #[error("bindAddress is {0:?}, but must be an IP address, such as 0.0.0.0")]
    BindAddress(String),
    /// The port is taken, or the address is not of this host.
    #[error("the name server {source} (keys bindAddress and listenPort)")]
    Listen {
        /// What the operating system said.
        source: io::Error,
    },
    /// TLS cannot be served or dialled.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The file of the key-value configuration cannot be used.
    #[error("{path}: {source} (key kvConfigPath)")]
    KvConfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: io::Error,
    },
}

/// A running name server. Dropping it stops it at once; [`NameServer::shutdown`] lets it finish its answers.
pub struct NameServer {
    server: Server,
    tasks: JoinSet<()>,
}

impl NameServer {
    /// Starts a name server. Must be awaited on a tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: impl Into<Loaded<NameServerConfig>>) -> Result<Self, StartError> {
        let loaded = config.into();
        let config = loaded.values.clone();
        let address: IpAddr =
            config.bind_address.parse().map_err(|_| StartError::BindAddress(config.bind_address.clone()))?;
        let kv = KvStorage::open(&config.kv_config_path)
            .map_err(|source| StartError::KvConfig { path: config.kv_config_path.clone(), source })?;
        let settings = tls_settings(&config)?;
        let client_tls = if config.use_tls { Some(ClientTls::open(&settings)?) } else { None };
        let tls = ServerTls::open(config.tls_server_mode, settings)?;
        let service = Arc::new(NameService::new(Settings::new(loaded), kv, client_tls));
        let options = ServerOptions {
            admission: Admission::new(config.server_max_connections as usize),
            address_limit: address_limit(service.clone()),
            believed: config.proxy_protocol_from.believed(),
            connection: ConnectionOptions {
                idle_close: Some(Duration::from_secs(config.server_channel_max_idle_time_seconds as u64)),
                ..ConnectionOptions::default()
            },
            tls,
        };
        let address = SocketAddr::new(address, config.listen_port);
        let server =
            Server::bind(&[address], options, service.clone()).map_err(|source| StartError::Listen { source })?;
        let mut tasks = JoinSet::new();
        tasks.spawn(expire_silent_brokers(service));
        Ok(Self { server, tasks })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Stops it: no further connections, and those that exist are closed when they have their answers.
    pub async fn shutdown(mut self) {
        self.tasks.abort_all();
        self.server.shutdown().await;
    }
}

/// What the port, and dialling brokers, needs for TLS.
fn tls_settings(config: &NameServerConfig) -> Result<TlsSettings, TlsError> {
    let (settings, warnings) = TlsSettings::read(&config.tls_config_file)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

/// How many connections an address may have. Whom proxies that are named speak for is known as soon as their headers are read.
fn address_limit(service: Arc<NameService>) -> AddressLimit {
    Arc::new(move |address| {
        let config = service.config().get();
        let most = config.server_max_connections_per_address as usize;
        if most == 0 || config.proxy_protocol_from.contain(address) { usize::MAX } else { most }
    })
}

async fn expire_silent_brokers(service: Arc<NameService>) {
    loop {
        tokio::time::sleep(service.scan_interval()).await;
        service.expire();
    }
}
