//! The broker as a whole: what its rooms share, how it starts and how it stops.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use bolide_remoting::admission::Admission;
use bolide_remoting::keys::{Live, Loaded};
use bolide_remoting::latency::Latencies;
use bolide_remoting::tls::TlsError;
use bolide_remoting::{Connection, Parked, Reply, Request, Service};
use bolide_store::{Arrival, Clock, Disk, FlushMode, PhysicalOffset, ReadError, Store, StoreError, StoreEvents};
use parking_lot::{Mutex, RwLock};

use crate::auth::{Auth, AuthOpenError};
use crate::client::handle::ClientHandle;
use crate::client::locks::QueueLocks;
use crate::client::registry::ClientRegistry;
use crate::cluster::Cluster;
use crate::config::{BrokerConfig, FlushDiskType};
use crate::config_file::{ConfigFile, ConfigFileError};
use crate::delay::progress::DelayProgress;
use crate::dial::Dial;
use crate::drain::Drain;
use crate::flow::{self, SlowRequests};
use crate::foreign::ForeignError;
use crate::group::Groups;
use crate::grpc::Grpc;
use crate::lite::Lite;
use crate::offset::Offsets;
use crate::pop::Pop;
use crate::pull::HeldPull;
use crate::pull::waiting::WaitingPulls;
use crate::quota::Buckets;
use crate::registration::Registrar;
use crate::reply::Respond;
use crate::retention::Retention;
use crate::send::WaitingSend;
use crate::send::flush_wait::FlushWait;
use crate::send::unique_id::UniqueIds;
use crate::statistics::Statistics;
use crate::store_options::store_options;
use crate::timer::{TimerError, Timers};
use crate::topic::Topics;
use crate::topic::table::TopicDefaults;
use crate::transaction::Transactions;
use crate::{delay, foreign, grpc, pop, pull, requests, send, timer, transaction};

