//! Lite topics over the bare protocol: who gets which messages, in which order, and what of that outlives the broker.

use bolide_proto::v2::offset_option::{OffsetType, Policy};
use bolide_proto::v2::settings::PubSub;
use bolide_proto::v2::telemetry_command::Command;
use bolide_proto::v2::{
    AckMessageEntry, AckMessageRequest, ChangeInvisibleDurationRequest, ClientType, Code, LiteSubscriptionAction,
    Message, MessageType, OffsetOption, ReceiveMessageRequest, Settings, Subscription, SyncLiteSubscriptionRequest,
    SystemProperties,
};
use bolide_remoting::body::{SubscriptionGroupConfig, encode};
use bolide_remoting::{Body, RequestCode};
use bolide_tests::cluster::Cluster;
use bolide_tests::folder::Folder;
use bolide_tests::server::Server;
use bolide_tests::wire::{Form, Wire};

use crate::channel::{Channel, Client, call};
use crate::receive::{SETTINGS, receive_as, seconds};
use crate::telemetry::Telemetry;
use crate::{LIMIT, broker, code, connect, create, message, resource, send};

const PARENT: &str = "rooms";
const GROUP: &str = "guests";

/// A client that consumes lite topics.
struct Guest {
    id: &'static str,
    client: Client,
    telemetry: Telemetry,
}

impl Guest {
    async fn new(server: &Server, id: &'static str) -> Self {
        Self::over(connect(server).await, id).await
    }

    async fn over(mut client: Client, id: &'static str) -> Self {
        let subscription = Subscription { group: resource(GROUP), ..Subscription::default() };
        let settings = Settings {
            client_type: Some(ClientType::LitePushConsumer.into()),
            pub_sub: Some(PubSub::Subscription(subscription)),
            ..Settings::default()
        };
        let (telemetry, merged) = Telemetry::open(&mut client, id, settings).await;
        let Some(PubSub::Subscription(merged)) = merged.pub_sub else { panic!("{merged:?}") };
        assert_eq!((merged.lite_subscription_quota, merged.max_lite_topic_size), (Some(3), Some(64)));
        Guest { id, client, telemetry }
    }

    async fn synchronize(
        &mut self,
        action: LiteSubscriptionAction,
        lite_topics: &[&str],
        begin: Option<Policy>,
    ) -> Code {
        let request = SyncLiteSubscriptionRequest {
            action: action.into(),
            topic: resource(PARENT),
            group: resource(GROUP),
            lite_topic_set: lite_topics.iter().map(|lite_topic| (*lite_topic).to_owned()).collect(),
            offset_option: begin.map(|policy| OffsetOption { offset_type: Some(OffsetType::Policy(policy.into())) }),
            version: None,
        };
        code(self.client.sync_lite_subscription(call(self.id, request)).await.unwrap().into_inner().status)
    }

    async fn add(&mut self, lite_topics: &[&str]) -> Code {
        self.synchronize(LiteSubscriptionAction::PartialAdd, lite_topics, None).await
    }

    async fn receive(&mut self, patience_s: i64) -> (Code, Vec<Message>) {
        let request = ReceiveMessageRequest {
            group: resource(GROUP),
            message_queue: Some(bolide_proto::v2::MessageQueue {
                topic: resource(PARENT),
                id: -1,
                ..Default::default()
            }),
            batch_size: 32,
            auto_renew: true,
            long_polling_timeout: Some(seconds(patience_s)),
            ..ReceiveMessageRequest::default()
        };
        receive_as(&mut self.client, self.id, request).await
    }

    /// The bodies of what there is now, all acknowledged.
    async fn take(&mut self) -> Vec<String> {
        self.take_within(0).await
    }

    /// The same, waiting for something.
    async fn take_within(&mut self, patience_s: i64) -> Vec<String> {
        let (_, messages) = self.receive(patience_s).await;
        let bodies = bodies(&messages);
        for message in messages {
            assert_eq!(self.acknowledge(&message).await, Code::Ok);
        }
        bodies
    }

