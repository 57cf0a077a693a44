use super::*;
use proptest::prelude::*;

fn place() -> Place {
    Place::new("t", "g", 0)
}

fn pop(attempt: &str, pop_ms: i64) -> OrderedPop<'_> {
    OrderedPop { attempt: Some(attempt), pop_ms, invisible_ms: 100, holder: None }
}

#[test]
fn a_queue_is_closed_until_all_is_acknowledged_or_the_time_is_up() {
    let mut table = OrderTable::default();
    assert_eq!(table.take(&place(), &pop("a", 10), &[5, 6, 8], 10), DeliveryCounts { counts: vec![], least: 0 });
    assert!(table.is_blocked(&place(), Some("b"), 109));
    assert!(!table.is_blocked(&place(), Some("a"), 11), "the same attempt came again");
    assert!(!table.is_blocked(&place(), Some("b"), 110));
    assert_eq!(table.acknowledge(&place(), 6, 10), Committed::Next(5));
    assert_eq!(table.acknowledge(&place(), 5, 10), Committed::Next(8));
    assert_eq!(table.acknowledge(&place(), 7, 10), Committed::Unknown);
    assert_eq!(table.acknowledge(&place(), 8, 9), Committed::Stale);
    assert!(table.is_blocked(&place(), None, 11));
    assert_eq!(table.acknowledge(&place(), 8, 10), Committed::Next(9));
    assert!(!table.is_blocked(&place(), None, 11));
}

#[test]
fn deliveries_are_counted_by_message() {
    let mut table = OrderTable::default();
    table.take(&place(), &pop("a", 0), &[5, 6], 0);
    let again = table.take(&place(), &pop("b", 200), &[5, 6, 7], 200);
    assert_eq!(again, DeliveryCounts { counts: vec![(5, 1), (6, 1)], least: 0 });
    let third = table.take(&place(), &pop("c", 400), &[5, 6, 7], 400);
    assert_eq!(third, DeliveryCounts { counts: vec![(5, 2), (6, 2), (7, 1)], least: 1 });
    let same = table.take(&place(), &pop("c", 401), &[5, 6, 7], 401);
    assert_eq!(same, third, "the same attempt does not count again");
}

#[test]
fn a_changed_time_opens_the_queue_sooner_or_later() {
    let mut table = OrderTable::default();
    table.take(&place(), &pop("a", 0), &[5, 6], 0);
    assert!(!table.change(&place(), 5, 1, 500), "a handle of another delivery");
    assert!(table.change(&place(), 5, 0, 500));
    assert_eq!(table.acknowledge(&place(), 6, 0), Committed::Next(5));
    assert!(table.opened(499).is_empty());
    assert_eq!(table.opened(500), [place()]);
    assert!(table.opened(9999).is_empty(), "once");
}

#[test]
fn a_queue_opens_when_the_last_of_those_that_are_left_is_visible() {
    let mut table = OrderTable::default();
    table.take(&place(), &pop("a", 0), &[5, 6, 7], 0);
    assert!(table.change(&place(), 6, 0, 50));
    assert_eq!(table.acknowledge(&place(), 5, 0), Committed::Next(6));
    assert_eq!(table.acknowledge(&place(), 7, 0), Committed::Next(6));
    assert!(table.opened(49).is_empty());
    assert_eq!(table.opened(50), [place()], "not only when the acknowledged ones would be visible");
}

#[test]
fn the_file_is_the_one_that_java_writes() {
    let java = r#"{"table":{"t@g":{0:{"a":"x","cm":1,"i":100,"l":7,"o":[5,1],"oc":{5:2},"ot":{5:900},"popTime":7}}}}"#;
    let file: OrderFile = bolide_remoting::body::decode(java.as_bytes()).unwrap();
    let mut table = OrderTable::default();
    table.restore(file.clone());
    assert!(table.changed(8).is_none());
    let info = table.get(&place()).unwrap();
    assert_eq!(info.messages().collect::<Vec<_>>(), [5, 6]);
    table.touch();
    assert_eq!(table.changed(8), Some(file));
}

#[derive(Debug, Clone)]
enum Step {
    Pop(u8),
    Ack(usize),
    Change(usize, i64),
    Wait(i64),
    Save,
    Stop,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..5u8).prop_map(Step::Pop),
        8 => (0..5usize).prop_map(Step::Ack),
        2 => (0..5usize, 1..300i64).prop_map(|(index, ms)| Step::Change(index, ms)),
        4 => (1..150i64).prop_map(Step::Wait),
        2 => Just(Step::Save),
        1 => Just(Step::Stop),
        2 => Just(Step::Kill),
    ]
}

/// A table with what outlives it: the file as it was saved last, and the journal's entries since then.
#[derive(Default)]
struct World {
    table: OrderTable,
    file: bytes::Bytes,
    journal: Vec<Option<OrderInfo>>,
}

impl World {
    /// What the broker does with each change before it answers.
    fn note(&mut self) {
        self.journal.push(self.table.get(&place()).cloned());
    }

    fn save(&mut self, now_ms: i64) {
        if let Some(file) = self.table.changed(now_ms) {
            self.file = bolide_remoting::body::encode(&file);
        }
        self.journal.clear();
    }

    fn restart(&mut self) {
        self.table = OrderTable::default();
        if !self.file.is_empty() {
            self.table.restore(bolide_remoting::body::decode(&self.file).unwrap());
        }
        for info in &self.journal {
            self.table.put(place(), info.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// The naive model: what was delivered last, until when each message is hidden, and which are done.
    #[test]
    fn no_message_overtakes_another(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::default();
        let (mut now, mut offset, mut popped) = (1i64, 0i64, 0i64);
        let mut held: Vec<(i64, i64, bool)> = Vec::new();
        for step in steps {
            let blocked = held.iter().any(|(_, until, done)| !done && *until > now);
            prop_assert_eq!(world.table.is_blocked(&place(), None, now), blocked);
            match step {
                Step::Pop(count) if !blocked => {
                    let offsets: Vec<i64> = (offset..offset + i64::from(count)).collect();
                    world.table.take(&place(), &OrderedPop { attempt: None, ..pop("", now) }, &offsets, now);
                    world.note();
                    held = offsets.iter().map(|offset| (*offset, now + 100, false)).collect();
                    popped = now;
                }
                Step::Ack(index) if index < held.len() => {
                    held[index].2 = true;
                    let next = held.iter().find(|held| !held.2).map_or(held[held.len() - 1].0 + 1, |held| held.0);
                    prop_assert_eq!(world.table.acknowledge(&place(), held[index].0, popped), Committed::Next(next));
                    world.note();
                    offset = offset.max(next);
                }
                Step::Change(index, ms) if index < held.len() => {
                    held[index].1 = now + ms;
                    prop_assert!(world.table.change(&place(), held[index].0, popped, now + ms));
                    world.note();
                }
                Step::Wait(ms) => now += ms,
                Step::Save => world.save(now),
                Step::Stop => {
                    world.save(now);
                    world.restart();
                }
                Step::Kill => world.restart(),
                _ => {}
            }
        }
    }
}
