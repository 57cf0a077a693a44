//! Registration with name servers: in full at the start and every half minute, and at once when topics change. One task does it all,
//! so that a name server hears of changes in their order; what comes while it works is announced together afterwards.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::{
    DataVersion, KvTable, RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper, decode, encode,
};
use bolide_remoting::header::{BrokerIdentityRequest, RegisterBrokerRequest};
use bolide_remoting::{Body, CallError, Client, ConnectError, RequestCode, ResponseCode};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::grpc;
use crate::topic::{Topics, permission};

/// What is to be done once name servers know of a change.
type Then = Box<dyn FnOnce() + Send>;

/// How long somebody waits at most for name servers that do not answer, before the change is taken for announced: the periodic
/// registration makes up for it.
const ANNOUNCEMENT_PATIENCE: Duration = Duration::from_secs(3);
/// How long a stopping broker waits for a name server.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

/// What the registration task has to do.
#[derive(Default)]
struct Pending {
    topics: Vec<Arc<TopicConfig>>,
    /// Everything changed, or a topic went.
    everything: bool,
    then: Vec<Then>,
}

/// Tells name servers about this broker.
pub(crate) struct Registrar {
    addresses: Vec<String>,
    broker_address: SocketAddr,
    pending: Mutex<Pending>,
    /// The version of the topics that was announced last.
    announced: Mutex<Option<DataVersion>>,
    wake: Notify,
}