    async fn acknowledge(&mut self, message: &Message) -> Code {
        let system = message.system_properties.clone().unwrap();
        let entry = AckMessageEntry {
            receipt_handle: system.receipt_handle.unwrap(),
            lite_topic: system.lite_topic,
            ..AckMessageEntry::default()
        };
        let request = AckMessageRequest { group: resource(GROUP), topic: resource(PARENT), entries: vec![entry] };
        code(self.client.ack_message(call(self.id, request)).await.unwrap().into_inner().status)
    }

    async fn try_again_at_once(&mut self, message: &Message) -> Code {
        let system = message.system_properties.clone().unwrap();
        let request = ChangeInvisibleDurationRequest {
            group: resource(GROUP),
            topic: resource(PARENT),
            receipt_handle: system.receipt_handle.unwrap(),
            invisible_duration: Some(seconds(0)),
            lite_topic: system.lite_topic,
            ..ChangeInvisibleDurationRequest::default()
        };
        code(self.client.change_invisible_duration(call(self.id, request)).await.unwrap().into_inner().status)
    }
}

fn bodies(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap()).collect()
}

async fn create_group(wire: &Wire, attributes: &[(&str, &str)]) {
    let attributes = attributes.iter().map(|(name, value)| (format!("+{name}"), (*value).to_owned()));
    let group = SubscriptionGroupConfig {
        group_name: GROUP.to_owned(),
        attributes: attributes.collect(),
        ..SubscriptionGroupConfig::default()
    };
    let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    wire.succeed(code, &Form::of(&[]), Body::One(encode(&group))).await;
}

async fn stage(folder: &Folder, attributes: &[(&str, &str)]) -> (Server, Client) {
    let server = broker(folder, &[&SETTINGS[..], &[("enableLmq", "true"), ("enableMultiDispatch", "true")]].concat());
    let wire = create(&server, PARENT, "LITE").await;
    create_group(&wire, &[&[("lite.bind.topic", PARENT), ("lite.sub.client.quota", "3")], attributes].concat()).await;
    let client = connect(&server).await;
    (server, client)
}

async fn say(client: &mut Client, lite_topic: &str, bodies: &[&str]) {
    for body in bodies {
        let system = SystemProperties {
            lite_topic: Some(lite_topic.to_owned()),
            message_type: MessageType::Lite.into(),
            ..SystemProperties::default()
        };
        let sent = send(client, vec![message(PARENT, body, system)]).await;
        assert_eq!(code(sent.status), Code::Ok);
    }
}

