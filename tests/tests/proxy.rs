//! The PROXY protocol: a client that comes through a proxy is taken for the one that the proxy names, over remoting and TLS; gRPC's part is in
//! `grpc`. Trusted addresses of ACL 1.0 show whom a broker takes a client for.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::tls::{ClientTls, TlsSettings};
use bolide_remoting::{Body, Client, ClientOptions, RequestCode, ResponseCode};
use bolide_tests::cluster::{Cluster, ORDINARY};
use bolide_tests::proxy::{header_1, header_2, in_front_of};
use bolide_tests::wire::{Wire, records};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that serves whoever comes from 10.10.103.0/24, and nobody else.
fn guarded(purpose: &str, settings: &[(&str, &str)]) -> Cluster {
    let cluster = Cluster::new(purpose);
    let home = cluster.folder().join("home");
    fs::create_dir_all(home.join("conf")).unwrap();
    fs::write(home.join("conf/plain_acl.yml"), "globalWhiteRemoteAddresses: [10.10.103.*]").unwrap();
    let home = home.display().to_string();
    let acl = [("aclEnable", "true"), ("rocketmqHome", home.as_str())];
    cluster.start_broker(ORDINARY, "DefaultCluster", &[&acl, settings].concat());
    cluster
}

/// What a client is told that asks for the broker's configuration.
async fn verdict(address: &str, options: ClientOptions) -> ResponseCode {
    let client = Client::connect(address, options, Arc::new(())).await.unwrap();
    client.request(RequestCode::GET_BROKER_CONFIG, &(), Body::Empty, PATIENCE).await.unwrap().code
}

#[tokio::test]
async fn a_client_is_whom_the_proxy_says() {
    let cluster = guarded("proxy", &[]);
    let broker = cluster.address(ORDINARY);
    let options = ClientOptions::default();
    assert_eq!(verdict(&broker, options.clone()).await, ResponseCode::NO_PERMISSION);
    let (settings, _) = TlsSettings::read("/etc/rocketmq/tls.properties").unwrap();
    let secured = ClientOptions { tls: Some(ClientTls::open(&settings).unwrap()), ..options.clone() };
    for (header, expected) in [
        (header_1("10.10.103.9"), ResponseCode::SUCCESS),
        (header_2([10, 10, 103, 7]), ResponseCode::SUCCESS),
        (header_1("10.10.104.9"), ResponseCode::NO_PERMISSION),
        (header_2([10, 10, 104, 7]), ResponseCode::NO_PERMISSION),
        (b"PROXY UNKNOWN\r\n".to_vec(), ResponseCode::NO_PERMISSION),
    ] {
        let proxy = in_front_of(&broker, header.clone()).await;
        for options in [&options, &secured] {
            let seen = verdict(&proxy, options.clone()).await;
            assert_eq!(seen, expected, "{:?}, TLS: {}", String::from_utf8_lossy(&header), options.tls.is_some());
        }
    }

    let wire = Wire::dial(&in_front_of(&broker, header_1("10.10.103.9")).await).await;
    wire.create_topic("born", 1, "").await;
    wire.send("born", &[], "here").await;
    let pulled = wire.pull("born", 0, 0).await;
    assert_eq!(records(&pulled)[0].born_host().to_string(), "10.10.103.9:51234");
}

/// Says this to a broker, and waits until it closes the connection.
async fn expect_end(cluster: &Cluster, said: &[u8], logged: &str) {
    let mut stream = TcpStream::connect(cluster.address(ORDINARY)).await.unwrap();
    stream.write_all(said).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "nothing is answered");
    let log = fs::read_to_string(cluster.folder().join(format!("{ORDINARY}.log"))).unwrap();
    assert_eq!(log.matches(logged).count(), 1, "{logged}\n{log}");
}

#[tokio::test]
async fn a_bad_header_ends_the_connection() {
    let cluster = guarded("proxy-bad", &[]);
    expect_end(&cluster, b"PROXY TCP4 10.10.103.9 nowhere 1 2\r\n", "it is not PROXY TCP4").await;
    expect_end(&cluster, &[b"PROXY TCP4 ", &[b'1'; 100][..]].concat(), "its line does not end").await;
    expect_end(&cluster, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", "it is longer than 4,096 bytes").await;
}

#[tokio::test]
async fn only_proxies_that_are_named_are_believed() {
    let cluster = guarded("proxy-named", &[("proxyProtocolFrom", "10.0.0.0/8, 192.168.0.7")]);
    expect_end(&cluster, &header_1("10.10.103.9"), "proxyProtocolFrom does not name the address").await;
    let cluster = guarded("proxy-believed", &[("proxyProtocolFrom", "127.0.0.1")]);
    let proxy = in_front_of(&cluster.address(ORDINARY), header_2([10, 10, 103, 7])).await;
    assert_eq!(verdict(&proxy, ClientOptions::default()).await, ResponseCode::SUCCESS);
}