/// Why a broker did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder has data that is not read here.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The open transactions cannot be read.
    #[error("the open transactions cannot be read: {0}")]
    Transactions(#[from] ReadError),
    /// The journal of POP cannot be read.
    #[error("the journal of POP (the revive topic) cannot be read: {0}")]
    Pop(#[source] ReadError),
    /// The timed messages cannot be taken over.
    #[error("the timed messages cannot be taken over: {0}")]
    Timers(#[from] TimerError),
    /// A file under `config/` cannot be used.
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    /// Users cannot be had.
    #[error(transparent)]
    Auth(#[from] AuthOpenError),
    /// Others cannot be dialled with TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// `brokerIP1` is neither an address nor a name that resolves to one.
    #[error("brokerIP1 is {0:?}, which is no IP address")]
    BrokerAddress(String),
}

/// A running broker, without its sockets. Rooms reach what they share through it.
pub struct Broker {
    pub(crate) config: Live<BrokerConfig>,
    /// The file that a change at run time is written to, if there is one.
    pub(crate) config_path: Option<PathBuf>,
    pub(crate) store: Store,
    pub(crate) flush_mode: FlushMode,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) offsets: Offsets,
    pub(crate) delayed: DelayProgress,
    pub(crate) timers: Timers,
    pub(crate) transactions: Transactions,
    pub(crate) pop: Pop,
    pub(crate) lite: Lite,
    pub(crate) grpc: Grpc,
    pub(crate) cluster: Cluster,
    pub(crate) clients: RwLock<ClientRegistry<ClientHandle>>,
    pub(crate) queue_locks: Mutex<QueueLocks>,
    pub(crate) waiting_pulls: Mutex<WaitingPulls<HeldPull>>,
    pub(crate) waiting_sends: Mutex<FlushWait<WaitingSend>>,
    pub(crate) slow_requests: SlowRequests,
    pub(crate) unique_ids: UniqueIds,
    pub(crate) registrar: Registrar,
    pub(crate) retention: Retention,
    pub(crate) dial: Dial,
    pub(crate) auth: Auth,
    pub(crate) statistics: Statistics,
    pub(crate) buckets: Buckets,
    /// Those on all ports for clients.
    pub(crate) connections: Arc<Admission>,
    /// How long requests over remoting took.
    pub(crate) latencies: Arc<Latencies>,
    pub(crate) drain: Drain,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The address in message ids: what clients connect to.
    pub(crate) store_host: SocketAddr,
}

/// What a broker is opened with.
pub struct Opening {
    /// The configuration, every value filled in.
    pub config: Loaded<BrokerConfig>,
    /// The file that a change at run time is written to, if there is one.
    pub config_path: Option<PathBuf>,
    /// Name servers to register with, host:port each.
    pub name_servers: Vec<String>,
    /// The port that clients are told; differs from the configuration where that leaves the choice to the system.
    pub listen_port: u16,
}

impl Broker {
    /// Opens the store and takes over what the folder keeps. The broker registers and serves once its sockets hand it requests.
    pub fn open(opening: Opening, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        let config = opening.config.values.clone();
        let root = PathBuf::from(&config.store_path_root_dir);
        let file = |name| ConfigFile::new(&root, name, disk.clone());
        let address: IpAddr =
            config.broker_ip1.parse().map_err(|_| OpenError::BrokerAddress(config.broker_ip1.clone()))?;
        let store_host = SocketAddr::new(address, opening.listen_port);
        let events = Arc::new(Events::default());
        let options = store_options(&config);
        let flush_mode = options.flush_mode;
        foreign::check(&root, &*disk)?;
        let store = Store::open(options, disk.clone(), clock.clone(), events.clone())?;
        ConfigFile::create_folder(&root, &*disk)?;
        let broker = Arc::new(Broker {
            config_path: opening.config_path,
            flush_mode,
            topics: Topics::load(&topic_defaults(&config), file("topics.json"), clock.clone())?,
            groups: Groups::load(&config, file("subscriptionGroup.json"), clock.clone())?,
            offsets: Offsets::load(config.enable_lmq, file, &*clock)?,
            delayed: DelayProgress::load(config.message_delay_level.clone(), file("delayOffset.json"), &*clock)?,
            timers: Timers::default(),
            transactions: Transactions::default(),
            pop: Pop::load(&config, &root, &disk, clock.now_ms())?,
            lite: Lite::default(),
            grpc: Grpc::new(file("grpcClients.json")),
            cluster: Cluster::default(),
            clients: RwLock::default(),
            queue_locks: Mutex::default(),
            waiting_pulls: Mutex::new(WaitingPulls::new(config.long_polling_max_requests.unsigned_abs() as usize)),
            waiting_sends: Mutex::default(),
            slow_requests: SlowRequests::default(),
            unique_ids: UniqueIds::new(address, std::process::id(), u32::from(opening.listen_port)),
            retention: Retention::default(),
            dial: Dial::new(&config)?,
            auth: Auth::load(&config, ConfigFile::private(&root, "auth.json", disk.clone()))?,
            registrar: Registrar::new(opening.name_servers, store_host),
            statistics: Statistics::new(clock.now_ms()),
            latencies: Arc::default(),
            buckets: Buckets::default(),
            connections: Admission::new(config.server_max_connections.unsigned_abs() as usize),
            drain: Drain::default(),
            config: Live::new(opening.config),
            disk: disk.clone(),
            clock,
            store_host,
            store,
        });
        // Cannot be set already: the events were made above.
        let _ = events.broker.set(Arc::downgrade(&broker));
        transaction::recover(&broker)?;
        timer::open(&broker)?;
        pop::recover(&broker).map_err(OpenError::Pop)?;
        grpc::memory::recover(&broker)?;
        Ok(broker)
    }

    /// Hands work that waits for the disk to a thread that may wait.
    pub(crate) fn on_blocking_thread(
        self: &Arc<Self>,
        reply: Reply<'_>,
        work: impl FnOnce(&Arc<Broker>, Parked) + Send + 'static,
    ) {
        let turn = match flow::begin_slow(self) {
            Ok(turn) => turn,
            Err(refusal) => return reply.refuse(refusal),
        };
        let (broker, reply) = (self.clone(), reply.park());
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&broker, reply);
        });
    }

    /// Writes topics, groups and offsets that have changed. Waits for the disk.
    pub(crate) fn save(&self) -> Result<(), ConfigFileError> {
        self.topics.save()?;
        self.groups.save()?;
        grpc::memory::save(self)?;
        self.delayed.save(self.clock.now_ms(), || self.await_flush())?;
        // Right before the offsets: what they say about POP begins where this ends.
        let now_ms = self.pop.save(self)?;
        self.offsets.save(now_ms, || self.await_flush())
    }

    /// Waits until the log is on the disk as far as it goes. Progress that was saved must not outlive a power failure that takes the
    /// messages which it relies on.
    fn await_flush(&self) {
        const LOOK: Duration = Duration::from_millis(2);
        const PATIENCE: Duration = Duration::from_secs(5);
        let end = self.store.max_physical_offset();
        self.store.request_flush(end);
        let begun = Instant::now();
        while self.store.flushed_offset() < end {
            if begun.elapsed() > PATIENCE {
                return tracing::warn!("progress is saved before the log is on the disk, which is slow");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Answers everything that waits, saves everything and closes the store. No request may come any more.
    pub fn close(self: &Arc<Self>) -> Result<(), OpenError> {
        pull::drain(self);
        pop::drain(self);
        transaction::store_operations(self);
        timer::finish(self);
        timer::stop(self);
        let saved = self.save();
        self.store.close()?;
        timer::close(self)?;
        Ok(saved?)
    }
}

fn topic_defaults(config: &BrokerConfig) -> TopicDefaults {
    TopicDefaults {
        cluster: config.broker_cluster_name.clone(),
        broker: config.broker_name.clone(),
        queue_nums: config.default_topic_queue_nums,
        auto_create: config.auto_create_topic_enable,
        trace_topic: config.trace_topic_enable,
        trace_topic_name: config.msg_trace_topic_name.clone(),
        cluster_topic: config.cluster_topic_enable,
        broker_topic: config.broker_topic_enable,
        revive_queues: config.revive_queue_num,
        light_queues: config.enable_lmq,
    }
}

/// Brings requests from the sockets to the broker.
pub struct FrontDoor(pub Arc<Broker>);

impl Service for FrontDoor {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        requests::dispatch(&self.0, &request, reply);
    }

    fn settle(&self) {
        self.0.store.dispatch();
    }

    fn is_short_of_memory(&self) -> bool {
        flow::is_short_of_memory(&self.0)
    }

    fn closed(&self, connection: &Connection) {
        crate::client::connection_closed(&self.0, connection);
    }
}

/// Brings the store's news to the broker, which is opened after the store.
#[derive(Default)]
struct Events {
    broker: OnceLock<Weak<Broker>>,
}

impl Events {
    fn with_broker(&self, tell: impl FnOnce(&Arc<Broker>)) {
        if let Some(broker) = self.broker.get().and_then(Weak::upgrade) {
            tell(&broker);
        }
    }
}

impl StoreEvents for Events {
    fn arrived(&self, arrivals: &[Arrival]) {
        self.with_broker(|broker| {
            broker.statistics.arrived(arrivals);
            if arrivals.iter().any(|arrival| &*arrival.topic == delay::SCHEDULE_TOPIC) {
                broker.delayed.note_arrival();
            }
            if arrivals.iter().any(|arrival| &*arrival.topic == timer::TIMER_TOPIC) {
                broker.timers.note_arrival();
            }
            pull::wake(broker, arrivals);
            pop::wake(broker, arrivals);
        });
    }

    fn flushed(&self, up_to: PhysicalOffset) {
        self.with_broker(|broker| send::flushed(broker, up_to));
    }

    fn refused(&self, reason: &str) {
        tracing::error!(reason, "the store refuses writes from now on; restart the broker once the disk is sound");
        self.with_broker(|broker| send::refused(broker, reason));
    }
}

impl From<FlushDiskType> for FlushMode {
    fn from(kind: FlushDiskType) -> Self {
        match kind {
            FlushDiskType::AsyncFlush => FlushMode::Async,
            FlushDiskType::SyncFlush => FlushMode::Sync,
        }
    }
}