#[tokio::test]
async fn a_client_gets_what_it_subscribed_to_and_each_lite_topic_in_order() {
    let folder = Folder::new("grpc-lite");
    let (server, mut sender) = stage(&folder, &[]).await;
    let mut guest = Guest::new(&server, "guest").await;
    say(&mut sender, "blue", &["before"]).await;
    assert_eq!(guest.add(&["red", "blue"]).await, Code::Ok);
    say(&mut sender, "red", &["r1", "r2"]).await;
    say(&mut sender, "green", &["g1"]).await;
    let (status, mut messages) = guest.receive(0).await;
    assert_eq!(status, Code::Ok);
    messages.sort_by(|one, other| one.body.cmp(&other.body));
    assert_eq!(bodies(&messages), ["before", "r1", "r2"]);
    let system = messages[1].system_properties.clone().unwrap();
    assert_eq!((system.lite_topic.as_deref(), system.delivery_attempt), (Some("red"), Some(1)));
    assert_eq!(messages[1].topic, resource(PARENT), "not the queue's name");
    // A lite topic is closed until what was handed out of it is done; others are not.
    say(&mut sender, "red", &["r3"]).await;
    assert_eq!(guest.receive(0).await.0, Code::MessageNotFound);
    assert_eq!(guest.acknowledge(&messages[0]).await, Code::Ok);
    say(&mut sender, "blue", &["b2"]).await;
    assert_eq!(guest.take().await, ["b2"]);
    assert_eq!(guest.acknowledge(&messages[1]).await, Code::Ok);
    assert_eq!(guest.try_again_at_once(&messages[2]).await, Code::Ok);
    let (_, again) = guest.receive(20).await;
    assert_eq!(bodies(&again), ["r2", "r3"]);
    assert_eq!(again[0].system_properties.as_ref().unwrap().delivery_attempt, Some(2));
    // Who waits is woken by a message, and by an acknowledgement.
    for message in &again {
        assert_eq!(guest.acknowledge(message).await, Code::Ok);
    }
    let waiting = tokio::spawn(async move {
        let received = guest.receive(20).await;
        (guest, received)
    });
    say(&mut sender, "red", &["r4"]).await;
    let (mut guest, (_, late)) = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap();
    assert_eq!(bodies(&late), ["r4"]);
    assert_eq!(guest.acknowledge(&late[0]).await, Code::Ok);
    // Given up, and subscribed to as a whole.
    assert_eq!(guest.synchronize(LiteSubscriptionAction::PartialRemove, &["red"], None).await, Code::Ok);
    say(&mut sender, "red", &["r5"]).await;
    assert!(guest.take().await.is_empty());
    assert_eq!(guest.synchronize(LiteSubscriptionAction::CompleteAdd, &["red", "green"], None).await, Code::Ok);
    let mut all = guest.take().await;
    all.sort();
    assert_eq!(all, ["g1", "r5"]);
}

#[tokio::test]
async fn one_of_several_clients_gets_a_message_or_the_only_one_that_has_the_lite_topic() {
    let folder = Folder::new("grpc-lite-shared");
    let (server, mut sender) = stage(&folder, &[]).await;
    let (mut one, mut other) = (Guest::new(&server, "one").await, Guest::new(&server, "other").await);
    assert_eq!((one.add(&["red"]).await, other.add(&["red"]).await), (Code::Ok, Code::Ok));
    say(&mut sender, "red", &["shared"]).await;
    let mut got = one.take().await;
    got.extend(other.take().await);
    assert_eq!(got, ["shared"]);

    create_group(
        &Wire::connect(&server).await,
        &[("lite.bind.topic", PARENT), ("lite.sub.client.quota", "3"), ("lite.sub.model", "Exclusive")],
    )
    .await;
    assert_eq!(other.add(&["blue"]).await, Code::Ok);
    assert_eq!(one.add(&["blue"]).await, Code::Ok);
    let Command::NotifyUnsubscribeLiteCommand(told) = other.telemetry.hear().await else { panic!() };
    assert_eq!(told.lite_topic, "blue");
    say(&mut sender, "blue", &["mine"]).await;
    assert!(other.take().await.is_empty());
    assert_eq!(one.take().await, ["mine"]);
}

#[tokio::test]
async fn where_a_subscription_begins_and_what_is_refused() {
    let folder = Folder::new("grpc-lite-refused");
    let (server, mut sender) = stage(&folder, &[]).await;
    let mut guest = Guest::new(&server, "guest").await;
    say(&mut sender, "red", &["old"]).await;
    let add = LiteSubscriptionAction::PartialAdd;
    assert_eq!(guest.synchronize(add, &["red"], Some(Policy::Max)).await, Code::Ok);
    say(&mut sender, "red", &["new"]).await;
    assert_eq!(guest.take().await, ["new"]);
    assert_eq!(guest.synchronize(add, &["red"], Some(Policy::Min)).await, Code::Ok);
    assert_eq!(guest.take().await, ["old", "new"]);

    assert_eq!(guest.add(&["a b"]).await, Code::IllegalLiteTopic);
    assert_eq!(guest.add(&["x".repeat(65).as_str()]).await, Code::IllegalLiteTopic);
    assert_eq!(guest.add(&["2", "3", "4"]).await, Code::LiteSubscriptionQuotaExceeded);
    let elsewhere = ReceiveMessageRequest {
        group: resource("strangers"),
        message_queue: Some(bolide_proto::v2::MessageQueue { topic: resource(PARENT), id: -1, ..Default::default() }),
        long_polling_timeout: Some(seconds(0)),
        auto_renew: true,
        ..ReceiveMessageRequest::default()
    };
    assert_eq!(receive_as(&mut guest.client, guest.id, elsewhere).await.0, Code::BadRequest);
    let blank = SystemProperties { lite_topic: Some("a$b".to_owned()), ..SystemProperties::default() };
    assert_eq!(code(send(&mut sender, vec![message(PARENT, "x", blank)]).await.status), Code::IllegalLiteTopic);
}

