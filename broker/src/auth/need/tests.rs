use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::connection::{self, ConnectionOptions};
use bolide_remoting::{Reply, RequestCode, Service};
use parking_lot::Mutex;

use super::*;

/// Notes what requests demand.
struct Notes(Need, Mutex<Vec<String>>);

impl Service for Notes {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        let demands = self.0.demands(&request, "c").unwrap();
        let words = demands.iter().map(|demand| format!("{} {:?}", demand.resource, demand.actions));
        self.1.lock().extend(words);
        reply.ok(&());
    }
}

async fn demanded(need: Need, fields: &[(&str, &str)], body: &'static str) -> Vec<String> {
    let (client, server) = tokio::io::duplex(1 << 16);
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let options = Arc::new(ConnectionOptions::default());
    let notes = Arc::new(Notes(need, Mutex::default()));
    let (_, driver) = connection::open(server, nowhere, nowhere, options.clone(), notes.clone());
    tokio::spawn(driver);
    let (connection, driver) = connection::open(client, nowhere, nowhere, options, Arc::new(()));
    tokio::spawn(driver);
    let patience = Duration::from_secs(60);
    connection.request(RequestCode(1), &fields, body.as_bytes().to_vec(), patience).await.unwrap();
    std::mem::take(&mut *notes.1.lock())
}

#[tokio::test]
async fn requests_demand_what_they_name() {
    let pull = Need::Fields(TOPIC_AND_CONSUMER_GROUP, SUB);
    let own = [("topic", "t"), ("consumerGroup", "g")];
    assert_eq!(demanded(pull, &own, "").await, ["Topic:t [Sub]", "Group:g [Sub]"]);
    let foreign_retry = [("topic", "%RETRY%other"), ("consumerGroup", "g")];
    assert_eq!(demanded(pull, &foreign_retry, "").await, ["Group:other [Sub]", "Group:g [Sub]"]);
    assert_eq!(demanded(Need::Fields(TOPIC, GET), &[], "").await, ["Cluster:c [Get]"]);
    assert!(demanded(Need::IfNamed(TOPIC, PUB), &[("topic", " ")], "").await.is_empty());
    assert_eq!(demanded(Need::EndTransaction, &[("topic", "t")], "").await, ["Topic:t [Pub]"]);
    assert!(demanded(Need::EndTransaction, &[("topic", "RMQ_SYS_TRANS_HALF_TOPIC")], "").await.is_empty());
    let several = Need::Fields(&[Named::Topics("topicList"), Named::Groups("filterGroups")], GET);
    let lists = [("topicList", "a;b;"), ("filterGroups", "g,h")];
    assert_eq!(
        demanded(several, &lists, "").await,
        ["Topic:a [Get]", "Topic:b [Get]", "Group:g [Get]", "Group:h [Get]"]
    );
}

#[tokio::test]
async fn sending_depends_on_where_to() {
    assert_eq!(demanded(Need::Send("b"), &[("b", "t")], "").await, ["Topic:t [Pub]"]);
    assert_eq!(demanded(Need::Send("b"), &[("b", "%RETRY%g")], "").await, ["Group:g [Sub]"]);
    assert_eq!(demanded(Need::Send("b"), &[], "").await, ["Topic: [Pub]"], "which no policy allows");
    assert!(demanded(Need::Reply("b"), &[("b", "c_REPLY_TOPIC")], "").await.is_empty());
    assert_eq!(demanded(Need::Reply("b"), &[("b", "d_REPLY_TOPIC")], "").await, ["Topic:d_REPLY_TOPIC [Pub]"]);
}

#[tokio::test]
async fn bodies_name_resources_too() {
    let heartbeat = r#"{"clientID":"c","producerDataSet":[{"groupName":"p"}],"consumerDataSet":[{"groupName":"g",
        "subscriptionDataSet":[{"topic":"t"},{"topic":"%RETRY%g"}]}]}"#;
    let seen = demanded(Need::Body(super::heartbeat, SUB), &[], heartbeat).await;
    assert_eq!(seen, ["Topic:t [Sub]", "Group:g [Sub]", "Group:g [Sub]"]);
    let acks = r#"{"brokerName":"b","acks":[{"c":"g","t":"t"}]}"#;
    assert_eq!(demanded(Need::Body(acknowledgements, SUB), &[], acks).await, ["Group:g [Sub]", "Topic:t [Sub]"]);
}
