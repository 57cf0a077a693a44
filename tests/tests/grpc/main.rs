//! The gRPC front door over the bare protocol: what no client library lets one see or do, and that both front doors lead to the same
//! broker. What users do is shown by the real clients in `clients/`.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

mod channel;
mod codes;
mod limits;
mod lite;
mod receive;
mod rights;
mod telemetry;

use std::fmt::Write as _;
use std::time::Duration;

use bolide_proto::v2::{
    Code, Endpoints, Message, MessageType, QueryRouteRequest, QueryRouteResponse, RecallMessageRequest, Resource,
    SendMessageRequest, SendMessageResponse, SystemProperties,
};
use bolide_proto::{Timestamp, v2};
use bolide_remoting::ResponseCode;
use bolide_tests::binaries::Role;
use bolide_tests::cluster::{Cluster, start};
use bolide_tests::folder::Folder;
use bolide_tests::ports::free_block;
use bolide_tests::server::Server;
use bolide_tests::wire::{Wire, bodies, now_ms, records};
use channel::{Channel, Client, call};

/// A machine may be busy.
const LIMIT: Duration = Duration::from_secs(30);

/// A broker without name servers, with these settings beside the necessary ones.
fn broker(folder: &Folder, settings: &[(&str, &str)]) -> Server {
    let store = folder.path().join("store");
    start(Role::Broker, "broker", folder.path(), |port| {
        let mut text = format!(
            "brokerName=broker\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\ngrpcServerPort={}\nmetricsPromExporterPort=0\nnamesrvListenPort=0\n\
             storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=4194304\n\
             transactionTimeOut=200\ntransactionCheckInterval=200\ntransactionCheckMax=1000\ntransactionOpBatchInterval=50\n",
            port + 1,
            port - 1,
            store = store.display()
        );
        for (key, value) in settings {
            writeln!(text, "{key}={value}").unwrap();
        }
        text
    })
}

/// Where a broker serves gRPC: the harness puts it one below the port for remoting.
fn grpc_address(remoting: &str) -> String {
    let (host, port) = remoting.rsplit_once(':').unwrap();
    format!("{host}:{}", port.parse::<u16>().unwrap() - 1)
}

async fn connect(server: &Server) -> Client {
    Channel::plain(&grpc_address(&server.address())).await.client()
}

async fn create(server: &Server, topic: &str, kind: &str) -> Wire {
    let wire = Wire::connect(server).await;
    let created = wire.create_topic(topic, 2, &format!("+message.type={kind}")).await;
    assert_eq!(created.code, ResponseCode::SUCCESS, "{:?}", created.remark);
    wire
}

fn resource(name: &str) -> Option<Resource> {
    Some(Resource { resource_namespace: String::new(), name: name.to_owned() })
}

fn message(topic: &str, body: &str, system: SystemProperties) -> Message {
    let message_id = format!("01-{body}");
    let system_properties = Some(SystemProperties { message_id, ..system });
    let user_properties = [("colour".to_owned(), "blue".to_owned())].into();
    Message { topic: resource(topic), user_properties, system_properties, body: body.to_owned().into() }
}

async fn send(client: &mut Client, messages: Vec<Message>) -> SendMessageResponse {
    client.send_message(call("producer", SendMessageRequest { messages })).await.unwrap().into_inner()
}

async fn route(client: &mut Client, topic: &str, endpoints: Option<Endpoints>) -> QueryRouteResponse {
    let request = QueryRouteRequest { topic: resource(topic), endpoints };
    client.query_route(call("anybody", request)).await.unwrap().into_inner()
}

fn code(status: Option<v2::Status>) -> Code {
    status.unwrap().code()
}

