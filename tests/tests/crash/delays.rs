//! Delayed and timed messages: never early, none lost.

use std::collections::HashMap;
use std::sync::Mutex;

use bolide_remoting::{RequestCode, ResponseCode};
use bolide_tests::wire::{Wire, now_ms, send_form};

use crate::arrivals::Arrivals;

const TOPIC: &str = "later";
/// The first delay level, as the broker is configured.
const LEVEL_MS: i64 = 1_000;

/// A delayed message.
#[derive(Debug, Clone, Copy)]
struct Delayed {
    /// The first moment at which it may come, in milliseconds since 1970.
    due_ms: i64,
    acknowledged: bool,
}

/// All delayed messages of a test.
#[derive(Debug)]
pub(crate) struct Delays {
    sent: Mutex<HashMap<String, Delayed>>,
    arrivals: tokio::sync::Mutex<Arrivals>,
}

impl Delays {
    /// Nothing is sent yet.
    pub(crate) fn new() -> Self {
        Delays { sent: Mutex::default(), arrivals: tokio::sync::Mutex::new(Arrivals::new(TOPIC)) }
    }

    /// Sends one message after another until the connection is gone.
    pub(crate) async fn load(&self, wire: &Wire, round: u32) {
        for number in 0.. {
            let body = format!("{round}/{number}");
            let mut due_ms = now_ms() + LEVEL_MS;
            let mut delay = "DELAY=1".to_owned();
            if number % 2 == 1 {
                due_ms += number % 1_500;
                delay = format!("TIMER_DELIVER_MS={due_ms}");
            }
            self.sent.lock().unwrap().insert(body.clone(), Delayed { due_ms, acknowledged: false });
            let form = send_form(TOPIC, &[&delay]);
            let Some(answer) = wire.try_ask(RequestCode::SEND_MESSAGE, &form, body.clone().into_bytes()).await else {
                return;
            };
            if answer.code == ResponseCode::SUCCESS {
                self.sent.lock().unwrap().get_mut(&body).expect("it was sent").acknowledged = true;
            }
        }
    }

    /// What is wrong with the messages that have come so far, given when the broker was killed.
    pub(crate) async fn judge(&self, wire: &Wire, kills_ms: &[i64]) -> Vec<String> {
        let mut arrivals = self.arrivals.lock().await;
        arrivals.read_on(wire).await;
        let sent = self.sent.lock().unwrap();
        let mut wrong = arrivals.too_often(kills_ms);
        for (body, came_ms) in arrivals.first() {
            match sent.get(body) {
                None => wrong.push(format!("nobody sent {body} to {TOPIC}")),
                Some(delayed) if came_ms < delayed.due_ms => {
                    wrong.push(format!("{body} came at {came_ms}, too early: {delayed:?}"));
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// How many acknowledged messages have not come.
    pub(crate) async fn missing(&self) -> usize {
        let arrivals = self.arrivals.lock().await;
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(body, delayed)| delayed.acknowledged && !arrivals.contains(body)).count()
    }
}
