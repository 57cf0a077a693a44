//! The native `mqadmin`, as an operator runs it: every command against a cluster with known content, in text and in JSON, with keys,
//! with TLS, and what it says of mistakes. Where Apache's `mqadmin` is there, both must show the same of the same cluster.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bolide_remoting::{Body, Reply, Request, RequestCode, Service};
use bolide_tests::binaries::our_binary;
use bolide_tests::cluster::Cluster;
use bolide_tests::mqadmin::{Mqadmin, Output};
use bolide_tests::toolchain;
use bolide_tests::wire::{Form, Wire, now_ms, pull_form};
use serde_json::{Value, json};

const BROKER: &str = "broker-a";
const CLUSTER: &str = "DefaultCluster";
const TOPIC: &str = "orders";
const GROUP: &str = "billing";
const CLIENT: &str = "127.0.0.1@member";
const SENT: i64 = 12;
const CONSUMED: i64 = 5;

/// The binary, with the environment and the flags that all its commands get.
struct Admin {
    flags: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

/// What a command did.
struct Ran {
    success: bool,
    output: Output,
    errors: String,
}

impl Admin {
    fn new(name_server: &str) -> Self {
        Self { flags: vec!["-n".to_owned(), name_server.to_owned()], variables: Vec::new() }
    }

    fn with_flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    fn with_variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Runs a command; its arguments are separated by blanks.
    fn try_run(&self, command: &str) -> Ran {
        let arguments = command.split(' ').filter(|argument| !argument.is_empty()).map(str::to_owned);
        let mut process = Command::new(our_binary("mqadmin"));
        for name in ["NAMESRV_ADDR", "ROCKETMQ_HOME", "ROCKETMQ_ACCESS_KEY", "ROCKETMQ_SECRET_KEY"] {
            process.env_remove(name);
        }
        process.args(arguments.chain(self.flags.iter().cloned())).envs(self.variables.iter().cloned());
        let ran = process.output().unwrap();
        Ran {
            success: ran.status.success(),
            output: Output(String::from_utf8(ran.stdout).unwrap()),
            errors: String::from_utf8(ran.stderr).unwrap(),
        }
    }

    /// What a command shows that must succeed.
    fn run(&self, command: &str) -> Output {
        let ran = self.try_run(command);
        assert!(ran.success, "`{command}` failed: {}{}", ran.output.0, ran.errors);
        assert_eq!(ran.errors, "", "`{command}`");
        ran.output
    }

    /// What a command shows as JSON.
    fn json(&self, command: &str) -> Value {
        let text = self.run(&format!("{command} --json")).0;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("`{command}` wrote no JSON: {error}\n{text}"))
    }

    /// What a command says that must fail.
    fn fail(&self, command: &str) -> String {
        let ran = self.try_run(command);
        assert!(!ran.success, "`{command}` does not fail but shows\n{}", ran.output.0);
        assert_eq!(ran.output.0, "", "`{command}` fails, but writes a report");
        ran.errors
    }
}

/// A member of a group that tells the broker of itself when it is asked, and consumes what it is given.
struct Member;

impl Service for Member {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        let queue = r#"{"brokerName":"broker-a","queueId":1,"topic":"orders"}"#;
        match request.code() {
            RequestCode::GET_CONSUMER_RUNNING_INFO => {
                let info = format!(
                    r#"{{"mqTable":{{{queue}:{{"cachedMsgCount":3,"commitOffset":7,"locked":true}}}},"properties":{{"PROP_CONSUME_TYPE":"CONSUME_PASSIVELY"}},"statusTable":{{"orders":{{"consumeOKTPS":1.5}}}},"subscriptionSet":[{{"topic":"orders","subString":"new"}}]}}"#
                );
                reply.ok_body(&(), info.into_bytes());
            }
            RequestCode::CONSUME_MESSAGE_DIRECTLY => {
                let result = r#"{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":2}"#;
                reply.ok_body(&(), result.as_bytes().to_vec());
            }
            _ => reply.ok(&()),
        }
    }
}