impl Registrar {
    /// `broker_address` is what clients connect to.
    pub(crate) fn new(addresses: Vec<String>, broker_address: SocketAddr) -> Self {
        Registrar {
            addresses,
            broker_address,
            pending: Mutex::default(),
            announced: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// The name servers that this broker registers with, as host:port.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The version to announce next. A name server takes no change of a topic from a registration whose version it has already,
    /// and a topic may have changed between the last announcement and its own: so no two announcements have the same one.
    fn fresh_version(&self, topics: &Topics) -> DataVersion {
        let mut announced = self.announced.lock();
        if *announced == Some(topics.version()) {
            topics.touch();
        }
        *announced.insert(topics.version())
    }

    /// Saves and announces new or changed topics, then does `then`.
    pub(crate) fn announce(&self, topics: Vec<Arc<TopicConfig>>, then: Then) {
        let mut pending = self.pending.lock();
        pending.topics.extend(topics);
        pending.then.push(then);
        self.wake.notify_one();
    }

    /// Saves and announces all topics, then does `then`.
    pub(crate) fn announce_all(&self, then: Then) {
        let mut pending = self.pending.lock();
        pending.everything = true;
        pending.then.push(then);
        self.wake.notify_one();
    }
}

/// Registers for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>, mut links: Vec<Link>) {
    loop {
        let period_ms = broker.config.get().register_name_server_period_ms;
        let period = Duration::from_millis(period_ms.unsigned_abs().into());
        let mut pending = tokio::select! {
            () = broker.registrar.wake.notified() => std::mem::take(&mut *broker.registrar.pending.lock()),
            () = tokio::time::sleep(period) => {
                register(&broker, &mut links, Scope::Again).await;
                continue;
            }
        };
        save(&broker).await;
        let changed = std::mem::take(&mut pending.topics);
        let scope = if pending.everything { Scope::Everything } else { Scope::Changed(&changed) };
        register(&broker, &mut links, scope).await;
        for then in pending.then {
            then();
        }
    }
}

/// The links to the broker's name servers, each with a first registration tried.
pub(crate) async fn start(broker: &Arc<Broker>) -> Vec<Link> {
    let addresses = broker.registrar.addresses.iter().cloned();
    let mut links: Vec<Link> = addresses.map(|address| Link { address, client: None, behind: true }).collect();
    register(broker, &mut links, Scope::Again).await;
    links
}

/// Says goodbye to all name servers, so that clients are not sent here any more.
pub(crate) async fn unregister(broker: &Arc<Broker>) {
    let goodbyes = broker.registrar.addresses.iter().map(|address| {
        let (broker, address) = (broker.clone(), address.clone());
        tokio::spawn(async move {
            let mut link = Link { address, client: None, behind: false };
            if let Err(error) = link.unregister(&broker).await {
                tracing::info!(name_server = link.address, "not told that this broker stops: {error}");
            }
        })
    });
    for goodbye in goodbyes.collect::<Vec<_>>() {
        // A task that panicked has been logged; there is nothing to add.
        let _ = goodbye.await;
    }
}

async fn save(broker: &Arc<Broker>) {
    let saver = broker.clone();
    let saved = tokio::task::spawn_blocking(move || saver.topics.save()).await;
    if let Ok(Err(error)) = saved {
        tracing::error!("topics are not saved: {error}");
    }
}

/// What a registration is about.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// Everything, for the name servers forget a broker that is silent.
    Again,
    /// Everything, for it has changed.
    Everything,
    /// These topics have changed.
    Changed(&'a [Arc<TopicConfig>]),
}

/// Registers at all name servers at once.
async fn register(broker: &Arc<Broker>, links: &mut Vec<Link>, scope: Scope<'_>) {
    let changed = match scope {
        Scope::Changed(topics) => Some(topics),
        Scope::Again | Scope::Everything => None,
    };
    let version = match scope {
        Scope::Again => broker.topics.version(),
        Scope::Everything | Scope::Changed(_) => broker.registrar.fresh_version(&broker.topics),
    };
    // As they are now: what changed since it was asked to be announced is announced again, with a later version.
    let current = |topic: &Arc<TopicConfig>| broker.topics.get(&topic.topic_name).map(|topic| (*topic).clone());
    let part = changed.map(|topics| Announcement::of(broker, version, topics.iter().filter_map(current)));
    // Costly with many topics, and seldom needed.
    let needs_full = part.is_none() || links.iter().any(|link| link.behind);
    let full =
        needs_full.then(|| Announcement::of(broker, version, broker.topics.wrapper().topic_config_table.into_values()));
    let mut tasks = Vec::with_capacity(links.len());
    for mut link in links.drain(..) {
        let preferred = if link.behind { &full } else { &part };
        let Some(announcement) = preferred.clone().or_else(|| full.clone()) else {
            continue;
        };
        let broker = broker.clone();
        tasks.push(tokio::spawn(async move {
            let registered = tokio::time::timeout(ANNOUNCEMENT_PATIENCE, link.register(&broker, announcement)).await;
            link.note(registered.unwrap_or(Err(LinkError::Late)));
            link
        }));
    }
    for task in tasks {
        if let Ok(link) = task.await {
            links.push(link);
        }
    }
}

/// The body of a registration, encoded once for all name servers.
#[derive(Clone)]
struct Announcement {
    body: Bytes,
    crc32: i32,
    compressed: bool,
}

impl Announcement {
    /// The topics as clients may use them: a broker without a permission takes it from each of its topics, and one that is about to
    /// stop the permission to write.
    fn of(broker: &Broker, version: DataVersion, topics: impl Iterator<Item = TopicConfig>) -> Self {
        let config = broker.config.get();
        let mask = config.broker_permission & if broker.drain.has_begun() { !permission::WRITE } else { !0 };
        let limited = !permission::is_writable(mask) || !permission::is_readable(mask);
        let masked = topics.map(|topic| if limited { TopicConfig { perm: topic.perm & mask, ..topic } } else { topic });
        let wrapper = TopicConfigAndMappingSerializeWrapper {
            topic_config_table: masked.map(|topic| (topic.topic_name.clone(), topic)).collect(),
            data_version: version,
            ..TopicConfigAndMappingSerializeWrapper::default()
        };
        let body =
            RegisterBrokerBody { topic_config_serialize_wrapper: wrapper, filter_server_list: grpc::published(broker) };
        let compressed = config.compressed_register;
        let body = if compressed { body.encode_compressed() } else { encode(&body) };
        Announcement { crc32: checksum(&body), body, compressed }
    }
}

/// A body's checksum as Java computes it: CRC-32 without its top bit.
fn checksum(body: &[u8]) -> i32 {
    (crc32fast::hash(body) & 0x7FFF_FFFF) as i32
}

/// Why a name server does not know what it should.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("refused with {code}: {remark}")]
    Refused { code: ResponseCode, remark: String },
    #[error("no answer within {ANNOUNCEMENT_PATIENCE:?}")]
    Late,
}

