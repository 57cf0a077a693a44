//! The three kinds of run: which connections they need, what goes through each, and what becomes of the counts.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::HeartbeatData;
use bolide_remoting::{Client, Connection};
use tokio::task::JoinSet;

use crate::cluster::{self, BrokerQueues, NameServer, connect};
use crate::consumer::{Consumer, Measure, QueueRange, Subscription};
use crate::control::{Control, Load};
use crate::failure::Failure;
use crate::grpc;
use crate::options::{Consume, EndToEnd, Produce, Pulling, Run, Sending};
use crate::pacer::Pacer;
use crate::payload::{Payload, Shape};
use crate::producer::{Destination, Pace, Producer};
use crate::report::{Latency, Report};
use crate::schedule::Schedule;
use crate::window::{self, Group, Plan};

/// How often clients tell brokers that they are there, as in Java.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);

/// Sends messages and reports.
///
/// # Errors
/// When the run cannot be begun or not be brought to its end.
pub async fn produce(options: &Produce) -> Result<Report, Failure> {
    options.sending.check(false)?;
    if let Some(address) = &options.run.grpc {
        return grpc::produce(options, address).await;
    }
    let session = Session::open(&options.run).await?;
    let mut producers = session.producers(&options.sending, None, options.messages).await?;
    producers.start(&session, &options.sending)?;
    let group = producers.group();
    let plan = session.plan(options.messages.is_some());
    let mut measured = window::measure(&session.control, std::slice::from_ref(&group), &plan).await?;
    window::stop(&group).await;
    measured.tallies[0].add_latencies(&window::take(&group));
    let load = producers.describe(&options.sending);
    let mut report = Report::new("produce", &options.run.topic, load, &measured);
    report.unsent = options.sending.rate.map(|_| producers.unsent());
    Ok(report)
}

/// Pulls messages and reports.
///
/// # Errors
/// As [`produce`].
pub async fn consume(options: &Consume) -> Result<Report, Failure> {
    if let Some(address) = &options.run.grpc {
        return grpc::consume(options, address).await;
    }
    let session = Session::open(&options.run).await?;
    let (begin, measure) =
        if options.backlog { (Begin::Backlog, Measure::Pulls) } else { (Begin::Last, Measure::Nothing) };
    let mut consumers = session.consumers(&options.pulling, begin, measure).await?;
    consumers.start();
    let group = consumers.group();
    let plan = session.plan(options.backlog);
    let measured = window::measure(&session.control, std::slice::from_ref(&group), &plan).await?;
    window::stop(&group).await;
    Ok(Report::new("consume", &options.run.topic, consumers.describe(&options.pulling), &measured))
}

/// Sends and pulls at the same time and reports.
///
/// # Errors
/// As [`produce`].
pub async fn end_to_end(options: &EndToEnd) -> Result<Report, Failure> {
    options.sending.check(true)?;
    if let Some(address) = &options.run.grpc {
        return grpc::end_to_end(options, address).await;
    }
    let session = Session::open(&options.run).await?;
    let run = session.control.clock.run();
    let mut consumers = session.consumers(&options.pulling, Begin::Last, Measure::Ages { run }).await?;
    let mut producers = session.producers(&options.sending, Some(run), None).await?;
    consumers.start();
    producers.start(&session, &options.sending)?;
    let (receiving, sending) = (consumers.group(), producers.group());
    let groups = [receiving, sending];
    let mut measured = window::measure(&session.control, &groups, &session.plan(false)).await?;
    window::stop(&groups[1]).await;
    window::wait_until(|| consumers.received() >= producers.stored()).await;
    for (tally, group) in measured.tallies.iter_mut().zip(&groups) {
        tally.add_latencies(&window::take(group));
    }
    window::stop(&groups[0]).await;
    let load = producers.describe(&options.sending);
    let mut report = Report::new("e2e", &options.run.topic, load, &measured);
    report.send_latency = Latency::of(&measured.tallies[1]);
    report.unsent = options.sending.rate.map(|_| producers.unsent());
    report.lost = Some(producers.stored().saturating_sub(consumers.received()));
    Ok(report)
}

