use super::*;
use proptest::prelude::*;

fn queue(queue_id: i32) -> LockedQueue {
    LockedQueue { topic: "orders".into(), broker_name: "broker-a".into(), queue_id }
}

#[test]
fn a_held_queue_is_refused_until_it_expires_or_is_released() {
    let mut locks = QueueLocks::default();
    assert_eq!(locks.lock("g", "one", vec![queue(0), queue(1)], 0), [queue(0), queue(1)]);
    assert_eq!(locks.lock("g", "two", vec![queue(0)], LOCK_LIFE_MS), []);
    locks.unlock("g", "two", &[queue(0)]);
    assert_eq!(locks.lock("g", "two", vec![queue(0)], LOCK_LIFE_MS), []);
    locks.unlock("g", "one", &[queue(0)]);
    assert_eq!(locks.lock("g", "two", vec![queue(0)], LOCK_LIFE_MS), [queue(0)]);
    assert_eq!(locks.lock("g", "two", vec![queue(1)], LOCK_LIFE_MS + 1), [queue(1)]);
    assert!(locks.is_any_held("g", LOCK_LIFE_MS + 1));
    assert!(!locks.is_any_held("other", 0));
}

#[test]
fn groups_do_not_disturb_each_other() {
    let mut locks = QueueLocks::default();
    assert_eq!(locks.lock("g", "one", vec![queue(0)], 0).len(), 1);
    assert_eq!(locks.lock("h", "two", vec![queue(0)], 0).len(), 1);
}

/// One step of a random history over three clients, two groups and four queues.
#[derive(Debug, Clone)]
enum Step {
    Lock { group: usize, client: u8, queues: Vec<i32> },
    Unlock { group: usize, client: u8, queues: Vec<i32> },
    Wait { ms: i64 },
    Sweep,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let who = (0..2usize, 0..3u8, prop::collection::btree_set(0..4i32, 1..4));
    prop_oneof![
        6 => who.clone().prop_map(|(group, client, queues)| Step::Lock { group, client, queues: queues.into_iter().collect() }),
        3 => who.prop_map(|(group, client, queues)| Step::Unlock { group, client, queues: queues.into_iter().collect() }),
        3 => prop_oneof![1..70_000i64, Just(LOCK_LIFE_MS), Just(1i64)].prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Sweep),
        1 => Just(Step::Restart),
    ]
}

/// The naive model: for each queue of a group, who took it last and when.
#[derive(Default)]
struct Model([[Option<(u8, i64)>; 4]; 2]);

impl Model {
    fn is_held(since: i64, now: i64) -> bool {
        now - since <= LOCK_LIFE_MS
    }

    /// Answers what the client has then.
    fn lock(&mut self, group: usize, client: u8, queues: &[i32], now: i64) -> Vec<LockedQueue> {
        let mut locked = Vec::new();
        for &id in queues {
            let holder = &mut self.0[group][id as usize];
            if holder.is_none_or(|(owner, since)| owner == client || !Self::is_held(since, now)) {
                *holder = Some((client, now));
                locked.push(queue(id));
            }
        }
        locked
    }

    fn unlock(&mut self, group: usize, client: u8, queues: &[i32]) {
        for &id in queues {
            self.0[group][id as usize].take_if(|(owner, _)| *owner == client);
        }
    }

    fn is_any_held(&self, group: usize, now: i64) -> bool {
        self.0[group].iter().flatten().any(|(_, since)| Self::is_held(*since, now))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Locks do not outlive the broker: whoever comes first after a restart has the queue.
    #[test]
    fn no_two_clients_ever_hold_one_queue(steps in prop::collection::vec(step(), 1..60)) {
        const GROUPS: [&str; 2] = ["g", "h"];
        let (mut locks, mut model) = (QueueLocks::default(), Model::default());
        let mut now = 0;
        for step in steps {
            match step {
                Step::Lock { group, client, queues } => {
                    let asked = queues.iter().map(|id| queue(*id)).collect();
                    let got = locks.lock(GROUPS[group], &client.to_string(), asked, now);
                    prop_assert_eq!(got, model.lock(group, client, &queues, now));
                }
                Step::Unlock { group, client, queues } => {
                    let named: Vec<_> = queues.iter().map(|id| queue(*id)).collect();
                    locks.unlock(GROUPS[group], &client.to_string(), &named);
                    model.unlock(group, client, &queues);
                }
                Step::Wait { ms } => now += ms,
                Step::Sweep => {
                    locks.remove_expired(now);
                    let held: usize = locks.groups.values().map(HashMap::len).sum();
                    let expected = model.0.iter().flatten().flatten().filter(|(_, since)| Model::is_held(*since, now));
                    prop_assert_eq!(held, expected.count());
                }
                Step::Restart => (locks, model) = (QueueLocks::default(), Model::default()),
            }
            for (group, name) in GROUPS.iter().enumerate() {
                prop_assert_eq!(locks.is_any_held(name, now), model.is_any_held(group, now));
            }
        }
    }
}
