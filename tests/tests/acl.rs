//! ACL 1.0: the files of Apache's `conf/plain_acl.yml` and `conf/acl` decide who may do what, for the Java clients of 4.x and 5.x, the Go
//! client, gRPC and `mqadmin`; changes of the files hold at once; the files may also become users.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bolide_remoting::{Body, Client as WireClient, ClientOptions, RequestCode, ResponseCode};
use bolide_tests::clients::{Client, Headers, are_refused, keyed_client};
use bolide_tests::cluster::{Cluster, ORDINARY};
use bolide_tests::grpc_clients::{GrpcClient, secured_client as secured_grpc_client};
use bolide_tests::mqadmin::Mqadmin;
use bolide_tests::toolchain;

const JAVA: Client = Client::Java("5.5.0", Headers::Json);
const PATIENCE: Duration = Duration::from_secs(60);
const ROOT: (&str, &str) = ("rööt-admin", "s3cret+/=&%");
const ANN: (&str, &str) = ("ann-writes", "ann-secret");
const LUCY: (&str, &str) = ("lucy-reads", "lucy-secret");
const RULES: &str = "
globalWhiteRemoteAddresses:
  - 10.10.103.*
accounts:
  - accessKey: rööt-admin
    secretKey: \"s3cret+/=&%\"
    admin: true
  - accessKey: ann-writes
    secretKey: ann-secret
    whiteRemoteAddress:
    admin: false
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - orders=PUB|SUB
      - letters=SUB
";
const LUCYS_RULES: &str = "
accounts:
  - {accessKey: lucy-reads, secretKey: lucy-secret, defaultTopicPerm: PUB|SUB, defaultGroupPerm: SUB}
";

/// Writes the file into the home folder of a cluster's brokers; returns the folder.
fn home_with(cluster: &Cluster, rules: &str) -> PathBuf {
    let home = cluster.folder().join("home");
    fs::create_dir_all(home.join("conf/acl")).unwrap();
    fs::write(home.join("conf/plain_acl.yml"), rules).unwrap();
    home
}

fn guarded(purpose: &str) -> (Cluster, PathBuf) {
    let cluster = Cluster::new(purpose);
    let home = home_with(&cluster, RULES);
    let text = home.display().to_string();
    cluster.start_broker(ORDINARY, "DefaultCluster", &[("aclEnable", "true"), ("rocketmqHome", &text)]);
    (cluster, home)
}

fn log(cluster: &Cluster) -> String {
    fs::read_to_string(cluster.folder().join(format!("{ORDINARY}.log"))).unwrap()
}

