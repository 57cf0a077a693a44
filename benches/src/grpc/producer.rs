//! The sending load of one connection over gRPC: a number of slots, each a task that sends its next request when its
//! last one was answered, at once or when the schedule says so.

use std::sync::Arc;
use std::time::Duration;

use bolide_proto::v2::{Code, Encoding, Message, MessageType, SendMessageRequest, SystemProperties};
use bytes::Bytes;
use parking_lot::Mutex;

use super::link::{Link, resource};
use super::timestamp;
use crate::control::{Control, Load};
use crate::failure::Failure;
use crate::pacer::Pacer;
use crate::payload::Shape;
use crate::producer::{MAX_FAILURES_IN_A_ROW, Pace};
use crate::records::Stamp;
use crate::tally::Tally;

/// How long an answer may take: Java's default.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Sends messages through one connection.
pub struct Producer {
    control: Arc<Control>,
    topic: String,
    shape: Shape,
    /// Tells this connection's messages from others'.
    index: usize,
    state: Mutex<State>,
}

struct State {
    pace: Pace,
    /// How many requests may still be sent.
    quota: u64,
    /// How many messages were made.
    made: u64,
    busy: usize,
    idle: usize,
    tally: Tally,
    stored: u64,
    unsent: u64,
    failures_in_a_row: u32,
    stopped: bool,
}

impl Producer {
    /// A producer that sends at most `max_messages` messages, rounded up to whole requests.
    pub fn new(control: Arc<Control>, topic: String, shape: Shape, index: usize, max_messages: Option<u64>) -> Self {
        let state = State {
            pace: Pace::Free,
            quota: max_messages.map_or(u64::MAX, |messages| messages.div_ceil(shape.batch as u64)),
            made: 0,
            busy: 0,
            idle: 0,
            tally: Tally::default(),
            stored: 0,
            unsent: 0,
            failures_in_a_row: 0,
            stopped: false,
        };
        Self { control, topic, shape, index, state: Mutex::new(state) }
    }

    /// Begins to send over `link`, with this many requests in flight.
    ///
    /// # Errors
    /// When the kernel has no timers left.
    pub fn start(self: &Arc<Self>, link: &Link, pace: &Pace, slots: usize) -> Result<(), Failure> {
        self.state.lock().pace = pace.clone();
        for _ in 0..slots {
            let pacer = match pace {
                Pace::Free => None,
                Pace::Scheduled(_) => Some(Pacer::new().map_err(Failure::system("cannot make a timer"))?),
            };
            tokio::spawn(self.clone().run(link.clone(), pacer));
        }
        Ok(())
    }

    /// How many messages were stored since the beginning.
    pub fn stored(&self) -> u64 {
        self.state.lock().stored
    }

    /// How many messages were due before the end, but never sent because no slot was free.
    pub fn unsent(&self) -> u64 {
        self.state.lock().unsent
    }

    /// One slot.
    async fn run(self: Arc<Self>, link: Link, pacer: Option<Pacer>) {
        while let Some(due_ns) = self.next_due() {
            if let (Some(pacer), Some(wait_ns)) = (&pacer, due_ns.checked_sub(self.control.clock.now_ns()))
                && let Err(error) = pacer.sleep(wait_ns).await
            {
                self.control.give_up(format!("the timer failed: {error}"));
            }
            let Some(request) = self.begin(due_ns) else { break };
            let answer = link.client().send_message(link.call(request, TIMEOUT)).await;
            let code = match answer {
                Ok(answer) => answer.into_inner().status.map_or(Code::Unspecified, |status| status.code()),
                Err(status) => {
                    self.note_failure(&status.to_string());
                    continue;
                }
            };
            if code == Code::Ok { self.note_success(due_ns) } else { self.note_failure(code.as_str_name()) }
        }
        self.control.call();
    }

    /// When the slot's next request is meant to be sent; `None`: never.
    fn next_due(&self) -> Option<u64> {
        let mut state = self.state.lock();
        if state.stopped || state.quota == 0 {
            return None;
        }
        state.quota -= 1;
        state.idle += 1;
        match &mut state.pace {
            Pace::Free => Some(self.control.clock.now_ns()),
            Pace::Scheduled(schedule) => schedule.take(u64::MAX),
        }
    }

    /// The request whose time has come; `None` if all is over meanwhile.
    fn begin(&self, intended_ns: u64) -> Option<SendMessageRequest> {
        let mut state = self.state.lock();
        state.idle -= 1;
        if state.stopped {
            return None;
        }
        state.busy += 1;
        let first = state.made;
        state.made += self.shape.batch as u64;
        drop(state);
        let now_ms = self.control.clock.wall_ms();
        let messages = (first..first + self.shape.batch as u64).map(|number| self.message(number, now_ms, intended_ns));
        Some(SendMessageRequest { messages: messages.collect() })
    }

    fn message(&self, number: u64, now_ms: i64, intended_ns: u64) -> Message {
        let mut body = vec![b'x'; self.shape.body_bytes];
        if let Some(run) = self.shape.stamped_run {
            Stamp { run, intended_ns }.put(&mut body);
        }
        // As in Java: a version, the machine, the process, a time and a counter, 34 digits in all.
        let (process, seconds) = (std::process::id(), now_ms / 1_000);
        let message_id = format!("01{:012X}{process:04X}{seconds:08X}{number:08X}", self.index);
        let system = SystemProperties {
            message_id,
            message_type: MessageType::Normal.into(),
            body_encoding: Encoding::Identity.into(),
            born_timestamp: Some(timestamp(now_ms)),
            born_host: "mqbench".to_owned(),
            ..SystemProperties::default()
        };
        let properties = self.shape.properties.split_terminator('\x02').filter_map(|text| text.split_once('\x01'));
        Message {
            topic: resource(&self.topic),
            user_properties: properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            system_properties: Some(system),
            body: Bytes::from(body),
        }
    }

    fn note_success(&self, intended_ns: u64) {
        let now_ns = self.control.clock.now_ns();
        let messages = self.shape.batch as u64;
        let mut state = self.state.lock();
        state.busy -= 1;
        state.tally.count(messages, messages * self.shape.body_bytes as u64);
        state.tally.record_latency(now_ns.saturating_sub(intended_ns));
        state.stored += messages;
        state.failures_in_a_row = 0;
    }

    fn note_failure(&self, reason: &str) {
        let mut state = self.state.lock();
        state.busy -= 1;
        state.tally.failures += 1;
        state.failures_in_a_row += 1;
        if state.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
            state.stopped = true;
            self.control.give_up(format!("{MAX_FAILURES_IN_A_ROW} sends in a row failed, the last one with {reason}"));
        }
    }
}

impl Load for Producer {
    fn take(&self) -> Tally {
        self.state.lock().tally.take()
    }

    /// What was due and found no free slot has waited at least until now; that, too, is latency.
    fn stop(&self) {
        let now_ns = self.control.clock.now_ns();
        let mut state = self.state.lock();
        let State { pace, tally, unsent, stopped, .. } = &mut *state;
        if !std::mem::replace(stopped, true)
            && let Pace::Scheduled(schedule) = pace
        {
            while let Some(intended_ns) = schedule.take(now_ns) {
                tally.record_latency(now_ns - intended_ns);
                *unsent += self.shape.batch as u64;
            }
        }
    }

    fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.busy == 0 && (state.stopped || (state.quota == 0 && state.idle == 0))
    }
}
