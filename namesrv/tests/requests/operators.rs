//! What operators ask for, and how a name server starts and stops.

use std::fs;

use bolide_namesrv::{NameServer, NameServerConfig, StartError};
use bolide_remoting::body::{self, KvTable, TopicList};
use bolide_remoting::header::{
    BrokerNameRequest, DeleteTopicFromNamesrvRequest, GetKvListByNamespaceRequest, GetTopicsByClusterRequest,
    KvConfigRequest, PutKvConfigRequest, RegisterTopicRequest, WipeWritePermResponse,
};
use bolide_remoting::keys::Value;
use bolide_remoting::network::Networks;
use bolide_remoting::properties::Properties;
use bolide_remoting::{Body, RequestCode, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Broker, Peer, config, route_of, start};

#[tokio::test]
async fn operators_lists_topics_and_permissions() {
    let name_server = start(config()).await;
    let peer = Peer::new(&name_server).await;
    peer.register(&Broker::master()).await;
    let list = async |code, cluster: Option<&str>| -> Vec<String> {
        let header = cluster.map(|cluster| GetTopicsByClusterRequest { cluster });
        body::decode::<TopicList>(&peer.get(code, &header, Body::Empty).await.body).unwrap().topic_list
    };
    assert_eq!(list(RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER, None).await, ["T1", "T2"]);
    assert_eq!(list(RequestCode::GET_TOPICS_BY_CLUSTER, Some("c")).await, ["T1", "T2"]);
    assert_eq!(list(RequestCode::GET_SYSTEM_TOPIC_LIST_FROM_NS, None).await, ["broker-a", "c"]);
    for code in [
        RequestCode::GET_UNIT_TOPIC_LIST,
        RequestCode::GET_HAS_UNIT_SUB_TOPIC_LIST,
        RequestCode::GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST,
    ] {
        assert_eq!(list(code, None).await, [] as [&str; 0]);
    }

    let name = BrokerNameRequest { broker_name: "broker-a" };
    let answer = peer.get(RequestCode::WIPE_WRITE_PERM_OF_BROKER, &name, Body::Empty).await;
    assert_eq!(WipeWritePermResponse::decode(&answer.fields.fields()).unwrap().wipe_topic_count, 2);
    assert_eq!(peer.route("T1").await.unwrap().queue_datas[0].perm, 4);
    let answer = peer.get(RequestCode::ADD_WRITE_PERM_OF_BROKER, &name, Body::Empty).await;
    assert_eq!(answer.fields.get("addTopicCount"), Some("2"));
    assert_eq!(peer.route("T1").await.unwrap().queue_datas[0].perm, 6);

    let entered = body::encode(&peer.route("T1").await.unwrap());
    peer.get(RequestCode::REGISTER_TOPIC_IN_NAMESRV, &RegisterTopicRequest { topic: "T9" }, entered).await;
    assert!(peer.route("T9").await.is_some());
    let delete = |topic, cluster_name| DeleteTopicFromNamesrvRequest { topic, cluster_name };
    peer.get(RequestCode::DELETE_TOPIC_IN_NAMESRV, &delete("T9", Some("other")), Body::Empty).await;
    assert!(peer.route("T9").await.is_some());
    peer.get(RequestCode::DELETE_TOPIC_IN_NAMESRV, &delete("T9", Some("c")), Body::Empty).await;
    peer.get(RequestCode::DELETE_TOPIC_IN_NAMESRV, &delete("T1", None), Body::Empty).await;
    assert_eq!(list(RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER, None).await, ["T2"]);
}

