//! The receiving load of one connection over gRPC: one receive after the other, and an acknowledgement of its own for
//! each message, as clients send them.

use std::sync::Arc;
use std::time::Duration;

use bolide_proto::v2::receive_message_response::Content;
use bolide_proto::v2::{
    AckMessageEntry, AckMessageRequest, Code, Message, MessageQueue, ReceiveMessageRequest, ReceiveMessageResponse,
    Status,
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::everything;
use super::link::{Link, resource};
use crate::consumer::Measure;
use crate::control::{Control, Load};
use crate::producer::MAX_FAILURES_IN_A_ROW;
use crate::records::Stamp;
use crate::tally::Tally;

/// How long the server may wait for messages.
const POLLING_S: i64 = 15;
/// How long an answer may take beside that: Java's default.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How many acknowledgements may be under way.
const MAX_ACKS: usize = 256;

/// What is received.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The topic.
    pub topic: String,
    /// The group.
    pub group: String,
    /// The broker whose queues are received from.
    pub broker_name: String,
    /// The most messages that one receive asks for.
    pub max_messages: i32,
}

/// Receives and acknowledges messages through one connection.
pub struct Consumer {
    control: Arc<Control>,
    wanted: Wanted,
    measure: Measure,
    acks: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    received: u64,
    acknowledged: u64,
    failures_in_a_row: u32,
    stopped: bool,
}

impl Consumer {
    /// What `measure` says is measured.
    pub fn new(control: Arc<Control>, wanted: Wanted, measure: Measure) -> Self {
        Self { control, wanted, measure, acks: Semaphore::new(MAX_ACKS), state: Mutex::default() }
    }

    /// Begins to receive over `link`.
    pub fn start(self: &Arc<Self>, link: &Link) {
        tokio::spawn(self.clone().run(link.clone()));
    }

    /// How many messages came since the beginning: all, or only those of the run whose ages are measured.
    pub fn received(&self) -> u64 {
        self.state.lock().received
    }

    /// How many messages were acknowledged since the beginning.
    pub fn acknowledged(&self) -> u64 {
        self.state.lock().acknowledged
    }

    async fn run(self: Arc<Self>, link: Link) {
        while !self.state.lock().stopped {
            let asked_ns = self.control.clock.now_ns();
            let messages = match self.receive(&link).await {
                Ok(messages) => messages,
                Err(reason) => {
                    self.note_failure("receives", &reason);
                    continue;
                }
            };
            self.count(asked_ns, &messages);
            for message in messages {
                let Some(handle) = message.system_properties.and_then(|system| system.receipt_handle) else { continue };
                // Closed never.
                let Ok(permit) = self.acks.acquire().await else { return };
                permit.forget();
                tokio::spawn(self.clone().acknowledge(link.clone(), handle));
            }
        }
    }

    /// The messages of one receive; none after a while without any.
    async fn receive(&self, link: &Link) -> Result<Vec<Message>, String> {
        let polling = Duration::from_secs(POLLING_S.unsigned_abs());
        let Wanted { topic, group, broker_name, max_messages } = &self.wanted;
        let broker = bolide_proto::v2::Broker { name: broker_name.clone(), ..Default::default() };
        let request = ReceiveMessageRequest {
            group: resource(group),
            message_queue: Some(MessageQueue {
                topic: resource(topic),
                id: -1,
                broker: Some(broker),
                ..MessageQueue::default()
            }),
            filter_expression: Some(everything()),
            batch_size: *max_messages,
            auto_renew: true,
            long_polling_timeout: Some(bolide_proto::Duration { seconds: POLLING_S, nanos: 0 }),
            ..ReceiveMessageRequest::default()
        };
        let answers = link.client().receive_message(link.call(request, polling + TIMEOUT)).await;
        let mut answers = answers.map_err(|status| status.to_string())?.into_inner();
        let mut messages = Vec::new();
        while let Some(answer) = answers.message().await.map_err(|status| status.to_string())? {
            match answer {
                ReceiveMessageResponse { content: Some(Content::Message(message)) } => messages.push(message),
                ReceiveMessageResponse { content: Some(Content::Status(status)) } => check(&status)?,
                _ => {}
            }
        }
        Ok(messages)
    }

    fn count(&self, asked_ns: u64, messages: &[Message]) {
        let now_ns = self.control.clock.now_ns();
        let mut state = self.state.lock();
        let State { tally, received, .. } = &mut *state;
        if messages.is_empty() {
            return;
        }
        for message in messages {
            match (self.measure, Stamp::of_body(&message.body)) {
                (Measure::Ages { run }, Some(stamp)) if stamp.run == run => {
                    *received += 1;
                    tally.record_latency(now_ns.saturating_sub(stamp.intended_ns));
                }
                (Measure::Ages { .. }, _) => {}
                _ => *received += 1,
            }
        }
        tally.count(messages.len() as u64, messages.iter().map(|message| message.body.len() as u64).sum());
        if self.measure == Measure::Pulls {
            tally.record_latency(now_ns - asked_ns);
        }
    }

    async fn acknowledge(self: Arc<Self>, link: Link, receipt_handle: String) {
        let entry = AckMessageEntry { receipt_handle, ..AckMessageEntry::default() };
        let (group, topic) = (resource(&self.wanted.group), resource(&self.wanted.topic));
        let request = AckMessageRequest { group, topic, entries: vec![entry] };
        let answer = link.client().ack_message(link.call(request, TIMEOUT)).await;
        let status = answer.map(|answer| answer.into_inner().status.unwrap_or_default());
        match status.map_err(|status| status.to_string()).and_then(|status| check(&status)) {
            Ok(()) => {
                let mut state = self.state.lock();
                state.acknowledged += 1;
                state.failures_in_a_row = 0;
            }
            Err(reason) => self.note_failure("acknowledgements", &reason),
        }
        self.acks.add_permits(1);
    }

    fn note_failure(&self, what: &str, reason: &str) {
        let mut state = self.state.lock();
        state.tally.failures += 1;
        state.failures_in_a_row += 1;
        if state.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
            state.stopped = true;
            self.control.give_up(format!("{MAX_FAILURES_IN_A_ROW} {what} in a row failed, the last one with {reason}"));
        }
    }
}

/// Whether all went well, be it that there was nothing.
fn check(status: &Status) -> Result<(), String> {
    match status.code() {
        Code::Ok | Code::MessageNotFound => Ok(()),
        code => Err(format!("{}: {}", code.as_str_name(), status.message)),
    }
}

impl Load for Consumer {
    fn take(&self) -> Tally {
        self.state.lock().tally.take()
    }

    fn stop(&self) {
        self.state.lock().stopped = true;
    }

    /// A receive that waits for messages when all is over counts for nothing.
    fn is_done(&self) -> bool {
        self.state.lock().stopped && self.acks.available_permits() == MAX_ACKS
    }
}
