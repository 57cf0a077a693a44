//! Pulling with offsets that are committed: after a kill a group may see the last messages again, and never misses one.

use std::sync::Mutex;

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::wire::{Form, Wire, number, pull_form};

use crate::sends::{QUEUES, TOPIC};

const GROUP: &str = "readers";

/// What a group did in one queue.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// What the broker said after its last start: it is on the disk.
    durable: i64,
    /// The last offset whose commit was answered.
    acknowledged: i64,
    /// The last offset that the group committed, answered or not.
    tried: i64,
}

/// A group that reads what the senders send.
#[derive(Debug, Default)]
pub(crate) struct Offsets(Mutex<[Progress; QUEUES]>);

impl Offsets {
    /// Reads and commits until the connection is gone.
    pub(crate) async fn load(&self, wire: &Wire) {
        for queue in (0..QUEUES).cycle() {
            let from = self.0.lock().unwrap()[queue].tried;
            let form = pull_form(GROUP, TOPIC, queue as i32, from);
            let Some(answer) = wire.try_ask(RequestCode::PULL_MESSAGE, &form, Body::Empty).await else { return };
            if answer.code != ResponseCode::SUCCESS {
                // There is nothing new; the senders are given the time to send it.
                tokio::task::yield_now().await;
                continue;
            }
            let next = number(&answer, "nextBeginOffset");
            self.0.lock().unwrap()[queue].tried = next;
            let form = place(queue).with("commitOffset", next);
            if wire.try_ask(RequestCode::UPDATE_CONSUMER_OFFSET, &form, Body::Empty).await.is_none() {
                return;
            }
            self.0.lock().unwrap()[queue].acknowledged = next;
        }
    }

    /// What is wrong with the offsets that the broker has after a start; the group goes on from there. After a clean stop it must have
    /// every one that it acknowledged.
    pub(crate) async fn judge(&self, wire: &Wire, was_clean: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for queue in 0..QUEUES {
            let answer = wire.ask(RequestCode::QUERY_CONSUMER_OFFSET, &place(queue), Body::Empty).await;
            let stored = if answer.code == ResponseCode::SUCCESS { number(&answer, "offset") } else { 0 };
            let progress = &mut self.0.lock().unwrap()[queue];
            let least = if was_clean { progress.acknowledged } else { progress.durable };
            if !(least..=progress.tried).contains(&stored) {
                wrong.push(format!(
                    "the offset of {GROUP} in queue {queue} is {stored}: {progress:?}, clean: {was_clean}"
                ));
            }
            *progress = Progress { durable: stored, acknowledged: stored, tried: stored };
        }
        wrong
    }
}

fn place(queue: usize) -> Form {
    Form::of(&[("consumerGroup", GROUP), ("topic", TOPIC), ("setZeroIfNotFound", "false")]).with("queueId", queue)
}
