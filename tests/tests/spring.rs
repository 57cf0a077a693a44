//! An application of Spring Boot with Apache's `rocketmq-spring-boot-starter`: sends, waiting and with a callback, commits and rolls back
//! transactions and is asked about one, and listens; with the right keys, wrong ones and none, under ACL 1.0 and as a user.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::fs;

use bolide_tests::cluster::{Cluster, ORDINARY, PATIENT};
use bolide_tests::spring::application;
use bolide_tests::toolchain;

const KEYS: (&str, &str) = ("spring-user", "spring-secret");
const WRONG: (&str, &str) = ("spring-user", "wrong-secret");
const RULES: &str = "
accounts:
  - accessKey: spring-user
    secretKey: spring-secret
    defaultGroupPerm: SUB
    topicPerms: [spring=PUB|SUB]
";

#[test]
fn an_application_is_served_as_its_keys_allow() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let open = Cluster::new("spring");
    open.start_broker(ORDINARY, "DefaultCluster", PATIENT);
    assert_eq!(application(&open, "spring", None), "served", "{}", open.log_tails());
    drop(open);

    let by_file = Cluster::new("spring-acl");
    let home = by_file.folder().join("home");
    fs::create_dir_all(home.join("conf")).unwrap();
    fs::write(home.join("conf/plain_acl.yml"), RULES).unwrap();
    let home = home.display().to_string();
    by_file.start_broker(
        ORDINARY,
        "DefaultCluster",
        &[PATIENT, &[("aclEnable", "true"), ("rocketmqHome", &home)]].concat(),
    );
    let by_user = Cluster::new("spring-users");
    let first = r#"{"username":"spring-user","password":"spring-secret"}"#;
    let settings =
        [("authenticationEnabled", "true"), ("authorizationEnabled", "true"), ("initAuthenticationUser", first)];
    by_user.start_broker(ORDINARY, "DefaultCluster", &[PATIENT, &settings].concat());
    for (cluster, topic, user, why) in [
        (&by_file, "spring", Some(KEYS), "served"),
        (&by_file, "spring", Some(WRONG), "Check signature failed for accessKey=spring-user"),
        (&by_file, "spring", None, "No accessKey is configured"),
        (&by_file, "autumn", Some(KEYS), "No default permission for topic:autumn"),
        (&by_user, "spring", Some(KEYS), "served"),
        (&by_user, "spring", Some(WRONG), "check signature failed."),
        (&by_user, "spring", None, "username cannot be null."),
    ] {
        let said = application(cluster, topic, user);
        assert!(said.contains(why), "{user:?} on {topic}: {said}\n{}", cluster.log_tails());
    }
}
