//! The requests that a name server answers, each listed once.
//!
//! Handlers run where the request was decoded. They read the header, ask or change the [`RouteTable`] under its lock, and
//! answer; what must go to a file is answered from a blocking thread when it is there.

mod admin;
mod brokers;
mod routes;

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::tls::ClientTls;
use bolide_remoting::{Connection, Reply, Request, RequestCode, ResponseCode, Service};
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::config::LiveConfig;
use crate::notifier::Notifier;
use crate::route_table::{Effect, RouteTable};
use crate::storage::{KvStorage, Settings};

/// Reads a typed header, or answers what is wrong with it and leaves the handler.
macro_rules! header {
    ($type:ident, $request:expr, $reply:expr) => {
        match $type::decode(&$request.header.fields) {
            Ok(header) => header,
            Err(error) => return $reply.fail(bolide_remoting::ResponseCode::SYSTEM_ERROR, error),
        }
    };
}
use header;

/// The name server's service.
pub(crate) struct NameService {
    settings: Arc<Settings>,
    routes: RwLock<RouteTable<Connection>>,
    kv: Arc<KvStorage>,
    notifier: Notifier,
    /// The table's clock; it does not jump when somebody sets the machine's.
    started: Instant,
}

impl Service for NameService {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        match request.code() {
            RequestCode::GET_ROUTEINFO_BY_TOPIC => self.get_route(&request, reply),
            RequestCode::REGISTER_BROKER => self.register_broker(&request, reply),
            RequestCode::UNREGISTER_BROKER => self.unregister_broker(&request, reply),
            RequestCode::QUERY_DATA_VERSION => self.query_data_version(&request, reply),
            RequestCode::BROKER_HEARTBEAT => self.broker_heartbeat(&request, reply),
            RequestCode::GET_BROKER_MEMBER_GROUP => self.get_broker_member_group(&request, reply),
            RequestCode::GET_BROKER_CLUSTER_INFO => self.get_cluster_info(reply),
            RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER => self.get_all_topics(reply),
            RequestCode::GET_TOPICS_BY_CLUSTER => self.get_topics_by_cluster(&request, reply),
            RequestCode::GET_SYSTEM_TOPIC_LIST_FROM_NS => self.get_system_topics(reply),
            RequestCode::GET_UNIT_TOPIC_LIST => self.get_listed(reply, RouteTable::unit_topics),
            RequestCode::GET_HAS_UNIT_SUB_TOPIC_LIST => self.get_listed(reply, RouteTable::unit_subscription_topics),
            RequestCode::GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST => {
                self.get_listed(reply, RouteTable::unit_subscription_topics_of_no_unit);
            }
            RequestCode::REGISTER_TOPIC_IN_NAMESRV => self.register_topic(&request, reply),
            RequestCode::DELETE_TOPIC_IN_NAMESRV => self.delete_topic(&request, reply),
            RequestCode::WIPE_WRITE_PERM_OF_BROKER => self.wipe_write_permission(&request, reply),
            RequestCode::ADD_WRITE_PERM_OF_BROKER => self.add_write_permission(&request, reply),
            RequestCode::PUT_KV_CONFIG => self.put_kv(&request, reply),
            RequestCode::GET_KV_CONFIG => self.get_kv(&request, reply),
            RequestCode::DELETE_KV_CONFIG => self.delete_kv(&request, reply),
            RequestCode::GET_KVLIST_BY_NAMESPACE => self.get_kv_list(&request, reply),
            RequestCode::UPDATE_NAMESRV_CONFIG => self.update_config(&request, reply),
            RequestCode::GET_NAMESRV_CONFIG => self.get_config(reply),
            code => reply.fail(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, NotSupported(code)),
        }
    }

    fn closed(&self, connection: &Connection) {
        self.change_routes(|routes, effects| routes.closed(connection, effects));
    }
}

impl NameService {
    pub(crate) fn new(settings: Settings, kv: KvStorage, tls: Option<Arc<ClientTls>>) -> Self {
        Self {
            settings: Arc::new(settings),
            routes: RwLock::default(),
            kv: Arc::new(kv),
            notifier: Notifier::new(tls),
            started: Instant::now(),
        }
    }

    /// Forgets brokers that were silent for too long.
    pub(crate) fn expire(&self) {
        let now_ms = self.now_ms();
        self.change_routes(|routes, effects| routes.expire(now_ms, effects));
    }

    /// How long to wait until the next [`NameService::expire`].
    pub(crate) fn scan_interval(&self) -> Duration {
        Duration::from_millis(self.config().get().scan_not_active_broker_interval_ms as u64)
    }

    /// The configuration in use.
    pub(crate) fn config(&self) -> &LiveConfig {
        &self.settings.live
    }

    fn now_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }

    /// Changes the table, and does what follows from it after the lock is released.
    fn change_routes<T>(
        &self,
        change: impl FnOnce(&mut RouteTable<Connection>, &mut Vec<Effect<Connection>>) -> T,
    ) -> T {
        let mut effects = Vec::new();
        let result = change(&mut self.routes.write(), &mut effects);
        for effect in effects {
            match effect {
                Effect::Close(connection) => connection.close("the broker was silent for too long"),
                Effect::NotifyMinBrokerId(notice) if self.config().get().notify_min_broker_id_changed => {
                    self.notifier.send(notice);
                }
                Effect::NotifyMinBrokerId(_) => {}
            }
        }
        result
    }
}

/// Answers when something has been written to a file, or has not.
fn answer_when_saved(reply: Reply<'_>, save: impl FnOnce() -> io::Result<()> + Send + 'static) {
    let reply = reply.park();
    tokio::task::spawn_blocking(move || match save() {
        Ok(()) => reply.ok(&()),
        Err(error) => {
            tracing::error!("a change is in force but not on disk: {error}");
            reply.fail(ResponseCode::SYSTEM_ERROR, format_args!("the change is in force but not on disk: {error}"));
        }
    });
}

/// The remark that answers a request which is not for name servers; Apache's words, and the code's name.
struct NotSupported(RequestCode);

impl Display for NotSupported {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, " request type {} not supported", self.0.0)?;
        self.0.name().map_or(Ok(()), |name| write!(out, " ({name})"))
    }
}
