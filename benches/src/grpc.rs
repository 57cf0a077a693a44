//! The three kinds of run over gRPC: producers and consumers do what clients of 5.x do. Topics, and where a group
//! begins, are still settled over remoting, so that both servers are asked the same way.

pub mod consumer;
pub mod link;
pub mod producer;

use std::sync::Arc;
use std::time::Duration;

use bolide_proto::Timestamp;
use bolide_proto::v2::{FilterExpression, FilterType};

use crate::cluster::{self, BrokerQueues, NameServer, connect};
use crate::consumer::Measure;
use crate::control::{Control, Load};
use crate::failure::Failure;
use crate::options::{Consume, EndToEnd, Produce, Pulling, Run, Sending};
use crate::payload::Shape;
use crate::producer::Pace;
use crate::report::{Latency, Report};
use crate::schedule::Schedule;
use crate::session::{Begin, share};
use crate::window::{self, Group, Plan};
use consumer::{Consumer, Wanted};
use link::{Link, Role};
use producer::Producer;

/// How often it is looked whether a backlog is done.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Sends messages and reports.
///
/// # Errors
/// When the run cannot be begun or not be brought to its end.
pub async fn produce(options: &Produce, address: &str) -> Result<Report, Failure> {
    let stage = Stage::open(&options.run, address).await?;
    let producers = stage.producers(&options.sending, None, options.messages).await?;
    let group = of(&producers);
    let plan = Plan::of(&options.run, options.messages.is_some());
    let mut measured = window::measure(&stage.control, std::slice::from_ref(&group), &plan).await?;
    window::stop(&group).await;
    measured.tallies[0].add_latencies(&window::take(&group));
    let mut report = Report::new("produce", &options.run.topic, stage.describe(&options.sending), &measured);
    report.unsent = options.sending.rate.map(|_| producers.iter().map(|producer| producer.unsent()).sum());
    Ok(report)
}

/// Receives and acknowledges messages and reports.
///
/// # Errors
/// As [`produce`].
pub async fn consume(options: &Consume, address: &str) -> Result<Report, Failure> {
    let stage = Stage::open(&options.run, address).await?;
    let (begin, measure) =
        if options.backlog { (Begin::Backlog, Measure::Pulls) } else { (Begin::Last, Measure::Nothing) };
    let (consumers, waiting) = stage.consumers(&options.pulling, begin, measure).await?;
    let group = of(&consumers);
    if let Some(waiting) = waiting {
        let (consumers, control) = (consumers.clone(), stage.control.clone());
        tokio::spawn(async move {
            while consumers.iter().map(|consumer| consumer.acknowledged()).sum::<u64>() < waiting {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            consumers.iter().for_each(|consumer| consumer.stop());
            control.call();
        });
    }
    let plan = Plan::of(&options.run, options.backlog);
    let measured = window::measure(&stage.control, std::slice::from_ref(&group), &plan).await?;
    window::stop(&group).await;
    let load = format!("receives of {}, each message acknowledged", options.pulling.pull_batch);
    Ok(Report::new("consume", &options.run.topic, load, &measured))
}

/// Sends, receives and acknowledges at the same time and reports.
///
/// # Errors
/// As [`produce`].
pub async fn end_to_end(options: &EndToEnd, address: &str) -> Result<Report, Failure> {
    let stage = Stage::open(&options.run, address).await?;
    let run = stage.control.clock.run();
    let (consumers, _) = stage.consumers(&options.pulling, Begin::Last, Measure::Ages { run }).await?;
    let producers = stage.producers(&options.sending, Some(run), None).await?;
    let stored = || producers.iter().map(|producer| producer.stored()).sum::<u64>();
    let received = || consumers.iter().map(|consumer| consumer.received()).sum::<u64>();
    let groups = [of(&consumers), of(&producers)];
    let mut measured = window::measure(&stage.control, &groups, &Plan::of(&options.run, false)).await?;
    window::stop(&groups[1]).await;
    window::wait_until(|| received() >= stored()).await;
    for (tally, group) in measured.tallies.iter_mut().zip(&groups) {
        tally.add_latencies(&window::take(group));
    }
    window::stop(&groups[0]).await;
    let mut report = Report::new("e2e", &options.run.topic, stage.describe(&options.sending), &measured);
    report.send_latency = Latency::of(&measured.tallies[1]);
    report.unsent = options.sending.rate.map(|_| producers.iter().map(|producer| producer.unsent()).sum());
    report.lost = Some(stored().saturating_sub(received()));
    Ok(report)
}

/// What wants to see all messages.
fn everything() -> FilterExpression {
    FilterExpression { r#type: FilterType::Tag.into(), expression: "*".to_owned() }
}

/// The protocol's form of milliseconds since 1970.
fn timestamp(ms: i64) -> Timestamp {
    Timestamp { seconds: ms / 1_000, nanos: (ms % 1_000) as i32 * 1_000_000 }
}

fn of<L: Load + 'static>(loads: &[Arc<L>]) -> Group {
    loads.iter().map(|load| load.clone() as Arc<dyn Load>).collect()
}

/// What all kinds of run begin with.
struct Stage<'a> {
    options: &'a Run,
    address: &'a str,
    control: Arc<Control>,
    /// The broker behind the address: the first one that has the topic.
    broker: BrokerQueues,
}

