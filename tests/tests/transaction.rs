//! Transactions over the bare protocol: what a broker refuses to end, that a transaction ends once, and that a kill at any point loses
//! none and delivers none that was not committed.

// A test ends with its first failure.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bolide_remoting::header::{
    CheckTransactionStateRequest, EndTransactionRequest, PullMessageRequest, SendMessageRequest, SendMessageResponse,
};
use bolide_remoting::{Body, Client, ClientOptions, Message, Reply, Request, RequestCode, ResponseCode, Service};
use bolide_store::record::{RecordView, Step, decode_message_id, step};
use bolide_tests::binaries::Role;
use bolide_tests::cluster::start;
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;
use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const TOPIC: &str = "transactions";
const GROUP: &str = "producers";
const LIMIT: Duration = Duration::from_secs(60);
const COMMIT: i32 = EndTransactionRequest::COMMIT;
const ROLLBACK: i32 = EndTransactionRequest::ROLLBACK;

fn broker(folder: &Folder, settings: &str) -> Server {
    let store = folder.path().join("store");
    start(Role::Broker, "broker", folder.path(), |port| {
        format!(
            "brokerName=broker\nbrokerIP1=127.0.0.1\nlistenPort={port}\nhaListenPort={}\nnamesrvListenPort=0\ngrpcServerPort=0\nmetricsPromExporterPort=0\n\
             storePathRootDir={store}\nstorePathCommitLog={store}/commitlog\nmappedFileSizeCommitLog=4194304\n\
             diskMaxUsedSpaceRatio=100\ndiskSpaceCleanForciblyRatio=100\ndiskSpaceWarningLevelRatio=100\n\
             transactionCheckInterval=100\ntransactionOpBatchInterval=50\n{settings}",
            port + 1,
            store = store.display()
        )
    })
}

/// A half message as its producer knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Half {
    body: String,
    queue_offset: i64,
    physical: i64,
    id: String,
}

/// A producer's connection, with the checks that come over it.
struct Producer {
    client: Client,
    checks: UnboundedReceiver<Half>,
}

struct Checks(UnboundedSender<Half>);

impl Service for Checks {
    fn handle(&self, request: Request<'_>, _reply: Reply<'_>) {
        assert_eq!(request.code(), RequestCode::CHECK_TRANSACTION_STATE);
        let header = CheckTransactionStateRequest::decode(&request.header.fields).unwrap();
        let record = RecordView::parse(request.body).unwrap();
        assert_eq!(record.topic(), TOPIC, "the producer sees its own topic");
        assert_eq!(record.queue_offset().0, header.tran_state_table_offset);
        assert_eq!(record.size(), request.body.len());
        // Nobody listens any more when a test has ended.
        let _ = self.0.send(Half {
            body: String::from_utf8(record.body().to_vec()).unwrap(),
            queue_offset: header.tran_state_table_offset,
            physical: header.commit_log_offset,
            id: header.transaction_id.unwrap().to_owned(),
        });
    }
}

