//! The clockwork over files in memory, against a naive model: every message exactly at its time, none lost, whatever restarts and
//! jumps of the clock happen.

mod model;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bolide_store::disk::FakeDisk;
use bolide_store::record::properties::UNIQUE_KEY;
use bolide_store::{Disk, PhysicalOffset, PutError, QueueId, ReadError, TimerOptions};
use bytes::Bytes;

use super::clockwork::{Clockwork, MessageLog, TimerError, Waiting};
use super::schedule::Lengths;
use super::timing;
use super::{REAL_TOPIC, TIMER_TOPIC};
use crate::message::{Message, PropertyList};

const START_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 86_400_000;
const MAX_DELAY_MS: i64 = 40 * DAY_MS;
const SIZE: i64 = 100;

/// A commit log that is a list, and what was delivered from it.
#[derive(Default)]
struct Room {
    now_ms: Cell<i64>,
    /// Every message that was ever stored, timers' topic and others; a message's place is its index times [`SIZE`].
    log: RefCell<Vec<(Message, i64)>>,
    /// Indexes of those on the timers' topic.
    queue: RefCell<Vec<usize>>,
    /// When each key was delivered.
    delivered: RefCell<Vec<(String, i64)>>,
    refuses: Cell<bool>,
}

impl Room {
    fn store(&self, message: &Message) -> usize {
        let mut log = self.log.borrow_mut();
        log.push((message.clone(), self.now_ms.get()));
        let index = log.len() - 1;
        if message.topic == TIMER_TOPIC {
            self.queue.borrow_mut().push(index);
        }
        index
    }

    fn at(&self, index: usize) -> Option<Waiting> {
        let log = self.log.borrow();
        let (message, store_ms) = log.get(index)?;
        let queue_offset = self.queue.borrow().iter().position(|one| *one == index)?;
        Some(Waiting {
            message: message.clone(),
            physical: PhysicalOffset(index as i64 * SIZE),
            size: SIZE as i32,
            queue_offset: queue_offset as i64,
            store_ms: *store_ms,
        })
    }