#[tokio::test]
async fn keys_and_values_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kv_config_path = folder.path().join("namesrv/kvConfig.json").display().to_string();
    let config = NameServerConfig { kv_config_path, ..config() };
    let name_server = start(config.clone()).await;
    let peer = Peer::new(&name_server).await;
    let put = |key, value| PutKvConfigRequest { namespace: "n", key, value };
    peer.get(RequestCode::PUT_KV_CONFIG, &put("k", "v"), Body::Empty).await;
    peer.get(RequestCode::PUT_KV_CONFIG, &put("l", "w"), Body::Empty).await;
    peer.get(RequestCode::DELETE_KV_CONFIG, &KvConfigRequest { namespace: "n", key: "l" }, Body::Empty).await;
    name_server.shutdown().await;

    let name_server = start(config).await;
    let peer = Peer::new(&name_server).await;
    let answer = peer.get(RequestCode::GET_KV_CONFIG, &KvConfigRequest { namespace: "n", key: "k" }, Body::Empty).await;
    assert_eq!(answer.fields.get("value"), Some("v"));
    let answer = peer.ask(RequestCode::GET_KV_CONFIG, &KvConfigRequest { namespace: "n", key: "l" }, Body::Empty).await;
    assert_eq!(answer.code, ResponseCode::QUERY_NOT_FOUND);
    assert_eq!(answer.remark.as_deref(), Some("No config item, Namespace: n Key: l"));
    let list = |namespace| GetKvListByNamespaceRequest { namespace };
    let answer = peer.get(RequestCode::GET_KVLIST_BY_NAMESPACE, &list("n"), Body::Empty).await;
    assert_eq!(body::decode::<KvTable>(&answer.body).unwrap().table.len(), 1);
    let answer = peer.ask(RequestCode::GET_KVLIST_BY_NAMESPACE, &list("x"), Body::Empty).await;
    assert_eq!(answer.code, ResponseCode::QUERY_NOT_FOUND);
}

#[tokio::test]
async fn its_own_configuration_is_told_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("namesrv.conf");
    fs::write(&file, "# mine\nlistenPort=0\n").unwrap();
    let name_server = start(NameServerConfig { config_store_path: file.display().to_string(), ..config() }).await;
    let peer = Peer::new(&name_server).await;
    let answer = peer.get(RequestCode::GET_NAMESRV_CONFIG, &(), Body::Empty).await;
    assert_eq!(Properties::read(&answer.body).unwrap().get("enableTopicList"), Some("true"));

    let update =
        async |text: &'static str| peer.ask(RequestCode::UPDATE_NAMESRV_CONFIG, &(), text.as_bytes().to_vec()).await;
    assert_eq!(update("enableTopicList=false\nenableAllTopicList=false").await.code, ResponseCode::SUCCESS);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "# mine\nlistenPort=0\nenableTopicList=false\nenableAllTopicList=false\n"
    );
    for code in [RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER, RequestCode::GET_UNIT_TOPIC_LIST] {
        let answer = peer.ask(code, &(), Body::Empty).await;
        assert_eq!((answer.code, answer.remark.as_deref()), (ResponseCode::SYSTEM_ERROR, Some("disable")));
    }

    let refused = update("kvConfigPath=/x").await;
    assert_eq!(refused.code, ResponseCode::NO_PERMISSION);
    assert!(
        refused
            .remark
            .unwrap()
            .starts_with("Can not update config in black list. kvConfigPath can only be set at start")
    );
    assert_eq!(update("needWaitForService=perhaps").await.code, ResponseCode::SYSTEM_ERROR);
    assert_eq!(update("noSuchKey=1").await.code, ResponseCode::SYSTEM_ERROR);
    assert_eq!(update("").await.code, ResponseCode::SUCCESS);

    assert_eq!(update("needWaitForService=true").await.code, ResponseCode::SUCCESS);
    let answer = peer.ask(RequestCode::GET_ROUTEINFO_BY_TOPIC, &route_of("T1"), Body::Empty).await;
    assert_eq!((answer.code, answer.remark.as_deref()), (ResponseCode::SYSTEM_ERROR, Some("name server not ready")));
}

