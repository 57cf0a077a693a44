use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use bolide_remoting::keys::{self, Keys, Loaded, Warning};
use bolide_remoting::properties::Properties;
use bolide_remoting::tls::{DEFAULT_TLS_FILE, TlsMode};
use clap::{CommandFactory, Parser};

use super::*;

/// The names of all keys of Apache's 5.5.0: broker, store, network and authentication settings.
const APACHE_KEYS: &str = include_str!("apache_keys.txt");

fn environment() -> Environment {
    Environment {
        namesrv_addr: None,
        rocketmq_home: None,
        home: Some("/home/operator".to_owned()),
        host_name: "host-a".to_owned(),
        address: IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)),
    }
}

fn arguments(line: &str) -> Arguments {
    Arguments::try_parse_from(std::iter::once("mqbroker").chain(line.split_whitespace())).unwrap()
}

fn decide(line: &str, file: &str) -> Result<Start, ConfigError> {
    Start::decide(&arguments(line), &environment(), file.as_bytes())
}

fn plan(line: &str, file: &str) -> Plan {
    match decide(line, file).unwrap() {
        Start::Run(plan) => *plan,
        Start::Print(text) => panic!("printed {text}"),
    }
}

fn printed(line: &str, file: &str) -> Properties {
    match decide(line, file).unwrap() {
        Start::Print(text) => Properties::parse(&text).unwrap(),
        Start::Run(plan) => panic!("ran {plan:?}"),
    }
}

fn refusal(line: &str, file: &str) -> String {
    decide(line, file).unwrap_err().to_string()
}

#[test]
fn the_bare_start_serves_this_machine_only() {
    let plan = plan("", "");
    assert!(plan.bare);
    assert_eq!(plan.config.bind_address, "127.0.0.1");
    assert_eq!(plan.config.broker_ip1, "127.0.0.1");
    assert_eq!(plan.config.broker_name, "host-a");
    assert_eq!(plan.config.store_path_root_dir, "data");
    assert_eq!(plan.config.store_path_commit_log, "data/commitlog");
    assert_eq!((plan.config.listen_port, plan.config.fast_listen_port()), (10_911, Some(10_909)));
    assert_eq!(plan.config.ha_listen_port, 10_912);
    assert_eq!(plan.config_file, None);
    assert_eq!(
        plan.name_servers,
        NameServerPlan::Embedded {
            bind_address: "127.0.0.1".to_owned(),
            port: 9876,
            kv_config_path: PathBuf::from("data/namesrv/kvConfig.json"),
            tls_server_mode: TlsMode::Permissive,
            tls_config_file: DEFAULT_TLS_FILE.to_owned(),
        }
    );
    assert_eq!(plan.warnings, [] as [&str; 0]);
}

#[test]
fn a_data_folder_alone_is_still_the_bare_start() {
    let plan = plan("-d /tmp/d", "");
    assert!(plan.bare);
    assert_eq!(plan.config.bind_address, "127.0.0.1");
    assert_eq!(plan.config.store_path_commit_log, "/tmp/d/commitlog");
}

#[test]
fn a_configuration_file_binds_as_apache_does_and_still_embeds_a_name_server() {
    let plan = plan("-c broker.conf", "brokerName=a\nlistenPort=10921\nnamesrvListenPort=9877");
    assert!(!plan.bare);
    assert_eq!(plan.config.bind_address, "0.0.0.0");
    assert_eq!((plan.config.broker_ip1.as_str(), plan.config.broker_ip2.as_str()), ("10.1.2.3", "10.1.2.3"));
    assert_eq!(plan.config.store_path_root_dir, "/home/operator/store");
    assert_eq!(plan.config.store_path_commit_log, "/home/operator/store/commitlog");
    assert_eq!((plan.config.ha_listen_port, plan.config.fast_listen_port()), (10_922, Some(10_919)));
    assert_eq!(plan.config_file, Some(PathBuf::from("broker.conf")));
    let NameServerPlan::Embedded { bind_address, port, .. } = plan.name_servers else { panic!("none embedded") };
    assert_eq!((bind_address.as_str(), port), ("0.0.0.0", 9877));
}

