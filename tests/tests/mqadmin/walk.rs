//! All sub-commands of Apache's tool, one after the other: each shows what is true, or the reason why it makes no sense here. What each
//! has to show stands beside it; a command without an entry fails the test.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use bolide_tests::binaries::apache_version;
use bolide_tests::clients::java_program;
use bolide_tests::cluster::Cluster;
use bolide_tests::member;
use bolide_tests::mqadmin::{Mqadmin, Output};
use bolide_tests::toolchain;

use super::BROKER;

/// A command, in which `{b}` is the broker's address, `{n}` the name server's, `{d}` a folder, `{id}` a message's place, and what must be in
/// its output.
type Step = (&'static str, Expected);

/// What must be in a command's output.
enum Expected {
    /// Whoever the servers are.
    Shows(&'static [&'static str]),
    /// Here. Apache's broker does otherwise, or has other reasons; see the README.
    Ours(&'static [&'static str]),
}
use Expected::{Ours, Shows};

const STEPS: &[Step] = &[
    ("clusterList", Shows(&["DefaultCluster", "broker-a", "{b}", "true"])),
    (
        "brokerStatus -b {b}",
        Shows(&[
            "msgPutTotalTodayNow             : 12",
            "putMessageTimesTotal            : 12",
            "brokerActive                    : true",
        ]),
    ),
    ("getBrokerConfig -b {b}", Shows(&["brokerName", "broker-a"])),
    ("updateBrokerConfig -b {b} -k maxMessageSize -v 5000000", Shows(&["update broker config success, {b}"])),
    ("haStatus -b {b}", Shows(&["#MasterCommitLogMaxOffset", "#SlaveNum\t0"])),
    ("getColdDataFlowCtrInfo -b {b}", Shows(&["runtimeTable"])),
    (
        "updateColdDataFlowCtrGroupConfig -b {b} -g billing -v 1024",
        Ours(&["groups are not throttled for reading cold data"]),
    ),
    ("removeColdDataFlowCtrGroupConfig -b {b} -g billing", Ours(&["groups are not throttled for reading cold data"])),
    ("setCommitLogReadAheadMode -b {b} -m 1", Ours(&["there is no mode to set"])),
    ("switchTimerEngine -b {b} -e F", Ours(&["switchTimerEngine to FILE_TIME_WHEEL success"])),
    ("resetMasterFlushOffset -b {b} -o 0", Shows(&["reset master flush offset to 0 success"])),
    ("getBrokerEpoch -b broker-a", Shows(&["this request only for controllerMode"])),
    ("cleanExpiredCQ -b {b}", Shows(&["success"])),
    ("deleteExpiredCommitLog -b {b}", Shows(&["success"])),
    ("cleanUnusedTopic -b {b}", Shows(&["success"])),
    ("brokerConsumeStats -b {b}", Shows(&["Diff Total: 7"])),
    ("sendMsgStatus -b broker-a -s 16 -c 2", Shows(&["sendStatus=SEND_OK", "brokerName=broker-a"])),
    ("getNamesrvConfig", Shows(&["listenPort"])),
    ("updateNamesrvConfig -k waitSecondsForService -v 44", Shows(&["waitSecondsForService : 44"])),
    ("updateKvConfig -s SPACE -k key -v value", Shows(&["success"])),
    ("deleteKvConfig -s SPACE -k key", Shows(&["success"])),
    ("wipeWritePerm -b broker-a", Shows(&["wipe write perm of broker[broker-a] in name server[{n}] OK"])),
    ("addWritePerm -b broker-a", Shows(&["add write perm of broker[broker-a] in name server[{n}] OK"])),
    ("topicList", Shows(&["orders", "%RETRY%billing"])),
    ("topicClusterList -t orders", Shows(&["DefaultCluster"])),
    ("topicRoute -t orders -l", Shows(&["{0=", "Total:"])),
    (
        "topicStatus -t orders",
        Shows(&["broker-a                          0     0                     12 ", "Topic Put TPS"]),
    ),
    ("updateTopic -b {b} -t letters -r 3 -w 3", Shows(&["create topic to {b} success", "readQueueNums=3"])),
    ("updateTopicPerm -b {b} -t letters -p 4", Shows(&["update topic perm from 6 to 4 in {b} success"])),
    ("updateTopicList -b {b} -f {d}/topics.json", Shows(&["submit batch of topic config to {b} success"])),
    ("updateOrderConf -t letters -m put -v broker-a:3", Shows(&["topic=[letters], orderConf=[broker-a:3]"])),
    (
        "allocateMQ -t letters -i one,two",
        Shows(&["\"two\":[{\"brokerName\":\"broker-a\",\"queueId\":2,\"topic\":\"letters\"}]"]),
    ),
    (
        "deleteTopic -t letters -c DefaultCluster",
        Shows(&["delete topic [letters] from cluster [DefaultCluster] success", "from NameServer success"]),
    ),
    ("updateStaticTopic -t static -b broker-a -qn 2", Ours(&["UPDATE_AND_CREATE_STATIC_TOPIC (513) not supported"])),
    ("remappingStaticTopic -t orders -b broker-a", Shows(&["Mapping info should not be null in broker broker-a"])),
    ("queryCq -t orders -q 0 -i 3 -c 2 -b {b}", Shows(&["max: 12, min: 0", "physicSize=", "idx: 4"])),
    ("checkRocksdbCqWriteProgress -c DefaultCluster -n {n}", Ours(&["this broker has no RocksDB stores"])),
    ("statsAll -t orders", Shows(&["billing"])),
    ("updateSubGroup -b {b} -g mail", Shows(&["create subscription group to {b} success", "retryMaxTimes=16"])),
    ("updateSubGroupList -b {b} -f {d}/groups.json", Shows(&["submit batch of group config to {b} success"])),
    ("getConsumerConfig -g mail", Shows(&["DefaultCluster:broker-a", "=  mail"])),
    ("setConsumeMode -b {b} -t orders -g mail -m PULL", Shows(&["topic[orders] group[mail] consume mode[PULL]"])),
    ("consumerProgress -g billing", Shows(&["Consume Diff Total: 7"])),
    (
        "consumerConnection -g billing",
        Shows(&["127.0.0.1@member", "ConsumeType: CONSUME_PASSIVELY", "MessageModel: CLUSTERING"]),
    ),
    ("consumerStatus -g billing -i 127.0.0.1@member", Shows(&["PROP_CONSUME_TYPE", "001 Topic: orders", "broker-a"])),
    ("producerConnection -g shop -t orders", Shows(&["0001  127.0.0.1@member", "V5_5_0"])),
    ("producer -b {b}", Shows(&["producer group (shop) instance : clientId=127.0.0.1@member"])),
    ("startMonitoring", Shows(&[])),
    (
        "queryMsgById -t orders -i {id} -f UTF-8",
        Shows(&[
            "Queue Offset:        3",
            "Keys:                [order-3]",
            "Message Body:        order 03",
            "consumerGroup=billing",
        ]),
    ),
    ("queryMsgByKey -t orders -k order-9", Shows(&["@orders@K@order-9@00000000000000000000000000000009@"])),
    (
        "queryMsgByUniqueKey -t orders -i 00000000000000000000000000000003",
        Shows(&["Queue Offset:        3", "Keys:                [order-3]"]),
    ),
    (
        "queryMsgByOffset -t orders -b broker-a -i 0 -o 3",
        Shows(&["Queue Offset:        3", "Keys:                [order-3]"]),
    ),
    (
        "queryMsgTraceById -i 00000000000000000000000000000003",
        Ours(&["The topic[RMQ_SYS_TRACE_TOPIC] not matched route info"]),
    ),
    ("printMsg -t orders", Shows(&["minOffset=0, maxOffset=12", "BODY: order 00", "BODY: order 11"])),
    (
        "printMsgByQueue -t orders -a broker-a -i 0 -p true -d true -f true",
        Shows(&["BODY: order 11", "Tag: new", "Count: 8"]),
    ),
    ("consumeMessage -t orders -b broker-a -i 0 -o 2 -c 3", Shows(&["BODY: order 02", "BODY: order 04"])),
    ("sendMessage -t orders -p hello -b broker-a -i 1", Shows(&["broker-a                          1     SEND_OK"])),
    ("checkMsgSendRT -t orders -a 2 -s 16", Shows(&["broker-a                          1     true", "Avg RT"])),
    ("dumpCompactionLog -f {d}/nothing", Shows(&["not exist"])),
    (
        "cloneGroupOffset -s billing -d mail -t orders",
        Shows(&["clone group offset success. srcGroup[billing], destGroup=[mail], topic[orders]"]),
    ),
    (
        "resetOffsetByTime -g mail -t orders -s 1000000000000",
        Ours(&["broker-a                                  0                                         0 "]),
    ),
    (
        "skipAccumulatedMessage -g mail -t orders",
        Ours(&["broker-a                                  0                                         13 "]),
    ),
    ("deleteSubGroup -b {b} -g mail", Shows(&["delete subscription group [mail] from broker [{b}] success"])),
    ("createUser -b {b} -u ann -p pass", Shows(&["create user to {b} success"])),
    ("updateUser -b {b} -u ann -s disable", Shows(&["update user to {b} success"])),
    ("getUser -b {b} -u ann", Shows(&["ann ", "Normal", "disable"])),
    ("listUser -b {b}", Shows(&["ann ", "Normal", "disable"])),
    ("createAcl -b {b} -s User:ann -r Topic:par* -a Pub -d Allow", Shows(&["create acl to {b} success"])),
    ("updateAcl -b {b} -s User:ann -r Topic:par* -a Sub -d Deny", Shows(&["update acl to {b} success"])),
    ("getAcl -b {b} -s User:ann", Shows(&["User:ann", "Custom", "Topic:par*", "[Sub]", "Deny"])),
    ("listAcl -b {b}", Shows(&["User:ann", "[Sub]", "Deny"])),
    ("copyUser -f {b} -t {b} -u ann", Shows(&["copy user of ann from {b} to {b} success"])),
    ("copyAcl -f {b} -t {b}", Shows(&["copy acl of User:ann from {b} to {b} success"])),
    ("deleteAcl -b {b} -s User:ann", Shows(&["delete acl to {b} success"])),
    ("deleteUser -b {b} -u ann", Shows(&["delete user to {b} success"])),
    ("exportMetadata -c DefaultCluster -f {d}", Shows(&["export {d}/metadata.json success"])),
    ("exportConfigs -c DefaultCluster -f {d}", Shows(&["export {d}/configs.json success"])),
    ("exportMetrics -c DefaultCluster -f {d}", Shows(&["export {d}/metrics.json success"])),
    ("exportMetadataInRocksDB -p {d}/nothing -t topics", Shows(&["RocksDB path is invalid"])),
    ("exportPopRecord -b {b}", Shows(&["Export broker records, brokerName=broker-a"])),
    ("rocksDBConfigToJson -n {n} -c DefaultCluster -t topics", Ours(&["no RocksDB stores"])),
    // With lite topics: `lite.rs`.
    ("getBrokerLiteInfo -b {b}", Shows(&["{b}"])),
    ("getParentTopicInfo -p orders", Shows(&["[broker-a] error."])),
    ("getLiteTopicInfo -p orders -l one", Shows(&["[broker-a] error."])),
    ("getLiteClientInfo -p orders -g billing -c 127.0.0.1@member", Ours(&["[broker-a] error."])),
    ("getLiteGroupInfo -p orders -g billing", Shows(&["[broker-a] error."])),
    ("triggerLiteDispatch -p orders -g billing", Shows(&["broker-a"])),
    ("getSyncStateSet -a {b} -b broker-a", Ours(&["CONTROLLER_GET_METADATA_INFO (1005) not supported"])),
    ("getControllerConfig -a {b}", Ours(&["GET_CONTROLLER_CONFIG (1010) not supported"])),
    ("getControllerMetaData -a {b}", Ours(&["CONTROLLER_GET_METADATA_INFO (1005) not supported"])),
    ("updateControllerConfig -a {b} -k k -v v", Ours(&["UPDATE_CONTROLLER_CONFIG (1009) not supported"])),
    (
        "electMaster -a {b} -b 1 -c DefaultCluster -bn broker-a",
        Ours(&["CONTROLLER_GET_METADATA_INFO (1005) not supported"]),
    ),
    (
        "cleanBrokerMetadata -a {b} -bn broker-a -c DefaultCluster",
        Ours(&["CONTROLLER_GET_METADATA_INFO (1005) not supported"]),
    ),
    ("addBroker -c {b} -b {d}/broker.conf", Ours(&["ADD_BROKER (902) not supported"])),
    ("removeBroker -c {b} -b DefaultCluster:broker-a:0", Ours(&["REMOVE_BROKER (903) not supported"])),
];

