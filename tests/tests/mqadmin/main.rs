//! Apache's own `mqadmin` 5.5.0 against a cluster of one broker: the sub-commands of daily work, and what their columns say.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

mod lite;
mod walk;

use bolide_remoting::{Body, RequestCode};
use bolide_tests::binaries::apache_version;
use bolide_tests::cluster::Cluster;
use bolide_tests::mqadmin::Mqadmin;
use bolide_tests::toolchain;
use bolide_tests::wire::{Form, Wire, number, pull_form};

const BROKER: &str = "broker-a";
const TOPIC: &str = "orders";
const GROUP: &str = "billing";
const SENT: i64 = 12;
const PULLED: i64 = 8;
const CONSUMED: i64 = 5;

/// What Apache's `rocketmq-exporter` reads as numbers; it tells nothing of a broker's runtime where one is left out.
const NUMBERS_OF_EXPORTER: &[&str] = &[
    "bootTimestamp",
    "commitLogDiskRatio",
    "commitLogMaxOffset",
    "commitLogMinOffset",
    "consumeQueueDiskRatio",
    "dispatchBehindBytes",
    "dispatchMaxBuffer",
    "earliestMessageTimeStamp",
    "getMessageEntireTimeMax",
    "msgGetTotalTodayMorning",
    "msgGetTotalTodayNow",
    "msgGetTotalYesterdayMorning",
    "msgPutTotalTodayMorning",
    "msgPutTotalTodayNow",
    "msgPutTotalYesterdayMorning",
    "pageCacheLockTimeMills",
    "pullThreadPoolQueueCapacity",
    "pullThreadPoolQueueHeadWaitTimeMills",
    "pullThreadPoolQueueSize",
    "putLatency99",
    "putLatency999",
    "putMessageAverageSize",
    "putMessageEntireTimeMax",
    "putMessageSizeTotal",
    "putMessageTimesTotal",
    "queryThreadPoolQueueCapacity",
    "queryThreadPoolQueueHeadWaitTimeMills",
    "queryThreadPoolQueueSize",
    "remainTransientStoreBufferNumbs",
    "sendThreadPoolQueueCapacity",
    "sendThreadPoolQueueHeadWaitTimeMills",
    "sendThreadPoolQueueSize",
    "startAcceptSendRequestTimeStamp",
];

#[tokio::test]
async fn daily_commands_show_what_is_true() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let cluster = Cluster::new("mqadmin");
    cluster.start_broker(BROKER, "DefaultCluster", &[]);
    let address = cluster.address(BROKER);
    let mut admin = Mqadmin::start(&cluster.name_server(), cluster.folder());
    create_topic_and_group(&mut admin, &address);
    let size = traffic(&cluster).await;

    broker_as_a_whole(&mut admin, &address);
    topics(&mut admin, &address, size);
    groups(&mut admin, &address);
    batches(&mut admin, &address, &cluster);
    refusals(&mut admin, &address);
    name_server(&mut admin);
}

fn create_topic_and_group(admin: &mut Mqadmin, address: &str) {
    admin.run(&format!("updateTopic -b {address} -t {TOPIC} -r 2 -w 2")).expect(&["success"]);
    admin.run(&format!("updateSubGroup -b {address} -g {GROUP}")).expect(&["success"]);
}

/// Sends [`SENT`] messages to queue 0, has the group pull [`PULLED`] of them and commit [`CONSUMED`]; answers the size of a record.
async fn traffic(cluster: &Cluster) -> i64 {
    let wire = Wire::connect_to(&cluster.address(BROKER)).await;
    // As the group's first member would; mqadmin finds a group's brokers by it.
    wire.create_topic(&format!("%RETRY%{GROUP}"), 1, "").await;
    for number in 0..SENT {
        wire.send(TOPIC, &["TAGS=new", "KEYS=order-1"], &format!("order {number:02}")).await;
    }
    let pull = pull_form(GROUP, TOPIC, 0, 0).with("maxMsgNums", PULLED);
    let pulled = wire.succeed(RequestCode::PULL_MESSAGE, &pull, Body::Empty).await;
    assert_eq!(number(&pulled, "nextBeginOffset"), PULLED);
    let commit =
        Form::of(&[("consumerGroup", GROUP), ("topic", TOPIC), ("queueId", "0")]).with("commitOffset", CONSUMED);
    wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &commit, Body::Empty).await;
    pulled.body.len() as i64 / PULLED
}

