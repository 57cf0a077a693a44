//! What no client library would send: each mistake gets the code and the words that clients and operators know, and leaves nothing
//! behind.

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_store::record::decode_message_id;
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire, bodies, now_ms, pop_form, pull_form, send_form};

use crate::broker;

/// A request, and how its refusal begins.
struct Case {
    code: RequestCode,
    form: Form,
    body: Vec<u8>,
    refusal: ResponseCode,
    remark: &'static str,
}

fn case(code: RequestCode, form: Form, refusal: ResponseCode, remark: &'static str) -> Case {
    Case { code, form, body: Vec::new(), refusal, remark }
}

/// A broker with messages `0`, `1` and `2` in queue 0 of topic `t`, which has two queues; nobody may read `wo`, write `none`, or
/// consume with group `off`.
async fn stage(folder: &Folder) -> (Server, Wire) {
    let server = broker(folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 2, "").await;
    for (topic, permission) in [("wo", "2"), ("none", "0")] {
        let form = Form::of(&[
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("readQueueNums", "1"),
            ("writeQueueNums", "1"),
            ("perm", permission),
            ("topicFilterType", "SINGLE_TAG"),
            ("order", "false"),
        ]);
        wire.succeed(RequestCode::UPDATE_AND_CREATE_TOPIC, &form, Body::Empty).await;
    }
    let group = br#"{"groupName":"off","consumeEnable":false}"#.to_vec();
    wire.succeed(RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, &Form::of(&[]), group).await;
    for number in 0..3 {
        wire.send("t", &[], &number.to_string()).await;
    }
    (server, wire)
}

/// Where in the commit log the next message goes, but for this one's own length.
async fn log_position(wire: &Wire) -> i64 {
    let answer = wire.send("position", &["UNIQ_KEY=0123456789ABCDEF0123456789ABCDEF"], "x").await;
    decode_message_id(answer.fields.get("msgId").unwrap()).unwrap().1.0
}

/// Sends the requests, and looks that they are refused as they should and that the log holds no more than before.
async fn refuse_all(wire: &Wire, cases: Vec<Case>) {
    let (before, again) = (log_position(wire).await, log_position(wire).await);
    for Case { code, form, body, refusal, remark } in cases {
        let answer = wire.ask(code, &form, body).await;
        let said = answer.remark.unwrap_or_default();
        assert_eq!(answer.code, refusal, "{code} {form:?}: {said}");
        assert!(said.starts_with(remark), "{code} {form:?}: {said:?} does not begin with {remark:?}");
    }
    assert_eq!(log_position(wire).await - again, again - before, "something was stored");
    assert_eq!(bodies(&wire.pull("t", 0, 0).await), ["0", "1", "2"], "what was there is there");
}

