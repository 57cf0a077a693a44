//! What the sub-commands for lite topics show, while a client subscribes to two of them and has consumed a part of one.

use bolide_remoting::body::{LiteSubscription, LiteSubscriptionAction, LiteSubscriptionCtl, encode};
use bolide_remoting::{Body, RequestCode};
use bolide_tests::binaries::apache_version;
use bolide_tests::cluster::Cluster;
use bolide_tests::mqadmin::Mqadmin;
use bolide_tests::toolchain;
use bolide_tests::wire::{Form, Wire};

use super::BROKER;

const CLIENT: &str = "guest";

#[tokio::test]
async fn commands_for_lite_topics_show_what_is_true() {
    if !toolchain::available("Java", &["java -version", "mvn -version"]) {
        return;
    }
    if apache_version().is_some() {
        return toolchain::skip(
            "lite topics: Apache's broker keeps them in RocksDB, for which these servers are not set up",
        );
    }
    let cluster = Cluster::new("mqadmin-lite");
    cluster.start_broker(BROKER, "DefaultCluster", &[("enableLmq", "true"), ("enableMultiDispatch", "true")]);
    let address = cluster.address(BROKER);
    let mut admin = Mqadmin::start(&cluster.name_server(), cluster.folder());
    let parent = "+message.type=LITE,+lite.topic.expiration=90";
    admin.run(&format!("updateTopic -b {address} -t rooms -r 1 -w 1 -a {parent}")).expect(&["success"]);
    let group = format!("updateSubGroup -b {address} -g guests --attributes +lite.bind.topic=rooms");
    admin.run(&group).expect(&["success"]);
    let wire = Wire::connect_to(&address).await;
    subscribe_and_send(&wire).await;

    let shown = admin.run(&format!("getBrokerLiteInfo -b {address} -d"));
    shown.expect(&[r#"Topic Meta: {"rooms":90}"#, r#"Group Meta: {"rooms":["guests"]}"#]);
    // The broker, the kind of store, the most light queues and how many there are, subscriptions.
    assert_eq!(shown.row(&[&address])[1..5], ["default", "20000", "2", "2"]);
    let shown = admin.run("getParentTopicInfo -p rooms");
    assert_eq!(shown.row(&[BROKER])[1..], ["90", "2", "2", "[guests]"]);

    let shown = admin.run("getLiteTopicInfo -p rooms -l red -s");
    let row = shown.row(&[BROKER]);
    assert_eq!((row[1..3].to_vec(), row[row.len() - 2..].to_vec()), (vec!["0", "3"], vec!["true", "1"]));
    shown.expect(&["%LMQ%$rooms$red", "[guest@guests]"]);
    let shown = admin.run("getLiteTopicInfo -p rooms -l nobody");
    assert_eq!(shown.row(&[BROKER])[1..], ["0", "0", "-", "true", "0"]);

    let shown = admin.run(&format!("getLiteClientInfo -p rooms -g guests -c {CLIENT} -s"));
    assert_eq!(shown.row(&[BROKER])[1], "2");
    shown.expect(&["$rooms$green", "$rooms$red"]);
    assert_eq!(
        admin.run("getLiteClientInfo -p rooms -g guests -c stranger").row(&[BROKER])[1..],
        ["N/A", "N/A", "N/A"]
    );

    let shown = admin.run("getLiteGroupInfo -p rooms -g guests");
    shown.expect(&["Total Lag Count: 2"]);
    assert_eq!(shown.row(&["1", "red"])[2], "2");
    let shown = admin.run("getLiteGroupInfo -p rooms -g guests -l red");
    assert_eq!(shown.row(&[BROKER])[1..4], ["3", "1", "2"]);

    let shown = admin.run("triggerLiteDispatch -p rooms -g guests");
    assert_eq!(shown.row(&[BROKER]), [BROKER, "dispatched"]);
    assert_eq!(admin.run("triggerLiteDispatch -p rooms -g nobody").row(&[BROKER]), [BROKER, "error"]);
}

/// A client subscribes to two lite topics; three messages come to one of them, one to the other, and of the three one is consumed.
async fn subscribe_and_send(wire: &Wire) {
    let subscription = LiteSubscription {
        action: LiteSubscriptionAction::CompleteAdd,
        client_id: CLIENT.to_owned(),
        group: "guests".to_owned(),
        topic: "rooms".to_owned(),
        lite_topic_set: vec!["red".to_owned(), "green".to_owned()],
        ..LiteSubscription::default()
    };
    let body = Body::One(encode(&LiteSubscriptionCtl { subscription_set: vec![subscription] }));
    wire.succeed(RequestCode::LITE_SUBSCRIPTION_CTL, &Form::of(&[]), body).await;
    for lite_topic in ["red", "red", "red", "green"] {
        wire.send("rooms", &[&format!("__LITE_TOPIC={lite_topic}")], "hello").await;
    }
    for (lite_topic, offset) in [("red", 1), ("green", 1)] {
        let queue = format!("%LMQ%$rooms${lite_topic}");
        let commit = Form::of(&[("consumerGroup", "guests"), ("topic", &queue), ("queueId", "0")]);
        wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &commit.with("commitOffset", offset), Body::Empty).await;
    }
}
