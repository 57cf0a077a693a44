//! The state machine in a broker of paper: a log of messages for each queue, a journal, offsets that are saved now and then, and
//! crashes that leave only what was written.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::entry::Entry;
use super::*;

fn place(queue: i32) -> Place {
    Place::new("t", "g", queue)
}

fn checkpoint(start: i64, pop_ms: i64, offsets: &[i64]) -> Checkpoint {
    let (place, offsets) = (place(0), offsets.to_vec());
    Checkpoint { place, start, pop_ms, invisible_ms: 100, offsets, suspended: false, holder: None }
}

fn at(queue: i32, offset: i64) -> JournalPosition {
    JournalPosition { queue, offset }
}

fn key(start: i64, pop_ms: i64) -> DeliveryKey {
    DeliveryKey { place: place(0), start, pop_ms }
}

#[test]
fn a_message_is_in_flight_until_acknowledged_or_due() {
    let mut state = InFlight::default();
    state.take(&checkpoint(0, 10, &[0, 2]), at(3, 0));
    assert_eq!((state.count(&place(0)), state.next_due_ms()), (2, Some(110)));
    assert!(state.due(109, 10).is_empty());
    assert!(!state.acknowledge(&key(0, 11), 0), "another POP's handle");
    assert!(!state.acknowledge(&key(0, 10), 1), "not among its messages");
    assert!(state.acknowledge(&key(0, 10), 0));
    assert!(!state.acknowledge(&key(0, 10), 0), "once");
    let due = state.due(110, 10);
    assert_eq!(due.iter().map(|due| due.offset).collect::<Vec<_>>(), [2]);
    state.postpone(&due[0], 500);
    assert!(state.due(499, 10).is_empty());
    assert_eq!(state.due(500, 10).len(), 1);
}

#[test]
fn the_journal_is_needed_from_the_first_entry_with_something_in_flight() {
    let mut state = InFlight::default();
    assert_eq!(state.done(0), -1);
    state.take(&checkpoint(0, 1, &[0]), at(0, 0));
    state.take(&checkpoint(1, 2, &[1]), at(0, 1));
    assert!(state.acknowledge(&key(1, 2), 1));
    state.note(at(0, 2));
    assert_eq!(state.done(0), -1);
    assert_eq!(state.lagging(2).len(), 1, "it holds up two entries");
    assert!(state.acknowledge(&key(0, 1), 0));
    assert_eq!(state.done(0), 2);
    state.note(at(0, 4));
    assert_eq!(state.done(0), 2, "what lies between is not known yet");
    assert!(state.is_known(at(0, 4)) && !state.is_known(at(0, 3)));
    state.note(at(0, 3));
    assert_eq!((state.done(0), state.unread(0)), (4, 5));
}

#[test]
fn a_later_pop_takes_a_message_over_in_whatever_order_the_journal_is_read() {
    let (first, second) = (checkpoint(5, 10, &[5, 6]), checkpoint(6, 20, &[6]));
    for swapped in [false, true] {
        let mut state = InFlight::default();
        if swapped {
            state.take(&second, at(1, 0));
            state.take(&first, at(0, 0));
        } else {
            state.take(&first, at(0, 0));
            state.take(&second, at(1, 0));
        }
        assert!(!state.acknowledge(&key(5, 10), 6), "its handle is stale");
        assert!(state.acknowledge(&key(6, 20), 6));
        assert!(state.acknowledge(&key(5, 10), 5));
        assert!(state.is_empty());
        assert_eq!((state.done(0), state.done(1)), (0, 0));
    }
}

#[test]
fn an_acknowledgement_may_come_before_its_checkpoint() {
    let mut state = InFlight::default();
    state.acknowledge_early(key(0, 10), 1, 1_000);
    state.forget_early(999);
    state.take(&checkpoint(0, 10, &[0, 1]), at(0, 0));
    assert_eq!(state.count(&place(0)), 1);
    state.acknowledge_early(key(7, 10), 7, 1_000);
    state.forget_early(1_000);
    state.take(&checkpoint(7, 10, &[7]), at(0, 1));
    assert_eq!(state.count(&place(0)), 2, "it came too late");
}

#[test]
fn an_early_acknowledgement_is_kept_for_whoever_reads_the_journal_next() {
    let mut state = InFlight::default();
    state.note(at(0, 0));
    state.note(at(0, 1));
    state.note(at(1, 0));
    state.keep(at(0, 1), 1_000);
    assert_eq!((state.done(0), state.done(1)), (0, 0));
    state.forget_early(1_000);
    assert_eq!(state.done(0), 1);
}