/// What all kinds of run begin with.
struct Session<'a> {
    options: &'a Run,
    control: Arc<Control>,
    brokers: Vec<BrokerQueues>,
}

impl<'a> Session<'a> {
    async fn open(options: &'a Run) -> Result<Self, Failure> {
        let name_server = NameServer::connect(&options.namesrv, options.encoding).await?;
        let brokers = name_server.topic(&options.topic, options.queues).await?;
        Ok(Self { options, control: Arc::default(), brokers })
    }

    fn plan(&self, until_done: bool) -> Plan {
        Plan::of(self.options, until_done)
    }

    fn client_id(&self, role: &str, index: usize) -> String {
        format!("127.0.0.1@{}#mqbench-{role}-{index}", std::process::id())
    }

    /// Opens the connections that will send.
    async fn producers(
        &self,
        sending: &Sending,
        stamped_run: Option<u64>,
        messages: Option<u64>,
    ) -> Result<Producers, Failure> {
        let brokers: Vec<_> = self.brokers.iter().filter(|broker| broker.write_queues > 0).collect();
        let connections = brokers.len() * usize::from(self.options.connections);
        if connections == 0 {
            return Err(Failure::NoQueue(self.options.topic.clone()));
        }
        let in_flight = sending.in_flight as usize;
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
        let mut producers = Producers::default();
        for index in 0..connections {
            let broker = brokers[index % brokers.len()];
            let destination = Destination {
                topic: self.options.topic.clone(),
                group: self.options.group.clone(),
                broker_name: broker.broker_name.clone(),
                queues: broker.write_queues,
            };
            let producer = Arc::new(Producer::new(
                self.control.clone(),
                destination,
                Payload::new(shape.clone(), index),
                share(in_flight as u64, index, connections) as usize,
                messages.map(|messages| share(messages, index, connections)),
            ));
            let client = connect(&broker.address, self.options.encoding, producer.clone()).await?;
            let heartbeat = cluster::producer_heartbeat(self.client_id("producer", index), &self.options.group);
            producers.heartbeats.begin(&client, heartbeat).await?;
            producers.links.push((client, producer));
        }
        Ok(producers)
    }

    /// Opens the connections that will pull; each gets its share of the queues.
    async fn consumers(&self, pulling: &Pulling, begin: Begin, measure: Measure) -> Result<Consumers, Failure> {
        let version = self.control.clock.wall_ms();
        let mut consumers = Consumers::default();
        for broker in &self.brokers {
            let asking = connect(&broker.address, self.options.encoding, Arc::new(())).await?;
            let connections = i32::from(self.options.connections).min(broker.read_queues);
            for index in 0..connections {
                let mut queues = Vec::new();
                for queue_id in (index..broker.read_queues).step_by(connections as usize) {
                    queues.push(begin.range(&asking, &self.options.topic, queue_id).await?);
                }
                consumers.queues += queues.len();
                let subscription = Subscription {
                    topic: self.options.topic.clone(),
                    group: self.options.group.clone(),
                    broker_name: broker.broker_name.clone(),
                    version,
                    max_messages: pulling.pull_batch,
                };
                let consumer = Arc::new(Consumer::new(self.control.clone(), subscription, measure, queues));
                let client = connect(&broker.address, self.options.encoding, consumer.clone()).await?;
                let client_id = self.client_id("consumer", consumers.links.len());
                let (group, topic) = (&self.options.group, &self.options.topic);
                let heartbeat = cluster::consumer_heartbeat(client_id, group, topic, version);
                consumers.heartbeats.begin(&client, heartbeat).await?;
                consumers.links.push((client, consumer));
            }
        }
        if consumers.links.is_empty() { Err(Failure::NoQueue(self.options.topic.clone())) } else { Ok(consumers) }
    }
}

/// The share of connection `index` in an amount that is divided as evenly as can be.
pub(crate) fn share(amount: u64, index: usize, connections: usize) -> u64 {
    let (index, connections) = (index as u64, connections as u64);
    amount / connections + u64::from(index < amount % connections)
}

