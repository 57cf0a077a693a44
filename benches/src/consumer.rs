//! The consuming load of one connection: it pulls each of its queues as Java's push consumer does, one long-polling
//! pull after the other and 32 messages at a time, and looks at every record that comes.

use std::sync::Arc;

use bolide_remoting::header::{PullMessageRequest, PullMessageResponse};
use bolide_remoting::{Answer, Connection, Reply, Request, RequestCode, ResponseCode, Service};
use parking_lot::Mutex;

use crate::control::{Control, Load};
use crate::records::{self, Stamp};
use crate::tally::Tally;

/// How long a pull may wait for messages, as in Java.
const SUSPEND_MS: i64 = 15_000;
/// The most bytes that a pull asks for, as in Java.
const MAX_PULL_BYTES: i32 = 256 << 10;
/// So many failures without a success between them, and the run is given up.
const MAX_FAILURES_IN_A_ROW: u32 = 1_000;

/// Who consumes what.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// The broker's name.
    pub broker_name: String,
    /// When the subscription was made, in milliseconds since 1970.
    pub version: i64,
    /// The most messages that a pull asks for.
    pub max_messages: i32,
}

/// One queue, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct QueueRange {
    /// Its number.
    pub queue_id: i32,
    /// Where to begin.
    pub begin: i64,
    /// Where to stop; `None`: never.
    pub end: Option<i64>,
}

/// Which latency is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// None: the time that a pull waits for messages says nothing about the server.
    Nothing,
    /// From a pull to the answer that brings messages.
    Pulls,
    /// From the time in the stamp of each message of this run until it is here.
    Ages {
        /// The run.
        run: u64,
    },
}

/// Pulls messages through one connection.
pub struct Consumer {
    control: Arc<Control>,
    subscription: Subscription,
    measure: Measure,
    state: Mutex<State>,
}

struct State {
    queues: Vec<Queue>,
    /// Queues that are still pulled.
    active: usize,
    tally: Tally,
    /// Messages of the run that is measured, since the beginning.
    received: u64,
    failures_in_a_row: u32,
    stopped: bool,
}

struct Queue {
    queue_id: i32,
    next: i64,
    end: Option<i64>,
    asked_ns: u64,
}

impl Queue {
    fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

impl Consumer {
    /// A consumer of these queues.
    pub fn new(
        control: Arc<Control>,
        subscription: Subscription,
        measure: Measure,
        queues: impl IntoIterator<Item = QueueRange>,
    ) -> Self {
        let queues: Vec<Queue> = queues
            .into_iter()
            .map(|range| Queue { queue_id: range.queue_id, next: range.begin, end: range.end, asked_ns: 0 })
            .filter(|queue| !queue.is_finished())
            .collect();
        let state = State {
            active: queues.len(),
            queues,
            tally: Tally::default(),
            received: 0,
            failures_in_a_row: 0,
            stopped: false,
        };
        Self { control, subscription, measure, state: Mutex::new(state) }
    }

    /// Begins to pull through `connection`, whose service this must be.
    pub fn start(&self, connection: &Connection) {
        let mut state = self.state.lock();
        for index in 0..state.queues.len() {
            self.pull(&mut state, index, connection);
        }
    }

    /// How many messages came since the beginning: all, or only those of the run whose ages are measured.
    pub fn received(&self) -> u64 {
        self.state.lock().received
    }

    fn pull(&self, state: &mut State, index: usize, connection: &Connection) {
        let queue = &mut state.queues[index];
        queue.asked_ns = self.control.clock.now_ns();
        let commits = if queue.next > 0 { PullMessageRequest::COMMIT_OFFSET } else { 0 };
        let header = PullMessageRequest {
            consumer_group: &self.subscription.group,
            topic: &self.subscription.topic,
            lite_topic: None,
            queue_id: queue.queue_id,
            queue_offset: queue.next,
            max_msg_nums: self.subscription.max_messages,
            sys_flag: PullMessageRequest::SUSPEND | commits,
            commit_offset: queue.next,
            suspend_timeout_millis: SUSPEND_MS,
            subscription: None,
            sub_version: self.subscription.version,
            expression_type: Some("TAG"),
            max_msg_bytes: Some(MAX_PULL_BYTES),
            request_source: None,
            proxy_forward_client_id: None,
        };
        let fields = (header, &[("bname", self.subscription.broker_name.as_str())][..]);
        if let Err(error) = connection.post(index as u32, RequestCode::PULL_MESSAGE, &fields, bytes::Bytes::new()) {
            state.stopped = true;
            self.control.give_up(error.to_string());
        }
    }

    /// Takes in an answer.
    fn accept(&self, state: &mut State, answer: &Answer<'_>) -> Result<(), String> {
        let now_ns = self.control.clock.now_ns();
        match answer.code() {
            ResponseCode::SUCCESS => {
                let (mut messages, mut bytes) = (0, 0);
                let State { tally, received, .. } = state;
                records::walk(answer.body, |record| {
                    messages += 1;
                    bytes += record.body().len() as u64;
                    match (self.measure, Stamp::of_body(record.body())) {
                        (Measure::Ages { run }, Some(stamp)) if stamp.run == run => {
                            *received += 1;
                            tally.record_latency(now_ns.saturating_sub(stamp.intended_ns));
                        }
                        (Measure::Ages { .. }, _) => {}
                        _ => *received += 1,
                    }
                })
                .map_err(|error| format!("a pull's answer cannot be read: {error}"))?;
                tally.count(messages, bytes);
                if self.measure == Measure::Pulls {
                    tally.record_latency(now_ns - state.queues[answer.tag as usize].asked_ns);
                }
            }
            ResponseCode::PULL_NOT_FOUND | ResponseCode::PULL_RETRY_IMMEDIATELY | ResponseCode::PULL_OFFSET_MOVED => {}
            code => return Err(format!("{code}: {}", answer.header.remark.unwrap_or_default())),
        }
        let header = PullMessageResponse::decode(&answer.header.fields).map_err(|error| error.to_string())?;
        state.queues[answer.tag as usize].next = header.next_begin_offset;
        Ok(())
    }
}

impl Load for Consumer {
    fn take(&self) -> Tally {
        self.state.lock().tally.take()
    }

    fn stop(&self) {
        self.state.lock().stopped = true;
    }

    /// A pull that waits for messages when all is over counts for nothing.
    fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.stopped || state.active == 0
    }
}

impl Service for Consumer {
    /// Brokers tell consumers about one another; queues are divided up beforehand here, so that nothing follows.
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        ().handle(request, reply);
    }

    fn answered(&self, answer: Answer<'_>) {
        let mut state = self.state.lock();
        let index = answer.tag as usize;
        if index >= state.queues.len() {
            return;
        }
        match self.accept(&mut state, &answer) {
            Ok(()) => state.failures_in_a_row = 0,
            Err(reason) => {
                state.tally.failures += 1;
                state.failures_in_a_row += 1;
                if state.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
                    state.stopped = true;
                    self.control
                        .give_up(format!("{MAX_FAILURES_IN_A_ROW} pulls in a row failed, the last one with {reason}"));
                }
            }
        }
        if state.queues[index].is_finished() {
            state.active -= 1;
            if state.active == 0 {
                self.control.call();
            }
        } else if !state.stopped {
            self.pull(&mut state, index, answer.connection);
        }
    }

    fn closed(&self, connection: &Connection) {
        let mut state = self.state.lock();
        if state.active > 0 && !state.stopped {
            state.stopped = true;
            self.control.give_up(format!("the connection to {} was closed", connection.peer()));
        }
    }
}
