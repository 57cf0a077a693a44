//! Transactions: a message is visible if and only if it was committed.

use std::collections::HashMap;
use std::sync::Mutex;

use bolide_remoting::header::SendMessageResponse;
use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_store::record::decode_message_id;
use bolide_tests::wire::{Form, Wire, send_form};

use crate::arrivals::Arrivals;

const TOPIC: &str = "deals";
const GROUP: &str = "dealers";
const COMMIT: &str = "8";
const ROLLBACK: &str = "12";

/// Where a half message lies: its offset in the queue and in the log.
type Half = (i64, i64);

/// How far a transaction is, as its producer knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Never ended, or rolled back: it must not be seen.
    Hidden,
    /// The commit got no answer: it may be seen. A producer that is asked commits again.
    Committing(Half),
    /// It must be seen.
    Committed,
}

/// All transactions of a test.
#[derive(Debug)]
pub(crate) struct Transactions {
    outcomes: Mutex<HashMap<String, Outcome>>,
    arrivals: tokio::sync::Mutex<Arrivals>,
}

impl Transactions {
    /// Nothing is sent yet.
    pub(crate) fn new() -> Self {
        Transactions { outcomes: Mutex::default(), arrivals: tokio::sync::Mutex::new(Arrivals::new(TOPIC)) }
    }

    /// Makes one transaction after another until the connection is gone: two are committed, one is rolled back, one is left open.
    pub(crate) async fn load(&self, wire: &Wire, round: u32) {
        for number in 0.. {
            let body = format!("{round}/{number}");
            self.note(&body, Outcome::Hidden);
            let Some(half) = prepare(wire, &body).await else { return };
            let is_over = match number % 4 {
                0 | 1 => {
                    self.note(&body, Outcome::Committing(half));
                    self.commit(wire, &body, half).await.is_none()
                }
                2 => end(wire, &body, half, ROLLBACK).await.is_none(),
                _ => false,
            };
            if is_over {
                return;
            }
        }
    }

    fn note(&self, body: &str, outcome: Outcome) {
        self.outcomes.lock().unwrap().insert(body.to_owned(), outcome);
    }

    /// `None`: the connection broke.
    async fn commit(&self, wire: &Wire, body: &str, half: Half) -> Option<()> {
        if end(wire, body, half, COMMIT).await? == ResponseCode::SUCCESS {
            self.note(body, Outcome::Committed);
        }
        Some(())
    }

    /// Commits again what got no answer, as a producer does that is asked.
    pub(crate) async fn settle(&self, wire: &Wire) {
        let open: Vec<(String, Half)> = {
            let outcomes = self.outcomes.lock().unwrap();
            let open = |(body, outcome): (&String, &Outcome)| match outcome {
                Outcome::Committing(half) => Some((body.clone(), *half)),
                _ => None,
            };
            outcomes.iter().filter_map(open).collect()
        };
        for (body, half) in open {
            self.commit(wire, &body, half).await.expect("the broker answers");
        }
    }

    /// What is wrong with the messages that are visible so far, given when the broker was killed.
    pub(crate) async fn judge(&self, wire: &Wire, kills_ms: &[i64]) -> Vec<String> {
        let mut arrivals = self.arrivals.lock().await;
        arrivals.read_on(wire).await;
        let outcomes = self.outcomes.lock().unwrap();
        let mut wrong = arrivals.too_often(kills_ms);
        for (body, _) in arrivals.first() {
            match outcomes.get(body) {
                Some(Outcome::Committing(_) | Outcome::Committed) => {}
                other => wrong.push(format!("{body} of {TOPIC} is visible: {other:?}")),
            }
        }
        // What is committed is visible at once.
        let lost = |(body, outcome): &(&String, &Outcome)| **outcome == Outcome::Committed && !arrivals.contains(body);
        wrong.extend(
            outcomes.iter().filter(lost).map(|(body, _)| format!("{body} of {TOPIC} was committed and is lost")),
        );
        wrong
    }
}

async fn prepare(wire: &Wire, body: &str) -> Option<Half> {
    let (group, id) = (format!("PGROUP={GROUP}"), format!("UNIQ_KEY=id-{body}"));
    let form = send_form(TOPIC, &["TRAN_MSG=true", &group, &id]).with("sysFlag", 4);
    let answer = wire.try_ask(RequestCode::SEND_MESSAGE, &form, body.as_bytes().to_vec()).await?;
    assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
    let receipt = SendMessageResponse::decode(&answer.fields.fields()).expect("a complete answer to a send");
    Some((receipt.queue_offset, decode_message_id(receipt.msg_id).expect("a message id").1.0))
}

/// Ends a transaction; `None`: the connection broke.
async fn end(wire: &Wire, body: &str, (offset, physical): Half, how: &str) -> Option<ResponseCode> {
    let id = format!("id-{body}");
    let form = Form::of(&[
        ("topic", TOPIC),
        ("producerGroup", GROUP),
        ("commitOrRollback", how),
        ("fromTransactionCheck", "false"),
        ("msgId", &id),
        ("transactionId", &id),
    ]);
    let form = form.with("tranStateTableOffset", offset).with("commitLogOffset", physical);
    Some(wire.try_ask(RequestCode::END_TRANSACTION, &form, Body::Empty).await?.code)
}