/// Without these Apache's broker keeps no users.
const KEEPS_USERS: &[(&str, &str)] = &[
    (
        "authenticationMetadataProvider",
        "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
    ),
    (
        "authorizationMetadataProvider",
        "org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider",
    ),
];

/// This one asks for ever; [`endless`] looks at its beginning.
const ENDLESS: &str = "clusterRT";

/// What a tool says that could not read an answer.
const UNREADABLE: [&str; 6] = [
    "JSONException",
    "NullPointerException",
    "ClassCastException",
    "NumberFormatException",
    "IndexOutOfBounds",
    "RemotingCommandException",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_shows_what_is_true_or_why_not() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let cluster = Cluster::new("mqadmin-walk");
    cluster.start_broker(BROKER, "DefaultCluster", if apache_version().is_some() { KEEPS_USERS } else { &[] });
    let address = cluster.address(BROKER);
    let folder = cluster.folder().display().to_string();
    std::fs::write(
        cluster.folder().join("topics.json"),
        r#"[{"topicName":"batch","readQueueNums":3,"writeQueueNums":3,"perm":6}]"#,
    )
    .unwrap();
    std::fs::write(cluster.folder().join("groups.json"), r#"[{"groupName":"batch-group","retryMaxTimes":3}]"#).unwrap();
    let member = member::join(&address).await;
    let mut admin = Mqadmin::start(&cluster.name_server(), cluster.folder());

    let commands: BTreeSet<String> = admin.commands().into_iter().collect();
    let walked = STEPS.iter().filter_map(|(command, _)| command.split(' ').next()).chain([ENDLESS]);
    assert_eq!(commands, walked.map(str::to_owned).collect(), "every command has an entry, and every entry a command");
    let place = admin.run("queryMsgByOffset -t orders -b broker-a -i 0 -o 3").value("OffsetID").to_owned();
    let filled = |text: &str| {
        let places = [("{b}", address.as_str()), ("{n}", &cluster.name_server()), ("{d}", &folder), ("{id}", &place)];
        places.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    };
    let mut wrong = Vec::new();
    for (command, expected) in STEPS {
        let parts = match expected {
            Shows(parts) => parts,
            Ours(_) if apache_version().is_some() => continue,
            Ours(parts) => parts,
        };
        let Output(shown) = admin.run(&filled(command));
        let missing: Vec<_> = parts.iter().filter(|part| !shown.contains(&filled(part))).collect();
        let unreadable: Vec<_> = UNREADABLE.iter().filter(|word| shown.contains(**word)).collect();
        if !missing.is_empty() || !unreadable.is_empty() {
            wrong.push(format!("`{command}` lacks {missing:?} and has {unreadable:?}:\n{shown}"));
        }
    }
    endless(&cluster);
    drop(member);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the command writes that never ends, until its first row is there.
fn endless(cluster: &Cluster) {
    let mut java = java_program("5.5.0", "org.apache.rocketmq.tools.command.MQAdminStartup");
    java.args([ENDLESS, "-a", "2", "-s", "16", "-i", "1", "-n", &cluster.name_server()]);
    let mut tool = java.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(tool.stdout.take().unwrap()).lines().map_while(Result::ok);
    // A row ends with the successes and the failures.
    let row = lines.into_iter().find(|line| line.contains(BROKER));
    tool.kill().unwrap();
    tool.wait().unwrap();
    let row = row.expect("it writes a row");
    assert_eq!(row.split_whitespace().skip(3).collect::<Vec<_>>(), ["2", "0"], "{row}");
}