#[tokio::test]
async fn messages_that_cannot_be_stored() {
    use ResponseCode as R;
    let folder = Folder::new("bad-sends");
    let (_server, wire) = stage(&folder).await;
    let long = "x".repeat(128);
    let send = |form: Form, refusal, remark| Case {
        body: vec![b'x'],
        ..case(RequestCode::SEND_MESSAGE, form, refusal, remark)
    };
    let to = |topic: &str| send_form(topic, &[]);
    let with = |property: &str| send_form("t", &[property]);
    let malformed = "the request's header is not usable";
    let mut cases = vec![
        send(
            to("nope").with("defaultTopic", "nowhere"),
            R::TOPIC_NOT_EXIST,
            "topic[nope] not exist, apply first please!",
        ),
        send(to("a b"), R::INVALID_PARAMETER, "The specified topic: a b, contains illegal characters, allowing only"),
        send(to(""), R::INVALID_PARAMETER, "The specified topic is blank."),
        send(to(&long), R::INVALID_PARAMETER, "The specified topic: xxx"),
        send(to("%RETRY%a b"), R::INVALID_PARAMETER, "The specified topic: %RETRY%a b, contains illegal characters"),
        send(
            to("SCHEDULE_TOPIC_XXXX"),
            R::NO_PERMISSION,
            "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.",
        ),
        send(to("RMQ_SYS_TRANS_HALF_TOPIC"), R::NO_PERMISSION, "Sending message to topic[RMQ_SYS_TRANS_HALF_TOPIC] is"),
        send(to("t").with("queueId", 2), R::INVALID_PARAMETER, "request queueId[2] is illegal, "),
        send(to("t").with("queueId", "two"), R::SYSTEM_ERROR, malformed),
        send(to("t").without("topic"), R::SYSTEM_ERROR, malformed),
        send(with(&format!("K={}", "v".repeat(32_766))), R::MESSAGE_ILLEGAL, "the message is illegal"),
        send(with("TIMER_DELAY_SEC=soon"), R::MESSAGE_ILLEGAL, "timer message illegal, "),
        send(
            with("TIMER_DELAY_SEC=99999999"),
            R::MESSAGE_ILLEGAL,
            "timer message illegal, the delay time should not be",
        ),
        send(with("INNER_NUM=3"), R::MESSAGE_ILLEGAL, "the message claims to be a batch in one record"),
        send(to("t").with("sysFlag", 128), R::MESSAGE_ILLEGAL, "the message claims to be a batch in one record"),
        send(to("t").with("sysFlag", 4), R::MESSAGE_ILLEGAL, "sysFlag says that the message belongs to a transaction"),
        send(to("t").with("sysFlag", 12), R::MESSAGE_ILLEGAL, "sysFlag says that the message belongs to a transaction"),
        send(
            to("t").with("batch", true),
            R::MESSAGE_ILLEGAL,
            "the message is illegal: the batch is malformed at byte 0",
        ),
        send(to("%RETRY%g").with("batch", true), R::MESSAGE_ILLEGAL, "batch request does not support retry group"),
        // The C++ client's yes.
        send(to("%RETRY%g").with("batch", 1), R::MESSAGE_ILLEGAL, "batch request does not support retry group"),
    ];
    let too_large =
        Case { body: vec![b'x'; (4 << 20) + 1], ..send(to("t"), R::MESSAGE_ILLEGAL, "the message is illegal") };
    let no_batch =
        Case { body: Vec::new(), ..send(to("t").with("batch", true), R::MESSAGE_ILLEGAL, "the message is illegal") };
    cases.extend([too_large, no_batch]);
    // The first message to a retry topic would create it.
    wire.create_topic("%RETRY%g", 1, "").await;
    refuse_all(&wire, cases).await;
}