/// The connection to one name server.
pub(crate) struct Link {
    address: String,
    client: Option<Client>,
    /// The last registration failed: the next one must bring everything.
    behind: bool,
}

impl Link {
    async fn connect(&mut self, broker: &Broker) -> Result<&Client, LinkError> {
        if self.client.as_ref().is_none_or(|client| !client.is_open()) {
            let client = Client::connect(&self.address, broker.dial.options(), Arc::new(())).await?;
            self.client = Some(client);
        }
        self.client.as_ref().ok_or(LinkError::Late)
    }

    async fn register(&mut self, broker: &Broker, announcement: Announcement) -> Result<(), LinkError> {
        let config = broker.config.snapshot();
        let address = broker.registrar.broker_address;
        let broker_addr = address.to_string();
        let ha_server_addr = format!("{}:{}", config.broker_ip2, config.ha_listen_port);
        let Announcement { body, crc32, compressed } = announcement;
        let header = RegisterBrokerRequest {
            broker_name: &config.broker_name,
            broker_addr: &broker_addr,
            cluster_name: &config.broker_cluster_name,
            ha_server_addr: &ha_server_addr,
            broker_id: config.broker_id,
            heartbeat_timeout_millis: None,
            enable_acting_master: Some(false),
            compressed,
            body_crc32: crc32,
            zone_name: None,
        };
        let timeout = Duration::from_millis(config.register_broker_timeout_ms.unsigned_abs().into());
        let answer = self.connect(broker).await?.request(RequestCode::REGISTER_BROKER, &header, body, timeout).await?;
        if answer.code != ResponseCode::SUCCESS {
            let remark = answer.remark.unwrap_or_default();
            return Err(LinkError::Refused { code: answer.code, remark });
        }
        if let Ok(ordered) = decode::<KvTable>(&answer.body) {
            broker.topics.follow_order_config(ordered.table.keys());
        }
        Ok(())
    }

    async fn unregister(&mut self, broker: &Broker) -> Result<(), LinkError> {
        let config = broker.config.snapshot();
        let broker_addr = broker.registrar.broker_address.to_string();
        let header = BrokerIdentityRequest {
            broker_name: &config.broker_name,
            broker_addr: &broker_addr,
            cluster_name: &config.broker_cluster_name,
            broker_id: config.broker_id,
        };
        let goodbye = async {
            let client = self.connect(broker).await?;
            Ok(client.request(RequestCode::UNREGISTER_BROKER, &header, Body::Empty, GOODBYE_PATIENCE).await?)
        };
        tokio::time::timeout(GOODBYE_PATIENCE, goodbye).await.unwrap_or(Err(LinkError::Late)).map(drop)
    }

    /// Remembers how a registration went; tells the operator when that changes.
    fn note(&mut self, result: Result<(), LinkError>) {
        match result {
            Ok(()) if self.behind => tracing::info!(name_server = self.address, "registered"),
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(name_server = self.address, "not registered: {error}");
                // A connection that did not answer is not worth keeping; one that refused is: its end would unregister the broker.
                if !matches!(error, LinkError::Refused { .. }) {
                    self.client = None;
                }
                self.behind = true;
                return;
            }
        }
        self.behind = false;
    }
}
