//! Lite topics over remoting, as Apache's proxy uses them for its clients.

use std::sync::Arc;

use bolide_remoting::body::{
    LiteSubscription, LiteSubscriptionAction, LiteSubscriptionCtl, SubscriptionGroupConfig, encode,
};
use bolide_remoting::{Body, Message, Reply, Request, RequestCode, ResponseCode, Service};
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire, bodies, now_ms, number};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::broker;

const ON: &[(&str, &str)] = &[("enableLmq", "true"), ("enableMultiDispatch", "true")];

async fn stage(folder: &Folder, attributes: &[(&str, &str)]) -> (Server, Wire) {
    let server = broker(folder, ON);
    let wire = Wire::connect(&server).await;
    wire.create_topic("rooms", 1, "+message.type=LITE").await;
    let attributes = [&[("lite.bind.topic", "rooms")], attributes].concat();
    let group = SubscriptionGroupConfig {
        group_name: "guests".to_owned(),
        attributes: attributes.iter().map(|(name, value)| (format!("+{name}"), (*value).to_owned())).collect(),
        ..SubscriptionGroupConfig::default()
    };
    let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    wire.succeed(code, &Form::of(&[]), Body::One(encode(&group))).await;
    (server, wire)
}

async fn subscribe(wire: &Wire, client: &str, action: LiteSubscriptionAction, lite_topics: &[&str]) {
    let subscription = LiteSubscription {
        action,
        client_id: client.to_owned(),
        group: "guests".to_owned(),
        topic: "rooms".to_owned(),
        lite_topic_set: lite_topics.iter().map(|name| (*name).to_owned()).collect(),
        ..LiteSubscription::default()
    };
    let body = Body::One(encode(&LiteSubscriptionCtl { subscription_set: vec![subscription] }));
    wire.succeed(RequestCode::LITE_SUBSCRIPTION_CTL, &Form::of(&[]), body).await;
}

fn pop_form(client: &str, poll_ms: i64) -> Form {
    let form = Form::of(&[
        ("clientId", client),
        ("consumerGroup", "guests"),
        ("topic", "rooms"),
        ("maxMsgNum", "32"),
        ("invisibleTime", "60000"),
    ]);
    form.with("pollTime", poll_ms).with("bornTime", now_ms())
}

async fn pop(wire: &Wire, client: &str, poll_ms: i64) -> Message {
    wire.ask(RequestCode::POP_LITE_MESSAGE, &pop_form(client, poll_ms), Body::Empty).await
}

/// What a client says about the message at an offset of a lite topic that it has popped: the handle is as clients make it.
fn settling(popped: &Message, lite_topic: &str, offset: i64) -> Form {
    let handle = format!("0 {} 60000 {} 0 broker 0 {offset}", number(popped, "popTime"), number(popped, "reviveQid"));
    let form =
        Form::of(&[("consumerGroup", "guests"), ("topic", "rooms"), ("queueId", "0"), ("liteTopic", lite_topic)]);
    form.with("extraInfo", handle).with("offset", offset)
}

#[tokio::test]
async fn a_client_pops_from_its_lite_topics_in_order_and_settles_what_it_got() {
    let folder = Folder::new("lite-pop");
    let (server, wire) = stage(&folder, &[]).await;
    subscribe(&wire, "guest", LiteSubscriptionAction::PartialAdd, &["red"]).await;
    assert_eq!(pop(&wire, "guest", 0).await.code, ResponseCode::POLLING_TIMEOUT);
    let waiting = tokio::spawn({
        let waiter = Wire::connect(&server).await;
        async move { pop(&waiter, "guest", 25_000).await }
    });
    wire.send("rooms", &["__LITE_TOPIC=red"], "first").await;
    let popped = waiting.await.unwrap();
    assert_eq!((popped.code, bodies(&popped)), (ResponseCode::SUCCESS, vec!["first".to_owned()]));
    assert_eq!(popped.fields.get("orderCountInfo"), Some("0"));
    wire.send("rooms", &["__LITE_TOPIC=red"], "second").await;
    wire.send("rooms", &["__LITE_TOPIC=green"], "not asked for").await;
    assert_eq!(pop(&wire, "guest", 0).await.code, ResponseCode::POLLING_TIMEOUT, "the first is not done yet");
    let again = settling(&popped, "red", 0).with("invisibleTime", 0);
    wire.succeed(RequestCode::CHANGE_MESSAGE_INVISIBLETIME, &again, Body::Empty).await;
    let popped = pop(&wire, "guest", 25_000).await;
    assert_eq!(bodies(&popped), ["first", "second"]);
    assert_eq!(popped.fields.get("orderCountInfo"), Some("1;0"));
    for offset in [0, 1] {
        wire.succeed(RequestCode::ACK_MESSAGE, &settling(&popped, "red", offset), Body::Empty).await;
    }
    wire.send("rooms", &["__LITE_TOPIC=red"], "third").await;
    assert_eq!(bodies(&pop(&wire, "guest", 25_000).await), ["third"]);
}

