//! The sending load of one connection: a number of slots, each of which sends its next request when its last one
//! was answered, at once or when the schedule says so. Everything happens on the connection's own task, in the call
//! that hands over an answer, so that answers that arrive together are followed by requests that leave together.

use std::sync::{Arc, OnceLock};

use bolide_remoting::header::{SendMessageRequest, SendMessageV2};
use bolide_remoting::{Answer, Connection, Reply, Request, RequestCode, ResponseCode, Service};
use parking_lot::Mutex;

use crate::control::{Control, Load};
use crate::payload::Payload;
use crate::schedule::Schedule;
use crate::tally::Tally;

/// So many failures without a success between them, and the run is given up.
pub(crate) const MAX_FAILURES_IN_A_ROW: u32 = 1_000;

/// Who sends where.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The topic.
    pub topic: String,
    /// The producer group.
    pub group: String,
    /// The broker's name.
    pub broker_name: String,
    /// The broker's queues, which are used in turn.
    pub queues: i32,
}

/// When requests are sent.
#[derive(Clone, Debug)]
pub enum Pace {
    /// As soon as a slot is free.
    Free,
    /// When the schedule says so, or later if no slot is free.
    Scheduled(Schedule),
}

/// Sends messages through one connection.
pub struct Producer {
    control: Arc<Control>,
    destination: Destination,
    connection: OnceLock<Connection>,
    state: Mutex<State>,
}

struct State {
    payload: Payload,
    pace: Pace,
    /// Per slot, when its request was meant to be sent.
    intended_ns: Vec<u64>,
    /// Slots that wait until something is due.
    idle: Vec<u32>,
    busy: usize,
    /// How many requests may still be sent.
    quota: u64,
    next_queue: i32,
    tally: Tally,
    /// Messages that were stored since the beginning.
    stored: u64,
    /// Messages that were due before the end, but never sent.
    unsent: u64,
    failures_in_a_row: u32,
    stopped: bool,
}

/// What a free slot does.
enum Step {
    Send { intended_ns: u64 },
    Wait,
    Rest,
}

impl Producer {
    /// A producer with `slots` slots, which sends at most `max_messages` messages, rounded up to whole batches.
    pub fn new(
        control: Arc<Control>,
        destination: Destination,
        payload: Payload,
        slots: usize,
        max_messages: Option<u64>,
    ) -> Self {
        let state = State {
            quota: max_messages.map_or(u64::MAX, |messages| messages.div_ceil(payload.messages())),
            payload,
            pace: Pace::Free,
            intended_ns: vec![0; slots],
            idle: Vec::with_capacity(slots),
            busy: 0,
            next_queue: 0,
            tally: Tally::default(),
            stored: 0,
            unsent: 0,
            failures_in_a_row: 0,
            stopped: false,
        };
        Self { control, destination, connection: OnceLock::new(), state: Mutex::new(state) }
    }

    /// Begins to send through `connection`, whose service this must be.
    pub fn start(&self, connection: Connection, pace: Pace) {
        let connection = self.connection.get_or_init(|| connection);
        let mut state = self.state.lock();
        state.pace = pace;
        for slot in 0..state.intended_ns.len() as u32 {
            self.go_on(&mut state, slot, connection);
        }
    }

    /// Sends what is due and finds a waiting slot. Returns when the next request is due; `None` once there will be
    /// none.
    pub fn release(&self) -> Option<u64> {
        let connection = self.connection.get()?;
        let mut state = self.state.lock();
        loop {
            let due_ns = state.due_ns()?;
            match state.idle.pop_if(|_| due_ns <= self.control.clock.now_ns()) {
                Some(slot) => self.go_on(&mut state, slot, connection),
                None => return Some(due_ns),
            }
        }
    }

    /// How many messages were stored since the beginning.
    pub fn stored(&self) -> u64 {
        self.state.lock().stored
    }

    /// How many messages were due before the end, but never sent because no slot was free.
    pub fn unsent(&self) -> u64 {
        self.state.lock().unsent
    }

    /// Lets a free slot do whatever comes next.
    fn go_on(&self, state: &mut State, slot: u32, connection: &Connection) {
        match state.step(self.control.clock.now_ns()) {
            Step::Send { intended_ns } => self.send(state, slot, intended_ns, connection),
            Step::Wait => state.idle.push(slot),
            Step::Rest => {
                if state.busy == 0 {
                    self.control.call();
                }
            }
        }
    }

