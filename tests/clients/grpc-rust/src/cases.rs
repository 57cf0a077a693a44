//! What users do with the client: it has producers of all kinds and simple consumers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::model::message::MessageView;
use rocketmq::model::transaction::{Transaction, TransactionResolution};

use crate::Outcome;
use crate::scene::{Scene, all, bodies, body, equal, message, receive};

pub async fn everything_of_a_message_arrives(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("NORMAL").await?;
    let (producer, consumer) = (scene.producer().await?, scene.consumer(false).await?);
    let properties = [("größe".to_owned(), "7 µm".to_owned())].into();
    let whole = message(&topic, "whole 😄").set_tag("red").set_keys(vec!["k1", "k2"]).set_properties(properties);
    let receipt = producer.send(whole.build()?).await?;
    let messages = receive(&consumer, &topic, &all(), 1, 60).await?;
    let [seen] = &messages[..] else { return Err("more than one message came".into()) };
    equal("the body", "whole 😄", &body(seen))?;
    equal("id and topic", (receipt.message_id(), &topic[..]), (seen.message_id(), seen.topic()))?;
    equal("the tag", Some("red"), seen.tag())?;
    equal("the keys", &["k1".to_owned(), "k2".to_owned()][..], seen.keys())?;
    equal("the property", Some(&"7 µm".to_owned()), seen.properties().get("größe"))?;
    equal("the attempt", 1, seen.delivery_attempt())?;
    Ok(consumer.ack(seen).await?)
}

pub async fn messages_are_sent_together(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("NORMAL").await?;
    let (producer, consumer) = (scene.producer().await?, scene.consumer(false).await?);
    let sent: Vec<String> = (0..10).map(|number| format!("message-{number}")).collect();
    let messages = sent.iter().map(|body| message(&topic, body).build()).collect::<Result<Vec<_>, _>>()?;
    producer.batch_send(messages).await?;
    equal("what came", sent, bodies(&receive(&consumer, &topic, &all(), 10, 60).await?))
}

pub async fn acknowledged_messages_do_not_come_again(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("NORMAL").await?;
    let (producer, consumer) = (scene.producer().await?, scene.consumer(false).await?);
    for body in ["done", "left"] {
        producer.send(message(&topic, body).build()?).await?;
    }
    for one in receive(&consumer, &topic, &all(), 2, 10).await?.iter().filter(|one| one.body() == b"done") {
        consumer.ack(one).await?;
    }
    let again = receive(&consumer, &topic, &all(), 1, 60).await?;
    equal("what came again", vec!["left".to_owned()], bodies(&again))?;
    equal("how often it came", 2, again[0].delivery_attempt())
}

pub async fn messages_of_a_group_come_in_order(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("FIFO").await?;
    let (producer, consumer) = (scene.producer().await?, scene.consumer(true).await?);
    let sent: Vec<String> = (0..10).map(|number| format!("step-{number}")).collect();
    for body in &sent {
        producer.send(message(&topic, body).set_message_group("orders").build()?).await?;
    }
    let mut seen = Vec::new();
    while seen.len() < sent.len() {
        // Nothing of a group comes before what was handed out has been acknowledged.
        for one in receive(&consumer, &topic, &all(), 1, 60).await? {
            equal("the group", Some("orders"), one.message_group())?;
            seen.push(body(&one));
            consumer.ack(&one).await?;
        }
    }
    equal("the steps", sent, seen)
}

pub async fn delayed_message(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("DELAY").await?;
    let (producer, consumer) = (scene.producer().await?, scene.consumer(false).await?);
    let now_s = || SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs() as i64);
    let due_s = now_s()? + 4;
    producer.send(message(&topic, "later").set_delivery_timestamp(due_s).build()?).await?;
    let seen = receive(&consumer, &topic, &all(), 1, 60).await?;
    equal("to come before its time", false, now_s()? < due_s)?;
    equal("what came", vec!["later".to_owned()], bodies(&seen))
}

pub async fn filters(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("NORMAL").await?;
    let (tagged, chosen) = (scene.consumer(false).await?, scene.consumer(false).await?);
    let producer = scene.producer().await?;
    for size in 0..6 {
        let one = message(&topic, &format!("message-{size}")).set_tag(["red", "green", "white"][size % 3]);
        producer.send(one.set_properties([("size".to_owned(), size.to_string())].into()).build()?).await?;
    }
    let of = |sizes: &[u32]| sizes.iter().map(|size| format!("message-{size}")).collect::<Vec<_>>();
    let by_tag = FilterExpression::new(FilterType::Tag, "red || green");
    equal("by tags", of(&[0, 1, 3, 4]), bodies(&receive(&tagged, &topic, &by_tag, 4, 60).await?))?;
    let by_sql = FilterExpression::new(FilterType::Sql, "size > 3");
    equal("by SQL", of(&[4, 5]), bodies(&receive(&chosen, &topic, &by_sql, 2, 60).await?))
}

pub async fn transactions_end_or_are_checked(scene: Scene) -> Outcome<()> {
    let topic = scene.topic("TRANSACTION").await?;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let checker = move |_: String, half: MessageView| {
        let body = body(&half);
        noted.lock().expect("nobody panics").push(body.clone());
        // On a busy machine the broker may ask before the user has said so.
        if body == "rolled back" { TransactionResolution::ROLLBACK } else { TransactionResolution::COMMIT }
    };
    let producer = scene.transaction_producer(&topic, Box::new(checker)).await?;
    let half = |body| message(&topic, body).enable_transaction().build();
    producer.send_transaction_message(half("committed")?).await?.commit().await?;
    producer.send_transaction_message(half("rolled back")?).await?.rollback().await?;
    producer.send_transaction_message(half("left")?).await?;
    let consumer = scene.consumer(false).await?;
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        // What is committed twice, by the user and when the broker asks, may come twice.
        seen.extend(bodies(&receive(&consumer, &topic, &all(), 1, 60).await?));
    }
    equal("what came", ["committed", "left"].map(str::to_owned).into(), seen)?;
    equal(
        "to be asked about the one that was left",
        true,
        asked.lock().expect("nobody panics").contains(&"left".to_owned()),
    )
}