#[test]
fn what_a_removed_group_had_is_forgotten() {
    let mut state = InFlight::default();
    state.take(&checkpoint(0, 10, &[0, 1]), at(0, 0));
    assert!(state.forget(|place| &*place.group == "else").is_empty());
    assert_eq!(state.forget(|place| &*place.group == "g").len(), 1);
    assert!(state.is_empty());
    assert_eq!(state.done(0), 0);
}

/// The queues of the topic; the retries lie in one more, whose number is this.
const QUEUES: i32 = 2;
/// The queues of the journal.
const JOURNAL_QUEUES: usize = 3;
const INVISIBLE_MS: i64 = 100;

/// One step of a random history. Indices choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Send { queue: i32, count: usize },
    Pop { queue: i32, max: usize },
    PopRetries { max: usize },
    Ack { index: usize },
    AckStale { index: usize },
    BatchAck { indices: Vec<usize> },
    Change { index: usize, invisible_ms: i64, crash: bool },
    Prolong { index: usize, ms: i64, crash: bool },
    Wait { ms: i64 },
    Revive { crash: Option<usize> },
    Rewrite,
    Save,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..QUEUES, 1..6usize).prop_map(|(queue, count)| Step::Send { queue, count }),
        6 => (0..QUEUES, 1..5usize).prop_map(|(queue, max)| Step::Pop { queue, max }),
        3 => (1..5usize).prop_map(|max| Step::PopRetries { max }),
        6 => any::<usize>().prop_map(|index| Step::Ack { index }),
        1 => any::<usize>().prop_map(|index| Step::AckStale { index }),
        2 => prop::collection::vec(any::<usize>(), 1..5).prop_map(|indices| Step::BatchAck { indices }),
        3 => (any::<usize>(), 1..200i64, prop::bool::weighted(0.2))
            .prop_map(|(index, invisible_ms, crash)| Step::Change { index, invisible_ms, crash }),
        3 => (any::<usize>(), 1..200i64, prop::bool::weighted(0.2))
            .prop_map(|(index, ms, crash)| Step::Prolong { index, ms, crash }),
        4 => (1..80i64).prop_map(|ms| Step::Wait { ms }),
        4 => prop::option::weighted(0.2, 0..4usize).prop_map(|crash| Step::Revive { crash }),
        1 => Just(Step::Rewrite),
        2 => Just(Step::Save),
        2 => Just(Step::Restart),
    ]
}

/// A handle that a consumer holds.
#[derive(Debug, Clone)]
struct Held {
    message: u32,
    key: DeliveryKey,
    offset: i64,
    due_ms: i64,
}

/// Everything that survives a crash.
#[derive(Debug, Default)]
struct Disk {
    /// The message at each offset of each queue; the last queue's are copies.
    queues: BTreeMap<i32, Vec<u32>>,
    /// Entries as they are stored, with when that was.
    journal: Vec<Vec<(i64, &'static str, Vec<u8>)>>,
    saved_offsets: BTreeMap<i32, i64>,
    saved_done: Vec<i64>,
    saved_ms: i64,
}

#[derive(Debug)]
struct PaperBroker {
    disk: Disk,
    state: InFlight,
    offsets: BTreeMap<i32, i64>,
    now_ms: i64,
    next_journal: usize,
}

impl PaperBroker {
    fn new() -> Self {
        let journal = vec![Vec::new(); JOURNAL_QUEUES];
        let disk = Disk { journal, saved_done: vec![-1; JOURNAL_QUEUES], ..Disk::default() };
        PaperBroker { disk, state: InFlight::default(), offsets: BTreeMap::new(), now_ms: 1_000, next_journal: 0 }
    }

    fn append(&mut self, queue: i32, entry: &Entry) -> JournalPosition {
        let journal = &mut self.disk.journal[queue as usize];
        journal.push((self.now_ms, entry.tag(), entry.encode("b").to_vec()));
        let at = JournalPosition { queue, offset: journal.len() as i64 - 1 };
        self.state.note(at);
        at
    }