    /// Sends a message as a producer does.
    fn send(&self, key: &str, properties: &[(&'static str, String)]) -> Result<bool, timing::TimingError> {
        let mut message = plain("orders", key);
        for (name, value) in properties {
            message.properties.set(*name, value.clone());
        }
        let timed = timing::redirect(&mut message, self.now_ms.get(), 1_000, MAX_DELAY_MS)?;
        if timed {
            self.store(&message);
        }
        Ok(timed)
    }

    /// Takes a message back that is due at `deliver_ms`; `false`: too late.
    fn recall(&self, key: &str, deliver_ms: i64) -> bool {
        let handle_ms = timing::slot_of(deliver_ms, 1_000) + 1;
        let properties = [(timing::DELIVER_MS, handle_ms.to_string()), (timing::RECALLED_KEY, key.to_owned())];
        handle_ms > self.now_ms.get() && self.send(key, &properties).is_ok()
    }

    fn delivered(&self) -> BTreeMap<String, Vec<i64>> {
        let mut by_key = BTreeMap::<String, Vec<i64>>::new();
        for (key, at_ms) in self.delivered.borrow().iter() {
            by_key.entry(key.clone()).or_default().push(*at_ms);
        }
        by_key
    }
}

impl MessageLog for Room {
    fn now_ms(&self) -> i64 {
        self.now_ms.get()
    }

    fn queued(&self, offset: i64) -> Result<(Vec<Waiting>, i64), ReadError> {
        let queue = self.queue.borrow();
        let batch: Vec<_> = queue.iter().skip(offset as usize).take(3).filter_map(|index| self.at(*index)).collect();
        let next = offset + batch.len() as i64;
        Ok((batch, next))
    }

    fn queue_range(&self) -> (i64, i64) {
        (0, self.queue.borrow().len() as i64)
    }

    fn waiting(&self, physical: PhysicalOffset) -> Result<Option<Waiting>, ReadError> {
        Ok(self.at((physical.0 / SIZE) as usize))
    }

    fn put(&self, message: &Message) -> Result<PhysicalOffset, PutError> {
        if self.refuses.get() {
            return Err(PutError::NoSpace);
        }
        let index = self.store(message);
        if message.topic != TIMER_TOPIC {
            assert_eq!((message.topic.as_str(), message.queue), ("orders", QueueId(3)));
            assert_eq!(message.properties.get(REAL_TOPIC), None);
            let key = message.properties.get(UNIQUE_KEY).unwrap().to_owned();
            self.delivered.borrow_mut().push((key, self.now_ms.get()));
        }
        Ok(PhysicalOffset((index as i64 + 1) * SIZE))
    }

    fn show(&self) {}

    fn is_durable(&self, _: PhysicalOffset) -> bool {
        true
    }

    fn begin(&self) -> PhysicalOffset {
        PhysicalOffset(0)
    }

    fn end(&self) -> PhysicalOffset {
        PhysicalOffset(self.log.borrow().len() as i64 * SIZE)
    }

    fn is_closing(&self) -> bool {
        false
    }
}

fn plain(topic: &str, key: &str) -> Message {
    let mut properties = PropertyList::default();
    properties.set(UNIQUE_KEY, key.to_owned());
    Message {
        topic: topic.to_owned(),
        queue: QueueId(3),
        flag: 0,
        sys_flag: 0,
        born_ms: 0,
        born_host: "127.0.0.1:1".parse().unwrap(),
        reconsume_times: 0,
        prepared_offset: 0,
        body: Bytes::from_static(b"body"),
        properties,
    }
}

/// A broker's timers on a machine.
struct Machine {
    room: Room,
    disk: FakeDisk,
    clockwork: Clockwork,
}

impl Machine {
    fn new() -> Self {
        let disk = FakeDisk::new();
        disk.create_dir(Path::new("/store")).unwrap();
        let room = Room::default();
        room.now_ms.set(START_MS);
        let clockwork = open(&disk, &room);
        Machine { room, disk, clockwork }
    }

    /// Lets time pass, as the clockwork sees it: it wakes when it asked to, and each second.
    fn pass(&mut self, ms: i64) {
        let end_ms = self.room.now_ms.get() + ms;
        loop {
            let now_ms = self.room.now_ms.get();
            // After a refusal it tries again soon; here a few times must do.
            let retry_ms = now_ms + 1_000.max(ms / 20);
            let wake_ms = self.turn().unwrap_or(Some(retry_ms)).unwrap_or(i64::MAX);
            if now_ms >= end_ms {
                return;
            }
            self.room.now_ms.set(wake_ms.clamp(now_ms + 1, end_ms));
        }
    }

    /// Answers when there is more to do.
    fn turn(&mut self) -> Result<Option<i64>, TimerError> {
        self.clockwork.turn(&self.room)
    }

    /// The process is killed and starts again after `ms`.
    fn restart(&mut self, ms: i64) {
        self.room.now_ms.set(self.room.now_ms.get() + ms);
        self.disk = self.disk.fork();
        self.clockwork = open(&self.disk, &self.room);
    }

    /// The broker stops and starts again after `ms`.
    fn stop(&mut self, ms: i64) {
        while let Some(due_ms) = self.clockwork.finish(&self.room).unwrap_or(None) {
            self.room.now_ms.set(due_ms);
        }
        self.clockwork.save(self.room.now_ms.get()).unwrap();
        self.restart(ms);
    }
}

fn open(disk: &FakeDisk, room: &Room) -> Clockwork {
    let options = TimerOptions { root: "/store".into(), precision_ms: 1_000, log_file_bytes: 52 * 100 };
    let lengths = Lengths::new(1_000, 172_800, 3 * DAY_MS);
    Clockwork::open(options, lengths, 1_000, Arc::new(disk.clone()), room).unwrap()
}

fn deliver(at_ms: i64) -> [(&'static str, String); 1] {
    [(timing::DELIVER_MS, at_ms.to_string())]
}

#[test]
fn each_kind_of_time_is_kept_to_the_millisecond() {
    let mut machine = Machine::new();
    machine.room.now_ms.set(START_MS + 300);
    let room = &machine.room;
    room.send("seconds", &[(timing::DELAY_SECONDS, "2".into())]).unwrap();
    room.send("ms", &[(timing::DELAY_MS, "1500".into())]).unwrap();
    room.send("moment", &deliver(START_MS + 5_000)).unwrap();
    room.send("ons", &[(timing::START_DELIVER_TIME, (START_MS + 5_001).to_string())]).unwrap();
    machine.pass(10_000);
    let expected = [("seconds", 2_300), ("ms", 1_800), ("moment", 5_000), ("ons", 5_001)];
    let expected: BTreeMap<_, _> = expected.map(|(key, ms)| (key.to_owned(), vec![START_MS + ms])).into();
    assert_eq!(machine.room.delivered(), expected);
}

#[test]
fn a_time_that_is_past_is_no_delay_and_one_that_is_too_far_is_refused() {
    let room = Machine::new().room;
    assert_eq!(room.send("a", &deliver(START_MS)), Ok(false));
    assert_eq!(room.send("b", &[(timing::DELAY_SECONDS, "-1".into())]), Ok(false));
    assert_eq!(
        room.send("c", &[(timing::OUT_MS, "1".into()), (timing::DELAY_SECONDS, "9".into())]),
        Ok(false),
        "it has waited"
    );
    assert_eq!(room.send("d", &deliver(START_MS + MAX_DELAY_MS)), Ok(true));
    let too_far = Err(timing::TimingError::TooFar(MAX_DELAY_MS));
    assert_eq!(room.send("e", &deliver(START_MS + MAX_DELAY_MS + 1)), too_far);
    assert_eq!(room.send("f", &[(timing::DELAY_SECONDS, i64::MAX.to_string())]), too_far);
    assert_eq!(room.send("g", &deliver(i64::MIN)), Ok(false));
    let text = room.send("h", &[(timing::DELAY_MS, "soon".into())]).unwrap_err().to_string();
    assert!(text.contains("TIMER_DELAY_MS=\"soon\""), "{text}");
}

#[test]
fn what_is_due_in_weeks_is_stored_again_and_again_and_delivered_at_its_time() {
    let mut machine = Machine::new();
    let due_ms = START_MS + 30 * DAY_MS;
    machine.room.send("far", &deliver(due_ms)).unwrap();
    machine.pass(30 * DAY_MS - 1);
    assert_eq!(machine.room.delivered().len(), 0);
    assert!((15..=30).contains(&machine.room.queue.borrow().len()), "{}", machine.room.queue.borrow().len());
    machine.pass(1);
    assert_eq!(machine.room.delivered()["far"], [due_ms]);
    let rolls = machine.room.log.borrow().last().unwrap().0.properties.number::<usize>("TIMER_ROLL_TIMES").unwrap();
    assert_eq!(rolls, machine.room.queue.borrow().len() - 1);
}

#[test]
fn a_message_is_taken_back_over_restarts_and_rolls() {
    let mut machine = Machine::new();
    let due_ms = START_MS + 10 * DAY_MS;
    for key in ["kept", "gone", "gone-late"] {
        machine.room.send(key, &deliver(due_ms)).unwrap();
    }
    machine.pass(DAY_MS);
    assert!(machine.room.recall("gone", due_ms));
    machine.restart(1_000);
    machine.pass(9 * DAY_MS - 3_000);
    assert!(machine.room.recall("gone-late", due_ms));
    // Both the message and its recall are overdue when the broker is back.
    machine.restart(20 * DAY_MS);
    machine.pass(2_000);
    assert_eq!(machine.room.delivered().into_keys().collect::<Vec<_>>(), ["kept"]);
    assert!(!machine.room.recall("kept", due_ms), "too late");
}

/// The broker finds the message, which has to be stored again, and its recall when both are due: the recall enters the slot first.
#[test]
fn a_recall_that_is_entered_before_its_message_outlives_a_kill() {
    let mut machine = Machine::new();
    let due_ms = START_MS + 14 * DAY_MS + 1_001;
    machine.room.send("gone", &deliver(due_ms)).unwrap();
    machine.pass(1);
    assert!(machine.room.recall("gone", due_ms));
    machine.stop(1);
    machine.restart(due_ms - 1 - machine.room.now_ms.get());
    machine.pass(1);
    machine.restart(1);
    machine.pass(1_000);
    assert_eq!(machine.room.delivered(), BTreeMap::new());
}

#[test]
fn weeks_of_downtime_lose_nothing() {
    let mut machine = Machine::new();
    for day in 1..40 {
        machine.room.send(&format!("{day:02}"), &deliver(START_MS + day * DAY_MS)).unwrap();
    }
    machine.pass(5_000);
    machine.restart(21 * DAY_MS);
    // This one wants a place of the wheel that an overdue one may have.
    machine.room.send("new", &deliver(START_MS + 23 * DAY_MS)).unwrap();
    machine.pass(1_000);
    let late: Vec<_> = (1..=21).map(|day| format!("{day:02}")).collect();
    assert_eq!(machine.room.delivered().into_keys().collect::<Vec<_>>(), late);
    machine.pass(30 * DAY_MS);
    let delivered = machine.room.delivered();
    assert_eq!(delivered.len(), 40);
    assert!(delivered.values().all(|times| times.len() == 1));
    assert_eq!(delivered["39"], [START_MS + 39 * DAY_MS]);
}

#[test]
fn a_clean_stop_delivers_nothing_twice() {
    let mut machine = Machine::new();
    for i in 0..20 {
        machine.room.send(&format!("{i}"), &deliver(START_MS + 1_000 + i * 250)).unwrap();
    }
    machine.pass(2_999);
    machine.stop(1_000);
    machine.pass(60_000);
    let times: Vec<_> = machine.room.delivered().into_values().map(|times| times.len()).collect();
    assert_eq!(times, [1; 20]);
}

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let mut machine = Machine::new();
    machine.room.send("a", &deliver(START_MS + 1_500)).unwrap();
    machine.room.refuses.set(true);
    machine.pass(10_000);
    assert!(machine.room.delivered().is_empty());
    machine.restart(0);
    machine.room.refuses.set(false);
    machine.pass(1_000);
    assert_eq!(machine.room.delivered()["a"].len(), 1);
}

#[test]
fn a_lost_timer_log_is_made_good_from_the_queue() {
    let mut machine = Machine::new();
    machine.room.send("done", &deliver(START_MS + 1_500)).unwrap();
    machine.room.send("open", &deliver(START_MS + 100_500)).unwrap();
    machine.pass(10_000);
    machine.clockwork.save(machine.room.now_ms.get()).unwrap();
    machine.disk.remove_dir(Path::new("/store/timerlog")).unwrap();
    machine.restart(1_000);
    machine.pass(200_000);
    let expected =
        BTreeMap::from([("done".to_owned(), vec![START_MS + 1_500]), ("open".to_owned(), vec![START_MS + 100_500])]);
    assert_eq!(machine.room.delivered(), expected);
}

#[test]
fn nothing_is_created_before_the_first_timed_message() {
    let mut machine = Machine::new();
    machine.pass(10_000);
    machine.stop(10_000);
    assert_eq!(machine.disk.list(Path::new("/store")).unwrap(), []);
    assert_eq!(machine.turn().unwrap(), None, "an idle broker sleeps");
}