#[test]
fn a_name_server_is_embedded_exactly_when_no_address_is_given() {
    let at = |addresses: &[&str]| NameServerPlan::At(addresses.iter().map(|a| (*a).to_owned()).collect());
    assert_eq!(plan("-n a:9876;b:9877", "").name_servers, at(&["a:9876", "b:9877"]));
    assert_eq!(plan("-c f", "namesrvAddr=a:1; b:2 ;").name_servers, at(&["a:1", "b:2"]));
    assert_eq!(plan("-c f -n c:3", "namesrvAddr=a:1").name_servers, at(&["c:3"]));
    assert_eq!(plan("-c f -n c:3", "namesrvAddr=a:1").config.namesrv_addr, "c:3");
    assert!(matches!(plan("-c f", "namesrvAddr= ").name_servers, NameServerPlan::Embedded { .. }));
    assert_eq!(plan("-c f", "namesrvListenPort=0").name_servers, NameServerPlan::None);

    let variable = |line: &str, file: &str, value: &str| {
        let environment = Environment { namesrv_addr: Some(value.to_owned()), ..environment() };
        match Start::decide(&arguments(line), &environment, file.as_bytes()).unwrap() {
            Start::Run(plan) => *plan,
            Start::Print(_) => panic!("printed"),
        }
    };
    let from_variable = variable("", "", "v:4");
    assert!(!from_variable.bare);
    assert_eq!(from_variable.name_servers, at(&["v:4"]));
    assert_eq!(from_variable.config.bind_address, "0.0.0.0");
    assert_eq!(from_variable.config.store_path_root_dir, "/home/operator/store");
    assert_eq!(variable("-c f", "namesrvAddr=a:1", "v:4").name_servers, at(&["a:1"]));
    assert_eq!(variable("-n c:3", "", "v:4").name_servers, at(&["c:3"]));
    assert!(variable("", "", " ").bare);
}

#[test]
fn what_the_operator_wrote_wins() {
    let file = "brokerIP1=192.0.2.7\nbrokerIP2=192.0.2.8\nbindAddress=::1\nhaListenPort=20000\n\
                storePathRootDir=/srv/store\nstorePathCommitLog=/srv/log\nflushDiskType=SYNC_FLUSH\nmappedFileSizeCommitLog=65536";
    let config = plan("-c f", file).config;
    assert_eq!((config.broker_ip1.as_str(), config.broker_ip2.as_str()), ("192.0.2.7", "192.0.2.8"));
    assert_eq!((config.bind_address.as_str(), config.ha_listen_port), ("::1", 20_000));
    assert_eq!(
        (config.store_path_root_dir.as_str(), config.store_path_commit_log.as_str()),
        ("/srv/store", "/srv/log")
    );
    assert_eq!((config.flush_disk_type, config.mapped_file_size_commit_log_bytes), (FlushDiskType::SyncFlush, 65_536));
    assert_eq!(plan("-c f -d /data", file).config.store_path_root_dir, "/data");
}

#[test]
fn ports_at_the_edges() {
    assert_eq!(plan("-c f", "listenPort=0").config.fast_listen_port(), None);
    assert_eq!(plan("-c f", "listenPort=0").config.ha_listen_port, 0);
    assert_eq!(plan("-c f", "listenPort=2").config.fast_listen_port(), None);
    assert_eq!(plan("-c f", "listenPort=65535").config.ha_listen_port, 65_535);
}