#[tokio::test]
async fn pulls_that_cannot_be_served() {
    use ResponseCode as R;
    let folder = Folder::new("bad-pulls");
    let (_server, wire) = stage(&folder).await;
    let pull = |form: Form, refusal, remark| case(RequestCode::PULL_MESSAGE, form, refusal, remark);
    let form = |group: &str, topic: &str, queue, offset| pull_form(group, topic, queue, offset);
    let long = "g".repeat(121);
    let cases = vec![
        pull(form("g", "zzz", 0, 0), R::TOPIC_NOT_EXIST, "topic[zzz] not exist, apply first please!"),
        pull(form("g", "wo", 0, 0), R::NO_PERMISSION, "the topic[wo] pulling message is forbidden"),
        pull(form("off", "t", 0, 0), R::NO_PERMISSION, "subscription group no permission, off"),
        pull(form("a b", "t", 0, 0), R::SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [a b] does not exist"),
        pull(form("", "t", 0, 0), R::SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [] does not exist"),
        pull(form(&long, "t", 0, 0), R::SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [ggg"),
        pull(
            form("g", "t", 2, 0),
            R::INVALID_PARAMETER,
            "queueId[2] is illegal, topic:[t] topicConfig.readQueueNums:[2]",
        ),
        pull(form("g", "t", -1, 0), R::INVALID_PARAMETER, "queueId[-1] is illegal, topic:[t]"),
        pull(form("g", "t", 0, 99), R::PULL_OFFSET_MOVED, "OFFSET_OVERFLOW_BADLY"),
        pull(form("g", "t", 0, -5), R::PULL_OFFSET_MOVED, "OFFSET_TOO_SMALL"),
        pull(
            form("unseen", "t", 0, 0).with("sysFlag", 0),
            R::SUBSCRIPTION_NOT_EXIST,
            "the consumer's group info not exist",
        ),
        pull(
            form("g", "t", 0, 0).with("expressionType", "SQL92").with("subscription", "a >"),
            R::SUBSCRIPTION_PARSE_FAILED,
            "parse the consumer's subscription failed: at character 4",
        ),
        pull(
            form("g", "t", 0, 0).with("expressionType", "XPATH"),
            R::SUBSCRIPTION_PARSE_FAILED,
            "parse the consumer's subscription failed: there is no filter of type XPATH",
        ),
        pull(form("g", "t", 0, 0).with("queueOffset", "x"), R::SYSTEM_ERROR, "the request's header is not usable"),
        pull(form("g", "t", 0, 0).without("topic"), R::SYSTEM_ERROR, "the request's header is not usable"),
    ];
    refuse_all(&wire, cases).await;
}

#[tokio::test]
async fn pops_that_cannot_be_served() {
    use ResponseCode as R;
    let folder = Folder::new("bad-pops");
    let (_server, wire) = stage(&folder).await;
    let pop = |form: Form, refusal, remark| case(RequestCode::POP_MESSAGE, form, refusal, remark);
    let late = now_ms() - 100_000;
    let cases = vec![
        pop(pop_form("g", "zzz"), R::TOPIC_NOT_EXIST, "topic[zzz] not exist, apply first please!"),
        pop(pop_form("g", "wo"), R::NO_PERMISSION, "the topic[wo] peeking message is forbidden"),
        pop(pop_form("g", "t").with("queueId", 2), R::INVALID_PARAMETER, "queueId[2] is illegal, topic:[t]"),
        pop(pop_form("off", "t"), R::NO_PERMISSION, "subscription group no permission, off"),
        pop(pop_form("a b", "t"), R::SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [a b] does not exist"),
        pop(
            pop_form("g", "t").with("maxMsgNums", 33),
            R::INVALID_PARAMETER,
            "the broker[127.0.0.1] pop message's num is greater than 32",
        ),
        pop(
            pop_form("g", "t").with("bornTime", late).with("pollTime", 10),
            R::POLLING_TIMEOUT,
            "the broker[127.0.0.1] pop message is timeout too much",
        ),
        pop(
            pop_form("g", "t").with("expType", "SQL92").with("exp", "a >"),
            R::SUBSCRIPTION_PARSE_FAILED,
            "parse the consumer's subscription failed",
        ),
        pop(pop_form("g", "t").without("topic"), R::SYSTEM_ERROR, "the request's header is not usable"),
    ];
    refuse_all(&wire, cases).await;
    let popped = wire.succeed(RequestCode::POP_MESSAGE, &pop_form("g", "t"), Body::Empty).await;
    assert_eq!(bodies(&popped), ["0", "1", "2"], "no refused POP took anything");
}

#[tokio::test]
async fn handles_that_are_worth_nothing() {
    use ResponseCode as R;
    let folder = Folder::new("bad-handles");
    let (_server, wire) = stage(&folder).await;
    let popped = wire.succeed(RequestCode::POP_MESSAGE, &pop_form("g", "t"), Body::Empty).await;
    let pop_ms: i64 = popped.fields.get("popTime").unwrap().parse().unwrap();
    let revive = popped.fields.get("reviveQid").unwrap();
    let handle = |pop_ms: i64, offset: i64| format!("0 {pop_ms} 60000 {revive} 0 broker 0 {offset}");
    let form = |offset: i64| {
        let fields = Form::of(&[("consumerGroup", "g"), ("topic", "t"), ("queueId", "0"), ("invisibleTime", "30000")]);
        fields.with("offset", offset).with("extraInfo", handle(pop_ms, offset))
    };
    let mut cases = Vec::new();
    for code in [RequestCode::ACK_MESSAGE, RequestCode::CHANGE_MESSAGE_INVISIBLETIME] {
        let refused = |form: Form, refusal, remark| case(code, form, refusal, remark);
        cases.extend([
            refused(form(0).with("topic", "zzz"), R::TOPIC_NOT_EXIST, "topic[zzz] not exist, apply first please!"),
            refused(form(0).with("queueId", 5), R::MESSAGE_ILLEGAL, "queueId[5] is illegal, topic:[t]"),
            refused(form(0).with("queueId", -1), R::MESSAGE_ILLEGAL, "queueId[-1] is illegal, topic:[t]"),
            refused(form(99), R::NO_MESSAGE, ""),
            refused(form(-1), R::NO_MESSAGE, ""),
            refused(form(0).without("extraInfo"), R::SYSTEM_ERROR, "the request's header is not usable"),
        ]);
        for malformed in ["", "junk", "0 1 2", "a b c d e f g h", "0 1 60000 99999999999 0 broker 0 0"] {
            let form = form(0).with("extraInfo", malformed);
            cases.push(refused(form, R::INVALID_PARAMETER, "extraInfo is malformed"));
        }
    }
    let change = RequestCode::CHANGE_MESSAGE_INVISIBLETIME;
    cases.push(case(
        change,
        form(0).with("extraInfo", handle(1000, 0)),
        R::NO_MESSAGE,
        "message 0 of t@0 is not in flight",
    ));
    cases.push(case(change, form(0).with("consumerGroup", "h"), R::NO_MESSAGE, "message 0 of t@0 is not in flight"));
    let batch = |body: &str, refusal, remark| Case {
        body: body.as_bytes().to_vec(),
        ..case(RequestCode::BATCH_ACK_MESSAGE, Form::of(&[]), refusal, remark)
    };
    cases.push(batch("junk", R::SYSTEM_ERROR, "the request's body is not usable"));
    cases.push(batch("{}", R::NO_MESSAGE, ""));
    refuse_all(&wire, cases).await;

    // A stale handle acknowledges nothing, but a client has no use for an error: the message is somebody else's now.
    let stale = form(0).with("extraInfo", handle(1000, 0));
    wire.succeed(RequestCode::ACK_MESSAGE, &stale, Body::Empty).await;
    wire.succeed(change, &form(0), Body::Empty).await;
    for offset in [1, 2, 2] {
        wire.succeed(RequestCode::ACK_MESSAGE, &form(offset), Body::Empty).await;
    }
    let used = wire.ask(change, &form(1), Body::Empty).await;
    assert_eq!(used.code, ResponseCode::NO_MESSAGE, "an acknowledged message cannot be hidden longer");
}

#[tokio::test]
async fn retries_transactions_and_offsets_of_things_that_are_not_there() {
    use ResponseCode as R;
    let folder = Folder::new("bad-retries");
    let (_server, wire) = stage(&folder).await;
    let back = |offset: i64, group: &str| {
        Form::of(&[("group", group), ("delayLevel", "0"), ("originTopic", "t"), ("unitMode", "false")])
            .with("offset", offset)
    };
    let end = |offset: i64, outcome: i32| {
        let fields = Form::of(&[("producerGroup", "p"), ("tranStateTableOffset", "0"), ("msgId", "x")]);
        fields.with("commitLogOffset", offset).with("commitOrRollback", outcome).with("fromTransactionCheck", false)
    };
    let commit = |group: &str, topic: &str| {
        Form::of(&[("consumerGroup", group), ("topic", topic), ("queueId", "0"), ("commitOffset", "1")])
    };
    let recall = |topic: &str| Form::of(&[("producerGroup", "p"), ("topic", topic), ("recallHandle", "junk")]);
    let send_back = RequestCode::CONSUMER_SEND_MSG_BACK;
    let nowhere = "look message by offset failed, ";
    let cases = vec![
        case(send_back, back(987_654_321, "g"), R::SYSTEM_ERROR, "look message by offset failed, 987654321"),
        case(send_back, back(-1, "g"), R::SYSTEM_ERROR, nowhere),
        case(send_back, back(7, "g"), R::SYSTEM_ERROR, nowhere),
        case(send_back, back(0, "a b"), R::SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [a b] does not exist"),
        case(
            RequestCode::END_TRANSACTION,
            end(987_654_321, 8),
            R::SYSTEM_ERROR,
            "Find prepared transaction message failed",
        ),
        case(RequestCode::END_TRANSACTION, end(0, 12), R::SYSTEM_ERROR, "Find prepared transaction message failed"),
        case(RequestCode::END_TRANSACTION, end(0, 5), R::INVALID_PARAMETER, "commitOrRollback is 5"),
        case(RequestCode::RECALL_MESSAGE, recall("t"), R::ILLEGAL_OPERATION, "recall handle is invalid"),
        case(RequestCode::RECALL_MESSAGE, recall("zzz"), R::TOPIC_NOT_EXIST, "recall failed, the topic[zzz] not exist"),
        case(RequestCode::UPDATE_CONSUMER_OFFSET, commit("off", "zzz"), R::TOPIC_NOT_EXIST, "Topic zzz not exist!"),
        case(
            RequestCode::UPDATE_CONSUMER_OFFSET,
            commit("nobody", "t"),
            R::SUBSCRIPTION_GROUP_NOT_EXIST,
            "Group nobody not exist!",
        ),
        case(
            RequestCode::VIEW_MESSAGE_BY_ID,
            Form::of(&[("offset", "7")]),
            R::SYSTEM_ERROR,
            "can not find message by the offset, 7",
        ),
        case(
            RequestCode::SEARCH_OFFSET_BY_TIMESTAMP,
            Form::of(&[("topic", "t"), ("queueId", "0"), ("timestamp", "x")]),
            R::SYSTEM_ERROR,
            "the request's header is not usable",
        ),
        case(
            RequestCode::QUERY_MESSAGE,
            Form::of(&[
                ("topic", "t"),
                ("key", "zz"),
                ("maxNum", "32"),
                ("beginTimestamp", "0"),
                ("endTimestamp", "9999999999999"),
            ]),
            R::QUERY_NOT_FOUND,
            "can not find message, maybe time range not correct",
        ),
    ];
    refuse_all(&wire, cases).await;
}

#[tokio::test]
async fn bodies_and_codes_that_mean_nothing() {
    use ResponseCode as R;
    let folder = Folder::new("bad-bodies");
    let (_server, wire) = stage(&folder).await;
    let mut cases = Vec::new();
    for code in [
        RequestCode::HEART_BEAT,
        RequestCode::LOCK_BATCH_MQ,
        RequestCode::UNLOCK_BATCH_MQ,
        RequestCode::CHECK_CLIENT_CONFIG,
        RequestCode::QUERY_ASSIGNMENT,
        RequestCode::SET_MESSAGE_REQUEST_MODE,
        RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
    ] {
        for body in ["junk", "{\"", "{\"clientID\":"] {
            let refused = case(code, Form::of(&[]), R::SYSTEM_ERROR, "the request's body is not usable");
            cases.push(Case { body: body.as_bytes().to_vec(), ..refused });
        }
    }
    let mode = br#"{"topic":"%RETRY%g","consumerGroup":"g","mode":"POP","popShareQueueNum":0}"#.to_vec();
    let set_mode = RequestCode::SET_MESSAGE_REQUEST_MODE;
    let refused = case(set_mode, Form::of(&[]), R::NO_PERMISSION, "retry topic is not allowed to set mode");
    cases.push(Case { body: mode, ..refused });
    let reply = send_form("DefaultCluster_REPLY_TOPIC", &["CLUSTER=x"]);
    let nobody = "reply message properties[REPLY_TO_CLIENT] is null";
    let topic = |topic: &str| Form::of(&[("topic", topic)]);
    let running = Form::of(&[("consumerGroup", "g"), ("clientId", "zz")]);
    let unknown = RequestCode(9999);
    cases.extend([
        case(RequestCode::GET_CONSUMER_RUNNING_INFO, running, R::SYSTEM_ERROR, "The Consumer <g> <zz> not online"),
        case(
            RequestCode::DELETE_TOPIC_IN_BROKER,
            topic("TBW102"),
            R::INVALID_PARAMETER,
            "The topic[TBW102] is conflict with",
        ),
        case(RequestCode::GET_TOPIC_STATS_INFO, topic("zzz"), R::TOPIC_NOT_EXIST, "topic[zzz] not exist"),
        case(unknown, Form::of(&[]), R::REQUEST_CODE_NOT_SUPPORTED, "request type 9999 not supported"),
    ]);
    refuse_all(&wire, cases).await;
    // A reply is kept even if nobody waits for it any more.
    let lost = wire.ask(RequestCode::SEND_REPLY_MESSAGE, &reply, vec![b'x']).await;
    assert_eq!((lost.code, lost.remark.as_deref()), (R::SYSTEM_ERROR, Some(nobody)));
}