/// A connection is the address's whom a proxy speaks for that is named.
#[tokio::test]
async fn an_address_has_so_many_connections() {
    let config = NameServerConfig { server_max_connections_per_address: 1, ..config() };
    let name_server = start(config.clone()).await;
    let peer = Peer::new(&name_server).await;
    peer.get(RequestCode::GET_NAMESRV_CONFIG, &(), Body::Empty).await;
    let another = Peer::new(&name_server).await;
    another.closed.notified().await;
    let more = b"serverMaxConnectionsPerAddress=2".to_vec();
    peer.get(RequestCode::UPDATE_NAMESRV_CONFIG, &(), more).await;
    let another = Peer::new(&name_server).await;
    another.get(RequestCode::GET_NAMESRV_CONFIG, &(), Body::Empty).await;

    let proxies = Networks::parse("127.0.0.1", &Networks::ALLOWED).unwrap();
    let name_server = start(NameServerConfig { proxy_protocol_from: proxies, ..config }).await;
    let come = async |from: &str| {
        let mut stream = TcpStream::connect(name_server.local_addr()).await.unwrap();
        let header = r#"{"code":319,"opaque":1,"version":513}"#;
        let lengths = [(4 + header.len() as u32).to_be_bytes(), (header.len() as u32).to_be_bytes()].concat();
        let proxied = format!("PROXY TCP4 {from} 10.0.0.1 51234 9876\r\n");
        stream.write_all(&[proxied.as_bytes(), &lengths, header.as_bytes()].concat()).await.unwrap();
        let answered = matches!(stream.read(&mut [0]).await, Ok(1));
        (stream, answered)
    };
    let (_first, served) = come("10.10.103.9").await;
    assert!(served);
    assert!(!come("10.10.103.9").await.1, "it has one already");
    assert!(come("10.10.103.10").await.1);
    Peer::new(&name_server).await.get(RequestCode::GET_NAMESRV_CONFIG, &(), Body::Empty).await;
}

#[tokio::test]
async fn what_it_does_not_serve_is_named() {
    let name_server = start(config()).await;
    let peer = Peer::new(&name_server).await;
    for (code, remark) in [
        (RequestCode::SEND_MESSAGE, " request type 10 not supported (SEND_MESSAGE)"),
        (RequestCode(9999), " request type 9999 not supported"),
    ] {
        let answer = peer.ask(code, &(), Body::Empty).await;
        assert_eq!((answer.code, answer.remark.as_deref()), (ResponseCode::REQUEST_CODE_NOT_SUPPORTED, Some(remark)));
    }
    let answer = peer.ask(RequestCode::REGISTER_BROKER, &(), Body::Empty).await;
    assert_eq!(answer.code, ResponseCode::SYSTEM_ERROR);
    assert!(answer.remark.unwrap().contains("missing"));
}

#[tokio::test]
async fn several_name_servers_know_what_each_was_told() {
    let (first, second) = (start(config()).await, start(config()).await);
    let (to_first, to_second) = (Peer::new(&first).await, Peer::new(&second).await);
    to_first.register(&Broker::master()).await;
    assert!(to_first.route("T1").await.is_some());
    assert_eq!(to_second.route("T1").await, None);
    to_second.register(&Broker::master()).await;
    first.shutdown().await;
    assert!(to_second.route("T1").await.is_some());
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why() {
    let name_server = start(config()).await;
    let taken = NameServerConfig { listen_port: name_server.local_addr().port(), ..config() };
    let error = NameServer::start(taken).await.err().unwrap();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(error.to_string().contains(&name_server.local_addr().to_string()), "{error}");

    let error =
        NameServer::start(NameServerConfig { bind_address: "eth0".to_owned(), ..config() }).await.err().unwrap();
    assert_eq!(error.to_string(), "bindAddress is \"eth0\", but must be an IP address, such as 0.0.0.0");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kvConfig.json");
    fs::write(&path, "not json").unwrap();
    let kv_config_path = path.display().to_string();
    let error = NameServer::start(NameServerConfig { kv_config_path, ..config() }).await.err().unwrap();
    assert!(matches!(error, StartError::KvConfig { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"not json");
}