#[tokio::test]
async fn what_a_client_holds_of_a_lite_topic_outlives_the_broker() {
    let folder = Folder::new("grpc-lite-held");
    let (mut server, mut sender) = stage(&folder, &[]).await;
    let mut guest = Guest::new(&server, "guest").await;
    assert_eq!(guest.add(&["red"]).await, Code::Ok);
    say(&mut sender, "red", &["held", "next"]).await;
    let (_, held) = guest.receive(0).await;
    assert_eq!(bodies(&held), ["held", "next"]);
    drop((guest, sender));
    server.kill();
    server.start_again();
    let mut guest = Guest::new(&server, "guest").await;
    assert_eq!(guest.synchronize(LiteSubscriptionAction::CompleteAdd, &["red"], None).await, Code::Ok);
    assert!(guest.take().await.is_empty(), "the client has them still");
    for message in &held {
        assert_eq!(guest.acknowledge(message).await, Code::Ok);
    }
    say(&mut connect(&server).await, "red", &["last"]).await;
    assert_eq!(guest.take().await, ["last"]);
}

#[tokio::test]
async fn the_brokers_of_a_cluster_share_what_a_group_subscribes_to() {
    let cluster = Cluster::new("grpc-lite-cluster");
    let brokers = ["broker-a", "broker-b"];
    let settings = [&SETTINGS[..], &[("enableLmq", "true"), ("enableMultiDispatch", "true")]].concat();
    for name in brokers {
        cluster.start_broker(name, "DefaultCluster", &settings);
        let wire = Wire::dial(&cluster.address(name)).await;
        wire.create_topic(PARENT, 1, "+message.type=LITE").await;
        create_group(
            &wire,
            &[("lite.bind.topic", PARENT), ("lite.sub.client.quota", "3"), ("lite.sub.model", "Exclusive")],
        )
        .await;
    }
    let mut guests = Vec::new();
    for id in ["one", "other"] {
        for name in brokers {
            guests.push(Guest::over(Channel::plain(&cluster.endpoint(name)).await.client(), id).await);
        }
    }
    let [one_a, one_b, other_a, other_b] = &mut guests[..] else { panic!() };
    // Each tells one broker only.
    assert_eq!(one_a.add(&["red"]).await, Code::Ok);
    for (name, body) in brokers.iter().zip(["at a", "at b"]) {
        say(&mut Channel::plain(&cluster.endpoint(name)).await.client(), "red", &[body]).await;
    }
    assert_eq!((one_a.take_within(20).await, one_b.take_within(20).await), (vec!["at a".into()], vec!["at b".into()]));
    assert_eq!(other_b.add(&["red"]).await, Code::Ok);
    let Command::NotifyUnsubscribeLiteCommand(told) = one_b.telemetry.hear().await else { panic!() };
    assert_eq!(told.lite_topic, "red");
    let Command::NotifyUnsubscribeLiteCommand(told) = one_a.telemetry.hear().await else { panic!() };
    assert_eq!(told.lite_topic, "red", "the other broker takes it from the client that it serves");
    say(&mut Channel::plain(&cluster.endpoint("broker-a")).await.client(), "red", &["later"]).await;
    assert!(one_a.take().await.is_empty());
    assert_eq!(other_a.take_within(20).await, ["later"]);
}