    fn send(&self, state: &mut State, slot: u32, intended_ns: u64, connection: &Connection) {
        let queue_id = state.next_queue;
        state.next_queue = (queue_id + 1) % self.destination.queues;
        state.intended_ns[slot as usize] = intended_ns;
        let batch = state.payload.is_batch();
        let now_ms = self.control.clock.wall_ms();
        let contents = state.payload.next(now_ms, intended_ns);
        let header = SendMessageRequest {
            producer_group: &self.destination.group,
            topic: &self.destination.topic,
            default_topic: "TBW102",
            default_topic_queue_nums: 4,
            queue_id,
            sys_flag: 0,
            born_timestamp: now_ms,
            flag: 0,
            properties: Some(contents.properties),
            reconsume_times: 0,
            unit_mode: false,
            batch,
            max_reconsume_times: None,
            broker_name: Some(&self.destination.broker_name),
        };
        let code = if batch { RequestCode::SEND_BATCH_MESSAGE } else { RequestCode::SEND_MESSAGE_V2 };
        match connection.post(slot, code, &SendMessageV2(&header), contents.body) {
            Ok(()) => state.busy += 1,
            Err(error) => {
                state.stopped = true;
                self.control.give_up(error.to_string());
            }
        }
    }
}

impl State {
    /// When the schedule wants the next request; `None` if there will be none, or no schedule.
    fn due_ns(&self) -> Option<u64> {
        match &self.pace {
            Pace::Scheduled(schedule) if !self.stopped && self.quota > 0 => Some(schedule.due_ns()),
            _ => None,
        }
    }

    fn step(&mut self, now_ns: u64) -> Step {
        if self.stopped || self.quota == 0 {
            return Step::Rest;
        }
        let intended_ns = match &mut self.pace {
            Pace::Free => now_ns,
            Pace::Scheduled(schedule) => match schedule.take(now_ns) {
                Some(intended_ns) => intended_ns,
                None => return Step::Wait,
            },
        };
        self.quota -= 1;
        Step::Send { intended_ns }
    }

    fn count(&mut self, slot: u32, code: ResponseCode, now_ns: u64) {
        self.busy -= 1;
        if code == ResponseCode::SUCCESS {
            self.tally.count(self.payload.messages(), self.payload.body_bytes());
            self.tally.record_latency(now_ns.saturating_sub(self.intended_ns[slot as usize]));
            self.stored += self.payload.messages();
            self.failures_in_a_row = 0;
        } else {
            self.tally.failures += 1;
            self.failures_in_a_row += 1;
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
        let State { pace, idle, tally, payload, unsent, stopped, .. } = &mut *state;
        if !std::mem::replace(stopped, true)
            && idle.is_empty()
            && let Pace::Scheduled(schedule) = pace
        {
            while let Some(intended_ns) = schedule.take(now_ns) {
                tally.record_latency(now_ns - intended_ns);
                *unsent += payload.messages();
            }
        }
    }

    fn is_done(&self) -> bool {
        let state = self.state.lock();
        state.busy == 0 && (state.stopped || state.quota == 0)
    }
}

impl Service for Producer {
    /// Brokers ask producers little, and all of it can be refused.
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        ().handle(request, reply);
    }

    fn answered(&self, answer: Answer<'_>) {
        let mut state = self.state.lock();
        if answer.tag as usize >= state.intended_ns.len() {
            return;
        }
        state.count(answer.tag, answer.code(), self.control.clock.now_ns());
        if state.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
            state.stopped = true;
            let remark = answer.header.remark.unwrap_or_default();
            self.control.give_up(format!(
                "{MAX_FAILURES_IN_A_ROW} sends in a row failed, the last one with {}: {remark}",
                answer.code()
            ));
        }
        self.go_on(&mut state, answer.tag, answer.connection);
    }

    fn closed(&self, connection: &Connection) {
        let mut state = self.state.lock();
        if state.busy > 0 && !state.stopped {
            state.stopped = true;
            self.control.give_up(format!("the connection to {} was closed", connection.peer()));
        }
    }
}
