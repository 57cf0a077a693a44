//! A name server over loopback sockets, asked as brokers, clients and operators ask it.

#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

mod brokers;
mod operators;

use std::sync::Arc;
use std::time::Duration;

use bolide_namesrv::{NameServer, NameServerConfig};
use bolide_remoting::body::{self, DataVersion, RegisterBrokerBody, TopicConfig, TopicRouteData};
use bolide_remoting::header::{BrokerIdentityRequest, GetRouteInfoRequest, RegisterBrokerRequest};
use bolide_remoting::version::Version;
use bolide_remoting::{
    Body, Client, ClientOptions, Connection, ConnectionOptions, FieldSource, Message, Reply, Request, RequestCode,
    ResponseCode, Service,
};
use tokio::sync::Notify;

const TIMEOUT: Duration = Duration::from_secs(20);

fn config() -> NameServerConfig {
    NameServerConfig { bind_address: "127.0.0.1".to_owned(), listen_port: 0, ..NameServerConfig::default() }
}

async fn start(config: NameServerConfig) -> NameServer {
    NameServer::start(config).await.unwrap()
}

/// A client of a version, that notices when its connection is gone.
struct Peer {
    client: Client,
    closed: Arc<Notify>,
}

struct Closed(Arc<Notify>);

impl Service for Closed {
    fn handle(&self, _: Request<'_>, reply: Reply<'_>) {
        reply.forget();
    }

    fn closed(&self, _: &Connection) {
        self.0.notify_one();
    }
}

impl Peer {
    async fn new(name_server: &NameServer) -> Self {
        Self::of_version(name_server, Version::CURRENT).await
    }

    async fn of_version(name_server: &NameServer, version: Version) -> Self {
        let connection = ConnectionOptions { version, ..ConnectionOptions::default() };
        let options = ClientOptions { connection, ..ClientOptions::default() };
        let closed = Arc::new(Notify::new());
        let service = Arc::new(Closed(closed.clone()));
        let client = Client::connect(&name_server.local_addr().to_string(), options, service).await.unwrap();
        Self { client, closed }
    }

    async fn ask(&self, code: RequestCode, header: &impl FieldSource, body: impl Into<Body>) -> Message {
        self.client.request(code, header, body, TIMEOUT).await.unwrap()
    }

    /// Asks for what must succeed.
    async fn get(&self, code: RequestCode, header: &impl FieldSource, body: impl Into<Body>) -> Message {
        let answer = self.ask(code, header, body).await;
        assert_eq!(answer.code, ResponseCode::SUCCESS, "{code}: {:?}", answer.remark);
        answer
    }

    async fn register(&self, broker: &Broker) -> Message {
        self.get(RequestCode::REGISTER_BROKER, &broker.header(), body::encode(&broker.body())).await
    }

    async fn route(&self, topic: &str) -> Option<TopicRouteData> {
        let answer = self.ask(RequestCode::GET_ROUTEINFO_BY_TOPIC, &route_of(topic), Body::Empty).await;
        match answer.code {
            ResponseCode::SUCCESS => Some(body::decode(&answer.body).unwrap()),
            ResponseCode::TOPIC_NOT_EXIST => None,
            other => panic!("{other}: {:?}", answer.remark),
        }
    }

    /// Asks until the topic has no route any more; other connections' ends are noticed in their own time.
    async fn route_goes(&self, topic: &str) {
        tokio::time::timeout(TIMEOUT, async { while self.route(topic).await.is_some() {} }).await.unwrap();
    }
}

fn route_of(topic: &str) -> GetRouteInfoRequest<'_> {
    GetRouteInfoRequest { topic, accept_standard_json_only: false, zone_mode: false, zone_name: None }
}

/// What a broker registers as.
#[derive(Clone)]
struct Broker {
    name: &'static str,
    id: i64,
    address: String,
    timeout_ms: Option<i64>,
    acting_master: bool,
    topics: &'static [&'static str],
}

impl Broker {
    fn master() -> Self {
        let address = "10.0.0.1:10911".to_owned();
        Self { name: "broker-a", id: 0, address, timeout_ms: None, acting_master: false, topics: &["T1", "T2"] }
    }

    fn header(&self) -> RegisterBrokerRequest<'_> {
        RegisterBrokerRequest {
            broker_name: self.name,
            broker_addr: &self.address,
            cluster_name: "c",
            ha_server_addr: "10.0.0.1:10912",
            broker_id: self.id,
            heartbeat_timeout_millis: self.timeout_ms,
            enable_acting_master: Some(self.acting_master),
            compressed: false,
            body_crc32: 0,
            zone_name: None,
        }
    }

    fn identity(&self) -> BrokerIdentityRequest<'_> {
        BrokerIdentityRequest {
            broker_name: self.name,
            broker_addr: &self.address,
            cluster_name: "c",
            broker_id: self.id,
        }
    }

    fn body(&self) -> RegisterBrokerBody {
        let mut body = RegisterBrokerBody::default();
        let wrapper = &mut body.topic_config_serialize_wrapper;
        wrapper.data_version = VERSION;
        for name in self.topics {
            let topic = TopicConfig { topic_name: (*name).to_owned(), ..TopicConfig::default() };
            wrapper.topic_config_table.insert((*name).to_owned(), topic);
        }
        body
    }
}

const VERSION: DataVersion = DataVersion { state_version: 0, timestamp: 7, counter: 1 };