fn broker_as_a_whole(admin: &mut Mqadmin, address: &str) {
    let list = admin.run("clusterList");
    let row = list.row(&["DefaultCluster", BROKER, "0", address, "V5_5_0"]);
    assert_eq!(row.last(), Some(&"true"), "it is active: {row:?}");
    let space: f64 = row[row.len() - 2].parse().unwrap();
    assert!((0.0..=1.0).contains(&space), "the share of the disk: {row:?}");
    let more = admin.run("clusterList -m");
    let (sent, pulled) = (SENT.to_string(), PULLED.to_string());
    assert_eq!(more.row(&["DefaultCluster", BROKER])[2..], ["0", "0", &sent, &pulled]);

    let status = admin.run(&format!("brokerStatus -b {address}"));
    assert_eq!(status.value("brokerActive"), "true");
    assert_eq!(status.value("msgPutTotalTodayNow"), sent);
    assert_eq!(status.value("msgGetTotalTodayNow"), pulled);
    assert_eq!(status.value("putMessageTimesTotal"), sent);
    assert_eq!(status.value("putMessageFailedTimes"), "0");
    assert_eq!(status.value("commitLogMinOffset"), "0");
    let (total, end) = (status.value("putMessageSizeTotal"), status.value("commitLogMaxOffset"));
    assert_eq!(total, end, "all that is in the log was sent since the start");
    let average: f64 = status.value("putMessageAverageSize").parse().unwrap();
    assert_eq!(average, total.parse::<f64>().unwrap() / SENT as f64);
    assert!(status.value("runtime").starts_with("[ 0 days, 0 hours, "));
    assert!(status.value("earliestMessageTimeStamp").parse::<i64>().unwrap() > 1_700_000_000_000);
    for key in ["dispatchBehindBytes", "timerCongestNum", "timerOffsetBehind", "sendThreadPoolQueueSize"] {
        assert_eq!(status.value(key), "0", "{key}");
    }

    for key in NUMBERS_OF_EXPORTER {
        assert!(status.value(key).parse::<f64>().is_ok(), "{key}: {}", status.value(key));
    }
    if apache_version().is_none() {
        // The exporter reads it, too; Apache's brokers of its time say it, and 5.5.0 does not.
        assert_eq!(status.value("brokerVersion"), "513");
    }

    let ha = admin.run(&format!("haStatus -b {address}"));
    assert_eq!(ha.row(&["#MasterCommitLogMaxOffset"])[1], end);
    assert_eq!(ha.row(&["#SlaveNum"])[1], "0");
    admin.run(&format!("getBrokerConfig -b {address}")).expect(&["brokerName", BROKER]);
    admin.run(&format!("getColdDataFlowCtrInfo -b {address}")).expect(&["cgColdReadThreshold"]);
    admin.run(&format!("producer -b {address}")).expect(&[]);
}

fn topics(admin: &mut Mqadmin, address: &str, size: i64) {
    admin.run("topicList").expect(&[TOPIC]);
    let status = admin.run(&format!("topicStatus -t {TOPIC}"));
    assert_eq!(status.row(&[BROKER, "0"])[2..4], ["0", &SENT.to_string()]);
    assert_eq!(status.row(&[BROKER, "1"])[2..4], ["0", "0"]);

    let queue = admin.run(&format!("queryCq -t {TOPIC} -q 0 -i 3 -c 2 -b {address}"));
    queue.expect(&[&format!("max: {SENT}, min: 0")]);
    let shown: Vec<&str> = queue.0.lines().filter(|line| line.contains("physicOffset")).collect();
    assert_eq!(shown.len(), 2, "{}", queue.0);
    assert!(queue.0.contains(&size.to_string()), "the size of a record, {size}, is in\n{}", queue.0);

    let stats = admin.run(&format!("statsAll -t {TOPIC}"));
    let row = stats.row(&[TOPIC, GROUP]);
    assert_eq!(row[2], (SENT - CONSUMED).to_string(), "behind: {row:?}");
    assert!(row[3].parse::<f64>().unwrap() > 0.0 && row[4].parse::<f64>().unwrap() > 0.0, "per second: {row:?}");
    assert_eq!(row[5..], [SENT.to_string(), PULLED.to_string()], "in a day");
}

