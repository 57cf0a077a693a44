//! The small JSON files under a store's `config` folder: a broker that takes over Apache's folder keeps what they say, and in the way
//! that Apache reads it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bolide_broker::broker::Opening;
use bolide_broker::config::BrokerConfig;
use bolide_broker::server::BrokerServer;
use bolide_remoting::header::UpdateConsumerOffsetRequest;
use bolide_remoting::keys::Loaded;
use bolide_remoting::{Client, ClientOptions, RequestCode, ResponseCode};
use bolide_store::{RealDisk, SystemClock};
use bytes::Bytes;

use crate::java_value::JavaValue;
use crate::manifest::store_files;

const FILES: [&str; 3] = ["topics.json", "subscriptionGroup.json", "consumerOffset.json"];

/// As the recorder's broker was configured, on ports of the system's choice.
fn opening(root: &Path) -> Opening {
    let mut config = Loaded::new(BrokerConfig::default());
    let root = root.display();
    let text = format!(
        "brokerClusterName=DefaultCluster\nbrokerName=broker-a\nbrokerIP1=127.0.0.1\nbindAddress=127.0.0.1\nlistenPort=0\n\
         storePathRootDir={root}\nstorePathCommitLog={root}/commitlog\nenablePropertyFilter=true\n\
         mappedFileSizeCommitLog=65536\nmappedFileSizeConsumeQueue=1000\nmaxHashSlotNum=50\nmaxIndexNum=120\n\
         maxMessageSize=50000\ndefaultTopicQueueNums=2\n"
    );
    config.read(text.as_bytes(), "the test").unwrap();
    Opening { config, config_path: None, name_servers: Vec::new(), listen_port: 0 }
}

/// Commits an offset that a group did not have, so that there is something to save.
async fn commit(broker: &BrokerServer) {
    let address = broker.local_addrs()[0].to_string();
    let client = Client::connect(&address, ClientOptions::default(), Arc::new(())).await.unwrap();
    let fields = UpdateConsumerOffsetRequest {
        consumer_group: "TOOLS_CONSUMER",
        topic: "TBW102",
        queue_id: 0,
        commit_offset: 1,
    };
    let code = RequestCode::UPDATE_CONSUMER_OFFSET;
    let answer = client.request(code, &fields, Bytes::new(), Duration::from_secs(10)).await.unwrap();
    assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
}

fn value(bytes: &[u8]) -> JavaValue {
    JavaValue::parse(std::str::from_utf8(bytes).unwrap()).unwrap().without_nulls()
}

/// What of Apache's files is different after a broker of ours ran on them.
async fn differences(store: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let recorded = store_files(store);
    for file in &recorded {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    let broker = BrokerServer::start(opening(folder.path()), Arc::new(RealDisk), Arc::new(SystemClock)).await.unwrap();
    commit(&broker).await;
    broker.shutdown().await.unwrap();
    let mut found = Vec::new();
    for name in FILES {
        let path = format!("config/{name}");
        let before = recorded.iter().find(|file| file.path == path).unwrap();
        let after = value(&std::fs::read(folder.path().join(&path)).unwrap());
        found.extend(value(&before.bytes).differences(&after).into_iter().map(|what| format!("{name}{what}")));
    }
    found
}

/// The commit changes the file's version, and leaves an offset. The other two tables follow from what clients do;
/// Apache writes them, but does not read them back.
fn is_expected(difference: &str) -> bool {
    let Some(place) = difference.strip_prefix("consumerOffset.json.") else {
        return false;
    };
    place.starts_with(r#""dataVersion"."#)
        || place.starts_with(r#""offsetTable"."TBW102@TOOLS_CONSUMER""#)
        || place.starts_with(r#""groupTopicMap"."#)
        || place.starts_with(r#""pullOffsetTable"."#)
}

#[tokio::test]
async fn a_broker_keeps_what_apaches_files_say() {
    for store in ["ipv4", "ipv6"] {
        let mut found = differences(store).await;
        let saved = found.iter().any(|difference| difference.contains("TBW102@TOOLS_CONSUMER"));
        assert!(saved, "{store}: nothing was saved");
        found.retain(|difference| !is_expected(difference));
        assert_eq!(found, Vec::<String>::new(), "{store}");
    }
}
