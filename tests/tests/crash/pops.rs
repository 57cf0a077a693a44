//! POP: what was acknowledged in time does not come again, what was not does, and nothing comes while its handle is valid.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use bolide_remoting::header::PopMessageResponse;
use bolide_remoting::{Body, Message, RequestCode, ResponseCode};
use bolide_tests::wire::{Form, Wire, now_ms, pop_form, records, send_form};

const TOPIC: &str = "popped";
const GROUP: &str = "poppers";
/// How long a message is hidden.
const INVISIBLE_MS: i64 = 3_000;
/// One message in this many is not acknowledged when it comes first.
const FORGET_EVERY: usize = 5;

/// A message and what became of it.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    stored: bool,
    /// Until when the last handle is valid, in milliseconds since 1970.
    hidden_until_ms: i64,
    /// An acknowledgement was sent: it may be done with.
    tried: bool,
    /// An acknowledgement was answered in time: it must not come again.
    done: bool,
}

/// A message as it was popped.
struct Popped {
    body: String,
    /// The text that acknowledges it.
    handle: String,
    pop_ms: i64,
    attempts: i32,
}

/// All messages of a test that are for POP.
#[derive(Debug, Default)]
pub(crate) struct Pops {
    fates: Mutex<HashMap<String, Fate>>,
    wrong: Mutex<Vec<String>>,
}

impl Pops {
    /// Sends, pops and acknowledges until the connection is gone.
    pub(crate) async fn load(&self, wire: &Wire, round: u32) {
        for number in 0.. {
            let body = format!("{round}/{number}");
            self.change(&body, |_| {});
            let form = send_form(TOPIC, &[]);
            let sent = wire.try_ask(RequestCode::SEND_MESSAGE, &form, body.clone().into_bytes()).await;
            let Some(answer) = sent else { return };
            self.change(&body, |fate| fate.stored = answer.code == ResponseCode::SUCCESS);
            if self.pop(wire, FORGET_EVERY).await.is_none() {
                return;
            }
        }
    }

    fn change(&self, body: &str, change: impl FnOnce(&mut Fate)) {
        change(self.fates.lock().unwrap().entry(body.to_owned()).or_default());
    }

    /// Pops some messages and acknowledges them; `None`: the connection broke.
    async fn pop(&self, wire: &Wire, forget_every: usize) -> Option<()> {
        let form = pop_form(GROUP, TOPIC).with("maxMsgNums", 4).with("invisibleTime", INVISIBLE_MS);
        let answer = wire.try_ask(RequestCode::POP_MESSAGE, &form, Body::Empty).await?;
        if answer.code != ResponseCode::SUCCESS {
            return Some(());
        }
        for (index, popped) in popped(&answer).into_iter().enumerate() {
            self.note(&popped);
            if popped.attempts == 0 && (popped.pop_ms as usize + index).is_multiple_of(forget_every) {
                continue;
            }
            self.change(&popped.body, |fate| fate.tried = true);
            let answer = wire.try_ask(RequestCode::ACK_MESSAGE, &acknowledgement(&popped), Body::Empty).await?;
            let in_time = answer.code == ResponseCode::SUCCESS && now_ms() < popped.pop_ms + INVISIBLE_MS;
            self.change(&popped.body, |fate| fate.done |= in_time);
        }
        Some(())
    }

    fn note(&self, popped: &Popped) {
        let mut wrong = Vec::new();
        let Popped { body, pop_ms, .. } = popped;
        self.change(body, |fate| {
            if fate.done {
                wrong.push(format!("{body} was acknowledged and is popped again: {fate:?}"));
            }
            if *pop_ms < fate.hidden_until_ms {
                wrong.push(format!("{body} is popped at {pop_ms}, while its handle is valid: {fate:?}"));
            }
            fate.hidden_until_ms = pop_ms + INVISIBLE_MS;
        });
        self.wrong.lock().unwrap().append(&mut wrong);
    }

    /// What went wrong so far.
    pub(crate) fn judge(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    /// Pops and acknowledges what is there, and says how many messages are still to come.
    pub(crate) async fn drain(&self, wire: &Wire) -> usize {
        self.pop(wire, usize::MAX).await.expect("the broker answers");
        tokio::time::sleep(Duration::from_millis(10)).await;
        let fates = self.fates.lock().unwrap();
        fates.values().filter(|fate| fate.stored && !fate.done && !fate.tried).count()
    }
}

/// The messages in an answer to a POP.
fn popped(answer: &Message) -> Vec<Popped> {
    let fields = answer.fields.fields();
    let header = PopMessageResponse::decode(&fields).expect("a complete answer to a POP");
    let PopMessageResponse { pop_time, invisible_time, revive_qid, .. } = header;
    let starts = header.start_offset_info.unwrap_or_default();
    records(answer)
        .iter()
        .map(|record| {
            let (queue, offset) = (record.queue().0, record.queue_offset().0);
            // A message of the topic itself has its handle made of the answer's fields, a retry brings it along.
            let made = || {
                let entry = format!("0 {queue} ");
                let start = starts.split(';').find_map(|text| text.strip_prefix(&entry)).expect("where the POP began");
                format!("{start} {pop_time} {invisible_time} {revive_qid} 0 broker {queue} {offset}")
            };
            let brought = record.properties().get_str("POP_CK").map(str::to_owned);
            Popped {
                body: String::from_utf8_lossy(record.body()).into_owned(),
                handle: brought.unwrap_or_else(made),
                pop_ms: pop_time,
                attempts: record.reconsume_times(),
            }
        })
        .collect()
}

fn acknowledgement(popped: &Popped) -> Form {
    let parts: Vec<&str> = popped.handle.split(' ').collect();
    let [_, _, _, _, kind, _, queue, offset] = parts[..] else { panic!("{} is no handle", popped.handle) };
    let topic = if kind == "0" { TOPIC.to_owned() } else { format!("%RETRY%{GROUP}_{TOPIC}") };
    let form = Form::of(&[("consumerGroup", GROUP), ("topic", &topic), ("queueId", queue), ("offset", offset)]);
    form.with("extraInfo", &popped.handle)
}