fn groups(admin: &mut Mqadmin, address: &str) {
    let progress = admin.run(&format!("consumerProgress -g {GROUP}"));
    let (sent, consumed, behind) = (SENT.to_string(), CONSUMED.to_string(), (SENT - CONSUMED).to_string());
    assert_eq!(progress.row(&[TOPIC, BROKER, "0"])[3..6], [&sent, &consumed, &behind]);
    assert_eq!(progress.value("Consume Diff Total"), behind);
    assert!(progress.value("Consume TPS").parse::<f64>().unwrap() > 0.0);
    let all = admin.run(&format!("brokerConsumeStats -b {address}"));
    assert_eq!(all.row(&[TOPIC, GROUP, BROKER, "0"])[4..7], [&sent, &consumed, &behind]);
    assert_eq!(all.value("Diff Total"), behind);
    admin.run(&format!("getConsumerConfig -g {GROUP}")).expect(&[GROUP, "consumeEnable"]);
}

/// Several topics and groups in one command, and cleaning up.
fn batches(admin: &mut Mqadmin, address: &str, cluster: &Cluster) {
    let file = cluster.folder().join("batch.json");
    let topics = r#"[{"topicName":"batch-1","readQueueNums":3,"writeQueueNums":3,"perm":6},{"topicName":"batch-2"}]"#;
    std::fs::write(&file, topics).unwrap();
    admin.run(&format!("updateTopicList -b {address} -f {}", file.display())).expect(&["success"]);
    let route = admin.run("topicRoute -t batch-1");
    assert!(route.0.contains("\"readQueueNums\":3"), "{}", route.0);
    std::fs::write(&file, r#"[{"groupName":"batch-group","retryMaxTimes":3}]"#).unwrap();
    admin.run(&format!("updateSubGroupList -b {address} -f {}", file.display())).expect(&["success"]);
    let config = admin.run("getConsumerConfig -g batch-group");
    assert_eq!(config.row(&["retryMaxTimes"]).last(), Some(&"3"), "{}", config.0);
    admin.run(&format!("cleanUnusedTopic -b {address}")).expect(&["success"]);
    admin.run("deleteTopic -c DefaultCluster -t batch-1").expect(&["success"]);
    assert!(!admin.run("topicList").0.contains("batch-1"));
}

/// What makes no sense here is refused with the reason.
fn refusals(admin: &mut Mqadmin, address: &str) {
    for (command, reason) in [
        (format!("getBrokerEpoch -b {BROKER}"), "controllerMode"),
        (format!("switchTimerEngine -b {address} -e R"), "no RocksDB stores"),
        (format!("setCommitLogReadAheadMode -b {address} -m 1"), "no mode to set"),
        (format!("updateColdDataFlowCtrGroupConfig -b {address} -g {GROUP} -v 1024"), "not throttled"),
        ("checkRocksdbCqWriteProgress -c DefaultCluster".to_owned(), "RocksDB"),
    ] {
        let output = admin.run(&command);
        assert!(output.0.contains(reason), "`{command}` does not say {reason:?} but\n{}", output.0);
    }
    admin.run(&format!("switchTimerEngine -b {address} -e F")).expect(&["success"]);
}

fn name_server(admin: &mut Mqadmin) {
    admin.run("getNamesrvConfig").expect(&["listenPort"]);
    admin.run("updateKvConfig -s SPACE -k key -v value").expect(&["success"]);
    admin.run("deleteKvConfig -s SPACE -k key").expect(&["success"]);
    let wiped = admin.run(&format!("wipeWritePerm -b {BROKER}"));
    assert!(wiped.0.contains("wipe write perm of broker"), "{}", wiped.0);
    let route = admin.run(&format!("topicRoute -t {TOPIC}"));
    assert!(route.0.contains("\"perm\":4"), "{}", route.0);
    admin.run(&format!("addWritePerm -b {BROKER}")).expect(&["add write perm of broker"]);
}
