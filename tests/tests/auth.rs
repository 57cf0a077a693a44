//! Users with the right and the wrong keys and rights: Java's client over remoting, Apache's `mqadmin` with its own keys, and every kind of
//! request without any.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use bolide_remoting::signing::Credentials;
use bolide_remoting::{Body, Client, ClientOptions, RequestCode, ResponseCode};
use bolide_tests::clients::{Client as Program, are_refused, keyed_client, secured_client};
use bolide_tests::cluster::{Cluster, ORDINARY};
use bolide_tests::grpc_clients::{GrpcClient, secured_client as secured_grpc_client};
use bolide_tests::mqadmin::Mqadmin;
use bolide_tests::ports::free_block;
use bolide_tests::toolchain;
use bolide_tests::wire::{Form, Wire};

/// Keys that need care in JSON, in properties and in signatures.
const ROOT: (&str, &str) = ("rööt", "s3cret+/=&%");
const SETTINGS: &[(&str, &str)] = &[
    ("authenticationEnabled", "true"),
    ("authorizationEnabled", "true"),
    ("initAuthenticationUser", r#"{"username":"rööt","password":"s3cret+/=&%"}"#),
    ("innerClientAuthenticationCredentials", r#"{"accessKey":"inner","secretKey":"broker2broker"}"#),
];

fn guarded(purpose: &str) -> Cluster {
    let cluster = Cluster::new(purpose);
    cluster.start_broker(ORDINARY, "DefaultCluster", SETTINGS);
    cluster
}

/// Whoever says nothing of themselves gets nothing, whatever they ask for.
#[tokio::test]
async fn nothing_is_served_without_a_signature() {
    let cluster = guarded("unsigned");
    let address = cluster.address(ORDINARY);
    let client = Client::connect(&address, ClientOptions::default(), std::sync::Arc::new(())).await.unwrap();
    let patience = std::time::Duration::from_secs(60);
    for code in bolide_broker::requests::SERVED {
        let answer = client.request(*code, &(), Body::Empty, patience).await.unwrap();
        let seen = (answer.code, answer.remark.as_deref());
        assert_eq!(seen, (ResponseCode::NO_PERMISSION, Some("username cannot be null.")), "{code}");
    }
    let fields = [("AccessKey", "inner"), ("Signature", "AAAA"), ("topic", "t")];
    let answer = client.request(RequestCode(34), &&fields[..], Body::Empty, patience).await.unwrap();
    assert_eq!(answer.remark.as_deref(), Some("check signature failed."));
}

/// What anybody may use is written in OPERATING.md: pages that change nothing, and the name server.
#[tokio::test]
async fn what_needs_no_signature_changes_nothing() {
    let cluster = Cluster::new("open-doors");
    let port = free_block();
    let monitored = port.to_string();
    cluster.start_broker(ORDINARY, "DefaultCluster", &[SETTINGS, &[("metricsPromExporterPort", &monitored)]].concat());
    for (request, expected) in [
        ("GET /metrics", "200"),
        ("GET /health/live", "200"),
        ("GET /health/ready", "200"),
        ("POST /metrics", "405"),
        ("DELETE /health/ready", "405"),
        ("GET /config", "404"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{request}: {answer}");
        assert!(!answer.contains("s3cret") && !answer.contains("broker2broker"), "{answer}");
    }
    // The broker has registered, without a signature, and a stranger sees it.
    let client =
        Client::connect(&cluster.name_server(), ClientOptions::default(), std::sync::Arc::new(())).await.unwrap();
    let patience = std::time::Duration::from_secs(60);
    let answer = client.request(RequestCode::GET_BROKER_CLUSTER_INFO, &(), Body::Empty, patience).await.unwrap();
    assert_eq!(answer.code, ResponseCode::SUCCESS);
    assert!(String::from_utf8_lossy(&answer.body).contains(ORDINARY));
    // Of the broker only what is signed gets an answer: nothing listens where slaves would.
    let fast = cluster.with_broker(ORDINARY, |broker| broker.port() - 2);
    let client =
        Client::connect(&format!("127.0.0.1:{fast}"), ClientOptions::default(), std::sync::Arc::new(())).await.unwrap();
    let answer = client.request(RequestCode::GET_BROKER_CONFIG, &(), Body::Empty, patience).await.unwrap();
    assert_eq!(answer.code, ResponseCode::NO_PERMISSION);
    assert!(TcpStream::connect(("127.0.0.1", fast + 3)).is_err(), "haListenPort is not opened");
}

/// A producer that was asked about a transaction names the topic that the question names, of half messages; no policy is about that.
#[tokio::test]
async fn who_may_send_may_end_a_transaction_that_they_were_asked_about() {
    let cluster = guarded("half");
    let wire = Wire::dial(&cluster.address(ORDINARY)).await;
    let user = |(name, secret): (&str, &str)| Credentials { access_key: name.into(), secret_key: secret.into() };
    let ann = Body::from(br#"{"username":"ann","password":"annsecret","userType":"Normal"}"#.to_vec());
    let form = Form::of(&[("username", "ann")]).signed(&user(ROOT), &ann);
    wire.succeed(RequestCode::AUTH_CREATE_USER, &form, ann).await;
    for (topic, expected) in [
        ("RMQ_SYS_TRANS_HALF_TOPIC", ResponseCode::SUCCESS),
        ("orders", ResponseCode::NO_PERMISSION),
        // Go's client says nothing.
        ("", ResponseCode::SUCCESS),
    ] {
        // Left open, so that it need not exist.
        let form = Form::of(&[
            ("topic", topic),
            ("producerGroup", "producers"),
            ("tranStateTableOffset", "0"),
            ("commitLogOffset", "0"),
            ("commitOrRollback", "0"),
            ("fromTransactionCheck", "true"),
            ("msgId", "0"),
        ]);
        let form = form.signed(&user(("ann", "annsecret")), &Body::Empty);
        let answer = wire.ask(RequestCode::END_TRANSACTION, &form, Body::Empty).await;
        assert_eq!(answer.code, expected, "{topic}: {:?}", answer.remark);
    }
}

#[test]
fn users_get_what_they_may() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let cluster = guarded("users");
    let home = cluster.folder().join("mqadmin");
    fs::create_dir(&home).unwrap();
    let mut anonymous = Mqadmin::start(&cluster.name_server(), &home);
    let list = format!("listUser -b {}", cluster.address(ORDINARY));
    assert!(anonymous.run(&list).0.contains("username cannot be null."), "{}", anonymous.run(&list).0);
    drop(anonymous);

    let mut admin = Mqadmin::start_as(&cluster.name_server(), &home, ROOT);
    let broker = cluster.address(ORDINARY);
    let mut run = |command: &str, expected: &str| {
        let said = admin.run(&command.replace("BROKER", &broker)).0;
        assert!(said.contains(expected), "{command} has no {expected:?}:\n{said}\n{}", cluster.log_tails());
        said
    };
    run("createUser -b BROKER -u ann -p annsecret -t Normal", "create user to");
    run("createUser -b BROKER -u bob -p bobsecret -t Normal", "create user to");
    run("createUser -b BROKER -u ann -p other", "The user is existed");
    let users = run("listUser -b BROKER", "ann");
    assert!(users.contains("bob") && users.contains("rööt") && users.contains("inner"), "{users}");
    run("updateTopic -b BROKER -t orders -r 4 -w 4", "create topic to");
    run("createAcl -b BROKER -s User:ann -r Topic:orders,Group:* -a Pub,Sub -d Allow", "create acl to");
    run("createAcl -b BROKER -s User:bob -r Topic:orders -a Pub -d Deny", "create acl to");
    let acls = run("listAcl -b BROKER", "Topic:orders");
    assert!(acls.contains("User:ann") && acls.contains("User:bob") && acls.contains("Deny"), "{acls}");
    run("getAcl -b BROKER -s User:ann", "Group:*");

    let says = |user| secured_client(&cluster, "orders", &[], user);
    assert_eq!(says(Some(ROOT)), "served", "{}", cluster.log_tails());
    assert_eq!(says(Some(("ann", "annsecret"))), "served", "{}", cluster.log_tails());
    for (user, why) in [
        (None, "username cannot be null."),
        (Some(("eve", "annsecret")), "User:eve is not found."),
        (Some(("ann", "wrong")), "check signature failed."),
        (
            Some(("bob", "bobsecret")),
            "User:bob has no permission to access Topic:orders from 127.0.0.1, the decision is deny.",
        ),
    ] {
        let said = says(user);
        assert!(said.starts_with("refused: ") && said.contains(why), "{user:?}: {said}");
    }

    for client in [Program::Go, Program::Cpp, Program::AliOns].into_iter().filter(|client| client.toolchain_available())
    {
        let served = keyed_client(client, &cluster, "orders", Some(("ann", "annsecret")));
        assert_eq!(served, "served", "{client:?}\n{}", cluster.log_tails());
        let refused = [
            ("orders", None, "username cannot be null."),
            ("orders", Some(("ann", "wrong")), "check signature failed."),
            ("orders", Some(("bob", "bobsecret")), "the decision is deny."),
        ];
        are_refused(client, &cluster, refused);
    }

    run("updateSubGroup -b BROKER -g readers", "create subscription group to");
    for client in [GrpcClient::Java, GrpcClient::Python] {
        let says = |user| secured_grpc_client(client, &cluster, ("orders", "readers"), user);
        // Access keys travel in a header, which has ASCII only.
        for (user, why) in [
            (Some(("inner", "broker2broker")), "served"),
            (Some(("ann", "annsecret")), "served"),
            (None, "username cannot be null."),
            (Some(("ann", "wrong")), "check signature failed."),
            (Some(("bob", "bobsecret")), "the decision is deny."),
        ] {
            let Some(said) = says(user) else { break };
            // The client in Python keeps the reason to itself.
            let why = if matches!(client, GrpcClient::Python) && why != "served" { "refused: " } else { why };
            assert!(said.contains(why), "{client:?} as {user:?}: {said}\n{}", cluster.log_tails());
        }
    }

    // What was changed holds at once, and is there after a restart, for its owner's eyes only.
    run("updateUser -b BROKER -u ann -s disable", "update user to");
    assert!(says(Some(("ann", "annsecret"))).contains("User:ann is disabled."));
    run("deleteAcl -b BROKER -s User:bob -r Topic:orders", "delete acl to");
    drop(admin);
    cluster.restart_broker(ORDINARY);
    assert!(says(Some(("ann", "annsecret"))).contains("User:ann is disabled."));
    assert!(says(Some(("bob", "bobsecret"))).contains("no matched policies."));
    let file = cluster.folder().join(ORDINARY).join("config/auth.json");
    for path in [file.clone(), file.with_extension("json.bak")] {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    let log = fs::read_to_string(cluster.folder().join(format!("{ORDINARY}.log"))).unwrap();
    assert!(log.contains("denied: check signature failed."), "denials leave a trace");
    assert!(!log.contains("annsecret") && !log.contains(ROOT.1), "secrets do not");
}
