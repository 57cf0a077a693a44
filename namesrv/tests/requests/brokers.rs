//! What brokers say, and what clients then find.

use std::sync::Arc;

use bolide_namesrv::NameServerConfig;
use bolide_remoting::body::{self, BrokerMemberGroupResponse, ClusterInfo, DataVersion, KvTable};
use bolide_remoting::header::{
    BrokerHeartbeatRequest, GetBrokerMemberGroupRequest, GetRouteInfoRequest, NotifyMinBrokerIdChangeRequest,
    PutKvConfigRequest, QueryDataVersionResponse, RegisterBrokerRequest, RegisterBrokerResponse,
};
use bolide_remoting::version::Version;
use bolide_remoting::{Body, Reply, Request, RequestCode, ResponseCode, Server, ServerOptions, Service};
use tokio::sync::mpsc;

use super::{Broker, Peer, TIMEOUT, VERSION, config, route_of, start};

#[tokio::test]
async fn routes_are_written_as_each_client_reads_them() {
    let name_server = start(config()).await;
    let peer = Peer::new(&name_server).await;
    peer.register(&Broker::master()).await;
    let raw = async |peer: &Peer, header: GetRouteInfoRequest<'static>| {
        let answer = peer.get(RequestCode::GET_ROUTEINFO_BY_TOPIC, &header, Body::Empty).await;
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let (bare, quoted) = (r#""brokerAddrs":{0:"10.0.0.1:10911"}"#, r#""brokerAddrs":{"0":"10.0.0.1:10911"}"#);
    let old = Peer::of_version(&name_server, Version(317)).await;
    assert!(raw(&old, route_of("T1")).await.contains(bare));
    let standard = GetRouteInfoRequest { accept_standard_json_only: true, ..route_of("T1") };
    assert!(raw(&old, standard).await.contains(quoted));
    assert!(raw(&peer, route_of("T1")).await.contains(quoted));
    assert!(raw(&Peer::of_version(&name_server, Version(400)).await, route_of("T1")).await.contains(bare));

    let route = peer.route("T1").await.unwrap();
    assert_eq!((route.queue_datas.len(), route.queue_datas[0].perm), (1, 6));
    assert_eq!(route.broker_datas[0].cluster, "c");
}

#[tokio::test]
async fn an_unknown_topic_is_answered_in_apaches_words() {
    let name_server = start(config()).await;
    let peer = Peer::new(&name_server).await;
    let answer = peer.ask(RequestCode::GET_ROUTEINFO_BY_TOPIC, &route_of("No|such%topic"), Body::Empty).await;
    assert_eq!(answer.code, ResponseCode::TOPIC_NOT_EXIST);
    assert_eq!(
        answer.remark.as_deref(),
        Some(
            "No topic route info in name server for the topic: No|such%topic\n\
             See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
        )
    );
}

#[tokio::test]
async fn registrations_are_read_in_every_form() {
    let name_server = start(config()).await;
    let peer = Peer::new(&name_server).await;
    let broker = Broker::master();
    let compressed = broker.body().encode_compressed();
    let crc32 = (crc32fast::hash(&compressed) & 0x7FFF_FFFF) as i32;
    let header = RegisterBrokerRequest { compressed: true, body_crc32: crc32, ..broker.header() };
    let register = async |peer: &Peer, header: &RegisterBrokerRequest<'_>, body: bytes::Bytes| {
        let answer = peer.ask(RequestCode::REGISTER_BROKER, header, body).await;
        (answer.code, answer.remark.unwrap_or_default())
    };

    let wrong = RegisterBrokerRequest { body_crc32: crc32 ^ 1, ..header };
    let refused = register(&peer, &wrong, compressed.clone()).await;
    assert_eq!(refused, (ResponseCode::SYSTEM_ERROR, "crc32 not match".to_owned()));
    assert_eq!(peer.route("T1").await, None);
    assert_eq!(register(&peer, &header, compressed.clone()).await.0, ResponseCode::SUCCESS);
    assert!(peer.route("T1").await.is_some());

    // Apache's 5.5.0 compresses and says that it does not.
    peer.get(RequestCode::UNREGISTER_BROKER, &broker.identity(), Body::Empty).await;
    let lying = RegisterBrokerRequest { compressed: false, ..header };
    assert_eq!(register(&peer, &lying, compressed.clone()).await.0, ResponseCode::SUCCESS);
    assert!(peer.route("T1").await.is_some());

    let (code, remark) = register(&peer, &broker.header(), "{{{".into()).await;
    assert_eq!(code, ResponseCode::SYSTEM_ERROR);
    assert!(remark.starts_with("the registration cannot be read"), "{remark}");
    let (code, _) = register(&peer, &header, compressed.slice(..20)).await;
    assert_eq!(code, ResponseCode::SYSTEM_ERROR);

    // Before 3.0.11 the body was the table of topics alone.
    let ancient = Peer::of_version(&name_server, Version(36)).await;
    let other = Broker { name: "old", address: "10.0.0.9:10911".to_owned(), topics: &["O1", "O2"], ..Broker::master() };
    let topics = body::encode(&other.body().topic_config_serialize_wrapper);
    assert_eq!(register(&ancient, &other.header(), topics).await.0, ResponseCode::SUCCESS);
    assert!(peer.route("O1").await.is_some());
}

