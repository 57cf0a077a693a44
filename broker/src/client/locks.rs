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
mod tests;