#[test]
fn a_bad_start_has_one_clear_line() {
    for (line, file, expected) in [
        (
            "-n nonsense",
            "",
            "-n: \"nonsense\" is not the address of a name server; write host:port, several as host:port;host:port",
        ),
        ("-n ;", "", "-n: \";\" is not the address of a name server; write host:port, several as host:port;host:port"),
        (
            "-c f",
            "namesrvAddr=a:1,b:2",
            "namesrvAddr: \"a:1,b:2\" is not the address of a name server; write host:port, several as host:port;host:port",
        ),
        (
            "-n http://a:80",
            "",
            "-n: \"http://a:80\" is not the address of a name server; write host:port, several as host:port;host:port",
        ),
        (
            "-c f.conf",
            "a=1\nlistenPort=70000",
            "f.conf:2: listenPort is \"70000\", but must be a whole number from 0 to 65535",
        ),
        (
            "-c f.conf",
            "maxMessageSize=4M",
            "f.conf:1: maxMessageSize is \"4M\", but must be a whole number from 1 to 16777216",
        ),
        (
            "-c f.conf",
            "flushDiskType=SYNC",
            "f.conf:1: flushDiskType is \"SYNC\", but must be one of ASYNC_FLUSH, SYNC_FLUSH",
        ),
        (
            "-c f.conf",
            "brokerRole=SLAVE",
            "f.conf:1: brokerRole=SLAVE is not served: there is no replication yet; only ASYNC_MASTER is",
        ),
        (
            "-c f.conf",
            "messageStorePlugIn=x",
            "f.conf:1: messageStorePlugIn=x is not served: there is no tiered store and no other plug-in of the store; leave it empty",
        ),
        (
            "-c f.conf",
            "tls.server.certPath=/etc/c.pem",
            "f.conf:1: tls.server.certPath=/etc/c.pem is not served: it belongs into the file that tls.config.file names; leave it empty",
        ),
        (
            "-c f.conf",
            "authorizationEnabled=true",
            "authorizationEnabled=true needs authenticationEnabled=true: whose rights count is known of signed requests only",
        ),
        (
            "-c f.conf",
            "aclEnable=true\nauthenticationEnabled=true",
            "aclEnable=true and authenticationEnabled=true exclude each other: set one, or take the accounts over with migrateAuthFromV1Enabled=true",
        ),
        (
            "-c f.conf",
            "migrateAuthFromV1Enabled=true",
            "migrateAuthFromV1Enabled=true needs authenticationEnabled=true: the accounts become its users",
        ),
        (
            "-c f.conf",
            "proxyProtocolFrom=10.0.0.5, 10.1.0.0/33",
            "f.conf:1: proxyProtocolFrom is \"10.0.0.5, 10.1.0.0/33\", but must be addresses or networks with commas between them, such as 10.0.0.5,10.1.0.0/16",
        ),
        (
            "-c f.conf",
            "tls.server.mode=enforcing",
            "tls.server.mode=enforcing holds for the name server in this process too, so that useTLS=true is needed",
        ),
        ("-c f.conf", "bindAddress=eth0", "bindAddress is \"eth0\", but must be an IP address, such as 0.0.0.0"),
        (
            "-c f.conf",
            "storePathCommitLog=/a,/b",
            "storePathCommitLog is \"/a,/b\", but a commit log in several folders is not served",
        ),
    ] {
        assert_eq!(refusal(line, file), expected);
    }
}