#[tokio::test]
async fn a_message_sent_over_grpc_is_pulled_over_remoting_with_all_it_said() {
    let folder = Folder::new("grpc-send");
    let server = broker(&folder, &[]);
    let wire = create(&server, "ordered", "FIFO").await;
    // One port serves both.
    let plain = connect(&server).await;
    let secured = Channel::tls(&grpc_address(&server.address())).await.client();
    for (body, mut client) in [("plain", plain), ("secured", secured)] {
        let system = SystemProperties {
            tag: Some("red".into()),
            keys: vec!["one".into(), "two".into()],
            message_group: Some("group-1".into()),
            trace_context: Some("00-ab-cd-01".into()),
            message_type: MessageType::Fifo.into(),
            born_timestamp: Some(Timestamp { seconds: 1_700_000_000, nanos: 7_000_000 }),
            ..SystemProperties::default()
        };
        let answer = send(&mut client, vec![message("ordered", body, system)]).await;
        assert_eq!(code(answer.status), Code::Ok);
        assert_eq!(answer.entries[0].message_id, format!("01-{body}"));
    }
    let mut found = Vec::new();
    for queue in 0..2 {
        let pulled = wire.pull("ordered", queue, 0).await;
        for record in records(&pulled) {
            let expected = [
                ("TAGS", "red"),
                ("KEYS", "one two"),
                ("__SHARDINGKEY", "group-1"),
                ("TRACE_CONTEXT", "00-ab-cd-01"),
                ("colour", "blue"),
            ];
            for (name, value) in expected {
                assert_eq!(record.properties().get_str(name), Some(value), "{name}");
            }
            assert_eq!(record.born_ms(), 1_700_000_000_007);
            found.push((queue, String::from_utf8(record.body().to_vec()).unwrap()));
        }
    }
    let bodies: Vec<&str> = found.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(bodies, ["plain", "secured"], "one queue holds the group, in its order");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_in_the_answer_and_nothing_is_stored() {
    let folder = Folder::new("grpc-refused");
    let server = broker(&folder, &[]);
    let wire = create(&server, "plain", "NORMAL").await;
    let mut client = connect(&server).await;
    let plain = |body: &str| message("plain", body, SystemProperties::default());
    let grouped = SystemProperties { message_group: Some("g".into()), ..SystemProperties::default() };
    let late = Timestamp { seconds: now_ms() / 1_000 + 2 * 86_400, nanos: 0 };
    let late = SystemProperties { delivery_timestamp: Some(late), ..SystemProperties::default() };
    let cases = [
        (vec![], Code::MessageCorrupted),
        (vec![message("nowhere", "x", SystemProperties::default())], Code::TopicNotFound),
        (vec![message("no/topic", "x", SystemProperties::default())], Code::IllegalTopic),
        (vec![message("RMQ_SYS_TRANS_HALF_TOPIC", "x", SystemProperties::default())], Code::IllegalTopic),
        (vec![message("plain", "", SystemProperties::default())], Code::MessageBodyEmpty),
        (vec![message("plain", "x", grouped)], Code::MessagePropertyConflictWithType),
        (vec![message("plain", "x", late)], Code::IllegalDeliveryTime),
        (vec![plain("x"), message("other", "x", SystemProperties::default())], Code::MessageCorrupted),
    ];
    for (messages, expected) in cases {
        assert_eq!(code(send(&mut client, messages).await.status), expected);
    }
    let huge = message("plain", &"x".repeat(4 * 1_024 * 1_024 + 1), SystemProperties::default());
    assert_eq!(code(send(&mut client, vec![huge]).await.status), Code::MessageBodyTooLarge);
    let nameless = client.send_message(SendMessageRequest { messages: vec![plain("x")] }).await.unwrap().into_inner();
    assert_eq!(code(nameless.status), Code::ClientIdRequired);
    assert_eq!(code(send(&mut client, vec![plain("first"), plain("second")]).await.status), Code::Ok);
    let mut stored = bodies(&wire.pull("plain", 0, 0).await);
    stored.extend(bodies(&wire.pull("plain", 1, 0).await));
    stored.sort();
    assert_eq!(stored, ["first", "second"]);
}

#[tokio::test]
async fn a_message_that_waits_is_taken_back() {
    let folder = Folder::new("grpc-recall");
    let server = broker(&folder, &[]);
    create(&server, "delayed", "DELAY").await;
    let mut client = connect(&server).await;
    let time = Timestamp { seconds: now_ms() / 1_000 + 3_600, nanos: 0 };
    let waiting = SystemProperties { delivery_timestamp: Some(time), ..SystemProperties::default() };
    let sent = send(&mut client, vec![message("delayed", "late", waiting)]).await;
    let recall = |recall_handle: String| RecallMessageRequest { topic: resource("delayed"), recall_handle };
    let handle = sent.entries[0].recall_handle.clone();
    let taken = client.recall_message(call("producer", recall(handle))).await.unwrap().into_inner();
    assert_eq!((taken.message_id.as_str(), code(taken.status)), ("01-late", Code::Ok));
    let refused = client.recall_message(call("producer", recall("nonsense".into()))).await.unwrap().into_inner();
    assert!(refused.status.unwrap().message.contains("recall handle is invalid"));
}

#[tokio::test]
async fn a_lone_broker_answers_with_the_endpoint_that_the_client_dialled() {
    let folder = Folder::new("grpc-route");
    let server = broker(&folder, &[]);
    create(&server, "orders", "DELAY").await;
    let mut client = connect(&server).await;
    assert_eq!(code(route(&mut client, "nowhere", None).await.status), Code::TopicNotFound);
    let addresses = vec![v2::Address { host: "outside.example".into(), port: 30_081 }];
    let dialled = Endpoints { scheme: v2::AddressScheme::DomainName.into(), addresses };
    let answer = route(&mut client, "orders", Some(dialled.clone())).await;
    assert_eq!(answer.message_queues.len(), 2);
    for queue in &answer.message_queues {
        assert_eq!(queue.broker.as_ref().unwrap().endpoints.as_ref(), Some(&dialled));
        assert_eq!(queue.accept_message_types, [i32::from(MessageType::Delay)]);
        assert_eq!(queue.permission(), v2::Permission::ReadWrite);
    }
}

#[tokio::test]
async fn clients_are_told_the_address_for_the_port_that_they_came_in_on() {
    let folder = Folder::new("grpc-listeners");
    let outside = free_block();
    let vpn = outside + 1;
    let listeners = format!("outside={outside}@mq.example.com:18081;vpn=127.0.0.2:{vpn}@vpn.example.com:80");
    let server = broker(&folder, &[("grpcListeners", &listeners)]);
    create(&server, "orders", "NORMAL").await;
    let inside = grpc_address(&server.address());
    let told = [inside.clone(), format!("127.0.0.1:{outside}"), format!("127.0.0.2:{vpn}")].map(|dialled| async move {
        let mut client = Channel::plain(&dialled).await.client();
        let answer = route(&mut client, "orders", None).await;
        let address = &answer.message_queues[0].broker.as_ref().unwrap().endpoints.as_ref().unwrap().addresses[0];
        format!("{}:{}", address.host, address.port)
    });
    let [to_inside, to_outside, to_vpn] = told;
    assert_eq!((to_inside.await, to_outside.await), (inside, "mq.example.com:18081".to_owned()));
    assert_eq!(to_vpn.await, "vpn.example.com:80");
}

#[tokio::test]
async fn any_broker_knows_the_whole_cluster_and_soon_who_is_gone() {
    let cluster = Cluster::new("grpc-cluster");
    for name in ["broker-a", "broker-b"] {
        cluster.start_broker(name, "DefaultCluster", &[]);
    }
    for name in ["broker-a", "broker-b"] {
        let wire = Wire::dial(&cluster.address(name)).await;
        assert_eq!(wire.create_topic("everywhere", 1, "").await.code, ResponseCode::SUCCESS);
    }
    let mut client = Channel::plain(&grpc_address(&cluster.address("broker-b"))).await.client();
    let both: Vec<String> = ["broker-a", "broker-b"].map(|name| grpc_address(&cluster.address(name))).into();
    assert_eq!(endpoints_within_limit(&mut client, &both).await, both);
    cluster.with_broker("broker-a", Server::kill);
    let last = [both[1].clone()];
    // The one that is left is alone, and answers what was dialled: nothing was said, so its own address.
    assert_eq!(endpoints_within_limit(&mut client, &last).await, last);
}

/// The endpoints of a topic's queues, once they are these, or as they were when the time was up.
async fn endpoints_within_limit(client: &mut Client, expected: &[String]) -> Vec<String> {
    let deadline = std::time::Instant::now() + LIMIT;
    loop {
        let answer = route(client, "everywhere", None).await;
        let endpoints = answer.message_queues.iter().map(|queue| {
            let address = &queue.broker.as_ref().unwrap().endpoints.as_ref().unwrap().addresses[0];
            format!("{}:{}", address.host, address.port)
        });
        let endpoints: Vec<String> = endpoints.collect();
        if endpoints == expected || std::time::Instant::now() > deadline {
            return endpoints;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn health_and_reflection_are_served() {
    let folder = Folder::new("grpc-health");
    health_and_reflection_answer(&broker(&folder, &[])).await;
}

async fn health_and_reflection_answer(server: &Server) {
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };

    let channel = Channel::plain(&grpc_address(&server.address())).await;
    let origin = http::Uri::from_static("http://localhost");
    let mut health = HealthClient::with_origin(channel.clone(), origin.clone());
    for service in ["", "apache.rocketmq.v2.MessagingService"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let mut reflection = ServerReflectionClient::with_origin(channel, origin);
    let question = MessageRequest::ListServices(String::new());
    let question = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut answers = reflection.server_reflection_info(tokio_stream::once(question)).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    assert!(list.service.iter().any(|service| service.name == "apache.rocketmq.v2.MessagingService"), "{list:?}");
}

#[test]
fn a_taken_port_or_a_bad_certificate_stops_the_start_and_its_key_is_named() {
    use std::process::{Command, Stdio};
    let folder = Folder::new("grpc-taken");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    for (setting, named) in [
        (format!("grpcServerPort={port}"), "grpcServerPort"),
        ("tlsCertPath=/no/such/file\ntlsKeyPath=/no/such/key".to_owned(), "tlsCertPath"),
        ("tlsKeyPath=/no/such/key".to_owned(), "tlsCertPath"),
    ] {
        let config = folder.path().join("broker.conf");
        let free = bolide_tests::ports::free_block();
        let grpc = if named == "grpcServerPort" { String::new() } else { format!("grpcServerPort={}\n", free + 1) };
        let store = folder.path().join("store");
        let text = format!(
            "bindAddress=127.0.0.1\nbrokerIP1=127.0.0.1\nlistenPort={}\nnamesrvListenPort=0\n{grpc}storePathRootDir={}\n{setting}\n",
            free + 2,
            store.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(bolide_tests::binaries::our_binary("mqbroker"));
        let output = command.arg("-c").arg(&config).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.lines().last().unwrap_or_default().contains(named), "{said}");
    }
}