#[tokio::test]
async fn a_slave_is_told_its_master_and_all_are_told_the_order_of_topics() {
    let name_server = start(NameServerConfig { order_message_enable: true, ..config() }).await;
    let peer = Peer::new(&name_server).await;
    assert!(peer.register(&Broker::master()).await.body.is_empty());
    let order = PutKvConfigRequest { namespace: "ORDER_TOPIC_CONFIG", key: "T1", value: "broker-a:4" };
    peer.get(RequestCode::PUT_KV_CONFIG, &order, Body::Empty).await;
    let slave = Broker { id: 1, address: "10.0.0.2:10911".to_owned(), ..Broker::master() };
    let answer = peer.register(&slave).await;
    let fields = answer.fields.fields();
    let header = RegisterBrokerResponse::decode(&fields).unwrap();
    assert_eq!((header.master_addr, header.ha_server_addr), (Some("10.0.0.1:10911"), Some("10.0.0.1:10912")));
    let table: KvTable = body::decode(&answer.body).unwrap();
    assert_eq!(table.table["T1"], "broker-a:4");
    assert_eq!(peer.route("T1").await.unwrap().order_topic_conf.as_deref(), Some("broker-a:4"));
    assert_eq!(peer.route("T2").await.unwrap().order_topic_conf, None);
}

#[tokio::test]
async fn a_closed_connection_unregisters_at_once() {
    let name_server = start(config()).await;
    let (broker, client) = (Peer::new(&name_server).await, Peer::new(&name_server).await);
    broker.register(&Broker::master()).await;
    assert!(client.route("T1").await.is_some());
    drop(broker);
    client.route_goes("T1").await;
    let info: ClusterInfo =
        body::decode(&client.get(RequestCode::GET_BROKER_CLUSTER_INFO, &(), Body::Empty).await.body).unwrap();
    assert_eq!(info, ClusterInfo::default());
}

#[tokio::test]
async fn a_silent_broker_is_forgotten_and_disconnected() {
    let name_server = start(NameServerConfig { scan_not_active_broker_interval_ms: 10, ..config() }).await;
    let (broker, client) = (Peer::new(&name_server).await, Peer::new(&name_server).await);
    broker.register(&Broker { timeout_ms: Some(1), ..Broker::master() }).await;
    tokio::time::timeout(TIMEOUT, broker.closed.notified()).await.unwrap();
    client.route_goes("T1").await;
}

#[tokio::test]
async fn versions_and_heartbeats() {
    let name_server = start(config()).await;
    let peer = Peer::new(&name_server).await;
    let broker = Broker::master();
    let query = async |version: DataVersion| {
        let answer = peer.get(RequestCode::QUERY_DATA_VERSION, &broker.identity(), body::encode(&version)).await;
        let changed = QueryDataVersionResponse::decode(&answer.fields.fields()).unwrap().changed;
        (changed, (!answer.body.is_empty()).then(|| body::decode::<DataVersion>(&answer.body).unwrap()))
    };
    assert_eq!(query(VERSION).await, (true, None));
    peer.register(&broker).await;
    assert_eq!(query(VERSION).await, (false, Some(VERSION)));
    assert_eq!(query(DataVersion { counter: 2, ..VERSION }).await, (true, Some(VERSION)));
    let heartbeat = BrokerHeartbeatRequest {
        cluster_name: "c",
        broker_addr: &broker.address,
        broker_name: broker.name,
        broker_id: None,
        epoch: None,
        max_offset: None,
        confirm_offset: None,
        heartbeat_timeout_mills: None,
        election_priority: None,
    };
    peer.get(RequestCode::BROKER_HEARTBEAT, &heartbeat, Body::Empty).await;
    let group = GetBrokerMemberGroupRequest { cluster_name: "c", broker_name: "broker-a" };
    let answer = peer.get(RequestCode::GET_BROKER_MEMBER_GROUP, &group, Body::Empty).await;
    let group: BrokerMemberGroupResponse = body::decode(&answer.body).unwrap();
    assert_eq!(group.broker_member_group.unwrap().broker_addrs[&0], broker.address);
}

/// A broker's own port, on which it hears of its neighbours.
struct Listening(mpsc::UnboundedSender<(i64, String, Option<String>)>);

impl Service for Listening {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        assert_eq!(request.code(), RequestCode::NOTIFY_MIN_BROKER_ID_CHANGE);
        assert!(reply.is_oneway());
        let header = NotifyMinBrokerIdChangeRequest::decode(&request.header.fields).unwrap();
        let offline = header.offline_broker_addr.map(str::to_owned);
        self.0.send((header.min_broker_id.unwrap(), header.min_broker_addr.unwrap().to_owned(), offline)).unwrap();
        reply.forget();
    }
}

#[tokio::test]
async fn brokers_hear_of_a_master_that_left() {
    let name_server = start(NameServerConfig { notify_min_broker_id_changed: true, ..config() }).await;
    let peer = Peer::new(&name_server).await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let any_port = [([127, 0, 0, 1], 0).into()];
    let slave_port = Server::bind(&any_port, ServerOptions::default(), Arc::new(Listening(sender))).unwrap();
    let master = Broker { acting_master: true, ..Broker::master() };
    let slave = Broker { id: 1, address: slave_port.local_addr().to_string(), ..master.clone() };
    peer.register(&master).await;
    peer.register(&slave).await;
    peer.get(RequestCode::UNREGISTER_BROKER, &master.identity(), Body::Empty).await;
    let notice = tokio::time::timeout(TIMEOUT, heard.recv()).await.unwrap().unwrap();
    assert_eq!(notice, (1, slave.address, Some(master.address)));
}