#[tokio::test]
async fn a_group_may_want_all_lite_topics() {
    let folder = Folder::new("lite-wildcard");
    let (_server, wire) = stage(&folder, &[("lite.sub.wildcard", "true")]).await;
    wire.send("rooms", &["__LITE_TOPIC=old"], "before").await;
    subscribe(&wire, "guest", LiteSubscriptionAction::CompleteAdd, &[]).await;
    assert_eq!(bodies(&pop(&wire, "guest", 25_000).await), ["before"]);
    wire.send("rooms", &["__LITE_TOPIC=new"], "after").await;
    assert_eq!(bodies(&pop(&wire, "guest", 25_000).await), ["after"]);
}

/// Takes down what a broker tells an agent of clients.
struct Told(UnboundedSender<(i32, [String; 3])>);

impl Service for Told {
    fn handle(&self, request: Request<'_>, _reply: Reply<'_>) {
        let field = |name| request.header.fields.get(name).unwrap_or_default().to_owned();
        // Nobody listens any more when a test has ended.
        let _ = self.0.send((request.header.code, ["liteTopic", "consumerGroup", "clientId"].map(field)));
    }
}

#[tokio::test]
async fn who_subscribes_for_a_client_is_told_what_it_loses() {
    let folder = Folder::new("lite-lost");
    let (server, wire) = stage(&folder, &[("lite.sub.model", "Exclusive")]).await;
    let (sender, mut told) = unbounded_channel();
    let agent = Wire::connect_with(&server, Arc::new(Told(sender))).await;
    subscribe(&agent, "one", LiteSubscriptionAction::PartialAdd, &["red"]).await;
    subscribe(&wire, "other", LiteSubscriptionAction::PartialAdd, &["red"]).await;
    let lost = ["red", "guests", "one"].map(str::to_owned);
    assert_eq!(told.recv().await, Some((RequestCode::NOTIFY_UNSUBSCRIBE_LITE.0, lost)));
    wire.send("rooms", &["__LITE_TOPIC=red"], "hello").await;
    assert_eq!(pop(&wire, "one", 0).await.code, ResponseCode::POLLING_TIMEOUT);
    assert_eq!(bodies(&pop(&wire, "other", 25_000).await), ["hello"]);
}

#[tokio::test]
async fn a_pop_of_lite_topics_that_makes_no_sense_is_refused() {
    let folder = Folder::new("lite-refused");
    let (_server, wire) = stage(&folder, &[]).await;
    wire.create_topic("plain", 1, "").await;
    let form = || pop_form("guest", 0);
    for (form, code) in [
        (form().with("topic", "nowhere"), ResponseCode::TOPIC_NOT_EXIST),
        (form().with("topic", "plain"), ResponseCode::INVALID_PARAMETER),
        (form().with("consumerGroup", "strangers"), ResponseCode::INVALID_PARAMETER),
        (form().with("maxMsgNum", 33), ResponseCode::INVALID_PARAMETER),
        (form().with("bornTime", now_ms() - 60_000), ResponseCode::POLLING_TIMEOUT),
        (form().without("clientId"), ResponseCode::SYSTEM_ERROR),
    ] {
        let refused = wire.ask(RequestCode::POP_LITE_MESSAGE, &form, Body::Empty).await;
        assert_eq!(refused.code, code, "{form:?}: {:?}", refused.remark);
    }
}