/// Changes a file, and waits until the broker has said this once more.
fn change(cluster: &Cluster, file: &Path, rules: &str, expected: &str) {
    let count = || log(cluster).matches(expected).count();
    let before = count();
    fs::write(file, rules).unwrap();
    let start = Instant::now();
    while count() == before {
        assert!(start.elapsed() < PATIENCE, "the broker does not say {expected:?}:\n{}", cluster.log_tails());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn nothing_is_served_without_an_account() {
    let (cluster, home) = guarded("acl-unsigned");
    let options = ClientOptions::default();
    let client = WireClient::connect(&cluster.address(ORDINARY), options, std::sync::Arc::new(())).await.unwrap();
    for code in bolide_broker::requests::SERVED {
        let answer = client.request(*code, &(), Body::Empty, PATIENCE).await.unwrap();
        let seen = (answer.code, answer.remark.as_deref());
        assert_eq!(seen, (ResponseCode::NO_PERMISSION, Some("No accessKey is configured")), "{code}");
    }

    // From a trusted address everything is, but for what has no meaning with such files.
    let trusting = RULES.replace("10.10.103.*", "127.0.0.*");
    change(&cluster, &home.join("conf/plain_acl.yml"), &trusting, "changed rules of ACL 1.0 are in force");
    let answer = client.request(RequestCode::GET_BROKER_CONFIG, &(), Body::Empty, PATIENCE).await.unwrap();
    assert_eq!(answer.code, ResponseCode::SUCCESS);
    let answer = client.request(RequestCode::AUTH_LIST_USER, &(), Body::Empty, PATIENCE).await.unwrap();
    assert_eq!(answer.code, ResponseCode::REQUEST_CODE_NOT_SUPPORTED);
    assert!(answer.remark.unwrap().contains("plain_acl.yml"));
}

#[test]
fn accounts_get_what_their_permissions_say() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let (cluster, home) = guarded("acl");
    let file = home.join("conf/plain_acl.yml");
    let clients = [JAVA, Client::Java("4.9.8", Headers::Json), Client::Go, Client::Cpp, Client::AliOns];
    for client in clients.into_iter().filter(|client| client.toolchain_available()) {
        assert_eq!(
            keyed_client(client, &cluster, "orders", Some(ANN)),
            "served",
            "{client:?}\n{}",
            cluster.log_tails()
        );
        let refused = [
            ("orders", None, "No accessKey is configured"),
            ("orders", Some(("eve-is-nobody", "ann-secret")), "No acl config for eve-is-nobody"),
            ("orders", Some((ANN.0, "wrong-secret")), "Check signature failed for accessKey=ann-writes"),
            ("letters", Some(ANN), "No default permission for topic:letters"),
            ("invoices", Some(ANN), "No default permission for topic:invoices"),
        ];
        // The one for Node does not even try to send to a topic that is not there yet.
        let tried = refused.into_iter().filter(|(topic, ..)| !matches!(client, Client::AliOns) || *topic == "orders");
        are_refused(client, &cluster, tried);
    }
    assert_eq!(keyed_client(JAVA, &cluster, "invoices", Some(ROOT)), "served", "an administrator may everything");

    for (user, why) in [
        (Some(ANN), "served"),
        (None, "No accessKey is configured"),
        (Some((ANN.0, "wrong-secret")), "Check signature failed"),
    ] {
        let said = secured_grpc_client(GrpcClient::Java, &cluster, ("orders", "readers"), user).unwrap();
        assert!(said.contains(why), "gRPC as {user:?}: {said}\n{}", cluster.log_tails());
    }

    let broker = cluster.address(ORDINARY);
    for (user, why) in
        [(ANN, "Need admin permission for request code=17, but accessKey=ann-writes is not"), (ROOT, "create topic to")]
    {
        let said = Mqadmin::start_as(&cluster.name_server(), &cluster.folder().join(user.0), user)
            .run(&format!("updateTopic -b {broker} -t parcels -r 4 -w 4"));
        assert!(said.0.contains(why), "{}", said.0);
    }

    // Changes hold at once, in either place; what cannot be read changes nothing.
    let in_force = "changed rules of ACL 1.0 are in force";
    let says = |user| keyed_client(JAVA, &cluster, "orders", user);
    change(&cluster, &home.join("conf/acl/lucy.yml"), LUCYS_RULES, in_force);
    assert_eq!(says(Some(LUCY)), "served");
    change(&cluster, &file, &RULES.replace("orders=PUB|SUB", "orders=SUB"), in_force);
    assert!(says(Some(ANN)).contains("No default permission for topic:orders"));
    let mistake = RULES.replace("orders=PUB|SUB", "orders=PUBLISH");
    change(
        &cluster,
        &file,
        &mistake,
        "line 15: the permission \"PUBLISH\" is unknown; write PUB, SUB, PUB|SUB or DENY",
    );
    assert!(log(&cluster).contains("the old ones stay in force"));
    assert!(says(Some(ANN)).contains("No default permission for topic:orders"));
    assert_eq!(says(Some(LUCY)), "served");
    change(&cluster, &file, &RULES.replace("    whiteRemoteAddress:", "    whiteRemoteAddress: 127.0.0.1"), in_force);
    assert_eq!(says(Some((ANN.0, "wrong-secret"))), "served", "the address says enough");

    let log = log(&cluster);
    assert!(log.contains("denied: Check signature failed for accessKey=ann-writes"), "denials leave a trace");
    assert!(!log.contains(ANN.1) && !log.contains(ROOT.1), "secrets do not");
}

#[test]
fn accounts_become_users() {
    if !toolchain::available("Go", &["go version"]) {
        return;
    }
    let cluster = Cluster::new("acl-migration");
    let home = home_with(&cluster, RULES).display().to_string();
    let settings = [
        ("authenticationEnabled", "true"),
        ("authorizationEnabled", "true"),
        ("migrateAuthFromV1Enabled", "true"),
        ("rocketmqHome", home.as_str()),
    ];
    cluster.start_broker(ORDINARY, "DefaultCluster", &settings);
    for (topic, user, why) in [
        ("orders", Some(ANN), "served"),
        ("letters", Some(ANN), "User:ann-writes has no permission to access Topic:letters"),
        ("letters", Some(ROOT), "served"),
        ("orders", Some((ANN.0, "wrong-secret")), "check signature failed."),
        ("orders", None, "username cannot be null."),
    ] {
        let said = keyed_client(Client::Go, &cluster, topic, user);
        assert!(said.contains(why), "{user:?} on {topic}: {said}\n{}", cluster.log_tails());
    }
}
