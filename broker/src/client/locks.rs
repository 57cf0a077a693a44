//! Queue locks: which client of a group may consume a queue in order (requests 41 and 42). A plain state machine; the caller says
//! what time it is. A lock lives for sixty seconds after its last renewal, so that a client that vanished blocks a queue no longer.

use std::collections::HashMap;

/// How long a lock is valid after it was taken or renewed, in milliseconds. Java clients renew every 20 s.
pub const LOCK_LIFE_MS: i64 = 60_000;

/// The queue that a lock is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockedQueue {
    /// Topic of the queue.
    pub topic: String,
    /// Name of the broker that the client believes to own the queue.
    pub broker_name: String,
    /// Number of the queue.
    pub queue_id: i32,
}

#[derive(Debug)]
struct Lock {
    client_id: String,
    renewed_ms: i64,
}

impl Lock {
    fn is_expired(&self, now_ms: i64) -> bool {
        now_ms - self.renewed_ms > LOCK_LIFE_MS
    }
}

/// All queue locks of one broker, by consumer group.
#[derive(Debug, Default)]
pub struct QueueLocks {
    groups: HashMap<String, HashMap<LockedQueue, Lock>>,
}

impl QueueLocks {
    /// Locks or renews each of `queues` for the client; answers those that it holds now.
    pub fn lock(&mut self, group: &str, client_id: &str, queues: Vec<LockedQueue>, now_ms: i64) -> Vec<LockedQueue> {
        let held = self.groups.entry(group.to_owned()).or_default();
        let mut locked = Vec::with_capacity(queues.len());
        for queue in queues {
            let free = held.get(&queue).is_none_or(|lock| lock.client_id == client_id || lock.is_expired(now_ms));
            if free {
                held.insert(queue.clone(), Lock { client_id: client_id.to_owned(), renewed_ms: now_ms });
                locked.push(queue);
            }
        }
        locked
    }

    /// Releases those of `queues` that the client holds; others are left alone.
    pub fn unlock(&mut self, group: &str, client_id: &str, queues: &[LockedQueue]) {
        let Some(held) = self.groups.get_mut(group) else {
            return;
        };
        for queue in queues {
            if held.get(queue).is_some_and(|lock| lock.client_id == client_id) {
                held.remove(queue);
            }
        }
        if held.is_empty() {
            self.groups.remove(group);
        }
    }

    /// Forgets locks that nobody renewed, so that the table is as small as the set of live ordered consumers.
    pub fn remove_expired(&mut self, now_ms: i64) {
        self.groups.retain(|_, held| {
            held.retain(|_, lock| !lock.is_expired(now_ms));
            !held.is_empty()
        });
    }

    /// Whether some member of the group holds a valid lock, that is, whether the group consumes in order.
    pub fn is_any_held(&self, group: &str, now_ms: i64) -> bool {
        self.groups.get(group).is_some_and(|held| held.values().any(|lock| !lock.is_expired(now_ms)))
    }
}

#[cfg(test)]
mod tests {
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

    /// One step of a random history over three clients, one group and four queues.
    #[derive(Debug, Clone)]
    enum Step {
        Lock { client: u8, queue: i32 },
        Unlock { client: u8, queue: i32 },
        Wait { ms: i64 },
        Sweep,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..3u8, 0..4i32).prop_map(|(client, queue)| Step::Lock { client, queue }),
            2 => (0..3u8, 0..4i32).prop_map(|(client, queue)| Step::Unlock { client, queue }),
            2 => (0..70_000i64).prop_map(|ms| Step::Wait { ms }),
            1 => Just(Step::Sweep),
        ]
    }

    proptest! {
        /// The naive model: for each queue, who took it last and when.
        #[test]
        fn no_two_clients_ever_hold_one_queue(steps in prop::collection::vec(step(), 1..60)) {
            let mut locks = QueueLocks::default();
            let mut model: [Option<(u8, i64)>; 4] = [None; 4];
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Lock { client, queue: id } => {
                        let holder = &mut model[id as usize];
                        let expected = holder.is_none_or(|(owner, since)| owner == client || now - since > LOCK_LIFE_MS);
                        if expected { *holder = Some((client, now)); }
                        let got = locks.lock("g", &client.to_string(), vec![queue(id)], now);
                        prop_assert_eq!(got.len(), usize::from(expected));
                    }
                    Step::Unlock { client, queue: id } => {
                        let holder = &mut model[id as usize];
                        if holder.is_some_and(|(owner, _)| owner == client) { *holder = None; }
                        locks.unlock("g", &client.to_string(), &[queue(id)]);
                    }
                    Step::Wait { ms } => now += ms,
                    Step::Sweep => {
                        locks.remove_expired(now);
                        for holder in &mut model {
                            if holder.is_some_and(|(_, since)| now - since > LOCK_LIFE_MS) { *holder = None; }
                        }
                    }
                }
                let any = model.iter().flatten().any(|(_, since)| now - since <= LOCK_LIFE_MS);
                prop_assert_eq!(locks.is_any_held("g", now), any);
            }
        }
    }
}