impl<'a> Stage<'a> {
    async fn open(options: &'a Run, address: &'a str) -> Result<Self, Failure> {
        let name_server = NameServer::connect(&options.namesrv, options.encoding).await?;
        let brokers = name_server.topic(&options.topic, options.queues).await?;
        let broker = brokers.into_iter().next().ok_or_else(|| Failure::NoQueue(options.topic.clone()))?;
        Ok(Self { options, address, control: Arc::default(), broker })
    }

    async fn link(&self, role: &Role, index: usize) -> Result<Link, Failure> {
        let kind = match role {
            Role::Producer { .. } => "producer",
            Role::Consumer { .. } => "consumer",
        };
        let client_id = format!("mqbench@{}@{kind}@{index}", std::process::id());
        Link::open(self.address, &client_id, role).await
    }

    /// Opens the connections that send, and begins.
    async fn producers(
        &self,
        sending: &Sending,
        stamped_run: Option<u64>,
        messages: Option<u64>,
    ) -> Result<Vec<Arc<Producer>>, Failure> {
        let (connections, in_flight) = (usize::from(self.options.connections), sending.in_flight as usize);
        if in_flight < connections {
            let text = format!("--in-flight is {in_flight}, but there are {connections} connections");
            return Err(Failure::Options(text));
        }
        let shape = Shape {
            body_bytes: sending.size,
            batch: usize::from(sending.batch),
            properties: sending.properties.concat(),
            stamped_run,
        };
        let role = Role::Producer { topic: self.options.topic.clone() };
        let mut opened = Vec::new();
        for index in 0..connections {
            let messages = messages.map(|messages| share(messages, index, connections));
            let (control, topic) = (self.control.clone(), self.options.topic.clone());
            let producer = Arc::new(Producer::new(control, topic, shape.clone(), index, messages));
            opened.push((self.link(&role, index).await?, producer));
        }
        let start_ns = self.control.clock.now_ns();
        for (index, (link, producer)) in opened.iter().enumerate() {
            let pace = match sending.rate {
                None => Pace::Free,
                Some(rate) => {
                    let requests_per_second = rate / f64::from(sending.batch);
                    Pace::Scheduled(Schedule::share(start_ns, requests_per_second, index, connections))
                }
            };
            producer.start(link, &pace, share(in_flight as u64, index, connections) as usize)?;
        }
        Ok(opened.into_iter().map(|(_, producer)| producer).collect())
    }

    /// Sets where the group begins, opens the connections that receive, and begins. Answers also how many messages
    /// there are to receive, where that is settled.
    async fn consumers(
        &self,
        pulling: &Pulling,
        begin: Begin,
        measure: Measure,
    ) -> Result<(Vec<Arc<Consumer>>, Option<u64>), Failure> {
        let Run { topic, group, .. } = self.options;
        let remoting = connect(&self.broker.address, self.options.encoding, Arc::new(())).await?;
        cluster::create_group(&remoting, group).await?;
        let mut waiting = None;
        for queue_id in 0..self.broker.read_queues {
            let range = begin.range(&remoting, topic, queue_id).await?;
            cluster::set_offset(&remoting, group, topic, queue_id, range.begin).await?;
            if let Some(end) = range.end {
                *waiting.get_or_insert(0) += (end - range.begin).unsigned_abs();
            }
        }
        let wanted = Wanted {
            topic: topic.clone(),
            group: group.clone(),
            broker_name: self.broker.broker_name.clone(),
            max_messages: pulling.pull_batch,
        };
        let role = Role::Consumer { topic: topic.clone(), group: group.clone() };
        let mut opened = Vec::new();
        for index in 0..usize::from(self.options.connections) {
            let consumer = Arc::new(Consumer::new(self.control.clone(), wanted.clone(), measure));
            consumer.start(&self.link(&role, index).await?);
            opened.push(consumer);
        }
        Ok((opened, waiting))
    }

    fn describe(&self, sending: &Sending) -> String {
        let batch = if sending.batch > 1 { format!("batches of {} × ", sending.batch) } else { String::new() };
        let rate = sending.rate.map_or(String::new(), |rate| format!("  {rate} msg/s"));
        let (size, in_flight, connections) = (sending.size, sending.in_flight, self.options.connections);
        format!("gRPC  {batch}{size} B  {in_flight} in flight  {connections} connection(s){rate}")
    }
}
