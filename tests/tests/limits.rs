//! Limits that protect the broker: quotas, connections of an address, and memory under many connections and slow readers. Quotas over gRPC
//! are in `grpc`.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bolide_remoting::signing::Credentials;
use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::proxy::{header_1, in_front_of};
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire, pop_form, pull_form, send_form};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// What an idle connection may cost, as OPERATING.md says.
const IDLE_BYTES: u64 = 16 << 10;
/// What a connection may cost whose client asks for much and reads nothing, as OPERATING.md says.
const SLOW_READER_BYTES: u64 = 16 << 20;
const IDLE_CONNECTIONS: u64 = 2_000;
const BUSY_CONNECTIONS: u64 = 1_000;
/// What messages far behind may take that clients have not read, as the test sets it.
const BUSY_BYTES: u64 = 32 << 20;
/// What a busy connection may cost beside, as OPERATING.md says, where answers have 64 KiB.
const BUSY_CONNECTION_BYTES: u64 = 512 << 10;

fn broker(folder: &Folder, further: &str) -> Server {
    let store = folder.path().join("store");
    start(Role::Broker, "broker", folder.path(), |port| {
        format!(
            "brokerName=broker-a\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort=0\nnamesrvListenPort=0\ngrpcServerPort=0\n\
             metricsPromExporterPort={}\nstorePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=67108864\n{further}\n",
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

/// Readers have limits of their own: what was sent does not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_are_limited_by_topic_and_address() {
    let folder = Folder::new("readers");
    let broker = broker(&folder, "");
    let wire = Wire::connect(&broker).await;
    for (topic, rule, pops_first) in [
        ("pulled", "topic-reads:pulled=1", false),
        ("popped", "topic-reads:*=0/1", true),
        ("pulled-from", "client-reads:*=1", false),
        ("popped-from", "client-reads:127.0.0.1=0/1", true),
    ] {
        set_quotas(&wire, "").await;
        for _ in 0..32 {
            assert_eq!(send(&wire, topic).await, ResponseCode::SUCCESS);
        }
        set_quotas(&wire, rule).await;
        let pull = (RequestCode::PULL_MESSAGE, pull_form("group", topic, 0, 0));
        let pop = (RequestCode::POP_MESSAGE, pop_form("poppers", topic));
        let reads = if pops_first { [&pop, &pop, &pull] } else { [&pull, &pull, &pop] };
        let mut codes = Vec::new();
        for (code, form) in reads {
            codes.push(wire.ask(*code, form, Body::Empty).await.code);
        }
        // 32 messages at one a second, or 32,000 bytes at one a second, are a debt of half a minute at least.
        assert_eq!(codes, [ResponseCode::SUCCESS, ResponseCode::SYSTEM_BUSY, ResponseCode::SYSTEM_BUSY], "{rule}");
        assert_eq!(send(&wire, topic).await, ResponseCode::SUCCESS, "{rule}");
    }
}

/// A user has as much as they may from wherever they come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_limited() {
    let folder = Folder::new("limited-users");
    let settings = "authenticationEnabled=true\ninitAuthenticationUser={\"username\":\"ann\",\"password\":\"secret\"}\n\
                    innerClientAuthenticationCredentials={\"accessKey\":\"bob\",\"secretKey\":\"secret\"}\n\
                    quotas=user:ann=0/1;user-reads:ann=0/1";
    let broker = broker(&folder, settings);
    let (one, other) = (Wire::connect(&broker).await, Wire::connect(&broker).await);
    for (user, expected) in [("ann", ResponseCode::SYSTEM_BUSY), ("bob", ResponseCode::SUCCESS)] {
        let user = Credentials { access_key: user.to_owned(), secret_key: "secret".to_owned() };
        let body = Body::from(vec![1; 1000]);
        for (code, form, body) in [
            (RequestCode::SEND_MESSAGE, send_form("orders", &[]), body),
            (RequestCode::PULL_MESSAGE, pull_form("readers", "orders", 0, 0), Body::Empty),
        ] {
            let form = form.signed(&user, &body);
            one.succeed(code, &form, body.clone()).await;
            assert_eq!(other.ask(code, &form, body).await.code, expected, "{user:?} {code}");
        }
    }
}

/// A connection is the address's whom the proxy speaks for, on whichever port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_so_many_connections() {
    let folder = Folder::new("connections");
    let broker = broker(&folder, "proxyProtocolFrom=127.0.0.1\nquotas=client:*=0/0/2");
    let own = Wire::connect(&broker).await;
    let (one, other) = (header_1("10.10.103.9"), header_1("10.10.103.10"));
    let (one, other) = (in_front_of(&broker.address(), one).await, in_front_of(&broker.address(), other).await);
    let (first, second) = (Wire::dial(&one).await, Wire::dial(&one).await);
    assert!(is_served(&first).await && is_served(&second).await);
    assert!(!is_served(&Wire::dial(&one).await).await, "it has two already");
    assert!(is_served(&Wire::dial(&other).await).await);
    assert!(is_served(&own).await, "the proxy itself has as many as it likes");
    let refusal = "10.10.103.9 has 2 already, and may have 2";
    let log = std::fs::read_to_string(folder.path().join("broker.log")).unwrap();
    assert_eq!(log.matches(refusal).count(), 1, "{log}");
    let page = page(&broker).await;
    let counted = |limit: &str| {
        page.lines().find(|line| line.starts_with("bolide_connections_refused_total") && line.contains(limit))
    };
    assert!(counted(r#"limit="address""#).unwrap().ends_with(" 1.0"), "{page}");
    assert!(counted(r#"limit="total""#).unwrap().ends_with(" 0.0"), "{page}");

    set_quotas(&own, "client:*=0/0/2;client:10.10.103.9=0/0/3").await;
    let third = Wire::dial(&one).await;
    assert!(is_served(&third).await);
    set_quotas(&own, "client:*=0/0/1").await;
    assert!(is_served(&first).await && is_served(&second).await, "who is there stays");
    drop((first, second, third));
    // Their places are free as soon as the broker has noticed.
    while !is_served(&Wire::dial(&one).await).await {}
}

/// A connection is the user's who signed its first request, whoever signs later ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_so_many_connections() {
    let folder = Folder::new("user-connections");
    let settings = "authenticationEnabled=true\ninitAuthenticationUser={\"username\":\"ann\",\"password\":\"secret\"}\n\
                    innerClientAuthenticationCredentials={\"accessKey\":\"bob\",\"secretKey\":\"secret\"}\n\
                    quotas=user:*=0/0/2\nauthenticationWhitelist=26";
    let broker = broker(&folder, settings);
    let ask = async |wire: &Wire, user: &str, code: RequestCode, form: Form, body: &str| {
        let user = Credentials { access_key: user.to_owned(), secret_key: "secret".to_owned() };
        let body = Body::from(body.as_bytes().to_vec());
        wire.try_ask(code, &form.signed(&user, &body), body).await
    };
    let code = async |wire: &Wire, user: &str| {
        let answer = ask(wire, user, RequestCode::SEND_MESSAGE, send_form("orders", &[]), "x").await;
        answer.map(|answer| answer.code)
    };
    let mut wires = Vec::new();
    for _ in 0..4 {
        wires.push(Wire::connect(&broker).await);
    }
    let served = Some(ResponseCode::SUCCESS);
    // Whoever only names a user, where nobody has to sign, takes no place of theirs.
    let named = Form::of(&[("AccessKey", "ann")]);
    wires[3].succeed(RequestCode::GET_BROKER_CONFIG, &named, Body::Empty).await;
    for (wire, user) in [(0, "ann"), (1, "ann"), (2, "bob"), (2, "ann"), (0, "bob")] {
        assert_eq!(code(&wires[wire], user).await, served, "{wire} {user}");
    }
    let refused = ask(&wires[3], "ann", RequestCode::SEND_MESSAGE, send_form("orders", &[]), "x").await.unwrap();
    let expected =
        "[QUOTA]system busy, start flow control for a while: user ann has 2 connections already, and may not have more";
    assert_eq!((refused.code, refused.remark.as_deref()), (ResponseCode::SYSTEM_BUSY, Some(expected)));
    assert_eq!(code(&wires[3], "bob").await, None, "it is closed");
    let log = std::fs::read_to_string(folder.path().join("broker.log")).unwrap();
    assert_eq!(log.matches("user ann has 2 already, and may have 2").count(), 1, "{log}");
    let page = page(&broker).await;
    assert!(
        page.lines().any(|line| line.starts_with("bolide_connections_refused_total")
            && line.contains(r#"limit="user""#)
            && line.ends_with(" 1.0")),
        "{page}"
    );

    let rules = "quotas=user:*=0/0/2;user:ann=0/0/3";
    let changed = ask(&wires[2], "bob", RequestCode::UPDATE_BROKER_CONFIG, Form::of(&[]), rules).await;
    assert_eq!(changed.map(|answer| answer.code), served);
    let third = Wire::connect(&broker).await;
    assert_eq!(code(&third, "ann").await, served);
    drop(third);
    // Its place is free as soon as the broker has noticed.
    while code(&Wire::connect(&broker).await, "ann").await != served {}
}

async fn is_served(wire: &Wire) -> bool {
    wire.try_ask(RequestCode::GET_BROKER_CONFIG, &Form::of(&[]), Body::Empty).await.is_some()
}

/// What monitoring is told.
async fn page(broker: &Server) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", broker.port() + 1)).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

/// Memory of a process that is not a file's, in bytes.
fn anonymous_bytes(broker: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Lets this process, and the brokers that it starts, have as many open files as it may; says whether these are enough for so many connections, or
/// for how many they are.
fn raise_files(connections: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    // Both ends are files.
    limit.maximum.map_or(connections, |maximum| (maximum / 2).min(connections))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_cost_little() {
    let count = raise_files(IDLE_CONNECTIONS);
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

const PULL: &str = r#"{"code":11,"extFields":{"consumerGroup":"group","topic":"large","queueId":"0","queueOffset":"0","maxMsgNums":"1000000","sysFlag":"4","commitOffset":"0","suspendTimeoutMillis":"0","subscription":"*","subVersion":"0","expressionType":"TAG"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":513}"#;
const SEND: &str = r#"{"code":10,"extFields":{"producerGroup":"group","topic":"busy","defaultTopic":"TBW102","defaultTopicQueueNums":"1","queueId":"0","sysFlag":"0","bornTimestamp":"1","flag":"0","reconsumeTimes":"0","unitMode":"false","batch":"false"},"flag":0,"language":"JAVA","opaque":2,"serializeTypeCurrentRPC":"JSON","version":513}"#;

fn frame(header: &str, body: &[u8]) -> Vec<u8> {
    let lengths = [(4 + header.len() + body.len()) as u32, header.len() as u32];
    [&lengths[0].to_be_bytes(), &lengths[1].to_be_bytes(), header.as_bytes(), body].concat()
}

/// Stores messages that are as far from the log's end as it takes to make each answer memory of its own.
async fn store_far_behind(wire: &Wire) {
    for (topic, count) in [("large", 32), ("filler", 640)] {
        for _ in 0..count {
            wire.succeed(RequestCode::SEND_MESSAGE, &send_form(topic, &[]), vec![1; 64 << 10]).await;
        }
    }
}

/// They send and pull at once, ask for more than anybody could hold, and read nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_busy_connections_cost_no_more_than_what_is_stated() {
    let count = raise_files(BUSY_CONNECTIONS);
    let folder = Folder::new("busy");
    // What is read must stay, however full the machine's disk is.
    let settings = format!(
        "cleanFileForciblyEnable=false\naccessMessageInMemoryMaxRatio=0\nmaxPendingBytesOnMessageInDisk={BUSY_BYTES}"
    );
    let broker = broker(&folder, &settings);
    let wire = Wire::connect(&broker).await;
    store_far_behind(&wire).await;
    wire.succeed(RequestCode::SEND_MESSAGE, &send_form("busy", &[]), vec![1]).await;
    let before = anonymous_bytes(&broker);
    // 64 answers of 64 KiB each: 4 GiB in all.
    let asked = [frame(SEND, &[1; 500]), frame(PULL, b"")].concat().repeat(64);
    let mut busy = JoinSet::new();
    for _ in 0..count {
        // The rest waits in the broker, not in the systems' buffers.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let mut stream = socket.connect(broker.address().parse().unwrap()).await.unwrap();
        let asked = asked.clone();
        busy.spawn(async move {
            // Who is not read from waits here for as long as the test takes.
            stream.write_all(&asked).await.unwrap();
            std::future::pending::<()>().await;
        });
    }
    let mut most = 0;
    let mut rounds_after = 0;
    // Until each has been served once, and for a while after.
    while rounds_after < 50 {
        wire.succeed(RequestCode::SEND_MESSAGE, &send_form("neighbour", &[]), vec![1; 100]).await;
        // Far behind, too: who reads what they get is served.
        wire.succeed(RequestCode::PULL_MESSAGE, &pull_form("group", "large", 0, 0), Body::Empty).await;
        most = most.max(anonymous_bytes(&broker).saturating_sub(before));
        let stored = wire.offset(RequestCode::GET_MAX_OFFSET, "busy", 0).await;
        rounds_after += u32::from(stored.unsigned_abs() > count);
    }
    let allowed = BUSY_BYTES + count * BUSY_CONNECTION_BYTES;
    assert!(most <= allowed, "{} MiB, {} are stated", most >> 20, allowed >> 20);
}

/// It asks for messages far behind, so that each answer is memory of its own, and never reads one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_costs_no_more_than_its_share() {
    let folder = Folder::new("slow");
    let broker = broker(&folder, "accessMessageInMemoryMaxRatio=0\nmaxTransferBytesOnMessageInDisk=262144");
    let wire = Wire::connect(&broker).await;
    store_far_behind(&wire).await;
    wire.succeed(RequestCode::PULL_MESSAGE, &pull_form("group", "large", 0, 0), Body::Empty).await;
    let before = anonymous_bytes(&broker);
    let mut stream = TcpStream::connect(broker.address()).await.unwrap();
    let frame = frame(PULL, b"");
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
