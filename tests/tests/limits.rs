//! Limits that protect the broker: quotas, and memory under many connections and slow readers.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire, pop_form, pull_form, send_form};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What an idle connection may cost, as OPERATING.md says.
const IDLE_BYTES: u64 = 16 << 10;
/// What a connection may cost whose client asks for much and reads nothing, as OPERATING.md says.
const SLOW_READER_BYTES: u64 = 128 << 20;
const IDLE_CONNECTIONS: u64 = 2_000;

fn broker(folder: &Folder, further: &str) -> Server {
    let store = folder.path().join("store");
    start(Role::Broker, "broker", folder.path(), |port| {
        format!(
            "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\n\
             metricsPromExporterPort=0\nstorePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=67108864\n{further}\n",
            port + 1,
            store = store.display()
        )
    })
}

async fn send(wire: &Wire, topic: &str) -> ResponseCode {
    wire.ask(RequestCode::SEND_MESSAGE, &send_form(topic, &[]), vec![1; 1000]).await.code
}

async fn set_quotas(wire: &Wire, quotas: &str) {
    let body = format!("quotas={quotas}").into_bytes();
    wire.succeed(RequestCode::UPDATE_BROKER_CONFIG, &Form::of(&[]), body).await;
}

/// A byte a second: whoever had one message waits for much longer than this test takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_hold_and_change_at_once() {
    const OK: ResponseCode = ResponseCode::SUCCESS;
    const BUSY: ResponseCode = ResponseCode::SYSTEM_BUSY;
    let folder = Folder::new("quotas");
    let broker = broker(&folder, "quotas=topic:orders=0/1;group:readers=0/1");
    let wire = Wire::connect(&broker).await;
    assert_eq!([send(&wire, "orders").await, send(&wire, "orders").await], [OK, BUSY]);
    let refused = wire.ask(RequestCode::SEND_MESSAGE, &send_form("orders", &[]), vec![1]).await;
    assert!(refused.remark.unwrap().contains("topic orders has had its 1 bytes a second"));
    assert_eq!([send(&wire, "others").await, send(&wire, "others").await], [OK, OK]);
    let pull =
        async |group| wire.ask(RequestCode::PULL_MESSAGE, &pull_form(group, "others", 0, 0), Body::Empty).await.code;
    assert_eq!([pull("readers").await, pull("readers").await], [OK, BUSY]);
    assert_eq!([pull("free").await, pull("free").await], [OK, OK]);
    assert_eq!(wire.ask(RequestCode::POP_MESSAGE, &pop_form("readers", "others"), Body::Empty).await.code, BUSY);
    set_quotas(&wire, "").await;
    assert_eq!([send(&wire, "orders").await, pull("readers").await], [OK, OK]);
    set_quotas(&wire, "client:127.0.0.1=0/1").await;
    assert_eq!([send(&wire, "others").await, send(&wire, "orders").await], [OK, BUSY]);
    let bad = wire.ask(RequestCode::UPDATE_BROKER_CONFIG, &Form::of(&[]), b"quotas=orders:5".to_vec()).await;
    assert_eq!(bad.code, ResponseCode::INVALID_PARAMETER);
}

/// Memory of a process that is not a file's, in bytes.
fn anonymous_bytes(broker: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_cost_little() {
    // Both ends are files; the broker inherits the limit.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let count = limit.maximum.map_or(IDLE_CONNECTIONS, |maximum| (maximum / 2).min(IDLE_CONNECTIONS));
    let folder = Folder::new("idle");
    let broker = broker(&folder, "");
    let address = broker.address();
    let warm = Wire::connect(&broker).await;
    warm.succeed(RequestCode::GET_BROKER_CONFIG, &Form::of(&[]), Body::Empty).await;
    let before = anonymous_bytes(&broker);
    let mut connections = Vec::new();
    for _ in 0..count {
        let wire = Wire::dial(&address).await;
        // A question, so that it has used its buffers.
        wire.ask(RequestCode::GET_TOPIC_NAME_LIST, &Form::of(&[]), Body::Empty).await;
        connections.push(wire);
    }
    let each = anonymous_bytes(&broker).saturating_sub(before) / count;
    assert!(each <= IDLE_BYTES, "{count} connections cost {each} bytes each");
}

/// It asks for messages on the disk, so that each answer is memory of its own, and never reads one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_costs_no_more_than_its_share() {
    let folder = Folder::new("slow");
    let broker = broker(&folder, "accessMessageInMemoryMaxRatio=0\nmaxTransferBytesOnMessageInDisk=262144");
    let wire = Wire::connect(&broker).await;
    for _ in 0..32 {
        wire.succeed(RequestCode::SEND_MESSAGE, &send_form("large", &[]), vec![1; 64 << 10]).await;
    }
    wire.succeed(RequestCode::PULL_MESSAGE, &pull_form("group", "large", 0, 0), Body::Empty).await;
    let before = anonymous_bytes(&broker);
    let mut stream = TcpStream::connect(broker.address()).await.unwrap();
    let header = br#"{"code":11,"extFields":{"consumerGroup":"group","topic":"large","queueId":"0","queueOffset":"0","maxMsgNums":"32","sysFlag":"4","commitOffset":"0","suspendTimeoutMillis":"0","subscription":"*","subVersion":"0","expressionType":"TAG"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":513}"#;
    let mut frame = Vec::new();
    frame.extend((header.len() as u32 + 4).to_be_bytes());
    frame.extend((header.len() as u32).to_be_bytes());
    frame.extend(header);
    let mut most = 0;
    // Until the broker has stopped reading for a while, or has been asked for gigabytes.
    for _ in 0..20_000 {
        if tokio::time::timeout(Duration::from_secs(2), stream.write_all(&frame)).await.is_err() {
            break;
        }
        most = most.max(anonymous_bytes(&broker));
    }
    most = most.max(anonymous_bytes(&broker)).saturating_sub(before);
    assert!(most <= SLOW_READER_BYTES, "{} MiB", most >> 20);
    // Others are served.
    wire.succeed(RequestCode::PULL_MESSAGE, &pull_form("group", "large", 0, 0), Body::Empty).await;
}