    fn pop(&mut self, queue: i32, max: usize) -> Vec<Held> {
        // Two POPs at one moment differ in where they begin; a clock that stands still is not the point here.
        self.now_ms += 1;
        let start = self.offsets.get(&queue).copied().unwrap_or(0);
        let log = self.disk.queues.entry(queue).or_default();
        let next = (start + max as i64).min(log.len() as i64);
        let offsets: Vec<i64> = (start..next).collect();
        let messages: Vec<u32> = offsets.iter().map(|offset| log[*offset as usize]).collect();
        if offsets.is_empty() {
            return Vec::new();
        }
        let taken = Checkpoint {
            place: place(queue),
            start,
            pop_ms: self.now_ms,
            invisible_ms: INVISIBLE_MS,
            offsets: offsets.clone(),
            suspended: false,
            holder: None,
        };
        self.next_journal = (self.next_journal + 1) % JOURNAL_QUEUES;
        let at = self.append(self.next_journal as i32, &Entry::Checkpoint(taken.clone()));
        self.state.take(&taken, at);
        self.offsets.insert(queue, next);
        let key = DeliveryKey { place: place(queue), start, pop_ms: self.now_ms };
        let held = |(offset, message): (&i64, &u32)| Held {
            message: *message,
            key: key.clone(),
            offset: *offset,
            due_ms: taken.due_ms(),
        };
        offsets.iter().zip(&messages).map(held).collect()
    }

    fn ack(&mut self, key: &DeliveryKey, offsets: &[i64]) -> usize {
        let known: Vec<i64> =
            offsets.iter().copied().filter(|offset| self.state.find(key, *offset).is_some()).collect();
        let Some(queue) = known.first().and_then(|offset| self.state.find(key, *offset)).map(|known| known.at.queue)
        else {
            return 0;
        };
        self.append(queue, &Entry::Ack { key: key.clone(), offsets: known.clone() });
        known.iter().filter(|offset| self.state.acknowledge(key, **offset)).count()
    }

    /// Hides a message until another time; with `crash` the broker stops when the journal has the entry, and nothing else.
    fn change(&mut self, held: &Held, invisible_ms: i64, crash: bool) -> Option<Held> {
        let delivery = self.state.find(&held.key, held.offset)?.clone();
        let changed = Checkpoint {
            place: held.key.place.clone(),
            start: held.offset,
            pop_ms: self.now_ms.max(delivery.pop_ms + 1),
            invisible_ms,
            offsets: vec![held.offset],
            suspended: false,
            holder: None,
        };
        let at = self.append(delivery.at.queue, &Entry::Checkpoint(changed.clone()));
        if !crash {
            self.state.take(&changed, at);
            self.append(delivery.at.queue, &Entry::Ack { key: held.key.clone(), offsets: vec![held.offset] });
        }
        let key = DeliveryKey { place: changed.place.clone(), start: changed.start, pop_ms: changed.pop_ms };
        Some(Held { key, due_ms: changed.due_ms(), ..held.clone() })
    }

    /// Hides a message for longer, under the same handle.
    fn prolong(&mut self, held: &Held, ms: i64, crash: bool) -> Option<Held> {
        let delivery = self.state.find(&held.key, held.offset)?.clone();
        let due_ms = delivery.due_ms + ms;
        let longer = Checkpoint {
            place: held.key.place.clone(),
            start: delivery.start,
            pop_ms: delivery.pop_ms,
            invisible_ms: due_ms - delivery.pop_ms,
            offsets: vec![held.offset],
            suspended: false,
            holder: Some(Holder::new("client".into())),
        };
        let at = self.append(delivery.at.queue, &Entry::Checkpoint(longer.clone()));
        if !crash {
            self.state.take(&longer, at);
        }
        Some(Held { due_ms, ..held.clone() })
    }

    /// What is held is what the deliveries say.
    fn holds_what_it_says(&self) -> bool {
        let all = self.state.due(i64::MAX, usize::MAX);
        let held: Vec<_> = all.into_iter().filter(|due| due.delivery.holder.is_some()).collect();
        let mut of_client = self.state.held_by("client");
        of_client.sort_by_key(|due| (due.delivery.due_ms, due.place.clone(), due.offset));
        self.state.held(i64::MAX, usize::MAX) == held && of_client == held
    }

    /// Delivers again what is due; stops after `crash` messages in the middle of one.
    fn revive(&mut self, crash: Option<usize>) {
        for (index, due) in self.state.due(self.now_ms, 100).into_iter().enumerate() {
            let message = self.disk.queues[&due.place.queue][due.offset as usize];
            self.disk.queues.entry(QUEUES).or_default().push(message);
            if crash == Some(index) {
                return self.restart();
            }
            let key = DeliveryKey { place: due.place, start: due.delivery.start, pop_ms: due.delivery.pop_ms };
            self.ack(&key, &[due.offset]);
        }
        if crash.is_some() {
            self.restart();
        }
    }

