//! Clients that speak TLS, with the right and the wrong certificates, against a name server and a broker that are in each mode.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bolide_tests::authority::Authority;
use bolide_tests::clients::secured_client;
use bolide_tests::cluster::{Cluster, ORDINARY};
use bolide_tests::folder::Folder;
use bolide_tests::toolchain;

/// How long a server may take to notice that a certificate has changed.
const LIMIT: Duration = Duration::from_secs(60);

/// What the Java client says of its attempt, with these options.
fn client_says(cluster: &Cluster, topic: &str, options: &[String]) -> String {
    secured_client(cluster, topic, options, None)
}

fn assert_served(cluster: &Cluster, topic: &str, options: &[String]) {
    let said = client_says(cluster, topic, options);
    assert_eq!(said, "served", "{topic} {options:?}\n{}", cluster.log_tails());
}

fn assert_refused(cluster: &Cluster, topic: &str, options: &[String]) {
    let said = client_says(cluster, topic, options);
    assert!(said.starts_with("refused: "), "{topic} {options:?}: {said}\n{}", cluster.log_tails());
}

fn option(name: &str, value: &str) -> String {
    format!("-D{name}={value}")
}

/// The options of a client that trusts the servers of one authority only, and shows the certificate of another one's client.
fn secured(trusted: &Authority, shown: Option<&Authority>) -> Vec<String> {
    let mut options = vec![
        option("tls.enable", "true"),
        option("tls.test.mode.enable", "false"),
        option("tls.client.authServer", "true"),
        option("tls.client.trustCertPath", &trusted.path("ca.pem")),
    ];
    if let Some(shown) = shown {
        options.push(option("tls.client.certPath", &shown.path("client.pem")));
        options.push(option("tls.client.keyPath", &shown.path("client.key")));
    }
    options
}

fn authority(folder: &Path) -> Authority {
    let authority = Authority::new(folder);
    authority.issue("server");
    authority.issue("client");
    authority
}

#[test]
fn each_client_chooses_when_nothing_is_configured() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let cluster = Cluster::new("tls-permissive");
    cluster.start_broker(ORDINARY, "DefaultCluster", &[]);
    assert_served(&cluster, "plain", &[]);
    assert_served(&cluster, "secured", &[option("tls.enable", "true")]);
}

#[test]
fn only_known_clients_are_served_where_certificates_are_required() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let folder = Folder::new("certificates");
    let (ours, theirs) = (authority(&folder.path().join("ours")), authority(&folder.path().join("theirs")));
    let file = folder.path().join("tls.properties");
    let text = format!(
        "tls.test.mode.enable=false\ntls.server.certPath={server}\ntls.server.keyPath={server_key}\n\
         tls.server.need.client.auth=require\ntls.server.authClient=true\ntls.server.trustCertPath={ca}\n\
         tls.client.authServer=true\ntls.client.trustCertPath={ca}\ntls.client.certPath={client}\ntls.client.keyPath={client_key}\n",
        server = ours.path("server.pem"),
        server_key = ours.path("server.key"),
        ca = ours.path("ca.pem"),
        client = ours.path("client.pem"),
        client_key = ours.path("client.key"),
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let settings = [("tls.server.mode", "enforcing"), ("tls.config.file", file.as_str()), ("useTLS", "true")];
    let cluster = Cluster::with_settings("tls-enforcing", &settings);
    cluster.start_broker(ORDINARY, "DefaultCluster", &settings);

    assert_served(&cluster, "known", &secured(&ours, Some(&ours)));
    assert_refused(&cluster, "plain", &[]);
    assert_refused(&cluster, "without-certificate", &secured(&ours, None));
    assert_refused(&cluster, "foreign-client", &secured(&ours, Some(&theirs)));
    assert_refused(&cluster, "foreign-server", &secured(&theirs, Some(&ours)));

    // The files change, the servers go on.
    for name in ["server.pem", "server.key"] {
        fs::copy(theirs.path(name), ours.path(name)).unwrap();
    }
    let begun = Instant::now();
    while client_says(&cluster, "renewed", &secured(&theirs, Some(&ours))) != "served" {
        assert!(begun.elapsed() < LIMIT, "the servers still show the old certificate\n{}", cluster.log_tails());
    }
}
