//! Topics and groups of instances, as clients write them that were given a namespace or an endpoint `MQ_INST_…`; and traces.

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_store::record::decode_message_id;
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies, pop_form, pull_form, records};

use crate::broker;

const TOPIC: &str = "MQ_INST_1234_BXyz%orders";
const GROUP: &str = "MQ_INST_1234_BXyz%GID_orders";

#[tokio::test]
async fn what_a_group_of_an_instance_gives_up_on_is_in_its_dead_letters() {
    let folder = Folder::new("namespace-dead");
    let mut server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    let sent = wire.send(TOPIC, &["UNIQ_KEY=0123456789ABCDEF0123456789ABCDEF"], "order").await;
    let offset = decode_message_id(sent.fields.get("msgId").unwrap()).unwrap().1.0;
    let heartbeat = format!(
        r#"{{"clientID":"c","producerDataSet":[],"consumerDataSet":[{{"groupName":"{GROUP}","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{{"topic":"{TOPIC}","subString":"*","tagsSet":[],"codeSet":[],"subVersion":1,"expressionType":"TAG"}}],"unitMode":false}}]}}"#
    );
    wire.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), heartbeat.into_bytes()).await;
    let pulled =
        wire.ask(RequestCode::PULL_MESSAGE, &pull_form(GROUP, TOPIC, 0, 0).with("sysFlag", 0), Body::Empty).await;
    assert_eq!(bodies(&pulled), ["order"], "the heartbeat's subscription counts");
    let retry = format!("%RETRY%{GROUP}");
    let nothing = wire.ask(RequestCode::PULL_MESSAGE, &pull_form(GROUP, &retry, 0, 0), Body::Empty).await;
    assert_eq!(nothing.code, ResponseCode::PULL_NOT_FOUND, "the retry topic came with the heartbeat");
    let back = Form::of(&[("group", GROUP), ("delayLevel", "-1"), ("originTopic", TOPIC), ("unitMode", "false")]);
    wire.succeed(RequestCode::CONSUMER_SEND_MSG_BACK, &back.with("offset", offset), Body::Empty).await;
    server.stop();
    server.start_again();
    let wire = Wire::connect(&server).await;
    let dead = wire.pull(&format!("%DLQ%{GROUP}"), 0, 0).await;
    let [letter] = records(&dead)[..] else { panic!("{dead:?}") };
    assert_eq!(letter.body(), b"order");
    assert_eq!(letter.properties().get_str("DLQ_ORIGIN_TOPIC"), Some(TOPIC));
    assert_eq!(letter.properties().get_str("DLQ_ORIGIN_MESSAGE_ID"), sent.fields.get("msgId"));
}

#[tokio::test]
async fn a_popped_message_of_an_instance_comes_again_under_its_own_topic() {
    for version in ["false", "true"] {
        let folder = Folder::new("namespace-pop");
        let server = broker(&folder, &[("enableRetryTopicV2", version)]);
        let wire = Wire::connect(&server).await;
        wire.send(TOPIC, &[], "order").await;
        let form = pop_form(GROUP, TOPIC).with("invisibleTime", 1_000);
        let first = wire.succeed(RequestCode::POP_MESSAGE, &form, Body::Empty).await;
        assert_eq!(bodies(&first), ["order"]);
        let form = pop_form(GROUP, TOPIC).with("pollTime", 25_000);
        let second = wire.succeed(RequestCode::POP_MESSAGE, &form, Body::Empty).await;
        let [again] = records(&second)[..] else { panic!("{second:?}") };
        assert_eq!((again.topic(), again.reconsume_times()), (TOPIC, 1));
    }
}

#[tokio::test]
async fn traces_have_topics_of_their_own() {
    let folder = Folder::new("traces");
    let server = broker(&folder, &[("traceTopicEnable", "true"), ("msgTraceTopicName", "my_traces")]);
    let wire = Wire::connect(&server).await;
    let shown = |topic: &'static str| Form::of(&[("topic", topic)]);
    wire.succeed(RequestCode::GET_TOPIC_CONFIG, &shown("my_traces"), Body::Empty).await;
    for topic in ["my_traces", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_TRACE_DATA_cn-hangzhou", "other_traces"] {
        wire.send(topic, &[], "trace").await;
        assert_eq!(bodies(&wire.pull(topic, 0, 0).await), ["trace"], "{topic}");
    }
    let delete =
        wire.ask(RequestCode::DELETE_TOPIC_IN_BROKER, &shown("rmq_sys_TRACE_DATA_cn-hangzhou"), Body::Empty).await;
    assert_eq!(delete.code, ResponseCode::INVALID_PARAMETER, "it belongs to the system");
}