    /// The last copy may lack its note in the journal.
    fn complete(&mut self) {
        let Some((tail, at)) =
            self.disk.queues.get(&QUEUES).and_then(|copies| Some((*copies.last()?, copies.len() - 1)))
        else {
            return;
        };
        for due in self.state.due(self.now_ms, usize::MAX) {
            let message = self.disk.queues[&due.place.queue][due.offset as usize];
            if message == tail && (due.place.queue, due.offset) != (QUEUES, at as i64) {
                let key = DeliveryKey { place: due.place, start: due.delivery.start, pop_ms: due.delivery.pop_ms };
                self.ack(&key, &[due.offset]);
            }
        }
    }

    fn rewrite(&mut self) {
        for (at, checkpoint) in self.state.lagging(3) {
            let again = self.append(at.queue, &Entry::Checkpoint(checkpoint.clone()));
            self.state.take(&checkpoint, again);
        }
    }

    fn save(&mut self) {
        self.disk.saved_offsets = self.offsets.clone();
        self.disk.saved_done = (0..JOURNAL_QUEUES as i32).map(|queue| self.state.done(queue)).collect();
        self.disk.saved_ms = self.now_ms;
        // What comes afterwards is told apart by its time.
        self.now_ms += 1;
    }

    fn restart(&mut self) {
        self.state = InFlight::default();
        self.offsets = self.disk.saved_offsets.clone();
        for queue in 0..JOURNAL_QUEUES {
            let next = self.disk.saved_done[queue] + 1;
            self.state.follow(queue as i32, next);
            for (offset, (stored_ms, tag, json)) in self.disk.journal[queue].iter().enumerate().skip(next as usize) {
                let at = JournalPosition { queue: queue as i32, offset: offset as i64 };
                match Entry::decode(tag, json).unwrap() {
                    Entry::Checkpoint(checkpoint) => {
                        let last = checkpoint.offsets.iter().max().unwrap() + 1;
                        let known = self.offsets.entry(checkpoint.place.queue).or_default();
                        if *stored_ms >= self.disk.saved_ms {
                            *known = last.max(*known);
                        }
                        self.state.take(&checkpoint, at);
                    }
                    Entry::Ack { key, offsets } => {
                        for offset in offsets {
                            if !self.state.acknowledge(&key, offset) {
                                self.state.acknowledge_early(key.clone(), offset, i64::MAX);
                            }
                        }
                    }
                    Entry::Order(_) => unreachable!("not written here"),
                }
                self.state.note(at);
            }
        }
        self.state.forget_early(i64::MAX);
        self.complete();
    }
}

/// The naive model: who holds which handle of which message, and which messages are done.
#[derive(Debug, Default)]
struct Model {
    held: Vec<Held>,
    done: BTreeSet<u32>,
    sent: u32,
}

impl Model {
    /// A POP delivered messages: none of them may be done, or held under a handle that is still valid.
    fn delivered(&mut self, held: Vec<Held>, now_ms: i64) -> Result<(), TestCaseError> {
        for new in held {
            prop_assert!(!self.done.contains(&new.message), "message {} is done", new.message);
            let valid = self.held.iter().find(|held| held.message == new.message && held.due_ms > now_ms);
            prop_assert!(valid.is_none(), "message {} is delivered again, while {valid:?} is valid", new.message);
            self.held.retain(|held| held.message != new.message);
            self.held.push(new);
        }
        Ok(())
    }

    fn choose(&self, index: usize) -> Option<Held> {
        self.held.get(index % self.held.len().max(1)).cloned()
    }