impl Producer {
    async fn connect(broker: &Server) -> Self {
        let (sender, checks) = unbounded_channel();
        let client = Client::connect(&broker.address(), ClientOptions::default(), Arc::new(Checks(sender))).await;
        let producer = Producer { client: client.unwrap(), checks };
        let heartbeat =
            format!(r#"{{"clientID":"c","producerDataSet":[{{"groupName":"{GROUP}"}}],"consumerDataSet":[]}}"#);
        let answer =
            producer.client.request(RequestCode::HEART_BEAT, &(), Bytes::from(heartbeat), LIMIT).await.unwrap();
        assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
        producer
    }

    /// Sends a half message; `None`: the broker is gone.
    async fn try_prepare(&self, body: &str, properties: &str) -> Option<Result<Half, Message>> {
        let id = format!("id-{body}");
        let properties = format!("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}{GROUP}\u{2}UNIQ_KEY\u{1}{id}\u{2}{properties}");
        let request = SendMessageRequest {
            producer_group: GROUP,
            topic: TOPIC,
            default_topic: "TBW102",
            default_topic_queue_nums: 1,
            queue_id: 0,
            sys_flag: 4,
            born_timestamp: now_ms(),
            flag: 7,
            properties: Some(&properties),
            reconsume_times: 0,
            unit_mode: false,
            batch: false,
            max_reconsume_times: None,
            broker_name: None,
        };
        let body_bytes = Bytes::copy_from_slice(body.as_bytes());
        let answer = self.client.request(RequestCode::SEND_MESSAGE, &request, body_bytes, LIMIT).await.ok()?;
        if answer.code != ResponseCode::SUCCESS {
            return Some(Err(answer));
        }
        let receipt = answer.fields.fields();
        let receipt = SendMessageResponse::decode(&receipt).unwrap();
        assert_eq!((receipt.queue_id, receipt.transaction_id), (0, Some(id.as_str())));
        let physical = decode_message_id(receipt.msg_id).unwrap().1.0;
        Some(Ok(Half { body: body.to_owned(), queue_offset: receipt.queue_offset, physical, id }))
    }

    async fn prepare(&self, body: &str, properties: &str) -> Half {
        self.try_prepare(body, properties).await.expect("the broker lives").expect("the half message is stored")
    }

    /// Ends a transaction; `None`: the broker is gone.
    async fn try_end(&self, half: &Half, group: &str, outcome: i32, from_check: bool) -> Option<Message> {
        let request = EndTransactionRequest {
            topic: Some(TOPIC),
            producer_group: group,
            tran_state_table_offset: half.queue_offset,
            commit_log_offset: half.physical,
            commit_or_rollback: outcome,
            from_transaction_check: from_check,
            msg_id: &half.id,
            transaction_id: Some(&half.id),
        };
        self.client.request(RequestCode::END_TRANSACTION, &request, Body::Empty, LIMIT).await.ok()
    }

    async fn end(&self, half: &Half, outcome: i32) -> Message {
        self.try_end(half, GROUP, outcome, false).await.expect("the broker lives")
    }

    /// All messages of the topic: body, store time, the half message's place and the properties' text.
    async fn delivered(&self) -> Vec<(String, i64, i64, String)> {
        let mut messages: Vec<(String, i64, i64, String)> = Vec::new();
        loop {
            let request = PullMessageRequest {
                consumer_group: "judge",
                topic: TOPIC,
                lite_topic: None,
                queue_id: 0,
                queue_offset: messages.len() as i64,
                max_msg_nums: 32,
                sys_flag: PullMessageRequest::SUBSCRIPTION,
                commit_offset: -1,
                suspend_timeout_millis: 0,
                subscription: Some("*"),
                sub_version: 0,
                expression_type: Some("TAG"),
                max_msg_bytes: None,
                request_source: None,
                proxy_forward_client_id: None,
            };
            let answer = self.client.request(RequestCode::PULL_MESSAGE, &request, Body::Empty, LIMIT).await.unwrap();
            if answer.code != ResponseCode::SUCCESS {
                return messages;
            }
            let mut rest = &answer.body[..];
            while let Ok(Step::Record(record)) = step(rest) {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let (body, properties) = (text(record.body()), text(record.properties().0));
                assert_eq!(record.flag(), 7, "the producer's flag");
                messages.push((body, record.store_ms(), record.prepared_offset(), properties));
                rest = &rest[record.size()..];
            }
        }
    }

    async fn await_delivered(&self, count: usize) -> Vec<(String, i64, i64, String)> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let delivered = self.delivered().await;
            if delivered.len() >= count {
                return delivered;
            }
            assert!(Instant::now() < deadline, "only {delivered:?} was delivered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
}

#[tokio::test]
async fn a_transaction_ends_once_and_only_by_its_own_group() {
    let folder = Folder::new("transaction-end");
    let broker = broker(&folder, "transactionTimeOut=1000\n");
    let mut producer = Producer::connect(&broker).await;
    let half = producer.prepare("one", "CHECK_IMMUNITY_TIME_IN_SECONDS\u{1}60\u{2}").await;
    let refused = |answer: Message| (answer.code, answer.remark.unwrap_or_default());
    let wrong = |remark: &str| (ResponseCode::SYSTEM_ERROR, remark.to_owned());
    let answer = producer.try_end(&half, "strangers", COMMIT, false).await.unwrap();
    assert_eq!(refused(answer), wrong("The producer group wrong"));
    let elsewhere = Half { queue_offset: half.queue_offset + 1, ..half.clone() };
    assert_eq!(refused(producer.end(&elsewhere, COMMIT).await), wrong("The transaction state table offset wrong"));
    for physical in [half.physical + 1, -1, i64::MAX] {
        let elsewhere = Half { physical, ..half.clone() };
        assert_eq!(
            refused(producer.end(&elsewhere, ROLLBACK).await),
            wrong("Find prepared transaction message failed")
        );
    }
    assert_eq!(producer.end(&half, 5).await.code, ResponseCode::INVALID_PARAMETER);
    assert_eq!(producer.end(&half, 0).await.code, ResponseCode::SUCCESS, "still unknown");
    assert_eq!(producer.delivered().await, []);
    for _ in 0..2 {
        assert_eq!(producer.end(&half, COMMIT).await.code, ResponseCode::SUCCESS);
    }
    let delivered = producer.await_delivered(1).await;
    let [(body, _, prepared, properties)] = &delivered[..] else { panic!("delivered {delivered:?}") };
    assert_eq!((body.as_str(), *prepared), ("one", half.physical));
    assert!(
        properties.contains("__transactionId__\u{1}id-one\u{2}") && !properties.contains("REAL_"),
        "{properties:?}"
    );

    let late = producer.prepare("late", "CHECK_IMMUNITY_TIME_IN_SECONDS\u{1}1\u{2}").await;
    let check = tokio::time::timeout(LIMIT, producer.checks.recv()).await.unwrap().unwrap();
    assert_eq!((check.body.as_str(), check.id.as_str()), ("late", "id-late"));
    assert_eq!(producer.end(&late, COMMIT).await.code, ResponseCode::ILLEGAL_OPERATION, "its own time is over");
    // Since it was asked about there is a copy of it, which stands for it only where its own segment is gone.
    for physical in [late.physical + 1, -1] {
        let answer = producer.try_end(&Half { physical, ..late.clone() }, GROUP, ROLLBACK, true).await.unwrap();
        assert_eq!(refused(answer), wrong("Find prepared transaction message failed"));
    }
    let answer = producer.try_end(&check, GROUP, COMMIT, true).await.unwrap();
    assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
    assert_eq!(producer.await_delivered(2).await[1].0, "late");
}

#[tokio::test]
async fn what_has_ended_is_not_asked_about() {
    let folder = Folder::new("transaction-check");
    let mut broker = broker(&folder, "transactionTimeOut=300\n");
    let producer = Producer::connect(&broker).await;
    for number in 0..40 {
        let half = producer.prepare(&format!("ended-{number}"), "").await;
        let outcome = if number % 2 == 0 { COMMIT } else { ROLLBACK };
        assert_eq!(producer.end(&half, outcome).await.code, ResponseCode::SUCCESS);
    }
    producer.prepare("open", "").await;
    broker.stop();
    broker.start_again();
    let mut producer = Producer::connect(&broker).await;
    // Whatever was sent before it would have been asked about no later.
    let check = tokio::time::timeout(LIMIT, producer.checks.recv()).await.unwrap().unwrap();
    assert_eq!(check.body, "open");
    assert_eq!(producer.try_end(&check, GROUP, COMMIT, true).await.unwrap().code, ResponseCode::SUCCESS);
    assert_eq!(producer.await_delivered(21).await.len(), 21);
}

#[tokio::test]
async fn a_delay_begins_with_the_commit() {
    let folder = Folder::new("transaction-delay");
    let broker = broker(&folder, "messageDelayLevel=1s\n");
    let producer = Producer::connect(&broker).await;
    let half = producer.prepare("delayed", "DELAY\u{1}1\u{2}").await;
    let dropped = producer.prepare("dropped", "DELAY\u{1}1\u{2}").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(producer.delivered().await, [], "a delay does not end a transaction");
    let committed_ms = now_ms();
    assert_eq!(producer.end(&dropped, ROLLBACK).await.code, ResponseCode::SUCCESS);
    assert_eq!(producer.end(&half, COMMIT).await.code, ResponseCode::SUCCESS);
    let delivered = producer.await_delivered(1).await;
    let [(body, stored_ms, _, _)] = &delivered[..] else { panic!("delivered {delivered:?}") };
    assert_eq!(body, "delayed");
    assert!(*stored_ms >= committed_ms + 1_000, "{} ms after the commit", stored_ms - committed_ms);
}

#[tokio::test]
async fn a_broker_may_refuse_transactions() {
    let folder = Folder::new("transaction-refused");
    let broker = broker(&folder, "rejectTransactionMessage=true\n");
    let producer = Producer::connect(&broker).await;
    let answer = producer.try_prepare("never", "").await.unwrap().unwrap_err();
    assert_eq!(answer.code, ResponseCode::NO_PERMISSION);
    assert_eq!(answer.remark.unwrap(), "the broker[127.0.0.1] sending transaction message is forbidden");
}

/// What the producer of a body wants in the end, and whether it says so before it is asked.
fn intention(number: usize) -> (i32, bool) {
    (if number.is_multiple_of(3) { ROLLBACK } else { COMMIT }, number.is_multiple_of(2))
}

#[tokio::test]
async fn a_kill_loses_no_transaction_and_delivers_none_that_was_not_committed() {
    let folder = Folder::new("transaction-kill");
    let mut broker =
        broker(&folder, "transactionTimeOut=300\ntransactionCheckMax=1000\nflushConsumerOffsetInterval=100\n");
    // By body: what its producer wants in the end.
    let mut wanted: BTreeMap<String, i32> = BTreeMap::new();
    for round in 0..6usize {
        let mut producer = Producer::connect(&broker).await;
        let kill = Instant::now() + Duration::from_millis(200 + 170 * round as u64);
        let mut number = 0;
        while Instant::now() < kill {
            let body = format!("{round}-{number}");
            let (outcome, says_so) = intention(number);
            number += 1;
            let half = producer.prepare(&body, "").await;
            wanted.insert(body, outcome);
            if says_so {
                producer.end(&half, outcome).await;
            }
            answer_checks(&mut producer, &wanted).await;
        }
        broker.kill();
        broker.start_again();
    }
    let mut producer = Producer::connect(&broker).await;
    let committed: BTreeSet<String> =
        wanted.iter().filter(|(_, outcome)| **outcome == COMMIT).map(|(body, _)| body.clone()).collect();
    let deadline = Instant::now() + LIMIT;
    loop {
        answer_checks(&mut producer, &wanted).await;
        let delivered: BTreeSet<String> = producer.delivered().await.into_iter().map(|(body, ..)| body).collect();
        assert!(delivered.is_subset(&committed), "rolled back: {:?}", delivered.difference(&committed));
        if delivered == committed {
            break;
        }
        let missing: Vec<_> = committed.difference(&delivered).collect();
        assert!(Instant::now() < deadline, "{} of {} are missing: {missing:?}", missing.len(), committed.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(committed.len() > 50, "only {} transactions were committed", committed.len());
}

/// Answers all checks that have come so far.
async fn answer_checks(producer: &mut Producer, wanted: &BTreeMap<String, i32>) {
    while let Ok(check) = producer.checks.try_recv() {
        // One that was stored while the broker was killed has no known intention: it is rolled back.
        let outcome = wanted.get(&check.body).copied().unwrap_or(ROLLBACK);
        producer.try_end(&check, GROUP, outcome, true).await;
    }
}