/// Where consumers begin, and where they stop.
#[derive(Clone, Copy)]
pub(crate) enum Begin {
    /// With the first message, up to what is there now.
    Backlog,
    /// With what comes from now on.
    Last,
}

impl Begin {
    pub(crate) async fn range(self, broker: &Connection, topic: &str, queue_id: i32) -> Result<QueueRange, Failure> {
        let max = cluster::max_offset(broker, topic, queue_id).await?;
        Ok(match self {
            Self::Last => QueueRange { queue_id, begin: max, end: None },
            Self::Backlog => {
                let begin = cluster::min_offset(broker, topic, queue_id).await?;
                QueueRange { queue_id, begin, end: Some(max) }
            }
        })
    }
}

/// Tells brokers again and again that clients are there, until this is dropped.
#[derive(Default)]
struct Heartbeats(JoinSet<()>);

impl Heartbeats {
    /// The first heartbeat must succeed; later ones that are lost would show in the load soon enough.
    async fn begin(&mut self, client: &Client, heartbeat: HeartbeatData) -> Result<(), Failure> {
        cluster::send_heartbeat(client, &heartbeat).await?;
        let connection = Connection::clone(client);
        self.0.spawn(async move {
            while connection.is_open() {
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                let _ = cluster::send_heartbeat(&connection, &heartbeat).await;
            }
        });
        Ok(())
    }
}

#[derive(Default)]
struct Producers {
    links: Vec<(Client, Arc<Producer>)>,
    heartbeats: Heartbeats,
    pacing: JoinSet<()>,
}

impl Producers {
    fn start(&mut self, session: &Session<'_>, sending: &Sending) -> Result<(), Failure> {
        let connections = self.links.len();
        let start_ns = session.control.clock.now_ns();
        for (index, (client, producer)) in self.links.iter().enumerate() {
            let pace = match sending.rate {
                None => Pace::Free,
                Some(rate) => {
                    let requests_per_second = rate / f64::from(sending.batch);
                    Pace::Scheduled(Schedule::share(start_ns, requests_per_second, index, connections))
                }
            };
            producer.start(Connection::clone(client), pace);
        }
        if sending.rate.is_some() {
            let pacer = Pacer::new().map_err(Failure::system("cannot make a timer"))?;
            let control = session.control.clone();
            let producers: Vec<_> = self.links.iter().map(|(_, producer)| producer.clone()).collect();
            self.pacing.spawn(async move {
                if let Err(error) = pacer.run(control.clock, &producers).await {
                    control.give_up(format!("the timer failed: {error}"));
                }
            });
        }
        Ok(())
    }

    fn group(&self) -> Group {
        self.links.iter().map(|(_, producer)| producer.clone() as Arc<dyn Load>).collect()
    }

    fn stored(&self) -> u64 {
        self.links.iter().map(|(_, producer)| producer.stored()).sum()
    }

    fn unsent(&self) -> u64 {
        self.links.iter().map(|(_, producer)| producer.unsent()).sum()
    }

    fn describe(&self, sending: &Sending) -> String {
        let batch = if sending.batch > 1 { format!("batches of {} × ", sending.batch) } else { String::new() };
        let rate = sending.rate.map_or(String::new(), |rate| format!("  {rate} msg/s"));
        let (size, in_flight, connections) = (sending.size, sending.in_flight, self.links.len());
        format!("{batch}{size} B  {in_flight} in flight  {connections} connection(s){rate}")
    }
}

#[derive(Default)]
struct Consumers {
    links: Vec<(Client, Arc<Consumer>)>,
    heartbeats: Heartbeats,
    queues: usize,
}

impl Consumers {
    fn start(&mut self) {
        self.links.iter().for_each(|(client, consumer)| consumer.start(client));
    }

    fn group(&self) -> Group {
        self.links.iter().map(|(_, consumer)| consumer.clone() as Arc<dyn Load>).collect()
    }

    fn received(&self) -> u64 {
        self.links.iter().map(|(_, consumer)| consumer.received()).sum()
    }

    fn describe(&self, pulling: &Pulling) -> String {
        format!("{} queues  pulls of {}  {} connection(s)", self.queues, pulling.pull_batch, self.links.len())
    }
}