    fn valid(&self, held: &Held, now_ms: i64) -> bool {
        held.due_ms > now_ms
    }
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut broker, mut model) = (PaperBroker::new(), Model::default());
    for step in steps {
        match step.clone() {
            Step::Send { queue, count } => {
                for _ in 0..count {
                    broker.disk.queues.entry(queue).or_default().push(model.sent);
                    model.sent += 1;
                }
            }
            Step::Pop { queue, max } => {
                let held = broker.pop(queue, max);
                model.delivered(held, broker.now_ms)?;
            }
            Step::PopRetries { max } => {
                let held = broker.pop(QUEUES, max);
                model.delivered(held, broker.now_ms)?;
            }
            Step::Ack { index } => {
                let Some(held) = model.choose(index) else { continue };
                let acked = broker.ack(&held.key, &[held.offset]);
                prop_assert!(acked == 1 || !model.valid(&held, broker.now_ms), "{held:?} is valid and was not taken");
                if acked == 1 {
                    model.done.insert(held.message);
                    model.held.retain(|other| other.message != held.message);
                }
            }
            Step::AckStale { index } => {
                let Some(held) = model.choose(index) else { continue };
                let wrong = DeliveryKey { pop_ms: held.key.pop_ms - 1, ..held.key.clone() };
                let before = broker.state.len();
                prop_assert_eq!(broker.ack(&wrong, &[held.offset]), 0);
                prop_assert_eq!(broker.ack(&held.key, &[held.offset + 1_000]), 0);
                prop_assert_eq!(broker.state.len(), before);
            }
            Step::BatchAck { indices } => {
                let Some(first) = indices.first().and_then(|index| model.choose(*index)) else { continue };
                let of_pop: Vec<Held> = model.held.iter().filter(|held| held.key == first.key).cloned().collect();
                let offsets: Vec<i64> = of_pop.iter().map(|held| held.offset).collect();
                let is_known = |held: &Held| broker.state.find(&held.key, held.offset).is_some();
                let known: Vec<u32> = of_pop.iter().filter(|held| is_known(held)).map(|held| held.message).collect();
                // Those of one POP need not be due at one time: some may have been prolonged.
                let lost = of_pop.iter().find(|held| model.valid(held, broker.now_ms) && !is_known(held)).cloned();
                prop_assert!(lost.is_none(), "{lost:?} is valid and not known");
                let acked = broker.ack(&first.key, &offsets);
                prop_assert_eq!(acked, known.len());
                model.held.retain(|held| !known.contains(&held.message));
                model.done.extend(known);
            }
            Step::Change { index, invisible_ms, crash } => {
                let Some(held) = model.choose(index) else { continue };
                let was_valid = model.valid(&held, broker.now_ms);
                let changed = broker.change(&held, invisible_ms, crash);
                prop_assert!(changed.is_some() || !was_valid, "{held:?} is valid and was not changed");
                if let Some(changed) = changed {
                    model.held.retain(|other| other.message != changed.message);
                    model.held.push(changed);
                }
                if crash {
                    broker.restart();
                }
            }
            Step::Prolong { index, ms, crash } => {
                let Some(held) = model.choose(index) else { continue };
                let was_valid = model.valid(&held, broker.now_ms);
                let longer = broker.prolong(&held, ms, crash);
                prop_assert!(longer.is_some() || !was_valid, "{held:?} is valid and was not prolonged");
                if let Some(longer) = longer {
                    model.held.retain(|other| other.message != longer.message);
                    model.held.push(longer);
                }
                if crash {
                    broker.restart();
                }
                prop_assert!(broker.holds_what_it_says());
            }
            Step::Wait { ms } => broker.now_ms += ms,
            Step::Revive { crash } => broker.revive(crash),
            Step::Rewrite => broker.rewrite(),
            Step::Save => broker.save(),
            Step::Restart => broker.restart(),
        }
    }
    drain(&mut broker, &mut model)
}

/// Pops and acknowledges until there is nothing left: by then each message is done, each once.
fn drain(broker: &mut PaperBroker, model: &mut Model) -> Result<(), TestCaseError> {
    broker.restart();
    for _ in 0..3 {
        broker.now_ms += 10_000;
        broker.revive(None);
        for queue in 0..=QUEUES {
            loop {
                let held = broker.pop(queue, 32);
                if held.is_empty() {
                    break;
                }
                model.delivered(held.clone(), broker.now_ms)?;
                for held in held {
                    prop_assert_eq!(broker.ack(&held.key, &[held.offset]), 1);
                    model.done.insert(held.message);
                }
            }
        }
    }
    let lost: Vec<u32> = (0..model.sent).filter(|message| !model.done.contains(message)).collect();
    prop_assert!(lost.is_empty(), "lost: {lost:?}");
    prop_assert!(broker.state.is_empty());
    for queue in 0..JOURNAL_QUEUES {
        prop_assert_eq!(broker.state.done(queue as i32), broker.disk.journal[queue].len() as i64 - 1);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_comes_twice_while_its_handle_is_valid(steps in prop::collection::vec(step(), 1..80)) {
        run(&steps)?;
    }
}
