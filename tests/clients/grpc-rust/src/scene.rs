//! What a case has: topics, groups and clients of its own, which end with it.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rocketmq::conf::{ClientOption, ProducerOption, SimpleConsumerOption};
use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::model::message::{MessageBuilder, MessageView};
use rocketmq::model::transaction::TransactionChecker;
use rocketmq::{Producer, SimpleConsumer};

use crate::{Outcome, remoting};

/// Long enough for whatever waits for a timer, on a busy machine.
const WAIT: Duration = Duration::from_secs(60);

/// A broker, and what makes names of this run unique.
#[derive(Clone)]
pub struct Place {
    pub remoting: String,
    pub grpc: String,
    pub run: String,
}

pub struct Scene {
    name: String,
    place: Place,
    made: AtomicU32,
}

impl Scene {
    pub fn new(name: String, place: Place) -> Self {
        Self { name, place, made: AtomicU32::new(0) }
    }

    fn fresh(&self, kind: &str) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        format!("{kind}-{}-{number}-{}", self.name, self.place.run)
    }

    pub async fn topic(&self, message_type: &str) -> Outcome<String> {
        let topic = self.fresh("topic");
        remoting::create_topic(&self.place.remoting, &topic, message_type).await?;
        Ok(topic)
    }

    fn options(&self) -> ClientOption {
        let mut options = ClientOption::default();
        options.set_access_url(&self.place.grpc);
        options.set_enable_tls(false);
        options.set_timeout(Duration::from_secs(30));
        options
    }

    pub async fn producer(&self) -> Outcome<Producer> {
        let mut producer = Producer::new(ProducerOption::default(), self.options())?;
        producer.start().await?;
        Ok(producer)
    }

    pub async fn transaction_producer(&self, topic: &str, checker: Box<TransactionChecker>) -> Outcome<Producer> {
        let mut options = ProducerOption::default();
        options.set_topics(vec![topic]);
        let mut producer = Producer::new_transaction_producer(options, self.options(), checker)?;
        producer.start().await?;
        Ok(producer)
    }

    pub async fn consumer(&self, orderly: bool) -> Outcome<SimpleConsumer> {
        let group = self.fresh("group");
        remoting::create_group(&self.place.remoting, &group, orderly).await?;
        let mut options = SimpleConsumerOption::default();
        options.set_consumer_group(&group);
        let mut consumer = SimpleConsumer::new(options, self.options())?;
        consumer.start().await?;
        Ok(consumer)
    }
}

pub fn message(topic: &str, body: &str) -> MessageBuilder {
    MessageBuilder::builder().set_topic(topic).set_body(body.into())
}

pub fn all() -> FilterExpression {
    FilterExpression::new(FilterType::Tag, "*")
}

/// Receives until there are so many, without acknowledging them.
pub async fn receive(
    consumer: &SimpleConsumer,
    topic: &str,
    filter: &FilterExpression,
    count: usize,
    invisible_s: u64,
) -> Outcome<Vec<MessageView>> {
    let mut messages = Vec::new();
    let deadline = Instant::now() + WAIT;
    while messages.len() < count {
        if Instant::now() > deadline {
            return Err(format!("expected {count} messages within {WAIT:?}, saw {:?}", bodies(&messages)).into());
        }
        messages.extend(consumer.receive_with(topic, filter, 32, Duration::from_secs(invisible_s)).await?);
    }
    Ok(messages)
}

pub fn bodies(messages: &[MessageView]) -> Vec<String> {
    messages.iter().map(body).collect()
}

pub fn body(message: &MessageView) -> String {
    String::from_utf8_lossy(message.body()).into_owned()
}

/// Fails with what was expected and what was seen.
pub fn equal<T: PartialEq + Debug>(what: &str, expected: T, seen: T) -> Outcome<()> {
    if expected == seen { Ok(()) } else { Err(format!("expected {what} to be {expected:?}, saw {seen:?}").into()) }
}