/// Sends [`SENT`] messages, the last four with another tag; has a member pull eight of them and commit [`CONSUMED`], and stays that member.
async fn traffic(cluster: &Cluster) -> Wire {
    let wire = Wire::dial_with(&cluster.address(BROKER), Arc::new(Member)).await;
    wire.create_topic(TOPIC, 2, "").await;
    let heartbeat = json!({
        "clientID": CLIENT,
        "producerDataSet": [{"groupName": "shop"}],
        "consumerDataSet": [{
            "groupName": GROUP, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING",
            "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET",
            "subscriptionDataSet": [{"topic": TOPIC, "subString": "new", "tagsSet": ["new"]}],
        }],
    });
    wire.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), heartbeat.to_string().into_bytes()).await;
    for number in 0..SENT {
        let (tag, key) = (if number < 8 { "TAGS=new" } else { "TAGS=old" }, format!("UNIQ_KEY={:032X}", number + 1));
        wire.send(TOPIC, &[tag, &format!("KEYS=order-{number}"), &key], &format!("order {number:02}")).await;
    }
    wire.succeed(RequestCode::PULL_MESSAGE, &pull_form(GROUP, TOPIC, 0, 0).with("maxMsgNums", 8), Body::Empty).await;
    let commit = Form::of(&[("consumerGroup", GROUP), ("topic", TOPIC), ("queueId", "0")]);
    wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &commit.with("commitOffset", CONSUMED), Body::Empty).await;
    wire
}

/// The member answers while the command is awaited, which takes a thread of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_show_and_do_what_they_say() {
    let cluster = Cluster::new("admin");
    cluster.start_broker(BROKER, CLUSTER, &[]);
    let address = cluster.address(BROKER);
    let admin = Admin::new(&cluster.name_server());
    let member = traffic(&cluster).await;

    clusters_and_brokers(&admin, &address);
    topics(&admin, &address);
    consumers(&admin, &address);
    messages(&admin, &address);
    as_apache_shows_it(&admin, &cluster, &address);
    drop(member);
    sending(&admin);
    groups_and_offsets(&admin, &address);
    name_servers(&admin, &cluster.name_server());
    export(&admin, cluster.folder());
    mistakes(&admin, &address);
}

fn clusters_and_brokers(admin: &Admin, address: &str) {
    let row = admin.run("clusterList").row(&[CLUSTER, BROKER, "0", address, "V5_5_0"]).join(" ");
    assert!(row.ends_with("true"), "{row}");
    let list = admin.json("clusterList");
    assert_eq!((&list[0]["broker"], &list[0]["id"], &list[0]["active"]), (&json!(BROKER), &json!(0), &json!(true)));
    let more = admin.json("clusterList -m -c DefaultCluster");
    assert_eq!((&more[0]["inToday"], &more[0]["outToday"]), (&json!(SENT), &json!(8)));

    let status = admin.run(&format!("brokerStatus -b {address}"));
    assert_eq!(status.value("putMessageTimesTotal"), SENT.to_string());
    let status = admin.json("brokerStatus -c DefaultCluster");
    assert_eq!(status[address]["brokerActive"], "true");

    assert_eq!(admin.run(&format!("getBrokerConfig -b {address}")).value("brokerName"), BROKER);
    admin.run(&format!("updateBrokerConfig -b {address} -k maxMessageSize -v 5000000")).expect(&["success", address]);
    assert_eq!(admin.json(&format!("getBrokerConfig -b {address}"))["maxMessageSize"], "5000000");
    let slaves = admin.json(&format!("haStatus -b {address}"));
    assert_eq!((&slaves["brokers"][0]["master"], &slaves["slaves"]), (&json!(true), &json!([])));
    for command in ["cleanExpiredCQ", "cleanUnusedTopic", "deleteExpiredCommitLog"] {
        admin.run(&format!("{command} -c DefaultCluster")).expect(&["success", address]);
    }
}