#[test]
fn promises_that_are_not_kept_stop_the_start() {
    for file in [
        "brokerRole=SYNC_MASTER",
        "inSyncReplicas=2",
        "enableControllerMode=true",
        "enableDLegerCommitLog=true",
        "storeType=defaultRocksDB",
        "configManagerVersion=v2",
        "timerRocksDBEnable=true",
        "popConsumerKVServiceEnable=true",
        "messageStorePlugIn=org.apache.rocketmq.tieredstore.TieredMessageStore",
        "enableSlaveActingMaster=true",
        "duplicationEnable=true",
    ] {
        let line = refusal("-c f", file);
        assert!(line.starts_with(&format!("f:1: {file} is not served: ")), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
    let harmless = "brokerRole=ASYNC_MASTER\ninSyncReplicas=1\nmessageStorePlugIn=\nstoreType=default";
    assert_eq!(plan("-c f", harmless).warnings, [] as [&str; 0]);
}

#[test]
fn without_a_home_the_data_needs_a_folder() {
    let environment = Environment { home: None, ..environment() };
    let decide = |line: &str, file: &str| Start::decide(&arguments(line), &environment, file.as_bytes());
    assert_eq!(decide("-c f", ""), Err(ConfigError::DataFolder));
    assert!(decide("", "").is_ok());
    assert!(decide("-c f -d x", "").is_ok());
    assert!(decide("-c f", "storePathRootDir=/x").is_ok());
}

#[test]
fn warnings_are_told_but_stop_nothing() {
    let plan = plan("-c f", "brokerId=3\nbrokerNmae=x\nsendMessageThreadPoolNums=16");
    assert_eq!(plan.config.broker_id, 0);
    assert_eq!(
        plan.warnings,
        [
            "f:2: unknown key \"brokerNmae\" is ignored; did you mean \"brokerName\"?",
            "f:3: sendMessageThreadPoolNums has no effect: requests are handled where they are read, without pools of threads and their queues",
            "brokerId=3 is set back to 0: every broker is a master here",
        ]
    );
    assert_eq!(plan.inert.get("sendMessageThreadPoolNums").map(String::as_str), Some("16"));
}

#[test]
fn prints_all_keys_or_the_important_ones() {
    let all = printed("-c f -p", "brokerName=a\ntimerWarmEnable=true");
    assert_eq!(all.get("brokerName"), Some("a"));
    assert_eq!(all.get("storePathRootDir"), Some("/home/operator/store"));
    assert_eq!(all.get("brokerRole"), Some("ASYNC_MASTER"));
    assert_eq!(all.get("timerWarmEnable"), Some("true"));
    assert_eq!(all.len(), BrokerConfig::KEYS.len() + BrokerConfig::PROMISES.len() + 1);
    let important = printed("-m", "");
    assert_eq!(important.get("listenPort"), Some("10911"));
    assert_eq!(important.get("flushCommitLogLeastPages"), None);
    assert_eq!(printed("-n a:1 -p", "").get("namesrvAddr"), Some("a:1"));
}

#[test]
fn every_key_of_apache_is_known_and_listed_once() {
    let keys = BrokerConfig::KEYS.iter().map(|key| key.name);
    let promises = BrokerConfig::PROMISES.iter().map(|promise| promise.name);
    let inert = BrokerConfig::INERT.iter().flat_map(|inert| inert.names.iter().copied());
    let mut known: Vec<&str> = keys.chain(promises).chain(inert).collect();
    known.sort_unstable();
    let twice: Vec<&[&str]> = known.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "listed twice: {twice:?}");
    for name in APACHE_KEYS.lines() {
        assert!(known.binary_search(&name).is_ok(), "{name} is not known");
    }
}

#[test]
fn what_is_printed_starts_the_same_broker_again() {
    let first = plan("-c f", "brokerName=a\nnamesrvAddr=a:1");
    let text = Loaded::new(first.config.clone()).properties().to_string();
    let second = plan("-c f", &text);
    assert_eq!(first.config, second.config);
    assert_eq!(second.warnings, [] as [&str; 0]);
}

#[test]
fn keys_change_at_run_time_unless_fixed() {
    let live = LiveConfig::new(Loaded::new(plan("", "").config));
    let update = |text: &str| live.update(&Properties::parse(text).unwrap());
    assert_eq!(update("autoCreateTopicEnable=false\nfileReservedTime=48").unwrap().changes.len(), 2);
    assert!(!live.get().auto_create_topic_enable);
    let refused = update("listenPort=1").unwrap_err().to_string();
    assert!(refused.starts_with("listenPort can only be set at start"), "{refused}");
    assert!(update("brokerRole=SLAVE").is_err());
    assert!(matches!(update("timerWarmEnable=true").unwrap().warnings[..], [Warning::Inert { .. }]));
}

#[test]
fn the_sample_file_starts_a_broker() {
    let sample = keys::sample_file::<BrokerConfig>("broker.conf");
    assert_eq!(plan("-c f", &sample).config, plan("-c f", "").config);
    assert!(sample.lines().all(|line| line.is_empty() || line.starts_with('#')));
}

#[test]
fn the_command_line_is_sound() {
    Arguments::command().debug_assert();
    assert!(Arguments::try_parse_from(["mqbroker", "-x"]).is_err());
    assert_eq!(arguments("--configFile f -p"), arguments("-c f -p"));
}

/// `cargo run -p bolide-broker -- --reference > conf/REFERENCE.md` writes it anew.
#[test]
fn the_reference_page_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../conf/REFERENCE.md");
    let Start::Print(page) = decide("--reference", "").unwrap() else { panic!("it is printed") };
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page, "conf/REFERENCE.md is stale: cargo run -p bolide-broker -- --reference > conf/REFERENCE.md");
}