fn topics(admin: &Admin, address: &str) {
    assert!(admin.run("topicList").0.lines().any(|line| line == TOPIC));
    let consumed = admin.json("topicList -c");
    assert!(consumed.as_array().unwrap().contains(&json!({"cluster": CLUSTER, "topic": TOPIC, "group": GROUP})));
    assert_eq!(admin.json(&format!("topicClusterList -t {TOPIC}")), json!([CLUSTER]));

    let status = admin.run(&format!("topicStatus -t {TOPIC}"));
    assert_eq!(status.row(&[BROKER, "0"])[2..4], ["0", &SENT.to_string()]);
    let status = admin.json(&format!("topicStatus -t {TOPIC}"));
    assert_eq!(status["queues"][0]["maxOffset"], SENT);
    assert!(status["queues"][0]["lastUpdated"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        status["queues"][1],
        json!({"broker": BROKER, "queue": 1, "minOffset": 0, "maxOffset": 0, "lastUpdated": 0})
    );

    let stats = admin.json(&format!("statsAll -t {TOPIC} -a"));
    assert_eq!(stats[0]["group"], GROUP);
    assert_eq!((&stats[0]["accumulation"], &stats[0]["inMessages24h"]), (&json!(SENT - CONSUMED), &json!(SENT)));
    assert_eq!(stats[0]["outMessages24h"], 8);
    let entries = admin.json(&format!("queryCq -t {TOPIC} -q 0 -i 3 -c 2 -b {address}"));
    assert_eq!((&entries["maxIndex"], &entries["entries"][1]["index"]), (&json!(SENT), &json!(4)));

    admin.run("updateTopic -c DefaultCluster -t letters -r 4 -w 4 -a +message.type=FIFO -o true").expect(&[
        "create topic to",
        "letters",
        "broker-a:4",
    ]);
    assert_eq!(admin.json("updateOrderConf -t letters -m get"), json!({"topic": "letters", "orderConf": "broker-a:4"}));
    admin.run("updateOrderConf -t letters -m put -v broker-a:3").expect(&["success"]);
    assert_eq!(admin.run("updateOrderConf -t letters -m get").value("orderConf"), "broker-a:3");
    admin.run("updateOrderConf -t letters -m delete").expect(&["success"]);
    assert!(admin.fail("updateOrderConf -t letters -m get").contains("-m put sets it"));
    admin.run(&format!("updateTopicPerm -b {address} -t letters -p 4")).expect(&["from 6 to 4"]);
    let route = admin.json("topicRoute -t letters");
    assert_eq!((&route["queueDatas"][0]["perm"], &route["queueDatas"][0]["readQueueNums"]), (&json!(4), &json!(4)));
    let listed = admin.json("topicRoute -t letters -l");
    assert_eq!(listed[0]["addresses"]["0"], address);
    let shares = admin.json("allocateMQ -t letters -i one,two,three");
    let sizes = ["one", "two", "three"].map(|consumer| shares[consumer].as_array().unwrap().len());
    assert_eq!(sizes, [2, 1, 1]);
    admin.run("deleteTopic -t letters -c DefaultCluster").expect(&["success"]);
    assert!(!admin.run("topicList").0.contains("letters"));
}

fn consumers(admin: &Admin, address: &str) {
    let (sent, consumed, behind) = (SENT.to_string(), CONSUMED.to_string(), (SENT - CONSUMED).to_string());
    let progress = admin.run(&format!("consumerProgress -g {GROUP}"));
    assert_eq!(progress.row(&[TOPIC, BROKER, "0"])[3..6], [&sent, &consumed, &behind]);
    assert_eq!(progress.value("Consume Diff Total"), behind);
    let progress = admin.json(&format!("consumerProgress -g {GROUP} -t {TOPIC} -s true"));
    assert_eq!((&progress["diffTotal"], &progress["queues"][0]["diff"]), (&json!(7), &json!(7)));
    assert_eq!(
        (&progress["queues"][0]["client"], &progress["queues"][1]["client"]),
        (&Value::Null, &json!("127.0.0.1"))
    );
    let all = admin.json("consumerProgress");
    let group = all.as_array().unwrap().iter().find(|group| group["group"] == GROUP).unwrap();
    assert_eq!((&group["count"], &group["version"], &group["diffTotal"]), (&json!(1), &json!("V5_5_0"), &json!(7)));
    let of_broker = admin.json(&format!("brokerConsumeStats -b {address} -l 1"));
    assert_eq!((&of_broker["diffTotal"], &of_broker["queues"][0]["group"]), (&json!(7), &json!(GROUP)));

    let connection = admin.json(&format!("consumerConnection -g {GROUP}"));
    assert_eq!(
        (&connection["members"][0]["clientId"], &connection["messageModel"]),
        (&json!(CLIENT), &json!("CLUSTERING"))
    );
    let orders = json!({"topic": TOPIC, "expression": "new"});
    assert!(connection["subscriptions"].as_array().unwrap().contains(&orders), "{connection}");
    let status = admin.json(&format!("consumerStatus -g {GROUP}"));
    assert_eq!(status["members"], json!([{"clientId": CLIENT, "version": "V5_5_0", "queues": 1, "cachedMessages": 3}]));
    assert_eq!(admin.json(&format!("consumer -g {GROUP}")), status);
    let member = admin.json(&format!("consumerStatus -g {GROUP} -i {CLIENT}"));
    assert_eq!((&member["queues"][0]["locked"], &member["topics"][0]["consumeOkTps"]), (&json!(true), &json!(1.5)));

    let producers = admin.json(&format!("producerConnection -g shop -t {TOPIC}"));
    assert_eq!(producers[0]["clientId"], CLIENT);
    admin.run(&format!("producer -b {address}")).row(&["shop", CLIENT]);
}

fn messages(admin: &Admin, address: &str) {
    let key = format!("{:032X}", 4);
    let found = admin.json(&format!("queryMsgByUniqueKey -t {TOPIC} -i {key}"));
    assert_eq!((&found["message"]["body"], &found["message"]["queueOffset"]), (&json!("order 03"), &json!(3)));
    assert_eq!(found["consumers"], json!([{"group": GROUP, "online": true, "state": "CONSUMED"}]));
    assert_eq!(admin.json(&format!("queryMsgById -t {TOPIC} -i {key}")), found, "by either id");
    let place = found["message"]["offsetId"].as_str().unwrap();
    assert_eq!(admin.json(&format!("queryMsgById -t {TOPIC} -i {place}")), found, "by either id");
    assert_eq!(admin.json(&format!("queryMsgByOffset -t {TOPIC} -b {BROKER} -i 0 -o 3")), found);
    assert_eq!(admin.run(&format!("queryMsgById -t {TOPIC} -i {place}")).value("Message Body"), "order 03");
    let all = admin.json(&format!("queryMsgByUniqueKey -t {TOPIC} -i {key} -a"));
    assert_eq!((all.as_array().unwrap().len(), &all[0]["offset"]), (1, &json!(3)));
    let by_key = admin.json(&format!("queryMsgByKey -t {TOPIC} -k order-9"));
    assert_eq!((by_key.as_array().unwrap().len(), &by_key[0]["id"]), (1, &json!(format!("{:032X}", 10))));
    let later = now_ms() + 3_600_000;
    assert_eq!(admin.json(&format!("queryMsgByKey -t {TOPIC} -k order-9 -b {later}")), json!([]));
    let direct = admin.json(&format!("queryMsgById -t {TOPIC} -i {place} -g {GROUP} -d {CLIENT}"));
    assert_eq!(direct, json!({"consumeResult": "CR_SUCCESS", "remark": null, "spentTimeMs": 2}));

    let bodies = |command: &str| -> Vec<String> {
        let lines = admin.run(&format!("{command} --json")).0;
        let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        values.map(|message| message["body"].as_str().unwrap_or("none").to_owned()).collect()
    };
    let numbers = |range: std::ops::Range<i64>| range.map(|number| format!("order {number:02}")).collect::<Vec<_>>();
    assert_eq!(bodies(&format!("printMsg -t {TOPIC}")), numbers(0..SENT));
    assert_eq!(bodies(&format!("printMsg -t {TOPIC} -s old")), numbers(8..SENT));
    assert_eq!(bodies(&format!("printMsg -t {TOPIC} -b {later}")), numbers(0..0));
    assert_eq!(bodies(&format!("printMsg -t {TOPIC} -e {later} -s old -d false")), vec!["none"; 4]);
    assert_eq!(bodies(&format!("consumeMessage -t {TOPIC} -b {BROKER} -i 0 -o 2 -c 3")), numbers(2..5));
    assert_eq!(admin.run(&format!("printMsg -t {TOPIC}")).0.matches(" BODY: order").count(), 12);
    let tags = admin.json(&format!("printMsgByQueue -t {TOPIC} -a {BROKER} -i 0 -f true"));
    assert_eq!(tags, json!([{"tag": "new", "count": 8}, {"tag": "old", "count": 4}]));
    assert_eq!(admin.run(&format!("printMsgByQueue -t {TOPIC} -a {BROKER} -i 0 -p true")).0.lines().count(), 12);
    assert!(admin.fail(&format!("queryMsgByOffset -t {TOPIC} -b {BROKER} -i 0 -o 99")).contains("it has 0 to 11"));
    assert!(admin.fail(&format!("queryMsgById -t {TOPIC} -i {:032X}", 99)).contains("there is no message"));
    let other = format!("{}FFFFFFFFFFFF0000", &place[..16]);
    assert!(
        !admin.fail(&format!("queryMsgById -t {TOPIC} -i {other}")).is_empty(),
        "a place without a message at {address}"
    );
}

/// The same rows with the same words, whoever asks.
fn as_apache_shows_it(admin: &Admin, cluster: &Cluster, address: &str) {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    let home = cluster.folder().join("apache");
    std::fs::create_dir(&home).unwrap();
    let mut apache = Mqadmin::start(&cluster.name_server(), &home);
    let sent = SENT.to_string();
    let place = admin.json(&format!("queryMsgByOffset -t {TOPIC} -b {BROKER} -i 0 -o 3"));
    let place = place["message"]["offsetId"].as_str().unwrap().to_owned();
    for (command, words, columns) in [
        ("topicStatus -t orders".to_owned(), vec![BROKER, "0"], 0..6),
        ("consumerProgress -g billing".to_owned(), vec![TOPIC, BROKER, "0"], 0..7),
        ("statsAll -t orders".to_owned(), vec![TOPIC, GROUP], 0..3),
        ("clusterList -m".to_owned(), vec![CLUSTER, BROKER], 0..2),
        ("topicRoute -t orders -l".to_owned(), vec![CLUSTER, BROKER], 0..2),
        ("consumerConnection -g billing".to_owned(), vec![CLIENT], 0..4),
        ("consumerConnection -g billing".to_owned(), vec!["MessageModel:"], 0..2),
        (format!("producerConnection -g shop -t {TOPIC}"), vec![CLIENT], 0..0),
        ("queryMsgByKey -t orders -k order-9".to_owned(), vec!["0", "9"], 0..3),
        (format!("brokerConsumeStats -b {address}"), vec![TOPIC, GROUP, BROKER, "0"], 0..7),
        ("topicClusterList -t orders".to_owned(), vec![CLUSTER], 0..1),
    ] {
        let (ours, theirs) = (admin.run(&command), apache.run(&command));
        assert_eq!(
            ours.row(&words)[columns.clone()],
            theirs.row(&words)[columns],
            "{command}\n{}\n{}",
            ours.0,
            theirs.0
        );
    }
    let (ours, theirs) =
        (admin.run(&format!("brokerStatus -b {address}")), apache.run(&format!("brokerStatus -b {address}")));
    for key in ["msgPutTotalTodayNow", "commitLogMaxOffset", "brokerVersionDesc", "putMessageAverageSize"] {
        assert_eq!(ours.value(key), theirs.value(key), "{key}");
    }
    let command = format!("queryMsgById -t {TOPIC} -i {place} -f UTF-8");
    let (ours, theirs) = (admin.run(&command), apache.run(&command));
    for key in
        ["Topic", "Queue Offset", "CommitLog Offset", "Born Timestamp", "Store Timestamp", "Store Host", "Message Body"]
    {
        assert_eq!(ours.value(key), theirs.value(key), "{key}");
    }
    let names = |output: &Output| {
        let mut names: Vec<String> =
            output.0.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(names(&admin.run("topicList")), names(&apache.run("topicList")));
    assert_eq!(apache.run(&format!("topicStatus -t {TOPIC}")).row(&[BROKER, "0"])[3], sent);
}

fn sending(admin: &Admin) {
    let sent = admin.json(&format!("sendMessage -t {TOPIC} -p hello -k order-99 -c new -b {BROKER} -i 1"));
    assert_eq!((&sent[0]["result"], &sent[0]["queue"], &sent[0]["offset"]), (&json!("SEND_OK"), &json!(1), &json!(0)));
    let id = sent[0]["id"].as_str().unwrap();
    let found = admin.json(&format!("queryMsgById -t {TOPIC} -i {id}"));
    assert_eq!((&found["message"]["body"], &found["message"]["keys"]), (&json!("hello"), &json!("order-99")));
    admin.run(&format!("queryMsgById -t {TOPIC} -i {id} -s true")).expect(&["resend", "success"]);
    assert_eq!(admin.json(&format!("queryMsgByKey -t {TOPIC} -k order-99")).as_array().unwrap().len(), 2);
    let measured = admin.json(&format!("checkMsgSendRT -t {TOPIC} -a 4 -s 100"));
    let queues: Vec<&Value> = measured["sends"].as_array().unwrap().iter().map(|send| &send["queue"]).collect();
    assert_eq!(queues, [&json!(0), &json!(1), &json!(0), &json!(1)]);
    assert!(measured["averageMs"].as_f64().unwrap() > 0.0);
}

fn groups_and_offsets(admin: &Admin, address: &str) {
    admin.run(&format!("updateSubGroup -b {address} -g mail -r 3 -d true")).expect(&["success"]);
    let config = admin.json("getConsumerConfig -g mail");
    assert_eq!(
        (&config[BROKER]["retryMaxTimes"], &config[BROKER]["consumeBroadcastEnable"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(config[BROKER]["consumeFromMinEnable"], false, "as Apache's tool has it");
    admin.run(&format!("setConsumeMode -c DefaultCluster -t {TOPIC} -g mail -m POP")).expect(&["success"]);
    admin.run(&format!("cloneGroupOffset -s {GROUP} -d mail -t {TOPIC} -o true")).expect(&["success"]);
    let consumed = |group: &str| {
        let progress = admin.json(&format!("consumerProgress -g {group} -t {TOPIC}"));
        progress["queues"][0]["consumerOffset"].as_i64().unwrap()
    };
    assert_eq!(consumed("mail"), CONSUMED);
    let moved = admin.json(&format!("resetOffsetByTime -g mail -t {TOPIC} -s 1000000000000"));
    assert_eq!(moved[0], json!({"broker": BROKER, "queue": 0, "offset": 0}));
    assert_eq!(consumed("mail"), 0);
    admin.run(&format!("resetOffsetByTime -g mail -t {TOPIC} -s now -b {address} -q 0 -o 7")).row(&[address, "0", "7"]);
    assert_eq!(consumed("mail"), 7);
    admin.run(&format!("skipAccumulatedMessage -g mail -t {TOPIC}")).expect(&[BROKER]);
    assert_eq!(admin.json(&format!("consumerProgress -g mail -t {TOPIC}"))["diffTotal"], 0);
    admin.run("deleteSubGroup -c DefaultCluster -g mail -r true").expect(&["success"]);
    assert!(admin.fail("getConsumerConfig -g mail").contains("no broker knows the consumer group mail"));
}

fn name_servers(admin: &Admin, name_server: &str) {
    assert!(admin.json("getNamesrvConfig")[name_server]["listenPort"].is_string());
    admin.run("updateNamesrvConfig -k waitSecondsForService -v 44").expect(&["success"]);
    assert_eq!(admin.json("getNamesrvConfig")[name_server]["waitSecondsForService"], "44");
    admin.run("updateKvConfig -s SPACE -k key -v value").expect(&["success"]);
    admin.run("deleteKvConfig -s SPACE -k key").expect(&["success"]);
    admin.run(&format!("wipeWritePerm -b {BROKER}")).expect(&["wipe write perm of broker"]);
    assert!(admin.fail(&format!("sendMessage -t {TOPIC} -p x")).contains("no queue that can be written"));
    admin.run(&format!("addWritePerm -b {BROKER}")).expect(&["add write perm of broker"]);
    admin.run(&format!("sendMessage -t {TOPIC} -p x")).expect(&["SEND_OK"]);
}

fn export(admin: &Admin, folder: &Path) {
    let folder = folder.join("export");
    admin.run(&format!("exportMetadata -c DefaultCluster -f {}", folder.display())).expect(&["success"]);
    let exported: Value = serde_json::from_slice(&std::fs::read(folder.join("metadata.json")).unwrap()).unwrap();
    assert_eq!(exported["topicConfigTable"][TOPIC]["readQueueNums"], 2);
    assert_eq!(exported["subscriptionGroupTable"][GROUP]["consumeEnable"], true);
    assert!(exported["topicConfigTable"][format!("%RETRY%{GROUP}")].is_null());
}

/// Each failure says what, where, and what to do.
fn mistakes(admin: &Admin, address: &str) {
    for (command, parts) in [
        ("topicStatus -t nowhere".to_owned(), vec!["TOPIC_NOT_EXIST", "nowhere", "topicList"]),
        ("clusterList -c nowhere".to_owned(), vec!["there is no cluster nowhere", "DefaultCluster"]),
        ("brokerStatus -b 127.0.0.1:1".to_owned(), vec!["cannot connect to 127.0.0.1:1", "NAMESRV_ADDR"]),
        ("consumerConnection -g nobody".to_owned(), vec!["no broker knows the consumer group nobody"]),
        (format!("consumerConnection -g {GROUP}"), vec!["no member of the group billing is connected"]),
        (format!("updateBrokerConfig -b {address} -k brokerId -v 7"), vec!["UPDATE_BROKER_CONFIG", "brokerId"]),
        ("topicLst".to_owned(), vec!["topicList"]),
        ("topicStatus".to_owned(), vec!["--topic"]),
        ("queryMsgByOffset -t orders -b nobody -i 0 -o 0".to_owned(), vec!["there is no broker nobody", BROKER]),
    ] {
        let errors = admin.fail(&command);
        for part in parts {
            assert!(errors.contains(part), "`{command}` does not say {part:?} but\n{errors}");
        }
    }
}

#[test]
fn help_needs_no_cluster() {
    let nowhere = Admin { flags: Vec::new(), variables: Vec::new() };
    nowhere.run("").expect(&["topicList", "queryMsgById", "createAcl", "mqadmin help COMMAND", "ROCKETMQ_SECRET_KEY"]);
    nowhere.run("help consumerProgress").expect(&["-g", "--groupName", "--json", "diffTotal"]);
    let away = nowhere.with_variable("NAMESRV_ADDR", "127.0.0.1:1;127.0.0.1:2");
    assert!(away.fail("topicList").contains("cannot connect to 127.0.0.1:2"), "the last one tried");
}

#[test]
fn keys_come_from_flags_the_environment_or_tools_yml() {
    let cluster = Cluster::new("admin-keys");
    let settings = [
        ("authenticationEnabled", "true"),
        ("authorizationEnabled", "true"),
        ("initAuthenticationUser", r#"{"username":"root","password":"s3cret/="}"#),
        ("innerClientAuthenticationCredentials", r#"{"accessKey":"inner","secretKey":"between"}"#),
    ];
    cluster.start_broker(BROKER, CLUSTER, &settings);
    let name_server = cluster.name_server();
    let address = cluster.address(BROKER);
    let list = format!("listUser -b {address}");
    let errors = Admin::new(&name_server).fail(&list);
    assert!(errors.contains("NO_PERMISSION") && errors.contains("tools.yml"), "{errors}");
    assert!(Admin::new(&name_server).with_flags(&["--accessKey", "root"]).fail(&list).contains("--secretKey"));

    let home = cluster.folder().join("home");
    std::fs::create_dir_all(home.join("conf")).unwrap();
    std::fs::write(home.join("conf/tools.yml"), "accessKey: root\nsecretKey: s3cret/=\n").unwrap();
    let by_file = Admin::new(&name_server).with_variable("ROCKETMQ_HOME", home.to_str().unwrap());
    by_file.run(&list).row(&["root", "s3cret/=", "Super", "enable"]);
    let by_flags = Admin::new(&name_server).with_flags(&["--accessKey", "root", "--secretKey", "s3cret/="]);
    let by_environment = Admin::new(&name_server)
        .with_variable("ROCKETMQ_ACCESS_KEY", "ann")
        .with_variable("ROCKETMQ_SECRET_KEY", "pass");
    users_and_rights(&by_flags, &by_environment, &address);
}

fn users_and_rights(root: &Admin, ann: &Admin, address: &str) {
    root.run(&format!("createUser -b {address} -u ann -p pass -t Normal")).expect(&["create user to", "success"]);
    let create = format!("updateTopic -b {address} -t parcels");
    assert!(ann.fail(&create).contains("NO_PERMISSION"));
    root.run(&format!("createAcl -b {address} -s User:ann -r Topic:par* -a Create,Update -d Allow -i 127.0.0.1"))
        .expect(&["success"]);
    ann.run(&create).expect(&["success"]);
    let allowed = root.json(&format!("getAcl -b {address} -s User:ann"));
    assert_eq!((&allowed[0]["resource"], &allowed[0]["actions"]), (&json!("Topic:par*"), &json!(["Create", "Update"])));
    root.run(&format!("updateAcl -b {address} -s User:ann -r Topic:par* -a All -d Deny")).expect(&["success"]);
    assert_eq!(root.json("listAcl -c DefaultCluster -s ann")[0]["decision"], "Deny");
    assert!(ann.fail(&create).contains("NO_PERMISSION"));
    root.run(&format!("copyUser -f {address} -t {address} -u ann")).expect(&["copy user of ann"]);
    root.run(&format!("copyAcl -f {address} -t {address}")).expect(&["copy acl of User:ann"]);
    root.run(&format!("deleteAcl -b {address} -s User:ann")).expect(&["success"]);
    assert!(root.fail(&format!("getAcl -b {address} -s User:ann")).contains("User:ann"));
    root.run(&format!("updateUser -b {address} -u ann -s disable")).expect(&["success"]);
    assert_eq!(root.json(&format!("getUser -b {address} -u ann"))[0]["userStatus"], "disable");
    root.run(&format!("deleteUser -b {address} -u ann")).expect(&["success"]);
    assert!(root.fail(&format!("getUser -b {address} -u ann")).contains("there is no user ann"));
}

#[test]
fn tls_is_spoken_when_it_is_asked_for() {
    let cluster = Cluster::with_settings("admin-tls", &[("tls.server.mode", "enforcing")]);
    cluster.start_broker(BROKER, CLUSTER, &[("useTLS", "true"), ("tls.server.mode", "enforcing")]);
    let name_server = cluster.name_server();
    let secure = Admin::new(&name_server).with_flags(&["--tls"]);
    secure.run("clusterList").row(&[CLUSTER, BROKER]);
    Admin::new(&name_server).fail("clusterList");
}
